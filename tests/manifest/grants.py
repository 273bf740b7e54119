# A process has only what its manifest names: the compiled form of each good manifest, and of those of apps/, is compared
# with an independent reading of the text (opinion.py). Then the compiled form is changed, and the difference is seen.
# Usage: grants.py READER CONTRACTC SERVICES MANIFEST…; prints TAP.
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from opinion import CLIENT, DEVICE, OBSERVATION, System, disagreements

count = failed = 0


def check(holds, name, why=()):
    global count, failed
    count += 1
    failed += not holds
    print("%sok %d - %s" % ("" if holds else "not ", count, name))
    for line in filter(None, why):
        print("# " + line)


def contract_tables(contractc):
    """Of each contract the table that the kernel gets, made anew; of files by its own header."""
    result = {}
    for name in sorted(os.listdir("contracts")):
        if name.endswith(".contract"):
            result[name[:-9]] = subprocess.run([contractc, "--table", "-", "contracts/" + name], check=True,
                                               stdout=subprocess.PIPE).stdout
    return result


def learn_files(contracts, answer):
    """files is spoken as its hand-written header has it: the same table, but with the hash of another text."""
    for channel in System(bytes.fromhex(answer["compiled"]["system"])).channels:
        known = any(channel[16:48] == table[16:48] for table in contracts.values())
        if not known and channel[4:8] == contracts["files"][4:8]:
            contracts["files"] = channel


def main():
    reader, contractc, services = sys.argv[1:4]
    manifests = sys.argv[4:]
    contracts = contract_tables(contractc)
    lines = subprocess.run([reader, services], input="\n".join(manifests) + "\n", stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    check(len(lines) == len(manifests), "the reader answers for each manifest")
    seen = 0
    for path, line in zip(manifests, lines):
        answer = json.loads(line)
        if not answer["boots"]:
            check(False, path + " is accepted", [problem["message"] for problem in answer["problems"]])
            continue
        folder, text = os.path.dirname(os.path.abspath(path)), open(path).read()
        check(answer["compiled"]["refusal"] == "", path + ": the supervisor takes it", [answer["compiled"]["refusal"]])
        found = System(bytes.fromhex(answer["compiled"]["system"]))
        learn_files(contracts, answer)
        why = disagreements(text, folder, services, contracts, answer)
        check(not why, path + ": each process has what the text says, and nothing else", why)
        # One grant more, less or exchanged is seen.
        data = bytearray.fromhex(answer["compiled"]["system"])
        offset = struct.unpack_from("<I", data, 20)[0]
        for number, row in enumerate(found.processes):
            at = offset + number * System.row
            for slot, (kind, which) in enumerate(row["slots"]):
                changed = bytearray(data)
                place = at + 160 + 8 * slot
                struct.pack_into("<2I", changed, place, OBSERVATION if kind != OBSERVATION else CLIENT, 0)
                answer["compiled"]["system"] = changed.hex()
                try:
                    why = disagreements(text, folder, services, contracts, answer)
                except (AssertionError, IndexError, KeyError, TypeError):
                    why = ["it cannot be read"]
                seen += 1
                if not why:
                    check(False, "%s: another grant in slot %d of %s is seen" % (path, slot, row["name"]))
    check(seen > 20, "of %d grants exchanged, each was seen" % seen)
    print("1..%d" % count)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
