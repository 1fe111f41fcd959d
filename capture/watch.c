/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - windows without end: the keeper's loop of faultline watch
 *
 * Windows end by the monotonic clock; what time it is, is asked once a window. When both clocks disagree by more than
 * JUMP_NS the clock was set or the host slept: the window ends where it would have by the old clock, the next begins by the
 * new one. Windows of one parser follow each other without a gap; between two parsers (a crash, an interface that went away,
 * a new configuration) nothing is watched, and the next window says for how long.
 *
 * Nothing that goes wrong after the start ends the watch: it is logged, counted, and tried again. A parser that says
 * nothing for a minute is ended and replaced like one that crashed. Those that crash soon after they began are replaced at
 * longer and longer intervals: the windows of a parser that crashes at once, again and again, are not to push others out of the store.
 */
#include "capture/watch_internal.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/notify.h"
#include "config.h"
#include "faultline/sandbox.h"
#include "faultline/units.h"

enum { TICK_MS = 250, PROBE_BUFFER = 256 << 10 };
#define JUMP_NS (2 * FL_NS_PER_S)
#define RETRY_OPEN_NS (FL_NS_PER_S)
#define RETRY_CRASH_MAX_NS (60 * FL_NS_PER_S)
#define END_NS (20 * FL_NS_PER_S)

static int64_t monotonic(void)
{
	return live_now(CLOCK_MONOTONIC);
}

int64_t watch_now(const struct watch *w)
{
	return w->start_ns + (monotonic() - w->start_mono_ns);
}

static void tell(struct watch *w, const char *level, const char *event, const char *key, const char *value)
{
	struct log_line l = log_begin(&w->log, level, event);
	log_text(&l, key, value);
	log_end(&l);
}

/* ---- windows ---- */

static void begin_window(struct watch *w, int64_t start_ns)
{
	w->start_ns = start_ns;
	w->start_mono_ns = monotonic();
}

/* What only the keeper knows of a window. */
static void complete(struct watch *w, struct fl_scan *scan)
{
	uint64_t drops = live_interface_drops(&w->config->options.scan);
	if (drops > w->interface_drops)
		scan->coverage.dropped_interface += drops - w->interface_drops;
	w->interface_drops = drops;
	if (w->gap_ns > 0)
		keeper_blind_spot(scan, "not-watched", (uint64_t)((w->gap_ns + FL_NS_PER_S - 1) / FL_NS_PER_S),
				  "nothing was watched for so many seconds, or a part of one, before this window");
	w->gap_ns = 0;
	w->watched_until_ns = scan->end_ns;
}

static struct watch_span next_span(struct watch *w)
{
	struct watch_span span = { w->start_ns, watch_now(w) };
	if (w->cut_count == 0)
		return span;
	span = w->cuts[0];
	memmove(w->cuts, w->cuts + 1, --w->cut_count * sizeof(*w->cuts));
	return span;
}

static void take_windows(struct watch *w)
{
	while (w->keeper.window_count) {
		struct fl_error err;
		struct keeper_window window;
		struct watch_span span = next_span(w);
		if (!keeper_take(&w->keeper, span.start_ns, span.end_ns, &window, &err)) {
			w->counters.invalid++;
			tell(w, "error", "window-invalid", "error", err.text);
			keeper_salvage(&w->keeper, span.start_ns, span.end_ns, &window);
		}
		complete(w, window.head);
		watch_keep(w, &window);
	}
}

static void cut(struct watch *w, int64_t next_ns)
{
	int64_t end_ns = watch_now(w);
	if (w->cut_count == WATCH_CUTS || !keeper_cut(&w->keeper, end_ns, next_ns ? next_ns : end_ns))
		return; /* the parser is far behind: a longer window then */
	w->cuts[w->cut_count++] = (struct watch_span){ w->start_ns, end_ns };
	begin_window(w, next_ns ? next_ns : end_ns);
	if (w->config->options.scan.host_addresses.count == 0)
		live_addresses(keeper_address, &w->keeper);
}

/* ---- parsers ---- */

static void log_start(struct watch *w)
{
	const struct fl_sandbox_state *s = &w->keeper.fences;
	const struct scan_options *o = &w->config->options.scan;
	struct log_line l = log_begin(&w->log, "info", "watching");
	log_text(&l, "version", FL_VERSION);
	log_text(&l, "point", w->keeper.point);
	for (size_t i = 0; i < o->interfaces.count; i++)
		log_text(&l, "interface", o->interfaces.list[i]);
	log_text(&l, "store", o->store);
	log_number(&l, "parser", (uint64_t)w->keeper.pid);
	log_text(&l, "seccomp", s->seccomp ? "yes" : "no");
	log_number(&l, "landlock", (uint64_t)s->landlock);
	const struct fl_attribution_state *a = fl_attributor_state(w->run.owners);
	log_text(&l, "attribution", a->way);
	log_text(&l, "attribution_why", a->why[0] ? a->why : NULL);
	log_text(&l, "privileges", s->privileges ? "dropped" : "kept");
	log_end(&l);
	if (w->keeper.tried[0])
		tell(w, "info", "sandbox-tried", "result", w->keeper.tried);
}

/* Anew for every parser: what exists already is told once, at the first look. */
static int open_owners(struct watch *w, struct fl_error *err)
{
	const char *way = w->config->options.scan.attribution;
	fl_attributor_close(w->run.owners);
	w->run.owners = NULL;
	return fl_attributor_open(&w->run.owners, way ? (enum fl_attribution_way)scan_attribution_way(way) : FL_ATTRIBUTE_AUTO,
				  err);
}

/* To ask for owners takes a tenth of a second and more: not every second for an interface that is away. */
static int probe(const struct scan_options *o, struct fl_error *err)
{
	struct live *live = NULL;
	int status = live_open(o, &live, err);
	live_close(live);
	return status;
}

const char *watch_point(const struct watch *w, const struct watch_config *c)
{
	return c->options.scan.hosts.count ? c->options.scan.hosts.list[0] : w->host;
}

/* Owners first: who opened a connection is told once, and of one that was refused nothing is left to be found later. */
static int start_parser(struct watch *w, struct fl_error *err)
{
	struct live *live = NULL;
	const struct scan_options *o = &w->config->options.scan;
	int status = w->open_why[0] ? probe(o, err) : 0;
	if (status == 0)
		status = open_owners(w, err);
	if (status)
		return status;
	begin_window(w, live_now(CLOCK_REALTIME));
	status = live_open(o, &live, err);
	if (status) {
		fl_attributor_close(w->run.owners);
		w->run.owners = NULL;
		return status;
	}
	snprintf(w->point, sizeof(w->point), "%s", watch_point(w, w->config));
	status = keeper_start(&w->keeper, &w->run, &live, w->point, err);
	if (status)
		return status;
	w->running = true;
	w->began_ns = monotonic();
	w->told_ready = false;
	w->gone_told = 0;
	w->cut_count = 0;
	w->gap_ns = w->watched_until_ns ? w->start_ns - w->watched_until_ns : 0;
	w->interface_drops = live_interface_drops(o);
	return 0;
}

static void tell_words(struct watch *w)
{
	char text[WORDS_LINE_MAX];
	while (words_next(&w->keeper.words, text))
		tell(w, "warning", "parser-said", "text", text);
}

static void forget_parser(struct watch *w)
{
	tell_words(w);
	struct parser_progress *past = &w->counters.past;
	if (w->keeper.state == KEEPER_ENDED)
		w->crash_wait_ns = 0;
	past->packets += w->keeper.progress.packets;
	past->bytes += w->keeper.progress.bytes;
	past->dropped += w->keeper.progress.dropped;
	keeper_fini(&w->keeper);
	w->keeper = (struct keeper){ .pid = -1, .channel = { .fd = -1 }, .words = { .fd = -1 } };
	w->running = false;
	w->retry_open_ns = monotonic() + w->crash_wait_ns + RETRY_OPEN_NS;
}

/* It is gone and did not say goodbye: what it saw of the windows that are not here is one window. */
static void salvage(struct watch *w)
{
	struct watch_span span = { w->cut_count ? w->cuts[0].start_ns : w->start_ns, watch_now(w) };
	struct log_line l = log_begin(&w->log, "error", "parser-lost");
	log_text(&l, "error", w->keeper.why[0] ? w->keeper.why : "it did not end when it was told to");
	if (w->keeper.so_far)
		log_seconds(&l, "kept_until_before", live_now(CLOCK_REALTIME) - w->keeper.so_far_ns);
	log_end(&l);
	w->counters.crashes++;
	if (monotonic() - w->began_ns > RETRY_CRASH_MAX_NS)
		w->crash_wait_ns = 0;
	else
		w->crash_wait_ns = w->crash_wait_ns < RETRY_CRASH_MAX_NS / 2 ? 2 * w->crash_wait_ns + RETRY_OPEN_NS : RETRY_CRASH_MAX_NS;
	struct keeper_window window;
	keeper_salvage(&w->keeper, span.start_ns, span.end_ns, &window);
	w->cut_count = 0;
	complete(w, window.head);
	watch_keep(w, &window);
}

/* Let the parser write up what it has, and go. */
static void end_parser(struct watch *w)
{
	int64_t until = monotonic() + END_NS;
	keeper_finish(&w->keeper, watch_now(w));
	while (w->keeper.state == KEEPER_RUNS && monotonic() < until) {
		struct pollfd fds[] = { keeper_poll(&w->keeper), keeper_poll_owners(&w->keeper) };
		(void)poll(fds, FL_ARRAY_LEN(fds), TICK_MS);
		keeper_step(&w->keeper);
		tell_words(w);
		take_windows(w);
	}
	if (w->keeper.state != KEEPER_ENDED)
		salvage(w);
	forget_parser(w);
}

static void try_start(struct watch *w)
{
	struct fl_error err;
	if (start_parser(w, &err) == 0) {
		if (w->open_why[0])
			tell(w, "info", "interface-back", NULL, NULL);
		w->open_why[0] = 0;
		return;
	}
	if (strcmp(w->open_why, err.text) != 0)
		tell(w, "error", "open-failed", "error", err.text);
	snprintf(w->open_why, sizeof(w->open_why), "%s", err.text);
	w->retry_open_ns = monotonic() + RETRY_OPEN_NS;
}

static void check_parser(struct watch *w)
{
	struct keeper *k = &w->keeper;
	w->counters.hung += keeper_end_silent(k);
	if (k->state == KEEPER_RUNS)
		return;
	if (k->state == KEEPER_LOST)
		salvage(w);
	forget_parser(w);
}

/* ---- interfaces ---- */

static const char *interface_name(const struct watch *w, size_t i)
{
	const struct fl_strings *s = &w->config->options.scan.interfaces;
	return i < s->count ? s->list[i] : "any";
}

static void check_interfaces(struct watch *w)
{
	bool back = false;
	for (size_t i = 0; i < 64; i++) {
		uint64_t bit = UINT64_C(1) << i;
		if (!(w->keeper.gone & bit))
			continue;
		if (!(w->gone_told & bit)) {
			tell(w, "warning", "interface-gone", "interface", interface_name(w, i));
			w->counters.gone++;
			w->gone_told |= bit;
			snprintf(w->open_why, sizeof(w->open_why), "gone");
		}
		back = back || if_nametoindex(interface_name(w, i)) != 0;
	}
	/* Others still run, or it would have ended by itself. */
	if (back && w->keeper.state == KEEPER_RUNS && monotonic() >= w->retry_open_ns) {
		end_parser(w);
		try_start(w);
	}
}

/* ---- clocks ---- */

static void check_clock(struct watch *w)
{
	int64_t now = live_now(CLOCK_REALTIME), jump = now - watch_now(w);
	if (jump < JUMP_NS && jump > -JUMP_NS)
		return;
	struct log_line l = log_begin(&w->log, "warning", "clock-jump");
	log_seconds(&l, "seconds", jump);
	log_end(&l);
	w->counters.jumps++;
	if (jump >= watch_doubt_ns(w))
		w->doubt_until_ns = monotonic() + watch_doubt_ns(w);
	if (w->running)
		cut(w, now);
	else
		begin_window(w, now);
}

/* ---- configuration ---- */

static void tell_difference(void *context, const char *name, const char *old, const char *new)
{
	struct log_line l = log_begin(&((struct watch *)context)->log, "info", "config-changed");
	log_text(&l, "option", name);
	log_text(&l, "old", old);
	log_text(&l, "new", new);
	log_end(&l);
}

static void tell_overridden(void *context, const char *name, const char *of_file, const char *used)
{
	struct log_line l = log_begin(&((struct watch *)context)->log, "warning", "config-overridden");
	log_text(&l, "option", name);
	log_text(&l, "file", of_file);
	log_text(&l, "used", used);
	log_text(&l, "why", "the command line states it, too, and wins; take it out there, or out of the file");
	log_end(&l);
}

/* Does any other option than those of the keeper alone differ? */
static void note_capture(void *context, const char *name, const char *old, const char *new)
{
	static const char *const keepers[] = { "every", "store", "keep", "keep-size", "metrics", "config" };
	bool own = false;
	for (size_t i = 0; i < FL_ARRAY_LEN(keepers); i++)
		own = own || strcmp(name, keepers[i]) == 0;
	if (!own)
		*(bool *)context = true;
	(void)old;
	(void)new;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* A second handle of one file would meet the locks of the first. */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return same_text(a, b) || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* What a configuration needs, opened before anything of the old one is given up. */
struct prepared {
	struct watch_config *config;
	struct scan_run run;
	struct fl_store *store;    /* NULL: the one that is open */
	struct metrics *metrics;   /* the same */
};

static void drop_prepared(struct prepared *p)
{
	scan_run_fini(&p->run);
	fl_store_close(p->store);
	metrics_close(p->metrics);
	watch_config_free(p->config);
}

/* At boot an interface may come later than the watch. A person who mistyped its name is told and is there; a service manager would start it again
 * and again, and give up: it is waited for, as one that went away is. */
static bool waits_for_interface(struct watch *w, int status, const struct fl_error *err)
{
	if ((status != -ENODEV && status != -ENETDOWN) || !notify_is_wanted())
		return false;
	tell(w, "error", "open-failed", "error", err->text);
	snprintf(w->open_why, sizeof(w->open_why), "%s", err->text);
	return true;
}

static void tell_waiting(const struct watch *w)
{
	char state[FL_ERROR_MAX + 64];
	snprintf(state, sizeof(state), "READY=1\nSTATUS=waiting: %s", w->open_why);
	notify(state);
}

static int prepare(struct watch *w, struct prepared *p, bool first, struct fl_error *err)
{
	const struct watch_options *new = &p->config->options, *old = &w->config->options;
	struct scan_options small = new->scan;
	struct live *live = NULL;
	p->run = (struct scan_run){ .options = &new->scan };
	small.buffer = PROBE_BUFFER; /* the parser that still runs has its own */
	int status = scan_read_internal(&p->run, err);
	if (status == 0) /* that it can be opened; packets are watched by the parser's own handle */
		status = live_open(&small, &live, err);
	live_close(live);
	if (first && waits_for_interface(w, status, err))
		status = 0;
	bool other = first || !same_file(new->scan.store, old->scan.store);
	if (status == 0 && other)
		status = fl_store_open(&p->store, new->scan.store, FL_STORE_WRITE, err);
	if (status == 0 && other)
		status = fl_store_claim(p->store, watch_point(w, p->config), err);
	if (status == 0 && new->metrics && (first || !same_text(new->metrics, old->metrics)))
		status = metrics_open(&p->metrics, new->metrics, watch_write_metrics, w, err);
	if (status == 0 && !other && w->store)
		status = fl_store_claim(w->store, watch_point(w, p->config), err);
	return status;
}

static void install(struct watch *w, struct prepared *p)
{
	bool metrics_change = !same_text(p->config->options.metrics, w->config->options.metrics);
	p->run.owners = w->run.owners; /* in use by a parser that goes on, else opened anew with the next */
	scan_run_fini(&w->run);
	w->run = p->run;
	if (p->store) {
		fl_store_close(w->store);
		w->store = p->store;
	}
	if (p->metrics || metrics_change) {
		metrics_close(w->metrics);
		w->metrics = p->metrics;
	}
	if (w->metrics && metrics_is_public(w->metrics))
		tell(w, "warning", "metrics-public", "address", p->config->options.metrics);
	if (p->config != w->config)
		watch_config_free(w->config);
	w->config = p->config;
	if (p->store)
		watch_doubt_clock(w);
}

static void reload(struct watch *w)
{
	struct prepared p = { 0 };
	struct fl_error err;
	char state[96];
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(monotonic() / 1000));
	notify(state);
	int status = watch_config_read(&p.config, w->argc, w->argv, &err);
	bool capture_changes = false;
	size_t differences = status == 0 ? watch_config_differences(w->config, p.config, note_capture, &capture_changes) : 0;
	if (status == 0)
		watch_config_overridden(p.config, tell_overridden, w);
	if (status == 0 && differences)
		status = prepare(w, &p, false, &err);
	if (status) {
		w->counters.refused++;
		tell(w, "error", "config-refused", "error", err.text);
		drop_prepared(&p);
	} else if (differences == 0) {
		tell(w, "info", "config-unchanged", NULL, NULL);
		drop_prepared(&p);
	} else {
		watch_config_differences(w->config, p.config, tell_difference, w);
		w->counters.reloads++;
		if (w->running && capture_changes)
			end_parser(w);
		install(w, &p);
		if (!w->running)
			try_start(w);
	}
	notify("READY=1");
}

/* ---- the loop ---- */

static void take_signals(struct watch *w)
{
	struct signalfd_siginfo s;
	while (read(w->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGHUP)
			reload(w);
		else
			w->stopping = true;
	}
}

static void wait_for_news(struct watch *w)
{
	struct pollfd list[METRICS_CLIENTS_MAX + 4] = { { w->signals, POLLIN, 0 } };
	size_t n = 1;
	int64_t left_ns = w->start_mono_ns + w->config->options.every_ns - monotonic();
	int wait_ms = left_ns > 0 && left_ns / 1000000 < TICK_MS ? (int)(left_ns / 1000000) + 1 : TICK_MS;
	if (w->running)
		list[n++] = keeper_poll(&w->keeper);
	if (w->running)
		list[n++] = keeper_poll_owners(&w->keeper);
	if (w->metrics)
		n += metrics_poll(w->metrics, list + n);
	(void)poll(list, n, wait_ms);
}

static void tell_manager(struct watch *w)
{
	int64_t now = monotonic();
	if (w->running && w->keeper.ready && !w->told_ready) {
		w->told_ready = true;
		log_start(w);
		notify("READY=1\nSTATUS=watching");
	}
	if (w->watchdog_ns && now >= w->watchdog_due_ns) {
		notify("WATCHDOG=1");
		w->watchdog_due_ns = now + w->watchdog_ns;
	}
}

static void turn(struct watch *w)
{
	wait_for_news(w);
	take_signals(w);
	if (w->running) {
		keeper_step(&w->keeper);
		tell_words(w);
		take_windows(w);
		check_interfaces(w);
	}
	if (w->running)
		check_parser(w);
	if (!w->running && !w->stopping && monotonic() >= w->retry_open_ns)
		try_start(w);
	check_clock(w);
	if (w->running && monotonic() - w->start_mono_ns >= w->config->options.every_ns)
		cut(w, 0);
	if (w->pending_count && monotonic() >= w->retry_store_ns)
		watch_store_pending(w);
	if (w->metrics)
		metrics_step(w->metrics, monotonic());
	tell_manager(w);
}

static int open_signals(struct watch *w, struct fl_error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* a limit of file sizes is like a disk that is full */
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return w->signals >= 0 ? 0 : fl_fail(err, -errno, "signals cannot be read: %s", strerror(errno));
}

static int stop(struct watch *w, struct fl_error *err)
{
	notify("STOPPING=1");
	if (w->running)
		end_parser(w);
	watch_store_pending(w);
	tell(w, "info", "ended", NULL, NULL);
	if (w->pending_count)
		return fl_fail(err, -EIO, "%zu %s could not be stored: %s", w->pending_count, w->pending_count == 1 ? "window" : "windows",
			       w->store_why);
	return 0;
}

static int begin(struct watch *w, struct fl_error *err)
{
	struct prepared p = { .config = w->config };
	gethostname(w->host, sizeof(w->host) - 1);
	w->keeper = (struct keeper){ .pid = -1, .channel = { .fd = -1 }, .words = { .fd = -1 } };
	int status = open_signals(w, err);
	if (status == 0)
		status = prepare(w, &p, true, err);
	if (status == 0) {
		watch_config_overridden(w->config, tell_overridden, w);
		install(w, &p);
		if (w->open_why[0])
			tell_waiting(w);
		else
			status = start_parser(w, err);
	} else {
		p.config = NULL;
		drop_prepared(&p);
	}
	w->watchdog_ns = notify_watchdog_ns();
	return status;
}

int watch_run(struct watch_config *config, int argc, char **argv, struct fl_error *err)
{
	struct watch *w = fl_alloc(sizeof(*w));
	*w = (struct watch){ .config = config, .argc = argc, .argv = argv, .log = { .out = stderr }, .signals = -1 };
	int status = fl_sandbox_keep_few(err);
	if (status == 0)
		status = begin(w, err);
	while (status == 0 && !w->stopping)
		turn(w);
	if (status == 0)
		status = stop(w, err);
	keeper_fini(&w->keeper);
	watch_forget_pending(w);
	fl_store_close(w->store);
	metrics_close(w->metrics);
	fl_attributor_close(w->run.owners);
	scan_run_fini(&w->run);
	if (w->signals >= 0)
		close(w->signals);
	watch_config_free(w->config);
	free(w);
	return status;
}
