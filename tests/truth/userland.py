"""What programs keep in their own memory: what was typed, what a shell knows, environments, chunks of an allocator."""
import re

from processes import OfProcesses, seconds

SHELL = ("typist", "busybox renamed stifled zsh python".split())


class Bash(OfProcesses):
    name = "bash"
    against = "lab/facts.jsonl, history-NAME"
    keys = "PID, INDEX"
    tolerance = "COMMAND_TIME: what was typed before a list was told has none there"
    memory = True

    def shells(self, truth):
        """(pid, name): whose history is told in history-NAME."""
        for fact in truth.facts("logins"):
            yield fact["alice"], "alice"
            yield fact["root"], "root"
        for fact in truth.facts("typist"):
            for name in SHELL[1]:
                yield fact[name], name

    def expected(self, truth):
        out = {}
        for fact in truth.facts("login"):
            for i, line in enumerate(fact["typed"]):
                out[fact["shell"], i + 1] = {"COMMAND": line}
        for pid, name in self.shells(truth):
            for i, line in enumerate(truth.lines(f"history-{name}")):
                number, time, text = i + 1, None, line
                if name not in ("python", "busybox"):  # those have neither
                    number, time, text = re.fullmatch(r" *(\d+)[ *] *(?:(\d+) )?(.*)", line).groups()
                elif name == "busybox":
                    text = re.sub(r"^ *\d+ ", "", line)
                # bash numbers what it dropped too, and here the list is what is left of it.
                number = int(number) if name == "zsh" else i + 1
                out[pid, number] = {"COMMAND": text.rstrip("\n")}
                if time:
                    out[pid, number]["COMMAND_TIME"] = int(time)
        return {key: row for key, row in out.items() if key[0] in truth.pids()}

    def key(self, row):
        return row["PID"], row["INDEX"]

    def have(self, row, column):
        return seconds(row[column]) if column == "COMMAND_TIME" and row[column] else row[column]

    def explain_extra(self, truth, key, row):
        told = {pid for pid, _ in self.shells(truth)} | {fact["shell"] for fact in truth.facts("login")}
        if key[0] not in told and not truth.facts("login") and not truth.facts("logins"):
            return "the guest did not tell what was typed"
        return super().explain_extra(truth, key, row)


DECLARATIONS = [
    Bash(),
]
