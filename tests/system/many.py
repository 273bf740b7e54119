#!/usr/bin/env python3
"""10,000 connections at once, most of them slow: clear answers, bounded memory, and others are served meanwhile."""

import os
import resource
import select
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running import System, finish, ok, say

WANTED = 10000


def room():
    """Descriptors that this process may have; two hosts' ends of each connection are in two processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 20000), max(hard, 20000)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def read_answers(connections, seconds):
    """Reads what comes on all of them until each has had a whole answer or the time is over: -> the answers' bytes."""
    poll = select.epoll()
    answers = {}
    for connection in connections:
        poll.register(connection.fileno(), select.EPOLLIN)
        answers[connection.fileno()] = b""
    left = set(answers)
    deadline = time.monotonic() + seconds
    by_number = {connection.fileno(): connection for connection in connections}
    while left and time.monotonic() < deadline:
        for number, _ in poll.poll(0.5):
            try:
                data = by_number[number].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            answers[number] += data
            if not data or answers[number].endswith(b"A small file.\n"):
                left.discard(number)
                poll.unregister(number)
    poll.close()
    return answers


def main():
    limit = room()
    if limit < WANTED + 100:
        print("Bail out! this test needs %d descriptors, and may have %d" % (WANTED + 100, limit))
        sys.exit(1)
    system = System()
    connections = []
    try:
        before = system.resident()
        begin = time.monotonic()
        for _ in range(WANTED):
            connection = socket.create_connection(("127.0.0.1", system.port), timeout=20)
            connection.sendall(b"GET /small.txt HTTP/1.1\r\nHost: a\r\n")
            connection.setblocking(False)
            connections.append(connection)
        say("%d connections in %.1f s" % (len(connections), time.monotonic() - begin))
        ok(len(connections) == WANTED and system.alive(), "%d connections, each with half a request" % WANTED)
        deadline = time.monotonic() + 20
        open_channels = 0
        while time.monotonic() < deadline and open_channels < WANTED:
            open_channels = sum(1 for channel in system.ps("--channels")["channels"] if channel["contract"] == "stream")
            time.sleep(0.2)
        ok(open_channels >= WANTED, "each is a channel of its own (%d)" % open_channels)
        begin = time.monotonic()
        ok(system.get("/small.txt") == (200, system.bodies["/small.txt"]), "one more is served meanwhile")
        say("in %.1f ms" % ((time.monotonic() - begin) * 1e3))
        during = system.resident()
        say("memory: %d KiB with them, %d before: %.1f KiB each" % (during, before, (during - before) / WANTED))
        ok(during - before < WANTED * 32, "each costs less than 32 KiB")
        for connection in connections:
            connection.send(b"\r\n")
        answers = read_answers(connections, 60)
        good = sum(1 for answer in answers.values()
                   if answer.startswith(b"HTTP/1.1 200") and answer.endswith(system.bodies["/small.txt"]))
        clear = sum(1 for answer in answers.values() if answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 503"))
        say("%d good, %d refused with an answer, %d of %d without one" %
            (good, clear, len(answers) - good - clear, len(answers)))
        ok(good == WANTED, "each is answered once its request is whole")
        for connection in connections:
            connection.close()
        connections = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and open_channels > 4:
            open_channels = sum(1 for channel in system.ps("--channels")["channels"] if channel["contract"] == "stream")
            time.sleep(0.2)
        ok(open_channels <= 4, "and none is left when they are closed (%d)" % open_channels)
        ok(system.get("/small.txt")[0] == 200, "the system serves")
    finally:
        for connection in connections:
            connection.close()
        status = system.stop()
    ok(status == 0, "it ends in good order")
    finish()


main()
