/* format.c - the dump formats of this build, and which of them a file is. */
#include "image.h"
#include <stdlib.h>

enum { HEAD_MAX = 1 << 16 };

extern const struct eg_format_reg *const __start_eg_formats[]
    __attribute__((__weak__, __visibility__("hidden")));
extern const struct eg_format_reg *const __stop_eg_formats[]
    __attribute__((__weak__, __visibility__("hidden")));

const struct eg_format_reg *eg_format_nth(size_t i)
{
    const struct eg_format_reg *const *all = __start_eg_formats, *const *end = __stop_eg_formats;

    // A handful, in the linker's order: the i-th is the one that i others come before.
    for (const struct eg_format_reg *const *a = all; a < end; a++) {
        size_t before = 0;

        for (const struct eg_format_reg *const *b = all; b < end; b++)
            before += strcmp((*b)->name, (*a)->name) < 0;
        if (before == i)
            return *a;
    }
    return NULL;
}

int eg_format_probe(const struct eg_format_reg **out, int *score, struct eg_view *v,
                    struct eg_space *file, const char *name, bool on_disk, struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *head = malloc(HEAD_MAX);
    const struct eg_format_reg *f, *best = NULL, *equal = NULL;
    const uint64_t size = eg_space_size(file);
    int best_score = 0;

    if (!head)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    for (size_t i = 0; (f = eg_format_nth(i)); i++) {
        struct eg_head h = { .at = head, .size = size, .path = on_disk ? name : NULL };
        int s;

        h.len = EG_MIN(f->format->head, (size_t)HEAD_MAX);
        h.len = size ? EG_MIN(h.len, size) : h.len;
        eg_read_some(v, file, 0, head, h.len, NULL);
        s = f->format->probe(&h);
        if (s > best_score) {
            best = f;
            best_score = s;
            equal = NULL;
        } else if (s == best_score) {
            equal = f;
        }
    }
    if (!best)
        return eg_fail(e, EG_EFORMAT, "%s: no format fits: name one with --format", name);
    if (equal)
        return eg_fail(e, EG_EFORMAT, "%s: could be %s or %s: name one with --format", name,
                       best->name, equal->name);
    *out = best;
    *score = best_score;
    return 0;
}
