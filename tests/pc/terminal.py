#!/usr/bin/env python3
"""`signet boot` on a terminal: prints TAP. Called by tests/pc/boot.sh: `terminal.py SIGNET VICTIMS TOLD BC LOGS`."""

import os
import pty
import re
import select
import signal
import struct
import fcntl
import sys
import termios
import time

PATIENCE = 40
tests = failed = 0


def tap(good, name, *details):
    global tests, failed
    tests += 1
    print("%s %d - %s" % ("ok" if good else "not ok", tests, name))
    if not good:
        failed += 1
        for detail in details:
            print("# %r" % (detail,))


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments):
        self.text = b""
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execv(arguments[0], arguments)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        self.mode = termios.tcgetattr(self.file)

    def wait_for(self, pattern, seconds=PATIENCE):
        """True once the pattern has come; what came up to its end is forgotten."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return True
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.file], [], [], left)[0]:
                return False
            try:
                got = os.read(self.file, 4096)
            except OSError:
                got = b""
            if not got:
                return False
            self.text += got

    def send(self, data):
        os.write(self.file, data)

    def end(self, seconds=PATIENCE):
        """The exit status as a shell gives it; None: it did not end."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.wait_for(b"$^", 0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def mode_is_back(self):
        return termios.tcgetattr(self.file) == self.mode


def boot(name, *arguments):
    return Terminal(signet, "boot", "--deadline", str(2 * PATIENCE), "--log", "%s/terminal-%s.log" % (logs, name), *arguments)


signet, victims, told, bc, logs = sys.argv[1:]

terminal = boot("keys", bc, "-q")
terminal.send(b"2+3\n")
tap(terminal.wait_for(rb"2\+3\r\n5\r\n"), "a line is echoed and read, and its result comes", terminal.text)
terminal.send(b"4x\x7f*7\r")
tap(terminal.wait_for(rb"28\r\n"), "the last character of a line can be taken back; Enter ends a line", terminal.text)
tap(not terminal.mode_is_back(), "the terminal is raw meanwhile")
terminal.send(b"\x04")
tap(terminal.end() == 0, "^D ends its input", terminal.text)
tap(terminal.mode_is_back(), "the terminal is as it was")

terminal = boot("streams", told)
tap(terminal.wait_for(rb"terminals 1 1 1\r\n"), "the program is on a terminal", terminal.text)
terminal.send(b"abc\n\x04")
tap(terminal.wait_for(rb"input 4 bytes"), "and reads what was typed", terminal.text)
tap(terminal.end() == 42, "its exit status")

for name, arguments, status in (("waits", ("wait",), 130), ("loops", ("spin",), 130), ("handles", ("handle", "1"), 0)):
    terminal = boot(name, victims, *arguments)
    ready = terminal.wait_for(rb"ready\r\n")
    terminal.send(b"\x03")
    caught = name != "handles" or terminal.wait_for(rb"caught 2\r\n")
    found = terminal.end()
    tap(ready and caught and found == status, "^C reaches a program that " + name, ready, found, terminal.text)
    tap(terminal.mode_is_back(), "and the terminal is as it was")

terminal = boot("stop", victims, "wait")
tap(terminal.wait_for(rb"ready\r\n"), "it runs", terminal.text)
terminal.send(b"\x1dx")
found = terminal.end(10)
tap(found == 123, "^] x stops the machine", found, terminal.text)
tap(terminal.mode_is_back(), "and the terminal is as it was")

terminal = boot("hang-up", victims, "wait")
tap(terminal.wait_for(rb"ready\r\n"), "it runs", terminal.text)
os.close(terminal.file)
limit = time.monotonic() + 10
status = (0, 0)
while time.monotonic() < limit and not status[0]:
    status = os.waitpid(terminal.pid, os.WNOHANG)
    time.sleep(0.05)
tap(status[0] != 0, "a terminal that is closed ends it")

terminal = boot("ended", victims, "wait")
tap(terminal.wait_for(rb"ready\r\n"), "it runs", terminal.text)
os.kill(terminal.pid, signal.SIGTERM)
found = terminal.end(10)
tap(found == 143, "SIGTERM ends it", found)
tap(terminal.mode_is_back(), "and the terminal is as it was")

terminal = boot("fault", victims, "divide")
tap(terminal.wait_for(rb"victims: faulted at 0x[0-9a-f]+ \(divide\+0x[0-9a-f]+\): it divided by zero"), "a fault is reported",
    terminal.text)
tap(terminal.end() == 136, "and its status is the signal's")
print("1..%d" % tests)
sys.exit(failed > 0)
