/** keyring.h - the kernel's keys (security/keys/): all of them, and the secrets that their payloads
 * hold. */
#ifndef KEYS_KEYRING_H
#define KEYS_KEYRING_H

#include "../../core/engram.h"

EG_FIELDS(key, description, expiry, flags, keys, perm, serial, serial_node, state, type);
EG_FIELD_AS(key_payload, key, "payload.data");
EG_FIELDS(key_type, name);

struct eg_keyring_key {
    struct eg_obj key;    /**< a struct key */
    const char *type;     /**< name of its type; NULL: cannot be read */
    const char *links;    /**< of a keyring: serials of its keys, with commas; else NULL */
    const char *found_by; /**< what leads to it: tree; keyring, thread: not the tree */
};
typedef void eg_keyring_each(void *context, const struct eg_keyring_key *k);
/** Call @each for each key that the tree of all keys, a keyring or a thread leads to, once. */
void eg_keyring_walk(struct eg_run *r, eg_keyring_each *each, void *context);

/** As /proc/keys has it: I instantiated, R revoked, D dead, Q in quota, U under construction, N
 * negative, i invalidated. NULL: cannot be read. */
const char *eg_keyring_flags(struct eg_run *r, struct eg_obj key);
/** Is it instantiated, and not to say that there is no such key? */
bool eg_keyring_ready(struct eg_run *r, struct eg_obj key);

/** What a key's payload holds. */
struct eg_keyring_secret {
    struct eg_cell size;   /**< bytes, as the payload says, or why not; unset: it holds none */
    struct eg_cell unread; /**< why @bytes is NULL, where there is a reason */
    const uint8_t *bytes;  /**< NULL: not read */
    size_t len;            /**< of @bytes */
    uint64_t at;           /**< where they are; 0: they were computed */
    const char *algorithm; /**< that the key says it is for; NULL: it says none */
    const char *proof;     /**< what was computed to prove it; NULL: nothing was */
};
/** Bytes of secrets that may still be read, of all keys together. */
enum { KEYRING_READ_MAX = 1 << 28 };
/** The secret of a key that is ready; @room is what may still be read. */
void eg_keyring_secret(struct eg_run *r, const struct eg_keyring_key *k, size_t *room,
                       struct eg_keyring_secret *out);

#endif
