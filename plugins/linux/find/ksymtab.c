/** ksymtab.c - the table of exported symbols (__ksymtab), found by its structure. It contains
 * variables, which kallsyms may lack (CONFIG_KALLSYMS_ALL=n). No address translation is needed:
 * everything in it is relative to its own address.
 *
 * An entry is a struct kernel_symbol since 4.19 (include/linux/export-internal.h,
 * CONFIG_HAVE_ARCH_PREL32_RELOCATIONS): two 32-bit words, value and name, and since 5.4 a third,
 * the namespace. */
#include "load.h"
#include <ctype.h>
#include <stdlib.h>

enum {
    NAME_LEN = 512,
    EXPORTS_MIN = 256,
    EXPORTS_MAX = 1 << 17,
    BLOCK = 64,
    HITS_MAX = 16,
    NAMES_MAX = 8 << 20,
    RANGE_MAX = 128 << 20
};

struct table {
    struct linux_finder *f;
    const uint8_t *p;
    size_t len;
    bool big;
    size_t name, stride; /**< offset of one entry's name word; size of an entry */
};

static uint64_t target(const struct table *t, size_t at)
{
    return at + (uint64_t)(int32_t)(uint32_t)eg_load_(t->p + at, 4, t->big);
}

/** Length of the identifier to which the name word at @at refers; 0: it refers to none. */
static size_t identifier(const struct table *t, size_t at)
{
    const uint64_t to = target(t, at);
    size_t n = 0;

    if (to >= t->len)
        return 0;
    while (n < NAME_LEN && n < t->len - to &&
           (isalnum(t->p[to + n]) || t->p[to + n] == '_' || t->p[to + n] == '.'))
        n++;
    return n < t->len - to && t->p[to + n] == 0 && n < NAME_LEN ? n : 0;
}

/** The next word, at or after *@at, that refers to @to. */
static bool next_reference(const struct table *t, size_t *at, uint64_t to)
{
    enum { COST = 64 }; /* words spent for each reference that is examined */

    for (size_t a = *at; a + 4 * BLOCK <= t->len; a += 4 * BLOCK) {
        uint32_t w[BLOCK], hit = 0;

        memcpy(w, t->p + a, sizeof w);
        for (uint32_t i = 0; i < BLOCK; i++)
            hit |= (t->big ? __builtin_bswap32(w[i]) : w[i]) + (uint32_t)a + 4 * i == (uint32_t)to;
        for (size_t i = a; hit && i < a + 4 * BLOCK; i += 4)
            if (target(t, i) == to) {
                *at = i;
                return linux_spend(t->f, LINUX_WORDS, COST);
            }
    }
    return false;
}

/** Do the eight words on either side of the name word at @at, @stride apart, refer to names too? */
static bool is_entry(const struct table *t, size_t at, size_t stride)
{
    const size_t reach = 8 * stride;

    if (at < reach || !eg_within(at, reach + 4, t->len))
        return false;
    for (size_t a = at - reach; a <= at + reach; a += stride)
        if (!identifier(t, a))
            return false;
    return true;
}

/** The entry of init_task, which every kernel exports. */
static bool find_entry(struct table *t)
{
    static const char wanted[] = "init_task";
    const uint8_t *hit = t->p;

    for (unsigned n = 0;
         n < HITS_MAX && (hit = memmem(hit, t->len - (size_t)(hit - t->p), wanted, sizeof wanted));
         n++, hit++) {
        for (size_t at = 4; next_reference(t, &at, (uint64_t)(hit - t->p)); at += 4) {
            t->name = at;
            for (t->stride = 12; t->stride >= 8; t->stride -= 4)
                if (is_entry(t, at, t->stride))
                    return true;
        }
    }
    return false;
}

struct eg_profile *linux_exports(struct linux_finder *f, uint64_t from, uint64_t last,
                                 const struct eg_model *m)
{
    struct table t = { .f = f,
                       .len = (size_t)EG_MIN(last - from, (uint64_t)RANGE_MAX - 1) + 1,
                       .big = m->big_endian };
    struct eg_profile *out = NULL;
    struct eg_builder *b;
    size_t first, end, n = 0, names = 0;
    void *owned;

    t.p = linux_bytes(f->v, f->phys, from, t.len, &owned);
    if (!t.p || !find_entry(&t))
        goto out;
    for (first = t.name; first >= 4 + t.stride && identifier(&t, first - t.stride) &&
                         t.name - first < EXPORTS_MAX * t.stride;)
        first -= t.stride;
    for (end = t.name; eg_within(end, 4, t.len) && identifier(&t, end) && n < EXPORTS_MAX; n++)
        end += t.stride;
    n = (end - first) / t.stride;
    if (n < EXPORTS_MIN || n > EXPORTS_MAX || !(b = eg_builder_new(*m, "exported symbols")))
        goto out;
    for (size_t at = first; at < end && names < NAMES_MAX; at += t.stride) {
        const char *name = (const char *)t.p + target(&t, at);
        const size_t len = identifier(&t, at);

        names += len;
        eg_builder_symbol(b, eg_builder_name(b, name, len), from + target(&t, at - 4), 0, '?');
    }
    if (eg_builder_finish(b, &out, NULL, NULL) < 0)
        out = NULL;
out:
    free(owned);
    return out;
}
