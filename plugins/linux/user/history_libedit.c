/* history_libedit.c - the history of libedit (NetBSD's src/history.c, the same since 2009), which
 * mariadb and others use:
 *
 *     hentry_t { int num; char *str; void *data; hentry_t *next, *prev; }     next: the older one
 *     history_t { hentry_t list; hentry_t *cursor; int max, cur, eventid, flags; }
 *
 *  list is the head of the ring, with number 0 and an empty text; cur says how many are in it.
 * There are no times. */
#include "history.h"

enum { STR = 1, NEXT = 3, PREV = 4, COUNTS = 6, COUNT_MAX = 1 << 20 };

/** max, cur, eventid, flags at @p. */
static bool counts(const struct linux_user *u, const uint8_t *p, uint32_t *count)
{
    const int32_t max = (int32_t)eg_load_(p, 4, u->big), cur = (int32_t)eg_load_(p + 4, 4, u->big);
    const int32_t id = (int32_t)eg_load_(p + 8, 4, u->big);

    *count = (uint32_t)cur;
    return cur > 0 && cur <= COUNT_MAX && max >= cur && id >= cur &&
           eg_load_(p + 12, 4, u->big) <= 1;
}

bool linux_history_maybe_libedit(const struct linux_user *u, const struct linux_user_piece *p,
                                 size_t at)
{
    const unsigned ptr = u->ptr;
    const uint8_t *b = p->bytes + at;
    uint64_t next, prev;
    uint32_t count;

    if (at + 16 > p->len || at < COUNTS * ptr) // such a struct is not cut by a page, as a rule
        return false;
    if (!counts(u, b, &count) || eg_load_(b - COUNTS * ptr, 4, u->big))
        return false;
    next = linux_user_load(u, b - (COUNTS - NEXT) * ptr);
    prev = linux_user_load(u, b - (COUNTS - PREV) * ptr);
    return next && prev && !(next % ptr) && !(prev % ptr);
}

static uint64_t word_at(const struct linux_user *u, uint64_t base, unsigned n)
{
    uint64_t w;

    return linux_user_word(u, base + (uint64_t)n * u->ptr, &w) ? w : 0;
}

/** A member of the ring, whose number is above that of the older one. */
static bool is_entry(struct linux_user *u, uint64_t at, uint32_t older)
{
    uint32_t number;

    return at % u->ptr == 0 && linux_user_u32(u, at, &number) && number > older &&
           number <= INT32_MAX && linux_user_range(u, word_at(u, at, STR)) &&
           linux_user_is_text(u, word_at(u, at, STR), LINUX_LINE_MAX, LINUX_TEXT_ANY, NULL);
}

/** Does the ring of @head have @count entries, whose numbers grow? The oldest comes first. */
static bool is_ring(struct linux_user *u, uint64_t head, uint32_t count)
{
    uint64_t at = word_at(u, head, PREV), next = head;
    uint32_t older = 0, n = 0;

    for (; at != head; n++) {
        if (n == count || !is_entry(u, at, older) || word_at(u, at, NEXT) != next ||
            !linux_user_u32(u, at, &older))
            return false;
        next = at;
        at = word_at(u, at, PREV);
    }
    return n == count && word_at(u, head, NEXT) == next;
}

void linux_history_libedit(struct linux_history *h)
{
    struct linux_user *u = h->u;

    for (size_t i = 0; i < h->libedit.n && !eg_stopped(u->run); i++) {
        const uint64_t head = h->libedit.at[i] - (uint64_t)COUNTS * u->ptr;
        const uint8_t *p = eg_bytes(eg_view_of(u->run), u->space, h->libedit.at[i], 16);
        uint64_t at = word_at(u, head, PREV);
        uint32_t count, number;

        if (!p || !counts(u, p, &count) || !is_ring(u, head, count))
            continue;
        for (; at != head; at = word_at(u, at, PREV)) {
            struct linux_command c = { .kind = "libedit", .at = at, .line = word_at(u, at, STR) };

            if (linux_user_u32(u, at, &number))
                c.number = number;
            linux_history_add(h, c);
        }
    }
}
