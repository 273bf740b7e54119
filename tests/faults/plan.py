"""The plan of faults, as plan.h lays it out: a file that inject.c obeys and counts in, mapped here too."""

import mmap
import os
import re
import struct

MAGIC = 0x6661756C74730001
CALLS_MOST, ERRORS_MOST = 64, 7
SHORT = 100000
HEAD = ["magic", "calls", "armed", "seed", "total", "one", "one_error", "one_call", "one_address", "hold_process",
        "hold_probability", "hold_time", "late_probability", "late_time", "early_probability", "device_probability",
        "device_time", "skew", "held", "late", "early", "slow"]
CALL = ["seen", "injected", "next", "every", "probability", "error", "left"]
CALL_BYTES = 24 + 8 * (ERRORS_MOST + len(CALL))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls.h")) as calls:
    NAMES = re.findall(r"^  X\((\w+),", calls.read(), re.MULTILINE)
ALWAYS = 1 << 40
CERTAIN = 1 << 32


class Call:
    """One kind of call; its counters and what shall happen to it are attributes."""

    def __init__(self, plan, offset):
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "offset", offset)

    @property
    def name(self):
        return self.plan.map[self.offset:self.offset + 24].split(b"\0")[0].decode()

    @property
    def errors(self):
        return [error for error in struct.unpack_from("<%dQ" % ERRORS_MOST, self.plan.map, self.offset + 24) if error]

    def place(self, field):
        return self.offset + 24 + 8 * (ERRORS_MOST + CALL.index(field))

    def __getattr__(self, field):
        return struct.unpack_from("<Q", self.plan.map, self.place(field))[0]

    def __setattr__(self, field, value):
        struct.pack_into("<Q", self.plan.map, self.place(field), value)


class Plan:
    def __init__(self, path, seed=1):
        size = 8 * len(HEAD) + CALLS_MOST * CALL_BYTES
        with open(path, "wb") as file:
            file.truncate(size)
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        object.__setattr__(self, "map", mmap.mmap(file, size))
        os.close(file)
        object.__setattr__(self, "path", path)
        self.seed = seed

    def __getattr__(self, field):
        return struct.unpack_from("<Q", self.map, 8 * HEAD.index(field))[0]

    def __setattr__(self, field, value):
        struct.pack_into("<Q", self.map, 8 * HEAD.index(field), value)

    def call_at(self, number):
        return Call(self, 8 * len(HEAD) + number * CALL_BYTES)

    def all(self):
        return [self.call_at(number) for number in range(self.calls)]

    def call(self, name):
        return self.call_at(NAMES.index(name))

    def injected(self):
        """How many of each kind failed."""
        return {call.name: call.injected for call in self.all() if call.injected}

    def fail(self, name, error=0, every=0, probability=0, left=ALWAYS):
        call = self.call(name)
        call.error, call.left, call.every, call.probability = error, left, every, int(probability * CERTAIN)

    def fail_next(self, name, error=0, ahead=1):
        call = self.call(name)
        call.error, call.left, call.next = error, ALWAYS, call.seen + ahead

    def calm(self):
        """Nothing fails from here on; the counters stay."""
        for call in self.all():
            call.next = call.every = call.probability = 0
        for field in ("one", "hold_process", "hold_probability", "late_probability", "early_probability",
                      "device_probability"):
            setattr(self, field, 0)

    def close(self):
        self.map.close()
