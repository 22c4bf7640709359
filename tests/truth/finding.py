"""Finding what the kernel keeps: slabs, and processes by every trace that the kernel has of them."""
import re

from declare import Declaration
from processes import OfProcesses, PsList, WORKED, worked_on


class Slabs(Declaration):
    name = "slabs"
    against = "proc/slabinfo"
    keys = "CACHE"
    tolerance = ""

    # What takes objects while the collector goes on after this report: it opens all files of /proc, runs programs, pipes their output.
    FILES = re.compile(r"dentry|(\w+_)?inode_cache|kernfs_node_cache|radix_tree_node|buffer_head")
    PROGRAMS = re.compile(r"filp|vm_area_struct|vma_lock|maple_node|anon_vma|kmalloc-|task_struct|cred_jar|pid$|pidfs|mm_struct|signal_cache|"
                          r"sighand_cache|files_cache|fs_cache|skbuff|names_cache|seq_file|lsm_")

    def expected(self, truth):
        out = {}
        for line in truth.lines("proc", "slabinfo")[2:]:
            f = line.split()
            out[f[0]] = {"ACTIVE": int(f[1]), "OBJECTS": int(f[2]), "SIZE": int(f[3]), "PER_SLAB": int(f[4]),
                         "SLAB_PAGES": int(f[5]), "SLABS": int(f[14])}
        return out

    def key(self, row):
        return row["CACHE"]

    def explain_wrong(self, truth, key, column, want, have):
        if column not in ("ACTIVE", "OBJECTS", "SLABS") or have is None or have < 0:
            return None
        if self.FILES.match(key) and have >= want:
            return "the collector opened files after this report, each of which takes objects of this cache"
        few = max(want // 8, 512 if column != "SLABS" else 24)
        if self.PROGRAMS.match(key) and abs(have - want) <= few + (1024 if key.startswith(("kmalloc-", "lsm_")) else 0):
            return "the collector ran programs after this report, which take and give back objects of this cache"
        return None


class KThreads(OfProcesses):
    name = "kthreads"
    against = "pids-at-freeze.txt, stat-at-freeze.txt, proc/PID/stat"
    keys = "PID"
    tolerance = ""

    def expected(self, truth):
        return {pid: {"TID": pid, "NAME": truth.stat(pid)[2]} for pid in truth.pids() if truth.stat(pid) and truth.kernel_thread(pid)}

    def explain_wrong(self, truth, key, column, want, have):
        return WORKED if column == "NAME" and worked_on(want, have) else super().explain_wrong(truth, key, column, want, have)

    def explain_extra(self, truth, key, row):
        return "it lived while the image was being taken" if truth.live else None


class Threads(PsList):
    name = "threads"
    against = "tids-at-freeze.txt, stat-at-freeze.txt, proc/PID/task/TID/stat"
    keys = "PID, TID"

    def expected(self, truth):
        out = {}
        for pid, tid in truth.tids():
            thread = self.thread(truth, pid, tid, ("proc", pid, "task", tid))
            out[pid, tid] = {column: thread[column] for column in ("PPID", "COMM", "STATE", "EXIT_STATE", "CREATION_TIME") if column in thread}
            stat = truth.stat(tid, "proc", pid, "task", tid)
            if stat:
                out[pid, tid] |= {"NAME": stat[2], "PRIO": int(stat[18]) + 100}
        return out

    def key(self, row):
        return row["PID"], row["TID"]

    def explain_wrong(self, truth, key, column, want, have):
        if column == "NAME" and worked_on(want, have):
            return WORKED
        return super().explain_wrong(truth, key, column, want, have)

    def explain_extra(self, truth, key, row):
        return "it lived while the image was being taken" if truth.live else None


DECLARATIONS = [KThreads(), Slabs(), Threads()]
