/** crypthash.h - what crypt(3) makes of passwords: which algorithm, and whether it is whole. */
#ifndef KEYS_CRYPTHASH_H
#define KEYS_CRYPTHASH_H

#include "../../core/engram.h"

enum { EG_CRYPT_MAX = 384 }; /**< bytes of one: CRYPT_OUTPUT_SIZE of libxcrypt */

struct eg_crypt_hash {
    const char *algorithm; /**< "sha512crypt", "yescrypt" */
    unsigned hashcat;      /**< its mode there; 0: hashcat has none, John the Ripper has */
    unsigned cost; /**< of one trial, roughly in milliseconds; huge where the hash asks for too
                               much */
    size_t len;
    unsigned prefix; /**< only so many characters of a password count: of a longer one it proves no
                          more; 0: all do */
};
/** Does @p, of which @n bytes can be read, begin with a hash that is whole: are its parts there,
 * and have the salt and the hash lengths and characters that the algorithm makes? What follows
 * it cannot belong to it. @bare: also those of DES, which no prefix tells: only where a hash must
 * stand. */
EG_API bool eg_crypt_hash(const char *p, size_t n, bool bare, struct eg_crypt_hash *out);

#endif
