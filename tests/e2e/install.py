#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
#
# install.py - what `meson install` leaves behind works from where it is put: program, manual, completions, schemas
import json
import os
import re
import shutil
import subprocess
import tempfile

from common import FAULTLINE, ROOT, Results

BUILD = os.path.dirname(FAULTLINE)
RESULTS = Results()


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=600, **options)


def completed(script, *words):
    """The words that bash would offer for the last of @words."""
    quoted = " ".join(f"'{w}'" for w in words)
    code = (f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
            f"_faultline faultline '{words[-1]}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return run("bash", "-c", code).stdout.split()


def check_completion(script):
    RESULTS.check(completed(script, "faultline", "sha") == ["shared"], "bash completes a command")
    RESULTS.check(completed(script, "faultline", "help", "sha") == ["shared"], "bash completes a command to be helped with")
    offered = completed(script, "faultline", "scan", "--")
    shown = run(FAULTLINE, "scan", "--help").stdout
    listed = {w.split("=")[0].strip(",") for w in shown.split() if w.startswith("--")}
    RESULTS.check("--interface" in offered and set(offered) - {"--help"} <= listed, "bash offers the options that --help lists",
           f"{sorted(set(offered) - listed)}")
    RESULTS.check(os.path.basename(__file__) in completed(script, "faultline", "rank", os.path.basename(__file__)[:4]),
           "bash completes file names where no option is begun")
    RESULTS.check(run(FAULTLINE, "--completion", "tcsh").returncode == 2, "a shell that is not known is refused")


def options_of(program, command):
    """The options that a command's --help lists, without --help itself."""
    return set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", run(program, command, "--help").stdout, re.M)) - {"--help"}


def manual_options(page, commands):
    """{command: options} that the page describes: those that open a paragraph below a heading that names the command."""
    found = {c: set() for c in commands}
    about = None
    before = ""
    for line in open(page).read().replace("\\-", "-").splitlines():
        if line.startswith(".S"):
            words = re.split(r"[ ,]+", line[4:])
            about = [c for c in commands if line.startswith(".SS") and (c in words or line == ".SS Every command")]
        elif before == ".TP" and about:
            for c in about:
                found[c] |= set(re.findall(r"--[\w-]+", line)) - {"--help"}
        before = line
    return found


def check_manual(program, page, commands):
    """Every command and option that the program knows stands in the manual, and no other."""
    described = manual_options(page, commands)
    for command in commands:
        known = options_of(program, command)
        RESULTS.check(known == described[command], f"the manual has the options of {command}, and no others",
                      f"missing: {sorted(known - described[command])}, unknown: {sorted(described[command] - known)}")
    synopsis = open(page).read().split(".SH SYNOPSIS")[1].split(".SH")[0]
    missing = [c for c in commands if f"faultline {c}\\fR" not in synopsis]
    RESULTS.check(not missing, "the manual's synopsis has every command", f"missing: {missing}")
    if not shutil.which("man"):
        RESULTS.skip("man has no warning about the page", "no man here")
        return
    made = run("man", "--warnings", "-E", "UTF-8", "-l", page)
    RESULTS.check(made.returncode == 0 and made.stdout and not made.stderr, "man has no warning about the page", made.stderr[-300:])


def check_coverage_words(page):
    """Every counter, limit and blind spot of a scan's coverage stands in the manual under COVERAGE."""
    text = " ".join(open(page).read().replace("\\-", "-").partition(".SH COVERAGE")[2].split(".SH")[0].split())
    schema = json.load(open(os.path.join(ROOT, "analyze/faultline.scan.schema.json")))
    words = set(schema["$defs"]["coverage"]["properties"])
    for folder in ("capture", "analyze"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith(".c"):
                source = open(os.path.join(ROOT, folder, name)).read()
                words |= set(re.findall(r'add_(?:limit|blind_spot)\(m, "([^"]+)"', source))
                words |= set(re.findall(r'keeper_blind_spot\(scan, "([^"]+)"', source))
    missing = sorted(w for w in words if not re.search(r"(?<![\w-])" + re.escape(w) + r"(?![\w-])", text))
    RESULTS.check(len(words) > 40 and not missing, "the manual has every counter, limit and blind spot", f"missing: {missing}")


def check_drawer(program, folder):
    """Drawing libraries belong to faultline-draw, which is run from its own place: not from where one stands, nor by PATH."""
    linked = run("ldd", program).stdout
    RESULTS.check("libc.so" in linked and "libgvc" not in linked and "libcgraph" not in linked,
                  "no drawing library is loaded at the start of a command", linked)
    decoys = [os.path.join(folder, d, "faultline-draw") for d in (".", "reports", "bin", "libexec/faultline")]
    decoys.append(os.path.join(os.path.dirname(program), "faultline-draw"))
    for decoy in decoys:
        os.makedirs(os.path.dirname(decoy), exist_ok=True)
        with open(decoy, "w") as out:
            out.write(f"#!/bin/sh\necho run > {folder}/decoy-was-run\n")
        os.chmod(decoy, 0o755)
    graph = os.path.join(folder, "graph.json")
    with open(graph, "w") as out:
        out.write('{"schema":"faultline.graph/1","nodes":[{"id":"a","kind":"service"}],"requirements":[],"entry_points":["a"]}')
    done = run(program, "report", graph, "-o", os.path.join(folder, "a.svg"), cwd=folder,
               env=dict(os.environ, PATH=f"{folder}:{folder}/bin:" + os.environ["PATH"]))
    RESULTS.check(not os.path.exists(os.path.join(folder, "decoy-was-run")), "no other faultline-draw is run", done.stderr)
    if done.returncode != 0:
        RESULTS.check(done.returncode == 2 and done.stderr.count("\n") == 1 and ".dot" in done.stderr,
                      "where pictures cannot be drawn, one line says what to do", done.stderr)


def check_units():
    """Units that share a directory share its user: the one that starts last owns it, and the other still writes there."""
    texts = [open(os.path.join(ROOT, "data/systemd", f"faultline-{name}.service.in")).read() for name in ("scan", "watch")]
    kept = [[re.search(f"^{key}=(.*)$", text, re.M) for key in ("StateDirectory", "User")] for text in texts]
    RESULTS.check(all(all(k) for k in kept) and len({tuple(m[1] for m in k) for k in kept}) == 1,
                  "units that share a directory are one user", kept)
    allowed = [text.rpartition("\nSystemCallFilter=")[2].partition("\n")[0].split() for text in texts]
    needed = {"bpf", "capset", "setpriority", "setrlimit"} # of @privileged and @resources
    RESULTS.check(all(needed <= set(a) for a in allowed), "units allow what the parsing process does to itself: fences, limits, niceness", allowed)


def seconds(text):
    return sum(int(n) * {"s": 1, "min": 60, "h": 3600}[unit] for n, unit in re.findall(r"(\d+)(s|min|h)", text))


def check_restarts():
    """What no restart mends must come to an end: so many tries fit into the interval of the limit, with room for slow ones."""
    text = open(os.path.join(ROOT, "data/systemd/faultline-watch.service.in")).read()
    value = {key: (re.search(f"^{key}=(.*)$", text, re.M) or [None, "0"])[1] for key in ("RestartSec", "StartLimitIntervalSec", "StartLimitBurst")}
    burst = int(value["StartLimitBurst"])
    RESULTS.check(5 <= burst and 4 * burst * seconds(value["RestartSec"]) < seconds(value["StartLimitIntervalSec"]),
                  "a watch that cannot start is not started again without end", value)


def check_hardening(prefix):
    name = "systemd rates the exposure of the units 3 of 10 or less"
    if not shutil.which("systemd-analyze") or "--offline" not in run("systemd-analyze", "--help").stdout:
        RESULTS.skip(name, "no systemd-analyze here that reads units from files")
        return
    units = [os.path.join(prefix, "lib/systemd/system", f"faultline-{unit}.service") for unit in ("watch", "scan")]
    made = run("systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", *units)
    RESULTS.check(made.returncode == 0, name, made.stdout.strip().splitlines()[-1:] + [made.stderr[-300:]])


def check_readme(commands):
    """The README has every command and every feature of the build."""
    text = open(os.path.join(ROOT, "README.md")).read()
    missing = [c for c in commands if f"    faultline {c} " not in text]
    RESULTS.check(not missing, "the README has every command", f"missing: {missing}")
    features = re.findall(r"^option\('(\w+)', type: 'feature'", open(os.path.join(ROOT, "meson_options.txt")).read(), re.M)
    missing = [f for f in features if f"| `{f}` |" not in text]
    RESULTS.check(features and not missing, "the README has every feature of the build", f"missing: {missing}")


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    with tempfile.TemporaryDirectory() as root:
        done = run("meson", "install", "-C", BUILD, "--no-rebuild", env=dict(os.environ, DESTDIR=root))
        RESULTS.check(done.returncode == 0, "meson install works", done.stderr[-300:])
        prefix = next((os.path.dirname(at) for at, _, files in os.walk(root) if at.endswith("/bin") and "faultline" in files), root)
        program = os.path.join(prefix, "bin/faultline")
        RESULTS.check(run(program, "--version").stdout.startswith("faultline "), "the installed program runs")
        with tempfile.TemporaryDirectory() as folder:
            check_drawer(program, folder)
        check_units()
        check_restarts()
        check_hardening(prefix)
        commands = [line.split()[0] for line in run(program, "--help").stdout.splitlines() if line.startswith("  ")]
        pages = os.path.join(prefix, "share/man/man1")
        missing = [c for c in commands if not os.path.exists(os.path.join(pages, f"faultline-{c}.1"))]
        RESULTS.check(commands and not missing, "every command has a page of the manual", f"missing: {missing}")
        check_manual(program, os.path.join(pages, "faultline.1"), commands)
        check_coverage_words(os.path.join(pages, "faultline.1"))
        check_readme(commands)
        schemas = {f for f in os.listdir(os.path.join(ROOT, "analyze")) if f.endswith(".schema.json")}
        installed = set(os.listdir(os.path.join(prefix, "share/faultline")))
        RESULTS.check(schemas and schemas <= installed, "every schema is installed", f"missing: {sorted(schemas - installed)}")
        check_completion(os.path.join(prefix, "share/bash-completion/completions/faultline"))


if __name__ == "__main__":
    main()
    RESULTS.finish()
