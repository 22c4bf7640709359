#!/bin/sh
# Plugins of folders: the user's own are there without being asked for, and never in the way; a name has one plugin.
# Usage: lua_folders.sh ROOT ENGRAM
engram=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
failed=0
bad() { echo "$*: $(cat out err)"; failed=1; }
script() { printf 'return plugin { name = "%s", help = "%s", columns = { { "A", "int", "a" } }, run = function() end }\n' "$1" "$2"; }
list() { "$engram" "$@" plugins -r csv >out 2>err; }
export XDG_DATA_HOME=$tmp/data HOME=$tmp/home

list || bad "no folder"
[ ! -s err ] || bad "no folder: something is said"
mkdir -p data/engram/plugins home/.local/share/engram/plugins dir
script mine 'in data' >data/engram/plugins/a.lua
echo 'return plugin {' >data/engram/plugins/broken.lua
script pslist 'in data' >data/engram/plugins/pslist.lua
script zeal 'in data' >data/engram/plugins/z.lua
script mine 'in home' >home/.local/share/engram/plugins/a.lua
script mine 'in dir' >dir/b.lua

list || bad "one's own: an error"
grep -q '^mine,,in data' out && grep -q '^zeal,' out || bad "one's own are not there"
[ "$(wc -l <err)" = 2 ] && grep -q 'broken.lua:' err && grep -q 'pslist.lua: pslist: .* from plugins/process/pslist.c' err ||
    bad "what is wrong with two of them is not said"
list -q && [ ! -s err ] || bad "-q"
list --plugin-dir dir && grep -q '^mine,,in dir' out && grep -q 'data/engram/plugins/a.lua: mine: .* from dir/b.lua' err ||
    bad "--plugin-dir does not come first"
XDG_DATA_HOME='' list && grep -q '^mine,,in home' out && [ ! -s err ] || bad "\$HOME"

script mine 'again' >dir/c.lua
list --plugin-dir dir
[ $? = 3 ] && grep -q 'dir/c.lua: mine: .* from dir/b.lua' err || bad "a name twice"
with_option() {
    printf 'return plugin { name = "%s", help = "h", columns = { { "A", "int", "a" } }, args = { { "%s", "%s", "x" } }, ' "$@"
    echo 'run = function() end }'
}
with_option one output text >dir/b.lua
with_option two width int >dir/c.lua
with_option three width flag >dir/d.lua
list --plugin-dir dir
[ $? = 3 ] && grep -q 'dir/d.lua: three: .*--width is of kind flag, but two (dir/c.lua) has one of kind int' err || bad "an option of two kinds"
rm dir/c.lua
list --plugin-dir dir && grep -q 'dir/b.lua: --output of one' err || bad "an option of the command"
exit $failed
