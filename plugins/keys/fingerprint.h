/** fingerprint.h - what a key is told by without being shown. */
#ifndef EG_KEYS_FINGERPRINT_H
#define EG_KEYS_FINGERPRINT_H

#include "../../core/engram.h"

/** The first 8 bytes of its SHA-256 in hex, in the memory of the run; NULL: this
 * build has no SHA-256, or out of memory. */
const char *eg_key_fingerprint(struct eg_run *r, const void *key, size_t len);

#endif
