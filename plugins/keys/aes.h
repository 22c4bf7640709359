/** aes.h - finds expanded AES keys: the key schedules that a program or the kernel keeps while it
 * uses a key (FIPS 197, 5.2).
 *
 *  A schedule proves itself: each of its words follows from the key, so what is found is no guess.
 * A key that is nowhere expanded is not found here. */
#ifndef KEYS_AES_H
#define KEYS_AES_H

#include "../../core/base.h"
#include "../../core/view.h"

enum { AES_KEY_MAX = 32, AES_SCHEDULE_MAX = 240 };

/** How a schedule lies in memory. */
enum eg_aes_layout {
    AES_ENCRYPT,         /**< round by round, as it is computed */
    AES_DECRYPT,         /**< last round first, InvMixColumns of all but the ends: AESDEC's */
    AES_REVERSED,        /**< last round first */
    AES_DECRYPT_FORWARD, /**< first round first, InvMixColumns of all but the ends: libgcrypt's */
    AES_LAYOUTS,
};

struct eg_aes_schedule {
    uint8_t words; /**< of the key: 4, 6, 8 */
    uint8_t layout;
    bool swapped; /**< the bytes of each word are in reverse: words of a program that reads keys as
                     big-endian numbers, on a little-endian processor */
};

/** Its length in bytes: 176, 208, 240. */
EG_API size_t eg_aes_size(unsigned words);
/** What is computed from a key of @words words. @out has AES_SCHEDULE_MAX bytes. */
EG_API void eg_aes_expand(const uint8_t *key, unsigned words, uint8_t *out);
/** FIPS 197's S-box, and the constant of round @i. */
EG_API extern const uint8_t eg_aes_sbox[256];
EG_API uint8_t eg_aes_constant(unsigned i);
/** Does a schedule begin at @p, of which eg_aes_size() bytes can be read? Then its key is in @key
 * (AES_KEY_MAX bytes). */
EG_API bool eg_aes_is_schedule(const uint8_t *p, const struct eg_aes_schedule *s, uint8_t *key);

/** Call @each for each schedule that is whole in @bytes and begins at a multiple of 4 bytes from
 * there, in no order. */
typedef void eg_aes_each(void *context, size_t at, const struct eg_aes_schedule *s);
EG_API void eg_aes_find(const uint8_t *bytes, size_t len, eg_aes_each *each, void *context);
/** The same without vector instructions, and with those of the processor that are @skip-th fastest.
 * For comparison. @return false: it has no others. */
EG_API void eg_aes_find_portable(const uint8_t *bytes, size_t len, eg_aes_each *each,
                                 void *context);
EG_API bool eg_aes_find_with(unsigned skip, const uint8_t *bytes, size_t len, eg_aes_each *each,
                             void *context);

#endif
