#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A policy written from one release holds for it, and the next release breaks it where it changed.

release-diff: a new vendor, a moved one. timeout-typo: a timeout out of bounds. retry-storm: callers that try again at once.
"""
import os

import common
import sarif

LAB = os.path.join(common.SHARED, 'lab')


def scans(folder, *path):
    out = folder.file('-'.join(path))
    common.scan_hosts(os.path.join(LAB, *path), out)
    return out


def policy_of(results, folder, inputs, name):
    """The policy that --init writes, checked."""
    path = folder.file(name + '.policy.json')
    common.must('check', inputs, '--init', '-o', path)
    again = common.must('check', inputs, '--init').stdout
    results.check(open(path, 'rb').read() == again, 'check: %s: --init writes the same bytes again' % name)
    written_over = common.run('check', inputs, '--init', '-o', path)
    results.check(written_over.returncode == 2 and open(path, 'rb').read() == again,
                  'check: %s: --init does not write over a policy' % name, written_over.returncode)
    held = common.run('check', inputs, '--policy', path)
    results.check(held.returncode == 0, 'check: %s: the policy holds for what it was written from' % name,
                  held.stdout.decode()[:400])
    return path


def violations(inputs, policy, *more):
    answer = common.must_json('check', inputs, '--policy', policy, *more, codes=(0, 1))
    return answer['violations']


def release(results, folder):
    before, after = scans(folder, 'release-diff', 'a', 'before'), scans(folder, 'release-diff', 'a', 'after')
    policy = policy_of(results, folder, before, 'release-diff')
    found = {(v['rule'], v['to'].split(':')[1]) for v in violations(after, policy) if v['to']}
    expected = {e['name'] for e in common.load(os.path.join(LAB, 'release-diff', 'a', 'diff.json'))['added']}
    results.check({n for r, n in found if r == 'external-not-allowed'} == expected,
                  'check: release-diff: exactly the new external dependencies are not allowed', sorted(found))
    new = [v['to'] for v in violations(after, policy, '--since', before) if v['rule'] == 'single-point']
    results.check(all('sdk.featurebay.example' in to for to in new) and new,
                  'check: release-diff: with --since only the new single point of failure is one', new)
    places = [v['place'] for v in violations(after, policy)]
    results.check(places and all(p.startswith(policy + ':') for p in places),
                  'check: every violation names its place in the policy', places[:3])
    wrong = sarif.problems(common.must('check', after, '--policy', policy, '--sarif', codes=(1,)).stdout)
    results.check(not wrong, 'check: SARIF is well-formed', '; '.join(wrong))
    results.check(common.run('check', after, '--policy', policy).returncode == 1, 'check: exit 1 when violated')


def timeout(results, folder):
    after = scans(folder, 'timeout-typo', 'a', 'after')
    policy = folder.write('t.json', '{"schema": "faultline.policy/1", "timeouts": [{"min_s": 1}]}')
    found = violations(after, policy)
    results.check([v['rule'] for v in found] == ['timeout-too-short'] and 'license' in found[0]['to'],
                  'check: timeout-typo: the timeout below its bound, and no other', found)


def retries(results, folder):
    inputs = scans(folder, 'retry-storm', 'a')
    policy_of(results, folder, inputs, 'retry-storm')
    policy = folder.write('r.json', '{"schema": "faultline.policy/1", "retries": [{"pause": true}]}')
    found = violations(inputs, policy)
    true = common.load(os.path.join(LAB, 'retry-storm', 'a', 'truth.json'))
    results.check(found and all(v['rule'] == 'retry-without-pause' for v in found),
                  'check: retry-storm: who tries again at once is told', found)
    at_once = {d['from'] for d in true['dependencies'] if (d.get('retry') or {}).get('kind') == 'immediate'}
    hosts = {i['host']: s['service'] for s in true['services'] if s.get('scope') == 'internal'
             for i in s['instances']}
    told = {hosts.get(v['from'].split(':')[1].split('/')[0]) for v in found}
    results.check(told == at_once, 'check: retry-storm: all of them, and nobody else', '%s, true %s' % (told, at_once))


def errors(results, folder):
    policy = folder.write('wrong.json', '{\n  "schema": "faultline.policy/1",\n  "externals": {}\n}\n')
    scan = folder.write('scan.json', '{"schema": "faultline.graph/1", "nodes": [], "requirements": []}')
    for arguments, words, name in (
            ((scan, '--policy', policy), 'wrong.json:3:16', 'an unknown rule is an error with its place'),
            ((scan,), '--policy', 'neither --policy nor --init is an error that names them'),
            ((scan, '--init'), 'scans', '--init of a graph file is an error'),
            ((scan, '--policy', folder.file('none.json')), 'none.json', 'a missing policy is an error that names it')):
        got = common.run('check', *arguments)
        results.check(got.returncode == 2 and words in common.said(got) and common.said(got).count('\n') == 0,
                      'check: ' + name, '%d: %s' % (got.returncode, common.said(got)))


def main():
    results = common.Results()
    common.need_program(results)
    with common.Folder() as folder:
        errors(results, folder)
    for work in (release, timeout, retries):
        if not os.path.isdir(LAB):
            results.skip('check of recorded releases', '%s is not there' % LAB)
            break
        with common.Folder() as folder:
            try:
                work(results, folder)
            except common.Ended as e:
                results.bad('check: %s' % work.__name__, e)
    results.finish()


if __name__ == '__main__':
    main()
