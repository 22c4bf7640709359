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
# The library of Linux, and a function of one's own that scripts see.
mkdir library
cat >library/library.c <<'C'
#include "engram.h"
#include "plugins/linux/fs/path.h"
#include "plugins/linux/mm/args.h"
#include "plugins/linux/sched/task.h"

#define COLUMNS(C) LINUX_COLUMN_PID(C) LINUX_COLUMN_PPID(C) C(EXE, TEXT, "the program")
EG_COLUMNS(COLUMNS);

static bool is_first(struct eg_run *r, struct eg_obj task)
{
    (void)r;
    return eg_get_or(0, task, task_struct.tgid) == 1;
}
EG_FUNCTION(is_first) = { .os = "linux", .help = "whether it is process 1", .args = "task", .is = is_first };

static int run(struct eg_run *r)
{
    struct eg_obj t;

    linux_each_process(r, t)
        if (is_first(r, t))
            eg_row(r, .PID = linux_pid(t), .PPID = linux_ppid(t), .EXE = linux_exe(r, t));
    return 0;
}
EG_PLUGIN(library) = { .os = "linux", .help = "Use the library", .columns = columns, .uses = EG_NAMES("tasks", "exe"), .run = run };
C
cc -shared -fPIC -O2 $(pkg-config --cflags engram) -o library/library.so library/library.c
engram --plugin-dir library "$image" library | grep -q '^ *1  *0  */bin/busybox'
engram --plugin-dir library help lua | grep -q 'linux.is_first'
# Another build's plugin is refused, with a reason.
mkdir ../other
cp "$(dirname "$(find "$tmp/root" -name abi.h)")"/*.h ../other
sed -i 's/EG_ABI "/&x/' ../other/abi.h
cc -shared -fPIC -I../other -o ../other/adopted.so adopted.c
engram --plugin-dir ../other plugins >refused 2>&1 && exit 1
cat refused
grep -q 'adopted.so' refused
