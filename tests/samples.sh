#!/bin/sh
# Does samples/make list what it knows where the programs that make an image are missing, and name them when it has to
# make one?  Usage: samples.sh ROOT
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
for tool in awk bash cat dirname grep head sed tr; do ln -s "$(command -v $tool)" "$tmp/bin/$tool" || exit 1; done
made() { env -i PATH="$tmp/bin" ENGRAM_LAB="$tmp/lab" "$tmp/bin/bash" "$1/samples/make" "$2" 2>&1; }
made "$1" --list >"$tmp/list" || { cat "$tmp/list"; exit 1; }
[ "$(grep -c ' MB ' "$tmp/list")" -gt 40 ] && ! grep -v ' MB ' "$tmp/list" || { echo "--list: not all samples are named"; exit 1; }
said=$(made "$1" no-such) && { echo "an image was made without tools"; exit 1; }
[ "$said" = 'make: the program apt-get is missing' ] || { echo "without tools it says: $said"; exit 1; }
