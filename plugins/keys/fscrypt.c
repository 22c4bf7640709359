/* fscrypt.c - of the vault: keys of files that ext4, f2fs, ubifs and others encrypt (KIND
 * "fscrypt").
 *
 *  Of a master key of policies of version 2 the kernel keeps no bytes, only HKDF's HMAC: both
 * states of SHA-512 behind the block with the key, from which all keys of files derive. */
#include "fscrypt.h"
#include "../../core/base.h"
#include "../../core/json.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/superblock.h"
#include "../linux/kernel/assoc.h"
#include "../linux/kernel/crypto.h"
#include "keyring.h"
#include "vault.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(sb_master_keys, super_block, "s_master_keys"); // a struct key until 6.1
EG_FIELD_AS(sb_crypt_ops, super_block, "s_cop");
EG_FIELDS(fscrypt_keyring, key_hashtable);
EG_FIELDS(fscrypt_master_key, mk_node);
EG_FIELD_AS(mk_type, fscrypt_master_key, "mk_spec.type");
EG_FIELD_AS(mk_spec, fscrypt_master_key, "mk_spec.u");
EG_FIELD_AS(mk_size, fscrypt_master_key, "mk_secret.size");
EG_FIELD_AS(mk_raw, fscrypt_master_key, "mk_secret.raw|mk_secret.bytes");
EG_FIELD_AS(mk_hkdf, fscrypt_master_key, "mk_secret.hkdf");
EG_FIELD_AS(shash_base, crypto_shash, "base");
EG_FIELD_AS(hash_alg, crypto_tfm, "__crt_alg");
EG_FIELD_AS(hash_context, crypto_tfm, "__crt_ctx");
EG_FIELDS(fscrypt_mode, friendly_name, keysize);
// Since 6.18 the pointer lies in the file system's own inode.
EG_FIELD_AS(inode_crypt, inode, "i_crypt_info");
EG_FIELD_AS(crypt_offset, fscrypt_operations, "inode_info_offs");
EG_TYPE(crypto_tfm);
EG_TYPE(fscrypt_operations);
// Renamed in 6.8.
EG_FIELD_AS(info_tfm, fscrypt_inode_info, "ci_enc_key.tfm");
EG_FIELD_AS(info_mode, fscrypt_inode_info, "ci_mode");
EG_FIELD_AS(info_inode, fscrypt_inode_info, "ci_inode");
EG_FIELD_AS(info_policy, fscrypt_inode_info, "ci_policy");
EG_FIELD_AS(info_nonce, fscrypt_inode_info, "ci_nonce");
EG_FIELD_AS(older_tfm, fscrypt_info, "ci_enc_key.tfm|ci_key.tfm|ci_ctfm");
EG_FIELD_AS(older_mode, fscrypt_info, "ci_mode");
EG_FIELD_AS(older_inode, fscrypt_info, "ci_inode");
EG_FIELD_AS(older_policy, fscrypt_info, "ci_policy");
EG_FIELD_AS(older_nonce, fscrypt_info, "ci_nonce");

enum {
    MASTERS_MAX = 1 << 14,
    FILES_MAX = 1 << 16,
    BUCKETS_MAX = 4096,
    CONTEXT_MAX = 4096,
    TRIES_MAX = 1 << 20,     // tests of two states
    SCHEDULES_MAX = 1 << 11, // ciphers that are taken apart
    POLICY_MAX = 24,
    NAME_MAX_ = 32,
    KEY_MIN = 16,
};

struct file {
    struct eg_obj inode;
    struct eg_fscrypt_policy policy;
    uint8_t nonce[FSCRYPT_NONCE], key[FSCRYPT_RAW_MAX];
    uint32_t size;
    const char *proof, *mode;
};
struct finding {
    struct eg_vault *v;
    struct eg_run *r;
    struct eg_fscrypt_master *masters;
    struct file *files;
    size_t n_masters, cap_masters, n_files, cap_files, room;
    struct eg_map *specs; // of masters → index
    uint32_t tries, schedules, links;
    struct eg_obj sb; // that is looked at
    uint8_t uuid[FSCRYPT_UUID];
    size_t lost; // files whose key is not known
    struct eg_tfm_keys made;
};

/* ---- reading ---- */

static bool bytes_of(struct eg_run *r, uint64_t at, const struct eg_slot *s, void *out, size_t n)
{
    return s->kind && s->size >= n && at &&
           eg_read(eg_view_of(r), eg_kernel(r), at + s->off, out, n);
}

static bool word_of(struct eg_run *r, uint64_t at, const struct eg_slot *s, uint64_t *out)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    uint8_t word[8];

    if (!bytes_of(r, at, s, word, m->ptr_size))
        return false;
    *out = eg_load_(word, m->ptr_size, m->big_endian);
    return true;
}

static const char *text_of(struct eg_run *r, const uint8_t *p, size_t n)
{
    char text[2 * FSCRYPT_SPEC_MAX + 1];

    eg_hex(text, p, n);
    return eg_strf(r, "%s", text);
}

static size_t spec_len(const struct eg_fscrypt_master *m)
{
    return m->type == FSCRYPT_IDENTIFIER ? FSCRYPT_SPEC_MAX : 8;
}

/* ---- master keys ---- */

static void keep(struct finding *f, const struct eg_fscrypt_master *m)
{
    const uint32_t hash = eg_map_hash(m->spec, sizeof m->spec);
    uint32_t nth = 0;
    uint64_t i;

    if (f->n_masters == MASTERS_MAX) {
        eg_note(f->r, "fscrypt: more than %d master keys: the others are left out", MASTERS_MAX);
        return;
    }
    while (eg_map_get(f->specs, eg_map_key(hash, nth), &i))
        nth++;
    if (eg_map_add(f->specs, eg_map_key(hash, nth), f->n_masters) < 0)
        eg_run_leave(f->r);
    f->masters = eg_grow(f->r, f->masters, f->n_masters, &f->cap_masters, sizeof *f->masters);
    f->masters[f->n_masters++] = *m;
}

/* What HMAC works with: in the secret itself, or in the context of a transform. */
static void find_hmac(struct finding *f, uint64_t master, struct eg_fscrypt_master *m)
{
    struct eg_run *r = f->r;
    const struct eg_slot *s = eg_slot(r, eg_f_mk_hkdf.id);
    const bool big = eg_binding_of(r)->model.big_endian;
    uint8_t bytes[CONTEXT_MAX];
    uint64_t at = master + s->off, tfm;
    struct eg_obj alg;
    uint32_t len = EG_MIN(s->size, (uint32_t)sizeof bytes);
    int64_t found;

    if (!s->kind)
        return;
    if (s->size <= eg_binding_of(r)->model.ptr_size) {
        if (!word_of(r, master, s, &tfm) || !tfm)
            return;
        tfm += eg_offset(r, shash_base);
        alg = eg_deref(eg_at(eg_object(r, crypto_tfm, tfm), hash_alg));
        if (!eg_get(&len, alg, crypto_alg.cra_ctxsize) || len > sizeof bytes)
            return;
        at = tfm + eg_offset(r, hash_context);
    }
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, bytes, len))
        return;
    found = eg_fscrypt_find(m, bytes, len, big, &f->tries);
    if (found >= 0)
        m->at = at + (uint64_t)found;
}

static void take_master(struct finding *f, struct eg_obj mk)
{
    struct eg_fscrypt_master m = { .sb = f->sb.addr };
    const struct eg_slot *raw = eg_slot(f->r, eg_f_mk_raw.id);
    uint64_t any = 0;
    uint32_t size;

    if (!eg_get(&m.type, mk, mk_type) || !eg_get(&size, mk, mk_size) || !size ||
        size > FSCRYPT_RAW_MAX || (m.type != FSCRYPT_DESCRIPTOR && m.type != FSCRYPT_IDENTIFIER) ||
        !bytes_of(f->r, mk.addr, eg_slot(f->r, eg_f_mk_spec.id), m.spec, spec_len(&m)))
        return;
    if (bytes_of(f->r, mk.addr, raw, m.raw, size)) {
        for (size_t i = 0; i < size; i++)
            any |= m.raw[i];
        m.at = mk.addr + raw->off;
        m.size = any ? size : 0;
    }
    if (eg_fscrypt_check(&m)) {
        m.proof = "identifier derives";
    } else if (m.type == FSCRYPT_IDENTIFIER) {
        m.size = 0;
        find_hmac(f, mk.addr, &m);
        m.proof = m.has_hmac ? "identifier derives" : NULL;
    }
    if (m.size || m.has_hmac)
        keep(f, &m);
}

static void take_masters(struct finding *f)
{
    struct eg_run *r = f->r;
    struct eg_obj at = eg_at(f->sb, sb_master_keys), mk, table;
    uint64_t keyring, key;

    if (!eg_load(&keyring, at) || !keyring)
        return;
    if (eg_has(r, fscrypt_keyring.key_hashtable)) {
        table = eg_at(eg_object(r, fscrypt_keyring, keyring), fscrypt_keyring.key_hashtable);
        for (uint64_t i = 0;
             i < EG_MIN(table.size / eg_binding_of(r)->model.ptr_size, (uint32_t)BUCKETS_MAX); i++)
            eg_each_hlist(mk, eg_index(table, i), fscrypt_master_key.mk_node)
                take_master(f, mk);
    } else {
        struct linux_assoc_walk w = { .array = eg_at(eg_object(r, key, keyring), key.keys),
                                      .left = &f->links };

        while (linux_next_assoc(r, &w, &key)) {
            mk = eg_cast(eg_index(eg_at(eg_object(r, key, key), key_payload), 0),
                         fscrypt_master_key);
            take_master(f, eg_deref(mk));
        }
    }
}

static bool descriptor(const char *text, uint8_t *out)
{
    for (size_t i = 0; i < 16; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
    }
    return true;
}

/* Has a file system a master key of this identifier? */
static bool is_identifier(const struct finding *f, const uint8_t spec[FSCRYPT_SPEC_MAX])
{
    const uint32_t hash = eg_map_hash(spec, FSCRYPT_SPEC_MAX);
    uint64_t i;

    for (uint32_t nth = 0; eg_map_get(f->specs, eg_map_key(hash, nth), &i); nth++)
        if (f->masters[i].type == FSCRYPT_IDENTIFIER &&
            !memcmp(f->masters[i].spec, spec, FSCRYPT_SPEC_MAX))
            return true;
    return false;
}

/* Keys that wait in keyrings: of processes, for policies of version 1, and to be added again. */
static void take_key(void *context, const struct eg_keyring_key *k)
{
    struct finding *f = context;
    struct eg_fscrypt_master m = { .from = "keyring" };
    struct eg_keyring_secret s;
    const char *name, *colon;
    uint32_t size;
    const bool provisioned = k->type && !strcmp(k->type, "fscrypt-provisioning");
    const bool big = eg_binding_of(f->r)->model.big_endian;

    if (!k->type || (!provisioned && strcmp(k->type, "logon") != 0) ||
        !eg_keyring_ready(f->r, k->key))
        return;
    name = eg_string(f->r, eg_at(k->key, key.description), 256);
    colon = name ? strrchr(name, ':') : NULL;
    if (!provisioned && (!colon || strlen(colon) != 17))
        return;
    eg_keyring_secret(f->r, k, &f->room, &s);
    if (!s.bytes)
        return;
    if (provisioned) { // struct fscrypt_provisioning_key_payload
        if (s.len < 8 + KEY_MIN || s.len > 8 + FSCRYPT_RAW_MAX)
            return;
        m.type = (uint32_t)eg_load_(s.bytes, 4, big);
        m.size = (uint32_t)s.len - 8;
        memcpy(m.raw, s.bytes + 8, m.size);
        m.at = s.at + 8;
        // What it is called is the program's choice: it tells nothing.
        if (eg_fscrypt_identify(&m) && is_identifier(f, m.spec)) {
            m.proof = "identifier derives";
            keep(f, &m);
        }
        return;
    }
    size = s.len == 72 ? (uint32_t)eg_load_(s.bytes + 68, 4, big) : 0; // struct fscrypt_key
    if (size < KEY_MIN || size > FSCRYPT_RAW_MAX || !descriptor(colon + 1, m.spec))
        return;
    m.type = FSCRYPT_DESCRIPTOR;
    m.size = size;
    memcpy(m.raw, s.bytes + 4, size);
    m.at = s.at + 4;
    keep(f, &m);
}

static struct eg_fscrypt_master *master_of(struct finding *f, const struct eg_fscrypt_policy *p)
{
    const uint32_t hash = eg_map_hash(p->spec, sizeof p->spec);
    uint64_t i;

    for (uint32_t nth = 0; nth < 64 && eg_map_get(f->specs, eg_map_key(hash, nth), &i); nth++) {
        struct eg_fscrypt_master *m = &f->masters[i];

        if ((!m->sb || m->sb == f->sb.addr) && !memcmp(m->spec, p->spec, sizeof p->spec) &&
            (m->type == FSCRYPT_IDENTIFIER) == (p->version != 0))
            return m;
    }
    return NULL;
}

/* ---- files ---- */

static const char *path_of(struct eg_run *r, struct eg_obj inode)
{
    const char *path = NULL;
    struct linux_name_walk w = { .inode = inode };
    uint64_t ino = 0;

    if (linux_next_name(r, &w, &path) && path)
        return path;
    eg_get(&ino, inode, inode.i_ino);
    return eg_strf(r, "inode %" PRIu64, ino);
}

static const struct eg_slot *member(struct eg_run *r, uint32_t newer, uint32_t older)
{
    return eg_slot(r, newer)->kind ? eg_slot(r, newer) : eg_slot(r, older);
}
#define MEMBER(r, name) member((r), eg_f_info_##name.id, eg_f_older_##name.id)

static void take_file(struct finding *f, struct eg_obj inode, uint64_t info)
{
    struct eg_run *r = f->r;
    struct file new = { .inode = inode };
    struct eg_fscrypt_master *m;
    struct eg_obj mode_of;
    uint8_t policy[POLICY_MAX], own[FSCRYPT_RAW_MAX];
    uint64_t back, tfm = 0, mode = 0;
    uint32_t kind = 0;
    bool scheduled = false, derived;

    if (!word_of(r, info, MEMBER(r, inode), &back) || back != inode.addr ||
        !bytes_of(r, info, MEMBER(r, policy), policy, sizeof policy) ||
        !eg_fscrypt_policy(policy, sizeof policy, &new.policy) ||
        !bytes_of(r, info, MEMBER(r, nonce), new.nonce, sizeof new.nonce) ||
        !word_of(r, info, MEMBER(r, mode), &mode))
        return;
    word_of(r, info, MEMBER(r, tfm), &tfm);
    mode_of = eg_object(r, fscrypt_mode, mode);
    if (!eg_get(&new.size, mode_of, fscrypt_mode.keysize) || new.size < KEY_MIN ||
        new.size > FSCRYPT_RAW_MAX)
        return;
    new.mode = eg_string(r, eg_at(mode_of, fscrypt_mode.friendly_name), NAME_MAX_);
    eg_get(&kind, inode, inode.i_mode);
    m = master_of(f, &new.policy);
    derived =
        m && eg_fscrypt_derive(m, &new.policy, new.nonce, f->uuid,
                               (kind & 0170000) == 0100000 ? new.policy.contents : new.policy.names,
                               new.size, new.key);
    if (tfm && f->schedules) {
        f->schedules--;
        f->made.n = 0;
        eg_tfm_keys(r, tfm, &f->made);
        scheduled = derived && eg_fscrypt_scheduled(&f->made, new.key, new.size);
        if (scheduled && !m->proof)
            m->proof = eg_strf(r, "derives the key of %s", path_of(r, inode));
        // What the two keys of XTS are is certain; of one key it is not what made it.
        if (!scheduled && (!derived || !m->proof || new.size > AES_KEY_MAX) &&
            eg_fscrypt_from_schedule(&f->made, new.size, own)) {
            memcpy(new.key, own, new.size);
            derived = scheduled = true;
        }
    }
    if (!derived || (!scheduled && !m->proof)) {
        f->lost++;
        return;
    }
    new.proof = scheduled ? "schedule" : "derives from its master key";
    f->files = eg_grow(r, f->files, f->n_files, &f->cap_files, sizeof *f->files);
    f->files[f->n_files++] = new;
}

static void take_files(struct finding *f)
{
    struct eg_run *r = f->r;
    struct eg_obj inode;
    uint64_t ops, info;
    int64_t off = 0;
    const bool own = !eg_has(r, inode_crypt);

    if (!eg_get(&ops, f->sb, sb_crypt_ops) || !ops ||
        (own && !eg_get(&off, eg_object(r, fscrypt_operations, ops), crypt_offset)))
        return;
    eg_each_list(inode, eg_at(f->sb, super_block.s_inodes), inode.i_sb_list) {
        const struct eg_slot in_own = { .off = (uint64_t)off, .size = 8, .kind = EG_K_PTR };

        if (f->n_files == FILES_MAX) {
            eg_note(r, "fscrypt: more than %d files have keys: the others are left out", FILES_MAX);
            return;
        }
        if (word_of(r, inode.addr, own ? &in_own : eg_slot(r, eg_f_inode_crypt.id), &info) && info)
            take_file(f, inode, info);
    }
}

/* ---- what is told ---- */

static void tell_master(struct finding *f, const struct eg_fscrypt_master *m)
{
    struct eg_run *r = f->r;
    const char *id = text_of(r, m->spec, spec_len(m));
    uint8_t states[2 * KDF_SHA512];
    struct eg_vault_key key = { .kind = "fscrypt",
                                .name = id,
                                .purpose = "master key",
                                .at = m->at,
                                .secret = m->raw,
                                .len = m->size,
                                .proof = m->proof,
                                .hints = m->from };

    if (!m->size) {
        for (size_t i = 0; i < 8; i++)
            for (size_t k = 0; k < 8; k++) {
                states[8 * i + k] = (uint8_t)(m->hmac.inner[i] >> (56 - 8 * k));
                states[KDF_SHA512 + 8 * i + k] = (uint8_t)(m->hmac.outer[i] >> (56 - 8 * k));
            }
        key.purpose = "HKDF of master key";
        key.algorithm = "HMAC-SHA512";
        key.secret = states;
        key.len = sizeof states;
        key.hints = "states of the inner and the outer SHA-512 behind the key's block; the key "
                    "itself was wiped";
    }
    if (!eg_vault_add(f->v, &key))
        return;
    if (!m->size)
        eg_vault_file(f->v, eg_strf(r, "fscrypt/%s.hmac", id), states, sizeof states,
                      "states of HKDF's HMAC-SHA512, from which the keys of files derive");
    else if (m->type == FSCRYPT_IDENTIFIER)
        eg_vault_file(f->v, eg_strf(r, "fscrypt/%s.key", id), m->raw, m->size,
                      "for fscryptctl add_key MOUNTPOINT < FILE");
    else
        eg_vault_file(f->v, eg_strf(r, "fscrypt/%s.key", id), m->raw, m->size,
                      "master key of policies of version 1 with this descriptor");
}

static void tell_file(struct finding *f, const struct file *file)
{
    struct eg_run *r = f->r;
    const struct eg_fscrypt_policy *p = &file->policy;
    const char *path = path_of(r, file->inode);
    const char *id = text_of(r, p->spec, p->version ? FSCRYPT_SPEC_MAX : 8);
    const bool shared = eg_fscrypt_shared(p);
    char key[2 * FSCRYPT_RAW_MAX + 1], nonce[2 * FSCRYPT_NONCE + 1], *line = NULL;
    uint64_t ino = 0;
    size_t len = 0;
    FILE *out;

    eg_vault_add(f->v, &(struct eg_vault_key){
                           .kind = "fscrypt",
                           .name = shared ? id : path,
                           .purpose = shared ? "key of files" : "file key",
                           .algorithm = file->mode,
                           .secret = file->key,
                           .len = file->size,
                           .proof = file->proof,
                           .hints = shared ? NULL : eg_strf(r, "master key %s", id),
                       });
    if (!f->v->exports)
        return;
    eg_hex(key, file->key, file->size);
    eg_hex(nonce, file->nonce, sizeof file->nonce);
    eg_get(&ino, file->inode, inode.i_ino);
    out = open_memstream(&line, &len);
    if (!out)
        return;
    fprintf(out, "{\"inode\":%" PRIu64 ",\"path\":", ino);
    eg_json_string(out, path);
    fputs(",\"mode\":", out);
    eg_json_string(out, file->mode);
    fprintf(out, ",\"master_key\":\"%s\",\"nonce\":\"%s\",\"key\":\"%s\"}\n", id, nonce, key);
    if (!fclose(out))
        eg_vault_file(f->v, "fscrypt/files.jsonl", line, len,
                      "keys of files, a line of JSON each: of the mode that its policy names");
    free(line);
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    struct finding *f = eg_tmp(r, sizeof *f);
    struct eg_obj sb;

    *f = (struct finding){ .v = v,
                           .r = r,
                           .specs = eg_run_map(r),
                           .tries = TRIES_MAX,
                           .schedules = SCHEDULES_MAX,
                           .links = MASTERS_MAX,
                           .room = KEYRING_READ_MAX };
    if (!eg_has(r, sb_crypt_ops))
        return;
    linux_each_superblock(r, sb)
    {
        f->sb = sb;
        take_masters(f);
    }
    eg_keyring_walk(r, take_key, f);
    linux_each_superblock(r, sb)
    {
        f->sb = sb;
        memset(f->uuid, 0, sizeof f->uuid);
        bytes_of(r, sb.addr, eg_slot(r, eg_f_super_block.s_uuid.id), f->uuid, sizeof f->uuid);
        take_files(f);
    }
    for (size_t i = 0; i < f->n_masters && !eg_stopped(r); i++)
        tell_master(f, &f->masters[i]);
    for (size_t i = 0; i < f->n_files && !eg_stopped(r); i++)
        tell_file(f, &f->files[i]);
    if (f->lost)
        eg_note(r, "fscrypt: of %zu files no key is known: their cipher has no AES schedule",
                f->lost);
}

EG_KEY_SOURCE(fscrypt) = { .find = find };
