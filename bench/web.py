"""The web system beside nginx, and beside the same server code as one native process. Used by bench/run.

Each server has one processor, wrk the other; they run in turns within one round. wrk's own figures are taken as they are:
requests a second, and the latency that 99 of 100 requests do not exceed. An answer that is not a 2xx, or a socket error, is
an error of the measurement.
"""

import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

SIZES = {"1KiB": 1024, "64KiB": 65536}
CONNECTIONS = [1, 16, 256]
PORTS = {"sealed": 18080, "nginx": 18081, "native": 18082}
SECONDS = 2
PATIENCE = 30  # seconds until a server has to answer


class Failed(Exception):
    pass


def make_site(folder):
    for name, size in SIZES.items():
        with open(os.path.join(folder, name + ".txt"), "wb") as file:
            file.write((b"Sixty-three bytes and an end of line, again and again; all good..\n" * 1100)[:size])
    os.chmod(folder, 0o755)


class Server:
    """One server on one processor, started and stopped; its port answers when it is there."""

    def __init__(self, name, command, port, cpu):
        self.name, self.port = name, port
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["taskset", "-c", str(cpu)] + command, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.get("/1KiB.txt")
                return
            except (OSError, http.client.HTTPException):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    text = self.text()
                    self.stop()
                    raise Failed("%s does not serve: %s" % (name, text))
                time.sleep(0.02)

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def sealed_manifest(top, site, folder, port):
    """apps/web/web.yaml with another port, another site, and no back-off; the rest is what `make run` starts."""
    import yaml
    home = os.path.join(top, "apps/web")
    with open(os.path.join(home, "web.yaml")) as file:
        system = yaml.safe_load(file)
    for process in system["processes"].values():
        if "image" in process:
            process["image"] = os.path.normpath(os.path.join(home, process["image"]))
        for device in (process.get("devices") or {}).values():
            if isinstance(device, dict) and "listen" in device:
                device["listen"] = ["127.0.0.1:%d" % port]
            if isinstance(device, dict) and "directory" in device:
                device["directory"] = site if device["directory"] == "site" else os.path.join(home, device["directory"])
    # It is crashed often here: no wait that grows from one to the next.
    system["processes"]["extension"]["restart"] = {"when": "always", "back-off": "0ms..1ms", "limit": 1000, "within": "1h"}
    path = os.path.join(folder, "bench.yaml")
    with open(path, "w") as file:
        yaml.safe_dump(system, file, sort_keys=False)
    return path


def nginx_configuration(site, folder, port):
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write("""
daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log %(folder)s/error.log;
events { worker_connections 12000; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path %(folder)s/a; proxy_temp_path %(folder)s/b; fastcgi_temp_path %(folder)s/c;
  uwsgi_temp_path %(folder)s/d; scgi_temp_path %(folder)s/e;
  server { listen 127.0.0.1:%(port)d; root %(site)s; }
}
""" % {"folder": folder, "site": site, "port": port})
    return path


def start(name, top, site, folder, cpu):
    port = PORTS[name]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Failed("something listens at port %d already" % port)
    if name == "nginx":
        command = [os.path.join(top, "build/bench/nginx"), "-c", nginx_configuration(site, folder, port)]
    elif name == "native":
        command = [os.path.join(top, "build/apps/web/web-native"), "--root", site, "--listen", "127.0.0.1:%d" % port]
    else:
        command = [os.path.join(top, "build/bin/signet"), "up", "--socket", os.path.join(folder, "control.sock"),
                   sealed_manifest(top, site, folder, port)]
    return Server(name, command, port, cpu)


def load(cpu, port, path, connections, seconds=SECONDS):
    """-> requests a second, p99 in milliseconds."""
    command = ["taskset", "-c", str(cpu), "wrk", "--latency", "-t1", "-c%d" % connections, "-d%ds" % seconds,
               "http://127.0.0.1:%d%s" % (port, path)]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if not rate or not tail or "Socket errors" in output or "Non-2xx" in output:
        raise Failed("wrk on port %d, %s, %d connections:\n%s" % (port, path, connections, output))
    return float(rate.group(1)), float(tail.group(1)) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[tail.group(2)]


def restart_milliseconds(server, rounds=20):
    """From the answer that says that the extension crashed to the first good answer of its successor."""
    times = []
    for _ in range(rounds):
        status, _ = server.get("/ext/crash")
        if status != 503:
            raise Failed("/ext/crash was answered %d, not 503" % status)
        begin = time.monotonic()
        status, body = server.get("/ext/hello")
        times.append((time.monotonic() - begin) * 1e3)
        if status != 200:
            raise Failed("after the crash: %d %s" % (status, body[:200]))
        time.sleep(0.3)
    return times


def measure(bench, top, processors):
    """Adds the rows web.* and restart.extension."""
    if len(processors) < 2:
        raise Failed("two processors are needed: one for the server, one for wrk")
    server_cpu, load_cpu = processors[-1], processors[0]
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        os.chmod(folder, 0o755)
        site = os.path.join(folder, "site")
        os.mkdir(site)
        make_site(site)
        servers = {}
        try:
            for name in PORTS:
                servers[name] = start(name, top, site, folder, server_cpu)
            for size in SIZES:
                for connections in CONNECTIONS:
                    rates = {name: [] for name in servers}
                    tails = {name: [] for name in servers}
                    for _ in range(bench.options.runs):
                        for name, server in servers.items():
                            rate, tail = load(load_cpu, server.port, "/%s.txt" % size, connections)
                            rates[name].append(rate)
                            tails[name].append(tail)
                    middle = {name: statistics.median(values) for name, values in tails.items()}
                    bench.row("web.%s.c%d" % (size, connections), rates["sealed"], "req/s", "nginx, one worker",
                              rates["nginx"], at_least=0.5, p99_ms=middle["sealed"], against_p99_ms=middle["nginx"])
                    bench.row("web.%s.c%d.p99" % (size, connections), tails["sealed"], "ms", "nginx, one worker",
                              tails["nginx"])
                    bench.row("web.%s.c%d.native" % (size, connections), rates["sealed"], "req/s",
                              "the same code, one process", rates["native"], native_p99_ms=middle["native"])
            bench.row("restart.extension", restart_milliseconds(servers["sealed"]), "ms", at_most=5)
        finally:
            for server in servers.values():
                server.stop()
