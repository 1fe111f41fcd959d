# SPDX-License-Identifier: BSD-2-Clause
"""Packets, made by hand: headers of every layer, conversations, capture files.

Every function takes what goes inside as bytes and returns bytes. A conversation is a list of IP packets, which any
encapsulation can carry.
"""
import ipaddress
import struct

ETHERNET, RAW, IPV4, IPV6 = 1, 101, 0x0800, 0x86dd
TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
T0 = 1790000000


def vector(width, data):
    """Data behind its length of width bytes."""
    return len(data).to_bytes(width, 'big') + data


def join(parts):
    return b''.join(parts)


# ---- network and transport ----

def address(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(src, dst, protocol, payload, ident=0, offset=0, more=False, options=b''):
    head = struct.pack('>BBHHHBBH', 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident,
                       offset // 8 | (0x2000 if more else 0), 64, protocol, 0) + address(src) + address(dst) + options
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + payload


def ip6(src, dst, protocol, payload, extensions=()):
    """extensions: (number, body behind the next header's number)."""
    chain, following = b'', protocol
    for number, body in reversed(extensions):
        chain = bytes((following,)) + body + chain
        following = number
    return struct.pack('>IHBB', 6 << 28, len(chain + payload), following, 64) + address(src) + address(dst) + chain + payload


def ip(src, dst, protocol, payload, **more):
    return (ip6 if ':' in src else ip4)(src, dst, protocol, payload, **more)


def with_checksum(src, dst, protocol, segment, at):
    pseudo = address(src) + address(dst) + struct.pack('>II', len(segment), protocol)
    value = checksum(pseudo + segment) or 0xffff
    return segment[:at] + struct.pack('>H', value) + segment[at + 2:]


def udp(src, dst, sport, dport, payload, **more):
    segment = struct.pack('>4H', sport, dport, 8 + len(payload), 0) + payload
    return ip(src, dst, UDP, with_checksum(src, dst, UDP, segment, 6), **more)


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b'', **more):
    segment = struct.pack('>2H2IBBHHH', sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 64000, 0, 0) + payload
    return ip(src, dst, TCP, with_checksum(src, dst, TCP, segment, 16), **more)


def fragments(packet, size, ident=77):
    """An IPv4 packet in pieces of so many bytes, in order."""
    head, body = packet[:20], packet[20:]
    src, dst = str(ipaddress.ip_address(head[12:16])), str(ipaddress.ip_address(head[16:20]))
    return [ip4(src, dst, head[9], body[at:at + size], ident, at, at + size < len(body)) for at in range(0, len(body), size)]


def fragments6(packet, size, ident=77):
    src, dst = str(ipaddress.ip_address(packet[8:24])), str(ipaddress.ip_address(packet[24:40]))
    body = packet[40:]
    return [ip6(src, dst, packet[6], body[at:at + size],
                [(44, struct.pack('>BHI', 0, at | (at + size < len(body)), ident))]) for at in range(0, len(body), size)]


class Connection:
    """A TCP connection as it comes to be; .packets are its IP packets."""

    def __init__(self, client='10.1.0.1', server='192.0.2.10', sport=40000, dport=443, opened=True, **more):
        self.ends, self.ports, self.seq, self.more = (client, server), (sport, dport), [1000, 5000], more
        self.packets = []
        if opened:
            self.send(0, SYN)
            self.send(1, SYN | ACK)
            self.send(0, ACK)

    def send(self, side, flags, payload=b''):
        ack = self.seq[1 - side] if flags & ACK else 0
        self.packets.append(tcp(self.ends[side], self.ends[1 - side], self.ports[side], self.ports[1 - side], self.seq[side], ack,
                                flags, payload, **self.more))
        self.seq[side] += len(payload) + (flags & (SYN | FIN) != 0)

    def say(self, side, payload, step=1400):
        for at in range(0, len(payload), step):
            self.send(side, ACK | PSH, payload[at:at + step])
        return self

    def close(self):
        self.send(0, FIN | ACK)
        self.send(1, FIN | ACK)
        self.send(0, ACK)
        return self.packets


# ---- TLS ----

def extension(kind, body):
    return struct.pack('>H', kind) + vector(2, body)


def server_name(name):
    return extension(0, vector(2, b'\0' + vector(2, name.encode())))


def hello_body(name, extensions=None, version=0x0303, session=bytes(32), padding=0):
    """The handshake message of a ClientHello; name None: none in it."""
    parts = [] if name is None else [server_name(name)]
    parts += extensions if extensions is not None else [extension(43, b'\2\3\4'), extension(16, vector(2, vector(1, b'http/1.1')))]
    if padding:
        parts.append(extension(21, bytes(padding)))
    body = (struct.pack('>H', version) + bytes(range(32)) + vector(1, session) + vector(2, b'\x13\x01\x13\x02\xc0\x2f') +
            vector(1, b'\0') + vector(2, join(parts)))
    return b'\1' + vector(3, body)


def record(kind, body, version=0x0301):
    return struct.pack('>BH', kind, version) + vector(2, body)


def hello(name, piece=16384, **more):
    """A ClientHello in records of so many bytes."""
    body = hello_body(name, **more)
    return join(record(22, body[at:at + piece]) for at in range(0, len(body), piece))


SERVER_HELLO = record(22, b'\2' + vector(3, b'\3\3' + bytes(32) + b'\0\x13\1\0\0\0'), 0x0303) + record(20, b'\1', 0x0303)


def tls(connection, name, **more):
    """A session of TLS 1.3 inside a connection."""
    connection.say(0, hello(name, **more)).say(1, SERVER_HELLO + record(23, bytes(900), 0x0303))
    connection.say(0, record(20, b'\1', 0x0303) + record(23, bytes(53), 0x0303))
    return connection.say(0, record(23, bytes(200), 0x0303)).say(1, record(23, bytes(300), 0x0303))


def session(name, **more):
    """The packets of a whole connection with TLS to the name."""
    return tls(Connection(**more), name).close()


# ---- DNS ----

TYPES = {'IXFR': 251, 'AXFR': 252, 'ANY': 255, 'SRV': 33, 'MX': 15, 'DNAME': 39, 'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'TXT': 16, 'AAAA': 28, 'SVCB': 64, 'HTTPS': 65}


def dns_name(text):
    return join(vector(1, label.encode()) for label in text.rstrip('.').split('.') if label) + b'\0'


def resource(owner, kind, data, ttl=60):
    if kind in ('A', 'AAAA'):
        data = address(data)
    elif kind in ('CNAME', 'NS', 'DNAME'):
        data = dns_name(data)
    return dns_name(owner) + struct.pack('>HHI', TYPES[kind], 1, ttl) + vector(2, data)


def question(name, kind='A'):
    return dns_name(name) + struct.pack('>HH', TYPES[kind], 1)


EDNS = b'\0' + struct.pack('>HHI', 41, 1232, 0) + vector(2, struct.pack('>HH', 10, 8) + bytes(8))


def dns(name, kind='A', answers=(), ident=7, response=True, rcode=0, truncated=False, edns=False, extra=(), opcode=0, authority=(), questions=None):
    """questions: in place of the one of name and kind."""
    flags = 0x0100 | (0x8080 if response else 0) | (0x0200 if truncated else 0) | opcode << 11 | rcode
    extra = list(extra) + ([EDNS] if edns else [])
    asked = [question(name, kind)] if questions is None else questions
    return (struct.pack('>6H', ident, flags, len(asked), len(answers), len(authority), len(extra)) + join(asked) +
            join(resource(*a) for a in answers) + join(resource(*a) for a in authority) + join(extra))


def lookup(name, kind='A', answers=(), client='10.1.0.1', resolver='10.1.0.53', sport=50001, **more):
    """Question and answer over UDP."""
    return [udp(client, resolver, sport, 53, dns(name, kind, response=False, edns=more.get('edns', False))),
            udp(resolver, client, 53, sport, dns(name, kind, answers, **more))]


# ---- links and tunnels; each takes a packet and returns what carries it ----

def version_type(packet):
    return IPV6 if packet[0] >> 4 == 6 else IPV4


MAC_A, MAC_B, MAC_C = bytes.fromhex('020000000001'), bytes.fromhex('020000000002'), bytes.fromhex('020000000003')


def ethernet(packet, kind=None):
    return MAC_B + MAC_A + struct.pack('>H', version_type(packet) if kind is None else kind) + packet


def tagged(packet, *tags, kind=None):
    """(ethertype, id) from the outside in."""
    inner = version_type(packet) if kind is None else kind
    body = packet
    for tag, number in reversed(tags):
        body = struct.pack('>HH', number, inner) + body
        inner = tag
    return MAC_B + MAC_A + struct.pack('>H', inner) + body


def mpls(packet, *labels):
    return join(struct.pack('>I', label << 12 | (0x100 if i + 1 == len(labels) else 0) | 64)
                for i, label in enumerate(labels)) + packet


def pppoe(packet):
    body = struct.pack('>H', 0x57 if version_type(packet) == IPV6 else 0x21) + packet
    return struct.pack('>BBHH', 0x11, 0, 1, len(body)) + body


def snap(packet):
    return b'\xaa\xaa\3\0\0\0' + struct.pack('>H', version_type(packet)) + packet


def gre(packet, kind=None, flags=0, fields=b''):
    return struct.pack('>HH', flags, version_type(packet) if kind is None else kind) + fields + packet


def vxlan(frame, flags=8, number=99):
    return struct.pack('>II', flags << 24, number << 8) + frame


def geneve(inner, kind=0x6558, options=b''):
    return struct.pack('>BBHI', len(options) // 4, 0, kind, 42 << 8) + options + inner


def gtp(packet, extensions=()):
    """extensions: (type, content) with the content's length a multiple of 4 less 2."""
    more = b''
    if extensions:
        more = struct.pack('>HBB', 1, 0, extensions[0][0])
        for i, (_, content) in enumerate(extensions):
            following = extensions[i + 1][0] if i + 1 < len(extensions) else 0
            more += bytes(((len(content) + 2) // 4,)) + content + bytes((following,))
    return struct.pack('>BBHI', 0x34 if extensions else 0x30, 255, len(more + packet), 0x1234) + more + packet


def wlan(packet, control=0x0108, between=b'', body=None):
    """A data frame from a station to its access point; between: what stands behind the three addresses."""
    return struct.pack('<HH', control, 0) + MAC_B + MAC_A + MAC_C + b'\x10\0' + between + (snap(packet) if body is None else body)


def amsdu(*packets):
    out = b''
    for packet in packets:
        body = snap(packet)
        out += bytes(-len(out) % 4) + MAC_B + MAC_A + struct.pack('>H', len(body)) + body
    return out


# ---- capture files ----

def pcap(frames, link=ETHERNET, order='<', magic=0xa1b2c3d4, step=1000, snaplen=65535, extra=b''):
    unit = 1000 if magic in (0xa1b23c4d,) else 1
    out = struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, snaplen, link)
    for i, frame in enumerate(frames):
        us = i * step
        out += struct.pack(order + '4I', T0 + us // 1000000, us % 1000000 * unit, min(len(frame), snaplen), len(frame)) + extra
        out += frame[:snaplen]
    return out


def block(kind, body, order='<'):
    body += bytes(-len(body) % 4)
    return struct.pack(order + 'II', kind, len(body) + 12) + body + struct.pack(order + 'I', len(body) + 12)


def option(code, data, order='<'):
    return struct.pack(order + 'HH', code, len(data)) + data + bytes(-len(data) % 4)


def section(order='<', options=b''):
    return block(0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1) + options, order)


def interface(link=ETHERNET, snaplen=0, order='<', resolution=None, offset=None):
    options = b''
    if resolution is not None:
        options += option(9, bytes((resolution,)), order)
    if offset is not None:
        options += option(14, struct.pack(order + 'q', offset), order)
    return block(1, struct.pack(order + 'HHI', link, 0, snaplen) + (options + option(0, b'', order) if options else b''), order)


def enhanced(frame, number=0, stamp=T0 * 1000000, order='<', options=b''):
    return block(6, struct.pack(order + '5I', number, stamp >> 32, stamp & 0xffffffff, len(frame), len(frame)) + frame +
                 bytes(-len(frame) % 4) + options, order)


def simple(frame, order='<', snaplen=0):
    kept = frame[:snaplen] if snaplen else frame
    return block(3, struct.pack(order + 'I', len(frame)) + kept, order)
