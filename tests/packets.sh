#!/bin/sh
# Can tshark read what `packets` writes, and does it see the same? Usage: packets.sh ENGRAM IMAGE
set -eu
engram=$1 image=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$engram" "$image" packets --write -o "$out" -r csv > "$out/rows" 2> "$out/notes" || {
    cat "$out/notes"
    exit 1
}
[ -s "$out/packets.pcapng" ] || { echo "no packets.pcapng"; exit 1; }
rows=$(($("$engram" "$image" packets -r csv 2> /dev/null | wc -l) - 1))
[ "$rows" -gt 0 ] || { echo "no packets"; exit 1; }
if ! command -v tshark > /dev/null; then
    echo "there is no tshark: only counted"
    exit 0
fi
tshark -r "$out/packets.pcapng" -T fields -e frame.len -e _ws.malformed > "$out/seen" 2> "$out/said" || {
    cat "$out/said"
    exit 1
}
[ "$(wc -l < "$out/seen")" = "$rows" ] || { echo "$rows rows, and tshark sees $(wc -l < "$out/seen") packets"; exit 1; }
"$engram" "$image" packets -r csv --columns LENGTH 2> /dev/null | tail -n +2 > "$out/lengths"
cut -f1 "$out/seen" | cmp - "$out/lengths" || { echo "the lengths differ"; exit 1; }
grep -v 'Dissector bug' "$out/seen" > "$out/faults" || :
if grep -q '[0-9]	.' "$out/faults"; then
    echo "packets that tshark calls malformed:"
    grep '[0-9]	.' "$out/faults"
    exit 1
fi
