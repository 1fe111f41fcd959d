/* SPDX-License-Identifier: BSD-2-Clause */
/* store_claim.h - one writer of a name at a time, see fl_store_claim() */
#ifndef FAULTLINE_STORE_CLAIM_H
#define FAULTLINE_STORE_CLAIM_H

#include <stdint.h>

struct store_claim {
	int fd;              /* -1: none */
	int64_t at;          /* the byte that is locked */
};
#define STORE_CLAIM_NONE { -1, 0 }

/* 0, or -EBUSY when another has it; then what was claimed before is kept. Where the file system has no such locks nothing is claimed. */
int store_claim(struct store_claim *c, const char *path, const char *writer);
/* After the database was closed: closing any descriptor of a file takes this process's other locks of it away. */
void store_claim_fini(struct store_claim *c);

#endif
