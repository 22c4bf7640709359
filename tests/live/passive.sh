#!/bin/bash
# A running guest, read from outside while it forks and maps as fast as it can: its process list is what it says itself, and
# what happens to it meanwhile is said. Usage: passive.sh ENGRAM
set -u
tests=$(cd "$(dirname "$0")" && pwd)
engram=$1
# shellcheck source=guest.sh
. "$tests/guest.sh"
# What never ends is compared (a kernel thread by the 15 letters of its task), and nothing may be there that never was.
rows() { "$engram" -q -r csv --columns PID,COMM "$@" pslist 2> "$live_dir/err" | tail -n +2 | tr -d '"'; }
fails() { # STATUS WORDS COMMAND...
    local want=$1 words=$2 got
    shift 2
    "$@" > "$live_dir/out" 2>&1
    got=$?
    [ $got = "$want" ] && grep -q "$words" "$live_dir/out" || { cat "$live_dir/out" >&2; live_fail "$*: exit status $got, not $want, or without '$words'"; }
}
running() { live_monitor '{"execute":"query-status"}' | grep -q '"running": true'; }
soon() { # COMMAND: at most a minute
    local i
    for ((i = 0; i < 600; i++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}

live_start --memory file
live_work idle 5
# Processes that stay: without kworkers, which come and go, and without those that ask.
stay=$(live_ask 'for f in /proc/[0-9]*/comm; do read -r name < $f && n=${f#/proc/} && echo "${n%/comm},${name:0:15}"; done' |
    grep -v 'kworker\|,ps$' | LC_ALL=C sort)
[ "$(wc -l <<< "$stay")" -gt 20 ] || live_fail "the guest says too little: $stay"
same() { # WHEN [OPTION...]
    local got lost new when=$1
    shift
    got=$(rows "$@" "qmp:$live_qmp")
    lost=$(LC_ALL=C comm -23 <(echo "$stay") <(LC_ALL=C sort <<< "$got"))
    # Of the storm: the program itself, its children by their names, a thread or program of its own.
    new=$(LC_ALL=C comm -13 <(echo "$stay") <(LC_ALL=C sort <<< "$got") | grep -vE '^[0-9]+,(kworker/.*|work|child[0-9]+|busybox|true|init)$')
    [ -z "$lost$new" ] || { cat "$live_dir/err" >&2; live_fail "$when: lost: $lost; never there: $new"; }
}
same "an idle guest"
live_work storm
for i in 1 2 3 4 5 6 7 8; do same "a busy guest, list $i"; done
same "a paused guest" --pause
grep -q 'stood still for [0-9.]* ms' "$live_dir/err" || live_fail "it is not said how long the guest stood"
running || live_fail "the guest does not go on after --pause"

# Killed while the guest stands: it goes on.
mkfifo "$live_dir/shell"
"$engram" --pause shell "qmp:$live_qmp" < "$live_dir/shell" > "$live_dir/out" 2>&1 &
shell=$!
exec 7> "$live_dir/shell"
stands() { ! running; }
soon stands || live_fail "--pause does not stop the guest"
kill -9 $shell
soon running || live_fail "the guest stands for good after its reader was killed"
wait $shell 2> /dev/null
exec 7>&-

# Sockets that are none, that are another's, that nobody serves, that somebody else holds.
fails 2 'No such file' "$engram" "qmp:$live_dir/none" pslist
fails 2 'Connection refused' "$engram" "qmp:$live_serial" pslist
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); c, _ = s.accept(); c.send(b"SSH-2.0\n"); c.recv(9)' \
    "$live_dir/other" &
soon test -S "$live_dir/other"
fails 2 'is not a monitor of QEMU' "$engram" "qmp:$live_dir/other" pslist
fails 2 'Connection refused' "$engram" qmp:127.0.0.1:1 pslist
python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(9); print("held", flush=True); time.sleep(60)' \
    "$live_qmp" > "$live_dir/held" &
holder=$!
soon grep -q held "$live_dir/held" || live_fail "nobody holds the monitor"
fails 2 'another program holds this monitor' "$engram" "qmp:$live_qmp" pslist
kill $holder
wait $holder 2> /dev/null

# Reset, and killed, while it is read.
meanwhile() { # WORDS COMMAND...
    local words=$1
    shift
    : > "$live_dir/out"
    "$engram" shell "qmp:$live_qmp" < "$live_dir/shell" > "$live_dir/out" 2>&1 &
    shell=$!
    exec 7> "$live_dir/shell"
    echo 'print("opened")' >&7
    soon grep -q '^opened' "$live_dir/out" || { cat "$live_dir/out"; live_fail "the shell does not open the guest"; }
    "$@"
    echo 'pslist()' >&7
    exec 7>&-
    wait $shell
    grep -q "$words" "$live_dir/out" || { tail -n 5 "$live_dir/out" >&2; live_fail "nothing of it is said: $words"; }
}
reset() { live_monitor '{"execute":"system_reset"}' > /dev/null; }
meanwhile 'the guest was reset while it was read' reset
again() { [ "$(grep -c '^live: ready' "$live_serial")" -ge 2 ]; } # it has booted once more
soon again || live_fail "the guest does not boot again"
end() { kill -9 "$live_pid"; wait "$live_pid" 2> /dev/null; }
meanwhile 'QEMU has ended while it was read' end
echo "ok: $(wc -l <<< "$stay") processes that stay, nine lists beside a storm"
