/** der.h - the encodings of private keys: where one begins and ends, and what it holds, without
 * knowing whether it is a key. DER (X.690) with lengths below 64 KiB; OpenSSH's format
 * (PROTOCOL.key, and RFC 4251 section 5 for its strings); PEM (RFC 7468). */
#ifndef KEYS_DER_H
#define KEYS_DER_H

#include "../../core/base.h"
#include "../../core/engram.h"

enum { KEY_MAX = 16 << 10 }; /**< bytes of one: RSA of 16384 bits has less, as PEM too */

/** Bytes of somebody else. */
struct eg_key_bytes {
    const uint8_t *at;
    size_t n;
};
/** Take @n bytes off the front; false: there are fewer. */
static inline bool eg_key_take(struct eg_key_bytes *from, size_t n, struct eg_key_bytes *out)
{
    if (n > from->n)
        return false;
    *out = (struct eg_key_bytes){ from->at, n };
    from->at += n;
    from->n -= n;
    return true;
}

enum {
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30
};
/** Take what @from begins with off it, if it is @tag and whole: @out is its content. */
EG_API bool eg_der_take(struct eg_key_bytes *from, uint8_t tag, struct eg_key_bytes *out);

/** RFC 4251's string: a big-endian length, and as many bytes. */
EG_API bool eg_ssh_take(struct eg_key_bytes *from, struct eg_key_bytes *out);
EG_API bool eg_ssh_is(struct eg_key_bytes bytes, const char *text);

/** What PROTOCOL.key lists. */
struct eg_openssh {
    bool encrypted;
    struct eg_key_bytes public;    /**< as in a .pub file and in authorized_keys, decoded */
    struct eg_key_bytes type;      /**< of a key that is not encrypted, "ssh-ed25519" */
    struct eg_key_bytes fields[8]; /**< what follows; which they are depends on the type */
    size_t n_fields;
    struct eg_key_bytes comment;
    size_t size; /**< of all */
};
EG_API bool eg_openssh_read(const uint8_t *p, size_t len, struct eg_openssh *out);

#endif
