#!/usr/bin/env python3
"""Do drgn, crash and gdb give with the file of `engram kernel-elf` what they give with the kernel's own vmlinux?

    vmlinux.py ENGRAM IMAGE [--true VMLINUX] [--truth FOLDER] [--drgn PYTHON]... [--crash COMMAND]... [--gdb COMMAND]...
               [--core FILE] [--keep FOLDER] [--modules]

With VMLINUX each answer is compared with the one for that file; without it drgn's tasks and stacks with pslist and kstack, and with the
guest's words. CORE is what the peers open (default: what `engram convert --to elf` makes of IMAGE, which has VMCOREINFO). PYTHON is one that
has the module drgn ("chroot /srv/trixie python3"). Exit status 1: something differs."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

import peers

SAID = 8
# What crash prints must be the same but for these words of the vmlinux itself.
OWN_LINES = re.compile(r"KERNEL:|DEBUGINFO:|DUMPFILE:|^ *GNU|^crash |NOTE: stdin|WARNING: cpu|^please wait|^patching")
CRASH = ("sys", "ps", "bt 0", "mod", "runq", "struct task_struct", "struct mm_struct", "struct page", "struct -o sock", "union thread_union", "p jiffies",
         "p init_task.comm", "whatis schedule", "sym schedule", "sym init_task", "dis schedule 4", "struct task_struct.comm,pid,mm init_task", "kmem -s",
         "list task_struct.tasks -s task_struct.pid -h init_task", "vtop init_task", "log")
GDB = ("ptype struct task_struct", "ptype struct mm_struct", "ptype struct sock", "p sizeof(struct page)", "p &((struct task_struct *)0)->comm",
       "ptype struct file_operations", "ptype enum pid_type", "p (int)PIDTYPE_MAX", "whatis schedule", "ptype struct inode", "ptype struct dentry",
       "ptype struct net_device", "ptype struct module", "ptype struct bpf_prog", "p sizeof(struct rq)", "whatis init_task", "info line schedule")


def differences(title, mine, real):
    """Of two dictionaries."""
    bad = [f"{key}: {mine.get(key)!r:.160}, expected {want!r:.160}" for key, want in real.items() if mine.get(key) != want]
    more = len(set(mine) - set(real))
    print(f"    {title}: {len(real) - len(bad)} of {len(real)} are the same{f', {more} more' if more else ''}")
    for text in bad[:SAID]:
        print("        " + text)
    return bool(bad)


def frames(stacks):
    if not isinstance(stacks, dict):
        return {"all": stacks}
    out = {}
    for pid, stack in stacks.items():  # an inlined function has a frame of the same place
        out[pid] = [pc for i, (pc, _) in enumerate(stack) if not i or stack[i - 1][0] != pc] if isinstance(stack, list) else stack
    return out


def shape(rows, real=None):
    """A layout without the spelling of types; an enum as it is."""
    if not isinstance(rows, list) or (rows and isinstance(rows[0], list)):
        return rows
    return [rows[0]] + [row[:3] for row in rows[1:]]


def by_drgn(command, core, vmlinux):
    said, text, seconds = peers.lines_of([*peers.words(command), os.path.join(peers.HERE, "inside_drgn.py"), vmlinux, core], "PEER ")
    if not said:
        return {"failed": text[-1000:]}, seconds
    return said[0], seconds


def drgn(a, command, mine, core, told, tasks, kstacks):
    have, seconds = by_drgn(command, core, mine)
    if "failed" in have:
        print(f"drgn: does not open it: {have['failed']}")
        return True
    print(f"drgn: opens it in {have['load'][1]} s, all answers in {seconds:.1f} s")
    bad = False
    ps = have["ps"][0]
    want = {t["TID"]: [t["TID"], t["PID"], t["COMM"]] for t in tasks}
    got = {row[0]: row[:3] for row in ps} if isinstance(ps, list) else {"ps": ps}
    bad |= differences(f"tasks as pslist --threads, {have['ps'][1]} s", got, want)
    stacks = frames(have["stacks"][0])
    want = {str(key[1]): s["pcs"] for key, s in kstacks.items() if s["pcs"] and s["rows"][0]["FOUND_BY"] == "saved"}
    inside = {tid: [pc for pc in pcs if pc >> 47 == 0x1ffff] if isinstance(pcs, list) else pcs for tid, pcs in stacks.items()}  # drgn goes on into the program
    bad |= differences(f"stacks of sleeping threads as kstack, {have['stacks'][1]} s", inside, want)
    if told:
        same = {pid: told.same(int(pid), pcs) for pid, pcs in inside.items() if isinstance(pcs, list)}
        print(f"    stacks as the guest's /proc/PID/stack: {sum(x is True for x in same.values())} of {sum(x is not None for x in same.values())}")
        bad |= any(x is False for x in same.values())
    if a.true:
        real, seconds = by_drgn(command, core, a.true)
        print(f"    with the true one: opens in {real['load'][1]} s, all answers in {seconds:.1f} s")
        bad |= differences("stacks as with the true one", stacks, frames(real["stacks"][0]))
        bad |= differences("answers as with the true one", {k: v[0] for k, v in have.items() if k not in ("stacks", "layout", "load")},
                           {k: v[0] for k, v in real.items() if k not in ("stacks", "layout", "load")})
        layouts = (x["layout"][0] if isinstance(x["layout"][0], dict) else {"layout": x["layout"][0]} for x in (have, real))
        have, real = layouts
        bad |= differences("layouts (size, members, bits)", {k: shape(v) for k, v in have.items()}, {k: shape(v) for k, v in real.items()})
        spelled = sum(have.get(k) == v for k, v in real.items())
        print(f"    of these, {spelled} of {len(real)} with the same names of members' types")
    return bad


def by_crash(command, vmlinux, core, folder):
    """{command: its lines}."""
    script = os.path.join(folder, "crash.commands")
    with open(script, "w", encoding="utf-8") as f:
        for line in CRASH:
            f.write(f"!echo PEER {line}\n{line}\n")
        f.write("quit\n")
    begin = time.monotonic()
    out = subprocess.run([*peers.words(command), "--no_scroll", "--no_crashrc", "-i", script, vmlinux, core], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=900)
    answers, current = {}, None
    for line in out.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("PEER "):
            current = answers.setdefault(line[5:], [])
        elif current is not None and not OWN_LINES.search(line):
            current.append(re.sub(r"^\$\d+ = ", "", line.rstrip()))
    return answers, out.stdout.decode("utf-8", "replace"), time.monotonic() - begin, out.returncode


def texts(title, mine, real, names):
    bad = []
    for name in names:
        have, want = mine.get(name), real.get(name)
        if have != want:
            lines = [(x, y) for x, y in zip(have or [], want or []) if x != y]
            first = lines[0] if lines else ((have or ["-"])[-1], f"{len(want or [])} lines, not {len(have or [])}")
            bad.append(f"{name}: {len(lines)} of {len(want or [])} lines differ: {first[0]!r:.140}, expected {first[1]!r:.140}")
    print(f"    {title}: {len(names) - len(bad)} of {len(names)} commands print the same")
    for text in bad:
        print("        " + text)
    return bool(bad)


def crash(a, command, mine, core, folder):
    have, text, seconds, status = by_crash(command, mine, core, folder)
    print(f"{command}: {len(have)} of {len(CRASH)} commands were answered in {seconds:.1f} s, exit status {status}")
    if len(have) < len(CRASH):
        print("        " + "\n        ".join(text.splitlines()[-6:]))
    failed = {name: lines[0] for name, lines in have.items() if lines and re.match(rf"{name.split()[0]}: ", lines[0])}
    for name, line in failed.items():
        print(f"        {name}: {line:.150}")
    if not a.true:
        return len(have) < len(CRASH)
    real, _, seconds, status = by_crash(command, a.true, core, folder)
    return texts(f"as with the true one ({seconds:.1f} s, {len(real)} answered)", have, real, CRASH)


def by_gdb(command, vmlinux):
    options = [word for line in GDB for word in ("-ex", f"echo PEER {line}\\n", "-ex", line)]
    begin = time.monotonic()
    out = subprocess.run([*peers.words(command), "-nx", "-batch", "-ex", "set width 0", vmlinux, *options], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=600)
    answers, current = {}, None
    for line in out.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("PEER "):
            current = answers.setdefault(line[5:], [])
        elif current is not None:
            current.append(re.sub(r"^\$\d+ = ", "", line))
        else:
            print("        " + line)
    return answers, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("engram", "image"):
        parser.add_argument(name)
    for name in ("--true", "--truth", "--core", "--keep"):
        parser.add_argument(name)
    for name in ("--drgn", "--crash", "--gdb"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--modules", action="store_true")
    a = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        mine = os.path.join(a.keep or folder, "vmlinux")
        begin = time.monotonic()
        subprocess.run([a.engram, "kernel-elf", a.image, "-o", mine, *(["--modules"] if a.modules else [])], check=True,
                       stdout=subprocess.DEVNULL)
        print(f"kernel-elf: {time.monotonic() - begin:.2f} s, {os.path.getsize(mine) / 1e6:.1f} MB")
        core = a.core
        if not core:
            core = os.path.join(folder, "core")
            subprocess.run([a.engram, "convert", a.image, "-o", core, "--to", "elf"], check=True, stdout=subprocess.DEVNULL)
        told = peers.Told(a.truth) if a.truth else None
        tasks = peers.rows(a.engram, a.image, "pslist", "--threads")
        kstacks = peers.stacks(a.engram, a.image, "kstack")
        unmoved = os.path.join(folder, "vmlinux.unmoved")  # drgn adds KASLR's offset itself
        if a.drgn:
            subprocess.run([a.engram, "-q", "kernel-elf", a.image, "-o", unmoved, "--link-time"], check=True, stdout=subprocess.DEVNULL)
        for command in a.drgn:
            bad |= drgn(a, command, unmoved, core, told, tasks, kstacks)
        for command in a.crash:
            bad |= crash(a, command, mine, core, folder)
        for command in a.gdb:
            have, seconds = by_gdb(command, mine)
            print(f"{command}: {len(have)} answers in {seconds:.1f} s")
            if a.true:
                bad |= texts("as with the true one", have, by_gdb(command, a.true)[0], GDB)
    return bad


if __name__ == "__main__":
    sys.exit(main())
