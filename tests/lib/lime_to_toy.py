#!/usr/bin/env python3
"""Write a LiME dump in the format that docs/module-guide.md invents. Usage: lime_to_toy.py LIME TOY"""
import struct
import sys

with open(sys.argv[1], "rb") as f:
    lime = f.read()
ranges, at = [], 0
while at < len(lime):
    magic, version, first, last, _ = struct.unpack_from("<IIQQQ", lime, at)
    assert magic == 0x4C694D45 and version == 1, hex(at)
    ranges.append((first, last - first + 1, at + 32))
    at += 32 + last - first + 1
with open(sys.argv[2], "wb") as f:
    place = 4096
    f.write(b"TOYDUMP1" + struct.pack("<Q", len(ranges)))
    for first, size, _ in ranges:
        f.write(struct.pack("<QQQ", first, size, place))
        place += size
    f.seek(4096)
    for _, size, at in ranges:
        f.write(lime[at:at + size])
