#!/usr/bin/env python3
"""The network service, sealed, on the real kernel, with tests/network/echo.c as its client and ordinary sockets of this
program as the other side. Loopback only. Prints TAP."""
import contextlib
import os
import re
import resource
import selectors
import socket
import struct
import subprocess
import sys
import time

BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
OWN_HANDLES = 6  # of the service: device, set, supervisor, client, its two listeners
PATIENCE = 20  # seconds; nothing here should take one
count = failures = 0


def ok(good, name):
    global count, failures
    count += 1
    failures += not good
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)
    return good


def note(text):
    print(f"# {text}", flush=True)


class System:
    """The service with its client, under tests/network/parent.c."""

    def __init__(self, connections=10240, parent="parent", **environment):
        images = [f"{BUILD}/tests/network/{parent}", f"{BUILD}/services/network", f"{BUILD}/tests/network/echo"]
        self.process = subprocess.Popen([f"{BUILD}/tests/network/host", *images, str(connections)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=os.environ | environment)
        line = self.line()
        self.ports = [int(port) for port in re.findall(r"\d+", line)]
        if len(self.ports) != 2:
            raise SystemExit(f"Bail out! the system does not start: {line}")
        self.address = ("127.0.0.1", self.ports[0])

    def line(self):
        return self.process.stdout.readline().rstrip()

    def say(self, command):
        self.process.stdin.write(command)
        self.process.stdin.flush()

    def command(self, command):
        self.say(command)
        return self.line()

    def usage(self):
        line = self.command("U")
        return {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", line)}

    def resident(self):
        """0 where /proc tells of other processes than this one's."""
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.process.pid}/comm") as file:
                if file.read() == "host\n":
                    with open(f"/proc/{self.process.pid}/statm") as file:
                        return int(file.read().split()[1]) * 4096
        return 0

    def connect(self, port=0, receive_buffer=0):
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", self.ports[port]))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def quit(self):
        line = self.command("Q")
        return line == "stopped: kind 1, code 0" and self.process.wait(PATIENCE) == 0

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def system(*arguments, **environment):
    made = System(*arguments, **environment)
    try:
        yield made
    finally:
        made.end()


def receive(connection, length):
    received = bytearray()
    while len(received) < length:
        piece = connection.recv(min(length - len(received), 1 << 16))
        if not piece:
            break
        received += piece
    return bytes(received)


def rest(connection):
    """All until the end, or None if it was reset."""
    received = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            received += piece
    except ConnectionError:
        return None
    return bytes(received)


def echoes(connection, text):
    try:
        connection.sendall(text)
        return receive(connection, len(text)) == text
    except OSError:
        return False


def block(connection, text):
    """Sends while it receives: what is sent back does not fit into the host's buffers."""
    connection.setblocking(False)
    received, at = bytearray(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(received) < len(text):
            events = selector.select(PATIENCE)
            if not events:
                break
            if at < len(text) and events[0][1] & selectors.EVENT_WRITE:
                at += connection.send(text[at:at + (1 << 18)])
                if at == len(text):
                    selector.modify(connection, selectors.EVENT_READ)
            if events[0][1] & selectors.EVENT_READ:
                piece = connection.recv(1 << 18)
                if not piece:
                    break
                received += piece
    connection.settimeout(PATIENCE)
    return bytes(received) == text


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def timed(test, *arguments):
    start = time.monotonic()
    result = test(*arguments)
    note(f"{test.__name__}: {time.monotonic() - start:.1f} s")
    return result


def test_one(s):
    for mode, name in ((b"r", "REPLY"), (b"w", "WRITE and READ")):
        with s.connect() as connection:
            good = echoes(connection, mode + b"first")
            good = good and all(echoes(connection, b"%d" % i) for i in range(200))
            ok(good, f"200 echoes by {name}")
            text = os.urandom(3 << 20)
            ok(block(connection, text), f"3 MiB by {name}")
    with s.connect() as connection:
        ok(all(echoes(connection, b"b%d" % i) for i in range(200)), "200 echoes by blocks")
        ok(block(connection, os.urandom(16 << 20)), "16 MiB by blocks")
    with socket.socket(socket.AF_INET6) as connection:
        with contextlib.suppress(OSError):
            connection.connect(("::1", s.ports[1]))
            ok(echoes(connection, b"rsix"), "IPv6, at the second port")
    with s.connect() as connection:
        connection.sendall(b"e")
        ok(rest(connection) == b"good", "requests for what cannot be are refused, one by one")


def test_many(s, number, rounds):
    connections = []
    try:
        for _ in range(number):
            connections.append(s.connect(receive_buffer=4096 if number > 4000 else 0))
        good, start = 0, time.monotonic()
        for turn in range(rounds):
            texts = [b"r%d of %d" % (i, turn) for i in range(number)]
            for connection, text in zip(connections, texts):
                connection.sendall(text)
            good += sum(receive(connection, len(text)) == text for connection, text in zip(connections, texts))
        passed = time.monotonic() - start
        ok(good == number * rounds, f"{number} connections at once, {rounds} echoes each ({good} came)")
        note(f"{good / passed:.0f} echoes a second, with this program's part")
        return s.resident()
    finally:
        for connection in connections:
            connection.close()


def test_slow_reader(s):
    before = s.resident()
    for mode, name in ((b"g", "blocks"), (b"i", "messages")):
        slow = [s.connect(receive_buffer=8192) for _ in range(200)]
        for connection in slow:
            connection.sendall(mode)
        time.sleep(0.3)
        with s.connect() as connection:
            start = time.monotonic()
            good = all(echoes(connection, b"r%d" % i) for i in range(100))
            ok(good and time.monotonic() - start < 5, f"200 that do not read what is sent by {name} keep nobody waiting")
        usage = s.usage()
        if usage:
            note(f"the service has {usage['memory'] >> 10} KiB, the host {(s.resident() - before) >> 10} KiB more")
        length = len(receive(slow[0], 4 << 20))
        ok(length == 4 << 20, f"who reads at last gets what was sent by {name} ({length} bytes)")
        for connection in slow:
            connection.close()
    # Many more blocks wait than the service's quota holds: refused in good order, to nobody else's harm.
    slow = [s.connect(receive_buffer=8192) for _ in range(1200)]
    for connection in slow:
        connection.sendall(b"g")
    time.sleep(0.5)
    with s.connect() as connection:
        ok(echoes(connection, b"rstill there"), "more waiting blocks than it has room for keep nobody waiting")

    def refused():
        with s.connect() as connection:
            connection.sendall(b"m")
            return rest(connection) == b"refused"

    ok(within(5, refused), "and their clients are told so")
    for connection in slow:
        connection.close()
    with s.connect(receive_buffer=8192) as connection:
        connection.sendall(b"g")
        time.sleep(0.2)
        length = len(receive(connection, 4 << 20))
        ok(length == 4 << 20, "when they are gone there is room again")


def ends(connection):
    """Whether it ends after what was sent before."""
    try:
        for _ in range(1 << 10):
            if not connection.recv(1 << 20):
                return True
        return False
    except ConnectionError:
        return True
    except OSError:
        return False


def test_half_closed(s):
    for mode in (b"r", b"w"):
        with s.connect() as connection:
            echoes(connection, mode + b"text")
            connection.shutdown(socket.SHUT_WR)
            ok(rest(connection) == b"ended", f"its client is told when the other side ends its direction ({mode})")
        good = 0
        for _ in range(50):  # The end is there, or comes, before the bytes are read.
            with s.connect() as connection:
                connection.sendall(mode + b"text")
                connection.shutdown(socket.SHUT_WR)
                good += rest(connection) == mode + b"textended"
        ok(good == 50, f"also of one that comes with the bytes ({good} of 50)")
    with s.connect() as connection:
        echoes(connection, b"btext")
        connection.shutdown(socket.SHUT_WR)
        ok(rest(connection) == b"ended", "the same with a block")
    with s.connect() as connection:
        connection.sendall(b"s")
        first = connection.recv(10)
        time.sleep(0.05)
        good = True
        for _ in range(100):
            good = good and connection.send(b"more" * 100) == 400
        connection.shutdown(socket.SHUT_WR)
        ok(first == b"" and good and rest(connection) == b"", "its client ends its own direction, and reads on")
    with s.connect() as connection:
        connection.sendall(b"n")
        time.sleep(0.05)
        sent = 0
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while sent < 64 << 20:
                sent += connection.send(bytes(1 << 16))
        ok(sent < 64 << 20, f"what nobody reads is not taken ({sent >> 10} KiB are the host's)")


LATE = b"late;"


def late_times(connections, begins, seconds):
    """-> for each connection when, after its begin, it heard that patience had ended; and all that it heard."""
    times, heard = [[] for _ in connections], [b""] * len(connections)
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for i, connection in enumerate(connections):
            selector.register(connection, selectors.EVENT_READ, i)
        while time.monotonic() < end:
            for key, _ in selector.select(max(0, end - time.monotonic())):
                heard[key.data] += key.fileobj.recv(1 << 16)
                now = time.monotonic() - begins[key.data]
                times[key.data] += [now] * (heard[key.data].count(LATE) - len(times[key.data]))
    return times, heard


def test_patience(s):
    for mode, name in ((b"t", "READ"), (b"u", "READ_BLOCK"), (b"v", "REPLY")):
        with s.connect() as connection:
            begin = time.monotonic()
            connection.sendall(mode + b"300")
            (times,), (heard,) = late_times([connection], [begin], 1.6)
            good = heard == mode + LATE * len(times) and 2 <= len(times) <= 5
            good = good and all(at >= 0.3 * (i + 1) for i, at in enumerate(times))
            ok(good, f"{name}: patience ends, never early, and the stream goes on ({[round(at, 2) for at in times]})")
            # Bytes that keep coming: it does not end. Then it does.
            text, begin = b"", time.monotonic()
            for i in range(40):
                connection.sendall(b"%02d." % i)
                text += b"%02d." % i
                time.sleep(0.02)
            longest = time.monotonic() - begin
            _, (heard,) = late_times([connection], [0], 1)
            before, _, rest_of_it = heard.removeprefix(LATE).partition(LATE)
            ok(before == text and LATE not in before or longest > 5,
               f"{name}: not while bytes keep coming ({heard[:60]})")
            connection.shutdown(socket.SHUT_WR)
            ok((rest(connection) or b"").endswith(b"ended"), f"{name}: the other side's end is told as ever")
    # Bytes at the moment at which patience ends: each comes once.
    connections = [s.connect() for _ in range(300)]
    for i, connection in enumerate(connections):
        connection.sendall(b"tuv"[i % 3:i % 3 + 1] + b"30")
        receive(connection, 1)
    sent = [b""] * len(connections)
    for turn in range(60):
        for i, connection in enumerate(connections):
            connection.sendall(b"%d," % turn)
            sent[i] += b"%d," % turn
        time.sleep(0.02 + 0.02 * (turn % 10) / 10)
    _, heard = late_times(connections, [0] * len(connections), 0.5)
    wrong = [i for i, text in enumerate(heard) if text.replace(LATE, b"") != sent[i]]
    number = sum(text.count(LATE) for text in heard)
    ok(not wrong and number > 100, f"bytes at the moment at which patience ends: each comes once ({number} ends)")
    # Half of them go away without a word, the others in good order.
    for i, connection in enumerate(connections):
        reset(connection) if i % 2 else connection.close()
    # A REPLY's begins when its bytes have been taken.
    with s.connect(receive_buffer=8192) as connection:
        connection.sendall(b"v300")
        mode = receive(connection, 1)
        connection.setblocking(False)
        sent = 0
        for _ in range(50):
            with contextlib.suppress(BlockingIOError):
                while sent < 64 << 20:
                    sent += connection.send(bytes(1 << 14))
            time.sleep(0.02)
        connection.settimeout(PATIENCE)
        heard = receive(connection, sent)
        _, (after,) = late_times([connection], [0], 1.2)
        clean = mode == b"v" and len(heard) == sent and not heard.strip(b"\0")
        ok(clean and 1 <= after.count(LATE) <= 4 and after == LATE * after.count(LATE),
           f"a REPLY that waits for its reader is patient only afterwards ({sent >> 10} KiB, then {after})")


def test_patience_of_many(s, number):
    connections, begins = [], []
    patience = [100 + i * 7919 % 3000 for i in range(number)]
    for i in range(number):
        connections.append(s.connect(receive_buffer=4096 if number > 4000 else 0))
    for i, connection in enumerate(connections):
        begins.append(time.monotonic())
        connection.sendall(b"tuv"[i % 3:i % 3 + 1] + b"%d" % patience[i])
    before = s.usage().get("calls", 0)
    times, _ = late_times(connections, begins, 4 + number / 1000)
    first = [at[0] if at else 1e9 for at in times]
    early = sum(at < most / 1000 for at, most in zip(first, patience))
    slowest = max(at - most / 1000 for at, most in zip(first, patience))
    ok(early == 0, f"{number} of different patience: none ends early")
    ok(slowest < 2 + number / 2000, f"none is forgotten (the latest by {slowest * 1000:.0f} ms)")
    ends_told = sum(map(len, times))
    calls = s.usage().get("calls", 0) - before
    note(f"{ends_told} ends, {calls / max(1, ends_told):.1f} kernel calls each")
    ok(calls < 40 * ends_told, "at a cost that does not grow with their number")
    with s.connect() as connection:
        ok(echoes(connection, b"rothers"), "others are served meanwhile")
    for connection in connections:
        connection.close()


def test_resets(s):
    for mode in (b"r", b"w", b"b", b"g", b"i", b"n"):
        for _ in range(20):
            connection = s.connect(receive_buffer=8192)
            connection.sendall(mode + b"text")
            reset(connection)
    for _ in range(200):
        connection = s.connect()
        reset(connection)
    with s.connect() as connection:
        ok(echoes(connection, b"rhello"), "connections that are reset in the middle of everything")


def within(seconds, holds):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_nothing_left(s, before):
    with s.connect() as connection:
        connection.sendall(b"x")
        rest(connection)
    within(2, lambda: s.usage().get("handles") == before.get("handles"))
    after = s.usage()
    if not before:
        ok(True, "handles and memory afterwards # SKIP the kernel does not tell of processes")
        return
    ok(after["handles"] == before["handles"], f"no handle is left ({before['handles']}, then {after['handles']})")
    spare = 64 << 20
    ok(after["memory"] <= before["memory"] + spare, f"nor blocks ({before['memory'] >> 10} KiB, {after['memory'] >> 10})")


def test_short_ones(s):
    start = time.monotonic()
    good = 0
    for i in range(3000):
        with s.connect() as connection:
            good += echoes(connection, b"r%d" % i)
    ok(good == 3000, f"3000 connections one after another ({good} good)")
    note(f"{good / (time.monotonic() - start):.0f} a second")


def test_restarts(s, command, name):
    ended = served = 0
    turns = 15
    for turn in range(turns):
        old = [s.connect() for _ in range(20)]
        # All are accepted, or they would rightly wait for who comes next.
        for i, connection in enumerate(old):
            connection.sendall((b"r", b"w", b"g")[i % 3])
            receive(connection, 1)
        lines = [s.command(command)]
        new = [s.connect() for _ in range(3)]
        lines.append(s.command("G"))
        if lines[0] != "stopped" or "restarted" not in lines[1]:
            note(lines)
        served += sum(echoes(connection, b"rnew") for connection in new[1:])
        ended += all(map(ends, old))
        for connection in old + new:
            connection.close()
    ok(served == 2 * turns, f"{name} ends: connections that wait meanwhile are served afterwards ({served} of {2 * turns})")
    ok(ended == turns, f"{name} ends: its connections end ({ended} of {turns} times)")


def test_beside_computing(s, most):
    """While a process computes and never waits, what happens on the network is noticed: at its ticks at the latest."""
    with s.connect() as connection:
        echoes(connection, b"rfirst")
        line = s.command("B")
        start = time.monotonic()
        good = line == "busy" and all(echoes(connection, b"%d" % i) for i in range(20))
        passed = time.monotonic() - start
        s.command("b")
        ok(good and passed < most, f"20 echoes beside a process that computes: {passed * 1000:.0f} ms")


def test_limit():
    with system(8) as s:
        held = [s.connect() for _ in range(8)]
        good = sum(echoes(connection, b"rone") for connection in held)
        waiting = [s.connect() for _ in range(4)]
        for connection in waiting:
            connection.sendall(b"rtwo")
        time.sleep(0.1)
        early = sum(not _waits(connection) for connection in waiting)
        for connection in held[:4]:
            connection.close()
        for connection in waiting:
            connection.settimeout(PATIENCE)
        late = sum(receive(connection, 4) == b"rtwo" for connection in waiting)
        ok((good, early, late) == (8, 0, 4), f"beyond the limit they wait for room {good, early, late}")
        ok(s.quit(), "told to stop, it stops; the kernel's invariants hold")


def _waits(connection):
    connection.setblocking(False)
    try:
        connection.recv(1)
        return False
    except BlockingIOError:
        return True


def test_connecting():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        # One that the host lets nobody in at, since as many wait as it was told.
        deaf, waiting = socket.create_server(("127.0.0.1", 0), backlog=0), []
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(deaf.getsockname())
        deaf_port = deaf.getsockname()[1]
        closed = socket.create_server(("127.0.0.1", 0))
        refusing, there = closed.getsockname()[1], server.getsockname()[1]
        closed.close()
        with system(64, CONNECT=f"127.0.0.1:{there}", CONNECT_2=f"127.0.0.1:{refusing}",
                    CONNECT_3=f"named:{there}=127.0.0.1", CONNECT_4=f"127.0.0.1:{deaf_port}") as s:

            def ask(text):
                with s.connect() as connection:
                    connection.sendall(b"c" + text.encode())
                    return rest(connection)

            for host in "127.0.0.1", "named":
                answer = ask(f"{host}:{there}")
                server.settimeout(PATIENCE)
                connection, _ = server.accept()
                connection.settimeout(PATIENCE)
                ok(answer == b"connected" and echoes(connection, b"rout"), f"connects to what was granted, {host}")
                connection.close()
            start = time.monotonic()
            ok(ask(f"127.0.0.1:{deaf_port}") == b"failed 07" and time.monotonic() - start < 2, "not for longer than it is to")
            ok(ask(f"127.0.0.1:{refusing}") == b"failed 05", "is told that nobody listens there")
            ok(ask(f"127.0.0.1:{other.getsockname()[1]}") == b"failed 01", "not to a port that was not")
            ok(ask(f"127.0.0.2:{there}") == b"failed 01", "not to an address that was not")
            ok(ask(f"namedx:{there}") == b"failed 01", "nor to a name that begins alike")
            ok(s.quit(), "told to stop, it stops")


def test_sharing():
    """Two clients of one service; the first takes what it can get."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as stack:
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        with system(8, parent="share", CONNECT_HERE=f"127.0.0.1:{deaf.getsockname()[1]}") as s:

            def connect(port):
                for host in ("127.0.0.1", "::1") if port == 0 else ("::1", "127.0.0.1"):
                    with contextlib.suppress(OSError):
                        stack.enter_context(socket.create_connection((host, s.ports[port]), PATIENCE))
                        return
                raise SystemExit("Bail out! nobody listens")

            for _ in range(8):
                connect(0)
            for _ in range(3):
                connect(1)
            ok(s.command("a") == "accepted 4 3", "a client has its share of connections, and the other its own")
            ok(s.command(f"c{deaf.getsockname()[1]}\n") == "failed 3", "more are a clear error to who connects")
            s.say(f"d{deaf.getsockname()[1]}\n")
            s.line()  # It connects, which nobody lets it.
            connect(1)
            ok(s.line() == "failed 7, accepted 1", "who waits to accept is served when a connection that was not made makes room")
            s.say("q")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    largest = int(os.environ.get("LARGEST", "10000"))
    with system() as s:
        with s.connect() as connection:  # It listens, and has had one.
            echoes(connection, b"rfirst")
        within(2, lambda: s.usage().get("handles") == OWN_HANDLES)
        before = s.usage()
        timed(test_one, s)
        for number, rounds in ((16, 50), (256, 10), (2000, 3)):
            timed(test_many, s, number, rounds)
        timed(test_half_closed, s)
        timed(test_patience, s)
        timed(test_patience_of_many, s, 3000)
        timed(test_resets, s)
        timed(test_short_ones, s)
        timed(test_slow_reader, s)
        timed(test_nothing_left, s, before)
        timed(test_beside_computing, s, 5)
        timed(test_restarts, s, "E", "its client")
        timed(test_restarts, s, "N", "the service")
        timed(test_one, s)
        timed(test_nothing_left, s, before)
        ok(s.quit(), "told to stop, it stops; the kernel's invariants hold")
    with system() as s:
        before = s.resident()
        after = timed(test_many, s, largest, 2)
        if after:
            note(f"{(after - before) / largest / 1024:.1f} KiB of the host program's memory a connection, client included")
        ok(s.quit(), "told to stop, it stops; the kernel's invariants hold")
    with system(CPUS="2") as s:
        note("the same on two processors")
        timed(test_one, s)
        timed(test_many, s, 500, 5)
        timed(test_patience, s)
        timed(test_short_ones, s)
        timed(test_beside_computing, s, 5)
        timed(test_restarts, s, "E", "its client")
        timed(test_restarts, s, "N", "the service")
        ok(s.quit(), "told to stop, it stops; the kernel's invariants hold")
    timed(test_limit)
    timed(test_connecting)
    timed(test_sharing)
    print(f"1..{count}")
    return failures != 0


sys.exit(main())
