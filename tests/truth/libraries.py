"""Programs and libraries in processes' memory: what /proc/PID/maps lists, and what the scene changed in its own."""

from declare import hexadecimal
from scripts import Told


class OfImages(Told):
    memory = True

    def hooked(self, truth, *kinds):
        """What processes of the scene did to themselves, of those that live."""
        alive = set(truth.pids())
        return [f for f in truth.facts("hooked") if f["what"] in kinds and f["pid"] in alive]

    @staticmethod
    def bare(truth):
        """Where the older scene put no more than the head of an ELF file."""
        return {(f["pid"], int(f["anon_rx_start"], 16)): {"REASON": REASONS["copied"]} for f in truth.facts("rwx")
                if "ELF" in f.get("anon_rx_marker", "")}

    def rows(self, rows):
        """The loader still lists the program whose head the scene overwrote: a row beside that of what is there now."""
        at = [(row["PID"], row["LOAD_ADDRESS"]) for row in rows if row.get("IN_MAPS")]
        return [row for row in rows if row.get("IN_MAPS", True) or (row["PID"], row["LOAD_ADDRESS"]) not in at]

    def explain_extra(self, truth, key, row):
        if (key[0], hexadecimal(row.get("LOAD_ADDRESS") or "")) in {(f["pid"], int(f["at"], 16)) for f in self.hooked(truth, "hollow")}:
            return HOLLOW
        return super().explain_extra(truth, key, row)

    def have(self, row, column):
        return hexadecimal(row[column]) if column in ("END", "ADDRESS", "DESTINATION") else row[column]


HOLLOW = "the scene put other code where the program's was, with the head of an ELF file"
REASONS = {"mapped": "mapped, but not in the loader's list", "copied": "an ELF file in executable anonymous memory"}


class LibraryList(OfImages):
    name = "library_list"
    against = "proc/PID/maps, lab/facts.jsonl (hooked)"
    keys = "PID, LOAD_ADDRESS"
    others = "ELF files that are mapped from their beginning, and not to be run"

    def expected(self, truth):
        """Files of which some is mapped to be run, where their beginning is; and the vdso."""
        run = {(pid, f.path) for pid, f in truth.maps() if "x" in f.flags and (f.path.startswith("/") or f.path == "[vdso]")}
        run |= {(f["pid"], truth.link(f["pid"], "exe")) for f in self.hooked(truth, "hollow")}  # its code is no file's
        begin = {}
        for pid, f in truth.maps():
            if f.offset == 0 and (pid, f.path) in run:
                begin.setdefault((pid, f.start), {"PATH": f.path, "IN_MAPS": True, "REASON": None})
        self.data = {(pid, f.start) for pid, f in truth.maps() if f.offset == 0 and "x" not in f.flags}
        for fact in self.hooked(truth, *REASONS):
            begin.setdefault((fact["pid"], int(fact["at"], 16)), {"PATH": fact["path"], "IN_MAPS": True})["REASON"] = REASONS[fact["what"]]
        return begin | self.bare(truth)

    def key(self, row):
        key = row["PID"], int(row["LOAD_ADDRESS"], 16)
        return None if key in self.data and row["HINTS"] and "mapped as data" in row["HINTS"] else key


class LdrModules(OfImages):
    name = "ldrmodules"
    against = "lab/facts.jsonl (hooked)"
    keys = "PID, LOAD_ADDRESS"

    def expected(self, truth):
        return self.bare(truth) | {(f["pid"], int(f["at"], 16)): {"PATH": f["path"], "REASON": REASONS[f["what"]]}
                                   for f in self.hooked(truth, *REASONS)}

    def key(self, row):
        return row["PID"], int(row["LOAD_ADDRESS"], 16)


class PltHook(OfImages):
    name = "plthook"
    against = "lab/facts.jsonl (hooked)"
    keys = "PID, SYMBOL"

    def expected(self, truth):
        return {(f["pid"], f["symbol"]): {"ADDRESS": int(f["at"], 16), "DESTINATION": int(f["to"], 16)} for f in self.hooked(truth, "got")}

    def key(self, row):
        return row["PID"], row["SYMBOL"]


class ApiHooks(PltHook):
    name = "apihooks"

    def expected(self, truth):
        return {(f["pid"], f["symbol"]): {"ADDRESS": int(f["at"], 16), "DESTINATION": int(f["to"], 16)} for f in self.hooked(truth, "inline")}


class Hollowing(OfImages):
    name = "hollowing"
    against = "lab/facts.jsonl (hooked), proc/PID/maps"
    keys = "PID, START"

    def expected(self, truth):
        """A process may have told the kernel that it runs another file. A uprobe is a breakpoint, and no finding."""
        out = {(f["pid"], int(f["at"], 16)): {"REASON": "anonymous memory is where the program belongs"}
               for f in self.hooked(truth, "hollow")}
        exe, files = {pid: truth.link(pid, "exe") for pid in truth.told()}, {(pid, f.path) for pid, f in truth.maps()}
        for pid, path in exe.items():
            if path and (pid, path) not in files:
                out[pid, None] = {"REASON": "nothing of the file that it is said to run is mapped"}
        return out

    def key(self, row):
        return row["PID"], hexadecimal(row["START"])


DECLARATIONS = [ApiHooks(), Hollowing(), LdrModules(), LibraryList(), PltHook()]
