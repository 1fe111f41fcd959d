/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service_name.c - control groups, programs and pods to names
 *
 * A name is worth something when the next release of the same service has it, too. So instance names of templates, process and
 * container numbers, and the random tails that Kubernetes gives to pods are taken off, and scopes that are one person's
 * session or one transient run name nothing.
 *
 * Sources: systemd.unit(5) (names, templates, escapes), systemd.special(7); the cgroup drivers of runc ("docker-ID.scope",
 * "/docker/ID"), Podman ("libpod-ID.scope"), CRI-O ("crio-ID.scope") and containerd ("cri-containerd-ID.scope"); kubelet's
 * "kubepods-burstable-podUID.slice" and "/kubepods/burstable/podUID"; LXC's "/lxc/NAME" and "lxc.payload.NAME"; libvirt's
 * "machine-qemu\x2dNUMBER\x2dNAME.scope"; Nomad's "ALLOCATION.TASK.scope"; Kubernetes' names of pods
 * (k8s.io/apimachinery rand.SafeEncodeString: no vowels, no 0, 1, 3).
 */
#include "faultline/service_name.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { COMPONENT_MAX = 255, ARGUMENTS_MAX = 32 };

/* ---- clean names ---- */

/* FNV-1a (Fowler, Noll, Vo): no secret, the same everywhere. */
static uint32_t mark_of(const char *s, size_t n)
{
	uint32_t h = UINT32_C(2166136261);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * UINT32_C(16777619);
	return h;
}

static size_t clean_byte(unsigned char c, char out[static 5])
{
	if (c > 0x20 && c < 0x7f && c != '\\') {
		out[0] = (char)c;
		return 1;
	}
	snprintf(out, 5, "\\%03u", c);
	return 4;
}

static void clean(const char *s, size_t n, char name[static FL_SERVICE_NAME_MAX])
{
	enum { MARK = 9 }; /* "~" and eight digits */
	size_t size = 0, room = FL_SERVICE_NAME_MAX - 1, kept = 0;
	for (size_t i = 0; i < n; i++) {
		char text[5];
		size_t add = clean_byte((unsigned char)s[i], text);
		if (size + add > room) {
			snprintf(name + kept, MARK + 1, "~%08x", (unsigned)mark_of(s, n));
			return;
		}
		memcpy(name + size, text, add);
		size += add;
		if (size <= room - MARK)
			kept = size;
	}
	name[size] = 0;
}

void fl_service_join(const char *a, const char *b, const char *c, char name[static FL_SERVICE_NAME_MAX])
{
	char text[3 * FL_SERVICE_NAME_MAX + 3];
	const char *parts[] = { a, b, c };
	size_t size = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(parts); i++) {
		size_t n = strnlen(parts[i], FL_SERVICE_NAME_MAX - 1);
		if (!n)
			continue;
		if (size)
			text[size++] = '.';
		memcpy(text + size, parts[i], n);
		size += n;
	}
	clean(text, size, name);
}

/* ---- control groups ---- */

struct slice {
	const char *s;
	size_t n;
};

static bool ends_with(struct slice c, const char *ending)
{
	size_t n = strlen(ending);
	return c.n > n && memcmp(c.s + c.n - n, ending, n) == 0;
}

static bool starts_with(struct slice c, const char *start)
{
	size_t n = strlen(start);
	return c.n >= n && memcmp(c.s, start, n) == 0;
}

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/* "ID", "docker-ID.scope", "libpod-ID" ... but not "libpod-conmon-ID.scope", which is the monitor beside it. A unit that Podman shares with
 * its container ("libpod-payload-ID", as Quadlet makes them) is that container's alone, and has the better name. Whether it is a container's. */
static bool see_container(struct slice c, struct fl_cgroup_name *out)
{
	if (ends_with(c, ".scope"))
		c.n -= strlen(".scope");
	if (c.n < FL_CONTAINER_ID || !is_hex(c.s + c.n - FL_CONTAINER_ID, FL_CONTAINER_ID))
		return false;
	struct slice before = { c.s, c.n - FL_CONTAINER_ID };
	if (before.n && (c.s[before.n - 1] != '-' || ends_with(before, "conmon-")))
		return false;
	if (*out->unit && starts_with(before, "libpod-payload-"))
		return true;
	memcpy(out->container, c.s + before.n, FL_CONTAINER_ID);
	out->container[FL_CONTAINER_ID] = 0;
	return true;
}

/* FL_POD_UID bytes: 8-4-4-4-12 digits, with '-' or '_' between. */
static bool read_uid(const char *s, char uid[static FL_POD_UID + 1])
{
	for (size_t i = 0; i < FL_POD_UID; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' && s[i] != '_' : !is_hex(s + i, 1))
			return false;
		uid[i] = dash ? '-' : s[i];
	}
	uid[FL_POD_UID] = 0;
	return true;
}

/* "podUID", "kubepods-besteffort-podUID.slice" with '_' for '-'. A static pod's UID is 32 digits; it is no use without a file. */
static void see_pod(struct slice c, struct fl_cgroup_name *out)
{
	if (ends_with(c, ".slice"))
		c.n -= strlen(".slice");
	if (c.n < FL_POD_UID + 3 || memcmp(c.s + c.n - FL_POD_UID - 3, "pod", 3) != 0)
		return;
	char text[FL_POD_UID + 1];
	if (read_uid(c.s + c.n - FL_POD_UID, text))
		memcpy(out->pod_uid, text, sizeof(text));
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* systemd's \xHH; what it stands for is cleaned again. */
static size_t unescape(struct slice c, char text[static COMPONENT_MAX + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < c.n && n < COMPONENT_MAX; i++) {
		bool escape = c.s[i] == '\\' && i + 3 < c.n && c.s[i + 1] == 'x' && hex_digit(c.s[i + 2]) >= 0 &&
			      hex_digit(c.s[i + 3]) >= 0;
		if (escape) {
			text[n++] = (char)(hex_digit(c.s[i + 2]) * 16 + hex_digit(c.s[i + 3]));
			i += 3;
		} else {
			text[n++] = c.s[i];
		}
	}
	return n;
}

static bool is_transient(struct slice c)
{
	/* systemd-run: run-u12.service, run-r<32 hex>.service, run-p12-i34.service, run-1234.service (before 231); a user's manager */
	return starts_with(c, "run-u") || starts_with(c, "run-r") || starts_with(c, "run-p") || starts_with(c, "user@") ||
	       (starts_with(c, "run-") && c.n > 4 && isdigit((unsigned char)c.s[4]));
}

/* A name on the bus that was asked for: "dbus-:1.42-org.example.Service@0", where the number is of the asker. */
static size_t bus_number(struct slice c)
{
	const size_t from = strlen("dbus-");
	size_t n = from;
	if (!starts_with(c, "dbus-:"))
		return 0;
	while (n < c.n && (c.s[n] == ':' || c.s[n] == '.' || isdigit((unsigned char)c.s[n])))
		n++;
	return n + 1 < c.n && c.s[n] == '-' ? n + 1 - from : 0;
}

static void see_unit(struct slice c, struct fl_cgroup_name *out)
{
	char text[COMPONENT_MAX + 1];
	if (!ends_with(c, ".service") || is_transient(c))
		return;
	c.n -= strlen(".service");
	const char *at = memchr(c.s, '@', c.n);
	if (at && (size_t)(at - c.s) > 0)
		c.n = (size_t)(at - c.s) + 1;
	size_t number = bus_number(c), from = strlen("dbus-"), n = unescape(c, text);
	if (number) {
		memmove(text + from, text + from + number, n - from - number);
		n -= number;
	}
	clean(text, n, out->unit);
}

/* Nomad's own drivers: "/nomad.slice/share.slice/ALLOCATION.TASK.scope", "/nomad/ALLOCATION.TASK". Each start is another allocation. */
static void see_task(struct slice c, struct fl_cgroup_name *out)
{
	char uid[FL_POD_UID + 1], text[COMPONENT_MAX + 1];
	if (ends_with(c, ".scope"))
		c.n -= strlen(".scope");
	if (c.n < FL_POD_UID + 2 || c.s[FL_POD_UID] != '.' || !read_uid(c.s, uid))
		return;
	struct slice task = { c.s + FL_POD_UID + 1, c.n - FL_POD_UID - 1 };
	clean(text, unescape(task, text), out->unit);
}

/* user-UID.slice, and user@UID.service that is the user's manager. */
static bool see_user(struct slice c, const char *start, const char *ending, struct fl_cgroup_name *out)
{
	size_t around = strlen(start) + strlen(ending), n = c.n - around;
	if (c.n <= around || n > FL_USER_ID || !starts_with(c, start) || !ends_with(c, ending))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)c.s[strlen(start) + i]))
			return false;
	memcpy(out->user, c.s + strlen(start), n);
	out->user[n] = 0;
	return true;
}

/* libvirt: "qemu-3-web", "lxc-4711-web": the number is another with each start. */
static struct slice without_number(struct slice name)
{
	static const char *const drivers[] = { "qemu-", "lxc-", "xen-", "ch-", "bhyve-" };
	for (size_t i = 0; i < FL_ARRAY_LEN(drivers); i++) {
		size_t n = strlen(drivers[i]), from = n;
		while (starts_with(name, drivers[i]) && n < name.n && isdigit((unsigned char)name.s[n]))
			n++;
		if (n > from && n + 1 < name.n && name.s[n] == '-')
			return (struct slice){ name.s + n + 1, name.n - n - 1 };
	}
	return name;
}

/* lxc.payload.NAME; machine.slice/machine-NAME.scope and systemd-nspawn@NAME.service. */
static void see_machine(struct slice c, struct fl_cgroup_name *out)
{
	static const char *const starts[][2] = { { "lxc.payload.", "" }, { "machine-", ".scope" },
						 { "systemd-nspawn@", ".service" } };
	char text[COMPONENT_MAX + 1];
	for (size_t i = 0; i < FL_ARRAY_LEN(starts); i++) {
		size_t n = strlen(starts[i][0]), ending = strlen(starts[i][1]);
		if (!starts_with(c, starts[i][0]) || (ending && !ends_with(c, starts[i][1])) || c.n <= n + ending)
			continue;
		struct slice name = { c.s + n, c.n - n - ending };
		name = (struct slice){ text, unescape(name, text) };
		name = without_number(name);
		clean(name.s, name.n, out->machine);
	}
}

/* Whose groups come next on the way down. */
enum maker { SYSTEM, UNIT, NOMAD, USER, OTHERS };

static enum maker see_of_user(struct slice c, struct fl_cgroup_name *out)
{
	if (!*out->unit)
		see_unit(c, out);
	return see_container(c, out) ? OTHERS : USER;
}

static enum maker see_of_system(struct slice c, enum maker maker, struct fl_cgroup_name *out)
{
	see_machine(c, out);
	bool container = see_container(c, out);
	see_pod(c, out);
	(void)see_user(c, "user-", ".slice", out);
	if (maker == SYSTEM && see_user(c, "user@", ".service", out)) {
		out->by_user = true;
		return USER;
	}
	if (maker == SYSTEM && ends_with(c, ".service")) {
		see_unit(c, out);
		maker = UNIT;
	} else if (maker == NOMAD) {
		see_task(c, out);
	}
	return *out->machine || container || ends_with(c, ".scope") ? OTHERS : maker;
}

/* What the first part of a path says of the rest. "/lxc/NAME" is LXC's before 4.0, and that of Proxmox. */
static enum maker see_top(const char **path, struct fl_cgroup_name *out)
{
	static const char lxc[] = "/lxc/";
	const char *s = *path;
	if (strncmp(s, "/nomad/", 7) == 0 || strncmp(s, "/nomad.slice/", 13) == 0)
		return NOMAD;
	if (strncmp(s, lxc, strlen(lxc)) != 0)
		return SYSTEM;
	struct slice name = { s + strlen(lxc), strcspn(s + strlen(lxc), "/") };
	*path = name.s + name.n;
	if (name.n && name.n <= COMPONENT_MAX)
		clean(name.s, name.n, out->machine);
	return *out->machine ? OTHERS : SYSTEM;
}

void fl_cgroup_parse(const char *path, struct fl_cgroup_name *out)
{
	*out = (struct fl_cgroup_name){ 0 };
	enum maker maker = see_top(&path, out);
	while (*path && maker != OTHERS) {
		struct slice c = { path, strcspn(path, "/") };
		path += c.n + (path[c.n] == '/');
		if (!c.n || c.n > COMPONENT_MAX)
			continue;
		maker = maker == USER ? see_of_user(c, out) : see_of_system(c, maker, out);
	}
}

/* ---- programs ---- */

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

struct interpreter {
	const char *name;
	const char *with_value; /* letters of short options that take the next argument, which is then no script */
	const char *module;     /* the option whose value is what runs */
	const char *code;       /* ... is the code itself: no script */
};

static const struct interpreter interpreters[] = {
	{ "python", "WXQ", "-m", "-c" }, { "pypy", "WXQ", "-m", "-c" }, { "perl", "IMm", "", "-e" },
	{ "ruby", "rIE", "", "-e" },	 { "node", "r", "", "-e" },	{ "nodejs", "r", "", "-e" },
	{ "php", "cdz", "-f", "-r" },	 { "sh", "o", "", "-c" },	{ "bash", "oO", "", "-c" },
	{ "dash", "o", "", "-c" },	 { "java", "", "-jar", "" },	{ "dotnet", "", "", "" },
	{ "lua", "l", "", "-e" },	 { "Rscript", "", "", "-e" },	{ "tclsh", "", "", "" },
	{ "deno", "", "", "" },		 { "bun", "", "", "-e" },	{ "guile", "L", "-s", "-c" },
};

/* "python3.11" is python. */
static const struct interpreter *interpreter_of(const char *exe)
{
	size_t n = strlen(exe);
	while (n && (isdigit((unsigned char)exe[n - 1]) || exe[n - 1] == '.' || exe[n - 1] == '-'))
		n--;
	for (size_t i = 0; i < FL_ARRAY_LEN(interpreters); i++) {
		const char *name = interpreters[i].name;
		if (strlen(name) == n && memcmp(name, exe, n) == 0)
			return &interpreters[i];
	}
	return NULL;
}

/* Arguments that are complete: their zero is there. */
static size_t split(const char *args, size_t size, const char *list[static ARGUMENTS_MAX])
{
	size_t count = 0;
	for (size_t at = 0; at < size && count < ARGUMENTS_MAX;) {
		const char *end = memchr(args + at, 0, size - at);
		if (!end)
			break;
		list[count++] = args + at;
		at = (size_t)(end - args) + 1;
	}
	return count;
}

/* For java and its like, where the value of a long option is an argument of its own. */
static bool takes_next(const struct interpreter *in, const char *option)
{
	static const char *const java[] = { "-cp", "-classpath", "--class-path", "-p", "--module-path" };
	for (size_t i = 0; strcmp(in->name, "java") == 0 && i < FL_ARRAY_LEN(java); i++)
		if (strcmp(option, java[i]) == 0)
			return true;
	return option[1] && !option[2] && strchr(in->with_value, option[1]) != NULL;
}

/* Script, module or archive; NULL when it runs none (an interactive shell, -c). */
static const char *script_of(const struct interpreter *in, const char *const *list, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const char *a = list[i];
		if (*in->module && strcmp(a, in->module) == 0)
			return i + 1 < count ? list[i + 1] : NULL;
		if (*in->code && strcmp(a, in->code) == 0)
			return NULL;
		if (a[0] == '-' && a[1]) {
			i += takes_next(in, a);
			continue;
		}
		return *a && strcmp(a, "-") != 0 ? a : NULL;
	}
	return NULL;
}

void fl_program_name(const char *exe, const char *args, size_t size, const char *comm,
		     char name[static FL_SERVICE_NAME_MAX])
{
	/* A thread of the kernel has no file, and a slash in its name is no path: "kworker/0:1". */
	const char *list[ARGUMENTS_MAX], *program = *exe ? last_component(exe) : comm;
	size_t count = split(args, size, list);
	const struct interpreter *in = interpreter_of(program);
	const char *script = in ? script_of(in, list, count) : NULL;
	if (script)
		program = last_component(script);
	else if (in)
		program = in->name; /* without its version */
	/* A program that was replaced while it runs. */
	struct slice c = { program, strnlen(program, COMPONENT_MAX) };
	if (program == comm && strcspn(comm, "/") > 0)
		c.n = strcspn(comm, "/");
	if (ends_with(c, " (deleted)"))
		c.n -= strlen(" (deleted)");
	while (c.n > 1 && c.s[c.n - 1] == '/')
		c.n--;
	clean(c.s, c.n, name);
}

/* ---- pods ---- */

/* Length of the last part behind a dash when all of it is of @alphabet; 0 when not. */
static size_t tail_of(struct slice c, const char *alphabet)
{
	size_t n = 0;
	while (n < c.n && strchr(alphabet, c.s[c.n - 1 - n]))
		n++;
	return n && n + 1 < c.n && c.s[c.n - 1 - n] == '-' ? n : 0;
}

void fl_pod_owner(const char *pod, char owner[static FL_SERVICE_NAME_MAX])
{
	static const char safe[] = "bcdfghjklmnpqrstvwxz2456789", digits[] = "0123456789";
	struct slice c = { pod, strnlen(pod, COMPONENT_MAX) };
	size_t tail = tail_of(c, safe);
	if (tail == 5) {
		c.n -= tail + 1;
		/* the pod template's hash of a ReplicaSet, or the minute of a CronJob's run */
		size_t hash = tail_of(c, safe), minute = tail_of(c, digits);
		if (hash >= 8 && hash <= 10)
			c.n -= hash + 1;
		else if (minute >= 8)
			c.n -= minute + 1;
	} else {
		size_t ordinal = tail_of(c, digits);
		c.n -= ordinal ? ordinal + 1 : 0;
	}
	clean(c.s, c.n, owner);
}

static bool take(const char **from, size_t n, char *into, size_t room)
{
	if (n == 0 || n >= room)
		return false;
	memcpy(into, *from, n);
	into[n] = 0;
	*from += n;
	return true;
}

bool fl_pod_log_parse(const char *file, struct fl_pod_name *out)
{
	struct slice c = { file, strnlen(file, 4 * FL_SERVICE_NAME_MAX) };
	*out = (struct fl_pod_name){ 0 };
	if (!ends_with(c, ".log") || c.n < FL_CONTAINER_ID + 6)
		return false;
	const char *id = c.s + c.n - strlen(".log") - FL_CONTAINER_ID, *at = file;
	if (id[-1] != '-' || !is_hex(id, FL_CONTAINER_ID))
		return false;
	if (!take(&at, strcspn(at, "_"), out->pod, sizeof(out->pod)) || *at++ != '_')
		return false;
	if (!take(&at, strcspn(at, "_"), out->space, sizeof(out->space)) || *at++ != '_' || at >= id - 1)
		return false;
	if (!take(&at, (size_t)(id - 1 - at), out->container, sizeof(out->container)))
		return false;
	memcpy(out->id, id, FL_CONTAINER_ID);
	return true;
}
