#!/bin/sh
# An image that is opened with more options than its name: with --vmlinux, whose DWARF types variables, so that
# `engram dt SYMBOL` shows them; and the commands that `engram IMAGE` prints repeat these options, so that they run as printed.
# Usage: opened_again.sh ENGRAM MKVMLINUX
engram=$(realpath "$1") mkvmlinux=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad() { echo "$*"; fails=1; }
fails=0

mkdir "$tmp/it's here" "$tmp/bin"
image="$tmp/it's here/memory image.lime" vmlinux="$tmp/it's here/vmlinux.debug"
ln -s "$IMAGE" "$image"
ln -s "$engram" "$tmp/bin/engram"
"$mkvmlinux" "$IMAGE" "$vmlinux" init_cred cred root_user user_struct || exit 1

# BTF, in the image, has no types of such variables.
"$engram" -q dt "$image" init_cred >/dev/null 2>&1 && bad "init_cred has a type without DWARF"
for variable in 'cred init_cred' 'user_struct root_user'; do
    # shellcheck disable=SC2086 # type and symbol
    "$engram" -q -r csv dt "$image" $variable >"$tmp/want" || bad "dt $variable"
    "$engram" -q -r csv dt --vmlinux "$vmlinux" "$image" "${variable#* }" >"$tmp/got" || bad "dt --vmlinux ${variable#* }"
    [ "$(wc -l <"$tmp/want")" -gt 10 ] || bad "dt $variable: too few lines"
    # The first line after the names is the variable itself: with --vmlinux its type is DWARF's "struct cred".
    sed 2d "$tmp/want" >"$tmp/want.members"
    sed 2d "$tmp/got" | diff "$tmp/want.members" - || bad "dt ${variable#* } with DWARF differs"
done

"$engram" -q --vmlinux "$vmlinux" --kernel 1 "$image" >"$tmp/summary" || bad "summary"
sed -n '/^next/,$s/^\(next\)\{0,1\} *\(engram .*\)/\2/p' "$tmp/summary" >"$tmp/commands"
[ "$(wc -l <"$tmp/commands")" = 3 ] || bad "$(cat "$tmp/summary")"
while read -r command; do
    case $command in *" all") command="${command% all} banner" ;; esac # all takes long
    case $command in *--vmlinux*--kernel\ 1*) ;; *) bad "$command: lacks options" ;; esac
    PATH=$tmp/bin:$PATH sh -c "$command" </dev/null >"$tmp/out" 2>&1 || bad "$command: $(tail -n 1 "$tmp/out")"
done <"$tmp/commands"
exit $fails
