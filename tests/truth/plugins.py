"""Which truth a plugin's rows are compared with, by which key, in which columns, and which differences are explained.

To add a plugin: a subclass of Declaration with name and expected(); put an instance into DECLARATIONS."""
import datetime
import json
import re

from truth import unescape

CLOCK_TICK = 0.01  # seconds; USER_HZ is 100 on every architecture


class Declaration:
    name = ""        # the plugin, and its options
    columns = None   # None: those of expected()
    repeats = False  # may several rows have one key?

    def command(self):
        return self.name.split()

    def applies(self, truth):
        return bool(self.expected(truth))

    def expected(self, truth):
        """{key: {column: value}}"""
        raise NotImplementedError

    def rows(self, rows):
        """What to compare, where a row of the plugin is not yet that."""
        return rows

    def key(self, row):
        raise NotImplementedError

    def have(self, row, column):
        return row[column]

    def explain_missing(self, truth, key, want, got):
        return None

    def explain_wrong(self, truth, key, column, want, have):
        return None

    def explain_extra(self, truth, key, row):
        return None

    def passing(self, truth, pid):
        """A process that came or went while the dump was being written."""
        return "it lived while the image was being taken" if truth.live and pid not in truth.pids() else None


def seconds(iso):
    """Seconds since 1970 of an ISO time."""
    whole, _, part = iso.rstrip("Z").partition(".")
    t = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return t.timestamp() + float("0." + (part or "0"))


class PsList(Declaration):
    name = "pslist"

    def expected(self, truth):
        out = {}
        for pid in truth.pids():
            out[pid] = {}
            stat = truth.stat(pid)
            if stat:
                out[pid] |= {"PPID": int(stat[4]), "COMM": stat[2], "STATE": stat[3]}
            if pid in truth.told():
                status = truth.status(pid)
                uid, gid = status["Uid"].split(), status["Gid"].split()
                out[pid] |= {"UID": int(uid[0]), "EUID": int(uid[1]), "GID": int(gid[0]), "EGID": int(gid[1]),
                             "NSPID": " ".join(status["NSpid"].split())}
                out[pid]["CREATION_TIME"] = int(stat[22]) * CLOCK_TICK
                out[pid]["TID"] = pid
        self.boot = truth.boot_ns()
        return out

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        if column == "CREATION_TIME":
            return row[column]
        if column == "NSPID":
            return " ".join(re.split(r"[ ,]+", row[column]))
        return row[column]

    def explain_wrong(self, truth, key, column, want, have):
        if column == "CREATION_TIME" and have is not None:
            # btime is cut to a second; the start is cut to a tick.
            if -0.02 <= seconds(have) - (self.boot + want) <= 1.02:
                return "btime of /proc/stat has whole seconds"
        if column == "STATE" and want in "RSDI" and have in "RSDI":
            return "the scheduler moved on between the report and the freeze"
        if column == "COMM" and want.startswith("kworker/") and have.startswith("kworker/"):
            return "the name in /proc goes on with the work queue, which is no part of comm"
        if column == "COMM" and len(have) == 15 and want.startswith(have):
            return "a kernel thread's full name is longer than comm"
        return None

    def explain_extra(self, truth, key, row):
        return self.passing(truth, key)


class Threads(Declaration):
    name = "pslist --threads"

    def expected(self, truth):
        return {(pid, tid): {} for pid, tid in truth.tids()}

    def key(self, row):
        return row["PID"], row["TID"]

    def explain_extra(self, truth, key, row):
        if key[0] in truth.pids() and not truth.has("tids-at-freeze.txt"):
            return "threads were told of before the freeze only"
        return self.passing(truth, key[0])


class PsTree(Declaration):
    name = "pstree"

    def expected(self, truth):
        out = {}
        for pid in truth.pids():
            stat = truth.stat(pid)
            out[pid] = {"PPID": int(stat[4])} if stat else {}
        return out

    def key(self, row):
        return row["PID"]

    def explain_extra(self, truth, key, row):
        return self.passing(truth, key)


class PsAux(Declaration):
    name = "psaux"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            line = truth.bytes("proc", pid, "cmdline")
            comm = (truth.text("proc", pid, "comm") or "").rstrip("\n")
            if line:
                text = line.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
                out[pid] = {"ARGS": text}
            else:
                out[pid] = {"ARGS": f"[{comm}]"}
        return out

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        return (row[column] or "").rstrip(" ")

    def explain_wrong(self, truth, key, column, want, have):
        if truth.partial and not have and truth.bytes("proc", key, "cmdline"):
            return "it is not in the dump"
        if truth.status(key).get("State", "").startswith("Z"):
            return "a zombie has no memory" if not have or have == want else None
        if want.startswith("[") and have.startswith("[") and want[1:].startswith(have[1:-1]):
            return "the name in /proc goes on with what comm does not hold"
        if want.startswith("[kworker/") and have.startswith("[kworker/"):
            return "the worker took other work"
        return None

    def explain_extra(self, truth, key, row):
        return self.passing(truth, key) or ("it was started after the reports" if key in truth.pids() else None)


class Envars(Declaration):
    name = "envars"
    repeats = True

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for entry in (truth.bytes("proc", pid, "environ") or b"").split(b"\0"):
                if entry:
                    key, _, value = entry.decode("utf-8", "replace").partition("=")
                    out[pid, key, value] = {}
        return out

    def key(self, row):
        return row["PID"], row["KEY"], row["VALUE"] or ""

    def explain_missing(self, truth, key, want, got):
        return "it is not in the dump" if truth.partial else None

    def explain_extra(self, truth, key, row):
        if key[0] not in truth.told():
            return "it was started after the reports"
        return None


class Maps(Declaration):
    name = "maps"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            for line in truth.lines("proc", pid, "maps"):
                f = line.split(None, 5)
                start, end = f[0].split("-")
                major, minor = f[3].split(":")
                path = f[5] if len(f) > 5 else ""
                out[pid, int(start, 16)] = {
                    "End": int(end, 16), "Flags": f[1], "PgOff": int(f[2], 16), "Major": int(major, 16),
                    "Minor": int(minor, 16), "Inode": int(f[4]), "File_Path": path.replace("\\012", "\n")}
        return out

    def key(self, row):
        if row["Start"] == "0xffffffffff600000":
            return None  # the gate area, which is no VMA
        return row["PID"], int(row["Start"], 16)

    def have(self, row, column):
        value = row[column]
        if column in ("End", "PgOff") and value is not None:
            return int(value, 16)
        if column == "Inode" and value is not None:
            return int(value)
        return value or "" if column == "File_Path" else value

    def explain_missing(self, truth, key, want, got):
        if key[1] == 0xffffffffff600000:
            return "vsyscall: a page of the kernel's, no VMA"
        return "the process ran on after its report" if truth.ran_since(key[0]) and want["File_Path"] in ("", "[heap]") else None

    def explain_wrong(self, truth, key, column, want, have):
        if truth.ran_since(key[0]) and column == "End":
            return "the process ran on after its report"
        return None

    def explain_extra(self, truth, key, row):
        if key[0] not in truth.told():
            return "it was started after the reports"
        if truth.ran_since(key[0]) and not row["File_Path"]:
            return "the process ran on after its report"
        return None


class LsMod(Declaration):
    name = "lsmod"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "modules"):
            f = line.split()
            taints = re.search(r"\(([A-Z+-]+)\)$", line)
            name = f[0]
            out[name] = {
                "Code_Size": int(f[1]), "Ref_Count": int(f[2]), "Used_By": sorted(u for u in f[3].split(",") if u and u != "-"),
                "State": f[4], "Address": int(f[5], 16), "Taints": taints.group(1) if taints else ""}
            values = {}
            folder = ("sys", "module", name, "parameters")
            if truth.has(*folder):
                import os
                for parameter in os.listdir(os.path.join(truth.folder, *folder)):
                    text = truth.text(*folder, parameter)
                    values[parameter] = text.rstrip("\n") if text is not None else None
                out[name]["Load_Arguments"] = values
        return out

    def key(self, row):
        return row["Module_Name"]

    def have(self, row, column):
        value = row[column]
        if column == "Used_By":
            return sorted(u for u in re.split(r"[, ]+", value or "") if u)
        if column == "Address":
            return int(value, 16) if value else None
        if column == "Taints":
            return value or ""
        if column == "Load_Arguments":
            return dict(p.partition("=")[::2] for p in re.findall(r'(?:[^\s"]|"[^"]*")+', value or ""))
        return value

    def explain_wrong(self, truth, key, column, want, have):
        if key == "lime":
            return "it was being loaded: it took the image"
        if column == "Load_Arguments":
            wrong = [k for k, v in want.items() if have.get(k, "").strip('"') != (v or "")]
            unread = [k for k in wrong if have.get(k, "") in ("(?)", "?") or want[k] in (None, "(null)")]
            if len(wrong) == len(unread):
                return "parameters with a reader of the module's own: " + ", ".join(unread) if unread else "only more"
        if column == "Ref_Count" and key in ("virtio_blk", "virtio_console"):
            return "the guest wrote its report, or its memory, through this driver"
        return None

    def explain_extra(self, truth, key, row):
        return "the module that took the image" if key == "lime" else None


class Kmsg(Declaration):
    name = "kmsg"
    repeats = True

    def applies(self, truth):
        return truth.has("dmesg.txt")

    def expected(self, truth):
        # A record of several lines: some versions of dmesg indent those that follow, some repeat the time.
        lines, time = [], None
        for line in truth.lines("dmesg.txt"):
            m = re.match(r"(?:<\d+>)?\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?(.*)$", line)
            time, text = m.groups() if m else (time, line)
            lines.append((time, text.strip()))
        self.last = lines[-1] if lines else None
        return {line: {} for line in lines}

    def rows(self, rows):
        return [row | {"line": line} for row in rows for line in row["line"].split("\n")]

    def key(self, row):
        return row["timestamp"], row["line"].strip()

    def explain_extra(self, truth, key, row):
        return "written after the report" if float(key[0]) >= float(self.last[0]) else None

    def explain_missing(self, truth, key, want, got):
        return "written while the image was being taken" if truth.live and float(key[0]) >= truth.live else None


class Mounts(Declaration):
    name = "mounts"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            ns = truth.namespace(pid, "mnt")
            if ns is None:
                continue
            for line in truth.lines("proc", pid, "mountinfo"):
                left, _, right = line.partition(" - ")
                f, g = left.split(), right.split(" ")
                out.setdefault((ns, int(f[0])), {
                    "PARENT_ID": int(f[1]), "MAJOR_MINOR": f[2], "ROOT": unescape(f[3]), "MOUNT_POINT": unescape(f[4]),
                    "MOUNT_OPTIONS": f[5], "FIELDS": " ".join(f[6:]), "FSTYPE": g[0], "MOUNT_SRC": unescape(g[1]),
                    "SB_OPTIONS": g[2].split(",")[0]})
        return out

    def key(self, row):
        return row["MNT_NS_ID"], row["MOUNT_ID"]

    def have(self, row, column):
        value = row[column] or ""
        return value.split(",")[0] if column == "SB_OPTIONS" else value

    def explain_extra(self, truth, key, row):
        if row["MOUNT_POINT"] == "/" and row["FSTYPE"] == "rootfs":
            return "the kernel's first mount, under all others"
        return None


class Iomem(Declaration):
    name = "iomem"

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "iomem"):
            m = re.match(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$", line)
            if m:
                out[int(m.group(2), 16), int(m.group(3), 16), m.group(4)] = {}
        return out

    def key(self, row):
        return int(row["Start"], 16), int(row["End"], 16), row["Name"]


class Kallsyms(Declaration):
    name = "kallsyms"
    repeats = True

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "kallsyms"):
            f = line.split()
            module = f[3].strip("[]") if len(f) > 3 else ""
            out[int(f[0], 16), f[2], module] = {}
        return out

    def key(self, row):
        module = row["ModuleName"] or ""
        return int(row["Addr"], 16), row["SymbolName"], "" if module == "kernel" else module

    def explain_missing(self, truth, key, want, got):
        if key[2] == "lime" and truth.live:
            return "the module that took the image was being loaded"
        return "a freed init function that ftrace still knows by name" if key[2] and key[1].endswith("init") else None

    def explain_extra(self, truth, key, row):
        return "the module that took the image" if key[2] == "lime" else None


class Banner(Declaration):
    name = "banner"

    def expected(self, truth):
        text = truth.text("proc", "version")
        return {text.strip(): {}} if text else {}

    def key(self, row):
        return row["Banner"].strip()


class Vmcoreinfo(Declaration):
    name = "vmcoreinfo"
    repeats = True  # the note and the page that it was made from

    def expected(self, truth):
        out = {"OSRELEASE": {"Value": truth.text("proc", "version").split()[2]}}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split()[:3]
            if name in ("_stext", "init_uts_ns"):
                out[f"SYMBOL({name})"] = {"Value": int(address, 16)}
        self.own = [(key, out[key]["Value"]) for key in ("OSRELEASE", "SYMBOL(_stext)")]
        self.told = set(out)  # of a kernel whose kallsyms lists functions only: not the data
        return out

    def applies(self, truth):
        return truth.has("vmcoreinfo") and truth.has("proc", "kallsyms")

    def rows(self, rows):
        """Not the pages of a kernel that ran before, or beside."""
        others = {row["Offset"] for row in rows for key, value in self.own
                  if row["Key"] == key and self.have(row, "Value") != value}
        return [row for row in rows if row["Offset"] not in others]

    def key(self, row):
        return row["Key"] if row["Key"] in self.told else None

    def have(self, row, column):
        return int(row["Value"], 16) if row["Key"].startswith("SYMBOL") else row["Value"]


class WhatIs(Declaration):
    """Pages whose place in physical memory a process of the guest read in its own pagemap."""
    name = "whatis"
    repeats = True

    def expected(self, truth):
        out, page = {}, truth.page()
        for line in truth.lines("lab", "facts.jsonl"):
            fact = json.loads(line)
            entry = int(fact.get("pagemap", "0"), 16)
            if fact["kind"] == "region" and entry >> 63:
                address = int(fact["at"], 16)
                place = (entry & (1 << 55) - 1) * page + address % page
                out[place, fact["pid"]] = {"ADDRESS": address}
        self.places = ",".join(hex(place) for place, _ in out)
        return out

    def command(self):
        return ["whatis", "--physical", "--at", self.places]

    def applies(self, truth):
        return not truth.partial and super().applies(truth)

    def key(self, row):
        return (int(row["AT"], 16), row["PID"]) if row["KIND"] == "process" else None

    def have(self, row, column):
        return int(row[column], 16)


DECLARATIONS = [PsList(), Threads(), PsTree(), PsAux(), Envars(), Maps(), LsMod(), Kmsg(), Mounts(), Iomem(), Kallsyms(),
                Banner(), Vmcoreinfo(), WhatIs()]
