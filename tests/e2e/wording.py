#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What answers say in words where there is little to show, or where a number alone would be read wrongly."""
import json
import os
import sqlite3

import common
import frames


def text(*arguments):
    return common.must(*arguments).stdout.decode()


def has(results, name, answer, *words):
    missing = [word for word in words if word not in answer]
    results.check(not missing, 'wording: ' + name, 'no %r in: %s' % (missing, answer[:600]))


def nothing_there(results, f, scans):
    """No heading without a row: what there is instead, and how it is asked for."""
    store = f.file('shop.db')
    if common.run('scan', '-r', os.path.join(common.DEMO, 'edge.pcap.gz'), '--host', 'edge', '--store', store).returncode != 0:
        results.skip('wording: windows of a store', 'built without stores')
    else:
        answer = text('scans', store + '@2020-01-01/1d')
        has(results, 'a range without windows names the nearest one', answer, 'no window in 2020-01-01/1d', 'of 1 in the store', store + '@')
        nearest = answer.split('the nearest is ')[1].split(',')[0]
        has(results, 'the nearest window can be asked for as it is named', text('scans', nearest), ' edge ')
        results.check('point' not in answer, 'wording: no heading stands above no window', answer)
        db = sqlite3.connect(store)
        db.execute('DELETE FROM window')
        db.commit()
        db.close()
        has(results, 'a store without windows says who writes them', text('scans', store), 'no window is in it', 'faultline watch --store')
    answer = text('path', 'edge/port-80', 'service:edge', *scans)
    has(results, 'a way from a node to itself is told in words', answer, 'both names mean this one node')
    results.check('evidence' not in answer, 'wording: no heading stands above no link', answer)
    has(results, 'no way between two nodes says what to ask instead', text('path', 'db', 'cache', *scans), 'no way was seen',
        'deps --of db/port-5432')


def assumed_failover(results, f, scans):
    """What survives only because something may stand in for what failed is named, out of scans and out of a graph file."""
    graph, again = f.file('shop.graph.json'), f.file('again.graph.json')
    common.must('graph', *scans, '-o', graph)
    common.must('graph', graph, '-o', again)
    results.check(open(graph).read() == open(again).read(), 'wording: a graph that is read and written again keeps what was assumed')
    for what, inputs in (('scans', scans), ('a graph file', [graph])):
        answer = text('blast', 'service:api1/port-8000', *inputs)
        has(results, 'blast over %s names an assumed fail-over' % what, answer, 'assumed: edge/port-80 stays up, it needs 1 of',
            '1 of 2 up', 'was not seen', 'assumed: a service fails with whatever its requests use')
        answer = text('blast', 'address:198.51.100.41', *inputs)
        has(results, 'blast over %s names a fail-over that was seen' % what, answer, 'confirmed: api.coinport.example:443 stays up')
        spared = common.must_json('blast', 'service:api1/port-8000', *inputs)['spared']
        results.check([(g['node'], g['needs'], len(g['members']), g['failed'], g['redundancy']) for g in spared] ==
                      [('service:edge/port-80', 1, 2, 1, 'assumed')], 'wording: JSON of blast over %s has it, too' % what, spared)
        has(results, 'blast --all over %s counts assumed fail-over' % what, text('blast', '--all', *inputs), 'assumed: fail-over at 1 of 2 groups with a spare: edge/port-80')
    report = f.file('assumed.md')
    common.must('report', *scans, '-o', report)
    with open(report, encoding='utf8') as written:
        has(results, 'the coverage of a report counts assumed fail-over', written.read(), 'assumed: fail-over at 1 of 2 groups with a spare: edge/port-80')
    answer = text('blast', 'service:db/port-5432', *scans)
    results.check('stays up' not in answer, 'wording: where nothing stands in, nothing is said of it', answer)


def what_is_lost(results, scans):
    """An entry point is lost by what is down when any request needs it; by what is slow or flaky, when half of the requests fail."""
    has(results, 'rank says what lost means', text('rank', *scans), 'lost: whoever needs it for any of their requests')
    has(results, 'blast says what is down takes', text('blast', 'service:cache/port-6379', *scans), 'lost, for some of their requests or for all:',
        '1 of 1 entry point')
    flaky = text('blast', 'service:cache/port-6379', '--flaky', '0.5', *scans)
    has(results, 'blast --flaky says from which share on', flaky, 'at least half of the requests fail or are not answered: at 0 of 1 entry point')
    results.check('lost:' not in flaky, 'wording: blast --flaky does not call it lost', flaky)
    question = ('blast', 'service:api1/port-8000', '--slow', '60s', *scans)
    has(results, 'blast --slow tells how long a request takes then', text(*question), 'slower at edge/port-80: a request takes 30', 'on average,')
    edge = [w for w in common.must_json(*question)['in_flight'] if w['node'] == 'service:edge/port-80' and w['to'] is None]
    results.check(edge and 29 < edge[0]['held_s_at_end'] < 31 and edge[0]['held_s_before'] < 1,
                  'wording: JSON of blast --slow has the times of a request', edge)


def never_answered(results, f):
    """Who refused or was silent throughout is no part of the graph, and named beside every answer."""
    connection, gone = frames.Connection(), []
    client, sport = connection.ends[0], 40000
    packets = frames.tls(connection, 'up.example').close()
    for n, (server, refused) in enumerate((('10.9.0.1', True), ('10.9.0.2', True), ('10.9.0.3', False))):
        gone.append(frames.tcp(client, server, sport + n, 6379, 1, 0, frames.SYN))
        if refused:
            gone.append(frames.tcp(server, client, 6379, sport + n, 0, 2, frames.RST | frames.ACK))
    capture = f.write('gone.pcap', frames.pcap([frames.ethernet(p) for p in packets + gone], step=100000))
    scan = f.file('gone.json')
    common.must('scan', '-r', capture, '--host', 'h', '-o', scan)
    words = ('3 endpoints never answered who called them, 2 refused: 10.9.0.1:6379, 10.9.0.2:6379, 10.9.0.3:6379', 'not in the graph')
    for command in (['rank'], ['behave'], ['blast', 'up.example'], ['deps']):
        has(results, '%s names who never answered' % command[0], text(*command, scan), *words)
    listed = common.must_json('rank', scan)['coverage']['never_answered']
    results.check(listed['count'] == 3 and listed['refused'] == 2 and len(listed['endpoints']) == 3,
                  'wording: JSON counts and lists who never answered', listed)
    for ending in ('md', 'html'):
        report = f.file('gone.' + ending)
        common.must('report', scan, '-o', report)
        with open(report, encoding='utf8') as written:
            has(results, 'the coverage of a report in %s names who never answered' % ending, written.read(), words[0], words[1])
    up = f.file('up.json')
    common.must('scan', '-r', f.write('up.pcap', frames.pcap([frames.ethernet(p) for p in packets], step=100000)), '--host', 'h', '-o', up)
    results.check('never answered' not in text('rank', up), 'wording: where all answered nothing is said of it')


def limits_met(results, f, scans):
    """A limit says what is not in the answers because of it, and which option moves it; a fixed one says that it is."""
    scan = common.load(scans[0])
    scan['coverage']['limits'] = [{'name': 'behaviours', 'limit': 1024, 'hits': 3, 'what': 'dependencies without retries'},
                                  {'name': 'sockets', 'limit': 4096, 'hits': 12, 'what': 'sockets forgotten'}]
    path, report = f.write('limits.json', json.dumps(scan)), f.file('limits.md')
    has(results, 'a limit says what is missing and the option that moves it', text('rank', path),
        'not seen: 12 sockets forgotten (limit of the sockets: 4 096): whose connections they were may not be known', 'raise --memory')
    has(results, 'a limit that is fixed says so', text('rank', path), 'not seen: 3 dependencies without retries', 'this limit is fixed')
    common.must('report', path, '-o', report)
    with open(report, encoding='utf8') as written:
        has(results, 'a report says it, too', written.read(), 'Limit met: sockets (4 096), 12 sockets forgotten: whose connections')


def policy_for_programs(results, f, scans):
    """--json is JSON, of --init, too; without it people get the same policy with comments."""
    policy = common.must_json('check', *scans, '--init')
    results.check(list(policy)[0] == 'schema' and policy['external']['allow'], 'wording: check --init --json prints JSON', list(policy))
    plain = f.file('plain.policy.json')
    common.must('check', *scans, '--init', '--json', '-o', plain)
    results.check(common.load(plain) == policy, 'wording: and writes the same with -o')
    for option in (['--sarif'], ['--since', scans[0]]):
        refused = common.run('check', *scans, '--init', *option)
        results.check(refused.returncode == 2 and not refused.stdout and option[0].encode() in refused.stderr,
                      'wording: check --init refuses %s, which checks' % option[0], common.said(refused))
    results.check(common.run('check', *scans, '--policy', plain).returncode == 0, 'wording: a policy without comments holds as the other does')


def marks_of_pictures(results, f, scans):
    """A picture marks the nine worst; what has no mark for that is counted below it."""
    ranks = common.must_json('rank', *scans)['ranks']
    few = f.write('few.graph.json', json.dumps({'schema': 'faultline.graph/1', 'nodes': [{'id': 'service:a/b', 'kind': 'service'}],
                                                'requirements': [], 'entry_points': ['service:a/b']}))
    for ending in ('dot', 'html'):
        picture = f.file('marks.' + ending)
        common.must('report', *scans, '-o', picture)
        with open(picture, encoding='utf8') as written:
            answer = written.read().replace('&#39;', "'")
        if 'No picture:' in answer:
            results.skip('wording: marks of a picture in ' + ending, 'no drawing library')
            continue
        has(results, 'a picture in %s says how many are not marked' % ending, answer, 'The first 9 of %d are marked' % ranks, 'SPOF 9')
        common.must('report', few, '-o', picture)
        with open(picture, encoding='utf8') as written:
            results.check('are marked' not in written.read(), 'wording: where all are marked nothing is said of it in ' + ending)


def main():
    results = common.Results()
    common.need_program(results)
    with common.Folder() as f:
        try:
            scans = common.scan_hosts(common.DEMO, f.file('scans'))
            nothing_there(results, f, scans)
            assumed_failover(results, f, scans)
            what_is_lost(results, scans)
            never_answered(results, f)
            limits_met(results, f, scans)
            policy_for_programs(results, f, scans)
            marks_of_pictures(results, f, scans)
        except common.Ended as e:
            results.bad('wording: every command answers', e)
    results.finish()


if __name__ == '__main__':
    main()
