# SPDX-License-Identifier: BSD-2-Clause
"""Small systems in network namespaces of this machine: what the demo's recorder and the live test share."""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

NGINX = '''daemon off; master_process off; pid %s.pid; error_log stderr;
events { worker_connections 128; }
http { access_log off; client_body_temp_path %s-body; proxy_temp_path %s-proxy; fastcgi_temp_path %s-f;
uwsgi_temp_path %s-u; scgi_temp_path %s-s;
%s
}
'''


SPACES, SPACES_ETC = '/run/netns', '/etc/netns'
PR_SET_PDEATHSIG, CLONE_NEWNET, CLONE_NEWNS, MS_REC, MS_PRIVATE = 1, 0x40000000, 0x20000, 1 << 14, 1 << 18
STARTED_S = 60  # until a server must be up: much, for the machine may be busy
libc = ctypes.CDLL(None)


def dies_with_us():
    """For the child: whoever started it may be killed, too, and then cannot end it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def own_network():
    """Move this process into a network namespace of its own that nobody else's packets come to, and what it mounts out of the sight of others:
    both go away with it. Where that is not allowed it stays."""
    if libc.unshare(CLONE_NEWNS) == 0:
        libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None)
    if libc.unshare(CLONE_NEWNET) == 0:
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)


def runs(pid):
    return os.path.exists('/proc/%d' % pid)


def sweep_space(name):
    """A namespace, what runs in it, and its files. dies_with_us() does not hold for what changes its user or capabilities."""
    inside = subprocess.run(['ip', 'netns', 'pids', name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    for pid in inside.stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(os.path.join(SPACES_ETC, name), ignore_errors=True)


def sweep(prefix):
    """Remove what runs left behind that were killed: names tell whose it was."""
    for folder, remove in ((SPACES, sweep_space), (SPACES_ETC, sweep_space),
                           (tempfile.gettempdir(), lambda name: shutil.rmtree(os.path.join(tempfile.gettempdir(), name), True))):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            owner = re.match(re.escape(prefix) + r'(\d+)-', name)
            if owner and not runs(int(owner[1])):
                remove(name)


def wait_until(holds, seconds=STARTED_S, every=0.05):
    """Wait for an event; the bound is for programs that do not work, not for slow machines."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(every)
    return bool(holds())


def fenced_child(pid):
    """The process under @pid that reads packets and is fenced in, which it is once packets are taken for it; None while there is none."""
    children = subprocess.run(['pgrep', '-P', str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    for child in children:
        try:
            with open('/proc/%s/status' % child, encoding='utf8') as f:
                if re.search(r'^Seccomp:\s+2', f.read(), re.M):
                    return int(child)
        except OSError:
            pass
    return None


class Lab:
    """Namespaces, a folder for files, and processes that are ended by their ids. Names of namespaces are @prefix, our process,
    something by chance, and their own: several runs at once are several systems, whatever was left of earlier ones."""

    def __init__(self, prefix, resolver):
        sweep(prefix)
        self.resolver = resolver
        self.processes, self.namespaces, self.etc = [], [], []
        self.dir = tempfile.mkdtemp(prefix='%s%d-' % (prefix, os.getpid()))
        self.prefix = os.path.basename(self.dir) + '-'
        os.chmod(self.dir, 0o755)

    def run(self, *command, **more):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout

    def start(self, host, *command, **more):
        log = open(os.path.join(self.dir, 'log-%s-%d' % (host, len(self.processes))), 'wb')
        p = subprocess.Popen(['ip', 'netns', 'exec', self.prefix + host, *command], stdin=subprocess.DEVNULL,
                             stdout=more.get('stdout', log), stderr=log, start_new_session=True, preexec_fn=dies_with_us)
        self.processes.append(p)
        return p

    def words(self, p):
        """What a process said on standard error."""
        for name in os.listdir(self.dir):
            if re.fullmatch(r'log-.*-%d' % self.processes.index(p), name):
                return open(self.path(name), errors='replace').read().strip()[-300:]
        return ''

    def wait_listening(self, host, *ports, kind='tcp'):
        """Until somebody listens at each of these ports."""
        def missing():
            lines = self.run('ip', 'netns', 'exec', self.prefix + host, 'cat', *['/proc/net/%s%s' % (kind, v) for v in ('', '6')])
            rows = [line.split() for line in lines.splitlines()]
            wanted = '0A' if kind == 'tcp' else '07'
            return set(ports) - {int(r[1].rsplit(':', 1)[1], 16) for r in rows if len(r) > 3 and r[3] == wanted}
        if not wait_until(lambda: not missing()):
            raise TimeoutError('%s: nobody listens at %s/%s after %d s: %s' % (
                host, sorted(missing()), kind, STARTED_S, [self.words(p) for p in self.processes]))

    def stop(self, p, how=signal.SIGTERM):
        """The process and what it started: its session is its own."""
        if p.poll() is None:
            os.killpg(p.pid, how)
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait(60)

    def namespace(self, host):
        self.run('ip', 'netns', 'add', self.prefix + host)
        self.namespaces.append(self.prefix + host)
        etc = '/etc/netns/' + self.prefix + host
        os.makedirs(etc)
        self.etc.append(etc)
        with open(etc + '/resolv.conf', 'w') as f:
            f.write('nameserver %s\noptions timeout:2 attempts:2\n' % self.resolver)
        with open(etc + '/hosts', 'w') as f:
            f.write('127.0.0.1 localhost\n')
        self.inside(host, 'sh', '-c', 'for i in all default; do f=/proc/sys/net/ipv6/conf/$i/disable_ipv6; '
                    '[ ! -w $f ] || echo 1 >$f; done')
        self.inside(host, 'ip', 'link', 'set', 'lo', 'up')

    def inside(self, host, *command):
        self.run('ip', 'netns', 'exec', self.prefix + host, *command)

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def close(self):
        for p in reversed(self.processes):
            self.stop(p)
        for name in self.namespaces:
            subprocess.run(['ip', 'netns', 'del', name], check=False)
        for etc in self.etc:
            shutil.rmtree(etc, ignore_errors=True)
        if os.environ.get('KEEP'):
            kept = os.path.join(tempfile.gettempdir(), 'kept-' + os.path.basename(self.dir))  # a name that is not swept
            os.rename(self.dir, kept)
            print('kept', kept)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def nginx(self, name, http):
        """A configuration file that keeps nginx in the foreground and all its files in our folder."""
        return self.file(name, NGINX % ((self.path(name),) * 6 + (http,)))

    def certificate(self, name):
        """A self-signed one for this name: (certificate, key)."""
        certificate, key = self.path(name + '.crt'), self.path(name + '.key')
        if not os.path.exists(key):
            self.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                     '-days', '30', '-subj', '/CN=' + name, '-keyout', key, '-out', certificate,
                     stderr=subprocess.DEVNULL)
        return certificate, key

    def dnsmasq(self, name, address, lines):
        conf = self.file('dnsmasq-' + name, '\n'.join(['no-resolv', 'no-hosts', 'listen-address=' + address,
                                                       'bind-interfaces', 'user=root', 'pid-file='] + lines) + '\n')
        return self.start(name, 'dnsmasq', '--keep-in-foreground', '--conf-file=' + conf)
