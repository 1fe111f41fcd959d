/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_names.c - what a flow's responder is called
 *
 * A flow has a list of the names it carried, in the order in which they came, each with where it was read; what is behind
 * a proxy is told from the proxy by a mark. Without any, the last answer counts that the client got for the
 * responder's address before it connected, else a later one.
 */
#include "scanner_internal.h"

#include <string.h>

enum { NAMES_PER_FLOW = 64 };

static struct flow_name *take_flow_name(struct fl_scanner *s, uint32_t *handle)
{
	if (s->flow_name_free) {
		*handle = s->flow_name_free;
		s->flow_name_free = s->flow_names[*handle - 1].next;
	} else if (s->flow_name_count < s->flow_name_limit) {
		*handle = ++s->flow_name_count;
	} else {
		s->counters.flow_names_dropped++;
		return NULL;
	}
	return &s->flow_names[*handle - 1];
}

/* Port of the tunnel's target; the names in a tunnel are the target's. */
static uint16_t inner_port(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct flow_name *target = scanner_inner_name(s, f);
	return target ? target->port : 0;
}

static fl_str name_id(const struct fl_scanner *s, const char *text, bool add)
{
	size_t size = strlen(text);
	if (size > 1 && text[size - 1] == '.')
		size--;
	return add ? fl_strpool_add(s->strings, text, size) : fl_strpool_find(s->strings, text, size);
}

bool scanner_carries_name(const struct fl_scanner *s, const struct fl_flow *f, enum fl_name_source source, const char *text)
{
	fl_str name = name_id(s, text, false);
	uint32_t at = f->user[FLOW_NAMES];
	while (at && (s->flow_names[at - 1].name != name || s->flow_names[at - 1].source != source))
		at = s->flow_names[at - 1].next;
	return at != 0;
}

void scanner_note_name(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source, const char *text, uint16_t port)
{
	bool inner = port || flow_has(f, FLOW_TUNNEL);
	fl_str name = name_id(s, text, true);
	if (name == FL_STR_NONE)
		return;
	uint32_t *link = &f->user[FLOW_NAMES];
	for (int i = 0; *link; i++) {
		struct flow_name *n = &s->flow_names[*link - 1];
		if (n->name == name && n->source == source && n->inner == inner) {
			f->user[FLOW_REQUEST_NAME] = *link;
			return;
		}
		if (i == NAMES_PER_FLOW) {
			s->counters.flow_names_dropped++;
			return;
		}
		link = &n->next;
	}
	uint32_t handle;
	struct flow_name *n = take_flow_name(s, &handle);
	if (!n)
		return;
	*n = (struct flow_name){ .name = name, .source = (uint8_t)source, .inner = inner,
				  .port = port || !inner ? port : inner_port(s, f) };
	*link = handle;
	f->user[FLOW_REQUEST_NAME] = handle;
}

void scanner_drop_names(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source)
{
	uint32_t *link = &f->user[FLOW_NAMES];
	f->user[FLOW_CONVERSATION] = 0;
	while (*link) {
		uint32_t handle = *link;
		struct flow_name *n = &s->flow_names[handle - 1];
		if (n->source != source) {
			link = &n->next;
			continue;
		}
		*link = n->next;
		n->next = s->flow_name_free;
		s->flow_name_free = handle;
		if (f->user[FLOW_REQUEST_NAME] == handle)
			f->user[FLOW_REQUEST_NAME] = 0;
	}
}

void scanner_forget_names(struct fl_scanner *s, struct fl_flow *f)
{
	while (f->user[FLOW_NAMES]) {
		uint32_t handle = f->user[FLOW_NAMES];
		f->user[FLOW_NAMES] = s->flow_names[handle - 1].next;
		s->flow_names[handle - 1].next = s->flow_name_free;
		s->flow_name_free = handle;
	}
}

const struct fl_addr scanner_own_host = { { 0 } };

/* The other addresses that the client may have asked from, one after the other; NULL at the end. */
static const struct fl_addr *other_client(const struct fl_scanner *s, const struct fl_addr *client, size_t i)
{
	size_t count;
	if (fl_locality_is_own(s->locality, client))
		return i == 0 ? &scanner_own_host : NULL;
	const struct fl_addr *list = fl_locality_same_host(s->locality, client, &count);
	return i < count ? &list[i] : NULL;
}

bool scanner_last_binding(const struct fl_scanner *s, const struct fl_flow *f, struct fl_binding *binding)
{
	const struct fl_addr *client = &f->addr[FL_INITIATOR], *server = &f->addr[FL_RESPONDER], *other;
	if (!fl_names_may_know(s->names, server))
		return false;
	if (fl_names_last(s->names, client, server, binding))
		return true;
	for (size_t i = 0; (other = other_client(s, client, i)); i++)
		if (fl_names_last(s->names, other, server, binding))
			return true;
	return false;
}

static fl_str chain_of(const struct fl_scanner *s, const struct fl_flow *f, fl_str name)
{
	const struct fl_addr *client = &f->addr[FL_INITIATOR], *other;
	if (name == f->user[FLOW_DNS_NAME])
		return f->user[FLOW_DNS_CHAIN];
	fl_str chain = fl_names_chain(s->names, client, name);
	for (size_t i = 0; !chain && (other = other_client(s, client, i)); i++)
		chain = fl_names_chain(s->names, other, name);
	return chain;
}

static bool name_from_dns(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	if (f->user[FLOW_DNS_NAME]) {
		*best = (struct best_name){ f->user[FLOW_DNS_NAME], f->user[FLOW_DNS_CHAIN], FL_NAME_DNS };
		return true;
	}
	/* Older than the capture, or than the answer in the client's cache: a later answer is the best there is. */
	struct fl_binding later;
	if (!scanner_last_binding(s, f, &later))
		return false;
	*best = (struct best_name){ later.name, later.chain, FL_NAME_DNS_LATER };
	return true;
}

/* What a SYN carries (RFC 7413) comes from anybody, under any sender's address, until the sender shows that it got the answer. */
bool scanner_believes(const struct fl_flow *f)
{
	return f->transport != FL_TRANSPORT_TCP || f->midstream || f->bytes[FL_RESPONDER] > 0 ||
	       (f->flags_seen[FL_INITIATOR] & FL_TCP_ACK);
}

bool scanner_best_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	const struct flow_name *found = NULL;
	for (uint32_t at = scanner_believes(f) ? f->user[FLOW_NAMES] : 0; at; at = s->flow_names[at - 1].next) {
		const struct flow_name *n = &s->flow_names[at - 1];
		/* What is behind a proxy that did not pass is no name of the flow. */
		if ((!found || n->source < found->source) && (!n->inner || flow_has(f, FLOW_TUNNEL)))
			found = n;
	}
	if (!found)
		return name_from_dns(s, f, best);
	*best = (struct best_name){ found->name, chain_of(s, f, found->name), found->source };
	return true;
}

bool scanner_outer_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	const struct flow_name *found = NULL;
	for (uint32_t at = scanner_believes(f) ? f->user[FLOW_NAMES] : 0; at; at = s->flow_names[at - 1].next) {
		const struct flow_name *n = &s->flow_names[at - 1];
		if (!n->inner && (!found || n->source < found->source))
			found = n;
	}
	if (!found)
		return name_from_dns(s, f, best);
	*best = (struct best_name){ found->name, chain_of(s, f, found->name), found->source };
	return true;
}

const struct flow_name *scanner_inner_name(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct flow_name *newest = NULL;
	uint32_t asked = f->user[FLOW_REQUEST_NAME];
	if (asked && s->flow_names[asked - 1].inner)
		return &s->flow_names[asked - 1];
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		if (s->flow_names[at - 1].inner)
			newest = &s->flow_names[at - 1];
	return newest;
}

bool scanner_request_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	uint32_t newest = f->user[FLOW_REQUEST_NAME];
	if (!newest || !scanner_believes(f))
		return scanner_best_name(s, f, best);
	const struct flow_name *n = &s->flow_names[newest - 1];
	*best = (struct best_name){ n->name, chain_of(s, f, n->name), n->source };
	return true;
}
