/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "faultline/escape.h"
#include "faultline/status.h"
#include "faultline/utf8.h"

#define BAD FL_UTF8_REPLACEMENT
#define CUT "\xe2\x80\xa6"

enum { ALL = -1, TERMINAL = FL_LANGUAGE_TERMINAL, HTML = FL_LANGUAGE_HTML, DOT = FL_LANGUAGE_DOT,
       MARKDOWN = FL_LANGUAGE_MARKDOWN, CSV = FL_LANGUAGE_CSV };

static const struct row {
	const char *name;
	int language;
	const char *text;
	const char *expected;
} rows[] = {
	{ "nothing writes nothing", ALL, NULL, "" },
	{ "the empty string is empty", ALL, "", "" },
	{ "letters, digits and umlauts stay", ALL, "d\xc3\xb6ner7", "d\xc3\xb6ner7" },
	{ "a host name with port stays", ALL, "api-1.geo.example:443/tcp", "api-1.geo.example:443/tcp" },
	{ "a four-byte character stays", ALL, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "ESC is replaced", ALL, "a\x1b", "a" BAD },
	{ "tab, line feed and return are replaced", ALL, "a\t\n\rb", "a" BAD BAD BAD "b" },
	{ "DEL is replaced", ALL, "\x7f", BAD },
	{ "the first and last C1 character are replaced", ALL, "\xc2\x80\xc2\x9f", BAD BAD },
	{ "a no-break space is no control character", ALL, "\xc2\xa0", "\xc2\xa0" },
	{ "line and paragraph separators are replaced", ALL, "\xe2\x80\xa8\xe2\x80\xa9", BAD BAD },
	{ "bidirectional overrides are replaced", ALL, "\xe2\x80\xaa\xe2\x80\xae", BAD BAD },
	{ "bidirectional isolates are replaced", ALL, "\xe2\x81\xa6\xe2\x81\xa9", BAD BAD },
	{ "their neighbours stay", ALL, "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
	  "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa" },
	{ "noncharacters that XML forbids are replaced", ALL, "\xef\xbf\xbe\xef\xbf\xbf", BAD BAD },
	{ "a lone continuation byte is replaced", ALL, "a\x80z", "a" BAD "z" },
	{ "a raw C1 byte is replaced", ALL, "\x9bz", BAD "z" },
	{ "a sequence cut by a letter is replaced once", ALL, "\xe2\x82z", BAD "z" },
	{ "a sequence cut by the end is replaced once", ALL, "a\xf0\x9f\x98", "a" BAD },
	{ "an overlong slash is replaced", ALL, "\xc0\xaf", BAD BAD },
	{ "an overlong quote in three bytes is replaced", ALL, "\xe0\x80\xa2", BAD BAD BAD },
	{ "an overlong quote in four bytes is replaced", ALL, "\xf0\x80\x80\xa2", BAD BAD BAD BAD },
	{ "a surrogate is replaced", ALL, "\xed\xa0\x80", BAD BAD BAD },
	{ "the last character before the surrogates stays", ALL, "\xed\x9f\xbf", "\xed\x9f\xbf" },
	{ "the last character of all stays", ALL, "\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd" },
	{ "what lies above it is replaced", ALL, "\xf4\x90\x80\x80", BAD BAD BAD BAD },
	{ "bytes that never occur are replaced", ALL, "\xfe\xff\xf8", BAD BAD BAD },

	{ "terminal: quotes, brackets and backslashes stay", TERMINAL, "\"'<&>\\*|=", "\"'<&>\\*|=" },

	{ "html: the five of them", HTML, "<a href=\"x\" b='y'>&", "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;" },
	{ "html: an entity is text", HTML, "&lt;", "&amp;lt;" },
	{ "html: a backslash stays", HTML, "\\", "\\" },

	{ "dot: a quote cannot end the string", DOT, "a\" , b=\"", "a&quot; , b=&quot;" },
	{ "dot: a backslash at the end cannot eat the quote", DOT, "a\\", "a\\\\" },
	{ "dot: a backslash before a quote", DOT, "\\\"", "\\\\&quot;" },
	{ "dot: escape sequences of labels are text", DOT, "\\n\\N\\G", "\\\\n\\\\N\\\\G" },
	{ "dot: an HTML label cannot begin", DOT, "<b>x</b>", "&lt;b&gt;x&lt;/b&gt;" },
	{ "dot: an entity is text", DOT, "&#34;", "&amp;#34;" },

	{ "markdown: emphasis, code and strike-through", MARKDOWN, "*a*_b_`c`~d~", "\\*a\\*\\_b\\_\\`c\\`\\~d\\~" },
	{ "markdown: a table cell cannot end", MARKDOWN, "a|b", "a\\|b" },
	{ "markdown: an escaped pipe cannot end it either", MARKDOWN, "a\\|b", "a\\\\\\|b" },
	{ "markdown: links and images", MARKDOWN, "![a](b)", "\\!\\[a\\](b)" },
	{ "markdown: HTML", MARKDOWN, "<img src=x>", "&lt;img src=x&gt;" },
	{ "markdown: entities", MARKDOWN, "&copy;", "&amp;copy;" },
	{ "markdown: a backslash at the end", MARKDOWN, "a\\", "a\\\\" },
	{ "markdown: a heading", MARKDOWN, "# a", "\\# a" },
	{ "markdown: lists", MARKDOWN, "- a", "\\- a" },
	{ "markdown: a list with plus", MARKDOWN, "+ a", "\\+ a" },
	{ "markdown: a numbered list", MARKDOWN, "12. a", "12\\. a" },
	{ "markdown: a numbered list with bracket", MARKDOWN, "12) a", "12\\) a" },
	{ "markdown: a rule under a heading", MARKDOWN, "===", "\\===" },
	{ "markdown: a code block by indentation", MARKDOWN, "    a", "&#32;   a" },
	{ "markdown: addresses with a scheme are no links", MARKDOWN, "http://a.b", "http\\://a.b" },
	{ "markdown: www. is no link", MARKDOWN, "WWW.a.b", "WWW\\.a.b" },
	{ "markdown: a formula", MARKDOWN, "$x$", "\\$x\\$" },

	{ "csv: quotes are doubled", CSV, "a\"b\"", "a\"\"b\"\"" },
	{ "csv: commas and semicolons stay inside the field", CSV, "a,b;c", "a,b;c" },
	{ "csv: equals begins a formula", CSV, "=cmd()", "'=cmd()" },
	{ "csv: plus begins a formula", CSV, "+1", "'+1" },
	{ "csv: minus begins a formula", CSV, "-1", "'-1" },
	{ "csv: at begins a formula", CSV, "@SUM", "'@SUM" },
	{ "csv: later ones do not", CSV, "a=b+c-d@e", "a=b+c-d@e" },
	{ "csv: a tab before a formula is replaced", CSV, "\t=1", BAD "=1" },
};

static void check(enum fl_language language, const char *text, const char *expected)
{
	char *escaped = fl_escape_string(language, text, 0);
	char *written = NULL;
	size_t size;
	FILE *out = open_memstream(&written, &size);

	assert_non_null(out);
	fl_escape_write(out, language, text);
	fclose(out);
	assert_string_equal(escaped, expected);
	assert_string_equal(written, expected);
	free(escaped);
	free(written);
}

static void run_row(void **state)
{
	const struct row *row = *state;

	for (int language = TERMINAL; language <= CSV; language++)
		if (row->language == ALL || row->language == language)
			check((enum fl_language)language, row->text, row->expected);
}

static const struct cut {
	const char *name;
	enum fl_language language;
	const char *text;
	size_t max;
	const char *expected;
} cuts[] = {
	{ "a text of the limit is whole", FL_LANGUAGE_TERMINAL, "abc", 3, "abc" },
	{ "a longer one is cut and says so", FL_LANGUAGE_TERMINAL, "abcd", 3, "abc" CUT },
	{ "characters are counted, not bytes", FL_LANGUAGE_TERMINAL, "\xc3\xa4\xe2\x82\xac" "cd", 3,
	  "\xc3\xa4\xe2\x82\xac" "c" CUT },
	{ "characters of the input are counted", FL_LANGUAGE_HTML, "&&&", 2, "&amp;&amp;" CUT },
	{ "a replaced sequence is one character", FL_LANGUAGE_DOT, "\xe2\x82z\\", 2, BAD "z" CUT },
	{ "no limit is no cut", FL_LANGUAGE_CSV, "abcdef", 0, "abcdef" },
};

static void run_cut(void **state)
{
	const struct cut *cut = *state;
	char *escaped = fl_escape_string(cut->language, cut->text, cut->max);

	assert_string_equal(escaped, cut->expected);
	free(escaped);
}

/* All strings of three bytes out of those that matter: the result has only harmless characters, and
 * in each language none of those that would end the string, field or cell. */
static void nothing_harmful_comes_out(void **state)
{
	static const uint8_t bytes[] = { 1, 7, 27, '"', '\\', '<', '&', 'a', 0x7f, 0x80, 0x9b, 0xa8, 0xae, 0xbf,
					 0xc0, 0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff };
	enum { N = sizeof(bytes) };

	(void)state;
	for (size_t n = 0; n < N * N * N; n++) {
		char text[] = { (char)bytes[n % N], (char)bytes[n / N % N], (char)bytes[n / N / N], '\0' };
		for (int language = TERMINAL; language <= CSV; language++) {
			char *s = fl_escape_string((enum fl_language)language, text, 0);
			size_t size = strlen(s);
			for (size_t at = 0; at < size;) {
				uint32_t c;
				at += fl_utf8_decode(s + at, size - at, &c);
				assert_false(fl_utf8_is_harmful(c));
				assert_false(c == '<' && language != TERMINAL && language != CSV);
				assert_false(c == '"' && (language == HTML || language == DOT));
			}
			free(s);
		}
	}
}

int main(void)
{
	enum { R = FL_ARRAY_LEN(rows), C = FL_ARRAY_LEN(cuts) };
	struct CMUnitTest tests[R + C + 1] = { 0 };

	for (size_t i = 0; i < R; i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < C; i++)
		tests[R + i] = (struct CMUnitTest){ .name = cuts[i].name, .test_func = run_cut,
						    .initial_state = (void *)(uintptr_t)&cuts[i] };
	tests[R + C] = (struct CMUnitTest)cmocka_unit_test(nothing_harmful_comes_out);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
