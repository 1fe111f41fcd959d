/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.c - the seam in memory: words, time lines, order, sets
 *
 * A scan is plain data in one arena; what is here keeps it canonical. Two scans with the
 * same content must render to the same bytes, whatever order packets came in, because equality of
 * scans is equality of their rendering: that is what makes merging a union of sets, and so
 * associative, commutative and idempotent without further thought.
 *
 * Time lines are canonical too: the width is the smallest power of two seconds whose 120 buckets
 * cover everything added, the first bucket is never empty. Needing a width is monotone in the
 * range covered, so any order of additions and merges ends in the same buckets.
 */
#include "faultline/scan.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "capture/scan_internal.h"
#include "faultline/units.h"

#define COUNT(type, member)                                                                                  \
	{                                                                                                    \
		{ #member, sizeof(#member) - 1 }, offsetof(struct type, member)                              \
	}

static const struct fl_scan_count_field coverage_counts[] = {
	COUNT(fl_coverage, packets),
	COUNT(fl_coverage, bytes),
	COUNT(fl_coverage, dropped_kernel),
	COUNT(fl_coverage, dropped_interface),
	COUNT(fl_coverage, not_ip),
	COUNT(fl_coverage, truncated),
	COUNT(fl_coverage, malformed),
	COUNT(fl_coverage, duplicates),
	COUNT(fl_coverage, fragments),
	COUNT(fl_coverage, parse_errors),
	COUNT(fl_coverage, flows),
	COUNT(fl_coverage, flows_named),
	COUNT(fl_coverage, flows_unattributed),
	COUNT(fl_coverage, name_answers),
};
static const struct fl_scan_count_field connection_counts[] = {
	COUNT(fl_connections, tried),
	COUNT(fl_connections, established),
	COUNT(fl_connections, refused),
	COUNT(fl_connections, timed_out),
	COUNT(fl_connections, reset),
	COUNT(fl_connections, midstream),
	COUNT(fl_connections, syn_retransmits),
};
static const struct fl_scan_count_field service_counts[] = {
	COUNT(fl_scan_service, connections),
	COUNT(fl_scan_service, exchanges),
	COUNT(fl_scan_service, failures),
	COUNT(fl_scan_service, clients_dropped),
};
static const struct fl_scan_count_field dependency_counts[] = {
	COUNT(fl_scan_dependency, exchanges),
	COUNT(fl_scan_dependency, failures),
	COUNT(fl_scan_dependency, bytes_out),
	COUNT(fl_scan_dependency, bytes_in),
};

const struct fl_scan_count_fields fl_scan_coverage_counts = { coverage_counts,
	FL_ARRAY_LEN(coverage_counts) };
const struct fl_scan_count_fields fl_scan_connection_counts = { connection_counts,
	FL_ARRAY_LEN(connection_counts) };
const struct fl_scan_count_fields fl_scan_service_counts = { service_counts, FL_ARRAY_LEN(service_counts) };
const struct fl_scan_count_fields fl_scan_dependency_counts = { dependency_counts,
	FL_ARRAY_LEN(dependency_counts) };

static const char *const scope_words[] = { "local", "internal", "external" };
static const char *const class_words[] = { "on-request", "background", "start-up", "rare", "name-resolution",
	"probe" };
static const char *const name_source_words[] = { "tls-sni", "quic-sni", "http-host", "dns", "dns-later",
	"hosts-file" };
static const char *const attribution_words[] = { "exact", "polled", "inferred", "host" };

bool fl_scan_blind_spot_counts(const char *kind)
{
	static const char *const statements[] = { "attribution", "interrupted", "light", "no-packets", "translation" };
	for (size_t i = 0; i < FL_ARRAY_LEN(statements); i++)
		if (strcmp(kind, statements[i]) == 0)
			return false;
	return true;
}

static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

const char *fl_scope_name(enum fl_scope s)
{
	return scope_words[s];
}

const char *fl_class_name(enum fl_class c)
{
	return class_words[c];
}

const char *fl_name_source_name(enum fl_name_source s)
{
	return s == FL_NAME_NONE ? NULL : name_source_words[s];
}

const char *fl_attribution_name(enum fl_attribution a)
{
	return attribution_words[a];
}

int fl_scope_parse(const char *word)
{
	return find_word(scope_words, FL_ARRAY_LEN(scope_words), word);
}

int fl_class_parse(const char *word)
{
	return find_word(class_words, FL_ARRAY_LEN(class_words), word);
}

int fl_name_source_parse(const char *word)
{
	return find_word(name_source_words, FL_ARRAY_LEN(name_source_words), word);
}

int fl_attribution_parse(const char *word)
{
	return find_word(attribution_words, FL_ARRAY_LEN(attribution_words), word);
}

/* --- time lines --- */

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

static int64_t clamp_time(int64_t t)
{
	if (t > FL_TIMELINE_TIME_MAX)
		return FL_TIMELINE_TIME_MAX;
	return t < -FL_TIMELINE_TIME_MAX ? -FL_TIMELINE_TIME_MAX : t;
}

static void add_saturating(uint32_t *counter, uint32_t n)
{
	*counter = n > UINT32_MAX - *counter ? UINT32_MAX : *counter + n;
}

/* Move what @t holds to buckets of @width from @start on; both only widen its range. */
static void timeline_rebase(struct fl_timeline *t, int64_t start, int64_t width)
{
	struct fl_timeline old = *t;

	memset(t, 0, sizeof(*t));
	t->start_ns = start;
	t->width_ns = width;
	for (size_t i = 0; i < FL_TIMELINE_BUCKETS && old.width_ns > 0; i++)
		if (old.bucket[i] > 0)
			add_saturating(&t->bucket[(old.start_ns + (int64_t)i * old.width_ns - start) / width],
				old.bucket[i]);
}

/* First and last non-empty bucket's edge; false when @t is empty. */
static bool timeline_range(const struct fl_timeline *t, int64_t *first, int64_t *last)
{
	bool any = false;

	for (size_t i = 0; i < FL_TIMELINE_BUCKETS && t->width_ns > 0; i++) {
		if (t->bucket[i] == 0)
			continue;
		int64_t edge = t->start_ns + (int64_t)i * t->width_ns;
		*first = any ? *first : edge;
		*last = edge;
		any = true;
	}
	return any;
}

/* Make room for everything between @first and @last in buckets at least @width wide. */
static void timeline_cover(struct fl_timeline *t, int64_t first, int64_t last, int64_t width)
{
	int64_t own_first = 0, own_last = 0;

	if (timeline_range(t, &own_first, &own_last)) {
		first = own_first < first ? own_first : first;
		last = own_last > last ? own_last : last;
		width = t->width_ns > width ? t->width_ns : width;
	}
	while (floor_div(last, width) - floor_div(first, width) >= FL_TIMELINE_BUCKETS)
		width *= 2;
	int64_t start = floor_div(first, width) * width;
	if (start != t->start_ns || width != t->width_ns)
		timeline_rebase(t, start, width);
}

void fl_timeline_add(struct fl_timeline *t, int64_t time_ns, uint32_t n)
{
	if (n == 0)
		return;
	time_ns = clamp_time(time_ns);
	int64_t at = -1;
	if (t->width_ns > 0 && time_ns >= t->start_ns)
		at = (time_ns - t->start_ns) / t->width_ns;
	if (at < 0 || at >= FL_TIMELINE_BUCKETS) {
		timeline_cover(t, time_ns, time_ns, FL_NS_PER_S);
		at = (time_ns - t->start_ns) / t->width_ns;
	}
	add_saturating(&t->bucket[at], n);
}

/* Where @from's first bucket is in @into, when its buckets are some of those; else -1. */
static int64_t buckets_before(const struct fl_timeline *into, const struct fl_timeline *from)
{
	int64_t width = into->width_ns, ahead = from->start_ns - into->start_ns;

	return from->width_ns != width || ahead < 0 || ahead % width ? -1 : ahead / width;
}

void fl_timeline_merge(struct fl_timeline *into, const struct fl_timeline *from)
{
	int64_t first = 0, last = 0;

	if (!timeline_range(from, &first, &last))
		return;
	timeline_cover(into, first, last, from->width_ns);
	bool clamped = first < -FL_TIMELINE_TIME_MAX || last > FL_TIMELINE_TIME_MAX;
	int64_t before = clamped ? -1 : buckets_before(into, from);
	for (size_t i = 0; i < FL_TIMELINE_BUCKETS; i++)
		if (from->bucket[i] > 0 && before >= 0)
			add_saturating(&into->bucket[(size_t)before + i], from->bucket[i]);
		else if (from->bucket[i] > 0)
			fl_timeline_add(into, from->start_ns + (int64_t)i * from->width_ns, from->bucket[i]);
}

/* --- a scan --- */

struct fl_measures *fl_measures_of(struct fl_arena *a, struct fl_measures **m)
{
	if (!*m)
		*m = fl_arena_alloc(a, sizeof(**m));
	return *m;
}

void fl_measures_merge(struct fl_arena *a, struct fl_measures **into, const struct fl_measures *from)
{
	if (!from)
		return;
	bool first = !*into;
	struct fl_measures *m = fl_measures_of(a, into);
	if (first) { /* the only one, mostly */
		m->connect = from->connect;
		m->first_byte = from->first_byte;
		m->duration = from->duration;
	} else {
		fl_histogram_merge(&m->connect, &from->connect);
		fl_histogram_merge(&m->first_byte, &from->first_byte);
		fl_histogram_merge(&m->duration, &from->duration);
	}
	fl_timeline_merge(&m->timeline, &from->timeline);
}

struct fl_scan *fl_scan_new(void)
{
	struct fl_scan *s = fl_alloc(sizeof(*s));

	s->arena = fl_arena_new();
	s->coverage.unseen_dependencies = NAN;
	s->coverage.window_for_95_s = NAN;
	return s;
}

bool fl_scan_failover(const struct fl_scan_dependency *d)
{
	const struct fl_retries *calls = d->behaviour ? &d->behaviour->retries : NULL;
	bool denied = calls && d->address_count > 1 && calls->calls > 0 && calls->other_address == 0;
	return d->failover_seen && !denied;
}

void fl_scan_free(struct fl_scan *s)
{
	if (!s)
		return;
	fl_arena_free(s->arena);
	free(s);
}

/* NULL before everything. */
static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return a == b ? 0 : strcmp(a, b); /* records of one host share its name */
}

static int compare_counts(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_times(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_address_lists(
	const struct fl_addr *a, size_t a_count, const struct fl_addr *b, size_t b_count)
{
	for (size_t i = 0; i < a_count && i < b_count; i++) {
		int order = fl_addr_compare(&a[i], &b[i]);
		if (order != 0)
			return order;
	}
	return compare_counts(a_count, b_count);
}

static int by_address(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

static int by_text(const void *a, const void *b)
{
	return compare_texts(*(const char *const *)a, *(const char *const *)b);
}

static int by_host_name(const void *a, const void *b)
{
	const struct fl_scan_host *x = a, *y = b;
	int order = compare_texts(x->name, y->name);

	return order ? order
		     : compare_address_lists(x->addresses, x->address_count, y->addresses, y->address_count);
}

static int by_port(const void *a, const void *b)
{
	const struct fl_scan_port *x = a, *y = b;
	int order = (x->port > y->port) - (x->port < y->port);

	order = order ? order : compare_texts(x->transport, y->transport);
	return order ? order : compare_texts(x->application, y->application);
}

static int by_client_address(const void *a, const void *b)
{
	const struct fl_scan_client *x = a, *y = b;
	int order = fl_addr_compare(&x->address, &y->address);

	order = order ? order : compare_counts(x->connections, y->connections);
	order = order ? order : compare_counts(x->exchanges, y->exchanges);
	return order ? order : (int)x->probe - (int)y->probe;
}

static int by_service_name(const void *a, const void *b)
{
	const struct fl_scan_service *x = a, *y = b;
	int order = compare_texts(x->host, y->host);

	order = order ? order : compare_texts(x->name, y->name);
	order = order ? order : compare_times(x->first_seen_ns, y->first_seen_ns);
	order = order ? order : compare_times(x->last_seen_ns, y->last_seen_ns);
	return order ? order : compare_counts(x->connections, y->connections);
}

static int by_dependency_identity(const void *a, const void *b)
{
	const struct fl_scan_dependency *x = a, *y = b;
	int order = compare_texts(x->host, y->host);

	order = order ? order : compare_texts(x->service, y->service);
	order = order ? order : compare_texts(x->name, y->name);
	if (order == 0 && !x->name)
		order = compare_address_lists(x->addresses, x->address_count, y->addresses, y->address_count);
	order = order ? order : (x->port > y->port) - (x->port < y->port);
	order = order ? order : compare_texts(x->transport, y->transport);
	order = order ? order : (int)x->class - (int)y->class;
	order = order ? order : compare_texts(x->application, y->application);
	order = order ? order : compare_times(x->first_seen_ns, y->first_seen_ns);
	order = order ? order : compare_times(x->last_seen_ns, y->last_seen_ns);
	order = order ? order : compare_counts(x->exchanges, y->exchanges);
	return order ? order : compare_counts(x->bytes_out, y->bytes_out);
}

static int by_name_question(const void *a, const void *b)
{
	const struct fl_scan_name *x = a, *y = b;
	int order = fl_addr_compare(&x->client, &y->client);

	order = order ? order : compare_texts(x->name, y->name);
	order = order ? order : compare_texts(x->type, y->type);
	order = order ? order : fl_addr_compare(&x->resolver, &y->resolver);
	order = order ? order : compare_texts(x->transport, y->transport);
	order = order ? order : compare_texts(x->rcode, y->rcode);
	order = order ? order
		      : compare_address_lists(x->addresses, x->address_count, y->addresses, y->address_count);
	for (size_t i = 0; order == 0 && i < x->cname_count && i < y->cname_count; i++)
		order = compare_texts(x->cname_chain[i], y->cname_chain[i]);
	order = order ? order : compare_counts(x->cname_count, y->cname_count);
	order = order ? order : compare_times(x->first_seen_ns, y->first_seen_ns);
	return order ? order : compare_times(x->last_seen_ns, y->last_seen_ns);
}

static int by_limit_name(const void *a, const void *b)
{
	const struct fl_scan_limit *x = a, *y = b;
	int order = compare_texts(x->name, y->name);

	order = order ? order : compare_texts(x->what, y->what);
	order = order ? order : compare_counts(x->limit, y->limit);
	return order ? order : compare_counts(x->hits, y->hits);
}

static int by_blind_spot_kind(const void *a, const void *b)
{
	const struct fl_scan_blind_spot *x = a, *y = b;
	int order = compare_texts(x->kind, y->kind);

	order = order ? order : compare_texts(x->text, y->text);
	return order ? order : compare_counts(x->count, y->count);
}

typedef int comparison(const void *a, const void *b);

/* What is written was in order once, and often still is. */
static bool in_order(const void *list, size_t count, size_t size, comparison *compare)
{
	const char *at = list;

	for (size_t i = 1; i < count; i++, at += size)
		if (compare(at, at + size) > 0)
			return false;
	return true;
}

/* qsort() must not be given a null pointer. */
static void sort(void *list, size_t count, size_t size, comparison *compare)
{
	if (count > 1 && !in_order(list, count, size, compare))
		qsort(list, count, size, compare);
}

/* A record with the beginning of what it is ordered by, as numbers: most comparisons need not go where the record and its texts are. */
struct keyed {
	uint64_t key[3];
	const void *record;
};

static uint64_t number_of(const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

/* The first bytes of a text, as many as @words hold; NULL is before all others. */
static void key_of_text(const char *text, uint64_t *words, size_t count)
{
	char bytes[sizeof(((struct keyed *)NULL)->key)] = { 0 };

	if (text)
		memcpy(bytes, text, strnlen(text, count * sizeof(*words)));
	for (size_t i = 0; i < count; i++)
		words[i] = number_of(bytes + i * sizeof(*words));
}

static void key_of_service(struct keyed *k, const void *record)
{
	key_of_text(((const struct fl_scan_service *)record)->host, k->key, 3);
}

static void key_of_dependency(struct keyed *k, const void *record)
{
	key_of_text(((const struct fl_scan_dependency *)record)->host, k->key, 3);
}

static void key_of_name(struct keyed *k, const void *record)
{
	const struct fl_scan_name *n = record;

	k->key[0] = number_of(n->client.bytes);
	k->key[1] = number_of(n->client.bytes + 8);
	key_of_text(n->name, &k->key[2], 1);
}

struct order {
	comparison *compare;
};

static int by_key(const void *a, const void *b, void *context)
{
	const struct keyed *x = a, *y = b;
	const struct order *o = context;

	for (size_t i = 0; i < FL_ARRAY_LEN(x->key); i++)
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	return o->compare(x->record, y->record);
}

/* To where @keys tell, each once: along the cycles of the permutation (Knuth, TAOCP volume 3, 5.2 exercise 10). */
static void permute(char *records, struct keyed *keys, size_t count, size_t size)
{
	char *first = fl_alloc(size);

	for (size_t i = 0; i < count; i++) {
		size_t at = i, from = (size_t)((const char *)keys[i].record - records) / size;
		if (from == i)
			continue;
		memcpy(first, records + i * size, size);
		while (from != i) {
			memcpy(records + at * size, records + from * size, size);
			keys[at].record = records + at * size;
			at = from;
			from = (size_t)((const char *)keys[at].record - records) / size;
		}
		memcpy(records + at * size, first, size);
		keys[at].record = records + at * size;
	}
	free(first);
}

/* As sort(), for many records; @key_of never contradicts @compare. */
static void sort_records(void *list, size_t count, size_t size, void (*key_of)(struct keyed *, const void *), comparison *compare)
{
	struct order order = { compare };
	char *records = list;

	if (count < 2 || in_order(list, count, size, compare))
		return;
	struct keyed *keys = fl_alloc_array(count, sizeof(*keys));
	for (size_t i = 0; i < count; i++) {
		keys[i].record = records + i * size;
		key_of(&keys[i], keys[i].record);
	}
	qsort_r(keys, count, sizeof(*keys), by_key, &order);
	permute(records, keys, count, size);
	free(keys);
}

static void sort_addresses(struct fl_addr *list, size_t *count)
{
	size_t kept = 0;

	sort(list, *count, sizeof(*list), by_address);
	for (size_t i = 0; i < *count; i++)
		if (kept == 0 || !fl_addr_equal(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	*count = kept;
}

static void sort_texts(const char **list, size_t *count)
{
	size_t kept = 0;

	sort(list, *count, sizeof(*list), by_text);
	for (size_t i = 0; i < *count; i++)
		if (kept == 0 || compare_texts(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	*count = kept;
}

void fl_scan_sort(struct fl_scan *s)
{
	for (size_t i = 0; i < s->host_count; i++)
		sort_addresses(s->hosts[i].addresses, &s->hosts[i].address_count);
	sort(s->hosts, s->host_count, sizeof(*s->hosts), by_host_name);
	for (size_t i = 0; i < s->service_count; i++) {
		struct fl_scan_service *v = &s->services[i];
		sort(v->ports, v->port_count, sizeof(*v->ports), by_port);
		sort_addresses(v->addresses, &v->address_count);
		sort_texts(v->virtual_hosts, &v->virtual_host_count);
		sort(v->clients, v->client_count, sizeof(*v->clients), by_client_address);
	}
	sort_records(s->services, s->service_count, sizeof(*s->services), key_of_service, by_service_name);
	for (size_t i = 0; i < s->dependency_count; i++) {
		struct fl_scan_dependency *d = &s->dependencies[i];
		sort_addresses(d->addresses, &d->address_count);
		sort_addresses(d->failed_addresses, &d->failed_address_count);
		sort_texts(d->hosts_asked, &d->host_asked_count);
	}
	sort_records(s->dependencies, s->dependency_count, sizeof(*s->dependencies), key_of_dependency, by_dependency_identity);
	for (size_t i = 0; i < s->name_count; i++)
		sort_addresses(s->names[i].addresses, &s->names[i].address_count);
	sort_records(s->names, s->name_count, sizeof(*s->names), key_of_name, by_name_question);
	sort(s->coverage.limits, s->coverage.limit_count, sizeof(*s->coverage.limits), by_limit_name);
	sort(s->coverage.blind_spots, s->coverage.blind_spot_count, sizeof(*s->coverage.blind_spots),
		by_blind_spot_kind);
}

/* --- sets --- */

void fl_scan_set_add(struct fl_scan_set *set, struct fl_scan *s)
{
	/* Room doubles whenever the count reaches a power of two. */
	if ((set->count & (set->count - 1)) == 0)
		set->list =
			fl_grow_array(set->list, set->count ? 2 * set->count : 1, sizeof(struct fl_scan *));
	set->list[set->count++] = s;
}

void fl_scan_set_fini(struct fl_scan_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		fl_scan_free(set->list[i]);
	free(set->list);
	*set = (struct fl_scan_set){ 0 };
}

struct rendered {
	struct fl_scan *scan;
	char *text;
	size_t size;
};

static void render(struct rendered *r)
{
	FILE *out = open_memstream(&r->text, &r->size);

	if (!out)
		fl_out_of_memory();
	fl_scan_write(out, r->scan);
	if (fclose(out) != 0)
		fl_out_of_memory();
}

static int by_window(const void *a, const void *b)
{
	const struct rendered *x = a, *y = b;
	int order = compare_texts(x->scan->point, y->scan->point);

	order = order ? order : compare_times(x->scan->start_ns, y->scan->start_ns);
	return order ? order : compare_times(x->scan->end_ns, y->scan->end_ns);
}

static int by_content(const void *a, const void *b)
{
	const struct rendered *x = a, *y = b;
	int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);

	return order ? order : compare_counts(x->size, y->size);
}

/* Scans of one point and window: only these are rendered, since only these can be equal. */
static size_t fold_equals(struct rendered *list, size_t count, struct fl_scan **out)
{
	size_t kept = 0;

	if (count == 1) {
		out[0] = list[0].scan;
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		render(&list[i]);
	sort(list, count, sizeof(*list), by_content);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && by_content(&list[i - 1], &list[i]) == 0)
			fl_scan_free(list[i].scan);
		else
			out[kept++] = list[i].scan;
	}
	for (size_t i = 0; i < count; i++)
		free(list[i].text);
	return kept;
}

void fl_scan_set_normalise(struct fl_scan_set *set)
{
	struct rendered *list = fl_alloc_array(set->count, sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		fl_scan_sort(set->list[i]);
		list[i].scan = set->list[i];
	}
	sort(list, set->count, sizeof(*list), by_window);
	for (size_t i = 0, from = 0; i < set->count; i++) {
		if (i + 1 < set->count && by_window(&list[i], &list[i + 1]) == 0)
			continue;
		kept += fold_equals(list + from, i + 1 - from, set->list + kept);
		from = i + 1;
	}
	set->count = kept;
	free(list);
}
