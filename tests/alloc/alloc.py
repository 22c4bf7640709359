#!/usr/bin/env python3
"""Let one allocation after the other fail: the answer is then right, or one line of error, and never a crash.

    alloc.py ENGRAM FAILING.so IMAGE [PLUGIN...] [--tries N | --every]

The steps between those that fail grow: N of them are tried, the first ones all; --every lets each one fail (a few
minutes). Without a plugin: pslist."""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

LIMIT = 60  # seconds


def run(a, n, count=os.devnull):
    return subprocess.run([a.engram, "-q", "-j", "1", "-r", "json", "-f", a.image, ",".join(a.plugins)], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT,
                          env=os.environ | {"LD_PRELOAD": a.failing, "FAIL_AT": str(n), "FAIL_COUNT": count,
                                            "MALLOC_PERTURB_": "165"})  # what is not set is seen


def fault(a, n, right):
    """What is wrong with the answer when the @n-th allocation fails; None: nothing."""
    try:
        done = run(a, n)
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT} s"
    error = done.stderr.decode("utf-8", "replace")
    if done.returncode in (2, 3):
        return None if error.count("\n") == 1 and "memory" in error else f"exit status {done.returncode}: {error[:300]}"
    if done.returncode or error:
        return f"exit status {done.returncode}: {error[:300]}"
    # Where the kernel was found by another trace, the answer is no less right.
    return None if json.loads(done.stdout)["results"] == right else "other rows, and not a word"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("engram")
    p.add_argument("failing")
    p.add_argument("image")
    p.add_argument("plugins", nargs="*", default=["pslist"])
    p.add_argument("--tries", type=int, default=400)
    p.add_argument("--every", action="store_true")
    a = p.parse_args()
    with tempfile.NamedTemporaryFile() as count:
        right = json.loads(run(a, 0, count.name).stdout)["results"]
        total = int(count.read())
    tries = total if a.every else min(a.tries, total)
    numbers, n = [], 0
    while n < total:
        left = max(1, tries - len(numbers)) # n * growth ** left = total
        n = max(n + 1, int(n * (total / n) ** (1 / left)) if n else 1)
        numbers.append(n)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0)))) as pool:
        for n, text in zip(numbers, pool.map(lambda n: fault(a, n, right), numbers)):
            bad += text is not None
            if text:
                print(f"allocation {n}: {text}")
    print(f"{len(numbers)} of {total} allocations failed, {bad} answered badly")
    return 1 if bad or total < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
