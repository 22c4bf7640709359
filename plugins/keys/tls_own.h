/** tls_own.h - between tls.c, which finds connections of a process, tls_use.c, which looks whether
 * their keys are in use, and tls_log.c, which tells them. */
#ifndef KEYS_TLS_OWN_H
#define KEYS_TLS_OWN_H

#include "tls_find.h"
#include "vault.h"

enum {
    TLS_PAIRS_MAX = 8,
    TLS_CONNECTIONS_MAX = 1 << 13,
    TLS_HELLOS_MAX = 16,
    TLS_LOOSE_MAX = 1 << 12
};

/** Two randoms that lie next to each other. */
struct eg_tls_pair {
    uint64_t at;
    uint8_t random[2][TLS_RANDOM];
    uint64_t hello[2]; /**< where the process's memory has the Hello message with it */
    uint32_t hello_len[2];
    int8_t client; /**< which is the client's, as a Hello message shows; -1: not known */
};

/** Write keys that were found. */
struct eg_tls_used {
    uint8_t key_len; /**< 0: was not */
    bool cbc;        /**< a MAC has keys too: no AEAD */
    uint16_t parts;  /**< of TLS 1.2: where in the key block what was found begins */
};

struct eg_tls_connection {
    enum {
        TLS_13,
        TLS_13_SLOTS, /**< nothing follows from anything */
        TLS_13_GO,    /**< slots are the traffic secrets, the client's first */
        TLS_12
    } sort;
    uint64_t at;        /**< of the slots; of the master secret */
    uint64_t secret[2]; /**< TLS_13_GO: where they are */
    size_t n, hash;
    uint8_t slots[TLS_SLOTS_MAX][TLS_HASH_MAX];
    struct eg_tls_used used[TLS_SLOTS_MAX]; /**< of each slot; of a TLS 1.2 key [0] */
    struct eg_tls13 of;
    uint8_t master[TLS_MASTER];
    struct eg_tls_pair pairs[TLS_PAIRS_MAX];
    size_t n_pairs;
    int pair, client;  /**< of TLS 1.2: with which the key block was computed; -1: none yet */
    bool client_first; /**< randoms of this library lie so, if nothing else tells */
};

struct eg_tls {
    struct eg_vault *v;
    const struct eg_key_process *p;
    struct eg_tls_connection **of;
    size_t n, cap;
    struct eg_map *seen; /**< rows of slots, by their address */
    uint32_t budget;     /**< secrets that are still computed, of this process */
    // of Go
    struct eg_tls_half *halves; /**< in the order of their addresses */
    size_t n_halves, cap_halves;
    unsigned n_go;                             /**< connections */
    uint8_t hello[TLS_HELLOS_MAX][TLS_RANDOM]; /**< randoms of ClientHello messages, if n_go */
    unsigned n_hellos;                         /**< one more than fit: there are too many */
    struct linux_addresses loose; /**< what may be secrets that nobody points to, if a capture can
                                     prove them */
};

/** Bytes from @at on; what cannot be read is zero. */
void eg_tls_read(struct eg_tls *t, uint64_t at, uint8_t *out, size_t len);

/** @return NULL: there are too many. */
struct eg_tls_connection *eg_tls_connection_new(struct eg_tls *t);
/** A slice of Go whose length is at @at: keep it if it is a secret of one direction, and take the
 * connection of TLS 1.2 whose master secret it is. */
void eg_tls_take_slice(struct eg_tls *t, uint64_t at);
/** The connections of TLS 1.3 that the kept directions are of. */
void eg_tls_take_halves(struct eg_tls *t);

/** Look in the process's memory for the connections' write keys and Hello messages. */
void eg_tls_use(struct eg_tls *t);
/** Add the secrets of all connections. */
void eg_tls_tell(struct eg_tls *t);

#endif
