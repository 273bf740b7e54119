#!/usr/bin/env python3
"""Hostile sealed clients of every service of the web system at once, for some seconds: all that a contract does not allow is
refused to them, and the services go on serving the others. `hostile.py [SECONDS]`."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running import TOP, System, finish, free_port, ok, say

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 6


LISTEN = free_port()


def with_hostile_clients(system):
    network = system["processes"]["network"]["devices"]["network"]
    web_port = network["listen"][0].split(":")[1]
    network["listen"].append("127.0.0.1:%d" % LISTEN)
    network["connect"] = ["127.0.0.1:" + web_port]
    system["processes"]["names"] = {"service": "names", "offers": {"names": "names"}, "restart": "always"}
    system["processes"]["hostile"] = {
        "image": os.path.join(TOP, "build/tests/system/hostile"),
        "arguments": ["hostile", "0", "2000", str(LISTEN), web_port],
        "needs": {"network": "network.network", "extension": "extension.extension", "names": "names.names",
                  "observation": "supervisor.observation", "target-files": "files.files",
                  "console": "console.streams"},
        "quota": {"memory": "64M"},
        "restart": {"when": "always", "back-off": "1ms..20ms", "limit": 1000000, "within": "1h"},
    }


def main():
    system = System(change=with_hostile_clients)
    try:
        deadline = time.monotonic() + SECONDS
        asked = good = 0
        while time.monotonic() < deadline:
            asked += 3
            good += system.get("/small.txt") == (200, system.bodies["/small.txt"])
            good += system.get("/large.bin") == (200, system.bodies["/large.bin"])
            good += system.get("/ext/hello?name=good")[0] == 200
        log = system.log()
        ok(asked > 10 and good == asked, "%d of %d requests beside them were answered well" % (good, asked))
        lives = re.findall(r"hostile: (\d+) refused, (\d+) sent, (\d+) answered", log)
        refused, sent, answered = (sum(int(life[i]) for life in lives) for i in range(3))
        say("%d lives: %d refused, %d sent, %d answered" % (len(lives), refused, sent, answered))
        ok(len(lives) >= 3 and refused > 10000 and sent > 1000, "the hostile clients were busy")
        wrong = [line for line in log.splitlines() if "hostile:" in line and ": status " in line]
        say("\n".join(wrong[:5]))
        ok(not wrong, "everything that a contract does not allow was refused, with what it does allow")
        states = sorted(set(re.findall(r"was in state (\d+) of (\w+)", log)))
        say("states: " + ", ".join("%s %s" % (name, state) for state, name in states))
        for name in ("network", "listener", "stream", "extension", "observation", "names", "files"):
            ok(any(state[1] == name for state in states), "%s was attacked" % name)
        for process in system.ps()["processes"]:
            if process["name"] != "hostile":
                ok(process["restarts"] == 0, "%s never ended" % process["name"])
    finally:
        status = system.stop()
    ok(status == 0, "the system ends in good order")
    finish()


main()
