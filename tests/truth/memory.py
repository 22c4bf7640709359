"""Memory: what mappings use, areas of vmalloc, pages."""
from declare import Declaration, hexadecimal
from processes import OfProcesses

# Columns of `maps --smaps` by the words of /proc/PID/smaps, in kB there.
SMAPS = {"Rss": "RSS", "Pss": "PSS", "Shared_Clean": "SHARED_CLEAN", "Shared_Dirty": "SHARED_DIRTY", "Private_Clean": "PRIVATE_CLEAN",
         "Private_Dirty": "PRIVATE_DIRTY", "Anonymous": "ANONYMOUS", "Swap": "SWAP", "AnonHugePages": "ANON_HUGE",
         "ShmemPmdMapped": "SHMEM_HUGE", "FilePmdMapped": "FILE_HUGE", "Locked": "LOCKED"}


def kilobytes(lines):
    """{column: kB} of the lines of one mapping."""
    out = {}
    for line in lines:
        word, _, rest = line.partition(":")
        if word in SMAPS:
            out[SMAPS[word]] = int(rest.split()[0])
    return out


class Usage(OfProcesses):
    against = "proc/PID/smaps_rollup"
    name = "maps --smaps"
    keys = "PID"
    tolerance = "PSS: 1 kB, for the fractions of a byte of each mapping"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            sums = kilobytes(truth.lines("proc", pid, "smaps_rollup"))
            if sums:
                out[pid] = sums
        return out

    def rows(self, rows):
        sums = {}
        for row in rows:
            if row["PATH"] == "[vsyscall]":
                continue
            total = sums.setdefault(row["PID"], {"PID": row["PID"], **dict.fromkeys(SMAPS.values(), 0)})
            for column in SMAPS.values():
                total[column] = None if row[column] is None or total[column] is None else total[column] + row[column]
        return list(sums.values())

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        return None if row[column] is None else row[column] // 1024

    def same(self, column, want, have):
        return have is not None and (abs(want - have) <= 1 if column in ("PSS", "LOCKED") else want == have)

    def explain_wrong(self, truth, key, column, want, have):
        if truth.live and column.startswith(("PSS", "SHARED", "PRIVATE", "LOCKED")):
            return "processes that map the same files came and went after the report"
        if truth.ran_since(key) and have is not None:
            return "the process ran on after its report"
        if truth.smeared and column in ("RSS", "ANONYMOUS") and have is not None and want < have <= want + self.unmapped(truth, key):
            return "the guest wrote the image through its page cache, which took back pages of files that the process had mapped"
        return super().explain_wrong(truth, key, column, want, have)

    @staticmethod
    def unmapped(truth, pid):
        """kB of mapped files that were not in memory at the report."""
        told = kilobytes(truth.lines("proc", pid, "smaps_rollup"))
        return sum(f.end - f.start for owner, f in truth.maps() if owner == pid and f.inode) // 1024 - (told["RSS"] - told["ANONYMOUS"])


class UsageOfMappings(Usage):
    """The same of each mapping, of guests that told so much."""
    against = "proc/PID/smaps"
    keys = "PID, START"
    tolerance = "PSS: 1 kB, to which /proc cuts it"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            start, lines = None, []
            for line in truth.lines("proc", pid, "smaps") + ["0-0 "]:
                first = line.split(" ", 1)[0]
                if first.endswith(":"):
                    lines.append(line)
                    continue
                if start is not None:
                    out[pid, start] = kilobytes(lines)
                start, lines = (None if line.endswith("[vsyscall]") else int(first.split("-")[0], 16)), []
        return out

    def rows(self, rows):
        return [row for row in rows if row["PATH"] != "[vsyscall]"]

    def key(self, row):
        return row["PID"], int(row["START"], 16)

    def explain_missing(self, truth, key, want, got):
        if truth.ran_since(key[0]):
            return "the process ran on after its report"
        return super().explain_missing(truth, key, want, got)

    def explain_wrong(self, truth, key, column, want, have):
        if truth.ran_since(key[0]) and have is not None:
            return "the process ran on after its report"
        return super().explain_wrong(truth, key[0], column, want, have)

    def explain_extra(self, truth, key, row):
        if truth.ran_since(key[0]) and not row["PATH"]:
            return "the process ran on after its report"
        return super().explain_extra(truth, key, row)


class Vmalloc(Declaration):
    name = "vmalloc"
    against = "proc/vmallocinfo"
    keys = "START"
    tolerance = "ALLOCATED_BY: without the function's size, which /proc gives too"
    others = ""
    WORDS = ("ioremap", "vmalloc", "vmap", "user", "dma-coherent", "sparse", "vpages")

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "vmallocinfo"):
            words = line.split()
            start, end = (int(word, 16) for word in words[0].split("-"))
            want = {"END": end, "SIZE": int(words[1]), "KIND": " ".join(w for w in words[2:] if w in self.WORDS)}
            if words[2] in ("unpurged", "vm_map_ram"):
                want["KIND"] = words[2]
                out[start] = want
                continue
            want["ALLOCATED_BY"] = words[2].split("/")[0].removesuffix("+0x0") + (" " + words[3] if len(words) > 3 and words[3].startswith("[") else "")
            for word in words[3:]:
                key, _, value = word.partition("=")
                if key == "pages":
                    want["PAGES"] = int(value)
                elif key == "phys":
                    want["PHYSICAL"] = int(value, 16)
            out[start] = want
        hashed = any(start < 1 << 48 for start in out)  # kptr_restrict hides addresses
        return {} if hashed else out

    def key(self, row):
        return int(row["START"], 16)

    def have(self, row, column):
        return hexadecimal(row[column]) if column in ("END", "PHYSICAL") else row[column]

    def moves(self, want):
        """Stacks of threads that come and go, and what was given back."""
        return want["KIND"] == "unpurged" or any(want.get("ALLOCATED_BY", "").startswith(name) for name in
                                                 ("kernel_clone+", "dup_task_struct", "create_io_thread+"))

    def explain_missing(self, truth, key, want, got):
        if want["KIND"] == "unpurged":
            return "areas that were given back before the report, and not mapped any more later"
        return "stacks of threads that ended after the report" if truth.live and self.moves(want) else None

    def explain_wrong(self, truth, key, column, want, have):
        gone = have is None or have == "unpurged" or self.expected(truth)[key]["KIND"] == "unpurged"
        return "areas that were given back after the report" if truth.live and gone else None

    def explain_extra(self, truth, key, row):
        told = not truth.live and row["TID"] is not None and truth.has("proc", row["PID"], "task", row["TID"])
        if told or key % truth.page():  # its stack was there at the report; no area begins within a page
            return None
        loaded = any(line.startswith("lime ") for line in truth.lines("proc", "modules"))
        if truth.smeared and loaded and row["MODULE"] == "lime" and (row["ALLOCATED_BY"] or "").startswith("load_module+"):
            return "the module that took the image was being loaded: its init code was given back when it had done so"
        return "stacks of threads that were started after the report, and areas that were given back" \
            if self.moves({"KIND": row["KIND"], "ALLOCATED_BY": row["ALLOCATED_BY"] or ""}) else None


class Pages(Declaration):
    name = "pages"
    against = "proc/zoneinfo, proc/meminfo"
    keys = "USE, ZONE, ORDER"
    tolerance = "counts of meminfo: 100 pages less and 700 more, for the guest went on; of anonymous pages it counts those that are mapped, and SwapCached apart; present and managed pages: none"
    others = "rows of which /proc has no count"
    MOVES = {"Shmem": "shared memory", "AnonPages": "anonymous"}  # the others move more: to tell all this fills caches
    ROOM = 700

    def expected(self, truth):
        out, zone, cached = {}, None, 0
        for line in truth.lines("proc", "zoneinfo"):
            words = line.split()
            if line.startswith("Node "):
                zone = words[3] + (f" of node {int(words[1].rstrip(','))}" if words[1] != "0," else "")
            elif zone and words and words[0] in ("present", "managed") and int(words[1]):
                out[words[0], zone, None] = {"PAGES": int(words[1])}
        present = {key[1] for key in out if key[0] == "present"}
        out = {key: want for key, want in out.items() if key[1] in present}
        for line in truth.lines("proc", "meminfo"):
            word, _, rest = line.partition(":")
            if word in self.MOVES and not truth.live:
                out[self.MOVES[word], None, None] = {"PAGES": int(rest.split()[0]) * 1024 // truth.page()}
            if word == "SwapCached":
                cached = int(rest.split()[0]) * 1024 // truth.page()
        if ("anonymous", None, None) in out:
            out["anonymous", None, None]["PAGES"] += cached
        self.told = set(out)
        return out

    def key(self, row):
        key = row["USE"], row["ZONE"], row["ORDER"]
        return key if key[0] in ("present", "managed") or key in self.told else None

    def same(self, column, want, have):
        return have is not None and (-100 <= have - want <= self.ROOM if self.moving else have == want)

    moving = 0

    def have(self, row, column):
        self.moving = row["USE"] not in ("present", "managed")
        return row[column]


class Malfind(OfProcesses):
    """Memory of no file on a disk that can be executed, and files that can be written to and executed."""
    name = "malfind"
    against = "proc/PID/maps, probes.txt"
    keys = "PID, START"
    tolerance = "processes that share their memory have one row"

    def expected(self, truth):
        out = {}
        for pid, f in truth.maps():
            anonymous = not f.path or f.path.startswith(("[heap]", "[stack]", "[anon"))
            if "x" in f.flags and (anonymous or "w" in f.flags or f.path.startswith("/memfd:")):
                out[pid, f.start] = {"END": f.end, "FLAGS": f.flags, "PATH": f.path}
            for fact in truth.facts("hooked"):
                if fact["pid"] == pid and fact["what"] == "inline" and f.start <= int(fact["at"], 16) < f.end:
                    out[pid, f.start] = {"END": f.end, "FLAGS": f.flags, "PATH": f.path, "ADDRESS": int(fact["at"], 16), "WEIGHT": "high"}
        return out

    def applies(self, truth):
        return bool(truth.maps())

    def key(self, row):
        return row["PID"], int(row["START"], 16)

    def have(self, row, column):
        value = hexadecimal(row[column]) if column in ("END", "ADDRESS") else row[column]
        return value or "" if column == "PATH" else value

    def explain_extra(self, truth, key, row):
        if row["PATH"] and f" {row['PATH']}:0x" in (truth.text("probes.txt") or ""):
            return "the scene put a probe (uprobe) into the program"
        return super().explain_extra(truth, key, row)


class Health(Declaration):
    """A machine that stood still is healthy, one that wrote its own memory is not; a task off the list is missed by a count."""
    name = "health"
    against = "tids-at-freeze.txt, marks.jsonl, proc/kallsyms"
    keys = "KEY"
    others = "the other rows say what the verdict of all rests on"

    def expected(self, truth):
        smeared = truth.smeared
        out = {"all": {"HEALTH": "bad" if smeared else "worn" if truth.unlinked() else "good"}}
        counted = any(line.endswith(" nr_threads") for line in truth.lines("proc", "kallsyms"))
        if not smeared and counted and truth.tids():
            out["threads of the system"] = {"EXPECTED": str(len(truth.tids())) if len(truth.passes) == 1 else None}
            if len(truth.passes) > 1:
                out["threads of the system"] = {"HEALTH": "good"}
        self.told = set(out)
        return out

    def key(self, row):
        return row["KEY"] if row["KEY"] in self.told else None


DECLARATIONS = [Usage(), UsageOfMappings(), Vmalloc(), Pages(), Malfind(), Health()]
