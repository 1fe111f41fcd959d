/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spend.c - run a command in silence and print what it took
 *
 *   spend COMMAND [ARGUMENT]...     prints: CPU seconds, largest resident set in KiB, exit status
 *
 * A program of its own since a child's largest resident set begins with that of the process that forked it:
 * this one is small.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	int nothing = open("/dev/null", O_RDWR);
	if (argc < 2 || nothing < 0) {
		fputs("usage: spend COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	pid_t child = fork();
	if (child == 0) {
		for (int fd = 0; fd < 3; fd++)
			dup2(nothing, fd);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	struct rusage used;
	int status;
	if (child < 0 || wait4(child, &status, 0, &used) != child) {
		perror("spend");
		return 2;
	}
	printf("%.6f %ld %d\n", seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
