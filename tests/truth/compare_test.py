#!/usr/bin/env python3
"""Does compare.py see a missing, a wrong and an invented row? A truth of two processes, and a stand-in for engram that
prints what each case makes of it."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INIT = {"PID": 1, "PPID": 0, "COMM": "init", "STATE": "S", "UID": 0, "EUID": 0, "GID": 0, "EGID": 0, "NSPID": "1",
        "TID": 1, "CREATION_TIME": "2026-03-14T09:26:53.5Z"}
SHELL = INIT | {"PID": 20, "PPID": 1, "COMM": "sh", "NSPID": "20", "TID": 20, "UID": 1000, "EUID": 1000}
CASES = [  # what, rows, words that the answer must have; none: all is well
    ("all", [INIT, SHELL], None),
    ("missing", [INIT], "missing: 20"),
    ("wrong", [INIT, SHELL | {"UID": 0}], "wrong: 20: UID is 0, the guest said 1000"),
    ("unknown", [INIT, SHELL | {"UID": None}], "wrong: 20: UID is None"),
    ("invented", [INIT, SHELL, SHELL | {"PID": 21}], "invented: 21"),
    ("twice", [INIT, SHELL, SHELL], "invented: 20: twice"),
    ("nothing", [], "missing: 1"),
    ("fails", None, "failed"),
]


def put(folder, path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def process(folder, row):
    pid = row["PID"]
    put(folder, f"proc/{pid}/stat", f"{pid} ({row['COMM']}) S {row['PPID']} " + "0 " * 17 + "50 0\n")
    put(folder, f"proc/{pid}/status", f"Name:\t{row['COMM']}\nUid:\t{row['UID']}\t{row['UID']}\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t{pid}\n")


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        put(folder, "proc/stat", "btime 1773480413\n")
        put(folder, "pids-at-freeze.txt", "1 20\n")
        process(folder, INIT)
        process(folder, SHELL)
        for what, rows, words in CASES:
            answer = json.dumps({"results": [{"rows": rows, "notes": []}]}) if rows is not None else "broken"
            engram = put(folder, "engram", f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
            os.chmod(engram, 0o755)
            done = subprocess.run([sys.executable, f"{HERE}/compare.py", engram, "image", folder, "pslist"], capture_output=True,
                                  text=True, check=False)
            # Threads are compared too, by the same plugin: of these the truth has none.
            good = done.returncode == (words is not None) and (words is None or words in done.stdout)
            bad += not good
            print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f"\n# {done.stdout}{done.stderr}"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
