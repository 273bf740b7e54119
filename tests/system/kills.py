#!/usr/bin/env python3
"""Every process of the web system killed again and again under load: `kills.py [TIMES]`, 1,000 unless said otherwise.

No request is lost beyond those in flight in the process that died, each good answer has the right bytes, and when all is over
there are as many processes, endpoints, blocks and bytes as before. The load is clients that keep their connections.
"""

import collections
import http.client
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import HUNG, LOST, WRONG, Client, stopped
from running import System, finish, ok, say

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
CLIENTS = 4


def patient(system):
    for process in system["processes"].values():
        process["restart"] = {"when": "always", "back-off": "0ms..1ms", "limit": 1000000, "within": "1h"}


def clients_of(system):
    """CLIENTS that have begun."""
    def of(index):
        def kind(path, status, body):
            extension = path.startswith("/ext/")
            right = b"client%d" % index in body if extension else body == system.bodies.get(path, body)
            return "good" if status == 200 and right else \
                "503 extension" if status == 503 and extension else "503 file" if status == 503 else WRONG
        return Client(system.connect, ["/small.txt", "/large.bin", "/ext/hello?name=client%d" % index, "/", "/small.txt"], kind)
    clients = [of(index) for index in range(CLIENTS)]
    for client in clients:
        client.start()
    return clients


def totals(system):
    """What must be the same before and after; memory in pages is allowed what the allocators keep."""
    snapshot = system.ps("--channels")
    statistics = snapshot["statistics"]
    contracts = collections.Counter(channel["contract"] for channel in snapshot["channels"])
    return {"of": dict(sorted(contracts.items())), "processes": statistics["processes"], "threads": statistics["threads"], "channels": statistics["channels"],
            "blocks": statistics["blocks"], "images": statistics["images"], "descriptors": system.descriptors()}, statistics["pages"]


def quiet(system):
    """The totals once nothing changes any more."""
    last = None
    for _ in range(100):
        now = totals(system)
        if now == last:
            break
        last = now
        time.sleep(0.05)
    return now


def restarts(system, name):
    for process in system.ps()["processes"]:
        if process["name"] == name:
            return process["restarts"], process.get("state", process.get("phase"))
    return -1, None


def serves(system):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if system.get("/small.txt")[0] == 200 and system.get("/ext/hello?name=a")[0] == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.01)
    return False


# What one kill may cost: nothing, the request that is in the dead process, or those of all connections that died with it.
VICTIMS = [("console", 0, 0), ("scripts", 0, 0), ("files", 0, 0), ("extension", 0, 1), ("web", CLIENTS, 0),
           ("network", CLIENTS, 0)]


def attack(system, name, lost_each, refused_each):
    clients = clients_of(system)
    begin = time.monotonic()
    killed = 0
    for number in range(TIMES):
        before = restarts(system, name)[0]
        deadline = time.monotonic() + 10
        while not system.kill(name):  # between its end and its successor's start there is nobody to kill
            if time.monotonic() > deadline:
                break
        else:
            killed += 1
        while restarts(system, name)[0] <= before and time.monotonic() < deadline:
            time.sleep(0.001)
    took = time.monotonic() - begin
    counts = stopped(clients, lambda problem: say("%s: %s" % (name, problem)))
    say("%s: %d kills in %.1f s, %s" % (name, killed, took, dict(counts)))
    ok(killed == TIMES and system.alive(), "%s was killed %d times, and the system is up" % (name, TIMES))
    ok(counts["good"] > TIMES / 10 and counts[WRONG] == 0 and counts[HUNG] == 0,
       "%s: every answer that came was right (%d of them)" % (name, counts["good"]))
    ok(counts[LOST] <= killed * lost_each, "%s: connections lost: %d, at most %d a kill" % (name, counts[LOST], lost_each))
    refused = counts["503 extension"] + counts["503 file"]
    ok(refused <= killed * refused_each, "%s: answered 503: %d, at most %d a kill" % (name, refused, refused_each))
    ok(serves(system), "%s: everything is served again" % name)


def main():
    system = System(change=patient)
    try:
        for name, _, _ in VICTIMS:  # each once, so that what is kept for later is there
            system.kill(name)
            serves(system)
        serves(system)
        warm = clients_of(system)
        time.sleep(1)
        stopped(warm, say)
        before, pages_before = quiet(system)
        resident_before = system.resident()
        for victim in VICTIMS:
            attack(system, *victim)
        after, pages_after = quiet(system)
        resident_after = system.resident()
        say("before %s, %d pages, %d KiB; after %s, %d pages, %d KiB" %
            (before, pages_before, resident_before, after, pages_after, resident_after))
        # The library OS of each program keeps one block, from its first large transfer on.
        ok(after.pop("blocks") <= before.pop("blocks") + len(VICTIMS), "no blocks are left over")
        ok(after == before, "nothing is left over: %s" % after)
        ok(pages_after <= pages_before * 1.05 + 16, "the kernel's pages: %d, %d before" % (pages_after, pages_before))
        ok(resident_after <= resident_before + 8192, "memory: %d KiB, %d before" % (resident_after, resident_before))
    finally:
        status = system.stop()
    ok(status == 0, "the system ends in good order")
    finish()


main()
