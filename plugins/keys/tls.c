/* tls.c - secrets of TLS connections in the memory of programs: what keys logs have
 * (SSLKEYLOGFILE), from which Wireshark decrypts what went over the wire.
 *
 *  Nothing is known of a library's layout but what tls_find.h says. Of TLS 1.3 a master secret
 * proves itself by what follows from it; where a library keeps no digest of the handshake, and of
 * TLS 1.2, the write keys are computed and found elsewhere in the process: as AES schedules begin
 * with their key, and ChaCha20 keeps its own. */
#include "../../core/map.h"
#include "../../core/mapped.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "crypto.h"
#include "ovpn_own.h"
#include "tls_capture.h"
#include "tls_own.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TAG = 3,                           // of a kept address: its sort; places are multiples of 4
    BUDGET = 1 << 21,                  // digests of HMAC, in a process
    COST = 3,                          // of one, in microseconds
    BEFORE = TLS_SLOT * TLS_SLOTS_MAX, // of a row of slots, from where it was seen
    STRUCTURE = 0x1000,                // the randoms are so near to the secrets, or to the
    BEHIND = 0x800,                    // pointer to the session
    TARGET = 0x240,                    // or in the first bytes of what a pointer there leads to
    FAR = 0x4000,                      // GnuTLS has its internals between them
    REFERENCES_MAX = 8,                // to a session
    SEARCH = 128,
};

void eg_tls_read(struct eg_tls *t, uint64_t at, uint8_t *out, size_t len)
{
    struct eg_view *v = eg_view_of(t->v->r);

    while (len) {
        const size_t n = EG_MIN(len, (size_t)(EG_VIEW_PAGE - at % EG_VIEW_PAGE));

        if (!eg_read(v, t->p->user->space, at, out, n))
            memset(out, 0, n);
        at += n;
        out += n;
        len -= n;
    }
}

/* ---- the first look ---- */

struct looked {
    struct linux_user *user;
    struct linux_addresses *out;
    uint64_t at;
};

static void keep(void *context, size_t at, enum eg_tls_sort sort)
{
    const struct looked *l = context;

    linux_addresses_add(l->user, l->out, (l->at + at) | sort);
}

static void look(struct eg_vault *v, const struct eg_key_process *p,
                 const struct linux_user_piece *piece, struct linux_addresses *out)
{
    struct looked l = { p->user, out, piece->at };

    (void)v;
    if (eg_crypto_works() && !p->user->big)
        eg_tls_look(piece->bytes, piece->len, p->user->ptr, keep, &l);
}

/* ---- randoms ---- */

static void add_pair(struct eg_tls_connection *c, uint64_t at, const uint8_t *bytes)
{
    for (size_t i = 0; i < c->n_pairs; i++)
        if (c->pairs[i].at == at)
            return;
    if (c->n_pairs < TLS_PAIRS_MAX) {
        c->pairs[c->n_pairs] = (struct eg_tls_pair){ .at = at, .client = -1 };
        memcpy(c->pairs[c->n_pairs++].random, bytes, 2 * TLS_RANDOM);
    }
}

/* To look for randoms takes as long as to compute some secrets. */
static bool spend(struct eg_tls *t)
{
    t->budget -= EG_MIN(t->budget, (uint32_t)SEARCH);
    return t->budget > 0;
}

/* Randoms between two addresses; those that are nearest to the end first. */
static void pairs_between(struct eg_tls *t, struct eg_tls_connection *c, uint64_t from, uint64_t to)
{
    uint8_t bytes[FAR + 4];
    size_t found[TLS_PAIRS_MAX], n = 0, len;

    if (!spend(t))
        return;
    from = to - from > FAR ? to - FAR : from;
    len = (size_t)(to - from);
    eg_tls_read(t, from, bytes, len);
    for (size_t at = 4; eg_tls_randoms(bytes, len, false, &at); at += 2 * TLS_RANDOM)
        found[n++ % TLS_PAIRS_MAX] = at;
    for (size_t i = 0; i < EG_MIN(n, (size_t)TLS_PAIRS_MAX); i++) {
        const size_t at = found[(n - 1 - i) % TLS_PAIRS_MAX];

        add_pair(c, from + at, bytes + at);
    }
}

/* Randoms in what pointers between two addresses lead to. */
static void pairs_behind(struct eg_tls *t, struct eg_tls_connection *c, uint64_t from, uint64_t to)
{
    const unsigned ptr = t->p->user->ptr;
    uint8_t words[STRUCTURE + BEHIND], bytes[TARGET];
    size_t len;

    if (!spend(t))
        return;
    from -= from % ptr;
    len = EG_MIN((size_t)(to - from), sizeof words);
    eg_tls_read(t, from, words, len);
    for (size_t i = 0; i + ptr <= len && c->n_pairs < TLS_PAIRS_MAX; i += ptr) {
        const uint64_t target = linux_user_load(t->p->user, words + i);
        size_t at = 8;

        if (target % 8 || target < STRUCTURE || !linux_user_range(t->p->user, target))
            continue;
        eg_tls_read(t, target - 8, bytes, sizeof bytes);
        if (eg_tls_randoms(bytes, sizeof bytes, false, &at))
            add_pair(c, target - 8 + at, bytes + at);
    }
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* ---- connections ---- */

struct eg_tls_connection *eg_tls_connection_new(struct eg_tls *t)
{
    struct eg_run *r = t->v->r;

    if (t->n == TLS_CONNECTIONS_MAX)
        return NULL;
    t->of = eg_grow(r, t->of, t->n, &t->cap, sizeof *t->of);
    t->of[t->n] = eg_tmp(r, sizeof **t->of);
    t->of[t->n]->pair = -1;
    return t->of[t->n++];
}

static void take_slots(struct eg_tls *t, uint64_t at)
{
    uint8_t window[2 * BEFORE];
    const uint64_t from = less(at, BEFORE);
    struct eg_tls_slots s;
    struct eg_tls_connection *c;
    struct eg_tls13 of = { 0 };
    bool proven;

    eg_tls_read(t, from, window, sizeof window);
    // One begins in the block before, for the run begins with the first that is whole.
    if (!eg_tls_slots(window, sizeof window, (size_t)(at - from), &s))
        return;
    if (!eg_run_map_add(t->v->r, t->seen, from + s.at, 0))
        return;
    proven = eg_tls13_prove(window + s.at, s.n, s.hash, &t->budget, &of);
    c = eg_tls_connection_new(t);
    if (!c)
        return;
    c->sort = proven ? TLS_13 : TLS_13_SLOTS;
    c->at = from + s.at;
    c->n = s.n;
    c->hash = s.hash;
    c->of = of;
    c->client_first = !proven;
    for (size_t i = 0; i < s.n; i++)
        memcpy(c->slots[i], window + s.at + TLS_SLOT * i, s.hash);
    if (proven) {
        pairs_between(t, c, less(c->at, STRUCTURE), c->at);
        pairs_behind(t, c, less(c->at, STRUCTURE / 4), c->at + BEHIND);
    } else {
        pairs_between(t, c, less(c->at, FAR), c->at);
    }
}

static void take_dense(struct eg_tls *t, uint64_t at)
{
    uint8_t bytes[4 + TLS_MASTER + 3 * TLS_RANDOM + 4];
    struct eg_tls_connection *c;
    size_t i = 4;

    eg_tls_read(t, at - 4, bytes, sizeof bytes);
    if (!eg_tls_randoms(bytes, sizeof bytes, true, &i) || i != 4)
        return;
    c = eg_tls_connection_new(t);
    if (!c)
        return;
    c->sort = TLS_12;
    c->at = at;
    c->client_first = true;
    memcpy(c->master, bytes + 4, TLS_MASTER);
    add_pair(c, at + TLS_MASTER, bytes + 4 + TLS_MASTER);
}

/* A session has its master secret behind its length, OpenSSL 1.1.1 and later an early secret in
 * between. */
static void take_session(struct eg_tls *t, uint64_t at, struct eg_map *sessions)
{
    const unsigned ptr = t->p->user->ptr;
    uint8_t bytes[0x80 + TLS_MASTER];
    const uint64_t start = at - ptr;
    uint64_t version;
    struct eg_tls_connection *c;

    if (!linux_user_word(t->p->user, start, &version) || version != 0x0303)
        return;
    eg_tls_read(t, start, bytes, sizeof bytes);
    for (size_t i = 2 * ptr; i + TLS_MASTER + 4 <= sizeof bytes; i += 4) {
        if (!eg_tls_is_master(bytes + i, sizeof bytes - i))
            continue;
        c = eg_tls_connection_new(t);
        if (!c)
            return;
        c->sort = TLS_12;
        c->at = start + i;
        memcpy(c->master, bytes + i, TLS_MASTER);
        if (eg_map_add(sessions, start, t->n - 1) < 0)
            eg_run_leave(t->v->r);
        return;
    }
}

/* A connection points to its session, and has the randoms or points to them too. */
static void find_references(struct eg_tls *t, const struct eg_map *sessions)
{
    const unsigned ptr = t->p->user->ptr;
    struct linux_user_piece piece = { 0 };
    struct {
        uint64_t at, connection;
    } *refs = NULL;
    size_t n = 0, cap = 0;

    if (!sessions->n)
        return;
    while (linux_user_next(t->p->user, false, &piece))
        for (size_t i = 0; i + ptr <= piece.len; i += ptr) {
            const uint64_t w = linux_user_load(t->p->user, piece.bytes + i);
            uint64_t which;

            if (!w || w % 8 || !eg_map_get(sessions, w, &which))
                continue;
            if (t->of[which]->n == REFERENCES_MAX)
                continue;
            t->of[which]->n++;
            refs = eg_grow(t->v->r, refs, n, &cap, sizeof *refs);
            refs[n].at = piece.at + i;
            refs[n++].connection = which;
        }
    for (size_t i = 0; i < n && !eg_stopped(t->v->r); i++) {
        struct eg_tls_connection *c = t->of[refs[i].connection];

        pairs_between(t, c, less(refs[i].at, STRUCTURE), refs[i].at + STRUCTURE);
        pairs_behind(t, c, less(refs[i].at, STRUCTURE), refs[i].at + BEHIND);
    }
}

static void prove_all(struct eg_vault *v, const struct eg_key_process *p,
                      const struct linux_addresses *places)
{
    struct eg_tls t = { .v = v, .p = p, .budget = BUDGET };
    struct eg_map *sessions;

    if (!eg_vault_may(v, EG_WORK_TLS))
        return;
    t.seen = eg_run_map(v->r);
    sessions = eg_run_map(v->r);
    for (size_t i = 0; i < places->n && t.budget && !eg_stopped(v->r); i++) {
        const uint64_t at = places->at[i] & ~(uint64_t)TAG;

        switch (places->at[i] & TAG) {
        case TLS_SLICE:
            eg_tls_take_slice(&t, at);
            break;
        case TLS_SLOTS:
            take_slots(&t, at);
            break;
        case TLS_SESSION:
            take_session(&t, at, sessions);
            break;
        default:
            take_dense(&t, at);
            break;
        }
    }
    eg_tls_take_halves(&t);
    find_references(&t, sessions);
    if (t.n && !eg_stopped(v->r)) {
        eg_tls_use(&t);
        eg_tls_tell(&t);
        eg_openvpn_derived(&t);
    }
    eg_vault_worked(v, EG_WORK_TLS, (uint64_t)COST * (BUDGET - t.budget));
    if (!t.budget || t.n == TLS_CONNECTIONS_MAX)
        eg_note(v->r, "process %d: more of its memory looks like secrets of TLS than is examined",
                (int)p->pid);
}

/* ---- a capture ---- */

static void close_capture(void *capture)
{
    eg_tls_capture_close(capture);
}

static void open_capture(struct eg_vault *v, const char *path)
{
    struct eg_mapped *file = NULL;
    struct eg_tls_capture *c = NULL;
    struct eg_error e = { 0 };
    struct stat st;
    int fd;

    fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK); // a FIFO is not waited for
    if (fd < 0 || fstat(fd, &st) < 0)
        eg_run_fail(v->r, EG_EIO, "--pcap %s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        eg_run_fail(v->r, EG_EUSAGE, "--pcap %s: is not a regular file", path);
    else if (st.st_size > 0 && eg_mapped_open(&file, fd, (uint64_t)st.st_size, false, path, &e) < 0)
        eg_run_fail(v->r, EG_EIO, "%s", e.text);
    else if (!file || !(c = eg_tls_capture_open(file->bytes, (size_t)file->size)))
        eg_run_fail(v->r, EG_EFORMAT, "%s: is no capture of packets (pcap or pcapng)", path);
    eg_mapped_close(file);
    if (fd >= 0)
        close(fd);
    if (!c)
        return;
    v->capture = c;
    eg_run_defer(v->r, close_capture, c);
    if (!eg_tls_capture_count(c))
        eg_note(v->r, "%s: no connection in it begins with messages of TLS", path);
}

static void find(struct eg_vault *v)
{
    const char *path = eg_arg_text(v->r, "pcap");

    if (path)
        open_capture(v, path);
    if (eg_binding_of(v->r)->model.big_endian)
        eg_note(v->r, "secrets of TLS are not looked for in big-endian machines");
}

EG_KEY_SOURCE(tls) = { .find = find, .look = look, .prove_all = prove_all };
