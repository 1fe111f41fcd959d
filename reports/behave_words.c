/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_words.c - findings about behaviour in the words of a person on call
 */
#include <math.h>
#include <string.h>

#include "reports/behave_internal.h"
#include "reports/digest_internal.h"

enum { HOSTS_NAMED = 4, FAILED_LEAST = 5 };

static const char *retry_headline(const struct fl_behave_finding *f)
{
	if (f->retry.unclear)
		return "retries, pauses not known";
	switch (f->retry.class) {
	case FL_RETRY_NONE:
		return "no retries";
	case FL_RETRY_IMMEDIATE:
		return "retries without backoff";
	case FL_RETRY_FIXED:
		return f->retry.jitter ? "retries, fixed pause with jitter" : "retries, fixed pause";
	case FL_RETRY_LINEAR:
		return f->retry.jitter ? "retries, linear backoff with jitter" : "retries, linear backoff";
	case FL_RETRY_EXPONENTIAL:
		return f->retry.jitter ? "retries, exponential backoff with jitter"
				       : "retries, exponential backoff";
	case FL_RETRY_IRREGULAR:
	case FL_RETRY_UNKNOWN:
		break;
	}
	return "retries, irregular pauses";
}

const char *fl_behave_headline(const struct fl_behave_finding *f)
{
	static const char *const growing[] = { "work in flight grows", "rate grows", "answers get slower" };
	switch (f->kind) {
	case FL_BEHAVE_STALL:
		return "stall: work piled up";
	case FL_BEHAVE_OUTAGE:
		if (f->passed_on != NULL)
			return "failures passed on";
		return isnan(f->surfaced) ? "outage" : "outage that surfaced";
	case FL_BEHAVE_RETRY:
		return retry_headline(f);
	case FL_BEHAVE_SILENT_FAILURE:
		return f->masked_by_retries ? "failures made good by retries" : "silent failure";
	case FL_BEHAVE_TREND:
		return growing[f->quantity];
	case FL_BEHAVE_FAN_OUT:
		return isnan(f->ratio_before) ? "many calls per request"
					      : "more calls per request than before";
	case FL_BEHAVE_TIMEOUT:
		return f->connect ? "connect timeout" : "response timeout";
	case FL_BEHAVE_FAILOVER:
		return f->confirmed ? "fail-over works" : "no fail-over";
	case FL_BEHAVE_COUNT:
		break;
	}
	return "";
}

const char *fl_behave_where(struct fl_arena *a, const struct fl_behave_finding *f)
{
	if (f->from == NULL)
		return fl_arena_printf(a, "(clients outside) > %s", fl_say_id(a, f->to));
	if (f->replica_count > 1)
		return fl_arena_printf(a, "%s (%zu replicas) > %s", fl_say_id(a, f->from), f->replica_count,
			fl_say_id(a, f->to));
	return fl_arena_printf(a, "%s > %s", fl_say_id(a, f->from), fl_say_id(a, f->to));
}

const char *fl_behave_when(struct fl_arena *a, const struct fl_behave_finding *f)
{
	return fl_say_span(a, f->start_ns, f->end_ns);
}

const char *fl_behave_evidence(struct fl_arena *a, const struct fl_behave_finding *f)
{
	const char *names[HOSTS_NAMED];
	for (size_t i = 0; i < f->host_count && i < HOSTS_NAMED; i++)
		names[i] = fl_say_name(a, f->hosts[i]);
	const char *counts = f->attempts == 0 ? ""
					      : fl_arena_printf(a, "%s, %s failed; ",
							fl_say_count(a, f->attempts, "attempt", "attempts"),
							fl_arena_count(a, f->failures));
	return fl_arena_printf(a, "%s, seen at %s; %sconfidence %s", fl_behave_when(a, f),
		fl_say_list(a, names, f->host_count, HOSTS_NAMED), counts, fl_confidence_name(f->confidence));
}

const char *fl_behave_nothing(const struct fl_behave *b)
{
	return b->edge_count > b->without_facts ? "nothing out of the ordinary" : "nothing is known of behaviour";
}

const char **fl_behave_not_observed(struct fl_arena *a, const struct fl_behave *b)
{
	size_t retries = 0, undecided = 0, timeouts = 0, count = 0;
	const char **text = fl_arena_array(a, 5, sizeof(*text));
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct fl_behave_edge *e = &b->edges[i];
		bool untold = e->behaviour != NULL && e->retry.class == FL_RETRY_UNKNOWN && !e->retry.unclear;
		bool failed = untold && fl_outcomes_failed(e->behaviour) >= FAILED_LEAST;
		undecided += failed;
		retries += untold && !failed;
		timeouts += e->behaviour != NULL && isnan(e->connect_timeout.seconds) &&
			    isnan(e->response_timeout.seconds);
	}
	if (retries > 0)
		text[count++] = fl_arena_printf(a,
			"retries: not observed for %zu of %zu dependencies, as too few of their calls failed",
			retries, b->edge_count);
	if (undecided > 0)
		text[count++] = fl_arena_printf(a,
			"retries: not told for %zu of %zu dependencies: their calls failed, but which attempts are retries and which are new "
			"calls could not be seen",
			undecided, b->edge_count);
	if (timeouts > 0)
		text[count++] = fl_arena_printf(a,
			"timeouts: not observed for %zu of %zu dependencies, as nobody was seen to give up waiting for "
			"them",
			timeouts, b->edge_count);
	if (b->without_facts > 0)
		text[count++] = fl_arena_printf(a,
			"nothing is known of %zu of %zu dependencies: too little was seen, or their scans "
			"are from before "
			"behaviour was recorded",
			b->without_facts, b->edge_count);
	return text;
}
