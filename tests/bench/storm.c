/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.c - many short TCP connections, or many requests on few, bounded in count and time
 *
 *   storm serve PORT SECONDS             accept, read a byte, answer a byte, close
 *   storm connect ADDRESS PORT COUNT SECONDS RATE
 *                                        connect, send a byte, read a byte, close; prints how many were completed
 *
 *   storm request ADDRESS PORT CONNECTIONS SECONDS RATE
 *                                        RATE HTTP requests a second on connections that are kept; prints the same. A request that is due while
 *                                        all connections wait for an answer is sent when one of them has it.
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

/* ---- requests on kept connections ---- */

enum { KEPT_MAX = 256, ANSWER_MAX = 1 << 16 };

/* All answers are as long as the first. */
struct kept {
	int fd;
	size_t missing;          /* bytes of the answer; 0: may ask */
};

static const char request[] = "GET / HTTP/1.1\r\nHost: storm\r\n\r\n";
static char answer[ANSWER_MAX];

static int open_kept(const struct sockaddr_in *to)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 ? fd : -1;
}

/* Bytes of the first answer, which comes whole in a moment; 0 when it does not. */
static size_t first_answer(int fd)
{
	struct timeval wait = { 0, 300000 };
	size_t size = 0;
	ssize_t n;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (write(fd, request, sizeof(request) - 1) < 0)
		return 0;
	while ((n = read(fd, answer, sizeof(answer))) > 0)
		size += (size_t)n;
	return n < 0 && errno == EAGAIN ? size : 0;
}

/* What has come; whether an answer is whole now. -1: the connection is gone. */
static int take(struct kept *k)
{
	ssize_t n = recv(k->fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return -1;
	size_t size = n > 0 ? (size_t)n : 0;
	int whole = size > 0 && size >= k->missing;
	k->missing -= size < k->missing ? size : k->missing;
	return whole;
}

static int run_kept(struct kept *list, size_t count, size_t size, double seconds, double rate)
{
	long tried = 0, done = 0;
	double start = now(), at;
	for (size_t next = 0; (at = now() - start) < seconds;) {
		struct kept *k = &list[next];
		int whole = k->missing ? take(k) : 0;
		if (whole < 0) {
			fputs("storm request: a connection was closed\n", stderr);
			return 2;
		}
		done += whole;
		if (!k->missing && (double)tried < at * rate && send(k->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0) {
			k->missing = size;
			tried++;
		}
		next = (next + 1) % count;
		if (next == 0 && (double)tried >= at * rate)
			usleep(50);
	}
	printf("%ld %ld %.3f\n", tried, done, now() - start);
	return 0;
}

static int ask(const struct sockaddr_in *to, size_t count, double seconds, double rate)
{
	struct kept list[KEPT_MAX];
	size_t size = 0;
	if (count < 1 || count > KEPT_MAX)
		return 2;
	for (size_t i = 0; i < count; i++) {
		list[i] = (struct kept){ open_kept(to), 0 };
		if (list[i].fd < 0) {
			perror("storm request");
			return 2;
		}
	}
	size = first_answer(list[0].fd);
	return size ? run_kept(list, count, size, seconds, rate) : 2;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], atof(argv[3]));
	if (argc != 7 || (strcmp(argv[1], "connect") != 0 && strcmp(argv[1], "request") != 0)) {
		fputs("usage: storm serve PORT SECONDS | storm connect ADDRESS PORT COUNT SECONDS RATE | "
		      "storm request ADDRESS PORT CONNECTIONS SECONDS RATE\n", stderr);
		return 2;
	}
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3])) };
	if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return 2;
	if (strcmp(argv[1], "request") == 0)
		return ask(&to, (size_t)atol(argv[4]), atof(argv[5]), atof(argv[6]));
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
