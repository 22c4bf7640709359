/* bytes - bytes by value: hex with wildcards, integers, pointers to a place. */
#include "../../core/address.h"
#include "../../core/scan.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../../core/vec.h"
#include "filter.h"
#include <ctype.h>
#include <stdlib.h>

enum { LONGEST = 1024, CONTEXT = 16 };

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(PATTERN, TEXT, "what was looked for")                                                        \
    C(BYTES, BYTES, "these bytes, and what follows them up to 16")
EG_COLUMNS(COLUMNS);

/** Bytes of which some bits count. */
struct term {
    const char *text;
    uint8_t value[LONGEST], mask[LONGEST];
    size_t len;
    size_t factor; // where the filter's part of it begins
};

struct bytes {
    EG_VEC(struct term) terms;
    EG_VEC(struct scan_factor) factors;
    struct scan_filter *filter;
    uint64_t align;
    bool pointers, big; // pointers to [first, last], of `size` bytes
    uint64_t first, last;
    size_t size;
    const char *pointer;
};

/* ---- begin ---- */

static struct term *new_term(struct eg_run *r, struct bytes *b, const char *text)
{
    struct term *t = eg_vec_push(&b->terms);

    if (t)
        t->text = eg_strf(r, "%s", text);
    else
        eg_failed(r, "out of memory");
    return t;
}

/** One digit of hex, or '?'. */
static bool nibble(char c, uint8_t *value, uint8_t *mask)
{
    *mask = c == '?' ? 0 : 15;
    *value = c == '?' ? 0 : (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
    return c == '?' || isxdigit((unsigned char)c);
}

static int add_hex(struct eg_run *r, struct bytes *b, const char *text)
{
    struct term *t = new_term(r, b, text);
    bool any = false;

    if (!t)
        return -1;
    for (const char *p = text;;) {
        uint8_t value[2], mask[2];

        while (*p == ' ' || *p == ':' || *p == ',')
            p++;
        if (!*p)
            break;
        if (!nibble(p[0], &value[0], &mask[0]) || !nibble(p[1], &value[1], &mask[1]))
            return eg_refused(
                r, "--hex '%s': it wants two digits for each byte, ? for any: 48 8b ?? c?", text);
        if (t->len == LONGEST)
            return eg_refused(r, "--hex: more than %d bytes", LONGEST);
        t->value[t->len] = (uint8_t)(value[0] << 4 | value[1]);
        t->mask[t->len] = (uint8_t)(mask[0] << 4 | mask[1]);
        any |= t->mask[t->len++] != 0;
        p += 2;
    }
    return any ? 0 : eg_refused(r, "--hex '%s': no byte of it is known", text);
}

static void put(struct term *t, uint64_t value, size_t size, bool big)
{
    t->len = size;
    for (size_t i = 0; i < size; i++) {
        t->value[big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
        t->mask[i] = 0xff;
    }
}

/** "--int 1,0x10": each in the size and the order of bytes that were asked for. */
static int add_ints(struct eg_run *r, struct bytes *b, const char *list)
{
    const bool big = eg_arg_flag(r, "big");
    int64_t size = 4;

    if (eg_arg_int(r, "size", &size) && size != 1 && size != 2 && size != 4 && size != 8)
        return eg_refused(r, "--size %lld: it is 1, 2, 4 or 8", (long long)size);
    for (size_t n; *list; list += n + (list[n] == ',')) {
        const bool minus = *list == '-';
        const size_t sign = minus || *list == '+';
        struct term *t;
        uint64_t v, top;

        n = sign + eg_number_at(list + sign, &v); // core has checked that all are numbers
        v = minus ? -v : v;
        top = v >> (8 * size - 1);
        // What is left of the size must be all zeros, or all ones of a negative number.
        if (top >> 1 && !(minus && top == UINT64_MAX >> (8 * size - 1)))
            return eg_refused(r, "--int %s: it has more than %lld bytes: --size", list,
                              (long long)size);
        t = new_term(r, b, eg_strf(r, "%.*s", (int)n, list));
        if (!t)
            return -1;
        put(t, v, (size_t)size, big);
    }
    return 0;
}

/** Pointers to one place, or into a range. */
static void set_pointer(struct eg_run *r, struct bytes *b)
{
    const struct eg_arch *arch = eg_system_of(r)->arch;

    b->pointers = eg_arg_range(r, "pointer", 0, &b->first, &b->last);
    b->pointer = b->pointers ? eg_arg_text(r, "pointer") : NULL;
    b->size = arch ? arch->model.ptr_size : 8;
    b->big = arch && arch->model.big_endian;
}

static int make_filter(struct eg_run *r, struct bytes *b)
{
    size_t least = SCAN_FACTOR_MAX;

    for (size_t i = 0; i < b->terms.n; i++)
        least = EG_MIN(least, b->terms.at[i].len);
    for (size_t i = 0; i < b->terms.n; i++) {
        struct scan_factor *f = eg_vec_push(&b->factors);
        struct term *t = &b->terms.at[i];
        struct scan_set sets[LONGEST] = { 0 };

        if (!f)
            return eg_failed(r, "out of memory");
        for (size_t k = 0; k < t->len; k++)
            for (unsigned v = 0; v < 256; v++)
                if ((v & t->mask[k]) == t->value[k])
                    scan_set_add(&sets[k], (uint8_t)v);
        t->factor = scan_rarest(sets, t->len, least);
        memcpy(f->at, sets + t->factor, least * sizeof *sets);
        f->n = least;
    }
    b->filter = scan_filter_new(r, b->factors.at, b->factors.n);
    return 0;
}

static int begin(struct eg_run *r, void **state)
{
    struct bytes *b = *state = eg_tmp(r, sizeof *b);
    const char *text;
    int64_t align;

    for (size_t i = 0; (text = eg_arg_text_nth(r, "hex", i)); i++)
        if (add_hex(r, b, text) < 0)
            return -1;
    for (size_t i = 0; (text = eg_arg_text_nth(r, "int", i)); i++)
        if (add_ints(r, b, text) < 0)
            return -1;
    set_pointer(r, b);
    if (!b->terms.n && !b->pointers)
        return eg_refused(r, "--hex, --int or --pointer: what to look for");
    if (eg_arg_int(r, "align", &align) && align < 1)
        return eg_refused(r, "--align %lld: it is at least 1", (long long)align);
    b->align = eg_arg_int(r, "align", &align) ? (uint64_t)align : 0;
    return make_filter(r, b);
}

static void end(void *state)
{
    struct bytes *b = state;

    if (!b)
        return;
    eg_vec_fini(&b->terms);
    eg_vec_fini(&b->factors);
}

/* ---- looking ---- */

struct looking {
    const struct bytes *b;
    const struct eg_window *w;
    struct eg_hits *out;
};

static void each_factor(void *context, size_t at, size_t i)
{
    const struct looking *l = context;
    const struct term *t = &l->b->terms.at[i];
    const uint8_t *p;

    if (at < t->factor || !eg_within(at - t->factor, t->len, l->w->len))
        return;
    at -= t->factor;
    p = l->w->bytes + at;
    for (size_t k = 0; k < t->len; k++)
        if ((p[k] & t->mask[k]) != t->value[k])
            return;
    if (!l->b->align || (l->w->addr + at) % l->b->align == 0)
        eg_hit_add(l->out, l->w->addr + at, (uint32_t)t->len, (uint32_t)i);
}

static uint64_t load(const uint8_t *p, size_t size, bool big)
{
    if (size == 8)
        return big ? eg_be64(p) : eg_le64(p);
    return big ? eg_be32(p) : eg_le32(p);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    const struct bytes *b = state;
    struct looking l = { b, w, out };
    const uint64_t align = b->align ? b->align : b->size;

    (void)worker;
    scan_filter_each(b->filter, w->bytes, w->len, each_factor, &l);
    if (!b->pointers)
        return;
    for (uint64_t i = w->from + (align - (w->addr + w->from) % align) % align;
         i < w->to && w->len - i >= b->size; i += align)
        if (load(w->bytes + i, b->size, b->big) - b->first <= b->last - b->first)
            eg_hit_add(out, w->addr + i, (uint32_t)b->size, (uint32_t)b->terms.n);
}

/* ---- rows ---- */

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    const struct bytes *b = state;
    uint8_t bytes[LONGEST];
    size_t len = EG_MAX(h->len, (uint32_t)CONTEXT);

    if (!eg_read(eg_view_of(r), region->space, h->addr, bytes, len)) {
        len = h->len;
        eg_read_some(eg_view_of(r), region->space, h->addr, bytes, len, NULL);
    }
    eg_row(r, EG_HIT_CELLS(r, region, h),
           .PATTERN = eg_text(h->tag == b->terms.n ? b->pointer : b->terms.at[h->tag].text),
           .BYTES = eg_blob(bytes, len));
}

static const struct eg_scan scan = {
    .before = LONGEST,
    .behind = LONGEST,
    .begin = begin,
    .end = end,
    .look = look,
    .hit = hit,
};

EG_PLUGIN(bytes) = {
    .help = "Find bytes, integers, or pointers to a place",
    .manual =
        "--hex '48 8b ?? c?' has ? where a digit may be any. --int 0xdeadbeef --size 4 is an\n"
        "integer as this size holds it. --pointer init_task,+0x1000 finds all aligned\n"
        "pointers to one of these bytes. Several are looked for at once; matches may overlap.",
    .aliases = EG_NAMES("search"),
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS, EG_ARG(hex, TEXT, "bytes in hex, ? for any digit"),
                    EG_ARG(int, INT, "integers"),
                    EG_ARG(size, INT, "of them: 1, 2, 4 (unless given) or 8"),
                    EG_ARG(big, FLAG, "the integers are big-endian"),
                    EG_ARG(pointer, ADDR, "pointers to this address, or into this range"),
                    EG_ARG(align, INT, "only where the address is a multiple of this")),
    .scan = &scan,
};
