#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every way in which a connection tells its name, in captures made here; as wire_frames.py."""
import random
import struct

import common
import frames as f
import quic_frames as q
from wire_frames import Rows

ROWS = Rows()
row = ROWS.add
SERVER = '192.0.2.10'


def flow(name, port=443, server=SERVER, transport='tcp'):
    return (server, port, transport, name)


def capture(*packets):
    return f.pcap([f.ethernet(p) for p in packets])


# ---- TLS ----

def tls():
    name = 'api.vendor.example'
    for piece in (1, 7, 40):
        c = f.Connection()
        row('a hello in records of %d bytes' % piece, capture(*f.tls(c, name, piece=piece).close()), flow(name))
    for step in (1, 5, 100):
        c = f.Connection().say(0, f.hello(name), step)
        row('a hello in segments of %d bytes' % step, capture(*c.say(1, f.SERVER_HELLO).close()), flow(name))
    large = f.hello(name, padding=16000)
    row('a hello of 16 KiB over two records', capture(*f.Connection().say(0, large).say(1, f.SERVER_HELLO).close()), flow(name))
    row('a hello out of order, with repeats', shuffled(f.hello(name, padding=3000)), flow(name))
    row('a hello of which every segment overlaps', overlapped(f.hello(name, padding=3000)), flow(name))
    grease = [f.extension(0x0a0a, b''), f.server_name(name), f.extension(0xfafa, b'\0'), f.extension(43, b'\4\x1a\x1a\3\4')]
    for said, made in (('GREASE', f.hello(None, extensions=grease)),
                       ('a final dot and capitals', f.hello('API.Vendor.Example.')),
                       ('a session ticket', f.hello(name, extensions=[f.extension(35, bytes(200)), f.extension(41, f.vector(2, bytes(60)))])),
                       ('version 3.0 and no session', f.hello(name, version=0x0300, session=b''))):
        row('a hello with ' + said, capture(*f.Connection().say(0, made).say(1, f.SERVER_HELLO).close()), flow(name))
    row('an international name', capture(*f.session('xn--bcher-kva.example')), flow('xn--bcher-kva.example'))
    row('a second hello after a retry request', capture(*retried(name)), flow(name))
    row('a hello in the SYN', capture(*fast_open(name)), flow(name))
    row('a hello in a SYN of a forged sender', capture(*forged(name)), flow(None), open=True)
    row('a hello in a SYN that nobody answers', capture(*forged(name)[:1]), flow(None), open=True)
    row('a hello without a name', capture(*f.session(None)), flow(None))
    row('three connections at once', capture(*braided(*(f.session('%s.example' % x, sport=41000 + i) for i, x in enumerate('abc')))),
        *(flow('%s.example' % x) for x in 'abc'))


def segments(made, size):
    return [(at, made[at:at + size]) for at in range(0, len(made), size)]


def sent(pieces):
    return capture(*sent_packets(pieces))


def sent_packets(pieces):
    """A connection whose client sends these (offset, bytes)."""
    c = f.Connection()
    begin, end = c.seq[0], 0
    for at, piece in pieces:
        c.packets.append(f.tcp(*c.ends, *c.ports, begin + at, c.seq[1], f.ACK | f.PSH, piece))
        end = max(end, at + len(piece))
    c.seq[0] = begin + end
    return c.say(1, f.SERVER_HELLO).close()


def shuffled(made):
    pieces = segments(made, 500)
    pieces += pieces[2:5]
    random.Random(1).shuffle(pieces)
    return sent(pieces)


def overlapped(made):
    return sent([(at, made[at:at + 700]) for at in range(0, len(made), 400)])


def retried(name):
    c = f.Connection()
    c.say(0, f.hello(name)).say(1, f.record(22, b'\2' + f.vector(3, b'\3\3' + bytes(32) + b'\0\x13\1\0\0\0'), 0x0303) + f.record(20, b'\1', 0x0303))
    return f.tls(c, name, padding=1500).close()


def fast_open(name):
    c = f.Connection(opened=False)
    c.send(0, f.SYN, f.hello(name))
    c.send(1, f.SYN | f.ACK)
    c.send(0, f.ACK)
    return c.say(1, f.SERVER_HELLO).close()


def forged(name):
    """Who is said to have sent it gets an answer that he did not ask for."""
    c = f.Connection(opened=False)
    c.send(0, f.SYN, f.hello(name))
    c.seq[0] = 1001
    c.send(1, f.SYN | f.ACK)
    c.send(0, f.RST)
    return c.packets


def braided(*lists):
    return [packet for turn in zip(*lists) for packet in turn]


# ---- copies that differ ----

def contradictory(scan, _):
    found = [x['count'] for x in scan['coverage']['blind_spots'] if x['kind'] == 'contradictory']
    return [] if found == [1] else ['contradictory: %s' % found]


def contradictions():
    """Two versions of a hello; which of them its server took is not known, whichever came first."""
    one, two = (f.hello(x, padding=2000) for x in ('first.example', 'other.example'))
    at = one.index(b'first')
    lookup = f.lookup('known.example', 'A', [('known.example', 'A', SERVER)])
    for said, a, b in (('', one, two), (', the other first', two, one)):
        kept = [(0, a[:600]), (0, b[:600]), (600, a[600:1400]), (1400, a[1400:])]
        row('a hello whose first piece came in two versions%s' % said, sent(kept), flow(None), check=contradictory)
        row('a hello in two versions%s, a look-up before' % said, lookup_before(lookup, kept), resolver(), flow('known.example'), check=contradictory)
        row('a hello byte by byte, each in two versions%s' % said, sent([(i, x[i:i + 1]) for i in range(len(a)) for x in ((a, b) if i else (a,))]), flow(None),
            check=contradictory)
        behind = [(600, a[600:1400]), (at - 20, b[at - 20:at + 40]), (at - 10, a[at - 10:at + 60]), (0, a[:600]), (1400, a[1400:])]
        row('a hello in two versions behind a hole%s' % said, sent(behind), flow(None), check=contradictory)
    row('a copy that differs of what was read is none', sent([(0, one), (0, two[:600])]), flow('first.example'))
    packets = f.session('inner.example')
    for said, turn in (('', 1), (', the other first', -1)):
        pieces = []
        for i, p in enumerate(packets):
            parts = f.fragments(p, 64, 1000 + i) if b'inner.example' in p else [p]
            if len(parts) > 1:
                k = [n for n, x in enumerate(parts) if b'inner' in x][0]
                parts[k:k + 1] = [parts[k], parts[k].replace(b'inner', b'other')][::turn]
            pieces += parts
        row('fragments in two versions%s' % said, capture(*pieces), flow(None), check=contradictory, open=True)
    if not q.CRYPTO:
        return
    ids = b'12345678'
    body, other = q.hello('first.example'), q.hello('other.example')
    for said, a, b in (('', body, other), (', the other first', other, body)):
        pieces = [q.initial(q.crypto_frame(a[:110]), ids), q.initial(q.crypto_frame(b[:110]), ids, number=1),
                  q.initial(q.crypto_frame(a[110:], 110), ids, number=2)]
        row('QUIC, a hello in two versions%s' % said, capture(*said_by(q.connection('', ids, hellos=pieces))), flow(None, transport='udp'), check=contradictory)


def lookup_before(lookup, pieces):
    return f.pcap([f.ethernet(p) for p in lookup + sent_packets(pieces)])


def said_by(talk):
    return said(*talk)


# ---- numbers, copies, datagrams ----

def around():
    name = 'api.vendor.example'
    for back in (0, 1, 100, 600):
        c = f.Connection(opened=False)
        c.seq = [(1 << 32) - 1 - back, (1 << 32) - 50]
        for side, flags in ((0, f.SYN), (1, f.SYN | f.ACK), (0, f.ACK)):
            c.send(side, flags)
        c.say(0, f.hello(name, padding=900), 300)
        row('numbers that come round %d bytes into the hello' % back, capture(*c.say(1, f.SERVER_HELLO).close()), flow(name))
    row('a port that is used again', capture(*f.session('first.example'), *again('second.example')), flow('first.example'), flow('second.example'))
    both = flow('first.example'), flow('second.example')
    reset = f.tls(f.Connection(), 'first.example')
    reset.send(0, f.RST | f.ACK)
    row('a port that is used again after a reset', capture(*reset.packets, *again('second.example')), *both, open=True)
    row('a port that is used again, the first connection never closed', capture(*f.tls(f.Connection(), 'first.example').packets, *again('second.example')),
        *both, open=True)
    for said, ends in (('lower numbers', [400, 1900000]), ('numbers next to the old ones', [2500, 9000])):
        row('a port that is used again with ' + said, capture(*f.session('first.example'), *again('second.example', ends)), *both)
    row('a port that is used again, its SYN not captured', capture(*f.session('first.example'), *again('second.example')[1:]), *both, open=True)
    row('a port that is used again, the SYN twice', capture(*f.session('first.example'), *again('second.example')[:1] * 2, *again('second.example')[1:]), *both)
    packets = f.session(name)
    row('every frame twice, with a tag and without', f.pcap([x for p in packets for x in (f.ethernet(p), f.tagged(p, (0x8100, 7)))], step=300), flow(name))
    row('every frame on two cooked interfaces', f.pcap([struct.pack('>HHIHBB8s', f.IPV4, 0, n, 1, 0, 6, bytes(8)) + p for p in packets for n in (3, 4)],
                                                       276, step=300), flow(name))
    c = f.Connection()
    c.send(0, f.ACK | f.PSH | f.FIN, f.hello(name))
    c.say(1, f.SERVER_HELLO)
    c.send(1, f.FIN | f.ACK)
    c.send(0, f.ACK)
    row('a hello with the FIN', capture(*c.packets), flow(name))
    datagrams(name)


def middle():
    """Connections that were met in their middle, whose client has the lower port."""
    ask, reply = b'GET / HTTP/1.1\r\nHost: old.example\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    for said, talk in (('a request', [(0, ask), (1, reply)]), ('an answer, then a request', [(1, reply), (0, ask), (1, reply)]),
                       ('the end of an answer, then a request', [(1, b'xx'), (0, ask), (1, reply)]), ('a request alone', [(0, ask)]),
                       ('a hello', [(0, f.hello('old.example')), (1, f.SERVER_HELLO)])):
        c = f.Connection(opened=False, sport=1050, dport=8080)
        for side, text in talk:
            c.say(side, text)
        row('met at ' + said, capture(*c.packets), flow('old.example', 8080), open=True,
            check=lambda scan, _: ['it depends on port %d' % d['port'] for d in scan['dependencies'] if d['port'] != 8080])


def again(name, numbers=(900000, 1900000)):
    c = f.Connection(opened=False)
    c.seq = list(numbers)
    for side, flags in ((0, f.SYN), (1, f.SYN | f.ACK), (0, f.ACK)):
        c.send(side, flags)
    return f.tls(c, name).close()


def dtls(name, number, size, cookie=b''):
    """A ClientHello of DTLS 1.2 in fragments of so many bytes, one record a fragment."""
    body = f.hello_body(name, version=0xfefd)[4:]
    body = body[:35 + 32] + f.vector(1, cookie) + body[35 + 32:]
    out = []
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        message = b'\1' + len(body).to_bytes(3, 'big') + struct.pack('>H', number) + at.to_bytes(3, 'big') + f.vector(3, piece)
        out.append(struct.pack('>BHHIH', 22, 0xfefd, 0, 0, number * 100 + at) + f.vector(2, message))
    return out


def datagrams(name):
    def talk(first, second):
        there = lambda data: f.udp('10.1.0.1', SERVER, 40000, 4433, data)
        verify = struct.pack('>BHHIH', 22, 0xfefd, 0, 0, 0) + f.vector(2, b'\3\0\0\x13\0\0\0\0\0\0\0\x13\xfe\xff\x10' + bytes(16))
        return [there(x) for x in first] + [f.udp(SERVER, '10.1.0.1', 4433, 40000, verify)] + [there(x) for x in second]
    whole = capture(*talk(dtls(name, 0, 2000), dtls(name, 1, 2000, bytes(16))))
    row('DTLS with its cookie', whole, flow(name, 4433, transport='udp'))
    stun = struct.pack('>HHI', 1, 0, 0x2112a442) + bytes(range(12))
    chlo = b'CHLO\2\0\0\0PAD\0' + struct.pack('<I', 3) + b'SNI\0' + struct.pack('<I', 3 + len(name)) + b'xxx' + name.encode()
    google = b'\xc3Q046\x5012345678\0\0\0\1' + bytes(14) + chlo
    row('QUIC behind STUN on one port', capture(*(f.udp('10.1.0.1', SERVER, 40000, 4433, x) for x in (stun, google))), flow(name, 4433, transport='udp'))
    row('DTLS in pieces, the last one first', capture(*talk(dtls(name, 0, 60)[::-1], dtls(name, 1, 60, bytes(16))[::-1])),
        flow(name, 4433, transport='udp'))


# ---- QUIC ----

def said(*talk, sport=40000, port=443):
    """Datagrams of (side, payload) between two ports."""
    return [f.udp('10.1.0.1', SERVER, sport, port, x) if side == 0 else f.udp(SERVER, '10.1.0.1', port, sport, x) for side, x in talk]


def one_flow(scan, flows):
    return [] if len(flows) == 1 else ['%d flows' % len(flows)]


def depends_on(*names):
    def look(scan, _):
        found = sorted(d['name'] for d in scan['dependencies'] if d['name'])
        return [] if found == sorted(names) else ['dependencies are %s' % found]
    return look


def answered(name):
    def look(scan, _):
        found = [d['answered'] for d in scan['dependencies'] if d['name'] == name]
        return [] if found == [True] else ['answered is %s' % found]
    return look


def quic():
    if not q.CRYPTO:
        return
    names = ['%s.vendor.example' % x for x in 'abc']
    flows = [flow(x, transport='udp') for x in names]
    ids = [bytes((x,)) * 8 for x in range(1, 6)]
    first, second, third = (q.connection(x, i, bytes((0x50 + k,)) * 8) for k, (x, i) in enumerate(zip(names, ids)))
    row('QUIC', capture(*said(*first)), flows[0])
    row('QUIC, three connections from one port', capture(*said(*first, *second, *third)), *flows, check=depends_on(*names))
    row('QUIC, two connections from one port, the first hello again', capture(*said(*first, first[0], *second, second[0], second[2])), *flows[:2])
    row('QUIC, two connections from one port to one name', capture(*said(*first, *q.connection(names[0], ids[3]))), flows[0], check=one_flow)
    row('QUIC, two connections from one port, to servers without ids',
        capture(*said(*q.connection(names[0], ids[0], b''), *q.connection(names[1], ids[1], b''))), *flows[:2])
    row('QUIC, two connections from one port, of the first no hello',
        capture(*said(*first[1:], *second)), flows[1])
    row('QUIC, two connections at once from one port, both hellos before an answer',
        capture(*said(first[0], second[0], first[1], second[1], *first[2:])), flows[0], check=answered(names[0]))
    body = q.hello(names[1])
    cut = [q.initial(q.crypto_frame(body[60:], 60), ids[1]), q.initial(q.crypto_frame(body[:60]), ids[1], number=1)]
    row('QUIC, the second hello from one port in two datagrams', capture(*said(*first, *q.connection(names[1], ids[1], b'\x52' * 8, hellos=cut))), *flows[:2])
    version = [(0, q.initial(q.crypto_frame(q.hello(names[0])), ids[0], q.V2)), (1, q.negotiation(ids[0], q.V1))]
    row('QUIC, another version after negotiation', capture(*said(*version, *q.connection(names[0], ids[1]))), flows[0], check=one_flow)
    unknown = bytes((0xc3,)) + struct.pack('>I', 0x5a5a5a5a) + f.vector(1, ids[0]) + f.vector(1, b'') + bytes(1180)
    row('QUIC, a version that is none, then one', capture(*said((0, unknown), (1, q.negotiation(ids[0], q.V1)), *q.connection(names[0], ids[1]))),
        flows[0], check=one_flow)
    again = [(0, q.initial(q.crypto_frame(q.hello(names[0])), ids[0])), (1, q.retry(ids[4])),
             (0, q.initial(q.crypto_frame(q.hello(names[0])), ids[4], token=b'token', number=1))]
    row('QUIC, Retry', capture(*said(*again, *q.connection(names[0], ids[4])[1:])), flows[0], check=one_flow)
    row('QUIC, Retry, then another connection from the port', capture(*said(*again, *second)), *flows[:2])
    noise = [(0, q.initial(b'\2\0\0\0\0', bytes((x, 1)) * 4, keys=ids[0])) for x in range(40)]
    row('QUIC, forty packets to ids that nobody knows', capture(*said(*first, *noise)), flows[0], check=one_flow)
    one, two = (dtls_talk(x) for x in names[:2])
    row('DTLS, two connections from one port', capture(*said(*one, *two, port=4433)), *(flow(x, 4433, transport='udp') for x in names[:2]))


def dtls_talk(name):
    return [(0, x) for x in dtls(name, 0, 2000) + dtls(name, 1, 2000, bytes(16))] + [(1, b'\x17\xfe\xfd\0\1' + bytes(40))]


# ---- STARTTLS ----

def ber(tag, *parts):
    return bytes((tag,)) + f.vector(1, f.join(parts))


LDAP_TLS = ber(0x30, ber(2, b'\1'), ber(0x77, ber(0x80, b'1.3.6.1.4.1.1466.20037')))
LDAP_OK = ber(0x30, ber(2, b'\1'), ber(0x78, ber(0x0a, b'\0'), ber(4), ber(4)))
MYSQL_GREETING = b'\x4a\0\0\0\x0a8.0.34\0' + bytes(66)
MYSQL_SSL = b'\x20\0\0\1' + struct.pack('<IIB', 0x0aaeff85, 1 << 24, 45) + bytes(23)
TDS_PRELOGIN = b'\x12\1' + struct.pack('>HHBB', 8 + 11 + 6 + 1, 0, 0, 0) + b'\0\0\x0b\0\6\1\0\x11\0\1\xff' + bytes(6) + b'\1'

STARTS = {
    ('SMTP', 25): [(1, b'220 mx ESMTP\r\n'), (0, b'EHLO me\r\n'), (1, b'250-mx\r\n250 STARTTLS\r\n'), (0, b'STARTTLS\r\n'), (1, b'220 go\r\n')],
    ('IMAP', 143): [(1, b'* OK IMAP4rev1\r\n'), (0, b'a1 CAPABILITY\r\n'), (1, b'* CAPABILITY STARTTLS\r\na1 OK\r\n'), (0, b'a2 STARTTLS\r\n'),
                    (1, b'a2 OK\r\n')],
    ('POP3', 110): [(1, b'+OK ready\r\n'), (0, b'CAPA\r\n'), (1, b'+OK\r\nSTLS\r\n.\r\n'), (0, b'STLS\r\n'), (1, b'+OK\r\n')],
    ('FTP', 21): [(1, b'220 FTP\r\n'), (0, b'AUTH TLS\r\n'), (1, b'234 go\r\n')],
    ('PostgreSQL', 5432): [(0, struct.pack('>II', 8, 80877103)), (1, b'S')],
    ('PostgreSQL after GSS was refused', 5432): [(0, struct.pack('>II', 8, 80877104)), (1, b'N'), (0, struct.pack('>II', 8, 80877103)), (1, b'S')],
    ('PostgreSQL 17, at once', 5432): [],
    ('MySQL', 3306): [(1, MYSQL_GREETING), (0, MYSQL_SSL)],
    ('LDAP', 389): [(0, LDAP_TLS), (1, LDAP_OK)],
    ('XMPP', 5222): [(0, b"<?xml version='1.0'?><stream:stream to='x' xmlns='jabber:client'>"), (1, b'<stream:stream><stream:features/>'),
                     (0, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), (1, b'<proceed/>')],
    ('NNTP', 119): [(1, b'200 news\r\n'), (0, b'STARTTLS\r\n'), (1, b'382 go\r\n')],
    ('ManageSieve', 4190): [(1, b'"STARTTLS"\r\nOK\r\n'), (0, b'STARTTLS\r\n'), (1, b'OK\r\n')],
    ('IRC', 6667): [(0, b'STARTTLS\r\n'), (1, b':srv 670 * :go\r\n')],
    ('AMQP 1.0', 5672): [(0, b'AMQP\2\1\0\0'), (1, b'AMQP\2\1\0\0')],
    ('HAProxy in front, version 1', 443): [(0, b'PROXY TCP4 10.1.0.1 192.0.2.10 40000 443\r\n')],
    ('HAProxy in front, version 2', 443): [(0, b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes(12))],
}


def tds(body, kind=0x12, status=1):
    return struct.pack('>BBHHBB', kind, status, 8 + len(body), 0, 0, 0) + body


def starttls():
    name = 'db.vendor.example'
    for (said, port), talk in STARTS.items():
        c = f.Connection(dport=port)
        for side, text in talk:
            c.say(side, text)
        row('TLS in ' + said, capture(*f.tls(c, name).close()), flow(name, port))
        for step in (1, 3):
            c = f.Connection(dport=port)
            for side, text in talk:
                c.say(side, text)
            c.say(0, f.hello(name), step)
            row('TLS in %s, the hello in steps of %d' % (said, step), capture(*c.say(1, f.SERVER_HELLO).close()), flow(name, port))
    for said, port in STARTS:
        if said != 'MySQL' and 'HAProxy' not in said:
            continue
        for step in (1400, 1, 10, 40, 150):
            c = f.Connection(dport=port)
            for side, text in STARTS[said, port][:-1]:
                c.say(side, text)
            c.say(0, STARTS[said, port][-1][1] + f.hello(name), step)
            row('TLS at once in %s, steps of %d' % (said, step), capture(*c.say(1, f.SERVER_HELLO).close()), flow(name, port))
    for step in (1400, 1, 50):
        c = f.Connection(dport=1433).say(0, TDS_PRELOGIN).say(1, tds(TDS_PRELOGIN[8:], 4)).say(0, tds(f.hello(name)), step)
        row('TLS in TDS, steps of %d' % step, capture(*c.say(1, tds(f.SERVER_HELLO)).close()), flow(name, 1433))
    odd = f.hello(None, extensions=[f.server_name(name), f.extension(16, b'\0\x09\x08http')])
    row('a hello with an odd extension behind its name', capture(*f.Connection().say(0, odd).say(1, f.SERVER_HELLO).close()), flow(name))
    half = f.Connection().say(0, f.hello(name, padding=3000)[:400])
    row('a hello of which the rest was lost', capture(*half.packets), flow(name), open=True)


# ---- proxies ----

def proxies():
    name, port = 'inner.example', 3128
    ask = b'CONNECT inner.example:443 HTTP/1.1\r\nHost: inner.example:443\r\n\r\n'
    c = f.Connection(dport=port).say(0, ask).say(1, b'HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n')
    c.say(0, ask[:-2] + b'Proxy-Authorization: Basic eA==\r\n\r\n').say(1, b'HTTP/1.1 200 OK\r\n\r\n')
    row('CONNECT, 407, CONNECT, 200', capture(*f.tls(c, name).close()), flow(name, port), check=target(name))
    for step in (1400, 3):
        c = f.Connection(dport=port).say(0, ask + f.hello(name), step).say(1, b'HTTP/1.1 200 OK\r\n\r\n')
        row('CONNECT with the hello at once, steps of %d' % step, capture(*c.say(1, f.SERVER_HELLO).close()), flow(name, port), check=target(name))
    socks = {
        'SOCKS 4': [(0, b'\4\1\1\xbb\xc0\0\2\x63user\0'), (1, b'\0\x5a' + bytes(6))],
        'SOCKS 4a': [(0, b'\4\1\1\xbb\0\0\0\1user\0inner.example\0'), (1, b'\0\x5a' + bytes(6))],
        'SOCKS 5': [(0, b'\5\1\0'), (1, b'\5\0'), (0, b'\5\1\0\3\x0dinner.example\1\xbb'), (1, b'\5\0\0\1' + bytes(6))],
        'SOCKS 5 with a password': [(0, b'\5\2\0\2'), (1, b'\5\2'), (0, b'\1\1a\1b'), (1, b'\1\0'), (0, b'\5\1\0\3\x0dinner.example\1\xbb'),
                                    (1, b'\5\0\0\1' + bytes(6))],
        'SOCKS 5 by IPv6 address': [(0, b'\5\1\0'), (1, b'\5\0'), (0, b'\5\1\0\4' + f.address('2001:db8::9') + b'\1\xbb'), (1, b'\5\0\0\1' + bytes(6))],
    }
    for said, talk in socks.items():
        c = f.Connection(dport=1080)
        for side, text in talk:
            c.say(side, text)
        row('TLS through ' + said, capture(*f.tls(c, name).close()), flow(name, 1080), check=target(name))


def target(name):
    """The target is a dependency of its own, beside the proxy."""
    def look(scan, _):
        there = {(d['name'], d['port']) for d in scan['dependencies']}
        return [] if (name, 443) in there and len(there) >= 2 else ['dependencies are %s' % sorted(there, key=str)]
    return look


# ---- DNS ----

def answers(*wanted):
    """(name, type, rcode, chain, addresses) of every row of names."""
    def look(scan, _):
        found = sorted((n['name'], n['type'], n['rcode'], tuple(n['cname_chain']), tuple(sorted(n['addresses']))) for n in scan['names'])
        return [] if found == sorted(wanted) else ['names are %s' % found]
    return look


def resolver(transport='udp', address='10.1.0.53', name=None):
    return (address, 53, transport, name)


def over_tcp(*messages, step=1400, address='10.1.0.53', sport=51000):
    c = f.Connection(server=address, dport=53, sport=sport)
    c.say(0, f.join(f.vector(2, m) for m in messages[0::2]), step)
    return c.say(1, f.join(f.vector(2, m) for m in messages[1::2]), step).close()


def pair(name, kind, found, **more):
    return f.dns(name, kind, response=False, ident=more.get('ident', 7)), f.dns(name, kind, found, **more)


def dns():
    a, b = 'a.example', 'b.example'
    one = pair(a, 'A', [(a, 'A', '192.0.2.1')])
    two = pair(b, 'AAAA', [(b, 'CNAME', 'c.example'), ('c.example', 'AAAA', '2001:db8::1')], ident=8)
    both = answers((a, 'A', 'NOERROR', (), ('192.0.2.1',)), (b, 'AAAA', 'NOERROR', ('c.example',), ('2001:db8::1',)))
    for step in (1, 2, 3, 30, 1400):
        row('DNS over TCP in steps of %d' % step, capture(*over_tcp(*one, *two, step=step)), resolver('tcp'), check=both)
    first = answers((a, 'A', 'NOERROR', (), ('192.0.2.1',)))
    row('an answer to a low port, its question not captured', capture(f.lookup(a, 'A', [(a, 'A', '192.0.2.1')], sport=800)[1]), resolver(), check=first)
    packets = over_tcp(*one, *two, step=40)
    places = [i for i, p in enumerate(packets) if len(p) > 40 and p[12:16] == f.address('10.1.0.53')]
    packets[places[0]], packets[places[2]] = packets[places[2]], packets[places[0]]
    row('DNS over TCP whose answer comes out of order', capture(*packets), resolver('tcp'), check=both)
    whole = over_tcp(*pair(b, 'AAAA', [(b, 'CNAME', 'c.example'), ('c.example', 'AAAA', '2001:db8::1')], ident=8))
    row('DNS over TCP, cut off by the snap length', f.pcap([f.ethernet(p) for p in whole], snaplen=54 + 2 + 12 + 15 + 32), resolver('tcp'),
        check=answers((b, 'AAAA', 'NOERROR', ('c.example',), ())))
    row('DNS, cut off in front of the question', f.pcap([f.ethernet(p) for p in f.lookup(a, 'A', [(a, 'A', '192.0.2.1')])], snaplen=42 + 12 + 5),
        resolver(), check=answers())
    chain = [('www.example', 'CNAME', 'edge.cdn.example'), ('edge.cdn.example', 'CNAME', 'x7.cdn.example'), ('x7.cdn.example', 'A', SERVER)]
    row('a chain, then the connection', capture(*f.lookup('www.example', 'A', chain, edns=True), *f.session(None)), resolver(), flow('www.example'),
        check=answers(('www.example', 'A', 'NOERROR', ('edge.cdn.example', 'x7.cdn.example'), (SERVER,))))
    row('a chain over two answers', capture(*f.lookup('www.example', 'A', chain[:1]), *f.lookup('edge.cdn.example', 'A', chain[1:], sport=50002),
                                            *f.session(None)), resolver(), resolver(), flow('edge.cdn.example'))
    cut = f.dns(a, 'A', truncated=True)
    retry = [f.udp('10.1.0.1', '10.1.0.53', 50009, 53, one[0]), f.udp('10.1.0.53', '10.1.0.1', 53, 50009, cut)] + over_tcp(*one)
    row('an answer that is cut, then TCP', capture(*retry, *f.session(None, server='192.0.2.1')), resolver(), resolver('tcp'),
        flow(a, server='192.0.2.1'))
    for rcode, said in ((2, 'SERVFAIL'), (3, 'NXDOMAIN'), (5, 'REFUSED')):
        lists = f.lookup(a, rcode=rcode) + f.lookup(a, 'A', [(a, 'A', '192.0.2.1')], resolver='10.1.0.54', sport=50003)
        row('%s, then another resolver' % said, capture(*lists), resolver(), resolver(address='10.1.0.54'),
            check=answers((a, 'A', said, (), ()), (a, 'A', 'NOERROR', (), ('192.0.2.1',))))
    silent = f.lookup(a)[:1] + f.lookup(a, 'A', [(a, 'A', '192.0.2.1')], resolver='10.1.0.54', sport=50003)
    row('silence, then another resolver', capture(*silent, *f.session(None, server='192.0.2.1')), resolver(), resolver(address='10.1.0.54'),
        flow(a, server='192.0.2.1'))
    hints = struct.pack('>H', 1) + b'\0' + struct.pack('>HH', 1, 3) + b'\2h2' + struct.pack('>HH', 4, 4) + f.address(SERVER)
    row('an HTTPS record with hints', capture(*f.lookup('svc.example', 'HTTPS', [('svc.example', 'HTTPS', hints)]), *f.session(None)), resolver(),
        flow('svc.example'))
    alias = struct.pack('>H', 0) + f.dns_name('pool.example')
    row('an HTTPS record that is an alias', capture(*f.lookup('svc.example', 'HTTPS', [('svc.example', 'HTTPS', alias)]),
                                                    *f.lookup('pool.example', 'A', [('pool.example', 'A', SERVER)], sport=50004), *f.session(None)),
        resolver(), resolver(), flow('pool.example'))
    other = [f.udp('10.1.0.1', '224.0.0.251', 5353, 5353, one[1]), f.udp('10.1.0.9', '10.1.0.1', 5355, 50005, one[1]),
             f.udp('10.1.0.9', '10.1.0.1', 5353, 5353, one[1])]
    row('mDNS and LLMNR name nothing', capture(*other, *f.session(None, server='192.0.2.1')), flow(None, server='192.0.2.1'), others=True,
        check=answers())


def connected(*packets, server=SERVER):
    """Then the client connects, and says no name."""
    return capture(*packets, *f.session(None, server=server))


def dns_odd():
    a, b, zone, found = 'a.example', 'b.example', 'zone.example', [('a.example', 'A', SERVER)]
    soa = (zone, 'SOA', f.dns_name('ns.' + zone) + f.dns_name('root.' + zone) + struct.pack('>5I', 1, 2, 3, 4, 60))
    ask = lambda data, sport=50001: f.udp('10.1.0.1', '10.1.0.53', sport, 53, data)
    tell = lambda data, sport=50001, src='10.1.0.53': f.udp(src, '10.1.0.1', 53, sport, data)
    query, answer = pair(a, 'A', found)
    named, bare = flow(a), flow(None)
    # what is forged
    bad = [('another id', f.dns(a, 'A', found, ident=8)), ('another question', f.dns(b, 'A', [(b, 'A', SERVER)])),
           ('another type', f.dns(a, 'AAAA', found))]
    for said, data in bad:
        row('an answer with %s names nothing' % said, connected(ask(query), tell(data)), resolver(), bare,
            check=lambda scan, _: [] if any(x['kind'] == 'answers-unasked' for x in scan['coverage']['blind_spots']) else ['not counted'])
        row('an answer with %s, then the one that was asked for' % said, connected(ask(query), tell(data), tell(answer)), resolver(), named)
    row('an answer from another address names nothing', connected(ask(query), tell(answer, src='10.1.0.66')), resolver(),
        resolver(address='10.1.0.66'), bare, others=True)
    row('an answer in other letters than its question', connected(ask(f.dns('A.eXaMple', response=False)), tell(f.dns('a.EXAMPLE', 'A', [('A.Example', 'A', SERVER)]))),
        resolver(), named)
    many = [pair('n%d.example' % i, 'A', [('n%d.example' % i, 'A', '192.0.2.%d' % (i + 20))], ident=i) for i in range(9)]
    for i in range(9):
        row('nine questions from one port, then the answers, number %d' % i, connected(*[ask(x) for x, _ in many], *[tell(y) for _, y in many], server='192.0.2.%d' % (i + 20)),
            resolver(), flow('n%d.example' % i, server='192.0.2.%d' % (i + 20)))
    turns = [p for x, y in many for p in (ask(x), tell(y))]
    row('nine questions from one port in turn', connected(*turns, server='192.0.2.28'), resolver(), flow('n8.example', server='192.0.2.28'))
    row('nine questions in turn, then a forged answer', connected(*turns, tell(f.dns('n8.example', 'A', [('n8.example', 'A', SERVER)], ident=99))), resolver(), bare)
    row('a question twice, two answers', connected(ask(query), ask(query), tell(answer), tell(answer)), resolver(), named,
        check=lambda scan, _: [str(x) for x in scan['coverage']['blind_spots'] if x['kind'] == 'answers-unasked'])
    # other messages than queries
    update = f.dns(zone, 'SOA', [], response=False, opcode=5, authority=found)
    for said, opcode in (('an update', 5), ('a notification', 4)):
        row('%s names nothing' % said, connected(ask(f.dns(zone, 'SOA', found, response=False, opcode=opcode, authority=found)),
                                                  tell(f.dns(zone, 'SOA', found, opcode=opcode))), resolver(), bare, check=answers())
    row('an update, then a look-up from one port', connected(ask(update), tell(f.dns(zone, 'SOA', opcode=5)), ask(query), tell(answer)), resolver(), named)
    records = [soa] + [('h%d.%s' % (i, zone), 'A', '192.0.2.%d' % (i + 10)) for i in range(4)] + [soa]
    ixfr = [soa, soa, ('h0.' + zone, 'A', SERVER), soa, ('h0.' + zone, 'A', '192.0.2.99'), soa]
    for kind, content in (('AXFR', records), ('IXFR', ixfr)):
        whole = [f.dns(zone, kind, response=False), f.dns(zone, kind, content)]
        row('%s names nothing' % kind, connected(*over_tcp(*whole)), resolver('tcp'), bare)
    split = [f.vector(2, f.dns(zone, 'AXFR', [x], questions=None if i == 0 else [])) for i, x in enumerate(records)]
    for step in (1400, 7):
        c = f.Connection(server='10.1.0.53', dport=53, sport=51000).say(0, f.vector(2, f.dns(zone, 'AXFR', response=False))).say(1, f.join(split), step)
        row('AXFR in six messages, steps of %d' % step, connected(*c.close()), resolver('tcp'), bare,
            check=answers((zone, 'AXFR', 'NOERROR', (), ())))
    # what stands in an answer beside what was asked for
    beside = found + [('other.example', 'A', '192.0.2.66')]
    row('an address of another name in the answer', connected(ask(query), tell(f.dns(a, 'A', beside))), resolver(), named)
    row('an address of another name in the answer is not named', connected(ask(query), tell(f.dns(a, 'A', beside)), server='192.0.2.66'), resolver(),
        flow(None, server='192.0.2.66'))
    extra = [f.resource('ns.example', 'A', SERVER)]
    row('an address in the additional section is not named', connected(ask(query), tell(f.dns(a, 'A', [], authority=[('example', 'NS', 'ns.example')], extra=extra))),
        resolver(), bare, check=answers((a, 'A', 'NOERROR', (), ())))
    row('no such name, with its SOA', connected(ask(query), tell(f.dns(a, 'A', [], rcode=3, authority=[soa]))), resolver(), bare,
        check=answers((a, 'A', 'NXDOMAIN', (), ())))
    chain = [('x.example', 'A', SERVER), ('c.example', 'CNAME', 'x.example'), (a, 'CNAME', 'c.example')]
    row('a chain from its end', connected(ask(query), tell(f.dns(a, 'A', chain))), resolver(), named,
        check=answers((a, 'A', 'NOERROR', ('c.example', 'x.example'), (SERVER,))))
    dname = [('example', 'DNAME', 'other.test'), ('a.other.test', 'A', SERVER)]
    row('a DNAME without its CNAME', connected(ask(query), tell(f.dns(a, 'A', dname))), resolver(), named,
        check=answers((a, 'A', 'NOERROR', ('a.other.test',), (SERVER,))))
    row('two questions at once', connected(ask(f.dns(a, response=False, questions=[f.question(a), f.question(b)])),
                                           tell(f.dns(a, 'A', found + [(b, 'A', '192.0.2.66')], questions=[f.question(a), f.question(b)]))), resolver(), named)
    padded = b'\0' + struct.pack('>HHI', 41, 1232, 0) + f.vector(2, struct.pack('>HH', 12, 200) + bytes(200) + struct.pack('>HH', 10, 16) + bytes(16))
    row('padding and cookies', connected(ask(f.dns(a, response=False, extra=[padded])), tell(f.dns(a, 'A', found, extra=[padded]))), resolver(), named)
    row('an error without its question', connected(ask(query), tell(f.dns(a, rcode=1, questions=[])), ask(query), tell(answer)), resolver(), named,
        check=answers((a, 'A', 'NOERROR', (), (SERVER,))))
    alias = lambda to: struct.pack('>H', 0) + f.dns_name(to)
    service = struct.pack('>H', 1) + f.dns_name('edge.example') + struct.pack('>HH', 4, 4) + f.address(SERVER)
    row('an alias of an HTTPS record, followed in one answer', connected(ask(f.dns(a, 'HTTPS', response=False)),
        tell(f.dns(a, 'HTTPS', [(a, 'HTTPS', alias('pool.example')), ('pool.example', 'HTTPS', service)]))), resolver(), named)


def main():
    results = common.Results()
    common.need_program(results)
    for make in (tls, around, middle, contradictions, quic, starttls, proxies, dns, dns_odd):
        make()
    ROWS.run(results)


if __name__ == '__main__':
    main()
