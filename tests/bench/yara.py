#!/usr/bin/env python3
"""The plugin yara beside the yara command: a hundred rules, one raw image; the same matches, and the time for them.

    yara.py ENGRAM RULES IMAGE

Fails when one finds what the other does not; whether the budget is met stands in the last column. IMAGE=FILE takes
another image."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time


def timed(args):
    begin = time.perf_counter()
    out = subprocess.run(args, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return time.perf_counter() - begin, out


def least(args, runs):
    return min(timed(args)[0] for _ in range(runs))


def theirs(out):
    found, rule = set(), None
    for line in out.split(b"\n"):
        match = re.match(rb"0x([0-9a-f]+):(\$\w*): ", line)
        if match:
            found.add((rule, int(match[1], 16), match[2].decode()))
        elif line:
            rule = line.split(b" ")[0].decode()
    return found


def ours(out):
    rows = [json.loads(line) for line in out.splitlines()]
    return {(r["RULE"], int(r["PHYSICAL"], 16), r["COMPONENT"]) for r in rows if r.get("COMPONENT")}


def main():
    engram, rules, image = sys.argv[1:4]
    image = os.environ.get("IMAGE", image)
    if not shutil.which("yara"):
        print("no yara command here")
        return 77
    with tempfile.TemporaryDirectory() as d:
        raw = f"{d}/raw"
        subprocess.run([engram, "-q", "convert", image, "-o", raw, "--to", "raw"], check=True)
        peer = ["yara", "-w", "-s", rules, raw]
        plugin = [engram, "-q", raw, "yara", "--rules", rules, "-r", "jsonl"]
        a, b = theirs(timed(peer)[1]), ours(timed(plugin)[1])
        for what, rows in (("only the yara command finds", a - b), ("only the plugin finds", b - a)):
            for row in sorted(rows)[:10]:
                print(f"{what} {row}")
        t = least(peer, 5)
        for what, more in (("", []), (", with --owners", ["--owners"])):
            took = least(plugin + more, 5)
            print(f"yara{what}: {took:.3f} s against {t:.3f} s of the command, {len(b)} matches"
                  f"   {took / t:.2f} x   budget 1.00 x   {'met' if took <= t else 'NOT MET'}")
    return 1 if a != b or not a else 0


if __name__ == "__main__":
    sys.exit(main())
