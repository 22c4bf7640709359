"""sadump: a partition, a set of disks, and a backup on a medium; by what makedumpfile's sadump_mod.h says of the format."""
import pathlib, struct

PAGE = 4096
IDS = bytes(range(1, 33))  # of the machine and of the set
TIME = struct.pack("<H6BIh2B", 2026, 3, 14, 9, 26, 53, 0, 0, 2047, 0, 0)
LMA, PG = 1 << 10, 1 << 31


def part_header(disk, volume, used):
    head = struct.pack("<8sIIII", b"sadump", 1, 60, 1, 1) + bytes(64) + IDS + bytes([volume] * 16) + TIME
    head += struct.pack("<IIQ", disk, 0, used)
    magic = []
    while len(head) + 4 * len(magic) < PAGE:
        magic.append((magic[-1] + 7) * 11 & 0xFFFFFFFF if magic else 0x1234)
    return head + struct.pack(f"<{len(magic)}I", *magic)


def set_header(disks):
    volumes = b"".join(bytes([n + 1] * 16) + struct.pack("<QII", 0, 0, 0) for n in range(disks))
    return (struct.pack("<IIQ", 1, disks, 0) + volumes).ljust(PAGE, b"\0")


def cpu(root):
    """The state save map of system-management mode."""
    state = bytearray(1024)
    struct.pack_into("<I", state, 576, 0x6F0)
    struct.pack_into("<QQQQQ", state, 984, 0xFFFFFFFF81000000, LMA | 1, 0x46, root, PG | 1)
    return bytes(state)


def bitmap(pfns, blocks):
    bits = bytearray(blocks * PAGE)
    for pfn in pfns:
        bits[pfn >> 3] |= 0x80 >> (pfn & 7)
    return bytes(bits)


def dump_header(ram, written, roots):
    """All from the dump header to the end of the bitmaps."""
    end = ram[-1] + 1
    blocks = -(-end // (8 * PAGE))
    sub = struct.pack("<I", 1024 * len(roots)) + bytes(16 * len(roots)) + b"".join(map(cpu, roots))
    sub += bytes(-len(sub) % PAGE)
    head = struct.pack("<8sII", b"sadump", 1, 0) + TIME
    head += struct.pack("<13II", 0, 0, PAGE, 0, len(sub) // PAGE, blocks, blocks, end & 0xFFFFFFFF, len(ram), 0, len(written), 0,
                        len(roots), 0)
    head += struct.pack("<4Q", end, len(ram), 0, len(written))
    return head.ljust(PAGE, b"\0") + sub + bitmap(ram, blocks) + bitmap(written, blocks)


def read(raw, ranges, level):
    memory = pathlib.Path(raw).read_bytes()
    ram = [pfn for a, b in ranges for pfn in range(a // PAGE, b // PAGE + 1)]
    page = lambda pfn: memory[pfn * PAGE:pfn * PAGE + PAGE]
    written = [pfn for pfn in ram if not (level and page(pfn) == bytes(PAGE))]
    return ram, written, page


def write(out, front, pages, page):
    with open(out, "wb") as f:
        f.write(front)
        for pfn in pages:
            f.write(page(pfn))


def partition(raw, ranges, out):
    ram, written, page = read(raw, ranges, 1)
    front = dump_header(ram, written, [0x2A10000, 0])
    write(out, part_header(0, 1, PAGE + len(front) + PAGE * len(written)) + front, written, page)


partition.excludes = True


def medium(raw, ranges, out):
    ram, written, page = read(raw, ranges, 0)
    front = dump_header(ram, written, [0x2A10000])
    media = (IDS + TIME + bytes([1, 0, 0, 0])).ljust(PAGE, b"\0")
    write(out, media + part_header(0, 1, 0) + front, written, page)


def disks(raw, ranges, out):
    """Three disks with different amounts; the second is opened."""
    ram, written, page = read(raw, ranges, 0)
    front = set_header(3) + dump_header(ram, written, [0x2A10000])
    edges = [0, len(written) // 5, len(written) // 2, len(written)]
    for n in range(3):
        mine = written[edges[n]:edges[n + 1]]
        before = front if n == 0 else b""
        head = part_header(n + 1, n + 1, PAGE + len(before) + PAGE * len(mine))
        write(f"{out}.{n + 1}", head + before, mine, page)
    return f"{out}.2"


MAKES = {"sadump-disks": disks, "sadump-medium": medium, "sadump-partition": partition}
