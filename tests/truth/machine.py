"""The machine and its kernel: what /proc and /sys said."""
import re
import struct

from declare import Declaration, hexadecimal
from processes import UNLINKED, lived, seconds
from truth import unescape


class Boottime(Declaration):
    name = "boottime"
    against = "clock-at-freeze.txt, proc/PID/ns.txt"
    keys = "NS"
    tolerance = ("BOOT_TIME: 1 ms between two clocks that were read in turn; CAPTURE_TIME, UPTIME: up to 10 s later, for the "
                 "machine stops when the truth is out, or till the end of a dump that the guest writes")

    def expected(self, truth):
        out = {}
        clocks, self.slack = truth.clocks(), truth.slack()
        for ns in {truth.namespaces(pid).get("time") for pid in truth.told()} - {None} if clocks else ():
            out[ns] = {}
        if out:  # the clocks are of the time namespace of process 1
            out[truth.namespaces(1)["time"]] = {"BOOT_TIME": truth.boot(), "CAPTURE_TIME": clocks["real"],
                                               "UPTIME": clocks["boottime"]}
        return out

    def key(self, row):
        return row["NS"]

    def have(self, row, column):
        if row[column] is None:
            return None
        return float(row[column]) if column == "UPTIME" else seconds(row[column])

    def same(self, column, want, have):
        if have is None:
            return False
        return abs(have - want) < 0.001 if column == "BOOT_TIME" else -0.02 <= have - want <= self.slack


class Info(Declaration):
    name = "info"
    against = "proc/version, proc/cmdline, proc/modules, proc/stat, proc/kallsyms, proc/iomem, kernel-notes, sysctl.txt, …"
    keys = "KEY"
    tolerance = "boot time: 1 ms between two clocks that were read in turn"
    others = "they tell of the image's file, or of how the kernel was found"

    def expected(self, truth):
        version, addresses = truth.text("proc", "version"), {}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split()[:3]
            if name == "_text":
                addresses["virtual"] = int(address, 16)
        for line in truth.lines("proc", "iomem"):
            if line.endswith(" : Kernel code"):
                addresses["physical"] = int(line.split("-")[0], 16)
        out = {"kernel": version.split()[2], "version": version[version.index("#"):].strip(),
               "command line": (truth.text("proc", "cmdline") or "").rstrip("\n"), "processes": len(truth.pids()),
               "threads": len(truth.tids()), "online CPUs": len([l for l in truth.lines("proc", "stat") if re.match(r"cpu\d", l)]),
               "modules": len(truth.lines("proc", "modules")), "boot time": truth.boot(),
               "architecture": next((name for word, name in (("vendor_id", "x86_64"), ("CPU implementer", "aarch64"), ("isa", "riscv64"))
                                     if re.search("^" + word, truth.text("proc", "cpuinfo") or "", re.M)), None)}
        for line in truth.lines("sysctl.txt"):
            if re.match(r"kernel[./]hostname = ", line):
                out["host name"] = line.split(" = ")[1]
        build_id = self.build_id(truth.bytes("kernel-notes") or b"")
        if build_id:
            out["build id"] = build_id
        if len(addresses) == 2:
            out["virtual minus physical"] = addresses["virtual"] - addresses["physical"] & (1 << 64) - 1
        self.told = set(out)
        return {key: {"VALUE": str(value)} if key != "boot time" else {"VALUE": value} for key, value in out.items()}

    @staticmethod
    def build_id(notes):
        while len(notes) > 12:
            name, size, kind = struct.unpack_from("<III", notes)
            at = 12 + (name + 3 & ~3)
            if kind == 3 and notes[12:16] == b"GNU\0":
                return notes[at:at + size].hex()
            notes = notes[at + (size + 3 & ~3):]
        return None

    def key(self, row):
        return row["KEY"] if row["KEY"] in self.told else None

    def have(self, row, column):
        if row["KEY"] == "boot time":
            return seconds(row["VALUE"]) if row["VALUE"] else None
        return str(int(row["VALUE"], 16)) if row["KEY"] == "virtual minus physical" and row["VALUE"] else row["VALUE"]

    def same(self, column, want, have):
        return want == have or isinstance(want, float) and isinstance(have, float) and abs(want - have) < 0.001

    def explain_wrong(self, truth, key, column, want, have):
        if key not in ("processes", "threads", "modules") or not (have or "").isdigit():
            return None
        if 0 < int(want) - int(have) == len(truth.unlinked()) and key != "modules":
            return UNLINKED
        return lived(truth) if int(have) >= int(want) else None


class LsMod(Declaration):
    name = "lsmod"
    against = "proc/modules, sys/module/NAME/parameters"
    keys = "MODULE"
    tolerance = "LOAD_ARGUMENTS may name more than /sys shows: a parameter may have no file there"

    def applies(self, truth):
        return truth.has("proc", "modules")

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "modules"):
            f = line.split()
            taints = re.search(r"\(([A-Z+-]+)\)$", line)
            out[f[0]] = {
                "SIZE": int(f[1]), "REF_COUNT": int(f[2]), "USED_BY": sorted(u for u in f[3].split(",") if u and u != "-"),
                "STATE": f[4], "ADDRESS": int(f[5], 16), "TAINTS": taints.group(1) if taints else ""}
            folder = ("sys", "module", f[0], "parameters")
            if truth.has(*folder):
                out[f[0]]["LOAD_ARGUMENTS"] = {p: (truth.text(*folder, p) or "").rstrip("\n") for p in truth.list(*folder)}
        for name, module in out.items():
            module["USES"] = sorted(other for other in out if name in out[other]["USED_BY"])
        return out

    def key(self, row):
        return row["MODULE"]

    def have(self, row, column):
        value = row[column]
        if column in ("USED_BY", "USES"):
            return sorted(u for u in re.split(r"[, ]+", value or "") if u)
        if column == "ADDRESS":
            return hexadecimal(value)
        if column == "TAINTS":
            return value or ""
        if column == "LOAD_ARGUMENTS":
            pairs = (p.partition("=")[::2] for p in re.findall(r'(?:[^\s"]|"[^"]*")+', value or ""))
            return {key: text.strip('"') for key, text in pairs}
        return value

    def same(self, column, want, have):
        if column == "LOAD_ARGUMENTS":
            return have is not None and all(have.get(key) == value for key, value in want.items())
        return want == have

    def explain_wrong(self, truth, key, column, want, have):
        if key == "lime":
            return "it was being loaded: it took the image"
        if column == "LOAD_ARGUMENTS" and have is not None:
            wrong = [k for k, v in want.items() if have.get(k) != v]
            if all(k in have and have[k] in ("(?)", "?") or want[k] in ("", "(null)") for k in wrong):
                return "a parameter that only code of the module's own can print"
        if column == "REF_COUNT" and key in ("virtio_blk", "virtio_console") and have is not None:
            return "the guest wrote its report, or its memory, through this driver"
        return None

    def explain_extra(self, truth, key, row):
        return "the module that took the image" if key == "lime" else None


class Kmsg(Declaration):
    name = "kmsg"
    against = "dmesg.txt"
    keys = "TIMESTAMP, TEXT"
    repeats = True

    def applies(self, truth):
        return truth.has("dmesg.txt")

    def expected(self, truth):
        # A record of several lines: some versions of dmesg indent those that follow, some repeat the time.
        lines, time, level = {}, None, None
        for line in truth.lines("dmesg.txt"):
            m = re.match(r"(?:<(\d+)>)?\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?(.*)$", line)
            if m:
                level, time, line = m.groups()
            lines.setdefault((time, line.strip()), []).append(level)
        self.last = max((float(time) for time, _ in lines if time), default=0)
        # Of two equal lines it cannot be told which is which.
        return {key: {"priority": int(levels[0])} if len(set(levels)) == 1 and levels[0] else {} for key, levels in lines.items()}

    def rows(self, rows):
        return [row | {"TEXT": line} for row in rows for line in row["TEXT"].split("\n")]

    def key(self, row):
        return f"{row['TIMESTAMP']:.6f}", row["TEXT"].strip()

    def have(self, row, column):
        levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"]
        facilities = ["kern", "user", "mail", "daemon", "auth", "syslog"]
        if row["LEVEL"] not in levels or row["FACILITY"] not in facilities:
            return None
        return facilities.index(row["FACILITY"]) * 8 + levels.index(row["LEVEL"])

    def explain_extra(self, truth, key, row):
        return "written after the report" if float(key[0]) >= self.last else None

    def explain_missing(self, truth, key, want, got):
        return "written while the image was being taken" if truth.live and float(key[0]) >= truth.live else None


class Mounts(Declaration):
    name = "mounts"
    against = "proc/PID/mountinfo, mountinfo-kept.txt, lab/facts.jsonl (open)"
    keys = "NS, MOUNT_ID"
    UNNAMED = 0xEFFFFFF7  # include/uapi/linux/nsfs.h, MNT_NS_ANON_INO
    tolerance = "SB_OPTIONS: the first only; a file system's own options are printed by its own code"

    def expected(self, truth):
        out = {}
        told = [(truth.namespaces(pid).get("mnt"), truth.lines("proc", pid, "mountinfo")) for pid in truth.told()]
        if truth.has("mountinfo-kept.txt"):  # no task is in it
            kept = [line.split() for line in truth.lines("namespaces.txt") if line.startswith("mnt ")]
            told += [(int(f[1]), truth.lines("mountinfo-kept.txt")) for f in kept]
        for ns, lines in told:
            if ns is None:
                continue
            for line in lines:
                left, _, right = line.partition(" - ")
                f, g = left.split(), right.split(" ")
                out.setdefault((ns, int(f[0])), {
                    "PARENT_ID": int(f[1]), "MAJOR": int(f[2].split(":")[0]), "MINOR": int(f[2].split(":")[1]), "ROOT": unescape(f[3]), "MOUNT_POINT": unescape(f[4]),
                    "MOUNT_OPTIONS": f[5], "FIELDS": " ".join(f[6:]), "FSTYPE": g[0], "MOUNT_SRC": unescape(g[1]),
                    "SB_OPTIONS": g[2].split(",")[0]})
        # What open_tree(2) copied is in a namespace without a name, whose number is 0, since 6.18 a fixed one.
        self.copies = {}
        for fact in truth.facts("open"):
            m = re.match(r"open_tree: a copy of (\S+), mounted nowhere", fact["what"])
            for line in truth.lines("proc", fact["pid"], "fd.txt") if m else []:
                if f := re.match(rf"{fact['fd']}\t.*mnt_id:\s*(\d+)", line):
                    self.copies[None, int(f.group(1))] = {"ROOT": m.group(1), "MOUNT_POINT": "/"}
        return out | self.copies

    def key(self, row):
        nowhere = None, row["MOUNT_ID"]
        if row["NS"] in (None, 0, self.UNNAMED):
            return nowhere if nowhere in self.copies else None  # of others in no namespace the guest does not see
        return row["NS"], row["MOUNT_ID"]

    def have(self, row, column):
        value = row[column]
        if column == "FIELDS":
            return value or ""
        return value.split(",")[0] if column == "SB_OPTIONS" and value else value

    def explain_extra(self, truth, key, row):
        if any(f"mnt:[{key[0]}]" in line for pid in truth.pids() for line in truth.lines("proc", pid, "fd.txt")):
            return "a namespace without a process: one has it open, and cannot list its mounts"
        if row["MOUNT_POINT"] == "/" and row["FSTYPE"] == "rootfs":
            return "the kernel's first mount, under all others, which /proc does not show"
        return None


class Iomem(Declaration):
    name = "iomem"
    against = "proc/iomem"
    keys = "START, LAST, NAME"

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "iomem"):
            m = re.match(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$", line)
            if m:
                out[int(m.group(2), 16), int(m.group(3), 16), m.group(4)] = {"depth": len(m.group(1)) // 2}
        return out

    def key(self, row):
        return int(row["START"], 16), int(row["LAST"], 16), row["NAME"]


class Kallsyms(Declaration):
    name = "kallsyms"
    against = "proc/kallsyms"
    keys = "ADDRESS, SYMBOL, MODULE"
    repeats = True

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "kallsyms"):
            address, letter, rest = line.split(" ", 2)
            name, _, module = rest.partition("\t")  # riscv64's assembler names labels ".L0 "
            key = int(address, 16), name, module.strip("[]")
            want = {"TYPE": letter} | ({} if module else {"EXPORTED": letter.isupper()})
            out[key] = want if out.get(key, want) == want else {}  # two symbols: an end and a beginning
        return out

    def key(self, row):
        module = row["MODULE"] or ""
        return int(row["ADDRESS"], 16), row["SYMBOL"], "" if module == "kernel" else module

    def explain_missing(self, truth, key, want, got):
        if key[2] == "lime" and truth.live:
            return "the module that took the image"
        return "a freed init function that ftrace still knows by name" if key[2] and key[1].endswith("init") else None

    def explain_extra(self, truth, key, row):
        return "the module that took the image" if key[2] == "lime" else None


class Banner(Declaration):
    name = "banner"
    against = "proc/version"
    keys = "BANNER"

    def expected(self, truth):
        text = truth.text("proc", "version")
        return {text.strip(): {}} if text else {}

    def key(self, row):
        return row["BANNER"].strip()


class Vmcoreinfo(Declaration):
    name = "vmcoreinfo"
    against = "proc/version, proc/kallsyms"
    keys = "KEY"
    repeats = True  # the note and the page that it was made from
    others = "what /proc does not tell: offsets and sizes of members, by which the kernel is read at all"

    def expected(self, truth):
        out = {"OSRELEASE": {"VALUE": truth.text("proc", "version").split()[2]}}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split()[:3]
            if name in ("_stext", "init_uts_ns"):
                out[f"SYMBOL({name})"] = {"VALUE": int(address, 16)}
        self.own = [(key, out[key]["VALUE"]) for key in ("OSRELEASE", "SYMBOL(_stext)")]
        self.told = set(out)  # of a kernel whose kallsyms lists functions only: not the data
        return out

    def applies(self, truth):
        return truth.has("vmcoreinfo") and truth.has("proc", "kallsyms")

    def rows(self, rows):
        """Not the pages of a kernel that ran before, or beside."""
        others = {row["PHYSICAL"] for row in rows for key, value in self.own
                  if row["KEY"] == key and self.have(row, "VALUE") != value}
        return [row for row in rows if row["PHYSICAL"] not in others]

    def key(self, row):
        return row["KEY"] if row["KEY"] in self.told else None

    def have(self, row, column):
        return hexadecimal(row["VALUE"]) if row["KEY"].startswith("SYMBOL") else row["VALUE"]


DECLARATIONS = [Boottime(), Info(), LsMod(), Kmsg(), Mounts(), Iomem(), Kallsyms(), Banner(), Vmcoreinfo()]
