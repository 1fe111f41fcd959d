/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - logfmt lines
 *
 * A line is made in memory and written by one call, so that lines of several processes do not mix. What does not fit is cut.
 */
#include "capture/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "faultline/units.h"

static void put(struct log_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct log_line *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(l->text + l->used, sizeof(l->text) - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used = l->used + (size_t)n < sizeof(l->text) - 1 ? l->used + (size_t)n : sizeof(l->text) - 1;
}

struct log_line log_begin(struct fl_log *log, const char *level, const char *event)
{
	struct log_line l = { .log = log };
	char now[FL_TIME_TEXT];
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	put(&l, "time=%s level=%s event=%s", fl_time_format((int64_t)t.tv_sec * FL_NS_PER_S + t.tv_nsec / 1000000 * 1000000, now),
	    level, event);
	return l;
}

static void put_escaped(struct log_line *l, const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c == '"' || *c == '\\')
			put(l, "\\%c", *c);
		else if (*c < 0x20 || *c >= 0x7f)
			put(l, "\\x%02x", *c);
		else
			put(l, "%c", *c);
	}
}

static int is_plain(const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"\\=", *c))
			return 0;
	return *value != 0;
}

void log_text(struct log_line *l, const char *key, const char *value)
{
	if (!value)
		return;
	if (is_plain(value)) {
		put(l, " %s=%s", key, value);
		return;
	}
	put(l, " %s=\"", key);
	put_escaped(l, value);
	put(l, "\"");
}

void log_number(struct log_line *l, const char *key, uint64_t value)
{
	put(l, " %s=%" PRIu64, key, value);
}

void log_seconds(struct log_line *l, const char *key, int64_t ns)
{
	put(l, " %s=%.3f", key, (double)ns / 1e9);
}

void log_time(struct log_line *l, const char *key, int64_t time_ns)
{
	char text[FL_TIME_TEXT];
	put(l, " %s=%s", key, fl_time_format(time_ns - time_ns % 1000000, text));
}

void log_end(struct log_line *l)
{
	l->text[l->used++] = '\n';
	fwrite(l->text, 1, l->used, l->log->out);
	fflush(l->log->out);
}
