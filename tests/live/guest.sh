# guest.sh: a guest of QEMU for tests.  Read by tests, in bash:
#
#   . "$tests/live/guest.sh"
#   live_start [--arch amd64|arm64] [--memory file|memfd|private|none] [--size MB] [--cpus N] [--machine pc|q35]
#              [--qmp tcp] [--gdb] [--kernel-options 'WORDS'] [--program FILE] [--plugin RING] [QEMU OPTION...]
#   live_ask 'COMMAND'         what a shell of the guest prints for it
#   live_work WORDS...         starts a workload of guest/work.c there and returns
#   live_stop                  also when the test ends, however it does
#
# It sets $live_dir, and in it $live_qmp, $live_gdb and $live_serial (what the guest printed), $live_memory (a file; or ""),
# $live_pid and $live_kernel (vmlinuz). Where a guest cannot be had, the test is skipped: exit 77, and why.
#
# --program: it is in the guest too, with its libraries: `with FILE ARGUMENT...` runs it, FILE without folders.
# --plugin: QEMU has the plugin of contrib/qemu-plugin, built for $live_api ($LIVE_API, or what this QEMU has), and its ring.
# $LIVE_QEMU: another qemu-system-…. $LIVE_MODEL: another processor than max. $LIVE_KERNEL: another kernel. $LIVE_CACHE: a
# folder that keeps kernels.
# The port is read by a shell of the guest: what it prints is in $live_serial. Words of --kernel-options work=NAME,N,…: a
# workload that begins with the guest.
# shellcheck shell=bash disable=SC2034

live_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
live_cache=${LIVE_CACHE:-${TMPDIR:-/tmp}/live-cache}

live_skip() {
    echo "SKIP: $*" >&2
    exit 77
}

# What is of the processor: QEMU, its machine, the compiler, the kernel.
live_processor() { # ARCH
    live_arch=$1
    case $1 in
    amd64) live_qemu=qemu-system-x86_64 live_console=ttyS0 live_cc=${CC:-cc} ;;
    arm64) live_qemu=qemu-system-aarch64 live_console=ttyAMA0 live_cc=aarch64-linux-gnu-gcc ;;
    *) live_fail "no processor $1" ;;
    esac
    live_qemu=${LIVE_QEMU:-$live_qemu}
    live_kernel=${LIVE_KERNEL:-$live_cache/vmlinuz-$1} live_busybox=$live_cache/busybox-$1 live_initramfs=$live_cache/initramfs-$1
}

# Of another processor than this machine's: a kernel and busybox, as samples/make fetches them.
live_fetch_foreign() {
    [ ! -s "$live_kernel" ] || [ ! -s "$live_busybox" ] || return 0
    mkdir -p "$live_cache"
    (
        exec 9> "$live_cache/lock"
        flock 9 # tests run side by side
        cache=$live_cache/$live_arch here=$live_here/../../samples work=/none
        suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
        say() { echo "$*" >&2; }
        die() { live_skip "no $live_arch kernel or busybox for a guest: $*"; }
        # shellcheck source=../../samples/packages.sh
        . "$here/packages.sh"
        mkdir -p "$cache"
        busybox=$(unpack "$suite" "$live_arch" busybox-static) && cp "$busybox/bin/busybox" "$live_busybox" || exit 77
        [ -s "$live_kernel" ] || { from=$(kernel "$suite" "$live_arch" "$(kernel_version "$suite" "$live_arch" linux-image-cloud)") &&
            cp "$from/vmlinuz" "$live_kernel"; } || exit 77
    ) || exit 77
}

# A kernel of Debian: its newest cloud kernel of this release, by apt as it is set up here.
live_fetch_kernel() {
    local package
    [ ! -s "$live_kernel" ] || return 0
    command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null ||
        live_skip "no kernel for a guest: this machine has no apt; LIVE_KERNEL=FILE names one"
    mkdir -p "$live_cache"
    (
        flock 9 # tests run side by side
        [ ! -s "$live_kernel" ] || exit 0
        cd "$live_cache" || exit 1
        package=$(apt-cache depends linux-image-cloud-amd64 2> /dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
        rm -rf debs && mkdir debs && cd debs || exit 1
        # 6.16 and later: the kernel itself is in a package of another name.
        apt-get -q -q -o APT::Sandbox::User=root download "${package:?}" > ../apt.log 2>&1 &&
            dpkg-deb -x ./*.deb . && mv boot/vmlinuz-* "$live_kernel" 2> /dev/null ||
            { apt-get -q -q -o APT::Sandbox::User=root download "${package/image/binary}" >> ../apt.log 2>&1 &&
                dpkg-deb -x ./*binary*.deb . && mv boot/vmlinuz-* "$live_kernel"; } 2> /dev/null
        cd .. && rm -rf debs
    ) 9> "$live_cache/lock"
    [ -s "$live_kernel" ] || live_skip "no kernel for a guest: apt-get cannot download linux-image-cloud-amd64"
}

# The guest's files: busybox, the workloads, a program with its libraries, and init.
live_make_initramfs() {
    local root=$live_cache/root.$$ out=$live_initramfs busybox=$live_busybox library
    if [ "$out" -nt "$live_here/guest/init" ] && [ "$out" -nt "$live_here/guest/work.c" ] &&
        [ "$out" -nt "$live_here/guest/call.c" ] && [ "$out" -nt "$busybox" ]; then
        return
    fi
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,etc}
    cp "$busybox" "$root/bin/busybox"
    cp "$live_here/guest/init" "$root/init"
    echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
    chmod 755 "$root/init"
    "$live_cc" -O1 -static -D_GNU_SOURCE -o "$root/bin/work" "$live_here/guest/work.c" -lpthread 2> "$live_cache/cc.log" ||
        live_skip "no static program for a guest: see $live_cache/cc.log"
    "$live_cc" -O1 -o "$root/bin/call" "$live_here/guest/call.c" || live_skip "no program for a guest" # with what it needs
    if [ "$live_arch" = amd64 ]; then
        ldd "$root/bin/call" | grep -o '/[^ ]*' | (cd / && cpio --quiet -L -p -d "$root")
    else
        mkdir "$root/lib"
        for library in libc.so.6 ld-linux-aarch64.so.1; do cp -L "$("$live_cc" -print-file-name=$library)" "$root/lib/"; done
    fi
    (cd "$root" && find . | cpio --quiet -o -H newc) > "$out.$$" && mv "$out.$$" "$out"
    rm -rf "$root"
}

live_add_program() { # FILE
    local root=$live_dir/root own=$live_dir/root/with.d library
    mkdir -p "$own" "$root/bin"
    cp -L "$1" "$own/"
    for library in $(ldd "$1" | grep -o '/[^ ]*'); do cp -L "$library" "$own/"; done
    printf '#!/bin/sh\nname=$1\nshift\nLD_LIBRARY_PATH=/with.d exec "/with.d/$name" "$@"\n' > "$root/bin/with"
    chmod 755 "$root/bin/with"
    (cd "$root" && find . | cpio --quiet -o -H newc) | cat "$live_initramfs" - > "$live_dir/initramfs"
    rm -rf "$root"
    live_initramfs=$live_dir/initramfs
}

live_make_plugin() {
    live_api=${LIVE_API:-$("$live_qemu" --version | sed -n 's/.* version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' |
        awk '{ print $1 < 9 ? 1 : $1 == 9 && $2 == 0 ? 2 : $1 == 9 && $2 == 1 ? 3 : $1 < 10 || $2 == 0 && $1 == 10 ? 4 : $1 == 10 && $2 == 1 ? 5 : 6 }')}
    cp -r "$live_here/../../contrib" "$live_dir/"
    mkdir "$live_dir/live"
    cp "$live_here/../../live/ring.h" "$live_dir/live/"
    make -s -C "$live_dir/contrib/qemu-plugin" APIS="$live_api"
}

live_start() {
    local arch=amd64 memory=file size=256 cpus=1 machine='' qmp='' gdb='' words='' program='' ring='' options=() place i
    while [ $# -gt 0 ]; do
        case $1 in
        --arch) arch=$2 && shift ;;
        --memory) memory=$2 && shift ;;
        --size) size=$2 && shift ;;
        --cpus) cpus=$2 && shift ;;
        --machine) machine=$2 && shift ;;
        --qmp) qmp=$2 && shift ;;
        --gdb) gdb=1 ;;
        --kernel-options) words=$2 && shift ;;
        --program) program=$2 && shift ;;
        --plugin) ring=$2 && shift ;;
        *) break ;;
        esac
        shift
    done
    live_processor "$arch"
    command -v "$live_qemu" > /dev/null || live_skip "there is no $live_qemu"
    command -v "$live_cc" > /dev/null || live_skip "there is no $live_cc"
    command -v cpio > /dev/null || live_skip "there is no cpio"
    if [ "$arch" = amd64 ]; then
        live_busybox=$(command -v busybox) || live_skip "there is no busybox"
        live_fetch_kernel
    else
        live_fetch_foreign
    fi
    live_make_initramfs
    live_dir=$(mktemp -d "${TMPDIR:-/tmp}/live.XXXXXX")
    trap live_stop EXIT
    trap 'exit 130' INT TERM
    [ -z "$program" ] || live_add_program "$program"
    [ -z "$ring" ] || live_make_plugin
    live_qmp=$live_dir/qmp live_gdb=$live_dir/gdb live_serial=$live_dir/serial live_memory=''
    mkfifo "$live_dir/port.in"
    : > "$live_serial"
    exec 8<> "$live_dir/port.in"
    if [ "$arch" = amd64 ]; then
        machine=${machine:-pc} words="no_timer_check tsc=unstable $words"
        mkfifo "$live_dir/port.out"
        options+=(-serial "file:$live_serial")
    else # this machine has one port, for both ways
        machine=${machine:-virt}
        ln -s serial "$live_dir/port.out"
    fi
    options+=(-chardev "pipe,id=port,path=$live_dir/port")

    case $memory in
    file | private)
        place=$live_dir/ram # memory is kept in memory where there is room for it
        [ "$(df --output=avail -k /dev/shm 2> /dev/null | tail -1)" -lt $((size * 1024 + 65536)) ] || place=/dev/shm/${live_dir##*/}
        [ $memory = private ] || live_memory=$place
        live_place=$place
        options+=(-object "memory-backend-file,id=ram0,size=${size}M,mem-path=$place,share=$([ $memory = file ] && echo on || echo off)")
        machine=$machine,memory-backend=ram0
        ;;
    memfd)
        options+=(-object "memory-backend-memfd,id=ram0,size=${size}M,share=on")
        machine=$machine,memory-backend=ram0
        ;;
    esac
    options+=(-qmp "unix:$live_dir/own,server=on,wait=off")
    if [ "$qmp" = tcp ]; then
        options+=(-chardev "socket,id=qmp,host=127.0.0.1,port=0,server=on,wait=off" -mon chardev=qmp,mode=control)
    else
        options+=(-qmp "unix:$live_qmp,server=on,wait=off")
    fi
    [ -z "$ring" ] || options+=(-plugin "$live_dir/contrib/qemu-plugin/engram-qemu-v$live_api.so,ring=$ring")
    [ -z "$gdb" ] || options+=(-gdb "unix:$live_gdb,server=on,wait=off")
    "$live_qemu" -M "$machine" -accel "${LIVE_ACCEL:-tcg}" -cpu "${LIVE_MODEL:-max}" -m "$size" -smp "$cpus" -nodefaults -no-user-config \
        -display none -kernel "$live_kernel" -initrd "$live_initramfs" -append "console=$live_console quiet panic=-1 $words" \
        "${options[@]}" -serial chardev:port "$@" < /dev/null > "$live_dir/qemu.log" 2>&1 &
    live_pid=$!
    for ((i = 0; i < 1200; i++)); do
        ! grep -q '^live: ready' "$live_serial" || break
        kill -0 "$live_pid" 2> /dev/null || { cat "$live_dir/qemu.log" >&2; live_fail "QEMU ended: see above"; }
        sleep 0.1
    done
    [ "$i" -lt 1200 ] || { tail -n 5 "$live_serial" >&2; live_fail "the guest is not ready after two minutes"; }
    if [ "$qmp" = tcp ]; then # QEMU took a port that was free
        live_qmp=$(live_monitor '{"execute":"query-chardev"}' | grep -oE 'tcp:127\.0\.0\.1:[0-9]+' | head -1 | cut -c 5-)
    fi
}

live_fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# Wait for a line of the guest that matches; at most a minute.
live_wait() { # REGEX
    local i
    for ((i = 0; i < 1200; i++)); do
        ! grep -qE "$1" "$live_serial" || return 0
        kill -0 "$live_pid" 2> /dev/null || return 1
        sleep 0.05
    done
    return 1
}

live_ask() { # COMMAND
    local mark # in a subshell no number would be kept
    mark=$BASHPID.$(date +%N)
    printf 'echo live: begin %s; %s; echo live: end %s\n' "$mark" "$1" "$mark" >&8
    live_wait "^live: end $mark" || live_fail "the guest does not answer: $1"
    tr -d '\r' < "$live_serial" | awk -v mark="$mark" '$0 == "live: end " mark { exit } on { print } $0 == "live: begin " mark { on = 1 }'
}

live_work() { # WORDS
    local i begun word=begins
    [ "$1" != idle ] || word=done # all of them are there
    begun=$(grep -c "^work: $1 $word" "$live_serial" || :)
    printf 'work %s &\n' "$*" >&8
    for ((i = 0; i < 1200; i++)); do
        [ "$(grep -c "^work: $1 $word" "$live_serial")" = "$begun" ] || return 0
        sleep 0.05
    done
    live_fail "the guest does not begin to work: $*"
}

# One command through QMP, in JSON; prints the answer. The socket of the tests' own is used, not $live_qmp.
live_monitor() { # JSON
    python3 - "$live_dir/own" "$1" << 'PYTHON'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
f = s.makefile("rw")
f.readline()
for command in ('{"execute":"qmp_capabilities"}', sys.argv[2]):
    f.write(command + "\n")
    f.flush()
    while True:
        answer = json.loads(f.readline())
        if "return" in answer or "error" in answer:
            break
print(json.dumps(answer))
PYTHON
}

live_stop() {
    if [ -n "${live_pid-}" ]; then
        kill -9 "$live_pid" 2> /dev/null
        wait "$live_pid" 2> /dev/null
    fi
    live_pid=
    exec 8>&-
    [ -z "${live_place-}" ] || rm -f "$live_place"
    [ -z "${live_dir-}" ] || rm -rf "$live_dir"
    live_dir='' live_place=''
}
