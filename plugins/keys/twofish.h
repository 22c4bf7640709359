/** twofish.h - the round keys of Twofish (Schneier and others, 1998), and which key they were made
 * of. */
#ifndef KEYS_TWOFISH_H
#define KEYS_TWOFISH_H

#include "../../core/base.h"
#include "../../core/view.h"

enum { TWOFISH_WORDS = 40, TWOFISH_KEY = 32 };
/** Are these words (whitening, then rounds) the round keys of a key? Takes some milliseconds where
 * they are, or nearly.
 * @return bytes of the key, 16, 24 or 32, which are in @key; 0: they are none. */
EG_API size_t eg_twofish_key(const uint32_t words[TWOFISH_WORDS], uint8_t key[TWOFISH_KEY]);
/** Make the round keys of a key of 16, 24 or 32 bytes. */
EG_API void eg_twofish_expand(const uint8_t *key, size_t size, uint32_t words[TWOFISH_WORDS]);
/** Four bytes, the lowest first, times the matrix MDS. */
uint32_t eg_twofish_mixed(uint32_t bytes);

#endif
