#!/bin/sh
# What kernel-elf writes: readelf finds nothing wrong with it; symbols, types and constants are those that other commands say; and
# where gdb is installed it reads all of them.
# Usage: kernel_elf.sh ENGRAM IMAGE
engram=$(realpath "$1") sample=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
failed=0
bad() { echo "$*"; failed=1; }
count() { sed -n "s/^$1,//p" counts; }

zstd -qd "$sample" -o image || exit 1
"$engram" -q -r csv kernel-elf image -o vmlinux >counts || bad "kernel-elf failed"
"$engram" -q kernel-elf image -o vmlinux >out 2>&1 && bad "a file that exists was replaced"
"$engram" -q kernel-elf image >out 2>&1 && bad "kernel-elf without -o did not fail"
"$engram" -q -r csv kernel-elf image -o modules --modules >more || bad "kernel-elf --modules failed"
"$engram" -q -r csv kernel-elf image -o small --no-text >less || bad "kernel-elf --no-text failed"
"$engram" -q kernel-elf image -o linked --link-time >out || bad "kernel-elf --link-time failed"

readelf -hSlsnW vmlinux >out 2>err || bad "readelf refuses it"
[ ! -s err ] || bad "readelf: $(head -n 1 err)"
"$engram" -q -r csv image kallsyms >names || bad "kallsyms failed"
# Each name is there, at its address.
awk -F, '$5 == "core" { print $1 "," $7 }' names | sed 's/^0x//' | sort >want
readelf -sW vmlinux | awk '$4 != "SECTION" && $8 { sub(/^0+/, "", $2); print ($2 == "" ? 0 : $2) "," $8 }' | sort >have
[ "$(comm -23 want have | wc -l)" = 0 ] || bad "symbols are missing: $(comm -23 want have | head -n 2)"
[ "$(readelf -n vmlinux 2>/dev/null | sed -n 's/.*Build ID: //p')" = "$("$engram" -q -r csv image info | sed -n 's/^build id,//p')" ] || bad "build id"
readelf -nW vmlinux 2>/dev/null | grep -q VMCOREINFO || bad "no VMCOREINFO"
# Frames: as many functions as it says, without a complaint, for code of the kernel and with --modules of modules.
for file in vmlinux modules; do
    readelf --debug-dump=frames "$file" >frames 2>err || bad "$file: readelf refuses its frames"
    [ ! -s err ] || bad "$file, frames: $(head -n 1 err)"
    [ "$(grep -c ' FDE ' frames)" = "$(sed -n 's/^frames,//p' "$([ $file = vmlinux ] && echo counts || echo more)")" ] || bad "$file: another number of frames"
    grep -A 4 "^[0-9a-f]* [0-9a-f]* 00000000 FDE .*pc=ffffffff.*" frames >out
    grep -q 'DW_CFA_def_cfa_offset\|DW_CFA_def_cfa:' out || bad "$file: no rows"
done
[ "$(sed -n 's/^frames,//p' more)" -gt "$(count frames)" ] || bad "--modules: no frames of modules"
[ "$(sed -n 's/^types,//p' more)" -gt "$(count types)" ] || bad "--modules: no types of modules"
# Types: of every entry of .debug_info readelf knows what it is.
readelf --debug-dump=info vmlinux >info 2>err || bad "readelf refuses its types"
[ ! -s err ] || bad "types: $(head -n 1 err)"
[ "$(grep -c DW_TAG_subprogram info)" = "$(count functions)" ] || bad "another number of functions"
[ "$(grep -c DW_TAG_variable info)" = "$(count variables)" ] || bad "another number of variables"
grep -q DW_TAG_const_type info || bad "const is lost"
# Variables that debuggers cannot do without, and the image's segment before that of per-CPU variables, which KASLR did not move.
for name in __per_cpu_offset init_net init_mm root_task_group jiffies; do
    grep -q "DW_AT_name .*: $name\$" info || bad "no variable $name"
done
readelf -lW linked | awk '$1 == "LOAD" { print $3; exit }' | grep -q '^0xffffffff81000000$' || bad "--link-time: the first segment is not the image's"
# Bytes: the banner where the symbol is, and none without text.
"$engram" -q -r csv image banner | grep -o 'Linux version [0-9][^ ]*' | head -n 1 >want
grep -aqF "$(cat want)" vmlinux || bad "no banner"
grep -aqF "$(cat want)" small && bad "--no-text has text"
[ "$(wc -c <small)" -lt "$(wc -c <vmlinux)" ] || bad "--no-text is not smaller"
[ "$(readelf -sW linked | awk '$8 == "_stext" { print $2 }')" = ffffffff81000000 ] || bad "--link-time: _stext is elsewhere"

if command -v gdb >/dev/null; then
    gdb -q -nx -batch -ex 'p sizeof(struct task_struct)' -ex 'p (long)&((struct task_struct *)0)->comm' -ex 'whatis do_sys_openat2' \
        -ex 'p init_uts_ns.name.release' -ex 'whatis init_task' -ex 'p &init_task' -ex 'info line schedule' -ex 'x/2i schedule' \
        -ex 'whatis ((struct file_operations *)0)->write' vmlinux >out 2>&1
    size=$("$engram" -q -r csv image dt task_struct | sed -n 's/^0,0x0,\([0-9]*\),.*/\1/p')
    comm=$("$engram" -q -r csv image dt task_struct | sed -n 's/^1,0x\([0-9a-f]*\),16,comm,.*/\1/p')
    grep -q "^\$1 = $size\$" out || bad "gdb: size of task_struct"
    grep -q "^\$2 = $((0x$comm))\$" out || bad "gdb: offset of comm"
    grep -q '= long (int, const char \*, struct open_how \*)$' out || bad "gdb: prototype of do_sys_openat2"
    grep -q "$(sed 's/Linux version //' want)" out || bad "gdb: init_uts_ns"
    grep -q '^type = struct task_struct$' out || bad "gdb: type of init_task"
    grep -q "$(awk -F, '$7 == "init_task" { print $1 }' names) <init_task>" out || bad "gdb: address of init_task"
    grep -q 'No line number information .*<schedule>' out || bad "gdb: schedule has lines"
    grep -q '<schedule+' out || bad "gdb: no code of schedule"
    grep -q '(struct file \*, const char \*, size_t, loff_t \*)' out || bad "gdb: type of a member"
    grep -i 'warning\|error' out && bad "gdb complains"
fi
exit $failed
