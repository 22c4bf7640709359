#!/bin/sh
# Does the hash of the plugins' interface follow its layouts, and nothing else? Usage: abi.sh ROOT
cd "$1" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
fails=0

headers='engram cursor space image reader'

# $1: a sed script on these headers; $2: same or other.
check() {
    for header in $headers; do
        sed "$1" core/$header.h >"$tmp/$header.h"
    done
    (cd "$tmp" && sh "$core/abi.sh" $(printf '%s.h ' $headers)) >"$tmp/now"
    if cmp -s "$tmp/before" "$tmp/now"; then now=same; else now=other; fi
    [ $now = "$2" ] || { echo "abi.sh: after '$1' the hash is $now, not $2"; fails=1; }
}

core=$PWD/core
(cd core && sh "$core/abi.sh" $(printf '%s.h ' $headers)) >"$tmp/before"
grep -q '^#define EG_ABI "[0-9]*-[0-9]*"$' "$tmp/before" || { cat "$tmp/before"; fails=1; }
check '' same
check 's@^/\*\* @/** more ** words: @' same
check 's@;$@; // why, and "how"@' same
check '1i /* of two\n * lines **/' same
check 's@^    @\t\t@' same
check 's@uint32_t parent;@uint64_t parent;@' other
check 's@bool tree;@@' other
check 's@bool made;@int made;@' other
check 's@size_t head;@uint32_t head;@' other
check 's@unsigned threads, struct eg_error@int threads, struct eg_error@' other
exit $fails
