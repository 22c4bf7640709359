#!/bin/sh
# What elfdump, mapdump and module_extract write: programs that readelf accepts and that run, modules, and the memory that other
# commands read too.
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
# Modules: sections and symbols where they were in memory, and the names of what they call.
"$engram" -q -r csv image module_extract --module nf_tables --module nbd -o ko || bad "module_extract failed"
[ "$(ls ko | grep -c '\.ko$')" = 2 ] || bad "module_extract: not two files"
for file in ko/*.ko; do
    readelf -aW "$file" >out 2>err || bad "readelf refuses $file"
    [ ! -s err ] || bad "readelf of $file: $(head -n 1 err)"
    for section in .text .rodata .data .bss .gnu.linkonce.this_module .outside.kernel .symtab; do
        readelf -SW "$file" | grep -q " $section " || bad "$file has no $section"
    done
done
"$engram" -q -r csv image kallsyms --filter 'SYMBOL = nft_do_chain' --columns ADDRESS >names || bad "kallsyms failed"
readelf -sW ko/nf_tables.*.ko | grep -q "$(sed -n '2s/0x//p' names) .* FUNC .* nft_do_chain$" || bad "nft_do_chain is elsewhere"
readelf -sW ko/nf_tables.*.ko | grep -q ' kfree$' || bad "nf_tables calls kfree, which has no name"
# Without a folder there is nothing to write to.
"$engram" -q image elfdump --pid 1 >out 2>&1 && bad "elfdump without -o did not fail"
exit $failed
