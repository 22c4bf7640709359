/** tls_find.h - what memory of a program may hold secrets of TLS, by its bytes alone.
 *
 *  OpenSSL and GnuTLS keep the secrets of TLS 1.3 one behind the other, each in a slot of 64 bytes
 * of which SHA-256 fills 32 and SHA-384 48; the rest is zero. A session of TLS 1.2 has its version
 * and the length of its master secret (OpenSSL), or lies before both randoms (GnuTLS). No offset of
 * any release is known here: what is found must prove itself.
 *
 *  Go's crypto/tls keeps slices: each is a pointer, a length and a capacity. */
#ifndef KEYS_TLS_FIND_H
#define KEYS_TLS_FIND_H

#include "tlskdf.h"

enum { TLS_SLOT = 64, TLS_SLOTS_MAX = 24, TLS_MASTER = 48, TLS_RANDOM = 32 };

/** What may be at a place. */
enum eg_tls_sort {
    TLS_SLICE,   /**< the length of a slice of Go, which may be a secret */
    TLS_SLOTS,   /**< a slot begins in these 64 bytes */
    TLS_SESSION, /**< a version, and the length of a master secret */
    TLS_DENSE,   /**< a master secret and two randoms, and perhaps the session's name */
};
typedef void eg_tls_each(void *context, size_t at, enum eg_tls_sort sort);
/** Call @each for the places of @len bytes that deserve a closer look. @ptr: bytes of a pointer. */
EG_API void eg_tls_look(const uint8_t *bytes, size_t len, unsigned ptr, eg_tls_each *each,
                        void *context);

/** Slots that follow each other. */
struct eg_tls_slots {
    size_t at, n; /**< first byte in the window, number */
    size_t hash;  /**< bytes that are filled: 32 or 48 */
};
/** The longest row of slots, at least three, of which one begins in the 64 bytes at @from. */
EG_API bool eg_tls_slots(const uint8_t *window, size_t len, size_t from, struct eg_tls_slots *out);

enum eg_tls_label {
    TLS_CLIENT_HANDSHAKE,
    TLS_SERVER_HANDSHAKE,
    TLS_CLIENT,
    TLS_SERVER,
    TLS_EXPORTER,
    TLS_LABELS
};
/** As key logs call them. */
extern const char *const eg_tls_label_names[TLS_LABELS];

/** Secrets that follow from each other. */
struct eg_tls13 {
    uint8_t secret[TLS_LABELS][TLS_HASH_MAX];
    int slot[TLS_LABELS];         /**< where it is; -1: it was computed */
    bool has_handshake;           /**< those of the handshake too */
    uint8_t hellos[TLS_HASH_MAX]; /**< of these the digest of both Hello messages */
    int master;
};
/** Is there a master secret in the slots, a digest, and what follows from both? Each try takes one
 * off *@budget, which ends the search at 0. */
EG_API bool eg_tls13_prove(const uint8_t *slots, size_t n, size_t hash, uint32_t *budget,
                           struct eg_tls13 *out);

/** What the slice may be whose length is the word @at, as the words around it say; what is behind
 * the borders may be anything. */
enum { TLS_TRAFFIC = 1, TLS_MASTER_SLICE = 2 };
EG_API unsigned eg_tls_slice(const uint8_t *window, size_t len, size_t at, unsigned ptr);
/** Is there a slice of @n bytes, whose pointer is the word @at? */
EG_API bool eg_tls_is_slice(const uint8_t *window, size_t len, size_t at, unsigned ptr, size_t n);

/** Do 32 bytes look random? */
EG_API bool eg_tls_is_random(const uint8_t *p);
/** A master secret (48 bytes) at @p that looks random? @room: bytes that can be read. */
EG_API bool eg_tls_is_master(const uint8_t *p, size_t room);
/** The next place at or behind *@at, a multiple of 4, where exactly two randoms are, and perhaps
 * 32 bytes more; with @master, a master secret and they. What is before and behind that does not
 * look random. */
EG_API bool eg_tls_randoms(const uint8_t *window, size_t len, bool master, size_t *at);

#endif
