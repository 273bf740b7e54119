#!/usr/bin/env python3
"""The console service with several programs, good ones, hostile ones, and one that crashes and comes back: a system of its own,
started by `signet up`, with a pipe for output and with a terminal. TAP."""
import collections
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
tests = failures = 0

MANIFEST = """system: console-test
cpus: {cpus}
processes:
  console:
    service: console
    devices: {{streams: standard}}
    offers: {{streams: console}}
    restart: always
"""
PROGRAM = """  {name}:
    image: {top}/build/tests/services/console_client
    arguments: [{name}, {what}]
    needs: {{console: console.streams}}
    quota: {{memory: 16M}}
    restart: {restart}
"""
PROGRAMS = [("good", "lines", "never"), ("evil", "hostile", "never"), ("reader", "read", "never"), ("other", "read", "never"),
            ("crasher", "crash", "{when: on-failure, limit: 3, within: 1m, back-off: 1ms..4ms}")]
NAMES = [name for name, _, _ in PROGRAMS]


def ok(good, name, detail=None):
    global tests, failures
    tests += 1
    failures += not good
    print("ok" if good else "not ok", tests, "-", name, flush=True)
    if not good and detail is not None:
        print("#", str(detail)[:1500])


def run(folder, done, columns=0, cpus=1, programs=PROGRAMS):
    """-> all that the system wrote, until `done(text)` or ten seconds have passed, its status, and
    whether a program was told the end of input while that was open."""
    manifest = os.path.join(folder, "system.yaml")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write(MANIFEST.format(cpus=cpus))
        for name, what, restart in programs:
            file.write(PROGRAM.format(name=name, what=what, restart=restart, top=TOP))
    theirs, ours = None, None
    if columns:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    else:
        ours, theirs = os.pipe()
    system = subprocess.Popen([os.path.join(TOP, "build/bin/signet"), "up", "--quiet", "--socket", os.path.join(folder, "socket"), manifest],
                              stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    system.stdin.write(b"first\nsecond\n")
    system.stdin.flush()
    text, told, in_time, deadline = b"", False, False, time.monotonic() + 10
    while time.monotonic() < deadline + 5:
        # Who does not have the input reads its end before it ends.
        if not system.stdin.closed and (b"read 0 lines" in text or time.monotonic() > deadline - 5):
            in_time = b"read 0 lines" in text
            system.stdin.close()
        if not told and (done(text) or time.monotonic() > deadline):
            system.send_signal(signal.SIGINT)
            told = True
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            some = os.read(ours, 65536)
        except OSError:
            some = b""
        if not some:
            break
        text += some
    os.close(ours)
    try:
        status = system.wait(5)
    except subprocess.TimeoutExpired:
        system.kill()
        status = system.wait()
    return text, status, in_time


def rows_of(text):
    """(name, mark, text) of each row that is a program's; everything else is another's word."""
    rows, rest = [], []
    for row in text.decode("utf-8", "replace").split("\n"):
        row = row.rstrip("\r")
        match = re.match(r"^(%s) +([|+]) (.*)$" % "|".join(NAMES), row)
        if match:
            rows.append(match.groups())
        elif row:
            rest.append(row)
    return rows, rest


def finished(text):
    return text.count(b"last words") == 4 and text.count(b" lines") >= 2 and b"not ended" in text and text.count(b"x") >= 100000


def test_pipe(folder):
    text, status, in_time = run(folder, finished)
    rows, rest = rows_of(text)
    said = collections.defaultdict(list)
    for name, mark, words in rows:
        said[name].append((mark, words))
    good = [words for _, words in said["good"]]
    ok(sorted(good) == sorted(["one", "two", "three", "on standard error", "grüße", "the last, which is not ended"]) and
       [one for one in good if one != "on standard error"][:3] == ["one", "two", "three"],
       "lines of a program, whole, behind its name, the last one too", good)
    ok(not [row for row in rest if "forged" in row or "x" * 50 in row] and not any(words == "forged" for words in good),
       "nothing that another writes looks like it", rest)
    ok(text.count(b"good    | forged") + text.count(b"\ngood | forged") == 0 and text.count(b"forged") == 108,
       "though it tried", text.count(b"forged"))
    ok(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text) and not re.search("[\x80-\x9f\u2028-\u202e]", text.decode("utf-8", "replace")),
       "no control character comes out")
    long = [words for mark, words in said["evil"] if words.startswith("xxxx")]
    ok(sum(map(len, long)) == 100000 and max(map(len, long)) <= 1024, "100,000 characters are many rows of a program", len(long))
    read = {name: [words for _, words in said[name]] for name in ("reader", "other")}
    one, two = sorted(read.values(), key=len, reverse=True)
    ok(in_time and one == ["read first", "read second", "read 2 lines"] and two == ["read 0 lines"], "one program has the input, the other its end", read)
    ok([words for _, words in said["crasher"]] == ["last words"] * 4,
       "a program that crashes writes what it held back, and is back with the console each time", said["crasher"])
    ok(status == 0, "the system ends when it is told to", status)
    print("#", len(text), "bytes;", len(rest), "rows of the supervisor")


def test_terminal(folder, columns, cpus):
    text, _, _ = run(folder, finished, columns=columns, cpus=cpus)
    rows, _ = rows_of(text)
    lengths = [len(row.rstrip("\r")) for row in text.decode("utf-8", "replace").split("\n") if re.match(r"^(%s) +[|+] " % "|".join(NAMES), row)]
    forged = [row for row in rows if row[0] == "good" and "forged" in row[2]]
    crossed = re.findall(r"^ *good *\| forged", text.decode("utf-8", "replace"), re.M)
    ok(lengths and max(lengths) <= columns, f"on a terminal of {columns} columns no row is longer, {cpus} processors", lengths and max(lengths))
    ok(not forged and not crossed and sum(len(words.replace(" ", "")) for name, _, words in rows if name == "evil" and words.startswith("xxx")) == 100000,
       "and so none runs over into what looks like another's")


def test_blocks(folder):
    """Eight programs leave all answers that they can have where they are, each with a block: what that costs the console another
    does not feel."""
    programs = [("hold%d" % number, "no-answer", "never") for number in range(8)] + [("good", "blocks", "never")]
    text, _, _ = run(folder, lambda text: re.search(rb"all were heard|cut off", text), programs=programs)
    ok(text.count(b"good  | heard") == 40 and b"all were heard" in text and text.count(b"| taken") == 16,
       "who takes no answers takes no room from the others", (text.count(b"| heard"), text.count(b"| taken"), text[-300:]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_pipe(folder)
        test_terminal(folder, 60, 1)
        test_terminal(folder, 33, 2)
        test_blocks(folder)
    print(f"1..{tests}")
    return failures != 0


sys.exit(main())
