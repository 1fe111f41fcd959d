/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_diff_measured.c - when a difference of what was measured is a change, and when it is chance
 *
 * Each row has two windows of one service, api, that is asked by clients and asks one thing, made up from a few numbers: how many, in
 * how many bursts, how slow. Counts are spread over the window by a fixed sequence, so that blocks vary as Poisson's do.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/diff.h"
#include "faultline/units.h"

struct window {
	unsigned seconds, inbound, calls, failures;
	unsigned bursts;       /* 0: calls are spread; else all of them come at so many moments */
	double latency_ms;     /* of half of the answers; the others up to four times that */
	double slow_share, slow_ms;
	double timeout_ms;     /* callers give up after it */
	unsigned gave_up;
	const char *retries;   /* "immediate 3": pauses and attempts; NULL: nothing is known */
	const char *class;     /* NULL: on-request */
	bool lower_bound;
};

struct row {
	const char *name;
	struct window old, new;
	const char *changes; /* kinds */
};

static uint64_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static int64_t moment(uint64_t *state, const struct window *w, unsigned bursts)
{
	int64_t window = (int64_t)w->seconds * FL_NS_PER_S;
	if (bursts == 0)
		return (int64_t)((double)next(state) / 2147483648.0 * (double)window);
	return window / (int64_t)(bursts + 1) * (int64_t)(1 + next(state) % bursts);
}

static void add_retries(struct fl_retries *r, const char *text)
{
	static const struct { const char *name; double first, factor; } kinds[] = {
		{ "none", 0, 0 }, { "immediate", 0.001, 1 }, { "fixed", 0.2, 1 }, { "slow-fixed", 1, 1 },
		{ "exponential", 0.2, 2 }, { "few-immediate", 0.001, 1 },
	};
	char name[32];
	unsigned attempts = 0;
	if (text == NULL)
		return;
	assert_int_equal(sscanf(text, "%31s %u", name, &attempts), 2);
	r->calls = strncmp(name, "few-", 4) == 0 ? 2 : 40;
	r->retried = attempts > 1 ? r->calls : 0;
	r->gave_up[attempts - 1] = r->calls;
	for (size_t k = 0; k < FL_ARRAY_LEN(kinds); k++) {
		double pause = kinds[k].first;
		for (unsigned i = 0; strcmp(kinds[k].name, name) == 0 && i + 1 < attempts; i++, pause *= kinds[k].factor)
			r->gap[i] = (struct fl_spread){ r->calls, pause, pause, pause, pause * 1.01, pause * 1.01 };
	}
}

static struct fl_behaviour *behaviour_of(struct fl_arena *a, const struct window *w, uint64_t *state)
{
	struct fl_behaviour *b = fl_arena_alloc(a, sizeof(*b));
	b->outcome[FL_OUTCOME_ANSWERED] = w->calls - w->failures;
	b->outcome[FL_OUTCOME_ERROR] = w->failures - w->gave_up;
	b->outcome[FL_OUTCOME_RESPONSE_TIMEOUT] = w->gave_up;
	double t = w->timeout_ms / 1e3;
	b->connect_timeout = (struct fl_spread){ 0, NAN, NAN, NAN, NAN, NAN };
	b->response_timeout = b->connect_timeout;
	if (w->gave_up > 0)
		b->response_timeout = (struct fl_spread){ w->gave_up, t, t, t, t * 1.01, t * 1.02 };
	add_retries(&b->retries, w->retries);
	b->series.width_ns = FL_NS_PER_S;
	b->series.count = w->seconds < FL_SERIES_BUCKETS ? w->seconds : FL_SERIES_BUCKETS;
	while ((uint64_t)b->series.count * (uint64_t)b->series.width_ns < (uint64_t)w->seconds * FL_NS_PER_S)
		b->series.width_ns *= 2;
	b->series.bucket = fl_arena_array(a, b->series.count, sizeof(*b->series.bucket));
	for (unsigned i = 0; i < w->calls; i++) {
		bool failed = i < w->failures;
		struct fl_series_bucket *bucket =
			&b->series.bucket[moment(state, w, failed ? w->bursts : 0) / b->series.width_ns];
		bucket->started++;
		*(failed ? &bucket->failed : &bucket->answered) += 1;
		bucket->answer_s += failed ? 0 : w->latency_ms / 1e3;
	}
	return b;
}

static void add_latencies(struct fl_measures *m, const struct window *w, uint64_t *state)
{
	for (unsigned i = 0; i < w->calls - w->failures; i++) {
		bool slow = (double)i < w->slow_share * (double)w->calls;
		double spread = pow(4, (double)next(state) / 2147483648.0 - 0.5);
		fl_histogram_add(&m->first_byte, (int64_t)((slow ? w->slow_ms : w->latency_ms) * spread * 1e6));
	}
}

static struct fl_system *system_of(const struct window *w, uint64_t seed)
{
	uint64_t state = seed;
	struct fl_scan *s = fl_scan_new();
	struct fl_scan_set set = { 0 };
	s->point = "api";
	s->source = "file";
	s->end_ns = (int64_t)w->seconds * FL_NS_PER_S;
	s->hosts = fl_arena_alloc(s->arena, sizeof(*s->hosts));
	s->hosts[0].name = "api";
	s->host_count = 1;
	s->services = fl_arena_alloc(s->arena, sizeof(*s->services));
	s->services[0] = (struct fl_scan_service){ .host = "api", .name = "app", .connections = 1,
		.exchanges = w->inbound, .last_seen_ns = s->end_ns };
	s->service_count = 1;
	struct fl_measures *own = fl_measures_of(s->arena, &s->services[0].measures);
	for (unsigned i = 0; i < w->inbound; i++)
		fl_timeline_add(&own->timeline, moment(&state, w, 0), 1);
	s->dependencies = fl_arena_alloc(s->arena, sizeof(*s->dependencies));
	struct fl_scan_dependency *d = s->dependencies;
	*d = (struct fl_scan_dependency){ .host = "api", .service = "app", .name = "db.example", .port = 443, .transport = "tcp",
		.name_source = FL_NAME_TLS_SNI, .scope = FL_SCOPE_EXTERNAL, .answered = true, .coupling = 1, .fan_out = 1,
		.class = (enum fl_class)fl_class_parse(w->class == NULL ? "on-request" : w->class), .exchanges = w->calls,
		.failures = w->failures, .exchanges_lower_bound = w->lower_bound,
		.connections = { .tried = 1, .established = 1 }, .last_seen_ns = s->end_ns, .period_s = NAN };
	s->dependency_count = 1;
	struct fl_measures *m = fl_measures_of(s->arena, &d->measures);
	for (unsigned i = 0; i < w->calls; i++)
		fl_timeline_add(&m->timeline, moment(&state, w, w->bursts), 1);
	add_latencies(m, w, &state);
	d->behaviour = behaviour_of(s->arena, w, &state);
	fl_scan_sort(s);
	fl_scan_set_add(&set, s);
	return fl_system_join(&set);
}

#define STEADY { 60, 600, 600, .latency_ms = 10 }

static struct row rows[] = {
	{ "the same again is no change", STEADY, STEADY, "" },
	{ "twice the users are no change", STEADY, { 60, 1200, 1200, .latency_ms = 10 }, "" },
	{ "a tenth of the users in a longer window are no change", STEADY, { 300, 300, 300, .latency_ms = 10 }, "" },
	{ "a much shorter window is no change", STEADY, { 5, 50, 50, .latency_ms = 10 }, "" },
	{ "four calls a request instead of one are a change of fan-out", STEADY, { 60, 600, 2400, .latency_ms = 10 },
		"fan-out " },
	{ "fewer calls a request are one, too", { 60, 600, 2400, .latency_ms = 10 }, STEADY, "fan-out " },
	{ "four calls a request and twice the users are a change of fan-out", STEADY,
		{ 60, 1200, 4800, .latency_ms = 10 }, "fan-out " },
	{ "1.3 calls instead of one are too small an effect", STEADY, { 60, 600, 780, .latency_ms = 10 }, "" },
	{ "two of twelve requests against five of ten are chance", { 60, 12, 2, .latency_ms = 10 },
		{ 60, 10, 5, .latency_ms = 10 }, "" },
	{ "twice the calls in three bursts are chance", { 60, 600, 300, .bursts = 3, .latency_ms = 10 },
		{ 60, 600, 600, .bursts = 3, .latency_ms = 10 }, "" },
	{ "counts that are a lower bound are not compared", STEADY,
		{ 60, 600, 2400, .latency_ms = 10, .lower_bound = true }, "" },
	{ "background traffic has a rate", { 60, 0, 600, .latency_ms = 10, .class = "background" },
		{ 60, 0, 2400, .latency_ms = 10, .class = "background" }, "rate " },
	{ "background traffic does not follow the users", { 60, 600, 600, .latency_ms = 10, .class = "background" },
		{ 60, 2400, 600, .latency_ms = 10, .class = "background" }, "" },
	{ "a job that ran twice instead of once is chance", { 60, 0, 100, .bursts = 1, .latency_ms = 10, .class = "background" },
		{ 60, 0, 200, .bursts = 2, .latency_ms = 10, .class = "background" }, "" },
	{ "on-request here and background there, with more users: nothing is known",
		{ 60, 600, 600, .latency_ms = 10 }, { 60, 2400, 2400, .latency_ms = 10, .class = "background" }, "" },
	{ "failures that begin are a change", STEADY, { 60, 600, 600, 90, .latency_ms = 10 }, "failures " },
	{ "failures that end are one, too", { 60, 600, 600, 90, .latency_ms = 10 }, STEADY, "failures " },
	{ "three failures of 600 are chance", STEADY, { 60, 600, 600, 3, .latency_ms = 10 }, "" },
	{ "failures of one moment are one event", STEADY, { 60, 600, 600, 40, .bursts = 1, .latency_ms = 10 }, "" },
	{ "twice as slow is a change of latency", STEADY, { 60, 600, 600, .latency_ms = 20 }, "latency " },
	{ "twice as fast is one, too", { 60, 600, 600, .latency_ms = 20 }, STEADY, "latency " },
	{ "1.3 times as slow is too small an effect", STEADY, { 60, 600, 600, .latency_ms = 13 }, "" },
	{ "ten slow answers of twenty are too few to compare", { 60, 20, 20, .latency_ms = 10 },
		{ 60, 20, 20, .latency_ms = 10, .slow_share = 0.5, .slow_ms = 1000 }, "" },
	{ "a fifth of the answers a hundred times slower is a change of latency", STEADY,
		{ 60, 600, 600, .latency_ms = 10, .slow_share = 0.2, .slow_ms = 1000 }, "latency " },
	{ "49 % from a cache and 51 % from a cache are the same",
		{ 60, 600, 600, .latency_ms = 10, .slow_share = 0.49, .slow_ms = 200 },
		{ 60, 600, 600, .latency_ms = 10, .slow_share = 0.51, .slow_ms = 200 }, "" },
	{ "less than a millisecond is none of the callee's", { 60, 600, 600, .latency_ms = 0.2 },
		{ 60, 600, 600, .latency_ms = 0.6 }, "" },
	{ "another timeout on both sides is a change",
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 5000, .gave_up = 9 },
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 500, .gave_up = 9 }, "timeout " },
	{ "the same timeout is none", { 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 500, .gave_up = 9 },
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 510, .gave_up = 9 }, "" },
	{ "a timeout that the older callers outwaited is new",
		{ 60, 600, 600, .latency_ms = 10, .slow_share = 0.02, .slow_ms = 2000 },
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 500, .gave_up = 9 }, "timeout " },
	{ "a timeout that the newer callers outwait is no more",
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 500, .gave_up = 9 },
		{ 60, 600, 600, .latency_ms = 10, .slow_share = 0.02, .slow_ms = 2000 }, "timeout " },
	{ "a timeout that nobody had to wait for before may be older", STEADY,
		{ 60, 600, 600, 9, .latency_ms = 10, .timeout_ms = 500, .gave_up = 9 }, "" },
	{ "a timeout of some calls only is none of all", { 60, 600, 600, .latency_ms = 10, .slow_share = 0.02, .slow_ms = 2000 },
		{ 60, 600, 600, 9, .latency_ms = 10, .slow_share = 0.02, .slow_ms = 2000, .timeout_ms = 500, .gave_up = 9 }, "" },
	{ "the same retries are no change", { 60, 600, 600, .latency_ms = 10, .retries = "exponential 4" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "exponential 4" }, "" },
	{ "retries that lose their pause are a change", { 60, 600, 600, .latency_ms = 10, .retries = "exponential 4" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "immediate 4" }, "retry " },
	{ "retries that begin are one", { 60, 600, 600, .latency_ms = 10, .retries = "none 1" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "fixed 3" }, "retry " },
	{ "another number of attempts is one", { 60, 600, 600, .latency_ms = 10, .retries = "fixed 2" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "fixed 4" }, "retry " },
	{ "longer pauses are one", { 60, 600, 600, .latency_ms = 10, .retries = "fixed 3" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "slow-fixed 3" }, "retry " },
	{ "retries that only one side shows are none", STEADY,
		{ 60, 600, 600, .latency_ms = 10, .retries = "immediate 4" }, "" },
	{ "retries after two failures are too few to tell", { 60, 600, 600, .latency_ms = 10, .retries = "exponential 4" },
		{ 60, 600, 600, .latency_ms = 10, .retries = "few-immediate 4" }, "" },
	{ "a callee is not faster because its callers wait less",
		{ 60, 600, 600, .latency_ms = 100, .slow_share = 0.2, .slow_ms = 2000 },
		{ 60, 600, 600, 120, .latency_ms = 100, .timeout_ms = 500, .gave_up = 120 }, "failures timeout " },
};

static void differs(void **state)
{
	const struct row *row = *state;
	struct fl_system *old = system_of(&row->old, 7), *new = system_of(&row->new, 11);
	struct fl_diff *d = fl_diff(old, new, NULL);
	char text[256] = "";
	size_t used = 0;
	for (size_t i = 0; i < d->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", fl_change_name(d->list[i].kind));
	assert_string_equal(text, row->changes);
	fl_diff_free(d);
	fl_system_free(old);
	fl_system_free(new);
}

/* Two windows of one system, with counts as low and bursts as rough as they come: what a test reports is false. */
static void chance_is_not_reported(void **state)
{
	uint64_t seed = 1;
	size_t reported = 0;
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		unsigned inbound = 10 + (unsigned)(next(&seed) % 600), calls = (unsigned)(next(&seed) % (inbound + 1));
		struct window w = { 20 + (unsigned)(next(&seed) % 100), inbound, calls + 1, calls / 20,
			.bursts = (unsigned)(next(&seed) % 3) * 4, .latency_ms = 1 + (double)(next(&seed) % 50),
			.slow_share = 0.1, .slow_ms = 300 };
		struct window other = w;
		other.seconds = w.seconds / 2;
		other.inbound = w.inbound / 2;
		other.calls = (w.calls + 1) / 2;
		other.failures = w.failures / 2;
		struct fl_system *old = system_of(&w, next(&seed)), *new = system_of(&other, next(&seed));
		struct fl_diff *d = fl_diff(old, new, NULL);
		reported += d->count;
		fl_diff_free(d);
		fl_system_free(old);
		fl_system_free(new);
	}
	assert_true(reported <= 1);
}

static void the_numbers_are_told(void **state)
{
	static const struct window old = STEADY, new = { 60, 600, 2400, .latency_ms = 10 };
	struct fl_system *before = system_of(&old, 7), *after = system_of(&new, 11);
	struct fl_diff *d = fl_diff(before, after, NULL);
	(void)state;
	assert_int_equal(d->count, 1);
	assert_string_equal(d->list[0].from, "service:api/app");
	assert_string_equal(d->list[0].to, "endpoint:db.example:443/tcp");
	assert_true(fabs(d->list[0].before_value - 1) < 1e-9);
	assert_true(fabs(d->list[0].after_value - 4) < 1e-9);
	assert_true(d->list[0].p < 1e-6 && d->list[0].q >= d->list[0].p);
	assert_true(fabs(d->load_before - 10) < 1e-9 && fabs(d->load_after - 10) < 1e-9);
	assert_true(d->tests > 0);
	fl_diff_free(d);
	struct fl_diff_options strict = { .threshold = 5, .discovery_rate = FL_DIFF_DISCOVERY_RATE };
	d = fl_diff(before, after, &strict);
	assert_int_equal(d->count, 0);
	assert_false(fl_diff_differs(d));
	fl_diff_free(d);
	fl_system_free(before);
	fl_system_free(after);
}

int main(void)
{
	static const struct CMUnitTest plain[] = { cmocka_unit_test(the_numbers_are_told),
		cmocka_unit_test(chance_is_not_reported) };
	struct CMUnitTest tests[FL_ARRAY_LEN(rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = differs, .initial_state = &rows[i]
		};
	int failed = cmocka_run_group_tests_name("measured", plain, NULL, NULL);
	return failed + cmocka_run_group_tests_name("measured rows", tests, NULL, NULL);
}
