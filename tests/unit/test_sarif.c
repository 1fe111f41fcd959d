/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sarif.c - what names can make of a document for code hosts: nothing */
#include "unit.h"

#include "faultline/status.h"
#include "reports/sarif.h"

static void a_name_makes_no_link_in_a_message(void **state)
{
	static const struct fl_sarif_rule rule = { "added", "A dependency is new.", "warning" };
	struct fl_sarif *s = fl_sarif_new(&rule, 1);
	struct fl_sarif_result r = { .message = "new: [x](https://evil.example)](y", .to = "endpoint:[x](y):1/tcp" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fl_sarif_add(s, &r);
	fl_sarif_end(s, out);
	fclose(out);
	assert_non_null(strstr(text, "new: [x] (https://evil.example)] (y"));
	assert_non_null(strstr(text, "endpoint:[x](y):1/tcp"));
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_makes_no_link_in_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
