"""Stacks of programs, and core files made of processes: /proc/PID/syscall, auxv, maps, and threads that wrote down their calls."""
import os
import struct
import tempfile

from declare import hexadecimal
from stacks import OfSleepers


def stood(truth, pid):
    """(pc, sp) of a program that was in a system call; None: it ran, or has none."""
    word = (truth.text("proc", pid, "syscall") or "").split()
    if truth.kernel_thread(pid) or len(word) not in (3, 9) or not int(word[-1], 16):  # one that has ended has zeros
        return None
    return int(word[-1], 16), int(word[-2], 16)


class UserStack(OfSleepers):
    name = "ustack"
    against = "proc/PID/syscall; facts.jsonl: return addresses that functions of threads wrote down"
    keys = "PID, TID"
    tolerance = "between the calls that were written down there may be others, of libc"
    memory = True

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            place = stood(truth, pid)
            if place:
                out[pid, pid] = {"pc": place[0], "sp": place[1]}
        for fact in truth.facts("stack"):
            want = out.setdefault((fact["pid"], fact["tid"]), {})
            want["calls"] = [int(call, 16) for call in fact["calls"]]
            want["functions"] = [fact["innermost"], fact["outermost"]]
            want["complete"] = ""
            if int(fact["interrupted"], 16):
                want["interrupted"] = int(fact["interrupted"], 16)
        return out

    def rows(self, rows):
        """One for each thread."""
        out = {}
        for row in rows:
            thread = out.setdefault((row["PID"], row["TID"]), {"PID": row["PID"], "TID": row["TID"], "calls": [], "functions": [],
                                                               "interrupted": None, "pc": None, "sp": None})
            at = hexadecimal(row["ADDRESS"])
            if row["POSITION"] == 0:
                thread["pc"], thread["sp"] = at, hexadecimal(row["FRAME"])
            thread["calls"].append(at)
            thread["functions"].append((row["PLACE"] or "").split("+")[0])
            if row["FOUND_BY"] == "signal":
                thread["interrupted"] = at
            thread["complete"] = row["ENDS_EARLY"] or ""
        return list(out.values())

    def key(self, row):
        return row["PID"], row["TID"]

    def same(self, column, want, have):
        if column in ("calls", "functions"):  # in this order
            left = iter(have)
            return all(call in left for call in want)
        return want == have

    def explain_extra(self, truth, key, row):
        if key[0] != key[1]:
            return "what its threads but the first did, /proc did not say" if key in set(truth.tids()) else None
        return super().explain_extra(truth, key, row) or \
            ("it ran at the report, or /proc did not say where it stood" if key[0] in truth.told() and not stood(truth, key[0]) else None)


def joined(ranges):
    """A mapping may be in several parts."""
    out = []
    for first, end in sorted(ranges):
        if out and out[-1][1] == first:
            out[-1][1] = end
        else:
            out.append([first, end])
    return out


class Core:
    """An ELF core file of 64 bits, as far as it is compared."""
    PRSTATUS, FPREGS, AUXV, XSTATE, FILE, LOAD, NOTE = 1, 2, 6, 0x202, 0x46494c45, 1, 4

    def __init__(self, path):
        with open(path, "rb") as f:
            head = f.read(64)
            self.wide = head[4] == 2
            self.notes, self.loads = {}, []
            if not self.wide:
                return
            self.machine = machine = struct.unpack_from("<H", head, 18)[0]
            count, = struct.unpack_from("<H", head, 56)
            headers = [struct.unpack("<IIQQQQQQ", f.read(56)) for _ in range(count)]
            for kind, flags, offset, address, _, stored, size, _ in headers:
                if kind == self.LOAD:
                    self.loads.append((address, address + size, flags, stored))
                else:
                    f.seek(offset)
                    self.read_notes(f.read(stored))
        self.places = {}  # of each thread
        for status in self.notes.get(self.PRSTATUS, []):
            pc, sp = (16, 19) if machine == 62 else (32, 31)
            words = struct.unpack_from("<34Q" if machine != 62 else "<27Q", status, 112)
            self.places[struct.unpack_from("<I", status, 32)[0]] = words[pc], words[sp]

    def read_notes(self, data):
        at = 0
        while at + 12 <= len(data):
            name, size, kind = struct.unpack_from("<III", data, at)
            at += 12 + (name + 3) // 4 * 4
            self.notes.setdefault(kind, []).append(data[at:at + size])
            at += (size + 3) // 4 * 4

    def vector(self, fact):
        """A vector register of a thread: 16 bytes, and where it has more 16 of these."""
        number = [struct.unpack_from("<I", status, 32)[0] for status in self.notes[self.PRSTATUS]].index(fact["tid"])
        at = 16 * fact["register"]
        if self.machine != 62:
            return [self.notes[self.FPREGS][number][at:at + 16]]
        out = [self.notes[self.FPREGS][number][160 + at:176 + at]]
        return out + [self.notes[self.XSTATE][number][576 + at:592 + at]] if fact["upper"] else out

    def files(self):
        data = self.notes[self.FILE][0]
        count, page = struct.unpack_from("<QQ", data)
        names = data[16 + 24 * count:].split(b"\0")
        return [(*struct.unpack_from("<QQ", data, 16 + 24 * i), struct.unpack_from("<Q", data, 32 + 24 * i)[0] * page,
                 names[i].decode("utf-8", "replace")) for i in range(count)]


class ProcDump(OfSleepers):
    name = "procdump"
    against = "proc/PID/maps, auxv, syscall"
    keys = "PID"
    tolerance = "of a 32-bit program only the number of its mappings"

    NARROW = "of 32 bits"

    def __init__(self):
        self.folder, self.vectors = None, {}

    def command(self):
        self.folder = tempfile.TemporaryDirectory()
        return ["procdump", "--every", "-o", self.folder.name]

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            maps = [m for m in self.maps(truth, pid) if m[3] != "[vsyscall]"]
            if not maps:
                continue
            out[pid] = {"MAPPINGS": len(maps), "ranges": joined((m[0], m[1]) for m in maps),
                        "files": sorted((m[0], m[1], m[2], m[3]) for m in maps if m[4])}
            if truth.has("proc", pid, "auxv"):
                out[pid]["auxv"] = truth.bytes("proc", pid, "auxv").rstrip(b"\0")
            place = stood(truth, pid)
            if place:
                out[pid]["place"] = place
        for fact in truth.facts("vector"):
            if fact["pid"] in out:
                out[fact["pid"]]["vector"] = [fact["text"].encode() + b"\0"] * (1 + fact["upper"])
        self.vectors = {fact["pid"]: fact for fact in truth.facts("vector")}
        return out

    @staticmethod
    def maps(truth, pid):
        """(first, end, offset, name, has it a file?)"""
        out = []
        for line in truth.lines("proc", pid, "maps"):
            word = line.split(None, 5)
            first, end = (int(part, 16) for part in word[0].split("-"))
            out.append((first, end, int(word[2], 16), word[5] if len(word) > 5 else "", word[3] != "00:00" or word[4] != "0"))
        return out

    def rows(self, rows):
        for row in rows:
            core = Core(os.path.join(self.folder.name, row["FILE"]))
            row["wide"] = core.wide
            if not core.wide:
                continue
            row["place"] = core.places.get(row["PID"])
            row["auxv"] = core.notes[core.AUXV][0].rstrip(b"\0") if core.AUXV in core.notes else None
            row["files"] = sorted(core.files())
            if row["PID"] in self.vectors:
                row["vector"] = core.vector(self.vectors[row["PID"]])
            row["ranges"] = joined((first, end) for first, end, _, _ in core.loads)
        return rows

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        return row.get(column, self.NARROW if not row["wide"] else None)

    def same(self, column, want, have):
        return want == have or have == self.NARROW and column != "MAPPINGS"

    def explain_extra(self, truth, key, row):
        stat = truth.stat(key)
        return "its first thread has ended: /proc/PID shows nothing of its memory" if key in truth.pids() and stat and stat[3] == "Z" \
            else super().explain_extra(truth, key, row)


DECLARATIONS = [
    UserStack(),
    ProcDump(),
]
