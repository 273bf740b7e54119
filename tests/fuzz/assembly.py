#!/usr/bin/env python3
"""Random assembly through the real toolchain: every mnemonic of the allow-list with all forms of operands, branches, labels,
strings, sections, macros, data, and lines with mistakes. What comes out verifies, or each refusal names a line of the source; nothing
crashes, hangs, or is said of a file that the user has not written. Each source is assembled, refused lines are taken out, until it
links. Prints TAP; `assembly.py COUNT SEED` makes COUNT sources beginning with that seed, `--keep` leaves the last one in build/fuzz."""
import argparse
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ASSEMBLER = ROOT / "build/libexec/signet/as"
COMPILER = ROOT / "build/bin/signet-cc"
SYMBOLS = ["here", "there", "table", "big"]
REGISTERS = {
    8: "rax rcx rdx rbx rbp rsi rdi r8 r9 r10 r12 r13 r15".split(),
    4: "eax ecx edx ebx ebp esi edi r8d r9d r10d r12d r13d r15d".split(),
    2: "ax cx dx bx bp si di r8w r9w r10w r12w r13w r15w".split(),
    1: "al cl dl bl bpl sil dil r8b r9b r10b r12b r13b r15b".split(),
}
SIZES = {"b": 1, "w": 2, "d": 4, "q": 8}
SUFFIX = {1: "b", 2: "w", 4: "l", 8: "q"}
BRANCHES = {"jmp", "call", "ret", "loop", "jrcxz"}
CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split()


def forms():
    """-> [(mnemonic, [operand, …])] of the allow-list"""
    found = []
    for line in (ROOT / "verifier/allow.list").read_text().splitlines():
        fields = [field.strip() for field in line.split("|")]
        if line.startswith("#") or len(fields) < 3 or len(fields) > 5 and fields[5] in ("branch", "indirect", "return", "string"):
            continue
        found.append((fields[0], [operand.split(":")[0] for operand in fields[2].split()], fields[1]))
    return found


class Source:
    def __init__(self, seed, listed):
        self.random = random.Random(seed)
        self.listed = listed
        self.labels = 0
        self.lines = []

    def pick(self, things):
        return self.random.choice(things)

    def register(self, size):
        return "%" + self.pick(REGISTERS[size])

    def number(self):
        edges = (0, 1, -1, 8, 127, -128, 128, 255, 4095, 65279, 65280, 65281, -65280, -65281, 2**31 - 1, -2**31)
        value = self.random.randrange(-300, 300) if self.random.random() < 0.7 else self.pick(edges)
        return self.pick(["%d", "%d", "%#x", "(%d)"]) % value if value >= 0 else "%d" % value

    def memory(self):
        base, index = self.register(8), self.register(8)
        scale = self.pick("1248")
        displacement = self.number() if self.random.random() < 0.6 else ""
        symbol = self.pick(SYMBOLS) + self.pick(["", "", "+8", "-4"])
        return self.pick([
            "%s(%s)" % (displacement, base), "%s(%s,%s,%s)" % (displacement, base, index, scale), "(%s,%s)" % (base, index),
            "%s(,%s,%s)" % (displacement, index, scale), "%s(%%rip)" % symbol, symbol, "%s(,%s,%s)" % (symbol, index, scale),
            "%s(%s)" % (symbol, base), "%s(%%rsp)" % displacement, "%s(%%rsp,%s,%s)" % (displacement, index, scale),
            "%s(%s)" % (displacement, self.register(4)), "%%fs:%s" % self.pick(["0", "value@tpoff", "8"]),
            "%%fs:%s(%s)" % (displacement, base), "%%fs:(%s,%s,%s)" % (base, index, scale), "%%gs:%s(%s)" % (displacement, base),
            "%%ds:%s(%s)" % (displacement, base), "%s" % self.number(), "%s@gotpcrel(%%rip)" % self.pick(SYMBOLS),
            "value@gottpoff(%rip)", "%s(%%r14)" % displacement, "%s( %s , %s , %s )" % (displacement, base, index, scale),
        ])

    def operand(self, code, sizes):
        """One operand of the list; `sizes` is what v, y, z, x and d stand for in this instruction."""
        place, width = code[0], code[1:]
        size = {"v": sizes["v"], "z": sizes["v"], "y": max(sizes["v"], 4)}.get(width, SIZES.get(width, 8))
        vector = "%" + ("ymm" if sizes["x"] == 256 and width != "128" else "xmm") + str(self.random.randrange(16))
        memory = self.random.random() < 0.5
        if place in "GRBZ":
            return self.register(size) if self.random.random() < 0.97 else self.pick(["%rsp", "%esp", "%r11", "%r14", "%ah", "%spl"])
        if place == "E":
            return self.memory() if memory else self.register(size)
        if place in "MA":
            return self.memory()
        if place == "W":
            return self.memory() if memory else vector
        if place in "VHUL":
            return vector
        if place == "I":
            return "$" + (self.pick(SYMBOLS) if width in "zd" and self.random.random() < 0.1 else self.number())
        return self.number()

    def instruction(self):
        mnemonic, operands, encoding = self.pick(self.listed)
        sizes = {"v": self.pick([2, 4, 4, 8, 8]), "x": 256 if "vex.256" in encoding else 128}
        texts = [self.operand(operand, sizes) for operand in operands]
        if texts and not any(text.startswith("%") and text[1:3] not in ("fs", "gs", "ds") for text in texts) and operands[0][0] == "E":
            width = operands[0][1:]
            mnemonic += SUFFIX.get({"v": sizes["v"], "z": sizes["v"]}.get(width, SIZES.get(width, 4)), "")
        prefix = ""
        if "lock" in encoding and texts and not texts[0].startswith("%") and self.random.random() < 0.3:
            prefix = self.pick(["lock ", "lock; "])
        elif mnemonic.startswith("v") and self.random.random() < 0.1:
            prefix = self.pick(["{vex} ", "{vex2} ", "{vex3} "])
        elif self.random.random() < 0.02:
            prefix = self.pick(["{disp32} ", "{disp8} ", "{load} ", "{store} ", "{rex} ", "data16 ", "rep ", "repne ", "notrack ", "lock "])
        return prefix + mnemonic + " " + self.pick([",", ", ", " , "]).join(reversed(texts))

    def label(self):
        self.labels += 1
        return ".L%d" % self.random.randrange(max(1, self.labels + 2))

    def branch(self):
        target = self.pick([self.label(), self.label(), "function%d" % self.random.randrange(4), "1b", "1f", "2f", "weakly"])
        return self.pick([
            "jmp " + target, "call " + target, "j%s %s" % (self.pick(CONDITIONS), target), "j%s,pn %s" % (self.pick(CONDITIONS), target), "ret",
            "repz ret", "call %s@plt" % target, "jmp *%s" % self.register(8), "call *%s" % self.register(8), "jmp *%s" % self.memory(),
            "call *%s" % self.memory(), "loop " + target, "jrcxz " + target, "jecxz " + target, "jmp %s+%d" % (target, self.random.randrange(40)),
            "call *%d(%%r14)" % (65536 + 8 * self.random.randrange(40)), "jmp *table(,%s,8)" % self.register(8), "retq", "ret $8", "jmp 1b-1",
        ])

    def stack(self):
        return self.pick([
            "push " + self.register(8), "pop " + self.register(8), "push $%s" % self.number(), "pushq %s" % self.memory(), "popq %s" % self.memory(),
            "sub $%s,%%rsp" % self.number(), "add $%s,%%rsp" % self.number(), "and $-64,%rsp", "mov %rsp,%rbp", "mov %rbp,%rsp", "leave",
            "lea %s(%%rbp),%%rsp" % self.number(), "lea %s(%%rsp),%s" % (self.number(), self.register(8)), "mov %s,%%rsp" % self.memory(),
            "xchg %rax,%rsp", "push %rsp", "pop %rsp", "sub %s,%%rsp" % self.register(8), "mov %rsp," + self.memory(), "pushf", "popf",
            "cmp %rsp,%rax", "test %rsp,%rsp", "inc %rsp", "add %rsp,%rax", "mov %esp,%eax", "lea (%rsp,%rax,8),%rsp", "enter $8,$0", "push %r14",
        ])

    def string(self):
        return self.pick(["", "rep ", "repe ", "repne ", "rep; ", "repz\n\t"]) + self.pick(
            "movsb movsw movsl movsq stosb stosw stosl stosq scasb scasw scasl scasq cmpsb cmpsw cmpsl cmpsq lodsb lodsl lodsq".split() +
            ["movsb (%rsi),(%rdi)", "stos %al,(%rdi)", "stosb %al,%es:(%rdi)", "cmpsb (%rdi),(%rsi)", "scas (%rdi),%eax", "std", "cld"])

    def directive(self):
        number = self.random.randrange(5)
        return self.pick([
            ".p2align %d" % self.random.randrange(7), ".p2align 4,,10", ".align %d" % self.pick([1, 2, 8, 16, 32, 64]), ".balign 16,0x90",
            ".byte 0x90", ".byte 0x0f,0x1f,0x00", ".long 0x90909090", ".section .text.part%d,\"ax\",@progbits" % number,
            ".section .rodata\n\t.long .L0\n\t.text", ".pushsection .data\n\t.quad 1\n\t.popsection", ".text", ".globl function%d" % number,
            ".type function%d,@function" % number, ".set constant%d,%s" % (number, self.number()), "constant9 = 4", ".cfi_startproc\n\tnop\n\t.cfi_endproc",
            ".local .Lnone", ".size function%d,.-function%d" % (number, number), ".weak weakly", ".file \"user.c\"", ".ident \"x\"", ".nops 4",
            ".previous", ".hidden function%d" % number, ".if 1\n\tnop\n\t.endif", ".skip 3", ".nop", ".org .+8",
            ".rept 3\n\tnop\n\t.endr", ".incbin \"/dev/null\"", ".loc 1 5", ".cfi_def_cfa_offset 16", ".string \"a;b#c\"", ".uleb128 5",
            ".macro twice%d a b=%%rax\n\tmov \\a,\\b\n\tadd \\a, \\b\n\t.endm\n\ttwice%d %%rcx" % (self.labels, self.labels),
        ])

    def line(self):
        kind = self.random.random()
        self.labels += kind < 0.14
        if kind < 0.10:
            return ".L%d:" % self.labels
        if kind < 0.14:
            return self.pick(["1:", "2:", "1: nop", "3: 4:", "function%d%d:" % (self.labels % 4, self.labels)])
        text = (self.branch() if kind < 0.26 else self.stack() if kind < 0.36 else self.string() if kind < 0.41 else
                self.directive() if kind < 0.46 else self.instruction())
        if self.random.random() < 0.03: # a mistake
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.pick(list("%$(),*:.;#{}@'\"\\=+-~/&|!x0 \t")) + text[at + self.random.randrange(3):]
        if self.random.random() < 0.05:
            text += self.pick([" # why", " // why", " /* why */", "; nop", ";", " ; " + self.stack()])
        return "\t" + text

    def text(self, count):
        head = [".text", ".globl _start", "_start:", "\tnop"] + ["function%d:\n\tnop" % i for i in range(4)]
        body = [self.line() for _ in range(count)]
        tail = ["\tret", ".data"] + ["%s:\t.zero 64" % symbol for symbol in SYMBOLS]
        tail += ['.section .tdata,"awT",@progbits', "value:\t.quad 1", ".text", "1:\t.L0:", "2:\tret"]
        used = set(re.findall(r"\.L\d+", "\n".join(body)))
        there = set(re.findall(r"^(\.L\d+):", "\n".join(body), re.MULTILINE))
        tail += ["%s:\tret" % label for label in sorted(used - there - {".L0"})]
        self.lines = "\n".join(head + body + tail).split("\n")
        return self.lines


class Failed(Exception):
    pass


def run(command, directory, environment):
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, errors="replace", timeout=60, env=environment)
    except subprocess.TimeoutExpired:
        raise Failed("it does not end") from None
    if done.returncode < 0 or done.returncode > 2:
        raise Failed("it died: %d %s" % (done.returncode, done.stderr[-300:]))
    return done.returncode, done.stderr


MESSAGE = re.compile(r"^user\.[sc]:(\d+): (error|Error|warning|Warning|Info|Fatal error)", re.MULTILINE)


def assemble(lines, directory, counts, environment):
    """Until it links, without the lines that were refused. Raises Failed."""
    for turn in range(40):
        (directory / "user.s").write_text("\n".join(lines) + "\n")
        status, said = run([ASSEMBLER, "--64", "-o", "user.o", "user.s"], directory, environment)
        wrong = set()
        for message in said.replace("'\n'", "' '").splitlines():  # a line's end, quoted
            found = MESSAGE.match(message)
            # What is resolved at a file's end the assembler names without a line, with us or without: functions' sizes, assignments.
            named = re.search(r"Error: .*(?:\.size expression for (\S+)|when setting `([^']*)'|local label `\"(\d+)\")", message)
            if not found and not named and not message.endswith("Assembler messages:"):
                raise Failed("said without a line of the source: " + said[-300:])
            wrong |= {number for number, line in enumerate(lines) if named and (
                "%s=" % named[2] in line if named[2] else re.search(r"(?<!\w)%s[bf]" % named[3], line) if named[3] else re.search(r"\.size\s+%s\b" % re.escape(named[1]), line))}
            if found and not 1 <= int(found[1]) <= len(lines):
                raise Failed("a line that is not there: " + message)
            if found and found[2] in ("error", "Error", "Fatal error"):
                wrong.add(int(found[1]) - 1)
            if found and "may not have this" in message:
                wrong.add(int(found[1]) - 1)
                counts["warned"].append((lines[int(found[1]) - 1].strip(), message))
        if status and not wrong:
            raise Failed("refused without a word: " + said[-300:])
        if not wrong:
            break
        counts["refused"] += len(wrong)
        lines = [line for number, line in enumerate(lines) if number not in wrong]
    else:
        raise Failed("40 times, and it is still refused: " + said[-300:])
    counts["statements"] += len(lines)
    for turn in range(3):
        status, said = run([COMPILER, "-nostdlib", "-nostartfiles", "-o", "user", "user.o"], directory, environment)
        missing = sorted(set(re.findall("undefined reference to `([^']*)'", said)))
        if not missing:
            break
        (directory / "user.s").write_text("\n".join(lines + ["\t.text"] + ["%s:\tret" % name for name in missing]) + "\n")
        if run([ASSEMBLER, "--64", "-o", "user.o", "user.s"], directory, environment)[0]:
            break
    if status and re.search("undefined reference|multiple definition|relocation truncated|isn't defined", said):
        counts["unlinked"] += 1
        return
    if status:
        raise Failed("what was not refused does not verify: " + said[-600:])
    counts["linked"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=40, help="sources")
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="as many as there is time for")
    parser.add_argument("--lines", type=int, default=120, help="of each source")
    parser.add_argument("--keep", action="store_true", help="leave the last source in build/fuzz/assembly.s")
    parser.add_argument("--show", action="store_true", help="show what was warned of")
    options = parser.parse_args()
    import os
    counts = {"statements": 0, "refused": 0, "linked": 0, "unlinked": 0, "warned": []}
    listed, failures, begin, seed = forms(), 0, time.monotonic(), options.seed
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        while (time.monotonic() - begin < options.seconds) if options.seconds else (seed < options.seed + options.count):
            environment = dict(os.environ, TMPDIR=name)
            if seed % 4 == 3:
                environment["SIGNET_PARALLEL"] = "1"
            lines = Source(seed, listed).text(options.lines)
            try:
                assemble(lines, directory, counts, environment)
            except Failed as why:
                failures += 1
                print("# seed %d (assembly.py 1 %d --keep): %s" % (seed, seed, str(why).replace("\n", "\n#   ")))
            if options.keep:
                (ROOT / "build/fuzz/assembly.s").write_text((directory / "user.s").read_text())
            seed += 1
    if options.show:
        for line, message in counts["warned"]:
            print("# %-50s %s" % (line, message))
    made = seed - options.seed
    print("%s 1 - %d sources from seed %d: %d statements verify, %d were refused with their line, %d of them by the verifier" %
          ("not ok" if failures else "ok", made, options.seed, counts["statements"], counts["refused"], len(counts["warned"])))
    print("%s 2 - most sources link: %d, and %d do not know a symbol\n1..2" %
          ("ok" if counts["linked"] > made / 2 else "not ok", counts["linked"], counts["unlinked"]))
    if options.seconds and not failures:
        print("record: assembly: {:,} random sources, {:,} statements verify, {:,} refused with their line".format(
            made, counts["statements"], counts["refused"]))
    return 1 if failures or counts["linked"] <= made / 2 else 0


sys.exit(main())
