/* lost_memory_test.c - memory that was lost, and free memory that looks the same; the image's
 * ranges against the kernel's map of memory. */
#include "../../../core/quality.h"
#include "check.h"
#include "mklinux.h"
#include "space.h"
#include "system.h"
#include <stdio.h>
#include <stdlib.h>

static const char types[] = MK_LIST_TYPES
    "struct resource { unsigned long long start, end; char *name; unsigned long flags;"
    "  struct resource *parent, *sibling, *child; };"
    "struct task_struct { struct list_head tasks; int pid; void *stack; char comm[16]; };";

enum { PAGE = EG_VIEW_PAGE, LEAST = EG_PART_PAGES * PAGE, RAM = 16 << 20, TASKS = 6 };

struct world {
    struct mk *k;
    uint64_t task[TASKS];
    uint64_t block, other; // kernel memory of half a MiB each, contiguous in physical memory
    uint64_t iomem, last;  // the tree, and its last range
};
enum { BLOCK = 512 << 10 };

/** The lowest physical address of a block: later pages are lower. */
static uint64_t lowest(const struct world *w, uint64_t block)
{
    return mk_physical(w->k, block + BLOCK - mk_page_size(w->k));
}

static void add_range(struct world *w, const char *name, uint64_t first, uint64_t last)
{
    const uint64_t o = mk_object(w->k, "resource"), text = mk_alloc(w->k, 32);

    mk_write(w->k, text, name, strlen(name) + 1);
    mk_put(w->k, o, "resource.name", text);
    mk_put(w->k, o, "resource.start", first);
    mk_put(w->k, o, "resource.end", last);
    mk_put(w->k, o, "resource.parent", w->iomem);
    mk_put(w->k, w->last ? w->last : w->iomem, w->last ? "resource.sibling" : "resource.child", o);
    w->last = o;
}

static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, RAM, types) };
    const uint64_t page = mk_page_size(w.k);
    uint64_t init, links[TASKS];

    // Downwards in physical memory: what is above the block can be cut off.
    mk_alloc_aligned(w.k, 2 * LEAST, page);
    w.block = mk_alloc_aligned(w.k, BLOCK, page);
    mk_alloc_aligned(w.k, 1, page);
    w.other = mk_alloc_aligned(w.k, BLOCK, page);
    mk_alloc_aligned(w.k, 1, page);
    init = mk_object(w.k, "task_struct");
    mk_symbol(w.k, "init_task", init);
    w.iomem = mk_object(w.k, "resource");
    mk_symbol(w.k, "iomem_resource", w.iomem);
    for (int i = 0; i < TASKS; i++) {
        w.task[i] = mk_object(w.k, "task_struct");
        links[i] = mk_at(w.k, w.task[i], "task_struct.tasks");
        mk_put(w.k, w.task[i], "task_struct.pid", (uint64_t)i + 1);
    }
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), links, TASKS);
    return w;
}

/** The stacks of the first @n tasks are in the block. */
static void stacks(const struct world *w, int n)
{
    for (int i = 0; i < TASKS; i++)
        mk_put(w->k, w->task[i], "task_struct.stack",
               i < n ? w->block + (uint64_t)i * mk_page_size(w->k) : 0);
}

/** No page that nobody uses is zeros; nor is the block, but for its lowest @zeros bytes. */
static void noise(const struct world *w, uint64_t zeros)
{
    size_t len;
    uint8_t *ram = mk_ram(w->k, &len);
    const uint64_t page = mk_page_size(w->k), from = lowest(w, w->block);
    uint64_t x = 99;

    for (size_t at = 0; at < len; at += page) {
        const bool in_block = at >= from && at < from + BLOCK;

        if (!in_block && (*(ram + at) || memcmp(ram + at, ram + at + 1, page - 1) != 0))
            continue;
        for (size_t i = 0; i < page; i += 8) {
            x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
            memcpy(ram + at + i, &x, 8);
        }
    }
    memset(ram + from, 0, zeros);
}

static struct eg_run_result result;
static char rows[4096];

static void take_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const struct eg_plugin *p = context;
    struct eg_arena a = { 0 };
    const size_t len = strlen(rows);

    (void)depth;
    assert_int_equal(n, 6);
    snprintf(rows + len, sizeof rows - len, "%s%s %llx", len ? "\n" : "",
             eg_value_text(&a, &p->columns[4], &v[4]), (unsigned long long)v[0].u);
    eg_arena_fini(&a);
}

/** Kinds and where they begin, a row a line, but for the first. Notes are in `result`. */
static const char *look(const struct world *w, bool quick)
{
    const struct eg_plugin_reg *p = eg_plugin_find("quality");
    const struct eg_given_arg arg = { "quick", NULL };
    const struct eg_run_options o = { .args = &arg, .n_args = quick, .quiet = true, .threads = 2 };

    *rows = 0;
    eg_arena_fini(&result.arena);
    eg_plugin_run(mk_system(w->k), p, &o,
                  (struct eg_sink){ take_row, (void *)(uintptr_t)p->plugin }, &result);
    assert_int_equal(result.status, 0);
    return strchr(rows, '\n') ? strchr(rows, '\n') + 1 : "";
}

/** Are there rows of @kind at @at only, and a note with this text? */
static void says(const struct world *w, bool quick, const char *kind, uint64_t at, const char *note)
{
    char expected[64];

    snprintf(expected, sizeof expected, "%s %llx", kind, (unsigned long long)at);
    assert_string_equal(look(w, quick), expected);
    for (size_t i = 0; i < result.n_notes; i++)
        if (strstr(result.notes[i], note))
            return;
    fail_msg("no note of %s among %zu: %s", note, result.n_notes,
             result.n_notes ? result.notes[0] : "");
}

static void is_silent(const struct world *w, bool quick)
{
    assert_string_equal(look(w, quick), "");
    if (result.n_notes)
        fail_msg("note: %s", result.notes[0]);
}

/** A whole map: all of memory is RAM. */
static void whole_map(struct world *w)
{
    size_t len;

    mk_ram(w->k, &len);
    add_range(w, "System RAM", 0, len - 1);
}

static void open_linux(const struct world *w, const struct mk_machine *m)
{
    const uint64_t root = mk_user_root(w->k, m);

    mk_user_map(w->k, m, root, 0x10000, w->block); // which makes the system a Linux
}

/* ---- an image that is not whole ---- */

static struct {
    uint64_t from; // memory from here on is not there
    enum eg_why why;
} cut;

static void cut_extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    (void)v;
    if (addr < cut.from)
        *out = (struct eg_extent){ .last = cut.from - 1, .host = as->priv };
    else
        *out = (struct eg_extent){ .start = cut.from, .last = as->last, .why = cut.why };
}

static const struct eg_space_ops cut_ops = { .name = "cut", .extent = cut_extent };

/** In place: the kernel's page tables know this space. @return what was there. */
static struct eg_space cut_off(struct eg_space *phys, uint64_t from, enum eg_why why)
{
    const struct eg_space whole = *phys;

    cut.from = from;
    cut.why = why;
    phys->ops = &cut_ops;
    if (why == EG_ABSENT)
        phys->last = from - 1;
    return whole;
}

/* ---- zeros ---- */

/** A machine of its own, since what its memory is used for is found out once: @n stacks in a block
 * with @zeros bytes of zeros. */
static struct world zeroed(const struct mk_machine *m, int n, uint64_t zeros)
{
    struct world w = make(m);

    whole_map(&w);
    open_linux(&w, m);
    stacks(&w, n);
    noise(&w, zeros);
    return w;
}

static void zeros(void **state)
{
    static const struct {
        int stacks;
        uint64_t zeros;
        bool lost;
    } cases[] = {
        { 0, BLOCK, false },        // free memory
        { 3, BLOCK, false },        // could be a race
        { 4, BLOCK, true },         // the rest of its pages may have been free
        { 6, 0, false },            // all there
        { 6, LEAST - PAGE, false }, // too short
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < 2 * countof(cases); i++)
    {
        struct world w = zeroed(m, cases[i / 2].stacks, cases[i / 2].zeros);
        const uint64_t at = lowest(&w, w.block);

        if (cases[i / 2].lost) {
            says(&w, i & 1, "zeros", at, "4 kernel stacks among it: this memory was not read");
            says(&w, i & 1, "zeros", at, "3 % of RAM");
        } else {
            is_silent(&w, i & 1);
        }
        mk_free(w.k);
    }
}

/** Tables that the kernel made before it needs them are empty; they are not of the direct map. */
static void empty_tables(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = zeroed(m, 3, BLOCK);
        const uint64_t at = lowest(&w, w.block), free = (1u << m->index_bits) - 100;
        uint8_t *root = mk_ram(w.k, &(size_t){ 0 }) + mk_root(w.k);

        for (uint64_t i = 0; m->arch && i < (uint64_t)BLOCK >> m->page_shift; i++) {
            const uint64_t e = mk_entry(m, at + (i << m->page_shift), true);

            memcpy(root + (free + i % 64) * 8, &e, 8);
        }
        is_silent(&w, false);
        mk_free(w.k);
    }
}

/* From somewhere on nothing but zeros: the image was cut. */
static void tail(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = zeroed(m, 5, BLOCK);
        struct eg_space *phys = mk_system(w.k)->image->phys, whole;
        const uint64_t at = lowest(&w, w.block), end = at + BLOCK;

        // What is behind it is not in the image at all.
        whole = cut_off(phys, end, EG_ABSENT);
        mk_put(w.k, w.last, "resource.end", end - 1);
        for (int quick = 0; quick < 2; quick++) {
            says(&w, quick, "zeros", at, "5 kernel stacks among it: the acquisition was cut");
            assert_non_null(strstr(result.notes[0], " on: 3 % of RAM"));
        }
        *phys = whole;
        mk_free(w.k);
    }
}

/* ---- the same twice ---- */

/** The block holds what the block before it holds. */
static struct world copied(const struct mk_machine *m, int n, uint64_t *at)
{
    struct world w = zeroed(m, n, 0);
    size_t len;
    uint8_t *ram = mk_ram(w.k, &len);

    *at = lowest(&w, w.block);
    assert_true(lowest(&w, w.other) < *at);
    memcpy(ram + *at, ram + lowest(&w, w.other), BLOCK);
    return w;
}

static void copies(void **state)
{
    (void)state;
    mk_each_machine(m) for (int n = 0; n <= 4; n += n ? 1 : 3)
    {
        uint64_t at;
        struct world w = copied(m, n, &at);

        if (n < 4) // a file, say
            is_silent(&w, false);
        else
            says(&w, false, "copy", at, "4 kernel stacks among it: this memory was not read");
        mk_free(w.k);
    }
}

static void repeated(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i < 4; i++)
    {
        uint64_t at;
        struct world w = copied(m, i == 1 ? 3 : 6, &at);
        size_t len;
        uint8_t *ram = mk_ram(w.k, &len) + at;

        memset(ram, 0xff, BLOCK);
        for (size_t p = 0; i == 2 && p < BLOCK; p += 4 * PAGE) // what is four pages long
            memset(ram + p, 0xfe, PAGE);
        for (size_t p = 0; i == 3 && p < BLOCK; p += LEAST / 2) // no run is long
            ram[p] = (uint8_t)(p / (LEAST / 2));
        if (i & 1)
            is_silent(&w, false);
        else
            says(&w, false, "repeated", at + (i ? 4 : 1) * PAGE, "again and again");
        mk_free(w.k);
    }
}

/* ---- ranges ---- */

/** @n bytes at the end of memory are not there, for this reason. */
static void without(const struct world *w, uint64_t n, enum eg_why why, const char *kind,
                    const char *note)
{
    struct eg_space *phys = mk_system(w->k)->image->phys;
    const uint64_t size = phys->last + 1;
    const struct eg_space whole = cut_off(phys, size - n, why);

    if (kind)
        says(w, false, kind, size - n, note);
    else
        is_silent(w, false);
    *phys = whole;
}

static void missing(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t page = mk_page_size(w.k);
        uint64_t kept, text;
        size_t len;

        mk_ram(w.k, &len);
        // Only whole pages count, and what touches is one range.
        add_range(&w, "System RAM", 100, 8 * page - 1);
        add_range(&w, "System RAM (kmem)", 8 * page, len - 1);
        kept = mk_object(w.k, "resource");
        text = mk_alloc(w.k, 32);
        mk_write(w.k, text, "Crash kernel", 13);
        mk_put(w.k, kept, "resource.name", text);
        mk_put(w.k, kept, "resource.start", len - LEAST);
        mk_put(w.k, kept, "resource.end", len - 1);
        open_linux(&w, m);
        noise(&w, 0);
        without(&w, 0, EG_ABSENT, NULL, NULL);
        without(&w, LEAST, EG_ABSENT, "missing",
                "2 % of RAM is not there: RAM by the kernel's own map, not in the image: 1 range");
        without(&w, LEAST - PAGE, EG_ABSENT, NULL, NULL);
        without(&w, LEAST, EG_UNREADABLE, "unreadable",
                "the file is cut off or damaged there: 1 range");
        without(&w, LEAST - PAGE, EG_UNREADABLE, NULL, NULL);
        without(&w, LEAST, EG_EXCLUDED, NULL, NULL); // on purpose
        // A crash kernel's memory is left out of its dump; not if the dump lacks more.
        mk_put(w.k, kept, "resource.parent", w.last);
        mk_put(w.k, w.last, "resource.child", kept);
        without(&w, LEAST, EG_ABSENT, NULL, NULL);
        without(&w, LEAST + page, EG_ABSENT, "missing", "not in the image: 1 range");
        mk_free(w.k);
    }
}

/* The rest of a map that is damaged is no map: nothing is missing by it. */
static void damaged_map(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        add_range(&w, "System RAM", 0, RAM - 1);
        add_range(&w, "System RAM", UINT64_C(1) << 30, (UINT64_C(1) << 30) + RAM - 1);
        open_linux(&w, m);
        noise(&w, 0);
        says(&w, false, "missing", UINT64_C(1) << 30, "not in the image: 1 range");
        mk_put(w.k, w.last, "resource.parent", 0);
        assert_string_equal(look(&w, false), "");
        assert_int_equal(result.n_notes, 1);
        assert_non_null(strstr(result.notes[0], "how much RAM the machine had is not known"));
        assert_int_equal(strncmp(rows, "memory ", 7), 0);
        mk_free(w.k);
    }
}

/* Singularity renames the range that holds it. */
static void code_that_is_no_ram(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t first;

        mk_symbol(w.k, "_stext", w.block);
        mk_symbol(w.k, "_etext", w.block + 64);
        whole_map(&w);
        first = w.last;
        add_range(&w, "System RAM", UINT64_C(1) << 30, (UINT64_C(1) << 30) + LEAST - PAGE - 1);
        open_linux(&w, m);
        noise(&w, 0);
        mk_system(w.k)->chosen->kernel_pa_delta = w.block - mk_physical(w.k, w.block);
        is_silent(&w, false);
        mk_write(w.k, mk_read_ptr(w.k, mk_at(w.k, first, "resource.name")), "Reserved", 9);
        says(&w, true, "not RAM", mk_physical(w.k, w.block),
             "does not call the memory of the kernel's");
        mk_free(w.k);
    }
}

/* ---- without a kernel ---- */

static void no_kernel(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_system *sys = mk_system(w.k);
        struct eg_candidate *trace;
        uint8_t *ram;
        size_t len;

        noise(&w, BLOCK); // zeros in the middle could be free
        ram = mk_ram(w.k, &len);
        is_silent(&w, false);
        memset(ram + len - 4 * LEAST, 0, 4 * LEAST);
        says(&w, false, "zeros", len - 4 * LEAST, "was cut, or that memory was never used");
        says(&w, true, "zeros", len - 4 * LEAST, "6 % of the memory in the image");
        ram[len - 1] = 1;
        is_silent(&w, false);
        // A kernel left traces, and its page tables would be in those in the middle.
        trace = eg_candidate_new(sys, NULL);
        assert_non_null(trace);
        trace->paging.root = lowest(&w, w.block) + mk_page_size(w.k);
        says(&w, false, "zeros", len - 4 * LEAST, "the kernel's page tables among it");
        trace->paging.root = len - 5 * LEAST; // before them
        is_silent(&w, false);
        mk_free(w.k);
    }
}

/* More may be lost than there is: of that, no part is more than all. */
static void most_is_lost(void **state)
{
    static const struct {
        unsigned left; // of a hundred
        const char *note;
    } cases[] = { { 75, "25 % of the memory that the image should have" },
                  { 25, "75 % of the memory that the image should have" },
                  { 1, "99 % of the memory that the image should have" } };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        struct eg_space *phys = mk_system(w.k)->image->phys, whole;
        uint64_t left;

        noise(&w, 0);
        left = (phys->last + 1) * cases[i].left / 100 & ~(uint64_t)(PAGE - 1);
        whole = cut_off(phys, left, EG_UNREADABLE);
        says(&w, i & 1, "unreadable", left, cases[i].note);
        *phys = whole;
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros),       cmocka_unit_test(empty_tables),
        cmocka_unit_test(tail),        cmocka_unit_test(copies),
        cmocka_unit_test(repeated),    cmocka_unit_test(missing),
        cmocka_unit_test(damaged_map), cmocka_unit_test(code_that_is_no_ram),
        cmocka_unit_test(no_kernel),   cmocka_unit_test(most_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
