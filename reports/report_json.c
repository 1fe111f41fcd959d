/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_json.c - the report as faultline.report/1, for other programs
 *
 *   summary       title, window, counts, the sentences of "In short"
 *   spofs[]       as in faultline.rank/1, with failing[] for the first of them
 *   dependencies[] external ones of every service with the path, as in faultline.deps/1
 *   coverage      as in scans, added up
 *   diff          changes[] as in faultline.diff/1; null without an older set
 *   listed[]      what has no rank, and why
 *   cycles[]      circular dependencies, as in faultline.rank/1
 *   behaviour     findings[] and dependencies[] as in faultline.behave/1; null for a graph file
 */
#include "faultline/json.h"
#include "reports/behave_internal.h"
#include "reports/changes.h"
#include "reports/cycles.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"
#include "reports/shared.h"

static const char *id_of(const struct fl_digest *d, fl_node_id v)
{
	return fl_graph_node(d->report->system->graph, v)->id;
}

static void add_summary(cJSON *root, const struct fl_digest *d)
{
	const struct fl_system *s = d->report->system;
	cJSON *o = cJSON_AddObjectToObject(root, "summary");
	fl_json_add_string(o, "title", d->title);
	cJSON *window = d->window == NULL ? cJSON_AddNullToObject(o, "window") :
					    cJSON_AddObjectToObject(o, "window");
	if (d->window != NULL) {
		fl_json_add_time(window, "start", s->start_ns);
		fl_json_add_time(window, "end", s->end_ns);
	}
	fl_json_add_u64(o, "hosts", d->hosts);
	fl_json_add_u64(o, "services", d->services);
	fl_json_add_u64(o, "entry_points", d->entry_points);
	fl_json_add_u64(o, "external_endpoints", d->external_names);
	fl_json_add_u64(o, "hidden_external_endpoints", d->hidden_externals);
	fl_json_add_strings(o, "sentences", d->sentences, d->sentence_count);
}

static void add_failing(cJSON *spof, const struct fl_digest *d, const struct fl_finding *f)
{
	cJSON *list = cJSON_AddArrayToObject(spof, "failing");
	for (size_t i = 0; i < f->failing_count; i++) {
		cJSON *o = fl_document_append(list);
		fl_json_add_u64(o, "step", (uint64_t)f->failing[i].step);
		fl_json_add_string(o, "node", id_of(d, f->failing[i].node));
		cJSON_AddBoolToObject(o, "entry_point", f->failing[i].entry_point);
	}
}

static void add_spofs(cJSON *root, const struct fl_digest *d)
{
	cJSON *list = cJSON_AddArrayToObject(root, "spofs");
	for (size_t i = 0; i < d->finding_count; i++) {
		const struct fl_finding *f = &d->findings[i];
		const struct fl_spof *s = f->spof;
		cJSON *o = fl_document_append(list);
		fl_json_add_u64(o, "rank", s->rank);
		fl_json_add_string(o, "node", id_of(d, s->node));
		fl_json_add_string(o, "kind", f->kind);
		fl_document_add_nodes(o, "entry_points_lost", d->report->system->graph, s->entry_points_lost, s->entry_point_count);
		fl_json_add_u64(o, "services_lost", s->services_lost);
		fl_json_add_double(o, "expected_loss", s->expected_loss);
		fl_json_add_string(o, "redundancy", s->redundancy);
		fl_json_add_string(o, "why", s->why);
		if (f->blast != NULL)
			add_failing(o, d, f);
	}
}

static void add_evidence(cJSON *o, const struct fl_scan_dependency *m)
{
	fl_json_add_string(o, "name", m->name);
	fl_json_add_string(o, "name_source", fl_name_source_name(m->name_source));
	fl_json_add_u64(o, "port", m->port);
	fl_json_add_string(o, "transport", m->transport);
	fl_json_add_addresses(o, "addresses", m->addresses, m->address_count);
	fl_json_add_strings(o, "cname_chain", m->cname_chain, m->cname_count);
	fl_json_add_string(o, "provider", m->provider);
	fl_json_add_string(o, "class", fl_class_name(m->class));
	fl_json_add_string(o, "attribution", fl_attribution_name(m->attribution));
	fl_json_add_u64(o, "connections", m->connections.tried + m->connections.midstream);
	fl_json_add_u64(o, "exchanges", m->exchanges);
	fl_json_add_u64(o, "failures", m->failures);
	fl_json_add_time(o, "first_seen", m->first_seen_ns);
	fl_json_add_time(o, "last_seen", m->last_seen_ns);
}

static void add_dependencies(cJSON *root, const struct fl_digest *d)
{
	cJSON *list = cJSON_AddArrayToObject(root, "dependencies");
	for (size_t i = 0; i < d->external_count; i++) {
		const struct fl_reached *r = d->externals[i].reached;
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "from", id_of(d, r->from));
		fl_json_add_string(o, "to", id_of(d, r->to));
		cJSON_AddBoolToObject(o, "direct", r->direct);
		fl_document_add_nodes(o, "path", d->report->system->graph, r->path, r->path_length);
		fl_json_add_string(o, "scope", fl_scope_name(FL_SCOPE_EXTERNAL));
		fl_json_add_double(o, "coupling", r->coupling);
		cJSON_AddBoolToObject(o, "background", r->background);
		if (r->last != NULL && r->last->merged != NULL)
			add_evidence(o, r->last->merged);
	}
}

static void add_listed(cJSON *root, const struct fl_digest *d)
{
	cJSON *list = cJSON_AddArrayToObject(root, "listed");
	for (size_t i = 0; i < d->listed_count; i++) {
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "from", d->listed[i].from);
		fl_json_add_string(o, "to", d->listed[i].to);
		fl_json_add_string(o, "why", d->listed[i].why);
	}
}

static void add_diff(cJSON *root, const struct fl_diff *diff)
{
	if (diff == NULL) {
		cJSON_AddNullToObject(root, "diff");
		return;
	}
	cJSON *o = cJSON_AddObjectToObject(root, "diff");
	fl_changes_add_json(o, diff);
}

void fl_report_json_write(FILE *out, const struct fl_digest *d)
{
	cJSON *root = fl_document_new("faultline.report/1");
	add_summary(root, d);
	add_spofs(root, d);
	add_dependencies(root, d);
	fl_document_add_coverage(root, "coverage", d->report->system);
	add_listed(root, d);
	fl_cycles_add_json(root, d->report->system, d->report->cycles);
	fl_shared_add_report_json(root, d);
	fl_behave_add_json(root, d->scanned ? d->report->behave : NULL);
	add_diff(root, d->report->diff);
	fl_json_write(out, root);
	cJSON_Delete(root);
}
