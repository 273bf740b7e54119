#!/usr/bin/env python3
"""The web server as an HTTP server: right answers to right requests, clear ones to wrong, slow and mutated ones.

`protocol.py` tests the native server under the sanitizers; `protocol.py --sealed` the web system of sealed processes;
`protocol.py --url URL --site FOLDER` any server of that core that serves the folder. timeout: 240
"""

import argparse
import contextlib
import os
import random
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SMALL = b"A small file.\n" * 70
LARGE = bytes(range(256)) * 256
HUGE = random.Random(4).randbytes(3_000_000)
HURRY = 5
MUTATIONS = int(os.environ.get("MUTATIONS", "1000"))

count = 0
failed = 0


def ok(good, what, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, what), flush=True)
    if not good and detail != "":
        for line in str(detail).splitlines()[:20]:
            print("# " + line[:300], flush=True)
    return good


def make_site(site):
    os.makedirs(site + "/folder/deep", exist_ok=True)
    os.makedirs(site + "/indexed", exist_ok=True)
    files = {"small.txt": SMALL, "large.bin": LARGE, "huge.bin": HUGE, "empty": b"", "folder/a.txt": b"a\n",
             "folder/b <i>&'\".html": b"b\n", "folder/100% r\xc3\xa4t?#.txt".encode("latin-1").decode(): b"c\n",
             "indexed/index.html": b"<p>indexed\n", "page.svg": b"<svg/>"}
    for name, body in files.items():
        with open(os.path.join(site, name), "wb") as file:
            file.write(body)
        os.utime(os.path.join(site, name), (1_700_000_000, 1_700_000_000))
    for link, target in (("out", "/etc/passwd"), ("outside", "/etc")):
        with contextlib.suppress(FileExistsError):
            os.symlink(target, os.path.join(site, link))
    with open(os.path.dirname(site) + "/secret", "w") as file:
        file.write("secret\n")


class Client:
    def __init__(self, port):
        self.port = port

    def connect(self, timeout=20):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def get(self, path, *lines, method="GET", body=b""):
        """-> status, headers, body."""
        with self.connect() as connection:
            connection.sendall(request(path, *lines, method=method, body=body))
            reader = Reader(connection)
            return reader.answer(method == "HEAD")


def request(path, *lines, method="GET", body=b""):
    return ("%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (method, path, "".join(line + "\r\n" for line in lines))
            ).encode("latin-1") + body


class Broken(Exception):
    pass


class Reader:
    """Reads answers one after another, strictly."""

    HEADER = re.compile(rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\x20-\x7e]*$")

    def __init__(self, connection):
        self.connection = connection
        self.left = b""

    def fill(self):
        data = self.connection.recv(65536)
        self.left += data
        return data

    def ended(self):
        """Whether the server has closed the connection, without another word."""
        if self.left:
            return False
        try:
            return self.fill() == b""
        except ConnectionResetError:
            return True

    def answer(self, head_only=False):
        """None at the end."""
        while b"\r\n\r\n" not in self.left:
            if len(self.left) > 16384:
                raise Broken("a head without end")
            if not self.fill():
                if self.left:
                    raise Broken("a cut head: %r" % self.left[:200])
                return None
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        first = re.match(rb"^HTTP/1\.1 ([1-5]\d\d) [ -~]+$", lines[0])
        if not first:
            raise Broken("no status line: %r" % lines[0])
        headers = {}
        for line in lines[1:]:
            if not self.HEADER.match(line):
                raise Broken("no header line: %r" % line)
            name, value = line.decode("latin-1").split(": ", 1)
            if name.lower() in headers:
                raise Broken("two of %s" % name)
            headers[name.lower()] = value
        status = int(first.group(1))
        body = b""
        if status >= 200 and status not in (204, 304) and not head_only:
            if "content-length" not in headers:
                raise Broken("an answer of no length: %r" % head)
            length = int(headers["content-length"])
            while len(self.left) < length:
                if not self.fill():
                    raise Broken("a cut body: %d of %d" % (len(self.left), length))
            body, self.left = self.left[:length], self.left[length:]
        if status >= 200 and ("date" not in headers or headers.get("server") != "signet"):
            raise Broken("no date or server: %r" % head)
        if status >= 400 and not head_only and not body.startswith(b"%d " % status) and status != 503:
            raise Broken("an error that is not explained: %r" % body[:100])
        return status, headers, body


# ---- The corpus ----

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    out, at = b"", 0
    while at < len(text):
        many = re.match(r"\{(\d+)\*(.)\}", text[at:])
        if many:
            out += many.group(2).encode() * int(many.group(1))
            at += many.end()
        elif text[at] == "\\":
            if text[at + 1] == "x":
                out += bytes([int(text[at + 2:at + 4], 16)])
                at += 4
            else:
                out += ESCAPES[text[at + 1]]
                at += 2
        else:
            out += text[at].encode()
            at += 1
    return out


def corpus():
    with open(os.path.join(HERE, "corpus.txt")) as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                name, statuses, fate, text = line.split(" | ", 3)
                yield name, [set(map(int, word.split("/"))) for word in statuses.split()], fate, unescape(text)


def send_quietly(connection, data):
    """The server may have answered and closed before all was sent."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)


def test_corpus(client):
    for name, statuses, fate, data in corpus():
        problem = ""
        try:
            with client.connect() as connection:
                send_quietly(connection, data)
                reader = Reader(connection)
                for wanted in statuses:
                    answer = reader.answer()
                    if not answer or answer[0] not in wanted:
                        problem = "wanted %s, found %s" % (sorted(wanted), answer and answer[0])
                        break
                if not problem and fate == "closes":
                    if answer[1].get("connection") != "close":
                        problem = "it does not say that it closes"
                    elif not reader.ended():
                        problem = "it does not close, or says more: %r" % reader.left[:200]
                elif not problem:
                    connection.sendall(request("/small.txt"))
                    answer = reader.answer()
                    if not answer or answer[0] != 200 or answer[2] != SMALL:
                        problem = "the next request fails: %s" % (answer and answer[0])
        except (OSError, Broken) as error:
            problem = repr(error)
        ok(not problem, "corpus: " + name, problem)


# ---- Right requests ----

def test_files(client, port, site):
    for path, body in (("/small.txt", SMALL), ("/large.bin", LARGE), ("/huge.bin", HUGE), ("/empty", b""),
                       ("/indexed/", b"<p>indexed\n")):
        for _ in range(3):
            status, headers, found = client.get(path)
        ok(status == 200 and found == body, "GET %s" % path, "%d, %d bytes" % (status, len(found)))
        head = client.get(path, method="HEAD")
        ok(head[0] == 200 and head[1].get("content-length") == str(len(body)) and
           {k: v for k, v in head[1].items() if k != "date"} == {k: v for k, v in headers.items() if k != "date"},
           "HEAD %s says the same" % path, head)
    with client.connect() as connection:
        reader = Reader(connection)
        connection.sendall(request("/huge.bin", method="HEAD") + request("/small.txt"))
        ok(reader.answer(True)[0] == 200 and reader.answer()[2] == SMALL, "a HEAD has no body")
    url = "http://127.0.0.1:%d" % port
    done = subprocess.run(["curl", "-sS", "--http1.1", url + "/huge.bin", "-o", "-", "--next", "-sS", url + "/large.bin"],
                          capture_output=True, timeout=30)
    ok(done.returncode == 0 and done.stdout == HUGE + LARGE, "curl fetches the same", done.stderr)
    types = {"/small.txt": "text/plain; charset=utf-8", "/indexed/": "text/html; charset=utf-8",
             "/page.svg": "image/svg+xml", "/large.bin": "application/octet-stream"}
    found = {path: client.get(path)[1].get("content-type") for path in types}
    ok(found == types, "types by suffix", found)
    answer = client.get("/folder")
    ok(answer[0] == 301 and answer[1].get("location") == "/folder/", "a directory is said to end with a slash", answer)
    page = client.get("/folder/")[2].decode()
    ok("b &lt;i&gt;&amp;&#39;&quot;.html" in page and "b%20%3Ci%3E%26%27%22.html" in page and "<i>" not in page,
       "names are escaped in a directory's page", page)
    names = re.findall(r'href="\./([^"]*)"', page)
    ok(names[0] == "deep/" and names[1:] == sorted(names[1:]) and len(names) == 4, "sorted, directories first", names)
    ok(all(client.get("/folder/" + name)[0] == 200 for name in names), "and each link leads to its file")
    with open(site + "/changes.txt", "wb") as file:
        file.write(b"one\n")
    bodies = [client.get("/changes.txt")[2]]
    for body in (b"two\n", b"three\n", b"four\n" * 2000, b"5\n"):
        with open(site + "/changes.txt", "wb") as file:
            file.write(body)
        bodies.append(client.get("/changes.txt")[2])
    ok(bodies == [b"one\n", b"two\n", b"three\n", b"four\n" * 2000, b"5\n"], "a file that changes is read again")
    with open(site + "/changes.new", "wb") as file:
        file.write(b"6\n")
    os.utime(site + "/changes.new", ns=(0, os.stat(site + "/changes.txt").st_mtime_ns))
    os.rename(site + "/changes.new", site + "/changes.txt")
    ok(client.get("/changes.txt")[2] == b"6\n", "also when another of the same size and time takes its name")
    os.unlink(site + "/changes.txt")
    ok(client.get("/changes.txt")[0] == 404, "and is gone when it is gone")


def test_conditions(client):
    _, headers, _ = client.get("/small.txt")
    etag, date = headers["etag"], headers["last-modified"]
    ok(date == "Tue, 14 Nov 2023 22:13:20 GMT", "the date is the file's", date)
    cases = [
        (304, "If-None-Match: " + etag),
        (304, "If-None-Match: \"x\", W/" + etag),
        (304, "If-None-Match: *"),
        (200, "If-None-Match: \"x\""),
        (200, "If-None-Match: " + etag[:-1]),
        (304, "If-Modified-Since: " + date),
        (304, "If-Modified-Since: Wed, 15 Nov 2023 22:13:20 GMT"),
        (304, "If-Modified-Since: Wednesday, 15-Nov-23 22:13:20 GMT"),
        (304, "If-Modified-Since: Wed Nov 15 22:13:20 2023"),
        (200, "If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT"),
        (200, "If-Modified-Since: yesterday"),
        (200, "If-Modified-Since: Wed, 99 Nov 2023 22:13:20 GMT"),
        (200, "If-None-Match: \"x\"", "If-Modified-Since: " + date),
    ]
    for status, *lines in cases:
        answer = client.get("/small.txt", *lines)
        ok(answer[0] == status and answer[2] == (SMALL if status == 200 else b""),
           "%s: %d" % (", ".join(lines), status), answer[:2])
    ranges = {"0-0": (0, 1), "0-": (0, 980), "5-9": (5, 10), "979-979": (979, 980), "-1": (979, 980), "-5000": (0, 980),
              "970-5000": (970, 980)}
    for text, (begin, end) in ranges.items():
        status, headers, body = client.get("/small.txt", "Range: bytes=" + text)
        ok(status == 206 and body == SMALL[begin:end] and
           headers.get("content-range") == "bytes %d-%d/980" % (begin, end - 1), "range %s" % text, (status, headers))
    status, headers, body = client.get("/huge.bin", "Range: bytes=100001-2900000")
    ok(status == 206 and body == HUGE[100001:2900001], "a range of many blocks")
    status, headers, _ = client.get("/small.txt", "Range: bytes=980-")
    ok(status == 416 and headers.get("content-range") == "bytes */980", "a range behind the end", headers)
    ok(client.get("/small.txt", "Range: bytes=0-1", "If-Range: " + etag)[0] == 206, "If-Range with the file's tag")
    ok(client.get("/small.txt", "Range: bytes=0-1", "If-Range: " + date)[0] == 206, "If-Range with the file's date")


def test_pieces(client):
    """What comes in any pieces is one request."""
    data = request("/small.txt", "X: y", method="GET") + request("/large.bin") + request("/nothing")
    good = 0
    for at in range(1, len(data), 3):
        with client.connect() as connection:
            connection.sendall(data[:at])
            time.sleep(0.001)
            connection.sendall(data[at:])
            reader = Reader(connection)
            good += [reader.answer()[0] for _ in range(3)] == [200, 200, 404]
    ok(good == len(range(1, len(data), 3)), "three requests, cut anywhere", good)
    with client.connect() as connection:
        for byte in data:
            connection.sendall(bytes([byte]))
        reader = Reader(connection)
        ok([reader.answer()[0] for _ in range(3)] == [200, 200, 404], "byte by byte")
    with client.connect() as connection:
        reader = Reader(connection)
        sender = threading.Thread(target=send_quietly, args=(connection, request("/small.txt") * 2000))
        sender.start()
        answers = [reader.answer() for _ in range(2000)]
        sender.join()
        ok(all(answer[0] == 200 and answer[2] == SMALL for answer in answers), "2,000 requests in a pipeline")
    with client.connect() as connection:
        connection.sendall(request("/small.txt"))
        connection.shutdown(socket.SHUT_WR)
        reader = Reader(connection)
        ok(reader.answer()[2] == SMALL and reader.ended(), "who stops sending has the answer still")
    with client.connect() as connection:
        connection.sendall(b"GET /small.txt HTT")
        connection.shutdown(socket.SHUT_WR)
        reader = Reader(connection)
        ok(reader.answer()[0] == 400 and reader.ended(), "half a request is told so")


# ---- The extension ----

def test_extension(client, echo):
    path = "/ext/echo" if echo else "/ext/hello"
    answer = client.get(path + "?a=b", "X-Thing: One")
    ok(answer[0] == 200, "the extension answers", answer)
    if echo:
        ok(answer[2].startswith(b"1 /ext/echo ?a=b\nhost: a\nx-thing: One\n"), "it is told what was asked", answer[2])
        for status in (204, 304):
            with client.connect() as connection:
                reader = Reader(connection)
                connection.sendall(request("/ext/status/%d" % status) + request(path))
                first, second = reader.answer(), reader.answer()
                ok(first[0] == status and not {"content-length", "content-type"} & set(first[1]) and second[0] == 200,
                   "an answer %d has no body, and no length of one" % status, (first, second))
        for status in (0, 100, 199, 600, 4294967295):
            ok(client.get("/ext/status/%d" % status)[0] == 500, "%d is no status of an answer" % status)
        answer = client.get("/ext/split")
        ok(answer[0] == 500 and "set-cookie" not in answer[1], "a type with line ends in it adds no header", answer)
    for length in (0, 1, 1024, 1025, 4096, 100_000, 262_144):
        body = random.Random(length).randbytes(length)
        plain = client.get(path, "Content-Length: %d" % length, method="POST", body=body)
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 3000]), body[i:i + 3000]) for i in range(0, length, 3000))
        chunked = client.get(path, "Transfer-Encoding: chunked", method="POST", body=pieces + b"0\r\n\r\n")
        good = plain[0] == 200 and chunked[0] == 200
        if echo:
            good = good and plain[2].endswith(b"\n" + body) and chunked[2].endswith(b"\n" + body)
        ok(good, "a body of %d bytes, with its length and in chunks" % length, (plain[:2], chunked[:2]))
    with client.connect() as connection:
        reader = Reader(connection)
        connection.sendall(request(path, "Content-Length: 3", "Expect: 100-continue", method="POST"))
        first = reader.answer()
        connection.sendall(b"abc")
        ok(first[0] == 100 and reader.answer()[0] == 200, "who expects it is told to go on")
    too_long = b"%x\r\n" % 300_000 + b"x" * 300_000
    with client.connect() as connection:
        send_quietly(connection, request(path, "Transfer-Encoding: chunked", method="POST") + too_long)
        answer = Reader(connection).answer()
        ok(answer and answer[0] == 413, "chunks of too much", answer)
    answer = client.get("/ext/crash")
    ok(answer[0] == 503 and answer[1].get("retry-after") == "0" and b"ended" in answer[2],
       "a crash costs its request a 503", answer)
    ok(client.get(path)[0] == 200, "and the next request works")
    results = []
    threads = [threading.Thread(target=lambda: results.append(client.get(path)[0])) for _ in range(30)]
    crash = threading.Thread(target=lambda: client.get("/ext/crash"))
    for thread in threads[:15] + [crash] + threads[15:]:
        thread.start()
    for thread in threads + [crash]:
        thread.join()
    ok(results == [200] * 30, "a crash among 30 others costs none of them", results)


# ---- Slow and rude clients ----

def test_slow(client, hurry):
    """All at once; each is ended when its time is over, and nobody else waits for them."""
    cases = {
        "says nothing": (b"", 10, None),
        "sends half a head": (b"GET /small.txt HT", 10, 408),
        "sends half a head after an answer": (request("/small.txt") + b"GET /sm", 10, 408),
        "sends half a body": (request("/ext/x", "Content-Length: 10", method="POST") + b"abc", 20, 408),
        "stays after an answer": (request("/small.txt"), 15, 200),
        "does not read": (request("/huge.bin") * 20, 20, 200),
    }
    begin = time.monotonic()
    open_connections = {}
    for name, (data, _, _) in cases.items():
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", client.port))
        connection.settimeout(60)
        connection.sendall(data)
        open_connections[name] = connection
    slow = client.connect(60)  # one byte after another, for ever
    slow_end = []

    def drip():
        for byte in b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100000:
            try:
                slow.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.05)
        slow_end.append(time.monotonic() - begin)

    dripper = threading.Thread(target=drip)
    dripper.start()
    worst = 0
    for _ in range(20):
        start = time.monotonic()
        good = client.get("/small.txt")[0] == 200
        worst = max(worst, time.monotonic() - start)
    ok(good and worst < 2, "others are served meanwhile", worst)
    for name, (_, seconds, status) in sorted(cases.items(), key=lambda case: case[1][1]):
        connection = open_connections[name]
        if name == "does not read":
            time.sleep(max(0, begin + seconds / hurry + 1.5 - time.monotonic()))
        data = b""
        try:
            while piece := connection.recv(1 << 20):
                data += piece
                if name == "does not read" and len(data) > 20 * len(HUGE):
                    break
        except ConnectionResetError:
            pass
        except socket.timeout:
            data = None
        took = time.monotonic() - begin
        if data is None:
            ok(False, "who %s is ended" % name, "not after %.1f s" % took)
            continue
        answers = re.findall(rb"HTTP/1\.1 (\d\d\d) ", data)
        found = int(answers[-1]) if answers else None
        right = found == status and (status != 408 or data.endswith(b"\r\n\r\n408 Request Timeout: the request took too "
                                                                    b"long to come.\n"))
        if name == "does not read":
            right = right and len(data) < 20 * len(HUGE)
        ok(right and took > 0.5 * seconds / hurry - 1 and took < 2 * seconds / hurry + 4,
           "who %s is ended (after %.1f s, with %s)" % (name, took, found), "%s, %d bytes" % (found, len(data)))
        connection.close()
    dripper.join(30)
    ok(slow_end and slow_end[0] < 10 / hurry + 5, "who sends a byte now and then is ended too", slow_end)
    slow.close()


def test_rude(client):
    for _ in range(200):
        with client.connect() as connection:
            connection.sendall(request("/huge.bin"))
            connection.recv(10000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    ok(client.get("/small.txt")[0] == 200, "200 clients that leave in the middle of an answer")
    for _ in range(200):
        client.connect().close()
    ok(client.get("/small.txt")[0] == 200, "200 clients that say nothing and leave")


def test_many(client, wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    connections = []
    try:
        for i in range(wanted):
            connection = client.connect()
            connection.sendall(b"GET /small.txt HTTP/1.1\r\nHost: a\r\n")
            connections.append(connection)
        start = time.monotonic()
        good = client.get("/small.txt")[0] == 200
        ok(good and time.monotonic() - start < 1, "one is served beside %d that have not asked yet" % wanted)
        for connection in connections:
            connection.sendall(b"\r\n")
        good = sum(1 for connection in connections if Reader(connection).answer()[2] == SMALL)
        ok(good == wanted, "and then all of them", good)
    finally:
        for connection in connections:
            connection.close()


# ---- Mutations ----

def mutate(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(6)
        if what == 0:
            data[at:at] = chance.choice((b"\r\n", b"\n", b" ", b"\t", b"\0", b"%", b"/../", b":", b",", b"\xff", b"0"))
        elif what == 1:
            del data[at:at + chance.choice((1, 1, 2, 5, 20))]
        elif what == 2 and at < len(data):
            data[at] = chance.randrange(256)
        elif what == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif what == 4:
            begin = chance.randrange(len(data) + 1)
            data[at:at] = data[begin:begin + chance.randrange(1, 60)]
        elif what == 5 and at < len(data):
            data[at:at + 1] = bytes([data[at]]) * chance.choice((2, 100, 5000))
    return bytes(data)


def test_mutations(client, memory):
    seeds = [data for _, statuses, _, data in corpus() if len(data) < 2000]
    seeds += [request("/small.txt", "Range: bytes=5-9", "If-None-Match: \"x\""),
              request("/ext/hello", "Content-Length: 5", method="POST", body=b"hello"),
              request("/ext/hello", "Transfer-Encoding: chunked", method="POST", body=b"3\r\nabc\r\n0\r\n\r\n")]
    seed = int(os.environ.get("SEED", "4"))
    before = memory()
    problems = []
    statuses = {}
    for number in range(MUTATIONS):
        chance = random.Random(seed * 1_000_003 + number)
        data = mutate(chance, chance.choice(seeds))
        try:
            with client.connect(10) as connection:
                send_quietly(connection, data)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                reader = Reader(connection)
                while answer := reader.answer(data.lstrip(b"\r\n").startswith(b"HEAD ")):
                    statuses[answer[0]] = statuses.get(answer[0], 0) + 1
        except ConnectionResetError:
            pass
        except (OSError, Broken) as error:
            problems.append("%d: %r: %r" % (number, error, data[:200]))
    ok(not problems, "%d mutations have clear answers" % MUTATIONS, "\n".join(problems))
    print("# " + ", ".join("%d: %d" % pair for pair in sorted(statuses.items())))
    ok(client.get("/small.txt")[2] == SMALL, "and it serves as before")
    after = memory()
    ok(after - before < 8192, "with memory as before", "%d KiB, %d KiB" % (before, after))


# ---- The targets ----

@contextlib.contextmanager
def native():
    with tempfile.TemporaryDirectory(prefix="signet-http-") as folder:
        site = folder + "/site"
        os.mkdir(site)
        make_site(site)
        program = os.path.join(TOP, "build/tests/web/web-sanitized")
        server = subprocess.Popen([program, "--root", site, "--listen", "127.0.0.1:0", "--hurry", str(HURRY)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        errors = []
        reader = threading.Thread(target=lambda: errors.append(server.stderr.read()))
        reader.start()
        port = int(re.search(rb":(\d+)/", server.stdout.readline()).group(1))

        def memory():
            with open("/proc/%d/smaps_rollup" % server.pid) as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))

        try:
            yield port, site, memory
            server.terminate()
            try:
                status = server.wait(30)
            except subprocess.TimeoutExpired:
                status = "no end"
            ok(status == 0, "it ends in good order, and nothing is left", status)
        finally:
            server.kill()
            server.wait()
            reader.join()
            for line in errors[0].decode(errors="replace").splitlines()[:60]:
                print("# " + line)


@contextlib.contextmanager
def sealed():
    sys.path.insert(0, os.path.join(TOP, "tests/system"))
    from running import System

    def change(system):
        system["processes"]["web"]["arguments"] += ["--hurry", str(HURRY)]
        system["processes"]["scripts"]["devices"]["scripts"]["directory"] = scripts.name
        system["processes"]["extension"]["restart"] = {"when": "always", "back-off": "1ms..20ms", "limit": 100000,
                                                       "within": "1m"}

    scripts = tempfile.TemporaryDirectory()
    for folder in "apps/web/scripts", "tests/web/scripts":
        shutil.copytree(os.path.join(TOP, folder), scripts.name, dirs_exist_ok=True)
    system = System(change=change)
    try:
        make_site(system.site)
        yield system.port, system.site, system.resident
        with Client(system.port).connect() as connection:
            connection.sendall(request("/ext/errors?kind=escape"))
            answer = connection.recv(100)
        for _ in range(100):
            if "errors.lua:4: " in system.log():
                break
            time.sleep(0.02)
        ok(answer.startswith(b"HTTP/1.1 500 ") and "errors.lua:4: ?]0;taken?" in system.log() and not set("\x1b\x07") & set(system.log()),
           "what a script says of its error does not reach the terminal as it is", answer)
        ok(system.alive(), "the system is up still")
    finally:
        if failed:
            for line in system.log().splitlines()[-40:]:
                print("# " + line)
        system.stop()
        scripts.cleanup()


@contextlib.contextmanager
def other(url, site):
    make_site(site)
    yield int(re.search(r":(\d+)", url.split("//", 1)[1]).group(1)), site, lambda: 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sealed", action="store_true", help="the web system of sealed processes")
    parser.add_argument("--url", help="a server on this machine that is running")
    parser.add_argument("--site", help="the folder that it serves")
    parser.add_argument("--hurry", type=int, default=1, help="with --url: how many times as short its deadlines are")
    arguments = parser.parse_args()
    target = other(arguments.url, arguments.site) if arguments.url else sealed() if arguments.sealed else native()
    hurry = arguments.hurry if arguments.url else HURRY
    with target as (port, site, memory):
        client = Client(port)
        test_corpus(client)
        test_files(client, port, site)
        test_conditions(client)
        test_pieces(client)
        test_extension(client, echo=not arguments.sealed and not arguments.url)
        test_rude(client)
        test_many(client, 1000)
        test_slow(client, hurry)
        test_mutations(client, memory)
    print("1..%d" % count)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
