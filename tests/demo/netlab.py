# SPDX-License-Identifier: BSD-2-Clause
"""Small systems in network namespaces of this machine: what the demo's recorder and the live test share."""
import os
import shutil
import signal
import subprocess
import tempfile

NGINX = '''daemon off; master_process off; pid %s.pid; error_log stderr;
events { worker_connections 128; }
http { access_log off; client_body_temp_path %s-body; proxy_temp_path %s-proxy; fastcgi_temp_path %s-f;
uwsgi_temp_path %s-u; scgi_temp_path %s-s;
%s
}
'''


class Lab:
    """Namespaces PREFIX-NAME, a folder for files, and processes that are ended by their ids."""

    def __init__(self, prefix, resolver):
        self.prefix, self.resolver = prefix, resolver
        self.processes, self.namespaces, self.etc = [], [], []
        self.dir = tempfile.mkdtemp(prefix=prefix)
        os.chmod(self.dir, 0o755)

    def run(self, *command, **more):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout

    def start(self, host, *command, **more):
        log = open(os.path.join(self.dir, 'log-%s-%d' % (host, len(self.processes))), 'wb')
        p = subprocess.Popen(['ip', 'netns', 'exec', self.prefix + host, *command], stdin=subprocess.DEVNULL,
                             stdout=more.get('stdout', log), stderr=log, start_new_session=True)
        self.processes.append(p)
        return p

    def stop(self, p, how=signal.SIGTERM):
        """The process and what it started: its session is its own."""
        if p.poll() is None:
            os.killpg(p.pid, how)
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait(5)

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
            print('kept', self.dir)
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
