#!/usr/bin/env python3
"""Faults in the real system: `faults.py` is the short run of `make test`; `faults.py --record SECONDS` the long one, for the record.
`faults.py ATTACK SEED SECONDS` makes one attack again, `faults.py each N ERROR` one life in which the N-th call fails.

The web system and a bank on the sealed SQLite run under load; processes are killed, stopped and delayed, the host refuses what
it is asked for, the power goes. docs/faults.md names what may be lost; nothing else may be."""
# timeout: 180

import collections
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attacks  # noqa: E402
import each  # noqa: E402
import known  # noqa: E402
from system import finish, ok, say  # noqa: E402

ATTACKS = {"processes": "every process killed, stopped and delayed, and clocks and waits that are wrong",
           "host": "the host refuses one call, many, or all of a kind for a time",
           "whole": "the whole system stopped, and ended at once",
           "power": "the power goes, and what was not synced is lost",
           "real": "a disk that is full, no descriptors, no memory, files that may not grow"}
SHARES = {"processes": 3, "host": 5, "whole": 2, "power": 2, "real": 2}


def can_mount():
    return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def alone():
    """Again in a mount name space of its own, so that a file system can be mounted and is gone in any case."""
    if os.environ.get("FAULTS_ALONE") or not can_mount():
        return
    os.environ["FAULTS_ALONE"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def attack(name, seed, seconds):
    if name == "real" and not os.environ.get("FAULTS_ALONE"):
        return None
    return getattr(attacks, name)(seed, time.monotonic() + seconds)


def lives(seed, until, counts):
    """-> what was wrong. The calls of a life in an order of chance; in each life one of them fails, with its first error; then with
    each other one."""
    wrong, total = [], each.life(0, 0)[3]
    for error in range(3):
        order = list(range(1, total + 1))
        random.Random(seed).shuffle(order)
        for n in order:
            if time.monotonic() > until or wrong:
                return wrong
            kind, lost, what, _ = each.life(n, error)
            if kind:
                counts["calls failed in turn"] += 1
                counts["lost: " + (lost or "something is wrong")] += 1
            if what:
                wrong.append(what)
        counts["times that each call was tried"] += 1
    return wrong


def short():
    known.run()
    for name, what in ATTACKS.items():
        done = attack(name, 1, 1.5)
        if done is None:
            ok(True, "%s # SKIP no file system can be mounted here" % what)
            continue
        if not ok(not done.wrong, what):
            say(done.wrong)
    counts = collections.Counter()
    wrong = lives(1, time.monotonic() + 5, counts)
    ok(not wrong and counts["calls failed in turn"] > 3, "the system lives, or says why not, with one call failed: %s" % dict(counts))
    finish()


def number(count):
    return "{:,}".format(count)


def record(seconds):
    counts, wrong, begin = collections.Counter(), [], time.monotonic()

    def progress(what):
        if sys.stderr.isatty():
            print("\r%4d s  %-30s" % (time.monotonic() - begin, what), end="", file=sys.stderr, flush=True)

    sums = sum(SHARES.values()) + 10
    for name, share in SHARES.items():
        until, seed = time.monotonic() + seconds * share / sums, 1
        while time.monotonic() < until and not wrong:
            progress("%s, seed %d" % (name, seed))
            done = attack(name, seed, min(20, max(3, until - time.monotonic())))
            if done is None:
                print("record: %s: left out, because no file system can be mounted here" % ATTACKS[name])
                break
            counts += done.counts
            wrong += done.wrong
            seed += 1
    progress("each call in turn")
    wrong += lives(2, begin + seconds, counts) if not wrong else []
    faults = {name[6:]: n for name, n in counts.items() if name.startswith("fault ")}
    print("record: %s calls to the host failed in a running system (%s)" %
          (number(sum(faults.values())), ", ".join("%s %s" % (name, number(n)) for name, n in sorted(faults.items()))))
    for what in ("kills", "processes stopped", "delays of a process", "waits that ended late", "waits that ended early",
                 "answers of a device delayed", "jumps of the clock", "stops of the whole system", "ends of the whole system at once",
                 "losses of power", "times of full disk", "times of no descriptors", "times of no memory", "times of files may not grow",
                 "calls failed in turn", "times that each call was tried", "integrity checks", "requests answered", "requests answered with an error", "connections lost",
                 "transfers acknowledged", "transfers refused", "transfers not answered", "ends of sqlite by its operator"):
        print("record: %s: %s" % (what, number(counts[what])))
    for what, n in sorted(counts.items()):
        if what.startswith("lost: "):
            print("record: of the calls failed in turn, %s: %s" % (what, number(n)))
    print("record: wrong answers, corrupt databases, acknowledged transfers lost, hangs, panics, leaks: %d" % len(wrong))
    for what in wrong:
        print("WRONG " + what)
    return 1 if wrong else 0


def main():
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return
    alone()
    if not arguments:
        short()
    elif arguments[0] == "--record" and len(arguments) == 2:
        sys.exit(record(float(arguments[1])))
    elif arguments[0] == "each" and len(arguments) == 3:
        print(each.life(int(arguments[1]), int(arguments[2])))
    elif arguments[0] in ATTACKS and len(arguments) == 3:
        done = attack(arguments[0], int(arguments[1]), float(arguments[2]))
        if done is None:
            sys.exit("faults.py: no file system can be mounted here, which this attack needs")
        print(dict(done.counts))
        sys.exit(1 if done.wrong else 0)
    else:
        print("usage: faults.py [--record SECONDS | each N ERROR | ATTACK SEED SECONDS]; an ATTACK is one of %s" % ", ".join(ATTACKS),
              file=sys.stderr)
        sys.exit(2)


main()
