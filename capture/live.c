/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.c - the interfaces of a live capture, and the scanner that their packets go to
 *
 * Several interfaces of this machine are merged by their stamps: a look-up on one names a connection on another. Packets are
 * held until what another interface may still bring in before them has had its time.
 */
#include "capture/live.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faultline/units.h"

enum { DRAIN = 65536 };

/* What names and states need, for both families: SYN, FIN, RST; segments that begin with a TLS handshake record or an HTTP
 * request ("GET ", "POST", "PUT ", "HEAD", "DELE", "PATC", "OPTI", "CONN"); DNS; QUIC; fragments; ICMP errors; ARP, which tells hosts
 * apart. The filter has no memory: of a ClientHello that spans segments it passes the first. */
#define FIRST4(offset) \
	"(tcp[" offset ":4]=0x47455420 or tcp[" offset ":4]=0x504f5354 or tcp[" offset ":4]=0x50555420 or " \
	"tcp[" offset ":4]=0x48454144 or tcp[" offset ":4]=0x44454c45 or tcp[" offset ":4]=0x50415443 or " \
	"tcp[" offset ":4]=0x4f505449 or tcp[" offset ":4]=0x434f4e4e)"
#define FIRST4_V6(offset) \
	"(ip6[" offset ":4]=0x47455420 or ip6[" offset ":4]=0x504f5354 or ip6[" offset ":4]=0x50555420 or " \
	"ip6[" offset ":4]=0x48454144 or ip6[" offset ":4]=0x44454c45 or ip6[" offset ":4]=0x50415443 or " \
	"ip6[" offset ":4]=0x4f505449 or ip6[" offset ":4]=0x434f4e4e)"
static const char light_filter[] =
	"(ip and tcp and (tcp[13]&7!=0 or tcp[((tcp[12]&0xf0)>>2)]=0x16 or " FIRST4("((tcp[12]&0xf0)>>2)") ")) or "
	"(ip6 and ip6[6]=6 and (ip6[53]&7!=0 or ip6[40+((ip6[52]&0xf0)>>2)]=0x16 or " FIRST4_V6("40+((ip6[52]&0xf0)>>2)") ")) or "
	"port 53 or udp port 443 or ip[6:2]&0x3fff!=0 or (ip6 and ip6[6]=44) or "
	"(icmp and icmp[0]=3) or (icmp6 and ip6[40]=1) or arp";

int64_t live_now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * FL_NS_PER_S + t.tv_nsec;
}

void live_addresses(void (*found)(void *context, const struct fl_addr *a), void *context)
{
	struct ifaddrs *list, *i;
	if (getifaddrs(&list) != 0)
		return;
	for (i = list; i; i = i->ifa_next) {
		struct fl_addr a;
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in in;
			memcpy(&in, i->ifa_addr, sizeof(in));
			a = fl_addr_v4((const uint8_t *)&in.sin_addr);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 in6;
			memcpy(&in6, i->ifa_addr, sizeof(in6));
			a = fl_addr_v6(in6.sin6_addr.s6_addr);
		} else {
			continue;
		}
		found(context, &a);
	}
	freeifaddrs(list);
}

static void declare_address(void *locality, const struct fl_addr *a)
{
	fl_locality_declare(locality, a, "interface");
}

int live_declare(const struct scan_options *o, struct fl_scanner *scanner, const char *point, struct fl_error *err)
{
	int status = scan_declare_given(o, fl_scanner_locality(scanner), point, err);
	fl_scanner_hosts(scanner, fl_hosts_read("/etc/hosts"));
	if (status == 0 && o->host_addresses.count == 0)
		live_addresses(declare_address, fl_scanner_locality(scanner));
	return status;
}

/* The user's filter and the light one together; NULL without --light. */
static char *light_and(const struct scan_options *o)
{
	char *filter = NULL;
	if (!o->light)
		return NULL;
	if (!o->filter)
		return fl_copy_string(light_filter);
	if (asprintf(&filter, "(%s) and (%s)", o->filter, light_filter) < 0)
		fl_out_of_memory();
	return filter;
}

static int open_interface(const struct scan_options *o, struct live *live, const char *name, const char *filter,
			  struct fl_error *err)
{
	struct scan_shares shares = scan_shares(o);
	struct fl_live_options l = { name, filter, (uint32_t)o->snaplen, (uint32_t)shares.buffer, (uint32_t)shares.fragments };
	struct fl_source *source;
	int status = fl_source_open_live(&source, &l, err);
	if (status)
		return status;
	live->poll[live->merge.count] = (struct pollfd){ fl_source_fd(source), POLLIN, 0 };
	fl_merge_add(&live->merge, source);
	return 0;
}

int live_open(const struct scan_options *o, struct live **live, struct fl_error *err)
{
	const char *any = "any";
	char *filter = light_and(o);
	int status = 0;
	const char *const *names = o->interfaces.count ? o->interfaces.list : &any;
	size_t count = o->interfaces.count ? o->interfaces.count : 1;
	struct live *l = fl_alloc(sizeof(*l));
	for (size_t i = 0; i < count && status == 0; i++)
		status = open_interface(o, l, names[i], filter ? filter : o->filter, err);
	free(filter);
	if (status)
		live_close(l);
	else
		*live = l;
	return status;
}

void live_close(struct live *live)
{
	for (size_t i = 0; live && i < live->merge.count; i++)
		fl_source_close(live->merge.list[i].source);
	free(live);
}

/* Of packets by their stamps, how many are before the end. */
static size_t in_time(const struct live *live, const struct fl_packet *const *list, size_t count)
{
	while (live->until_ns && count > 0 && list[count - 1]->time_ns > live->until_ns)
		count--;
	return count;
}

int live_drain(struct live *live, struct fl_scanner *scanner, int64_t settled_ns, struct fl_error *err)
{
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t count;
	int status = 1;
	for (size_t n = 0; n < DRAIN && status == 1; n += count) {
		status = fl_merge_batch(&live->merge, settled_ns, list, &count, err);
		fl_scanner_packets(scanner, list, in_time(live, list, count));
	}
	for (size_t i = 0; i < live->merge.count; i++)
		if (live->merge.list[i].ended)
			live->poll[i].fd = -1;
	return status;
}

void live_stop(struct live *live)
{
	for (size_t i = 0; i < live->merge.count; i++)
		fl_source_stop(live->merge.list[i].source);
}

static struct fl_source_counters since(const struct fl_source_counters *now, const struct fl_source_counters *before)
{
	struct fl_source_counters c = *now;
	c.packets -= before->packets;
	c.bytes -= before->bytes;
	c.dropped_kernel -= before->dropped_kernel;
	c.dropped_interface -= before->dropped_interface;
	for (size_t i = 0; i < FL_PARSE_COUNT; i++)
		c.parse[i] -= before->parse[i], c.further[i] -= before->further[i];
	for (size_t i = 0; i < FL_TUNNEL_COUNT; i++)
		c.tunnels[i] -= before->tunnels[i];
	c.too_deep -= before->too_deep;
	c.fragments.late -= before->fragments.late;
	c.fragments.crowded -= before->fragments.crowded;
	c.fragments.refused -= before->fragments.refused;
	c.filtered -= before->filtered;
	c.cut_short = now->cut_short && !before->cut_short;
	c.lost_interface = now->lost_interface && !before->lost_interface;
	return c;
}

void live_count(struct live *live, struct fl_scanner *scanner)
{
	for (size_t i = 0; i < live->merge.count; i++) {
		const struct fl_source_counters *now = fl_source_counters(live->merge.list[i].source);
		struct fl_source_counters c = since(now, &live->before[i]);
		live->before[i] = *now;
		fl_scanner_counters(scanner, &c);
	}
}

uint64_t live_dropped(struct live *live)
{
	uint64_t n = 0;
	for (size_t i = 0; i < live->merge.count; i++)
		n += fl_source_counters(live->merge.list[i].source)->dropped_kernel;
	return n;
}

/* As libpcap counts them, which cannot read these files from inside the sandbox. */
uint64_t live_interface_drops(const struct scan_options *o)
{
	static const char *const files[] = { "rx_missed_errors", "rx_fifo_errors" };
	uint64_t sum = 0;
	for (size_t i = 0; i < o->interfaces.count; i++) {
		for (size_t k = 0; k < FL_ARRAY_LEN(files) && !strchr(o->interfaces.list[i], '/'); k++) {
			char path[128];
			unsigned long long n = 0;
			snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", o->interfaces.list[i], files[k]);
			FILE *f = fopen(path, "re");
			if (f && fscanf(f, "%llu", &n) == 1)
				sum += n;
			if (f)
				fclose(f);
		}
	}
	return sum;
}
