#!/bin/sh
# Does each header compile alone, as strict C17? Usage: headers.sh ROOT BUILD CC...
root=$1 build=$2
shift 2
cd "$root" || exit 1
lua=$(pkg-config --cflags-only-I lua5.4 2>/dev/null || pkg-config --cflags-only-I lua-5.4)
failed=0
for header in $(find core formats profiles plugins live lua cli -name "*.h" | sort); do
    [ -f "$header" ] || continue
    printf '#include "%s"\nextern int not_empty;\n' "$header" |
        "$@" -x c -std=c17 -Wall -Wextra -Wpedantic -Wno-unused-function -Werror -D_GNU_SOURCE -I. -Icore \
            -I"$build" -I"$build/core" $lua -fsyntax-only - || { echo "FAIL $header"; failed=1; }
done
# What plugins include needs no feature macro, and none of libc beyond three headers.
echo '#include "engram.h"' | "$@" -x c -std=c17 -Wall -Wextra -Wpedantic -Werror -Icore -I"$build/core" -E - |
    grep -E '^# [0-9]+ "[^"<]*/(stdio|stdlib|string|signal|unistd)\.h"' && { echo "FAIL engram.h includes libc"; failed=1; }
# The example in walkers.h.
awk 'BEGIN { print "#include \"engram.h\"\nvoid example(struct eg_run *r);\nvoid example(struct eg_run *r)\n{" }
    /^ \*     / { sub(/ \*\/$/, ""); print substr($0, 4); n++ } END { print (n > 2 ? "}" : "no example") }' core/walkers.h |
    "$@" -x c -std=c17 -Wall -Wextra -Wpedantic -Werror -Icore -I"$build/core" -fsyntax-only - ||
    { echo "FAIL the example in core/walkers.h"; failed=1; }
exit $failed
