"""Processes: what /proc/PID said."""
import datetime
import re

from declare import Declaration, hexadecimal

CLOCK_TICK = 0.01  # seconds; USER_HZ is 100 on every architecture
EXIT_STATES = {"Z": "EXIT_ZOMBIE", "X": "EXIT_DEAD"}


def seconds(iso):
    """Seconds since 1970 of an ISO time."""
    whole, _, part = iso.rstrip("Z").partition(".")
    t = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return t.timestamp() + float("0." + (part or "0"))


MORE = "of a kernel thread /proc goes on with the work queue, or with what is longer than the 15 bytes of comm"
WORKED = "the worker went on to other work between the last look and the freeze"
UNLINKED = "the scene took the task off the kernel's list, along which the plugin goes; /proc has it by its number"


def lived(truth):
    """Why a process, thread or count is more than the guest told, where it went on while the image was taken."""
    return "it lived while the image was being taken" if truth.live else None


def worked_on(want, have):
    """The same worker, with another work queue behind its number, or another sign before that."""
    stem = re.match(r"kworker/u?\d+:\d+H?", want or "")
    return bool(stem and have and re.fullmatch(re.escape(stem[0]) + r"([-+].+)?", have))


def same_name(want, have):
    """@want as /proc gives it, @have as comm holds it."""
    if want == have or not have:
        return want == have
    return len(have) == 15 and want.startswith(have) or have.startswith("kworker/") and want.startswith((have + "-", have + "+"))


class OfProcesses(Declaration):
    """Rows whose key begins with a process id."""
    tolerance = f"COMM: {MORE}"

    def key(self, row):
        return row["PID"]

    def explain_missing(self, truth, key, want, got):
        if (key[0] if isinstance(key, tuple) else key) in truth.unlinked():
            return UNLINKED
        return "the dump leaves out processes' memory" if truth.partial and self.memory else None

    def same(self, column, want, have):
        return want == have or column == "COMM" and same_name(want, have)

    def explain_wrong(self, truth, key, column, want, have):
        return "the dump leaves out processes' memory" if truth.partial and self.memory and not have else None

    def explain_extra(self, truth, key, row):
        pid = key[0] if isinstance(key, tuple) else key
        if truth.live and pid not in truth.pids():
            return lived(truth)
        return "it was started after the reports" if pid in truth.pids() and pid not in truth.told() else None


class PsList(OfProcesses):
    name = "pslist"
    against = "pids-at-freeze.txt, stat-at-freeze.txt, proc/PID/status"
    keys = "PID"
    tolerance = f"COMM: {MORE}. CREATION_TIME: a clock tick (10 ms), to which /proc cuts it, and 1 ms between two clocks that were read in turn"

    def expected(self, truth):
        return {pid: self.thread(truth, pid, pid, ("proc", pid)) for pid in truth.pids()}

    def thread(self, truth, pid, tid, folder):
        out, stat = {"TID": tid}, truth.stat(tid, *folder)
        if stat:
            out |= {"PPID": int(stat[4]), "COMM": stat[2], "STATE": stat[3],
                    "EXIT_STATE": EXIT_STATES.get(stat[3], "TASK_RUNNING"),
                    "CREATION_TIME": truth.boot() + int(stat[22]) * CLOCK_TICK}
        if truth.has(*folder, "status"):
            status = truth.status(*folder)
            uid, gid = status["Uid"].split(), status["Gid"].split()
            out |= {"UID": int(uid[0]), "EUID": int(uid[1]), "GID": int(gid[0]), "EGID": int(gid[1]),
                    "NSPID": " ".join(status["NSpid"].split())}
        return out

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        if column == "CREATION_TIME":
            return seconds(row[column]) if row[column] else None
        if column == "NSPID":
            return " ".join(re.split(r"[ ,]+", row[column] or ""))
        return row[column]

    def same(self, column, want, have):
        if column == "CREATION_TIME" and have is not None:
            return -0.001 <= have - want <= CLOCK_TICK + 0.001
        return super().same(column, want, have)

    def explain_wrong(self, truth, key, column, want, have):
        if column == "STATE" and have is not None and want in "RSDI" and have in "RSDI":
            return "the scheduler moved on between the last look and the freeze"
        return super().explain_wrong(truth, key, column, want, have)


class Threads(PsList):
    name = "pslist --threads"
    against = "tids-at-freeze.txt, stat-at-freeze.txt, proc/PID/task/TID/status"
    keys = "PID, TID"

    def expected(self, truth):
        out = {}
        for pid, tid in truth.tids():
            out[pid, tid] = self.thread(truth, pid, tid, ("proc", pid, "task", tid))
            del out[pid, tid]["TID"]
        return out

    def key(self, row):
        return row["PID"], row["TID"]

    def explain_extra(self, truth, key, row):
        return lived(truth)


class PsTree(PsList):
    name = "pstree"
    against = "pids-at-freeze.txt, stat-at-freeze.txt"
    tolerance = OfProcesses.tolerance

    def expected(self, truth):
        out = {}
        for pid in truth.pids():
            stat = truth.stat(pid)
            out[pid] = {"PPID": int(stat[4]), "COMM": stat[2]} if stat else {}
        for want in out.values():
            want["depth"], parent = 0, want.get("PPID", 0)
            while parent in out:
                want["depth"] += 1
                parent = out[parent]["PPID"]
        return out


class PsAux(PsList):
    name = "psaux"
    against = "stat-at-freeze.txt, proc/PID/cmdline, comm, status"
    keys = "PID"
    tolerance = PsList.tolerance
    memory = True

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            line = truth.bytes("proc", pid, "cmdline")
            comm = truth.stat(pid)[2]
            text = line.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace") if line else ""
            out[pid] = {"ARGS": f"[{comm}]" if truth.kernel_thread(pid) else text, "COMM": comm, "PPID": int(truth.stat(pid)[4])}
            freeze = self.thread(truth, pid, pid, ("proc", pid))
            out[pid] |= {column: freeze[column] for column in ("EUID", "CREATION_TIME") if column in freeze}
        return out

    def have(self, row, column):
        return row[column].rstrip(" ") if column == "ARGS" and row[column] else super().have(row, column)

    def same(self, column, want, have):
        if column == "ARGS" and have is None:
            return want == ""  # it has ended: there is no memory
        return want == have if column == "ARGS" else super().same(column, want, have)

    def explain_wrong(self, truth, key, column, want, have):
        if column == "ARGS" and truth.kernel_thread(key) and have and worked_on(want[1:-1], have[1:-1]):
            return WORKED
        return super().explain_wrong(truth, key, column, want, have)


class Envars(OfProcesses):
    name = "envars"
    against = "proc/PID/environ"
    keys = "PID, KEY, VALUE"
    tolerance = ""
    repeats = True
    memory = True

    def expected(self, truth):
        return {(pid, name, value): {} for pid in truth.told() for name, value in truth.environ(pid)}

    def key(self, row):
        return row["PID"], row["KEY"], row["VALUE"] or ""


class Maps(OfProcesses):
    name = "maps"
    against = "proc/PID/maps"
    keys = "PID, START"
    tolerance = ""

    def expected(self, truth):
        out = {}
        for pid, f in truth.maps():
            out[pid, f.start] = {"END": f.end, "FLAGS": f.flags, "PGOFF": f.offset, "MAJOR": f.major, "MINOR": f.minor,
                                 "INODE": f.inode, "PATH": f.path}
        return out

    def key(self, row):
        return row["PID"], int(row["START"], 16)

    def have(self, row, column):
        value = row[column]
        if column in ("END", "PGOFF"):
            return hexadecimal(value)
        return value or "" if column == "PATH" else value

    def explain_missing(self, truth, key, want, got):
        if truth.ran_since(key[0]) and want["PATH"] in ("", "[heap]"):
            return "the process ran on after its report"
        return super().explain_missing(truth, key, want, got)

    def explain_wrong(self, truth, key, column, want, have):
        if truth.ran_since(key[0]) and column == "END" and have is not None:
            return "the process ran on after its report"
        return super().explain_wrong(truth, key, column, want, have)

    def explain_extra(self, truth, key, row):
        if truth.ran_since(key[0]) and not row["PATH"]:
            return "the process ran on after its report"
        return super().explain_extra(truth, key, row)


DECLARATIONS = [PsList(), Threads(), PsTree(), PsAux(), Envars(), Maps()]
