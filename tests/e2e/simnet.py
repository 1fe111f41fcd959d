# SPDX-License-Identifier: BSD-2-Clause
"""Systems that run in virtual time and leave captures: what their programs do is asyncio, what they say is packets.

The event loop's clock jumps to whatever is due next, so a minute of a busy system is made in a second, and the same seed gives
the same bytes. A Net has hosts; a host that is captured has a list of packets. A connection has two ends, the client's (0) and
the server's (1); both hosts see its packets, the receiver a moment after the sender.
"""
import asyncio
import itertools
import os
import random
import selectors
import socket
import struct

EPOCH = 1764000000.0
MSS = 1448
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class _Jump(selectors.SelectSelector):
    """Waits for nothing: time passes at once."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError('nothing will ever happen')
        self.now += max(0.0, timeout)
        return []


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.jump = _Jump()
        super().__init__(self.jump)
        self._clock_resolution = 1e-9

    def time(self):
        return self.jump.now


def run(main, seconds):
    """Runs the coroutine's system for so many seconds of its own time."""
    async def bounded():
        task = asyncio.ensure_future(main)
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            task.result()
            return
        task.cancel()
    loop = Loop()
    loop.set_exception_handler(lambda *_: None)
    try:
        loop.run_until_complete(bounded())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()


def now():
    return asyncio.get_running_loop().time()


class Refused(OSError):
    pass


class Dropped(OSError):
    pass


class Net:
    def __init__(self, seed=1):
        self.dice = random.Random(seed)
        self.captured = {}      # address -> list of (time, n, bytes)
        self.names = {}         # address -> host name
        self.listeners = {}     # (address, port) -> coroutine function of a connection
        self.dark = set()       # addresses that do not answer at all
        self.loss = 0.0
        self.ports = itertools.count(0)
        self.sequence = itertools.count(0)
        self.zone = {}          # name -> (chain, addresses)
        self.resolver = None
        self.resolver_ill = None
        self.cache = {}

    def host(self, name, address):
        self.names[address] = name
        self.captured[address] = []

    def see(self, address, when, packet):
        if address in self.captured:
            self.captured[address].append((when, next(self.sequence), packet))

    def write(self, folder):
        paths = []
        for address, packets in self.captured.items():
            path = os.path.join(folder, self.names[address] + '.pcap')
            with open(path, 'wb') as f:
                f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
                for when, _, data in sorted(packets, key=lambda p: p[:2]):
                    at = EPOCH + when
                    f.write(struct.pack('<IIII', int(at), int((at % 1) * 1e6), len(data), len(data)) + data)
            paths.append(path)
        return paths

    def port(self):
        return 32768 + next(self.ports) % 28000

    # ---- connections ----

    async def connect(self, source, address, port, timeout=None):
        """An open Connection; Refused, or asyncio.TimeoutError."""
        c = Connection(self, source, address, port)
        c.syn()
        waits = 1.0
        began = now()
        while address in self.dark:
            left = None if timeout is None else timeout - (now() - began)
            if left is not None and left <= waits:
                await asyncio.sleep(left)
                raise asyncio.TimeoutError
            await asyncio.sleep(waits)
            waits *= 2
            c.syn(again=True)
            if waits > 64:
                raise asyncio.TimeoutError
        await asyncio.sleep(c.lag)
        handler = self.listeners.get((address, port))
        c.next[0] += 1
        c.packet(1, (SYN if handler else RST) | ACK, b'')
        c.next[1] += 1
        await asyncio.sleep(c.lag)
        if handler is None:
            raise Refused('%s:%d' % (address, port))
        c.packet(0, ACK, b'')
        asyncio.ensure_future(c.serve(handler))
        return c

    # ---- names ----

    async def resolve(self, source, name, ttl=30):
        """Addresses of the name, asked of the resolver when they are not known any more."""
        known = self.cache.get((source, name))
        if known and known[0] > now():
            return known[1]
        chain, addresses = self.zone[name]
        for attempt in range(2):
            port, ident = self.port(), self.dice.randrange(65536)
            question = _dns_name(name) + struct.pack('!HH', 1, 1)
            head = struct.pack('!HHHHHH', ident, 0x0100, 1, 0, 0, 0)
            self.datagram(source, port, self.resolver, 53, head + question)
            ill = self.resolver_ill and self.resolver_ill(now())
            await asyncio.sleep(0.0004 + self.dice.expovariate(5000))
            if ill == 'silent':
                await asyncio.sleep(2.0 if attempt == 0 else 3.0)
                continue
            answer = b''
            owner = name
            for alias in chain:
                answer += _record(owner, 5, ttl, _dns_name(alias))
                owner = alias
            for a in addresses:
                answer += _record(owner, 1, ttl, socket.inet_aton(a))
            rcode = 2 if ill else 0
            count = 0 if ill else len(chain) + len(addresses)
            head = struct.pack('!HHHHHH', ident, 0x8180 | rcode, 1, count, 0, 0)
            self.datagram(self.resolver, 53, source, port, head + question + (b'' if ill else answer))
            if ill:
                raise OSError('SERVFAIL')
            self.cache[source, name] = (now() + ttl, addresses)
            return addresses
        raise OSError('no resolver')

    def datagram(self, source, port, to, to_port, data):
        self.pass_on(source, to, 0.0002, 17, struct.pack('!HHHH', port, to_port, 8 + len(data), 0) + data)

    def pass_on(self, source, to, lag, protocol, payload):
        """Both see it, each behind a router."""
        self.see(source, now(), _frame(source, to, protocol, payload, True))
        if to not in self.dark:
            self.see(to, now() + lag, _frame(source, to, protocol, payload, False))


def _dns_name(name):
    return b''.join(bytes([len(p)]) + p.encode() for p in name.split('.')) + b'\0'


def _record(name, kind, ttl, data):
    return _dns_name(name) + struct.pack('!HHIH', kind, 1, ttl, len(data)) + data


def _mac(address):
    return b'\x02\0' + socket.inet_aton(address)


def _frame(source, to, protocol, payload, leaves):
    router = b'\x02\x01\0\0\0\x01'
    ether = (router + _mac(source) if leaves else _mac(to) + router) + b'\x08\x00'
    return ether + struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0, 0x4000, 64 if leaves else 62, protocol, 0,
                               socket.inet_aton(source), socket.inet_aton(to)) + payload


class Connection:
    def __init__(self, net, source, address, port):
        self.net = net
        self.ends = ((source, net.port()), (address, port))
        self.lag = net.dice.uniform(0.00015, 0.0004)
        self.next = [net.dice.randrange(1 << 32), net.dice.randrange(1 << 32)]
        self.inbox = [asyncio.Queue(), asyncio.Queue()]
        self.closed = [False, False]
        self.tls = False
        self.arrives = [0.0, 0.0]

    def packet(self, side, flags, data, seq=None):
        (a, ap), (b, bp) = self.ends[side], self.ends[1 - side]
        seq = self.next[side] if seq is None else seq
        ack = self.next[1 - side] if flags & ACK else 0
        segment = struct.pack('!HHIIBBHHH', ap, bp, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 501, 0, 0) + data
        self.net.pass_on(a, b, self.lag, 6, segment)

    def syn(self, again=False):
        self.packet(0, SYN, b'', None)

    async def serve(self, handler):
        try:
            await handler(self)
        except Dropped:
            pass

    def send(self, side, data):
        if self.closed[side]:
            raise Dropped('closed')
        if self.tls:
            data = b'\x17\x03\x03' + struct.pack('!H', len(data) + 17) + data + b'\0' * 17
        self.raw(side, data)

    def raw(self, side, data):
        for at in range(0, len(data), MSS):
            part = data[at:at + MSS]
            self.packet(side, PSH | ACK, part)
            self.next[side] += len(part)
        asyncio.get_running_loop().call_later(self.lag, self.arrive, 1 - side, data)

    def arrive(self, side, data):
        if self.closed[side]:
            if data is not None and self.closed[side] == 'gone':
                self.packet(side, RST, b'')
            return
        self.packet(side, ACK, b'')
        self.inbox[side].put_nowait(data)

    async def receive(self, side):
        """What the other end sent; None: it closed."""
        data = await self.inbox[side].get()
        if isinstance(data, Exception):
            raise data
        return data

    def close(self, side):
        if self.closed[side]:
            return
        self.packet(side, FIN | ACK, b'')
        self.next[side] += 1
        self.closed[side] = 'gone'
        asyncio.get_running_loop().call_later(self.lag, self.hang_up, 1 - side)

    def hang_up(self, side):
        if not self.closed[side]:
            self.packet(side, ACK, b'')
            self.inbox[side].put_nowait(None)

    def abort(self, side):
        if self.closed[side]:
            return
        self.packet(side, RST | ACK, b'')
        self.closed[side] = 'gone'
        asyncio.get_running_loop().call_later(self.lag, self.reset, 1 - side)

    def reset(self, side):
        if not self.closed[side]:
            self.closed[side] = 'reset'
            self.inbox[side].put_nowait(Dropped('reset'))

    async def handshake(self, name):
        """TLS 1.3, by its records' types and lengths."""
        self.raw(0, _client_hello(self.net.dice, name))
        await asyncio.sleep(self.lag + self.net.dice.uniform(0.0005, 0.0015))
        dice = self.net.dice
        hello = b'\x03\x03' + dice.randbytes(32) + b'\x20' + bytes(32) + b'\x13\x01\0' + b'\0\x2e\0\x2b\0\x02\x03\x04\0\x33\0\x24\0\x1d\0\x20' + dice.randbytes(32)
        hello = b'\x02' + struct.pack('!I', len(hello))[1:] + hello
        flight = b'\x16\x03\x03' + struct.pack('!H', len(hello)) + hello + b'\x14\x03\x03\0\x01\x01'
        for size in (40, 700, 110, 53):
            flight += b'\x17\x03\x03' + struct.pack('!H', size) + dice.randbytes(size)
        self.raw(1, flight)
        await self.receive(0)
        self.raw(0, b'\x14\x03\x03\0\x01\x01' + b'\x17\x03\x03\0\x35' + dice.randbytes(53))
        self.tls = True


def _client_hello(dice, name):
    host = name.encode()
    sni = struct.pack('!HHHBH', 0, len(host) + 5, len(host) + 3, 0, len(host)) + host
    versions = b'\0\x2b\0\x03\x02\x03\x04'
    share = b'\0\x33\0\x26\0\x24\0\x1d\0\x20' + dice.randbytes(32)
    extensions = sni + versions + share
    body = b'\x03\x03' + dice.randbytes(32) + b'\x20' + dice.randbytes(32) + b'\0\x02\x13\x01\x01\0' + \
        struct.pack('!H', len(extensions)) + extensions
    body = b'\x01' + struct.pack('!I', len(body))[1:] + body
    return b'\x16\x03\x01' + struct.pack('!H', len(body)) + body


# ---- programs ----

class Hang(Exception):
    """The server says nothing to this request."""


class Reset(Exception):
    """... ends the connection instead of answering."""


def status_line(status, size):
    return b'HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n' % (status, size) + b'x' * size


def web(net, address, port, handle, tls=False, idle_s=None, size=300):
    """A server of HTTP/1: handle(target) gives the status, or raises Hang or Reset."""
    async def talk(c):
        while True:
            try:
                data = await (c.receive(1) if idle_s is None else asyncio.wait_for(c.receive(1), idle_s))
            except asyncio.TimeoutError:
                c.close(1)
                return
            if data is None:
                c.close(1)
                return
            text = data[5:] if data[:1] == b'\x17' else data
            if data[:1] in (b'\x16', b'\x14'):
                continue
            try:
                status = await handle(text.split(b' ', 2)[1].decode())
            except Hang:
                status = None
            except Reset:
                c.abort(1)
                return
            if status is None:
                await asyncio.sleep(600)
                return
            if not c.closed[1]:
                body = size(text) if callable(size) else size
                c.send(1, status_line(status, body))
    net.listeners[address, port] = talk
    return talk


class Client:
    """Calls one endpoint by HTTP/1, over a pool of connections."""

    def __init__(self, net, source, port, name=None, address=None, tls=False, pool=True, limit=100000, timeout=30.0, connect=3.0,
                 give_up='rst', order='random', ttl=30, addresses_in_turn=False):
        self.net, self.source, self.port, self.name, self.address = net, source, port, name, address
        self.tls, self.pool, self.timeout, self.connect_s, self.give_up = tls, pool, timeout, connect, give_up
        self.idle, self.turn, self.ttl = [], asyncio.Semaphore(limit), ttl
        self.outcomes = []
        self.turns = itertools.count(0) if addresses_in_turn else None

    async def open(self):
        addresses = [self.address] if self.address else await self.net.resolve(self.source, self.name, self.ttl)
        if self.turns:
            addresses = [addresses[next(self.turns) % len(addresses)]]
        failure = None
        for address in addresses:
            try:
                c = await self.net.connect(self.source, address, self.port, self.connect_s)
                if self.tls:
                    await c.handshake(self.name)
                return c
            except (OSError, asyncio.TimeoutError) as e:
                failure = e
        raise failure

    async def connection(self):
        while self.idle:
            c = self.idle.pop()
            if c.inbox[0].empty() and not c.closed[0]:
                return c
            if not c.closed[0]:
                c.close(0)
        return await self.open()

    async def get(self, target, extra=b''):
        """The status; OSError or asyncio.TimeoutError when there is none."""
        async with self.turn:
            c = await self.connection()
            host = (self.name or self.address).encode()
            c.send(0, b'GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n' % (target.encode(), host, extra))
            try:
                data = await asyncio.wait_for(c.receive(0), self.timeout)
            except asyncio.TimeoutError:
                (c.abort if self.give_up == 'rst' else c.close)(0)
                raise
            if data is None:
                c.close(0)
                raise Dropped('closed')
            status = int((data[5:] if data[:1] == b'\x17' else data).split(b' ', 2)[1])
            if self.pool and status < 600:
                self.idle.append(c)
            else:
                c.close(0)
            return status


class Policy:
    """Tries again after these pauses; jitter: each is drawn from [1 - jitter, 1] of it."""

    def __init__(self, pauses=(), jitter=0.0):
        self.pauses, self.jitter = list(pauses), jitter

    async def call(self, client, target):
        for pause in self.pauses + [None]:
            try:
                if await client.get(target) < 500:
                    return True
            except (OSError, asyncio.TimeoutError):
                pass
            if pause is not None:
                await asyncio.sleep(pause * client.net.dice.uniform(1 - self.jitter, 1))
        return False


async def users(net, client_of, target_of, rate_of, until):
    """Asks at rate_of(time) a second, by chance; client_of() gives whose turn it is."""
    asked, tasks = itertools.count(0), set()

    async def ask(client, target):
        try:
            await client.get(target)
        except (OSError, asyncio.TimeoutError):
            pass
    while now() < until:
        rate = rate_of(now())
        if rate <= 0:
            await asyncio.sleep(0.1)
            continue
        await asyncio.sleep(net.dice.expovariate(rate))
        if now() >= until:
            break
        task = asyncio.ensure_future(ask(client_of(), target_of(next(asked))))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
