"""Tables and lists of functions: what the scene planted there, and what the guest's own lists said."""
import json

from declare import Declaration


class Optables(Declaration):
    name = "optables"
    against = "marks.jsonl"
    keys = "OFFSET, MEMBER"

    def applies(self, truth):
        return True

    def expected(self, truth):
        out = {}
        for fact in map(json.loads, truth.lines("marks.jsonl")):
            if fact["kind"] == "seq_show":
                out[(int(fact["operations"], 16), "show")] = {
                    "KIND": "seq_operations", "TABLE": fact["symbol"], "TABLE_MODULE": "kernel", "FUNCTION": int(fact["is"], 16),
                    "MODULE": "marks", "HINTS": "constants of the kernel lead into a module"}
        return out

    def key(self, row):
        return int(row["OFFSET"], 16), row["MEMBER"]

    def have(self, row, column):
        return int(row[column], 16) if column == "FUNCTION" else row[column]


DECLARATIONS = [Optables()]
