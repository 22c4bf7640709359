"""Comparisons of what the kernel's own tables lead to: /proc/kallsyms names the functions."""
from declare import Declaration


class Syscalls(Declaration):
    name = "syscalls"
    against = "proc/kallsyms"
    keys = "TABLE, INDEX"
    others = "calls that this list has not: theirs are other names, or the kernel has not all of them"
    # Whose functions have the call's name: arch/x86/entry/syscalls/syscall_64.tbl, syscall_32.tbl, include/uapi/asm-generic/unistd.h
    CALLS = {
        ("64", "__x64_sys_"): {0: "read", 1: "write", 2: "open", 3: "close", 16: "ioctl", 41: "socket", 57: "fork", 59: "execve",
                               62: "kill", 78: "getdents", 101: "ptrace", 105: "setuid", 175: "init_module", 176: "delete_module",
                               217: "getdents64", 257: "openat", 313: "finit_module", 321: "bpf", 332: "statx", 425: "io_uring_setup"},
        ("ia32", "__ia32_sys_"): {3: "read", 4: "write", 37: "kill", 129: "delete_module", 220: "getdents64", 350: "finit_module", 357: "bpf"},
        ("arm64", "__arm64_sys_"): {29: "ioctl", 56: "openat", 61: "getdents64", 63: "read", 64: "write", 105: "init_module", 129: "kill",
                                    221: "execve", 273: "finit_module", 280: "bpf", 291: "statx"},
    }

    def expected(self, truth):
        symbols = {}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split(" ", 2)
            if name.startswith(("__x64_sys_", "__ia32_sys_", "__arm64_sys_")):
                symbols[name] = int(address, 16)
        self.told = {}
        for (table, prefix), calls in self.CALLS.items():
            for number, call in calls.items():
                if prefix + call in symbols:
                    self.told[table, number] = {"FUNCTION": symbols[prefix + call]}
        return self.told

    def key(self, row):
        key = row["TABLE"], row["INDEX"]
        return key if key in self.told else None

    def have(self, row, column):
        return int(row["FUNCTION"] or row["CODE_FUNCTION"], 16)


class Idt(Declaration):
    name = "idt"
    against = "proc/kallsyms"
    keys = "INDEX"
    others = "interrupts whose stubs have no name of their own, and exceptions that a release has no handler for"
    # arch/x86/kernel/idt.c, def_idts
    GATES = {0: "divide_error", 3: "int3", 4: "overflow", 5: "bounds", 6: "invalid_op", 7: "device_not_available", 10: "invalid_tss",
             11: "segment_not_present", 12: "stack_segment", 13: "general_protection", 14: "page_fault", 16: "coprocessor_error",
             17: "alignment_check", 19: "simd_coprocessor_error"}

    def expected(self, truth):
        symbols = {}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split(" ", 2)
            if name.startswith("asm_exc_"):
                symbols[name[8:]] = int(address, 16)
        return {number: {"FUNCTION": symbols[name]} for number, name in self.GATES.items() if name in symbols}

    def key(self, row):
        return row["INDEX"] if row["TABLE"] == "idt_table" and row["INDEX"] in self.GATES else None

    def have(self, row, column):
        return int(row["FUNCTION"], 16)


class Entrypoints(Declaration):
    name = "entrypoints"
    against = "proc/kallsyms"
    keys = "NAME"
    others = "registers, vectors, and branches to where they should not lead"
    NAMES = ("entry_SYSCALL_64", "entry_SYSCALL_compat", "entry_SYSENTER_compat", "do_syscall_64", "do_el0_svc")

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "kallsyms"):
            address, _, name = line.split(" ", 2)
            if name in self.NAMES:
                out[name] = {"FUNCTION": int(address, 16)}
        return out

    def key(self, row):
        return row["NAME"] if row["KIND"] == "function" and row["NAME"] in self.NAMES else None

    def have(self, row, column):
        return int(row["FUNCTION"], 16)


DECLARATIONS = [Syscalls(), Idt(), Entrypoints()]
