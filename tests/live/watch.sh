#!/bin/bash
# engram watch on a guest that runs: what it starts and ends is told, with its own numbers; that it is booted again is one event;
# that QEMU is gone is one too. And process lists of a guest that forks as fast as it can: each row that is not flagged is a process
# that there was. Usage: watch.sh ENGRAM [LISTS]
engram=$(realpath "$1") lists=${2-40}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/guest.sh"
bad() { echo "$*"; fails=1; }
fails=0

live_start --memory file --size 192
"$engram" -r jsonl watch "qmp:$live_qmp" pslist --every 200ms > "$live_dir/events" 2> "$live_dir/errors" &
watcher=$!
until_event() { # REGEX: at most a minute
    local i
    for ((i = 0; i < 600; i++)); do
        ! grep -qE "$1" "$live_dir/events" || return 0
        kill -0 $watcher 2> /dev/null || return 1
        sleep 0.1
    done
    return 1
}
# Its first look is what all others are held against; the first line comes behind it.
for ((i = 0; i < 600; i++)); do [ ! -s "$live_dir/events" ] || break; sleep 0.1; done

live_work idle 2 # one can be seen before it has its name
actor0=$(tr -d '\r' < "$live_serial" | sed -n 's/^work: actor0 //p')
until_event "\"EVENT\":\"(born|changed)\".*\"PID\":$actor0,.*actor0" ||
    bad "a process that began is not told: $(tail -n 3 "$live_dir/events" "$live_dir/errors")"
live_ask "kill -9 $actor0" > /dev/null
until_event "\"EVENT\":\"(gone|changed)\".*\"PID\":$actor0," || bad "a process that ended is not told"

live_ask 'echo 4194304 > /proc/sys/kernel/pid_max' > /dev/null # so that numbers do not begin again
live_work forks
sleep 1
for ((i = 0; i < lists; i++)); do
    "$engram" -q -r jsonl "qmp:$live_qmp" pslist 2>> "$live_dir/errors"
done > "$live_dir/lists"
python3 - "$live_dir/lists" "$(tr -d '\r' < "$live_serial" | sed -n 's/^work: forks begins //p')" << 'PYTHON' || bad "process lists of a busy guest"
# The forker's children have numbers in their order, and names that count: what the two differ by grows, when others fork, and never
# goes back. A row of two processes would.
import json
import re
import sys

forker, before, seen, flagged, wrong, lists = int(sys.argv[2]), None, 0, 0, [], 0
for line in open(sys.argv[1], encoding="utf-8"):
    row = json.loads(line)
    lists += "tool" in row
    if row.get("plugin") != "pslist" or "PID" not in row:
        continue
    child = re.fullmatch(r"child(\d+)", row["COMM"] or "")
    if row["MOVING"]:
        flagged += 1
    elif child:
        seen += 1
        apart = (row["PID"] - int(child[1])) % 1000
        if row["PPID"] != forker or (before is not None and (apart - before) % 1000 > 100):
            wrong.append(row)
        before = apart
print(f"{lists} lists: {seen} children as they were, {flagged} rows flagged, {len(wrong)} wrong")
for row in wrong[:3]:
    print("wrong, and not flagged:", row)
sys.exit(bool(wrong) or not lists)
PYTHON

boots=$(grep -c '^live: ready' "$live_serial")
live_monitor '{"execute":"system_reset"}' > /dev/null
until_event '"plugin":"machine".*"EVENT":"(rebooted|unreadable)"' || bad "another boot is not told"
for ((i = 0; i < 600; i++)); do [ "$(grep -c '^live: ready' "$live_serial")" = "$boots" ] || break; sleep 0.1; done
until_event '"EVENT":"rebooted"' || bad "another boot is not told when it is up"
# What the new boot has before its first look is no birth.
[ "$(sed -n '/"EVENT":"rebooted"/,$p' "$live_dir/events" | grep -c '"EVENT":"born"')" -lt 60 ] || bad "another boot is told as births"

kill -9 "$live_pid"
until_event '"EVENT":"unreadable"' || bad "that QEMU is gone is not told"
kill -INT $watcher
wait $watcher || bad "Ctrl-C is no failure: $(tail -n 2 "$live_dir/errors")"
exit $fails
