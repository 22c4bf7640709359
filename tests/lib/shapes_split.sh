#!/bin/sh
# shapes_split.sh FOLDER KIND COMPILER…: lib/shapes_{a,b,c}.c in FOLDER as compilers divide debug data between files.
# KIND: split-4, split-5: DWARF of that version in .dwo files beside FOLDER/shapes.so; dwp-4, dwp-5: in FOLDER/shapes.so.dwp;
# split-ko: of FOLDER/shapes.ko, an object file. Those of split-… say that their .dwo files are in /nowhere.
set -e
out=$1 kind=$2 from=$(cd "$(dirname "$0")" && pwd)
shift 2
rm -rf "$out"
mkdir -p "$out"
cd "$out"
version=5
map=$PWD
case $kind in *-4) version=4 ;; esac
case $kind in split-*) map=/nowhere ;; esac
for unit in a b c; do
	"$@" -fPIC "-gdwarf-$version" -gsplit-dwarf "-fdebug-prefix-map=$PWD=$map" -c "$from/shapes_$unit.c" -o "shapes_$unit.o"
done
case $kind in
split-ko) "$@" -r -nostdlib shapes_?.o -o shapes.ko ;;
*) "$@" -shared shapes_?.o -o shapes.so ;;
esac
rm shapes_?.o
case $kind in
dwp-4) dwp -e shapes.so -o shapes.so.dwp ;;
dwp-5) llvm-dwp -e shapes.so -o shapes.so.dwp ;;
*) exit 0 ;;
esac
rm shapes_?.dwo
