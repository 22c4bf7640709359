#!/bin/sh
# Files as C text: embed.sh FILE.... Each plugin is there twice: whole for its runs, and its declaration alone, from
# `return plugin {` to `  run = `, which is all that is read when the process starts. Rules of triage are there once.
declaration() {
    sed -n '/^return plugin {/,/^  run = /p' "$1" | sed '$d'
    echo '  run = function() end }'
}
text() {
    echo "static const char $1[] = {"
    od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g'
    echo '0};'
}
is_rules() {
    case $1 in */rules/*) ;; *) return 1 ;; esac
}
echo '#include "library.h"'
i=0
for f in "$@"; do
    text "text_$i" <"$f"
    is_rules "$f" || declaration "$f" | text "declaration_$i"
    i=$((i + 1))
done
echo 'const struct script_file script_library[] = {'
i=0
for f in "$@"; do
    is_rules "$f" || echo "{ \"plugins/${f##*plugins/}\", text_$i, sizeof text_$i - 1, 0, declaration_$i },"
    i=$((i + 1))
done
echo '{ 0, 0, 0, 0, 0 } };'
echo 'const struct script_file rule_library[] = {'
i=0
for f in "$@"; do
    is_rules "$f" && echo "{ \"lua/rules/${f##*/}\", text_$i, sizeof text_$i - 1, 0, 0 },"
    i=$((i + 1))
done
echo '{ 0, 0, 0, 0, 0 } };'
