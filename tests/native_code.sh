#!/bin/sh
# Only --plugin-dir, read as an option, loads native code: not its name as another option's value, not behind --, not
# in an unknown option's, and not while a line is only completed.  Usage: native_code.sh ROOT ENGRAM PLUGIN.so
engram=$(realpath "$2") so=$(realpath "$3") || exit 1
image=$(realpath "$1")/samples/deb12-6.1-small.zst
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export XDG_DATA_HOME="$tmp/none" HOME="$tmp/none"
failed=0
mkdir pd good
echo 'no library' >pd/trap.so # whoever tries to load it says so
ln -s "$so" good/good.so
echo 'return plugin { name = "script", help = "h", columns = { { "A", "int", "a" } }, run = function() end }' >good/a.lua

quiet() { # engram ARGUMENTS must not look at pd/trap.so
    "$engram" -q "$@" >out 2>&1
    ! grep -q 'trap.so' out || { echo "engram $*: $(head -n 3 out)"; failed=1; }
}
quiet "$image" regex --pattern -ppd
quiet "$image" regex --pattern --plugin-dir=pd
quiet "$image" regex --pattern --plugin-dirs=pd
quiet "$image" regex --pattern -p pd
quiet "$image" banner -o -ppd
quiet "$image" banner --tmp -ppd
quiet read "$image" linux_banner 4 -o -ppd
quiet -- "$image" -ppd
quiet "$image" banner --unknown -ppd
quiet "$image" banner -s -ppd
quiet new -ppd.lua
quiet complete -- -p pd
quiet complete -- --plugin-dir pd pslist
quiet shell "$image" -e '"-ppd"'

loads() {
    "$engram" -q "$@" plugins >out 2>&1
    grep -q 'trap.so' out || { echo "engram $* plugins: does not look into pd: $(head -n 3 out)"; failed=1; }
}
loads -ppd
loads -p pd
loads --plugin-dir pd
loads --plugin-dir=pd
loads --plugin-dirs pd

"$engram" -p good plugins -r csv >out 2>&1
name=$(sed -n 's/^\([a-z_]*\),.*/\1/p' out | grep -vxF "$("$engram" plugins -r csv | sed 's/,.*//')" | grep -v '^script$')
[ -n "$name" ] || { echo "good/good.so is not loaded: $(head -n 3 out)"; failed=1; }
"$engram" -p good "$image" "$name" -r csv 2>&1 | grep -qx '0,true' || { echo "$name: no answer of is_kthread"; failed=1; }
"$engram" complete -- -p good "$image" '' >out
grep -q '^script' out || { echo "complete: the script is not offered"; failed=1; }
grep -q "^$name" out && { echo "complete: native code was loaded"; failed=1; }

# Its own options stand behind it; before it, nobody knows what they take.
"$engram" "$image" script --plugin-dir good --width 3 >out 2>&1
grep -q 'unknown option' out || { echo "--width: $(cat out)"; failed=1; }
"$engram" "$image" script --zzz 3 --plugin-dir good >out 2>&1
grep -q 'behind the --plugin-dir' out || { echo "--zzz: $(cat out)"; failed=1; }
exit $failed
