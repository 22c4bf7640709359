/* keyringkeys_test.c - the kernel's keys as a source of `keys`: what proves them, and those that
 * keyrings must decrypt first. What is encrypted was encrypted with other programs. */
#include "check.h"
#include "mkcache.h"
#include <stdio.h>
#include <string.h>

#define FROM "struct cred { kuid_t uid,"
#define MODULES                                                                                    \
    "struct ceph_crypto_key { int type; int len; void *key; };"                                    \
    "struct rxkad_key { u32 vice_id; u8 session_key[8]; };"                                        \
    "struct krb5_buffer { u32 len; void *data; };"                                                 \
    "struct rxgk_key { u32 enctype; struct krb5_buffer key; };"                                    \
    "struct rxrpc_key_token { u16 security_index; struct rxkad_key *kad; struct rxgk_key *rxgk; "  \
    "};"
#define TO(MODULES)                                                                                \
    "struct key_type { const char *name; };"                                                       \
    "struct assoc_array { void *root; unsigned long nr_leaves_on_tree; };"                         \
    "struct user_key_payload { void *rcu[2]; unsigned short datalen; u8 data[8]; };"               \
    "struct encrypted_key_payload { char *master_desc; u8 *iv, *encrypted_data;"                   \
    "  unsigned short decrypted_datalen; u8 *decrypted_data; };"                                   \
    "struct public_key { void *key; u32 keylen; bool key_is_private; const char *pkey_algo; };"    \
    "struct asymmetric_key_subtype { void *owner; const char *name; };" MODULES                    \
    "struct key { int serial; struct rb_node serial_node; u32 perm; s16 state;"                    \
    "  unsigned short datalen; unsigned long flags; struct key_type *type; char *description;"     \
    "  union { struct { void *data[4]; } payload; struct { void *link[2];"                         \
    "  struct assoc_array keys; }; }; };"                                                          \
    "struct cred { struct key *thread_keyring, *session_keyring; kuid_t uid,"

/* openssl genrsa 512, as PKCS#8 wraps it. */
static const char rsa[] =
    "3082013c020100024100dae6d75dc9a645303c770b29dd2322722fae73da4e394e6784de2888ad3f836fba730c01"
    "3f6f3b067bf08ee10809ab1a75106b800d88fc0ac6c28953936ae7d3020301000102405ffd0dbf80a73a7bb667f5"
    "2b3c5f25c1b08aed1e7362c9b0b720bbe18326f0b903708d615a89fde7a016461023a1158b3e64c284d4b30daf66"
    "cb91212c6f23c1022100ff77184568222b0c84d8e68ceb6c4f1095b5011203499d1d04bb1f7202c722f1022100db"
    "5c26e27c2446fefd4b176401aa71a58857d39a2454d5f8da648e97f3df6f03022100bbfe8459ef3bd5ba2cb90150"
    "8a9ef5c01aab4cd258a0ff81af4d94e26db0e5c1022100d4c346fbfa48fd8ba9864203c011dff51c8f833048f8f8"
    "294d3aa78bff00c29d022100c4831a6941eb7f7d725b344aacbd0fe26cfb589709e84d0f3e499d9ec09d24c8";

struct world {
    struct mk_cache c;
    struct mk *k;
    uint64_t last; // key
    int serial;
};

static size_t unhex(uint8_t *out, const char *hex)
{
    const uint8_t *from = out;

    for (; *hex; hex += 2)
        assert_int_equal(sscanf(hex, "%2hhx", out++), 1);
    return (size_t)(out - from);
}

static uint64_t bytes(struct mk *k, const void *p, size_t n)
{
    uint64_t at = mk_alloc(k, n);

    mk_write(k, at, p, n);
    return at;
}

static struct world begin_with(const struct mk_machine *m, const char *types)
{
    struct world w = { 0 };

    mk_cache_begin_edited(&w.c, m, "tmpfs", FROM, types);
    w.k = w.c.k;
    return w;
}

static struct world begin(const struct mk_machine *m)
{
    return begin_with(m, TO(MODULES));
}

/** A key at the right of the last one in the tree; a thread has the first. */
static uint64_t add(struct world *w, const char *type, const char *name, uint64_t payload)
{
    struct mk *k = w->k;
    uint64_t key = mk_object(k, "key"), of = mk_object(k, "key_type"), task;

    mk_put(k, of, "key_type.name", mk_text(k, type));
    mk_put(k, key, "key.type", of);
    mk_put(k, key, "key.serial", (uint64_t)++w->serial);
    mk_put(k, key, "key.state", 1);
    mk_put(k, key, "key.description", mk_text(k, name));
    mk_write_ptr(k, mk_at(k, key, "key.payload.data"), payload);
    if (w->last) {
        mk_put(k, w->last, "key.serial_node.rb_right", mk_at(k, key, "key.serial_node"));
        mk_put(k, key, "key.serial_node.__rb_parent_color",
               mk_at(k, w->last, "key.serial_node") | 1);
    } else {
        task = mk_guest_task(&w->c.g, 5, "prog", 0);
        mk_put(k, mk_of(&w->c.g, task, "task_struct.cred"), "cred.session_keyring", key);
    }
    return w->last = key;
}

static uint64_t user(struct mk *k, const char *text)
{
    uint64_t p = mk_alloc(k, mk_size(k, "user_key_payload") + strlen(text));

    mk_put(k, p, "user_key_payload.datalen", strlen(text));
    mk_write(k, mk_at(k, p, "user_key_payload.data"), text, strlen(text));
    return p;
}

/** NAME to ALGORITHM, then VERIFIED and FINGERPRINT of keys of the kernel. */
static const char *found(struct world *w)
{
    static char out[4096];
    const char *rows = mk_guest_rows(&w->c.g, "keys", "show"), *line;
    char cells[2][512];
    size_t n = 0;

    out[0] = 0;
    for (line = rows; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!strncmp(line, "keyring key|", 12)) {
            const char *to = line;

            for (int i = 0; i < 4; i++)
                to += strcspn(to, "|") + 1;
            snprintf(cells[0], sizeof cells[0], "%.*s", (int)(to - line - 12), line + 12);
            for (int i = 0; i < 5; i++)
                to += strcspn(to, "|") + 1;
            snprintf(cells[1], sizeof cells[1], "%.*s",
                     (int)(strcspn(to, "|") + 1 + strcspn(to + strcspn(to, "|") + 1, "|")), to);
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s\n", cells[0], cells[1]);
        }
    return out;
}

static void payloads(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t ceph = mk_object(k, "ceph_crypto_key"), kad = mk_object(k, "rxkad_key");
        uint64_t token = mk_object(k, "rxrpc_key_token"), gk = mk_object(k, "rxgk_key");

        mk_put(k, ceph, "ceph_crypto_key.type", 1);
        mk_put(k, ceph, "ceph_crypto_key.len", 3);
        mk_put(k, ceph, "ceph_crypto_key.key", mk_text(k, "abc"));
        mk_puts(k, kad, "rxkad_key.session_key", "12345678");
        mk_put(k, token, "rxrpc_key_token.security_index", 2);
        mk_put(k, token, "rxrpc_key_token.kad", kad);
        add(&w, "user", "mine", user(k, "abc"));
        add(&w, "psk", "NVMe0R01", user(k, "abc"));            // of TLS
        add(&w, "dns_resolver", "host", user(k, "192.0.2.1")); // no key
        add(&w, "ceph", "client", ceph);
        add(&w, "rxrpc", "afs@x", token);
        assert_string_equal(found(&w), "mine|user||payload|ba7816bf8f01cfea\n"
                                       "NVMe0R01|psk||payload|ba7816bf8f01cfea\n"
                                       "client|ceph|AES|payload|ba7816bf8f01cfea\n"
                                       "afs@x|rxrpc|DES, rxkad|payload|ef797c8118f02dfb\n");
        mk_put(k, token, "rxrpc_key_token.security_index", 6);
        mk_put(k, token, "rxrpc_key_token.rxgk", gk);
        mk_put(k, gk, "rxgk_key.key.len", 3);
        mk_put(k, gk, "rxgk_key.key.data", mk_text(k, "abc"));
        assert_string_equal(found(&w), "mine|user||payload|ba7816bf8f01cfea\n"
                                       "NVMe0R01|psk||payload|ba7816bf8f01cfea\n"
                                       "client|ceph|AES|payload|ba7816bf8f01cfea\n"
                                       "afs@x|rxrpc|rxgk|payload|ba7816bf8f01cfea\n");
        // Of another security class; more than a key has.
        mk_put(k, token, "rxrpc_key_token.security_index", 5);
        mk_put(k, ceph, "ceph_crypto_key.len", INT32_MAX);
        assert_string_equal(found(&w), "mine|user||payload|ba7816bf8f01cfea\n"
                                       "NVMe0R01|psk||payload|ba7816bf8f01cfea\n");
        mk_cache_end(&w.c);
    }
}

/* Before 5.11 there are no types of modules. */
static void untyped(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin_with(m, TO(""));
        struct mk *k = w.k;
        const unsigned ptr = mk_model(k)->ptr_size, last = mk_model(k)->big_endian ? 3 : 0;
        uint64_t ceph = mk_alloc(k, 64), token = mk_alloc(k, 64), kad = mk_alloc(k, 64);

        mk_write(k, ceph + last, "\1", 1);
        mk_write(k, ceph + 12 + last, "\3", 1);
        mk_write_ptr(k, ceph + 16, mk_text(k, "abc"));
        mk_write(k, token + (last ? 1 : 0), "\2", 1);
        mk_write_ptr(k, token + 2 * ptr, kad);
        mk_write(k, kad + 20, "12345678", 8);
        add(&w, "ceph", "client", ceph);
        add(&w, "rxrpc", "afs@x", token);
        assert_string_equal(found(&w), "client|ceph|AES|payload|ba7816bf8f01cfea\n"
                                       "afs@x|rxrpc|DES, rxkad|payload|ef797c8118f02dfb\n");
        mk_write(k, ceph + 12 + last, "\41", 1);
        mk_write(k, token + (last ? 1 : 0), "\3", 1);
        assert_string_equal(found(&w), "");
        mk_cache_end(&w.c);
    }
}

static void encrypted(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t p = mk_object(k, "encrypted_key_payload"), master = user(k, "master-secret-16");
        uint8_t iv[16], sealed[32];

        for (unsigned i = 0; i < 16; i++)
            iv[i] = (uint8_t)i;
        unhex(sealed, "35c3ddc437c5f649cb12476cdf59412428ccb11d76b536b8f39e7b9ead78ea95");
        mk_put(k, p, "encrypted_key_payload.master_desc", mk_text(k, "user:kmk"));
        mk_put(k, p, "encrypted_key_payload.iv", bytes(k, iv, 16));
        mk_put(k, p, "encrypted_key_payload.encrypted_data", bytes(k, sealed, 32));
        mk_put(k, p, "encrypted_key_payload.decrypted_datalen", 20);
        mk_put(k, p, "encrypted_key_payload.decrypted_data", mk_text(k, "twenty bytes of key!"));
        add(&w, "encrypted", "disk", p);
        add(&w, "user", "other", user(k, "x"));
        add(&w, "user", "kmk", master);
        assert_int_equal(strncmp(found(&w), "disk|encrypted||decrypts with its master key|", 45),
                         0);
        mk_put(k, p, "encrypted_key_payload.master_desc", mk_text(k, "user:other"));
        assert_non_null(strstr(found(&w), "disk|encrypted|||")); // what was decrypted is another
        mk_put(k, p, "encrypted_key_payload.master_desc", mk_text(k, "user:none"));
        assert_int_equal(strncmp(found(&w), "disk|encrypted||payload|", 24), 0);
        mk_put(k, p, "encrypted_key_payload.master_desc", mk_text(k, "user:kmk"));
        mk_put(k, p, "encrypted_key_payload.iv", 64);
        assert_int_equal(strncmp(found(&w), "disk|encrypted||payload|", 24), 0);
        mk_cache_end(&w.c);
    }
}

static void asymmetric(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t own = mk_object(k, "public_key"), sub = mk_object(k, "asymmetric_key_subtype");
        uint64_t key = add(&w, "asymmetric", "signer", own);
        uint8_t der[400];
        const size_t n = unhex(der, rsa);

        mk_put(k, sub, "asymmetric_key_subtype.name", mk_text(k, "public_key"));
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + mk_model(k)->ptr_size, sub);
        mk_put(k, own, "public_key.key", bytes(k, der, n));
        mk_put(k, own, "public_key.keylen", n);
        mk_put(k, own, "public_key.key_is_private", 1);
        mk_put(k, own, "public_key.pkey_algo", mk_text(k, "rsa"));
        assert_int_equal(strncmp(found(&w), "signer|asymmetric|rsa|n = p q, e d = 1, CRT|", 44), 0);
        // That of a certificate; of another subtype.
        mk_put(k, own, "public_key.key_is_private", 0);
        assert_string_equal(found(&w), "");
        mk_put(k, own, "public_key.key_is_private", 1);
        mk_put(k, sub, "asymmetric_key_subtype.name", mk_text(k, "asym_tpm"));
        assert_string_equal(found(&w), "");
        mk_cache_end(&w.c);
    }
}

/* What is long lies encrypted in a file of shared memory. */
static void big(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        const unsigned ptr = mk_model(k)->ptr_size;
        uint64_t dentry = mk_cache_file(&w.c, 0, "big", MK_REG, 1516), key, page;
        uint8_t by[32], tag[16];
        size_t ram;

        for (unsigned i = 0; i < 32; i++)
            by[i] = (uint8_t)i;
        unhex(tag, "e8430dfd79162d498a7fae1d0bec9f8e");
        page = mk_cache_folio(&w.c, dentry, 0, 1, "A", MK_FRESH) * w.c.g.page;
        memcpy(mk_ram(k, &ram) + page + 1500, tag, sizeof tag);
        key = add(&w, "big_key", "large", bytes(k, by, 32));
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + 2 * ptr, dentry);
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + 3 * ptr, 1500);
        assert_string_equal(found(&w),
                            "large|big_key||tag of ChaCha20-Poly1305|3adf24248cb36290\n");
        // Of another length, changed, no file.
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + 3 * ptr, 1499);
        assert_string_equal(found(&w), "");
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + 3 * ptr, 1500);
        mk_ram(k, &ram)[page] = 'B';
        assert_string_equal(found(&w), "");
        mk_write_ptr(k, mk_at(k, key, "key.payload.data") + 2 * ptr, 64);
        assert_string_equal(found(&w), "");
        mk_cache_end(&w.c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads),   cmocka_unit_test(untyped), cmocka_unit_test(encrypted),
        cmocka_unit_test(asymmetric), cmocka_unit_test(big),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
