/* lsblk_dm.c - device mapper: the names and tables of its devices (drivers/md/dm*.c).
 *
 *  Types of modules are in memory since Linux 5.11; before, the layouts are those of 5.10. A device
 * is believed when its mapped_device names the disk, and its table the mapped_device. */
#include "../linux/fs/inode.h"
#include "../linux/mm/place.h"
#include "../linux/text.h"
#include "lsblk.h"

EG_FIELD_AS(dm_private, gendisk, "private_data");
EG_FIELDS_OF("dm_mod", mapped_device, disk, interface_ptr, map);
EG_FIELDS_OF("dm_mod", dm_table, md, num_targets, targets);
EG_FIELDS_OF("dm_mod", dm_target, begin, len, num_discard_bios, private, table);
EG_FIELD_AS_OF("dm_mod", dm_target_type, dm_target, "type");
EG_FIELD_AS_OF("dm_mod", target_name, target_type, "name");
EG_FIELDS_OF("dm_mod", dm_dev, bdev);
EG_FIELDS_OF("dm_mod", hash_cell, md, name, uuid);
EG_FIELDS_OF("dm_mod", linear_c, dev, start);
EG_FIELDS_OF("dm_mod", stripe_c, chunk_size, stripe, stripes);
EG_FIELD_AS_OF("dm_mod", stripe_dev, stripe, "dev");
EG_FIELD_AS_OF("dm_mod", stripe_start, stripe, "physical_start");
EG_FIELDS_OF("dm_crypt", crypt_config, cipher_string, dev, iv_offset, key_size, key_string, start);
EG_FIELD_AS_OF("dm_crypt", crypt_sector, crypt_config, "sector_size");
EG_FIELDS_OF("dm_verity", dm_verity, alg_name, data_blocks, data_dev, data_dev_block_bits,
             digest_size, hash_dev, hash_dev_block_bits, hash_start, root_digest, salt, salt_size,
             version);

enum { TARGETS_MAX = 4096, KEY_MAX = 4096, DIGEST_MAX = 256, CELLS_MAX = 1 << 16, BUCKETS = 64 };

struct reader {
    struct eg_run *r;
    struct eg_view *v;
    struct linux_reader m;
    struct lsblk_below *out;
};
/** @usual: offset and size in 5.10. */
#define GET(s, at, out_, field, ...)                                                               \
    linux_place_get(&(s)->m, (s)->v, (at), linux_place((s)->r, field, __VA_ARGS__), (out_))

static const char *text_at(const struct reader *s, uint64_t at)
{
    char text[512];

    return linux_place_text(&s->m, s->v, at, text, sizeof text) ? eg_strf(s->r, "%s", text) : NULL;
}

/** "7:1" of the dm_dev at @at, which is then below the device. */
static const char *device(const struct reader *s, uint64_t at)
{
    unsigned i = 0;
    uint64_t bdev;
    uint32_t dev;

    if (!GET(s, at, &bdev, dm_dev.bdev, 0, 8) || !bdev ||
        !eg_get(&dev, eg_object(s->r, block_device, bdev), bdev_dev))
        return "?";
    while (i < s->out->n && s->out->dev[i] != dev)
        i++;
    if (i == s->out->n && i < LSBLK_BELOW_MAX)
        s->out->dev[s->out->n++] = dev;
    return eg_strf(s->r, "%u:%u", linux_major(dev), linux_minor(dev));
}

static const char *linear(const struct reader *s, uint64_t at)
{
    uint64_t dev, start;

    if (!GET(s, at, &dev, linear_c.dev, 0, 8) || !GET(s, at, &start, linear_c.start, 8, 8))
        return NULL;
    return eg_strf(s->r, " %s %llu", device(s, dev), (unsigned long long)start);
}

static const char *striped(const struct reader *s, uint64_t at)
{
    const uint64_t off = eg_slot(s->r, eg_f_stripe_c.stripe.id)->off;
    const uint64_t size = eg_slot(s->r, eg_f_stripe_start.id)->kind
                              ? eg_slot(s->r, eg_f_stripe_start.id)->off + 16
                              : 0;
    uint64_t n, chunk, dev, start;
    const char *text;

    if (!size || !GET(s, at, &n, stripe_c.stripes, 0, 0) || n > LSBLK_BELOW_MAX ||
        !GET(s, at, &chunk, stripe_c.chunk_size, 0, 0))
        return NULL;
    text = eg_strf(s->r, " %llu %llu", (unsigned long long)n, (unsigned long long)chunk);
    for (uint64_t i = 0; i < n; i++) {
        // struct stripe: dev, physical_start, error_count
        if (!GET(s, at + off + i * 24, &dev, stripe_dev, 0, 8) ||
            !GET(s, at + off + i * 24, &start, stripe_start, 8, 8))
            return NULL;
        text = eg_strf(s->r, "%s %s %llu", text, device(s, dev), (unsigned long long)start);
    }
    return text;
}

/** As without --showkeys: zeros in place of the key, but the name of one in a keyring. */
static const char *crypt(const struct reader *s, uint64_t at, uint64_t target)
{
    uint64_t dev, start, iv, cipher, size, key = 0, sector = 0, discards = 0;
    const char *name, *secret, *text;

    if (!GET(s, at, &dev, crypt_config.dev, 0, 8) ||
        !GET(s, at, &start, crypt_config.start, 8, 8) ||
        !GET(s, at, &cipher, crypt_config.cipher_string, 0x60, 8) || !(name = text_at(s, cipher)) ||
        !GET(s, at, &iv, crypt_config.iv_offset, 0x98, 8) ||
        !GET(s, at, &size, crypt_config.key_size, 0xd0, 4) || size > KEY_MAX)
        return NULL;
    if (GET(s, at, &key, crypt_config.key_string, 0x70, 8) && key && (secret = text_at(s, key)))
        secret = eg_strf(s->r, ":%llu:%s", (unsigned long long)size, secret);
    else
        secret = size ? eg_strf(s->r, "%0*d", (int)(2 * size), 0) : "-";
    text = eg_strf(s->r, " %s %s %llu %s %llu", name, secret, (unsigned long long)iv,
                   device(s, dev), (unsigned long long)start);
    GET(s, target, &discards, dm_target.num_discard_bios, 0x28, 4);
    GET(s, at, &sector, crypt_sector, 0xa4, 2);
    if (discards && sector > 512)
        return eg_strf(s->r, "%s 2 allow_discards sector_size:%u", text, (unsigned)sector);
    if (discards)
        return eg_strf(s->r, "%s 1 allow_discards", text);
    return sector > 512 ? eg_strf(s->r, "%s 1 sector_size:%u", text, (unsigned)sector) : text;
}

static const char *hex_at(const struct reader *s, uint64_t at, uint64_t len)
{
    uint8_t bytes[DIGEST_MAX];
    char text[2 * DIGEST_MAX + 1];

    if (!len)
        return "-";
    if (len > sizeof bytes || !at || !eg_read(s->v, s->m.kernel, at, bytes, (size_t)len))
        return "?";
    eg_hex(text, bytes, (size_t)len);
    return eg_strf(s->r, "%s", text);
}

static const char *verity(const struct reader *s, uint64_t at)
{
    uint64_t version, data, hash, data_bits, hash_bits, blocks, start, alg, digest, n, salt, n_salt;
    const char *below, *hashes, *name;

    if (!eg_has_type(s->r, dm_verity) || !GET(s, at, &version, dm_verity.version, 0, 0) ||
        !GET(s, at, &data, dm_verity.data_dev, 0, 0) ||
        !GET(s, at, &hash, dm_verity.hash_dev, 0, 0) ||
        !GET(s, at, &data_bits, dm_verity.data_dev_block_bits, 0, 0) ||
        !GET(s, at, &hash_bits, dm_verity.hash_dev_block_bits, 0, 0) || data_bits > 31 ||
        hash_bits > 31 || !GET(s, at, &blocks, dm_verity.data_blocks, 0, 0) ||
        !GET(s, at, &start, dm_verity.hash_start, 0, 0) ||
        !GET(s, at, &alg, dm_verity.alg_name, 0, 0) ||
        !GET(s, at, &digest, dm_verity.root_digest, 0, 0) ||
        !GET(s, at, &n, dm_verity.digest_size, 0, 0) || !GET(s, at, &salt, dm_verity.salt, 0, 0) ||
        !GET(s, at, &n_salt, dm_verity.salt_size, 0, 0))
        return NULL;
    below = device(s, data);
    hashes = device(s, hash);
    name = text_at(s, alg);
    return eg_strf(s->r, " %llu %s %s %llu %llu %llu %llu %s %s %s", (unsigned long long)version,
                   below, hashes, 1ULL << data_bits, 1ULL << hash_bits, (unsigned long long)blocks,
                   (unsigned long long)start, name ? name : "?", hex_at(s, digest, n),
                   hex_at(s, salt, n_salt));
}

static const char *one_target(const struct reader *s, uint64_t at, uint64_t table)
{
    uint64_t back, type, name, begin, len, private;
    const char *kind, *more = "";

    if (!GET(s, at, &back, dm_target.table, 0, 8) || back != table ||
        !GET(s, at, &type, dm_target_type, 8, 8) || !GET(s, type, &name, target_name, 8, 8) ||
        !(kind = text_at(s, name)) || !GET(s, at, &begin, dm_target.begin, 0x10, 8) ||
        !GET(s, at, &len, dm_target.len, 0x18, 8) ||
        !GET(s, at, &private, dm_target.private, 0x40, 8))
        return NULL;
    if (!strcmp(kind, "linear"))
        more = linear(s, private);
    else if (!strcmp(kind, "striped"))
        more = striped(s, private);
    else if (!strcmp(kind, "crypt"))
        more = crypt(s, private, at);
    else if (!strcmp(kind, "verity"))
        more = verity(s, private);
    else if (strcmp(kind, "zero") != 0 && strcmp(kind, "error") != 0)
        more = " ..."; // its module alone knows
    return eg_strf(s->r, "%llu %llu %s%s", (unsigned long long)begin, (unsigned long long)len, kind,
                   more ? more : " ?");
}

static void read_table(const struct reader *s, uint64_t md)
{
    const uint64_t stride = eg_has_type(s->r, dm_target) ? eg_size(s->r, dm_target) : 0x58;
    struct linux_text text = { .r = s->r };
    uint64_t table, back, n, targets;
    const char *one;

    if (!GET(s, md, &table, mapped_device.map, 0x50, 8) || !table)
        return; // made, and not loaded yet
    if (!GET(s, table, &back, dm_table.md, 0, 8) || back != md ||
        !GET(s, table, &n, dm_table.num_targets, 0xd0, 4) || n > TARGETS_MAX ||
        !GET(s, table, &targets, dm_table.targets, 0xe0, 8)) {
        s->out->table = "?";
        return;
    }
    for (uint64_t i = 0; i < n && !eg_stopped(s->r); i++) {
        one = one_target(s, targets + i * stride, table);
        linux_text_add(&text, "%s%s", text.n ? "; " : "", one ? one : "?");
        if (!one)
            break;
    }
    if (text.n)
        s->out->table = linux_text_of(&text);
}

/** Until 5.12 they are in a table of chains by their names. */
static uint64_t find_cell(const struct reader *s, uint64_t md)
{
    uint64_t buckets, node, back;

    if (!eg_lookup(s->r, "_name_buckets", &buckets))
        return 0;
    for (uint64_t i = 0; i < BUCKETS; i++) {
        const uint64_t head = buckets + 16 * i;

        if (!linux_word(&s->m, s->v, head, &node))
            return 0;
        for (uint32_t n = 0; node != head && n < CELLS_MAX; n++) {
            if (linux_place_get(&s->m, s->v, node, linux_place(s->r, hash_cell.md, 0x30, 8),
                                &back) &&
                back == md)
                return node;
            if (!linux_word(&s->m, s->v, node, &node))
                return 0;
        }
    }
    return 0;
}

static void read_name(const struct reader *s, uint64_t md)
{
    uint64_t cell = 0, back, at;

    if (eg_has(s->r, mapped_device.interface_ptr))
        GET(s, md, &cell, mapped_device.interface_ptr, 0, 0);
    else
        cell = find_cell(s, md);
    if (!cell || !GET(s, cell, &back, hash_cell.md, 0x30, 8) || back != md)
        return;
    if (GET(s, cell, &at, hash_cell.name, 0x20, 8))
        s->out->name = text_at(s, at);
    if (GET(s, cell, &at, hash_cell.uuid, 0x28, 8) && at)
        s->out->uuid = text_at(s, at);
}

/** lsblk's word: what stands before the first dash of the id, "CRYPT-LUKS2-…". */
static const char *type_of(const struct reader *s)
{
    const char *uuid = s->out->uuid;
    const size_t n = uuid ? strcspn(uuid, "-") : 0;
    char type[32];

    if (!n || n >= sizeof type || !uuid[n])
        return "dm";
    for (size_t i = 0; i < n; i++)
        type[i] = (char)(uuid[i] >= 'A' && uuid[i] <= 'Z' ? uuid[i] + 32 : uuid[i]);
    return eg_strf(s->r, "%.*s", !strncmp(type, "part", 4) ? 4 : (int)n, type);
}

bool lsblk_dm(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out)
{
    const struct reader s = {
        r, eg_view_of(r), { eg_kernel(r), eg_binding_of(r)->model.big_endian }, out
    };
    uint64_t md, disk;

    if (strncmp(b->name, "dm-", 3) != 0 ||
        !eg_get(&md, eg_object(r, gendisk, b->disk), dm_private) ||
        !GET(&s, md, &disk, mapped_device.disk, 0xb8, 8) || disk != b->disk)
        return false;
    read_name(&s, md);
    read_table(&s, md);
    out->type = type_of(&s);
    return true;
}
