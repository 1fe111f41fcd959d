/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoint.c - what the far end is called, where it is, and who provides it
 *
 * SNI is the client's own word for the server it wants and is taken as it is. A Host field is
 * weaker: a reverse proxy passes on the name that it was asked for itself, or sends the
 * name of a pool in its configuration. So a Host that the caller's own services are asked
 * for, or that no DNS name can be, is set aside in favour of the client's DNS answer, else the
 * bare address, unless that very DNS answer confirms it. The target that a proxy is asked for is the client's own word, too.
 */
#include "scanner_internal.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

bool scanner_is_host_name(const char *name)
{
	struct fl_addr address;
	size_t label = 0, size = strlen(name);
	if (size == 0 || size > 253 || fl_addr_parse(name, &address))
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = name[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (c == '.') {
			if (label == 0 || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!letter && (c != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0 && name[size - 1] != '-';
}

static bool contains(const fl_str *sorted, size_t count, fl_str id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (sorted[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && sorted[low] == id;
}

/* The name stands in the pool since the summary began (scanner_summarise()). */
static struct endpoint_name name_by_file(const struct fl_scanner *s, const struct fl_conversation *v,
					 struct endpoint_name e)
{
	const char *name = v->inner ? NULL : fl_hosts_name(s->hosts, &v->key.server);
	e.name = name ? fl_strpool_find(s->strings, name, strlen(name)) : FL_STR_NONE;
	e.source = e.name ? FL_NAME_HOSTS_FILE : FL_NAME_NONE;
	return e;
}

struct endpoint_name scanner_endpoint_name(const struct fl_scanner *s, const struct fl_conversation *v,
					   const fl_str *inbound_names, size_t inbound_count)
{
	struct endpoint_name e = { v->key.name, v->chain, v->key.name_source, FL_STR_NONE };
	if (e.source == FL_NAME_NONE)
		return name_by_file(s, v, e);
	if (e.source != FL_NAME_HTTP_HOST || e.name == v->dns_name || v->inner)
		return e;
	if (scanner_is_host_name(fl_strpool_get(s->strings, e.name)) &&
	    !contains(inbound_names, inbound_count, e.name))
		return e;
	e.asked = e.name;
	e.name = v->dns_name;
	e.chain = v->dns_chain;
	e.source = v->dns_name ? FL_NAME_DNS : FL_NAME_NONE;
	return e.name ? e : name_by_file(s, v, e);
}

static bool under_domain(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);
	return n >= d && strcasecmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

enum fl_scope scanner_scope(const struct fl_scanner *s, const struct fl_addr *a, const char *name)
{
	if (fl_locality_is_local(s->locality, a))
		return FL_SCOPE_LOCAL;
	if (fl_addr_is_internal(a))
		return FL_SCOPE_INTERNAL;
	for (size_t i = 0; i < s->options.internal_count; i++)
		if (fl_prefix_contains(&s->options.internal[i], a))
			return FL_SCOPE_INTERNAL;
	for (size_t i = 0; name && i < s->options.internal_domain_count; i++)
		if (under_domain(name, s->options.internal_domains[i]))
			return FL_SCOPE_INTERNAL;
	return FL_SCOPE_EXTERNAL;
}

enum fl_scope scanner_inner_scope(const struct fl_scanner *s, const char *name)
{
	/* RFC 6762 appendix G, RFC 8375, and ICANN's reservation of "internal". */
	static const char *const private[] = { "internal", "intranet", "private", "corp", "home", "lan", "local",
					       "localdomain", "localhost", "home.arpa" };
	for (size_t i = 0; i < s->options.internal_domain_count; i++)
		if (under_domain(name, s->options.internal_domains[i]))
			return FL_SCOPE_INTERNAL;
	for (size_t i = 0; i < FL_ARRAY_LEN(private); i++)
		if (under_domain(name, private[i]))
			return FL_SCOPE_INTERNAL;
	return strchr(name, '.') ? FL_SCOPE_EXTERNAL : FL_SCOPE_INTERNAL;
}

const char *scanner_provider(struct fl_arena *a, const char *name)
{
	const psl_ctx_t *list = psl_builtin();
	struct fl_addr address;
	if (!name || fl_addr_parse(name, &address))
		return NULL;
	const char *domain = list ? psl_registrable_domain(list, name) : NULL;
	return domain ? fl_arena_string(a, domain) : NULL;
}
