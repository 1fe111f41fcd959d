/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_sockets.c - a live scan of one who may not see packets: the table of sockets
 *
 * What it tells is who is connected to whom. It tells no names, exchanges, times or failures, and what was opened and closed
 * between two looks is missing; the scan says so. There are no packets to be afraid of, so there is one process.
 */
#include <errno.h>
#include <poll.h>

#include "capture/live.h"
#include "faultline/command.h"

enum { POLL_MS = 200 };

static void add_owner(void *scanner, const struct fl_owner_record *r)
{
	fl_scanner_owner(scanner, r);
}

static void watch(struct scan_run *run, struct fl_scanner *scanner)
{
	int64_t end = live_now(CLOCK_MONOTONIC) + run->options->for_ns, now;
	while (!scan_stopped() && (now = live_now(CLOCK_MONOTONIC)) < end) {
		struct pollfd fd = { fl_attributor_fd(run->owners), POLLIN, 0 };
		int64_t left_ms = (end - now) / 1000000;
		fl_attributor_poll(run->owners, add_owner, scanner);
		(void)poll(&fd, 1, left_ms < POLL_MS ? (int)left_ms + 1 : POLL_MS);
	}
	fl_attributor_finish(run->owners, add_owner, scanner);
}

int scan_sockets(struct scan_run *run, const char *point, struct fl_error *err)
{
	fl_command_warn("scan", "going on without packets: the table of sockets tells who is connected to whom, but no names, "
			"exchanges, times or failures");
	run->blind = true;
	struct fl_scanner *scanner = scan_scanner_new(run, point, "live");
	int64_t start = live_now(CLOCK_REALTIME);
	int status = live_declare(run->options, scanner, point, err);
	if (status == 0) {
		watch(run, scanner);
		fl_scanner_attribution(scanner, fl_attributor_state(run->owners));
		fl_scanner_window(scanner, start, live_now(CLOCK_REALTIME));
		fl_scan_set_add(&run->scans, fl_scanner_finish(scanner));
	}
	fl_scanner_free(scanner);
	return status;
}
