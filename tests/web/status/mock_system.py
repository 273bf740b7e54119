"""A web server that says of a web system what tests tell it to: serves apps/web/status/ and a /status.json that goes on by
itself. Used by tests/web/status/page.py, and by hand: `mock_system.py [PORT]`."""
import http.server
import json
import os
import sys
import threading
import time

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../apps/web/status")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
MIB = 1 << 20


class System:
    """What the system would say. `rate` is requests each second."""

    def __init__(self):
        self.lock = threading.Lock()
        self.begun = time.time() - 754
        self.rate, self.connections = 1840, 16
        self.broken = None  # "json": the answer is none; 500: it fails; "gone": no answer
        self.asked = 0
        self.requests, self.last = 103456.0, time.time()
        names = [("supervisor", 0, 8, 0.002), ("network", 1, 192, 0.21), ("files", 1, 4, 0.05), ("console", 1, 2, 0.001),
                 ("scripts", 1, 4, 0), ("extension", 1, 32, 0.03), ("web", 1, 256, 0.34)]
        self.processes = {}
        for number, (name, parent, memory, cpu) in enumerate(names, 1):
            self.processes[name] = {"number": number, "name": name, "parent": parent, "phase": "running", "restarts": 0,
                                    "cpu": cpu, "memory": int(memory * MIB * (0.2 + 0.1 * (number % 5))),
                                    "memory_limit": memory * MIB, "threads": 1 + number % 3, "handles": 12 + 3 * number,
                                    "since": self.begun, "restarted_ns": 0, "calls": number * 12345.0, "messages": number * 2345.0,
                                    "cpu_ns": number * 1e8}
        self.channels = [("web", "network", "network", "LISTEN_ASKED", 1, 0), ("web", "network", "listener", "ACCEPT_ASKED", 1, 0.02),
                         ("web", "network", "stream", "", 0, 2), ("web", "files", "files", "REQUEST", 1, 1.1),
                         ("web", "extension", "extension", "READY", 1, 0.12), ("web", "supervisor", "observation", "PROCESSES_ASKED", 1, 0.001),
                         ("extension", "scripts", "files", "REQUEST", 1, 0)]
        self.channels += [(name, "console", "files", "REQUEST", 3, 0.0005) for name in ("web", "extension")]
        self.channels += [(name, "supervisor", "supervision", "AWAIT_ASKED", 1, 0) for name in
                          ("web", "network", "files", "extension", "scripts", "console")]
        self.messages = [[7.0, 7.0] for _ in self.channels]
        self.extra = []  # further processes

    def kill(self, name, phase="waiting"):
        with self.lock:
            process = self.processes[name]
            process.update(number=0, phase=phase, since=time.time(), memory=0, threads=0, handles=0, calls=0, messages=0, cpu_ns=0)

    def restart(self, name):
        with self.lock:
            process = self.processes[name]
            process.update(number=100 + process["restarts"] * 20 + len(name), phase="running", restarts=process["restarts"] + 1,
                           since=time.time(), restarted_ns=413000, memory=MIB, threads=2, handles=19)

    def say(self):
        with self.lock:
            now = time.time()
            passed, self.last = now - self.last, now
            self.requests += passed * self.rate
            numbers = {name: process["number"] for name, process in self.processes.items()}
            processes = []
            for process in self.processes.values():
                if process["number"]:
                    process["calls"] += passed * self.rate * 3
                    process["messages"] += passed * self.rate * 2
                    process["cpu_ns"] += passed * 1e9 * process["cpu"]
                # What a parent gives on is in its figures, too.
                part = sum(one["memory_limit"] for one in self.processes.values() if one.get("parent") == process["number"] and one["number"])
                processes.append({**process, "memory": process["memory"] + part, "memory_limit": process["memory_limit"] + part,
                                  "since": int(process["since"] * 1000), "calls": int(process["calls"]),
                                  "messages": int(process["messages"]), "cpu_ns": int(process["cpu_ns"])})
            channels = []
            for i, (client, server, contract, state, count, share) in enumerate(self.channels):
                if not numbers[client] or not numbers[server]:
                    continue
                for end in (0, 1):
                    self.messages[i][end] += passed * self.rate * share / 2
                count = count or self.connections
                channels.append({"number": i + 1, "contract": contract, "state": state, "client": numbers[client],
                                 "server": numbers[server], "count": count, "queued": [0, 1 if contract == "stream" else 0],
                                 "messages": [int(one) for one in self.messages[i]]})
            channels.append({"number": 900, "contract": "files", "state": "REQUEST", "client": numbers["web"],
                             "server": 4294967295, "count": 1, "queued": [0, 0], "messages": [1, 1]})
            channels.append({"number": 901, "contract": "stream", "state": "READY", "client": 0, "server": numbers["network"],
                             "count": 1, "queued": [0, 0], "messages": [0, 0]})
            return {"time": int(now * 1000), "processes": processes + self.extra, "channels": channels,
                    "server": {"requests": int(self.requests), "connections": self.connections, "errors": 3}}


def serve(system, port=0):
    """Starts; the server's `server_address` has its port, `shutdown` and `server_close` end it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data:")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            system.asked += 1
            if system.broken == "gone":
                self.close_connection = True
                return
            path = self.path.split("?")[0]
            if path == "/status.json":
                if system.broken == "json":
                    self.answer(200, "application/json", b'{"time": 1, "proc')
                elif system.broken:
                    self.answer(system.broken, "text/plain", b"no")
                else:
                    self.answer(200, "application/json", json.dumps(system.say()).encode())
                return
            if path == "/ext/crash":
                system.kill("extension")
                threading.Timer(1.2, system.restart, ["extension"]).start()
                self.answer(503, "text/plain", b"the extension has ended\n")
                return
            name = "index.html" if path in ("/status", "/status/", "/") else path.removeprefix("/status/")
            file = os.path.join(FOLDER, name)
            if "/" in name or not os.path.isfile(file):
                self.answer(404, "text/plain", b"no such file\n")
                return
            with open(file, "rb") as opened:
                self.answer(200, TYPES[os.path.splitext(name)[1]], opened.read())

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    return server


if __name__ == "__main__":
    print("http://127.0.0.1:%d/status" % serve(System(), int(sys.argv[1]) if len(sys.argv) > 1 else 8099).server_address[1])
    while True:
        time.sleep(1)
