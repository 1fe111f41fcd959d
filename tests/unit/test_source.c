/* SPDX-License-Identifier: BSD-2-Clause */
/* test_source.c - capture files written byte by byte, whole, cut, damaged, compressed */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "config.h"
#if FL_HAVE_ZSTD
#include <zstd.h>
#endif

#include "faultline/source.h"

enum { FILE_MAX = 4096, MAGIC_US = 0x4d, MAGIC_NS = 0x3c };

struct bytes {
	uint8_t data[FILE_MAX];
	size_t size;
};

static void add(struct bytes *b, const void *data, size_t size)
{
	assert_true(size <= sizeof(b->data) - b->size);
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void add_le(struct bytes *b, uint32_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);
		add(b, &byte, 1);
	}
}

static void add_header(struct bytes *b, unsigned magic, uint32_t link)
{
	add_le(b, magic == MAGIC_NS ? 0xa1b23c4d : 0xa1b2c3d4, 4);
	add_le(b, 2, 2);
	add_le(b, 4, 2);
	add_le(b, 0, 4);
	add_le(b, 0, 4);
	add_le(b, 65535, 4);
	add_le(b, link, 4);
}

/* UDP over IPv4 over Ethernet, or ARP. */
static void add_packet(struct bytes *b, uint32_t seconds, uint32_t fraction, uint16_t port)
{
	const uint8_t frame[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, port ? 0 : 6, 0x45, 0, 0, 30, 0, 0,
		0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, (uint8_t)(port >> 8), (uint8_t)port,
		0, 10, 0, 0, 'a', 'b' };
	add_le(b, seconds, 4);
	add_le(b, fraction, 4);
	add_le(b, sizeof(frame), 4);
	add_le(b, sizeof(frame), 4);
	add(b, frame, sizeof(frame));
}

static struct bytes three_packets(void)
{
	struct bytes b = { .size = 0 };
	add_header(&b, MAGIC_US, 1);
	add_packet(&b, 100, 7, 53);
	add_packet(&b, 101, 0, 0); /* ARP */
	add_packet(&b, 102, 0, 54);
	return b;
}

static struct bytes gzipped(const struct bytes *plain)
{
	struct bytes b = { .size = 0 };
	z_stream z = { .next_in = (Bytef *)(uintptr_t)plain->data, .avail_in = (uInt)plain->size };
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = b.data;
	z.avail_out = sizeof(b.data);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.size = sizeof(b.data) - z.avail_out;
	deflateEnd(&z);
	return b;
}

static char path[] = "/tmp/fl_test_source_XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void save(const struct bytes *b)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b->data, 1, b->size, f), b->size);
	assert_int_equal(fclose(f), 0);
}

static struct fl_source *open_bytes(const struct bytes *b, const char *filter)
{
	struct fl_source *s = NULL;
	struct fl_error err = { "" };
	save(b);
	if (fl_source_open_file(&s, path, filter, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

/* All packets; what stood at the end. */
static int drain(struct fl_source *s, unsigned *packets, struct fl_error *err)
{
	struct fl_packet p;
	int code;
	for (*packets = 0; (code = fl_source_next(s, &p, err)) == 1; (*packets)++)
		;
	return code;
}

static void packets_with_times_and_counters(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet p;
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_int_equal(p.time_ns, INT64_C(100000007000));
	assert_int_equal(p.dst_port, 53);
	assert_int_equal(p.len, 44);
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_int_equal(p.dst_port, 54);
	assert_int_equal(fl_source_next(s, &p, &err), FL_SOURCE_END);
	assert_int_equal(fl_source_next(s, &p, &err), FL_SOURCE_END);
	const struct fl_source_counters *c = fl_source_counters(s);
	assert_int_equal(c->packets, 2);
	assert_int_equal(c->bytes, 88);
	assert_int_equal(c->parse[FL_PARSE_OK], 2);
	assert_int_equal(c->parse[FL_PARSE_UNSUPPORTED], 1);
	assert_false(c->cut_short);
	assert_int_equal(fl_source_fd(s), -1);
	fl_source_close(s);
}

static void nanosecond_files(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 };
	add_header(&b, MAGIC_NS, 1);
	add_packet(&b, 100, 123456789, 53);
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet p;
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_int_equal(p.time_ns, INT64_C(100123456789));
	fl_source_close(s);
}

static void gzip_is_told_by_content(void **state)
{
	(void)state;
	struct bytes b = three_packets(), z = gzipped(&b);
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
	assert_int_equal(packets, 2);
	assert_false(fl_source_counters(s)->cut_short);
	fl_source_close(s);
}

static void gzip_members_follow_each_other(void **state)
{
	(void)state;
	struct bytes all = three_packets(), head = all, tail = { .size = 0 };
	head.size = 24 + 30; /* inside the first packet */
	add(&tail, all.data + head.size, all.size - head.size);
	struct bytes z = gzipped(&head), y = gzipped(&tail);
	add(&z, y.data, y.size);
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
	assert_int_equal(packets, 2);
	assert_false(fl_source_counters(s)->cut_short);
	fl_source_close(s);
}

static void a_pipe_is_read_without_seeking(void **state)
{
	(void)state;
	struct bytes b = three_packets(), z = gzipped(&b);
	const struct bytes *contents[] = { &b, &z };
	for (size_t i = 0; i < 2; i++) {
		int ends[2], saved = dup(STDIN_FILENO);
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], contents[i]->data, contents[i]->size), contents[i]->size);
		close(ends[1]);
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		struct fl_source *s = NULL;
		struct fl_error err;
		unsigned packets;
		assert_int_equal(fl_source_open_file(&s, "-", NULL, &err), 0);
		assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
		assert_int_equal(packets, 2);
		fl_source_close(s);
		assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* not ours to close */
		if (saved >= 0) {
			dup2(saved, STDIN_FILENO);
			close(saved);
		}
	}
}

/* Wherever the file is cut: no error, the packets before, and it is said. */
static void a_cut_file_gives_what_is_whole(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	size_t whole = b.size;
	for (size_t cut = 25; cut < whole; cut++) {
		b.size = cut;
		struct fl_source *s = open_bytes(&b, NULL);
		struct fl_error err;
		unsigned packets;
		assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
		assert_int_equal(packets, cut < 24 + 60 ? 0 : 1);
		assert_int_equal(fl_source_counters(s)->cut_short, (cut - 24) % 60 != 0);
		fl_source_close(s);
	}
}

static void a_cut_gzip_file_says_so(void **state)
{
	(void)state;
	struct bytes b = three_packets(), z = gzipped(&b);
	z.size -= 9; /* the trailer and a byte of data */
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
	assert_true(fl_source_counters(s)->cut_short);
	fl_source_close(s);
}

static void expect_error(int code, const struct fl_error *err, int expected, const char *const words[])
{
	assert_int_equal(code, expected);
	for (size_t i = 0; words[i]; i++)
		if (!strstr(err->text, words[i]))
			fail_msg("\"%s\" is missing in: %s", words[i], err->text);
}

static void a_damaged_record_names_packet_and_remedy(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	memset(b.data + 24 + 60 + 8, 0xff, 4); /* captured length of the second */
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	unsigned packets;
	int code = drain(s, &packets, &err);
	assert_int_equal(packets, 1);
	expect_error(code, &err, -EBADMSG, (const char *const[]){ path, "packet 2", "editcap", NULL });
	fl_source_close(s);
}

static void damaged_gzip_names_packet_and_remedy(void **state)
{
	(void)state;
	struct bytes b = three_packets(), z = gzipped(&b);
	z.data[z.size - 8] ^= 0xff; /* checksum */
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	int code = drain(s, &packets, &err);
	assert_int_equal(packets, 2);
	expect_error(code, &err, -EBADMSG, (const char *const[]){ path, "gzip", "packet 4", "copy", NULL });
	fl_source_close(s);
}

static void files_that_are_no_captures(void **state)
{
	(void)state;
	struct fl_source *s = NULL;
	struct fl_error err;
	struct bytes b = { .size = 0 };
	save(&b);
	expect_error(fl_source_open_file(&s, path, NULL, &err), &err, -EBADMSG,
		(const char *const[]){ path, "ends before", NULL });
	add(&b, "this is a text and no capture file", 34);
	save(&b);
	expect_error(fl_source_open_file(&s, path, NULL, &err), &err, -EBADMSG,
		(const char *const[]){ path, "no capture file", NULL });
	b.size = 0;
	add_header(&b, MAGIC_US, 147); /* for private use */
	save(&b);
	expect_error(fl_source_open_file(&s, path, NULL, &err), &err, -ENOTSUP,
		(const char *const[]){ path, "147", "not supported", NULL });
	expect_error(fl_source_open_file(&s, "/nonexistent/x.pcap", NULL, &err), &err, -ENOENT,
		(const char *const[]){ "/nonexistent/x.pcap", NULL });
	expect_error(fl_source_open_file(&s, "/tmp", NULL, &err), &err, -EISDIR,
		(const char *const[]){ "/tmp", "directory", NULL });
	assert_null(s);
}

/* --- pcapng ------------------------------------------------------------------------------------- */

static void add_number(struct bytes *b, bool big, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
		add(b, &byte, 1);
	}
}

static void add_block(struct bytes *b, bool big, uint32_t type, const struct bytes *body)
{
	uint32_t padded = (uint32_t)(body->size + 3) & ~3u;
	add_number(b, big, type, 4);
	add_number(b, big, padded + 12, 4);
	add(b, body->data, padded);
	add_number(b, big, padded + 12, 4);
}

static void add_section(struct bytes *b, bool big)
{
	struct bytes body = { .size = 0 };
	add_number(&body, big, 0x1a2b3c4d, 4);
	add_number(&body, big, 1, 2);
	add_number(&body, big, 0, 2);
	add_number(&body, big, UINT64_MAX, 8);
	add_block(b, big, 0x0a0d0d0a, &body);
}

static void add_interface(
	struct bytes *b, bool big, uint32_t link, uint32_t snaplen, int resolution, int64_t offset)
{
	struct bytes body = { .size = 0 };
	add_number(&body, big, link, 2);
	add_number(&body, big, 0, 2);
	add_number(&body, big, snaplen, 4);
	add_number(&body, big, 2, 2); /* a name first: options are stepped over */
	add_number(&body, big, 3, 2);
	add(&body, "eth", 4);
	if (resolution) {
		add_number(&body, big, 9, 2);
		add_number(&body, big, 1, 2);
		add_number(&body, big, (uint8_t)resolution, 1);
		add(&body, "\0\0", 3);
	}
	if (offset) {
		add_number(&body, big, 14, 2);
		add_number(&body, big, 8, 2);
		add_number(&body, big, (uint64_t)offset, 8);
	}
	add_number(&body, big, 0, 4);
	add_block(b, big, 1, &body);
}

enum packet_block { ENHANCED = 6, SIMPLE = 3, OBSOLETE = 2 };

/* Raw IP: UDP to @port. */
static struct bytes raw_packet(uint16_t port)
{
	const uint8_t packet[] = { 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c,
		0x40, (uint8_t)(port >> 8), (uint8_t)port, 0, 10, 0, 0, 'a', 'b' };
	struct bytes b = { .size = 0 };
	add(&b, packet, sizeof(packet));
	return b;
}

static void add_ng_packet(struct bytes *b, bool big, enum packet_block kind, uint32_t interface,
	uint64_t stamp, const struct bytes *packet)
{
	struct bytes body = { .size = 0 };
	if (kind == ENHANCED) {
		add_number(&body, big, interface, 4);
	} else if (kind == OBSOLETE) {
		add_number(&body, big, interface, 2);
		add_number(&body, big, 7, 2);
	}
	if (kind != SIMPLE) {
		add_number(&body, big, stamp >> 32, 4);
		add_number(&body, big, stamp & 0xffffffff, 4);
		add_number(&body, big, packet->size, 4);
	}
	add_number(&body, big, packet->size, 4);
	add(&body, packet->data, packet->size);
	body.size = (body.size + 3) & ~(size_t)3;
	if (kind == ENHANCED) {
		add_number(&body, big, 1, 2); /* a comment behind the packet */
		add_number(&body, big, 2, 2);
		add(&body, "hi\0", 4);
		add_number(&body, big, 0, 4);
	}
	add_block(b, big, kind, &body);
}

static void expect_packet(struct fl_source *s, uint16_t port, int64_t time_ns)
{
	struct fl_packet p;
	struct fl_error err = { "" };
	int code = fl_source_next(s, &p, &err);
	if (code != 1)
		fail_msg("%d: %s", code, err.text);
	assert_int_equal(p.dst_port, port);
	assert_int_equal(p.time_ns, time_ns);
}

static void expect_end(struct fl_source *s)
{
	struct fl_packet p;
	struct fl_error err = { "" };
	assert_int_equal(fl_source_next(s, &p, &err), FL_SOURCE_END);
	assert_false(fl_source_counters(s)->cut_short);
	fl_source_close(s);
}

static void interfaces_differ_in_link_snap_length_and_time(void **state)
{
	(void)state;
	static const struct {
		int resolution;
		int64_t offset;
		uint64_t stamp;
		int64_t ns;
	} rows[] = {
		{ 0, 0, 1500000, INT64_C(1500000000) }, /* microseconds unless said otherwise */
		{ 9, 0, 1500000001, INT64_C(1500000001) },
		{ 3, 10, 1500, INT64_C(11500000000) },
		{ 12, -1, UINT64_C(1500000000999), INT64_C(500000000) },
		{ 0x80 | 1, 0, 3, INT64_C(1500000000) }, /* halves of seconds */
		{ 0x80 | 30, 0, UINT64_C(3) << 29, INT64_C(1500000000) },
		{ 0x80 | 60, 0, UINT64_C(3) << 59, INT64_C(1500000000) },
		{ 0xff, 0, UINT64_MAX, 0 }, /* 2^-127 s */
		{ 0x7f, 0, UINT64_MAX, 0 },
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	for (int big = 0; big < 2; big++) {
		struct bytes b = { .size = 0 };
		add_section(&b, big);
		for (size_t i = 0; i < ROWS; i++)
			add_interface(&b, big, i & 1 ? 12 : 228, (uint32_t)(100 + i), rows[i].resolution,
				rows[i].offset);
		for (uint32_t i = 0; i < ROWS; i++) {
			struct bytes packet = raw_packet((uint16_t)(1000 + i));
			add_ng_packet(&b, big, i % 2 ? ENHANCED : OBSOLETE, i, rows[i].stamp, &packet);
		}
		struct fl_source *s = open_bytes(&b, "udp");
		for (size_t i = 0; i < ROWS; i++)
			expect_packet(s, (uint16_t)(1000 + i), rows[i].ns);
		expect_end(s);
	}
}

static void sections_forget_interfaces_and_byte_order(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, packet = raw_packet(53), other = { .size = 77 };
	add_section(&b, false);
	add_block(&b, false, 0xbad, &other);
	add_interface(&b, false, 1, 0, 9, 0);
	add_interface(&b, false, 12, 0, 9, 0);
	add_ng_packet(&b, false, ENHANCED, 1, 7, &packet);
	add_section(&b, true);
	add_interface(&b, true, 12, 0, 0, 0);
	add_block(&b, true, 10, &other);
	add_ng_packet(&b, true, ENHANCED, 0, 7, &packet);
	struct fl_source *s = open_bytes(&b, NULL);
	expect_packet(s, 53, 7);
	expect_packet(s, 53, 7000);
	expect_end(s);
}

/* Cut at the first interface's snap length, with the time of the packet before. */
static void simple_packets(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, packet = raw_packet(53);
	add_section(&b, false);
	add_interface(&b, false, 12, 29, 9, 0);
	add_ng_packet(&b, false, ENHANCED, 0, 5, &packet);
	add_ng_packet(&b, false, SIMPLE, 0, 0, &packet);
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_packet p;
	struct fl_error err;
	expect_packet(s, 53, 5);
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_int_equal(p.time_ns, 5);
	assert_int_equal(p.payload.size, 1);
	assert_int_equal(p.payload_len, 2);
	assert_int_equal(p.len, 30);
	expect_end(s);
}

static void lost_packets_of_all_interfaces_add_up(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 };
	for (int section = 0; section < 2; section++) {
		add_section(&b, false);
		add_interface(&b, false, 1, 0, 0, 0);
		add_interface(&b, false, 1, 0, 0, 0);
		for (uint32_t i = 0; i < 4; i++) {
			struct bytes body = { .size = 0 };
			add_number(&body, false, i / 2, 4);
			add_number(&body, false, 0, 8);
			add_number(&body, false, 5, 2);
			add_number(&body, false, 8, 2);
			add_number(&body, false, 10 + i, 8);
			add_number(&body, false, 7, 2);
			add_number(&body, false, 8, 2);
			add_number(&body, false, 100 + i, 8);
			add_block(&b, false, 5, &body);
		}
	}
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_packet p;
	struct fl_error err;
	assert_int_equal(fl_source_next(s, &p, &err), FL_SOURCE_END);
	assert_int_equal(fl_source_counters(s)->dropped_interface, 2 * (11 + 13));
	assert_int_equal(fl_source_counters(s)->dropped_kernel, 2 * (101 + 103));
	fl_source_close(s);
}

static void a_cut_pcapng_file_gives_what_is_whole(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, packet = raw_packet(53);
	add_section(&b, false);
	add_interface(&b, false, 12, 0, 9, 0);
	size_t begin = b.size;
	add_ng_packet(&b, false, ENHANCED, 0, 5, &packet);
	size_t whole = b.size;
	add_ng_packet(&b, false, ENHANCED, 0, 6, &packet);
	for (size_t cut = 29; cut <= whole; cut++) {
		b.size = cut;
		struct fl_source *s = open_bytes(&b, NULL);
		struct fl_error err;
		unsigned packets;
		assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
		assert_int_equal(packets,
			cut >= begin + 28 + packet.size); /* what stands behind the bytes is no loss */
		assert_int_equal(fl_source_counters(s)->cut_short, cut != begin && cut != whole);
		fl_source_close(s);
	}
}

static void damaged_blocks_name_packet_and_reason(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint32_t value;
		const char *word;
	} rows[] = {
		{ 4, 13, "impossible length" }, /* the block's length: no multiple of four */
		{ 4, 8, "impossible length" },
		{ 8, 7, "not described" },     /* its interface */
		{ 20, 1 << 20, "impossible" }, /* captured bytes */
		{ 20, 60, "impossible" },      /* more than the block has */
		{ 4, 28, "too short" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = { .size = 0 }, packet = raw_packet(53), value = { .size = 0 };
		add_section(&b, false);
		add_interface(&b, false, 12, 0, 9, 0);
		add_ng_packet(&b, false, ENHANCED, 0, 5, &packet);
		size_t begin = b.size;
		add_ng_packet(&b, false, ENHANCED, 0, 6, &packet);
		add_number(&value, false, rows[i].value, 4);
		memcpy(b.data + begin + rows[i].at, value.data, 4);
		struct fl_source *s = open_bytes(&b, NULL);
		struct fl_error err;
		unsigned packets;
		int code = drain(s, &packets, &err);
		assert_int_equal(packets, 1);
		expect_error(
			code, &err, -EBADMSG, (const char *const[]){ path, "packet 2", rows[i].word, NULL });
		fl_source_close(s);
	}
}

static void lengths_that_differ_end_the_file(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, packet = raw_packet(53);
	add_section(&b, false);
	add_interface(&b, false, 12, 0, 9, 0);
	add_ng_packet(&b, false, ENHANCED, 0, 5, &packet);
	b.data[b.size - 4] ^= 4;
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	unsigned packets;
	int code = drain(s, &packets, &err);
	assert_int_equal(packets, 1);
	expect_error(code, &err, -EBADMSG, (const char *const[]){ path, "packet 2", "differ", NULL });
	fl_source_close(s);
}

static void only_link_types_that_nobody_reads(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, packet = raw_packet(53);
	add_section(&b, false);
	add_interface(&b, false, 147, 0, 9, 0);
	add_ng_packet(&b, false, ENHANCED, 0, 5, &packet);
	struct fl_source *s = open_bytes(&b, "udp");
	struct fl_error err;
	unsigned packets;
	int code = drain(s, &packets, &err);
	assert_int_equal(packets, 0);
	expect_error(code, &err, -ENOTSUP, (const char *const[]){ path, "147", "not supported", NULL });
	assert_int_equal(fl_source_counters(s)->parse[FL_PARSE_UNSUPPORTED], 1);
	fl_source_close(s);
}

/* --- old and odd pcap ---------------------------------------------------------------------------- */

static void pcap_of_either_order_modified_and_of_old_versions(void **state)
{
	(void)state;
	static const struct {
		uint32_t magic, minor;
		bool swapped, modified;
	} rows[] = {
		{ 0xa1b2c3d4, 4, false, false },
		{ 0xa1b2cd34, 4, false, true },
		{ 0xa1b2c3d4, 2, true, false },
		{ 0xa1b2c3d4, 3, false, false },
		{ 0xa1b2c3d4, 3, true, false },
	};
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		bool big = i & 1, swapped = rows[i / 2].swapped;
		struct bytes b = { .size = 0 }, packet = raw_packet(53);
		add_number(&b, big, rows[i / 2].magic, 4);
		add_number(&b, big, 2, 2);
		add_number(&b, big, rows[i / 2].minor, 2);
		add_number(&b, big, 0, 8);
		add_number(&b, big, 65535, 4);
		add_number(&b, big, 101, 4);
		for (unsigned n = 0; n < 2; n++) {
			add_number(&b, big, 3, 4);
			add_number(&b, big, n, 4);
			add_number(&b, big, swapped ? 100 : packet.size, 4);
			add_number(&b, big, swapped ? packet.size : 100, 4);
			add(&b, "12345678", rows[i / 2].modified ? 8 : 0);
			add(&b, packet.data, packet.size);
		}
		struct fl_source *s = open_bytes(&b, "udp port 53");
		expect_packet(s, 53, INT64_C(3000000000));
		expect_packet(s, 53, INT64_C(3000001000));
		assert_int_equal(fl_source_counters(s)->bytes, 200);
		expect_end(s);
	}
}

/* --- fragments and tunnels ----------------------------------------------------------------------- */

/* 24 bytes of UDP payload in two pieces, IPv4. */
static struct bytes fragment(unsigned id, bool last)
{
	struct bytes b = { .size = 0 };
	const uint8_t header[] = { 0x45, 0, 0, last ? 36 : 36, 0, (uint8_t)id, last ? 0 : 0x20, last ? 2 : 0,
		64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
	add(&b, header, sizeof(header));
	add(&b, last ? "ijklmnopqrstuvwx" : "\x9c\x40\0\x35\0\x20\0\0abcdefgh", 16);
	return b;
}

static void add_raw(struct bytes *b, uint32_t seconds, const struct bytes *packet)
{
	add_le(b, seconds, 4);
	add_le(b, 0, 4);
	add_le(b, (uint32_t)packet->size, 4);
	add_le(b, (uint32_t)packet->size, 4);
	add(b, packet->data, packet->size);
}

static void fragments_become_one_packet(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, first = fragment(1, false), last = fragment(1, true),
		     plain = raw_packet(54);
	add_header(&b, MAGIC_US, 101);
	add_raw(&b, 1, &last);
	add_raw(&b, 2, &plain);
	add_raw(&b, 3, &first);
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet p;
	expect_packet(s, 54, INT64_C(2000000000));
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_int_equal(p.time_ns, INT64_C(3000000000));
	assert_int_equal(p.dst_port, 53);
	assert_int_equal(p.len, 72);
	assert_int_equal(p.payload.size, 24);
	assert_memory_equal(p.payload.data, "abcdefghijklmnopqrstuvwx", 24);
	const struct fl_source_counters *c = fl_source_counters(s);
	assert_int_equal(c->packets, 2);
	assert_int_equal(c->bytes, 102);
	assert_int_equal(c->parse[FL_PARSE_MORE], 1);
	assert_int_equal(c->fragments.whole, 1);
	expect_end(s);
}

static void what_stays_incomplete_is_told_by_its_beginning(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, first = fragment(1, false), last = fragment(2, true),
		     later = fragment(3, false);
	add_header(&b, MAGIC_US, 101);
	add_raw(&b, 1, &first);
	add_raw(&b, 2, &last);
	add_raw(&b, 40, &later);
	struct fl_source *s = open_bytes(&b, NULL);
	expect_packet(s, 53, INT64_C(1000000000));  /* pushed out by time */
	expect_packet(s, 53, INT64_C(40000000000)); /* at the end */
	const struct fl_source_counters *c = fl_source_counters(s);
	assert_int_equal(c->packets, 2);
	assert_int_equal(c->parse[FL_PARSE_OK], 2);
	assert_int_equal(c->parse[FL_PARSE_MORE], 1);
	assert_int_equal(c->fragments.late, 3);
	expect_end(s);
}

static void a_source_that_is_stopped_gives_up_what_it_holds(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 }, held = fragment(1, false), first = fragment(2, false), last = fragment(2, true);
	add_header(&b, MAGIC_US, 101);
	add_raw(&b, 1, &held);
	add_raw(&b, 2, &first);
	add_raw(&b, 2, &last);
	add_raw(&b, 3, &first);
	struct fl_source *s = open_bytes(&b, NULL);
	expect_packet(s, 53, INT64_C(2000000000));
	fl_source_stop(s);
	expect_packet(s, 53, INT64_C(1000000000));
	assert_int_equal(fl_source_counters(s)->fragments.late, 1);
	expect_end(s);
}

/* A datagram in a tunnel, itself in fragments, whose packets are fragments: as a tunnel with too small an MTU
 * makes. */
static void fragments_in_fragments(void **state)
{
	(void)state;
	struct bytes b = { .size = 0 };
	add_header(&b, MAGIC_US, 101);
	for (unsigned n = 0; n < 2; n++) {
		struct bytes inner = fragment(1, n);
		for (unsigned half = 0; half < 2; half++) {
			size_t from = half ? 24 : 0, size = half ? inner.size - 24 : 24;
			uint8_t header[] = { 0x45, 0, 0, (uint8_t)(20 + size), 0, (uint8_t)(9 + n),
				half ? 0 : 0x20, half ? 3 : 0, 64, 4, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2 };
			struct bytes outer = { .size = 0 };
			add(&outer, header, sizeof(header));
			add(&outer, inner.data + from, size);
			add_raw(&b, 1 + n, &outer);
		}
	}
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet p;
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	assert_memory_equal(p.payload.data, "abcdefghijklmnopqrstuvwx", 24);
	assert_int_equal(p.payload.size, 24);
	assert_int_equal(p.src.bytes[13], 0);
	assert_int_equal(p.tunnel, FL_TUNNEL_IP);
	const struct fl_source_counters *c = fl_source_counters(s);
	assert_int_equal(c->tunnels[FL_TUNNEL_IP], 1);
	assert_int_equal(c->parse[FL_PARSE_MORE], 3);
	assert_int_equal(c->fragments.whole, 3);
	expect_end(s);
}

/* --- zstd ---------------------------------------------------------------------------------------- */

#if FL_HAVE_ZSTD

static struct bytes zstd_of(const struct bytes *plain)
{
	struct bytes b = { .size = 0 };
	b.size = ZSTD_compress(b.data, sizeof(b.data), plain->data, plain->size, 3);
	assert_false(ZSTD_isError(b.size));
	return b;
}

static void zstd_frames_are_read_one_after_the_other(void **state)
{
	(void)state;
	struct bytes all = three_packets(), head = all, tail = { .size = 0 };
	head.size = 24 + 30;
	add(&tail, all.data + head.size, all.size - head.size);
	struct bytes z = zstd_of(&head), y = zstd_of(&tail);
	add(&z, "\x50\x2a\x4d\x18\4\0\0\0skip", 12);
	add(&z, y.data, y.size);
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
	assert_int_equal(packets, 2);
	assert_false(fl_source_counters(s)->cut_short);
	fl_source_close(s);
	for (size_t cut = 1; cut < y.size - 4; cut++) { /* blocks are inflated whole or not at all */
		z.size--;
		s = open_bytes(&z, NULL);
		assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
		assert_true(fl_source_counters(s)->cut_short);
		fl_source_close(s);
	}
}

static void damaged_zstd_names_the_remedy(void **state)
{
	(void)state;
	struct bytes b = three_packets(), z = zstd_of(&b), y = z;
	memset(y.data + 4, 0xff, 1); /* reserved bit of the frame header */
	add(&z, y.data, y.size);
	struct fl_source *s = open_bytes(&z, NULL);
	struct fl_error err;
	unsigned packets;
	int code = drain(s, &packets, &err);
	assert_int_equal(packets, 2);
	expect_error(code, &err, -EBADMSG, (const char *const[]){ path, "zstd", "packet 4", "copy", NULL });
	fl_source_close(s);
}

#endif

static void a_filter_counts_what_it_leaves_out(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	struct fl_source *s = open_bytes(&b, "udp port 54");
	struct fl_error err;
	unsigned packets;
	assert_int_equal(drain(s, &packets, &err), FL_SOURCE_END);
	assert_int_equal(packets, 1);
	assert_int_equal(fl_source_counters(s)->filtered, 2);
	fl_source_close(s);
}

static void a_wrong_filter_is_named(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	save(&b);
	struct fl_source *s = NULL;
	struct fl_error err;
	expect_error(fl_source_open_file(&s, path, "prot 54", &err), &err, -EINVAL,
		(const char *const[]){ "\"prot 54\"", "pcap-filter", NULL });
	assert_null(s);
}

static void a_batch_brings_the_packets_that_one_by_one_would_come(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	add_packet(&b, 103, 0, 55);
	struct fl_source *s = open_bytes(&b, NULL), *t = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet list[FL_SOURCE_BATCH], p;
	size_t count;
	assert_int_equal(fl_source_batch(s, list, 2, &count, &err), 1);
	assert_int_equal(count, 2);
	assert_int_equal(fl_source_batch(s, list + 2, FL_SOURCE_BATCH - 2, &count, &err), 1);
	assert_int_equal(count, 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fl_source_next(t, &p, &err), 1);
		assert_int_equal(p.time_ns, list[i].time_ns);
		assert_int_equal(p.dst_port, list[i].dst_port);
		assert_int_equal(p.payload_len, list[i].payload_len);
	}
	assert_int_equal(fl_source_batch(s, list, FL_SOURCE_BATCH, &count, &err), FL_SOURCE_END);
	assert_int_equal(count, 0);
	fl_source_close(s);
	fl_source_close(t);
}

static void stop_ends_a_file(void **state)
{
	(void)state;
	struct bytes b = three_packets();
	struct fl_source *s = open_bytes(&b, NULL);
	struct fl_error err;
	struct fl_packet p;
	assert_int_equal(fl_source_next(s, &p, &err), 1);
	fl_source_stop(s);
	assert_int_equal(fl_source_next(s, &p, &err), FL_SOURCE_END);
	fl_source_close(s);
	fl_source_close(NULL);
}

/* Without the right to capture the error is the other one; both name the interface and what to do. */
static void an_unknown_interface_lists_the_known(void **state)
{
	(void)state;
	struct fl_source *s = NULL;
	struct fl_error err;
	struct fl_live_options o = { .interface = "fl-nosuch0", .snaplen = 65535, .buffer_bytes = 1 << 20 };
	int code = fl_source_open_live(&s, &o, &err);
	assert_null(s);
	if (code == -EPERM)
		expect_error(
			code, &err, -EPERM, (const char *const[]){ "fl-nosuch0", "sudo", "setcap", NULL });
	else
		expect_error(code, &err, -ENODEV, (const char *const[]){ "fl-nosuch0", "any", NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_with_times_and_counters),
		cmocka_unit_test(nanosecond_files),
		cmocka_unit_test(gzip_is_told_by_content),
		cmocka_unit_test(gzip_members_follow_each_other),
		cmocka_unit_test(a_pipe_is_read_without_seeking),
		cmocka_unit_test(a_cut_file_gives_what_is_whole),
		cmocka_unit_test(a_cut_gzip_file_says_so),
		cmocka_unit_test(a_damaged_record_names_packet_and_remedy),
		cmocka_unit_test(damaged_gzip_names_packet_and_remedy),
		cmocka_unit_test(files_that_are_no_captures),
		cmocka_unit_test(interfaces_differ_in_link_snap_length_and_time),
		cmocka_unit_test(sections_forget_interfaces_and_byte_order),
		cmocka_unit_test(simple_packets),
		cmocka_unit_test(lost_packets_of_all_interfaces_add_up),
		cmocka_unit_test(a_cut_pcapng_file_gives_what_is_whole),
		cmocka_unit_test(damaged_blocks_name_packet_and_reason),
		cmocka_unit_test(lengths_that_differ_end_the_file),
		cmocka_unit_test(only_link_types_that_nobody_reads),
		cmocka_unit_test(pcap_of_either_order_modified_and_of_old_versions),
		cmocka_unit_test(fragments_become_one_packet),
		cmocka_unit_test(what_stays_incomplete_is_told_by_its_beginning),
		cmocka_unit_test(a_source_that_is_stopped_gives_up_what_it_holds),
		cmocka_unit_test(fragments_in_fragments),
#if FL_HAVE_ZSTD
		cmocka_unit_test(zstd_frames_are_read_one_after_the_other),
		cmocka_unit_test(damaged_zstd_names_the_remedy),
#endif
		cmocka_unit_test(a_filter_counts_what_it_leaves_out),
		cmocka_unit_test(a_wrong_filter_is_named),
		cmocka_unit_test(a_batch_brings_the_packets_that_one_by_one_would_come),
		cmocka_unit_test(stop_ends_a_file),
		cmocka_unit_test(an_unknown_interface_lists_the_known),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
