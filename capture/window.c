/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.c - one window ends, the next begins
 *
 * Writing up what a window has so far only counts earlier what would be counted later (account.c), so it can be done at
 * any moment and the window goes on; a cut is that, and everything that counts begun anew.
 *
 * What lives on is what the next window needs to know of the past: flows and their names, DNS bindings, which addresses
 * are ours, services that a flow or a socket belongs to. Texts gather in the string pool, which never forgets; when half of it is used, what is still referred to moves
 * to a new one. Whoever keeps an fl_str over windows has to be moved by move_strings().
 */
#include "scanner_internal.h"

#include <stdlib.h>

#include "calls.h"

static void settle_flow(void *context, struct fl_flow *f)
{
	scanner_own_flow(context, f);
	account_so_far(context, f);
	scanner_attempt_so_far(context, f);
}

static void settle(struct fl_scanner *s)
{
	if (!s->carry)
		s->carry = fl_alloc_array(s->flow_capacity, sizeof(*s->carry));
	fl_flow_table_walk(s->flows, settle_flow, s);
}

static struct fl_scan *write_up(struct fl_scanner *s, int64_t end_ns)
{
	int64_t declared = s->end_ns;
	s->end_ns = end_ns;
	fl_inflight_settle(s->inflight, end_ns);
	fl_locality_decide(s->locality);
	struct fl_scan *scan = scanner_summarise(s);
	s->end_ns = declared;
	return scan;
}

/* Connections of which no packet told are left to the end of the window: one may still come. */
struct fl_scan *fl_scanner_so_far(struct fl_scanner *s, int64_t end_ns)
{
	settle(s);
	return write_up(s, end_ns);
}

/* Work that is open stays open in the new table; other listeners are found again when they are used. */
static void move_listener(void *context, struct fl_flow *f)
{
	struct fl_scanner *s = context;
	f->user[FLOW_CONVERSATION] = f->user_half = 0;
	uint32_t open = flow_has(f, FLOW_CALLS) ? calls_counted_open(s, f) : flow_has(f, FLOW_COUNTED_OPEN);
	if (!open) {
		flow_set_listener(f, 0);
		return;
	}
	flow_set_listener(f, fl_inflight_listener(s->inflight, &f->addr[FL_RESPONDER], f->port[FL_RESPONDER], f->transport));
	for (uint32_t i = 0; i < open; i++)
		fl_inflight_open(s->inflight, flow_listener(f), s->start_ns);
	if (!flow_listener(f))
		flow_clear(f, FLOW_COUNTED_OPEN);
}

struct move {
	struct fl_scanner *scanner;
	struct fl_strpool *to;
};

static void move_flow_strings(void *context, struct fl_flow *f)
{
	const struct move *m = context;
	struct fl_scanner *s = m->scanner;
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		s->flow_names[at - 1].name = fl_strpool_move(m->to, s->strings, s->flow_names[at - 1].name);
	f->user[FLOW_DNS_NAME] = fl_strpool_move(m->to, s->strings, f->user[FLOW_DNS_NAME]);
	f->user[FLOW_DNS_CHAIN] = fl_strpool_move(m->to, s->strings, f->user[FLOW_DNS_CHAIN]);
}

static void move_strings(struct fl_scanner *s)
{
	struct move m = { s, fl_strpool_new(s->string_limit) };
	fl_flow_table_walk(s->flows, move_flow_strings, &m);
	silent_move_strings(s, m.to);
	fl_names_restart(s->names, m.to);
	fl_strpool_free(s->strings);
	s->strings = m.to;
}

static void mark_service(void *context, struct fl_flow *f)
{
	bool *used = context;
	used[flow_owner(f)] = true;
}

/* Conversations are gone: what is left that speaks of services by number is flows and sockets. */
static void forget_services(struct fl_scanner *s)
{
	if (!fl_owners_crowded(s->owners))
		return;
	bool *used = fl_alloc_array(FL_OWNER_SERVICES_MAX, sizeof(*used));
	fl_flow_table_walk(s->flows, mark_service, used);
	fl_owners_forget(s->owners, used);
	free(used);
}

struct fl_scan *fl_scanner_cut(struct fl_scanner *s, int64_t end_ns)
{
	settle(s);
	scanner_count_unseen(s);
	struct fl_scan *scan = write_up(s, end_ns);
	fl_conversations_free(s->conversations);
	fl_inflight_free(s->inflight);
	scanner_new_window_tables(s);
	fl_exchange_log_cut(s->attempts);
	s->window++;
	s->start_ns = end_ns;
	s->end_ns = 0;
	fl_flow_table_walk(s->flows, move_listener, s);
	forget_services(s);
	fl_names_restart(s->names, s->strings);
	if (fl_strpool_bytes(s->strings) > s->string_limit / 2)
		move_strings(s);
	s->counters = (struct scanner_counters){ 0 };
	s->before = (struct scanner_before){
		*fl_names_counters(s->names), *fl_flow_table_counters(s->flows),
		fl_strpool_refused(s->strings), fl_stream_pool_refused(s->streams), fl_stream_pool_contradicted(s->streams),
		fl_hello_pool_given_up(s->hellos), fl_locality_refused(s->locality),
		calls_pool_refused(s->calls), calls_pool_crowded(s->calls),
		*fl_owners_counters(s->owners),
	};
	return scan;
}
