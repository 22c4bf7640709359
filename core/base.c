/* base.c - errors, cleanup functions, growing arrays. */
#include "base.h"
#include "vec.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int eg_fail(struct eg_error *e, int code, const char *format, ...)
{
    if (e) {
        va_list ap;

        e->code = code;
        va_start(ap, format);
        vsnprintf(e->text, sizeof e->text, format, ap);
        va_end(ap);
    }
    return -code;
}

void eg_hex(char *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = 0;
}

void eg_free_(void *pointer_to_pointer)
{
    void *p;

    memcpy(&p, pointer_to_pointer, sizeof p);
    free(p);
}

void eg_close_fd_(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

void *eg_vec_grow_(void *at, size_t *cap, size_t want, size_t size)
{
    size_t n = *cap;
    uint64_t bytes;

    if (at && want <= n)
        return at;
    n = EG_MAX(n + n / 2, EG_MAX(want, 8));
    if (!eg_mul(n, size, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    at = realloc(at, bytes);
    if (at)
        *cap = n;
    return at;
}
