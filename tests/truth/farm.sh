#!/bin/sh
# Every image of a farm against what its guest said: FOLDER/*/mem.* beside FOLDER/*/truth, as samples/make leaves them.
#   farm.sh FOLDER ENGRAM [REPORT]
# Prints a line for each image, and writes the comparisons to REPORT (FOLDER/report.txt). Exit status 0: all are equal.
set -u
folder=${1:?folder} engram=${2:?engram} report=${3:-$1/report.txt}
here=$(cd "$(dirname "$0")" && pwd)
equal=0 differ=0 unread=0
: >"$report" || exit 1
for image in "$folder"/*/mem.*; do
    truth=${image%/*}/truth how=
    case $image in *.txt) continue ;; esac
    [ -d "$truth" ] || continue
    case $image in
    *.lime) [ -f "$truth/pids-before-dump.txt" ] && how=--live ;;
    *.d31.*) how=--partial ;;
    *.raw) [ -f "${image%.raw}.vmcore" ] && how='--kernel 2' ;; # the first is the one that wrote the vmcore
    esac
    echo "== ${image#"$folder"/} $how" >>"$report"
    # shellcheck disable=SC2086 # words on purpose
    if python3 "$here/compare.py" "$engram" "$image" "$truth" $how >"$report.one" 2>&1; then
        equal=$((equal + 1))
        echo "equal     ${image#"$folder"/}"
    elif "$engram" -q "$image" banner >/dev/null 2>&1; [ $? = 2 ]; then
        unread=$((unread + 1))
        echo "unopened  ${image#"$folder"/}: $("$engram" -q "$image" banner 2>&1)"
    else
        differ=$((differ + 1))
        echo "DIFFERS   ${image#"$folder"/}: $(grep -m 1 -E 'failed|missing:|wrong:|invented:' "$report.one")"
    fi
    cat "$report.one" >>"$report"
done
rm -f "$report.one"
echo "$equal images as their guests said, $differ differ, $unread not opened; all of it in $report"
[ "$equal" != 0 ] && [ "$differ$unread" = 00 ]
