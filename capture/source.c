/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - packets from files and interfaces
 *
 * Bytes of a file come from a feed: a descriptor, inflated where its first bytes are
 * gzip's (RFC 1952). Nothing is rewound, so a pipe is as good as a file. pcap's own format
 * (draft-ietf-opsawg-pcap), by far the most common, is read here, in place in
 * one large buffer: libpcap copies every packet twice on the way, which costs more than
 * decoding it. Everything else, pcapng above all, goes to libpcap through a stdio
 * cookie, as do interfaces.
 *
 * Time stamps are nanoseconds throughout: libpcap scales what files hold.
 *
 * A filter on a file is run here rather than by libpcap, so that what it left out is
 * counted; on an interface it runs in the kernel, where it saves the copy.
 *
 * A live source never blocks: libpcap's ring tells poll(2) when a block of packets is
 * ready or 100 ms have passed. Immediate mode would cost a wake-up per packet.
 *
 * Frames are counted by what fl_decode() says of them; nobody above sees the others.
 */
#include "faultline/source.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
	RECORD_MAX = 262144,          /* captured bytes; libpcap's MAXIMUM_SNAPLEN */
	FILE_BUFFER = 2 * RECORD_MAX, /* read(2) in pieces that stay in the second-level cache */
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	READ_TIMEOUT_MS = 100,
	SKIP_MAX = 1024, /* frames passed over before a live source returns */
};

/* Plain bytes from a descriptor. */
struct feed {
	int fd;
	bool gzip;
	bool member_open; /* inside a gzip member */
	bool cut;         /* the compressed data end inside a member */
	bool damaged;
	size_t head, head_at; /* not gzip: bytes of @in read before that was known */
	z_stream z;
	unsigned char in[65536];
};

/* A file of records: what of it is in memory. */
struct records {
	struct feed feed;
	uint8_t *buffer; /* FILE_BUFFER bytes */
	size_t at, end;  /* not used up yet */
	bool little_endian;
	uint32_t fraction_ns;      /* what the second word of a time stamp counts */
	struct pcap_pkthdr header; /* of the record at hand */
};

struct fl_source {
	pcap_t *pcap; /* interfaces and what is not pcap's own format; else NULL or for the filter */
	struct records *records; /* files */
	bool own_format;         /* read from @records, not by @pcap */
	char *name;
	int link_type;
	bool live;
	bool filtered; /* @filter runs here */
	struct bpf_program filter;
	volatile sig_atomic_t stop;
	struct fl_source_counters counters;
};

/* --- feed --------------------------------------------------------------------------------------- */

static ssize_t read_again(int fd, void *to, size_t size)
{
	ssize_t n;
	do {
		n = read(fd, to, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* What was inflated before the damage is still good; the error comes with the next read. */
static ssize_t feed_damaged(struct feed *f, size_t good)
{
	f->damaged = true;
	errno = EIO;
	return good > 0 ? (ssize_t)good : -1;
}

/* RFC 1952 section 2.2: members follow each other; what stands behind the last is ignored. */
static bool feed_next_member(struct feed *f)
{
	if (f->member_open)
		return true;
	if (f->z.next_in[0] != 0x1f)
		return false;
	f->member_open = true;
	return inflateReset(&f->z) == Z_OK;
}

static ssize_t feed_inflate(struct feed *f, void *to, size_t size)
{
	if (f->damaged)
		return feed_damaged(f, 0);
	f->z.next_out = to;
	f->z.avail_out = (uInt)size;
	while (f->z.avail_out == size) {
		if (f->z.avail_in == 0) {
			ssize_t n = read_again(f->fd, f->in, sizeof(f->in));
			if (n <= 0) {
				f->cut = n == 0 && f->member_open;
				return n;
			}
			f->z.next_in = f->in;
			f->z.avail_in = (uInt)n;
		}
		if (!feed_next_member(f))
			return 0;
		int result = inflate(&f->z, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			f->member_open = false;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			return feed_damaged(f, size - f->z.avail_out);
	}
	return (ssize_t)(size - f->z.avail_out);
}

/* Like read(2); @size is at most FILE_BUFFER. */
static ssize_t feed_read(struct feed *f, void *to, size_t size)
{
	if (f->gzip)
		return feed_inflate(f, to, size);
	if (f->head_at == f->head)
		return read_again(f->fd, to, size);
	size_t n = f->head - f->head_at;
	n = n < size ? n : size;
	memcpy(to, f->in + f->head_at, n);
	f->head_at += n;
	return (ssize_t)n;
}

/* Reads until it is known whether it is gzip. */
static int feed_begin(struct feed *f, int fd)
{
	f->fd = fd;
	while (f->head < 2) {
		ssize_t n = read_again(fd, f->in + f->head, sizeof(f->in) - f->head);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		f->head += (size_t)n;
	}
	if (f->in[0] != 0x1f || f->in[1] != 0x8b)
		return 0;
	f->z.next_in = f->in;
	f->z.avail_in = (uInt)f->head;
	if (inflateInit2(&f->z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	f->gzip = f->member_open = true;
	return 0;
}

static void feed_end(struct feed *f)
{
	if (f->gzip)
		inflateEnd(&f->z);
	if (f->fd != STDIN_FILENO)
		close(f->fd);
}

/* --- records ------------------------------------------------------------------------------------ */

/* Whether @size bytes are in memory; if not, the file ends before, or errno is set: -1. */
static inline int records_want(struct records *r, size_t size)
{
	while (r->end - r->at < size) {
		if (r->at > 0) {
			memmove(r->buffer, r->buffer + r->at, r->end - r->at);
			r->end -= r->at;
			r->at = 0;
		}
		ssize_t n = feed_read(&r->feed, r->buffer + r->end, FILE_BUFFER - r->end);
		if (n <= 0)
			return (int)n;
		r->end += (size_t)n;
	}
	return 1;
}

static inline uint32_t read_word(const struct records *r, struct fl_reader *from)
{
	return r->little_endian ? fl_read_le32(from) : fl_read_be32(from);
}

/* Whether the file is in pcap's own format, version 2.4; then its link type, and the header is used up. */
static bool records_begin(struct records *r, int *link_type)
{
	if (records_want(r, FILE_HEADER) != 1)
		return false;
	struct fl_reader h = fl_reader_over(r->buffer, FILE_HEADER);
	uint32_t magic = fl_read_be32(&h);
	r->little_endian = (magic & 0xff) == 0xa1;
	h = fl_reader_over(r->buffer, FILE_HEADER);
	magic = read_word(r, &h);
	if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
		return false;
	r->fraction_ns = magic == 0xa1b23c4d ? 1 : 1000;
	uint32_t version = read_word(r, &h);
	if (version != (r->little_endian ? 0x00040002u : 0x00020004u))
		return false;
	fl_read_skip(&h, 12);
	*link_type = (int)(read_word(r, &h) & 0xffff); /* above: length of the frame check sequence */
	r->at = FILE_HEADER;
	return true;
}

/* The next record, as pcap_next_ex() would: 1, -2 at the end, or -1; also when it is too long to be
 * true, with errno 0. A record that the file ends in is no record. */
static inline int records_next(struct records *r, const uint8_t **data)
{
	int got = records_want(r, RECORD_HEADER);
	if (got != 1)
		return got < 0 ? -1 : PCAP_ERROR_BREAK;
	struct fl_reader h = fl_reader_over(r->buffer + r->at, RECORD_HEADER);
	r->header.ts.tv_sec = (time_t)read_word(r, &h);
	r->header.ts.tv_usec = (suseconds_t)read_word(r, &h) * (suseconds_t)r->fraction_ns;
	r->header.caplen = read_word(r, &h);
	r->header.len = read_word(r, &h);
	if (r->header.caplen > RECORD_MAX) {
		errno = 0;
		return -1;
	}
	got = records_want(r, RECORD_HEADER + r->header.caplen);
	if (got != 1)
		return got < 0 ? -1 : PCAP_ERROR_BREAK;
	*data = r->buffer + r->at + RECORD_HEADER;
	r->at += RECORD_HEADER + r->header.caplen;
	return 1;
}

/* stdio cookie: what lies in the buffer, then the feed. */
static ssize_t records_read(void *cookie, char *to, size_t size)
{
	struct records *r = cookie;
	size_t n = r->end - r->at;
	if (n == 0)
		return feed_read(&r->feed, to, size);
	n = n < size ? n : size;
	memcpy(to, r->buffer + r->at, n);
	r->at += n;
	return (ssize_t)n;
}

static void records_free(struct records *r)
{
	if (!r)
		return;
	feed_end(&r->feed);
	free(r->buffer);
	free(r);
}

/* --- files -------------------------------------------------------------------------------------- */

static int fail_open(struct fl_error *err, const char *path, int code)
{
	if (code == EISDIR)
		return fl_fail(err, -code, "%s is a directory; give a pcap or pcapng file", path);
	return fl_fail(err, -code, "cannot open %s: %s; see whether the name is right and you may read it", path,
		strerror(code));
}

/* libpcap reads no pcapng file whose interfaces differ in link type or snap length. */
static int fail_interfaces(struct fl_error *err, const char *path, const char *why)
{
	if (strstr(why, "snapshot"))
		return fl_fail(err, -ENOTSUP,
			"%s: its interfaces differ in snap length (%s); convert it with: "
			"editcap -F pcap FILE NEW.pcap",
			path, why);
	return fl_fail(err, -ENOTSUP,
		"%s: its interfaces differ in link type (%s); take them apart, one "
		"number at a time, with: tshark -r FILE -Y frame.interface_id==0 -F pcap -w PART.pcap",
		path, why);
}

/* Why libpcap would not begin to read the file. */
static int fail_header(struct fl_error *err, const char *path, const struct feed *feed, const char *why)
{
	if (feed->damaged)
		return fl_fail(err, -EBADMSG, "%s: the gzip data are damaged; copy the file again", path);
	if (strstr(why, "different from"))
		return fail_interfaces(err, path, why);
	if (strstr(why, "truncated"))
		return fl_fail(err, -EBADMSG,
			"%s: the file ends before its header does; give a pcap or pcapng file", path);
	return fl_fail(err, -EBADMSG, "%s is no capture file (%s); give a pcap or pcapng file", path, why);
}

static int compile_filter(struct fl_source *s, const char *filter, struct fl_error *err)
{
	if (pcap_compile(s->pcap, &s->filter, filter, 1, PCAP_NETMASK_UNKNOWN) == 0)
		return 0;
	return fl_fail(err, -EINVAL, "filter \"%s\": %s; pcap-filter(7) describes the syntax", filter,
		pcap_geterr(s->pcap));
}

static int check_link_type(struct fl_source *s, struct fl_error *err)
{
	if (fl_decode_knows(s->link_type))
		return 0;
	const char *name = pcap_datalink_val_to_name(s->link_type);
	return fl_fail(err, -ENOTSUP,
		"%s: link type %s (%d) is not supported; capture Ethernet, Linux cooked, loopback or raw IP",
		s->name, name ? name : "unknown", s->link_type);
}

static struct fl_source *new_source(const char *name)
{
	struct fl_source *s = fl_alloc(sizeof(*s));
	s->name = fl_copy_string(name);
	return s;
}

/* Hands the file to libpcap, which owns the FILE from then on, but not when it fails. */
static int open_by_libpcap(struct fl_source *s, struct fl_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopencookie(s->records, "r", (cookie_io_functions_t){ .read = records_read });
	if (!file)
		return fl_fail(err, -ENOMEM, "cannot read %s: %s", s->name, strerror(errno));
	setvbuf(file, NULL, _IOFBF, FILE_BUFFER / 2);
	(void)__fsetlocking(file, FSETLOCKING_BYCALLER);
	s->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!s->pcap) {
		int code = fail_header(err, s->name, &s->records->feed, why);
		fclose(file);
		return code;
	}
	s->link_type = pcap_datalink(s->pcap);
	return 0;
}

/* Takes @fd over. */
static int open_records(struct fl_source *s, int fd, const char *filter, struct fl_error *err)
{
	s->records = fl_alloc(sizeof(*s->records));
	s->records->buffer = fl_alloc(FILE_BUFFER);
	int code = feed_begin(&s->records->feed, fd);
	if (code < 0)
		return fail_open(err, s->name, -code);
	s->own_format = records_begin(s->records, &s->link_type);
	if (!s->own_format)
		code = open_by_libpcap(s, err);
	if (code == 0)
		code = check_link_type(s, err);
	if (code < 0 || !filter)
		return code;
	if (s->own_format) /* 101 is raw IP in files, 12 in libpcap */
		s->pcap = pcap_open_dead(s->link_type == 101 ? DLT_RAW : s->link_type, RECORD_MAX);
	code = compile_filter(s, filter, err);
	s->filtered = code == 0;
	return code;
}

int fl_source_open_file(struct fl_source **source, const char *path, const char *filter, struct fl_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(err, path, errno);
	struct fl_source *s = new_source(standard ? "standard input" : path);
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
	int code = compile_filter(s, filter, err);
	if (code < 0)
		return code;
	if (pcap_setfilter(s->pcap, &s->filter) != 0)
		code = fl_fail(err, -EIO, "%s: cannot set the filter: %s", s->name, pcap_geterr(s->pcap));
	pcap_freecode(&s->filter);
	return code;
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
	int code = check_link_type(s, err);
	return code == 0 && o->filter ? set_filter(s, o->filter, err) : code;
}

int fl_source_open_live(
	struct fl_source **source, const struct fl_live_options *options, struct fl_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct fl_source *s = new_source(options->interface);
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
	if (s->filtered)
		pcap_freecode(&s->filter);
	if (s->pcap)
		pcap_close(s->pcap);
	records_free(s->records); /* after the FILE that reads through it */
	free(s->name);
	free(s);
}

/* --- packets ------------------------------------------------------------------------------------ */

static int end_live(struct fl_source *s, struct fl_error *err)
{
	const char *why = pcap_geterr(s->pcap);
	if (strstr(why, "disappeared") || strstr(why, "went down")) {
		s->counters.lost_interface = true;
		return FL_SOURCE_END;
	}
	return fl_fail(err, -EIO, "%s: capture failed: %s", s->name, why);
}

/* libpcap calls a file that ends inside a packet an error like any other. */
static bool ends_early(const struct fl_source *s)
{
	if (s->own_format)
		return false;
	FILE *file = pcap_file(s->pcap);
	return file && feof(file) && !ferror(file);
}

static int fail_file(struct fl_source *s, struct fl_error *err)
{
	const char *why = !s->own_format ? pcap_geterr(s->pcap)
			  : errno        ? strerror(errno)
					 : "its length is impossible";
	uint64_t number = s->counters.filtered + 1;
	for (unsigned i = 0; i < FL_PARSE_COUNT; i++)
		number += s->counters.parse[i];
	if (s->records->feed.damaged)
		return fl_fail(err, -EBADMSG,
			"%s: the gzip data are damaged at packet %llu; copy the file again, or keep what "
			"\"gzip -dc FILE\" gives before its error",
			s->name, (unsigned long long)number);
	if (strstr(why, "different from"))
		return fail_interfaces(err, s->name, why);
	if (number == 1)
		return fl_fail(err, -EBADMSG, "%s: the first packet is damaged (%s); copy the file again",
			s->name, why);
	return fl_fail(err, -EBADMSG,
		"%s: packet %llu is damaged (%s); copy the file again, or keep the packets before it: "
		"editcap -r FILE GOOD.pcap 1-%llu",
		s->name, (unsigned long long)number, why, (unsigned long long)(number - 1));
}

/* No packet: @got is what pcap_next_ex() said. */
static int no_packet(struct fl_source *s, int got, struct fl_error *err)
{
	if (got == 0)
		return 0;
	if (s->live)
		return got == PCAP_ERROR_BREAK ? FL_SOURCE_END : end_live(s, err);
	const struct records *r = s->records;
	if (got != PCAP_ERROR_BREAK && !ends_early(s))
		return fail_file(s, err);
	s->counters.cut_short |= got != PCAP_ERROR_BREAK || r->feed.cut || (s->own_format && r->at < r->end);
	return FL_SOURCE_END;
}

/* 1 when @p is a packet for the caller. */
static inline int deliver(
	struct fl_source *s, const struct pcap_pkthdr *header, const uint8_t *data, struct fl_packet *p)
{
	if (s->filtered && pcap_offline_filter(&s->filter, header, data) == 0) {
		s->counters.filtered++;
		return 0;
	}
	enum fl_parse parse = fl_decode(s->link_type, data, header->caplen, p);
	s->counters.parse[parse]++;
	if (parse != FL_PARSE_OK)
		return 0;
	/* libpcap keeps nanoseconds in tv_usec; seconds from a file may be anything. */
	p->time_ns = (int64_t)((uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec);
	p->len = header->len;
	p->interface = 0;
	s->counters.packets++;
	s->counters.bytes += header->len;
	return 1;
}

int fl_source_next(struct fl_source *s, struct fl_packet *p, struct fl_error *err)
{
	struct pcap_pkthdr *header = s->own_format ? &s->records->header : NULL;
	const uint8_t *data;
	for (unsigned skipped = 0; !s->live || skipped < SKIP_MAX; skipped++) {
		if (s->stop)
			return FL_SOURCE_END;
		int got = s->own_format ? records_next(s->records, &data)
					: pcap_next_ex(s->pcap, &header, &data);
		if (got != 1)
			return no_packet(s, got, err);
		if (deliver(s, header, data, p))
			return 1;
	}
	return 0;
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

const char *fl_source_name(const struct fl_source *s)
{
	return s->name;
}

const struct fl_source_counters *fl_source_counters(struct fl_source *s)
{
	struct pcap_stat stat;
	if (s->live && pcap_stats(s->pcap, &stat) == 0) {
		s->counters.dropped_kernel = stat.ps_drop;
		s->counters.dropped_interface = stat.ps_ifdrop;
	}
	return &s->counters;
}
