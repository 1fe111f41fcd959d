# SPDX-License-Identifier: BSD-2-Clause
"""Small HTTP systems in namespaces, recorded on each inside host: what the tests of behaviour share."""
import asyncio
import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import signal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'e2e'), os.path.join(HERE, '..', 'demo')]
import common  # noqa: E402
import netlab  # noqa: E402


async def read_head(reader):
    """Target of the next request."""
    head = await reader.readuntil(b'\r\n\r\n')
    return head.split(b' ', 2)[1].decode()


def answer(status, body=b'ok\n'):
    return b'HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s' % (status, len(body), body)


def abort(writer):
    """End with a reset."""
    sock = writer.get_extra_info('socket')
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
    writer.transport.abort()


class Pool:
    """Connections to one server; at most @limit requests at a time, the others wait for a turn."""

    def __init__(self, address, port, limit=1000):
        self.address, self.port, self.idle = address, port, []
        self.turn = asyncio.Semaphore(limit)

    async def get(self, target, host):
        async with self.turn:
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(self.address, self.port)
            writer.write(b'GET %s HTTP/1.1\r\nHost: %s\r\n\r\n' % (target.encode(), host.encode()))
            head = await reader.readuntil(b'\r\n\r\n')
            await reader.readexactly(int(head.split(b'Content-Length: ')[1].split(b'\r')[0]))
            self.idle.append((reader, writer))
            return int(head.split()[1])


async def serve(address, port, handle):
    """@handle(target) gives the status. For ever."""
    async def client(reader, writer):
        try:
            while True:
                writer.write(answer(await handle(await read_head(reader))))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    server = await asyncio.start_server(client, address, port)
    await server.serve_forever()


def wire(lab, hosts, world):
    """Namespace `world` with the addresses @world, and one namespace for each of @hosts: name -> address."""
    for name in ('world', *hosts):
        lab.namespace(name)
    for name, address in hosts.items():
        gateway = address.rsplit('.', 1)[0] + '.1'
        lab.run('ip', '-n', lab.prefix + 'world', 'link', 'add', 'to-' + name, 'type', 'veth', 'peer', 'name', 'eth0',
                'netns', lab.prefix + name)
        lab.inside('world', 'ip', 'addr', 'add', gateway + '/24', 'dev', 'to-' + name)
        lab.inside('world', 'ip', 'link', 'set', 'to-' + name, 'up')
        lab.inside(name, 'ip', 'addr', 'add', address + '/24', 'dev', 'eth0')
        lab.inside(name, 'ip', 'link', 'set', 'eth0', 'up')
        lab.inside(name, 'ip', 'route', 'add', 'default', 'via', gateway)
    lab.inside('world', 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    for address in world:
        lab.inside('world', 'ip', 'addr', 'add', address + '/32', 'dev', 'lo')


def capture(lab, hosts):
    return {name: (lab.path(name + '.pcap'),
                   lab.start(name, 'tcpdump', '-q', '-i', 'eth0', '-s', '0', '-U', '-B', '16384', '-Z', 'root', '-w',
                             lab.path(name + '.pcap'))) for name in hosts}


def keep(lab, captures, directory):
    for name, (path, process) in captures.items():
        lab.stop(process)
        shutil.copy(path, os.path.join(directory, name + '.pcap'))


def scan(directory, hosts):
    """One scan for each host's capture, in a folder that goes away with the program."""
    scans, place = [], tempfile.mkdtemp(prefix='flt-scans-')
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name in hosts:
        path = os.path.join(directory, name + '.pcap')
        scans.append(os.path.join(place, name + '.json'))
        common.must('scan', '-r', path if os.path.exists(path) else path + '.gz', '--host', name, '-o', scans[-1])
    return scans


def near(value, wanted, share=0.1, floor=0.01):
    return value is not None and abs(value - wanted) <= max(share * wanted, floor)


def excuse():
    """Why this machine cannot record, or None."""
    if os.geteuid() != 0:
        return 'network namespaces need root'
    for program in ('ip', 'dnsmasq', 'openssl', 'tcpdump'):
        if not shutil.which(program, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin'):
            return '%s is not installed' % program
    space = 'flt-try-%d' % os.getpid()
    made = subprocess.run(['ip', 'netns', 'add', space], stderr=subprocess.DEVNULL).returncode == 0
    if made:
        subprocess.run(['ip', 'netns', 'del', space], check=False)
    return None if made else 'no network namespace can be made here'


def main(name, record, judge, command='judge', directory=''):
    """Judge what was recorded: the captures that are checked in, or those in a folder. Or record into one."""
    results = common.Results()
    common.need_program(results)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    reason = excuse() if command == 'record' else None
    if reason:
        results.skip(name + ': recorded', reason)
        results.finish()
    place = directory or os.path.join(HERE, 'captures', name)
    try:
        (record if command == 'record' else judge)(*([place] if command == 'record' else [results, place]))
    except (common.Ended, subprocess.CalledProcessError, OSError, KeyError) as e:
        results.bad(name + ': the system runs', '%s: %s' % (type(e).__name__, e))
    results.finish()
