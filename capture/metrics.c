/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.c - a small server of Prometheus' text format
 *
 * A connection has a time limit and one request. Its answer is made when the request is whole and sent as the client
 * takes it. When all places are taken the one who has had his the longest makes room: a client that asks and reads at once is served in one step,
 * however many others trickle their requests or do not read. The format:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
 *
 * A page in a browser on this machine may ask any name for what it resolves to, also when that is the loopback address a moment later (DNS
 * rebinding), and read the answer. What it cannot choose is the name in the request: of loopback only loopback's own names are answered.
 */
#include "capture/metrics.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/json_internal.h"
#include "faultline/units.h"

enum { REQUEST_MAX = 4096, BACKLOG = 16, LABELS_MAX = 1024, KEY_MAX = 512 };
#define CLIENT_NS (5 * FL_NS_PER_S)

struct client {
	int fd;              /* -1: free place */
	int64_t until_ns;
	char request[REQUEST_MAX];
	size_t used;
	char *answer;
	size_t size, sent;
};

struct series {
	char *labels;
	uint64_t connections, exchanges, failures, refused, bytes_out, bytes_in;
};

struct metrics {
	int fd;
	bool is_public;
	metrics_write *write;
	void *context;
	struct client clients[METRICS_CLIENTS_MAX];
	struct series series[METRICS_SERIES_MAX + 1]; /* the last: other */
	size_t series_count;
	uint64_t folded, dropped;
};

/* ---- listening ---- */

static int parse_address(const char *text, struct sockaddr_in6 *a, bool *is_public, struct fl_error *err)
{
	const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
	char host[INET6_ADDRSTRLEN + 2] = "127.0.0.1", *name = host;
	long port = strspn(digits, "0123456789") == strlen(digits) ? strtol(digits, NULL, 10) : 0;
	size_t size = colon ? (size_t)(colon - text) : 0;
	struct fl_addr address;
	if (size > 0 && size < sizeof(host)) {
		memcpy(host, text, size);
		host[size] = 0;
		if (*name == '[' && name[size - 1] == ']') {
			name[size - 1] = 0;
			name++;
		}
	}
	if (size >= sizeof(host) || port < 1 || port > 65535 || !fl_addr_parse(name, &address))
		return fl_fail(err, -EINVAL, "--metrics %s: give ADDR:PORT, e.g. 9464 (on loopback), 10.0.0.1:9464 or [::1]:9464", text);
	*a = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	memcpy(&a->sin6_addr, address.bytes, 16);
	*is_public = !fl_addr_is_loopback(&address);
	return 0;
}

/* Addresses are v4-mapped inside the program; a host without IPv6 wants the plain form. */
static int listen_at(const struct sockaddr_in6 *a)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = a->sin6_port };
	bool mapped = IN6_IS_ADDR_V4MAPPED(&a->sin6_addr);
	int one = 1, fd = socket(mapped ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(&v4.sin_addr, a->sin6_addr.s6_addr + 12, 4);
	const struct sockaddr *address = mapped ? (const struct sockaddr *)&v4 : (const struct sockaddr *)a;
	socklen_t size = mapped ? sizeof(v4) : sizeof(*a);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int metrics_open(struct metrics **m, const char *address, metrics_write *write, void *context, struct fl_error *err)
{
	struct sockaddr_in6 a;
	bool is_public = false;
	int status = parse_address(address, &a, &is_public, err);
	if (status)
		return status;
	int fd = listen_at(&a);
	if (fd < 0)
		return fl_fail(err, -errno, "--metrics %s: %s; give another port, or see who has it (ss -lntp)", address,
			       strerror(errno));
	struct metrics *new = fl_alloc(sizeof(*new));
	*new = (struct metrics){ .fd = fd, .is_public = is_public, .write = write, .context = context };
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		new->clients[i].fd = -1;
	new->series[METRICS_SERIES_MAX].labels = fl_copy_string("service=\"other\",endpoint=\"other\",port=\"\",transport=\"\"");
	*m = new;
	return 0;
}

static void drop_client(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->answer);
	c->fd = -1;
	c->answer = NULL;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	close(m->fd);
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		drop_client(&m->clients[i]);
	for (size_t i = 0; i < m->series_count; i++)
		free(m->series[i].labels);
	free(m->series[METRICS_SERIES_MAX].labels);
	free(m);
}

bool metrics_is_public(const struct metrics *m)
{
	return m->is_public;
}

/* ---- values ---- */

void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP faultline_%s %s\n# TYPE faultline_%s %s\n", name, help, name, type);
}

void metrics_value(FILE *out, const char *name, const char *labels, double value)
{
	char text[FL_JSON_NUMBER_TEXT];

	fl_json_number_text(value, text);
	fprintf(out, "faultline_%s%s%s%s %s\n", name, labels ? "{" : "", labels ? labels : "", labels ? "}" : "",
		isfinite(value) ? text : "NaN");
}

/* A label's value: backslash, quote and line feed are escaped; bytes that are no printable ASCII become '?'. */
static void put_label(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=\"", key);
	for (const unsigned char *c = (const unsigned char *)(value ? value : ""); *c; c++) {
		if (*c == '"' || *c == '\\')
			putc('\\', out);
		putc(*c < 0x20 || *c >= 0x7f ? '?' : *c, out);
	}
	putc('"', out);
}

static char *labels_of(const struct fl_scan_dependency *d)
{
	char *text = NULL, port[8], address[FL_ADDR_TEXT];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		fl_out_of_memory();
	put_label(out, "service", d->service);
	putc(',', out);
	put_label(out, "endpoint", d->name ? d->name : d->address_count ? fl_addr_format(&d->addresses[0], address) : "");
	putc(',', out);
	snprintf(port, sizeof(port), "%u", d->port);
	put_label(out, "port", port);
	putc(',', out);
	put_label(out, "transport", d->transport);
	if (fclose(out) != 0)
		fl_out_of_memory();
	return text;
}

static struct series *series_of(struct metrics *m, const struct fl_scan_dependency *d)
{
	char *labels = labels_of(d);
	struct series *s = NULL;
	for (size_t i = 0; i < m->series_count && !s; i++)
		if (strcmp(m->series[i].labels, labels) == 0)
			s = &m->series[i];
	if (!s && m->series_count < METRICS_SERIES_MAX && strlen(labels) < LABELS_MAX) {
		s = &m->series[m->series_count++];
		s->labels = labels;
		return s;
	}
	free(labels);
	m->folded += !s;
	return s ? s : &m->series[METRICS_SERIES_MAX];
}

void metrics_count(struct metrics *m, const struct fl_scan_dependency *d)
{
	if (d->class == FL_CLASS_PROBE)
		return;
	struct series *s = series_of(m, d);
	s->connections += d->connections.tried + d->connections.midstream;
	s->exchanges += d->exchanges;
	s->failures += d->failures;
	s->refused += d->connections.refused + d->connections.timed_out;
	s->bytes_out += d->bytes_out;
	s->bytes_in += d->bytes_in;
}

static void write_series(const struct metrics *m, FILE *out)
{
	static const struct { const char *name, *help; size_t offset; } families[] = {
		{ "dependency_connections_total", "Connections tried, by finished windows.", offsetof(struct series, connections) },
		{ "dependency_connections_failed_total", "Connections refused or timed out.", offsetof(struct series, refused) },
		{ "dependency_exchanges_total", "Exchanges seen.", offsetof(struct series, exchanges) },
		{ "dependency_exchanges_failed_total", "Exchanges that failed.", offsetof(struct series, failures) },
		{ "dependency_sent_bytes_total", "Payload sent.", offsetof(struct series, bytes_out) },
		{ "dependency_received_bytes_total", "Payload received.", offsetof(struct series, bytes_in) },
	};
	metrics_family(out, "dependency_series_folded_total", "counter",
		       "Dependencies of finished windows that were counted under service=\"other\".");
	metrics_value(out, "dependency_series_folded_total", NULL, (double)m->folded);
	metrics_family(out, "metrics_clients_dropped_total", "counter",
		       "Clients of this page that took too long for their request or for its answer.");
	metrics_value(out, "metrics_clients_dropped_total", NULL, (double)m->dropped);
	for (size_t f = 0; f < FL_ARRAY_LEN(families); f++) {
		metrics_family(out, families[f].name, "counter", families[f].help);
		for (size_t i = 0; i <= METRICS_SERIES_MAX; i++) {
			uint64_t value;
			if (i >= m->series_count && i != METRICS_SERIES_MAX)
				continue;
			memcpy(&value, (const char *)&m->series[i] + families[f].offset, sizeof(value));
			metrics_value(out, families[f].name, m->series[i].labels, (double)value);
		}
	}
}

static double descriptors_of(long pid)
{
	char path[64];
	double count = 0;
	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	DIR *d = opendir(path);
	if (!d)
		return -1;
	while (readdir(d))
		count++;
	closedir(d);
	return count - 2 - (pid == getpid()); /* ".", "..", and its own */
}

struct process_cost process_cost(long pid)
{
	char path[64], line[512];
	unsigned long long user = 0, system = 0, pages = 0;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	FILE *f = fopen(path, "re");
	const char *after = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (after)
		(void)!sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (struct process_cost){ (double)(user + system) / (double)sysconf(_SC_CLK_TCK),
				      (double)pages * (double)sysconf(_SC_PAGESIZE), descriptors_of(pid) };
}

/* ---- clients ---- */

static void answer(struct metrics *m, struct client *c, const char *status, bool values)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);
	if (!out)
		fl_out_of_memory();
	if (values) {
		m->write(m->context, out);
		write_series(m, out);
	} else {
		fprintf(out, "%s\n", status);
	}
	if (fclose(out) != 0)
		fl_out_of_memory();
	int n = asprintf(&c->answer, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
			 values ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain", size, body);
	if (n < 0)
		fl_out_of_memory();
	c->size = (size_t)n;
	c->sent = 0;
	free(body);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* "localhost", a loopback address, with or without a port: the value of Host (RFC 9110 section 7.2). */
static bool names_loopback(const char *value, size_t size)
{
	char host[64], *name = host, *port, *end;
	struct fl_addr a;
	while (size && is_space(*value)) {
		value++;
		size--;
	}
	while (size && is_space(value[size - 1]))
		size--;
	if (size == 0 || size >= sizeof(host))
		return false;
	memcpy(host, value, size);
	host[size] = 0;
	if (*host == '[' && (end = strchr(host, ']'))) {
		port = end + 1;
		*end = 0;
		name++;
	} else {
		port = host + strcspn(host, ":");
	}
	if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return false;
	if (*port)
		*port = 0;
	return strcasecmp(name, "localhost") == 0 || (fl_addr_parse(name, &a) && fl_addr_is_loopback(&a));
}

/* Every Host of the request; a client of HTTP/1.0 sends none. */
static bool may_ask(const struct metrics *m, const struct client *c)
{
	static const char field[] = "host:";
	const char *line = c->request, *end = c->request + c->used;
	while (!m->is_public && (line = memchr(line, '\n', (size_t)(end - line)))) {
		line++;
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t size = stop ? (size_t)(stop - line) : (size_t)(end - line);
		size_t name = sizeof(field) - 1;
		if (size >= name && strncasecmp(line, field, name) == 0 && !names_loopback(line + name, size - name))
			return false;
	}
	return true;
}

static void judge(struct metrics *m, struct client *c)
{
	char *line_end = memchr(c->request, '\n', c->used);
	bool get = c->used >= 4 && memcmp(c->request, "GET ", 4) == 0;
	bool whole = memmem(c->request, c->used, "\r\n\r\n", 4) || memmem(c->request, c->used, "\n\n", 2);
	if (!whole && c->used < REQUEST_MAX)
		return;
	size_t path = line_end ? strcspn(c->request + 4, " ?\r\n") : 0;
	if (!whole)
		answer(m, c, "431 Request Header Fields Too Large", false);
	else if (!may_ask(m, c))
		answer(m, c, "403 Forbidden: this page is for this machine; ask for 127.0.0.1 or localhost", false);
	else if (!get)
		answer(m, c, "405 Method Not Allowed", false);
	else if (path != 8 || memcmp(c->request + 4, "/metrics", 8) != 0)
		answer(m, c, "404 Not Found", false);
	else
		answer(m, c, "200 OK", true);
}

static void serve(struct metrics *m, struct client *c)
{
	if (!c->answer) {
		ssize_t n = recv(c->fd, c->request + c->used, REQUEST_MAX - c->used, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			drop_client(c);
			return;
		}
		c->used += n > 0 ? (size_t)n : 0;
		judge(m, c);
	}
	while (c->answer && c->sent < c->size) {
		ssize_t n = send(c->fd, c->answer + c->sent, c->size - c->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			drop_client(c);
			return;
		}
		c->sent += (size_t)n;
	}
	if (c->answer) {
		shutdown(c->fd, SHUT_WR);
		drop_client(c);
	}
}

/* A free place, else that of the client who came first. */
static struct client *take_place(struct metrics *m)
{
	struct client *first = &m->clients[0];
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		struct client *c = &m->clients[i];
		if (c->fd < 0)
			return c;
		if (c->until_ns < first->until_ns)
			first = c;
	}
	m->dropped++;
	drop_client(first);
	return first;
}

static void accept_client(struct metrics *m, int64_t now_ns)
{
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct client *c = take_place(m);
	c->fd = fd;
	c->until_ns = now_ns + CLIENT_NS;
	c->used = c->size = c->sent = 0;
}

size_t metrics_poll(const struct metrics *m, struct pollfd *list)
{
	size_t n = 0;
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		const struct client *c = &m->clients[i];
		if (c->fd < 0)
			continue;
		list[n++] = (struct pollfd){ c->fd, c->answer ? POLLOUT : POLLIN, 0 };
	}
	list[n++] = (struct pollfd){ m->fd, POLLIN, 0 };
	return n;
}

void metrics_step(struct metrics *m, int64_t now_ns)
{
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		struct client *c = &m->clients[i];
		if (c->fd >= 0)
			serve(m, c);
		if (c->fd >= 0 && now_ns > c->until_ns) {
			m->dropped++;
			drop_client(c);
		}
	}
	/* After those that are there: they have had their turn before one of them makes room. */
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		accept_client(m, now_ns);
}
