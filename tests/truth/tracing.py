"""What the kernel was asked to call elsewhere: tracers, probes, tracepoints; as tracefs and debugfs told it, and as it was planted."""
import json
import re

from declare import Declaration


class Hooks(Declaration):
    """Planted functions, which the scene told by their address, and what else the guest said."""
    planted_kinds = ()
    repeats = True

    def marks(self, truth):
        return [mark for mark in map(json.loads, truth.lines("marks.jsonl")) if mark["kind"] in self.planted_kinds]

    def planted(self, truth):
        """{(address,): {HINTS}}: each has something in HINTS."""
        self.functions = {int(mark["function"], 16) for mark in self.marks(truth)}
        return {(at,): {"HINTS": True} for at in self.functions}

    def key(self, row):
        at = int(row["FUNCTION"], 16) if row["FUNCTION"] else None
        return (at,) if at in self.functions else self.other(row)

    def other(self, row):
        return None

    def have(self, row, column):
        return bool(row["HINTS"]) if column == "HINTS" else row[column]

    def explain_extra(self, truth, key, row):
        return None


class Ftrace(Hooks):
    name = "ftrace"
    against = "marks.jsonl"
    keys = "the address of a planted function"
    others = "kprobes, trace instances and BPF programs have one too"
    planted_kinds = ("ftrace", "ftrace_ipmodify")

    def expected(self, truth):
        return self.planted(truth)


class FtraceRecords(Declaration):
    name = "ftrace --records"
    against = "enabled-functions.txt, ftrace.txt"
    keys = "HOOKED"
    FLAGS = {"R": "REGS", "I": "IPMODIFY", "D": "DIRECT"}

    def expected(self, truth):
        out = {}
        for line in truth.lines("enabled-functions.txt") or truth.lines("ftrace.txt"):
            m = re.match(r"(\S+)(?: \[\w+\])? \((\d+)\)([ A-Z]*)", line)
            if m:
                out[m[1]] = {"OPS": int(m[2]), "FLAGS": {name for letter, name in self.FLAGS.items() if letter in m[3]}}
        return out

    def key(self, row):
        # What was hooked once and is not any more has no line, nor has what nobody's code has.
        return row["HOOKED"].split()[0] if row["OPS"] else None

    def have(self, row, column):
        return set(row["FLAGS"].split()) & set(self.FLAGS.values()) if column == "FLAGS" else row[column]


class Kprobes(Hooks):
    name = "kprobes"
    against = "kprobes.txt, marks.jsonl"
    keys = "ADDRESS, KIND; or the address of a planted function"
    planted_kinds = ("kprobe", "kretprobe")
    WORDS = ("FTRACE", "OPTIMIZED", "DISABLED", "GONE")

    def expected(self, truth):
        out = self.planted(truth)
        marked = {(int(mark["at"], 16), mark["kind"]) for mark in self.marks(truth)}
        for line in truth.lines("kprobes.txt"):
            m = re.match(r"([0-9a-f]+)  (k|r)  (\S+)\+0x([0-9a-f]+)(?: \S+)?(.*)", line)
            if not m or (key := (int(m[1], 16), {"k": "kprobe", "r": "kretprobe"}[m[2]])) in marked:
                continue
            out[key] = {"HOOKED": m[3] + (f"+0x{m[4]}" if int(m[4], 16) else ""),
                        "FLAGS": {word for word in self.WORDS if word in m[5]}}
        return out

    def other(self, row):
        return int(row["ADDRESS"], 16), row["KIND"]

    def have(self, row, column):
        if column == "FLAGS":
            return set((row["FLAGS"] or "").split()) & set(self.WORDS)
        return row["HOOKED"].split()[0] if column == "HOOKED" else super().have(row, column)


class Tracepoints(Hooks):
    name = "tracepoints"
    against = "bpftool-perf.json, instance-events.txt, marks.jsonl"
    keys = "NAME and the BPF program's number or \"trace\"; or the address of a planted function"
    others = "the kernel's own tracers have probes that it does not tell of"
    planted_kinds = ("tracepoint",)

    def expected(self, truth):
        out = self.planted(truth)
        for link in json.loads(truth.text("bpftool-perf.json") or "[]"):
            if "tracepoint" in link:
                out[link["tracepoint"], link["prog_id"]] = {"POINT_MODULE": "kernel", "MODULE": "kernel"}
        for line in truth.lines("instance-events.txt"):
            if ":" in line:
                out[line.split(":")[1], "trace"] = {"POINT_MODULE": "kernel", "MODULE": "kernel"}
        return out

    def other(self, row):
        m = re.search(r"BPF program (\d+)", row["DETAIL"] or "")
        if m:
            return row["NAME"], int(m[1])
        return (row["NAME"], "trace") if "trace instance" in (row["DETAIL"] or "") else None


DECLARATIONS = [Ftrace(), FtraceRecords(), Kprobes(), Tracepoints()]
