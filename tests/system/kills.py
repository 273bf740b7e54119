#!/usr/bin/env python3
"""Every process of the web system killed again and again under load: `kills.py [TIMES]`, 1,000 unless said otherwise.

No request is lost beyond those in flight in the process that died, each good answer has the right bytes, and when all is over
there are as many processes, endpoints, blocks and bytes as before. The load is clients that keep their connections.
"""

import collections
import http.client
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running import System, finish, ok, say

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
CLIENTS = 4


def patient(system):
    for process in system["processes"].values():
        process["restart"] = {"when": "always", "back-off": "0ms..1ms", "limit": 1000000, "within": "1h"}


class Client(threading.Thread):
    """Asks for one thing after another, over a connection that it keeps; counts by what came of it."""

    def __init__(self, system, index):
        super().__init__(daemon=True)
        self.system, self.index = system, index
        self.counts = collections.Counter()
        self.problems = []
        self.going = True

    def expected(self, path, status, body):
        if path in self.system.bodies:
            return status == 200 and body == self.system.bodies[path]
        if path.startswith("/ext/"):
            return status == 200 and b"client%d" % self.index in body
        return status == 200

    def run(self):
        paths = ["/small.txt", "/large.bin", "/ext/hello?name=client%d" % self.index, "/", "/small.txt"]
        connection, turn = None, 0
        while self.going:
            path = paths[turn % len(paths)]
            turn += 1
            try:
                if connection is None:
                    connection = self.system.connect()
                    connection.connect()
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
                kind = "extension" if path.startswith("/ext/") else "file"
                if self.expected(path, answer.status, body):
                    self.counts["good"] += 1
                elif answer.status == 503:
                    self.counts["503 " + kind] += 1
                else:
                    self.counts["bad"] += 1
                    self.problems.append("%s: %d, %d bytes: %r" % (path, answer.status, len(body), body[:80]))
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                # A connection dies with the process that has it; one that could not be made is a lost request too.
                self.counts["cut"] += 1
                if isinstance(error, TimeoutError):
                    self.problems.append("%s: no answer for a long time" % path)
                    self.counts["hung"] += 1
                if connection:
                    connection.close()
                connection = None


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


def attack(system, name, cut_each, refused_each):
    clients = [Client(system, index) for index in range(CLIENTS)]
    for client in clients:
        client.start()
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
    for client in clients:
        client.going = False
    for client in clients:
        client.join(30)
    counts = collections.Counter()
    for client in clients:
        counts += client.counts
        for problem in client.problems[:3]:
            say("%s: %s" % (name, problem))
    say("%s: %d kills in %.1f s, %s" % (name, killed, took, dict(counts)))
    ok(killed == TIMES and system.alive(), "%s was killed %d times, and the system is up" % (name, TIMES))
    ok(counts["good"] > TIMES / 10 and counts["bad"] == 0 and counts["hung"] == 0,
       "%s: every answer that came was right (%d of them)" % (name, counts["good"]))
    ok(counts["cut"] <= killed * cut_each, "%s: connections lost: %d, at most %d a kill" % (name, counts["cut"], cut_each))
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
        warm = [Client(system, index) for index in range(CLIENTS)]
        for client in warm:
            client.start()
        time.sleep(1)
        for client in warm:
            client.going = False
        for client in warm:
            client.join(30)
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
