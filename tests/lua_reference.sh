#!/bin/sh
# Is what is written of the functions for scripts what there is?  Usage: lua_reference.sh ROOT ENGRAM [write]
#   engram help lua-types   is Lua that our own reader takes, and declares each function that a script sees, and no other
#   docs/lua-reference.md   is made of it; `write` makes it anew
root=$1 engram=$2
for image in ${IMAGE:-"$root"/samples/*.zst}; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad() { echo "$*"; echo . >>"$tmp/bad"; }

"$engram" help lua-types >"$tmp/types.lua" || exit 1
awk '
    BEGIN {
        print "# Functions for scripts\n"
        print "`docs/lua-guide.md` is the introduction. `tests/lua_reference.sh` generates this page from the declarations; `engram help lua` prints the same, and `engram"
        print "help lua-types` writes it for editors.\n"
        print "A `cursor` is a typed place in the image. A `space` is an address space; k is the kernel'"'"'s. A `value` is the result of reading a"
        print "member: an integer, number, string or cursor. A `place` is an address, a cursor, which stands for the result of"
        print "`eg.address`, or text (`\"0x1000\"`, `\"init_task\"`, `\"init_task+0x10\"`). `engram help lua` also names the source file of each function."
    }
    function cell(s) { gsub(/\|/, "\\|", s); return s }
    /^eg = \{\}/ { print "\n## eg" }
    /^linux = \{\}/ { print "\n## linux" }
    /^linux\..* = \{\}$/ { printf "| `%s` | `table<string, integer>` | %s |\n", $1, cell(text); text = ""; next }
    / = \{\}$/ { table = 1 }
    /^-- / && table { print "\n### " substr($0, 4) "\n\n| function | gives | what |\n|---|---|---|" }
    /^--- / { text = text (text == "" ? "" : " ") substr($0, 5); next }
    /^---@param / { sub(/^---@param /, ""); name = $1; sub(/^[^ ]+ /, ""); args = args (args == "" ? "" : ", ") name ": " $0; next }
    /^---@type / { next }
    /^---@return / { sub(/^---@return /, ""); gives = gives (gives == "" ? "" : ", ") $0; next }
    /^function / && table {
        sub(/^function /, ""); sub(/\(.*/, "")
        printf "| `%s(%s)` | %s | %s |\n", $0, cell(args), gives == "" ? "" : "`" cell(gives) "`", cell(text)
    }
    { text = args = gives = "" }
' "$tmp/types.lua" >"$tmp/reference.md"
if [ "$3" = write ]; then
    cp "$tmp/reference.md" "$root/docs/lua-reference.md"
elif ! diff -u "$root/docs/lua-reference.md" "$tmp/reference.md"; then
    bad "docs/lua-reference.md is old: sh tests/lua_reference.sh . ENGRAM write"
fi

# A plugin whose first lines are the annotations, each declared function one that does nothing.
mkdir "$tmp/own"
{
    sed 's/^eg = {}/local eg = {}/; s/^linux = {}/local linux = {}/; s/^function plugin(/local function declared(/
         s/^function print(/local function printed(/' "$tmp/types.lua"
    cat <<'LUA'
return plugin {
  name = "covers", help = "What is declared for editors, and what there is",
  columns = { { "NAME", "text", "of the function" }, { "SAYS", "text", "what is wrong with it" } },
  run = function(_, _, row)
    local function compare(table, declared, there)
      for name in pairs(there) do
        if not declared[name] then row { NAME = table .. "." .. name, SAYS = "is not declared" } end
      end
      for name in pairs(declared) do
        row { NAME = table .. "." .. name, SAYS = not there[name] and "is not there" or nil }
      end
    end
    compare("eg", eg, _G.eg)
    compare("linux", linux, _G.linux)
  end,
}
LUA
} >"$tmp/own/covers.lua"
"$engram" --plugin-dir "$tmp/own" -r jsonl "$image" covers >"$tmp/out" || bad "lua-types: is no Lua"
grep '"is not' "$tmp/out" && bad "lua-types: is not what there is"
[ "$(grep -c '"NAME"' "$tmp/out")" -gt 40 ] || bad "lua-types: few functions: $(cat "$tmp/out")"
[ ! -e "$tmp/bad" ]
