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
 *
 * A part of the hierarchy that was given away belongs to another user: whoever has it makes the groups below, as many as he likes and under
 * any name. They are called by the way down to that part, and only some of them are kept by number. What is named
 * by nobody but a user or a container is told with a party, so that a table of services can keep room for others.
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

enum { RECENT = 256, GROUPS_MAX = 16384, GIVEN_MAX = 1024 /* below one that was given away */, DEPTH_MAX = 64, MOUNTS_MAX = 1 << 20,
       PARTIES_MAX = 16384 /* a power of two */ };
#define CONTAINER_PARTY (UINT32_C(1) << 31)
static const int64_t walk_again_ns = INT64_C(500) * 1000000, recent_ns = INT64_C(5) * 1000000000;

struct group {
	uint64_t id;
	char service[FL_SERVICE_NAME_MAX]; /* "": names none */
	uint32_t party;                    /* see owner.h; not 0: a user or a container without a name runs there what it likes */
};

/* A container or pod without a name. */
struct party {
	uint32_t hash, party;
	char id[FL_CONTAINER_ID + 1];
};

/* A process that was named lately: most connections come from few. */
struct recent {
	struct fl_process process;
	int64_t when_ns;         /* 0: none */
	uint32_t party;
	char service[FL_SERVICE_NAME_MAX];
	char command[FL_OWNER_COMMAND_MAX];
};

struct fl_namer {
	struct recent recent[RECENT]; /* by hash of the process */
	char root[PATH_MAX];
	char mount[PATH_MAX];    /* of the cgroup2 hierarchy; "" when there is none */
	struct group *groups;
	uint32_t count, room;
	uid_t system;            /* owner of the hierarchy */
	struct fl_index by_id;
	int64_t walked_ns;
	struct party *parties;   /* a ring: the next one has the place party_count % PARTIES_MAX */
	uint64_t party_count;
	uint32_t party_room;
	struct fl_index by_container;
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
	fl_index_init(&n->by_container, PARTIES_MAX);
	find_mount(n);
	struct stat st;
	n->system = *n->mount && stat(n->mount, &st) == 0 ? st.st_uid : 0;
	return n;
}

void fl_namer_free(struct fl_namer *n)
{
	if (!n)
		return;
	fl_index_fini(&n->by_id);
	fl_index_fini(&n->by_container);
	free(n->groups);
	free(n->parties);
	free(n);
}

uint32_t fl_namer_groups(const struct fl_namer *n)
{
	return n->count;
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

/* Down to the first group that is another's, which the system made, too: what is below he made. All of it where that cannot be told. */
static void cut_at_given(const struct fl_namer *n, const char *path, char made[static PATH_MAX])
{
	char full[PATH_MAX];
	struct stat st;
	size_t base = strlen(n->mount);
	snprintf(made, PATH_MAX, "%s", path);
	if (!*n->mount || snprintf(full, sizeof(full), "%s%s", n->mount, path) >= (int)sizeof(full))
		return;
	for (char *at = full + base; (at = strchr(at + (*at != 0), '/'));) {
		*at = 0;
		bool given = at > full + base && stat(full, &st) == 0 && st.st_uid != n->system;
		*at = '/';
		if (given) {
			made[at - full - (ptrdiff_t)base] = 0;
			return;
		}
	}
}

/* The same number for the same container or pod, for as long as it is among the last PARTIES_MAX. */
static uint32_t party_of_container(struct fl_namer *n, const struct fl_cgroup_name *g)
{
	const char *id = *g->container ? g->container : g->pod_uid;
	uint32_t hash = (uint32_t)(fl_hash_bytes(id, strlen(id), fl_hash_seed()) >> 16), at = fl_index_home(&n->by_container, hash), i;
	while ((i = fl_index_next(&n->by_container, hash, &at)) != UINT32_MAX)
		if (strcmp(n->parties[i].id, id) == 0)
			return n->parties[i].party;
	i = n->party_count % PARTIES_MAX;
	if (i == n->party_room) {
		n->party_room = n->party_room ? n->party_room * 2 : 16;
		n->parties = fl_grow_array(n->parties, n->party_room, sizeof(*n->parties));
	}
	struct party *p = &n->parties[i];
	if (n->party_count >= PARTIES_MAX)
		fl_index_remove(&n->by_container, p->hash, i);
	*p = (struct party){ .hash = hash, .party = CONTAINER_PARTY | (n->party_count++ & ~CONTAINER_PARTY) };
	snprintf(p->id, sizeof(p->id), "%s", id);
	fl_index_add(&n->by_container, hash, i);
	return p->party;
}

/* A container without a name is its program; the unit around it is its engine. */
static void name_group(struct fl_namer *n, const char *path, struct group *group)
{
	char made[PATH_MAX], user[sizeof("user-") + FL_USER_ID];
	struct fl_cgroup_name g;
	cut_at_given(n, path, made);
	fl_cgroup_parse(made, &g);
	if (g.by_user)
		fl_cgroup_parse(path, &g);
	bool container = *g.container || *g.pod_uid;
	*group->service = 0;
	group->party = 0;
	snprintf(user, sizeof(user), "user-%s", g.user);
	if (g.by_user && *g.unit && !container)
		fl_service_join(user, g.unit, "", group->service);
	else if (!g.by_user && !fl_container_name(n->root, &g, group->service))
		snprintf(group->service, FL_SERVICE_NAME_MAX, "%s", *g.machine ? g.machine : container ? "" : g.unit);
	if (container && !g.by_user && !*group->service)
		group->party = party_of_container(n, &g);
	else if (g.by_user || !*group->service)
		group->party = (uint32_t)strtoul(g.user, NULL, 10) & ~CONTAINER_PARTY;
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
	name_group(n, path, g);
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

/* Depth first with an open directory a level; @path is grown and cut in place. Of what is below a group that was given away at most GIVEN_MAX
 * are kept; the process tells the rest. */
static void walk(struct fl_namer *n)
{
	char path[PATH_MAX];
	DIR *stack[DEPTH_MAX];
	size_t length[DEPTH_MAX], depth = 0, base = strlen(n->mount), given = 0; /* depth at which it was; 0: not */
	struct stat st;
	if (!*n->mount)
		return;
	snprintf(path, sizeof(path), "%s", n->mount);
	length[0] = base;
	stack[0] = opendir(path);
	depth = stack[0] != NULL;
	for (unsigned seen = 0, below = 0; depth;) {
		bool full = seen == GROUPS_MAX || (given && below == GIVEN_MAX);
		const struct dirent *e = full ? NULL : readdir(stack[depth - 1]);
		if (!e) {
			closedir(stack[--depth]);
			given = depth < given ? 0 : given;
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
		below++;
		add_group(n, st.st_ino, path + base);
		if (depth == DEPTH_MAX || !(stack[depth] = opendir(path)))
			continue;
		length[depth++] = at + 1 + size;
		if (!given && st.st_uid != n->system) {
			given = depth;
			below = 0;
		}
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

/* Of the lines "ID:CONTROLLERS:PATH" that of systemd, or the others: the first that names a service, else the first that tells whose it is. */
static bool group_by_lines(struct fl_namer *n, const char *lines, bool of_systemd, struct group *found)
{
	static const char systemd[] = "name=systemd:";
	char path[PATH_MAX];
	struct group group;
	bool told = false;
	for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t size = strcspn(line, "\n");
		const char *controllers = memchr(line, ':', size);
		const char *at = controllers ? memchr(controllers + 1, ':', size - (size_t)(controllers + 1 - line)) : NULL;
		if (!at || of_systemd != (strncmp(controllers + 1, systemd, strlen(systemd)) == 0))
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)(size - (size_t)(at + 1 - line)), at + 1);
		name_group(n, path, &group);
		if (!told || *group.service)
			*found = group;
		told = told || *group.service || group.party;
		if (*group.service)
			break;
	}
	return told;
}

/* The process' own word, for hosts whose units are in another hierarchy than cgroup2. There systemd's line goes down to the unit, those of
 * controllers often end at what is above it. */
static bool group_by_process(struct fl_namer *n, uint32_t pid, struct group *found)
{
	char path[PATH_MAX + 32], text[8192];
	struct group other;
	snprintf(path, sizeof(path), "%s/proc/%u/cgroup", n->root, pid);
	if (!pid || fl_read_text(path, text, sizeof(text)) <= 0)
		return false;
	bool told = group_by_lines(n, text, true, found);
	if (told && *found->service)
		return true;
	bool more = group_by_lines(n, text, false, &other);
	if (more && (!told || *other.service))
		*found = other;
	return told || more;
}

bool fl_namer_group(struct fl_namer *n, uint64_t cgroup, struct fl_owner_record *record)
{
	const struct group *g = group_of(n, cgroup);
	if (!g || !*g->service)
		return false;
	memcpy(record->service, g->service, sizeof(record->service));
	record->party = g->party;
	return true;
}

/* ---- processes ---- */

/* Whether the host has a unit of this name: systemd.unit(5). */
static bool is_unit(const struct fl_namer *n, const char *name)
{
	static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
						   "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
	char path[PATH_MAX + 64 + FL_SERVICE_NAME_MAX];
	struct stat st;
	for (size_t i = 0; i < FL_ARRAY_LEN(directories) && !strchr(name, '/'); i++) {
		snprintf(path, sizeof(path), "%s%s/%s.service", n->root, directories[i], name);
		if (lstat(path, &st) == 0)
			return true;
	}
	return false;
}

static void name_by_program(const struct fl_namer *n, const char program[static FL_SERVICE_NAME_MAX], const struct fl_process *p,
			    const struct group *g, struct fl_owner_record *record)
{
	static const char mark[] = "-program";
	memcpy(record->service, program, FL_SERVICE_NAME_MAX);
	record->party = g && g->party ? g->party : p->uid & ~CONTAINER_PARTY;
	/* What others call their programs is not taken for a unit of the system. */
	if (g && g->party && strlen(program) + sizeof(mark) <= FL_SERVICE_NAME_MAX && is_unit(n, program))
		memcpy(record->service + strlen(program), mark, sizeof(mark));
}

static void name_anew(struct fl_namer *n, const struct fl_process *p, struct fl_owner_record *record)
{
	char program[FL_SERVICE_NAME_MAX];
	struct group by_process = { .id = 0 };
	fl_program_name(p->exe, p->args, p->args_size, p->comm, program);
	snprintf(record->command, sizeof(record->command), "%.*s", (int)sizeof(record->command) - 1, program);
	if (fl_namer_group(n, p->cgroup, record))
		return;
	/* Only where cgroup2 knows nothing of it: it has no groups there. */
	const struct group *g = find_group(n, p->cgroup);
	if (!g && group_by_process(n, p->pid, &by_process))
		g = &by_process;
	if (g && *g->service) {
		memcpy(record->service, g->service, sizeof(g->service));
		record->party = g->party;
	} else {
		name_by_program(n, program, p, g, record);
	}
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
		r->party = record->party;
		memcpy(r->service, record->service, sizeof(r->service));
		memcpy(r->command, record->command, sizeof(r->command));
		return;
	}
	record->party = r->party;
	memcpy(record->service, r->service, sizeof(r->service));
	memcpy(record->command, r->command, sizeof(r->command));
}
