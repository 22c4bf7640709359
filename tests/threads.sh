#!/bin/sh
# What runs side by side, for ThreadSanitizer: plugins, searches on all cores, plugins that ask others, a conversion.
# Usage: threads.sh ENGRAM IMAGE
engram=$(realpath "$1") image=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0
try() {
    "$@" >"$tmp/out" 2>"$tmp/err" && ! grep -q 'ThreadSanitizer' "$tmp/err" && return
    echo "$*:"
    grep -A 40 'ThreadSanitizer' "$tmp/err" | head -n 60
    tail -n 3 "$tmp/err"
    bad=1
}
# Each asks for the rows of plugins that run, or are made ready, at the same time.
mkdir "$tmp/plugins"
for n in 1 2 3 4; do
    cat >"$tmp/plugins/asks$n.lua" <<END
return plugin {
  name = "asks$n", os = "linux", help = "Ask for other plugins' rows",
  columns = { { "N", "int", "how many there are" } },
  run = function(k, args, row)
    for _, name in ipairs { "pslist", "maps", "lsmod", "boottime", "mounts", "kallsyms" } do row { N = #eg.rows(name) } end
  end,
}
END
done
unzstd -qc "$image" >"$tmp/image" || exit 1
for file in "$image" "$tmp/image"; do
    try "$engram" -j 4 --plugin-dir "$tmp/plugins" "$file" asks1,asks2,asks3,asks4,kallsyms,maps,elfs,timeline
    try "$engram" -j 4 "$file" pslist,psaux,envars,lsmod,mounts,kmsg,deleted,setuid,orphans,cgroups,namespaces,spoofed
    try "$engram" -j 4 -r csv "$file" pslist,psaux,envars,lsmod,mounts,kmsg -o "$tmp/rows" --force
    try "$engram" -j 4 "$file" bytes --pointer init_task --owners
done
try "$engram" -j 4 "$tmp/image" strings --min 100 --owners
try "$engram" -j 4 "$tmp/image" regex --pattern 'LD_[A-Z]+='
try "$engram" -j 4 convert "$tmp/image" -o "$tmp/packed.zst" --to pack
exit $bad
