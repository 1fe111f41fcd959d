#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What `faultline behave` finds in recordings of small systems, compared with what is true of each.

A line for each thing that can be known from the packets: retry class, attempts and pauses of callers whose calls failed,
timeouts that somebody ran into, calls per request, the order in which a stall spread and for how long, failures that nobody
saw, slopes, and what must not be said. Numbers within 10 % (slopes 25 %), classes, attempts and orders exact. Where nothing
happens there must be no finding.

    score_behave.py [--all] [NAME...]     only recordings with NAME in their path; --all: every line, also those that hold
"""
import json
import os
import sys

import common
import truthscore
from score_lab import recordings

QUIET = 'no finding where nothing happens'
KINDS = {'retry', 'timeout', 'failover', 'stall', 'silent-failure', 'outage', 'trend', 'fan-out'}
FEW = 5                 # failures: below, the program need not commit itself
WITHIN, SLOPE_WITHIN = 0.10, 0.25
NOTICE_S = 0.02         # of pauses: what a program takes to try again


def near(got, wanted, within=WITHIN, floor=0.0):
    return got is not None and abs(got - wanted) <= max(within * abs(wanted), floor)


class Judge:
    def __init__(self, results, name, truth, answer, ask):
        self.results, self.name, self.truth, self.answer = results, name, truth, answer
        self.ask = ask          # behave of the same scans with a model
        self.findings = answer['findings']
        self.lines = []         # (what, wanted, found, holds)

    # ---- naming ----

    def services(self, node):
        """Truth's services behind a node id; an external endpoint gives the service of its name."""
        if node is None:
            return set()
        if node.startswith('service:'):
            return self.truth.services_of_node(node)
        return {e['to'] for e in self.truth.edges if self.is_end(node, e)}

    @staticmethod
    def is_end(node, edge):
        kind, _, rest = node.partition(':')
        if kind == 'resolver':
            return truthscore.Truth.is_resolution(edge) and rest in edge['addresses']
        host, _, port = rest.rpartition(':')
        ends = [edge['name']] if edge['name'] else edge['addresses']
        return kind == 'endpoint' and host in ends and port == '%d/%s' % (edge['port'], edge['transport'])

    def of(self, kind, source, target, findings=None):
        """Findings of this kind about calls of @source to @target (services of the truth)."""
        edges = [e for e in self.truth.edges if e['from'] == source and e['to'] == target]
        return [f for f in (self.findings if findings is None else findings) if (kind is None or f['kind'] == kind) and
                f['from'] and source in self.services(f['from']) and any(self.is_end(f['to'], e) for e in edges)]

    def say(self, what, wanted, found, holds):
        self.lines.append((what, wanted, found, holds))

    # ---- calls ----

    def measured(self, source, target):
        """What the whole recording measured of a dependency, over all of its parts."""
        return [d for k, d in (self.truth.data['whole_recording'].get('dependencies') or {}).items()
                if k == '%s->%s' % (source, target)]

    def retries(self):
        for d in self.truth.data['dependencies']:
            kind = (d.get('retry') or {}).get('kind')
            for m in self.measured(d['from'], d['to']):
                failed = sum(n for o, n in m.get('outcomes', {}).items() if not o.startswith(('2', '4')))
                found = self.of('retry', d['from'], d['to'])
                what = 'retry %s->%s' % (d['from'], d['to'])
                if kind in (None, 'none'):
                    said = {f['class'] for f in found} - {'none'}
                    if failed or said:
                        self.say(what, 'none', ', '.join(sorted(said)) or 'none', not said)
                elif failed >= FEW:
                    self.schedule(what, d, m, found)

    def schedule(self, what, d, m, found):
        kind, attempts = d['retry']['kind'], d['retry']['max'] + 1
        said = ['%s x%s' % (f['class'], f['attempts']) for f in found]
        holds = len(found) == 1 and fits_class(found[0]['class'], kind) and found[0]['attempts'] == attempts
        self.say(what, '%s x%d' % (kind, attempts), ', '.join(said) or '-', holds)
        if not found:
            return
        pauses = {k: v['p50'] / 1e3 for k, v in (m.get('retry_gaps_ms') or {}).items() if k.isdigit()}
        gaps = found[0]['gaps_s']
        for k, wanted in sorted(pauses.items()):
            got = gaps[int(k) - 1] if len(gaps) >= int(k) else None
            self.say('%s pause %s' % (what, k), '%.4g s' % wanted, '-' if got is None else '%.4g s' % got,
                     near(got, wanted, floor=NOTICE_S))

    def timeouts(self):
        for d in self.truth.data['dependencies']:
            for m in self.measured(d['from'], d['to']):
                for phase, outcome, limit in (('connect', 'connect-timeout', d.get('connect_timeout_ms')),
                                              ('response', 'timeout', d.get('timeout_ms'))):
                    count = m.get('outcomes', {}).get(outcome, 0)
                    found = [f for f in self.of('timeout', d['from'], d['to']) if f['phase'] == phase]
                    if not limit or not (count >= FEW or found):
                        continue
                    self.say('%s timeout %s->%s' % (phase, d['from'], d['to']), '%.4g s' % (limit / 1e3),
                             ', '.join('%.4g s' % f['seconds'] for f in found) or '-',
                             len(found) == 1 and near(found[0]['seconds'], limit / 1e3))

    def fan_outs(self):
        for e in self.truth.edges:
            wanted = e.get('calls_per_inbound_request')
            if e['triggers'] != ['request'] or not wanted:
                continue
            of_edge = [d for d in self.answer['dependencies'] if e['from'] in self.services(d['from']) and
                       self.is_end(d['to'], e) and d['fan_out'] is not None]
            got = max((d['fan_out'] for d in of_edge), default=None)
            self.say('calls per request %s->%s' % (e['from'], e['to']), '%.3g' % wanted, '-' if got is None else '%.3g' % got,
                     near(got, wanted, floor=0.02))

    # ---- events ----

    def event(self, event):
        facts = {f['id']: f for f in event['conclusions'].get('facts', [])}
        during = [f for f in self.findings if common_time(f, event)]
        if 'order' in facts:
            self.stall(event, facts, during)
        if 'latency-slope' in facts or 'in-flight-slope' in facts:
            self.trend(facts)
        if 'forecast' in facts:
            self.forecast(event, facts)
        if 'silent' in facts:
            source, target = facts['dead-dependency']['where'].split('->')
            found = self.of('silent-failure', source, target, during)
            self.say('silent failure %s->%s' % (source, target), 'yes', 'yes' if found else '-', len(found) == 1)
            if found:
                got = seconds(found[0])
                self.say('its length', '%.3g s' % facts['duration']['value'], '%.3g s' % got, near(got, facts['duration']['value']))
        if 'amplification' in facts:
            for edge, wanted in facts['amplification']['value'].items():
                found = self.of('retry', *edge.split('->'))
                got = found[0]['amplification'] if found else None
                self.say('amplification %s' % edge, '%.3g' % wanted, '-' if got is None else '%.3g' % got, near(got, wanted))
        if 'real-failover' in facts:
            for source in {d['from'] for d in self.truth.data['dependencies'] if d['to'] == 'scoring' and d.get('connect_timeout_ms')}:
                found = self.of('failover', source, 'scoring')
                self.say('fail-over %s->scoring' % source, 'confirmed', ', '.join('confirmed' if f['confirmed'] else 'not confirmed'
                                                                                  for f in found) or '-',
                         bool(found) and all(f['confirmed'] for f in found))
        self.must_not(event, facts)

    def stall(self, event, facts, during):
        found = [f for f in during if f['kind'] == 'stall']
        source, target = facts['origin']['where'].split('->')
        first = found[0] if found else None
        self.say('stalls', '1', '%d' % len(found), len(found) == 1)
        if not first:
            return
        at_origin = bool(self.of('stall', source, target, [first]))
        self.say('stall began at', '%s->%s' % (source, target), '%s -> %s' % (first['from'], first['to']), at_origin)
        order = []
        for node in first['order']:
            service = '/'.join(sorted(self.services(node))) or node
            order += [service] if service not in order else []
        wanted = [target, source]
        while len(wanted) < 32 and any(self.climbs(e, wanted) for e in self.truth.edges):
            wanted.append(next(e['from'] for e in self.truth.edges if self.climbs(e, wanted)))
        self.say('stall order', ' > '.join(wanted), ' > '.join(order), order == wanted)
        self.say('stall length', '%.3g s' % facts['duration']['value'], '%.3g s' % seconds(first),
                 near(seconds(first), facts['duration']['value']))
        peak = max(e['stuck'] for e in event.get('stall_order', [{'stuck': 0}]))
        self.say('most in flight', '~%d' % peak, '%.0f' % first['in_flight_peak'], near(first['in_flight_peak'], peak))

    @staticmethod
    def climbs(edge, order):
        return edge['to'] == order[-1] and edge['from'] not in order and edge['triggers'] != ['name resolution']

    def trend(self, facts):
        source, target = facts['origin']['where'].split('->')
        for quantity, fact, unit in (('latency', 'latency-slope', 1e3), ('in-flight', 'in-flight-slope', 1)):
            if fact not in facts:
                continue
            wanted = facts[fact].get('recorded_value', facts[fact]['value']) / unit
            found = [f for f in self.of('trend', source, target) if f['quantity'] == quantity]
            got = found[0]['slope_per_s'] if found else None
            self.say('%s slope %s->%s' % (quantity, source, target), '%.4g/s' % wanted, '-' if got is None else '%.4g/s' % got,
                     len(found) == 1 and near(got, wanted, SLOPE_WITHIN))

    def forecast(self, event, facts):
        """When the pool is used up, its size being declared in a model."""
        source, target = facts['origin']['where'].split('->')
        edge = next(d for d in self.truth.data['dependencies'] if (d['from'], d['to']) == (source, target))
        pool = int(edge['connections'].rsplit(' ', 1)[1])
        found = [f for f in self.of('trend', source, target) if f['quantity'] == 'in-flight']
        if not found:
            return
        model = {'schema': 'faultline.model/1',
                 'dependencies': [{'from': found[0]['from'], 'to': found[0]['to'], 'in_flight': pool}]}
        found = [f for f in self.of('trend', source, target, self.ask(model)) if f['quantity'] == 'in-flight']
        wanted, got = facts['forecast'], None
        if found and found[0]['limit_in_s'] is not None:
            got = parse_time(found[0]['end']) + found[0]['limit_in_s'] - event['t']
        self.say('pool of %d used up after' % pool, '%d +- %d s' % (wanted['value'], wanted['tolerance']),
                 '-' if got is None else '%.0f s' % got, got is not None and abs(got - wanted['value']) <= wanted['tolerance'])

    def must_not(self, event, facts):
        """Whom no stall, trend or outage may begin with, and what may not be called growing."""
        text = ' '.join(event['conclusions'].get('must_not', []))
        if 'blame more traffic' in text:
            rates = [f for f in self.findings if f['kind'] == 'trend' and f['quantity'] == 'rate']
            self.say('more traffic is not blamed', '-', '%d' % len(rates) if rates else '-', not rates)
        if 'origin' in facts and 'where' in facts['origin']:
            source, target = facts['origin']['where'].split('->')
            kinds = {'stall', 'trend'}
            others = [f for f in self.findings if f['kind'] in kinds and not self.of(f['kind'], source, target, [f])]
            self.say('nothing else is blamed', '-', ', '.join('%s > %s' % (f['from'], f['to']) for f in others) or '-', not others)
        if 'call the database down' in text:
            down = [f for f in self.findings if f['kind'] in ('outage', 'silent-failure') and 'db' in self.services(f['to'])]
            self.say('the database is not called down', '-', '%d' % len(down) if down else '-', not down)
        if 'stays healthy' in text:
            ill = [f for f in self.findings if any('db' in s for s in self.services(f['to']))]
            self.say('the database stays healthy', '-', '%d' % len(ill) if ill else '-', not ill)

    # ---- all ----

    def run(self):
        data = self.truth.data
        self.retries()
        self.timeouts()
        self.fan_outs()
        for event in data['events']:
            self.event(event)
        if not data['events'] and data.get('phase') != 'after':
            said = ['%s %s > %s' % (f['kind'], f['from'], f['to']) for f in self.findings if f['kind'] in KINDS]
            self.say(QUIET, '-', ', '.join(said) or '-', not said)
        if not data['events'] and data.get('phase') == 'after':
            extra = [f for f in self.findings if f['kind'] in ('stall', 'trend', 'silent-failure', 'failover')]
            self.say('no stall, trend, silent failure or fail-over', '-', ', '.join(f['kind'] for f in extra) or '-', not extra)
        return self


def fits_class(found, kind):
    """"exponential-jitter" of the program, "exponential with jitter" or "jittered" of the truth."""
    words = kind.replace('-', ' ').replace('_', ' ').split()
    jitter = any(w.startswith(('jitter', 'full')) for w in words)
    base = [w for w in words if w in ('none', 'immediate', 'fixed', 'linear', 'exponential')]
    return (not base or found.split('-')[0] == base[0]) and ('jitter' in found) == jitter


def parse_time(text):
    import datetime
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def seconds(finding):
    return parse_time(finding['end']) - parse_time(finding['start'])


def common_time(finding, event):
    return parse_time(finding['start']) <= event['until'] and parse_time(finding['end']) >= event['t']


def table(judge, everything):
    shown = [line for line in judge.lines if everything or not line[3] or not line[0].startswith('calls per request')]
    ratios = [line for line in judge.lines if line[0].startswith('calls per request')]
    for what, wanted, found, holds in shown:
        print('  %-44s %-34s %-44s %s' % (what[:44], wanted[:34], found[:60], '' if holds else 'WRONG'))
    if ratios and not everything:
        print('  %-44s %-34s %-44s' % ('calls per request', '%d dependencies' % len(ratios),
                                       '%d within 10 %%' % sum(r[3] for r in ratios)))


def main():
    results = common.Results()
    common.need_program(results)
    lab = os.path.join(common.SHARED, 'lab')
    wanted = [a for a in sys.argv[1:] if a != '--all']
    if not os.path.isdir(lab):
        results.skip('behaviour of recorded systems', '%s is not there' % lab)
        results.finish()
    print('  %-44s %-34s %s' % ('', 'true', 'found'))
    for name, folder in recordings(lab):
        if wanted and not any(w in name for w in wanted):
            continue
        with common.Folder() as temporary:
            try:
                scans = common.scan_hosts(folder, temporary.path)
                answer = common.must_json('behave', *scans)
                truth = truthscore.Truth(common.load(os.path.join(folder, 'truth.json')))
                judge = Judge(results, name, truth, answer, lambda model: common.must_json(
                    'behave', *scans, '--model', temporary.write('model.txt', json.dumps(model)))['findings']).run()
            except common.Ended as e:
                results.bad('behave: ' + name, e)
                continue
        print(name)
        table(judge, '--all' in sys.argv)
        wrong = [line for line in judge.lines if not line[3]]
        results.check(not wrong, 'behave: %s: all %d things that can be known' % (name, len(judge.lines)),
                      '; '.join('%s: %s, not %s' % (w[0], w[2], w[1]) for w in wrong))
    results.finish()


if __name__ == '__main__':
    main()
