# TLS 1.2 and 1.3 of OpenSSL and GnuTLS with each sort of cipher, read by `secrets`: the key logs that the programs write themselves, and
# what went over the wire.
# programs: openssl openssl
# programs: gnutls-bin gnutls-serv gnutls-cli
# programs: curl curl
ip link set lo up
sniff $said/tls.pcap 4450 4479 2>> /run/lab/lab.log &
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=lab.example -days 30 \
    -keyout /run/lab/tls.key -out /run/lab/tls.crt 2> /dev/null
usleep 500000

tls_port=4450
# Words go both ways, and the connection stays open.
openssl_pair() { # NAME OPTION...
    pair=$1
    shift
    sleep 7005 | openssl s_server -quiet -accept $tls_port -cert /run/lab/tls.crt -key /run/lab/tls.key "$@" \
        -keylogfile "$said/keys/$pair-server.keylog" > /dev/null 2>> /run/lab/lab.log &
    usleep 900000
    (echo "words of $pair"; sleep 7005) | openssl s_client -quiet -connect 127.0.0.1:$tls_port "$@" \
        -keylogfile "$said/keys/$pair-client.keylog" > /dev/null 2>> /run/lab/lab.log &
    tls_port=$((tls_port + 1))
}
openssl_pair tls13-aes128 -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256
openssl_pair tls13-aes256 -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384
openssl_pair tls13-chacha -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256
openssl_pair tls12-aes128 -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
openssl_pair tls12-aes256 -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
openssl_pair tls12-chacha -tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305
openssl_pair tls12-cbc -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA
# A client that waits for an answer.
sleep 7005 | openssl s_server -quiet -accept $tls_port -cert /run/lab/tls.crt -key /run/lab/tls.key \
    -keylogfile $said/keys/curl-server.keylog > /dev/null 2>> /run/lab/lab.log &
usleep 900000
SSLKEYLOGFILE=$said/keys/curl-client.keylog curl -k -s https://127.0.0.1:$tls_port/page > /dev/null 2>> /run/lab/lab.log &
tls_port=$((tls_port + 1))

gnutls_pair() { # NAME PRIORITY
    sleep 7005 | SSLKEYLOGFILE="$said/keys/$1-server.keylog" gnutls-serv -q -p $tls_port --x509certfile /run/lab/tls.crt \
        --x509keyfile /run/lab/tls.key --echo --priority "$2" > /dev/null 2>> /run/lab/lab.log &
    usleep 900000
    (echo "words of $1"; sleep 7005) | SSLKEYLOGFILE="$said/keys/$1-client.keylog" gnutls-cli --insecure -p $tls_port \
        --priority "$2" 127.0.0.1 > /dev/null 2>> /run/lab/lab.log &
    tls_port=$((tls_port + 1))
}
gnutls_pair gnutls13-aes256 NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM
gnutls_pair gnutls13-aes128 NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM
# A second connection of the same server.
(echo "words of the second"; sleep 7005) | SSLKEYLOGFILE=$said/keys/gnutls13-second-client.keylog gnutls-cli --insecure \
    -p $((tls_port - 1)) --priority NORMAL:-VERS-ALL:+VERS-TLS1.3 127.0.0.1 > /dev/null 2>> /run/lab/lab.log &
gnutls_pair gnutls12-aes128 NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM
usleep 3000000
# gnutls-serv closes a connection that is older than half a minute.
for tls_pid in $(pidof gnutls-serv) $(pidof gnutls-cli); do kill -STOP "$tls_pid"; done
