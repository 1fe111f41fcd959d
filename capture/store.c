/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - scans of many windows in one SQLite database
 *
 * One table. The document is the truth, the columns beside it are for finding and listing; nothing is taken apart into
 * rows, so that a store can be read by whatever reads scans, and the schema need not follow every field.
 *
 * synchronous=FULL: one commit every few minutes costs nothing, and what was reported as stored survives a power cut. Pages that
 * were freed by retention go back to the file system by incremental vacuum, a little after every window. The log is written back into the
 * file after every commit: whoever copies the file alone has all windows, and the log takes no more room than one of them.
 *
 * A store is an input from outside like any other (https://www.sqlite.org/security.html, "Untrusted SQLite Database Files"): the schema is
 * not trusted (no views, triggers or indexes of others run), blobs are unpacked into a bounded size, documents are parsed like files. Pages
 * of a damaged file may lead to each other in circles or be part of many rows; a file like that has rows and contents without end. What a
 * sound one has is no more than its size, so steps and bytes are bounded by it, and what sorts has only what it needs.
 */
#include "faultline/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>
#include <zlib.h>

#include "capture/packed.h"
#include "capture/store_claim.h"
#include "json_internal.h"

enum { APPLICATION_ID = 0x464c5453, /* "FLTS" */
       BUSY_MS = 5000, CELL_MAX = 256 << 20, HEAP_MAX = 768 << 20, NAME_MAX_BYTES = 4096, WAL_BYTES_MAX = 8 << 20, VACUUM_PAGES = 1024,
       STEPS_AT_ONCE = 1000, STEPS_AT_LEAST = 20000000, BYTES_PER_STEP = 2 };
#define TEXT_OF(x) #x
#define VERSION_TEXT(x) TEXT_OF(x)

struct fl_store {
	sqlite3 *db;
	char *path;
	uint64_t bytes;          /* of the file and its log, when the statement began */
	uint64_t steps;          /* of the statement that runs, in STEPS_AT_ONCE */
	struct store_claim claim;
};

#define TABLE \
	"CREATE TABLE window (\n" \
	"  id INTEGER PRIMARY KEY,\n" \
	"  point TEXT NOT NULL,\n" \
	"  source TEXT NOT NULL,\n" \
	"  start_ns INTEGER NOT NULL,\n" \
	"  end_ns INTEGER NOT NULL,\n" \
	"  packets INTEGER NOT NULL,\n" \
	"  bytes INTEGER NOT NULL,\n" \
	"  dropped INTEGER NOT NULL,\n" \
	"  flows INTEGER NOT NULL,\n" \
	"  flows_unattributed INTEGER NOT NULL,\n" \
	"  services INTEGER NOT NULL,\n" \
	"  dependencies INTEGER NOT NULL,\n" \
	"  blind_spots INTEGER NOT NULL,\n" \
	"  size INTEGER NOT NULL,\n" \
	"  codec TEXT NOT NULL,\n" \
	"  scan BLOB NOT NULL,\n" \
	"  UNIQUE (point, start_ns)\n" \
	") STRICT"
#define INDEX "CREATE INDEX window_time ON window (start_ns, end_ns)"
static const char schema[] = TABLE ";\n" INDEX ";\n";

/* ---- errors ---- */

/* What SQLite says, in words of the user's world. */
static int fail(const struct fl_store *s, int code, struct fl_error *err)
{
	const char *detail = s->db ? sqlite3_errmsg(s->db) : "out of memory";
	switch (code & 0xff) {
	case SQLITE_FULL:
		return fl_fail(err, -ENOSPC, "%s: no space left on its disk; free some or keep less (--keep, --keep-size); what was "
			       "stored before is safe", s->path);
	case SQLITE_READONLY:
		return fl_fail(err, -EROFS, "%s: the store cannot be written (%s); see its permissions and those of its directory",
			       s->path, detail);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fl_fail(err, -EACCES, "%s: cannot be opened (%s); see that it exists and may be read, and its directory",
			       s->path, detail);
	case SQLITE_NOTADB:
		return fl_fail(err, -EBADMSG, "%s: is no store: not an SQLite database, or one whose first page is damaged", s->path);
	case SQLITE_CORRUPT:
		return fl_fail(err, -EBADMSG, "%s: the store is damaged (%s); move it away and go on with a new one, 'sqlite3 FILE "
			       ".recover' saves what can be read", s->path, detail);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fl_fail(err, -EBUSY, "%s: another process is writing to the store and does not finish; see who (fuser)",
			       s->path);
	case SQLITE_INTERRUPT:
		return fl_fail(err, -EBADMSG, "%s: the store is damaged (it has no end); move it away and go on with a new one", s->path);
	case SQLITE_NOMEM:
		return fl_fail(err, -ENOMEM, "%s: reading it takes more memory than there is, or than %d MiB: more memory, or a store that "
			       "is not damaged", s->path, HEAP_MAX >> 20);
	case SQLITE_ERROR:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return fl_fail(err, -EBADMSG, "%s: the store is damaged or not one of faultline's (%s); move it away and go on with a new one",
			       s->path, detail);
	default:
		return fl_fail(err, -EIO, "%s: %s; see its disk", s->path, detail);
	}
}

static uint64_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* Before every statement: how much a sound file may have. */
static void begin_statement(struct fl_store *s)
{
	char *log = sqlite3_mprintf("%s-wal", s->path);
	s->bytes = size_of(s->path) + (log ? size_of(log) : 0);
	s->steps = 0;
	sqlite3_free(log);
}

static int may_go_on(void *context)
{
	struct fl_store *s = context;
	return ++s->steps > (STEPS_AT_LEAST + s->bytes / BYTES_PER_STEP) / STEPS_AT_ONCE;
}

static int run(struct fl_store *s, const char *sql, struct fl_error *err)
{
	begin_statement(s);
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail(s, code, err);
}

static int number(struct fl_store *s, const char *sql, int64_t *value, struct fl_error *err)
{
	sqlite3_stmt *q = NULL;
	begin_statement(s);
	int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(q);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return code == SQLITE_ROW ? 0 : fail(s, code, err);
}

/* ---- open ---- */

/* As it was made: with a view, generated columns or a table of another module in its place, reading would run others' code, with an
 * index of others writing would. */
static int check_table(struct fl_store *s, struct fl_error *err)
{
	static const char sql[] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'window' AND sql = '" TABLE "'";
	static const char indexes[] = "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%index%' AND sql <> '" INDEX "'";
	int64_t tables = 0, others = 0;
	int status = number(s, sql, &tables, err);
	if (status == 0)
		status = number(s, indexes, &others, err);
	if (status == 0 && (tables != 1 || others))
		status = fl_fail(err, -EBADMSG, "%s: its table is not as faultline makes it, or has an index of others; it is not read", s->path);
	return status;
}

static int fail_newer(const struct fl_store *s, int64_t version, struct fl_error *err)
{
	return fl_fail(err, -EPROTO, "%s: the store has version %lld and this faultline knows up to %d; use a newer faultline, or another "
		       "store", s->path, (long long)version, FL_STORE_VERSION);
}

static int check_version(struct fl_store *s, enum fl_store_mode mode, struct fl_error *err)
{
	int64_t id = 0, version = 0, tables = 0;
	int status = number(s, "PRAGMA application_id", &id, err);
	if (status == 0)
		status = number(s, "PRAGMA user_version", &version, err);
	if (status == 0)
		status = number(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (status)
		return status;
	if (tables == 0 && mode == FL_STORE_WRITE && id == 0)
		return run(s, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", err) ? -EIO : 1;
	if (tables == 0 || id != APPLICATION_ID)
		return fl_fail(err, -EBADMSG, "%s: is an SQLite database, but no store of faultline", s->path);
	if (version > FL_STORE_VERSION)
		return fail_newer(s, version, err);
	return check_table(s, err);
}

/* Two processes may find the file empty at once: who comes second finds the table there. */
static int create(struct fl_store *s, struct fl_error *err)
{
	int64_t tables = 0;
	int status = number(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (status == 0 && tables == 0)
		status = run(s, schema, err);
	if (status == 0)
		status = run(s, "PRAGMA application_id = 1179407443; PRAGMA user_version = " VERSION_TEXT(1) "; COMMIT", err);
	_Static_assert(APPLICATION_ID == 1179407443 && FL_STORE_VERSION == 1, "as in the text above");
	if (status)
		(void)run(s, "ROLLBACK", NULL);
	return status;
}

/* No more than our own statements need; SQL in the file's schema is under the same. */
static void limit(sqlite3 *db)
{
	static const int limits[][2] = {
		{ SQLITE_LIMIT_LENGTH, CELL_MAX }, { SQLITE_LIMIT_SQL_LENGTH, 100000 }, { SQLITE_LIMIT_COLUMN, 100 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 20 }, { SQLITE_LIMIT_COMPOUND_SELECT, 3 }, { SQLITE_LIMIT_VDBE_OP, 25000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 8 }, { SQLITE_LIMIT_ATTACHED, 0 }, { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 20 }, { SQLITE_LIMIT_TRIGGER_DEPTH, 1 }, { SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(limits); i++)
		sqlite3_limit(db, limits[i][0], limits[i][1]);
	(void)sqlite3_hard_heap_limit64(HEAP_MAX);
}

static int confine(struct fl_store *s)
{
	sqlite3 *db = s->db;
	begin_statement(s);
	sqlite3_progress_handler(db, STEPS_AT_ONCE, may_go_on, s);
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_extended_result_codes(db, 1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	limit(db);
	return sqlite3_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; "
			    "PRAGMA wal_autocheckpoint = 1", NULL, NULL, NULL);
}

static int open_database(struct fl_store *s, enum fl_store_mode mode)
{
	int flags = mode == FL_STORE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	int code = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	return code == SQLITE_OK ? confine(s) : code;
}

/* A store that is read from where nothing can be written: the shared memory of its log cannot be made. Without a log
 * there is nothing to share. */
static int reopen_immutable(struct fl_store *s)
{
	char *log = sqlite3_mprintf("%s-wal", s->path), *uri = NULL;
	int code = SQLITE_CANTOPEN;
	if (log && access(log, F_OK) != 0)
		uri = sqlite3_mprintf("file:%w?immutable=1", s->path);
	if (uri && !strpbrk(s->path, "?#%")) {
		sqlite3_close(s->db);
		s->db = NULL;
		code = sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
		code = code == SQLITE_OK ? confine(s) : code;
	}
	sqlite3_free(log);
	sqlite3_free(uri);
	return code;
}

static int prepare(struct fl_store *s, enum fl_store_mode mode, struct fl_error *err)
{
	int code = open_database(s, mode);
	int64_t unused;
	if (code != SQLITE_OK)
		return fail(s, code, err);
	if (mode == FL_STORE_READ && number(s, "PRAGMA schema_version", &unused, NULL) != 0) {
		code = sqlite3_errcode(s->db) & 0xff; /* READONLY: the log cannot be made, since the directory is another's */
		if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)
			(void)reopen_immutable(s);
	}
	int status = check_version(s, mode, err);
	if (status == 1)
		status = create(s, err);
	if (status || mode == FL_STORE_READ)
		return status;
	sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	sqlite3_exec(s->db, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -512", NULL, NULL, NULL);
	_Static_assert(WAL_BYTES_MAX == 8388608, "as in the text above");
	/* A file that cannot be written is to be known now, not after the first window. */
	status = run(s, "BEGIN IMMEDIATE; UPDATE window SET id = id WHERE id IS NULL; ROLLBACK", err);
	return status;
}

int fl_store_open(struct fl_store **store, const char *path, enum fl_store_mode mode, struct fl_error *err)
{
	struct fl_store *s = fl_alloc(sizeof(*s));
	s->path = fl_copy_string(path);
	s->claim = (struct store_claim)STORE_CLAIM_NONE;
	if (mode == FL_STORE_READ && access(path, R_OK) != 0) {
		int status = fl_fail(err, -errno, "%s: %s; see the path and its permissions", path, strerror(errno));
		fl_store_close(s);
		return status;
	}
	int status = prepare(s, mode, err);
	if (status)
		fl_store_close(s);
	else
		*store = s;
	return status;
}

void fl_store_close(struct fl_store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	store_claim_fini(&s->claim);
	free(s->path);
	free(s);
}

int fl_store_claim(struct fl_store *s, const char *writer, struct fl_error *err)
{
	if (store_claim(&s->claim, s->path, writer) == 0)
		return 0;
	return fl_fail(err, -EBUSY, "%s: another watch writes windows of %.100s into it, and what both see would count twice; give one watch all "
		       "interfaces (-i eth0 -i eth1, or any), or the other a store of its own", s->path, writer);
}

bool fl_store_has_moved(struct fl_store *s)
{
	int moved = 0;
	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
		return false;
	(void)run(s, "PRAGMA wal_checkpoint(TRUNCATE)", NULL); /* its log has another name */
	return true;
}

/* ---- add ---- */

static int fail_window(const struct fl_store *s, struct fl_error *err)
{
	return fl_fail(err, -EFBIG, "%s: the window is too large for a store; shorten --every or give it less --memory", s->path);
}

static sqlite3_int64 stored(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (sqlite3_int64)n;
}

static int insert(struct fl_store *s, const struct fl_scan *scan, const struct fl_store_document *d)
{
	static const char sql[] =
		"INSERT INTO window (point, source, start_ns, end_ns, packets, bytes, dropped, flows, flows_unattributed, services, "
		"dependencies, blind_spots, size, codec, scan) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
		"'zlib', ?14) ON CONFLICT (point, start_ns) DO NOTHING";
	const struct fl_coverage *c = &scan->coverage;
	const uint64_t counts[] = { c->packets, c->bytes, c->dropped_kernel + c->dropped_interface, c->flows,
				    c->flows_unattributed, d->services, d->dependencies,
				    c->blind_spot_count, d->text->text_size };
	sqlite3_stmt *q = NULL;
	begin_statement(s);
	int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	if (code == SQLITE_OK) {
		sqlite3_bind_text(q, 1, scan->point, -1, SQLITE_STATIC);
		sqlite3_bind_text(q, 2, scan->source, -1, SQLITE_STATIC);
		sqlite3_bind_int64(q, 3, scan->start_ns);
		sqlite3_bind_int64(q, 4, scan->end_ns);
		for (size_t i = 0; i < FL_ARRAY_LEN(counts); i++)
			sqlite3_bind_int64(q, (int)i + 5, stored(counts[i]));
		sqlite3_bind_blob64(q, 14, d->text->data, d->text->size, SQLITE_STATIC);
		code = sqlite3_step(q);
	}
	sqlite3_finalize(q);
	return code;
}

/* A faultline of tomorrow may have made another store of it since it was opened. */
static int check_current(struct fl_store *s, struct fl_error *err)
{
	int64_t version = 0;
	int status = number(s, "PRAGMA user_version", &version, err);
	return status == 0 && version > FL_STORE_VERSION ? fail_newer(s, version, err) : status;
}

int fl_store_add_document(struct fl_store *s, const struct fl_scan *head, const struct fl_store_document *d, struct fl_error *err)
{
	/* Nothing is kept that cannot be read again. */
	if (d->text->text_size >= CELL_MAX || d->text->size >= CELL_MAX || d->text->tree_max > FL_STORE_TREE_MAX)
		return fail_window(s, err);
	int status = run(s, "BEGIN IMMEDIATE", err), code = SQLITE_DONE, changes = 0;
	if (status)
		return status;
	status = check_current(s, err);
	if (status == 0 && (code = insert(s, head, d)) != SQLITE_DONE)
		status = fail(s, code, err);
	changes = sqlite3_changes(s->db);
	if (status == 0)
		status = run(s, "COMMIT", err);
	if (status)
		(void)run(s, "ROLLBACK", NULL);
	return status ? status : changes ? 0 : FL_STORE_KNOWN;
}

int fl_store_add(struct fl_store *s, const struct fl_scan *scan, struct fl_error *err)
{
	struct packed text;
	FILE *out = packed_open(&text, PACKED_SMALL);
	fl_scan_write(out, scan);
	if (fclose(out) != 0)
		fl_out_of_memory();
	const struct fl_store_document d = { &text, scan->service_count, scan->dependency_count };
	int status = fl_store_add_document(s, scan, &d, err);
	packed_fini(&text);
	return status;
}

/* ---- retention ---- */

uint64_t fl_store_bytes(struct fl_store *s)
{
	int64_t pages = 0, unused = 0, size = 0;
	if (number(s, "PRAGMA page_count", &pages, NULL) || number(s, "PRAGMA freelist_count", &unused, NULL) ||
	    number(s, "PRAGMA page_size", &size, NULL) || pages < unused)
		return 0;
	return (uint64_t)(pages - unused) * (uint64_t)size;
}

static int forget(struct fl_store *s, const char *sql, int64_t value, uint64_t *gone, struct fl_error *err)
{
	sqlite3_stmt *q = NULL;
	begin_statement(s);
	int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	if (code == SQLITE_OK) {
		sqlite3_bind_int64(q, 1, value);
		code = sqlite3_step(q);
	}
	sqlite3_finalize(q);
	if (code != SQLITE_DONE)
		return fail(s, code, err);
	*gone += (uint64_t)sqlite3_changes(s->db);
	return 0;
}

int fl_store_expire(struct fl_store *s, int64_t before_ns, uint64_t max_bytes, uint64_t *gone, struct fl_error *err)
{
	uint64_t none = 0, *count = gone ? gone : &none, before;
	*count = 0;
	int status = check_current(s, err);
	if (status == 0)
		status = forget(s, "DELETE FROM window WHERE end_ns < ?1", before_ns, count, err);
	while (status == 0 && max_bytes && fl_store_bytes(s) > max_bytes) {
		before = *count;
		/* A sixteenth at a time: few large transactions, and never all. */
		status = forget(s, "DELETE FROM window WHERE id IN (SELECT w.id FROM window w WHERE EXISTS (SELECT 1 FROM window n "
				   "WHERE n.point = w.point AND n.start_ns > w.start_ns) ORDER BY w.start_ns "
				   "LIMIT 1 + (SELECT count(*) FROM window) / ?1)", 16, count, err);
		if (*count == before)
			break;
	}
	if (status == 0 && *count)
		status = run(s, "PRAGMA incremental_vacuum(" VERSION_TEXT(1024) ")", err);
	_Static_assert(VACUUM_PAGES == 1024, "as in the text above");
	return status;
}

/* ---- reading ---- */

#define SELECTED " FROM window w WHERE (?3 AND NOT EXISTS (SELECT 1 FROM window n WHERE n.point = w.point AND n.start_ns > " \
	"w.start_ns)) OR (NOT ?3 AND start_ns < ?2 AND (end_ns > ?1 OR (end_ns = start_ns AND start_ns >= ?1))) " \
	"ORDER BY start_ns, point"

static int select_range(struct fl_store *s, const char *sql, const struct fl_store_range *range, sqlite3_stmt **q)
{
	begin_statement(s);
	int code = sqlite3_prepare_v2(s->db, sql, -1, q, NULL);
	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_int64(*q, 1, range->from_ns);
	sqlite3_bind_int64(*q, 2, range->to_ns);
	sqlite3_bind_int(*q, 3, range->latest);
	return SQLITE_OK;
}

static uint64_t count_at(sqlite3_stmt *q, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(q, column);
	return n < 0 ? 0 : (uint64_t)n;
}

static const char *text_at(sqlite3_stmt *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q, column);
	return text ? (const char *)text : "";
}

/* False when that is more than the file can have, or a name that nobody has. */
static bool take_bytes(const struct fl_store *s, uint64_t *taken, sqlite3_stmt *q, int column, int most)
{
	int size = sqlite3_column_bytes(q, column);
	*taken += (uint64_t)size;
	return size <= most && *taken <= s->bytes;
}

static int fail_contents(const struct fl_store *s, struct fl_error *err)
{
	return fl_fail(err, -EBADMSG, "%s: the store is damaged (it has more contents than its size, or a name that is too long); move it "
		       "away and go on with a new one", s->path);
}

int fl_store_list(struct fl_store *s, const struct fl_store_range *range, fl_store_seen *seen, void *context,
		  struct fl_error *err)
{
	sqlite3_stmt *q = NULL;
	int code = select_range(s, "SELECT point, source, start_ns, end_ns, packets, bytes, dropped, flows, flows_unattributed, "
				   "services, dependencies, blind_spots, size" SELECTED, range, &q);
	uint64_t taken = 0;
	int status = 0;
	while (code == SQLITE_OK && status == 0 && (code = sqlite3_step(q)) == SQLITE_ROW) {
		const struct fl_store_window w = {
			.point = text_at(q, 0), .source = text_at(q, 1), .start_ns = sqlite3_column_int64(q, 2),
			.end_ns = sqlite3_column_int64(q, 3), .packets = count_at(q, 4), .bytes = count_at(q, 5),
			.dropped = count_at(q, 6), .flows = count_at(q, 7), .flows_unattributed = count_at(q, 8),
			.services = count_at(q, 9), .dependencies = count_at(q, 10), .blind_spots = count_at(q, 11),
			.size = count_at(q, 12),
		};
		code = SQLITE_OK;
		if (take_bytes(s, &taken, q, 0, NAME_MAX_BYTES) && take_bytes(s, &taken, q, 1, NAME_MAX_BYTES))
			seen(context, &w);
		else
			status = fail_contents(s, err);
	}
	int failed = status ? status : code == SQLITE_DONE ? 0 : fail(s, code, err);
	sqlite3_finalize(q);
	return failed;
}

static int parse_document(const struct fl_store *s, int64_t id, char *text, size_t size, struct fl_scan_set *set,
			  struct fl_error *err)
{
	char *name = sqlite3_mprintf("%s: window %lld", s->path, (long long)id);
	cJSON *root = NULL;
	int status = name ? fl_json_parse_bounded(name, text, size, FL_STORE_TREE_MAX, &root, err) : -ENOMEM;
	if (status == 0)
		status = fl_scan_set_from_json(set, name, root, err);
	cJSON_Delete(root);
	sqlite3_free(name);
	return status;
}

static int read_window(const struct fl_store *s, sqlite3_stmt *q, struct fl_scan_set *set, struct fl_error *err)
{
	int64_t id = sqlite3_column_int64(q, 0);
	uint64_t size = count_at(q, 1);
	const void *packed = sqlite3_column_blob(q, 3);
	int packed_size = sqlite3_column_bytes(q, 3);
	unsigned long unpacked = size;
	if (strcmp(text_at(q, 2), "zlib") != 0 || size == 0 || size >= CELL_MAX || !packed)
		return fl_fail(err, -EBADMSG, "%s: window %lld is packed in a way that is not known; use a newer faultline",
			       s->path, (long long)id);
	char *text = malloc(size + 1); /* a size that is a lie is no reason to give up for lack of memory */
	if (!text || uncompress((unsigned char *)text, &unpacked, packed, (unsigned long)packed_size) != Z_OK || unpacked != size) {
		free(text);
		return fl_fail(err, -EBADMSG, "%s: the document of window %lld is damaged; read others with %s@TIME/DURATION", s->path,
			       (long long)id, s->path);
	}
	text[size] = 0;
	int status = parse_document(s, id, text, size, set, err);
	free(text);
	return status;
}

struct numbers {
	sqlite3_int64 *list;
	size_t count, room;
};

/* Windows of @range in their order: numbers alone, so that no document is sorted. */
static int select_windows(struct fl_store *s, const struct fl_store_range *range, struct numbers *n, struct fl_error *err)
{
	sqlite3_stmt *q = NULL;
	int code = select_range(s, "SELECT id" SELECTED, range, &q);
	while (code == SQLITE_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
		if (n->count == n->room) {
			n->room = fl_grown(n->room, n->count + 1);
			n->list = fl_grow_array(n->list, n->room, sizeof(*n->list));
		}
		n->list[n->count++] = sqlite3_column_int64(q, 0);
		code = SQLITE_OK;
	}
	int status = code == SQLITE_DONE ? 0 : fail(s, code, err);
	sqlite3_finalize(q);
	return status;
}

static int read_windows(struct fl_store *s, const struct numbers *n, struct fl_scan_set *set, struct fl_error *err)
{
	sqlite3_stmt *q = NULL;
	uint64_t taken = 0;
	int status = 0, code = sqlite3_prepare_v2(s->db, "SELECT id, size, codec, scan FROM window WHERE id = ?1", -1, &q, NULL);
	for (size_t i = 0; code == SQLITE_OK && status == 0 && i < n->count; i++) {
		begin_statement(s);
		sqlite3_bind_int64(q, 1, n->list[i]);
		code = sqlite3_step(q);
		if (code != SQLITE_ROW) {
			code = code == SQLITE_DONE ? SQLITE_CORRUPT : code; /* listed, and not there */
			break;
		}
		status = take_bytes(s, &taken, q, 3, CELL_MAX) ? read_window(s, q, set, err) : fail_contents(s, err);
		code = sqlite3_reset(q);
	}
	if (status == 0 && code != SQLITE_OK)
		status = fail(s, code, err);
	sqlite3_finalize(q);
	return status;
}

int fl_store_read(struct fl_store *s, const struct fl_store_range *range, struct fl_scan_set *set,
		  struct fl_error *err)
{
	struct numbers n = { 0 };
	/* One state of the store, whoever writes to it. */
	int status = run(s, "BEGIN", err);
	if (status == 0)
		status = select_windows(s, range, &n, err);
	if (status == 0)
		status = read_windows(s, &n, set, err);
	(void)run(s, "ROLLBACK", NULL);
	free(n.list);
	return status;
}
