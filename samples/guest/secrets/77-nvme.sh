# Secrets of NVMe over fabrics, read by `secrets`: a target of this guest's own, which both ends authenticate to.
# modules: nvme-core nvme-fabrics nvmet nvme-loop nvme-auth dh_generic hmac sha256_generic
mkdir -p /sys/kernel/config
mount -t configfs configfs /sys/kernel/config 2>> /run/lab/lab.log
nvmet=/sys/kernel/config/nvmet
nvme_host=nqn.2014-08.org.nvmexpress:uuid:0000001a-0b00-4000-8000-000000000001
nvme_target=nqn.2026-01.example.lab:disk
# DHHC-1:00:BASE64(key, CRC-32 of it in little-endian):
nvme_secret() { # KEY-HEX
    crc=$(printf '%s' "$1" | xxd -r -p | busybox gzip -c | tail -c 8 | head -c 4 | hex)
    echo "DHHC-1:00:$(printf '%s%s' "$1" "$crc" | xxd -r -p | openssl base64 -A):"
}
if [ -d $nvmet/hosts ]; then
    host_key=$(invented 32 'nvme host')
    ctrl_key=$(invented 32 'nvme controller')
    host_secret=$(nvme_secret "$host_key")
    ctrl_secret=$(nvme_secret "$ctrl_key")
    dd if=/dev/zero of=/run/nvme.img bs=1k count=64 2> /dev/null && losetup /dev/loop3 /run/nvme.img
    mkdir $nvmet/hosts/$nvme_host $nvmet/subsystems/$nvme_target $nvmet/subsystems/$nvme_target/namespaces/1 $nvmet/ports/1
    echo "$host_secret" > $nvmet/hosts/$nvme_host/dhchap_key
    echo "$ctrl_secret" > $nvmet/hosts/$nvme_host/dhchap_ctrl_key
    echo 'hmac(sha256)' > $nvmet/hosts/$nvme_host/dhchap_hash
    echo /dev/loop3 > $nvmet/subsystems/$nvme_target/namespaces/1/device_path
    echo 1 > $nvmet/subsystems/$nvme_target/namespaces/1/enable
    ln -s $nvmet/hosts/$nvme_host $nvmet/subsystems/$nvme_target/allowed_hosts/$nvme_host
    echo loop > $nvmet/ports/1/addr_trtype
    ln -s $nvmet/subsystems/$nvme_target $nvmet/ports/1/subsystems/$nvme_target
    echo "transport=loop,nqn=$nvme_target,hostnqn=$nvme_host,hostid=0000001a-0b00-4000-8000-000000000001,dhchap_secret=$host_secret,dhchap_ctrl_secret=$ctrl_secret" > /dev/nvme-fabrics
    sleep 2
    for each in /sys/class/nvme/*; do
        echo "$each: $(cat "$each/state" "$each/dhchap_secret" "$each/dhchap_ctrl_secret" 2>&1)"
    done > $said/nvme.log
    ls -R $nvmet/hosts >> $said/nvme.log
    if [ "$(cat /sys/class/nvme/nvme*/dhchap_secret 2> /dev/null | head -1)" = "$host_secret" ]; then
        secret NVMe "$host_key" '"purpose":"host secret"'
        secret NVMe "$ctrl_key" '"purpose":"controller secret"'
    fi
fi
