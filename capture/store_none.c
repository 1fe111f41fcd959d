/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_none.c - in place of store.c where SQLite was left out
 */
#include <errno.h>

#include "faultline/store.h"

int fl_store_open(struct fl_store **store, const char *path, enum fl_store_mode mode, struct fl_error *err)
{
	(void)store;
	(void)mode;
	return fl_fail(err, -ENOTSUP, "%s: this faultline was built without stores; build it with -Dstore=enabled (libsqlite3-dev), "
		       "or use scan files", path);
}

void fl_store_close(struct fl_store *s)
{
	(void)s;
}

bool fl_store_has_moved(struct fl_store *s)
{
	(void)s;
	return false;
}

int fl_store_claim(struct fl_store *s, const char *writer, struct fl_error *err)
{
	(void)s;
	return fl_fail(err, -ENOTSUP, "%s: no store", writer);
}

int fl_store_add(struct fl_store *s, const struct fl_scan *scan, struct fl_error *err)
{
	(void)s;
	return fl_fail(err, -ENOTSUP, "%s: no store", scan->point);
}

int fl_store_add_document(struct fl_store *s, const struct fl_scan *head, const struct fl_store_document *d, struct fl_error *err)
{
	(void)d;
	return fl_store_add(s, head, err);
}

int fl_store_expire(struct fl_store *s, int64_t before_ns, uint64_t max_bytes, uint64_t *gone, struct fl_error *err)
{
	(void)s;
	(void)before_ns;
	(void)max_bytes;
	(void)gone;
	return fl_fail(err, -ENOTSUP, "no store");
}

uint64_t fl_store_bytes(struct fl_store *s)
{
	(void)s;
	return 0;
}

int fl_store_list(struct fl_store *s, const struct fl_store_range *range, fl_store_seen *seen, void *context,
		  struct fl_error *err)
{
	(void)s;
	(void)range;
	(void)seen;
	(void)context;
	return fl_fail(err, -ENOTSUP, "no store");
}

int fl_store_read(struct fl_store *s, const struct fl_store_range *range, struct fl_scan_set *set,
		  struct fl_error *err)
{
	(void)s;
	(void)range;
	(void)set;
	return fl_fail(err, -ENOTSUP, "no store");
}
