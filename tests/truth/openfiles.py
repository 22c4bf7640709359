"""Open files: descriptors, what they are, and who else has them; locks; what is watched."""
import io
import os
import re
import tempfile

from filecache import file_system, mounts
from scripts import CLEARED, Told
from attributes import signal_set, signal_name
from processes import seconds

FLAGS = {0o100: "O_CREAT", 0o200: "O_EXCL", 0o400: "O_NOCTTY", 0o1000: "O_TRUNC", 0o2000: "O_APPEND", 0o4000: "O_NONBLOCK",
         0o10000: "O_DSYNC", 0o20000: "O_ASYNC", 0o1000000: "O_NOATIME", 0o2000000: "O_CLOEXEC", 0o4000000: "__O_SYNC",
         0o10000000: "O_PATH", 0o20000000: "__O_TMPFILE"}
GENERIC = {0o40000: "O_DIRECT", 0o100000: "O_LARGEFILE", 0o200000: "O_DIRECTORY", 0o400000: "O_NOFOLLOW"}
ARM = {0o200000: "O_DIRECT", 0o400000: "O_LARGEFILE", 0o40000: "O_DIRECTORY", 0o100000: "O_NOFOLLOW"}
POLL = {1: "IN", 2: "PRI", 4: "OUT", 8: "ERR", 16: "HUP", 0x2000: "RDHUP", 1 << 28: "EXCLUSIVE", 1 << 30: "ONESHOT", 1 << 31: "ET"}
WATCH = {1: "ACCESS", 2: "MODIFY", 4: "ATTRIB", 8: "CLOSE_WRITE", 16: "CLOSE_NOWRITE", 32: "OPEN", 64: "MOVED_FROM", 128: "MOVED_TO",
         256: "CREATE", 512: "DELETE", 1024: "DELETE_SELF", 2048: "MOVE_SELF"}


def names(bits, table):
    return {name for bit, name in table.items() if bits & bit}


def descriptors(truth, pid):
    """(number, target, fdinfo) of each open file of a process."""
    for line in truth.lines("proc", pid, "fd.txt"):
        fd, target, info = (line.split("\t", 2) + ["", ""])[:3]
        if fd.isdigit():
            yield int(fd), target, info


class Lsof(Told):
    name = "lsof"
    against = "proc/PID/fd.txt, proc/PID/links.txt, losetup.txt, proc/swaps, lab/facts.jsonl"
    keys = "KIND, PID, FD or PATH"
    repeats = True

    def expected(self, truth):
        out = {}
        arm = "CPU implementer" in (truth.text("proc", "cpuinfo") or "")
        self.flags = FLAGS | (ARM if arm else GENERIC)
        for pid in truth.told():
            for fd, target, info in descriptors(truth, pid):
                out["fd", pid, fd] = self.file(target, info)
            for kind, name in (("cwd", "cwd"), ("root", "root"), ("exe", "exe")):
                if target := truth.link(pid, name):
                    out[kind, pid, None] = {"PATH": target}
        for fact in truth.facts("rings"):
            for _, target, info in descriptors(truth, fact["pid"]):
                if m := re.search(r"UserFiles:\s*\d+(.*?)UserBufs", info):
                    for path in re.findall(r"\d+: +(?!\d+:)(\S+)", m.group(1)):
                        out["ring", fact["pid"], path.rsplit("/")[-1]] = {}
        for line in truth.lines("losetup.txt")[1:]:
            if m := re.match(r"/dev/loop(\d+)(?:\s+\d+){4}\s+(.*?)\s+\d+\s+\d+$", line):
                out["loop", None, int(m.group(1))] = {"PATH": m.group(2)}
        for n, line in enumerate(truth.lines("proc", "swaps")[1:]):
            out["swap", None, line.split()[0]] = {}
        for fact in truth.facts("sockets"):  # the scene sent one and closed it (samples/guest/objects.c)
            if "abstract" in fact:
                out["passed", None, "/etc/hostname"] = {}
        for fact in truth.facts("open"):
            if m := re.search(r"in flight: (\S+), a pipe, a unix socket", fact["what"]):
                for what in (m.group(1), "pipe", "socket"):
                    out["passed", None, what] = {}
            if m := re.search(r"io_uring; only it holds (\S+)", fact["what"]):
                out["ring", fact["pid"], m.group(1).rsplit("/")[-1]] = {"PATH": m.group(1)}
        for fact in truth.facts("records"):
            out["acct", None, None] = {"PATH": fact["accounting"]}
        return out

    def file(self, target, info):
        word = lambda name, digits=r"-?\w+": m.group(1) if (m := re.search(rf"(?:^|\s){name}:\s*({digits})", info)) else None
        want = {"PATH": target}
        if target.startswith("/memfd:lab-sealed"):  # samples/guest/openfiles.c seals it
            want["SEALS"] = {"SHRINK", "WRITE"}
        if flags := word("flags"):
            flags = int(flags, 8)
            want["OPEN_FLAGS"] = names(flags & ~3, self.flags)
            if not flags & 0o10000000:
                want["OPEN_FLAGS"] |= {("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[flags & 3]}
        if pos := word("pos"):
            want["FILE_POS"] = int(pos)
        if m := re.match(r"pos:.* mnt_id:\s*\d+ ino:\s*(\d+)", info):  # since 5.14
            want["INODE"] = int(m.group(1))
        if m := re.match(r"(?:socket|pipe):\[(\d+)\]$", target):
            want["INODE"] = int(m.group(1))
        if count := word("eventfd-count"):
            want["COUNT"] = int(count, 16)
        if "tfd:" in info:
            want["WATCHED"] = {(int(fd), frozenset(names(int(events, 16), POLL))) for fd, events in re.findall(r"tfd:\s*(\d+) events:\s*(\w+)", info)}
        if mask := word("sigmask"):
            want["SIGNALS"] = {signal_name(n + 1) for n in range(64) if int(mask, 16) >> n & 1}
        if "inotify wd:" in info:
            want["MARKS"] = {(int(wd, 16), frozenset(names(int(mask, 16), WATCH))) for wd, mask in re.findall(r"inotify wd:(\w+) .*?mask:(\w+)", info)}
        if pid := word("Pid"):
            want["PROCESS"] = int(pid)
        for kind in ("prog", "map", "link"):
            if (number := word(f"{kind}_id")) and target.endswith(kind):
                want["ID"] = int(number)
        return want

    def key(self, row):
        if row["KIND"] == "ring":  # fdinfo told the name in its folder only until 6.11, and nothing of a pipe
            return row["KIND"], row["PID"], row["PATH"].rsplit("/")[-1]
        if row["KIND"] in ("passed", "swap"):
            return row["KIND"], None, re.sub(r":\[\d+\]$", "", row["PATH"]).removesuffix(" (deleted)")
        return row["KIND"], row["PID"], row["FD"]

    def explain_wrong(self, truth, key, column, want, have):
        if column == "PATH" and have == f"{want} (deleted)" and truth.cleared(want):
            return CLEARED
        if column == "FILE_POS" and key == ("fd", 1, 255) and have and want < have and not truth.late():
            return "the shell that is process 1 reads on in its script"
        return super().explain_wrong(truth, key[1:], column, want, have)

    def explain_extra(self, truth, key, row):
        if key[:2] == ("fd", 1) and row["TYPE"] == "FIFO" and not truth.late():
            return "process 1 waits at a pipe for the freeze"
        stat = truth.stat(key[1]) if key[1] else None
        if stat and stat[3] == "Z":
            return "of a process whose first thread has ended /proc/PID/fd and its links are empty, while other threads live on"
        if key[0] == "ring" and key[2].startswith("pipe:"):
            return "fdinfo of io_uring says nothing of a pipe until 6.11"
        if key[0] == "loop" and not truth.has("losetup.txt"):
            return "losetup tells with scene=rich only"
        return super().explain_extra(truth, key[1:], row)

    def have(self, row, column):
        text = row.get("DETAIL") or ""
        if column == "OPEN_FLAGS":
            return set(row[column].split("|")) if row[column] else None
        if column == "SEALS":
            return set(text.removeprefix("seals ").split("|"))
        if column == "COUNT":
            return int(m.group(1)) if (m := re.match(r"count (\d+)", text)) else None
        if column == "WATCHED":
            return {(int(fd), frozenset(events.split("|"))) for fd, events in re.findall(r"fd (\d+) (\S+)", text)}
        if column == "SIGNALS":
            return signal_set(text)
        if column == "MARKS":
            return {(int(wd), frozenset(mask.split("|"))) for wd, mask in re.findall(r"wd (\d+) [^;]*? ([A-Z_|]+)(?:;|$)", text)}
        if column == "PROCESS":
            m = re.match(r"process (\d+)(, which has ended)?", text)
            return None if not m else -1 if m.group(2) else int(m.group(1))
        if column == "ID":
            return int(m.group(1)) if (m := re.match(r"(?:prog|map|link) (\d+)", text)) else None
        return row[column]


class LsofData(Told):
    """What lies unread in sockets and pipes, by the words that were sent."""
    name = "lsof --data"
    against = "lab/facts.jsonl: words that wait at a socket, in a pipe"
    keys = "PID, FD"
    repeats = True

    def command(self):
        self.folder = tempfile.TemporaryDirectory()
        return ["lsof", "--data", "-o", self.folder.name]

    def expected(self, truth):
        freeze = set(truth.pids())
        # Of other families, and what is still to be sent, lsof does not tell the bytes.
        self.known = {(fact["pid"], fact["fd"]): {"WORDS": fact["words"]} for fact in truth.facts("unread")
                      if fact["pid"] in freeze and not re.match(r"tipc|vsock|udp, corked", fact["what"])}
        for fact in truth.facts("open"):
            if re.match(r"pipe|fifo|\w+ pair;", fact["what"]) and fact["pid"] in freeze:
                self.known[fact["pid"], fact["fd"]] = self.pipe(fact["what"], fact["words"])
        return self.known

    @staticmethod
    def pipe(what, words):
        """All of it, as it was written (samples/guest/openfiles.c)."""
        if what.startswith("pipe of packets"):
            words = words.replace("|", "")
        if m := re.match(r"pipe, (\d+) unread bytes, byte i is 'a' \+ i % (\d+)", what):
            words = "".join(chr(97 + i % int(m.group(2))) for i in range(int(m.group(1))))
        if what.startswith("pipe with pages of"):
            return {"UNREAD": 5000}
        return {"UNREAD": len(words), "ALL": words}

    def rows(self, rows):
        out = []
        for row in rows:
            if row["KIND"] == "fd" and (row["PID"], row["FD"]) in self.known:
                with open(os.path.join(self.folder.name, row["FILE"]), "rb") if row["FILE"] else io.BytesIO() as f:
                    data = f.read()
                    out.append(row | {"WORDS": data, "ALL": data.decode("latin-1")})
        return out

    def key(self, row):
        return row["PID"], row["FD"]

    def same(self, column, want, have):
        if column != "WORDS" or not isinstance(have, bytes):
            return want == have
        if not want:  # byte i is 'a' + i % 23
            return have == bytes(97 + i % 23 for i in range(60000))
        return len(have) > 0 and (have == want.replace("|", "").encode() or want.encode() in have)


class LsofTool(Told):
    """What lsof itself said of files that have a place in a file system."""
    name = "lsof --mappings"
    against = "lsof.txt"
    keys = "PID, KIND, FD, INODE and PATH"
    tolerance = "SIZE of files that grow, and what came or went in the seconds between lsof and the freeze"
    repeats = True

    LINE = re.compile(r"^\S+\s+(\d+)\s+\S+\s+(cwd|rtd|txt|mem|DEL|\d+)[a-zA-Z]{0,2}\s+(REG|DIR|CHR|FIFO|BLK)\s+(\d+),(\d+)\s+(\S*)\s+(\d+)\s+(/.*)$")
    KINDS = {"cwd": "cwd", "rtd": "root", "txt": "exe", "mem": "mapping", "DEL": "mapping"}

    def applies(self, truth):
        return truth.has("lsof.txt") and bool(self.expected(truth))

    def expected(self, truth):
        out, told = {}, {}
        for pid in truth.told():
            told[pid] = {fd: target for fd, target, _ in descriptors(truth, pid)}
        for line in truth.lines("lsof.txt"):
            if not (m := self.LINE.match(line)):
                continue
            pid, what, kind, size, inode, path = int(m[1]), m[2], m[3], m[6], int(m[7]), m[8]
            if pid not in told or what.isdigit() and told[pid].get(int(what)) != path:
                continue
            row = {"TYPE": kind, "PATH": path}
            if kind in ("REG", "DIR"):
                row |= {"MAJOR": int(m[4]), "MINOR": int(m[5])}
                if size.isdigit():
                    row["SIZE"] = int(size)
            out[self.KINDS.get(what, "fd"), pid, int(what) if what.isdigit() else None, inode, path.removesuffix(" (deleted)")] = row
        self.want = set(out)
        return out

    def key(self, row):
        key = row["KIND"], row["PID"], row["FD"], row["INODE"], (row["PATH"] or "").removesuffix(" (deleted)")
        return key if key in self.want else None  # what the plugin `lsof` without options is compared with tells of the others

    def same(self, column, want, have):
        if column == "SIZE":
            return have is not None and have >= want
        if column == "PATH":  # of what is mapped lsof says so in another column
            return have is not None and want.removesuffix(" (deleted)") == have.removesuffix(" (deleted)")
        return want == have

    def explain_wrong(self, truth, key, column, want, have):
        if column == "SIZE" and truth.cleared(key[-1]):
            return CLEARED
        kind, device, _ = file_system(mounts(truth), key[-1])
        if column == "MINOR" and kind == "btrfs" and device.endswith(f":{have}"):
            return "stat, which lsof asks, gives each subvolume of btrfs a device of its own"
        if column == "MINOR" and any(f" 0:{have} " in line and " - overlay " in line for line in truth.lines("proc", key[1], "mountinfo")):
            return "stat, which lsof asks, gives files of overlayfs a device of the layer that they are in"
        return super().explain_wrong(truth, key, column, want, have)


class Locks(Told):
    name = "locks"
    against = "proc/locks"
    keys = "PID, TYPE, device and INODE, FIRST_BYTE"

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "locks"):
            words = line.replace("->", " -> ").split()[1:]
            waits = words[0] == "->"
            kind, state, access, pid, file, first, last = words[waits:][:7]
            major, minor, inode = file.split(":")
            if int(pid) not in truth.told() and pid != "-1":
                continue
            ranged = kind in ("POSIX", "OFDLCK")
            out[None if pid == "-1" else int(pid), kind, int(major, 16), int(minor, 16), int(inode), int(first) if ranged else None] = {
                "ACCESS": access, "LAST_BYTE": int(last) if ranged and last != "EOF" else None,
                "STATE": "waits" if waits else state if kind in ("LEASE", "DELEG") else "held"}
        return out

    def key(self, row):
        pid = None if row["TYPE"] == "OFDLCK" else row["PID"]
        return pid, row["TYPE"], row["MAJOR"], row["MINOR"], row["INODE"], row["FIRST_BYTE"]


class Fanotify(Told):
    name = "fanotify"
    against = "proc/PID/fd.txt"
    keys = "PID, FD, WATCHES and WD or the number of what is watched"

    FAN = WATCH | {0x1000: "OPEN_EXEC", 0x8000: "FS_ERROR", 0x10000: "OPEN_PERM", 0x20000: "ACCESS_PERM", 0x40000: "OPEN_EXEC_PERM",
                   0x8000000: "EVENT_ON_CHILD", 0x10000000: "RENAME", 0x40000000: "ONDIR"}

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for fd, target, info in descriptors(truth, pid):
                for wd, inode, device, mask in re.findall(r"inotify wd:(\w+) ino:(\w+) sdev:(\w+) mask:(\w+)", info):
                    device = int(device, 16)
                    out[pid, fd, "file", int(wd, 16)] = {"INODE": int(inode, 16), "MAJOR": device >> 20, "MINOR": device & 0xfffff,
                                                        "EVENTS": names(int(mask, 16), WATCH)}
                for inode, device, mask, ignored in re.findall(r"fanotify ino:(\w+) sdev:(\w+) mflags:\w+ mask:(\w+) ignored_mask:(\w+)", info):
                    device = int(device, 16)
                    out[pid, fd, "file", int(inode, 16)] = {"MAJOR": device >> 20, "MINOR": device & 0xfffff,
                                                           "EVENTS": names(int(mask, 16), self.FAN), "IGNORED_EVENTS": names(int(ignored, 16), self.FAN)}
                for mask, ignored in re.findall(r"fanotify mnt_id:\w+ mflags:\w+ mask:(\w+) ignored_mask:(\w+)", info):
                    out[pid, fd, "mount", None] = {"EVENTS": names(int(mask, 16), self.FAN), "IGNORED_EVENTS": names(int(ignored, 16), self.FAN)}
                for device, mask, ignored in re.findall(r"fanotify sdev:(\w+) mflags:\w+ mask:(\w+) ignored_mask:(\w+)", info):
                    device = int(device, 16)
                    out[pid, fd, "file system", None] = {"MAJOR": device >> 20, "MINOR": device & 0xfffff,
                                                        "EVENTS": names(int(mask, 16), self.FAN), "IGNORED_EVENTS": names(int(ignored, 16), self.FAN)}
        return out

    def key(self, row):
        return row["PID"], row["FD"], row["WATCHES"], row["WD"] if row["KIND"] == "inotify" else row["INODE"]

    def have(self, row, column):
        return set(filter(None, (row[column] or "").split("|"))) if column in ("EVENTS", "IGNORED_EVENTS") else row[column]


class Ipcs(Told):
    name = "ipcs"
    against = "proc/sysvipc, sysvipc-NS-KIND.txt, mqueue.txt"
    keys = "NS, KIND, ID or KEY"
    tolerance = "USED_TIME and CHANGED_TIME: seconds, which is all that the kernel keeps"

    FIELDS = {"shm": {"SIZE": "size", "ITEMS": "nattch", "PID": "cpid", "LAST_PID": "lpid", "USED_TIME": "atime", "LEFT_TIME": "dtime"},
              "sem": {"ITEMS": "nsems", "USED_TIME": "otime"},
              "msg": {"SIZE": "cbytes", "ITEMS": "qnum", "USED_TIME": "stime", "LEFT_TIME": "rtime"}}

    def expected(self, truth):
        out = {}
        # /proc/sysvipc is of the namespace of who reads it: the first one.
        self.first = next((int(m.group(1)) for line in truth.lines("proc", "1", "ns.txt") if (m := re.match(r"ipc\tipc:\[(\d+)\]", line))), None)
        self.told = {self.first}
        for kind, fields in self.FIELDS.items():
            out |= self.table(self.first, kind, fields, truth.lines("proc", "sysvipc", kind))
            for name in truth.list():
                if m := re.fullmatch(rf"sysvipc-(\d+)-{kind}\.txt", name):
                    self.told.add(int(m.group(1)))
                    if int(m.group(1)) != self.first:
                        out |= self.table(int(m.group(1)), kind, fields, truth.lines(name))
        # What is in a queue is told with its attributes, too: "NAME QSIZE:...".
        self.queues = truth.has("mqueue.txt")
        for line in truth.lines("mqueue.txt"):
            if m := re.match(r"(\S+)\s+QSIZE:(\d+)", line):
                out[self.first, "mqueue", "/" + m.group(1)] = {"SIZE": int(m.group(2))}
        return out

    @staticmethod
    def table(ns, kind, fields, lines):
        out, head = {}, lines[0].split() if lines else []
        for line in lines[1:]:
            said = dict(zip(head, line.split()))
            row = {"KEY": f"0x{int(said['key']) & 0xffffffff:08x}", "UID": int(said["uid"]), "GID": int(said["gid"]),
                   "CHANGED_TIME": int(said["ctime"])}
            mode = int(said["perms"], 8)
            row["PERMISSIONS"] = "".join(c if mode >> 8 - i & 1 else "-" for i, c in enumerate("rwxrwxrwx"))
            for column, word in fields.items():
                value = int(said[word])
                row[column] = value if value or not (column.endswith("_TIME") or column.endswith("PID")) else None
            out[ns, kind, int(said[{"msg": "msqid"}.get(kind, kind + "id")])] = row
        return out

    def key(self, row):
        if row["KIND"] == "mqueue":
            return (row["NS"], "mqueue", row["KEY"]) if self.queues and row["NS"] == self.first else None
        return (row["NS"], row["KIND"], row["ID"]) if row["NS"] in self.told else None

    def have(self, row, column):
        return int(seconds(row[column])) if column.endswith("_TIME") and row[column] else row[column]


DECLARATIONS = [Lsof(), LsofData(), LsofTool(), Locks(), Fanotify(), Ipcs()]
