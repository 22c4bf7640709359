# Keys of file systems and keyrings: fscrypt, eCryptfs, SMB, and keys of every type that the kernel keeps.
# modules: ext4 loop xts cts cbc ecb hmac sha512_generic sha256_generic aes_generic aesni_intel aes_ce_blk algif_hash algif_skcipher
# modules: adiantum nhpoly1305 chacha_generic ecryptfs md5 cifs nls_utf8 cmac ccm gcm ctr ghash_generic md4 arc4 des_generic
# modules: encrypted_keys trusted pcbc fcrypt rxrpc libceph pkcs8_key_parser ksmbd
# programs: e2fsprogs mke2fs
# optional: ksmbd-tools ksmbd.tools
files=/run/lab/files
mkdir -p $files/crypt $files/lower $files/upper $files/share $files/smb

# ---- keyrings ----

plain() { # TYPE DESCRIPTION TEXT
    keyctl add "$1" "$2" "$3" @u > /dev/null && secret "keyring key" "$(printf %s "$3" | hex)" "\"name\":\"$2\",\"purpose\":\"$1\""
}
keyctl link @u @s 2> /dev/null
plain user lab:user "a password that is invented"
plain logon lab:logon "$(invented 16 logon)"
plain user lab:master "$(invented 16 master)"
# What the kernel encrypts with lab:master: AES-256-CBC, its key by SHA-256. A zero stands behind the vector.
if number=$(keyctl add encrypted lab:encrypted "new user:lab:master 32" @u); then
    # shellcheck disable=SC2046 # words
    set -- $(keyctl print "$number")
    derived=$({ printf 'ENC_KEY\0%s\0' "$(invented 16 master)"; } | sha256sum | cut -d' ' -f1)
    text=$(printf %s "${4:34:64}" | xxd -r -p | openssl enc -d -aes-256-cbc -nopad -K "$derived" -iv "${4:0:32}" 2>> /run/lab/lab.log | hex)
    echo "$*" > $said/keys/encrypted.txt
    secret "keyring key" "${text:0:64}" '"name":"lab:encrypted","purpose":"encrypted"'
fi
if openssl genrsa 1024 2> /dev/null | openssl pkcs8 -topk8 -nocrypt -outform DER > $said/keys/asymmetric.der 2>> /run/lab/lab.log; then
    keyctl padd asymmetric lab:private @u < $said/keys/asymmetric.der > /dev/null 2>> /run/lab/lab.log &&
        secret "keyring key" "$(openssl pkey -inform DER -in $said/keys/asymmetric.der -traditional -outform DER | hex)" '"name":"lab:private","purpose":"asymmetric"'
fi
# Longer than a page: encrypted in a file.
seq 1 1500 | keyctl padd big_key lab:big @u > /dev/null 2>> /run/lab/lab.log && secret "keyring key" "$(seq 1 1500 | hex)" '"name":"lab:big","purpose":"big_key"'
binary() { sed 's/../\\x&/g' | { read -r line; printf %b "$line"; }; } # < hex
# Type 1, AES; when it was made; its length.
bytes=$(invented 16 ceph)
modprobe libceph 2>> /run/lab/lab.log
echo "010000000000000000001000$bytes" | binary | keyctl padd ceph lab:ceph @u > /dev/null 2>> /run/lab/lab.log &&
    secret "keyring key" "$bytes" '"name":"lab:ceph","purpose":"ceph"'
# Version 1, rxkad, length of the ticket, expiry, kvno, session key, ticket.
bytes=$(invented 8 rxrpc)
modprobe rxrpc 2>> /run/lab/lab.log
echo "0100000002000800ffffff7f01000000${bytes}0011223344556677" | binary | keyctl padd rxrpc afs@lab.example @u > /dev/null 2>> /run/lab/lab.log &&
    secret "keyring key" "$bytes" '"name":"afs@lab.example","purpose":"rxrpc"'

# ---- fscrypt ----

truncate -s 32M $files/crypt.img
/usr/bin/mke2fs -q -t ext4 -O encrypt -b 4096 $files/crypt.img 2>> /run/lab/lab.log
mount -o loop $files/crypt.img $files/crypt
held=
folder() { # NAME KEY DESCRIPTOR|- CONTENTS NAMES VERSION
    local id file
    mkdir $files/crypt/"$1"
    id=$(fskeys protect $files/crypt/"$1" "$2" "$3" "$4" "$5" 2>> /run/lab/lab.log) || return 0
    echo "{\"folder\":\"$1\",\"master\":\"$2\",\"id\":\"$id\",\"contents\":$4,\"names\":$5}" >> $said/keys/fscrypt.jsonl
    for file in one two; do
        seq 1 3000 > $files/crypt/"$1"/$file
        held="$held $files/crypt/$1/$file"
        [ "$4" = 1 ] && secret fscrypt "$(fskeys filekey $files/crypt/"$1"/$file "$2" "$6" 64)" "\"name\":\"$files/crypt/$1/$file\""
    done
    [ "$4" = 1 ] && secret fscrypt "$(fskeys filekey $files/crypt/"$1" "$2" "$6" 32)" "\"name\":\"$files/crypt/$1\""
    [ "$4" = 9 ] && [ -e $files/crypt/"$1"/one ] && secret fscrypt "$(fskeys modekey "$2" 9)"
    [ "$6" = 1 ] && secret fscrypt "$2" "\"name\":\"$id\",\"purpose\":\"master key\""
    mkdir $files/crypt/"$1"/below
    held="$held $files/crypt/$1"
}
folder first "$(invented 64 fscrypt-first)" 0123456789abcdef 1 4 1
folder second "$(invented 64 fscrypt-second)" - 1 4 2
folder third "$(invented 32 fscrypt-third)" - 9 9 2
# The master key of the second, which waits in a keyring to be added again: type 2, for policies of version 2.
bytes=$(invented 64 fscrypt-second)
echo "0200000000000000$bytes" | binary | keyctl padd fscrypt-provisioning lab:provisioned @u > /dev/null 2>> /run/lab/lab.log &&
    secret fscrypt "$bytes" '"purpose":"master key"'
# shellcheck disable=SC2086 # words
[ "$held" ] && fskeys hold $held 2>> /run/lab/lab.log < /dev/null &

# ---- eCryptfs: the signature is the beginning of the digest of the key ----

bytes=$(invented 64 ecryptfs)
signature=$(echo "$bytes" | binary | sha512sum | cut -c1-16)
fskeys token "$bytes" "$signature" 2>> /run/lab/lab.log && secret eCryptfs "$bytes" "\"name\":\"$signature\""
if fskeys mount $files/lower $files/upper ecryptfs "ecryptfs_sig=$signature,ecryptfs_cipher=aes,ecryptfs_key_bytes=32" 2>> /run/lab/lab.log; then
    seq 1 2000 > $files/upper/file
    fskeys hold $files/upper/file < /dev/null 2>> /run/lab/lab.log &
fi

# ---- SMB: the kernel's own server ----

if [ -e /usr/bin/ksmbd.tools ]; then
    mkdir -p /etc/ksmbd /run/lock /var/run
    for each in mountd adduser; do ln -sf ksmbd.tools /usr/bin/ksmbd.$each; done
    printf '[global]\n  workgroup = LAB\n[share]\n  path = %s\n  read only = no\n  guest ok = yes\n' $files/share > /etc/ksmbd/ksmbd.conf
    : > /etc/ksmbd/ksmbdpwd.db
    { ksmbd.adduser -a -p 'invented secret' smith || ksmbd.adduser -a smith -p 'invented secret'; } >> /run/lab/lab.log 2>&1
    seq 1 1000 > $files/share/file
    modprobe ksmbd 2>> /run/lab/lab.log
    ksmbd.mountd -n -v >> /run/lab/lab.log 2>&1 < /dev/null &
    sleep 3
    for how in vers=3.1.1,sign vers=3.02 vers=2.1; do
        timeout -s KILL 20 fskeys mount //127.0.0.1/share $files/smb cifs "ip=127.0.0.1,unc=\\\\127.0.0.1\\share,user=smith,pass=invented secret,domain=LAB,$how" 2>> /run/lab/lab.log && break
    done
    if [ -e $files/smb/file ]; then
        secret cifs "$(printf 'invented secret' | hex)" '"purpose":"password"'
        { echo "$how"; cat /proc/fs/cifs/DebugData; } > $said/keys/cifs.txt
        fskeys hold $files/smb/file < /dev/null 2>> /run/lab/lab.log &
    else
        dmesg | tail -40 > $said/keys/cifs-failed.txt
    fi
fi
