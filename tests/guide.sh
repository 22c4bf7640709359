#!/bin/sh
# The plugin author's guide, followed to the letter: installs into a scratch folder, takes the first C block and the first
# sh block out of the text, and runs them on the bundled image.  Usage: guide.sh ROOT BUILD
set -eu
root=$1 build=$2
for image in "$root"/samples/*.zst; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
meson install -C "$build" --no-rebuild --destdir "$tmp/root" >/dev/null
block() { awk -v kind="$1" '$0 == "```" && on { exit } on { print } $0 == "```" kind { on = 1 }' "$root/docs/plugin-guide.md"; }
mkdir "$tmp/own"
cd "$tmp/own"
block c >adopted.c
block sh | sed "s,IMAGE,$image," >steps
[ -s adopted.c ] && [ -s steps ]
lib=$(dirname "$(find "$tmp/root" -name engram.pc)")
export PKG_CONFIG_LIBDIR="$lib" PKG_CONFIG_SYSROOT_DIR="$tmp/root"
PATH=$(dirname "$(find "$tmp/root" -name engram -type f -perm -u+x)"):$PATH
LD_LIBRARY_PATH=$(dirname "$lib")
export PATH LD_LIBRARY_PATH
sh -eu steps >out
cat out
grep -q '^ *0xff' out        # a row at least
engram --plugin-dir . help adopted | grep -q '^source: .*adopted.c'
# Another build's plugin is refused, with a reason.
mkdir ../other
cp "$(dirname "$(find "$tmp/root" -name abi.h)")"/*.h ../other
sed -i 's/EG_ABI "/&x/' ../other/abi.h
cc -shared -fPIC -I../other -o ../other/adopted.so adopted.c
engram --plugin-dir ../other plugins >refused 2>&1 && exit 1
cat refused
grep -q 'adopted.so' refused
