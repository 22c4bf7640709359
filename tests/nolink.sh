#!/bin/sh
# A file that is written in full is never lost, where the disk has no hard links (vfat, exfat) or no way to rename
# without replacing.  Usage: nolink.sh ROOT ENGRAM NOLINK.so
engram=$(realpath "$2") so=$(realpath "$3") || exit 1
image=$(realpath "$1")/samples/deb12-6.1-small.zst
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
failed=0
convert() { LD_PRELOAD=$so "$engram" -q convert "$image" --to lime -o out.lime >out 2>err; }

convert && [ -s out.lime ] && [ "$(ls -d out.lime*)" = out.lime ] || { echo "no links: $(ls) $(cat err)"; failed=1; }
size=$(stat -c %s out.lime)
convert && { echo "a file that is there was replaced"; failed=1; }
grep -q 'already exists' err || { echo "there already: $(cat err)"; failed=1; }
rm out.lime
NO_RENAME=1 convert && { echo "no way to rename: said to be well"; failed=1; }
kept=$(ls out.lime.*) && [ "$(stat -c %s "$kept")" = "$size" ] && grep -q "the complete file is $kept" err ||
    { echo "no way to rename: $(ls -l) $(cat err)"; failed=1; }
exit $failed
