/* own/dm.c - device mapper: see dm.h. */
#include "dm.h"
#include "../../../core/walkers.h"
#include "../fs/inode.h"

EG_FIELD_AS(dm_private, gendisk, "private_data");
EG_FIELDS_OF("dm_mod", mapped_device, disk, interface_ptr, map);
EG_FIELDS_OF("dm_mod", dm_table, md, num_targets, targets);
EG_FIELDS_OF("dm_mod", dm_target, begin, len, num_discard_bios, private, table);
EG_FIELD_AS_OF("dm_mod", dm_target_type, dm_target, "type");
EG_FIELD_AS_OF("dm_mod", target_name, target_type, "name");
EG_FIELDS_OF("dm_mod", dm_dev, bdev);
EG_FIELDS_OF("dm_mod", hash_cell, md, name, uuid);
EG_FIELDS_OF("dm_crypt", crypt_config, cipher_auth, cipher_flags, cipher_string, dev, flags,
             iv_offset, key_mac_size, key_size, key_string, start);
EG_FIELD_AS_OF("dm_crypt", crypt_sector, crypt_config, "sector_size");
EG_FIELD_AS_OF("dm_crypt", crypt_tag, crypt_config, "used_tag_size|on_disk_tag_size");
EG_ENUMERATOR(DM_CRYPT_SUSPENDED, "flags");
EG_ENUMERATOR(DM_CRYPT_KEY_VALID, "flags");
EG_ENUMERATOR(DM_CRYPT_SAME_CPU, "flags");
EG_ENUMERATOR(DM_CRYPT_HIGH_PRIORITY, "flags");
EG_ENUMERATOR(DM_CRYPT_NO_OFFLOAD, "flags");
EG_ENUMERATOR(DM_CRYPT_NO_READ_WORKQUEUE, "flags");
EG_ENUMERATOR(DM_CRYPT_NO_WRITE_WORKQUEUE, "flags");
EG_ENUMERATOR(CRYPT_MODE_INTEGRITY_AEAD, "cipher_flags");
EG_ENUMERATOR(CRYPT_IV_LARGE_SECTORS, "cipher_flags");
EG_ENUMERATOR(CRYPT_KEY_MAC_SIZE_SET, "cipher_flags");

enum { TARGETS_MAX = 4096, CELLS_MAX = 1 << 16, BUCKETS = 64 };

static struct linux_reader reader(struct eg_run *r)
{
    return (struct linux_reader){ eg_kernel(r), eg_binding_of(r)->model.big_endian };
}

bool linux_dm_get_(struct eg_run *r, uint64_t at, struct linux_place p, uint64_t *out)
{
    const struct linux_reader m = reader(r);

    return linux_place_get(&m, eg_view_of(r), at, p, out);
}

const char *linux_dm_text(struct eg_run *r, uint64_t at)
{
    const struct linux_reader m = reader(r);
    char text[512];

    return linux_place_text(&m, eg_view_of(r), at, text, sizeof text) ? eg_strf(r, "%s", text)
                                                                      : NULL;
}

bool linux_dm_dev(struct eg_run *r, uint64_t at, uint32_t *dev)
{
    uint64_t bdev;

    return linux_dm_get(r, at, &bdev, dm_dev.bdev, 0, 8) && bdev &&
           eg_get(dev, eg_object(r, block_device, bdev), bdev_dev);
}

/* ---- devices ---- */

/** Until 5.12 they are in a table of chains by their names. */
static uint64_t find_cell(struct eg_run *r, uint64_t md)
{
    static const struct linux_place word = { .size = 8 };
    uint64_t buckets, node, back;
    uint32_t n = 0;

    if (!eg_lookup(r, "_name_buckets", &buckets))
        return 0;
    for (uint64_t i = 0; i < BUCKETS; i++) {
        const uint64_t head = buckets + 16 * i;

        if (!linux_dm_get_(r, head, word, &node))
            return 0;
        for (; node != head && n < CELLS_MAX && !eg_stopped(r); n++) {
            if (linux_dm_get(r, node, &back, hash_cell.md, 0x30, 8) && back == md)
                return node;
            if (!linux_dm_get_(r, node, word, &node))
                return 0;
        }
    }
    return 0;
}

static void read_name(struct eg_run *r, uint64_t md, struct linux_dm *out)
{
    uint64_t cell = 0, back, at;

    if (eg_has(r, mapped_device.interface_ptr))
        linux_dm_get(r, md, &cell, mapped_device.interface_ptr, 0, 0);
    else
        cell = find_cell(r, md);
    if (!cell || !linux_dm_get(r, cell, &back, hash_cell.md, 0x30, 8) || back != md)
        return;
    if (linux_dm_get(r, cell, &at, hash_cell.name, 0x20, 8))
        out->name = linux_dm_text(r, at);
    if (linux_dm_get(r, cell, &at, hash_cell.uuid, 0x28, 8) && at)
        out->uuid = linux_dm_text(r, at);
}

bool linux_dm(struct eg_run *r, const struct linux_blockdev *b, struct linux_dm *out)
{
    uint64_t md, disk, back, n;

    *out = (struct linux_dm){ 0 };
    if (strncmp(b->name, "dm-", 3) != 0 ||
        !eg_get(&md, eg_object(r, gendisk, b->disk), dm_private) ||
        !linux_dm_get(r, md, &disk, mapped_device.disk, 0xb8, 8) || disk != b->disk)
        return false;
    read_name(r, md, out);
    if (!linux_dm_get(r, md, &out->table, mapped_device.map, 0x50, 8) || !out->table)
        return true; // made, and not loaded yet
    out->is_bad = !linux_dm_get(r, out->table, &back, dm_table.md, 0, 8) || back != md ||
                  !linux_dm_get(r, out->table, &n, dm_table.num_targets, 0xd0, 4) ||
                  n > TARGETS_MAX ||
                  !linux_dm_get(r, out->table, &out->targets, dm_table.targets, 0xe0, 8);
    out->n = out->is_bad ? 0 : (uint32_t)n;
    return true;
}

bool linux_dm_target(struct eg_run *r, const struct linux_dm *dm, uint32_t i,
                     struct linux_dm_target *out)
{
    const uint64_t stride = eg_has_type(r, dm_target) ? eg_size(r, dm_target) : 0x58;
    uint64_t back, type, name;

    out->at = dm->targets + i * stride;
    return linux_dm_get(r, out->at, &back, dm_target.table, 0, 8) && back == dm->table &&
           linux_dm_get(r, out->at, &type, dm_target_type, 8, 8) &&
           linux_dm_get(r, type, &name, target_name, 8, 8) &&
           (out->kind = linux_dm_text(r, name)) &&
           linux_dm_get(r, out->at, &out->begin, dm_target.begin, 0x10, 8) &&
           linux_dm_get(r, out->at, &out->len, dm_target.len, 0x18, 8) &&
           linux_dm_get(r, out->at, &out->own, dm_target.private, 0x40, 8);
}

/* ---- the target "crypt" ---- */

const struct eg_constant linux_dm_crypt_flags[] = {
    { "SUSPENDED", LINUX_DM_CRYPT_SUSPENDED },
    { "KEY_VALID", LINUX_DM_CRYPT_KEY_VALID },
    { "SAME_CPU", LINUX_DM_CRYPT_SAME_CPU },
    { "HIGH_PRIORITY", LINUX_DM_CRYPT_HIGH_PRIORITY },
    { "NO_OFFLOAD", LINUX_DM_CRYPT_NO_OFFLOAD },
    { "NO_READ_WORKQUEUE", LINUX_DM_CRYPT_NO_READ_WORKQUEUE },
    { "NO_WRITE_WORKQUEUE", LINUX_DM_CRYPT_NO_WRITE_WORKQUEUE },
    { "INTEGRITY_AEAD", LINUX_DM_CRYPT_AEAD },
    { "IV_LARGE_SECTORS", LINUX_DM_CRYPT_IV_LARGE_SECTORS },
    { NULL, 0 },
};

/** Bit @usual in 5.10; -1: 5.10 has it not. Since 6.10 one was put between the others. */
static uint64_t bit(struct eg_run *r, uint64_t bits, uint32_t id, int usual, uint64_t to)
{
    int64_t at = usual;

    if (!eg_enum_(r, id, &at) && eg_has_type(r, crypt_config))
        return 0;
    return at >= 0 && at < 64 && bits >> at & 1 ? to : 0;
}
#define BIT(bits, name, usual, to) bit(r, (bits), eg_e_##name.id, (usual), LINUX_DM_CRYPT_##to)

static uint64_t flags_of(struct eg_run *r, uint64_t at)
{
    uint64_t f = 0, c = 0;

    linux_dm_get(r, at, &f, crypt_config.flags, 0xc8, 8);
    linux_dm_get(r, at, &c, crypt_config.cipher_flags, 0xb8, 8);
    return BIT(f, DM_CRYPT_SUSPENDED, 0, SUSPENDED) | BIT(f, DM_CRYPT_KEY_VALID, 1, KEY_VALID) |
           BIT(f, DM_CRYPT_SAME_CPU, 2, SAME_CPU) |
           BIT(f, DM_CRYPT_HIGH_PRIORITY, -1, HIGH_PRIORITY) |
           BIT(f, DM_CRYPT_NO_OFFLOAD, 3, NO_OFFLOAD) |
           BIT(f, DM_CRYPT_NO_READ_WORKQUEUE, 4, NO_READ_WORKQUEUE) |
           BIT(f, DM_CRYPT_NO_WRITE_WORKQUEUE, 5, NO_WRITE_WORKQUEUE) |
           BIT(c, CRYPT_MODE_INTEGRITY_AEAD, 0, AEAD) |
           BIT(c, CRYPT_IV_LARGE_SECTORS, 1, IV_LARGE_SECTORS);
}

/** In the order of crypt_status(). */
static const char *options_of(struct eg_run *r, uint64_t target, const struct linux_dm_crypt *c)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {
        { LINUX_DM_CRYPT_SAME_CPU, "same_cpu_crypt" },
        { LINUX_DM_CRYPT_HIGH_PRIORITY, "high_priority" },
        { LINUX_DM_CRYPT_NO_OFFLOAD, "submit_from_crypt_cpus" },
        { LINUX_DM_CRYPT_NO_READ_WORKQUEUE, "no_read_workqueue" },
        { LINUX_DM_CRYPT_NO_WRITE_WORKQUEUE, "no_write_workqueue" },
    };
    uint64_t discards = 0, tag = 0, auth = 0, mac = 0, own = 0;
    const char *text = "", *name;
    unsigned n = 0;

    linux_dm_get(r, target, &discards, dm_target.num_discard_bios, 0x28, 4);
    if (discards)
        text = " allow_discards", n++;
    for (size_t i = 0; i < countof(words); i++)
        if (c->flags & words[i].flag)
            text = eg_strf(r, "%s %s", text, words[i].word), n++;
    linux_dm_get(r, c->at, &tag, crypt_tag, 0xe8, 4);
    linux_dm_get(r, c->at, &auth, crypt_config.cipher_auth, 0x68, 8);
    if (tag && (name = linux_dm_text(r, auth)))
        text = eg_strf(r, "%s integrity:%u:%s", text, (unsigned)tag, name), n++;
    if (c->sector_size > 512)
        text = eg_strf(r, "%s sector_size:%u", text, c->sector_size), n++;
    if (c->flags & LINUX_DM_CRYPT_IV_LARGE_SECTORS)
        text = eg_strf(r, "%s iv_large_sectors", text), n++;
    linux_dm_get(r, c->at, &own, crypt_config.cipher_flags, 0xb8, 8);
    linux_dm_get(r, c->at, &mac, crypt_config.key_mac_size, 0xdc, 4);
    if (BIT(own, CRYPT_KEY_MAC_SIZE_SET, -1, AEAD))
        text = eg_strf(r, "%s integrity_key_size:%u", text, (unsigned)mac), n++;
    return n ? eg_strf(r, " %u%s", n, text) : "";
}

bool linux_dm_crypt(struct eg_run *r, const struct linux_dm_target *t, struct linux_dm_crypt *out)
{
    uint64_t cipher, size, key, sector = 0;

    *out = (struct linux_dm_crypt){ .at = t->own };
    if (!linux_dm_get(r, t->own, &out->dev, crypt_config.dev, 0, 8) ||
        !linux_dm_get(r, t->own, &out->start, crypt_config.start, 8, 8) ||
        !linux_dm_get(r, t->own, &cipher, crypt_config.cipher_string, 0x60, 8) ||
        !(out->cipher = linux_dm_text(r, cipher)) ||
        !linux_dm_get(r, t->own, &out->iv_offset, crypt_config.iv_offset, 0x98, 8) ||
        !linux_dm_get(r, t->own, &size, crypt_config.key_size, 0xd0, 4) || size > LINUX_DM_KEY_MAX)
        return false;
    if (linux_dm_get(r, t->own, &key, crypt_config.key_string, 0x70, 8) && key)
        out->key_string = linux_dm_text(r, key);
    linux_dm_get(r, t->own, &sector, crypt_sector, 0xa4, 2);
    out->key_size = (uint32_t)size;
    out->sector_size = (uint32_t)sector;
    out->flags = flags_of(r, t->own);
    out->options = options_of(r, t->at, out);
    return true;
}

const char *linux_dm_crypt_text(struct eg_run *r, const struct linux_dm_crypt *c, const char *key,
                                const char *device)
{
    return eg_strf(r, " %s %s %llu %s %llu%s", c->cipher, key, (unsigned long long)c->iv_offset,
                   device, (unsigned long long)c->start, c->options);
}
