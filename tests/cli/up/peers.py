#!/usr/bin/env python3
"""Peers of a system's control socket that mean no good, and one that checks that nothing came of it. Prints TAP lines without a plan:
tests/cli/up.sh counts them. Usage: peers.py SOCKET SIGNET"""
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

PATH, SIGNET = sys.argv[1:3]
MAGIC, VERSION = 0x544E4753, 1
DESCRIBE, PROCESSES, CHANNELS, STATISTICS, TRACE_BEGIN, TRACE_TAKE, TRACE_END, KILL = range(1, 9)
OK, ARGUMENT, HANDLE, STATE, UNSUPPORTED = 0, 1, 3, 10, 15
HEAD = 24


def say(good, what):
    print("%s - %s" % ("ok" if good else "not ok", what), flush=True)


def connect():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(PATH) # may have to wait until others are let in
    peer.settimeout(8)
    return peer


def request(kind, argument=0, magic=MAGIC, version=VERSION):
    return struct.pack("<IHHQ", magic, version, kind, argument)


def receive(peer, length):
    got = b""
    while len(got) < length:
        part = peer.recv(length - len(got))
        if not part:
            return None
        got += part
    return got


def ask(peer, kind, argument=0):
    """-> status, count, value, payload; None when the connection has ended."""
    try:
        peer.sendall(request(kind, argument))
        head = receive(peer, HEAD)
    except OSError:
        return None
    if head is None:
        return None
    magic, _, status, count, length, value = struct.unpack("<IHHIIQ", head)
    assert magic == MAGIC
    return status, count, value, receive(peer, length)


def is_closed(peer):
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def lives():
    """A stranger to all this asks, and has the answer at once."""
    begin = time.monotonic()
    done = subprocess.run([SIGNET, "ps", "--socket", PATH, "--interval", "0"], capture_output=True, text=True, timeout=20)
    return done.returncode == 0 and "beat" in done.stdout and time.monotonic() - begin < 2


def closes_after_garbage():
    generator = random.Random(4)
    closed = 0
    for _ in range(50):
        with connect() as peer:
            try:
                peer.sendall(generator.randbytes(generator.randrange(16, 4096)))
                while peer.recv(4096):
                    pass
                closed += 1
            except (ConnectionError, BrokenPipeError):
                closed += 1
            except TimeoutError:
                pass
    return closed == 50


def main():
    say(closes_after_garbage(), "who talks nonsense is told so and let go, 50 times")
    with connect() as peer:
        peer.sendall(request(DESCRIBE, version=9))
        head = receive(peer, HEAD)
        say(head is not None and struct.unpack("<IHHIIQ", head)[2] == ARGUMENT and is_closed(peer),
            "another version is refused, and says which is right")
    with connect() as peer:
        say(ask(peer, 0)[0] == UNSUPPORTED and ask(peer, 9)[0] == UNSUPPORTED and ask(peer, 65535)[0] == UNSUPPORTED and
            ask(peer, DESCRIBE)[0] == OK, "a request that there is not is unsupported, and the next one is answered")
        say(ask(peer, PROCESSES, 2**64 - 1)[1] == 0 and ask(peer, CHANNELS, 2**64 - 1)[1] == 0,
            "after the largest number there is nothing")
        say(ask(peer, KILL, 0)[0] == HANDLE and ask(peer, KILL, 2**32 + 1)[0] == HANDLE and
            ask(peer, KILL, 999999)[0] == HANDLE, "a process that there is not cannot be killed")
        say(ask(peer, TRACE_BEGIN, 0)[0] == ARGUMENT and ask(peer, TRACE_BEGIN, 2**63)[0] == ARGUMENT,
            "a trace of no records, or of more than there is memory, does not begin")
        say(ask(peer, TRACE_TAKE)[0] == STATE and ask(peer, TRACE_END)[0] == STATE,
            "nobody takes from a trace, or ends one, that is not theirs")

    # One tracer; the next may when it has gone, without a word.
    first, second = connect(), connect()
    say(ask(first, TRACE_BEGIN, 1000)[0] == OK and ask(second, TRACE_BEGIN, 1000)[0] == STATE, "one traces at a time")
    say(ask(second, TRACE_TAKE)[0] == STATE and ask(second, TRACE_END)[0] == STATE, "and only that one takes and ends")
    first.sendall(request(TRACE_TAKE)[:7])
    first.close()
    deadline, status = time.monotonic() + 5, STATE
    while status == STATE and time.monotonic() < deadline:
        status = ask(second, TRACE_BEGIN, 1000)[0]
    say(status == OK, "the next traces when the first has gone in the middle of a request")
    say(ask(second, TRACE_END)[0] == OK, "and ends it")
    second.close()

    # Connections that do nothing.
    idle = []
    for _ in range(100):
        idle.append(connect())
    say(lives(), "100 connections that ask nothing keep nobody out")
    for peer in idle:
        peer.close()

    # Halves of requests, and replies that nobody takes: let go after five seconds, and nobody waits for them.
    half, slow = connect(), connect()
    half.sendall(request(DESCRIBE)[:15])
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    slow.setblocking(False)
    begin, sent = time.monotonic(), 0
    while select.select([], [slow], [], 1)[1]: # until it has taken nothing for a second: its replies fill what the host keeps
        try:
            sent += slow.send(request(CHANNELS) * 64)
        except BlockingIOError:
            pass
    say(lives(), "who does not take the replies holds up nobody")
    say(is_closed(half) and 4 < time.monotonic() - begin < 8, "half a request is waited for five seconds")
    slow.settimeout(8)
    taken = b""
    try:
        while True:
            part = slow.recv(65536)
            if not part:
                break
            taken += part
    except OSError:
        pass
    replies = 0
    while len(taken) >= HEAD:
        taken = taken[HEAD + struct.unpack_from("<I", taken, 12)[0]:]
        replies += 1
    say(replies < sent // 16, "and so is a peer that takes nothing (%d requests, %d replies)" % (sent // 16, replies))
    say(lives(), "the system goes on")


main()
