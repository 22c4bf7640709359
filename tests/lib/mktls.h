/** mktls.h - secrets of TLS that tests invent, and what `keys` says of them. */
#ifndef MK_TLS_H
#define MK_TLS_H

#include "../../plugins/keys/tls_find.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>

/* Bytes that look random, the same ones each time. */
static inline void invent(uint8_t *out, size_t n, unsigned seed)
{
    uint8_t secret[48] = { 1 };

    for (size_t i = 0; i < n; i += 32) {
        uint8_t part[32];

        secret[1] = (uint8_t)seed;
        secret[2] = (uint8_t)(i / 32);
        assert_true(eg_tls_expand(48, secret, "test", NULL, 0, part, 32));
        memcpy(out + i, part, EG_MIN(n - i, (size_t)32));
    }
}

static inline void put(struct mk_user *u, uint64_t at, const uint8_t *bytes, size_t n)
{
    while (n) { // within one page
        const size_t some = EG_MIN(n, (size_t)(u->g.page - at % u->g.page));

        mk_guest_write(&u->g, u->mm, at, bytes, some);
        at += some;
        bytes += some;
        n -= some;
    }
}

/* KIND, PURPOSE and whether it is verified; the hints. */
static inline const char *rows(struct mk_user *u)
{
    return mk_guest_rows(&u->g, "keys", "show");
}

static inline unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static inline size_t from_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

static inline const char *in_hex(const uint8_t *p, size_t n)
{
    static char out[200];

    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    return out;
}

#endif
