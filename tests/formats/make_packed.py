"""Compressions over raw memory and LiME, and AVML's own. Each function: (raw file, RAM ranges, file to write)."""
import bz2, ctypes, ctypes.util, functools, gzip, lzma, os, shutil, struct, subprocess, zlib
from concurrent.futures import ThreadPoolExecutor

LIME, AVML = 0x4C694D45, 0x4C4D5641
BLOCK = 1 << 24   # AVML's largest range
CHUNK = 1 << 16   # a snappy frame's content
PIECE = 1 << 20


def lime_parts(raw, ranges):
    """A LiME file of these ranges, in pieces."""
    with open(raw, "rb") as f:
        for first, last in ranges:
            yield struct.pack("<IIQQQ", LIME, 1, first, last, 0)
            f.seek(first)
            left = last - first + 1
            while left:
                data = f.read(min(left, PIECE))
                assert data, "a range is past the end of the raw file"
                yield data
                left -= len(data)


def raw_parts(raw, ranges):
    with open(raw, "rb") as f:
        while data := f.read(PIECE):
            yield data


def write(out, parts):
    with open(out, "wb") as f:
        for part in parts:
            f.write(part)


def lime(raw, ranges, out):
    write(out, lime_parts(raw, ranges))


def slow(make):
    """A maker of a compression that takes long: it is given a part of the memory."""
    make.slow = True
    return make


# ---- with the usual tools

def piped(parts, *command):
    """A maker that writes what @command makes of its standard input."""
    def make(raw, ranges, out):
        if not shutil.which(command[0]):
            raise LookupError(f"needs {command[0]}")
        with open(out, "wb") as f:
            tool = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=f)
            for part in parts(raw, ranges):
                tool.stdin.write(part)
            tool.stdin.close()
            if tool.wait():
                raise RuntimeError(f"{command[0]} failed")
    return make


# ---- with Python's

def split(parts, size):
    held = b""
    for part in parts:
        held += part
        whole = len(held) - len(held) % size
        for at in range(0, whole, size):
            yield held[at : at + size]
        held = held[whole:]
    if held:
        yield held


def members(parts, size, pack):
    """Each @size bytes by themselves, one behind the other."""
    def make(raw, ranges, out):
        with ThreadPoolExecutor() as pool:
            write(out, pool.map(pack, split(parts(raw, ranges), size)))
    return make


def bgzf_member(data):
    """As samtools writes them: the SAM specification, 4.1."""
    pack = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = pack.compress(data) + pack.flush()
    return (struct.pack("<BBBBIBBHBBHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25) + body +
            struct.pack("<II", zlib.crc32(data), len(data)))


def lime_zlib(raw, ranges, out):
    """LiME with compress=1: src/deflate.c."""
    pack = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, 11, 5)
    with open(out, "wb") as f:
        for part in lime_parts(raw, ranges):
            f.write(pack.compress(part))
        f.write(pack.flush())


# ---- lz4: the library's frame interface, lz4frame.h

LINKED, INDEPENDENT = 0, 1


@functools.cache # finding it starts programs
def library(name):
    found = ctypes.util.find_library(name)
    if not found:
        raise LookupError(f"needs lib{name}")
    return ctypes.CDLL(found)


class Lz4Preferences(ctypes.Structure):
    _fields_ = [("block_size", ctypes.c_int), ("mode", ctypes.c_int), ("checksum", ctypes.c_int),
                ("frame_type", ctypes.c_int), ("size", ctypes.c_uint64), ("dictionary", ctypes.c_uint32),
                ("block_checksum", ctypes.c_int), ("level", ctypes.c_int), ("flush", ctypes.c_uint32),
                ("speed", ctypes.c_uint32), ("reserved", ctypes.c_uint32 * 3)]


def lz4(parts, block=7, mode=INDEPENDENT, block_checksum=0, size=False, frames=None, skippable=False):
    def make(raw, ranges, out):
        lib = library("lz4")
        lib.LZ4F_compressFrameBound.restype = lib.LZ4F_compressFrame.restype = ctypes.c_size_t
        lib.LZ4F_compressFrameBound.argtypes = [ctypes.c_size_t, ctypes.c_void_p]
        lib.LZ4F_compressFrame.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
                                           ctypes.c_void_p]

        def pack(data):
            p = Lz4Preferences(block_size=block, mode=mode, checksum=1, block_checksum=block_checksum,
                               size=len(data) if size else 0)
            to = ctypes.create_string_buffer(lib.LZ4F_compressFrameBound(len(data), ctypes.byref(p)))
            n = lib.LZ4F_compressFrame(to, len(to), data, len(data), ctypes.byref(p))
            return (b"\x53\x2a\x4d\x18\x05\0\0\0where" if skippable else b"") + ctypes.string_at(to, n)

        everything = b"".join(parts(raw, ranges))
        write(out, map(pack, split([everything], frames or len(everything))))
    return make


def lz4_legacy(raw, ranges, out):
    """Blocks of 8 MiB behind a magic number, as `lz4 -l` and kernels have them."""
    lib = library("lz4")

    def blocks():
        yield struct.pack("<I", 0x184C2102)
        for data in split(lime_parts(raw, ranges), 8 << 20):
            to = ctypes.create_string_buffer(lib.LZ4_compressBound(len(data)))
            n = lib.LZ4_compress_default(data, to, len(data), len(to))
            yield struct.pack("<I", n) + ctypes.string_at(to, n)
    write(out, blocks())


# ---- AVML

def masked_crc(data):
    lib = ctypes.CDLL(os.environ["CRC32C"])
    lib.crc32c.restype = ctypes.c_uint32
    c = lib.crc32c(data, ctypes.c_size_t(len(data)))
    return ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF


def snappy_chunk(data):
    lib = library("snappy")
    lib.snappy_max_compressed_length.restype = ctypes.c_size_t
    lib.snappy_max_compressed_length.argtypes = [ctypes.c_size_t]
    n = ctypes.c_size_t(lib.snappy_max_compressed_length(ctypes.c_size_t(len(data))))
    to = ctypes.create_string_buffer(n.value)
    assert lib.snappy_compress(data, ctypes.c_size_t(len(data)), to, ctypes.byref(n)) == 0
    body, kind = ctypes.string_at(to, n.value), 0
    if len(body) >= len(data) - len(data) // 8: # as the snap crate does
        body, kind = data, 1
    return struct.pack("<II", kind | len(body) + 4 << 8, masked_crc(data)) + body


def avml(raw, ranges, out, block=BLOCK):
    """src/image.rs: ranges cut at 16 MiB; those of zeros are left out, but here are not."""
    library("snappy")
    with open(raw, "rb") as f, open(out, "wb") as to:
        for first, last in ranges:
            for start in range(first, last + 1, block):
                end = min(start + block, last + 1)
                f.seek(start)
                stream = b"\xff\x06\0\0sNaPpY" + b"".join(map(snappy_chunk, split([f.read(end - start)], CHUNK)))
                to.write(struct.pack("<IIQQQ", AVML, 2, start, end - 1, 0) + stream +
                         struct.pack("<Q", len(stream)))


def avml_old(raw, ranges, out):
    """Before 0.3: one stream a range, of whole pages."""
    avml(raw, ranges, out, 1 << 62)


MAKES = {
    "lime": lime,
    "lime-zlib": lime_zlib,
    "avml": avml,
    "avml-old": avml_old,
    "gzip": piped(raw_parts, "gzip", "-1"),
    "gzip-lime": piped(lime_parts, "gzip", "-1"),
    "gzip-members": members(lime_parts, 3 * PIECE + 5, lambda data: gzip.compress(data, 1)),
    "gzip-blocked": members(lime_parts, 0xFF00, bgzf_member),
    "xz": slow(piped(lime_parts, "xz", "-0", "-T1")),
    "xz-blocks": slow(piped(lime_parts, "xz", "-0", "-T0", "--block-size=1MiB")),
    "xz-large-blocks": slow(piped(lime_parts, "xz", "-0", "-T0", "--block-size=9MiB")),
    "xz-streams": slow(members(lime_parts, PIECE + 5, lambda data: lzma.compress(data, preset=0) + bytes(8))),
    "bzip2": slow(piped(lime_parts, "bzip2", "-9")),
    "bzip2-streams": slow(members(lime_parts, 5 * PIECE + 5, lambda data: bz2.compress(data, 9))),
    "lz4": lz4(lime_parts),
    "lz4-small": lz4(lime_parts, block=4, block_checksum=1, size=True),
    "lz4-linked": lz4(lime_parts, block=5, mode=LINKED),
    "lz4-frames": lz4(raw_parts, block=6, frames=7 * PIECE + 3, skippable=True),
    "lz4-legacy": lz4_legacy,
}
