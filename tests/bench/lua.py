#!/usr/bin/env python3
"""Instructions per row of pslist in Lua against the plugin in C, counted by callgrind.

    lua.py ENGRAM TWINS IMAGE

Each is run with all rows and with none (--pid of nobody, which walks the same tasks): the difference is what rows cost,
the making of their text included. The second ratio is of everything behind the opening of the image, the start of the
virtual machine too. It fails only when something cannot be measured."""
import os
import re
import subprocess
import sys
import tempfile

BUDGET = 4.0


def count(engram, image, *args):
    """Instructions of the whole command, and its rows."""
    with tempfile.TemporaryDirectory() as d:
        p = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={d}/out", engram, "-q", "-j", "1", "-r", "csv",
                            image, *args], check=True, capture_output=True)
    return int(re.search(rb"Collected : (\d+)", p.stderr).group(1)), p.stdout.count(b"\n") - 1


def main():
    engram, twins, image = sys.argv[1:4]
    image = os.environ.get("IMAGE", image)
    with tempfile.TemporaryDirectory() as d:
        if image.endswith(".zst"): # unpacking would be counted too, and is not the same from run to run
            subprocess.run(["zstd", "-dqf", image, "-o", f"{d}/image"], check=True)
            image = f"{d}/image"
        nobody = ["--pid", "2000000000"]
        c, rows = count(engram, image, "pslist")
        c_none, no_rows = count(engram, image, "pslist", *nobody)
        lua, lua_rows = count(engram, image, "--plugin-dir", twins, "lua_pslist")
        lua_none, _ = count(engram, image, "--plugin-dir", twins, "lua_pslist", *nobody)
        bare, _ = count(engram, image, "banner")
    if rows != lua_rows or rows < 1 or no_rows:
        raise RuntimeError(f"{rows} rows of C, {lua_rows} of Lua, {no_rows} of nobody")
    per_c, per_lua = (c - c_none) / rows, (lua - lua_none) / rows
    ratio = per_lua / per_c
    print(f"instructions per row of {rows}: C {per_c:.0f}, Lua {per_lua:.0f}: {ratio:.2f} x"
          f"   budget {BUDGET:.0f} x {'met' if ratio <= BUDGET else 'NOT MET'}")
    print(f"all but opening, walk and start too: C {(c - bare) / rows:.0f}, Lua {(lua - bare) / rows:.0f}: {(lua - bare) / (c - bare):.2f} x")


if __name__ == "__main__":
    main()
