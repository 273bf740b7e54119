"""Reads a table of mutants (tests/mutation/*.list). Used by mutate.py.

The format, a line at a time; `#` begins a comment line:
  file PATH                    the mutants that follow change this file
  mutant NAME: RULE            one mutant, and the rule it weakens
  - TEXT                       what is replaced, exactly as in the file, where it must occur once; several lines: several of these
  + TEXT                       what replaces it; without `-` lines these are added at the end of the file
  equivalent NAME: REASON      this mutant, of the table or generated, changes nothing that anyone could see, because…
  generate operators PATH      mutants of every condition, operator, constant and statement of a C file: operators.py
  generate checks PATH         mutants of the conditions before a call of `fail`
  generate refusals PATH       mutants of the conditions that decide whether the kernel refuses something: refusals.py
  generate rows PATH           mutants of every row of the allow-list: rows.py"""
import pathlib
import re

import operators
import refusals
import rows

GENERATORS = {"operators": operators.mutants, "checks": operators.checks, "rows": rows.mutants,
              "refusals": refusals.mutants}


class TableError(Exception):
    pass


class Mutant:
    """One change of one file. `kind`: "written" in the table, or what generated it."""

    def __init__(self, name, path, rule, before, after, kind="written"):
        self.name, self.path, self.rule = name, path, rule
        self.before, self.after = before, after  # the whole text of the file
        self.kind, self.generated = kind, kind != "written"  # of the generated ones some do not compile
        self.equivalent = None  # the reason


class Table:
    def __init__(self, path, root):
        self.path, self.root = path, root
        self.mutants, self.names = [], set()
        self.texts = {}
        self.places, self.forgotten = 0, []  # where the files of `generate refusals` refuse; those that no mutant is about
        self.read()

    def fail(self, number, what):
        raise TableError("%s:%d: %s" % (self.path, number, what))

    def text(self, path, number):
        if path not in self.texts:
            try:
                self.texts[path] = (self.root / path).read_text()
            except OSError as error:
                self.fail(number, error)
        return self.texts[path]

    def add(self, mutant, number):
        if mutant.name in self.names:
            self.fail(number, "two mutants are called %s" % mutant.name)
        self.names.add(mutant.name)
        self.mutants.append(mutant)

    def finish(self, block):
        if not block:
            return
        number, path, name, rule, old, new = block
        before = self.text(path, number)
        if not old and not new:
            self.fail(number, "%s changes nothing" % name)
        if not old:
            after = before + "\n".join(new) + "\n"
        else:
            count = before.count("\n".join(old))
            if count != 1:
                self.fail(number, "the text of %s occurs %d times in %s, not once" % (name, count, path))
            after = before.replace("\n".join(old), "\n".join(new))
        if before == after:
            self.fail(number, "%s changes nothing" % name)
        self.add(Mutant(name, path, rule, before, after), number)

    def read(self):
        path, block, equivalents = None, None, {}
        for number, line in enumerate(pathlib.Path(self.path).read_text().splitlines(), 1):
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in "+-" and line[1:2] in ("", " "):
                if not block:
                    self.fail(number, "no mutant to which this belongs")
                block[4 if line[0] == "-" else 5].append(line[2:])
                continue
            self.finish(block)
            block = None
            word, _, rest = line.partition(" ")
            name, colon, reason = rest.partition(": ")
            if word == "file":
                path = rest
            elif word == "mutant" and colon and path:
                block = (number, path, name, reason, [], [])
            elif word == "equivalent" and colon:
                # A generated name has colons of its own: the reason begins after the last " because ".
                name, because, reason = rest.partition(": because ")
                if not because:
                    self.fail(number, "equivalent NAME: because …")
                equivalents[name] = (number, reason)
            elif word == "generate" and re.match(r"\w+ \S+$", rest) and rest.split()[0] in GENERATORS:
                kind, file = rest.split()
                if kind == "refusals":
                    found = refusals.Refusals(self.text(file, number))
                    self.places += len(found.sites)
                    self.forgotten += ["%s:%d" % (file, line) for function, line in found.unguarded()]
                for name, rule, after in GENERATORS[kind](file, self.text(file, number)):
                    self.add(Mutant(name, file, rule, self.text(file, number), after, kind), number)
            else:
                self.fail(number, "not a line of a table: %s" % line)
        self.finish(block)
        by_name = {mutant.name: mutant for mutant in self.mutants}
        for name, (number, reason) in equivalents.items():
            if name not in by_name:
                self.fail(number, "no mutant is called %s" % name)
            by_name[name].equivalent = reason
