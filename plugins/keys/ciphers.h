/** ciphers.h - what ciphers other than AES keep while they use a key, and the key in it.
 *
 *  A schedule proves itself: its words follow from the key. Only ChaCha20's state does not, which
 * is the key behind a constant. */
#ifndef KEYS_CIPHERS_H
#define KEYS_CIPHERS_H

#include "../../core/base.h"
#include "../../core/view.h"

enum {
    CIPHER_BEFORE = 160,  /**< bytes before a place that may belong to it */
    CIPHER_BEHIND = 4256, /**< bytes from there on */
    CIPHER_KEY_MAX = 32,
};

struct eg_cipher_key {
    uint8_t key[CIPHER_KEY_MAX];
    size_t len;
    const char *layout; /**< what it is in */
    bool proven;
};

/** A place: @at bytes before it can be read at @p, and @len from there on; more than CIPHER_BEFORE
 * and CIPHER_BEHIND are not used. */
struct eg_cipher_place {
    const uint8_t *p;
    size_t at, len;
};

struct eg_cipher {
    const char *name;
    size_t size; /**< so many bytes must be there */
    /** Of each of CIPHER_BLOCK words from @p on, of which CIPHER_MORE more can be read: may one
     * begin there? Then its byte of @passed, which is 0, is not. */
    void (*look)(const uint8_t *p, uint8_t *passed);
    /** NULL; else .read takes long, and this says quickly what cannot be one. */
    bool (*seems)(const struct eg_cipher_place *place);
    /** @return false: it is none. */
    bool (*read)(const struct eg_cipher_place *place, struct eg_cipher_key *out);
};
enum { CIPHER_BLOCK = 1024, CIPHER_MORE = 56, CIPHERS = 6 };
extern const struct eg_cipher eg_chacha20, eg_serpent, eg_sm4, eg_twofish, eg_camellia, eg_aria;
/** All, by number. */
EG_API extern const struct eg_cipher *const eg_ciphers[CIPHERS];

/** Call @each for each place in @bytes, at a multiple of 4 from there, that is one, or seems one;
 * in no order. */
typedef void eg_cipher_each(void *context, size_t at, unsigned cipher);
EG_API void eg_ciphers_find(const uint8_t *bytes, size_t len, eg_cipher_each *each, void *context);

/* For the loops of .look, of which compilers make vectors. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define CIPHER_WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define CIPHER_WIDE
#endif
static inline uint32_t eg_cipher_word(const uint8_t *p, size_t i)
{
    return eg_le32(p + 4 * i);
}
static inline uint32_t eg_rotate_left(uint32_t w, unsigned bits)
{
    return w << bits | w >> (32 - bits);
}

/** 128 bits. */
struct eg_wide {
    uint64_t high, low;
};
static inline struct eg_wide eg_wide_left(struct eg_wide n, unsigned by)
{
    if (by & 64)
        n = (struct eg_wide){ n.low, n.high };
    by %= 64;
    return by ? (struct eg_wide){ n.high << by | n.low >> (64 - by),
                                  n.low << by | n.high >> (64 - by) }
              : n;
}
static inline struct eg_wide eg_wide_xor(struct eg_wide a, struct eg_wide b)
{
    return (struct eg_wide){ a.high ^ b.high, a.low ^ b.low };
}
static inline bool eg_wide_same(struct eg_wide a, struct eg_wide b)
{
    return a.high == b.high && a.low == b.low;
}

#endif
