"""Files as memory has them: what is cached of each, whose it is, and every byte of those that the guest hashed."""
import calendar
import hashlib
import json
import os
import re
import tempfile
import time

from declare import Declaration
from truth import unescape

LETTERS = {"regular file": "REG", "regular empty file": "REG", "directory": "DIR", "symbolic link": "LNK", "character special file": "CHR",
           "block special file": "BLK", "fifo": "FIFO", "socket": "SOCK"}


def stats(truth):
    """{path: (inode, type, mode, uid, gid, size, mtime, ctime, birth, links)} of stat-files.txt, and of the later stat-more.bin, whose
    records end in a zero byte."""
    out = {}
    for record in truth.lines("stat-files.txt"):
        f = record.rsplit("|", 11)
        if len(f) == 12:
            out[f[0]] = *stat(f), None
    for record in (truth.bytes("stat-more.bin") or b"").split(b"\0"):
        f = text(record).rsplit("|", 13)
        if len(f) == 14:
            out[f[0]] = *stat(f), int(f[12])
    return out


def stat(f):
    return int(f[1]), LETTERS.get(f[10]), int(f[2], 8), int(f[3]), int(f[4]), int(f[5]), int(f[7]), int(f[8]), int(f[9])


def text(name):
    """Of a name, whatever bytes it has."""
    return name.decode("utf-8", "surrogateescape")


def path_of(row, column="PATH"):
    """The same of a row."""
    raw = row.get(column + "_raw")
    return text(bytes.fromhex(raw)) if raw else row[column]


def cached(truth, page):
    """{path: pages} of fincore-more.txt and the later fincore.txt. The newer tool counts a large folio whole, also behind the file's
    end."""
    out = {}
    for line in truth.lines("fincore-more.txt") + truth.lines("fincore.txt"):
        f = line.split(None, 3)
        if len(f) == 4 and f[1].isdigit():
            out[f[3]] = min(int(f[1]), (int(f[2]) + page - 1) // page)
    return out


def hashes(truth):
    """{path: SHA-256} of sha256.txt, sha256-more.txt, and of what the scene put into encrypted volumes."""
    lines = truth.lines("sha256.txt") + truth.lines("sha256-more.txt")
    out = {line[66:]: line[:64] for line in lines if len(line) > 66 and not line.startswith("\\")}
    return out | {fact["path"]: fact["sha256"] for fact in truth.facts("pagecache") if "sha256" in fact}


def gone(truth):
    """(path, fact) of deleted files and memory files that the scene holds open, with the words that they begin with."""
    for fact in truth.facts("open"):
        what, _, name = fact["what"].partition(" ")
        if what == "deleted":
            yield name + " (deleted)", fact
        elif what == "memfd" and name.startswith("lab-"):
            yield f"/memfd:{name} (deleted)", fact


def attributes(truth):
    """{path: {name: value}} of getfattr.txt."""
    out, path = {}, None
    for line in truth.lines("getfattr.txt"):
        name, _, value = line.partition("=0x")
        if line.startswith("# file: "):
            path = line[8:]
            out[path] = {}
        elif value and path:
            out[path][name] = value.lower()
    return out


def mounts(truth):
    """{mount point: (type, device, which directory of it)} of what process 1 has mounted."""
    out = {}
    for line in truth.lines("proc", "1", "mountinfo"):
        left, _, right = line.partition(" - ")
        out[unescape(left.split()[4])] = right.split()[0], left.split()[2], left.split()[3]
    return out


def file_system(points, path):
    """(type, device, directory) of the one that it is in."""
    inside = [point for point in points if path.startswith(point.rstrip("/") + "/")]
    return points[max(inside, key=len)] if inside else (None, None, None)


def module_types(truth):
    """Do modules have types of their own? Since Linux 5.11."""
    m = re.match(r"Linux version (\d+)\.(\d+)", truth.text("proc", "version") or "")
    return m is None or (int(m.group(1)), int(m.group(2))) >= (5, 11)


def permissions(text):
    """The bits of "-rwsr-xr-x"."""
    bits = 0
    for i, letter in enumerate(text[1:]):
        if letter in "rwxst":
            bits |= 1 << 8 - i
        if letter in "sStT":
            bits |= 1 << 11 - i // 3
    return bits


class Files(Declaration):
    name = "files"
    against = "stat-files.txt, fincore.txt"
    keys = "PATH"
    tolerance = "CACHED_PAGES: a file that programs map grows by pages that they touch between the report and the freeze; times to the second"
    others = "the reports are of a few folders"
    repeats = True  # a name that was deleted, and made anew; a file system mounted twice

    BUSY = ("/var/log/", "/dev/mqueue/")  # what is written to there is written to until the machine stops

    def command(self):
        return ["files", *(f"--path={top}" for top in self.tops)]

    def expected(self, truth):
        self.points = points = mounts(truth)
        pages, out = cached(truth, truth.page()), {}
        for path, (inode, kind, mode, uid, gid, size, mtime, ctime, birth, links) in stats(truth).items():
            # There are two directories of this name; or files have the names of where all of their file system is mounted.
            if path in points or file_system(points, path)[2] not in ("/", None):
                continue
            want = {"INODE": inode, "TYPE": kind, "UID": uid, "GID": gid, "FILE_MODE": mode}
            if path.startswith(self.BUSY):
                out[path] = want
                continue
            want |= {"SIZE": size, "MTIME": mtime, "CTIME": ctime}
            if birth:
                want["BTIME"] = birth
            if links is not None:
                want["LINKS"] = links
            if path in pages and kind == "REG":
                want["CACHED_PAGES"] = pages[path]
            out[path] = want
        self.tops = sorted({"/".join(path.split("/")[:3]) for path in out})
        self.folders = {os.path.dirname(path) for path in out}  # of which the guest told what is in them
        self.paths = set(out)
        over = [n for path, n in pages.items() if self.kind(path) == "overlay"]
        self.own_pages = bool(over) and not any(over)
        return out

    def kind(self, path):
        return file_system(self.points, path)[0]

    def key(self, row):
        path = path_of(row)
        if path and f"{row['MAJOR']}:{row['MINOR']}" != file_system(self.points, path)[1]:
            return None  # of a file system that another one lies over
        told = path in self.paths or path and os.path.dirname(path) in self.folders and any(path.startswith(top + "/") for top in self.tops)
        return path if told else None

    def have(self, row, column):
        value = row[column]
        if column == "FILE_MODE":
            return permissions(value)
        return seconds(value) if column in ("MTIME", "CTIME", "BTIME") else value

    def explain_wrong(self, truth, key, column, want, have):
        if column == "CACHED_PAGES" and want == 0 and have and self.kind(key) == "overlay" and self.own_pages:
            return "cachestat(2), which newer fincores ask, looks at an overlay's own inode, which has no pages: those are the layer's"
        if column == "CACHED_PAGES" and have == want + 1 and stats(truth)[key][5] % truth.page():
            return "mincore(2), which fincore asks, does not count the last page if its blocks behind the file's end were never read"
        if self.kind(key) == "xfs" and column == "SIZE" and stats(truth)[key][1] == "DIR":
            return "xfs keeps the size of a directory in its own inode; the kernel's is of when it was read"
        if self.kind(key) == "xfs" and column == "BTIME" and have is None and not module_types(truth):
            return "xfs keeps the time of birth in its own inode, of which this kernel's module has no types"
        if self.kind(key) == "overlay" and not have and not module_types(truth):
            return "an overlay keeps which layer a file is in of its own, and this kernel's module has no types"
        if self.kind(key) == "overlay" and column == "LINKS" and stats(truth)[key][1] == "DIR":
            return "an overlay asks the layer below how many links a directory has"
        return None

    def explain_extra(self, truth, key, row):
        return "a deleted file, which no folder lists" if key.endswith(" (deleted)") else None


def seconds(text):
    """Of "2026-03-14T09:26:53.5Z"."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) if text else None


class Recover(Declaration):
    name = "recover"
    against = "sha256.txt, sha256-more.txt, stat-files.txt, stat-more.bin, getfattr.txt, lab/facts.jsonl"
    keys = "PATH"
    tolerance = "the digest is that of the bytes in the file that was written"
    others = "the guest hashed a few folders only"
    repeats = True  # of a name that lies in two file systems

    def __init__(self):
        self.folder, self.paths = None, {}

    def command(self):
        self.folder = tempfile.TemporaryDirectory()
        return ["recover", "-o", self.folder.name]

    def expected(self, truth):
        sizes, more = stats(truth), attributes(truth)
        self.points, self.paths = mounts(truth), hashes(truth)
        out = {}
        for path, digest in self.paths.items():
            out[path] = {"sha256": digest, "manifest": digest}
            if path in sizes:
                out[path] |= {} if self.kind(path) == "overlay" else {"inode": str(sizes[path][0])}
                out[path] |= {"size": sizes[path][5], "mode": sizes[path][2], "uid": sizes[path][3], "gid": sizes[path][4]}
            if path in more:
                out[path]["xattrs"] = more[path]
        self.words = {path: fact["words"] for path, fact in gone(truth) if fact.get("words")}
        return out | {path: {"words": words} for path, words in self.words.items()}

    def rows(self, rows):
        """One for each name in the manifest: hard links have no row of their own."""
        out = []
        with open(os.path.join(self.folder.name, "manifest.jsonl"), encoding="utf-8") as f:
            for line in f:
                file = json.loads(line)
                for name in file["names"]:
                    device = file_system(self.points, name["path"])[1] if name["path"] else None
                    if name["path"] in self.words:
                        out.append(file | {"PATH": name["path"], "file": name["file"]})
                    # An overlay's file is written as that of the layer below.
                    if name["path"] in self.paths and name.get("file") and (device == f"{file['major']}:{file['minor']}" or self.kind(name["path"]) == "overlay"):
                        out.append(file | {"PATH": name["path"], "file": name["file"]})
        return out

    def kind(self, path):
        return file_system(self.points, path)[0]

    def key(self, row):
        return row["PATH"]

    def have(self, row, column):
        path = os.path.join(self.folder.name, row["file"])
        if column == "size":
            return os.stat(path).st_size
        if column == "manifest":
            return row["sha256"]
        if column == "mode":
            return int(row["mode"], 8) & 0o7777
        if column == "xattrs":
            return {x["name"]: x["value_hex"] for x in row.get("xattrs", [])}
        if column not in ("sha256", "words"):
            return row[column]
        with open(path, "rb") as f:
            return f.read(len(self.words[row["PATH"]])).decode() if column == "words" else hashlib.file_digest(f, "sha256").hexdigest()

    def explain_missing(self, truth, key, want, got):
        if self.kind(key) == "overlay" and not module_types(truth):
            return "an overlay keeps which layer a file is in of its own, and this kernel's module has no types"
        return "a symbolic link of Debian, which the guest followed" if key == "/etc/os-release" else None

    def explain_wrong(self, truth, key, column, want, have):
        lost = column == "xattrs" and set(want) - set(have) if isinstance(have, dict) and have.items() <= want.items() else ()
        if not lost or any(name.startswith("system.") for name in lost):
            return None
        if self.kind(key) == "btrfs":
            return "btrfs keeps attributes in its tree"
        if self.kind(key) == "xfs" and (sum(map(len, want.values())) > 1000 or not module_types(truth)):
            return "xfs keeps attributes that do not fit into its inode on the disk, or this kernel's module has no types"
        return None


class InodePages(Declaration):
    name = "inodepages"
    against = "fincore.txt"
    keys = "PATH"
    tolerance = "pages behind the file's end do not count"

    def command(self):
        return ["inodepages", *(f"--path={path}" for path in self.paths)]

    def expected(self, truth):
        self.page = truth.page()
        sizes = stats(truth)
        self.paths = {path: pages for path, pages in cached(truth, self.page).items() if path.startswith(("/srv/cache/", "/mnt/huge/")) and pages and
                      sizes.get(path, (0, ""))[1] == "REG"}
        self.inodes = {}
        for path in self.paths:
            self.inodes.setdefault(sizes[path][0], []).append(path)
        self.size = {path: sizes[path][5] for path in self.paths}
        return {path: {"pages": pages} for path, pages in self.paths.items()}

    def rows(self, rows):
        counts = {}
        for row in rows:
            if row["PHYSICAL"] is None:
                continue
            for path in self.inodes.get(row["INODE"], []):
                if path.split("/")[:3] == row["PATH"].split("/")[:3] and row["INDEX"] * self.page < self.size[path]:
                    counts[path] = counts.get(path, 0) + 1
        return [{"PATH": path, "pages": pages} for path, pages in counts.items()]

    def key(self, row):
        return row["PATH"]


DECLARATIONS = [Files(), Recover(), InodePages()]
