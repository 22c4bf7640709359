# Private keys that programs have only as numbers: each server has read its key when the file is written over and removed.
# Also keys in files, in forms that few programs write.
# programs: openssl openssl
# programs: gnutls-bin gnutls-serv
# programs: putty-tools puttygen
numbers=/run/lab/numbers
mkdir -p $numbers && mount -t tmpfs -o size=1m tmpfs $numbers
port=4500

# A key that must come out, and its certificate.
make() { # NAME ALGORITHM GENPKEY-OPTIONS...
    key=$numbers/$1.pem certificate=$numbers/$1.crt name=$1 algorithm=$2
    shift 2
    openssl genpkey "$@" -out $key 2>> /run/lab/lab.log &&
        openssl req -x509 -new -key $key -subj "/O=lab/CN=$name" -days 30 -out $certificate 2>> /run/lab/lab.log ||
        { say "keys: no key $name"; return 1; }
    secret 'private key' "$(openssl pkcs8 -topk8 -nocrypt -in $key -outform DER | hex)" "\"algorithm\":\"$algorithm\""
    port=$((port + 1))
    # the certificate stays as a file
    openssl x509 -in $certificate -outform DER | sha256sum | cut -c 1-64 >> $said/certificates.txt
    cp $certificate /root/$name.crt
}
openssl_serves() {
    openssl s_server -accept $port -www -cert $certificate -key $key < /dev/null > /dev/null 2>> /run/lab/lab.log &
}
gnutls_serves() {
    gnutls-serv --quiet --port $port --x509certfile $certificate --x509keyfile $key < /dev/null > /dev/null 2>> /run/lab/lab.log &
}
make openssl-rsa RSA-2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 && openssl_serves
make openssl-large RSA-3072 -algorithm RSA -pkeyopt rsa_keygen_bits:3072 && openssl_serves
make openssl-p256 'EC P-256' -algorithm EC -pkeyopt ec_paramgen_curve:P-256 && openssl_serves
make openssl-p384 'EC P-384' -algorithm EC -pkeyopt ec_paramgen_curve:P-384 && openssl_serves
make openssl-p521 'EC P-521' -algorithm EC -pkeyopt ec_paramgen_curve:P-521 && openssl_serves
make openssl-ed25519 Ed25519 -algorithm ED25519 && openssl_serves
make gnutls-rsa RSA-2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 && gnutls_serves
make gnutls-p256 'EC P-256' -algorithm EC -pkeyopt ec_paramgen_curve:P-256 && gnutls_serves
make gnutls-ed25519 Ed25519 -algorithm ED25519 && gnutls_serves
sleep 3
for each in $numbers/*.pem; do
    dd if=/dev/zero of="$each" bs=4k count=1 conv=notrunc 2> /dev/null
    rm "$each"
done

# PuTTY's files, of both versions. What they hold is told as PKCS#8, as of the others.
putty() { # NAME ALGORITHM VERSION GENPKEY-OPTIONS...
    name=$1 algorithm=$2 version=$3
    shift 3
    openssl genpkey "$@" -out $numbers/$name.pem 2>> /run/lab/lab.log &&
        openssl pkey -in $numbers/$name.pem -traditional -out $numbers/$name.old 2>> /run/lab/lab.log &&
        puttygen $numbers/$name.old -O private --ppk-param version=$version -C "$name" --new-passphrase /dev/null -o /root/$name.ppk 2>> /run/lab/lab.log ||
        { say "keys: no file of PuTTY's for $name"; return; }
    secret 'private key' "$(openssl pkcs8 -topk8 -nocrypt -in $numbers/$name.pem -outform DER | hex)" "\"algorithm\":\"$algorithm\""
    dd if=/dev/zero of=$numbers/$name.pem bs=4k count=1 conv=notrunc 2> /dev/null
    dd if=/dev/zero of=$numbers/$name.old bs=4k count=1 conv=notrunc 2> /dev/null
}
putty putty-rsa RSA-2048 3 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
putty putty-old RSA-2048 2 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
putty putty-p256 'EC P-256' 3 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
umount $numbers
cat /root/*.ppk /root/*.crt > /dev/null
