#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the scan reads out of public captures, compared with what tshark reads out of them.

One row a capture, "found/true +false" for each category:
  packets  frames delivered from the file
  tls      (connection, server name) of ClientHellos
  http     (connection, Host) of requests
  dns      (client, resolver, question, type, rcode, CNAME chain, addresses) of answers
  tcp      connections by addresses and ports, each in the right state
  syn      connections whose number of SYN retransmissions is right
  quic     (connection, server name)
A category is compared only where truth or the program has something to say. LATER lists what is not read
yet and why; those rows are printed and do not count.
"""
import collections
import json
import os
import sys

import common

FUZZED = 'bytes were changed at random: what is still a message is a matter of taste'

# capture: {category or '*': reason}
LATER = {
    'ndpi_fuzz-2006-06-26-2594.pcap': {'*': FUZZED},
}
# What is found beyond truth is right there: {capture: {category: reason}}
BEYOND = {
    'moloch_http2-nghttp2.pcap': {'http': 'the request is there (:authority nghttp2.org); tshark shows it only with its frames reassembled'},
    'pcapplusplus_4KHttpRequests.pcap': {'http': 'tshark waits for bodies that were not captured; the header fields were'},
}
RCODES = {0: 'NOERROR', 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED'}
STATES = {
    'established': {'S1', 'SF', 'S2', 'S3', 'RSTO', 'RSTR'},
    'refused': {'REJ'},
    'no_answer': {'S0', 'RSTOS0', 'SH'},
    'half_open': {'S1', 'RSTO', 'RSTR', 'RSTOS0', 'SH'},
    'mid_stream': {'OTH', 'RSTRH', 'SHR'},
    'synack_only': {'OTH', 'SHR', 'RSTRH', 'S1'},
    'one_sided': {'S0', 'SH', 'RSTOS0', 'OTH'},
}
CATEGORIES = ['packets', 'tls', 'http', 'dns', 'tcp', 'syn', 'quic']
FOR_INFORMATION = {}
DUPLICATE_MS = 2.0      # the same packet captured twice


def ends(client, client_port, server, server_port):
    """A connection without its direction."""
    return tuple(sorted([(client, client_port), (server, server_port)]))


def host_of(field):
    """A Host field without its port."""
    field = (field or '').strip().lower()
    if field.startswith('['):
        return field[1:].split(']')[0]
    return field.rsplit(':', 1)[0] if field.count(':') == 1 else field


def plain(name):
    return name.lower().rstrip('.')


class Category:
    def __init__(self):
        self.true, self.found, self.missing, self.extra = 0, 0, [], []

    def sets(self, truth, found, allowed=frozenset()):
        self.true, self.found = len(truth), len(truth & found)
        self.missing, self.extra = sorted(truth - found, key=str), sorted(found - truth - allowed, key=str)
        return self

    @property
    def silent(self):
        return not (self.true or self.extra)

    @property
    def perfect(self):
        return not (self.missing or self.extra)

    def text(self):
        if self.silent:
            return '-'
        return '%d/%d%s' % (self.found, self.true, ' +%d' % len(self.extra) if self.extra else '')


def names_of(flows, source):
    return {(ends(f['src'], f['src_port'], f['dst'], f['dst_port']), host_of(n['name']))
            for f in flows for n in f.get('names') or [] if n['source'] == source}


def true_hellos(entries, field='sni'):
    return {(ends(e['client'], e['client_port'], e['server'], e['server_port']), host_of(e[field]))
            for e in entries if e[field]}


def score_dns(truth, scan):
    true, allowed = set(), set()
    for e in truth['dns']:
        if e['transport'] not in ('udp', 'tcp') or not e['qname']:
            continue
        qname = '.' if e['qname'] == '<Root>' else e['qname']
        qtype = e['qtype'] if not isinstance(e['qtype'], int) else 'TYPE%d' % e['qtype'] # RFC 3597 section 5
        key = (e['client'], e['server'], plain(qname), qtype, RCODES.get(e['rcode'], e['rcode']),
               tuple(plain(n) for n in e['cname_chain']), tuple(sorted(set(e['addresses']))))
        odd = e.get('malformed') or e['opcode'] != 0 or qname.startswith('<')
        (allowed if odd else true).add(key)
    found = {(n['client'], n['resolver'], plain(n['name']), n['type'], n['rcode'],
              tuple(plain(c) for c in n.get('cname_chain') or []), tuple(sorted(set(n.get('addresses') or []))))
             for n in scan.get('names') or []}
    asked = {(k[0], k[2]) for k in allowed}
    return Category().sets(true, found, {f for f in found if (f[0], f[2]) in asked})


def score_tcp(truth, flows):
    """Each true connection takes one flow of the same ends that has a fitting state."""
    tcp, syn = Category(), Category()
    free = collections.defaultdict(list)
    for flow in flows:
        if flow['transport'] == 'tcp':
            free[ends(flow['src'], flow['src_port'], flow['dst'], flow['dst_port'])].append(flow)
    known = set()
    for c in truth['tcp']:
        key = ends(c['client'], c['client_port'], c['server'], c['server_port'])
        known.add(key)
        tcp.true += 1
        fitting = [f for f in free[key] if f['conn_state'] in STATES[c['state']] and
                   (c['basis'] != 'syn' or (f['src'], f['src_port']) == (c['client'], c['client_port']))]
        if not fitting:
            tcp.missing.append((key, c['state'], [f['conn_state'] for f in free[key]]))
            continue
        flow = fitting[0]
        free[key].remove(flow)
        tcp.found += 1
        expected = true_retransmits(c)
        if expected is not None:
            syn.true += 1
            if flow['syn_retransmits'] == expected:
                syn.found += 1
            else:
                syn.missing.append((key, 'retransmits', expected, 'not', flow['syn_retransmits']))
    tcp.extra = sorted(key for key in free if key not in known)
    return tcp, syn


def true_retransmits(connection):
    """SYNs of the same sequence number, copies of one packet left out; None where truth cannot say."""
    if not connection['syn'] or connection['syn_packets'] < 2:
        return None
    gaps = connection.get('syn_gaps_ms') or []
    if connection['syn_retransmits'] != len(gaps):
        return None
    return sum(gap > DUPLICATE_MS for gap in gaps)


def corrected(truth, corrections):
    for c in corrections:
        if 'missing' in c:
            truth[c['part']].append(c['missing'])
    return truth


def score(capture, truth, folder):
    flows_file, scan_file = folder.file('flows'), folder.file('scan')
    common.must('scan', '-r', capture, '--flows', flows_file, '-o', scan_file)
    with open(flows_file, encoding='utf8') as f:
        flows = [json.loads(line) for line in f]
    scan = common.load(scan_file)
    tcp, syn = score_tcp(truth, flows)
    packets = Category()
    packets.true, packets.found = truth['packets'], scan['coverage']['packets']
    packets.missing = [] if packets.true == packets.found else ['packets']
    return {'packets': packets, 'tcp': tcp, 'syn': syn, 'dns': score_dns(truth, scan),
            'tls': Category().sets(true_hellos(truth['tls']), names_of(flows, 'tls-sni')),
            'http': Category().sets(true_hellos(truth['http'] + truth['http2_requests'], 'host'),
                                    names_of(flows, 'http-host')),
            'quic': Category().sets(true_hellos(truth['quic']), names_of(flows, 'quic-sni'))}


def captures(corpus):
    for folder in (corpus, os.path.join(corpus, 'derived'), os.path.join(corpus, 'big', 'src')):
        truths = os.path.join(folder, 'truth')
        for name in sorted(os.listdir(truths)) if os.path.isdir(truths) else []:
            if name.endswith('.json'):
                yield name[:-len('.json')], os.path.join(folder, name[:-len('.json')]), os.path.join(truths, name)


def judge(results, name, row, totals):
    later = LATER.get(name, {})
    for category in CATEGORIES:
        c = row[category]
        if c.extra and category in BEYOND.get(name, {}):
            common.note('%s: %d beyond truth: %s' % (category, len(c.extra), BEYOND[name][category]))
            c.extra = []
        reason = later.get('*') or later.get(category) or FOR_INFORMATION.get(category)
        if c.silent:
            continue
        kind = 'later' if reason else 'now'
        totals[kind, category][0] += c.found
        totals[kind, category][1] += c.true
        totals[kind, category][2] += len(c.extra)
        if reason:
            if not c.perfect:
                common.note('later: %s: %s' % (category, reason))
            continue
        for missing in c.missing[:4]:
            common.note('%s: missing or wrong: %s' % (category, missing))
        for extra in c.extra[:4]:
            common.note('%s: not true: %s' % (category, extra))
        results.check(c.perfect, '%s of %s' % (category, name), c.text())


def main():
    results = common.Results()
    common.need_program(results)
    corpus = os.path.join(common.SHARED, 'corpus')
    if not os.path.isdir(corpus):
        results.skip('public captures', '%s is not there' % corpus)
        results.finish()
    corrections = common.load(os.path.join(corpus, 'corrections.json'))
    layout = '%-62s' + ' %13s' * len(CATEGORIES)
    print(layout % tuple(['capture'] + CATEGORIES))
    totals = collections.defaultdict(lambda: [0, 0, 0])
    for name, capture, truth_file in captures(corpus):
        if sys.argv[1:] and not any(w in name for w in sys.argv[1:]):
            continue
        truth = corrected(common.load(truth_file), corrections.get(name, []))
        truth['http2_requests'] = [dict(e, host=e['authority']) for e in truth['http2']]
        with common.Folder() as folder:
            try:
                row = score(capture, truth, folder)
            except common.Ended as e:
                if '*' in LATER.get(name, {}):
                    common.note('later: %s: %s (%s)' % (name, LATER[name]['*'], e))
                else:
                    results.bad('%s can be read' % name, e)
                continue
        print(layout % tuple([name] + [row[c].text() for c in CATEGORIES]), flush=True)
        judge(results, name, row, totals)
    for kind in ('now', 'later'):
        print(layout % tuple(['all, ' + kind] + ['%d/%d +%d' % tuple(totals[kind, c]) for c in CATEGORIES]))
    results.finish()


if __name__ == '__main__':
    main()
