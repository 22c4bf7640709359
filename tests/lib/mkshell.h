/** mkshell.h - what shells and line editors keep in memory, laid down on a synthetic machine. */
#ifndef MK_SHELL_H
#define MK_SHELL_H

#include "mkuser.h"

/** HIST_ENTRY { line, timestamp, data } */
static inline uint64_t entry(struct mk_user *u, const char *line, const char *stamp)
{
    return MK_WORDS(u, mk_user_text(u, line), stamp ? mk_user_text(u, stamp) : 0, 0);
}

static inline uint64_t histent(struct mk_user *u, const char *line, uint64_t started,
                               uint64_t number)
{
    const uint64_t at = mk_user_room(u, 12 * u->ptr);

    for (unsigned i = 0; i < 12; i++)
        mk_user_word(u, at, i, 0);
    mk_user_word(u, at, 1, line ? mk_user_text(u, line) : 0);
    mk_user_word(u, at, 6, started);
    mk_user_word(u, at, 7, started ? started + 1 : 0);
    mk_user_int(u, at + (u->ptr == 8 ? 80 : 40), 8, number);
    return at;
}

static inline void ring(struct mk_user *u, const uint64_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mk_user_word(u, at[i], 3, at[(i + n - 1) % n]); // up: earlier
        mk_user_word(u, at[i], 4, at[(i + 1) % n]);
    }
}

/** history_t of libedit with @n lines, the oldest first, from number @first on. */
static inline uint64_t libedit(struct mk_user *u, const char *const *lines, uint32_t n,
                               uint32_t first)
{
    const uint64_t head = mk_user_room(u, 6 * u->ptr + 16);
    uint64_t newer = head, at = 0;

    for (unsigned i = 0; i < 6; i++)
        mk_user_word(u, head, i, 0);
    mk_user_word(u, head, 5, head); // cursor
    mk_user_int(u, head + 6 * u->ptr, 4, INT32_MAX);
    mk_user_int(u, head + 6 * u->ptr + 4, 4, n);
    mk_user_int(u, head + 6 * u->ptr + 8, 4, first + n - 1);
    mk_user_int(u, head + 6 * u->ptr + 12, 4, 0);
    for (uint32_t i = n; i--; newer = at) {
        at = mk_user_room(u, 5 * u->ptr);
        for (unsigned k = 0; k < 3; k++)
            mk_user_word(u, at, k, 0);
        mk_user_int(u, at, 4, first + i);
        mk_user_word(u, at, 1, mk_user_text(u, lines[i]));
        mk_user_word(u, newer, 3, at);
        mk_user_word(u, at, 4, newer);
    }
    mk_user_word(u, newer, 3, head);
    mk_user_word(u, head, 4, newer);
    return head;
}

/** line_input_t, whose history begins behind @saves (a file's name, or none) or has none. */
static inline uint64_t line_input(struct mk_user *u, bool saves, const char *const *lines,
                                  uint32_t count)
{
    const uint64_t at = mk_user_room(u, 40 * u->ptr), ints = at + 8 + 2 * u->ptr;
    uint64_t list = ints + 16;

    for (unsigned i = 0; i < 40; i++)
        mk_user_word(u, at, i, 0);
    mk_user_int(u, at, 4, 7);
    mk_user_int(u, at + 4, 4, UINT32_MAX);
    mk_user_word(u, at + 8, 0, u->data);
    mk_user_int(u, ints, 4, count);
    mk_user_int(u, ints + 4, 4, count);
    mk_user_int(u, ints + 8, 4, 20);
    if (saves) {
        mk_user_int(u, ints + 12, 4, count);
        mk_user_word(u, list, 0, mk_user_text(u, "/root/.ash_history"));
        list += u->ptr;
    } else if (u->ptr == 4) {
        list -= 4;
    }
    for (uint32_t i = 0; i < count; i++)
        mk_user_word(u, list, i, mk_user_text(u, lines[i]));
    return at;
}

struct pair {
    uint64_t key, data;
    uint32_t hash; // added to its number
};

/** A hash table of these, each in the bucket of its number. */
static inline uint64_t table(struct mk_user *u, const struct pair *pairs, uint32_t n)
{
    enum { BUCKETS = 4 };
    uint64_t buckets[BUCKETS] = { 0 }, at = mk_user_room(u, u->ptr + 8);

    for (uint32_t i = 0; i < n; i++) {
        const uint64_t bucket = mk_user_room(u, 3 * u->ptr + 8);

        mk_user_word(u, bucket, 0, buckets[i % BUCKETS]);
        mk_user_word(u, bucket, 1, pairs[i].key);
        mk_user_word(u, bucket, 2, pairs[i].data);
        mk_user_int(u, bucket + 3 * u->ptr, 4, i + pairs[i].hash);
        mk_user_int(u, bucket + 3 * u->ptr + 4, 4, 5 + i);
        buckets[i % BUCKETS] = bucket;
    }
    mk_user_word(u, at, 0, mk_user_words(u, buckets, BUCKETS));
    mk_user_int(u, at + u->ptr, 4, BUCKETS);
    mk_user_int(u, at + u->ptr + 4, 4, n);
    return at;
}

static inline uint64_t variable(struct mk_user *u, const char *name, uint64_t value,
                                uint32_t attributes, uint32_t context)
{
    const uint64_t at = mk_user_room(u, 5 * u->ptr + 8);

    for (unsigned i = 0; i < 5; i++)
        mk_user_word(u, at, i, 0);
    mk_user_word(u, at, 0, mk_user_text(u, name));
    mk_user_word(u, at, 1, value);
    mk_user_int(u, at + 5 * u->ptr, 4, attributes);
    mk_user_int(u, at + 5 * u->ptr + 4, 4, context);
    return at;
}

/** ARRAY, of two elements; @typed: as before bash 5.0. */
static inline uint64_t array(struct mk_user *u, bool typed)
{
    const unsigned size = 8 + 3 * u->ptr;
    uint64_t at = mk_user_room(u, 64), in = at + (typed ? (u->ptr == 8 ? 8 : 4) : 0), e[3];
    static const uint64_t index[] = { UINT64_MAX, 0, 9 };

    for (unsigned i = 0; i < 64; i += 4)
        mk_user_int(u, at + i, 4, 0);
    for (unsigned i = 0; i < 3; i++)
        e[i] = mk_user_room(u, size);
    for (unsigned i = 0; i < 3; i++) {
        mk_user_int(u, e[i], 8, index[i]);
        mk_user_word(u, e[i] + 8, 0, i ? mk_user_text(u, i == 1 ? "one" : "nine") : 0);
        mk_user_word(u, e[i] + 8, 1, e[(i + 1) % 3]);
        mk_user_word(u, e[i] + 8, 2, e[(i + 2) % 3]);
    }
    mk_user_int(u, in, 8, 9);
    mk_user_int(u, in + 8, 8, 2);
    mk_user_word(u, in + 16, 0, e[0]);
    return at;
}

#endif
