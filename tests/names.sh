#!/bin/sh
# Is every plugin, verb and option that a text names there?  Usage: names.sh ROOT ENGRAM
# The texts: help with the plugins' manuals, the answers of cli/habits.c, the manual page, README.md and docs/*.md.
# docs/from-*.md also name what others have: docs.sh runs their commands.
root=$(realpath "$1") engram=$(realpath "$2") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

# What there is: plugins, verbs and topics, but not formats, which nothing runs; and options.
"$engram" complete -- x.raw --format '' | cut -f 1 >formats
"$engram" complete -- help '' | cut -f 1 | grep -vxFf formats | sort -u >names
for name in '' $(cat names); do
    "$engram" complete -- x.raw $name --
    "$engram" complete -- $name x.raw --
done | cut -f 1 | grep '^--' | sort -u >options
[ "$(wc -l <names)" -gt 40 ] && [ "$(wc -l <options)" -gt 40 ] || { echo "few: $(wc -l names options)"; exit 1; }

# One line a text, since "compare with NAME" may be broken.
one_line() { tr '\n' ' ' | tr -s ' '; echo; }
answers() { sed -n '/^} elsewhere/,/^};/p' "$root/cli/habits.c" | tr -d '\n' | sed 's/ },/\n/g'; }

# wrong WHERE <TEXT: a line for each name in it that stands for nothing.
wrong() {
    one_line | sed 's/```/ /g; s/`engram[^`]*--plugin-dir[^`]*`//g' >text
    {
        grep -oE 'compare with `?[a-z_]+' text | grep -oE '[a-z_]+$'
        grep -oE '[Ss]ee `?[a-z_]+`? ?[.,;:)]' text | sed 's/^[Ss]ee //' | grep -oE '[a-z_]+' | grep -vxE 'it|below|above'
        [ -n "${1##*/from-*}" ] && grep -oE '`engram( -[a-z] [a-z]+)* (IMAGE |help )?[a-z][a-z_,-]*[` ]' text |
            sed 's/.* \([a-z_,-]*[` ]\)$/\1/' | tr ',` ' '\n\n\n' | grep -vxE 'all|help|'
    } | sort -u | while read -r name; do
        grep -qx -- "$name" names || { ! grep -qx -- "$name" formats && "$engram" help "$name" >/dev/null 2>&1; } ||
            echo "$1: $name is nothing here"
    done
    # Pages show options of other programs too.
    case $1 in *.*) grep -oE '`engram [^`]*`' text ;; *) cat text ;; esac | grep -oE -- '(^|[ `(])--[a-z][a-z0-9-]*' | tr -d ' `(' | sort -u | while read -r option; do
        grep -qx -- "$option" options || [ "${option#--no-}" != "$option" ] || echo "$1: $option is no option"
    done
    grep -oE 'there is no [a-z_]+' text | sed 's/.* //' | while read -r name; do
        ! grep -qx -- "$name" names || echo "$1: says that there is no $name"
    done
}

{
    for name in --help $(cat names); do "$engram" help "$name"; done | wrong help
    answers | sed 's/^ *{ "[^"]*",//' >said
    wrong answers <said
    grep -oE '`[a-z_]+`' said | tr -d '`' | sort -u | grep -vxFf names | sed 's/$/ is nothing here, says cli\/habits.c/'
    answers | sed -n 's/^[^"]*{ "\([^{]*\) ",.*/\1/p' | grep -oE '[a-z_]+' | sort -u >elsewhere
    [ "$(wc -l <elsewhere)" -gt 60 ] || echo "cli/habits.c: few words were found"
    while read -r name; do
        ! "$engram" help "$name" >/dev/null 2>&1 || echo "cli/habits.c: $name is here"
    done <elsewhere
    for page in README.md docs/engram.1 $(cd "$root" && ls docs/*.md); do wrong "$page" <"$root/$page"; done
} >found

# Would it see a mistake?
for text in 'Rows that no list has: compare with modview.' 'see `modview`, which' '`engram modview IMAGE`' '`engram IMAGE modview`' \
    '`engram IMAGE lime`' 'there is no shell; use dt' '`engram pslist --such-a-thing`'; do
    [ -n "$(echo "$text" | wrong text)" ] || echo "not seen: $text" >>found
done
cat found
[ ! -s found ]
