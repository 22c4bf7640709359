#!/usr/bin/env python3
"""Do gdb and lldb see by `engram gdb` what kstack, ustack and the guest itself say?

    debuggers.py ENGRAM IMAGE [--truth FOLDER] [--gdb COMMAND]... [--lldb COMMAND]... [--user N]

IMAGE is served to each debugger, which is told nothing but the port. Kernel stacks of all threads must be kstack's, and those that
/proc/PID/stack of the truth has; the stacks of N processes (default 20, 0: all) must be ustack's. Where ustack or kstack say that they end early,
theirs must be the beginning of the debugger's; behind code without call frame information both guess. Behind a kernel stack a debugger
may show where the program entered the kernel: ustack's first frame. COMMAND may have several words
("chroot /srv/trixie gdb"; the folder of this file must be at the same place there). Exit status 1: something differs."""
import argparse
import os
import subprocess
import sys
import tempfile

import peers

SAID = 12  # differences that are printed in full


class Count:
    def __init__(self, title):
        self.title, self.same, self.shorter, self.guessed, self.zero, self.bad = title, 0, 0, 0, 0, []

    def stack(self, who, have, mine, error=None, guesses=("frame pointer", "link register")):
        """@mine: as peers.stacks() gives it."""
        want = mine["pcs"]
        ends = mine["rows"][-1]["ENDS_EARLY"]
        sure = 0
        while sure < len(mine["rows"]) and mine["rows"][sure]["FOUND_BY"] not in guesses:
            sure += 1
        if have == want or not ends and have[:-1] == want and have[-1] == mine.get("entered"):
            self.same += 1
        elif have[:len(want)] == want and set(have[len(want):]) <= {0, mine.get("entered")}:
            self.zero += 1
        elif have and ends and have[:len(want)] == want:
            self.shorter += 1
        elif have and sure < len(want) and have[:sure] == want[:sure]:
            self.guessed += 1
        else:
            where = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
            place = mine["rows"][where - 1]["PLACE"] if 0 < where <= len(mine["rows"]) else ""
            self.bad.append(f"{who}: from frame {where} (behind {place}): {list(map(hex, have[where:where + 4]))} of {len(have)}, "
                            f"expected {list(map(hex, want[where:where + 4]))} of {len(want)}{' ' + error if error else ''}")

    def wrong(self, text):
        self.bad.append(text)

    def end(self, more=""):
        print(f"{self.title}: {self.same} stacks are the same, {self.zero} but for a frame 0 at the end, {self.shorter} go on where Engram says that it ends early, "
              f"{self.guessed} differ behind a guess, {len(self.bad)} differ{more}", flush=True)
        for text in self.bad[:SAID]:
            print("    " + text)
        return bool(self.bad) or not self.same + self.zero


def kernel(title, said, mine, told, idle):
    """@said: a list of {tid, pcs}; @idle: tids of threads that kstack has none of."""
    count, seen = Count(title), set()
    truth = [0, 0]
    for thread in said:
        key = next((k for k in mine if k[1] == thread["tid"]), None)
        if key is None:
            if thread["tid"] not in idle:
                count.wrong(f"thread {thread['tid']}: kstack has none")
            continue
        seen.add(key)
        count.stack(f"{key[0]}/{key[1]} {mine[key]['rows'][0]['COMM']}", thread["pcs"], mine[key], thread.get("error"),
                    ("link register",))  # the kernel of AArch64 has no other way than frame pointers
        pcs = [pc for pc in thread["pcs"] if pc >> 47 == 0x1ffff]
        same = told.same(key[0], pcs) if told and key[0] == key[1] else None
        if same is not None:
            truth[not same] += 1
            if not same:
                count.wrong(f"{key[0]}: /proc/{key[0]}/stack of the guest is another")
    for key in mine.keys() - seen:
        count.wrong(f"{key[0]}/{key[1]} {mine[key]['rows'][0]['COMM']}: not a thread of the debugger")
    return count.end(f"; {truth[0]} of {sum(truth)} are what the guest's /proc/PID/stack said" if told else "")


def user(title, said, mine, wanted):
    count = Count(title)
    seen = set()
    for thread in said:
        key = thread["pid"], thread["tid"]
        if key not in mine:
            count.wrong(f"{key[0]}/{key[1]}: ustack has none{': ' + thread['error'] if thread.get('error') else ''}")
            continue
        seen.add(key)
        count.stack(f"{key[0]}/{key[1]} {mine[key]['rows'][0]['COMM']}", thread["pcs"], mine[key], thread.get("error"))
    for key in mine.keys() - seen:
        if key[0] in wanted:
            count.wrong(f"{key[0]}/{key[1]} {mine[key]['rows'][0]['COMM']}: not a thread of the debugger")
    return count.end()


def gdb_says(command, port, pids):
    program = [*peers.words(command), "-nx", "-batch", "-ex", "set pagination off", "-ex", "set width 0", "-ex", "set confirm off",
               "-ex", "set debuginfod enabled off", "-ex", "set backtrace past-main on", "-ex", "set backtrace past-entry on",
               "-ex", f"python gdb.set_convenience_variable('peer_pids', '{' '.join(map(str, pids))}')",
               "-ex", f"target extended-remote 127.0.0.1:{port}", "-x", os.path.join(peers.HERE, "inside_gdb.py")]
    return peers.lines_of(program, "PEER ")


def lldb_says(command, port, pid, program):
    """@program: the kernel's file, for lldb asks nobody for it. Its text is parsed: not each lldb has Python."""
    line = [*peers.words(command), "--no-lldbinit", "-b", "-o", r'settings set thread-stop-format "PEERT ${thread.id%tid} {${thread.name}}\n"', "-o",
            r'settings set frame-format "PEERF ${frame.pc} {${function.name}}\n"', "-o", "settings set target.process.stop-on-sharedlibrary-events false",
               "-o", f"gdb-remote 127.0.0.1:{port}", "-o", "thread backtrace all", *program]
    _, text, seconds = peers.lines_of(line, "PEER ")
    said, text = [], text[max(text.find("(lldb) thread backtrace all"), 0):]
    for line in text.splitlines():
        word = line.lstrip("* ").split()
        if word[:1] == ["PEERT"]:
            said.append({"pid": pid, "tid": int(word[1], 0), "name": " ".join(word[2:]), "pcs": [], "names": []})
        elif word[:1] == ["PEERF"] and said:
            said[-1]["pcs"].append(int(word[1], 16))
            said[-1]["names"].append(" ".join(word[2:]) or None)
    return said, text, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engram")
    parser.add_argument("image")
    parser.add_argument("--truth")
    parser.add_argument("--vmlinux", help="the kernel's file that lldb opens; default: what kernel-elf makes")
    parser.add_argument("--gdb", action="append", default=[])
    parser.add_argument("--lldb", action="append", default=[])
    parser.add_argument("--user", type=int, default=20)
    a = parser.parse_args()
    told = peers.Told(a.truth) if a.truth else None
    mine = peers.stacks(a.engram, a.image, "kstack")
    users = peers.stacks(a.engram, a.image, "ustack")
    for key, stack in mine.items():
        stack["entered"] = users[key]["pcs"][0] if key in users and users[key]["pcs"] else None
    tasks = peers.rows(a.engram, a.image, "pslist", "--threads")
    idle = {row["TID"] for row in tasks} - {key[1] for key in mine}
    pids = sorted({key[0] for key in users})
    pids = pids[::max(1, len(pids) // a.user)][:a.user] if a.user else pids
    bad = False
    for command in a.gdb:
        with peers.Server(a.engram, a.image) as server:
            said, text, seconds = gdb_says(command, server.port, [])
            count = next((s for s in said if "info_threads" in s), {"info_threads": 0, "seconds": 0})
            frames = next((s["all_frames_seconds"] for s in said if "all_frames_seconds" in s), None)
            print(f"{command}: info threads: {count['info_threads']} threads in {count['seconds']} s ({len(tasks)} tasks in pslist); all frames "
                  f"in {frames} s; in all {seconds:.1f} s, the server used {server.seconds():.2f} s")
            if count["info_threads"] < len(tasks):
                bad = True
                print("    too few; gdb said: " + text[-1500:])
            bad |= kernel(f"{command}: kernel", [s for s in said if "tid" in s and s["tid"] < 1 << 22], mine, told, idle)
        with peers.Server(a.engram, a.image) as server:
            said, text, seconds = gdb_says(command, server.port, pids)
            bad |= user(f"{command}: {len(pids)} programs, {seconds:.1f} s", [s for s in said if "pcs" in s or "pid" in s], users, set(pids))
    for command in a.lldb:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder, peers.Server(a.engram, a.image) as server:
            os.chmod(folder, 0o755)
            vmlinux = os.path.join(folder, "vmlinux")
            if a.vmlinux:
                vmlinux = a.vmlinux
            else:
                subprocess.run([a.engram, "-q", "kernel-elf", a.image, "-o", vmlinux, "--modules"], check=True, stdout=subprocess.DEVNULL)
            said, text, seconds = lldb_says(command, server.port, 0, [vmlinux])
            threads = [s for s in said if "tid" in s]
            print(f"{command}: {len(threads)} threads in {seconds:.1f} s{'' if threads else ': ' + text[-1500:]}")
            bad |= kernel(f"{command}: kernel", [s for s in threads if s["tid"] < 1 << 22], mine, told, idle)
    return bad


if __name__ == "__main__":
    sys.exit(main())
