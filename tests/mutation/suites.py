"""What is mutated: for each suite the files that are copied, how its tests are built from them, and in which order they run. Used by
mutate.py; the mutants themselves are in SUITE.list.

A step is a command in a private copy of the sources; it is run again only if a file that it reads has changed. `make
mutation-ready-SUITE` prepares what is taken from the tree's own build, and tells the flags of the compiler."""
import glob
import os


class Step:
    """`output`: what it makes. `inputs`: what it reads, besides what `depends` (a file that the compiler writes) says."""

    def __init__(self, output, inputs, command, depends=None, to_output=False):
        self.output, self.inputs, self.command, self.depends, self.to_output = output, inputs, command, depends, to_output


class Test:
    """`needs`: outputs and files that, changed, may change the result. `long`: it takes more than two seconds. `opcodes`: it takes an
    opcode as its argument, and is run for each one that the mutant can change; for mutants of which that is not known it is not."""

    def __init__(self, name, command, needs, long=False, opcodes=False):
        self.name, self.command, self.needs, self.long, self.opcodes = name, command, needs, long, opcodes


class Suite:
    def __init__(self, sources, steps, tests, product):
        self.sources, self.steps, self.tests, self.product = sources, steps, tests, product


def compile_step(flags, words, source, output, extra=()):
    """A C file to an object, without debugging information: the same code is the same object."""
    command = [flags["CC"]] + flags[words].split() + ["-w", "-g0", "-Iout/gen", "-MMD", "-MF", output + ".d", "-c", "-o", output, source]
    return Step(output, [source] + list(extra), command, output + ".d")


def link_step(flags, output, objects, words=()):
    return Step(output, objects, [flags["CC"], "-o", output] + list(objects) + list(words))


def verifier(flags, root):
    parts = ["verifier", "decode", "operands", "sequences"]
    zydis = ["-lZydis", "-lZycore"]
    sanitize = flags["SANITIZE"].split()
    steps = [
        compile_step(flags, "HOST_CFLAGS", "verifier/generate.c", "out/generate.o"),
        link_step(flags, "out/generate", ["out/generate.o"]),
        Step("out/gen/verifier_table.h", ["out/generate", "verifier/allow.list"], ["out/generate", "verifier/allow.list"], to_output=True),
    ]
    flags = dict(flags, SANITIZED=flags["HOST_CFLAGS"] + " -O1 " + flags["SANITIZE"])
    for part in parts:
        table = ["out/gen/verifier_table.h"] if part == "decode" else []
        steps.append(compile_step(flags, "TRUSTED_CFLAGS", "verifier/%s.c" % part, "out/%s.o" % part, table))
        steps.append(compile_step(flags, "SANITIZED", "verifier/%s.c" % part, "out/sanitize-%s.o" % part, table))
    normal, sanitized = ["out/%s.o" % part for part in parts], ["out/sanitize-%s.o" % part for part in parts]
    corpus = sorted(glob.glob(str(root / "build/tests/verifier/corpus/*.bin")))
    programs = {
        "cases": ([], False), "interface": ([], True), "table": ([], False), "compilers": ([], False), "mutant_reports": ([], True),
        "mutant_forms": (["oracle"], False), "mutant_sequences": (["model", "oracle"], False), "sequences": (["model", "oracle"], False), "fuzz": (["model", "oracle"], True),
        "mutant_accepted": ([], False), "enumerate": (["oracle"], False),
    }
    tests = {}
    compiled = set()
    for name, (others, is_sanitized) in programs.items():
        if not os.path.exists(root / "tests/verifier" / (name + ".c")):
            continue
        objects = []
        for part in [name] + others:
            kind = "SANITIZED" if is_sanitized and part == name else "HOST_CFLAGS"
            output = "out/test-%s.o" % part
            objects.append(output)
            if output not in compiled:
                compiled.add(output)
                steps.append(compile_step(flags, kind, "tests/verifier/%s.c" % part, output))
        if name == "compilers":
            steps[-1].command[1:1] = ["-DCORPUS_FILES=" + "".join('"%s",' % file for file in corpus)]
        steps.append(link_step(flags, "out/" + name, objects + (sanitized if is_sanitized else normal),
                               (sanitize if is_sanitized else []) + zydis))
        needs = ["out/" + name] + (["verifier/allow.list"] if name == "table" else [])
        tests[name] = Test(name, ["out/" + name], needs, name in ("sequences", "fuzz", "enumerate"))
    tests["generate-test"] = Test("generate-test", ["bash", "tests/verifier/generate-test.sh", "out/generate"], ["out/generate"])
    for name in ("mutant_forms", "mutant_accepted"):
        tests[name + " of one opcode"] = Test(name, ["out/" + name], ["out/" + name], opcodes=True)
    order = ["cases", "table", "compilers", "mutant_forms of one opcode", "mutant_accepted of one opcode", "generate-test", "interface",
             "mutant_sequences", "mutant_reports", "mutant_forms", "mutant_accepted", "sequences", "fuzz", "enumerate"]
    return Suite(["verifier/*.[ch]", "verifier/allow.list", "include/signet/*.h", "tests/verifier/*.[ch]", "tests/verifier/*.sh",
                  "tests/verifier/*.txt"],
                 steps, [tests[name] for name in order if name in tests], ["out/generate.o"] + normal)


SUITES = {"verifier": verifier}
