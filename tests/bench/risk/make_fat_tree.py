#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A three-stage fat tree of k-port switches as a failure graph: make_fat_tree.py K > graph.json

k pods of k/2 racks and k/2 aggregation switches, (k/2)^2 core switches, k/2 servers a rack. Every server is a
replica of the service: node "service" needs one of them, and each needs a way up to a core switch. Cut sets
are made of S (servers), T (top of rack), A (aggregation) and C (core).
"""
import sys


def main():
    k = int(sys.argv[1])
    half = k // 2
    nodes, groups = [], []

    def device(name, p):
        nodes.append('{"id":"%s","kind":"device","failure_probability":%g}' % (name, p))

    def up(name, own, members):
        nodes.append('{"id":"%s","kind":"path"}' % name)
        groups.append('{"of":"%s","needs":1,"members":["%s"]}' % (name, own))
        groups.append('{"of":"%s","needs":1,"members":[%s]}' % (name, ','.join('"%s"' % m for m in members)))

    for core in range(half * half):
        device('C%d' % core, 0.01)
    replicas = []
    for pod in range(k):
        for a in range(half):
            device('A%d.%d' % (pod, a), 0.01)
            up('up.A%d.%d' % (pod, a), 'A%d.%d' % (pod, a), ['C%d' % (a * half + c) for c in range(half)])
        for t in range(half):
            device('T%d.%d' % (pod, t), 0.01)
            up('up.T%d.%d' % (pod, t), 'T%d.%d' % (pod, t), ['up.A%d.%d' % (pod, a) for a in range(half)])
            for s in range(half):
                name = 'S%d.%d.%d' % (pod, t, s)
                device(name, 0.02)
                up('replica.' + name, name, ['up.T%d.%d' % (pod, t)])
                replicas.append('replica.' + name)
    nodes.append('{"id":"service","kind":"service"}')
    groups.append('{"of":"service","needs":1,"members":[%s]}' % ','.join('"%s"' % r for r in replicas))
    print('{"schema":"faultline.graph/1","nodes":[\n%s\n],"requirements":[\n%s\n]}'
          % (',\n'.join(nodes), ',\n'.join(groups)))


if __name__ == '__main__':
    main()
