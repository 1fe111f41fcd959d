/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_write.c - a policy that holds for a system as it is
 *
 * To begin with: everything that was seen is allowed, with the evidence in a comment beside it and a date by which somebody is to
 * have looked at it. What is bad practice stays visible as an exception of its own, so that taking the line out is
 * what makes the pipeline fail. Names come from the wire: every one is written as a JSON string, also in comments, and one that holds
 * a '*' would allow more than itself, so it is left to a person.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/behave.h"
#include "faultline/units.h"
#include "policy_internal.h"

enum { REVIEW_DAYS = 180, CALLERS_NAMED = 3 };
#define ROOM 1.5 /* above and below a timeout that was seen */

static void write_string(FILE *out, const char *text)
{
	cJSON *value = cJSON_CreateString(text);
	char *printed = cJSON_PrintUnformatted(value);
	fputs(printed, out);
	cJSON_free(printed);
	cJSON_Delete(value);
}

static const char *day_of(struct fl_arena *a, int64_t time_ns)
{
	char text[FL_TIME_TEXT];
	return fl_arena_string_n(a, fl_time_format(time_ns, text), 10);
}

/* In a policy it would stand for any text. */
static bool is_pattern(const char *name)
{
	return strchr(name, '*') != NULL;
}

/* ---- externals ---- */

static int by_far_end(const void *va, const void *vb)
{
	const struct fl_dependency *a = *(const struct fl_dependency *const *)va;
	const struct fl_dependency *b = *(const struct fl_dependency *const *)vb;
	int order = strcmp(a->to_id, b->to_id);
	if (order == 0)
		order = (a->merged->port > b->merged->port) - (a->merged->port < b->merged->port);
	return order != 0 ? order : strcmp(a->from_id, b->from_id);
}

static bool same_far_end(const struct fl_dependency *a, const struct fl_dependency *b)
{
	return strcmp(a->to_id, b->to_id) == 0 && a->merged->port == b->merged->port;
}

static void write_callers(FILE *out, const struct fl_dependency *const *list, size_t count)
{
	fputs("\n\t\t\t// used by ", out);
	for (size_t i = 0; i < count && i < CALLERS_NAMED; i++) {
		fputs(i == 0 ? "" : ", ", out);
		write_string(out, list[i]->from_id);
	}
	if (count > CALLERS_NAMED)
		fprintf(out, " and %zu more", count - CALLERS_NAMED);
	fprintf(out, "; %s\n", fl_class_name(list[0]->merged->class));
}

static const char *name_of(const struct fl_dependency *d, char address[static FL_ADDR_TEXT])
{
	if (d->merged->name != NULL)
		return d->merged->name;
	return d->merged->address_count == 0 ? "unknown" : fl_addr_format(&d->merged->addresses[0], address);
}

static void write_external(FILE *out, struct fl_arena *a, const struct fl_dependency *d, int64_t end_ns)
{
	char address[FL_ADDR_TEXT];
	const char *name = name_of(d, address);
	fputs("\t\t\t{\"name\": ", out);
	write_string(out, name);
	int64_t latest = INT64_MAX - (int64_t)REVIEW_DAYS * 86400 * FL_NS_PER_S, end = end_ns < latest ? end_ns : latest;
	fprintf(out, ", \"port\": %u, \"owner\": \"nobody yet\", \"reason\": \"seen on %s, to be reviewed\", \"expires\": \"%s\"}",
		(unsigned)d->merged->port, day_of(a, end_ns),
		day_of(a, end + (int64_t)REVIEW_DAYS * 86400 * FL_NS_PER_S));
}

static void write_externals(FILE *out, struct fl_arena *a, const struct fl_system *s, int64_t end_ns)
{
	const struct fl_dependency **list = fl_alloc_array(s->dependency_count, sizeof(*list));
	size_t count = 0;
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].merged->scope == FL_SCOPE_EXTERNAL && !is_pattern(s->dependencies[i].to_id))
			list[count++] = &s->dependencies[i];
	if (count > 1)
		qsort(list, count, sizeof(*list), by_far_end);
	fputs("\t// What services may use outside: \"name\" (an address or network, too; '*' stands for any text) or \"provider\", and \"port\" and\n"
	      "\t// \"from\" where they matter. After the day in \"expires\" it is a violation until somebody has looked at it again.\n"
	      "\t\"external\": {\n\t\t\"allow\": [", out);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && same_far_end(list[i], list[end]);)
			end++;
		fputs(i == 0 ? "" : ",", out);
		write_callers(out, list + i, end - i);
		write_external(out, a, list[i], end_ns);
	}
	fputs("\n\t\t]\n\t},\n", out);
	free(list);
}

/* ---- retries and timeouts ---- */

static void write_edge(FILE *out, const struct fl_behave_edge *e)
{
	fputs("\t\t{\"from\": ", out);
	write_string(out, e->from);
	fputs(", \"to\": ", out);
	write_string(out, e->to);
}

static void write_retries(FILE *out, const struct fl_behave *b)
{
	fputs("\t// The first statement that fits a caller and what it calls counts.\n\t\"retries\": [\n", out);
	for (size_t i = 0; i < b->edge_count; i++) {
		if (b->edges[i].retry.class != FL_RETRY_IMMEDIATE || is_pattern(b->edges[i].from) ||
			is_pattern(b->edges[i].to))
			continue;
		fprintf(out, "\t\t// tries again at once, %u attempts: to be mended\n", b->edges[i].retry.attempts);
		write_edge(out, &b->edges[i]);
		fputs("},\n", out);
	}
	fputs("\t\t{\"pause\": true}\n\t],\n", out);
}

static void write_timeout(FILE *out, const struct fl_behave_edge *e, const char *phase, double seconds, double longest_s,
	bool *first)
{
	if (isnan(seconds) || is_pattern(e->from) || is_pattern(e->to))
		return;
	fputs(*first ? "\n" : ",\n", out);
	write_edge(out, e);
	fprintf(out, ", \"phase\": \"%s\", \"min_s\": %.3g, \"max_s\": %.3g}", phase, seconds / ROOM,
		fmax(seconds, longest_s) * ROOM);
	*first = false;
}

static void write_timeouts(FILE *out, const struct fl_behave *b)
{
	bool first = true;
	fputs("\t// When callers give up, as far as it was seen.\n\t\"timeouts\": [", out);
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct fl_behave_edge *e = &b->edges[i];
		write_timeout(out, e, "connect", e->connect_timeout.seconds, NAN, &first);
		write_timeout(out, e, "response", e->response_timeout.seconds, e->longest_answer_s, &first);
	}
	fputs(first ? "],\n" : "\n\t],\n", out);
}

/* ---- single points, coverage ---- */

static void write_single_points(FILE *out, const struct fl_system *s)
{
	struct fl_ranking *r = fl_rank(s);
	bool first = true;
	fputs("\t// Single points of failure that are known and accepted, worst first.\n"
	      "\t\"single_points\": {\n\t\t\"allow\": [", out);
	for (size_t i = 0; i < r->count; i++) {
		if (r->list[i].same_as != r->list[i].node || is_pattern(fl_graph_node(s->graph, r->list[i].node)->id))
			continue;
		fputs(first ? "\n\t\t\t" : ",\n\t\t\t", out);
		write_string(out, fl_graph_node(s->graph, r->list[i].node)->id);
		first = false;
	}
	fputs("\n\t\t]\n\t},\n", out);
	fl_ranking_free(r);
}

/* Rounded down to two digits. */
static double at_least(double share)
{
	return floor(share * 90) / 100;
}

static void write_coverage(FILE *out, const struct fl_system *s)
{
	const struct fl_coverage *c = &s->coverage;
	double flows = (double)c->flows, dropped = (double)c->dropped_kernel + (double)c->dropped_interface;
	double drops = dropped + (double)c->packets > 0 ? dropped / (dropped + (double)c->packets) : 0;
	double shortest = INFINITY;
	for (size_t i = 0; i < s->scans.count; i++)
		if (s->scans.list[i]->host_count > 0)
			shortest = fmin(shortest, ((double)s->scans.list[i]->end_ns - (double)s->scans.list[i]->start_ns) /
							  (double)FL_NS_PER_S);
	fputs("\t// What the scans must have seen for all this to mean something.\n\t\"coverage\": {\n", out);
	fprintf(out, "\t\t\"max_drop_share\": %.3g,\n", fmax(0.001, ceil(drops * 1000) / 1000));
	fprintf(out, "\t\t\"min_named_share\": %.2f,\n", flows > 0 ? at_least((double)c->flows_named / flows) : 0);
	fprintf(out, "\t\t\"min_attributed_share\": %.2f,\n",
		flows > 0 ? at_least((flows - (double)c->flows_unattributed) / flows) : 0);
	fprintf(out, "\t\t\"min_window_s\": %.0f\n\t}\n", isinf(shortest) ? 0 : floor(shortest / 2));
}

void fl_policy_write(FILE *out, const struct fl_system *s)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_behave *b = fl_behave(s);
	fputs("// What this system may depend on, and how. 'faultline check INPUT... --policy FILE' holds it against scans.\n{\n"
	      "\t\"schema\": \"faultline.policy/1\",\n", out);
	write_externals(out, a, s, s->end_ns);
	write_retries(out, b);
	write_timeouts(out, b);
	write_single_points(out, s);
	write_coverage(out, s);
	fputs("}\n", out);
	fl_behave_free(b);
	fl_arena_free(a);
}

/* One writer for both: what programs get is what people get, read back. */
int fl_policy_write_plain(FILE *out, const struct fl_system *s, struct fl_error *err)
{
	char *text = NULL;
	size_t size = 0;
	cJSON *root = NULL;
	FILE *memory = open_memstream(&text, &size);
	if (memory == NULL)
		fl_out_of_memory();
	fl_policy_write(memory, s);
	if (fclose(memory) != 0)
		fl_out_of_memory();
	int rc = fl_model_plain("the policy", text, size, err);
	if (rc == 0)
		rc = fl_json_parse("the policy", text, size, &root, err);
	if (rc == 0)
		fl_json_write(out, root);
	cJSON_Delete(root);
	free(text);
	return rc;
}
