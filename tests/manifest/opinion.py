# An opinion of its own on what a manifest grants: read with another YAML parser (PyYAML), by other rules' words, and
# compared with the compiled form, field by field. Knows docs/manifests.md and include/signet/{system,image}.h, and
# nothing of manifest/. `disagreements(text, folder, answer)` -> list of sentences; `answer` is a line of reader.c.
import hashlib
import os
import struct

import yaml

NONE = 0xFFFFFFFF
CLIENT, SERVER, DEVICE, SUPERVISION, OBSERVATION = 1, 2, 3, 4, 5
SERVICES = {  # contract, default offer
    "network": ("network", "network"),
    "files": ("files", "files"),
    "console": ("console", "streams"),
    "names": ("names", "names"),
}
STREAMS = ["input", "output", "error"]
FIRST = 2


def size(text):
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)


def time(text):
    for unit, scale in (("us", 10**3), ("ms", 10**6), ("s", 10**9), ("m", 60 * 10**9), ("h", 3600 * 10**9)):
        if text.endswith(unit) and text[: -len(unit)].isdigit():
            return int(text[: -len(unit)]) * scale
    raise ValueError(text)


class System:
    """The compiled form, taken apart by hand."""

    def __init__(self, data):
        head = struct.unpack_from("<Q10I", data, 0)
        (self.magic, self.version, self.length, processes, at, channels, channels_at, self.main, self.archive,
         self.power, reserved) = head
        assert self.magic == 0x5354454E474953 and self.version == 2 and self.length == len(data) and not reserved
        self.processes = [self.process(data, at + i * self.row) for i in range(processes)]
        self.channels = []
        for i in range(channels):
            offset, length = struct.unpack_from("<2I", data, channels_at + 8 * i)
            self.channels.append(data[offset : offset + length])

    row = 32 + 8 + 32 + 24 + 8 + 48 + 8 + 32 * 8

    @staticmethod
    def process(data, at):
        result = {"name": data[at : at + 32].split(b"\0")[0].decode()}
        result["entry"], slots = struct.unpack_from("<2I", data, at + 32)
        result["hash"] = data[at + 40 : at + 72]
        result["quota"] = struct.unpack_from("<Q4I", data, at + 72)
        (result["stack"],) = struct.unpack_from("<Q", data, at + 96)
        result["policy"] = struct.unpack_from("<2I5Q", data, at + 104)
        offset, length = struct.unpack_from("<2I", data, at + 152)
        result["startup"] = data[offset : offset + length]
        result["slots"] = [struct.unpack_from("<2I", data, at + 160 + 8 * i) for i in range(slots)]
        return result


def policy(value):
    value = {"when": value} if isinstance(value, str) else dict(value)
    back = value.get("back-off", "10ms..1s").split("..")
    return (
        ["never", "on-failure", "always"].index(value.get("when", "never")),
        size(value.get("limit", "10")),
        time(value.get("within", "1m")),
        time(back[0]),
        time(back[-1]),
        time(value.get("start-within", "10s")),
        time(value.get("stop-within", "2s")),
    )


def offers(process):
    if "service" in process and not process.get("offers"):
        contract, name = SERVICES[process["service"]]
        return {name: contract}
    return process.get("offers", {})


def source(need):
    return need["from"] if isinstance(need, dict) else need


def program_strings(startup):
    version, flags, arguments, environment, slots, reserved = struct.unpack_from("<6I", startup)
    strings = startup[24:].decode().split("\0")
    assert version == 2 and not flags and not reserved and strings.pop() == ""
    assert len(strings) == arguments + environment + 1 + slots
    rest = strings[arguments + environment :]
    return strings[:arguments], strings[arguments : arguments + environment], rest[0], rest[1:]


def server_label(client, server, offer):
    """What the server knows the other end's slot by."""
    if "service" not in server:
        return offer
    return {"files": "files", "network": "client", "names": client}[server["service"]]


def label_of(process, number, name):
    """The same, from what was compiled: the slot's number for who counts, its name without the number for who reads."""
    if process.get("service") == "console":
        return STREAMS[number % 3]
    return "files" if name is None else name.rsplit(".", 1)[0] if "." in name else name


def expected_grants(name, processes):
    """What the text says this process has, and nothing else: (kind, whose, contract or device) -> how often."""
    process = processes[name]
    grants = []
    for slot, need in process.get("needs", {}).items():
        server, offer = source(need).split(".")
        if server == "supervisor":
            grants.append((OBSERVATION, slot))
            continue
        contract = offers(processes[server])[offer]
        if contract == "console":
            grants += [(CLIENT, server, "files", stream, stream) for stream in STREAMS]
        else:
            grants.append((CLIENT, server, contract, slot, server_label(name, processes[server], offer)))
    for client, other in processes.items():
        for need in other.get("needs", {}).values():
            server, offer = source(need).split(".")
            if server == name:
                contract = offers(process)[offer]
                times = 3 if contract == "console" else 1
                grants += [(SERVER, client, "files" if contract == "console" else contract)] * times
    for device, value in process.get("devices", {}).items():
        if value == "standard":
            grants += [(DEVICE, device, "stream", str(i)) for i in range(3)]
        elif "directory" in value:
            grants.append((DEVICE, device, "directory", value.get("read-only", "false")))
        else:
            grants.append((DEVICE, device, "network", " ".join(value.get("listen", [])), " ".join(value.get("connect", [])),
                           str(size(value.get("connections", "256")))))
    if process.get("supervised", "true") == "true":
        grants.append((SUPERVISION,))
    return sorted(grants)


def device_words(device):
    if device["kind"] == "stream":
        return ("stream", str(device["stream"]))
    if device["kind"] == "directory":
        return ("directory", "true" if device["read_only"] else "false")
    return ("network", " ".join(device["listen"]), " ".join(device["connect"]), str(device["connections"]))


def found_grants(row, labels, holders, contracts, devices, names):
    grants = []
    for number, (kind, which) in enumerate(row["slots"]):
        if kind == CLIENT:
            grants.append((CLIENT, holders[which][SERVER], contracts[which], names[number] if names else "?",
                           labels[which]))
        elif kind == SERVER:
            grants.append((SERVER, holders[which][CLIENT], contracts[which]))
        elif kind == DEVICE:
            device = devices[which - FIRST]
            assert device["process"] == row["name"], "a device of another process"
            grants.append((DEVICE, device["name"]) + device_words(device))
        elif kind == SUPERVISION:
            grants.append((SUPERVISION,))
        elif kind == OBSERVATION:
            grants.append((OBSERVATION, names[number]))
        else:
            raise AssertionError("a grant of no kind")
    return sorted(grants)


def contract_names(system, tables):
    result = []
    for channel in system.channels:
        matches = [name for name, table in tables.items() if table[16:48] == channel[16:48]]
        result.append(matches[0] if matches else "unknown")
    return result


def startup_files(row, process, clients, supervised):
    version, count, mounts, flags = struct.unpack_from("<4I", row["startup"])
    expected = list(process.get("devices", {}).values())
    problems = []
    if (version, count, mounts, flags) != (1, clients, len(expected), supervised):
        problems.append("the file service's start-up bytes are not of its clients and directories")
    for i, value in enumerate(expected):
        slot, flags, _, path = struct.unpack_from("<IIQ240s", row["startup"], 16 + 256 * i)
        if path.split(b"\0")[0].decode() != value["at"] or flags != (value.get("read-only") == "true"):
            problems.append("a directory is at another place or may be written otherwise")
        if slot >= len(row["slots"]) or row["slots"][slot][0] != DEVICE:
            problems.append("a mount's slot holds no device")
    return problems


def disagreements(text, folder, services, tables, answer):
    manifest = yaml.load(text, Loader=yaml.BaseLoader)
    processes = manifest["processes"]
    system = System(bytes.fromhex(answer["compiled"]["system"]))
    devices = answer["report"]["devices"]
    entries = answer["compiled"]["entries"]
    problems = []

    def same(what, wanted, found):
        if wanted != found:
            problems.append("%s: the text says %r, the compiled form %r" % (what, wanted, found))

    names = [row["name"] for row in system.processes]
    same("the processes", sorted(processes), sorted(names))
    if problems:
        return problems
    same("the system's name", manifest["system"], answer["report"]["system"])
    same("the processors", size(manifest.get("cpus", "0")), answer["report"]["cpus"])
    same("the main process", names.index(manifest["main"]) if "main" in manifest else NONE, system.main)
    holders = [{} for _ in system.channels]
    for row in system.processes:
        for kind, which in row["slots"]:
            if kind in (CLIENT, SERVER):
                if kind in holders[which]:
                    problems.append("one end of a channel is granted twice")
                holders[which][kind] = row["name"]
    if any(len(ends) != 2 for ends in holders):
        return problems + ["a channel has an end that nobody holds"]
    contracts = contract_names(system, tables)
    labels = {}
    for row in system.processes:
        process = processes[row["name"]]
        own = process.get("service") in ("files", "console")
        slot_names = None if own else program_strings(row["startup"])[3]
        for number, (kind, which) in enumerate(row["slots"]):
            if kind == SERVER:
                labels[which] = label_of(process, number, slot_names and slot_names[number])
    for row in system.processes:
        name, process = row["name"], processes[row["name"]]
        own = process.get("service") in ("files", "console")
        slot_names = None
        if own:
            supervised = process.get("supervised", "true") == "true"
            clients = sum(source(need).split(".")[0] == name for other in processes.values()
                          for need in other.get("needs", {}).values())
            if process["service"] == "files":
                problems += startup_files(row, process, clients, supervised)
            else:
                prefixes = process.get("prefixes", "true" if clients > 1 else "false") == "true"
                same(name + "'s start-up bytes", (1, clients, prefixes + 2 * supervised, 0),
                     struct.unpack("<4I", row["startup"]))
        else:
            arguments, environment, directory, slot_names = program_strings(row["startup"])
            same(name + "'s arguments", process.get("arguments", [name]), arguments)
            same(name + "'s environment", ["%s=%s" % pair for pair in process.get("environment", {}).items()],
                 environment)
            same(name + "'s directory", process.get("directory", "/"), directory)
            same(name + "'s number of slot names", len(row["slots"]), len(slot_names))
            same(name + "'s slot names, each once", len(set(slot_names)), len(slot_names))
        same(name + "'s grants", expected_grants(name, processes),
             found_grants(row, labels, holders, contracts, devices, slot_names))
        same(name + "'s restarts", policy(process.get("restart", "never")), row["policy"])
        quota = process.get("quota", {})
        for index, key in enumerate(("memory", "threads", "handles", "regions", "processes")):
            if key in quota:
                same("%s's quota of %s" % (name, key), size(quota[key]), row["quota"][index])
        if "stack" in process:
            same(name + "'s stack", size(process["stack"]), row["stack"])
        path = (os.path.join(services, process["service"]) if "service" in process
                else os.path.join(folder, process["image"]))
        same(name + "'s image", os.path.realpath(path), entries[row["entry"]])
        found = hashlib.blake2b(open(path, "rb").read(), digest_size=32).digest()
        same(name + "'s image's hash", found, row["hash"])
        if "hash" in process:
            same(name + "'s pinned hash", process["hash"], row["hash"].hex())
        for need in process.get("needs", {}).values():
            server = source(need).split(".")[0]
            if server != "supervisor" and names.index(server) >= names.index(name):
                problems.append("%s is started before %s, which it needs" % (name, server))
    for process in processes:
        for device, value in processes[process].get("devices", {}).items():
            if isinstance(value, dict) and "directory" in value:
                mine = [one for one in devices if one["process"] == process and one["name"] == device]
                same("the directory " + device, [os.path.realpath(os.path.join(folder, value["directory"]))],
                     [one["directory"] for one in mine])
    return problems
