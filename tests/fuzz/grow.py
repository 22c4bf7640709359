#!/usr/bin/env python3
"""Fuzz a target for some time, and keep the inputs that reach most: at most 50, and 300 KB together.

    CC=clang meson setup build-fuzz -Dfuzz=libfuzzer -Db_lundef=false -Db_sanitize=address,undefined && ninja -C build-fuzz
    tests/fuzz/grow.py build-fuzz TARGET [SECONDS]

What it found lies in build-fuzz/grow/TARGET, between runs too: the next one goes on from there. Inputs in corpus/TARGET with
names of their own stay; those named by their digest may go. A crash is left in
build-fuzz/grow/TARGET-crash-…, and the exit status is 1."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

FILES, BYTES, INPUT = 50, 300 << 10, 40 << 10
DIGEST = re.compile(r"[0-9a-f]{12}")


def reached(program, folders, scratch):
    """{input: what it reaches}, as the fuzzing engine's merge sees it."""
    control = os.path.join(scratch, "control")
    empty = os.path.join(scratch, "merged")
    os.mkdir(empty)
    subprocess.run([program, "-merge=1", f"-merge_control_file={control}", empty, *folders], stderr=subprocess.DEVNULL, check=True)
    with open(control, encoding="utf-8") as f:
        lines = f.read().split("\n")
    files, out = lines[2:2 + int(lines[0])], {}
    for kind, number, *what in (line.split() for line in lines[2 + len(files):] if line.startswith(("FT ", "COV "))):
        out.setdefault(files[int(number)], set()).update((kind, w) for w in what)
    return out


def choose(inputs, old, named):
    """Those of @named, and then whatever adds most for its size; an edge counts as much as twenty counters, and what is
    in the corpus already ten times, so that it does not change for nothing."""
    chosen = list(named)
    have = set().union(*(inputs[path] for path in chosen))
    room = BYTES - sum(map(os.path.getsize, chosen))
    rest = {path: os.path.getsize(path) for path in inputs if path not in named and os.path.getsize(path) <= INPUT}

    def worth(path):
        new = sum(20 if kind == "COV" else 1 for kind, _ in inputs[path] - have)
        return new * (10 if path in old else 1) / (200 + rest[path])

    while rest and len(chosen) < FILES:
        best = max(rest, key=worth)
        if not worth(best):
            break
        if rest[best] <= room:
            chosen.append(best)
            have |= inputs[best]
            room -= rest[best]
        del rest[best]
    return chosen


def main():
    build, target, seconds = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "600"
    program = os.path.join(build, "tests", target + "_fuzz")
    corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", target)
    grown = os.path.join(build, "grow", target, "")
    os.makedirs(grown, exist_ok=True)
    done = subprocess.run([program, f"-max_total_time={seconds}", "-timeout=20",
                           f"-artifact_prefix={build}/grow/{target}-", grown, corpus], check=False)
    if done.returncode:
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        inputs = reached(program, [corpus, grown], scratch)
        old = [os.path.join(corpus, name) for name in os.listdir(corpus)]
        named = [path for path in old if path in inputs and not DIGEST.fullmatch(os.path.basename(path))]
        chosen = choose(inputs, old, named)
        for path in chosen:
            if not path.startswith(corpus):
                with open(path, "rb") as f:
                    name = hashlib.sha1(f.read()).hexdigest()[:12]
                shutil.copyfile(path, os.path.join(corpus, name))
        for path in old:
            if path not in chosen:
                os.remove(path)
    print(f"{target}: {len(chosen)} of {len(inputs)} inputs kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
