#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures of every kind, made here, and what must be read out of them.

Each row is a capture and the connections that are in it: (server, port, transport, name). Nothing is missing, nothing is too
much, every TCP connection is complete (SF).
"""
import gzip
import json
import os
import struct
import sys

import common
import frames as f



class Rows:
    """Captures with what is in them; more: open (connections need not be complete), options (of the scan), others (further flows may be there), check (a
    function of scan and flows that returns what is wrong)."""

    def __init__(self):
        self.list = []

    def add(self, name, capture, *flows, **more):
        self.list.append((name, capture, flows, more))

    def run(self, results):
        if '--write' in sys.argv:
            write(self.list, sys.argv[sys.argv.index('--write') + 1])
            return
        with common.Folder() as folder:
            for name, capture, wanted, more in self.list:
                check(results, folder, name, capture, wanted, more)
        results.finish()


ROWS = Rows()
row = ROWS.add


def tls_flow(name, server='192.0.2.10', port=443):
    return (server, port, 'tcp', name)


# ---- links and tunnels ----

def outer(kind, payload, v6=False, **more):
    ends = ('2001:db8::1', '2001:db8::2') if v6 else ('198.51.100.1', '198.51.100.2')
    return f.ip(*ends, kind, payload, **more)


def over_udp(port, payload, v6=False, sport=40001):
    ends = ('2001:db8::1', '2001:db8::2') if v6 else ('198.51.100.1', '198.51.100.2')
    return f.udp(*ends, sport, port, payload)


def carried(name, carry, link=f.ETHERNET, v6=False, **more):
    """A session in frames that carry() makes of its packets."""
    ends = {'client': '2001:db8:1::1', 'server': '2001:db8:2::10'} if v6 else {}
    packets = f.session('inner.example', **ends)
    row(name, f.pcap([carry(p) for p in packets], link, **more), tls_flow('inner.example', ends.get('server', '192.0.2.10')))


def erspan3(packet, sub=False):
    head = struct.pack('>HHIHH', 0x2000, 0, 0, 0, 1 if sub else 0) + (bytes(8) if sub else b'')
    return f.gre(head + f.ethernet(packet), 0x22eb, 0x1000, bytes(4))


def links():
    e = f.ethernet
    carried('Ethernet', e)
    carried('Ethernet, IPv6', e, v6=True)
    carried('802.3 with LLC and SNAP', lambda p: f.MAC_B + f.MAC_A + struct.pack('>H', len(p) + 8) + f.snap(p))
    carried('two tags of QinQ', lambda p: f.tagged(p, (0x88a8, 5), (0x8100, 6)))
    carried('QinQ with MPLS', lambda p: f.tagged(f.mpls(p, 16, 17), (0x88a8, 5), (0x8100, 6), kind=0x8847))
    carried('MPLS with the other Ethernet type', lambda p: e(f.mpls(p, 16), 0x8848))
    carried('a pseudowire with a control word', lambda p: e(f.mpls(bytes(4) + e(p), 16, 17), 0x8847))
    carried('a pseudowire without', lambda p: e(f.mpls(e(p), 16, 17), 0x8847))
    carried('a pseudowire of tagged frames', lambda p: e(f.mpls(bytes(4) + f.tagged(p, (0x8100, 9)), 16), 0x8847))
    carried('PPPoE in QinQ', lambda p: f.tagged(f.pppoe(p), (0x88a8, 5), (0x8100, 6), kind=0x8864), v6=True)
    carried('VN-Tag', lambda p: e(struct.pack('>IH', 0, f.version_type(p)) + p, 0x8926))
    carried('provider backbone bridging', lambda p: e(struct.pack('>I', 0x123) + e(p), 0x88e7))
    carried('FabricPath', lambda p: e(struct.pack('>H', 0x0020) + e(p), 0x8903))
    carried('redundancy tag (HSR)', lambda p: e(struct.pack('>HHH', len(p) + 6, 1, f.version_type(p)) + p, 0x892f))
    carried('Cisco metadata', lambda p: e(struct.pack('>BBHHH', 1, 1, 1, 5, f.version_type(p)) + p, 0x8909))
    for number in (12, 14, 101, 228):
        carried('raw IP, link type %d' % number, lambda p: p, number)
    carried('raw IPv6, link type 229', lambda p: p, 229, v6=True)
    carried('loopback, little-endian', lambda p: struct.pack('<I', 2) + p, 0)
    carried('loopback, big-endian', lambda p: struct.pack('>I', 2) + p, 0, order='>')
    for family in (10, 24, 28, 30):
        carried('loopback, IPv6 by family %d' % family, lambda p: struct.pack('<I', family) + p, 0, v6=True)
    carried('loopback of OpenBSD', lambda p: struct.pack('>I', 24) + p, 108, v6=True)
    carried('cooked v1', lambda p: struct.pack('>HHH8sH', 0, 1, 6, f.MAC_A + b'\0\0', f.version_type(p)) + p, 113)
    carried('cooked v1 of a tunnel device', lambda p: struct.pack('>HHH8sH', 4, 0xfffe, 0, bytes(8), f.version_type(p)) + p, 113)
    carried('cooked v2', lambda p: struct.pack('>HHIHBB8s', f.version_type(p), 0, 3, 1, 0, 6, f.MAC_A + b'\0\0') + p, 276)
    carried('cooked v2 with a tag', lambda p: struct.pack('>HHIHBB8sHH', 0x8100, 0, 3, 1, 0, 6, f.MAC_A + b'\0\0', 9, f.version_type(p)) + p,
            276)
    carried('PPP', lambda p: b'\xff\3\0\x21' + p, 9)
    carried('PPP without address and control', lambda p: b'\x57' + p, 9, v6=True)
    carried('HDLC of Cisco', lambda p: b'\x0f\0\x08\0' + p, 104)
    carried('PPP of pppd', lambda p: b'\1\3\0\x21' + p, 166)
    carried('frame relay', lambda p: b'\x18\x41\3\xcc' + p, 107)
    carried('NFLOG', nflog, 239)
    carried('802.11 to an access point', f.wlan, 105)
    carried('802.11 with quality of service', lambda p: f.wlan(p, 0x0188, b'\0\0'), 105)
    carried('802.11 with four addresses', lambda p: f.wlan(p, 0x0388, f.MAC_A + b'\0\0'), 105)
    carried('802.11 with a control field', lambda p: f.wlan(p, 0x8188, b'\0\0' + bytes(4)), 105)
    carried('802.11 with a checksum behind', lambda p: struct.pack('<BBHIB', 0, 0, 9, 2, 0x10) + f.wlan(p) + b'\1\2\3\4', 127)
    carried('radiotap with two words', lambda p: struct.pack('<BBHIIIQB3x', 0, 0, 28, 0x80000003, 0, 0, 1, 0) + f.wlan(p), 127)
    carried('PPI', lambda p: struct.pack('<BBHI', 0, 0, 8, 105) + f.wlan(p), 192)
    carried('PPI with a field', lambda p: struct.pack('<BBHIHHI', 0, 0, 16, 105, 2, 4, 0) + f.wlan(p), 192)
    carried('MPLS, link type 219', lambda p: f.mpls(p, 16, 17), 219)
    carried('IP over InfiniBand', lambda p: bytes(40) + struct.pack('>HH', f.version_type(p), 0) + p, 242)
    carried('IP over FireWire', lambda p: bytes(16) + struct.pack('>H', f.version_type(p)) + p, 138)
    carried('ATM', f.snap, 100)
    carried('an analyser', lambda p: bytes(4) + e(p), 240)
    carried('an analyser, with preamble', lambda p: bytes(4) + b'\x55' * 7 + b'\xd5' + e(p), 241)
    carried('Ethernet with preamble', lambda p: b'\x55' * 7 + b'\xd5' + e(p), 274)
    carried('tags of a switch of Broadcom', lambda p: e(p)[:12] + bytes(4) + e(p)[12:], 281)
    carried('tags of a switch of Broadcom, in front', lambda p: bytes(4) + e(p), 282)
    carried('tags of a switch of Marvell', lambda p: e(p)[:12] + b'\xc0\0\0\1' + e(p)[12:], 284)
    carried('tags of a switch of Marvell, with a type', lambda p: e(p)[:12] + b'\xda\xda\0\0\xc0\0\0\1' + e(p)[12:], 285)
    carried('tags of a switch of Marvell in Ethernet', lambda p: e(p)[:12] + b'\xda\xda\0\0\xc0\0\0\1' + e(p)[12:])
    isl = b'\1\0\x0c\0\0\0' + f.MAC_A
    carried('ISL', lambda p: isl + struct.pack('>H', len(p) + 30) + b'\xaa\xaa\3\0\0\x0c' + struct.pack('>HHH', 20, 7, 0) + e(p) + bytes(4))
    carried('PPI with Ethernet inside', lambda p: struct.pack('<BBHI', 0, 0, 8, 1) + e(p), 192)


def aggregates():
    """Every packet of a session in as few A-MSDUs as its directions allow."""
    packets = f.session('inner.example')
    runs, flow = [], tls_flow('inner.example')
    for packet in packets:
        if runs and runs[-1][-1][12:16] == packet[12:16]:
            runs[-1].append(packet)
        else:
            runs.append([packet])
    frames = [f.wlan(b'', 0x0188, b'\x80\0', f.amsdu(*run)) for run in runs]
    count = lambda scan, _: [] if scan['coverage']['packets'] == len(frames) else ['%s frames' % scan['coverage']['packets']]
    row('aggregates of 802.11', f.pcap(frames, 105), flow, check=count)
    row('aggregates of 802.11 with a checksum behind', f.pcap([struct.pack('<BBHIB', 0, 0, 9, 2, 0x10) + x + b'\1\2\3\4' for x in frames], 127), flow,
        check=count)
    broken = f.amsdu(*packets[:2])
    at = len(f.amsdu(packets[0])) + 3 & ~3
    broken = f.wlan(b'', 0x0188, b'\x80\0', broken[:at + 22] + b'\x41' + broken[at + 23:])
    many = f.wlan(b'', 0x0188, b'\x80\0', f.amsdu(*[packets[0]] * 300))
    seen = lambda scan, _: [] if (scan['coverage']['malformed'], scan['coverage']['not_ip']) == (1, 1) else [str(scan['coverage'])]
    row('an aggregate whose second packet is none, one of too many', f.pcap([f.wlan(f.session('inner.example')[0]), broken, many] + frames[1:], 105),
        flow, check=seen, open=True)
    row("aggregates of 802.11 in an access point's tunnel", f.pcap([f.ethernet(outer(47, f.gre(x, 0x8200))) for x in frames]), flow, check=count)
    six = f.session('inner.example', client='2001:db8:1::1', server='2001:db8:2::10')
    both = [f.wlan(b'', 0x0188, b'\x80\0', f.amsdu(a, b)) for a, b in zip(packets, six)]
    row('aggregates of two sessions', f.pcap(both, 105), flow, tls_flow('inner.example', '2001:db8:2::10'))


def nflog(packet):
    def tlv(kind, data):
        return struct.pack('<HH', len(data) + 4, kind) + data + bytes(-len(data) % 4)
    return struct.pack('>BBH', 2 if packet[0] >> 4 == 4 else 10, 0, 5) + tlv(1, struct.pack('>HBB', f.version_type(packet), 3, 0)) + \
        tlv(10, b'in\0') + tlv(4, struct.pack('>I', 2)) + tlv(9, packet)


def tunnels():
    e = f.ethernet
    carried('IP in IP', lambda p: e(outer(4, p)))
    carried('6in4', lambda p: e(outer(41, p)), v6=True)
    carried('4in6', lambda p: e(outer(4, p, v6=True)))
    carried('6in6 behind options', lambda p: e(f.ip6('2001:db8::1', '2001:db8::2', 41, p, [(0, bytes(7)), (60, bytes(7)), (43, b'\0\0\0' + bytes(4))])),
            v6=True)
    carried('GRE with all fields', lambda p: e(outer(47, f.gre(p, flags=0xb000, fields=bytes(12)))))
    carried('GRE with Ethernet', lambda p: e(outer(47, f.gre(e(p), 0x6558, 0x2000, bytes(4)))))
    carried('GRE with QinQ inside', lambda p: e(outer(47, f.gre(f.tagged(p, (0x88a8, 1), (0x8100, 2)), 0x6558))))
    carried('GRE with MPLS inside', lambda p: e(outer(47, f.gre(f.mpls(p, 16, 18), 0x8847))))
    carried('GRE in GRE over IPv6', lambda p: e(outer(47, f.gre(outer(47, f.gre(p))), v6=True)))
    carried('PPTP', lambda p: e(outer(47, f.gre(b'\xff\3\0\x21' + p, 0x880b, 0x3081, struct.pack('>HHII', len(p) + 4, 1, 1, 1)))))
    carried('ERSPAN I', lambda p: e(outer(47, f.gre(e(p), 0x88be))))
    carried('ERSPAN II', lambda p: e(outer(47, f.gre(struct.pack('>HHI', 0x1000, 1, 0) + e(p), 0x88be, 0x1000, bytes(4)))))
    carried('ERSPAN III', lambda p: e(outer(47, erspan3(p))))
    carried('ERSPAN III with its platform', lambda p: e(outer(47, erspan3(p, True))))
    carried('VXLAN over IPv6', lambda p: e(over_udp(4789, f.vxlan(e(p)), v6=True)))
    carried('VXLAN with a group policy', lambda p: e(over_udp(4789, f.vxlan(e(p), 0x88))))
    carried('VXLAN GPE with IP', lambda p: e(over_udp(4790, struct.pack('>II', 0x0c000001, 99 << 8) + p)))
    carried('VXLAN GPE with Ethernet', lambda p: e(over_udp(4790, struct.pack('>II', 0x0c000003, 99 << 8) + e(p))))
    carried('VXLAN of a virtual network in QinQ', lambda p: f.tagged(over_udp(4789, f.vxlan(f.tagged(p, (0x8100, 3)))), (0x88a8, 1), (0x8100, 2)))
    carried('Geneve with options', lambda p: e(over_udp(6081, f.geneve(e(p), options=struct.pack('>HBB', 0x0102, 0x80, 2) + bytes(8)))))
    carried('Geneve with IPv6', lambda p: e(over_udp(6081, f.geneve(p, f.IPV6), v6=True)), v6=True)
    carried('Geneve in VXLAN in GRE', lambda p: e(outer(47, f.gre(over_udp(4789, f.vxlan(e(over_udp(6081, f.geneve(e(p))))))))))
    carried('GTP-U', lambda p: e(over_udp(2152, f.gtp(p), sport=2152)))
    carried('GTP-U with extension headers', lambda p: e(over_udp(2152, f.gtp(p, [(0x85, b'\0\x09'), (0xc0, b'\0\1'), (0x20, b'\1\2\3\4\5\6')]))))
    carried('GTP-U with a sequence number', lambda p: e(over_udp(2152, struct.pack('>BBHIHBB', 0x32, 255, len(p) + 4, 7, 1, 0, 0) + p)))
    carried('MPLS over UDP', lambda p: e(over_udp(6635, f.mpls(p, 16))))
    teredo()
    l2tp = lambda flags, head: lambda p: e(over_udp(1701, struct.pack('>H', flags | 2) + head + b'\xff\3\0\x21' + p, sport=1701))
    carried('L2TP', l2tp(0, bytes(4)))
    carried('L2TP with all fields', l2tp(0x4a00, bytes(2 + 4 + 4) + b'\0\2xx'))
    carried('L2TP to any port', lambda p: e(over_udp(1701, struct.pack('>HHH', 2, 1, 1) + b'\x57' + p, sport=5001)), v6=True)
    routes()
    carried('AYIYA', lambda p: e(over_udp(5072, struct.pack('>BBBBI', 0x41, 0x52, 0x11, 41, 0) + bytes(16) + bytes(20) + p)), v6=True)
    carried('authentication header', lambda p: e(with_ah(p)))
    carried('authentication header, IPv6', lambda p: e(with_ah6(p)), v6=True)
    carried('MPLS in VLAN in QinQ over GRE over IPv6', lambda p: e(outer(47, f.gre(f.tagged(f.mpls(p, 1000, 1001), (0x88a8, 1), (0x8100, 2), kind=0x8847),
                                                                                 0x6558, 0x3000, bytes(8)), v6=True)))


def routes():
    """The client's packets are on a route, its answers are not."""
    ends = {'client': '2001:db8:1::1', 'server': '2001:db8:2::10'}
    last, via = f.address(ends['server']), f.address('2001:db8:99::1')
    flow = tls_flow('inner.example', ends['server'])
    kinds = {'segments': (4, last + via), 'a source route': (0, via + last), "a mobile node's route": (2, last)}
    for said, (kind, listed) in kinds.items():
        head = bytes((len(listed) // 8, kind, 1)) + bytes(4)
        there = lambda p: p[:4] + struct.pack('>HBB', len(p) - 40 + 8 + len(listed), 43, 64) + p[8:24] + via + bytes((p[6],)) + head + listed + p[40:]
        packets = f.session('inner.example', **ends)
        row('IPv6 with ' + said, f.pcap([f.ethernet(there(p) if p[24:40] == last else p) for p in packets]), flow)
        pieces = [q for i, p in enumerate(packets) for q in ([p] if p[24:40] != last else f.fragments6(p, 120, i + 1))]
        row('IPv6 with %s, in fragments' % said, f.pcap([f.ethernet(there(p) if p[24:40] == last else p) for p in pieces]), flow)

        def own(scan, _):
            found = [a for h in scan['hosts'] for a in h['addresses']]
            return [] if found == ['2001:db8:99::1'] else ['own addresses are %s' % found]
        here = f.session('inner.example', client=ends['client'], server='2001:db8:99::1')
        far = there(f.udp(*ends.values(), 40000, 9, bytes(20)))
        frames = [struct.pack('>HHH', 0 if p[24:40] == via else 4, 1, 6) + bytes(8) + b'\x86\xdd' + p for p in here + [far]]
        row('who is at the end of %s through this host is not this host' % said, f.pcap(frames, link=113), tls_flow('inner.example', '2001:db8:99::1'),
            others=True, check=own)


def teredo():
    ends = {'client': '2001:0:1234::1', 'server': '2001:db8:2::10'}
    packets = f.session('inner.example', **ends)
    indications = b'\0\1\0\0' + bytes(9) + b'\0\0' + bytes(6)
    row('Teredo with its indications', f.pcap([f.ethernet(over_udp(3544, indications + p)) for p in packets]),
        tls_flow('inner.example', ends['server']))


def with_ah(packet):
    head, body = packet[:20], packet[20:]
    ah = struct.pack('>BBHII', head[9], 4, 0, 1, 1) + bytes(12)
    return f.ip4('10.1.0.1', '192.0.2.10', 51, ah + body)[:12] + head[12:20] + ah + body


def with_ah6(packet):
    ah = struct.pack('>BBHII', packet[6], 4, 0, 1, 1) + bytes(12)
    return packet[:4] + struct.pack('>HBB', len(packet) - 40 + len(ah), 51, 64) + packet[8:40] + ah + packet[40:]


# ---- fragments ----

def pieces():
    packets = f.session('inner.example')

    def cut(change):
        out = []
        for i, p in enumerate(packets):
            out += change(f.fragments(p, 96, 1000 + i)) if len(p) > 200 else [p]
        return [f.ethernet(p) for p in out]

    flow = tls_flow('inner.example')
    row('fragments', f.pcap(cut(lambda l: l)), flow)
    row('fragments, the last one first', f.pcap(cut(lambda l: l[::-1])), flow)
    row('fragments, every one twice', f.pcap(cut(lambda l: [p for p in l for _ in range(2)])), flow)
    row('fragments that overlap', f.pcap([f.ethernet(q) for i, p in enumerate(packets) for q in overlapping(p, i)]), flow)
    row('fragments of the tunnel', f.pcap([f.ethernet(q) for i, p in enumerate(packets) for q in f.fragments(outer(47, f.gre(p)), 120, i + 1)]), flow)
    row('fragments in the tunnel', f.pcap([f.ethernet(outer(47, f.gre(q))) for i, p in enumerate(packets) for q in f.fragments(p, 120, i + 1)]), flow)
    row('fragments in fragments', f.pcap([f.ethernet(r) for i, p in enumerate(packets) for j, q in enumerate(f.fragments(p, 120, i + 1))
                                          for r in f.fragments(outer(47, f.gre(q)), 64, i * 100 + j + 1)]), flow)
    six = f.session('inner.example', client='2001:db8:1::1', server='2001:db8:2::10')
    sixflow = tls_flow('inner.example', '2001:db8:2::10')
    row('fragments of IPv6', f.pcap([f.ethernet(q) for i, p in enumerate(six) for q in f.fragments6(p, 120, i + 1)]), sixflow)
    row('fragments of IPv6 backwards, in VXLAN', f.pcap([f.ethernet(over_udp(4789, f.vxlan(f.ethernet(q)))) for i, p in enumerate(six)
                                                         for q in f.fragments6(p, 120, i + 1)[::-1]]), sixflow)
    row('fragments of VXLAN over IPv6', f.pcap([f.ethernet(q) for i, p in enumerate(packets)
                                                for q in f.fragments6(over_udp(4789, f.vxlan(f.ethernet(p)), v6=True), 120, i + 1)]), flow)


def overlapping(packet, i):
    if len(packet) < 200:
        return [packet]
    head, body = packet[:20], packet[20:]
    src, dst = '10.1.0.1', '192.0.2.10'
    if head[12:16] != f.address(src):
        src, dst = dst, src
    return [f.ip4(src, dst, 6, body[at:at + 96], 500 + i, at, at + 96 < len(body)) for at in range(0, len(body), 64)
            if at == 0 or at + 32 < len(body)]


# ---- files ----

def files():
    packets = f.session('inner.example')
    e = [f.ethernet(p) for p in packets]
    flow = tls_flow('inner.example')
    for order in '<>':
        for magic, said in ((0xa1b2c3d4, 'microseconds'), (0xa1b23c4d, 'nanoseconds')):
            row('pcap, %s, %s' % (said, 'little' if order == '<' else 'big'), f.pcap(e, order=order, magic=magic), flow)
        row('pcap of Kuznetzov, ' + order, f.pcap(e, order=order, magic=0xa1b2cd34, extra=struct.pack(order + 'IHBB', 2, 0x0800, 0, 0)), flow)
    plain = f.pcap(e)
    half = plain[:24 + 16 * 4 + sum(map(len, e[:4]))]
    row('gzip in two members', gzip.compress(half) + gzip.compress(plain[len(half):]), flow)
    row('zstd in two frames', zstd(half) + zstd(plain[len(half):]), flow)
    unsaid = plain[:24] + b''.join(struct.pack('<4I', f.T0, i * 1000, len(p), 0) + p for i, p in enumerate(e))
    row('no length on the wire said', unsaid, flow,
        check=lambda scan, _: [] if scan['coverage']['packets'] == len(e) else ['%d packets' % scan['coverage']['packets']])
    row('no snap length said', plain[:16] + bytes(4) + plain[20:], flow)
    row('a link type with the length of a checksum', plain[:20] + struct.pack('<I', 1 | 0x24000000) + plain[24:], flow)
    stamp = lambda i: (f.T0 * 1000 + i) * 1000
    sections = f.section() + f.interface() + b''.join(f.enhanced(p, 0, stamp(i)) for i, p in enumerate(e[:4]))
    sections += f.section('>') + f.interface(101, order='>') + b''.join(f.enhanced(p, 0, stamp(i + 4), '>') for i, p in enumerate(packets[4:8]))
    sections += f.section() + f.interface() + b''.join(f.enhanced(p, 0, stamp(i + 8)) for i, p in enumerate(e[8:]))
    row('pcapng of three sections in both orders', sections, flow)
    mixed = f.section() + f.interface(1, resolution=9) + f.interface(101, 96, resolution=0x80 | 20) + f.interface(276, resolution=3, offset=1000)
    for i, p in enumerate(packets):
        ms = f.T0 * 1000 + i
        mixed += (f.enhanced(e[i], 0, ms * 1000000), f.enhanced(p, 1, ms * (1 << 20) // 1000),
                  f.enhanced(struct.pack('>HHIHBB8s', f.version_type(p), 0, 3, 1, 0, 6, bytes(8)) + p, 2, ms - 1000000))[i % 3]
    row('pcapng, links and times of three kinds', mixed, flow)
    other = f.section() + f.block(0xbad, b'custom') + f.block(0x40000bad, struct.pack('<I', 32473) + b'x' * 9) + f.interface()
    other += f.block(10, struct.pack('<II', 0x544c534b, 5) + b'abcde') + f.block(4, struct.pack('<HH', 1, 9) + b'\x0a\0\0\1a.exa' + b'\0' * 3 + bytes(4))
    other += b''.join(f.enhanced(p, 0, stamp(i), options=f.option(1, b'comment') + f.option(2, bytes(4)) + f.option(0, b'')) +
                      f.block(5, struct.pack('<III', 0, 0, 0)) for i, p in enumerate(e))
    row('pcapng with other blocks between', other, flow)
    row('simple packets', f.section() + f.interface() + b''.join(f.simple(p) for p in e), flow)
    old = f.section() + f.interface()
    for i, p in enumerate(e):
        old += f.block(2, struct.pack('<HHIIII', 0, 0xffff, stamp(i) >> 32, stamp(i) & 0xffffffff, len(p), len(p)) + p)
    row('packet blocks of old', old, flow)
    bare = [f.ethernet(p) for p in f.session(None)]
    known = f.block(4, struct.pack('<HH', 1, 4 + 14) + f.address('192.0.2.10') + b'named.example\0' + bytes(2) + bytes(4))
    row('a name resolution block names nothing', f.section() + f.interface() + known + b''.join(f.enhanced(p, 0, stamp(i)) for i, p in enumerate(bare)),
        tls_flow(None))
    esp = [f.ethernet(outer(50, struct.pack('>II', 1, i) + bytes(80))) for i in range(3)]
    sealed = lambda scan, _: [] if [x['count'] for x in scan['coverage']['blind_spots'] if x['kind'] == 'ipsec'] == [3] else ['not counted']
    row('packets of IPsec are counted', f.pcap(e + esp), flow, check=sealed)
    usb = f.section() + f.interface() + f.interface(220) + f.interface(182)
    usb += b''.join(f.enhanced(p, 0, stamp(i)) + f.enhanced(bytes(64), 1 + i % 2, stamp(i)) for i, p in enumerate(e))
    unread = lambda scan, _: [] if scan['coverage']['not_ip'] == len(e) else ['%d not read' % scan['coverage']['not_ip']]
    row('links that nobody reads, beside one', usb, flow, check=unread)
    dropped = f.block(5, struct.pack('<III', 0, 0, 0) + f.option(5, struct.pack('<Q', 7)) + f.option(7, struct.pack('<Q', 5)) + f.option(0, b''))
    lost = f.section() + f.interface() + b''.join(f.enhanced(p, 0, stamp(i)) for i, p in enumerate(e)) + dropped
    told = lambda scan, _: [] if (scan['coverage']['dropped_interface'], scan['coverage']['dropped_kernel']) == (7, 5) else [str(scan['coverage'])]
    row('what the capture lost, told by the file', lost, flow, check=told)
    for said, data in (('pcapng', lost), ('simple packets', f.section() + f.interface() + b''.join(f.simple(p) for p in e))):
        row('%s in gzip' % said, gzip.compress(data), flow)
        row('%s in zstd' % said, zstd(data), flow)
        cut = lambda scan, _: [] if any(x['kind'] == 'cut-short' for x in scan['coverage']['blind_spots']) else ['not told']
        row('%s, cut inside a block behind the last packet' % said, data + f.block(6, bytes(100))[:50], flow, check=cut)


def zstd(data):
    """A frame of one block that is not compressed (RFC 8878 section 3.1.1)."""
    return struct.pack('<IBI', 0xfd2fb528, 0xa0, len(data)) + (len(data) << 3 | 1).to_bytes(3, 'little') + data


# ---- the test ----

def flows_of(path, folder, options=()):
    out = folder.file('flows')
    result = common.run('scan', '-r', path, '--flows', out, '-o', folder.file('scan.json'), *options)
    if result.returncode:
        return None, common.said(result)
    with open(out, encoding='utf8') as lines:
        return [json.loads(line) for line in lines], common.load(folder.file('scan.json'))


def told(flow):
    return (flow['dst'], flow['dst_port'], flow['transport'], flow['name'])


def check(results, folder, name, capture, wanted, more):
    path = folder.write('capture', capture)
    flows, scan = flows_of(path, folder, more.get('options', ()))
    if flows is None and 'zstd' in name and 'zstd' in scan:
        results.skip(name, 'built without zstd')
        return
    if flows is None:
        results.bad(name, scan)
        return
    found = sorted((told(x) for x in flows if not more.get('others') or told(x) in wanted), key=str)
    problems = [] if found == sorted(wanted, key=str) else ['%s instead of %s' % (found, sorted(wanted, key=str))]
    problems += ['%s is %s' % (x['name'], x['conn_state']) for x in flows
                 if x['transport'] == 'tcp' and x['conn_state'] != 'SF' and not more.get('open')]
    if 'check' in more:
        problems += more['check'](scan, flows)
    results.check(not problems, name, '; '.join(problems))


def main():
    results = common.Results()
    common.need_program(results)
    for make in (links, aggregates, tunnels, pieces, files):
        make()
    ROWS.run(results)


def write(rows, folder):
    """The captures, for other programs to read."""
    os.makedirs(folder, exist_ok=True)
    for name, capture, _, _ in rows:
        with open(os.path.join(folder, name.replace(' ', '_').replace(',', '').replace('/', '') + '.pcap'), 'wb') as out:
            out.write(capture)


if __name__ == '__main__':
    main()
