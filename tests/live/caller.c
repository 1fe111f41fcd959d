/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caller.c - a program that makes a few short connections and ends; the attribution test runs copies of it under many names
 *
 *   caller V4 V6 PORT
 *
 * TCP to PORT over IPv4, IPv6 and IPv4 within an IPv6 socket, UDP to PORT from a connected and an unconnected socket of both
 * families, and attempts that are refused at PORT + 1000. Ten in all, two of them refused.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static socklen_t address(struct sockaddr_storage *a, const char *text, int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((unsigned short)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		exit(2);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((unsigned short)port);
	return sizeof(*v6);
}

static int open_socket(const struct sockaddr_storage *a, int type)
{
	struct timeval patience = { 30, 0 };
	int fd = socket(a->ss_family, type, 0);
	if (fd < 0)
		exit(2);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static void over_tcp(const char *text, int port, int refused)
{
	struct sockaddr_storage a;
	socklen_t size = address(&a, text, port);
	char c = 'x';
	int fd = open_socket(&a, SOCK_STREAM);
	int failed = connect(fd, (struct sockaddr *)&a, size) != 0;
	if (failed != refused)
		fprintf(stderr, "TCP to %s port %d: %s\n", text, port, failed ? "failed" : "was accepted");
	if (!failed && (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1))
		fprintf(stderr, "TCP to %s port %d: no answer\n", text, port);
	close(fd);
}

static void over_udp(const char *text, int port, int connected)
{
	struct sockaddr_storage a;
	socklen_t size = address(&a, text, port);
	char question[16] = "anybody there?", answer[16];
	int fd = open_socket(&a, SOCK_DGRAM);
	if (connected && connect(fd, (struct sockaddr *)&a, size) != 0)
		exit(2);
	ssize_t n = connected ? send(fd, question, sizeof(question), 0)
			      : sendto(fd, question, sizeof(question), 0, (struct sockaddr *)&a, size);
	if (n != sizeof(question) || recv(fd, answer, sizeof(answer), 0) <= 0)
		fprintf(stderr, "UDP to %s port %d: no answer\n", text, port);
	close(fd);
}

int main(int argc, char **argv)
{
	char mapped[64];
	if (argc != 4)
		return 2;
	const char *v4 = argv[1], *v6 = argv[2];
	int port = atoi(argv[3]);
	snprintf(mapped, sizeof(mapped), "::ffff:%s", v4);
	over_tcp(v4, port, 0);
	over_tcp(v6, port, 0);
	over_tcp(mapped, port, 0);
	over_tcp(v4, port, 0);
	over_tcp(v4, port + 1000, 1);
	over_tcp(v6, port + 1000, 1);
	over_udp(v4, port, 1);
	over_udp(v4, port, 0);
	over_udp(v6, port, 1);
	over_udp(v6, port, 0);
	return 0;
}
