# Keys of the kernel's network, read by `secrets`: WireGuard, IPsec, MACsec, TLS in the kernel.
# modules: wireguard tls macsec esp4 esp6 ah4 ah6 xfrm_user xfrm_algo af_key authenc echainiv seqiv
# modules: hmac cbc ctr gcm ghash_generic sha1_generic sha256_generic sha512_generic aes_generic
# modules: chacha20poly1305 chacha_generic poly1305_generic chacha20_x86_64 poly1305_x86_64 ccm cmac
# modules: xfrm_interface veth dummy crypto_null drbg jitterentropy_rng
# programs: wireguard-tools wg
ip() { /usr/bin/ip "$@"; } # the shell takes its own before those of PATH, which knows less

# ---- WireGuard: two devices that agreed on keys, one in a namespace of its own; a third alone ----
# Older busybox has neither xxd -r nor base64.
unhex() { printf "$(sed 's/../\\x&/g')"; }
of_base64() { openssl base64 -d -A | hex; }
ip netns add wgns 2>> /run/lab/lab.log
ip -n wgns link set lo up
for n in 1 2 3; do
    invented 32 "wireguard $n" | unhex | openssl base64 > /run/lab/wg$n.key
    wg pubkey < /run/lab/wg$n.key > /run/lab/wg$n.pub
    ip link add kwg$n type wireguard
    wg set kwg$n private-key /run/lab/wg$n.key listen-port $((51830 + n))
done
invented 32 psk | unhex | openssl base64 > /run/lab/wg.psk
for n in 1 2; do
    wg set kwg$n peer "$(cat /run/lab/wg$((3 - n)).pub)" preshared-key /run/lab/wg.psk endpoint "127.0.0.1:$((51830 + 3 - n))" \
        allowed-ips "10.98.0.$((3 - n))/32,fd98::$((3 - n))/128" persistent-keepalive 5
done
wg set kwg3 fwmark 0x1ab peer "$(cat /run/lab/wg1.pub)" allowed-ips 10.97.0.0/16 # without an endpoint
wg set kwg3 peer "$(cat /run/lab/wg2.pub)" endpoint '[2001:db8::9]:4711'
ip link set kwg2 netns wgns # its UDP port stays here
ip addr add 10.98.0.1/32 dev kwg1 && ip link set kwg1 up && ip route add 10.98.0.2/32 dev kwg1
ip -n wgns addr add 10.98.0.2/32 dev kwg2 && ip -n wgns link set kwg2 up && ip -n wgns route add 10.98.0.1/32 dev kwg2
ip link set kwg3 up
ping -c 2 -W 2 10.98.0.2 > /dev/null

tell_wireguard() { # COMMAND...: in a namespace
    "$@" wg show all dump | while read -r device first second _ _ peer; do
        if [ -z "$peer" ]; then
            secret wireguard "$(echo "$first" | of_base64)" "\"name\":\"$device\",\"purpose\":\"private key\""
        elif [ "$second" != "(none)" ]; then
            secret wireguard "$(echo "$second" | of_base64)" '"purpose":"preshared key"'
        fi
    done
}
tell_wireguard
tell_wireguard ip netns exec wgns
tell_of wg.txt wg show all dump
tell_of wg-wgns.txt ip netns exec wgns wg show all dump
for n in 1 3; do tell_of keys/kwg$n.conf wg showconf kwg$n; done
tell_of keys/kwg2.conf ip netns exec wgns wg showconf kwg2

# ---- IPsec ----
ip netns add ipsns
ip -n ipsns link set lo up
state() { # NAMESPACE of the words: src A dst B proto P spi S ...
    [ "$1" = - ] && shift || set -- -n "$@"
    ip "$@" 2>> /run/lab/lab.log
}
ipsec() { # BYTES WORDS: a key, told
    key=$(invented "$1" "ipsec $2")
}
ipsec 16 1 && a=$key && ipsec 32 2 && state - xfrm state add src 192.0.2.1 dst 192.0.2.61 proto esp spi 0x1ac00001 reqid 21 mode tunnel \
    enc 'cbc(aes)' "0x$a" auth-trunc 'hmac(sha256)' "0x$key" 128 && secret ipsec "$a" && secret ipsec "$key"
ipsec 32 3 && a=$key && ipsec 20 4 && state - xfrm state add src 2001:db8::1 dst 2001:db8::61 proto esp spi 0x1ac00002 mode transport \
    enc 'cbc(aes)' "0x$a" auth 'hmac(sha1)' "0x$key" flag noecn && secret ipsec "$a" && secret ipsec "$key"
ipsec 20 5 && state - xfrm state add src 192.0.2.1 dst 192.0.2.62 proto esp spi 0x1ac00003 mode tunnel \
    aead 'rfc4106(gcm(aes))' "0x$key" 128 replay-window 64 flag esn && secret ipsec "$key"
ipsec 36 6 && state ipsns xfrm state add src 2001:db8::1 dst 2001:db8::62 proto esp spi 0x1ac00004 mode tunnel \
    aead 'rfc4106(gcm(aes))' "0x$key" 96 && secret ipsec "$key"
ipsec 64 7 && state ipsns xfrm state add src 192.0.2.1 dst 192.0.2.63 proto ah spi 0x1ac00005 mode transport \
    auth-trunc 'hmac(sha512)' "0x$key" 256 && secret ipsec "$key"
ipsec 48 8 && state - xfrm state add src 192.0.2.1 dst 192.0.2.64 proto esp spi 0x1ac00006 mode tunnel \
    enc ecb\(cipher_null\) "" auth-trunc 'hmac(sha384)' "0x$key" 192 && secret ipsec "$key"
ipsec 36 9 && state - xfrm state add src 192.0.2.1 dst 192.0.2.65 proto esp spi 0x1ac00007 mode tunnel encap espinudp 4500 4501 0.0.0.0 \
    aead 'rfc7539esp(chacha20,poly1305)' "0x$key" 128 && secret ipsec "$key"
ipsec 16 10 && a=$key && ipsec 16 11 && state - xfrm state add src 192.0.2.1 dst 192.0.2.66 proto esp spi 0x1ac00008 mode transport \
    mark 0x7 mask 0xff sel src 192.0.2.1/32 dst 192.0.2.66/32 proto 6 dport 443 limit byte-hard 1000000 \
    enc 'rfc3686(ctr(aes))' "0x$a$(invented 4 nonce)" auth-trunc 'hmac(md5)' "0x$key" 96 && secret ipsec "$a$(invented 4 nonce)" && secret ipsec "$key"
tell_of xfrm-state.txt ip -s xfrm state
tell_of xfrm-state-ipsns.txt ip -n ipsns -s xfrm state

# ---- MACsec ----
ip link add macs0 type dummy && ip link set macs0 up
macsec() { # DEVICE PARAMETERS: of the device
    device=$1
    shift
    ip link add link macs0 "$device" type macsec "$@" 2>> /run/lab/lab.log && ip link set "$device" up
}
macsec ms0 encrypt on && {
    key=$(invented 16 "macsec 1") && ip macsec add ms0 tx sa 0 pn 1 on key 01 "$key" && secret macsec "$key" '"name":"ms0"'
    key=$(invented 16 "macsec 2") && ip macsec add ms0 rx port 7 address 52:54:00:1a:c0:01 &&
        ip macsec add ms0 rx port 7 address 52:54:00:1a:c0:01 sa 1 pn 100 on key 02 "$key" && secret macsec "$key" '"name":"ms0"'
} 2>> /run/lab/lab.log
macsec ms1 port 3 cipher gcm-aes-256 encrypt on && {
    key=$(invented 32 "macsec 3") && ip macsec add ms1 tx sa 2 pn 5 on key 03 "$key" && secret macsec "$key" '"name":"ms1"'
} 2>> /run/lab/lab.log
macsec ms2 port 4 cipher gcm-aes-xpn-128 encrypt on && {
    key=$(invented 16 "macsec 4") && ip macsec add ms2 tx sa 0 xpn 9 salt 838383838383838383838383 ssci 7 on key 04 "$key" &&
        secret macsec "$key" '"name":"ms2"'
} 2>> /run/lab/lab.log
tell_of macsec.txt ip macsec show

# ---- TLS whose records the kernel encrypts ----
for version in 1.2 1.3; do
    for cipher in 51 52 54; do
        bytes=32
        [ $cipher = 51 ] && bytes=16
        ktls $version $cipher "$(invented $bytes "ktls $version $cipher to")" "$(invented $bytes "ktls $version $cipher from")" \
            > "/run/lab/ktls-$version-$cipher" 2>> /run/lab/lab.log &
    done
done
sleep 2
for version in 1.2 1.3; do
    for cipher in 51 52 54; do
        bytes=32
        [ $cipher = 51 ] && bytes=16
        grep -q works "/run/lab/ktls-$version-$cipher" || continue
        for way in to from; do secret "kernel TLS" "$(invented $bytes "ktls $version $cipher $way")"; done
    done
done
tell_of ss-tls.txt ss -tien
