/** serpent.h - the key schedule of Serpent (Anderson, Biham, Knudsen, 1998): which key it was made
 * of. Each of its steps can be turned back, and 124 of its 132 words follow from the others. */
#ifndef KEYS_SERPENT_H
#define KEYS_SERPENT_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum { SERPENT_WORDS = 132, SERPENT_KEY = 32 };
/** Are these words the schedule of a key? @return bytes of the key, which are in @key; 0: they are
 * none. A key that was shorter than 32 bytes was padded with a bit, which tells its length. */
EG_API size_t eg_serpent_key(const uint32_t words[SERPENT_WORDS], uint8_t key[SERPENT_KEY]);
/** Make the schedule of a key of at most 32 bytes. */
EG_API void eg_serpent_expand(const uint8_t *key, size_t size, uint32_t words[SERPENT_WORDS]);

#endif
