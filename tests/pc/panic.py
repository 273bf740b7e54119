#!/usr/bin/env python3
# timeout: 300
"""A panic prints a trace with names and stops the machine. A non-maskable interrupt, which only
broken hardware sends, is the panic that can be had from outside: it is sent while every processor sleeps in the kernel, and
while a process runs. Prints TAP."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
signet, program, logs = "build/bin/signet", "build/tests/pc/waits", "build/tests/pc/logs"
os.makedirs(logs, exist_ok=True)
tests = failed = 0


def ok(good, name, detail=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {tests} - {name}")
    if not good:
        print("# " + str(detail).replace("\n", "\n# "))
    sys.stdout.flush()


def monitor(path, *commands):
    with socket.socket(socket.AF_UNIX) as line:
        for _ in range(100):
            try:
                line.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        file = line.makefile("rw")
        file.readline()
        for command in ("qmp_capabilities",) + commands:
            file.write(json.dumps({"execute": command}) + "\n")
            file.flush()
            try:
                file.readline()
            except ConnectionResetError:
                return  # the machine has stopped already


def panic(machine, cpus, arguments, name):
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "monitor")
        run = subprocess.Popen([signet, "boot", "--machine", machine, "--cpus", str(cpus), "--deadline", "60", "--log",
                                os.path.join(logs, f"panic-{machine}-{cpus}-{name}"), "--qemu", "-qmp", "--qemu",
                                f"unix:{path},server=on,wait=off", program, *arguments],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started = run.stdout.read(6)
        time.sleep(0.3)
        monitor(path, "inject-nmi")
        begin = time.time()
        out, err = run.communicate(timeout=60)
        text = (out + err).decode(errors="replace")
        took = time.time() - begin
    ok(started == b"ready\n" and "signet: kernel panic: exception 2" in text, f"{machine}, {cpus}, {name}: it says so", text)
    ok(run.returncode not in (0, None) and took < 20, f"{machine}, {cpus}, {name}: the machine stops, and signet fails",
       f"status {run.returncode}, {took} s")
    return text


for machine, cpus in (("microvm", 1), ("q35", 2)):
    text = panic(machine, cpus, ["read"], "asleep")
    names = re.findall(r"^  0x[0-9a-f]+ (\w+)\+0x[0-9a-f]+", text, re.M)
    ok("schedule" in names and any(name.startswith("pc_idle") for name in names) and len(names) >= 3,
       f"{machine}, {cpus}: the trace names the functions it came through", text)
text = panic("microvm", 1, ["spin"], "running")
ok(re.search(r"^  0x1[0-9a-f]{11}\b", text, re.M), "in a process: its address, in its window", text)
print(f"1..{tests}")
sys.exit(failed != 0)
