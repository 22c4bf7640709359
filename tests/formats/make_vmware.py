"""VMware's files, VirtualBox's and EWF. VMware and VirtualBox themselves are not at hand: their files are written here
as crash's, Volatility's and VirtualBox's own sources describe them."""
import pathlib, shutil, struct, subprocess, zlib

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


# ---- EWF ----

def ewf(raw, ranges, out):
    if not shutil.which("ewfacquire"):
        raise LookupError("needs ewfacquire")
    subprocess.run(["ewfacquire", "-q", "-u", "-c", "deflate:fast", "-S", "8MiB", "-m", "memory", "-t", out, raw],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pathlib.Path(f"{out}.E01")


MAKES = {"vmware": vmware, "vmware-single": vmware_single, "ewf": ewf}
