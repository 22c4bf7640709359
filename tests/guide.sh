#!/bin/sh
# The guides of plugins and of modules, followed to the letter: installs into a scratch folder, takes the C blocks and the
# commands out of the text, and runs them on the bundled image.  Usage: guide.sh ROOT BUILD
set -eu
root=$1 build=$2
for image in ${IMAGE:-"$root"/samples/*.zst}; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
meson install -C "$build" --no-rebuild --destdir "$tmp/root" >/dev/null
# block KIND [N [GUIDE]]: the N-th block of a kind.
block() {
    awk -v kind="$1" -v n="${2:-1}" '$0 == "```" { on = 0 } on { print } $0 == "```" kind { on = ++seen == n }' \
        "$root/docs/${3:-plugin-guide.md}"
}
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
# A format and a reader, and every public header by itself.
mkdir ../module
cd ../module
block c 1 module-guide.md >toy.c
block c 2 module-guide.md >toysyms.c
{ block sh 1 module-guide.md; block sh 2 module-guide.md; } | sed "s,IMAGE,$image,; s,SOURCES,$root," >steps
[ -s toy.c ] && [ -s toysyms.c ] && [ "$(wc -l <steps)" -ge 10 ]
sh -eu steps >out
grep -q 'toy dump' out
grep -q '^ *0x[0-9a-f]*  *1 .* init ' out
grep -q ', 1 symbols,' out
cmp image.lime again.lime
installed=$(dirname "$(find "$tmp/root" -name abi.h)")
for header in $(cd "$installed" && ls) $(cd "${installed%/core}" && find plugins -name '*.h'); do
    printf "#include \"%s\"\nextern int not_empty;\n" "$header" | cc -std=c17 -Wall -Wextra -Wpedantic -Wno-unused-function -Werror -x c -fsyntax-only \
        $(pkg-config --cflags engram) - || { echo "$header does not compile by itself"; exit 1; }
done
nm -D --defined-only "$LD_LIBRARY_PATH"/libengram.so >exported
grep -q ' eg_run_open$' exported
if grep ' eg_module$' exported; then exit 1; fi # a module would get this one in place of its own
# A shared object that declares nothing, and one that is no module.
mkdir nothing none
echo '#include "engram.h"' | cc -shared -fPIC $(pkg-config --cflags engram) -x c -o nothing/nothing.so -
echo 'int x;' | cc -shared -fPIC -x c -o none/none.so -
engram -p nothing plugins >out 2>&1 && exit 1
grep -q 'nothing.so: declares nothing' out
engram -p none plugins >out 2>&1 && exit 1
grep -q 'none.so: has no symbol eg_module' out
cd ../own
# Another build's plugin is refused, with a reason.
mkdir ../other
cp "$(dirname "$(find "$tmp/root" -name abi.h)")"/*.h ../other
sed -i 's/EG_ABI "/&x/' ../other/abi.h
cc -shared -fPIC -I../other -o ../other/adopted.so adopted.c
engram --plugin-dir ../other plugins >refused 2>&1 && exit 1
cat refused
grep -q 'adopted.so' refused
