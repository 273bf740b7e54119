"""A running web system for the tests: apps/web/web.yaml with a port, a site and limits of the test's own. Prints TAP."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIGNET = os.path.join(TOP, "build/bin/signet")
HOME = os.path.join(TOP, "apps/web")
PATIENCE = 30

count = 0
failed = 0


def ok(good, what):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, what), flush=True)
    return good


def say(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def finish():
    print("1..%d" % count)
    sys.exit(1 if failed else 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class System:
    """Starts it and waits until it serves; `change(system)` may alter the manifest before."""

    def __init__(self, change=None, options=()):
        self.folder = tempfile.TemporaryDirectory(prefix="signet-web-")
        self.port = free_port()
        self.site = os.path.join(self.folder.name, "site")
        os.mkdir(self.site)
        self.bodies = {"/small.txt": b"A small file.\n" * 70, "/large.bin": bytes(range(256)) * 256}
        for path, body in self.bodies.items():
            with open(self.site + path, "wb") as file:
                file.write(body)
        with open(os.path.join(HOME, "web.yaml")) as file:
            system = yaml.safe_load(file)
        for process in system["processes"].values():
            if "image" in process:
                process["image"] = os.path.normpath(os.path.join(HOME, process["image"]))
            for device in (process.get("devices") or {}).values():
                if isinstance(device, dict) and "listen" in device:
                    device["listen"] = ["127.0.0.1:%d" % self.port]
                if isinstance(device, dict) and "directory" in device:
                    device["directory"] = self.site if device["directory"] == "site" else os.path.join(
                        HOME, device["directory"])
        if change:
            change(system)
        self.manifest = os.path.join(self.folder.name, "system.yaml")
        with open(self.manifest, "w") as file:
            yaml.safe_dump(system, file, sort_keys=False)
        self.control = os.path.join(self.folder.name, "control")
        self.log_path = os.path.join(self.folder.name, "log")
        self.log_file = open(self.log_path, "wb")
        self.process = subprocess.Popen([SIGNET, "up", "--socket", self.control, *options, self.manifest],
                                        stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.get("/small.txt")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                say(self.log())
                self.stop()
                print("Bail out! the web system does not serve")
                sys.exit(1)
            time.sleep(0.02)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path, headers=None):
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def signet(self, *arguments):
        return subprocess.run([SIGNET, arguments[0], "--socket", self.control, *arguments[1:]], capture_output=True,
                              text=True, timeout=PATIENCE)

    def ps(self, *options):
        done = self.signet("ps", "--json", "--interval", "0", *options)
        if done.returncode:
            raise RuntimeError("signet ps: %s" % done.stderr)
        return json.loads(done.stdout)

    def kill(self, name):
        return self.signet("kill", name).returncode == 0

    def alive(self):
        return self.process.poll() is None

    def resident(self):
        """KiB of the whole system."""
        with open("/proc/%d/smaps_rollup" % self.process.pid) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def stop(self):
        """-> its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()
        return self.process.returncode
