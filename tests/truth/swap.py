"""Swapped memory: devices, how much of each process, and every byte of what the actors had swapped out."""
import hashlib
import os
import re
import subprocess

from declare import Declaration

NO_FILE = "it was swapped to a file or partition, of which no copy was kept with the image"


def swaps(truth):
    """{path: (type, size, used, priority)} of /proc/swaps, in KB."""
    out = {}
    for line in truth.lines("proc", "swaps")[1:]:
        path, kind, size, used, priority = line.split()
        out[path] = kind, int(size), int(used), int(priority)
    return out


def swap_options(truth):
    """--swap for the swap file that `samples/make` left beside the image."""
    copy = os.path.join(os.path.dirname(os.path.abspath(truth.folder)), "swapfile")
    return ["--swap", f"/srv/swapfile={copy}"] if os.path.exists(copy) else []


def is_out(truth, pid):
    """Has the process pages in swap, and was there a swap file of which no copy is here?"""
    swapped = int(truth.status("proc", pid).get("VmSwap", "0").split()[0])
    return swapped > 0 and not swap_options(truth) and any(kind == "file" and used for kind, _, used, _ in swaps(truth).values())


class Swaps(Declaration):
    name = "swaps"
    against = "proc/swaps; zramN/ (mm_stat, comp_algorithm)"
    keys = "PATH"
    tolerance = "USED: pages that were swapped between the report and the freeze, up to an eighth and 256 KB"

    def expected(self, truth):
        out = {}
        for path, (kind, size, used, priority) in swaps(truth).items():
            out[path] = {"TYPE": kind, "SIZE": size << 10, "USED": used << 10, "PRIORITY": priority}
            chosen = re.search(r"\[(.*?)\]", truth.text(os.path.basename(path), "comp_algorithm") or "")
            if chosen:
                out[path]["COMPRESSORS"] = chosen.group(1)
        return out

    def key(self, row):
        return row["PATH"]

    def have(self, row, column):
        return row[column].split(",")[0] if column == "COMPRESSORS" and row[column] else row[column]

    def same(self, column, want, have):
        if column == "USED":
            return have is not None and not (want - have) % 4096 and abs(want - have) <= want / 8 + (256 << 10)
        return want == have


class OfProcessesMemory(Declaration):
    memory = True

    def applies(self, truth):
        return not truth.partial and not truth.live and super().applies(truth)

    def find_actors(self, truth):
        self.actors = {fact["pid"]: fact for kind in ("hog", "packed") for fact in truth.facts(kind)}
        self.options = swap_options(truth)


class Swapped(OfProcessesMemory):
    name = "swapped"
    against = "proc/PID/status: VmSwap"
    keys = "PID"
    tolerance = "PAGES: what was swapped between the report and the freeze, up to a sixteenth and 8"

    def expected(self, truth):
        out, page = {}, truth.page()
        for pid in truth.pids():
            m = re.search(r"^VmSwap:\s*(\d+) kB", truth.text("proc", str(pid), "status") or "", re.M)
            if m and int(m.group(1)):
                out[pid] = {"PAGES": (int(m.group(1)) << 10) // page}
        return out

    def rows(self, rows):
        out = {}
        for row in rows:
            out.setdefault(row["PID"], {"PID": row["PID"], "PAGES": 0})["PAGES"] += row["PAGES"]
        return list(out.values())

    def key(self, row):
        return row["PID"]

    def same(self, column, want, have):
        return have is not None and abs(want - have) <= want / 16 + 8

    def explain_extra(self, truth, key, row):
        return None if row["PAGES"] > 8 or key not in truth.pids() else "a few pages were swapped between the report and the freeze"


def hog(pages, size):
    """What samples/guest/hunger.c writes into the pages of the actor `hog`."""
    noise = 1
    for i in range(pages):
        page = bytearray(size)
        if i % 3 == 0:
            for k in range(size):
                noise = noise * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                page[k] = noise >> 56
        elif i % 4 == 0:
            page = bytearray(b"h" * size)
        words = b"page %d of the hog\0" % i
        page[:len(words)] = words
        yield bytes(page)


def packed(pages, size, name):
    """The same of the actor `packed`."""
    noise = 1
    text, word = b"the quick brown fox jumps over the lazy dog; ", b"\1\xab" * 4
    for i in range(pages):
        page, sort = bytearray(size), i % 6
        for k in range(size):
            noise = noise * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            page[k] = (text[(k + (noise >> 60 == 0)) % 45] if sort == 0 else noise >> 56 if sort == 1 else
                       ord("p") if sort == 2 else (0 if k % 64 else k // 64 + i & 255) if sort == 3 else word[k % 8] if sort == 4 else 0)
        words = b"page %d of %s\0" % (i, name.encode())
        if sort < 4:
            page[:len(words)] = words
        yield bytes(page)


class SwappedBytes(OfProcessesMemory):
    """Not a plugin's rows: `engram read` of the actors' memory, page by page."""
    name = "swapped bytes"
    against = "lab/facts.jsonl: what the actors `hog` and `packed` wrote, byte by byte"
    keys = "PID, PAGE"

    def expected(self, truth):
        self.find_actors(truth)
        out = {}
        for pid, fact in self.actors.items():
            name = fact.get("name")
            pages = packed(fact["pages"], fact["page_size"], name) if name else hog(fact["pages"], fact["page_size"])
            whole = hashlib.sha256()
            for i, page in enumerate(pages):
                whole.update(page)
                out[pid, i] = {"SHA256": hashlib.sha256(page).hexdigest()}
            if fact.get("sha256"):  # what the guest's own sha256sum said before it was swapped
                assert whole.hexdigest() == fact["sha256"], "the actor's memory is not what this file says it is"
        return out

    def ask(self, engram, image, more, run):
        rows = []
        for pid, fact in self.actors.items():
            size = fact["page_size"]
            read = [engram, "-q", "read", image, fact["at"], str(fact["pages"] * size), "--pid", str(pid), *self.options, *more]
            got = subprocess.run(read, capture_output=True, check=False, timeout=1200).stdout
            rows += [{"PID": pid, "PAGE": i, "SHA256": hashlib.sha256(got[i * size:(i + 1) * size]).hexdigest()}
                     for i in range(len(got) // size)]
        return rows

    def key(self, row):
        return row["PID"], row["PAGE"]

    def explain_wrong(self, truth, key, column, want, have):
        """Only where no copy of the file is there, and for a page of nothing but zeros, as `read` writes what is not there."""
        fact = self.actors[key[0]]
        outside = any(kind == "file" and used for kind, _, used, _ in swaps(truth).values())
        lost = hashlib.sha256(bytes(fact["page_size"])).hexdigest()
        return NO_FILE if outside and not self.options and have == lost else None


class SwappedText(OfProcessesMemory):
    """A search in processes' memory finds what is swapped."""
    name = "regex"
    against = "lab/facts.jsonl: the first words of the pages of the actors `hog` and `packed`"
    keys = "PID, ADDRESS"

    def expected(self, truth):
        out, self.missing = {}, None
        self.find_actors(truth)
        for pid, fact in self.actors.items():
            for i in range(fact["pages"]):
                name = fact.get("name")
                if not name or i % 6 < 4:
                    out[pid, int(fact["at"], 16) + i * fact["page_size"]] = {"MATCH": f"page {i} of {name or 'the hog'}"}
        return out

    def command(self):
        return ["regex", "--in", "processes", "--pid", ",".join(map(str, self.actors)), *self.options,
                "--pattern", "page [0-9]+ of [-a-z0-9]+( hog)?"]

    def key(self, row):
        fact, address = self.actors[row["PID"]], int(row["ADDRESS"], 16)
        inside = 0 <= address - int(fact["at"], 16) < fact["pages"] * fact["page_size"]
        return (row["PID"], address) if inside and address % fact["page_size"] == 0 else None

    def explain_missing(self, truth, key, want, got):
        """No more of them than the guest had in that file."""
        used = sum(used << 10 for kind, _, used, _ in swaps(truth).values() if kind == "file")
        pages = (used // truth.page()) * 9 // 8 + 64
        if self.missing is None:  # counted once for all of them
            self.missing = sum(1 for each in self.expected(truth) if each not in got)
        return NO_FILE if not self.options and self.missing <= pages else None


DECLARATIONS = [Swaps(), Swapped(), SwappedBytes(), SwappedText()]
