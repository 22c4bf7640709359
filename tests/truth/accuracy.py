#!/usr/bin/env python3
"""Compare every image of a farm with what its guest said, and write the table.

    accuracy.py FOLDER ENGRAM [-o docs/accuracy.md] [--results FILE] [--jobs N] [--again] [--only NAME]

FOLDER/NAME/mem.* beside FOLDER/NAME/truth, as samples/make leaves them. A line for each image as it is done; all that
differs in the results (FOLDER/accuracy.jsonl): one line of JSON for each image. What is in there already, of the same
engram, image and declarations, is not done again. Exit status 1 when a row is missing, wrong or invented, or an image
does not open."""
import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import page
from compare import COUNTS, judge, run
from plugins import DECLARATIONS
from truth import Truth

SHOWN = 20  # texts of each kind that the results keep


def manner(path, folder):
    """(live, partial, options of engram) of an image, by the files beside it."""
    name = os.path.basename(path)
    live = name == "mem.lime" and os.path.exists(f"{folder}/truth/pids-before-dump.txt")
    # Of the crash's memory as a whole the first kernel is the one that wrote the vmcore.
    second = name == "mem.raw" and os.path.exists(f"{folder}/mem.vmcore")
    return live, ".d31." in name, ["--kernel", "2"] if second else []


def machine(truth):
    """What the guest said of itself as a whole."""
    cpu = truth.text("proc", "cpuinfo") or ""
    ram = sum(int(b, 16) - int(a, 16) + 1 for a, b in
              re.findall(r"^([0-9a-f]+)-([0-9a-f]+) : System RAM$", truth.text("proc", "iomem") or "", re.M))
    line = [w for w in (truth.text("proc", "cmdline") or "").split() if not w.startswith(("console=", "panic=", "loglevel=", "root="))]
    x86 = "vendor_id" in cpu
    return {"kernel": truth.text("proc", "version").split()[2], "architecture": "x86-64" if x86 else "AArch64",
            "cpus": len(re.findall(r"^processor\s*:", cpu, re.M)), "ram": ram >> 20, "page": truth.page(),
            "levels": (5 if re.search(r"^flags.*\bla57\b", cpu, re.M) else 4) if x86 else None,
            "line": " ".join(w for w in line if w != "quiet"), "processes": len(truth.pids()), "threads": len(truth.tids())}


def one_plugin(engram, path, truth, declaration, more):
    out = {"plugin": declaration.name}
    try:
        report = judge(engram, path, truth, declaration, more)
    except Exception as error:  # whatever it is, the others are compared
        return out | {"failed": str(error) if isinstance(error, RuntimeError) else repr(error)}
    if isinstance(report, str):
        return out | {"not": report}
    causes = {}
    for by in report.explained.values():
        for cause in by:
            causes[cause] = causes.get(cause, 0) + 1
    out |= report.counts() | {"values": report.values, "columns": report.columns, "causes": causes}
    for kind in ("missing", "wrong", "invented"):
        out[f"{kind}_rows"] = [f"{key}: {text}" for key, texts in getattr(report, kind).items() for text in texts][:SHOWN]
    return out


def one_image(engram, path, known):
    started, folder = time.monotonic(), os.path.dirname(path)
    live, partial, more = manner(path, folder)
    out = {"image": os.path.basename(folder), "file": os.path.basename(path)}
    try:
        truth = Truth(f"{folder}/truth", live, partial)
        out |= {"live": live, "partial": partial} | machine(truth)
    except Exception as error:  # a truth that is not whole
        return out | {"untold": repr(error)}
    try:
        out["format"] = run(engram, path, ["banner", *more])["format"]
    except RuntimeError as error:
        return out | {"unopened": str(error)}
    out["plugins"] = [one_plugin(engram, path, truth, d, more) for d in DECLARATIONS if d.name.split()[0] in known]
    return out | {"seconds": round(time.monotonic() - started, 1)}


def verdict(result):
    """(what kind, in words)"""
    for kind in ("unopened", "untold"):
        if kind in result:
            return kind, result[kind]
    failed = [f"{p['plugin']} failed: {p['failed']}" for p in result["plugins"] if "failed" in p]
    done = [p for p in result["plugins"] if "expected" in p]
    total = {name: sum(p[name] for p in done) for name in COUNTS}
    first = next((p["plugin"] + ": " + (p["missing_rows"] + p["wrong_rows"] + p["invented_rows"])[0] for p in done
                  if p["missing"] + p["wrong"] + p["invented"]), "")
    text = ", ".join(f"{n} {name}" for name, n in total.items()) + "".join(f"; {f}" for f in failed) + (f"; {first}" if first else "")
    return ("DIFFERS" if failed or first or not done else "equal"), text


def identity(path, tool):
    digest = hashlib.sha256(tool.encode())
    for name in sorted(glob.glob(os.path.dirname(os.path.abspath(__file__)) + "/*.py")):
        if os.path.basename(name) != "page.py":
            with open(name, "rb") as f:
                digest.update(f.read())
    s = os.stat(path)
    digest.update(f"{s.st_size} {s.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def load(results):
    """{(image, file): line}; the last line of a run that was stopped may be a part of one."""
    out = {}
    if os.path.exists(results):
        with open(results, encoding="utf-8") as f:
            for line in f:
                try:
                    one = json.loads(line)
                except ValueError:
                    continue
                out[one["image"], one["file"]] = one
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("engram")
    parser.add_argument("-o", "--output", help="write the table there")
    parser.add_argument("--results", help="where the results are kept (FOLDER/accuracy.jsonl)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="images at a time")
    parser.add_argument("--again", action="store_true", help="do all of it again")
    parser.add_argument("--only", action="append", help="images of this name; repeatable")
    a = parser.parse_args()
    engram, results = os.path.abspath(a.engram), a.results or f"{a.folder}/accuracy.jsonl"
    answer = json.loads(subprocess.run([engram, "plugins", "-r", "json"], capture_output=True, check=True).stdout)
    tool, known = answer["tool"], {row["PLUGIN"] for row in answer["results"][0]["rows"]}
    paths = [p for p in sorted(glob.glob(f"{a.folder}/*/mem.*")) if os.path.isdir(os.path.dirname(p) + "/truth")
             and not p.endswith(".txt") and (not a.only or os.path.basename(os.path.dirname(p)) in a.only)]
    have = {} if a.again else load(results)
    done, todo = [], []
    for path in paths:
        key = os.path.basename(os.path.dirname(path)), os.path.basename(path)
        old = have.get(key)
        if old and old["identity"] == identity(path, tool):
            done.append(old)
        else:
            todo.append(path)
    if done:
        print(f"{len(done)} of {len(paths)} images are done already", flush=True)
    with concurrent.futures.ProcessPoolExecutor(max(1, a.jobs)) as pool, open(results, "a", encoding="utf-8") as f:
        waiting = {pool.submit(one_image, engram, path, known): path for path in todo}
        for future in concurrent.futures.as_completed(waiting):
            result = {"identity": identity(waiting[future], tool), "tool": tool} | future.result()
            f.write(json.dumps(result) + "\n")
            f.flush()
            done.append(result)
            kind, text = verdict(result)
            print(f"{len(done):>3}/{len(paths)} {kind:<9} {result['image']}/{result['file']}: {text}", flush=True)
    with open(f"{results}.new", "w", encoding="utf-8") as f:  # one line for each, in order
        done.sort(key=lambda r: (r["image"], r["file"]))
        for key, old in sorted(have.items()) if a.only else ():
            if key not in {(r["image"], r["file"]) for r in done}:
                f.write(json.dumps(old) + "\n")
        f.writelines(json.dumps(result) + "\n" for result in done)
    os.replace(f"{results}.new", results)
    kinds = [verdict(result)[0] for result in done]
    print(f"{kinds.count('equal')} images as their guests said, {kinds.count('DIFFERS')} differ, {kinds.count('unopened')} not opened"
          + (f", of {kinds.count('untold')} the truth cannot be read" if "untold" in kinds else ""))
    if a.output:
        text = page.write([r for r in done if "untold" not in r], tool)
        with open(a.output, "w", encoding="utf-8") as f:
            f.write(text)
    return 0 if kinds and set(kinds) == {"equal"} else 1


if __name__ == "__main__":
    sys.exit(main())
