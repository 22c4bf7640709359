#!/usr/bin/env python3
"""Every plugin in one command, against the slowest alone and the CPU time of all over the cores.

Usage: all.py ENGRAM IMAGE-or-FOLDER.  Best of five runs each.  Fails above the budget of 1.25."""
import glob
import os
import resource
import subprocess
import sys
import time

BUDGET = 1.25
engram, image = sys.argv[1:3]
if os.path.isdir(image):
    image = sorted(f for f in glob.glob(os.path.join(image, "*.zst")) if not f.endswith(".tar.zst"))[0]


def run(*args):
    """Wall and CPU seconds, the best of five."""
    best = None
    for _ in range(5):
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run([engram, "-q", "-r", "jsonl", image, *args], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{args}: {done.stderr.decode()}")
        used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
        best = min(best or (wall, used), (wall, used))
    return best


lines = subprocess.run([engram, "-q", "-r", "csv", "plugins", image], check=True, capture_output=True,
                       text=True).stdout.splitlines()[1:]
names = [line.split(",")[0] for line in lines if line.split(",")[2] == "true"]
cores = len(os.sched_getaffinity(0))
alone = {name: run(name) for name in names}
together, cpu = run(",".join(names))
slowest = max(alone, key=lambda name: alone[name][0])
bound = max(alone[slowest][0], cpu / cores)
for name in sorted(alone, key=alone.get):
    print(f"  {name:16} {alone[name][0] * 1000:8.1f} ms alone")
print(f"{len(names)} plugins together {together * 1000:.1f} ms; slowest alone {slowest} {alone[slowest][0] * 1000:.1f} ms; "
      f"CPU {cpu * 1000:.1f} ms on {cores} cores: ratio {together / bound:.2f}, budget {BUDGET}")
sys.exit(together > BUDGET * bound)
