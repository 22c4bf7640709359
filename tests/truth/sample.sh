#!/bin/sh
# Every bundled image against what its guest said.  Usage: sample.sh ROOT ENGRAM PYTHON
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
for truth in "$1"/samples/*.truth.tar.zst; do
    mkdir "$tmp/$n"
    zstd -qdc "$truth" | tar -xf - -C "$tmp/$n" || exit 1
    "$3" "$1/tests/truth/compare.py" "$2" "${truth%.truth.tar.zst}.zst" "$tmp/$n/truth" || exit 1
    n=$((n + 1))
done
[ "$n" -gt 0 ]
