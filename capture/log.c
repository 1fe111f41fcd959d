/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - logfmt lines
 *
 * A line is made in memory and written by one call, so that lines of several processes do not mix. What does not fit is cut, and
 * a quote that was open is closed.
 *
 * Whoever reads the lines may stop reading. A line that does not get away in a moment is lost, and counted: what is watched does not
 * wait for those who look on.
 */
#include "capture/log.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "faultline/units.h"

enum { PATIENCE_MS = 100 };

static bool put(struct log_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All of it or nothing, and nothing behind what did not fit. There is always room for a closing quote and the line feed. */
static bool put(struct log_line *l, const char *format, ...)
{
	size_t room = sizeof(l->text) - 2 - l->used;
	va_list args;
	if (l->full)
		return false;
	va_start(args, format);
	int n = vsnprintf(l->text + l->used, room, format, args);
	va_end(args);
	l->full = n < 0 || (size_t)n >= room;
	l->used += l->full ? 0 : (size_t)n;
	return !l->full;
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
	if (!put(l, " %s=\"", key))
		return;
	put_escaped(l, value);
	l->text[l->used++] = '"';
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

/* Also true of what is no file: there is nothing to wait for. */
static bool takes_a_line(const struct fl_log *log)
{
	struct pollfd fd = { fileno(log->out), POLLOUT, 0 };
	return fd.fd < 0 || poll(&fd, 1, log->lost > log->lost_told ? 0 : PATIENCE_MS) > 0;
}

static bool write_line(struct log_line *l)
{
	FILE *out = l->log->out;
	l->text[l->used++] = '\n';
	bool written = fwrite(l->text, 1, l->used, out) == l->used;
	written = fflush(out) == 0 && written;
	clearerr(out); /* whoever comes to read is told the next */
	return written;
}

static bool tell_lost(struct fl_log *log)
{
	struct log_line l = log_begin(log, "warning", "log-lines-lost");
	log_number(&l, "lines", log->lost - log->lost_told);
	bool told = write_line(&l);
	if (told)
		log->lost_told = log->lost;
	return told;
}

void log_end(struct log_line *l)
{
	struct fl_log *log = l->log;
	bool told = takes_a_line(log) && (log->lost == log->lost_told || tell_lost(log));
	if (!told || !takes_a_line(log) || !write_line(l))
		log->lost++;
}
