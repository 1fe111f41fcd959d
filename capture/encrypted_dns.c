/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * encrypted_dns.c - names of public resolvers that answer over HTTPS, TLS or QUIC
 *
 * A connection that offers HTTP/2 or HTTP/3 to one of these is most likely DNS over HTTPS (RFC 8484): nothing else
 * tells it from other HTTPS. Names below an entry count, too. The list is what operators publish
 * of their services; a resolver that is not in it is simply not noticed.
 */
#include "scanner_internal.h"

#include <string.h>

static const char *const resolvers[] = {
	"dns.google", "dns64.dns.google", "cloudflare-dns.com", "one.one.one.one", "cloudflare-gateway.com",
	"quad9.net", "doh.opendns.com", "doh.umbrella.com", "doh.familyshield.opendns.com", "doh.sandbox.opendns.com",
	"dns.nextdns.io", "adguard-dns.com", "dns.adguard.com", "dns-family.adguard.com", "doh.cleanbrowsing.org",
	"dns.controld.com", "freedns.controld.com", "dns.mullvad.net", "doh.mullvad.net", "dns0.eu", "joindns4.eu",
	"dns.sb", "doh.dns.sb", "doh.libredns.gr", "doh.applied-privacy.net", "dnsforge.de", "dns.switch.ch",
	"dns.digitale-gesellschaft.ch", "dns.digitalcourage.de", "doh.ffmuc.net", "ordns.he.net", "wikimedia-dns.org",
	"dns.alidns.com", "doh.pub", "dot.pub", "doh.360.cn", "dns.twnic.tw", "public.dns.iij.jp", "dns.comss.one",
	"doh.xfinity.com", "doh.cox.net", "private.canadianshield.cira.ca", "doh.dns.apple.com", "dns.aa.net.uk",
	"kaitain.restena.lu", "odvr.nic.cz", "doh.bortzmeyer.fr", "dns.njal.la", "unicast.uncensoreddns.org",
};

static bool is_below(const char *name, const char *top)
{
	size_t n = strlen(name), t = strlen(top);
	return n >= t && strcmp(name + n - t, top) == 0 && (n == t || name[n - t - 1] == '.');
}

bool scanner_is_resolver_name(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(resolvers); i++)
		if (is_below(name, resolvers[i]))
			return true;
	return false;
}
