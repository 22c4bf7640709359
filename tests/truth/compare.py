#!/usr/bin/env python3
"""Compare what engram reads from an image with what the guest said of itself, row by row.

    compare.py ENGRAM IMAGE TRUTH [PLUGIN...] [--live] [--partial] [--kernel N] [--report FILE]

Prints, for each plugin: rows expected, found, missing, wrong, invented, and explained differences with their causes.
Exit status 1 when a row is missing, wrong or invented. To add a plugin: a declaration in plugins.py."""
import argparse
import json
import subprocess
import sys

from plugins import DECLARATIONS
from truth import Truth


def rows_of(engram, image, args):
    out = subprocess.run([engram, "-q", "-f", image, "-r", "json", *args], capture_output=True, check=False)
    if out.returncode:
        raise RuntimeError(out.stderr.decode("utf-8", "replace").strip() or f"exit status {out.returncode}")
    result = json.loads(out.stdout)["results"][0]
    return result["rows"], result["notes"]


class Report:
    """What one plugin's comparison found."""

    def __init__(self, name):
        self.name = name
        self.expected = self.found = 0
        self.missing, self.wrong, self.invented, self.explained = [], [], [], []

    def bad(self):
        return len(self.missing) + len(self.wrong) + len(self.invented)

    def line(self):
        return (f"{self.name:<18} {self.expected:>8} {self.found:>8} {len(self.missing):>8} {len(self.wrong):>6} "
                f"{len(self.invented):>9} {len(self.explained):>10}")


def compare(declaration, truth, rows):
    """@declaration gives the expected rows as {key: {column: value}}; explains differences it knows."""
    report = Report(declaration.name)
    expected = declaration.expected(truth)
    got = {}
    for row in declaration.rows(rows):
        key = declaration.key(row)
        if key is None:
            continue
        if key in got and not declaration.repeats:
            report.invented.append(f"{key}: twice")
        got.setdefault(key, []).append(row)
    report.expected, report.found = len(expected), len(got)
    for key, want in expected.items():
        if key not in got:
            cause = declaration.explain_missing(truth, key, want, got)
            (report.explained if cause else report.missing).append(f"{key}: {cause or 'not found'}")
            continue
        for row in got[key]:
            for column, value in want.items():
                have = declaration.have(row, column)
                if have == value:
                    continue
                cause = declaration.explain_wrong(truth, key, column, value, have)
                text = f"{key}: {column} is {have!r}, the guest said {value!r}"
                if cause:
                    report.explained.append(f"{text}: {cause}")
                else:
                    report.wrong.append(text)
    for key in got:
        if key not in expected:
            cause = declaration.explain_extra(truth, key, got[key][0])
            (report.explained if cause else report.invented).append(f"{key}: {cause or 'the guest did not name it'}")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engram")
    parser.add_argument("image")
    parser.add_argument("truth")
    parser.add_argument("plugins", nargs="*")
    parser.add_argument("--report", help="also write the report there")
    parser.add_argument("--all", action="store_true", help="print every explained difference")
    parser.add_argument("--live", action="store_true", help="the guest wrote the image itself, while it ran")
    parser.add_argument("--partial", action="store_true", help="the dump leaves out what processes had in memory")
    parser.add_argument("--kernel", help="of several kernels in the image, the one that the truth is of")
    a = parser.parse_args()
    truth = Truth(a.truth, a.live, a.partial)
    which = ["--kernel", a.kernel] if a.kernel else []
    head = f"{'plugin':<18} {'expected':>8} {'found':>8} {'missing':>8} {'wrong':>6} {'invented':>9} {'explained':>10}"
    lines, bad, done = [head], 0, 0
    for declaration in DECLARATIONS:
        if a.plugins and declaration.name.split()[0] not in a.plugins:
            continue
        if not declaration.applies(truth):
            lines.append(f"{declaration.name:<18} the guest did not tell")
            continue
        try:
            rows, _ = rows_of(a.engram, a.image, declaration.command() + which)
            report = compare(declaration, truth, rows)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            lines.append(f"{declaration.name:<18} failed: {error!r}")
            bad += 1
            continue
        done += 1
        bad += report.bad()
        lines.append(report.line())
        for what in ("missing", "wrong", "invented"):
            some = getattr(report, what)
            lines += [f"    {what}: {text}" for text in some[:8]]
            if len(some) > 8:
                lines.append(f"    {what}: {len(some) - 8} more")
        shown = report.explained if a.all else report.explained[:3]
        lines += [f"    explained: {text}" for text in shown]
    text = "\n".join(lines)
    print(text)
    if a.report:
        with open(a.report, "w", encoding="utf-8") as f:
            f.write(text + "\n")
    if not done:
        print("nothing was compared")
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main())
