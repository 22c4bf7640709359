"""Code of the kernel: what a guest says that was changed in it."""
import json

from declare import Declaration


class KernelCode(Declaration):
    name = "kernelcode"
    against = "marks.jsonl: of a machine that nothing was done to, none"
    keys = "ADDRESS"
    others = "a second place of ftrace or of a jump label that lies within the bytes that a mark says were written"
    SEEN = {"patched", "patched_call", "patched_module", "static_site", "syscall_case", "compat_case"}

    def applies(self, truth):
        return True

    def expected(self, truth):
        self.lsm = set()
        marks = [m for m in map(json.loads, truth.lines("marks.jsonl")) if m["kind"] in self.SEEN]
        self.written = [(int(m["at"], 16), len(m["is"].split())) for m in marks]
        return {(int(m["at"], 16),): {"BYTES": m["is"].replace(" ", ""), "DESTINATION": int(m["to"], 16)} for m in marks}

    def key(self, row):
        at = int(row["ADDRESS"], 16)
        inside = any(first < at < first + length for first, length in self.written)
        return None if inside else (at,)

    def have(self, row, column):
        return int(row[column], 16) if column == "DESTINATION" and row[column] else row[column]


class Vdso(Declaration):
    name = "vdso"
    against = "nothing: no process of the farm has a vdso of its own"
    keys = "ADDRESS"

    def applies(self, truth):
        return True

    def expected(self, truth):
        return {}

    def key(self, row):
        return (row["ADDRESS"],)


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
    others = "a tracepoint's probe and an LSM hook of a module, where marks name them: other plugins' comparisons find those"

    def applies(self, truth):
        return True

    def expected(self, truth):
        marks = [json.loads(line) for line in truth.lines("marks.jsonl")]
        self.told = {"tracepoint": "tp_func_", "lsm": "lsm_static_call_"}
        self.told = tuple(prefix for kind, prefix in self.told.items() if any(m["kind"] == kind for m in marks))
        return {(m["symbol"],): {} for m in marks if m["kind"] in ("static_call", "static_site")}

    def key(self, row):
        return (row["NAME"],) if row["HINTS"] and not row["NAME"].startswith(self.told or ("/",)) else None


DECLARATIONS = [KernelCode(), JumpLabels(), StaticCalls(), Vdso()]
