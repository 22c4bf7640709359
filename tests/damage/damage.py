#!/usr/bin/env python3
"""Damage the bundled image in every way there is, and see that the answers stay honest: an exit status of 0, 2 or 3, one line
of error after any notes, valid JSON, in time, no row for an object that the undamaged image lacks, and a note where rows are lost.

    damage.py ENGRAM IMAGE.zst [--rounds N] [--seed N] [--every N] [--only TEXT] [--jobs N] [--keep FOLDER]
              [--debuggers]

IMAGE.zst is a LiME file. About a gigabyte is written to the current folder meanwhile.

To add a sort of damage: a generator in variants.py. --only runs the variants whose name has TEXT in it, --every N each
N-th; --keep leaves the images that showed something in FOLDER; --debuggers
also writes the kernel's ELF file of each, and asks what a debugger would. Exit status 1 when something was found."""
import argparse
import collections
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import image
import variants
from engram import PLUGINS, ask, debug, faults, judge, rows_of


class Copies:
    """Each thread damages a file of its own, and mends it again: one at a time, of the base that it needs."""

    def __init__(self, folder, bases):
        self.folder, self.bases, self.mine = folder, bases, threading.local()

    def of(self, base):
        path = os.path.join(self.folder, f"{threading.get_ident()}.damaged")
        if getattr(self.mine, "base", None) != base:
            shutil.copyfile(self.bases[base], path)
            self.mine.base = base
        return path


def mended(path, original, edits):
    """Undo: the original's bytes where edits were, and its length."""
    size = os.path.getsize(original)
    with open(original, "rb") as source, open(path, "r+b") as f:
        now = os.path.getsize(path)
        f.truncate(size)
        spans = [(at, len(data)) for at, data in edits] + ([(now, size - now)] if now < size else [])
        for at, length in spans:
            source.seek(at)
            f.seek(at)
            f.write(source.read(length))


def check(a, copies, whole, limit, variant):
    """@return what is wrong, by the command that showed it."""
    path = variant.path or copies.of(variant.base)
    if variant.write:
        variant.write(path)
    if not variant.path:
        with open(path, "r+b") as f:
            for at, data in variant.edits:
                f.seek(at)
                f.write(data)
            if variant.size is not None:
                f.truncate(variant.size)
    found = []
    summary = ask(a.engram, path, [], limit)
    found += [f"engram FILE: {w}" for w in faults(summary, limit)[0]]
    answer = ask(a.engram, path, PLUGINS, limit)
    found += judge(answer, whole.rows, variant, limit)
    if a.debuggers:
        found += debug(a.engram, os.path.abspath(path), limit)
    if found and a.keep:
        shutil.copyfile(path, os.path.join(a.keep, variant.name.replace("/", "-")))
    if not variant.path:
        mended(path, copies.bases[variant.base], variant.edits)
    if variant.write:
        os.unlink(path)
    return found, answer


class Whole:
    """The undamaged image: its rows, and its time."""

    def __init__(self, engram, path):
        answer = ask(engram, path, PLUGINS, 600)
        wrong, results, notes = faults(answer, 600)
        if wrong or answer.status or notes or set(results) != set(PLUGINS):
            sys.exit(f"{path}: the undamaged image already: {wrong} {notes} {answer.err}")
        self.rows, self.time = rows_of(results), answer.time


class Tally:
    """Counts of what was seen."""

    def __init__(self):
        self.done = self.bad = 0
        self.statuses, self.slowest = collections.Counter(), (0, "")

    def add(self, variant, found, answer):
        self.done += 1
        self.bad += bool(found)
        self.statuses[answer.status] += 1
        self.slowest = max(self.slowest, (answer.time, variant.name))
        for text in found:
            print(f"{variant.name}: {text}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("engram")
    p.add_argument("zst")
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--only", default="")
    p.add_argument("--jobs", type=int, default=min(4, len(os.sched_getaffinity(0))))
    p.add_argument("--keep")
    p.add_argument("--debuggers", action="store_true")
    a = p.parse_args()
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        bases = {"zst": a.zst} | {k: os.path.join(folder, k) for k in ("lime", "raw", "elf")}
        subprocess.run(["zstd", "-qd", a.zst, "-o", bases["lime"]], check=True)
        with open(bases["lime"], "rb") as f:
            data = f.read()
        at = image.Map(a.engram, bases["lime"], data)
        image.write_raw(data, at.ranges, bases["raw"])
        image.write_elf(data, at.ranges, bases["elf"])
        whole = Whole(a.engram, bases["lime"])
        limit = max(20, 50 * whole.time)
        for base in ("zst", "raw", "elf"):  # the same memory in other files: the same rows
            other = Whole(a.engram, bases[base])
            differ = [n for n in whole.rows if n != "info" and other.rows[n] != whole.rows[n]]
            if differ:
                sys.exit(f"{base}: {differ} differ from the LiME file's")
            whole.rows["info"] |= other.rows["info"]
        copies, tally, pending = Copies(folder, bases), Tally(), collections.deque()
        with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
            for n, variant in enumerate(variants.everything(at, bases, folder, a.seed, a.rounds)):
                if a.only in variant.name and n % a.every == a.seed % a.every:
                    pending.append((variant, pool.submit(check, a, copies, whole, limit, variant)))
                while len(pending) > 2 * a.jobs: # their edits are in memory
                    variant, job = pending.popleft()
                    tally.add(variant, *job.result())
            for variant, job in pending:
                tally.add(variant, *job.result())
    counts = ", ".join(f"{n} with exit status {s}" for s, n in sorted(tally.statuses.items(), key=str))
    print(f"{tally.done} damaged images ({counts}), {tally.bad} answered badly, {time.monotonic() - start:.0f} s; "
          f"slowest {tally.slowest[0]:.1f} s: {tally.slowest[1]}")
    return 1 if tally.bad or not tally.done else 0


if __name__ == "__main__":
    sys.exit(main())
