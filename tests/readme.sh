#!/bin/sh
# Is the README's session what the command prints? Each "$ command" of a console block is run; the lines under it must
# be its output, where "..." stands for any lines, and at the end of a line for any text.  Usage: readme.sh ROOT ENGRAM
engram=$(realpath "$2") || exit 1
cd "$1" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
ln -s "$engram" "$tmp/engram"
PATH=$tmp:$PATH
export PATH
mkdir "$tmp/in" && ln -s "$PWD/samples" "$tmp/in/samples" # commands that write leave nothing in the tree
awk -v dir="$tmp" '
    /^```/ { on = $0 == "```console"; next }
    on && /^\$ / { n++; print substr($0, 3) > (dir "/" n ".sh"); next }
    on { print > (dir "/" n ".want") }' README.md
n=0 failed=0
while [ -f "$tmp/$((n + 1)).sh" ]; do
    n=$((n + 1))
    (cd "$tmp/in" && sh "$tmp/$n.sh") >"$tmp/$n.out" 2>&1 || { echo "fails: $(cat "$tmp/$n.sh")"; failed=1; }
    awk -v want="$tmp/$n.want" '
        BEGIN { while ((getline line < want) > 0) w[++k] = line; i = 1 }
        function same(w, s,    stem) {
            if (w !~ /\.\.\.$/) return w == s
            stem = substr(w, 1, length(w) - 3)
            return substr(s, 1, length(stem)) == stem
        }
        w[i] == "..." { any = 1; i++ }
        i <= k && same(w[i], $0) { i++; any = 0; next }
        !any { print "README.md shows: " w[i] "\nnow it prints:   " $0; bad = 1; exit }
        END { if (!bad && w[i] == "...") i++
              if (!bad && i <= k) { print "README.md shows: " w[i] "\nwhich is not printed"; bad = 1 }
              exit bad }' "$tmp/$n.out" || { echo "  by: $(cat "$tmp/$n.sh")"; failed=1; }
done
echo "$n commands"
# A newcomer types the README's own PATH line, which `./bootstrap run` prints with the folder's name.
line=$(sed -n 's/^\(PATH="[^"]*"\).*/\1/p' README.md)
grep -qF 'say "PATH=\"$PWD/build/cli:\$PATH\""' bootstrap || { echo "./bootstrap run does not print: $line"; failed=1; }
mkdir -p "$tmp/new/build/cli" && ln -s "$engram" "$tmp/new/build/cli/engram"
(cd "$tmp/new" && env -i PATH=/usr/bin:/bin sh -c "$line; engram --version") >/dev/null || { echo "fails: $line"; failed=1; }
[ "$n" -gt 0 ] && exit $failed
