#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shared fate in recordings with known truth; the model file and path on the demo shop."""
import json
import os

import common

PLACES = {'host', 'address', 'provider', 'zone', 'member', 'requirement'}


def recordings(lab):
    for folder, _, files in sorted(os.walk(lab)):
        if 'truth.json' in files:
            yield os.path.relpath(folder, lab), folder


def name_of(member):
    """The bare name or address of a node id."""
    text = member.split(':', 1)[1]
    return text.rsplit(':', 1)[0] if member.startswith('endpoint:') else text


def fits(truth, fate):
    """Is @fate what this entry of truth's shared_fate says?"""
    members = {name_of(m) for m in fate['members']}
    if truth['kind'] == 'external names on the same address':
        return (fate['kind'] == 'address' and fate['shares'].split(':', 1)[1] in truth['addresses'] and
                members == set(truth['names']) and fate['common_names'] == truth['common_cnames'])
    if truth['kind'] == 'replicas on one host':
        addresses = {i.rsplit(':', 1)[0] for i in truth['instances']}
        on_host = all(m.startswith('service:%s/' % truth['host']) for m in fate['members'])
        return (fate['kind'] == 'host' and fate['shares'] == 'host:' + truth['host'] and
                (members == addresses or on_host) and fate['breaks'] == truth['all_replicas'])
    return False


def lab(results):
    folder = os.path.join(common.SHARED, 'lab')
    if not os.path.isdir(folder):
        results.skip('shared fate of recorded systems', '%s is not there' % folder)
        return
    for name, place in recordings(folder):
        truth = common.load(os.path.join(place, 'truth.json'))
        with common.Folder() as temporary:
            scans = common.scan_hosts(place, temporary.path)
            found = common.must_json('shared', *scans)
        fates = found['shared_fate']
        missing = [t for t in truth['shared_fate'] if not any(fits(t, f) for f in fates)]
        extra = [f['why'] for f in fates
                 if f['kind'] in PLACES and not any(fits(t, f) for t in truth['shared_fate'])]
        results.check(not missing, 'shared: %s: all %d shared fates of its truth' % (name, len(truth['shared_fate'])),
                      missing)
        results.check(not extra, 'shared: %s: no other place, member or requirement in common' % name, extra)
        if truth['shared_fate']:
            first = found['separate_first'][0] if found['separate_first'] else {}
            results.check(first.get('drop', 0) > 0, 'shared: %s: a separation is proposed' % name, found)


MODEL = """{
  // the shop
  "schema": "faultline.model/1",
  "renames": [{"from": "service:edge/port-80", "to": "service:edge/nginx"}],
  "zones": [{"name": "rack", "members": ["host:api1", "host:api2", "host:nowhere"]}],
  "dependencies": [{"from": "geo", "to": "api.mapfold.example", "required": false}, /* cached */],
  "groups": [{"of": "edge/nginx", "needs": 9}],
  "owners": [{"node": "host:*", "owner": "hosting"}],
}
"""


def model(results, scans, folder):
    plain = common.must_json('rank', *scans)
    file = folder.write('shop.model.json', MODEL)
    ranking = common.must_json('rank', '--model', file, *scans)
    nodes = {s['node']: s for s in ranking['spofs']}
    results.check(any('mapfold' in s['node'] for s in plain['spofs']) and not any('mapfold' in n for n in nodes),
                  'model: what is stated as optional is no single point of failure', list(nodes))
    results.check('service:edge/nginx' in nodes and 'zone:rack' in nodes, 'model: new names and zones are ranked',
                  list(nodes))
    results.check(nodes.get('host:edge', {}).get('owner') == 'hosting', 'model: owners stand in the ranking', nodes)
    outcome = ranking['model']
    results.check([r['place'] for r in outcome['unsupported']] == ['%s:5:68' % file],
                  'model: an unknown host is reported with its place', outcome)
    results.check([r['statement'] for r in outcome['contradicted']] == ['groups[0]'],
                  'model: needs above the members are reported', outcome)
    for command in (['graph'], ['deps', '--json'], ['rank'], ['blast', 'zone:rack'], ['shared'],
                    ['path', 'nginx', 'zone:rack'], ['report', '-o', folder.file('report.md')]):
        result = common.run(*command, '--model', file, *scans)
        warned = common.said(result).count(file + ':5:68: ')
        results.check(result.returncode == 0 and warned == 1, 'model: %s takes it and warns once' % command[0],
                      common.said(result))
    zones = folder.write('zones.json', MODEL.replace('"needs": 9', '"needs": 1'))
    fates = common.must_json('shared', '--model', zones, *scans)['shared_fate']
    results.check(any(f['shares'] == 'zone:rack' and f['kind'] == 'zone' for f in fates),
                  'model: replicas in one zone share it', fates)
    for text, place in (('{"schema": "faultline.model/1",\n "zones": 3}', ':2:11: '), ('{ /* ', ':1:3: '),
                        ('{"schema": "faultline.scan/1"}', 'faultline.model/1'), ('', '')):
        result = common.run('rank', '--model', folder.write('bad.json', text), *scans)
        results.check(result.returncode == 2 and place in common.said(result) and '\n' not in common.said(result),
                      'model: %s is an error of one line with its place' % json.dumps(text), common.said(result))
    result = common.run('rank', '--model', folder.file('absent.json'), *scans)
    results.check(result.returncode == 2, 'model: an absent file is an error', common.said(result))


def path(results, scans):
    way = common.must_json('path', 'edge', 'api.mapfold.example', *scans)
    nodes = way['strongest']['nodes']
    results.check(nodes[0] == 'service:edge/port-80' and nodes[-1] == 'endpoint:api.mapfold.example:443/tcp' and
                  any('geo' in n for n in nodes), 'path: edge reaches the hidden vendor by way of geo', nodes)
    seen = [link for link in way['shortest']['links'] if link.get('exchanges')]
    results.check(len(seen) >= 3 and all(link['first_seen'] and link['last_seen'] and link['attribution']
                                         for link in seen), 'path: links carry what was seen', way['shortest'])
    product = 1
    for link in way['strongest']['links']:
        product *= link['coupling']
    results.check(abs(product - way['strongest']['coupling']) < 1e-9, 'path: its strength is the product', way)
    back = common.must_json('path', 'api.mapfold.example', 'edge', *scans)
    results.check(back['shortest'] is None and back['reverse'], 'path: the other way round there is none', back)
    result = common.run('path', 'edge', 'nosuchthing', *scans)
    results.check(result.returncode == 2, 'path: an unknown node is an error', common.said(result))


def main():
    results = common.Results()
    common.need_program(results)
    try:
        lab(results)
        with common.Folder() as folder:
            scans = common.scan_hosts(common.DEMO, folder.file('scans'))
            model(results, scans, folder)
            path(results, scans)
    except common.Ended as e:
        results.bad('shared, model, path: the commands work', e)
    results.finish()


if __name__ == '__main__':
    main()
