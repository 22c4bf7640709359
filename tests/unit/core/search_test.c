/* search_test.c - windows, joins, rounds and failures of searches, on synthetic memory. */
#include "../../../core/search.h"
#include "../../../core/space.h"
#include "check.h"
#include "mkimage.h"
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS(C) EG_HIT_COLUMNS(C) C(LENGTH, INT, "")
EG_COLUMNS(COLUMNS);

#define PLUGIN(n)                                                                                  \
    static const struct eg_plugin eg_plugin_##n;                                                   \
    static const struct eg_plugin_reg eg_preg_##n = { #n, __FILE__, &eg_plugin_##n };              \
    EG_ENTRY(eg_plugins, eg_plugin_reg, p_##n) = &eg_preg_##n;                                     \
    static const struct eg_plugin eg_plugin_##n

/* ---- a scanner of runs of '#', each of them whole up to 100 bytes ---- */

enum { LONGEST = 100 };
static int n_begun, n_ended, n_workers;

static int begin(struct eg_run *r, void **state)
{
    *state = eg_tmp(r, 1);
    n_begun++;
    return 0;
}
static void end(void *state)
{
    (void)state;
    n_ended++;
}
static void *worker(void *state)
{
    __atomic_fetch_add(&n_workers, 1, __ATOMIC_SEQ_CST);
    return state;
}
static void worker_end(void *worker)
{
    (void)worker;
    __atomic_fetch_sub(&n_workers, 1, __ATOMIC_SEQ_CST);
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    (void)state;
    assert_non_null(worker);
    assert_true(w->from <= w->to && w->to <= w->len);
    for (size_t i = 0, n; i < w->to; i += n + !n) {
        for (n = 0; i + n < w->len && w->bytes[i + n] == '#'; n++)
            ;
        if (n) // core drops what begins outside
            eg_hit_add(out, w->addr + i, (uint32_t)EG_MIN(n, (size_t)LONGEST), 7);
    }
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    (void)state;
    assert_int_equal(h->tag, 7);
    eg_row(r, EG_HIT_CELLS(r, region, h), .LENGTH = eg_uint(h->len));
}

static const struct eg_scan runs = { .before = 1,
                                     .behind = LONGEST,
                                     .begin = begin,
                                     .end = end,
                                     .worker = worker,
                                     .worker_end = worker_end,
                                     .look = look,
                                     .hit = hit };
PLUGIN(test_runs) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &runs
};

/* ---- others: what may go wrong ---- */

static int refuse(struct eg_run *r, void **state)
{
    (void)state;
    return eg_failed(r, "it will not");
}
static const struct eg_scan refuses = { .begin = refuse, .look = look, .hit = hit };
PLUGIN(test_refuses) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &refuses
};

static void greedy_hit(struct eg_run *r, void *state, const struct eg_region *region,
                       const struct eg_hit *h)
{
    hit(r, state, region, h);
    while (eg_tmp(r, 1 << 20))
        ;
}
static const struct eg_scan greedy = { .behind = LONGEST,
                                       .worker = worker,
                                       .worker_end = worker_end,
                                       .begin = begin,
                                       .end = end,
                                       .look = look,
                                       .hit = greedy_hit };
PLUGIN(test_greedy) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &greedy
};

static void look_reversed(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    (void)state;
    (void)worker;
    for (size_t i = w->to; i-- > w->from;)
        if (w->bytes[i] == '#')
            eg_hit_add(out, w->addr + i, 1, 7);
}
static const struct eg_scan reversed = { .look = look_reversed, .hit = hit };
PLUGIN(test_reversed) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &reversed
};

static void *no_worker(void *state)
{
    (void)state;
    return NULL;
}
static const struct eg_scan workless = { .worker = no_worker, .look = look, .hit = hit };
PLUGIN(test_workless) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &workless
};

/* ---- memory: a space of what the test says ---- */

enum { SIZE = 24 << 20 };

struct memory {
    struct eg_space as;
    uint8_t *bytes;
    enum kind { HOST, MADE, ZERO, HOLE } * pages; // one for each 4 KiB
    bool joined;                                  // pages of one kind are one extent
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct memory *m = as->priv;
    uint64_t first = addr >> 12, last = first;
    const enum kind kind = m->pages[first];

    (void)v;
    while (m->joined && kind != MADE && first && m->pages[first - 1] == kind)
        first--;
    while (m->joined && kind != MADE && last < SIZE / 4096 - 1 && m->pages[last + 1] == kind)
        last++;
    *out = (struct eg_extent){ .start = first << 12,
                               .last = (last << 12) + 4095,
                               .made = kind == MADE,
                               .zero = kind == ZERO,
                               .why = kind == HOLE ? EG_ABSENT : EG_OK };
    if (kind == HOST)
        out->host = m->bytes + out->start;
}
static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    const struct memory *m = as->priv;

    (void)v;
    memcpy(bytes, m->bytes + start, len);
    return true;
}
static const struct eg_space_ops ops = { .name = "test", .extent = extent, .fill = fill };

static struct memory *memory_new(void)
{
    struct memory *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->bytes = calloc(1, SIZE);
    m->pages = calloc(SIZE / 4096, sizeof *m->pages);
    assert_true(m->bytes && m->pages);
    m->joined = true;
    m->as = (struct eg_space){ .ops = &ops, .last = SIZE - 1, .priv = m };
    return m;
}
static void memory_free(struct memory *m)
{
    free(m->bytes);
    free(m->pages);
    free(m);
}
static void put(struct memory *m, uint64_t at, size_t n)
{
    memset(m->bytes + at, '#', n);
}
static void set(struct memory *m, uint64_t from, uint64_t to, enum kind kind)
{
    for (uint64_t i = from >> 12; i < to >> 12; i++)
        m->pages[i] = kind;
}

/* ---- running ---- */

static char out[3][1 << 16];

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    char *to = context;

    assert_int_equal(depth, 0);
    assert_int_equal(n, 6);
    to += strlen(to);
    if (strlen(context) > sizeof out[0] - 2048)
        return;
    snprintf(to, (size_t)1 << 10, "%llx+%d%s%s%s\n", (unsigned long long)v[v[0].tag == EG_V_NONE].u,
             (int)v[5].u, v[1].tag == EG_V_BAD ? " lost" : "", v[3].tag == EG_V_TEXT ? " " : "",
             v[3].tag == EG_V_TEXT ? (const char *)v[3].bytes.p : "");
    if (v[4].tag == EG_V_TEXT)
        snprintf(to + strlen(to) - 1, (size_t)1 << 10, " [%.*s]\n", (int)v[4].bytes.len,
                 (const char *)v[4].bytes.p);
}

static struct eg_run_result results[3];

/** Plugins by name, "" ends; as physical memory @m is what they see. */
static void search(struct mk *k, struct memory *m, const char *const *names,
                   const struct eg_run_options *o)
{
    struct eg_system *sys = mk_system(k);
    struct eg_space *phys = sys->image->phys;
    const struct eg_plugin_reg *regs[3];
    struct eg_sink sinks[3];
    size_t n = 0;

    for (; names[n]; n++) {
        regs[n] = eg_plugin_find(names[n]);
        assert_non_null(regs[n]);
        out[n][0] = 0;
        sinks[n] = (struct eg_sink){ put_row, out[n] };
    }
    if (m)
        sys->image->phys = &m->as;
    eg_search(sys, regs, n, o, sinks, results);
    sys->image->phys = phys;
    assert_int_equal(n_workers, 0);
    assert_int_equal(n_begun, n_ended);
}

static void fini(size_t n)
{
    for (size_t i = 0; i < n; i++)
        eg_arena_fini(&results[i].arena);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/** The same hits for any number of threads, whatever the memory is made of. */
static void windows(void **state)
{
    static const char expected[] = "ffe+4\n1ffff0+32\n3fffff+1\n5ffffe+100\n7ff000+1\n"
                                   "900ffd+3\n902000+5\n17fffff+1\n";
    static const enum kind kinds[] = { HOST, MADE };

    (void)state;
    for (unsigned variant = 0; variant < 2 * countof(kinds); variant++) {
        struct memory *m = memory_new();
        struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

        m->joined = variant & 1;
        set(m, 0, SIZE, kinds[variant >> 1]);
        put(m, 0xffe, 4);      // across pages
        put(m, 0x1ffff0, 32);  // across pieces
        put(m, 0x3fffff, 1);   // the last of a piece
        put(m, 0x5ffffe, 200); // longer than may be: one hit, cut
        put(m, 0x7ff000, 1);   // a page alone between holes
        set(m, 0x700000, 0x7ff000, HOLE);
        set(m, 0x800000, 0x900000, HOLE);
        put(m, 0x900ffd, 3); // up to a hole, and behind it
        set(m, 0x901000, 0x902000, HOLE);
        put(m, 0x902000, 5);
        put(m, SIZE - 1, 1);
        for (unsigned threads = 1; threads <= 5; threads += 2) {
            const struct eg_run_options o = { .threads = threads, .quiet = true };

            search(k, m, NAMES("test_runs"), &o);
            assert_string_equal(out[0], expected);
            assert_int_equal(results[0].status, 0);
            assert_int_equal(results[0].n_rows, 8);
            fini(1);
        }
        mk_free(k);
        memory_free(m);
    }
}

/** Zeros that no file stores: near to what one does they are there, far from it they are a hole. */
static void zeros(void **state)
{
    static const struct eg_run_options o = { .threads = 2, .quiet = true };
    struct memory *m = memory_new();
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

    (void)state;
    set(m, 0x1000, 0x400000, ZERO);
    set(m, 0x500000, SIZE, ZERO);
    put(m, 0xfff, 1);
    put(m, 0x4fffff, 1);
    put(m, 0x100000, 8); // in zeros: never read
    search(k, m, NAMES("test_runs"), &o);
    assert_string_equal(out[0], "fff+1\n4fffff+1\n");
    fini(1);
    set(m, 0, SIZE, ZERO);
    search(k, m, NAMES("test_runs"), &o);
    assert_string_equal(out[0], "");
    assert_int_equal(results[0].status, 0);
    fini(1);
    mk_free(k);
    memory_free(m);
}

/** One that fails fails alone. */
static void several(void **state)
{
    static const struct eg_run_options o = { .threads = 3, .quiet = true, .memory_limit = 8 << 20 };
    struct memory *m = memory_new();
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

    (void)state;
    put(m, 0x1ffffe, 3);
    put(m, 0x700000, 2);
    search(k, m, NAMES("test_refuses", "test_runs", "test_greedy"), &o);
    assert_string_equal(results[0].error, "it will not");
    assert_string_equal(out[0], "");
    assert_int_equal(results[1].status, 0);
    assert_string_equal(out[1], "1ffffe+3\n700000+2\n");
    assert_int_equal(results[2].status, -EG_ENOMEM);
    assert_int_equal(results[2].n_rows, 1);
    fini(3);
    search(k, m, NAMES("test_workless", "test_reversed"), &o);
    assert_int_equal(results[0].status, -EG_ENOMEM);
    assert_string_equal(out[1], "1ffffe+1\n1fffff+1\n200000+1\n700000+1\n700001+1\n");
    fini(2);
    search(k, m, NAMES("test_refuses"), &o);
    assert_int_equal(results[0].status, -EG_EFORMAT);
    fini(1);
    mk_free(k);
    memory_free(m);
}

/** More hits than the limit of memory has room for are an error, not a short list. */
static void too_many(void **state)
{
    static const struct eg_run_options o = { .threads = 2, .quiet = true, .memory_limit = 1 << 20 };
    struct memory *m = memory_new();
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

    (void)state;
    put(m, 0x400000, 1 << 17);
    search(k, m, NAMES("test_reversed"), &o);
    assert_int_equal(results[0].status, -EG_ENOMEM);
    assert_non_null(strstr(results[0].error, "out of memory: more than"));
    fini(1);
    mk_free(k);
    memory_free(m);
}

static void stop_hit(struct eg_run *r, void *state, const struct eg_region *region,
                     const struct eg_hit *h)
{
    hit(r, state, region, h);
    eg_cancelled = 1;
}
static const struct eg_scan stops = { .look = look_reversed, .hit = stop_hit };
PLUGIN(test_stops) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &stops
};

static int say_done(struct eg_run *r, void *state)
{
    (void)state;
    eg_note(r, "all was given");
    return 0;
}
static void look_and_stop(void *state, void *worker, const struct eg_window *w,
                          struct eg_hits *found)
{
    look_reversed(state, worker, w, found);
    eg_cancelled = 1;
}
static const struct eg_scan stops_looking = { .look = look_and_stop, .hit = hit, .done = say_done };
PLUGIN(test_stops_looking) = {
    .help = "Search", .columns = columns, .args = EG_ARGS(EG_SCAN_ARGS), .scan = &stops_looking
};

/** What was found before Ctrl-C is shown, and the plugin can still judge it. */
static void cancelled_keeps(void **state)
{
    static const struct eg_run_options o = { .threads = 1, .quiet = true };
    struct memory *m = memory_new();
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

    (void)state;
    put(m, 0, 2);
    put(m, SIZE - 2, 2);
    search(k, m, NAMES("test_stops_looking"), &o);
    eg_cancelled = 0;
    assert_string_equal(out[0], "0+1\n1+1\n");
    assert_int_equal(results[0].status, -EG_ECANCEL);
    assert_int_equal(results[0].n_notes, 1);
    fini(1);
    mk_free(k);
    memory_free(m);
}

static void cancelled(void **state)
{
    static const struct eg_run_options o = { .threads = 2, .quiet = true };
    struct memory *m = memory_new();
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");

    (void)state;
    put(m, 0, 2);
    put(m, SIZE - 2, 2);
    search(k, m, NAMES("test_stops", "test_runs"), &o);
    eg_cancelled = 0;
    assert_int_equal(strncmp(out[0], "0+1\n1+1\n", 8), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, -EG_ECANCEL);
        assert_non_null(strstr(results[i].error, "stopped"));
    }
    fini(2);
    mk_free(k);
    memory_free(m);
}

/* ---- regions and owners of an operating system ---- */

static struct memory *second;
static bool regions_fail;

static int regions(struct eg_run *r, bool of_kernel, uint64_t around, struct eg_regions *all)
{
    struct eg_space *as = &second->as;
    const struct eg_region list[] = {
        { as, 0x2000, 0x2fff, 0, 7, "seven" },
        { as, 0x1000, 0x1fff, 0, 7, "seven" },
        { as, 0x2000 - around, 0x1fff + around, 0x2000, 7, "seven" },
        { as, 0x400000, 0x8fffff, 0, 9, "nine" },
        { as, 9, 8, 0, 9, "empty" },
        { as, SIZE - 1, SIZE - 1, 0, 9, "nine" },
    };

    eg_note(r, "of the pass");
    assert_int_equal(around, LONGEST);
    if (regions_fail)
        return eg_failed(r, "no page tables");
    for (size_t i = of_kernel ? 3 : 0; i < countof(list); i++) {
        struct eg_region *place = eg_vec_push(&all->list);

        assert_non_null(place);
        *place = list[i];
    }
    return 0;
}
static void *owners_open(struct eg_run *r)
{
    return eg_strf(r, "owners");
}
static void owners(struct eg_run *r, void *own, uint64_t addr,
                   void (*each)(void *context, const struct eg_owner *o), void *context)
{
    const struct eg_owner process = { "process", 7, "seven", 0x1000, "/bin/sh", 0x20 };
    const struct eg_owner cache = { "page cache", -1, NULL, 0, "/bin/sh", 0 };
    const struct eg_owner none = { "free", -1, NULL, 0, NULL, 0 };

    assert_string_equal(own, "owners");
    assert_false(eg_stopped(r));
    each(context, addr == 0x1ffe ? &process : &none);
    for (int i = 0; addr == 0x1ffe && i < 10; i++)
        each(context, &cache);
}
static const struct eg_memory_ops memory_ops = { .regions = regions,
                                                 .owners_open = owners_open,
                                                 .owners = owners };

static void system_regions(void **state)
{
    static const struct {
        struct eg_given_arg args[3];
        size_t n;
        bool with_os;
        const char *out, *error;
    } cases[] = {
        { { { "in", "processes" } },
          1,
          true,
          "2000+2 lost seven\n1ffe+2 lost seven\n1ffe+4 lost seven\n4fffff+2 lost nine\n"
          "17fffff+1 lost nine\n",
          NULL },
        { { { "in", "kernel" } }, 1, true, "4fffff+2 lost nine\n17fffff+1 lost nine\n", NULL },
        { { { "pid", "7" } }, 1, true, NULL, NULL },
        { { { "in", "kernel" } }, 1, false, "", "kernel: needs an operating system" },
        { { { "owners", NULL } }, 1, false, "", "--owners: needs an operating system" },
        { { { "in", "phys" } }, 1, true, "", "must be physical, kernel or processes" },
        { { { "in", "kernel" }, { "pid", "1" } }, 2, true, "", "--pid cannot be used with" },
        { { { "owners", NULL } },
          1,
          true,
          "1ffe+4 [pid 7 seven 0x1000: /bin/sh+0x20; page cache: /bin/sh; page cache: /bin/sh; "
          "page cache: /bin/sh; 7 more]\n4fffff+2 [free]\n17fffff+1 [free]\n",
          NULL },
    };
    struct mk *k = mk_new(&mk_machines[0], 1 << 20, "struct thing { int a; };");
    const struct eg_os os = { .name = "test", .memory = &memory_ops }, *old = mk_system(k)->os;

    (void)state;
    second = memory_new();
    put(second, 0x1ffe, 4);
    put(second, 0x4fffff, 2);
    put(second, SIZE - 1, 1);
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_run_options o = {
            .args = cases[i].args, .n_args = cases[i].n, .threads = 2, .quiet = true
        };
        const bool physical = !strcmp(cases[i].args[0].name, "owners");

        mk_system(k)->os = cases[i].with_os ? &os : NULL;
        search(k, physical ? second : NULL, NAMES("test_runs"), &o);
        mk_system(k)->os = old;
        assert_string_equal(out[0], cases[i].out ? cases[i].out : cases[0].out);
        assert_int_equal(results[0].status != 0, cases[i].error != NULL);
        if (cases[i].error && !strstr(results[0].error, cases[i].error))
            assert_string_equal(results[0].error, cases[i].error);
        if (!cases[i].error && !physical)
            assert_string_equal(results[0].notes[0], "of the pass");
        fini(1);
    }
    regions_fail = true;
    mk_system(k)->os = &os;
    search(k, NULL, NAMES("test_runs", "test_refuses"),
           &(struct eg_run_options){ .args = cases[0].args, .n_args = 1, .quiet = true });
    mk_system(k)->os = old;
    assert_string_equal(results[0].error, "no page tables");
    assert_string_equal(results[1].error, "it will not");
    fini(2);
    mk_free(k);
    memory_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),        cmocka_unit_test(zeros),
        cmocka_unit_test(several),        cmocka_unit_test(too_many),
        cmocka_unit_test(cancelled),      cmocka_unit_test(cancelled_keeps),
        cmocka_unit_test(system_regions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
