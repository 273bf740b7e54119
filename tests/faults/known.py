"""Faults that once went wrong, one by one, each with what has to come of it."""

import contextlib
import errno
import http.client
import os
import resource
import socket
import subprocess
import threading
import time

import each
import plan
from system import PROCESSES, System, ok, say


def on_system(seed, what, attempt):
    system = System(seed=seed)
    try:
        good = system.start() and system.teller.progress(15)
        if good:
            system.teller.pause()
            system.plan.armed = 1
            good = attempt(system)
        if not good:
            say(system.log()[-1000:])
        ok(good, what)
        system.plan.calm()
        system.teller.allowed.set()
        ok(system.stop() == 0, "and the system ends in good order")
    finally:
        system.close()


def accept_scarce(system):
    """One request, alone, while the host has no room for its connection; nobody else comes."""
    for error in (errno.EMFILE, errno.ENOMEM, errno.ECONNABORTED):
        system.plan.fail("accept4", error, every=1, left=1 if error == errno.ECONNABORTED else 1 << 40)
        timer = threading.Timer(0.2, system.plan.calm)
        timer.start()
        try:
            status = system.get("/small.txt", 5)[0]
        except (OSError, http.client.HTTPException) as problem:
            # One that the host aborted is lost.
            status = 200 if error == errno.ECONNABORTED and not isinstance(problem, TimeoutError) else problem
        timer.join()
        if status != 200:
            say("%d: %s" % (error, status))
            return False
    return True


def accept_unwatched(system):
    """The same when the connection is taken and cannot be waited for: it is lost, and the next is not."""
    system.plan.fail("epoll_ctl", errno.ENOMEM, every=1, left=1)
    with contextlib.suppress(http.client.HTTPException, ConnectionError):
        system.get("/small.txt", 5)
    return system.serves(5)


def not_forbidden(system):
    """What the host cannot tell about a file is an error of the server, and not of who asks."""
    for name in ("fstat", "fstatfs"):
        for error in (errno.EIO, errno.ENOMEM):
            system.kill("files")
            time.sleep(0.1)
            system.plan.fail(name, error, every=1)
            status = 0
            with contextlib.suppress(http.client.HTTPException, OSError):
                status = system.get("/small.txt?%d" % error, 5)[0]
            system.plan.calm()
            if not 500 <= status <= 599 and status != 200:
                say("%s %d: %d" % (name, error, status))
                return False
    return system.serves(10)


def poll_interrupted(system):
    """A processor does not wait for input that is not there, whatever happens to the question whether it is."""
    for error in (errno.EINTR, errno.ENOMEM):
        system.plan.fail("poll", error, every=1, left=3)
        system.kill("sqlite")
        time.sleep(0.2)
        if not system.serves(5):
            return False
    return True


def wait_refused(system):
    """Nobody waits for ever for a device that the host cannot watch."""
    system.plan.fail("epoll_ctl", errno.ENOSPC, every=1)
    system.kill("console")
    time.sleep(0.2)
    system.plan.calm()
    return system.serves(10) and system.teller.progress(15)


def short_writes(system):
    """The host takes a part of what is to be written: what is said to be written is."""
    system.plan.fail("pwrite", plan.SHORT, every=2)
    good = system.teller.progress(15) and system.teller.progress(15)
    system.teller.pause()
    system.plan.calm()
    found = system.wrong()
    if found:
        say(found)
    return good and not found


def nothing_left(system):
    """As many descriptors, channels and threads as before, whatever failed in between, often."""
    before = system.quiet()
    for name in ("fstat", "fstatfs", "openat2", "mmap", "ftruncate", "unlinkat", "pread", "epoll_ctl"):
        system.kill("files")
        system.plan.fail(name, every=2)
        deadline = time.monotonic() + 0.4
        while time.monotonic() < deadline:
            system.teller.allowed.set()
            with contextlib.suppress(http.client.HTTPException, OSError):
                system.get("/none%d.txt" % time.monotonic_ns(), 1)
                system.get("/large.bin", 1)
        system.plan.calm()
        if not system.serves(10) or not (system.teller.progress(2) or (system.kill("sqlite") and system.teller.progress(15))):
            say("after %s it does not go on" % name)
            return False
    system.teller.pause()
    after = system.quiet(before)
    if any(abs(after.get(kind, 0) - before.get(kind, 0)) > (1 if kind == "descriptors" else 0) for kind in after | before):
        say("before %s, after %s" % (before, after))
        return False
    return True


def nobody_given_up(system):
    """A service for which the host has no memory when a block comes to it keeps the client that sent it."""
    for _ in range(3):
        system.kill("files")
        system.plan.fail("mmap", errno.ENOMEM, every=2)
        for _ in range(3):
            with contextlib.suppress(http.client.HTTPException, OSError):
                system.get("/large.bin", 1)
        system.plan.calm()
        if not system.serves(5):
            return False
    return True


def nobody_given_up_at_its_start(system):
    """A process for which the host has no memory when it starts is started again, not given up."""
    for name in PROCESSES:
        system.plan.fail("mprotect", errno.ENOMEM, every=1)
        system.kill(name)
        time.sleep(0.2)
        system.plan.calm()
        if not system.serves(10) or not (system.teller.progress(2) or (system.kill("sqlite") and system.teller.progress(15))):
            say("after %s began without memory not all is served" % name)
            return False
    return True


def memory_not_returned(system):
    """The host takes memory back less often than it is asked, for a time: a call fails, a process ends; then all is served."""
    for error in (errno.ENOMEM, errno.EAGAIN):
        system.plan.fail("madvise", error, every=20)
        for name in PROCESSES:
            system.kill(name)
        system.serves(2) # or not, meanwhile
        system.plan.calm()
        if not system.serves(10) or not system.teller.progress(15):
            return False
    return system.plan.call("madvise").injected > 0


def owner_is_answered(system):
    """The owner can look and kill while no descriptor is free, as often as he likes, one after the other."""
    pid = system.process.pid
    held = []

    def taken():
        return {int(name) for name in os.listdir("/proc/%d/fd" % pid)}

    def full():
        deadline = time.monotonic() + 10
        while len(taken()) < most and time.monotonic() < deadline:
            held.append(socket.create_connection(("127.0.0.1", system.port)))
            time.sleep(0.02)
        return len(taken()) == most

    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    try:
        most = max(taken()) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, old[1]))
        good = True
        for _ in range(3):
            good = good and full() and len(system.ps()["processes"]) >= len(PROCESSES)
            good = good and full() and system.kill("console")
        return good
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        say(problem)
        return False
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
        for connection in held:
            connection.close()


# What only the start asks of the host.
STARTING = ["dup", "memfd_create", "fcntl", "eventfd", "epoll_create1", "epoll_ctl", "pthread_create", "timer_create", "prctl",
            "fopen", "opendir", "socket", "listen"]
# What its seal is made of: nothing of it may be left out.
SEALING = ["seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "mseal", "opendir", "readdir"]


def starts(name):
    """It starts, or says why not, when one such call fails."""
    system = System(seed=6)
    try:
        system.plan.fail(name, every=2, left=1)
        lost, wrong = each.follow(system)
        if not system.plan.call(name).injected and system.plan.call(name).seen > 1:
            wrong = "nothing failed"
        if wrong:
            say("%s: %s" % (name, wrong))
            say(system.log()[-500:])
        return not wrong
    finally:
        system.close()


def sealed(name, n):
    """The n-th such call fails: the system does not start, and says why. -> None if there are not so many."""
    system = System(seed=7)
    try:
        system.plan.fail_next(name, errno.ENOMEM, ahead=n)
        system.start(armed=True, wait=False)
        while not system.serves(0.2) and system.alive():
            pass
        injected, told = system.plan.call(name).injected, [line for line in system.log().splitlines() if line.startswith("signet: ")]
        status = system.stop() if system.alive() else system.process.returncode
        if not injected:
            return None
        if status != 125 or not told:
            say("call %d of %s: it ended with %s and said %r" % (n, name, status, told))
            return False
        return True
    finally:
        system.close()


def whole_seal():
    counts = {}
    for name in SEALING:
        n = 1
        while (good := sealed(name, n)):
            n += 1
        if good is False:
            return False
        counts[name] = n - 1
    say(counts)
    return all(counts.values())


def run():
    ok(whole_seal(), "with one call refused of those that make the seal the system does not start, and says why")
    ok(all([starts(name) for name in STARTING]), "when a call of its start fails, it starts all the same or says why not")
    on_system(1, "a connection that waits while the host has no room is accepted when it has, though nobody else comes", accept_scarce)
    on_system(2, "a connection that cannot be watched does not stop those that follow", accept_unwatched)
    on_system(3, "a file of which the host tells nothing is not forbidden", not_forbidden)
    on_system(4, "a poll that fails does not mean that there is something to read", poll_interrupted)
    on_system(5, "a console that cannot wait for its input does not wait for ever", wait_refused)
    on_system(6, "of a write that the host takes in part the rest is written too", short_writes)
    on_system(8, "memory that the host does not take back is nobody's", memory_not_returned)
    on_system(9, "the owner is answered while the host has no descriptor left", owner_is_answered)
    on_system(7, "nothing is left over of calls that failed", nothing_left)
    on_system(8, "no client is given up because the host has no memory for what it sends", nobody_given_up)
    on_system(9, "nor a service because the host has none when it starts", nobody_given_up_at_its_start)
