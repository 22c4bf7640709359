#!/bin/sh
# Files as C text: embed.sh FILE.... Each is there twice: whole for its runs, and its declaration alone, from `return plugin {`
# to `  run = `, which is all that is read when the process starts.
declaration() {
    sed -n '/^return plugin {/,/^  run = /p' "$1" | sed '$d'
    echo '  run = function() end }'
}
text() {
    echo "static const char $1[] = {"
    od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g'
    echo '0};'
}
echo '#include "library.h"'
i=0
for f in "$@"; do
    text "text_$i" <"$f"
    declaration "$f" | text "declaration_$i"
    i=$((i + 1))
done
echo 'const struct script_file script_library[] = {'
i=0
for f in "$@"; do
    echo "{ \"plugins/${f##*plugins/}\", text_$i, sizeof text_$i - 1, 0, declaration_$i },"
    i=$((i + 1))
done
echo '{ 0, 0, 0, 0, 0 } };'
