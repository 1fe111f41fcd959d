#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Dependencies found in recordings of small systems, compared with the truth about each.

Columns: direct dependencies, transitive external ones, their paths, entry points and CNAME chains must all
be right ("found/true +false"). The class of each, the noise that was listed as such, and the single points of failure
are shown for information.
"""
import os
import sys

import common
import truthscore


def recordings(lab):
    """Folders that hold a truth.json, by name."""
    for folder, _, files in sorted(os.walk(lab)):
        if 'truth.json' in files:
            yield os.path.relpath(folder, lab), folder


def main():
    results = common.Results()
    common.need_program(results)
    lab = os.path.join(common.SHARED, 'lab')
    wanted = sys.argv[1:]
    if not os.path.isdir(lab):
        results.skip('recordings of small systems', '%s is not there' % lab)
        results.finish()
    print('%-24s %10s %10s %8s %7s %7s %9s %6s %8s' % tuple(truthscore.HEADINGS))
    for name, folder in recordings(lab):
        if wanted and not any(w in name for w in wanted):
            continue
        with common.Folder() as temporary:
            try:
                score = truthscore.score(folder, common.load(os.path.join(folder, 'truth.json')), temporary.path)
            except common.Ended as e:
                results.bad(name, e)
                continue
        print('%-24s %10s %10s %8s %7s %7s %9s %6s %8s' % tuple([name] + score.columns()))
        score.explain()
        results.check(score.perfect, 'dependencies of %s are those of its truth' % name, 'see the table')
    results.finish()


if __name__ == '__main__':
    main()
