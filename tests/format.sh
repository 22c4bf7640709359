#!/bin/sh
# Is every source as .clang-format (version 14) lays it out? Usage: format.sh ROOT CLANG-FORMAT
cd "$1" || exit 1
case $("$2" --version) in
*"version 14."*) ;;
*) echo "clang-format 14 decides, this is $("$2" --version)"; exit 77 ;;
esac
# One process for many files: it takes longer to start than to read one.
find core formats profiles plugins live lua cli tests samples -name '*.[ch]' | sort | xargs "$2" --dry-run --Werror
status=$?

# No file is over 600 lines, and no comment over 100 columns, which clang-format leaves as they are. Two tables are wider: the map
# of the tree, and macros that count.
LC_ALL=C.UTF-8
export LC_ALL
sources() { find core formats profiles plugins live lua cli tests -name '*.[ch]'; }
{
    sources | xargs wc -l | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 " lines" }'
    sources | grep -vxE 'cli/main\.c|core/macros\.h' | xargs grep -nE '^.{101,}$' | grep -v '\\$'
    printf '%101s\n' x | grep -qE '^.{101,}$' || echo "100 columns are not counted"
} >/tmp/wide.$$
cat /tmp/wide.$$
[ ! -s /tmp/wide.$$ ] || status=1
rm -f /tmp/wide.$$
exit $status
