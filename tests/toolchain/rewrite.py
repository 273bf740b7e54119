#!/usr/bin/env python3
"""Rewriter, one instruction at a time: rewrite.txt says what each becomes, or why it is refused and that the message names file and
line. Prints TAP."""

import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASSEMBLER = os.path.join(TOP, "build/libexec/signet/as")


def rewrite(source, directory):
    path = os.path.join(directory, "case.s")
    with open(path, "w") as file:
        file.write(source)
    out = os.path.join(directory, "case.out.s")
    done = subprocess.run([ASSEMBLER, "--64", "--signet-rewrite", path, "-o", out], capture_output=True, text=True)
    text = open(out).read() if done.returncode == 0 else ""
    return done.returncode, text, done.stderr


def lines_of(text):
    kept = []
    for line in text.splitlines():
        if line and not line.startswith((".text", ".p2align", ".byte", ".Lsg", "#")):
            kept.append(line)
    return " | ".join(kept)


def main():
    cases = []
    with open(os.path.join(TOP, "tests/toolchain/rewrite.txt")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                source, expected = line.rstrip("\n").split(" =>", 1)
                cases.append((source.strip(), expected.strip()))
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, (source, expected) in enumerate(cases, 1):
            status, text, errors = rewrite('# 41 "user.c"\n\tnop\n\t%s\n' % source, directory)
            if expected.startswith("error:"):
                good = status != 0 and "user.c:42:" in errors.replace(" Error", "") and expected[6:].strip() in errors
                got = "%d %s" % (status, errors.strip())
            else:
                got = lines_of(text)
                got = got[len("nop"):].strip(" |") if got.startswith("nop") else got
                got = errors.strip() or got
                good = status == 0 and got == expected
            if not good:
                failed += 1
                print("# expected: %s\n# got:      %s" % (expected, got.replace("\n", "\n# ")))
            print("%sok %d - %s" % ("" if good else "not ", number, source.replace("#", "")))
    print("1..%d" % len(cases))
    return failed != 0


sys.exit(main())
