#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The programs of the demo shop: python3 shop.py ROLE SECONDS

Every role but `users` is a small HTTP server that serves until it is ended. Clients keep a few
connections and give each up after some calls, so that a short recording holds connections that are
new and some that are used again. Names are looked up whenever a connection is opened.
"""
import http.client
import http.server
import json
import random
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

DOMAIN = 'tide.internal'


def addresses_of(name, port):
    found = socket.getaddrinfo(name, port, socket.AF_INET, socket.SOCK_STREAM)
    addresses = [entry[4] for entry in found]
    random.shuffle(addresses)
    return addresses


def connect(name, port, timeout=2.0):
    """Try one address of the name after the other."""
    failure = None
    for address in addresses_of(name, port):
        try:
            return socket.create_connection(address, timeout)
        except OSError as e:
            failure = e
    raise failure


class Pool:
    """Idle connections of one kind; each is closed after `uses` calls."""

    def __init__(self, opener, uses):
        self.opener, self.uses = opener, uses
        self.idle, self.lock = [], threading.Lock()

    def call(self, work):
        with self.lock:
            connection, used = self.idle.pop() if self.idle else (None, 0)
        if connection is None:
            connection = self.opener()
        try:
            result = work(connection)
        except Exception:
            connection.close()
            raise
        if used + 1 >= self.uses:
            connection.close()
        else:
            with self.lock:
                self.idle.append((connection, used + 1))
        return result


class Web:
    """An HTTP/1.1 service that is called by name."""

    def __init__(self, name, port, tls=False, uses=20, timeout=2.0):
        self.name, self.port, self.tls, self.timeout = name, port, tls, timeout
        self.pool = Pool(self.open, uses)

    def open(self):
        raw = connect(self.name, self.port, self.timeout)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            raw = context.wrap_socket(raw, server_hostname=self.name)
        connection = http.client.HTTPConnection(self.name, self.port, timeout=self.timeout)
        if self.tls:
            connection.default_port = 443
        connection.sock = raw
        return connection

    def get(self, path, method='GET', body=None):
        def work(connection):
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 500:
                raise OSError('%s answered %d' % (self.name, answer.status))
            return text
        return self.pool.call(work)


class Redis:
    def __init__(self, name, port=6379, uses=40):
        self.pool = Pool(lambda: connect(name, port), uses)

    def get(self, key):
        def work(sock):
            sock.sendall(b'*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n' % (len(key), key))
            answer = sock.recv(4096)
            return not answer.startswith(b'$-1')
        return self.pool.call(work)

    def set(self, key, value):
        def work(sock):
            sock.sendall(b'*5\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n$2\r\nEX\r\n$1\r\n4\r\n'
                         % (len(key), key, len(value), value))
            return sock.recv(4096)
        return self.pool.call(work)


class Postgres:
    """Start-up with trust authentication, and the simple query protocol."""

    def __init__(self, name, port=5432, uses=60):
        self.name, self.port = name, port
        self.pool = Pool(self.open, uses)

    def open(self):
        sock = connect(self.name, self.port)
        words = b'user\0shop\0database\0shop\0\0'
        sock.sendall(struct.pack('!II', len(words) + 8, 196608) + words)
        self.wait_until_ready(sock)
        return sock

    @staticmethod
    def receive(sock, size):
        data = b''
        while len(data) < size:
            more = sock.recv(size - len(data))
            if not more:
                raise OSError('the database closed the connection')
            data += more
        return data

    def wait_until_ready(self, sock):
        while True:
            kind, size = struct.unpack('!cI', self.receive(sock, 5))
            body = self.receive(sock, size - 4)
            if kind == b'E':
                raise OSError(body.decode('utf8', 'replace'))
            if kind == b'Z':
                return

    def query(self, sql):
        def work(sock):
            text = sql.encode() + b'\0'
            sock.sendall(b'Q' + struct.pack('!I', len(text) + 4) + text)
            self.wait_until_ready(sock)
        self.pool.call(work)


def serve(port, answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        server_version = 'tide/1'
        sys_version = ''
        disable_nagle_algorithm = True

        def do_GET(self):
            length = int(self.headers.get('Content-Length') or 0)
            if length:
                self.rfile.read(length)
            try:
                status, body = 200, answer(self.path)
            except Exception as e:
                print(self.path, repr(e), file=sys.stderr, flush=True)
                status, body = 502, {'error': 'a dependency failed'}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def server_bind(self):
            # http.server's own would look up this machine's name, which is no traffic of the shop.
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = 'tide', port

    Server(('', port), Handler).serve_forever()


def api(_seconds):
    catalog = Web('catalog.' + DOMAIN, 8010)
    orders = Web('orders.' + DOMAIN, 8020)
    geo = Web('geo.' + DOMAIN, 8030)

    def answer(path):
        if path.startswith('/delivery'):
            geo.get('/locate?zip=%d' % random.randrange(1, 9000))
        elif path.startswith('/checkout'):
            orders.get('/orders', 'POST', b'{"cart": 1}')
        else:
            catalog.get('/goods/%d' % random.randrange(1, 30))
        return {'page': path}
    serve(8000, answer)


def catalog(_seconds):
    cache = Redis('cache.' + DOMAIN)
    db = Postgres('db.' + DOMAIN)
    feed = Web('export.cargofeed.example', 80, uses=1)

    def poll_feed():
        time.sleep(3)
        while True:
            try:
                feed.get('/stock.json')
            except OSError as e:
                print('feed', repr(e), file=sys.stderr, flush=True)
            time.sleep(6)

    def answer(path):
        key = path.rsplit('/', 1)[-1].encode()
        if not cache.get(b'goods:' + key):
            db.query('SELECT id, title, price FROM goods WHERE id = %d' % int(key))
            cache.set(b'goods:' + key, b'a lantern')
        return {'id': int(key), 'title': 'a lantern'}

    threading.Thread(target=poll_feed, daemon=True).start()
    serve(8010, answer)


def orders(_seconds):
    db = Postgres('db.' + DOMAIN)
    payments = Web('api.coinport.example', 443, tls=True, uses=2)
    mail = Web('send.quillpost.example', 443, tls=True, uses=4)

    def answer(_path):
        db.query('INSERT INTO orders(total) VALUES (%d)' % random.randrange(1, 500))
        payments.get('/v1/charges', 'POST', b'{"amount": 100}')
        try:
            mail.get('/send', 'POST', b'{"to": "buyer"}')
        except OSError as e:
            print('mail', repr(e), file=sys.stderr, flush=True)
        return {'order': 1}
    serve(8020, answer)


def geo(_seconds):
    geocoder = Web('api.mapfold.example', 443, tls=True, uses=5)
    serve(8030, lambda path: {'at': len(geocoder.get('/v2/geocode?q=' + path.rsplit('=', 1)[-1]))})


def users(seconds):
    """About eight requests a second from four addresses, until the time is over."""
    random.seed(7)
    mix = ['/'] * 4 + ['/item'] * 3 + ['/delivery'] * 2 + ['/checkout']
    failures, sent, end = 0, 0, time.monotonic() + seconds
    connections = {}
    while time.monotonic() < end:
        path = random.choice(mix)
        source = '192.0.2.%d' % random.randrange(131, 135)
        connection = connections.pop(source, None)
        if connection is None or random.random() < 0.3:
            if connection:
                connection.close()
            connection = http.client.HTTPConnection('10.71.4.10', 80, timeout=5, source_address=(source, 0))
        try:
            connection.request('POST' if path == '/checkout' else 'GET', path, body=b'x' if path == '/checkout' else None,
                               headers={'Host': 'shop.tidewater.example'})
            answer = connection.getresponse()
            answer.read()
            failures += answer.status != 200
            connections[source] = connection
        except OSError:
            failures += 1
            connection.close()
        sent += 1
        time.sleep(random.expovariate(8.5))
    for connection in connections.values():
        connection.close()
    print(json.dumps({'requests': sent, 'failures': failures}))


if __name__ == '__main__':
    {'api': api, 'catalog': catalog, 'orders': orders, 'geo': geo, 'users': users}[sys.argv[1]](float(sys.argv[2]))
