/** fingerprint.h - what tells which keys are the same, and can be passed on. */
#ifndef KEYS_FINGERPRINT_H
#define KEYS_FINGERPRINT_H

#include "../../core/engram.h"

/** The first 8 bytes of the key's SHA-256; NULL: it could not be computed. */
const char *eg_key_fingerprint(struct eg_run *r, const uint8_t *key, size_t size);

#endif
