# Damages every key and every value of manifests in many ways. Of each the reader must say what is wrong and where; or, if
# it takes it, what it compiled must be what an independent reading of the damaged text says (opinion.py), and the
# damage must be of a kind that can leave a manifest right. The reader runs under the sanitizers.
# Usage: damage.py READER CONTRACTC SERVICES SCRATCH MANIFEST…; prints TAP.
import json
import os
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.dirname(__file__))
from grants import contract_tables, learn_files
from opinion import disagreements

# ---- A manifest as lists that keep the order, and keys that are there twice ----


def plain(node):
    if isinstance(node, yaml.MappingNode):
        return ("map", [(key.value, plain(value)) for key, value in node.value])
    if isinstance(node, yaml.SequenceNode):
        return ("list", [plain(value) for value in node.value])
    return ("text", node.value)


def quoted(text):
    return json.dumps(text)


def write(tree, depth=0):
    """In flow style, a line a key: each damage has a line of its own."""
    kind, value = tree
    pad = "\n" + "  " * (depth + 1)
    if kind == "raw":
        return value
    if kind == "text":
        return quoted(value)
    if kind == "list":
        return "[" + ", ".join(write(item, depth + 1) for item in value) + "]"
    return "{" + ",".join(pad + (key[1] if isinstance(key, tuple) else quoted(key)) + ": " + write(item, depth + 1)
                          for key, item in value) + "}"


def places(tree, path=()):
    """Every node but the root: (path to it), where a path counts items."""
    kind, value = tree
    for i, item in enumerate(value if kind in ("map", "list") else ()):
        yield path + (i,)
        yield from places(item[1] if kind == "map" else item, path + (i,))


def changed(tree, path, change):
    """The tree with change(items, index) applied to the collection that holds the place."""
    kind, value = tree
    value = list(value)
    if len(path) == 1:
        change(value, path[0])
    elif kind == "map":
        value[path[0]] = (value[path[0]][0], changed(value[path[0]][1], path[1:], change))
    else:
        value[path[0]] = changed(value[path[0]], path[1:], change)
    return (kind, value)


def at(tree, path):
    for i in path:
        tree = tree[1][i][1] if tree[0] == "map" else tree[1][i]
    return tree


def holder(tree, path):
    return at(tree, path[:-1])


# ---- Damages: name, whether it can leave a manifest right, the change ----

TEXTS = ["", " ", "~", "null", "0", "1", "-1", "3.5", "1e9", "0x10", "99999999999999999999", "18446744073709551616",
         "18446744073709551615", "4294967296", "64K", "1T", "9999T", "0s", "1ms", "99h", "always", "never", "true", "yes",
         "software", "files", "network", "files.files", "web.web", "supervisor", "supervisor.observation", "127.0.0.1:99999",
         "127.0.0.1:0", "::1", "..", "/", "/etc/passwd", "../../../../../../../../etc", "x" * 40, "x" * 5000, "a/b", "~x",
         "a.b", "a\nb", "a\x07b", "\u00e4", "\u202e", "$HOME", "%s%n", "{}", "'", '"', "\\"]
RAWS = ["", "~", "[]", "{}", "[a, b]", "{a: b}", "{a: {b: c}}", "[[]]", "&a x", "*a", "!!int 5", "!x y", '"\\0"', "'open", "[",
        "]", "}", ",", "|\n", "? a", "- a", "#", "@", "`", "%", '"\\xff"', '"\\ud800"']


def value_damages(tree, path):
    node = at(tree, path)
    in_map = holder(tree, path)[0] == "map"

    def put(new):
        def change(items, i):
            items[i] = (items[i][0], new) if in_map else new

        return change

    if node[0] == "text":
        for text in TEXTS + [node[1] + "x", "x" + node[1], node[1].swapcase(), node[1] + " ", node[1][:-1], node[1] * 2]:
            if text != node[1]:
                yield "text " + text[:20], True, put(("text", text))
        for raw in RAWS:
            # "\xff" is a character; after the last of a list nothing may follow the comma.
            right = raw == '"\\xff"' or (not in_map and raw == "")
            yield "raw " + raw, right, put(("raw", raw))
    else:
        for raw in RAWS:
            same = (node[0] == "list" and raw in ("[]", "[a, b]", "[[]]")) or (
                node[0] == "map" and raw in ("{}", "{a: b}", "{a: {b: c}}"))
            yield "raw " + raw, same, put(("raw", raw))
        for text in ("", "1", "word", "always", "standard", "supervisor.observation"):
            yield "text " + text, text != "", put(("text", text))


def key_damages(tree, path):
    def rename(new):
        def change(items, i):
            items[i] = (new, items[i][1])

        return change

    key, value = holder(tree, path)[1][path[-1]]
    if not isinstance(key, str):
        return
    for new in (key + "x", "x" + key, key[:-1], key.upper(), "", "1", "<<", "unknown", "x" * 40, "x" * 900, "a.b", "a/b",
                "supervisor", "supervision", "\u00e4", "a\x07", "a\x00"):
        if new != key:
            yield "key " + new[:20], True, rename(new)
    for raw in ("[a]", "{a: b}", "&a k", "*a", "!!str k", "~", "'k"):
        yield "raw key " + raw, raw == "~", rename(("raw", raw))
    yield "twice", False, lambda items, i: items.insert(i, items[i])
    yield "twice, otherwise", False, lambda items, i: items.insert(i, (items[i][0], ("text", "other")))
    yield "removed", True, lambda items, i: items.pop(i)
    yield "one more", False if path in known_maps(tree) else True, lambda items, i: items.insert(i, ("zzz", ("text", "1")))


def known_maps(tree):
    """Places in mappings whose keys are the language's own."""
    found = set()
    for path in places(tree):
        names = []
        for depth in range(len(path)):
            parent = at(tree, path[:depth])
            names.append(parent[1][path[depth]][0] if parent[0] == "map" else "-")
        parent = names[:-1]
        if parent == [] or (len(parent) == 2 and parent[0] == "processes") or parent[-1:] in (["quota"], ["restart"]):
            if len(parent) <= 3:
                found.add(path)
    return found


def damages(tree):
    for path in places(tree):
        yield from ((path,) + damage for damage in value_damages(tree, path))
        if holder(tree, path)[0] == "map":
            yield from ((path,) + damage for damage in key_damages(tree, path))


def named(tree, path):
    words = []
    for depth in range(len(path)):
        parent = at(tree, path[:depth])
        words.append(parent[1][path[depth]][0] if parent[0] == "map" else str(path[depth]))
    return ".".join(words)


# ---- The reader's answers ----


def answers(reader, services, paths):
    result = subprocess.run([reader, services], input="\n".join(paths) + "\n", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    return result.returncode, result.stdout.splitlines(), result.stderr


def wrong_place(text, answer):
    lines = text.split("\n")
    errors = [problem for problem in answer["problems"] if problem["severity"] == "error"]
    if not errors:
        return "it is refused without a word"
    for problem in errors:
        if "line" not in problem:
            return "it is refused without a place: " + problem["message"]
        line, column = problem["line"], problem["column"]
        if not 1 <= line <= len(lines) or not 1 <= column <= len(lines[line - 1]) + 1:
            return "the place is not in the file: %d:%d" % (line, column)
    return None


def judge(text, right, answer, scratch, services, tables):
    """None: as it should be."""
    if not answer["boots"]:
        return wrong_place(text, answer)
    if not right:
        return "it is accepted"
    if answer["compiled"]["refusal"]:
        return "the supervisor refuses it: " + answer["compiled"]["refusal"]
    try:
        why = disagreements(text, scratch, services, tables, answer)
    except Exception as error:  # the other reading cannot make sense of what was accepted
        why = ["another reading fails: %r" % error]
    return "; ".join(why)[:300] or None


def main():
    reader, contractc, services, scratch = sys.argv[1:5]
    number = failed = 0
    tables = contract_tables(contractc)
    for manifest in sys.argv[5:]:
        tree = plain(yaml.compose(open(manifest).read()))
        name = os.path.basename(manifest)
        whole = write(tree)
        cases = [((), "none", True, whole)]
        for path, what, right, change in damages(tree):
            cases.append((path, what, right, write(changed(tree, path, change))))
        paths = []
        for i, case in enumerate(cases):
            paths.append(os.path.join(scratch, "damaged-%d.yaml" % i))
            with open(paths[-1], "w", encoding="utf-8", errors="surrogatepass") as file:
                file.write(case[3])
        status, lines, errors = answers(reader, services, paths)
        number += 1
        crashed = status != 0 or len(lines) != len(cases)
        print("%sok %d - %s: none of %d damages crashes the reader" % ("not " if crashed else "", number, name, len(cases)))
        if crashed:
            failed += 1
            print("# it ended with %d at %s" % (status, cases[min(len(lines), len(cases) - 1)][:3],))
            print("\n".join("# " + line for line in errors.splitlines()[:20]))
        found = [json.loads(line) for line in lines]
        if not found or not found[0]["boots"]:
            print("not ok %d - %s: the undamaged one is accepted" % (number + 1, name))
            return 1
        learn_files(tables, found[0])
        wrong, accepted = [], 0
        for case, answer in zip(cases, found):
            accepted += answer["boots"]
            why = judge(case[3], case[2], answer, scratch, services, tables)
            if why:
                wrong.append("%s: %s: %s" % (named(tree, case[0]), case[1].encode("unicode_escape").decode(), why))
        number += 1
        failed += bool(wrong)
        print("%sok %d - %s: %d are refused with their place, and %d mean what they say" %
              ("not " if wrong else "", number, name, len(found) - accepted, accepted))
        for line in wrong[:40]:
            print("# " + line)
        if wrong:
            print("# %d in all" % len(wrong))
        for path in paths:
            os.remove(path)
    print("1..%d" % number)
    return failed != 0


sys.exit(main())
