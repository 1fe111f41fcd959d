#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stores that somebody else wrote. tests/e2e/hostile_store.py [MUTATIONS] [SEED]

A store is made from recordings of the demo shop and changed: headers, cuts, columns of other types, documents that unpack to more than they
say, names of other lengths and with control characters, triggers, views and indexes of others, trees that lead to themselves; and MUTATIONS
(60) at places that SEED (1) chooses. Whatever it is: a command ends with 0 or with 2 and one line, says nothing that moves a terminal, takes
a bounded time and bounded memory. What must be refused is.
"""
import os
import random
import resource
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402

MUTATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
PAGE = 4096
# Not measures of speed: an end that is no end.
CPU_S, MEMORY = 120, 3 << 30
SANITIZED = bool(os.environ.get('ASAN_OPTIONS'))


def bounded():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not SANITIZED:   # they reserve the address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def call(*arguments):
    return subprocess.run([common.FAULTLINE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=bounded)


def wrong_with(result):
    """None, or what is wrong with how a command ended."""
    lines = result.stderr.decode('utf8', 'replace').strip('\n').split('\n')
    control = [c for c in result.stdout + result.stderr if c < 0x20 and c not in b'\n\t' or c == 0x7f]
    if result.returncode not in (0, 2):
        return 'exit %d: %s' % (result.returncode, lines[-1][-300:])
    if result.returncode == 2 and (len(lines) != 1 or not lines[0]):
        return 'exit 2 with %d lines: %s' % (len(lines), lines[:3])
    if control:
        return 'control characters in what it says'
    return None


READERS = [['graph'], ['rank'], ['shared'], ['behave'], ['blast', '--all'], ['report', '--format', 'markdown']]


def commands(store, turn):
    yield ['scans', store]
    yield ['deps', store + '@latest' if turn % 3 == 0 else store]
    yield READERS[turn % len(READERS)] + [store]
    if turn % 4 == 0:
        yield ['diff', store, store]


def judge(results, name, store, turn, refused):
    ended = []
    for command in commands(store, turn):
        result = call(*command)
        wrong = wrong_with(result)
        if wrong:
            results.bad('hostile store: ' + name, '%s: %s' % (' '.join(command[:1]), wrong))
            return
        ended.append(result.returncode)
    if refused and 2 not in ended:
        results.bad('hostile store: ' + name, 'nothing is refused: %s' % ended)
    else:
        results.ok('hostile store: ' + name)


# ---- what somebody may write into it ----

def edit(path, at, data):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(data)


def cut(path, size):
    with open(path, 'r+b') as f:
        f.truncate(size)


def sql(path, *statements):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute('PRAGMA journal_mode = DELETE')
    for s in statements:
        db.execute(*s) if isinstance(s, tuple) else db.execute(s)
    db.close()


def untyped(path, *statements):
    """Statements on a table that takes every type; its text is then again what it was."""
    def schema(change):
        db = sqlite3.connect(path, isolation_level=None)
        db.execute('PRAGMA journal_mode = DELETE')
        db.execute('PRAGMA writable_schema = ON')
        change(db)
        version = db.execute('PRAGMA schema_version').fetchone()[0]
        db.execute('PRAGMA schema_version = %d' % (version + 1))
        db.close()
    text = sqlite3.connect(path).execute("SELECT sql FROM sqlite_schema WHERE name = 'window'").fetchone()[0]
    loose = text.replace('STRICT', '').replace('NOT NULL', '')
    schema(lambda db: db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'window'", (loose,)))
    sql(path, *statements)
    schema(lambda db: db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'window'", (text,)))


def document(path, data, size=None):
    untyped(path, ('UPDATE window SET scan = ?, size = ?', (zlib.compress(data, 9), len(data) if size is None else size)))


def reschema(path, text, *more):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute('PRAGMA journal_mode = DELETE')
    db.execute('PRAGMA writable_schema = ON')
    db.execute(text, *more)
    db.execute('PRAGMA schema_version = 4242')
    db.close()


def root_page(path, name):
    return sqlite3.connect(path).execute('SELECT rootpage FROM sqlite_schema WHERE name = ?', (name,)).fetchone()[0]


def interior(kind, child, key):
    """A page of as many cells as it holds, all of which lead to @child."""
    cell = struct.pack('>I', child) + key
    count = (PAGE - 12) // (len(cell) + 2)
    start = PAGE - count * len(cell)
    head = struct.pack('>BHHHBI', kind, 0, count, start, 0, child)
    pointers = b''.join(struct.pack('>H', start + i * len(cell)) for i in range(count))
    page = head + pointers
    return page + bytes(start - len(page)) + cell * count


def without_end(path, name):
    """The tree of a table or index becomes one of seven levels, each page of which is hundreds of times the next one's parent."""
    sql(path, 'VACUUM')
    root = root_page(path, name)
    with open(path, 'r+b') as f:
        data = bytearray(f.read())
        pages = len(data) // PAGE
        leaf = bytes(data[(root - 1) * PAGE:root * PAGE])
        table = leaf[0] in (5, 13)
        key = b'\x01' if table else b'\x04\x03\x01\x01\x01' + b'\x07\x09\x01'[:0]
        kind = 5 if table else 2
        levels = 7
        for i in range(levels):
            child = pages + i + 2
            data += interior(kind, child, key)
        data += leaf
        data[(root - 1) * PAGE:root * PAGE] = interior(kind, pages + 1, key)
        total = len(data) // PAGE
        data[28:32] = struct.pack('>I', total)
        data[92:96] = data[24:28]
        f.seek(0)
        f.write(data)


SCAN = b'{"schema":"faultline.scan/1","x":'
ESCAPES = '\x1b]0;evil\x07\x1b[2J\r\nline'

# name, change, whether it must be refused
CASES = [
    ('an empty file', lambda p: cut(p, 0), True),
    ('half a header', lambda p: cut(p, 50), True),
    ('a header alone', lambda p: cut(p, 100), True),
    ('one page', lambda p: cut(p, PAGE), True),
    ('cut inside a page', lambda p: cut(p, os.path.getsize(p) * 2 // 3 // PAGE * PAGE + 100), True),
    ('pages of no size', lambda p: edit(p, 16, b'\0\0'), True),
    ('pages of 64 KiB', lambda p: edit(p, 16, b'\0\1'), True),
    ('all of a page is reserved', lambda p: edit(p, 20, b'\xff'), False),
    ('a format that is not known', lambda p: edit(p, 18, b'\x09\x09'), True),
    ('text in UTF-16', lambda p: edit(p, 56, struct.pack('>I', 2)), False),
    ('a schema of a future format', lambda p: edit(p, 44, struct.pack('>I', 9)), True),
    ('free pages that are in use', lambda p: edit(p, 32, struct.pack('>II', 2, 3)), False),
    ('another program\'s database', lambda p: edit(p, 68, b'ABCD'), True),
    ('a store of a newer version', lambda p: edit(p, 60, struct.pack('>I', 7)), True),
    ('a log of random bytes beside it', lambda p: open(p + '-wal', 'wb').write(random.Random(7).randbytes(100000)), False),
    ('a journal of random bytes beside it', lambda p: open(p + '-journal', 'wb').write(random.Random(7).randbytes(100000)), False),
    ('a view in place of the table', lambda p: sql(p, 'ALTER TABLE window RENAME TO w', 'CREATE VIEW window AS SELECT * FROM w'), True),
    ('a table of other columns', lambda p: sql(p, 'DROP TABLE window', 'CREATE TABLE window (a, b)'), True),
    ('an index that computes', lambda p: sql(p, 'CREATE INDEX evil ON window (hex(zeroblob(1000000)))'), True),
    ('the index of another name', lambda p: reschema(p, "UPDATE sqlite_schema SET sql = 'CREATE INDEX window_time ON window "
                                                        "(abs(start_ns))' WHERE name = 'window_time'"), True),
    ('a trigger', lambda p: sql(p, 'CREATE TRIGGER evil AFTER INSERT ON window BEGIN DELETE FROM window; END'), False),
    ('a view beside the table', lambda p: sql(p, 'CREATE VIEW evil AS SELECT load_extension(\'x\')'), False),
    ('a schema that is no SQL', lambda p: reschema(p, "UPDATE sqlite_schema SET sql = ? WHERE name = 'window_time'", (ESCAPES,)), True),
    ('names in the schema that move a terminal', lambda p: reschema(
        p, "INSERT INTO sqlite_schema VALUES ('table', ?, ?, 99999, 'CREATE TABLE \"' || ? || '\" (a')", (ESCAPES,) * 3), True),
    ('a schema without end', lambda p: reschema(
        p, "INSERT INTO sqlite_schema VALUES ('table', 'y', 'y', 2, 'CREATE TABLE y (a CHECK (' || replace(hex(zeroblob(200000)), '00', "
           "'a+') || 'a))')"), True),
    ('expressions that nest', lambda p: reschema(
        p, "INSERT INTO sqlite_schema VALUES ('table', 'y', 'y', 2, 'CREATE TABLE y (a CHECK (' || replace(hex(zeroblob(4000)), '00', "
           "'(') || '1))')"), True),
    ('no rows', lambda p: sql(p, 'DELETE FROM window'), False),
    ('numbers that are texts', lambda p: untyped(p, "UPDATE window SET start_ns = 'now', packets = 'x', size = 'y'"), True),
    ('numbers that are nothing', lambda p: untyped(p, 'UPDATE window SET start_ns = NULL, end_ns = NULL, packets = NULL, size = NULL'), False),
    ('texts that are bytes', lambda p: untyped(p, "UPDATE window SET codec = x'7a00ff', point = x'00ff1b5b', source = x''"), True),
    ('a document that is a number', lambda p: untyped(p, 'UPDATE window SET scan = 7'), True),
    ('a document that is nothing', lambda p: untyped(p, 'UPDATE window SET scan = NULL'), True),
    ('times at both ends', lambda p: untyped(p, 'UPDATE window SET start_ns = -9223372036854775808, end_ns = 9223372036854775807 '
                                                'WHERE id = (SELECT min(id) FROM window)'), False),
    ('counts below nothing', lambda p: untyped(p, 'UPDATE window SET packets = -1, flows = -9223372036854775808'), False),
    ('a size below nothing', lambda p: untyped(p, 'UPDATE window SET size = -1'), True),
    ('a size of a terabyte', lambda p: untyped(p, 'UPDATE window SET size = 1099511627776'), True),
    ('a size that is a little more', lambda p: untyped(p, 'UPDATE window SET size = size + 1'), True),
    ('a size of all that is taken', lambda p: untyped(p, 'UPDATE window SET size = 268435455'), True),
    ('names that move a terminal', lambda p: untyped(p, ('UPDATE window SET point = ? || id, source = ?', (ESCAPES, ESCAPES))), False),
    ('a name of ten million letters', lambda p: untyped(p, "UPDATE window SET point = hex(zeroblob(5000000)) || id"), True),
    ('a document of ten million zeros', lambda p: document(p, bytes(10000000)), True),
    ('a document of brackets', lambda p: document(p, b'[' * 10000000), True),
    ('a document of ten million numbers', lambda p: document(p, SCAN + b'[' + b'0,' * 10000000 + b'0]}'), False),
    ('a document of a hundred million blanks', lambda p: document(p, SCAN + b' ' * 100000000 + b'1}'), False),
    ('a document of one long text', lambda p: document(p, SCAN + b'"' + b'a' * 50000000 + b'"}'), False),
    ('a document of one name in a million', lambda p: document(p, b'{' + b'"schema":"faultline.scan/1",' * 1000000 + b'"x":1}'), True),
    ('a document of another kind', lambda p: document(p, b'{"schema":"faultline.graph/1","nodes":[]}'), True),
    ('a document that unpacks to more than it says', lambda p: document(p, b'0' * 50000000, 100), True),
    ('a table without end', lambda p: without_end(p, 'window'), False),
    ('a table without end that must be walked', lambda p: (sql(p, 'DROP INDEX window_time'), without_end(p, 'window')), True),
    ('an index without end', lambda p: without_end(p, 'window_time'), True),
]


def make(folder):
    path = folder.file('good.db')
    for name in ('edge', 'api1', 'orders', 'db'):
        common.must('scan', '-r', os.path.join(common.DEMO, name + '.pcap.gz'), '--store', path, '-o', folder.file('scan.json'))
    sql(path, 'VACUUM')
    return path


def put(good, folder):
    path = folder.file('bad.db')
    for name in (path, path + '-wal', path + '-shm', path + '-journal'):
        if os.path.exists(name):
            os.unlink(name)
    shutil.copy(good, path)
    return path


def mutate(path, r):
    data = bytearray(open(path, 'rb').read())
    pages = len(data) // PAGE
    for _ in range(r.choice((1, 1, 2, 5, 20))):
        what = r.randrange(8)
        # Heads of pages are where the trees are.
        at = r.randrange(len(data)) if r.randrange(2) else r.randrange(pages) * PAGE + r.randrange(40)
        if what == 0:
            data[at] ^= 1 << r.randrange(8)
        elif what == 1:
            data[at] = r.choice((0, 1, 0x7f, 0x80, 0xff))
        elif what == 2:
            data[at:at + 2] = struct.pack('>H', r.choice((0, 1, PAGE - 1, PAGE, 0xffff, r.randrange(65536))))
        elif what == 3:
            data[at:at + 4] = struct.pack('>I', r.choice((0, 1, 2, pages, pages + 1, 0x7fffffff, 0xffffffff, r.randrange(pages))))
        elif what == 4:
            size = r.randrange(1, 300)
            data[at:at + size] = r.randbytes(size)
        elif what == 5:
            to, of = r.randrange(pages) * PAGE, r.randrange(pages) * PAGE
            data[to:to + PAGE] = data[of:of + PAGE]
        elif what == 6:
            size = r.randrange(1, 2000)
            data[at:at + size] = bytes(min(size, len(data) - at))
        elif r.randrange(4) == 0:
            del data[r.randrange(len(data) // 2, len(data)):]
            data += bytes(-len(data) % 16)
        if len(data) < 2 * PAGE:
            break
        pages = len(data) // PAGE
    with open(path, 'wb') as f:
        f.write(data)


def mutations(results, good, folder):
    bad = refused = 0
    for i in range(MUTATIONS):
        path = put(good, folder)
        mutate(path, random.Random('%d %d' % (SEED, i)))
        for command in commands(path, i):
            result = call(*command)
            wrong = wrong_with(result)
            refused += result.returncode == 2
            if wrong:
                bad += 1
                common.note('seed %d, mutation %d: %s: %s' % (SEED, i, command[0], wrong))
                if os.environ.get('KEEP'):
                    shutil.copy(path, os.path.join(os.environ['KEEP'], 'mutation-%d-%d.db' % (SEED, i)))
    results.check(bad == 0, 'hostile store: %d mutations' % MUTATIONS, '%d bad ends' % bad)
    results.check(refused > MUTATIONS // 4, 'hostile store: mutations are noticed', '%d refusals' % refused)


def writes(results, good, folder):
    """Into a store of somebody else, too."""
    capture = os.path.join(common.DEMO, 'geo.pcap.gz')
    for name, change, refused in CASES:
        if 'without end' not in name and 'trigger' not in name and 'computes' not in name and 'header' not in name:
            continue
        path = put(good, folder)
        change(path)
        result = call('scan', '-r', capture, '--store', path, '-o', folder.file('out.json'))
        wrong = wrong_with(result)
        if not wrong and 'trigger' in name:
            count = sqlite3.connect(path).execute('SELECT count(*) FROM window').fetchone()[0]
            wrong = None if count == 5 else 'the trigger ran: %d windows' % count
        elif not wrong and 'computes' in name and result.returncode != 2:
            wrong = 'it is written to'
        results.check(not wrong, 'hostile store: writing to one with ' + name, wrong)


def main():
    results = common.Results()
    if call('scans', '--help').returncode != 0 or not hasattr(sqlite3, 'connect'):
        results.skip('hostile store', 'built without stores')
        results.finish()
    with common.Folder() as folder:
        good = make(folder)
        judged = call('scans', good)
        results.check(judged.returncode == 0, 'hostile store: a sound one is read', judged.stderr)
        slow = []
        for turn, (name, change, refused) in enumerate(CASES):
            path = put(good, folder)
            change(path)
            begin = time.monotonic()
            judge(results, name, path, turn, refused)
            slow.append((time.monotonic() - begin, name))
        writes(results, good, folder)
        mutations(results, good, folder)
        common.note('longest: ' + ', '.join('%s %.1f s' % (name, took) for took, name in sorted(slow, reverse=True)[:4]))
    results.finish()


if __name__ == '__main__':
    main()
