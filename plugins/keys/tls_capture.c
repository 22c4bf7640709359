/* tls_capture.c - a file of captured packets: its TCP connections that begin with TLS's Hello
 * messages. */
#include "tls_capture.h"
#include "../../core/map.h"
#include <stdlib.h>

enum {
    FLOWS_MAX = 1 << 14,
    STREAM_MAX = 1 << 16, // bytes of one direction: what follows the certificates
    BYTES_MAX = 1 << 28,  // of all
    INTERFACES_MAX = 64,
    RECORDS_MAX = 32, // that are tried with one secret
    RECORD_HEADER = 5,
    RECORD_MAX = (1 << 14) + 256,
    TUPLE = 36, // addresses and ports of both ends
    RANDOM = 32,
    TAG = 16,
};
enum { CHANGE_CIPHER = 20, HANDSHAKE = 22, DATA = 23 }; // kinds of records

struct stream {
    uint8_t *bytes;
    size_t n, cap;
    uint32_t next; // number of the next byte
    bool begun;
};
struct eg_tls_flow {
    uint8_t tuple[TUPLE];
    struct stream of[2];
    uint8_t random[2][RANDOM]; // the client's, the server's
    bool hello[2];
    uint8_t client; // which of both streams
};
struct eg_tls_capture {
    struct eg_tls_flow *flows;
    size_t n, cap, bytes;
    struct eg_map by_tuple, by_random;
    bool failed;
};

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* ---- TCP ---- */

static struct eg_tls_flow *flow_of(struct eg_tls_capture *c, const uint8_t *tuple)
{
    const uint32_t hash = eg_map_hash(tuple, TUPLE);
    uint64_t i;
    uint32_t nth = 0;

    for (; eg_map_get(&c->by_tuple, eg_map_key(hash, nth), &i); nth++)
        if (!memcmp(c->flows[i].tuple, tuple, TUPLE))
            return &c->flows[i];
    if (c->n == FLOWS_MAX)
        return NULL;
    if (c->n == c->cap) {
        const size_t cap = c->cap ? 2 * c->cap : 64;
        struct eg_tls_flow *more = realloc(c->flows, cap * sizeof *more);

        c->failed |= !more;
        if (!more)
            return NULL;
        c->flows = more;
        c->cap = cap;
    }
    if (eg_map_add(&c->by_tuple, eg_map_key(hash, nth), c->n) < 0) {
        c->failed = true;
        return NULL;
    }
    c->flows[c->n] = (struct eg_tls_flow){ 0 };
    memcpy(c->flows[c->n].tuple, tuple, TUPLE);
    return &c->flows[c->n++];
}

static void append(struct eg_tls_capture *c, struct stream *s, const uint8_t *p, size_t n)
{
    n = EG_MIN(n, STREAM_MAX - s->n);
    if (n > s->cap - s->n) {
        const size_t cap = EG_MIN(EG_MAX(2 * s->cap, s->n + n), (size_t)STREAM_MAX);
        uint8_t *more = cap - s->cap > BYTES_MAX - c->bytes ? NULL : realloc(s->bytes, cap);

        if (!more)
            return;
        c->bytes += cap - s->cap;
        s->bytes = more;
        s->cap = cap;
    }
    if (n)
        memcpy(s->bytes + s->n, p, n);
    s->n += n;
}

/* @ends: addresses of @size bytes, the sender's first. */
static void take_tcp(struct eg_tls_capture *c, const uint8_t *ends, size_t size, const uint8_t *p,
                     size_t len)
{
    enum { SYN = 2 };
    uint8_t tuple[2][TUPLE / 2] = { 0 };
    size_t header;
    struct eg_tls_flow *f;
    struct stream *s;
    uint32_t seq, skip;
    bool swap;

    if (len < 20)
        return;
    header = (size_t)(p[12] >> 4) * 4;
    if (header < 20 || header > len)
        return;
    for (unsigned i = 0; i < 2; i++) {
        memcpy(tuple[i], ends + size * i, size);
        memcpy(tuple[i] + 16, p + 2 * i, 2);
    }
    swap = memcmp(tuple[0], tuple[1], TUPLE / 2) > 0;
    if (swap) {
        uint8_t t[TUPLE / 2];

        memcpy(t, tuple[0], sizeof t);
        memcpy(tuple[0], tuple[1], sizeof t);
        memcpy(tuple[1], t, sizeof t);
    }
    seq = be32(p + 4);
    if (!(p[13] & SYN) && header == len)
        return;
    f = flow_of(c, tuple[0]);
    if (!f)
        return;
    s = &f->of[swap];
    if (p[13] & SYN) {
        if (!s->n) {
            s->begun = true;
            s->next = seq + 1;
        }
        return;
    }
    p += header;
    len -= header;
    if (!s->begun) { // the capture began later
        if (p[0] != HANDSHAKE)
            return;
        s->begun = true;
        s->next = seq;
    }
    skip = s->next - seq;
    if (skip >= len)
        return; // seen before, or too early
    append(c, s, p + skip, len - skip);
    s->next += (uint32_t)(len - skip);
}

static void take_ip(struct eg_tls_capture *c, const uint8_t *p, size_t len)
{
    enum { TCP = 6 };

    if (len >= 20 && p[0] >> 4 == 4) {
        const size_t header = (size_t)(p[0] & 15) * 4, total = be16(p + 2);

        if (total && total < len) // 0: the card was to cut it
            len = total;
        // no fragment
        if (header >= 20 && header <= len && p[9] == TCP && !(be16(p + 6) & 0x3fff))
            take_tcp(c, p + 12, 4, p + header, len - header);
    } else if (len >= 40 && p[0] >> 4 == 6 && p[6] == TCP) {
        const size_t payload = be16(p + 4);

        if (payload && payload < len - 40)
            len = 40 + payload;
        take_tcp(c, p + 8, 16, p + 40, len - 40);
    }
}

static void take_packet(struct eg_tls_capture *c, uint32_t link, const uint8_t *p, size_t len)
{
    enum { NULL_ = 0, ETHERNET = 1, RAW_BSD = 12, RAW = 101, SLL = 113, SLL2 = 276 };
    size_t header = link == NULL_ ? 4 : link == SLL ? 16 : link == SLL2 ? 20 : 0;

    if (link == ETHERNET) {
        header = 14;
        while (header + 4 <= len && header < 22 &&
               (be16(p + header - 2) == 0x8100 || be16(p + header - 2) == 0x88a8))
            header += 4; // VLANs
    } else if (!header && link != RAW && link != RAW_BSD) {
        return;
    }
    if (header < len)
        take_ip(c, p + header, len - header);
}

/* ---- files ---- */

static uint32_t get32(const uint8_t *p, bool big)
{
    return big ? be32(p)
               : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void take_pcap(struct eg_tls_capture *c, const uint8_t *p, size_t len, bool big)
{
    const uint32_t link = get32(p + 20, big) & 0xfffffff;

    for (size_t at = 24; len - at >= 16 && !c->failed;) {
        const size_t n = get32(p + at + 8, big);
        static const uint8_t none[16];

        // Behind such a header is nothing but the hole of a sparse file, however large.
        if (!memcmp(p + at, none, sizeof none))
            return;
        at += 16;
        if (n > len - at)
            return;
        take_packet(c, link, p + at, n);
        at += n;
    }
}

static void take_pcapng(struct eg_tls_capture *c, const uint8_t *p, size_t len)
{
    enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, SIMPLE = 3, ENHANCED = 6 };
    uint32_t links[INTERFACES_MAX], n_links = 0;
    bool big = false;

    for (size_t at = 0; len - at >= 12 && !c->failed;) {
        const uint8_t *b = p + at;
        uint32_t kind, size;

        if (be32(b) == SECTION) {
            big = be32(b + 8) == 0x1a2b3c4d;
            n_links = 0;
        }
        kind = get32(b, big);
        size = get32(b + 4, big);
        if (size < 12 || size % 4 || size > len - at)
            return;
        if (kind == INTERFACE && size >= 20 && n_links < INTERFACES_MAX) {
            links[n_links++] = big ? be16(b + 8) : (uint32_t)(b[8] | b[9] << 8);
        } else if (kind == ENHANCED && size >= 32) {
            const uint32_t interface = get32(b + 8, big), n = get32(b + 20, big);

            if (interface < n_links && n <= size - 32)
                take_packet(c, links[interface], b + 28, n);
        } else if (kind == SIMPLE && size >= 16 && n_links) {
            take_packet(c, links[0], b + 12, EG_MIN(get32(b + 8, big), size - 16));
        }
        at += size;
    }
}

/* ---- records ---- */

struct record {
    const uint8_t *at; // its header
    size_t len;        // of what follows
    uint8_t kind;
};

static bool next_record(const struct stream *s, size_t *at, struct record *r)
{
    if (s->n - *at < RECORD_HEADER)
        return false;
    r->at = s->bytes + *at;
    r->kind = r->at[0];
    r->len = be16(r->at + 3);
    if (r->at[1] != 3 || r->len > RECORD_MAX || r->len > s->n - *at - RECORD_HEADER)
        return false;
    *at += RECORD_HEADER + r->len;
    return true;
}

/* The random of the Hello message, type @hello, that a stream begins with. */
static const uint8_t *hello_random(const struct stream *s, uint8_t hello)
{
    enum { BEFORE = 6 };
    struct record r;
    size_t at = 0;

    if (!next_record(s, &at, &r) || r.kind != HANDSHAKE || r.len < BEFORE + RANDOM ||
        r.at[RECORD_HEADER] != hello)
        return NULL;
    return r.at + RECORD_HEADER + BEFORE;
}

static void find_hellos(struct eg_tls_capture *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct eg_tls_flow *f = &c->flows[i];

        for (uint8_t k = 0; k < 2; k++) {
            const uint8_t *client = hello_random(&f->of[k], 1);
            const uint8_t *server = client ? hello_random(&f->of[!k], 2) : NULL;

            if (!client)
                continue;
            f->client = k;
            f->hello[0] = true;
            memcpy(f->random[0], client, RANDOM);
            f->hello[1] = server != NULL;
            if (server)
                memcpy(f->random[1], server, RANDOM);
            // Two connections with one random: the first one counts.
            if (eg_map_add(&c->by_random, eg_le64(client), i) < 0)
                c->failed = true;
            break;
        }
    }
}

struct eg_tls_capture *eg_tls_capture_open(const uint8_t *file, size_t len)
{
    struct eg_tls_capture *c = calloc(1, sizeof *c);
    const uint32_t magic = len >= 24 ? be32(file) : 0;

    if (!c)
        return NULL;
    if (magic == 0x0a0d0d0a)
        take_pcapng(c, file, len);
    else if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
        take_pcap(c, file, len, true);
    else if (magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1)
        take_pcap(c, file, len, false);
    else
        c->failed = true;
    find_hellos(c);
    if (!c->failed)
        return c;
    eg_tls_capture_close(c);
    return NULL;
}

void eg_tls_capture_close(struct eg_tls_capture *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        free(c->flows[i].of[0].bytes);
        free(c->flows[i].of[1].bytes);
    }
    free(c->flows);
    eg_map_fini(&c->by_tuple);
    eg_map_fini(&c->by_random);
    free(c);
}

size_t eg_tls_capture_count(const struct eg_tls_capture *c)
{
    return c->by_random.n;
}

const struct eg_tls_flow *eg_tls_capture_find(const struct eg_tls_capture *c, const uint8_t *client,
                                              const uint8_t *server)
{
    const struct eg_tls_flow *f;
    uint64_t i;

    if (!eg_map_get(&c->by_random, eg_le64(client), &i))
        return NULL;
    f = &c->flows[i];
    return !memcmp(f->random[0], client, RANDOM) && f->hello[1] &&
                   !memcmp(f->random[1], server, RANDOM)
               ? f
               : NULL;
}

size_t eg_tls_capture_flows(const struct eg_tls_capture *c)
{
    return c->n;
}

const struct eg_tls_flow *eg_tls_capture_flow(const struct eg_tls_capture *c, size_t i)
{
    return i < c->n && c->flows[i].hello[0] && c->flows[i].hello[1] ? &c->flows[i] : NULL;
}

const uint8_t *eg_tls_flow_random(const struct eg_tls_flow *f)
{
    return f->random[0];
}

/* ---- decryption ---- */

bool eg_tls_flow_opens(const struct eg_tls_flow *f, bool server, size_t hash, const uint8_t *secret)
{
    const struct stream *s = &f->of[f->client ^ server];
    uint8_t key[32], nonce[12];
    struct record r;
    size_t at = 0;

    for (unsigned n = 0; n < RECORDS_MAX && next_record(s, &at, &r);) {
        if (r.kind != DATA)
            continue;
        n++;
        // The first record under a secret has number 0, which leaves the vector as it is.
        for (unsigned way = 0; way < (hash == 32 ? 2 : 1); way++) {
            const size_t len = hash == 48 || way ? 32 : 16;

            if (eg_tls_expand(hash, secret, "key", NULL, 0, key, len) &&
                eg_tls_expand(hash, secret, "iv", NULL, 0, nonce, sizeof nonce) &&
                eg_tls_opens(len, way, key, nonce, r.at, RECORD_HEADER, r.at + RECORD_HEADER,
                             r.len))
                return true;
        }
    }
    return false;
}

bool eg_tls_flow_opens_12(const struct eg_tls_flow *f, size_t hash, const uint8_t *master)
{
    enum { EXPLICIT = 8, SALT = 4, BLOCK = 88 };
    const struct stream *s = &f->of[f->client];
    uint8_t seed[2 * RANDOM], block[BLOCK], nonce[12], head[8 + RECORD_HEADER] = { 0 };
    struct record r;
    size_t at = 0;

    do
        if (!next_record(s, &at, &r))
            return false;
    while (r.kind != CHANGE_CIPHER);
    if (!next_record(s, &at, &r) || r.len < EXPLICIT + TAG)
        return false;
    memcpy(seed, f->random[1], RANDOM);
    memcpy(seed + RANDOM, f->random[0], RANDOM);
    if (!eg_tls_prf(hash, master, "key expansion", seed, sizeof seed, block, sizeof block))
        return false;
    memcpy(head + 8, r.at, 3);
    // GCM: the server's key is before the client's salt; the rest of the vector is in the record
    for (unsigned len = 16; len <= 32; len += 16) {
        const size_t text = r.len - EXPLICIT - TAG;

        memcpy(nonce, block + 2 * len, SALT);
        memcpy(nonce + SALT, r.at + RECORD_HEADER, EXPLICIT);
        head[11] = (uint8_t)(text >> 8);
        head[12] = (uint8_t)text;
        if (eg_tls_opens(len, false, block, nonce, head, sizeof head,
                         r.at + RECORD_HEADER + EXPLICIT, r.len - EXPLICIT))
            return true;
    }
    head[11] = (uint8_t)((r.len - TAG) >> 8);
    head[12] = (uint8_t)(r.len - TAG);
    return eg_tls_opens(32, true, block, block + 64, head, sizeof head, r.at + RECORD_HEADER,
                        r.len);
}
