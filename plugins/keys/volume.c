/* volume.c - the keys of dm-crypt's volumes: see volume.h. */
#include "volume.h"
#include "../../core/base.h"
#include "../../core/space.h"
#include "../../core/walkers.h"
#include "../linux/fs/inode.h"
#include "crypto.h"

EG_FIELD_AS_OF("dm_crypt", crypt_key, crypt_config, "key");
EG_FIELD_AS_OF("dm_crypt", crypt_tfms, crypt_config, "cipher_tfm.tfms");
EG_FIELD_AS_OF("dm_crypt", crypt_tfms_count, crypt_config, "tfms_count");
EG_FIELD_AS_OF("dm_crypt", crypt_extra_size, crypt_config, "key_extra_size");
EG_FIELD_AS_OF("dm_crypt", crypt_mac_size, crypt_config, "key_mac_size");

enum { CIPHERS_MAX = 64, WORK_MAX = 20000000, TRIES_MAX = 8, VOLUMES_MAX = 4096 };

static void read_ciphers(struct eg_volume *v)
{
    struct eg_run *r = v->r;
    const struct linux_place word = { .size = eg_binding_of(r)->model.ptr_size };
    uint64_t tfms, n, tfm;

    if (!linux_dm_get(r, v->c.at, &tfms, crypt_tfms, 0xa8, 8) ||
        !linux_dm_get(r, v->c.at, &n, crypt_tfms_count, 0xb0, 4))
        return;
    v->ciphers = (uint32_t)n;
    for (uint64_t i = 0; i < EG_MIN(n, CIPHERS_MAX) && !eg_stopped(r); i++)
        if (linux_dm_get_(r, tfms + word.size * i, word, &tfm))
            eg_tfm_keys(r, tfm, &v->made);
}

/** Each part of the key that the cipher gets is one that it has expanded. */
static bool is_made_of(const struct eg_volume *v)
{
    uint32_t done = 0;

    for (size_t i = 0; done < v->cipher_size; i++) {
        const struct eg_tfm_key *k = &v->made.at[i];

        if (i == v->made.n)
            return false;
        if (k->size <= v->cipher_size - done && !memcmp(v->key + done, k->key, k->size)) {
            done += k->size;
            i = (size_t)-1;
        }
    }
    return done != 0;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n && !p[n - 1])
        n--;
    return !n;
}

static const struct eg_tfm_key *only(const struct eg_volume *v, enum eg_tfm_role role,
                                     uint32_t size)
{
    const struct eg_tfm_key *one = NULL;

    for (size_t i = 0; i < v->made.n; i++)
        if (v->made.at[i].size == size && (role == TFM_ANY || v->made.at[i].role == role)) {
            if (one)
                return NULL;
            one = &v->made.at[i];
        }
    return one;
}

static void put_together(struct eg_volume *v, const struct eg_tfm_key *data,
                         const struct eg_tfm_key *tweak)
{
    memcpy(v->key, data->key, data->size);
    if (tweak)
        memcpy(v->key + data->size, tweak->key, tweak->size);
    v->has = v->cipher_size;
    v->from = "schedule";
}

/** The kernel wipes its copy of a key from a keyring as soon as the cipher has it. */
static bool from_cipher(struct eg_volume *v)
{
    const struct eg_tfm_key *data, *tweak;
    const uint32_t half = v->cipher_size / 2;

    if (strstr(v->c.cipher, "adiantum")) {
        // Its AES key is not the volume's: the stream cipher makes it.
        data = only(v, TFM_STREAM, v->cipher_size);
        if (!data)
            return false;
        put_together(v, data, NULL);
        v->from = "context";
        return true;
    }
    if (!strstr(v->c.cipher, "xts")) {
        data = only(v, TFM_ANY, v->cipher_size);
        if (data)
            put_together(v, data, NULL);
        return data != NULL;
    }
    data = only(v, TFM_DATA, half);
    tweak = only(v, TFM_TWEAK, half);
    if (!data || !tweak || v->cipher_size % 2)
        return false;
    put_together(v, data, tweak);
    return true;
}

/** ESSIV has a key of its own, the hash of the first: of two keys it tells which is which. */
static bool from_essiv(struct eg_volume *v)
{
    const struct eg_tfm_key *k = v->made.at;
    uint8_t sum[CRYPTO_DIGEST_MAX];
    bool found = false;

    if (!strstr(v->c.cipher, "essiv:sha256"))
        return false;
    for (size_t i = 0; i < v->made.n && !found; i++) {
        if (k[i].size != v->cipher_size || !eg_crypto_digest("sha256", k[i].key, k[i].size, sum))
            continue;
        for (size_t j = 0; j < v->made.n && !found; j++)
            found = k[j].size == 32 && !memcmp(k[j].key, sum, 32);
        if (found)
            put_together(v, &k[i], NULL);
    }
    return found;
}

static bool is_proven(struct eg_volume *v)
{
    eg_volume_prove(v);
    if (v->verified)
        return true;
    v->has = 0;
    v->from = NULL;
    return false;
}

/** Keys of which nothing tells which is the volume's, or the first of XTS: one is proven, or
 * none. */
static bool by_proof(struct eg_volume *v)
{
    const bool xts = strstr(v->c.cipher, "xts") != NULL;
    const uint32_t size = xts ? v->cipher_size / 2 : v->cipher_size;
    const struct eg_tfm_key *k = v->made.at;
    unsigned tries = 0;

    if (xts && v->cipher_size % 2)
        return false;
    for (size_t i = 0; i < v->made.n; i++)
        for (size_t j = 0; j < (xts ? v->made.n : 1) && tries < TRIES_MAX; j++) {
            if (k[i].size != size || (xts && (i == j || k[j].size != size)))
                continue;
            tries++;
            put_together(v, &k[i], xts ? &k[j] : NULL);
            if (is_proven(v))
                return true;
        }
    return false;
}

static void find_key(struct eg_volume *v)
{
    const struct eg_slot *key = eg_slot(v->r, eg_f_crypt_key.id);
    uint64_t extra = 0, mac = 0;
    bool read;

    linux_dm_get(v->r, v->c.at, &extra, crypt_extra_size, 0xd8, 4);
    linux_dm_get(v->r, v->c.at, &mac, crypt_mac_size, 0xdc, 4);
    if (extra + mac < v->c.key_size) {
        v->extra_size = (uint32_t)extra;
        v->mac_size = (uint32_t)mac;
        v->cipher_size = v->c.key_size - (uint32_t)(extra + mac);
    }
    if (!v->c.key_size) {
        v->hints = "the cipher has no key";
        return;
    }
    read_ciphers(v);
    read = key->kind &&
           eg_read(eg_view_of(v->r), eg_kernel(v->r), v->c.at + key->off, v->key, v->c.key_size);
    if (read && !is_zero(v->key, v->c.key_size)) {
        v->has = v->c.key_size;
        v->at = v->c.at + key->off;
        v->from = "crypt_config";
        if (is_made_of(v))
            eg_volume_proven(v, v->cipher_size == v->has ? "schedule" : "schedule of the cipher");
        eg_volume_prove(v);
    } else if (!(v->c.flags & LINUX_DM_CRYPT_KEY_VALID)) {
        v->hints = "the key was wiped, as luksSuspend does";
    } else if (v->cipher_size && (from_cipher(v) || from_essiv(v))) {
        if (!strstr(v->c.cipher, "adiantum"))
            eg_volume_proven(v, "schedule");
        eg_volume_prove(v);
        // what was put together may be keys of something else that the cipher has
        if (v->refused && !strstr(v->verified ? v->verified : "", "sector")) {
            v->has = 0;
            v->from = v->verified = NULL;
            v->hints = v->why_no_header;
            return;
        }
        if (v->has < v->c.key_size)
            v->hints = "the cipher's part of the key: the rest was wiped, of which HMAC keeps "
                       "hashes alone";
    } else if (v->cipher_size && by_proof(v)) {
        return;
    } else {
        v->hints = !read                        ? "the key cannot be read"
                   : strstr(v->c.cipher, "aes") ? "the kernel has wiped its copy, and the cipher "
                                                  "has no AES key"
                                                : "the kernel has wiped its copy, and what this "
                                                  "cipher made of it is not turned back";
    }
}

static const struct linux_blockdev *device(const struct linux_blockdevs *all, uint32_t dev)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].dev == dev && !all->at[i].no_dev)
            return &all->at[i];
    return NULL;
}

static void look_at(struct eg_volume *v, const struct linux_blockdevs *all)
{
    uint32_t dev;

    if (linux_dm_dev(v->r, v->c.dev, &dev)) {
        v->below = device(all, dev);
        v->backed_by = v->below && *v->below->name
                           ? v->below->name
                           : eg_strf(v->r, "%u:%u", linux_major(dev), linux_minor(dev));
    }
    eg_volume_disk_open(v->r, v->below, v->work, &v->disk);
    find_key(v);
}

static void device_volumes(struct eg_run *r, const struct linux_blockdevs *all,
                           const struct linux_blockdev *b, struct eg_volume *v,
                           struct eg_volume_work *work, eg_volume_fn *each, void *context)
{
    struct linux_dm dm;
    struct linux_dm_target t;

    if (b->part || b->wrong || !linux_dm(r, b, &dm))
        return;
    if (dm.is_bad)
        eg_note(r, "%s: the table of device mapper cannot be read", b->name);
    for (uint32_t i = 0; i < dm.n && !eg_stopped(r); i++) {
        if (!linux_dm_target(r, &dm, i, &t)) {
            eg_note(r, "%s: target %u of %u of device mapper cannot be read", b->name, i, dm.n);
            break;
        }
        if (strcmp(t.kind, "crypt") != 0)
            continue;
        if (work->n_volumes++ == VOLUMES_MAX)
            eg_note(r, "more than %d encrypted volumes: the others are left out", VOLUMES_MAX);
        if (work->n_volumes > VOLUMES_MAX)
            return;
        memset(v, 0, sizeof *v);
        v->r = r;
        v->work = work;
        v->b = b;
        v->t = t;
        v->dm = dm;
        if (!linux_dm_crypt(r, &t, &v->c)) {
            eg_note(r, "%s: what encrypts target %u cannot be read", b->name, i);
            continue;
        }
        look_at(v, all);
        each(context, v);
        if (!eg_slot(r, eg_f_crypt_key.id)->kind)
            eg_note(r,
                    "%s: this kernel keeps no types of dm_crypt: the key is sought in the "
                    "schedules of its cipher alone",
                    b->name);
    }
}

void eg_volumes(struct eg_run *r, eg_volume_fn *each, void *context)
{
    const struct linux_blockdevs *all = linux_blockdevs(r);
    struct eg_volume *v = eg_tmp(r, sizeof *v);
    struct eg_volume_work *work = eg_tmp(r, sizeof *work);

    work->iterations = WORK_MAX;
    work->in = eg_tmp(r, EG_VOLUME_CONTENT_LEN);
    work->out = eg_tmp(r, EG_VOLUME_CONTENT_LEN);
    if (!all || !eg_volume_work_open(r, work))
        return;
    for (size_t i = 0; i < all->n && !eg_stopped(r); i++) {
        device_volumes(r, all, &all->at[i], v, work, each, context);
        // Without a module's types its layout must be known, and that is of 5.10 with 64 bits.
        if (!strncmp(all->at[i].name, "dm-", 3) && !eg_has(r, crypt_key) &&
            eg_binding_of(r)->model.ptr_size != 8)
            eg_note(r,
                    "no volume is found in a kernel of 32 bits before 5.11: it keeps no types of "
                    "its modules, and their layout is known of 64 bits alone");
    }
    for (size_t i = 0; i < work->n_files && !eg_stopped(r); i++)
        if (!work->files[i].used)
            eg_note(r, "--disk %s: it has no header and no sector of a volume whose key is here",
                    work->files[i].path);
}

/* ---- what a volume is ---- */

const char *eg_volume_format(const struct eg_volume *v)
{
    const char *uuid = v->dm.uuid, *end;

    // "CRYPT-", the type, "-", what tells it from others
    if (!uuid || strncmp(uuid, "CRYPT-", 6) != 0 || !(end = strchr(uuid + 6, '-')) ||
        end == uuid + 6)
        return NULL;
    if (!strncmp(uuid + 6, "PLAIN-", 6))
        return "plain";
    return eg_strf(v->r, "%.*s", (int)EG_MIN((ptrdiff_t)16, end - (uuid + 6)), uuid + 6);
}

/* The hash of ESSIV makes a key of the volume's; the cipher has expanded it too. */
static const struct eg_tfm_key *essiv(const struct eg_volume *v)
{
    const struct eg_tfm_key *one = NULL;

    if (!strstr(v->c.cipher, "essiv"))
        return NULL;
    for (size_t i = 0; i < v->made.n; i++)
        if (v->cipher_size < v->made.at[i].size ||
            memcmp(v->key, v->made.at[i].key, v->made.at[i].size) != 0) {
            if (one)
                return NULL;
            one = &v->made.at[i];
        }
    return one;
}

size_t eg_volume_parts(struct eg_volume *v, struct eg_volume_part *out)
{
    const bool tcw = strstr(v->c.cipher, "-tcw"), lmk = strstr(v->c.cipher, "-lmk");
    const bool all = eg_volume_has_all(v);
    // what proves the cipher's part says nothing of the others; the digest is of all
    const char *rest = v->verified && strstr(v->verified, "LUKS digest") ? "LUKS digest" : NULL;
    const uint8_t *const mac = v->key + v->cipher_size, *const extra = mac + v->mac_size;
    // drivers/md/dm-crypt.c, crypt_iv_tcw_init: a vector's bytes, then 16 that whiten
    const uint32_t seed = tcw && v->extra_size > 16 ? v->extra_size - 16 : v->extra_size;
    const struct eg_tfm_key *e = v->has ? essiv(v) : NULL;
    size_t n = 0;

    if (v->has && v->cipher_size && v->cipher_size < v->c.key_size)
        out[n++] = (struct eg_volume_part){ .purpose = lmk ? "cipher keys" : "cipher key",
                                            .key = v->key,
                                            .size = v->cipher_size,
                                            .proof = v->verified };
    if (all && v->mac_size)
        out[n++] = (struct eg_volume_part){
            .purpose = "integrity key", .key = mac, .size = v->mac_size, .proof = rest
        };
    if (all && seed)
        out[n++] = (struct eg_volume_part){
            .purpose = tcw || lmk ? "IV seed" : "IV key", .key = extra, .size = seed, .proof = rest
        };
    if (all && seed < v->extra_size)
        out[n++] = (struct eg_volume_part){
            .purpose = "whitening", .key = extra + seed, .size = v->extra_size - seed, .proof = rest
        };
    if (e)
        out[n++] = (struct eg_volume_part){ .purpose = "ESSIV key",
                                            .key = e->key,
                                            .size = e->size,
                                            .algorithm = "aes",
                                            .proof = "schedule",
                                            .is_computed = true };
    return n;
}

const char *eg_volume_table(const struct eg_volume *v)
{
    char hex[2 * LINUX_DM_KEY_MAX + 1];

    if (!eg_volume_has_all(v) || !v->backed_by)
        return NULL;
    eg_hex(hex, v->key, v->c.key_size);
    return eg_strf(v->r, "%llu %llu crypt%s", (unsigned long long)v->t.begin,
                   (unsigned long long)v->t.len,
                   linux_dm_crypt_text(v->r, &v->c, hex, eg_strf(v->r, "/dev/%s", v->backed_by)));
}
