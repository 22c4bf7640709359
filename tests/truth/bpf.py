"""BPF programs, maps and links: what bpftool said, and the actors."""
import json
import re

from declare import Declaration


def told(truth, what):
    text = truth.text(f"bpftool-{what}.json") or "[]"
    return json.loads(re.sub(r'\["id":(\d+)\]', r'[{"id":\1}]', text))  # of flow dissectors it forgets a bracket


def joined(numbers):
    return "".join(f"{int(one, 16):02x}" for one in numbers)


def number(numbers):
    return int.from_bytes(bytes(int(one, 16) for one in numbers), "little")


class Bpfprogs(Declaration):
    name = "bpfprogs"
    against = "bpftool-prog.json"
    keys = "BPF_ID"
    tolerance = "RUN_COUNT: programs run on after bpftool looked"

    def same(self, column, want, have):
        if column == "RUN_COUNT":
            return have is not None and have >= want
        return want == have

    def expected(self, truth):
        return {p["id"]: {"KIND": p["type"], "BPF_NAME": p.get("name"), "TAG": p["tag"], "UID": p.get("uid"),
                          "INSTRUCTIONS": p["bytes_xlated"] // 8, "JIT_BYTES": p.get("bytes_jited"),
                          "MAPS": p.get("map_ids", []), **({"RUN_COUNT": p["run_cnt"]} if "run_cnt" in p else {})}
                for p in told(truth, "prog")}

    def key(self, row):
        return row["BPF_ID"]

    def have(self, row, column):
        if column == "MAPS":
            return [int(one.split()[0]) for one in (row["MAPS"] or "").split(", ") if one]
        return row[column]


class Bpfmaps(Declaration):
    name = "bpfmaps"
    against = "bpftool-map.json"
    keys = "MAP_ID"

    def expected(self, truth):
        return {m["id"]: {"KIND": m["type"], "MAP_NAME": m.get("name"), "KEY_SIZE": m["bytes_key"], "VALUE_SIZE": m["bytes_value"],
                          "ENTRIES_MAX": m["max_entries"]} for m in told(truth, "map")}

    def key(self, row):
        return row["MAP_ID"]


class Contents(Declaration):
    name = "bpfmaps --contents"
    against = "bpftool-hash.json"
    keys = "MAP_NAME, KEY_BYTES"

    def expected(self, truth):
        return {("lab_hash", joined(e["key"])): {"VALUE_BYTES": joined(e["value"])} for e in told(truth, "hash")}

    def key(self, row):
        return ("lab_hash", row["KEY_BYTES"]) if row["MAP_NAME"] == "lab_hash" else None


class Held(Declaration):
    """Of every map what bpftool dumps, and what the actors put into those that it does not dump."""
    name = "bpfmaps --contents --all"
    against = "bpf/map-N.json, bpftool-map.json, lab/facts.jsonl"
    keys = "MAP_ID, KEY, CPU"
    WHOLE = ("array", "hash", "lru_hash")
    EACH = ("percpu_hash", "lru_percpu_hash", "percpu_array")
    INNER = ("hash_of_maps", "array_of_maps")
    HELD = ("sockmap", "sockhash", "reuseport_sockarray", "devmap", "devmap_hash", "cpumap")

    def applies(self, truth):
        return bool(truth.list("bpf"))

    def expected(self, truth):
        out = {}
        maps = {m["id"]: m for m in told(truth, "map")}
        for name in truth.list("bpf"):
            if not name.startswith("map-"):
                continue
            one = maps[int(name[4:].split(".")[0])]
            for e in json.loads(truth.text("bpf", name) or "[]") if truth.text("bpf", name) else []:
                key = (one["id"], str(number(e["key"])))
                if one["type"] == "lpm_trie":  # the number of bits, then the prefix
                    out[(one["id"], f"{joined(e['key'][4:])}/{number(e['key'][:4])}", None)] = {"VALUE_BYTES": joined(e["value"])}
                elif one["type"] in self.WHOLE:
                    out[(*key, None)] = {"VALUE_BYTES": joined(e["value"])}
                elif one["type"] in self.EACH:
                    out.update({(*key, v["cpu"]): {"VALUE_BYTES": joined(v["value"])} for v in e["values"]})
                elif one["type"] in self.INNER and isinstance(e["value"], list):
                    out[(*key, None)] = {"VALUE": f"map {number(e['value'])} {maps[number(e['value'])]['name']}"}
                elif one["type"] in self.HELD and "No such" not in str(e["value"]) and (
                        one["type"] != "sockmap" or e["key"] == ["0x02", "0x00", "0x00", "0x00"]):  # it says the same of what is not there
                    out[(*key, None)] = {}
                elif one["type"] == "struct_ops":
                    for member, value in e["formatted"]["value"]["data"].items():
                        if value and not isinstance(value, dict):
                            what = f"program {value} {member}" if isinstance(value, int) else f'"{value}"'
                            out[(one["id"], member, None)] = {"VALUE": what}
        for fact in truth.facts("bpf-holds"):
            out[(fact["map"], fact["key"], None)] = {"VALUE_BYTES": fact["value"]}
        for map_id in [m["id"] for m in maps.values() if m.get("name") == "kind_timer"]:  # the kernel shows timers as zeros
            out = {key: ({"VALUE": "timer calls lab_fire"} if key[0] == map_id else want) for key, want in out.items()}
        return out

    def key(self, row):  # bpftool does not say what is in a filter, nor which events and groups
        if row["MAP_NAME"] in ("kind_bloom", "kind_events", "kind_groups", "lab_calls") or row["VALUE"] in ("inuse", "ready", "init"):
            return None
        return row["MAP_ID"], re.sub(" at 0x.*", "", row["KEY"] or ""), row["CPU"]

    def same(self, column, want, have):  # a page of an arena ends in zeros; machine code has its tag in its name
        return want in re.sub(r"bpf_prog_[0-9a-f]+_", "", have or "") if column == "VALUE" else (have or "")[:len(want)] == want


class Insns(Declaration):
    """Instructions as `bpftool prog dump xlated` has them, but for calls of its own functions, and addresses."""
    name = "bpfprogs --insns"
    against = "bpf/xlated-N.bin"
    keys = "BPF_ID, POSITION"
    tolerance = "numbers may be hexadecimal; of addresses only the register is compared"

    def applies(self, truth):
        return any(name.startswith("xlated-") for name in truth.list("bpf"))

    def expected(self, truth):
        out = {}
        for name in truth.list("bpf"):
            for line in truth.lines("bpf", name) if name.startswith("xlated-") else []:
                m = re.match(r" *(\d+): \(..\) (.*)", line)
                if m:
                    out[(int(name[7:].split(".")[0]), int(m[1]))] = {"CODE": self.plain(m[2], int(m[1]))}
        return out

    def plain(self, text, at):
        text = re.sub(r"goto pc([+-]\d+)", lambda m: f"goto {at + 1 + int(m[1])}", text)
        text = re.sub(r"\((\w+) ([+-])(\d+)\)", lambda m: f"({m[1]})" if m[3] == "0" else f"({m[1]} {m[2]} {m[3]})", text)
        text = re.sub(r"call (\w+)#.*", r"call \1", text)
        return re.sub(r"map\[id:(\d+)\].*", r"map \1", text)

    def key(self, row):
        return row["BPF_ID"], row["POSITION"]

    def same(self, column, want, have):
        if "subprog" in want or "call pc" in want:
            return have.startswith(("r", "call function"))
        have = re.sub(r"(map \d+).*", r"\1", have).replace("kernel function ", "")
        if want.startswith("r") and re.search("= 0x[0-9a-f]{9}|map ", want) and "0x" in have + want:
            return want.split()[0] == have.split()[0]
        numbers = [re.sub(r"0x[0-9a-f]+", lambda m: str(int(m[0], 16)), text) for text in (want, have)]
        return numbers[0] == numbers[1]


class Bpflinks(Declaration):
    name = "bpflinks"
    against = "bpftool-link.json, bpftool-cgroup.json, bpftool-net.json, bpftool-perf.json"
    keys = "BPF_ID, KIND"
    tolerance = "ATTACHED_TO: older releases of bpftool shorten names of kinds; kprobes stand behind the place of ftrace"

    def expected(self, truth):
        links = {one["prog_id"]: one["id"] for one in told(truth, "link")}
        out = {}
        for group in told(truth, "cgroup"):
            for one in group["programs"]:
                path = group["cgroup"].removeprefix("/sys/fs/cgroup")
                out[(one["id"], "cgroup")] = {"ATTACHED_TO": f"{one['attach_type']} {path}", "BPF_NAME": one["name"]}
        for net in told(truth, "net"):
            for one in net["xdp"]:
                out[(one.get("id", one.get("prog_id")), "xdp")] = {"ATTACHED_TO": f"{one['devname']} {one.get('mode', '')}".strip()}
            for one in net["tc"]:
                kind, way = one["kind"].split("/")
                out[(one.get("id", one.get("prog_id")), {"clsact": "tc"}.get(kind, kind))] = {
                    "ATTACHED_TO": one["devname"] + ("" if kind == "netkit" else f" {way}")}
        for one in told(truth, "perf"):
            out[(one["prog_id"], one["fd_type"])] = {"ATTACHED_TO": one.get("func") or one["tracepoint"], "PID": one["pid"]}
        for (prog, _), row in out.items():
            row["LINK_ID"] = links.get(prog)
        for one in truth.facts("bpf-at"):
            row = {"ATTACHED_TO": one["where"]} if one["where"] else {}
            if one["link"]:
                row["LINK_ID"] = one["link"]
            if one["program"]:
                out.setdefault((one["program"], one["how"]), {}).update(row)
        return out

    def key(self, row):  # bpftool does not tell of sockets, nor of maps
        return None if row["KIND"] in ("socket", "tail call", "tc action") or not row["BPF_ID"] else (row["BPF_ID"], row["KIND"])

    def same(self, column, want, have):
        if column == "ATTACHED_TO" and have:  # a probe stands behind the place of ftrace; an event is of a system
            if set(re.split("[ ,]+", want)) <= set(re.split(r"[\s,.]+", have)):  # with numbers of maps, programs, functions between
                return True
            return want in (have, have.split("+")[0], have.split(":")[-1]) or have.endswith("_" + want) or want in have.split("_prog_")[-1]
        return want == have


DECLARATIONS = [Bpfprogs(), Insns(), Bpfmaps(), Contents(), Held(), Bpflinks()]
