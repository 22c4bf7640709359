#!/bin/sh
# engram diff-dump: a copy of the image in which code is zeros, changed or not there, against the image itself.
# Usage: diffdump.sh ENGRAM; $IMAGE is the bundled image, unpacked
engram=$(realpath "$1") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad() { echo "$*"; fails=1; }
fails=0
diff_dump() { "$engram" -q -r csv diff-dump "$@" 2>"$tmp/err" | tail -n +2; }
place() { "$engram" -q -r csv vtop "$IMAGE" "$1" | sed -n 's/^file,\(0x[0-9a-f]*\),.*/\1/p'; } # in the file

cp "$IMAGE" "$tmp/in.lime"
[ -z "$(diff_dump "$tmp/in.lime" "$IMAGE")" ] || bad "equal dumps differ"

code=$(place __x64_sys_acct) data=$(place init_task)
printf '\220\220\220' | dd of="$tmp/in.lime" bs=1 seek=$((code)) conv=notrunc status=none
printf '\220\220\220' | dd of="$tmp/in.lime" bs=1 seek=$((data + 2000)) conv=notrunc status=none
[ "$(diff_dump "$tmp/in.lime" "$IMAGE" | cut -d, -f3,5,9)" = "differs,kernel,__x64_sys_acct" ] || bad "changed code is not named"
grep -q "not shown: 1 pages of data that differ" "$tmp/err" || bad "changed data is not counted: $(cat "$tmp/err")"

base=$("$engram" -q -r csv kernelmap "$IMAGE" | sed -n 's/^\(0x[0-9a-f]*\),.*,kernel,kernel,$/\1/p' | head -1)
zero=$(place "$base")
dd if=/dev/zero of="$tmp/in.lime" bs=1 seek=$((zero)) count=4096 conv=notrunc status=none
diff_dump "$tmp/in.lime" "$IMAGE" | grep -q "^[^,]*,4096,zeros,$base,kernel," || bad "code that is zeros is not named"

head -c $((zero)) "$IMAGE" >"$tmp/cut.lime"
diff_dump "$tmp/cut.lime" "$IMAGE" | grep -q ",absent,$base,kernel," || bad "code that is absent is not named: $(cat "$tmp/err")"

"$engram" -q diff-dump "$tmp/none" "$IMAGE" 2>"$tmp/err" && bad "a file that is missing is no error"
grep -q "IN, .*none" "$tmp/err" || bad "the error does not name the file: $(cat "$tmp/err")"

# Of one without a kernel: which of the two it is. Of another boot: that it is.
head -c 30000000 "$IMAGE" >"$tmp/short.lime"
diff_dump "$tmp/short.lime" "$IMAGE" >"$tmp/out"
grep -q "no kernel was found in IN" "$tmp/err" || bad "IN without a kernel is not named: $(cat "$tmp/err")"
"$engram" -q diff-dump "$IMAGE" "$tmp/short.lime" >"$tmp/out" 2>"$tmp/err" && bad "OUT without a kernel is no error"
grep -q "no kernel was found in '$tmp/short.lime'" "$tmp/err" || bad "OUT without a kernel is not named: $(cat "$tmp/err")"
LC_ALL=C sed 's/6\.1\.0-56-cloud/6.1.0-57-cloud/g' "$IMAGE" >"$tmp/other.lime"
"$engram" -q diff-dump "$tmp/other.lime" "$IMAGE" >"$tmp/out" 2>"$tmp/err" && bad "another kernel is no error"
grep -q "not of one boot: 'Linux version 6.1.0-57-cloud" "$tmp/err" || bad "another kernel is not named: $(cat "$tmp/err")"

# A page that the dump's ranges leave out in the middle of RAM.
le64() { for i in 0 8 16 24 32 40 48 56; do printf "\\$(printf %03o $(($1 >> i & 255)))"; done; }
range() { printf 'EMiL\001\000\000\000'; le64 "$1"; le64 "$2"; le64 0; } # FIRST LAST
le() { od -An -tu8 -j "$1" -N 8 "$IMAGE" | tr -d ' '; }
second=$((32 + $(le 16) - $(le 8) + 1)) # where the header of the second range is
first=$(le $((second + 8))) last=$(le $((second + 16)))
hole=$((first + 64 * 4096))
{
    head -c $second "$IMAGE"
    range "$first" $((hole - 1))
    tail -c +$((second + 33)) "$IMAGE" | head -c $((64 * 4096))
    range $((hole + 4096)) "$last"
    tail -c +$((second + 33 + 65 * 4096)) "$IMAGE"
} >"$tmp/hole.lime"
[ -z "$("$engram" -q -r csv ramviews "$IMAGE" | grep 'goes on behind')" ] || bad "a whole image has a hole"
"$engram" -q -r csv ramviews "$tmp/hole.lime" | grep -q "^$(printf 0x%x $hole),.*,none,\"RAM that the image lacks" || bad "a hole is not named"
diff_dump "$tmp/hole.lime" "$IMAGE" | grep -q "^$(printf 0x%x $hole),4096,absent," || bad "a page that is absent is not named: $(cat "$tmp/err")"
exit $fails
