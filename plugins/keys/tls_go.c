/* tls_go.c - connections of Go's crypto/tls. Each direction of one of TLS 1.3 keeps its traffic
 * secret beside its cipher, which has the initialization vector that follows from it. Of TLS 1.2 a
 * function that exports keys has the master secret and both randoms. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "tls_own.h"

/* One direction of a connection. */
struct eg_tls_half {
    uint64_t at, secret_at; // of the slice; of its bytes
    size_t hash;
    uint8_t secret[TLS_HASH_MAX];
};

enum {
    IV = 12,
    AROUND = 16 * 8,   // bytes before and behind a slice that are looked at
    TARGET = 32,       // in the first bytes of a cipher is its vector
    CONNECTION = 1024, // bytes of a connection that are before its first direction's secret
    HALF_MAX = 512,
    COST = 8, // of a look, in secrets that are computed in that time
};

static bool looks_random(const uint8_t *p, size_t n)
{
    return eg_tls_is_random(p) && eg_tls_is_random(p + n - 32);
}

static bool spend(struct eg_tls *t)
{
    t->budget -= EG_MIN(t->budget, (uint32_t)COST);
    return t->budget > 0;
}

/* Does what follows from the secret lie in what a word before the slice points to? */
static bool vector_in_use(struct eg_tls *t, const uint8_t *before, const struct eg_tls_half *h)
{
    const unsigned ptr = t->p->user->ptr;
    uint8_t iv[IV], target[TARGET];

    if (!eg_tls_expand(h->hash, h->secret, "iv", NULL, 0, iv, IV))
        return false;
    for (size_t i = 0; i < AROUND; i += ptr) {
        const uint64_t w = linux_user_load(t->p->user, before + i);

        if (w % 4 || !linux_user_range(t->p->user, w))
            continue;
        eg_tls_read(t, w, target, TARGET);
        for (size_t k = 0; k + IV <= TARGET; k += 4)
            if (!memcmp(target + k, iv, IV))
                return true;
    }
    return false;
}

/* The master secret's slice is at @window + AROUND; two more have the randoms. */
static void take_master(struct eg_tls *t, const uint8_t *window, const struct eg_tls_half *h)
{
    const unsigned ptr = t->p->user->ptr;
    struct eg_tls_pair pair = { .at = h->at, .client = -1 };
    struct eg_tls_connection *c;
    unsigned n = 0;

    for (size_t i = 0; i < 2 * AROUND && n < 2; i += ptr) {
        uint64_t target;

        if (!eg_tls_is_slice(window, 2 * AROUND, i, ptr, TLS_RANDOM))
            continue;
        target = linux_user_load(t->p->user, window + i);
        if (!linux_user_range(t->p->user, target))
            continue;
        eg_tls_read(t, target, pair.random[n], TLS_RANDOM);
        n += eg_tls_is_random(pair.random[n]);
    }
    c = n == 2 && memcmp(pair.random[0], pair.random[1], TLS_RANDOM) ? eg_tls_connection_new(t)
                                                                     : NULL;
    if (!c)
        return;
    c->sort = TLS_12;
    c->at = h->secret_at;
    memcpy(c->master, h->secret, TLS_MASTER);
    c->pairs[c->n_pairs++] = pair;
}

void eg_tls_take_slice(struct eg_tls *t, uint64_t at)
{
    const unsigned ptr = t->p->user->ptr;
    struct eg_tls_half h = { .at = at - ptr };
    uint8_t window[2 * AROUND];
    unsigned what;

    if (at < AROUND || !spend(t))
        return;
    eg_tls_read(t, h.at - AROUND, window, sizeof window);
    what = eg_tls_slice(window, sizeof window, AROUND + ptr, ptr);
    h.secret_at = linux_user_load(t->p->user, window + AROUND);
    h.hash = (size_t)linux_user_load(t->p->user, window + AROUND + ptr);
    if (!what || !linux_user_range(t->p->user, h.secret_at))
        return;
    eg_tls_read(t, h.secret_at, h.secret, h.hash);
    if (!looks_random(h.secret, h.hash))
        return;
    if (what & TLS_TRAFFIC && vector_in_use(t, window, &h)) {
        t->halves = eg_grow(t->v->r, t->halves, t->n_halves, &t->cap_halves, sizeof *t->halves);
        t->halves[t->n_halves++] = h;
    } else if (what & TLS_MASTER_SLICE) {
        take_master(t, window, &h);
    }
}

/* A connection begins with two words, whether it is the client's, and what makes its handshake: a
 * function bound to the connection, so a pointer to code and the connection's own address.
 * @return 1, 0; -1: there is none. */
static int is_client(struct eg_tls *t, uint64_t at)
{
    const unsigned ptr = t->p->user->ptr;
    uint8_t words[CONNECTION];
    const uint64_t from = at - CONNECTION;

    if (at < CONNECTION || !spend(t))
        return -1;
    eg_tls_read(t, from, words, sizeof words);
    for (size_t i = CONNECTION - ptr; i >= 3 * ptr; i -= ptr) {
        const uint64_t bound = linux_user_load(t->p->user, words + i);
        uint64_t self;

        if (bound % ptr || !linux_user_range(t->p->user, bound) ||
            !linux_user_word(t->p->user, bound + ptr, &self) || self != from + i - 3 * ptr)
            continue;
        return words[i - ptr] <= 1 ? words[i - ptr] : -1;
    }
    return -1;
}

void eg_tls_take_halves(struct eg_tls *t)
{
    for (size_t i = 0; i + 1 < t->n_halves && t->budget; i++) {
        const struct eg_tls_half *in = &t->halves[i], *out = in + 1;
        struct eg_tls_connection *c;
        int client;

        if (out->at <= in->at || out->at - in->at > HALF_MAX || in->hash != out->hash)
            continue;
        client = is_client(t, in->at);
        c = client < 0 ? NULL : eg_tls_connection_new(t);
        if (!c)
            continue;
        c->sort = TLS_13_GO;
        c->at = in->at;
        c->n = 2;
        c->hash = in->hash;
        // What a client sends is encrypted under the client's secret.
        memcpy(c->slots[client], in->secret, in->hash);
        memcpy(c->slots[!client], out->secret, in->hash);
        c->secret[client] = in->secret_at;
        c->secret[!client] = out->secret_at;
        t->n_go++;
        i++;
    }
}
