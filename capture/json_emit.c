/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_emit.c - JSON as it is made
 *
 * Most strings are plain ASCII, most numbers small integers: these are put into the buffer by hand, in a few instructions a
 * byte. Anything else goes through json_write.c, which knows the rules; there is one set of them.
 */
#include "faultline/json_emit.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "faultline/json.h"
#include "faultline/units.h"
#include "json_internal.h"

enum { KEY_MAX = 256 };

static void flush(struct fl_json_emit *e)
{
	if (e->used)
		fwrite(e->buffer, 1, e->used, e->out);
	e->used = 0;
}

/* Whole pieces as long as that is enough: what is behind them is little, and moves to the front. */
static __attribute__((noinline)) void make_room(struct fl_json_emit *e, size_t size)
{
	if (e->used >= FL_JSON_EMIT_PIECE) {
		fwrite(e->buffer, 1, FL_JSON_EMIT_PIECE, e->out);
		e->used -= FL_JSON_EMIT_PIECE;
		memmove(e->buffer, e->buffer + FL_JSON_EMIT_PIECE, e->used);
	}
	if (size > sizeof(e->buffer) - e->used)
		flush(e);
}

/* Where @size bytes, at most the whole buffer, can be put; what of them was used is added to @e->used afterwards. */
static inline char *room_for(struct fl_json_emit *e, size_t size)
{
	if (__builtin_expect(size > sizeof(e->buffer) - e->used, 0))
		make_room(e, size);
	return e->buffer + e->used;
}

static inline void put(struct fl_json_emit *e, const char *text, size_t size)
{
	memcpy(room_for(e, size), text, size);
	e->used += size;
}

static inline void put_char(struct fl_json_emit *e, char c)
{
	*room_for(e, 1) = c;
	e->used++;
}

/* Not zero when one of eight bytes is no printable ASCII, or quote or backslash: a byte's high bit is set when it is below
 * blank (borrow), above '~' (carry, or its own), or equal to one of the two (zero after exclusive or). */
static inline uint64_t odd_bytes(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
	uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
	return (word | (word + ones) | (word - ones * ' ') | (quote - ones) | (backslash - ones)) & high;
}

static inline uint64_t copy8(char *to, const char *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof(word));
	memcpy(to, &word, sizeof(word));
	return word;
}

static inline uint64_t copy4(char *to, const char *from)
{
	uint32_t word;
	memcpy(&word, from, sizeof(word));
	memcpy(to, &word, sizeof(word));
	return word;
}

/* Copies a text, eight or four bytes at a time, the last of which overlap those before; false when something in it needs an escape. */
static inline bool copy_plain(char *to, const char *text, size_t size)
{
	uint64_t odd = 0;
	if (size >= 8) {
		for (size_t at = 0; at + 8 <= size; at += 8)
			odd |= odd_bytes(copy8(to + at, text + at));
		return !(odd | odd_bytes(copy8(to + size - 8, text + size - 8)));
	}
	if (size >= 4) {
		uint64_t word = copy4(to, text);
		return !odd_bytes(word | copy4(to + size - 4, text + size - 4) << 32);
	}
	for (size_t at = 0; at < size; at++) {
		uint8_t c = (uint8_t)text[at];
		to[at] = text[at];
		odd |= (uint64_t)(c < ' ' || c > '~' || c == '"' || c == '\\');
	}
	return !odd;
}

static inline void put_string(struct fl_json_emit *e, const char *text)
{
	size_t size = strlen(text);
	char *to = size + 2 <= sizeof(e->buffer) ? room_for(e, size + 2) : NULL;
	if (!to || !copy_plain(to + 1, text, size)) {
		flush(e);
		fl_json_put_string(e->out, text);
		return;
	}
	to[0] = to[size + 1] = '"';
	e->used += size + 2;
}

static const char line_break[2 * FL_JSON_EMIT_DEPTH + 2] = "\n                                ";

/* At @to, where there is room for all of it: that is a few moves, and what is too much is written over. Return: its end. */
static inline char *put_line_break(const struct fl_json_emit *e, char *to)
{
	memcpy(to, line_break, sizeof(line_break));
	return to + 1 + 2 * (size_t)e->depth;
}

static inline void new_line(struct fl_json_emit *e)
{
	e->used = (size_t)(put_line_break(e, room_for(e, sizeof(line_break))) - e->buffer);
}

/* A key that is long or needs escapes, behind what ends at @to. */
static __attribute__((noinline)) char *put_odd_key(struct fl_json_emit *e, char *to, const char *key, size_t more)
{
	e->used = (size_t)(to - e->buffer);
	put_string(e, key);
	put(e, ": ", 2);
	return room_for(e, more);
}

/* What stands before a value, comma, line break, key; and room for the next @more bytes. Return: where they go. */
static inline char *before(struct fl_json_emit *e, struct fl_json_key key, size_t more)
{
	if (e->depth == 0)
		return room_for(e, more);
	bool flat = e->level[e->depth - 1].flat, first = !e->level[e->depth - 1].any;
	assert(!key.text == e->level[e->depth - 1].array);
	char *to = room_for(e, 2 + sizeof(line_break) + KEY_MAX + 4 + more);
	e->level[e->depth - 1].any = true;
	*to = ',';
	to[1] = ' ';
	to += first ? 0 : 1 + flat;
	if (!flat)
		to = put_line_break(e, to);
	if (key.text) {
		if (key.size > KEY_MAX || !copy_plain(to + 1, key.text, key.size))
			return put_odd_key(e, to, key.text, more);
		to[0] = '"';
		memcpy(to + key.size + 1, "\": ", 3);
		to += key.size + 4;
	}
	e->used = (size_t)(to - e->buffer);
	return to;
}

/* What was put where before() told ends at @end. */
static inline void put_until(struct fl_json_emit *e, const char *end)
{
	e->used = (size_t)(end - e->buffer);
}

void fl_json_emit_container_of(struct fl_json_emit *e, struct fl_json_key key, bool array, bool flat)
{
	char *to = before(e, key, 1);
	*to = array ? '[' : '{';
	put_until(e, to + 1);
	assert(e->depth < FL_JSON_EMIT_DEPTH);
	e->level[e->depth].array = array;
	e->level[e->depth].flat = flat;
	e->level[e->depth].any = false;
	e->depth++;
}

void fl_json_emit_begin(struct fl_json_emit *e, FILE *out)
{
	e->out = out;
	e->depth = 0;
	e->used = 0;
	memset(e->known, 0, sizeof(e->known));
	memset(e->minutes, 0, sizeof(e->minutes));
}

void fl_json_emit_end(struct fl_json_emit *e)
{
	assert(e->depth == 0);
	put_char(e, '\n');
	flush(e);
}

void fl_json_emit_close(struct fl_json_emit *e)
{
	assert(e->depth > 0);
	e->depth--;
	if (e->level[e->depth].any && !e->level[e->depth].flat)
		new_line(e);
	put_char(e, e->level[e->depth].array ? ']' : '}');
}

void fl_json_emit_string_of(struct fl_json_emit *e, struct fl_json_key key, const char *value)
{
	before(e, key, 0);
	if (value)
		put_string(e, value);
	else
		put(e, "null", 4);
}

enum { DIGITS_MAX = 20 };

/* Return: behind them. */
static inline char *put_digits(char *to, uint64_t value)
{
	size_t size = 1;
	if (value < 10) { /* most counts */
		*to = (char)('0' + value);
		return to + 1;
	}
	for (uint64_t rest = value; rest >= 10; rest /= 10)
		size++;
	char *at = to + size;
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	return to + size;
}

void fl_json_emit_u64_of(struct fl_json_emit *e, struct fl_json_key key, uint64_t value)
{
	bool quoted = value > FL_JSON_EXACT_MAX;
	char *to = before(e, key, DIGITS_MAX + 2);
	*to = '"';
	to = put_digits(to + quoted, value);
	*to = '"';
	put_until(e, to + quoted);
}

void fl_json_emit_double_of(struct fl_json_emit *e, struct fl_json_key key, double value)
{
	char *to = before(e, key, DIGITS_MAX);
	if (value >= 0 && value <= 1e15 && value <= (double)(uint64_t)value) {
		put_until(e, put_digits(to, (uint64_t)value));
		return;
	}
	if (!isfinite(value)) {
		put(e, "null", 4);
		return;
	}
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	size_t at = (bits ^ bits >> 20 ^ bits >> 41) % FL_JSON_EMIT_KNOWN;
	if (e->known[at].value != value) {
		char text[FL_JSON_NUMBER_TEXT];
		size_t size = fl_json_number_text(value, text);
		assert(size <= sizeof(e->known[at].text)); /* 17 digits, sign, point, exponent */
		e->known[at].value = value;
		e->known[at].size = (uint8_t)size;
		memcpy(e->known[at].text, text, size);
	}
	put(e, e->known[at].text, e->known[at].size);
}

void fl_json_emit_bool_of(struct fl_json_emit *e, struct fl_json_key key, bool value)
{
	char *to = before(e, key, 5);
	memcpy(to, value ? "true" : "false", 5);
	put_until(e, to + (value ? 4 : 5));
}

/* The first of what fl_time_format() makes is the same for a minute. */
void fl_json_emit_time_of(struct fl_json_emit *e, struct fl_json_key key, int64_t time_ns)
{
	static const int64_t minute_ns = 60 * FL_NS_PER_S;
	int64_t minute = time_ns / minute_ns;
	size_t at = (uint64_t)minute % FL_JSON_EMIT_MINUTES;
	char *to = before(e, key, FL_TIME_TEXT + 2), *end;
	*to++ = '"';
	if (time_ns >= 0 && e->minutes[at].number == minute + 1) {
		memcpy(to, e->minutes[at].text, FL_JSON_EMIT_MINUTE);
		end = fl_time_put_seconds(to + FL_JSON_EMIT_MINUTE, (uint64_t)(time_ns % minute_ns));
	} else {
		fl_time_format(time_ns, to);
		end = to + strlen(to);
		e->minutes[at].number = time_ns < 0 ? 0 : minute + 1;
		memcpy(e->minutes[at].text, to, FL_JSON_EMIT_MINUTE);
	}
	*end = '"';
	put_until(e, end + 1);
}

void fl_json_emit_address(struct fl_json_emit *e, const char *key, const struct fl_addr *a)
{
	char text[FL_ADDR_TEXT];
	fl_json_emit_string(e, key, fl_addr_is_none(a) ? NULL : fl_addr_format(a, text));
}

void fl_json_emit_strings(struct fl_json_emit *e, const char *key, const char *const *list, size_t n)
{
	fl_json_emit_array(e, key, true);
	for (size_t i = 0; i < n; i++)
		fl_json_emit_string(e, NULL, list[i]);
	fl_json_emit_close(e);
}

void fl_json_emit_addresses(struct fl_json_emit *e, const char *key, const struct fl_addr *list, size_t n)
{
	char text[FL_ADDR_TEXT];
	fl_json_emit_array(e, key, true);
	for (size_t i = 0; i < n; i++)
		fl_json_emit_string(e, NULL, fl_addr_format(&list[i], text));
	fl_json_emit_close(e);
}
