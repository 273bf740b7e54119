#!/usr/bin/env python3
"""A bootable file, taken apart by someone who did not make it (include/signet/boot.h, system.h).

`archive.py check FILE IMAGE`    prints "whole" if it is as those headers say, and holds the image byte for byte; else what is wrong
`archive.py list`                prints the ways to damage it, one a line: number, exit status, what is said, name
`archive.py damage FILE N INTO`  writes it with damage N
"""

import hashlib
import struct
import subprocess
import sys

MAGIC = 0x544f4f4254454e47
SYSTEM_MAGIC = 0x5354454e474953
PAGE = 4096
HEADER = [("magic", "Q"), ("hash", "32s"), ("version", "I"), ("tables_length", "I"), ("length", "Q"), ("entries", "I"),
          ("entries_offset", "I"), ("devices", "I"), ("devices_offset", "I"), ("quota_memory", "Q"),
          ("quota_threads", "I"), ("quota_handles", "I"), ("quota_regions", "I"), ("quota_processes", "I"),
          ("first", "I"), ("system_offset", "I"), ("system_length", "I"), ("reserved", "I")]
ENTRY = [("offset", "Q"), ("length", "Q"), ("hash", "32s"), ("name", "32s")]
DEVICE = [("kind", "I"), ("first", "I"), ("count", "I"), ("reserved", "I")]
SYSTEM = [("magic", "Q"), ("version", "I"), ("length", "I"), ("processes", "I"), ("processes_offset", "I"),
          ("channels", "I"), ("channels_offset", "I"), ("main", "I"), ("archive", "I"), ("power", "I"),
          ("reserved", "I")]
PROCESS = [("name", "32s"), ("entry", "I"), ("slots", "I"), ("hash", "32s"), ("quota_memory", "Q"),
           ("quota_threads", "I"), ("quota_handles", "I"), ("quota_regions", "I"), ("quota_processes", "I"),
           ("stack", "Q"), ("restart", "I"), ("limit", "I"), ("window", "Q"), ("backoff_first", "Q"),
           ("backoff_most", "Q"), ("start_deadline", "Q"), ("stop_deadline", "Q"), ("startup_offset", "I"),
           ("startup_length", "I")] + [
               (kind + str(i), "I") for i in range(32) for kind in ("grant_kind", "grant_number")]
CHANNEL = [("contract_offset", "I"), ("contract_length", "I")]
SUPERVISOR, SERIAL, MEMORY, PROGRAM, FILES = range(5)


def size(layout):
    return struct.calcsize("<" + "".join(form for _, form in layout))


class Archive:
    """The archive of a bootable file; fields are read and written where they are."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = bytearray(file.read())
        table, = struct.unpack_from("<Q", self.bytes, 32)
        count, = struct.unpack_from("<H", self.bytes, 56)
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.bytes, table + 56 * i) for i in range(count)]
        self.at = self.segments[-1][2]

    def place(self, layout, base, name):
        at = self.at + base
        for field, form in layout:
            if field == name:
                return at, "<" + form
            at += struct.calcsize("<" + form)
        raise KeyError(name)

    def get(self, layout, base, name):
        at, form = self.place(layout, base, name)
        return struct.unpack_from(form, self.bytes, at)[0]

    def set(self, layout, base, name, value):
        at, form = self.place(layout, base, name)
        struct.pack_into(form, self.bytes, at, value)

    def head(self, name):
        return self.get(HEADER, 0, name)

    def entry(self, index):
        return self.head("entries_offset") + index * size(ENTRY)

    def device(self, index):
        return self.head("devices_offset") + index * size(DEVICE)

    def process(self, index):
        system = self.head("system_offset")
        return system + self.get(SYSTEM, system, "processes_offset") + index * size(PROCESS)

    def channel(self, index):
        system = self.head("system_offset")
        return system + self.get(SYSTEM, system, "channels_offset") + index * size(CHANNEL)

    def contents(self, index):
        at = self.at + self.get(ENTRY, self.entry(index), "offset")
        return at, self.get(ENTRY, self.entry(index), "length")

    def tables_hash(self):
        """What the header's hash should be; nothing where the length makes no sense."""
        length = self.head("tables_length")
        return hashlib.blake2b(self.bytes[self.at + 40:self.at + length], digest_size=32).digest()

    def seal(self):
        self.set(HEADER, 0, "hash", self.tables_hash())

    def seal_entry(self, index):
        at, length = self.contents(index)
        hash = hashlib.blake2b(self.bytes[at:at + length], digest_size=32).digest()
        self.set(ENTRY, self.entry(index), "hash", hash)
        if index in (SERIAL, MEMORY, PROGRAM):
            self.set(PROCESS, self.process(index - SERIAL), "hash", hash)
        self.seal()


# ---- check ----

def check(path, image):
    archive = Archive(path)
    kind, flags, offset, virtual, physical, in_file, in_memory, align = archive.segments[-1]
    symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    symbol, = [int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" pc_archive")]
    assert (kind, flags, align) == (1, 4, PAGE), "the archive's segment is not one to load and to read"
    assert virtual == symbol and virtual - physical == 0xffffffff80000000, "the segment is not where the kernel looks"
    assert all(s[4] + s[6] <= physical for s in archive.segments[:-1]), "the kernel's segments reach into the archive"
    assert in_file == in_memory == archive.head("length") and in_file % PAGE == 0 and offset % PAGE == 0, "its length"
    assert archive.head("magic") == MAGIC and archive.head("version") == 1, "magic and version"
    assert archive.head("hash") == archive.tables_hash(), "the tables' hash"
    end = archive.head("tables_length")
    for i in range(archive.head("entries")):
        at, length = archive.contents(i)
        assert at - archive.at >= end and (at - archive.at) % PAGE == 0, "entry %d begins elsewhere" % i
        assert not any(archive.bytes[archive.at + end:at]), "something is between the entries"
        end = at - archive.at + length
        hash = hashlib.blake2b(archive.bytes[at:at + length], digest_size=32).digest()
        assert hash == archive.get(ENTRY, archive.entry(i), "hash"), "hash of entry %d" % i
        if i in (SERIAL, MEMORY, PROGRAM):
            row = archive.process(i - SERIAL)
            assert archive.get(PROCESS, row, "hash") == hash and archive.get(PROCESS, row, "entry") == i, "process"
    at, length = archive.contents(PROGRAM)
    with open(image, "rb") as file:
        assert bytes(archive.bytes[at:at + length]) == file.read(), "the image is not the one on disk"
    system = archive.head("system_offset")
    assert archive.get(SYSTEM, system, "magic") == SYSTEM_MAGIC, "the system's magic"
    assert archive.get(SYSTEM, system, "length") == archive.head("system_length"), "the system's length"
    names = []
    for name, line in files(archive):
        print(line)
        assert not names or name > names[-1], "files are not in order, or there twice"
        assert "/" not in name or name.rsplit("/", 1)[0] in names, "a file without a directory"
        names.append(name)


def files(archive):
    """The cpio archive's files: name, mode, time, and what is in them."""
    at, length = archive.contents(FILES)
    end = at + length
    while True:
        assert archive.bytes[at:at + 6] == b"070701", "cpio's magic"
        fields = [int(archive.bytes[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, time, content, name_length = fields[1], fields[5], fields[6], fields[11]
        name = bytes(archive.bytes[at + 110:at + 110 + name_length - 1]).decode()
        at += (110 + name_length + 3) // 4 * 4
        text = bytes(archive.bytes[at:at + content])
        at += (content + 3) // 4 * 4
        assert at <= end, "a file reaches over the end"
        if name == "TRAILER!!!":
            return
        yield name, "%s %o %d %r" % (name, mode, time if mode & 0o170000 == 0o100000 else 0, text)


# ---- damage ----

def header(name, value):
    def apply(archive):
        archive.set(HEADER, 0, name, value)
        if name not in ("magic", "hash", "tables_length"):
            archive.seal()
        elif name == "tables_length" and value < len(archive.bytes):
            archive.seal()
    return apply


def table(layout, row, index, name, value):
    def apply(archive):
        archive.set(layout, row(archive, index), name, value(archive) if callable(value) else value)
        archive.seal()
    return apply


def entry(index, name, value):
    return table(ENTRY, Archive.entry, index, name, value)


def device(index, name, value):
    return table(DEVICE, Archive.device, index, name, value)


def system(name, value):
    return table(SYSTEM, lambda archive, _: archive.head("system_offset"), 0, name, value)


def process(index, name, value):
    return table(PROCESS, Archive.process, index, name, value)


def channel(index, name, value):
    return table(CHANNEL, Archive.channel, index, name, value)


def flip(index, where):
    """One bit of an entry's bytes, the hash left as it is."""
    def apply(archive):
        at, length = archive.contents(index)
        archive.bytes[at + int((length - 1) * where)] ^= 0x40
    return apply


def poke(index, offset, value):
    """Bytes of an entry, with the right hash everywhere."""
    def apply(archive):
        at, _ = archive.contents(index)
        archive.bytes[at + offset:at + offset + len(value)] = value
        archive.seal_entry(index)
    return apply


def startup(index, offset, value):
    def apply(archive):
        at = archive.at + archive.head("system_offset") + archive.get(PROCESS, archive.process(index), "startup_offset")
        archive.bytes[at + offset:at + offset + len(value)] = value
        archive.seal()
    return apply


def contract(index, offset, value):
    def apply(archive):
        at = archive.at + archive.head("system_offset") + archive.get(CHANNEL, archive.channel(index), "contract_offset")
        archive.bytes[at + offset:at + offset + len(value)] = value
        archive.seal()
    return apply


def stale(apply):
    """The same without a new hash."""
    def damaged(archive):
        hash = archive.head("hash")
        apply(archive)
        archive.set(HEADER, 0, "hash", hash)
    return damaged


KERNEL = 123  # the kernel refuses
REFUSED = 125  # the supervisor does
HUGE = 0xfffffff0
DAMAGES = [
    ("no magic", KERNEL, "cannot boot: .*boot archive", header("magic", 1)),
    ("a wrong hash of the tables", KERNEL, "cannot boot: the boot archive is damaged", header("hash", b"x" * 32)),
    ("another version", KERNEL, "cannot boot: the boot archive has version 2", header("version", 2)),
    ("tables_length 0", KERNEL, "cannot boot: the boot archive is damaged", header("tables_length", 0)),
    ("tables_length too small", KERNEL, "cannot boot: the boot archive is damaged", header("tables_length", 48)),
    ("tables_length too large", KERNEL, "cannot boot: the boot archive is damaged", header("tables_length", HUGE)),
    ("length 0", KERNEL, "cannot boot: .*boot archive", header("length", 0)),
    ("length too large", KERNEL, "cannot boot: the boot archive is damaged", header("length", 1 << 63)),
    ("a page shorter than its entries", KERNEL, "cannot boot: the boot archive is damaged", None),
    ("no entries", KERNEL, "cannot boot: the boot archive is damaged", header("entries", 0)),
    ("too many entries", KERNEL, "cannot boot: the boot archive is damaged", header("entries", 257)),
    ("entries_offset unaligned", KERNEL, "cannot boot: the boot archive is damaged", header("entries_offset", 121)),
    ("entries_offset outside", KERNEL, "cannot boot: the boot archive is damaged", header("entries_offset", HUGE)),
    ("entries_offset in the header", KERNEL, "cannot boot: the boot archive is damaged", header("entries_offset", 0)),
    ("too many devices", KERNEL, "cannot boot: the boot archive is damaged", header("devices", 33)),
    ("devices_offset outside", KERNEL, "cannot boot: the boot archive is damaged", header("devices_offset", HUGE)),
    ("no devices", KERNEL, "the first process, 'supervisor', ended", header("devices", 0)),
    ("no threads for the first process", KERNEL, "cannot boot: .*cannot be made", header("quota_memory", 1 << 24)),
    ("too little memory for the first process", KERNEL, "cannot boot: .*cannot be made", header("quota_memory", 4096)),
    ("first is no entry", KERNEL, "cannot boot: the boot archive is damaged", header("first", 5)),
    ("first is not an image", KERNEL, "cannot boot: ", header("first", FILES)),
    ("system_offset outside", KERNEL, "cannot boot: the boot archive is damaged", header("system_offset", HUGE)),
    ("system_length too large", KERNEL, "cannot boot: the boot archive is damaged", header("system_length", HUGE)),
    ("system_length 0", REFUSED, "start-up bytes are shorter", header("system_length", 0)),
    ("an entry off a page", KERNEL, "cannot boot: the boot archive is damaged: entry 3", entry(3, "offset", 4097)),
    ("an entry outside", KERNEL, "cannot boot: the boot archive is damaged: entry 3", entry(3, "offset", 1 << 40)),
    ("an entry that is too long", KERNEL, "cannot boot: the boot archive is damaged: entry 3", entry(3, "length", 1 << 40)),
    ("an entry of 2^64 bytes", KERNEL, "cannot boot: the boot archive is damaged: entry 3", entry(3, "length", (1 << 64) - 1)),
    ("an entry's name without an end", KERNEL, "cannot boot: the boot archive is damaged: entry 3", entry(3, "name", b"x" * 32)),
    ("an entry with another hash", REFUSED, "its image cannot be read from the archive", entry(PROGRAM, "hash", b"x" * 32)),
    ("a device of no kind", KERNEL, "cannot boot: the boot archive's device 1 ", device(1, "kind", 9)),
    ("ports above the last", KERNEL, "cannot boot: the boot archive's device 2 ", device(2, "first", 0xfffc)),
    ("no ports", KERNEL, "cannot boot: the boot archive's device 2 ", device(2, "count", 0)),
    ("ports without end", KERNEL, "cannot boot: the boot archive's device 2 ", device(2, "count", 0xffffffff)),
    ("an interrupt that no line has", KERNEL, "cannot boot: the boot archive's device 3 ", device(3, "first", 16)),
    ("an archive with numbers", KERNEL, "cannot boot: the boot archive's device 0 ", device(0, "first", 1)),
    ("a device's reserved field", KERNEL, "cannot boot: the boot archive's device 4 ", device(4, "reserved", 1)),
    ("a table changed, its hash not", KERNEL, "cannot boot: the boot archive is damaged", stale(device(2, "first", 0x2f8))),
    ("the supervisor's first byte", KERNEL, "cannot boot: ", flip(SUPERVISOR, 0)),
    ("the supervisor's last byte", KERNEL, "cannot boot: ", flip(SUPERVISOR, 1)),
    ("the serial driver's bytes", REFUSED, "its image cannot be read from the archive", flip(SERIAL, 0.5)),
    ("the file service's bytes", REFUSED, "its image cannot be read from the archive", flip(MEMORY, 0.5)),
    ("the program's first byte", REFUSED, "its image cannot be read from the archive", flip(PROGRAM, 0)),
    ("the program's last byte", REFUSED, "its image cannot be read from the archive", flip(PROGRAM, 1)),
    ("the files' bytes", 0, "the file service ended with status 123", flip(FILES, 0.5)),
    ("a program whose code breaks the rules", REFUSED, "its image is refused", None),
    ("the system's magic", REFUSED, "start-up bytes are no system", system("magic", 1)),
    ("the system's version", REFUSED, "another version", system("version", 3)),
    ("the system's length", REFUSED, "not as long as it says", system("length", 64)),
    ("no process", REFUSED, "no process, or too many", system("processes", 0)),
    ("too many processes", REFUSED, "no process, or too many", system("processes", 65)),
    ("processes_offset outside", REFUSED, "table of processes is not inside", system("processes_offset", HUGE)),
    ("too many channels", REFUSED, "too many channels", system("channels", 257)),
    ("channels_offset outside", REFUSED, "table of channels is not inside", system("channels_offset", HUGE)),
    ("main is none", REFUSED, "main process is none", system("main", 3)),
    ("the archive's slot", REFUSED, "archive", system("archive", 16)),
    ("the archive is another device", REFUSED, "supervisor's own", system("archive", 2)),
    ("the power's slot", REFUSED, "power", system("power", 16)),
    ("the power is another device", REFUSED, "supervisor's own", system("power", 2)),
    ("a reserved field of the system", REFUSED, "reserved", system("reserved", 1)),
    ("a process without a name", REFUSED, "name is empty", process(2, "name", b"")),
    ("two processes of one name", REFUSED, "another process has its name", process(1, "name", b"serial")),
    ("a restart of no kind", REFUSED, "whether it is started again is none", process(2, "restart", 3)),
    ("a restart whose services cannot be told", REFUSED, "its client may be started again", process(2, "restart", 2)),
    ("a deadline in a century", REFUSED, "a time of its policy is too long", process(2, "stop_deadline", 1 << 62)),
    ("a process of an entry that is not there", REFUSED, "does not have the entry", process(2, "entry", 99)),
    ("a process with 33 slots", REFUSED, "too many start-up slots", process(2, "slots", 33)),
    ("a process with another hash", REFUSED, "another hash", process(2, "hash", b"x" * 32)),
    ("a process without threads", REFUSED, "cannot be made", process(2, "quota_threads", 0)),
    ("a process with too many threads", REFUSED, "cannot be made", process(2, "quota_threads", 1 << 30)),
    ("a process with more memory than there is", REFUSED, "cannot be made", process(1, "quota_memory", 1 << 50)),
    ("a process with too large a stack", REFUSED, "cannot be made", process(2, "stack", 1 << 40)),
    ("start-up bytes outside", REFUSED, "start-up bytes are not inside", process(2, "startup_offset", HUGE & ~7)),
    ("start-up bytes that are too long", REFUSED, "start-up bytes are not inside", process(2, "startup_length", HUGE)),
    ("a grant of no kind", REFUSED, "neither an end of a channel nor a device", process(2, "grant_kind0", 9)),
    ("a grant of no channel", REFUSED, "no such channel", process(2, "grant_number0", 99)),
    ("an end granted twice", REFUSED, "granted before", process(2, "grant_number1", 0)),
    ("a device that is not there", REFUSED, "not given this device", process(0, "grant_number3", 5)),
    ("the supervisor's own device", REFUSED, "supervisor's own", process(0, "grant_number3", 1)),
    ("a device granted twice", REFUSED, "granted before", process(0, "grant_number4", 2)),
    ("a contract outside", REFUSED, "contract is not inside", channel(0, "contract_offset", HUGE & ~7)),
    ("a contract that is too short", REFUSED, "contract is not inside", channel(0, "contract_length", 4)),
    ("a contract of no version", REFUSED, "channel cannot be made", contract(0, 0, b"\x09")),
    ("an end that nobody has", REFUSED, "granted to nobody", contract(4, 8, b"\x02")),
    ("start-up bytes of another serial driver", None, "the serial service ended with status 125", startup(0, 0, b"\x09")),
    ("start-up bytes of another file service", None, "the file service ended with status 125", startup(1, 0, b"\x09")),
    ("files that are no cpio archive", None, "the file service ended with status 122", poke(FILES, 0, b"0707070")),
    ("files that lead out", None, "the file service ended with status 121", poke(FILES, 110, b"../x")),
]


def damage(path, number, into):
    archive = Archive(path)
    name, _, _, apply = DAMAGES[number]
    if apply:
        apply(archive)
    elif name.startswith("a page shorter"):
        archive.set(HEADER, 0, "length", archive.head("length") - PAGE)
        archive.seal()
    else:
        # int $0x80 at the start of the second page of code
        at, _ = archive.contents(PROGRAM)
        table, = struct.unpack_from("<Q", archive.bytes, at + 32)
        count, = struct.unpack_from("<H", archive.bytes, at + 56)
        code, = [struct.unpack_from("<Q", archive.bytes, at + table + 56 * i + 8)[0] for i in range(count)
                 if struct.unpack_from("<II", archive.bytes, at + table + 56 * i) == (1, 5)]
        archive.bytes[at + code + PAGE:at + code + PAGE + 2] = b"\xcd\x80"
        archive.seal_entry(PROGRAM)
    with open(into, "wb") as file:
        file.write(archive.bytes)


def main():
    if sys.argv[1] == "check":
        try:
            check(sys.argv[2], sys.argv[3])
        except AssertionError as error:
            print(error)
            return 1
        print("whole")
    elif sys.argv[1] == "list":
        for i, (name, status, said, _) in enumerate(DAMAGES):
            print("%d\t%s\t%s\t%s" % (i, "any" if status is None else status, said, name))
    else:
        damage(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    return 0


if __name__ == "__main__":
    sys.exit(main())
