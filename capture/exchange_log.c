/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange_log.c - one array of attempts, and places for those that wait
 *
 * Nothing is allocated after creation. Waiting attempts have an array of their own with a free list, so handles hold
 * while the log thins, is cut or turns over; an eighth of the records, since what waits is little beside what has
 * been answered.
 *
 * Thinning merges two neighbouring successes of one conversation that stand for the same number into one that stands for
 * twice as many: sums over the log stay exact, and a conversation that is asked rarely loses nothing. A pass
 * that works on all records is only made when there is no room, and must free an eighth of it, so each
 * record is looked at a bounded number of times.
 */
#include "faultline/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { SLOTS = 1024, RECENT = 64, WAITING_PART = 8, FREED_PART = 8, MERGING_PASSES = 3 };
/* A success this near to a failure tells how callers go on. */
static const int64_t near_ns = INT64_C(20) * 1000000000;

struct fl_exchange_log {
	struct fl_attempt *list;
	uint32_t count, limit;
	struct fl_attempt *waiting;
	uint32_t waiting_count, waiting_limit, waiting_free; /* free list: handle, through fingerprint */
	uint64_t thinned, lost;
	/* scratch of thinning, by conversation */
	int64_t failure_ns[SLOTS];
	uint32_t pending[SLOTS][FL_ATTEMPT_LEVELS + 1];      /* place in list + 1 */
};

struct fl_exchange_log *fl_exchange_log_new(uint32_t limit)
{
	struct fl_exchange_log *log = fl_alloc(sizeof(*log));
	log->waiting_limit = limit ? limit / WAITING_PART + 1 : 0;
	log->limit = limit > log->waiting_limit ? limit - log->waiting_limit : limit;
	log->list = fl_alloc_table(log->limit, sizeof(*log->list));
	log->waiting = fl_alloc_array(log->waiting_limit, sizeof(*log->waiting));
	return log;
}

void fl_exchange_log_free(struct fl_exchange_log *log)
{
	if (!log)
		return;
	free(log->list);
	free(log->waiting);
	free(log);
}

/* ---- thinning ---- */

static uint32_t slot_of(const struct fl_attempt *a)
{
	return a->conversation % SLOTS;
}

/* Marks successes with a failure of their conversation near them. From both ends, as failures lie before and after. */
static void mark_near(struct fl_exchange_log *log)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			log->failure_ns[i] = INT64_MIN / 2;
		for (uint32_t k = 0; k < log->count; k++) {
			struct fl_attempt *a = &log->list[backwards ? log->count - 1 - k : k];
			int64_t *failure = &log->failure_ns[slot_of(a)];
			if (fl_outcome_is_failure(a->outcome))
				*failure = a->start_ns;
			else if (a->start_ns - *failure < near_ns && *failure - a->start_ns < near_ns)
				a->marked = true;
		}
	}
}

static bool may_merge(const struct fl_attempt *a)
{
	return a->outcome == FL_OUTCOME_ANSWERED && !a->marked && !a->repeated && a->flags >> 5 < FL_ATTEMPT_LEVELS;
}

/* One pass: every second success that is not marked goes into the one before it. */
static void merge_far(struct fl_exchange_log *log)
{
	uint32_t kept = 0;
	memset(log->pending, 0, sizeof(log->pending));
	for (uint32_t i = 0; i < log->count; i++) {
		const struct fl_attempt a = log->list[i];
		uint32_t *pending = &log->pending[slot_of(&a)][a.flags >> 5];
		struct fl_attempt *first = *pending ? &log->list[*pending - 1] : NULL;
		if (may_merge(&a) && first && first->conversation == a.conversation) {
			first->flags = (uint8_t)(first->flags + (1 << 5));
			*pending = 0;
			log->thinned++;
			continue;
		}
		log->list[kept++] = a;
		if (may_merge(&a))
			*pending = kept;
	}
	log->count = kept;
}

static void thin(struct fl_exchange_log *log)
{
	uint32_t wanted = log->limit - log->limit / FREED_PART;
	mark_near(log);
	merge_far(log);
	for (uint32_t i = 0; i < log->count; i++)
		log->list[i].marked = false;
	for (int i = 0; i < MERGING_PASSES && log->count > wanted; i++)
		merge_far(log);
	if (log->count <= wanted)
		return;
	uint32_t gone = log->count - wanted;
	for (uint32_t i = 0; i < gone; i++)
		log->lost += fl_attempt_weight(&log->list[i]);
	memmove(log->list, log->list + gone, wanted * sizeof(*log->list));
	log->count = wanted;
}

/* ---- the log ---- */

void fl_exchange_log_add(struct fl_exchange_log *log, const struct fl_attempt *a)
{
	if (log->limit < FREED_PART)
		return;
	if (log->count == log->limit)
		thin(log);
	log->list[log->count++] = *a;
}

uint32_t fl_exchange_log_open(struct fl_exchange_log *log, const struct fl_attempt *a)
{
	uint32_t handle = log->waiting_free;
	if (handle) {
		log->waiting_free = log->waiting[handle - 1].fingerprint;
	} else if (log->waiting_count < log->waiting_limit) {
		handle = ++log->waiting_count;
	} else {
		log->lost += log->limit > 0;
		return 0;
	}
	log->waiting[handle - 1] = *a;
	log->waiting[handle - 1].marked = false;
	return handle;
}

struct fl_attempt *fl_exchange_log_waiting(struct fl_exchange_log *log, uint32_t handle)
{
	assert(handle && handle <= log->waiting_count);
	return &log->waiting[handle - 1];
}

void fl_exchange_log_drop(struct fl_exchange_log *log, uint32_t handle)
{
	assert(handle && handle <= log->waiting_count);
	log->waiting[handle - 1].fingerprint = log->waiting_free;
	log->waiting[handle - 1].marked = true;
	log->waiting_free = handle;
}

void fl_exchange_log_close(struct fl_exchange_log *log, uint32_t handle)
{
	fl_exchange_log_add(log, fl_exchange_log_waiting(log, handle));
	fl_exchange_log_drop(log, handle);
}

struct fl_attempt *fl_exchange_log_recent(struct fl_exchange_log *log, uint32_t conversation, uint16_t client_port)
{
	for (uint32_t i = log->count; i > 0 && log->count - i < RECENT; i--) {
		struct fl_attempt *a = &log->list[i - 1];
		if (a->client_port == client_port && a->conversation == conversation)
			return a;
	}
	return NULL;
}

uint32_t fl_exchange_log_take_back(struct fl_exchange_log *log, uint32_t conversation, uint16_t client_port, int64_t since_ns)
{
	uint32_t kept = 0, count = log->count;
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_attempt *a = &log->list[i];
		if (a->client_port == client_port && a->conversation == conversation && a->start_ns >= since_ns && fl_attempt_weight(a) == 1)
			continue;
		log->list[kept++] = *a;
	}
	log->count = kept;
	return count - kept;
}

const struct fl_attempt *fl_exchange_log_list(const struct fl_exchange_log *log, size_t *count)
{
	*count = log->count;
	return log->list;
}

const struct fl_attempt *fl_exchange_log_next_waiting(const struct fl_exchange_log *log, uint32_t *at)
{
	while (*at < log->waiting_count) {
		const struct fl_attempt *a = &log->waiting[(*at)++];
		if (!a->marked)
			return a;
	}
	return NULL;
}

void fl_exchange_log_cut(struct fl_exchange_log *log)
{
	log->count = 0;
	log->thinned = log->lost = 0;
}

uint32_t fl_exchange_log_limit(const struct fl_exchange_log *log)
{
	return log->limit;
}

uint64_t fl_exchange_log_thinned(const struct fl_exchange_log *log)
{
	return log->thinned;
}

uint64_t fl_exchange_log_lost(const struct fl_exchange_log *log)
{
	return log->lost;
}
