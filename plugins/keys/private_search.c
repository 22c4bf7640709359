/* private_search.c - where in memory the form of a private key may be. */
#include "../../core/base.h"
#include "lanes.h"
#include "private.h"

struct looking {
    const struct eg_window *w;
    struct eg_hits *out;
    uint32_t id; // of the search that is part of another one
};

static void try(const struct looking *l, enum eg_key_form form, size_t at)
{
    const size_t size = eg_key_size(form, l->w->bytes + at, l->w->len - at);

    if (size)
        eg_hit_add(l->out, l->w->addr + at, (uint32_t)size, l->id | form);
}

/* A version is behind the tag of a sequence and the 1 to 3 bytes of its length. */
static void try_der(const struct looking *l, size_t at)
{
    for (size_t n = 2; n <= 4 && n <= at; n++) {
        const uint8_t *p = l->w->bytes + at - n;

        if (p[0] == DER_SEQUENCE && (n == 2 ? p[1] < 0x80 : p[1] == 0x7e + n))
            try(l, KEY_DER, at - n);
    }
}

/* The name of what encrypts is behind two sequences. */
static void try_encrypted(const struct looking *l, size_t at)
{
    for (size_t inner = 2; inner <= 4; inner++)
        for (size_t outer = 2; outer <= 4 && inner + outer <= at; outer++) {
            const size_t first = at - inner - outer;
            const size_t size = eg_key_size(KEY_DER, l->w->bytes + first, l->w->len - first);

            if (size && eg_pkcs8_encrypted((struct eg_key_bytes){ l->w->bytes + first, size }))
                try(l, KEY_DER, first);
        }
}

/* Four bytes that each form has: of PEM, OpenSSH and PuTTY some of its words; of DER a version of 0
 * or 1, and behind it a number (PKCS#1), a sequence (PKCS#8) or octets (SEC1); or the name of an
 * algorithm below 1.2.840 whose length is that of PKCS#5's and PKCS#12's. */
enum { IN_PEM = 4, IN_OPENSSH = 6 }; // where in "-----BEGIN" and in "openssh-key" they are

static void try_at(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes + at;

    if (p[0] == DER_INTEGER)
        try_der(l, at);
    else if (p[0] == DER_OID)
        try_encrypted(l, at);
    else if (p[0] == '-' && at >= IN_PEM) {
        try(l, KEY_PEM, at - IN_PEM);
        try(l, KEY_PGP, at - IN_PEM);
    } else if (p[0] == 'P')
        try(l, KEY_PUTTY, at);
    else if (p[0] == 'h' && at >= IN_OPENSSH)
        try(l, KEY_OPENSSH, at - IN_OPENSSH);
}

LANES_WIDE static void may_be_form(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++) {
        const uint8_t a = p[i], b = p[i + 1], c = p[i + 2], d = p[i + 3];

        m[i] = ((a == DER_INTEGER) & (b == 1) & (c <= 1) &
                ((d == DER_INTEGER) | (d == DER_SEQUENCE) | (d == DER_OCTETS))) |
               ((a == DER_OID) & ((b | 3) == 11) & (c == 0x2a) & (d == 0x86)) |
               ((a == '-') & (b == 'B') & (c == 'E') & (d == 'G')) |
               ((a == 'h') & (b == '-') & (c == 'k') & (d == 'e')) |
               ((a == 'P') & (b == 'u') & (c == 'T') & (d == 'T'));
    }
}

enum { BEHIND = 8 }; // what tells them is no further from their beginning

void eg_private_search(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const struct looking l = { w, out, id };
    const size_t end = EG_MIN(w->len, w->to + BEHIND + 1);
    size_t at = w->from, i;
    uint8_t m[LANES];

    for (; at < end && at + LANES + 3 <= w->len; at += LANES) {
        may_be_form(w->bytes + at, m);
        lanes_each(i, m) try_at(&l, at + i);
    }
    for (; at < end; at++) // all that they begin with is checked again
        try_at(&l, at);
}
