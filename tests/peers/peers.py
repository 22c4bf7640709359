"""What the comparisons with debuggers have in common: Engram's rows, a server of `engram gdb`, the truth's stacks."""
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import stacks as truth_stacks  # noqa: E402  # pylint: disable=wrong-import-position
from truth import Truth  # noqa: E402  # pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(engram, image, *args):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([engram, "-q", "-f", image, "-r", "json", *args, "-o", folder], check=True)
        with open(os.path.join(folder, args[0] + ".json"), encoding="utf-8") as f:
            return json.load(f)["results"][0]["rows"]


def stacks(engram, image, plugin, *args):
    """{(pid, tid): {"pcs": [...], "rows": [...]}} of kstack or ustack."""
    out = {}
    for row in rows(engram, image, plugin, *args):
        stack = out.setdefault((row["PID"], row["TID"]), {"pcs": [], "rows": []})
        if row["ADDRESS"] is not None:
            stack["pcs"].append(int(row["ADDRESS"], 16))
        stack["rows"].append(row)
    return out


class Server:
    """`engram gdb IMAGE` on a port of the loopback."""

    def __init__(self, engram, image):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.errors = tempfile.TemporaryFile()  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([engram, "gdb", image, "--listen", f"127.0.0.1:{self.port}"],  # pylint: disable=consider-using-with
                                        stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        hexed = f":{self.port:04X} "  # a connection that only tries might be the one that the server serves
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                sys.exit(f"the server has ended: {self.said()}")
            with open("/proc/net/tcp", encoding="ascii") as f:
                if any(hexed in line and " 0A " in line for line in f):
                    return
            time.sleep(0.05)
        sys.exit(f"the server does not listen: {self.said()}")

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def seconds(self):
        """Processor time that it used."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            word = f.read().rsplit(")", 1)[1].split()
        return (int(word[11]) + int(word[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        text = self.said()
        if not alive and self.process.returncode:
            print(f"the server ended with {self.process.returncode}: {text[-500:]}")


def lines_of(command, marker, timeout=900, **more):
    """What a program prints behind a marker, as JSON; and everything, for the report of a failure."""
    begin = time.monotonic()
    out = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=timeout,
                         **more)
    text = out.stdout.decode("utf-8", "replace")
    return [json.loads(line[len(marker):]) for line in text.splitlines() if line.startswith(marker)], text, time.monotonic() - begin


def words(command):
    return shlex.split(command)


class Told:
    """Kernel stacks of the truth, as sets of addresses for each frame: a name may be that of several functions."""

    def __init__(self, folder):
        self.truth = Truth(folder)
        self.plugin = truth_stacks.KStack()
        self.want = self.plugin.expected(self.truth) if self.plugin.applies(self.truth) else {}
        self.places = {}
        for line in self.truth.lines("proc", "kallsyms"):
            word = line.split()
            if len(word) > 2:
                name = word[2] + (" " + word[3] if len(word) > 3 else "")
                self.places.setdefault(name, set()).add(int(word[0], 16))

    def shown(self, pcs):
        return [pc for pc in pcs if not any(first <= pc < end for first, end in self.plugin.hidden)]

    def frames(self, pid):
        """[set of addresses]; None: the truth has none of this thread, or it went on."""
        if pid not in self.want or self.plugin.explain_wrong(self.truth, pid, "frames", None, None):
            return None
        out = []
        for text in self.want[pid]["frames"].split("\n"):
            place, _, module = text.partition(" ")
            name, _, offset = place.partition("+")
            if offset:
                where = self.places.get(name + (" " + module if module else ""), set())
                out.append({at + int(offset.split("/")[0], 16) for at in where})
            else:
                out.append({int(place, 16)})
        return out

    def same(self, pid, pcs):
        """None: nothing is told of it."""
        want = self.frames(pid)
        if want is None:
            return None
        have = self.shown(pcs)
        return len(have) == len(want) and all(pc in places for pc, places in zip(have, want))
