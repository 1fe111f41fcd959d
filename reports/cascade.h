/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade.h - what a slow or flaky node does, in words and JSON
 */
#ifndef FAULTLINE_REPORTS_CASCADE_H
#define FAULTLINE_REPORTS_CASCADE_H

#include "faultline/cascade.h"
#include "faultline/system.h"

struct fl_what_if {
	enum fl_cascade_mode mode;
	double slow_s, flaky, lasts_s;
	const char *caller;     /* only its calls; NULL: everybody's */
};

/* Print the answer for the node that @text means. -ENOENT with @err: no such node, or nothing calls it. */
int fl_cascade_print(const struct fl_system *s, const char *text, const struct fl_what_if *what, bool json,
	struct fl_error *err);

#endif
