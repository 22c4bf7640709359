"""What programs keep in their own memory: what was typed, what a shell knows, environments, chunks of an allocator."""
import re

import swap
from processes import OfProcesses, seconds


def told_shells(truth):
    """Of these the guest told variables and the table of commands."""
    return {fact["renamed"] for fact in truth.facts("typist")}


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
                if name == "zsh":
                    number, time, text = re.fullmatch(r" *(\d+)\*? +(\d+)  (.*)", line).groups()
                    text = text.replace("\\n", "\n")  # as fc writes it
                elif name == "busybox":
                    text = re.sub(r"^ *\d+ ", "", line)
                elif name != "python":  # which has neither
                    number, time, text = re.fullmatch(r" *(\d+)[ *] *(?:(\d+) )?(.*)", line).groups()
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
        listed = len(truth.lines("history-zsh"))
        if key in {(fact["zsh"], listed + 1) for fact in truth.facts("typist")}:
            return "zsh lists its history without the line that asks for it"
        told = {pid for pid, _ in self.shells(truth)} | {fact["shell"] for fact in truth.facts("login")}
        if key[0] not in told and not truth.facts("login") and not truth.facts("logins"):
            return "the guest did not tell what was typed"
        return super().explain_extra(truth, key, row)


class BashEnv(OfProcesses):
    name = "bash --env"
    against = "shell-declare"
    keys = "PID, KEY"
    tolerance = "what moves with each command is not compared"
    memory = True
    others = "of other shells the guest does not tell"
    MOVING = set("_ BASHPID EPOCHREALTIME EPOCHSECONDS SECONDS RANDOM SRANDOM LINENO BASH_COMMAND HISTCMD PIPESTATUS BASH_LINENO "
                 "BASH_SOURCE BASH_ARGC BASH_ARGV BASH_CMDS BASH_ALIASES GROUPS DIRSTACK FUNCNAME BASH_ARGV0 COMP_WORDBREAKS "
                 "BASH_SUBSHELL BASH_MONOSECONDS".split())  # computed when they are asked for

    def expected(self, truth):
        out = {}
        for fact in truth.facts("typist"):
            for line in truth.lines("shell-declare"):
                m = re.fullmatch(r"declare -(\S+) ([A-Za-z_]\w*)(?:=(.*))?", line)
                if not m or m.group(2) in self.MOVING:
                    continue
                letters, name, value = m.groups()
                flags = "" if letters == "-" else letters
                if value and value.startswith("("):
                    for key, text in re.findall(r"\[([^]]*)\]=\"((?:[^\"\\]|\\.)*)\"", value):
                        out[fact["renamed"], f"{name}[{key}]"] = {"VALUE": self.plain(text), "ATTRIBUTES": flags}
                elif value and value.startswith("$'"):
                    out[fact["renamed"], name] = {"VALUE": value[2:-1].encode().decode("unicode_escape"), "ATTRIBUTES": flags}
                elif value is None or value.startswith('"'):
                    out[fact["renamed"], name] = {"VALUE": None if value is None else self.plain(value[1:-1]), "ATTRIBUTES": flags}
        return out

    def plain(self, text):
        return re.sub(r"\\(.)", r"\1", text)

    def key(self, row):
        return (row["PID"], row["KEY"]) if row["KIND"] == "variable" else None

    def explain_extra(self, truth, key, row):
        name = key[1].split("[")[0]
        if name in self.MOVING:
            return "bash computes it when it is asked for"
        if key[0] not in told_shells(truth):
            return self.others
        return super().explain_extra(truth, key, row)


class BashHash(OfProcesses):
    name = "bash --hash"
    against = "shell-hash"
    keys = "PID, VALUE"
    tolerance = ""
    memory = True

    def expected(self, truth):
        out = {}
        for fact in truth.facts("typist"):
            for line in truth.lines("shell-hash")[1:]:
                hits, path = line.split()
                out[fact["renamed"], path] = {"HITS": int(hits), "KEY": path.rsplit("/", 1)[1]}
        return out

    def key(self, row):
        return row["PID"], row["VALUE"]

    def explain_extra(self, truth, key, row):
        if key[0] not in told_shells(truth):
            return "of other shells the guest does not tell"
        # hash told before it: what was run afterwards is there too
        return "it was run after the table was told" if key[1] in ("/bin/env", "/usr/bin/env") else super().explain_extra(truth, key, row)


class EnvarsNow(OfProcesses):
    name = "envars --now"
    against = "lab/facts.jsonl, shell-env, proc/PID/environ"
    keys = "PID, KEY"
    SHELLS = ("bash", "busybox", "lab-agent", "zsh")
    tolerance = "of processes that did not tell, those that do not change their environment are compared with how it began"
    memory = True

    def expected(self, truth):
        out, began = {}, {}
        for pid in truth.told():
            # Of two of one name getenv() finds the first.
            began[pid] = dict(reversed(truth.environ(pid)))
        told = {fact["pid"]: dict(entry.split("=", 1) for entry in fact["now"]) for fact in truth.facts("environment")}
        for fact in truth.facts("typist"):
            told[fact["renamed"]] = {k: v for k, v in (line.split("=", 1) for line in truth.lines("shell-env")) if k != "_"}
            began.setdefault(fact["renamed"], {})
        for pid, now in told.items():
            old = began.get(pid, {})
            for key, value in now.items():
                out[pid, key] = {"VALUE": value, "CHANGE": "added" if key not in old else "changed" if old[key] != value else "",
                                 "OLD_VALUE": old[key] if old.get(key, value) != value else None}
            for key, value in old.items():
                if key not in now and not (key == "_" and now):
                    out[pid, key] = {"VALUE": None, "CHANGE": "removed", "OLD_VALUE": value}
        for pid, old in began.items():
            exe = truth.link(pid, "exe") or ""
            if pid not in told and not exe.endswith(self.SHELLS):
                for key, value in old.items():
                    out[pid, key] = {"VALUE": value, "CHANGE": "", "OLD_VALUE": None}
        return {key: row for key, row in out.items() if key[0] in truth.pids()}

    def key(self, row):
        return row["PID"], row["KEY"]

    def have(self, row, column):
        return row[column] if column != "CHANGE" else row[column] or ""

    def explain_missing(self, truth, key, want, got):
        if truth.link(key[0], "exe") == "/usr/bin/compat":
            return "a program without a C library has no environ"
        if not any(pid == key[0] for pid, _ in got) and swap.is_out(truth, key[0]):
            return swap.NO_FILE
        return super().explain_missing(truth, key, want, got)

    def explain_wrong(self, truth, key, column, want, have):
        began = dict(reversed(truth.environ(key[0]))).get(key[1])
        if truth.smeared and truth.ran_since(key[0]) and have == {"VALUE": None, "OLD_VALUE": began}.get(column, want):
            return "the process ran while its memory was copied: the page with its environment was another's already"
        return super().explain_wrong(truth, key, column, want, have)

    def explain_extra(self, truth, key, row):
        exe = truth.link(key[0], "exe") or ""
        if exe.endswith(self.SHELLS):
            return "of a shell that did not tell; the old value is as it began"
        if key[1] in ("LINES", "COLUMNS") and key[0] in {fact["python"] for fact in truth.facts("typist")}:
            return "readline sets the size of the terminal"
        return super().explain_extra(truth, key, row)


class Heap(OfProcesses):
    name = "heap"
    against = "lab/facts.jsonl"
    keys = "PID, ADDRESS"
    tolerance = "STATE: of some chunks that were freed in the middle it is not told in which list they are"
    memory = True
    others = "the process has more chunks than it told of"

    def expected(self, truth):
        out = {}
        new = any(tuple(map(int, fact.get("glibc", "0.0").split("."))) >= (2, 43) for fact in truth.facts("heaps"))
        for fact in truth.facts("chunk"):
            state = fact["state"]
            if new and state == "fastbin":
                state = "small"  # that release has no fast bins
            overhead = 16 if state == "mmapped" and not new else 8
            out[fact["pid"], int(fact["at"], 16)] = {"SIZE": fact["usable"] + overhead, "STATE": state}
        self.told = {}
        for (pid, at), want in out.items():
            self.told.setdefault(pid, {})[at] = at + want["SIZE"]
        return out

    def key(self, row):
        """Of those that were told, and of any that would lie over one of them."""
        at, told = int(row["ADDRESS"], 16), self.told.get(row["PID"], {})
        over = any(start < at + (row["SIZE"] or 0) and at < end for start, end in told.items())
        return (row["PID"], at) if over or at in told else None

    def same(self, column, want, have):
        if column == "STATE" and want == "freed":
            return have in ("tcache", "fastbin", "unsorted", "small")
        return want == have


DECLARATIONS = [
    Bash(),
    BashEnv(),
    BashHash(),
    EnvarsNow(),
    Heap(),
]
