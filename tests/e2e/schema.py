#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Files keep their documented shape; same input, same bytes, in whatever order and however often."""
import gzip
import json
import os
import random
import signal
import struct

import common

# What other programs rely on: command line, list, members of its items.
SHAPES = [
    (['deps'], 'dependencies', ['from', 'to', 'direct', 'path', 'name', 'port', 'transport', 'scope', 'addresses',
                                'cname_chain', 'provider', 'application', 'attribution', 'class', 'answered', 'coupling',
                                'fan_out', 'connections']),
    (['rank'], 'spofs', ['rank', 'node', 'kind', 'entry_points_lost', 'services_lost', 'expected_loss', 'redundancy',
                         'why']),
    (['blast', '--all'], 'blasts', ['node', 'nodes_lost', 'services_lost', 'entry_points_lost']),
]


def validate(results, scans, graph):
    try:
        import jsonschema
    except ImportError:
        results.skip('schema: files against their JSON schema', 'python3-jsonschema is not installed')
        return
    for kind, files in (('scan', scans), ('graph', [graph])):
        schema = common.load(os.path.join(common.ROOT, 'analyze', 'faultline.%s.schema.json' % kind))
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.validators.validator_for(schema)(schema)
        wrong = ['%s: /%s: %s' % (os.path.basename(path), '/'.join(map(str, e.absolute_path)), e.message[:200])
                 for path in files for e in validator.iter_errors(common.load(path))]
        results.check(not wrong, 'schema: every %s file is valid' % kind, wrong[:3])
        broken = dict(common.load(files[0]), schema='faultline.%s/9' % kind)
        results.check(not validator.is_valid(broken), 'schema: another major version of %s is not valid' % kind)


def shapes(results, scans):
    for command, items, members in SHAPES:
        raw = common.must(*command, *scans, '--json').stdout
        data = json.loads(raw)
        name = 'faultline.%s/1' % command[0]
        results.check(data.get('schema') == name and list(data)[0] == 'schema',
                      'schema: %s --json begins with its schema' % ' '.join(command), list(data)[:2])
        lacking = sorted({m for item in data[items] for m in members if m not in item})
        results.check(data[items] and not lacking, 'schema: %s --json has what is relied on' % ' '.join(command),
                      'lacking %s of %d items' % (lacking, len(data[items])))
    blast = common.must_json('blast', 'db.tide.internal', *scans)
    lacking = [m for m in ('node', 'mode', 'failed', 'entry_points_lost', 'expected_loss', 'steps') if m not in blast]
    results.check(not lacking, 'schema: blast --json has what is relied on', lacking)
    diff = common.must_json('diff', scans[0], scans[0])
    results.check(diff.get('schema') == 'faultline.diff/1' and diff.get('changes') == [],
                  'schema: diff --json of a scan with itself has no changes', diff)


def schema_first(results, scans, folder):
    """Whatever is JSON begins with the name of its shape; exit statuses are those of the manual."""
    policy, report = folder.file('policy.json'), folder.file('report.json')
    common.must('check', *scans, '--init', '-o', policy)
    common.must('report', *scans, '-o', report)
    ways = [(['deps', '--of', 'edge', *scans], 0), (['rank', *scans], 0), (['blast', 'db.tide.internal', *scans], 0),
            (['blast', 'db.tide.internal', *scans, '--slow', '1s'], 0), (['risk', 'edge/port-80', *scans], 0),
            (['shared', *scans], 0), (['behave', *scans], 0), (['graph', *scans], 0), (['path', 'edge/port-80', 'db.tide.internal', *scans], 0),
            (['diff', scans[0], scans[1]], 1), (['diff', scans[0], scans[0]], 0), (['check', *scans, '--policy', policy], 0)]
    for command, status in ways:
        data = common.must_json(*command, codes=(status,))
        what = command[0] + (' --slow' if '--slow' in command else '')
        results.check(list(data)[0] == 'schema' and data['schema'] == 'faultline.%s/1' % command[0],
                      'schema: the JSON of %s begins with its schema, exit %d' % (what, status), list(data.items())[:1])
    results.check(list(common.load(report).items())[0] == ('schema', 'faultline.report/1'), 'schema: a report in JSON begins with its schema')


def later(capture, seconds):
    """The bytes of a capture (pcap, gzip) with all its times moved."""
    data = bytearray(gzip.open(capture).read())
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    at = 24
    while at < len(data):
        stamp, _, size = struct.unpack_from(order + 'III', data, at)
        struct.pack_into(order + 'I', data, at, stamp + seconds)
        at += 16 + size
    return bytes(data)


def forgetting(results, folder):
    """scan --keep forgets what ended longer before the new scan and the newest before; one far ahead (9000 h) empties nothing."""
    capture, store = os.path.join(common.DEMO, 'ns.pcap.gz'), folder.file('kept.db')
    ran = common.run('scan', '-r', capture, '--store', store)
    if ran.returncode != 0 and b'built without' in ran.stderr:
        results.skip('schema: scan --keep forgets', 'built without stores')
        return
    for hours, keep, left in ((1, '2h', 2), (2, '90m', 3), (3, '90m', 3), (9000, '90m', 3), (4, '90m', 3), (5, '30m', 2)):
        file = folder.file('ns-%d.pcap' % hours)
        with open(file, 'wb') as out:
            out.write(later(capture, 3600 * hours))
        common.must('scan', '-r', file, '--host', 'ns', '--store', store, '--keep', keep)
        count = len(common.must_json('scans', store)['scans'])
        results.check(count == left, 'schema: scan --keep %s at hour %d leaves %d scans in the store' % (keep, hours, left), count)
    ran = common.run('scan', '-r', capture, '--keep', '1h')
    results.check(ran.returncode == 2 and b'--store' in ran.stderr, 'schema: --keep without a store is refused', ran.stderr)


def assumed(results, folder):
    """Where nobody from outside was seen to call, the ranking and the report say that entry points are assumed."""
    scan = folder.write('alone.json', json.dumps({
        'schema': 'faultline.scan/1', 'point': 'job1', 'window': {'start': '2026-11-21T12:00:00Z', 'end': '2026-11-21T12:10:00Z'},
        'hosts': [{'name': 'job1', 'addresses': ['10.0.0.5']}], 'services': [{'host': 'job1', 'name': 'job'}],
        'dependencies': [{'host': 'job1', 'service': 'job', 'name': 'api.vendor.example', 'addresses': ['192.0.2.7'], 'port': 443,
                          'transport': 'tcp', 'scope': 'external', 'class': 'background', 'answered': True, 'exchanges': 40}]}))
    report = folder.file('alone.md')
    common.must('report', scan, '-o', report)
    results.check(common.must_json('rank', scan)['entry_points_assumed'] is True
                  and b'entry points assumed: nobody from outside' in common.must('rank', scan).stdout
                  and 'Nobody from outside was seen' in open(report).read(), 'schema: entry points that are assumed are said to be')
    stated = folder.write('alone.model.json', '{"schema": "faultline.model/1", "entry_points": ["job1/job"]}')
    results.check(common.must_json('rank', scan, '--model', stated)['entry_points_assumed'] is False,
                  'schema: entry points that a model states are not assumed')


def determinism(results, scans, folder):
    for kind in ('html', 'md', 'json', 'dot', 'svg'):
        outputs = []
        for i in range(2):
            path = folder.file('report-%d.%s' % (i, kind))
            common.must('report', *(scans if i == 0 else scans[::-1]), '-o', path)
            outputs.append(open(path, 'rb').read())
        results.check(outputs[0] == outputs[1] and outputs[0], 'schema: report.%s has the same bytes again' % kind)
    for command in (['deps', '--json'], ['deps'], ['rank'], ['rank', '--json'], ['blast', '--all', '--json']):
        first, again = (common.must(command[0], *order, *command[1:]).stdout for order in (scans, scans[::-1]))
        results.check(first == again and first, 'schema: %s prints the same bytes again' % ' '.join(command))


def again(results, scans, folder):
    capture = os.path.join(common.DEMO, 'edge.pcap.gz')
    flows = [folder.file('flows-%d' % i) for i in range(2)]
    for path in flows:
        common.must('scan', '-r', capture, '--host', 'edge', '--flows', path, '-o', folder.file('edge-again.json'))
    first = open(next(s for s in scans if s.endswith('/edge.json')), 'rb').read()
    results.check(open(folder.file('edge-again.json'), 'rb').read() == first, 'schema: a second scan has the same bytes')
    results.check(open(flows[0], 'rb').read() == open(flows[1], 'rb').read(), 'schema: so have its flows')
    printed = common.must('scan', '-r', capture, '--host', 'edge', '-o', '-').stdout
    results.check(printed == first, 'schema: a scan to standard output has the same bytes')
    with open(scans[0], 'rb') as f:
        piped = common.must('deps', '-', '--json', stdin=f).stdout
    results.check(piped == common.must('deps', scans[0], '--json').stdout, 'schema: "-" reads standard input')


def merging(results, scans, folder, graph):
    whole = open(graph, 'rb').read()
    shuffled = scans[:]
    random.Random(3).shuffle(shuffled)
    orders = [('backwards', scans[::-1]), ('shuffled', shuffled), ('with duplicates', scans + scans[2:5]),
              ('as a directory', [os.path.dirname(scans[0])])]
    for name, order in orders:
        results.check(common.must('graph', *order).stdout == whole, 'schema: scans %s give the same graph' % name)
    common.must('graph', *scans, '-o', folder.file('graph-file.json'))
    results.check(open(folder.file('graph-file.json'), 'rb').read() == whole, 'schema: graph -o has the same bytes')
    results.check(common.must('graph', graph).stdout == whole, 'schema: a graph of a graph file is that graph')
    by_scans = [(s['node'], s['rank']) for s in common.must_json('rank', *scans)['spofs']]
    by_graph = [(s['node'], s['rank']) for s in common.must_json('rank', graph)['spofs']]
    results.check(by_scans == by_graph, 'schema: a graph file ranks as its scans do', (by_scans[:3], by_graph[:3]))


def early_end(results, scans):
    """A reader of standard output that goes away is no error to speak of, whether SIGPIPE kills or is ignored."""
    for name in ('graph', 'rank', 'deps'):
        for ignored in (False, True):
            reader, writer = os.pipe()
            os.close(reader)
            result = common.run(name, *scans, '--json', stdout=writer, restore_signals=not ignored)
            os.close(writer)
            results.check(result.stderr == b'' and result.returncode == (0 if ignored else -signal.SIGPIPE),
                          'schema: %s ends silently without a reader%s' % (name, ', SIGPIPE ignored' if ignored else ''),
                          (result.returncode, result.stderr[:200]))


def model_of_graph(results, scans, folder):
    model = folder.write('model.json', b'{"schema": "faultline.model/1", "entry_points": ["no-such-node"]}')
    written = common.must_json('graph', *scans, '--model', model)
    results.check(written.get('model', {}).get('statements') == 1, 'schema: a graph tells what became of its model',
                  written.get('model'))


def main():
    results = common.Results()
    common.need_program(results)
    with common.Folder() as scan_folder, common.Folder() as folder:
        try:
            scans = common.scan_hosts(common.DEMO, scan_folder.path)
            graph = folder.write('graph.json', common.must('graph', *scans).stdout)
        except common.Ended as e:
            results.bad('schema: the demo shop can be scanned', e)
            results.finish()
        for work, arguments in ((validate, (scans, graph)), (shapes, (scans,)), (schema_first, (scans, folder)), (assumed, (folder,)), (forgetting, (folder,)), (determinism, (scans, folder)),
                                (again, (scans, folder)), (merging, (scans, folder, graph)), (early_end, (scans,)), (model_of_graph, (scans, folder))):
            try:
                work(results, *arguments)
            except (common.Ended, OSError, KeyError, ValueError) as e:
                results.bad('schema: %s' % work.__name__, '%s: %s' % (type(e).__name__, e))
    results.finish()


if __name__ == '__main__':
    main()
