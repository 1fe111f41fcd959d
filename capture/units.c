/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.c - times, durations and sizes as people and files write them
 *
 * Everything is integer arithmetic: a time that was read and written again is
 * the same time, and 0.1 s is 100000000 ns. Overflow is a parse failure, never
 * a wrapped value. Texts for people are rounded to three significant digits,
 * and the unit is chosen after rounding, so that nobody reads "1000 ms".
 */
#include "faultline/units.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "faultline/status.h"

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097 }; /* of 400 years */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static char *put_digits(char *at, uint32_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

/* Proleptic Gregorian date of a day since the epoch; years here begin in March, so the leap day is their last. By hand,
 * since a large scan holds a hundred thousand times and strftime() takes a microsecond for each. */
static char *put_date(char *at, int64_t day)
{
	day += 719468; /* 0000-03-01 */
	int64_t era = floor_div(day, DAYS_PER_ERA), of_era = day - era * DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* March is 0 */
	at = put_digits(at, (uint32_t)(year + era * 400 + (month >= 10)), 4);
	*at++ = '-';
	at = put_digits(at, (uint32_t)(month < 10 ? month + 3 : month - 9), 2);
	*at++ = '-';
	return put_digits(at, (uint32_t)(of_year - (153 * month + 2) / 5 + 1), 2);
}

char *fl_time_put_seconds(char *at, uint64_t ns)
{
	uint32_t fraction = (uint32_t)(ns % (uint64_t)FL_NS_PER_S);
	at = put_digits(at, (uint32_t)(ns / (uint64_t)FL_NS_PER_S), 2);
	if (fraction) {
		bool nanoseconds = fraction % 1000 != 0;
		*at++ = '.';
		at = put_digits(at, nanoseconds ? fraction : fraction / 1000, nanoseconds ? 9 : 6);
	}
	*at++ = 'Z';
	*at = '\0';
	return at;
}

const char *fl_time_format(int64_t time_ns, char text[static FL_TIME_TEXT])
{
	int64_t fraction = time_ns % FL_NS_PER_S;
	int64_t seconds = time_ns / FL_NS_PER_S;

	if (fraction < 0) {
		fraction += FL_NS_PER_S;
		seconds--;
	}
	char *at = put_date(text, floor_div(seconds, SECONDS_PER_DAY));
	uint32_t of_day = (uint32_t)(seconds - floor_div(seconds, SECONDS_PER_DAY) * SECONDS_PER_DAY);
	*at++ = 'T';
	at = put_digits(at, of_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 60 % 60, 2);
	*at++ = ':';
	fl_time_put_seconds(at, of_day % 60 * (uint64_t)FL_NS_PER_S + (uint64_t)fraction);
	return text;
}

/* Exactly @digits decimal digits, of a value in @min..@max. */
static bool take_number(const char **cursor, int digits, int min, int max, int *value)
{
	int v = 0;
	const char *p = *cursor;

	for (int i = 0; i < digits; i++, p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (*p - '0');
	}
	if (v < min || v > max)
		return false;
	*cursor = p;
	*value = v;
	return true;
}

static bool take_one_of(const char **cursor, const char *characters)
{
	if (**cursor == '\0' || !strchr(characters, **cursor))
		return false;
	(*cursor)++;
	return true;
}

static bool take_date(const char **p, struct tm *tm)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day;

	if (!take_number(p, 4, 1677, 2262, &year) || !take_one_of(p, "-") ||
	    !take_number(p, 2, 1, 12, &month) || !take_one_of(p, "-"))
		return false;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (!take_number(p, 2, 1, days[month - 1] + (leap && month == 2), &day))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

static bool take_clock(const char **p, struct tm *tm)
{
	return take_number(p, 2, 0, 23, &tm->tm_hour) && take_one_of(p, ":") &&
	       take_number(p, 2, 0, 59, &tm->tm_min) && take_one_of(p, ":") &&
	       take_number(p, 2, 0, 60, &tm->tm_sec); /* a leap second is the next one */
}

/* ".5", ".123456789": nanoseconds; digits behind the ninth are dropped. Absent: 0. */
static bool take_fraction(const char **p, int64_t *ns)
{
	int64_t unit = FL_NS_PER_S / 10;
	const char *begin;

	*ns = 0;
	if (!take_one_of(p, "."))
		return true;
	for (begin = *p; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ns += (**p - '0') * unit;
	return *p > begin;
}

/* "Z", or "+hh:mm" that is to be subtracted, in seconds. */
static bool take_zone(const char **p, int64_t *offset)
{
	int hours, minutes;
	bool west = **p == '-';

	*offset = 0;
	if (take_one_of(p, "Zz"))
		return true;
	if (!take_one_of(p, "+-") || !take_number(p, 2, 0, 23, &hours) || !take_one_of(p, ":") ||
	    !take_number(p, 2, 0, 59, &minutes))
		return false;
	*offset = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

bool fl_time_parse(const char *text, int64_t *time_ns)
{
	struct tm tm = { .tm_isdst = 0 };
	int64_t fraction, offset, ns;

	if (!take_date(&text, &tm) || !take_one_of(&text, "Tt ") || !take_clock(&text, &tm) ||
	    !take_fraction(&text, &fraction) || !take_zone(&text, &offset) || *text)
		return false;
	int64_t seconds = (int64_t)timegm(&tm) - offset;
	/* Towards zero first: the earliest times are below INT64_MIN only without their fraction. */
	if (seconds < 0 && fraction > 0) {
		seconds++;
		fraction -= FL_NS_PER_S;
	}
	if (__builtin_mul_overflow(seconds, FL_NS_PER_S, &ns) || __builtin_add_overflow(ns, fraction, &ns))
		return false;
	*time_ns = ns;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* Behind the number; the empty name is the bare number. */
static const struct unit durations[] = {
	{ "", 1000000000 },      { "ns", 1 },
	{ "us", 1000 },          { "\xc2\xb5s", 1000 },
	{ "ms", 1000000 },       { "s", 1000000000 },
	{ "m", 60000000000 },    { "min", 60000000000 },
	{ "h", 3600000000000 },  { "d", 86400000000000 },
};
static const struct unit sizes[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "kB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "TB", 1000000000000 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
};

static const struct unit *find_unit(const struct unit *list, size_t n, const char *name)
{
	while (*name == ' ')
		name++;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

/* "12", "1.5": whole part, and the fraction in units of 10^-9 of @factor, rounded down. */
static bool parse_quantity(const char *text, const struct unit *list, size_t n, uint64_t *value)
{
	uint64_t whole = 0, result;
	int64_t billionths;
	const char *begin = text;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
			return false;
	if (text == begin || !take_fraction(&text, &billionths))
		return false;
	const struct unit *unit = find_unit(list, n, text);
	if (!unit || __builtin_mul_overflow(whole, unit->factor, &result))
		return false;
	/* factor < 2^47 and billionths < 2^30: split, so that the product stays below 2^64 */
	uint64_t part = unit->factor / 1000000000 * (uint64_t)billionths +
			unit->factor % 1000000000 * (uint64_t)billionths / 1000000000;
	return !__builtin_add_overflow(result, part, value);
}

bool fl_duration_parse(const char *text, int64_t *duration_ns)
{
	uint64_t value;

	if (!parse_quantity(text, durations, FL_ARRAY_LEN(durations), &value) || value > INT64_MAX)
		return false;
	*duration_ns = (int64_t)value;
	return true;
}

bool fl_size_parse(const char *text, uint64_t *bytes)
{
	uint64_t value;

	if (!parse_quantity(text, sizes, FL_ARRAY_LEN(sizes), &value))
		return false;
	*bytes = value;
	return true;
}

/* @value / @unit with three significant digits and no zeros at the end; @value < 1000 * @unit, which
 * is a multiple of 1000. */
static void format_three(uint64_t value, uint64_t unit, const char *name, char *text, size_t size)
{
	int decimals = value / unit < 10 ? 2 : value / unit < 100 ? 1 : 0;
	uint64_t scale = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
	uint64_t step = unit / scale;
	uint64_t scaled = value / step + (value % step >= step / 2);

	for (; decimals > 0 && scaled % 10 == 0; decimals--, scale /= 10)
		scaled /= 10;
	if (decimals == 0)
		snprintf(text, size, "%" PRIu64 " %s", scaled / scale, name);
	else
		snprintf(text, size, "%" PRIu64 ".%0*" PRIu64 " %s", scaled / scale, decimals, scaled % scale,
			 name);
}

static void format_two(uint64_t big, const char *big_name, uint64_t small, const char *small_name,
		       char *text, size_t size)
{
	if (small)
		snprintf(text, size, "%" PRIu64 " %s %" PRIu64 " %s", big, big_name, small, small_name);
	else
		snprintf(text, size, "%" PRIu64 " %s", big, big_name);
}

static void format_long(uint64_t seconds, char *text, size_t size)
{
	uint64_t minutes = (seconds + 30) / 60, hours = (minutes + 30) / 60;

	if (seconds < 3600)
		format_two(seconds / 60, "m", seconds % 60, "s", text, size);
	else if (minutes < 24 * 60)
		format_two(minutes / 60, "h", minutes % 60, "m", text, size);
	else
		format_two(hours / 24, "d", hours % 24, "h", text, size);
}

int64_t fl_ns_of_seconds(double seconds)
{
	const double most = 9.2e18;
	double ns = seconds * 1e9;
	if (isnan(ns))
		return 0;
	return ns > most ? INT64_MAX : ns < -most ? INT64_MIN : (int64_t)ns;
}

int64_t fl_time_span(int64_t start_ns, int64_t end_ns)
{
	int64_t span;
	if (!__builtin_sub_overflow(end_ns, start_ns, &span))
		return span;
	return end_ns < start_ns ? INT64_MIN : INT64_MAX;
}

const char *fl_duration_format(int64_t duration_ns, char text[static FL_TIME_TEXT])
{
	uint64_t ns = duration_ns < 0 ? -(uint64_t)duration_ns : (uint64_t)duration_ns;
	size_t sign = duration_ns < 0, size = FL_TIME_TEXT - sign;
	char *at = text + sign;

	text[0] = '-';
	if (ns == 0)
		snprintf(at, size, "0 s");
	else if (ns < 1000)
		snprintf(at, size, "%" PRIu64 " ns", ns);
	else if (ns < 999500)
		format_three(ns, 1000, "us", at, size);
	else if (ns < 999500000)
		format_three(ns, 1000000, "ms", at, size);
	else if (ns < 59950000000)
		format_three(ns, 1000000000, "s", at, size);
	else
		format_long((ns + 500000000) / 1000000000, at, size);
	return text;
}

const char *fl_size_format(uint64_t bytes, char text[static FL_TIME_TEXT])
{
	static const struct unit units[] = {
		{ "kB", 1000 },
		{ "MB", 1000000 },
		{ "GB", 1000000000 },
		{ "TB", 1000000000000 },
		{ "PB", 1000000000000000 },
		{ "EB", 1000000000000000000 },
	};
	size_t i = 0;

	if (bytes < 1000) {
		snprintf(text, FL_TIME_TEXT, "%" PRIu64 " B", bytes);
		return text;
	}
	/* 999.5 and more reads as the next unit */
	while (i + 1 < FL_ARRAY_LEN(units) && bytes >= units[i].factor * 999 + units[i].factor / 2)
		i++;
	format_three(bytes, units[i].factor, units[i].name, text, FL_TIME_TEXT);
	return text;
}
