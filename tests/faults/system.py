"""The system under faults: the web system and a bank (bank.py) in one manifest, under the test build of `signet`, with its
clients. Prints TAP."""

import collections
import contextlib
import copy
import functools
import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAULTY = os.path.join(TOP, "build/tests/faults/bin/signet")
SQLITE = os.path.join(TOP, "build/programs/sqlite3")

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(TOP, "tests/system"))
import bank  # noqa: E402
import plan  # noqa: E402
from clients import WRONG, Client, stopped  # noqa: E402
from running import HOME as WEB, SIGNET, finish, free_port, ok, say  # noqa: E402,F401

BODIES = {"/small.txt": b"hello, this is small\n" * 3,
          "/large.bin": bytes((i * 7 + i // 251) & 255 for i in range(150000))}
PROCESSES = ["console", "files", "scripts", "extension", "web", "network", "store", "sqlite"]


@functools.cache
def web_manifest():
    with open(os.path.join(WEB, "web.yaml")) as file:
        return yaml.safe_load(file)


def manifest(port, site, database):
    system = copy.deepcopy(web_manifest())
    processes = system["processes"]
    for process in processes.values():
        if "image" in process:
            process["image"] = os.path.normpath(os.path.join(WEB, process["image"]))
        for device in (process.get("devices") or {}).values():
            if isinstance(device, dict) and "listen" in device:
                device["listen"] = ["127.0.0.1:%d" % port]
                device["connections"] = 200
            if isinstance(device, dict) and "directory" in device:
                device["directory"] = site if device["directory"] == "site" else os.path.join(WEB, device["directory"])
    processes["network"]["quota"] = {"memory": "32M", "threads": 4, "handles": "1K", "regions": "1K"}
    processes["web"]["quota"] = {"memory": "64M", "handles": "2K"}
    processes["store"] = {"service": "files", "devices": {"db": {"directory": database, "at": "/db"}}, "offers": {"files": "files"}}
    processes["sqlite"] = {"image": SQLITE, "arguments": ["sqlite3", "-batch", "/db/bank.db"],
                           "needs": {"files": "store.files", "console": "console.streams"}, "quota": {"memory": "32M"}}
    for process in processes.values():
        process["restart"] = {"when": "always", "back-off": "1ms..20ms", "limit": 1000000, "within": "1h"}
    return system


class System:
    """`start` starts it; then it runs until `stop` or `cut`. The database's folder stays the same over several starts."""

    def __init__(self, seed=1, journal="DELETE", database=None, binary=FAULTY, change=None, cpus=1):
        self.folder = tempfile.TemporaryDirectory()
        self.seed, self.journal, self.binary, self.cpus = seed, journal, binary, cpus
        self.port = free_port()
        self.site = os.path.join(self.folder.name, "site")
        self.database = database or os.path.join(self.folder.name, "db")
        os.makedirs(self.site)
        os.makedirs(self.database, exist_ok=True)
        for path, body in BODIES.items():
            with open(self.site + path, "wb") as file:
                file.write(body)
        with open(self.database + "/bank.db", "wb") as file:
            file.write(bank.empty(journal))
        self.ledger = bank.Ledger(seed)
        self.manifest = os.path.join(self.folder.name, "system.yaml")
        system = manifest(self.port, self.site, self.database)
        if change:
            change(system)
        with open(self.manifest, "w") as file:
            json.dump(system, file)
        self.control = os.path.join(self.folder.name, "control")
        self.log_path = os.path.join(self.folder.name, "log")
        self.plan = plan.Plan(os.path.join(self.folder.name, "plan"), seed)
        self.process = self.teller = self.hung = None

    def start(self, limits=None, journal_file=None, armed=False, on_answer=None, wait=True, synchronous="EXTRA"):
        """True: it serves."""
        self.plan.armed = armed
        environment = dict(os.environ, SIGNET_FAULTS=self.plan.path)
        if journal_file:
            environment["SIGNET_FAULTS_JOURNAL"] = journal_file

        def limit():
            for kind, value in (limits or {}).items():
                resource.setrlimit(kind, (value, value))

        if os.path.exists(self.control):
            os.unlink(self.control)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.binary, "up", "--cpus", str(self.cpus), "--socket", self.control, self.manifest],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, preexec_fn=limit)
        self.teller = bank.Teller(self.ledger, self.process.stdin, self.process.stdout, self.journal, synchronous, on_answer)
        if not wait:
            return True
        return self.serves(30) and (self.teller.start() or True)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def connect(self, patience=10):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)

    def get(self, path, patience=10):
        with contextlib.closing(self.connect(patience)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def serves(self, patience):
        """Everything is answered rightly within that time."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if all(self.get(path, 1) == (200, body) for path, body in BODIES.items()) and \
                        self.get("/ext/hello?name=a", 1)[0] == 200:
                    return True
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        return False

    def signet(self, *arguments, patience=10):
        return subprocess.run([SIGNET, arguments[0], "--socket", self.control, *arguments[1:]], capture_output=True, text=True,
                              timeout=patience)

    def ps(self, *options):
        done = self.signet("ps", "--json", "--interval", "0", *options)
        if done.returncode:
            raise RuntimeError("signet ps: %s" % done.stderr)
        return json.loads(done.stdout)

    def number(self, name):
        for process in self.ps()["processes"]:
            if process["name"] == name:
                return process["number"]
        return 0

    def kill(self, name):
        try:
            return self.signet("kill", name).returncode == 0
        except subprocess.TimeoutExpired:
            self.hung = "`signet kill %s` had no answer" % name
            return False

    def alive(self):
        return self.process.poll() is None

    def totals(self):
        """What must be the same before and after."""
        snapshot = self.ps("--channels")
        totals = {name: snapshot["statistics"][name] for name in ("processes", "threads", "images")}
        totals.update(collections.Counter("channels " + channel["contract"] for channel in snapshot["channels"]))
        totals["descriptors"] = len(os.listdir("/proc/%d/fd" % self.process.pid))
        return totals

    def quiet(self, wanted=None):
        """The totals, once they are what is wanted or do not change any more."""
        last, same = None, 0
        for _ in range(200):
            try:
                now = self.totals()
            except (RuntimeError, OSError, subprocess.TimeoutExpired):
                now = None
            if now is not None and now == wanted:
                return now
            same = same + 1 if now == last else 0
            if wanted is None and now is not None and same >= 3:
                return now
            last = now
            time.sleep(0.03)
        return last

    def resident(self):
        """KiB of the whole system."""
        with open("/proc/%d/smaps_rollup" % self.process.pid) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))

    def end(self):
        self.teller.going = False
        self.teller.allowed.set()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close() if pipe is self.process.stdin else None

    def cut(self):
        """As if all of its processes were gone at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.end()

    def stop(self, patience=20):
        """-> its exit status; None: it did not end."""
        self.teller.going = False
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.end()
            return None
        self.end()
        return self.process.returncode

    def wrong(self, sealed=True):
        """What is wrong with the database; nobody may be writing."""
        return bank.check(self.ledger, self.database, SIGNET if sealed else None, SQLITE)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.teller:
            self.end()
        self.plan.close()
        self.folder.cleanup()


class Load:
    """Clients; `stop` gives what they counted."""

    def __init__(self, system, clients=2):
        self.clients = [self.client(system, index) for index in range(clients)]
        for client in self.clients:
            client.start()

    @staticmethod
    def client(system, index):
        def kind(path, status, body):
            right = body == BODIES[path] if path in BODIES else b"client%d" % index in body
            return "answered" if status == 200 and right else "told %d" % status if status >= 500 else WRONG
        return Client(system.connect, ["/small.txt", "/large.bin", "/ext/hello?name=client%d" % index], kind)

    def stop(self):
        return stopped(self.clients, say)
