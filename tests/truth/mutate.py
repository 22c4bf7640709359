#!/usr/bin/env python3
"""Does the comparison notice? Of what engram reads from an image rows are dropped, added, given twice, and changed in every
column that is compared, a few at a time, for every plugin: each of these must be called missing, invented or wrong.

    mutate.py ENGRAM IMAGE TRUTH [PLUGIN...]

An explanation that explains too much shows here: it takes a change for its own."""
import sys

from compare import compare, run
from plugins import DECLARATIONS
from truth import Truth

AT_A_TIME = 25
ENOUGH = 0.9  # of the changes: an explanation may take the few that it is for


class Wrong:
    """@declaration, through which the rows of some keys look otherwise."""

    def __init__(self, declaration, drop=(), change=(), column=None, nothing=False, add=None, twice=False):
        self.inner, self.drop, self.change, self.column = declaration, drop, change, column
        self.nothing, self.add, self.twice = nothing, add, twice
        self.keys = {}

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def rows(self, rows):
        out = []
        for row in self.inner.rows(rows):
            key = self.inner.key(row)
            self.keys[id(row)] = key
            if key in self.drop:
                continue
            out.append(row)
            if self.add and key in self.add or self.twice and key in self.change:
                again = dict(row)
                self.keys[id(again)] = other_key(key) if self.add else key
                out.append(again)
        self.kept = out  # so that no id is given again
        return out

    def key(self, row):
        return self.keys[id(row)]

    def have(self, row, column):
        value = self.inner.have(row, column)
        if column == self.column and self.key(row) in self.change:
            return None if self.nothing else other(value)
        return value


def other(value):
    """Something like @value that it is not."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value - 1000
    if isinstance(value, str):
        return "x" + value
    if isinstance(value, list):
        return value + ["x"]
    if isinstance(value, dict):
        return {key: text + "x" for key, text in value.items()}
    return "x"


def other_key(key):
    if isinstance(key, tuple):
        return key[:-1] + (other_key(key[-1]),)
    return key + 100000 if isinstance(key, int) else f"{key}x"


def some(keys):
    """No more than half of several: an explanation may look at what is left."""
    keys = list(keys)
    return set(keys[::max(1 if len(keys) < 4 else 2, len(keys) // AT_A_TIME)])


def trials(declaration, truth, expected, rows, base):
    """(what was done, how often, how often it was noticed)"""
    good = [key for key in expected if key not in base.explained and key not in base.missing and key not in base.wrong]
    chosen = some(good)
    yield "dropped", len(chosen), len(compare(Wrong(declaration, drop=chosen), truth, rows, expected).missing) - len(base.missing)
    if not declaration.others:
        report = compare(Wrong(declaration, add=chosen), truth, rows, expected)
        yield "added", len(chosen), len(report.invented) - len(base.invented)
    if not declaration.repeats:
        report = compare(Wrong(declaration, change=chosen, twice=True), truth, rows, expected)
        yield "twice", len(chosen), len(report.invented) - len(base.invented)
    for column in base.columns:
        keys = some(key for key in good if column in expected[key])
        report = compare(Wrong(declaration, change=keys, column=column), truth, rows, expected)
        yield column, len(keys), len(report.wrong) - len(base.wrong)
        # Of what the guest has nothing, nothing is right.
        keys = some(key for key in good if expected[key].get(column) not in (None, "", [], {}))
        if keys:
            report = compare(Wrong(declaration, change=keys, column=column, nothing=True), truth, rows, expected)
            yield f"no {column}", len(keys), len(report.wrong) - len(base.wrong)


def main():
    engram, image, folder, *names = sys.argv[1:]
    truth, bad, done = Truth(folder), 0, 0
    known = {row["PLUGIN"] for row in run(engram, image, ["plugins"])["results"][0]["rows"]}
    for declaration in DECLARATIONS:
        plugin = declaration.name.split()[0]
        if plugin not in known or names and plugin not in names or not declaration.applies(truth):
            continue
        expected = declaration.expected(truth)
        rows = declaration.ask(engram, image, [], run)
        base = compare(declaration, truth, rows, expected)
        planted = noticed = 0
        for what, times, seen in trials(declaration, truth, expected, rows, base):
            planted, noticed = planted + times, noticed + seen
            if seen < times * ENOUGH:
                print(f"{declaration.name}: {what}: {seen} of {times} were noticed")
                bad += 1
        print(f"{declaration.name:<18} {noticed} of {planted} faults were noticed")
        done += planted > 0
    if not done:
        print("nothing was tried")
    return 1 if bad or not done else 0


if __name__ == "__main__":
    sys.exit(main())
