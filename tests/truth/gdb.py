#!/usr/bin/env python3
"""Does gdb open the core files of procdump, and print the same stacks as ustack?

    gdb.py ENGRAM IMAGE ROOT [--gdb PROGRAM] [PID...]

ROOT has the guest's files: programs and libraries as they were in it (what samples/make unpacks and builds). A stack that ustack
says is not complete must be the beginning of gdb's, which reads what memory did not have from the files. So must what is before code
without call frame information: behind that both guess, ustack by frame pointers, gdb by the code. Exit status 1 when one
differs, or gdb does not open a file."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

FRAMES = r'''
import gdb
for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
    thread.switch()
    frame, out = gdb.newest_frame(), []
    try:
        while frame is not None and len(out) < 1000:
            out.append("%#x" % frame.pc())
            frame = frame.older()
    except gdb.error as error:
        out.append("error")
    print("STACK", thread.ptid[1] or thread.ptid[2], *out)
for name in ("$xmm0", "$v0"):
    try:
        print("VECTOR", gdb.parse_and_eval(name).type)
    except gdb.error:
        pass
'''


def rows(engram, image, folder, *args):
    subprocess.run([engram, "-q", "-f", image, "-r", "json", *args, "-o", folder], check=True)
    with open(os.path.join(folder, args[0] + ".json"), encoding="utf-8") as f:
        return json.load(f)["results"][0]["rows"]


def by_gdb(gdb, root, program, core, script):
    out = subprocess.run([gdb, "-nx", "-batch", "-ex", f"set sysroot {root}", "-ex", "set backtrace past-main on", "-ex",
                          "set backtrace past-entry on", "-ex", "set auto-load no", "-ex", f"file {program}", "-ex", f"core-file {core}",
                          "-x", script], capture_output=True, check=False, timeout=300)
    stacks = {}
    for line in out.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("STACK "):
            tid, *frames = line.split()[1:]
            stacks[int(tid)] = frames
    return stacks, out.stderr.decode("utf-8", "replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engram")
    parser.add_argument("image")
    parser.add_argument("root")
    parser.add_argument("pids", nargs="*")
    parser.add_argument("--gdb", default="gdb")
    a = parser.parse_args()
    which = ["--pid", ",".join(a.pids)] if a.pids else []
    same = shorter = guessed = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "frames.py")
        with open(script, "w", encoding="utf-8") as f:
            f.write(FRAMES)
        stacks, programs = {}, {}
        for row in rows(a.engram, a.image, folder, "ustack", *which):
            stack = stacks.setdefault((row["PID"], row["TID"]), {"frames": [], "sure": 0, "guessed": False})
            stack["frames"].append(row["ADDRESS"])
            stack["ends"] = row["ENDS_EARLY"]
            stack["guessed"] |= row["FOUND_BY"] == "frame pointer"
            stack["sure"] += not stack["guessed"]
        for row in rows(a.engram, a.image, folder, "psaux", *which):
            programs[row["PID"]] = row
        for row in rows(a.engram, a.image, folder, "maps", *which):  # the program is what its first mapping is of
            if row["PATH"].startswith("/") and "path" not in programs[row["PID"]]:
                programs[row["PID"]]["path"] = row["PATH"].removesuffix(" (deleted)")
        for row in rows(a.engram, a.image, folder, "procdump", *(which or ["--every"])):
            path = programs[row["PID"]].get("path", "")
            # One in a container, or deleted, is a copy of one that is at its own place.
            for program in (path, f"/usr/bin/{os.path.basename(path)}", "/usr/bin/scene"):
                program = os.path.realpath(os.path.join(a.root, program.lstrip("/")))
                if os.path.isfile(program):
                    break
            got, errors = by_gdb(a.gdb, a.root, program, os.path.join(folder, row["FILE"]), script)
            for (pid, tid), stack in stacks.items():
                if pid != row["PID"]:
                    continue
                have, frames, ends = got.get(tid), stack["frames"], stack["ends"]
                if have == frames:
                    same += 1
                elif have and ends and have[:len(frames)] == frames:
                    shorter += 1
                elif have and stack["guessed"] and have[:stack["sure"]] == frames[:stack["sure"]]:
                    guessed += 1
                else:
                    bad += 1
                    print(f"{pid}/{tid} {row['COMM']}: ustack {frames} {ends or ''}\n    gdb {have} {errors if not have else ''}")
    print(f"{same} stacks are the same, {shorter} end earlier in ustack, which says so, {guessed} differ behind code that no table is about, "
          f"{bad} differ")
    return 1 if bad or not same else 0


if __name__ == "__main__":
    sys.exit(main())
