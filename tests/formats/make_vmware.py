"""VMware's files, VirtualBox's and EWF. VMware and VirtualBox themselves are not at hand: their files are written here
as crash's, Volatility's and VirtualBox's own sources describe them."""
import pathlib, re, shutil, struct, subprocess, zlib

PAGE = 4096
CR0, EFER = 0x80050033, 0xD01


def pieces(raw, ranges):
    """(first, bytes) of each range, in whole pages."""
    with open(raw, "rb") as f:
        done = 0
        for first, last in sorted(ranges):
            first, end = max(first // PAGE * PAGE, done), (last // PAGE + 1) * PAGE
            f.seek(first)
            yield first, f.read(end - first).ljust(end - first, b"\0")
            done = end


# ---- VMware ----

def tag(name, value, *index):
    """A number of 4 or 8 bytes, or a block with padding."""
    name = name.encode()
    head = bytes([len(index) << 6]), bytes([len(name)]) + name + b"".join(struct.pack("<I", i) for i in index)
    size = 63 if len(value) > 61 else len(value)
    block = struct.pack("<QQH", len(value), len(value), 0) if size == 63 else b""
    return bytes([head[0][0] | size]) + head[1] + block + value


def u32(v):
    return struct.pack("<I", v)


def u64(v):
    return struct.pack("<Q", v)


def cpu_tags(cr3=0):
    yield tag("cpu:numVCPUs", u32(2))
    for cpu in range(2):
        yield tag("rip", u64(0xFFFFFFFF81000000 + cpu), cpu)
        for n, v in enumerate((CR0, 0, 0, cr3, 0x6F0)):
            yield tag("CR64", u64(v), cpu, n)
    yield tag("gpregs", bytes(128), 0)


def vmware(raw, ranges, out, single=False, cr3=0):
    """The memory lies without gaps; three regions, as on a machine with a hole for PCI."""
    runs = list(pieces(raw, ranges))
    memory = [tag("align_mask", u32(0xFFFF)), tag("regionsCount", u32(len(runs)))]
    at = 0
    for i, (first, data) in enumerate(runs):
        memory += [tag("regionPageNum", u32(at // PAGE), i), tag("regionPPN", u32(first // PAGE), i),
                   tag("regionSize", u32(len(data) // PAGE), i)]
        at += len(data)
    state = pathlib.Path(f"{out}.vmss")
    groups = [("Checkpoint", [tag("fileversion", u32(10)), tag("ProductName", b"VMware ESX".ljust(256, b"\0"))]),
              ("cpu", list(cpu_tags(cr3))), ("memory", memory)]
    with open(state, "wb") as f:
        offset, table = 12 + 80 * len(groups), b""
        for name, tags in groups:
            body = b"".join(tags) + b"\0\0"
            table += name.encode().ljust(64, b"\0") + struct.pack("<QQ", offset, len(body))
            offset += len(body)
        f.write(struct.pack("<III", 0xBED2BED2, 8, len(groups)) + table)
        for name, tags in groups:
            f.write(b"".join(tags))
            if name == "memory" and single:
                head = bytes([2 << 6 | 63, 6]) + b"Memory" + struct.pack("<II", 0, 0) + struct.pack("<QQ", at, at)
                pad = -(f.tell() + len(head) + 2) % 65536
                f.write(head + struct.pack("<H", pad) + bytes(pad))
                for _, data in runs:
                    f.write(data)
            f.write(b"\0\0")
    if single:
        return state
    with open(f"{out}.vmem", "wb") as f:
        for _, data in runs:
            f.write(data)
    return pathlib.Path(f"{out}.vmem")


def vmware_single(raw, ranges, out):
    return vmware(raw, ranges, out, single=True)


def vmware_guest(raw, ranges, out):
    """debug.vmem and debug.guest, of crash's vmware_guestdump.c. The sample's memory has no hole that it could state."""
    end = max(ranges)[1] // PAGE + 1
    with open(raw, "rb") as f, open(f"{out}.vmem", "wb") as g:
        g.write(f.read().ljust(end * PAGE, b"\0"))
    with open(f"{out}.guest", "wb") as g:
        g.write(struct.pack("<IIBBIQQQII4Q", 4, 1, 1, 0, 0, 0, end * PAGE - 1, end, 0, 0, 0, 0, 0, 0))
        g.write(bytes(300 + PAGE))
    return pathlib.Path(f"{out}.guest")


# ---- VirtualBox: the core of a machine ----

REGISTERS = "rax rbx rcx rdx rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip rsp rbp rflags".split()


def core_cpu(cr3):
    """DBGFCORECPU, format 0x00010006."""
    cpu = struct.pack("<18Q", *range(18)) + bytes(4 * 24) + struct.pack("<QIIHHI", 0, 0, 0, 0, 0, 0) + bytes(24)
    cpu += struct.pack("<4Q", CR0, 0, cr3, 0x6F0) + bytes(8 * 8) + bytes(2 * 16 + 2 * 24 + 3 * 8)
    cpu += struct.pack("<7Q", EFER, 0, 0, 0, 0, 0, 0xFFFF888000000000) + bytes(5 * 8 + 4096)
    return cpu


def note(kind, name, data):
    # The length of the name is without its zero, and both are padded to 8.
    pad = -(len(name) + 1) % 8 + 1
    return struct.pack("<III", len(name), len(data) + -len(data) % 8, kind) + name + bytes(pad) + data + bytes(-len(data) % 8)


def virtualbox_core(raw, ranges, out, cr3=0x1000):
    runs = list(pieces(raw, ranges))
    loads = [(first, len(data), data) for first, data in runs] + [(0xF0000000, 0x1000000, b"")]  # and memory of a device
    notes = note(0xB00, b"VBCORE", struct.pack("<IIIIII", 0xC01AC0DE, 0x10006, 24, 0x70001C, 157968, 2))
    notes += 2 * note(0xB01, b"VBCPU", core_cpu(cr3))
    offset = 64 + 56 * (1 + len(loads))
    with open(out, "wb") as f:
        f.write(b"\x7fELF\x02\x01\x01" + bytes(9))
        f.write(struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1 + len(loads), 64, 0, 0))
        f.write(struct.pack("<IIQQQQQQ", 4, 4, offset, 0, 0, len(notes), len(notes), 0))
        at = offset + len(notes)
        for first, size, data in loads:
            f.write(struct.pack("<IIQQQQQQ", 1, 4, at, 0, first, len(data), size, 0))
            at += len(data)
        f.write(notes)
        for _, _, data in loads:
            f.write(data)


# ---- VirtualBox: saved state ----

BEGIN, END = 0x19200102, 0x19920406
RAW, LZF, ZERO = 0x92, 0x93, 0x94  # types of records, all important
FINAL = 0xFFFFFFFF


RUN = re.compile(rb"(.)\1{3,264}", re.DOTALL) # a byte, and what a reference can repeat of it


def lzf(page):
    """Runs of one byte as references, the rest as it is; None: not shorter by a sixteenth."""
    out, done = bytearray(), 0

    def literal(end):
        for at in range(done, end, 32):
            data = page[at:min(at + 32, end)]
            out.extend(bytes([len(data) - 1]) + data)

    for run in RUN.finditer(page):
        n = run.end() - run.start() - 1
        literal(run.start() + 1)
        out.extend(bytes([(n - 2) << 5, 0]) if n < 9 else bytes([7 << 5, n - 9, 0]))
        done = run.end()
    literal(len(page))
    return bytes(out) if len(out) <= len(page) * 15 // 16 else None


class Unit:
    """What SSM writes: small things are gathered in raw records, each page is a record."""

    def __init__(self, f, name, version, number=0):
        name = name.encode() + b"\0"
        self.f, self.small = f, bytearray()
        head = bytearray(b"\nUnit\n\0\0" + struct.pack("<QIIIIIII", f.tell(), 0, 0, version, 1, number, 0, len(name)) + name)
        head[20:24] = u32(zlib.crc32(head))
        f.write(head)
        self.begin = f.tell()

    def put(self, form, *values):
        self.small += struct.pack("<" + form, *values)
        if len(self.small) > 4000:
            self.flush()

    def text(self, s):
        self.put(f"I{len(s)}s", len(s), s)

    def flush(self):
        if self.small:
            n = len(self.small)
            size = bytes([n]) if n < 128 else bytes([0xC0 | n >> 6, 0x80 | n & 63]) if n < 2048 else \
                bytes([0xE0 | n >> 12, 0x80 | n >> 6 & 63, 0x80 | n & 63])
            self.f.write(bytes([RAW]) + size + self.small)
            self.small.clear()

    def page(self, page, packed):
        self.flush()
        small = lzf(page) if packed else None
        body, kind = (bytes([4]) + small, LZF) if small else (page, RAW)
        n = len(body)
        self.f.write(bytes([kind, 0xE0 | n >> 12, 0x80 | n >> 6 & 63, 0x80 | n & 63]) + body)

    def close(self):
        self.flush()
        self.f.write(struct.pack("<BBHIQ", 0x91, 14, 0, 0, self.f.tell() + 16 - self.begin))


def sav_cpus(f, cr3):
    u = Unit(f, "cpum", 20, FINAL)
    u.put("II", 2, 0)
    for _ in range(2):
        u.put("I18Q", BEGIN, *range(18))
        for _ in range(6):
            u.put("HHHQII", 0, 0, 1, 0xFFFF888000000000, 0, 0)
        u.put("4Q6Q", CR0, 0, cr3, 0x6F0, *[0] * 6)
        u.put("HQHQ3Q", 0, 0, 0, 0, 0, 0, 0)
        u.put("7Q", EFER, 0, 0, 0, 0, 0, 0)
        u.put("HHHQIIHHHQII", *[0] * 12)
        u.put("3QI", 1, 0, 0, END)
    u.close()


def sav_lists(u):
    """RAM, ROMs and the memory of devices; a page of each of the latter."""
    u.put("IQ", 0x20000000, 1 << 27)
    u.put("B", 1), u.text(b""), u.put("IB", 0, 0), u.text(b"PC BIOS"), u.put("QQ", 0xE0000, 0x20000), u.put("B", 255)
    u.put("B", 1), u.text(b"vga"), u.put("IB", 0, 0), u.text(b"VRam"), u.put("Q", 0x100000), u.put("B", 255)
    u.put("BBIB", 4 | 0x80, 1, 0, 1), u.page(b"BIOS" * 1024, True)
    u.put("BBI", 2 | 0x80, 1, 0), u.page(bytes(range(256)) * 16, False), u.put("B", 3)


def virtualbox_sav(raw, ranges, out, version=14, live=False, cr3=0):
    """Every 8th page compressed: Python is slow. Live: what is wrong in the first pass is put right in the last."""
    with open(out, "wb") as f:
        head = b"\x7fVirtualBox SavedState V2.0\n\0\0\0\0" + struct.pack("<HHIIBBBBIII", 7, 0, 28, 157968, 64, 8, 8, 0, 4, 0, 4096)
        f.write(head + u32(zlib.crc32(head + bytes(4))))
        u = Unit(f, "SSM", 1, FINAL)
        u.text(b"Build Type"), u.text(b"release"), u.close()
        if cr3:
            sav_cpus(f, cr3)
        for number in ([0] if live else []) + [FINAL]:
            u = Unit(f, "pgm", version, number)
            if number == FINAL:
                u.put("IBQI", BEGIN, 0, 0, 0)
                if version >= 12:
                    u.put("I", 0)
                u.put("I", END)
                for _ in range(2):
                    u.put("IBQI", BEGIN, 1, 0xFFFFFFFFFFFFFFFF, 9)
                    if version >= 14:
                        u.put("4Q", 0, 0, 0, 0)
                    u.put("I", END)
                if version < 14:
                    u.put("I", 0xFFFFFFFF)
            if number != FINAL or not live:
                sav_lists(u)
            last = -1
            for first, data in pieces(raw, ranges):
                for at in range(0, len(data), PAGE):
                    page, number_of = data[at:at + PAGE], (first + at) // PAGE
                    late = live and number_of % 5 == 0
                    if late and number != FINAL:
                        page = b"old " * 1024
                    elif live and not late and number == FINAL:
                        continue
                    zero = not page.strip(b"\0")
                    kind = 0 if zero else 1
                    u.put("B" if number_of == last + 1 else "BQ", *([kind] if number_of == last + 1 else [kind | 0x80, first + at]))
                    if not zero:
                        u.page(page, number_of % 8 == 0)
                    last = number_of
            u.put("B", 255)
            u.close()
        f.write(b"\nTheEnd\0" + struct.pack("<QIIIIIII", f.tell(), 0, 0, 0, 0, 0, 0, 0))


# ---- EWF ----

def ewf(raw, ranges, out):
    if not shutil.which("ewfacquire"):
        raise LookupError("needs ewfacquire")
    subprocess.run(["ewfacquire", "-q", "-u", "-c", "deflate:fast", "-S", "8MiB", "-m", "memory", "-t", out, raw],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pathlib.Path(f"{out}.E01")


MAKES = {"vmware": vmware, "vmware-single": vmware_single, "vmware-guest": vmware_guest, "virtualbox-core": virtualbox_core,
         "virtualbox-sav": virtualbox_sav, "virtualbox-sav-live": lambda raw, ranges, out: virtualbox_sav(raw, ranges, out, 12, True),
         "ewf": ewf}
