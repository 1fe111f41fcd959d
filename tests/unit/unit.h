/* SPDX-License-Identifier: BSD-2-Clause */
/* unit.h - what cmocka needs, in the order it needs it */
#ifndef FAULTLINE_TEST_UNIT_H
#define FAULTLINE_TEST_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#endif
