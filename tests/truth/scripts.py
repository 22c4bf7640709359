"""Plugins that draw conclusions from several things: each rule is written once more here, over what /proc said."""
import re

from declare import hexadecimal
from processes import CLOCK_TICK, MORE, UNLINKED, OfProcesses, lived, same_name, seconds

# capabilities(7), by their numbers.
CAPABILITIES = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot
sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()


CLEARED = "the collector removes what the scene wrote for it when its report is out"


def base(path):
    return path.removesuffix(" (deleted)").rpartition("/")[2]


def facts_of(truth, pid):
    """What several plugins show of a process beside their own."""
    stat = truth.stat(pid)
    return {"PPID": int(stat[4]), "COMM": truth.text("proc", pid, "comm").rstrip("\n")}


class Told(OfProcesses):
    """Of processes that told of themselves; none of them may have anything to say."""
    tolerance = ""

    def applies(self, truth):
        return bool(truth.told())


class Timeline(OfProcesses):
    name = "timeline"
    against = "stat-at-freeze.txt, dmesg.txt, clock-at-freeze.txt"
    keys = "SOURCE, PID or TEXT"
    tolerance = ("TIME: 50 ms, for /proc cuts it to a clock tick, and the log's clock is another; Capture (the TIME of that row): up to "
                 "10 s later, for the machine stops when the truth is out, or till the end of a dump that the guest writes. "
                 f"COMM: {MORE}")

    def expected(self, truth):
        boot, count, self.slack = truth.boot(), {}, truth.slack()
        out = {("boot",): {"TIME": boot}, ("capture",): {"Capture": truth.clocks()["real"]}}
        started = {}
        for pid, tid in truth.tids():
            stat = truth.stat(tid, "proc", pid, "task", tid)
            if stat:
                started.setdefault((pid, pid == tid), []).append((int(stat[22]), tid, stat[2]))
        for (pid, first), some in started.items():
            for ticks, tid, comm in some:
                key = ("process", pid) if first else ("thread", pid, comm, self.nth(count, (pid, comm)))
                out[key] = {"TIME": boot + ticks * CLOCK_TICK, "COMM": comm}
        time = None
        for line in truth.lines("dmesg.txt"):
            m = re.match(r"(?:<\d+>)?\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?(.*)$", line)
            if m:
                time, line = m.groups()
            if time:
                line = line.strip()
                out["log", line, self.nth(count, line)] = {"TIME": boot + float(time)}
        self.last = boot + float(time or 0)
        return out

    @staticmethod
    def nth(count, key):
        count[key] = count.get(key, 0) + 1
        return count[key]

    def rows(self, rows):
        """Of tasks that are there, of the log and of the clock; other sources are compared as plugins of their own."""
        count, out = {}, []
        for row in rows:
            sources = {row["SOURCE"], *(row["ALSO"] or "").split(",")}
            if row["SOURCE"] == "kmsg":
                for line in row["TEXT"].split("\n"):
                    out.append(row | {"key": ("log", line.strip(), self.nth(count, line.strip()))})
            elif row["SOURCE"] == "boottime":
                if re.match(r"NS=4026531834\b|UPTIME", row["TEXT"]):
                    out.append(row | {"key": (row["KIND"].removesuffix("_TIME").lower(),)})
            elif sources & {"pslist", "threads"} and row["PID"] == row["TID"]:
                out.append(row | {"key": ("process", row["PID"])})
            elif sources & {"pslist", "threads"}:
                out.append(row | {"key": ("thread", row["PID"], row["COMM"], self.nth(count, (row["PID"], row["COMM"])))})
        return out

    def key(self, row):
        return row["key"]

    def have(self, row, column):
        if column == "COMM":
            return row["COMM"]
        return seconds(row["TIME"]) if row["TIME"] else None

    def same(self, column, want, have):
        if column == "COMM" or have is None:
            return want is not None and same_name(want, have)
        return -0.05 <= have - want <= (0.05 if column == "TIME" else self.slack)

    def explain_missing(self, truth, key, want, got):
        if truth.live and key[0] == "log" and want["TIME"] >= truth.live + truth.boot():
            return "written while the image was being taken"
        return super().explain_missing(truth, key[1:], want, got) if key[0] in ("process", "thread") else None

    def explain_extra(self, truth, key, row):
        if key[0] == "log":
            return "written after the report" if seconds(row["TIME"]) >= self.last - 0.05 else None
        return lived(truth)


class Elfs(Told):
    name = "elfs"
    against = "proc/PID/maps"
    keys = "PID, START"
    memory = True

    others = "the vdso, which is in a process's memory when the process has touched it: no file tells when"

    def expected(self, truth):
        """Files that are mapped to be run, where they are mapped from their beginning."""
        run = {(pid, f.path) for pid, f in truth.maps() if "x" in f.flags and f.path.startswith("/")}
        self.dynamic = {pid for pid, f in truth.maps() if base(f.path).startswith("ld-")}  # ld.so reads all headers
        self.disk = {(pid, f.start) for pid, f in truth.maps() if f.major}
        self.vdso = {(pid, f.start) for pid, f in truth.maps() if f.path == "[vdso]"}
        return {(pid, f.start): {"END": f.end, "PATH": f.path} for pid, f in truth.maps() if f.offset == 0 and (pid, f.path) in run}

    def key(self, row):
        key = row["PID"], int(row["START"], 16)
        return None if key in self.vdso and row["PATH"] == "[vdso]" else key

    def have(self, row, column):
        return hexadecimal(row[column]) if column == "END" else row[column]

    def explain_missing(self, truth, key, want, got):
        elsewhere = any(row["PATH"] == want["PATH"] for rows in got.values() for row in rows)
        if truth.dropped() and key in self.disk and not elsewhere and key[0] not in self.dynamic:
            return "the guest's page cache had been emptied since the program began, and a static one need not touch its first page"
        return super().explain_missing(truth, key, want, got)

    def explain_extra(self, truth, key, row):
        for fact in truth.facts("hooked"):
            if fact["pid"] == key[0] and fact["what"] == "copied" and int(fact["at"], 16) == key[1]:
                return "the scene copied a library into anonymous memory"
            if fact["pid"] == key[0] and fact["what"] == "hollow" and (row["PATH"] == truth.link(key[0], "exe") or int(fact["at"], 16) == key[1]):
                return "the scene put other code where the program's was: none of the file is mapped to be run"
        return super().explain_extra(truth, key, row)


class LdPreload(Told):
    name = "ldpreload"
    against = "proc/PID/environ, proc/PID/maps"
    keys = "PID, KEY"
    memory = True

    def expected(self, truth):
        mapped, out = {}, {}
        for pid, f in truth.maps():
            mapped.setdefault(pid, set()).add(base(f.path))
        for pid in truth.told():
            for name, value in truth.environ(pid):
                if name in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"):
                    out[pid, name] = {"VALUE": value}
                    if name != "LD_LIBRARY_PATH":
                        out[pid, name]["MAPPED"] = " ".join(o for o in re.split("[ :]+", value) if o and base(o) in mapped[pid])
        return out

    def key(self, row):
        return row["PID"], row["KEY"]


class Deleted(Told):
    name = "deleted"
    against = "proc/PID/links.txt, proc/PID/maps, proc/PID/fd.txt"
    keys = "PID, KIND, START or FD"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            exe = truth.link(pid, "exe") or ""
            if exe.endswith(" (deleted)"):
                out[pid, "exe", None] = {"PATH": exe, "REASON": self.why(exe)}
            for line in truth.lines("proc", pid, "fd.txt"):
                fd, path = (line.split("\t") + [""])[:2]
                if path.endswith(" (deleted)"):
                    out[pid, "fd", int(fd)] = {"PATH": path, "REASON": self.why(path)}
        for pid, f in truth.maps():
            if f.path.endswith(" (deleted)"):
                out[pid, "mapping", f.start] = {"END": f.end, "FLAGS": f.flags, "INODE": f.inode, "PATH": f.path, "REASON": self.why(f.path)}
        return out

    @staticmethod
    def why(path):
        kinds = {"/memfd:": "memfd", "/SYSV": "System V", "/anon_hugepage": "huge pages", "/dev/zero": "shared memory"}
        return next((why for start, why in kinds.items() if path.startswith(start)), "removed")

    def key(self, row):
        return row["PID"], row["KIND"], row["FD"] if row["KIND"] == "fd" else hexadecimal(row["START"])

    def explain_extra(self, truth, key, row):
        stat = truth.stat(key[0])
        if key[1] == "fd" and stat and stat[3] == "Z":
            return "of a process whose first thread has ended /proc/PID/fd is empty, while other threads live on"
        if key[1] == "fd" and truth.cleared(row["PATH"].removesuffix(" (deleted)")):
            told = (line.split("\t")[:2] for line in truth.lines("proc", key[0], "fd.txt"))
            return CLEARED if [str(key[2]), row["PATH"].removesuffix(" (deleted)")] in told else None
        return super().explain_extra(truth, key, row)

    def have(self, row, column):
        return hexadecimal(row[column]) if column == "END" else row[column]


class Spoofed(Told):
    name = "spoofed"
    against = "proc/PID/comm, cmdline, links.txt, maps"
    keys = "PID"
    tolerance = OfProcesses.tolerance
    memory = True

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            exe, arguments = truth.link(pid, "exe"), truth.arguments(pid)
            want = facts_of(truth, pid) | {"EXE": exe}
            if not exe:
                continue  # a thread of the kernel, or it has ended
            name = arguments[0] if arguments else ""
            names = {want["COMM"], base(exe)[:15], base(name.lstrip("-").rstrip(": "))[:15]}
            paths = [line.split(None, 5)[5] for line in truth.lines("proc", pid, "maps") if len(line.split(None, 5)) > 5]
            elsewhere = bool(paths) and exe not in paths
            if elsewhere or len(names) > 1 or exe.startswith("/memfd:") or re.search(r"[\0-\37\177]|^\s|\s$", want["COMM"]):
                out[pid] = want | ({"ARGV0": name} if arguments else {}) | {"none of its mappings": elsewhere}
        return out

    def have(self, row, column):
        return column in row["REASON"] if column == "none of its mappings" else row[column]


class SetUid(Told):
    name = "setuid --all"
    against = "proc/PID/status, ns.txt, links.txt"
    keys = "PID"
    tolerance = OfProcesses.tolerance

    REASONS = {("UID", "EUID"): "effective user", ("UID", "SUID"): "saved user", ("EUID", "FSUID"): "user for files",
               ("GID", "EGID"): "effective group", ("GID", "SGID"): "saved group", ("EGID", "FSGID"): "group for files"}

    def expected(self, truth):
        out, full = {}, int(truth.status("proc", 1)["CapEff"], 16)
        for pid in truth.told():
            status = truth.status("proc", pid)
            want = dict(zip(("UID", "EUID", "SUID", "FSUID"), map(int, status["Uid"].split())))
            want |= dict(zip(("GID", "EGID", "SGID", "FSGID"), map(int, status["Gid"].split())))
            for column, line in (("EFFECTIVE", "CapEff"), ("PERMITTED", "CapPrm"), ("INHERITABLE", "CapInh"), ("BOUNDING", "CapBnd"),
                                 ("AMBIENT", "CapAmb")):
                caps = int(status[line], 16)
                want["CAP_" + column] = "all" if caps == full else ",".join(n for i, n in enumerate(CAPABILITIES) if caps >> i & 1)
            want |= {"COMM": facts_of(truth, pid)["COMM"], "NO_NEW_PRIVS": status["NoNewPrivs"].strip() == "1",
                     "EXE": truth.link(pid, "exe"), "NS": truth.namespaces(pid).get("user"),
                     "REASON": [text for (a, b), text in self.REASONS.items() if want[a] != want[b]]}
            out[pid] = want
        return out

    def have(self, row, column):
        if column == "REASON":  # the others rest on what status does not say
            return [text for text in row[column].split("; ") if text in self.REASONS.values()]
        return row[column]


class Namespaces(Told):
    name = "namespaces"
    against = "proc/PID/ns.txt; of those without a process proc/PID/mountinfo and fd.txt"
    keys = "TYPE, NS"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for kind, inode in truth.namespaces(pid).items():
                out.setdefault((kind, inode), []).append(pid)
            for line in truth.lines("proc", pid, "mountinfo") + truth.lines("proc", pid, "fd.txt"):
                m = re.search(r"\b(mnt|uts|ipc|net|pid|user|cgroup|time):\[(\d+)\]", line)
                if m and (" - nsfs " in line or "\t" in line):
                    out.setdefault((m.group(1), int(m.group(2))), [])
        # Where the first thread has ended, /proc/PID/ns is empty, and of the others the guest does not tell.
        headless = {pid for pid in truth.told() if not truth.namespaces(pid).get("mnt") and len(truth.lines("proc", pid, "tids.txt")) > 1}
        self.known = set(truth.told()) - headless
        return {key: {"PIDS": pids, "NPROCS": len(pids), "INITIAL": 1 in pids}
                for key, pids in ((key, [p for p in pids if p in self.known]) for key, pids in out.items())}

    def key(self, row):
        return row["TYPE"], row["NS"]

    def have(self, row, column):
        if column == "INITIAL":
            return row[column]
        all_of_them = [int(pid) for pid in row["PIDS"].split()]
        pids = [pid for pid in all_of_them if pid in self.known]  # of others the guest did not tell
        if column == "PIDS":
            return pids
        return len(pids) if row["NPROCS"] == len(all_of_them) else row["NPROCS"]

    def explain_wrong(self, truth, key, column, want, have):
        if column == "PIDS" and have is not None and set(want) - set(have) <= truth.unlinked() and set(have) <= set(want):
            return UNLINKED
        return UNLINKED if column == "NPROCS" and have is not None and 0 < want - have <= len(truth.unlinked()) else None

    def explain_extra(self, truth, key, row):
        told = any(int(pid) in self.known for pid in row["PIDS"].split())
        return None if told or not row["PIDS"] else "its processes were started after the reports"


class Orphans(Told):
    name = "orphans"
    against = "proc/PID/stat, comm, cmdline, links.txt"
    keys = "PID"
    tolerance = OfProcesses.tolerance

    @staticmethod
    def stem(comm):
        m = re.match(r"[A-Za-z_][\w-]*/|[A-Za-z_]([A-Za-z_-]*[A-Za-z_])?", comm)
        return m.group(0) if m else None

    def expected(self, truth):
        told = truth.told()
        stems = {s for pid in told if truth.kernel_thread(pid) and len(s := self.stem(truth.stat(pid)[2]) or "") >= 4}
        out = {}
        for pid in told:
            want, kernel = facts_of(truth, pid), truth.kernel_thread(pid)
            line = truth.bytes("proc", pid, "cmdline") or b""
            named = re.fullmatch(r"\[.*\]", want["COMM"]) or self.stem(want["COMM"]) in stems
            if kernel and want["PPID"] != (2 if pid != 2 else 0) or not kernel and (
                    named or want["PPID"] == 2 or re.fullmatch(rb"\[.*\]", line.split(b"\0")[0])):
                out[pid] = want | {"KTHREAD": kernel, "EXE": truth.link(pid, "exe")}
        return out


class Cgroups(Told):
    name = "cgroups"
    against = "proc/PID/cgroup"
    keys = "PID, HIERARCHY"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for line in truth.lines("proc", pid, "cgroup"):
                number, controllers, path = line.split(":", 2)
                out[pid, int(number)] = {"CONTROLLERS": controllers, "CGROUP": path}
        return out

    def key(self, row):
        return row["PID"], row["HIERARCHY"]


class Context(Told):
    name = "pslist --context"
    against = "proc/PID/cgroup, proc/PID/ns, lab/facts.jsonl"
    keys = "PID"
    others = "a process of which the guest had told nothing yet"

    def applies(self, truth):
        return bool(truth.namespaces(1))

    def expected(self, truth):
        out, initial = {}, truth.namespaces(1)
        for pid in truth.told():
            paths = [line.split(":", 2)[2] for line in truth.lines("proc", pid, "cgroup")]
            found = [re.search(r"(docker|cri-containerd)-([0-9a-f]{64})\.scope", path) for path in paths]
            found = next((m for m in found if m), None)
            pod = next((m for m in (re.search(r"-pod([0-9a-f_]{36})\.slice", path) for path in paths) if m), None)
            own = truth.namespaces(pid)
            row = {"POD": pod and pod[1].replace("_", "-"), "PID_NS": own.get("pid")}
            if found:
                row |= {"CONTAINER": found[2], "RUNTIME": found[1].replace("cri-", ""), "UNIT": found[0]}
            else:
                row |= {"UNIT": None, "RUNTIME": "namespaces" if all(own.get(k) != initial[k] for k in ("pid", "mnt")) else None}
            out[pid] = row
        return out

    def key(self, row):
        return row["PID"]


class EnvironDiff(Told):
    name = "environ_diff"
    against = "proc/PID/environ of process and parent"
    keys = "PID, KEY, CHANGE"
    memory = True

    def expected(self, truth):
        known, out = {}, {}
        for pid in truth.told():
            known[pid] = {}
            for name, value in truth.environ(pid):
                known[pid].setdefault(name, value)
        for pid, own in known.items():
            parent = int(truth.stat(pid)[4])
            theirs = known.get(parent)
            if not own or not theirs:
                continue
            for name in own | theirs:
                if own.get(name) != theirs.get(name):
                    change = "added" if name not in theirs else "removed" if name not in own else "changed"
                    out[pid, name, change] = {"VALUE": own.get(name), "PARENT_VALUE": theirs.get(name), "PPID": parent}
        return out

    def key(self, row):
        return row["PID"], row["KEY"], row["CHANGE"]


DECLARATIONS = [Cgroups(), Context(), Deleted(), Elfs(), EnvironDiff(), LdPreload(), Namespaces(), Orphans(), SetUid(), Spoofed(),
                Timeline()]
