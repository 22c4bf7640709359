/* fskeys_test.c - keys of file systems, as sources of `keys`: fscrypt's and eCryptfs's. What
 * derives from what was computed with other programs. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/kdf.h"
#include "check.h"
#include "mkcache.h"
#include "mkkeys.h"
#include <stdio.h>
#include <string.h>

#define CRYPTO_TYPES                                                                               \
    "struct crypto_alg { u32 cra_ctxsize, cra_alignmask; char cra_driver_name[128]; };"            \
    "struct crypto_tfm { u32 crt_flags; struct crypto_alg *__crt_alg; u8 __crt_ctx[1200]; };"      \
    "struct crypto_skcipher { u32 reqsize; struct crypto_tfm base; };"                             \
    "struct crypto_shash { u32 descsize; struct crypto_tfm base; };"                               \
    "struct aesni_xts_ctx { u8 tweak_ctx[496]; u8 crypt_ctx[496]; };"
#define FSCRYPT_TYPES(RING, HKDF, INFO)                                                            \
    "struct fscrypt_operations { long inode_info_offs; };"                                         \
    "struct fscrypt_keyring { int lock;" RING " };"                                                \
    "struct fscrypt_hkdf {" HKDF "};"                                                              \
    "struct fscrypt_master_key_secret { struct fscrypt_hkdf hkdf; u32 size; u8 raw[64]; };"        \
    "struct fscrypt_key_specifier { u32 type, __reserved; u8 u[32]; };"                            \
    "struct fscrypt_master_key { struct hlist_node mk_node;"                                       \
    "  struct fscrypt_master_key_secret mk_secret; struct fscrypt_key_specifier mk_spec; };"       \
    "struct fscrypt_mode { const char *friendly_name; int keysize; };"                             \
    "struct fscrypt_prepared_key { struct crypto_skcipher *tfm; };"                                \
    "struct " INFO " { struct fscrypt_prepared_key ci_enc_key; struct fscrypt_mode *ci_mode;"      \
    "  struct inode *ci_inode; u8 ci_policy[24]; u8 ci_nonce[16]; };"
#define KEY_TYPES                                                                                  \
    "struct key_type { const char *name; };"                                                       \
    "struct assoc_array { void *root; unsigned long nr_leaves_on_tree; };"                         \
    "struct assoc_array_node { void *back_pointer; u8 parent_slot; void *slots[16]; };"            \
    "struct assoc_array_shortcut { void *back_pointer; int parent_slot, skip_to_level;"            \
    "  void *next_node; };"                                                                        \
    "struct user_key_payload { void *rcu[2]; unsigned short datalen; u8 data[8]; };"               \
    "struct key { int serial; struct rb_node serial_node; u32 perm; s16 state;"                    \
    "  unsigned short datalen; unsigned long flags; struct key_type *type; char *description;"     \
    "  union { struct { void *data[4]; } payload; struct { void *link[2];"                         \
    "  struct assoc_array keys; }; }; };"
#define ECRYPTFS_TYPES                                                                             \
    "struct ecryptfs_crypt_stat { u32 flags; unsigned long key_size; struct crypto_skcipher *tfm;" \
    "  unsigned char cipher[32], key[64], root_iv[16]; };"                                         \
    "struct ecryptfs_inode_info { struct ecryptfs_crypt_stat crypt_stat; u64 vfs_inode[250]; };"
#define FROM                                                                                       \
    "  struct dentry *s_root; };struct address_space { struct inode *host;"                        \
    " struct xarray i_pages; };struct inode { struct kuid2 i_uid, i_gid;"
#define TO(RING, HKDF, INFO, INODE)                                                                \
    "  struct dentry *s_root; struct list_head s_inodes; void *s_fs_info; u8 s_uuid[16];"          \
    "  struct fscrypt_operations *s_cop; struct fscrypt_keyring *s_master_keys; };" CRYPTO_TYPES   \
    FSCRYPT_TYPES(RING, HKDF, INFO)                                                                \
    KEY_TYPES ECRYPTFS_TYPES                                                                       \
        "struct address_space { struct inode *host; struct xarray i_pages; };"                     \
        "struct inode { " INODE " struct list_head i_sb_list; struct kuid2 i_uid, i_gid;"
#define TABLE     "struct hlist_head key_hashtable[4];"
#define BY_TFM    "struct crypto_shash *hmac_tfm;"
#define BY_STATES "u64 istate[8], ostate[8];"

/* s_master_keys is a keyring. */
static const char keyring[] = TO("", BY_TFM, "fscrypt_info", "void *i_crypt_info;");
static const char recent[] = TO(TABLE, BY_TFM, "fscrypt_inode_info", "void *i_crypt_info;");
static const char older[] = TO(TABLE, BY_TFM, "fscrypt_info", "void *i_crypt_info;");
static const char newest[] = TO(TABLE, BY_STATES, "fscrypt_inode_info", "");

/* Of the key 0, 1, … 63, the nonce 16, 17, … 31 and the UUID 64, 65, … 79. */
#define ID   "8699c2c53707405da5aba5ae4d8583c0"
#define HALF "661abec4a365fe5730e9781264d00a9816f0b5f50e41e49f3200b78ed390ed41"
#define FILE_KEY                                                                                   \
    "661abec4a365fe5730e9781264d00a9816f0b5f50e41e49f3200b78ed390ed41"                             \
    "0be87de1011e6342781b08ab011f12107a4c08eb07a5d9e0b6cce65d31463010"
#define NAMES_KEY HALF
#define MODE_KEY  "9efb31534e244dd4c251dd5d540c714ab1cfcfaf0008a870cc298b52b32b7d39"
#define INO_64                                                                                     \
    "599d67510cbc8efbac134e620f139d384bdfc305686687f43823331e02dc158738"                           \
    "2a16be042e5d506b9d7bb9f5af66a34a566ab923effc848f45ffe4c42a8359"
#define INO_32                                                                                     \
    "c1ed926016c14ab484e5afaa95c15a0726cc969259211ccedffed1dfc84f8af4f2"                           \
    "22d7a02fddfe8532ae1b09c021d6ddad60f77c957682fc873e7b7ea8a37fb8"
#define FIRST_KEY                                                                                  \
    "9c54d571702cfa0f03f36215676bab78b7ad78216c5569d6da1aab87f6dbc561d3"                           \
    "1dd57e62812cddabd1ccaa3c47979be82546cf4538181b3f0a24390107fd00"

#define NAMESPACE "struct user_namespace { struct ns_common ns; };"
static const char *const with_keys[] = { NAMESPACE, KEY_TYPES NAMESPACE, NULL };

struct world {
    struct mk_cache c;
    struct mk *k;
    uint64_t sb, ring, master, ops, hash, key; // key: the last one
};

static uint64_t transform(struct mk *k, const char *type, const char *base, const char *driver,
                          uint32_t context)
{
    uint64_t tfm = mk_object(k, type), alg = mk_object(k, "crypto_alg");

    mk_puts(k, alg, "crypto_alg.cra_driver_name", driver);
    mk_put(k, alg, "crypto_alg.cra_ctxsize", context);
    mk_put(k, mk_at(k, tfm, base), "crypto_tfm.__crt_alg", alg);
    return tfm;
}

static void write_state(struct mk *k, uint64_t at, const uint64_t *state)
{
    for (size_t i = 0; i < 8; i++) {
        uint8_t word[8];

        for (size_t b = 0; b < 8; b++)
            word[mk_model(k)->big_endian ? b : 7 - b] = (uint8_t)(state[i] >> (56 - 8 * b));
        mk_write(k, at + 8 * i, word, 8);
    }
}

static struct world begin(const struct mk_machine *m, const char *fs, const char *types)
{
    struct world w = { 0 };

    mk_cache_begin_edited(&w.c, m, fs, FROM, types);
    w.k = w.c.k;
    w.sb = w.c.g.sb;
    return w;
}

/** With a master key of version 2 that only HMAC has. */
static struct world begin_fscrypt(const struct mk_machine *m, const char *types)
{
    struct world w = begin(m, "ext4", types);
    struct mk *k = w.k;
    struct eg_hmac512 hmac;
    uint8_t raw[64], id[16], uuid[16];
    uint64_t head, node, tfm;

    mk_count(raw, 64, 0);
    mk_count(uuid, 16, 64);
    mk_unhex(id, ID);
    w.ring = mk_object(k, "fscrypt_keyring");
    w.ops = mk_object(k, "fscrypt_operations");
    w.master = mk_object(k, "fscrypt_master_key");
    mk_put(k, w.sb, "super_block.s_cop", w.ops);
    mk_put(k, w.sb, "super_block.s_master_keys", w.ring);
    mk_write(k, mk_at(k, w.sb, "super_block.s_uuid"), uuid, 16);
    if (types == keyring) {
        head = mk_object(k, "key");
        node = mk_object(k, "assoc_array_node");
        mk_put(k, w.sb, "super_block.s_master_keys", head);
        mk_put(k, head, "key.keys.root", node | 1);
        head = mk_object(k, "key");
        mk_write_ptr(k, mk_at(k, node, "assoc_array_node.slots"), head);
        mk_write_ptr(k, mk_at(k, head, "key.payload.data"), w.master);
    } else {
        head = mk_at(k, w.ring, "fscrypt_keyring.key_hashtable") + 2 * mk_model(k)->ptr_size;
        node = mk_at(k, w.master, "fscrypt_master_key.mk_node");
        mk_write_ptr(k, head, node);
        mk_put(k, node, "hlist_node.pprev", head);
    }
    mk_put(k, w.master, "fscrypt_master_key.mk_spec.type", 2);
    mk_write(k, mk_at(k, w.master, "fscrypt_master_key.mk_spec.u"), id, 16);
    mk_put(k, w.master, "fscrypt_master_key.mk_secret.size", 64);
    assert_true(eg_hkdf512_extract(raw, 64, &hmac));
    if (types == newest) {
        w.hash = mk_at(k, w.master, "fscrypt_master_key.mk_secret.hkdf.istate");
        write_state(k, w.hash, hmac.inner);
        write_state(k, w.hash + 64, hmac.outer);
        return w;
    }
    tfm = transform(k, "crypto_shash", "crypto_shash.base", "hmac(sha512-generic)", 424);
    mk_put(k, w.master, "fscrypt_master_key.mk_secret.hkdf.hmac_tfm", tfm);
    w.hash = mk_at(k, mk_at(k, tfm, "crypto_shash.base"), "crypto_tfm.__crt_ctx");
    write_state(k, w.hash, hmac.inner);
    write_state(k, w.hash + 208, hmac.outer);
    return w;
}

/** A file with a policy of version 2. @return its crypt info. */
static uint64_t encrypt(struct world *w, const char *types, const char *name, unsigned mode,
                        uint8_t number, const char *cipher, uint32_t size)
{
    const bool old = types == older || types == keyring;
    struct mk *k = w->k;
    uint64_t inode = mk_cache_inode(&w->c, mk_cache_file(&w->c, 0, name, mode, 100));
    uint64_t info = mk_object(k, old ? "fscrypt_info" : "fscrypt_inode_info"), cell;
    uint64_t how = mk_object(k, "fscrypt_mode");
    uint8_t policy[24] = { 2, number, number, 0 }, nonce[16];

    mk_count(nonce, 16, 16);
    mk_unhex(policy + 8, ID);
    mk_list_append(k, mk_at(k, w->sb, "super_block.s_inodes"), mk_at(k, inode, "inode.i_sb_list"));
    if (types == newest) {
        cell = mk_alloc(k, 8);
        mk_write_ptr(k, cell, info);
        mk_put(k, w->ops, "fscrypt_operations.inode_info_offs", cell - inode);
    } else {
        mk_put(k, inode, "inode.i_crypt_info", info);
    }
    mk_put(k, how, "fscrypt_mode.friendly_name", mk_text(k, cipher));
    mk_put(k, how, "fscrypt_mode.keysize", size);
    mk_put(k, info, old ? "fscrypt_info.ci_mode" : "fscrypt_inode_info.ci_mode", how);
    mk_put(k, info, old ? "fscrypt_info.ci_inode" : "fscrypt_inode_info.ci_inode", inode);
    mk_write(k, mk_at(k, info, old ? "fscrypt_info.ci_policy" : "fscrypt_inode_info.ci_policy"),
             policy, sizeof policy);
    mk_write(k, mk_at(k, info, old ? "fscrypt_info.ci_nonce" : "fscrypt_inode_info.ci_nonce"),
             nonce, sizeof nonce);
    return info;
}

/** The file's cipher works with this key of XTS. */
static void expand(struct world *w, uint64_t info, const char *hex)
{
    struct mk *k = w->k;
    uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "xts-aes-aesni", 992);
    uint64_t at = mk_at(k, mk_at(k, tfm, "crypto_skcipher.base"), "crypto_tfm.__crt_ctx");
    uint8_t key[64], bytes[AES_SCHEDULE_MAX];

    mk_unhex(key, hex);
    eg_aes_expand(key, 8, bytes);
    mk_write(k, at + 496, bytes, sizeof bytes);
    eg_aes_expand(key + 32, 8, bytes);
    mk_write(k, at, bytes, sizeof bytes);
    mk_put(k, info, "fscrypt_inode_info.ci_enc_key.tfm", tfm);
}

static void policy_flags(struct world *w, uint64_t info, uint8_t flags)
{
    mk_write(w->k, mk_at(w->k, info, "fscrypt_inode_info.ci_policy") + 3, &flags, 1);
}

/* ---- tests ---- */

static void more_blocks(void **state)
{
    struct eg_hmac512 hmac;
    uint8_t raw[64], out[72], want[8];

    (void)state;
    mk_count(raw, 64, 0);
    mk_unhex(want, "8291ec33746dd4b0");
    assert_true(eg_hkdf512_extract(raw, 64, &hmac) && eg_hkdf512_expand(&hmac, "x", 1, out, 72));
    assert_memory_equal(out + 64, want, 8);
}

static void derives(void **state)
{
    static const char *const all[] = { recent, keyring, older, newest };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            struct world w = begin_fscrypt(m, all[i]);

            encrypt(&w, all[i], "letter", MK_REG, 1, "AES-256-XTS", 64);
            FINDS(&w, "fscrypt", ID, "HKDF of master key", "HMAC-SHA512", "identifier derives");
            FINDS(&w, "fscrypt", "/letter", "file key", "AES-256-XTS",
                  "derives from its master key", FILE_KEY);
            // Another digest's state is not the one.
            mk_write(w.k, w.hash + 3, "x", 1);
            FINDS_NO(&w, "fscrypt");
            assert_int_equal(mk_row_notes("of 1 files no key is known"), 1);
            mk_cache_end(&w.c);
        }
    }
}

static void modes(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin_fscrypt(m, recent);
        uint64_t info;

        encrypt(&w, recent, "folder", MK_FOLDER, 4, "AES-256-CTS-CBC", 32);
        FINDS(&w, "fscrypt", "/folder", "file key", "AES-256-CTS-CBC",
              "derives from its master key", NAMES_KEY);
        info = encrypt(&w, recent, "wide", MK_REG, 9, "Adiantum", 32);
        policy_flags(&w, info, 4);
        FINDS(&w, "fscrypt", ID, "key of files", "Adiantum", "derives from its master key",
              MODE_KEY);
        info = encrypt(&w, recent, "long", MK_REG, 1, "AES-256-XTS", 64);
        policy_flags(&w, info, 8);
        FINDS(&w, "fscrypt", ID, "key of files", "AES-256-XTS", "derives from its master key",
              INO_64);
        policy_flags(&w, info, 16);
        FINDS(&w, "fscrypt", ID, "key of files", "AES-256-XTS", "derives from its master key",
              INO_32);
        mk_cache_end(&w.c);
    }
}

static void schedules(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin_fscrypt(m, recent);
        uint64_t info = encrypt(&w, recent, "letter", MK_REG, 1, "AES-256-XTS", 64);

        expand(&w, info, FILE_KEY);
        FINDS(&w, "fscrypt", "/letter", "file key", "AES-256-XTS", "schedule", FILE_KEY);
        // What the cipher has is believed.
        expand(&w, info, INO_64);
        FINDS(&w, "fscrypt", "/letter", "file key", "AES-256-XTS", "schedule", INO_64);
        expand(&w, info, FILE_KEY);
        // The master key was removed: what the cipher has is left.
        mk_put(w.k, w.master, "fscrypt_master_key.mk_secret.size", 0);
        FINDS(&w, "fscrypt");
        FINDS(&w, "fscrypt", "/letter", "file key", "AES-256-XTS", "schedule", FILE_KEY);
        mk_cache_end(&w.c);
    }
}

/* Version 1 keeps the master key itself, and proves it by a file. */
static void first_version(void **state)
{
    static const uint8_t descriptor[8] = { 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4 };
    char hex[129] = "";

    (void)state;
    for (unsigned i = 0; i < 64; i++)
        sprintf(hex + 2 * i, "%02x", i);
    mk_each_machine(m)
    {
        struct world w = begin_fscrypt(m, recent);
        uint64_t info = encrypt(&w, recent, "letter", MK_REG, 1, "AES-256-XTS", 64);
        const uint64_t spec = mk_at(w.k, w.master, "fscrypt_master_key.mk_spec.u");
        uint8_t raw[64], policy[24] = { 0, 1, 4, 0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4 };

        mk_count(raw, 64, 0);
        mk_put(w.k, w.master, "fscrypt_master_key.mk_spec.type", 1);
        mk_write(w.k, spec, descriptor, 8);
        mk_write(w.k, mk_at(w.k, w.master, "fscrypt_master_key.mk_secret.raw"), raw, 64);
        mk_write(w.k, mk_at(w.k, info, "fscrypt_inode_info.ci_policy"), policy, sizeof policy);
        // Nothing proves it yet.
        FINDS(&w, "fscrypt", "deadbeef01020304", "master key", "", "", hex);
        FINDS(&w, "fscrypt");
        expand(&w, info, FIRST_KEY);
        FINDS(&w, "fscrypt", "deadbeef01020304", "master key", "", "derives the key of /letter",
              hex);
        FINDS(&w, "fscrypt", "/letter", "file key", "AES-256-XTS", "schedule", FIRST_KEY);
        mk_cache_end(&w.c);
    }
}

static void fscrypt_damage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin_fscrypt(m, recent);
        uint64_t info = encrypt(&w, recent, "letter", MK_REG, 1, "AES-256-XTS", 64);
        uint64_t how = mk_of(&w.c.g, info, "fscrypt_inode_info.ci_mode");
        const uint64_t node = mk_at(w.k, w.master, "fscrypt_master_key.mk_node");

        // A key of no length that a mode has, another's, a list that leads to itself.
        mk_put(w.k, how, "fscrypt_mode.keysize", 65);
        FINDS_NO(&w, "fscrypt", "/letter");
        mk_put(w.k, how, "fscrypt_mode.keysize", 0);
        FINDS_NO(&w, "fscrypt", "/letter");
        mk_put(w.k, how, "fscrypt_mode.keysize", 64);
        mk_put(w.k, info, "fscrypt_inode_info.ci_inode", w.sb);
        FINDS_NO(&w, "fscrypt", "/letter");
        mk_put(w.k, node, "hlist_node.next", node);
        mk_put(w.k, w.master, "fscrypt_master_key.mk_secret.size", UINT32_MAX);
        FINDS_NO(&w, "fscrypt");
        mk_put(w.k, w.master, "fscrypt_master_key.mk_secret.size", 64);
        FINDS(&w, "fscrypt");
        mk_put(w.k, w.sb, "super_block.s_master_keys", 64);
        mk_put(w.k, w.sb, "super_block.s_cop", 64);
        FINDS_NO(&w, "fscrypt");
        mk_cache_end(&w.c);
    }
}

/* ---- eCryptfs ---- */

static uint64_t user_key(struct world *w, const char *name, const uint8_t *p, size_t n)
{
    struct mk *k = w->k;
    uint64_t key = mk_object(k, "key"), type = mk_object(k, "key_type");
    uint64_t root = mk_object(k, "rb_root");
    uint64_t payload = mk_alloc(k, mk_size(k, "user_key_payload") + n);

    mk_put(k, type, "key_type.name", mk_text(k, "user"));
    mk_put(k, key, "key.type", type);
    mk_put(k, key, "key.serial", 7);
    mk_put(k, key, "key.state", 1);
    mk_put(k, key, "key.description", mk_text(k, name));
    mk_put(k, payload, "user_key_payload.datalen", n);
    mk_write(k, mk_at(k, payload, "user_key_payload.data"), p, n);
    mk_write_ptr(k, mk_at(k, key, "key.payload.data"), payload);
    mk_put(k, root, "rb_root.rb_node", mk_at(k, key, "key.serial_node"));
    mk_symbol(k, "key_serial_tree", root);
    return payload;
}

static void put32(struct mk *k, uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[mk_model(k)->big_endian ? 3 - i : i] = (uint8_t)(v >> 8 * i);
}

static void tokens(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = { .c.g = mk_guest(m, with_keys) };
        uint8_t token[740] = { 0 };
        uint64_t payload;
        char hex[129];

        w.k = w.c.g.k;
        put32(w.k, token + 640, 64); // bytes of the key, that it is set, the key, what it is called
        put32(w.k, token + 644, 2);
        mk_count(token + 648, 64, 0x80);
        memcpy(token + 712, "3ec2ff87ab11c698", 16);
        for (unsigned i = 0; i < 64; i++)
            sprintf(hex + 2 * i, "%02x", 0x80 + i);
        payload = mk_at(w.k, user_key(&w, "3ec2ff87ab11c698", token, sizeof token),
                        "user_key_payload.data");
        FINDS(&w, "eCryptfs", "3ec2ff87ab11c698", "key encryption key", "",
              "signature is its SHA-512", hex);
        // Longer than it can be, not set, of another name.
        put32(w.k, token + 640, 65);
        mk_write(w.k, payload + 640, token + 640, 4);
        FINDS_NO(&w, "eCryptfs");
        put32(w.k, token + 640, 64);
        mk_write(w.k, payload + 640, token + 640, 4);
        mk_write(w.k, payload + 644, "\0\0\0\0", 4);
        FINDS_NO(&w, "eCryptfs");
        mk_write(w.k, payload + 644, token + 644, 4);
        mk_write(w.k, payload + 712, "4", 1);
        FINDS_NO(&w, "eCryptfs");
        mk_free(w.k);
    }
}

static void ecryptfs_files(void **state)
{
    char hex[65];

    (void)state;
    for (unsigned i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", i);
    mk_each_machine(m)
    {
        struct world w = begin(m, "ecryptfs", recent);
        struct mk *k = w.k;
        uint64_t dentry = mk_cache_file(&w.c, 0, "letter", MK_REG, 100);
        uint64_t own =
            mk_cache_embed(&w.c, dentry, "ecryptfs_inode_info", "ecryptfs_inode_info.vfs_inode");
        uint64_t stat = mk_at(k, own, "ecryptfs_inode_info.crypt_stat");
        uint8_t key[32], iv[16];

        mk_list_append(k, mk_at(k, w.sb, "super_block.s_inodes"),
                       mk_at(k, mk_cache_inode(&w.c, dentry), "inode.i_sb_list"));
        mk_count(key, 32, 0);
        mk_unhex(iv, "b4ffcb23737cec315a4a4d1aa2a620ce");
        mk_put(k, stat, "ecryptfs_crypt_stat.key_size", 32);
        mk_puts(k, stat, "ecryptfs_crypt_stat.cipher", "aes");
        mk_write(k, mk_at(k, stat, "ecryptfs_crypt_stat.key"), key, 32);
        mk_write(k, mk_at(k, stat, "ecryptfs_crypt_stat.root_iv"), iv, 16);
        FINDS(&w, "eCryptfs", "/letter", "file key", "aes", "root vector derives", hex);
        // Longer than it can be; of another key.
        mk_put(k, stat, "ecryptfs_crypt_stat.key_size", 65);
        FINDS_NO(&w, "eCryptfs");
        mk_put(k, stat, "ecryptfs_crypt_stat.key_size", 31);
        FINDS_NO(&w, "eCryptfs");
        mk_cache_end(&w.c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_blocks),    cmocka_unit_test(derives),
        cmocka_unit_test(modes),          cmocka_unit_test(schedules),
        cmocka_unit_test(first_version),  cmocka_unit_test(tokens),
        cmocka_unit_test(fscrypt_damage), cmocka_unit_test(ecryptfs_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
