#!/bin/sh
# Do the manual page and the pages for people who come from elsewhere say what is so?  Usage: docs.sh ROOT ENGRAM
#   docs/engram.1    knows every verb, option and plugin, no option that is not there, and is good mdoc
#   --help, help     no line is wider than 100 columns
#   docs/from-*.md   each command but the server runs, with IMAGE, FOLDER and OUT filled in, as `vol` too; each word that is said to be
#                    missing is answered by one line that is no riddle
root=$(realpath "$1") engram=$(realpath "$2") || exit 1
page=$root/docs/engram.1
for image in ${IMAGE:-"$root"/samples/*.zst}; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad() { echo "$*"; echo . >>"$tmp/bad"; }
"$engram" --help >"$tmp/help" && "$engram" help processes >>"$tmp/help" || exit 1

for option in $(sed -n 's/^  \(-., \)\{0,1\}--\([a-z0-9-]*\).*/\2/p' "$tmp/help"); do
    grep -q -- "Fl -$option\( \|$\)" "$page" || bad "docs/engram.1 lacks --$option"
done
sed -n 's/^\.It Fl .*Fl -\([a-z0-9-]*\).*/\1/p; s/^\.It Fl -\([a-z0-9-]*\).*/\1/p' "$page" | while read -r option; do
    grep -q -- "--$option " "$tmp/help" || bad "docs/engram.1 has --$option, which is not there"
done
for verb in $(sed -n 's/^ *\(usage: \)\{0,1\}engram \([a-z]*\) .*/\2/p' "$tmp/help" | sort -u); do
    case $verb in memory | help) continue ;; esac
    grep -q "^\.It Cm $verb" "$page" || bad "docs/engram.1 lacks the verb $verb"
done
for plugin in $("$engram" plugins -r csv | sed '1d; s/,.*//'); do
    grep -q "^\.It Cm $plugin$" "$page" || bad "docs/engram.1 lacks the plugin $plugin"
done
if command -v groff >/dev/null; then
    groff -ww -mandoc -Tutf8 "$page" 2>&1 >/dev/null | while read -r line; do bad "docs/engram.1: $line"; done
fi

for name in --help $("$engram" complete -- help '' | cut -f 1); do
    "$engram" help "$name" | LC_ALL=C.UTF-8 awk -v name="$name" 'length($0) > 100 { print "engram help " name ": wider than 100 columns: " $0 }'
done >"$tmp/wide"
while read -r line; do bad "$line"; done <"$tmp/wide"

# The commands of the two pages.
mkdir "$tmp/bin" "$tmp/folder"
ln -s "$engram" "$tmp/bin/engram"
ln -s "$engram" "$tmp/bin/vol"
PATH=$tmp/bin:$PATH
export PATH
for from in "$root"/docs/from-*.md; do
    grep -o '`\(engram\|vol\) [^`]*`' "$from" | tr -d '`' | sed 's/ *|.*//' |
        grep -E ' IMAGE|//IMAGE|^engram (help|plugins)' | grep -vE '[ /](FILE|DIR|ADDR|VMLINUX|TEXT|RULES.yar)( |$)|^engram gdb ' >"$tmp/commands"
    [ "$(wc -l <"$tmp/commands")" -gt 20 ] || bad "$from: few commands were found"
    n=0
    while read -r command; do
        n=$((n + 1))
        mkdir "$tmp/here"
        (cd "$tmp/here" && sh -c "$(echo "$command" | sed "s,IMAGE,$image,g; s,FOLDER,$tmp/folder,g; s,OUT,$tmp/here/out,g")") \
            </dev/null >"$tmp/out" 2>"$tmp/err" || bad "${from##*/}: $command: $(tail -n 1 "$tmp/err")"
        [ -s "$tmp/out" ] || [ -n "$(ls "$tmp/here")" ] || bad "${from##*/}: $command: prints nothing"
        rm -r "$tmp/here"
    done <"$tmp/commands"
    echo "${from##*/}: $n commands"
    sed -n '/^## Plugins/,/^## Columns/s/^| \([^|]*\) | `engram IMAGE .*/\1/p' "$from" | grep -o '`[a-zA-Z.]*`' | tr -d '`' | while read -r name; do
        case $name in windows.*) continue ;; esac
        engram help "$name" >/dev/null 2>"$tmp/err" || bad "${from##*/}: $name is no plugin here: $(cat "$tmp/err")"
    done
    sed -n '/^\*\*Missing\*\*/,/^$/p' "$from" | grep -o '`[a-z_]*`' | tr -d '`' | while read -r word; do
        engram "$image" "$word" >/dev/null 2>"$tmp/err"
        if [ $? != 1 ] || [ "$(wc -l <"$tmp/err")" != 1 ] || grep -q 'no such plugin' "$tmp/err"; then
            bad "${from##*/}: $word is said to be missing: $(cat "$tmp/err")"
        fi
    done
done
[ ! -e "$tmp/bad" ]
