/* cipherkeys - keys of ciphers other than AES, by what programs and the kernel compute of them. */
#include "../../core/base.h"
#include "../../core/scan.h"
#include "../../core/space.h"
#include "ciphers.h"
#include "fingerprint.h"
#include "vault.h"

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(ALGORITHM, TEXT, "ChaCha20, Serpent, SM4, Twofish, Camellia, ARIA")                          \
    C(KEY_BITS, INT, "length of the key")                                                          \
    C(LAYOUT, TEXT, "what is there")                                                               \
    C(VERIFIED, TEXT, "how it was proven; empty: it was not")                                      \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256")                           \
    C(SECRET, BYTES, "the key itself", EG_ASKED)
EG_COLUMNS(COLUMNS);

/* Keys that take long: 15 ms each. More are no programs' but somebody's who wants to be waited
 * for. */
enum { SLOW_MAX = 4096 };

struct cipherkeys {
    bool show;
    unsigned slow;
    unsigned step; // places are multiples of it
};

static int begin(struct eg_run *r, void **state)
{
    struct cipherkeys *k = *state = eg_tmp(r, sizeof *k);

    k->show = eg_arg_flag(r, "show");
    k->step = eg_arg_flag(r, "unaligned") ? 1 : 4;
    return 0;
}

/* ---- looking ---- */

struct looking {
    const struct eg_window *w;
    size_t start; // of the bytes that are looked at
    uint32_t id;  // of the search that is part of another one
    struct eg_hits *out;
};

static void found(void *context, size_t at, unsigned cipher)
{
    const struct looking *l = context;

    eg_hit_add(l->out, l->w->addr + l->start + at, (uint32_t)eg_ciphers[cipher]->size,
               l->id | cipher);
}

static void look_at(const struct eg_window *w, size_t start, struct eg_hits *out, uint32_t id)
{
    struct looking l = { w, start, id, out };

    if (start <= w->len)
        eg_ciphers_find(w->bytes + start, w->len - start, found, &l);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    const struct cipherkeys *k = state;
    const size_t aligned = (size_t)(-w->addr % 4);

    (void)worker;
    for (size_t i = 0; i < 4; i++)
        if (k->step == 1 || i == aligned)
            look_at(w, i, out, 0);
}

/* ---- rows ---- */

/* As much as can be read around a hit. */
static bool key_of(struct eg_run *r, const struct eg_region *region, const struct eg_hit *h,
                   uint32_t cipher, unsigned *slow, struct eg_cipher_key *key)
{
    const struct eg_cipher *c = cipher < CIPHERS ? eg_ciphers[cipher] : NULL;
    uint8_t *bytes = eg_tmp(r, CIPHER_BEFORE + CIPHER_BEHIND);
    struct eg_view *view = eg_view_of(r);
    struct eg_cipher_place place = { bytes + CIPHER_BEFORE, CIPHER_BEFORE, CIPHER_BEHIND };

    *key = (struct eg_cipher_key){ .len = 0 };
    if (c && c->seems && (*slow)++ >= SLOW_MAX) {
        if (*slow == SLOW_MAX + 1)
            eg_note(r, "more than %d places seem to be keys of %s: the others were not tried",
                    SLOW_MAX, c->name);
        return false;
    }
    if (h->addr < CIPHER_BEFORE ||
        !eg_read(view, region->space, h->addr - CIPHER_BEFORE, bytes, CIPHER_BEFORE))
        place.at = 0;
    if (c && !eg_read(view, region->space, h->addr, bytes + CIPHER_BEFORE, place.len))
        place.len = c->size;
    return c && eg_read(view, region->space, h->addr, bytes + CIPHER_BEFORE, place.len) &&
           c->read(&place, key);
}

static const char *proof_of(const struct eg_cipher_key *key)
{
    return key->proven ? "schedule" : NULL;
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    struct cipherkeys *k = state;
    struct eg_cipher_key key;

    if (!key_of(r, region, h, h->tag, &k->slow, &key))
        return;
    eg_row(r, EG_HIT_CELLS(r, region, h), .ALGORITHM = eg_text(eg_ciphers[h->tag]->name),
           .KEY_BITS = eg_uint(8 * key.len), .LAYOUT = eg_text(key.layout),
           .VERIFIED = eg_text(proof_of(&key)),
           .FINGERPRINT = eg_text(eg_key_fingerprint(r, key.key, key.len)),
           .SECRET = k->show ? eg_blob(key.key, key.len) : (struct eg_cell){ 0 });
}

static const struct eg_scan scan = {
    .before = CIPHER_BEFORE,
    .behind = CIPHER_BEHIND,
    .begin = begin,
    .look = look,
    .hit = hit,
};

/* ---- as a source of `keys` ---- */

static void search(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const size_t start = (size_t)(-w->addr % 4);
    struct looking l = { w, start, id, out };
    const size_t first = w->from > start ? (w->from - start + 3) / 4 * 4 : 0;

    if (start < w->to && start <= w->len)
        eg_ciphers_find_in(w->bytes + start, w->len - start, first, w->to - start, found, &l);
}

static void add(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    struct eg_cipher_key key;
    uint64_t at = 0;

    if (!key_of(v->r, region, h, tag, &v->slow, &key) || eg_vault_knows_part(v, key.key, key.len))
        return;
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &at);
    eg_vault_add(v, &(struct eg_vault_key){
                        .kind = eg_ciphers[tag]->name,
                        .name = eg_vault_owner(v, region, h),
                        .algorithm = eg_strf(v->r, "%s-%zu", eg_ciphers[tag]->name, 8 * key.len),
                        .physical = at,
                        .secret = key.key,
                        .len = key.len,
                        .proof = proof_of(&key),
                    });
}

EG_KEY_SOURCE(cipherkeys) = { .search = search, .hit = add };

EG_PLUGIN(cipherkeys) = {
    .help = "Find keys of ChaCha20, Serpent, Twofish, SM4, Camellia and ARIA",
    .manual =
        "Who uses a cipher keeps what it computes of the key. Round keys of Serpent and SM4 "
        "follow\n"
        "from each other by a rule, which is checked for all of them and run backwards to the\n"
        "key. Of Twofish the tables are found; the 40 subkeys beside them lead to the key, from\n"
        "which each of them must come out again. Camellia's and ARIA's are a few numbers,\n"
        "rotated, each many times. These are no guesses. A state of ChaCha20 is the key between\n"
        "a constant and a counter: nothing proves it, so VERIFIED is empty; what cannot be a\n"
        "number made at random has no row.\n"
        "It is found as the kernel and libcrypto keep it, and Nettle and libgcrypt where they do\n"
        "the same. Not found is what was expanded for decryption only (ARIA), and ChaCha20 where\n"
        "only the key is kept, as in libcrypto and in the kernel between two calls.\n"
        "A key of Serpent that is shorter than 256 bits is told by its padding.\n"
        "Keys are shown by fingerprints, which can be compared and passed on; --show prints\n"
        "the keys themselves. AES: aeskeys.",
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS,
                    EG_ARG(unaligned, FLAG, "at any address, not only at multiples of 4"),
                    EG_ARG(show, FLAG, "print the keys too: they are secrets")),
    .looks_for = EG_NAMES("encryption keys"),
    .scan = &scan,
};
