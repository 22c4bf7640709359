#!/bin/sh
# Is every source as .clang-format (version 14) lays it out? Usage: format.sh ROOT CLANG-FORMAT
cd "$1" || exit 1
case $("$2" --version) in
*"version 14."*) ;;
*) echo "clang-format 14 decides, this is $("$2" --version)"; exit 77 ;;
esac
# One process for many files: it takes longer to start than to read one.
find core formats profiles plugins lua cli tests samples -name '*.[ch]' | sort | xargs "$2" --dry-run --Werror
