/* SPDX-License-Identifier: BSD-2-Clause */
/* test_draw.c - rendering in a child with a time limit, forms by ending, reports whole or not at all */
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "config.h"
#include "report_fixture.h"

struct ending_row { const char *name, *path; int format; };

static const struct ending_row endings[] = {
	{ "html is a page", "a.html", FL_REPORT_HTML },
	{ "svg is a picture", "/x/a.svg", FL_REPORT_SVG },
	{ "png is a picture", "a.png", FL_REPORT_PNG },
	{ "pdf is a picture", "a.pdf", FL_REPORT_PDF },
	{ "dot is text", "a.dot", FL_REPORT_DOT },
	{ "md is Markdown", "a.b.md", FL_REPORT_MARKDOWN },
	{ "json is for programs", "a.json", FL_REPORT_JSON },
	{ "capitals are the same ending", "A.HTML", FL_REPORT_HTML },
	{ "an unknown ending is none", "a.docx", -1 },
	{ "no ending is none", "report", -1 },
	{ "an ending alone is none", ".html", -1 },
	{ "an empty name is none", "", -1 },
};

static void test_ending(void **state)
{
	const struct ending_row *row = *state;
	assert_int_equal(fl_report_format_of(row->path), row->format);
}

#if FL_HAVE_GRAPHVIZ

/* Nothing that was forked is left behind. */
static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

enum { PATIENCE_S = 300 }; /* for pictures of a few nodes, on whatever machine */

struct draw_row { const char *name, *dot, *format, *begins; int rc; };

static const struct draw_row draws[] = {
	{ "svg is XML", "digraph g { n0 -> n1 }", "svg", "<?xml", 0 },
	{ "png is PNG", "digraph g { n0 -> n1 }", "png", "\x89PNG", 0 },
	{ "pdf is PDF", "digraph g { n0 -> n1 }", "pdf", "%PDF", 0 },
	{ "text that is no DOT is an error", "digraph {{{", "svg", NULL, -EIO },
	{ "empty text is an error", "", "svg", NULL, -EIO },
	{ "a form that Graphviz does not know is an error", "digraph g { n0 }", "nonsense", NULL, -EIO },
};

static void test_draw(void **state)
{
	const struct draw_row *row = *state;
	struct fl_error err = { "" };
	char *data = NULL;
	size_t size = 0;
	assert_int_equal(fl_draw(row->dot, row->format, PATIENCE_S, &data, &size, &err), row->rc);
	assert_int_equal(err.text[0] != '\0', row->rc != 0);
	if (row->begins != NULL) {
		assert_true(size > strlen(row->begins));
		assert_memory_equal(data, row->begins, strlen(row->begins));
	} else {
		assert_null(data);
	}
	free(data);
	assert_no_child();
}

static void test_pdf_has_no_date_of_now(void **state)
{
	(void)state;
	char *one = NULL, *two = NULL;
	size_t size_one = 0, size_two = 0;
	struct fl_error err;
	assert_int_equal(fl_draw("digraph g { n0 }", "pdf", PATIENCE_S, &one, &size_one, &err), 0);
	struct timespec pause = { .tv_sec = 1, .tv_nsec = 100000000 };
	nanosleep(&pause, NULL);
	assert_int_equal(fl_draw("digraph g { n0 }", "pdf", PATIENCE_S, &two, &size_two, &err), 0);
	assert_int_equal(size_one, size_two);
	assert_memory_equal(one, two, size_one);
	free(one);
	free(two);
}

/* A complete graph of 120 nodes takes dot minutes. */
static void test_slow_picture_is_stopped(void **state)
{
	(void)state;
	char *dot = NULL, *data = NULL;
	size_t dot_size = 0, size = 0;
	struct fl_error err = { "" };
	FILE *out = open_memstream(&dot, &dot_size);
	fputs("digraph g {\n", out);
	for (int i = 0; i < 120; i++)
		for (int k = 0; k < 120; k++)
			fprintf(out, "n%d -> n%d;\n", i, k);
	fputs("}\n", out);
	fclose(out);
	assert_int_equal(fl_draw(dot, "svg", 1, &data, &size, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "1 s"));
	assert_null(data);
	free(dot);
	assert_no_child();
}

#else

static void test_no_graphviz(void **state)
{
	(void)state;
	char *data = NULL;
	size_t size = 0;
	struct fl_error err = { "" };
	assert_int_equal(fl_draw("digraph g { n0 }", "svg", 20, &data, &size, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "without Graphviz"));
	assert_null(data);
}

#endif

static void test_failed_report_leaves_the_old_one(void **state)
{
	(void)state;
	struct report_fixture f;
	struct fl_error err = { "" };
	struct stat st;
	char *json = fixture_named_everywhere("a");
	fixture_open(&f, json);
	assert_true(fl_report_write(&f.report, FL_REPORT_MARKDOWN, "/nonexistent/dir/a.md", &err) < 0);
	assert_true(err.text[0] != '\0');
	assert_int_equal(stat("/nonexistent", &st), -1);
	free(json);
	fixture_close(&f);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(endings) + 16] = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(endings); i++)
		tests[count++] = (struct CMUnitTest){ .name = endings[i].name, .test_func = test_ending,
						      .initial_state = (void *)(uintptr_t)&endings[i] };
#if FL_HAVE_GRAPHVIZ
	for (size_t i = 0; i < FL_ARRAY_LEN(draws); i++)
		tests[count++] = (struct CMUnitTest){ .name = draws[i].name, .test_func = test_draw,
						      .initial_state = (void *)(uintptr_t)&draws[i] };
	tests[count++] = (struct CMUnitTest){ .name = "the same picture as PDF is the same bytes a second later",
					      .test_func = test_pdf_has_no_date_of_now };
	tests[count++] = (struct CMUnitTest){ .name = "a picture that takes too long is stopped",
					      .test_func = test_slow_picture_is_stopped };
#else
	tests[count++] = (struct CMUnitTest){ .name = "without Graphviz a picture is refused with a reason",
					      .test_func = test_no_graphviz };
#endif
	tests[count++] = (struct CMUnitTest){ .name = "a report that cannot be written is an error with a reason",
					      .test_func = test_failed_report_leaves_the_old_one };
	return _cmocka_run_group_tests("draw", tests, count, NULL, NULL);
}
