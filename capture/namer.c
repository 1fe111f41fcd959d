/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * namer.c - processes to services
 *
 * First the control group: a container's or pod's name by the host's files, a machine, a unit. Where it names
 * none (sessions, the root, containers whose engine keeps its names elsewhere), the program does.
 *
 * Control groups are known by number (the inode of their directory in the cgroup2 hierarchy, which is what the kernel tells). The
 * number is found by walking the hierarchy once; an unknown one makes it walk again, but not more often than twice a
 * second, since short-lived groups come and go. So the group of a process that has ended is known, if it was there at
 * the last walk.
 */
#include "capture/namer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "faultline/index.h"
#include "faultline/service_name.h"

enum { RECENT = 256, GROUPS_MAX = 16384, DEPTH_MAX = 64, MOUNTS_MAX = 1 << 20 };
static const int64_t walk_again_ns = INT64_C(500) * 1000000, recent_ns = INT64_C(5) * 1000000000;

struct group {
	uint64_t id;
	char service[FL_SERVICE_NAME_MAX]; /* "": names none */
};

/* A process that was named lately: most connections come from few. */
struct recent {
	struct fl_process process;
	int64_t when_ns;         /* 0: none */
	char service[FL_SERVICE_NAME_MAX];
	char command[FL_OWNER_COMMAND_MAX];
};

struct fl_namer {
	struct recent recent[RECENT]; /* by hash of the process */
	char root[PATH_MAX];
	char mount[PATH_MAX];    /* of the cgroup2 hierarchy; "" when there is none */
	struct group *groups;
	uint32_t count, room;
	struct fl_index by_id;
	int64_t walked_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Field 5 of a line whose file system type, behind " - ", is cgroup2: proc_pid_mountinfo(5). */
static void find_mount(struct fl_namer *n)
{
	char path[PATH_MAX + 32], *text = fl_alloc(MOUNTS_MAX), *rest = NULL;
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", n->root);
	fl_read_text(path, text, MOUNTS_MAX);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *type = strstr(line, " - cgroup2 ");
		char point[PATH_MAX];
		if (type && sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 &&
		    snprintf(n->mount, sizeof(n->mount), "%s%s", n->root, point) >= (int)sizeof(n->mount))
			*n->mount = 0;
	}
	free(text);
}

struct fl_namer *fl_namer_new(const char *root)
{
	struct fl_namer *n = fl_alloc(sizeof(*n));
	snprintf(n->root, sizeof(n->root), "%s", root);
	fl_index_init(&n->by_id, GROUPS_MAX);
	find_mount(n);
	return n;
}

void fl_namer_free(struct fl_namer *n)
{
	if (!n)
		return;
	fl_index_fini(&n->by_id);
	free(n->groups);
	free(n);
}

bool fl_namer_mount(const struct fl_namer *n, char *path)
{
	snprintf(path, PATH_MAX, "%s", n->mount);
	return *path != 0;
}

/* ---- control groups ---- */

static uint32_t hash_id(uint64_t id)
{
	return (uint32_t)(fl_hash_bytes(&id, sizeof(id), fl_hash_seed()) >> 16);
}

static struct group *find_group(const struct fl_namer *n, uint64_t id)
{
	uint32_t hash = hash_id(id), at = fl_index_home(&n->by_id, hash), i;
	while ((i = fl_index_next(&n->by_id, hash, &at)) != UINT32_MAX)
		if (n->groups[i].id == id)
			return &n->groups[i];
	return NULL;
}

static void name_group(const struct fl_namer *n, const char *path, char service[static FL_SERVICE_NAME_MAX])
{
	struct fl_cgroup_name g;
	fl_cgroup_parse(path, &g);
	if (fl_container_name(n->root, &g, service))
		return;
	/* A container without a name is its program; the unit around it is its engine. */
	const char *name = *g.machine ? g.machine : *g.container || *g.pod_uid ? "" : g.unit;
	snprintf(service, FL_SERVICE_NAME_MAX, "%s", name);
}

static void forget_groups(struct fl_namer *n)
{
	fl_index_fini(&n->by_id);
	fl_index_init(&n->by_id, GROUPS_MAX);
	n->count = 0;
}

static void add_group(struct fl_namer *n, uint64_t id, const char *path)
{
	if (find_group(n, id))
		return;
	if (n->count == GROUPS_MAX)
		forget_groups(n);
	if (n->count == n->room) {
		n->room = n->room ? n->room * 2 : 64;
		n->groups = fl_grow_array(n->groups, n->room, sizeof(*n->groups));
	}
	struct group *g = &n->groups[n->count];
	g->id = id;
	name_group(n, path, g->service);
	fl_index_add(&n->by_id, hash_id(id), n->count++);
}

static bool is_directory(const char *path, const struct dirent *e)
{
	struct stat st;
	if (e->d_name[0] == '.')
		return false;
	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Depth first with an open directory a level; @path is grown and cut in place. */
static void walk(struct fl_namer *n)
{
	char path[PATH_MAX];
	DIR *stack[DEPTH_MAX];
	size_t length[DEPTH_MAX], depth = 0, base = strlen(n->mount);
	struct stat st;
	if (!*n->mount)
		return;
	snprintf(path, sizeof(path), "%s", n->mount);
	length[0] = base;
	stack[0] = opendir(path);
	depth = stack[0] != NULL;
	for (unsigned seen = 0; depth;) {
		const struct dirent *e = seen < GROUPS_MAX ? readdir(stack[depth - 1]) : NULL;
		if (!e) {
			closedir(stack[--depth]);
			continue;
		}
		size_t at = length[depth - 1], size = strlen(e->d_name);
		if (at + size + 2 > sizeof(path))
			continue;
		path[at] = '/';
		memcpy(path + at + 1, e->d_name, size + 1);
		if (!is_directory(path, e) || stat(path, &st) != 0)
			continue;
		seen++;
		add_group(n, st.st_ino, path + base);
		if (depth == DEPTH_MAX || !(stack[depth] = opendir(path)))
			continue;
		length[depth++] = at + 1 + size;
	}
}

static const struct group *group_of(struct fl_namer *n, uint64_t id)
{
	const struct group *g = find_group(n, id);
	if (g || !id || (n->walked_ns && now_ns() - n->walked_ns < walk_again_ns))
		return g;
	walk(n);
	n->walked_ns = now_ns();
	return find_group(n, id);
}

/* The process' own word, for hosts whose units are in another hierarchy than cgroup2: "ID:CONTROLLERS:PATH" a line. */
static bool group_by_process(struct fl_namer *n, uint32_t pid, char service[static FL_SERVICE_NAME_MAX])
{
	char path[PATH_MAX + 32], text[8192], *rest = NULL;
	snprintf(path, sizeof(path), "%s/proc/%u/cgroup", n->root, pid);
	if (!pid || fl_read_text(path, text, sizeof(text)) <= 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *colon = strchr(line, ':');
		const char *group = colon ? strchr(colon + 1, ':') : NULL;
		if (!group)
			continue;
		name_group(n, group + 1, service);
		if (*service)
			return true;
	}
	return false;
}

bool fl_namer_group(struct fl_namer *n, uint64_t cgroup, struct fl_owner_record *record)
{
	const struct group *g = group_of(n, cgroup);
	if (!g || !*g->service)
		return false;
	snprintf(record->service, sizeof(record->service), "%s", g->service);
	return true;
}

/* ---- processes ---- */

static void name_anew(struct fl_namer *n, const struct fl_process *p, struct fl_owner_record *record)
{
	char program[FL_SERVICE_NAME_MAX], group[FL_SERVICE_NAME_MAX] = "";
	fl_program_name(p->exe, p->args, p->args_size, p->comm, program);
	snprintf(record->command, sizeof(record->command), "%.*s", (int)sizeof(record->command) - 1, program);
	if (fl_namer_group(n, p->cgroup, record))
		return;
	/* Only where cgroup2 knows nothing of it: it has no groups there. */
	if (!find_group(n, p->cgroup) && group_by_process(n, p->pid, group))
		memcpy(record->service, group, sizeof(group));
	else
		memcpy(record->service, program, sizeof(program));
}

static uint32_t hash_process(const struct fl_process *p)
{
	uint64_t h = fl_hash_bytes(p->args, p->args_size, fl_hash_seed() ^ p->cgroup ^ (uint64_t)p->pid << 32);
	return (uint32_t)(fl_hash_bytes(p->exe, sizeof(p->exe), h) >> 16);
}

static bool same_process(const struct fl_process *a, const struct fl_process *b)
{
	return a->pid == b->pid && a->cgroup == b->cgroup && a->args_size == b->args_size &&
	       memcmp(a->exe, b->exe, sizeof(a->exe)) == 0 && memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 &&
	       memcmp(a->args, b->args, a->args_size) == 0;
}

void fl_namer_name(struct fl_namer *n, const struct fl_process *p, struct fl_owner_record *record)
{
	struct recent *r = &n->recent[hash_process(p) % RECENT];
	int64_t now = now_ns();
	record->uid = p->uid;
	if (!r->when_ns || now - r->when_ns > recent_ns || !same_process(&r->process, p)) {
		record->service[0] = 0;
		name_anew(n, p, record);
		r->process = *p;
		r->when_ns = now;
		memcpy(r->service, record->service, sizeof(r->service));
		memcpy(r->command, record->command, sizeof(r->command));
		return;
	}
	memcpy(record->service, r->service, sizeof(r->service));
	memcpy(record->command, r->command, sizeof(r->command));
}
