/* numbers.c - private keys that programs have only as numbers: libraries read a file into numbers,
 * and forget the file. Of each process those numbers are gathered to which a structure of a library
 * points, and what they are of each other says which are keys. */
#include "numbers.h"
#include "../../core/space.h"
#include "../linux/sched/task.h"
#include "crypto.h"
#include "limbs.h"
#include "numkeys.h"
#include <stdlib.h>

enum {
    PLACES_MAX = 1 << 18, // of one process
    RAWS_MAX = 1 << 13,
    RAW_BEFORE = 64, // a public key is not further away
};

/* A private key of 32, 56, 57 or 64 bytes, by the structure that points to it. */
struct raw {
    uint64_t at, from; // where it is, and what points to it
    uint32_t len;
};
struct gathering {
    struct eg_run *r;
    eg_private_each *each;
    void *context;
    struct eg_key_process p;
    struct eg_bignums numbers;
    struct eg_limbs *places;
    size_t n, cap;
    struct raw *raws;
    size_t n_raws, cap_raws, raws_left;
    struct eg_numkeys_left left;
    bool endless, full;
};

/* ---- places ---- */

static bool is_own(const struct gathering *g, uint64_t at)
{
    return linux_user_range(g->p.user, at) != NULL;
}

static void keep_raw(struct gathering *g, uint64_t at, uint64_t from, uint32_t len)
{
    if (!is_own(g, at))
        return;
    if (g->n_raws == RAWS_MAX) {
        g->full = true;
        return;
    }
    g->raws = eg_grow(g->r, g->raws, g->n_raws, &g->cap_raws, sizeof *g->raws);
    g->raws[g->n_raws++] = (struct raw){ at, from, len };
}

/* libcrypto's struct ecx_key_st: a public key, of 57 bytes whatever its algorithm, before the
 * pointer to the private one; behind that, since OpenSSL 3, its length. GnuTLS's parameters: two
 * pointers, each with a length. Go's slice of a seed and a public key: 64 bytes, twice. */
static void try_raw(struct gathering *g, const struct linux_user_piece *p, size_t at)
{
    const struct linux_user *u = g->p.user;
    const size_t w = u->ptr;
    const uint8_t *b = p->bytes + at;
    const uint64_t pointer = linux_user_load(u, b);
    uint64_t behind;

    if (at >= RAW_BEFORE && eg_le64(b - 40) && !eg_le64(b - 24) && !eg_le64(b - 16) &&
        !eg_le32(b - 8))
        keep_raw(g, pointer, p->at + at, 32);
    if (at + 4 * w > p->len)
        return;
    behind = linux_user_load(u, b + w);
    if (at >= RAW_BEFORE && (behind == 56 || behind == 57))
        keep_raw(g, pointer, p->at + at, (uint32_t)behind);
    if ((uint32_t)behind == 32 && eg_le32(b + 3 * w) == 32) {
        keep_raw(g, pointer, p->at + at, 32);
        keep_raw(g, linux_user_load(u, b + 2 * w), p->at + at + 2 * w, 32);
    }
    if (behind == 64 && linux_user_load(u, b + 2 * w) == 64)
        keep_raw(g, pointer, p->at + at, 64);
}

static void add_public(void *context, struct eg_key_bytes n, struct eg_key_bytes e)
{
    struct gathering *g = context;

    (void)e;
    eg_bignums_add_be(&g->numbers, 0, n.at, n.n);
}

static void gather(struct gathering *g, const struct linux_user_piece *p)
{
    const struct linux_user *u = g->p.user;
    struct eg_limbs found[LIMBS_LAYOUTS];

    for (size_t at = 0; at + u->ptr <= p->len; at += u->ptr) {
        const uint64_t pointer = linux_user_load(u, p->bytes + at);
        size_t n;

        if (pointer < EG_VIEW_PAGE || pointer >> 48 || pointer % u->ptr)
            continue;
        n = eg_limbs_at(p->bytes, p->len, at, u->ptr, found);
        for (size_t i = 0; i < n && is_own(g, pointer); i++) {
            if (g->n == PLACES_MAX) {
                g->full = true;
                break;
            }
            g->places = eg_grow(g->r, g->places, g->n, &g->cap, sizeof *g->places);
            g->places[g->n++] = found[i];
        }
        try_raw(g, p, at);
    }
    eg_numkeys_public(p->bytes, p->len, add_public, g);
}

/* ---- what is there ---- */

static int compare(const void *a_, const void *b_)
{
    const struct eg_limbs *a = a_, *b = b_;

    return a->at != b->at ? (a->at < b->at ? -1 : 1)
                          : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static bool read_at(const struct gathering *g, uint64_t at, void *out, size_t len)
{
    return eg_read(eg_view_of(g->r), g->p.user->space, at, out, len);
}

static void read_numbers(struct gathering *g)
{
    uint8_t bytes[LIMBS_MAX];

    if (g->n)
        qsort(g->places, g->n, sizeof *g->places, compare);
    for (size_t i = 0; i < g->n && !eg_stopped(g->r); i++)
        if ((!i || compare(&g->places[i - 1], &g->places[i]) != 0) &&
            read_at(g, g->places[i].at, bytes, g->places[i].bytes))
            eg_bignums_add(&g->numbers, g->places[i].at, bytes, g->places[i].bytes);
    eg_bignums_sort(&g->numbers);
}

static void add(struct gathering *g, const struct eg_key_buf *der, struct eg_vault_key *place)
{
    struct eg_privkey key;

    place->process = &g->p;
    if (!eg_privkey_read(KEY_DER, der->at, der->n, &key))
        return;
    if (!place->proof)
        place->proof = key.proof;
    g->each(g->context, &key, place);
}

static void add_number(void *context, const struct eg_numkey *key)
{
    struct gathering *g = context;
    struct eg_vault_key place = { .at = key->at };

    if (key->assumed) {
        place.proof = "n = p q";
        place.hints = "as numbers; no exponent is in memory, e is taken to be 65537";
    } else {
        place.hints = "as numbers";
    }
    add(g, &key->der, &place);
}

static void read_raw(struct gathering *g, const struct raw *raw)
{
    uint8_t private[64], around[RAW_BEFORE + 64];
    const size_t half = raw->len == 64 ? 32 : raw->len;
    size_t n = 0;
    struct eg_key_buf der = { 0 };
    uint64_t other;

    if (!read_at(g, raw->at, private, raw->len) || !eg_bytes_random(private, half))
        return;
    if (raw->len == 64)
        memcpy(around, private + 32, n = 32);
    else if (read_at(g, raw->from - RAW_BEFORE, around, RAW_BEFORE))
        n = RAW_BEFORE;
    // GnuTLS has the public key behind the one before it, or behind the next
    for (int i = -2; i <= 2 && raw->len == 32; i += 4)
        if (n + 32 <= sizeof around &&
            linux_user_word(g->p.user, raw->from + (uint64_t)(i * (int)g->p.user->ptr), &other) &&
            is_own(g, other) && read_at(g, other, around + n, 32))
            n += 32;
    if (!g->raws_left)
        return;
    g->raws_left--;
    if (eg_numkeys_raw(private, half, around, n, &der))
        add(g, &der,
            &(struct eg_vault_key){
                .at = raw->at, .proof = "public key computed", .hints = "as bytes of a program" });
}

static void look_at_process(struct gathering *g)
{
    struct linux_user_piece piece = { 0 };

    g->n = g->n_raws = 0;
    eg_bignums_empty(&g->numbers);
    while (linux_user_next(g->p.user, false, &piece))
        gather(g, &piece);
    read_numbers(g);
    g->full |= g->numbers.full;
    g->endless |= !eg_numkeys(&g->numbers, &g->left, add_number, g);
    for (size_t i = 0; i < g->n_raws && !eg_stopped(g->r); i++)
        read_raw(g, &g->raws[i]);
}

void eg_private_numbers(struct eg_run *r, eg_private_each *each, void *context)
{
    struct gathering *g = eg_tmp(r, sizeof *g);
    struct linux_user user = { 0 };
    struct eg_obj task;

    *g = (struct gathering){
        .r = r, .each = each, .context = context, .left = EG_NUMKEYS_LEFT, .raws_left = RAWS_MAX
    };
    if (!eg_crypto_works())
        return;
    if (eg_binding_of(r)->model.big_endian) {
        eg_note(r, "keys that programs have only as numbers are not looked for in big-endian "
                   "machines");
        return;
    }
    eg_bignums_init(&g->numbers, r);
    linux_each_process(r, task) {
        g->p = (struct eg_key_process){ .task = task, .user = &user };
        g->p.pid = eg_get_or((int64_t)-1, task, task_struct.tgid);
        g->p.comm = eg_string(r, eg_at(task, task_struct.comm), 16);
        if (linux_pid_asked(r, task) && linux_user_open(r, task, &user))
            look_at_process(g);
    }
    if (g->full)
        eg_note(r, "a process has more numbers than are kept: some of its keys may be missing");
    if (g->endless || !g->raws_left)
        eg_note(r, "numbers of programs: more than are computed; some keys may be missing");
}

static void keep(void *context, const struct eg_privkey *key, const struct eg_vault_key *place)
{
    eg_vault_private(context, key, place);
}

static void find(struct eg_vault *v)
{
    eg_private_numbers(v->r, keep, v);
}

EG_KEY_SOURCE(numbers) = { .find = find };
