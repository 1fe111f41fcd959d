/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * namer.h - processes to services, by what the host's files say
 *
 * For the side that may read them. Control groups are found by number or by path; container and pod names by the files of Docker,
 * Podman and the kubelet. All tables are bounded, and what was found is remembered.
 */
#ifndef FAULTLINE_NAMER_H
#define FAULTLINE_NAMER_H

#include "faultline/owner.h"

/* What is known of a process; zero and empty where nothing is. */
struct fl_process {
	uint32_t pid, uid;
	uint64_t cgroup;         /* id in the cgroup2 hierarchy */
	char comm[17];
	char exe[64];            /* last component */
	char args[192];
	size_t args_size;
};

struct fl_namer;
/* @root: put before every path; "" but in tests. */
struct fl_namer *fl_namer_new(const char *root);
void fl_namer_free(struct fl_namer *n);

/* Fills record->service, ->command and ->uid. The service stays empty when nothing is known. */
void fl_namer_name(struct fl_namer *n, const struct fl_process *p, struct fl_owner_record *record);
/* By the control group alone; false when that names no service. */
bool fl_namer_group(struct fl_namer *n, uint64_t cgroup, struct fl_owner_record *record);

/* How many control groups are known by number. */
uint32_t fl_namer_groups(const struct fl_namer *n);
/* Where the cgroup2 hierarchy is mounted, into PATH_MAX bytes; false when it is not. */
bool fl_namer_mount(const struct fl_namer *n, char *path);

/* Of a process that still is there, from /proc; false when it is gone or hidden. */
bool fl_process_read(const char *root, uint32_t pid, struct fl_process *p);
/* Name of a container by its id, or of a pod, from the files of the host; false when they do not tell. */
struct fl_cgroup_name;
bool fl_container_name(const char *root, const struct fl_cgroup_name *g, char name[static FL_SERVICE_NAME_MAX]);

/* At most @size - 1 bytes of a file, zero-terminated; the number, or -1. */
long fl_read_text(const char *path, char *text, size_t size);

#endif
