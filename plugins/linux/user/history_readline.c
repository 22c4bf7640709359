/* history_readline.c - GNU readline's history (lib/readline/history.h, history.c, the same since
 * readline 5.0 of 2004, bash 3.0):
 *
 *     the_history → [HIST_ENTRY *, HIST_ENTRY *, …, NULL]
 *     HIST_ENTRY { char *line; char *timestamp; void *data; }      timestamp → "#1773480464"
 *
 *  The array gives the order, and entries that have no time. It is reallocated as it grows, so
 * copies of its beginning lie about: the one that counts is the one that a variable of a program or
 * library points to. Since bash 5.3 that is a place within the array: what is left of it. */
#include "history.h"

enum { CENTURY = 946684800 }; // 2000-01-01

/** An array of pointers to entries: [first, last]. */
struct list {
    uint64_t first, last;
    uint64_t named; /**< where a variable points to; 0: none does */
    bool ended;     /**< a NULL follows */
    bool taken;
};
struct search {
    struct linux_history *h;
    struct linux_user *u;
    struct list *lists;
    size_t n, cap;
    bool *listed; /**< for each of h->entries */
};

/** The number of @addr in @a, which is in order; -1: it is not there. */
static int64_t number_of(const struct linux_addresses *a, uint64_t addr)
{
    size_t lo = 0, hi = a->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (a->at[mid] < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < a->n && a->at[lo] == addr ? (int64_t)lo : -1;
}

/** Keep in @out where words are that point to one of @targets, less @before bytes. */
static void pointers_to(struct search *s, const struct linux_addresses *targets, uint64_t before,
                        struct linux_addresses *out)
{
    struct linux_user_piece p = { 0 };
    const uint64_t first = targets->at[0], width = targets->at[targets->n - 1] - first;
    const unsigned ptr = s->u->ptr;

    while (linux_user_next(s->u, false, &p))
        for (size_t i = 0; i < p.len; i += ptr) {
            const uint64_t w = linux_user_load(s->u, p.bytes + i);

            if (w - first <= width && p.at + i >= before && number_of(targets, w) >= 0)
                linux_addresses_add(s->u, out, p.at + i - before);
        }
}

static bool is_line(struct search *s, uint64_t entry)
{
    uint64_t line;

    return linux_user_word(s->u, entry, &line) && linux_user_range(s->u, line) &&
           linux_user_is_text(s->u, line, LINUX_LINE_MAX, LINUX_TEXT_ANY, NULL);
}

/** What the words that point to a time could be: those that begin an entry whose line is a text. */
static void keep_entries(struct search *s)
{
    struct linux_addresses *e = &s->h->entries;
    size_t n = 0;

    for (size_t i = 0; i < e->n && !eg_stopped(s->u->run); i++)
        if (is_line(s, e->at[i]))
            e->at[n++] = e->at[i];
    e->n = n;
}

/** An entry without a time, next to others in an array. */
static bool is_untimed(struct search *s, uint64_t entry)
{
    uint64_t line, stamp;
    int64_t time;

    return entry && entry % s->u->ptr == 0 && linux_user_range(s->u, entry) &&
           linux_user_word(s->u, entry, &line) && linux_user_range(s->u, line) &&
           linux_user_word(s->u, entry + s->u->ptr, &stamp) &&
           (!stamp || linux_history_stamp(s->u, stamp, &time)) &&
           linux_user_is_text(s->u, line, LINUX_LINE_MAX, LINUX_TEXT_LINE, NULL);
}

static bool is_slot(struct search *s, uint64_t at)
{
    uint64_t entry;

    return linux_user_word(s->u, at, &entry) && entry &&
           (number_of(&s->h->entries, entry) >= 0 || is_untimed(s, entry));
}

static void add_list(struct search *s, struct list l)
{
    s->lists = eg_grow(s->u->run, s->lists, s->n, &s->cap, sizeof *s->lists);
    s->lists[s->n++] = l;
}

/** The arrays around the places that point to entries. */
static void find_lists(struct search *s)
{
    const struct linux_addresses *slots = &s->h->slots;
    const unsigned ptr = s->u->ptr;
    uint64_t end = 0; // of the list before

    for (size_t i = 0; i < slots->n && !eg_stopped(s->u->run); i++) {
        struct list l = { .first = slots->at[i], .last = slots->at[i] };
        uint64_t w;

        if (slots->at[i] < end)
            continue;
        while (l.first >= end + ptr && is_slot(s, l.first - ptr))
            l.first -= ptr;
        while (is_slot(s, l.last + ptr))
            l.last += ptr;
        l.ended = linux_user_word(s->u, l.last + ptr, &w) && !w;
        end = l.last + ptr;
        add_list(s, l);
    }
}

/** Which arrays do variables of programs and libraries point to? The last place counts: what is
 * before it was dropped from the list. */
static void name_lists(struct search *s)
{
    struct linux_user_piece p = { 0 };

    while (s->n && linux_user_next(s->u, true, &p))
        for (size_t i = 0; i < p.len; i += s->u->ptr) {
            const uint64_t w = linux_user_load(s->u, p.bytes + i);
            size_t lo = 0, hi = s->n;

            if (w < s->lists[0].first || w > s->lists[s->n - 1].last || w % s->u->ptr)
                continue;
            while (lo < hi) {
                const size_t mid = lo + (hi - lo) / 2;

                if (s->lists[mid].last < w)
                    lo = mid + 1;
                else
                    hi = mid;
            }
            if (lo < s->n && s->lists[lo].first <= w && s->lists[lo].named < w)
                s->lists[lo].named = w;
        }
}

/** A process has one history: of the arrays that end as they should the longest that is named. */
static void take_list(struct search *s)
{
    struct list *best = NULL;

    for (size_t i = 0; i < s->n; i++) {
        struct list *l = &s->lists[i];
        const int better = !best                       ? 1
                           : l->ended != best->ended   ? l->ended - best->ended
                           : !l->named != !best->named ? !best->named - !l->named
                           : l->last - l->first > best->last - best->first ? 1
                                                                           : 0;

        if (better > 0)
            best = l;
    }
    if (best)
        best->taken = true;
}

static struct linux_command command(struct search *s, uint64_t entry, uint64_t number)
{
    struct linux_command c = { .kind = "readline", .at = entry, .number = number };
    uint64_t stamp;

    linux_user_word(s->u, entry, &c.line);
    c.timed = linux_user_word(s->u, entry + s->u->ptr, &stamp) && stamp &&
              linux_history_stamp(s->u, stamp, &c.time);
    return c;
}

static void add_listed(struct search *s)
{
    const unsigned ptr = s->u->ptr;

    for (size_t i = 0; i < s->n; i++) {
        const struct list *l = &s->lists[i];
        uint64_t number = 0, entry;

        if (!l->taken)
            continue;
        for (uint64_t at = l->named ? l->named : l->first; at <= l->last; at += ptr) {
            int64_t k;

            if (!linux_user_word(s->u, at, &entry))
                continue;
            k = number_of(&s->h->entries, entry);
            if (k >= 0)
                s->listed[k] = true;
            linux_history_add(s->h, command(s, entry, ++number));
        }
    }
}

/** The time of an entry of a list belongs to it: other words that point there are what is left of
 * calls, on the stack or in freed memory. */
static void mark_stamps(struct search *s, bool *used)
{
    for (size_t i = 0; i < s->h->entries.n; i++) {
        uint64_t stamp;
        int64_t k;

        if (s->listed[i] && linux_user_word(s->u, s->h->entries.at[i] + s->u->ptr, &stamp)) {
            k = number_of(&s->h->stamps, stamp);
            if (k >= 0)
                used[k] = true;
        }
    }
}

/** What is in no list any more, and whole nevertheless: deleted, cleared, or dropped. */
static void add_unlisted(struct search *s)
{
    bool *used = eg_tmp(s->u->run, s->h->stamps.n);

    mark_stamps(s, used);
    for (size_t i = 0; i < s->h->entries.n; i++) {
        const struct linux_command c = command(s, s->h->entries.at[i], 0);
        uint64_t stamp;
        int64_t k;

        const uint8_t *mark;

        // Nothing else tells it from chance: a time of this century, a text that can be typed.
        if (s->listed[i] || !c.timed || c.time < CENTURY ||
            !linux_user_word(s->u, c.at + s->u->ptr, &stamp) ||
            !(mark = eg_bytes(eg_view_of(s->u->run), s->u->space, stamp, 1)) || *mark != '#' ||
            (k = number_of(&s->h->stamps, stamp)) < 0 || used[k] ||
            !linux_user_is_text(s->u, c.line, LINUX_LINE_MAX, LINUX_TEXT_LINE, NULL))
            continue;
        used[k] = true;
        linux_history_add(s->h, c);
    }
}

void linux_history_readline(struct linux_history *h)
{
    struct search s = { .h = h, .u = h->u };

    pointers_to(&s, &h->stamps, s.u->ptr, &h->entries);
    keep_entries(&s);
    if (!h->entries.n)
        return;
    s.listed = eg_tmp(s.u->run, h->entries.n);
    pointers_to(&s, &h->entries, 0, &h->slots);
    find_lists(&s);
    name_lists(&s);
    take_list(&s);
    add_listed(&s);
    add_unlisted(&s);
}
