#!/usr/bin/env python3
"""Compare what engram reads from an image with what the guest said of itself, row by row.

    compare.py ENGRAM IMAGE TRUTH [PLUGIN...] [--live] [--partial] [--kernel N] [--all]

Prints, for each plugin: rows expected, found, missing, wrong, invented, and explained differences with their causes.
Exit status 1 when a row is missing, wrong or invented. To add a plugin: README.md."""
import argparse
import json
import os
import subprocess
import sys

from marks import marks_of, rows_of, unnamed
from plugins import DECLARATIONS
from truth import Truth, Untold

COUNTS = ("expected", "found", "missing", "wrong", "invented", "explained")
PATIENCE = 1200  # seconds; the longest take some on a busy machine


def run(engram, image, args):
    """engram's answer, or RuntimeError with its one line."""
    try:
        out = subprocess.run([engram, "-q", "-f", image, "-r", "json", *args], capture_output=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not done in {PATIENCE} seconds") from error
    if out.returncode:
        raise RuntimeError(out.stderr.decode("utf-8", "replace").strip() or f"exit status {out.returncode}")
    if "-o" in args:  # then the answer is a file in that folder, beside those that the plugin wrote
        with open(os.path.join(args[args.index("-o") + 1], args[0] + ".json"), encoding="utf-8") as f:
            return json.load(f)
    return json.loads(out.stdout)


class Report:
    """What one plugin's comparison found: texts of rows that are missing, wrong or invented, and by row the causes of
    those that differ for a reason."""

    def __init__(self, expected):
        self.expected = len(expected)
        self.found = self.values = 0  # rows that are there; values that were compared
        self.columns = sorted({column for want in expected.values() for column in want})
        self.missing, self.wrong, self.invented, self.explained = {}, {}, {}, {}

    def bad(self):
        return len(self.missing) + len(self.wrong) + len(self.invented)

    def counts(self):
        return {name: n if isinstance(n := getattr(self, name), int) else len(n) for name in COUNTS}

    def differs(self, kind, key, text, cause):
        if cause:
            self.explained.setdefault(key, {})[cause] = text
        else:
            getattr(self, kind).setdefault(key, []).append(text)


def compare(declaration, truth, rows, expected):
    """@expected: of declaration.expected(truth)."""
    report, got = Report(expected), {}
    for row in declaration.rows(rows):
        key = declaration.key(row)
        if key is None:
            continue
        if key in got and not declaration.repeats:
            report.differs("invented", key, "twice", None)
        got.setdefault(key, []).append(row)
    for key, want in expected.items():
        if key not in got:
            report.differs("missing", key, "not found", declaration.explain_missing(truth, key, want, got))
            continue
        report.found += 1
        report.values += len(want) * len(got[key])
        for row in got[key]:
            for column, value in want.items():
                have = declaration.have(row, column)
                if not declaration.same(column, value, have):
                    report.differs("wrong", key, f"{column} is {have!r}, the guest said {value!r}",
                                   declaration.explain_wrong(truth, key, column, value, have))
    for key, some in got.items():
        if key not in expected:
            report.differs("invented", key, "the guest did not name it", declaration.explain_extra(truth, key, some[0]))
    return report


def judge(engram, image, truth, declaration, more=()):
    """A Report; a text where nothing can be compared; RuntimeError where the plugin failed."""
    try:
        if not declaration.applies(truth):
            return "the guest did not tell"
        expected = declaration.expected(truth)
    except Untold:
        return "the guest did not tell"
    return compare(declaration, truth, declaration.ask(engram, image, more, run), expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engram")
    parser.add_argument("image")
    parser.add_argument("truth")
    parser.add_argument("plugins", nargs="*")
    parser.add_argument("--all", action="store_true", help="print every explained difference")
    parser.add_argument("--live", action="store_true", help="the guest wrote the image itself, while it ran")
    parser.add_argument("--partial", action="store_true", help="the dump leaves out what processes had in memory")
    parser.add_argument("--kernel", help="of several kernels in the image, the one that the truth is of")
    a = parser.parse_args()
    truth = Truth(a.truth, a.live, a.partial)
    known = {row["PLUGIN"] for row in json.loads(subprocess.run([a.engram, "plugins", "-r", "json"], capture_output=True,
                                                                check=True).stdout)["results"][0]["rows"]}
    print(f"{'plugin':<18}" + "".join(f" {name:>9}" for name in COUNTS))
    bad = done = 0
    for declaration in DECLARATIONS:
        plugin = declaration.name.split()[0]
        if plugin not in known or a.plugins and plugin not in a.plugins:
            continue
        try:
            report = judge(a.engram, a.image, truth, declaration, ["--kernel", a.kernel] if a.kernel else [])
        except Exception as error:  # whatever it is, the others are compared
            print(f"{declaration.name:<18} failed: {error!r}")
            bad += 1
            continue
        if isinstance(report, str):
            print(f"{declaration.name:<18} {report}")
            continue
        done += 1
        bad += report.bad()
        print(f"{declaration.name:<18}" + "".join(f" {n:>9}" for n in report.counts().values()))
        for kind in ("missing", "wrong", "invented"):
            some = [f"    {kind}: {key}: {text}" for key, texts in getattr(report, kind).items() for text in texts]
            print("".join(line + "\n" for line in some[:8]), end="")
            if len(some) > 8:
                print(f"    {kind}: {len(some) - 8} more")
        shown = {}
        for key, causes in report.explained.items():
            for cause, text in causes.items():
                shown.setdefault(cause, []).append(f"{key}: {text}")
        for cause, texts in shown.items():
            print(f"    explained, {len(texts)} times: {cause}: {texts[0]}")
            for text in texts[1:] if a.all else ():
                print(f"        {text}")
    if not a.plugins and (marks := marks_of(a.truth)):
        lines = list(unnamed(marks, rows_of(a.engram, a.image, ["--kernel", a.kernel] if a.kernel else [])))
        bad += len(lines)
        print(f"{len(marks)} marks, {len(lines)} not named" + "".join(f"\n    {line}" for line in lines))
    if not done:
        print("nothing was compared")
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main())
