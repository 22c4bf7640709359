/* sshkeys.c - private keys in the memory of OpenSSH's programs: ssh-agent, sshd, ssh. Since 8.1
 * (2019) they are shielded there: encrypted with a key that is made of 16 KiB of random bytes. */
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/table.h"
#include "crypto.h"
#include "privkey.h"
#include "sshkey.h"
#include "vault.h"

/* The end of struct sshkey, in words: shielded_private, shielded_len, shield_prekey,
 * shield_prekey_len. What is before it changes from release to release. */
enum { PRIVATE, PRIVATE_LEN, PREKEY, PREKEY_LEN, WORDS };
enum {
    BLOCK = 16,
    SSHKEY_MAX = 256, // bytes of a struct sshkey before these, at most
    NAMED_MAX = 64,   // keys of a process whose names are looked for
    PLACES_MAX = 64,  // that point to one
    TRIED_MAX = 4096,
    COST = 60,     // of the digest, in microseconds
    TYPE_MAX = 64, // more than enum sshkey_types and the flags have
    COMMENT_MAX = 255,
};

struct notes {
    size_t named, tried; // of a process
};

static bool is_pointer(const struct linux_user *u, uint64_t w)
{
    return w >= 4096 && w % 4 == 0 && (u->ptr == 4 || w >> 56 == 0);
}

static bool is_length(uint64_t w)
{
    return w >= BLOCK && w % BLOCK == 0 && w <= KEY_MAX;
}

static bool fits(const struct linux_user *u, size_t word, uint64_t w)
{
    return word == PREKEY_LEN    ? w == EG_SSH_PREKEY
           : word == PRIVATE_LEN ? is_length(w)
                                 : is_pointer(u, w);
}

/* Can @n words be the first ones? What is behind them is in another piece. */
static bool may_be(const struct linux_user *u, const uint8_t *bytes, size_t n)
{
    while (n--)
        if (!fits(u, n, linux_user_load(u, bytes + n * u->ptr)))
            return false;
    return true;
}

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    struct linux_user *u = p->user;
    const size_t n = piece->len / u->ptr;

    (void)v;
    for (size_t i = 0; i < n && eg_crypto_works(); i++)
        if (may_be(u, piece->bytes + i * u->ptr, EG_MIN(n - i, (size_t)WORDS)))
            linux_addresses_add(u, out, piece->at + i * u->ptr);
}

/* ---- what a key is called ---- */

static const char *comment_at(const struct eg_key_process *p, uint64_t at)
{
    struct linux_user *u = p->user;
    struct linux_buffer buf = { 0 };
    uint64_t text, word;
    uint32_t code;
    size_t len;
    const char *s;

    if (!linux_user_word(u, at, &text) || !linux_user_range(u, text) ||
        !(s = linux_user_text(u, text, COMMENT_MAX + 1, LINUX_TEXT_LINE, &buf, &len)))
        return NULL;
    // sshd has something else there, whose bytes may look like text: those of a pointer
    if (linux_user_word(u, text, &word) && linux_user_range(u, word))
        return NULL;
    for (size_t i = 0, n; i < len; i += n) {
        n = eg_utf8(s + i, len - i, &code);
        if (!n || code < 0x20)
            return NULL;
    }
    return s;
}

/* Agents have a comment behind the pointer to a key, clients the name of its file (struct identity
 * of ssh-agent.c and of sshconnect2.c). Where the struct of the key begins is not known: of the
 * pointers to what is before @at, the one that leads to the nearest. */
static const char *name_of(const struct eg_key_process *p, uint64_t at)
{
    struct linux_user *u = p->user;
    struct linux_user_piece piece = { 0 };
    struct {
        uint64_t at, to;
    } places[PLACES_MAX];
    const char *name = NULL;
    uint64_t nearest = 0;
    uint32_t type, flags;
    size_t n = 0;

    while (n < PLACES_MAX && linux_user_next(u, false, &piece))
        for (size_t i = 0; i + u->ptr <= piece.len && n < PLACES_MAX; i += u->ptr) {
            const uint64_t to = linux_user_load(u, piece.bytes + i);

            if (to < at && at - to <= SSHKEY_MAX && to % (2 * u->ptr) == 0) {
                places[n].at = piece.at + i + u->ptr;
                places[n++].to = to;
            }
        }
    for (size_t i = 0; i < n; i++) {
        const uint64_t to = places[i].to;
        const char *s;

        // struct sshkey begins with its type and flags
        if (to <= nearest || !linux_user_u32(u, to, &type) || type > TYPE_MAX ||
            !linux_user_u32(u, to + 4, &flags) || flags > TYPE_MAX ||
            !(s = comment_at(p, places[i].at)))
            continue;
        name = s;
        nearest = to;
    }
    return name;
}

/* A search of a process's memory for each key is bounded by their number. */
static const char *name_if_few(const struct eg_key_process *p, struct notes *notes, uint64_t at)
{
    if (!strncmp(p->comm ? p->comm : "", "sshd", 4))
        return "host key"; // it has no name beside it
    return notes->named++ < NAMED_MAX ? name_of(p, at) : NULL;
}

/* ---- the keys ---- */

struct found {
    uint8_t prekey[EG_SSH_PREKEY], hidden[KEY_MAX], plain[KEY_MAX];
    char text[2 * KEY_MAX];
    struct eg_sshkey key;
    struct eg_key_buf file;
    struct eg_privkey read;
};

/* What looks like a key costs a digest of the prekey: so many of a process are tried. */
static bool may_try(struct eg_vault *v, const struct eg_key_process *p, struct notes *notes)
{
    if (++notes->tried == TRIED_MAX + 1)
        eg_note(v->r,
                "process %lld: more than %d places look like shielded keys: the others are "
                "not examined",
                (long long)p->pid, TRIED_MAX);
    if (notes->tried > TRIED_MAX || !eg_vault_may(v, EG_WORK_SSH))
        return false;
    eg_vault_worked(v, EG_WORK_SSH, COST);
    return true;
}

static struct notes *take_notes(struct eg_vault *v, const struct eg_key_process *p)
{
    if (!*p->notes)
        *p->notes = eg_tmp(v->r, sizeof(struct notes));
    return *p->notes;
}

static bool decrypt(struct eg_vault *v, const struct eg_key_process *p, uint64_t at,
                    struct found *f)
{
    struct linux_user *u = p->user;
    uint64_t w[WORDS];

    for (size_t i = 0; i < WORDS; i++)
        if (!linux_user_word(u, at + i * u->ptr, &w[i]) || !fits(u, i, w[i]))
            return false;
    return linux_user_range(u, w[PRIVATE]) && linux_user_range(u, w[PREKEY]) &&
           may_try(v, p, take_notes(v, p)) &&
           eg_read(eg_view_of(v->r), u->space, w[PREKEY], f->prekey, sizeof f->prekey) &&
           eg_read(eg_view_of(v->r), u->space, w[PRIVATE], f->hidden, w[PRIVATE_LEN]) &&
           eg_ssh_unshield(f->prekey, f->hidden, w[PRIVATE_LEN], f->plain) &&
           eg_sshkey_read(f->plain, w[PRIVATE_LEN], &f->key);
}

static void add_token(struct eg_vault *v, const struct eg_key_process *p, uint64_t at,
                      const char *name, struct found *f)
{
    char public[EG_FINGERPRINT_MAX];

    eg_sshkey_public(&f->key, &f->file);
    eg_ssh_fingerprint((struct eg_key_bytes){ f->file.at, f->file.n }, public);
    eg_vault_add(v, &(struct eg_vault_key){
                        .kind = "ssh key",
                        .name = name,
                        .purpose = *public ? public : NULL,
                        .algorithm = eg_ssh_is(f->key.type, "sk-ssh-ed25519@openssh.com")
                                         ? "Ed25519 in a token"
                                         : "EC P-256 in a token",
                        .at = at,
                        .process = p,
                        .secret = f->key.handle.at,
                        .len = f->key.handle.n,
                        .proof = "shielding undone",
                        .hints = "the secret is in a security token: this is what it is asked "
                                 "with",
                    });
}

static void export(struct eg_vault *v, const char *name, struct found *f)
{
    char path[2 * EG_FINGERPRINT_MAX], *to;

    snprintf(path, sizeof path, "ssh/%s.key", f->read.public);
    for (to = path + 4; *to; to++) // base64 has slashes
        *to = *to == '/' || *to == ':' ? '_' : *to;
    f->file.n = 0;
    eg_sshkey_file(&f->key, name ? name : "", &f->file);
    if (eg_sshkey_text(&f->file, f->text, sizeof f->text))
        eg_vault_text(v, path, f->text, "private key of SSH: ssh -i FILE; ssh-keygen -y -f FILE");
}

static void prove(struct eg_vault *v, const struct eg_key_process *p, uint64_t at)
{
    struct found found, *f = &found;
    const char *name;
    bool again, good;

    if (!decrypt(v, p, at, f))
        return;
    f->file.n = f->file.full = 0;
    name = name_if_few(p, take_notes(v, p), at);
    if (f->key.token) {
        add_token(v, p, at, name, f);
        return;
    }
    eg_sshkey_file(&f->key, "", &f->file);
    if (f->file.full)
        return;
    good = eg_privkey_read(KEY_OPENSSH, f->file.at, f->file.n, &f->read);
    eg_vault_worked(v, EG_WORK_SSH, f->read.work);
    if (!good || !f->read.proof)
        return;
    again = eg_vault_knows(v, f->read.der, f->read.der_len); // of another process
    if (eg_vault_add(v,
                     &(struct eg_vault_key){
                         .kind = "ssh key",
                         .name = name,
                         .purpose = f->read.public,
                         .algorithm = f->read.algorithm,
                         .at = at,
                         .process = p,
                         .secret = f->read.der,
                         .len = f->read.der_len,
                         .proof = f->read.proof,
                     }) &&
        !again)
        export(v, name, f);
}

EG_KEY_SOURCE(sshkeys) = { .look = look, .prove = prove };
