/** mkvolume.h - a synthetic machine with an encrypted volume, dm-0 "vault" on sda. */
#ifndef MK_VOLUME_H
#define MK_VOLUME_H

#include "../../plugins/keys/aes.h"
#include "mklinux.h"
#include <stdio.h>

#define MK_VOLUME_TYPES                                                                            \
    MK_LIST_TYPES                                                                                  \
    MK_CLASS_TYPES                                                                                 \
    "struct class { const char *name; };"                                                          \
    "struct file_system_type { const char *name; };"                                               \
    "struct xarray { unsigned int xa_flags; void *xa_head; };"                                     \
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"                 \
    "    struct xarray *array; void *slots[64]; };"                                                \
    "struct address_space { struct inode *host; struct xarray i_pages; };"                         \
    "struct inode { unsigned long i_ino; struct list_head i_sb_list; struct super_block *i_sb;"    \
    "    struct address_space *i_mapping; s64 i_size; struct address_space i_data; };"             \
    "enum pageflags { PG_reserved, PG_slab, PG_dirty, PG_uptodate };"                              \
    "struct page { unsigned long flags, compound_head, mapping, index, private;"                   \
    "    unsigned int page_type; };"                                                               \
    "struct vm_area_struct { unsigned long vm_start, vm_end, vm_flags; struct mm_struct *vm_mm;"   \
    "    struct vm_area_struct *vm_next; };"                                                       \
    "struct mm_struct { struct vm_area_struct *mmap; void *pgd; };"                                \
    "struct alg_spec { char *alg_string, *key_string; u8 *key; u32 key_size; };"                   \
    "struct dm_integrity_c { struct dm_dev *dev; struct alg_spec internal_hash_alg,"               \
    "    journal_crypt_alg, journal_mac_alg; };"                                                   \
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache; };"                  \
    "struct kmem_cache { struct list_head list; };"                                                \
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
    uint64_t disk[2], bdev[2], nodes[2], inodes[2], md, cell, target, table, config, tfms, init;
};

static inline uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

static inline void disk(struct world *w, size_t i, const char *name, uint64_t dev)
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

static inline void block_class(struct world *w)
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
    w->init = init;
}

/** A transform; @base: the path of its crypto_tfm. */
static inline uint64_t transform(struct mk *k, const char *type, const char *base,
                                 const char *driver, uint32_t context)
{
    uint64_t tfm = mk_object(k, type), alg = mk_object(k, "crypto_alg");

    mk_puts(k, alg, "crypto_alg.cra_driver_name", driver);
    mk_put(k, alg, "crypto_alg.cra_ctxsize", context);
    mk_put(k, mk_at(k, tfm, base), "crypto_tfm.__crt_alg", alg);
    return tfm;
}

static inline uint64_t context_of(struct mk *k, uint64_t tfm, const char *base)
{
    return mk_at(k, mk_at(k, tfm, base), "crypto_tfm.__crt_ctx");
}

static inline void schedule(struct mk *k, uint64_t at, const uint8_t *key, unsigned words)
{
    uint8_t bytes[AES_SCHEDULE_MAX];

    eg_aes_expand(key, words, bytes);
    mk_write(k, at, bytes, eg_aes_size(words));
}

/** The key is 0, 1, 2 … The name is in w.cell, to which nothing leads yet. */
static inline struct world begin_unnamed(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 4 * RAM : RAM, types) };
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

static inline struct world begin(const struct mk_machine *m)
{
    struct world w = begin_unnamed(m, MK_VOLUME_TYPES);

    mk_put(w.k, w.md, "mapped_device.interface_ptr", w.cell);
    return w;
}

static inline void key_of(uint8_t *key)
{
    for (unsigned i = 0; i < 64; i++)
        key[i] = (uint8_t)i;
}

static inline void use(struct world *w, const char *cipher, uint32_t size)
{
    uint8_t key[64];

    key_of(key);
    mk_put(w->k, w->config, "crypt_config.cipher_string", text(w->k, cipher));
    mk_put(w->k, w->config, "crypt_config.key_size", size);
    mk_write(w->k, mk_at(w->k, w->config, "crypt_config.key"), key, size);
}

static inline void wipe(struct world *w)
{
    const uint8_t zeros[64] = { 0 };

    mk_write(w->k, mk_at(w->k, w->config, "crypt_config.key"), zeros, sizeof zeros);
}

/** FOUND_BY to HINTS. */
static inline const char *found(struct world *w)
{
    return mk_columns(mk_rows(w->k, "volumekeys", (const char *[]){ "show", NULL }), 14, 19);
}

#define KEY16 "000102030405060708090a0b0c0d0e0f"
#define KEY32 KEY16 "101112131415161718191a1b1c1d1e1f"
static inline const char *found32(char *out, const char *from, const char *cipher)
{
    sprintf(out,
            "%s|630dcd2966c43366|" KEY32 "|5 100 crypt %s " KEY32
            " 7 /dev/sda 32 1 submit_from_crypt_cpus|",
            from, cipher);
    return out;
}

#endif
