/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_limits.c - what it means that a limit was met, and what moves it
 *
 * A scan carries the name of each limit that was met, how often, and what was given up each time. Whoever reads
 * it wants to know what is not in the answers because of that, and which option helps. That is said here, in one place
 * for scan, watch, answers and reports, and is no part of a scan: an older scan is read with the words of today.
 */
#include <string.h>

#include "faultline/scan.h"

#define MEMORY "; raise --memory of the scan"
#define FIXED "; this limit is fixed, --filter leaves more room for the rest"

static const struct {
	const char *name, *means;
} limits[] = {
	{ "flow table", "what these connections did later counts as connections of their own, older than the capture" MEMORY },
	{ "conversations", "dependencies may be missing, and those there count too little" MEMORY },
	{ "names of a listener", "whom they were for is not known, their number is" FIXED },
	{ "histograms", "of some dependencies no times and no time line are known" MEMORY },
	{ "names", "some connections stand under their address alone" MEMORY },
	{ "names of a flow", "some connections stand under their address alone" MEMORY },
	{ "name bindings", "connections opened later to those addresses may stand under their address alone" MEMORY },
	{ "DNS answers", "the list of names is not whole; names of dependencies are those that were seen" MEMORY },
	{ "stream store", "what they said behind a missing packet was not read: names and answers" MEMORY },
	{ "hellos over datagrams", "their connections stand under a name of DNS or their address" MEMORY },
	{ "request heads", "which host they asked for is not known: they stand under the name of their connection" FIXED },
	{ "HTTP/2 connections", "requests and failures on them count too little" MEMORY },
	{ "HTTP/2 calls", "how these requests went is not known" FIXED },
	{ "local addresses", "hosts beyond it are taken for others; name the scanned host's addresses with --host-addr, or leave the rest out with --filter" },
	{ "sockets", "whose connections they were may not be known: they stand at another service or at the host" MEMORY },
	{ "services", "their connections stand at the host" FIXED },
	{ "services of a user or container", "their connections stand at the host" FIXED },
	{ "exchange log", "retries and stalls are told from those that were kept" MEMORY },
	{ "exchange log lost", "retries, timeouts and stalls among them are not told" MEMORY },
	{ "behaviours", "how callers behave when these fail is not told" FIXED },
	{ "listeners", "how much they worked on at once is not known" MEMORY },
};

const char *fl_scan_limit_means(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(limits); i++)
		if (strcmp(limits[i].name, name) == 0)
			return limits[i].means;
	return "what that leaves out is told by 'man faultline', COVERAGE";
}
