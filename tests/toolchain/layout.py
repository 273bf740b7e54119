#!/usr/bin/env python3
"""Layout of code in bundles: random programs of every kind of item, assembled and linked, must pass the verifier, and objdump must find
each call at a bundle's end, each label whose address is taken at a bundle's start, and every instruction of the source still
there, in order. The seed is printed; give it as argument to see a run again. Prints TAP."""

import os
import random
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPILER = os.path.join(TOP, "build/bin/signet-cc")
PROGRAMS = 40

PLAIN = [
    "nop", "movl $%d, %%eax", "addq $%d, %%rcx", "movq $%d, 8(%%rsp)", "movl (%%rax), %%ecx", "movabsq $%d123456789, %%rdx",
    "vaddps 0x1234(%%rax,%%rcx,8), %%ymm1, %%ymm2", "lock addl $%d, (%%rdi)", "movaps %%xmm1, 64(%%rsp)", "xorl %%eax, %%eax",
    "leaq 8(%%rsp), %%rsi", "subq $40, %%rsp", "addq $40, %%rsp", "pushq %%rbx", "popq %%rbx", "movl data+%d(%%rip), %%eax",
    "rep movsb", "stosq", "movl $1, data(,%%rax,4)", "call *%%rbx", "jmp *%%rcx", "movl %%fs:thread@tpoff, %%eax", "ret",
    "testl $%d, %%eax", "imulq $%d, 16(%%rbp), %%r8", "pushq $%d", "fldt (%%rax)", "cvtsi2sdl 4(%%rax), %%xmm3", "leave",
]


def program(rng):
    count = rng.randrange(20, 400)
    labels = rng.randrange(2, 30)
    places = {rng.randrange(count): "label%d" % i for i in range(labels)}
    named = sorted(places.values())
    taken = set(rng.sample(named, len(named) // 3))
    text = [".text", ".globl _start", ".type _start,@function", "_start:"]
    for i in range(count):
        if i in places:
            text.append("%s:" % places[i])
        kind = rng.random()
        if kind < 0.12:
            text.append("%s %s" % (rng.choice(["jmp", "jne", "jg", "jc", "js"]), rng.choice(named)))
        elif kind < 0.20:
            text.append("call %s" % rng.choice(named + ["_start"]))
        elif kind < 0.24:
            text.append(rng.choice([".p2align 4,,10", ".p2align 3", ".p2align 5", ".align 16", ".p2align 4"]))
        elif kind < 0.27:
            text.append("1: decl %eax; jnz 1b")
        else:
            line = rng.choice(PLAIN)
            text.append(line % rng.randrange(1, 1 << rng.randrange(1, 30)) if "%d" in line else line.replace("%%", "%"))
    text += ["ud2", ".section .rodata", ".p2align 3"]
    text += [".quad %s" % label for label in sorted(taken)]
    text += [".data", "data: .zero 64", ".section .tdata,\"awT\"", "thread: .long 5"]
    return "\n".join(text) + "\n", taken


def check(rng, directory):
    source, taken = program(rng)
    path, image = os.path.join(directory, "random.s"), os.path.join(directory, "random")
    with open(path, "w") as file:
        file.write(source)
    done = subprocess.run([COMPILER, "-nostdlib", "-nostartfiles", path, "-o", image], capture_output=True, text=True)
    if done.returncode:
        return source, done.stderr
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", image], capture_output=True, text=True).stdout
    symbols = subprocess.run(["nm", image], capture_output=True, text=True).stdout
    starts = [int(m.group(1), 16) for m in re.finditer(r"^\s*([0-9a-f]+):\t", listing, re.M)]
    following = dict(zip(starts, starts[1:]))
    for match in re.finditer(r"^\s*([0-9a-f]+):\tcall\b", listing, re.M):
        if following[int(match.group(1), 16)] % 32:
            return source, "a call does not end its bundle: " + match.group(0)
    for match in re.finditer(r"^([0-9a-f]+) \w (\w+)$", symbols, re.M):
        if (match.group(2) in taken or match.group(2) == "_start") and int(match.group(1), 16) % 32:
            return source, match.group(2) + " is not at a bundle's start"
    for name, spelled in (("call", r"\bcall\b"), ("jmp|jn?e|jg|jb|js", r"\b(jmp|jne|jg|jb|jc|js|jnz)\b"), ("ret", r"\bret\b"), ("vaddps", "vaddps"), ("fldt", "fldt")):
        wanted = len(re.findall(spelled, source))
        found = len(re.findall(r"\t(?:%s)\b" % name, listing))
        if wanted != found:
            return source, "%d %s in the source, %d in the image" % (wanted, name, found)
    return None


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(1 << 32)
    print("# seed %d" % seed)
    rng = random.Random(seed)
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for number in range(1, PROGRAMS + 1):
            broken = check(rng, directory)
            if broken:
                failed += 1
                print("# " + "\n# ".join(broken[1].splitlines()[:8]))
            print("%sok %d - random program %d" % ("not " if broken else "", number, number))
    print("1..%d" % PROGRAMS)
    return failed != 0


sys.exit(main())
