/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_loss.c - findings that packets missing from the scans may have made
 *
 * A packet that was not captured looks like one that was never sent: an answer that is missing is a failure, a
 * request tried again. What is missing is known from counts of drops, and from answers that clients acknowledged
 * and the capture lacks. Loss falls on all alike, so of a finding's attempts it can make about that share fail;
 * an exchange is a few packets, and each of them may be the one. What is not well above that is of low
 * confidence, and says why. A finding that loss cannot explain stands as it is; so does a stall, in which many
 * answers in a row are missing, unless much is lost.
 */
#include "analyze/behave_internal.h"

#define MUCH 0.01
enum { PACKETS_OF_EXCHANGE = 4, BEYOND = 2, FEW = 2 };

struct loss {
	double share; /* of packets */
	uint64_t dropped, not_captured;
};

static double share_of(uint64_t part, uint64_t rest)
{
	return part == 0 ? 0 : (double)part / ((double)part + (double)rest);
}

static uint64_t exchanges_of(const struct fl_scan *s)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->dependency_count; i++)
		if (__builtin_add_overflow(sum, s->dependencies[i].exchanges, &sum))
			return UINT64_MAX;
	return sum;
}

static struct loss loss_of(const struct fl_scan *s)
{
	const struct fl_coverage *c = &s->coverage;
	struct loss l = { 0 };
	for (size_t i = 0; i < c->blind_spot_count; i++)
		if (strcmp(c->blind_spots[i].kind, "not-captured") == 0)
			l.not_captured = c->blind_spots[i].count;
	if (__builtin_add_overflow(c->dropped_kernel, c->dropped_interface, &l.dropped))
		l.dropped = UINT64_MAX;
	double dropped = share_of(l.dropped, c->packets), unseen = share_of(l.not_captured, exchanges_of(s));
	l.share = dropped > unseen ? dropped : unseen;
	return l;
}

static bool is_of_host(const struct fl_scan *s, const char *host)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (strcmp(s->hosts[i].name, host) == 0)
			return true;
	return false;
}

static bool may_be_loss(const struct fl_behave_finding *f, double share)
{
	bool of_failures = f->kind == FL_BEHAVE_OUTAGE || f->kind == FL_BEHAVE_SILENT_FAILURE ||
			   f->kind == FL_BEHAVE_RETRY || f->kind == FL_BEHAVE_TIMEOUT;
	if (f->kind == FL_BEHAVE_STALL)
		return share > MUCH;
	double made = share * PACKETS_OF_EXCHANGE * (double)f->attempts;
	return of_failures && share > 0 && (double)f->failures <= BEYOND * made + FEW;
}

static void mark(struct behave *b, struct fl_behave_finding *f, const struct fl_scan *s, const struct loss *l)
{
	f->confidence = FL_CONFIDENCE_LOW;
	f->why = fl_arena_printf(b->arena,
		"%s. Or it was not captured: the scan of %s lacks packets (%s dropped, %s answers acknowledged that are not in it)",
		f->why, s->point, fl_arena_count(b->arena, l->dropped), fl_arena_count(b->arena, l->not_captured));
}

void fl_behave_loss(struct behave *b)
{
	const struct fl_scan_set *set = &b->system->scans;
	for (size_t i = 0; i < set->count; i++) {
		const struct fl_scan *s = set->list[i];
		struct loss l = loss_of(s);
		for (size_t k = 0; l.share > 0 && k < b->result->count; k++) {
			struct fl_behave_finding *f = &b->result->list[k];
			bool here = false;
			if (f->uncaptured || f->end_ns < s->start_ns || f->start_ns > s->end_ns)
				continue;
			for (size_t h = 0; h < f->host_count && !here; h++)
				here = is_of_host(s, f->hosts[h]);
			if (here && may_be_loss(f, l.share)) {
				f->uncaptured = true;
				mark(b, f, s, &l);
			}
		}
	}
}
