/* history_zsh.c - zsh's history (Src/zsh.h, struct histent; the same since 4.3.10 of 2009):
 *
 *     struct hashnode { next; char *nam; int flags; } node;
 *     up, down;           the ring: earlier, later
 *     char *zle_text;
 *     time_t stim, ftim;  began, ended; 0: read from a file that has no times
 *     short *words; int nwords; zlong histnum;
 *
 *  The line that is being typed is a member of the ring without a text. */
#include "../../../core/map.h"
#include "history.h"
#include <stdlib.h>

enum { NAM = 1, UP = 3, DOWN = 4, STIM = 6, FTIM = 7, NUM_64 = 10, NUM_32 = 11 };

/* In words. A 32-bit struct has an int of 4 bytes behind each pair of others, and a number of 8
 * bytes, which i386 aligns to 4: node 3, up, down, zle_text, stim, ftim, words, nwords. */
static uint64_t word_at(const struct linux_user *u, uint64_t base, unsigned n)
{
    uint64_t w;

    return linux_user_word(u, base + n * u->ptr, &w) ? w : 0;
}

bool linux_history_maybe_zsh(const struct linux_user *u, const struct linux_user_piece *p,
                             size_t at)
{
    const unsigned ptr = u->ptr;
    uint64_t up, down, stim, ftim;

    if (at < STIM * ptr || at + 2 * ptr > p->len)
        return true;
    up = linux_user_load(u, p->bytes + at - (STIM - UP) * ptr);
    down = linux_user_load(u, p->bytes + at - (STIM - DOWN) * ptr);
    stim = linux_user_load(u, p->bytes + at);
    ftim = linux_user_load(u, p->bytes + at + ptr);
    return up && down && !(up % ptr) && !(down % ptr) && (!ftim || ftim >= stim) &&
           ftim <= UINT32_MAX;
}

static bool is_member(const struct linux_user *u, uint64_t base)
{
    const uint64_t up = word_at(u, base, UP), down = word_at(u, base, DOWN);

    return base && up && down && word_at(u, up, DOWN) == base && word_at(u, down, UP) == base;
}

static uint64_t number(const struct linux_user *u, uint64_t base)
{
    uint32_t low;

    if (u->ptr == 8)
        return word_at(u, base, NUM_64);
    return linux_user_u32(u, base + 10 * 4 + (u->big ? 4 : 0), &low) ? low : 0;
}

static void add(struct linux_history *h, uint64_t base)
{
    struct linux_command c = { .kind = "zsh", .at = base, .line = word_at(h->u, base, NAM) };

    if (!linux_user_range(h->u, c.line) ||
        !linux_user_is_text(h->u, c.line, LINUX_LINE_MAX, LINUX_TEXT_ANY, NULL))
        return;
    c.number = number(h->u, base);
    c.time = (int64_t)word_at(h->u, base, STIM);
    c.timed = c.time != 0 && c.time <= UINT32_MAX;
    linux_history_add(h, c);
}

static int by_number(const void *a, const void *b)
{
    const struct linux_command *x = a, *y = b;

    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : (x->at > y->at) - (x->at < y->at);
}

/* From each member that was found, all of its ring: those without a time are found that way. */
void linux_history_zsh(struct linux_history *h)
{
    struct eg_map *seen = eg_run_map(h->u->run);
    const size_t first = h->n;

    for (size_t i = 0; i < h->zsh.n && !eg_stopped(h->u->run); i++) {
        uint64_t at = h->zsh.at[i] - (uint64_t)STIM * h->u->ptr;
        bool text =
            linux_user_is_text(h->u, word_at(h->u, at, NAM), LINUX_LINE_MAX, LINUX_TEXT_ANY, NULL);

        for (size_t n = 0; text && n < LINUX_ADDRESSES_MAX && is_member(h->u, at) &&
                           eg_run_map_add(h->u->run, seen, at, 0);
             n++) {
            add(h, at);
            at = word_at(h->u, at, DOWN);
        }
    }
    if (h->n > first)
        qsort(h->found + first, h->n - first, sizeof *h->found, by_number);
}
