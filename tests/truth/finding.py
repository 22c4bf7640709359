"""Finding what the kernel keeps: slabs, and processes by every trace that the kernel has of them."""
import re

from declare import Declaration
from processes import OfProcesses, Threads as PsListThreads, WORKED, lived, worked_on


class Slabs(Declaration):
    name = "slabs"
    against = "proc/slabinfo"
    keys = "CACHE"
    tolerance = ""

    # What takes objects while the collector goes on after this report: it opens all files of /proc, runs programs, pipes their output.
    # numa_policy: where the cache of security labels of inodes was merged into it.
    FILES = re.compile(r"numa_policy|dentry|(\w+_)?inode_cache|kernfs_node_cache|radix_tree_node|buffer_head")
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
        if truth.live:
            return "the guest went on while the image was being taken"
        if key == "nf_conntrack" and 0 <= have - want <= (2 if column == "SLABS" else 64):
            return "the guest goes on to connect to itself after this report"
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
        return lived(truth)


class Threads(PsListThreads):
    name = "threads"
    against = "tids-at-freeze.txt, stat-at-freeze.txt, proc/PID/task/TID/stat"

    def expected(self, truth):
        out = {}
        for pid, tid in truth.tids():
            thread = self.thread(truth, pid, tid, ("proc", pid, "task", tid))
            out[pid, tid] = {column: thread[column] for column in ("PPID", "COMM", "STATE", "EXIT_STATE", "CREATION_TIME") if column in thread}
            stat = truth.stat(tid, "proc", pid, "task", tid)
            if stat:
                out[pid, tid] |= {"NAME": stat[2], "PRIO": int(stat[18]) + 100, "CPU": int(stat[39])}
        return out

    def explain_wrong(self, truth, key, column, want, have):
        if column == "NAME" and worked_on(want, have):
            return WORKED
        if column == "CPU" and have is not None and f"cpu{have} " in (truth.text("proc", "stat") or ""):
            return "the scheduler moved it to another CPU between the last look and the freeze"
        return super().explain_wrong(truth, key, column, want, have)


class PidHashTable(OfProcesses):
    name = "pidhashtable"
    against = "tids-at-freeze.txt, stat-at-freeze.txt, proc/PID/task/TID/{status,ns.txt}"
    keys = "TID, ID"
    tolerance = "COMM: as pslist's"

    def expected(self, truth):
        out, self.spaces = {}, {}
        init = truth.namespaces(1).get("pid") if 1 in truth.told() else None
        for pid, tid in truth.tids():
            folder = ("proc", pid, "task", tid)
            stat = truth.stat(tid, *folder)
            out[tid, 0] = {"PID": pid, "ID": tid} | ({"PPID": int(stat[4]), "COMM": stat[2]} if stat else {})
            if init:
                out[tid, 0]["NS"] = init
            if truth.has(*folder, "status"):
                for depth, number in enumerate(truth.status(*folder)["NSpid"].split()[1:], 1):
                    out[tid, depth] = {"PID": pid, "ID": int(number)}
        return out

    def rows(self, rows):
        seen = {}
        for row in rows:  # those of the outermost namespace come first
            row["depth"] = seen.get(row["TID"], 0)
            seen[row["TID"]] = row["depth"] + 1
        return rows

    def key(self, row):
        return row["TID"], row["depth"]

    def explain_missing(self, truth, key, want, got):
        return None

    def explain_extra(self, truth, key, row):
        if truth.live:
            return lived(truth)
        return "it was started after the reports, and is in a pid namespace" if key[1] and key[0] not in truth.told() else None


class PsScan(OfProcesses):
    name = "psscan"
    against = "tids-at-freeze.txt, stat-at-freeze.txt"
    keys = "PID, TID of what has not ended or waits for its parent"
    tolerance = "COMM: as pslist's"

    def expected(self, truth):
        out = {}
        for pid, tid in truth.tids():
            stat = truth.stat(tid, "proc", pid, "task", tid)
            out[pid, tid] = {"LINKED": True}
            if stat:
                zombie = stat[3] == "Z"
                out[pid, tid] |= {"PPID": int(stat[4]), "COMM": stat[2], "LIFE": "zombie" if zombie else "living",
                                  "EXIT_STATE": "EXIT_ZOMBIE" if zombie else "TASK_RUNNING"}
        return out

    def rows(self, rows):
        return [row for row in rows if row["LIFE"] in ("living", "zombie") and row["PID"]]

    def key(self, row):
        return row["PID"], row["TID"]

    def explain_missing(self, truth, key, want, got):
        return None


class PsXView(OfProcesses):
    name = "psxview --threads"
    against = "tids-at-freeze.txt, stat-at-freeze.txt, marks.jsonl"
    keys = "PID, TID"
    tolerance = "COMM: as pslist's"

    def expected(self, truth):
        out, unlinked = {}, truth.unlinked()
        for pid, tid in truth.tids():
            stat = truth.stat(tid, "proc", pid, "task", tid)
            out[pid, tid] = {"PID_TABLE": True, "THREAD_LIST": True, "SCAN": True,
                             "VERDICT": "hidden" if pid in unlinked else "normal"}
            if stat:
                out[pid, tid] |= {"PPID": int(stat[4]), "COMM": stat[2]}
            if pid == tid:
                out[pid, tid] |= {"LIST": pid not in unlinked, "LIST_BACK": pid not in unlinked, "CHILDREN": True}
        return out

    def rows(self, rows):
        return [row for row in rows if row["PID"] and row["PID_TABLE"] or row["VERDICT"] != "normal"]

    def key(self, row):
        return row["PID"], row["TID"]

    def explain_missing(self, truth, key, want, got):
        return None

    def explain_wrong(self, truth, key, column, want, have):
        if truth.live and column == "VERDICT" and have == "uncertain":
            return "it was born, or died, while the image was being taken"
        if truth.live and column in ("LIST_BACK", "LIST") and have is False:
            return "the list is broken: its parts were copied at different moments"
        return super().explain_wrong(truth, key, column, want, have)


DECLARATIONS = [KThreads(), PidHashTable(), PsScan(), PsXView(), Slabs(), Threads()]
