#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a node that gets slow or fails will do, told from the time before it did, against what then happened.

Every recording of the lab with a stall, a vendor that slows down, or one that answers with errors is cut where that begins;
`blast --slow` and `--flaky` see only the part before. What packets before the event cannot show (pools, workers, retry
policies that never had to act) is declared in a model file from the truth's description of the services; nothing measured during
the event is.
"""
import glob
import gzip
import json
import os
import re
import struct

import common

WITHIN = 0.30    # of what was measured
LEAST = 5        # in flight; below, a few requests more or less are a matter of luck

MAGIC = {b'\xd4\xc3\xb2\xa1': ('<', 1e6), b'\x4d\x3c\xb2\xa1': ('<', 1e9),
         b'\xa1\xb2\xc3\xd4': ('>', 1e6), b'\xa1\xb2\x3c\x4d': ('>', 1e9)}


def cut(source, target, until):
    """Packets before the time."""
    with gzip.open(source, 'rb') as f, open(target, 'wb') as out:
        header = f.read(24)
        order, fraction = MAGIC[header[:4]]
        out.write(header)
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            seconds, parts, size, _ = struct.unpack(order + 'IIII', record)
            if seconds + parts / fraction >= until:
                return
            out.write(record + f.read(size))


def scan_before(folder, captures, until):
    scans = []
    for path in sorted(glob.glob(os.path.join(captures, '*.pcap.gz'))):
        host = os.path.basename(path)[:-len('.pcap.gz')]
        part, scan = folder.file(host + '.pcap'), folder.file(host + '.json')
        cut(path, part, until)
        common.must('scan', '-r', part, '--host', host, '-o', scan)
        scans.append(scan)
    return scans


class Truth:
    def __init__(self, path):
        self.all = common.load(path)
        self.services = {s['service']: s for s in self.all['services']}
        self.dependencies = {d['id']: d for d in self.all['dependencies']}

    def nodes(self, service):
        """Ids of a service's scanned instances."""
        s = self.services[service]
        if s['scope'] == 'external':
            return []
        return ['service:%s/port-%s' % (i['host'], i['port']) for i in s['instances']]

    def endpoint(self, dependency):
        """What its callers know a dependency as."""
        names = [dependency['name']] if dependency['name'] else dependency['addresses']
        return ['endpoint:%s:%s/%s' % (n, dependency['port'], dependency['transport']) for n in names]

    def service_of(self, node):
        for name in self.services:
            if node in self.nodes(name):
                return name
        return node

    def policies(self, exists, chosen=None):
        """Declarations: workers, pools, timeouts and retries. Dependencies that share an endpoint share a pool; of these @chosen
        is the one that gets slow, so the pool that counts is its own."""
        limits = [{'node': node, 'in_flight': s['workers_per_instance']} for s in self.services.values()
                  if s.get('workers_per_instance') for node in self.nodes(s['service']) if node in exists]
        calls = {}
        for d in self.dependencies.values():
            for node in self.nodes(d['from']):
                for endpoint in self.endpoint(d):
                    if node in exists and endpoint in exists:
                        calls.setdefault((node, endpoint), []).append(d)
        stated = []
        for (node, endpoint), list_ in sorted(calls.items()):
            own = [d for d in list_ if d['id'] == chosen] or list_
            call = {'from': node, 'to': endpoint, 'retries': max(d['retry'].get('max', 0) for d in own)}
            pools = [re.search(r'at most (\d+)', d['connections']) for d in own]
            if all(pools):
                call['in_flight'] = sum(int(p.group(1)) for p in pools)
            if all(d['timeout_ms'] for d in own):
                call['timeout_s'] = min(d['timeout_ms'] for d in own) / 1000
            stated.append(call)
        return {'schema': 'faultline.model/1', 'limits': limits, 'dependencies': stated}


def ask(folder, truth, scans, chosen, *question):
    graph = json.loads(common.must('graph', *scans).stdout)
    exists = {n['id'] for n in graph['nodes']}
    model = folder.write('model.json', json.dumps(truth.policies(exists, chosen)))
    return common.must_json('blast', *question, '--model', model, *scans)


def in_flight(truth, answer, what='at_end'):
    """By service, and by (caller, callee); instances added up."""
    services, calls = {}, {}
    ends = {e: d['to'] for d in truth.dependencies.values() for e in truth.endpoint(d)}
    for w in answer['in_flight']:
        service = truth.service_of(w['node'])
        if w['to'] is None:
            service = ends.get(w['node'], service)
            services[service] = services.get(service, 0) + w[what]
        elif w['to'] in ends:
            key = (service, ends[w['to']])
            calls[key] = calls.get(key, 0) + w[what]
    return services, calls


def measured_calls(truth, measured, number):
    """Dependencies of the truth that go to one service from one, added up."""
    calls = {}
    for name, d in measured['dependencies'].items():
        known = truth.dependencies[name]
        key = (known['from'], known['to'])
        calls[key] = calls.get(key, 0) + number(d)
    return calls


def check_amounts(results, name, predicted, measured):
    for key in sorted(measured, key=str):
        if measured[key] < LEAST or key not in predicted:
            continue
        label = ' > '.join(key) if isinstance(key, tuple) else key
        results.check(abs(predicted[key] - measured[key]) <= WITHIN * measured[key],
                      'cascade: %s: in flight, %s: %.1f predicted, %.1f measured' % (name, label, predicted[key], measured[key]),
                      'more than %.0f %% apart' % (100 * WITHIN))


# ---- a stall ----

def order_measured(truth, event):
    """(what, service), by time; instances of one service once, at the first."""
    found = []
    for s in event['stall_order']:
        for kind, key in (('pool-full', 'pool_exhausted_at_s'), ('station-full', 'workers_exhausted_at_s')):
            for where, at in s.get(key, {}).items():
                found.append((at, kind, where.split('@')[0]))
    return distinct(sorted(found))


def distinct(found):
    seen = []
    for at, kind, service in found:
        if (kind, service) not in [x[1:] for x in seen]:
            seen.append((at, kind, service))
    return seen


def order_predicted(truth, answer):
    found = [(s['at_s'], s['event'], truth.service_of(s['node'])) for s in answer['steps']]
    return distinct([f for f in found if f[1] in ('pool-full', 'station-full')]), \
        [f for f in found if f[1] == 'stalls']


def stall(results, folder, name, captures, truth, event):
    where = next(f['where'] for f in event['conclusions']['facts'] if f['id'] == 'origin')
    dependency = truth.dependencies[where]
    scans = scan_before(folder, captures, event['t'])
    target = truth.nodes(dependency['to']) or truth.endpoint(dependency)
    answer = ask(folder, truth, scans, where, target[0], '--slow', '%gs' % event['duration_s'],
                 '--for', '%gs' % event['duration_s'], '--caller', truth.nodes(dependency['from'])[0])
    predicted, stalls = order_predicted(truth, answer)
    measured = order_measured(truth, event)
    common.note('%s: predicted %s' % (name, '; '.join('%.2f s %s %s' % p for p in predicted + stalls)))
    common.note('%s: measured  %s' % (name, '; '.join('%.2f s %s %s' % m for m in measured)))
    results.check([p[1:] for p in predicted] == [m[1:] for m in measured],
                  'cascade: %s: order in which limits are met' % name,
                  '%s instead of %s' % ([p[1:] for p in predicted], [m[1:] for m in measured]))
    results.check(bool(stalls) and all(p[0] <= s[0] for s in stalls for p in predicted if p[1] == 'pool-full'),
                  'cascade: %s: the edge stands still in the end' % name, stalls)
    services, calls = in_flight(truth, answer)
    during = event['measured']['during']
    check_amounts(results, name, services, {s: m['in_flight']['max'] for s, m in during['services'].items()})
    entry = truth.all['entry_points'][0]['service']
    check_amounts(results, name, services, {entry: during['users']['in_flight']['max']})
    check_amounts(results, name, calls, measured_calls(truth, during, lambda d: d['in_flight']['max']))


def nothing_declared(results, folder, name, truth, event):
    """Without the model the limits are not known: it says so, and tells what would be in flight."""
    where = next(f['where'] for f in event['conclusions']['facts'] if f['id'] == 'origin')
    dependency = truth.dependencies[where]
    scans = sorted(glob.glob(folder.file('*.json')))
    scans = [s for s in scans if os.path.basename(s) != 'model.json']
    target = truth.nodes(dependency['to']) or truth.endpoint(dependency)
    answer = common.must_json('blast', target[0], '--slow', '%gs' % event['duration_s'], *scans)
    said = ' '.join(answer['assumed'])
    results.check('no limit of requests at once is known' in said and 'no timeout was seen' in said,
                  'cascade: %s: without declared limits it says what it assumed' % name, said)
    results.check(all(s['assumed'] for s in answer['steps']), 'cascade: %s: each step says so' % name)
    results.check(answer['metastable_margin']['load'] is None,
                  'cascade: %s: no margin is made up' % name, answer['metastable_margin'])


# ---- a vendor that gets slower ----

def slow_burn(results, folder, name, captures, truth, event):
    where = next(f['where'] for f in event['conclusions']['facts'] if f['id'] == 'origin')
    dependency, ramp = truth.dependencies[where], event['injected']['ramp']
    scans = scan_before(folder, captures, event['t'])
    target = (truth.endpoint(dependency) or truth.nodes(dependency['to']))[0]
    answer = ask(folder, truth, scans, where, target, '--slow', '%gms' % (ramp['to'] - ramp['from']))
    services, calls = in_flight(truth, answer)
    during = event['measured']['during']

    def at_the_end(m):
        """In flight when the ramp has ended, on the measured line: its middle is the mean."""
        return m['in_flight']['mean'] + m['in_flight']['slope_per_s'] * during['seconds'] / 2

    check_amounts(results, name, services, {s: at_the_end(m) for s, m in during['services'].items()})
    check_amounts(results, name, calls, measured_calls(truth, during, at_the_end))
    results.check(answer['steady'] and not answer['entry_points_lost'],
                  'cascade: %s: it settles and nothing is lost' % name, answer['entry_points_lost'])


# ---- errors and retries ----

def errors(results, folder, name, captures, truth, event):
    vendor = event['injected']['service']
    scans = scan_before(folder, captures, truth.all['events'][0]['t'])
    target = next(e for d in truth.dependencies.values() if d['to'] == vendor for e in truth.endpoint(d))
    answer = ask(folder, truth, scans, None, target, '--flaky', '%g' % event['injected']['set']['share'])
    predicted = {}
    ends = {e: d['to'] for d in truth.dependencies.values() for e in truth.endpoint(d)}
    for w in answer['in_flight']:
        if w['to'] in ends:
            key = (truth.service_of(w['node']), ends[w['to']])
            predicted[key] = predicted.get(key, 0) + w['rate_at_end']
    measured = measured_calls(truth, event['measured']['during'], lambda d: d['attempts_per_s'])
    for key in sorted(measured):
        if key[1] == vendor and key in predicted and measured[key] >= 1:
            results.check(abs(predicted[key] - measured[key]) <= WITHIN * measured[key],
                          'cascade: %s: %s: attempts/s, %s > %s: %.1f predicted, %.1f measured'
                          % ((name, event['kind']) + key + (predicted[key], measured[key])),
                          'more than %.0f %% apart' % (100 * WITHIN))


# ---- without recordings ----

GRAPH = {'schema': 'faultline.graph/1',
         'nodes': [{'id': 'service:a/web', 'kind': 'service'}, {'id': 'service:b/db', 'kind': 'service'},
                   {'id': 'host:c', 'kind': 'host'}],
         'requirements': [{'of': 'service:a/web', 'needs': 1, 'members': ['service:b/db']}],
         'entry_points': ['service:a/web']}

REFUSED = (('two questions', ('db', '--slow', '2s', '--flaky', '0.1'), 'one at a time'),
           ('all at once', ('--all', '--slow', '2s'), 'leave out --slow'),
           ('a time without a question', ('db', '--for', '5s'), 'add one of these'),
           ('a share above 1', ('db', '--flaky', '2'), 'between 0 and 1'),
           ('a caller that is none', ('db', '--slow', '2s', '--caller', 'nobody'), "no node has 'nobody'"),
           ('a caller that does not call', ('db', '--slow', '2s', '--caller', 'c'), 'nothing that calls it'))


def by_hand(results):
    with common.Folder() as folder:
        graph = folder.write('g.json', json.dumps(GRAPH))
        for name, arguments, reason in REFUSED:
            r = common.run('blast', *arguments, graph)
            said = common.said(r)
            results.check(r.returncode == 2 and not r.stdout and reason in said and '\n' not in said,
                          'cascade: refused: ' + name, 'exit %d: %s' % (r.returncode, said))
        for question in (('--slow', '2s'), ('--flaky', '0.25')):
            first, second = (common.must('blast', 'db', *question, '--json', graph).stdout for _ in range(2))
            results.check(first == second, 'cascade: %s: same input, same bytes' % question[0])
            answer = json.loads(first)
            results.check(answer['mode'] == question[0][2:] and 'no rate was measured' in ' '.join(answer['assumed']),
                          'cascade: %s: a graph alone says that nothing was measured' % question[0], answer['assumed'])
        results.check(answer['expected_loss'] == {'service:a/web': 0.25}, 'cascade: a quarter of the answers is a quarter lost',
                      answer['expected_loss'])


def main():
    results = common.Results()
    common.need_program(results)
    by_hand(results)
    recordings = sorted(glob.glob(os.path.join(common.SHARED, 'lab', '*', '*', 'truth.json')))
    if not recordings:
        results.skip('cascade', 'no recordings in %s' % os.path.join(common.SHARED, 'lab'))
    for path in recordings:
        truth, captures = Truth(path), os.path.dirname(path)
        name = os.path.basename(os.path.dirname(captures))
        for event in truth.all['events']:
            injected = event['injected']
            with common.Folder() as folder:
                if injected.get('stall') and event.get('stall_order'):
                    stall(results, folder, name, captures, truth, event)
                    nothing_declared(results, folder, name, truth, event)
                elif injected.get('ramp', {}).get('what') == 'latency_ms':
                    slow_burn(results, folder, name, captures, truth, event)
                elif injected.get('set', {}).get('mode') == 'error':
                    errors(results, folder, name, captures, truth, event)
    results.finish()


if __name__ == '__main__':
    main()
