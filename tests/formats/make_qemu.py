"""QEMU's migration streams, libvirt's save files around them, Xen's cores."""
import gzip, lzma, os, struct, subprocess, zlib
from make_packed import slow

PAGE = 4096
ZERO = bytes(PAGE)
GIB4 = 1 << 32
FLAG_ZERO, FLAG_SIZE, FLAG_PAGE, FLAG_EOS, FLAG_CONTINUE, FLAG_XBZRLE, FLAG_COMPRESS = 2, 4, 8, 16, 32, 64, 256


def u8(*v): return struct.pack(f">{len(v)}B", *v)
def u16(v): return struct.pack(">H", v)
def u32(*v): return struct.pack(f">{len(v)}I", *v)
def u64(*v): return struct.pack(f">{len(v)}Q", *v)
def text(s): return u8(len(s)) + s.encode()
def up(v, n): return (v + n - 1) // n * n


def layout(ranges):
    """How much memory lies at 0 and at 4 GiB."""
    low = max([last + 1 for _, last in ranges if last < GIB4], default=0)
    high = max([last + 1 - GIB4 for _, last in ranges if last >= GIB4], default=0)
    return up(low, 1 << 16), up(high, 1 << 16)


def pages(raw, ranges):
    """The pages of the block pc.ram: number and bytes. What is not memory is zero."""
    low, high = layout(ranges)
    for start, size, first in (0, low, 0), (GIB4, high, low // PAGE):
        raw.seek(start)
        for n in range(size // PAGE):
            yield first + n, raw.read(PAGE).ljust(PAGE, b"\0")


def uleb(n): return u8(n) if n < 128 else u8(n & 127 | 128, n >> 7)


def xbzrle(old, new):
    """One run from the first byte that differs to the last."""
    first = next(i for i in range(PAGE) if old[i] != new[i])
    last = next(i for i in reversed(range(PAGE)) if old[i] != new[i])
    data = uleb(first) + uleb(last - first + 1) + new[first : last + 1]
    return u8(1) + u16(len(data)) + data


class Stream:
    def __init__(self, out, machine="pc-i440fx-7.2", capabilities=()):
        self.out = out
        self.block = None
        out.write(b"QEVM" + u32(3) + u8(7) + u32(len(machine)) + machine.encode())
        if capabilities:
            out.write(u8(5) + text("configuration/capabilities") + u32(1, len(capabilities)) + b"".join(map(text, capabilities)))

    def head(self, kind, name=None):
        """A section's head: START (1) and FULL (4) have names. RAM is number 2."""
        self.out.write(u8(kind) + u32(2 if name in ("ram", None) else 7) + (text(name) + u32(0, 4 if name == "ram" else 3) if name else b""))

    def foot(self, id=2):
        self.out.write(u8(0x7E) + u32(id))

    def page(self, number, flag, content, block="pc.ram"):
        same = block == self.block
        self.out.write(u64(number * PAGE | flag | (FLAG_CONTINUE if same else 0)) + (b"" if same else text(block)) + content)
        self.block = block

    def end(self, low, high):
        cmos = bytearray(128)
        cmos[0x34:0x36] = struct.pack("<H", max(low - (16 << 20), 0) >> 16)
        cmos[0x5B:0x5E] = struct.pack("<I", high >> 16)[:3]
        for name, content in ("timer", bytes(24)), ("mc146818rtc", bytes(cmos) + bytes(99)):
            self.head(4, name)
            self.out.write(content)
            self.foot(7)
        self.out.write(u8(0) + u8(6) + u32(2) + b"{}")


BLOCKS = ("pc.bios", 1 << 18), ("/rom@etc/acpi/tables", 1 << 17)


def stream(raw, ranges, out, pack=False, twice=False):
    """All pages once; @pack: with zlib; @twice: every 7th first with other content, then its change."""
    low, high = layout(ranges)
    with open(raw, "rb") as f, open(out, "wb") as g:
        s = Stream(g)
        s.head(1, "ram")
        blocks = (("pc.ram", low + high),) + BLOCKS
        g.write(u64(sum(n for _, n in blocks) | FLAG_SIZE) + b"".join(text(b) + u64(n) for b, n in blocks) + u64(FLAG_EOS))
        s.foot()
        s.head(2)
        changes = []
        for n, p in pages(f, ranges):
            if twice and n % 7 == 0:
                old = bytearray(p)
                old[n % 4000] ^= 1
                old[n % 4000 + 90] ^= 1
                changes.append((n, xbzrle(old, p)))
                p = bytes(old)
            if p == ZERO:
                s.page(n, FLAG_ZERO, u8(0))
            elif pack:
                z = zlib.compress(p, 1)
                s.page(n, FLAG_COMPRESS, u32(len(z)) + z)
            else:
                s.page(n, FLAG_PAGE, p)
        for i in range(4):
            s.page(i, FLAG_PAGE, bytes([i]) * PAGE, "pc.bios")
        g.write(u64(FLAG_EOS))
        s.foot()
        s.head(3)
        for n, change in changes:
            s.page(n, FLAG_XBZRLE, change)
        g.write(u64(FLAG_EOS))
        s.foot()
        s.end(low, high)


def mapped(raw, ranges, out, before=b""):
    """mapped-ram: a bitmap, and the pages at fixed places of the whole file."""
    low, high = layout(ranges)
    with open(raw, "rb") as f, open(out, "wb") as g:
        g.write(before)
        s = Stream(g, capabilities=["mapped-ram"])
        s.head(1, "ram")
        g.write(u64(low + high | FLAG_SIZE) + text("pc.ram") + u64(low + high))
        bitmap = g.tell() + 28
        bits = bytearray(up((low + high) // PAGE, 64) // 8)
        data = up(bitmap + len(bits), 1 << 20)
        g.write(u32(1) + u64(PAGE, bitmap, data))
        for n, p in pages(f, ranges):
            if p != ZERO:
                bits[n // 8] |= 1 << n % 8
                g.seek(data + n * PAGE)
                g.write(p)
        g.seek(bitmap)
        g.write(bits)
        g.seek(data + low + high)
        g.write(u64(FLAG_EOS))
        s.foot()
        s.head(3)
        g.write(u64(FLAG_EOS))
        s.foot()
        s.end(low, high)


def libvirt(number, pack):
    def make(raw, ranges, out):
        plain = f"{out}.qevm"
        stream(raw, ranges, plain)
        with open(plain, "rb") as f, open(out, "wb") as g:
            g.write(header(number))
            g.write(pack(f.read()))

    return make


def header(number):
    xml = b"<domain type='qemu'/>\n\0"
    return b"LibvirtQemudSave" + struct.pack("<5I", 2, 66000, 1, number, 0) + bytes(56) + xml.ljust(66000, b"\0")


def tool(*command):
    def pack(data):
        try:
            return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
        except FileNotFoundError:
            raise LookupError(f"needs {command[0]}") from None

    return pack


def qcow2(raw, ranges, out):
    """A snapshot's memory behind an empty disk of 300 MB."""
    plain = f"{out}.qevm"
    stream(raw, ranges, plain)
    size, bits = os.path.getsize(plain), 16
    cluster, covered, disk = 1 << bits, 1 << (bits + bits - 3), 300 << 20
    skip, used = up(disk, covered) // covered, up(size, cluster) // cluster
    tables = up(used, cluster // 8) // (cluster // 8)
    data = 3 + tables  # header, snapshots, L1, L2
    with open(plain, "rb") as f, open(out, "wb") as g:
        g.write(b"QFI\xfb" + u32(3) + u64(0) + u32(0, bits) + u64(disk) + u32(0, skip) + u64(2 * cluster, 0) + u32(0, 1) + u64(cluster, 0, 0, 0) + u32(4, 104))
        g.seek(cluster)
        g.write(u64(2 * cluster) + u32(skip + tables) + u16(1) + u16(4) + u32(0, 0) + u64(0) + u32(0, 16) + u64(size, disk) + b"1name")
        g.seek(2 * cluster)
        g.write(bytes(8 * skip) + b"".join(u64((3 + i) * cluster | 1 << 63) for i in range(tables)))
        g.seek(3 * cluster)
        g.write(b"".join(u64((data + i) * cluster | 1 << 63) for i in range(used)))
        g.seek(data * cluster)
        g.write(f.read())


def xen(hvm):
    def make(raw, ranges, out):
        frames = [n for first, last in ranges for n in range(first // PAGE, last // PAGE + 1)]
        frames = sorted(set(frames), key=lambda n: (n // 1000 % 2, n))  # in no order that may be relied on
        table = b"".join(struct.pack("<Q", n) if hvm else struct.pack("<QQ", n, n ^ 0x55555) for n in frames)
        magic = 0xF00FEBEE if hvm else 0xF00FEBED
        note = lambda type, desc: struct.pack("<III", 4, len(desc), type) + b"Xen\0" + desc
        notes = note(0x2000000, b"") + note(0x2000001, struct.pack("<4Q", magic, 1, len(frames), PAGE)) + note(0x2000003, struct.pack("<Q", 1))
        kind = ".xen_pfn" if hvm else ".xen_p2m"
        names = [".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_pages", kind]
        strings = b"\0" + b"".join(n.encode() + b"\0" for n in names)
        at = 64 + 64 * 6
        place = {".note.Xen": (at, len(notes), 0), ".xen_prstatus": (at + len(notes), 5168, 5168)}
        data = up(at + len(notes) + 5168, PAGE)
        place[".xen_pages"] = data, len(frames) * PAGE, PAGE
        place[kind] = data + len(frames) * PAGE, len(table), 8 if hvm else 16
        place[".shstrtab"] = place[kind][0] + len(table), len(strings), 0
        with open(raw, "rb") as f, open(out, "wb") as g:
            g.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 0, 64, 0, 64, 56, 0, 64, 6, 1) + bytes(64))
            for n in names:
                offset, size, entry = place[n]
                g.write(struct.pack("<IIQQQQIIQQ", strings.index(n.encode()), 7 if n == ".note.Xen" else 1, 0, 0, offset, size, 0, 0, 1, entry))
            g.write(notes + bytes(5168))
            g.seek(data)
            for n in frames:
                f.seek(n * PAGE)
                g.write(f.read(PAGE).ljust(PAGE, b"\0"))
            g.write(table + strings)

    return make


MAKES = {
    "qemu": stream,
    "qemu-compress": lambda *a: stream(*a, pack=True),
    "qemu-xbzrle": lambda *a: stream(*a, twice=True),
    "qemu-mapped": mapped,
    "qemu-qcow2": qcow2,
    "libvirt": libvirt(0, bytes),
    "libvirt-gzip": libvirt(1, lambda d: gzip.compress(d, 1)),
    "libvirt-bzip2": slow(libvirt(2, tool("bzip2", "-1"))),
    "libvirt-xz": slow(libvirt(3, lambda d: lzma.compress(d, preset=0))),
    "libvirt-lzop": libvirt(4, tool("lzop", "-1")),
    "libvirt-zstd": libvirt(5, tool("zstd", "-q", "-1")),
    "libvirt-sparse": lambda *a: mapped(*a, before=header(6)),
    "xen-hvm": xen(True),
    "xen-pv": xen(False),
}
