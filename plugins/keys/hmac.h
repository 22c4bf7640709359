/** hmac.h - what a program that uses a key for HMAC has in memory (RFC 2104): the state of the hash
 * function behind the block that is made of the key. */
#ifndef KEYS_HMAC_H
#define KEYS_HMAC_H

#include "../../core/base.h"
#include "../../core/view.h"

enum { EG_HMAC_STATE = 64 };
/** @name begins with "hmac-sha1", "hmac-sha2-256" or "hmac-sha2-512". The words of the state are in
 * the order of this computer. @return its length; 0: another name, a key of more than a block, or
 * no libcrypto. */
EG_API size_t eg_hmac_inner(const char *name, const uint8_t *key, size_t len,
                            uint8_t out[EG_HMAC_STATE]);

#endif
