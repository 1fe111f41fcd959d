/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_application.c - any first bytes, of either side and as a datagram to some port */
#include "fuzz.h"

#include "faultline/application.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = { 123, 161, 443, 4433 };
	enum fl_application told[] = { fl_application_tcp(FL_INITIATOR, data, size),
				       fl_application_tcp(FL_RESPONDER, data, size),
				       fl_application_udp(ports[size % 4], data, size) };
	for (size_t i = 0; i < 3; i++) {
		fuzz_check((int)told[i] >= 0 && (int)told[i] < FL_APP_COUNT);
		fuzz_check((fl_application_name(told[i]) != NULL) == (told[i] != FL_APP_UNKNOWN));
	}
	return 0;
}
