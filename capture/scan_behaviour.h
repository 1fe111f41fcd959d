/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_behaviour.h - the behaviour object of a scan file, written; scan_reading.h has its reading */
#ifndef FAULTLINE_SCAN_BEHAVIOUR_H
#define FAULTLINE_SCAN_BEHAVIOUR_H

#include "faultline/behaviour.h"
#include "faultline/json_emit.h"

/* Nothing when @b is NULL. */
void scan_emit_behaviour(struct fl_json_emit *e, const char *key, const struct fl_behaviour *b);

#endif
