# Encrypted volumes on loops: LUKS1, LUKS2, plain, and keys in several parts. Each has a file system with a file that anyone can work out.
# modules: dm_crypt dm_mod dm_integrity loop essiv xts cbc ecb authenc hmac sha256_generic sha1_generic md5 aes_generic
# modules: aesni_intel serpent_generic serpent_avx2 serpent_avx_x86_64 serpent_sse2_x86_64 twofish_generic twofish_x86_64 twofish_avx_x86_64
# modules: camellia_generic camellia_x86_64 adiantum nhpoly1305 chacha_generic chacha xxhash_generic algif_skcipher ext4 crypto_simd crc32_generic
# programs: cryptsetup-bin cryptsetup integritysetup
# programs: dmsetup dmsetup
# programs: e2fsprogs mke2fs
# programs: mount losetup
export DM_DISABLE_UDEV=1
volumes=/srv/volumes
mkdir -p $volumes /run/cryptsetup $said/volumes
printf 'a passphrase of the lab' > $volumes/passphrase
cheap="--batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file $volumes/passphrase"

# A file of KIB kilobytes, and the loop over it.
backing() { # NAME KIB
    dd if=/dev/zero of=$volumes/$1.img bs=1k count="$2" 2> /dev/null && /usr/bin/losetup -f
}
volume_key() { # NAME: of its header, in hex
    cryptsetup luksDump --batch-mode --dump-master-key --key-file $volumes/passphrase $volumes/$1.img 2>> /run/lab/lab.log |
        sed -n '/MK dump/,$ p' | sed 's/^.*://' | tr -d ' \t\n'
}
# A file system on an open volume, with a file. What it has is told when nothing changes it any more.
fill() { # NAME
    /usr/bin/mke2fs -q -t ext4 -m 0 -O '^has_journal' /dev/mapper/$1 && mkdir -p /mnt/$1 && mount /dev/mapper/$1 /mnt/$1 || return
    awk -v name="$1" 'BEGIN { for (i = 0; i < 2000; i++) print "line " i " of the volume " name }' > /mnt/$1/known.txt
    sync
    umount /mnt/$1
    sync
    echo "$(sha256sum < /dev/mapper/$1 | cut -c 1-64) $1" >> $said/volumes/sha256.txt
    mount -o ro /dev/mapper/$1 /mnt/$1 && cat /mnt/$1/known.txt > /dev/null
}
# The vault calls a volume by the kernel's name and its own.
named() { # NAME: members
    echo "\"name\":\"dm-$(dmsetup info -c --noheadings -o minor $1) $1\""
}
luks() { # NAME TYPE KIB OPTIONS...
    name=$1 type=$2 size=$3
    shift 3
    loop=$(backing "$name" "$size")
    # shellcheck disable=SC2086 # words
    cryptsetup luksFormat $cheap --type $type "$@" $volumes/$name.img 2>> /run/lab/lab.log &&
        /usr/bin/losetup "$loop" $volumes/$name.img &&
        cryptsetup open --batch-mode --key-file $volumes/passphrase "$loop" $name 2>> /run/lab/lab.log || { say "keys: no volume $name"; return; }
    fill $name
    case $name in
    # Of a key that signs too the kernel keeps what encrypts.
    vol-signed) secret dm-crypt "$(volume_key $name | cut -c 1-128)" "$(named $name),\"purpose\":\"cipher key\"" ;;
    *) secret dm-crypt "$(volume_key $name)" "$(named $name),\"purpose\":\"$(echo $type | tr a-z A-Z) volume key\"" ;;
    esac
    tell_of volumes/$name.dump cryptsetup luksDump $volumes/$name.img
}
# A table that cryptsetup has no options for, or none in the release.
table() { # NAME CIPHER HEX [OPTIONS]
    loop=$(backing "$1" 1024)
    /usr/bin/losetup "$loop" $volumes/$1.img
    dmsetup create $1 --uuid CRYPT-PLAIN-$1 --table "0 2048 crypt $2 $3 0 $loop 0$4" 2>> /run/lab/lab.log || { say "keys: no volume $1"; return; }
    dmsetup mknodes $1
    fill $1
    secret dm-crypt "$3" "$(named $1),\"purpose\":\"plain volume key\""
}
small="--luks2-metadata-size 16k --luks2-keyslots-size 256k --offset 1024"

luks vol-one luks1 3072 --cipher aes-cbc-essiv:sha256 --key-size 256
# shellcheck disable=SC2086 # words
{
    luks vol-two luks2 2048 $small --cipher aes-xts-plain64 --key-size 512 --sector-size 4096
    luks vol-short luks2 2048 $small --cipher aes-xts-plain64 --key-size 256
    luks vol-serpent luks2 2048 $small --cipher serpent-xts-plain64 --key-size 512
    luks vol-signed luks2 6144 --luks2-metadata-size 16k --luks2-keyslots-size 512k --offset 2048 --cipher aes-xts-plain64 --key-size 512 --integrity hmac-sha256
    luks vol-fish luks2 2048 $small --cipher twofish-xts-plain64 --key-size 512
    luks vol-wide luks2 2048 $small --cipher xchacha12,aes-adiantum-plain64 --key-size 256 --sector-size 4096
}
luks vol-twofish luks1 3072 --cipher twofish-cbc-plain64 --key-size 256
luks vol-camellia luks1 3072 --cipher camellia-xts-plain64 --key-size 512
table vol-plain aes-xts-plain64 "$(invented 64 vol-plain)"
table vol-cbc aes-cbc-essiv:sha256 "$(invented 32 vol-cbc)"
table vol-benbi serpent-cbc-benbi "$(invented 32 vol-benbi)"
table vol-loopaes aes:64-cbc-lmk "$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do invented 64 loopaes$i; done | tr -d '\n' | cut -c 1-2080)"
table vol-tcw aes-cbc-tcw "$(invented 64 vol-tcw)"
table vol-large aes-xts-plain64 "$(invented 32 vol-large)" " 2 sector_size:4096 iv_large_sectors"
# What signs its sectors itself, and its journal, with keys of its own.
loop=$(backing vol-sums 2048)
/usr/bin/losetup "$loop" $volumes/vol-sums.img
for each in sums journal; do invented 32 $each | xxd -r -p > $volumes/$each.key; done
signs="--integrity hmac-sha256 --integrity-key-file $volumes/sums.key --integrity-key-size 32
--journal-integrity hmac-sha256 --journal-integrity-key-file $volumes/journal.key --journal-integrity-key-size 32"
# shellcheck disable=SC2086 # words
if integritysetup format --batch-mode --no-wipe --tag-size 32 $signs "$loop" && integritysetup open $signs "$loop" vol-sums; then
    secret dm-integrity "$(invented 32 sums)" "$(named vol-sums),\"purpose\":\"integrity key\""
    secret dm-integrity "$(invented 32 journal)" "$(named vol-sums),\"purpose\":\"journal integrity key\""
else
    say "keys: no volume vol-sums"
fi 2>> /run/lab/lab.log
cp $volumes/vol-one.img $volumes/vol-two.img $said/volumes/
tell_of dmsetup.txt dmsetup table --showkeys
tell_of losetup.txt /usr/bin/losetup -a
tell_of volumes/mounted.txt cat /proc/mounts
