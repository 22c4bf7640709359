#!/bin/sh
# When the command starts, only the declarations of the product's scripts are read, which lua/embed.sh took out of them: do they
# say what the whole scripts say?  Usage: lua_declarations.sh ROOT ENGRAM
root=$1 engram=$2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0
for script in "$root"/plugins/*/*.lua; do
    name=$(basename "$script" .lua)
    mkdir "$tmp/$name"
    sed "s/^  name = \"$name\"/  name = \"whole_$name\"/" "$script" >"$tmp/$name/$name.lua"
    "$engram" help "$name" | sed '/^source: /d' >"$tmp/declared"
    "$engram" help "whole_$name" --plugin-dir "$tmp/$name" | sed "/^source: /d; s/whole_$name/$name/" >"$tmp/whole"
    grep -q "^$name - " "$tmp/declared" && diff "$tmp/declared" "$tmp/whole" || { echo "$script: see lua/embed.sh"; status=1; }
done
exit $status
