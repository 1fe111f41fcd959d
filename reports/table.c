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
 * When the table is too wide, headings are broken first. Then the last column, if it is text (the reason, as
 * a rule), gives way: cells that do not fit beside the others stand beneath their row, broken at blanks, so
 * that no sentence is lost. Only then are other columns of text cut, always the widest, so that none is cut
 * while another one is wider. Numbers are never cut: half a number is a wrong number. A text with nothing to
 * the right of it is a remark: it takes the rest of the line and widens no column.
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
	BENEATH = 8,        /* indent of what stands under its row */
	LINES_MOST = 8,     /* of broken text; a name as long as a page must not fill the screen */
	LINE_LEAST = 24,    /* broken text gets at least this many characters a line */
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
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x0591, 0x05bd },
	{ 0x0610, 0x061a },
	{ 0x064b, 0x065f },
	{ 0x0900, 0x0902 },
	{ 0x0941, 0x0948 },
	{ 0x0e31, 0x0e31 },
	{ 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f },
	{ 0x2060, 0x2064 },
	{ 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
	{ 0xe0000, 0xe01ef },
};
static const struct range double_width[] = {
	{ 0x1100, 0x115f },
	{ 0x231a, 0x231b },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18aff },
	{ 0x1b000, 0x1b2ff },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
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

static size_t total_width(const size_t *widths, size_t columns)
{
	size_t total = columns ? (columns - 1) * GAP : 0;

	for (size_t i = 0; i < columns; i++)
		total += widths[i];
	return total;
}

static void narrow(size_t *widths, size_t columns, uint64_t numeric_mask, size_t limit)
{
	/* no cell is shown wider than the line, which bounds the loop below */
	for (size_t i = 0; i < columns; i++)
		if (!is_numeric(numeric_mask, i) && widths[i] > limit && limit >= NARROWEST)
			widths[i] = limit;
	size_t total = total_width(widths, columns), *last = &widths[columns - 1];
	if (total > limit && *last > NARROWEST && !is_numeric(numeric_mask, columns - 1)) {
		size_t spare = *last - NARROWEST, excess = total - limit;
		*last -= spare < excess ? spare : excess;
		total = total_width(widths, columns);
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

/* ---- broken text ---- */

/* Bytes of @text that go on a line of @limit columns: up to a blank where there is one. *@next: what the line
 * after begins with. */
static size_t line_size(const char *text, size_t limit, size_t *next)
{
	size_t taken, size = fitting(text, limit, &taken), end = size;

	if (size == 0 && text[0] != '\0') /* wider than the line: one character all the same */
		size = end = fitting(text, limit + 2, &taken);
	if (text[size] != '\0' && text[size] != ' ') {
		while (end > 0 && text[end - 1] != ' ')
			end--;
		end = end > 0 ? end : size;
	}
	*next = end + strspn(text + end, " ");
	while (end > 0 && text[end - 1] == ' ')
		end--;
	return end;
}

/* @width 0: on one line. */
static void write_broken(FILE *out, const char *text, size_t indent, size_t width)
{
	size_t limit = width == 0 ? SIZE_MAX / 2 : LINE_LEAST;

	if (width > indent + LINE_LEAST)
		limit = width - indent;
	for (unsigned lines = 1; *text != '\0'; lines++) {
		size_t next, size = line_size(text, limit, &next);
		bool cut = width > 0 && lines == LINES_MOST && text[next] != '\0';
		write_blanks(out, indent);
		fwrite(text, 1, size, out);
		fputs(cut ? " \xe2\x80\xa6\n" : "\n", out);
		if (cut)
			return;
		text += next;
	}
}

static size_t longest_word(const char *text)
{
	size_t longest = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " "); /* headings are ours and plain ASCII */
		longest = size > longest ? size : longest;
		text += size + strspn(text + size, " ");
	}
	return longest;
}

/* ---- rows ---- */

/* Cells at the end that are empty are left away with their padding. */
static size_t used_columns(char **row, size_t columns)
{
	while (columns > 0 && row[columns - 1][0] == '\0')
		columns--;
	return columns;
}

/* Text with nothing to the right of it, in a row that goes on from the one above. */
static bool is_remark(char **row, size_t columns, uint64_t numeric_mask)
{
	size_t used = used_columns(row, columns);

	return used > 1 && used < columns && row[0][0] == '\0' && !is_numeric(numeric_mask, used - 1);
}

static void write_cells(FILE *out, char **row, const size_t *widths, size_t columns, uint64_t numeric_mask)
{
	for (size_t i = 0; i < columns; i++) {
		if (i > 0)
			write_blanks(out, GAP);
		write_cell(out, row[i], widths[i], is_numeric(numeric_mask, i), i + 1 == columns);
	}
}

static void write_row(
	FILE *out, char **row, const size_t *widths, size_t columns, uint64_t numeric_mask, size_t width)
{
	size_t used = used_columns(row, columns);

	if (is_remark(row, columns, numeric_mask)) {
		size_t blanks = strspn(row[used - 1], " ");
		write_broken(out, row[used - 1] + blanks,
			total_width(widths, used) - widths[used - 1] + blanks, width);
		return;
	}
	bool beneath = used == columns && width > 0 && !is_numeric(numeric_mask, used - 1) &&
		       text_width(row[used - 1]) > widths[used - 1];
	write_cells(out, row, widths, beneath ? used - 1 : used, numeric_mask);
	fputc('\n', out);
	if (beneath)
		write_broken(out, row[used - 1], BENEATH, width);
}

static void write_headings(FILE *out, char **row, const size_t *widths, size_t columns, uint64_t numeric_mask)
{
	const char **rest = fl_alloc_array(columns, sizeof(*rest));
	char **line = fl_alloc_array(columns, sizeof(*line));
	bool more = true;

	for (size_t i = 0; i < columns; i++)
		rest[i] = row[i];
	while (more) {
		more = false;
		for (size_t i = 0; i < columns; i++) {
			size_t next, size = line_size(rest[i], widths[i], &next);
			line[i] = fl_copy_string(rest[i]);
			line[i][size] = '\0';
			rest[i] += next;
			more = more || *rest[i] != '\0';
		}
		write_cells(out, line, widths, used_columns(line, columns), numeric_mask);
		fputc('\n', out);
		for (size_t i = 0; i < columns; i++)
			free(line[i]);
	}
	free(line);
	free(rest);
}

/* Headings are row 0; broken, they are as wide as their longest word. */
static void measure(const struct fl_table *t, uint64_t numeric_mask, bool broken, size_t *widths)
{
	for (size_t r = 0; r < t->rows; r++) {
		char **row = t->cells + r * t->columns;
		size_t used = used_columns(row, t->columns);
		used -= r > 0 && is_remark(row, t->columns, numeric_mask);
		for (size_t i = 0; i < used; i++) {
			size_t w = r == 0 && broken ? longest_word(row[i]) : text_width(row[i]);
			widths[i] = w > widths[i] || r == 0 ? w : widths[i];
		}
	}
}

void fl_table_write(struct fl_table *t, FILE *out, uint64_t numeric_mask, unsigned width)
{
	size_t *widths = fl_alloc_array(t->columns, sizeof(*widths));

	measure(t, numeric_mask, false, widths);
	if (width > 0 && total_width(widths, t->columns) > width) {
		measure(t, numeric_mask, true, widths);
		narrow(widths, t->columns, numeric_mask, width);
	}
	write_headings(out, t->cells, widths, t->columns, numeric_mask);
	for (size_t r = 1; r < t->rows; r++)
		write_row(out, t->cells + r * t->columns, widths, t->columns, numeric_mask, width);
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
