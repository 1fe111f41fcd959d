/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parser.h - the two processes of a live capture: what they say to each other
 *
 * The keeper holds the few privileges: it opens the interfaces, asks the kernel who owns sockets, writes files and the store,
 * answers for metrics. The parser is forked from it with the open packet handles and nothing else (sandbox.h); all bytes that
 * strangers choose are read there. What comes back from it is data that is checked again: scans as packed JSON, numbers.
 */
#ifndef FAULTLINE_PARSER_H
#define FAULTLINE_PARSER_H

#include "capture/channel.h"
#include "capture/live.h"
#include "faultline/owner.h"
#include "faultline/sandbox.h"

enum parser_message {
	/* keeper to parser */
	MESSAGE_OWNER = 1,    /* struct fl_owner_record, see parser_pack_owner() */
	MESSAGE_ATTRIBUTION,  /* struct fl_attribution_state */
	MESSAGE_CUT,          /* struct parser_cut: the window ends; a MESSAGE_WINDOW comes of it */
	MESSAGE_ADDRESS,      /* struct fl_addr: one of this machine's, perhaps new */
	MESSAGE_FINISH,       /* struct parser_cut: the last one, then MESSAGE_END */
	MESSAGE_LOOKED,       /* the owners of what was there before have been told */
	/* parser to keeper */
	MESSAGE_READY,        /* struct fl_sandbox_state: the fences stand, packets are read from now on */
	MESSAGE_PROGRESS,     /* struct parser_progress */
	MESSAGE_SO_FAR,       /* a scan, packed (scan_pieces.h): the window as far as it has come */
	MESSAGE_WINDOW,       /* the same: a window that is over */
	MESSAGE_GONE,         /* uint32_t: this interface disappeared */
	MESSAGE_ERROR,        /* text: why it ends */
	MESSAGE_TRIED,        /* text: what the self-test of the sandbox found (FAULTLINE_TEST=sandbox) */
	MESSAGE_END,          /* all was sent */
};
#define PARSER_DOCUMENTS (1u << MESSAGE_SO_FAR | 1u << MESSAGE_WINDOW)

struct parser_cut {
	int64_t end_ns, next_ns;      /* of this window, and the beginning of the next */
};

struct parser_progress {
	uint64_t packets, bytes;      /* since the parser began */
	uint64_t dropped;             /* by the kernel */
	uint64_t flows, conversations, dependencies; /* open now; of the window so far; as of the last write-up */
};

/* A record without what is behind the ends of its texts, which is most of it: what may wait for a parser that is behind is bounded. Return:
 * bytes in @packed. */
size_t parser_pack_owner(const struct fl_owner_record *r, char packed[static sizeof(struct fl_owner_record)]);
bool parser_unpack_owner(struct fl_owner_record *r, const char *packed, size_t size);

/* The parsing process, from after the fork to its end. */
_Noreturn void parser_main(struct scan_run *run, struct live *live, const char *point, int fd);

#endif
