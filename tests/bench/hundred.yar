// One hundred rules of every kind of string and condition; what they find means nothing.

rule r001 : t_text
{
    strings:
        $a = "GNU bash"
        $b = "kernel panic"
    condition:
        1 of them
}

rule r002 : t_text
{
    strings:
        $a = "systemd"
        $b = "PATH=/"
    condition:
        all of them
}

rule r003 : t_text
{
    strings:
        $a = "/usr/lib"
        $b = "console=ttyS0"
    condition:
        $a and not $b
}

rule r004 : t_text
{
    strings:
        $a = "kernel panic"
        $b = "GCC: (Debian"
    condition:
        $a or $b
}

rule r005 : t_text
{
    strings:
        $a = "Linux version"
        $b = "SHELL=/bin"
    condition:
        any of them
}

rule r006 : t_text
{
    strings:
        $a = "root:x:0"
        $b = "User-Agent"
    condition:
        any of them
}

rule r007 : t_text
{
    strings:
        $a = "OpenSSL"
        $b = "import os"
    condition:
        #a > 2 or $b
}

rule r008 : t_text
{
    strings:
        $a = "libc.so.6"
        $b = "/usr/lib"
    condition:
        any of them
}

rule r009 : t_text
{
    strings:
        $a = "/etc/passwd"
        $b = "password"
    condition:
        1 of them
}

rule r010 : t_text
{
    strings:
        $a = "password"
        $b = "init_task"
    condition:
        #a > 2 or $b
}

rule r011 : t_text
{
    strings:
        $a = "PATH=/"
        $b = "sha256"
    condition:
        any of them
}

rule r012 : t_text
{
    strings:
        $a = "TERM="
        $b = "HOME=/root"
    condition:
        #a > 2 or $b
}

rule r013 : t_text
{
    strings:
        $a = "ext4"
        $b = "https://"
    condition:
        all of them
}

rule r014 : t_text
{
    strings:
        $a = "btrfs"
        $b = "python3"
    condition:
        any of them
}

rule r015 : t_text
{
    strings:
        $a = "virtio"
        $b = "systemd"
    condition:
        any of them
}

rule r016 : t_text
{
    strings:
        $a = "task_struct"
        $b = "/etc/passwd"
    condition:
        $a and not $b
}

rule r017 : t_text
{
    strings:
        $a = "init_task"
        $b = "task_struct"
    condition:
        $a and not $b
}

rule r018 : t_text
{
    strings:
        $a = "console=ttyS0"
        $b = "aesni"
    condition:
        any of them
}

rule r019 : t_text
{
    strings:
        $a = "tmpfs"
        $b = "shared words"
    condition:
        all of them
}

rule r020 : t_text
{
    strings:
        $a = "cgroup"
        $b = "http://"
    condition:
        any of them
}

rule r021 : t_text
{
    strings:
        $a = "netfilter"
        $b = "#!/usr/bin/perl"
    condition:
        #a > 2 or $b
}

rule r022 : t_text
{
    strings:
        $a = "dm-crypt"
        $b = "GNU bash"
    condition:
        $a and not $b
}

rule r023 : t_text
{
    strings:
        $a = "aesni"
        $b = "libc.so.6"
    condition:
        any of them
}

rule r024 : t_text
{
    strings:
        $a = "sha256"
        $b = "virtio"
    condition:
        #a > 2 or $b
}

rule r025 : t_text
{
    strings:
        $a = "GCC: (Debian"
        $b = "dm-crypt"
    condition:
        any of them
}

rule r026 : t_text
{
    strings:
        $a = "busybox"
        $b = "swapped words"
    condition:
        all of them
}

rule r027 : t_text
{
    strings:
        $a = "LAB-HEAP"
        $b = "DigiCert"
    condition:
        $a or $b
}

rule r028 : t_text
{
    strings:
        $a = "writable code"
        $b = "#!/bin/sh"
    condition:
        $a or $b
}

rule r029 : t_text
{
    strings:
        $a = "swapped words"
        $b = "execve"
    condition:
        #a > 2 or $b
}

rule r030 : t_text
{
    strings:
        $a = "shared words"
        $b = "OpenSSL"
    condition:
        any of them
}

rule r031 : t_nocase
{
    strings:
        $a = "HOME=/root" nocase
    condition:
        $a
}

rule r032 : t_nocase
{
    strings:
        $a = "SHELL=/bin" nocase
    condition:
        $a
}

rule r033 : t_nocase
{
    strings:
        $a = "ssh-rsa" nocase
    condition:
        $a
}

rule r034 : t_nocase
{
    strings:
        $a = "BEGIN RSA" nocase
    condition:
        $a
}

rule r035 : t_nocase
{
    strings:
        $a = "X509" nocase
    condition:
        $a
}

rule r036 : t_nocase
{
    strings:
        $a = "DigiCert" nocase
    condition:
        $a
}

rule r037 : t_nocase
{
    strings:
        $a = "http://" nocase
    condition:
        $a
}

rule r038 : t_nocase
{
    strings:
        $a = "https://" nocase
    condition:
        $a
}

rule r039 : t_nocase
{
    strings:
        $a = "User-Agent" nocase
    condition:
        $a
}

rule r040 : t_nocase
{
    strings:
        $a = "Content-Type" nocase
    condition:
        $a
}

rule r041 : t_wide
{
    strings:
        $a = "SELECT " wide ascii
    condition:
        $a
}

rule r042 : t_wide
{
    strings:
        $a = "INSERT INTO" wide ascii
    condition:
        $a
}

rule r043 : t_wide
{
    strings:
        $a = "#!/bin/sh" wide ascii
    condition:
        $a
}

rule r044 : t_wide
{
    strings:
        $a = "#!/usr/bin/perl" wide ascii
    condition:
        $a
}

rule r045 : t_wide
{
    strings:
        $a = "python3" wide ascii
    condition:
        $a
}

rule r046 : t_wide
{
    strings:
        $a = "import os" wide ascii
    condition:
        $a
}

rule r047 : t_wide
{
    strings:
        $a = "/proc/self" wide ascii
    condition:
        $a
}

rule r048 : t_wide
{
    strings:
        $a = "/dev/null" wide ascii
    condition:
        $a
}

rule r049 : t_wide
{
    strings:
        $a = "ptrace" wide ascii
    condition:
        $a
}

rule r050 : t_wide
{
    strings:
        $a = "execve" wide ascii
    condition:
        $a
}

rule r051 : t_hex
{
    strings:
        $h = { 7f 45 4c 46 02 01 01 }
    condition:
        $h and filesize > 1MB
}

rule r052 : t_hex
{
    strings:
        $h = { 48 8b ?? 24 [2-6] c3 }
    condition:
        $h and filesize > 1MB
}

rule r053 : t_hex
{
    strings:
        $h = { 55 48 89 e5 [4-12] 5d c3 }
    condition:
        #h > 1
}

rule r054 : t_hex
{
    strings:
        $h = { 0f 05 48 3d 01 f0 ff ff }
    condition:
        $h
}

rule r055 : t_hex
{
    strings:
        $h = { ( 4d 5a | 5a 4d ) 90 00 }
    condition:
        $h
}

rule r056 : t_hex
{
    strings:
        $h = { f3 0f 1e fa 55 4? 8b }
    condition:
        $h
}

rule r057 : t_hex
{
    strings:
        $h = { e8 ?? ?? ff ff 48 85 c0 74 }
    condition:
        $h and filesize > 1MB
}

rule r058 : t_hex
{
    strings:
        $h = { 23 21 2f 62 69 6e }
    condition:
        $h
}

rule r059 : t_hex
{
    strings:
        $h = { 1f 8b 08 00 [6] 00 }
    condition:
        #h > 1
}

rule r060 : t_hex
{
    strings:
        $h = { 28 b5 2f fd 0?  }
    condition:
        #h > 1
}

rule r061 : t_hex
{
    strings:
        $h = { 30 82 ?? ?? 30 82 ?? ?? a0 03 02 01 02 }
    condition:
        $h
}

rule r062 : t_hex
{
    strings:
        $h = { fd 37 7a 58 5a 00 }
    condition:
        $h and filesize > 1MB
}

rule r063 : t_hex
{
    strings:
        $h = { d0 0d fe ed }
    condition:
        $h
}

rule r064 : t_hex
{
    strings:
        $h = { 89 50 4e 47 0d 0a }
    condition:
        $h and filesize > 1MB
}

rule r065 : t_hex
{
    strings:
        $h = { ff d8 ff e0 [2] 4a 46 49 46 }
    condition:
        #h > 1
}

rule r066 : t_hex
{
    strings:
        $h = { 4c 6f 63 61 6c [1-8] 41 64 64 72 }
    condition:
        $h and filesize > 1MB
}

rule r067 : t_hex
{
    strings:
        $h = { 63 7c 77 7b f2 6b 6f c5 }
    condition:
        $h and filesize > 1MB
}

rule r068 : t_hex
{
    strings:
        $h = { 67 e6 09 6a 85 ae 67 bb }
    condition:
        $h
}

rule r069 : t_hex
{
    strings:
        $h = { 98 2f 8a 42 91 44 37 71 }
    condition:
        $h
}

rule r070 : t_hex
{
    strings:
        $h = { 2f 6c 69 62 [0-10] 2e 73 6f }
    condition:
        $h and filesize > 1MB
}

rule r071 : t_regex
{
    strings:
        $r = /root:[x*!]:0:0:[^\n]{0,40}/
    condition:
        $r
}

rule r072 : t_regex
{
    strings:
        $r = /[a-z0-9._-]{3,20}@[a-z0-9-]{2,20}\.(com|org|net)/
    condition:
        $r
}

rule r073 : t_regex
{
    strings:
        $r = /([0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{2,5}/
    condition:
        $r
}

rule r074 : t_regex
{
    strings:
        $r = /GCC: \(Debian [0-9.-]+\)/
    condition:
        $r
}

rule r075 : t_regex
{
    strings:
        $r = /\/usr\/(bin|sbin)\/[a-z]{3,10}d\b/
    condition:
        $r
}

rule r076 : t_regex
{
    strings:
        $r = /vmlinuz-[0-9]\.[0-9]+\.[0-9]+/
    condition:
        $r
}

rule r077 : t_regex
{
    strings:
        $r = /[A-Z]{3,8}=\/[a-z\/]{4,30}/
    condition:
        $r
}

rule r078 : t_regex
{
    strings:
        $r = /session [0-9]+ of user [a-z]+/
    condition:
        $r
}

rule r079 : t_regex
{
    strings:
        $r = /LAB-[A-Z]+-MARKER [0-9]{10}/
    condition:
        $r
}

rule r080 : t_regex
{
    strings:
        $r = /sha(1|256|512)-[a-z0-9]{4,8}/i
    condition:
        $r
}

rule r081 : t_regex
{
    strings:
        $r = /BEGIN [A-Z ]{0,12}PRIVATE KEY/
    condition:
        $r
}

rule r082 : t_regex
{
    strings:
        $r = /https?:\/\/[a-z0-9.-]{4,30}\//
    condition:
        $r
}

rule r083 : t_regex
{
    strings:
        $r = /Linux version [0-9]\.[0-9]+/
    condition:
        $r
}

rule r084 : t_regex
{
    strings:
        $r = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/
    condition:
        $r
}

rule r085 : t_regex
{
    strings:
        $r = /libcrypto\.so\.[0-9.]+/
    condition:
        $r
}

rule r086 : t_xor
{
    strings:
        $x = "This program" xor(1-31)
    condition:
        $x
}

rule r087 : t_xor
{
    strings:
        $x = "GNU bash" xor(1-31)
    condition:
        $x
}

rule r088 : t_xor
{
    strings:
        $x = "/bin/sh" xor(1-31)
    condition:
        $x
}

rule r089 : t_xor
{
    strings:
        $x = "password" xor(1-31)
    condition:
        $x
}

rule r090 : t_xor
{
    strings:
        $x = "kernel" xor(1-31)
    condition:
        $x
}

rule r091 : t_base64
{
    strings:
        $b = "GNU bash, version" base64
    condition:
        $b
}

rule r092 : t_base64
{
    strings:
        $b = "Linux version 6" base64
    condition:
        $b
}

rule r093 : t_base64
{
    strings:
        $b = "root:x:0:0:root" base64
    condition:
        $b
}

rule r094 : t_base64
{
    strings:
        $b = "kernel data" base64wide
    condition:
        $b
}

rule r095 : t_base64
{
    strings:
        $b = "memory data" base64wide
    condition:
        $b
}

rule r096 : t_count
{
    strings:
        $a = "root" fullword
        $b = "daemon" fullword
    condition:
        #a > 100 and @b[1] > @a[1]
}

rule r097 : t_loop
{
    strings:
        $a = "ext4"
    condition:
        for any i in (1..#a) : ( uint8(@a[i] + 4) == 0x5f )
}

rule r098 : t_loop
{
    strings:
        $a = "init_task"
        $b = "swapper/0"
    condition:
        for any of them : ( # > 1 )
}

rule r099 : t_in
{
    strings:
        $a = "Linux version"
    condition:
        $a in (0..filesize) and !a[1] == 13
}

rule r100 : t_of
{
    strings:
        $a = "#!/bin/sh" fullword
        $b = "exec" fullword
        $c = "esac" fullword
    condition:
        2 of them
}

