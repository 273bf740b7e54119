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
    """`first`: of some files, the tests that their mutants are tried on first."""

    def __init__(self, sources, steps, tests, product, first=()):
        self.sources, self.steps, self.tests, self.product, self.first = sources, steps, tests, product, dict(first)


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
        "cases": ([], False), "interface": ([], True), "table": (["list_encoding"], False), "compilers": ([], False), "mutant_reports": ([], True),
        "mutant_forms": (["oracle"], False), "mutant_sequences": (["against_model", "model", "oracle"], False),
        "sequences": (["against_model", "model", "oracle"], False), "fuzz": (["model", "oracle"], True),
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


def parts_of(root, folder, without=()):
    return [path.stem for path in sorted((root / folder).glob("*.c")) if path.stem not in without]


def kernel(flags, root):
    """The kernel over port/sim as a library, so that a mutant needs one link for all unit tests, in two builds: a quick one, and under
    the sanitizers for what the quick tests do not notice; and the simulation."""
    parts, sim = parts_of(root, "kernel", ["bytes"]), parts_of(root, "port/sim")
    # contracts_test is for the contracts of the tree, not for the kernel.
    units = [part for part in parts_of(root, "tests/kernel", ["contracts_test"]) if part.endswith("_test")]
    verifier_parts = ["verifier", "decode", "operands", "sequences"]
    simulation = parts_of(root, "tests/simulation", ["watch"])
    common = flags["HOST_CFLAGS"] + " -O1 -fno-strict-aliasing -fPIC -fno-semantic-interposition -Itests/kernel -Ibuild/gen "
    flags = dict(flags, plain=common, sanitize=common + flags["SANITIZE"])
    # agree.c stands between the kernel's files.
    wrap = ["-Wl,--wrap=" + name for name in ("kernel_channel_call", "kernel_thread_yield", "call_locked")]
    verified = ["out/verifier-%s.o" % part for part in verifier_parts]
    steps = [compile_step(flags, "plain", "verifier/%s.c" % part, "out/verifier-%s.o" % part) for part in verifier_parts]
    tests = {}
    for build in ("plain", "sanitize"):
        words = flags["SANITIZE"].split() if build == "sanitize" else []
        sources = ["kernel/%s.c" % part for part in parts] + ["port/sim/%s.c" % part for part in sim]
        objects = []
        for source in sources + ["tests/kernel/%s.c" % part for part in ["agree", "support"] + units]:
            objects.append("out/%s-%s.o" % (build, source[:-2].replace("/", "-")))
            steps.append(compile_step(flags, build, source, objects[-1]))
        kernel_objects = objects[:len(sources)]
        agree, support = objects[len(sources):len(sources) + 2]
        steps.append(link_step(flags, "out/libkernel-%s.so" % build, kernel_objects + verified, ["-shared"] + words))
        steps.append(link_step(flags, "out/libagree-%s.so" % build, kernel_objects + verified + [agree], ["-shared"] + wrap + words))
        for name in units:
            agrees = name in ("handover_test", "handover_random_test")
            library = "out/lib%s-%s.so" % ("agree" if agrees else "kernel", build)
            program = "out/%s-%s" % (build, name)
            steps.append(link_step(flags, program, ["out/%s-tests-kernel-%s.o" % (build, name), support],
                                   ["-rdynamic"] + (wrap if agrees else []) + [library, "-Wl,-rpath,$ORIGIN"] + words))
            shown = name if build == "plain" else name + " under the sanitizers"
            tests[shown] = Test(shown, [program], [library, program], build == "sanitize" or name in ("handover_random_test", "image_test"))
    product = ["out/plain-kernel-%s.o" % part for part in parts]
    steps += [compile_step(flags, "plain", "tests/simulation/%s.c" % part, "out/simulation-%s.o" % part) for part in simulation]
    steps.append(link_step(flags, "out/simulate", product + ["out/plain-port-sim-%s.o" % part for part in sim] + verified
                           + ["out/plain-tests-kernel-support.o"] + ["out/simulation-%s.o" % part for part in simulation]))
    tests["simulate"] = Test("simulate", ["out/simulate", "--calls", "40000", "--keep", "out/found"], ["out/simulate"], True)
    order = ["channel_test", "process_test", "calls_test", "contract_test", "trace_test", "lend_test", "principal_test", "observe_test",
             "exhaustion_test", "set_test", "handover_test", "image_test"]
    order = order + sorted(set(units) - set(order))
    order += [name + " under the sanitizers" for name in order]
    late = ["handover_random_test", "simulate", "handover_random_test under the sanitizers"]
    first = {"kernel/elf.c": ["image_test"], "kernel/image.c": ["image_test"], "kernel/contract.c": ["contract_test"],
             "kernel/set.c": ["set_test"], "kernel/observe.c": ["observe_test"], "kernel/handover.c": ["handover_test"],
             "kernel/trace.c": ["trace_test"],
             "kernel/start.c": ["image_test"], "kernel/object.h": ["image_test"], "kernel/thread.c": ["exhaustion_test"]}
    return Suite(["kernel/*.[ch]", "include/signet/*.h", "port/port.h", "port/sim/*.[ch]", "port/x86/*.h", "verifier/*.[ch]",
                  "tests/kernel/*.[ch]", "tests/lib/*.h", "tests/simulation/*.[ch]", "build/gen/verifier_table.h"],
                 steps, [tests[name] for name in [name for name in order if name not in late] + late], product, first)


SUITES = {"verifier": verifier, "kernel": kernel}
