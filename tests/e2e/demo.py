#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The demo shop's recordings give its truth, and the hidden vendor stands in the report."""
import os

import common
import truthscore

HIDDEN = 'api.mapfold.example'


def findings(results, folder):
    scans = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith('.json')]
    ranking = common.must_json('rank', *scans)
    nodes = [s['node'] for s in ranking['spofs']]
    results.check(any(HIDDEN in node for node in nodes), 'demo: the hidden geocoder is a single point of failure', nodes)
    results.check(not any('api.coinport.example' in node for node in nodes if node.startswith('address:')),
                  'demo: no single address of the payments vendor is one', nodes)
    results.check(not any(node.split('/')[0] in ('service:api1', 'service:api2', 'host:api1', 'host:api2')
                          for node in nodes), 'demo: neither of the two api hosts is one', nodes)
    blast = common.must_json('blast', HIDDEN, *scans)
    results.check(any('edge' in node for node in blast['entry_points_lost']),
                  'demo: the geocoder takes the entry point down', blast['entry_points_lost'])
    below = common.must_json('deps', '--of', 'edge', *scans)['dependencies']
    mine = [d for d in below if d.get('name') == HIDDEN]
    results.check(len(mine) == 1 and not mine[0]['direct'] and mine[0]['provider'] == 'edgegrid.example' and
                  mine[0]['cname_chain'] == ['mapfold.edgegrid.example', 'pop7.edgegrid.example'],
                  'demo: edge depends on the geocoder, with its chain and provider', mine)


def main():
    results = common.Results()
    common.need_program(results)
    with common.Folder() as folder:
        try:
            score = truthscore.score(common.DEMO, common.load(os.path.join(common.DEMO, 'truth.json')), folder.path)
            for heading, text in zip(truthscore.HEADINGS[1:], score.columns()):
                common.note('%-10s %s' % (heading, text))
            score.explain()
            results.check(score.perfect, 'demo: dependencies are those of its truth', 'see above')
            findings(results, folder.path)
        except common.Ended as e:
            results.bad('demo: the commands work', e)
    results.finish()


if __name__ == '__main__':
    main()
