#!/bin/sh
# Do the plugins of lua/twins print the same bytes as those in C?  Usage: lua_twins.sh ROOT ENGRAM [IMAGE...]
# Of the bundled image, and of those that $IMAGES names, as csv and json.
root=$1 engram=$2
shift 2
if [ $# = 0 ]; then
    for image in "$root"/samples/*.zst; do
        case $image in *.tar.zst) ;; *) set -- "$@" "$image" ;; esac
    done
    # shellcheck disable=SC2086 # words on purpose
    set -- "$@" ${IMAGES-}
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0
for image; do
    for twin in "$root"/tests/lua/twins/*.lua; do
        name=$(basename "$twin" .lua)
        for render in csv json; do
            for more in '' --pid=1,2 --threads; do
                case $more,$name in ,* | --pid*,psaux | --pid*,maps | --pid*,ps* | --threads,pslist) ;; *) continue ;; esac
                [ "$name" != maps ] || more="$more --columns PID,COMM,START,END,FLAGS,PGOFF,MAJOR,MINOR,INODE,PATH" # without --smaps
                [ "$name" != lsmod ] || more="$more --columns OFFSET,MODULE,SIZE,TAINTS,REF_COUNT,USED_BY,STATE,ADDRESS,LOAD_ARGUMENTS"
                # shellcheck disable=SC2086 # words
                "$engram" -q -r $render "$image" "$name" $more >"$tmp/c" 2>"$tmp/c.err" || { echo "$image: $name $more: $(cat "$tmp/c.err")"; bad=1; }
                # shellcheck disable=SC2086
                "$engram" -q -r $render --plugin-dir "$root/tests/lua/twins" "$image" "lua_$name" $more >"$tmp/lua" 2>"$tmp/lua.err" ||
                    { echo "$image: $name $more: $(cat "$tmp/lua.err")"; bad=1; }
                sed -i "s/lua_$name/$name/g" "$tmp/lua" "$tmp/lua.err"
                n=$((n + 1))
                cmp -s "$tmp/c" "$tmp/lua" && cmp -s "$tmp/c.err" "$tmp/lua.err" && [ -s "$tmp/c" ] && continue
                bad=1
                echo "$image: $name $more, $render: C and Lua differ"
                diff "$tmp/c" "$tmp/lua" | head -n 6
                diff "$tmp/c.err" "$tmp/lua.err" | head -n 6
            done
        done
    done
done
echo "$n outputs"
[ "$bad" = 0 ] && [ "$n" != 0 ]
