/* wireguard_search.c - WireGuard's keys without types. struct noise_static_identity has the public
 * key and then the private one; struct noise_handshake remote_static, remote_ephemeral,
 * precomputed_static_static, preshared_key (drivers/net/wireguard/noise.h, since 5.6). */
#include "wireguard_search.h"
#include "../../core/base.h"
#include "../../core/space.h"

enum {
    DEVICE = 2048, // more than a struct wg_device has
    BEFORE = 2048, // more than a struct wg_peer has before its peer_list, and behind it
    BEHIND = 512,
    SECRET = 2 * X25519_SIZE, // from a peer's public key
    PRESHARED = 3 * X25519_SIZE,
    DISTINCT = 16, // of 32 random bytes 30 differ; fewer than 16 do once in 10^12
    COMPUTE_MAX = 1 << 14,
};

/* Are these bytes random enough for a key? Computing takes a thousand times longer than this. */
static bool is_random(const uint8_t *p)
{
    uint64_t seen[4] = { 0 };
    unsigned n = 0;

    for (size_t i = 0; i < X25519_SIZE; i++) {
        const uint64_t bit = UINT64_C(1) << (p[i] & 63);

        n += !(seen[p[i] >> 6] & bit);
        seen[p[i] >> 6] |= bit;
    }
    return n >= DISTINCT;
}

/* Programs keep private keys so (RFC 7748, 5): a multiple of 8, the highest bit at 254. */
static bool is_clamped(const uint8_t *key)
{
    return !(key[0] & 7) && (key[X25519_SIZE - 1] & 0xc0) == 0x40;
}

bool eg_wg_search_device(struct eg_run *r, uint64_t priv, struct eg_wg_pair *out)
{
    uint8_t *bytes = eg_tmp(r, DEVICE), made[CRYPTO_PUBLIC_MAX];

    if (!eg_read(eg_view_of(r), eg_kernel(r), priv, bytes, DEVICE))
        return false;
    for (size_t at = 0; at + 2 * X25519_SIZE <= DEVICE; at += 4) {
        const uint8_t *public = bytes + at, *private = public + X25519_SIZE;

        if (!is_clamped(private) || !is_random(public) || !is_random(private) ||
            !eg_crypto_public("X25519", private, X25519_SIZE, made) ||
            memcmp(made, public, X25519_SIZE) != 0)
            continue;
        out->at = priv + at + X25519_SIZE;
        memcpy(out->public, public, X25519_SIZE);
        memcpy(out->private, private, X25519_SIZE);
        return true;
    }
    return false;
}

struct search {
    struct eg_run *r;
    const uint8_t *own;
    unsigned word, computed;
    bool big, known; // is it known where the key is, from the list's node?
    size_t off;
    uint8_t bytes[BEFORE + BEHIND];
};

static bool is_peer(struct search *s, size_t at)
{
    const uint8_t *public = s->bytes + at;
    uint8_t made[X25519_SIZE];

    return is_random(public) && is_random(public + SECRET) && s->computed++ < COMPUTE_MAX &&
           eg_crypto_shared(s->own, public, made) && !memcmp(made, public + SECRET, X25519_SIZE);
}

/* Is a peer around this node of a list? */
static bool take_peer(struct search *s, uint64_t node, struct eg_wg_peer *out)
{
    const size_t last = sizeof s->bytes - PRESHARED - X25519_SIZE;
    size_t at = s->known ? s->off : 0;

    if (node < BEFORE ||
        !eg_read(eg_view_of(s->r), eg_kernel(s->r), node - BEFORE, s->bytes, sizeof s->bytes))
        return false;
    while (at <= last && !is_peer(s, at))
        at = s->known ? last + 1 : at + 4;
    if (at > last)
        return false;
    s->known = true;
    s->off = at;
    out->at = node - BEFORE + at + PRESHARED;
    memcpy(out->public, s->bytes + at, X25519_SIZE);
    memcpy(out->preshared, s->bytes + at + PRESHARED, X25519_SIZE);
    return true;
}

static bool read_node(const struct search *s, uint64_t at, uint64_t *next, uint64_t *prev)
{
    const uint8_t *p = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), at, 2 * s->word);

    if (!p || at % s->word)
        return false;
    *next = eg_load_(p, s->word, s->big);
    *prev = eg_load_(p + s->word, s->word, s->big);
    return true;
}

/* The peers on the list whose head is at @head, if it is one. */
static size_t take_list(struct search *s, uint64_t head, struct eg_wg_peer *out)
{
    uint64_t at, next, prev, from = head;
    size_t n = 0;

    if (!read_node(s, head, &at, &prev))
        return 0;
    for (unsigned steps = 0; at != head && n < WG_SEARCH_PEERS && steps < WG_SEARCH_PEERS;
         steps++) {
        if (!read_node(s, at, &next, &prev) || prev != from)
            break;
        if (take_peer(s, at, &out[n]))
            n++;
        else if (!n)
            break; // another list of the device
        from = at;
        at = next;
    }
    return n;
}

size_t eg_wg_search_peers(struct eg_run *r, uint64_t priv, const uint8_t *own,
                          struct eg_wg_peer **out)
{
    const struct eg_model *model = &eg_binding_of(r)->model;
    struct search *s = eg_tmp(r, sizeof *s);
    size_t n = 0;

    s->r = r;
    s->own = own;
    s->word = model->ptr_size;
    s->big = model->big_endian;
    *out = eg_tmp(r, WG_SEARCH_PEERS * sizeof **out);
    for (size_t at = 0; !n && at < DEVICE && !eg_stopped(r); at += s->word)
        n = take_list(s, priv + at, *out);
    return n;
}
