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
    """{path: (inode, type, mode, uid, gid, size, mtime, ctime, birth)} of stat-files.txt."""
    out = {}
    for line in truth.lines("stat-files.txt"):
        f = line.rsplit("|", 11)
        if len(f) == 12:
            out[f[0]] = int(f[1]), LETTERS.get(f[10]), int(f[2], 8), int(f[3]), int(f[4]), int(f[5]), int(f[7]), int(f[8]), int(f[9])
    return out


def cached(truth, page):
    """{path: pages} of fincore.txt. The newer tool counts a large folio whole, also behind the file's end."""
    out = {}
    for line in truth.lines("fincore.txt"):
        f = line.split(None, 3)
        if len(f) == 4 and f[1].isdigit():
            out[f[3]] = min(int(f[1]), (int(f[2]) + page - 1) // page)
    return out


def hashes(truth):
    """{path: SHA-256} of sha256.txt."""
    return {line[66:]: line[:64] for line in truth.lines("sha256.txt") if len(line) > 66 and not line.startswith("\\")}


def mounts(truth):
    """{mount point: (type, device)} of what process 1 has mounted."""
    out = {}
    for line in truth.lines("proc", "1", "mountinfo"):
        left, _, right = line.partition(" - ")
        out[unescape(left.split()[4])] = right.split()[0], left.split()[2]
    return out


def file_system(points, path):
    """(type, device) of the one that it is in."""
    inside = [point for point in points if path.startswith(point.rstrip("/") + "/")]
    return points[max(inside, key=len)] if inside else (None, None)


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

    def command(self):
        return ["files", *(f"--path={top}" for top in self.tops)]

    def expected(self, truth):
        self.points = points = mounts(truth)
        pages, out = cached(truth, truth.page()), {}
        for path, (inode, kind, mode, uid, gid, size, mtime, ctime, birth) in stats(truth).items():
            if path in points:  # there are two directories of this name
                continue
            want = {"INODE": inode, "TYPE": kind, "UID": uid, "GID": gid, "SIZE": size, "FILE_MODE": mode, "MTIME": mtime, "CTIME": ctime}
            if birth:
                want["BTIME"] = birth
            if path in pages and kind == "REG":
                want["CACHED_PAGES"] = pages[path]
            out[path] = want
        self.tops = sorted({"/".join(path.split("/")[:3]) for path in out})
        self.folders = {os.path.dirname(path) for path in out}  # of which the guest told what is in them
        self.paths = set(out)
        return out

    def kind(self, path):
        return file_system(self.points, path)[0]

    def key(self, row):
        path = row["PATH"]
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
        if self.kind(key) == "xfs" and column == "SIZE" and stats(truth)[key][1] == "DIR":
            return "xfs keeps the size of a directory in its own inode; the kernel's is of when it was read"
        if self.kind(key) == "xfs" and column == "BTIME" and have is None and not module_types(truth):
            return "xfs keeps the time of birth in its own inode, of which this kernel's module has no types"
        return None

    def explain_extra(self, truth, key, row):
        return "a deleted file, which no folder lists" if key.endswith(" (deleted)") else None


def seconds(text):
    """Of "2026-03-14T09:26:53.5Z"."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) if text else None


class Recover(Declaration):
    name = "recover"
    against = "sha256.txt, stat-files.txt"
    keys = "PATH"
    tolerance = "the digest is that of the bytes in the file that was written"
    others = "the guest hashed a few folders only"

    def __init__(self):
        self.folder, self.written = None, {}

    def command(self):
        self.folder = tempfile.TemporaryDirectory()
        return ["recover", "-o", self.folder.name]

    def expected(self, truth):
        sizes = stats(truth)
        self.paths = hashes(truth)
        return {path: {"sha256": digest, "manifest": digest} | ({"size": sizes[path][5]} if path in sizes else {})
                for path, digest in self.paths.items()}

    def rows(self, rows):
        """One for each name in the manifest: hard links have no row of their own."""
        out = []
        with open(os.path.join(self.folder.name, "manifest.jsonl"), encoding="utf-8") as f:
            for line in f:
                file = json.loads(line)
                for name in file["names"]:
                    if name["path"] in self.paths and name.get("file"):
                        out.append({"PATH": name["path"], "manifest": file["sha256"], "file": name["file"]})
        return out

    def key(self, row):
        return row["PATH"]

    def have(self, row, column):
        path = os.path.join(self.folder.name, row["file"])
        if column == "size":
            return os.stat(path).st_size
        if column == "manifest":
            return row["manifest"]
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()


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
