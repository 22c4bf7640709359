"""Ways to damage an image. Each generator yields Variants; everything() is all of them, the same for the same seed."""
import os
import random
import struct
from dataclasses import dataclass, field

import image
from image import PAGE


@dataclass
class Variant:
    name: str
    base: str = "lime"                         # a copy of which file is damaged
    edits: list = field(default_factory=list)  # (offset, bytes)
    size: int = None                           # and then cut, or grown, to this
    slack: int = 0                             # places hit that may each be the key of a row
    names: int = 0                             # symbols that may get other names
    honest: bool = False                       # memory is away, none is false: nor may be any cell
    path: str = None                           # a file of its own: base is not used
    write: object = None                       # writes it


def flip(data, at, bit):
    return at, bytes([data[at] ^ 1 << bit])


def truncated(at, bases):
    for base, path in bases.items():
        size = os.path.getsize(path)
        for length in (0, 1, 7, 8, 31, 32, 63, 64, PAGE, PAGE + 1, size // 4, size // 2, size * 3 // 4, size - PAGE,
                       size - PAGE // 2, size - 1):
            yield Variant(f"truncated/{base}/{length}", base, size=length, honest=base != "zst")
        yield Variant(f"grown/{base}", base, size=size + 12345)


def holes(at, rng, rounds):
    """Ranges of nothing, as dumpers leave them: zeros, ones, or what stood elsewhere."""
    size = len(at.data)
    for name, start, length in [("first-quarter", image.LIME.size, size // 4), ("last-quarter", size * 3 // 4, size // 4),
                                ("second-half", size // 2, size // 2 - 64)]:
        yield Variant(f"zeroed/{name}", edits=[(start, bytes(length))])
    for i in range(6 * rounds):
        length = PAGE << rng.randrange(0, 13)
        start = at.page(rng.randrange(size // 100, size - length))
        fill = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length)])
        yield Variant(f"filled/{i}-{start:#x}+{length:#x}-{fill[0]:02x}", edits=[(start, fill)], names=length)


def absent(at, rng, rounds):
    """Memory that is not in the image, which says so."""
    segments = image.elf_segments(at.ranges)
    for i in range(8 * rounds):
        first, length, offset = segments[-1]
        cuts = sorted(rng.sample(range(length // PAGE), 2 * rng.choice((1, 8, 70))))
        width = rng.choice((1, 16, 256, length))  # of a hole, at most, in pages
        parts, start = [segments[0]], 0
        for one, two in zip(cuts[::2], cuts[1::2]):
            if one > start:
                parts.append((first + start * PAGE, (one - start) * PAGE, offset + start * PAGE))
            start = min(two, one + width)
        parts.append((first + start * PAGE, length - start * PAGE, offset + start * PAGE))
        yield Variant(f"absent/{i}-{len(cuts) // 2}x{width}", "elf", edits=[(0, image.elf_head(parts))], honest=True)


def flips(at, rng, rounds):
    for i in range(6 * rounds):
        n = 10 ** rng.randrange(1, 5)
        edits = [flip(at.data, rng.randrange(len(at.data)), rng.randrange(8)) for _ in range(n)]
        yield Variant(f"flips/{i}-{n}", edits=edits, slack=1 + n // 100, names=n)


def swapped(at, rng, rounds):
    for i in range(4 * rounds):
        n = 4 ** rng.randrange(1, 6)
        edits = []
        for _ in range(n):
            one, two = (at.page(rng.randrange(len(at.data))) for _ in range(2))
            edits += [(one, at.data[two:two + PAGE]), (two, at.data[one:one + PAGE])]
        yield Variant(f"swapped/{i}-{n}", edits=edits, names=PAGE * n)


def aimed(at, rng, rounds):
    """At what everything else hangs on."""
    def btf():
        return at.btf + rng.randrange(at.btf_size)

    targets = {
        "init_task": lambda: at.init_task + rng.randrange(PAGE),
        "task": lambda: rng.choice(at.tasks) + rng.randrange(2 * PAGE),
        "module": lambda: rng.choice(at.modules) + rng.randrange(768),
        "page-table": lambda: rng.choice(at.tables),
        "page-tables": lambda: at.page(rng.choice(at.tables)) + rng.randrange(PAGE),
        "btf-head": lambda: at.btf + rng.randrange(24),
        "btf": btf,
        "kallsyms-names": lambda: at.kallsyms - rng.randrange(1 << 20),
        "kallsyms-tokens": lambda: at.kallsyms + rng.randrange(-512, 2048),
        "kallsyms-offsets": lambda: at.kallsyms + rng.randrange(350 << 10),
        "vmcoreinfo": lambda: rng.choice(at.notes) + rng.randrange(2500),
        "banner": lambda: at.banner + rng.randrange(64),
        "object": lambda: chase(at, rng),
    }
    for i in range(2 * rounds):
        for name, target in targets.items():
            place = min(target(), len(at.data) - 1)
            page = at.page(place)
            yield Variant(f"aimed/{name}/flip-{i}-{place:#x}", edits=[flip(at.data, place, rng.randrange(8))], slack=1, names=1 << 20)
            edits = [flip(at.data, page + rng.randrange(PAGE), rng.randrange(8)) for _ in range(50)]
            yield Variant(f"aimed/{name}/flips-{i}-{page:#x}", edits=edits, slack=50, names=1 << 20)
            fill = rng.choice([bytes(PAGE), b"\xff" * PAGE, rng.randbytes(PAGE)])
            yield Variant(f"aimed/{name}/filled-{i}-{page:#x}-{fill[0]:02x}", edits=[(page, fill)], names=1 << 20)
    for i in range(6 * rounds):
        for name in ("task", "module", "object"):
            place = targets[name]()
            yield Variant(f"aimed/{name}/pointer-{i}-{place:#x}", edits=[pointer(at, rng, place)])


def chase(at, rng):
    """A few pointers on from a task: its memory, its files, its mounts."""
    place = rng.choice(at.tasks)
    for _ in range(rng.randrange(1, 5)):
        place = rng.choice(at.pointers(place) or [place])
    return place


def pointer(at, rng, place):
    """A pointer near @place that now leads to itself, into the same page, or to where another pointer leads."""
    page = at.page(place)
    words = struct.unpack_from(f"<{PAGE // 8}Q", at.data, page)
    slots = [i for i, w in enumerate(words) if w > at.direct] or [0]
    slot = rng.choice(slots)
    here = at.direct + next(f + page - o for f, n, o in at.ranges if o <= page < o + n)
    value = rng.choice([here + 8 * slot, here + 8 * rng.choice(slots), words[rng.choice(slots)], 0, 2**64 - 8])
    return page + 8 * slot, struct.pack("<Q", value)


def lying_lime(at):
    first, length, _ = at.ranges[0]
    second = at.ranges[1][2] - image.LIME.size
    last = at.ranges[1][0] + at.ranges[1][1] - 1
    lies = {
        "2^63": (0, (0x4C694D45, 1, 0, 2**63, 0)), "all": (0, (0x4C694D45, 1, 0, 2**64 - 1, 0)),
        "backwards": (0, (0x4C694D45, 1, 2**63, 0, 0)), "version": (0, (0x4C694D45, 9, first, first + length - 1, 0)),
        "high": (0, (0x4C694D45, 1, 2**64 - length, 2**64 - 1, 0)), "overlap": (second, (0x4C694D45, 1, 0, last, 0)),
        "second-2^63": (second, (0x4C694D45, 1, 0x100000, 2**63, 0)), "second-magic": (second, (0, 1, 0x100000, last, 0)),
        "second-same": (second, (0x4C694D45, 1, first, first + length - 1, 0)),
        "shifted": (second, (0x4C694D45, 1, 0x101000, last + PAGE, 0)),
    }
    for name, (offset, fields) in lies.items():
        yield Variant(f"lying/lime/{name}", edits=[(offset, image.LIME.pack(*fields))], names=1 << 20)


def lying_elf(at):
    lies = {  # offset, format, value
        "phnum": (56, "<H", 60000), "phnum-xnum": (56, "<H", 0xffff), "phnum-0": (56, "<H", 0), "phoff": (32, "<Q", 2**63),
        "phoff-end": (32, "<Q", 2**64 - 1), "phentsize": (54, "<H", 1), "phentsize-0": (54, "<H", 0), "machine": (18, "<H", 8),
        "class": (4, "<B", 1), "data": (5, "<B", 2), "shoff": (40, "<Q", 2**64 - 64), "type": (64, "<I", 4),
        "offset": (72, "<Q", 2**64 - PAGE), "paddr": (88, "<Q", 2**64 - PAGE), "paddr-odd": (88, "<Q", 0x1001),
        "filesz": (96, "<Q", 2**63), "memsz": (104, "<Q", 2**64 - 1), "filesz-0": (96, "<Q", 0),
        "second-offset": (128, "<Q", 0), "second-paddr": (144, "<Q", 0), "second-filesz": (152, "<Q", 2**64 - 1),
        "second-note": (120, "<I", 4), "second-memsz": (160, "<Q", 2**63),
    }
    for name, (offset, form, value) in lies.items():
        yield Variant(f"lying/elf/{name}", "elf", edits=[(offset, struct.pack(form, value))], names=1 << 20)


def packed(bases, rng, rounds):
    """The compressed file: its frames and its table."""
    with open(bases["zst"], "rb") as f:
        data = f.read()
    size = len(data)
    foot = {"magic": (size - 4, b"\0" * 4), "flags": (size - 5, b"\xff"), "frames": (size - 9, b"\xff\xff\xff\x7f"),
            "frames-0": (size - 9, bytes(4)), "entry": (size - 9 - 8 * 20, b"\xff" * 16), "table": (size - 1000, bytes(900)),
            "head": (0, b"\0" * 4), "first-block": (6, b"\xff" * 16)}
    for name, edit in foot.items():
        yield Variant(f"packed/{name}", "zst", edits=[edit], names=1 << 20)
    for i in range(4 * rounds):
        n = 10 ** rng.randrange(0, 4)
        edits = [flip(data, rng.randrange(size), rng.randrange(8)) for _ in range(n)]
        yield Variant(f"packed/flips-{i}-{n}", "zst", edits=edits, names=1 << 20)
        start = rng.randrange(size)
        yield Variant(f"packed/zeroed-{i}", "zst", edits=[(start, bytes(min(1 << rng.randrange(22), size - start)))], names=1 << 20)


def others(at, bases, folder):
    """Files that are no image of this machine, or more than one."""
    def made(name, content):
        def write(path):
            with open(path, "wb") as f:
                f.write(content())

        return Variant(f"other/{name}", path=os.path.join(folder, name), write=write, names=1 << 20)

    yield made("text", lambda: b"A letter, not an image.\n" * 1000)
    yield made("png", lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0" + bytes(range(256)) * 999)
    yield made("zeros", lambda: bytes(8 << 20))
    yield made("ones", lambda: b"\xff" * (8 << 20))
    yield made("noise", lambda: random.Random(0).randbytes(4 << 20))
    yield made("twice", lambda: at.data * 2)
    yield made("program", lambda: open("/proc/self/exe", "rb").read())
    yield Variant("other/profile", path=os.path.join(folder, "profile.egp"), write=at.make_profile, names=1 << 20)
    yield made("lime-only", lambda: at.data[:image.LIME.size])
    yield made("kernel-only", lambda: at.data[at.page(at.btf) - (8 << 20):at.page(at.btf) + (24 << 20)])
    yield Variant("other/folder", path=folder)
    yield Variant("other/null", path="/dev/null")
    yield Variant("other/missing", path=os.path.join(folder, "nothing"))


def everything(at, bases, folder, seed, rounds):
    rng = random.Random(seed)
    yield from truncated(at, bases)
    yield from lying_lime(at)
    yield from lying_elf(at)
    yield from others(at, bases, folder)
    yield from absent(at, rng, rounds)
    yield from holes(at, rng, rounds)
    yield from flips(at, rng, rounds)
    yield from swapped(at, rng, rounds)
    yield from packed(bases, rng, rounds)
    yield from aimed(at, rng, rounds)
