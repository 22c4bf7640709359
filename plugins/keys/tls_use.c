/* tls_use.c - are the write keys of connections in use, and which random is the client's? One pass
 * over the process's memory answers both. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "tls_own.h"

enum {
    NEEDLE = 16, // bytes of a key: whole, or the first half, with which each schedule begins
    NEEDLES_MAX = 1 << 20,
    HELLO = 6, // bytes of a Hello message before its random: type, length, version
    HELLO_MAX = 1 << 12,
    BLOCK = 164, // of a key block: two MAC keys of SHA-384, two keys, and what is behind
    FILTER_BITS = 16,
    ORDERS = 2, // of a key's bytes
    EDGE = 4,
    SAME_MAX = 64, // keys of connections that begin alike: copies of one
};
static const uint32_t NONE = UINT32_MAX; // no other one

struct needle {
    uint8_t bytes[NEEDLE];
    uint32_t connection, next; // next: another with the same first bytes
    uint32_t same;             // of the first one: how many
    uint8_t slot;              // of TLS 1.3
    uint8_t pair, client;      // of TLS 1.2
    uint8_t hash, part;
    uint8_t key_len; // of TLS 1.3
    // of TLS 1.2, what the key block has right before it, and behind a key of 32 bytes
    uint8_t before[EDGE], behind[EDGE];
};
struct random {
    uint32_t connection, next, same;
    uint8_t pair, which;
};
struct search {
    struct eg_tls *t;
    struct needle *needles;
    size_t n_needles, cap_needles;
    struct random *randoms;
    size_t n_randoms, cap_randoms;
    struct eg_map *by_key, *by_random; // first 8 bytes → number
    uint8_t filter[1 << (FILTER_BITS - 3)];
};

static uint32_t filter_bit(const uint8_t *p)
{
    uint32_t w;

    memcpy(&w, p, 4);
    return w * UINT32_C(2654435761) >> (32 - FILTER_BITS);
}

static void number(struct search *s, struct eg_map *map, const uint8_t *bytes, size_t i)
{
    if (eg_map_add(map, eg_le64(bytes), i) < 0)
        eg_run_leave(s->t->v->r);
}

static void add_needle(struct search *s, const struct needle *n, const uint8_t *key)
{
    uint64_t first;

    for (unsigned order = 0; order < ORDERS; order++) {
        struct needle *e;
        uint32_t bit;

        if (s->n_needles == NEEDLES_MAX)
            return;
        s->needles =
            eg_grow(s->t->v->r, s->needles, s->n_needles, &s->cap_needles, sizeof *s->needles);
        e = &s->needles[s->n_needles];
        *e = *n;
        e->next = NONE;
        e->same = 0;
        // A program without AES instructions reads a key as big-endian words.
        for (unsigned i = 0; i < NEEDLE; i++)
            e->bytes[i] = key[order ? i ^ 3 : i];
        if (eg_map_get(s->by_key, eg_le64(e->bytes), &first)) {
            if (s->needles[first].same++ >= SAME_MAX)
                continue;
            e->next = s->needles[first].next;
            s->needles[first].next = (uint32_t)s->n_needles;
        } else {
            number(s, s->by_key, e->bytes, s->n_needles);
        }
        bit = filter_bit(e->bytes);
        s->filter[bit / 8] |= (uint8_t)(1u << bit % 8);
        s->n_needles++;
    }
}

static void keys_of_slots(struct search *s, uint32_t which)
{
    const struct eg_tls_connection *c = s->t->of[which];
    uint8_t key[32];

    for (size_t i = 0; i < c->n; i++)
        for (unsigned len = 16; len <= 32; len += 16) {
            const struct needle n = { .connection = which,
                                      .slot = (uint8_t)i,
                                      .key_len = (uint8_t)len };

            if (!s->t->budget)
                return;
            s->t->budget--;
            if (eg_tls_expand(c->hash, c->slots[i], "key", NULL, 0, key, len))
                add_needle(s, &n, key);
        }
}

/* The key block has two MAC keys, which an AEAD has not, and two write keys of 16 or 32 bytes.
 * Behind the MACs' the client's write key begins at 0, the server's at 16 or 32. */
static const uint8_t macs[] = { 0, 20, 32, 48 };
enum { PARTS = 3 };

static size_t part_at(unsigned part)
{
    return 2u * macs[part / PARTS] + (size_t)NEEDLE * (part % PARTS);
}

static void keys_of_block(struct search *s, uint32_t which, uint8_t pair, uint8_t client)
{
    const struct eg_tls_connection *c = s->t->of[which];
    const struct eg_tls_pair *p = &c->pairs[pair];
    uint8_t seed[2 * TLS_RANDOM], block[BLOCK];

    memcpy(seed, p->random[!client], TLS_RANDOM);
    memcpy(seed + TLS_RANDOM, p->random[client], TLS_RANDOM);
    for (unsigned hash = 32; hash <= 48; hash += 16) {
        if (!s->t->budget)
            return;
        s->t->budget--;
        if (!eg_tls_prf(hash, c->master, "key expansion", seed, sizeof seed, block, sizeof block))
            return;
        for (uint8_t i = 0; i < countof(macs) * PARTS; i++) {
            const size_t at = part_at(i);
            struct needle n = { .connection = which,
                                .pair = pair,
                                .client = client,
                                .hash = (uint8_t)hash,
                                .part = i };

            if (at)
                memcpy(n.before, block + at - EDGE, EDGE);
            memcpy(n.behind, block + at + 2 * NEEDLE, EDGE);
            add_needle(s, &n, block + at);
        }
    }
}

/* MAC keys and initialization vectors may be kept too: what counts is where both write keys are.
 * The digests that the key block was made of may be left, each alone: a key that begins where one
 * does says less. */
static void judge(struct eg_tls_used *used, size_t hash)
{
    used->key_len = 1;
    for (unsigned try = 0; try < 2 * countof(macs); try++) {
        const unsigned i = countof(macs) - 1 - try % countof(macs);
        const unsigned parts = used->parts >> PARTS * i & 7;
        bool sure = try >= countof(macs);

        for (unsigned k = 0; k < PARTS; k++)
            sure |= (parts >> k & 1) && part_at(PARTS * i + k) % hash;
        if (!(parts & 1) || !(parts & 6) || !sure)
            continue;
        used->key_len = parts & 2 ? 16 : 32;
        used->cbc = macs[i] > 0;
        return;
    }
}

static void add_randoms(struct search *s, uint32_t which)
{
    struct eg_tls_connection *c = s->t->of[which];
    uint64_t first;

    for (uint8_t i = 0; i < c->n_pairs; i++)
        for (uint8_t k = 0; k < 2; k++) {
            struct random *r;

            s->randoms =
                eg_grow(s->t->v->r, s->randoms, s->n_randoms, &s->cap_randoms, sizeof *s->randoms);
            r = &s->randoms[s->n_randoms];
            *r = (struct random){ which, NONE, 0, i, k };
            if (eg_map_get(s->by_random, eg_le64(c->pairs[i].random[k]), &first)) {
                if (s->randoms[first].same++ >= SAME_MAX)
                    continue;
                r->next = s->randoms[first].next;
                s->randoms[first].next = (uint32_t)s->n_randoms;
            } else {
                number(s, s->by_random, c->pairs[i].random[k], s->n_randoms);
            }
            s->n_randoms++;
        }
}

/* ---- the search ---- */

/* Is it the second half of a key of 32 bytes, whose first half is the part before? */
static bool is_second_half(const struct search *s, uint32_t i, const uint8_t *p, size_t before)
{
    return s->needles[i].part % PARTS == 1 && before >= NEEDLE && i >= ORDERS &&
           !memcmp(p - NEEDLE, s->needles[i - ORDERS].bytes, NEEDLE);
}

/* Does what was found lie in a copy of the key block? That has all parts, whatever is in use. */
static bool in_block(const struct needle *n, const uint8_t *p, size_t before, size_t len)
{
    if (part_at(n->part) && before >= EDGE && !memcmp(p - EDGE, n->before, EDGE))
        return true;
    return len >= 2 * NEEDLE + EDGE && !memcmp(p + 2 * NEEDLE, n->behind, EDGE);
}

/* @before: bytes that can be read there; @len: at @p. */
static void key_found(struct search *s, const uint8_t *p, size_t before, size_t len)
{
    uint64_t first;

    if (!eg_map_get(s->by_key, eg_le64(p), &first))
        return;
    for (uint32_t i = (uint32_t)first; i != NONE; i = s->needles[i].next) {
        const struct needle *n = &s->needles[i];
        struct eg_tls_connection *c = s->t->of[n->connection];
        struct eg_tls_used *used = &c->used[c->sort == TLS_12 ? 0 : n->slot];

        if (memcmp(n->bytes, p, NEEDLE) != 0)
            continue;
        if (c->sort == TLS_12 && is_second_half(s, i, p, before))
            continue;
        used->key_len = EG_MAX(used->key_len, n->key_len);
        if (c->sort == TLS_12) {
            c->pair = n->pair;
            c->client = n->client;
            c->hash = n->hash;
            if (!in_block(n, p, before, len))
                used->parts |= (uint16_t)(1u << n->part);
            judge(used, c->hash);
        }
    }
}

/* A Hello message with a random that is known: at @p, which has the random too. */
static void hello_found(struct search *s, const uint8_t *p, uint64_t at)
{
    uint64_t first;

    if (!eg_map_get(s->by_random, eg_le64(p + HELLO), &first))
        return;
    for (uint32_t i = (uint32_t)first; i != NONE; i = s->randoms[i].next) {
        const struct random *r = &s->randoms[i];
        struct eg_tls_pair *pair = &s->t->of[r->connection]->pairs[r->pair];

        if (memcmp(pair->random[r->which], p + HELLO, TLS_RANDOM) != 0)
            continue;
        pair->client = (int8_t)(p[0] == 1 ? r->which : !r->which);
        pair->hello[p[0] == 1 ? 0 : 1] = at;
        pair->hello_len[p[0] == 1 ? 0 : 1] = 4 + ((uint32_t)p[2] << 8 | p[3]);
    }
}

/* A ClientHello message at @p, whoever's it is. */
static void note_hello(struct eg_tls *t, const uint8_t *p, const uint8_t *end)
{
    enum { NAME = HELLO + TLS_RANDOM, LONGEST = 32 }; // the session's name, behind its length
    const uint8_t *ciphers;
    size_t len;

    if (!t->n_go || t->n_hellos > TLS_HELLOS_MAX || p[0] != 1 || end - p < NAME + LONGEST + 3 ||
        p[NAME] > LONGEST || !eg_tls_is_random(p + HELLO))
        return;
    ciphers = p + NAME + 1 + p[NAME];
    len = (size_t)ciphers[0] << 8 | ciphers[1];
    if (!len || len % 2 || len > ((size_t)p[2] << 8 | p[3]))
        return;
    for (unsigned i = 0; i < t->n_hellos; i++)
        if (!memcmp(t->hello[i], p + HELLO, TLS_RANDOM))
            return;
    if (t->n_hellos < TLS_HELLOS_MAX)
        memcpy(t->hello[t->n_hellos], p + HELLO, TLS_RANDOM);
    t->n_hellos++;
}

/* What Go's handshake used is left until its memory is used again: objects of 32 or 48 bytes. */
static void note_loose(struct eg_tls *t, const struct linux_user_piece *piece)
{
    for (size_t i = (16 - piece->at % 16) % 16;
         i + TLS_RANDOM <= piece->len && t->loose.n < TLS_LOOSE_MAX; i += 16)
        if (eg_tls_is_random(piece->bytes + i))
            linux_addresses_add(t->p->user, &t->loose, piece->at + i);
}

static void search_piece(struct search *s, const struct linux_user_piece *piece)
{
    const uint8_t *p = piece->bytes, *const end = p + piece->len;

    for (size_t i = 0; i + NEEDLE <= piece->len; i += 4) {
        const uint32_t bit = filter_bit(p + i);

        if (s->filter[bit / 8] >> bit % 8 & 1)
            key_found(s, p + i, i, piece->len - i);
    }
    // 01 00 xx xx 03 03: a message of less than 64 KiB, whose version is that of TLS 1.2
    while (end - p >= HELLO + TLS_RANDOM - 4 && (p = memchr(p, 3, (size_t)(end - p)))) {
        if (p - piece->bytes >= 4 && end - p >= HELLO + TLS_RANDOM - 4 && p[1] == 3 &&
            (p[-4] == 1 || p[-4] == 2) && !p[-3]) {
            hello_found(s, p - 4, piece->at + (uint64_t)(p - 4 - piece->bytes));
            note_hello(s->t, p - 4, end);
        }
        p++;
    }
}

void eg_tls_use(struct eg_tls *t)
{
    struct eg_run *r = t->v->r;
    struct search *s = eg_tmp(r, sizeof *s);
    struct linux_user_piece piece = { 0 };

    s->t = t;
    s->by_key = eg_run_map(r);
    s->by_random = eg_run_map(r);
    for (uint32_t i = 0; i < t->n && !eg_stopped(r); i++) {
        const struct eg_tls_connection *c = t->of[i];

        add_randoms(s, i);
        if (c->sort != TLS_12)
            keys_of_slots(s, i);
        for (uint8_t k = 0; c->sort == TLS_12 && k < c->n_pairs; k++) {
            keys_of_block(s, i, k, 0);
            keys_of_block(s, i, k, 1);
        }
    }
    while (linux_user_next(t->p->user, false, &piece)) {
        search_piece(s, &piece);
        if (t->n_go && t->v->capture)
            note_loose(t, &piece);
    }
}
