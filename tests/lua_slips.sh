#!/bin/sh
# What authors get wrong, and what they are told: lua/slips has a line of code and below it the message, without the file, the
# line and addresses.  Usage: lua_slips.sh ROOT ENGRAM [write]
#   A line that says `plugin` is a script; any other stands inside of run, and all of these run on the bundled image at once.
root=$1 engram=$(realpath "$2") || exit 1
for image in ${IMAGE:-"$root"/samples/*.zst}; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
image=$(realpath "$image") cases=$(realpath "$root/tests/lua/slips")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
mkdir runs script
n=100 names=
while IFS= read -r code && IFS= read -r _; do
    n=$((n + 1))
    case $code in
    *plugin*)
        printf '%s\n' "$code" >script/slip.lua
        (cd script && "$engram" -q --plugin-dir . "$image" slip 2>&1 >/dev/null) | grep -v "^engram: note: " | sed -n "1s/^engram: /engram: s$n: /p" >>err
        ;;
    *)
        names=${names:+$names,}s$n
        printf '%s\n' "return plugin { name = \"s$n\", os = \"linux\", help = \"h\"," \
            'columns = { { "A", "int", "a" }, { "T", "text", "t" } },' "run = function(k, args, row) $code end }" >"runs/s$n.lua"
        ;;
    esac
done <"$cases"
(cd runs && "$engram" -q --plugin-dir . "$image" "$names" 2>>../err >/dev/null)
n=100
while IFS= read -r code && IFS= read -r _; do
    n=$((n + 1))
    printf '%s\n' "$code"
    echo "= $(sed -n "s/^engram: s$n: \(slip: \)\{0,1\}\(\.\/[a-z0-9]*\.lua:[123]: \)\{0,1\}//p" err | sed 's/0x[0-9a-f]*/ADDR/g')"
done <"$cases" >now
[ "$3" = write ] && exec cp now "$cases"
[ "$(wc -l <now)" -gt 100 ] && diff "$cases" now
