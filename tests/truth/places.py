"""What lies where: words and keys that a process of the guest put into its memory, and the pages that it read in its own pagemap."""
import re
import tempfile

from declare import Declaration

COPIES = "the same bytes lie elsewhere, too, in the program's file for one"


class Words(Declaration):
    """A region with words, and the physical page that the guest's pagemap named."""
    against = "lab/facts.jsonl: address, words and page table entry of each region"
    others = COPIES

    def applies(self, truth):
        return not truth.partial and super().applies(truth)

    def regions(self, truth):
        """(address, physical address, fact) of those whose page is in memory."""
        page = truth.page()
        for fact in truth.facts("region"):
            entry, address = int(fact.get("pagemap", "0"), 16), int(fact["at"], 16)
            if entry >> 63:
                yield address, (entry & (1 << 55) - 1) * page + address % page, fact

    def words(self, truth):
        self.known = {(place, fact["words"]): {"LENGTH": len(fact["words"].encode())}
                      for _, place, fact in self.regions(truth) if fact["words"]}
        return self.known


class WhatIs(Words):
    name = "whatis"
    keys = "AT, PID"
    repeats = True
    others = "other users of the same page: its file, its cache"

    def expected(self, truth):
        out = {(place, fact["pid"]): {"ADDRESS": address} for address, place, fact in self.regions(truth)}
        self.places = ",".join(hex(place) for place, _ in out)
        self.pids = {pid for _, pid in out}
        return out

    def command(self):
        return ["whatis", "--physical", "--at", self.places]

    def key(self, row):
        return (int(row["AT"], 16), row["PID"]) if row["KIND"] == "process" and row["PID"] in self.pids else None

    def have(self, row, column):
        return int(row[column], 16)


class PageCache(WhatIs):
    """Which of those pages are a file's, as the mappings at their addresses say."""
    name = "pagecache"
    against = "lab/facts.jsonl: address and page table entry of each region; proc/PID/maps"
    keys = "AT"
    repeats = False
    others = ""

    def expected(self, truth):
        out = {}
        for address, place, fact in self.regions(truth):
            f = next((f for pid, f in truth.maps() if pid == fact["pid"] and f.start <= address < f.end), None)
            if f and "s" in f.flags and f.path:
                out[place] = {"PATH": f.path, "INODE": f.inode, "FILE_OFFSET": address - f.start + f.offset, "USE": "file"}
            elif f:
                out[place] = {"PATH": None, "USE": "anonymous"}
        self.places = ",".join(map(hex, out))
        return out

    def command(self):
        return ["pagecache", "--at", self.places]

    def key(self, row):
        return int(row["AT"], 16)

    def have(self, row, column):
        return row[column]


class Strings(Words):
    """In the process's own memory."""
    name = "strings"
    keys = "PID, ADDRESS"
    tolerance = "STRING: it holds the words; what is printable behind them belongs to it"

    def expected(self, truth):
        self.known = {(fact["pid"], address): {"STRING": fact["words"], "PHYSICAL": place}
                      for address, place, fact in self.regions(truth) if fact["words"]}
        return self.known

    def command(self):
        pids = ",".join(sorted({str(pid) for pid, _ in self.known}))
        words = "|".join(re.escape(want["STRING"]) for want in self.known.values())
        return ["strings", "--in", "processes", "--pid", pids, "--match", words]

    def key(self, row):
        key = row["PID"], int(row["ADDRESS"], 16)
        return key if key in self.known else None

    def have(self, row, column):
        return int(row[column], 16) if column == "PHYSICAL" and row[column] else row[column]

    def same(self, column, want, have):
        return have is not None and have.startswith(want) if column == "STRING" else want == have


class Regex(Words):
    """In physical memory."""
    name = "regex"
    keys = "PHYSICAL, MATCH"

    def expected(self, truth):
        return self.words(truth)

    def command(self):
        return ["regex", "--literal"] + [part for word in sorted({w for _, w in self.known}) for part in ("--pattern", word)]

    def key(self, row):
        key = int(row["PHYSICAL"], 16), row["MATCH"]
        return key if key in self.known else None


class Yara(Words):
    name = "yara"
    keys = "PHYSICAL, MATCH"

    def expected(self, truth):
        return self.words(truth)

    def command(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yar", encoding="utf-8")  # it is removed with the next
        for number, word in enumerate(sorted({w for _, w in self.known})):
            self.file.write(f'rule words{number} {{ strings: $a = "{word}" condition: $a }}\n')
        self.file.flush()
        return ["yara", "--rules", self.file.name]

    def key(self, row):
        text = row["MATCH"] if isinstance(row["MATCH"], str) else ""
        for word in (text, hex_text(text)):
            if (int(row["PHYSICAL"], 16), word) in self.known:
                return int(row["PHYSICAL"], 16), word
        return None


def hex_text(text):
    try:
        return bytes.fromhex(text).decode("utf-8", "replace")
    except ValueError:
        return ""


class Bytes(Declaration):
    """AES keys of a process, in hex."""
    name = "bytes"
    against = "lab/facts.jsonl: AES keys and their addresses in a process"
    keys = "PID, ADDRESS, PATTERN"
    others = COPIES

    def applies(self, truth):
        return not truth.partial and super().applies(truth)

    def expected(self, truth):
        self.known = {(fact["pid"], int(at, 16), key): {"BYTES": key[:32]} for fact in truth.facts("keys")
                      for key, at in zip(fact["aes"], fact["at"])}
        return self.known

    def command(self):
        pids = ",".join(sorted({str(pid) for pid, _, _ in self.known}))
        return ["bytes", "--in", "processes", "--pid", pids] + [w for key in sorted({k for _, _, k in self.known}) for w in ("--hex", key)]

    def key(self, row):
        key = row["PID"], int(row["ADDRESS"], 16), row["PATTERN"]
        return key if key in self.known else None

    def have(self, row, column):
        return row[column][:32] if row[column] else None


DECLARATIONS = [WhatIs(), PageCache(), Strings(), Regex(), Yara(), Bytes()]
