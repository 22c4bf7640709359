#!/bin/sh
# Compares what the command prints with what it printed when somebody last looked.
#   golden.sh ENGRAM            compare every case with its file
#   golden.sh ENGRAM --update   write the files anew; then read `git diff`
#   golden.sh ENGRAM NAME...    these cases only, also with --update
# A case is a line of `cases`: its name and the arguments. @ is the bundled image unpacked, which is read in less time; @z is the
# image itself; % is a scratch folder with the damaged inputs made below. The file holds standard output, standard error and the
# exit status.
set -u
engram=$(realpath "$1") || exit 1
shift
update=
[ "${1-}" = --update ] && update=1 && shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../samples" || exit 1
image=
for image in *.zst; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
[ -f "$image" ] || { echo "samples/: no image"; exit 1; }
dir=$here/${image%.zst}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

zstd -qd "$image" -o "$tmp/sample.lime" || exit 1
# Inputs that are no image, or no longer one.
: >"$tmp/empty"
mkdir "$tmp/folder"
echo 'A letter, not an image.' >"$tmp/letter"
head -c 3000000 "$image" >"$tmp/cut.zst"
head -c 2097152 /dev/zero >"$tmp/zeros"
cp "$here/../lib/version1.egp" "$tmp/pair.egp"

# Few processes for a case: they would take longer than the command.
clean="s,$tmp,%,g; s/engram [0-9][0-9.]* ([^)]*)/engram VERSION/; s/[a-z-]*@lists[a-z.]*/BUILDER@HOST/"
sed "/^#/d; /^\$/d; s,@z,$image,g; s,@,$tmp/sample.lime,g; s,%,$tmp,g" "$here/cases" >"$tmp/cases"
passed=0 failed=0
mkdir -p "$dir"
while read -r name args; do
    [ $# = 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    # shellcheck disable=SC2086 # words on purpose
    eval "\"\$engram\" -q $args" </dev/null >"$tmp/stdout" 2>"$tmp/stderr"
    status=$?
    [ -s "$tmp/stderr" ] && grep -q 'this build has no lib' "$tmp/stderr" && continue
    {
        sed "$clean" "$tmp/stdout"
        [ ! -s "$tmp/stderr" ] || sed "s/^/stderr: /; $clean" "$tmp/stderr"
        echo "exit status $status"
    } >"$tmp/now"
    if [ -n "$update" ]; then
        cp "$tmp/now" "$dir/$name.out"
        passed=$((passed + 1))
    elif cmp -s "$dir/$name.out" "$tmp/now" || diff -u "$dir/$name.out" "$tmp/now" >"$tmp/diff"; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name"
        sed 's/^/# /' "$tmp/diff" | head -n 40
    fi
done <"$tmp/cases"
# Results stand in the order asked for, the same bytes for any number of threads.
if [ $# = 0 ] && [ -z "$update" ]; then
    list=pslist,lsmod,mounts,psaux,kmsg
    "$engram" -q -j 1 -r json "$tmp/sample.lime" $list >"$tmp/one" 2>&1
    "$engram" -q -j 4 -r json "$tmp/sample.lime" $list >"$tmp/four" 2>&1
    if cmp "$tmp/one" "$tmp/four"; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - same bytes for any number of threads"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - same bytes for any number of threads"
    fi
fi
echo "1..$((passed + failed))"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
