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
        if truth.has("proc", "kallsyms") and not any(line.endswith(" kprobe_table") for line in truth.lines("proc", "kallsyms")):
            return {}  # a kernel whose symbols name functions only: the plugin says what it lacks
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
        self.told = truth.has("bpftool-perf.json")
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
            return (row["NAME"], int(m[1])) if self.told else None
        return (row["NAME"], "trace") if "trace instance" in (row["DETAIL"] or "") else None


class Uprobes(Hooks):
    name = "uprobes"
    against = "probes.txt, marks.jsonl"
    keys = "PATH, FILE_OFFSET, KIND; or the address of a planted function"
    planted_kinds = ("uprobe",)

    def expected(self, truth):
        out = self.planted(truth)
        for line in truth.lines("probes.txt"):
            m = re.match(r"([pr])\d*:(uprobes/\S+) (/\S+):0x([0-9a-f]+)", line)
            if m:
                out[m[3], int(m[4], 16), {"p": "uprobe", "r": "uretprobe"}[m[1]]] = {"DETAIL": "event " + m[2]}
        return out

    def other(self, row):
        return row["PATH"], row["FILE_OFFSET"], row["KIND"]


class PerfEvents(Declaration):
    name = "perf_events"
    against = "bpftool-perf.json"
    keys = "OWNER_PID, the BPF program's number"
    others = "only events with a BPF program are told"
    TYPES = {"kprobe": "kprobe", "kretprobe": "kprobe", "uprobe": "uprobe", "uretprobe": "uprobe", "tracepoint": "tracepoint"}

    def expected(self, truth):
        return {(link["pid"], link["prog_id"]): {"KIND": self.TYPES[link["fd_type"]], "STATE": "active"}
                for link in json.loads(truth.text("bpftool-perf.json") or "[]") if link["fd_type"] in self.TYPES}

    def key(self, row):
        m = re.search(r"BPF program (\d+)", row["DETAIL"] or "")
        return (row["OWNER_PID"], int(m[1])) if m else None


class Waiting(Hooks):
    """What the scene planted to be called later; a guest without marks tells nothing."""
    against = "marks.jsonl"
    keys = "OFFSET"
    others = "what else waits when the machine stops is not told"
    address = ""  # of the struct, in the mark

    def expected(self, truth):
        self.functions = set()
        return {(int(mark[self.address], 16),): {"FUNCTION": int(mark["function"], 16), "HINTS": True} for mark in self.marks(truth)}

    def key(self, row):
        return (int(row["OFFSET"], 16),) if row["HINTS"] and row["OFFSET"] else None

    def have(self, row, column):
        return int(row["FUNCTION"], 16) if column == "FUNCTION" else super().have(row, column)


class Timers(Waiting):
    name = "ktimers"
    planted_kinds = ("timer", "hrtimer")
    address = "timer"

    def key(self, row):
        return super().key(row) if not (row["DETAIL"] or "").startswith("work ") else None


class Workqueues(Waiting):
    name = "workqueues"
    planted_kinds = ("delayed_work", "work")
    address = "work"


class Deferred(Waiting):
    name = "deferred"
    planted_kinds = ("rcu", "tasklet", "softirq", "irq_work")
    address = "at"
    keys = "FUNCTION"

    def expected(self, truth):
        self.functions = set()
        return {(int(mark["function" if "function" in mark else "is"], 16),): {"HINTS": True} for mark in self.marks(truth)}

    def key(self, row):
        return (int(row["FUNCTION"], 16),) if row["HINTS"] else None


DECLARATIONS = [Ftrace(), FtraceRecords(), Kprobes(), Tracepoints(), Uprobes(), PerfEvents(), Timers(), Workqueues(), Deferred()]
