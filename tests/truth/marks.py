"""Is every mark that the scene "marks" planted named by the plugin that is there for it?

    marks.py ENGRAM IMAGE TRUTH [--code FILE]

Prints the marks that no row names; exit status 1 when there is one. `compare.py` asks it too. FILE is the kernel's vmlinuz or vmlinux:
some changes of code are seen only by comparing with it."""
import argparse
import json
import subprocess
import sys


class Way:
    """A row of a plugin names a mark: @columns of the row hold what these fields of the mark hold, and @sign, a column, is not empty, or holds
    the text behind `=`."""

    def __init__(self, command, columns, sign="HINTS"):
        self.command, self.columns = command.split(), columns
        self.sign, _, self.text = sign.partition("=")

    def names(self, row, mark):
        return (all(same(row.get(column), mark.get(field)) for column, field in self.columns.items())
                and (not self.sign or bool(row.get(self.sign))) and (not self.text or self.text in str(row[self.sign])))


class Rule:
    """A finding of a rule of triage names a mark: its process, or in the evidence this field of it."""

    command = ["triage", "--severity", "info"]

    def __init__(self, rule, field="pid"):
        self.rule, self.field = rule, field

    def names(self, row, mark):
        if row["RULE"] != self.rule:
            return False
        value = str(mark[self.field])
        return f"({value})" in row["FINDING"] if self.field == "pid" else value in row["FINDING"] + row["EVIDENCE"]


def same(have, want):
    """Addresses of marks are hexadecimal without 0x."""
    if have is None or want is None:
        return False
    if isinstance(have, str) and have.startswith("0x") and isinstance(want, str):
        return int(have, 16) == int(want, 16)
    return str(have) == str(want)


CODE = Way("kernelcode", {"ADDRESS": "at"})
TABLE = Way("optables", {"OFFSET": "table", "FUNCTION": "is"})
NOTIFIER = Way("notifiers", {"OFFSET": "block", "FUNCTION": "function"})
TIMER = Way("ktimers", {"OFFSET": "timer", "FUNCTION": "function"})
HIDDEN = Way("hidden_modules", {"OFFSET": "module"})
MAPPED = Way("kernelmap", {"START": "at"})
RAM = Way("ramviews", {"START": "start"})
REGISTERED = Way("optables", {"OFFSET": "structure", "FUNCTION": "function"})
REFERENCE = Way("coderefs", {"FUNCTION": "function"})
FILE = Way("persistence", {"PATH": "path"})
SETTING = Way("persistence", {"NAME": "kind"})

# Of each kind all ways must name it.
WAYS = {
    "module": [Way("lsmod", {"OFFSET": "module"}, "TAINTS")],
    "unlisted": [HIDDEN],
    "unlisted_sysfs": [HIDDEN],
    "unlisted_wholly": [HIDDEN],
    "syscall": [Way("syscalls", {"INDEX": "number", "FUNCTION": "is"})],
    "compat_syscall": [Way("syscalls", {"INDEX": "number", "FUNCTION": "is"})],
    "syscall_case": [Way("syscalls", {"CODE_FUNCTION": "to"}), CODE],
    "compat_case": [Way("syscalls", {"CODE_FUNCTION": "to"}), CODE],
    "patched": [CODE],
    "patched_call": [CODE],
    "patched_module": [CODE],
    "patched_constant": [Way("kernelcode --against CODE", {"ADDRESS": "at"})],
    "idt": [Way("idt", {"INDEX": "vector", "FUNCTION": "is"})],
    "static_call": [Way("staticcalls", {"OFFSET": "key", "FUNCTION": "is"})],
    "static_site": [Way("staticcalls", {"ADDRESS": "at"})],
    **{kind: [TABLE] for kind in ("seq_show", "file_operations", "inode_operations", "proc_ops", "super_operations", "dentry_operations",
                                  "address_space_operations", "tty_operations", "tty_ldisc", "proto", "net_family")},
    "softirq": [Way("deferred", {"FUNCTION": "is"})],
    "copied_fops": [Way("optables", {"OFFSET": "is"})],
    "copied_proto_ops": [Way("optables", {"OFFSET": "is"})],
    "sk_data_ready": [Way("optables", {"OFFSET": "sock", "FUNCTION": "is"})],
    "packet_type": [Way("optables", {"OFFSET": "structure", "FUNCTION": "function"})],
    "protocol": [Way("optables", {"OFFSET": "structure", "FUNCTION": "function"})],
    "binfmt": [Way("binfmts", {"OFFSET": "structure", "FUNCTION": "function"})],
    "netfilter": [Way("netfilter", {"OFFSET": "ops", "FUNCTION": "function"})],
    "keyboard": [NOTIFIER],
    "notifier": [NOTIFIER],
    "orphan_notifier": [NOTIFIER],
    "lsm": [Way("lsm", {"FUNCTION": "function"})],
    "ftrace": [Way("ftrace", {"OFFSET": "ops", "FUNCTION": "function"})],
    "ftrace_ipmodify": [Way("ftrace", {"OFFSET": "ops", "FUNCTION": "function"}, "HINTS=IPMODIFY")],
    "kprobe": [Way("kprobes", {"ADDRESS": "at", "FUNCTION": "function"})],
    "kretprobe": [Way("kprobes", {"ADDRESS": "at", "FUNCTION": "function"})],
    "tracepoint": [Way("tracepoints", {"FUNCTION": "function"})],
    "uprobe": [Way("uprobes", {"FUNCTION": "function"})],
    "timer": [TIMER],
    "hrtimer": [TIMER],
    "delayed_work": [Way("workqueues", {"OFFSET": "work", "FUNCTION": "function"})],
    "kthread": [Way("kthreads", {"PID": "pid", "FUNCTION": "function"})],
    "rcu": [Way("deferred", {"FUNCTION": "function"})],
    "orphan_code": [MAPPED],
    "task": [Way("psxview", {"PID": "pid"}, "VERDICT=hidden")],
    "task_number": [Way("psxview", {"PID": "pid"}, "VERDICT=hidden")],
    "credentials": [Way("creds", {"OFFSET": "cred"}, "REASON")],
    "altered_credentials": [Way("creds", {"OFFSET": "cred"}, "REASON")],
    "iomem": [RAM],
    "iomem_cut": [RAM],
    "unmapped": [MAPPED],
    "page_wx": [MAPPED],
    "page_user": [MAPPED],
    "page_zero": [MAPPED],
    "page_absent": [MAPPED],
    "taints": [Way("taints", {}, "HINTS=mask")],
    "bpf_program": [Way("bpfprogs", {"BPF_ID": "id"}, "")],
    "bpf_program_gone": [Way("bpfprogs", {"BPF_ID": "id"}, "HINTS=not in the table")],
    "bpf_link": [Way("bpflinks", {"BPF_NAME": "name"}, "")],
    "bpf_link_gone": [Way("bpflinks", {"LINK_ID": "id"}, "HINTS=not in the table")],
    "bpf_map": [Way("bpfmaps", {"MAP_ID": "id"}, "")],
    "bpf_map_gone": [Way("bpfmaps", {"MAP_ID": "id"}, "HINTS=not in the table")],
    "bpf_code": [Way("bpfprogs", {"BPF_ID": "id"}, "HINTS=machine code")],
    "bpf_write_user": [Way("bpfprogs", {"BPF_ID": "id"}, "HINTS=writes memory")],
    "bpf_refuses": [Way("bpfprogs", {"BPF_ID": "id"}, "HINTS=may answer -1")],
    "bpf_signals": [Way("bpfprogs", {"BPF_ID": "id"}, "HINTS=sends signals")],
    "bpf_magic": [Way("bpfprogs", {"BPF_ID": "id"}, "COMPARES=0x1ab51ab5")],
    "bpf_unheld": [Way("bpflinks", {"BPF_ID": "id"}, "HINTS=holds the program")],
    "bpf_odd_path": [Way("bpfmaps", {"MAP_ID": "id"}, "HINTS=odd name")],
    "bpf_group_gone": [Way("bpflinks", {"BPF_ID": "id"}, "HINTS=no group has it")],
    "packet_filter": [Way("sockets", {"PID": "pid", "FD": "fd"}, "SOCKET_FILTER")],
    "io_uring": [Way("io_uring", {"PID": "pid"}, "WORKS_ON=network")],
    "vm_ops": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"}), Way("coderefs", {"FUNCTION": "is"})],
    "mmu_notifier": [Way("optables", {"OFFSET": "ops", "FUNCTION": "function"})],
    "odd_fops": [Way("optables", {"OFFSET": "is", "USED_BY": "path"})],
    "d_op": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"}), Way("coderefs", {"FUNCTION": "is"})],
    "file_fop": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"}), REFERENCE],
    "lock_ops": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"}), Way("coderefs", {"FUNCTION": "is"})],
    "attribute": [Way("optables", {"FUNCTION": "is"}), Way("coderefs", {"OFFSET": "entry", "FUNCTION": "is"})],
    "own_attribute": [REGISTERED, Way("coderefs", {"FUNCTION": "structure"})],
    "proc_handler": [Way("sysctl", {"FUNCTION": "is"}), Way("coderefs", {"OFFSET": "entry", "FUNCTION": "is"})],
    "proc_single": [Way("optables", {"FUNCTION": "function"}), REFERENCE],
    "debugfs": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"})],
    "restart_handler": [NOTIFIER],
    "fib_notifier": [NOTIFIER],
    "irq_handler": [Way("interrupts", {"IRQ": "irq", "FUNCTION": "function"}), REFERENCE],
    "cpuhp": [Way("optables", {"FUNCTION": "function"}), REFERENCE],
    "nmi_handler": [Way("optables", {"FUNCTION": "function"})],
    "breakpoint": [Way("perf_events", {"FUNCTION": "function"}), REFERENCE],
    **{kind: [REGISTERED] for kind in ("kmsg_dumper", "console", "nf_sockopt", "sock_diag", "tcp_ulp", "qdisc")},
    "encap_rcv": [Way("optables", {"OFFSET": "sock", "FUNCTION": "is"}), Way("coderefs", {"FUNCTION": "is"})],
    "netlink": [Way("optables", {"OFFSET": "sock", "FUNCTION": "is"}), Way("coderefs", {"FUNCTION": "is"})],
    "copied_proto": [Way("optables", {"OFFSET": "is", "FUNCTION": "function"}), REFERENCE],
    "hidden_socket": [Way("sockets", {"OFFSET": "sock", "PID": "pid"})],
    "wait_entry": [Way("coderefs", {"FUNCTION": "link"})],
    "genl": [Way("optables", {"OFFSET": "ops", "FUNCTION": "function"})],
    "rx_handler": [Way("optables", {"OFFSET": "device", "FUNCTION": "is"}), Way("coderefs", {"FUNCTION": "is"})],
    **{kind: [Way("deferred", {"FUNCTION": "function"})] for kind in ("srcu", "rcu_tasks", "task_work", "restart_block")},
    "init_cred": [Way("creds", {"OFFSET": "cred", "PID": "pid"}, "REASON")],
    "false_thread": [Way("orphans", {"PID": "pid"}, "REASON")],
    **{kind: [CODE] for kind in ("patched_far", "patched_push", "patched_pair", "patched_stop", "patched_slot")},
    "copied_table": [Way("entrypoints", {"FUNCTION": "is"})],
    "trampoline": [Way("ftrace", {"OFFSET": "ops"}, "HINTS=trampoline")],
    "remapped_module": [Way("kernelmap", {"START": "at"}, "HINTS=another page")],
    "remapped_text": [Way("kernelmap", {"START": "at"}, "HINTS=another page")],
    "export": [Way("coderefs", {"OFFSET": "at", "FUNCTION": "is"})],
    "exception": [Way("coderefs", {"OFFSET": "at", "FUNCTION": "is"})],
    "own_taints": [Way("modxview", {"OFFSET": "module"}, "HINTS=taints were cleared")],
    "ld_so_preload": [FILE],
    "systemd_unit": [FILE],
    "cron": [FILE],
    "ld_preload": [Way("ldpreload", {"PID": "pid", "VALUE": "path"}, "")],
    "core_pattern": [SETTING],
    "modprobe_path": [SETTING],
    "kptr_restrict": [Way("protection", {"NAME": "kind", "VALUE": "is"}, "")],
    "binfmt_misc": [Way("persistence", {"NAME": "name", "PATH": "path"}), Rule("binary-interpreter", "path")],
    # of the scene "intruder"
    "startup_file": [FILE],
    "root_twice": [Way("persistence", {"PATH": "path"}, "HINTS=root's number")],
    "immutable": [Way("persistence", {"PATH": "path"}, "HINTS=immutable")],
    "changed_program": [FILE],
    "weaker_setting": [Way("protection", {"NAME": "name"}, "HINTS=switched off"), Rule("protection-off", "name")],
    "setuid_shell": [Rule("setuid-file", "path")],
    "release_agent": [Way("persistence", {"NAME": "name", "VALUE": "path"}), Rule("kernel-starts-program", "path")],
    "false_name": [Rule("misleading-name"), Rule("program-in-odd-place")],
    "listener": [Rule("program-in-odd-place")],
    "miner": [Rule("miner"), Rule("program-in-odd-place")],
    "server": [],  # where the next one is from
    "web_shell": [Rule("shell-of-a-service", "pid")],
    "tunnel": [Rule("tunnel")],
    "no_arguments": [Rule("no-arguments")],
    "reverse_shell": [Rule("shell-on-connection")],
    "piped_shell": [Rule("piped-shell")],
    "odd_rights": [Rule("rights-of-root")],
    "removed_log": [Rule("removed-log")],
    "raw_memory": [Rule("raw-memory")],
    "odd_library": [Rule("library-in-odd-place")],
    "raw_socket": [Rule("raw-socket")],
    "injected": [Rule("foreign-code"), Rule("hollowed-program")],
    "no_history": [Rule("history-off")],
    "history": [Rule("history-of-an-intruder")],
    "history_file": [Rule("history-to-nowhere", "path")],
    "started_by_loader": [Rule("started-by-loader")],
    "ld_audit": [Rule("preload-variable")],
    "covered_process": [Rule("covered-process", "path")],
    "covered_program": [Rule("covered-file", "path")],
}


def unnamed(marks, ask, code=None):
    """Lines, one for each mark that a way does not name; @ask gives the rows of a command."""
    rows = {}
    for mark in marks:
        if mark["kind"] not in WAYS:
            yield f"{mark['kind']}: no plugin is said to name it"
        for way in WAYS.get(mark["kind"], ()):
            if "CODE" in way.command and not code:
                continue
            command = tuple(code if word == "CODE" else word for word in way.command)
            if command not in rows:
                rows[command] = ask(command)
            if rows[command] is None:
                yield f"{mark['kind']}: {' '.join(command)} cannot look"
            elif not any(way.names(row, mark) for row in rows[command]):
                yield f"{mark['kind']}: {' '.join(command)} does not name {json.dumps(mark)}"


def rows_of(engram, image, more=()):
    def ask(command):
        answer = subprocess.run([engram, "-q", "-f", image, "-r", "json", *more, *command], capture_output=True, check=False)
        return json.loads(answer.stdout)["results"][0]["rows"] if answer.returncode == 0 else None
    return ask


def marks_of(truth):
    try:
        with open(f"{truth}/marks.jsonl", encoding="utf-8") as f:
            marks = [json.loads(line) for line in f]
        with open(f"{truth}/proc/modules", encoding="utf-8") as f:
            lime = any(line.startswith("lime ") for line in f)
    except FileNotFoundError:
        return []
    # LiME is a module from outside of the kernel's tree: where it was loaded, the mask has their bits again.
    return [mark for mark in marks if not (lime and mark["kind"] == "taints")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engram")
    parser.add_argument("image")
    parser.add_argument("truth")
    parser.add_argument("--code", help="the kernel's vmlinuz or vmlinux")
    a = parser.parse_args()
    marks = marks_of(a.truth)
    lines = list(unnamed(marks, rows_of(a.engram, a.image), a.code))
    print("\n".join(lines + [f"{len(marks)} marks, {len(lines)} not named"]))
    return 1 if lines or not marks else 0


if __name__ == "__main__":
    sys.exit(main())
