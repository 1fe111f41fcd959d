/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.c - one process, by /proc
 *
 * The files of another user's process need CAP_SYS_PTRACE (exe) or nothing (comm, cmdline, cgroup); what cannot be read stays
 * empty. A process may end between two reads: what is read is whatever was there.
 */
#include "capture/namer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

long fl_read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t got = 0;
	ssize_t n = -1;
	if (fd < 0)
		return -1;
	while (got + 1 < size && (n = read(fd, text + got, size - 1 - got)) > 0)
		got += (size_t)n;
	close(fd);
	text[got] = 0;
	return n < 0 && got == 0 ? -1 : (long)got;
}

static void read_exe(const char *root, uint32_t pid, struct fl_process *p)
{
	char path[PATH_MAX], target[PATH_MAX];
	snprintf(path, sizeof(path), "%s/proc/%u/exe", root, pid);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = 0;
	const char *slash = strrchr(target, '/');
	snprintf(p->exe, sizeof(p->exe), "%.*s", (int)sizeof(p->exe) - 1, slash ? slash + 1 : target);
}

bool fl_process_read(const char *root, uint32_t pid, struct fl_process *p)
{
	char path[PATH_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "%s/proc/%u", root, pid);
	if (stat(path, &st) != 0)
		return false;
	p->pid = pid;
	p->uid = st.st_uid;
	snprintf(path, sizeof(path), "%s/proc/%u/comm", root, pid);
	if (fl_read_text(path, p->comm, sizeof(p->comm)) > 0)
		p->comm[strcspn(p->comm, "\n")] = 0;
	snprintf(path, sizeof(path), "%s/proc/%u/cmdline", root, pid);
	long n = fl_read_text(path, p->args, sizeof(p->args));
	p->args_size = n > 0 ? (size_t)n : 0;
	read_exe(root, pid, p);
	return true;
}
