#!/usr/bin/env python3
"""Has docs/files.md every format, and every kind of file that formats/known.c refuses; and no other? Usage: named.py ROOT ENGRAM"""
import pathlib, re, subprocess, sys

root, engram = pathlib.Path(sys.argv[1]), sys.argv[2]
page = (root / "docs/files.md").read_text()
source = re.sub(r"\s+", " ", (root / "formats/known.c").read_text())
wrong = []

error = subprocess.run([engram, "--format", "?", "x", "info"], capture_output=True, text=True).stderr
listed = subprocess.run([engram, "help", "formats"], capture_output=True, text=True).stdout
formats = set(re.findall(r"^  (\w+)", listed, re.M))
assert len(formats) > 15 and "lime" in formats, listed + error
rows = re.findall(r"^\|.*?\| ((?:`\w+`(?:, )?)+) \|", page, re.M)
named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
wrong += [f"the format {name} is not in the table" for name in formats - named]
wrong += [f"there is no format {name}" for name in named - formats]

kinds = set(re.findall(r'AT\( ?\w+, "(?:[^"\\]|\\.)*", "([^"]+)"', source)) | set(re.findall(r'\.what = "([^"]+)"', source))
assert len(kinds) > 40, kinds
refused = page[page.index("## Not a memory image"):]
wrong += [f"{kind} is refused, but not in the table" for kind in sorted(kinds) if kind not in refused]
cells = re.findall(r"^\| (.+?) \|", refused, re.M)[2:]
for cell in cells:
    for kind in re.split(r", (?=an? |the )", cell):
        if kind not in kinds and kind not in ("the core of a program",):
            wrong.append(f"the table has {kind!r}, which formats/known.c has not")
print("\n".join(wrong))
sys.exit(bool(wrong))
