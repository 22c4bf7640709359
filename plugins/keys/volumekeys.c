/* volumekeys - the keys of dm-crypt: LUKS, plain, and what else cryptsetup opens. */
#include "../../core/base.h"
#include "../../core/space.h"
#include "../../core/walkers.h"
#include "../linux/fs/inode.h"
#include "../linux/own/dm.h"
#include "fingerprint.h"
#include "tfm.h"

EG_FIELD_AS_OF("dm_crypt", crypt_key, crypt_config, "key");
EG_FIELD_AS_OF("dm_crypt", crypt_tfms, crypt_config, "cipher_tfm.tfms");
EG_FIELD_AS_OF("dm_crypt", crypt_tfms_count, crypt_config, "tfms_count");
EG_FIELD_AS_OF("dm_crypt", crypt_extra_size, crypt_config, "key_extra_size");
EG_FIELD_AS_OF("dm_crypt", crypt_mac_size, crypt_config, "key_mac_size");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the crypt_config is", EG_MINOR)                                         \
    C(NAME, TEXT, "the kernel's name of the device")                                               \
    C(MAPPED_NAME, TEXT, "the name that device mapper knows it by")                                \
    C(UUID, TEXT, "the id that device mapper knows it by: LUKS1, LUKS2, PLAIN", EG_MINOR)          \
    C(BACKED_BY, TEXT, "the device with the encrypted data")                                       \
    C(CIPHER, TEXT, "how it is encrypted")                                                         \
    C(KEY_BITS, INT, "length of the key")                                                          \
    C(SECTOR_SIZE, INT, "bytes that are encrypted together", EG_MINOR)                             \
    C(START_SECTOR, INT, "where in the device it begins, in 512 bytes", EG_MINOR)                  \
    C(SECTORS, INT, "length in 512 bytes", EG_MINOR)                                               \
    C(IV_OFFSET, INT, "is added to a sector's number for its initial vector", EG_MINOR)            \
    C(BACKING_SECTOR, INT, "where on BACKED_BY the data begins, in 512 bytes", EG_MINOR)           \
    C(FLAGS, FLAGS, "SUSPENDED, KEY_VALID, INTEGRITY_AEAD, IV_LARGE_SECTORS and others")           \
    C(KEY_STRING, TEXT, "the key of a keyring that it came from", EG_MINOR)                        \
    C(FOUND_BY, TEXT, "where the key is: crypt_config, schedule")                                  \
    C(VERIFIED, TEXT, "schedule: it is what the cipher works with")                                \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256")                           \
    C(SECRET, BYTES, "the key itself", EG_ASKED)                                                   \
    C(DM_TABLE, TEXT, "a table that opens it again, with the key: for `dmsetup create`", EG_ASKED) \
    C(HINTS, TEXT, "why there is no key")
EG_COLUMNS(COLUMNS);

enum { CIPHERS_MAX = 64 };

struct volume {
    struct eg_run *r;
    const struct linux_dm_target *t;
    struct linux_dm_crypt c;
    struct eg_tfm_keys made; // keys that its cipher has expanded
    uint32_t cipher_size;    // of the key: without what signs and what makes vectors
    uint8_t key[LINUX_DM_KEY_MAX];
    bool has_key;
    const char *from, *verified, *hints;
};

static void read_ciphers(struct volume *v)
{
    struct eg_run *r = v->r;
    const struct linux_place word = { .size = eg_binding_of(r)->model.ptr_size };
    uint64_t tfms, n, tfm;

    if (!linux_dm_get(r, v->c.at, &tfms, crypt_tfms, 0xa8, 8) ||
        !linux_dm_get(r, v->c.at, &n, crypt_tfms_count, 0xb0, 4))
        return;
    for (uint64_t i = 0; i < EG_MIN(n, CIPHERS_MAX) && !eg_stopped(r); i++)
        if (linux_dm_get_(r, tfms + word.size * i, word, &tfm))
            eg_tfm_keys(r, tfm, &v->made);
}

/** Each part of the key that the cipher gets is one that it has expanded. */
static bool is_made_of(const struct volume *v)
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

static const struct eg_tfm_key *only(const struct volume *v, enum eg_tfm_role role, uint32_t size)
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

/** The kernel wipes its copy of a key from a keyring as soon as the cipher has it. */
static bool from_cipher(struct volume *v)
{
    const struct eg_tfm_key *data, *tweak;
    const uint32_t half = v->c.key_size / 2;

    if (v->cipher_size != v->c.key_size)
        return false;
    if (!strstr(v->c.cipher, "xts")) {
        data = only(v, TFM_ANY, v->c.key_size);
        if (data)
            memcpy(v->key, data->key, data->size);
        return data != NULL;
    }
    data = only(v, TFM_DATA, half);
    tweak = only(v, TFM_TWEAK, half);
    if (!data || !tweak || v->c.key_size % 2)
        return false;
    memcpy(v->key, data->key, half);
    memcpy(v->key + half, tweak->key, half);
    return true;
}

static void find_key(struct volume *v)
{
    const struct eg_slot *key = eg_slot(v->r, eg_f_crypt_key.id);
    uint64_t extra = 0, mac = 0;
    bool read;

    linux_dm_get(v->r, v->c.at, &extra, crypt_extra_size, 0xd8, 4);
    linux_dm_get(v->r, v->c.at, &mac, crypt_mac_size, 0xdc, 4);
    v->cipher_size = extra + mac < v->c.key_size ? v->c.key_size - (uint32_t)(extra + mac) : 0;
    if (!v->c.key_size) {
        v->hints = "the cipher has no key";
        return;
    }
    read_ciphers(v);
    read = key->kind &&
           eg_read(eg_view_of(v->r), eg_kernel(v->r), v->c.at + key->off, v->key, v->c.key_size);
    if (read && !is_zero(v->key, v->c.key_size)) {
        v->has_key = true;
        v->from = "crypt_config";
        v->verified = is_made_of(v) ? "schedule" : NULL;
    } else if (!(v->c.flags & LINUX_DM_CRYPT_KEY_VALID)) {
        v->hints = "the key was wiped, as luksSuspend does";
    } else if (from_cipher(v)) {
        v->has_key = true;
        v->from = v->verified = "schedule";
    } else {
        v->hints = read ? "the kernel has wiped its copy, and the cipher has no AES key"
                        : "the key cannot be read";
    }
}

static const char *device(struct eg_run *r, const struct linux_blockdevs *all, uint32_t dev)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].dev == dev && !all->at[i].no_dev && *all->at[i].name)
            return all->at[i].name;
    return eg_strf(r, "%u:%u", linux_major(dev), linux_minor(dev));
}

static void show(struct eg_run *r, const struct linux_blockdevs *all,
                 const struct linux_blockdev *b, const struct linux_dm *dm, const struct volume *v)
{
    const struct linux_dm_crypt *c = &v->c;
    const bool shown = v->has_key && eg_arg_flag(r, "show");
    const struct eg_cell none = { 0 };
    const char *table = NULL, *name = NULL;
    char hex[2 * LINUX_DM_KEY_MAX + 1];
    uint32_t dev;

    if (linux_dm_dev(r, c->dev, &dev))
        name = device(r, all, dev);
    if (shown && name) {
        eg_hex(hex, v->key, c->key_size);
        table = eg_strf(r, "%llu %llu crypt%s", (unsigned long long)v->t->begin,
                        (unsigned long long)v->t->len,
                        linux_dm_crypt_text(r, c, hex, eg_strf(r, "/dev/%s", name)));
    }
    eg_row(r, .OFFSET = eg_uint(c->at), .NAME = eg_text(b->name), .MAPPED_NAME = eg_text(dm->name),
           .UUID = eg_text(dm->uuid),
           .BACKED_BY = name ? eg_text(name) : eg_missing(EG_UNREADABLE, c->dev),
           .CIPHER = eg_text(c->cipher), .KEY_BITS = eg_uint(c->key_size * 8u),
           .SECTOR_SIZE = eg_uint(c->sector_size), .START_SECTOR = eg_uint(v->t->begin),
           .SECTORS = eg_uint(v->t->len), .IV_OFFSET = eg_uint(c->iv_offset),
           .BACKING_SECTOR = eg_uint(c->start),
           .FLAGS = eg_text(eg_bits_text(r, linux_dm_crypt_flags, c->flags, ",")),
           .KEY_STRING = eg_text(c->key_string), .FOUND_BY = eg_text(v->from),
           .VERIFIED = eg_text(v->verified),
           .FINGERPRINT = v->has_key ? eg_text(eg_key_fingerprint(r, v->key, c->key_size)) : none,
           .SECRET = shown ? eg_blob(v->key, c->key_size) : none, .DM_TABLE = eg_text(table),
           .HINTS = eg_text(v->hints));
}

static void show_device(struct eg_run *r, const struct linux_blockdevs *all,
                        const struct linux_blockdev *b, struct volume *v)
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
        *v = (struct volume){ .r = r, .t = &t };
        if (!linux_dm_crypt(r, &t, &v->c)) {
            eg_note(r, "%s: what encrypts target %u cannot be read", b->name, i);
            continue;
        }
        find_key(v);
        show(r, all, b, &dm, v);
        if (!eg_slot(r, eg_f_crypt_key.id)->kind)
            eg_note(r,
                    "%s: this kernel keeps no types of dm_crypt: the key is sought in the "
                    "schedules of its cipher alone",
                    b->name);
    }
}

static int run(struct eg_run *r)
{
    const struct linux_blockdevs *all = linux_blockdevs(r);
    struct volume *v = eg_tmp(r, sizeof *v);

    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++)
        show_device(r, all, &all->at[i], v);
    return 0;
}

EG_PLUGIN(volumekeys) = {
    .os = "linux",
    .help = "Find the keys of encrypted disks (dm-crypt: LUKS and others)",
    .manual =
        "The key of each open volume, in the memory of dm-crypt and in the AES key schedules of\n"
        "its cipher: VERIFIED says that both agree, or that the key is that of the schedules,\n"
        "for the kernel wipes its own copy of a key from a keyring (LUKS2). Not found are keys\n"
        "of such volumes whose cipher is not AES, works in hardware or bit-sliced, and those\n"
        "that luksSuspend wiped. Volumes that are closed have no key in the kernel.\n"
        "Keys are shown by fingerprints, which can be compared and passed on; --show prints\n"
        "the keys themselves, and the table that opens a copy of the disk again:\n"
        "`dmsetup create` takes it, with the copy as its device; or the bytes of SECRET in a file\n"
        "as the volume key of `cryptsetup open`.",
    .aliases = EG_NAMES("dmcrypt", "dm_crypt", "luks"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(show, FLAG, "print the keys too: they are secrets")),
    .looks_for = EG_NAMES("encryption keys"),
    .run = run,
};
