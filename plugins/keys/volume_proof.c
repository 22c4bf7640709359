/* volume_proof.c - is it the volume's key? Its header has a digest of it, and what it decrypts is
 * what the page cache has of the open volume, or begins as a file system does. */
#include "../../core/run.h"
#include "../linux/own/blockcache.h"
#include "config.h"
#include "crypto.h"
#include "volume.h"
#include <ctype.h>

enum { SECTORS_MAX = 128, SECTOR_MAX = 4096 };

void eg_volume_proven(struct eg_volume *v, const char *how)
{
    if (v->verified && strstr(v->verified, how))
        return;
    v->verified = v->verified ? eg_strf(v->r, "%s, %s", v->verified, how) : how;
}

/* Source @i has this volume. */
static void is_of(struct eg_volume *v, size_t i)
{
    v->disk.at[i].is_own = true;
    if (v->disk.at[i].file)
        v->disk.at[i].file->used = true;
}

/* ---- the header ---- */

static bool bytes_of(void *context, uint64_t at, void *to, size_t len)
{
    return eg_volume_bytes(context, at, to, len);
}

/* Device mapper has the header's UUID without its dashes: CRYPT-LUKS2-UUID-name. */
static bool is_own(const struct eg_volume *v, const struct eg_luks *l)
{
    const char *format = eg_volume_format(v), *at = v->dm.uuid, *own = l->uuid;

    if (!format)
        return true;
    at += strlen("CRYPT-") + strlen(format) + 1;
    for (; *own; own++) {
        if (*own == '-')
            continue;
        if (*at == '-')
            at++;
        if (tolower((unsigned char)*own) != tolower((unsigned char)*at++))
            return false;
    }
    return own != l->uuid;
}

static void judge(struct eg_volume *v, size_t i)
{
    static const char *const why[] = {
        [LUKS_NO] = "its LUKS header has the digest of another key",
        [LUKS_TOO_LONG] = "the digest of its LUKS header takes too many iterations",
        [LUKS_NO_HASH] = "the hash of its LUKS header cannot be computed",
    };
    const enum eg_luks_answer answer =
        eg_luks_is_key(&v->luks, v->key, v->has, &v->work->iterations);

    if (answer == LUKS_YES)
        eg_volume_proven(v, "LUKS digest");
    // without a UUID of its own a volume knows its header by the digest alone
    if (answer == LUKS_YES || eg_volume_format(v)) {
        is_of(v, i);
        v->refused = answer == LUKS_NO;
        v->why_no_header = why[answer];
    }
}

static void prove_by_header(struct eg_volume *v)
{
    const char *format = eg_volume_format(v), *why, *none = "no LUKS header is there";
    bool done = !eg_volume_has_all(v) || (format && strncmp(format, "LUKS", 4) != 0);

    v->why_no_header = NULL;
    for (size_t i = 0; i < v->disk.n && !done; i++) {
        why = eg_luks_read(bytes_of, &v->disk.at[i], &v->luks);
        if (!why && is_own(v, &v->luks)) {
            judge(v, i);
            done = v->disk.at[i].is_own;
        } else if (!why && format) {
            v->disk.at[i].is_other = true;
        } else if (format && why && (!v->why_no_header || !strcmp(v->why_no_header, none))) {
            v->why_no_header = why;
        }
    }
}

/* ---- sectors ---- */

struct comparing {
    struct eg_volume *v;
    struct eg_sectors *s;
    uint32_t size;
    unsigned tried;
};

/* A sector of the open volume, of which the page cache has the plain text. */
static bool is_equal(struct comparing *c, uint64_t sector, const uint8_t *plain)
{
    struct eg_volume *v = c->v;
    uint8_t in[SECTOR_MAX], out[SECTOR_MAX];
    uint64_t first;

    for (size_t i = 0; i < v->disk.n; i++) {
        if (!eg_add(v->c.start, sector, &first) || first > UINT64_MAX / 512 ||
            !eg_volume_bytes(&v->disk.at[i], first * 512, in, c->size) ||
            !eg_sectors_decrypt(c->s, sector, in, out) || memcmp(plain, out, c->size) != 0)
            continue;
        is_of(v, i);
        return true;
    }
    return false;
}

static bool equals_cache(struct comparing *c)
{
    const struct eg_volume *v = c->v;
    const struct linux_content *plain;
    struct eg_volume_source open = { .r = v->r };
    uint8_t bytes[SECTOR_MAX];

    if (v->t.begin || v->dm.n != 1) // sectors are counted from the target's first
        return false;
    open.content = eg_volume_cached(v->r, v->work, linux_block_inode(v->r, v->b));
    plain = open.content;
    for (size_t i = 0; plain && i < plain->parts.n && c->tried < SECTORS_MAX; i++) {
        const struct linux_content_part *p = &plain->parts.at[i];

        if (p->kind != LINUX_CONTENT_BYTES || p->partial || p->dirty)
            continue;
        for (uint64_t at = p->first;
             p->len >= c->size && at <= p->first + p->len - c->size && c->tried < SECTORS_MAX;
             at += c->size, c->tried++)
            if (at % c->size == 0 && eg_volume_bytes(&open, at, bytes, c->size) &&
                is_equal(c, at / 512, bytes))
                return true;
    }
    return false;
}

const char *eg_volume_begins(const struct eg_volume *v, const struct eg_volume_source *s,
                             struct eg_sectors *sectors)
{
    const uint32_t size = eg_volume_how(v).sector_size;
    uint8_t *const in = v->work->in, *const out = v->work->out;
    size_t n = 0;

    for (; n + size <= EG_VOLUME_CONTENT_LEN && n / 512 < v->t.len; n += size)
        if (v->c.start > UINT64_MAX / 512 - n ||
            !eg_volume_bytes(s, v->c.start * 512 + n, in + n, size) ||
            !eg_sectors_decrypt(sectors, n / 512, in + n, out + n))
            break;
    return eg_volume_content(out, n);
}

static bool begins_well(struct comparing *c)
{
    struct eg_volume *v = c->v;

    for (size_t i = 0; i < v->disk.n; i++)
        if (eg_volume_begins(v, &v->disk.at[i], c->s)) {
            is_of(v, i);
            return true;
        }
    return false;
}

struct eg_sectors_how eg_volume_how(const struct eg_volume *v)
{
    return (struct eg_sectors_how){
        .cipher = v->c.cipher,
        .key = v->key,
        .key_size = v->cipher_size,
        .sector_size = v->c.sector_size ? v->c.sector_size : 512,
        .iv_offset = v->c.iv_offset,
        .iv_large = v->c.flags & LINUX_DM_CRYPT_IV_LARGE_SECTORS,
    };
}

static void close_sectors(void *s)
{
    eg_sectors_close(s);
}

static void prove_by_sector(struct eg_volume *v)
{
    const struct eg_sectors_how how = eg_volume_how(v);
    struct comparing c = { .v = v, .size = how.sector_size };
    const char *why;

    if (!v->cipher_size || v->extra_size || !v->disk.n || !(c.s = eg_sectors_open(&how, &why)))
        return;
    eg_run_defer(v->r, close_sectors, c.s);
    if (equals_cache(&c) || begins_well(&c))
        eg_volume_proven(v, "sector decrypts");
}

void eg_volume_prove(struct eg_volume *v)
{
    eg_crypto_note(v->r);
#ifndef HAVE_YAJL
    eg_note(v->r, "no header of LUKS2 is read: this build was made without yajl");
#endif
    prove_by_header(v);
    prove_by_sector(v);
}
