/* aeskeys - AES keys by the schedules that programs and the kernel expand them to. */
#include "../../core/base.h"
#include "../../core/run.h"
#include "../../core/scan.h"
#include "../../core/space.h"
#include "aes.h"
#include "aes_decay.h"
#include "fingerprint.h"
#include "vault.h"

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(ALGORITHM, TEXT, "AES-128, AES-192, AES-256")                                                \
    C(SCHEDULE, TEXT, "what it is for, and how it lies in memory")                                 \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256")                           \
    C(SECRET, BYTES, "the key itself", EG_ASKED)                                                   \
    C(WRONG_BITS, INT, "bits of the schedule that flipped; with --decay", EG_ASKED)                \
    C(CHANCE, TEXT,                                                                                \
      "how many keys would explain bytes that are no schedule as well; with --decay", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum {
    DECAYED = 1 << 17, // of a tag
    PERCENT = 30,
    CANDIDATES = 64,     // so many of the worst may be tried: a minute or two
    PREPARING = 1 << 20, // steps that a search takes before it begins
};

struct aeskeys {
    bool show, decays;
    unsigned step; // schedules begin at multiples of it
    struct eg_aes_decay decay;
    uint64_t work, last; // last: where the last decayed one was
    const struct eg_region *last_in;
    uint64_t n_open, open; // places without a key; the first
    uint64_t n_left;       // that were not tried
};

static int read_decay(struct eg_run *r, struct aeskeys *k)
{
    const char *ground = eg_arg_text(r, "ground");
    int64_t percent = PERCENT;

    k->decays = eg_arg_flag(r, "decay");
    if (!k->decays && (ground || eg_arg_flag(r, "reverse") || eg_arg_int(r, "flips", &percent)))
        return eg_run_fail(r, EG_EUSAGE, "--flips, --ground and --reverse say more of --decay");
    if (eg_arg_int(r, "flips", &percent) && (percent < 1 || percent > AES_FLIPS_MAX))
        return eg_run_fail(r, EG_EUSAGE, "--flips: 1 to %d percent", AES_FLIPS_MAX);
    k->decay = (struct eg_aes_decay){ (unsigned)percent, -1, eg_arg_flag(r, "reverse") };
    if (ground && strcmp(ground, "unknown") != 0) {
        if (strcmp(ground, "0") != 0 && strcmp(ground, "1") != 0)
            return eg_run_fail(r, EG_EUSAGE, "--ground: 0, 1 or unknown");
        k->decay.ground = *ground - '0';
    }
    k->work = (uint64_t)CANDIDATES * AES_WORK_MAX;
    return 0;
}

static int begin(struct eg_run *r, void **state)
{
    struct aeskeys *k = *state = eg_tmp(r, sizeof *k);

    k->show = eg_arg_flag(r, "show");
    k->step = eg_arg_flag(r, "unaligned") ? 1 : 4;
    return read_decay(r, k);
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

static void found_decayed(void *context, size_t at, unsigned words)
{
    const struct looking *l = context;

    eg_hit_add(l->out, l->w->addr + l->start + at, (uint32_t)eg_aes_size(words), DECAYED | words);
}

static void look_for_decayed(const struct aeskeys *k, const struct eg_window *w, size_t start,
                             struct eg_hits *out)
{
    struct looking l = { w, start, 0, out };

    if (start <= w->len)
        eg_aes_find_decayed(w->bytes + start, w->len - start, &k->decay, found_decayed, &l);
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
        if (k->step == 1 || i == aligned) {
            look_at(w, i, out, 0);
            if (k->decays)
                look_for_decayed(k, w, i, out);
        }
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

static bool is_exact(const uint8_t *bytes, unsigned words)
{
    uint8_t key[AES_KEY_MAX];

    for (unsigned swapped = 0; swapped < 2; swapped++)
        if (eg_aes_is_schedule(
                bytes, &(struct eg_aes_schedule){ (uint8_t)words, AES_ENCRYPT, swapped }, key))
            return true;
    return false;
}

static void decayed_row(struct eg_run *r, struct aeskeys *k, const struct eg_region *region,
                        const struct eg_hit *h, unsigned words, const struct eg_aes_recovered *key)
{
    if (region == k->last_in && h->addr == k->last)
        return;
    k->last_in = region;
    k->last = h->addr;
    eg_row(r, EG_HIT_CELLS(r, region, h), .ALGORITHM = eg_text(eg_strf(r, "AES-%u", words * 32)),
           .SCHEDULE = eg_text(eg_strf(r, "encryption, decayed to %d%s", key->ground,
                                       key->swapped ? ", words swapped" : "")),
           .FINGERPRINT = eg_text(eg_key_fingerprint(r, key->key, words * 4)),
           .SECRET = k->show ? eg_blob(key->key, words * 4) : (struct eg_cell){ 0 },
           .WRONG_BITS = eg_uint(key->wrong), .CHANCE = eg_text(eg_strf(r, "2^%.0f", key->chance)));
}

/* Of a place that seems to be a schedule, which may begin one row of it earlier or later. */
static void hit_decayed(struct eg_run *r, struct aeskeys *k, const struct eg_region *region,
                        const struct eg_hit *h)
{
    const unsigned words = h->tag & 255;
    const int rows[] = { 0, -1, 1 };

    if (k->work < AES_WORK_MAX) {
        k->n_left++;
        return;
    }
    for (size_t i = 0; i < countof(rows) && !eg_stopped(r); i++) {
        struct eg_hit at = *h;
        struct eg_aes_recovered key;
        uint8_t bytes[AES_SCHEDULE_MAX];
        uint64_t work = AES_WORK_MAX;

        at.addr += (uint64_t)((int64_t)rows[i] * 4 * words);
        if (!eg_read(eg_view_of(r), region->space, at.addr, bytes, h->len))
            continue;
        if (is_exact(bytes, words))
            return;
        if (eg_aes_recover(bytes, words, &k->decay, &work, &key)) {
            decayed_row(r, k, region, &at, words, &key);
            k->work -= EG_MIN(k->work, AES_WORK_MAX - work + PREPARING);
            return;
        }
        k->work -= EG_MIN(k->work, AES_WORK_MAX - work + PREPARING);
    }
    if (!k->n_open++)
        k->open = h->addr;
}

static int done(struct eg_run *r, void *state)
{
    const struct aeskeys *k = state;

    if (k->n_open)
        eg_note(r,
                "%llu places resemble a decayed schedule, but no key explains their bits; the "
                "first is at %#llx",
                (unsigned long long)k->n_open, (unsigned long long)k->open);
    if (k->n_left)
        eg_note(r,
                "%llu more places resemble a decayed schedule; they were not tried: too much "
                "work; a smaller --flips has fewer",
                (unsigned long long)k->n_left);
    return 0;
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
    struct aeskeys *k = state;
    struct eg_aes_schedule s;
    uint8_t key[AES_KEY_MAX];

    if (h->tag & DECAYED) {
        hit_decayed(r, k, region, h);
        return;
    }
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
    .behind = AES_SCHEDULE_MAX + AES_DECAY_NEAR,
    .begin = begin,
    .look = look,
    .hit = hit,
    .done = done,
};

/* ---- as a source of `keys` ---- */

static void search_words(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    struct eg_window own = *w; // a schedule that begins here

    own.len = EG_MIN(w->len, w->to + AES_SCHEDULE_MAX);
    look_at(&own, w->from + (size_t)(-(w->addr + w->from) % 4), out, id);
}

static void add_key(struct eg_vault *v, const struct eg_vault_key *where, const uint8_t *key,
                    unsigned words)
{
    struct eg_vault_key k = *where;

    if (eg_vault_knows_part(v, key, words * 4u))
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
        "these). Schedules with wrong bits are found with --decay only.\n"
        "Memory that was without power for a while has bits that fell to the ground state of\n"
        "their cells, 0 or 1. --decay finds schedules in which up to 30 % of the other bits\n"
        "fell (--flips PERCENT, up to 60; beyond 40 the search is slow and misses some), in\n"
        "the order of encryption, and recovers the key that explains what is left. WRONG_BITS\n"
        "says how many bits fell, CHANCE how many of all keys would explain as well what is no\n"
        "schedule. A place that no key explains is a note.\n"
        "Keys are shown by fingerprints, which can be compared and passed on; --show prints\n"
        "the keys themselves.",
    .aliases = EG_NAMES("aeskeyfind", "findaes"),
    .columns = columns,
    .args = EG_ARGS(
        EG_SCAN_ARGS, EG_ARG(unaligned, FLAG, "at any address, not only at multiples of 4"),
        EG_ARG(decay, FLAG, "also schedules with flipped bits, of a memory that lost power"),
        EG_ARG(flips, INT, "with --decay: percent of bits that fell, at most (30)"),
        EG_ARG(ground, TEXT, "with --decay: what bits fall to: 0, 1, unknown (the default)"),
        EG_ARG(reverse, FLAG, "with --decay: one bit in a thousand may have flipped the other way"),
        EG_ARG(show, FLAG, "print the keys too: they are secrets")),
    .looks_for = EG_NAMES("encryption keys"),
    .scan = &scan,
};
