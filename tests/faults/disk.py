"""A disk that loses power: from the journal of what was done to a folder (inject.c, plan.h), the folders that there could be
after a cut at any moment. What was synced is there; of what was not, any part: a write by sectors, a name by name in order.
"""

import os
import struct

OPEN, WRITE, TRUNCATE, SYNC, REMOVE, RENAME = range(6)
RECORD = struct.Struct("<QQQQ64s64s")
SECTOR = 512


def read(path):
    """-> [(end in the journal, kind, inode, offset, bytes, name, name2)]; a record that was cut off is none."""
    records = []
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + RECORD.size <= len(data):
        kind, inode, offset, length, name, name2 = RECORD.unpack_from(data, at)
        at += RECORD.size
        body = b""
        if kind == WRITE:
            if at + length > len(data):
                break
            body = data[at:at + length]
            at += length
        records.append((at, kind, inode, offset, body, name.split(b"\0")[0].decode(), name2.split(b"\0")[0].decode()))
    return records


class Disk:
    def __init__(self, folder):
        self.files = {}  # inode -> bytes that are safe
        self.names = {}  # name -> inode, safe
        self.now = {}  # name -> inode, as the host shows it
        self.pending = {}  # inode -> [(kind, offset, bytes)] since it was last synced
        self.told = {}  # the host gives a file's number again when it is gone: number -> the one that is used here
        self.pending_names = []  # [(kind, name, inode or other name)]
        for name in os.listdir(folder):
            inode = os.stat(os.path.join(folder, name)).st_ino
            self.names[name] = self.now[name] = inode
            with open(os.path.join(folder, name), "rb") as file:
                self.files[inode] = file.read()
        self.folder = os.stat(folder).st_ino

    def change(self, names, kind, name, other):
        if kind == OPEN:
            names[name] = other
        elif kind == REMOVE:
            names.pop(name, None)
        elif name in names:
            names[other] = names.pop(name)

    def apply(self, record):
        _, kind, number, offset, body, name, name2 = record
        inode = self.told.get(number, number)
        if kind == OPEN:
            if self.now.get(name) != inode:
                inode = self.told[number] = (number, len(self.files))
                self.files[inode], self.pending[inode] = b"", []
                self.pending_names.append((OPEN, name, inode))
                self.change(self.now, OPEN, name, inode)
            if offset:
                self.pending.setdefault(inode, []).append((TRUNCATE, 0, b""))
        elif kind in (WRITE, TRUNCATE):
            if inode in self.files:
                self.pending.setdefault(inode, []).append((kind, offset, body))
        elif kind == SYNC and inode == self.folder:
            for change in self.pending_names:
                self.change(self.names, *change)
            self.pending_names = []
        elif kind == SYNC:
            self.files[inode] = self.content(inode)
            self.pending[inode] = []
        else:
            self.pending_names.append((kind, name, name2))
            self.change(self.now, kind, name, name2)

    def content(self, inode, chance=None):
        """All of it; or, by chance, with any of what has not been synced."""
        data = bytearray(self.files.get(inode, b""))
        for kind, offset, body in self.pending.get(inode, []):
            if chance and chance.random() < 0.4:
                continue
            if kind == TRUNCATE:
                del data[offset:]
                data.extend(bytes(offset - len(data)))
                continue
            if len(data) < offset + len(body):
                data.extend(bytes(offset + len(body) - len(data)))
            torn = chance and chance.random() < 0.3
            for begin in range(0, len(body), SECTOR):
                if not torn or chance.random() < 0.5:
                    data[offset + begin:offset + begin + len(body[begin:begin + SECTOR])] = body[begin:begin + SECTOR]
        return bytes(data)

    def after_cut(self, chance, to):
        """Writes one folder that there could be if the power went now."""
        names = dict(self.names)
        for change in self.pending_names[:chance.randint(0, len(self.pending_names))]:
            self.change(names, *change)
        for name, inode in names.items():
            with open(os.path.join(to, name), "wb") as file:
                file.write(self.content(inode, chance))
