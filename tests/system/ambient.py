#!/usr/bin/env python3
"""A process has the channels that its manifest names, and no other: what the kernel says of the running web system is compared
with the text of its manifest, and a sealed program looks for anything else that it might use."""

import collections
import os
import sys
import time

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running import TOP, System, finish, ok, say


def with_seeker(system):
    system["processes"]["ambient"] = {"image": os.path.join(TOP, "build/tests/system/ambient"),
                                      "needs": {"console": "console.streams"}, "quota": {"memory": "16M"}}


def wanted(manifest):
    """(contract, client, server), as often as the text says so; nothing is known here of how it is compiled."""
    pairs = collections.Counter()
    for name, process in manifest["processes"].items():
        pairs[("supervision", name, "supervisor")] += 1
        for need in (process.get("needs") or {}).values():
            server, offer = need.split(".")
            contract = "observation" if server == "supervisor" else manifest["processes"][server]["offers"][offer]
            # A console is three streams, which speak the contract of files.
            pairs[("files" if contract == "console" else contract, name, server)] += 3 if contract == "console" else 1
    pairs[("listener", "web", "network")] += 1  # made over `network`, by who may
    return pairs


def there(system):
    """Those between processes of the manifest; requests that are over leave their streams for a moment."""
    return collections.Counter((channel["contract"], channel["client"]["name"], channel["server"]["name"])
                               for channel in system.ps("--channels")["channels"] if channel["client"] != channel["server"])


def main():
    system = System(change=with_seeker)
    try:
        with open(system.manifest) as file:
            want = wanted(yaml.safe_load(file))
        deadline = time.monotonic() + 10
        while there(system) != want and time.monotonic() < deadline:
            time.sleep(0.1)
        have = there(system)
        say("too many: %s; missing: %s" % (dict(have - want), dict(want - have)))
        ok(have == want, "the channels of the running system are those of the manifest's text (%d)" % sum(have.values()))
        while "sees 4 channels" not in system.log() and time.monotonic() < deadline + 20:
            time.sleep(0.1)
        found = [line.split("| ", 1)[-1] for line in system.log().splitlines() if "ambient: " in line]
        say("\n".join(found))
        ok("ambient: 4 handles answer, 4 of them in slots; 0 devices, 0 images, 0 children, 0 obeyed" in found,
           "of four million handles four answer, those of its slots, and none stops, drives or signals anything")
        ok("ambient: sees 1 processes, the first is ambient" in found, "it sees no process but itself")
        ok("ambient: sees 4 channels, 0 of them of others" in found, "and no channel but its own")
    finally:
        status = system.stop()
    ok(status == 0, "the system ends in good order")
    finish()


main()
