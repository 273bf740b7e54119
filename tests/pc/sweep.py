#!/usr/bin/env python3
# timeout: 400
"""An interrupt at every instruction of the guarded sequences and of the way into the kernel and out of it.

Boots a program (hostile, with hostile_child beside it) under -icount with several
periods of the timer, so short that it interrupts everywhere, and reads from QEMU's log (-d int) where each interrupt came.
Then: every instruction of hostile_child's loop was interrupted; of the kernel only the first instruction of an entry stub
and the place where an idle processor sleeps were; and the programs counted right. Prints TAP."""
import collections
import os
import re
import shutil
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
signet, kernel, program, logs = "build/bin/signet", "build/pc/kernel.elf", "build/tests/pc/hostile", "build/tests/pc/logs"
child = os.path.join(os.path.dirname(program), "hostile_child")
PERIODS = [int(period) for period in os.environ.get("SWEEP_PERIODS", "1009 1511 2003 1201 1733 1303 2309 1409 1607 1907 2203 2707").split()]
ROUNDS = os.environ.get("SWEEP_ROUNDS", "20000")
WINDOWS_LOW, WINDOW = 0x0000100000000000, 1 << 32
tests = failed = 0
images = os.path.join(logs, "images")
os.makedirs(images, exist_ok=True)
shutil.copy(child, images)


def ok(good, name, detail=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {tests} - {name}")
    if not good and detail:
        print("# " + str(detail).replace("\n", "\n# "))
    sys.stdout.flush()


def symbols(path):
    lines = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {fields[2]: int(fields[0], 16) for fields in (line.split() for line in lines) if len(fields) == 3}


def instructions(path, low, high):
    text = subprocess.run(["objdump", "-d", f"--start-address={low}", f"--stop-address={high}", path],
                          capture_output=True, text=True, check=True).stdout
    return {int(match[1], 16): match[2].strip() for match in re.finditer(r"^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$", text, re.M)}


names = symbols(child)
loop = instructions(child, names["sweep_low"], names["sweep_high"])
one = instructions(child, names["one"], names["one"] + 32)
# Past an unconditional jump nothing runs: ud2 and the padding after the jump, and after the return.
reached = {}
for part in (loop, one):
    dead = False
    for address in sorted(part):
        if address == names["jumped"]:
            dead = False
        if not dead:
            reached[address] = part[address]
        if re.match(r"(jmp|ret)", part[address]) or part is loop and part[address].startswith("jne"):
            dead = True

kernel_names = symbols(kernel)
kernel_addresses = sorted((address, name) for name, address in kernel_names.items())


def place(address):
    name = max((pair for pair in kernel_addresses if pair[0] <= address), default=(address, "?"))
    return f"{name[1]}+0x{address - name[0]:x}"


def timer(number):
    return number == 0x20


for cpus in (1, 2):
    hits = collections.Counter()
    in_kernel = collections.Counter()
    whole = True
    for tried, period in enumerate(PERIODS):
        # As many periods as it takes, three at least.
        if tried >= 3 and all(hits[address] for address in reached):
            break
        log = os.path.join(logs, f"sweep-{cpus}-{period}.int")
        run = subprocess.run(
            [signet, "boot", "--machine", "microvm", "--cpus", str(cpus), "--count", "--deadline", "100",
             "--log", os.path.join(logs, f"sweep-{cpus}-{period}.serial"), "--kernel", f"tick={period}",
             "--kernel", "check", "--qemu", "-d", "--qemu", "int", "--qemu", "-D", "--qemu", log,
             "--dir", f"{images}::/tests", program, "/tests/hostile_child", ROUNDS, "sweep"],
            capture_output=True, text=True)
        good = run.returncode == 0 and "not ok" not in run.stdout and "1.." in run.stdout
        if not good:
            print("# " + (run.stdout + run.stderr)[-2000:].replace("\n", "\n# "))
        whole &= good
        count = 0
        with open(log, errors="replace") as lines:
            for line in lines:
                match = re.match(r"\s*\d+: v=([0-9a-f]+) .*IP=[0-9a-f]+:([0-9a-f]+) ", line)
                if not match or not timer(int(match[1], 16)):
                    continue
                count += 1
                address = int(match[2], 16)
                if WINDOWS_LOW <= address < 1 << 47:
                    hits[address % WINDOW] += 1
                else:
                    in_kernel[address] += 1
        os.unlink(log)
        print(f"# {cpus} processors, every {period} ns: {count} interrupts")
    ok(whole, f"with {cpus} processors the programs counted right, and every invariant holds")
    missed = [f"0x{address:x} {text}" for address, text in sorted(reached.items()) if not hits[address]]
    ok(not missed, f"every one of {len(reached)} instructions of the guarded sequences was interrupted",
       "\n".join(missed))
    stubs = set(range(kernel_names["pc_entry_stubs"], kernel_names["pc_enter"], 128))
    stub_hits = sum(count for address, count in in_kernel.items() if address in stubs)
    elsewhere = {place(address): count for address, count in in_kernel.items()
                 if address not in stubs and not place(address).startswith("pc_idle_sle")}
    ok(stub_hits > 0, f"the first instruction of an entry stub was, {stub_hits} times")
    ok(not elsewhere, "no other instruction of the kernel, but where it sleeps, ever was", elsewhere)
print(f"1..{tests}")
sys.exit(failed != 0)
