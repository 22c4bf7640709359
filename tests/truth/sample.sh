#!/bin/sh
# Every bundled image ($IMAGE: the only one, unpacked) against what its guest said, and whether faults would be noticed.  Usage: sample.sh ROOT ENGRAM PYTHON
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
for truth in "$1"/samples/*.truth.tar.zst; do
    mkdir "$tmp/$n"
    zstd -qdc "$truth" | tar -xf - -C "$tmp/$n" || exit 1
    for script in compare mutate; do
        "$3" "$1/tests/truth/$script.py" "$2" "${IMAGE:-${truth%.truth.tar.zst}.zst}" "$tmp/$n/truth" || exit 1
    done
    "$3" "$1/tests/truth/procfs.py" "$2" "${IMAGE:-${truth%.truth.tar.zst}.zst}" "$tmp/$n/truth" || exit 1
    n=$((n + 1))
done
[ "$n" -gt 0 ]
