/* SPDX-License-Identifier: BSD-2-Clause */
/* test_source.c - capture files written byte by byte, whole, cut, damaged, compressed */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

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
	const uint8_t frame[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, port ? 0 : 6, 0x45, 0, 0, 30, 0, 0, 0, 0,
		64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, (uint8_t)(port >> 8), (uint8_t)port, 0, 10, 0, 0,
		'a', 'b' };
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
	assert_string_equal(fl_source_name(s), path);
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
		assert_string_equal(fl_source_name(s), "standard input");
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
		expect_error(code, &err, -EPERM, (const char *const[]){ "fl-nosuch0", "sudo", "setcap", NULL });
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
		cmocka_unit_test(a_filter_counts_what_it_leaves_out),
		cmocka_unit_test(a_wrong_filter_is_named),
		cmocka_unit_test(stop_ends_a_file),
		cmocka_unit_test(an_unknown_interface_lists_the_known),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
