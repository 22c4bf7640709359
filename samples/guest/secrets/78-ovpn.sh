# Keys of OpenVPN that the kernel encrypts with, and of TIPC, read by `secrets`; kernels before 6.16 have no such devices.
# modules: chacha chacha_generic poly1305 poly1305_generic libchacha ovpn gcm ghash_generic chacha20poly1305 udp_tunnel tipc
# programs: iproute2 tipc
ovpn "$(invented 32 'ovpn out')" "$(invented 32 'ovpn in')" > /run/lab/ovpn.said 2> $said/ovpn.log < /dev/null &
sleep 2
if [ -s /run/lab/ovpn.said ]; then
    secret ovpn "$(invented 32 'ovpn out')"
    secret ovpn "$(invented 32 'ovpn in')"
fi
tipc node set identity lab 2>> $said/ovpn.log
# A key and the four bytes of its salt.
if tipc node set key "0x$(invented 20 'tipc')" algname 'gcm(aes)' 2>> $said/ovpn.log; then
    secret TIPC "$(invented 16 'tipc')"
fi
if tipc node set key "0x$(invented 20 'tipc master')" algname 'gcm(aes)' master 2>> $said/ovpn.log; then
    secret TIPC "$(invented 16 'tipc master')"
fi
