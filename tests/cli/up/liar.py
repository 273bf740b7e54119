#!/usr/bin/env python3
"""A control socket that lies: what it says must do no harm to who looks. Serves one way of lying at a time, runs each command against
it, and prints TAP lines without a plan. Usage: liar.py FOLDER SIGNET"""
import os
import random
import socket
import struct
import subprocess
import sys
import threading

FOLDER, SIGNET = sys.argv[1:3]
os.environ["ASAN_OPTIONS"] = os.environ["UBSAN_OPTIONS"] = "exitcode=99" # no status of the command
MAGIC, VERSION = 0x544E4753, 1
DESCRIBE, PROCESSES, CHANNELS, STATISTICS, TRACE_BEGIN, TRACE_TAKE, TRACE_END, KILL = range(1, 9)
ESCAPES = b"\x1b]0;taken\x07\x1b[2J\xc2\x9b2J\x80\r"
PROCESS, CHANNEL, STATISTIC = 192, 88, 72
generator = random.Random(7)


def reply(payload=b"", count=0, status=0, length=None, magic=MAGIC, version=VERSION, value=0):
    return struct.pack("<IHHIIQ", magic, version, status, count, len(payload) if length is None else length, value) + payload


def system(name=b"liar", processes=1, rows=None):
    """struct control_system, and its rows."""
    head = name.ljust(64, b"\0") + struct.pack("<QQIIII", 1, 2, 3, 1, 1, processes)
    return head + (b"".join(rows) if rows is not None else row() * processes)


def row(name=b"one"):
    return name.ljust(32, b"\0")[:32] + struct.pack("<II", 3, 1) + struct.pack("<IIIIQ", 3, 99, 0xffffffff, 0, 0)


def sizes():
    """The sizes of the kernel's records, as the command was compiled: told by the caller, who asks the compiler."""
    return [int(size) for size in os.environ["RECORD_SIZES"].split()]


PROCESS, CHANNEL, STATISTIC, TRACE = sizes()


def process(number, name, parent=0):
    return (struct.pack("<IIII", number, parent, 77, 1) + name.ljust(32, b"x")[:32]).ljust(PROCESS, b"\xff")


def honest(kind, argument):
    if kind == DESCRIBE:
        return reply(system(), 1)
    if kind == STATISTICS:
        return reply(bytes(STATISTIC), 1)
    if kind == PROCESSES:
        return reply(process(1, b"one\0"), 1) if argument == 0 else reply()
    return reply()


def escapes(kind, argument):
    if kind == DESCRIBE:
        return reply(system(ESCAPES, 1, [row(ESCAPES)]), 1)
    if kind == PROCESSES:
        return reply(process(1, ESCAPES * 4) + process(2, ESCAPES, 1), 2) if argument == 0 else reply()
    if kind == CHANNELS:
        return reply(b"\xff" * CHANNEL, 1) if argument == 0 else reply()
    if kind == TRACE_TAKE:
        # A message of the files contract's place holds nothing but escapes; all fields are out of range.
        return reply((ESCAPES * 200)[:TRACE] + b"\xff" * TRACE, 2)
    return honest(kind, argument)


def backwards(kind, argument):
    """Numbers that do not grow, parents in a circle."""
    if kind == PROCESSES:
        return reply(process(2, b"two\0", 1) + process(1, b"one\0", 2), 2) if argument < 3 else reply()
    return honest(kind, argument)


def endless(kind, argument):
    if kind in (PROCESSES, CHANNELS):
        size = PROCESS if kind == PROCESSES else CHANNEL
        first = argument + 1
        count = (128 << 10) // size
        form = "<I" if kind == PROCESSES else "<Q"
        return reply(b"".join(struct.pack(form, (first + i) % 2**32).ljust(size, b"\0") for i in range(count)), count)
    return honest(kind, argument)


def too_long(kind, argument):
    return reply(bytes(4 << 20), 1) # all of it comes


def miscounted(kind, argument):
    if kind == PROCESSES:
        return reply(process(1, b"one\0"), 2**31)
    return honest(kind, argument)


def many_rows(kind, argument):
    return reply(system(processes=2**32 - 1, rows=[row()]), 1) if kind == DESCRIBE else honest(kind, argument)


def a_row_more(kind, argument):
    return reply(system(processes=65), 1) if kind == DESCRIBE else honest(kind, argument)


def another_version(kind, argument):
    return reply(magic=MAGIC, version=2)


def nonsense(kind, argument):
    return generator.randbytes(generator.randrange(1, 4096))


def silent(kind, argument):
    return b""


WAYS = {"escapes": escapes, "backwards": backwards, "endless": endless, "too_long": too_long, "miscounted": miscounted,
        "many_rows": many_rows, "a_row_more": a_row_more, "another_version": another_version, "nonsense": nonsense, "silent": silent}


def serve(peer, way):
    try:
        with peer:
            for _ in range(10000 if way is endless else 50): # who waits for more than that waits for ever
                asked = b""
                while len(asked) < 16:
                    part = peer.recv(16 - len(asked))
                    if not part:
                        return
                    asked += part
                _, _, kind, argument = struct.unpack("<IHHQ", asked)
                answer = way(kind, argument)
                if not answer:
                    return
                peer.sendall(answer)
    except OSError:
        pass


def listen(path, way):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(16)

    def accept():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(peer, way), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def printable(text):
    return all(byte == 10 or 32 <= byte < 127 for byte in text)


COMMANDS = {"ps": ["ps", "--interval", "0.01"], "ps --channels": ["ps", "--channels", "--interval", "0"], "ps --json": ["ps", "--json"],
            "top": ["top", "-n", "2", "--interval", "0.05"], "trace": ["trace", "--count", "4"],
            "trace --json": ["trace", "--json", "--count", "4"], "kill": ["kill", "one"]}
for name, way in WAYS.items():
    path = os.path.join(FOLDER, name)
    listener = listen(path, way)
    for title, command in COMMANDS.items():
        done = subprocess.run([SIGNET, *command, "--socket", path], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        good = done.returncode in (0, 1) and printable(done.stdout) and printable(done.stderr)
        if name not in ("escapes", "backwards"):
            good = good and (done.returncode == 1 or "kill" in title or "trace" in title)
        print("%s - %s of a system that lies (%s): %s" % ("ok" if good else "not ok", title, name,
                                                         "nothing but text, and status %d" % done.returncode))
        if not good:
            print("# " + repr(done.stdout[:300]) + repr(done.stderr[:600]))
    listener.close()
