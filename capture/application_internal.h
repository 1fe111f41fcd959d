/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application_internal.h - signatures that datagrams and streams share
 */
#ifndef FAULTLINE_APPLICATION_INTERNAL_H
#define FAULTLINE_APPLICATION_INTERNAL_H

#include <string.h>

#include "faultline/application.h"

static inline bool starts_with(const uint8_t *data, size_t size, const char *text)
{
	size_t length = strlen(text);
	return size >= length && memcmp(data, text, length) == 0;
}

static inline bool is_printable_text(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] < ' ' || data[i] >= 0x7f)
			return false;
	return true;
}

/* Read a DER length (X.690 section 8.1.3) of at most three octets. */
static inline size_t read_der_length(struct fl_reader *r)
{
	uint8_t first = fl_read_u8(r);
	switch (first) {
	case 0x81:
		return fl_read_u8(r);
	case 0x82:
		return fl_read_be16(r);
	case 0x83:
		return fl_read_be24(r);
	default:
		r->failed |= first >= 0x80;
		return first;
	}
}

/* application.c */
bool signature_kerberos(const uint8_t *data, size_t size);          /* a message, without length */
bool signature_sip(const uint8_t *data, size_t size);
enum fl_application signature_rpc(const uint8_t *data, size_t size); /* a call, without record mark */

/* application_lines.c */
bool signature_rtsp(const uint8_t *data, size_t size);
bool signature_irc(const uint8_t *data, size_t size);
bool signature_vnc(const uint8_t *data, size_t size);
bool signature_bgp(const uint8_t *data, size_t size);
bool signature_nntp(const uint8_t *data, size_t size);
bool signature_graphite(const uint8_t *data, size_t size);
bool signature_influx(const uint8_t *data, size_t size);
bool signature_wireguard(const uint8_t *data, size_t size);
bool signature_openvpn(const uint8_t *data, size_t size);            /* a datagram; in streams behind its length */
bool signature_tftp(const uint8_t *data, size_t size);

/* application_tcp.c */
enum fl_application signature_of_stream(enum fl_side side, const uint8_t *data, size_t size);

#endif
