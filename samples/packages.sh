# packages.sh: kernels and programs of a Debian suite, fetched with apt and unpacked below $cache.  Read by `make`.
# shellcheck shell=bash disable=SC2154

# A private apt: the machine's own sources with another suite, an empty list of installed packages, its own caches.

apt() { # SUITE ARCH COMMAND...
    local at=$cache/apt/$1-$2 suite=$1 arch=$2
    shift 2
    if [ ! -e "$at/ready" ]; then
        mkdir -p "$at/lists/partial" "$at/cache/archives/partial"
        : > "$at/status"
        local machine uri release component by=
        machine=$(. /etc/os-release && echo "$VERSION_CODENAME")
        local keys=/usr/share/keyrings/debian-archive-keyring.gpg
        if [ -e $keys ]; then by=" signed-by=$keys"; fi
        # shellcheck disable=SC2016 # apt fills these in
        apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            while read -r uri release component; do
                case $release in
                "$machine") echo "deb [arch=$arch$by] $uri $suite $component" ;;
                "$machine-security")
                    case $suite in
                    *-backports | sid | experimental) ;;
                    *) echo "deb [arch=$arch$by] $uri $suite-security $component" ;;
                    esac
                    ;;
                esac
            done > "$at/sources.list"
        [ -s "$at/sources.list" ] || die "no package source of $machine found: see 'apt-get indextargets'"
    fi
    local options=(-q -q -o "Dir::State=$at" -o "Dir::State::lists=$at/lists" -o "Dir::State::status=$at/status"
        -o "Dir::Cache=$at/cache" -o "Dir::Etc::sourcelist=$at/sources.list" -o Dir::Etc::sourceparts=-
        -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root)
    if [ ! -e "$at/ready" ]; then
        say "reading the package lists of $suite $arch"
        apt-get "${options[@]}" update || die "cannot read the package lists of $suite"
        : > "$at/ready"
    fi
    local program=$1
    shift
    "$program" "${options[@]}" "$@"
}

pinned() { # SUITE ARCH PACKAGE: its version in the file "versions", and its SHA-256
    awk -v s="$1" -v a="$2" -v p="$3" '$1 == s && $2 == a && $3 == p { print $4, $5 }' "$here/versions" 2> /dev/null
}

# The pinned version, else the current one of the suite.
download() { # SUITE ARCH PACKAGE
    local version sum
    read -r version sum < <(pinned "$@") || :
    if [ -n "$version" ]; then
        if apt "$1" "$2" apt-get download "$3=$version" 2> /dev/null; then
            sha256sum --status -c <<< "$sum  $(echo ./*.deb)" || die "$3 $version is not the file that \"versions\" knows"
            return
        fi
        say "$3 $version is gone; the current one takes its place"
    fi
    apt "$1" "$2" apt-get download "$3" && return
    apt "$1" "$2" apt-get update || : # the lists may be older than the files
    # Of a suite that has ended, the updates may be gone.
    apt "$1" "$2" apt-get download "$3" || apt "$1" "$2" apt-get download "$3/$1"
}

# A line for each package that was downloaded, and for each kernel that a pattern stood for.
package_line() { # FOLDER
    local of=${1%/*} # SUITE-ARCH
    of=${of##*/}
    printf '%s %s %s %s %s\n' "${of%-*}" "${of##*-}" "${1##*/}" "$(dpkg-deb -f "$1"/*.deb Version)" \
        "$(sha256sum < "$(echo "$1"/*.deb)" | cut -d' ' -f1)"
}

versions() {
    local each suite arch pattern file
    echo '# By "samples/make --pin": suite, architecture, package, version, SHA-256; or =pattern of a recipe, kernel'
    {
        [ ! -e "$here/versions" ] || sed 1d "$here/versions"
        for each in "$cache"/debs/*/*[!w]; do package_line "$each"; done # not what is half downloaded, .new
        while read -r each suite pattern arch _; do
            file=$cache/versions/$suite-$arch-${pattern//\*/_}
            [ ! -s "$file" ] || echo "$suite $arch =$pattern $(cat "$file")"
        done <<< "$samples"
    } | awk '{ last[$1 " " $2 " " $3] = $0 } END { for (each in last) print last[each] }' | LC_ALL=C sort
}

# A line for each file of an image that is made here; what is known of others stays.
images() {
    local each name
    echo '# By "samples/make --pin": image, kernel, file, bytes, SHA-256; no two runs make the same bytes'
    {
        while read -r name _; do
            each=$lab/img/$name/manifest.txt
            if [ -e "$each" ]; then
                awk -v name="$name" '$1 == "kernel" { k = $2 } $1 == "file" { print name, k, $2, $3, $4 }' "$each"
            elif [ -n "$name" ] && [ -e "$here/images" ]; then
                grep "^$name " "$here/images" || :
            fi
        done <<< "$samples"
    } | LC_ALL=C sort
}

# Unpacks a package once and prints the folder.  What was downloaded stays.
unpack() { # SUITE ARCH PACKAGE
    local at=$cache/unpacked/$1-$2/$3 deb=$cache/debs/$1-$2/$3
    if [ ! -e "$at" ]; then
        if [ ! -e "$deb" ]; then
            say "downloading $3"
            rm -rf "$deb.new"
            mkdir -p "$deb.new"
            (cd "$deb.new" && download "$1" "$2" "$3") || die "cannot download $3 of $1"
            mv "$deb.new" "$deb"
        fi
        rm -rf "$at.new"
        mkdir -p "$at.new"
        dpkg-deb -x "$deb"/*.deb "$at.new" || die "cannot unpack $deb"
        mv "$at.new" "$at"
    fi
    if [ -d "$work" ]; then echo "$deb" >> "$work/packages"; fi
    echo "$at"
}

# The kernel that the pattern of a sample stands for, as a version: 6.1.0-56-cloud-amd64.  The pinned one, else the newest.
kernel_version() { # SUITE ARCH PATTERN
    local file=$cache/versions/$1-$2-${3//\*/_} found
    if [ ! -e "$file" ]; then
        mkdir -p "${file%/*}"
        apt "$1" "$2" true # reads the lists, and says what is wrong with them
        read -r found _ < <(pinned "$1" "$2" "=$3") || :
        if [ -n "$found" ] && ! apt "$1" "$2" apt-cache show "linux-image-$found" > /dev/null 2>&1; then
            say "the kernel $found is gone; the current one takes its place"
            found=
        fi
        if [ -z "$found" ]; then found=$(newest_kernel "$@"); fi
        [ -n "$found" ] || die "no package $3 in $1"
        echo "$found" > "$file"
    fi
    cat "$file"
}

newest_kernel() { # SUITE ARCH PATTERN
    local package=$3
    case $3 in
    *'*'*)
        apt "$1" "$2" apt-cache pkgnames linux-image- | sed -n "/^${3/\*/.*}-$2\$/s/^linux-image-//p" | sort -V | tail -1
        ;;
    *)
        case $3 in *"-$2" | *"-$2-"*) ;; *) package=$3-$2 ;; esac
        apt "$1" "$2" apt-cache depends "$package" | sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p' | head -1
        ;;
    esac
}

# All of one kernel in one folder: vmlinuz, modules/ (not compressed).
kernel() { # SUITE ARCH VERSION
    local at=$cache/kernels/$3 part from
    if [ ! -e "$at" ]; then
        rm -rf "$at.new"
        mkdir -p "$at.new"
        local parts="linux-image-$3"
        for part in base binary modules; do
            if apt "$1" "$2" apt-cache depends "linux-image-$3" | grep "Depends: linux-$part-$3\$" > /dev/null; then
                parts="$parts linux-$part-$3"
            fi
        done
        for part in $parts; do
            from=$(unpack "$1" "$2" "$part")
            find "$from" -name 'vmlinu[xz]*' -type f ! -path '*/share/*' -exec cp {} "$at.new/vmlinuz" \;
            find "$from" -path '*/boot/config-*' -exec cp {} "$at.new/config" \;
            find "$from" -path "*/lib/modules/$3" -exec cp -aT {} "$at.new/modules" \;
        done
        [ -e "$at.new/vmlinuz" ] || die "the packages of $3 hold no vmlinuz"
        if [ ! -d "$at.new/modules" ]; then
            say "no package has the modules of $3: it runs without"
            mkdir "$at.new/modules"
            touch "$at.new/modules/modules.order" "$at.new/modules/modules.builtin" "$at.new/modules/modules.builtin.modinfo"
        fi
        find "$at.new/modules" -name '*.ko.xz' -exec xz -d {} +
        find "$at.new/modules" -name '*.ko.zst' -exec zstd -q -d --rm {} +
        mkdir -p "$at.new/lib/modules"
        mv "$at.new/modules" "$at.new/lib/modules/$3"
        depmod -b "$at.new" "$3"
        mv "$at.new" "$at"
    fi
    echo "$at"
}

# The ELF file inside a vmlinuz: the packed data is found by its first bytes.
extract_vmlinux() { # VMLINUZ OUTPUT
    local try magic unpacker
    while read -r magic unpacker; do
        # shellcheck disable=SC2013 # numbers
        for try in $(LC_ALL=C grep -abo -P "$magic" "$1" | cut -d: -f1); do
            tail -c "+$((try + 1))" "$1" | $unpacker > "$2" 2> /dev/null || :
            if [ "$(head -c 4 "$2" | od -An -c | tr -d ' ')" = '177ELF' ]; then return; fi
        done
    done <<- 'END'
	\xfd7zXZ\x00 xz -dc
	\x28\xb5\x2f\xfd zstd -dc
	\x02\x21\x4c\x18 lz4 -dc
	\x1f\x8b\x08 gzip -dc
	END
    die "cannot unpack $1"
}

# The distribution's headers of one kernel as a tree that modules are built with, outside the guest.
headers() { # VERSION
    local at=$cache/headers/$1 headers common kbuild
    if [ ! -e "$at" ]; then
        local kinds link to
        headers=$(unpack "$suite" "$arch" "linux-headers-$1")
        kinds=$(apt "$suite" "$arch" apt-cache depends "linux-headers-$1" | sed -n 's/.*Depends: //p')
        common=$(unpack "$suite" "$arch" "$(grep 'linux-headers-.*common' <<< "$kinds" | head -1)")
        kbuild=$(unpack "$suite" "$(dpkg --print-architecture)" "$(grep '^linux-kbuild' <<< "$kinds" | head -1)") # it runs here
        rm -rf "$at.new"
        mkdir -p "$at.new"
        cp -a "$headers/usr" "$common/usr" "$kbuild/usr" "$at.new/"
        # The headers name their own place; the links are relative or absolute by release.
        grep -rlI --include=Makefile "/usr/src/linux-headers" "$at.new/usr/src" |
            xargs -r sed -i "s,/usr/src/,$at/usr/src/,g"
        find "$at.new" -type l | while read -r link; do
            to=$(readlink "$link")
            case $to in /usr/*) ln -sfn "$at$to" "$link" ;; esac
        done
        own_libraries "$at.new"
        compiler "$at.new"
        mv "$at.new" "$at"
    fi
    echo "$at"
}

# Tools of another release's kernel package that this machine's libraries do not suit run with that release's.
own_libraries() { # FOLDER
    local package from path='' tool loader arch
    arch=$(dpkg --print-architecture)
    for package in libc6 zlib1g $(apt "$userland" "$arch" apt-cache pkgnames | grep -E '^lib(elf1|ssl3|zstd1)(t64)?$'); do
        from=$(unpack "$userland" "$arch" "$package")
        path=$path$(find "$from" -name '*.so.*' -printf '%h\n' | sort -u | tr '\n' ':')
        if [ "$package" = libc6 ]; then loader=$(find "$from" -type f -name 'ld-linux-*.so.*' | head -1); fi
    done
    find "$1" -path '*kbuild*' -type f -perm -u+x | while read -r tool; do
        ldd "$tool" 2>&1 | grep 'not found' > /dev/null || continue
        mv "$tool" "$tool.elf"
        # shellcheck disable=SC2016 # for the script
        printf '#!/bin/sh\nexec %s --library-path %s --argv0 "$0" "${0%%/*}/%s.elf" "$@"\n' "$loader" "$path" "${tool##*/}" > "$tool"
        chmod 755 "$tool"
    done
}

# The kernel's Makefiles use options of the compiler that built it: an older one goes without those that it does not know.
compiler() { # FOLDER
    sed "s/\bcc\b/${compiler//\//\\/}/" > "$1/cc" <<- 'END'
	#!/bin/bash
	options=() keep=()
	for each in "$@"; do
	    case $each in -f* | -m* | -W[a-z]*) options+=("$each") ;; esac
	done
	unknown=$(LC_ALL=C cc "${options[@]}" -fsyntax-only -x c /dev/null 2>&1 |
	    sed -n "s/.*unrecognized command-line option '\\([^']*\\)'.*/\\1/p")
	for each in "$@"; do
	    grep -qxFe "$each" <<< "$unknown" || keep+=("$each")
	done
	exec cc "${keep[@]}"
	END
    chmod 755 "$1/cc"
}

# Builds modules from a folder of sources and prints the folder that holds them.
modules() { # VERSION NAME SOURCES...
    local at=$cache/modules/$1-$2 tree own=() cross=()
    if [ ! -e "$at/built" ] || [ -n "$(find "${@:3}" -newer "$at/built")" ]; then
        tree=$(headers "$1")
        say "building the module $2 for $1"
        rm -rf "$at"
        mkdir -p "$at"
        cp "${@:3}" "$at/"
        if [ "$arch" != "$(dpkg --print-architecture)" ]; then cross=(ARCH="${arch/riscv64/riscv}" CROSS_COMPILE="$triplet-"); fi
        if ! grep "CONFIG_GCC_VERSION=$("$compiler" -dumpfullversion | awk -F. '{ printf "%d%02d%02d", $1, $2, $3 }')" \
            "$tree/usr/src/linux-headers-$1/.config" > /dev/null; then
            own=(CC="$tree/cc")
        fi
        make -s -C "$tree/usr/src/linux-headers-$1" M="$at" CONFIG_DEBUG_INFO_BTF_MODULES= "${cross[@]}" "${own[@]}" modules > "$at/log" 2>&1 ||
            die "the module $2 does not build: see $at/log"
        : > "$at/built"
    fi
    echo "$at"
}

# The LiME module as Debian packages it.
lime() { # VERSION
    local from
    from=$(unpack "$suite" "$arch" lime-forensics-dkms)
    modules "$1" lime "$from"/usr/src/lime-forensics-*/*.[ch] "$from"/usr/src/lime-forensics-*/Makefile
}
