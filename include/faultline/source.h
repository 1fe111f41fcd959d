/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - where packets come from: files and interfaces
 *
 * Files: pcap (either byte order, micro- and nanoseconds, "modified", versions before 2.4) and pcapng
 * (several sections and interfaces, each with its link type, snap length and resolution of time),
 * plain or compressed with gzip or zstd (told by content, not by name; zstd where it was built in),
 * "-" for standard input. Name resolution blocks of pcapng name nothing: what whoever captured looked up, at a time nobody knows, is
 * not what a client was told; decryption secrets, custom and unknown blocks are passed over, too. A file that ends inside a packet gives all packets before the cut and sets
 * @cut_short in the counters. Fragments are put together (fragment.h).
 *
 * Live sources never block: after a 0 of fl_source_next() wait for fl_source_fd() by poll(2); packets are
 * handed over when a block of them is full, or after 100 ms.
 */
#ifndef FAULTLINE_SOURCE_H
#define FAULTLINE_SOURCE_H

#include "faultline/decode.h"
#include "faultline/fragment.h"
#include "faultline/status.h"

struct fl_source;

struct fl_source_counters {
	uint64_t packets, bytes;      /* delivered; bytes on the wire */
	uint64_t dropped_kernel;      /* pcap_stats ps_drop; pcapng: isb_osdrop */
	uint64_t dropped_interface;   /* pcap_stats ps_ifdrop; pcapng: isb_ifdrop */
	uint64_t parse[FL_PARSE_COUNT]; /* frames by fl_decode()'s result; MORE: fragments that are held, or were
					 * part of a datagram but not its last piece */
	uint64_t further[FL_PARSE_COUNT]; /* packets behind the first of one frame, by fl_decode_subframe()'s result; those beyond
					 * FL_SUBFRAMES_MAX are one UNSUPPORTED */
	uint64_t tunnels[FL_TUNNEL_COUNT]; /* packets by the innermost tunnel */
	uint64_t too_deep;            /* frames with more headers than are followed; UNSUPPORTED */
	struct fl_fragment_counters fragments;
	uint64_t filtered;            /* files: packets the filter left out */
	bool cut_short;               /* the file ends inside a packet */
	bool lost_interface;          /* a live interface disappeared */
};

struct fl_live_options {
	const char *interface;        /* "any" is one */
	const char *filter;           /* BPF, or NULL */
	uint32_t snaplen;             /* bytes */
	uint32_t buffer_bytes;        /* kernel ring */
	uint32_t fragments_bytes;     /* for fragments of datagrams; 0: 4 MiB */
};

/* Both set *@source on success only; @err names the file or interface and the
 * remedy (permission: what to run instead). */
int fl_source_open_file(struct fl_source **source, const char *path, const char *filter,
			struct fl_error *err);
int fl_source_open_live(struct fl_source **source, const struct fl_live_options *options,
			struct fl_error *err);
void fl_source_close(struct fl_source *s); /* NULL is fine */

/**
 * fl_source_next() - The next decoded packet
 * @s: source
 * @p: out; its payload is borrowed until the next call
 *
 * Frames that fl_decode() does not give OK for are counted and passed over. A datagram of several
 * fragments is one packet, with the time of the last one to come and the length of all; where some are missing,
 * its beginning is handed out when it is given up, with its own, earlier time.
 *
 * Return: 1 a packet, 0 none now (live: read time-out, non-blocking poll), FL_SOURCE_END at
 * the end of a file or after fl_source_stop(), negative errno on failure with
 * @err filled (a damaged file names the packet number; -ENOTSUP at the end of a pcapng file of which no
 * interface has a link type that is read).
 */
enum { FL_SOURCE_END = 2 };
int fl_source_next(struct fl_source *s, struct fl_packet *p, struct fl_error *err);
/**
 * fl_source_batch() - The next packet, and those behind it that are in memory already
 * @s:     source
 * @list:  out; all payloads are borrowed until the next call
 * @limit: places in @list, at least 1
 * @count: out: how many; 1 on a live source, whose packets stay for one call only
 *
 * Who has several can have memory fetched for the later ones while it works on the first.
 *
 * Return: as fl_source_next(); @count is at least 1 with 1, else 0. What ends the source behind the last
 * packet is returned by the next call.
 */
enum { FL_SOURCE_BATCH = 32 };
int fl_source_batch(struct fl_source *s, struct fl_packet *list, size_t limit, size_t *count, struct fl_error *err);
/* No more is read; fragments that are held are given up, then comes FL_SOURCE_END. Async-signal-safe. */
void fl_source_stop(struct fl_source *s);

/* From now on no file can be opened, and libpcap finds out what the interface's driver dropped by reading files: that counter stays. */
void fl_source_confine(struct fl_source *s);

/* For poll(2); -1 for files. */
int fl_source_fd(const struct fl_source *s);
/* Refreshes the drop counters first on live sources. */
const struct fl_source_counters *fl_source_counters(struct fl_source *s);

#endif
