/* volumes.c - keys of encrypted volumes for the vault, and the files that open these again. */
#include "vault.h"
#include "volume.h"

static const char *name_of(const struct eg_volume *v)
{
    return v->dm.name && *v->dm.name ? eg_strf(v->r, "%s %s", v->b->name, v->dm.name) : v->b->name;
}

static const char *hints_of(const struct eg_volume *v, bool whole)
{
    const char *why = v->verified && strstr(v->verified, "LUKS digest") ? NULL : v->why_no_header;
    const char *text = !whole && v->hints ? v->hints : "";

    if (v->c.key_string)
        text =
            eg_strf(v->r, "%s%skey of the keyring: %s", text, *text ? "; " : "", v->c.key_string);
    if (why)
        text = eg_strf(v->r, "%s%s%s", text, *text ? "; " : "", why);
    return *text ? text : NULL;
}

static void add_parts(struct eg_vault *vault, struct eg_volume *v, const struct eg_vault_key *whole)
{
    struct eg_volume_part parts[VOLUME_PARTS_MAX];
    const size_t n = eg_volume_parts(v, parts);

    for (size_t i = 0; i < n; i++) {
        struct eg_vault_key key = *whole;

        key.purpose = parts[i].purpose;
        key.secret = parts[i].key;
        key.len = parts[i].size;
        if (parts[i].algorithm)
            key.algorithm = parts[i].algorithm;
        key.proof = parts[i].proof;
        key.at = v->at && !parts[i].is_computed ? v->at + (uint64_t)(parts[i].key - v->key) : 0;
        eg_vault_add(vault, &key);
    }
}

/* ---- files ---- */

/* A part of a command line, so that a shell takes it as it is. */
static const char *quoted(struct eg_run *r, const char *s)
{
    char *out = eg_tmp(r, 4 * strlen(s) + 3), *to = out;

    *to++ = '\'';
    for (; *s; s++) {
        if (*s == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *s;
        }
    }
    *to++ = '\'';
    *to = '\0';
    return out;
}

/* The command that takes the bare key; NULL: dmsetup alone does. */
static const char *command(struct eg_run *r, const struct eg_volume *v, const char *file,
                           const char *name)
{
    const char *format = eg_volume_format(v);
    const bool plain = format && !strcmp(format, "plain");
    const char *text;

    if (format && !strncmp(format, "LUKS", 4))
        return eg_strf(r, "cryptsetup open --type %s --volume-key-file %s DISK %s",
                       strcmp(format, "LUKS1") ? "luks2" : "luks1", file, name);
    if ((!plain && format) || v->ciphers > 1)
        return NULL;
    text = eg_strf(r,
                   "cryptsetup open --type plain --cipher %s --key-size %u --key-file %s "
                   "--offset %llu --skip %llu --size %llu",
                   quoted(r, v->c.cipher), 8 * v->c.key_size, file, (unsigned long long)v->c.start,
                   (unsigned long long)v->c.iv_offset, (unsigned long long)v->t.len);
    if (v->c.sector_size > 512)
        text = eg_strf(r, "%s --sector-size %u%s", text, v->c.sector_size,
                       v->c.flags & LINUX_DM_CRYPT_IV_LARGE_SECTORS ? " --iv-large-sectors" : "");
    return eg_strf(r, "%s DISK %s", text, name);
}

static void write_files(struct eg_vault *vault, struct eg_volume *v)
{
    struct eg_run *r = v->r;
    const char *name = v->dm.name && *v->dm.name ? v->dm.name : v->b->name;
    const char *stem =
        v->dm.n > 1 ? eg_strf(r, "%s.%llu", name, (unsigned long long)v->t.begin) : name;
    const char *file = eg_strf(r, "volumes/%s.key", stem);
    const char *how = command(r, v, quoted(r, eg_strf(r, "%s.key", stem)), quoted(r, name));
    const char *table = eg_volume_table(v);

    if (!eg_volume_has_all(v))
        return;
    eg_vault_file(vault, file, v->key, v->has,
                  how ? eg_strf(r, "volume key; DISK is a copy of %s: %s",
                                v->backed_by ? v->backed_by : "the disk", how)
                      : "volume key: the table beside it opens the volume");
    if (table)
        eg_vault_text(vault, eg_strf(r, "volumes/%s.table", stem), eg_strf(r, "%s\n", table),
                      eg_strf(r,
                              "table of device mapper, with the key; /dev/%s in it becomes a copy "
                              "of that disk: dmsetup create %s < FILE",
                              v->backed_by, quoted(r, name)));
}

static void add(void *context, struct eg_volume *v)
{
    struct eg_vault *vault = context;
    const char *format = eg_volume_format(v);
    const struct eg_vault_key key = {
        .kind = "dm-crypt",
        .name = name_of(v),
        .purpose = format ? eg_strf(v->r, "%s volume key", format) : "volume key",
        .algorithm = v->c.cipher,
        .at = v->at,
        .secret = v->key,
        .len = v->has,
        .proof = v->verified,
        .hints = hints_of(v, eg_volume_has_all(v)),
    };

    if (!v->has) {
        if (v->c.key_size)
            eg_note(v->r, "%s: %s", key.name, v->hints);
        return;
    }
    if (eg_volume_has_all(v))
        eg_vault_add(vault, &key);
    add_parts(vault, v, &key);
    write_files(vault, v);
}

static void find(struct eg_vault *vault)
{
    eg_volumes(vault->r, add, vault);
}

EG_KEY_SOURCE(volumes) = { .find = find };
