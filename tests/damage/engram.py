"""Runs the command under limits, and says what of its answer breaks the rules of DESIGN.md "What bad input gets"."""
import json
import os
import subprocess
import tempfile
import time

PLUGINS = ["pslist", "pstree", "psaux", "envars", "maps", "lsmod", "kmsg", "mounts", "iomem", "boottime", "kallsyms",
           "banner", "vmcoreinfo", "info", "psscan", "psxview", "pidhashtable", "threads", "kthreads", "slabs", "creds",
           "health", "lsof", "superblocks", "inodes", "sockets", "interfaces", "routes", "nftables", "conntrack",
           "sysctl", "tty", "logins"]
SANITIZED = ("Sanitizer", "runtime error:")
ENV = os.environ | {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:allocator_may_return_null=1:quarantine_size_mb=16:hard_rss_limit_mb=1024",
    "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1", "XDG_CACHE_HOME": "/nonexistent"}


class Answer:
    """What one run gave; status None: it did not end in time."""

    def __init__(self, command, limit, says=b""):
        start = time.monotonic()
        try:
            done = subprocess.run(command, input=says, capture_output=True, env=ENV, timeout=limit, check=False)
            self.status, self.out, self.err = done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            self.status = None
        self.time = time.monotonic() - start


def ask(engram, path, plugins, limit):
    return Answer([engram, "-q", "-r", "json", "-f", path] + ([",".join(plugins)] if plugins else []), limit)


def broken(answer, limit):
    """What is wrong with how a command without JSON ended; None: nothing."""
    if answer.status is None:
        return f"not done after {limit:.0f} s"
    for mark in SANITIZED:
        if mark in answer.err:
            return answer.err[answer.err.index(mark):][:2000]
    errors = [line for line in answer.err.splitlines() if not line.startswith("engram: note: ")]
    if answer.status not in (0, 2, 3) or (len(errors) != 1 if answer.status else errors):
        return f"exit status {answer.status}: {answer.err[:300]}"
    return None


def packet(text):
    return b"$" + text.encode() + b"#%02x" % (sum(text.encode()) & 255)


# What gdb and lldb ask at first, of all threads, and of files and memory that they are told of.
SESSION = ["qSupported:multiprocess+;error-message+;xmlRegisters=i386", "QStartNoAckMode", "?", "Hg0", "qfThreadInfo", "qsThreadInfo",
           "qXfer:threads:read::0,fffff", "qXfer:features:read:target.xml:0,ffff", "Hgp2.1", "g", "Hgp2.2", "g", "qXfer:exec-file:read:2:0,ffff",
           "vFile:setfs:0", "vFile:open:" + "/proc/kernel.elf".encode().hex() + ",0,0", "vFile:fstat:1", "vFile:pread:1,ffff,0",
           "vFile:open:" + "/proc/1/maps".encode().hex() + ",0,0", "vFile:pread:2,ffff,0", "qXfer:osdata:read::0,ffff",
           "qXfer:osdata:read:pslist:0,fffff", "qRcmd," + b"pslist --pid 1".hex(), "mffffffff81000000,100", "vAttach;1", "Hgp1.1", "g",
           "qXfer:auxv:read::0,ffff", "qXfer:libraries-svr4:read::0,ffff", "m7ffff000,40", "G00", "vCont;c", "D;1", "D;2"]


def debug(engram, path, limit):
    """What is wrong with the kernel's ELF file, and with the end of a debugger's session."""
    found = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        out = os.path.join(folder, "vmlinux")
        answer = Answer([engram, "-q", "kernel-elf", path, "--modules", "-o", out], limit)
        wrong = broken(answer, limit)
        if wrong:
            found.append(f"kernel-elf: {wrong}")
        elif os.listdir(folder) != (["vmlinux"] if answer.status == 0 else []):
            found.append(f"kernel-elf: exit status {answer.status} and {os.listdir(folder)}")
        elif answer.status == 0:
            read = subprocess.run(["readelf", "-lSsnW", out], capture_output=True, check=False)
            if read.returncode or b"readelf: " in read.stderr:
                found.append(f"readelf: {read.stderr[:300]}")
        wrong = broken(Answer([engram, "-q", "gdb", "--stdio", path], limit, b"+" + b"+".join(packet(p) for p in SESSION)), limit)
        if wrong:
            found.append(f"gdb: {wrong}")
    return found


def processes(results):
    """pid to where its task_struct is, as this answer has it: a flipped pid is the same process still."""
    rows = results.get("pslist", {"rows": []})["rows"]
    return {row[column]: row["OFFSET"] for column in ("TID", "PID") for row in rows}


# The key of a row: the object that it stands for, None when it does not say. @tasks: processes() of the same answer.
PLACES = {
    "pslist": lambda row, tasks: row["OFFSET"],
    "pstree": lambda row, tasks: row["OFFSET"],
    "threads": lambda row, tasks: row["OFFSET"],
    "kthreads": lambda row, tasks: row["OFFSET"],
    "psaux": lambda row, tasks: process(row, tasks),
    "lsmod": lambda row, tasks: row["OFFSET"],
    "banner": lambda row, tasks: "the banner",
    "info": lambda row, tasks: row["KEY"],
}
# Or values in it, which the damage itself may change.
VALUES = {
    "maps": lambda row, tasks: both(process(row, tasks), row["START"]),
    "mounts": lambda row, tasks: both(row["NS"], row["MOUNT_ID"]),
    "kmsg": lambda row, tasks: row["SEQ"],
    "iomem": lambda row, tasks: both(row["START"], row["LAST"]),
    "boottime": lambda row, tasks: row["NS"],
    "kallsyms": lambda row, tasks: both(row["ADDRESS"], row["SYMBOL"]),
    "vmcoreinfo": lambda row, tasks: both(row["PHYSICAL"], row["KEY"]),
}


def process(row, tasks):
    return tasks.get(row["PID"], f"process {row['PID']}") if row["PID"] is not None else None


def both(one, two):
    return (one, two) if one is not None and two is not None else None


# Cells that depend on other objects, which may be away; or that say in their text what they lack.
ABOUT_OTHERS = {("pstree", "depth"), ("lsmod", "USED_BY"), ("kallsyms", "SIZE"), ("info", "VALUE"), ("lsmod", "LOAD_ARGUMENTS")}


def rows_of(results):
    """The rows of each plugin by their keys."""
    tasks, out = processes(results), {}
    for name, key in (PLACES | VALUES).items():
        if name in results:
            out[name] = {}
            for row in results[name]["rows"]:
                out[name].setdefault(key(row, tasks), []).append(row)
    return out


def differing(name, rows, whole):
    """Cells with another value than that of any row of the undamaged image with this key."""
    return [f"{column}={value!r}" for row in rows for column, value in row.items()
            if value not in (None, "?") and not column.endswith(("_why", "_raw")) and (name, column) not in ABOUT_OTHERS
            and all(other[column] != value for other in whole)]


def faults(answer, limit):
    """What is wrong with an answer whatever was asked; and the answer, by plugin, and the notes of the whole."""
    if answer.status is None:
        return [f"not done after {limit:.0f} s"], {}, []
    for mark in SANITIZED:
        if mark in answer.err:
            return [answer.err[answer.err.index(mark):][:2000]], {}, []
    if answer.status not in (0, 2, 3):
        return [f"exit status {answer.status}: {answer.err[:300]}"], {}, []
    lines = answer.err.splitlines()
    # Notes of what was cut off may stand before the one line of error.
    errors = [line for line in lines if not line.startswith("engram: note: ")]
    if answer.status == 2 and (len(errors) != 1 or errors != lines[-1:]) or answer.status == 0 and lines:
        return [f"exit status {answer.status} with {len(lines)} lines on standard error: {answer.err[:300]}"], {}, []
    if answer.status == 3 and not lines:
        return ["exit status 3 without a reason"], {}, []
    if not answer.out and answer.status == 2:
        return [], {}, []
    try:
        whole = json.loads(answer.out)
    except ValueError as error:
        return [f"not JSON: {error}"], {}, []
    return [], {r["plugin"]: r for r in whole["results"]}, whole["notes"]


def judge(answer, undamaged, variant, limit):
    """Everything that is wrong with an answer from a damaged image. @undamaged is rows_of() the whole one."""
    wrong, results, notes = faults(answer, limit)
    for name, got in rows_of(results).items():
        whole, unknown = undamaged[name], len(got.pop(None, ()))
        invented = [key for key, rows in got.items() if len(rows) > len(whole.get(key, ()))]
        slack = (variant.slack if name in VALUES else 0) + (variant.names if name == "kallsyms" else 0)
        if len(invented) > slack:
            wrong.append(f"{name}: {len(invented)} rows that the undamaged image lacks: {sorted(map(str, invented))[:3]}")
        lost = [key for key, rows in whole.items() if len(rows) > len(got.get(key, ()))]
        if len(lost) > max(len(invented) + unknown, slack) and not notes and not results[name]["notes"] and not results[name]["error"]:
            wrong.append(f"{name}: {len(lost)} rows lost without a note: {sorted(map(str, lost))[:3]}")
        if variant.honest:
            cells = [c for key, rows in got.items() for c in differing(name, rows, whole.get(key, ()))]
            if cells:
                wrong.append(f"{name}: {len(cells)} cells not as in the undamaged image: {cells[:3]}")
    strangers = {row["PID"] for row in results.get("envars", {"rows": []})["rows"]} - set(processes(results)) - {None}
    return wrong + [f"envars: of a process that is not there: {pid}" for pid in strangers]
