/* sw842.c - unpacks 842, the format of IBM's compression accelerator, which the kernel has in
 * software too (lib/842/842.h).
 *
 *  A stream of bits, the highest first: templates of 5 bits. Each makes 8 bytes from data in the
 * stream and from copies of 2, 4 or 8 bytes that were made before; these are named by their place
 * in a ring of the last 512 or 2048 bytes. */
#include "unpack.h"
#include <string.h>

struct bits {
    const uint8_t *p;
    size_t at, n; // bits: the next one, all
    uint8_t *out, *put, *max;
};

static bool take(struct bits *b, unsigned n, uint64_t *out)
{
    uint64_t v = 0;

    if (n > b->n - b->at)
        return false;
    for (; n; b->at += 1, n--)
        v = v << 1 | (b->p[b->at >> 3] >> (7 - (b->at & 7)) & 1);
    *out = v;
    return true;
}

static bool data(struct bits *b, unsigned n)
{
    uint64_t v;

    if (n > (size_t)(b->max - b->put))
        return false;
    for (; n; n--) {
        if (!take(b, 8, &v))
            return false;
        *b->put++ = (uint8_t)v;
    }
    return true;
}

/* The ring is filled with whole groups of 8 bytes. */
static bool index_of(struct bits *b, unsigned n)
{
    const unsigned bits = n == 4 ? 9 : 8;
    const size_t ring = (size_t)n << bits, total = (size_t)(b->put - b->out) & ~(size_t)7;
    uint64_t i;
    size_t from;

    if (n > (size_t)(b->max - b->put) || !take(b, bits, &i))
        return false;
    from = (size_t)i * n;
    if (total > ring) {
        const size_t in = total % ring;

        from += total - in - (from >= in ? ring : 0);
    }
    if (from + n > total)
        return false;
    memcpy(b->put, b->out + from, n);
    b->put += n;
    return true;
}

/* Actions of the templates: "d" or "i" and how many bytes. */
static bool template(struct bits *b, uint64_t op)
{
    static const char actions[][9] = {
        "d8",       "d4d2i2",   "d4i2d2",   "d4i2i2",   "d4i4",     "d2i2d4",   "d2i2d2i2",
        "d2i2i2d2", "d2i2i2i2", "d2i2i4",   "i2d2d4",   "i2d4i2",   "i2d2i2d2", "i2d2i2i2",
        "i2d2i4",   "i2i2d4",   "i2i2d2i2", "i2i2i2d2", "i2i2i2i2", "i2i2i4",   "i4d4",
        "i4d2i2",   "i4i2d2",   "i4i2i2",   "i4i4",     "i8",
    };
    const char *a;

    if (op >= sizeof actions / sizeof *actions)
        return false;
    for (a = actions[op]; *a; a += 2)
        if (!(*a == 'd' ? data : index_of)(b, (unsigned)(a[1] - '0')))
            return false;
    return true;
}

static bool repeat(struct bits *b)
{
    uint64_t times;

    if (!take(b, 6, &times) || b->put - b->out < 8 || (times + 1) * 8 > (size_t)(b->max - b->put))
        return false;
    for (times++; times; times--, b->put += 8)
        memcpy(b->put, b->put - 8, 8);
    return true;
}

ptrdiff_t linux_un842(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    enum { REPEAT = 0x1b, ZEROS = 0x1c, SHORT = 0x1d, END = 0x1e };
    struct bits b = { .p = p, .n = 8 * n, .out = out, .put = out, .max = out + len };
    uint64_t op, bytes;

    while (take(&b, 5, &op)) {
        switch (op) {
        case END:
            return b.put - out;
        case ZEROS:
            if (b.max - b.put < 8)
                return -1;
            memset(b.put, 0, 8);
            b.put += 8;
            break;
        case REPEAT:
            if (!repeat(&b))
                return -1;
            break;
        case SHORT: // of the software only: an end that is not 8 bytes
            if (!take(&b, 3, &bytes) || !bytes || !data(&b, (unsigned)bytes))
                return -1;
            break;
        default:
            if (!template(&b, op))
                return -1;
        }
    }
    return -1;
}
