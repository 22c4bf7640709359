/* kallsyms_test.c - symbol tables as kernels of all times store them: by their places, by their
 * shape, and damaged. */
#include "../../../core/vec.h"
#include "../../../profiles/kallsyms.h"
#include "check.h"
#include <stdio.h>
#include <stdlib.h>

enum { N = 3001, SIZE = 1 << 19, LONG = 300 };

// A kernel's way to store them.
struct layout {
    const char *what;
    enum eg_kallsyms_form form;
    uint8_t ptr_size;
    bool big;
    bool behind;    // addresses behind the names (6.4)
    bool seqs;      // seqs_of_names between markers and tokens
    bool wide;      // counts are unsigned longs (before 4.20)
    unsigned start; // where the first table is
};
static const struct layout layouts[] = {
    { "4.4", EG_KS_ABSOLUTE, 8, false, false, false, true, 0x3000 },
    { "4.4, big-endian", EG_KS_ABSOLUTE, 8, true, false, false, true, 0x3008 },
    { "4.4, 32 bits", EG_KS_ABSOLUTE, 4, false, false, false, true, 0x3004 },
    { "5.10, x86", EG_KS_ABS_PERCPU, 8, false, false, false, false, 0x4000 },
    { "5.10, arm64", EG_KS_BASE_RELATIVE, 8, false, false, false, false, 0x4000 },
    { "5.10, big-endian", EG_KS_BASE_RELATIVE, 8, true, false, false, false, 0x4000 },
    { "5.10, 32 bits, big-endian", EG_KS_BASE_RELATIVE, 4, true, false, false, false, 0x4004 },
    { "6.1, x86", EG_KS_ABS_PERCPU, 8, false, false, true, false, 0x4ff8 },
    { "6.12, x86", EG_KS_ABS_PERCPU, 8, false, true, false, false, 0x3000 },
    { "6.12, arm64", EG_KS_BASE_RELATIVE, 8, false, true, false, false, 0x3008 },
    { "7.2", EG_KS_PLACE_RELATIVE, 8, false, true, false, false, 0x3004 },
};

struct image {
    const struct layout *l;
    uint8_t *bytes;
    size_t at;
    struct eg_kallsyms truth;
    struct eg_view *view;
};

static const uint64_t base = 0xffffffff81000000;

static uint64_t address(const struct layout *l, uint32_t i)
{
    // The first 20 are per-CPU in the one form that knows them.
    const uint64_t a =
        l->form == EG_KS_ABS_PERCPU && i < 20 ? 64 * i : base + 16 * (i - (i % 10 == 9));

    return l->ptr_size == 4 ? (uint32_t)a : a;
}

static void symbol_name(uint32_t i, char *out)
{
    if (i == 700) {
        memset(out, 'z', LONG);
        out[LONG] = 0;
    } else {
        snprintf(out, 32, "symbol_%u.part", i);
    }
}

static void put(struct image *m, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        m->bytes[m->at + (m->l->big ? size - 1 - i : i)] = (uint8_t)(v >> 8 * i);
    m->at += size;
}

static void align(struct image *m)
{
    const unsigned to = m->l->form == EG_KS_PLACE_RELATIVE ? 4 : m->l->ptr_size;

    m->at = (m->at + to - 1) & ~((size_t)to - 1);
}

static void put_addresses(struct image *m)
{
    const struct layout *l = m->l;

    align(m);
    m->truth.offsets = m->at;
    for (uint32_t i = 0; i < N; i++) {
        const uint64_t a = address(l, i);

        switch (l->form) {
        case EG_KS_ABSOLUTE:
            put(m, a, l->ptr_size);
            break;
        case EG_KS_BASE_RELATIVE:
            put(m, a - base, 4);
            break;
        case EG_KS_ABS_PERCPU:
            put(m, a < base ? a : base - 1 - a, 4);
            break;
        default:
            put(m, a - (m->at + m->truth.va_delta), 4);
        }
    }
    if (l->form == EG_KS_BASE_RELATIVE || l->form == EG_KS_ABS_PERCPU) {
        align(m);
        m->truth.relative_base = m->at;
        put(m, base, l->ptr_size);
    }
}

static void put_names(struct image *m)
{
    uint32_t markers[(N + 255) / 256];
    char name[LONG + 1];

    align(m);
    m->truth.num_syms = m->at;
    put(m, N, m->l->wide ? m->l->ptr_size : 4);
    align(m);
    m->truth.names = m->at;
    for (uint32_t i = 0; i < N; i++) {
        size_t len;

        if (i % 256 == 0)
            markers[i / 256] = (uint32_t)(m->at - m->truth.names);
        symbol_name(i, name);
        // "symbol_" is token 1; the letter and the others stand for themselves.
        len = 1 + strlen(name) - (*name == 's' ? 6 : 0);
        if (len >= 0x80) {
            put(m, 0x80 | (len & 0x7f), 1);
            put(m, len >> 7, 1);
        } else {
            put(m, len, 1);
        }
        put(m, i % 2 ? 'T' : 'd', 1);
        if (*name == 's')
            put(m, 1, 1);
        for (const char *c = name + (*name == 's' ? 7 : 0); *c; c++)
            put(m, (uint8_t)*c, 1);
    }
    align(m);
    for (size_t i = 0; i < countof(markers); i++)
        put(m, markers[i], m->l->wide ? m->l->ptr_size : 4);
    align(m);
}

static void put_tokens(struct image *m)
{
    uint32_t index[256];

    if (m->l->seqs)
        for (uint32_t i = 0; i < 3 * N; i++)
            put(m, i * 37 % 251, 1);
    align(m);
    m->truth.token_table = m->at;
    for (int i = 0; i < 256; i++) {
        char text[16];

        index[i] = (uint32_t)(m->at - m->truth.token_table);
        if (i > ' ' && i < 0x7f)
            snprintf(text, sizeof text, "%c", i);
        else
            snprintf(text, sizeof text, i == 1 ? "symbol_" : "t%d", i);
        for (const char *c = text; *c; c++)
            put(m, (uint8_t)*c, 1);
        put(m, 0, 1);
    }
    align(m);
    m->truth.token_index = m->at;
    for (int i = 0; i < 256; i++)
        put(m, index[i], 2);
}

static struct image make(const struct layout *l)
{
    struct image m = { .l = l, .bytes = malloc(SIZE), .at = l->start };
    struct eg_error e;

    // Around the tables, what is no table; zeros inside paddings.
    for (size_t i = 0; i < SIZE; i++)
        m.bytes[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
    memset(m.bytes + l->start, 0, SIZE - l->start);
    m.truth = (struct eg_kallsyms){ .va_delta = base + 0x1000000,
                                    .big_endian = l->big,
                                    .ptr_size = l->ptr_size };
    if (!l->behind)
        put_addresses(&m);
    put_names(&m);
    put_tokens(&m);
    if (l->behind)
        put_addresses(&m);
    assert_true(m.at < SIZE - 4096);
    for (size_t i = m.at; i < SIZE; i++)
        m.bytes[i] = (uint8_t)(i * 40503u >> 7 | 1);
    assert_int_equal(eg_memory_open(&m.truth.space, m.bytes, SIZE, &e), 0);
    m.view = malloc(sizeof *m.view);
    eg_view_init(m.view, NULL);
    return m;
}

static void unmake(struct image *m)
{
    eg_view_fini(m->view);
    eg_space_close(m->truth.space);
    free(m->view);
    free(m->bytes);
}

static void check(const struct image *m, const struct eg_profile *p)
{
    assert_int_equal(p->n_symbols, N);
    for (uint32_t i = 0; i < N; i++) {
        const struct eg_symbol *s = &p->symbols[i];
        const struct eg_symbol *found;
        char name[LONG + 1];
        uint32_t iter = 0;

        symbol_name(i, name);
        if (strcmp(p->strings + s->name, name) != 0 || s->addr != address(m->l, i) ||
            s->letter != (i % 2 ? 'T' : 'd'))
            fail_msg("%s: %u is %s at %llx", m->l->what, i, p->strings + s->name,
                     (unsigned long long)s->addr);
        found = eg_profile_symbol(p, name, &iter);
        assert_ptr_equal(found, s);
    }
}

static void by_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(layouts); i++)
        for (unsigned threads = 1; threads <= 3; threads += 2) {
            struct image m = make(&layouts[i]);
            struct eg_kallsyms k = m.truth;
            struct eg_profile *p;
            struct eg_error e;

            // VMCOREINFO says so much; only addresses, not offsets, go by another name there.
            k.form = layouts[i].form == EG_KS_ABSOLUTE ? EG_KS_ABSOLUTE : 0;
            if (eg_kallsyms_read(&p, m.view, &k, threads, &e) != 0)
                fail_msg("%s: %s", layouts[i].what, e.text);
            assert_int_equal(k.form, layouts[i].form);
            assert_int_equal(k.count, N);
            check(&m, p);
            eg_profile_free(p);
            unmake(&m);
        }
}

static bool keep(void *context, const struct eg_kallsyms *k)
{
    *(struct eg_kallsyms *)context = *k;
    return false;
}

static bool enough(void *context, const struct eg_kallsyms *k)
{
    keep(context, k);
    return true;
}

static void by_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(layouts); i++) {
        struct image m = make(&layouts[i]);
        struct eg_kallsyms k = { 0 };
        struct eg_profile *p;
        struct eg_error e;

        if (eg_kallsyms_scan(m.view, m.truth.space, 0, UINT64_MAX, layouts[i].big, keep, &k,
                             NULL) != 1)
            fail_msg("%s: not found", layouts[i].what);
        assert_int_equal(k.names, m.truth.names);
        assert_int_equal(k.count, N);
        assert_int_equal(k.token_table, m.truth.token_table);
        assert_int_equal(k.token_index, m.truth.token_index);
        assert_int_equal(k.offsets, m.truth.offsets);
        assert_int_equal(k.relative_base, m.truth.relative_base);
        assert_int_equal(k.form, layouts[i].form);
        assert_int_equal(k.ptr_size, layouts[i].ptr_size);
        k.va_delta = m.truth.va_delta;
        if (eg_kallsyms_read(&p, m.view, &k, 2, &e) != 0)
            fail_msg("%s: %s", layouts[i].what, e.text);
        check(&m, p);
        eg_profile_free(p);
        assert_int_equal(
            eg_kallsyms_scan(m.view, m.truth.space, 0, UINT64_MAX, !layouts[i].big, keep, &k, NULL),
            0);
        unmake(&m);
    }
}

// The digits lie in two runs of the space, and on both sides of the caller's range.
static void seams(void **state)
{
    struct image m = make(&layouts[3]);
    struct eg_segment parts[2];
    struct eg_kallsyms k;
    struct eg_space *as;
    struct eg_error e;
    uint64_t at = 0;

    (void)state;
    for (uint64_t i = m.truth.token_table; !at; i++)
        if (!memcmp(m.bytes + i, "0\0001\0002", 5))
            at = i;
    for (uint64_t cut = at - 1; cut <= at + 21; cut++) {
        parts[0] = (struct eg_segment){ 0, cut - 1, m.truth.space, 0, cut, 0 };
        parts[1] = (struct eg_segment){ cut, SIZE - 1, m.truth.space, cut, SIZE - cut, 0 };
        assert_int_equal(eg_segments_open(&as, "parts", parts, 2, NULL, &e), 0);
        assert_int_equal(eg_kallsyms_scan(m.view, as, 0, UINT64_MAX, false, enough, &k, NULL), 1);
        assert_int_equal(k.names, m.truth.names);
        assert_int_equal(eg_kallsyms_scan(m.view, as, 0, at, false, enough, &k, NULL), 1);
        assert_int_equal(eg_kallsyms_scan(m.view, as, 0, at - 1, false, enough, &k, NULL), 0);
        assert_int_equal(eg_kallsyms_scan(m.view, as, at, SIZE, false, enough, &k, NULL), 1);
        assert_int_equal(eg_kallsyms_scan(m.view, as, at + 1, SIZE, false, enough, &k, NULL), 0);
        eg_view_forget(m.view, as);
        eg_space_close(as);
    }
    unmake(&m);
}

static void damaged(void **state)
{
    static const struct {
        const char *what;
        size_t table; // offset in struct eg_kallsyms of the place that is changed
        int at;
        uint8_t value;
    } cases[] = {
        { "an empty name", offsetof(struct eg_kallsyms, names), 0, 0 },
        { "no symbols", offsetof(struct eg_kallsyms, num_syms), 1, 0xff },
        { "an index", offsetof(struct eg_kallsyms, token_index), 40, 0xff },
        { "a token", offsetof(struct eg_kallsyms, token_table), 1, 0 },
        { "a token of control characters", offsetof(struct eg_kallsyms, token_table), 0, 27 },
    };
    struct eg_profile *p = NULL;
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct image m = make(&layouts[8]);
        struct eg_kallsyms k = m.truth;
        uint64_t at;

        memcpy(&at, (const char *)&k + cases[i].table, sizeof at);
        m.bytes[at + cases[i].at] = cases[i].value;
        if (cases[i].table == offsetof(struct eg_kallsyms, num_syms))
            m.bytes[at + 2] = 0xff;
        if (eg_kallsyms_read(&p, m.view, &k, 1, &e) != -EG_EFORMAT)
            fail_msg("%s was taken", cases[i].what);
        unmake(&m);
    }
    for (size_t i = 0; i < countof(layouts); i++) {
        struct image m = make(&layouts[i]);
        struct eg_kallsyms k = m.truth;

        // Addresses that do not rise.
        for (uint64_t at = k.offsets; at < k.offsets + 4 * N; at++)
            m.bytes[at] = (uint8_t)(at * 2654435761u >> 11);
        assert_int_equal(eg_kallsyms_read(&p, m.view, &k, 1, &e), -EG_EFORMAT);
        assert_int_equal(
            eg_kallsyms_scan(m.view, m.truth.space, 0, UINT64_MAX, layouts[i].big, keep, &k, NULL),
            0);
        unmake(&m);
    }
    assert_null(p);
}

// The image ends inside of each table.
static void cut_short(void **state)
{
    struct image m = make(&layouts[8]);
    struct eg_profile *p = NULL;
    struct eg_error e;

    (void)state;
    for (size_t len = m.truth.num_syms + 1; len < m.truth.offsets + 4 * N; len += 977) {
        struct eg_kallsyms k = m.truth;

        assert_int_equal(eg_memory_open(&k.space, m.bytes, len, &e), 0);
        assert_int_equal(eg_kallsyms_read(&p, m.view, &k, 1, &e), -EG_EFORMAT);
        assert_int_equal(eg_kallsyms_scan(m.view, k.space, 0, UINT64_MAX, false, keep, &k, NULL),
                         0);
        eg_view_forget(m.view, k.space);
        eg_space_close(k.space);
    }
    assert_null(p);
    unmake(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_places), cmocka_unit_test(by_shape),  cmocka_unit_test(seams),
        cmocka_unit_test(damaged),   cmocka_unit_test(cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
