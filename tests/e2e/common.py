# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests share: the program, result lines, places."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FAULTLINE = os.path.abspath(os.environ.get('FAULTLINE') or os.path.join(ROOT, 'build', 'faultline'))
SHARED = os.environ.get('FAULTLINE_SHARED') or os.path.join(os.path.dirname(ROOT), 'shared')
DEMO = os.path.join(ROOT, 'tests', 'demo', 'captures')


class Results:
    """Prints the lines that tests/README.md describes."""

    def __init__(self):
        self.failed = 0

    def ok(self, name):
        print('ok ' + name, flush=True)

    def bad(self, name, reason):
        self.failed += 1
        print('not ok %s - %s' % (name, ' '.join(str(reason).split())), flush=True)

    def skip(self, name, reason):
        print('SKIP %s - %s' % (name, reason), flush=True)

    def check(self, holds, name, reason=''):
        if holds:
            self.ok(name)
        else:
            self.bad(name, reason or 'it does not')
        return holds

    def finish(self):
        sys.exit(1 if self.failed else 0)


def no_bpf():
    """Why BPF programs cannot be loaded here, or None. On a busy machine one attempt may fail where the next works."""
    for _ in range(5):
        result = run('scan', '-i', 'lo', '--for', '100ms', '--attribution', 'bpf', '-o', '/dev/null')
        if result.returncode == 0:
            return None
    return 'BPF programs cannot be loaded here: ' + ' '.join(said(result)[-300:].split())


TOO_BUSY = 'this machine is too busy: packets or reports of the kernel were lost, as the coverage says'


def lost(scan):
    """Does a scan say that packets or reports of the kernel were lost, or that reports made room for others? BPF sees all namespaces: a
    machine may be busy with other things than the test."""
    coverage = scan['coverage']
    return coverage['dropped_kernel'] > 0 or 'attribution-lost' in {b['kind'] for b in coverage['blind_spots']} or any(
        limit['name'] == 'sockets' and limit['hits'] for limit in coverage.get('limits') or [])


def note(text):
    print('    ' + text, flush=True)


class Ended(Exception):
    """The program did not do what the test needs to go on."""


def run(*arguments, timeout=600, **more):
    """Run the program; a subprocess.CompletedProcess of bytes."""
    more.setdefault('stdin', subprocess.DEVNULL)
    command = [FAULTLINE] + [str(a) for a in arguments]
    return subprocess.run(command, stdout=more.pop('stdout', subprocess.PIPE), stderr=subprocess.PIPE, timeout=timeout,
                          **more)


def said(result):
    return result.stderr.decode('utf8', 'replace').strip()


def must(*arguments, codes=(0,), **more):
    """Run the program, raise Ended when it fails."""
    result = run(*arguments, **more)
    if result.returncode not in codes:
        raise Ended('faultline %s: exit %d: %s' % (' '.join(map(str, arguments[:4])), result.returncode,
                                                   said(result)[-400:]))
    return result


def must_json(*arguments, codes=(0,), **more):
    result = must(*arguments, '--json', codes=codes, **more)
    try:
        return json.loads(result.stdout)
    except ValueError as e:
        raise Ended('faultline %s --json: no JSON: %s' % (' '.join(map(str, arguments[:3])), e))


def load(path):
    with open(path, encoding='utf8') as f:
        return json.load(f)


class Folder:
    """A temporary folder, removed at the end of the with block."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='faultline-test-')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, content):
        with open(self.file(name), 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.file(name)


def scan_hosts(captures, out):
    """One scan for each HOST.pcap.gz in the folder; the list of scan files."""
    os.makedirs(out, exist_ok=True)
    scans = []
    for name in sorted(os.listdir(captures)):
        if name.endswith('.pcap.gz'):
            host = name[:-len('.pcap.gz')]
            scans.append(os.path.join(out, host + '.json'))
            must('scan', '-r', os.path.join(captures, name), '--host', host, '-o', scans[-1])
    return scans


def need_program(results):
    if not os.access(FAULTLINE, os.X_OK):
        results.bad('the program is there', '%s is missing; run ./bootstrap build' % FAULTLINE)
        results.finish()
