# processors.sh: what differs between the guests' processors.  Read by `make`.  To add one, add a case; its name is Debian's.
# shellcheck shell=bash disable=SC2034 # what seems unused is for the other parts

processor() { # ARCH
    local native
    ram_starts=0 words_of_arch=
    case $1 in
    amd64)
        native=x86_64 triplet=x86_64-linux-gnu
        interpreter=/lib64/ld-linux-x86-64.so.2
        emulator=qemu-system-x86_64 machine=q35 serial=ttyS0
        words_of_arch=no_timer_check # an emulator on a busy machine is late: the kernel would take its timer for broken and panic
        ;;
    arm64)
        native=aarch64 triplet=aarch64-linux-gnu
        interpreter=/lib/ld-linux-aarch64.so.1
        emulator=qemu-system-aarch64 machine='virt,gic-version=3' serial=ttyAMA0
        ram_starts=$((1 << 30))
        ;;
    riscv64)
        native=riscv64 triplet=riscv64-linux-gnu
        interpreter=/lib/ld-linux-riscv64-lp64d.so.1
        emulator=qemu-system-riscv64 machine=virt serial=ttyS0
        ram_starts=$((1 << 31))
        ;;
    *) die "no processor $1: see processors.sh" ;;
    esac
    libraries=/lib/$triplet
    compiler=${CC:-cc}
    if [ "$(uname -m)" != $native ] && [ "$1" != amd64 ]; then compiler=$triplet-gcc; fi
}
