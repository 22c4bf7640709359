/* entries_test.c - idt, descriptors, entrypoints: each sign with what has it and what is close. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "image.h"
#include "mkguest.h"
#include <inttypes.h>

#define each_x86(m) mk_each_machine(m) if (m->arch && !strcmp(m->arch, "x86_64"))

static const char nobody[] = "code of no module that is listed, nor of the kernel, unless it is of "
                             "BPF or ftrace";

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t text, entry, other, elsewhere, idt;
};

#define X86_TYPES                                                                                  \
    "struct tlb_state { unsigned long cr4; };"                                                     \
    "struct x86_hw_tss { unsigned long sp0; unsigned long ist[7]; unsigned short io_bitmap_base; " \
    "};"                                                                                           \
    "struct tss_struct { struct x86_hw_tss x86_tss; };"                                            \
    "struct cpu_entry_area { char gdt[4096]; char entry_stack[4096]; struct tss_struct tss;"       \
    "  char estacks[8192]; };"                                                                     \
    "struct gdt_page { unsigned long gdt[16]; };"                                                  \
    "struct task_struct {"
static const char *const types[] = { "struct task_struct {", X86_TYPES, NULL };

enum { IRQS = 0x40, FAULT = 0x200, INT3 = 0x210 };

static struct world make(const struct mk_machine *m)
{
    struct world w = { .g = mk_guest(m, types) };
    struct mk *k = w.k = w.g.k;

    w.text = mk_alloc_aligned(k, 0x3000, 0x1000);
    w.entry = w.text + 0x1000;
    w.other = w.text + 0x2000;
    mk_symbol(k, "_stext", w.text);
    mk_symbol(k, "ordinary", w.other);
    mk_symbol(k, "__entry_text_start", w.entry);
    mk_symbol(k, "irq_entries_start", w.entry + IRQS);
    mk_symbol(k, "asm_exc_page_fault", w.entry + FAULT);
    mk_symbol(k, "asm_exc_int3", w.entry + INT3);
    mk_symbol(k, "entry_SYSCALL_64", w.entry + 0x300);
    mk_symbol(k, "__entry_text_end", w.text + 0x2000);
    mk_symbol(k, "_etext", w.text + 0x3000);
    w.idt = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.elsewhere = mk_alloc_aligned(k, 0x1000, 0x1000);
    return w;
}

/* ---- idt ---- */

static void put_gate(struct world *w, unsigned i, uint64_t to, unsigned segment, unsigned flags)
{
    const uint8_t gate[16] = { (uint8_t)to,
                               (uint8_t)(to >> 8),
                               (uint8_t)segment,
                               (uint8_t)(segment >> 8),
                               0,
                               (uint8_t)flags,
                               (uint8_t)(to >> 16),
                               (uint8_t)(to >> 24),
                               (uint8_t)(to >> 32),
                               (uint8_t)(to >> 40),
                               (uint8_t)(to >> 48),
                               (uint8_t)(to >> 56) };

    mk_write(w->k, w->idt + 16 * i, gate, sizeof gate);
}

/** The cell in @column of the row of gate @i. */
static void gate_is(struct world *w, unsigned i, int column, const char *want)
{
    const char *line = mk_columns(mk_guest_rows(&w->g, "idt", NULL), column, column);
    size_t len;

    while (i--)
        line = strchr(line, '\n') + 1;
    len = strcspn(line, "\n");
    assert_int_equal(len, strlen(want));
    assert_memory_equal(line, want, len);
}

enum { TABLE, TYPE = 3, EXPECTED = 9, HINTS };

static void idt(void **state)
{
    static const struct {
        unsigned gate, flags, segment;
        int to; /**< from the entry code; -1: ordinary code, -2: nobody's */
        const char *expected, *hints;
    } cases[] = {
        { 14, 0x8e, 0x10, FAULT, "", "" },
        { 3, 0xee, 0x10, INT3, "", "" },
        { 40, 0x8e, 0x10, IRQS + 8, "", "" },
        { 40, 0x8e, 0x10, IRQS + 9, "", "inside a function" },
        { 40, 0x8e, 0x10, FAULT + 8, "", "inside a function" },
        { 40, 0x8e, 0x10, -1, "", "not in the kernel's entry code" },
        { 40, 0x8e, 0x10, -2, "", nobody },
        { 14, 0x8e, 0x10, INT3, "asm_exc_page_fault", "another function than the exception's" },
        { 14, 0xee, 0x10, FAULT, "", "programs may raise it" },
        { 4, 0xee, 0x10, FAULT, "", "" },
        { 128, 0xee, 0x10, FAULT, "", "" },
        { 129, 0xee, 0x10, FAULT, "", "programs may raise it" },
        { 14, 0x8f, 0x10, FAULT, "", "not an interrupt gate" },
        { 14, 0x8e, 0x33, FAULT, "", "another code segment than the kernel's" },
        { 40, 0x0e, 0x10, -2, "", "" }, // absent
    };

    (void)state;
    each_x86(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        const int to = cases[i].to;

        mk_symbol(w.k, "idt_table", w.idt);
        put_gate(&w, cases[i].gate,
                 to == -1   ? w.other
                 : to == -2 ? w.elsewhere
                            : w.entry + (uint64_t)to,
                 cases[i].segment, cases[i].flags);
        gate_is(&w, cases[i].gate, HINTS, cases[i].hints);
        gate_is(&w, cases[i].gate, EXPECTED, cases[i].expected);
        gate_is(&w, 5, TYPE, "absent");
        assert_int_equal(mk_row_notes("no registers that say which table"), 1);
        mk_free(w.k);
    }
}

static void idt_code(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        char hints[256];

        mk_symbol(w.k, "idt_table", w.idt);
        put_gate(&w, 14, w.entry + FAULT, 0x10, 0x8e);
        mk_write(w.k, w.entry + FAULT, "\xe9\0\0\0\0", 5); // to the next instruction
        gate_is(&w, 14, HINTS, "");
        mk_write_u32(w.k, w.entry + FAULT + 1, (uint32_t)(w.elsewhere - (w.entry + FAULT + 5)));
        snprintf(hints, sizeof hints, "begins with a jump out of the kernel, to %#" PRIx64,
                 w.elsewhere);
        gate_is(&w, 14, HINTS, hints);
        mk_free(w.k);
    }
}

/** What the dump says of the processors. */
static void idt_registers(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        const uint64_t copy = mk_alloc_aligned(w.k, 0x1000, 0x1000);
        struct eg_cpu *cpu;

        mk_symbol(w.k, "idt_table", w.idt);
        mk_guest_rows(&w.g, "idt", NULL);
        cpu = eg_vec_push(&mk_system(w.k)->image->cpus);
        assert_non_null(cpu);
        cpu->x86_known = 1 << EG_X86_IDT | 1 << EG_X86_IDT_LIMIT;
        cpu->x86[EG_X86_IDT] = w.idt;
        cpu->x86[EG_X86_IDT_LIMIT] = 0xfff;
        gate_is(&w, 255, TABLE, "idt_table");
        assert_int_equal(mk_row_notes(NULL), 0);
        assert_null(strstr(mk_guest_rows(&w.g, "idt", NULL), "CPU 0"));
        cpu->x86[EG_X86_IDT] = copy;
        gate_is(&w, 256, TABLE, "CPU 0");
        gate_is(&w, 256, HINTS, "the processor has another table than idt_table");
        gate_is(&w, 257, HINTS, "");
        cpu->x86[EG_X86_IDT] = w.idt;
        cpu->x86[EG_X86_IDT_LIMIT] = 0x1ff;
        gate_is(&w, 256, HINTS, "the processor's table has another size");
        eg_vec_fini(&mk_system(w.k)->image->cpus);
        mk_free(w.k);
    }
}

/* ---- entrypoints ---- */

static void entrypoints(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        struct eg_cpu *cpu;
        char want[256];
        const char *rows = mk_guest_rows(&w.g, "entrypoints", NULL);

        assert_string_equal(mk_columns(rows, 0, 2), "function||entry_SYSCALL_64");
        assert_string_equal(mk_columns(rows, 9, 9), "");
        assert_int_equal(mk_row_notes("no registers that say where system calls enter"), 1);
        cpu = eg_vec_push(&mk_system(w.k)->image->cpus);
        assert_non_null(cpu);
        cpu->x86_known = 1 << EG_X86_LSTAR | 1 << EG_X86_STAR | 1 << EG_X86_CSTAR;
        cpu->x86[EG_X86_LSTAR] = w.entry + 0x300;
        cpu->x86[EG_X86_STAR] = 0x10;
        rows = mk_guest_rows(&w.g, "entrypoints", NULL);
        assert_string_equal(mk_columns(rows, 0, 3),
                            "register|0|LSTAR|\nregister|0|CSTAR|\nregister|0|STAR|0x10\n"
                            "function||entry_SYSCALL_64|");
        assert_string_equal(mk_columns(rows, 8, 9), "|\n|\n|\n|");
        cpu->x86[EG_X86_LSTAR] = w.other;
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "entrypoints", NULL), 8, 9),
                            "entry_SYSCALL_64|another function than Linux has for it\n|\n|\n|");
        cpu->x86[EG_X86_LSTAR] = w.elsewhere;
        snprintf(want, sizeof want, "entry_SYSCALL_64|%s\n|\n|\n|", nobody);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "entrypoints", NULL), 8, 9), want);
        eg_vec_fini(&mk_system(w.k)->image->cpus);
        mk_free(w.k);
    }
}

/** AArch64: VBAR_EL1 leads to the vectors, also where their page is mapped again. */
static void vectors(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        struct eg_cpu *cpu;

        if (!m->arch || strcmp(m->arch, "aarch64") != 0 || m->page_shift != 12)
            continue;
        w = make(m);
        mk_symbol(w.k, "vectors", w.entry);
        assert_non_null(strstr(mk_guest_rows(&w.g, "entrypoints", NULL), "vector 0"));
        assert_int_equal(mk_row_notes("no VBAR_EL1"), 1);
        cpu = eg_vec_push(&mk_system(w.k)->image->cpus);
        assert_non_null(cpu);
        cpu->vectors = w.entry;
        assert_non_null(strstr(mk_guest_rows(&w.g, "entrypoints", NULL), "VBAR_EL1"));
        assert_null(strstr(mk_guest_rows(&w.g, "entrypoints", NULL), "|vectors|"));
        cpu->vectors = w.entry + 0x800;
        assert_non_null(strstr(mk_guest_rows(&w.g, "entrypoints", NULL), "|vectors|inside"));
        eg_vec_fini(&mk_system(w.k)->image->cpus);
        mk_free(w.k);
    }
}

/** Calls of the entry code: into the kernel, and out of it. Needs libcapstone, or says so. */
static void branches(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        const uint64_t at = w.entry + 0x310;
        const char *rows;

        mk_write(w.k, at, "\xe8", 1);
        mk_write_u32(w.k, at + 1, (uint32_t)(w.other - (at + 5)));
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "entrypoints", NULL), 0, 0), "function");
        mk_write_u32(w.k, at + 1, (uint32_t)(w.elsewhere - (at + 5)));
        rows = mk_guest_rows(&w.g, "entrypoints", NULL);
        if (mk_row_notes("only the beginnings of functions") == 0) {
            assert_string_equal(mk_columns(rows, 0, 2),
                                "function||entry_SYSCALL_64\nbranch||entry_SYSCALL_64+0x10");
            assert_non_null(strstr(rows, nobody));
        }
        mk_free(w.k);
    }
}

/** "call [rax * 8 + table]" of the entry code: the kernel's table, nobody's. */
static void call_table(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        const char *rows;

        mk_write(w.k, w.entry + 0x310, "\xff\x14\xc5\0\x10\0\x80", 7);
        rows = mk_guest_rows(&w.g, "entrypoints", NULL);
        if (mk_row_notes("only the beginnings of functions") == 0) {
            assert_string_equal(mk_columns(rows, 0, 2),
                                "function||entry_SYSCALL_64\ntable||entry_SYSCALL_64+0x10");
            assert_string_equal(mk_columns(rows, 9, 9), "\na table in memory of nobody");
        }
        mk_write(w.k, w.entry + 0x310, "\xff\x14\x85\0\x10\0\x80", 7); // times 4
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "entrypoints", NULL), 0, 0), "function");
        mk_free(w.k);
    }
}

/* ---- descriptors ---- */

/** The machine has one CPU, whose variables are at their symbols. */
static void one_cpu(struct world *w)
{
    static const uint64_t offset;
    struct linux_state *s;

    mk_guest_rows(&w->g, "idt", NULL);
    s = linux_state(mk_system(w->k));
    s->percpu_offset = &offset;
    s->n_cpus = 1;
}

static void put_descriptor(struct world *w, uint64_t gdt, unsigned i, unsigned access,
                           uint64_t base, bool wide)
{
    const uint8_t low[16] = { 0xff,
                              0xff,
                              (uint8_t)base,
                              (uint8_t)(base >> 8),
                              (uint8_t)(base >> 16),
                              (uint8_t)access,
                              0xaf,
                              (uint8_t)(base >> 24),
                              (uint8_t)(base >> 32),
                              (uint8_t)(base >> 40),
                              (uint8_t)(base >> 48),
                              (uint8_t)(base >> 56) };

    mk_write(w->k, gdt + 8 * i, low, wide ? 16 : 8);
}

static void descriptors(void **state)
{
    static const struct {
        unsigned i, access;
        uint64_t base;
        const char *hints;
    } cases[] = {
        { 2, 0x9b, 0, "" },
        { 2, 0xfb, 0, "programs may use the kernel's segment" },
        { 6, 0xfb, 0, "" },
        { 6, 0xfb, 0x1000, "a base that is not 0" },
        { 7, 0x93, 0, "Linux has nothing there" },
        { 12, 0xf3, 0x7000, "" }, // TLS
        { 12, 0xfb, 0x7000, "a code segment that Linux lets no program have" },
        { 13, 0xec, 0, "a call gate; programs may use it" },
        { 8, 0x93, 0, "not a task state segment" },
        { 8, 0x82, 0, "not a task state segment" },
        { 10, 0x82, 0, "" }, // a local table
        { 10, 0x89, 0, "not a local table" },
        { 10, 0x93, 0, "not a local table" },
        { 20, 0x93, 0, "Linux has nothing there" },
        { 20, 0x13, 0, "" }, // absent
    };

    (void)state;
    each_x86(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        const uint64_t gdt = mk_alloc_aligned(w.k, 0x1000, 0x1000);

        mk_symbol(w.k, "gdt_page", gdt);
        one_cpu(&w);
        put_descriptor(&w, gdt, cases[i].i, cases[i].access, cases[i].base, false);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 8, 8),
                            *cases[i].hints ? cases[i].hints : "");
        mk_free(w.k);
    }
}

/* What a program put into its local table, or somebody else. */
static void local_table(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        const uint64_t gdt = mk_alloc_aligned(w.k, 0x1000, 0x1000),
                       ldt = mk_alloc_aligned(w.k, 0x1000, 0x1000);

        mk_symbol(w.k, "gdt_page", gdt);
        one_cpu(&w);
        put_descriptor(&w, gdt, 10, 0x82, ldt, true);
        mk_write(w.k, gdt + 8 * 10, "\x1f\0", 2); // four descriptors
        mk_write(w.k, gdt + 8 * 10 + 6, "\0", 1);
        put_descriptor(&w, ldt, 0, 0xf3, 0x7000, false);
        put_descriptor(&w, ldt, 2, 0xec, 0, false);
        put_descriptor(&w, ldt, 3, 0x9b, 0, false);
        put_descriptor(&w, ldt, 4, 0x9b, 0, false); // behind its end
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 1, 2),
                            "gdt|10\nldt|0\nldt|2\nldt|3");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 8, 8),
                            "\n\na call gate\na segment of the kernel");
        put_descriptor(&w, gdt, 10, 0x82, UINT64_C(0xffffffffffff0000), true);
        mk_guest_rows(&w.g, "descriptors", NULL);
        assert_int_equal(mk_row_notes("the local table at 0xffffffffffff0000 cannot be read"), 1);
        mk_free(w.k);
    }
}

static void stacks(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m);
        const uint64_t gdt = mk_alloc_aligned(w.k, 0x1000, 0x1000),
                       area = mk_alloc_aligned(w.k, 0x6000, 0x1000),
                       tss = mk_at(w.k, area, "cpu_entry_area.tss");

        mk_symbol(w.k, "gdt_page", gdt);
        mk_symbol(w.k, "cpu_tss_rw", tss);
        one_cpu(&w);
        put_descriptor(&w, gdt, 8, 0x8b, tss, true);
        mk_put(w.k, tss, "x86_hw_tss.sp0", area + 0x2000);
        mk_write_ptr(w.k, mk_at(w.k, tss, "x86_hw_tss.ist"), area + 0x4000);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 8, 8), "\n\n");
        mk_write_ptr(w.k, mk_at(w.k, tss, "x86_hw_tss.ist"), w.elsewhere);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 8, 8),
                            "\n\noutside of the CPU's entry area");
        put_descriptor(&w, gdt, 8, 0x8b, w.elsewhere, true);
        assert_memory_equal(mk_columns(mk_guest_rows(&w.g, "descriptors", NULL), 8, 8),
                            "another task state segment than the CPU's\n", 42);
        mk_free(w.k);
    }
}

static void other_processors(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;

        if (m->arch && !strcmp(m->arch, "x86_64"))
            continue;
        w = make(m);
        assert_string_equal(mk_guest_rows(&w.g, "idt", NULL), "");
        assert_int_equal(mk_row_notes("of x86 only"), 1);
        assert_string_equal(mk_guest_rows(&w.g, "descriptors", NULL), "");
        assert_int_equal(mk_row_notes("of x86 only"), 1);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idt),
        cmocka_unit_test(idt_code),
        cmocka_unit_test(idt_registers),
        cmocka_unit_test(entrypoints),
        cmocka_unit_test(branches),
        cmocka_unit_test(call_table),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(stacks),
        cmocka_unit_test(other_processors),
        cmocka_unit_test(local_table),
        cmocka_unit_test(vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
