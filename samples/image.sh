# image.sh: from what QEMU and the guest wrote to the files of the sample.  Read by `make`.
# shellcheck shell=bash disable=SC2154

little() { # VALUE BYTES
    local i
    for ((i = 0; i < $2; i++)); do
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\x$(printf %x $((($1 >> (8 * i)) & 255)))"
    done
}

# The address in a raw file is the physical address (less the start of RAM); holes stay holes.
assemble() {
    local i=0 start size first
    first=$(ram | head -1 | cut -d' ' -f1)
    while read -r start size; do
        [ "$(stat -c %s "$work/part.$i")" = "$size" ] || die "pmemsave is incomplete: $(grep -a ^Error "$work/monitor.log")"
        if [ $i = 0 ]; then
            cp --sparse=always "$work/part.0" "$out/mem.raw"
        else
            dd if="$work/part.$i" of="$out/mem.raw" bs=1M seek=$(((start - first) >> 20)) conv=notrunc,sparse status=none
        fi
        rm "$work/part.$i"
        i=$((i + 1))
    done < <(ram)
    truncate -s %1M "$out/mem.raw"
}

# LiME: for each range of System RAM a header of 32 bytes (magic, version 1, first, last, 8 zero bytes) and the bytes.
write_lime() {
    local first last
    sed -n 's/^\([0-9a-f]*\)-\([0-9a-f]*\) : System RAM$/\1 \2/p' "$out/truth/proc/iomem" | while read -r first last; do
        first=$((16#$first)) last=$((16#$last))
        little $((0x4c694d45)) 4
        little 1 4
        little $first 8
        little $last 8
        little 0 8
        dd if="$out/mem.raw" bs=1M iflag=skip_bytes,count_bytes skip=$first count=$((last - first + 1)) status=none
    done > "$out/mem.lime"
    [ -s "$out/mem.lime" ] || die "no System RAM in truth/proc/iomem"
}

# What the LiME module wrote inside the guest lies on a disk: its length is found by walking the headers.
take_lime() {
    local at=0 magic first last
    while
        read -r magic first last < <(od -An -v -t u8 -j $at -N 24 "$work/vdb" | tr -s ' \n' ' ')
        [ "$magic" = $((0x14c694d45)) ]
    do
        at=$((at + 32 + last - first + 1))
    done
    [ $at -gt 0 ] || die "the guest wrote no LiME header"
    head -c $at "$work/vdb" > "$out/mem.lime"
}

# What the crash kernel copied lies on the same disk; it told the size.
take_vmcore() {
    local size
    size=$(tr -d '\r' < "$work/console" | sed -n 's/^lab: vmcore //p')
    [ -n "$size" ] || die "the crash kernel saved nothing"
    cp --sparse=always "$work/vdb" "$out/mem.vmcore"
    truncate -s "$size" "$out/mem.vmcore"
}

# The file that the guest swapped to, from its disk; the journal first, for the disk was in use.
take_swapfile() {
    e2fsck -fy "$work/disk" > /dev/null 2>&1 || :
    debugfs -R "dump /srv/swapfile $out/swapfile" "$work/disk" > /dev/null 2>&1
    [ -s "$out/swapfile" ] || die "the guest's disk has no /srv/swapfile"
}

registers() {
    [ "$arch" = amd64 ] || return 0
    sed -n '/^CPU#0/,/^(qemu) pmemsave/p' "$work/monitor.log" | grep -v qemu > "$out/registers.txt"
}

# What this image was made of; the first line tells `make all` that it need not be made again.
manifest() {
    local each
    echo "recipe $(recipe "$name")"
    echo "kernel $version"
    echo "guest $(cat "$here"/guest.sh "$here"/guest/* "$here"/guest/*/* 2> /dev/null | sha256sum | cut -d' ' -f1)"
    echo "qemu $("$emulator" --version | head -1)"
    {
        [ ! -e "$work/packages" ] || cat "$work/packages"
        ls -d "$cache"/debs/*/linux-{image,base,binary,modules}-"$version" 2> /dev/null || :
    } | LC_ALL=C sort -u | while read -r each; do echo "package $(package_line "$each")"; done
    (cd "$out" && for each in mem.* swapfile truth.tar.zst; do [ -e "$each" ] || continue; echo "file $each $(stat -c %s "$each") $(sha256sum < "$each" | cut -d' ' -f1)"; done)
}

pack_truth() {
    local extra=()
    if [ -e "$out/registers.txt" ]; then extra=(registers.txt); fi
    chmod -R a+rX "$out"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1767225600 -C "$out" -cf - notes.md truth "${extra[@]}" |
        zstd -q -19 -T0 -o "$out/truth.tar.zst"
}

notes() {
    local t=$out/truth start size
    echo "# $name"
    echo
    echo "- kernel: $version ($arch), $suite; $memory MB, $cpus CPUs, \`-cpu $model\`"
    echo "- banner: $(cat "$t/proc/version")"
    echo "- command line: $(cat "$t/proc/cmdline")"
    echo "- _text: $(awk '$3 == "_text" || $3 == "_stext" { print $1; exit }' "$t/proc/kallsyms")"
    echo "- kernel code at physical $(sed -n 's/^ *\(.*\) : Kernel code$/\1/p' "$t/proc/iomem")"
    if [ -e "$out/registers.txt" ]; then
        echo "- control registers: $(grep -o 'CR0=.*' "$out/registers.txt" | tr -d '\r' | paste -sd';')"
    fi
    while read -r start size; do printf -- '- RAM: 0x%x+0x%x\n' "$start" "$size"; done < <(ram)
    echo "- System RAM: $(sed -n 's/^\([0-9a-f]*-[0-9a-f]*\) : System RAM$/0x\1/p' "$t/proc/iomem" | sed 's/-/-0x/' | paste -sd' ')"
    echo "- at the freeze: $(wc -w < "$t/pids-at-freeze.txt") processes, $(wc -l < "$t/tids-at-freeze.txt") threads," \
        "clock $(head -1 "$t/clock-at-freeze.txt")"
    echo "- files:"
    (cd "$out" && stat -c '  - %n %s' mem.*)
}
