#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two releases of recorded systems are compared: exactly what changed is reported.

release-diff: a new vendor, a lost one, a moved one, and every address of the system rotated.
fan-out, timeout-typo: the same dependencies before and after.
"""
import os

import common
import truthscore

STRUCTURE = {'added', 'gone', 'moved', 'provider', 'not-seen-yet'}


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
    rest = kinds(changes, {'provider', 'not-seen-yet'})
    results.check(not rest, 'diff: release-diff: rotated addresses are no change', rest)
    back = common.must_json('diff', sides['after'], sides['before'], codes=(1,))['changes']
    results.check(len(kinds(back, {'moved'})) == len(moved), 'diff: release-diff: the move is one backwards, too',
                  kinds(back))


def same_structure(results, folder, name):
    changes, _ = compare(results, folder, name, {})
    results.check(not kinds(changes), 'diff: %s: no dependency is new or gone' % name, kinds(changes))


def main():
    results = common.Results()
    common.need_program(results)
    if not os.path.isdir(os.path.join(common.SHARED, 'lab')):
        results.skip('diff of recorded releases', '%s/lab is not there' % common.SHARED)
        results.finish()
    for name, work in (('release-diff', release_diff), ('fan-out', None), ('timeout-typo', None)):
        with common.Folder() as folder:
            try:
                work(results, folder) if work else same_structure(results, folder, name)
            except common.Ended as e:
                results.bad('diff: %s' % name, e)
    results.finish()


if __name__ == '__main__':
    main()
