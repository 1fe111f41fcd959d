/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_run.c - packets of files and interfaces into one scanner a capture point
 *
 * Several files of one point, and several interfaces of this machine, are merged by their stamps. A live capture ends by its
 * time, by a signal, or when its last interface is gone; files end with their last packet.
 */
#include "capture/scan_run.h"

#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faultline/merge.h"
#include "faultline/units.h"

enum { DRAIN = 65536, POLL_MS = 100 };
#define HOLD_NS (INT64_C(250) * 1000000) /* above the kernel's block time-out of 100 ms */

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

/* The one global: set by the signal handler. */
static volatile sig_atomic_t interrupted;

void scan_stop(void)
{
	interrupted = 1;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * FL_NS_PER_S + t.tv_nsec;
}

static int declare_list(struct fl_locality *l, char *list, struct fl_error *err)
{
	char *rest = NULL;
	for (char *text = strtok_r(list, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
		struct fl_addr a;
		if (!fl_addr_parse(text, &a))
			return fl_fail(err, -EINVAL, "--host-addr: '%s' is no IP address; give e.g. web=10.0.0.5", text);
		fl_locality_declare(l, &a, "given");
	}
	return 0;
}

/* --host-addr entries that are for @point. */
static int declare_given(const struct scan_options *o, struct fl_locality *l, const char *point,
			 struct fl_error *err)
{
	int status = 0;
	for (size_t i = 0; i < o->host_addresses.count && status == 0; i++) {
		const char *text = o->host_addresses.list[i], *equals = strchr(text, '=');
		if (equals && (strlen(point) != (size_t)(equals - text) ||
			       strncmp(point, text, (size_t)(equals - text)) != 0))
			continue;
		char *copy = fl_copy_string(equals ? equals + 1 : text);
		status = declare_list(l, copy, err);
		free(copy);
	}
	return status;
}

/* "captures/web.pcap.gz" is web. */
static char *point_of_file(const char *path)
{
	static const char *const endings[] = { ".gz", ".zst", ".pcapng", ".pcap", ".cap", ".dmp" };
	if (strcmp(path, "-") == 0)
		return fl_copy_string("stdin");
	const char *base = strrchr(path, '/');
	char *name = fl_copy_string(base ? base + 1 : path);
	for (size_t i = 0; i < FL_ARRAY_LEN(endings); i++) {
		size_t size = strlen(name), ending = strlen(endings[i]);
		if (size > ending && strcmp(name + size - ending, endings[i]) == 0)
			name[size - ending] = 0;
	}
	return name;
}

char *scan_point_of(const struct scan_options *o, size_t file)
{
	if (o->hosts.count == 1)
		return fl_copy_string(o->hosts.list[0]);
	return o->hosts.count ? fl_copy_string(o->hosts.list[file]) : point_of_file(o->files.list[file]);
}

static struct fl_scanner *new_scanner(struct scan_run *run, const char *point, const char *source)
{
	struct fl_scanner_options o = {
		.point = point,
		.source = source,
		.memory = run->options->memory / 4 * 3,
		.flows = run->flows ? fl_output_file(run->flows) : NULL,
		.light = run->options->light,
		.internal = run->internal,
		.internal_count = run->internal_count,
		.internal_domains = run->domains,
		.internal_domain_count = run->domain_count,
	};
	return fl_scanner_new(&o);
}

static void close_all(struct fl_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		fl_source_close(merge->list[i].source);
	merge->count = 0;
}

static void add_counters(struct fl_scanner *scanner, const struct fl_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		fl_scanner_counters(scanner, fl_source_counters(merge->list[i].source));
}

/* Files of one capture point, by time, also where they overlap. */
static int scan_together(struct scan_run *run, struct fl_scanner *scanner, const char *const *files, size_t count,
			 struct fl_error *err)
{
	struct fl_merge *merge = fl_alloc(sizeof(*merge));
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t n;
	int status = 0;
	for (size_t i = 0; i < count && status == 0; i++) {
		struct fl_source *source;
		status = fl_source_open_file(&source, files[i], run->options->filter, err);
		if (status == 0)
			fl_merge_add(merge, source);
	}
	if (status == 0)
		while ((status = fl_merge_batch(merge, INT64_MAX, list, &n, err)) == 1 && !interrupted)
			fl_scanner_packets(scanner, list, n);
	if (status >= 0)
		add_counters(scanner, merge);
	close_all(merge);
	free(merge);
	return status < 0 ? status : 0;
}

static int scan_point(struct scan_run *run, const char *point, const char *const *files, size_t count,
		      struct fl_error *err)
{
	struct fl_scanner *scanner = new_scanner(run, point, "file");
	int status = declare_given(run->options, fl_scanner_locality(scanner), point, err);
	/* More files than can be open at a time are taken to follow each other. */
	for (size_t i = 0; i < count && status == 0 && !interrupted; i += FL_MERGE_MAX)
		status = scan_together(run, scanner, files + i, count - i < FL_MERGE_MAX ? count - i : FL_MERGE_MAX, err);
	if (interrupted)
		fl_scanner_interrupted(scanner);
	if (status == 0)
		fl_scan_set_add(&run->scans, fl_scanner_finish(scanner));
	fl_scanner_free(scanner);
	return status;
}

int scan_files(struct scan_run *run, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	if (o->hosts.count == 1)
		return scan_point(run, o->hosts.list[0], o->files.list, o->files.count, err);
	int status = 0;
	for (size_t i = 0; i < o->files.count && status == 0 && !interrupted; i++) {
		char *point = scan_point_of(o, i);
		status = scan_point(run, point, &o->files.list[i], 1, err);
		free(point);
	}
	return status;
}

static void declare_interfaces(struct fl_locality *l)
{
	struct ifaddrs *list, *i;
	if (getifaddrs(&list) != 0)
		return;
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		struct fl_addr a;
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
		fl_locality_declare(l, &a, "interface");
	}
	freeifaddrs(list);
}

struct live {
	struct fl_merge merge;
	struct pollfd poll[FL_MERGE_MAX];
};

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

static int open_live(const struct scan_options *o, struct live *live, struct fl_error *err)
{
	const char *any = "any";
	char *filter = light_and(o);
	int status = 0;
	const char *const *names = o->interfaces.count ? o->interfaces.list : &any;
	size_t count = o->interfaces.count ? o->interfaces.count : 1;
	for (size_t i = 0; i < count && status == 0; i++) {
		struct fl_live_options l = { names[i], filter ? filter : o->filter, (uint32_t)o->snaplen,
					     (uint32_t)o->buffer };
		struct fl_source *source;
		status = fl_source_open_live(&source, &l, err);
		if (status)
			break;
		live->poll[i] = (struct pollfd){ fl_source_fd(source), POLLIN, 0 };
		fl_merge_add(&live->merge, source);
	}
	free(filter);
	return status;
}

/* Take what there is now. What another interface may still bring in before it is waited for, but not long. */
static int drain(struct live *live, struct fl_scanner *scanner, struct fl_error *err)
{
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t count;
	int64_t settled = now_ns(CLOCK_REALTIME) - HOLD_NS;
	int status = 1;
	for (size_t n = 0; n < DRAIN && status == 1; n += count) {
		status = fl_merge_batch(&live->merge, settled, list, &count, err);
		fl_scanner_packets(scanner, list, count);
	}
	for (size_t i = 0; i < live->merge.count; i++)
		if (live->merge.list[i].ended)
			live->poll[i].fd = -1;
	return status;
}

static void show_progress(const struct fl_scanner *scanner, int64_t left_ns)
{
	char left[FL_TIME_TEXT];
	struct fl_scanner_progress p = fl_scanner_progress(scanner);
	fprintf(stderr, "\r\033[K%s left: %llu packets, %u flows open, %zu conversations",
		fl_duration_format(left_ns - left_ns % FL_NS_PER_S, left), (unsigned long long)p.packets, p.flows,
		p.conversations);
}

static int capture(const struct scan_options *o, struct live *live, struct fl_scanner *scanner, struct fl_error *err)
{
	int64_t end = now_ns(CLOCK_MONOTONIC) + o->for_ns, shown = 0;
	bool terminal = isatty(STDERR_FILENO);
	int status = 0;
	while (!interrupted && status >= 0 && status != FL_SOURCE_END) {
		int64_t now = now_ns(CLOCK_MONOTONIC);
		if (now >= end)
			break;
		if (terminal && now - shown >= FL_NS_PER_S) {
			show_progress(scanner, end - now);
			shown = now;
		}
		if (poll(live->poll, live->merge.count, POLL_MS) < 0 && errno != EINTR)
			return fl_fail(err, -errno, "waiting for packets: %s", strerror(errno));
		status = drain(live, scanner, err);
	}
	/* What is still held back. */
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t count;
	while (status >= 0 && (status = fl_merge_batch(&live->merge, INT64_MAX, list, &count, err)) == 1)
		fl_scanner_packets(scanner, list, count);
	if (terminal)
		fputs("\r\033[K", stderr);
	return status < 0 ? status : 0;
}

int scan_live(struct scan_run *run, struct fl_error *err)
{
	const struct scan_options *o = run->options;
	struct live *live = fl_alloc(sizeof(*live));
	char name[HOST_NAME_MAX + 1] = "localhost";
	gethostname(name, sizeof(name) - 1);
	const char *point = o->hosts.count ? o->hosts.list[0] : name;
	struct fl_scanner *scanner = new_scanner(run, point, "live");
	int status = declare_given(o, fl_scanner_locality(scanner), point, err);
	if (status == 0 && o->host_addresses.count == 0)
		declare_interfaces(fl_scanner_locality(scanner));
	if (status == 0)
		status = open_live(o, live, err);
	int64_t start = now_ns(CLOCK_REALTIME);
	if (status == 0)
		status = capture(o, live, scanner, err);
	if (status == 0) {
		fl_scanner_window(scanner, start, now_ns(CLOCK_REALTIME));
		add_counters(scanner, &live->merge);
		fl_scan_set_add(&run->scans, fl_scanner_finish(scanner));
	}
	close_all(&live->merge);
	free(live);
	fl_scanner_free(scanner);
	return status;
}
