# Contexts of Kerberos of the NFS client and server, read by `secrets`: this guest mounts itself.  Their session keys come
# from `gss`, which stands for the programs that would get them from a KDC.
# modules: sunrpc auth_rpcgss rpcsec_gss_krb5 krb5 krb5enc nfs nfsv4 nfsd authenc cts cbc ecb hmac cmac
# modules: aes_generic camellia_generic sha1_generic sha256_generic sha512_generic
mkdir -p /run/rpc_pipefs /mnt/nfs /var/lib/nfs/v4recovery
mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
mount -t nfsd nfsd /proc/fs/nfsd
chmod 755 /srv /srv/data
echo '-2 -3 +4 +4.1 +4.2' > /proc/fs/nfsd/versions
echo 'tcp 2049' > /proc/fs/nfsd/portlist
echo 2 > /proc/fs/nfsd/threads || say 'keys: no nfsd'
nfs_key() { # USER TYPE: in hex
    case $2 in
    17 | 19 | 25) invented 16 "nfs $1" ;;
    *) invented 32 "nfs $1" ;;
    esac
}
nfs_users='0:18 1001:17 1002:20 1003:19 1004:26'
set --
for each in $nfs_users; do
    set -- "$@" "$each:$(nfs_key "${each%:*}" "${each#*:}")"
done
gss "$@" > /run/lab/gss.said 2> $said/gss.log < /dev/null &
set --
tries=0
until grep -q ready /run/lab/gss.said || [ $tries -gt 60 ]; do
    tries=$((tries + 1))
    sleep 1
done
cat /proc/fs/nfsd/threads /proc/fs/nfsd/portlist /proc/net/rpc/auth.rpcsec.context/content >> $said/gss.log
grep nfs4 /proc/mounts >> $said/gss.log
for each in $nfs_users; do
    uid=${each%:*}
    grep -qx "$uid" /run/lab/gss.said && secret 'NFS krb5' "$(nfs_key "$uid" "${each#*:}")" "\"purpose\":\"session key\""
done
