/* keyring_secret.c - what the payloads of the kernel's keys hold: see keyring.h. */
#include "../../core/base.h"
#include "../linux/mm/filemap.h"
#include "crypto.h"
#include "keyring.h"
#include <string.h>

EG_FIELDS(user_key_payload, data, datalen);
EG_FIELDS_OF("encrypted_keys", encrypted_key_payload, decrypted_data, decrypted_datalen);
EG_FIELDS_OF("trusted", trusted_key_payload, key, key_len);
EG_FIELDS(public_key, key, keylen, key_is_private);
EG_FIELD_AS(public_key_sort, public_key, "pkey_algo");
EG_FIELD_AS(subtype_name, asymmetric_key_subtype, "name");
EG_TYPE(asymmetric_key_subtype);
EG_FIELDS_OF("libceph", ceph_crypto_key, key, len, type);
EG_FIELD_AS_OF("rxrpc", rxrpc_kad, rxrpc_key_token, "kad");
EG_FIELD_AS_OF("rxrpc", rxrpc_index, rxrpc_key_token, "security_index");
EG_FIELD_AS_OF("rxrpc", rxrpc_session, rxkad_key, "session_key");
EG_FIELD_AS_OF("rxrpc", rxrpc_gk, rxrpc_key_token, "rxgk");
EG_FIELD_AS_OF("rxrpc", rxgk_len, rxgk_key, "key.len");
EG_FIELD_AS_OF("rxrpc", rxgk_bytes, rxgk_key, "key.data");
EG_TYPE_("rxrpc", rxrpc_key_token);
EG_FIELD_AS(path_dentry, path, "dentry");
EG_FIELD_AS(big_inode, dentry, "d_inode");
EG_FIELD_AS(key_datalen, key, "datalen");
EG_TYPE(path);
EG_TYPE(inode);
EG_TYPE(dentry);

enum { SECRET_MAX = 1 << 16, SUBTYPE_MAX = 32 };
enum { BIG_KEY_DATA = 0, BIG_KEY_PATH = 1, BIG_KEY_LEN = 3 }; // words of its payload
enum { BIG_KEY_KEY = 32, BIG_KEY_TAG = 16 };                  // security/keys/big_key.c
enum { ASYM_CRYPTO = 0, ASYM_SUBTYPE = 1 };                   // keys/asymmetric-subtype.h
enum {
    RXKAD = 2,
    RXGK = 4,
    YFS_RXGK = 6,
    RXKAD_KEY = 8,
    RXKAD_SESSION = 20,
    CEPH_AES = 1,
    CEPH_KEY_MAX = 32
};

/** Where a secret is; both bad: there is none. */
struct place {
    struct eg_obj len, at; /**< the member that says how long; at: the bytes, of whatever type */
    const char *algorithm;
    uint64_t fixed;     /**< the length, where no member says it */
    struct eg_obj file; /**< they are encrypted in this inode; bad: they are not */
};

/* Types whose payload is a struct user_key_payload: user_preparse, and those that call it or make
 * one (fs/nfs/nfs4idmap.c, net/dns_resolver/dns_key.c, drivers/nvme/common/keyring.c). */
static bool is_user_payload(const char *type)
{
    static const char *const types[] = { "user",      "logon", "id_resolver",
                                         "id_legacy", "psk",   "dns_resolver" };

    for (size_t i = 0; i < countof(types); i++)
        if (!strcmp(type, types[i]))
            return true;
    return false;
}

/* The key of an X.509 certificate is a public one, that of PKCS#8 is private: then it is what
 * PKCS#8 wraps. */
static void asymmetric(struct eg_run *r, struct eg_obj words, struct place *out)
{
    struct eg_obj subtype =
        eg_deref(eg_cast(eg_index(words, ASYM_SUBTYPE), asymmetric_key_subtype));
    struct eg_obj own = eg_deref(eg_cast(eg_index(words, ASYM_CRYPTO), public_key));
    const char *name = eg_string(r, eg_at(subtype, subtype_name), SUBTYPE_MAX);
    bool private;

    if (!name || strcmp(name, "public_key") != 0 ||
        !eg_get(&private, own, public_key.key_is_private) || !private)
        return;
    out->len = eg_at(own, public_key.keylen);
    out->at = eg_deref(eg_at(own, public_key.key));
    out->algorithm = eg_string(r, eg_at(own, public_key_sort), SUBTYPE_MAX);
}

static void rxrpc(struct eg_obj first, struct place *out)
{
    struct eg_obj token = eg_deref(eg_cast(first, rxrpc_key_token));
    uint16_t index;

    if (!eg_get(&index, token, rxrpc_index))
        return;
    if (index == RXKAD) {
        out->at = eg_at(token, rxrpc_kad, rxrpc_session);
        out->fixed = RXKAD_KEY;
        out->algorithm = "DES, rxkad";
    } else if (index == RXGK || index == YFS_RXGK) {
        out->len = eg_at(token, rxrpc_gk, rxgk_len);
        out->at = eg_deref(eg_at(token, rxrpc_gk, rxgk_bytes));
        out->algorithm = "rxgk";
    }
}

static void big_key(struct eg_run *r, struct eg_obj words, struct place *out)
{
    struct eg_obj path = eg_index(words, BIG_KEY_PATH);
    uint64_t len, file = 0;

    // What is longer than an inode and a dentry lies encrypted in a file of shmem.
    out->len = eg_index(words, BIG_KEY_LEN);
    if (!eg_load(&len, out->len) || !len)
        return;
    out->at = eg_deref(eg_index(words, BIG_KEY_DATA));
    if (len <= eg_size(r, inode) + eg_size(r, dentry))
        return;
    eg_get(&file, eg_object(r, path, path.addr), path_dentry, big_inode);
    out->file = eg_object(r, inode, file);
    if (!file)
        out->at.why = EG_NULL;
}

/* Of a module, whose types a kernel before 5.11 does not have. */
static bool is_known(struct eg_run *r, const char *type)
{
    const struct {
        const char *type;
        bool known;
    } all[] = { { "encrypted", eg_has_type(r, encrypted_key_payload) },
                { "trusted", eg_has_type(r, trusted_key_payload) } };

    for (size_t i = 0; i < countof(all); i++)
        if (!strcmp(type, all[i].type) && !all[i].known) {
            eg_note(r, "the payload of keys of type %s is not known: their secrets are not read",
                    type);
            return false;
        }
    return true;
}

static bool load(struct eg_run *r, uint64_t at, unsigned size, uint64_t *out)
{
    uint8_t bytes[8];

    if (!at || !eg_read(eg_view_of(r), eg_kernel(r), at, bytes, size))
        return false;
    *out = eg_load_(bytes, size, eg_binding_of(r)->model.big_endian);
    return true;
}

/* Of modules whose types the kernel does not have: as all kernels have had these. */
static void untyped(struct eg_run *r, struct eg_obj first, bool is_ceph, struct place *out)
{
    const unsigned ptr = eg_binding_of(r)->model.ptr_size;
    uint64_t p, sort, len = RXKAD_KEY, at;

    if (!eg_load(&p, first) || !load(r, p, is_ceph ? 4 : 2, &sort) ||
        sort != (is_ceph ? CEPH_AES : RXKAD))
        return;
    if (is_ceph ? !load(r, p + 12, 4, &len) || len > CEPH_KEY_MAX || !load(r, p + 16, ptr, &at)
                : !load(r, p + (uint64_t)2 * ptr, ptr, &at))
        return;
    out->fixed = len;
    out->at = eg_object(r, inode, is_ceph ? at : at + RXKAD_SESSION);
    out->algorithm = is_ceph ? "AES" : "DES, rxkad";
}

static struct place place_of(struct eg_run *r, struct eg_obj key, const char *type)
{
    struct eg_obj words = eg_at(key, key_payload), first = eg_index(words, 0), p;
    struct place s = { .len = { .why = EG_NULL }, .file = { .why = EG_NULL } };
    uint32_t sort;

    s.at = s.len;
    if (!is_known(r, type))
        return s;
    if (is_user_payload(type)) {
        p = eg_deref(eg_cast(first, user_key_payload));
        s.len = eg_at(p, user_key_payload.datalen);
        s.at = eg_at(p, user_key_payload.data);
    } else if (!strcmp(type, "encrypted")) {
        p = eg_deref(eg_cast(first, encrypted_key_payload));
        s.len = eg_at(p, encrypted_key_payload.decrypted_datalen);
        s.at = eg_deref(eg_at(p, encrypted_key_payload.decrypted_data));
    } else if (!strcmp(type, "trusted")) {
        p = eg_deref(eg_cast(first, trusted_key_payload));
        s.len = eg_at(p, trusted_key_payload.key_len);
        s.at = eg_at(p, trusted_key_payload.key);
    } else if (!strcmp(type, "fscrypt-provisioning")) {
        s.len = eg_at(key, key_datalen);
        s.at = eg_deref(first);
    } else if (!strcmp(type, "big_key")) {
        big_key(r, words, &s);
    } else if (!strcmp(type, "asymmetric")) {
        asymmetric(r, words, &s);
    } else if (!strcmp(type, "ceph") && !eg_has_type(r, ceph_crypto_key)) {
        untyped(r, first, true, &s);
    } else if (!strcmp(type, "rxrpc") && !eg_has_type(r, rxrpc_key_token)) {
        untyped(r, first, false, &s);
    } else if (!strcmp(type, "ceph")) {
        p = eg_deref(eg_cast(first, ceph_crypto_key));
        s.len = eg_at(p, ceph_crypto_key.len);
        s.at = eg_deref(eg_at(p, ceph_crypto_key.key));
        s.algorithm = eg_get(&sort, p, ceph_crypto_key.type) && sort == CEPH_AES ? "AES" : NULL;
    } else if (!strcmp(type, "rxrpc") || !strcmp(type, "rxrpc_s")) {
        rxrpc(first, &s);
    }
    return s;
}

static struct eg_cell failed(struct eg_run *r)
{
    return eg_missing((enum eg_why)eg_view_of(r)->why, eg_view_of(r)->why_addr);
}

/* A key that is in a file is encrypted once, so that the nonce is none (security/keys/big_key.c).
 * @return the name of the cipher, NULL: its tag is not that of one. */
static const char *open_big_key(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    static const uint8_t nonce[12];

    if (eg_crypto_open("chacha20-poly1305", key, nonce, NULL, 0, in, n, out))
        return "ChaCha20-Poly1305";
    return eg_crypto_open("aes-256-gcm", key, nonce, NULL, 0, in, n, out) ? "AES-256-GCM" : NULL;
}

/* Of a key in a file: @at has the key that opens it. */
static void from_file(struct eg_run *r, const struct place *s, size_t len,
                      struct eg_keyring_secret *out)
{
    struct eg_space *file = linux_file_space(r, s->file);
    uint8_t key[BIG_KEY_KEY], *sealed = eg_tmp(r, len + BIG_KEY_TAG), *bytes = eg_tmp(r, len);
    const char *cipher;

    if (!file) {
        out->unread = eg_missing(EG_UNREADABLE, s->file.addr);
        return;
    }
    if (!eg_read(eg_view_of(r), eg_kernel(r), s->at.addr, key, sizeof key) ||
        !eg_read(eg_view_of(r), file, 0, sealed, len + BIG_KEY_TAG)) {
        out->unread = failed(r);
        return;
    }
    cipher = open_big_key(key, sealed, len, bytes);
    if (!cipher) {
        out->unread = eg_missing(EG_BAD_VALUE, s->at.addr);
        return;
    }
    out->bytes = bytes;
    out->len = len;
    out->proof = eg_strf(r, "tag of %s", cipher);
}

void eg_keyring_secret(struct eg_run *r, const struct eg_keyring_key *k, size_t *room,
                       struct eg_keyring_secret *out)
{
    const struct place s = place_of(r, k->key, k->type);
    uint64_t len = s.fixed;
    uint8_t *bytes;

    *out = (struct eg_keyring_secret){ .algorithm = s.algorithm };
    if (s.len.why == EG_NULL && !len)
        return;
    if (!len && !eg_load(&len, s.len)) {
        out->size = eg_cell_of(s.len);
        return;
    }
    out->size = eg_uint(len);
    if (!len || s.at.why == EG_NULL)
        return;
    if (len > SECRET_MAX || s.at.why) {
        out->unread = eg_missing(s.at.why ? (enum eg_why)s.at.why : EG_BAD_VALUE, s.len.addr);
        return;
    }
    if (len > *room) {
        if (*room)
            eg_note(r, "secrets past %d bytes in all are not read", KEYRING_READ_MAX);
        *room = 0;
        return;
    }
    *room -= len;
    if (!s.file.why) {
        from_file(r, &s, len, out);
        return;
    }
    bytes = eg_tmp(r, len);
    if (!eg_read(eg_view_of(r), eg_kernel(r), s.at.addr, bytes, len)) {
        out->unread = failed(r);
        return;
    }
    out->bytes = bytes;
    out->len = len;
    out->at = s.at.addr;
}
