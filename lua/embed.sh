#!/bin/sh
# Files as C text: embed.sh FILE.... Each plugin is there twice: whole for its runs, and its declaration alone, from
# `return plugin {` to `  run = `, which is all that is read when the process starts. Rules of triage and scripts of traces
# are there once.
declaration() {
    sed -n '/^return plugin {/,/^  run = /p' "$1" | sed '$d'
    echo '  run = function() end }'
}
text() {
    echo "static const char $1[] = {"
    od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g'
    echo '0};'
}
is_in() {
    case $2 in */lua/"$1"/* | lua/"$1"/* | "$1"/*) ;; *) return 1 ;; esac
}
is_plugin() {
    ! is_in rules "$1" && ! is_in trace "$1"
}
echo '#include "library.h"'
i=0
for f in "$@"; do
    text "text_$i" <"$f"
    ! is_plugin "$f" || declaration "$f" | text "declaration_$i"
    i=$((i + 1))
done
echo 'const struct script_file script_library[] = {'
i=0
for f in "$@"; do
    ! is_plugin "$f" || echo "{ \"plugins/${f##*plugins/}\", text_$i, sizeof text_$i - 1, 0, declaration_$i },"
    i=$((i + 1))
done
echo '{ 0, 0, 0, 0, 0 } };'
for folder in rules trace; do
    echo "const struct script_file ${folder%s}_library[] = {" | sed 's/rules_/rule_/'
    i=0
    for f in "$@"; do
        ! is_in $folder "$f" || echo "{ \"lua/$folder/${f##*/}\", text_$i, sizeof text_$i - 1, 0, 0 },"
        i=$((i + 1))
    done
    echo '{ 0, 0, 0, 0, 0 } };'
done
