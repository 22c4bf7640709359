/* ksmbd_test.c - keys of sessions of the kernel's SMB server, as a source of `keys`. What derives
 * was computed with another program. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

#define NAMESPACE "struct user_namespace { struct ns_common ns; };"
#define TYPES                                                                                      \
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"                 \
    "  struct xarray *array; void *slots[64]; };"                                                  \
    "struct ksmbd_conn { struct list_head conns_list; struct xarray sessions; u16 cipher_type; };" \
    "struct ksmbd_user { char *name; unsigned long passkey_sz; char *passkey; };"                  \
    "struct ksmbd_session { u64 id; struct ksmbd_user *user; u8 *Preauth_HashValue;"               \
    "  char sess_key[40]; u8 smb3encryptionkey[32], smb3decryptionkey[32], smb3signingkey[16]; };"
static const char *const edits[] = { NAMESPACE, TYPES NAMESPACE, NULL };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t conn, session, user;
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
static struct world begin(const struct mk_machine *m)
{
    struct world w = { .g = mk_guest(m, edits) };
    struct mk *k = w.k = w.g.k;
    uint64_t all = mk_alloc(k, 2 * mk_model(k)->ptr_size), link;

    mk_symbol(k, "conn_list", all);
    w.conn = mk_object(k, "ksmbd_conn");
    w.session = mk_object(k, "ksmbd_session");
    w.user = mk_object(k, "ksmbd_user");
    link = mk_at(k, w.conn, "ksmbd_conn.conns_list");
    mk_list(k, all, &link, 1);
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
    const char *line = mk_guest_rows(&w->g, "keys", NULL);
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
        struct world w = begin(m);

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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sessions) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
