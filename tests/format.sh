#!/bin/sh
# Is every source as .clang-format (version 14) lays it out? Usage: format.sh ROOT CLANG-FORMAT
cd "$1" || exit 1
case $("$2" --version) in
*"version 14."*) ;;
*) echo "clang-format 14 decides, this is $("$2" --version)"; exit 77 ;;
esac
find core formats profiles plugins lua cli tests samples -name '*.[ch]' | sort | {
    failed=0
    while read -r file; do
        "$2" "$file" | cmp -s - "$file" || { echo "clang-format -i $file"; failed=1; }
    done
    exit $failed
}
