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

/** What all that can be at a place has in its second or third group of CIPHER_GROUP words, counted
 * from a multiple of as many: what has not need not be looked at. */
enum eg_cipher_has {
    CIPHER_ANY,
    CIPHER_FILLED, /**< a few bytes that are neither 0 nor 255 */
    CIPHER_RANDOM, /**< bytes as if made at random: few are 0 or 255, many are 128 or more, many are
                      not. Of a million keys one has others. */
};

struct eg_cipher {
    const char *name;
    size_t size; /**< so many bytes must be there */
    /** Of each of @n words from @p on, a multiple of CIPHER_GROUP, of which CIPHER_MORE more can be
     * read: may one begin there? Its byte of @passed is set: 0, it cannot. */
    void (*look)(const uint8_t *p, size_t n, uint8_t *passed);
    enum eg_cipher_has has;
    unsigned group; /**< in which group, from 0 */
    /** NULL; else .read takes long, and this says quickly what cannot be one. */
    bool (*seems)(const struct eg_cipher_place *place);
    /** @return false: it is none. */
    bool (*read)(const struct eg_cipher_place *place, struct eg_cipher_key *out);
};
enum { CIPHER_BLOCK = 1024, CIPHER_GROUP = 16, CIPHER_MORE = 56, CIPHERS = 6 };
extern const struct eg_cipher eg_chacha20, eg_serpent, eg_sm4, eg_twofish, eg_camellia, eg_aria;
/** All, by number. */
EG_API extern const struct eg_cipher *const eg_ciphers[CIPHERS];

/** Call @each for each place in @bytes, at a multiple of 4 from there, that is one, or seems one;
 * in no order. */
typedef void eg_cipher_each(void *context, size_t at, unsigned cipher);
EG_API void eg_ciphers_find(const uint8_t *bytes, size_t len, eg_cipher_each *each, void *context);
/** The same of places from @first on, and up to @stop or a few behind it. */
EG_API void eg_ciphers_find_in(const uint8_t *bytes, size_t len, size_t first, size_t stop,
                               eg_cipher_each *each, void *context);

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
