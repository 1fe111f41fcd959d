/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.h - files that exist whole or not at all
 *
 * Written under a temporary name in the same directory (mode 0600 & ~umask
 * until renamed, then 0666 & ~umask), renamed over the target by commit.
 * Symbolic links at the temporary name are never followed (O_EXCL), one at the
 * target is replaced. Devices and pipes are written in place. "-" is standard
 * output. From the first open on SIGPIPE is ignored, so that a closed pipe is
 * a failed write.
 */
#ifndef FAULTLINE_OUTPUT_H
#define FAULTLINE_OUTPUT_H

#include <stdio.h>

#include "faultline/status.h"

struct fl_output;

/* -EACCES, -ENOENT ... with a sentence in @err; *@out is set on success only. */
int fl_output_open(struct fl_output **out, const char *path, struct fl_error *err);
FILE *fl_output_file(struct fl_output *o);
/* Flush, check, rename; frees *@o and sets it to NULL in every case. A failed
 * write (disk full, closed pipe) is an error here and leaves no file. */
int fl_output_commit(struct fl_output **o, struct fl_error *err);
void fl_output_abort(struct fl_output **o); /* removes; NULL is fine */

#endif
