/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_analysis.c - any scans through all that is asked of scans
 *
 * Scans come from other hosts, and whoever has taken over one of them writes what it likes. Joined, they are ranked, searched and
 * reported; and a system does not differ from itself.
 */
#include "mutate_json.h"

#include <math.h>
#include <stdio.h>

#include "faultline/blast.h"
#include "faultline/cutset.h"
#include "faultline/json.h"
#include "faultline/path.h"
#include "faultline/policy.h"
#include "faultline/report.h"
#include "reports/changes.h"
#include "reports/digest_internal.h"

enum { SETS_MAX = 1000, NODES_OF_EACH = 2, TOP = 2 };

static struct fl_system *join(const char *text, size_t size)
{
	struct fl_scan_set set = { 0 };
	struct fl_error err = { "" };
	cJSON *root = NULL;
	bool good = fl_json_parse("input", text, size, &root, &err) == 0 && fl_scan_set_from_json(&set, "input", root, &err) == 0;
	struct fl_system *s = good ? fl_system_join(&set) : NULL;
	cJSON_Delete(root);
	fl_scan_set_fini(&set);
	return s;
}

/* What stands in a page came from outside: nothing of it may be markup, or move the cursor. */
static void check_text(const char *text)
{
	fuzz_check(!strstr(text, "<script") && !strpbrk(text, "\033\r\a"));
}

static void write_reports(const struct fl_report *r)
{
	static void (*const forms[])(FILE *, const struct fl_digest *) = { fl_markdown_write, fl_report_json_write };
	struct fl_digest *d = fl_digest_new(r);
	struct fl_error err = { "" };
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		fuzz_check(out != NULL);
		forms[i](out, d);
		fclose(out);
		cJSON *root = NULL;
		if (forms[i] == fl_report_json_write)
			fuzz_check(fl_json_parse("report", text, size, &root, &err) == 0);
		else
			check_text(text);
		cJSON_Delete(root);
		free(text);
	}
	FILE *out = fopen("/dev/null", "w");
	fuzz_check(out != NULL);
	fl_dot_write(out, &(struct fl_picture){ .system = r->system, .ranking = r->ranking, .cause = FL_NODE_NONE, .title = "all" });
	fl_policy_write(out, r->system);
	fclose(out);
	fl_digest_free(d);
}

static void ask_of_nodes(const struct fl_system *s)
{
	struct fl_cutset_options o = { .order = 4, .smallest = SETS_MAX, .memory = 64 << 20, .probability = NAN };
	fl_node_id order = fl_graph_order(s->graph);
	for (fl_node_id v = 0; v < order && v < NODES_OF_EACH; v++) {
		fl_paths_free(fl_paths(s, v, order - 1 - v));
		fl_cutsets_free(fl_cutsets(s->graph, v, &o));
	}
}

static void ask(const struct fl_system *s, const struct fl_system *again)
{
	struct fl_diff *d = fl_diff(s, again, NULL);
	fuzz_check(!fl_diff_differs(d));
	struct fl_report r = { .system = s, .top = TOP, .diff = d };
	struct fl_ranking *ranking = fl_rank(s);
	struct fl_reach *reach = fl_reach(s, FL_NODE_NONE);
	struct fl_behave *behave = fl_behave(s);
	struct fl_shared *shared = fl_shared(s);
	r.ranking = ranking, r.reach = reach, r.behave = behave, r.shared = shared;
	write_reports(&r);
	ask_of_nodes(s);
	fl_shared_free(shared);
	fl_behave_free(behave);
	fl_reach_free(reach);
	fl_ranking_free(ranking);
	fl_diff_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_system *s = join((const char *)data, size);
	if (!s)
		return 0;
	struct fl_system *again = join((const char *)data, size);
	fuzz_check(again != NULL);
	ask(s, again);
	fl_system_free(again);
	fl_system_free(s);
	return 0;
}
