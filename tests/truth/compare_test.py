#!/usr/bin/env python3
"""Does the comparison see what is wrong, and only that? A truth of three processes, and a stand-in for engram that prints what
each case makes of it; a farm of such images; plugins without a declaration."""
import json
import os
import subprocess
import sys
import tempfile
from types import SimpleNamespace

from declared import problems
from marks import unnamed
from netfilter import Nftables, Tc
from userland import Heap

HERE = os.path.dirname(os.path.abspath(__file__))
INIT = {"PID": 1, "PPID": 0, "COMM": "init", "STATE": "S", "EXIT_STATE": "TASK_RUNNING", "UID": 0, "EUID": 0, "GID": 0, "EGID": 0,
        "NSPID": "1", "TID": 1, "CREATION_TIME": "2026-03-14T09:26:53.505Z"}
SHELL = INIT | {"PID": 20, "PPID": 1, "COMM": "sh", "NSPID": "20", "TID": 20, "UID": 1000, "EUID": 1000}
WORKER = INIT | {"PID": 30, "PPID": 2, "COMM": "kworker/0:1-mm", "NSPID": "30", "TID": 30}
ALL = [INIT, SHELL, WORKER]
CASES = [  # what, rows, words that the answer must have; exit status
    ("all", ALL, "pslist                     3         3         0         0         0         0", 0),
    ("missing", [INIT, WORKER], "missing: 20", 1),
    ("wrong", [INIT, SHELL | {"UID": 0}, WORKER], "wrong: 20: UID is 0, the guest said 1000", 1),
    ("unknown", [INIT, SHELL | {"UID": None}, WORKER], "wrong: 20: UID is None", 1),
    ("no state", [INIT, SHELL | {"STATE": None}, WORKER], "wrong: 20: STATE is None", 1),
    ("invented", [*ALL, SHELL | {"PID": 21}], "invented: 21", 1),
    ("twice", [*ALL, SHELL], "invented: 20: twice", 1),
    ("nothing", [], "missing: 1", 1),
    ("fails", None, "failed", 1),
    ("within a tick", [INIT, SHELL | {"CREATION_TIME": "2026-03-14T09:26:53.509Z"}, WORKER], " 0         0         0         0", 0),
    ("two ticks", [INIT, SHELL | {"CREATION_TIME": "2026-03-14T09:26:53.522Z"}, WORKER], "wrong: 20: CREATION_TIME", 1),
    ("too early", [INIT, SHELL | {"CREATION_TIME": "2026-03-14T09:26:53.49Z"}, WORKER], "wrong: 20: CREATION_TIME", 1),
    ("scheduled", [INIT, SHELL | {"STATE": "R"}, WORKER], "explained, 1 times: the scheduler", 0),
    ("stopped", [INIT, SHELL | {"STATE": "T"}, WORKER], "wrong: 20: STATE is 'T'", 1),
    ("work queue", [INIT, SHELL, WORKER | {"COMM": "kworker/0:1"}], " 0         0         0         0", 0),
    ("other worker", [INIT, SHELL, WORKER | {"COMM": "kworker/0:2"}], "wrong: 30: COMM", 1),
    ("part of a number", [INIT, SHELL, WORKER | {"COMM": "kworker/0:"}], "wrong: 30: COMM", 1),
    ("short name", [INIT, SHELL | {"COMM": "s"}, WORKER], "wrong: 20: COMM is 's'", 1),
]


def put(folder, path, text, mode=0o644):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def get(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def process(folder, row):
    pid = row["PID"]
    put(folder, f"proc/{pid}/stat", f"{pid} ({row['COMM']}) S {row['PPID']} " + "0 " * 17 + "50 0\n")
    put(folder, f"proc/{pid}/status", f"Name:\t{row['COMM']}\nUid:\t{row['UID']}\t{row['UID']}\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t{pid}\n")
    put(folder, f"proc/{pid}/comm", row["COMM"] + "\n")


def make_truth(folder):
    put(folder, "clock-at-freeze.txt", "1773480423.000000000\nSat Mar 14\n10.0 9.0\nbtime 1773480413\nmonotonic 10.0\nboottime 10.000000000\n")
    put(folder, "pids-at-freeze.txt", "1 20 30\n")
    put(folder, "proc/version", "Linux version 6.1.0-lab (a b) #1 SMP\n")
    for row in ALL:
        process(folder, row)


def stand_in(folder, rows):
    """Prints @rows, whatever is asked; None: fails. An image that is called closed does not open."""
    answer = json.dumps({"format": "raw", "results": [{"rows": rows, "notes": []}]}) if rows is not None else "broken"
    put(folder, "plugins.json", json.dumps({"tool": "stand-in", "results": [{"rows": [{"PLUGIN": "pslist"}]}]}))
    put(folder, "answer.json", answer)
    return put(folder, "engram", f"""#!/bin/sh
case "$*" in
*mem.closed*) echo closed >&2; exit 2 ;;
plugins*) cat {folder}/plugins.json ;;
*) cat {folder}/answer.json ;;
esac
""", 0o755)


def call(script, *args):
    done = subprocess.run([sys.executable, f"{HERE}/{script}", *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class Tests:
    bad = 0

    def check(self, what, good, output=""):
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f"\n# {output}"))

    def comparison(self, folder):
        make_truth(folder)
        for what, rows, words, status in CASES:
            code, output = call("compare.py", stand_in(folder, rows), "image", folder, "pslist")
            # Threads are compared too, by the same plugin: of these the truth has none.
            self.check(what, code == status and words in output, output)

    def farm(self, folder):
        engram, farm, page = stand_in(folder, ALL), f"{folder}/farm", f"{folder}/accuracy.md"
        for name in ("one", "two"):
            make_truth(f"{farm}/{name}/truth")
            put(f"{farm}/{name}", "mem.raw", name)

        def case(what, status, words, *args):
            code, output = call("accuracy.py", farm, engram, *args)
            self.check(f"farm: {what}", code == status and words in output, output)

        case("equal", 0, "2 images as their guests said, 0 differ", "-o", page)
        self.check("farm: its table", "| `pslist` | 3/3 | 3/3 |" in get(page), get(page))
        case("what is done is done", 0, "2 of 2 images are done already")
        put(f"{farm}/two", "mem.raw", "another")
        case("another image of that name", 0, "1 of 2 images are done already")
        put(farm, "accuracy.jsonl", get(f"{farm}/accuracy.jsonl")[:-40])
        case("stopped in the middle of a line", 0, "1 of 2 images are done already")
        put(f"{farm}/one", "mem.closed", "")
        case("one does not open", 1, "1 not opened", "-o", page)
        self.check("farm: which", "did not open: closed" in get(page), get(page))
        put(f"{farm}/three", "mem.raw", "")
        put(f"{farm}/three/truth", "proc/version", "")
        case("a truth that is empty", 1, "of 1 the truth cannot be read", "-o", page)
        os.remove(f"{farm}/three/mem.raw")
        stand_in(folder, [INIT, SHELL | {"UID": 5}])
        case("it differs", 1, "0 images as their guests said, 2 differ", "--again", "-o", page)
        self.check("farm: how", "**2/3, 1 missing, 1 wrong**" in get(page), get(page))
        farm = f"{folder}/none"
        case("none", 1, "0 images", "--results", f"{folder}/none.jsonl")

    def declarations(self):
        a, b, c = (SimpleNamespace(name=name, against="proc/x", keys="X") for name in ("a --all", "b", "c"))
        c.against = ""
        cases = [  # what, plugins, declarations, reasons, problems
            ("declared", {"a", "b"}, [a, b], {}, 0),
            ("with a reason", {"a", "c"}, [a], {"c": "it only counts others"}, 0),
            ("neither", {"a", "c"}, [a], {}, 1),
            ("both", {"a"}, [a], {"a": "it only counts others"}, 1),
            ("no reason", {"a", "c"}, [a], {"c": "later"}, 1),
            ("no plugin", {"a"}, [a, b], {}, 1),
            ("says nothing", {"a", "c"}, [a, c], {}, 1),
        ]
        for what, plugins, some, reasons, bad in cases:
            found = list(problems(plugins, some, reasons))
            self.check(f"declarations: {what}", len(found) == bad, found)


    def extensions(self):
        """A rule of iptables-nft is excused where all that can be compared is the same, and only there."""
        rules = Nftables()
        rules.saved = {(1, "ip"): ["-p tcp -m multiport --dports 7001,7002 -m comment --comment \"a b\" -j DROP"]}
        want = 'ip protocol tcp tcp dport { 7001, 7002 } comment "a b" counter packets 0 bytes 0 drop'
        right = 'ip protocol tcp xt match "multiport" --dports 7001,7002 xt match "comment" --comment "a b" counter packets 3 bytes 9 drop'
        cases = [  # what, what engram says, excused
            ("the same", right, True),
            ("another port", right.replace("7002", "7003"), False),
            ("another comment", right.replace("a b", "a c"), False),
            ("another verdict", right.replace(" drop", " accept"), False),
            ("another protocol", right.replace("protocol tcp", "protocol udp"), False),
            ("no extension", want.replace("7002", "7003"), False),
        ]
        for what, have, excused in cases:
            reason = rules.explain_wrong(None, (1, "ip", "filter", "rule", 2), "TEXT", want, have)
            self.check(f"extensions: {what}", (reason is not None) == excused, reason)
        self.check("extensions: of another namespace", not rules.explain_wrong(None, (2, "ip", "filter", "rule", 2), "TEXT", want, right))

    def module_types(self):
        """That a scheduler's options are not known is excused by what the guest's kernel has, not by what engram says of it."""
        row = {"INTERFACE": "eth0", "NS": 1, "NAME": "htb", "KIND": "qdisc", "DETAIL": "its options are not known"}
        for symbols, excused in ((["0 b btf_modules"], False), (["0 T _text"], True)):
            truth, rules = SimpleNamespace(lines=lambda *_, s=symbols: s), Tc()
            list(rules.rows([row]))
            qdisc, rule = (1, "eth0", "qdisc", "htb", "1:", "root", None), (1, "eth0", "filter", "u32", None, "1:", 10)
            for what, reason in (("wrong", rules.explain_wrong(truth, qdisc, "DETAIL", "default 0x1", row["DETAIL"])),
                                 ("missing", rules.explain_missing(truth, rule, {}, {})),
                                 ("extra", rules.explain_extra(truth, rule, row | {"DETAIL": "its rules are not shown"}))):
                self.check(f"types of modules: {symbols[0]}: {what}", (reason is not None) == excused, reason)

    def chunks(self):
        """Other chunks of a process than it told of are not judged, unless one of those is there."""
        heap = Heap()
        heap.expected(SimpleNamespace(facts=lambda kind: [{"pid": 7, "at": "0x1010", "usable": 0x38, "state": "in use"}] * (kind == "chunk")))
        for what, pid, at, judged in (("told", 7, 0x1010, True), ("inside it", 7, 0x1030, True), ("reaching into it", 7, 0xff0, True),
                                      ("before", 7, 0xfd0, False), ("behind", 7, 0x1050, False), ("of another", 8, 0x1030, False)):
            key = heap.key({"PID": pid, "ADDRESS": hex(at), "SIZE": 0x40})
            self.check(f"chunks: {what}", (key is not None) == judged, key)

    def marks(self):
        """A mark is named by a row that has its address and says what is odd, by no other."""
        mark = {"kind": "ftrace_ipmodify", "ops": "ffffffffc0e231c0", "function": "ffffffffc0e21110"}
        row = {"OFFSET": "0xffffffffc0e231c0", "FUNCTION": "0xffffffffc0e21110", "HINTS": "IPMODIFY outside of the kernel"}
        for what, of, rows, bad in (("named", mark, [row], 0), ("no row", mark, [], 1), ("cannot", mark, None, 1),
                                    ("no hint", mark, [row | {"HINTS": None}], 1), ("another hint", mark, [row | {"HINTS": "odd"}], 1),
                                    ("another place", mark, [row | {"OFFSET": "0xffffffffc0e231c8"}], 1),
                                    ("nothing there", mark, [row | {"FUNCTION": None}], 1), ("of a new kind", {"kind": "new"}, [row], 1)):
            found = list(unnamed([of], lambda command, rows=rows: rows))
            self.check(f"marks: {what}", len(found) == bad, found)


def main():
    tests = Tests()
    with tempfile.TemporaryDirectory() as folder:
        tests.comparison(folder)
    with tempfile.TemporaryDirectory() as folder:
        tests.farm(folder)
    tests.declarations()
    tests.extensions()
    tests.module_types()
    tests.chunks()
    tests.marks()
    return 1 if tests.bad else 0


if __name__ == "__main__":
    sys.exit(main())
