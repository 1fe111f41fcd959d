#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Requests of HTTP/1 however segments are cut, ordered and lost, in captures made here; as wire_frames.py.

A row gives the hosts that the connection was asked for, no more and no fewer.
"""
import random

import common
import frames as f
from wire_frames import Rows

ROWS = Rows()
SERVER = '192.0.2.10'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'


def get(host, path='/'):
    return b'GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n' % (path.encode(), host.encode())


def post(host, body, field=None):
    field = b'Content-Length: %d' % len(body) if field is None else field
    return b'POST /up HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n' % (host.encode(), field) + body


def chunked(host, *chunks):
    return post(host, b''.join(b'%x\r\n%s\r\n' % (len(c), c) for c in chunks) + b'0\r\n\r\n', b'Transfer-Encoding: chunked')


def asked(*hosts, exchanges=None):
    def look(_, flows):
        found = sorted(n['name'] for x in flows for n in x['names'] or [] if n['source'] == 'http-host')
        problems = [] if found == sorted(hosts) else ['asked for %s' % found]
        count = sum(x['exchanges'] for x in flows)
        return problems + (['%d exchanges' % count] if exchanges not in (None, count) else [])
    return look


def counted(hosts, holes=0, failed=()):
    """Exchanges and failures of each host, and how many holes were given up."""
    wanted = {h: (hosts[h], list(failed).count(h)) for h in hosts}

    def look(scan, _):
        found = {d['name'] or d['addresses'][0]: (d['exchanges'], d['failures']) for d in scan['dependencies'] if d['exchanges'] or d['name']}
        spots = {b['kind']: b['count'] for b in scan['coverage']['blind_spots']}
        problems = [] if found == wanted else ['%s instead of %s' % (found, wanted)]
        return problems + (['%d holes' % spots.get('holes', 0)] if spots.get('holes', 0) != holes else [])
    return look


class Talk(f.Connection):
    """A connection whose segments may come in any order."""

    def __init__(self, dport=80, **more):
        super().__init__(dport=dport, **more)

    def shuffled(self, payload, step, seed):
        begin = self.seq[0]
        places = list(range(0, len(payload), step))
        random.Random(seed).shuffle(places)
        for at in places:
            self.put(begin + at, payload[at:at + step])
        self.seq[0] = begin + len(payload)
        return self

    def lose(self, side, payload):
        """It arrives, and was not captured."""
        self.seq[side] += len(payload)
        return self

    def put(self, seq, payload):
        self.packets.append(f.tcp(*self.ends, *self.ports, seq, self.seq[1], f.ACK | f.PSH, payload))


def row(name, talk, *hosts, exchanges=None, lost=()):
    packets = [p for i, p in enumerate(talk.close()) if i not in lost]
    first = sorted(hosts, key=hosts.index)[0] if hosts else None
    ROWS.add(name, f.pcap([f.ethernet(p) for p in packets]), (SERVER, 80, 'tcp', first), check=asked(*hosts, exchanges=exchanges))


def count(name, talk, hosts, **more):
    """hosts: exchanges of each, in the order in which they are asked."""
    ROWS.add(name, f.pcap([f.ethernet(p) for p in talk.close()]), options=('--host-addr', '10.1.0.1'), others=True, check=counted(hosts, **more))


def pieces():
    for step in (1, 2, 3, 5, 17):
        c = Talk()
        for host in ('a.example', 'b.example', 'c.example'):
            c.say(0, get(host), step).say(1, OK, step)
        row('three requests in segments of %d bytes' % step, c, 'a.example', 'b.example', 'c.example', exchanges=3)
    for seed in range(4):
        c = Talk()
        for host in ('a.example', 'b.example', 'c.example'):
            c.shuffled(get(host), 11, seed).say(1, OK)
        row('three requests whose segments come in any order, %d' % seed, c, 'a.example', 'b.example', 'c.example', exchanges=3)
    c = Talk()
    for host in ('a.example', 'b.example'):
        text = get(host)
        c.put(c.seq[0], text[:1])
        c.put(c.seq[0], text[:30])
        c.put(c.seq[0] + 20, text[20:])
        c.seq[0] += len(text)
        c.say(1, OK)
    row('segments that repeat bytes and bring more', c, 'a.example', 'b.example', exchanges=2)


def forms():
    for said, line in (('without a slash', b'GET index.html HTTP/1.1'), ('with a query alone', b'POST ?a=b HTTP/1.1'), ('with blanks', b'GET /a b HTTP/1.1')):
        c = Talk().say(0, line + b'\r\nHost: a.example\r\n\r\n').say(1, OK).say(0, line + b'\r\nHost: b.example\r\n\r\n', 7).say(1, OK)
        row('targets ' + said, c, 'a.example', 'b.example', exchanges=2)


def bodies():
    evil = get('evil.example') * 40
    for seed in range(4):
        c = Talk().shuffled(post('a.example', evil), 300, seed).say(1, OK).say(0, get('b.example')).say(1, OK)
        row('a body of requests in any order, then a request, %d' % seed, c, 'a.example', 'b.example', exchanges=2)
        c = Talk().shuffled(chunked('a.example', evil, evil[7:], b'x', evil), 300, seed).say(1, OK).say(0, get('b.example')).say(1, OK)
        row('chunks of requests in any order, then a request, %d' % seed, c, 'a.example', 'b.example', exchanges=2)
    c = Talk().say(0, post('a.example', b'', b'Content-Length: %d' % len(evil))).say(1, b'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
    c.say(0, b'x' * 20 + evil[:-20], 20 + len(get('evil.example')))
    row('a body that goes on though it was refused', c, 'a.example')
    c = Talk().say(0, post('a.example', b'', b'Content-Length: 5000\r\nExpect: 100-continue')).say(1, b'HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n')
    row('a body that was refused and never sent', c.say(0, get('b.example')).say(1, OK), 'a.example', 'b.example', exchanges=2)


def answer(size, status=b'200 OK'):
    return b'HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n' % (status, size) + b'x' * size


A, B, C, D = (get(h + '.example') for h in 'abcd')
BAD = answer(0, b'503 Unavailable')


def names():
    """A request counts under its own host however late that is said."""
    one = {h + '.example': 1 for h in 'abc'}
    for step in (1, 2, 7, 20, 33):
        c = Talk()
        for text in (A, B, C):
            c.say(0, text, step).say(1, OK)
        count('requests one by one, in segments of %d bytes' % step, c, one)
        count('requests in a row, in segments of %d bytes' % step, Talk().say(0, A + B + C, step).say(1, OK).say(1, BAD).say(1, OK), one, failed=['b.example'])
    for step in (1, 3, 8, 12):
        c = Talk().say(0, A, step).say(1, OK, step).say(0, B, step).say(1, BAD, step).say(0, C, step).say(1, OK, step)
        count('answers in segments of %d bytes' % step, c, one, failed=['b.example'])
    count('a request in a row that is whole, and one in pieces', Talk().say(0, A).say(0, B, 20).say(1, OK).say(1, BAD).say(0, C, 20).say(1, OK), one,
          failed=['b.example'])


def holes():
    """Segments that arrived and were not captured."""
    count('the first of three requests, one by one', Talk().lose(0, A).say(1, OK).say(0, B).say(1, OK).say(0, C).say(1, OK), {'b.example': 1, 'c.example': 1})
    count('the first of three requests, in a row', Talk().lose(0, A).say(0, B).say(0, C).say(1, OK).say(1, OK).say(1, OK), {'b.example': 1, 'c.example': 1}, holes=1)
    c = Talk().say(0, A).say(1, OK[:5]).lose(1, OK[5:]).say(0, B).say(1, OK).say(0, C).say(1, BAD)
    count('all but the beginning of an answer', c, {'a.example': 1, 'b.example': 1, 'c.example': 1}, failed=['c.example'])
    early = post('b.example', b'z' * 4000)
    c = Talk().say(0, A).say(1, OK).say(0, early[:1000]).say(1, BAD).say(0, early[1000:]).say(0, B).say(1, OK)
    count('a body that goes on behind its answer, of a connection to several hosts', c, {'a.example': 1, 'b.example': 2}, failed=['b.example'])
    count('the second of three requests, in a row', Talk().say(0, A).lose(0, B).say(0, C).say(1, OK).say(1, OK).say(1, OK).say(0, D).say(1, OK),
          {'a.example': 1, 'c.example': 1, 'd.example': 1}, holes=1)
    count('two of five requests, in a row', Talk().say(0, A).lose(0, B).say(0, C).lose(0, D).say(0, get('e.example')).say(1, OK * 5),
          {'a.example': 1, 'c.example': 1, 'e.example': 1}, holes=2)
    c = Talk().say(0, A).say(1, OK).say(0, B).say(1, OK).lose(0, C[:20]).say(0, C[20:]).say(1, OK).say(0, D).say(1, OK)
    count('the first half of a request of a connection to several hosts', c, {'a.example': 1, 'b.example': 1, SERVER: 1, 'd.example': 1}, holes=1)
    count('the second half of a request, in a row', Talk().say(0, A).say(0, B[:10]).lose(0, B[10:40]).say(0, B[40:]).say(0, C).say(1, OK * 3),
          {'a.example': 1, 'c.example': 1}, holes=1)
    chunks = chunked('a.example', *[B] * 20)
    for said, text in (('chunks', chunks), ('a body', post('a.example', B * 20))):
        places = [at for at in range(200, len(text)) if text.startswith(B, at)]
        c = Talk().say(0, text[:80]).lose(0, text[80:places[0]])
        for at, to in zip(places, places[1:] + [len(text)]):
            c.say(0, text[at:to])
        count('a piece of %s of requests' % said, c.say(1, OK).say(0, C).say(1, OK), {'a.example': 1, 'c.example': 1}, holes=int(text is chunks))
    big = answer(9000)
    c = Talk().say(0, A).say(0, B).say(0, C).say(1, big[:1000]).lose(1, big[1000:5000]).say(1, big[5000:]).say(1, BAD).say(1, OK).say(0, D).say(1, OK)
    count('a piece of the body of an answer, in a row', c, {h + '.example': 1 for h in 'abcd'}, failed=['b.example'])
    c = Talk().say(0, A).say(0, B).say(0, C).lose(1, answer(50)).say(1, BAD).say(1, OK).say(0, D)
    count('the first of three answers, in a row', c.say(1, OK), {h + '.example': 1 for h in 'abcd'}, holes=1)


def long_heads():
    """Fields in front of Host."""
    def behind(host, size):
        return b'GET / HTTP/1.1\r\n' + b''.join(b'X-%d: %s\r\n' % (i, b'v' * 990) for i in range(size // 1000)) + b'Host: %s\r\n\r\n' % host.encode()
    two = {'a.example': 1, 'b.example': 1}
    for size, step in ((20000, 1400), (20000, 65000), (60000, 1400), (60000, 61), (17000, 7)):
        c = Talk().say(0, behind('a.example', size), step).say(1, OK).say(0, behind('b.example', size), step).say(1, OK)
        count('Host behind %d bytes of fields, in segments of %d bytes' % (size, step), c, two)

    def limited(scan, _):
        limits = {x['name']: x['hits'] for x in scan['coverage']['limits']}
        return [] if limits == {'request heads': 1} else ['limits are %s' % limits]
    c = Talk().say(0, behind('a.example', 70000)).say(1, OK).say(0, B).say(1, OK)
    ROWS.add('Host behind more bytes than are read', f.pcap([f.ethernet(p) for p in c.close()]), (SERVER, 80, 'tcp', 'b.example'), check=limited)


def switched(protocol):
    return b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n' % protocol


def offer(host, protocols, start=b'GET / HTTP/1.1'):
    return b'%s\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n' % (start, host.encode(), protocols)


def upgrades():
    """What the connection goes on in behind 101 (RFC 9110 section 7.8)."""
    chat = {'a.example': 1, 'chat.example': 1}

    def talk(c):
        for _ in range(4):
            c.say(0, b'\x81\x85abcd\x09\x07\x0f\x08\x0e').say(1, b'\x81\x05hello')
        return c.say(0, get('evil.example')).say(1, OK)
    for step in (1, 3, 12, 1400):
        said = ', in segments of %d bytes' % step
        c = Talk().say(0, A, step).say(1, OK, step).say(0, offer('chat.example', b'websocket'), step).say(1, switched(b'websocket'), step)
        count('WebSocket' + said, talk(c), chat)
        c = Talk().say(0, offer('a.example', b'TLS/1.2, TLS/1.0', b'OPTIONS * HTTP/1.1'), step).say(1, switched(b'TLS/1.2, HTTP/1.1'), step)
        c.say(0, f.hello('b.example'), step).say(1, f.SERVER_HELLO).say(0, f.record(20, b'\1', 0x0303) + f.record(23, bytes(53), 0x0303))
        c.say(0, f.record(23, bytes(200), 0x0303)).say(1, f.record(23, bytes(300), 0x0303))
        count('TLS behind an upgrade' + said, c, {'a.example': 1, 'b.example': 1})
    c = Talk().say(0, A).say(0, offer('chat.example', b'websocket')).say(1, OK).say(1, switched(b'websocket'))
    count('WebSocket in a row', talk(c), chat)
    c = Talk().say(0, offer('a.example', b'websocket, h2c')).say(1, answer(0, b'400 Bad')).say(0, B).say(1, OK)
    count('an offer that is not taken', c, {'a.example': 1, 'b.example': 1})
    c = Talk().say(0, offer('chat.example', b'websocket, h2c')).say(1, b'HTTP/1.1 103 Early Hints\r\n\r\n' + switched(b'websocket'))
    count('of two offers the one that is taken', talk(c), {'chat.example': 1})


def proxies():
    """A proxy that is asked for several targets over one connection; it fails for none of them, and its answers are no target's."""
    opened, bad = b'HTTP/1.1 200 Connection established\r\n\r\n', answer(3, b'502 Bad Gateway')
    who = b'HTTP/1.1 407 Who are you\r\nContent-Length: 5\r\n\r\nerror'

    def connect(host):
        return b'CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n' % (host.encode(), host.encode())

    def whole(host):
        return b'GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n' % (host.encode(), host.encode())

    def reached(**wanted):
        """Of each target: exchanges, failures, connections tried, established, refused."""
        def look(scan, _):
            found = {d['name'].split('.')[0]: (d['exchanges'], d['failures']) + tuple(d['connections'][k] for k in ('tried', 'established', 'refused'))
                     for d in scan['dependencies'] if d['name']}
            proxy = [(d['exchanges'], d['failures']) for d in scan['dependencies'] if not d['name']]
            problems = [] if found == wanted else ['%s instead of %s' % (found, wanted)]
            return problems + ([] if proxy == [(sum(x[0] for x in wanted.values()), 0)] or 'proxy' in wanted else ['the proxy has %s' % proxy])
        return look

    def proxy(name, talk, **wanted):
        ROWS.add(name, f.pcap([f.ethernet(p) for p in talk.close()]), options=('--host-addr', '10.1.0.1'), others=True, check=reached(**wanted))

    def talk(*said):
        c = Talk(dport=3128)
        for i, text in enumerate(said):
            c.say(i % 2, text)
        return c
    a, b = connect('a.example'), connect('b.example')
    proxy('a tunnel behind a password', f.tls(talk(a, who, a, opened), 'a.example'), a=(3, 0, 1, 1, 0))
    c = Talk(dport=3128)
    for i, text in enumerate((a, who, a, opened)):
        c.say(i % 2, text, 5)
    proxy('a tunnel behind a password, in segments of 5 bytes', f.tls(c, 'a.example'), a=(3, 0, 1, 1, 0))
    proxy('a tunnel for which there is no password', talk(a, who, a, who), a=(2, 0, 0, 0, 0))
    proxy('a tunnel that is refused, then another', f.tls(talk(a, bad, b, opened), 'b.example'), a=(1, 1, 1, 0, 1), b=(2, 0, 1, 1, 0))
    proxy('a tunnel that is refused, then opened', f.tls(talk(a, bad, a, opened), 'a.example'), a=(3, 1, 2, 1, 1))
    proxy('requests for two targets, then a tunnel', f.tls(talk(whole('a.example'), OK, whole('b.example'), OK, connect('c.example'), opened), 'c.example'),
          a=(1, 0, 0, 0, 0), b=(1, 0, 0, 0, 0), c=(2, 0, 1, 1, 0))
    proxy('HTTP in a tunnel, and its errors', talk(a, opened, A, OK, A, BAD), a=(3, 1, 1, 1, 0))
    proxy('a request behind a password', talk(whole('a.example'), who, whole('a.example'), OK), a=(2, 0, 1, 1, 0))
    proxy('a target that is not reached, then another', talk(whole('a.example'), bad, whole('b.example'), OK), a=(1, 1, 0, 0, 0), b=(1, 0, 1, 1, 0))
    proxy('requests for two targets, in a row', talk(whole('a.example') + whole('b.example'), OK + BAD), a=(1, 0, 0, 0, 0), b=(1, 1, 1, 1, 0))
    proxy('a proxy that is spoken to in TLS', f.tls(Talk(dport=3128), 'proxy.example'), proxy=(1, 0, 1, 1, 0))


def main():
    results = common.Results()
    common.need_program(results)
    for make in (pieces, forms, bodies, names, holes, long_heads, upgrades, proxies):
        make()
    ROWS.run(results)


if __name__ == '__main__':
    main()
