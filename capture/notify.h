/* SPDX-License-Identifier: BSD-2-Clause */
/* notify.h - tells the service manager how it goes: sd_notify(3) without its library */
#ifndef FAULTLINE_NOTIFY_H
#define FAULTLINE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Lines like "READY=1"; nothing happens without NOTIFY_SOCKET. */
void notify(const char *state);
/* Is there a service manager that wants to know? */
bool notify_is_wanted(void);
/* Half of the time within which WATCHDOG=1 is wanted (WATCHDOG_USEC); 0: not at all. */
int64_t notify_watchdog_ns(void);

#endif
