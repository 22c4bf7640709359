#!/usr/bin/env python3
"""Does the first look say what an acquisition lost? Usage: cut.py ENGRAM SAMPLE.lime

Writes the sample's memory as LiME, raw and ELF core, with zeros from some address on or in the middle, or cut off, and reads
what `engram IMAGE` and `engram IMAGE quality` say: where it begins, how much it is, what of the kernel was there. The whole
sample, and one in which only free memory is zeros, are silent. Results are TAP."""
import json, pathlib, re, subprocess, sys, tempfile
import image

PAGE = image.PAGE
SILENT = "probed, nothing found that is cut off or lost"


def run(engram, *words):
    return subprocess.run([engram, "-q", *map(str, words)], capture_output=True, text=True, timeout=120)


def write(kind, data, ranges, path):
    if kind == "lime":
        path.write_bytes(data)
    else:
        {"raw": image.write_raw, "elf": image.write_elf}[kind](data, ranges, path)


def zeroed(data, ranges, first, last):
    """@data with zeros at the addresses [first, last)."""
    out = bytearray(data)
    for start, length, at in ranges:
        a, b = max(first, start), min(last, start + length)
        if a < b:
            out[at + a - start:at + b - start] = bytes(b - a)
    return out


def page(data, ranges, address):
    for start, length, at in ranges:
        if start <= address < start + length:
            return data[at + address - start:at + address - start + PAGE]
    return b"\1"


def run_of_zeros(data, ranges, address):
    """Around @address: it may be longer than what was written."""
    first = last = address
    while not any(page(data, ranges, first - PAGE)):
        first -= PAGE
    while not any(page(data, ranges, last)):
        last += PAGE
    return first, last


def quality(engram, path):
    """The first looks, and the rows of the whole one."""
    done = run(engram, path)
    said = re.search(r"^quality +(.*(?:\n {26}.*)*)", done.stdout, re.M)
    rows = json.loads(run(engram, "-r", "json", path, "quality").stdout)["results"][0]["rows"]
    return said.group(1) if said else done.stdout + done.stderr, done.stdout, rows


def cases(data, ranges, kernel, memmap):
    end = max(start + length for start, length, _ in ranges)
    whole = sum(length for _, length, _ in ranges)
    yield "whole", data, None, None
    # Of the kernel, only its remains: the tables are lost, and with them all else.
    yield "no kernel", zeroed(data, ranges, kernel, end), kernel, (
        r"zeros from {first:#x} on: {percent} % of the memory in the image, the kernel's page tables among it: "
        r"the acquisition was cut")
    yield "tail", zeroed(data, ranges, memmap, end), memmap, (
        r"zeros from {first:#x} on: {percent} % of (?:RAM|the memory in the image), .*struct pages.* among it: "
        r"the acquisition was cut")
    yield "middle", zeroed(data, ranges, memmap, memmap + (1 << 20)), memmap, (
        r"zeros from {first:#x} to {last:#x}: {percent} % of (?:RAM|the memory in the image), .*struct pages.* among it: "
        r"this memory was not read")
    free = free_memory(data, ranges)
    yield "free", zeroed(data, ranges, *free), None, None
    assert whole > 100 << 20


def free_memory(data, ranges):
    """The middle of the longest run of zeros of the sample: what is free."""
    best, at = (0, 0), ranges[-1][0] & -PAGE
    end = ranges[-1][0] + ranges[-1][1]
    while at < end:
        n = 0
        while at + n < end and not any(page(data, ranges, at + n)):
            n += PAGE
        best = max(best, (n, at))
        at += n + PAGE
    return best[1], best[1] + best[0]


def check(engram, name, data, ranges, at, expected, path):
    said, text, rows = quality(engram, path)
    if expected is None:
        wrong = [r for r in rows if r["KIND"] not in ("RAM", "memory")]
        return None if said.startswith(SILENT) and not wrong else f"is not silent: {said}; {wrong}"
    first, last = run_of_zeros(data, ranges, at)
    whole = sum(length for _, length, _ in ranges)
    percent = int(100 * (last - first) / whole + 0.5)
    # The raw file has more than RAM, and then the zeros are less of it.
    for near in (percent, percent - 1):
        if re.match(expected.format(first=first, last=last - 1, percent=near), said):
            break
    else:
        return f"not {expected.format(first=first, last=last - 1, percent=percent)} but {said}"
    if not any(r["KIND"] == "zeros" and int(r["START"], 16) == first for r in rows):
        return f"no row of zeros at {first:#x}: {rows}"
    return "blames an earlier boot" if "earlier boot" in text else None


def truncated(engram, kind, path):
    """A file that ends early: what is behind is missing, or cannot be read where a header says that it should be there."""
    lost = 1 << 20
    with open(path, "r+b") as f:
        f.truncate(path.stat().st_size - lost)
    rows = [r for r in quality(engram, path)[2] if r["KIND"] not in ("RAM", "memory")]
    if len(rows) != 1 or rows[0]["KIND"] != ("missing" if kind == "raw" else "unreadable"):
        return f"truncated: {rows}"
    # Behind RAM, the machine has the firmware's; what max_pfn says is RAM only.
    return None if abs(rows[0]["SIZE"] - lost) <= 64 * PAGE else f"truncated by {lost}: {rows}"


def main():
    engram, sample = sys.argv[1:]
    data = pathlib.Path(sample).read_bytes()
    ranges = image.lime_ranges(data)
    rows = json.loads(run(engram, "-r", "json", sample, "iomem").stdout)["results"][0]["rows"]
    rows = [{k.upper(): v for k, v in r.items()} for r in rows]
    kernel = next(int(r["START"], 16) for r in rows if r["NAME"] == "Kernel code")
    memmap = struct_pages(engram, sample)
    number = failed = 0
    for kind in "lime", "raw", "elf":
        for name, changed, at, expected in cases(data, ranges, kernel, memmap):
            if kind != "lime" and name in ("middle", "free"):
                continue
            with tempfile.TemporaryDirectory(prefix="engram-cut-") as folder:
                path = pathlib.Path(folder) / f"dump.{kind}"
                write(kind, changed, ranges, path)
                wrong = check(engram, name, changed, ranges, at, expected, path)
                if not wrong and name == "whole":
                    wrong = truncated(engram, kind, path)
            number += 1
            failed += wrong is not None
            print(f"{'not ' if wrong else ''}ok {number} - {kind}: {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}")
    sys.exit(failed != 0)


def struct_pages(engram, sample):
    """Where in physical memory the array of struct page is: that of page 0."""
    base = int.from_bytes(subprocess.run([engram, "-q", "read", sample, "vmemmap_base", "8"], capture_output=True).stdout[:8],
                          "little")
    rows = json.loads(run(engram, "-r", "json", "vtop", sample, hex(base)).stdout)["results"][0]["rows"]
    return next(int(r["ADDRESS"], 16) for r in rows if r["STEP"] == "physical") & -PAGE


if __name__ == "__main__":
    main()
