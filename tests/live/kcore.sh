#!/bin/bash
# kcore.sh ENGRAM: the machine's own memory through /proc/kcore, in a guest: kernel and processes are those that the guest
# itself has.
set -eu
engram=$1
. "$(dirname "$0")/guest.sh"
work=$(mktemp -d)
clean() { live_stop || :; rm -rf "$work"; }
trap clean EXIT
live_start --memory none --size 512 --program "$engram"
trap clean EXIT
live_work idle 3
before=$(live_ask 'for p in /proc/[0-9]*; do cat $p/stat; done 2> /dev/null')
live_ask 'with engram -q -r csv --columns PID,PPID,COMM /proc/kcore pslist' > "$work/rows"
after=$(live_ask 'for p in /proc/[0-9]*; do cat $p/stat; done 2> /dev/null')
printf '%s\n' "$before" > "$work/before"
printf '%s\n' "$after" > "$work/after"
python3 - "$work" << 'PYTHON'
import csv, re, sys
def processes(path):
    # Of a kernel thread the guest shows more than the 15 bytes of its comm, of a worker what it works for.
    return {int(m[1]): (int(m[3]), m[2].split('-')[0] if m[2].startswith('kworker') else m[2][:15]) for m in re.finditer(r"^(\d+) \((.*)\) \S (\d+) ", open(path).read(), re.M)}
before, after = processes(sys.argv[1] + "/before"), processes(sys.argv[1] + "/after")
rows = {int(r["PID"]): (int(r["PPID"]), r["COMM"]) for r in csv.DictReader(open(sys.argv[1] + "/rows"))}
stayed = {pid: what for pid, what in before.items() if after.get(pid) == what}
assert len(stayed) > 20 and any(comm == "actor2" for _, comm in stayed.values()), stayed
wrong = {pid: (what, rows.get(pid)) for pid, what in stayed.items() if rows.get(pid) != what}
assert not wrong, wrong
more = {pid: what for pid, what in rows.items() if pid not in stayed and what[1] not in ("engram", "sh", "init", "with", "cat") and
        not what[1].startswith("kworker/")}
assert not more, more
print(len(stayed), "processes are the same,", len(rows) - len(stayed), "were there for a moment")
PYTHON
kernel=$(live_ask 'uname -r')
live_ask 'with engram -q -r csv --columns KEY,VALUE /proc/kcore info' > "$work/info" || :
grep -q "$kernel" "$work/info" || live_fail "another kernel than $kernel: $(cat "$work/info")"
live_ask 'with engram -q read /proc/kcore linux_banner 14 | cat; echo' | grep -q 'Linux version' ||
    live_fail "linux_banner is not read"
live_ask 'with engram -q /dev/mem pslist' | grep -q 'STRICT_DEVMEM' || live_fail "/dev/mem is not refused in words"
echo PASS
