/* find_flood_test.c - memory full of what looks like a kernel: the true one is found, and what the
 * search does and keeps does not grow with the number of fakes. */
#include "../../../plugins/linux/find/load.h"
#include "../../../plugins/linux/find/locate.h"
#include "../../../plugins/linux/find/traces.h"
#include "../../../plugins/linux/find/windows.h"
#include "check.h"
#include "mkkernel.h"
#include "registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, LOW = 0x100000, FREE = 14 << 20, MIB = 1 << 20 };

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

/* A header of BTF, @types bytes of types and as many of strings, and behind it @record as the info
 * of the first record. */
static void put_btf(uint8_t *p, uint32_t types, uint32_t record)
{
    const uint32_t words[] = { 0x1eb9f, 24, 0, types, types, types, 1, record, 4 };

    for (size_t i = 0; i < countof(words); i++)
        put32(p + 4 * i, words[i]);
}

/* ---- what is written over memory that nobody uses ---- */

static void notes(struct mk_kernel *k)
{
    for (uint64_t pa = LOW; pa < MK_NOTE; pa += PAGE)
        mk_kernel_note(k, pa, pa << 4);
    for (uint64_t pa = FREE; pa < MK_RAM; pa += PAGE)
        mk_kernel_note(k, pa, pa << 4);
}

static void texts(struct mk_kernel *k)
{
    for (uint64_t pa = FREE; pa < MK_RAM; pa += PAGE)
        memset(memcpy(k->ram + pa, "OSRELEASE=6.1.0\n", 16), 'x', PAGE - 16);
}

static void headers(struct mk_kernel *k)
{
    for (uint64_t pa = LOW; pa + 64 < MK_NOTE; pa += 24)
        put_btf(k->ram + pa, MIB, 0);
    for (uint64_t pa = FREE; pa + 64 < MK_RAM; pa += 24)
        put_btf(k->ram + pa, MIB, 0);
}

/* Each has one good record that is longer than what a short look reads. */
static void long_records(struct mk_kernel *k)
{
    for (uint64_t pa = LOW; pa + 64 < MK_NOTE; pa += 64)
        put_btf(k->ram + pa, MIB, 4u << 24 | 80000);
    for (uint64_t pa = FREE; pa + 64 < MK_RAM; pa += 64)
        put_btf(k->ram + pa, MIB, 4u << 24 | 80000);
}

/* Every page below the first megabyte leads to tables that map every other page of a gigabyte. */
static void roots(struct mk_kernel *k)
{
    const uint64_t third = FREE, second = third + PAGE, first = second + PAGE;

    for (uint64_t pa = PAGE; pa < LOW; pa += PAGE)
        put64(k->ram + pa + 8 * 511, third | 3);
    put64(k->ram + third + 8 * 510, second | 3);
    for (unsigned i = 0; i < 512; i++) {
        put64(k->ram + second + 8 * i, first | 3);
        if (i % 2)
            put64(k->ram + first + 8 * i, (uint64_t)FREE | 3);
    }
}

/* The signature of boot_params, which a boot loader's map of memory belongs to. */
static void maps(struct mk_kernel *k)
{
    for (uint64_t pa = FREE; pa < FREE + MIB; pa += 8)
        memcpy(k->ram + pa, "\x55\xaa\0\0HdrS", 8);
}

static const struct {
    const char *what;
    void (*fill)(struct mk_kernel *k);
    void (*take)(struct mk_kernel *k);
    const char *trace; /* by which the true one is found all the same */
    bool note;         /* where none is found: what was given up is said */
} floods[] = {
    { "notes whose page tables lead nowhere", notes, NULL, "VMCOREINFO at 0x200000", false },
    { "text of VMCOREINFO without anything in it", texts, NULL, "VMCOREINFO at 0x200000", false },
    { "headers of BTF", headers, mk_kernel_no_vmcoreinfo, "BTF at 0x601000", true },
    { "BTF of one long record", long_records, mk_kernel_no_vmcoreinfo, "BTF at 0x601000", true },
    { "maps of memory", maps, NULL, "VMCOREINFO at 0x200000", true },
    { "roots of page tables", roots, NULL, "VMCOREINFO at 0x200000", true },
};

static long peak(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_maxrss;
}

/* The true kernel is found among them. */
static void true_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(floods); i++) {
        struct mk_kernel k;
        struct eg_system *sys;

        mk_kernel_init(&k, 4);
        mk_kernel_no_trampoline(&k);
        if (floods[i].take)
            floods[i].take(&k);
        floods[i].fill(&k);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        print_message("# %s\n", floods[i].what);
        assert_true(mk_kernel_opens(sys));
        print_message("# %s\n", sys->chosen->trace);
        assert_non_null(strstr(sys->chosen->trace, floods[i].trace));
        assert_int_equal(sys->chosen->kernel_pa_delta, MK_DELTA);
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Without it nothing is found, little memory was used, and a note says what was not looked at. */
static void nothing_but_fakes(void **state)
{
    enum { MORE_KIB = 64 << 10 };

    (void)state;
    for (size_t i = 0; i < countof(floods); i++) {
        struct mk_kernel k = { .ram = calloc(1, MK_RAM), .levels = 4 };
        struct eg_system *sys;
        bool said = false;
        long before;

        assert_non_null(k.ram);
        memset(k.ram, 1, MK_RAM);
        floods[i].fill(&k);
        before = peak();
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        print_message("# %s: %ld KiB more\n", floods[i].what, peak() - before);
        assert_non_null(sys);
        assert_false(mk_kernel_opens(sys));
        for (size_t n = 0; n < sys->notes.n; n++)
            said |= strstr(sys->notes.at[n], "cut short") || strstr(sys->notes.at[n], "more than");
        assert_true(said || !floods[i].note);
#ifdef MEASURED
        assert_true(peak() - before < MORE_KIB);
#endif
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* ---- one phase alone ---- */

static unsigned n_offered;

static void count(struct linux_finder *f, struct linux_candidate *c)
{
    n_offered++;
    linux_candidate_fini(f->v, c);
}

static struct linux_finder finder_of(struct eg_system *sys)
{
    struct linux_finder f = {
        .sys = sys, .v = sys->view, .phys = sys->image->phys, .offer = count
    };

    linux_budgets(&f);
    return f;
}

/* However many places there are, few candidates come of them. */
static void few_candidates(void **state)
{
    void (*const traces[])(struct linux_finder *) = { linux_trace_low_roots, linux_trace_pages,
                                                      linux_trace_tables };

    (void)state;
    for (size_t i = 0; i < countof(floods); i++) {
        struct mk_kernel k = { .ram = calloc(1, MK_RAM), .levels = 4 };
        struct eg_system *sys;

        assert_non_null(k.ram);
        floods[i].fill(&k);
        sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
        for (size_t t = 0; t < countof(traces); t++) {
            struct linux_finder f = finder_of(sys);

            n_offered = 0;
            traces[t](&f);
            if (n_offered > 40)
                fail_msg("flood %zu, trace %zu: %u candidates", i, t, (unsigned)n_offered);
        }
        mk_kernel_close(sys);
        mk_kernel_fini(&k);
    }
}

/* Words that lead to the name of init_task, but are in no table: only so many are followed. */
static void no_exports(void **state)
{
    const struct eg_model model = { .ptr_size = 8, .long_size = 8 };
    struct mk_kernel k = { .ram = calloc(1, MK_RAM), .levels = 4 };
    struct linux_finder f;
    struct eg_system *sys;

    (void)state;
    assert_non_null(k.ram);
    memcpy(k.ram + PAGE, "init_task", 10);
    for (uint64_t at = 2 * PAGE; at + 4 <= MK_RAM; at += 28)
        put32(k.ram + at, (uint32_t)(PAGE - at));
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    f = finder_of(sys);
    assert_null(linux_exports(&f, 0, MK_RAM - 1, &model));
    assert_true(f.spent[LINUX_WORDS]);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

static void in_order(struct linux_finder *f, struct linux_candidate *c)
{
    n_offered++;
    assert_true(c->ro_from < c->ro_to);
    linux_candidate_fini(f->v, c);
}

/* Memory up to the last address: the range in which a table's kernel is searched does not wrap. */
static void last_address(void **state)
{
    const struct eg_image_range all = { 0, -(uint64_t)MK_RAM, MK_RAM };
    struct mk_kernel k;
    struct linux_finder f;
    struct eg_system *sys;
    struct eg_space *moved;

    (void)state;
    mk_kernel_init(&k, 4);
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    assert_int_equal(eg_image_ranges_open(&moved, "moved", sys->image->phys, &all, 1, NULL), 0);
    f = finder_of(sys);
    f.phys = moved;
    f.offer = in_order;
    n_offered = 0;
    linux_trace_tables(&f);
    assert_true(n_offered > 0);
    linux_space_close(f.v, moved);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* Code that uses many addresses, which may all be inside of an object: one of a size that no object
 * has. Only so many of the possible addresses of the object are tested. */
static void huge_object(void **state)
{
    static const char function[] = "vmalloc_to_page", type[] = "mm_struct";
    enum { USES = 256, LOAD = 7, SECONDS = 20 };
    const struct eg_image_range all = { 0, -(uint64_t)MK_RAM, MK_RAM };
    const uint64_t start = all.start + FREE;
    struct mk_kernel k = { .ram = calloc(1, MK_RAM), .levels = 4 };
    struct linux_candidate c = { .arch = linux_arch_of("x86_64"),
                                 .start = start,
                                 .end = start + MIB };
    struct eg_builder *b;
    struct linux_finder f;
    struct eg_system *sys;
    clock_t begin;

    (void)state;
    assert_non_null(k.ram);
    for (uint32_t i = 0; i < USES; i++) {
        uint8_t *load = k.ram + FREE + LOAD * i; // mov target(%rip),%rax

        memcpy(load, "\x48\x8b\x05", 3);
        put32(load + 3, MIB - 8 * (i + 1) - LOAD * (i + 1));
    }
    sys = mk_kernel_open(&k, MK_RAM, 0, NULL);
    f = finder_of(sys);
    c.paging.arch = eg_arch_find("x86_64");
    assert_int_equal(eg_image_ranges_open(&c.space, "moved", f.phys, &all, 1, NULL), 0);
    b = eg_builder_new(c.paging.arch->model, "test");
    eg_builder_type(b, &(struct eg_type){ .size = UINT32_MAX,
                                          .name = eg_builder_name(b, type, strlen(type)),
                                          .kind = EG_T_STRUCT });
    eg_builder_symbol(b, eg_builder_name(b, function, strlen(function)), start, 0, 'T');
    assert_int_equal(eg_builder_finish(b, &c.symbols, NULL, NULL), 0);
    assert_int_equal(eg_types_init(&c.ts, c.symbols, NULL), 0);
    begin = clock();
    assert_null(linux_derive(&f, &c));
    assert_true(clock() - begin < SECONDS * CLOCKS_PER_SEC);
    assert_true(f.spent[LINUX_TARGETS]);
    linux_candidate_fini(f.v, &c);
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
}

/* What is spent stays spent, and what costs nothing is refused then, too. */
static void spending(void **state)
{
    struct eg_system sys = { 0 };
    struct linux_finder f = { .sys = &sys };

    (void)state;
    linux_budgets(&f);
    assert_true(linux_spend(&f, LINUX_ROOTS, 1));
    assert_false(linux_spend(&f, LINUX_ROOTS, INT64_C(1) << 40));
    assert_false(linux_spend(&f, LINUX_ROOTS, 1));
    assert_false(linux_spend(&f, LINUX_ROOTS, 0));
    assert_true(f.spent[LINUX_ROOTS]);
    assert_false(f.spent[LINUX_PAGES]);
    linux_budgets(&f);
    assert_true(linux_spend(&f, LINUX_ROOTS, 1));
    assert_true(f.spent[LINUX_ROOTS]); /* the note is still due */
}

/* Of a sparse file only what is stored is searched. */
static void sparse_file(void **state)
{
    enum { STORED = 8 * MIB };
    const struct eg_open_options raw = { .format = "raw", .quiet = true };
    char path[] = "/tmp/engram-sparse-XXXXXX";
    const int fd = mkstemp(path);
    uint8_t *bytes = calloc(1, STORED);
    struct eg_image *img;
    struct eg_error e;

    (void)state;
    assert_true(fd >= 0 && bytes);
    memset(bytes, 1, STORED);
    assert_int_equal(pwrite(fd, bytes, STORED, 0), STORED);
    assert_int_equal(pwrite(fd, bytes, PAGE, INT64_C(4) << 30), PAGE);
    assert_int_equal(ftruncate(fd, INT64_C(8) << 30), 0);
    free(bytes);
    for (unsigned moved = 0; moved < 2; moved++) { /* the second time with a space above the file */
        struct eg_open_options o = raw;
        struct eg_system sys = { .options = { .threads = 1, .quiet = true } };
        struct linux_finder f = { .sys = &sys };
        struct linux_windows w;

        o.offset = moved ? 64 * MIB : 0;
        assert_int_equal(eg_image_open(&img, path, &o, &e), 0);
        f.phys = img->phys;
        f.v = malloc(sizeof *f.v);
        assert_non_null(f.v);
        eg_view_init(f.v, NULL);
        assert_true(linux_windows_init(&w, &f, 0, UINT64_MAX));
        assert_int_equal(w.list.n, 3);
        assert_int_equal(w.list.at[0].from, o.offset);
        assert_int_equal(w.list.at[1].last, o.offset + STORED - 1);
        assert_int_equal(w.list.at[2].from, o.offset + (UINT64_C(4) << 30));
        linux_windows_fini(&w);
        eg_view_fini(f.v);
        free(f.v);
        eg_image_close(img);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_fakes), // first: its peak of memory counts
        cmocka_unit_test(true_one),          cmocka_unit_test(few_candidates),
        cmocka_unit_test(no_exports),        cmocka_unit_test(spending),
        cmocka_unit_test(sparse_file),       cmocka_unit_test(last_address),
        cmocka_unit_test(huge_object),
    };

    if (eg_registry_init(NULL) < 0)
        return 99;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
