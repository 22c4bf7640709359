#!/bin/sh
# Does docs/triage.md have every built-in rule, with its severity, and is the rule that it shows a good one?  Usage: triage.sh ROOT
# ENGRAM IMAGE [write]: renew the table.
root=$1 engram=$2 image=$3
page=$root/docs/triage.md
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/rules"
awk '$0 == "```" { on = 0 } on { print } $0 == "```lua" { on = 1 }' "$page" >"$tmp/rules/page.lua"
"$engram" "$image" triage --rules "$tmp/rules" --rule shell-of-the-web-server --test >"$tmp/out" 2>&1 || { cat "$tmp/out"; exit 1; }
grep -q '1 rules agree' "$tmp/out" || { cat "$tmp/out"; exit 1; }

{
    echo '| rule | severity | reads | finding | ATT&CK |'
    echo '|---|---|---|---|---|'
    "$engram" -r jsonl "$image" triage --list |
        sed -n 's/.*"SEVERITY":"\([a-z]*\)","RULE":"\([a-z0-9-]*\)".*"FINDING":"\([^"]*\)".*"EVIDENCE":"rows of \([^"]*\)".*"ATTACK":\(null\|"\([^"]*\)"\).*/| `\2` | \1 | \4 | \3 | \6 |/p'
} >"$tmp/table"
[ "$(wc -l <"$tmp/table")" -gt 20 ] || { echo "few rules were found"; exit 1; }
sed -n '/^| rule | severity/,$p' "$page" >"$tmp/said"
cmp -s "$tmp/table" "$tmp/said" && exit 0
if [ "$4" = write ]; then
    sed -i '/^| rule | severity/,$d' "$page" && cat "$tmp/table" >>"$page"
    exit 0
fi
diff "$tmp/said" "$tmp/table"
echo "docs/triage.md: sh tests/triage.sh ROOT ENGRAM IMAGE write"
exit 1
