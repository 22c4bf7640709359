"""kdump-compressed dumps in every packing, with a dump level, split, and flattened. The codecs that Python lacks are
taken from their libraries."""
import ctypes, ctypes.util, struct, zlib

PAGE = 4096
ZLIB, LZO, SNAPPY, ZSTD = 1, 2, 4, 32


def library(name):
    path = ctypes.util.find_library(name)
    if not path:
        raise LookupError(f"needs lib{name}")
    return ctypes.CDLL(path)


def packer(flag):
    """@return a function that packs a page."""
    room = ctypes.create_string_buffer(2 * PAGE)
    got = ctypes.c_size_t()
    if flag == ZLIB:
        return lambda page: zlib.compress(page, 1)
    if flag == ZSTD:
        lib = library("zstd")
        lib.ZSTD_compress.restype = ctypes.c_size_t

        def pack(page):
            used = lib.ZSTD_compress(room, ctypes.c_size_t(len(room)), page, ctypes.c_size_t(PAGE), 1)
            return room.raw[:used]
    elif flag == LZO:
        lib = library("lzo2")
        work = ctypes.create_string_buffer(1 << 18)

        def pack(page):
            got.value = len(room)
            lib.lzo1x_1_compress(page, ctypes.c_size_t(PAGE), room, ctypes.byref(got), work)
            return room.raw[: got.value]
    else:
        lib = library("snappy")

        def pack(page):
            got.value = len(room)
            lib.snappy_compress(page, ctypes.c_size_t(PAGE), room, ctypes.byref(got))
            return room.raw[: got.value]
    return pack


def bitmap(pfns, length):
    bits = bytearray(length)
    for pfn in pfns:
        bits[pfn >> 3] |= 1 << (pfn & 7)
    return bytes(bits)


def pieces(raw, ranges, flag, level, first=0, last=1 << 52, split=False):
    """The dump, as (place, bytes) in the order in which makedumpfile would write them."""
    pack = packer(flag) if flag else None
    ram = sorted({pfn for a, b in ranges for pfn in range(a // PAGE, b // PAGE + 1)})
    end = ram[-1] + 1
    zero = bytes(PAGE)
    with open(raw, "rb") as f:
        memory = f.read()
    page_of = lambda pfn: memory[pfn * PAGE : pfn * PAGE + PAGE]
    written = [pfn for pfn in ram if not (level & 1 and page_of(pfn) == zero)]
    blocks = -(-end // (8 * PAGE))
    here = [pfn for pfn in written if first <= pfn < last]
    first, last = (first, min(last, end)) if split else (0, 0)
    name = lambda text: text.ljust(65, b"\0")
    head = b"KDUMP   " + struct.pack("<i", 6)
    head += b"".join(map(name, (b"Linux", b"guest", b"6.1", b"#1", b"x86_64", b""))) + bytes(6)
    head += struct.pack("<QQIiiIIIIIIi", 1700000000, 0, flag, PAGE, 1, 2 * blocks, end, 0, 0, 0, 0, 1)
    sub = struct.pack("<QiiQQ", 0, level, split, first, last) + bytes(48) + struct.pack("<QQQ", first, last, end)
    descs = (2 + 2 * blocks) * PAGE
    zeros = data = descs + 24 * len(written)  # of the whole set
    yield PAGE, sub
    yield 2 * PAGE, bitmap(ram, blocks * PAGE)
    yield (2 + blocks) * PAGE, bitmap(written, blocks * PAGE)
    yield data, zero
    data += PAGE
    table, buffer = [], []
    for n, pfn in enumerate(here):
        page = page_of(pfn)
        if page == zero:
            table.append(struct.pack("<QIIQ", zeros, PAGE, 0, 0))
        else:
            packed = pack(page) if pack else page
            used = len(packed) < PAGE
            table.append(struct.pack("<QIIQ", data, len(packed) if used else PAGE, flag if used else 0, 0))
            buffer.append(packed if used else page)
            data += len(buffer[-1])
        if n % 1000 == 999 or n + 1 == len(here):
            both = b"".join(buffer)
            yield descs + 24 * (n + 1 - len(table)), b"".join(table)
            yield data - len(both), both
            table, buffer = [], []
    yield 0, head


def write(out, what):
    with open(out, "wb") as f:
        for place, data in what:
            f.seek(place)
            f.write(data)


def plain(flag, level=0):
    def make(raw, ranges, out):
        write(out, pieces(raw, ranges, flag, level))

    make.excludes = bool(level)
    return make


def split(raw, ranges, out):
    edges = [0, 5000, 5001, ranges[-1][1] // PAGE + 1]
    for n, (first, last) in enumerate(zip(edges, edges[1:])):
        write(f"{out}.{n}", pieces(raw, ranges, LZO, 0, first, last, True))
    return f"{out}.1"


def flattened(raw, ranges, out):
    with open(out, "wb") as f:
        f.write(b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1) + bytes(4096 - 32))
        for place, data in pieces(raw, ranges, SNAPPY, 0):
            f.write(struct.pack(">qq", place, len(data)) + data)
        f.write(struct.pack(">qq", -1, -1))


MAKES = {
    "kdump-flattened": flattened,
    "kdump-level": plain(ZSTD, 1),
    "kdump-lzo": plain(LZO),
    "kdump-snappy": plain(SNAPPY),
    "kdump-split": split,
    "kdump-stored": plain(0),
    "kdump-zlib": plain(ZLIB),
    "kdump-zstd": plain(ZSTD),
}
