#!/usr/bin/env python3
"""One header damaged: is all the rest still read? Usage: headers.py ENGRAM PAGES [NAME...]

A small memory of random pages, which no compression makes smaller, is written in each format. What of a file
is not such a page is headers, tables and checksums. Each piece of that is damaged in every way below, the file
is opened, and PAGES says what is read. Only the pages between that piece and the next one may be lost or
changed, and a note must say that something is wrong. Results are TAP."""
import bz2, gzip, lzma, os, pathlib, random, struct, subprocess, sys, tempfile

import make_kdump, make_packed, make_qemu, make_sadump, make_vmware

PAGE = 4096
RANGES = [(0x1000, 0x8FFF), (0x10000, 0x1BFFF), (0x20000, 0x27FFF)]
SHOWN = 5
NEAR = 40  # bytes at both ends of a piece that are damaged word by word
STEP = 0x4000


def parts(raw, step=STEP):
    data = pathlib.Path(raw).read_bytes()
    return [(at, data[at:at + step]) for at in range(0, len(data), step)]


def pages_in(part):
    return sum(part[i:i + PAGE] != bytes(PAGE) for i in range(0, len(part), PAGE))


def flattened(raw, ranges, out):
    """makedumpfile's stream, of raw memory."""
    edges, n = [], 0
    with open(out, "wb") as f:
        f.write(b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1) + bytes(4096 - 32))
        for at, part in parts(raw):
            edges.append((f.tell(), f.tell() + 16, range(n, n + pages_in(part))))
            n += pages_in(part)
            f.write(struct.pack(">qq", at, len(part)) + part)
        f.write(struct.pack(">qq", -1, -1))
    flattened.pieces = lambda data: edges


def elf(raw, ranges, out):
    """A core with a segment for each range, whose program headers are pages apart: each is a piece by itself."""
    data = pathlib.Path(raw).read_bytes()
    with open(out, "wb") as f:
        f.write(b"\x7fELF\2\1\1".ljust(16, b"\0"))
        f.write(struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(ranges), 0, 0, 0))
        at = PAGE
        for first, last in ranges:
            size = last + 1 - first
            f.write(struct.pack("<IIQQQQQQ", 1, 7, at, first, first, size, size, 0))
            at += size
        for first, last in ranges:
            f.write(bytes(-f.tell() % PAGE) + data[first:last + 1])


def elf_pieces(data):
    pages = [(last + 1 - first) // PAGE for first, last in RANGES]
    return [(64 + 56 * i, 64 + 56 * (i + 1), range(sum(pages[:i]), sum(pages[:i + 1]))) for i in range(len(pages))]


elf.pieces = elf_pieces


def members(pack):
    """Raw memory of which each STEP bytes are packed by themselves: each is a piece."""
    def make(raw, ranges, out):
        make.edges, n = [], 0
        with open(out, "wb") as f:
            for at, part in parts(raw):
                begin = f.tell()
                f.write(pack(part))
                make.edges.append((begin, f.tell(), range(n, n + pages_in(part))))
                n += pages_in(part)
    make.pieces = lambda data: make.edges
    return make


def lz4_frame(data):
    with tempfile.TemporaryDirectory() as folder:
        raw, out = pathlib.Path(folder) / "raw", pathlib.Path(folder) / "out"
        raw.write_bytes(data)
        make_packed.lz4(make_packed.raw_parts, block=4, block_checksum=1, size=True)(raw, [], out)
        return out.read_bytes()


def lz4_blocks(checks):
    """One frame: a block is a piece, without its first bytes, which is the frame's header."""
    make_frame = make_packed.lz4(make_packed.raw_parts, block=4, block_checksum=checks)

    def make(raw, ranges, out):
        make_frame(raw, ranges, out)
        data, at, n = pathlib.Path(out).read_bytes(), 7, 0
        make.edges = [(0, at, range(pages_in(pathlib.Path(raw).read_bytes())))]
        for _, part in parts(raw, 1 << 16):
            end = at + 4 + (int.from_bytes(data[at:at + 4], "little") & 0x7FFFFFFF) + 4 * checks
            make.edges.append((at, end if checks else at + 4, range(n, n + pages_in(part)))) # without, only sizes can be checked
            at, n = end, n + pages_in(part)
    make.pieces = lambda data: make.edges
    return make


def numbers():
    return [page for first, last in RANGES for page in range(first // PAGE, (last + 1) // PAGE)]


def fields(make, *edges):
    """What is between these edges covers no page: all of them are read without it."""
    def made(raw, ranges, out):
        return make(raw, ranges, out)
    made.pieces = lambda data: [(0, 0, range(0))] + [(a, b, range(0)) for a, b in edges]
    return made


def kdump(raw, ranges, out):
    """A descriptor is a piece. Behind the last comes the page of zeros, then the pages."""
    make_kdump.plain(make_kdump.ZLIB)(raw, ranges, out)


kdump.pieces = lambda data: [(0, 4 * PAGE, range(0))] + [(4 * PAGE + 24 * i, 4 * PAGE + 24 * (i + 1), [i]) for i in range(len(numbers()))]


def vmware(raw, ranges, out):
    """The tags of a region are a piece; the memory itself is in the .vmem."""
    make_vmware.vmware(raw, ranges, out)
    return f"{out}.vmss"


def vmware_pieces(data):
    names = b"regionPageNum", b"regionPPN", b"regionSize"
    pages = [(last + 1 - first) // PAGE for first, last in RANGES]
    found, at = [(0, 0, range(0))], 0
    for i, n in enumerate(pages):
        begin = data.index(names[0], at) - 2
        at = data.index(names[2], begin) + len(names[2]) + 8
        found.append((begin, at, range(sum(pages[:i]), sum(pages[:i + 1]))))
    return found


vmware.pieces = vmware_pieces


def xen(raw, ranges, out):
    """A frame number at the end of the file is a piece."""
    make_qemu.xen(True)(raw, ranges, out)


def xen_pieces(data):
    table = struct.pack(f"<{len(numbers())}Q", *numbers())
    at = data.rindex(table)
    return [(0, at, range(0))] + [(at + 8 * i, at + 8 * (i + 1), [i]) for i in range(len(numbers()))]


xen.pieces = xen_pieces


# Formats that are chains of ranges, records, frames or headers.
MAKES = {
    "flattened": flattened,
    "elf": elf,
    "zstd": members(make_qemu.tool("zstd", "-q", "-1", f"--stream-size={STEP}")),
    "xz": members(lambda b: lzma.compress(b, preset=0)),
    "bzip2": members(lambda b: bz2.compress(b, 9)),
    "gzip": members(lambda b: gzip.compress(b, 1)),
    "bgzf": members(make_packed.bgzf_member),
    "lz4-frames": members(lz4_frame),
    "lz4": lz4_blocks(0),
    "lz4-checks": lz4_blocks(1),
    "lime": make_packed.lime,
    "avml": make_packed.avml,
    "qemu": make_qemu.stream,
    "libvirt": make_qemu.MAKES["libvirt"],
    "virtualbox": make_vmware.virtualbox_sav,
    "vmware": vmware,
    "xen": xen,
    "kdump": kdump,
    "sadump": fields(make_sadump.partition, (0, 88), (88, 168), (2 * PAGE, 2 * PAGE + 128)),
    "sadump-medium": fields(make_sadump.medium, (0, 64), (PAGE, PAGE + 88), (PAGE + 88, PAGE + 168)),
}
# What follows damaged pieces of these is not read, or may be at wrong addresses: sizes of content are nowhere
# else, and addresses are counted from the piece before. Without a piece, or with one twice, they are healthy
# files of something else.
REST = {"xz", "bzip2", "zstd", "virtualbox"}
# In these there is no order, and what is missing or there twice is a healthy file of something else.
FREE = REST | {"elf", "gzip", "bgzf", "lz4", "lz4-checks", "lz4-frames", "vmware", "xen", "kdump", "sadump", "sadump-medium"}
# A piece of zeros is padding.
PADDED = {"gzip", "bgzf"}
# Where in a header the addresses and the place in the file are: a false one may be that of other pages.
ADDRESS = {"flattened": range(8), "elf": {*range(8, 16), *range(24, 40)}, "qemu": range(1, 64, 8), "libvirt": range(1, 64, 8),
           "virtualbox": range(64), "xen": range(8), "kdump": range(8), "vmware": {*range(16, 23), *range(35, 42), *range(55, 62)}}
# The first header covers only its own pages; that of the others covers all of the file.
FIRST = {"lime", "avml", "elf"}


def write_raw(path):
    make = random.Random(1)
    with open(path, "wb") as f:
        for first, last in RANGES:
            f.seek(first)
            f.write(make.randbytes(last + 1 - first))


def regions(data, raw):
    """[(start, end, pages behind it)]: the pieces of the file that hold no page. A page that does not lie in the file in
    one piece belongs to the piece that it is in."""
    pages = [raw[at:at + PAGE] for first, last in RANGES for at in range(first, last + 1, PAGE)]
    found = sorted((at, i) for i, p in enumerate(pages) if (at := data.find(p)) >= 0)
    out, end = [], 0
    for at, i in found + [(len(data), None)]:
        if at > end:
            out.append([end, at, []])
        if i is not None:
            if not out:
                out.append([0, 0, []])
            out[-1][2].append(i)
            end = at + PAGE
    return out, set(range(len(pages))) - {i for _, i in found}


def words(a, b):
    """Where the words at both ends of a piece begin."""
    return sorted({at for at in range(a, b - 3, 4) if at - a < NEAR or b - at <= NEAR})


def damages(data, found, i, address, rest):
    """(what, bytes, pieces whose pages may be lost)"""
    a, b, _ = found[i]
    put = lambda at, new: data[:at] + new + data[at + len(new):]
    if b - a > 512 or not rest:  # fewer zeros are padding
        yield "zeros", put(a, bytes(b - a)), [i]
    yield "ones", put(a, b"\xff" * (b - a)), [i]
    for at in words(a, b):
        if at - a not in address:
            yield f"word {at - a:#x} inverted", put(at, bytes(c ^ 255 for c in data[at:at + 4])), [i]
    for at in words(a, b):
        if at - a not in address:
            yield f"word {at - a:#x} zero", put(at, bytes(4)), [i]
    for at in range(a + 1, min(b, a + NEAR), 8):
        if at - a not in address:
            yield f"byte {at - a:#x} plus 16", put(at, bytes([data[at] + 16 & 255])), [i]
    if rest:  # or a table, which has no order
        return
    yield "missing", data[:a] + data[b:], [i]
    yield "twice", data[:b] + data[a:], [i]
    yield "cut", data[:a + (b - a) // 2], range(i, len(found))
    if 0 < i < len(found) - 2:
        c, d = found[i + 1][0], found[i + 2][0]
        yield "before the one before it", data[:a] + data[c:d] + data[a:c] + data[d:], [i, i + 1]


def try_format(tool, name, top, raw):
    """@return how many damaged files were tried, and what was wrong with which."""
    make, out = MAKES[name], top / "dump"
    out = pathlib.Path(make(raw, RANGES, out) or out)
    data = out.read_bytes()
    found, whole = (make.pieces(data), set()) if hasattr(make, "pieces") else regions(data, raw.read_bytes())
    reader = subprocess.Popen([tool, raw], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace")

    def look():
        reader.stdin.write(f"{out}\n")
        reader.stdin.flush()
        line = reader.stdout.readline()
        if not line:
            raise EOFError
        state, *rest = line.rstrip("\n").split("\t")
        return state, rest[1:], int(rest[0]) if rest else 0

    healthy, notes, more = look()
    wrong, tried = [], 0
    if set(healthy) != {"="}:
        return 0, [f"healthy: {healthy} {notes}"]
    for i in range(0 if name in FIRST else 1, len(found)):
        for how, bytes_, lost in damages(data, found, i, ADDRESS.get(name, ()), name in FREE):
            lost = range(i, len(found)) if name in REST or how == "zeros" and name in PADDED else lost
            out.write_bytes(bytes_)
            tried += 1
            try:
                state, said, extra = look()
            except EOFError:
                return tried, wrong + [f"piece {i}, {how}: the reader crashed or was too slow"]
            may = {page for k in lost for page in found[k][2]} | whole
            if state[:1] == "!":
                if len(may) < len(healthy):
                    wrong.append(f"piece {i}, {how}: refused: {state}")
                continue
            gone = {n for n, c in enumerate(state) if c != "="}
            if gone - may:
                wrong.append(f"piece {i}, {how}: pages {sorted(gone - may)} are lost: {state} {said}")
            elif (extra > more or any(state[n] != "?" for n in gone)) and said == notes:
                wrong.append(f"piece {i}, {how}: no note: {state} {extra}")
    reader.stdin.close()
    reader.wait()
    return tried, wrong


def main():
    engram, tool, *only = sys.argv[1:]
    os.environ["ENGRAM"] = engram
    os.environ["CRC32C"] = os.path.join(os.path.dirname(os.path.abspath(tool)), "crc32c.so")
    failed = number = 0
    with tempfile.TemporaryDirectory(prefix="engram-headers-") as name:
        top = pathlib.Path(name)
        raw = top / "raw"
        write_raw(raw)
        for what in MAKES:
            if only and what not in only:
                continue
            number += 1
            try:
                with tempfile.TemporaryDirectory(dir=top) as folder:
                    tried, wrong = try_format(tool, what, pathlib.Path(folder), raw)
            except LookupError as e:
                print(f"ok {number} - {what} # SKIP {e}", flush=True)
                continue
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {what}: {tried} files", flush=True)
            for line in wrong[:SHOWN]:
                print(f"# {line}")
    print(f"1..{number}")
    sys.exit(1 if failed or not number else 0)


if __name__ == "__main__":
    main()
