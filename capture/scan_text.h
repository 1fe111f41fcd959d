/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAULTLINE_SCAN_TEXT_H
#define FAULTLINE_SCAN_TEXT_H

#include <stdio.h>
#include <string.h>

#include "faultline/scan.h"

/* One host's window, dependencies by service, and what was not seen; escaped for a terminal. */
void scan_text_write(FILE *out, const struct fl_scan *s);

#endif
