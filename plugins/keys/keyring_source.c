/* keyring_source.c - of the vault: the kernel's keys (KIND "keyring key"). The proof "payload" says
 * that the kernel's own structure has it as the key's secret, which nothing else can contradict. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "crypto.h"
#include "keyring.h"
#include "privkey.h"
#include "vault.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(encrypted_master, encrypted_key_payload, "master_desc");
EG_FIELD_AS(encrypted_iv, encrypted_key_payload, "iv");
EG_FIELD_AS(encrypted_bytes, encrypted_key_payload, "encrypted_data");
EG_TYPE(encrypted_key_payload);

enum { DESCRIPTION_MAX = 4096, KEYS_MAX = 1 << 16, BLOCK = 16, DERIVED = 32 };

struct found {
    struct eg_obj key;
    const char *type, *name;
    struct eg_keyring_secret s;
    int64_t serial;
};
struct finding {
    struct eg_vault *v;
    struct found *at;
    size_t n, cap, room;
    struct eg_map *names; // of keys of users → index
};

/* Keys that are none: names and addresses that a program has looked up. */
static bool is_answer(const char *type)
{
    return !strcmp(type, "dns_resolver") || !strcmp(type, "id_resolver") ||
           !strcmp(type, "id_legacy");
}

/* The PIN of a self-encrypting disk that nobody has set. */
static bool is_zero(const uint8_t *p, size_t n)
{
    while (n && !p[n - 1])
        n--;
    return !n;
}

static void take(void *context, const struct eg_keyring_key *k)
{
    struct finding *f = context;
    struct eg_run *r = f->v->r;
    struct found new = { .key = k->key, .type = k->type };
    uint32_t nth = 0, hash;
    uint64_t i;

    if (!k->type || is_answer(k->type) || !eg_keyring_ready(r, k->key))
        return;
    if (f->n == KEYS_MAX) {
        eg_note(r, "keyrings: more than %d keys: the others are left out", KEYS_MAX);
        return;
    }
    eg_keyring_secret(r, k, &f->room, &new.s);
    if (!new.s.bytes || is_zero(new.s.bytes, new.s.len))
        return;
    new.name = eg_string(r, eg_at(k->key, key.description), DESCRIPTION_MAX);
    new.serial = eg_get_or((int64_t)0, k->key, key.serial);
    f->at = eg_grow(r, f->at, f->n, &f->cap, sizeof *f->at);
    f->at[f->n] = new;
    if (new.name && !strcmp(new.type, "user")) {
        hash = eg_map_hash(new.name, strlen(new.name));
        while (nth < KEYS_MAX && eg_map_get(f->names, eg_map_key(hash, nth), &i) &&
               strcmp(f->at[i].name, new.name) != 0)
            nth++;
        if (eg_map_add(f->names, eg_map_key(hash, nth), f->n) < 0)
            eg_run_leave(r);
    }
    f->n++;
}

static const struct found *user_key(const struct finding *f, const char *name)
{
    const uint32_t hash = eg_map_hash(name, strlen(name));
    uint64_t i;

    for (uint32_t nth = 0; eg_map_get(f->names, eg_map_key(hash, nth), &i); nth++)
        if (!strcmp(f->at[i].name, name))
            return &f->at[i];
    return NULL;
}

static const char contradicted[] = "";

/* The kernel has an encrypted key twice: also as the master key has encrypted it
 * (security/keys/encrypted-keys/encrypted.c). NULL: nothing can be computed. */
static const char *decrypts(struct finding *f, const struct found *k)
{
    static const char label[] = "ENC_KEY", other[] = "AUTH_KEY";
    struct eg_run *r = f->v->r;
    struct eg_obj p =
        eg_deref(eg_cast(eg_index(eg_at(k->key, key_payload), 0), encrypted_key_payload));
    const char *master = eg_string(r, eg_at(p, encrypted_master), DESCRIPTION_MAX);
    struct eg_obj iv = eg_deref(eg_at(p, encrypted_iv)),
                  bytes = eg_deref(eg_at(p, encrypted_bytes));
    const size_t n = (k->s.len + BLOCK - 1) & ~(size_t)(BLOCK - 1);
    const struct found *by;
    uint8_t vector[BLOCK], key[CRYPTO_DIGEST_MAX], *in, *out, *text;
    size_t len;

    if (!master || strncmp(master, "user:", 5) != 0 || !(by = user_key(f, master + 5)) || iv.why ||
        bytes.why)
        return NULL;
    in = eg_tmp(r, n);
    out = eg_tmp(r, n);
    len = EG_MAX(sizeof other + by->s.len, (size_t)DERIVED);
    text = eg_tmp(r, len);
    memcpy(text, label, sizeof label);
    memcpy(text + sizeof label, by->s.bytes, by->s.len);
    if (!eg_crypto_digest("sha256", text, len, key) ||
        !eg_read(eg_view_of(r), eg_kernel(r), iv.addr, vector, sizeof vector) ||
        !eg_read(eg_view_of(r), eg_kernel(r), bytes.addr, in, n) ||
        !eg_crypto_cipher("aes-256-cbc", false, key, vector, in, n, out))
        return NULL;
    return memcmp(out, k->s.bytes, k->s.len) != 0 ? contradicted : "decrypts with its master key";
}

static const char *private_key(struct finding *f, const struct found *k)
{
    struct eg_privkey one, *p = &one; // of many
    bool good;

    if (k->s.len > KEY_MAX || eg_key_size(KEY_DER, k->s.bytes, k->s.len) != k->s.len)
        return NULL;
    good = eg_vault_may(f->v, EG_WORK_PRIVATE) && eg_privkey_read(KEY_DER, k->s.bytes, k->s.len, p);
    if (good)
        eg_vault_worked(f->v, EG_WORK_PRIVATE, p->work);
    return good ? p->proof : NULL;
}

static void export(struct eg_vault *v, const struct found *k)
{
    const char *what;
    char name[64];

    if (!v->exports)
        return;
    if (!strcmp(k->type, "asymmetric"))
        what = "private key, for openssl pkey -inform DER -in FILE";
    else if (!strcmp(k->type, "user") || !strcmp(k->type, "logon") || !strcmp(k->type, "big_key"))
        what = eg_strf(v->r, "for keyctl padd %s NAME @u < FILE", k->type);
    else
        what = eg_strf(v->r, "the secret of a key of type %s", k->type);
    snprintf(name, sizeof name, "keyring/%" PRId64 ".key", k->serial);
    eg_vault_file(v, name, k->s.bytes, k->s.len, what);
}

static void find(struct eg_vault *v)
{
    struct finding f = { .v = v, .room = KEYRING_READ_MAX, .names = eg_run_map(v->r) };

    eg_keyring_walk(v->r, take, &f);
    for (size_t i = 0; i < f.n && !eg_stopped(v->r); i++) {
        const struct found *k = &f.at[i];
        const char *proof = k->s.proof;

        if (!strcmp(k->type, "encrypted"))
            proof = decrypts(&f, k);
        else if (!strcmp(k->type, "asymmetric"))
            proof = private_key(&f, k);
        if (eg_vault_add(v, &(struct eg_vault_key){
                                .kind = "keyring key",
                                .name = k->name,
                                .purpose = k->type,
                                .algorithm = k->s.algorithm,
                                .at = k->s.at,
                                .secret = k->s.bytes,
                                .len = k->s.len,
                                .proof = !proof                  ? "payload"
                                         : proof == contradicted ? NULL
                                                                 : proof,
                                .hints = eg_strf(
                                    v->r, "serial %" PRId64 "%s", k->serial,
                                    proof == contradicted ? "; its encrypted copy is another" : ""),
                            }))
            export(v, k);
    }
}

EG_KEY_SOURCE(keyrings) = { .find = find };
