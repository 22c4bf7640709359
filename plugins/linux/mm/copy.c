/* copy.c - memory into files. */
#include "copy.h"
#include <string.h>
#include <unistd.h>

/* Compressed swap holds more than memory is large; page tables in circles give more than that. */
enum { CHUNK = 4096, NAME_MAX_ = 64, TIMES = 8, STEPS_MAX = 1 << 24 };

static void miss(struct linux_copy *c, enum eg_why why, uint64_t n)
{
    c->missing += n;
    if (why <= EG_NOT_CACHED)
        c->why[why] += n;
}

/* Zeros at the end count for the file's size all the same. */
static bool put(struct linux_copy *c, const uint8_t *p, size_t len, uint64_t offset)
{
    for (size_t at = 0; at < len; at += CHUNK) {
        const size_t n = EG_MIN(len - at, (size_t)CHUNK);

        if (eg_all_zero(p + at, n))
            continue;
        if (fseeko(c->f, (off_t)(offset + at), SEEK_SET) != 0 || fwrite(p + at, 1, n, c->f) != n)
            return false;
    }
    return true;
}

bool linux_copy_range(struct eg_run *r, struct linux_copy *c, struct eg_space *space,
                      uint64_t first, uint64_t last, uint64_t offset)
{
    struct eg_view *v = eg_view_of(r);
    uint64_t at = first, end;

    if (!c->limit && !eg_mul(TIMES, eg_mapped_bytes(v, eg_physical(r)), &c->limit))
        c->limit = UINT64_MAX;
    if (last < first || !eg_add(offset, last - first, &end) || end >= INT64_MAX)
        return !c->failed;
    while (!c->failed && !eg_stopped(r)) {
        const uint64_t to = offset + (at - first);
        struct eg_extent x = { 0 };
        const uint8_t *p;
        size_t n;

        if (c->present > c->limit || c->steps++ > STEPS_MAX) {
            eg_note(r, "%#llx to %#llx: more than %d times the machine's memory: cut",
                    (unsigned long long)first, (unsigned long long)last, TIMES);
            return true;
        }
        n = (size_t)EG_MIN(last - at, (uint64_t)EG_FILL_MAX - 1) + 1;
        p = eg_map_some(v, space, at, &n);

        if (p) {
            c->failed = !put(c, p, n, to);
            c->present += n;
            c->end = EG_MAX(c->end, to + n);
            x.last = at + (n - 1);
        } else {
            const enum eg_why why = (enum eg_why)v->why;

            // All of a hole in this space; in a space below only the page.
            eg_extent_at(v, space, at, &x);
            x.last = EG_MIN(x.why ? x.last : at | (EG_VIEW_PAGE - 1), last);
            miss(c, why, x.last - at + 1);
        }
        if (x.last >= last)
            return !c->failed;
        at = x.last + 1;
    }
    return false;
}

bool linux_copy_done(struct eg_run *r, struct linux_copy *c)
{
    if (!c->failed &&
        (fflush(c->f) != 0 || ftruncate(fileno(c->f), (off_t)EG_MIN(c->end, (uint64_t)INT64_MAX))))
        c->failed = true;
    if (!eg_output_done(r, c->f) || !c->failed)
        return !c->failed && !eg_stopped(r);
    eg_failed(r, "a file could not be written: is the disk full?");
    return false;
}

const char *linux_copy_reasons(struct eg_run *r, const struct linux_copy *c)
{
    const char *out = NULL;

    for (unsigned i = 1; i < countof(c->why); i++)
        if (c->why[i])
            out = eg_strf(r, "%s%s%s: %llu", out ? out : "", out ? ", " : "",
                          eg_why_text((enum eg_why)i), (unsigned long long)c->why[i]);
    return out;
}

const char *linux_copy_name(struct eg_run *r, const char *s)
{
    char *out = eg_strf(r, "%.*s", NAME_MAX_, s ? s : "");

    for (char *p = out; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", *p))
            *p = '_';
    return out;
}
