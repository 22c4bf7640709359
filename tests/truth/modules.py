"""Modules that hide, what is in the memory of each, and taints."""
import json

from declare import Declaration, hexadecimal


def planted(truth):
    """Modules that the scene took off lists: {address: the mark}."""
    marks = (json.loads(line) for line in truth.lines("marks.jsonl"))
    return {int(m["module"], 16): m for m in marks if m["kind"].startswith("unlisted")}


def listed(truth):
    return {line.split()[0]: line.split() for line in truth.lines("proc", "modules")}


LISTS = {"SYSFS": "module_kset", "TREE": "mod_tree", "BUG_LIST": "module_bug_list"}


class ModXView(Declaration):
    name = "modxview"
    against = "proc/modules, marks.jsonl"
    keys = "MODULE"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        # A kernel whose symbols do not name a list cannot say.
        named = {line.split()[2] for line in truth.lines("proc", "kallsyms")}
        lists = {column: True for column, symbol in LISTS.items() if symbol in named}
        out = {name: {"LISTED": True, "AREA": True, "SYMBOLS": True, "SCAN": True, **lists, "START": int(f[5], 16), "HINTS": ""}
               for name, f in listed(truth).items()}
        for mark in planted(truth).values():
            out[mark["name"]] = {"LISTED": False, "AREA": True, "SCAN": True}
        return out

    def key(self, row):
        return row["MODULE"]

    def have(self, row, column):
        if column == "START":
            return hexadecimal(row[column])
        return row[column] or "" if column == "HINTS" else row[column]


class HiddenModules(Declaration):
    name = "hidden_modules"
    against = "proc/modules, marks.jsonl: of a machine that nothing was done to, none"
    keys = "OFFSET; of memory that no module claims START"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        out = {at: {"MODULE": mark["name"]} for at, mark in planted(truth).items()}
        for mark in map(json.loads, truth.lines("marks.jsonl")):
            if mark["kind"] in ("orphan_code", "page_absent"):
                out[int(mark["at"], 16)] = {"OFFSET": None}
        return out

    def key(self, row):
        return hexadecimal(row["OFFSET"] or row["START"])

    def have(self, row, column):
        return row[column] or None


class ModSections(Declaration):
    name = "modsections"
    against = "sys/module/NAME/sections"
    keys = "MODULE, NAME"
    repeats = True
    others = "the guest copied no file whose name begins with a point, nor what was loaded later"

    def expected(self, truth):
        out = {}
        self.told = set(listed(truth))
        for name in self.told:
            for section in truth.list("sys", "module", name, "sections"):
                out[name, section] = {"ADDRESS": int(truth.text("sys", "module", name, "sections", section), 16)}
        return out

    def key(self, row):
        return (row["MODULE"], row["NAME"]) if row["MODULE"] in self.told and not row["NAME"].startswith((".", "[")) else None

    def have(self, row, column):
        return hexadecimal(row[column])


class Taints(Declaration):
    name = "taints"
    against = "sysctl.txt, proc/modules, marks.jsonl"
    keys = "BIT"
    others = "where nothing was planted, what the log says of a bit that the mask lacks"

    def mask(self, truth):
        for line in truth.lines("sysctl.txt"):
            key, _, value = line.partition(" = ")
            if key.replace(".", "/") == "kernel/tainted":
                return int(value)
        return None

    def expected(self, truth):
        mask, out = self.mask(truth), {}
        marks = [json.loads(line) for line in truth.lines("marks.jsonl")]
        self.planted = cleared = any(m["kind"] == "taints" for m in marks)
        for bit in range(20):
            if mask and mask >> bit & 1 and not cleared:
                out[bit] = {"IN_MASK": True, "HINTS": ""}
        for m in marks:
            if m["kind"] == "taints":
                out |= {bit: {"IN_MASK": False} for bit in range(20) if (int(m["was"], 16) & ~int(m["is"], 16)) >> bit & 1}
        return out

    def key(self, row):
        return row["BIT"] if row["IN_MASK"] or self.planted else None

    def have(self, row, column):
        return row[column] or "" if column == "HINTS" else row[column]


DECLARATIONS = [ModXView(), HiddenModules(), ModSections(), Taints()]
