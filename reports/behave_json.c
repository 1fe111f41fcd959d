/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_json.c - findings about behaviour and what is known of each edge, as JSON of the command and of
 * reports
 */
#include <math.h>

#include "faultline/units.h"
#include "reports/behave_internal.h"
#include "reports/inputs.h"

static void add_spread(cJSON *o, const char *key, const struct fl_spread *s)
{
	cJSON *spread = cJSON_AddObjectToObject(o, key);
	fl_json_add_u64(spread, "count", s->count);
	fl_json_add_double(spread, "min", s->min);
	fl_json_add_double(spread, "p10", s->p10);
	fl_json_add_double(spread, "p50", s->p50);
	fl_json_add_double(spread, "p90", s->p90);
	fl_json_add_double(spread, "max", s->max);
}

static void add_schedule(cJSON *o, const struct fl_retry_schedule *s)
{
	fl_json_add_string(o, "class", s->name);
	cJSON_AddBoolToObject(o, "jitter", s->jitter);
	if (s->attempts > 0)
		fl_json_add_u64(o, "attempts", s->attempts);
	else
		cJSON_AddNullToObject(o, "attempts");
	cJSON_AddBoolToObject(o, "attempts_at_least", s->attempts_at_least);
	cJSON *gaps = cJSON_AddArrayToObject(o, "gaps_s");
	for (size_t i = 0; i < s->gap_count; i++)
		cJSON_AddItemToArray(gaps, cJSON_CreateNumber(s->gaps_s[i]));
	fl_json_add_double(o, "factor", s->factor);
}

static void add_retry(cJSON *o, const struct fl_behave_finding *f)
{
	add_schedule(o, &f->retry);
	fl_json_add_u64(o, "calls", f->calls);
	fl_json_add_u64(o, "retried", f->retried);
	fl_json_add_double(o, "attempts_per_failed_call", f->retry.attempts_per_failed_call);
	fl_json_add_double(o, "amplification", f->amplification);
	fl_json_add_double(o, "load_ratio", f->load_ratio);
	fl_json_add_u64(o, "syn_retransmits", f->syn_retransmits);
}

static void add_stall(cJSON *o, const struct fl_behave_finding *f)
{
	cJSON *order = cJSON_AddArrayToObject(o, "order"), *spread = cJSON_AddArrayToObject(o, "spread");
	for (size_t i = 0; i < f->order_count; i++) {
		cJSON_AddItemToArray(order, cJSON_CreateString(f->order[i].id));
		cJSON *reached = fl_document_append(spread);
		fl_json_add_string(reached, "node", f->order[i].id);
		fl_json_add_double(reached, "after_s", f->order[i].after_s);
		fl_json_add_double(reached, "in_flight_peak", f->order[i].in_flight_peak);
		cJSON_AddBoolToObject(reached, "at_limit", f->order[i].at_limit);
	}
	fl_json_add_double(o, "in_flight_peak", f->in_flight_peak);
	fl_json_add_strings(o, "answered_others", f->answered_others, f->answered_other_count);
	fl_json_add_double(o, "duration_s", ((double)f->end_ns - (double)f->start_ns) / 1e9);
	fl_json_add_double(o, "drained_s", f->drained_s);
}

static void add_outage(cJSON *o, const struct fl_behave_finding *f)
{
	if (isnan(f->surfaced))
		cJSON_AddNullToObject(o, "surfaced");
	else
		cJSON_AddBoolToObject(o, "surfaced", f->kind == FL_BEHAVE_OUTAGE);
	fl_json_add_double(o, "surfaced_share", f->surfaced);
	fl_json_add_double(o, "delay_ratio", f->delay_ratio);
	cJSON_AddBoolToObject(o, "masked_by_retries", f->masked_by_retries);
	fl_json_add_string(o, "passed_on", f->passed_on);
}

static void add_trend(cJSON *o, const struct fl_behave_finding *f)
{
	fl_json_add_string(o, "quantity", fl_quantity_name(f->quantity));
	fl_json_add_string(o, "over", f->over_windows ? "windows" : "window");
	fl_json_add_double(o, "slope_per_s", f->slope_per_s);
	fl_json_add_double(o, "p", f->p);
	fl_json_add_double(o, "from_value", f->from_value);
	fl_json_add_double(o, "to_value", f->to_value);
	fl_json_add_double(o, "limit", f->limit);
	fl_json_add_string(o, "limit_kind", f->limit_kind);
	fl_json_add_double(o, "limit_in_s", f->limit_in_s);
	fl_json_add_strings(o, "inherited_by", f->inherited_by, f->inherited_count);
}

static void add_fan_out(cJSON *o, const struct fl_behave_finding *f)
{
	fl_json_add_double(o, "ratio", f->ratio);
	fl_json_add_double(o, "ratio_before", f->ratio_before);
	fl_json_add_double(o, "p", f->p);
}

static void add_details(cJSON *o, const struct fl_behave_finding *f)
{
	switch (f->kind) {
	case FL_BEHAVE_RETRY:
		add_retry(o, f);
		break;
	case FL_BEHAVE_TIMEOUT:
		fl_json_add_string(o, "phase", f->connect ? "connect" : "response");
		fl_json_add_double(o, "seconds", f->seconds);
		cJSON_AddBoolToObject(o, "sharp", f->sharp);
		add_spread(o, "spread", &f->spread);
		break;
	case FL_BEHAVE_FAILOVER:
		cJSON_AddBoolToObject(o, "confirmed", f->confirmed);
		break;
	case FL_BEHAVE_STALL:
		add_stall(o, f);
		break;
	case FL_BEHAVE_OUTAGE:
	case FL_BEHAVE_SILENT_FAILURE:
		add_outage(o, f);
		break;
	case FL_BEHAVE_TREND:
		add_trend(o, f);
		break;
	case FL_BEHAVE_FAN_OUT:
		add_fan_out(o, f);
		break;
	case FL_BEHAVE_COUNT:
		break;
	}
}

void fl_behave_json_finding(cJSON *list, const struct fl_behave_finding *f)
{
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "kind", fl_behave_kind_name(f->kind));
	fl_json_add_string(o, "from", f->from);
	fl_json_add_string(o, "to", f->to);
	fl_json_add_strings(o, "replicas", f->replicas, f->replica_count);
	fl_json_add_time(o, "start", f->start_ns);
	fl_json_add_time(o, "end", f->end_ns);
	fl_json_add_string(o, "confidence", fl_confidence_name(f->confidence));
	cJSON_AddBoolToObject(o, "uncaptured", f->uncaptured);
	fl_json_add_u64(o, "attempts_seen", f->attempts);
	fl_json_add_u64(o, "failures", f->failures);
	add_details(o, f);
	fl_json_add_strings(o, "hosts", f->hosts, f->host_count);
	fl_json_add_string(o, "why", f->why);
}

static void add_timeout(cJSON *o, const char *key, const struct fl_timeout *t, const struct fl_spread *waits)
{
	if (isnan(t->seconds)) {
		cJSON_AddNullToObject(o, key);
		return;
	}
	cJSON *timeout = cJSON_AddObjectToObject(o, key);
	fl_json_add_double(timeout, "seconds", t->seconds);
	cJSON_AddBoolToObject(timeout, "sharp", t->sharp);
	add_spread(timeout, "spread", waits);
}

void fl_behave_json_edge(cJSON *list, const struct fl_behave_edge *e)
{
	static const struct fl_spread none = { 0, NAN, NAN, NAN, NAN, NAN };
	const struct fl_behaviour *b = e->behaviour;
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "from", e->from);
	fl_json_add_string(o, "to", e->to);
	fl_json_add_strings(o, "replicas", e->replicas, e->replica_count);
	fl_json_add_string(o, "class", fl_class_name(e->dependency->class));
	fl_json_add_double(o, "fan_out", e->fan_out);
	cJSON *retry = cJSON_AddObjectToObject(o, "retry");
	add_schedule(retry, &e->retry);
	add_timeout(o, "connect_timeout", &e->connect_timeout, b != NULL ? &b->connect_timeout : &none);
	add_timeout(o, "response_timeout", &e->response_timeout, b != NULL ? &b->response_timeout : &none);
	fl_json_add_double(o, "longest_answer_s", e->longest_answer_s);
	if (b == NULL) {
		cJSON_AddNullToObject(o, "outcomes");
		return;
	}
	cJSON *outcomes = cJSON_AddObjectToObject(o, "outcomes");
	for (int i = 0; i < FL_OUTCOME_COUNT; i++)
		fl_json_add_u64(outcomes, fl_outcome_name((enum fl_outcome)i), b->outcome[i]);
}
