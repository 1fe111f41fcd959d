/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper.c - the side of a live capture that holds the privileges
 *
 * The parser is not trusted: what it sends is bounded (channel.h) and checked like a file from a stranger; who and when a
 * window is of, the keeper says itself. When the parser ends without saying goodbye, the reason is told by its
 * exit status, and the last write-up of the window is what is left of it.
 */
#include "capture/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultline/units.h"

/* Bytes that may wait for the parser are a part of its memory; of them an eighth no owner takes: a flood of those does not push out a cut. */
enum { ORDERS_PART = 16, ORDERS_LEAST = 1 << 20, ORDERS_MOST = 8 << 20, KEPT_PART = 8, WAIT_MS = 10 };
static const int64_t PATIENCE_NS = INT64_C(500) * 1000000;
enum { FINISH_MINUTES = 10 }; /* a large table takes its time to be written up */
#define SILENCE_NS (60 * FL_NS_PER_S)
/* A record may be so large, and all together; the fullest tables give a quarter of it. */
enum { RECORD_LEAST = 4 << 20, RECORD_PART = 8 };
#define TEXT_LEAST (UINT64_C(64) << 20)
#define TEXT_MOST (UINT64_C(1) << 30)

static size_t orders_max(uint64_t memory)
{
	uint64_t part = memory / ORDERS_PART;
	return part < ORDERS_LEAST ? ORDERS_LEAST : part > ORDERS_MOST ? ORDERS_MOST : (size_t)part;
}

/* The channel, and a pipe for the parser's standard error: it does not block who reads. */
static int open_pairs(int channel[2], int words[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel) != 0)
		return -1;
	if (pipe2(words, O_CLOEXEC) == 0) {
		if (fcntl(words[0], F_SETFL, O_NONBLOCK) == 0)
			return 0;
		close(words[0]);
		close(words[1]);
	}
	int error = errno;
	close(channel[0]);
	close(channel[1]);
	errno = error;
	return -1;
}

/* What it says is not said in our name. */
static _Noreturn void become_parser(struct scan_run *run, struct live *live, const char *point, int channel, int words)
{
	if (dup2(words, STDERR_FILENO) < 0)
		_exit(FL_EXIT_ERROR);
	parser_main(run, live, point, channel);
}

int keeper_start(struct keeper *k, struct scan_run *run, struct live **live, const char *point, struct fl_error *err)
{
	int pair[2], words[2];
	*k = (struct keeper){ .pid = -1, .point = point, .channel = { .fd = -1 }, .words = { .fd = -1 }, .owners = run->owners,
			      .heard_ns = live_now(CLOCK_MONOTONIC), .memory = run->options->memory };
	int status = open_pairs(pair, words);
	if (status == 0) {
		fflush(NULL);
		fl_fix_memory();
		k->pid = fork();
		if (k->pid == 0) {
			close(pair[0]);
			become_parser(run, *live, point, pair[1], words[1]);
		}
		status = k->pid < 0 ? -1 : 0;
		int error = errno;
		close(pair[1]);
		close(words[1]);
		channel_init(&k->channel, pair[0], orders_max(run->options->memory), PARSER_DOCUMENTS);
		words_init(&k->words, words[0]);
		errno = error;
	}
	if (status) {
		status = fl_fail(err, -errno, "cannot start the parsing process: %s", strerror(errno));
		keeper_fini(k);
	} else if (k->owners) {
		keeper_attribution(k, fl_attributor_state(k->owners));
	}
	live_close(*live);
	*live = NULL;
	return status;
}

void keeper_fini(struct keeper *k)
{
	if (k->pid > 0) {
		kill(k->pid, SIGKILL);
		while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	k->pid = -1;
	channel_fini(&k->channel);
	words_fini(&k->words);
	for (size_t i = 0; i < k->window_count; i++)
		free(k->windows[i]);
	k->window_count = 0;
	free(k->so_far);
	k->so_far = NULL;
}

/* ---- orders ---- */

/* A host with very many sockets has more to tell at the first look than the queue holds. The parser reads while we wait. */
static void let_read(struct keeper *k)
{
	struct pollfd fd = { k->channel.fd, POLLOUT, 0 };
	int64_t begin = live_now(CLOCK_MONOTONIC);
	(void)poll(&fd, 1, WAIT_MS);
	(void)channel_flush(&k->channel);
	k->patience_ns -= live_now(CLOCK_MONOTONIC) - begin;
}

void keeper_owner(struct keeper *k, const struct fl_owner_record *r)
{
	size_t most = k->channel.out_max;
	char packed[sizeof(*r)];
	while (k->patience_ns > 0 && channel_queued(&k->channel) > most / 2)
		let_read(k);
	size_t size = parser_pack_owner(r, packed);
	if (channel_queued(&k->channel) > most - most / KEPT_PART || !channel_send(&k->channel, MESSAGE_OWNER, packed, size))
		k->owners_lost++;
}

void keeper_attribution(struct keeper *k, const struct fl_attribution_state *state)
{
	struct fl_attribution_state s = *state;
	s.lost += k->owners_lost;
	(void)channel_send(&k->channel, MESSAGE_ATTRIBUTION, &s, sizeof(s));
}

static void pass_on(void *context, const struct fl_owner_record *r)
{
	keeper_owner(context, r);
}

/* @last: where they are looked for again and again, once more at once. */
static void take_owners(struct keeper *k, bool last)
{
	k->patience_ns = PATIENCE_NS;
	if (k->owners && last && !fl_attributor_state(k->owners)->ends_told)
		fl_attributor_finish(k->owners, pass_on, k);
	else if (k->owners)
		fl_attributor_poll(k->owners, pass_on, k);
	k->patience_ns = 0;
	if (!k->looked)
		k->looked = channel_send(&k->channel, MESSAGE_LOOKED, NULL, 0);
}

struct pollfd keeper_poll_owners(const struct keeper *k)
{
	return (struct pollfd){ k->owners ? fl_attributor_fd(k->owners) : -1, POLLIN, 0 };
}

/* A window ends: all that is known of owners goes before it. */
static void settle_owners(struct keeper *k, bool last)
{
	take_owners(k, last);
	if (k->owners)
		keeper_attribution(k, fl_attributor_state(k->owners));
}

bool keeper_cut(struct keeper *k, int64_t end_ns, int64_t next_ns)
{
	settle_owners(k, false);
	struct parser_cut c = { end_ns, next_ns };
	bool sent = channel_send(&k->channel, MESSAGE_CUT, &c, sizeof(c));
	k->cuts += sent;
	return sent;
}

void keeper_finish(struct keeper *k, int64_t end_ns)
{
	struct parser_cut c = { end_ns, end_ns };
	if (!k->finishing)
		settle_owners(k, true);
	if (!k->finishing)
		k->finishing = channel_send(&k->channel, MESSAGE_FINISH, &c, sizeof(c));
}

void keeper_address(void *keeper, const struct fl_addr *a)
{
	struct keeper *k = keeper;
	(void)channel_send(&k->channel, MESSAGE_ADDRESS, a, sizeof(*a));
}

/* ---- what comes ---- */

static char *copy_bytes(const void *data, size_t size)
{
	char *text = fl_alloc(size + 1);
	memcpy(text, data, size);
	return text;
}

static void copy_text(char *into, size_t limit, const void *data, size_t size)
{
	struct fl_error clean; /* without control characters */
	fl_fail(&clean, 0, "%.*s", (int)(size < 400 ? size : 400), (const char *)data);
	snprintf(into, limit, "%s", clean.text);
}

/* One for each cut, and one at the end: windows that nobody asked for would push others out of the store. */
static int take_window(struct keeper *k, const void *data, size_t size)
{
	if (k->cuts == 0 && k->last)
		return -EBADMSG;
	k->last = k->cuts == 0;
	k->cuts -= !k->last;
	k->windows[k->window_count] = copy_bytes(data, size);
	k->window_sizes[k->window_count++] = size;
	free(k->so_far);
	k->so_far = NULL;
	return 0;
}

static int take_message(struct keeper *k, uint32_t type, const void *data, size_t size)
{
	uint32_t interface;
	k->heard_ns = live_now(CLOCK_MONOTONIC);
	if (type == MESSAGE_READY && size == sizeof(k->fences)) {
		memcpy(&k->fences, data, size);
		k->ready = true;
	} else if (type == MESSAGE_PROGRESS && size == sizeof(k->progress)) {
		memcpy(&k->progress, data, size);
	} else if (type == MESSAGE_SO_FAR) {
		free(k->so_far);
		k->so_far = copy_bytes(data, size);
		k->so_far_size = size;
		k->so_far_ns = live_now(CLOCK_REALTIME);
	} else if (type == MESSAGE_WINDOW) {
		return take_window(k, data, size);
	} else if (type == MESSAGE_GONE && size == sizeof(interface)) {
		memcpy(&interface, data, size);
		k->gone |= interface < 64 ? UINT64_C(1) << interface : 0;
	} else if (type == MESSAGE_ERROR) {
		copy_text(k->why, sizeof(k->why), data, size);
	} else if (type == MESSAGE_TRIED) {
		copy_text(k->tried, sizeof(k->tried), data, size);
	} else if (type == MESSAGE_END) {
		k->ended = true;
	}
	return 0;
}

/* One that hung up is not waited for: an intruder could close the channel and stay. The status of one that is ending is settled
 * before its files are closed. */
static void reap(struct keeper *k)
{
	int status = 0;
	pid_t pid;
	kill(k->pid, SIGKILL);
	while ((pid = waitpid(k->pid, &status, 0)) < 0 && errno == EINTR)
		continue;
	k->pid = -1;
	k->state = k->ended ? KEEPER_ENDED : KEEPER_LOST;
	if (k->ended || k->why[0])
		return;
	if (pid > 0 && WIFSIGNALED(status))
		snprintf(k->why, sizeof(k->why), "the parsing process was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(k->why, sizeof(k->why), "the parsing process ended with status %d",
			 pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

struct pollfd keeper_poll(const struct keeper *k)
{
	return (struct pollfd){ k->channel.fd, channel_waits(&k->channel) ? POLLIN | POLLOUT : POLLIN, 0 };
}

void keeper_step(struct keeper *k)
{
	uint32_t type;
	const void *data;
	size_t size;
	if (k->state != KEEPER_RUNS)
		return;
	take_owners(k, false);
	const size_t most = FL_ARRAY_LEN(k->windows);
	int status = k->window_count < most ? channel_fill(&k->channel) : 0;
	int got = 0;
	while (got >= 0 && k->window_count < most && (got = channel_next(&k->channel, &type, &data, &size)) == 1)
		got = take_message(k, type, data, size);
	if (got < 0)
		snprintf(k->why, sizeof(k->why), "the parsing process sent what nobody asked for or what no message looks like; it was ended");
	else if (status == 0)
		status = channel_flush(&k->channel);
	/* With room for more windows all that came was looked at. */
	if (got < 0 || (status < 0 && k->window_count < most))
		reap(k);
}

bool keeper_end_silent(struct keeper *k)
{
	int64_t now = live_now(CLOCK_MONOTONIC), minutes = k->finishing ? FINISH_MINUTES : 1;
	if (k->state != KEEPER_RUNS || now - k->heard_ns <= minutes * SILENCE_NS)
		return false;
	snprintf(k->why, sizeof(k->why), "the parsing process said nothing for %d min; it was ended", (int)minutes);
	kill(k->pid, SIGKILL);
	k->heard_ns = now;
	return true;
}

/* ---- windows ---- */

void keeper_window_fini(struct keeper_window *w)
{
	fl_scan_free(w->head);
	free(w->packed);
	*w = (struct keeper_window){ 0 };
}

/* Takes @packed. */
static bool open_window(const struct keeper *k, char *packed, size_t size, struct keeper_window *w, struct fl_error *err)
{
	uint64_t text = k->memory < TEXT_MOST ? TEXT_LEAST + 2 * k->memory : TEXT_MOST;
	size_t record = (size_t)(k->memory < TEXT_MOST ? k->memory : TEXT_MOST) / RECORD_PART;
	*w = (struct keeper_window){ .packed = packed, .pieces = { "parsing process", packed, size, RECORD_LEAST + record,
								    text < TEXT_MOST ? text : TEXT_MOST } };
	w->head = scan_pieces_head(&w->pieces, err);
	if (!w->head)
		keeper_window_fini(w);
	return w->head != NULL;
}

struct writing {
	struct scan_writer *writer;
	scan_record_seen *also;
	void *context;
};

static void write_record(void *context, const struct scan_record *r)
{
	const struct writing *w = context;
	scan_writer_record(w->writer, r);
	if (w->also)
		w->also(w->context, r);
}

int keeper_window_write(const struct keeper_window *w, FILE *out, scan_record_seen *also, void *context, struct fl_error *err)
{
	struct writing writing = { scan_writer_new(out, w->head), also, context };
	int status = w->packed ? scan_pieces_each(&w->pieces, w->head, write_record, &writing, err) : 0;
	scan_writer_end(writing.writer);
	return status;
}

struct fl_scan *keeper_window_scan(struct keeper_window *w, struct fl_error *err)
{
	struct fl_scan *scan = w->head;
	int status = w->packed ? scan_pieces_fill(&w->pieces, scan, err) : 0;
	if (status == 0)
		w->head = NULL;
	keeper_window_fini(w);
	return status == 0 ? scan : NULL;
}

static void stamp(const struct keeper *k, struct fl_scan *scan, int64_t start_ns, int64_t end_ns)
{
	scan->point = fl_arena_string(scan->arena, k->point);
	scan->source = "live";
	scan->start_ns = start_ns;
	scan->end_ns = end_ns < start_ns ? start_ns : end_ns;
}

bool keeper_take(struct keeper *k, int64_t start_ns, int64_t end_ns, struct keeper_window *w, struct fl_error *err)
{
	if (k->window_count == 0)
		return false;
	bool taken = open_window(k, k->windows[0], k->window_sizes[0], w, err);
	k->window_count--;
	memmove(k->windows, k->windows + 1, k->window_count * sizeof(*k->windows));
	memmove(k->window_sizes, k->window_sizes + 1, k->window_count * sizeof(*k->window_sizes));
	if (taken)
		stamp(k, w->head, start_ns, end_ns);
	return taken;
}

void keeper_blind_spot(struct fl_scan *scan, const char *kind, uint64_t count, const char *text)
{
	struct fl_coverage *c = &scan->coverage;
	struct fl_scan_blind_spot *list = fl_arena_array(scan->arena, c->blind_spot_count + 1, sizeof(*list));
	if (c->blind_spot_count)
		memcpy(list, c->blind_spots, c->blind_spot_count * sizeof(*list));
	list[c->blind_spot_count++] = (struct fl_scan_blind_spot){ kind, count, text };
	c->blind_spots = list;
}

static struct fl_scan *empty_scan(const struct keeper *k)
{
	struct fl_scan *scan = fl_scan_new();
	scan->hosts = fl_arena_alloc(scan->arena, sizeof(*scan->hosts));
	scan->hosts[0].name = fl_arena_string(scan->arena, k->point);
	scan->host_count = 1;
	return scan;
}

static const char crash[] = "parser-crash";

void keeper_salvage(struct keeper *k, int64_t start_ns, int64_t end_ns, struct keeper_window *w)
{
	struct fl_error err;
	char *packed = k->so_far;
	k->so_far = NULL;
	if (!packed || !open_window(k, packed, k->so_far_size, w, &err))
		*w = (struct keeper_window){ .head = empty_scan(k) };
	stamp(k, w->head, start_ns, end_ns);
	keeper_blind_spot(w->head, crash, 1, "the parsing process ended by itself; what it saw after its last write-up, at "
			  "most some seconds, and until another was started is missing");
}

void keeper_window_spoilt(struct keeper_window *w)
{
	free(w->packed);
	w->packed = NULL;
	w->pieces = (struct scan_pieces){ 0 };
	keeper_blind_spot(w->head, crash, 1, "what the parsing process sent could not be read; services, dependencies and names are missing");
}
