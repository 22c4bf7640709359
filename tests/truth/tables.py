"""Tables and lists of functions: what the scene planted there, and what the guest's own lists said."""
import json

from declare import Declaration


class Optables(Declaration):
    name = "optables"
    against = "marks.jsonl"
    keys = "OFFSET, MEMBER"

    def applies(self, truth):
        return True

    OF_TABLES = ("seq_show", "file_operations", "inode_operations", "proc_ops", "super_operations", "dentry_operations",
                 "address_space_operations", "tty_operations", "tty_ldisc", "proto", "net_family")
    OF_OBJECTS = {"packet_type": "func", "protocol": "handler", "binfmt": "load_binary"}

    def expected(self, truth):
        out = {}
        for fact in map(json.loads, truth.lines("marks.jsonl")):
            if fact["kind"] in self.OF_TABLES:
                out[(int(fact.get("table", fact.get("operations")), 16), fact.get("member", "show"))] = {
                    "TABLE": fact["symbol"], "TABLE_MODULE": "kernel", "FUNCTION": int(fact["is"], 16)}
            elif fact["kind"] in self.OF_OBJECTS:
                out[(int(fact["structure"], 16), self.OF_OBJECTS[fact["kind"]])] = {"FUNCTION": int(fact["function"], 16)}
            elif fact["kind"] == "sk_data_ready":
                out[(int(fact["sock"], 16), "sk_data_ready")] = {"FUNCTION": int(fact["is"], 16)}
            elif fact["kind"] in ("copied_fops", "copied_proto_ops"):
                out[(int(fact["is"], 16), None)] = {"KIND": "file_operations" if fact["kind"] == "copied_fops" else "proto_ops"}
        return out

    def key(self, row):
        if row["KIND"] == "constants":  # tables of another type, as of system calls: other plugins have them
            return None
        return int(row["OFFSET"], 16), row["MEMBER"] and row["MEMBER"].rpartition(".")[2]

    def have(self, row, column):
        return int(row[column], 16) if column == "FUNCTION" else row[column]


def planted(truth, *kinds):
    return [fact for fact in map(json.loads, truth.lines("marks.jsonl")) if fact["kind"] in kinds]


class Notifiers(Declaration):
    name = "notifiers"
    against = "marks.jsonl"
    keys = "TABLE, OFFSET"
    others = "a guest does not tell its chains; only planted ones are told"

    def expected(self, truth):
        return {(fact.get("chain", "keyboard_notifier_list"), int(fact["block"], 16)):
                {"FUNCTION": int(fact["function"], 16)} for fact in planted(truth, "keyboard", "notifier", "orphan_notifier")}

    def key(self, row):
        key = row["TABLE"], int(row["OFFSET"], 16)
        return key if row["HINTS"] else None

    def have(self, row, column):
        return int(row[column], 16)


class Lsm(Declaration):
    name = "lsm"
    against = "marks.jsonl"
    keys = "TABLE, OFFSET"
    others = "a guest does not tell its hooks; only planted ones are told"

    def expected(self, truth):
        return {(fact["hook"], int(fact["list"], 16)): {"FUNCTION": int(fact["function"], 16)} for fact in planted(truth, "lsm")}

    def key(self, row):
        return (row["TABLE"], int(row["OFFSET"], 16)) if row["HINTS"] else None

    def have(self, row, column):
        return int(row[column], 16)


class Binfmts(Declaration):
    name = "binfmts"
    against = "marks.jsonl"
    keys = "OFFSET"
    others = "a guest does not tell its formats; only planted ones are told"

    def expected(self, truth):
        return {(int(fact["structure"], 16),): {"FUNCTION": int(fact["function"], 16)} for fact in planted(truth, "binfmt")}

    def key(self, row):
        return (int(row["OFFSET"], 16),) if row["HINTS"] else None

    def have(self, row, column):
        return int(row[column], 16)


class Cryptos(Declaration):
    name = "cryptos"
    against = "proc/crypto"
    keys = "NAME, DRIVER"
    others = "algorithms that are tested, or were made after the report, are not told"
    repeats = True

    def expected(self, truth):
        out, one = {}, {}
        for line in [*truth.lines("proc", "crypto"), ""]:
            name, _, value = line.partition(":")
            if name.strip():
                one.setdefault(name.strip(), value.strip())
            elif "driver" in one:
                out[(one["name"], one["driver"])] = {"PRIORITY": int(one["priority"]), "MODULE": one["module"]}
                one = {}
        return out

    def key(self, row):
        key = row["NAME"], row["DRIVER"]
        return key if key in self.told else None

    def applies(self, truth):
        self.told = self.expected(truth)
        return bool(self.told)


DECLARATIONS = [Optables(), Notifiers(), Lsm(), Binfmts(), Cryptos()]
