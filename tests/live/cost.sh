#!/bin/bash
# cost.sh ENGRAM SOURCE: what following a guest costs it. Processor time that QEMU needs for the same work of a guest without
# the plugin, with the plugin idle, and while Engram is told of each system call, at about 1 k, 100 k and 1 M events a second
# (two belong to a call; a loop is between the calls): as it comes, and with the processor waiting for each answer. The least
# of $ROUNDS (5).
set -eu
engram=$1 source=$2
. "$source/tests/live/guest.sh"
work=$(mktemp -d)
ring=/dev/shm/cost.$$
clean() { live_stop || :; rm -rf "$work" "$ring"; }
hertz=$(getconf CLK_TCK)
cat > "$work/count.lua" << 'LUA'
columns = { { "CALLS", "int", "calls" } }
local n = 0
on_syscall({ "getppid" }, function() n = n + 1 end)
on_end(function() row { CALLS = n } end)
LUA

measure() { # WORK TIMES [LOOP]: least microseconds of processor time each
    local i before after best=
    for ((i = 0; i < ${ROUNDS:-5}; i++)); do
        before=$(awk '{ print $14 + $15 }' "/proc/$live_pid/stat")
        live_ask "work $*" > "$work/did"
        grep -q "done $2 " "$work/did" || live_fail "the guest did not do its work"
        after=$(awk '{ print $14 + $15 }' "/proc/$live_pid/stat")
        [ -n "$best" ] && [ "$best" -le $((after - before)) ] || best=$((after - before))
    done
    awk -v t="$best" -v hz="$hertz" -v n="$2" 'BEGIN { printf "%.3f", t / hz * 1e6 / n }'
}
follow() { # MODE
    "$engram" trace "ring:$ring,$1" --image "$live_memory" --script "$work/count.lua" -r jsonl > "$work/rows" 2> "$work/said" &
    tracer=$!
    for ((i = 0; i < 200; i++)); do
        ! grep -q 'watched' "$work/said" || return 0
        sleep 0.1
    done
    live_fail "trace does not begin: $(cat "$work/said")"
}
unfollow() {
    kill -INT "$tracer"
    wait "$tracer" || live_fail "trace: $(cat "$work/said")"
    lost=$(grep -o '[0-9]* events* .*lost' "$work/said" || :)
    [ -z "$lost" ] || echo "$lost" >&2
}

rates=(1k 100k 1M) calls=(500 50000 500000) micros=(2000 20 2) loops=(0 0 0)
declare -A took
each() { # NAME
    for k in 0 1 2; do took[$1,$k]=$(measure getppids "${calls[k]}" "${loops[k]}"); done
}
live_start --memory file --size 256
trap clean EXIT
loop=$(measure loop 100000) # of 1000 rounds
call=$(measure getppids 1000000)
for k in 0 1 2; do
    loops[k]=$(awk -v us="${micros[k]}" -v loop="$loop" -v call="$call" 'BEGIN { k = (us - call) / loop * 1000; if (k < 0) k = 0; printf "%d", k }')
done
each none
live_stop || :
live_start --memory file --size 256 --plugin "$ring"
each idle
follow async
each told
unfollow
follow sync
each answered
unfollow
printf '%s, processor time of QEMU in microseconds a call (two events)\n' "$("$live_qemu" --version | head -1)"
printf '%-10s %10s %10s %10s %10s\n' events/s 'no plugin' idle told answered
for k in 0 1 2; do
    printf '%-10s %10s %10s %10s %10s\n' "${rates[k]}" "${took[none,$k]}" "${took[idle,$k]}" "${took[told,$k]}" "${took[answered,$k]}"
done
