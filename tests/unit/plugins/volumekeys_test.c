/* volumekeys_test.c - keys of dm-crypt: in its own memory, in the schedules of its cipher alone,
 * wiped, and what is not believed. */
#include "check.h"
#include "mkvolume.h"

static void cbc(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        const char *rows;
        char want[400];
        uint64_t tfm = transform(w.k, "crypto_skcipher", "crypto_skcipher.base", "cbc-aes", 300);
        uint8_t key[64];

        key_of(key);
        use(&w, "aes-cbc-plain64", 32);
        mk_write_ptr(w.k, w.tfms, tfm);
        rows = mk_rows(w.k, "volumekeys", NULL);
        assert_string_equal(mk_columns(rows, 1, 16),
                            "dm-0|vault|CRYPT-LUKS2-1-vault|sda|aes-cbc-plain64|256|512|5|100|7|32|"
                            "KEY_VALID,NO_OFFLOAD||crypt_config||630dcd2966c43366");
        assert_null(strstr(rows, KEY16)); // unless it is asked for
        assert_string_equal(found(&w), found32(want, "crypt_config|", "aes-cbc-plain64"));
        // Another key's schedule proves nothing; its own does.
        key[3] ^= 1;
        schedule(w.k, context_of(w.k, tfm, "crypto_skcipher.base") + 16, key, 8);
        assert_string_equal(found(&w), found32(want, "crypt_config|", "aes-cbc-plain64"));
        key[3] ^= 1;
        schedule(w.k, context_of(w.k, tfm, "crypto_skcipher.base") + 16, key, 8);
        assert_string_equal(found(&w), found32(want, "crypt_config|schedule", "aes-cbc-plain64"));
        // The kernel wiped its copy.
        wipe(&w);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "aes-cbc-plain64"));
        mk_put(w.k, w.config, "crypt_config.flags", 1);
        assert_string_equal(found(&w), "|||||the key was wiped, as luksSuspend does");
        mk_free(w.k);
    }
}

/* The two keys of XTS: in transforms of their own, in one struct, and where nothing tells them. */
static void xts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t top =
            transform(k, "crypto_skcipher", "crypto_skcipher.base", "xts(ecb(aes-lib))", 16);
        uint64_t data = transform(k, "crypto_skcipher", "crypto_skcipher.base", "ecb(aes-lib)", 8);
        uint64_t cipher = transform(k, "crypto_cipher", "crypto_cipher.base", "aes-lib", 480);
        uint64_t tweak = transform(k, "crypto_cipher", "crypto_cipher.base", "aes-lib", 480);
        uint64_t ni = transform(k, "crypto_skcipher", "crypto_skcipher.base", "xts-aes-aesni", 992);
        const uint64_t own = context_of(k, ni, "crypto_skcipher.base");
        const uint64_t made = context_of(k, top, "crypto_skcipher.base");
        uint8_t key[64];
        char want[400];

        key_of(key);
        use(&w, "aes-xts-plain64", 32);
        wipe(&w);
        mk_put(k, w.config, "crypt_config.key_string", text(k, "logon:x"));
        mk_write_ptr(k, w.tfms, top);
        mk_write_ptr(k, made, data);
        mk_write_ptr(k, made + mk_model(k)->ptr_size, tweak);
        mk_write_ptr(k, context_of(k, data, "crypto_skcipher.base"), cipher);
        schedule(k, context_of(k, cipher, "crypto_cipher.base"), key, 4);
        schedule(k, context_of(k, tweak, "crypto_cipher.base"), key + 16, 4);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "aes-xts-plain64"));
        // A ring of transforms.
        mk_write_ptr(k, context_of(k, data, "crypto_skcipher.base"), top);
        assert_string_equal(found(&w), "|||||the kernel has wiped its copy, and the cipher has no "
                                       "AES key");
        mk_write_ptr(k, w.tfms, ni);
        schedule(k, own, key + 16, 4);
        schedule(k, own + 496, key, 4);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "aes-xts-plain64"));
        // Which of the two is the first is not guessed.
        schedule(k, own + 512, key, 4);
        mk_write(k, own + 496, "0123456789abcdef", 16);
        assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
        use(&w, "aes-xts-plain64", 32);
        assert_string_equal(found(&w), found32(want, "crypt_config|schedule", "aes-xts-plain64"));
        mk_free(k);
    }
}

static void damage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-aes", 300);
        char want[400];

        use(&w, "aes-cbc-plain64", 32);
        // An algorithm that is none, more ciphers than there can be, a pointer to nowhere.
        mk_write_ptr(k, w.tfms, tfm);
        mk_put(k, mk_at(k, tfm, "crypto_skcipher.base"), "crypto_tfm.__crt_alg", 0x10000);
        mk_put(k, w.config, "crypt_config.tfms_count", UINT32_MAX);
        assert_string_equal(found(&w), found32(want, "crypt_config|", "aes-cbc-plain64"));
        mk_put(k, w.config, "crypt_config.cipher_tfm.tfms", 0);
        assert_string_equal(found(&w), found32(want, "crypt_config|", "aes-cbc-plain64"));
        // More of the key signs than there is.
        mk_put(k, w.config, "crypt_config.key_mac_size", UINT32_MAX);
        mk_put(k, w.config, "crypt_config.key_extra_size", UINT32_MAX);
        assert_string_equal(found(&w), found32(want, "crypt_config|", "aes-cbc-plain64"));
        mk_put(k, w.config, "crypt_config.key_size", 0);
        assert_non_null(strstr(found(&w), "the cipher has no key"));
        mk_put(k, w.config, "crypt_config.key_size", 1 << 30);
        assert_string_equal(found(&w), "");
        assert_int_equal(mk_row_notes("dm-0: what encrypts target 0 cannot be read"), 1);
        mk_put(k, w.target, "dm_target.table", w.config);
        assert_string_equal(found(&w), "");
        assert_int_equal(mk_row_notes("dm-0: target 0 of 1 of device mapper cannot be read"), 1);
        mk_put(k, w.table, "dm_table.num_targets", UINT32_MAX);
        assert_string_equal(found(&w), "");
        assert_int_equal(mk_row_notes("dm-0: the table of device mapper cannot be read"), 1);
        mk_put(k, w.disk[1], "gendisk.private_data", 0);
        assert_string_equal(found(&w), "");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(k);
    }
}

/* Where no pointer leads from a device to its name: a table of chains, also one that has no end. */
static void chains(void **state)
{
    enum { BUCKETS = 64 };
    char types[] = MK_VOLUME_TYPES, *member = strstr(types, "interface_ptr");

    (void)state;
    assert_non_null(member);
    memcpy(member, "interface_old", strlen("interface_old"));
    mk_each_machine(m)
    {
        struct world w = begin_unnamed(m, types);
        struct mk *k = w.k;
        uint64_t heads = mk_alloc(k, BUCKETS * 16), ring = mk_object(k, "hash_cell");

        for (uint64_t i = 0; i < BUCKETS; i++)
            mk_write_ptr(k, heads + 16 * i, heads + 16 * i);
        mk_write_ptr(k, heads + 16 * (BUCKETS - 1), w.cell);
        mk_write_ptr(k, ring, ring);
        mk_symbol(k, "_name_buckets", heads);
        use(&w, "aes-cbc-plain64", 32);
        if (mk_model(k)->ptr_size == 8) {
            assert_string_equal(mk_columns(mk_rows(k, "volumekeys", NULL), 1, 2), "dm-0|vault");
            mk_write_ptr(k, heads, ring);
            assert_string_equal(mk_columns(mk_rows(k, "volumekeys", NULL), 1, 2), "dm-0|");
        }
        mk_free(k);
    }
}

/* Without the types of the module its layout must be known, which is that of 64 bits. */
static void no_types(void **state)
{
    char types[] = MK_VOLUME_TYPES, *at = strstr(types, "struct crypt_config");

    (void)state;
    assert_non_null(at);
    memcpy(at, "struct crypt_confix", strlen("struct crypt_config"));
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        struct world w = { .k = k };

        disk(&w, 0, "sda", 8 << MAJOR);
        disk(&w, 1, "dm-0", 253 << MAJOR);
        block_class(&w);
        assert_string_equal(mk_rows(k, "volumekeys", NULL), "");
        assert_int_equal(mk_row_notes("kernel of 32 bits"), mk_model(k)->ptr_size == 4);
        mk_free(k);
    }
}

static void spec(struct world *w, const char *member, const char *alg, uint64_t key, uint32_t size)
{
    struct mk *k = w->k;
    const uint64_t at = mk_at(k, w->config, member);

    mk_put(k, at, "alg_spec.alg_string", text(k, alg));
    mk_put(k, at, "alg_spec.key", key);
    mk_put(k, at, "alg_spec.key_size", size);
}

/* Keys of dm-integrity; also one without an end, one that is none, and one at no place. */
static void integrity(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t type = mk_object(k, "target_type"), at = mk_alloc(k, 64);
        uint8_t key[64];

        key_of(key);
        mk_write(k, at, key, sizeof key);
        w.config = mk_object(k, "dm_integrity_c");
        mk_put(k, w.target, "dm_target.type", type);
        mk_put(k, w.target, "dm_target.private", w.config);
        mk_put(k, type, "target_type.name", text(k, "integrity"));
        spec(&w, "dm_integrity_c.internal_hash_alg", "hmac(sha256)", at, 32);
        spec(&w, "dm_integrity_c.journal_mac_alg", "hmac(sha1)", at + 32, 16);
        assert_string_equal(mk_columns(mk_rows(k, "keys", (const char *[]){ "show", NULL }), 0, 4),
                            "dm-integrity|dm-0 vault|integrity key|hmac(sha256)|256\n"
                            "dm-integrity|dm-0 vault|journal integrity key|hmac(sha1)|128");
        assert_non_null(
            strstr(mk_rows(k, "keys", (const char *[]){ "show", NULL }), "|" KEY32 "|"));
        spec(&w, "dm_integrity_c.journal_crypt_alg", "ctr(aes)", at, 0);
        spec(&w, "dm_integrity_c.internal_hash_alg", "hmac(sha256)", at, UINT32_MAX);
        spec(&w, "dm_integrity_c.journal_mac_alg", "hmac(sha1)", 8, 16);
        assert_string_equal(mk_rows(k, "keys", NULL), "");
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbc),    cmocka_unit_test(xts),      cmocka_unit_test(damage),
        cmocka_unit_test(chains), cmocka_unit_test(no_types), cmocka_unit_test(integrity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
