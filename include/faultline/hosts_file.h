/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts_file.h - names that a host's own file gives to addresses
 *
 * hosts(5): an address, its name, further names; the first is kept. Only names that DNS could hold, in small letters. Loopback
 * and unspecified addresses are left out: they name the host itself.
 */
#ifndef FAULTLINE_HOSTS_FILE_H
#define FAULTLINE_HOSTS_FILE_H

#include "faultline/addr.h"

enum { FL_HOSTS_MAX = 16384 }; /* entries kept */

struct fl_hosts;

/* Of the text of such a file. What is no entry is passed over. O(n log n). */
struct fl_hosts *fl_hosts_parse(const char *text, size_t size);
/* Of the file; an empty one when it cannot be read. At most 4 MiB are. */
struct fl_hosts *fl_hosts_read(const char *path);
void fl_hosts_free(struct fl_hosts *h); /* NULL is fine */

/* Borrowed; NULL when the address has none. @h may be NULL. */
const char *fl_hosts_name(const struct fl_hosts *h, const struct fl_addr *a);

#endif
