/* arena.c - blocks that double in size up to 1 MiB; a large request gets a block of its own. */
#include "arena.h"
#include <stdio.h>
#include <stdlib.h>

struct eg_arena_block {
    struct eg_arena_block *next;
    size_t size, used;
    _Alignas(max_align_t) unsigned char bytes[];
};

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20 };

void eg_arena_fini(struct eg_arena *a)
{
    while (a->top) {
        struct eg_arena_block *next = a->top->next;

        free(a->top);
        a->top = next;
    }
    a->used = 0;
}

void eg_arena_reset(struct eg_arena *a)
{
    struct eg_arena_block *keep = a->top;

    if (!keep || keep->next || keep->size > BLOCK_MAX) {
        eg_arena_fini(a);
        return;
    }
    keep->used = 0;
    a->used = 0;
}

void *eg_arena_alloc(struct eg_arena *a, size_t len)
{
    struct eg_arena_block *b = a->top;
    void *p;

    if (len > PTRDIFF_MAX / 2 || (a->limit && (len > a->limit || a->used > a->limit - len)))
        return NULL;
    len = eg_align_up(EG_MAX(len, 1), _Alignof(max_align_t));
    if (!b || len > b->size - b->used) {
        size_t size = b ? EG_MIN(b->size * 2, (size_t)BLOCK_MAX) : BLOCK_MIN;

        size = EG_MAX(size, len);
        b = malloc(sizeof *b + size);
        if (!b)
            return NULL;
        b->size = size;
        b->used = 0;
        // A block that its first request fills goes below the top block, which may still have room.
        if (len == size && a->top) {
            b->next = a->top->next;
            a->top->next = b;
        } else {
            b->next = a->top;
            a->top = b;
        }
    }
    p = b->bytes + b->used;
    b->used += len;
    a->used += len;
    return memset(p, 0, len);
}

void *eg_arena_array_(struct eg_arena *a, size_t size, size_t n)
{
    uint64_t bytes;

    return eg_mul(size, n, &bytes) ? eg_arena_alloc(a, bytes) : NULL;
}

char *eg_arena_strndup(struct eg_arena *a, const char *s, size_t len)
{
    char *copy = len < PTRDIFF_MAX ? eg_arena_alloc(a, len + 1) : NULL;

    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *eg_arena_vstrf(struct eg_arena *a, const char *format, va_list ap)
{
    char text[256]; // most are shorter, and need to be formatted only once
    va_list again;
    char *s;
    int n;

    va_copy(again, ap);
    n = vsnprintf(text, sizeof text, format, again);
    va_end(again);
    s = n < 0 ? NULL : eg_arena_alloc(a, (size_t)n + 1);
    if (s && (size_t)n < sizeof text)
        memcpy(s, text, (size_t)n + 1);
    else if (s)
        vsnprintf(s, (size_t)n + 1, format, ap);
    return s;
}

char *eg_arena_strf(struct eg_arena *a, const char *format, ...)
{
    va_list ap;
    char *s;

    va_start(ap, format);
    s = eg_arena_vstrf(a, format, ap);
    va_end(ap);
    return s;
}
