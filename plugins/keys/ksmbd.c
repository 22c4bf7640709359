/* ksmbd.c - of the vault: keys of the kernel's SMB server (KIND "ksmbd"): of each session of each
 * connection, and the digests of passwords that its users have. */
#include "../../core/base.h"
#include "../../core/system.h"
#include "../../core/walkers.h"
#include "smb.h"
#include "vault.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS_OF("ksmbd", ksmbd_conn, cipher_type, conns_list, sessions);
EG_FIELDS_OF("ksmbd", ksmbd_session, Preauth_HashValue, id, sess_key, smb3decryptionkey,
             smb3encryptionkey, smb3signingkey, user);
EG_FIELDS_OF("ksmbd", ksmbd_user, name, passkey, passkey_sz);
EG_FIELD_AS_OF("ksmbd", conn_link, ksmbd_conn, "hlist"); // of a hash table, since 6.18
EG_FIELD_AS(first_node, hlist_head, "first");
EG_FIELD_AS(node_before, hlist_node, "pprev");
EG_TYPE(hlist_head);
EG_TYPE(list_head);

enum { SESSIONS_MAX = 1 << 14, NAME_MAX_ = 256, NT_HASH = 16, BUCKETS = 1 << 12 }; // CONN_HASH_BITS

struct finding {
    struct eg_vault *v;
    struct eg_run *r;
    uint32_t left;
    // the session that is looked at
    const char *name, *hints;
    uint8_t key[SMB_SESSION_KEY], preauth[SMB_PREAUTH];
    bool has_preauth, proven;
};

static bool bytes_at(struct eg_run *r, struct eg_obj at, void *out, size_t n)
{
    const uint8_t *p = out;

    if (at.why || !eg_read(eg_view_of(r), eg_kernel(r), at.addr, out, n))
        return false;
    while (n && !p[n - 1])
        n--;
    return n != 0;
}

static void add(struct finding *f, const char *purpose, const char *algorithm, struct eg_obj at,
                const void *secret, size_t len, const char *proof)
{
    eg_vault_add(f->v, &(struct eg_vault_key){ .kind = "ksmbd",
                                               .name = f->name,
                                               .purpose = purpose,
                                               .algorithm = algorithm,
                                               .at = at.addr,
                                               .secret = secret,
                                               .len = len,
                                               .proof = proof,
                                               .hints = f->hints });
}

static void take(struct finding *f, enum eg_smb_use use, const char *purpose, struct eg_obj at,
                 size_t len, const char *algorithm)
{
    uint8_t key[SMB_KEY_MAX];
    bool good;

    if (!bytes_at(f->r, at, key, len))
        return;
    good = eg_smb_derives(use, f->key, f->has_preauth ? f->preauth : NULL, key, len);
    f->proven |= good;
    add(f, purpose, algorithm, at, key, len, good ? "derives from the session key" : NULL);
}

static void take_session(struct finding *f, struct eg_obj conn, struct eg_obj ses)
{
    struct eg_run *r = f->r;
    struct eg_obj key = eg_at(ses, ksmbd_session.sess_key), user, hash;
    const char *algorithm;
    uint64_t id, size;
    uint16_t cipher = 0;
    uint8_t passkey[NT_HASH];
    size_t len;

    if (!eg_get(&id, ses, ksmbd_session.id) || !bytes_at(r, key, f->key, sizeof f->key))
        return;
    user = eg_deref(eg_at(ses, ksmbd_session.user));
    f->name = eg_string(r, eg_at(user, ksmbd_user.name), NAME_MAX_);
    f->hints = eg_strf(r, "session %#" PRIx64, id);
    f->proven = false;
    f->has_preauth = bytes_at(r, eg_deref(eg_at(ses, ksmbd_session.Preauth_HashValue)), f->preauth,
                              sizeof f->preauth);
    eg_get(&cipher, conn, ksmbd_conn.cipher_type);
    algorithm = eg_smb_cipher(cipher, &len);
    take(f, SMB_SIGNING, "signing key", eg_at(ses, ksmbd_session.smb3signingkey), SMB_SESSION_KEY,
         NULL);
    // The server encrypts what goes to the client.
    take(f, SMB_TO_CLIENT, "encryption key", eg_at(ses, ksmbd_session.smb3encryptionkey), len,
         algorithm);
    take(f, SMB_TO_SERVER, "decryption key", eg_at(ses, ksmbd_session.smb3decryptionkey), len,
         algorithm);
    add(f, "session key", NULL, key, f->key, sizeof f->key,
        f->proven ? "keys of the session derive" : NULL);
    hash = eg_deref(eg_at(user, ksmbd_user.passkey));
    if (eg_get(&size, user, ksmbd_user.passkey_sz) && size == NT_HASH &&
        bytes_at(r, hash, passkey, sizeof passkey))
        add(f, "digest of the password", "MD4", hash, passkey, sizeof passkey,
            f->proven ? "session whose keys derive" : NULL);
}

static void take_sessions(struct finding *f, struct eg_obj conn)
{
    struct eg_entry e;

    eg_each_xa(e, eg_at(conn, ksmbd_conn.sessions)) {
        if (!f->left || eg_stopped(f->r))
            return;
        f->left--;
        take_session(f, conn, eg_object(f->r, ksmbd_session, e.value));
    }
}

/* How many buckets there are no type says: one that is none has no node that points back. */
static void take_bucket(struct finding *f, struct eg_obj head)
{
    struct eg_obj conn;
    uint64_t back;

    if (!eg_get(&back, head, first_node, node_before) || back != head.addr)
        return;
    eg_each_hlist(conn, head, conn_link)
        take_sessions(f, conn);
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    struct finding *f = eg_tmp(r, sizeof *f);
    const unsigned ptr = eg_binding_of(r)->model.ptr_size;
    struct eg_obj conn;
    uint64_t all;

    *f = (struct finding){ .v = v, .r = r, .left = SESSIONS_MAX };
    if (!eg_has(r, ksmbd_session.sess_key)) {
        if (eg_system_symbol(eg_system_of(r), "ksmbd_conn_alloc", &all))
            eg_note(r, "the SMB server is there, but the types of its module are not known: its "
                       "keys are not found");
        return;
    }
    if (!eg_lookup(r, "conn_list", &all))
        return;
    if (eg_has(r, ksmbd_conn.conns_list))
        eg_each_list(conn, eg_object(r, list_head, all), ksmbd_conn.conns_list)
            take_sessions(f, conn);
    else if (eg_has(r, conn_link))
        for (uint64_t i = 0; i < BUCKETS && !eg_stopped(r); i++)
            take_bucket(f, eg_object(r, hlist_head, all + i * ptr));
    if (!f->left)
        eg_note(r, "ksmbd: more than %d sessions: the others are left out", SESSIONS_MAX - 1);
}

EG_KEY_SOURCE(ksmbd) = { .find = find };
