"""The formats that engram itself writes."""
import os, subprocess


def by_convert(to):
    def make(raw, ranges, out):
        # Not of the raw file, whose holes are zeros: of a LiME file with just the ranges.
        lime = f"{out}.lime"
        with open(raw, "rb") as f, open(lime, "wb") as g:
            for first, last in ranges:
                g.write(b"EMiL" + (1).to_bytes(4, "little") + first.to_bytes(8, "little") + last.to_bytes(8, "little") + bytes(8))
                f.seek(first)
                g.write(f.read(last - first + 1))
        subprocess.run([os.environ["ENGRAM"], "-q", "convert", lime, "-o", out, "--to", to], check=True)

    return make


MAKES = {f"convert-{to}": by_convert(to) for to in ("raw", "lime", "elf", "pack")}
