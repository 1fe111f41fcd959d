/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_behaviour.c - the behaviour of a dependency or service in a scan file
 *
 * A series is one list for each quantity, all from the same first bucket, zeros at the end left out. A spread is an object of its
 * five numbers. What was not observed is null, and what is read must be possible: spreads in order, intervals in order
 * and not reversed, a grid of a width that series have.
 */
#include "capture/scan_behaviour.h"

#include <math.h>
#include <string.h>

#include "capture/scan_reading.h"
#include "faultline/units.h"

static const char *const outcome_words[FL_OUTCOME_COUNT] = { "answered", "error", "refused", "connect-timeout",
							     "response-timeout", "reset", "undecided" };
static const char *const interval_words[] = { "stall", "outage" };

const char *fl_outcome_name(enum fl_outcome o)
{
	return outcome_words[o];
}

static int interval_parse(const char *word)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(interval_words); i++)
		if (strcmp(word, interval_words[i]) == 0)
			return (int)i;
	return -1;
}

/* ---- writing ---- */

static void emit_spread(struct fl_json_emit *e, const char *key, const struct fl_spread *s)
{
	if (s->count == 0 && key) {
		fl_json_emit_string(e, key, NULL);
		return;
	}
	fl_json_emit_object(e, key);
	fl_json_emit_u64(e, "count", s->count);
	fl_json_emit_double(e, "min", s->min);
	fl_json_emit_double(e, "p10", s->p10);
	fl_json_emit_double(e, "p50", s->p50);
	fl_json_emit_double(e, "p90", s->p90);
	fl_json_emit_double(e, "max", s->max);
	fl_json_emit_close(e);
}

/* Counts of the buckets at @offset, without the zeros at the end. */
static void emit_bucket_counts(struct fl_json_emit *e, const char *key, const struct fl_series *s, size_t offset)
{
	uint32_t list[FL_SERIES_BUCKETS];
	size_t used = 0;
	for (size_t i = 0; i < s->count; i++) {
		memcpy(&list[i], (const char *)&s->bucket[i] + offset, sizeof(list[i]));
		if (list[i])
			used = i + 1;
	}
	fl_json_emit_array(e, key, true);
	for (size_t i = 0; i < used; i++)
		fl_json_emit_u64(e, NULL, list[i]);
	fl_json_emit_close(e);
}

static void emit_bucket_seconds(struct fl_json_emit *e, const char *key, const struct fl_series *s, size_t offset)
{
	double list[FL_SERIES_BUCKETS];
	size_t used = 0;
	for (size_t i = 0; i < s->count; i++) {
		memcpy(&list[i], (const char *)&s->bucket[i] + offset, sizeof(list[i]));
		if (list[i] > 0)
			used = i + 1;
	}
	fl_json_emit_array(e, key, true);
	for (size_t i = 0; i < used; i++)
		fl_json_emit_double(e, NULL, list[i]);
	fl_json_emit_close(e);
}

static void emit_series(struct fl_json_emit *e, const struct fl_series *s)
{
	if (s->count == 0) {
		fl_json_emit_string(e, "series", NULL);
		return;
	}
	fl_json_emit_object(e, "series");
	fl_json_emit_time(e, "start", s->start_ns);
	fl_json_emit_double(e, "width_s", (double)s->width_ns / 1e9);
	fl_json_emit_u64(e, "buckets", s->count);
	emit_bucket_counts(e, "started", s, offsetof(struct fl_series_bucket, started));
	emit_bucket_counts(e, "answered", s, offsetof(struct fl_series_bucket, answered));
	emit_bucket_counts(e, "failed", s, offsetof(struct fl_series_bucket, failed));
	emit_bucket_counts(e, "in_flight_max", s, offsetof(struct fl_series_bucket, in_flight_max));
	emit_bucket_seconds(e, "in_flight_s", s, offsetof(struct fl_series_bucket, in_flight_s));
	emit_bucket_seconds(e, "answer_s", s, offsetof(struct fl_series_bucket, answer_s));
	fl_json_emit_close(e);
}

static void emit_counts(struct fl_json_emit *e, const char *key, const uint64_t *list, size_t n)
{
	while (n && !list[n - 1])
		n--;
	fl_json_emit_array(e, key, true);
	for (size_t i = 0; i < n; i++)
		fl_json_emit_u64(e, NULL, list[i]);
	fl_json_emit_close(e);
}

static void emit_retries(struct fl_json_emit *e, const struct fl_retries *r)
{
	size_t gaps = FL_GAPS_MAX;
	if (r->calls == 0) {
		fl_json_emit_string(e, "retries", NULL);
		return;
	}
	fl_json_emit_object(e, "retries");
	fl_json_emit_u64(e, "calls", r->calls);
	fl_json_emit_u64(e, "retried", r->retried);
	emit_counts(e, "recovered", r->recovered, FL_ATTEMPTS_MAX);
	emit_counts(e, "gave_up", r->gave_up, FL_ATTEMPTS_MAX);
	while (gaps && !r->gap[gaps - 1].count)
		gaps--;
	fl_json_emit_array(e, "gaps_s", false);
	for (size_t i = 0; i < gaps; i++)
		emit_spread(e, NULL, &r->gap[i]);
	fl_json_emit_close(e);
	fl_json_emit_u64(e, "other_address", r->other_address);
	fl_json_emit_double(e, "unexplained", r->unexplained);
	if (r->retried) {
		fl_json_emit_time(e, "first", r->first_ns);
		fl_json_emit_time(e, "last", r->last_ns);
	}
	fl_json_emit_close(e);
}

static void emit_intervals(struct fl_json_emit *e, const struct fl_behaviour *b)
{
	fl_json_emit_array(e, "intervals", false);
	for (size_t i = 0; i < b->interval_count; i++) {
		const struct fl_interval *v = &b->intervals[i];
		fl_json_emit_object(e, NULL);
		fl_json_emit_string(e, "kind", interval_words[v->kind]);
		fl_json_emit_time(e, "start", v->start_ns);
		fl_json_emit_time(e, "end", v->end_ns);
		fl_json_emit_u64(e, "attempts", v->attempts);
		fl_json_emit_u64(e, "failures", v->failures);
		fl_json_emit_u64(e, "in_flight_max", v->in_flight_max);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
}

static void emit_surfacing(struct fl_json_emit *e, const struct fl_surfacing *s)
{
	if (s->failed_calls == 0)
		return;
	fl_json_emit_object(e, "surfacing");
	fl_json_emit_u64(e, "failed_calls", s->failed_calls);
	fl_json_emit_u64(e, "surfaced_calls", s->surfaced_calls);
	fl_json_emit_u64(e, "late_calls", s->late_calls);
	fl_json_emit_u64(e, "others", s->others);
	fl_json_emit_u64(e, "other_failures", s->other_failures);
	fl_json_emit_u64(e, "other_late", s->other_late);
	fl_json_emit_double(e, "certainty", s->certainty);
	fl_json_emit_close(e);
}

void scan_emit_behaviour(struct fl_json_emit *e, const char *key, const struct fl_behaviour *b)
{
	if (!b)
		return;
	fl_json_emit_object(e, key);
	fl_json_emit_object(e, "outcomes");
	for (size_t i = 0; i < FL_OUTCOME_COUNT; i++)
		if (b->outcome[i])
			fl_json_emit_u64(e, outcome_words[i], b->outcome[i]);
	fl_json_emit_close(e);
	emit_retries(e, &b->retries);
	emit_spread(e, "connect_timeout_s", &b->connect_timeout);
	emit_spread(e, "response_timeout_s", &b->response_timeout);
	emit_intervals(e, b);
	fl_json_emit_u64(e, "in_flight_max", b->in_flight_max);
	fl_json_emit_double(e, "in_flight_plateau_s", b->in_flight_plateau_s);
	fl_json_emit_double(e, "calls_per_inbound", b->calls_per_inbound);
	fl_json_emit_double(e, "nested_share", b->nested_share);
	fl_json_emit_double(e, "coupling_p", b->coupling_p);
	emit_surfacing(e, &b->surfacing);
	emit_series(e, &b->series);
	fl_json_emit_close(e);
}

/* ---- reading ---- */

static void read_spread_item(struct reading *r, const cJSON *item, void *into)
{
	struct fl_spread *s = into;
	s->count = scan_read_count(r, item, "count");
	s->min = scan_read_double(r, item, "min", INFINITY);
	s->p10 = scan_read_double(r, item, "p10", INFINITY);
	s->p50 = scan_read_double(r, item, "p50", INFINITY);
	s->p90 = scan_read_double(r, item, "p90", INFINITY);
	s->max = scan_read_double(r, item, "max", INFINITY);
	if (s->count == 0)
		s->min = s->p10 = s->p50 = s->p90 = s->max = NAN;
	else if (!(s->min <= s->p10 && s->p10 <= s->p50 && s->p50 <= s->p90 && s->p90 <= s->max))
		reading_fail(r, "max", "not five numbers in ascending order");
}

static void read_spread(struct reading *r, const cJSON *object, const char *key, struct fl_spread *s)
{
	const cJSON *item = scan_read_object(r, object, key);
	size_t before = reading_enter(r, key, -1);
	*s = (struct fl_spread){ 0, NAN, NAN, NAN, NAN, NAN };
	if (item)
		read_spread_item(r, item, s);
	reading_leave(r, before);
}

/* Elements of a list of at most @max, 0 at failure; each is given to @put. */
static void read_list(struct reading *r, const cJSON *object, const char *key, size_t max, double most,
		      void (*put)(void *into, size_t i, double value), void *into)
{
	const cJSON *array = reading_member(object, key);
	size_t i = 0;
	if (array && !cJSON_IsArray(array))
		reading_fail(r, key, "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		double value = cJSON_IsNumber(e) ? e->valuedouble : -1;
		if (i >= max || !(value >= 0 && value <= most) || (most <= UINT32_MAX && floor(value) < value))
			reading_fail(r, key, "too many, or not numbers in their range");
		else
			put(into, i, value);
	}
}

static void put_count(void *into, size_t i, double value)
{
	((uint64_t *)into)[i] = (uint64_t)value;
}

struct column {
	struct fl_series_bucket *bucket;
	size_t offset;
};

static void put_bucket_count(void *into, size_t i, double value)
{
	const struct column *c = into;
	uint32_t count = (uint32_t)value;
	memcpy((char *)&c->bucket[i] + c->offset, &count, sizeof(count));
}

static void put_bucket_seconds(void *into, size_t i, double value)
{
	const struct column *c = into;
	memcpy((char *)&c->bucket[i] + c->offset, &value, sizeof(value));
}

/* Eighths of a second times a power of two; 0 otherwise. */
static int64_t width_of(double width_s)
{
	for (int64_t ns = FL_NS_PER_S / 8; ns <= FL_TIMELINE_WIDTH_MAX_S * FL_NS_PER_S; ns *= 2)
		if (width_s >= (double)ns / 1e9 && width_s <= (double)ns / 1e9)
			return ns;
	return 0;
}

static void read_columns(struct reading *r, const cJSON *item, struct fl_series *s)
{
	static const struct {
		const char *key;
		size_t offset;
	} counts[] = { { "started", offsetof(struct fl_series_bucket, started) },
		       { "answered", offsetof(struct fl_series_bucket, answered) },
		       { "failed", offsetof(struct fl_series_bucket, failed) },
		       { "in_flight_max", offsetof(struct fl_series_bucket, in_flight_max) } },
	  seconds[] = { { "in_flight_s", offsetof(struct fl_series_bucket, in_flight_s) },
			{ "answer_s", offsetof(struct fl_series_bucket, answer_s) } };
	s->bucket = fl_arena_array(r->arena, s->count, sizeof(*s->bucket));
	for (size_t i = 0; i < FL_ARRAY_LEN(counts); i++) {
		struct column c = { s->bucket, counts[i].offset };
		read_list(r, item, counts[i].key, s->count, UINT32_MAX, put_bucket_count, &c);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(seconds); i++) {
		struct column c = { s->bucket, seconds[i].offset };
		read_list(r, item, seconds[i].key, s->count, 1e18, put_bucket_seconds, &c);
	}
}

static void read_series(struct reading *r, const cJSON *object, struct fl_series *s)
{
	const cJSON *item = scan_read_object(r, object, "series");
	if (!item)
		return;
	size_t before = reading_enter(r, "series", -1);
	s->start_ns = scan_read_time(r, item, "start");
	s->width_ns = width_of(scan_read_double(r, item, "width_s", INFINITY));
	uint64_t count = scan_read_count(r, item, "buckets");
	if (s->width_ns == 0)
		reading_fail(r, "width_s", "not an eighth of a second times a power of two");
	else if (s->start_ns % s->width_ns != 0 || s->start_ns > FL_TIMELINE_TIME_MAX || s->start_ns < -FL_TIMELINE_TIME_MAX - s->width_ns)
		reading_fail(r, "start", "not a multiple of width_s since the epoch");
	else if (count < 1 || count > FL_SERIES_BUCKETS)
		reading_fail(r, "buckets", "not a number 1..128");
	else if ((int64_t)count - 1 > (FL_TIMELINE_TIME_MAX - s->start_ns) / s->width_ns)
		reading_fail(r, "buckets", "later than any time");
	if (!r->code) {
		s->count = (size_t)count;
		read_columns(r, item, s);
	}
	reading_leave(r, before);
}

struct gaps {
	struct fl_spread *list;
	size_t count;
};

static void read_gaps(struct reading *r, const cJSON *item, struct fl_retries *into)
{
	struct gaps gaps = { 0 };
	scan_read_objects(r, item, "gaps_s", sizeof(*gaps.list), read_spread_item, &gaps.count, &gaps.list);
	if (gaps.count > FL_GAPS_MAX)
		reading_fail(r, "gaps_s", "more than eight");
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		into->gap[i] = i < gaps.count ? gaps.list[i] : (struct fl_spread){ 0, NAN, NAN, NAN, NAN, NAN };
}

static void read_retries(struct reading *r, const cJSON *object, struct fl_retries *into)
{
	const cJSON *item = scan_read_object(r, object, "retries");
	size_t before = reading_enter(r, "retries", -1);
	into->calls = scan_read_count(r, item, "calls");
	into->retried = scan_read_count(r, item, "retried");
	if (into->retried > into->calls)
		reading_fail(r, "retried", "more than calls");
	read_list(r, item, "recovered", FL_ATTEMPTS_MAX, (double)FL_JSON_EXACT_MAX, put_count, into->recovered);
	read_list(r, item, "gave_up", FL_ATTEMPTS_MAX, (double)FL_JSON_EXACT_MAX, put_count, into->gave_up);
	read_gaps(r, item, into);
	into->other_address = scan_read_count(r, item, "other_address");
	double unexplained = item ? scan_read_double(r, item, "unexplained", 1) : 0;
	into->unexplained = isnan(unexplained) ? 0 : unexplained; /* scans of before it was told */
	into->first_ns = scan_read_time(r, item, "first");
	into->last_ns = scan_read_time(r, item, "last");
	if (into->last_ns < into->first_ns)
		reading_fail(r, "last", "before first");
	reading_leave(r, before);
}

static void read_interval(struct reading *r, const cJSON *item, void *into)
{
	struct fl_interval *v = into;
	int kind = scan_read_word(r, item, "kind", interval_parse, -1);
	if (kind < 0)
		reading_fail(r, "kind", "missing");
	v->kind = kind < 0 ? FL_INTERVAL_STALL : (enum fl_interval_kind)kind;
	v->start_ns = scan_read_time(r, item, "start");
	v->end_ns = scan_read_time(r, item, "end");
	v->attempts = scan_read_count(r, item, "attempts");
	v->failures = scan_read_count(r, item, "failures");
	uint64_t peak = scan_read_count(r, item, "in_flight_max");
	v->in_flight_max = (uint32_t)(peak & UINT32_MAX);
	if (peak > UINT32_MAX)
		reading_fail(r, "in_flight_max", "not below 2^32");
	if (v->end_ns < v->start_ns)
		reading_fail(r, "end", "before start");
}

static void read_intervals(struct reading *r, const cJSON *item, struct fl_behaviour *b)
{
	scan_read_objects(r, item, "intervals", sizeof(*b->intervals), read_interval, &b->interval_count, &b->intervals);
	if (b->interval_count > FL_INTERVALS_MAX)
		reading_fail(r, "intervals", "more than 32");
	for (size_t i = 1; i < b->interval_count; i++)
		if (b->intervals[i].start_ns < b->intervals[i - 1].start_ns)
			reading_fail(r, "intervals", "not in the order of their start");
}

static void read_surfacing(struct reading *r, const cJSON *object, struct fl_surfacing *into)
{
	const cJSON *item = scan_read_object(r, object, "surfacing");
	size_t before = reading_enter(r, "surfacing", -1);
	into->failed_calls = scan_read_count(r, item, "failed_calls");
	into->surfaced_calls = scan_read_count(r, item, "surfaced_calls");
	into->late_calls = scan_read_count(r, item, "late_calls");
	into->others = scan_read_count(r, item, "others");
	into->other_failures = scan_read_count(r, item, "other_failures");
	into->other_late = scan_read_count(r, item, "other_late");
	into->certainty = item ? scan_read_double(r, item, "certainty", 1) : NAN;
	if (into->surfaced_calls > into->failed_calls)
		reading_fail(r, "surfaced_calls", "more than failed_calls");
	else if (into->late_calls > into->failed_calls)
		reading_fail(r, "late_calls", "more than failed_calls");
	else if (into->other_failures > into->others || into->other_late > into->others)
		reading_fail(r, "others", "less than what is counted of them");
	reading_leave(r, before);
}

struct fl_behaviour *scan_read_behaviour(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = scan_read_object(r, object, key);
	if (!item || r->code)
		return NULL;
	struct fl_behaviour *b = fl_arena_alloc(r->arena, sizeof(*b));
	size_t before = reading_enter(r, key, -1);
	const cJSON *outcomes = scan_read_object(r, item, "outcomes");
	for (size_t i = 0; i < FL_OUTCOME_COUNT; i++)
		b->outcome[i] = scan_read_count(r, outcomes, outcome_words[i]);
	read_retries(r, item, &b->retries);
	read_spread(r, item, "connect_timeout_s", &b->connect_timeout);
	read_spread(r, item, "response_timeout_s", &b->response_timeout);
	read_intervals(r, item, b);
	uint64_t peak = scan_read_count(r, item, "in_flight_max");
	if (peak > UINT32_MAX)
		reading_fail(r, "in_flight_max", "not below 2^32");
	b->in_flight_max = (uint32_t)(peak & UINT32_MAX);
	double plateau = scan_read_double(r, item, "in_flight_plateau_s", INFINITY);
	b->in_flight_plateau_s = isnan(plateau) ? 0 : plateau;
	b->calls_per_inbound = scan_read_double(r, item, "calls_per_inbound", INFINITY);
	b->nested_share = scan_read_double(r, item, "nested_share", 1);
	b->coupling_p = scan_read_double(r, item, "coupling_p", 1);
	read_surfacing(r, item, &b->surfacing);
	read_series(r, item, &b->series);
	reading_leave(r, before);
	return b;
}
