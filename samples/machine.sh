# machine.sh: boots the guest under QEMU, waits until it is frozen, and has QEMU dump it.  Read by `make`.
# shellcheck shell=bash disable=SC2154

# RAM as "start size" lines.  q35 splits at 2 GB as soon as 2.75 GB are passed, pc at 3 GB as soon as 3.5 GB are.
ram() {
    local bytes=$((memory << 20)) low=2 most=2816
    if has pc; then low=3 most=3584; fi
    if [ "$arch" != amd64 ] || [ "$memory" -lt $most ]; then
        echo "$ram_starts $bytes"
    else
        printf '%s\n' "0 $((low << 30))" "$((4 << 30)) $((bytes - (low << 30)))"
    fi
}

start_qemu() {
    local linux=$kernel/vmlinuz initrd=$work/initrd words more=()
    local disk=(-drive "file=$work/disk,if=virtio,format=raw,snapshot=on")
    if swaps_to_file; then disk=(-drive "file=$work/disk,if=virtio,format=raw,cache=unsafe"); fi # it is kept
    if has pc; then machine=pc; fi
    command -v "$emulator" > /dev/null || die "$emulator is missing"
    if has before; then linux=$first/vmlinuz initrd=$work/initrd.before; fi
    if has nvme; then disk=(-drive "file=$work/disk,if=none,id=d0,format=raw,snapshot=on" -device nvme,drive=d0,serial=lab); fi
    if has gpu; then more+=(-device virtio-gpu-pci,xres=320,yres=200); fi
    if has vmcoreinfo; then more+=(-device vmcoreinfo); fi
    if ! has boots && ! has before; then more+=(-no-reboot); fi
    if dumps_itself || has crash; then
        rm -f "$work/vdb"
        truncate -s $((memory + 64))M "$work/vdb"
        more+=(-drive "file=$work/vdb,if=virtio,format=raw,cache=unsafe")
    fi
    words=$(tr , '\n' <<< "${options#-}" | sed 's/^./lab.&/' | paste -sd' ')
    rm -f "$work/monitor"
    mkfifo "$work/monitor"
    : > "$work/truth.tar"
    : > "$work/console"
    exec 3<> "$work/monitor"
    "$emulator" -machine "$machine" -accel "$accel" -cpu "$model" -smp "$cpus" -m "$memory" \
        -nodefaults -no-user-config -display none -rtc base=2026-03-14T09:26:53,clock=vm \
        -kernel "$linux" -initrd "$initrd" \
        -append "console=$serial panic=-1 quiet loglevel=4 $words_of_arch $words $append" \
        "${disk[@]}" -device virtio-rng-pci \
        -device virtio-serial-pci -chardev "file,id=truth,path=$work/truth.tar" \
        -device virtserialport,chardev=truth,name=lab.truth \
        -netdev user,id=n0,restrict=on -device virtio-net-pci,netdev=n0,mac=52:54:00:1a:b0:01 "${more[@]}" \
        -serial "file:$work/console" -monitor stdio < "$work/monitor" > "$work/monitor.log" 2>&1 3>&- 9>&- &
    qemu=$!
}

# Waits for the word at the end of the truth; shows meanwhile what the guest says.  2: QEMU has ended, or the kernel hangs.
# hangs: how often that was before the guest's first word, as happens under emulation now and then.
wait_frozen() {
    local seen=0 line waited=0 spoke=
    until [ "$(tail -c 7 "$work/truth.tar" | tr -d '\0')" = FROZEN ]; do
        while read -r line; do
            seen=$((seen + 1))
            case $line in
            lab:*)
                say "guest: $line"
                spoke=yes
                ;;
            *Kernel\ panic*) say "guest: $line" ;; # of an emulator that was too slow, before its first word
            esac
        done < <(tail -n "+$((seen + 1))" "$work/console" | tr -d '\r')
        if ! kill -0 "$qemu" 2> /dev/null; then
            if [ -z "$spoke" ]; then hangs=$((hangs + 1)); fi
            return 2
        fi
        sleep 0.25
        waited=$((waited + 1))
        if [ -z "$spoke" ] && [ $waited -gt $((patience * 4 / 12)) ]; then
            say "no word of the guest in $((patience / 12)) seconds"
            echo quit >&3
            wait "$qemu" || :
            hangs=$((hangs + 1))
            return 2
        fi
        [ $waited -lt $((4 * patience)) ] || die "the guest is not ready after $patience seconds; its console: $work/console"
    done
}

# The monitor obeys in order: when QEMU has ended, all is written.
dump() {
    local i=0 start size
    say "frozen; dumping"
    {
        echo stop
        if [ "$arch" = amd64 ]; then echo "info registers -a"; fi
        while read -r start size; do
            echo "pmemsave $start $size \"$work/part.$i\""
            i=$((i + 1))
        done < <(ram)
        if wants elf; then echo "dump-guest-memory \"$out/mem.elf\""; fi
        if wants paging; then echo "dump-guest-memory -p \"$out/mem.paging.elf\""; fi
        if wants kdump; then echo "dump-guest-memory -z \"$out/mem.kdump\""; fi
        if wants qevm; then echo "migrate \"exec:cat>'$out/mem.qevm'\""; fi
        echo quit
    } >&3
    wait "$qemu" || die "QEMU failed: $(grep -av $'\e' "$work/monitor.log")"
    qemu=
    exec 3>&-
    if grep -aq ^Error "$work/monitor.log"; then die "$(grep -a ^Error "$work/monitor.log")"; fi
}

boot_and_dump() {
    local try hangs=0 counted=0
    for try in {1..40}; do
        say "booting (try $try)"
        start_qemu
        if wait_frozen; then
            dump
            return
        fi
        exec 3>&-
        if [ $hangs -gt $counted ] && [ $hangs -lt 4 ]; then
            counted=$hangs
            continue
        fi
        if ! has high || ! grep -q 'lab: kernel code at' "$work/console" || [ -s "$work/truth.tar" ]; then
            tail -n 12 "$work/console" "$work/monitor.log" >&2
            die "QEMU ended early; above are the last lines of the console and of the monitor"
        fi
    done
    die "the kernel never came to lie above 4 GB"
}
