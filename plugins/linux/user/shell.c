/* shell.c - bash's hash tables (hashlib.h), whose struct is the same since bash 3.0 of 2004:
 *
 *     HASH_TABLE { BUCKET_CONTENTS **bucket_array; int nbuckets, nentries; }
 *     BUCKET_CONTENTS { next; char *key; void *data; unsigned khash; int times_found; }
 *
 *  A bucket's number is khash modulo nbuckets, a power of two, and all entries are counted: what
 * fits is a table. What it is of follows from its data:
 *
 *     SHELL_VAR { char *name, *value, *exportstr; dynamic_value, assign_func; int attributes,
 *                 context; }                               variables.h; name is the key's text
 *     PATH_DATA { char *path; int flags; }                 hashcmd.h
 *     a text                                               of an associative array
 *
 *  Aliases have names too, but no addresses of functions where a variable has them. */
#include "shell.h"
#include "../../../core/base.h"
#include <string.h>

enum {
    BUCKETS_MAX = 1 << 20,
    ITEMS_MAX = 1 << 18,
    STEPS_MAX = 1 << 23, // words of one process that are read for this
    ATTRIBUTES_MAX = 0x10000000,
    DEPTH_MAX = 1 << 16,
};

struct bucket {
    uint64_t next, key, data;
    uint32_t hash, found;
};
struct table {
    uint64_t at, array;
    uint32_t buckets, entries;
};

static bool step(struct linux_shell *s)
{
    return s->steps && --s->steps;
}

static bool is_shape(uint32_t buckets, uint32_t entries)
{
    return buckets >= 2 && buckets <= BUCKETS_MAX && !(buckets & (buckets - 1)) && entries &&
           entries <= ITEMS_MAX;
}

static bool open_table(struct linux_shell *s, uint64_t at, struct table *t)
{
    t->at = at;
    return linux_user_word(s->u, at, &t->array) &&
           linux_user_u32(s->u, at + s->u->ptr, &t->buckets) &&
           linux_user_u32(s->u, at + s->u->ptr + 4, &t->entries) &&
           is_shape(t->buckets, t->entries) && t->array % s->u->ptr == 0;
}

static bool open_bucket(struct linux_shell *s, uint64_t at, struct bucket *b)
{
    const unsigned ptr = s->u->ptr;

    return linux_user_word(s->u, at, &b->next) && linux_user_word(s->u, at + ptr, &b->key) &&
           linux_user_word(s->u, at + 2 * ptr, &b->data) &&
           linux_user_u32(s->u, at + 3 * ptr, &b->hash) &&
           linux_user_u32(s->u, at + 3 * ptr + 4, &b->found);
}

/** Entries of a table, in the order of its buckets: `for (w = { … }; next(s, &w, &b);)`. */
struct walk {
    struct table t;
    uint32_t i, n; // the bucket, entries so far
    uint64_t at;   // the next one of its chain
    bool wrong;    // something does not fit
};

static bool next(struct linux_shell *s, struct walk *w, struct bucket *b)
{
    while (!w->wrong && step(s)) {
        if (!w->at) {
            if (w->i == w->t.buckets)
                return false;
            w->wrong = !linux_user_word(s->u, w->t.array + (uint64_t)w->i * s->u->ptr, &w->at);
            w->i++;
            continue;
        }
        if (w->n == w->t.entries || !open_bucket(s, w->at, b) ||
            (b->hash & (w->t.buckets - 1)) != w->i - 1 || b->next == w->at) {
            w->wrong = true;
            return false;
        }
        w->at = b->next;
        w->n++;
        return true;
    }
    w->wrong = true;
    return false;
}

static bool is_text(struct linux_shell *s, uint64_t at)
{
    return linux_user_is_text(s->u, at, LINUX_SHELL_TEXT_MAX, LINUX_TEXT_ANY, NULL);
}

static bool same_text(struct linux_shell *s, uint64_t a, uint64_t b)
{
    size_t len, other;
    char x[64], y[64];
    struct eg_view *v = eg_view_of(s->u->run);

    if (!linux_user_is_text(s->u, a, LINUX_SHELL_TEXT_MAX, LINUX_TEXT_ANY, &len) ||
        !linux_user_is_text(s->u, b, LINUX_SHELL_TEXT_MAX, LINUX_TEXT_ANY, &other) || len != other)
        return false;
    for (size_t i = 0; i < len; i += sizeof x) {
        const size_t n = EG_MIN(sizeof x, len - i);

        if (!eg_read(v, s->u->space, a + i, x, n) || !eg_read(v, s->u->space, b + i, y, n) ||
            memcmp(x, y, n) != 0)
            return false;
    }
    return true;
}

/** All of it fits: each entry is in its bucket, has a key, and there are as many as counted. */
static bool is_table(struct linux_shell *s, struct table t)
{
    struct walk w = { .t = t };
    struct bucket b;

    while (next(s, &w, &b))
        if (!is_text(s, b.key))
            return false;
    return !w.wrong && w.n == t.entries;
}

static void add(struct linux_shell *s, struct linux_shell_item item)
{
    if (s->n == ITEMS_MAX) {
        s->u->full = true;
        return;
    }
    s->found = eg_grow(s->u->run, s->found, s->n, &s->cap, sizeof *s->found);
    s->found[s->n++] = item;
}

/* ---- variables ---- */

static bool open_variable(struct linux_shell *s, const struct bucket *b,
                          struct linux_shell_item *out)
{
    const unsigned ptr = s->u->ptr;
    uint64_t dynamic, assign;

    *out = (struct linux_shell_item){ .kind = LINUX_SHELL_VARIABLE, .at = b->data };
    // Addresses of functions, or none: not in the lowest pages.
    return linux_user_word(s->u, b->data, &out->name) &&
           linux_user_word(s->u, b->data + ptr, &out->value) &&
           linux_user_word(s->u, b->data + 3 * ptr, &dynamic) &&
           linux_user_word(s->u, b->data + 4 * ptr, &assign) &&
           linux_user_u32(s->u, b->data + 5 * ptr, &out->attributes) &&
           linux_user_u32(s->u, b->data + 5 * ptr + 4, &out->context) &&
           (!dynamic || dynamic > 0xffff) && (!assign || assign > 0xffff) &&
           out->attributes < ATTRIBUTES_MAX && out->context <= DEPTH_MAX &&
           same_text(s, b->key, out->name);
}

/** Its elements: ARRAY is { max_index, num_elements, head, … } since bash 5.0, with a type before
 * them until then (array.h); indices are of 8 bytes. The head is an element of a ring. */
static void add_array(struct linux_shell *s, const struct linux_shell_item *owner)
{
    const unsigned ptr = s->u->ptr;

    for (unsigned type = 0; type <= 8; type += 8) {
        const uint64_t array = owner->value + (type && ptr == 4 ? 4 : type);
        uint64_t head, at, back;
        uint32_t count, i = 0;
        const size_t first = s->n;

        if (!linux_user_u32(s->u, array + 8 + (s->u->big ? 4 : 0), &count) || count > ITEMS_MAX ||
            !linux_user_word(s->u, array + 16, &head) ||
            !linux_user_word(s->u, head + 8 + ptr, &at))
            continue;
        for (; i < count && at != head && step(s); i++) {
            struct linux_shell_item item = *owner;
            const uint8_t *index = eg_bytes(eg_view_of(s->u->run), s->u->space, at, 8);

            item.kind = LINUX_SHELL_ELEMENT;
            item.index = index ? (int64_t)eg_load_(index, 8, s->u->big) : 0;
            if (!index || !linux_user_word(s->u, at + 8, &item.value) ||
                !linux_user_word(s->u, at + 8 + 2 * ptr, &back) ||
                !linux_user_word(s->u, back + 8 + ptr, &back) || back != at ||
                !linux_user_word(s->u, at + 8 + ptr, &at))
                break;
            add(s, item);
        }
        if (i == count && at == head)
            return;
        s->n = first;
    }
}

static void add_assoc(struct linux_shell *s, const struct linux_shell_item *owner)
{
    struct walk w = { 0 };
    struct bucket b;

    if (!open_table(s, owner->value, &w.t) || !is_table(s, w.t))
        return;
    while (next(s, &w, &b)) {
        struct linux_shell_item item = *owner;

        item.kind = LINUX_SHELL_ELEMENT;
        item.key = b.key;
        item.value = b.data;
        add(s, item);
    }
}

static void add_variable(struct linux_shell *s, struct linux_shell_item item)
{
    const bool array = (item.attributes & LINUX_SHELL_ARRAY) != 0;
    const size_t before = s->n;

    if (item.attributes & LINUX_SHELL_FUNCTION)
        item.value = 0; // code, not text
    if (item.value && array)
        add_array(s, &item);
    else if (item.value && (item.attributes & LINUX_SHELL_ASSOC))
        add_assoc(s, &item);
    if (s->n > before)
        return;
    if (array || (item.attributes & LINUX_SHELL_ASSOC))
        item.value = 0; // no elements
    add(s, item);
}

/** @return false: it is no table of variables. */
static bool add_variables(struct linux_shell *s, struct table t)
{
    const size_t first = s->n;
    struct linux_shell_item item;
    struct walk w = { .t = t };
    struct bucket b;

    while (next(s, &w, &b)) {
        if (!open_variable(s, &b, &item)) {
            s->n = first;
            return false;
        }
        add_variable(s, item);
    }
    return true;
}

/* ---- commands ---- */

static bool is_path(struct linux_shell *s, uint64_t at)
{
    size_t len;
    const char *text = linux_user_text(s->u, at, 4096, LINUX_TEXT_ANY, &s->text, &len);

    return text && memchr(text, '/', len);
}

static bool add_commands(struct linux_shell *s, struct table t)
{
    enum { FLAGS = 3 }; // relative, check that it is there
    const size_t first = s->n;
    struct walk w = { .t = t };
    struct bucket b;

    while (next(s, &w, &b)) {
        struct linux_shell_item item = {
            .kind = LINUX_SHELL_COMMAND, .at = b.data, .name = b.key, .hits = b.found
        };
        uint32_t flags;

        if (!linux_user_word(s->u, b.data, &item.value) ||
            !linux_user_u32(s->u, b.data + s->u->ptr, &flags) || flags > FLAGS ||
            !is_path(s, item.value)) {
            s->n = first;
            return false;
        }
        add(s, item);
    }
    return true;
}

size_t linux_shell_find(struct linux_user *u, struct linux_shell *s)
{
    struct linux_user_piece p = { 0 };
    const unsigned ptr = u->ptr;

    s->u = u;
    s->n = s->tables.n = 0;
    s->steps = STEPS_MAX;
    while (linux_user_next(u, false, &p))
        for (size_t i = 0; i + ptr + 8 <= p.len; i += ptr) {
            const uint8_t *b = p.bytes + i;

            if (is_shape((uint32_t)eg_load_(b + ptr, 4, u->big),
                         (uint32_t)eg_load_(b + ptr + 4, 4, u->big)) &&
                linux_user_range(u, linux_user_load(u, b)))
                linux_addresses_add(u, &s->tables, p.at + i);
        }
    for (size_t i = 0; i < s->tables.n && !eg_stopped(u->run); i++) {
        struct table t;

        if (open_table(s, s->tables.at[i], &t) && is_table(s, t) && !add_variables(s, t))
            add_commands(s, t);
    }
    return s->n;
}
