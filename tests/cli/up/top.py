#!/usr/bin/env python3
"""`signet top` on terminals of several sizes: what it writes stays on the screen, and the terminal is afterwards as it was. Prints TAP
lines without a plan. Usage: top.py SOCKET SIGNET"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATH, SIGNET = sys.argv[1:3]


def say(good, what):
    print("%s - %s" % ("ok" if good else "not ok", what), flush=True)


class Screen:
    """As much of a terminal as is needed to know where each letter goes."""

    def __init__(self, columns, rows):
        self.problems = []
        self.alternate = self.hidden = False
        self.left = b""
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0

    def letter(self, byte):
        if byte == 10:
            self.row += 1
        elif byte == 13:
            self.column = 0
        elif not 32 <= byte < 127:
            self.problems.append("byte %02x" % byte)
        elif self.column >= self.columns or self.row >= self.rows:
            self.problems.append("beyond the screen, row %d column %d of %dx%d" % (self.row, self.column, self.columns, self.rows))
        else:
            self.lines[self.row][self.column] = chr(byte)
            self.column += 1

    def sequence(self, parameters, final):
        if final == "H":
            row, column = (parameters.split(";") + ["1"])[:2] if parameters else ("1", "1")
            self.row, self.column = int(row) - 1, int(column) - 1
            if self.row >= self.rows:
                self.problems.append("row %s of %d" % (row, self.rows))
        elif final == "K":
            self.lines[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif final == "J":
            first = 0 if parameters == "2" else self.row
            for row in range(first, self.rows):
                self.lines[row] = [" "] * self.columns
        elif final in "hl" and parameters in ("?1049", "?25"):
            if parameters == "?1049":
                self.alternate = final == "h"
            else:
                self.hidden = final == "l"
        elif final != "m":
            self.problems.append("sequence %s%s" % (parameters, final))

    def feed(self, data):
        data = self.left + data
        at = 0
        while at < len(data):
            if data[at] != 27:
                self.letter(data[at])
                at += 1
                continue
            match = re.compile(rb"\x1b\[([0-9;?]*)([A-Za-z])").match(data, at)
            if not match:
                if len(data) - at < 16:
                    break
                self.problems.append("escape %r" % data[at:at + 8])
                at += 1
                continue
            self.sequence(match.group(1).decode(), match.group(2).decode())
            at = match.end()
        self.left = data[at:]

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)


class Top:
    def __init__(self, columns, rows, *options):
        self.screen = Screen(columns, rows)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            time.sleep(0.05)
            os.execv(SIGNET, [SIGNET, "top", "--socket", PATH, "--interval", "0.2", *options])
        self.size(columns, rows)
        self.before = termios.tcgetattr(self.terminal)

    def size(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.terminal], [], [], left)[0]:
                return True
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.screen.feed(data)
        return True

    def until(self, pattern, seconds=5):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.screen.text()):
            if time.monotonic() > deadline or not self.read(0.05):
                return False
        return True

    def press(self, key):
        os.write(self.terminal, key)

    def end(self):
        """-> its exit status, or less than 0: the signal; None: it goes on."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.after = termios.tcgetattr(self.terminal)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def restored(self):
        return self.before == self.after and not self.screen.alternate and not self.screen.hidden


for columns, rows in ((80, 24), (200, 60), (60, 20), (40, 12), (20, 4)):
    top = Top(columns, rows)
    shown = top.until(r"NAME" if rows > 4 else "small") and top.read(0.6)
    wanted = {80: ("beat", "CPU%", "MEMORY", "MSG/S", "RESTARTS", "CONTRACT", "files", "q quit"),
              200: ("NUM", "PARENT", "STATE", "LIMIT", "CALLS", "QUEUED", "supervision"),
              60: ("beat", "CPU%", "CONTRACT"), 40: ("beat", "CPU%"), 20: ("small",)}[columns]
    text = top.screen.text()
    say(shown and not top.screen.problems and all(word in text for word in wanted),
        "top on a terminal of %d columns and %d rows stays on it, and shows what has room" % (columns, rows))
    if top.screen.problems or not all(word in text for word in wanted):
        print("# %s\n# %s" % (top.screen.problems[:5], text.replace("\n", "\n# ")))
    say(top.screen.alternate and top.screen.hidden, "another screen than the shell's, without a cursor")
    top.press(b"q")
    say(top.end() == 0 and top.restored(), "q ends it, and the terminal is as it was")

top = Top(80, 24)
top.until("NAME")
for columns, rows in ((50, 15), (7, 2), (132, 43), (80, 24)):
    top.screen.resize(columns, rows)
    top.size(columns, rows)
    top.read(0.1)
    top.screen.problems.clear() # what was on its way when the size changed
    top.read(0.5)
    say(not top.screen.problems, "resized to %dx%d" % (columns, rows))
    if top.screen.problems:
        print("# %s" % top.screen.problems[:5])
top.press(b"n")
say(top.until(r"(?s)beat.*console.*escapes.*spin.*supervisor.*CONTRACT"), "n sorts by name")
top.press(b"c")
say(top.until(r"NAME[^\n]*\n *(\d+ )?spin"), "c by processor time, and who works is the first")
os.kill(top.pid, signal.SIGTSTP)
deadline, stopped = time.monotonic() + 5, False
while not stopped and time.monotonic() < deadline:
    top.read(0.05)
    pid, status = os.waitpid(top.pid, os.WNOHANG | os.WUNTRACED)
    stopped = pid != 0 and os.WIFSTOPPED(status)
top.after = termios.tcgetattr(top.terminal)
say(stopped and top.restored(), "^Z gives the terminal back as it was")
os.kill(top.pid, signal.SIGCONT)
deadline = time.monotonic() + 5
while not top.screen.alternate and time.monotonic() < deadline:
    top.read(0.05)
say(top.screen.alternate and top.until("NAME"), "and fg takes it again")
top.press(b"\x03")
say(top.end() == 0 and top.restored(), "^C ends it, and the terminal is as it was")
