/* tfm.c - the expanded keys of transforms of the crypto API: see tfm.h. */
#include "tfm.h"
#include "../../core/base.h"
#include "../../core/space.h"
#include "../../core/view.h"
#include "../linux/kernel/crypto.h"
#include "serpent.h"
#include "twofish.h"

EG_FIELD_AS(tfm_alg, crypto_tfm, "__crt_alg");
EG_FIELD_AS(tfm_context, crypto_tfm, "__crt_ctx");
EG_FIELD_AS(skcipher_base, crypto_skcipher, "base");
EG_FIELD_AS(aead_base, crypto_aead, "base");
EG_FIELD_AS(ahash_base, crypto_ahash, "base");
EG_FIELD_AS(shash_base, crypto_shash, "base");
EG_TYPE(crypto_tfm);
// XTS has two keys: those of other transforms, or in a struct of its own.
EG_FIELDS_OF("xts", xts_tfm_ctx, child, tweak);
EG_FIELD_AS_OF("aesni_intel", aesni_data, aesni_xts_ctx, "crypt_ctx|raw_crypt_ctx");
EG_FIELD_AS_OF("aesni_intel", aesni_tweak, aesni_xts_ctx, "tweak_ctx|raw_tweak_ctx");
EG_FIELD_AS_OF("aes_ce_blk", ce_data, crypto_aes_xts_ctx, "key1");
EG_FIELD_AS_OF("aes_ce_blk", ce_tweak, crypto_aes_xts_ctx, "key2");

enum { CONTEXT_MAX = 10240, ALIGN_MAX = 256, TFMS_MAX = 32, DRIVER_MAX = 128 };

/* A tree of transforms, breadth first. */
struct walk {
    struct eg_run *r;
    struct eg_tfm_keys *out;
    const struct eg_model *model;
    uint64_t bases[5]; // of a crypto_tfm in a crypto_skcipher, crypto_aead, and in hashes
    size_t n_bases;
    struct {
        uint64_t at;
        enum eg_tfm_role role;
    } todo[TFMS_MAX];
    size_t n;
    // the one that is looked at now
    enum eg_tfm_role role;
    const char *name;         // of its algorithm's driver
    size_t len;               // of its context
    size_t off[TFM_KEYS_MAX]; // of each key, or of its schedule
    size_t first;             // key that was found in it
    uint8_t bytes[CONTEXT_MAX];
};

/* The algorithm of the struct crypto_tfm at @at; bad: that is none. */
static struct eg_obj alg_of(struct eg_run *r, uint64_t at, uint32_t *len)
{
    const struct eg_obj none = { .why = EG_BAD_VALUE };
    struct eg_obj alg = eg_deref(eg_at(eg_object(r, crypto_tfm, at), tfm_alg));
    uint32_t size, mask;
    const char *name;

    if (!eg_get(&size, alg, crypto_alg.cra_ctxsize) || size > CONTEXT_MAX - ALIGN_MAX ||
        !eg_get(&mask, alg, crypto_alg.cra_alignmask) || mask >= ALIGN_MAX)
        return none;
    name = eg_string(r, eg_at(alg, crypto_alg.cra_driver_name), DRIVER_MAX);
    if (!name || !*name)
        return none;
    for (; *name; name++)
        if (*name <= ' ' || *name > '~')
            return none;
    *len = size + mask;
    return alg;
}

static void push(struct walk *w, uint64_t at, enum eg_tfm_role role)
{
    uint32_t len;
    size_t b = 0;

    if (!at || at % w->model->ptr_size || w->n == TFMS_MAX)
        return;
    while (b < w->n_bases && alg_of(w->r, at + w->bases[b], &len).why)
        b++;
    if (b == w->n_bases)
        return;
    at += w->bases[b];
    for (size_t i = 0; i < w->n; i++)
        if (w->todo[i].at == at)
            return;
    w->todo[w->n].at = at;
    w->todo[w->n++].role = role;
}

/* Its context is in @w. */
static bool enter(struct walk *w, size_t i)
{
    const uint64_t at = w->todo[i].at;
    uint32_t len;
    struct eg_obj alg = alg_of(w->r, at, &len);

    if (alg.why)
        return false;
    w->role = w->todo[i].role;
    w->name = eg_string(w->r, eg_at(alg, crypto_alg.cra_driver_name), DRIVER_MAX);
    w->len = len;
    return w->name && eg_read(eg_view_of(w->r), eg_kernel(w->r),
                              at + eg_slot(w->r, eg_f_tfm_context.id)->off, w->bytes, len);
}

static void keep(struct walk *w, size_t at, const uint8_t *key, uint32_t size,
                 enum eg_tfm_role role)
{
    struct eg_tfm_key *k = w->out->at;
    size_t i = 0;

    while (i < w->out->n && (k[i].size != size || memcmp(k[i].key, key, size) != 0))
        i++;
    if (i == w->out->n) {
        if (i == TFM_KEYS_MAX)
            return;
        k[i] = (struct eg_tfm_key){ .size = size, .role = role };
        memcpy(k[i].key, key, size);
        w->out->n++;
        w->off[i] = at;
    } else if (i >= w->first && at < w->off[i]) {
        w->off[i] = at; // of several schedules of one key the first
    }
}

static void found(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct walk *w = context;
    uint8_t key[AES_KEY_MAX];

    if (eg_aes_is_schedule(w->bytes + at, s, key))
        keep(w, at, key, s->words * 4u, w->role);
}

static uint32_t word_at(const struct walk *w, size_t at)
{
    return (uint32_t)eg_load_(w->bytes + at, 4, w->model->big_endian);
}

static void find_serpent(struct walk *w)
{
    uint32_t words[SERPENT_WORDS];
    uint8_t key[SERPENT_KEY];
    size_t n;

    for (size_t at = 0; at + sizeof words <= w->len; at += 4) {
        for (unsigned i = 0; i < SERPENT_WORDS; i++)
            words[i] = word_at(w, at + 4 * i);
        n = eg_serpent_key(words, key);
        if (n)
            keep(w, at, key, (uint32_t)n, w->role);
    }
}

/* struct twofish_ctx: four tables of 256 words, then the round keys. */
static void find_twofish(struct walk *w)
{
    enum { TABLES = 4096, SIZE = TABLES + 4 * TWOFISH_WORDS };
    uint32_t words[TWOFISH_WORDS];
    uint8_t key[TWOFISH_KEY];
    size_t n;

    for (size_t at = 0; at + SIZE <= w->len; at += SIZE) {
        for (unsigned i = 0; i < TWOFISH_WORDS; i++)
            words[i] = word_at(w, at + TABLES + 4 * i);
        n = eg_twofish_key(words, key);
        if (n)
            keep(w, at, key, (uint32_t)n, w->role);
    }
}

/* struct chacha_ctx has the key in words, and the number of rounds behind it. */
static void find_chacha(struct walk *w)
{
    uint8_t key[AES_KEY_MAX];
    const uint32_t rounds = w->len >= sizeof key + 4 ? word_at(w, sizeof key) : 0;

    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(word_at(w, i / 4 * 4) >> (8 * (i % 4)));
    if (rounds == 8 || rounds == 12 || rounds == 20)
        keep(w, 0, key, sizeof key, TFM_STREAM);
}

/* Two keys that lie as far from each other as those of this struct. */
static void tell(struct walk *w, uint32_t data, uint32_t tweak, int64_t usual)
{
    const struct eg_slot *d = eg_slot(w->r, data), *t = eg_slot(w->r, tweak);
    const int64_t away = d->kind && t->kind ? (int64_t)d->off - (int64_t)t->off : usual;

    for (size_t i = w->first; i < w->out->n; i++)
        for (size_t k = w->first; k < w->out->n; k++)
            if (away && (int64_t)w->off[k] - (int64_t)w->off[i] == away) {
                w->out->at[i].role = TFM_TWEAK;
                w->out->at[k].role = TFM_DATA;
            }
}

/* The transforms that this one is made of. */
static void push_parts(struct walk *w)
{
    const bool made_of_others = !strncmp(w->name, "xts(", 4);
    const bool known = eg_has(w->r, xts_tfm_ctx.child) && eg_has(w->r, xts_tfm_ctx.tweak);
    const uint64_t child = known ? eg_slot(w->r, eg_f_xts_tfm_ctx.child.id)->off : 0;
    const uint64_t tweak = known ? eg_slot(w->r, eg_f_xts_tfm_ctx.tweak.id)->off : 8;
    const unsigned word = w->model->ptr_size;

    for (size_t i = 0; i + word <= w->len; i += word) {
        enum eg_tfm_role role = w->role;

        if (made_of_others && role == TFM_ANY)
            role = i == child ? TFM_DATA : i == tweak ? TFM_TWEAK : TFM_ANY;
        push(w, eg_load_(w->bytes + i, word, w->model->big_endian), role);
    }
}

static void look(struct walk *w)
{
    w->first = w->out->n;
    eg_aes_find(w->bytes, w->len, found, w);
    if (strstr(w->name, "serpent"))
        find_serpent(w);
    if (strstr(w->name, "twofish"))
        find_twofish(w);
    if (strstr(w->name, "chacha"))
        find_chacha(w);
    if (strstr(w->name, "xts") && w->role == TFM_ANY) {
        // Before 5.11 the types of modules are not known: as in 5.10.
        tell(w, eg_f_aesni_data.id, eg_f_aesni_tweak.id, strstr(w->name, "aesni") ? 496 : 0);
        tell(w, eg_f_ce_data.id, eg_f_ce_tweak.id, strstr(w->name, "-ce") ? -496 : 0);
        // Until 5.11 struct serpent_xts_ctx and the like: the second key's, then the first's.
        tell(w, 0, 0, strstr(w->name, "serpent") ? 528 : strstr(w->name, "twofish") ? 4256 : 0);
    }
}

/* On the stack: a machine can have a hundred thousand transforms. */
static void begin(struct walk *w, struct eg_run *r, uint64_t tfm)
{
    const uint32_t ids[] = { eg_f_skcipher_base.id, eg_f_aead_base.id, eg_f_ahash_base.id,
                             eg_f_shash_base.id };

    *w = (struct walk){ .r = r };
    w->model = &eg_binding_of(r)->model;
    for (size_t i = 0; i <= countof(ids); i++) { // at last the crypto_tfm itself
        const uint64_t off = i < countof(ids) ? eg_slot(r, ids[i])->off : 0;
        size_t k = 0;

        while (k < w->n_bases && w->bases[k] != off)
            k++;
        if (k == w->n_bases)
            w->bases[w->n_bases++] = off;
    }
    push(w, tfm, TFM_ANY);
}

void eg_tfm_keys(struct eg_run *r, uint64_t tfm, struct eg_tfm_keys *out)
{
    struct walk w;

    begin(&w, r, tfm);
    w.out = out;
    for (size_t i = 0; i < w.n && !eg_stopped(r); i++)
        if (enter(&w, i)) {
            look(&w);
            push_parts(&w);
        }
}

bool eg_tfm_has(struct eg_run *r, uint64_t tfm, const void *bytes, size_t len)
{
    struct walk w;

    begin(&w, r, tfm);
    for (size_t i = 0; i < w.n && !eg_stopped(r); i++) {
        if (!enter(&w, i))
            continue;
        for (size_t at = 0; at + len <= w.len; at += 4)
            if (!memcmp(w.bytes + at, bytes, len))
                return true;
        push_parts(&w);
    }
    return false;
}

const char *eg_tfm_proof(struct eg_run *r, uint64_t tfm, const void *key, size_t len)
{
    struct eg_tfm_keys made = { .n = 0 };

    eg_tfm_keys(r, tfm, &made);
    for (size_t i = 0; i < made.n; i++)
        if (made.at[i].size == len && !memcmp(made.at[i].key, key, len))
            return "schedule";
    return len >= 16 && eg_tfm_has(r, tfm, key, len) ? "context of the cipher" : NULL;
}
