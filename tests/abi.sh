#!/bin/sh
# Does the hash of the plugins' interface follow its layouts, and nothing else? Usage: abi.sh ROOT
cd "$1" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
fails=0

# $1: a sed script on engram.h and cursor.h; $2: same or other.
check() {
    for header in engram cursor; do
        sed "$1" core/$header.h >"$tmp/$header.h"
    done
    sh core/abi.sh "$tmp/engram.h" "$tmp/cursor.h" >"$tmp/now"
    if cmp -s "$tmp/before" "$tmp/now"; then now=same; else now=other; fi
    [ $now = "$2" ] || { echo "abi.sh: after '$1' the hash is $now, not $2"; fails=1; }
}

sh core/abi.sh core/engram.h core/cursor.h >"$tmp/before"
grep -q '^#define EG_ABI "[0-9]*-[0-9]*"$' "$tmp/before" || { cat "$tmp/before"; fails=1; }
check '' same
check 's@^/\*\* @/** more ** words: @' same
check 's@;$@; // why, and "how"@' same
check '1i /* of two\n * lines **/' same
check 's@^    @\t\t@' same
check 's@uint32_t parent;@uint64_t parent;@' other
check 's@bool tree;@@' other
exit $fails
