/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - tables on a terminal
 *
 * Cells are escaped when they come in, so that from then on a cell is valid
 * UTF-8 without control characters and its width can be counted. Columns stand
 * two blanks apart; the last one is not padded, so no line ends in blanks.
 *
 * The width of a character follows the habit of terminals: combining marks and
 * joiners take no column, East Asian wide characters and emoji take two. The
 * tables below hold the large ranges, not each exception of Unicode; a wrong
 * guess shifts one line by one column. The C library's wcwidth() would depend
 * on the locale, and no output of ours does.
 *
 * When the table is too wide, columns of text are narrowed, always the widest,
 * so that no column is cut while another one is wider. Numbers are never cut:
 * half a number is a wrong number.
 */
#include "faultline/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "faultline/escape.h"
#include "faultline/utf8.h"

enum {
	GAP = 2,
	NARROWEST = 8,      /* a cut column keeps this many characters */
	WIDTH_UNKNOWN = 80, /* of a terminal that does not tell */
};

struct fl_table {
	size_t columns;
	size_t rows; /* with the headings as row 0 */
	size_t capacity;
	char **cells; /* row by row, owned */
};

struct range {
	uint32_t first, last;
};

static const struct range zero_width[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
	{ 0x0900, 0x0902 }, { 0x0941, 0x0948 }, { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e },
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x2060, 0x2064 }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0000, 0xe01ef },
};
static const struct range double_width[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x16fe0, 0x18aff }, { 0x1b000, 0x1b2ff },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t character)
{
	for (size_t i = 0; i < n && ranges[i].first <= character; i++)
		if (character <= ranges[i].last)
			return true;
	return false;
}

static size_t character_width(uint32_t character)
{
	if (character < zero_width[0].first)
		return 1;
	if (is_in(zero_width, FL_ARRAY_LEN(zero_width), character))
		return 0;
	return is_in(double_width, FL_ARRAY_LEN(double_width), character) ? 2 : 1;
}

/* Bytes of @text that fit into @limit columns; *@width: how many columns they take. */
static size_t fitting(const char *text, size_t limit, size_t *width)
{
	size_t size = strlen(text), at = 0;

	*width = 0;
	while (at < size) {
		uint32_t character;
		size_t length = fl_utf8_decode(text + at, size - at, &character);
		size_t more = character_width(character);

		if (*width + more > limit)
			break;
		*width += more;
		at += length;
	}
	return at;
}

static size_t text_width(const char *text)
{
	size_t width;

	(void)fitting(text, SIZE_MAX / 2, &width);
	return width;
}

struct fl_table *fl_table_new(const char *const *headings, size_t columns)
{
	struct fl_table *t = fl_alloc(sizeof(*t));

	t->columns = columns;
	fl_table_row(t, headings);
	return t;
}

void fl_table_row(struct fl_table *t, const char *const *cells)
{
	if (t->rows == t->capacity) {
		t->capacity = fl_grown(t->capacity, t->rows + 1);
		t->cells = fl_grow_array(t->cells, t->capacity, t->columns * sizeof(*t->cells));
	}
	char **row = t->cells + t->rows++ * t->columns;
	for (size_t i = 0; i < t->columns; i++)
		row[i] = fl_escape_string(FL_LANGUAGE_TERMINAL, cells[i] ? cells[i] : "-", 0);
}

static void free_table(struct fl_table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static bool is_numeric(uint64_t mask, size_t column)
{
	return column < 64 && mask >> column & 1;
}

/* The text column that is widest, of several the last; @columns when none may become narrower. */
static size_t widest_text(const size_t *widths, size_t columns, uint64_t numeric_mask)
{
	size_t widest = columns;

	for (size_t i = 0; i < columns; i++)
		if (!is_numeric(numeric_mask, i) && widths[i] > NARROWEST &&
		    (widest == columns || widths[i] >= widths[widest]))
			widest = i;
	return widest;
}

static void narrow(size_t *widths, size_t columns, uint64_t numeric_mask, size_t limit)
{
	size_t total = columns ? (columns - 1) * GAP : 0;

	for (size_t i = 0; i < columns; i++) {
		/* no cell is shown wider than the line, which bounds the loop below */
		if (!is_numeric(numeric_mask, i) && widths[i] > limit && limit >= NARROWEST)
			widths[i] = limit;
		total += widths[i];
	}
	for (; total > limit; total--) {
		size_t widest = widest_text(widths, columns, numeric_mask);
		if (widest == columns)
			return;
		widths[widest]--;
	}
}

static void write_blanks(FILE *out, size_t n)
{
	for (; n > 0; n--)
		fputc(' ', out);
}

static void write_cell(FILE *out, const char *text, size_t width, bool numeric, bool last)
{
	size_t taken, size = fitting(text, width, &taken);
	bool cut = text[size] != '\0' && width > 0;

	if (cut) {
		size = fitting(text, width - 1, &taken);
		taken++;
	}
	if (numeric)
		write_blanks(out, width - taken);
	fwrite(text, 1, size, out);
	if (cut)
		fputs("\xe2\x80\xa6", out);
	if (!numeric && !last)
		write_blanks(out, width - taken);
}

/* Cells at the end that are empty are left away with their padding. */
static void write_row(FILE *out, char **row, const size_t *widths, size_t columns, uint64_t numeric_mask)
{
	while (columns > 0 && row[columns - 1][0] == '\0')
		columns--;
	for (size_t i = 0; i < columns; i++) {
		if (i > 0)
			write_blanks(out, GAP);
		write_cell(out, row[i], widths[i], is_numeric(numeric_mask, i), i + 1 == columns);
	}
	fputc('\n', out);
}

void fl_table_write(struct fl_table *t, FILE *out, uint64_t numeric_mask, unsigned width)
{
	size_t *widths = fl_alloc_array(t->columns, sizeof(*widths));

	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t w = text_width(t->cells[i]);
		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	if (width > 0)
		narrow(widths, t->columns, numeric_mask, width);
	for (size_t r = 0; r < t->rows; r++)
		write_row(out, t->cells + r * t->columns, widths, t->columns, numeric_mask);
	free(widths);
	free_table(t);
}

/* ---- the terminal itself ---- */

static bool is_terminal(FILE *out)
{
	int fd = fileno(out);

	return fd >= 0 && isatty(fd);
}

unsigned fl_terminal_width(FILE *out)
{
	struct winsize size = { 0 };

	if (!is_terminal(out))
		return 0;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_UNKNOWN;
	return size.ws_col;
}

bool fl_terminal_colour(FILE *out)
{
	const char *refused = getenv("NO_COLOR"), *kind = getenv("TERM");

	return is_terminal(out) && !(refused && *refused) && !(kind && strcmp(kind, "dumb") == 0);
}
