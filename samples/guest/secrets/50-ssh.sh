# Keys of OpenSSH and GnuPG, read by `secrets`: host keys of sshd, those in an agent, live sessions with each cipher, keys of
# gpg-agent. What a session carries is recorded, so that its keys can be tried.
# programs: openssh-server sshd sshd-session? sshd-auth?
# programs: openssh-client|openssh-common ssh ssh-agent ssh-add ssh-keygen
# programs: tcpdump tcpdump
# programs: gpg gpg
# programs: gpg-agent gpg-agent
# programs: gpgconf gpgconf
at=/run/lab/ssh
mkdir -p $at /run/sshd /etc/ssh /usr/lib/openssh
chmod 700 $at
chmod 755 /run/sshd
for file in sshd-session sshd-auth; do
    [ ! -e /usr/bin/$file ] || ln -sf /usr/bin/$file /usr/lib/openssh/$file
done
grep -q ^sshd: /etc/passwd || echo 'sshd:x:105:65534::/run/sshd:/bin/false' >> /etc/passwd
grep -q ^nogroup: /etc/group || echo 'nogroup:x:65534:' >> /etc/group

ssh_key() { # FILE COMMENT OPTIONS...
    file=$1 comment=$2
    shift 2
    ssh-keygen -q -N '' -C "$comment" -f "$file" "$@" 2>> /run/lab/lab.log || say "keys: no ${file##*/}"
    cp "$file" "$said/keys/${file##*/}"
}
ssh_key $at/host-rsa lab-host-rsa -t rsa -b 2048
ssh_key $at/host-ecdsa lab-host-ecdsa -t ecdsa -b 256
ssh_key $at/host-ed25519 lab-host-ed25519 -t ed25519
ssh_key $at/agent-rsa 'rsa of the agent' -t rsa -b 3072
ssh_key $at/agent-ecdsa 'ecdsa of the agent' -t ecdsa -b 521
ssh_key $at/agent-ed25519 'ed25519 of the agent' -t ed25519
ssh_key $at/login login -t ed25519
cp $at/login.pub /etc/ssh/authorized_keys
for file in $at/host-* $at/agent-*; do
    case $file in
    *.pub) ;;
    *) ssh-keygen -l -f "$file.pub" | sed "s/^/${file##*/} /" >> $said/ssh-fingerprints.txt ;;
    esac
done

cat > $at/sshd_config <<- END
	Port 2222
	ListenAddress 127.0.0.1
	HostKey $at/host-rsa
	HostKey $at/host-ecdsa
	HostKey $at/host-ed25519
	AuthorizedKeysFile /etc/ssh/authorized_keys
	StrictModes no
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PidFile $at/sshd.pid
	Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr
END
tcpdump -i lo -Z root -U -s 0 -w $said/ssh.pcap 'tcp port 2222' > /dev/null 2>> /run/lab/lab.log &
/usr/bin/sshd -f $at/sshd_config -E $at/sshd.log
sleep 3

session() { # USER CIPHER OPTIONS...
    user=$1 cipher=$2
    shift 2
    ssh -F none -p 2222 -i $at/login -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        -o Ciphers="$cipher" "$@" "$user@127.0.0.1" 'while :; do echo a line of the lab; sleep 1; done' \
        > "$at/$cipher.out" 2>> $at/ssh.log < /dev/null &
}
session alice aes256-gcm@openssh.com
session bob chacha20-poly1305@openssh.com
session alice aes128-ctr -o MACs=hmac-sha2-256-etm@openssh.com
session bob aes256-ctr -o MACs=umac-128@openssh.com

eval "$(ssh-agent -a $at/agent)" > /dev/null
for file in rsa ecdsa ed25519; do
    ssh-add -q $at/agent-$file 2>> /run/lab/lab.log || say "keys: the agent does not take $file"
done
tell_of ssh-agent.txt ssh-add -L
rm -f $at/agent-rsa $at/agent-ecdsa $at/agent-ed25519
unset SSH_AUTH_SOCK SSH_AGENT_PID

# One key without a passphrase, one with; the agent has signed with both, and keeps the second's passphrase.
export GNUPGHOME=$at/gnupg
mkdir -m 700 $GNUPGHOME
printf 'allow-loopback-pinentry\nmax-cache-ttl 999999\ndefault-cache-ttl 999999\n' > $GNUPGHOME/gpg-agent.conf
sign() { gpg --batch --yes --pinentry-mode loopback "$@" -o $at/signed --sign /etc/passwd 2>> /run/lab/lab.log; }
for kind in rsa2048 ed25519 nistp256; do
    gpg --batch --pinentry-mode loopback --passphrase '' --quick-gen-key "open $kind <$kind@lab.example>" $kind sign never \
        2>> /run/lab/lab.log || say "keys: gpg makes no $kind"
    sign -u "$kind@lab.example"
done
gpg --batch --pinentry-mode loopback --passphrase 'a passphrase of the lab' \
    --quick-gen-key 'closed <closed@lab.example>' ed25519 sign never 2>> /run/lab/lab.log
secret 'gpg passphrase' "$(printf 'a passphrase of the lab' | hex)"
sign --passphrase 'a passphrase of the lab' -u closed@lab.example
tell_of gpg.txt gpg --batch --with-colons --with-keygrip --list-secret-keys
for file in $GNUPGHOME/private-keys-v1.d/*; do cp "$file" "$said/keys/gpg-${file##*/}"; done
unset GNUPGHOME
for file in $at/*.out; do [ -s "$file" ] || say "keys: nothing came through ${file##*/}"; done
cp $at/sshd.log $at/ssh.log $said/
