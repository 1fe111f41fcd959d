# SPDX-License-Identifier: BSD-2-Clause
"""Compare what faultline says of a recorded system with its truth.json.

A dependency is a key: (service, name, port, transport), and for a bare address (service, address, port,
transport), one for each address. faultline's services are those of a host; truth says which service of
the system runs there. Name resolution is keyed by the resolver's address alone, since a client may
ask by UDP or TCP.

Truth lists under "noise" what was sent and is no dependency. Such a thing may be absent. Listed, it
must be marked as what it is: a probe, never answered, or background. Multicast and broadcast are not listed at
all. A host that acts in an event (a migration) may depend on the service it acts on, and one whose noise has a name
on the resolver that it asked. Anything else that truth does not know is a false positive.
"""
import ipaddress

import common

INFRASTRUCTURE = {'background', 'rare', 'start-up', 'probe'}
CLASSES_OF_TRIGGER = {'request': {'on-request'}, 'background': {'background', 'rare', 'start-up'},
                      'name resolution': {'name-resolution'}, 'start-up': {'start-up', 'background', 'rare'}}


class Share:
    """How many of the true things were found, and what was found that is not true."""

    def __init__(self):
        self.true, self.found, self.missing, self.extra = 0, 0, [], []

    def compare(self, truth, found):
        self.true, self.found = len(truth), len(truth & found)
        self.missing, self.extra = sorted(truth - found, key=str), sorted(found - truth, key=str)
        return self

    @property
    def perfect(self):
        return not self.missing and not self.extra

    def text(self):
        wrong = ' +%d' % len(self.extra) if self.extra else ''
        return '%d/%d%s' % (self.found, self.true, wrong)


class Truth:
    def __init__(self, data):
        self.data = data
        self.hosts = {}         # host: set of services
        self.services = {}      # service: record
        for service in data['services']:
            self.services[service['service']] = service
            if service.get('scope') == 'internal':
                for instance in service['instances']:
                    self.hosts.setdefault(instance['host'], set()).add(service['service'])
        self.edges = data['edges']
        self.resolvers = {a for e in self.edges if self.is_resolution(e) for a in e['addresses']}

    @staticmethod
    def is_resolution(edge):
        return edge['triggers'] == ['name resolution']

    def services_of_node(self, node):
        """Truth's services behind "service:HOST/NAME"."""
        if not node.startswith('service:'):
            return set()
        return self.hosts.get(node[len('service:'):].split('/', 1)[0], set())

    def keys_of_edge(self, edge):
        if self.is_resolution(edge):
            return {(edge['from'], 'resolver', address) for address in edge['addresses']}
        ends = [edge['name']] if edge['name'] else edge['addresses']
        return {(edge['from'], end, edge['port'], edge['transport']) for end in ends}

    def direct_keys(self):
        return {key for edge in self.edges for key in self.keys_of_edge(edge)}

    def transitive_keys(self):
        """(service, external name, port): by all paths, direct ones included."""
        keys = set()
        for service, externals in self.data['transitive_external'].items():
            for external in externals:
                edge = next(e for e in self.edges if e['to'] == external['service'] and
                            external['external'] in (e['name'], e['to']))
                keys.add((service, external['external'], edge['port']))
        return keys

    def excused(self, dependency):
        """Real, though no dependency of a service: look-ups of noise, and what an event's host does."""
        host = host_of(dependency['from'])
        if is_resolution(dependency):
            return any(noise.get('name') and host in noise['from'].split(', ') for noise in self.data.get('noise') or [])
        for event in self.data.get('events') or []:
            for act in (event.get('injected') or {}).values():
                if isinstance(act, dict) and act.get('host') == host:
                    service = self.services[act['service']]
                    return {i['ip'] for i in service['instances']} >= set(dependency.get('addresses') or [])
        return False

    def noise_of(self, dependency):
        """The noise record that this listed dependency is, or None."""
        for noise in self.data.get('noise') or []:
            if noise.get('port') not in (None, dependency.get('port')):
                continue
            if noise.get('name') and noise['name'] == dependency.get('name'):
                return noise
            if set(noise.get('to_ips') or []) & set(dependency.get('addresses') or []):
                return noise
            if noise['kind'] in ('monitoring scrape', 'port scan') and \
                    host_of(dependency['from']) == {'monitoring scrape': 'mon1', 'port scan': 'sec1'}[noise['kind']]:
                return noise
        return None


def host_of(node):
    return node[len('service:'):].split('/', 1)[0] if node.startswith('service:') else None


def is_resolution(dependency):
    return dependency.get('class') == 'name-resolution' or str(dependency['to']).startswith('resolver:')


def to_many(dependency):
    """Multicast or broadcast."""
    return any(ipaddress.ip_address(a).is_multicast or a == '255.255.255.255' for a in dependency.get('addresses') or [])


def marked_as_noise(dependency, noise):
    """Whether a listed piece of noise says itself that it is no dependency."""
    if dependency.get('class') == 'probe' or dependency.get('answered') is False:
        return True
    return bool(noise.get('may_be_listed_as')) and dependency.get('class') in INFRASTRUCTURE


def keys_of_dependency(truth, dependency):
    keys = set()
    for service in truth.services_of_node(dependency['from']):
        if is_resolution(dependency):
            address = str(dependency['to']).split(':', 1)[1] if str(dependency['to']).startswith('resolver:') else None
            for a in {address} if address else set(dependency.get('addresses') or []):
                keys.add((service, 'resolver', a))
            continue
        ends = [dependency['name']] if dependency.get('name') else dependency.get('addresses') or []
        keys |= {(service, end, dependency['port'], dependency['transport']) for end in ends}
    return keys


class Score:
    """The comparison of one recording."""

    def __init__(self, data):
        self.truth = Truth(data)
        self.direct, self.transitive, self.entry, self.chains = Share(), Share(), Share(), Share()
        self.paths, self.classes, self.listed_noise, self.ranks = Share(), Share(), 0, Share()

    def not_noise(self, dependency):
        """Whether a listed dependency counts; noise that is marked does not."""
        truth = self.truth
        noise = truth.noise_of(dependency)
        known = keys_of_dependency(truth, dependency) & truth.direct_keys()
        if known or to_many(dependency):
            return True
        if self.truth.excused(dependency) or (noise and marked_as_noise(dependency, noise)) or dependency.get('class') == 'probe' or \
                dependency.get('answered') is False:
            self.listed_noise += 1
            return False
        return True

    def add_direct(self, dependencies):
        found, chains, true_chains, classes, true_classes = set(), set(), set(), set(), set()
        for d in dependencies:
            if not d['direct'] or not self.not_noise(d):
                continue
            keys = keys_of_dependency(self.truth, d) or {(d['from'], d.get('name') or str(d.get('addresses')), d.get('port'),
                                                          d.get('transport'))}
            if d.get('class') == 'probe' or d.get('answered') is False:
                keys = {key + (d['class'], 'answered %s' % d.get('answered')) for key in keys}
            found |= keys
            for key in keys:
                if d.get('cname_chain'):
                    chains.add(key + (tuple(d['cname_chain']),))
                classes.add(key + (d.get('class'),))
        for edge in self.truth.edges:
            for key in self.truth.keys_of_edge(edge):
                if edge['cname_chain']:
                    true_chains.add(key + (tuple(edge['cname_chain']),))
                for word in ['%s' % w for t in edge['triggers'] for w in CLASSES_OF_TRIGGER.get(t, ())]:
                    true_classes.add(key + (word,))
        self.direct.compare(self.truth.direct_keys(), found)
        self.chains.compare(true_chains, chains)
        known = {c for c in classes if c[:-1] in self.truth.direct_keys()}
        self.classes.true, self.classes.found = len(known), len(known & true_classes)
        self.classes.missing = sorted(known - true_classes, key=str)

    def add_transitive(self, dependencies):
        found, wrong_paths, right_paths = set(), [], 0
        true_steps = {(e['from'], e['to']) for e in self.truth.edges}
        for d in dependencies:
            if d.get('scope') != 'external' or is_resolution(d) or not self.counts_far_away(d):
                continue
            for service in self.truth.services_of_node(d['from']):
                for end in [d['name']] if d.get('name') else d.get('addresses') or []:
                    found.add((service, end, d['port']))
                if self.path_is_true(d, service, true_steps):
                    right_paths += 1
                else:
                    wrong_paths.append((service, d.get('name'), d.get('path')))
        self.transitive.compare(self.truth.transitive_keys(), found)
        self.paths.true, self.paths.found, self.paths.missing = right_paths + len(wrong_paths), right_paths, wrong_paths

    def counts_far_away(self, d):
        """As not_noise(), for something that another host of the path may have sent."""
        noise = self.truth.noise_of(d)
        if d['direct'] and self.truth.excused(d):
            return False
        if d.get('class') == 'probe' or d.get('answered') is False:
            return False
        return not (noise and marked_as_noise(d, noise))

    def path_is_true(self, dependency, service, true_steps):
        steps = [service]
        for node in dependency.get('path') or []:
            here = self.truth.services_of_node(node)
            if here and steps[-1] not in here:
                steps += sorted(here)
        externals = {e['to'] for e in self.truth.edges if e['name'] == dependency.get('name') and e['from'] == steps[-1]}
        pairs = set(zip(steps, steps[1:]))
        return pairs <= true_steps and bool(externals) and len(dependency.get('path') or []) >= 2

    def add_entry_points(self, graph):
        found = set()
        for entry in graph.get('entry_points') or []:
            node = entry if isinstance(entry, str) else entry.get('node') or entry.get('id')
            found |= self.truth.services_of_node(node) or {node}
        self.entry.compare({e['service'] for e in self.truth.data['entry_points']}, found)

    def add_ranks(self, ranking):
        """Informational: which single failures break an entry point, by service and external name."""
        true = set()
        for failure in self.truth.data.get('single_failures') or []:
            if failure.get('breaks_entry_point') and failure['fails'] in self.truth.services:
                if len(failure.get('instances') or [0]) <= 1:
                    true.add(failure['fails'])
        found = set()
        names = {n: s['service'] for s in self.truth.data['services'] for n in s.get('names') or []}
        for spof in ranking.get('spofs') or []:
            node = spof['node']
            found |= self.truth.services_of_node(node)
            if node.startswith('endpoint:'):
                name = node[len('endpoint:'):].rsplit(':', 1)[0]
                found |= {names[name]} if name in names else set()
            if node.startswith('resolver:'):
                found |= {e['to'] for e in self.truth.edges if node[len('resolver:'):] in e['addresses']}
        self.ranks.compare(true, found)

    @property
    def perfect(self):
        return all(s.perfect for s in (self.direct, self.transitive, self.entry, self.chains)) and not self.paths.missing

    def columns(self):
        return [self.direct.text(), self.transitive.text(), self.paths.text(), self.entry.text(), self.chains.text(),
                self.classes.text(), str(self.listed_noise), self.ranks.text()]

    def explain(self):
        for what in ('direct', 'transitive', 'paths', 'entry', 'chains'):
            share = getattr(self, what)
            for missing in share.missing:
                common.note('%s: missing or wrong: %s' % (what, missing))
            for extra in share.extra:
                common.note('%s: not true: %s' % (what, extra))
        for odd in self.classes.missing:
            common.note('class (informational): %s' % (odd,))
        if self.ranks.true:
            for service in self.ranks.missing:
                common.note('ranks (informational): not ranked: %s' % service)
            for service in self.ranks.extra:
                common.note('ranks (informational): breaks no entry point by truth: %s' % service)


HEADINGS = ['recording', 'direct', 'transitive', 'paths', 'entry', 'chains', 'class', 'noise', 'ranks']


def score(captures, data, folder):
    """Scan, analyse and compare; raises common.Ended where the program fails."""
    scans = common.scan_hosts(captures, folder)
    result = Score(data)
    dependencies = common.must_json('deps', *scans)['dependencies']
    result.add_direct(dependencies)
    result.add_transitive(dependencies)
    result.add_entry_points(graph_of(scans))
    result.add_ranks(common.must_json('rank', *scans))
    return result


def graph_of(scans):
    import json
    return json.loads(common.must('graph', *scans).stdout)
