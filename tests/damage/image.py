"""The sample's parts: what stands where in the file. All of it from LiME's headers and from what engram itself says of
the undamaged image."""
import json
import struct
import subprocess

PAGE = 4096
LIME = struct.Struct("<IIQQQ")  # magic, version, first address, last address, 0


def lime_ranges(data):
    """(first address, length, offset in the file) of each range."""
    out, at = [], 0
    while at + LIME.size <= len(data):
        magic, _, first, last, _ = LIME.unpack_from(data, at)
        if magic != 0x4C694D45:
            raise ValueError(f"no LiME header at {at:#x}")
        out.append((first, last - first + 1, at + LIME.size))
        at += LIME.size + last - first + 1
    return out


def write_raw(data, ranges, path):
    """The same memory as it stands on the bus."""
    with open(path, "wb") as f:
        for first, length, at in ranges:
            f.seek(first)
            f.write(data[at:at + length])


def elf_head(segments):
    """A page of headers of an ELF core with @segments: (first address, length, offset in the file)."""
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    for first, length, at in segments:
        head += struct.pack("<IIQQQQQQ", 1, 7, at, 0, first, length, length, PAGE)
    return head.ljust(PAGE, b"\0")


def elf_segments(ranges):
    """The segments of write_elf's file: the ranges, one after another behind a page of headers."""
    out, at = [], PAGE
    for first, length, _ in ranges:
        out.append((first, length, at))
        at += length
    return out


def write_elf(data, ranges, path):
    with open(path, "wb") as f:
        f.write(elf_head(elf_segments(ranges)))
        for _, length, at in ranges:
            f.write(data[at:at + length])


class Map:
    """Where interesting things are, as offsets in the LiME file."""

    def __init__(self, engram, path, data):
        self.engram, self.path, self.data = engram, path, data
        self.ranges = lime_ranges(data)
        answer = json.loads(self._run("pslist,lsmod,vmcoreinfo,kallsyms"))
        rows = {r["plugin"]: r["rows"] for r in answer["results"]}
        self.symbols = {r["SYMBOL"]: (int(r["ADDRESS"], 16), r["SIZE"]) for r in rows["kallsyms"]}
        init = self.translate(self.symbols["init_task"][0])
        first_task = self.translate(int(rows["pslist"][0]["OFFSET"], 16))
        self.direct = int(rows["pslist"][0]["OFFSET"], 16) - first_task["physical"]
        self.tasks = [self.file(int(r["OFFSET"], 16) - self.direct) for r in rows["pslist"]]
        self.modules = [self.file(self.translate(int(r["OFFSET"], 16))["physical"]) for r in rows["lsmod"]]
        self.notes = sorted({self.file(int(r["PHYSICAL"], 16)) for r in rows["vmcoreinfo"]})
        self.init_task = self.file(init["physical"])
        self.tables = [self.file(a) for t in (init, first_task) for a in t["tables"]]
        btf, self.btf_size = self.symbols["__start_BTF"]
        self.btf = self.file(self.translate(btf)["physical"])
        self.banner = self.file(self.translate(self.symbols["linux_banner"][0])["physical"])
        # The digits are tokens of their own, one after another: kallsyms_token_table, behind the names.
        self.kallsyms = data.index(b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00")

    def _run(self, *args):
        return subprocess.run([self.engram, "-q", "-r", "json", "-f", self.path, *args], check=True, capture_output=True).stdout

    def translate(self, address):
        rows = json.loads(subprocess.run([self.engram, "-q", "-r", "json", "vtop", self.path, hex(address)], check=True,
                                         capture_output=True).stdout)["results"][0]["rows"]
        return {"physical": next(int(r["ADDRESS"], 16) for r in rows if r["STEP"] == "physical"),
                "tables": [int(r["ADDRESS"], 16) for r in rows if r["STEP"].startswith("level")]}

    def make_profile(self, path):
        """An .egp of the kernel's BTF."""
        with open(path + ".btf", "wb") as f:
            f.write(self.data[self.btf:self.btf + self.btf_size])
        subprocess.run([self.engram, "-q", "profile", "make", path + ".btf", "-o", path], check=True, capture_output=True)

    def file(self, physical):
        """None: not in the image."""
        for first, length, at in self.ranges:
            if first <= physical < first + length:
                return at + physical - first
        return None

    def page(self, offset):
        """The start of the guest's page around a place in the file."""
        for _, length, at in self.ranges:
            if at <= offset < at + length:
                return at + (offset - at) // PAGE * PAGE
        return 0

    def pointers(self, offset):
        """Places that the page around @offset points to."""
        page = self.page(offset)
        words = struct.unpack_from(f"<{PAGE // 8}Q", self.data, page)
        places = (self.file(w - self.direct) for w in words if w > self.direct)
        return [p for p in places if p is not None]
