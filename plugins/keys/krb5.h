/** krb5.h - the formats in which Kerberos keeps tickets and keys: credential caches (0x0503,
 * 0x0504) and keytabs (0x0502), all big-endian (MIT krb5: doc/formats). */
#ifndef KEYS_KRB5_H
#define KEYS_KRB5_H

#include "der.h"

enum { EG_KRB5_PARTS = 8, EG_KRB5_NAME = 512 };

struct eg_krb5_principal {
    uint32_t type, n; /**< n: names before the realm, at most EG_KRB5_PARTS */
    struct eg_key_bytes realm, part[EG_KRB5_PARTS];
};
/** "host/lab@REALM", cut at EG_KRB5_NAME; @out ends in 0. */
EG_API void eg_krb5_name(const struct eg_krb5_principal *p, char out[EG_KRB5_NAME]);

/** "aes256-cts-hmac-sha1-96"; NULL: no such type is known. @len: bytes of its keys. */
EG_API const char *eg_krb5_type(uint16_t type, size_t *len);

/** What a credential cache begins with. @return its size; 0: it is none. */
EG_API size_t eg_krb5_ccache(const uint8_t *p, size_t len, unsigned *version,
                             struct eg_krb5_principal *owner);

struct eg_krb5_cred {
    struct eg_krb5_principal client, server;
    uint16_t type;
    struct eg_key_bytes key;
    uint32_t authtime, starttime, endtime, renew_till; /**< seconds since 1970 */
    bool is_skey;
    uint32_t flags; /**< of the ticket, bit 0 of RFC 4120 is the highest */
    struct eg_key_bytes ticket;
    bool config; /**< no credential, but a setting of the cache (X-CACHECONF:) */
    bool proven; /**< the key has the length of its type, and the ticket is one for the server */
    size_t size;
};
/** A credential of a cache of @version, 3 or 4, as it also stands in keys of the kernel. @return
 * false: it is none, or not whole. */
EG_API bool eg_krb5_cred(const uint8_t *p, size_t len, unsigned version, struct eg_krb5_cred *out);
/** Can one of version 4 begin here, by the first 12 bytes? A cheap test. */
static inline bool eg_krb5_may_begin(const uint8_t *p)
{
    // name type, number of parts, length of the realm
    return !p[0] && !p[1] && !p[2] && p[3] <= 11 && !p[4] && !p[5] && !p[6] && p[7] &&
           p[7] <= EG_KRB5_PARTS && !p[8] && !p[9] && !p[10] && p[11];
}

struct eg_krb5_entry {
    struct eg_krb5_principal of;
    uint32_t time, kvno;
    uint16_t type;
    struct eg_key_bytes key;
    bool proven; /**< the key has the length of its type, and nothing else is in the entry */
    bool hole;   /**< an entry that was removed */
    size_t size;
};
enum { EG_KRB5_KEYTAB_HEADER = 2 };
/** An entry of a keytab, behind its header or the entry before. */
EG_API bool eg_krb5_entry(const uint8_t *p, size_t len, struct eg_krb5_entry *out);

#endif
