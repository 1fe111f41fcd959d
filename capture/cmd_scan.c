/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_scan.c - faultline scan: from files or interfaces to a scan
 *
 * Options, their checks, and what is written; scan_run.c takes the packets. One scanner a capture point. Files: as
 * many points as there are --host names, or one a file when none is given; one name for several files joins them
 * as one point. Interfaces are always one point, this machine. SIGINT and SIGTERM end a live capture early; the
 * scan is written all the same.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/scan_run.h"
#include "capture/scan_text.h"
#include "faultline/command.h"
#include "faultline/merge.h"
#include "faultline/output.h"
#include "faultline/scanner.h"
#include "faultline/units.h"

static const struct fl_option options[] = {
	{ "interface", 'i', FL_OPTION_STRINGS, offsetof(struct scan_options, interfaces), 0, 0, "IFACE",
	  "capture on this interface, or on 'any'; may be given several times (default: any)" },
	{ "read", 'r', FL_OPTION_STRINGS, offsetof(struct scan_options, files), 0, 0, "FILE",
	  "read this capture file (pcap, pcapng, also compressed with gzip or zstd; '-' is standard input); may be given several times" },
	{ "for", 0, FL_OPTION_DURATION, offsetof(struct scan_options, for_ns), FL_NS_PER_S / 10,
	  INT64_C(315360000) * FL_NS_PER_S, "TIME",
	  "end a live capture after this time (default: 60s)" },
	{ "filter", 0, FL_OPTION_STRING, offsetof(struct scan_options, filter), 0, 0, "BPF",
	  "look only at packets that this pcap-filter(7) expression selects" },
	{ "internal", 0, FL_OPTION_STRINGS, offsetof(struct scan_options, internal), 0, 0, "NET|DOMAIN",
	  "count this network or domain as internal, besides the private ranges; may be given several times" },
	{ "host", 0, FL_OPTION_STRINGS, offsetof(struct scan_options, hosts), 0, 0, "NAME",
	  "name of the scanned host; the n-th names the n-th file, a single one all of them (default: the file's name, live: this machine's)" },
	{ "host-addr", 0, FL_OPTION_STRINGS, offsetof(struct scan_options, host_addresses), 0, 0, "[NAME=]ADDR[,ADDR]",
	  "addresses of the scanned host, instead of what the capture shows to be local; with NAME= for that host only" },
	{ "flows", 0, FL_OPTION_STRING, offsetof(struct scan_options, flows), 0, 0, "FILE",
	  "also write every flow, one JSON object a line" },
	{ "out", 'o', FL_OPTION_STRING, offsetof(struct scan_options, out), 0, 0, "FILE|DIR",
	  "write the scan here; a directory gets one file per capture point (default: standard output)" },
	{ "store", 0, FL_OPTION_STRING, offsetof(struct scan_options, store), 0, 0, "DB",
	  "add the scan to this store, which is made when it is not there" },
	{ "keep", 0, FL_OPTION_AGE, offsetof(struct scan_options, keep_ns), FL_NS_PER_S, INT64_C(3153600000) * FL_NS_PER_S, "AGE",
	  "with --store: forget scans in it that ended so long before this one and the one before (default: none)" },
	{ "keep-size", 0, FL_OPTION_SIZE, offsetof(struct scan_options, keep_size), 1 << 20, INT64_MAX, "SIZE",
	  "with --store: forget its oldest scans when it is larger (default: any size)" },
	{ "memory", 0, FL_OPTION_SIZE, offsetof(struct scan_options, memory), 16 << 20, INT64_C(64) << 30, "SIZE",
	  "memory of the process that reads packets, its kernel buffer included; what the tables in it cannot hold is counted (default: 64MiB)" },
	{ "buffer", 0, FL_OPTION_SIZE, offsetof(struct scan_options, buffer), 64 << 10, 1 << 30, "SIZE",
	  "kernel buffer of each interface of a live capture (default: a quarter of --memory for all together, below 32MiB an eighth, at most 16MiB)" },
	{ "snaplen", 0, FL_OPTION_INTEGER, offsetof(struct scan_options, snaplen), 64, 262144, "BYTES",
	  "bytes of each packet that a live capture looks at (default: 65535)" },
	{ "nice", 0, FL_OPTION_INTEGER, offsetof(struct scan_options, nice), 0, 19, "N",
	  "live: niceness of the process that reads packets: on a busy host it waits, and what it misses is counted (default: 0)" },
	{ "light", 0, FL_OPTION_FLAG, offsetof(struct scan_options, light), 0, 0, NULL,
	  "live: let the kernel pass only what names and connection states need; exchanges are not counted then" },
	{ "no-behaviour", 0, FL_OPTION_FLAG, offsetof(struct scan_options, no_behaviour), 0, 0, NULL,
	  "leave out how exchanges went over time: retries, timeouts, stalls, calls per request" },
	{ "attribution", 0, FL_OPTION_STRING, offsetof(struct scan_options, attribution), 0, 0, "WAY",
	  "live: how to tell which service opens a connection: auto, bpf, polled (the table of sockets, again and again) or none (default: auto)" },
	{ "json", 0, FL_OPTION_FLAG, offsetof(struct scan_options, json), 0, 0, NULL,
	  "print the scan itself also on a terminal, where a summary is shown without -o" },
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "scan",
	.synopsis = "[-i IFACE]... [-r FILE]... [--for 60s] [-o SCAN.json] [--store DB]",
	.about = "Watch traffic, live or from capture files, and write down what the hosts depend on",
	.options = options,
	.notes = "Several capture points written to one FILE make a faultline.scan-set/1. Live capture needs\n"
		 "CAP_NET_RAW: run it as root, or once: setcap cap_net_raw+ep FAULTLINE; without it the table of\n"
		 "sockets is looked at. More privileges tell which service opens a connection: see faultline(1), PRIVILEGES.\n",
};

static void on_signal(int number)
{
	(void)number;
	scan_stop();
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- options that need more than the table ---- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool names_a_point(const struct scan_options *o, const char *host_address)
{
	const char *equals = strchr(host_address, '=');
	bool found = !equals || o->files.count == 0;
	for (size_t i = 0; i < o->files.count && !found; i++) {
		char *point = scan_point_of(o, i);
		found = strlen(point) == (size_t)(equals - host_address) &&
			strncmp(point, host_address, strlen(point)) == 0;
		free(point);
	}
	return found;
}

static int check_options(const struct scan_options *o, const struct fl_strings *rest, struct fl_error *err)
{
	if (rest->count)
		return fl_fail(err, -EINVAL, "'%s' is no option; capture files are given with -r", rest->list[0]);
	if (!o->store && (o->keep_ns || o->keep_size))
		return fl_fail(err, -EINVAL, "--keep and --keep-size are of a store; say which with --store DB");
	if (o->interfaces.count && o->files.count)
		return fl_fail(err, -EINVAL, "-i and -r do not go together; scan files and interfaces in two runs");
	if (o->interfaces.count > FL_MERGE_MAX)
		return fl_fail(err, -EINVAL, "more than %d interfaces; use -i any", FL_MERGE_MAX);
	if (o->files.count && o->hosts.count > 1 && o->hosts.count != o->files.count)
		return fl_fail(err, -EINVAL, "%zu --host for %zu -r; name every file, or give one name for all",
			       o->hosts.count, o->files.count);
	for (size_t i = 0; i < o->hosts.count; i++)
		if (!o->hosts.list[i][0])
			return fl_fail(err, -EINVAL, "--host must name the host; leave it out for the default");
	for (size_t i = 0; i < o->host_addresses.count; i++)
		if (!names_a_point(o, o->host_addresses.list[i]))
			return fl_fail(err, -EINVAL, "--host-addr %s: no capture point has this name; see --host",
				       o->host_addresses.list[i]);
	for (size_t i = 0; i < o->files.count; i++)
		if (same_file(o->files.list[i], o->out) || same_file(o->files.list[i], o->flows))
			return fl_fail(err, -EINVAL, "%s would be overwritten while it is read; give another name with -o or --flows",
				       o->files.list[i]);
	if (o->flows && o->out && (strcmp(o->flows, o->out) == 0 || same_file(o->flows, o->out)))
		return fl_fail(err, -EINVAL, "-o and --flows both go to %s; give them different names", o->out);
	if (o->attribution && scan_attribution_way(o->attribution) < 0)
		return fl_fail(err, -EINVAL, "--attribution: '%s' is none of auto, bpf, polled, none", o->attribution);
	if (o->attribution && o->files.count)
		return fl_fail(err, -EINVAL, "--attribution is for live captures; a file holds packets and no sockets");
	if (o->light && o->files.count)
		return fl_fail(err, -EINVAL, "--light is for live captures; a file is read whole");
	if (!o->files.count && o->hosts.count > 1)
		return fl_fail(err, -EINVAL, "a live capture is one host; give --host once");
	return scan_check_memory(o, err);
}

/* ---- writing ---- */

static bool is_directory(const char *path)
{
	struct stat st;
	size_t size = strlen(path);
	return (size && path[size - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int write_one(const char *path, const struct fl_scan *scan, struct fl_error *err)
{
	struct fl_output *out;
	int status = fl_output_open(&out, path, err);
	if (status)
		return status;
	fl_scan_write(fl_output_file(out), scan);
	return fl_output_commit(&out, err);
}

/* Every point needs a file name of its own; known before the first is written. */
static int check_points(const struct scan_run *run, const char *directory, struct fl_error *err)
{
	for (size_t i = 0; i < run->scans.count; i++) {
		const struct fl_scan *scan = run->scans.list[i];
		if (i && strcmp(scan->point, run->scans.list[i - 1]->point) == 0)
			return fl_fail(err, -EEXIST, "%s: two capture points are called %s; tell them apart with --host",
				       directory, scan->point);
		if (strchr(scan->point, '/') || strlen(directory) + strlen(scan->point) + sizeof("/.json") > PATH_MAX)
			return fl_fail(err, -EINVAL, "%s: '%s' cannot be a file name; give --host", directory,
				       scan->point);
	}
	return 0;
}

static int write_directory(const struct scan_run *run, const char *directory, struct fl_error *err)
{
	int status = check_points(run, directory, err);
	size_t size = strlen(directory);
	for (size_t i = 0; i < run->scans.count && status == 0; i++) {
		char path[PATH_MAX + 8];
		snprintf(path, sizeof(path), "%s%s%s.json", directory, size && directory[size - 1] == '/' ? "" : "/",
			 run->scans.list[i]->point);
		status = write_one(path, run->scans.list[i], err);
	}
	return status;
}

static int show_scans(const struct scan_run *run)
{
	for (size_t i = 0; i < run->scans.count; i++)
		scan_text_write(stdout, run->scans.list[i]);
	puts("Nothing was kept; -o FILE keeps the scan, faultline report FILE -o review.html makes a report of it.");
	return 0;
}

static int write_scans(struct scan_run *run, struct fl_error *err)
{
	const char *path = run->options->out ? run->options->out : "-";
	struct fl_output *out;
	fl_scan_set_normalise(&run->scans);
	if (!run->options->out && run->options->store && !run->options->json)
		return 0;
	if (!run->options->out && !run->options->json && isatty(STDOUT_FILENO))
		return show_scans(run);
	if (is_directory(path))
		return write_directory(run, path, err);
	if (run->scans.count == 1)
		return write_one(path, run->scans.list[0], err);
	int status = fl_output_open(&out, path, err);
	if (status)
		return status;
	fl_scan_set_write(fl_output_file(out), &run->scans);
	return fl_output_commit(&out, err);
}

/* Blind spots of this very run, not of the traffic. */
static bool is_damage(const char *kind)
{
	return strcmp(kind, "cut-short") == 0 || strcmp(kind, "interface-lost") == 0 || strcmp(kind, "snaplen") == 0 ||
	       strcmp(kind, "interrupted") == 0;
}

static void warn_damage(const char *point, const struct fl_scan_blind_spot *b)
{
	if (fl_scan_blind_spot_counts(b->kind))
		fl_command_warn("scan", "%s: %s (%llu)", point, b->text, (unsigned long long)b->count);
	else
		fl_command_warn("scan", "%s: %s", point, b->text);
}

static void warn_limit(const char *point, const struct fl_scan_limit *l)
{
	fl_command_warn("scan", "%s: %llu %s (limit of the %s: %llu): %s", point, (unsigned long long)l->hits, l->what, l->name,
			(unsigned long long)l->limit, fl_scan_limit_means(l->name));
}

static void warn_losses(const struct scan_run *run)
{
	for (size_t i = 0; i < run->scans.count; i++) {
		const struct fl_scan *scan = run->scans.list[i];
		uint64_t dropped = scan->coverage.dropped_kernel + scan->coverage.dropped_interface;
		if (dropped)
			fl_command_warn("scan", "%s: %llu packets were dropped and not seen", scan->point,
					(unsigned long long)dropped);
		if (scan->coverage.flows == 0 && !run->blind)
			fl_command_warn("scan", "%s: %llu packets and no TCP or UDP flow in them; is it the right %s?",
					scan->point, (unsigned long long)scan->coverage.packets,
					run->options->files.count ? "file, and the filter" : "interface, and the filter");
		for (size_t k = 0; k < scan->coverage.blind_spot_count; k++)
			if (is_damage(scan->coverage.blind_spots[k].kind))
				warn_damage(scan->point, &scan->coverage.blind_spots[k]);
		for (size_t k = 0; k < scan->coverage.limit_count; k++)
			warn_limit(scan->point, &scan->coverage.limits[k]);
	}
}

/* Better now than after an hour of capture: "DIR/" is made, a file must be writable. */
static int prepare_output(const struct scan_options *o, struct fl_error *err)
{
	struct fl_output *probe;
	size_t size = o->out ? strlen(o->out) : 0;
	if (!o->out) {
		if (!o->json && !o->store && isatty(STDOUT_FILENO) && !o->files.count)
			fl_command_warn("scan", "without -o FILE a summary is shown and the scan is not kept");
		return 0;
	}
	if (size && o->out[size - 1] == '/' && mkdir(o->out, 0777) != 0 && errno != EEXIST)
		return fl_fail(err, -errno, "cannot make directory %s: %s; %s", o->out, strerror(errno),
			       errno == ENOENT ? "make the one above it first" : "give another with -o");
	if (is_directory(o->out) || strcmp(o->out, "-") == 0)
		return 0;
	int status = fl_output_open(&probe, o->out, err);
	if (status == 0)
		fl_output_abort(&probe);
	return status;
}

static int store_scans(struct scan_run *run, struct fl_error *err)
{
	int status = 0;
	for (size_t i = 0; i < run->scans.count && status >= 0; i++) {
		status = fl_store_add(run->store, run->scans.list[i], err);
		if (status == FL_STORE_KNOWN)
			fl_command_warn("scan", "%s: a scan of %s with this start is in it already; left as it is",
					run->options->store, run->scans.list[i]->point);
	}
	return status < 0 ? status : 0;
}

static void take_end(void *context, const struct fl_store_window *w)
{
	int64_t *end_ns = context;
	*end_ns = w->end_ns > *end_ns ? w->end_ns : *end_ns;
}

/* When the newest scan in the store ended; INT64_MIN when there is none. */
static int newest_end(struct scan_run *run, int64_t *end_ns, struct fl_error *err)
{
	const struct fl_store_range latest = { INT64_MIN, INT64_MAX, true };
	*end_ns = INT64_MIN;
	return run->options->keep_ns > 0 ? fl_store_list(run->store, &latest, take_end, end_ns, err) : 0;
}

/* Age is counted from the end of the newest scan that was added, or from @before_ns, the newest that was there before, when that is
 * earlier: a scan with a clock that is far ahead must not empty the store by itself. */
static int expire(struct scan_run *run, int64_t before_ns, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	int64_t end_ns = INT64_MIN;
	for (size_t i = 0; i < run->scans.count; i++)
		end_ns = run->scans.list[i]->end_ns > end_ns ? run->scans.list[i]->end_ns : end_ns;
	end_ns = before_ns < end_ns ? before_ns : end_ns;
	bool aged = o->keep_ns > 0 && end_ns >= 0;
	if (!aged && o->keep_size == 0)
		return 0;
	return fl_store_expire(run->store, aged ? end_ns - o->keep_ns : INT64_MIN, o->keep_size, NULL, err);
}

static int run_scan(const struct scan_options *o, struct fl_error *err)
{
	struct scan_run run = { .options = o };
	int64_t before_ns = INT64_MIN;
	int status = scan_read_internal(&run, err);
	if (status == 0)
		status = prepare_output(o, err);
	if (status == 0 && o->store)
		status = fl_store_open(&run.store, o->store, FL_STORE_WRITE, err);
	if (status == 0 && o->flows)
		status = fl_output_open(&run.flows, o->flows, err);
	if (status == 0)
		status = o->files.count ? scan_files(&run, err) : scan_live(&run, err);
	if (status == 0 && run.flows)
		status = fl_output_commit(&run.flows, err);
	if (status == 0 && run.store)
		status = newest_end(&run, &before_ns, err);
	if (status == 0 && run.store)
		status = store_scans(&run, err);
	if (status == 0 && run.store)
		status = expire(&run, before_ns, err);
	if (status == 0)
		status = write_scans(&run, err);
	if (status == 0)
		warn_losses(&run);
	fl_output_abort(&run.flows);
	fl_store_close(run.store);
	scan_run_fini(&run);
	return status;
}

static void free_options(struct scan_options *o)
{
	fl_strings_fini(&o->interfaces);
	fl_strings_fini(&o->files);
	fl_strings_fini(&o->internal);
	fl_strings_fini(&o->hosts);
	fl_strings_fini(&o->host_addresses);
}

static int scan_main(int argc, char **argv)
{
	struct scan_options o = { .for_ns = 60 * FL_NS_PER_S, .memory = 64 << 20, .snaplen = 65535 };
	struct fl_strings rest = { 0 };
	struct fl_error err;
	int status = fl_options_parse(&usage, argc, argv, &o, &rest, &err);
	if (status == FL_OPTIONS_OK)
		status = check_options(&o, &rest, &err);
	if (status == 0) {
		catch_signals();
		status = run_scan(&o, &err);
	}
	fl_strings_fini(&rest);
	free_options(&o);
	return status < 0 ? fl_command_fail("scan", &err) : FL_EXIT_OK;
}

const struct fl_command fl_command_scan = { "scan", scan_main, &usage };
