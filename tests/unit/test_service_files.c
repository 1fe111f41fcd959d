/* SPDX-License-Identifier: BSD-2-Clause */
/* test_service_files.c - names of containers and pods out of files as Docker, Podman and the kubelet leave them */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/namer.h"
#include "faultline/service_name.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define UID "3c8f1b8e-5a8b-4f0e-9a55-0a4a1b0c9d2e"
#define UID_ "3c8f1b8e_5a8b_4f0e_9a55_0a4a1b0c9d2e"
#define DOCKER "/var/lib/docker/containers/" A
#define PODMAN "/var/lib/containers/storage/overlay-containers"
#define CRI "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" A ".scope"

struct row {
	const char *name, *file, *text, *group, *expected; /* NULL: nobody can tell */
};

static const struct row rows[] = {
	{ "a Docker container by its name", DOCKER "/config.v2.json", "{\"Name\":\"/web\",\"Config\":{\"Labels\":{}}}",
	  "/system.slice/docker-" A ".scope", "web" },
	{ "Compose's project and service, not the replica", DOCKER "/config.v2.json",
	  "{\"Name\":\"/shop-web-3\",\"Config\":{\"Labels\":{\"com.docker.compose.project\":\"shop\",\"com.docker.compose.service\":\"web\"}}}",
	  "/docker/" A, "shop.web" },
	{ "Swarm's service, not the task", DOCKER "/config.v2.json",
	  "{\"Name\":\"/shop_web.2.x7k\",\"Config\":{\"Labels\":{\"com.docker.swarm.service.name\":\"shop_web\"}}}", "/docker/" A, "shop_web" },
	{ "ECS: family and container, not the revision and a number", DOCKER "/config.v2.json",
	  "{\"Name\":\"/ecs-shop-12-web-9cd0e1\",\"Config\":{\"Labels\":{\"com.amazonaws.ecs.task-definition-family\":\"shop\","
	  "\"com.amazonaws.ecs.container-name\":\"web\"}}}", "/ecs/0123/" A, "shop.web" },
	{ "Nomad: job and task", DOCKER "/config.v2.json",
	  "{\"Name\":\"/web-" UID "\",\"Config\":{\"Labels\":{\"com.hashicorp.nomad.job_name\":\"shop\","
	  "\"com.hashicorp.nomad.task_name\":\"web\"}}}", "/docker/" A, "shop.web" },
	{ "Nomad: the task, not the allocation", DOCKER "/config.v2.json", "{\"Name\":\"/web-" UID "\"}", "/docker/" A, "web" },
	{ "a name that is nothing but a number stays", DOCKER "/config.v2.json", "{\"Name\":\"/-" UID "\"}", "/docker/" A, "-" UID },
	{ "another container's file tells nothing", DOCKER "/config.v2.json", "{\"Name\":\"/web\"}", "/docker/" B, NULL },
	{ "hostile names of containers are escaped", DOCKER "/config.v2.json", "{\"Name\":\"/a\\u001b[2J\\nb\"}", "/docker/" A, "a\\027[2J\\010b" },
	{ "a file that is no JSON", DOCKER "/config.v2.json", "{\"Name\":", "/docker/" A, NULL },
	{ "a file of other types", DOCKER "/config.v2.json", "{\"Name\":{},\"Config\":[1]}", "/docker/" A, NULL },
	{ "a Podman container", PODMAN "/containers.json", "[{\"id\":\"" B "\",\"names\":[\"x\"]},{\"id\":\"" A "\",\"names\":[\"db\"]}]",
	  "/machine.slice/libpod-" A ".scope", "db" },
	{ "a Podman container without a name", PODMAN "/containers.json", "[{\"id\":\"" A "\"},7,null]",
	  "/machine.slice/libpod-" A ".scope", NULL },
	{ "a pod's container by the kubelet's links", "/var/log/containers/web-5d4f8c7b9d-x2x7k_shop_nginx-" A ".log", "", CRI, "shop.web.nginx" },
	{ "a pod by the kubelet's folders", "/var/log/pods/shop_db-0_" UID "/postgres", "", CRI, "shop.db" },
	{ "another pod's folder tells nothing", "/var/log/pods/shop_db-0_00000000-0000-0000-0000-000000000000/x", "", CRI, NULL },
	{ "a unit is no container", "/var/log/pods/x", "", "/system.slice/nginx.service", NULL },
};

/* Makes the folders above, too. */
static void put(const char *root, const char *path, const char *text)
{
	char full[1024];
	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *c = full + strlen(root) + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		mkdir(full, 0700);
		*c = '/';
	}
	(void)remove(full); /* to write a file anew waits for the disk */
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void take_away(const char *root)
{
	char command[256];
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}

static void name_container(void **state)
{
	const struct row *row = *state;
	char root[] = "/tmp/faultline-test-XXXXXX", name[FL_SERVICE_NAME_MAX] = "";
	struct fl_cgroup_name g;
	assert_non_null(mkdtemp(root));
	put(root, row->file, row->text);
	fl_cgroup_parse(row->group, &g);
	bool found = fl_container_name(root, &g, name);
	take_away(root);
	assert_int_equal(found, row->expected != NULL);
	if (found)
		assert_string_equal(name, row->expected);
}

static void groups_are_found_by_number_and_programs_serve_without(void **state)
{
	char root[] = "/tmp/faultline-test-XXXXXX", path[256];
	struct stat unit, session;
	assert_non_null(mkdtemp(root));
	put(root, "/proc/self/mountinfo", "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n");
	put(root, "/cg/system.slice/nginx.service/x", "");
	put(root, "/cg/user.slice/session-3.scope/x", "");
	snprintf(path, sizeof(path), "%s/cg/system.slice/nginx.service", root);
	assert_int_equal(stat(path, &unit), 0);
	snprintf(path, sizeof(path), "%s/cg/user.slice/session-3.scope", root);
	assert_int_equal(stat(path, &session), 0);
	struct fl_namer *n = fl_namer_new(root);
	struct fl_process p = { .pid = 1, .uid = 33, .cgroup = unit.st_ino, .comm = "worker", .exe = "nginx" };
	struct fl_owner_record r = { .uid = 0 };
	fl_namer_name(n, &p, &r);
	assert_string_equal(r.service, "nginx");
	assert_int_equal(r.uid, 33);
	p = (struct fl_process){ .cgroup = session.st_ino, .exe = "curl" };
	fl_namer_name(n, &p, &r);
	assert_string_equal(r.service, "curl");
	assert_string_equal(r.command, "curl");
	fl_namer_free(n);
	take_away(root);
	(void)state;
}

struct lines_row {
	const char *name, *lines, *expected;
	uint32_t party;
};

/* Nothing of them is in the cgroup2 hierarchy. */
static const struct lines_row lines[] = {
	{ "cgroup v1: a unit by any line", "12:pids:/system.slice/nginx.service\n1:name=systemd:/system.slice/nginx.service\n0::/\n", "nginx", 0 },
	{ "cgroup v1: systemd's line goes further down than those of controllers",
	  "12:pids:/user.slice/user-1000.slice/user@1000.service\n11:memory:/user.slice/user-1000.slice/user@1000.service\n"
	  "1:name=systemd:/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service\n", "user-1000.sync", 1000 },
	{ "cgroup v1: a controller's line where systemd's names nothing", "4:cpu,cpuacct:/docker/" B "\n1:name=systemd:/\n", "shop", 0 },
	{ "cgroup v1: LXC", "5:devices:/lxc/mail\n1:name=systemd:/lxc/mail/system.slice/postfix.service\n", "mail", 0 },
	{ "cgroup v1: whose it is where nothing is named", "3:pids:/user.slice/user-1000.slice\n1:name=systemd:/user.slice/user-1000.slice/session-3.scope\n",
	  "nginx-program", 1000 },
	{ "cgroup v1: lines that are none", "\n:::\nx\n7\n1:name=systemd", "nginx", 0 },
};

static void name_by_lines(void **state)
{
	const struct lines_row *row = *state;
	char root[] = "/tmp/faultline-test-XXXXXX";
	assert_non_null(mkdtemp(root));
	put(root, "/proc/4711/cgroup", row->lines);
	put(root, "/usr/lib/systemd/system/nginx.service", "");
	put(root, "/var/lib/docker/containers/" B "/config.v2.json", "{\"Name\":\"/shop\"}");
	struct fl_namer *n = fl_namer_new(root);
	struct fl_process p = { .pid = 4711, .exe = "nginx" };
	struct fl_owner_record r = { .uid = 0 };
	fl_namer_name(n, &p, &r);
	fl_namer_free(n);
	take_away(root);
	assert_string_equal(r.service, row->expected);
	assert_int_equal(r.party, row->party);
}

static void every_container_without_a_name_is_a_party_of_its_own(void **state)
{
	enum { MANY = 40 };
	char root[] = "/tmp/faultline-test-XXXXXX", line[128];
	uint8_t *seen = calloc(2 * MANY, 1);
	uint32_t first = 0, again = 0;
	assert_non_null(seen);
	assert_non_null(mkdtemp(root));
	struct fl_namer *n = fl_namer_new(root);
	for (unsigned i = 0; i < MANY + 1; i++) {
		struct fl_process p = { .pid = 1, .cgroup = i, .exe = "x" };
		struct fl_owner_record r = { .uid = 0 };
		snprintf(line, sizeof(line), "0::/docker/%064x\n", i < MANY ? i : MANY - 5);
		put(root, "/proc/1/cgroup", line);
		fl_namer_name(n, &p, &r);
		uint32_t number = r.party & ~(UINT32_C(1) << 31);
		assert_true(r.party >> 31 && number < 2 * MANY);
		assert_true(i == MANY || !seen[number]);
		seen[number] = 1;
		first = i == MANY - 5 ? r.party : first;
		again = r.party;
	}
	assert_int_equal(again, first);
	fl_namer_free(n);
	take_away(root);
	free(seen);
	(void)state;
}

struct group_row {
	const char *name, *group, *given, *exe, *expected; /* @given: who made it is 1000; NULL: nothing is another's */
	uint32_t party;
};

#define USERS "/user.slice/user-1000.slice/user@1000.service"
static const struct group_row groups[] = {
	{ "a unit of the system", "/system.slice/nginx.service", NULL, "nginx", "nginx", 0 },
	{ "a user's unit of the same name has the user in its name", USERS "/app.slice/nginx.service", USERS, "nginx", "user-1000.nginx", 1000 },
	{ "a user's container is its program", USERS "/app.slice/docker.service/docker-" A ".scope", USERS, "redis-server", "redis-server", 1000 },
	{ "a user's container cannot take the name of one of the host's", USERS "/docker-" B ".scope", USERS, "curl", "curl", 1000 },
	{ "a user's program is not taken for a unit", "/user.slice/user-1000.slice/session-3.scope", NULL, "nginx", "nginx-program", 1000 },
	{ "a user's other programs keep their names", "/user.slice/user-1000.slice/session-3.scope", NULL, "curl", "curl", 1000 },
	{ "root's session is the system's", "/user.slice/user-0.slice/session-3.scope", NULL, "nginx", "nginx", 0 },
	{ "a container without a name is its program, not a unit", "/docker/" A, NULL, "nginx", "nginx-program", 1U << 31 },
	{ "a container with a name", "/docker/" B, NULL, "nginx", "shop", 0 },
	{ "what another makes below a unit that was given to him is that unit", "/system.slice/runner.service/docker-" B ".scope",
	  "/system.slice/runner.service", "x", "runner", 0 },
	{ "what another makes in a folder that was given to him is nothing", "/theirs/system.slice/nginx.service", "/theirs", "x", "x", 0 },
};

static void name_in_group(void **state)
{
	const struct group_row *row = *state;
	char root[] = "/tmp/faultline-test-XXXXXX", path[512];
	struct stat st;
	if (row->given && geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(root));
	put(root, "/proc/self/mountinfo", "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n");
	put(root, "/usr/lib/systemd/system/nginx.service", "");
	put(root, "/var/lib/docker/containers/" B "/config.v2.json", "{\"Name\":\"/shop\"}");
	snprintf(path, sizeof(path), "/cg%s/x", row->group);
	put(root, path, "");
	snprintf(path, sizeof(path), "%s/cg%s", root, row->given ? row->given : "");
	assert_true(!row->given || chown(path, 1000, 1000) == 0);
	snprintf(path, sizeof(path), "%s/cg%s", root, row->group);
	assert_int_equal(stat(path, &st), 0);
	struct fl_namer *n = fl_namer_new(root);
	struct fl_process p = { .pid = 1, .cgroup = st.st_ino, .comm = "x" };
	struct fl_owner_record r = { .uid = 0 };
	snprintf(p.exe, sizeof(p.exe), "%s", row->exe);
	fl_namer_name(n, &p, &r);
	fl_namer_free(n);
	take_away(root);
	assert_string_equal(r.service, row->expected);
	assert_int_equal(row->party >> 31 ? r.party & row->party : r.party, row->party);
}

static void groups_without_end_below_one_that_was_given_away_leave_room_for_others(void **state)
{
	enum { THEIRS = 3000, OURS = 50 };
	char root[] = "/tmp/faultline-test-XXXXXX", path[256];
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(root));
	put(root, "/proc/self/mountinfo", "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n");
	put(root, "/cg/theirs/x", "");
	snprintf(path, sizeof(path), "%s/cg/theirs", root);
	assert_int_equal(chown(path, 1000, 1000), 0);
	for (int i = 0; i < THEIRS; i++) {
		snprintf(path, sizeof(path), "%s/cg/theirs/%d.service", root, i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	ino_t ours[OURS];
	for (int i = 0; i < OURS; i++) {
		struct stat st;
		snprintf(path, sizeof(path), "%s/cg/ours-%d.service", root, i);
		assert_int_equal(mkdir(path, 0700) | stat(path, &st), 0);
		ours[i] = st.st_ino;
	}
	struct fl_namer *n = fl_namer_new(root);
	for (int i = 0; i < OURS; i++) {
		struct fl_owner_record r = { .uid = 0 };
		assert_true(fl_namer_group(n, ours[i], &r));
	}
	assert_in_range(fl_namer_groups(n), OURS + 1, OURS + 1 + 1024);
	fl_namer_free(n);
	take_away(root);
	(void)state;
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + FL_ARRAY_LEN(groups) + FL_ARRAY_LEN(lines) + 3];
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(groups); n++)
		tests[n] = (struct CMUnitTest){ groups[n].name, name_in_group, NULL, NULL, (void *)(uintptr_t)&groups[n] };
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].name, name_container, NULL, NULL, (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(lines); i++)
		tests[n++] = (struct CMUnitTest){ lines[i].name, name_by_lines, NULL, NULL, (void *)(uintptr_t)&lines[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_container_without_a_name_is_a_party_of_its_own);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(groups_without_end_below_one_that_was_given_away_leave_room_for_others);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(groups_are_found_by_number_and_programs_serve_without);
	return _cmocka_run_group_tests("service_files", tests, n, NULL, NULL);
}
