/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cascade.c - what a slow or flaky node does, in numbers that can be checked by hand
 *
 * Random networks against a simulation are in tests/oracle.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/cascade.h"
#include "faultline/json.h"
#include "faultline/model.h"
#include "faultline/system.h"
#include "graph_text.h"

/* 10 requests/s from outside through a chain of stations that take no time; the last one, or the way to it,
 * is what gets slow. */
struct chain {
	struct fl_cascade_station stations[4];
	struct fl_cascade_call calls[3];
	double on_station[4], on_call[3];
	struct fl_cascade_network n;
	struct fl_cascade_trigger t;
};

static void begin(struct chain *c, uint32_t stations, double slow_s, double lasts_s)
{
	*c = (struct chain){ .n = { c->stations, c->calls, stations, stations - 1, true } };
	for (uint32_t i = 0; i < stations; i++)
		c->stations[i] = (struct fl_cascade_station){ .node = FL_NODE_NONE, .limit = INFINITY };
	for (uint32_t i = 0; i + 1 < stations; i++)
		c->calls[i] = (struct fl_cascade_call){ .from = i,
			.to = i + 1,
			.endpoint = FL_NODE_NONE,
			.use = 1,
			.calls = 1,
			.limit = INFINITY,
			.timeout_s = INFINITY,
			.attempts = 1,
			.backoff_factor = 1,
			.required = true,
			.choice = FL_CASCADE_NO_CHOICE };
	c->stations[0].arrivals_per_s = 10;
	c->stations[0].entry_weight = 1;
	c->on_call[stations - 2] = 1;
	c->t = (struct fl_cascade_trigger){ .mode = FL_CASCADE_SLOW,
		.slow_s = slow_s,
		.lasts_s = lasts_s,
		.station = c->on_station,
		.call = c->on_call };
}

static void near(double value, double expected)
{
	if (!(fabs(value - expected) <= 0.005 * fabs(expected) + 1e-9))
		fail_msg("%g instead of %g", value, expected);
}

static const char *steps_text(const struct fl_cascade *x, char *text, size_t size)
{
	static const char *const names[] = { "trigger", "pool", "full", "timeout", "stalls", "fails" };
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < x->step_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%.1f %s %u;", x->steps[i].at_s,
			names[x->steps[i].event], x->steps[i].station);
	return text;
}

static void without_limits_it_settles_at_rate_times_time(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	(void)state;
	begin(&c, 3, 2, 60);
	const struct fl_cascade *x = fl_cascade(&c.n, &c.t, a);
	for (uint32_t i = 0; i < 3; i++)
		near(x->stations[i].at_end, 20);
	near(x->calls[1].at_end, 20);
	assert_true(x->steady && x->expected_loss == 0 && x->step_count == 1);
	c.t.lasts_s = 1.5;
	near(fl_cascade(&c.n, &c.t, a)->calls[1].at_end, 15);
	fl_arena_free(a);
}

static void limits_are_met_from_the_back_to_the_front(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	char text[256];
	(void)state;
	begin(&c, 4, 20, 20);
	c.calls[2].limit = 8;
	c.stations[2].limit = 16;
	c.stations[1].limit = 30;
	const struct fl_cascade *x = fl_cascade(&c.n, &c.t, a);
	assert_string_equal(steps_text(x, text, sizeof(text)),
		"0.0 trigger 2;0.8 pool 2;0.8 stalls 0;1.6 full 2;3.0 full 1;");
	near(x->calls[2].at_end, 8);
	near(x->stations[2].at_end, 30); /* what waits there is what its caller can have at work */
	near(x->stations[1].at_end, 200);
	near(x->stations[0].growth_per_s, 10);
	near(x->expected_loss, 1 - 8 / (10 * 20.0));
	assert_false(x->steady);
	fl_arena_free(a);
}

static void who_waits_longer_than_its_timeout_tries_again(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	char text[256];
	(void)state;
	begin(&c, 3, 5, 60);
	c.calls[1].timeout_s = 1;
	c.calls[1].attempts = 3;
	const struct fl_cascade *x = fl_cascade(&c.n, &c.t, a);
	near(x->calls[1].rate_at_end, 30);
	near(x->calls[1].at_end, 30); /* 30/s, each given up after 1 s */
	near(x->stations[0].at_end, 30);
	near(x->stations[2].rate_at_end, 30);
	near(x->loss[0], 1);
	assert_string_equal(
		steps_text(x, text, sizeof(text)), "0.0 trigger 1;1.0 timeout 1;3.0 fails 0;3.0 fails 1;");
	c.calls[0].attempts = 2; /* and so does who calls it */
	near(fl_cascade(&c.n, &c.t, a)->calls[1].rate_at_end, 60);
	c.calls[1].required = false;
	x = fl_cascade(&c.n, &c.t, a);
	near(x->calls[1].rate_at_end, 30);
	assert_true(x->loss[0] == 0);
	fl_arena_free(a);
}

static void flaky_calls_are_tried_until_they_come_through(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	(void)state;
	begin(&c, 3, 0, 60);
	c.t.mode = FL_CASCADE_FLAKY;
	c.t.flaky = 0.1;
	c.calls[1].attempts = 3;
	const struct fl_cascade *x = fl_cascade(&c.n, &c.t, a);
	near(x->calls[1].rate_at_end, 10 * 1.11);
	near(x->loss[0], 0.001);
	c.calls[1].attempts = 1;
	c.calls[0].attempts = 2;
	x = fl_cascade(&c.n, &c.t, a);
	near(x->stations[1].rate_at_end, 11);
	near(x->loss[0], 0.01);
	c.calls[1].use = 0.5; /* a request that failed fails again no less often */
	x = fl_cascade(&c.n, &c.t, a);
	near(x->loss[0], 0.5 * 0.01);
	fl_arena_free(a);
}

static void the_margin_is_capacity_over_amplified_rate(void **state)
{
	struct chain c;
	(void)state;
	begin(&c, 3, 5, 60);
	c.stations[2].own_s = 0.1;
	c.stations[2].limit = 5; /* 50 requests/s */
	struct fl_cascade_margin m = fl_cascade_margin(&c.n, &c.t);
	assert_true(m.station == UINT32_MAX && isinf(m.load)); /* nobody tries again */
	c.calls[1].timeout_s = 1;
	c.calls[1].attempts = 2;
	c.calls[0].attempts = 2;
	m = fl_cascade_margin(&c.n, &c.t);
	assert_int_equal(m.station, 2);
	near(m.load, 50 / (10 * 4.0));
	near(m.amplification, 4);
	near(m.capacity_per_s, 50);
	c.calls[1].limit = 20; /* a pool that lets no more than 20 attempts/s time out */
	assert_true(isinf(fl_cascade_margin(&c.n, &c.t).load));
}

static void circles_end(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	(void)state;
	begin(&c, 3, 2, 10);
	c.calls[1].to = 0; /* a calls b, b calls a half of the time */
	c.calls[1].use = 0.5;
	c.stations[0].own_s = c.stations[1].own_s = 0.01;
	const struct fl_cascade *x = fl_cascade(&c.n, &c.t, a);
	near(x->stations[0].rate_before, 20);
	assert_int_equal(x->rounds_cut, 0);
	c.calls[1].calls = 4; /* more of it each time */
	c.stations[0].limit = 5;
	x = fl_cascade(&c.n, &c.t, a);
	assert_true(x->rounds_cut > 0 && isfinite(x->stations[0].at_end) && isfinite(x->expected_loss));
	fl_arena_free(a);
}

static void one_seed_is_one_run(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct chain c;
	static const double at[] = { 1, 2 };
	struct fl_cascade_simulation how = {
		.seed = 7, .load = 1, .events_max = 100000, .sample_s = at, .sample_count = 2
	};
	(void)state;
	begin(&c, 3, 2, 4);
	c.calls[1].use = 0.4;
	const struct fl_cascade_run *x = fl_cascade_simulate(&c.n, &c.t, &how, a);
	const struct fl_cascade_run *y = fl_cascade_simulate(&c.n, &c.t, &how, a);
	assert_memory_equal(x->in_flight, y->in_flight, 2 * 5 * sizeof(double));
	assert_int_equal(x->events, y->events);
	how.events_max = 10;
	assert_true(fl_cascade_simulate(&c.n, &c.t, &how, a)->cut);
	fl_arena_free(a);
}

/* ---- networks from systems ---- */

static void a_graph_alone_is_a_network(void **state)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_system s = { .graph = graph_of_text(
				       "service:a 1 b c; service:a 1 d *0.5; b 1 host:h; entry service:a") };
	const struct fl_cascade_network *n = fl_cascade_network(&s, a);
	struct fl_cascade_trigger t = { .mode = FL_CASCADE_SLOW, .slow_s = 4, .lasts_s = 60 };
	(void)state;
	assert_int_equal(n->station_count, 5);
	assert_int_equal(n->call_count, 4);
	assert_int_equal(fl_cascade_concern(&s, n, fl_graph_find(s.graph, "host:h"), FL_NODE_NONE, &t, a), 1);
	const struct fl_cascade *x = fl_cascade(n, &t, a);
	uint32_t top = 0;
	while (n->stations[top].node != fl_graph_find(s.graph, "service:a"))
		top++;
	near(x->stations[top].at_end, 1 * 0.5 * 4); /* one request/s, half of them by way of b */
	assert_true(x->assumed & FL_ASSUMED_RATE && x->assumed & FL_ASSUMED_SPREAD);
	fl_graph_free(s.graph);
	fl_arena_free(a);
}

#define SCAN                                                                                                 \
	"{\"schema\":\"faultline.scan/"                                                                      \
	"1\",\"point\":\"w\",\"source\":\"file\",\"hosts\":[{\"name\":\"w\",\"addresses\":"                  \
	"[\"10.0.0.1\"]}],\"window\":{\"start\":\"2026-11-21T12:00:00Z\",\"end\":\"2026-11-21T12:01:00Z\"}," \
	"\"coverage\":{},\"services\":[{\"host\":\"w\",\"name\":\"port-80\",\"ports\":[{\"port\":80,"        \
	"\"transport\":\"tcp\"}],"                                                                           \
	"\"addresses\":[\"10.0.0.1\"],\"connections\":600,\"exchanges\":600,\"clients\":[{\"address\":\"10." \
	"9.9.9\","                                                                                           \
	"\"connections\":600,\"exchanges\":600}]}],\"dependencies\":[{\"host\":\"w\",\"service\":\"port-"    \
	"80\","                                                                                              \
	"\"attribution\":\"exact\",\"name\":\"x.example\",\"name_source\":\"dns\",\"port\":443,"             \
	"\"transport\":\"tcp\","                                                                             \
	"\"addresses\":[\"203.0.113.9\"],\"scope\":\"external\",\"class\":\"on-request\",\"answered\":true," \
	"\"coupling\":0.5,\"exchanges\":900,\"failures\":0}],\"names\":[]}"

static void what_is_declared_wins(void **state)
{
	static const char model[] =
		"{\"schema\":\"faultline.model/1\",\"limits\":[{\"node\":\"port-80\",\"in_flight\":16}],"
		"\"dependencies\":[{\"from\":\"port-80\",\"to\":\"x.example\",\"timeout_s\":2,\"retries\":2,"
		"\"in_flight\":4}]}";
	struct fl_scan_set set = { 0 };
	struct fl_model *m = NULL;
	struct fl_error err = { "" };
	struct fl_arena *a = fl_arena_new();
	cJSON *root = NULL;
	(void)state;
	assert_int_equal(fl_json_parse("scan", SCAN, strlen(SCAN), &root, &err), 0);
	assert_int_equal(fl_scan_set_from_json(&set, "scan", root, &err), 0);
	assert_int_equal(fl_model_parse(&m, "m", model, strlen(model), &err), 0);
	cJSON_Delete(root);
	struct fl_system *s = fl_system_join_model(&set, m);
	const struct fl_cascade_network *n = fl_cascade_network(s, a);
	assert_int_equal(n->station_count, 2);
	assert_int_equal(n->call_count, 1);
	const struct fl_cascade_call *c = &n->calls[0];
	near(n->stations[c->from].arrivals_per_s, 10);
	near(n->stations[c->to].arrivals_per_s + 1, 1);
	assert_true(
		n->stations[c->from].limit == 16 && c->limit == 4 && c->timeout_s == 2 && c->attempts == 3);
	near(c->use, 0.5);
	near(c->calls, 3);
	assert_int_equal(c->assumed, FL_ASSUMED_BACKOFF | FL_ASSUMED_ORDER);
	fl_model_free(m);
	fl_system_free(s);
	fl_scan_set_fini(&set);
	fl_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_limits_it_settles_at_rate_times_time),
		cmocka_unit_test(limits_are_met_from_the_back_to_the_front),
		cmocka_unit_test(who_waits_longer_than_its_timeout_tries_again),
		cmocka_unit_test(flaky_calls_are_tried_until_they_come_through),
		cmocka_unit_test(the_margin_is_capacity_over_amplified_rate),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(one_seed_is_one_run),
		cmocka_unit_test(a_graph_alone_is_a_network),
		cmocka_unit_test(what_is_declared_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
