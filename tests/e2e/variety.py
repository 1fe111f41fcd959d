#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Made recordings of many kinds (simnet.py): what `behave` must not say of healthy ones, and what it says of storms.

    variety.py [healthy | storms] [SEED]

Healthy systems (bursts, cron jobs, restarts, long polling, idle connections closed by the server ...) give no finding. Of storms whose
retry policy is known the attempts and pauses that are said must be right; saying that they cannot be told is fine, and counted.
"""
import math
import os
import random
import sys

import common
from simnet import (Client, Hang, Net, Policy, Reset, asyncio, now, run, users, web)

EDGE, API, DB, RESOLVER, VENDOR = '10.60.1.2', '10.60.2.2', '10.60.3.2', '10.60.9.53', '203.0.113.5'
NAME = 'v.vendor-a.example'
POLICIES = {'exponential': [.1, .2, .4], 'fixed': [.2, .2], 'immediate': [0, 0], 'none': [], 'linear': [.1, .2, .3],
            'slow': [1, 2], 'long': [.05, .1, .2, .4], 'once': [.5]}


def behave(net):
    with common.Folder() as folder:
        scans = []
        for path in net.write(folder.path):
            scans.append(path + '.json')
            common.must('scan', '-r', path, '--host', os.path.basename(path)[:-5], '--host-addr',
                        {v: k for k, v in net.names.items()}[os.path.basename(path)[:-5]], '-o', scans[-1])
        return common.must_json('behave', *scans)['findings']


# ---- healthy ----

def healthy(seed, seconds=60, rate=lambda t: 8, extra=None, idle_s=None, think=lambda d: d.uniform(.001, .004)):
    net = Net(seed)
    for name, address in (('edge', EDGE), ('api', API), ('db', DB)):
        net.host(name, address)
    net.resolver, net.zone[NAME], dice = RESOLVER, ([], [VENDOR]), net.dice

    async def answer_after(median_s):
        await asyncio.sleep(dice.lognormvariate(math.log(median_s), .4))
        return 200

    async def system():
        web(net, VENDOR, 443, lambda _: answer_after(.02), tls=True)
        web(net, DB, 7000, lambda _: answer_after(.003), idle_s=idle_s)
        vendor, db, front = Client(net, API, 443, NAME, tls=True), Client(net, API, 7000, address=DB), Client(net, EDGE, 8010, address=API)

        async def api(target):
            await asyncio.sleep(think(dice))
            await db.get('/q' + target)
            if dice.random() < .5:
                await vendor.get(target)
            return 200

        async def edge(target):
            try:
                return await front.get(target)
            except (OSError, asyncio.TimeoutError):
                return 502
        web(net, API, 8010, api, idle_s=15)
        web(net, EDGE, 80, edge)
        if extra:
            asyncio.ensure_future(extra(net, db))
        people = [Client(net, '198.51.100.%d' % k, 80, address=EDGE, pool=k % 2 == 0) for k in range(1, 9)]
        await users(net, lambda: dice.choice(people), lambda n: '/item/%d' % (n % 40), rate, seconds)
        await asyncio.sleep(2)
    run(system(), seconds + 30)
    return behave(net)


async def cron(_net, db):
    while True:
        await asyncio.sleep(10)
        for i in range(30):
            await db.get('/batch/%d' % i)


async def restart(net, _db):
    await asyncio.sleep(25)
    program = net.listeners.pop((API, 8010))
    await asyncio.sleep(.8)
    net.listeners[API, 8010] = program


async def long_polling(net, _db):
    async def wait(_target):
        await asyncio.sleep(net.dice.uniform(10, 25))
        return 200
    web(net, API, 8020, wait)

    async def ask(k):
        client = Client(net, '198.51.100.%d' % (40 + k), 8020, address=API, timeout=40)
        while True:
            await client.get('/events')
    for k in range(15):
        asyncio.ensure_future(ask(k))


HEALTHY = {
    'a steady rate': {}, 'bursts': {'rate': lambda t: 40 if int(t) % 12 < 2 else 3},
    'rates that go up and down': {'rate': lambda t: 8 + 6 * math.sin(t / 60 * 6.28)},
    'one request a second': {'rate': lambda t: 1}, 'many requests a second': {'rate': lambda t: 120, 'seconds': 20},
    'a cron job': {'extra': cron}, 'a restart': {'extra': restart}, 'long polling': {'extra': long_polling, 'seconds': 90},
    'idle connections closed by the server': {'idle_s': 1, 'rate': lambda t: 40 if int(t) % 10 < 2 else 1},
    'nobody there for a while': {'rate': lambda t: 0 if 20 < t < 35 else 10},
    'some answers that take long': {'think': lambda d: min(6, .003 * d.paretovariate(.9))},
    'users who leave': {'rate': lambda t: 12 if t < 40 else 0},
}


# ---- storms ----

def storm(seed, kind, rate, pauses, jitter, well, ill):
    net = Net(seed)
    net.host('api', API)
    net.resolver, net.zone[NAME], tls = RESOLVER, ([], [VENDOR]), kind in ('reset', 'sealed hang')

    async def vendor(_target):
        await asyncio.sleep(net.dice.uniform(.005, .015))
        if not well <= now() < well + ill:
            return 200
        if kind == 'reset':
            raise Reset
        if 'hang' in kind:
            raise Hang
        return 503

    async def refuse():
        program = net.listeners[VENDOR, 443]
        await asyncio.sleep(well)
        del net.listeners[VENDOR, 443]
        await asyncio.sleep(ill)
        net.listeners[VENDOR, 443] = program

    async def system():
        web(net, VENDOR, 443, vendor, tls=tls)
        if kind == 'refuse':
            asyncio.ensure_future(refuse())
        client, policy = Client(net, API, 443, NAME, tls=tls, timeout=.5, pool=kind != 'refuse'), Policy(pauses, jitter)

        async def api(target):
            await asyncio.sleep(net.dice.uniform(.001, .004))
            return 200 if await policy.call(client, target) else 502
        web(net, API, 8010, api)
        user = Client(net, '198.51.100.7', 8010, address=API)
        await users(net, lambda: user, lambda n: '/item', lambda t: rate, 2 * well + ill)
        await asyncio.sleep(3)
    run(system(), 2 * well + ill + 30)
    return behave(net)


def verdict(findings, pauses, jitter):
    """right, wrong or not told."""
    said = [f for f in findings if f['kind'] == 'retry']
    if not said or said[0]['class'] == 'unknown':
        return 'not told'
    wanted, gaps = [p * (1 - jitter / 2) for p in pauses], said[0]['gaps_s']
    fits = all(abs(g - w) <= max(.012, (.3 if jitter else .15) * w) for g, w in zip(gaps, wanted))
    return 'right' if said[0]['attempts'] == len(wanted) + 1 and fits else 'wrong'


def storms(results, seed, count=30):
    dice, told = random.Random(seed), {'right': 0, 'wrong': 0, 'not told': 0}
    for i in range(count):
        kind, policy = dice.choice(['503', 'reset', 'refuse', 'hang', 'sealed hang']), dice.choice(list(POLICIES))
        jitter, rate, well = dice.choice([0, 0, .5]), dice.choice([1, 3, 10, 30, 60, 100]), dice.choice([8, 8, 8, 0])
        found = storm(i, kind, rate, POLICIES[policy], jitter, well, min(25, max(6, 500 / rate)))
        v = verdict(found, POLICIES[policy], jitter)
        told[v] += 1
        common.note('%-12s %3d/s  %-12s jitter %g, %s: %s' % (kind, rate, policy, jitter, 'well at first' if well else 'ill throughout', v))
    results.check(not told['wrong'], 'variety: of %d storms no policy is told wrongly: %d right, %d not told' %
                  (count, told['right'], told['not told']), told)


def main():
    results = common.Results()
    common.need_program(results)
    wanted, seed = (sys.argv[1:] + ['', ''])[0], int((sys.argv[2:] + ['5'])[0])
    if wanted in ('', 'healthy'):
        for name, how in HEALTHY.items():
            found = healthy(seed, **how)
            results.check(not found, 'variety: nothing is found in %s' % name, ['%s: %s' % (f['kind'], f['why']) for f in found])
    if wanted in ('', 'storms'):
        storms(results, seed)
    results.finish()


if __name__ == '__main__':
    main()
