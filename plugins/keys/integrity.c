/* integrity.c - keys of dm-integrity (integritysetup): of what signs the sectors, and of what
 * encrypts and signs its journal (drivers/md/dm-integrity.c). Volumes of LUKS2 that sign have
 * theirs in dm-crypt (volumes.c). */
#include "../linux/own/dm.h"
#include "vault.h"

EG_FIELD_AS_OF("dm_integrity", integrity_hash, dm_integrity_c, "internal_hash_alg");
EG_FIELD_AS_OF("dm_integrity", integrity_crypt, dm_integrity_c, "journal_crypt_alg");
EG_FIELD_AS_OF("dm_integrity", integrity_mac, dm_integrity_c, "journal_mac_alg");
EG_FIELDS_OF("dm_integrity", alg_spec, alg_string, key, key_size);

enum { KEY_MAX = 4096, VOLUMES_MAX = 4096 };

struct integrity {
    struct eg_vault *vault;
    const struct linux_blockdev *b;
    const struct linux_dm *dm;
    uint64_t at; // of its dm_integrity_c
};

static void add(const struct integrity *i, uint32_t field, const char *purpose, const char *option)
{
    struct eg_run *r = i->vault->r;
    const struct eg_slot *spec = eg_slot(r, field);
    const uint64_t at = i->at + spec->off;
    const char *name = i->dm->name && *i->dm->name ? i->dm->name : i->b->name;
    struct eg_vault_key key = { .kind = "dm-integrity", .purpose = purpose };
    uint64_t text, bytes, size;
    uint8_t *secret;

    if (!spec->kind || !linux_dm_get(r, at, &bytes, alg_spec.key, 0, 0) || !bytes ||
        !linux_dm_get(r, at, &size, alg_spec.key_size, 0, 0) || !size || size > KEY_MAX ||
        !linux_dm_get(r, at, &text, alg_spec.alg_string, 0, 0))
        return;
    secret = eg_tmp(r, size);
    if (!eg_read(eg_view_of(r), eg_kernel(r), bytes, secret, size))
        return;
    key.algorithm = linux_dm_text(r, text);
    key.name = eg_strf(r, "%s %s", i->b->name, name);
    key.at = bytes;
    key.secret = secret;
    key.len = size;
    if (!key.algorithm || !eg_vault_add(i->vault, &key))
        return;
    eg_vault_file(
        i->vault, eg_strf(r, "volumes/%s.%s.key", name, option), secret, size,
        eg_strf(r, "%s of dm-integrity, for `integritysetup open --%s-key-file`", purpose, option));
}

static void look_at(struct eg_vault *vault, const struct linux_blockdev *b, unsigned *n)
{
    struct integrity i = { .vault = vault, .b = b };
    struct linux_dm_target t;
    struct linux_dm dm;

    if (b->part || b->wrong || !linux_dm(vault->r, b, &dm))
        return;
    i.dm = &dm;
    for (uint32_t k = 0; k < dm.n && *n <= VOLUMES_MAX && linux_dm_target(vault->r, &dm, k, &t);
         k++) {
        if (strcmp(t.kind, "integrity") != 0)
            continue;
        if ((*n)++ == VOLUMES_MAX) {
            eg_note(vault->r, "more than %d volumes of dm-integrity: the others are left out",
                    VOLUMES_MAX);
            return;
        }
        if (!eg_has(vault->r, alg_spec.key)) {
            eg_note(vault->r,
                    "%s: this kernel keeps no types of dm_integrity: its keys are not "
                    "found",
                    b->name);
            return;
        }
        i.at = t.own;
        add(&i, eg_f_integrity_hash.id, "integrity key", "integrity");
        add(&i, eg_f_integrity_crypt.id, "journal cipher key", "journal-crypt");
        add(&i, eg_f_integrity_mac.id, "journal integrity key", "journal-integrity");
    }
}

static void find(struct eg_vault *vault)
{
    const struct linux_blockdevs *all = linux_blockdevs(vault->r);
    unsigned n = 0;

    for (size_t i = 0; all && i < all->n && !eg_stopped(vault->r); i++)
        look_at(vault, &all->at[i], &n);
}

EG_KEY_SOURCE(integrity) = { .find = find };
