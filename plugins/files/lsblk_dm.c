/* lsblk_dm.c - the tables of device mapper, as `dmsetup table` shows them. */
#include "../linux/fs/inode.h"
#include "../linux/own/dm.h"
#include "../linux/text.h"
#include "lsblk.h"

EG_FIELDS_OF("dm_mod", linear_c, dev, start);
EG_FIELDS_OF("dm_mod", stripe_c, chunk_size, stripe, stripes);
EG_FIELD_AS_OF("dm_mod", stripe_dev, stripe, "dev");
EG_FIELD_AS_OF("dm_mod", stripe_start, stripe, "physical_start");
EG_FIELDS_OF("dm_verity", dm_verity, alg_name, data_blocks, data_dev, data_dev_block_bits,
             digest_size, hash_dev, hash_dev_block_bits, hash_start, root_digest, salt, salt_size,
             version);

enum { DIGEST_MAX = 256 };

struct reader {
    struct eg_run *r;
    struct lsblk_below *out;
};
/** @usual: offset and size in 5.10. */
#define GET(s, at, out_, field, ...) linux_dm_get((s)->r, (at), (out_), field, __VA_ARGS__)

/** "7:1" of the dm_dev at @at, which is then below the device. */
static const char *device(const struct reader *s, uint64_t at)
{
    unsigned i = 0;
    uint32_t dev;

    if (!linux_dm_dev(s->r, at, &dev))
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
static const char *crypt(const struct reader *s, const struct linux_dm_target *t)
{
    struct linux_dm_crypt c;
    const char *key = "-";

    if (!linux_dm_crypt(s->r, t, &c))
        return NULL;
    if (c.key_string)
        key = eg_strf(s->r, ":%u:%s", c.key_size, c.key_string);
    else if (c.key_size)
        key = eg_strf(s->r, "%0*d", (int)(2 * c.key_size), 0);
    return linux_dm_crypt_text(s->r, &c, key, device(s, c.dev));
}

static const char *hex_at(const struct reader *s, uint64_t at, uint64_t len)
{
    uint8_t bytes[DIGEST_MAX];
    char text[2 * DIGEST_MAX + 1];

    if (!len)
        return "-";
    if (len > sizeof bytes || !at ||
        !eg_read(eg_view_of(s->r), eg_kernel(s->r), at, bytes, (size_t)len))
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
    name = linux_dm_text(s->r, alg);
    return eg_strf(s->r, " %llu %s %s %llu %llu %llu %llu %s %s %s", (unsigned long long)version,
                   below, hashes, 1ULL << data_bits, 1ULL << hash_bits, (unsigned long long)blocks,
                   (unsigned long long)start, name ? name : "?", hex_at(s, digest, n),
                   hex_at(s, salt, n_salt));
}

static const char *one_target(const struct reader *s, const struct linux_dm *dm, uint32_t i)
{
    struct linux_dm_target t;
    const char *more = "";

    if (!linux_dm_target(s->r, dm, i, &t))
        return NULL;
    if (!strcmp(t.kind, "linear"))
        more = linear(s, t.own);
    else if (!strcmp(t.kind, "striped"))
        more = striped(s, t.own);
    else if (!strcmp(t.kind, "crypt"))
        more = crypt(s, &t);
    else if (!strcmp(t.kind, "verity"))
        more = verity(s, t.own);
    else if (strcmp(t.kind, "zero") != 0 && strcmp(t.kind, "error") != 0)
        more = " ..."; // its module alone knows
    return eg_strf(s->r, "%llu %llu %s%s", (unsigned long long)t.begin, (unsigned long long)t.len,
                   t.kind, more ? more : " ?");
}

static void read_table(const struct reader *s, const struct linux_dm *dm)
{
    struct linux_text text = { .r = s->r };
    const char *one;

    if (dm->is_bad)
        s->out->table = "?";
    for (uint32_t i = 0; i < dm->n && !eg_stopped(s->r); i++) {
        one = one_target(s, dm, i);
        linux_text_add(&text, "%s%s", text.n ? "; " : "", one ? one : "?");
        if (!one)
            break;
    }
    if (text.n)
        s->out->table = linux_text_of(&text);
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
    const struct reader s = { r, out };
    struct linux_dm dm;

    if (!linux_dm(r, b, &dm))
        return false;
    out->name = dm.name;
    out->uuid = dm.uuid;
    read_table(&s, &dm);
    out->type = type_of(&s);
    return true;
}
