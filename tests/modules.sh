#!/bin/sh
# A module's format and reader work wherever those of the program do: the example of docs/module-guide.md, on the
# bundled image.  Usage: modules.sh ROOT ENGRAM TOY.so [OUTSIDE.so]
root=$(realpath "$1") engram=$(realpath "$2") toy=$(realpath "$3") || exit 1
outside=${4:+$(realpath "$4")}
image=$root/samples/deb12-6.1-small.zst
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export XDG_DATA_HOME="$tmp/none" HOME="$tmp/none"
failed=0
bad() { echo "$*: $(head -n 5 out)"; failed=1; }
with() { "$engram" -q -p toy "$@" >out 2>&1; }

mkdir toy
ln -s "$toy" toy/toy.so
"$engram" -q convert "$image" --to lime -o image.lime && python3 "$root/tests/lib/lime_to_toy.py" image.lime image.toy || exit 1
"$engram" -q -r csv "$image" pslist >wanted

# Without the module it is no image that anybody knows.
"$engram" -q image.toy >out 2>&1
grep -q 'toy dump' out && bad "without the module"
"$engram" -q --format toy image.toy >out 2>&1 && bad "--format toy without the module"
grep -q -- '--format toy: is not known' out || bad "--format toy without the module"

with -r csv image.toy pslist && cmp -s out wanted || bad pslist
with image.toy && grep -q 'toy dump' out || bad summary
with --format toy image.toy banner && grep -q 'Linux version' out || bad "--format toy behind -p"
"$engram" -q --format toy -p toy image.toy banner >out 2>&1 && grep -q 'Linux version' out || bad "--format toy before -p"
with -r json image.toy banner && grep -q '"format": *"toy dump"' out || bad "the provenance of json"
with convert image.toy --to lime -o again.lime && cmp -s image.lime again.lime || bad convert
if command -v gzip >/dev/null; then
    gzip -1 <image.toy >image.toy.gz
    with -r csv image.toy.gz pslist && cmp -s out wanted || bad "inside gzip"
    with image.toy.gz && grep -q 'toy dump on gzip' out || bad "the format inside gzip"
fi
with help formats && grep -q '^  toy  *toy dump, .toy' out || bad "help formats"
with help toy && grep -q '^toy - a format of images: toy dump' out || bad "help toy"
with help profiles && grep -q '^  toysyms  *toy symbols' out || bad "help profiles"
with help toysyms && grep -q '^source: .*toysyms.c' out || bad "help toysyms"
printf 'toysyms\n%x a_symbol\n' 4096 >list
with profile show list && grep -q ', 1 symbols,' out || bad "profile show"
printf 'toysyms\nwrong\n' >list
with profile show list && bad "profile show of a wrong list"
grep -q 'no "address name" at byte 8' out || bad "profile show of a wrong list"

# Cut off: what is there is read, and what is missing is said.
head -c 3000000 image.toy >cut.toy
"$engram" -p toy cut.toy >out 2>&1
grep -q 'toy: the last [0-9]* bytes of range' out || bad "a dump that is cut off"

# Refused: twice the same, and a folder without plugins. guide.sh has shared objects that are no modules.
mkdir twice empty
ln -s "$toy" twice/a.so
cp "$toy" twice/b.so
"$engram" -q -p twice help formats >out 2>&1 && bad "the same module twice"
grep -q 'twice/b.so: toy: a format of this name is already there' out || bad "the same module twice"
"$engram" -q -p empty help formats >out 2>&1 && bad "an empty folder"
grep -q -- '--plugin-dir empty: no plugin or format in it' out || bad "an empty folder"
if [ "$outside" ]; then # plugins and formats side by side
    ln -s "$outside" toy/outside.so
    with image.toy outside || bad "a plugin beside a format"
fi
exit $failed
