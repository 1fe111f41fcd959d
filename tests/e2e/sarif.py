# SPDX-License-Identifier: BSD-2-Clause
"""What SARIF 2.1.0 asks of a log (OASIS, sections 3.13 to 3.30), as far as it is written here."""
import json
import re

LEVELS = {'none', 'note', 'warning', 'error'}
# RFC 3986: a URI reference without what would have to be percent-encoded.
REFERENCE = re.compile(r"^(?:[A-Za-z0-9\-._~/:?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$")
KNOWN = {
    'log': {'$schema', 'version', 'runs'},
    'run': {'tool', 'results', 'columnKind'},
    'driver': {'name', 'version', 'rules'},
    'rule': {'id', 'shortDescription', 'defaultConfiguration'},
    'result': {'ruleId', 'ruleIndex', 'level', 'message', 'locations', 'partialFingerprints', 'properties'},
    'location': {'physicalLocation', 'logicalLocations'},
    'physicalLocation': {'artifactLocation', 'region'},
    'region': {'startLine', 'startColumn'},
}


def only(wrong, kind, value):
    if not isinstance(value, dict):
        wrong.append('%s is no object' % kind)
        return {}
    for key in set(value) - KNOWN[kind]:
        wrong.append('%s.%s is not of SARIF' % (kind, key))
    return value


def text(wrong, where, value):
    if not isinstance(value, str) or not value:
        wrong.append('%s is no text' % where)


def check_location(wrong, location):
    only(wrong, 'location', location)
    place = only(wrong, 'physicalLocation', location.get('physicalLocation', {}))
    if place and not REFERENCE.match(place.get('artifactLocation', {}).get('uri', '')):
        wrong.append('uri: %r' % place.get('artifactLocation'))
    for value in only(wrong, 'region', place.get('region', {})).values():
        if not isinstance(value, int) or value < 1:
            wrong.append('region: %r' % value)
    for node in location.get('logicalLocations', []):
        text(wrong, 'fullyQualifiedName', node.get('fullyQualifiedName'))


def check_result(wrong, result, rules):
    only(wrong, 'result', result)
    text(wrong, 'message.text', result.get('message', {}).get('text'))
    if result.get('level') not in LEVELS:
        wrong.append('level: %r' % result.get('level'))
    index = result.get('ruleIndex')
    if not isinstance(index, int) or not 0 <= index < len(rules) or rules[index]['id'] != result.get('ruleId'):
        wrong.append('rule: %r' % result.get('ruleId'))
    if not all(isinstance(v, str) for v in result.get('partialFingerprints', {}).values()):
        wrong.append('partialFingerprints')
    for location in result.get('locations', []):
        check_location(wrong, location)


def problems(data):
    """Everything that is wrong with the bytes of a log."""
    wrong = []
    try:
        log = only(wrong, 'log', json.loads(data))
    except ValueError as e:
        return ['no JSON: %s' % e]
    if log.get('version') != '2.1.0' or 'sarif-schema-2.1.0' not in log.get('$schema', ''):
        wrong.append('version')
    if not isinstance(log.get('runs'), list) or not log['runs']:
        return wrong + ['no runs']
    for run in log['runs']:
        only(wrong, 'run', run)
        driver = only(wrong, 'driver', run.get('tool', {}).get('driver', {}))
        text(wrong, 'driver.name', driver.get('name'))
        rules = driver.get('rules', [])
        if len({r.get('id') for r in rules}) != len(rules):
            wrong.append('rules of one id')
        for rule in rules:
            only(wrong, 'rule', rule)
            text(wrong, 'shortDescription', rule.get('shortDescription', {}).get('text'))
            if rule.get('defaultConfiguration', {}).get('level') not in LEVELS:
                wrong.append('level of %r' % rule.get('id'))
        for result in run.get('results', []):
            check_result(wrong, result, rules)
    return wrong
