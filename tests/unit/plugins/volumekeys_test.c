/* volumekeys_test.c - keys of dm-crypt: in its own memory, in the schedules of its cipher alone,
 * wiped, and what is not believed. */
#include "../../../plugins/keys/aes.h"
#include "../../../plugins/keys/serpent.h"
#include "check.h"
#include "config.h"
#include "mklinux.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPES                                                                                      \
    MK_LIST_TYPES                                                                                  \
    MK_CLASS_TYPES                                                                                 \
    "struct class { const char *name; };"                                                          \
    "struct file_system_type { const char *name; };"                                               \
    "struct inode { unsigned long i_ino; struct list_head i_sb_list; };"                           \
    "struct super_block { struct list_head s_list; struct file_system_type *s_type;"               \
    "    struct list_head s_inodes; };"                                                            \
    "struct task_struct { struct list_head tasks; int pid; char comm[16]; };"                      \
    "struct bd_flags { u32 counter; };"                                                            \
    "struct block_device { u64 bd_start_sect, bd_nr_sectors; struct gendisk *bd_disk;"             \
    "    struct bd_flags __bd_flags; u32 bd_dev; struct device bd_device; };"                      \
    "struct bdev_inode { struct block_device bdev; struct inode vfs_inode; };"                     \
    "struct gendisk { char disk_name[32]; int flags; unsigned long state;"                         \
    "    struct block_device *part0; void *private_data; };" MK_DM_TYPES                           \
    "enum flags { DM_CRYPT_SUSPENDED, DM_CRYPT_KEY_VALID, DM_CRYPT_SAME_CPU,"                      \
    "    DM_CRYPT_HIGH_PRIORITY, DM_CRYPT_NO_OFFLOAD };"                                           \
    "enum cipher_flags { CRYPT_MODE_INTEGRITY_AEAD, CRYPT_IV_LARGE_SECTORS };"                     \
    "struct crypto_alg { u32 cra_ctxsize, cra_alignmask; char cra_driver_name[128]; };"            \
    "struct crypto_tfm { u32 crt_flags; struct crypto_alg *__crt_alg; u8 __crt_ctx[1200]; };"      \
    "struct crypto_skcipher { u32 reqsize; struct crypto_tfm base; };"                             \
    "struct crypto_cipher { struct crypto_tfm base; };"                                            \
    "struct xts_tfm_ctx { void *child, *tweak; };"                                                 \
    "struct aesni_xts_ctx { u8 tweak_ctx[496]; u8 crypt_ctx[496]; };"                              \
    "struct ciphers { void *tfms; };"                                                              \
    "struct crypt_config { struct dm_dev *dev; u64 start; char *cipher_string, *key_string;"       \
    "    u64 iv_offset; u16 sector_size; u32 key_size, key_extra_size, key_mac_size, tfms_count;"  \
    "    u64 flags, cipher_flags, on_disk_tag_size; char *cipher_auth; struct ciphers cipher_tfm;" \
    "    u8 key[64]; };"

enum { RAM = 1 << 20, MAJOR = 20 };

struct world {
    struct mk *k;
    uint64_t disk[2], bdev[2], nodes[2], inodes[2], md, cell, target, table, config, tfms;
};

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

static void disk(struct world *w, size_t i, const char *name, uint64_t dev)
{
    struct mk *k = w->k;
    uint64_t around = mk_object(k, "bdev_inode"), node = mk_object(k, "device_private");

    w->disk[i] = mk_object(k, "gendisk");
    w->bdev[i] = mk_at(k, around, "bdev_inode.bdev");
    mk_puts(k, w->disk[i], "gendisk.disk_name", name);
    mk_put(k, w->bdev[i], "block_device.bd_dev", dev);
    mk_put(k, w->bdev[i], "block_device.bd_disk", w->disk[i]);
    mk_put(k, w->bdev[i], "block_device.bd_nr_sectors", 1000);
    mk_put(k, node, "device_private.device", mk_at(k, w->bdev[i], "block_device.bd_device"));
    w->nodes[i] = mk_at(k, node, "device_private.knode_class.n_node");
    w->inodes[i] = mk_at(k, mk_at(k, around, "bdev_inode.vfs_inode"), "inode.i_sb_list");
}

static void block_class(struct world *w)
{
    struct mk *k = w->k;
    uint64_t class = mk_object(k, "class"), set = mk_object(k, "kset"), at, link;
    uint64_t subsys = mk_object(k, "subsys_private"), sb = mk_object(k, "super_block");
    uint64_t init = mk_object(k, "task_struct"), fs = mk_object(k, "file_system_type");

    mk_symbol(k, "block_class", class);
    link = mk_at(k, subsys, "subsys_private.subsys.kobj.entry");
    mk_list(k, mk_at(k, set, "kset.list"), &link, 1);
    mk_put(k, subsys, "subsys_private.class", class);
    at = mk_alloc(k, mk_model(k)->ptr_size);
    mk_write_ptr(k, at, set);
    mk_symbol(k, "class_kset", at);
    mk_list(k, mk_at(k, subsys, "subsys_private.klist_devices.k_list"), w->nodes, 2);
    mk_put(k, fs, "file_system_type.name", text(k, "bdev"));
    mk_put(k, sb, "super_block.s_type", fs);
    mk_list(k, mk_at(k, sb, "super_block.s_inodes"), w->inodes, 2);
    at = mk_alloc(k, 2 * mk_model(k)->ptr_size);
    link = mk_at(k, sb, "super_block.s_list");
    mk_list(k, at, &link, 1);
    mk_symbol(k, "super_blocks", at);
    mk_list(k, mk_at(k, init, "task_struct.tasks"), NULL, 0);
    mk_symbol(k, "init_task", init);
}

/** A transform; @base: the path of its crypto_tfm. */
static uint64_t transform(struct mk *k, const char *type, const char *base, const char *driver,
                          uint32_t context)
{
    uint64_t tfm = mk_object(k, type), alg = mk_object(k, "crypto_alg");

    mk_puts(k, alg, "crypto_alg.cra_driver_name", driver);
    mk_put(k, alg, "crypto_alg.cra_ctxsize", context);
    mk_put(k, mk_at(k, tfm, base), "crypto_tfm.__crt_alg", alg);
    return tfm;
}

static uint64_t context_of(struct mk *k, uint64_t tfm, const char *base)
{
    return mk_at(k, mk_at(k, tfm, base), "crypto_tfm.__crt_ctx");
}

static void schedule(struct mk *k, uint64_t at, const uint8_t *key, unsigned words)
{
    uint8_t bytes[AES_SCHEDULE_MAX];

    eg_aes_expand(key, words, bytes);
    mk_write(k, at, bytes, eg_aes_size(words));
}

/** The key is 0, 1, 2 … The name is in w.cell, to which nothing leads yet. */
static struct world begin_unnamed(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, RAM, types) };
    struct mk *k = w.k;
    uint64_t md = mk_object(k, "mapped_device"), cell = mk_object(k, "hash_cell");
    uint64_t dev = mk_object(k, "dm_dev"), type = mk_object(k, "target_type");

    disk(&w, 0, "sda", 8 << MAJOR);
    disk(&w, 1, "dm-0", 253 << MAJOR);
    block_class(&w);
    w.md = md;
    w.cell = cell;
    w.table = mk_object(k, "dm_table");
    w.target = mk_object(k, "dm_target");
    w.config = mk_object(k, "crypt_config");
    mk_put(k, w.disk[1], "gendisk.private_data", md);
    mk_put(k, md, "mapped_device.disk", w.disk[1]);
    mk_put(k, md, "mapped_device.map", w.table);
    mk_put(k, cell, "hash_cell.name", text(k, "vault"));
    mk_put(k, cell, "hash_cell.uuid", text(k, "CRYPT-LUKS2-1-vault"));
    mk_put(k, cell, "hash_cell.md", md);
    mk_put(k, dev, "dm_dev.bdev", w.bdev[0]);
    mk_put(k, w.table, "dm_table.md", md);
    mk_put(k, w.table, "dm_table.num_targets", 1);
    mk_put(k, w.table, "dm_table.targets", w.target);
    mk_put(k, w.target, "dm_target.table", w.table);
    mk_put(k, w.target, "dm_target.type", type);
    mk_put(k, type, "target_type.name", text(k, "crypt"));
    mk_put(k, w.target, "dm_target.begin", 5);
    mk_put(k, w.target, "dm_target.len", 100);
    mk_put(k, w.target, "dm_target.private", w.config);
    mk_put(k, w.config, "crypt_config.dev", dev);
    mk_put(k, w.config, "crypt_config.start", 32);
    mk_put(k, w.config, "crypt_config.iv_offset", 7);
    mk_put(k, w.config, "crypt_config.sector_size", 512);
    mk_put(k, w.config, "crypt_config.flags", 1 << 1 | 1 << 4);
    mk_put(k, w.config, "crypt_config.tfms_count", 1);
    w.tfms = mk_alloc(k, 2 * mk_model(k)->ptr_size);
    mk_put(k, w.config, "crypt_config.cipher_tfm.tfms", w.tfms);
    return w;
}

static struct world begin(const struct mk_machine *m)
{
    struct world w = begin_unnamed(m, TYPES);

    mk_put(w.k, w.md, "mapped_device.interface_ptr", w.cell);
    return w;
}

static void key_of(uint8_t *key)
{
    for (unsigned i = 0; i < 64; i++)
        key[i] = (uint8_t)i;
}

static void use(struct world *w, const char *cipher, uint32_t size)
{
    uint8_t key[64];

    key_of(key);
    mk_put(w->k, w->config, "crypt_config.cipher_string", text(w->k, cipher));
    mk_put(w->k, w->config, "crypt_config.key_size", size);
    mk_write(w->k, mk_at(w->k, w->config, "crypt_config.key"), key, size);
}

static void wipe(struct world *w)
{
    const uint8_t zeros[64] = { 0 };

    mk_write(w->k, mk_at(w->k, w->config, "crypt_config.key"), zeros, sizeof zeros);
}

/** FOUND_BY to HINTS. */
static const char *found(struct world *w)
{
    return mk_columns(mk_rows(w->k, "volumekeys", (const char *[]){ "show", NULL }), 14, 19);
}

#define KEY16 "000102030405060708090a0b0c0d0e0f"
#define KEY32 KEY16 "101112131415161718191a1b1c1d1e1f"
static const char *found32(char *out, const char *from, const char *cipher)
{
    sprintf(out,
            "%s|630dcd2966c43366|" KEY32 "|5 100 crypt %s " KEY32
            " 7 /dev/sda 32 1 submit_from_crypt_cpus|",
            from, cipher);
    return out;
}

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

#ifdef HAVE_SHA256
enum { START = 32 * 512 }; // of the volume on its disk

static const char *folder(void)
{
    static char dir[64];

    snprintf(dir, sizeof dir, "/tmp/engram-volumes-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

/** A file of @size bytes of @dir, with @bytes at @at. @return its path. */
static const char *file_with(const char *dir, const char *name, size_t size, size_t at,
                             const void *bytes, size_t n)
{
    static char path[4][128];
    static unsigned next;
    char *p = path[next++ % 4];
    FILE *f;

    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    f = fopen(p, "w");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fflush(f), 0);
    assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
    assert_int_equal(fclose(f), 0);
    return p;
}

static const char *with_disk(struct world *w, const char *plugin, const char *path)
{
    char disk[160];

    snprintf(disk, sizeof disk, "disk=%s", path);
    return mk_rows(w->k, plugin, (const char *[]){ "show", disk, NULL });
}

/** The header of LUKS1 that has the digest of the key 0, 1, … 31. */
static void header(uint8_t *p)
{
    static const uint8_t digest[] = { 0x63, 0x92, 0xf4, 0xbc, 0x41, 0xb8, 0xcd, 0x63, 0x9b, 0x6a,
                                      0xcf, 0xe6, 0x70, 0xc0, 0x5b, 0x0c, 0x4b, 0xf4, 0x37, 0xd9 };

    memset(p, 0, 592);
    memcpy(p, "LUKS\xba\xbe\0\1", 8);
    memcpy(p + 72, "sha256", 6);
    p[111] = 32;
    memcpy(p + 112, digest, sizeof digest);
    for (unsigned i = 0; i < 32; i++)
        p[132 + i] = (uint8_t)(0x40 + i);
    p[166] = 1000 >> 8;
    p[167] = 1000 & 255;
    memcpy(p + 168, "5de6a5c7-18af-4557-8a9c-2e8a9c102dcc", 36);
}

static const char *const own = "CRYPT-LUKS1-5de6a5c718af45578a9c2e8a9c102dcc-vault";

static void digest(void **state)
{
    const char *dir = folder(), *path;
    uint8_t bytes[592], key[64];

    (void)state;
    header(bytes);
    path = file_with(dir, "disk", 4096, 0, bytes, sizeof bytes);
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-aes", 300);

        mk_write_ptr(k, w.tfms, tfm);
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        use(&w, "aes-cbc-plain64", 32);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|LUKS digest");
        assert_int_equal(mk_row_notes(NULL), 0);
        // Without a UUID the digest says whose header it is; another's is left alone.
        mk_put(k, w.cell, "hash_cell.uuid", 0);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|LUKS digest");
        mk_put(k, w.cell, "hash_cell.uuid",
               text(k, "CRYPT-LUKS1-5de6a5c718af45578a9c2e8a9c102dcd-vault"));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15), "crypt_config|");
        assert_int_equal(mk_row_notes("no header and no sector of a volume"), 1);
        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-vault"));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15), "crypt_config|");
        // What the cipher expanded is not the key of the header: then it is none.
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        key_of(key);
        key[0] = 1;
        schedule(k, context_of(k, tfm, "crypto_skcipher.base"), key, 8);
        wipe(&w);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 19),
                            "|||||its LUKS header has the digest of another key");
        key[0] = 0;
        schedule(k, context_of(k, tfm, "crypto_skcipher.base"), key, 8);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "schedule|schedule, LUKS digest");
        mk_free(k);
    }
    unlink(path);
    rmdir(dir);
}

/* Two keys of which nothing but the header says which is the first. */
static void either(void **state)
{
    const char *dir = folder(), *path;
    uint8_t bytes[592], key[64];

    (void)state;
    header(bytes);
    path = file_with(dir, "disk", 4096, 0, bytes, sizeof bytes);
    key_of(key);
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "xts-aes-hw", 600);
        const uint64_t at = context_of(k, tfm, "crypto_skcipher.base");
        char want[400];

        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        use(&w, "aes-xts-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, tfm);
        for (unsigned i = 0; i < 2; i++) {
            schedule(k, at, key + 16 * i, 4);
            schedule(k, at + 256, key + 16 * !i, 4);
            assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
            assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 19),
                                found32(want, "schedule|LUKS digest", "aes-xts-plain64"));
        }
        mk_free(k);
    }
    unlink(path);
    rmdir(dir);
}

/* What AES-256 makes of "XFSB" and zeros, and of "the last sector.", by the key 0, 1, …. */
static const uint8_t xfs[16] = { 0x56, 0x56, 0x5e, 0xb0, 0x23, 0x2d, 0x72, 0xa0,
                                 0xfb, 0xee, 0x22, 0xe1, 0x18, 0x35, 0xc2, 0xad };
static const uint8_t last[16] = { 0x93, 0x2e, 0x1f, 0xd3, 0xb6, 0x5e, 0x4d, 0x2f,
                                  0x76, 0x83, 0x8e, 0xcd, 0x63, 0x70, 0x1a, 0xb2 };

static bool file_has(const char *dir, const char *name, uint64_t at, const char *want)
{
    char path[128], got[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f || fseek(f, (long)at, SEEK_SET) || fread(got, 1, strlen(want), f) != strlen(want))
        return false;
    fclose(f);
    return !strcmp(got, want);
}

static void remove_all(const char *dir)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void decrypts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        const char *dir = folder(), *path, *rows;
        struct world w = begin(m);
        struct mk *k = w.k;
        uint8_t disk[START + 2048] = { 0 };
        char args[2][160], plain[160];
        struct stat st;

        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-vault"));
        use(&w, "aes-ecb", 32);
        memcpy(disk + START, xfs, 16);
        memcpy(disk + START + 2048 - 16, last, 16);
        path = file_with(dir, "disk", sizeof disk, 0, disk, sizeof disk);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|sector decrypts");
        snprintf(args[0], sizeof args[0], "disk=%s", path);
        mk_out_dir = dir;
        rows = mk_rows(k, "decrypt", (const char *[]){ args[0], NULL });
        snprintf(plain, sizeof plain,
                 "dm-0|vault|aes-ecb|sector decrypts|%s|vault.img|51200|2048|49152|xfs|", path);
        assert_string_equal(rows, plain);
        assert_int_equal(mk_row_notes("vault.img: 49152 of 51200 bytes are missing"), 1);
        assert_true(file_has(dir, "vault.img", 0, "XFSB"));
        assert_true(file_has(dir, "vault.img", 2032, "the last sector."));
        snprintf(plain, sizeof plain, "%s/vault.img", dir);
        assert_int_equal(stat(plain, &st), 0);
        assert_int_equal(st.st_size, 51200);
        unlink(plain);
        // Of others nothing is written.
        assert_string_equal(mk_rows(k, "decrypt", (const char *[]){ args[0], "volume=dm-1", NULL }),
                            "");
        assert_int_equal(access(plain, F_OK), -1);
        // Nothing says that it is the disk of this volume, but the user.
        path = file_with(dir, "other", START + 1024, START + 512, last, 16);
        snprintf(args[1], sizeof args[1], "disk=%s", path);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], NULL }), 5, 10),
            "|51200||||nothing in the file says that it is this volume's disk: "
            "--volume does");
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], "volume=vault", NULL }), 5,
                       10),
            "vault.img|51200|1024|50176||");
        assert_true(file_has(dir, "vault.img", 512, "the last sector."));
        unlink(plain);
        // A disk that ends before the volume begins; one that cannot be where it says.
        path = file_with(dir, "short", 512, 0, last, 16);
        snprintf(args[1], sizeof args[1], "disk=%s", path);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], "volume=vault", NULL }), 5,
                       10),
            "vault.img|51200|0|51200||");
        unlink(plain);
        mk_put(k, w.config, "crypt_config.start", UINT64_MAX);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[0], NULL }), 5, 10),
            "|51200||||its place on the disk cannot be");
        mk_put(k, w.config, "crypt_config.start", 32);
        // Ciphers that are not computed here, and no disk.
        use(&w, "serpent-xts-plain64", 32);
        assert_non_null(
            strstr(mk_rows(k, "decrypt", (const char *[]){ args[0], "volume=vault", NULL }),
                   "|libcrypto has not its cipher"));
        assert_non_null(strstr(mk_rows(k, "decrypt", NULL),
                               "|memory has nothing of its disk: --disk gives a copy"));
        mk_put(k, w.config, "crypt_config.cipher_flags", 1);
        assert_non_null(
            strstr(mk_rows(k, "decrypt", NULL), "|its sectors lie among the tags of dm-integrity"));
        mk_out_dir = NULL;
        mk_free(k);
        remove_all(dir);
    }
}
#endif

/* Keys in several parts, and those that other ciphers than AES keep. */
static void others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t top = transform(k, "crypto_skcipher", "crypto_skcipher.base", "adiantum(x)", 32);
        uint64_t chacha =
            transform(k, "crypto_skcipher", "crypto_skcipher.base", "xchacha12-simd", 36);
        uint64_t ecb = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-serpent", 532);
        uint64_t at = context_of(k, chacha, "crypto_skcipher.base");
        uint32_t words[SERPENT_WORDS];
        uint8_t key[64], n[4] = { 12, 12, 12, 12 };
        char want[400];

        key_of(key);
        use(&w, "xchacha12,aes-adiantum-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, top);
        mk_write_ptr(k, context_of(k, top, "crypto_skcipher.base"), chacha);
        for (unsigned i = 0; i < 8; i++)
            mk_write_u32(k, at + 4 * i, eg_le32(key + 4 * i));
        mk_write_u32(k, at + 32, 12);
        assert_string_equal(found(&w),
                            found32(want, "schedule|", "xchacha12,aes-adiantum-plain64"));
        mk_write(k, at + 32, n, 4); // no number of rounds
        assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
        use(&w, "serpent-cbc-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, ecb);
        assert_non_null(strstr(found(&w), "what this cipher made of it is not turned back"));
        eg_serpent_expand(key, 32, words);
        for (unsigned i = 0; i < SERPENT_WORDS; i++)
            mk_write_u32(k, context_of(k, ecb, "crypto_skcipher.base") + 4 + 4 * i, words[i]);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "serpent-cbc-plain64"));
        // The part that signs was wiped with the rest.
        use(&w, "serpent-cbc-plain64", 48);
        wipe(&w);
        mk_put(k, w.config, "crypt_config.key_mac_size", 16);
        assert_string_equal(found(&w), "schedule|schedule|630dcd2966c43366|" KEY32
                                       "||the cipher's part of the key: the rest was wiped, of "
                                       "which HMAC keeps hashes alone");
        use(&w, "serpent-cbc-plain64", 48);
        assert_non_null(strstr(found(&w), "crypt_config|schedule of the cipher|"));
        mk_free(k);
    }
}

/* Where no pointer leads from a device to its name: a table of chains, also one that has no end. */
static void chains(void **state)
{
    enum { BUCKETS = 64 };
    char types[] = TYPES, *member = strstr(types, "interface_ptr");

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbc),    cmocka_unit_test(xts),    cmocka_unit_test(damage),
        cmocka_unit_test(chains), cmocka_unit_test(others),
#ifdef HAVE_SHA256
        cmocka_unit_test(digest), cmocka_unit_test(either), cmocka_unit_test(decrypts),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
