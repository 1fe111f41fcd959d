#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpora of the fuzz targets: corpus/TARGET/NAME.

usage: make_seeds.py [DIR]      (default: corpus beside this script)

Same bytes on every run. Each seed is small and hand-made, and shows a fuzzer one
form of its format; files named found-* beside them are inputs that once broke
something and are not touched.
"""
import gzip
import json
import os
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
import wire_frames  # noqa: E402
import wire_names  # noqa: E402


# ---- DNS -------------------------------------------------------------------

def name(text):
    labels = [label.encode() for label in text.split('.') if label]
    return b''.join(bytes([len(x)]) + x for x in labels) + b'\0'


def pointer(place):
    return struct.pack('>H', 0xc000 | place)


def header(flags, questions, answers, additional=0):
    return struct.pack('>6H', 0x1234, flags, questions, answers, 0, additional)


def question(owner, qtype):
    return name(owner) + struct.pack('>2H', qtype, 1)


def record(owner, rtype, data, ttl=60):
    return owner + struct.pack('>2HIH', rtype, 1, ttl, len(data)) + data


def dns():
    q = question('www.example.com', 1)
    a = record(pointer(12), 1, bytes([192, 0, 2, 1]))
    edns = b'\0' + struct.pack('>2HIH', 41, 1232, 0, 0)
    chain = record(pointer(12), 5, name('edge.example.net')) + record(name('EDGE.example.NET'), 1, bytes([192, 0, 2, 7]))
    unordered = (record(name('b.example'), 5, name('c.example')) + record(name('c.example'), 28, bytes(16)) +
                 record(pointer(12), 5, name('b.example')))
    loop = record(pointer(12), 5, name('b.example')) + record(name('b.example'), 5, pointer(12))
    dname = record(name('example.com'), 39, name('example.org')) + record(name('www.example.org'), 1, bytes([192, 0, 2, 9]))
    tower = b''.join(pointer(12 + 2 * i) for i in range(40))
    many = b''.join(record(pointer(12), 1, bytes([192, 0, 2, i])) for i in range(70))
    steps = b''.join(record(name('n%d.example' % i), 5, name('n%d.example' % (i + 1))) for i in range(20))
    pieces, place = b'', 12
    for i in range(100):
        pieces, place = pieces + b'\1b' + pointer(place), 44 + 4 * i
    climbers = record(b'\0', 16, pieces) + b''.join(
        record(b'\1' + bytes([97 + i % 26]) + pointer(place), 1, bytes(4)) for i in range(60))
    return {
        'query': header(0x0100, 1, 0) + q,
        'answer': header(0x8180, 1, 1) + q + a,
        'answer-edns': header(0x8180, 1, 1, 1) + q + a + edns,
        'chain-mixed-case': header(0x8180, 1, 2) + q + chain,
        'chain-out-of-order': header(0x8180, 1, 3) + q + unordered,
        'chain-of-twenty': header(0x8180, 1, 20) + question('n0.example', 1) + steps,
        'cname-loop': header(0x8180, 1, 2) + q + loop,
        'dname': header(0x8180, 1, 2) + q + dname,
        'nxdomain': header(0x8183, 1, 0) + q,
        'truncated': header(0x8380, 1, 0) + q,
        'update': header(0x2800, 1, 0) + q,
        'no-question': header(0x8180, 0, 1) + record(name('a.example'), 1, bytes(4)),
        'many-addresses': header(0x8180, 1, 70) + q + many,
        'pointer-forward': header(0x8180, 1, 1) + q + record(pointer(60), 1, bytes(4)),
        'pointer-to-itself': header(0x8180, 1, 1) + q + record(pointer(33), 1, bytes(4)),
        'pointer-tower': header(0x8180, 1, 1) + q + record(b'\0', 16, tower) + record(pointer(80), 1, bytes(4)),
        'pointer-towers-climbed-often': header(0x8180, 1, 61) + q + climbers,
        'binary-label': header(0x0100, 1, 0) + b'\x04a.\\\xff\x03\x00 \x7f\0' + struct.pack('>2H', 1, 1),
        'https-hints': header(0x8180, 1, 2) + question('x.example', 65) +
            record(pointer(12), 65, b'\0\0' + name('y.example')) +
            record(name('y.example'), 65, b'\0\1\0\0\4\0\4\xc0\0\2\1\0\6\0\x10' + bytes(16)),
        'https-record': header(0x8180, 1, 1) + question('x.example', 65) + record(pointer(12), 65, b'\0\1\0'),
    }


# ---- TLS -------------------------------------------------------------------

def vector(width, data):
    return len(data).to_bytes(width, 'big') + data


def extension(number, data):
    return struct.pack('>H', number) + vector(2, data)


def server_name(*names):
    return extension(0, vector(2, b''.join(bytes([kind]) + vector(2, text) for kind, text in names)))


def hello(*extensions, session=b'', version=0x0303):
    body = (struct.pack('>H', version) + bytes(range(32)) + vector(1, session) +
            vector(2, bytes.fromhex('13011302c02f')) + vector(1, b'\0'))
    if extensions:
        body += vector(2, b''.join(extensions))
    return b'\1' + vector(3, body)


def records(message, size):
    pieces = [message[i:i + size] for i in range(0, len(message), size)]
    return b''.join(b'\x16\3\1' + vector(2, piece) for piece in pieces)


def tls():
    sni = server_name((0, b'www.Example.com'))
    alpn = extension(16, vector(2, vector(1, b'h2') + vector(1, b'http/1.1')))
    versions = extension(43, vector(1, bytes.fromhex('5a5a03040303')))
    full = hello(extension(0x2a2a, b''), sni, alpn, versions, extension(51, bytes(40)), session=bytes(32))
    empty = b'\x16\3\1\0\0'
    return {
        'hello': records(full, 16384),
        'hello-then-data': records(full, 16384) + b'\x14\3\3\0\1\1',
        'hello-old': records(hello(version=0x0301), 16384),
        'records-of-one-byte': records(full, 1),
        'records-of-a-hundred-bytes': records(full, 100),
        'empty-record-between': records(full[:50], 50) + empty + records(full[50:], 200),
        'alert-between': records(full[:50], 50) + b'\x15\3\1\0\2\2\x28' + records(full[50:], 200),
        'cut-short': records(full, 16384)[:120],
        'several-name-types': records(hello(server_name((7, b'\0\1'), (0, b'a.example'))), 16384),
        'binary-name': records(hello(server_name((0, b'a\0<b>\xff.'))), 16384),
        'ech': records(hello(sni, extension(0xfe0d, bytes(20))), 16384),
        'esni': records(hello(extension(0xffce, bytes(20))), 16384),
        'message': full,
        'server-hello': b'\x16\3\3' + vector(2, b'\2' + vector(3, bytes(40))),
        'sslv2-hello': bytes.fromhex('802e0103010015000000100100800300800700c0') + bytes(28),
        'claims-too-much': b'\x16\3\1' + vector(2, b'\1\0\xff\xff' + bytes(60)),
    }


# ---- HTTP ------------------------------------------------------------------

def http():
    return {
        'get': b'GET /a?b=c HTTP/1.1\r\nHost: www.Example.com:8080\r\n\r\n',
        'post': b'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
        'chunked': b'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
        'connect': b'CONNECT db.example:443 HTTP/1.1\r\n\r\n',
        'connect-ipv6': b'CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n',
        'absolute': b'GET http://user@h.example:81/p HTTP/1.1\r\nHost: other\r\n\r\n',
        'asterisk': b'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
        'bare-lf': b'GET / HTTP/1.0\nHost: a\n\n',
        'folded': b'GET / HTTP/1.1\r\nHost:\r\n a.example\r\nX: y\r\n\tz\r\n\r\n',
        'no-host': b'GET / HTTP/1.0\r\n\r\n',
        'odd-host': b'GET / HTTP/1.1\r\nHost: <a\x1b>\r\n\r\n',
        'webdav': b'\r\nVERSION-CONTROL /doc HTTP/1.1\r\nHost: dav\r\n\r\n',
        'http2-preface': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        'rtsp': b'OPTIONS rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n',
        'sip': b'INVITE sip:a@b SIP/2.0\r\n\r\n',
        'ssh': b'SSH-2.0-OpenSSH_9.2\r\n',
        'status': b'HTTP/1.1 503 Service Unavailable\r\n\r\n',
        'unfinished': b'GET / HTTP/1.1\r\nHost: a\r\nX-Long: ',
    }


# ---- text ------------------------------------------------------------------

def escape():
    return {
        'plain': b'api.example.com',
        'markup': b'<script>alert("x")</script>&amp;\\n|`*_[](){}',
        'formula': b'=cmd|\' /C calc\'!A0',
        'controls': b'a\x1b[31mb\rc\nd\x7f\x9b',
        'bidirectional': 'a\u202eb\u2066c\u2028d'.encode(),
        'invalid-utf8': b'\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xff\xe2\x82',
        'valid-utf8': 'é漢😀\u0085'.encode(),
    }


def units():
    texts = ['250us', '1.5s', '5m', '7d', '0', '1e9', '-1s', '64KiB', '2GiB', '10MB', '18446744073709551615',
             '2026-11-21T13:05:45.123456Z', '2026-02-29T00:00:00Z', '1969-12-31T23:59:59.999999999Z',
             '2262-04-11T23:47:16Z']
    seeds = {'text-%02d' % i: text.encode() for i, text in enumerate(texts)}
    seeds['lowest'] = struct.pack('<q', -2**63)
    seeds['highest'] = struct.pack('<q', 2**63 - 1)
    return seeds


def addr():
    texts = ['192.0.2.1', '::', '::1', '2001:db8::8:800:200c:417a', '::ffff:192.0.2.1', 'fe80::1/64', '10.0.0.0/8',
             '1.2.3', '1.2.3.256', '01.2.3.4', ':::', '1::2::3', '10.0.0.0/33', 'ff02::fb/', '1:2:3:4:5:6:7:8']
    seeds = {'text-%02d' % i: text.encode() for i, text in enumerate(texts)}
    seeds['bytes-two-runs'] = bytes.fromhex('20010db8000000000001000000000001')
    return seeds


def options():
    lines = ['-f\nfile', '-ofile', '-o\nfile', '--out=file', '--out\nfile', '-n\n5', '-n\n101', '--for=5s', '--for\nx',
             '-r\na\n--read=b', '--\n-f', '-', '--share=0.5', '--share=nan', '--size=1MiB', '--help', '--unknown', '-z',
             '-fo', '--fl', '-f=1', '--out']
    return {'line-%02d' % i: line.encode() for i, line in enumerate(lines)}


# ---- files -----------------------------------------------------------------

def graph():
    nodes = [{'id': 'service:a/web', 'kind': 'service'}, {'id': 'endpoint:db:5432/tcp', 'kind': 'endpoint'},
             {'id': 'address:192.0.2.1', 'kind': 'address', 'failure_probability': 0.01},
             {'id': 'address:192.0.2.2', 'kind': 'address', 'failure_probability': None}]
    requirements = [
        {'of': 'service:a/web', 'needs': 1, 'members': ['endpoint:db:5432/tcp'], 'coupling': 0.5, 'evidence': 'seen'},
        {'of': 'endpoint:db:5432/tcp', 'needs': 1, 'members': ['address:192.0.2.2', 'address:192.0.2.1']}]
    whole = {'schema': 'faultline.graph/1', 'nodes': nodes, 'requirements': requirements,
             'entry_points': [{'node': 'service:a/web', 'weight': 3}]}
    dangling = dict(whole, requirements=[{'of': 'x', 'needs': 1, 'members': ['y']}])
    return {
        'whole': json.dumps(whole).encode(),
        'entry-points-as-ids': json.dumps(dict(whole, entry_points=['service:a/web'])).encode(),
        'empty': b'{"schema":"faultline.graph/1","nodes":[],"requirements":[],"entry_points":[]}',
        'dangling': json.dumps(dangling).encode(),
        'other-major': b'{"schema":"faultline.graph/2"}',
        'deep': b'[' * 100 + b']' * 100,
        'odd-types': b'{"schema":"faultline.graph/1","nodes":{},"requirements":[1],"entry_points":null}',
        'not-utf8': b'{"schema":"\xff"}',
        'duplicate-key': b'{"schema":"faultline.graph/1","schema":"faultline.graph/1"}',
    }


def scan():
    stamp, later = '2026-11-21T13:05:45Z', '2026-11-21T14:05:45Z'
    dependency = {'host': 'h', 'service': 'web', 'attribution': 'host', 'name': 'db.example', 'name_source': 'dns',
                  'port': 5432, 'transport': 'tcp', 'addresses': ['192.0.2.1'], 'cname_chain': ['x.example'],
                  'scope': 'external', 'class': 'on-request', 'answered': True, 'coupling': None,
                  'connections': {'tried': 3, 'established': 2, 'refused': 1}, 'exchanges': '18446744073709551615',
                  'failed_addresses': ['192.0.2.1'], 'provider': 'example', 'hosts_asked': ['pool.example'],
                  'connect_s': {'count': 3, 'buckets': [[0, 1], [70, 2]]},
                  'timeline': {'start': '2026-11-21T13:05:44Z', 'width_s': 4, 'buckets': [1, 0, 2]},
                  'first_seen': stamp, 'last_seen': stamp}
    five = {'count': 4, 'min': 0.1, 'p10': 0.1, 'p50': 0.2, 'p90': 0.2, 'max': 0.3}
    dependency['behaviour'] = {
        'outcomes': {'answered': 40, 'error': 3, 'response-timeout': 1}, 'connect_timeout_s': None, 'response_timeout_s': five,
        'retries': {'calls': 3, 'retried': 2, 'recovered': [0, 2], 'gave_up': [1], 'gaps_s': [five, {'count': 0}],
                    'other_address': 1, 'first': stamp, 'last': later},
        'intervals': [{'kind': 'stall', 'start': stamp, 'end': later, 'attempts': 4, 'failures': 0, 'in_flight_max': 3},
                      {'kind': 'outage', 'start': later, 'end': later, 'attempts': 4, 'failures': 4, 'in_flight_max': 1}],
        'in_flight_max': 3, 'in_flight_plateau_s': 0, 'calls_per_inbound': 1.5, 'nested_share': 1, 'coupling_p': 0.005,
        'surfacing': {'failed_calls': 4, 'surfaced_calls': 1, 'late_calls': 0, 'others': 9, 'other_failures': 2, 'other_late': 1, 'certainty': 0.9},
        'series': {'start': '2026-11-21T13:05:44Z', 'width_s': 0.5, 'buckets': 3, 'started': [1, 2], 'answered': [1, 1],
                   'failed': [0, 1], 'in_flight_max': [1], 'in_flight_s': [0.25], 'answer_s': [0, 0.5]}}
    entry = {'client': '192.0.2.9', 'resolver': '192.0.2.53', 'transport': 'udp', 'name': 'db.example', 'type': 'A',
             'rcode': 'NOERROR', 'cname_chain': [], 'addresses': ['192.0.2.1'], 'count': 1, 'first_seen': stamp,
             'last_seen': stamp}
    whole = {'schema': 'faultline.scan/1', 'point': 'h', 'source': 'file',
             'host': {'name': 'h', 'addresses': ['192.0.2.9']},
             'hosts': [{'name': 'h', 'addresses': ['192.0.2.9']}], 'window': {'start': stamp, 'end': stamp},
             'coverage': {'packets': 10, 'host_detection': 'given', 'unseen_dependencies': 0.5, 'window_for_95_s': None,
                          'limits': [{'name': 'flow table', 'limit': 9, 'hits': 1, 'what': 'flows evicted'}],
                          'blind_spots': [{'kind': 'ech', 'count': 1, 'text': 'names were encrypted'}]},
             'services': [{'host': 'h', 'name': 'web', 'ports': [{'port': 80, 'transport': 'tcp'}],
                           'clients': [{'address': '2001:db8::1', 'connections': 2, 'exchanges': 3, 'probe': True}]}],
             'dependencies': [dependency], 'names': [entry]}
    return {
        'whole': json.dumps(whole).encode(),
        'set': json.dumps({'schema': 'faultline.scan-set/1', 'scans': [whole, whole]}).encode(),
        'two-windows': json.dumps({'schema': 'faultline.scan-set/1',
                                   'scans': [whole, dict(whole, window={'start': stamp, 'end': later})]}).encode(),
        'bare-minimum': json.dumps({'schema': 'faultline.scan/1', 'point': 'p',
                                    'window': {'start': stamp, 'end': stamp}}).encode(),
        'empty-set': b'{"schema":"faultline.scan-set/1","scans":[]}',
        'no-schema': b'{}',
        'odd-types': json.dumps(dict(whole, dependencies=[{'port': 'x', 'addresses': [7]}])).encode(),
        'cut-short': json.dumps(whole).encode()[:200],
    }


def request():
    """As fuzz_request.c reads them: number of the protocol, then bytes."""
    http, postgresql, mysql, redis, dns_, tls = 2, 6, 7, 8, 4, 1
    return {
        'http': bytes([http]) + b"POST /pay/17?x=1 HTTP/1.1\r\nHost: a\r\n\r\n{'a'}",
        'http-500': bytes([http]) + b'HTTP/1.1 500 Oops\r\n\r\n',
        'statement': bytes([postgresql]) + b"Q\0\0\0\x33SELECT * FROM t WHERE id = 17 AND name = 'x",
        'too-many-connections': bytes([postgresql]) + b'1\0\0\0\4N\0\0\0\x0eSNOTICE\0\0\0E\0\0\0\x1bSFATAL\0C53300\0\0',
        'lock-wait': bytes([mysql]) + b'\x20\0\0\1\xff\xb5\4#HY000Lock wait',
        'query': bytes([mysql]) + b'\x09\0\0\0\3SELECT 1',
        'get': bytes([redis]) + b'*2\r\n$3\r\nGET\r\n$3\r\nabc\r\n',
        'oom': bytes([redis]) + b'-OOM command not allowed\r\n',
        'question': bytes([dns_]) + header(0x0100, 1, 0) + question('wWw.example.com', 1),
        'tickets': bytes([tls]) + 2 * (b'\x17\3\3\0\x40' + bytes(64)),
        'finished': bytes([tls]) + b'\x14\3\3\0\1\1\x17\3\3\0\x35' + bytes(53) + b'\x17\3\3\0\x08' + bytes(8),
    }


def fragment():
    """As fuzz_fragment.c reads them: who, place, size, flags, time, payload."""
    def piece(who, place, data, more=1, time=0):
        return bytes((who, place, len(data), more, time)) + data
    first, second, last = bytes(range(16)), bytes(range(16, 32)), b'end'
    return {
        'in-order': piece(0, 0, first) + piece(0, 2, second) + piece(0, 4, last, 0),
        'backwards': piece(0, 4, last, 0) + piece(0, 2, second) + piece(0, 0, first),
        'duplicates': piece(0, 0, first) * 2 + piece(0, 2, second) * 2 + piece(0, 4, last, 0) * 2,
        'overlap': piece(0, 0, first) + piece(0, 1, second) + piece(0, 3, last, 0),
        'overlap-ipv6': piece(2, 0, first) + piece(2, 1, second) + piece(2, 3, last, 0),
        'two-ends': piece(0, 4, last, 0) + piece(0, 6, last, 0) + piece(0, 0, first) + piece(0, 2, second),
        'too-old': piece(0, 0, first) + piece(0, 2, last, 0, 200),
        'cut': piece(0, 0, first, 3) + piece(0, 2, last, 0),
        'far': piece(4, 255, last, 0) + piece(4, 0, first),
        'too-long': piece(4, 255, bytes(255), 0),
        'empty': piece(0, 0, b'') + piece(0, 0, b'', 0),
        'many': b''.join(piece(i % 256 & 0xf1, i % 200, first) for i in range(100)),
    }


def frames():
    """(link type, frame) with tunnels and fragments around one UDP packet."""
    udp = struct.pack('>4H', 40000, 53, 10, 0) + b'ab'

    def ip(protocol, data, flags=0):
        return struct.pack('>2B3H2BH', 0x45, 0, 20 + len(data), 7, flags, 64, protocol, 0) + bytes(
            (10, 0, 0, 1, 10, 0, 0, 2)) + data

    def ip6(protocol, data):
        return struct.pack('>IHBB', 6 << 28, len(data), protocol, 64) + bytes.fromhex(
            '20010000000100000000000000000001' '20010db8000000000000000000000002') + data

    def port(number, data):
        return ip(17, struct.pack('>4H', 40000, number, 8 + len(data), 0) + data)

    def gre(flags, protocol, data):
        return ip(47, struct.pack('>2H', flags, protocol) + data)
    macs, inner = bytes(range(12)), ip(17, udp)
    ethernet = macs + b'\x08\0' + inner
    snap = b'\xaa\xaa\3\0\0\0\x08\0' + inner
    wlan = bytes(22)
    gtp = b'\x36\xff' + struct.pack('>HI', len(inner) + 8, 1) + b'\0\1\0\x85' + b'\1\0\0\0'
    return {
        'gre': (12, gre(0, 0x0800, inner)),
        'gre-checksum-key-sequence': (12, gre(0xb000, 0x0800, bytes(12) + inner)),
        'gre-bridging': (12, gre(0, 0x6558, ethernet)),
        'gre-pptp': (12, gre(0x3081, 0x880b, bytes(12) + b'\xff\3\0\x21' + inner)),
        'gre-aruba': (12, gre(0, 0x8200, b'\x08\1' + wlan + snap)),
        'gre-wccp': (12, gre(0, 0x883e, bytes(4) + inner)),
        'erspan-1': (12, gre(0, 0x88be, ethernet)),
        'erspan-2': (12, gre(0x1000, 0x88be, bytes(12) + ethernet)),
        'erspan-3': (12, gre(0x1000, 0x22eb, bytes(15) + b'\1' + bytes(8) + ethernet)),
        'vxlan': (12, port(4789, b'\x08' + bytes(7) + ethernet)),
        'vxlan-old-port': (12, port(8472, b'\x08' + bytes(7) + ethernet)),
        'vxlan-no-ip': (12, port(4789, b'\x08' + bytes(7) + macs + b'\x88\xcc')),
        'geneve': (12, port(6081, b'\1\0\x65\x58' + bytes(8) + ethernet)),
        'gtp': (12, port(2152, gtp + inner)),
        'teredo': (12, port(3544, b'\0\1\0\0' + bytes(9) + b'\0\0' + bytes(6) + ip6(17, udp))),
        'six-tunnels': (12, ip(4, ip(4, ip(4, ip(4, ip(4, ip(4, inner))))))),
        'seven-tunnels': (12, ip(4, ip(4, ip(4, ip(4, ip(4, ip(4, ip(4, inner)))))))),
        'fragment-first': (12, ip(17, struct.pack('>4H', 40000, 53, 24, 0) + b'ab', 0x2000)),
        'fragment-last': (12, ip(17, b'cdefghij', 0x0001)),
        'fragment-ipv6': (12, ip6(44, b'\x3c\0\0\1\0\0\0\1' + b'\x2c\0\0\0\0\0\0\0' + b'\x11\0\0\1\0\0\0\2' + udp)),
        'fragment-in-vxlan': (12, port(4789, b'\x08' + bytes(7) + macs + b'\x08\0' + ip(17, udp + b'cdefgh', 0x2000))),
        'mpls-pseudowire': (1, macs + b'\x88\x47\0\0\1\x40' + bytes(4) + ethernet),
        'wlan': (105, b'\x08\1' + wlan + snap),
        'wlan-amsdu': (105, b'\x88\1' + wlan + b'\x80\0' + macs + struct.pack('>H', len(snap)) + snap),
        'radiotap': (127, b'\0\0\x20\0\3\0\0\x80' + bytes(16) + b'\x20' + bytes(7) + b'\x88\1' + wlan + bytes(4) + snap),
        'prism': (119, bytes(144) + b'\x08\1' + wlan + snap),
        'avs': (163, b'\x80\x21\x10\1\0\0\0\x40' + bytes(56) + b'\x08\1' + wlan + snap),
        'ppi': (192, b'\0\0\x08\0\x69\0\0\0\x08\1' + wlan + snap),
        'ppp': (9, b'\xff\3\0\x21' + inner),
        'ppp-short': (50, b'\x21' + inner),
        'cisco': (104, b'\x0f\0\x08\0' + inner),
    }


def decode():
    """The first byte chooses the link type, as in fuzz_decode.c."""
    links = [0, 1, 12, 101, 108, 113, 127, 228, 229, 276, 9, 50, 51, 104, 105, 119, 163, 166, 192, 204, 147]
    return {name: bytes((links.index(link),)) + frame for name, (link, frame) in frames().items()}


def block(kind, body, order='<'):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + 'I', 12 + len(body))
    return struct.pack(order + 'I', kind) + size + body + size


def source():
    def section(order='<'):
        return block(0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1), order)

    def interface(link, snaplen=0, options=b'', order='<'):
        return block(1, struct.pack(order + 'HHI', link, 0, snaplen) + options, order)

    def packet(number, frame, order='<'):
        return block(6, struct.pack(order + '5I', number, 0, 1000, len(frame), len(frame)) + frame, order)
    every = list(frames().values())
    links = sorted({link for link, _ in every})
    all_links = section() + b''.join(interface(link) for link in links) + b''.join(
        packet(links.index(link), frame) for link, frame in every)
    frame = every[0][1]
    times = (section() + interface(12, 64, struct.pack('<HHB3x', 9, 1, 0x9e) + struct.pack('<HHq', 14, 8, -5)) +
             interface(12, 0, struct.pack('<HHB3x', 9, 1, 12)) + packet(0, frame) + packet(1, frame))
    old = (block(2, struct.pack('<HH4I', 0, 1, 0, 7, len(frame), len(frame)) + frame) +
           block(3, struct.pack('<I', len(frame)) + frame))
    lost = block(5, struct.pack('<3I', 0, 0, 0) + struct.pack('<HHQ', 5, 8, 3) + struct.pack('<HHQ', 7, 8, 4))
    modified = (struct.pack('<IHHIIII', 0xa1b2cd34, 2, 4, 0, 0, 65535, 12) +
                struct.pack('<4I8x', 1, 2, len(frame), len(frame)) + frame)
    swapped = (struct.pack('>IHHIIII', 0xa1b2c3d4, 2, 2, 0, 0, 65535, 12) +
               struct.pack('>4I', 1, 2, 100, len(frame)) + frame)
    zstd = bytes.fromhex('28b52ffd2000010000')  # an empty frame
    return {
        'pcapng-all-links': all_links,
        'pcapng-times': times,
        'pcapng-old-packets': section() + interface(12, 40) + old,
        'pcapng-statistics': section() + interface(12) + packet(0, frame) + lost,
        'pcapng-two-sections': section('>') + interface(12, order='>') + packet(0, frame, '>') + times,
        'pcapng-unknown-blocks': section() + block(0xbad, bytes(100)) + interface(12) + block(10, b'keys') + packet(0, frame),
        'pcapng-unknown-link': section() + interface(147) + packet(0, frame),
        'pcapng-no-interface': section() + packet(0, frame),
        'pcapng-cut': all_links[:-30],
        'pcap-modified': modified,
        'pcap-swapped-lengths': swapped,
        'zstd-empty': zstd,
        'zstd-skippable': bytes.fromhex('502a4d1804000000') + b'skip' + zstd,
    }


LINKS = [1, 101, 113, 276, 105, 127, 9, 0, 12, 104, 50, 107, 239]        # as in fuzz_scanner.c


def scanner_record(frame, link=1):
    return struct.pack('>HB', LINKS.index(link) << 12 | len(frame), 1) + frame


def records_of(capture, most):
    """The first frames of a pcap, as fuzz_scanner.c reads them; none when it is of another kind."""
    magic, link = struct.unpack('<I', capture[:4])[0], struct.unpack('<I', capture[20:24])[0]
    if magic not in (0xa1b2c3d4, 0xa1b23c4d) or link not in LINKS:
        return b''
    at, frames = 24, []
    while at + 16 <= len(capture) and len(frames) < most:
        size = struct.unpack('<I', capture[at + 8:at + 12])[0]
        if size <= 1600:
            frames.append(scanner_record(capture[at + 16:at + 16 + size], link))
        at += 16 + size
    return b''.join(frames)


def scanner():
    """Captures of the demo and those that the end-to-end tests make, as fuzz_scanner.c reads them; one with windows, one with owners."""
    seeds = {}
    folder = os.path.join(HERE, '..', 'demo', 'captures')
    for entry in sorted(os.listdir(folder)):
        if entry.endswith('.pcap.gz'):
            with gzip.open(os.path.join(folder, entry)) as capture:
                seeds[entry.split('.')[0]] = b'\0' + records_of(capture.read(), 40)
    for make in (wire_names.tls, wire_names.around, wire_names.starttls, wire_names.proxies, wire_names.dns, wire_frames.links,
                 wire_frames.tunnels, wire_frames.pieces):
        make()
    for name, capture, *_ in wire_names.ROWS.list + wire_frames.ROWS.list:
        made = records_of(capture, 60)
        if made and len(made) < 6000:
            seeds['row-' + ''.join(c for c in name.replace(' ', '-') if c.isalnum() or c == '-').lower()] = b'\0' + made
    seeds['windows'] = seeds['edge'] + struct.pack('>HB', 15 << 12, 0x81) + seeds['api1'][1:] + struct.pack('>HB', 14 << 12, 2) + seeds['db'][1:]
    calls = list(http2().values())
    seeds['http2'] = connection([(0, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), (0, calls[0]), (1, calls[6]), (0, calls[7]), (1, calls[8])])
    get = b'GET / HTTP/1.1\r\nHost: %s\r\n\r\n'
    ok = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    seeds['pipelined'] = connection([(0, get % b'a' + get % b'b'), (0, get % b'c'), (1, ok), (1, ok + ok), (0, get % b'a'), (1, ok)])
    post = b'POST / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n'
    pieces = b'5\r\nhello\r\n', b'14\r\nabcdefghij', b'klmnopqrst\r\n0\r\nX: 1\r\n\r\n'
    more = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    seeds['chunked'] = connection([(0, get % b'a' + post % b'b'), (0, pieces[0] + pieces[1]), (0, pieces[2] + get % b'c'), (1, ok + more),
                                   (1, pieces[0] + pieces[1]), (1, pieces[2] + ok)])
    seeds['upgrade'] = connection([(0, b'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n'),
                                   (1, b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n' + calls[6]),
                                   (0, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + calls[0]), (1, calls[6])])
    v4 = bytes(10) + b'\xff\xff\n\0\0'
    owner = v4 + b'\1' + v4 + b'\2' + bytes(32) + struct.pack('<q3I4H6B6x', 1795000000 * 10 ** 9, 9, 0, 0, 41000, 8080, 0, 0, 6, 0, 1, 0, 1, 0)
    owner += b'shop.service'.ljust(128, b'\0') + b'shopd'.ljust(64, b'\0')
    seeds['owners'] = b'\x20' + struct.pack('>HB', 13 << 12 | len(owner), 1) + owner + seeds['chunked'][1:]
    return seeds


def connection(said):
    """Frames of a TCP connection from its SYN to its end, as scanner() makes them; said: (side, payload)."""
    seq, frames = [1000, 5000], []

    def send(side, flags, payload=b''):
        ends = (b'\n\0\0\1', b'\n\0\0\2')
        ports = (41000, 8080)
        tcp = struct.pack('>2H2I2B3H', ports[side], ports[1 - side], seq[side], seq[1 - side], 0x50, flags, 1000, 0, 0) + payload
        ip = struct.pack('>2B3H2BH', 0x45, 0, 20 + len(tcp), len(frames), 0, 64, 6, 0) + ends[side] + ends[1 - side]
        frame = b'\2\0\0\0\0' + bytes((2 - side,)) + b'\2\0\0\0\0' + bytes((1 + side,)) + b'\x08\0' + ip + tcp
        frames.append(scanner_record(frame))
        seq[side] += len(payload) + (flags & 3 != 0)

    for side, flags in ((0, 2), (1, 0x12), (0, 0x10)):
        send(side, flags)
    for side, payload in said:
        send(side, 0x18, payload)
    for side in (0, 1):
        send(side, 0x11)
    return b'\0' + b''.join(frames)


def hello_message():
    names = extension(0, vector(2, b'\0' + vector(2, b'quic.example')))
    body = b'\3\3' + bytes(32) + b'\0' + vector(2, b'\x13\1') + vector(1, b'\0')
    return b'\1' + vector(3, body + vector(2, names + extension(16, vector(2, vector(1, b'h3')))))


def quic():
    """As fuzz_quic.c reads them: what they are, then datagrams behind their length."""
    hello = hello_message()
    size = len(hello)

    def crypto(begin, end):
        return b'\6' + struct.pack('>2H', 0x4000 | begin, 0x4000 | end - begin) + hello[begin:end]

    def fragment(begin, end, number=0):
        body = b'\xfe\xfd' + hello[6:39] + b'\4cook' + hello[39:]
        message = b'\1' + struct.pack('>I', len(body))[1:] + struct.pack('>H', number) + \
            struct.pack('>I', begin)[1:] + vector(3, body[begin:end])
        return b'\x16\xfe\xfd' + bytes(8) + vector(2, message)

    google = (b'CHLO\2\0\0\0PAD\0' + struct.pack('<I', 3) + b'SNI\0' + struct.pack('<I', 10) + b'xxxg.test')
    header = b'\xc3\0\0\0\1\x08' + bytes(range(8)) + b'\0\0\x40\x30' + bytes(48)
    ack = b'\2\5\0\2\1\0\0\0\0' + b'\3\5\0\0\1\1\2\3'
    return {
        'sealed-whole': b'\2' + vector(2, crypto(0, size)),
        'sealed-three-datagrams': b'\2' + b''.join(vector(2, crypto(a, b)) for a, b in ((40, size), (0, 20), (10, 40))),
        'sealed-shuffled': b'\2' + vector(2, b'\0\1'.join(crypto(a, min(a + 7, size)) for a in range((size - 1) // 7 * 7, -1, -7))),
        'sealed-other-frames': b'\2' + vector(2, ack + crypto(0, size) + b'\x1c\1\0\3bye'),
        'sealed-far-away': b'\2' + vector(2, b'\6\xff\xff\xff\xff\xff\xff\xff\xff\1x'),
        'initial': b'\0' + vector(2, header + header),
        'google-43': b'\0' + vector(2, b'\x0d12345678Q043\1' + bytes(14) + google),
        'google-46': b'\0' + vector(2, b'\xc3Q046\x5012345678\0\0\0\1' + bytes(14) + google),
        'negotiation': b'\0' + vector(2, b'\x80\0\0\0\0\4abcd\0\0\0\0\1'),
        'dtls-whole': b'\1' + vector(2, fragment(0, 1000)),
        'dtls-fragments': b'\1' + vector(2, fragment(50, 1000)) + vector(2, fragment(0, 30) + fragment(20, 60)),
        'dtls-again': b'\1' + vector(2, fragment(0, 30)) + vector(2, fragment(0, 1000, 1)),
    }


def application():
    """First bytes of a few protocols that have a length or a structure."""
    return {
        'postgresql': b'\0\0\0\x0d\0\3\0\0user\0', 'postgresql-query': b'Q\0\0\0\x0dselect 1\0',
        'postgresql-parse': b'P\0\0\0\x14s1\0SELECT $1\0\0\0', 'mysql-query': b'\x09\0\0\0\3SELECT 1',
        'mysql': b'\x4a\0\0\0\x0a8.0.33\0', 'redis': b'*2\r\n$3\r\nGET\r\n$1\r\na\r\n',
        'mongodb': struct.pack('<4I', 32, 1, 0, 2013) + bytes(16), 'cassandra': b'\5\0\0\1\7\0\0\0\4\0\0\0\0',
        'kafka': b'\0\0\0\x12\0\x12\0\3\0\0\0\1\0\x08producer',
        'zookeeper': struct.pack('>2I', 45, 0) + bytes(20) + struct.pack('>I', 16) + bytes(17),
        'memcached': b'get key\r\n', 'memcached-binary': b'\x80\0\0\3' + bytes(7) + b'\3' + bytes(12) + b'key',
        'amqp-method': b'\1\0\1\0\0\0\5\0\x3c\0\x28\0\xce', 'mqtt-publish': b'\x30\7\0\3a/bxy',
        'mqtt-connect': b'\x10\x0e\0\4MQTT\4\2\0\x3c\0\2ab', 'ldap': b'\x30\x84\0\0\0\x0c\2\1\1\x63\7\2\1\3',
        'kerberos': b'\0\0\0\x20\x6a\x1e\x30\x1c\xa1\3\2\1\5\xa2\3\2\1\x0a' + bytes(20),
        'rpc': b'\x80\0\0\x28' + struct.pack('>6I', 1, 0, 2, 100003, 3, 0), 'rdp': b'\3\0\0\x13\x0e\xe0' + bytes(5) + b'\1\0\x08\0\3\0\0\0',
        'imap': b'a001 LOGIN me secret\r\n', 'smtp': b'220 mail.example ESMTP\r\n', 'sip': b'INVITE sip:b@c SIP/2.0\r\n',
        'stun': b'\0\1\0\0\x21\x12\xa4\x42' + bytes(12), 'radius': b'\1\7\0\x1a' + bytes(16) + b'\1\6user',
        'snmp': b'\x30\x1a\2\1\1\4\6public\xa0\x0d' + bytes(13), 'statsd': b'shop.orders:1|c',
        'syslog': b'<34>1 2003-10-11T22:14:15Z host su', 'telnet': b'\xff\xfd\x18\xff\xfd\x20',
    }


def http2():
    """What follows the preface."""
    block = bytes.fromhex('828684418cf1e3c2e5f23a6ba0ab90f4ff')

    def frame(kind, flags, stream, payload):
        return vector(3, payload)[:3] + bytes((kind, flags)) + struct.pack('>I', stream) + payload

    settings = frame(4, 0, 0, struct.pack('>HI', 3, 100))
    return {
        'request': settings + frame(1, 5, 1, block),
        'continuation': settings + frame(1, 1, 1, block[:4]) + frame(9, 4, 1, block[4:]),
        'padded': frame(1, 0x2d, 1, b'\2' + bytes(5) + block + bytes(2)),
        'literal': frame(1, 5, 1, b'\x82\x04\4/a?b\x41\x0bme@h.ex:808'),
        'connect': frame(1, 5, 1, b'\x42\7CONNECT\x41\4a:22'),
        'table-size': frame(1, 5, 1, b'\x3f\xe1\x1f' + block),
        'answer': settings + frame(1, 4, 1, b'\x88') + frame(0, 0, 1, bytes(7)) + frame(1, 5, 1, b'\x40\x0bgrpc-status\x0214'),
        'data': frame(1, 4, 1, block) + frame(0, 1, 1, b'hi') + frame(0, 1, 3, b''),
        'reset': frame(1, 5, 1, block) + frame(3, 0, 1, bytes((0, 0, 0, 8))),
        'going': settings + frame(1, 5, 3, block) + frame(7, 0, 0, bytes((0, 0, 0, 1, 0, 0, 0, 0)) + b'bye'),
        'push': frame(5, 4, 1, bytes((0, 0, 0, 2)) + block) + frame(1, 5, 1, b'\x8e'),
    }


def service_name():
    ident, uid = '3f' * 32, '3c8f1b8e-5a8b-4f0e-9a55-0a4a1b0c9d2e'
    return {
        'unit': b'/system.slice/system-postgresql.slice/postgresql@15-main.service',
        'escapes': b'/system.slice/my\\x2dapp\\x1b.service',
        'docker': ('/system.slice/docker-%s.scope' % ident).encode(),
        'pod': ('/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice/cri-containerd-%s.scope' %
                (uid.replace('-', '_'), ident)).encode(),
        'log': ('web-5d4f8c7b9d-x2x7k_shop_nginx-%s.log' % ident).encode(),
        'script': b'python3.11\0python3\0-W\0ignore\0/srv/shop/worker.py\0',
        'java': b'java\0java\0-cp\0/x:/y\0-jar\0/opt/billing.jar\0',
        'hosts': b'# names\n127.0.0.1 localhost\n10.0.0.5 db.internal db\n10.0.0.5 second\nfd00::5 six\n',
        'hostile': b'/\x1b[2J\n\xff.service/..\0-m\0\n10.0.0.5 <x>\n',
        'long': b'/' + b'x' * 300 + b'.service',
    }


def analysis():
    """The hosts of the golden report and those before them, each in one text without blanks; and what is tried of scans."""
    def joined(*folder):
        top = os.path.join(HERE, '..', 'golden', 'shop', *folder)
        scans = []
        for entry in sorted(os.listdir(top)):
            if entry.endswith('.json'):
                with open(os.path.join(top, entry), encoding='utf8') as text:
                    scans.append(json.load(text))
        return json.dumps({'schema': 'faultline.scan-set/1', 'scans': scans}, separators=(',', ':')).encode()
    seeds = {name: text for name, text in scan().items() if name in ('whole', 'two-windows', 'set')}
    return {**seeds, 'shop': joined(), 'shop-before': joined('before')}


def scan_pieces():
    """Scans, and what they are in pieces: a line each."""
    seeds = {name: text for name, text in scan().items() if name in ('whole', 'bare-minimum', 'odd-types')}
    whole = json.loads(seeds['whole'])
    lists = [(letter, whole.pop(key, [])) for letter, key in (('s', 'services'), ('d', 'dependencies'), ('n', 'names'))]
    pieces = ['h' + json.dumps(whole)] + [letter + json.dumps(record) for letter, records in lists for record in records]
    seeds['pieces'] = ''.join(piece + '\n' for piece in pieces).encode()
    seeds['pieces-out-of-order'] = ''.join(piece + '\n' for piece in pieces[::-1]).encode()
    seeds['packed'] = zlib.compress(''.join(piece + '\x1e' for piece in pieces).encode(), 1)
    return seeds


def hosts_file():
    return {'usual': b'127.0.0.1 localhost\n10.0.0.1\tdb.shop.internal db # the one\n192.0.2.10 API.vendor.example\n::1 ip6-localhost\n2001:db8::9 v6.example\n',
            'odd': b'10.0.0.1\n\r\n  10.0.0.1   a..b\n10.0.0.1 -x.example \0 y\n10.0.0.300 z\n192.0.2.10 ' + b'l' * 64 + b'.example\n#',
            'no-end-of-line': b'192.0.2.10 a'}


def socks():
    return {'4': b'\4\1\1\xbb\xc0\0\2\x63user\0', '4a': b'\4\1\1\xbb\0\0\0\1user\0inner.example\0',
            '5': b'\5\1\0\5\1\0\3\x0dinner.example\1\xbb', '5-password': b'\5\2\0\2\1\1a\1b\5\1\0\3\x0dInner.example\1\xbb',
            '5-v4': b'\5\1\0\5\1\0\1\xc0\0\2\x0a\1\xbb', '5-v6': b'\5\1\0\5\1\0\4' + bytes(15) + b'\1\1\xbb',
            '5-bind': b'\5\1\0\5\2\0\1\xc0\0\2\x0a\1\xbb'}


def store_range():
    return {'all': b'', 'latest': b'latest', 'day': b'2026-11-01', 'duration': b'2026-11-01T10:00Z/2h', 'back': b'2026-11-02T00:00Z/2026-11-01T00:00Z',
            'zone': b'2026-11-01T10:00:00.5+02:00/2026-11-01T11:00Z', 'long': b'2026-11-01/999999999999d', 'slash': b'/', 'far': b'9999-12-31T23:59:60Z/1h'}


TARGETS = (dns, request, tls, http, escape, units, addr, options, graph, scan, fragment, decode, source, scanner, quic, application, http2,
           service_name, analysis, scan_pieces, hosts_file, socks, store_range)


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, 'corpus')
    for target in TARGETS:
        folder = os.path.join(top, target.__name__)
        os.makedirs(folder, exist_ok=True)
        for seed, data in target().items():
            with open(os.path.join(folder, seed), 'wb') as out:
                out.write(data)


if __name__ == '__main__':
    main()
