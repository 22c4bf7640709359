#!/bin/sh
# Do the manual page and the completions know every verb and option, and only those?  Usage: docs.sh ROOT ENGRAM
root=$1 engram=$2 failed=0
"$engram" --help >/dev/null || exit 1
for option in $("$engram" --help | sed -n 's/^  \(-., \)\{0,1\}--\([a-z0-9-]*\).*/\2/p'); do
    grep -q -- "Fl -$option\( \|$\)" "$root/docs/engram.1" || { echo "docs/engram.1 lacks --$option"; failed=1; }
done
for verb in $("$engram" --help | sed -n 's/^ *\(usage: \)\{0,1\}engram \([a-z]*\) .*/\2/p' | sort -u); do
    grep -q "^\.It Cm $verb" "$root/docs/engram.1" || { echo "docs/engram.1 lacks the verb $verb"; failed=1; }
done
sed -n 's/^\.It Fl .*Fl -\([a-z0-9-]*\).*/\1/p; s/^\.It Fl -\([a-z0-9-]*\).*/\1/p' "$root/docs/engram.1" | {
    while read -r option; do
        "$engram" --help | grep -q -- "--$option " || { echo "docs/engram.1 has --$option, which is not there"; failed=1; }
    done
    exit $failed
}
