/* numbers_fuzz.c - any bytes as what points to numbers, as public keys, and as a certificate: the
 * first says which. */
#include "../../plugins/keys/numkeys.h"
#include "../../plugins/keys/x509.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(void *context, struct eg_key_bytes n, struct eg_key_bytes e)
{
    (void)e;
    eg_bignums_add_be(context, 0, n.at, n.n);
}

static void numbers(const uint8_t *bytes, size_t len)
{
    static struct eg_bignum room[BIGNUMS_MAX];
    static uint8_t room_bytes[BIGNUMS_MAX * 256];
    struct eg_bignums s = { .of = room, .bytes = room_bytes };
    struct eg_limbs found[LIMBS_LAYOUTS];

    for (unsigned ptr = 4; ptr <= 8; ptr += 4)
        for (size_t at = 0; at <= len; at++) {
            const size_t n = eg_limbs_at(bytes, len, at, ptr, found);

            if (n > LIMBS_LAYOUTS)
                abort();
            for (size_t i = 0; i < n; i++)
                if (found[i].bytes < LIMBS_MIN || found[i].bytes > LIMBS_MAX ||
                    found[i].bytes % ptr)
                    abort();
        }
    eg_numkeys_public(bytes, len, add, &s);
    for (size_t at = 0; at + LIMBS_MIN <= len; at += 8)
        eg_bignums_add(&s, at + 1, bytes + at, EG_MIN(len - at, (size_t)LIMBS_MAX));
    eg_bignums_sort(&s);
    for (size_t i = 0; i < s.n; i++) {
        if (eg_bignums_find(&s, s.of[i].bytes, s.of[i].len) != &s.of[i])
            abort();
        if (i && s.of[i - 1].len > s.of[i].len)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_certificate c;
    enum eg_certificate_form form;
    size_t len;

    if (!size)
        return 0;
    if (!data[0]) {
        numbers(data + 1, size - 1);
        return 0;
    }
    form = data[0] == 1 ? CERTIFICATE_DER : CERTIFICATE_PEM;
    len = eg_certificate_size(form, data + 1, size - 1);
    if (len > size - 1)
        abort();
    if (len)
        eg_certificate_read(form, data + 1, len, &c);
    eg_certificate_read(form, data + 1, size - 1, &c);
    return 0;
}
