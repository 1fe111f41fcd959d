/* SPDX-License-Identifier: BSD-2-Clause */
/* test_service_name.c - names of services from paths of control groups, programs and pods as hosts have them */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/service_name.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "3c8f1b8e-5a8b-4f0e-9a55-0a4a1b0c9d2e"
#define UID_ "3c8f1b8e_5a8b_4f0e_9a55_0a4a1b0c9d2e"

struct path_row {
	const char *name, *path, *unit, *container, *pod, *machine, *user;
	bool by_user;
};

static const struct path_row paths[] = {
	{ "the root says nothing", "/", "", "", "", "", NULL, false },
	{ "an empty path says nothing", "", "", "", "", "", NULL, false },
	{ "a system unit", "/system.slice/nginx.service", "nginx", "", "", "", NULL, false },
	{ "a template's instance is the template", "/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@", "", "", "", NULL, false },
	{ "escapes in a unit's name are undone", "/system.slice/my\\x2dapp.service", "my-app", "", "", "", NULL, false },
	{ "a control group below the unit", "/system.slice/containerd.service/init", "containerd", "", "", "", NULL, false },
	{ "a user's unit, not the user's manager", "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service", "syncthing", "", "", "", "1000", true },
	{ "a user's manager alone names nothing", "/user.slice/user-1000.slice/user@1000.service/init.scope", "", "", "", "", "1000", true },
	{ "a session names nothing but its user", "/user.slice/user-1000.slice/session-3.scope", "", "", "", "", "1000", false },
	{ "a transient run names nothing", "/system.slice/run-u12.service", "", "", "", "", NULL, false },
	{ "Docker, systemd driver", "/system.slice/docker-" ID ".scope", "", ID, "", "", NULL, false },
	{ "Docker, cgroupfs driver", "/docker/" ID, "", ID, "", "", NULL, false },
	{ "Docker rootless", "/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service/docker-" ID ".scope", "docker", ID, "", "", "1000", true },
	{ "Podman", "/machine.slice/libpod-" ID ".scope/container", "", ID, "", "", NULL, false },
	{ "Podman's monitor is no container", "/machine.slice/libpod-conmon-" ID ".scope", "", "", "", "", NULL, false },
	{ "Podman by a unit of its own is that unit", "/system.slice/web.service/libpod-payload-" ID "/x.service", "web", "", "", "", NULL, false },
	{ "a user's, too", "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-" ID, "web", "", "", "", "1000", true },
	{ "Podman rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container", "", ID, "", "", "1000", true },
	{ "Podman's payload without a unit", "/machine.slice/libpod-payload-" ID, "", ID, "", "", NULL, false },
	{ "CRI-O in Kubernetes", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" ID ".scope", "", ID, UID, "", NULL, false },
	{ "containerd in Kubernetes", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" ID ".scope", "", ID, UID, "", NULL, false },
	{ "guaranteed pods have no class", "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", "", ID, UID, "", NULL, false },
	{ "what is nearly a pod's id is none", "/kubepods.slice/kubepods-pod3c8f1b8e_5a8b_4f0e_9a55_0a4a1b0c9d.e.slice/cri-containerd-" ID ".scope", "", ID, "", "", NULL, false },
	{ "Kubernetes with cgroupfs", "/kubepods/burstable/pod" UID "/" ID, "", ID, UID, "", NULL, false },
	{ "Kubernetes within kind is the container that it is for the host", "/system.slice/docker-" ID ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" OTHER ".scope", "", ID, "", "", NULL, false },
	{ "LXC, and not what it calls its units", "/lxc.payload.mail/system.slice/postfix.service", "", "", "", "mail", NULL, false },
	{ "LXC before 4.0, Proxmox", "/lxc/101/ns/system.slice/postfix.service", "", "", "", "101", NULL, false },
	{ "LXC by a unit", "/system.slice/lxc@mail.service/lxc.payload.mail/init.scope", "lxc@", "", "", "mail", NULL, false },
	{ "LXC's monitor is no machine", "/lxc.monitor.mail", "", "", "", "", NULL, false },
	{ "LXC without a name", "/lxc//x", "", "", "", "", NULL, false },
	{ "a virtual machine goes without its number", "/machine.slice/machine-qemu\\x2d3\\x2dweb\\x2d1.scope/libvirt/emulator", "", "", "", "web-1", NULL, false },
	{ "a machine that is called like a number", "/machine.slice/machine-qemu\\x2d3.scope", "", "", "", "qemu-3", NULL, false },
	{ "Docker in Docker is the outer one", "/system.slice/docker-" ID ".scope/docker/" OTHER "/system.slice/nginx.service", "", ID, "", "", NULL, false },
	{ "k3s within its unit", "/system.slice/k3s.service/kubepods/burstable/pod" UID "/" ID, "k3s", ID, UID, "", NULL, false },
	{ "containerd by nerdctl", "/system.slice/nerdctl-" ID ".scope", "", ID, "", "", NULL, false },
	{ "containerd with cgroupfs", "/default/" ID, "", ID, "", "", NULL, false },
	{ "CRI-O's monitor is no container", "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", "", "", UID, "", NULL, false },
	{ "a task of ECS", "/ecs/0123456789abcdef0123456789abcdef/" ID, "", ID, "", "", NULL, false },
	{ "a task of ECS, systemd driver", "/ecstasks.slice/ecstasks-0123456789abcdef0123456789abcdef.slice/docker-" ID ".scope", "", ID, "", "", NULL, false },
	{ "a task of Nomad", "/nomad.slice/share.slice/" UID ".web.scope", "web", "", "", "", NULL, false },
	{ "a task of Nomad, before cgroup2", "/nomad/" UID ".web.x", "web.x", "", "", "", NULL, false },
	{ "elsewhere a name of that form is none", "/system.slice/" UID ".web.scope", "", "", "", "", NULL, false },
	{ "a service of a snap", "/system.slice/snap.lxd.daemon.service", "snap.lxd.daemon", "", "", "", NULL, false },
	{ "an application of a snap is its program", "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-" UID ".scope", "", "", "", "", "1000", true },
	{ "a flatpak is its program", "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.gimp.GIMP-4711.scope", "", "", "", "", "1000", true },
	{ "an application of the desktop goes without its instance", "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Maps@autostart.service", "app-org.gnome.Maps@", "", "", "", "1000", true },
	{ "a name on the bus goes without who asked for it", "/user.slice/user-1000.slice/user@1000.service/app.slice/dbus-:1.42-org.gnome.Maps@0.service", "dbus-org.gnome.Maps@", "", "", "", "1000", true },
	{ "a number and nothing behind it", "/system.slice/dbus-:1.42-.service", "dbus-:1.42-", "", "", "", NULL, false },
	{ "a transient run of older kinds names nothing", "/system.slice/run-4711.service", "", "", "", "", NULL, false },
	{ "a transient scope names nothing", "/system.slice/run-r0123456789abcdef.scope/nginx.service", "", "", "", "", NULL, false },
	{ "a unit that begins like one is one", "/system.slice/runner.service", "runner", "", "", "", NULL, false },
	{ "nspawn", "/machine.slice/systemd-nspawn@build.service/payload", "systemd-nspawn@", "", "", "build", NULL, false },
	{ "a unit that a user made is his, also when he calls its slice like that of the system", "/user.slice/user-1000.slice/user@1000.service/system.slice/nginx.service", "nginx", "", "", "", "1000", true },
	{ "a group below a user's unit is that unit", "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service/nginx.service", "syncthing", "", "", "", "1000", true },
	{ "a user's group that is called like a pod is none", "/user.slice/user-1000.slice/user@1000.service/kubepods/pod" UID "/x", "", "", "", "", "1000", true },
	{ "a user's group that is called like a machine is none", "/user.slice/user-1000.slice/user@1000.service/machine.slice/machine-mail.scope", "", "", "", "", "1000", true },
	{ "a user's manager below that of another is a group like any", "/user.slice/user-1000.slice/user@1000.service/user@0.service/nginx.service", "nginx", "", "", "", "1000", true },
	{ "a unit of the system in a user's slice", "/user.slice/user-1000.slice/backup.service", "backup", "", "", "", "1000", false },
	{ "a unit that a container made is that container", "/system.slice/docker-" ID ".scope/system.slice/nginx.service", "", ID, "", "", NULL, false },
	{ "a container that a container made is the outer one", "/docker/" ID "/docker/" OTHER "", "", ID, "", "", NULL, false },
	{ "a unit below a unit is the outer one", "/system.slice/runner.service/system.slice/nginx.service", "runner", "", "", "", NULL, false },
	{ "a unit below a transient run is none", "/system.slice/run-u12.service/nginx.service", "", "", "", "", NULL, false },
	{ "a unit below a session is none", "/user.slice/user-1000.slice/session-3.scope/nginx.service", "", "", "", "", "1000", false },
	{ "a pod below a container is none", "/machine.slice/libpod-" ID ".scope/kubepods/pod" UID "", "", ID, "", "", NULL, false },
	{ "a unit that a machine made is that machine", "/machine.slice/machine-mail.scope/payload/system.slice/nginx.service", "", "", "", "mail", NULL, false },
	{ "a manager without a number is a unit like any", "/user.slice/user@nginx.service/nginx.service", "", "", "", "", NULL, false },
	{ "a number that is too long is none", "/user.slice/user-12345678901.slice/session-3.scope", "", "", "", "", NULL, false },
	{ "too few digits are no container", "/docker/0123456789abcdef", "", "", "", "", NULL, false },
	{ "capital digits are no container", "/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "", "", "", "", NULL, false },
	{ "hostile bytes are escaped", "/system.slice/\x1b[2J\n\xff.service", "\\027[2J\\010\\255", "", "", "", NULL, false },
	{ "escapes of hostile bytes are, too", "/system.slice/a\\x1bb\\x5cx.service", "a\\027b\\092x", "", "", "", NULL, false },
	{ "a name of nothing but the ending", "/system.slice/.service", "", "", "", "", NULL, false },
	{ "slashes only", "////", "", "", "", "", NULL, false },
};

static void parse_path(void **state)
{
	const struct path_row *row = *state;
	struct fl_cgroup_name out;
	fl_cgroup_parse(row->path, &out);
	assert_string_equal(out.unit, row->unit);
	assert_string_equal(out.container, row->container);
	assert_string_equal(out.pod_uid, row->pod);
	assert_string_equal(out.machine, row->machine);
	assert_string_equal(out.user, row->user ? row->user : "");
	assert_int_equal(out.by_user, row->by_user);
}

struct program_row {
	const char *name, *exe, *args;
	size_t size;
	const char *comm, *expected;
};

#define ARGS(text) text, sizeof(text)
static const struct program_row programs[] = {
	{ "an executable is called by its name", "redis-server", ARGS("/usr/bin/redis-server\0*:6379"), "redis", "redis-server" },
	{ "a script is called by its own name", "python3.11", ARGS("python3\0/srv/shop/worker.py\0--queue\0a"), "python3", "worker.py" },
	{ "options before the script are passed over", "python3.11", ARGS("python3\0-u\0-W\0ignore\0/srv/app.py"), "python3", "app.py" },
	{ "a module", "python3.11", ARGS("python3\0-m\0gunicorn\0app:app"), "python3", "gunicorn" },
	{ "code on the command line is no script", "python3.11", ARGS("python3\0-c\0import socket"), "python3", "python" },
	{ "an archive of Java", "java", ARGS("java\0-Xmx1g\0-cp\0/x:/y\0-jar\0/opt/billing.jar\0--port\0" "1"), "java", "billing.jar" },
	{ "a class of Java", "java", ARGS("java\0-cp\0/x:/y\0org.example.Main"), "java", "org.example.Main" },
	{ "node", "node", ARGS("node\0-r\0dotenv/config\0/srv/api/server.js"), "node", "server.js" },
	{ "a shell script", "bash", ARGS("/bin/bash\0-e\0/usr/local/bin/backup"), "backup", "backup" },
	{ "a shell script without options", "bash", ARGS("/bin/bash\0/usr/local/bin/backup"), "backup", "backup" },
	{ "an interactive shell", "bash", ARGS("-bash"), "bash", "bash" },
	{ "a script that was cut is not used", "python3", "python3\0/srv/very-lo", 19, "python3", "python" },
	{ "no executable: what it calls itself", "", "", 0, "nfsd", "nfsd" },
	{ "a thread of the kernel goes without its processor and number", "", "", 0, "kworker/0:1", "kworker" },
	{ "nothing at all is nothing", "", "", 0, "", "" },
	{ "a program replaced while it runs", "nginx (deleted)", "", 0, "nginx", "nginx" },
	{ "hostile names are escaped", "a\nb\x1b]0;x\x07", "", 0, "", "a\\010b\\027]0;x\\007" },
	{ "blanks are escaped", "two words", "", 0, "", "two\\032words" },
};

static void name_program(void **state)
{
	const struct program_row *row = *state;
	char name[FL_SERVICE_NAME_MAX];
	fl_program_name(row->exe, row->args, row->size, row->comm, name);
	assert_string_equal(name, row->expected);
}

struct pod_row {
	const char *name, *pod, *owner;
};

static const struct pod_row pods[] = {
	{ "a Deployment's pod", "web-5d4f8c7b9d-x2x7k", "web" },
	{ "a Deployment with dashes", "my-web-app-7c9f6b58d4-zz9qv", "my-web-app" },
	{ "a DaemonSet's pod", "node-exporter-x2x7k", "node-exporter" },
	{ "a StatefulSet's pod", "db-0", "db" },
	{ "a StatefulSet's eleventh pod", "kafka-broker-10", "kafka-broker" },
	{ "a CronJob's pod", "backup-28391040-x2x7k", "backup" },
	{ "a pod by hand keeps its name", "debug", "debug" },
	{ "a name that ends in a word of vowels keeps it", "web-cache", "web-cache" },
	{ "nothing but a tail", "x2x7k", "x2x7k" },
	{ "empty", "", "" },
};

static void own_pod(void **state)
{
	const struct pod_row *row = *state;
	char owner[FL_SERVICE_NAME_MAX];
	fl_pod_owner(row->pod, owner);
	assert_string_equal(owner, row->owner);
}

static void names_of_logs_tell_pod_namespace_and_container(void **state)
{
	struct fl_pod_name n;
	assert_true(fl_pod_log_parse("web-5d4f8c7b9d-x2x7k_shop_nginx-" ID ".log", &n));
	assert_string_equal(n.pod, "web-5d4f8c7b9d-x2x7k");
	assert_string_equal(n.space, "shop");
	assert_string_equal(n.container, "nginx");
	assert_string_equal(n.id, ID);
	assert_false(fl_pod_log_parse("", &n));
	assert_false(fl_pod_log_parse("web_shop-" ID ".log", &n));
	assert_false(fl_pod_log_parse("__-" ID ".log", &n));
	assert_false(fl_pod_log_parse("web_shop_nginx-" ID, &n));
	(void)state;
}

static void long_names_are_cut_and_stay_different(void **state)
{
	char long_a[1000], long_b[1000], a[FL_SERVICE_NAME_MAX], b[FL_SERVICE_NAME_MAX];
	memset(long_a, 'x', sizeof(long_a));
	memset(long_b, 'x', sizeof(long_b));
	long_a[250] = long_b[250] = 0;
	long_a[200] = 'a';
	long_b[200] = 'b';
	fl_program_name(long_a, "", 0, "", a);
	fl_program_name(long_b, "", 0, "", b);
	assert_int_equal(strlen(a), FL_SERVICE_NAME_MAX - 1);
	assert_string_not_equal(a, b);
	(void)state;
}

int main(void)
{
	enum { N = FL_ARRAY_LEN(paths) + FL_ARRAY_LEN(programs) + FL_ARRAY_LEN(pods) + 2 };
	struct CMUnitTest tests[N];
	size_t n = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(paths); i++)
		tests[n++] = (struct CMUnitTest){ paths[i].name, parse_path, NULL, NULL, (void *)(uintptr_t)&paths[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(programs); i++)
		tests[n++] = (struct CMUnitTest){ programs[i].name, name_program, NULL, NULL, (void *)(uintptr_t)&programs[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(pods); i++)
		tests[n++] = (struct CMUnitTest){ pods[i].name, own_pod, NULL, NULL, (void *)(uintptr_t)&pods[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(names_of_logs_tell_pod_namespace_and_container);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(long_names_are_cut_and_stay_different);
	return _cmocka_run_group_tests("service_name", tests, n, NULL, NULL);
}
