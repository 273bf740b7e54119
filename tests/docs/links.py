#!/usr/bin/env python3
"""What the README and the documents link to is there, headings too; each document can be reached from the README."""

import os
import re
import subprocess
import sys
import tempfile

LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
ANCHOR = re.compile(r"\b(?:id|name)=\"([^\"]+)\"")


def read(path):
    with open(path, encoding="utf-8") as file:
        return FENCE.sub("", file.read())


def links(path):
    """The relative targets in a document."""
    for match in LINK.finditer(re.sub(r"`[^`\n]*`(?!\]\()", "", read(path))):
        target = match.group(1) or match.group(2)
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


def anchors(path):
    """The names of the places in a document, as GitHub makes them of headings."""
    text = read(path)
    found = set(ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        name = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", name).replace(" ", "-")
        count = 1
        unique = name
        while unique in found:
            unique = "%s-%d" % (name, count)
            count += 1
        found.add(unique)
    return found


def problem(path, target, known):
    """What is wrong with a link, or None. KNOWN: the files of the tree."""
    file, _, anchor = target.partition("#")
    wanted = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
    if wanted not in known:
        return "%s: there is no %s" % (target, wanted)
    if anchor and anchor not in anchors(wanted):
        return "%s: %s has no such heading" % (target, wanted)
    return None


def tree():
    """The files of the tree and the folders they are in: what git knows, or all where there is no git."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    files = listed.stdout.splitlines()
    if listed.returncode or not files:
        files = [os.path.relpath(os.path.join(folder, name), ".") for folder, _, names in os.walk(".") for name in names]
    known = set()
    for file in filter(os.path.exists, files):
        while file:
            known.add(file)
            file = os.path.dirname(file)
    return known


def problems(known):
    """Yields a document and what is wrong with it."""
    reached = set()
    waiting = ["README.md"]
    documents = sorted(file for file in known if file == "README.md" or re.fullmatch(r"docs/[^/]*\.md", file))
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        if path in documents:
            waiting += [os.path.normpath(os.path.join(os.path.dirname(path), target.partition("#")[0]))
                        for target in links(path) if target[0] != "#"]
    for path in documents:
        wrong = [found for found in (problem(path, target, known) for target in links(path)) if found]
        if path not in reached:
            wrong.append("no link from the README leads here")
        yield path, wrong


def example():
    """Documents with one mistake of each kind; what is found in them."""
    texts = {
        "README.md": "# A\n[a](docs/a.md) [b](docs/a.md#two-words) [c](docs) [d](#a) [e](https://e/x)\n```\n[f](f)\n```\n`[g](g)`\n",
        "docs/a.md": "## Two *words*\n[a](../README.md) [missing](b.md) [c](#three) ![d](d.png) [`e`](../README.md#b)\n",
        "docs/orphan.md": "# Orphan\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "docs"))
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        here = os.getcwd()
        os.chdir(folder)
        try:
            return {path: len(wrong) for path, wrong in problems(tree())}
        finally:
            os.chdir(here)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    results = [("what is wrong with links is found", [] if found == wanted else ["found %s" % found])
               for found, wanted in [(example(), {"README.md": 0, "docs/a.md": 4, "docs/orphan.md": 1})]]
    results += [("%s: what it links to is there" % path, wrong) for path, wrong in problems(tree())]
    print("1..%d" % len(results))
    for number, (name, wrong) in enumerate(results, 1):
        print("%s %d - %s" % ("not ok" if wrong else "ok", number, name))
        for sentence in wrong:
            print("# " + sentence)
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
