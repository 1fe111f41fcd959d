/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner_conversations.c - which conversation a flow's exchanges belong to
 *
 * The name decides: a Host of the newest request before an SNI before what DNS said. Behind a proxy there are two, one with the
 * proxy and one with the target that it was asked for, and either is a dependency. A name may come, or change, while the flow goes
 * on, so it is asked for again with every exchange; what is remembered between two of them is the place alone.
 */
#include "scanner_internal.h"

static void touch(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	v->multiplexed |= flow_has(f, FLOW_MULTIPLEXED);
	v->broken |= f->broken;
	v->polled |= flow_has(f, FLOW_OWNER_POLLED);
	v->unseen = false;
	if (now_ns > v->last_ns)
		v->last_ns = now_ns;
}

/* What the flow tells about the responder under @name. */
static void touch_responder(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	if (f->user[FLOW_DNS_NAME]) {
		v->dns_name = f->user[FLOW_DNS_NAME];
		v->dns_chain = f->user[FLOW_DNS_CHAIN];
	}
	if (v->application == FL_APP_UNKNOWN || v->application == FL_APP_TLS)
		v->application = (uint8_t)flow_application(f);
	touch(v, f, now_ns);
}

static void touch_target(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	v->inner = true;
	if (flow_has(f, FLOW_TLS))
		v->application = FL_APP_TLS;
	touch(v, f, now_ns);
}

struct fl_conversation *scanner_conversation(struct fl_scanner *s, const struct fl_flow *f,
					     const struct best_name *name, int64_t now_ns)
{
	struct fl_conversation_key key = {
		.client = f->addr[FL_INITIATOR], .server = f->addr[FL_RESPONDER],
		.port = f->port[FL_RESPONDER], .transport = f->transport,
		.name = name->name, .name_source = (uint8_t)name->source, .owner = flow_owner(f),
	};
	struct fl_conversation *v = fl_conversation_at(s->conversations, &key, now_ns);
	if (name->chain)
		v->chain = name->chain;
	touch_responder(v, f, now_ns);
	return v;
}

/* With the target behind a proxy. What the address is called in DNS is the proxy's name. */
struct fl_conversation *scanner_inner_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	const struct flow_name *target = scanner_inner_name(s, f);
	struct fl_conversation_key key = {
		.client = f->addr[FL_INITIATOR], .server = f->addr[FL_RESPONDER], .port = target->port,
		.transport = f->transport, .name = target->name, .name_source = target->source,
		.owner = flow_owner(f),
	};
	if (fl_addr_parse(fl_strpool_get(s->strings, target->name), &key.server)) {
		key.name = FL_STR_NONE;
		key.name_source = FL_NAME_NONE;
	}
	struct fl_conversation *v = fl_conversation_at(s->conversations, &key, now_ns);
	touch_target(v, f, now_ns);
	return v;
}

struct fl_conversation *scanner_proxy_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	struct best_name name = { .source = FL_NAME_NONE };
	if (!scanner_outer_name(s, f, &name))
		name = (struct best_name){ .source = FL_NAME_NONE };
	return scanner_conversation(s, f, &name, now_ns);
}

static struct fl_conversation *find_request_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	if (flow_has(f, FLOW_TUNNEL))
		return scanner_inner_conversation(s, f, now_ns);
	struct best_name name = { .source = FL_NAME_NONE };
	bool unnamed_request = flow_has(f, FLOW_HTTP | FLOW_CALLS) && !f->user[FLOW_REQUEST_NAME];
	if (unnamed_request || !scanner_request_name(s, f, &name))
		name = (struct best_name){ .source = FL_NAME_NONE };
	if (unnamed_request && f->user[FLOW_DNS_NAME])
		name = (struct best_name){ f->user[FLOW_DNS_NAME], f->user[FLOW_DNS_CHAIN], FL_NAME_DNS };
	return scanner_conversation(s, f, &name, now_ns);
}

/* A look-up costs several cache misses and a request needs its conversation four times, so the flow remembers where it was. That
 * holds while the conversation has its place and the flow its names (scanner_see_payload() forgets it when they change); of a flow
 * without any name, while no answer can have named its responder. */
static struct fl_conversation *remembered_conversation(const struct fl_scanner *s, const struct fl_flow *f)
{
	struct fl_conversation_place place = { f->user[FLOW_CONVERSATION], f->user_half };
	struct fl_conversation *v = fl_conversation_there(s->conversations, place);
	if (!v || !fl_addr_equal(&v->key.client, &f->addr[FL_INITIATOR]))
		return NULL;
	bool named = f->user[FLOW_NAMES] || f->user[FLOW_DNS_NAME];
	return named || !fl_names_may_know(s->names, &f->addr[FL_RESPONDER]) ? v : NULL;
}

struct fl_conversation *scanner_request_conversation(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns)
{
	struct fl_conversation *v = remembered_conversation(s, f);
	if (!v) {
		v = find_request_conversation(s, f, now_ns);
		struct fl_conversation_place place = fl_conversation_place(s->conversations, v);
		f->user[FLOW_CONVERSATION] = place.number;
		f->user_half = place.generation;
		return v;
	}
	if (flow_has(f, FLOW_TUNNEL)) {
		touch_target(v, f, now_ns);
		return v;
	}
	if (v->key.name == f->user[FLOW_DNS_NAME] && f->user[FLOW_DNS_CHAIN])
		v->chain = f->user[FLOW_DNS_CHAIN];
	touch_responder(v, f, now_ns);
	return v;
}
