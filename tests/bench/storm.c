/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.c - many short TCP connections, bounded in count and time
 *
 *   storm serve PORT SECONDS             accept, read a byte, answer a byte, close
 *   storm connect ADDRESS PORT COUNT SECONDS RATE
 *                                        connect, send a byte, read a byte, close; prints how many were completed
 *
 * The client ends with a reset (SO_LINGER 0), or its ports would be used up by TIME_WAIT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int serve(const char *port, double seconds)
{
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct timeval wait = { 0, 200000 };
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 4096)) {
		perror("storm serve");
		return 2;
	}
	for (double end = now() + seconds; now() < end;) {
		int c = accept(listener, NULL, NULL);
		char byte;
		if (c < 0)
			continue;
		setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (read(c, &byte, 1) == 1 && write(c, &byte, 1) == 1)
			(void)!read(c, &byte, 1); /* the client's end */
		close(c);
	}
	close(listener);
	return 0;
}

static int one_connection(const struct sockaddr_in *to)
{
	struct linger reset = { 1, 0 };
	struct timeval wait = { 2, 0 };
	int c = socket(AF_INET, SOCK_STREAM, 0), ok = 0;
	char byte = 'x';
	setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (c >= 0 && connect(c, (const struct sockaddr *)to, sizeof(*to)) == 0)
		ok = write(c, &byte, 1) == 1 && read(c, &byte, 1) == 1;
	close(c);
	return ok;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], atof(argv[3]));
	if (argc != 7 || strcmp(argv[1], "connect") != 0) {
		fputs("usage: storm serve PORT SECONDS | storm connect ADDRESS PORT COUNT SECONDS RATE\n", stderr);
		return 2;
	}
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3])) };
	if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return 2;
	long count = atol(argv[4]), done = 0, tried = 0;
	double start = now(), end = start + atof(argv[5]), rate = atof(argv[6]);
	while (tried < count && now() < end) {
		if (rate > 0 && (double)tried > (now() - start) * rate) {
			usleep(50);
			continue;
		}
		done += one_connection(&to);
		tried++;
	}
	printf("%ld %ld %.3f\n", tried, done, now() - start);
	return 0;
}
