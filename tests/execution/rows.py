#!/usr/bin/env python3
"""Turns verifier/allow.list into a table from which the generator of random programs composes instructions (a C header on
standard output). Shares nothing with verifier/generate.c but the file that both read."""
import re
import sys

FIELDS = "EGRMWVUHBZLAIJ"
PREFIX = {"66": 0x66, "f3": 0xF3, "f2": 0xF2}
RULES = {"": "PLAIN", "branch": "BRANCH", "indirect": "INDIRECT", "return": "RETURN", "string": "STRING", "address": "ADDRESS"}


def parse(line):
    columns = [c.strip() for c in line.split("|")] + [""] * 6
    mnemonic, encoding, operands, _, features, rule = columns[:6]
    row = dict(mnemonic=mnemonic, kind="ROW_" + RULES[rule], modrm="MODRM_NONE", features=features.split())
    words = encoding.split()
    if words[0] == "=":
        row.update(kind="ROW_LITERAL", literal=[int(w, 16) for w in words[1:]])
        return row
    if words[0].startswith("vex."):
        _, length, prefix, space, w = words.pop(0).split(".")
        row.update(vex=1, l=int(length == "256"), pp=["np", "66", "f3", "f2"].index(prefix), map=["", "0f", "0f38", "0f3a"].index(space),
                   w={"w0": "W_CLEAR", "wig": "W_EITHER", "w1": "W_SET"}[w])
    else:
        if words[0] in PREFIX and len(words) > 1:
            row["prefix"] = PREFIX[words.pop(0)]
        if words[0] == "0f":
            words.pop(0)
            row["map"] = 1
            if words[0] in ("38", "3a"):
                row["map"] = {"38": 2, "3a": 3}[words.pop(0)]
    opcode = words.pop(0)
    row["opcode"] = int(opcode[:2], 16)
    row["plus"] = int(opcode.endswith("+r"))
    for word in words:
        if word == "/r":
            row["modrm"] = "MODRM_ANY"
        elif re.fullmatch("/[0-7]", word):
            row.update(modrm="MODRM_DIGIT", first=int(word[1]))
        elif re.fullmatch(r"[0-9a-f]{2}(\+i)?", word):
            row.update(modrm="MODRM_BYTE", first=int(word[:2], 16), many=8 if word.endswith("+i") else 1)
        elif word == "w":
            row["w"] = "W_EITHER"
        elif word == "w1":
            row["w"] = "W_SET"
        else:
            row[word] = 1  # o16, lock, norex
    for word in operands.split():
        operand, _, access = word.partition(":")
        place, width = operand[0], operand[1:]
        assert place in FIELDS, word
        general, written, byte = place in "EGRBZ", "w" in access, width == "b"
        if place in "ERMWUA":
            row["memory"] = int(place in "EMWA")
            row["direct"] = int(place in "ERWU")
            if general:
                row["rm"] = "FIELD_GENERAL" + ("|FIELD_WRITTEN" if written else "") + ("|FIELD_BYTE" if byte else "")
        elif place in "GZB":
            row[{"G": "reg", "Z": "low", "B": "vvvv"}[place]] = (
                "FIELD_GENERAL" + ("|FIELD_WRITTEN" if written else "") + ("|FIELD_BYTE" if byte else ""))
        elif place == "H":
            row["vvvv"] = "FIELD_VECTOR"
        elif place in "IJL":
            row["immediate"] = "'%s'" % ("b" if place == "L" else width)
    return row


def main():
    groups = {"GENERAL": [], "X87": [], "VECTOR": []}
    with open(sys.argv[1], encoding="ascii") as listing:
        for line in listing:
            if line.strip() and not line.startswith("#"):
                row = parse(line)
                vector = row.get("vex") and not re.search(r"\b[GB][yv]:w", line) or re.search(r"\b[WVUHL]x?\d*:", line)
                x87 = not row.get("vex") and not row.get("map") and 0xD8 <= row.get("opcode", 0) <= 0xDF
                groups["X87" if x87 else "VECTOR" if vector else "GENERAL"].append(row)
    print("/* Written by tests/execution/rows.py from verifier/allow.list. */")
    print("static const struct row rows[] = {")
    for rows in groups.values():
        for row in rows:
            parts = ['.mnemonic = "%s"' % row.pop("mnemonic")]
            features = row.pop("features")
            literal = row.pop("literal", None)
            if features:
                parts.append(".features = " + "|".join("1u << VERIFIER_FEATURE_" + f for f in features))
            if literal:
                parts.append(".literal_length = %d, .literal = {%s}" % (len(literal), ", ".join(map(hex, literal))))
            parts += [".%s = %s" % item for item in row.items()]
            print("    {%s}," % ", ".join(parts))
    print("};")
    first = 0
    for name, rows in groups.items():
        print("enum { ROWS_%s = %d, ROWS_%s_COUNT = %d };" % (name, first, name, len(rows)))
        first += len(rows)


main()
