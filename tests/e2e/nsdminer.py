#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""On-request dependencies found by faultline and by NSDMiner, side by side, on the same recordings.

NSDMiner as published: A. Natarajan, P. Ning, Y. Liu, S. Jajodia, S. E. Hutchinson, "NSDMiner: Automated Discovery of Network
Service Dependencies" (INFOCOM 2012) and B. Peddycord III, P. Ning, S. Jajodia, "On the Accurate Identification of Network
Service Dependencies in Distributed Systems" (LISA 2012). Written from the definitions:

  - A flow from host A to a service at B that begins and ends within a flow from somebody to a service of A is nested in it. It adds
    to the weight of "the service of A depends on the service of B": one shared by all services of A it is nested in (shared
    mode), or one where there is only one (exclusive mode).
  - ratio score: that weight over the number of flows to the service of A (the candidates of the first paper);
  - logarithm score: log of the weight over log of that number (the ranking of the second paper).

faultline's score is the coupling of what it classes on-request. A dependency of the truth that one of its addresses is found
for counts as found; what is found and is no on-request dependency of the truth is false. Look-ups of names are left out. Both get the
same flows: those that `faultline scan --flows` logs at the depending host. Only the threshold moves; at each of them
faultline must be ahead in precision and recall together (F1), and below none in either where the other finds anything.
"""
import bisect
import collections
import json
import math
import os

import common
import truthscore
from score_behave import parse_time
from score_lab import recordings

THRESHOLDS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
DNS = 53


class Flow:
    def __init__(self, record):
        self.start, self.end = parse_time(record['start']), parse_time(record['end'])
        self.source, self.target = record['src'], (record['dst'], record['dst_port'], record['transport'])


def flows_of(path):
    with open(path, encoding='utf8') as f:
        return [Flow(json.loads(line)) for line in f]


class Nsdminer:
    """Candidates of one host: (its service, a service elsewhere): (weight shared, weight exclusive, flows to its service)."""

    def __init__(self, flows, own):
        inbound = collections.defaultdict(list)
        for f in flows:
            if f.target[0] in own and f.source not in own:
                inbound[f.target].append((f.start, f.end))
        for list_ in inbound.values():
            list_.sort()
        self.accesses = {s: len(list_) for s, list_ in inbound.items()}
        self.shared, self.exclusive = collections.Counter(), collections.Counter()
        longest = {s: max(e - b for b, e in list_) for s, list_ in inbound.items()}
        for f in flows:
            if f.source not in own or f.target[0] in own:
                continue
            around = [s for s, list_ in inbound.items() if self.is_nested(f, list_, longest[s])]
            for s in around:
                self.shared[s, f.target] += 1 / len(around)
                self.exclusive[s, f.target] += len(around) == 1

    @staticmethod
    def is_nested(flow, list_, longest):
        """Is there a flow in the sorted @list_ that begins before and ends after?"""
        for i in range(bisect.bisect_right(list_, (flow.start, math.inf)) - 1, -1, -1):
            if list_[i][1] >= flow.end:
                return True
            if list_[i][0] < flow.start - longest:
                return False
        return False

    def scores(self, weights, logarithm):
        for (service, target), weight in weights.items():
            n = self.accesses[service]
            if not weight:
                continue
            if not logarithm:
                yield service, target, weight / n
            else: # of one access log is 0: it depends on what it used then
                yield service, target, math.log(max(weight, 1)) / math.log(n) if n > 1 else 1.0


class Found:
    """What one method found: (service of the truth, address, port, transport): score."""

    def __init__(self):
        self.scores = {}

    def add(self, service, target, score):
        if target[1] != DNS:
            key = (service,) + tuple(target)
            self.scores[key] = max(score, self.scores.get(key, 0))


class Tally:
    def __init__(self):
        self.true = self.found = self.false = 0

    def add(self, truth, scores, threshold):
        said = {k for k, s in scores.items() if s >= threshold}
        edges = [{(e['from'], a, e['port'], e['transport']) for a in e['addresses']} for e in truth.edges
                 if 'request' in e['triggers'] and e['port'] != DNS]
        self.true += len(edges)
        self.found += sum(bool(keys & said) for keys in edges)
        self.false += len(said - set().union(*edges))

    @property
    def precision(self):
        return self.found / (self.found + self.false) if self.found + self.false else float('nan')

    @property
    def recall(self):
        return self.found / self.true

    @property
    def f1(self):
        return 2 * self.found / (self.true + self.found + self.false)


METHODS = ['faultline', 'ratio, shared', 'ratio, exclusive', 'log, shared', 'log, exclusive']


def compare(folder, truth, place):
    """Each method's scores for one recording."""
    found = {m: Found() for m in METHODS}
    scans = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith('.pcap.gz'):
            continue
        host = name[:-len('.pcap.gz')]
        scans.append(os.path.join(place, host + '.json'))
        log = os.path.join(place, host + '.flows')
        common.must('scan', '-r', os.path.join(folder, name), '--host', host, '--flows', log, '-o', scans[-1])
        own = {a for h in common.load(scans[-1])['hosts'] if h['name'] == host for a in h['addresses']}
        miner = Nsdminer(flows_of(log), own)
        for mode, weights in (('shared', miner.shared), ('exclusive', miner.exclusive)):
            for word in ('ratio', 'log'):
                for service, target, score in miner.scores(weights, word == 'log'):
                    for s in services_at(truth, host, service):
                        found['%s, %s' % (word, mode)].add(s, target, score)
    for d in common.must_json('deps', *scans)['dependencies']:
        if not d['direct'] or d['class'] != 'on-request':
            continue
        for s in truth.services_of_node(d['from']):
            for a in d['addresses']:
                found['faultline'].add(s, (a, d['port'], d['transport']), 1.0 if d['coupling'] is None else d['coupling'])
    return found


def services_at(truth, host, listener):
    """Truth's service at a listener of a host; those of the host where it knows none there."""
    exact = {s for s in truth.hosts.get(host, ()) for i in truth.services[s]['instances']
             if i['host'] == host and (i['ip'], i['port']) == listener[:2]}
    return exact or truth.hosts.get(host, set())


def main():
    results = common.Results()
    common.need_program(results)
    lab = os.path.join(common.SHARED, 'lab')
    if not os.path.isdir(lab):
        results.skip('NSDMiner on recorded systems', '%s is not there' % lab)
        results.finish()
    tallies = {(m, t): Tally() for m in METHODS for t in THRESHOLDS}
    for name, folder in recordings(lab):
        truth = truthscore.Truth(common.load(os.path.join(folder, 'truth.json')))
        with common.Folder() as temporary:
            found = compare(folder, truth, temporary.path)
        for (m, t), tally in tallies.items():
            tally.add(truth, found[m].scores, t)
    print('  precision / recall of %d on-request dependencies' % tallies[METHODS[0], THRESHOLDS[0]].true)
    print('  %9s' % 'threshold' + ''.join('  %-17s' % m for m in METHODS))
    for t in THRESHOLDS:
        row = [tallies[m, t] for m in METHODS]
        print('  %9g' % t + ''.join('  %-17s' % ('%5.3f / %5.3f' % (r.precision, r.recall)) for r in row))
        ahead = all(row[0].f1 > r.f1 and not row[0].precision < r.precision and row[0].recall >= r.recall for r in row[1:])
        results.check(ahead, 'nsdminer: faultline is ahead at threshold %g' % t,
                      ', '.join('%s F1 %.3f' % (m, r.f1) for m, r in zip(METHODS, row)))
    results.finish()


if __name__ == '__main__':
    main()
