#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""meson_count.py NAME LOG...: print what failed to standard output, "passed failed skipped" to standard error.

LOG is the testlog.json of `meson test`: one JSON object a line.
"""
import json
import sys

GOOD = {'OK', 'EXPECTEDFAIL'}


def main():
    name, counts = sys.argv[1], [0, 0, 0]
    for path in sys.argv[2:]:
        with open(path, encoding='utf8') as log:
            for line in log:
                test = json.loads(line)
                if test['result'] == 'SKIP':
                    counts[2] += 1
                elif test['result'] in GOOD:
                    counts[0] += 1
                else:
                    counts[1] += 1
                    print('not ok %s: %s - %s' % (name, test['name'], test['result']))
                    for stream in ('stdout', 'stderr'):
                        for said in test.get(stream, '').splitlines()[-40:]:
                            print('    ' + said)
    print(*counts, file=sys.stderr)


if __name__ == '__main__':
    main()
