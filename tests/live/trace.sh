#!/bin/bash
# Events of a running guest: what it starts, which users it becomes and what it writes are told, none missing and in
# order; and it goes on when the trace is killed. Usage: trace.sh ENGRAM [ARCH]
engram=$(realpath "${1:-engram}") arch=${2:-amd64}
# shellcheck source=guest.sh
. "$(dirname "${BASH_SOURCE[0]}")/guest.sh"
live_start --arch "$arch" --gdb --cpus "${LIVE_CPUS:-1}"
out=$live_dir/rows said=$live_dir/said

begin() { # OPTION...: trace in the background, and wait until it watches
    : > "$said" # of the one before
    "$engram" trace "gdb:$live_gdb" "$@" > "$out" 2> "$said" &
    trace=$!
    for ((i = 0; i < 600; i++)); do
        ! grep -q 'are watched' "$said" || return 0
        kill -0 $trace 2> /dev/null || { cat "$said" >&2; live_fail "the trace ended before it began"; }
        sleep 0.1
    done
    live_fail "the trace does not begin"
}
values() { # COLUMN: its values, a line each
    python3 -c 'import json, sys
for line in sys.stdin:
    row = json.loads(line)
    if sys.argv[1] in row:
        print(row[sys.argv[1]])' "$1" < "$out"
}
same() { # WHAT EXPECTED GOT
    [ "$2" = "$3" ] || { cat "$said" >&2; printf 'expected:\n%s\ngot:\n%s\n' "$2" "$3" >&2; live_fail "$1"; }
}

# Programs, with their arguments.
begin --script exec --count 8 -r jsonl
live_ask 'for i in 1 2 3 4 5 6 7 8; do /bin/busybox echo "run $i"; done' > /dev/null
wait $trace || live_fail "trace --script exec: status $?"
same "programs that were started" "$(for i in 1 2 3 4 5 6 7 8; do echo "/bin/busybox echo run $i"; done)" "$(values DETAIL)"
same "their names" "$(printf 'busybox\n%.0s' 1 2 3 4 5 6 7 8)" "$(values COMM)"

# A script of one's own: arguments by the names that BTF has, what a function returned, the call stack.
cat > "$live_dir/own.lua" << 'LUA'
columns = { { "PID", "int", "process" }, { "WHO", "text", "user" }, { "OK", "int", "result" }, { "STACK", "text", "callers" } }
on_return("commit_creds", function(k, call)
  if call.args.new.uid.val >= 1000 then
    row { WHO = call.args.new.uid.val .. " " .. call.comm, OK = call.value, STACK = table.concat(call.stack(), " ") }
  end
end)
on_write("init_task", 8, function() end)
on_end(function() print("the end") end)
LUA
begin --script "$live_dir/own.lua" --until 'WHO ~ 1002' -r jsonl
live_ask 'work setuids 3' > /dev/null
wait $trace || live_fail "trace --script own.lua: status $?"
same "users" "1000 work
1001 work
1002 work" "$(values WHO)"
same "results" "0
0
0" "$(values OK)"
[ "$arch" = amd64 ] && entry='do_syscall_64.*entry_SYSCALL_64' || entry='do_el0_svc.*el0.*_sync'
[ "$(values STACK | grep -c "$entry")" = 3 ] || live_fail "call stacks: $(values STACK)"
grep -q 'note: the end' "$said" || live_fail "on_end was not called"

# Memory that is written: each value is greater than the one before.
echo 'on_write("jiffies_64", 8, function(k, w) row { DETAIL = string.format("%d", w.value) } end)' > "$live_dir/write.lua"
begin --script "$live_dir/write.lua" --count 20 -r jsonl
wait $trace || live_fail "trace --script write.lua: status $?"
same "numbers of ticks" "$(values DETAIL | sort -n -u)" "$(values DETAIL)"
same "how many" 20 "$(values DETAIL | wc -l | tr -d ' ')"

# Functions of a library and of a program, in processes that start later, and in their children.
cat > "$live_dir/user.lua" << 'LUA'
columns = { { "PID", "int", "process" }, { "WHAT", "text", "call" } }
on_user_call({ "libc.so.6!open", "work!opens" }, function(k, call) row { WHAT = call.name .. " " .. (call.text(1) or call.args[1]) } end)
on_user_return("libc.so.6!open", function(k, call) row { WHAT = "= " .. (call.value & 0xffffffff) } end)
LUA
# A call at whose first instruction the processor is interrupted is met twice by a debugger's port.
begin --script "$live_dir/user.lua" --seconds 6 -r jsonl
live_ask 'call 2; work opens 2' > /dev/null
wait $trace || live_fail "trace --script user.lua: status $?"
same "calls of functions of programs" "libc.so.6!open /etc/passwd
= 3
libc.so.6!open /etc/passwd
= 3
libc.so.6!open /etc/none
= 4294967295
work!opens 0
work!opens 1" "$(values WHAT | uniq)"

# Killed: the guest goes on, also past what was watched.
begin --script exec
kill -9 $trace
wait $trace 2> /dev/null
same "a guest whose trace was killed" "alive" "$(live_ask '/bin/busybox echo alive')"

# Wrong in words.
"$engram" trace "gdb:$live_dir/none" --script exec > /dev/null 2> "$said" && live_fail "a socket that is not there"
grep -q -- '-gdb' "$said" || live_fail "no word of QEMU's option: $(cat "$said")"
begin --script exec --seconds 1
wait $trace || live_fail "after a kill it cannot be traced again"
"$engram" trace "gdb:$live_qmp" --script exec > /dev/null 2> "$said" && live_fail "a monitor was traced"
grep -q 'monitor (QMP)' "$said" || live_fail "no word of the monitor: $(cat "$said")"
"$engram" "qmp:$live_gdb" pslist > /dev/null 2> "$said" && live_fail "a gdbstub was read as a monitor"
grep -q 'gdbstub, not its monitor' "$said" || live_fail "no word of the gdbstub: $(cat "$said")"
same "a guest whose gdbstub was taken for a monitor" "alive" "$(live_ask '/bin/busybox echo alive')"

# Booted again: that is said, and the guest boots.
begin --script exec
: > "$live_serial"
live_monitor '{"execute":"system_reset"}' > /dev/null
wait $trace
[ $? = 3 ] && grep -q 'rebooted: ' "$said" || { cat "$said" >&2; live_fail "no word of the reset"; }
live_wait '^live: ready' && same "a guest that was reset" "alive" "$(live_ask '/bin/busybox echo alive')"
echo "trace: ok"
