/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_live.c - a live scan of one window: the keeper's loop
 *
 * It ends by its time, by a signal, or when its last interface is gone. A second signal does not wait for the parser to
 * write up what it has: the last write-up is taken.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "capture/keeper.h"
#include "faultline/command.h"
#include "faultline/sandbox.h"
#include "faultline/units.h"

enum { POLL_MS = 200 };

/* One that can write a line anew. */
static bool is_terminal(void)
{
	const char *kind = getenv("TERM");
	return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

static void clear_line(bool terminal)
{
	if (terminal)
		fputs("\r\033[K", stderr);
}

/* Cut: a line that wraps cannot be written anew. */
static void show_progress(const struct keeper *k, int64_t left_ns)
{
	char left[FL_TIME_TEXT], text[160];
	struct winsize size = { 0 };
	const struct parser_progress *p = &k->progress;
	left_ns = left_ns < 0 ? 0 : left_ns;
	snprintf(text, sizeof(text), "%s left: %llu packets, %llu flows open, %llu dependencies, %llu dropped",
		 fl_duration_format(left_ns - left_ns % FL_NS_PER_S, left), (unsigned long long)p->packets,
		 (unsigned long long)p->flows, (unsigned long long)p->dependencies, (unsigned long long)p->dropped);
	int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
	clear_line(true);
	fprintf(stderr, "%.*s", columns - 1, text);
}

static void show_words(struct keeper *k, bool terminal)
{
	char text[WORDS_LINE_MAX];
	while (words_next(&k->words, text)) {
		clear_line(terminal);
		fl_command_warn("scan", "the parsing process says: %s", text);
	}
}

static void capture(struct keeper *k, int64_t for_ns)
{
	int64_t end = live_now(CLOCK_MONOTONIC) + for_ns, shown = 0;
	bool terminal = is_terminal();
	while (k->state == KEEPER_RUNS && scan_stopped() < 2) {
		int64_t now = live_now(CLOCK_MONOTONIC);
		if (now >= end || scan_stopped())
			keeper_finish(k, live_now(CLOCK_REALTIME));
		if (terminal && now - shown >= FL_NS_PER_S / 2) {
			show_progress(k, end - now);
			shown = now;
		}
		struct pollfd fds[] = { keeper_poll(k), keeper_poll_owners(k) };
		int64_t left_ms = (end - now) / 1000000;
		(void)poll(fds, FL_ARRAY_LEN(fds), left_ms >= 0 && left_ms < POLL_MS ? (int)left_ms + 1 : POLL_MS);
		keeper_step(k);
		show_words(k, terminal);
		(void)keeper_end_silent(k);
	}
	clear_line(terminal);
}

static struct fl_scan *result(struct keeper *k, int64_t start_ns, struct fl_error *err)
{
	int64_t end_ns = live_now(CLOCK_REALTIME);
	struct keeper_window window = { 0 };
	fl_fail(err, -EIO, "%s: the parsing process ended and sent no window", k->point);
	struct fl_scan *scan = keeper_take(k, start_ns, end_ns, &window, err) ? keeper_window_scan(&window, err) : NULL;
	if (scan || k->state == KEEPER_ENDED)
		return scan;
	if (!k->so_far && !scan_stopped()) {
		fl_fail(err, -EIO, "%s: %s; nothing was written up before", k->point,
			k->why[0] ? k->why : "the parsing process sent nothing");
		return NULL;
	}
	if (k->why[0])
		fl_command_warn("scan", "%s: %s; what it saw until %.0f s before is kept", k->point, k->why,
				k->so_far ? (double)(end_ns - k->so_far_ns) / 1e9 : 0);
	keeper_salvage(k, start_ns, end_ns, &window);
	return keeper_window_scan(&window, err);
}

static int open_owners(struct scan_run *run, struct fl_error *err)
{
	const char *way = run->options->attribution;
	return fl_attributor_open(&run->owners, way ? (enum fl_attribution_way)scan_attribution_way(way) : FL_ATTRIBUTE_AUTO,
				  err);
}

/* Without permission for packets the table of sockets is what remains; not for one who wants certain packets. */
static bool can_do_without(const struct scan_run *run, int status)
{
	const struct scan_options *o = run->options;
	return status == -EPERM && !o->filter && !o->light && !o->flows && fl_attributor_fd(run->owners) >= 0;
}

static int scan_packets(struct scan_run *run, struct live *live, const char *point, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	struct keeper k = { .pid = -1, .channel = { .fd = -1 }, .words = { .fd = -1 } };
	uint64_t drops = live_interface_drops(o);
	int64_t start = live_now(CLOCK_REALTIME);
	int status = keeper_start(&k, run, &live, point, err);
	if (status == 0) {
		capture(&k, o->for_ns);
		show_words(&k, false);
		struct fl_scan *scan = result(&k, start, err);
		status = scan ? 0 : -EIO;
		if (scan) {
			scan->coverage.dropped_interface += live_interface_drops(o) - drops;
			fl_scan_set_add(&run->scans, scan);
		}
	}
	if (k.tried[0])
		fl_command_warn("scan", "sandbox: %s", k.tried);
	keeper_fini(&k);
	return status;
}

int scan_live(struct scan_run *run, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	struct live *live = NULL;
	char name[HOST_NAME_MAX + 1] = "localhost";
	gethostname(name, sizeof(name) - 1);
	const char *point = o->hosts.count ? o->hosts.list[0] : name;
	int status = fl_sandbox_keep_few(err);
	if (status == 0)
		status = open_owners(run, err);
	if (status)
		return status;
	status = live_open(o, &live, err);
	if (status == 0) {
		status = scan_packets(run, live, point, err);
	} else if (can_do_without(run, status)) {
		fl_command_warn("scan", "%s", err->text);
		status = scan_sockets(run, point, err);
	}
	fl_attributor_close(run->owners);
	run->owners = NULL;
	return status;
}
