/* SPDX-License-Identifier: BSD-2-Clause */
/* test_decode.c - frames as hexadecimal text, by hand, header by header */
#include "unit.h"

#include "faultline/decode.h"

#define ETHERNET "020000000002 020000000001 "
#define ADDRESSES4 "0a000001 0a000002 "
#define ADDRESSES6 "20010db8000000000000000000000001 20010db8000000000000000000000002 "
/* 41 bytes: 10.0.0.1 to 10.0.0.2, one byte of TCP payload */
#define IPV4_TCP "45000029 00004000 40060000 " ADDRESSES4
#define IPV4_UDP "4500001e 00004000 40110000 " ADDRESSES4
#define IPV6_TCP "60000000 0015 06 40 " ADDRESSES6
#define TCP "9c40 01bb 00000064 000000c8 50180400 00000000 "
#define UDP "9c40 0035 000a0000 "
#define OUTER(length, protocol) "450000" length "00004000 40" protocol "0000 c0a80001 c0a80002 "
#define UDP_TO(port, length) "9c40" port length "0000 "
#define TEREDO_TCP "60000000 0015 06 40 20010000000100000000000000000001 20010db8000000000000000000000002 "
#define SNAP "aaaa03000000 "
#define WLAN(control, more) control "0000 020000000003 020000000001 020000000002 0000" more

enum { FRAME_MAX = 512 };

struct row {
	const char *name;
	int link;
	const char *frame;
	enum fl_parse parse;
	unsigned transport;
	size_t payload; /* captured */
	uint32_t payload_len;
	unsigned way;
	const char *src; /* NULL: 10.0.0.1 */
};

static size_t from_hex(const char *text, uint8_t bytes[static FRAME_MAX])
{
	size_t size = 0;
	for (; *text != '\0'; text++) {
		if (*text == ' ')
			continue;
		char digits[3] = { text[0], text[1], '\0' };
		assert_true(size < FRAME_MAX);
		bytes[size++] = (uint8_t)strtoul(digits, NULL, 16);
		text++;
	}
	return size;
}

/* In memory of exactly its size, so that a sanitizer sees one byte too many. */
static enum fl_parse decode(int link, const char *text, struct fl_packet *p)
{
	uint8_t bytes[FRAME_MAX];
	size_t size = from_hex(text, bytes);
	uint8_t *exact = malloc(size ? size : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, size);
	memset(p, 0xa5, sizeof(*p));
	enum fl_parse parse = fl_decode(link, exact, (uint32_t)size, p);
	free(exact);
	return parse;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct fl_packet p;
	assert_int_equal(decode(row->link, row->frame, &p), row->parse);
	assert_int_equal(p.time_ns, (int64_t)0xa5a5a5a5a5a5a5a5u);
	assert_int_equal(p.len, 0xa5a5a5a5u);
	if (row->parse != FL_PARSE_OK) {
		assert_int_equal(p.transport, 0);
		assert_true(fl_addr_is_none(&p.src));
		assert_int_equal(p.payload.size, 0);
		return;
	}
	struct fl_addr src;
	assert_true(fl_addr_parse(row->src ? row->src : "10.0.0.1", &src));
	assert_true(fl_addr_equal(&src, &p.src));
	assert_int_equal(p.transport, row->transport);
	assert_int_equal(p.payload.size, row->payload);
	assert_int_equal(p.payload_len, row->payload_len);
	assert_int_equal(p.way, row->way);
	/* A frame in a tunnel has its own addresses, a packet in a tunnel has none. */
	bool frame = row->way == FL_WAY_UNKNOWN && row->transport == FL_TRANSPORT_TCP &&
		     strstr(row->frame, "020000000001") != NULL;
	assert_int_equal(p.has_mac, frame || row->link == 1);
	bool ports = row->transport == FL_TRANSPORT_TCP || row->transport == FL_TRANSPORT_UDP;
	assert_int_equal(p.src_port, ports ? 40000 : 0);
	if (row->transport == FL_TRANSPORT_TCP) {
		assert_int_equal(p.dst_port, 443);
		assert_int_equal(p.tcp_seq, 100);
		assert_int_equal(p.tcp_ack, 200);
		assert_int_equal(p.tcp_flags, FL_TCP_PSH | FL_TCP_ACK);
		assert_int_equal(p.tcp_window, 1024);
	}
}

static struct row rows[] = {
	{ "TCP over IPv4 over Ethernet", 1, ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "TCP over IPv6 over Ethernet", 1, ETHERNET "86dd" IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "UDP over IPv4", 1, ETHERNET "0800" IPV4_UDP UDP "4142", FL_PARSE_OK, 17, 2, 2, 0, NULL },
	{ "Ethernet padding is no payload", 1, ETHERNET "0800" IPV4_UDP UDP "4142 000000000000", FL_PARSE_OK,
		17, 2, 2, 0, NULL },
	{ "bytes behind UDP's own length are no payload", 1,
		ETHERNET "0800 45000020 00004000 40110000" ADDRESSES4 UDP "41424344", FL_PARSE_OK, 17, 2, 2,
		0, NULL },
	{ "payload that the snap length cut keeps its length", 1,
		ETHERNET "0800 450000c8 00004000 40060000" ADDRESSES4 TCP "4142", FL_PARSE_OK, 6, 2, 160, 0,
		NULL },
	{ "offloaded packet with total length 0 counts what was captured", 1,
		ETHERNET "0800 45000000 00004000 40060000" ADDRESSES4 TCP "414243", FL_PARSE_OK, 6, 3, 3, 0,
		NULL },
	{ "one VLAN tag", 1, ETHERNET "8100 0064 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "three VLAN tags of all kinds", 1, ETHERNET "88a8 0064 9100 0065 8100 0066 0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "two MPLS labels", 1, ETHERNET "8847 00010040 00020140" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "MPLS pseudowire with a control word", 1,
		ETHERNET "8847 00020140 00000000" ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "PPPoE session", 1, ETHERNET "8864 1100 0001 002b 0021" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "PPPoE with a PPP control protocol", 1, ETHERNET "8864 1100 0001 002b c021 01",
		FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "cooked v1, sent by us", 113, "0004 0001 0006 0200000000010000 0800" IPV4_TCP TCP "41", FL_PARSE_OK,
		6, 1, 1, FL_WAY_OUT, NULL },
	{ "cooked v1, sent to us, VLAN tag inside", 113,
		"0000 0001 0006 0200000000010000 8100 0064 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1,
		FL_WAY_IN, NULL },
	{ "cooked v1 from netlink carries no Ethernet type", 113,
		"0004 0338 0000 0000000000000000 0800" IPV4_TCP TCP "41", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0,
		NULL },
	{ "cooked v2, to another host", 276,
		"0800 0000 00000003 0001 03 06 0200000000010000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1,
		FL_WAY_OTHER, NULL },
	{ "BSD loopback, little-endian IPv4", 0, "02000000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "BSD loopback, big-endian IPv4", 0, "00000002" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "BSD loopback, IPv6 of Darwin", 0, "1e000000" IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "OpenBSD loopback, IPv6", 108, "00000018" IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "loopback with a family that is both orders' nonsense", 0, "02000002" IPV4_TCP TCP "41",
		FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "raw IP tells IPv4 by its version", 12, IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "raw IP tells IPv6 by its version", 101, IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "raw IP of version 5", 12, "55000029", FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "link type IPV4", 228, IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "a link type we do not know", 147, IPV4_TCP TCP "41", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "ARP is unsupported", 1, ETHERNET "0806 0001", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "an empty frame is cut", 1, "", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "cut inside the Ethernet header", 1, ETHERNET "08", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "cut inside the IPv4 header", 1, ETHERNET "0800 4500002900004000400600", FL_PARSE_TRUNCATED, 0, 0,
		0, 0, NULL },
	{ "cut inside the TCP header", 1, ETHERNET "0800" IPV4_TCP "9c40 01bb 0000", FL_PARSE_TRUNCATED, 0, 0,
		0, 0, NULL },
	{ "cut inside the TCP options", 1,
		ETHERNET "0800 45000034 00004000 40060000" ADDRESSES4
			 "9c40 01bb 00000064 000000c8 80180400 00000000 0101",
		FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "TCP header longer than its packet", 1,
		ETHERNET "0800" IPV4_TCP "9c40 01bb 00000064 000000c8 60180400 00000000 41",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "TCP header shorter than 20 bytes", 1,
		ETHERNET "0800" IPV4_TCP "9c40 01bb 00000064 000000c8 40180400 00000000 41",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "IPv4 too short for TCP by its own word", 1,
		ETHERNET "0800 4500001e 00004000 40060000" ADDRESSES4 TCP, FL_PARSE_MALFORMED, 0, 0, 0, 0,
		NULL },
	{ "IPv4 options are stepped over", 1,
		ETHERNET "0800 4600002d 00004000 40060000" ADDRESSES4 "01010101" TCP "41", FL_PARSE_OK, 6, 1,
		1, 0, NULL },
	{ "IPv4 header shorter than 20 bytes", 1, ETHERNET "0800 44000029 00004000 40060000" ADDRESSES4 TCP,
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "IPv4 total length below its header", 1, ETHERNET "0800 45000013 00004000 40060000" ADDRESSES4 TCP,
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "UDP length below its header", 1, ETHERNET "0800" IPV4_UDP "9c40 0035 00070000 4142",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "UDP length past the IP packet", 1, ETHERNET "0800" IPV4_UDP "9c40 0035 00640000 4142",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "IPv6 hop-by-hop, routing, destination options, atomic fragment, authentication", 1,
		ETHERNET "86dd 60000000 0045 00 40" ADDRESSES6
			 "2b00000000000000 3c00000000000000 2c00000000000000"
			 "3300000000000001 0602000000000001 0000000000000000" TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, "2001:db8::1" },
	{ "IPv6 extension longer than its packet", 1,
		ETHERNET "86dd 60000000 0010 00 40" ADDRESSES6 "06ff000000000000 0000000000000000",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "IPv6 extension that was cut", 1, ETHERNET "86dd 60000000 0100 00 40" ADDRESSES6 "060f000000000000",
		FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "seventeen IPv6 extensions are an attack", 1,
		ETHERNET
		"86dd 60000000 0088 3c 40" ADDRESSES6
		"3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000"
		"3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000"
		"3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000 3c00000000000000"
		"3c00000000000000 3c00000000000000",
		FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "IPv6 jumbogram has what was captured", 1,
		ETHERNET "86dd 60000000 0000 00 40" ADDRESSES6 "0600c20400010000" TCP "41424344", FL_PARSE_OK,
		6, 4, 4, 0, "2001:db8::1" },
	{ "PPP, bare and with its protocol in one byte", 9, "21" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "PPP in HDLC framing carries IPv6", 50, "ff03 0057" IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "Cisco's HDLC under PPP's link type", 50, "0f00 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "Cisco's HDLC", 104, "8f00 86dd" IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, "2001:db8::1" },
	{ "PPP over Ethernet without Ethernet", 51, "1100 0001 002b 0021" IPV4_TCP TCP "41", FL_PARSE_OK, 6,
		1, 1, 0, NULL },
	{ "PPP of pppd, with the direction", 166, "0103 0021" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "PPP behind a direction", 204, "00 ff03 0021" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "PPP's own protocols are no traffic", 9, "ff03 c021 0101", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "802.11 data to the access point", 105, WLAN("0801", "") SNAP "0800" IPV4_TCP TCP "41", FL_PARSE_OK,
		6, 1, 1, 0, NULL },
	{ "802.11 with quality of service and four addresses", 105,
		WLAN("8803", "020000000004 0000") SNAP "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "802.11 with a high-throughput control field", 105,
		WLAN("8881", "0000 00000000") SNAP "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "802.11 aggregate: the first subframe", 105,
		WLAN("8801", "8000") ETHERNET "0031" SNAP "0800" IPV4_TCP TCP "41"
					      "0000" ETHERNET,
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "802.11 aggregate longer than its packet is believed: the snap length may have cut it", 105,
		WLAN("8801", "8000") ETHERNET "ffff" SNAP "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "802.11 that is encrypted", 105, WLAN("0841", "") SNAP "0800" IPV4_TCP TCP "41",
		FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "802.11 null function", 105, WLAN("4801", ""), FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "802.11 beacon", 105, WLAN("8000", "") "0000000000000000", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "802.11 cut in its header", 105, "0801 0000 020000000003", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "radiotap", 127, "0000 0800 00000000" WLAN("0801", "") SNAP "0800" IPV4_TCP TCP "41", FL_PARSE_OK,
		6, 1, 1, 0, NULL },
	{ "radiotap with time, flags that say padded, and a second word of fields", 127,
		"0000 2000 03000080 00000000 00000000 0000000000000000 20 00000000000000" WLAN(
			"8801", "0000") "0000" SNAP "0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "radiotap shorter than itself", 127, "0000 0700 00000000", FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "IPv6 in IPv4 has the inner addresses", 12,
		"45000051 00004000 40290000" ADDRESSES4 IPV6_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"2001:db8::1" },
	{ "inner packet longer than the outer one", 12,
		"45000048 00004000 40290000" ADDRESSES4 IPV6_TCP TCP "41", FL_PARSE_MALFORMED, 0, 0, 0, 0,
		NULL },
	{ "GRE, plain", 12, OUTER("41", "2f") "0000 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "GRE with checksum, key and sequence number", 12,
		OUTER("4d", "2f") "b000 86dd 00000000 00000001 00000002" IPV6_TCP TCP "41",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "GRE with a key", 12, OUTER("45", "2f") "2000 0800 00000001" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1,
		1, 0, NULL },
	{ "GRE bridging Ethernet: the inner frame's", 1,
		ETHERNET "0800" OUTER("4f", "2f") "0000 6558" ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK,
		6, 1, 1, 0, NULL },
	{ "GRE of version 1 is PPTP's", 12,
		OUTER("50", "2f") "3081 880b 002b0000 00000001 00000001 ff03 21" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "GRE with source routes is extinct", 12, OUTER("41", "2f") "4000 0800" IPV4_TCP TCP "41",
		FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "GRE of WCCP version 2", 12, OUTER("45", "2f") "0000 883e 00000001" IPV4_TCP TCP "41", FL_PARSE_OK,
		6, 1, 1, 0, NULL },
	{ "GRE that keeps a tunnel alive carries nothing", 12,
		"45000018 00004000 402f0000" ADDRESSES4 "0000 0000", FL_PARSE_OK, 47, 4, 4, 0, NULL },
	{ "GRE of an access point carries 802.11", 12,
		"45000069 00004000 402f0000" ADDRESSES4 "0000 8200" WLAN("0801", "") SNAP "0800" IPV4_TCP TCP
											  "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "ERSPAN of type II", 12,
		OUTER("5b", "2f") "1000 88be 00000001 1001000100000000" ETHERNET "0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "ERSPAN of type III with its platform's header", 12,
		OUTER("67", "2f") "1000 22eb 00000001 200100010000000000000001 0000000000000000" ETHERNET
				  "0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "VXLAN", 12,
		OUTER("5b", "11") UDP_TO("12b5", "0047") "0800000000000100" ETHERNET "0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "MPLS over UDP", 12, OUTER("49", "11") UDP_TO("19eb", "0035") "00010140" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		"10.0.0.1" },
	{ "a client that was given the port of MPLS over UDP is a client", 12,
		OUTER("20", "11") UDP_TO("19eb", "000c") "41424344", FL_PARSE_OK, 17, 4, 4, 0, "192.168.0.1" },
	{ "... whatever it is sent", 12, OUTER("25", "11") UDP_TO("19eb", "0011") "414243444500001234", FL_PARSE_OK, 17, 9, 9, 0,
		"192.168.0.1" },
	{ "... and if it is next to nothing", 12, OUTER("1e", "11") UDP_TO("19eb", "000a") "4142", FL_PARSE_OK, 17, 2, 2, 0,
		"192.168.0.1" },
	{ "VXLAN on Linux's old port with a VLAN tag inside", 12,
		OUTER("5f", "11") UDP_TO("2118", "004b") "0800000000000100" ETHERNET
							 "8100 0001 0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "a client that was given VXLAN's port is a client", 12,
		OUTER("24", "11") UDP_TO("12b5", "0010") "4142434445464748", FL_PARSE_OK, 17, 8, 8, 0,
		"192.168.0.1" },
	{ "VXLAN without IP inside is plain UDP", 12,
		OUTER("32", "11") UDP_TO("12b5", "001e") "0800000000000100" ETHERNET "88cc", FL_PARSE_OK, 17,
		22, 22, 0, "192.168.0.1" },
	{ "VXLAN with a broken IP header inside is plain UDP", 12,
		OUTER("36", "11") UDP_TO("12b5", "0022") "0800000000000100" ETHERNET "0800 55000000",
		FL_PARSE_OK, 17, 26, 26, 0, "192.168.0.1" },
	{ "Geneve with options", 12,
		OUTER("5f", "11") UDP_TO("17c1", "004b") "0100655800000100 01020304" ETHERNET
							 "0800" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "Geneve with IP inside", 12,
		OUTER("4d", "11") UDP_TO("17c1", "0039") "0000080000000100" IPV4_TCP TCP "41", FL_PARSE_OK, 6,
		1, 1, 0, NULL },
	{ "Geneve of another version is plain UDP", 12,
		OUTER("4d", "11") UDP_TO("17c1", "0039") "4000080000000100" IPV4_TCP TCP "41", FL_PARSE_OK,
		17, 49, 49, 0, "192.168.0.1" },
	{ "GTP-U", 12, OUTER("4d", "11") UDP_TO("0868", "0039") "30ff002900000001" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "GTP-U with two extension headers", 12,
		OUTER("59", "11") UDP_TO(
			"0868", "0045") "36ff003500000001 00010085 01000085 01000000" IPV4_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "GTP-U with an extension header of no length is plain UDP", 12,
		OUTER("55", "11") UDP_TO("0868", "0041") "34ff003100000001 00000085 00000000" IPV4_TCP TCP
							 "41",
		FL_PARSE_OK, 17, 57, 57, 0, "192.168.0.1" },
	{ "GTP's echo is plain UDP", 12, OUTER("24", "11") UDP_TO("0868", "0010") "3201000400000000",
		FL_PARSE_OK, 17, 8, 8, 0, "192.168.0.1" },
	{ "Teredo with authentication and origin", 12,
		OUTER("6e", "11") UDP_TO("0dd8",
			"005a") "0001 0000 0000000000000000 00 0000 9c40 0a000001" TEREDO_TCP TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, "2001:0:1::1" },
	{ "Teredo's port with other addresses is plain UDP", 12,
		OUTER("59", "11") UDP_TO("0dd8", "0045") IPV6_TCP TCP "41", FL_PARSE_OK, 17, 61, 61, 0,
		"192.168.0.1" },
	{ "authentication headers in IPv4", 12,
		"45000059 00004000 40330000" ADDRESSES4 "3304000000000001 0000000000000000 00000000 00000000"
		"0604000000000001 0000000000000000 00000000 00000000" TCP "41",
		FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "an authentication header longer than its packet", 12,
		"4500002c 00004000 40330000" ADDRESSES4 "06ff000000000001 0000000000000000 00000000 00000000",
		FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "NFLOG of a big-endian host", 239, "02000000 0008 000a 00000001 002d 0009" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "NFLOG without a packet", 239, "02000000 0800 0a00 00000001", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "NFLOG with an attribute of no length", 239, "02000000 0000 0a00 00000001", FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "PKTAP with Ethernet", 258, "10000000 01000000 01000000 00000000" ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "PKTAP with loopback", 258, "0c000000 01000000 00000000 02000000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "PKTAP shorter than itself", 258, "08000000 01000000 01000000", FL_PARSE_MALFORMED, 0, 0, 0, 0, NULL },
	{ "the packet filter's log", 117, "3d02 0000" "00000000000000000000000000000000 00000000000000000000000000000000"
		"00000000000000000000000000000000 000000000000000000000000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "IPsec's device", 109, "02000000 00000001 00000000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "frame relay of Cisco", 107, "1841 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "802.3 with a protocol that is not IP", 1, ETHERNET "0026 424203 0000", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "802.3 with IP's own service access point", 1, ETHERNET "002c 060603" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "TRILL with options", 1, ETHERNET "22f3 0040 0001 0002 00000000" ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "MACsec that only signs", 1, ETHERNET "88e5 2000 00000001 0000000000000001 0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0,
		NULL },
	{ "MACsec that encrypts", 1, ETHERNET "88e5 0c00 00000001 0800" IPV4_TCP TCP "41", FL_PARSE_UNSUPPORTED, 0, 0, 0, 0, NULL },
	{ "a service chain with a frame inside", 1, ETHERNET "894f 0002 0103 00000000" ETHERNET "0800" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1,
		1, 0, NULL },
	{ "a service chain with IP inside", 1, ETHERNET "894f 0002 0101 00000000" IPV4_TCP TCP "41", FL_PARSE_OK, 6, 1, 1, 0, NULL },
	{ "a tag that is cut", 1, ETHERNET "8926 0000", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "tags without end", 1, ETHERNET "892f 00000000 892f 00000000 892f 00000000 892f", FL_PARSE_TRUNCATED, 0, 0, 0, 0, NULL },
	{ "a protocol without ports is fine", 1, ETHERNET "0800 45000016 00004000 40020000" ADDRESSES4 "4142",
		FL_PARSE_OK, 2, 2, 2, 0, NULL },
};

static void icmp_error_quotes_the_failed_packet(void **state)
{
	(void)state;
	struct fl_packet p;
	assert_int_equal(decode(1,
				 ETHERNET "0800 45000038 00004000 40010000 0a0000fe 0a000001"
					  "0301000000000000 45000040 00004000 40110000" ADDRESSES4
					  "9c40 0035 002c0000",
				 &p),
		FL_PARSE_OK);
	assert_int_equal(p.transport, 1);
	assert_true(p.quotes);
	assert_int_equal(p.quoted_transport, FL_TRANSPORT_UDP);
	assert_int_equal(p.quoted_src_port, 40000);
	assert_int_equal(p.quoted_dst_port, 53);
	assert_int_equal(p.quoted_dst.bytes[15], 2);
	assert_int_equal(p.src_port, 0);
}

static void icmpv6_error_quotes_the_failed_packet(void **state)
{
	(void)state;
	struct fl_packet p;
	assert_int_equal(
		decode(1,
			ETHERNET "86dd 60000000 0038 3a 40" ADDRESSES6
				 "0104000000000000 60000000 0028 06 40" ADDRESSES6 "9c40 01bb 00000064",
			&p),
		FL_PARSE_OK);
	assert_true(p.quotes);
	assert_int_equal(p.quoted_transport, FL_TRANSPORT_TCP);
	assert_int_equal(p.quoted_dst_port, 443);
}

static void icmp_echo_and_cut_quotes_quote_nothing(void **state)
{
	(void)state;
	struct fl_packet p;
	assert_int_equal(
		decode(1, ETHERNET "0800 4500001c 00004000 40010000" ADDRESSES4 "0800000000010001", &p),
		FL_PARSE_OK);
	assert_false(p.quotes);
	assert_int_equal(decode(1,
				 ETHERNET "0800 45000038 00004000 40010000" ADDRESSES4
					  "0301000000000000 45000040 00004000 40110000" ADDRESSES4 "9c40",
				 &p),
		FL_PARSE_OK);
	assert_false(p.quotes);
	assert_true(fl_addr_is_none(&p.quoted_src));
	assert_int_equal(p.quoted_src_port, 0);
}

static void ethernet_addresses_are_kept(void **state)
{
	(void)state;
	struct fl_packet p;
	assert_int_equal(decode(1, ETHERNET "0800" IPV4_TCP TCP "41", &p), FL_PARSE_OK);
	assert_int_equal(p.src_mac[5], 1);
	assert_int_equal(p.dst_mac[5], 2);
}

static void every_cut_of_a_frame_is_told_apart_from_malformed(void **state)
{
	(void)state;
	uint8_t bytes[FRAME_MAX];
	size_t size = from_hex(ETHERNET "8100 0064 0800" IPV4_TCP TCP "41", bytes);
	for (size_t cut = 0; cut < size; cut++) {
		struct fl_packet p;
		uint8_t *exact = malloc(cut ? cut : 1);
		assert_non_null(exact);
		memcpy(exact, bytes, cut);
		assert_int_equal(fl_decode(1, exact, (uint32_t)cut, &p),
			cut < size - 1 ? FL_PARSE_TRUNCATED : FL_PARSE_OK);
		free(exact);
	}
}

static void a_fragment_tells_its_place(void **state)
{
	(void)state;
	struct fl_packet p;
	assert_int_equal(
		decode(1, ETHERNET "0800 4500001e 12342001 40110000" ADDRESSES4 "4142434445464748 4142", &p),
		FL_PARSE_MORE);
	assert_int_equal(p.fragment_id, 0x1234);
	assert_int_equal(p.fragment_offset, 8);
	assert_true(p.fragment_more);
	assert_false(p.fragment_v6);
	assert_int_equal(p.transport, 17);
	assert_int_equal(p.payload_len, 10);
	assert_int_equal(p.src.bytes[15], 1);
	assert_int_equal(
		decode(1, ETHERNET "86dd 60000000 000a 2c 40" ADDRESSES6 "0600fff812345678 4142", &p),
		FL_PARSE_MORE);
	assert_int_equal(p.fragment_id, 0x12345678);
	assert_int_equal(p.fragment_offset, 0xfff8);
	assert_false(p.fragment_more);
	assert_true(p.fragment_v6);
}

static void a_datagram_goes_on_behind_its_ip_header(void **state)
{
	(void)state;
	struct fl_packet p;
	uint8_t bytes[FRAME_MAX];
	assert_int_equal(decode(12, "4500001e 00002000 40110000" ADDRESSES4 UDP "4142", &p), FL_PARSE_MORE);
	p.payload = (struct fl_slice){ bytes, from_hex(UDP "4142", bytes) };
	p.payload_len = 10;
	p.fragment_more = false;
	assert_int_equal(fl_decode_datagram(&p), FL_PARSE_OK);
	assert_int_equal(p.dst_port, 53);
	assert_int_equal(p.payload.size, 2);
	assert_int_equal(p.payload_len, 2);
	assert_int_equal(p.src.bytes[15], 1);
}

/* The first fragment alone: what its header says is longer than what is there. */
static void a_beginning_keeps_the_length_of_its_header(void **state)
{
	(void)state;
	struct fl_packet p;
	uint8_t bytes[FRAME_MAX];
	assert_int_equal(decode(12, "4500001e 00002000 40110000" ADDRESSES4 "9c40 0035 00640000 4142", &p),
		FL_PARSE_MORE);
	p.payload = (struct fl_slice){ bytes, from_hex("9c40 0035 00640000 4142", bytes) };
	assert_true(p.fragment_more);
	assert_int_equal(fl_decode_datagram(&p), FL_PARSE_OK);
	assert_int_equal(p.payload.size, 2);
	assert_int_equal(p.payload_len, 92);
}

static void a_datagram_may_hold_extension_headers_and_a_fragment(void **state)
{
	(void)state;
	struct fl_packet p;
	uint8_t bytes[FRAME_MAX];
	const char *first = "60000000 0010 2c 40" ADDRESSES6 "3c00000100000001 4142434445464748";
	assert_int_equal(decode(12, first, &p), FL_PARSE_MORE);
	p.payload = (struct fl_slice){ bytes, from_hex("0600000000000000" TCP "41", bytes) };
	p.payload_len = (uint32_t)p.payload.size;
	p.fragment_more = false;
	assert_int_equal(fl_decode_datagram(&p), FL_PARSE_OK);
	assert_int_equal(p.dst_port, 443);
	assert_int_equal(decode(12, first, &p), FL_PARSE_MORE);
	p.payload = (struct fl_slice){ bytes,
		from_hex("2c00000000000000 0600000100000002 4142434445464748", bytes) };
	p.payload_len = (uint32_t)p.payload.size;
	p.fragment_more = false;
	assert_int_equal(fl_decode_datagram(&p), FL_PARSE_MORE);
	assert_int_equal(p.fragment_id, 2);
	assert_int_equal(p.transport, 6);
}

static void tunnels_are_counted_up_to_a_limit(void **state)
{
	(void)state;
	uint8_t bytes[FRAME_MAX];
	for (unsigned tunnels = 0; tunnels < 9; tunnels++) {
		size_t size = 0;
		for (unsigned i = 0; i < tunnels; i++) {
			size_t n = from_hex("45000000 00004000 40040000" ADDRESSES4, bytes + size);
			bytes[size + 3] = (uint8_t)(20 * (tunnels - i) + 41);
			size += n;
		}
		size += from_hex(IPV4_TCP TCP "41", bytes + size);
		struct fl_packet p;
		assert_int_equal(fl_decode(12, bytes, (uint32_t)size, &p),
			tunnels <= FL_TUNNELS_MAX ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED);
		assert_int_equal(p.too_deep, tunnels > FL_TUNNELS_MAX);
		assert_int_equal(p.tunnels, tunnels <= FL_TUNNELS_MAX ? tunnels : 0);
		assert_int_equal(
			p.tunnel, tunnels >= 1 && tunnels <= FL_TUNNELS_MAX ? FL_TUNNEL_IP : FL_TUNNEL_NONE);
	}
}

static void known_link_types(void **state)
{
	(void)state;
	static const int known[] = { 0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 166,
		192, 204, 228, 229, 276 };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(fl_decode_knows(known[i]));
	assert_false(fl_decode_knows(147));
	assert_false(fl_decode_knows(-1));
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest table[ROWS];
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = check_row, .initial_state = &rows[i]
		};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(icmp_error_quotes_the_failed_packet),
		cmocka_unit_test(icmpv6_error_quotes_the_failed_packet),
		cmocka_unit_test(icmp_echo_and_cut_quotes_quote_nothing),
		cmocka_unit_test(ethernet_addresses_are_kept),
		cmocka_unit_test(every_cut_of_a_frame_is_told_apart_from_malformed),
		cmocka_unit_test(a_fragment_tells_its_place),
		cmocka_unit_test(a_datagram_goes_on_behind_its_ip_header),
		cmocka_unit_test(a_beginning_keeps_the_length_of_its_header),
		cmocka_unit_test(a_datagram_may_hold_extension_headers_and_a_fragment),
		cmocka_unit_test(tunnels_are_counted_up_to_a_limit),
		cmocka_unit_test(known_link_types),
	};
	int failed = cmocka_run_group_tests_name("frames", table, NULL, NULL);
	return failed + cmocka_run_group_tests_name("rest", others, NULL, NULL);
}
