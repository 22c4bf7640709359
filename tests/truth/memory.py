"""Memory: what mappings use, areas of vmalloc, pages."""
from declare import Declaration
from processes import OfProcesses

# Columns of `maps --smaps` by the words of /proc/PID/smaps, in kB there.
SMAPS = {"Rss": "RSS", "Pss": "PSS", "Shared_Clean": "SHARED_CLEAN", "Shared_Dirty": "SHARED_DIRTY", "Private_Clean": "PRIVATE_CLEAN",
         "Private_Dirty": "PRIVATE_DIRTY", "Anonymous": "ANONYMOUS", "Swap": "SWAP", "AnonHugePages": "ANON_HUGE",
         "ShmemPmdMapped": "SHMEM_HUGE", "FilePmdMapped": "FILE_HUGE", "Locked": "LOCKED"}


def kilobytes(lines):
    """{column: kB} of the lines of one mapping."""
    out = {}
    for line in lines:
        word, _, rest = line.partition(":")
        if word in SMAPS:
            out[SMAPS[word]] = int(rest.split()[0])
    return out


class Usage(OfProcesses):
    against = "proc/PID/smaps_rollup"
    name = "maps --smaps"
    keys = "PID"
    tolerance = "PSS: 1 kB, for the fractions of a byte of each mapping"

    def expected(self, truth):
        out = {}
        for pid in truth.told():
            sums = kilobytes(truth.lines("proc", pid, "smaps_rollup"))
            if sums:
                out[pid] = sums
        return out

    def rows(self, rows):
        sums = {}
        for row in rows:
            if row["PATH"] == "[vsyscall]":
                continue
            total = sums.setdefault(row["PID"], {"PID": row["PID"], **dict.fromkeys(SMAPS.values(), 0)})
            for column in SMAPS.values():
                total[column] = None if row[column] is None or total[column] is None else total[column] + row[column]
        return list(sums.values())

    def key(self, row):
        return row["PID"]

    def have(self, row, column):
        return None if row[column] is None else row[column] // 1024

    def same(self, column, want, have):
        return have is not None and (abs(want - have) <= 1 if column in ("PSS", "LOCKED") else want == have)


DECLARATIONS = [Usage()]
