/* stacks_fp_test.c - kstack and regs where frames are found by frame pointers: AArch64, RISC-V, and
 * x86-64 without ORC; and damage. */
#include "check.h"
#include "image.h"
#include "mkguest.h"

enum { SIZE = 0x4000, TEXT_SIZE = 0x1000 };
enum { FUNCTION = 5, FOUND_BY = 9, ENDS = 10 };

static const struct mk_machine *machine(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    return NULL;
}

static void same(const char *rows, int column, const char *want)
{
    assert_string_equal(mk_columns(rows, column, column), want);
}

/* ---- AArch64: frame pointers ---- */

#define ARM64_TASK                                                                                 \
    "struct cpu_context { unsigned long x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, fp, sp," \
    "  pc; };"                                                                                     \
    "struct uw { unsigned long tp_value; };"                                                       \
    "struct thread_struct { struct cpu_context cpu_context; struct uw uw; };"                      \
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"                   \
    "  unsigned int cpu; struct thread_struct thread;"
#define ARM64_REGS "unsigned long regs[31]; unsigned long sp, pc, pstate, orig_x0; s32 syscallno;"
static const char *const arm64_types[] = { "struct task_struct { unsigned int __state, flags;",
                                           "struct pt_regs { " ARM64_REGS
                                           " u64 stackframe[2]; };" ARM64_TASK,
                                           NULL };
static const char *const arm64_meta_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    "struct frame_record_meta { u64 fp, lr, type; };"
    "struct pt_regs { " ARM64_REGS " struct frame_record_meta stackframe; };" ARM64_TASK,
    NULL
};

/** Functions of 0x100 bytes, and the stack of the first task. @return where the first is. */
static uint64_t functions(struct mk *k, const char *const *names, uint64_t *stack)
{
    const uint64_t text = mk_alloc_aligned(k, TEXT_SIZE, 0x1000);
    uint64_t at = text;

    for (; *names; names++, at += 0x100)
        mk_symbol(k, *names, at);
    mk_symbol(k, "_etext", at);
    *stack = mk_alloc_aligned(k, SIZE, SIZE);
    mk_symbol(k, "__start_init_task", *stack);
    mk_symbol(k, "__end_init_task", *stack + SIZE);
    return text;
}
#define FUNCTIONS(k, stack, ...) functions((k), (const char *const[]){ __VA_ARGS__, NULL }, (stack))

static void arm64(void **state)
{
    (void)state;
    for (int meta = 0; meta < 2; meta++) {
        const struct mk_machine *m = machine("aarch64");
        struct mk_guest g = mk_guest(m, meta ? arm64_meta_types : arm64_types);
        struct mk *k = g.k;
        uint64_t s;
        const uint64_t text =
            FUNCTIONS(k, &s, "__switch_to", "schedule", "el0_svc", "el1_abort", "copy");
        const uint64_t t = mk_guest_task(&g, 1, "init", 0);
        const uint64_t user = s + SIZE - (mk_at(k, 0, "pt_regs.stackframe") + (meta ? 24 : 16));
        const uint64_t exc = s + 0x3800, record = exc + mk_at(k, 0, "pt_regs.stackframe");
        const uint64_t sign = UINT64_C(0x3325) << 48; // of a signed pointer: bit 55 stays
        const char *rows;

        mk_put(k, t, "task_struct.stack", s);
        mk_put(k, t, "task_struct.thread.cpu_context.pc", text + 0x10);
        mk_put(k, t, "task_struct.thread.cpu_context.fp", s + 0x3700);
        mk_put(k, t, "task_struct.thread.cpu_context.sp", s + 0x3700);
        mk_put(k, t, "task_struct.thread.uw.tp_value", 0x7fb0001000);
        mk_write_ptr(k, s + 0x3700, s + 0x3720);
        mk_write_ptr(k, s + 0x3708, (text + 0x110) ^ sign);
        mk_write_ptr(k, s + 0x3718, text + 0x440); // left over
        mk_write_ptr(k, s + 0x3720, mk_at(k, user, "pt_regs.stackframe"));
        mk_write_ptr(k, s + 0x3728, text + 0x220);
        if (meta)
            mk_put(k, user, "pt_regs.stackframe.type", 1);
        mk_put(k, user, "pt_regs.pc", 0x401000);
        mk_put(k, user, "pt_regs.sp", 0x7ffd0000);
        mk_put(k, user, "pt_regs.syscallno", 73);
        mk_guest_rows(&g, "pslist", NULL);
        mk_system(k)->chosen->paging = (struct eg_paging){ .arch = mk_system(k)->arch,
                                                           .levels = m->levels,
                                                           .granule = m->page_shift };
        rows = mk_guest_rows(&g, "kstack", NULL);
        same(rows, FUNCTION, "__switch_to+0x10/0x100\nschedule+0x10/0x100\nel0_svc+0x20/0x100");
        same(rows, FOUND_BY, "saved\nframe pointer\nframe pointer");
        same(rows, ENDS, "\n\n");
        assert_non_null(strstr(mk_guest_rows(&g, "regs", NULL),
                               "|user|entry|0x401000|0x7ffd0000||0x7fb0001000|73|x0=0 "));
        mk_put(k, user, "pt_regs.pstate", 0x10); // a program of 32 bits: its stack pointer is r13
        mk_write_ptr(k, user + 13 * 8, 0xbeef0000);
        assert_non_null(
            strstr(mk_guest_rows(&g, "regs", NULL), "|user, 32-bit|entry|0x401000|0xbeef0000|"));
        mk_put(k, user, "pt_regs.pstate", 0);
        // an exception in the kernel's own code
        mk_write_ptr(k, s + 0x3720, record);
        mk_write_ptr(k, s + 0x3728, text + 0x320);
        mk_put(k, exc, "pt_regs.pc", text + 0x400);
        mk_put(k, exc, "pt_regs.pstate", 5);
        mk_write_ptr(k, exc + 29 * 8, s + 0x3d00);
        mk_write_ptr(k, exc + 30 * 8, text + 0x404); // of copy itself: it says nothing
        if (meta) {
            mk_put(k, exc, "pt_regs.stackframe.type", 2);
        } else {
            mk_write_ptr(k, record, s + 0x3d00);
            mk_write_ptr(k, record + 8, text + 0x400);
        }
        mk_write_ptr(k, s + 0x3d00, mk_at(k, user, "pt_regs.stackframe"));
        mk_write_ptr(k, s + 0x3d08, text + 0x220);
        rows = mk_guest_rows(&g, "kstack", NULL);
        same(rows, FUNCTION,
             "__switch_to+0x10/0x100\nschedule+0x10/0x100\nel1_abort+0x20/0x100\ncopy+0x0/0x100\n"
             "el0_svc+0x20/0x100");
        same(rows, FOUND_BY, "saved\nframe pointer\nframe pointer\nregisters\nframe pointer");
        // a function without a frame: its caller is in the link register alone
        mk_write_ptr(k, exc + 30 * 8, text + 0x144);
        rows = mk_guest_rows(&g, "kstack", NULL);
        assert_non_null(strstr(rows, "|schedule+0x44/0x100|"));
        assert_non_null(strstr(rows, "|link register|"));
        // a circle, and a word that is no code
        mk_write_ptr(k, s + 0x3720, s + 0x3700);
        rows = mk_guest_rows(&g, "kstack", NULL);
        same(rows, ENDS, "\n\nthe frame pointer leads to no frame above this one");
        mk_write_ptr(k, s + 0x3720, s + 0x3c00);
        mk_write_ptr(k, s + 0x3c08, text + (UINT64_C(1) << 30));
        rows = mk_guest_rows(&g, "kstack", NULL);
        same(rows, ENDS, "\n\nthe frame's return address is not one of code");
        mk_free(k);
    }
}

/* ---- x86-64 without ORC, RISC-V ---- */

static const char *const x86_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS
    "struct vm_struct { unsigned int nr_pages; };"
    "struct thread_struct { unsigned long sp; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
    "  unsigned int cpu; struct vm_struct *stack_vm_area; struct thread_struct thread;",
    NULL
};

/* A stack twice as large as usual, as KASAN makes it: told by the linker's symbols, by its pages,
 * or by where a thread stands in it; and by nothing. */
static void sizes(void **state)
{
    enum { LARGE = 0x8000, BY_SYMBOLS, BY_PAGES, BY_PLACE, BY_NOTHING };

    (void)state;
    for (int by = BY_SYMBOLS; by <= BY_NOTHING; by++) {
        struct mk_guest g = mk_guest(machine("x86_64"), x86_types);
        struct mk *k = g.k;
        const uint64_t s = mk_alloc_aligned(k, LARGE, LARGE), regs = s + LARGE - 168;
        const uint64_t t = mk_guest_task(&g, 1, "init", 0), area = mk_object(k, "vm_struct");
        const char *rows;

        mk_put(k, t, "task_struct.stack", s);
        mk_put(k, t, "task_struct.thread.sp", by == BY_NOTHING ? s : s + LARGE - 0x400);
        mk_put(k, area, "vm_struct.nr_pages", by == BY_PAGES ? 8 : 7);
        mk_put(k, t, "task_struct.stack_vm_area", by == BY_PLACE ? 0 : area);
        mk_put(k, regs, "pt_regs.ip", 0x401000);
        mk_put(k, regs, "pt_regs.sp", 0x7ffd00000000);
        mk_put(k, regs, "pt_regs.cs", 0x33);
        if (by == BY_SYMBOLS) {
            mk_symbol(k, "__start_init_task", s);
            mk_symbol(k, "__end_init_task", s + LARGE);
        }
        rows = mk_guest_rows(&g, "regs", NULL);
        assert_int_equal(strstr(rows, "|user|entry|0x401000|") != NULL, by != BY_NOTHING);
        assert_int_equal(mk_row_notes("size of the kernel's stacks"), by == BY_NOTHING);
        mk_free(k);
    }
}

static void frame_pointers(void **state)
{
    (void)state;
    struct mk_guest g = mk_guest(machine("x86_64"), x86_types);
    struct mk *k = g.k;
    uint64_t s;
    const uint64_t text = FUNCTIONS(k, &s, "__schedule", "do_wait", "asm_exc");
    const uint64_t t = mk_guest_task(&g, 1, "init", 0);
    const char *rows;

    mk_put(k, t, "task_struct.stack", s);
    mk_put(k, t, "task_struct.thread.sp", s + 0x3000);
    mk_put(k, s + 0x3000, "inactive_task_frame.bp", s + 0x3100);
    mk_put(k, s + 0x3000, "inactive_task_frame.ret_addr", text + 0x10);
    mk_write_ptr(k, s + 0x3100, (s + 0x3200) | 1); // a pt_regs
    mk_write_ptr(k, s + 0x3108, text + 0x220);
    mk_put(k, s + 0x3200, "pt_regs.ip", text + 0x100);
    mk_put(k, s + 0x3200, "pt_regs.sp", s + 0x3400);
    mk_put(k, s + 0x3200, "pt_regs.bp", s + 0x3500);
    mk_put(k, s + 0x3200, "pt_regs.cs", 0x10);
    mk_write_ptr(k, s + 0x3508, text + 0x240);
    rows = mk_guest_rows(&g, "kstack", NULL);
    same(rows, FUNCTION,
         "__schedule+0x10/0x100\nasm_exc+0x20/0x100\ndo_wait+0x0/0x100\nasm_exc+0x40/0x100");
    same(rows, FOUND_BY, "saved\nframe pointer\nregisters\nframe pointer");
    same(rows, ENDS, "\n\n\n");
    mk_put(k, s + 0x3200, "pt_regs.cs", 0x33); // of a program
    same(mk_guest_rows(&g, "kstack", NULL), FUNCTION, "__schedule+0x10/0x100\nasm_exc+0x20/0x100");
    mk_free(k);
}

static const char *const riscv_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    "struct pt_regs { unsigned long epc, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4,"
    "  a5, a6, a7, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6, status; };"
    "struct thread_struct { unsigned long ra, sp, s[12]; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
    "  unsigned int cpu; struct thread_struct thread;",
    NULL
};

static void riscv(void **state)
{
    (void)state;
    struct mk_machine m = *machine("riscv64");
    struct mk_guest g;

    m.entry_flags |= 8; // pages may be executed
    g = mk_guest(&m, riscv_types);
    struct mk *k = g.k;
    uint64_t s;
    const uint64_t text = FUNCTIONS(k, &s, "__switch_to", "schedule");
    const uint64_t t = mk_guest_task(&g, 1, "init", 0);
    const uint64_t user = s + SIZE - (mk_at(k, 0, "pt_regs.status") + 8 + 15) / 16 * 16;
    const char *rows;

    mk_put(k, t, "task_struct.stack", s);
    mk_put(k, t, "task_struct.thread.ra", text + 0x10);
    mk_put(k, t, "task_struct.thread.sp", s + 0x3000);
    mk_write_ptr(k, mk_at(k, t, "task_struct.thread.s"), s + 0x3100); // s0, behind its record
    mk_write_ptr(k, s + 0x30f0, 0);
    mk_write_ptr(k, s + 0x30f8, text + 0x120);
    mk_put(k, user, "pt_regs.epc", 0x401000);
    mk_put(k, user, "pt_regs.sp", 0x3fff0000);
    mk_put(k, user, "pt_regs.tp", 0x3fb00000);
    rows = mk_guest_rows(&g, "kstack", NULL);
    same(rows, FUNCTION, "__switch_to+0x10/0x100\nschedule+0x20/0x100");
    same(rows, ENDS, "\n");
    assert_non_null(strstr(mk_guest_rows(&g, "regs", NULL),
                           "|user|entry|0x401000|0x3fff0000||0x3fb00000||pc=0x401000 "));
    mk_put(k, user, "pt_regs.status", 0x100); // saved in the kernel
    assert_non_null(strstr(mk_guest_rows(&g, "regs", NULL), "|user|-|-|"));
    mk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(arm64), cmocka_unit_test(frame_pointers),
                                        cmocka_unit_test(riscv), cmocka_unit_test(sizes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
