#!/usr/bin/env python3
"""The files of /proc that `engram gdb` makes of an image against those that its guest wrote: procfs.py ENGRAM IMAGE TRUTH

Each file of each process is compared byte by byte. What may differ is declared below, by line or by number of a field, with its
reason; what is left is an error, and so is a declaration that explains more processes than it may."""
import os
import re
import subprocess
import sys

FILES = ["auxv", "cgroup", "cmdline", "comm", "environ", "limits", "maps", "stat", "statm", "status"]
# Lines of status that the image does not tell.
UNTOLD = re.compile(rb"(Speculation_Store_Bypass|SpeculationIndirectBranch|THP_enabled|Kthread|untag_mask|x86_Thread_features\w*):")
# What moves between the guest's reading and the image: counts, times, and what a worker of the kernel works at.
MOVES_STATUS = re.compile(rb"(nonvoluntary_ctxt_switches|voluntary_ctxt_switches|Cpus_allowed|VmRSS|RssAnon|RssFile|VmHWM|VmPTE|State):")
MOVES_STAT = {3, 10, 12, 14, 15, 24, 30, 35, 39, 42}  # state, faults, times, rss, eip, wchan, cpu, delays
MOST = 0.25  # of all processes: files that differ only by what moves


class Debugger:
    """The client's side of the protocol, as far as files need it."""

    def __init__(self, engram, image):
        self.p = subprocess.Popen([engram, "-q", "gdb", "--stdio", image], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.acks, self.rest = True, b""
        self.say("qSupported:multiprocess+")
        self.say("QStartNoAckMode")
        self.acks = False

    def say(self, text):
        data = text.encode()
        self.p.stdin.write(b"$%s#%02x" % (data, sum(data) & 255))
        self.p.stdin.flush()
        while not (m := re.match(rb"\+?\$([^#]*)#..", self.rest, re.S)):
            more = os.read(self.p.stdout.fileno(), 1 << 20)
            if not more:
                sys.exit("the server has gone")
            self.rest += more
        self.rest = self.rest[m.end():]
        if self.acks:
            self.p.stdin.write(b"+")
        return re.sub(rb"\}(.)", lambda e: bytes([e[1][0] ^ 0x20]), m[1], flags=re.S)

    def read(self, path):
        answer = self.say("vFile:open:%s,0,0" % path.encode().hex())
        if answer.startswith(b"F-1"):
            return None
        fd, out = int(answer[1:], 16), b""
        while True:
            answer = self.say("vFile:pread:%x,10000,%x" % (fd, len(out)))
            count, _, data = answer.partition(b";")
            if count == b"F0" or not count.startswith(b"F") or count == b"F-1":
                break
            assert int(count[1:], 16) == len(data)
            out += data
        self.say("vFile:close:%x" % fd)
        return out

    def close(self):
        self.p.stdin.close()
        return self.p.wait()


def differs(name, ours, truth):
    """None: the same; "moved": by what moves only; else a text."""
    if ours is None:
        return "is not there"
    if ours == truth:
        return None
    if name == "comm" and ours.startswith(b"kworker/") and ours.split(b"-")[0].split(b"+")[0] == truth.split(b"-")[0].split(b"+")[0]:
        return "moved"
    if name == "status":
        mine, theirs = ours.split(b"\n"), [l for l in truth.split(b"\n") if not UNTOLD.match(l)]
        if mine == theirs:
            return None
        if len(mine) == len(theirs):
            odd = [(a, b) for a, b in zip(mine, theirs) if a != b and not (MOVES_STATUS.match(a) and a.split(b":")[0] == b.split(b":")[0])
                   and not (a.startswith(b"Name:\tkworker/") and b.startswith(b"Name:\tkworker/"))]
            return "moved" if not odd else "%r, not %r" % odd[0]
    if name == "stat":
        mine, theirs = (x.rpartition(b") ") for x in (ours, truth))
        a, b = mine[2].split(), theirs[2].split()
        odd = [i + 3 for i, (x, y) in enumerate(zip(a, b)) if x != y and i + 3 not in MOVES_STAT]
        if len(a) == len(b) and not odd and (mine[0] == theirs[0] or b"(kworker/" in mine[0]):
            return "moved"
        return "fields %s" % odd
    if name == "statm":
        a, b = ours.split(), truth.split()
        if len(a) == len(b) and all(x == y for i, (x, y) in enumerate(zip(a, b)) if i not in (1, 2)):
            return "moved"
    mine, theirs = ours.split(b"\n"), truth.split(b"\n")
    return "%r, not %r" % (next(iter([l for l in mine if l not in theirs]), b""), next(iter([l for l in theirs if l not in mine]), b""))


def main():
    engram, image, truth = sys.argv[1:4]
    debugger, same, moved, wrong, total = Debugger(engram, image), 0, 0, 0, 0
    pids = sorted((p for p in os.listdir(truth + "/proc") if p.isdigit()), key=int)
    # The collector of the truth, which its own work changes, and what was started or ended since.
    live = {p for p in pids if debugger.read("/proc/%s/comm" % p) is not None}
    with open(truth + "/pids-at-freeze.txt") as f:
        frozen = set(re.findall(r"\d+", f.read()))
    for pid in pids:
        if pid in frozen and pid not in live:
            print("%s: the image has no such process" % pid)
            wrong += 1
        if pid not in live or pid == "1":
            continue
        for name in FILES:
            path = "%s/proc/%s/%s" % (truth, pid, name)
            if not os.path.exists(path):
                continue
            with open(path, "rb") as f:
                what = differs(name, debugger.read("/proc/%s/%s" % (pid, name)), f.read())
            total += 1
            same += what is None
            moved += what == "moved"
            if what and what != "moved":
                wrong += 1
                print("/proc/%s/%s: %s" % (pid, name, what))
    status = debugger.close()
    print("%d files: %d the same, %d moved, %d wrong" % (total, same, moved, wrong))
    return 1 if wrong or status or not total or moved > MOST * len(pids) * 3 else 0


if __name__ == "__main__":
    sys.exit(main())
