"""Runs inside of gdb, which is connected: prints each thread with its frames as lines of JSON, behind the word PEER.

$peer_pids, text: process ids that are attached to, and whose threads are printed; empty: the threads that gdb has by itself."""
import json
import time

import gdb


def say(**what):
    print("PEER " + json.dumps(what), flush=True)


def frames(limit=256):
    out, names, error = [], [], None
    try:
        frame = gdb.newest_frame()
        while frame is not None and len(out) < limit:
            if frame.type() != gdb.INLINE_FRAME:
                out.append(frame.pc())
                names.append(frame.name())
            frame = frame.older()
    except gdb.error as problem:
        error = str(problem)
    return out, names, error


def show(inferior):
    for thread in sorted(inferior.threads(), key=lambda t: t.num):
        try:
            thread.switch()
            pcs, names, error = frames()
        except gdb.error as problem:
            pcs, names, error = [], [], str(problem)
        say(pid=thread.ptid[0], tid=thread.ptid[1] or thread.ptid[2], name=thread.name, inferior=inferior.num, pcs=pcs, names=names,
            error=error)


def main():
    wanted = [int(pid) for pid in gdb.convenience_variable("peer_pids").string().split()]
    first = gdb.selected_inferior()
    begin = time.monotonic()
    text = gdb.execute("info threads", to_string=True)
    say(info_threads=len([line for line in text.splitlines() if " Thread " in line]), seconds=round(time.monotonic() - begin, 2))
    if not wanted:
        begin = time.monotonic()
        show(first)
        say(all_frames_seconds=round(time.monotonic() - begin, 2))
        return
    for pid in wanted:
        try:
            have = [i for i in gdb.inferiors() if i.pid == pid]
            if not have:
                number = gdb.execute("add-inferior", to_string=True).split("Added inferior ")[1].split()[0]
                gdb.execute(f"inferior {number}", to_string=True)
                gdb.execute(f"attach {pid}", to_string=True)
                have = [i for i in gdb.inferiors() if i.pid == pid]
            show(have[0])
        except (gdb.error, IndexError) as problem:
            say(pid=pid, tid=None, error=str(problem))


main()
