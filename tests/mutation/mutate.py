#!/usr/bin/env python3
"""Tests the tests: changes the code under test in one place after another, and each time some test has to fail.

`tests/mutation/mutate.py SUITE` takes the mutants of tests/mutation/SUITE.list (its format: table.py), applies each to a private
copy under build/mutation/, builds what depends on it, and runs the suite's tests, the fastest first, until one fails. A mutant that
no test notices survives, and is a failure; so is one that the table calls equivalent and a test notices, and one of the table that
does not compile. The tests that take long are for the mutants that no other notices, except those that the table calls equivalent.
Exit status: 0 none, 1 some, 2 the table or the build is wrong."""
import argparse
import collections
import concurrent.futures
import difflib
import hashlib
import os
import pathlib
import queue
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import rows
import suites
import table

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUTPUT_MOST = 64 << 20
BUILD_SECONDS = 120


class SetupError(Exception):
    pass


class BuildFailed(Exception):
    def __init__(self, step, text):
        super().__init__(text)
        self.step = step


def digest(data):
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MOST, OUTPUT_MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Worker:
    """A private copy of the sources with what is built of them."""

    def __init__(self, suite, folder, tests):
        self.suite, self.folder = suite, folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "out/gen").mkdir(parents=True)
        (folder / "unchanged").mkdir()
        for pattern in suite.sources:
            for source in ROOT.glob(pattern):
                target = folder / source.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        self.makes = {step.output: step for step in suite.steps}
        self.hashes = {}  # of each file as it is now
        self.keys = {}  # of each output: of what it was made
        self.unchanged = {}  # the same, before any mutant: output -> (key, its hash)
        self.limits = {}
        self.checked = {}  # of what the steps without a mutant read
        for output in suite.product + [output for test in tests for output in test.needs]:
            self.build(output)
        for output in list(self.keys):
            self.unchanged[output] = (self.keys[output], self.hash_of(output))
            shutil.copy2(folder / output, self.kept(output))

    def kept(self, output):
        return self.folder / "unchanged" / output.replace("/", "-")

    def hash_of(self, path):
        if path not in self.hashes:
            self.hashes[path] = digest((self.folder / path).read_bytes())
        return self.hashes[path]

    def inputs_of(self, step):
        if not step.depends:
            return step.inputs
        depends = self.folder / step.depends
        if step.output not in self.checked:
            if not depends.exists():
                return step.inputs
            words = depends.read_text().replace("\\\n", " ").split()[1:]
            self.checked[step.output] = sorted(set(step.inputs) | {os.path.normpath(w) for w in words if not w.startswith("/")})
        return self.checked[step.output]

    def build(self, output):
        """Makes an output anew if what it is made of has changed."""
        step = self.makes.get(output)
        if not step:
            return
        for path in step.inputs:
            self.build(path)
        key = digest("".join(path + self.hash_of(path) for path in self.inputs_of(step)).encode())
        if self.keys.get(output) == key:
            return
        self.hashes.pop(output, None)
        self.keys.pop(output, None)
        if self.unchanged.get(output, [None])[0] == key:
            shutil.copy2(self.kept(output), self.folder / output)
        else:
            self.run_step(step)
            if not self.unchanged:  # the first time, what the compiler read is known only now
                key = digest("".join(path + self.hash_of(path) for path in self.inputs_of(step)).encode())
        self.keys[output] = key

    def run_step(self, step):
        target = self.folder / step.output
        target.unlink(missing_ok=True)
        with open(target if step.to_output else os.devnull, "wb") as out:
            try:
                done = subprocess.run(step.command, cwd=self.folder, stdout=out, stderr=subprocess.PIPE, timeout=BUILD_SECONDS)
            except subprocess.TimeoutExpired:
                raise BuildFailed(step, "took too long") from None
        if done.returncode:
            target.unlink(missing_ok=True)
            raise BuildFailed(step, done.stderr.decode(errors="replace"))

    def run_test(self, test, limit, arguments=()):
        """None if it passes, otherwise why it fails. It is ended where it first says so."""
        process = subprocess.Popen(test.command + list(arguments), cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limited,
                                   text=True, errors="replace")

        def kill():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        late = []
        timer = threading.Timer(limit, lambda: (late.append(True), kill()))
        timer.start()
        wrong = next((line.strip() for line in process.stdout if line.startswith("not ok")), None)
        if wrong:
            kill()
        status = process.wait()
        timer.cancel()
        kill()
        process.stdout.close()
        if late:
            return "it does not end"
        return wrong or ("exit status %d" % status if status else None)

    def check_unchanged(self, tests):
        """The tests pass before anything is changed; how long they take sets how long they may."""
        for test in tests:
            if test.opcodes:
                self.limits[test.name] = 3
                continue
            begin = time.monotonic()
            why = self.run_test(test, 600)
            if why:
                raise SetupError("%s fails without a mutant: %s" % (test.name, why))
            self.limits[test.name] = 3 + 8 * (time.monotonic() - begin)

    def is_same(self, output):
        """Whether it is what it is without the mutant."""
        if output in self.makes:
            return self.hash_of(output) == self.unchanged[output][1]
        return output not in self.mutated

    def try_mutant(self, mutant, tests):
        """-> (verdict, detail): caught, survived, same code, or does not compile."""
        path = self.folder / mutant.path
        path.write_text(mutant.after)
        self.hashes.pop(mutant.path, None)
        self.mutated = {mutant.path}
        opcodes = rows.opcodes_changed(mutant.before, mutant.after) if mutant.path.endswith(".list") else []
        try:
            try:
                for output in self.suite.product:
                    self.build(output)
            except BuildFailed as failure:
                if failure.step.command[0].startswith("out/"):
                    return "caught", "the table generator"
                return "does not compile", str(failure)
            if mutant.path.endswith((".c", ".h")) and all(self.is_same(output) for output in self.suite.product):
                return "same code", ""
            for test in tests:
                try:
                    for output in test.needs:
                        self.build(output)
                except BuildFailed as failure:
                    return "does not compile", str(failure)
                if all(self.is_same(output) for output in test.needs) or test.opcodes and not opcodes:
                    continue
                runs = [["%02x" % opcode] for opcode in opcodes] if test.opcodes else [[]]
                if any(self.run_test(test, self.limits[test.name], arguments) for arguments in runs):
                    return "caught", test.name
            return "survived", ""
        finally:
            path.write_text(mutant.before)
            self.hashes.pop(mutant.path, None)


def flags_of(suite):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    done = subprocess.run(["make", "-s", "mutation-ready-" + suite], cwd=ROOT, env=environment, capture_output=True, text=True)
    flags = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if done.returncode or "CC" not in flags:
        raise SetupError("make mutation-ready-%s failed:\n%s" % (suite, done.stderr))
    return flags


class Run:
    def __init__(self, options):
        self.options = options
        self.table = table.Table(str(pathlib.Path(__file__).parent / (options.suite + ".list")), ROOT)
        self.chosen = self.choose()
        self.suite = suites.SUITES[options.suite](flags_of(options.suite), ROOT)
        self.results = {}
        self.left = 0  # what the long tests were run for
        self.lock = threading.Lock()
        self.done = 0

    def choose(self):
        chosen = self.table.mutants
        if self.options.only:
            chosen = [mutant for mutant in chosen if self.options.only in mutant.name]
        if self.options.names:
            names = set(pathlib.Path(self.options.names).read_text().splitlines())
            chosen = [mutant for mutant in chosen if mutant.name in names]
        if self.options.kind:
            chosen = [mutant for mutant in chosen if mutant.kind == self.options.kind]
        if not chosen:
            raise SetupError("there is no such mutant")
        if self.options.sample:
            chosen = [mutant for mutant in chosen if not mutant.equivalent]
            chosen = random.Random(self.options.seed).sample(chosen, min(self.options.sample, len(chosen)))
        return sorted(chosen, key=lambda mutant: mutant.path)  # what depends on one file is built anew once

    def tests_for(self, mutant):
        """In the first round the quick ones, and those that are this file's first; in the second the long ones."""
        first = [name for path, names in self.suite.first.items() if not mutant or path == mutant.path for name in names]
        chosen = [test for test in self.suite.tests if test.long == self.long or not self.long and test.name in first]
        return sorted(chosen, key=lambda test: test.name not in first)

    def work(self, number):
        worker = Worker(self.suite, self.folder / str(number), self.tests_for(None))
        if number == 0:
            worker.check_unchanged(self.tests_for(None))
            self.limits = worker.limits
            self.ready.set()
        else:
            self.ready.wait()
            if not hasattr(self, "limits"):
                return
            worker.limits = self.limits
        while True:
            try:
                mutant = self.waiting.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            verdict = worker.try_mutant(mutant, self.tests_for(mutant))
            with self.lock:
                self.results[mutant.name] = verdict + (time.monotonic() - begin,)
                self.done += 1
                self.tell(mutant, verdict)

    def tell(self, mutant, verdict):
        if self.options.verbose:
            print("%-16s %-16s %5.1f s  %s" % (verdict[0], verdict[1].split("\n")[0][:16], self.results[mutant.name][2], mutant.name),
                  flush=True)
        elif sys.stderr.isatty():
            sys.stderr.write("\r%d of %d \r" % (self.done, len(self.chosen)))

    def all(self):
        """The long tests are for what the quick ones do not notice; not for what nothing can notice."""
        self.try_all(self.chosen, long=False)
        left = [mutant for mutant in self.chosen if self.results[mutant.name][0] == "survived" and not mutant.equivalent]
        if left and not self.options.quick:
            self.done, self.left = self.done - len(left), len(left)
            self.try_all(left, long=True)
        return self.report()

    def try_all(self, mutants, long):
        self.long = long
        self.waiting = queue.Queue()
        self.ready = threading.Event()
        # Of this process alone: another may run beside it.
        self.folder = ROOT / "build/mutation" / ("%s-%d" % (self.options.suite, os.getpid()))
        for mutant in mutants:
            self.waiting.put(mutant)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            futures = [pool.submit(self.work, number) for number in range(self.options.jobs)]
            try:
                futures[0].result()
            finally:
                self.ready.set()
            for future in futures:
                future.result()
        shutil.rmtree(self.folder)

    def is_failure(self, mutant):
        verdict = self.results[mutant.name][0]
        if mutant.equivalent:
            return verdict in ("caught", "does not compile")
        return verdict == "survived" or (not mutant.generated and verdict in ("does not compile", "same code"))

    def explain(self, mutant):
        verdict, detail = self.results[mutant.name][:2]
        if mutant.equivalent and verdict == "caught":
            verdict = "is said to be equivalent (%s) and is noticed by %s" % (mutant.equivalent, detail)
        elif verdict == "same code":
            verdict = "is the same machine code"
        print("# %s: %s" % (mutant.name, verdict))
        print("#   it weakens: %s" % mutant.rule)
        if verdict == "does not compile":
            print("#   " + detail.strip().replace("\n", "\n#   "))
        for line in difflib.unified_diff(mutant.before.splitlines(), mutant.after.splitlines(), mutant.path, mutant.path, "", "", 1, ""):
            print("#   " + line)

    def report(self):
        counts = collections.Counter()
        catchers = collections.Counter()
        failures = [mutant for mutant in self.chosen if self.is_failure(mutant)]
        for mutant in self.chosen:
            verdict, detail = self.results[mutant.name][:2]
            verdict = "equivalent" if mutant.equivalent and verdict in ("survived", "same code") else verdict
            counts[verdict] += 1
            if verdict == "caught":
                catchers[detail] += 1
        if self.options.tap:
            print("1..%d" % len(self.chosen))
            for number, mutant in enumerate(self.chosen, 1):
                print("%s %d - noticed: %s" % ("not ok" if mutant in failures else "ok", number, mutant.name.replace("#", "")))
        for mutant in failures:
            self.explain(mutant)
        mutants = len(self.chosen) - counts["same code"] - counts["does not compile"]
        lines = ["{:,} mutants of the {}, {:,} of them written by hand; {:,} caught, {:,} survived, {:,} change nothing, as argued one by "
                 "one".format(mutants, self.options.suite, sum(not mutant.generated for mutant in self.chosen), counts["caught"],
                              sum(self.results[m.name][0] == "survived" and not m.equivalent for m in self.chosen), counts["equivalent"]),
                 "caught by: " + ", ".join("{} {:,}".format(name, count) for name, count in catchers.most_common()),
                 "left out: {:,} of which the compiler makes the same machine code, {:,} that are not C".format(
                     counts["same code"], counts["does not compile"])]
        if self.table.places:
            lines.append("the {} refuses at {:,} places: a mutant leaves out or weakens the condition of each, but for {}".format(
                self.options.suite, self.table.places, ", ".join(self.table.forgotten) or "none"))
        tests = dict.fromkeys(test.name for test in self.suite.tests if not test.long)
        slow = dict.fromkeys(test.name for test in self.suite.tests if test.long)
        lines.append("tests of every mutant, until one notices: {}; of the {:,} that none of those noticed and that are not argued to change "
                     "nothing: {}".format(", ".join(tests), self.left, ", ".join(slow)))
        for line in lines:
            print(("record: " if self.options.record else "# ") + line)
        return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("suite", choices=sorted(suites.SUITES))
    parser.add_argument("--only", metavar="TEXT", help="only the mutants with this in their names")
    parser.add_argument("--names", metavar="FILE", help="only those whose names are lines of a file")
    parser.add_argument("--kind", choices=["written"] + sorted(table.GENERATORS), help="only those of the table, or of one generator")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of them")
    parser.add_argument("--seed", type=int, default=1, help="which N")
    parser.add_argument("-j", dest="jobs", type=int, default=os.cpu_count(), metavar="N", help="how many at once")
    parser.add_argument("--quick", action="store_true", help="without the tests that take long: more may survive")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("--verbose", action="store_true", help="print each verdict")
    parser.add_argument("--tap", action="store_true", help="print a test result for each mutant")
    parser.add_argument("--record", action="store_true", help="print the counts for docs/record.txt")
    options = parser.parse_args()
    try:
        run = Run(options)
        if options.list:
            print("\n".join(mutant.name for mutant in run.chosen))
            return 0
        return run.all()
    except (SetupError, table.TableError, BuildFailed) as error:
        print("mutate.py: %s" % error, file=sys.stderr)
        return 2


sys.exit(main())
