/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch_store.c - windows into the store
 *
 * A disk that is full or a store that somebody locks is no reason to stop watching: windows wait in memory, packed as they came, a bounded
 * number and size of them, and are tried again. Only when more come are the oldest given up, and that is said.
 *
 * A window is known by its start. After the clock was set back two windows may have the same one; the later is moved by a
 * microsecond rather than lost.
 *
 * A clock that is a day or more ahead at once may be wrong, and would make everything old: for a day nothing is forgotten for its age
 * then, only for its size. (Half of --keep where that is less.) Whether it was right when a watch begins, the store tells: windows that
 * end just before now speak for it, as do those of a day without such a gap before them.
 *
 * Whoever tidies up moves or removes the file under an open store, which nobody would notice until the end: what stands at its path is looked
 * at before every window, and opened anew when it is another.
 */
#include "capture/watch_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "faultline/units.h"

enum { SAME_START_TRIES = 16, PENDING_PART = 16 };
#define RETRY_NS (10 * FL_NS_PER_S)
#define DAY_NS (86400 * FL_NS_PER_S)

static void tell_stored(struct watch *w, const struct watch_window *stored)
{
	const struct fl_scan *scan = stored->window.head;
	const struct fl_coverage *c = &scan->coverage;
	struct log_line l = log_begin(&w->log, "info", "window-stored");
	log_time(&l, "start", scan->start_ns);
	log_seconds(&l, "seconds", scan->end_ns - scan->start_ns);
	log_number(&l, "packets", c->packets);
	log_number(&l, "dropped", c->dropped_kernel + c->dropped_interface);
	log_number(&l, "flows", c->flows);
	log_number(&l, "unattributed", c->flows_unattributed);
	log_number(&l, "dependencies", stored->dependencies);
	for (size_t i = 0; i < c->limit_count; i++) {
		log_text(&l, "limit", c->limits[i].name);
		log_text(&l, "limit_means", fl_scan_limit_means(c->limits[i].name));
	}
	for (size_t i = 0; i < c->blind_spot_count; i++)
		log_text(&l, "blind_spot", c->blind_spots[i].kind);
	log_end(&l);
}

static void tell_trouble(struct watch *w, const char *why)
{
	if (strcmp(w->store_why, why) == 0)
		return;
	snprintf(w->store_why, sizeof(w->store_why), "%s", why);
	struct log_line l = log_begin(&w->log, "error", "store-failed");
	log_text(&l, "error", why);
	log_number(&l, "waiting", w->pending_count);
	log_end(&l);
}

struct counting {
	struct watch_window *window;
	struct metrics *metrics;        /* NULL: they have it already */
};

static void count_record(void *context, const struct scan_record *r)
{
	const struct counting *c = context;
	c->window->services += r->service != NULL;
	c->window->dependencies += r->dependency != NULL;
	if (c->metrics && r->dependency)
		metrics_count(c->metrics, r->dependency);
}

static int make_document(struct watch_window *window, struct metrics *metrics, struct fl_error *err)
{
	struct counting counting = { window, metrics };
	window->services = window->dependencies = 0;
	FILE *out = packed_open(&window->document, PACKED_SMALL);
	int status = keeper_window_write(&window->window, out, count_record, &counting, err);
	if (fclose(out) != 0)
		fl_out_of_memory();
	if (status)
		packed_fini(&window->document);
	return status;
}

/* What is kept of one that is not stored can be made a document again, with another start. */
static int store_one(struct watch *w, struct watch_window *window, struct fl_error *err)
{
	int status = FL_STORE_KNOWN;
	for (int i = 0; i < SAME_START_TRIES && status == FL_STORE_KNOWN; i++) {
		status = window->document.data ? 0 : make_document(window, NULL, err);
		if (status)
			return status;
		const struct fl_store_document d = { &window->document, window->services, window->dependencies };
		status = fl_store_add_document(w->store, window->window.head, &d, err);
		if (status == FL_STORE_KNOWN)
			window->window.head->start_ns += 1000;
		packed_fini(&window->document);
	}
	return status;
}

/* ---- is the clock right? ---- */

int64_t watch_doubt_ns(const struct watch *w)
{
	int64_t half = w->config->options.keep_ns / 2;
	return half < DAY_NS ? half : DAY_NS;
}

struct run {
	int64_t now_ns, gap_ns;      /* @gap_ns: that long without a window ends a run of them */
	int64_t begin_ns, end_ns;    /* the run that lasts */
	bool any, others;            /* there are windows; and some before the run */
};

static void see_window(void *context, const struct fl_store_window *window)
{
	struct run *r = context;
	if (window->start_ns > r->now_ns) /* of a clock that was ahead once */
		return;
	if (r->any && window->start_ns - r->end_ns >= r->gap_ns) {
		r->begin_ns = window->start_ns;
		r->end_ns = window->end_ns;
		r->others = true;
	}
	r->begin_ns = r->any ? r->begin_ns : window->start_ns;
	r->end_ns = r->any && r->end_ns > window->end_ns ? r->end_ns : window->end_ns;
	r->any = true;
}

void watch_doubt_clock(struct watch *w)
{
	static const struct fl_store_range all = { INT64_MIN, INT64_MAX, false };
	struct run r = { .now_ns = live_now(CLOCK_REALTIME), .gap_ns = watch_doubt_ns(w) };
	struct fl_error err;
	if (fl_store_list(w->store, &all, see_window, &r, &err) != 0 || !r.any)
		return;
	if (r.now_ns - r.end_ns >= r.gap_ns) {
		r.begin_ns = r.now_ns;
		r.others = true;
	}
	int64_t left_ns = r.begin_ns + r.gap_ns - r.now_ns;
	if (!r.others || left_ns <= 0)
		return;
	w->doubt_until_ns = live_now(CLOCK_MONOTONIC) + left_ns;
	struct log_line l = log_begin(&w->log, "info", "age-not-trusted");
	log_seconds(&l, "seconds", left_ns);
	log_text(&l, "why", "no window ended shortly before: the clock may be ahead; nothing is forgotten for its age until then");
	log_end(&l);
}

static void expire(struct watch *w)
{
	const struct watch_options *o = &w->config->options;
	struct fl_error err;
	uint64_t gone = 0;
	bool doubt = live_now(CLOCK_MONOTONIC) < w->doubt_until_ns;
	int64_t before_ns = doubt ? INT64_MIN : watch_now(w) - o->keep_ns;
	int status = fl_store_expire(w->store, before_ns, o->keep_size, &gone, &err);
	if (status < 0) {
		tell_trouble(w, err.text);
	} else if (gone) {
		struct log_line l = log_begin(&w->log, "info", "windows-forgotten");
		log_number(&l, "windows", gone);
		log_number(&l, "store_bytes", fl_store_bytes(w->store));
		log_end(&l);
	}
}

/* The oldest that waits is given up. */
static void lose_first(struct watch *w, const char *why)
{
	struct log_line l = log_begin(&w->log, "error", "window-lost");
	log_time(&l, "start", w->pending[0].window.head->start_ns);
	log_text(&l, "error", why);
	log_end(&l);
	w->counters.lost++;
}

static void forget_first(struct watch *w)
{
	keeper_window_fini(&w->pending[0].window);
	packed_fini(&w->pending[0].document);
	memmove(w->pending, w->pending + 1, --w->pending_count * sizeof(*w->pending));
}

/* 0 when there is a store at the path to write to. */
static int find_store(struct watch *w, struct fl_error *err)
{
	const char *path = w->config->options.scan.store;
	if (w->store && fl_store_has_moved(w->store)) {
		struct log_line l = log_begin(&w->log, "warning", "store-moved");
		log_text(&l, "store", path);
		log_text(&l, "why", "the file was moved, replaced or removed; another is opened in its place");
		log_end(&l);
		fl_store_close(w->store);
		w->store = NULL;
	}
	int status = w->store ? 0 : fl_store_open(&w->store, path, FL_STORE_WRITE, err);
	if (status == 0)
		status = fl_store_claim(w->store, watch_point(w, w->config), err);
	if (status == -EBUSY) {
		fl_store_close(w->store);
		w->store = NULL;
	}
	return status;
}

void watch_store_pending(struct watch *w)
{
	struct fl_error err;
	int status = w->pending_count ? find_store(w, &err) : 0;
	bool stored = false;
	while (w->pending_count && status == 0) {
		status = store_one(w, &w->pending[0], &err);
		if (status < 0 && status != -EFBIG)
			break;
		if (status == -EFBIG) { /* it never will: those behind it must not wait for it */
			lose_first(w, err.text);
			status = 0;
		} else if (status == FL_STORE_KNOWN) {
			lose_first(w, "the store has windows of the same start");
		} else {
			tell_stored(w, &w->pending[0]);
			w->counters.stored++;
			stored = true;
		}
		forget_first(w);
		w->store_why[0] = 0;
	}
	w->retry_store_ns = live_now(CLOCK_MONOTONIC) + RETRY_NS;
	if (status == -EPROTO) { /* for good: the watch ends with it */
		snprintf(w->store_why, sizeof(w->store_why), "%s", err.text);
		w->stopping = true;
	} else if (status < 0)
		tell_trouble(w, err.text);
	else if (stored)
		expire(w);
}

void watch_forget_pending(struct watch *w)
{
	while (w->pending_count)
		forget_first(w);
}

/* As many as there are places for, and no more of them than a small part of the memory: one at least. */
static bool no_room(const struct watch *w, size_t size)
{
	for (size_t i = 0; i < w->pending_count; i++)
		size += w->pending[i].window.pieces.size;
	return w->pending_count == WATCH_PENDING || (w->pending_count && size > w->config->options.scan.memory / PENDING_PART);
}

void watch_keep(struct watch *w, struct keeper_window *window)
{
	struct fl_error err;
	while (no_room(w, window->pieces.size)) {
		lose_first(w, w->store_why);
		forget_first(w);
	}
	struct watch_window *kept = &w->pending[w->pending_count++];
	*kept = (struct watch_window){ .window = *window };
	*window = (struct keeper_window){ 0 };
	if (make_document(kept, w->metrics, &err) != 0) {
		struct log_line l = log_begin(&w->log, "error", "window-invalid");
		log_text(&l, "error", err.text);
		log_end(&l);
		w->counters.invalid++;
		keeper_window_spoilt(&kept->window);
		(void)make_document(kept, NULL, &err);
	}
	watch_store_pending(w);
	for (size_t i = 0; i < w->pending_count; i++)
		packed_fini(&w->pending[i].document);
	fl_trim_memory();
}
