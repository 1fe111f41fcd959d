/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch_config.c - options out of a file: lines "name = value", '#' begins a comment
 *
 * A line is an option of the command line written differently, so both have one table, one parser and one set of checks:
 * each is tried by itself first, so that an error names its line, then all are read together with the arguments.
 * Options that may be given several times add up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/watch.h"
#include "faultline/merge.h"
#include "faultline/units.h"

enum { LINES_MAX = 1000, COMMENTS_MAX = 20000, LINE_MAX_BYTES = 4096, VALUE_TEXT = 512 };

static void set_defaults(struct watch_options *o)
{
	*o = (struct watch_options){
		.scan = { .memory = 64 << 20, .snaplen = 65535, .nice = 10 },
		.every_ns = 300 * FL_NS_PER_S, .keep_ns = INT64_C(90) * 86400 * FL_NS_PER_S, .keep_size = UINT64_C(1) << 30,
	};
}

static void free_options(struct watch_options *o)
{
	fl_strings_fini(&o->scan.interfaces);
	fl_strings_fini(&o->scan.files);
	fl_strings_fini(&o->scan.internal);
	fl_strings_fini(&o->scan.hosts);
	fl_strings_fini(&o->scan.host_addresses);
}

static int parse(struct watch_options *o, int argc, char **argv, struct fl_error *err)
{
	struct fl_strings rest = { 0 };
	set_defaults(o);
	int status = fl_options_parse(&watch_usage, argc, argv, o, &rest, err);
	if (status == FL_OPTIONS_OK && rest.count)
		status = fl_fail(err, -EINVAL, "'%s' is no option; interfaces are given with -i", rest.list[0]);
	fl_strings_fini(&rest);
	return status;
}

void watch_config_free(struct watch_config *c)
{
	if (!c)
		return;
	free_options(&c->options);
	free_options(&c->of_file);
	for (size_t i = 0; i < c->text_count; i++)
		free(c->texts[i]);
	free(c->texts);
	free(c);
}

static char *trim(char *text)
{
	text += strspn(text, " \t\r\n");
	size_t size = strlen(text);
	while (size && strchr(" \t\r\n", text[size - 1]))
		text[--size] = 0;
	return text;
}

static const struct fl_option *find_option(const char *name)
{
	for (const struct fl_option *o = watch_usage.options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* "name = value" to "--name=value"; NULL for a flag that is set to no. */
static int line_argument(char *line, char **argument, uint64_t *stated, struct fl_error *err)
{
	char *equals = strchr(line, '='), *value = equals ? trim(equals + 1) : NULL;
	*argument = NULL;
	if (equals)
		*equals = 0;
	char *name = trim(line);
	if (strcmp(name, "config") == 0 || strcmp(name, "help") == 0 || !*name || strpbrk(name, " \t"))
		return fl_fail(err, -EINVAL, "'%s' does not belong here; lines are NAME = VALUE", name);
	const struct fl_option *option = find_option(name);
	bool flag = option && option->kind == FL_OPTION_FLAG;
	if (option)
		*stated |= UINT64_C(1) << (option - watch_usage.options);
	if (flag && value && strcmp(value, "no") == 0)
		return 0;
	if (flag && value && strcmp(value, "yes") != 0)
		return fl_fail(err, -EINVAL, "%s is yes or no", name);
	if (!flag && !value)
		return fl_fail(err, -EINVAL, "'%s' wants a value: %s = VALUE", name, name);
	if (asprintf(argument, flag ? "--%s" : "--%s=%s", name, value) < 0)
		fl_out_of_memory();
	return 0;
}

static int read_line(struct watch_config *c, const char *path, size_t number, char *line, struct fl_error *err)
{
	struct fl_error why;
	struct watch_options tried;
	char *argument, *text = trim(line);
	if (*text == '#' || !*text)
		return 0;
	int status = line_argument(text, &argument, &c->stated, &why);
	if (status == 0 && argument) {
		status = parse(&tried, 1, &argument, &why);
		free_options(&tried);
		c->texts[c->text_count++] = argument;
	}
	return status == 0 ? 0 : fl_fail(err, -EINVAL, "%s:%zu: %s", path, number, why.text);
}

/* A watch that runs must not wait for who writes into a pipe. */
static int open_file(FILE **f, const char *path, struct fl_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 || !(*f = fdopen(fd, "r"))) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return fl_fail(err, -error, "cannot read the configuration %s: %s; see its name and permissions", path, strerror(error));
	}
	if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	fclose(*f);
	return fl_fail(err, -EINVAL, "cannot read the configuration %s: it is no regular file; SIGHUP reads it again", path);
}

static int read_file(struct watch_config *c, const char *path, struct fl_error *err)
{
	char line[LINE_MAX_BYTES];
	FILE *f;
	int status = open_file(&f, path, err);
	if (status)
		return status;
	for (size_t n = 1; status == 0 && fgets(line, sizeof(line), f); n++) {
		if (c->text_count == LINES_MAX || n - c->text_count > COMMENTS_MAX || (!strchr(line, '\n') && !feof(f)))
			status = fl_fail(err, -EINVAL, "%s:%zu: more than %d options or %d other lines, or one longer than %d bytes", path, n,
					 LINES_MAX, COMMENTS_MAX, LINE_MAX_BYTES);
		else
			status = read_line(c, path, n, line, err);
	}
	if (status == 0 && ferror(f))
		status = fl_fail(err, -EIO, "cannot read the configuration %s: %s", path, strerror(errno));
	fclose(f);
	return status;
}

static int check(const struct watch_options *o, struct fl_error *err)
{
	if (!o->scan.store)
		return fl_fail(err, -EINVAL, "no store; say where windows go with --store DB");
	if (o->scan.interfaces.count > FL_MERGE_MAX)
		return fl_fail(err, -EINVAL, "more than %d interfaces; use -i any", FL_MERGE_MAX);
	if (o->scan.hosts.count > 1)
		return fl_fail(err, -EINVAL, "a watch is one host; give --host once");
	if (o->scan.hosts.count && !o->scan.hosts.list[0][0])
		return fl_fail(err, -EINVAL, "--host must name the host; leave it out for this machine's name");
	if (o->scan.attribution && scan_attribution_way(o->scan.attribution) < 0)
		return fl_fail(err, -EINVAL, "--attribution: '%s' is none of auto, bpf, polled, none", o->scan.attribution);
	return scan_check_memory(&o->scan, err);
}

int watch_config_read(struct watch_config **config, int argc, char **argv, struct fl_error *err)
{
	struct watch_config *c = fl_alloc(sizeof(*c));
	struct watch_options first;
	int status = parse(&first, argc, argv, err);
	c->texts = fl_alloc_array(LINES_MAX, sizeof(*c->texts));
	if (status == 0 && first.config)
		status = read_file(c, first.config, err);
	free_options(&first);
	size_t count = c->text_count + (size_t)argc;
	char **all = fl_alloc_array(count + 1, sizeof(*all));
	memcpy(all, c->texts, c->text_count * sizeof(*all));
	memcpy(all + c->text_count, argv, (size_t)argc * sizeof(*all));
	if (status == 0)
		status = parse(&c->of_file, (int)c->text_count, all, err);
	if (status == 0)
		status = parse(&c->options, (int)count, all, err);
	if (status == 0)
		status = check(&c->options, err);
	free(all);
	if (status == 0)
		*config = c;
	else
		watch_config_free(c);
	return status;
}

/* ---- differences ---- */

static void format_strings(const struct fl_strings *s, char *text)
{
	size_t used = 0;
	text[0] = 0;
	for (size_t i = 0; i < s->count && used < VALUE_TEXT; i++) {
		int n = snprintf(text + used, VALUE_TEXT - used, "%s%s", i ? "," : "", s->list[i]);
		used += n > 0 ? (size_t)n : 0;
	}
}

static const char *format_value(const struct watch_options *options, const struct fl_option *o, char text[static VALUE_TEXT])
{
	const char *at = (const char *)options + o->offset, *string;
	int64_t number;
	switch (o->kind) {
	case FL_OPTION_FLAG:
		return *at ? "yes" : "no";
	case FL_OPTION_STRING:
		memcpy(&string, at, sizeof(string));
		return string ? string : "";
	case FL_OPTION_STRINGS:
		format_strings((const struct fl_strings *)(const void *)at, text);
		return text;
	case FL_OPTION_DURATION:
	case FL_OPTION_AGE:
		memcpy(&number, at, sizeof(number));
		snprintf(text, VALUE_TEXT, "%.9gs", (double)number / 1e9);
		return text;
	default:
		memcpy(&number, at, sizeof(number));
		snprintf(text, VALUE_TEXT, "%lld", (long long)number);
		return text;
	}
}

/* Texts are cut, lists are compared to their end. */
static bool same_strings(const struct fl_option *o, const struct watch_options *a, const struct watch_options *b)
{
	if (o->kind != FL_OPTION_STRINGS)
		return true;
	const struct fl_strings *x = (const void *)((const char *)a + o->offset), *y = (const void *)((const char *)b + o->offset);
	bool same = x->count == y->count;
	for (size_t i = 0; same && i < x->count; i++)
		same = strcmp(x->list[i], y->list[i]) == 0;
	return same;
}

size_t watch_config_overridden(const struct watch_config *c,
			       void (*tell)(void *context, const char *name, const char *of_file, const char *used), void *context)
{
	size_t count = 0;
	for (const struct fl_option *o = watch_usage.options; o->name; o++) {
		char a[VALUE_TEXT], b[VALUE_TEXT];
		if (o->kind == FL_OPTION_STRINGS || !(c->stated >> (o - watch_usage.options) & 1))
			continue;
		const char *of_file = format_value(&c->of_file, o, a), *used = format_value(&c->options, o, b);
		if (strcmp(of_file, used) == 0)
			continue;
		tell(context, o->name, of_file, used);
		count++;
	}
	return count;
}

size_t watch_config_differences(const struct watch_config *old, const struct watch_config *new,
				void (*differs)(void *context, const char *name, const char *old, const char *new), void *context)
{
	size_t count = 0;
	for (const struct fl_option *o = watch_usage.options; o->name; o++) {
		char a[VALUE_TEXT], b[VALUE_TEXT];
		const char *before = format_value(&old->options, o, a), *after = format_value(&new->options, o, b);
		if (strcmp(before, after) == 0 && same_strings(o, &old->options, &new->options))
			continue;
		differs(context, o->name, before, after);
		count++;
	}
	return count;
}
