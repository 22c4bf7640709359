/* dwarf_put.c - a growing section and its numbers. */
#include "dwarf_put.h"
#include <stdlib.h>

void eg_dwarf_section_fini(struct eg_dwarf_section *s)
{
    free(s->at);
    *s = (struct eg_dwarf_section){ 0 };
}

uint8_t *eg_dwarf_room(struct eg_dwarf_section *s, size_t n)
{
    size_t cap = s->cap;
    uint8_t *more;

    if (s->failed)
        return NULL;
    if (n > cap - s->n) {
        cap = s->n + n + cap + (1 << 16);
        more = realloc(s->at, cap);
        if (!more) {
            s->failed = true;
            return NULL;
        }
        s->at = more;
        s->cap = cap;
    }
    s->n += n;
    return s->at + s->n - n;
}

static void store(const struct eg_dwarf_section *s, uint8_t *p, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        p[s->big ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

void eg_dwarf_put(struct eg_dwarf_section *s, unsigned size, uint64_t v)
{
    uint8_t *p = eg_dwarf_room(s, size);

    if (p)
        store(s, p, size, v);
}

void eg_dwarf_put_bytes(struct eg_dwarf_section *s, const void *from, size_t n)
{
    uint8_t *p = eg_dwarf_room(s, n);

    if (p && n)
        memcpy(p, from, n);
}

void eg_dwarf_put_u(struct eg_dwarf_section *s, uint64_t v)
{
    for (; v > 127; v >>= 7)
        eg_dwarf_put(s, 1, (v & 127) | 128);
    eg_dwarf_put(s, 1, v);
}

void eg_dwarf_put_s(struct eg_dwarf_section *s, int64_t v)
{
    for (; v < -64 || v > 63; v >>= 7)
        eg_dwarf_put(s, 1, ((uint64_t)v & 127) | 128);
    eg_dwarf_put(s, 1, (uint64_t)v & 127);
}

void eg_dwarf_set(struct eg_dwarf_section *s, size_t at, unsigned size, uint64_t v)
{
    if (!s->failed)
        store(s, s->at + at, size, v);
}
