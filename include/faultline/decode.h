/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h - link, network and transport headers: bytes in, struct out
 *
 * Pure: no allocation, no clock, no pcap type. Addresses are those of the
 * innermost IP header. Headers quoted inside ICMP errors are kept apart as
 * @quoted: they are no traffic, but say that a connection attempt failed. Of a fragment
 * only its place is told: fragment.h puts datagrams together, fl_decode_datagram() goes on with them.
 */
#ifndef FAULTLINE_DECODE_H
#define FAULTLINE_DECODE_H

#include <stdint.h>

#include "faultline/addr.h"
#include "faultline/reader.h"
#include "faultline/status.h"

enum fl_transport { FL_TRANSPORT_NONE = 0, FL_TRANSPORT_TCP = 6, FL_TRANSPORT_UDP = 17 };

enum fl_tcp_flags { FL_TCP_FIN = 1, FL_TCP_SYN = 2, FL_TCP_RST = 4, FL_TCP_PSH = 8, FL_TCP_ACK = 16 };

/* Where the capturing host stands to a packet, as the link layer tells it. */
enum fl_packet_way {
	FL_WAY_UNKNOWN,
	FL_WAY_IN,      /* cooked: sent to us */
	FL_WAY_OUT,     /* cooked: sent by us */
	FL_WAY_OTHER,   /* cooked: to another host's link address, e.g. seen on a bridge's port */
	FL_WAY_GROUP,   /* cooked: broadcast, multicast */
};

/* What carries packets inside packets. */
enum fl_tunnel {
	FL_TUNNEL_NONE,
	FL_TUNNEL_IP,     /* IP in IP, 6in4: RFC 2003, 4213 */
	FL_TUNNEL_GRE,    /* RFC 2784, 2637 and Aruba's */
	FL_TUNNEL_ERSPAN,
	FL_TUNNEL_VXLAN,
	FL_TUNNEL_GENEVE,
	FL_TUNNEL_GTP,
	FL_TUNNEL_TEREDO,
	FL_TUNNEL_PSEUDOWIRE, /* Ethernet over MPLS, RFC 4448 */
	FL_TUNNEL_L2TP,
};
enum { FL_TUNNEL_COUNT = FL_TUNNEL_L2TP + 1 };

/* Tunnels in tunnels; data centres nest two or three, more is an attack or a loop. */
enum { FL_TUNNELS_MAX = 6 };

struct fl_packet {
	int64_t time_ns;      /* filled by the source */
	uint32_t len;         /* on the wire, from the source */
	uint32_t interface;   /* index of the capture interface, from the source */

	struct fl_addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t transport;    /* IP protocol number; ports only for TCP and UDP */
	uint8_t way;          /* enum fl_packet_way */
	bool has_mac;         /* Ethernet: src_mac and dst_mac are set */
	uint8_t src_mac[6], dst_mac[6];

	/* TCP */
	uint8_t tcp_flags;
	uint16_t tcp_window;
	uint32_t tcp_seq, tcp_ack;

	/* Captured transport payload, and how long the headers say it is: larger
	 * when the snap length cut it. */
	struct fl_slice payload;
	uint32_t payload_len;

	/* ARP for IPv4 (RFC 826): 1 request, 2 reply; @src and @dst are the protocol addresses. */
	uint8_t arp;

	/* ICMP destination unreachable or time exceeded that quotes a TCP or UDP
	 * packet: @transport is ICMP, these are the quoted header's. */
	bool quotes;
	uint8_t quoted_transport;
	struct fl_addr quoted_src, quoted_dst;
	uint16_t quoted_src_port, quoted_dst_port;

	/* Tunnels opened on the way in, and the innermost. @has_mac and @way tell of the innermost
	 * link header only: without one in the tunnel they are not set. */
	uint8_t tunnels;
	uint8_t tunnel;       /* enum fl_tunnel */
	bool aggregate;       /* the frame may hold further packets (802.11: A-MSDU), whatever became of this one: fl_decode_subframe() */
	bool routed;          /* IPv6 with segments left of a route: it was sent to somebody else than @dst, on the way there */
	bool too_deep;        /* UNSUPPORTED because of FL_TUNNELS_MAX or too many extension headers */

	/* FL_PARSE_MORE: @src, @dst, @payload and @payload_len are a fragment's, @transport the IP
	 * protocol of the datagram (IPv6: true of the first fragment only). */
	bool fragment_v6, fragment_more; /* more: not the last */
	uint16_t fragment_offset;        /* bytes */
	uint32_t fragment_id;
};

/**
 * fl_decode() - Decode one captured frame
 * @link_type: DLT_ value as libpcap numbers it
 * @data:      captured bytes; borrowed by @p->payload
 * @caplen:    number of them
 * @p:         out; time_ns, len and interface are left alone, the rest is
 *             always written
 *
 * Link types: EN10MB with any stack of 802.1Q/802.1ad tags, MPLS, PPPoE, LLC, and of tags of switches (VN-Tag, E-TAG, HSR, R-TAG,
 * Marvell's DSA, Cisco metadata and ISL, MACsec that only signs, NSH); LINUX_SLL, LINUX_SLL2,
 * NULL and LOOP (either byte order), RAW, IPV4, IPV6; IEEE802_11 alone or behind radiotap, Prism,
 * AVS or PPI (data frames that are not encrypted; of an A-MSDU the first subframe, see fl_decode_subframe()); PPP, PPP_SERIAL,
 * PPP_ETHER, PPP_PPPD, PPP_WITH_DIR, C_HDLC, FRELAY; NFLOG, PFLOG, ENC, PKTAP; of switches and analysers DSA_TAG_BRCM,
 * DSA_TAG_BRCM_PREPEND, DSA_TAG_DSA, DSA_TAG_EDSA, ETHERNET_MPACKET, NETANALYZER; MPLS, IPOIB, APPLE_IP_OVER_IEEE1394, ATM_RFC1483. IPv6 extension headers are walked (at most 16, RFC 8200
 * section 4); with segments left of a route (types 0, 2, 4) the destination is the last one.
 *
 * Tunnels are followed inwards: IP in IP, GRE (Ethernet, ERSPAN, PPTP, WCCP, Aruba), Ethernet over MPLS and in frames of backbones
 * (802.1ah, TRILL, FabricPath), and by UDP destination port VXLAN (4789, 8472), VXLAN-GPE (4790), Geneve (6081), GTP-U (2152), MPLS
 * (6635), AYIYA (5072), L2TP (1701, also as source; RFC 2661) and Teredo (3544, also as source: its packets name themselves by their addresses). Where no good IP or ARP header is found inside, such a
 * port means nothing and the packet is ordinary UDP.
 *
 * Return: OK also for ARP, ICMP and other transports without ports; MORE for a fragment;
 * TRUNCATED when the snap length cut a header; MALFORMED when lengths contradict each other;
 * UNSUPPORTED for everything else that is not IP.
 */
enum fl_parse fl_decode(int link_type, const uint8_t *data, uint32_t caplen, struct fl_packet *p);

/**
 * fl_decode_datagram() - Go on behind the IP header of a fragmented datagram
 * @p: as fl_decode() left it with MORE; @p->payload and @p->payload_len now the whole datagram's, or
 *     with @p->fragment_more set what is known of its beginning. Written as by fl_decode()
 *
 * Return: as fl_decode(); MORE when a fragment was inside.
 */
enum fl_parse fl_decode_datagram(struct fl_packet *p);

/**
 * fl_decode_subframe() - Decode a further packet of an aggregate
 * @nth:   1 and up; 0 is what fl_decode() gives
 * @parse: out, as fl_decode() returns it
 *
 * Return: whether there is such a subframe.
 */
enum { FL_SUBFRAMES_MAX = 255 };
bool fl_decode_subframe(int link_type, const uint8_t *data, uint32_t caplen, uint8_t nth, struct fl_packet *p, enum fl_parse *parse);

/* Whether fl_decode() knows the link type. */
bool fl_decode_knows(int link_type);

#endif
