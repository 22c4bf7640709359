/* ecryptfs.c - of the vault: keys of eCryptfs (KIND "eCryptfs"): those that encrypt the keys of
 * files, from authentication tokens in keyrings, and those of files that are in memory. */
#include "../../core/base.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/superblock.h"
#include "crypto.h"
#include "keyring.h"
#include "tfm.h"
#include "vault.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS_OF("ecryptfs", ecryptfs_vfs, ecryptfs_inode_info, "vfs_inode");
EG_FIELD_AS_OF("ecryptfs", ecryptfs_stat, ecryptfs_inode_info, "crypt_stat");
EG_TYPE_("ecryptfs", ecryptfs_inode_info);
EG_FIELDS_OF("ecryptfs", ecryptfs_crypt_stat, cipher, key, key_size, root_iv, tfm);

enum {
    TOKEN = 740, // sizeof(struct ecryptfs_auth_tok), which is packed (include/linux/ecryptfs.h)
    TOKEN_TYPE = 2,
    TOKEN_PASSWORD = 628, // its password, where token_type is 0
    PASSWORD_KEY_BYTES = 12,
    PASSWORD_FLAGS = 16,
    PASSWORD_KEY = 20,
    PASSWORD_SIGNATURE = 84,
    KEY_SET = 2, // ECRYPTFS_SESSION_KEY_ENCRYPTION_KEY_SET
    SIGNATURE = 16,
    KEY_MAX_ = 64,
    IV = 16,
    FILES_MAX = 1 << 16,
    SCHEDULES_MAX = 1 << 11,
    CIPHER_MAX = 32,
};

struct finding {
    struct eg_vault *v;
    struct eg_run *r;
    size_t room, files, schedules;
    struct eg_tfm_keys made;
};

/* ---- tokens ---- */

static void take_token(void *context, const struct eg_keyring_key *k)
{
    struct finding *f = context;
    const bool big = eg_binding_of(f->r)->model.big_endian;
    struct eg_keyring_secret s;
    const uint8_t *p;
    uint8_t digest[CRYPTO_DIGEST_MAX];
    char signature[SIGNATURE + 1];
    uint32_t len;

    if (!k->type || strcmp(k->type, "user") != 0 || !eg_keyring_ready(f->r, k->key))
        return;
    eg_keyring_secret(f->r, k, &f->room, &s);
    if (!s.bytes || s.len < TOKEN || eg_load_(s.bytes + TOKEN_TYPE, 2, big) != 0)
        return;
    p = s.bytes + TOKEN_PASSWORD;
    len = (uint32_t)eg_load_(p + PASSWORD_KEY_BYTES, 4, big);
    if (!len || len > KEY_MAX_ || !(eg_load_(p + PASSWORD_FLAGS, 4, big) & KEY_SET))
        return;
    // ecryptfs-utils: the key's name is the beginning of its digest.
    if (!eg_crypto_digest("sha512", p + PASSWORD_KEY, KEY_MAX_, digest))
        return;
    eg_hex(signature, digest, SIGNATURE / 2);
    if (memcmp(signature, p + PASSWORD_SIGNATURE, SIGNATURE) != 0)
        return;
    if (!eg_vault_add(f->v, &(struct eg_vault_key){ .kind = "eCryptfs",
                                                    .name = signature,
                                                    .purpose = "key encryption key",
                                                    .at = s.at + TOKEN_PASSWORD + PASSWORD_KEY,
                                                    .secret = p + PASSWORD_KEY,
                                                    .len = len,
                                                    .proof = "signature is its SHA-512" }))
        return;
    eg_vault_file(f->v, eg_strf(f->r, "ecryptfs/%s.token", signature), s.bytes, TOKEN,
                  "authentication token: keyctl padd user NAME @u < FILE, with the file's name as "
                  "NAME; then mount -t ecryptfs -o ecryptfs_sig=NAME,...");
}

/* ---- files ---- */

static bool scheduled(struct finding *f, struct eg_obj stat, const uint8_t *key, size_t len)
{
    struct eg_tfm_keys *made = &f->made;
    uint64_t tfm;

    if (!f->schedules || !eg_get(&tfm, stat, ecryptfs_crypt_stat.tfm) || !tfm)
        return false;
    f->schedules--;
    made->n = 0;
    eg_tfm_keys(f->r, tfm, made);
    for (size_t i = 0; i < made->n; i++)
        if (made->at[i].size == len && !memcmp(made->at[i].key, key, len))
            return true;
    return false;
}

/* An array of unsigned char. */
static const char *cipher_of(struct eg_run *r, struct eg_obj stat)
{
    struct eg_obj at = eg_at(stat, ecryptfs_crypt_stat.cipher);
    char text[CIPHER_MAX + 1] = "";

    if (at.why || at.size > CIPHER_MAX ||
        !eg_read(eg_view_of(r), eg_kernel(r), at.addr, text, at.size) || !*text)
        return NULL;
    return eg_strf(r, "%s", text);
}

static void take_file(struct finding *f, struct eg_obj inode)
{
    struct eg_run *r = f->r;
    struct eg_obj own = eg_object(r, ecryptfs_inode_info, inode.addr - eg_offset(r, ecryptfs_vfs));
    struct eg_obj stat = eg_at(own, ecryptfs_stat), at = eg_at(stat, ecryptfs_crypt_stat.key);
    struct eg_obj root = eg_at(stat, ecryptfs_crypt_stat.root_iv);
    struct linux_name_walk w = { .inode = inode };
    uint8_t key[KEY_MAX_], iv[IV], digest[CRYPTO_DIGEST_MAX];
    const char *path = NULL;
    uint64_t size, ino = 0;

    if (!eg_get(&size, stat, ecryptfs_crypt_stat.key_size) || !size || size > sizeof key ||
        at.why || root.why || !eg_read(eg_view_of(r), eg_kernel(r), at.addr, key, size) ||
        !eg_read(eg_view_of(r), eg_kernel(r), root.addr, iv, sizeof iv))
        return;
    // The first vector is a digest of the key (ecryptfs_compute_root_iv).
    if (!eg_crypto_digest("md5", key, size, digest) || memcmp(digest, iv, sizeof iv) != 0)
        return;
    if (!linux_next_name(r, &w, &path) || !path) {
        eg_get(&ino, inode, inode.i_ino);
        path = eg_strf(r, "inode %" PRIu64, ino);
    }
    f->files++;
    eg_vault_add(f->v, &(struct eg_vault_key){ .kind = "eCryptfs",
                                               .name = path,
                                               .purpose = "file key",
                                               .algorithm = cipher_of(r, stat),
                                               .at = at.addr,
                                               .secret = key,
                                               .len = size,
                                               .proof = scheduled(f, stat, key, size)
                                                            ? "root vector derives, schedule"
                                                            : "root vector derives" });
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    struct finding *f = eg_tmp(r, sizeof *f);
    struct eg_obj sb, inode;

    f->v = v;
    f->r = r;
    f->room = KEYRING_READ_MAX;
    f->schedules = SCHEDULES_MAX;
    eg_keyring_walk(r, take_token, f);
    linux_each_superblock(r, sb)
    {
        const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 16);

        if (!type || strcmp(type, "ecryptfs") != 0)
            continue;
        if (!eg_has_type(r, ecryptfs_inode_info)) {
            eg_note(r, "this kernel keeps no types of ecryptfs: keys of its files are not found");
            return;
        }
        eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list)
            if (f->files < FILES_MAX)
                take_file(f, inode);
        if (f->files == FILES_MAX)
            eg_note(r, "eCryptfs: more than %d files have keys: the others are left out",
                    FILES_MAX);
    }
}

EG_KEY_SOURCE(ecryptfs) = { .find = find };
