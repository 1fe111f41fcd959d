/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper.h - the side of a live capture that holds the privileges: starts the parser, takes what it sends, notices its end
 */
#ifndef FAULTLINE_KEEPER_H
#define FAULTLINE_KEEPER_H

#include <sys/types.h>

#include "capture/parser.h"
#include "capture/scan_pieces.h"
#include "capture/words.h"

enum keeper_state {
	KEEPER_RUNS,
	KEEPER_ENDED,         /* as it was told, or because no interface is left; all windows are there */
	KEEPER_LOST,          /* crashed, was killed, or says why it cannot go on; see why */
};

struct keeper {
	enum keeper_state state;
	pid_t pid;
	struct channel channel;
	const char *point;             /* borrowed */
	uint64_t memory;               /* of the parser, which its windows are measured by */
	struct fl_attributor *owners;  /* of the run, borrowed; NULL: nobody is asked */
	struct fl_sandbox_state fences;
	bool ready, ended, finishing;
	bool looked;                   /* owners of what was there before were passed on */
	bool last;                     /* the window that no cut asked for came */
	uint32_t cuts;                 /* asked for, whose windows have not come */
	struct parser_progress progress;
	int64_t heard_ns;              /* monotonic, of the last message */
	uint64_t gone;                 /* bit per interface that disappeared */
	uint64_t owners_lost;          /* records that the parser did not take in time */
	int64_t patience_ns;           /* that may still be waited for it to take some, at this look for owners */
	char *so_far;                  /* the window as far as it had come at so_far_ns, packed */
	size_t so_far_size;
	int64_t so_far_ns;
	char *windows[4];              /* that are over, not yet taken */
	size_t window_sizes[4], window_count;
	char why[FL_ERROR_MAX];        /* why it was lost, a sentence; "" */
	char tried[256];               /* self-test of the sandbox */
	struct words words;            /* its standard error */
};

/*
 * A window that is over. Its lists stay packed and are read a record at a time: as text, or as a whole scan, they would be many times as
 * large, and the keeper's memory is little beside the parser's.
 */
struct keeper_window {
	struct fl_scan *head;           /* all but the lists */
	struct scan_pieces pieces;      /* the lists; data NULL: they are empty */
	char *packed;                   /* what @pieces borrows */
};
void keeper_window_fini(struct keeper_window *w);
/* The document into @out; every record is checked like one from a file, and shown to @also, too. @also may be NULL. */
int keeper_window_write(const struct keeper_window *w, FILE *out, scan_record_seen *also, void *context, struct fl_error *err);
/* All of it at once; NULL: what is wrong stands in @err. @w is empty afterwards. */
struct fl_scan *keeper_window_scan(struct keeper_window *w, struct fl_error *err);
/* Lists that cannot be read are left out, and that is said. */
void keeper_window_spoilt(struct keeper_window *w);

/* Forks the parser, which takes over @live; in this process @live is closed in every case. */
int keeper_start(struct keeper *k, struct scan_run *run, struct live **live, const char *point, struct fl_error *err);
/* Kills the parser when it still runs. */
void keeper_fini(struct keeper *k);

void keeper_owner(struct keeper *k, const struct fl_owner_record *r);
void keeper_attribution(struct keeper *k, const struct fl_attribution_state *state);
/* False when it cannot be sent: the window goes on. */
bool keeper_cut(struct keeper *k, int64_t end_ns, int64_t next_ns);
void keeper_finish(struct keeper *k, int64_t end_ns); /* once; more calls are nothing */

/* An address of this machine: interfaces get new ones in the course of months. */
void keeper_address(void *keeper, const struct fl_addr *a);

/* For poll(2): channel and what to wait for. */
struct pollfd keeper_poll(const struct keeper *k);
/* The same for owners of sockets: the sooner they are passed on, the more flows begin with a name. */
struct pollfd keeper_poll_owners(const struct keeper *k);
/* Take what has come, also of owners, send what waits. */
void keeper_step(struct keeper *k);

/* Kills a parser that says nothing for a minute, or ten while it writes up what it has: true then, and the next step finds it lost. */
bool keeper_end_silent(struct keeper *k);

/* The next window that is over, its head checked like a file's; false when there is none, or it is not one (@err). @start_ns, @end_ns: what the
 * keeper knows of it, which replaces what the parser says. */
bool keeper_take(struct keeper *k, int64_t start_ns, int64_t end_ns, struct keeper_window *w, struct fl_error *err);
/* Of a parser that is lost: what it saw, as of its last write-up, or nothing; with a blind spot that says so. */
void keeper_salvage(struct keeper *k, int64_t start_ns, int64_t end_ns, struct keeper_window *w);

/* Adds a blind spot to a scan. */
void keeper_blind_spot(struct fl_scan *scan, const char *kind, uint64_t count, const char *text);

#endif
