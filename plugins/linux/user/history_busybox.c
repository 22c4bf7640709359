/* history_busybox.c - the history of busybox' line editor, which its shells use (include/libbb.h,
 * struct line_input_t):
 *
 *     int flags, timeout; …pointers…
 *     int cnt_history, cur_history, max_history;
 *     unsigned cnt_history_in_file; char *hist_file;     both only where it can save its history
 *     char *history[MAX_HISTORY + 1];
 *
 *  There are no times. What stands between timeout and cnt_history differs by release, but for the
 * pointers there: flags are found a few words before. */
#include "history.h"

enum { COUNT_MAX = 1 << 15, WORDS_BEFORE = 6, FLAGS_MAX = 0x1000, DO_HISTORY = 1 };

/** The four integers, at @p. */
static bool counts(const struct linux_user *u, const uint8_t *p, uint32_t *count)
{
    const uint64_t cnt = eg_load_(p, 4, u->big), cur = eg_load_(p + 4, 4, u->big);
    const uint64_t max = eg_load_(p + 8, 4, u->big);

    *count = (uint32_t)cnt;
    return cnt && cnt <= max && cur <= cnt && max <= COUNT_MAX;
}

bool linux_history_maybe_busybox(const struct linux_user *u, const struct linux_user_piece *p,
                                 size_t at)
{
    uint32_t count;

    return at + 12 > p->len ? eg_load_(p->bytes + at, 4, u->big) <= COUNT_MAX
                            : counts(u, p->bytes + at, &count);
}

/** flags and timeout: bit 0 of the flags says that there is a history; no timeout is -1, another
 * one is in milliseconds, of seconds that were set. */
static bool begins_before(const struct linux_user *u, uint64_t at)
{
    for (unsigned k = 0; k <= WORDS_BEFORE; k++) {
        uint32_t flags, timeout;

        if (linux_user_u32(u, at - k * u->ptr - 8, &flags) &&
            linux_user_u32(u, at - k * u->ptr - 4, &timeout) && (flags & DO_HISTORY) &&
            flags < FLAGS_MAX && (timeout == UINT32_MAX || (timeout && timeout % 1000 == 0)))
            return true;
    }
    return false;
}

/** A line is memory that was allocated: not code, nor a constant. */
static bool is_text(struct linux_history *h, uint64_t at)
{
    uint64_t text;

    return linux_user_word(h->u, at, &text) && linux_user_range(h->u, text) &&
           linux_user_is_text(h->u, text, LINUX_LINE_MAX, LINUX_TEXT_LINE, NULL);
}

static bool all_texts(struct linux_history *h, uint64_t at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_text(h, at + (uint64_t)i * h->u->ptr))
            return false;
    return true;
}

/** Where the array begins; 0: it is none. */
static uint64_t array(struct linux_history *h, uint64_t at, uint32_t count)
{
    const unsigned ptr = h->u->ptr;
    const uint64_t saves = at + 16 + ptr, plain = at + (12 + ptr - 1) / ptr * ptr;
    uint64_t file;

    if (linux_user_word(h->u, at + 16, &file) && (!file || is_text(h, at + 16)) &&
        all_texts(h, saves, count))
        return saves;
    return all_texts(h, plain, count) ? plain : 0;
}

void linux_history_busybox(struct linux_history *h)
{
    uint64_t behind = 0; // the last one: a candidate within its array is none

    for (size_t i = 0; i < h->busybox.n && !eg_stopped(h->u->run); i++) {
        const uint64_t at = h->busybox.at[i];
        const uint8_t *p = eg_bytes(eg_view_of(h->u->run), h->u->space, at, 12);
        uint32_t count;
        uint64_t list;

        if (at < behind || !p || !counts(h->u, p, &count) || !begins_before(h->u, at))
            continue;
        list = array(h, at, count);
        for (uint32_t k = 0; list && k < count; k++) {
            struct linux_command c = { .kind = "busybox",
                                       .at = list + (uint64_t)k * h->u->ptr,
                                       .number = k + 1 };

            if (linux_user_word(h->u, c.at, &c.line))
                linux_history_add(h, c);
        }
        if (list)
            behind = list + (uint64_t)count * h->u->ptr;
    }
}
