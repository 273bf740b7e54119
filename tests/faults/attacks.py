"""The attacks: what goes wrong, under load, and what has to be right again after each time. All chance is a seed's."""

import collections
import contextlib
import os
import random
import resource
import signal
import subprocess
import tempfile
import time

import bank
import disk
from system import PROCESSES, Load, System, say

BOUND = 15  # seconds in which all has to be right again

# The calls that a running system makes of the host, and those whose failure only its start can meet.
RUNNING = ["mmap", "munmap", "mprotect", "madvise", "memfd_create", "ftruncate", "fallocate", "mincore", "malloc", "calloc", "pread", "pwrite",
           "read", "write", "fsync", "close", "fstat", "fstatfs", "openat2", "unlinkat", "getdents64", "epoll_ctl", "epoll_wait",
           "poll", "accept4", "recv", "send", "shutdown"]


class Attack:
    """A system with its load, faults in rounds, and what is counted; `wrong` is empty at the end, or it is not right."""

    def __init__(self, name, seed, **options):
        self.name, self.seed = name, seed
        self.random = random.Random("%s %d" % (name, seed))
        self.counts = collections.Counter()
        self.wrong = []
        self.options = options
        self.system = System(seed=seed, journal=self.random.choice(bank.JOURNALS), **options)
        self.load = None
        self.before = None

    def fail(self, what):
        self.wrong.append("%s, seed %d: %s" % (self.name, self.seed, what))
        say(self.wrong[-1])
        log = "\n".join(line for line in self.system.log().splitlines() if "cannot rollback" not in line)
        say(log[-1500:])
        return False

    def begin(self, **options):
        if not self.system.start(**options):
            return self.fail("it does not serve")
        self.system.plan.armed = 1
        if not self.system.teller.progress(BOUND):
            return self.fail("no transfer is acknowledged at the beginning")
        if self.before is None:
            warm = Load(self.system)
            time.sleep(0.3)
            warm.stop()
            self.system.teller.pause()
            self.before = self.system.quiet()
            self.resident = self.system.resident()
        self.load = Load(self.system)
        self.system.teller.allowed.set()
        return True

    def tally(self):
        counts = self.load.stop() if self.load else {}
        self.load = None
        self.counts["requests answered"] += counts.get("answered", 0)
        self.counts["requests answered with an error"] += sum(n for kind, n in counts.items() if kind.startswith("told"))
        self.counts["connections lost"] += counts.get("connection lost", 0)
        if counts.get("wrong"):
            self.fail("%d wrong answers" % counts["wrong"])
        if counts.get("hung"):
            self.fail("%d requests without an answer" % counts["hung"])

    def settle(self, what, sealed=False):
        """Calm; everything has to come right within its bound."""
        system = self.system
        system.plan.calm()
        if system.hung:
            return self.fail("after %s: %s" % (what, system.hung))
        if not system.alive():
            return self.fail("after %s: the system ended with %s" % (what, system.process.returncode))
        if not system.serves(BOUND):
            return self.fail("after %s: not all is served again" % what)
        # SQLite's shell gets its input and output errors for good when its file service was started again: who operates it ends
        # it, and the supervisor starts it anew (docs/faults.md).
        if not system.teller.progress(2):
            self.counts["ends of sqlite by its operator"] += system.kill("sqlite")
            if not system.teller.progress(BOUND):
                return self.fail("after %s: no transfer is acknowledged again" % what)
        return self.look(what, sealed)

    def look(self, what, sealed=False):
        self.system.teller.pause()
        found = self.system.wrong(sealed)
        self.counts["integrity checks"] += 1 + sealed
        self.system.teller.allowed.set()
        if found:
            return self.fail("after %s: %s" % (what, found))
        return True

    def end(self):
        """What is left over; its end in good order; the last check."""
        system = self.system
        self.tally()
        if system.alive() and not self.wrong and self.settle("all of it"):
            system.teller.pause()
            after = system.quiet(self.before)
            spare = {"descriptors": 2}  # a journal that is open
            if not after or any(abs(after.get(name, 0) - self.before.get(name, 0)) > spare.get(name, 0) for name in after | self.before):
                self.fail("left over: %s, before %s" % (after, self.before))
            resident = system.resident()
            if resident > self.resident + 16384:
                self.fail("memory: %d KiB, before %d" % (resident, self.resident))
            status = system.stop()
            if status != 0:
                self.fail("it ended with %s" % status)
        if not system.alive():
            found = system.wrong()
            self.counts["integrity checks"] += 2
            if found:
                self.fail("at the end: " + found)
        if "panic" in system.log():
            self.fail("kernel panic")
        self.counts["transfers acknowledged"] += len(system.ledger.acknowledged)
        self.counts["transfers refused"] += len(system.ledger.refused)
        self.counts["transfers not answered"] += system.ledger.n - len(system.ledger.acknowledged | system.ledger.refused | system.ledger.doubtful)
        self.counts["transfers whose COMMIT failed, and that could be read"] += len(system.ledger.doubtful)
        for name, injected in system.plan.injected().items():
            self.counts["fault " + name] += injected
        system.close()
        return not self.wrong


def processes(seed, until):
    """Kills, stops and delays of each process, and waits that end late or early."""
    attack = Attack("processes", seed, cpus=1 + seed % 2)
    system, chance = attack.system, attack.random
    if attack.begin():
        while time.monotonic() < until and not attack.wrong:
            victim = chance.choice(PROCESSES)
            kind = chance.choice(["kill", "kill", "stop", "delay", "late", "early", "slow", "skew"])
            if kind == "kill":
                for _ in range(chance.randint(1, 4)):
                    attack.counts["kills"] += system.kill(victim)
                    time.sleep(chance.random() * 0.05)
            elif kind == "stop":
                # Off its processor for good; only its end helps.
                system.plan.hold_process = system.number(victim)
                time.sleep(chance.random() * 0.2)
                attack.counts["processes stopped"] += 1
                attack.counts["kills"] += system.kill(victim)
            elif kind == "delay":
                system.plan.hold_time = int(chance.random() * 50e6)
                system.plan.hold_probability = int((1 << 32) * 0.01)
            elif kind == "late":
                system.plan.late_time = int(chance.random() * 20e6)
                system.plan.late_probability = int((1 << 32) * 0.1)
            elif kind == "early":
                system.plan.early_probability = int((1 << 32) * 0.3)
            elif kind == "slow":
                system.plan.device_time = int(chance.random() * 30e6)
                system.plan.device_probability = int((1 << 32) * 0.1)
            elif kind == "skew":
                system.plan.skew += chance.randint(1, 120) * 1000000000
                attack.counts["jumps of the clock"] += 1
            time.sleep(chance.random() * 0.3)
            attack.settle("%s %s" % (kind, victim), chance.random() < 0.2)
    plan = system.plan
    attack.counts["delays of a process"] += plan.held
    attack.counts["waits that ended late"] += plan.late
    attack.counts["waits that ended early"] += plan.early
    attack.counts["answers of a device delayed"] += plan.slow
    attack.end()
    return attack


def host(seed, until):
    """Each call that a running system makes of the host: one fails, each so-manieth, or all for a time."""
    attack = Attack("host", seed, cpus=1 + seed % 2)
    system, chance = attack.system, attack.random
    order = RUNNING * 3
    chance.shuffle(order)
    if attack.begin():
        while time.monotonic() < until and not attack.wrong:
            name = order.pop() if order else chance.choice(RUNNING)
            call = system.plan.call(name)
            error = chance.choice(call.errors)
            kind = chance.choice(["one", "each", "chance", "all"])
            what = "%s %s with %d" % (kind, name, error)
            if chance.random() < 0.3:
                attack.counts["kills"] += system.kill(chance.choice(PROCESSES))
            if kind == "one":
                system.plan.fail_next(name, error, chance.randint(1, 20))
            elif kind == "each":
                system.plan.fail(name, error, every=chance.randint(2, 9))
            elif kind == "chance":
                system.plan.fail(name, 0, probability=chance.random() * 0.5)
            else:
                system.plan.fail(name, error, every=1)
            time.sleep(0.05 + chance.random() * 0.3)
            attack.settle(what, chance.random() < 0.1)
    attack.end()
    return attack


def whole(seed, until):
    """The host process stopped and continued, and killed with all that is in it; then it is started again."""
    attack = Attack("whole", seed, cpus=1 + seed % 2)
    system, chance = attack.system, attack.random
    while time.monotonic() < until and not attack.wrong:
        if not attack.begin():
            break
        for _ in range(chance.randint(0, 3)):
            time.sleep(chance.random() * 0.1)
            system.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.random() * 0.2)
            system.process.send_signal(signal.SIGCONT)
            attack.counts["stops of the whole system"] += 1
        time.sleep(chance.random() * 0.3)
        system.cut()
        attack.counts["ends of the whole system at once"] += 1
        attack.tally()
        found = system.wrong(chance.random() < 0.3)
        attack.counts["integrity checks"] += 1
        if found:
            attack.fail("after its end: " + found)
    attack.begin() if not attack.wrong else None
    attack.end()
    return attack


def power(seed, until, cuts=200):
    """Losses of power at any moment of a run: what the disk could then hold is always a sound database."""
    attack = Attack("power", seed)
    system, chance = attack.system, attack.random
    with tempfile.TemporaryDirectory() as scratch:
        journal = scratch + "/journal"
        open(journal, "w").close()
        answered = []  # (bytes of the journal by then, number)
        model = disk.Disk(system.database)
        if attack.begin(journal_file=journal,
                        on_answer=lambda n, there: there and answered.append((os.path.getsize(journal), n))):
            enough = (time.monotonic() + until) / 2
            while time.monotonic() < enough and len(answered) < 400:
                time.sleep(0.05)
                if chance.random() < 0.1:
                    attack.counts["kills"] += system.kill(chance.choice(["sqlite", "store"])) + system.kill("sqlite")
            system.teller.pause()
        attack.end()
        records = disk.read(journal)
        each = max(1, len(records) // cuts)
        due = chance.randint(1, each)
        for record in records:
            model.apply(record)
            due -= 1
            if due or attack.wrong:
                continue
            due = chance.randint(1, 2 * each - 1) if each > 1 else 1
            safe = {n for size, n in answered if size <= record[0]}
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                model.after_cut(chance, folder)
                found = system.ledger.wrong(folder + "/bank.db", safe)
                attack.counts["losses of power"] += 1
                attack.counts["integrity checks"] += 1
                if found:
                    attack.wrong.append("power, seed %d, %s: cut at byte %d of the journal: %s" %
                                        (seed, system.journal, record[0], found))
                    say(attack.wrong[-1])
                    for end, kind, number, offset, body, name, _ in records:
                        if record[0] - 40000 < end <= record[0]:
                            say("%d: %s of %d %s at %d, %d bytes; safe by now: %s" %
                                (end, ["open", "write", "truncate", "sync", "remove", "rename"][kind], number, name, offset, len(body),
                                 [n for size, n in answered if size == end]))
    return attack


def real(seed, until):
    """The host's own limits: a disk that is full, no more descriptors, no more memory, files that may not grow. The folder of the
    database is on a small file system of its own; this process needs a mount name space of its own."""
    folder = tempfile.mkdtemp()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    attack = Attack("real", seed, database=folder, cpus=1 + seed % 2)
    system, chance = attack.system, attack.random
    limits = {"no descriptors": resource.RLIMIT_NOFILE, "no memory": resource.RLIMIT_AS, "files may not grow": resource.RLIMIT_FSIZE}
    if attack.begin():
        turn = seed
        while time.monotonic() < until and not attack.wrong:
            kind = ["full disk", *limits][turn % 4]
            turn += 1
            pid = system.process.pid
            if chance.random() < 0.5:
                attack.counts["kills"] += system.kill(chance.choice(PROCESSES))
            if kind == "full disk":
                with open(folder + "/filler", "wb", buffering=0) as filler:
                    with contextlib.suppress(OSError):
                        while filler.write(bytes(65536)) == 65536:
                            pass
            else:
                value = {"no descriptors": len(os.listdir("/proc/%d/fd" % pid)) + chance.randint(-3, 3), "no memory": memory_of(pid),
                         "files may not grow": os.path.getsize(folder + "/bank.db") // 2}[kind]
                old = resource.prlimit(pid, limits[kind])
                resource.prlimit(pid, limits[kind], (value, old[1]))
            time.sleep(0.1 + chance.random() * 0.4)
            attack.counts["times of " + kind] += 1
            if kind == "full disk":
                os.unlink(folder + "/filler")
            elif system.alive():
                resource.prlimit(pid, limits[kind], old)
            attack.settle(kind, chance.random() < 0.2)
            if os.path.getsize(folder + "/bank.db") > 30000000:
                break
    attack.end()
    subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)
    return attack


def memory_of(pid):
    """Bytes of address space."""
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[0]) * 4096
