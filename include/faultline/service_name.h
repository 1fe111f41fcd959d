/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * service_name.h - names for services that survive restarts and releases, from text
 *
 * Pure functions over what the kernel and the files of a host say: paths of control groups, names of programs and pods. All of it is
 * chosen by whoever runs the processes, so every name that comes out is printable ASCII without blanks (other bytes as \DDD)
 * and bounded; longer ones are cut and end in a mark of what was cut, so that two long names stay two.
 */
#ifndef FAULTLINE_SERVICE_NAME_H
#define FAULTLINE_SERVICE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "faultline/owner.h"

enum { FL_CONTAINER_ID = 64, FL_POD_UID = 36, FL_USER_ID = 10 };

/* What the path of a control group says. Empty strings where it does not. Who is given a part of the hierarchy (a user's manager, a
 * container) makes groups below it and calls them as he likes, perhaps like a unit of the system. So the first unit, container or machine on
 * the way down counts and what is below it does not: but for containers below a unit, which may be their engine, and what a user's
 * manager made, which is said to be his. */
struct fl_cgroup_name {
	char user[FL_USER_ID + 1];      /* whose slice it is, in digits */
	bool by_user;                   /* unit and container are the words of this user */
	char unit[FL_SERVICE_NAME_MAX]; /* systemd service without its ending; a template ends in '@' */
	char container[FL_CONTAINER_ID + 1]; /* 64 hexadecimal digits */
	char pod_uid[FL_POD_UID + 1];
	char machine[FL_SERVICE_NAME_MAX]; /* LXC or nspawn container, which has its name there */
};

/* "/system.slice/nginx.service", "/kubepods.slice/kubepods-pod<uid>.slice/cri-containerd-<id>.scope" ... Any text will do. */
void fl_cgroup_parse(const char *path, struct fl_cgroup_name *out);

/**
 * fl_program_name() - What a program is called, for want of anything better
 * @exe:  last component of the executable's path; may be ""
 * @args: beginning of its arguments, @size bytes, zeros between; a cut one at the end is not used
 * @comm: what the process calls itself; used when the rest says nothing
 *
 * Of an interpreter (python3.11, node, sh, java -jar ...) the script, module or archive it runs, without its directory.
 */
void fl_program_name(const char *exe, const char *args, size_t size, const char *comm,
		     char name[static FL_SERVICE_NAME_MAX]);

/* Owner of a Kubernetes pod: "web-5d4f8c7b9d-x2x7k" (Deployment) and "web-x2x7k" (DaemonSet, Job) are web, "db-0" (StatefulSet) is
 * db; what ends in nothing of that kind stays. */
void fl_pod_owner(const char *pod, char owner[static FL_SERVICE_NAME_MAX]);

/* Two or three parts of a name joined by dots; empty ones are left out. The result is clean. */
void fl_service_join(const char *a, const char *b, const char *c, char name[static FL_SERVICE_NAME_MAX]);

/* "<pod>_<namespace>_<container>-<id>.log" as in /var/log/containers; false when it is no such name. */
struct fl_pod_name {
	char pod[FL_SERVICE_NAME_MAX], space[FL_SERVICE_NAME_MAX], container[FL_SERVICE_NAME_MAX];
	char id[FL_CONTAINER_ID + 1];
};
bool fl_pod_log_parse(const char *file, struct fl_pod_name *out);

#endif
