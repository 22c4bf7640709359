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

# Unpacks a package once and prints the folder.  What was downloaded stays.
unpack() { # SUITE ARCH PACKAGE
    local at=$cache/unpacked/$1-$2/$3 deb=$cache/debs/$1-$2/$3
    if [ ! -e "$at" ]; then
        if [ ! -e "$deb" ]; then
            say "downloading $3"
            rm -rf "$deb.new"
            mkdir -p "$deb.new"
            # Of a suite that has ended, the updates may be gone.
            (cd "$deb.new" && { apt "$1" "$2" apt-get download "$3" || apt "$1" "$2" apt-get download "$3/$1"; }) ||
                die "cannot download $3 of $1"
            mv "$deb.new" "$deb"
        fi
        rm -rf "$at.new"
        mkdir -p "$at.new"
        dpkg-deb -x "$deb"/*.deb "$at.new" || die "cannot unpack $deb"
        mv "$at.new" "$at"
    fi
    echo "$at"
}

# The newest kernel package that the pattern of a sample stands for, as a version: 6.1.0-56-cloud-amd64.
kernel_version() { # SUITE ARCH PATTERN
    local file=$cache/versions/$1-$2-${3//\*/_} package=$3
    case $3 in *"-$2" | *"-$2-"*) ;; *) package=$3-$2 ;; esac
    if [ ! -e "$file" ]; then
        mkdir -p "${file%/*}"
        local found
        case $3 in
        *'*'*)
            found=$(apt "$1" "$2" apt-cache pkgnames linux-image- | sed -n "/^${3/\*/.*}-$2\$/s/^linux-image-//p" |
                sort -V | tail -1)
            ;;
        *)
            found=$(apt "$1" "$2" apt-cache depends "$package" | sed -n 's/.*Depends: linux-image-\([0-9].*\)/\1/p' |
                head -1)
            ;;
        esac
        [ -n "$found" ] || die "no package $package in $1"
        echo "$found" > "$file"
    fi
    cat "$file"
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
            find "$from" -name 'vmlinuz*' -type f -exec cp {} "$at.new/vmlinuz" \;
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

# The LiME module for one kernel, built outside the guest from the distribution's headers.
build_lime() { # VERSION
    local at=$cache/lime/$1 headers common kbuild
    if [ ! -e "$at/lime.ko" ]; then
        say "building the LiME module for $1"
        local kinds link to
        headers=$(unpack "$suite" "$arch" "linux-headers-$1")
        kinds=$(apt "$suite" "$arch" apt-cache depends "linux-headers-$1" | sed -n 's/.*Depends: //p')
        common=$(unpack "$suite" "$arch" "$(grep 'linux-headers-.*common' <<< "$kinds" | head -1)")
        kbuild=$(unpack "$suite" "$arch" "$(grep '^linux-kbuild' <<< "$kinds" | head -1)")
        rm -rf "$at"
        mkdir -p "$at/tree" "$at/src"
        cp -a "$headers/usr" "$common/usr" "$kbuild/usr" "$at/tree/"
        # The headers name their own place; the links are relative or absolute by release.
        grep -rlI --include=Makefile "/usr/src/linux-headers" "$at/tree/usr/src" |
            xargs -r sed -i "s,/usr/src/,$at/tree/usr/src/,g"
        find "$at/tree" -type l | while read -r link; do
            to=$(readlink "$link")
            case $to in /usr/*) ln -sfn "$at/tree$to" "$link" ;; esac
        done
        cp "$(unpack "$suite" "$arch" lime-forensics-dkms)"/usr/src/lime-forensics-*/* "$at/src/" 2> /dev/null || :
        make -s -C "$at/tree/usr/src/linux-headers-$1" M="$at/src" modules > "$at/log" 2>&1 ||
            die "LiME does not build: see $at/log"
        cp "$at"/src/lime*.ko "$at/lime.ko"
    fi
    echo "$at/lime.ko"
}
