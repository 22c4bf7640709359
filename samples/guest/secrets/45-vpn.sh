# Keys of OpenVPN, read by `secrets`: pairs that talk on lo with each sort of cipher, whose logs tell the keys of the data channel;
# static keys. What goes over the wire is recorded, so that keys can be tried.
# modules: tun
# programs: openvpn openvpn
# programs: tcpdump tcpdump
vpn=/run/lab/vpn
mkdir -p $vpn /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
ip link set lo up
tcpdump -i lo -Z root -U -s 0 -w $said/vpn.pcap 'udp portrange 1194-1199' > /dev/null 2>> /run/lab/lab.log &

for name in server client; do
    usage=$([ $name = server ] && echo serverAuth || echo clientAuth)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=vpn-$name -days 30 \
        -addext "extendedKeyUsage=$usage" -keyout $vpn/$name.key -out $vpn/$name.crt 2>> /run/lab/lab.log
done
cat $vpn/server.crt $vpn/client.crt > $vpn/ca.crt

static_key() { # WORDS: a file of this form, and the same in hex
    key=$(for part in 1 2 3 4; do invented 64 "$1 $part"; done | tr -d "\n")
    echo '#'
    echo '# 2048 bit OpenVPN static key'
    echo '#'
    echo '-----BEGIN OpenVPN Static key V1-----'
    echo "$key" | fold -w 32
    echo '-----END OpenVPN Static key V1-----'
}
static_key 'vpn tls-crypt' > $vpn/tls-crypt.key
static_key 'vpn tls-auth' > $vpn/tls-auth.key
chmod 600 $vpn/*.key

vpn_port=1194
vpn_pair() { # NAME OPTION...
    pair=$1
    shift
    for name in server client; do
        [ $name = server ] && ports="--lport $vpn_port --tls-server" || ports="--nobind --rport $vpn_port --remote 127.0.0.1 --tls-client"
        openvpn --cd $vpn --dev null --proto udp4 --float $ports --ca ca.crt --cert $name.crt --key $name.key --dh none --ping 1 \
            --verb 7 --reneg-sec 0 "$@" > $vpn/$pair-$name.log 2>&1 &
        usleep 500000
    done
    vpn_port=$((vpn_port + 1))
}
vpn_cipher() { # of both old and new versions
    if openvpn --version | grep -q 'OpenVPN 2\.[0-4]\.'; then echo "--cipher $1"; else echo "--cipher $1 --data-ciphers $1"; fi
}
vpn_pair aes256 $(vpn_cipher AES-256-GCM) --tls-crypt tls-crypt.key
vpn_pair chacha $(vpn_cipher CHACHA20-POLY1305) --tls-auth tls-auth.key
vpn_pair aes128 $(vpn_cipher AES-128-GCM) --tls-version-max 1.2
vpn_pair cbc $(vpn_cipher AES-256-CBC) --auth SHA256

# A server of several clients, with devices.
openvpn --cd $vpn --dev vpns --dev-type tun --proto udp4 --lport $vpn_port --server 10.96.0.0 255.255.255.0 --topology subnet --ca ca.crt \
    --cert server.crt --key server.key --dh none --keepalive 10 3600 --verb 7 $(vpn_cipher AES-256-GCM) > $vpn/many-server.log 2>&1 &
usleep 500000
openvpn --cd $vpn --client --dev vpnc --dev-type tun --proto udp4 --nobind --remote 127.0.0.1 $vpn_port --ca ca.crt --cert client.crt \
    --key client.key --verb 7 --route-nopull --ifconfig-noexec $(vpn_cipher AES-256-GCM) > $vpn/many-client.log 2>&1 &
sleep 8

# "Master Encrypt (cipher): 00112233 44556677 ..." is the client's key in the logs of both.
for file in $vpn/*.log; do
    cp "$file" $said/vpn-${file##*/}
    grep -q 'Master Encrypt (cipher' "$file" || say "keys: no key in ${file##*/}"
    sed -n 's/.*Master [ED][a-z]* (cipher[^)]*): \([0-9a-f ]*\)$/\1/p' "$file" | tr -d ' ' | while read -r key; do
        secret OpenVPN "$key"
    done
    [ "${file#*/cbc-}" = "$file" ] || sed -n 's/.*Master [ED][a-z]* (hmac[^)]*): \([0-9a-f ]*\)$/\1/p' "$file" | tr -d ' ' |
        while read -r key; do secret OpenVPN "$key" '"algorithm":"HMAC-SHA256"'; done
done
static_secret() { secret OpenVPN "$(for part in 1 2 3 4; do invented 64 "$1 $part"; done | tr -d '\n')" '"purpose":"static key"'; }
static_secret 'vpn tls-crypt'
static_secret 'vpn tls-auth'
