/* socks.c - one pass over physical memory for sockets that nothing leads to any more. */
#include "socks.h"
#include "../../../core/map.h"
#include "../../../core/parallel.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../../../core/system.h"
#include "../mm/slab.h"
#include "../net/net.h"
#include "../net/sock.h"
#include "../net/tables.h"
#include "pages.h"
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(found_prot, sock, "__sk_common.skc_prot");
EG_FIELD_AS(proto_ring, proto, "node");
EG_FIELD_AS(proto_size, proto, "obj_size");
EG_FIELD_AS(proto_names, proto, "name");
EG_FIELD_AS(ring_next, list_head, "next");
EG_TYPE(proto);

// No socket is smaller than 128 bytes.
enum { PIECE = 4 << 20, HITS_MAX = PIECE >> 7, WORKERS_MAX = 256, PROTOS_MAX = 1024 };
enum { SIEVE = 1 << 12, STATES = 14, SMALLEST = 64, LARGEST = 1 << 16 };
#define PIECES_MAX (UINT64_C(1) << 22) // 16 TiB

struct piece {
    uint64_t first, last;
    EG_VEC(uint64_t) hits;
};
struct scan {
    struct eg_space *phys;
    struct eg_model model;
    struct eg_view **views;
    struct eg_map protos;       /**< only read while the pass goes on */
    uint64_t first;             /**< one of them */
    uint64_t sieve[SIEVE / 64]; /**< by bits of the protocols' addresses: most words end here */
    EG_VEC(struct piece) pieces;
};

/* ---- protocols ---- */

static size_t sieve_bit(uint64_t address)
{
    return (size_t)(address >> 5 ^ address >> 17) & (SIEVE - 1);
}

static bool is_proto(const struct scan *s, uint64_t address)
{
    uint64_t nothing;

    return eg_map_get(&s->protos, address, &nothing);
}

static void add_proto(struct eg_run *r, struct scan *s, uint64_t address)
{
    const size_t bit = sieve_bit(address);

    if (!address || s->protos.n == PROTOS_MAX || !eg_run_map_add(r, &s->protos, address, 0))
        return;
    s->first = s->first ? s->first : address;
    s->sieve[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The head of their list is no protocol: it has no size and no name. */
static bool looks_like_proto(struct eg_run *r, struct eg_obj proto)
{
    const char *name = eg_string(r, eg_at(proto, proto_names), 32);
    uint32_t size;

    if (!name || !*name || !eg_get(&size, proto, proto_size) || size < SMALLEST || size > LARGEST)
        return false;
    for (; *name; name++)
        if (*name < ' ' || *name > '~')
            return false;
    return true;
}

/* Those of the known sockets, and all that are on the list which each of them is on. */
static void find_protos(struct eg_run *r, struct scan *s)
{
    const struct linux_table_socks *all = linux_table_socks(r);
    uint64_t first, next, address;
    struct eg_obj proto;

    for (size_t i = 0; all && i < all->n; i++)
        if (eg_get(&address, eg_object(r, sock, all->at[i].sock), found_prot))
            add_proto(r, s, address);
    if (!s->first || !eg_has(r, proto_ring))
        return;
    first = s->first;
    next = first;
    for (unsigned n = 0; n < PROTOS_MAX && !eg_stopped(r); n++) {
        if (!eg_get(&address, eg_object(r, proto, next), proto_ring, ring_next))
            break;
        next = address - eg_offset(r, proto_ring);
        if (next == first)
            break;
        proto = eg_object(r, proto, next);
        if (looks_like_proto(r, proto))
            add_proto(r, s, next);
    }
}

/* ---- the pass ---- */

static bool look_at(const struct scan *s, struct piece *piece, uint64_t at, const uint8_t *p,
                    size_t len)
{
    const unsigned size = s->model.ptr_size;
    const bool plain = size == 8 && !s->model.big_endian;
    uint64_t w, *hit;

    for (size_t i = 0; i + size <= len; i += size) {
        if (plain)
            memcpy(&w, p + i, 8);
        else
            w = eg_load_(p + i, size, s->model.big_endian);
        if (__builtin_expect(!(s->sieve[sieve_bit(w) / 64] >> sieve_bit(w) % 64 & 1), 1) ||
            piece->hits.n == HITS_MAX || !is_proto(s, w))
            continue;
        hit = eg_vec_push(&piece->hits);
        if (!hit)
            return false;
        *hit = at + i;
    }
    return true;
}

static int look(void *context, size_t number, unsigned worker)
{
    struct scan *s = context;
    struct piece *piece = &s->pieces.at[number];
    struct eg_view *v = s->views[worker];

    for (uint64_t at = piece->first; at <= piece->last && !eg_cancelled;) {
        size_t len = (size_t)(piece->last - at) + 1;
        const uint8_t *p = eg_map_some(v, s->phys, at, &len);
        struct eg_extent x;

        if (!p) {
            eg_extent_at(v, s->phys, at, &x);
            if (v->starved)
                return 1;
            if (x.last >= piece->last)
                break;
            at = x.last + 1;
            continue;
        }
        if (len > s->model.ptr_size)
            len &= ~(size_t)(s->model.ptr_size - 1);
        if (!look_at(s, piece, at, p, len))
            return 1;
        at += len;
    }
    return eg_cancelled;
}

/** @return false: out of memory. */
static bool divide(struct eg_run *r, struct scan *s)
{
    // A damaged file can have the same bytes at any number of addresses.
    uint64_t left = eg_stored_bytes(eg_view_of(r), s->phys);
    struct eg_extent x;

    for (uint64_t at = 0; eg_next_mapped(eg_view_of(r), s->phys, at, s->phys->last, &x);
         at = x.last + 1) {
        for (uint64_t first = EG_MAX(x.start, at); !x.zero && first <= x.last;) {
            const uint64_t last = EG_MIN(x.last, (first | (PIECE - 1)));
            struct piece *new;

            if (last - first >= left || s->pieces.n == PIECES_MAX) {
                eg_note(r, "the image claims more memory than its file has: not all of it was "
                           "searched for sockets");
                return true;
            }
            left -= last - first + 1;
            new = eg_vec_push(&s->pieces);
            if (!new)
                return false;
            *new = (struct piece){ .first = first, .last = last };
            if (last == x.last)
                break;
            first = last + 1;
        }
        if (x.last == s->phys->last || eg_stopped(r))
            break;
    }
    return true;
}

static bool pass(struct eg_run *r, struct scan *s)
{
    const unsigned threads = EG_MIN(eg_threads(eg_system_of(r)->options.threads), WORKERS_MAX);
    struct eg_view *views[WORKERS_MAX] = { 0 };
    bool ok = divide(r, s);

    s->views = views;
    for (unsigned i = 0; i < threads && ok; i++) {
        ok = (views[i] = malloc(sizeof *views[i]));
        if (ok)
            eg_view_init(views[i], NULL);
    }
    ok = ok && !eg_parallel(threads, s->pieces.n, look, s);
    for (unsigned i = 0; i < threads; i++)
        if (views[i]) {
            eg_view_fini(views[i]);
            free(views[i]);
        }
    return ok && !eg_stopped(r);
}

static void forget(void *scan)
{
    struct scan *s = scan;

    for (size_t i = 0; i < s->pieces.n; i++)
        eg_vec_fini(&s->pieces.at[i].hits);
    eg_vec_fini(&s->pieces);
    eg_map_fini(&s->protos);
}

/* ---- hits ---- */

/* A family, a state, and a namespace that there is. */
static bool is_sock(struct eg_run *r, const struct eg_map *nets, struct eg_obj sock)
{
    uint32_t family, state;
    uint64_t net, nothing;

    (void)r;
    return eg_get(&family, sock, sock_family) && family && family < LINUX_AF_LIMIT &&
           eg_get(&state, sock, sock_state) && state < STATES && eg_get(&net, sock, sock_net) &&
           eg_map_get(nets, net, &nothing);
}

/* Sockets come from the slab allocator, whose memory has no other address. */
static bool map_of_memory(struct eg_run *r, uint64_t *delta)
{
    const struct linux_table_socks *all = linux_table_socks(r);
    uint64_t pa;

    if (!all || !all->n ||
        !eg_translate(eg_view_of(r), eg_kernel(r), all->at[0].sock, eg_physical(r), &pa))
        return linux_direct_map(r, delta);
    *delta = all->at[0].sock - pa;
    return true;
}

size_t linux_sock_scan(struct eg_run *r, const struct eg_map *known, struct linux_sock_trace **out)
{
    struct scan *s = eg_tmp(r, sizeof *s);
    const uint64_t off = eg_offset(r, found_prot);
    struct linux_sock_trace *list = NULL;
    struct eg_map *nets = eg_run_map(r);
    struct linux_slab_place place;
    uint64_t delta, nothing;
    size_t n = 0, cap = 0;
    struct eg_obj net;

    *out = NULL;
    eg_run_defer(r, forget, s);
    s->phys = eg_physical(r);
    s->model = eg_binding_of(r)->model;
    find_protos(r, s);
    if (!s->first || !map_of_memory(r, &delta)) {
        eg_note(r, s->first ? "the kernel's map of all memory was not found: memory is not searched"
                            : "no protocol was found: memory is not searched for sockets");
        return 0;
    }
    linux_each_net(r, net) eg_run_map_add(r, nets, net.addr, 0);
    if (!pass(r, s) && !eg_stopped(r))
        eg_note(r, "memory ran out: not all sockets were found");
    for (size_t i = 0; i < s->pieces.n && !eg_stopped(r); i++)
        for (size_t k = 0; k < s->pieces.at[i].hits.n; k++) {
            const uint64_t pa = s->pieces.at[i].hits.at[k] - off, va = pa + delta;
            struct linux_sock_trace t = { .va = va, .pa = pa, .life = LINUX_SOCK_LEFTOVER };

            if (eg_map_get(known, va, &nothing) || !is_sock(r, nets, eg_object(r, sock, va)))
                continue;
            if (linux_slab_place_of(r, va, &place, NULL) && place.object == va)
                t.life = place.free ? LINUX_SOCK_FREED : LINUX_SOCK_ALLOCATED;
            list = eg_grow(r, list, n, &cap, sizeof *list);
            list[n++] = t;
        }
    *out = list;
    return n;
}
