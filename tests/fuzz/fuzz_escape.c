/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_escape.c - any bytes as a name on its way out, in every language */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "faultline/escape.h"

enum { TEXT_MAX = 1024 };

static void check_harmless(enum fl_language language, const char *out)
{
	for (const char *at = out; *at; at++) {
		uint8_t c = (uint8_t)*at;
		fuzz_check(c >= ' ' && c != 0x7f);
		bool markup = c == '<' || c == '>' || c == '"';
		fuzz_check(!(language == FL_LANGUAGE_HTML && markup));
		fuzz_check(!(language == FL_LANGUAGE_MARKDOWN && c == '<'));
		if (language == FL_LANGUAGE_DOT && c == '"')
			fuzz_check(at > out && at[-1] == '\\');
	}
	if (language == FL_LANGUAGE_CSV && out[0])
		fuzz_check(!strchr("=+-@", out[0]));
}

static void check_language(enum fl_language language, const char *text)
{
	char *whole = fl_escape_string(language, text, 0);
	char *cut = fl_escape_string(language, text, 3);
	check_harmless(language, whole);
	check_harmless(language, cut);

	char *written = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);
	fuzz_check(out != NULL);
	fl_escape_write(out, language, text);
	fclose(out);
	fuzz_check(strcmp(written, whole) == 0);
	free(written);
	free(whole);
	free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX] = "";
	memcpy(text, data, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);
	for (int language = FL_LANGUAGE_TERMINAL; language <= FL_LANGUAGE_CSV; language++)
		check_language((enum fl_language)language, text);
	return 0;
}
