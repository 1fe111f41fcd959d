/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch_metrics.c - the values of a watch: what it costs, what it lost, how far it is
 */
#include "capture/watch_internal.h"

#include <unistd.h>

#include "config.h"

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
	metrics_family(out, name, type, help);
	metrics_value(out, name, NULL, value);
}

static void write_cost(const struct watch *w, FILE *out)
{
	static const char *const labels[] = { "process=\"keeper\"", "process=\"parser\"" };
	const struct process_cost cost[] = { process_cost(getpid()), process_cost(w->running ? w->keeper.pid : 0) };
	size_t n = w->running ? 2 : 1;
	metrics_family(out, "process_cpu_seconds_total", "counter", "Processor time used.");
	for (size_t i = 0; i < n; i++)
		metrics_value(out, "process_cpu_seconds_total", labels[i], cost[i].cpu_s);
	metrics_family(out, "process_resident_memory_bytes", "gauge", "Memory in use.");
	for (size_t i = 0; i < n; i++)
		metrics_value(out, "process_resident_memory_bytes", labels[i], cost[i].resident_bytes);
	metrics_family(out, "process_open_fds", "gauge", "Open descriptors.");
	for (size_t i = 0; i < n; i++)
		if (cost[i].descriptors >= 0)
			metrics_value(out, "process_open_fds", labels[i], cost[i].descriptors);
}

static void write_windows(const struct watch *w, FILE *out)
{
	const struct watch_counters *c = &w->counters;
	one(out, "windows_stored_total", "counter", "Windows in the store by this process.", (double)c->stored);
	one(out, "windows_lost_total", "counter", "Windows that could not be stored and were given up.", (double)c->lost);
	one(out, "windows_invalid_total", "counter", "Windows that the parser sent and that were no scan.", (double)c->invalid);
	one(out, "windows_pending", "gauge", "Windows that wait for the store.", (double)w->pending_count);
	one(out, "window_start_timestamp_seconds", "gauge", "Begin of the window that is filled.", (double)w->start_ns / 1e9);
	one(out, "last_window_end_timestamp_seconds", "gauge", "End of the last window.", (double)w->watched_until_ns / 1e9);
	one(out, "store_bytes", "gauge", "Size of the store.", w->store ? (double)fl_store_bytes(w->store) : 0);
}

static void write_troubles(const struct watch *w, FILE *out)
{
	const struct watch_counters *c = &w->counters;
	one(out, "parser_crashes_total", "counter", "Times the parsing process ended by itself.", (double)c->crashes);
	one(out, "parser_hung_total", "counter", "Times the parsing process said nothing and was ended.", (double)c->hung);
	one(out, "interfaces_gone_total", "counter", "Interfaces that disappeared.", (double)c->gone);
	one(out, "clock_jumps_total", "counter", "Jumps of the clock, and suspensions.", (double)c->jumps);
	one(out, "config_reloads_total", "counter", "Configurations taken over on SIGHUP.", (double)c->reloads);
	one(out, "log_lines_lost_total", "counter", "Lines of the log that nobody took.", (double)w->log.lost);
	one(out, "config_refused_total", "counter", "Configurations refused on SIGHUP.", (double)c->refused);
}

static void write_owners(const struct watch *w, FILE *out)
{
	const struct fl_attribution_state *a = w->run.owners ? fl_attributor_state(w->run.owners) : NULL;
	char label[64];
	snprintf(label, sizeof(label), "way=\"%.16s\"", a ? a->way : "none");
	metrics_family(out, "attribution_info", "gauge", "How owners of connections are told.");
	metrics_value(out, "attribution_info", label, 1);
	one(out, "attribution_lost_total", "counter", "Events of sockets that found no room, and looks that came late.",
	    a ? (double)a->lost : 0);
	one(out, "owner_records_lost_total", "counter", "Owners of sockets that the parser did not take in time.",
	    (double)w->keeper.owners_lost);
}

static void write_packets(const struct watch *w, FILE *out)
{
	const struct parser_progress *p = &w->keeper.progress, *past = &w->counters.past;
	one(out, "up", "gauge", "1 while packets are watched.", w->running);
	one(out, "packets_total", "counter", "Packets looked at.", (double)(past->packets + p->packets));
	one(out, "bytes_total", "counter", "Bytes of them on the wire.", (double)(past->bytes + p->bytes));
	one(out, "dropped_packets_total", "counter", "Packets that the kernel dropped before they were looked at.",
	    (double)(past->dropped + p->dropped));
	one(out, "flows", "gauge", "Flows open.", (double)p->flows);
	one(out, "window_conversations", "gauge", "Conversations of the window that is filled.", (double)p->conversations);
	one(out, "window_dependencies", "gauge", "Dependencies of the window, as of its last write-up.", (double)p->dependencies);
}

void watch_write_metrics(void *context, FILE *out)
{
	const struct watch *w = context;
	metrics_family(out, "build_info", "gauge", "Version of the program.");
	metrics_value(out, "build_info", "version=\"" FL_VERSION "\"", 1);
	write_cost(w, out);
	write_packets(w, out);
	write_owners(w, out);
	write_windows(w, out);
	write_troubles(w, out);
}
