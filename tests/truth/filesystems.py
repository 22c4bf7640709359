"""File systems: what is mounted, their inodes and names, block devices."""
import re

from declare import Declaration
from truth import unescape

FORMS = {"regular file": "-", "regular empty file": "-", "directory": "d", "symbolic link": "l", "character special file": "c",
         "block special file": "b", "fifo": "p", "socket": "s"}


def mode_text(kind, octal):
    """As ls shows it."""
    bits, text = int(octal, 8), list("rwxrwxrwx")
    for i in range(9):
        if not bits >> (8 - i) & 1:
            text[i] = "-"
    for i, (with_x, without) in enumerate(["sS", "sS", "tT"]):
        if bits >> (11 - i) & 1:
            text[2 + 3 * i] = with_x if text[2 + 3 * i] == "x" else without
    return FORMS[kind] + "".join(text)


def without_module_types(truth):
    """Until 5.11 modules have no types of their own in memory."""
    return not any(line.endswith(" btf_modules") for line in truth.lines("proc", "kallsyms"))


def overlays(truth):
    return [f[4] for f in (line.split() for line in truth.lines("proc", "1", "mountinfo")) if f[f.index("-") + 1] == "overlay"]


NO_TYPES = "a module's own: this kernel keeps no types of modules"


class Stat(Declaration):
    """Files that the guest named, each by its path."""
    against = "stat-files.txt"

    def applies(self, truth):
        return not truth.partial and truth.has("stat-files.txt")

    def files(self, truth):
        """Each file once, as it was seen last."""
        out = {}
        for line in truth.lines("stat-files.txt"):
            f = line.rsplit("|", 11)
            if len(f) == 12:
                out[f[0]] = f
        for record in truth.bytes("stat-more.bin").decode("utf-8", "surrogateescape").split("\0") if truth.has("stat-more.bin") else []:
            f = record.rsplit("|", 13)
            if len(f) == 14 and f[10] in FORMS:
                out[f[0]] = f[:12] + [int(f[12])]
        return out.values()

    def path(self, row):
        return bytes.fromhex(row["PATH_raw"]).decode("utf-8", "surrogateescape") if "PATH_raw" in row else row["PATH"]

    def key(self, row):
        """Of what is mounted on a folder, not the folder below; not of the first root, which is below all."""
        below = row["FSTYPE"] == "rootfs" or "covered" in (row["HINTS"] or "")
        path = self.path(row)
        return path if path in self.known and not below else None

    def explain_missing(self, truth, key, want, got):
        for f in (line.split() for line in truth.lines("proc", "1", "mountinfo")):
            if f[3] != "/" and (key + "/").startswith(unescape(f[4]) + "/"):
                return "a bind mount: Engram names a file by where the root of its file system is"
        return None


def seconds(text):
    """Of a time as json has it, whole seconds since 1970."""
    import calendar
    import time
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) if text else 0


class Inodes(Stat):
    name = "inodes"
    keys = "PATH"
    tolerance = "times: whole seconds"

    def expected(self, truth):
        self.known = {f[0]: {"INODE": int(f[1]), "FILE_MODE": mode_text(f[10], f[2]), "UID": int(f[3]), "GID": int(f[4]), "SIZE": int(f[5]),
                             "ATIME": int(f[6]), "MTIME": int(f[7]), "CTIME": int(f[8]), "BTIME": int(f[9])}
                      for f in self.files(truth)}
        return self.known

    def have(self, row, column):
        return seconds(row[column]) if column.endswith("TIME") else row[column]

    def explain_wrong(self, truth, key, column, want, have):
        later = truth.clocks()["real"] + truth.slack()
        if column == "ATIME" and have and want < have <= later:
            return "read again after the guest looked"
        written = key.startswith(("/var/log/", "/dev/mqueue/"))
        if written and isinstance(have, int) and want < have and (column == "SIZE" or have <= later):
            return "a log or a queue, which was written to after the guest looked"
        if column.endswith("TIME") and any(key == at or key.startswith(at + "/") for at in overlays(truth)):
            return "an overlay's own inode: the guest was told the time of the layer below"
        # xfs alone is a module here that keeps these itself
        if column == "BTIME" and not want and have and key.startswith(("/mnt/vault", "/mnt/md")):
            return "an inode of 128 bytes has no room for a time of birth on the disk: memory alone has it"
        if column in ("SIZE", "BTIME") and not have and key.startswith("/mnt/xfs") and without_module_types(truth):
            return NO_TYPES
        return None


class Dentries(Stat):
    name = "dentries"
    keys = "PATH"

    def expected(self, truth):
        self.known = {f[0]: {"INODE": int(f[1])} for f in self.files(truth)}
        return self.known


class Superblocks(Declaration):
    """Each file system that a process of the guest had mounted."""
    name = "superblocks"
    against = "proc/PID/mountinfo"
    keys = "MAJOR, MINOR, FSTYPE"
    tolerance = "SB_OPTIONS: the first only. FS_OPTIONS: those of tmpfs and overlay that mountinfo shows; it leaves out what is the default"
    others = "file systems of the kernel itself, which no mountinfo shows"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for line in truth.lines("proc", pid, "mountinfo"):
                left, dash, right = line.partition(" - ")
                if not dash:
                    continue  # a process that had ended
                f, g = left.split(), right.split(" ")
                major, minor = f[2].split(":")
                own = ",".join(o for o in g[2].split(",") if "=" in o) if g[0] in ("tmpfs", "devtmpfs", "overlay") else ""
                out[int(major), int(minor), g[0]] = {"SB_OPTIONS": g[2].split(",")[0], "FS_OPTIONS": unescape(own)}
        self.known = out
        return out

    def key(self, row):
        key = row["MAJOR"], row["MINOR"], row["FSTYPE"]
        return key if key in self.known else None

    def have(self, row, column):
        value = row[column] or ""
        return value.split(",")[0] if column == "SB_OPTIONS" else value

    def same(self, column, want, have):
        if column != "FS_OPTIONS":
            return want == have
        if any("=" not in option for option in (have or "").split(",") if option):
            return False
        want, have = (dict(o.partition("=")[::2] for o in text.split(",") if "=" in o) for text in (want or "", have or ""))
        known = ("size", "nr_inodes", "mode", "uid", "gid", "huge", "lowerdir", "upperdir", "workdir")
        left_out = {"size": have.get("size"), "nr_inodes": have.get("nr_inodes"), "mode": "1777"}
        return all(have.get(n) == want.get(n, left_out.get(n)) for n in known if n in want or n in have) and set(have) <= set(known)

    def explain_wrong(self, truth, key, column, want, have):
        return NO_TYPES if column == "FS_OPTIONS" and key[2] == "overlay" and not have and without_module_types(truth) else None


class LsBlk(Declaration):
    name = "lsblk"
    against = "lsblk.txt or lsblk-pairs.txt, losetup.txt, dmsetup.txt (table, info)"
    keys = "MAJOR, MINOR"
    tolerance = "BACKED_BY of several devices: in any order"

    def applies(self, truth):
        lines = truth.lines("lsblk.txt")[1:]
        return truth.has("lsblk-pairs.txt") or bool(lines) and all(line.split()[2].isdigit() for line in lines)

    def disks(self, truth):
        """What lsblk says: {(major, minor): row}."""
        out = {}
        if not truth.has("lsblk-pairs.txt"):
            for line in truth.lines("lsblk.txt")[1:]:
                f = line.split(None, 4)
                out[tuple(map(int, f[1].split(":")))] = {
                    "NAME": f[0], "SIZE": int(f[2]), "TYPE": f[3], "MOUNT_POINT": f[4].strip() if len(f) > 4 else ""}
        for line in truth.lines("lsblk-pairs.txt") if truth.has("lsblk-pairs.txt") else []:
            f = dict(re.findall(r'(\S+?)="(.*?)"', line))
            row = out.setdefault(tuple(map(int, f["MAJ:MIN"].split(":"))), {"BACKED_BY": ""})
            row.update(NAME=f["KNAME"], SIZE=int(f["SIZE"]), TYPE=f["TYPE"], MOUNT_POINT=f["MOUNTPOINT"], READ_ONLY=f["RO"] == "1",
                       REMOVABLE=f["RM"] == "1", BACKED_BY=(row["BACKED_BY"] + " " + f["PKNAME"]).strip())
        return out

    def expected(self, truth):
        out = self.disks(truth)
        for line in truth.lines("losetup.txt")[1:]:
            f = line.split()
            name, path = f[0].rpartition("/")[2], " ".join(f[5:-2])
            for want in out.values():
                if want["NAME"] == name:
                    want.update(BACKED_BY=path, FILE_OFFSET=int(f[2]), READ_ONLY=f[4] == "1")
        tables = {}
        for line in truth.lines("dmsetup.txt"):
            if m := re.match(r"(\S+): (\d+ \d+ .*)", line):
                f = m.group(2).split()
                if f[2] == "crypt":
                    f[4] = "0" * len(f[4])  # Engram shows no keys
                tables.setdefault(m.group(1), []).append(" ".join(f))
            elif (f := line.split()) and f[0] in tables:
                out.setdefault((int(f[1]), int(f[2])), {}).update(
                    MAPPED_NAME=f[0], UUID=f[8] if len(f) > 8 else f[7] if len(f) == 8 else "", DM_TABLE="; ".join(tables[f[0]]))
        return out

    def key(self, row):
        return row["MAJOR"], row["MINOR"]

    def have(self, row, column):
        return row[column] or "" if column in ("MOUNT_POINT", "BACKED_BY", "UUID") else row[column]

    def same(self, column, want, have):
        if column == "BACKED_BY" and have is not None:
            return want == have or sorted(want.split()) == sorted(have.split())
        return want == have

    def explain_wrong(self, truth, key, column, want, have):
        unknown = column == "BACKED_BY" and not have or column == "TYPE" and have == "disk" or column == "DM_TABLE" and "?" in (have or "")
        return NO_TYPES if unknown and without_module_types(truth) and key[0] in (9, 253) else None


class FsStat(Declaration):
    name = "fsstat"
    against = "statfs.txt: stat -f of each mount point"
    keys = "MOUNT_POINT"
    tolerance = "FILES of xfs, which is made of its free blocks, as those are; counts of what is written meanwhile: within 64 blocks and 8 files"

    def applies(self, truth):
        return truth.has("statfs.txt")

    def expected(self, truth):
        self.known = {}
        types = {"ef53": "ext4", "58465342": "xfs", "1021994": "tmpfs", "9123683e": "btrfs"}
        # Where a file system is mounted for the first time: Engram names one place of each.
        first = {}
        for f in (line.split() for line in truth.lines("proc", "1", "mountinfo")):
            if f[3] == "/":
                first.setdefault(f[2], unescape(f[4]))
        self.ns = truth.namespaces("1").get("mnt")
        for line in truth.lines("statfs.txt"):
            path, kind, size, blocks, free, _, files, files_free, _ = line.split("|")
            if kind in types and path in first.values() and (types[kind] != "tmpfs" or int(blocks)):
                self.known[path] = {"BLOCK_SIZE": int(size), "BLOCKS": int(blocks), "BLOCKS_FREE": int(free)}
                if types[kind] != "btrfs":
                    self.known[path].update(FILES=int(files), FILES_FREE=int(files_free))
        return self.known

    def key(self, row):
        return row["MOUNT_POINT"] if row["MOUNT_POINT"] in self.known and row["NS"] == self.ns else None

    def explain_wrong(self, truth, key, column, want, have):
        if column.endswith("_FREE") and have and key == "/run" and have < want:
            return "what the guest tells is kept there until it is frozen"
        if have is None and key.startswith("/mnt/xfs") and without_module_types(truth):
            return NO_TYPES
        return None

    def same(self, column, want, have):
        if have is None or column in ("BLOCK_SIZE", "BLOCKS"):
            return want == have
        return abs(want - have) <= (64 if column == "BLOCKS_FREE" else 8)


DECLARATIONS = [Inodes(), Dentries(), Superblocks(), LsBlk(), FsStat()]
