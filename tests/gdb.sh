#!/bin/sh
# What stock gdb sees of an image over `engram gdb`: kernel stacks as kstack has them, user stacks as ustack, all threads,
# several processes, refusals that leave the session alive. Usage: gdb.sh ENGRAM IMAGE
set -u
engram=$1 image=$2
command -v gdb > /dev/null || { echo "gdb is not installed"; exit 77; }
gdb -nx -batch -ex 'python print(1)' 2> /dev/null | grep -qx 1 || { echo "this gdb has no Python"; exit 77; }
tmp=$(mktemp -d)
trap 'kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
failed=0
bad() {
    echo "FAIL: $*"
    failed=1
}

"$engram" gdb -q "$image" --listen "unix:$tmp/s" --once > "$tmp/where" 2> "$tmp/server" &
server=$!
i=0
while ! grep -q lldb "$tmp/where" && [ $i -lt 300 ] && kill -0 $server; do
    sleep 0.1
    i=$((i + 1))
done
[ -S "$tmp/s" ] || { cat "$tmp/server"; echo "no socket"; exit 1; }

"$engram" -q "$image" kstack -r csv --columns PID,TID,ADDRESS > "$tmp/kstack" 2> /dev/null
"$engram" -q "$image" threads -r csv --columns PID,TID > "$tmp/threads" 2> /dev/null
"$engram" -q "$image" pslist -r csv --columns PID --filter 'COMM == "compat-32"' > "$tmp/compat" 2> /dev/null
compat=$(sed -n 2p "$tmp/compat")
many=$(awk -F, 'NR > 1 && $1 != $2 { print $1; exit }' "$tmp/threads")
[ -n "$compat" ] && [ -n "$many" ] || { echo "the image lacks a 32-bit program, or one with threads"; exit 1; }
for pid in 1 "$many"; do
    "$engram" -q "$image" ustack --pid "$pid" -r csv --columns PID,TID,ADDRESS 2> /dev/null | tail -n +2
done > "$tmp/ustack"

# Frames that were inlined have no address of their own.
cat > "$tmp/frames.py" << 'PYTHON'
import gdb, os
out = open(os.environ["OUT"], "w")
for inferior in gdb.inferiors():
    for thread in inferior.threads():
        thread.switch()
        pid, tid = thread.ptid[:2]
        out.write("thread %d %d\n" % (pid, tid))
        try:
            frame = gdb.newest_frame()
            while frame is not None:
                if frame.type() != gdb.INLINE_FRAME and frame.pc():
                    out.write("%d,%d,0x%x\n" % (pid, tid, frame.pc()))
                frame = frame.older()
        except gdb.error as error:
            out.write("ended %d %d %s\n" % (pid, tid, error))
PYTHON
cat > "$tmp/commands" << GDB
set pagination off
set confirm off
set python print-stack full
set backtrace past-main on
set backtrace past-entry on
target extended-remote $tmp/s
info threads
continue
stepi
monitor pslist --pid 1
monitor regex --patterns /etc/passwd
monitor keys --export $tmp/keys
info os
add-inferior
inferior 2
attach 1
info proc mappings
add-inferior
inferior 3
attach $many
add-inferior
inferior 4
attach $compat
info inferiors
source $tmp/frames.py
info os pslist
thread 1.1
print/x \$pc
GDB
OUT=$tmp/frames timeout 300 gdb -nx -batch -x "$tmp/commands" > "$tmp/said" 2>&1 || bad "gdb ended with $?"
wait $server
status=$?
[ "$status" = 0 ] || bad "the server ended with $status: $(cat "$tmp/server")"
[ "$(grep -c 'a debugger may name no file of this machine' "$tmp/said")" = 2 ] && [ ! -e "$tmp/keys" ] ||
    bad "a debugger named a file of this machine"

says() {
    grep -qE "$1" "$tmp/said" || bad "gdb did not say '$1'"
}
says 'nothing in it can run'
says '^\* 4 +process'
says 'r-xp +/bin/busybox'
says '^0x0804[0-9a-f]* in run \(\)'
says '^\$1 = 0xffffffff'
grep -c 'Remote failure reply' "$tmp/said" | grep -qx 2 || bad "continue and stepi were not both refused"

# As many threads as there are, and the idle ones of the CPUs, which no list has.
threads=$(($(wc -l < "$tmp/threads") - 1))
seen=$(grep -c '^thread 2 ' "$tmp/frames")
idle=$(grep -cE '^thread 2 41943[0-9]*$' "$tmp/frames")
[ "$idle" -gt 0 ] && [ "$seen" = $((threads + idle)) ] || bad "$threads threads, and gdb has $seen with $idle idle ones"

# The kernel's part of each stack. gdb goes on into the program where the kernel was entered from it.
grep '^2,' "$tmp/frames" | grep 0xffff | cut -d, -f2- | grep -v '^41943' > "$tmp/gdb.kernel"
grep 0xffff "$tmp/kstack" | cut -d, -f2- > "$tmp/engram.kernel"
sort -s -t, -k1,1n "$tmp/gdb.kernel" > "$tmp/1"
sort -s -t, -k1,1n "$tmp/engram.kernel" > "$tmp/2"
[ "$(wc -l < "$tmp/2")" -gt "$threads" ] || bad "kstack has next to nothing"
diff "$tmp/2" "$tmp/1" > "$tmp/diff" || bad "kernel stacks differ: $(head -20 "$tmp/diff")"

# And those of the programs, whose files come from the image alone. The 32-bit one has no unwind data: gdb goes on by guessing.
grep -v '^2,' "$tmp/frames" | grep '^[0-9]' | grep -v "^$compat," > "$tmp/gdb.user"
sort "$tmp/gdb.user" > "$tmp/1"
sort "$tmp/ustack" > "$tmp/2"
[ "$(grep -c "^$many," "$tmp/2")" -gt 10 ] || bad "ustack has next to nothing of process $many"
diff "$tmp/2" "$tmp/1" > "$tmp/diff" || bad "user stacks differ: $(head -20 "$tmp/diff")"
exit $failed
