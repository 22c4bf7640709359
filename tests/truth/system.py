"""Comparisons of what the kernel knows of the machine: settings, interrupts, processors, parameters, devices."""
import calendar
import json
import re
import socket
import struct
import time

from declare import Declaration


class Sysctl(Declaration):
    name = "sysctl"
    against = "sysctl.txt, proc/1/ns.txt"
    keys = "KEY"
    tolerance = "values that count what goes on, and those that the kernel makes only when they are read, are not compared"
    others = "parameters of other namespaces, and those that cannot be read; what sysctl -a leaves out"
    # What lies nowhere in the form in which it is shown.
    MADE = re.compile(r"""fs\.(dentry-state|file-nr|inode-nr|inode-state)$|kernel\.(auto_msgmni|bpf_stats_enabled|cad_pid|\w+_sys_info
        |hung_task_detect_count|kexec_load_limit_\w+|ns_last_pid|numa_balancing|random\.uuid|sched_energy_aware|sched_schedstats
        |seccomp\.actions_logged|task_delayacct|usermodehelper\.\w+|\w*watchdog\w*)$|kernel\.sched_domain\.\w+\.\w+\.flags$
        |net\.core\.(flow_limit_cpu_bitmap|netdev_rss_key|rps_default_mask|rps_sock_flow_entries)$
        |net\.ipv4\.(fib_multipath_hash_seed|ip_local_port_range|tcp_\w*allowed\w*|tcp_available_\w+|\w+_hash_entries|tcp_ehash_entries
        |tcp_fastopen_key|tcp_[rt]x_skb_cache)$|net\.ipv[46]\.neigh\..*\.unres_qlen$|net\.ipv6\.conf\..*\.stable_secret$
        |net\.mptcp\.\w*(path_manager|scheduler)s?$|net\.netfilter\.(nf_hooks_lwtunnel|nf_log\.\d+)$|net\.sctp\.cookie_hmac_alg$
        |net\.vsock\.\w*ns_mode$|sunrpc\.transports$|vm\.(nr_\w*hugepages\w*|numa_zonelist_order|stat_refresh)$
        |kernel\.(sysrq|threads-max|tainted)$|net\.vrf\.strict_mode$""", re.X)
    MOVES = re.compile(r"net\.netfilter\.nf_conntrack_count$|kernel\.random\.entropy_avail$|fs\.\w+\.\w*nr$|fs\.aio-nr$|kernel\.pty\.nr$"
                       r"|kernel\.sched_domain\..*\.max_newidle_lb_cost$")

    def expected(self, truth):
        out, key = {}, None
        self.spaces = set()
        for line in truth.lines("proc", 1, "ns.txt"):
            found = re.search(r"\[(\d+)\]", line)
            if found:
                self.spaces.add(int(found.group(1)))
        slashes = self.whole = "/" in (truth.text("sysctl.txt") or "").partition(" = ")[0]  # of /proc/sys, or of sysctl -a
        for line in truth.lines("sysctl.txt"):
            name, equals, value = line.partition(" = ")
            if not equals:
                out[key]["VALUE"] += "\n" + line
                continue
            key = name.translate(str.maketrans("./", "/.")) if slashes else name
            out[key] = {"VALUE": value}
        for key, want in out.items():
            if self.MADE.match(key) or self.MOVES.match(key):
                del want["VALUE"]
        return out

    def key(self, row):
        told = row["NS"] is None or row["NS"] in self.spaces
        if not self.whole and re.search(r"\.(base_reachable_time|retrans_time|stat_refresh|stable_secret)$", row["KEY"]):
            return None  # sysctl -a leaves out what is deprecated, and what acts when it is read
        return row["KEY"] if told and "r" in row["FILE_MODE"] else None

    def same(self, column, want, have):
        return have is not None and want.replace("\t", " ").rstrip() == have.rstrip()


class Interrupts(Declaration):
    name = "interrupts"
    against = "proc/interrupts"
    keys = "IRQ, ACTION"
    tolerance = "counts may be larger than in the report, which is older"
    others = "what /proc/interrupts does not show: those that CPUs send each other on arm64, chained ones, and counters that are zero"

    def expected(self, truth):
        out = self.told = {}
        lines = truth.lines("proc", "interrupts")
        if not lines:
            return out
        cpus = len(lines[0].split())
        for line in lines[1:]:
            irq, _, rest = line.strip().partition(":")
            words = rest.split(None, cpus)
            if len(words) <= cpus or not all(w.isdigit() for w in words[:cpus]):
                continue  # ERR, MIS: one number of the whole machine
            counts, tail = [int(w) for w in words[:cpus]], words[cpus]
            if not irq.isdigit():
                if not irq.startswith("IPI"):
                    out[irq, tail] = {"CPU_COUNTS": counts}
                continue
            found = re.match(r"(.*\S)\s+(\d+)(?:-(\S+)|\s+(Level|Edge))?(?:\s+(\S.*))?$", tail)
            if not found:
                continue
            chip, hwirq, flow, level, actions = found.groups()
            for action in (actions or "").split(", "):
                out[irq, action] = {"CPU_COUNTS": counts, "CHIP": chip, "HWIRQ": int(hwirq)}
                if flow or level:
                    out[irq, action]["TRIGGER"] = flow or level.lower()
        return out

    def key(self, row):
        key = row["IRQ"], row["ACTION"] or ""
        unseen = row["ACTION"] in (None, "IPI") or (not key[0].isdigit() and not row["COUNT"])
        return None if unseen and key not in self.told else key

    def have(self, row, column):
        value = row[column]
        return [int(n) for n in value.split()] if column == "CPU_COUNTS" and value is not None else value

    def same(self, column, want, have):
        if column == "CPU_COUNTS":
            return have is not None and len(want) == len(have) and all(b >= a for a, b in zip(want, have))
        return want == have


class Cpus(Declaration):
    name = "cpus"
    against = "proc/cpuinfo"
    keys = "CPU"

    def expected(self, truth):
        out = {}
        for part in (truth.text("proc", "cpuinfo") or "").split("\n\n"):
            f = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in part.splitlines())}
            if "vendor_id" in f:
                out[int(f["processor"])] = {
                    "VENDOR": f["vendor_id"], "MODEL_NAME": f["model name"], "CPU_FAMILY": int(f["cpu family"]), "MODEL": int(f["model"]),
                    "STEPPING": f["stepping"], "MICROCODE": f["microcode"], "SOCKET": int(f["physical id"]), "CORE": int(f["core id"]),
                    "MHZ": f["cpu MHz"], "CACHE_SIZE": int(f["cache size"].split()[0]) << 10, "FEATURES": f["flags"], "BUGS": f["bugs"],
                    "PHYSICAL_BITS": int(f["address sizes"].split()[0]), "VIRTUAL_BITS": int(f["address sizes"].split()[3])}
            elif "CPU part" in f:
                out[int(f["processor"])] = {
                    "VENDOR": f["CPU implementer"], "MODEL": int(f["CPU part"], 16), "FEATURES": f["Features"],
                    "STEPPING": f"r{int(f['CPU variant'], 16)}p{f['CPU revision']}"}
        return out

    def key(self, row):
        return row["CPU"]


class ModParams(Declaration):
    name = "modparams"
    against = "sys/module/NAME/parameters"
    keys = "MODULE, KEY"
    others = "parameters that have no file, one that its owner alone may write, and those whose file is empty"
    # Read by code of the module or of that part of the kernel, which makes the text.
    MADE = {("apparmor", None), ("overlay", "check_copy_up"), ("pcie_aspm", "policy"), ("sunrpc", "pool_mode"), ("workqueue", "default_affinity_scope"),
            ("page_alloc", "shuffle"), ("nvme_core", "iopolicy"), ("acpi", None), ("button", "lid_init_state"), ("kfence", "sample_interval"),
            ("memory_hotplug", None), ("rcutree", "do_rcu_barrier"), ("kernel", "panic_print"), ("auth_rpcgss", None),
            ("damon_reclaim", None), ("damon_lru_sort", None), ("damon_stat", None), ("crc64_rocksoft", "transform"), ("crc64", "transform"),
            ("crc_t10dif", "transform"), ("drm", "debug"), ("shuffle", "shuffle"), ("md_mod", "start_ro"), ("sunrpc", "auth_hashtable_size"),
            ("syscall", "x32"), ("libceph", "supported_features"), ("nfs", "nfs_mountpoint_expiry_timeout")}

    def expected(self, truth):
        out = self.told = {}
        for module in truth.list("sys", "module"):
            for name in truth.list("sys", "module", module, "parameters"):
                key = module.replace("-", "_"), name
                value = truth.text("sys", "module", module, "parameters", name).rstrip("\n")
                out[key] = {} if key in self.MADE or (key[0], None) in self.MADE else {"VALUE": value}
        return out

    def key(self, row):
        key = row["MODULE"].replace("-", "_"), row["KEY"]
        return key if key in self.told or (row["FILE_MODE"][1] == "r" and row["VALUE"]) else None


class Devices(Declaration):
    name = "devices"
    against = "proc/devices, proc/misc, proc/bus/pci/devices"
    keys = "TYPE, MAJOR or MINOR, NAME"
    others = "devices of a bus of which the guest did not tell"
    repeats = True  # what serves a part of the numbers has a row

    def expected(self, truth):
        out, kind = {}, None
        for line in truth.lines("proc", "devices"):
            if line.endswith("devices:"):
                kind = line.split()[0].replace("Character", "char").lower()
            elif line.split():
                number, name = line.split(None, 1)
                out[kind, int(number), name] = {}
        for line in truth.lines("proc", "misc"):
            number, name = line.split(None, 1)
            out["misc", int(number), name] = {}
        self.buses = truth.has("proc", "bus", "pci", "devices")
        for line in truth.lines("proc", "bus", "pci", "devices"):
            words = line.split("\t")
            place = int(words[0], 16)
            name = f"0000:{place >> 8:02x}:{place >> 3 & 31:02x}.{place & 7}"
            out["pci", 0, name] = {"DEVICE_ID": words[1][:4] + ":" + words[1][4:], "DRIVER": words[-1].strip() or None}
        return out

    def key(self, row):
        if row["TYPE"] == "usb" or (row["TYPE"] == "pci" and not self.buses):
            return None
        number = row["MINOR"] if row["TYPE"] == "misc" else row["MAJOR"]
        return row["TYPE"], number or 0, row["NAME"]


def ns(sec, usec=0):
    return (sec * 10**6 + usec) * 1000


class Logins(Declaration):
    name = "logins"
    against = "utmp.bin, wtmp.bin, btmp.bin, lastlog.bin, auth.log.bin"
    keys = "PATH, FILE_OFFSET"
    others = "entries of the journal: logins --journal compares those"
    FILES = {"utmp": "/run/utmp", "wtmp": "/var/log/wtmp", "btmp": "/var/log/btmp"}
    TYPES = ["EMPTY", "RUN_LVL", "BOOT_TIME", "NEW_TIME", "OLD_TIME", "INIT_PROCESS", "LOGIN_PROCESS", "USER_PROCESS", "DEAD_PROCESS", "ACCOUNTING"]

    def expected(self, truth):
        out = {}
        wide = "arm64" in (truth.text("proc", "version") or "")  # times of 64 bits
        form = "<h2xi32s4s32s256shhqqq16s20x4x" if wide else "<h2xi32s4s32s256shhiii16s20x"
        for name, path in self.FILES.items():
            data = truth.bytes(name + ".bin") or b""
            size = struct.calcsize(form)
            for at in range(0, len(data) - size + 1, size):
                kind, pid, line, _, user, host, _, _, _, sec, usec, addr = struct.unpack_from(form, data, at)
                if not any(data[at:at + size]):
                    continue
                ip = socket.inet_ntop(socket.AF_INET6, addr) if any(addr[4:]) else socket.inet_ntoa(addr[:4]) if any(addr) else None
                out[path, at] = {"TYPE": self.TYPES[kind], "LOGIN_PID": pid, "TTY": self.text(line), "USER": self.text(user),
                                 "HOST": self.text(host), "IP": ip, "TIME": ns(sec, usec)}
        data = truth.bytes("lastlog.bin") or b""
        form = "<q32s256s" if wide else "<i32s256s"
        size = struct.calcsize(form)
        for at in range(0, len(data) - size + 1, size):
            sec, line, host = struct.unpack_from(form, data, at)
            if sec:
                out["/var/log/lastlog", at] = {"UID": at // size, "TTY": self.text(line), "HOST": self.text(host), "TIME": ns(sec)}
        at = 0
        for line in (truth.bytes("auth.log.bin") or b"").split(b"\n"):
            if line:
                program, _, text = line.decode()[16:].split(" ", 1)[1].partition(": ")
                out["/var/log/auth.log", at] = {"TYPE": program.partition("[")[0], "TEXT": text.strip()}
            at += len(line) + 1
        return out

    @staticmethod
    def text(field):
        return field.split(b"\0", 1)[0].decode() or None

    def key(self, row):
        return None if row["LOG"] == "journal" else (row["PATH"], row["FILE_OFFSET"])

    def have(self, row, column):
        return nanoseconds(row[column]) if column == "TIME" and row[column] else row[column]


def nanoseconds(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0") or 0)


class Journal(Declaration):
    name = "logins --journal"
    against = "journal.json"
    keys = "TIME, TEXT"
    repeats = True
    others = "records of other files than the journal"

    def expected(self, truth):
        out = {}
        for entry in map(json.loads, truth.lines("journal.json")):
            text, number = entry.get("MESSAGE"), entry.get("_UID")
            if isinstance(text, list):  # bytes that are no text
                text = bytes(text).decode("utf-8", "replace")
            if not isinstance(text, str) or isinstance(number, list) or len(text) > 4000:
                continue
            program = entry.get("SYSLOG_IDENTIFIER", entry.get("_COMM"))
            want = {"TYPE": program} if isinstance(program, str) else {}
            out[int(entry["__REALTIME_TIMESTAMP"]), text] = want | ({"UID": int(number)} if number else {})
        self.last = max((at for at, _ in out), default=0)
        return out

    def key(self, row):
        return (nanoseconds(row["TIME"]) // 1000, row["TEXT"]) if row["LOG"] == "journal" else None

    def explain_extra(self, truth, key, row):
        return "the journal went on after the report" if key[0] > self.last else None


class Tty(Declaration):
    name = "tty"
    against = "lab/facts.jsonl, vcsuN.bin"
    keys = "TTY, BUFFER, STATE, SCREEN_LINE"
    others = "buffers of terminals of which the guest does not tell what they hold"
    repeats = True  # a buffer may be in several pieces

    def expected(self, truth):
        out = {}
        for fact in truth.facts("terminal"):
            number = fact["tty"].rsplit("/", 1)[1]
            out[f"pts/{number}", "input", "waiting", None] = {"TEXT": fact["typed"]}
            out[f"pts/{number}", "write", "past", None] = {"TEXT": fact["shown"]}
        for number in range(1, 64):
            columns, lines = 80, 25
            data = truth.bytes(f"vcsu{number}.bin") or b""
            head = (truth.bytes(f"vcsa{number}.bin") or b"")[:2]
            if len(head) == 2:
                lines, columns = head
            text = data.decode("utf-32-le")
            for line in range(lines):
                shown = text[line * columns:(line + 1) * columns].rstrip()
                if shown:
                    out[f"tty{number}", "screen", None, line + 1] = {"TEXT": shown}
        self.told = out
        return out

    def key(self, row):
        key = row["TTY"], row["BUFFER"], row["STATE"], row["SCREEN_LINE"]
        return key if key in self.told or (row["BUFFER"] == "screen" and self.screens(row["TTY"])) else None

    def screens(self, tty):
        return any(key[0] == tty for key in self.told)


class Keyboard(Declaration):
    name = "keyboard"
    against = "marks.jsonl, proc/bus/input/devices"
    keys = "TYPE, OFFSET or NAME"
    others = "lights, and what takes the input of terminals"

    def expected(self, truth):
        out = {("notifier", int(mark["block"], 16)): {} for mark in map(json.loads, truth.lines("marks.jsonl")) if mark["kind"] == "keyboard"}
        for line in truth.lines("proc", "bus", "input", "devices"):
            if line.startswith("N: Name="):
                out["device", line.split('"')[1]] = {}
        return out

    def key(self, row):
        if row["TYPE"] == "notifier":
            return "notifier", int(row["OFFSET"], 16)
        return ("device", row["NAME"]) if row["TYPE"] == "device" else None


class Fbdev(Declaration):
    name = "fbdev"
    against = "lab/facts.jsonl"
    keys = "NAME"
    others = "frame buffers of DRM"

    def expected(self, truth):
        return {fact["device"]: {"DRIVER": fact["name"], "WIDTH": fact["width"], "HEIGHT": fact["height"], "STRIDE": fact["stride"],
                                 "PIXEL_BITS": fact["bits"], "PRESENT_LINES": fact["height"]} for fact in truth.facts("framebuffer")}

    def key(self, row):
        return row["NAME"] if row["TYPE"] == "fbdev" else None


DECLARATIONS = [Sysctl(), Interrupts(), Cpus(), ModParams(), Devices(), Logins(), Journal(), Tty(), Keyboard(), Fbdev()]
