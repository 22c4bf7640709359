# TLS clients of GnuTLS whose server, openssl, lets a connection stay open; and Go's crypto/tls where the machine that makes the image has a
# Go compiler. Read by `secrets`; what goes over the wire is in the capture of 40-tls.sh.
# programs: openssl openssl
# programs: gnutls-bin gnutls-cli
tls_port=4470
held_pair() { # NAME PRIORITY
    sleep 7005 | openssl s_server -quiet -accept $tls_port -cert /run/lab/tls.crt -key /run/lab/tls.key \
        -keylogfile "$said/keys/$1-server.keylog" > /dev/null 2>> /run/lab/lab.log &
    usleep 900000
    (echo "words of $1"; sleep 7005) | SSLKEYLOGFILE="$said/keys/$1-client.keylog" gnutls-cli --insecure -p $tls_port \
        --priority "$2" 127.0.0.1 > /dev/null 2>> /run/lab/lab.log &
    tls_port=$((tls_port + 1))
}
held_pair held13-aes256 NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM
held_pair held13-aes128 NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM
held_pair held13-chacha NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305
held_pair held12-aes128 NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM
if [ -x /usr/bin/tlsheld ]; then
    tlsheld server $tls_port $said/keys/go-server.keylog > /dev/null 2>> /run/lab/lab.log &
    usleep 900000
    for how in 13 "12 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" "12 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"; do
        # shellcheck disable=SC2086
        tlsheld client $tls_port $said/keys/go-client.keylog $how > /dev/null 2>> /run/lab/lab.log &
        usleep 500000
    done
fi
usleep 2000000
