#!/bin/sh
# What authors get wrong, and what they are told: lua/slips has a line of code and below it the message, without the file, the
# line and addresses.  Usage: lua_slips.sh ROOT ENGRAM [write]
root=$1 engram=$(realpath "$2") || exit 1
for image in "$root"/samples/*.zst; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
image=$(realpath "$image") cases=$(realpath "$root/tests/lua/slips")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
while IFS= read -r code && IFS= read -r _; do
    case $code in
    *plugin*) printf '%s\n' "$code" ;;
    *) printf '%s\n' 'return plugin { name = "slip", os = "linux", help = "h", columns = { { "A", "int", "a" }, { "T", "text", "t" } },' \
        "run = function(k, args, row) $code end }" ;;
    esac >slip.lua
    printf '%s\n' "$code"
    "$engram" -q --plugin-dir . "$image" slip 2>&1 >/dev/null | sed -n '1{s/^engram: \(slip: \)\{0,1\}/= /; s/0x[0-9a-f]*/ADDR/g; p}'
done <"$cases" >now
sed -i 's,^= \./slip\.lua:[12]: ,= ,' now
# Everything has a place in the author's file, but what no line of it is about.
[ "$3" = write ] && exec cp now "$cases"
[ "$(wc -l <now)" -gt 100 ] && diff "$cases" now
