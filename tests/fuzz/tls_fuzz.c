/* tls_fuzz.c - any bytes as a piece of a program's memory; the first says how long its pointers are
 * and where a row of slots is looked for. */
#include "../../plugins/keys/tls_find.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t length;

static void each(void *context, size_t at, enum eg_tls_sort sort)
{
    (void)context;
    if (at % 4 || at >= length ||
        (sort != TLS_SLICE && sort != TLS_SLOTS && sort != TLS_SESSION && sort != TLS_DENSE))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eg_tls_slots s;
    struct eg_tls13 of;
    uint32_t budget = 2000;
    uint8_t *bytes;

    if (size < 2)
        return 0;
    length = size - 1 - (size - 1) % 8;
    bytes = malloc(length + !length); // what is read behind it is seen by a sanitizer
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, length);
    eg_tls_look(bytes, length, data[0] & 1 ? 4 : 8, each, NULL);
    if (eg_tls_slots(bytes, length, (size_t)(data[0] >> 1) * 16, &s)) {
        if (s.n < 3 || s.n > TLS_SLOTS_MAX || s.at + s.n * TLS_SLOT > length ||
            (s.hash != 32 && s.hash != 48))
            abort();
        if (eg_tls13_prove(bytes + s.at, s.n, s.hash, &budget, &of) && of.master >= (int)s.n)
            abort();
    }
    for (unsigned master = 0; master < 2; master++)
        for (size_t at = 0; eg_tls_randoms(bytes, length, master, &at); at += 4)
            if (at + 64 > length)
                abort();
    for (size_t at = 0; at < length; at += 8)
        if (eg_tls_is_master(bytes + at, length - at) && length - at < TLS_MASTER)
            abort();
    free(bytes);
    return 0;
}
