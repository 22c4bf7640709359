/* aeskeys - AES keys by the schedules that programs and the kernel expand them to. */
#include "../../core/scan.h"
#include "../../core/space.h"
#include "aes.h"
#include "fingerprint.h"
#include "vault.h"

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(ALGORITHM, TEXT, "AES-128, AES-192, AES-256")                                                \
    C(SCHEDULE, TEXT, "what it is for, and how it lies in memory")                                 \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256")                           \
    C(SECRET, BYTES, "the key itself", EG_ASKED)
EG_COLUMNS(COLUMNS);

struct aeskeys {
    bool show;
    unsigned step; // schedules begin at multiples of it
};

static int begin(struct eg_run *r, void **state)
{
    struct aeskeys *k = *state = eg_tmp(r, sizeof *k);

    k->show = eg_arg_flag(r, "show");
    k->step = eg_arg_flag(r, "unaligned") ? 1 : 4;
    return 0;
}

/* ---- looking ---- */

struct looking {
    const struct eg_window *w;
    size_t start; // of the bytes that are looked at now
    uint32_t id;  // of the search that is part of another one
    struct eg_hits *out;
};

static uint32_t tag_of(const struct eg_aes_schedule *s)
{
    return s->words | (uint32_t)s->layout << 8 | (uint32_t)s->swapped << 16;
}

static void found(void *context, size_t at, const struct eg_aes_schedule *s)
{
    const struct looking *l = context;

    eg_hit_add(l->out, l->w->addr + l->start + at, (uint32_t)eg_aes_size(s->words),
               l->id | tag_of(s));
}

static void look_at(const struct eg_window *w, size_t start, struct eg_hits *out, uint32_t id)
{
    struct looking l = { w, start, id, out };

    if (start <= w->len)
        eg_aes_find(w->bytes + start, w->len - start, found, &l);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    const struct aeskeys *k = state;
    const size_t aligned = (size_t)(-w->addr % 4);

    (void)worker;
    for (size_t i = 0; i < 4; i++)
        if (k->step == 1 || i == aligned)
            look_at(w, i, out, 0);
}

/* ---- rows ---- */

/** The key of a hit, of AES_KEY_MAX bytes. */
static bool key_of(struct eg_run *r, const struct eg_region *region, const struct eg_hit *h,
                   struct eg_aes_schedule *s, uint8_t *key)
{
    uint8_t bytes[AES_SCHEDULE_MAX];

    *s = (struct eg_aes_schedule){ (uint8_t)h->tag, (uint8_t)(h->tag >> 8), h->tag >> 16 & 1 };
    return eg_read(eg_view_of(r), region->space, h->addr, bytes, h->len) &&
           eg_aes_is_schedule(bytes, s, key);
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    static const char *const layouts[AES_LAYOUTS] = {
        "encryption",
        "decryption",
        "encryption, last round first",
        "decryption, first round first",
    };
    const struct aeskeys *k = state;
    struct eg_aes_schedule s;
    uint8_t key[AES_KEY_MAX];

    if (!key_of(r, region, h, &s, key))
        return;
    eg_row(r, EG_HIT_CELLS(r, region, h), .ALGORITHM = eg_text(eg_strf(r, "AES-%d", s.words * 32)),
           .SCHEDULE =
               eg_text(eg_strf(r, "%s%s", layouts[s.layout], s.swapped ? ", words swapped" : "")),
           .FINGERPRINT = eg_text(eg_key_fingerprint(r, key, s.words * 4u)),
           .SECRET = k->show ? eg_blob(key, s.words * 4u) : (struct eg_cell){ 0 });
}

static const struct eg_scan scan = {
    .before = AES_SCHEDULE_MAX,
    .behind = AES_SCHEDULE_MAX,
    .begin = begin,
    .look = look,
    .hit = hit,
};

/* ---- as a source of `keys` ---- */

static void search_words(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    look_at(w, (size_t)(-w->addr % 4), out, id);
}

static void add_key(struct eg_vault *v, const struct eg_vault_key *where, const uint8_t *key,
                    unsigned words)
{
    struct eg_vault_key k = *where;

    if (eg_vault_knows(v, key, words * 4u))
        return;
    k.kind = "AES";
    k.algorithm = eg_strf(v->r, "AES-%u", words * 32);
    k.secret = key;
    k.len = words * 4u;
    k.proof = "schedule";
    eg_vault_add(v, &k);
}

static void add(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    struct eg_vault_key where = { 0 };
    struct eg_aes_schedule s;
    uint8_t key[AES_KEY_MAX];

    (void)tag;
    if (!key_of(v->r, region, h, &s, key))
        return;
    where.name = eg_vault_owner(v, region, h);
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &where.physical);
    add_key(v, &where, key, s.words);
}

/* What lies over the border of two pages of a process is not found in physical memory. */
static void look_at_border(struct eg_vault *v, const struct eg_key_process *p,
                           const struct linux_user_piece *piece, struct linux_addresses *out)
{
    (void)v;
    linux_addresses_add(p->user, out, piece->at);
}

enum { BORDER = AES_SCHEDULE_MAX - 4 }; // of a schedule that crosses it, at most this is on a side

struct border {
    struct eg_vault *v;
    const struct eg_key_process *process;
    uint64_t at;
    const uint8_t *bytes;
};

static void found_at_border(void *context, size_t at, const struct eg_aes_schedule *s)
{
    const struct border *b = context;
    const struct eg_vault_key where = { .at = b->at - BORDER + at, .process = b->process };
    uint8_t key[AES_KEY_MAX];

    if (at < BORDER && at + eg_aes_size(s->words) > BORDER &&
        eg_aes_is_schedule(b->bytes + at, s, key))
        add_key(b->v, &where, key, s->words);
}

static void search_border(struct eg_vault *v, const struct eg_key_process *p, uint64_t at)
{
    uint8_t bytes[2 * BORDER];
    struct border b = { v, p, at, bytes };

    if (at >= BORDER && eg_read(eg_view_of(v->r), p->user->space, at - BORDER, bytes, sizeof bytes))
        eg_aes_find(bytes, sizeof bytes, found_at_border, &b);
}

EG_KEY_SOURCE(aeskeys) = {
    .look = look_at_border,
    .prove = search_border,
    .search = search_words,
    .hit = add,
};

EG_PLUGIN(aeskeys) = {
    .help = "Find AES keys by their schedules",
    .manual =
        "Who encrypts expands the key to a schedule of 176, 208 or 240 bytes, each word of\n"
        "which follows from the key: what is found is no guess. It is found in the order of\n"
        "encryption and of decryption, with the bytes of words in either order: as the kernel,\n"
        "OpenSSL, GnuTLS, libgcrypt, mbedTLS, Go and others keep it. XTS has two schedules.\n"
        "Not found are keys that are nowhere expanded, schedules that are bit-sliced or in\n"
        "the basis of the vector permutations (software without AES instructions), what is\n"
        "split between pages that do not follow each other (--in processes, --in kernel find\n"
        "these), and schedules with wrong bits.\n"
        "Keys are shown by fingerprints, which can be compared and passed on; --show prints\n"
        "the keys themselves.",
    .aliases = EG_NAMES("aeskeyfind", "findaes"),
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS,
                    EG_ARG(unaligned, FLAG, "at any address, not only at multiples of 4"),
                    EG_ARG(show, FLAG, "print the keys too: they are secrets")),
    .looks_for = EG_NAMES("encryption keys"),
    .scan = &scan,
};
