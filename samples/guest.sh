# guest.sh: what the guest runs from: the initial RAM file system and the disk.  Read by `make`.
# shellcheck shell=bash disable=SC2154 # work, arch, kernel, version...: set by the caller

first_modules='virtio_pci virtio_mmio virtio_blk ext4 crc32c_generic crc32c_cryptoapi virtio_console'

# One per line, with its parameters; what a kernel does not have is left out.
scene_modules='qemu_fw_cfg
loop max_loop=4
dummy numdummies=2
overlay
bridge
8021q
tun
dm_crypt
xts
aesni_intel
lzo_rle
zram num_devices=2
nbd nbds_max=2
algif_skcipher
tcp_diag
udp_diag
unix_diag
netlink_diag
af_packet_diag
binfmt_misc
nf_tables
nft_ct
tcp_bbr
configfs'

# Not with the option "few".
more_modules='veth
macvlan
xfs
vfat
fuse
squashfs
algif_hash
nft_chain_nat
xt_LOG
ip_tables
wireguard
vsock
sch_fq
btrfs
nfsd'

# Only of the scene "rich".
rich_modules='sctp
dccp
vsock_loopback
mptcp_diag
vsock_diag
nf_conntrack
nf_conntrack_netlink
nft_masq
nft_log
nf_log_syslog
nft_limit
nft_reject_inet
nft_numgen
nft_objref
nft_counter
nf_log_ipv4
nf_log_ipv6
nft_reject
nft_nat
sch_ingress
cls_bpf
act_bpf
ip_gre
raw_diag
xsk_diag
sctp_diag
dccp_ipv4
dccp_ipv6
dccp_diag
tipc_diag
tipc
algif_aead
hmac
cbc
gcm
ctr
authenc
echainiv
seqiv
sha1_generic
sha256_generic
sha512_generic
ghash_generic
aes_generic
drbg
jitterentropy_rng
tls
af_key
can
can_raw
raid1
md_mod
dm_mod
nls_cp437
nls_ascii
nls_iso8859_1
nls_utf8
bonding max_bonds=0
vxlan
geneve
ipvlan
vrf
ifb
ipip
sit
esp4
esp6
ah4
xfrm_user
xfrm_algo
iptable_filter
iptable_nat
iptable_mangle
iptable_raw
ip6table_filter
xt_tcpudp
xt_conntrack
xt_multiport
xt_comment
xt_limit
xt_mark
xt_addrtype
xt_nat
xt_MASQUERADE
xt_REDIRECT
xt_TCPMSS
xt_CT
xt_state
xt_iprange
xt_mac
xt_owner
xt_string
ts_bm
ipt_REJECT
ip6t_REJECT
nf_conntrack_ftp
nf_nat_ftp
nf_conntrack_bridge
nf_flow_table
nf_flow_table_inet
nft_flow_offload
nft_quota
nft_hash
nft_fib
nft_fib_inet
nft_fib_ipv4
nft_fib_ipv6
nft_compat
nft_redir
nft_queue
nfnetlink_queue
nfnetlink_log
nfnetlink_cttimeout
nf_conntrack_timeout
nft_socket
nft_connlimit
nft_dup_netdev
nft_fwd_netdev
nft_reject_bridge
nft_meta_bridge
sch_htb
sch_netem
sch_tbf
sch_prio
sch_sfq
act_mirred
act_gact
act_police
act_skbedit
cls_u32
cls_flower
cls_matchall
cls_basic
em_meta'

# PACKAGE[|PACKAGE] PROGRAM[?]...: what the truth of the scene "rich" is told by, and what sets it; ?: where the suite has it.
rich_programs='iproute2 ip ss tc bridge
nftables nft
iptables xtables-legacy-multi xtables-nft-multi
conntrack conntrack
wireguard-tools wg
dmsetup dmsetup
keyutils keyctl
bpftool bpftool
util-linux lsblk findmnt lsns nsenter unshare ipcs lscpu
util-linux|util-linux-extra fincore lslocks utmpdump?
bsdutils|util-linux|util-linux-extra logger?
mount losetup swapon
coreutils stat df
attr getfattr setfattr
acl setfacl
libcap2-bin setcap
e2fsprogs mke2fs
btrfs-progs mkfs.btrfs btrfs
dosfstools mkfs.fat
mdadm mdadm
lsof lsof
xfsprogs mkfs.xfs
openssh-client|openssh-common ssh-agent ssh-add ssh-keygen
openssl openssl'

# Only of the scene "bpf".
bpf_modules='sch_ingress
cls_bpf
cls_matchall
act_bpf
netkit'
bpf_programs='iproute2 ip tc
bpftool bpftool'

# Only of the scene "swap": compressors and allocators.
swap_modules='lzo
lz4
lz4hc
zstd
deflate
842
zbud
z3fold
zsmalloc'

# Of the scene "keys": what each script of guest/secrets asks for in its first lines,
#     # modules: NAME...          of the kernel
#     # programs: PACKAGE NAME... as a line of rich_programs
#     # optional: PACKAGE NAME... the same, where the suite has the package
asked() { sed -n "s/^# $1: //p" "$here"/guest/secrets/*.sh; }
secret_applets='chroot nohup od sha256sum sha512sum truncate mkfifo timeout xxd'

rich_applets='chroot nohup sha256sum truncate'

applets='[ arp ash awk basename cat chmod chown cp cut date dd df dirname dmesg echo env expr false find free
grep head hostname id ip kill killall ln losetup ls lsmod mkdir mkfifo mknod mkswap modprobe insmod mount mv nc
ping pidof poweroff ps pwd readlink reboot rm rmdir sed seq sh sleep sort stat swapon switch_root sync tail tar
test touch tr true umount uname usleep vi wc'

actors='webd orphan threads headless states burner renamer deleted memexec rights nest keeper regions sockets
files session filter many churn wipe as-alice again crash logins network programs hog rings
attributes packed prefer stacks openfiles exchange families records terminals blocks names planted intruder kinds attached hiders'

# Copies modules and what they depend on; prints those that exist as modules.
take_modules() { # KERNEL VERSION ROOT < names
    local module rest kind file some
    while read -r module rest; do
        modprobe -S "$2" -d "$1" --show-depends "$module" > "$work/depends" 2> /dev/null || continue
        some=
        while read -r kind file _; do
            [ "$kind" = insmod ] || continue
            some=yes
            file=/lib/modules/${file#*/lib/modules/}
            mkdir -p "$3${file%/*}"
            cp "$1$file" "$3$file"
        done < "$work/depends"
        if [ -n "$some" ]; then echo "$module $rest"; fi
    done
    mkdir -p "$3/lib/modules/$2"
    cp "$1/lib/modules/$2"/modules.{order,builtin} "$3/lib/modules/$2/"
    cp "$1/lib/modules/$2/modules.builtin.modinfo" "$3/lib/modules/$2/" 2> /dev/null || :
    depmod -b "$3" "$2" 2> /dev/null
}

busybox() { # ROOT
    local from applet
    from=$(unpack "$userland" "$arch" busybox-static)
    mkdir -p "$1"/{bin,proc,sys,dev,root,etc}
    find "$from" -path '*bin/busybox' -type f -exec cp {} "$1/bin/busybox" \;
    for applet in $applets; do ln -sf busybox "$1/bin/$applet"; done
}

compile() { # ARGUMENTS...
    "$compiler" -std=gnu17 -O1 -Wall "$@" || die "cannot compile $*"
}

# Everything in these trees has one date, so that the same input makes the same disk.
stamp() { find "$1" -exec touch -h -d @1767225600 {} +; }

file_system() { # FOLDER FILE SIZE LABEL NUMBER [mke2fs options]
    local id=1ab00000-0000-4000-8000-00000000000$5
    stamp "$1"
    E2FSPROGS_FAKE_TIME=1767225600 mke2fs -q -t ext4 -m 0 -L "$4" -U "$id" -E "hash_seed=$id,root_owner=0:0" "${@:6}" \
        -d "$1" "$2" "$3" > /dev/null
}

initramfs() { # KERNEL VERSION OUTPUT
    local root=$3.root
    busybox "$root"
    cp "$here/guest/init" "$root/init"
    tr ' ' '\n' <<< "$first_modules" | take_modules "$1" "$2" "$root" > "$root/etc/modules.first"
    stamp "$root"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc) | gzip -n -6 > "$3"
}

# One file of a package, by the first of the names that is a file and not a link.
take() { # PACKAGE NAMES PLACE
    local from pattern found
    from=$(unpack "$userland" "$arch" "$1")
    set -f
    for pattern in $2; do
        found=$(find "$from" -type f -name "$pattern" \( -path '*bin/*' -o -path '*/lib*' \) | head -1)
        if [ -n "$found" ]; then break; fi
    done
    set +f
    [ -n "$found" ] || die "no $2 in $1"
    cp "$found" "$root$3"
}

shell_with_libraries() { # each library under the one name that it is loaded by
    mkdir -p "$root$libraries" "$root/lib64"
    take bash bash /bin/bash
    take libc6 'ld-linux-*.so.* ld-2.*.so' $interpreter
    take libc6 'libc.so.6 libc-2.*.so' $libraries/libc.so.6
    take libc6 'libdl.so.2 libdl-2.*.so' $libraries/libdl.so.2
    take libtinfo6 'libtinfo.so.6 libtinfo.so.6.*' $libraries/libtinfo.so.6
}

# The packages of libraries that hold programs of these packages together, with their own.
library_packages() { # SUITE ARCH PACKAGES...
    local file
    file=$cache/versions/libraries-$1-$2-$(cksum <<< "${*:3}" | cut -d' ' -f1)
    if [ ! -s "$file" ]; then
        apt "$1" "$2" apt-get install -s --no-install-recommends "${@:3}" |
            sed -n 's/^Inst \(\(lib\|zlib\)[^ ]*\) .*/\1/p' > "$file.new"
        mv "$file.new" "$file"
    fi
    cat "$file"
}

# The package names begin like the libraries' names, but for a few; else one after the other is opened.
library() { # SONAME: copies it and what it needs
    local stem=${1%%.so*} package from
    if [ -e "$root$libraries/$1" ]; then return; fi
    case $stem in
    libcrypto) stem=libssl ;;
    libz) stem=zlib1g ;;
    libsystemd-shared*) stem=libsystemd-shared ;;
    libe2p) stem=libext2fs ;;
    libm | libpthread | librt | libresolv | ld-linux*) stem=libc6 ;;
    *) stem=${stem//_/-} ;;
    esac
    for package in $({ grep "^$stem" "$work/libraries"; cat "$work/libraries"; }); do
        from=$(unpack "$userland" "$arch" "$package")
        from=$(find "$from" -name "$1" -path '*/lib*' | head -1)
        if [ -n "$from" ]; then
            cp -L "$from" "$root$libraries/$1"
            needs "$root$libraries/$1"
            return
        fi
    done
    die "no package has $1"
}

needs() { # FILE
    local each
    for each in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do library "$each"; done
}

holder() { # PROGRAM PACKAGE[|PACKAGE]: the first that has it
    local package from
    for package in ${2//|/ }; do
        from=$(unpack "$userland" "$arch" "$package")
        if find "$from" -name "$1" -path '*bin/*' | grep . > /dev/null; then break; fi
    done
    echo "$package"
}

# Debian's Python of this suite: python3.11.
python() { apt "$userland" "$arch" apt-cache depends python3-minimal | sed -n 's/.*Depends: \(python3\.[0-9]*\)-minimal$/\1/p'; }

# zsh and Python, with their modules; and what types into them.
interpreters() {
    local python version from module
    python=$(python)
    take zsh zsh /usr/bin/zsh
    needs "$root/usr/bin/zsh"
    from=$(unpack "$userland" "$arch" zsh)
    cp -a "$from/usr/lib" "$root/usr/"
    take "$python-minimal" "$python" /usr/bin/python3
    needs "$root/usr/bin/python3"
    for from in "lib$python-minimal" "lib$python-stdlib"; do
        from=$(unpack "$userland" "$arch" "$from")
        cp -a "$from/usr/lib" "$root/usr/"
    done
    for module in "$root/usr/lib/$python"/lib-dynload/readline*.so; do needs "$module"; done
    compile -o "$root/usr/bin/userland" "$here/guest/userland.c" -lutil -lpthread
    for version in $(readelf -V "$root/usr/bin/userland" | grep -o 'GLIBC_[0-9.]*' | sort -u); do
        if ! grep -qaF "$version" "$root$libraries/libc.so.6"; then # the guest's libc is older than this machine's
            compile -static -o "$root/usr/bin/userland" "$here/guest/userland.c" -lutil -lpthread
        fi
    done
    for program in heaps changer typist; do ln -s userland "$root/usr/bin/$program"; done
}

# The programs of iptables are two, under many names, with a library for each match and target.
xtables() {
    local from each which
    from=$(unpack "$userland" "$arch" iptables)
    mkdir -p "$root$libraries/xtables"
    find "$from" -path '*/xtables/*.so' ! -name '*connlabel*' -exec cp -P {} "$root$libraries/xtables/" \;
    mkdir -p "$root/usr$libraries"
    ln -sfn "$libraries/xtables" "$root/usr$libraries/xtables"
    for which in legacy nft; do
        for each in iptables ip6tables; do
            for each in $each-$which $each-$which-save $each-$which-restore; do ln -s xtables-$which-multi "$root/usr/bin/$each"; done
        done
    done
}

# systemd's journal, where a package of its own has the library that it needs.
journal() {
    grep -qx libsystemd-shared "$work/libraries" || return 0
    local program
    for program in systemd-journald journalctl systemd-cat; do
        find "$(unpack "$userland" "$arch" systemd)" -name $program -type f -exec cp {} "$root/usr/bin/$program" \;
        needs "$root/usr/bin/$program"
    done
}

# Programs of packages, with their libraries.
bring() { # < lines as of rich_programs
    local package programs program
    while read -r package programs; do
        for program in $programs; do
            if [ "$program" != "${program%\?}" ]; then
                program=${program%\?}
                find "$(unpack "$userland" "$arch" "$(holder "$program" "$package")")" -name "$program" \
                    \( -path '*bin/*' -o -path '*/lib*' \) | grep . > /dev/null || continue
            fi
            take "$(holder "$program" "$package")" "$program" "/usr/bin/$program"
            needs "$root/usr/bin/$program"
        done
    done
}

rich() {
    local program
    # shellcheck disable=SC2046 # words
    library_packages "$userland" "$arch" $(sed 's/[| ].*//' <<< "$rich_programs") zsh systemd "$(python)" > "$work/libraries"
    bring <<< "$rich_programs"
    # Loaded by name, of releases before 2021: without it nobody has a name.
    find "$(unpack "$userland" "$arch" libc6)" -name libnss_files.so.2 -exec cp -L {} "$root$libraries/" \;
    for program in $rich_applets; do ln -sf busybox "$root/bin/$program"; done
    interpreters
    xtables
    journal
    cp "$here"/guest/rich{,-files,-net} "$root/sbin/"
    preload
    compile -nostartfiles -fno-stack-protector -o "$root/usr/bin/hooked" "$here/guest/hooked.c"
}

# Keys of every sort: guest/secrets.
secrets() {
    local each program
    asked programs > "$work/programs"
    asked optional | while read -r each program; do
        if apt "$userland" "$arch" apt-cache show "$each" > "$work/shown" 2>&1; then echo "$each $program"; fi
    done >> "$work/programs"
    # shellcheck disable=SC2046 # words
    library_packages "$userland" "$arch" $(sed 's/[| ].*//' "$work/programs") > "$work/libraries"
    bring < "$work/programs"
    # Loaded by name, of releases before 2021: without it nobody has a name.
    find "$(unpack "$userland" "$arch" libc6)" -name libnss_files.so.2 -exec cp -L {} "$root$libraries/" \;
    for program in $secret_applets; do ln -sf busybox "$root/bin/$program"; done
    mkdir -p "$root/etc/secrets"
    cp "$here/guest/secrets/stage" "$root/sbin/secrets"
    cp "$here"/guest/secrets/*.sh "$root/etc/secrets/"
    for each in "$here"/guest/secrets/*.c; do
        if [ -e "$each" ]; then
            program=${each##*/}
            compile -static -o "$root/usr/bin/${program%.c}" "$each" -lpthread
        fi
    done
    # Not needed: without a Go compiler its programs, and their keys, are not in the image.
    for each in "$here"/guest/secrets/*.go; do
        if [ -e "$each" ] && command -v go > /dev/null; then
            program=${each##*/}
            GOCACHE="$work/go" GOARCH="$arch" CGO_ENABLED=0 go build -o "$root/usr/bin/${program%.go}" "$each"
        fi
    done
}

# What is loaded before other libraries; and where the program `scene` begins, as an offset in its file: it is not relocatable
# and lies at 4 MB.
preload() {
    compile -shared -fPIC -nostdlib -o "$root/usr/lib/lab-preload.so" "$here/guest/preload.c"
    printf 'p:lab_uprobe /usr/bin/scene:0x%x\n' \
        $(($(readelf -h "$root/usr/bin/scene" | sed -n 's/.*Entry point address: *//p') - 0x400000)) > "$root/etc/uprobe"
}

users() {
    cat > "$root/etc/passwd" <<- END
	root:x:0:0:root:/root:/bin/sh
	alice:x:1001:1001:alice of the lab:/home/alice:/bin/bash
	bob:x:1002:1002:bob of the lab:/home/bob:/bin/bash
	web:x:1003:1003:web service of the lab:/srv:/bin/false
	END
    printf '%s\n' root:x:0: tty:x:5: sudo:x:27: alice:x:1001: bob:x:1002: web:x:1003: labgrp:x:1500:alice,bob \
        > "$root/etc/group"
    echo lab > "$root/etc/hostname"
}

# Files of known content for the page cache: byte i of file n is 33 + (i * n + i / 256) % 90.
known_files() {
    local file n=1
    for file in page1.bin:4096 page3.bin:12288 odd.txt:5003; do
        n=$((n + 2))
        awk -v n=$n -v size="${file#*:}" \
            'BEGIN { for (i = 0; i < size; i++) printf "%c", 33 + (i * n + int(i / 256)) % 90 }' \
            > "$root/srv/data/${file%:*}"
    done
    echo lower > "$root/srv/lower/lower.txt"
    mkdir -p "$work/loop/folder"
    echo "a file on the loop device" > "$work/loop/folder/file.txt"
    file_system "$work/loop" "$root/srv/disk.img" 512k lab-loop 2 -O ^has_journal
}

decoys() { # kernels that do not run
    local other
    other=$(kernel_version "$(value decoy)" "$arch" linux-image-cloud)
    mkdir -p "$root/srv/decoy"
    cp "$kernel/vmlinuz" "$root/srv/decoy/vmlinuz-same"
    extract_vmlinux "$kernel/vmlinuz" "$root/srv/decoy/vmlinux-same"
    extract_vmlinux "$(kernel "$(value decoy)" "$arch" "$other")/vmlinuz" "$root/srv/decoy/vmlinux-other"
}

disk() {
    local actor room=24
    root=$work/root
    busybox "$root"
    mkdir -p "$root"/{boot,sbin,usr/bin,usr/lib,var,run,tmp,mnt,home/alice,home/bob,srv/data,srv/lower}
    cp "$here/guest/stage" "$root/sbin/init"
    compile -static -o "$root/usr/bin/tell" "$here/guest/tell.c"
    compile -static -o "$root/usr/bin/scene" \
        "$here"/guest/{scene,processes,rights,memory,objects,network,programs,hunger,attributes,stacks,openfiles,exchange,sockets,records,planted,intruder,bpf,kinds,attached,hiders}.c \
        -lutil -lpthread
    if [ "$arch" = amd64 ]; then
        "${CC:-cc}" -m32 -O1 -Wall -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector \
            -o "$root/usr/bin/compat" "$here/guest/compat.c"
    fi
    for actor in $actors; do ln -s scene "$root/usr/bin/$actor"; done
    ln -s ../bin/modprobe "$root/sbin/modprobe" # where the kernel looks for it
    shell_with_libraries
    users
    known_files
    if ! has few; then scene_modules=$scene_modules$'\n'$more_modules; fi
    if [ "$(value scene)" = rich ]; then
        scene_modules=$scene_modules$'\n'$rich_modules room=300
        rich
    fi
    if [ "$(value scene)" = keys ]; then
        scene_modules=$scene_modules$'\n'$(asked modules | tr ' ' '\n') room=200
        secrets
    fi
    if [ "$(value scene)" = bpf ]; then
        scene_modules=$scene_modules$'\n'$bpf_modules
        # shellcheck disable=SC2046 # words
        library_packages "$userland" "$arch" $(sed 's/ .*//' <<< "$bpf_programs") > "$work/libraries"
        bring <<< "$bpf_programs"
        cp "$here/guest/bpf" "$root/sbin/bpf"
    fi
    if has gpu; then
        scene_modules=$scene_modules$'\n'virtio-gpu
        ln -sf busybox "$root/bin/sha256sum"
        cp "$here/guest/paint" "$root/sbin/paint"
    fi
    if [ "$(value scene)" = swap ]; then
        scene_modules=$swap_modules$'\n'$scene_modules room=80
        ln -sf busybox "$root/bin/sha256sum"
        cp "$here/guest/swap" "$root/sbin/swap"
    fi
    if [ "$(value scene)" = busy ]; then scene_modules=$scene_modules$'\n'kvm; fi
    take_modules "$kernel" "$version" "$root" <<< "$scene_modules" > "$root/etc/modules.scene"
    if has before; then take_modules "$first" "$before" "$root" <<< "$scene_modules" > /dev/null; fi
    if has before || has crash; then cp "$kernel/vmlinuz" "$work/initrd" "$root/boot/"; fi
    if has decoy; then decoys; fi
    if dumps_itself; then cp "$(lime "$version")"/lime*.ko "$root/lib/lime.ko"; fi
    if [ "$(value scene)" = busy ]; then cp "$(modules "$version" livepatch "$here"/guest/livepatch/*)"/*.ko "$root/lib/"; fi
    if [ "$(value scene)" = marks ]; then
        cp "$(modules "$version" marks "$here"/guest/marks/*)"/*.ko "$root/lib/"
        cp "$here/guest/plant" "$root/sbin/plant"
        preload
    fi
    if [ "$(value scene)" = intruder ]; then
        cp "$here/guest/intrude" "$root/sbin/intrude"
        preload
        mkdir -p "$root/etc/sysctl.d"
        printf '%s\n' '# of the lab' 'kernel.kptr_restrict = 1' 'kernel.dmesg_restrict = 1' > "$root/etc/sysctl.d/10-lab.conf"
    fi
    chmod -R u=rwX,go=rX "$root"
    chmod 755 "$root"/bin/* "$root"/usr/bin/* "$root/sbin/init"
    file_system "$root" "$work/disk" "$(($(du -sm "$root" | cut -f1) + room))M" lab-root 1 -b 4096
}
