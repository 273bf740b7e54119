"""Mutants of the allow-list, made row by row: a written operand that is not, an implicit operand, a feature or an exclusion that
is gone, a prefix, a width or a form of address that is permitted besides. Used by table.py.

All mutants that let a process write a register unseen are made. Of the others, which are many and alike, those of every row whose
number, in the list of its kind, is a multiple of EVERY."""
import re

EVERY = {"access of a general register": 1, "access of memory or a vector": 29, "implicit operand": 1, "feature": 5,
         "66 besides": 11, "w besides": 11, "lock besides": 2, "norex gone": 1, "lock gone": 9, "register besides memory": 1,
         "memory besides register": 1, "any /digit": 1, "another /digit": 9, "other VEX length": 17, "other VEX W": 17,
         "other immediate": 5, "byte width": 5, "rule gone": 1, "any prefix": 17, "no address": 1, "exact byte besides": 5}


def changes_of(columns):
    """Yields (kind, column, new text)."""
    encoding, operands, implicit, features, rule = columns[1:]
    for word in operands.split():
        place, access = word[0], word.partition(":")[2]
        for_memory = place in "MAWVHUL"
        if "w" in access:
            kind = "access of memory or a vector" if for_memory else "access of a general register"
            yield kind, 2, operands.replace(word, word.partition(":")[0] + ":r", 1)
        if place == "M":
            yield "register besides memory", 2, operands.replace(word, ("W" if re.match(r"M[\dx]", word) else "E") + word[1:], 1)
        if place in "RU":
            yield "memory besides register", 2, operands.replace(word, ("E" if place == "R" else "W") + word[1:], 1)
        if place in "EGZR" and "w" in access and word[1] in "vyqd":
            yield "byte width", 2, operands.replace(word, place + "b:" + access, 1)
        if place in "IJ":
            other = {"b": "z" if place == "I" else "d"}.get(word[1], "b")
            yield "other immediate", 2, operands.replace(word, place + other, 1)
    for word in implicit.split():
        yield "implicit operand", 3, " ".join(w for w in implicit.split() if w != word)
    for word in features.split():
        yield "feature", 4, " ".join(w for w in features.split() if w != word)
    if rule == "address":
        yield "no address", 5, ""
    elif rule:
        yield "rule gone", 5, ""
    words = encoding.split()
    vex = words[0].startswith("vex.")
    if not vex:
        if "o16" not in words and "66" not in words:
            yield "66 besides", 1, encoding + " o16"
        if "w" not in words and "w1" not in words:
            yield "w besides", 1, encoding + " w"
        if "lock" not in words and re.match(r"[EM]\w*:r?w", operands):
            yield "lock besides", 1, encoding + " lock"
        for word in ("norex", "lock"):
            if word in words:
                yield word + " gone", 1, " ".join(w for w in words if w != word)
        if words[0] in ("66", "f2", "f3"):
            yield "any prefix", 1, " ".join(words[1:])
    else:
        length, w = words[0].split(".")[1], words[0].split(".")[4]
        yield "other VEX length", 1, encoding.replace("." + length + ".", ".256." if length == "128" else ".128.", 1)
        if w != "wig":
            yield "other VEX W", 1, encoding.replace("." + w + " ", ".wig ", 1)
    digit = next((word for word in words if re.match(r"/\d$", word)), None)
    if digit:
        yield "any /digit", 1, encoding.replace(digit, "/r", 1)
        yield "another /digit", 1, encoding.replace(digit, "/%d" % (int(digit[1]) ^ 1), 1)
    exact = next((word for word in words[1:] if re.match(r"[c-f][08]$", word) and word not in ("f2", "f3")), None)
    if exact and not operands:
        yield "exact byte besides", 1, encoding.replace(exact, exact + "+i", 1)


def opcodes_of(row):
    """The opcode bytes that an encoding of the allow-list has, whatever its map; none of a literal one."""
    words = [column.strip() for column in row.split("|")][1].split()
    if words[0] == "=":
        return set()
    vex = words[0].startswith("vex.")
    while not vex and words[0] in ("66", "f2", "f3"):
        words = words[1:]
    words = words[1 if vex else 0 if words[0] != "0f" else 2 if words[1] in ("38", "3a") else 1:]
    first = int(words[0][:2], 16)
    return {first + i for i in range(8 if words[0].endswith("+r") else 1)}


def opcodes_changed(before, after):
    """What a mutant of the allow-list can change: the opcodes of the rows that it changes. Empty: it is not known."""
    known = [opcodes_of(row) for row in set(before.split("\n")) ^ set(after.split("\n")) if "|" in row and row[0] != "#"]
    return sorted(set().union(*known)) if all(known) else []


RULES = {"access of a general register": "every register that is written is known", "norex gone": "prefixes only where permitted"}


def mutants(path, text):
    """Yields (name, rule, mutated text)."""
    lines = text.split("\n")
    seen, names = {}, {}
    for number, line in enumerate(lines):
        columns = [column.strip() for column in line.split("|")]
        if not line or line[0] == "#" or columns[1].startswith("="):
            continue
        columns += [""] * (6 - len(columns))
        for kind, index, new in changes_of(columns):
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] % EVERY[kind]:
                continue
            changed = list(columns)
            changed[index] = new
            name = "allow.list %s %s: %s, %s" % (columns[0], columns[1], kind, new or "none")
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                name += " (%d)" % names[name]
            yield name, RULES.get(kind, kind), "\n".join(lines[:number] + [" | ".join(changed)] + lines[number + 1:])
