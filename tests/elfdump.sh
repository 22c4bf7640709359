#!/bin/sh
# What elfdump and mapdump write: programs that readelf accepts and that run, and the memory that other commands read too.
# Usage: elfdump.sh ROOT ENGRAM
root=$(realpath "$1") engram=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
failed=0
bad() { echo "$*"; failed=1; }

zstd -qd "$root/samples/deb12-6.1-small.zst" -o image || exit 1

# A shell of the guest: a program, libraries, a loader, the vdso.
shell=$("$engram" -q -r csv image library_list --filter 'KIND = loader' --columns PID 2>/dev/null | sed -n 2p)
[ -n "$shell" ] || { echo "no process of the image has a loader"; exit 1; }
"$engram" -q -r csv image elfdump --pid "1,$shell" -o elf || bad "elfdump failed"
for kind in program library loader vdso; do
    grep -q ",$kind," elf/elfdump.csv || bad "elfdump: no row of a $kind"
done
for file in elf/pid.*; do
    readelf -aW "$file" >out 2>err || bad "readelf refuses $file"
    [ ! -s err ] || bad "readelf of $file: $(head -n 1 err)"
done
cp elf/pid.1.*.busybox busybox && chmod +x busybox
if [ "$(uname -m)" = x86_64 ]; then
    [ "$(echo words | ./busybox sha256sum)" = "$(echo words | sha256sum)" ] || bad "the rebuilt program does not run"
fi
# The vdso is the kernel's, all of it, though no process has touched all.
for file in elf/pid.*vdso*; do
    readelf -sW "$file" | grep -q '__vdso_gettimeofday' || bad "$file: no symbols"
done

# The stack of process 1: the same bytes as `read` gives, where there are any.
"$engram" -q -r csv image mapdump --pid 1 --own -o map || bad "mapdump failed"
line=$(grep '\[stack\]' map/mapdump.csv)
start=$(echo "$line" | cut -d, -f3) end=$(echo "$line" | cut -d, -f4) file=$(echo "$line" | cut -d, -f7)
page=$((end - 4096))
"$engram" -q read image "$(printf '0x%x' $page)" 4096 --pid 1 -o stack || bad "read failed"
tail -c +$((page - start + 1)) "map/$file" | cmp - stack || bad "the stack differs"
# Only the mapping that was asked for.
"$engram" -q -r csv image mapdump --pid 1 --at "$start" -o one || bad "mapdump --at failed"
[ "$(ls one | grep -c '\.dmp$')" = 1 ] || bad "mapdump --at: not one file"
# Without a folder there is nothing to write to.
"$engram" -q image elfdump --pid 1 >out 2>&1 && bad "elfdump without -o did not fail"
exit $failed
