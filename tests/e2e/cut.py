# SPDX-License-Identifier: BSD-2-Clause
"""Parts of recordings by time: pcap files, plain or gzip, either byte order, micro- or nanoseconds."""
import gzip
import os
import struct

MAGICS = {b'\xd4\xc3\xb2\xa1': ('<', 10**6), b'\xa1\xb2\xc3\xd4': ('>', 10**6),
          b'\x4d\x3c\xb2\xa1': ('<', 10**9), b'\xa1\xb2\x3c\x4d': ('>', 10**9)}


class Capture:
    """The packets of one file: stamps in seconds, and where each begins."""

    def __init__(self, path):
        opened = gzip.open if path.endswith('.gz') else open
        with opened(path, 'rb') as f:
            self.data = f.read()
        if self.data[:4] not in MAGICS:
            raise ValueError('%s: no pcap file' % path)
        order, parts = MAGICS[self.data[:4]]
        head = struct.Struct(order + 'IIII')
        self.starts, self.stamps = [], []
        at = 24
        while at + 16 <= len(self.data):
            seconds, fraction, size, _ = head.unpack_from(self.data, at)
            self.starts.append(at)
            self.stamps.append(seconds + fraction / parts)
            at += 16 + size
        self.starts.append(min(at, len(self.data)))

    def write(self, path, start, end):
        """Packets with start <= stamp < end, in the order of the file."""
        with open(path, 'wb') as out:
            out.write(self.data[:24])
            for i, stamp in enumerate(self.stamps):
                if start <= stamp < end:
                    out.write(self.data[self.starts[i]:self.starts[i + 1]])


def captures_of(folder):
    """{host: Capture} of HOST.pcap.gz."""
    return {name[:-len('.pcap.gz')]: Capture(os.path.join(folder, name))
            for name in sorted(os.listdir(folder)) if name.endswith('.pcap.gz')}


def window_of(captures):
    stamped = [c.stamps for c in captures.values() if c.stamps]
    return min(min(s) for s in stamped), max(max(s) for s in stamped)
