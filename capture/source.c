/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - packets from files and interfaces
 *
 * libpcap reads both. A file is opened by us and handed over as a FILE: a plain one
 * that can be rewound goes to stdio as it is, with a large buffer and without stdio's
 * locking (one thread reads it); anything compressed or that cannot be rewound goes
 * through a stdio cookie that first gives back the two bytes that were looked at,
 * and inflates where they are gzip's (RFC 1952).
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

enum { FILE_BUFFER = 262144, /* bytes per read(2); more gains nothing measurable */
       READ_TIMEOUT_MS = 100,
       SKIP_MAX = 1024,      /* frames passed over before a live source returns */
       CUT_BYTES = 2 };      /* enough to know gzip */

/* What stands between a descriptor and stdio. */
struct feed {
	int fd;
	bool gzip;
	bool member_open;   /* inside a gzip member */
	bool cut;           /* the compressed data end inside a member */
	bool damaged;
	size_t head, head_at; /* bytes of @in read before it was known what they are */
	z_stream z;
	unsigned char in[65536];
};

struct fl_source {
	pcap_t *pcap;
	struct feed *feed;  /* owned by the FILE that owns it; NULL for plain files */
	char *name;
	int link_type;
	bool live;
	bool filtered;      /* @filter runs here */
	struct bpf_program filter;
	volatile sig_atomic_t stop;
	struct fl_source_counters counters;
};

/* --- stdio cookie ------------------------------------------------------------------------------- */

static ssize_t feed_read_raw(struct feed *f, void *to, size_t size)
{
	if (f->head_at < f->head) {
		size_t n = f->head - f->head_at;
		n = n < size ? n : size;
		memcpy(to, f->in + f->head_at, n);
		f->head_at += n;
		return (ssize_t)n;
	}
	ssize_t n;
	do {
		n = read(f->fd, to, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* More compressed bytes; 0 at the end. */
static ssize_t feed_refill(struct feed *f)
{
	unsigned char head[CUT_BYTES];
	ssize_t n = 0;
	if (f->head_at < f->head) { /* they lie in the buffer that zlib is about to get */
		n = feed_read_raw(f, head, sizeof(head));
		memcpy(f->in, head, (size_t)n);
	} else {
		n = feed_read_raw(f, f->in, sizeof(f->in));
	}
	if (n > 0) {
		f->z.next_in = f->in;
		f->z.avail_in = (uInt)n;
	}
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
	if (f->z.avail_in > 0 && f->z.next_in[0] != 0x1f)
		return false;
	f->member_open = true;
	return inflateReset(&f->z) == Z_OK;
}

static ssize_t feed_inflate(struct feed *f, char *to, size_t size)
{
	if (f->damaged)
		return feed_damaged(f, 0);
	f->z.next_out = (unsigned char *)to;
	f->z.avail_out = (uInt)size;
	while (f->z.avail_out == size) {
		if (f->z.avail_in == 0) {
			ssize_t n = feed_refill(f);
			if (n < 0)
				return -1;
			if (n == 0) {
				f->cut = f->member_open;
				return 0;
			}
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

static ssize_t feed_read(void *cookie, char *to, size_t size)
{
	struct feed *f = cookie;
	return f->gzip ? feed_inflate(f, to, size) : feed_read_raw(f, to, size);
}

/* The source owns the struct: it asks for the flags after the file is closed. */
static int feed_close(void *cookie)
{
	struct feed *f = cookie;
	if (f->gzip)
		inflateEnd(&f->z);
	return f->fd == STDIN_FILENO ? 0 : close(f->fd);
}

static FILE *open_feed(struct feed **feed, int fd, const unsigned char *head, size_t size, bool gzip)
{
	struct feed *f = fl_alloc(sizeof(*f));
	f->fd = fd;
	memcpy(f->in, head, size);
	f->head = size;
	if (gzip && inflateInit2(&f->z, 16 + MAX_WBITS) != Z_OK) {
		free(f);
		errno = ENOMEM;
		return NULL;
	}
	f->gzip = f->member_open = gzip;
	FILE *file = fopencookie(f, "r", (cookie_io_functions_t){ .read = feed_read, .close = feed_close });
	if (!file) {
		if (gzip)
			inflateEnd(&f->z);
		free(f);
		return NULL;
	}
	*feed = f;
	return file;
}

/* --- files -------------------------------------------------------------------------------------- */

/* Reads what tells gzip from the rest; fewer bytes only at the end of the file. */
static ssize_t read_head(int fd, unsigned char head[static CUT_BYTES])
{
	size_t size = 0;
	while (size < CUT_BYTES) {
		ssize_t n = read(fd, head + size, CUT_BYTES - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}

/* Takes @fd over, also when it fails. */
static FILE *open_stream(struct feed **feed, int fd)
{
	unsigned char head[CUT_BYTES] = { 0 };
	ssize_t size = read_head(fd, head);
	bool gzip = size == CUT_BYTES && head[0] == 0x1f && head[1] == 0x8b;
	FILE *file = NULL;
	if (size >= 0 && !gzip && fd != STDIN_FILENO && lseek(fd, 0, SEEK_SET) == 0)
		file = fdopen(fd, "rb");
	else if (size >= 0)
		file = open_feed(feed, fd, head, (size_t)size, gzip);
	if (!file) {
		int saved = errno;
		if (fd != STDIN_FILENO)
			close(fd);
		errno = saved;
		return NULL;
	}
	setvbuf(file, NULL, _IOFBF, FILE_BUFFER);
	(void)__fsetlocking(file, FSETLOCKING_BYCALLER);
	return file;
}

static int fail_open(struct fl_error *err, const char *path, int code)
{
	if (code == EISDIR)
		return fl_fail(err, -code, "%s is a directory; give a pcap or pcapng file", path);
	return fl_fail(err, -code, "cannot open %s: %s", path, strerror(code));
}

/* libpcap reads no pcapng file whose interfaces differ in link type or snap length. */
static int fail_interfaces(struct fl_error *err, const char *path, const char *why)
{
	if (strstr(why, "snapshot"))
		return fl_fail(err, -ENOTSUP, "%s: its interfaces differ in snap length (%s); convert it with: "
			"editcap -F pcap FILE NEW.pcap", path, why);
	return fl_fail(err, -ENOTSUP, "%s: its interfaces differ in link type (%s); take them apart, one "
		"number at a time, with: tshark -r FILE -Y frame.interface_id==0 -F pcap -w PART.pcap",
		path, why);
}

/* Why libpcap would not begin to read the file. */
static int fail_header(struct fl_error *err, const char *path, const struct feed *feed, const char *why)
{
	if (feed && feed->damaged)
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
	s->link_type = pcap_datalink(s->pcap);
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

/* Hands @file to libpcap, which closes it with the handle, but not when it fails. */
static int start_file(struct fl_source *s, FILE *file, const char *filter, struct fl_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	s->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!s->pcap) {
		int code = fail_header(err, s->name, s->feed, why);
		fclose(file);
		return code;
	}
	int code = check_link_type(s, err);
	if (code == 0 && filter) {
		code = compile_filter(s, filter, err);
		s->filtered = code == 0;
	}
	return code;
}

int fl_source_open_file(struct fl_source **source, const char *path, const char *filter,
	struct fl_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_open(err, path, errno);
	struct fl_source *s = new_source(standard ? "standard input" : path);
	FILE *file = open_stream(&s->feed, fd);
	int code = file ? start_file(s, file, filter, err) : fail_open(err, s->name, errno);
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
			"sudo setcap cap_net_raw+ep \"$(command -v faultline)\"", s->name);
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
		(void)pcap_set_buffer_size(s->pcap,
			o->buffer_bytes > INT32_MAX ? INT32_MAX : (int)o->buffer_bytes);
	(void)pcap_set_tstamp_precision(s->pcap, PCAP_TSTAMP_PRECISION_NANO);
	int status = pcap_activate(s->pcap);
	if (status < 0) /* above 0 are warnings */
		return fail_activate(s, status, err);
	if (strcmp(s->name, "any") == 0)
		prefer_cooked_v2(s->pcap);
	int code = check_link_type(s, err);
	return code == 0 && o->filter ? set_filter(s, o->filter, err) : code;
}

int fl_source_open_live(struct fl_source **source, const struct fl_live_options *options,
	struct fl_error *err)
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
	free(s->feed); /* after the FILE that reads through it */
	free(s->name);
	free(s);
}

/* --- packets ------------------------------------------------------------------------------------ */

static int fail_read(struct fl_source *s, struct fl_error *err)
{
	const char *why = pcap_geterr(s->pcap);
	FILE *file = pcap_file(s->pcap);
	if (s->live) {
		if (strstr(why, "disappeared") || strstr(why, "went down")) {
			s->counters.lost_interface = true;
			return FL_SOURCE_END;
		}
		return fl_fail(err, -EIO, "%s: capture failed: %s", s->name, why);
	}
	uint64_t number = s->counters.filtered + 1;
	for (unsigned i = 0; i < FL_PARSE_COUNT; i++)
		number += s->counters.parse[i];
	if (s->feed && s->feed->damaged)
		return fl_fail(err, -EBADMSG,
			"%s: the gzip data are damaged at packet %llu; copy the file again, or keep what "
			"\"gzip -dc FILE\" gives before its error", s->name, (unsigned long long)number);
	if (file && feof(file)) {
		s->counters.cut_short = true;
		return FL_SOURCE_END;
	}
	if (strstr(why, "different from"))
		return fail_interfaces(err, s->name, why);
	return fl_fail(err, -EBADMSG,
		"%s: packet %llu is damaged (%s); copy the file again, or keep the packets before it: "
		"editcap -r FILE GOOD.pcap 1-%llu", s->name, (unsigned long long)number, why,
		(unsigned long long)(number - 1));
}

/* 1 when @p is a packet for the caller. */
static int deliver(struct fl_source *s, const struct pcap_pkthdr *header, const uint8_t *data,
	struct fl_packet *p)
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
	struct pcap_pkthdr *header;
	const uint8_t *data;
	for (unsigned skipped = 0; !s->live || skipped < SKIP_MAX; skipped++) {
		if (s->stop)
			return FL_SOURCE_END;
		int got = pcap_next_ex(s->pcap, &header, &data);
		if (got == 1) {
			if (deliver(s, header, data, p))
				return 1;
			continue;
		}
		if (got == 0)
			return 0;
		if (got == PCAP_ERROR_BREAK) {
			s->counters.cut_short |= s->feed && s->feed->cut;
			return FL_SOURCE_END;
		}
		return fail_read(s, err);
	}
	return 0;
}

void fl_source_stop(struct fl_source *s)
{
	s->stop = 1;
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
