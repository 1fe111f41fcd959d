#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two releases of recorded systems are compared: exactly what changed is reported.

release-diff: a new vendor, a lost one, a moved one, and every address of the system rotated.
fan-out: more calls a request to one dependency; nothing else.
timeout-typo: callers give up sooner; their calls fail, and nobody is slower.
A service that is gone, whose callers are refused: its share of failures.
Every recording in two parts of which neither has an event: nothing changed.
"""
import json
import os

import common
import cut
import sarif
import truthscore

STRUCTURE = {'added', 'gone', 'moved', 'provider', 'not-seen-yet'}
MEASURED = {'fan-out', 'rate', 'latency', 'failures', 'retry', 'timeout'}
CUTS = (1 / 3, 1 / 2, 2 / 3)
PART_MIN_S = 5   # a shorter one is the start of its services more than anything else


def kinds(changes, wanted=STRUCTURE):
    return [c for c in changes if c['kind'] in wanted]


def compare(results, folder, name, truths):
    """Scan both releases; the lists of scans."""
    sides = {}
    for side in ('before', 'after'):
        captures = os.path.join(common.SHARED, 'lab', name, 'a', side)
        sides[side] = folder.file(name + '-' + side)
        common.scan_hosts(captures, sides[side])
        truths[side] = truthscore.Truth(common.load(os.path.join(captures, 'truth.json')))
    for side, path in sides.items():
        same = common.run('diff', path, path, '--json')
        results.check(same.returncode == 0, 'diff: %s %s does not differ from itself' % (name, side),
                      'exit %d' % same.returncode)
    return common.must_json('diff', sides['before'], sides['after'], codes=(0, 1))['changes'], sides


def key(truth, change, end):
    """(service, name) of one end of a change."""
    services = truth.services_of_node(change['from'])
    node = change[end] or ''
    name = node[len('endpoint:'):].rsplit(':', 1)[0] if node.startswith('endpoint:') else node
    return (sorted(services)[0] if services else change['from'], name)


def release_diff(results, folder):
    truths = {}
    changes, sides = compare(results, folder, 'release-diff', truths)
    for c in kinds(changes):
        common.note('release-diff: %s %s -> %s (%s)' % (c['kind'], c['from'], c['to'], c.get('why')))
    expected = common.load(os.path.join(common.SHARED, 'lab', 'release-diff', 'a', 'diff.json'))
    added = {(e['from'], e['name']) for e in expected['added']}
    removed = {(e['from'], e['name']) for e in expected['removed']}
    # One vendor under another name of the same registrable domain is a move.
    moved = {(f, n) for f, n in added for g, m in removed if f == g and n.split('.')[-2:] == m.split('.')[-2:]}
    left = {(g, m) for g, m in removed for f, n in moved if f == g and n.split('.')[-2:] == m.split('.')[-2:]}
    for kind, true in (('added', added - moved), ('gone', removed - left), ('moved', moved)):
        side = 'before' if kind == 'gone' else 'after'
        found = {key(truths[side], c, 'to') for c in kinds(changes, {kind})}
        results.check(found == true, 'diff: release-diff: exactly the %s dependencies' % kind,
                      '%s instead of %s' % (sorted(found), sorted(true)))
    rest = kinds(changes, {'provider', 'not-seen-yet'} | MEASURED)
    results.check(not rest, 'diff: release-diff: rotated addresses are no change, nor is anything measured', rest)
    back = common.must_json('diff', sides['after'], sides['before'], codes=(1,))['changes']
    results.check(len(kinds(back, {'moved'})) == len(moved), 'diff: release-diff: the move is one backwards, too',
                  kinds(back))


def conclusions(name):
    """Facts of the truth by id, and what is said of them."""
    stated = common.load(os.path.join(common.SHARED, 'lab', name, 'a', 'diff.json'))['conclusions']
    return {f['id']: f for f in stated['facts']}


def describe(changes):
    return ['%s %s > %s: %s -> %s' % (c['kind'], c['from'], c['to'], c['before'], c['after']) for c in changes]


def of_edge(truth, changes, kind, where):
    """Changes of this kind between the services of "web->license"."""
    caller, callee = where.split('->')
    names = {n for d in truth.data['dependencies'] if d['from'] == caller and d['to'] == callee
             for n in (d.get('name'), *(d.get('addresses') or [])) if n}
    return [c for c in changes if c['kind'] == kind and caller in truth.services_of_node(c['from']) and
            (c['to'].split(':')[1] in names or callee in truth.services_of_node(c['to']))]


def near(value, wanted, tolerance):
    return value is not None and abs(value - wanted) <= tolerance


def fan_out(results, folder):
    truths = {}
    changes, sides = compare(results, folder, 'fan-out', truths)
    fact = conclusions('fan-out')['ratio']
    found = of_edge(truths['after'], changes, 'fan-out', fact['where'])
    results.check(len(found) == 1, 'diff: fan-out: more calls a request of %s' % fact['where'], describe(changes))
    for side in ('before', 'after'):
        told = found[0][side] if found else None
        results.check(near(told, fact['value'][side], fact['value'][side] * 0.1),
                      'diff: fan-out: calls a request %s: %s, measured %s' % (side, fact['value'][side], told), told)
    rest = [c for c in changes if c not in found]
    results.check(not rest, 'diff: fan-out: nothing else', describe(rest))
    formats(results, sides)


def timeout_typo(results, folder):
    truths = {}
    changes, _ = compare(results, folder, 'timeout-typo', truths)
    facts = conclusions('timeout-typo')
    value, share = facts['timeout-value'], facts['cut-share']
    found = of_edge(truths['after'], changes, 'timeout', value['where'])
    told = found[0]['after'] if found else None
    results.check(near(told, value['value'] / 1000, value['tolerance'] / 1000) and found[0]['before'] is None,
                  'diff: timeout-typo: timeout of %s not observed, then %s ms' % (value['where'], value['value']),
                  describe(found))
    failed = of_edge(truths['after'], changes, 'failures', value['where'])
    told = failed[0]['after'] if failed else None
    results.check(near(told, share['value'], share['tolerance']),
                  'diff: timeout-typo: share of calls cut %s, measured %s' % (share['value'], told), describe(failed))
    users = [c for c in changes if c['kind'] == 'failures' and c not in failed]
    impact = facts['user-impact']
    results.check(len(users) == 1 and near(users[0]['after'], impact['value'], impact['tolerance']),
                  'diff: timeout-typo: %s of the users\' requests fail' % impact['value'], describe(users))
    rest = [c for c in changes if c not in found + failed + users]
    results.check(not rest, 'diff: timeout-typo: nothing else; no callee is slower', describe(rest))


def formats(results, sides):
    """The same findings for people who review, and for code hosts."""
    old, new = sides['before'], sides['after']
    text = common.must('diff', old, new, '--markdown', codes=(1,)).stdout.decode()
    results.check(text.startswith('## faultline: 1 change\n') and '| Seen | Older | Newer |' in text,
                  'diff: Markdown holds the change and what was seen of both sides', text[:200])
    wrong = sarif.problems(common.must('diff', old, new, '--sarif', codes=(1,)).stdout)
    results.check(not wrong, 'diff: SARIF is well-formed', '; '.join(wrong))
    both = common.run('diff', old, new, '--sarif', '--json')
    results.check(both.returncode == 2, 'diff: one format at a time', both.returncode)


# ---- nothing changed ----

def recordings():
    """(name, folder of captures, when its first event begins or None)."""
    lab = os.path.join(common.SHARED, 'lab')
    for name in sorted(os.listdir(lab)) if os.path.isdir(lab) else []:
        for path, label in ((os.path.join(lab, name, 'a'), name),
                            (os.path.join(lab, name, 'a', 'before'), name + ' before'),
                            (os.path.join(lab, name, 'a', 'after'), name + ' after')):
            if os.path.exists(os.path.join(path, 'truth.json')):
                events = common.load(os.path.join(path, 'truth.json')).get('events') or []
                yield label, path, min((e['t'] for e in events), default=None)
    yield 'demo', common.DEMO, None


def scan_part(folder, captures, start, end, out):
    os.makedirs(out, exist_ok=True)
    for host, capture in captures.items():
        part = folder.file('part.pcap')
        capture.write(part, start, end)
        common.must('scan', '-r', part, '--host', host, '-o', os.path.join(out, host + '.json'))


def halves(results, name, path, event):
    captures = cut.captures_of(path)
    start, end = cut.window_of(captures)
    end = event if event is not None else end + 1e-6
    row, wrong = [], []
    for share in CUTS:
        middle = start + (end - start) * share
        if min(middle - start, end - middle) < PART_MIN_S:
            row.append('-')
            continue
        with common.Folder() as folder:
            parts = [folder.file('old'), folder.file('new')]
            scan_part(folder, captures, start, middle, parts[0])
            scan_part(folder, captures, middle, end, parts[1])
            found = []
            for old, new in (parts, parts[::-1]):
                changes = common.must_json('diff', old, new, codes=(0, 1))['changes']
                found += [c for c in changes if c['kind'] != 'not-seen-yet']
        row.append(str(len(found)))
        wrong += describe(found)
    common.note('%-22s %5.0f s  %s' % (name, end - start, '  '.join('%4s' % cell for cell in row)))
    if all(cell == '-' for cell in row):
        results.skip('diff: two parts of %s' % name, 'parts would be shorter than %d s' % PART_MIN_S)
    else:
        results.check(not wrong, 'diff: two parts of %s do not differ, either way' % name, wrong)


def unchanged(results):
    common.note('changes found between two parts, both ways, cut at %s' % ', '.join('%.2f' % c for c in CUTS))
    for name, path, event in recordings():
        try:
            halves(results, name, path, event)
        except common.Ended as e:
            results.bad('diff: two parts of %s' % name, e)


def overlapping(results):
    """Two scans of one host whose windows overlap: their counts are not added up in tests."""
    edge = cut.captures_of(common.DEMO)['edge']
    start, end = cut.window_of({'edge': edge})
    with common.Folder() as folder:
        sides = {name: folder.file(name) for name in ('old', 'apart', 'twice')}
        middle = (start + end) / 2
        scan_part(folder, {'edge': edge}, start, middle, sides['old'])
        for name, begins in (('apart', middle), ('twice', middle - 5)):
            scan_part(folder, {'edge': edge}, start, middle, sides[name])
            os.rename(os.path.join(sides[name], 'edge.json'), os.path.join(sides[name], 'first.json'))
            scan_part(folder, {'edge': edge}, begins, end + 1, sides[name])
        apart, twice = (common.run('diff', sides['old'], sides[name]) for name in ('apart', 'twice'))
    results.check(apart.returncode in (0, 1), 'diff: scans of one host one after the other are compared', common.said(apart))
    said = common.said(twice)
    results.check(twice.returncode == 2 and "host 'edge' overlap by " in said and '\n' not in said,
                  'diff: scans of one host that overlap are refused', said)


def refused_scan(calls, refused):
    """A host whose service front asks store at a bare address; when all is refused, nobody listens there."""
    services = [{'host': 'h', 'name': 'front', 'ports': [{'port': 80, 'transport': 'tcp'}], 'connections': calls, 'exchanges': calls}]
    if refused < calls:
        services.append({'host': 'h', 'name': 'store', 'ports': [{'port': 5000, 'transport': 'tcp'}], 'connections': calls - refused})
    depends = {'host': 'h', 'service': 'front', 'attribution': 'exact', 'name': None, 'port': 5000, 'transport': 'tcp',
               'addresses': ['127.0.0.1'], 'scope': 'local', 'class': 'on-request', 'answered': refused < calls, 'exchanges': calls - refused,
               'connections': {'tried': calls, 'established': calls - refused, 'refused': refused}}
    return {'schema': 'faultline.scan/1', 'point': 'h', 'source': 'live', 'host': {'name': 'h', 'addresses': ['127.0.0.1', '192.0.2.9']},
            'hosts': [{'name': 'h', 'addresses': ['127.0.0.1', '192.0.2.9']}], 'services': services, 'dependencies': [depends],
            'window': {'start': '2026-11-21T13:00:00Z', 'end': '2026-11-21T13:00:20Z'}, 'coverage': {'packets': 1000}}


def refused(results, folder):
    paths = []
    for name, count in (('up', 0), ('down', 190)):
        paths.append(folder.write('refused-%s.json' % name, json.dumps(refused_scan(190, count)).encode()))
    for (old, new), shares in ((paths, (0, 1)), (paths[::-1], (1, 0))):
        changes = common.must_json('diff', old, new, codes=(0, 1))['changes']
        found = [(c['kind'], c['to'], c['before'], c['after']) for c in changes if c['kind'] in MEASURED]
        results.check(found == [('failures', 'endpoint:127.0.0.1:5000/tcp', *shares)],
                      'diff: what answered and refuses every connection now has another share of failures, %d -> %d' % shares, changes)


def main():
    results = common.Results()
    common.need_program(results)
    if os.path.isdir(os.path.join(common.SHARED, 'lab')):
        for name, work in (('release-diff', release_diff), ('fan-out', fan_out), ('timeout-typo', timeout_typo)):
            with common.Folder() as folder:
                try:
                    work(results, folder)
                except common.Ended as e:
                    results.bad('diff: %s' % name, e)
    else:
        results.skip('diff of recorded releases', '%s/lab is not there' % common.SHARED)
    with common.Folder() as folder:
        refused(results, folder)
    overlapping(results)
    unchanged(results)
    results.finish()


if __name__ == '__main__':
    main()
