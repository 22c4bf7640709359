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
if grep -q 'enctypes=20' $said/gss.log; then
    # These kernels wipe the session keys and keep what is derived of them (RFC 3961, RFC 8009), here by another program.
    # Of Camellia nothing is left that would be its key.
    secret 'NFS krb5' 468621bbf555510f03f473584758c7048b012deeceed2f3ae727bd1ede1bf818 '"purpose":"initiator'"'"'s data"'
    secret 'NFS krb5' 47e17c43b5df9e32be01bf22e905d7b850211e324169ea10fbd51a7b65519ef1 '"purpose":"acceptor'"'"'s data"'
    secret 'NFS krb5' 03d8a51f63a8c822afbc1d78faec0a90 '"purpose":"initiator'"'"'s data"'
    secret 'NFS krb5' 76d633f8c2cf2f43b9337be081b69e35 '"purpose":"acceptor'"'"'s data"'
    secret 'NFS krb5' f8f8345e236e3f61c79ec5a423973692a0d809deb92045b6fbf82bda061d8f6d '"purpose":"initiator'"'"'s data"'
    secret 'NFS krb5' 9b9a0c1e7d012302d7f87f1a5623b6e46e8fc0910a770e0ea41dfcedc6a100d4 '"purpose":"acceptor'"'"'s data"'
    secret 'NFS krb5' 635e1e311aba8539494270e8deafe119 '"purpose":"initiator'"'"'s data"'
    secret 'NFS krb5' 89fc31dafa420259f95a106dbded6ff0 '"purpose":"acceptor'"'"'s data"'
else
    for each in $nfs_users; do
        uid=${each%:*}
        grep -qx "$uid" /run/lab/gss.said && secret 'NFS krb5' "$(nfs_key "$uid" "${each#*:}")" '"purpose":"session key"'
    done
fi
