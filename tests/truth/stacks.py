"""Kernel stacks and registers of threads: /proc/PID/stack, wchan and syscall."""
from declare import hexadecimal
from processes import OfProcesses

RCU = "the grace-period thread of RCU wakes many times a second: it went on between the report and the freeze"
COLLECTOR = "it is the collector itself, which was reading this file"
RAN = "it ran between the report and the moment of the image: its times or faults have changed"


class OfSleepers(OfProcesses):
    """What a thread was doing at the report, of those that still do that at the freeze."""

    def key(self, row):
        return row["PID"] if row["PID"] == row["TID"] else None

    def explain_wrong(self, truth, key, column, want, have):
        pid = key[0] if isinstance(key, tuple) else key
        if f"pid {pid}" in truth.lines("collector.txt"):
            return COLLECTOR
        if any("rcu_gp_" in line for line in truth.lines("proc", pid, "stack")):
            return RCU
        if truth.ran_since(pid):
            return RAN
        return super().explain_wrong(truth, key, column, want, have)

    def explain_missing(self, truth, key, want, got):
        return super().explain_missing(truth, key, want, got) or self.explain_wrong(truth, key, None, want, None)

    def explain_extra(self, truth, key, row):
        pid = key[0] if isinstance(key, tuple) else key
        known = self.explain_wrong(truth, key, None, None, row) if pid in truth.told() else None
        return super().explain_extra(truth, key, row) or known


class KStack(OfSleepers):
    name = "kstack"
    against = "proc/PID/stack, proc/PID/wchan, proc/kallsyms"
    keys = "PID"
    tolerance = "frames of the scheduler's own functions, and of locks, which /proc/PID/stack leaves out: by their bounds in proc/kallsyms"
    MARKS = ("__sched_text_start", "__sched_text_end", "__lock_text_start", "__lock_text_end")
    hidden = ()

    def expected(self, truth):
        places = {}
        for line in truth.lines("proc", "kallsyms"):
            word = line.split()
            if len(word) > 2 and word[2] in self.MARKS:
                places[word[2]] = int(word[0], 16)
        self.hidden = [(places[a], places[b]) for a, b in (self.MARKS[:2], self.MARKS[2:]) if a in places and b in places]
        out = {}
        for pid in truth.told():
            frames = [line.split("] ", 1)[1] for line in truth.lines("proc", pid, "stack") if "] " in line]
            if not frames:
                continue
            out[pid] = {"frames": "\n".join(frames)}
            wchan = (truth.text("proc", pid, "wchan") or "").strip()
            if wchan not in ("", "0"):
                out[pid]["wchan"] = wchan
        return out

    def applies(self, truth):
        return bool(self.expected(truth)) and bool(self.hidden)

    def rows(self, rows):
        """One for each thread: its frames as the kernel would have printed them."""
        out = {}
        for row in rows:
            thread = out.setdefault((row["PID"], row["TID"]), {"PID": row["PID"], "TID": row["TID"], "COMM": row["COMM"], "frames": []})
            place = hexadecimal(row["ADDRESS"])
            if place is not None and not any(first <= place < end for first, end in self.hidden):
                thread["frames"].append(f"{row['PLACE']} [{row['MODULE']}]" if row["MODULE"] else row["PLACE"] or hex(place))
        for thread in out.values():
            thread["wchan"] = thread["frames"][0].split("+")[0] if thread["frames"] else None
            thread["frames"] = "\n".join(thread["frames"])
        return [thread for thread in out.values() if thread["frames"]]


class Regs(OfSleepers):
    name = "regs"
    against = "proc/PID/syscall"
    keys = "PID"
    tolerance = "arguments are compared of 64-bit programs on x86-64: elsewhere the first one is overwritten"
    ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")

    def expected(self, truth):
        out, x86 = {}, "__x64_sys_read\n" in (truth.text("proc", "kallsyms") or "")
        for pid in truth.told():
            word = (truth.text("proc", pid, "syscall") or "").split()
            if truth.kernel_thread(pid) or len(word) not in (3, 9) or not int(word[-1], 16):  # one that has ended has zeros
                continue
            out[pid] = {"SYSCALL": int(word[0]), "SP": int(word[-2], 16), "PC": int(word[-1], 16)}
            # a 32-bit program's stack is below 4 GiB
            if len(word) == 9 and x86 and int(word[-2], 16) >> 32:
                out[pid]["arguments"] = [int(argument, 16) for argument in word[1:7]]
        return out

    def rows(self, rows):
        return [row for row in rows if row["MODE"].startswith("user") and row["PID"] == row["TID"]]

    def have(self, row, column):
        if column == "arguments":
            registers = dict(word.split("=") for word in (row["REGISTERS"] or "").split())
            return [int(registers[name], 16) for name in self.ARGUMENTS] if "rdi" in registers else None
        return hexadecimal(row[column]) if column in ("SP", "PC") else row[column]


DECLARATIONS = [
    KStack(),
    Regs(),
]
