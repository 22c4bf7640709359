/* smb_test.c - keys of sessions of the kernel's SMB client and server, as sources of `keys`. What
 * derives was computed with another program. */
#include "check.h"
#include "mkcache.h"
#include "mkkeys.h"
#include <stdio.h>
#include <string.h>

#define NAMESPACE "struct user_namespace { struct ns_common ns; };"
#define TYPES(LINK)                                                                                \
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"                 \
    "  struct xarray *array; void *slots[64]; };"                                                  \
    "struct ksmbd_conn { " LINK " struct xarray sessions; u16 cipher_type; };"                     \
    "struct ksmbd_user { char *name; unsigned long passkey_sz; char *passkey; };"                  \
    "struct ksmbd_session { u64 id; struct ksmbd_user *user; u8 *Preauth_HashValue;"               \
    "  char sess_key[40]; u8 smb3encryptionkey[32], smb3decryptionkey[32], smb3signingkey[16]; };"
static const char *const listed[] = { NAMESPACE, TYPES("struct list_head conns_list;") NAMESPACE,
                                      NULL };
static const char *const hashed[] = { NAMESPACE, TYPES("struct hlist_node hlist;") NAMESPACE,
                                      NULL };

#define FROM                                                                                       \
    "  struct dentry *s_root; };struct address_space { struct inode *host;"                        \
    " struct xarray i_pages; };"
#define CIFS_TYPES                                                                                 \
    "struct cifs_sb_info { void *tlink_tree; struct tcon_link *master_tlink; };"                   \
    "struct tcon_link { int flags; struct cifs_tcon *tl_tcon; };"                                  \
    "struct cifs_tcon { int tid; struct cifs_ses *ses; };"                                         \
    "struct session_key { unsigned int len; char *response; };"                                    \
    "struct cifs_chan { int in_reconnect; u8 signkey[16]; };"                                      \
    "struct cifs_ses { struct list_head smb_ses_list; struct TCP_Server_Info *server; u64 Suid;"   \
    "  char ip_addr[49]; char *user_name, *domainName, *password, *password2;"                     \
    "  struct session_key auth_key; u8 smb3signingkey[16], smb3encryptionkey[32],"                 \
    "  smb3decryptionkey[32], preauth_sha_hash[64]; struct cifs_chan chans[16];"                   \
    "  unsigned long chan_count; };"                                                               \
    "struct TCP_Server_Info { struct list_head tcp_ses_list, smb_ses_list; char *hostname;"        \
    "  u16 dialect, cipher_type; };"
static const char client[] = "  struct dentry *s_root; void *s_fs_info; };" CIFS_TYPES
                             "struct address_space { struct inode *host; struct xarray i_pages; };";

struct world {
    struct mk_cache c;
    struct mk *k;
    uint64_t sb, conn, session, user;
};

static void put(struct mk *k, uint64_t at, const char *hex)
{
    uint8_t byte;

    for (; *hex; hex += 2, at++) {
        assert_int_equal(sscanf(hex, "%2hhx", &byte), 1);
        mk_write(k, at, &byte, 1);
    }
}

/** A session of SMB 3.0 whose key is 1, 2, … 16. */
static struct world begin(const struct mk_machine *m, const char *const *edits)
{
    struct world w = { .c.g = mk_guest(m, edits) };
    struct mk *k = w.k = w.c.g.k;
    const unsigned ptr = mk_model(k)->ptr_size;
    uint64_t all = mk_alloc(k, (size_t)4096 * ptr), link;

    mk_symbol(k, "conn_list", all);
    w.conn = mk_object(k, "ksmbd_conn");
    w.session = mk_object(k, "ksmbd_session");
    w.user = mk_object(k, "ksmbd_user");
    if (edits == listed) {
        link = mk_at(k, w.conn, "ksmbd_conn.conns_list");
        mk_list(k, all, &link, 1);
    } else {
        link = mk_at(k, w.conn, "ksmbd_conn.hlist");
        mk_write_ptr(k, all + 4095 * ptr, link);
        mk_put(k, link, "hlist_node.pprev", all + 4095 * ptr);
    }
    mk_put(k, w.conn, "ksmbd_conn.sessions.xa_head", w.session);
    mk_put(k, w.conn, "ksmbd_conn.cipher_type", 1);
    mk_put(k, w.session, "ksmbd_session.id", 7);
    mk_put(k, w.session, "ksmbd_session.user", w.user);
    put(k, mk_at(k, w.session, "ksmbd_session.sess_key"), "0102030405060708090a0b0c0d0e0f10");
    put(k, mk_at(k, w.session, "ksmbd_session.smb3signingkey"), "df3d10c804f8be22ba94d4a0576ec1d4");
    put(k, mk_at(k, w.session, "ksmbd_session.smb3encryptionkey"),
        "e9fce4868a74b3b8c9f7c6d472593db8");
    put(k, mk_at(k, w.session, "ksmbd_session.smb3decryptionkey"),
        "8ff7ad999deba4160c9991d3a9c730f4");
    mk_put(k, w.user, "ksmbd_user.name", mk_text(k, "smith"));
    mk_put(k, w.user, "ksmbd_user.passkey", mk_text(k, "0123456789abcdef"));
    mk_put(k, w.user, "ksmbd_user.passkey_sz", 16);
    return w;
}

/** NAME and PURPOSE of keys; "!" behind those that are not proven. */
static const char *found(struct world *w)
{
    static char out[1024];
    const char *line = mk_guest_rows(&w->c.g, "keys", NULL);
    size_t n = 0;

    out[0] = 0;
    for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *name = line + 6, *to = name;

        if (strncmp(line, "ksmbd|", 6) != 0)
            continue;
        to += strcspn(to, "|") + 1;
        to += strcspn(to, "|");
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", (int)(to - name), name);
        for (int i = 0; i < 7; i++)
            to += strcspn(to, "|") + 1;
        n += (size_t)snprintf(out + n, sizeof out - n, "%s\n", *to == '|' ? "!" : "");
    }
    return out;
}

static void sessions(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, listed);

        assert_string_equal(found(&w), "smith|signing key\nsmith|encryption key\n"
                                       "smith|decryption key\nsmith|session key\n"
                                       "smith|digest of the password\n");
        // Keys of another session.
        put(w.k, mk_at(w.k, w.session, "ksmbd_session.sess_key"), "ff");
        assert_string_equal(found(&w), "smith|signing key!\nsmith|encryption key!\n"
                                       "smith|decryption key!\nsmith|session key!\n"
                                       "smith|digest of the password!\n");
        mk_put(w.k, w.user, "ksmbd_user.passkey_sz", UINT32_MAX);
        mk_put(w.k, w.user, "ksmbd_user.name", 64);
        mk_put(w.k, w.session, "ksmbd_session.Preauth_HashValue", 64);
        put(w.k, mk_at(w.k, w.session, "ksmbd_session.smb3signingkey"),
            "00000000000000000000000000000000");
        assert_string_equal(found(&w), "|encryption key!\n|decryption key!\n|session key!\n");
        mk_put(w.k, w.conn, "ksmbd_conn.sessions.xa_head", 64);
        assert_string_equal(found(&w), "");
        mk_put(w.k, w.conn, "ksmbd_conn.conns_list.next", 64);
        assert_string_equal(found(&w), "");
        mk_free(w.k);
    }
}

static void hash_table(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, hashed);

        assert_string_equal(found(&w), "smith|signing key\nsmith|encryption key\n"
                                       "smith|decryption key\nsmith|session key\n"
                                       "smith|digest of the password\n");
        // It is in no bucket, or the table has fewer.
        mk_put(w.k, w.conn, "ksmbd_conn.hlist.pprev", w.conn);
        assert_string_equal(found(&w), "");
        assert_int_equal(mk_row_notes("ksmbd"), 0);
        mk_free(w.k);
    }
}

/* ---- the client ---- */

static struct world begin_client(const struct mk_machine *m)
{
    struct world w = { 0 };

    mk_cache_begin_edited(&w.c, m, "cifs", FROM, client);
    w.k = w.c.k;
    w.sb = w.c.g.sb;
    return w;
}

static uint64_t bytes(struct mk *k, const void *p, size_t n)
{
    uint64_t at = mk_alloc(k, n);

    mk_write(k, at, p, n);
    return at;
}

static uint64_t session(struct world *w, const char *sign, const char *out, const char *in)
{
    struct mk *k = w->k;
    uint64_t own = mk_object(k, "cifs_sb_info"), link = mk_object(k, "tcon_link");
    uint64_t tcon = mk_object(k, "cifs_tcon"), ses = mk_object(k, "cifs_ses");
    uint64_t server = mk_object(k, "TCP_Server_Info");
    uint8_t key[64];

    mk_put(k, w->sb, "super_block.s_fs_info", own);
    mk_put(k, own, "cifs_sb_info.master_tlink", link);
    mk_put(k, link, "tcon_link.tl_tcon", tcon);
    mk_put(k, tcon, "cifs_tcon.ses", ses);
    mk_put(k, ses, "cifs_ses.server", server);
    mk_list_append(k, mk_at(k, server, "TCP_Server_Info.smb_ses_list"),
                   mk_at(k, ses, "cifs_ses.smb_ses_list"));
    mk_put(k, server, "TCP_Server_Info.hostname", mk_text(k, "files"));
    mk_put(k, server, "TCP_Server_Info.dialect", 0x311);
    mk_put(k, server, "TCP_Server_Info.cipher_type", strlen(out) == 64 ? 4 : 1);
    mk_put(k, ses, "cifs_ses.Suid", 0x4711);
    mk_put(k, ses, "cifs_ses.user_name", mk_text(k, "smith"));
    mk_put(k, ses, "cifs_ses.password", mk_text(k, "hunter2"));
    mk_count(key, 64, 1);
    mk_put(k, ses, "cifs_ses.auth_key.len", 16);
    mk_put(k, ses, "cifs_ses.auth_key.response", bytes(k, key, 16));
    mk_count(key, 64, 0);
    mk_write(k, mk_at(k, ses, "cifs_ses.preauth_sha_hash"), key, 64);
    mk_unhex(key, sign);
    mk_write(k, mk_at(k, ses, "cifs_ses.smb3signingkey"), key, 16);
    mk_unhex(key, out);
    mk_write(k, mk_at(k, ses, "cifs_ses.smb3encryptionkey"), key, strlen(out) / 2);
    mk_unhex(key, in);
    mk_write(k, mk_at(k, ses, "cifs_ses.smb3decryptionkey"), key, strlen(in) / 2);
    return ses;
}

#define FROM_SESSION "derives from the session key"
static void smb(void **state)
{
    static const char *const keys[2][3] = {
        { "642df97abaeb00e8df6b88ee4e44e762",
          "9919209fe118fb446446a8ce32dce7a52ff79e151f8bfb02c0537d643c311464",
          "a21d59e9d903d7254173c49345780dc7ae91c892e9315210d4d3421e91f297bb" },
        { "df3d10c804f8be22ba94d4a0576ec1d4", "8ff7ad999deba4160c9991d3a9c730f4",
          "e9fce4868a74b3b8c9f7c6d472593db8" },
    };

    (void)state;
    mk_each_machine(m)
    {
        for (unsigned i = 0; i < 2; i++) { // 3.1.1 with AES-256-GCM, 3.0 with AES-128-CCM
            const char *cipher = i ? "AES-128-CCM" : "AES-256-GCM";
            struct world w = begin_client(m);
            uint64_t ses = session(&w, keys[i][0], keys[i][1], keys[i][2]);

            FINDS(&w, "cifs", "smith@files", "signing key", "", FROM_SESSION, keys[i][0]);
            FINDS(&w, "cifs", "smith@files", "encryption key", cipher, FROM_SESSION, keys[i][1]);
            FINDS(&w, "cifs", "smith@files", "decryption key", cipher, FROM_SESSION, keys[i][2]);
            FINDS(&w, "cifs", "smith@files", "session key", "", "keys of the session derive",
                  "0102030405060708090a0b0c0d0e0f10");
            FINDS(&w, "cifs", "smith@files", "password", "", "session whose keys derive",
                  "68756e74657232");
            assert_int_equal(ROWS(&w, "cifs"), 5);
            // A channel of its own; of another session key nothing derives.
            mk_put(w.k, ses, "cifs_ses.chan_count", UINT32_MAX);
            mk_write(w.k,
                     mk_at(w.k, ses, "cifs_ses.chans") + mk_size(w.k, "cifs_chan") +
                         mk_at(w.k, 0, "cifs_chan.signkey"),
                     "0123456789abcdef", 16);
            FINDS(&w, "cifs", "smith@files", "signing key of channel 1", "", "",
                  "30313233343536373839616263646566");
            mk_write(w.k, mk_of(&w.c.g, ses, "cifs_ses.auth_key.response"), "x", 1);
            FINDS(&w, "cifs", "smith@files", "password", "", "");
            FINDS(&w, "cifs", "smith@files", "signing key", "", "");
            // Lengths and pointers from nowhere.
            mk_put(w.k, ses, "cifs_ses.auth_key.len", UINT32_MAX);
            mk_put(w.k, ses, "cifs_ses.password", 64);
            FINDS_NO(&w, "cifs", "smith@files", "session key");
            FINDS_NO(&w, "cifs", "smith@files", "password");
            mk_put(w.k, ses, "cifs_ses.server", 0);
            FINDS_NO(&w, "cifs");
            mk_cache_end(&w.c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sessions), cmocka_unit_test(hash_table),
                                        cmocka_unit_test(smb) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
