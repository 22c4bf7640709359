#!/bin/sh
# Does the command end as documented where it is stopped, its output is full, or files are few?  Usage: endings.sh ROOT ENGRAM
engram=$(realpath "$2") || exit 1
for image in ${IMAGE:-"$1"/samples/*.zst}; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
[ -f "$image" ] || { echo "samples/: no image"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
bad() { echo "$*"; failed=1; }

# Interrupted: 3, and one line.
stopped() {
    "$engram" -q "$@" >"$tmp/out" 2>"$tmp/err" &
    pid=$!
    sleep 1
    kill -INT $pid
    wait $pid
    status=$?
    [ $status = 3 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q stopped "$tmp/err" ||
        bad "interrupted: $*: exit status $status: $(cat "$tmp/err")"
}
stopped read "$image" --phys 0 100T -o /dev/null
stopped pack "$image" --level 22 -o "$tmp/packed.zst"
[ -z "$(ls "$tmp" | grep packed)" ] || bad "pack leaves $(ls "$tmp")"

# Full: 3, and why.
for args in "$image" "$image kallsyms" "$image banner,kallsyms" "-r json $image pslist" "read $image linux_banner 4M" --help; do
    # shellcheck disable=SC2086 # words on purpose
    "$engram" -q $args >/dev/full 2>"$tmp/err"
    status=$?
    [ $status = 3 ] && grep -q 'No space left' "$tmp/err" || bad "full: $args: exit status $status: $(cat "$tmp/err")"
done
(ulimit -f 8 && "$engram" -q -r csv "$image" banner,kallsyms -o "$tmp/csv") 2>"$tmp/err"
[ $? = 3 ] && grep -q 'kallsyms.csv: cannot be written: File too large' "$tmp/err" ||
    bad "full: a csv file of several: $(cat "$tmp/err")"
[ "$(echo "$tmp"/csv/*)" = "$tmp/csv/banner.csv $tmp/csv/banner.csv.provenance.json" ] || bad "full: left in the folder: $(ls "$tmp/csv")"

for args in "convert $image --to raw" "pack $image --level 1" "read $image --phys 0x100000 1M" "dump $image --pid 1"; do
    # shellcheck disable=SC2086 # words on purpose
    (ulimit -f 8 && "$engram" -q $args -o "$tmp/big") >/dev/null 2>"$tmp/err"
    status=$?
    [ $status = 2 ] || [ $status = 3 ] && grep -q 'File too large' "$tmp/err" || bad "full: $args: exit status $status: $(cat "$tmp/err")"
    rm -rf "$tmp/big"
done

# What `all` did not look for is said at its end, is no note and fails nothing; not with -q, nor for single plugins.
"$engram" -r jsonl "$image" all --filter 'PID = -5' >"$tmp/all" 2>"$tmp/err"
status=$?
tail -n 1 "$tmp/err" | grep -q 'all: nothing looked for .*changed firmware.*: that none are shown is no finding' && [ $status = 0 ] &&
    ! grep -q 'nothing looked for' "$tmp/all" ||
    bad "all: exit status $status: $(tail -n 3 "$tmp/err")"
"$engram" "$image" banner 2>&1 | grep -q 'looked for' && bad "one plugin: what all looks for"

# A file that exists is refused and stays as it is; --force replaces it, but not its other names.
mkdir "$tmp/out.d"
kept() { # FILE command...
    file=$1
    shift
    echo old >"$file"
    ln -f "$file" "$tmp/other"
    "$engram" -q "$@" >/dev/null 2>"$tmp/err"
    status=$?
    [ $status = 1 ] && grep -q "$file: already exists: --force" "$tmp/err" && [ "$(cat "$file")" = old ] ||
        bad "$*: exit status $status: $(cat "$tmp/err")"
    "$engram" -q "$@" --force >/dev/null 2>"$tmp/err" && [ "$(head -c 3 "$file")" != old ] || bad "$* --force: $(cat "$tmp/err")"
    [ "$(cat "$tmp/other")" = old ] || bad "$* --force: another name of the file was written to"
    rm -f "$file"
}
kept "$tmp/bytes" read "$image" linux_banner 16 -o "$tmp/bytes"
kept "$tmp/out.d/phys.0x100000-0x101000.dmp" dump "$image" --phys 0x100000 4096 -o "$tmp/out.d"
kept "$tmp/out.d/banner.csv.provenance.json" -r csv "$image" banner -o "$tmp/out.d"
rm -f "$tmp/out.d"/*
kept "$tmp/out.d/banner.csv" -r csv "$image" banner -o "$tmp/out.d"
kept "$tmp/mine.lua" new "$tmp/mine.lua"
kept "$tmp/again.zst" pack "$image" --level 1 -o "$tmp/again.zst"
kept "$tmp/raw" convert "$image" --to lime -o "$tmp/raw"
kept "$tmp/a.egp" profile make "$1/tests/lib/version1.egp" -o "$tmp/a.egp"
ln -s bytes "$tmp/link"
"$engram" -q read "$image" linux_banner 16 -o "$tmp/link" --force 2>"$tmp/err"
[ $? = 1 ] && [ ! -e "$tmp/bytes" ] || bad "read: through a link: $(cat "$tmp/err")"
"$engram" -q read "$image" linux_banner 5 -o /dev/stdout | grep -q '^Linux$' || bad "read -o to a pipe"

# One line says it, also where the bytes are not a renderer's.
"$engram" -q read "$image" linux_banner 4M >/dev/full 2>"$tmp/err"
[ "$(wc -l <"$tmp/err")" = 1 ] || bad "full: read says: $(cat "$tmp/err")"

# The image's time of last access stays.
cp "$image" "$tmp/image.zst"
touch -a -d '2001-01-01 UTC' "$tmp/image.zst"
"$engram" -q --sha256 -r json "$tmp/image.zst" banner >/dev/null
[ "$(stat -c %X "$tmp/image.zst")" = 978307200 ] || bad "the image's atime was changed: $(stat -c %x "$tmp/image.zst")"

# So do those of files of types and symbols, whether they are any or not.
printf 'ffffffff81000000 T _text\nffffffff82000000 T _etext\n' >"$tmp/source.map"
echo '{"metadata": {"format": "6.2.0"}, "base_types": {}, "user_types": {}, "enums": {}, "symbols": {}}' >"$tmp/source.json"
cp "$1/tests/lib/version1.egp" "$tmp/source.egp"
cp "$engram" "$tmp/source.elf"
for file in "$tmp"/source.*; do
    touch -a -d '2001-01-01 UTC' "$file"
    "$engram" -q profile make "$file" -o "$tmp/made.egp" --force >/dev/null 2>&1
    "$engram" -q profile show "$file" >/dev/null 2>&1
    [ "$(stat -c %X "$file")" = 978307200 ] || bad "the atime of ${file##*/} was changed: $(stat -c %x "$file")"
done

# What csv has no place for stands beside it, with the digest of each file that is written.
rm -rf "$tmp/out.d"
"$engram" -q -r csv "$image" pslist --pid 99999 -o "$tmp/out.d" 2>/dev/null
digest=$(sha256sum "$tmp/out.d/pslist.csv")
grep -q "\"name\":\"pslist.csv\",\"size\":[0-9]*,\"sha256\":\"${digest%% *}\"" "$tmp/out.d/pslist.csv.provenance.json" &&
    grep -q '"args":\["pid=99999"\],"rows":0,"notes":\["' "$tmp/out.d/pslist.csv.provenance.json" || bad "csv: provenance"
for format in json jsonl body timesketch; do
    file=boottime.$format
    [ $format != timesketch ] || file=$file.jsonl
    "$engram" -q -r $format "$image" boottime >"$tmp/whole" 2>/dev/null
    "$engram" -q -r $format "$image" boottime -o "$tmp/out.d" >"$tmp/out" 2>/dev/null && [ ! -s "$tmp/out" ] && cmp -s "$tmp/whole" "$tmp/out.d/$file" ||
        bad "-r $format -o: $file is not what is printed without -o"
    digest=$(sha256sum "$tmp/out.d/$file")
    grep -q "\"name\":\"$file\",.*\"sha256\":\"${digest%% *}\"" "$tmp/out.d/$file.provenance.json" || bad "-r $format -o: no digest"
done
"$engram" "$image" banner -o "$tmp/out.d" 2>&1 >/dev/null | grep -q "nothing was written there" || bad "-o that a table for people ignores"
# The files that a plugin writes have their digests beside the table, or in a file of the plugin's name.
cat >"$tmp/saves.lua" <<'EOF'
return plugin {
  name = "saves", os = "linux", help = "write two files", columns = { { "N", "int", "number" } },
  run = function(k, args, row) for i = 1, 2 do eg.output("part" .. i, ("x"):rep(i)) row { N = i } end end,
}
EOF
"$engram" --plugin-dir "$tmp" "$image" saves -o "$tmp/out.d" >"$tmp/out" 2>"$tmp/err" && grep -q 2 "$tmp/out" && [ ! -s "$tmp/err" ] ||
    bad "a plugin that writes: $(cat "$tmp/err")"
"$engram" -q --plugin-dir "$tmp" -r csv "$image" saves -o "$tmp/out.d" --force 2>"$tmp/err" || bad "a plugin that writes, csv: $(cat "$tmp/err")"
for file in saves.provenance.json saves.csv.provenance.json; do
    for part in part1 part2; do
        digest=$(sha256sum "$tmp/out.d/$part")
        grep -q "\"name\":\"$part\",\"size\":${part#part},\"sha256\":\"${digest%% *}\"" "$tmp/out.d/$file" || bad "$file: no digest of $part"
    done
done
# What is stopped keeps the rows that it has: what stands beside them says so.
cat >"$tmp/slow.lua" <<'EOF'
return plugin {
  name = "slow", os = "linux", help = "a row, and no end", columns = { { "N", "int", "number" } },
  run = function(k, args, row) row { N = 1 } while true do end end,
}
EOF
for format in csv json jsonl; do
    "$engram" -q --plugin-dir "$tmp" -r $format "$image" slow -o "$tmp/slow.d" 2>/dev/null &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9; do
        [ -z "$(ls "$tmp/slow.d" 2>/dev/null)" ] || break
        sleep 1
    done
    sleep 1
    kill -INT $pid
    wait $pid
    grep -q '"rows":1,.*"error":"the script was stopped"' "$tmp/slow.d/slow.$format.provenance.json" || bad "stopped: -r $format -o: $(ls "$tmp/slow.d")"
    rm -rf "$tmp/slow.d"
done
rm "$tmp/slow.lua"
"$engram" -q -r csv dump "$image" --phys 0x100000 4096 -o "$tmp/out.d" >"$tmp/out"
digest=$(sha256sum "$tmp/out.d/phys.0x100000-0x101000.dmp")
grep -q "${digest%% *}" "$tmp/out" || bad "dump: no digest: $(cat "$tmp/out")"
"$engram" read "$image" linux_banner 16 -o "$tmp/out.d/bytes" >"$tmp/out"
digest=$(sha256sum "$tmp/out.d/bytes")
grep -q "16 bytes, SHA-256 ${digest%% *}" "$tmp/out" || bad "read: no digest: $(cat "$tmp/out")"
for verb in "profile make $1/tests/lib/version1.egp" "pack $image --level 1"; do
    # shellcheck disable=SC2086 # words on purpose
    "$engram" $verb -o "$tmp/out.d/made" --force >"$tmp/out"
    digest=$(sha256sum "$tmp/out.d/made")
    grep -q "^$tmp/out.d/made.*, SHA-256 ${digest%% *}$" "$tmp/out" || bad "${verb%% *}: no digest: $(cat "$tmp/out")"
    # shellcheck disable=SC2086
    [ -z "$("$engram" -q $verb -o "$tmp/out.d/made" --force)" ] || bad "${verb%% *} -q says something"
done

# What opening found missing is said whatever is done with the image, and --strict ends with 3.
head -c 20000 /dev/urandom | zstd -qc >"$tmp/whole.zst"
head -c 15000 "$tmp/whole.zst" >"$tmp/cut.zst"
for args in "read $tmp/cut.zst --phys 0 5" "hexdump $tmp/cut.zst --phys 0 5" "vtop $tmp/cut.zst --phys 0" \
    "dump $tmp/cut.zst --phys 0 5 -o $tmp/short.d" "convert $tmp/cut.zst --to raw -o $tmp/short.raw" \
    "convert $tmp/cut.zst --to lime -o $tmp/short.lime" "pack $tmp/cut.zst -o $tmp/short.zst"; do
    # shellcheck disable=SC2086 # words on purpose
    "$engram" -q --force $args >/dev/null 2>"$tmp/err"
    status=$?
    # shellcheck disable=SC2086
    "$engram" -q --force --strict $args >/dev/null 2>&1
    [ $status,$? = 0,3 ] && grep -q 'truncated' "$tmp/err" || bad "a cut file: $args: exit status $status: $(cat "$tmp/err")"
done

# A flattened dump whose only record claims 4 EiB, of which one page is there: what is not there is not searched.
{
    printf 'makedumpfile\000\000\000\000\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\001'
    head -c 4064 /dev/zero
    printf '\000\000\000\000\000\000\000\000\100\000\000\000\000\000\000\000'
    head -c 4096 /dev/zero | tr '\000' x
} >"$tmp/huge"
(ulimit -t 30 && "$engram" -q "$tmp/huge" >"$tmp/out" 2>&1)
[ $? -lt 124 ] && grep -q 'of the last record .* are missing' "$tmp/out" || bad "a record of 4 EiB: $(tail -n 3 "$tmp/out")"

# Times only: what has none is refused.
"$engram" -q --body "$image" lsmod 2>"$tmp/err"
[ $? = 1 ] && grep -q 'lsmod: has no column of times' "$tmp/err" || bad "--body: $(cat "$tmp/err")"
"$engram" -q --timesketch "$image" boottime | grep -q '"timestamp_desc":"BOOT_TIME"' || bad "--timesketch"
# Each line says whose time it is, of what; mactime reads the other format.
"$engram" -q --timesketch "$image" timeline 2>/dev/null >"$tmp/sketch"
if grep -qvE '"data_type":"engram:[a-z_0-9]+","message":".*","datetime":"[^"]+Z","timestamp_desc":"[A-Z_]+"}$' "$tmp/sketch" || [ ! -s "$tmp/sketch" ]; then
    bad "--timesketch timeline: a line lacks what Timesketch wants"
fi
if command -v mactime >/dev/null; then
    "$engram" -q --body "$image" boottime >"$tmp/body"
    mactime -b "$tmp/body" -d -z UTC | grep -q '^Sat Mar 14 2026 09:.*boottime BOOT_TIME' || bad "--body: mactime does not read it"
fi

# Colours on a terminal only, and not where nobody wants them.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    # So are bytes of an image: a terminal never gets them unasked.
    script -qec "'$engram' -q read '$image' linux_banner 16" /dev/null </dev/null >"$tmp/out" 2>&1
    [ $? = 1 ] && grep -q 'hexdump .* linux_banner 16`' "$tmp/out" && ! grep -q 'Linux ver' "$tmp/out" ||
        bad "read writes to a terminal: $(cat "$tmp/out")"
    script -qec "'$engram' -q read '$image' linux_banner 16 --force" /dev/null </dev/null 2>&1 | grep -q 'Linux version' ||
        bad "read --force does not write to a terminal"
    on_terminal() { TERM=xterm script -qec "$* '$engram' -q '$image' pslist --pid 1" /dev/null </dev/null | grep -c "$(printf '\033')\\["; }
    [ "$(on_terminal env -u NO_COLOR)" != 0 ] || bad "no colours on a terminal"
    [ "$(on_terminal env NO_COLOR=1)" = 0 ] || bad "colours in spite of NO_COLOR"
    [ "$(on_terminal env -u NO_COLOR TERM=dumb)" = 0 ] || bad "colours on a dumb terminal"
fi
"$engram" -q "$image" pslist --pid 1 | grep -q "$(printf '\033')" && bad "colours in a pipe"

# Help that was asked for is output; a mistake is not.
"$engram" --help 2>"$tmp/err" >"$tmp/out" && [ -s "$tmp/out" ] && [ ! -s "$tmp/err" ] || bad "--help is not on standard output"
"$engram" --hlep 2>"$tmp/err" >"$tmp/out"
[ $? = 1 ] && [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" = 1 ] || bad "a wrong option is not one line on standard error"

# So is an argument that only the plugin itself can refuse; json has a place for the error.
for r in text pretty csv; do
    "$engram" -q -r $r "$image" regex --pattern '(' 2>"$tmp/err" >"$tmp/out"
    [ $? = 1 ] && [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" = 1 ] || bad "-r $r: a refused argument is not one line on standard error"
done
"$engram" -q -r jsonl "$image" regex --pattern '(' 2>"$tmp/err" >"$tmp/out"
[ $? = 1 ] && grep -q '"error":.*parenthesis' "$tmp/out" || bad "-r jsonl: a refused argument is not in the result"

# A process has more mappings than we may have open files.
sh -c 'ulimit -n 10; exec "$@"' sh "$engram" -q -j 1 dump "$image" --pid 1 -o "$tmp/maps" >"$tmp/out" 2>&1 || bad "dump: $(tail -n 1 "$tmp/out")"
[ "$(ls "$tmp/maps" | wc -l)" = "$(($(wc -l <"$tmp/out") - 1))" ] || bad "dump: not all mappings"

# A FIFO is read to its end, and never replaced.
mkfifo "$tmp/fifo"
: >"$tmp/fifo" &
timeout 10 "$engram" -q "$tmp/fifo" 2>"$tmp/err"
[ $? = 2 ] && grep -q 'is empty' "$tmp/err" || bad "fifo: $(cat "$tmp/err")"
"$engram" -q pack "$image" --force -o "$tmp/fifo" 2>"$tmp/err"
[ $? = 1 ] && [ -p "$tmp/fifo" ] || bad "pack: a fifo is replaced: $(cat "$tmp/err")"
exit $failed
