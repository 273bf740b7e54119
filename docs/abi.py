#!/usr/bin/env python3
"""Writes docs/abi.md from include/signet/abi.h and calls.h: the reference of the ABI. The comments there are the only source.

usage: docs/abi.py [--check]     --check: exit 1 if docs/abi.md is not what the headers say
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = (ROOT / "include/signet/abi.h").read_text()
PROTOTYPES = (ROOT / "include/signet/calls.h").read_text()
OUTPUT = ROOT / "docs/abi.md"


def table(name):
    """The body of an X-macro, without line continuations."""
    start = HEADER.index(f"#define {name}(X)")
    end = HEADER.index("\n\n", start)
    return re.sub(r"\s*\\\n", "\n", HEADER[start:end])


def tidy(comment):
    return " ".join(re.sub(r"^\s*\*?", "", line).strip() for line in comment.split("\n")).strip()


def calls():
    for comment, number, name in re.findall(r"/\*(.*?)\*/\s*X\((\d+), (\w+), \d+\)", table("SIGNET_CALLS"), re.S):
        prototype = re.search(rf"[^;]*\bsignet_{name}\([^;]*;", PROTOTYPES)
        if not prototype:
            sys.exit(f"calls.h has no prototype of {name}")
        declaration = " ".join(prototype.group(0).split("*/")[-1].split("#include <signet/abi.h>")[-1].split())
        text = tidy(comment)
        yield int(number), name, text, declaration


def statuses():
    return re.findall(r'X\((\w+), (\d+), "([^"]*)"\)', table("SIGNET_STATUSES"))


def structures():
    for match in re.finditer(r"((?:/\*(?:(?!\*/).)*\*/\n(?:#define[^\n]*\n)*)?)(struct \w+ \{.*?\n\};)", HEADER, re.S):
        yield match.group(2)


def text():
    out = [
        "# The ABI of a sealed process",
        "",
        "Written by `docs/abi.py` from `include/signet/abi.h` and `include/signet/calls.h`; a test checks that it is up to date.",
        "",
        tidy(re.search(r"/\*(.*?)\*/", HEADER, re.S).group(1)),
        "",
        "How a call is made in machine code is in [machine-code.md](machine-code.md): arguments in `%rdi %rsi %rdx %rcx %r8 %r9`,",
        "`call *0x10000 + 8 × number(%r14)`, status in `%rax`, value in `%rdx`.",
        "",
        "## Calls",
        "",
    ]
    seen = list(calls())
    out += ["| number | call | |", "|---|---|---|"]
    for number, name, comment, _ in seen:
        signature = comment.split(")", 1)[0] + ")"
        out.append(f"| {number} | [`{name}`](#{name}) | `{signature}` |")
    out.append("")
    for number, name, comment, declaration in seen:
        signature, rest = comment.split(")", 1)
        out += [f"### {name}", "", "```c", declaration, "```", "", f"Number {number}. `{signature})`{rest}", ""]
    out += ["## Statuses", "", "| number | name | meaning |", "|---|---|---|"]
    out += [f"| {number} | `SIGNET_{name}` | {meaning} |" for name, number, meaning in statuses()]
    out += ["", "## Structures", ""]
    for structure in structures():
        out += ["```c", structure, "```", ""]
    return "\n".join(out)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if OUTPUT.exists() and OUTPUT.read_text() == text() else "docs/abi.md is out of date: run docs/abi.py")
    OUTPUT.write_text(text())
