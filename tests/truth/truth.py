"""What a guest said of itself, read from a truth folder (samples/README.md describes its files)."""
import json
import math
import os
import re
from types import SimpleNamespace


def unescape(text):
    """/proc writes blanks and the like as \\ooo."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


class Untold(Exception):
    """The guest did not tell what a comparison cannot do without."""


class Truth:
    def __init__(self, folder, live=False, partial=False):
        """@live: the image was written by the guest itself while it ran; what moved meanwhile is no truth.
        @partial: processes' own memory is not in the image."""
        self.folder, self.partial = folder, partial
        self._cache = {}
        # The looks between which what is seen must have lived; of one that is true as it is.
        self.passes = ["at-freeze"]
        self.smeared = live  # the reports are later than all of the image
        if live:
            self.passes = ["before-dump", "after-dump"]
        elif self.has("pids-after-dump.txt"):  # processes come and go in that scene until the machine stops
            self.passes = ["after-dump", "at-freeze"]
        self.live = 0.0  # uptime at the first of several
        if len(self.passes) > 1:
            self.live = float(self.lines(f"clock-{self.passes[0]}.txt")[2].split()[0])

    def bytes(self, *path):
        try:
            with open(os.path.join(self.folder, *map(str, path)), "rb") as f:
                return f.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def text(self, *path):
        data = self.bytes(*path)
        return None if data is None else data.decode("utf-8", "replace")

    def lines(self, *path):
        return (self.text(*path) or "").splitlines()

    def has(self, *path):
        return os.path.exists(os.path.join(self.folder, *map(str, path)))

    def list(self, *path):
        try:
            return sorted(os.listdir(os.path.join(self.folder, *map(str, path))))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def facts(self, kind):
        """What the actors of the scene did."""
        return [fact for fact in map(json.loads, self.lines("lab", "facts.jsonl")) if fact["kind"] == kind]

    def unlinked(self):
        """Processes that the scene took off the kernel's list; /proc finds them by their number still."""
        return {json.loads(line)["pid"] for line in self.lines("marks.jsonl") if '"kind":"task"' in line}

    def dropped(self):
        """Has the guest emptied its page cache, or written the dump of all its memory through it?"""
        return self.passes[0] == "after-dump" or any(line.split()[1] != "0" for line in self.lines("proc", "vmstat") if line.startswith("drop_pagecache "))

    def page(self):
        """Bytes of a page of the guest: what divides the bounds of all mappings."""
        return math.gcd(*(bound for _, f in self.maps() for bound in (f.start, f.end))) or 4096

    def pids(self):
        """Processes that lived when the image was taken."""
        if "pids" not in self._cache:
            looks = [[int(p) for p in (self.text(f"pids-{when}.txt") or "").split()] for when in self.passes]
            self._cache["pids"] = [p for p in looks[0] if all(p in look for look in looks)]
        return self._cache["pids"]

    def tids(self):
        """(pid, tid) of every thread at that moment."""
        looks = [self.lines(f"tids-{when}.txt") for when in self.passes]
        later = [set(look) for look in looks[1:]]
        return [tuple(map(int, line.split())) for line in looks[0] if all(line in look for look in later)]

    def told(self):
        """Processes that lived then and of which the guest had told more."""
        return [p for p in self.pids() if self.has("proc", p, "status")]

    def status(self, *folder):
        return dict(line.split(":\t", 1) for line in self.lines(*folder, "status") if ":\t" in line)

    def maps(self):
        """(pid, mapping) of each told process; vsyscall is a page of the kernel's, no mapping of the process."""
        if "maps" not in self._cache:
            out = self._cache["maps"] = []
            for pid in self.told():
                for line in self.lines("proc", pid, "maps"):
                    f = line.split(None, 5)
                    start, end = (int(word, 16) for word in f[0].split("-"))
                    major, minor = (int(word, 16) for word in f[3].split(":"))
                    path = f[5].replace("\\012", "\n") if len(f) > 5 else ""
                    if path != "[vsyscall]":
                        out.append((pid, SimpleNamespace(start=start, end=end, flags=f[1], offset=int(f[2], 16), major=major,
                                                         minor=minor, inode=int(f[4]), path=path)))
        return self._cache["maps"]

    def stat(self, tid, *folder):
        """Fields of a thread's stat by their number in proc(5), as late as they were taken; @folder: where else it stands."""
        if "stat" not in self._cache:
            late = self._cache["stat"] = {}
            for line in self.lines("stat-at-freeze.txt"):
                late[int(line.split(" ", 1)[0])] = line
        line = self._cache["stat"].get(tid) or (self.text(*(folder or ("proc", tid)), "stat") or "").strip()
        if not line:
            return None
        head, tail = line.rsplit(")", 1)
        number, comm = head.split(" (", 1)
        return [None, number, comm] + tail.split()

    def kernel_thread(self, pid):
        """By PF_KTHREAD of its flags (include/linux/sched.h)."""
        stat = self.stat(pid)
        return bool(stat and int(stat[9]) & 0x200000)

    def link(self, pid, name):
        """Where proc/PID/exe, cwd or root leads."""
        for line in self.lines("proc", pid, "links.txt"):
            key, _, value = line.partition("\t")
            if key == name:
                return None if value.startswith("!error ") else value
        return None

    def environ(self, pid):
        """(name, value) in order, of entries that are such."""
        entries = (self.bytes("proc", pid, "environ") or b"").split(b"\0")
        return [tuple(e.decode("utf-8", "replace").partition("=")[::2]) for e in entries if e]

    def arguments(self, pid):
        line = self.bytes("proc", pid, "cmdline") or b""
        return [a.decode("utf-8", "replace") for a in line.removesuffix(b"\0").split(b"\0")] if line else []

    def ran_since(self, pid):
        """Did the process run between its report and the freeze, or while the image was taken and until its report? Then
        its own memory may have changed."""
        early, late = self.text("proc", pid, "stat"), self.stat(pid)
        if self.smeared:
            late = next((line for line in self.lines("stat-before-dump.txt") if line.startswith(f"{pid} ")), "")
            late = late and [None, None, None] + late.rsplit(")", 1)[1].split()
        if not early or not late or not self.has("stat-at-freeze.txt"):
            return True
        early = [None, None, None] + early.rsplit(")", 1)[1].split()
        return early[10:18] != late[10:18]  # faults and times

    def namespaces(self, pid):
        """{kind: inode number}"""
        out = {}
        for line in self.lines("proc", pid, "ns.txt"):
            name, _, value = line.partition("\t")
            if "[" in value:
                out[name] = int(value.split("[")[1].rstrip("]"))
        return out

    def clocks(self, when=None):
        """The clocks at the first look, in seconds: real, monotonic, boottime."""
        lines = self.lines(f"clock-{when or self.passes[0]}.txt")
        out = {"real": float(lines[0])} if lines else {}
        for line in lines[1:]:
            name, _, value = line.partition(" ")
            if name in ("monotonic", "boottime"):
                out[name] = float(value)
        return out

    def slack(self):
        """How long after the first look the image may have been taken, in seconds."""
        return self.clocks(self.passes[-1]).get("real", 0) - self.clocks().get("real", 0) + 10

    def late(self):
        """Did the guest tell the last of it just before the freeze?"""
        return self.has(f"clock-{self.passes[0]}.txt")

    def cleared(self, path):
        """Was the file removed since the report? The older collector empties the folder of the scene when its report is out."""
        return not self.late() and (path + "/").startswith("/run/lab/")

    def boot(self):
        """Wall clock at boot, in seconds."""
        clocks = self.clocks()
        if "real" not in clocks:
            raise Untold
        return clocks["real"] - clocks["boottime"]
