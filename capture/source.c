/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - packets from files and interfaces
 *
 * Files are read by records.c, interfaces by libpcap; from here on both are records, and frames
 * become packets: filtered, decoded, put together from fragments, counted. Frames are counted by what
 * fl_decode() says of them, each once; nobody above sees those without IP or ARP.
 *
 * Time stamps are nanoseconds throughout.
 *
 * A filter on a file is run here, so that what it left out is counted; on an interface it
 * runs in the kernel, where it saves the copy. Link types differ between the interfaces of a
 * pcapng file, so it is compiled for each that turns up.
 *
 * A fragment is held (FL_PARSE_MORE) until its datagram is whole; then the datagram is decoded in the name
 * of the frame that completed it. One frame may thus give several packets: those that it pushes out of
 * the memory for fragments, then its own. @piece keeps it meanwhile.
 *
 * A live source never blocks: libpcap's ring tells poll(2) when a block of packets is
 * ready or 100 ms have passed. Immediate mode would cost a wake-up per packet.
 *
 * What is sent over loopback comes back at once: the kernel offers each packet twice, and libpcap throws the one that leaves away after
 * it was put into the ring. It is not made for us at all where we listen on loopback alone (PACKET_IGNORE_OUTGOING), and not put into
 * the ring of 'any', where leaving packets of other interfaces are wanted.
 */
#include "source_internal.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_TIMEOUT_MS = 100,
	SKIP_MAX = 1024,                    /* frames passed over before a live source returns */
	FRAGMENTS_MEMORY = 4 * 1024 * 1024, /* 4000 pages; touched only where there are fragments */
	FRAGMENTS_NESTED = 4,               /* a datagram put together may be a fragment, through a tunnel */
};

/* A filter for one link type. */
struct filter {
	int link_type;
	struct bpf_program program;
};

struct fl_source {
	pcap_t *pcap;      /* interfaces */
	struct feed *feed; /* files */
	struct records *records;
	char *name;
	int link_type; /* interfaces */
	bool live, confined;
	char *filter; /* files; NULL for none */
	struct filter *filters;
	size_t filter_count;
	struct fl_fragments *fragments;
	struct fl_packet piece; /* a fragment that is not handed in yet */
	bool piece_waits;
	struct record frame; /* an aggregate, while @subframe */
	uint8_t subframe;    /* the next one; 0: none */
	unsigned nested; /* datagrams that @piece was in */
	volatile sig_atomic_t stop;
	struct fl_source_counters counters;
};

/* --- filters ------------------------------------------------------------------------------------- */

static int compile_filter(pcap_t *pcap, struct bpf_program *program, const char *filter, struct fl_error *err)
{
	if (pcap_compile(pcap, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0)
		return 0;
	return fl_fail(err, -EINVAL, "filter \"%s\": %s; pcap-filter(7) describes the syntax", filter,
		pcap_geterr(pcap));
}

static int add_filter(struct fl_source *s, int link_type, struct fl_error *err)
{
	struct filter new = { .link_type = link_type };
	/* 101 is raw IP in files, 12 in libpcap */
	pcap_t *pcap = pcap_open_dead(link_type == 101 ? DLT_RAW : link_type, RECORD_MAX);
	if (!pcap)
		return fl_fail(err, -ENOMEM, "filter \"%s\": libpcap does not start", s->filter);
	int code = compile_filter(pcap, &new.program, s->filter, err);
	pcap_close(pcap);
	if (code < 0)
		return code;
	s->filters = fl_grow_array(s->filters, s->filter_count + 1, sizeof(*s->filters));
	s->filters[s->filter_count++] = new;
	return 0;
}

/* 1 when the frame passes, 0 when not. Link types nobody reads pass: they are counted as such. */
static int filter_passes(struct fl_source *s, const struct record *r, struct fl_error *err)
{
	struct pcap_pkthdr header = { .caplen = r->caplen, .len = r->len };
	for (size_t i = 0; i <= s->filter_count; i++) {
		if (i == s->filter_count) {
			if (!fl_decode_knows(r->link_type))
				return 1;
			int code = add_filter(s, r->link_type, err);
			if (code < 0)
				return code;
		}
		if (s->filters[i].link_type == r->link_type)
			return pcap_offline_filter(&s->filters[i].program, &header, r->data) != 0;
	}
	return 0;
}

/* --- files -------------------------------------------------------------------------------------- */

static int fail_open(struct fl_error *err, const char *path, int code)
{
	if (code == EISDIR)
		return fl_fail(err, -code, "%s is a directory; give a pcap or pcapng file", path);
	if (code == ENOTSUP)
		return fl_fail(err, -code,
			"%s is compressed with zstd, which this build cannot read; inflate it outside: "
			"zstd -dc FILE | faultline scan -r -",
			path);
	return fl_fail(err, -code, "cannot open %s: %s; see whether the name is right and you may read it",
		path, strerror(code));
}

static int fail_link_type(const struct fl_source *s, int link_type, struct fl_error *err)
{
	const char *name = pcap_datalink_val_to_name(link_type);
	return fl_fail(err, -ENOTSUP,
		"%s: link type %s (%d) is not supported; capture Ethernet, Linux cooked, loopback, 802.11, PPP, a packet filter's log or "
		"raw IP",
		s->name, name ? name : "unknown", link_type);
}

static struct fl_source *new_source(const char *name, size_t fragments)
{
	struct fl_source *s = fl_alloc(sizeof(*s));
	s->name = fl_copy_string(name);
	s->fragments = fl_fragments_new(fragments ? fragments : FRAGMENTS_MEMORY);
	return s;
}

static int fail_header(const struct fl_source *s, int code, const char *why, struct fl_error *err)
{
	const char *remedy = feed_remedy(s->feed) ? feed_remedy(s->feed) : "give a pcap or pcapng file";
	return fl_fail(err, code, "%s: %s; %s", s->name, why ? why : strerror(-code), remedy);
}

/* Takes @fd over. */
static int open_records(struct fl_source *s, int fd, const char *filter, struct fl_error *err)
{
	const char *why = NULL;
	int code = feed_open(&s->feed, fd);
	if (code < 0)
		return fail_open(err, s->name, -code);
	code = records_open(&s->records, s->feed, &why);
	if (code < 0)
		return fail_header(s, code, why, err);
	bool blocks = s->records->blocks != NULL;
	if (!blocks && !fl_decode_knows(s->records->link_type))
		return fail_link_type(s, s->records->link_type, err);
	s->filter = fl_copy_string(filter);
	/* Of pcapng no link type is known yet; this one finds what is wrong with the words. */
	return filter ? add_filter(s, blocks ? DLT_EN10MB : s->records->link_type, err) : 0;
}

int fl_source_open_file(struct fl_source **source, const char *path, const char *filter, struct fl_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(err, path, errno);
	struct fl_source *s = new_source(standard ? "standard input" : path, 0);
	int code = open_records(s, fd, filter, err);
	if (code < 0) {
		fl_source_close(s);
		return code;
	}
	*source = s;
	return 0;
}

/* --- interfaces --------------------------------------------------------------------------------- */

static int fail_unknown(struct fl_error *err, const char *interface)
{
	char names[FL_ERROR_MAX / 2] = "any";
	size_t used = strlen(names);
	struct if_nameindex *list = if_nameindex();
	for (struct if_nameindex *i = list; i && i->if_index != 0; i++) {
		int n = snprintf(names + used, sizeof(names) - used, ", %s", i->if_name);
		if (n < 0 || (size_t)n >= sizeof(names) - used) {
			names[used] = '\0';
			break;
		}
		used += (size_t)n;
	}
	if (list)
		if_freenameindex(list);
	return fl_fail(err, -ENODEV, "there is no interface %s; there are: %s", interface, names);
}

static int fail_activate(struct fl_source *s, int status, struct fl_error *err)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return fail_unknown(err, s->name);
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return fl_fail(err, -EPERM,
			"no permission to capture on %s; run it with sudo, or once: "
			"sudo setcap cap_net_raw+ep \"$(command -v faultline)\"",
			s->name);
	case PCAP_ERROR_IFACE_NOT_UP:
		return fl_fail(err, -ENETDOWN, "%s is down; sudo ip link set %s up", s->name, s->name);
	default:
		return fl_fail(err, -EIO, "cannot capture on %s: %s (%s)", s->name, pcap_statustostr(status),
			pcap_geterr(s->pcap));
	}
}

static int set_filter(struct fl_source *s, const char *filter, struct fl_error *err)
{
	struct bpf_program program;
	int code = compile_filter(s->pcap, &program, filter, err);
	if (code < 0)
		return code;
	if (pcap_setfilter(s->pcap, &program) != 0)
		code = fl_fail(err, -EIO, "%s: cannot set the filter: %s", s->name, pcap_geterr(s->pcap));
	pcap_freecode(&program);
	return code;
}

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

/* Before 4.20 libpcap goes on to sort them out. */
static void ignore_echo(const struct fl_source *s)
{
	int one = 1, fd = pcap_fileno(s->pcap);
	struct ifreq interface = { .ifr_flags = 0 };
	snprintf(interface.ifr_name, sizeof(interface.ifr_name), "%s", s->name);
	if (ioctl(fd, SIOCGIFFLAGS, &interface) == 0 && (interface.ifr_flags & IFF_LOOPBACK))
		(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
}

/* The same for 'any': @filter, NULL for none, without what leaves by loopback. NULL when nothing is to be added. */
static char *without_echo(const struct fl_source *s, const char *filter)
{
	char *text = NULL;
	unsigned loopback = s->link_type == DLT_LINUX_SLL2 ? if_nametoindex("lo") : 0;
	if (!loopback)
		return NULL;
	if (asprintf(&text, "%s%s%snot (ifindex %u and outbound)", filter ? "(" : "", filter ? filter : "",
		     filter ? ") and " : "", loopback) < 0)
		fl_out_of_memory();
	return text;
}

/* Cooked v2 tells the direction and the interface; not every kernel offers it. */
static void prefer_cooked_v2(pcap_t *pcap)
{
	int *types = NULL;
	int count = pcap_list_datalinks(pcap, &types);
	for (int i = 0; i < count; i++)
		if (types[i] == DLT_LINUX_SLL2 && pcap_set_datalink(pcap, DLT_LINUX_SLL2) == 0)
			break;
	if (count > 0)
		pcap_free_datalinks(types);
}

static int activate(struct fl_source *s, const struct fl_live_options *o, struct fl_error *err)
{
	(void)pcap_set_snaplen(s->pcap, o->snaplen > INT32_MAX ? INT32_MAX : (int)o->snaplen);
	(void)pcap_set_promisc(s->pcap, 0);
	(void)pcap_set_timeout(s->pcap, READ_TIMEOUT_MS);
	if (o->buffer_bytes > 0)
		(void)pcap_set_buffer_size(
			s->pcap, o->buffer_bytes > INT32_MAX ? INT32_MAX : (int)o->buffer_bytes);
	(void)pcap_set_tstamp_precision(s->pcap, PCAP_TSTAMP_PRECISION_NANO);
	int status = pcap_activate(s->pcap);
	if (status < 0) /* above 0 are warnings */
		return fail_activate(s, status, err);
	if (strcmp(s->name, "any") == 0)
		prefer_cooked_v2(s->pcap);
	s->link_type = pcap_datalink(s->pcap);
	int code = fl_decode_knows(s->link_type) ? 0 : fail_link_type(s, s->link_type, err);
	if (code == 0 && o->filter)
		code = set_filter(s, o->filter, err);
	if (code < 0)
		return code;
	ignore_echo(s);
	struct fl_error unimportant;
	char *filter = without_echo(s, o->filter);
	/* It is the filter by which the kernel knows the snap length: without one whole packets are copied and cut by libpcap. */
	if (filter || !o->filter)
		(void)set_filter(s, filter ? filter : "", &unimportant);
	free(filter);
	return 0;
}

int fl_source_open_live(
	struct fl_source **source, const struct fl_live_options *options, struct fl_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct fl_source *s = new_source(options->interface, options->fragments_bytes);
	s->live = true;
	s->pcap = pcap_create(options->interface, why);
	int code = s->pcap ? activate(s, options, err)
			   : fl_fail(err, -EIO, "cannot capture on %s: %s", s->name, why);
	if (code == 0 && pcap_setnonblock(s->pcap, 1, why) != 0)
		code = fl_fail(err, -EIO, "cannot capture on %s: %s", s->name, why);
	if (code < 0) {
		fl_source_close(s);
		return code;
	}
	*source = s;
	return 0;
}

void fl_source_close(struct fl_source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->filter_count; i++)
		pcap_freecode(&s->filters[i].program);
	free(s->filters);
	free(s->filter);
	if (s->pcap)
		pcap_close(s->pcap);
	records_close(s->records);
	feed_close(s->feed);
	fl_fragments_free(s->fragments);
	free(s->name);
	free(s);
}

/* --- records ------------------------------------------------------------------------------------- */

static int end_live(struct fl_source *s, struct fl_error *err)
{
	const char *why = pcap_geterr(s->pcap);
	if (strstr(why, "disappeared") || strstr(why, "went down")) {
		s->counters.lost_interface = true;
		return FL_SOURCE_END;
	}
	return fl_fail(err, -EIO, "%s: capture failed: %s", s->name, why);
}

static int next_live(struct fl_source *s, struct record *r, struct fl_error *err)
{
	struct pcap_pkthdr *header;
	int got = pcap_next_ex(s->pcap, &header, &r->data);
	if (got != 1)
		return got == 0 ? 0 : got == PCAP_ERROR_BREAK ? FL_SOURCE_END : end_live(s, err);
	r->caplen = header->caplen;
	r->len = header->len;
	r->link_type = s->link_type;
	r->interface = 0;
	/* Nanoseconds were asked for: libpcap keeps them in tv_usec. */
	r->time_ns = (int64_t)((uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec);
	return 1;
}

static int fail_file(struct fl_source *s, struct fl_error *err)
{
	unsigned long long number = s->counters.filtered + 1;
	for (unsigned i = 0; i < FL_PARSE_COUNT; i++)
		number += s->counters.parse[i];
	if (feed_damage(s->feed))
		return fl_fail(err, -EBADMSG, "%s: %s at packet %llu; %s", s->name, feed_damage(s->feed),
			number, feed_remedy(s->feed));
	const char *why = s->records->why ? s->records->why : strerror(errno);
	if (number == 1)
		return fl_fail(err, -EBADMSG, "%s: the first packet is damaged (%s); copy the file again",
			s->name, why);
	return fl_fail(err, -EBADMSG,
		"%s: packet %llu is damaged (%s); copy the file again, or keep the packets before it: "
		"editcap -r FILE GOOD.pcap 1-%llu",
		s->name, number, why, number - 1);
}

/* What was captured was read by nobody: say so rather than report that there was nothing. */
static int end_file(struct fl_source *s, struct fl_error *err)
{
	const struct records *r = s->records;
	s->counters.cut_short |= records_cut(r);
	int unknown = r->blocks ? pcapng_unknown_link(r->blocks) : -1;
	return unknown < 0 ? FL_SOURCE_END : fail_link_type(s, unknown, err);
}

static inline int next_record(struct fl_source *s, struct record *r, struct fl_error *err)
{
	if (s->live)
		return next_live(s, r, err);
	int got = records_next(s->records, r);
	if (got == 1)
		return 1;
	return got < 0 ? fail_file(s, err) : end_file(s, err);
}

/* --- packets ------------------------------------------------------------------------------------ */

/* 1 when @p is a packet for the caller. */
static inline int count(struct fl_source *s, enum fl_parse parse, const struct fl_packet *p)
{
	s->counters.parse[parse]++;
	if (__builtin_expect(parse != FL_PARSE_OK, 0)) {
		s->counters.too_deep += p->too_deep;
		return 0;
	}
	s->counters.packets++;
	s->counters.bytes += p->len;
	s->counters.tunnels[p->tunnel]++;
	return 1;
}

/* A datagram given up: its first fragment was counted as held, and is a packet after all. */
static int deliver_beginning(struct fl_source *s, struct fl_packet *p)
{
	if (fl_decode_datagram(p) != FL_PARSE_OK)
		return 0;
	s->counters.parse[FL_PARSE_MORE]--;
	return count(s, FL_PARSE_OK, p);
}

/* What the fragment at hand pushes out, then what it completes. */
static __attribute__((noinline)) int take_piece(struct fl_source *s, struct fl_packet *p)
{
	while (fl_fragments_give_up(s->fragments, s->piece.time_ns, false, p))
		if (deliver_beginning(s, p))
			return 1;
	*p = s->piece;
	s->piece_waits = false;
	enum fl_parse parse = fl_fragments_add(s->fragments, p);
	if (parse == FL_PARSE_OK) {
		parse = fl_decode_datagram(p);
		if (parse == FL_PARSE_MORE && ++s->nested < FRAGMENTS_NESTED) {
			s->piece = *p;
			s->piece_waits = true;
			return 0;
		}
		if (parse == FL_PARSE_MORE) {
			parse = FL_PARSE_UNSUPPORTED;
			p->too_deep = true;
		}
	}
	s->nested = 0;
	return count(s, parse, p);
}

static inline int deliver(struct fl_source *s, const struct record *r, struct fl_packet *p)
{
	p->time_ns = r->time_ns;
	p->len = r->len ? r->len : r->caplen; /* some writers leave it out; 0 is said of further packets of a frame */
	p->interface = r->interface;
	enum fl_parse parse = fl_decode(r->link_type, r->data, r->caplen, p);
	if (__builtin_expect(p->aggregate, 0)) {
		s->frame = *r;
		s->subframe = 1;
	}
	if (__builtin_expect(parse == FL_PARSE_MORE, 0)) {
		s->piece = *p;
		s->piece_waits = true;
		return 0;
	}
	return count(s, parse, p);
}

/* Another packet of the frame that was delivered last. The frame is counted already, with its length. */
static int deliver_subframe(struct fl_source *s, struct fl_packet *p)
{
	enum fl_parse parse;
	p->time_ns = s->frame.time_ns;
	p->len = 0;
	p->interface = s->frame.interface;
	uint8_t nth = s->subframe;
	s->subframe = nth < FL_SUBFRAMES_MAX ? nth + 1 : 0;
	if (!fl_decode_subframe(s->frame.link_type, s->frame.data, s->frame.caplen, nth, p, &parse)) {
		s->subframe = 0;
		return 0;
	}
	if (nth == FL_SUBFRAMES_MAX) {
		s->counters.further[FL_PARSE_UNSUPPORTED]++;
		s->counters.too_deep++;
		return 0;
	}
	s->counters.further[parse]++;
	if (parse == FL_PARSE_MORE) {
		s->piece = *p;
		s->piece_waits = true;
	}
	return parse == FL_PARSE_OK;
}

/* The end: what is still held is not going to be whole. */
static int deliver_rest(struct fl_source *s, struct fl_packet *p)
{
	while (fl_fragments_give_up(s->fragments, 0, true, p))
		if (deliver_beginning(s, p))
			return 1;
	return FL_SOURCE_END;
}

int fl_source_next(struct fl_source *s, struct fl_packet *p, struct fl_error *err)
{
	struct record r;
	for (unsigned skipped = 0; !s->live || skipped < SKIP_MAX; skipped++) {
		if (s->stop && !s->piece_waits)
			return deliver_rest(s, p);
		if (__builtin_expect(s->piece_waits, 0)) {
			if (take_piece(s, p))
				return 1;
			continue;
		}
		if (__builtin_expect(s->subframe, 0)) {
			if (deliver_subframe(s, p))
				return 1;
			continue;
		}
		int got = next_record(s, &r, err);
		if (got != 1)
			return got == FL_SOURCE_END ? deliver_rest(s, p) : got;
		if (s->filter) {
			int passes = filter_passes(s, &r, err);
			if (passes < 0)
				return passes;
			if (!passes) {
				s->counters.filtered++;
				continue;
			}
		}
		if (deliver(s, &r, p))
			return 1;
	}
	return 0;
}

int fl_source_batch(struct fl_source *s, struct fl_packet *list, size_t limit, size_t *count, struct fl_error *err)
{
	int status = fl_source_next(s, &list[0], err);
	size_t n = status == 1;
	/* Nothing here moves the buffer or the fragments: errors and the end are met again by the next call. */
	struct record r;
	while (n > 0 && n < limit && !s->live && !s->piece_waits && !s->subframe && !s->stop && records_next_here(s->records, &r)) {
		if (s->filter && filter_passes(s, &r, err) != 1)
			s->counters.filtered++;
		else
			n += (size_t)deliver(s, &r, &list[n]);
	}
	*count = n;
	return status;
}

void fl_source_stop(struct fl_source *s)
{
	s->stop = 1;
	if (s->live)
		pcap_breakloop(s->pcap);
}

int fl_source_fd(const struct fl_source *s)
{
	return s->live ? pcap_get_selectable_fd(s->pcap) : -1;
}

void fl_source_confine(struct fl_source *s)
{
	s->confined = true;
}

const struct fl_source_counters *fl_source_counters(struct fl_source *s)
{
	struct pcap_stat stat;
	struct fl_source_counters *c = &s->counters;
	if (s->live && pcap_stats(s->pcap, &stat) == 0) {
		c->dropped_kernel = stat.ps_drop;
		if (!s->confined)
			c->dropped_interface = stat.ps_ifdrop;
	}
	if (s->records && s->records->blocks)
		pcapng_dropped(s->records->blocks, &c->dropped_kernel, &c->dropped_interface);
	c->fragments = *fl_fragments_counters(s->fragments);
	return c;
}
