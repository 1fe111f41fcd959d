#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whatever is wrong is said on one line that names the place and what to do, with exit code 2.

Nothing appears on standard output, and no partial or temporary file is left.
"""
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess

import common

PATIENCE_S = 300  # for what hangs; none takes a second
REMEDY = re.compile(r';|\b(give|use|run|try|see|check|install|needs?|expected|must|choose|made by|wanted|chooses|--help)\b', re.I)


def listing(folder):
    return sorted((os.path.join(where, name), os.path.getsize(os.path.join(where, name)))
                  for where, _, names in os.walk(folder) for name in names)


class Case:
    """One call that must fail: `names` are words that the line must hold."""

    def __init__(self, name, *arguments, names=(), **more):
        self.name, self.arguments, self.names, self.more = name, arguments, names, more


def complaint(case, result, before, after):
    """What is not as it must be, or None."""
    text = result.stderr.decode('utf8', 'replace')
    if result.returncode != 2:
        return 'exit %d instead of 2, saying: %s' % (result.returncode, text[-300:])
    if text.count('\n') != 1 or not text.endswith('\n'):
        return '%d lines instead of one: %s' % (text.count('\n'), text[:300].replace('\n', ' | '))
    if any(ord(c) < 32 or ord(c) == 127 for c in text[:-1]):
        return 'control characters in %r' % text
    if result.stdout:
        return 'standard output holds %r' % result.stdout[:80]
    for word in case.names:
        if word not in text:
            return 'no word of %r in: %s' % (word, text)
    if not REMEDY.search(text.split(':', 1)[-1]):
        return 'no remedy in: %s' % text
    if before != after:
        return 'files changed: %s' % sorted(set(after) ^ set(before))
    return None


def try_case(results, folder, case):
    before = listing(folder)
    try:
        result = common.run(*case.arguments, timeout=PATIENCE_S, **case.more)
    except subprocess.TimeoutExpired:
        results.bad(case.name, 'still running after %d s' % PATIENCE_S)
        return
    wrong = complaint(case, result, before, listing(folder))
    results.check(not wrong, 'bad input: ' + case.name, wrong)


def capture_cases(f, capture):
    plain = gzip.open(capture).read()
    text = f.write('notes.pcap', 'this is no capture\n' * 10)
    damaged = bytearray(plain)
    damaged[24 + 8:24 + 12] = b'\xff\xff\xff\x7f'
    out = ('-o', f.file('out.json'))
    yield Case('a capture that is not there', 'scan', '-r', f.file('none.pcap'), *out, names=['none.pcap'])
    yield Case('text as a capture', 'scan', '-r', text, *out, names=['notes.pcap'])
    yield Case('an empty file as a capture', 'scan', '-r', f.write('empty.pcap', ''), *out, names=['empty.pcap'])
    yield Case('a capture cut in its file header', 'scan', '-r', f.write('head.pcap', plain[:11]), *out,
               names=['head.pcap'])
    yield Case('a capture with an impossible packet length', 'scan', '-r', f.write('damaged.pcap', bytes(damaged)), *out,
               names=['damaged.pcap'])
    yield Case('a directory as a capture', 'scan', '-r', f.path, *out, names=[f.path])
    yield Case('a capture name with control characters', 'scan', '-r', f.file('a\n\x1b[31mb'), *out)
    yield Case('a filter that does not compile', 'scan', '-r', capture, '--filter', 'tcp prot 80', *out, names=['filter'])
    yield Case('an interface that does not exist', 'scan', '-i', 'nosuch0', '--for', '1s', *out, names=['nosuch0'])
    yield Case('a net that is none', 'scan', '-r', capture, '--internal', '10.0.0.0/99', *out, names=['10.0.0.0/99'])


def scan_cases(f, scan):
    """Files that are no scans, for every command that reads them."""
    whole = open(scan, 'rb').read()
    good = json.loads(whole)
    wrong_type = dict(good, dependencies=[{'service': 7}])
    files = {
        'text': ('hello\n', []), 'nothing': ('', []), 'bytes': (bytes(range(256)), []),
        'half of a scan': (whole[:len(whole) // 2], []),
        'no schema': ('{"a": 1}', ['schema']),
        'another schema': ('{"schema": "other.thing/1"}', ['other.thing/1']),
        'an unknown major version': (json.dumps(dict(good, schema='faultline.scan/9')), ['faultline.scan/9']),
        'a list': ('[]', []), 'deep nesting': ('[' * 100000, []),
        'a member of the wrong type': (json.dumps(wrong_type), ['dependencies[0]']),
    }
    for what, (content, names) in files.items():
        path = f.write(what.replace(' ', '-') + '.json', content)
        yield Case('%s instead of a scan' % what, 'deps', path, names=[os.path.basename(path)] + names)
    yield Case('a bad scan among good ones', 'graph', scan, f.file('text.json'), '-o', f.file('graph.json'),
               names=['text.json'])
    yield Case('a scan that is not there', 'rank', f.file('none.json'), names=['none.json'])
    os.mkdir(f.file('bare'))
    yield Case('a directory without scans', 'rank', f.file('bare'), names=['bare'])
    yield Case('text on standard input instead of a scan', 'deps', '-', stdin=open(f.file('text.json')))
    yield Case('no input', 'deps')
    yield Case('one side of a diff', 'diff', scan)
    yield Case('a diff with text', 'diff', scan, f.file('text.json'), names=['text.json'])


def graph_cases(f, scan):
    node = {'id': 'service:a/b', 'kind': 'service'}

    def graph(name, nodes, requirements):
        return f.write(name + '.json', json.dumps({'schema': 'faultline.graph/1', 'nodes': nodes,
                                                   'requirements': requirements, 'entry_points': []}))
    lost = [{'of': 'service:a/b', 'needs': 1, 'members': ['host:gone']}]
    greedy = [{'of': 'service:a/b', 'needs': 3, 'members': ['service:a/b']}]
    yield Case('a graph with a member that is no node', 'rank', graph('lost', [node], lost),
               names=['lost.json', 'requirements[0]', 'host:gone'])
    yield Case('a graph that has a node twice', 'rank', graph('twice', [node, node], []), names=['twice.json', 'nodes[1]'])
    yield Case('a graph that needs more than there are', 'rank', graph('greedy', [node], greedy),
               names=['greedy.json', 'requirements[0]'])
    yield Case('a graph beside a scan', 'rank', graph('fine', [node], []), scan)


ENDLESS = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS start_ns FROM c WHERE n < 0'


def change_store(f, made, name, sql):
    path = f.file(name)
    shutil.copy(made, path)
    store = sqlite3.connect(path)
    store.executescript('PRAGMA journal_mode = DELETE; ' + sql)
    store.close()
    return path


def store_cases(f, capture):
    """Stores that others made, to have their code run where they are read."""
    made = f.file('made.db')
    common.run('scan', '-r', capture, '--host', 'h', '--store', made)
    if os.path.exists(made):
        view = change_store(f, made, 'view.db', 'ALTER TABLE window RENAME TO other; CREATE VIEW window AS %s' % ENDLESS)
        yield Case('a store whose table is a view without end', 'scans', view, names=['view.db'])
        yield Case('the same as an input', 'rank', view, names=['view.db'])
        more = change_store(f, made, 'more.db', "ALTER TABLE window ADD COLUMN x BLOB AS (zeroblob(1 << 29))")
        yield Case('a store with a column that is computed', 'scans', more, names=['more.db'])


def trigger(results, f, capture):
    made = f.file('made.db')
    if not os.path.exists(made):
        results.skip('bad input: triggers in stores', 'built without stores')
        return
    path = change_store(f, made, 'trigger.db', 'CREATE TRIGGER t AFTER INSERT ON window BEGIN DELETE FROM window; END')
    common.run('scan', '-r', capture, '--host', 'i', '--store', path)
    kept = [w['point'] for w in common.must_json('scans', path)['scans']]
    results.check(sorted(kept) == ['h', 'i'], "bad input: a store's triggers do not run", kept)


def word_cases(f, scans):
    yield Case('an unknown command', 'frobnicate', names=['frobnicate'])
    yield Case('a misspelt command', 'rnak', scans[0], names=['rnak', "did you mean 'rank'?"])
    yield Case('a misspelt command to be helped with', 'help', 'rnak', names=['rnak', "did you mean 'rank'?"])
    yield Case('a misspelt option in front of a command', '--verison', names=['--verison', "did you mean '--version'?"])
    yield Case('a misspelt option', 'scan', '--ineterface', 'lo', names=['--ineterface', "did you mean '--interface'?"])
    yield Case('an option cut short', 'rank', '--mod', 'm.json', scans[0], names=['--mod', "did you mean '--model'?"])
    yield Case('an unknown option', 'deps', '--frobnicate', scans[0], names=['--frobnicate'])
    yield Case('an unknown letter', 'deps', '-Z', scans[0], names=['-Z'])
    yield Case('an option without its argument', 'scan', '-r')
    yield Case('a number that is none', 'rank', '--top', 'many', scans[0], names=['many'])
    yield Case('a text instead of a policy', 'check', *scans, '--policy', os.path.join(common.ROOT, 'README.md'),
               names=['README.md', 'no policy', 'faultline.policy/1', '--init'])
    yield Case('a scan instead of a policy', 'check', *scans, '--policy', scans[0],
               names=[os.path.basename(scans[0]), 'faultline.scan/1', 'faultline.policy/1', '--init'])
    yield Case('a capture instead of a policy', 'check', *scans, '--policy', os.path.join(common.DEMO, 'edge.pcap.gz'), names=['edge.pcap.gz'])
    yield Case('an empty policy', 'check', *scans, '--policy', f.write('empty.policy.json', ' // nothing\n'), names=['empty.policy.json', '--init'])
    yield Case('a text instead of a model', 'rank', *scans, '--model', os.path.join(common.ROOT, 'README.md'),
               names=['README.md', 'no model', 'faultline.model/1'])
    yield Case('a node behind the scans where --of is meant', 'deps', scans[0], 'edge', names=["'edge' is no file", '--of edge'])
    yield Case('scans before the node', 'blast', scans[0], 'edge', names=[scans[0], "'edge'", 'blast NODE INPUT...'])
    yield Case('scans before two nodes', 'path', scans[0], 'edge', 'db', names=[scans[0], "'db'", 'path A B INPUT...'])
    yield Case('an input that is not there', 'rank', 'nowhere', names=["'nowhere' is no file", 'INPUT'])
    yield Case('a duration that is none', 'scan', '-i', 'lo', '--for', 'soon', names=['soon'])
    yield Case('an age without a unit', 'watch', '--store', f.file('none.db'), '--keep', '5', names=['--keep', "'5' has no unit", '5d'])
    yield Case('an unknown node', 'blast', 'nosuchnode', *scans, names=['nosuchnode'])
    yield Case('an ambiguous node', 'blast', 'api', *scans, names=['api1', 'api2'])
    yield Case('an unknown node to start from', 'deps', '--of', 'nosuchnode', *scans, names=['nosuchnode'])
    yield Case('blast without a node', 'blast')
    yield Case('a report without a name', 'report', *scans)
    yield Case('a report of an unknown kind', 'report', *scans, '-o', f.file('report.xyz'), names=['report.xyz'])
    yield Case('a report against a release that is not there', 'report', *scans, '-o', f.file('report.html'), '--since',
               f.file('none.json'), names=['none.json'])


def help_of_commands(results):
    for command in ('scan', 'rank', 'scans'):
        asked, told = common.run('help', command), common.run(command, '--help')
        results.check(asked.returncode == 0 and asked.stdout == told.stdout and b'usage' in told.stdout,
                      'bad input: help %s prints what %s --help does' % (command, command), common.said(asked))


def output_cases(f, capture, scans):
    full = open('/dev/full', 'wb')
    missing = f.file('nowhere', 'out')
    yield Case('a scan into a missing directory', 'scan', '-r', capture, '-o', missing, names=['nowhere'])
    yield Case('flows into a missing directory', 'scan', '-r', capture, '--flows', missing, '-o', f.file('out.json'),
               names=['nowhere'])
    yield Case('a graph into a missing directory', 'graph', *scans, '-o', missing, names=['nowhere'])
    yield Case('a report into a missing directory', 'report', *scans, '-o', missing + '.html', names=['nowhere'])
    yield Case('a graph onto a directory', 'graph', *scans, '-o', f.path, names=[f.path])
    yield Case('flows onto a directory', 'scan', '-r', capture, '--flows', f.path, names=[f.path])
    yield Case('a graph to a full device', 'graph', *scans, stdout=full)
    yield Case('a list to a full device', 'deps', *scans, stdout=full)
    yield Case('JSON to a full device', 'rank', '--json', *scans, stdout=full)
    yield Case('a scan to a full device', 'scan', '-r', capture, '-o', '-', stdout=full)


def full_device(results, f, capture):
    """-o onto a device must not put a file in its place."""
    device = f.file('full')
    made = subprocess.run(['mknod', device, 'c', '1', '7'], stderr=subprocess.DEVNULL)
    if made.returncode != 0:
        results.skip('bad input: a scan onto a full device', 'no device can be made here')
        return
    result = common.run('scan', '-r', capture, '-o', device)
    still = not os.path.isfile(device)
    results.check(still and result.returncode == 2, 'bad input: a scan onto a full device',
                  'exit %d, the device is %s' % (result.returncode, 'still there' if still else 'a file now'))
    os.unlink(device)


def unprivileged(results, capture, scans):
    """The same as a user who may nothing: root passes over permissions."""
    drop = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all', '--bounding-set',
            '-all']
    if os.geteuid() != 0 or subprocess.run(drop + ['true'], stderr=subprocess.DEVNULL).returncode != 0:
        results.skip('bad input: calls without permission', 'needs root and setpriv to become nobody')
        return
    with common.Folder() as f:
        os.chmod(f.path, 0o755)
        program = shutil.copy(common.FAULTLINE, f.file('faultline'))
        os.chmod(program, 0o755)
        copy = shutil.copy(capture, f.file('open.pcap.gz'))
        os.chmod(copy, 0o644)
        closed = shutil.copy(capture, f.file('closed.pcap.gz'))
        secret = shutil.copy(scans[0], f.file('closed.json'))
        for path in (closed, secret):
            os.chmod(path, 0o600)
        cases = [
            # without --light, --filter and --flows the table of sockets is enough: tests/live/attribution
            Case('live capture of packets without permission', 'scan', '-i', 'lo', '--for', '1s', '--light', names=['lo']),
            Case('live capture of packets of any without permission', 'scan', '-i', 'any', '--for', '1s', '--light', names=['any']),
            Case('a capture that may not be read', 'scan', '-r', closed, names=['closed.pcap.gz']),
            Case('a scan that may not be read', 'deps', secret, names=['closed.json']),
            Case('an output that may not be written', 'scan', '-r', copy, '-o', f.file('out.json'), names=['out.json']),
            Case('an output onto /dev/full', 'scan', '-r', copy, '-o', '/dev/full', names=['/dev/full']),
        ]
        keep = common.FAULTLINE
        for case in cases:
            before = listing(f.path)
            result = subprocess.run(drop + [program] + list(case.arguments), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S)
            wrong = complaint(case, result, before, listing(f.path))
            results.check(not wrong, 'bad input: ' + case.name, wrong)
        common.FAULTLINE = keep


def cut_captures(results, f, capture):
    """A capture that ends inside a packet gives what is before the cut, and says so."""
    packed = open(capture, 'rb').read()
    plain = gzip.decompress(packed)
    for name, content in (('cut.pcap', plain[:len(plain) // 2 + 7]), ('cut.pcap.gz', packed[:len(packed) // 2])):
        path = f.write(name, content)
        result = common.run('scan', '-r', path, '--host', 'h', '-o', f.file('cut.json'))
        if not results.check(result.returncode == 0, 'bad input: %s is read up to the cut' % name, common.said(result)):
            continue
        coverage = common.load(f.file('cut.json'))['coverage']
        kinds = [spot['kind'] for spot in coverage['blind_spots']]
        results.check(any('cut' in kind for kind in kinds) and coverage['packets'] > 100,
                      'bad input: the cut of %s stands in the coverage' % name, coverage)
        os.unlink(f.file('cut.json'))


def main():
    results = common.Results()
    common.need_program(results)
    capture = os.path.join(common.DEMO, 'edge.pcap.gz')
    with common.Folder() as good, common.Folder() as f:
        try:
            scans = common.scan_hosts(common.DEMO, good.path)
        except common.Ended as e:
            results.bad('bad input: the demo shop can be scanned', e)
            results.finish()
        for cases in (capture_cases(f, capture), scan_cases(f, scans[0]), graph_cases(f, scans[0]), word_cases(f, scans), store_cases(f, capture),
                      output_cases(f, capture, scans)):
            for case in cases:
                try_case(results, f.path, case)
        cut_captures(results, f, capture)
        trigger(results, f, capture)
        full_device(results, f, capture)
        help_of_commands(results)
        unprivileged(results, capture, scans)
    results.finish()


if __name__ == '__main__':
    main()
