"""Code of the kernel: what a guest says that was changed in it."""
import json

from declare import Declaration


class KernelCode(Declaration):
    name = "kernelcode"
    against = "marks.jsonl: of a machine that nothing was done to, none"
    keys = "ADDRESS"
    others = "a second place of ftrace or of a jump label that lies within the bytes that a mark says were written"

    def applies(self, truth):
        return True

    def expected(self, truth):
        marks = [m for m in map(json.loads, truth.lines("marks.jsonl")) if m["kind"] == "patched"]
        self.written = [(int(m["at"], 16), len(m["is"].split())) for m in marks]
        return {(int(m["at"], 16),): {"BYTES": m["is"].replace(" ", ""), "DESTINATION": int(m["to"], 16), "MODULE": "kernel"}
                for m in marks}

    def key(self, row):
        at = int(row["ADDRESS"], 16)
        inside = any(first < at < first + length for first, length in self.written)
        return None if inside else (at,)

    def have(self, row, column):
        return int(row[column], 16) if column == "DESTINATION" and row[column] else row[column]


class JumpLabels(Declaration):
    name = "jumplabels"
    against = "nothing: no machine of the farm has one that is odd"
    keys = "ADDRESS"

    def applies(self, truth):
        return True

    def expected(self, truth):
        return {}

    def key(self, row):
        return (row["ADDRESS"],)


class StaticCalls(Declaration):
    name = "staticcalls"
    against = "marks.jsonl: of a machine that nothing was done to, none has a hint"
    keys = "NAME"

    def applies(self, truth):
        return True

    def expected(self, truth):
        marks = [m for m in map(json.loads, truth.lines("marks.jsonl")) if m["kind"] == "static_call"]
        return {(m.get("name", m.get("symbol")),): {} for m in marks}

    def key(self, row):
        return (row["NAME"],) if row["HINTS"] else None


DECLARATIONS = [KernelCode(), JumpLabels(), StaticCalls()]
