#!/bin/bash
# trace_ring.sh ENGRAM SOURCE [ARCH]: system calls of a guest by QEMU's plugin. A program makes a known number of known calls: each
# is told, with its name, arguments and result, in order; none is lost.  $LIVE_API: the version of the interface for which
# the plugin is built (1: QEMU 7.2).
set -eu
engram=$1 source=$2 arch=${3:-amd64}
. "$source/tests/live/guest.sh"
work=$(mktemp -d)
ring=/dev/shm/trace-ring.$$
clean() { live_stop || :; rm -rf "$work" "$ring"; }
# guest.sh's own trap is replaced: this one calls it.
live_start --arch "$arch" --memory file --size 256 --cpus "${LIVE_CPUS:-1}" --plugin "$ring"
trap clean EXIT

begin() { # WHERE OPTION...: a trace in the background, and wait until it watches
    : > "$work/said" # of the one before
    "$engram" trace "$1" --image "$live_memory" "${@:2}" -r jsonl > "$work/rows" 2> "$work/said" &
    tracer=$!
    for ((i = 0; i < 200; i++)); do
        ! grep -q 'watched' "$work/said" || break
        sleep 0.1
    done
}

N=25
rounds() { # MODE
    begin "ring:$ring$1" --script syscalls
    live_ask "work syscalls $N" | grep -q "done $N"
    sleep 1
    kill -INT "$tracer"
    wait "$tracer" || { cat "$work/said" >&2; live_fail "trace$1: exit status $?"; }
    ! grep lost "$work/said" || live_fail "trace$1: events were lost"
    python3 - "$work/rows" "$N" "$arch" << 'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
rows = [r for r in rows if "EVENT" in r and r.get("COMM") == "work"]
n = int(sys.argv[2])
access, at = ("access", "") if sys.argv[3] == "amd64" else ("faccessat", "AT_FDCWD, ")
first = next(i for i, r in enumerate(rows) if r["EVENT"] == "openat" and "/etc/passwd" in r["ARGS"])
want = []
for i in range(n):
    want += [("openat", 'AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC, 00', "3"), ("close", "3", "0"), ("getppid", "", "1"),
             ("pipe2", None, "0"), ("write", None, "6"), ("read", None, "6"), ("close", "3", "0"), ("close", "4", "0"),
             (access, at + '"/etc/%s", 4' % ("passwd" if i & 1 else "none"), "0" if i & 1 else "-1 ENOENT")]
got = rows[first:first + len(want)]
assert len(got) == len(want), (len(got), len(want))
for i, (g, (name, args, result)) in enumerate(zip(got, want)):
    assert g["EVENT"] == name and g["RESULT"] == result and (args is None or g["ARGS"] == args), (i, g, name, args, result)
assert rows[0]["EVENT"] == "execve" and rows[0]["RESULT"] == "0" and '"/bin/work"' in rows[0]["ARGS"], rows[0]
last = rows[-1]
assert last["EVENT"] == "exit_group" and last.get("RESULT") in ("", None), last
times = [r["TIME"] for r in rows]
assert times == sorted(times)
pids = {r["PID"] for r in rows}
assert len(pids) == 1, pids
print("%d calls of pid %s: all there, in order" % (len(rows), pids.pop()))
PYTHON
}
rounds ",async"
rounds ",sync"
# Functions of a library, in many processes at once, each with the library at another address.
user() { # MODE
    cat > "$work/user.lua" << 'LUA'
columns = { { "CALLS", "int", "calls" }, { "RETURNS", "int", "returns" }, { "PROCESSES", "int", "of so many" } }
local calls, returns, of, n = 0, 0, {}, 0
on_user_call("libc.so.6!open", function(k, call)
  calls = calls + 1
  if not of[call.pid] then of[call.pid], n = true, n + 1 end
end)
on_user_return("libc.so.6!open", function() returns = returns + 1 end)
on_end(function() row { CALLS = calls, RETURNS = returns, PROCESSES = n } end)
LUA
    begin "ring:$ring$1" --script "$work/user.lua"
    live_ask 'for i in 1 2 3 4; do call 20 & call 10; done; wait' > /dev/null
    sleep 0.5
    kill -INT "$tracer"
    wait "$tracer" || { cat "$work/said" >&2; live_fail "functions of programs$1: exit status $?"; }
    grep -q '"CALLS":128,"RETURNS":128,"PROCESSES":16' "$work/rows" || { cat "$work/rows" "$work/said" >&2; live_fail "functions of programs$1"; }
}
if [ "$live_api" -ge 2 ]; then
    user ""
    user ",async"
fi
# The reader is killed while a processor waits for it: the guest goes on.
begin "ring:$ring,sync" --script syscalls
live_work syscalls 0
sleep 0.5
kill -KILL "$tracer"
live_ask 'killall work; work getppids 1000' | grep -q 'done 1000' || live_fail "the guest stands"
# Booted again: that is said, and the guest boots.
begin "ring:$ring" --script syscalls
: > "$live_serial"
live_monitor '{"execute":"system_reset"}' > /dev/null
status=0
wait "$tracer" || status=$?
[ "$status" = 3 ] && grep -q 'rebooted: ' "$work/said" || { cat "$work/said" >&2; live_fail "no word of the reset: status $status"; }
live_wait '^live: ready' || live_fail "the guest does not boot again"
echo PASS
