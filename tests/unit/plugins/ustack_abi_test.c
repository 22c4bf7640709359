/* ustack_abi_test.c - user stacks of 32-bit programs, and of AArch64, where return addresses may be
 * signed and frame pointers lead to pairs at the bottom of frames. */
#include "check.h"
#include "image.h"
#include "mkcfi.h"
#include "mkguest.h"
#include <string.h>

enum {
    KERNEL_STACK = 0x4000,
    PAGE = 0x1000,
    PROGRAM = 0x400000,
    CODE = PROGRAM + PAGE,
    MADE = 0x500000,
    STACK = 0x7fff1000,
    FRAME_HEADER = 0x200,
    FRAMES = 0x300,
    R = 1,
    W = 2,
    X = 4,
};
enum { MAIN, OUTER, INNER, FUNCTIONS }; // of 0x100 bytes each, at CODE

static const char *const x86_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS "struct thread_struct { unsigned long sp; u16 es, ds, fsindex, gsindex;"
                   "  unsigned long fsbase, gsbase; };"
                   "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
                   "  unsigned int cpu; struct thread_struct thread;",
    NULL
};
static const char *const arm64_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    "struct pt_regs { unsigned long regs[31]; unsigned long sp, pc, pstate, orig_x0;"
    "  s32 syscallno; u64 stackframe[2]; };"
    "struct cpu_context { unsigned long x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, fp, sp,"
    "  pc; };"
    "struct uw { unsigned long tp_value; };"
    "struct thread_struct { struct cpu_context cpu_context; struct uw uw; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
    "  unsigned int cpu; struct thread_struct thread;",
    NULL
};

/* A processor's programs: what its tables say. */
struct abi {
    const char *arch;
    const char *const *types;
    unsigned word, machine;
    const char *cie; // alignments, the return address, encoding of addresses; how a function begins
    size_t cie_len;
    const char *code[FUNCTIONS];
    size_t code_len[FUNCTIONS];
};
static const struct abi i386 = {
    "x86_64",
    x86_types,
    4,
    3,
    "\x01\x7c\x08\x01\x03\x0c\x04\x04\x88\x01",
    10, // CFA = esp + 4, the return address below it
    { "\x07\x08", "\x0e\x10", "\x0e\x08\x83\x02" },
    { 2, 2, 4 }, // 16 bytes; 8 with ebx
};
static const struct abi arm64 = {
    "aarch64",
    arm64_types,
    8,
    183,
    "\x04\x78\x1e\x01\x03\x0c\x1f\x00",
    8, // CFA = sp, the return address in x30
    { "\x07\x1e", "\x0e\x20\x9d\x04\x9e\x03\x2d", "\x0e\x10\x9d\x02\x9e\x01\x2d" },
    { 2, 7, 7 },
};

struct world {
    struct mk_guest g;
    struct mk *k;
    const struct abi *abi;
    uint64_t mm, regs;
    struct mk_cfi image;
};

static void program(struct world *w)
{
    const struct abi *abi = w->abi;
    uint64_t first[FUNCTIONS];
    size_t entry[FUNCTIONS];

    mk_cfi_program(&w->image, abi->word, abi->machine, PROGRAM, FRAME_HEADER);
    w->image.at = FRAMES;
    mk_cfi_cie(&w->image, "zR", abi->cie, abi->cie_len);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        first[i] = CODE + 0x100 * i;
        entry[i] = mk_cfi_fde(&w->image, first[i], 0x100, abi->code[i], abi->code_len[i]);
    }
    mk_cfi_table(&w->image, PROGRAM, FRAME_HEADER, FRAMES, entry, first, FUNCTIONS);
    mk_guest_write(&w->g, w->mm, PROGRAM, w->image.bytes, sizeof w->image.bytes);
}

static struct world sleeper(const struct abi *abi)
{
    const struct mk_machine *machine = NULL;
    struct world w = { .abi = abi };
    uint64_t stack, task;

    mk_each_machine(m) if (!machine && m->arch && !strcmp(m->arch, abi->arch)) machine = m;
    w.g = mk_guest(machine, abi->types);
    w.k = w.g.k;
    stack = mk_alloc_aligned(w.k, KERNEL_STACK, KERNEL_STACK);
    mk_symbol(w.k, abi == &arm64 ? "__start_init_task" : "__start_init_stack", stack);
    mk_symbol(w.k, abi == &arm64 ? "__end_init_task" : "__end_init_stack", stack + KERNEL_STACK);
    stack = mk_alloc_aligned(w.k, KERNEL_STACK, KERNEL_STACK);
    task = mk_guest_task(&w.g, 1, "prog", 0);
    w.mm = MK_MM(&w.g, task, "prog\0", "A=1\0");
    mk_put(w.k, task, "task_struct.stack", stack);
    w.regs = stack + KERNEL_STACK -
             (abi == &arm64 ? mk_at(w.k, 0, "pt_regs.stackframe") + 16 : UINT64_C(168));
    program(&w);
    mk_guest_write(&w.g, w.mm, CODE, "", 1);
    mk_guest_vma(&w.g, w.mm, PROGRAM / PAGE, 2, R | X,
                 mk_guest_file(&w.g, mk_guest_dentry(&w.g, w.g.top, "prog")));
    mk_guest_vma(&w.g, w.mm, MADE / PAGE, 1, R | X, 0);
    mk_guest_vma(&w.g, w.mm, STACK / PAGE, 1, R | W, 0);
    return w;
}

static uint64_t in(unsigned function, unsigned offset)
{
    return CODE + 0x100 * function + offset;
}

static void put(struct world *w, uint64_t at, uint64_t value)
{
    mk_guest_write(&w->g, w->mm, at, &value, w->abi->word);
}

enum { POSITION = 3, ADDRESS, PLACE, PATH, FRAME, FOUND_BY, ENDS_EARLY };

static void same(struct world *w, int column, const char *want)
{
    assert_string_equal(mk_columns(mk_guest_rows(&w->g, "ustack", NULL), column, column), want);
}

static void programs_of_32_bits(void **state)
{
    struct world w = sleeper(&i386);

    (void)state;
    mk_put(w.k, w.regs, "pt_regs.ip", in(INNER, 0x20));
    mk_put(w.k, w.regs, "pt_regs.sp", STACK);
    mk_put(w.k, w.regs, "pt_regs.cs", 0x23);
    put(&w, STACK + 4, in(OUTER, 0x80));
    put(&w, STACK + 8 + 12, in(MAIN, 0x10));
    same(&w, ADDRESS, "0x401220\n0x401180\n0x401010");
    same(&w, FRAME, "0x7fff1000\n0x7fff1008\n0x7fff1018");
    same(&w, ENDS_EARLY, "\n\n");
    // the same as a program of 64 bits: its registers have other numbers
    mk_put(w.k, w.regs, "pt_regs.cs", 0x33);
    assert_string_not_equal(mk_columns(mk_guest_rows(&w.g, "ustack", NULL), ADDRESS, ADDRESS),
                            "0x401220\n0x401180\n0x401010");
    mk_free(w.k);
}

static struct world arm64_sleeper(void)
{
    const uint64_t sign = UINT64_C(0x3325) << 48; // bit 55 stays
    struct world w = sleeper(&arm64);

    mk_put(w.k, w.regs, "pt_regs.pc", in(INNER, 0x20));
    mk_put(w.k, w.regs, "pt_regs.sp", STACK);
    mk_write_ptr(w.k, w.regs + 29 * 8, STACK);
    put(&w, STACK, STACK + 0x10);
    put(&w, STACK + 8, in(OUTER, 0x80) ^ sign);
    put(&w, STACK + 0x10, 0);
    put(&w, STACK + 0x18, in(MAIN, 0x10) ^ sign);
    mk_guest_rows(&w.g, "pslist", NULL); // the system is there
    mk_system(w.k)->chosen->paging =
        (struct eg_paging){ .arch = mk_system(w.k)->arch, .levels = 4, .granule = 12 };
    return w;
}

static void signed_return_addresses(void **state)
{
    struct world w = arm64_sleeper();

    (void)state;
    same(&w, ADDRESS, "0x401220\n0x401180\n0x401010");
    same(&w, FRAME, "0x7fff1000\n0x7fff1010\n0x7fff1030");
    same(&w, FOUND_BY, "registers\ncfi\ncfi");
    same(&w, ENDS_EARLY, "\n\n");
    mk_free(w.k);
}

/* Behind a pair that was found by its frame pointer nobody knows where the stack pointer was: what
 * the tables count from it is not computed from a guess. */
static void pairs(void **state)
{
    static const char call[] = "\x00\x00\x00\x94"; // bl
    struct world w = arm64_sleeper();

    (void)state;
    put(&w, STACK, STACK + 0x100);
    put(&w, STACK + 8, MADE + 0x40);
    put(&w, STACK + 0x100, STACK + 0x200);
    put(&w, STACK + 0x108, in(OUTER, 0x80));
    put(&w, STACK + 0x200, 0);
    put(&w, STACK + 0x208, in(MAIN, 0x10));
    put(&w, STACK + 0x118, in(INNER, 0x80)); // where outer would have it if its frame began there
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file"); // no call before
    mk_guest_write(&w.g, w.mm, in(OUTER, 0x7c), call, 4);
    mk_guest_write(&w.g, w.mm, in(MAIN, 0x0c), call, 4);
    same(&w, ADDRESS, "0x401220\n0x500040\n0x401180\n0x401010");
    same(&w, FOUND_BY, "registers\ncfi\nframe pointer\nframe pointer");
    same(&w, ENDS_EARLY, "\n\n\n");
    mk_free(w.k);
}

/* mov x8, #139; svc #0: as the vdso has it, whose tables say nothing of it. */
static void signals(void **state)
{
    static const char code[] = "\x68\x11\x80\xd2\x01\0\0\xd4";
    struct world w = arm64_sleeper();

    (void)state;
    mk_guest_write(&w.g, w.mm, MADE + 0x40, code, 8);
    put(&w, STACK + 8, MADE + 0x40);
    // behind inner's frame: a siginfo of 128 bytes, a ucontext with registers at 176 + 8
    put(&w, STACK + 16 + 128 + 184 + 8 * 31, STACK + 0x600);
    put(&w, STACK + 16 + 128 + 184 + 8 * 32, in(OUTER, 0));
    put(&w, STACK + 0x600 + 8, in(MAIN, 0x10));
    same(&w, ADDRESS, "0x401220\n0x500040\n0x401100\n0x401010");
    same(&w, FOUND_BY, "registers\ncfi\nsignal\ncfi");
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_of_32_bits),
        cmocka_unit_test(signed_return_addresses),
        cmocka_unit_test(pairs),
        cmocka_unit_test(signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
