"""BPF programs, maps and links: what bpftool said."""
import json

from declare import Declaration


def told(truth, what):
    return json.loads(truth.text(f"bpftool-{what}.json") or "[]")


class Bpfprogs(Declaration):
    name = "bpfprogs"
    against = "bpftool-prog.json"
    keys = "BPF_ID"

    def expected(self, truth):
        return {p["id"]: {"KIND": p["type"], "BPF_NAME": p.get("name"), "TAG": p["tag"], "UID": p.get("uid"),
                          "INSTRUCTIONS": p["bytes_xlated"] // 8, "JIT_BYTES": p.get("bytes_jited"),
                          "MAPS": p.get("map_ids", [])} for p in told(truth, "prog")}

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
        def joined(numbers):
            return "".join(f"{int(one, 16):02x}" for one in numbers)

        return {("lab_hash", joined(e["key"])): {"VALUE_BYTES": joined(e["value"])} for e in told(truth, "hash")}

    def key(self, row):
        return ("lab_hash", row["KEY_BYTES"]) if row["MAP_NAME"] == "lab_hash" else None


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
                out[(one["id"], "xdp")] = {"ATTACHED_TO": f"{one['devname']} {one['mode']}"}
            for one in net["tc"]:
                out[(one["id"], "tc")] = {"ATTACHED_TO": f"{one['devname']} {one['kind'].split('/')[1]}"}
        for one in told(truth, "perf"):
            out[(one["prog_id"], one["fd_type"])] = {"ATTACHED_TO": one.get("func") or one["tracepoint"], "PID": one["pid"]}
        for (prog, _), row in out.items():
            row["LINK_ID"] = links.get(prog)
        return out

    def key(self, row):  # bpftool does not tell of sockets, nor of maps
        return None if row["KIND"] in ("socket", "tail call") else (row["BPF_ID"], row["KIND"])

    def same(self, column, want, have):
        if column == "ATTACHED_TO" and have:  # a probe stands behind the place of ftrace; an event is of a system
            return want in (have, have.split("+")[0], have.split(":")[-1]) or have.endswith("_" + want)
        return want == have


DECLARATIONS = [Bpfprogs(), Bpfmaps(), Contents(), Bpflinks()]
