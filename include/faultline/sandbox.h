/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.h - a process gives up everything but its open files
 *
 * For the process that parses packets: whoever takes it over by a packet finds no file to open, no socket to make, no program
 * to run, no other process to look into. Several fences behind each other, as each kernel lacks one or the other: no
 * privileges (capabilities, user), no_new_privs, limits, Landlock without any path, a seccomp allow-list.
 */
#ifndef FAULTLINE_SANDBOX_H
#define FAULTLINE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faultline/status.h"

enum { FL_SANDBOX_FILES_MAX = 72 };

struct fl_sandbox_options {
	int files[FL_SANDBOX_FILES_MAX]; /* kept open; all others are closed */
	size_t file_count;
	int writable[4];                 /* the only ones that may be written to */
	size_t writable_count;
	uint64_t memory;                 /* bytes that may be allocated besides what there is; 0: any */
};

/* Which fences stand. */
struct fl_sandbox_state {
	bool privileges, limits, seccomp;
	int landlock;                    /* ABI, 0 = none */
};

/* No way back; the process ends with its parent. What this kernel or build does not have is left out and told in @state; -EPERM when privileges could not be given up. */
int fl_sandbox_enter(const struct fl_sandbox_options *o, struct fl_sandbox_state *state, struct fl_error *err);

/* For the process that opens and writes: of the capabilities that it was started with (by root: all), those that it has a use for
 * stay; it can gain no others (no_new_privs). The manual lists them. O(1). Return: 0, -errno. */
int fl_sandbox_keep_few(struct fl_error *err);

/* What an intruder would try: open a file, make a socket, run a program, look into another process, ... @tries: tried; @text: names of
 * those that worked, with blanks between. Return: how many worked. For tests, inside the sandbox. */
size_t fl_sandbox_try(char *text, size_t size, size_t *tries);

#endif
