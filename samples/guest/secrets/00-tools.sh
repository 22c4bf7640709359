# Keys, read by `secrets`: what all scripts need.
# programs: iproute2 ip ss
# programs: keyutils keyctl
# programs: openssl openssl
# programs: coreutils stat
export HOME=/root OPENSSL_CONF=/run/lab/openssl.cnf
printf '[req]\ndistinguished_name = name\n[name]\n' > $OPENSSL_CONF
