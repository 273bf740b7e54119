#!/usr/bin/env python3
"""Makes a hostile image from a good one: `tamper.py IMAGE OUTPUT HEX`. The bytes HEX take the place of the first instructions of its
entry point. Used by run.sh and by tests."""

import struct
import sys


def main():
    image, output, code = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
    with open(image, "rb") as file:
        data = bytearray(file.read())
    entry, headers = struct.unpack_from("<QQ", data, 24)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, flags, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, headers + i * size)
        if kind == 1 and flags & 1 and address <= entry < address + length:
            at = offset + entry - address
            data[at:at + len(code)] = code
            break
    else:
        sys.exit("tamper.py: no code at the entry point of " + image)
    with open(output, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    main()
