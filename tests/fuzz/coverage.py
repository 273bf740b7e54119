#!/usr/bin/env python3
"""What the corpora reach: `coverage.py NAME…` runs each target's program (build/fuzz/NAME-coverage) over tests/fuzz/corpus/NAME, and
writes docs/coverage.txt: lines of each file reached, and of the trusted base each line that no corpus reaches."""
import argparse
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REPORT = ROOT / "docs/coverage.txt"
FOLDERS = ("verifier/", "kernel/", "contractc/", "manifest/", "toolchain/", "services/", "apps/web/")
TRUSTED = ("verifier/", "kernel/")
HEAD = """What the fuzzers' corpora (tests/fuzz/corpus/) reach, by `make coverage-fuzz`: the inputs in the tree alone, each run once. Other
tests reach more; what no line of here is about, no fuzz target attacks. A file that is linked into several targets counts what any of
them reaches.
"""
# Why lines of the trusted base are reached by no input of a corpus: (pattern of file:text, reason). The first that matches is said.
REASONS = [
    (r"ASSERT|port_panic", "the kernel's own state is broken: never, or it is a bug"),
    (r"^kernel/text\.c", "a report to the owner"),
    (r"SIGNET_MEMORY|return NULL;|goto ", "memory runs out at this very place: tests/kernel/exhaustion_test.c makes every allocation fail"),
]


def lines_of(program, profile):
    """-> {file: {line: reached}}, from the regions of code that clang counts."""
    said = subprocess.run(["llvm-cov-14", "export", "-format=lcov", "-instr-profile", profile, program], cwd=ROOT, capture_output=True,
                          text=True, check=True).stdout
    files, lines = {}, None
    for line in said.splitlines():
        if line.startswith("SF:"):
            path = pathlib.Path(line[3:])
            name = str(path.relative_to(ROOT)) if path.is_absolute() and path.is_relative_to(ROOT) else str(path)
            lines = files.setdefault(name, {})
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = lines.get(int(number), False) or int(count) > 0
    return files


def measure(name):
    program, raw, profile = (str(ROOT / ("build/fuzz/%s%s" % (name, end))) for end in ("-coverage", ".profraw", ".profdata"))
    corpus = sorted(str(path) for path in (ROOT / "tests/fuzz/corpus" / name).iterdir())
    subprocess.run([program] + corpus, cwd=ROOT, env={"LLVM_PROFILE_FILE": raw, "PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"},
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["llvm-profdata-14", "merge", "-sparse", "-o", profile, raw], check=True)
    return len(corpus), lines_of(program, profile)


def ranges(numbers):
    found = []
    for number in numbers:
        if found and found[-1][1] >= number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def reason(name, text):
    for pattern, why in REASONS:
        if re.search(pattern, "%s:%s" % (name, text)):
            return "  (%s)" % why
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    names, files, corpora = parser.parse_args().names, {}, []
    for name in names:
        count, reached = measure(name)
        corpora.append("%s %d" % (name, count))
        for path, lines in reached.items():
            if path.startswith(FOLDERS):
                known = files.setdefault(path, {})
                for line, yes in lines.items():
                    known[line] = known.get(line, False) or yes
    out = [HEAD, "Inputs: " + ", ".join(corpora) + ".", ""]
    for folder in FOLDERS:
        within = {path: lines for path, lines in sorted(files.items()) if path.startswith(folder)}
        there, yes = sum(len(lines) for lines in within.values()), sum(sum(lines.values()) for lines in within.values())
        if there:
            out.append("%-34s %5d of %5d lines  %3d%%" % (folder, yes, there, 100 * yes // there))
        for path, lines in within.items():
            out.append("  %-32s %5d of %5d        %3d%%" % (path, sum(lines.values()), len(lines), 100 * sum(lines.values()) // len(lines)))
        missing = sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("*.c") if str(path.relative_to(ROOT)) not in within)
        if missing:
            out.append("  in no target: " + ", ".join(missing))
    out += ["", "Lines of the trusted base that no corpus reaches:", ""]
    for path, lines in sorted(files.items()):
        if not path.startswith(TRUSTED):
            continue
        text = (ROOT / path).read_text().splitlines()
        for first, last in ranges(sorted(line for line, yes in lines.items() if not yes)):
            shown = text[first - 1].strip()
            if shown in ("}", "{", ""):
                continue
            where = str(first) if first == last else "%d-%d" % (first, last)
            out.append("  %s:%s  %s%s" % (path, where, shown, reason(path, shown)))
    REPORT.write_text("\n".join(out) + "\n")
    print("docs/coverage.txt: %d files" % len(files))


main()
