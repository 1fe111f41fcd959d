/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_text.c - a scan as a few lines for the person who just ran it
 *
 * Shown where the scan's JSON would otherwise flood a terminal. Only what was seen: rankings need the
 * joined graph and are other commands' work.
 */
#include "capture/scan_text.h"

#include <string.h>

#include "faultline/arena.h"
#include "faultline/escape.h"
#include "faultline/units.h"

static void write_far_end(FILE *out, const struct fl_scan_dependency *d)
{
	char text[FL_ADDR_TEXT];
	if (d->name)
		fl_escape_write(out, FL_LANGUAGE_TERMINAL, d->name);
	else if (d->address_count)
		fputs(fl_addr_format(&d->addresses[0], text), out);
	fprintf(out, ":%u/%s", d->port, d->transport);
	if (d->application)
		fprintf(out, "  %s", d->application);
}

static void write_dependency(FILE *out, struct fl_arena *a, const struct fl_scan_dependency *d)
{
	fputs("    ", out);
	write_far_end(out, d);
	fprintf(out, "  %s  %s", fl_scope_name(d->scope), fl_class_name(d->class));
	if (d->exchanges)
		fprintf(out, "  %s exchanges", fl_arena_count(a, d->exchanges));
	else
		fprintf(out, "  %s connections", fl_arena_count(a, d->connections.tried + d->connections.midstream));
	if (d->failures)
		fprintf(out, ", %s failed", fl_arena_count(a, d->failures));
	putc('\n', out);
}

static bool is_listed(const struct fl_scan_dependency *d)
{
	return d->answered && d->class != FL_CLASS_PROBE;
}

static void write_dependencies(FILE *out, struct fl_arena *a, const struct fl_scan *s)
{
	const struct fl_scan_dependency *last = NULL;
	size_t left_out = 0;
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_scan_dependency *d = &s->dependencies[i];
		if (!is_listed(d)) {
			left_out++;
			continue;
		}
		if (!last || strcmp(last->host, d->host) != 0 || strcmp(last->service, d->service) != 0) {
			fl_escape_write(out, FL_LANGUAGE_TERMINAL, d->host);
			putc('/', out);
			fl_escape_write(out, FL_LANGUAGE_TERMINAL, d->service);
			fputs(" depends on\n", out);
		}
		write_dependency(out, a, d);
		last = d;
	}
	if (!last)
		fputs("No dependency was seen.\n", out);
	if (left_out)
		fprintf(out, "Not listed: probes and endpoints that never answered (%s).\n", fl_arena_count(a, left_out));
}

static void write_blind_spot(FILE *out, struct fl_arena *a, const struct fl_scan_blind_spot *b)
{
	if (fl_scan_blind_spot_counts(b->kind))
		fprintf(out, "Not seen: %s (%s).\n", b->text, fl_arena_count(a, b->count));
	else
		fprintf(out, "Less sure: %s.\n", b->text);
}

void scan_text_write(FILE *out, const struct fl_scan *s)
{
	const struct fl_coverage *c = &s->coverage;
	char window[FL_TIME_TEXT];
	struct fl_arena *a = fl_arena_new();
	fl_escape_write(out, FL_LANGUAGE_TERMINAL, s->point);
	fprintf(out, ": %s, %s packets, %s dropped, %s flows\n",
		fl_duration_format(fl_time_span(s->start_ns, s->end_ns), window), fl_arena_count(a, c->packets),
		fl_arena_count(a, c->dropped_kernel + c->dropped_interface), fl_arena_count(a, c->flows));
	write_dependencies(out, a, s);
	for (size_t i = 0; i < c->blind_spot_count; i++)
		write_blind_spot(out, a, &c->blind_spots[i]);
	fl_arena_free(a);
}
