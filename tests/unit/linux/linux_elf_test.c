/* linux_elf_test.c - ELF files of both classes and byte orders, as files and in memory, whole and
 * damaged. */
#include "../../../plugins/linux/mm/elf.h"
#include "check.h"
#include "mkelf.h"
#include "mklinux.h"
#include <stdio.h>

enum { BASE = 0x5000 }; // where it is mapped

struct world {
    struct mk_elf e;
    uint8_t memory[BASE + MK_ELF_MEMORY];
    struct eg_space *file, *process;
    struct linux_elf as_file, as_mapped;
    bool opened;
};

/* Each test runs with each of these. */
static const struct mk_elf shapes[] = {
    { .wide = true, .machine = ELF_X86_64, .gnu = true },
    { .wide = true,
      .machine = ELF_AARCH64,
      .gnu = true,
      .sysv = true,
      .added = BASE - MK_ELF_VADDR },
    { .wide = true, .big = true, .machine = ELF_AARCH64, .sysv = true },
    { .machine = 3, .gnu = true },
    { .machine = 40, .big = true, .sysv = true, .added = (uint32_t)(BASE - MK_ELF_VADDR) },
    { .wide = true, .machine = ELF_X86_64 }, // no hash table
};

static void open_spaces(struct eg_run *r, struct world *w)
{
    memcpy(w->memory + BASE, w->e.in, sizeof w->e.in);
    eg_memory_open(&w->file, w->e.at, MK_ELF_FILE, NULL);
    eg_memory_open(&w->process, w->memory, sizeof w->memory, NULL);
    w->opened = linux_elf_open(r, w->file, 0, true, &w->as_file) &&
                linux_elf_open(r, w->process, BASE, false, &w->as_mapped);
}

static void close_spaces(struct eg_run *r, struct world *w)
{
    eg_view_forget(eg_view_of(r), w->file);
    eg_view_forget(eg_view_of(r), w->process);
    eg_space_close(w->file);
    eg_space_close(w->process);
}

/** "name=value+size:type …", values from the library's begin on. */
static const char *text_of(const struct linux_elf_symbol *s, size_t n)
{
    static char out[512];
    size_t len = 0;

    *out = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s=%#x+%#x:%d", i ? " " : "",
                                s[i].name, (unsigned)(s[i].value - MK_ELF_VADDR),
                                (unsigned)s[i].size, s[i].type);
    return out;
}

static int look_whole(struct eg_run *r, void *context)
{
    struct world *w = context;
    const struct linux_elf *elves[] = { &w->as_file, &w->as_mapped };
    struct linux_elf_symbol *s, one;
    uint64_t at, size, vaddr, pltrel;

    open_spaces(r, w);
    assert_true(w->opened);
    for (int i = 0; i < 2; i++) {
        const struct linux_elf *e = elves[i];
        struct linux_elf_reloc rel;
        size_t n = linux_elf_symbols(r, e, true, &s), relocs = 0;

        assert_int_equal(e->n_segments, 3);
        assert_int_equal(e->machine, w->e.machine);
        assert_int_equal(e->entry, MK_ELF_VADDR + 0x900);
        assert_string_equal(text_of(s, n), "work=0x900+0x40:2 choose=0x940+0x10:10");
        assert_string_equal(linux_elf_symbol_of(s, n, MK_ELF_VADDR + 0x93f)->name, "work");
        assert_null(linux_elf_symbol_of(s, n, MK_ELF_VADDR + 0x8ff));
        assert_null(linux_elf_symbol_of(s, n, MK_ELF_VADDR + 0x950));
        assert_true(linux_elf_symbol_at(r, e, 1, &one));
        assert_string_equal(one.name, "imported");
        assert_false(linux_elf_symbol_at(r, e, 0, &one));
        assert_true(linux_elf_dynamic(r, e, 20, &pltrel) && pltrel == 7);
        assert_false(linux_elf_dynamic(r, e, 21, &pltrel));
        linux_elf_each_reloc(r, e, rel)
        {
            assert_true(rel.vaddr == MK_ELF_VADDR + 0x2300 + 16 * relocs);
            assert_int_equal(rel.plt, !relocs);
            assert_int_equal(linux_elf_reloc_kind(e->machine, rel.type),
                             !relocs ? ELF_RELOC_SLOT : ELF_RELOC_GLOBAL);
            assert_int_equal(rel.symbol, relocs ? 2 : 1);
            assert_int_equal(rel.addend, relocs);
            relocs++;
        }
        assert_int_equal(relocs, 2);
        assert_true(linux_elf_place(e, MK_ELF_VADDR + 0x2010, 16, &at));
        assert_int_equal(at, e->is_file ? MK_ELF_DATA + 0x10 : BASE + 0x2010);
        assert_int_equal(linux_elf_place(e, MK_ELF_VADDR + 0x2410, 16, &at), !e->is_file);
        assert_false(linux_elf_place(e, MK_ELF_VADDR + 0xff1, 16, &at)); // over its end
        n = linux_elf_symbols(r, e, false, &s);
        assert_string_equal(text_of(s, n), e->is_file ? "hidden=0x980+0x8:2" : "");
        assert_int_equal(linux_elf_section(r, e, ".debug", &at, &size, &vaddr), e->is_file);
        assert_true(!e->is_file || (at == 0x1600 && size == 0x80 && vaddr == 0));
        assert_false(linux_elf_section(r, e, ".debu", &at, &size, &vaddr));
    }
    assert_int_equal(w->as_mapped.bias, (uint64_t)BASE - MK_ELF_VADDR);
    assert_true(linux_elf_of_headers(r, w->process, BASE + (w->e.wide ? 64 : 52), 3, w->e.wide,
                                     w->e.big, &w->as_file) &&
                w->as_file.bias == w->as_mapped.bias);
    close_spaces(r, w);
    return 0;
}

static void relocate(struct mk_elf *e)
{
    static const uint32_t slot[] = { [3] = 7, [40] = 22, [ELF_X86_64] = 7, [ELF_AARCH64] = 1026 };
    static const uint32_t global[] = { [3] = 6, [40] = 21, [ELF_X86_64] = 6, [ELF_AARCH64] = 1025 };

    mk_elf_reloc(e, MK_ELF_PLT, 0, MK_ELF_VADDR + 0x2300, 1, slot[e->machine] & 0x7ff, 0);
    mk_elf_reloc(e, MK_ELF_RELA, 0, MK_ELF_VADDR + 0x2308, 0, 8, 5); // relative: no symbol
    mk_elf_reloc(e, MK_ELF_RELA, 1, MK_ELF_VADDR + 0x2310, 2, global[e->machine], 1);
    mk_elf_load(e);
}

static struct mk *machine(void)
{
    return mk_new(&mk_machines[0], 1 << 20, MK_LIST_TYPES);
}

static void whole(void **state)
{
    struct mk *k = machine();

    (void)state;
    for (size_t i = 0; i < countof(shapes); i++) {
        static struct world w;

        w = (struct world){ .e = shapes[i] };
        mk_elf_make(&w.e);
        relocate(&w.e);
        // In a file pointers are as the linker left them.
        if (w.e.added) {
            struct mk_elf file = w.e;

            file.added = 0;
            mk_elf_make(&file);
            relocate(&file);
            memcpy(w.e.at, file.at, sizeof file.at);
        }
        assert_int_equal(eg_run_do(mk_run(k), look_whole, &w), 0);
    }
    mk_free(k);
}

/* Nothing is read out of bounds, no loop goes on for long, whatever a word says. */
static int look_damaged(struct eg_run *r, void *context)
{
    struct world *w = context;
    struct linux_elf_symbol *s;
    struct linux_elf_reloc rel;
    uint64_t a, b, c;

    open_spaces(r, w);
    for (int i = 0; i < 2 && w->opened; i++) {
        const struct linux_elf *e = i ? &w->as_mapped : &w->as_file;
        size_t n = linux_elf_symbols(r, e, true, &s);

        assert_true(n < 0x1000);
        for (size_t j = 1; j < n; j++)
            assert_true(s[j - 1].value <= s[j].value && s[j].name[0]);
        n = 0;
        linux_elf_each_reloc(r, e, rel) n++;
        assert_true(n < 0x2000);
        linux_elf_symbols(r, e, false, &s);
        linux_elf_section(r, e, ".debug", &a, &b, &c);
        linux_elf_section(r, e, ".none", &a, &b, &c);
    }
    close_spaces(r, w);
    return 0;
}

static void damaged(void **state)
{
    static const uint64_t values[] = { 0, 1, 0x7fffffff, UINT32_MAX, UINT64_MAX - 7, INT64_MAX };
    struct mk *k = machine();

    (void)state;
    for (size_t i = 0; i < countof(shapes); i++)
        for (unsigned at = 4; at < 0x1700; at += at < 0x140 ? 2 : at < 0x1200 ? 28 : 12) {
            static struct world w;
            const unsigned size = at < 0x140 ? 2u << (at >> 1 & 1) : 8;

            w = (struct world){ .e = shapes[i] };
            mk_elf_make(&w.e);
            relocate(&w.e);
            mk_elf_put(&w.e, w.e.at + at, size, values[at / 2 % countof(values)]);
            mk_elf_load(&w.e);
            assert_int_equal(eg_run_do(mk_run(k), look_damaged, &w), 0);
        }
    mk_free(k);
}

static int look_none(struct eg_run *r, void *context)
{
    struct world *w = context;

    open_spaces(r, w);
    assert_false(w->opened);
    assert_false(linux_elf_open(r, w->process, BASE - 4, false, &w->as_mapped));
    assert_false(linux_elf_open(r, w->process, sizeof w->memory - 20, false, &w->as_mapped));
    assert_false(linux_elf_open(r, w->process, UINT64_MAX - 10, false, &w->as_mapped));
    assert_false(linux_elf_open(r, NULL, 0, false, &w->as_mapped));
    close_spaces(r, w);
    return 0;
}

static void none(void **state)
{
    static const struct {
        unsigned at, value;
    } cases[] = { { 0, 'x' }, { 3, 'G' }, { 4, 0 }, { 4, 3 }, { 5, 0 }, { 5, 3 }, { 6, 0 } };
    struct mk *k = machine();

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        static struct world w;

        w = (struct world){ .e = shapes[0] };
        mk_elf_make(&w.e);
        w.e.at[cases[i].at] = (uint8_t)cases[i].value;
        assert_int_equal(eg_run_do(mk_run(k), look_none, &w), 0);
    }
    mk_free(k);
}

static int look_text(struct eg_run *r, void *context)
{
    struct eg_space *s = context;

    assert_string_equal(linux_elf_text(r, s, 1, 10), "ab");
    assert_null(linux_elf_text(r, s, 1, 2));  // no end within that
    assert_null(linux_elf_text(r, s, 4, 10)); // nor within the space
    assert_string_equal(linux_elf_text(r, s, 3, 10), "");
    assert_null(linux_elf_text(r, s, 99, 10));
    return 0;
}

static void texts(void **state)
{
    struct mk *k = machine();
    struct eg_space *s;

    (void)state;
    assert_int_equal(eg_memory_open(&s, "xab\0cd", 6, NULL), 0);
    assert_int_equal(eg_run_do(mk_run(k), look_text, s), 0);
    mk_free(k);
    eg_space_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(damaged),
        cmocka_unit_test(none),
        cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
