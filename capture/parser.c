/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parser.c - the process that reads packets: open handles in, scans out
 *
 * The scanner is made before the fences go up: libraries open their files, ciphers are fetched, memory is taken. From then
 * on there is one loop: orders from the keeper first, since owners of sockets are wanted before the first packet of a flow,
 * then packets, then what is to be told.
 *
 * A window in the making is written up and sent from time to time, so that a crash loses little. What that costs is
 * measured: at most a fiftieth of the time goes into it.
 *
 * When the keeper is gone there is nobody to report to: the process ends.
 */
#include "capture/parser.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "capture/scan_pieces.h"
#include "faultline/units.h"

enum { POLL_MS = 100, SO_FAR_COST = 50 };
#define HOLD_NS (INT64_C(250) * 1000000) /* above the kernel's block time-out of 100 ms */
#define LAST_NS (INT64_C(150) * 1000000) /* so is this */
#define SO_FAR_FIRST_NS (2 * FL_NS_PER_S)
#define SO_FAR_EVERY_NS (10 * FL_NS_PER_S)

struct parser {
	struct live *live;
	struct fl_scanner *scanner;
	struct channel channel;
	FILE *flows;
	int64_t start_ns;           /* of the window */
	int64_t so_far_due_ns, progress_due_ns;
	uint64_t dependencies;
	struct parser_cut finish;   /* end_ns 0: not yet */
	bool looked;                /* owners of what was there before have come */
	bool gone[FL_MERGE_MAX];
};

static _Noreturn void give_up(struct parser *p, const char *text)
{
	(void)channel_send(&p->channel, MESSAGE_ERROR, text, strlen(text));
	(void)channel_flush(&p->channel);
	_exit(FL_EXIT_ERROR);
}

static void send_scan(struct parser *p, enum parser_message type, struct fl_scan *scan)
{
	struct packed packed;
	FILE *out = packed_open(&packed, PACKED_FAST);
	scan_pieces_write(out, scan);
	if (fclose(out) != 0)
		fl_out_of_memory();
	p->dependencies = scan->dependency_count;
	fl_scan_free(scan);
	bool sent = channel_send(&p->channel, type, packed.data, packed.size);
	packed_fini(&packed);
	fl_trim_memory();
	if (!sent && type == MESSAGE_WINDOW)
		give_up(p, "the window is too large, or the keeper does not take it");
}

/* So long at most: when the clock was set back, everything that still comes is from before the end. */
#define CATCH_UP_NS (5 * FL_NS_PER_S)

/* Orders come before packets; where the kernel was faster than this process there are still some of before the end. */
static void catch_up(struct parser *p, int64_t end_ns)
{
	struct fl_error err;
	int status = 1;
	int64_t until = live_now(CLOCK_MONOTONIC) + CATCH_UP_NS;
	p->live->merge.last_ns = end_ns;
	while (status == 1 && live_now(CLOCK_MONOTONIC) < until)
		status = live_drain(p->live, p->scanner, live_now(CLOCK_REALTIME) - HOLD_NS, &err);
	p->live->merge.last_ns = 0;
	if (status < 0 && status != FL_SOURCE_END)
		give_up(p, err.text);
}

static void cut(struct parser *p, const struct parser_cut *c)
{
	catch_up(p, c->end_ns);
	live_count(p->live, p->scanner);
	fl_scanner_window(p->scanner, p->start_ns, c->end_ns);
	send_scan(p, MESSAGE_WINDOW, fl_scanner_cut(p->scanner, c->end_ns));
	fl_scanner_window(p->scanner, c->next_ns, 0);
	p->start_ns = c->next_ns;
	p->so_far_due_ns = live_now(CLOCK_MONOTONIC) + SO_FAR_EVERY_NS;
}

enum { OWNER_FIXED = offsetof(struct fl_owner_record, service) };

size_t parser_pack_owner(const struct fl_owner_record *r, char packed[static sizeof(struct fl_owner_record)])
{
	size_t service = strnlen(r->service, sizeof(r->service) - 1), command = strnlen(r->command, sizeof(r->command) - 1);
	memcpy(packed, r, OWNER_FIXED);
	memcpy(packed + OWNER_FIXED, r->service, service);
	packed[OWNER_FIXED + service] = 0;
	memcpy(packed + OWNER_FIXED + service + 1, r->command, command);
	return OWNER_FIXED + service + 1 + command;
}

bool parser_unpack_owner(struct fl_owner_record *r, const char *packed, size_t size)
{
	const char *service = packed + OWNER_FIXED;
	const char *end = size > OWNER_FIXED ? memchr(service, 0, size - OWNER_FIXED) : NULL;
	if (!end || (size_t)(end - service) >= sizeof(r->service))
		return false;
	size_t command = size - (size_t)(end + 1 - packed);
	if (command >= sizeof(r->command))
		return false;
	*r = (struct fl_owner_record){ 0 };
	memcpy(r, packed, OWNER_FIXED);
	memcpy(r->service, service, (size_t)(end - service));
	memcpy(r->command, end + 1, command);
	return true;
}

static void obey(struct parser *p, uint32_t type, const void *data, size_t size)
{
	struct fl_owner_record owner;
	struct fl_attribution_state state;
	struct parser_cut order;
	struct fl_addr address;
	if (type == MESSAGE_OWNER) {
		if (parser_unpack_owner(&owner, data, size))
			fl_scanner_owner(p->scanner, &owner);
	} else if (type == MESSAGE_ATTRIBUTION && size == sizeof(state)) {
		memcpy(&state, data, size);
		fl_scanner_attribution(p->scanner, &state);
	} else if (type == MESSAGE_LOOKED) {
		p->looked = true;
	} else if (type == MESSAGE_ADDRESS && size == sizeof(address)) {
		memcpy(&address, data, size);
		fl_locality_declare(fl_scanner_locality(p->scanner), &address, "interface");
	} else if ((type == MESSAGE_CUT || type == MESSAGE_FINISH) && size == sizeof(order)) {
		memcpy(&order, data, size);
		if (type == MESSAGE_CUT)
			cut(p, &order);
		else
			p->finish = order;
	}
}

static void take_orders(struct parser *p)
{
	uint32_t type;
	const void *data;
	size_t size;
	if (channel_fill(&p->channel) < 0)
		_exit(FL_EXIT_ERROR); /* the keeper is gone */
	while (channel_next(&p->channel, &type, &data, &size) == 1)
		obey(p, type, data, size);
}

static void tell_progress(struct parser *p)
{
	struct fl_scanner_progress s = fl_scanner_progress(p->scanner);
	struct parser_progress progress = { .dropped = live_dropped(p->live), .flows = s.flows, .conversations = s.conversations,
					    .dependencies = p->dependencies };
	for (uint32_t i = 0; i < p->live->merge.count; i++) {
		const struct fl_merge_source *source = &p->live->merge.list[i];
		progress.packets += fl_source_counters(source->source)->packets;
		progress.bytes += fl_source_counters(source->source)->bytes;
		if (source->ended && !p->gone[i])
			p->gone[i] = channel_send(&p->channel, MESSAGE_GONE, &i, sizeof(i));
	}
	(void)channel_send(&p->channel, MESSAGE_PROGRESS, &progress, sizeof(progress));
}

/* While something waits to be sent the keeper is behind: nothing is added. */
static void tell(struct parser *p)
{
	int64_t now = live_now(CLOCK_MONOTONIC);
	if (now >= p->progress_due_ns && !channel_waits(&p->channel)) {
		tell_progress(p);
		p->progress_due_ns = now + FL_NS_PER_S / 2;
	}
	if (now >= p->so_far_due_ns && !channel_waits(&p->channel)) {
		live_count(p->live, p->scanner);
		fl_scanner_window(p->scanner, p->start_ns, 0);
		send_scan(p, MESSAGE_SO_FAR, fl_scanner_so_far(p->scanner, live_now(CLOCK_REALTIME)));
		if (p->flows)
			fflush(p->flows);
		int64_t cost = live_now(CLOCK_MONOTONIC) - now;
		p->so_far_due_ns = now + (cost * SO_FAR_COST > SO_FAR_EVERY_NS ? cost * SO_FAR_COST : SO_FAR_EVERY_NS);
	}
	if (channel_flush(&p->channel) < 0)
		_exit(FL_EXIT_ERROR);
}

/* The kernel hands over a block of packets when it is full or its time is over: what was sent before the end may be in one. Owners still
 * come, too: one who tells of a socket may be put aside by the kernel while he does, and all that others tell waits behind him. */
static int read_last(struct parser *p, struct fl_error *err)
{
	size_t n = p->live->merge.count;
	int64_t now = live_now(CLOCK_MONOTONIC), until = now + LAST_NS;
	int status = 0;
	p->live->until_ns = p->finish.end_ns;
	for (; status >= 0 && status != FL_SOURCE_END && now < until; now = live_now(CLOCK_MONOTONIC)) {
		p->live->poll[n] = (struct pollfd){ p->channel.fd, POLLIN, 0 };
		if (poll(p->live->poll, n + 1, (int)((until - now) / 1000000) + 1) < 0 && errno != EINTR)
			return fl_fail(err, -errno, "waiting for packets: %s", strerror(errno));
		take_orders(p);
		status = live_drain(p->live, p->scanner, live_now(CLOCK_REALTIME) - HOLD_NS, err);
	}
	return status;
}

/* Exchanges of connections that were there before have their owner from the first on. Packets wait in the kernel meanwhile. */
static void wait_for_owners(struct parser *p)
{
	int64_t until = live_now(CLOCK_MONOTONIC) + HOLD_NS, now;
	while (!p->looked && !p->finish.end_ns && (now = live_now(CLOCK_MONOTONIC)) < until) {
		struct pollfd fd = { p->channel.fd, channel_waits(&p->channel) ? POLLIN | POLLOUT : POLLIN, 0 };
		(void)poll(&fd, 1, (int)((until - now) / 1000000) + 1);
		if (channel_flush(&p->channel) < 0)
			_exit(FL_EXIT_ERROR);
		take_orders(p);
	}
}

static int read_packets(struct parser *p, struct fl_error *err)
{
	size_t n = p->live->merge.count;
	int status = 0;
	wait_for_owners(p);
	while (!p->finish.end_ns && status >= 0 && status != FL_SOURCE_END) {
		short wanted = channel_waits(&p->channel) ? POLLIN | POLLOUT : POLLIN;
		p->live->poll[n] = (struct pollfd){ p->channel.fd, wanted, 0 };
		if (poll(p->live->poll, n + 1, POLL_MS) < 0 && errno != EINTR)
			return fl_fail(err, -errno, "waiting for packets: %s", strerror(errno));
		take_orders(p);
		status = live_drain(p->live, p->scanner, live_now(CLOCK_REALTIME) - HOLD_NS, err);
		tell(p);
	}
	if (p->finish.end_ns && status >= 0 && status != FL_SOURCE_END)
		status = read_last(p, err);
	/* What is still held back. */
	while (status >= 0 && status != FL_SOURCE_END &&
	       (status = live_drain(p->live, p->scanner, INT64_MAX, err)) == 1)
		continue;
	live_stop(p->live);
	while (status >= 0 && status != FL_SOURCE_END)
		status = live_drain(p->live, p->scanner, INT64_MAX, err);
	return status < 0 ? status : 0;
}

/* All that waits, however long the keeper takes. */
static void flush_all(struct parser *p)
{
	while (channel_waits(&p->channel)) {
		struct pollfd fd = { p->channel.fd, POLLOUT, 0 };
		(void)poll(&fd, 1, POLL_MS);
		if (channel_flush(&p->channel) < 0)
			_exit(FL_EXIT_ERROR);
	}
}

static _Noreturn void finish(struct parser *p)
{
	live_count(p->live, p->scanner);
	tell_progress(p);
	flush_all(p);
	fl_scanner_window(p->scanner, p->start_ns, p->finish.end_ns ? p->finish.end_ns : live_now(CLOCK_REALTIME));
	send_scan(p, MESSAGE_WINDOW, fl_scanner_finish(p->scanner));
	if (p->flows && fflush(p->flows) != 0)
		give_up(p, "the file of flows could not be written");
	(void)channel_send(&p->channel, MESSAGE_END, NULL, 0);
	flush_all(p);
	_exit(FL_EXIT_OK);
}

/* Signals are the keeper's; what comes from the terminal reaches both. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, usual = { .sa_handler = SIG_DFL };
	sigset_t none;
	sigemptyset(&none);
	for (size_t i = 0; i < FL_ARRAY_LEN(signals); i++)
		sigaction(signals[i], &ignore, NULL);
	sigaction(SIGCHLD, &usual, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The work of the host goes first; the keeper stays as it is, so that owners are known before the packets are read. One that is nicer
 * already stays so. */
static void step_back(int64_t nice)
{
	errno = 0;
	int now = getpriority(PRIO_PROCESS, 0);
	if (errno == 0 && now < nice)
		(void)setpriority(PRIO_PROCESS, 0, (int)nice);
}

static void raise_fences(struct parser *p, uint64_t memory)
{
	struct fl_sandbox_options o = { .files = { STDERR_FILENO, p->channel.fd }, .file_count = 2,
					.writable = { STDERR_FILENO, p->channel.fd }, .writable_count = 2, .memory = memory };
	struct fl_sandbox_state state;
	struct fl_error err;
	if (p->flows)
		o.files[o.file_count++] = o.writable[o.writable_count++] = fileno(p->flows);
	for (size_t i = 0; i < p->live->merge.count; i++) {
		o.files[o.file_count++] = fl_source_fd(p->live->merge.list[i].source);
		(void)fl_source_counters(p->live->merge.list[i].source);
		fl_source_confine(p->live->merge.list[i].source);
	}
	if (fl_sandbox_enter(&o, &state, &err) != 0)
		give_up(p, err.text);
	(void)channel_send(&p->channel, MESSAGE_READY, &state, sizeof(state));
}

static void test_fences(struct parser *p)
{
	const char *wanted = getenv("FAULTLINE_TEST");
	char text[256], worked[128];
	size_t tries;
	if (!wanted || strcmp(wanted, "sandbox") != 0)
		return;
	size_t count = fl_sandbox_try(worked, sizeof(worked), &tries);
	snprintf(text, sizeof(text), "%zu tried, %zu worked%s%s", tries, count, count ? ": " : "", worked);
	(void)channel_send(&p->channel, MESSAGE_TRIED, text, strlen(text));
}

/* Of no use here, and of some to an intruder: what the environment says is the keeper's. */
static void forget_environment(void)
{
	for (char **e = environ; e && *e; e++)
		explicit_bzero(*e, strlen(*e));
	environ = NULL;
}

_Noreturn void parser_main(struct scan_run *run, struct live *live, const char *point, int fd)
{
	struct parser p = { .live = live, .flows = run->flows ? fl_output_file(run->flows) : NULL };
	struct fl_error err;
	ignore_signals();
	channel_init(&p.channel, fd, (size_t)2 * CHANNEL_DOCUMENT_MAX, 0);
	p.scanner = scan_scanner_new(run, point, "live");
	/* The keeper's alone: the kernel's ring of events is mapped there, with everybody's arguments in it. */
	fl_attributor_close(run->owners);
	run->owners = NULL;
	if (live_declare(run->options, p.scanner, point, &err) != 0)
		give_up(&p, err.text);
	step_back(run->options->nice);
	raise_fences(&p, run->options->memory);
	test_fences(&p);
	forget_environment();
	p.start_ns = live_now(CLOCK_REALTIME);
	p.so_far_due_ns = live_now(CLOCK_MONOTONIC) + SO_FAR_FIRST_NS;
	if (read_packets(&p, &err) < 0)
		give_up(&p, err.text);
	finish(&p);
}
