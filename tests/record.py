#!/usr/bin/env python3
"""Long runs of the attacks, for docs/record.txt: `tests/record.py [NAME…]` runs `make record-NAME` for each name (all there are,
without one) and puts what it counted into that file, with the commit, the day, the processor and the time it took.

A run that counts for the record prints lines that begin with "record: ", and fails if what it looked for was found. `--check`
runs nothing: it fails unless the file has exactly the runs that the makefiles have, each with its counts, and README.md no other
figure of a run than the file."""
import argparse
import datetime
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs/record.txt"
HEAD = """What the long runs counted. Each line was written by tests/record.py from what the command printed; to reproduce one, run its
command at its commit. Seeds are the commands' own, so the programs and calls are the same ones each time.
"""


def names():
    found = set()
    for makefile in (*ROOT.glob("*/*.mk"), *ROOT.glob("*/*/*.mk")):
        if "build" not in makefile.relative_to(ROOT).parts:
            found |= set(re.findall(r"^record-([\w-]+):", makefile.read_text(), re.MULTILINE))
    return sorted(found)


def load():
    """-> {name: its lines}"""
    entries = {}
    if RECORD.exists():
        for part in RECORD.read_text().split("\n\n"):
            if part.startswith("make record-"):
                head, *lines = part.strip().split("\n")
                entries[head[len("make record-"):]] = lines
    return entries


def store(entries):
    text = HEAD
    for name in sorted(entries):
        text += "\nmake record-%s\n%s\n" % (name, "\n".join(entries[name]))
    RECORD.write_text(text)


def line_of(command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def processor():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return model.group(1).strip() if model else "unknown processor"


def run(name):
    commit = line_of(["git", "rev-parse", "--short", "HEAD"])
    if line_of(["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/record.txt"]):
        commit += " with changes"
    begin = time.monotonic()
    counts = []
    with subprocess.Popen(["make", "-s", "record-" + name], cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as make:
        for line in make.stdout:
            if line.startswith("record: "):
                counts.append("  " + line[len("record: "):].strip())
            else:
                print(line, end="", flush=True)
    if make.returncode or not counts:
        print("record.py: make record-%s %s; the record stays as it is" %
              (name, "failed" if make.returncode else "counted nothing"), file=sys.stderr)
        return False
    minutes, seconds = divmod(round(time.monotonic() - begin), 60)
    entries = load()
    entries[name] = counts + ["  at %s, %s, %s, %d min %02d s" % (commit, datetime.date.today(), processor(), minutes, seconds)]
    store(entries)
    print("\n".join(["make record-" + name] + entries[name]))
    return True


def figures_elsewhere(entries):
    """Sentences: what the README's table of attacks (what was tried | how much | the runs) says that the runs did not count."""
    rows = re.findall(r"^\|[^|\n]*\|([^|\n]*)\|([^|\n]*`(?:make )?record-[^|\n]*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    if not rows:
        yield "README.md has no table of the runs"
    for figures, runs in rows:
        counted = " ".join(" ".join(entries.get(name, [])) for name in re.findall(r"record-([\w-]+)", runs))
        for figure in re.findall(r"\d{1,3}(?:,\d{3})+", figures):
            if not re.search(r"(?<![\d,])%s(?![\d,])" % figure, counted):
                yield "README.md says %s, and %s did not count that" % (figure, runs.strip())


def check():
    entries, there = load(), names()
    wrong = ["make record-%s is not in docs/record.txt" % name for name in there if name not in entries]
    wrong += ["docs/record.txt has record-%s, and no makefile has" % name for name in entries if name not in there]
    wrong += ["record-%s has no counts" % name for name, lines in entries.items() if len(lines) < 2 or not re.search(r"\d", lines[0])]
    wrong += ["record-%s was not made from a commit" % name for name, lines in entries.items() if "with changes" in lines[-1]]
    wrong += figures_elsewhere(entries)
    print("1..1")
    for sentence in wrong:
        print("# " + sentence)
    print("%s 1 - the record has the runs that there are" % ("not ok" if wrong else "ok"))
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="compare docs/record.txt with the makefiles")
    options = parser.parse_args()
    if options.check:
        return 0 if check() else 1
    return 0 if all([run(name) for name in options.names or names()]) else 1


sys.exit(main())
