/* history.c - the search that all kinds of history share: one pass over the memory keeps the places
 * that could belong to one, each kind looks at its own. */
#include "history.h"
#include <string.h>

/* Times that a zsh command can have: 2001 to 2106. */
enum { TIME_FIRST = 1000000000 };
static const uint64_t time_last = UINT32_MAX;

/* A character and the digits of a time, a NUL behind them (lib/readline/history.c, hist_inittime).
 * The character is history_comment_char: bash sets it to '#', in other programs it is NUL unless
 * they set it, and then the time must have as many digits as one of since 2001. */
enum { DIGITS_MAX = 12, DIGITS_SURE = 9 };

/** The digits go on in the next piece where this one ends. */
static bool is_stamp(const uint8_t *p, size_t room)
{
    size_t i = 1;

    if ((p[0] != '#' && p[0]) || p[1] < '0' || p[1] > '9')
        return false;
    while (i < room && i <= DIGITS_MAX && p[i] >= '0' && p[i] <= '9')
        i++;
    return i == room || (i <= DIGITS_MAX && !p[i] && (p[0] || i > DIGITS_SURE));
}

bool linux_history_stamp(const struct linux_user *u, uint64_t addr, int64_t *time)
{
    int64_t seconds = 0;
    unsigned least = 1;

    for (unsigned i = 0; i <= DIGITS_MAX; i++) {
        const uint8_t *p = eg_bytes(eg_view_of(u->run), u->space, addr + i, 1);

        if (!p || (i == 0 && *p != '#' && *p))
            return false;
        if (i == 0) {
            least = *p ? 1 : DIGITS_SURE;
            continue;
        }
        if (i > least && !*p) {
            *time = seconds;
            return true;
        }
        if (*p < '0' || *p > '9')
            return false;
        seconds = 10 * seconds + *p - '0';
    }
    return false;
}

static void search(struct linux_history *h)
{
    struct linux_user *u = h->u;
    struct linux_user_piece p = { 0 };
    const unsigned ptr = u->ptr;

    while (linux_user_next(u, false, &p)) {
        for (size_t i = 0; i < p.len; i += ptr) {
            const uint8_t *b = p.bytes + i;
            const uint64_t w = linux_user_load(u, b);

            if (!w)
                continue;
            if (is_stamp(b, p.len - i))
                linux_addresses_add(u, &h->stamps, p.at + i);
            else if (w >= TIME_FIRST && w <= time_last && linux_history_maybe_zsh(u, &p, i))
                linux_addresses_add(u, &h->zsh, p.at + i);
            if (linux_history_maybe_busybox(u, &p, i))
                linux_addresses_add(u, &h->busybox, p.at + i);
            if (linux_history_maybe_libedit(u, &p, i))
                linux_addresses_add(u, &h->libedit, p.at + i);
        }
    }
}

void linux_history_add(struct linux_history *h, struct linux_command c)
{
    if (h->n == LINUX_ADDRESSES_MAX) {
        h->u->full = true;
        return;
    }
    h->found = eg_grow(h->u->run, h->found, h->n, &h->cap, sizeof *h->found);
    h->found[h->n++] = c;
}

size_t linux_history_find(struct linux_user *u, struct linux_history *h)
{
    h->u = u;
    h->n = h->stamps.n = h->zsh.n = h->busybox.n = h->libedit.n = h->entries.n = h->slots.n = 0;
    search(h);
    if (h->stamps.n)
        linux_history_readline(h);
    if (h->zsh.n)
        linux_history_zsh(h);
    if (h->busybox.n)
        linux_history_busybox(h);
    if (h->libedit.n)
        linux_history_libedit(h);
    return h->n;
}

/* zsh stores some bytes as two: 0x83, and the byte with bit 5 changed (Src/utils.c, metafy). */
static size_t unmetafied(char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] == 0x83 && i + 1 < len)
            s[n++] = (char)(s[++i] ^ 32);
        else
            s[n++] = s[i];
    s[n] = 0;
    return n;
}

char *linux_history_line(struct linux_history *h, const struct linux_command *c,
                         struct linux_buffer *buf, size_t *len)
{
    char *s = linux_user_text(h->u, c->line, LINUX_LINE_MAX, LINUX_TEXT_ANY, buf, len);

    if (s && !strcmp(c->kind, "zsh"))
        *len = unmetafied(s, *len);
    return s;
}
