"""What a guest said of itself, read from a truth folder (samples/README.md describes its files)."""
import math
import os
import re


def unescape(text):
    """/proc writes blanks and the like as \\ooo."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


class Truth:
    def __init__(self, folder, live=False, partial=False):
        """@live: the image was written by the guest itself while it ran; what moved meanwhile is no truth.
        @partial: processes' own memory is not in the image."""
        self.folder, self.partial = folder, partial
        self._cache = {}
        self.live = 0.0  # uptime at which the writing began
        if live:
            self.live = float(self.lines("clock-before-dump.txt")[2].split()[0])

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

    def page(self):
        """Bytes of a page of the guest: what divides the bounds of all mappings."""
        bounds = [int(word, 16) for pid in self.pids() for line in self.lines("proc", pid, "maps")
                  for word in line.split()[0].split("-")]
        return math.gcd(*bounds) if bounds else 4096

    def pids(self):
        """Processes that lived when the image was taken."""
        if "pids" not in self._cache:
            def listed(name):
                return [int(p) for p in (self.text(name) or "").split()]
            if self.live:
                after = set(listed("pids-after-dump.txt"))
                self._cache["pids"] = [p for p in listed("pids-before-dump.txt") if p in after]
            else:
                self._cache["pids"] = listed("pids-at-freeze.txt")
        return self._cache["pids"]

    def tids(self):
        """(pid, tid) of every thread at that moment; else those that were told of before."""
        if self.live:
            after = set(self.lines("tids-after-dump.txt"))
            return [tuple(map(int, l.split())) for l in self.lines("tids-before-dump.txt") if l in after]
        if self.has("tids-at-freeze.txt"):
            return [tuple(map(int, line.split())) for line in self.lines("tids-at-freeze.txt")]
        return [(p, int(t)) for p in self.told() for t in (self.text("proc", p, "tids.txt") or "").split()]

    def told(self):
        """Processes that lived then and of which the guest had told more."""
        return [p for p in self.pids() if self.has("proc", p, "status")]

    def status(self, *path):
        return dict(line.split(":\t", 1) for line in self.lines("proc", *path, "status") if ":\t" in line)

    def stat(self, pid):
        """Fields of /proc/PID/stat by their number in proc(5), as late as they were taken."""
        if "stat" not in self._cache:
            late = {}
            for line in self.lines("stat-at-freeze.txt"):
                late[int(line.split(" ", 1)[0])] = line
            self._cache["stat"] = late
        line = self._cache["stat"].get(pid) or (self.text("proc", pid, "stat") or "").strip()
        if not line:
            return None
        head, tail = line.rsplit(")", 1)
        number, comm = head.split(" (", 1)
        return [None, number, comm] + tail.split()

    def ran_since(self, pid):
        """Did the process run between its report and the freeze? Then its own memory may have changed."""
        early, late = self.text("proc", pid, "stat"), self.stat(pid)
        if not early or not self.has("stat-at-freeze.txt"):
            return True
        early = [None, None, None] + early.rsplit(")", 1)[1].split()
        return early[10:18] != late[10:18]  # faults and times

    def namespace(self, pid, kind):
        for line in self.lines("proc", pid, "ns.txt"):
            name, _, value = line.partition("\t")
            if name == kind and "[" in value:
                return int(value.split("[")[1].rstrip("]"))
        return None

    def boot_ns(self):
        """Wall clock at boot, in seconds."""
        for line in self.lines("proc", "stat"):
            if line.startswith("btime "):
                return int(line.split()[1])
        return None
