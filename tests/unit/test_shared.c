/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_shared.c - what is meant to be redundant and falls together: which list, behind what, what to separate
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/shared.h"
#include "graph_text.h"

struct shared_row {
	const char *name, *graph;
	const char *found; /* "group: member member = node kind (also ...)[ holds]; ..." */
	const char *common, *inherent;
};

#define TWO "entry service:e; service:e 1 service:a service:b;"
#define VENDORS "service:e 1 endpoint:x.one.example:443/tcp; service:e 1 endpoint:y.two.example:443/tcp;"

static struct shared_row shared_rows[] = {
	{ "no graph, nothing shared", "", "", "", "" },
	{ "replicas on two hosts share nothing", TWO "service:a 1 host:h; service:b 1 host:k", "", "", "" },
	{ "replicas on one host", TWO "service:a 1 host:h; service:b 1 host:h",
		"service:e: service:a service:b = host:h host", "", "" },
	{ "the zone of that host stands behind it",
		TWO "service:a 1 host:h; service:b 1 host:h; host:h 1 zone:z",
		"service:e: service:a service:b = host:h host (zone:z)", "", "" },
	{ "two hosts of one zone", TWO "service:a 1 host:h; service:b 1 host:k; host:h 1 zone:z; host:k 1 zone:z",
		"service:e: service:a service:b = zone:z zone", "", "" },
	{ "one resolver for both", TWO "service:a 1 resolver:r; service:b 1 resolver:r; resolver:r 1 service:dns",
		"service:e: service:a service:b = resolver:r resolver (service:dns)", "", "" },
	{ "two resolvers to choose from are no shared fate",
		TWO "service:a 1 resolver:r resolver:s; service:b 1 resolver:r resolver:s", "", "", "" },
	{ "a replica that needs the other", TWO "service:a 1 service:b",
		"service:e: service:a service:b = service:b member", "", "" },
	{ "a requirement far below, by different ways",
		TWO "service:a 1 service:c; service:b 1 service:d; service:c 1 service:x; service:d 1 service:x",
		"service:e: service:a service:b = service:x requirement", "", "" },
	{ "an endpoint that both call is common, and so is what stands behind it",
		TWO "service:a 1 endpoint:db; service:b 1 endpoint:db; endpoint:db 1 service:db; service:db 1 host:h",
		"", "service:e: service:a service:b = endpoint:db requirement (host:h service:db)", "" },
	{ "a host that also carries what both call is no footnote of that",
		TWO "service:a 1 endpoint:db; service:b 1 endpoint:db; endpoint:db 1 service:db; service:db 1 host:h;"
		    "service:a 1 host:h; service:b 1 host:h",
		"service:e: service:a service:b = host:h host",
		"service:e: service:a service:b = endpoint:db requirement (service:db)", "" },
	{ "a host behind two things that both call is not the host of the replicas",
		TWO "service:a 1 endpoint:x; service:b 1 endpoint:x; service:a 1 endpoint:y; service:b 1 endpoint:y;"
		    "endpoint:x 1 service:p; endpoint:y 1 service:q; service:p 1 host:k; service:q 1 host:k",
		"",
		"service:e: service:a service:b = endpoint:x requirement (host:k service:p);"
		"service:e: service:a service:b = endpoint:y requirement (service:q)",
		"" },
	{ "backends by address, on one host",
		"entry service:e; service:e 1 endpoint:1 endpoint:2; endpoint:1 1 service:a; endpoint:2 1 service:b;"
		"service:a 1 host:h; service:b 1 host:h",
		"service:e: endpoint:1 endpoint:2 = host:h host", "", "" },
	{ "the addresses of one name have its provider, which is inherent",
		"entry service:e; service:e 1 endpoint:v; endpoint:v 1 address:1 address:2; address:1 1 provider:p;"
		"address:2 1 provider:p",
		"", "", "endpoint:v: address:1 address:2 = provider:p provider" },
	{ "two of three on one host hold, and are told",
		"entry service:e; service:e 1 service:a service:b service:c; service:a 1 host:h; service:b 1 host:h",
		"service:e: service:a service:b = host:h host holds", "", "" },
	{ "two of three that use one more service are not told",
		"entry service:e; service:e 1 service:a service:b service:c; service:a 1 service:x; service:b 1 service:x",
		"", "", "" },
	{ "two of three on one host, when two are needed",
		"entry service:e; service:e 2 service:a service:b service:c; service:a 1 host:h; service:b 1 host:h",
		"service:e: service:a service:b = host:h host", "", "" },
	{ "background needs no redundancy", "service:e 0 service:a service:b; service:a 1 host:h; service:b 1 host:h",
		"", "", "" },
	{ "a cycle below has one front", TWO "service:a 1 x; service:b 1 x; x 1 y; y 1 x",
		"service:e: service:a service:b = x requirement (y)", "", "" },
	{ "two vendors at one address",
		"entry service:e; " VENDORS "endpoint:x.one.example:443/tcp 1 address:203.0.113.9;"
		"endpoint:y.two.example:443/tcp 1 address:203.0.113.9; address:203.0.113.9 1 provider:p.example",
		"external endpoints: endpoint:x.one.example:443/tcp endpoint:y.two.example:443/tcp = "
		"address:203.0.113.9 address (provider:p.example)",
		"", "" },
	{ "two vendors at one provider",
		"entry service:e; " VENDORS "endpoint:x.one.example:443/tcp 1 address:203.0.113.9;"
		"endpoint:y.two.example:443/tcp 1 address:203.0.113.10; address:203.0.113.9 1 provider:p.example;"
		"address:203.0.113.10 1 provider:p.example",
		"external endpoints: endpoint:x.one.example:443/tcp endpoint:y.two.example:443/tcp = "
		"provider:p.example provider",
		"", "" },
	{ "two names of one vendor are one vendor",
		"entry service:e; service:e 1 endpoint:x.one.example:443/tcp; service:e 1 endpoint:y.one.example:443/tcp;"
		"endpoint:x.one.example:443/tcp 1 address:203.0.113.9; endpoint:y.one.example:443/tcp 1 address:203.0.113.9",
		"", "", "" },
	{ "one of the addresses in common does not take both down",
		"entry service:e; " VENDORS "endpoint:x.one.example:443/tcp 1 address:203.0.113.9 address:203.0.113.1;"
		"endpoint:y.two.example:443/tcp 1 address:203.0.113.9 address:203.0.113.2",
		"external endpoints: endpoint:x.one.example:443/tcp endpoint:y.two.example:443/tcp = "
		"address:203.0.113.9 address holds",
		"", "" },
};

static void append(char *text, size_t size, const char *part)
{
	size_t used = strlen(text);
	snprintf(text + used, size - used, "%s", part);
}

static const char *list_text(const struct fl_graph *g, const struct fl_shared_fate *list, size_t count, char *text,
	size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const struct fl_shared_fate *f = &list[i];
		append(text, size, i > 0 ? ";" : "");
		append(text, size, f->group);
		append(text, size, ":");
		for (size_t k = 0; k < f->member_count; k++) {
			append(text, size, " ");
			append(text, size, f->members[k]);
		}
		append(text, size, " = ");
		append(text, size, fl_graph_node(g, f->shares)->id);
		append(text, size, " ");
		append(text, size, f->kind);
		for (size_t k = 0; k < f->also_count; k++) {
			append(text, size, k == 0 ? " (" : " ");
			append(text, size, fl_graph_node(g, f->also[k])->id);
		}
		append(text, size, f->also_count > 0 ? ")" : "");
		append(text, size, f->breaks ? "" : " holds");
	}
	return text;
}

static void finds(void **state)
{
	const struct shared_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	struct fl_shared *r = fl_shared(&s);
	char text[2048];
	assert_string_equal(list_text(s.graph, r->list, r->count, text, sizeof(text)), row->found);
	assert_string_equal(list_text(s.graph, r->common, r->common_count, text, sizeof(text)), row->common);
	assert_string_equal(list_text(s.graph, r->inherent, r->inherent_count, text, sizeof(text)), row->inherent);
	assert_int_equal(r->dropped, 0);
	fl_shared_free(r);
	fl_graph_free(s.graph);
}

struct separate_row {
	const char *name, *graph;
	const char *order; /* "node before after;" */
};

static struct separate_row separate_rows[] = {
	{ "a host of its own for one of two", TWO "service:a 1 host:h; service:b 1 host:h", "host:h 1.00 0.00;" },
	{ "the larger drop comes first, whatever the loss",
		"entry service:e; service:e 1 service:a service:b *0.9; service:e 1 service:c service:d *0.5;"
		"service:a 1 resolver:r; service:b 1 resolver:r; service:e 1 resolver:r *0.8;"
		"service:c 1 host:h; service:d 1 host:h",
		"host:h 0.50 0.00;resolver:r 0.98 0.80;" },
	{ "vendors apart leave the worse of the two",
		"entry service:e; service:e 1 endpoint:x.one.example:443/tcp *0.6;"
		"service:e 1 endpoint:y.two.example:443/tcp *0.5; endpoint:x.one.example:443/tcp 1 address:203.0.113.9;"
		"endpoint:y.two.example:443/tcp 1 address:203.0.113.9",
		"address:203.0.113.9 0.80 0.60;" },
	{ "what gains nothing is not listed", "entry service:z; service:e 1 service:a service:b; service:a 1 host:h;"
					      "service:b 1 host:h", "" },
};

static void separates(void **state)
{
	const struct separate_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	struct fl_shared *r = fl_shared(&s);
	char text[512] = "", part[128];
	for (size_t i = 0; i < r->separate_count; i++) {
		const struct fl_shared_fate *f = &r->list[r->separate[i]];
		snprintf(part, sizeof(part), "%s %.2f %.2f;", fl_graph_node(s.graph, f->shares)->id, f->expected_loss,
			f->loss_after);
		append(text, sizeof(text), part);
	}
	assert_string_equal(text, row->order);
	fl_shared_free(r);
	fl_graph_free(s.graph);
}

/* 201 callers choose between a and b, which rest on 101 things: more pairs than are kept. The last thing by id
 * takes one more entry point down. */
static void keeps_the_worst(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0, worst = 0;
	FILE *out = open_memstream(&text, &size);
	fputs("entry service:e; entry service:f; service:f 1 thing:z; service:e 1 service:a service:b;", out);
	fputs("service:a 1 thing:z; service:b 1 thing:z;", out);
	for (int i = 0; i < 100; i++)
		fprintf(out, "service:a 1 thing:%03d; service:b 1 thing:%03d;", i, i);
	for (int i = 0; i < 200; i++)
		fprintf(out, "service:c%03d 1 service:a service:b;", i);
	fclose(out);
	struct fl_system s = { .graph = graph_of_text(text) };
	struct fl_shared *r = fl_shared(&s);
	for (size_t i = 0; i < r->count; i++)
		worst += strcmp(fl_graph_node(s.graph, r->list[i].shares)->id, "thing:z") == 0;
	assert_int_equal(worst, 201); /* e and the callers */
	assert_int_equal(r->count, FL_SHARED_MAX);
	assert_int_equal(r->dropped, 100 * 201 - FL_SHARED_MAX + 1); /* pairs of the 100th thing, and the last thing */
	fl_shared_free(r);
	fl_graph_free(s.graph);
	free(text);
}

int main(void)
{
	const struct CMUnitTest limits[] = { cmocka_unit_test(keeps_the_worst) };
	struct CMUnitTest rows[FL_ARRAY_LEN(shared_rows)], separate[FL_ARRAY_LEN(separate_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = shared_rows[i].name, .test_func = finds, .initial_state = &shared_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(separate); i++)
		separate[i] = (struct CMUnitTest){
			.name = separate_rows[i].name, .test_func = separates, .initial_state = &separate_rows[i]
		};
	int failed = cmocka_run_group_tests_name("shared", rows, NULL, NULL);
	failed += cmocka_run_group_tests_name("limits", limits, NULL, NULL);
	return failed + cmocka_run_group_tests_name("separate", separate, NULL, NULL);
}
