/* primes.c - RSA keys whose primes are left in memory that nobody needs to have: of programs that
 * have ended, of the kernel, in structures that no list knows. The moduli come from the public keys
 * and certificates of the image. Two primes of a modulus lie in one page as a rule, as a library
 * allocates one behind the other; so each page is asked whether the lowest words of two numbers in
 * it have the lowest word of a modulus as their product. */
#include "../../core/parallel.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "crypto.h"
#include "lanes.h"
#include "numkeys.h"
#include "private.h"
#include <stdlib.h>

enum {
    PAGE = 4096,
    WORDS = PAGE / 8,
    PIECE = 4 << 20,
    PIECES_MAX = 1 << 16,
    MODULI_MAX = 32, // that are looked for
    SEEN_MAX = 1024, // of one thread
    HITS_MAX = 1024, // of one thread
    THREADS_MAX = 64,
    BLOOM = 64, // words
};

struct modulus {
    uint8_t bytes[LIMBS_MAX]; // the lowest first
    size_t len;
    uint64_t low, e;
    uint64_t at; // of the page where it was seen
};
struct pair {
    uint64_t page;
    uint32_t p, q, modulus; // bytes in the page; number
};
struct worker {
    struct eg_view view;
    uint64_t at;
    struct modulus *seen;
    size_t n_seen;
    struct pair *hits;
    size_t n_hits;
};
struct primes {
    struct eg_space *phys;
    struct {
        uint64_t first, last;
    } * pieces;
    size_t n_pieces;
    struct worker *workers[THREADS_MAX];
    struct modulus moduli[MODULI_MAX];
    size_t n;
    bool looking; // for primes; else for moduli
    bool full;    // something was left out
};

/* ---- moduli ---- */

static void see(void *context, struct eg_key_bytes n, struct eg_key_bytes e)
{
    struct worker *w = context;
    struct modulus *m = &w->seen[w->n_seen];

    for (; n.n && !*n.at; n.n--)
        n.at++;
    // a modulus has twice as many words as its primes
    if (!e.n || e.n > 8 || n.n < 2 * LIMBS_MIN || n.n > LIMBS_MAX || n.n % 16 ||
        w->n_seen == SEEN_MAX || !(n.at[n.n - 1] & 1))
        return;
    *m = (struct modulus){ .len = n.n, .at = w->at };
    for (size_t i = 0; i < n.n; i++)
        m->bytes[i] = n.at[n.n - 1 - i];
    for (size_t i = 0; i < e.n; i++)
        m->e = m->e << 8 | e.at[i];
    m->low = eg_le64(m->bytes);
    w->n_seen += m->e > 1;
}

static int compare_moduli(const void *a_, const void *b_)
{
    const struct modulus *a = a_, *b = b_;

    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->bytes, b->bytes, a->len);
}

/* ---- primes ---- */

static unsigned bloom_bit(uint64_t word)
{
    return (unsigned)(word * UINT64_C(0x9e3779b97f4a7c15) >> 52);
}

/* The highest two bits of RSA's primes are set, so that their product is long enough; kernel
 * addresses have more of them set. */
static bool may_end(uint64_t w)
{
    return w >> 62 == 3 && w >> 48 != 0xffff;
}

/* Of the words of a page: is it odd, as a prime begins; may one end there? */
struct ends {
    uint8_t odd[WORDS], last[WORDS];
};

/* @return false: none of them is odd, or none may be the last. */
LANES_WIDE static bool find_ends(const uint64_t *restrict w, struct ends *restrict e)
{
    uint64_t any = 0;
    uint8_t last = 0;

    for (size_t i = 0; i < WORDS; i++)
        any |= w[i];
    if (!any)
        return false;
    for (size_t i = 0; i < WORDS; i++) {
        e->odd[i] = w[i] & 1;
        e->last[i] = may_end(w[i]);
    }
    for (size_t i = 0; i < WORDS; i++)
        last |= e->last[i];
    return last != 0;
}

/* Words at which a prime may begin, and a filter of what stands there. */
struct begins {
    uint16_t at[WORDS];
    size_t n;
    uint64_t bloom[BLOOM];
};

static void find_begins(const uint64_t *w, const struct ends *e, size_t k, struct begins *b)
{
    uint64_t odd, last = 0;

    b->n = 0;
    for (size_t i = 0; i + k <= WORDS; i += 8) {
        memcpy(&odd, e->odd + i, 8);
        memcpy(&last, e->last + i + k - 1, EG_MIN((size_t)8, WORDS - (i + k - 1)));
        for (size_t j = i; odd & last && j < i + 8 && j + k <= WORDS; j++)
            if (e->odd[j] & e->last[j + k - 1])
                b->at[b->n++] = (uint16_t)j;
    }
    if (b->n < 2)
        return;
    memset(b->bloom, 0, sizeof b->bloom);
    for (size_t i = 0; i < b->n; i++)
        b->bloom[bloom_bit(w[b->at[i]]) / 64] |= UINT64_C(1) << bloom_bit(w[b->at[i]]) % 64;
}

static void try_pair(struct worker *worker, const uint64_t *w, const struct begins *b, size_t p,
                     uint64_t low, size_t modulus)
{
    for (size_t i = 0; i < b->n; i++)
        if (w[b->at[i]] == low && b->at[i] != p && worker->n_hits < HITS_MAX)
            worker->hits[worker->n_hits++] =
                (struct pair){ worker->at, 8 * (uint32_t)p, 8u * b->at[i], (uint32_t)modulus };
}

static void look_at_page(const struct primes *s, struct worker *worker, const uint8_t *bytes,
                         size_t n)
{
    struct begins b;
    struct ends ends;
    uint64_t w[WORDS];

    memset(w + n, 0, (WORDS - n) * sizeof *w);
    for (size_t i = 0; i < n; i++)
        w[i] = eg_le64(bytes + 8 * i);
    if (!find_ends(w, &ends))
        return;
    // the moduli are in the order of their lengths
    for (size_t from = 0, to; from < s->n && worker->n_hits < HITS_MAX; from = to) {
        const size_t len = s->moduli[from].len;

        for (to = from; to < s->n && s->moduli[to].len == len;)
            to++;
        find_begins(w, &ends, len / 16, &b);
        for (size_t i = 0; b.n > 1 && i < b.n; i++) {
            const uint64_t inverse = eg_word_inverse(w[b.at[i]]);

            for (size_t m = from; m < to; m++) {
                const uint64_t low = s->moduli[m].low * inverse;

                if (b.bloom[bloom_bit(low) / 64] >> bloom_bit(low) % 64 & 1)
                    try_pair(worker, w, &b, b.at[i], low, m);
            }
        }
    }
}

static int compare_pairs(const void *a_, const void *b_)
{
    const struct pair *a = a_, *b = b_;

    return a->page != b->page ? (a->page < b->page ? -1 : 1) : (a->p > b->p) - (a->p < b->p);
}

/* ---- memory ---- */

static void look_at_bytes(const struct primes *s, struct worker *w, uint64_t at,
                          const uint8_t *bytes, size_t len)
{
    if (!s->looking) {
        w->at = at;
        eg_numkeys_public(bytes, len, see, w);
        return;
    }
    for (size_t off = 0; off < len;) {
        const size_t n = EG_MIN(len - off, (size_t)(PAGE - (at + off) % PAGE));

        w->at = at + off;
        look_at_page(s, w, bytes + off, n / 8);
        off += n;
    }
}

static int look(void *context, size_t number, unsigned worker)
{
    const struct primes *s = context;
    struct worker *w = s->workers[worker];
    const uint64_t last = s->pieces[number].last;

    for (uint64_t at = s->pieces[number].first; at <= last && !eg_cancelled;) {
        size_t len = (size_t)(last - at) + 1;
        const uint8_t *p = eg_map_some(&w->view, s->phys, at, &len);
        struct eg_extent x;

        if (p) {
            look_at_bytes(s, w, at, p, len);
            at += len;
            continue;
        }
        eg_extent_at(&w->view, s->phys, at, &x);
        if (w->view.starved)
            return 1;
        if (x.last >= last)
            break;
        at = x.last + 1;
    }
    return eg_cancelled;
}

static void divide(struct eg_run *r, struct primes *s)
{
    // a damaged file can have the same bytes at any number of addresses
    uint64_t left = eg_stored_bytes(eg_view_of(r), s->phys);
    struct eg_extent x;
    size_t cap = 0;

    for (uint64_t at = 0; eg_next_mapped(eg_view_of(r), s->phys, at, s->phys->last, &x);
         at = x.last + 1) {
        for (uint64_t first = EG_MAX(x.start, at); !x.zero && first <= x.last;) {
            const uint64_t last = EG_MIN(x.last, (first | (PIECE - 1)));

            if (s->n_pieces == PIECES_MAX)
                s->full = true;
            if (last - first >= left || s->full)
                return;
            left -= last - first + 1;
            s->pieces = eg_grow(r, s->pieces, s->n_pieces, &cap, sizeof *s->pieces);
            s->pieces[s->n_pieces].first = first;
            s->pieces[s->n_pieces++].last = last;
            if (last == x.last)
                break;
            first = last + 1;
        }
        if (x.last == s->phys->last || eg_stopped(r))
            return;
    }
}

/* ---- what was found ---- */

static void collect_moduli(struct eg_run *r, struct primes *s, unsigned threads)
{
    struct modulus *all;
    size_t n = 0;

    for (unsigned i = 0; i < threads; i++)
        n += s->workers[i]->n_seen;
    all = eg_tmp(r, (n + 1) * sizeof *all);
    n = 0;
    for (unsigned i = 0; i < threads; i++) {
        memcpy(all + n, s->workers[i]->seen, s->workers[i]->n_seen * sizeof *all);
        n += s->workers[i]->n_seen;
        s->full |= s->workers[i]->n_seen == SEEN_MAX;
    }
    qsort(all, n, sizeof *all, compare_moduli);
    for (size_t i = 0; i < n; i++) {
        if (s->n && !compare_moduli(&s->moduli[s->n - 1], &all[i]))
            continue;
        if (s->n == MODULI_MAX) {
            eg_note(r,
                    "more than %d RSA keys are public: primes in memory of nobody are looked "
                    "for of the shorter ones only",
                    MODULI_MAX);
            return;
        }
        s->moduli[s->n++] = all[i];
    }
}

/* Of which modulus is the private exponent? Where it was that of older files, it lies by the
 * primes. */
static bool has_exponent(struct eg_key_bytes der, const uint8_t *page, size_t n)
{
    struct eg_key_bytes all, d;
    uint8_t low[8];

    if (!eg_der_take(&der, DER_SEQUENCE, &all))
        return false;
    for (int i = 0; i < 4; i++) // version, n, e, d
        if (!eg_der_take(&all, DER_INTEGER, &d))
            return false;
    for (size_t i = 0; i < sizeof low && i < d.n; i++)
        low[i] = d.at[d.n - 1 - i];
    return d.n >= sizeof low && memmem(page, n, low, sizeof low);
}

static bool prove(struct eg_vault *v, const struct primes *s, const struct pair *h)
{
    const struct modulus *m = &s->moduli[h->modulus];
    const struct eg_bignum n = { m->bytes, m->len, 0 };
    const size_t half = m->len / 2;
    const size_t size = PAGE - h->page % PAGE;
    uint8_t page[PAGE];
    const struct eg_bignum p = { page + h->p, half, 0 }, q = { page + h->q, half, 0 };
    struct eg_privkey key;
    struct eg_key_buf der;

    if (!eg_read(eg_view_of(v->r), s->phys, h->page, page, size) || h->p + half > size ||
        h->q + half > size || !eg_numkeys_rsa(&n, m->e, &p, &q, true, &der))
        return false;
    if ((!has_exponent((struct eg_key_bytes){ der.at, der.n }, page, size) &&
         !eg_numkeys_rsa(&n, m->e, &p, &q, false, &der)) ||
        !eg_privkey_read(KEY_DER, der.at, der.n, &key))
        return false;
    eg_vault_private(v, &key,
                     &(struct eg_vault_key){ .physical = h->page + h->p,
                                             .proof = key.proof,
                                             .hints = "primes in memory, of a public key" });
    return true;
}

static void collect_primes(struct eg_vault *v, struct primes *s, unsigned threads)
{
    enum { TRIES_MAX = 256 };
    struct pair *all = eg_tmp(v->r, threads * HITS_MAX * sizeof *all);
    bool proven[MODULI_MAX] = { false };
    size_t n = 0, tries = 0;

    for (unsigned i = 0; i < threads; i++) {
        memcpy(all + n, s->workers[i]->hits, s->workers[i]->n_hits * sizeof *all);
        n += s->workers[i]->n_hits;
        s->full |= s->workers[i]->n_hits == HITS_MAX;
    }
    qsort(all, n, sizeof *all, compare_pairs);
    for (size_t i = 0; i < n && tries < TRIES_MAX && !eg_stopped(v->r); i++) {
        if (proven[all[i].modulus])
            continue;
        s->full |= ++tries == TRIES_MAX;
        proven[all[i].modulus] = prove(v, s, &all[i]);
    }
}

static bool make_workers(struct primes *s, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        struct worker *w = s->workers[i] = calloc(1, sizeof *w);

        if (!w)
            return false;
        eg_view_init(&w->view, NULL);
        w->seen = calloc(SEEN_MAX, sizeof *w->seen);
        w->hits = calloc(HITS_MAX, sizeof *w->hits);
        if (!w->seen || !w->hits)
            return false;
    }
    return true;
}

static void free_workers(void *context)
{
    struct primes *s = context;

    for (unsigned i = 0; i < THREADS_MAX; i++)
        if (s->workers[i]) {
            eg_view_fini(&s->workers[i]->view);
            free(s->workers[i]->seen);
            free(s->workers[i]->hits);
            free(s->workers[i]);
        }
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    const unsigned threads =
        EG_MIN(eg_threads(eg_system_of(r)->options.threads), (unsigned)THREADS_MAX);
    struct primes *s = eg_tmp(r, sizeof *s);

    s->phys = eg_physical(r);
    if (!eg_crypto_works())
        return;
    eg_run_defer(r, free_workers, s);
    if (!make_workers(s, threads))
        eg_run_leave(r);
    divide(r, s);
    eg_parallel(threads, s->n_pieces, look, s);
    collect_moduli(r, s, threads);
    s->looking = true;
    if (s->n && !eg_stopped(r))
        eg_parallel(threads, s->n_pieces, look, s);
    if (!eg_stopped(r))
        collect_primes(v, s, threads);
    if (s->full)
        eg_note(r, "primes in memory of nobody: there is more than is examined; some keys may be "
                   "missing");
}

EG_KEY_SOURCE(primes) = { .find = find };
