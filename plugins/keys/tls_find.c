/* tls_find.c - slots, sessions and randoms of TLS among other bytes. */
#include "tls_find.h"

const char *const eg_tls_label_names[TLS_LABELS] = {
    [TLS_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    [TLS_CLIENT] = "CLIENT_TRAFFIC_SECRET_0",
    [TLS_SERVER] = "SERVER_TRAFFIC_SECRET_0",
    [TLS_EXPORTER] = "EXPORTER_SECRET",
};

enum {
    VERSION = 0x0303,
    RUN_MIN = 4,       // blocks of 64 bytes that are filled alike
    DISTINCT_MIN = 20, // of 32 random bytes, 30 are different; fewer than this never happens
    AGAIN = 32,        // the name of a session, behind the randoms
    DENSE_MIN = TLS_MASTER + 2 * TLS_RANDOM,
};

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

/* Do 32 bytes look random? None of their words is zero: that happens once in 2^29. */
static bool is_random(const uint8_t *p)
{
    uint64_t seen[4] = { 0 };
    unsigned distinct = 0;

    for (unsigned i = 0; i < 32; i += 4)
        if (!load32(p + i))
            return false;
    for (unsigned i = 0; i < 32; i++) {
        distinct += !(seen[p[i] >> 6] >> (p[i] & 63) & 1);
        seen[p[i] >> 6] |= UINT64_C(1) << (p[i] & 63);
    }
    return distinct >= DISTINCT_MIN;
}

/* A size, a flag, half a pointer: one random word of ten thousand looks like that too. */
static bool is_plain(const uint8_t *p)
{
    const uint32_t w = load32(p);
    const unsigned zeros = !p[0] + !p[1] + !p[2] + !p[3];

    return zeros >= 2 || w == UINT32_MAX;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        if (load32(p + i))
            return false;
    return true;
}

/* ---- slices of Go ---- */

enum {
    CAPACITY_MAX = 1 << 16, // of the buffer of a message that a slice is part of
    NEAR = 12,              // words between slices of one function
};

static uint64_t word(const uint8_t *p, unsigned ptr)
{
    return ptr == 8 ? load64(p) : load32(p);
}

bool eg_tls_is_slice(const uint8_t *window, size_t len, size_t at, unsigned ptr, size_t n)
{
    uint64_t cap;

    if (at > len || len - at < 3 * (size_t)ptr || word(window + at, ptr) < 0x1000 ||
        word(window + at + ptr, ptr) != n)
        return false;
    cap = word(window + at + 2 * ptr, ptr);
    return cap >= n && cap < CAPACITY_MAX;
}

/* A direction of a connection ends with its secret; before it is what comes next in TLS 1.2, a
 * cipher and a MAC of two words each, and perhaps the number of a level of encryption. */
static bool is_traffic(const uint8_t *window, size_t at, unsigned ptr)
{
    for (size_t i = 2; i <= 5 && i * ptr <= at; i++)
        if (word(window + at - i * ptr, ptr) > (i == 2 ? 3 : 0))
            return false;
    return true;
}

/* What exports keys of TLS 1.2 has the master secret and both randoms. */
static bool is_exporter(const uint8_t *window, size_t len, size_t at, unsigned ptr)
{
    const size_t from = at > NEAR * (size_t)ptr ? at - NEAR * (size_t)ptr : at % ptr;
    const size_t to = EG_MIN(at + NEAR * (size_t)ptr, len);
    unsigned randoms = 0;

    for (size_t i = from; i < to; i += ptr)
        randoms += eg_tls_is_slice(window, len, i, ptr, TLS_RANDOM);
    // Some may be behind a border.
    return randoms >= 2 || from < ptr || len - to < 3 * (size_t)ptr;
}

unsigned eg_tls_slice(const uint8_t *window, size_t len, size_t at, unsigned ptr)
{
    const uint64_t n = word(window + at, ptr);
    const uint64_t cap = len - at >= 2 * (size_t)ptr ? word(window + at + ptr, ptr) : n;
    unsigned what = 0;

    if ((n != 32 && n != 48) || cap < n || cap >= CAPACITY_MAX ||
        (at >= ptr && word(window + at - ptr, ptr) < 0x1000))
        return 0;
    if (cap == n && is_traffic(window, at, ptr))
        what |= TLS_TRAFFIC;
    if (n == TLS_MASTER && is_exporter(window, len, at, ptr))
        what |= TLS_MASTER_SLICE;
    return what;
}

/* ---- the first look ---- */

/* 64 bytes, and those 64 bytes further on, are filled alike. */
struct run {
    size_t start, n;
    unsigned mask;
};

/* Words that are none of pointers, sizes or texts? */
static bool is_dense(const uint8_t *p)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < 32; i += 8) {
        const uint64_t w = load64(p + i);

        if (!(w >> 48) || !(uint32_t)w)
            return false;
        all |= w;
    }
    all &= UINT64_C(0x8080808080808080);
    return __builtin_popcountll(all) >= 4;
}

/* Bytes of a run that are filled look random: those between the first words that are zero. */
static bool run_is_random(const uint8_t *block, unsigned mask)
{
    unsigned checked = 0;

    for (unsigned i = 0; i < 8; i++) {
        // The word before and behind a gap may be half of it.
        if (mask >> i & 1 || mask >> ((i + 1) % 8) & 1 || mask >> ((i + 7) % 8) & 1)
            continue;
        if (!(load64(block + 8 * i) >> 48) || !load32(block + 8 * i))
            return false;
        checked++;
    }
    return checked > 0;
}

static void end_run(const uint8_t *p, size_t len, const struct run *r, eg_tls_each *each,
                    void *context)
{
    const bool cut = r->start < TLS_SLOT || r->start + TLS_SLOT * r->n + TLS_SLOT > len;

    if (r->n >= (cut ? 2 : RUN_MIN) && run_is_random(p + r->start, r->mask))
        each(context, r->start, TLS_SLOTS);
}

/* Where the bytes around @at that are not plain begin; SIZE_MAX: they are too many or too few. */
static size_t dense_start(const uint8_t *p, size_t len, size_t at)
{
    size_t from = at, to = at + 32;

    while (from >= 4 && at - from <= DENSE_MIN + AGAIN && !is_plain(p + from - 4))
        from -= 4;
    while (to + 4 <= len && to - from <= DENSE_MIN + AGAIN && !is_plain(p + to))
        to += 4;
    // What the piece cuts off may follow.
    if (from < 4 || to + 4 > len)
        return to - from <= DENSE_MIN + AGAIN ? from : SIZE_MAX;
    return to - from == DENSE_MIN || to - from == DENSE_MIN + AGAIN ? from : SIZE_MAX;
}

void eg_tls_look(const uint8_t *bytes, size_t len, unsigned ptr, eg_tls_each *each, void *context)
{
    struct run run = { 0 };
    uint64_t last = VERSION; // what is before the first word is not known
    size_t told = SIZE_MAX;

    for (size_t at = 0; at + TLS_SLOT <= len; at += TLS_SLOT) {
        const uint8_t *p = bytes + at;
        uint64_t w[8];
        unsigned mask = 0;

        for (unsigned i = 0; i < 8; i++) {
            w[i] = load64(p + 8 * i);
            mask |= (unsigned)!w[i] << i;
        }
        if (mask == 0xff) {
            if (run.n)
                end_run(bytes, len, &run, each, context);
            run.n = 0;
            last = 0;
            continue;
        }
        for (unsigned i = 0; i < 8; last = w[i++]) {
            for (unsigned k = 0; k < 8; k += ptr) {
                const uint64_t n = ptr == 8 ? w[i] : (uint32_t)(w[i] >> 8 * k);

                if ((n == 32 || n == 48) && eg_tls_slice(bytes, len, at + 8 * i + k, ptr))
                    each(context, at + 8 * i + k, TLS_SLICE);
            }
            if (ptr == 8 && w[i] == TLS_MASTER && last == VERSION)
                each(context, at + 8 * i, TLS_SESSION);
            if (ptr == 4 && w[i] == ((uint64_t)TLS_MASTER << 32 | VERSION))
                each(context, at + 8 * i + 4, TLS_SESSION);
            if (ptr == 4 && (uint32_t)w[i] == TLS_MASTER && last >> 32 == VERSION)
                each(context, at + 8 * i, TLS_SESSION);
        }
        if (run.n && mask == run.mask) {
            run.n++;
        } else {
            if (run.n)
                end_run(bytes, len, &run, each, context);
            run = (struct run){ at, mask != 0, mask };
        }
        for (unsigned half = 0; half < TLS_SLOT; half += 32) {
            size_t start;

            if (mask >> half / 8 & 15 || !is_dense(p + half))
                continue;
            start = dense_start(bytes, len, at + half);
            if (start != SIZE_MAX && start != told)
                each(context, told = start, TLS_DENSE);
        }
    }
    if (run.n)
        end_run(bytes, len, &run, each, context);
}

/* ---- slots ---- */

/* How much of a slot is filled: 32, 48; 0: it is none. */
static size_t filled(const uint8_t *p)
{
    const size_t n = is_zero(p + 32, 16) ? 32 : 48;

    if (!load64(p) || !is_zero(p + n, TLS_SLOT - n) || !is_random(p))
        return 0;
    // 16 bytes more, of which the last 32 look random
    return n == 32 || is_random(p + 16) ? n : 0;
}

bool eg_tls_slots(const uint8_t *window, size_t len, size_t from, struct eg_tls_slots *out)
{
    out->n = 0;
    for (size_t at = from; at < from + TLS_SLOT && at + TLS_SLOT <= len; at += 4) {
        const size_t hash = filled(window + at);
        struct eg_tls_slots s = { at, 1, hash };

        if (!hash)
            continue;
        while (s.at >= TLS_SLOT && s.n < TLS_SLOTS_MAX &&
               filled(window + s.at - TLS_SLOT) == hash) {
            s.at -= TLS_SLOT;
            s.n++;
        }
        while (s.at + TLS_SLOT * (s.n + 1) <= len && s.n < TLS_SLOTS_MAX &&
               filled(window + s.at + TLS_SLOT * s.n) == hash)
            s.n++;
        if (s.n > out->n)
            *out = s;
    }
    return out->n >= 3;
}

struct derive {
    const uint8_t *slots;
    size_t n, hash;
    uint32_t *budget;
};

static const uint8_t *slot(const struct derive *d, size_t i)
{
    return d->slots + TLS_SLOT * i;
}

static bool expand(struct derive *d, const uint8_t *secret, const char *label,
                   const uint8_t *context, uint8_t *out)
{
    if (!*d->budget)
        return false;
    --*d->budget;
    return eg_tls_expand(d->hash, secret, label, context, context ? d->hash : 0, out, d->hash);
}

static int slot_of(const struct derive *d, const uint8_t *secret)
{
    for (size_t i = 0; i < d->n; i++)
        if (!memcmp(slot(d, i), secret, d->hash))
            return (int)i;
    return -1;
}

/* What follows from a master secret and a digest; one of them must be there, and only a key update
 * takes the others away. */
static bool follows(struct derive *d, size_t master, size_t digest, struct eg_tls13 *out)
{
    static const char *const labels[TLS_LABELS] = {
        [TLS_CLIENT] = "c ap traffic", [TLS_SERVER] = "s ap traffic", [TLS_EXPORTER] = "exp master"
    };
    bool any = false;

    for (int i = TLS_CLIENT; i < TLS_LABELS; i++) {
        if (!expand(d, slot(d, master), labels[i], slot(d, digest), out->secret[i]))
            return false;
        out->slot[i] = slot_of(d, out->secret[i]);
        any |= out->slot[i] >= 0;
    }
    return any;
}

/* The secret that the master secret follows from, and a digest from which both lead to a key of a
 * Finished message that is there. */
static bool find_handshake(struct derive *d, struct eg_tls13 *out)
{
    uint8_t next[TLS_HASH_MAX], finished[TLS_HASH_MAX];
    size_t handshake = d->n;

    for (size_t i = 0; i < d->n && handshake == d->n; i++)
        if (eg_tls_next(d->hash, slot(d, i), next) &&
            !memcmp(next, slot(d, (size_t)out->master), d->hash))
            handshake = i;
    for (size_t i = 0; i < d->n && handshake < d->n; i++) {
        bool any = false;

        for (int k = TLS_CLIENT_HANDSHAKE; k <= TLS_SERVER_HANDSHAKE; k++) {
            if (!expand(d, slot(d, handshake), k ? "s hs traffic" : "c hs traffic", slot(d, i),
                        out->secret[k]) ||
                !expand(d, out->secret[k], "finished", NULL, finished))
                return false;
            out->slot[k] = slot_of(d, out->secret[k]);
            any |= slot_of(d, finished) >= 0 || out->slot[k] >= 0;
        }
        if (any) {
            memcpy(out->hellos, slot(d, i), d->hash);
            return true;
        }
    }
    return false;
}

bool eg_tls13_prove(const uint8_t *slots, size_t n, size_t hash, uint32_t *budget,
                    struct eg_tls13 *out)
{
    struct derive d = { slots, EG_MIN(n, (size_t)TLS_SLOTS_MAX), hash, budget };

    for (size_t i = 0; i < d.n; i++)
        for (size_t k = 0; k < d.n; k++)
            if (i != k && follows(&d, i, k, out)) {
                out->master = (int)i;
                out->has_handshake = find_handshake(&d, out);
                return true;
            }
    return false;
}

/* ---- master secrets and randoms ---- */

bool eg_tls_is_random(const uint8_t *p)
{
    return is_random(p);
}

bool eg_tls_is_master(const uint8_t *p, size_t room)
{
    return room >= TLS_MASTER && is_random(p) && is_random(p + TLS_MASTER - 32) &&
           (room < TLS_MASTER + 4 || is_plain(p + TLS_MASTER));
}

/* Do @n random bytes lie here, and no more? */
static bool is_exact(const uint8_t *w, size_t len, size_t at, size_t n)
{
    if (n > len - at || (len - at >= n + 4 && !is_plain(w + at + n)))
        return false;
    for (size_t i = 0; i + 32 <= n; i += 32)
        if (!is_random(w + at + i))
            return false;
    return is_random(w + at + n - 32);
}

bool eg_tls_randoms(const uint8_t *window, size_t len, bool master, size_t *at)
{
    const size_t n = 2 * TLS_RANDOM + (master ? TLS_MASTER : 0);

    for (size_t i = *at; i + n <= len; i += 4) {
        if (is_plain(window + i) || (i >= 4 && !is_plain(window + i - 4)))
            continue;
        if (is_exact(window, len, i, n) || is_exact(window, len, i, n + AGAIN)) {
            *at = i;
            return true;
        }
    }
    return false;
}
