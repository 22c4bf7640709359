"""Modules that hide, what is in the memory of each, and taints."""
import json

from declare import Declaration, hexadecimal


def planted(truth):
    """Modules that the scene took off lists: {address: the mark}."""
    marks = (json.loads(line) for line in truth.lines("marks.jsonl"))
    return {int(m["module"], 16): m for m in marks if m["kind"].startswith("unlisted")}


def listed(truth):
    return {line.split()[0]: line.split() for line in truth.lines("proc", "modules")}


class ModXView(Declaration):
    name = "modxview"
    against = "proc/modules, marks.jsonl"
    keys = "MODULE"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        out = {name: {"LISTED": True, "SYSFS": True, "TREE": True, "AREA": True, "SYMBOLS": True, "BUG_LIST": True, "SCAN": True,
                      "START": int(f[5], 16), "HINTS": ""} for name, f in listed(truth).items()}
        for mark in planted(truth).values():
            out[mark["name"]] = {"LISTED": False, "AREA": True, "SCAN": True}
        return out

    def key(self, row):
        return row["MODULE"]

    def have(self, row, column):
        if column == "START":
            return hexadecimal(row[column])
        return row[column] or "" if column == "HINTS" else row[column]

    def same(self, column, want, have):
        # A kernel whose symbols do not name a list cannot say.
        return want == have or (column in ("SYSFS", "TREE", "BUG_LIST") and have is None)


class HiddenModules(Declaration):
    name = "hidden_modules"
    against = "proc/modules, marks.jsonl: of a machine that nothing was done to, none"
    keys = "OFFSET; of memory that no module claims START"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        return {at: {"MODULE": mark["name"]} for at, mark in planted(truth).items()}

    def key(self, row):
        return hexadecimal(row["OFFSET"] or row["START"])


DECLARATIONS = [ModXView(), HiddenModules()]
