#!/usr/bin/env python3
"""engram diff and engram watch on the bundled image and on copies of it with a few bytes patched; and the keys that plugins
declare: does one find one row? Usage: changes.py ENGRAM; $IMAGE is the image, unpacked"""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

engram, image = str(pathlib.Path(sys.argv[1]).resolve()), os.environ["IMAGE"]
# Rows of the same key that the sample has for good reason: a variable that a program was given twice, a socket's several names.
MULTISETS = {"bash", "envars", "files", "interfaces", "netfilter", "routes", "rules"}
fails = []


def check(is_so, what):
    if not is_so:
        fails.append(what)
        print(what)


def run(*args):
    done = subprocess.run([engram, *args], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def rows(text):
    """The rows of jsonl: not the provenance, not notes."""
    return [row for row in map(json.loads, text.splitlines()) if "plugin" in row and "note" not in row and "error" not in row]


def table(*args):
    return list(csv.DictReader(run("-q", "-r", "csv", *args)[1].splitlines()))


def in_file(address):
    """Where a virtual address of the kernel is in the image."""
    return next(int(row["ADDRESS"], 16) for row in table("vtop", image, hex(address)) if row["STEP"] == "file")


def member(name):
    return int(table("dt", image, name)[0]["OFFSET"], 0)


def patched(path, changes):
    shutil.copyfile(image, path)
    with open(path, "r+b") as f:
        for address, data in changes:
            f.seek(in_file(address))
            f.write(data)
    return str(path)


def keys():
    """The key of each plugin that declares one, from its help."""
    found = {}
    for name in re.findall(r"^(\w+) ", run("plugins")[1], re.M)[1:]:
        said = re.search(r"^key: (.*(?:\n {4,}.*)*)", run("help", name)[1], re.M)
        if said:
            found[name] = [word.strip() for word in said[1].replace("\n", " ").split(",")]
    return found


def key_of(row, names):
    return tuple(str(row.get(name)) for name in names)


def check_keys():
    declared = keys()
    check(len(declared) > 30, f"only {len(declared)} plugins declare a key")
    found = {name: [] for name in declared}
    for row in rows(run("-q", "-r", "jsonl", image, ",".join(sorted(declared)))[1]):
        found[row["plugin"]].append(row)
    for name, names in declared.items():
        several = len(found[name]) - len({key_of(row, names) for row in found[name]})
        check(not several or name in MULTISETS, f"{name}: {several} rows have the key ({', '.join(names)}) of another")


def check_diff(tmp):
    status, out, err = run("diff", image, image)
    check((status, out) == (0, "") and "no change: pslist, lsmod" in err, f"an image differs from itself: {out}{err}")
    process = next(row for row in table(image, "pslist") if int(row["PID"]) > 200 and row["COMM"])
    offset, pid = int(process["OFFSET"], 16), int(process["PID"])
    first = next(int(row["OFFSET"], 16) for row in table(image, "pslist") if row["PID"] == "1")
    comm, started = offset + member("task_struct.comm"), member("task_struct.start_boottime")

    other = patched(tmp / "comm.lime", [(comm, b"nc\0")])
    status, out, err = run("-q", "-r", "jsonl", "diff", image, other)
    got = [(row["plugin"], row["EVENT"], row["PID"], row["CHANGES"]) for row in rows(out)]
    want = ("pslist", "changed", pid, f"COMM {process['COMM']} -> nc")
    check(status == 0 and want in got, f"a name that changed: {got}{err}")
    check(all(event == "changed" and "nc" in text for _, event, _, text in got), f"more than a name changed: {got}")
    got = rows(run("-q", "-r", "jsonl", "diff", image, other, "pslist", "--ignore", "COMM")[1])
    check(got == [], f"--ignore COMM: {got}")
    got = rows(run("-q", "-r", "jsonl", "diff", image, other, image, "pslist")[1])
    check([(row["CHANGES"], row["IN_IMAGE"]) for row in got] ==
          [(f"COMM {process['COMM']} -> nc", other), (f"COMM nc -> {process['COMM']}", image)], f"three images: {got}")

    # The same number, another time of creation: another process.
    with open(image, "rb") as f:
        f.seek(in_file(offset + started))
        when = struct.unpack("<Q", f.read(8))[0]
    reused = patched(tmp / "reused.lime", [(offset + started, struct.pack("<Q", when + 10**9))])
    got = [(row["EVENT"], row["PID"], row["CAUSE"]) for row in rows(run("-q", "-r", "jsonl", "diff", image, reused, "pslist")[1])]
    check(got == [("gone", pid, "its number was given to another"), ("born", pid, "its number was another's before")], f"a number again: {got}")

    booted = patched(tmp / "booted.lime", [(first + started, struct.pack("<Q", 12345678)), (comm, b"nc\0")])
    status, out, err = run("-q", "-r", "json", "diff", image, booted, "pslist")
    found = json.loads(out)
    check(any("rebooted" in note for note in found["notes"]), f"another boot is not told: {found['notes']}")
    got = [(row["EVENT"], row["COMM"]) for row in found["results"][0]["rows"]]
    check(got == [("gone", process["COMM"]), ("born", "nc")], f"another boot: {got}")

    status, _, err = run("diff", image, "pslist")
    check(status == 1 and "two images" in err, f"one image: {status} {err}")
    status, _, err = run("diff", image, other, "pslist", "--only", "COM")
    check(status == 1 and "did you mean COMM" in err, f"--only COM: {status} {err}")
    return process, other, booted


def follow(path, images, *args):
    """Watch @path while @images take turns there; None: it is removed. What it prints, its status."""
    shutil.copyfile(image, path)
    watcher = subprocess.Popen([engram, "-r", "jsonl", "watch", str(path), *args, "--every", "100ms", "--count", "300"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = watcher.stdout.readline()  # comes when the first round is over
    turn = 0
    while watcher.poll() is None and turn < 100:
        time.sleep(0.7)
        one = images[turn % len(images)]
        if one:
            shutil.copyfile(one, path.with_suffix(".new"))
            os.replace(path.with_suffix(".new"), path)
        else:
            path.unlink()
        turn += 1
    out, err = watcher.communicate(timeout=300)
    return watcher.returncode, first + out, err


def check_watch(tmp, process, other, booted):
    rules = tmp / "rules"
    rules.write_text("# what a shell must not become\nnetcat high pslist EVENT = changed and COMM = nc\n")
    status, out, err = follow(tmp / "live.lime", [other, image], "pslist,lsmod", "--rules", str(rules), "--strict", "--until", "EVENT = changed")
    got = [(row["EVENT"], row["CHANGES"], row["ALERT"]) for row in rows(out)]
    check(got == [("changed", f"COMM {process['COMM']} -> nc", "netcat (high)")], f"watch: {got} {err}")
    check(status == 3, f"an alert with --strict: {status}")

    status, out, err = follow(tmp / "live.lime", [None, image], "pslist", "--until", "EVENT = readable")
    got = [row["EVENT"] for row in rows(out)]
    check(status == 0 and got == ["unreadable", "readable"], f"a file that goes away: {got} {err}")

    status, out, err = follow(tmp / "live.lime", [booted], "pslist", "--until", "EVENT = rebooted")
    got = [(row["plugin"], row["EVENT"]) for row in rows(out)]
    check(status == 0 and got == [("machine", "rebooted")], f"another boot while watching: {got} {err}")

    watcher = subprocess.Popen([engram, "-r", "jsonl", "watch", image, "pslist", "--every", "1h"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watcher.stdout.readline()
    watcher.send_signal(signal.SIGINT)
    out, err = watcher.communicate(timeout=300)
    check(watcher.returncode == 0 and "1 rounds, 0 events" in err, f"Ctrl-C: {watcher.returncode} {out}{err}")

    wrong_rules = tmp / "wrong"
    wrong_rules.write_text("shell low lsmod EVENT = born and COMM = sh\n")
    check(run("watch", image, "lsmod", "--count", "1", "--rules", str(rules))[0] == 0, "a rule for a plugin that is not followed")
    for wrong, said in ((["pslist", "--every", "soon"], "not a time"), (["pslist", "--until", "NOSUCH = 1"], "no column 'NOSUCH'"),
                        (["regex"], "cannot be followed"), (["pslist", "-r", "json"], "jsonl"), (["lsmod", "--rules", str(wrong_rules)], "no column 'COMM'")):
        status, _, err = run("watch", image, *wrong)
        check(status == 1 and said in err, f"watch {wrong}: {status} {err}")


with tempfile.TemporaryDirectory() as folder:
    check_keys()
    check_watch(pathlib.Path(folder), *check_diff(pathlib.Path(folder)))
sys.exit(bool(fails))
