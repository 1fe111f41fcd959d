/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scan_pieces.c - what the parsing process sends the one that writes
 *
 * The bytes are taken as a scan, which must come through in pieces as it was; as the text of pieces, which a parser that was
 * taken over could send; and as what is to be unpacked.
 */
#include "mutate_json.h"

#include <stdio.h>
#include <string.h>

#include "capture/scan_pieces.h"
#include "faultline/json.h"

enum { PIECE_MAX = 256 << 10, TEXT_MAX = 4 << 20 };

static void check_error(const struct fl_error *err)
{
	fuzz_check(err->text[0] && !strpbrk(err->text, "\n\r\033"));
}

static void write_on(void *writer, const struct scan_record *r)
{
	scan_writer_record(writer, r);
}

/* The document that the pieces give; NULL when they are none. Read whole, they are the same scan. */
static char *document(const void *packed, size_t packed_size, size_t *size)
{
	struct scan_pieces p = { "pieces", packed, packed_size, PIECE_MAX, TEXT_MAX };
	struct fl_error err = { "" };
	struct fl_scan *head = scan_pieces_head(&p, &err);
	char *text = NULL;
	if (!head) {
		check_error(&err);
		return NULL;
	}
	FILE *out = open_memstream(&text, size);
	fuzz_check(out != NULL);
	struct scan_writer *w = scan_writer_new(out, head);
	int status = scan_pieces_each(&p, head, write_on, w, &err);
	scan_writer_end(w);
	fclose(out);
	if (status)
		check_error(&err);
	fuzz_check(scan_pieces_fill(&p, head, &err) == status);
	fl_scan_free(head);
	if (status) {
		free(text);
		text = NULL;
	}
	return text;
}

static void as_a_scan(const char *text, size_t size)
{
	struct fl_scan_set set = { 0 };
	struct fl_error err = { "" };
	struct packed packed;
	cJSON *root = NULL;
	bool good = fl_json_parse("input", text, size, &root, &err) == 0 && fl_scan_set_from_json(&set, "input", root, &err) == 0;
	if (good && set.count == 1) {
		char *whole = NULL;
		size_t whole_size = 0, got_size = 0;
		FILE *out = open_memstream(&whole, &whole_size);
		fuzz_check(out != NULL);
		fl_scan_write(out, set.list[0]);
		fclose(out);
		out = packed_open(&packed, PACKED_FAST);
		scan_pieces_write(out, set.list[0]);
		fclose(out);
		char *got = document(packed.data, packed.size, &got_size);
		fuzz_check(got != NULL && got_size == whole_size && memcmp(got, whole, got_size) == 0);
		free(got);
		free(whole);
		packed_fini(&packed);
	}
	cJSON_Delete(root);
	fl_scan_set_fini(&set);
}

static void as_pieces(const uint8_t *data, size_t size)
{
	struct packed packed;
	size_t got_size;
	FILE *out = packed_open(&packed, PACKED_FAST);
	for (size_t i = 0; i < size; i++) /* a line is a piece */
		putc(data[i] == '\n' ? PACKED_SEPARATOR : data[i], out);
	fclose(out);
	free(document(packed.data, packed.size, &got_size));
	packed_fini(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t got_size;
	as_a_scan((const char *)data, size);
	as_pieces(data, size);
	free(document(data, size, &got_size));
	return 0;
}
