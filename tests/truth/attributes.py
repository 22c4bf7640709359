"""What a process has of its own: limits, signals, timers, a tracer, capabilities, filters."""
import json
import re

from processes import OfProcesses
from scripts import CAPABILITIES, Told

LIMITS = """CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME""".split()
# signal(7), by their numbers; real-time signals as the C library names them.
SIGNALS = """HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG
XCPU XFSZ VTALRM PROF WINCH IO PWR SYS""".split()
CLOCKS = {0: "CLOCK_REALTIME", 1: "CLOCK_MONOTONIC", 2: "CLOCK_PROCESS_CPUTIME_ID", 3: "CLOCK_THREAD_CPUTIME_ID", 7: "CLOCK_BOOTTIME",
          8: "CLOCK_REALTIME_ALARM", 9: "CLOCK_BOOTTIME_ALARM", 11: "CLOCK_TAI"}


def signal_name(number):
    if number <= len(SIGNALS):
        return "SIG" + SIGNALS[number - 1]
    return f"SIG{number}" if number < 34 else "SIGRTMIN" + (f"+{number - 34}" if number > 34 else "")


def signal_set(text):
    """The names in what a plugin shows of a set."""
    every = {signal_name(n) for n in range(1, 65)}
    if text is None:
        return None
    if text.startswith("all"):
        return every - set(text.removeprefix("all").removeprefix(" but ").split(","))
    return set(filter(None, text.split(",")))


def capabilities(bits, full):
    return "all" if bits and bits == full else ",".join(n for i, n in enumerate(CAPABILITIES) if bits >> i & 1)


class PTrace(OfProcesses):
    name = "ptrace"
    against = "proc/PID/task/TID/status"
    keys = "PID, TID"
    tolerance = OfProcesses.tolerance

    def expected(self, truth):
        tracers, out = {}, {}
        for pid, tid in truth.tids():
            folder = ("proc", pid, "task", tid)
            if truth.has(*folder, "status") and (tracer := int(truth.status(*folder).get("TracerPid", "0"))):
                tracers.setdefault(tracer, []).append(tid)
                out[pid, tid] = {"TRACER_TID": tracer}
        for pid, tid in truth.tids():
            if tid in tracers:
                out.setdefault((pid, tid), {})["TRACEES"] = sorted(tracers[tid])
        for pid, tid in out:
            out[pid, tid]["COMM"] = truth.text("proc", pid, "task", tid, "comm").rstrip("\n")
        return out

    def key(self, row):
        return row["PID"], row["TID"]

    def have(self, row, column):
        return sorted(map(int, (row[column] or "").split())) if column == "TRACEES" else row[column]


class RLimits(Told):
    name = "rlimits"
    against = "proc/PID/limits"
    keys = "PID, RLIMIT"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            lines = truth.lines("proc", pid, "limits")[1:]
            for name, line in zip(LIMITS, lines):
                words = line[26:].split()
                out[pid, "RLIMIT_" + name] = {"SOFT": words[0], "HARD": words[1], "UNITS": words[2] if len(words) > 2 else None}
        return out

    def key(self, row):
        return row["PID"], row["RLIMIT"]

    def explain_extra(self, truth, key, row):
        if truth.stat(key[0]) and truth.stat(key[0])[3] in "ZX" and not truth.lines("proc", key[0], "limits"):
            return "of a process that has ended /proc/PID/limits is empty"
        return super().explain_extra(truth, key, row)


class Capabilities(OfProcesses):
    name = "capabilities --threads"
    against = "proc/PID/task/TID/status, proc/PID/ns.txt"
    keys = "PID, TID"
    tolerance = OfProcesses.tolerance

    def expected(self, truth):
        out, full = {}, int(truth.status("proc", 1)["CapEff"], 16)
        for pid, tid in truth.tids():
            folder = ("proc", pid, "task", tid)
            if not truth.has(*folder, "status"):
                continue
            status = truth.status(*folder)
            want = {column: capabilities(int(status[line], 16), full) for column, line in (
                ("CAP_EFFECTIVE", "CapEff"), ("CAP_PERMITTED", "CapPrm"), ("CAP_INHERITABLE", "CapInh"),
                ("CAP_BOUNDING", "CapBnd"), ("CAP_AMBIENT", "CapAmb"))}
            want |= {"EUID": int(status["Uid"].split()[1]), "PPID": int(status["PPid"]), "NS": truth.namespaces(pid).get("user")}
            out[pid, tid] = want
        return out

    def key(self, row):
        return row["PID"], row["TID"]


class Signals(OfProcesses):
    name = "signals --threads --all"
    against = "proc/PID/task/TID/status"
    keys = "PID, TID"
    LINES = {"PENDING": "SigPnd", "SHARED_PENDING": "ShdPnd", "BLOCKED": "SigBlk", "IGNORED": "SigIgn", "CAUGHT": "SigCgt"}

    def expected(self, truth):
        out = {}
        for pid, tid in truth.tids():
            folder = ("proc", pid, "task", tid)
            if truth.has(*folder, "status"):
                status = truth.status(*folder)
                out[pid, tid] = {}
                for column, line in self.LINES.items():
                    bits = int(status[line], 16)
                    out[pid, tid][column] = {signal_name(n + 1) for n in range(64) if bits >> n & 1}
                if "Z" in status["State"]:  # /proc no longer says what it ignored and caught
                    out[pid, tid] = {c: v for c, v in out[pid, tid].items() if c not in ("IGNORED", "CAUGHT", "SHARED_PENDING", "PENDING", "BLOCKED")}
        return out

    def key(self, row):
        return row["PID"], row["TID"]

    def have(self, row, column):
        return signal_set(row[column])


class Timers(Told):
    name = "timers"
    against = "proc/PID/timers, fd.txt, lab/facts.jsonl"
    keys = "PID, KIND, ID or CLOCK"
    tolerance = "REMAINING of a timerfd: as much less as lies between the report and the freeze, 60 s at most; of an image that was written before the report, as much more as lies between; of the scene's own POSIX timers: 900 s less than they were set to"

    # What the actor "timed" set (samples/guest/attributes.c), by clock: remaining, interval.
    SET = {"CLOCK_MONOTONIC": (70000, 60), "CLOCK_BOOTTIME": (70000, 60)}

    def expected(self, truth):
        out = {}
        self.before = truth.clocks("at-freeze")["real"] - truth.clocks()["real"] if truth.smeared else 0
        timed = {fact["timed"] for fact in truth.facts("attributes")}
        for pid in truth.told():
            number = None
            for line in truth.lines("proc", pid, "timers"):
                word, _, value = line.partition(": ")
                if word == "ID":
                    number = int(value)
                    want = out[pid, "posix", number] = {"ARMED": False}
                elif word == "signal":
                    signal, _, pointer = value.partition("/")
                    want |= {"SIGNAL": signal_name(int(signal)) if int(signal) else None, "SIGNAL_VALUE": int(pointer, 16)}
                elif word == "notify":
                    want["NOTIFY"], _, target = value.partition(".")
                    want["TARGET_PID"] = int(target)
                elif word == "ClockID":
                    clock = int(value)
                    want["CLOCK"] = CLOCKS[{-6: 2, -2: 3}.get(clock, clock)]
                    if clock < 0:
                        del want["ARMED"]
                    if pid in timed and want.get("CLOCK") in self.SET:
                        want["REMAINING"], want["INTERVAL"] = self.SET[want["CLOCK"]]
                        want["ARMED"] = True
            if pid in timed:
                out[pid, "itimer", "ITIMER_VIRTUAL"] = {"INTERVAL": 3, "SIGNAL": "SIGVTALRM"}
                out[pid, "itimer", "ITIMER_PROF"] = {"INTERVAL": 0.5, "SIGNAL": "SIGPROF"}
            for line in truth.lines("proc", pid, "fd.txt"):
                m = re.match(r"(\d+)\tanon_inode:\[timerfd\]\t.*clockid: (\d+) .*it_value: \((\d+), (\d+)\) it_interval: \((\d+), (\d+)\)", line)
                if m:
                    fd, clock, s, ns, often, part = map(int, m.groups())
                    out[pid, "timerfd", fd] = {"CLOCK": CLOCKS[clock], "ARMED": s + ns > 0,
                                               "REMAINING": s + ns / 1e9 if s + ns else None,
                                               "INTERVAL": often + part / 1e9 if often + part else None}
        for fact in truth.facts("files"):
            if "log" not in fact:
                continue  # an actor of another scene, which sets no timer
            out[fact["pid"], "itimer", "ITIMER_REAL"] = {"ARMED": True, "SIGNAL": "SIGALRM"}
        return out

    def key(self, row):
        return row["PID"], row["KIND"], row["CLOCK"] if row["KIND"] == "itimer" else row["ID"]

    def have(self, row, column):
        if column == "SIGNAL_VALUE":
            return int(row[column], 16) if row[column] else 0
        return row[column]

    def same(self, column, want, have):
        if column == "REMAINING" and want is not None and have is not None:
            return -self.before <= want - have <= (900 if want == 70000 else 60)
        if column == "INTERVAL" and want is not None and have is not None:
            return abs(want - have) < 1e-6
        return want == have


class Creds(Told):
    name = "creds"
    against = "marks.jsonl: of a machine that nothing was done to, none"
    keys = "OFFSET"

    def expected(self, truth):
        marks = [json.loads(line) for line in truth.lines("marks.jsonl")]
        return {int(m["cred"], 16): {"PIDS": sorted((m["donor"], m["heir"])), "USERS": 2, "SCORE": 3}
                for m in marks if m["kind"] == "credentials"}

    def key(self, row):
        return int(row["OFFSET"], 16)

    def have(self, row, column):
        return sorted(map(int, row["PIDS"].split())) if column == "PIDS" else row[column]

    def explain_extra(self, truth, key, row):
        return None


class Seccomp(OfProcesses):
    name = "seccomp --threads"
    against = "proc/PID/task/TID/status, lab/facts.jsonl"
    keys = "PID, TID, FILTER"
    MODES = {"1": "strict", "2": "filter"}

    # What the actor "filtered" installed (samples/guest/attributes.c), the newest first: default, rules, flags, instructions.
    INSTALLED = [("ALLOW", "USER_NOTIF: chroot", "NOTIF", 4), ("LOG", None, "", 9),
                 ("ALLOW", {"KILL_PROCESS: ptrace", "ERRNO(1): mount", "ALLOW or ERRNO(1): personality"}, "LOG", 12)]

    def expected(self, truth):
        out, filtered = {}, {fact["filtered"] for fact in truth.facts("attributes")}
        for pid, tid in truth.tids():
            folder = ("proc", pid, "task", tid)
            status = truth.status(*folder) if truth.has(*folder, "status") else {}
            mode = self.MODES.get(status.get("Seccomp", "0").strip())
            count = int(status.get("Seccomp_filters", "1")) if mode == "filter" else 1  # since 5.9
            for n in range(count if mode else 0):
                want = out[pid, tid, n if mode == "filter" else None] = {"SECCOMP": mode}
                if pid in filtered:
                    want["DEFAULT_ACTION"], rules, want["SECCOMP_FLAGS"], want["INSTRUCTIONS"] = self.INSTALLED[n]
                    if rules:
                        want["RULES"] = {rules} if isinstance(rules, str) else rules
        return out

    def key(self, row):
        return row["PID"], row["TID"], row["FILTER"]

    def have(self, row, column):
        return set(row[column].split("; ")) if column == "RULES" else row[column]


class IoUring(Told):
    name = "io_uring"
    against = "proc/PID/fd.txt, tids.txt, lab/facts.jsonl"
    keys = "PID, FD, KIND, and TID, INDEX or OPCODE"

    OPCODES = {6: "POLL_ADD", 13: "ACCEPT", 22: "READ", 27: "RECV"}

    def expected(self, truth):
        out, self.known = {}, set()
        for pid in truth.told():
            for line in truth.lines("proc", pid, "fd.txt"):
                fd, target, info = (line.split("\t", 2) + ["", ""])[:3]
                if target == "anon_inode:[io_uring]":
                    self.ring(out, pid, int(fd), info)
            for tid in truth.lines("proc", pid, "tids.txt"):
                if (truth.text("proc", pid, "task", tid, "comm") or "").startswith("iou-wrk"):
                    out[pid, None, "worker", int(tid)] = {}
        for fact in truth.facts("rings"):  # fdinfo does not tell of timeouts
            out[fact["pid"], fact["fd"], "request", "TIMEOUT", 0] = {}
        return out

    def ring(self, out, pid, fd, info):
        word = lambda name: re.search(rf"\b{name}:\s*(-?\w+)", info)
        want = out[pid, fd, "ring"] = {}
        for column, name in (("SQ_HEAD", "CachedSqHead"), ("SQ_TAIL", "SqTail"), ("CQ_HEAD", "CqHead"), ("CQ_TAIL", "CqTail")):
            if word(name):  # since 5.18
                want[column] = int(word(name).group(1), 0)
        for column, name in (("SQ_ENTRIES", "SqMask"), ("CQ_ENTRIES", "CqMask")):
            if word(name):
                want[column] = int(word(name).group(1), 0) + 1
        if int(word("SqThread").group(1)) >= 0:
            out[pid, fd, "poller", int(word("SqThread").group(1))] = {}
        part = re.search(r"UserFiles:\s*\d+(.*?)UserBufs:\s*\d+(.*?)PollList:(.*)", info)
        shared = part.group(1).strip() and (fd, info) in self.known  # a ring that a fork has too: its files are told once
        self.known.add((fd, info))
        for i, name in re.findall(r"(\d+): (\S*?)(?=\s|$)", "" if shared else part.group(1)):
            out[pid, fd, "file", int(i)] = {"TARGET": name.rpartition("/")[2]} if name else {}
        for i, start, size in re.findall(r"(\d+): (0x[0-9a-f]+)/(\d+)", part.group(2)):
            out[pid, fd, "buffer", int(i)] = {"TARGET": f"{start}-{int(start, 16) + int(size):#x}"}
        count = {}
        for op in re.findall(r"op=(\d+)", part.group(3)):
            name = self.OPCODES.get(int(op), op)
            out[pid, fd, "request", name, count.setdefault(name, 0)] = {}
            count[name] += 1
        for slot, name, data in re.findall(r"(\d+): opcode:(\w+), .*?user_data:(\d+)", info):
            out[pid, fd, "submission", int(slot)] = {"OPCODE": name, "USER_DATA": int(data)}

    def rows(self, rows):
        fds, count, out = {}, {}, []
        for row in rows:
            if row["KIND"] == "ring":
                fds[row["OFFSET"]] = row["FD"]
        for row in rows:
            key = (row["PID"], None if row["KIND"] == "worker" else fds.get(row["OFFSET"]), row["KIND"])
            if row["KIND"] == "request":
                nth = count[key, row["OPCODE"]] = count.get((key, row["OPCODE"]), -1) + 1
                key += (row["OPCODE"], nth)
            elif row["KIND"] in ("worker", "poller"):
                key += (row["TID"],)
            elif row["KIND"] != "ring":
                key += (row["INDEX"],)
            out.append(row | {"key": key})
        return out

    def key(self, row):
        return row["key"]

    def have(self, row, column):
        if column == "USER_DATA":
            return int(row[column], 16)
        if column == "TARGET" and row["KIND"] == "file":
            return row[column].rpartition("/")[2]
        return row[column]


DECLARATIONS = [Capabilities(), Creds(), IoUring(), PTrace(), RLimits(), Seccomp(), Signals(), Timers()]
