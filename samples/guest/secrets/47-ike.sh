# Keys of IKE, read by `secrets`: two of strongSwan's daemons, each in a namespace, with two connections between them. Their logs tell
# the keys; what goes over the wire is recorded.
# modules: veth xfrm_user xfrm_algo esp4 authenc echainiv seqiv hmac cbc gcm ctr sha256_generic aes_generic af_key
# programs: iproute2 ip
# programs: tcpdump tcpdump
# optional: strongswan-charon charon?
# optional: strongswan-swanctl swanctl? libstrongswan-vici.so?
# optional: libstrongswan libstrongswan-aes.so? libstrongswan-sha1.so? libstrongswan-sha2.so? libstrongswan-hmac.so? libstrongswan-kdf.so?
# optional: libstrongswan libstrongswan-random.so? libstrongswan-nonce.so? libstrongswan-pem.so? libstrongswan-pkcs1.so?
# optional: libstrongswan libstrongswan-gmp.so? libstrongswan-kernel-netlink.so? libstrongswan-pubkey.so? libstrongswan-x509.so?
# optional: strongswan-libcharon libstrongswan-socket-default.so?
# optional: libstrongswan-standard-plugins libstrongswan-gcm.so? libstrongswan-openssl.so?
ip() { /usr/bin/ip "$@"; }
ike_daemon() { # NUMBER OTHER
    mkdir -p /etc/ike$1
    cat > /etc/ike$1/strongswan.conf <<- END
	charon {
	    load = aes sha1 sha2 hmac kdf random nonce pem pkcs1 x509 pubkey gmp gcm kernel-netlink socket-default vici
	    install_routes = no
	    filelog {
	        log {
	            path = /etc/ike$1/log
	            default = 1
	            ike = 4
	            flush_line = yes
	        }
	    }
	    plugins {
	        vici {
	            socket = unix:///etc/ike$1/vici
	        }
	    }
	}
	END
    for name in cbc gcm; do
        [ $name = cbc ] && ike=aes256-sha256-modp2048 || ike=aes256gcm16-prfsha256-modp2048
        cat <<- END
	connections {
	    $name {
	        local_addrs = 10.94.0.$1
	        remote_addrs = 10.94.0.$2
	        version = 2
	        proposals = $ike
	        dpd_delay = 4s
	        local {
	            auth = psk
	            id = $name$1
	        }
	        remote {
	            auth = psk
	            id = $name$2
	        }
	        children {
	            $name {
	                mode = tunnel
	                esp_proposals = aes256gcm16
	                local_ts = 10.94.0.$1/32
	                remote_ts = 10.94.0.$2/32
	            }
	        }
	    }
	}
	secrets {
	    ike-$name {
	        id-1 = ${name}1
	        id-2 = ${name}2
	        secret = "a secret of the lab for $name"
	    }
	}
	END
    done > /etc/ike$1/swanctl.conf
    ip netns exec ike$1 sh -c "mount -t tmpfs none /var/run; STRONGSWAN_CONF=/etc/ike$1/strongswan.conf exec charon" \
        > /etc/ike$1/out 2>&1 &
}
ike() { # NUMBER ARGUMENTS...: of swanctl
    number=$1
    shift
    STRONGSWAN_CONF=/etc/ike$number/strongswan.conf ip netns exec ike$number swanctl "$@" --uri unix:///etc/ike$number/vici \
        >> /etc/ike$number/out 2>&1
}
if [ -x /usr/bin/charon ] && [ -x /usr/bin/swanctl ]; then
    mkdir -p /usr/lib/ipsec/plugins /var/run
    for file in /usr/bin/libstrongswan-*.so; do ln -sf $file /usr/lib/ipsec/plugins/; done
    ip netns add ike1
    ip netns add ike2
    ip link add ike1 netns ike1 type veth peer name ike2 netns ike2
    for n in 1 2; do
        ip -n ike$n link set lo up
        ip -n ike$n addr add 10.94.0.$n/24 dev ike$n
        ip -n ike$n link set ike$n up
    done
    ip netns exec ike1 tcpdump -i ike1 -Z root -U -s 0 -w $said/ike.pcap 'udp port 500 or udp port 4500' > /dev/null \
        2>> /run/lab/lab.log &
    ike_daemon 1 2
    ike_daemon 2 1
    sleep 4
    for n in 2 1; do ike $n --load-all --file /etc/ike$n/swanctl.conf; done
    for name in cbc gcm; do ike 1 --initiate --child $name --timeout 15; done
    sleep 10
    for n in 1 2; do
        cp /etc/ike$n/log $said/ike$n.log || say "keys: charon $n has no log"
        cp /etc/ike$n/out $said/ike$n.out
    done
fi
