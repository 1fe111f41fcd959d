/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_watch.c - faultline watch: windows without end into a store
 */
#include <stddef.h>

#include "capture/watch.h"
#include "faultline/command.h"
#include "faultline/units.h"

#define SCAN(member) (offsetof(struct watch_options, scan) + offsetof(struct scan_options, member))

static const struct fl_option options[] = {
	{ "interface", 'i', FL_OPTION_STRINGS, SCAN(interfaces), 0, 0, "IFACE",
	  "watch this interface, or 'any'; may be given several times (default: any)" },
	{ "every", 0, FL_OPTION_DURATION, offsetof(struct watch_options, every_ns), FL_NS_PER_S,
	  INT64_C(86400) * FL_NS_PER_S, "TIME", "length of a window (default: 5m)" },
	{ "store", 0, FL_OPTION_STRING, SCAN(store), 0, 0, "DB", "add every window to this store, which is made when it is not there" },
	{ "keep", 0, FL_OPTION_AGE, offsetof(struct watch_options, keep_ns), FL_NS_PER_S, INT64_C(3153600000) * FL_NS_PER_S, "AGE",
	  "forget windows that are older (default: 90d)" },
	{ "keep-size", 0, FL_OPTION_SIZE, offsetof(struct watch_options, keep_size), 1 << 20, INT64_MAX, "SIZE",
	  "forget the oldest windows when the store is larger (default: 1GiB)" },
	{ "metrics", 0, FL_OPTION_STRING, offsetof(struct watch_options, metrics), 0, 0, "[ADDR:]PORT",
	  "answer GET /metrics there in Prometheus' text format; a PORT alone: on loopback" },
	{ "config", 0, FL_OPTION_STRING, offsetof(struct watch_options, config), 0, 0, "FILE",
	  "options as lines NAME = VALUE; read again on SIGHUP" },
	{ "filter", 0, FL_OPTION_STRING, SCAN(filter), 0, 0, "BPF",
	  "look only at packets that this pcap-filter(7) expression selects" },
	{ "internal", 0, FL_OPTION_STRINGS, SCAN(internal), 0, 0, "NET|DOMAIN",
	  "count this network or domain as internal, besides the private ranges; may be given several times" },
	{ "host", 0, FL_OPTION_STRINGS, SCAN(hosts), 0, 0, "NAME", "name of this host (default: this machine's)" },
	{ "host-addr", 0, FL_OPTION_STRINGS, SCAN(host_addresses), 0, 0, "ADDR[,ADDR]",
	  "addresses of this host, instead of those of its interfaces" },
	{ "memory", 0, FL_OPTION_SIZE, SCAN(memory), 16 << 20, INT64_C(64) << 30, "SIZE",
	  "memory of the parsing process, its kernel buffer included; what the tables in it cannot hold is counted (default: 64MiB)" },
	{ "buffer", 0, FL_OPTION_SIZE, SCAN(buffer), 64 << 10, 1 << 30, "SIZE",
	  "kernel buffer of each interface (default: a quarter of --memory for all together, below 32MiB an eighth, at most 16MiB)" },
	{ "snaplen", 0, FL_OPTION_INTEGER, SCAN(snaplen), 64, 262144, "BYTES",
	  "bytes of each packet that are looked at (default: 65535)" },
	{ "nice", 0, FL_OPTION_INTEGER, SCAN(nice), 0, 19, "N",
	  "niceness of the process that reads packets: on a busy host it waits, and what it misses is counted (default: 10)" },
	{ "light", 0, FL_OPTION_FLAG, SCAN(light), 0, 0, NULL,
	  "let the kernel pass only what names and connection states need; exchanges are not counted then" },
	{ "attribution", 0, FL_OPTION_STRING, SCAN(attribution), 0, 0, "WAY",
	  "how to tell which service opens a connection: auto, bpf, polled (the table of sockets, again and again) or none (default: auto)" },
	{ 0 },
};

const struct fl_usage watch_usage = {
	.command = "watch",
	.synopsis = "[-i IFACE]... --every 5m --store DB [--metrics [ADDR:]PORT] [--config FILE]",
	.about = "Watch interfaces until told to end, one scan a window into a store",
	.options = options,
	.notes = "SIGTERM and SIGINT end it, the window that is cut short is stored. SIGHUP reads the configuration again; one\n"
		 "with a mistake is refused and the old one stays. Standard error gets one line an event (logfmt).\n",
};

static int run(int argc, char **argv)
{
	struct watch_config *config = NULL;
	struct fl_error err;
	int status = watch_config_read(&config, argc, argv, &err);
	if (status == FL_OPTIONS_HELP)
		return FL_EXIT_OK;
	if (status == 0)
		status = watch_run(config, argc, argv, &err);
	return status < 0 ? fl_command_fail("watch", &err) : FL_EXIT_OK;
}

const struct fl_command fl_command_watch = { "watch", run, &watch_usage };
