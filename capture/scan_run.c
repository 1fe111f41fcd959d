/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_run.c - packets of files into one scanner a capture point
 *
 * Several files of one point are merged by their stamps. Interfaces: scan_live.c.
 */
#include "capture/scan_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/merge.h"
#include "faultline/units.h"

/* The one global: set by the signal handler. */
static volatile sig_atomic_t interrupted;

void scan_stop(void)
{
	if (interrupted < 2)
		interrupted = interrupted + 1;
}

int scan_stopped(void)
{
	return interrupted;
}

/* ---- memory ---- */

/* PROGRAM_BYTES: code, libraries, stacks and tables of fixed size, as far as they are touched. What full tables come to while they are
 * written up was measured to be half as much again; files have no ring beside them and no keeper. */
enum { PROGRAM_BYTES = 10 << 20, SIXTEENTHS_LIVE = 10, SIXTEENTHS_FILE = 11 };
enum { BUFFER_MOST = 16 << 20, BUFFER_LEAST = 64 << 10, BUFFER_PART = 4, BUFFER_PART_OF_LITTLE = 8, LITTLE = 32 << 20 };
enum { FRAGMENTS_MOST = 4 << 20, FRAGMENTS_PART = 32, TABLES_LEAST = 512 << 10 };

static uint64_t rings(const struct scan_options *o)
{
	if (o->files.count)
		return 0;
	return o->interfaces.count ? o->interfaces.count : 1;
}

/* What is not asked for is a quarter, for all rings together; of little memory, of which the program is the most, an eighth. */
static uint64_t ring_size(const struct scan_options *o)
{
	uint64_t part = o->memory / (o->memory < LITTLE ? BUFFER_PART_OF_LITTLE : BUFFER_PART);
	uint64_t all = part < BUFFER_MOST ? part : BUFFER_MOST;
	uint64_t each = rings(o) ? all / rings(o) : 0;
	return o->buffer ? o->buffer : each < BUFFER_LEAST ? BUFFER_LEAST : each;
}

struct scan_shares scan_shares(const struct scan_options *o)
{
	if (!rings(o))
		return (struct scan_shares){ .tables = o->memory / 16 * SIXTEENTHS_FILE };
	uint64_t fragments = o->memory / FRAGMENTS_PART < FRAGMENTS_MOST ? o->memory / FRAGMENTS_PART : FRAGMENTS_MOST;
	uint64_t taken = rings(o) * ring_size(o) + fragments + PROGRAM_BYTES, left = o->memory > taken ? o->memory - taken : 0;
	return (struct scan_shares){ ring_size(o), fragments / rings(o), left / 16 * SIXTEENTHS_LIVE };
}

int scan_check_memory(const struct scan_options *o, struct fl_error *err)
{
	uint64_t all = rings(o) * ring_size(o);
	if (all <= o->memory / 2 && scan_shares(o).tables >= TABLES_LEAST)
		return 0;
	return fl_fail(err, -EINVAL, "--buffer: %llu KiB for the rings of the interfaces leave too little of --memory (%llu KiB) for the tables; "
		       "give it more memory, or smaller buffers", (unsigned long long)(all >> 10), (unsigned long long)(o->memory >> 10));
}

static int declare_list(struct fl_locality *l, char *list, struct fl_error *err)
{
	char *rest = NULL;
	for (char *text = strtok_r(list, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
		struct fl_addr a;
		if (!fl_addr_parse(text, &a))
			return fl_fail(err, -EINVAL, "--host-addr: '%s' is no IP address; give e.g. web=10.0.0.5", text);
		fl_locality_declare(l, &a, "given");
	}
	return 0;
}

/* --host-addr entries that are for @point. */
int scan_declare_given(const struct scan_options *o, struct fl_locality *l, const char *point,
			 struct fl_error *err)
{
	int status = 0;
	for (size_t i = 0; i < o->host_addresses.count && status == 0; i++) {
		const char *text = o->host_addresses.list[i], *equals = strchr(text, '=');
		if (equals && (strlen(point) != (size_t)(equals - text) ||
			       strncmp(point, text, (size_t)(equals - text)) != 0))
			continue;
		char *copy = fl_copy_string(equals ? equals + 1 : text);
		status = declare_list(l, copy, err);
		free(copy);
	}
	return status;
}

int scan_read_internal(struct scan_run *run, struct fl_error *err)
{
	const struct fl_strings *list = &run->options->internal;
	run->internal = fl_alloc_array(list->count + 1, sizeof(*run->internal));
	run->domains = fl_alloc_array(list->count + 1, sizeof(*run->domains));
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->list[i];
		if (fl_prefix_parse(text, &run->internal[run->internal_count]))
			run->internal_count++;
		else if (strchr(text, '/') || strchr(text, ':'))
			return fl_fail(err, -EINVAL, "--internal: '%s' is no network; give e.g. 203.0.113.0/24, or a domain",
				       text);
		else
			run->domains[run->domain_count++] = *text == '.' ? text + 1 : text;
	}
	return 0;
}

void scan_run_fini(struct scan_run *run)
{
	fl_scan_set_fini(&run->scans);
	free(run->internal);
	free(run->domains);
}

/* "captures/web.pcap.gz" is web. */
static char *point_of_file(const char *path)
{
	static const char *const endings[] = { ".gz", ".zst", ".pcapng", ".pcap", ".cap", ".dmp" };
	if (strcmp(path, "-") == 0)
		return fl_copy_string("stdin");
	const char *base = strrchr(path, '/');
	char *name = fl_copy_string(base ? base + 1 : path);
	for (size_t i = 0; i < FL_ARRAY_LEN(endings); i++) {
		size_t size = strlen(name), ending = strlen(endings[i]);
		if (size > ending && strcmp(name + size - ending, endings[i]) == 0)
			name[size - ending] = 0;
	}
	return name;
}

char *scan_point_of(const struct scan_options *o, size_t file)
{
	if (o->hosts.count == 1)
		return fl_copy_string(o->hosts.list[0]);
	return o->hosts.count ? fl_copy_string(o->hosts.list[file]) : point_of_file(o->files.list[file]);
}

static enum fl_scanner_unseen unseen_of(const struct scan_run *run)
{
	if (!run->owners || run->options->filter)
		return FL_UNSEEN_LEFT_OUT;
	return run->blind ? FL_UNSEEN_ALL : FL_UNSEEN_BEFORE;
}

struct fl_scanner *scan_scanner_new(struct scan_run *run, const char *point, const char *source)
{
	struct fl_scanner_options o = {
		.point = point,
		.source = source,
		.memory = scan_shares(run->options).tables,
		.flows = run->flows ? fl_output_file(run->flows) : NULL,
		.light = run->options->light,
		.no_behaviour = run->options->no_behaviour,
		.unseen = unseen_of(run),
		.netns = run->owners ? fl_attributor_state(run->owners)->netns : 0,
		.internal = run->internal,
		.internal_count = run->internal_count,
		.internal_domains = run->domains,
		.internal_domain_count = run->domain_count,
	};
	return fl_scanner_new(&o);
}

static void close_all(struct fl_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		fl_source_close(merge->list[i].source);
	merge->count = 0;
}

static void add_counters(struct fl_scanner *scanner, const struct fl_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		fl_scanner_counters(scanner, fl_source_counters(merge->list[i].source));
}

/* Files of one capture point, by time, also where they overlap. */
static int scan_together(struct scan_run *run, struct fl_scanner *scanner, const char *const *files, size_t count,
			 struct fl_error *err)
{
	struct fl_merge *merge = fl_alloc(sizeof(*merge));
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t n;
	int status = 0;
	for (size_t i = 0; i < count && status == 0; i++) {
		struct fl_source *source;
		status = fl_source_open_file(&source, files[i], run->options->filter, err);
		if (status == 0)
			fl_merge_add(merge, source);
	}
	if (status == 0)
		while ((status = fl_merge_batch(merge, INT64_MAX, list, &n, err)) == 1 && !interrupted)
			fl_scanner_packets(scanner, list, n);
	if (status >= 0)
		add_counters(scanner, merge);
	close_all(merge);
	free(merge);
	return status < 0 ? status : 0;
}

static int scan_point(struct scan_run *run, const char *point, const char *const *files, size_t count,
		      struct fl_error *err)
{
	struct fl_scanner *scanner = scan_scanner_new(run, point, "file");
	int status = scan_declare_given(run->options, fl_scanner_locality(scanner), point, err);
	/* More files than can be open at a time are taken to follow each other. */
	for (size_t i = 0; i < count && status == 0 && !interrupted; i += FL_MERGE_MAX)
		status = scan_together(run, scanner, files + i, count - i < FL_MERGE_MAX ? count - i : FL_MERGE_MAX, err);
	if (interrupted)
		fl_scanner_interrupted(scanner);
	if (status == 0)
		fl_scan_set_add(&run->scans, fl_scanner_finish(scanner));
	fl_scanner_free(scanner);
	return status;
}

int scan_files(struct scan_run *run, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	if (o->hosts.count == 1)
		return scan_point(run, o->hosts.list[0], o->files.list, o->files.count, err);
	int status = 0;
	for (size_t i = 0; i < o->files.count && status == 0 && !interrupted; i++) {
		char *point = scan_point_of(o, i);
		status = scan_point(run, point, &o->files.list[i], 1, err);
		free(point);
	}
	return status;
}

int scan_attribution_way(const char *word)
{
	static const char *const words[] = { "auto", "bpf", "polled", "none" };
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	return -1;
}
