/* ustack_test.c - user stacks: call frame information of a program in memory, a signal, code made
 * at run time, and stacks that are damaged. */
#include "check.h"
#include "mkcfi.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

enum {
    KERNEL_STACK = 0x4000,
    REGS = 168,
    PAGE = 0x1000,
    PROGRAM = 0x400000, // its header and tables; code is in the next page
    CODE = PROGRAM + PAGE,
    MADE = 0x500000, // code of no file
    FRAME_HEADER = 0x200,
    FRAMES = 0x300,
    R = 1,
    W = 2,
    X = 4,
};
#define STACK UINT64_C(0x7ffd00001000)

static const char *const types[] = {
    "struct task_struct { unsigned int __state, flags;",
    MK_X86_64_REGS "struct thread_struct { unsigned long sp; u16 es, ds, fsindex, gsindex;"
                   "  unsigned long fsbase, gsbase; };"
                   "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu;"
                   "  unsigned int cpu; struct thread_struct thread;",
    NULL
};

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t task, mm, regs;
    struct mk_cfi image; // of the program's first page
};

/* Functions of 0x100 bytes at CODE: main has no caller, outer has a frame of 32 bytes, inner one of
 * 16 with rbx in it, and restorer returns from signal handlers. */
enum { MAIN, OUTER, INNER, RESTORER, FUNCTIONS };

static void program(struct mk_cfi *c, bool has_header)
{
    static const struct {
        const char *code;
        size_t n;
    } is[FUNCTIONS] = {
        [MAIN] = { "\x07\x10", 2 },          // undefined: the return address
        [OUTER] = { "\x0e\x20", 2 },         // CFA = SP + 32
        [INNER] = { "\x0e\x10\x83\x02", 4 }, // CFA = SP + 16, rbx below it
        // the interrupted program counter and stack pointer: at SP + 168, SP + 160
        [RESTORER] = { "\x0f\x04\x77\xa0\x01\x06\x10\x10\x03\x77\xa8\x01", 12 },
    };
    uint64_t first[FUNCTIONS];
    size_t entry[FUNCTIONS];

    mk_cfi_program(c, 8, 62, PROGRAM, has_header ? FRAME_HEADER : 0);
    c->at = FRAMES;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        if (i == MAIN || i == RESTORER)
            MK_CFI_X86_64(c, i == RESTORER ? "zRS" : "zR");
        first[i] = CODE + 0x100 * i;
        entry[i] = mk_cfi_fde(c, first[i], 0x100, is[i].code, is[i].n);
    }
    mk_cfi_table(c, PROGRAM, FRAME_HEADER, FRAMES, entry, first, FUNCTIONS);
}

static const struct mk_machine *x86(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

static void words(struct world *w, uint64_t at, const uint64_t *values, size_t n)
{
    mk_guest_write(&w->g, w->mm, at, values, 8 * n);
}
#define WORDS(w, at, ...)                                                                          \
    words((w), (at), (const uint64_t[]){ __VA_ARGS__ },                                            \
          sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

static uint64_t in(unsigned function, unsigned offset)
{
    return CODE + 0x100 * function + offset;
}

/* A process of one thread that is in inner, called by outer, called by main. */
static struct world sleeper(bool has_header)
{
    struct world w = { .g = mk_guest(x86(), types) };
    const uint64_t first = mk_alloc_aligned(w.k = w.g.k, KERNEL_STACK, KERNEL_STACK);
    const uint64_t stack = mk_alloc_aligned(w.k, KERNEL_STACK, KERNEL_STACK);
    const uint64_t file = mk_guest_file(&w.g, mk_guest_dentry(&w.g, w.g.top, "prog"));

    mk_symbol(w.k, "__start_init_stack", first);
    mk_symbol(w.k, "__end_init_stack", first + KERNEL_STACK);
    w.task = mk_guest_task(&w.g, 1, "prog", 0);
    w.mm = MK_MM(&w.g, w.task, "prog\0", "A=1\0");
    w.regs = stack + KERNEL_STACK - REGS;
    mk_put(w.k, w.task, "task_struct.stack", stack);
    mk_put(w.k, w.regs, "pt_regs.ip", in(INNER, 0x20));
    mk_put(w.k, w.regs, "pt_regs.sp", STACK);
    mk_put(w.k, w.regs, "pt_regs.bp", 0);
    mk_put(w.k, w.regs, "pt_regs.cs", 0x33);
    mk_put(w.k, w.regs, "pt_regs.orig_ax", 35);
    program(&w.image, has_header);
    mk_guest_write(&w.g, w.mm, PROGRAM, w.image.bytes, sizeof w.image.bytes);
    mk_guest_write(&w.g, w.mm, CODE, "", 1);
    mk_guest_vma(&w.g, w.mm, PROGRAM / PAGE, 2, R | X, file);
    mk_guest_vma(&w.g, w.mm, MADE / PAGE, 1, R | X, 0);
    mk_guest_vma(&w.g, w.mm, STACK / PAGE, 1, R | W, 0);
    // inner: rbx, return; outer: 24 bytes, return
    WORDS(&w, STACK, 0xb0b, in(OUTER, 0x80), 0, 0, 0, in(MAIN, 0x10));
    return w;
}

enum { POSITION = 3, ADDRESS, FUNCTION, PATH, FRAME, FOUND_BY, ENDS_EARLY };

static void same(struct world *w, int column, const char *want)
{
    assert_string_equal(mk_columns(mk_guest_rows(&w->g, "ustack", NULL), column, column), want);
}

static void calls(void **state)
{
    (void)state;
    for (int has_header = 0; has_header < 2; has_header++) {
        struct world w = sleeper(has_header);

        same(&w, ADDRESS, "0x401220\n0x401180\n0x401010");
        same(&w, FRAME, "0x7ffd00001000\n0x7ffd00001010\n0x7ffd00001030");
        same(&w, FOUND_BY, "registers\ncfi\ncfi");
        same(&w, ENDS_EARLY, "\n\n");
        same(&w, PATH, "/prog\n/prog\n/prog");
        assert_int_equal(mk_row_notes("not complete"), 0);
        assert_string_equal(mk_guest_rows(&w.g, "ustack", "pid=2"), "");
        assert_string_equal(mk_guest_rows(&w.g, "ustack", "tid=2"), "");
        mk_free(w.k);
    }
}

/* A call as the last of a function returns to the next function: it is the first's. */
static void calls_without_return(void **state)
{
    struct world w = sleeper(true);

    (void)state;
    WORDS(&w, STACK, 0xb0b, in(OUTER, 0x100));
    same(&w, ADDRESS, "0x401220\n0x401200\n0x401010");
    mk_free(w.k);
}

static void signals(void **state)
{
    struct world w = sleeper(true);

    (void)state;
    // the handler, inner, returns to restorer, which has what was interrupted: outer's first byte.
    // (A return address is looked up by the byte before it: libraries begin the entry there.)
    WORDS(&w, STACK, 0xb0b, in(RESTORER, 1));
    WORDS(&w, STACK + 16 + 160, STACK + 0x400, in(OUTER, 0));
    WORDS(&w, STACK + 0x400, 0, 0, 0, in(MAIN, 0x10));
    same(&w, ADDRESS, "0x401220\n0x401301\n0x401100\n0x401010");
    same(&w, FOUND_BY, "registers\ncfi\nsignal\ncfi");
    same(&w, ENDS_EARLY, "\n\n\n");
    // on a stack of its own, which lies above: the frames that follow are below
    WORDS(&w, STACK + 16 + 160, STACK - 0x800 + PAGE, in(OUTER, 0));
    WORDS(&w, STACK - 0x800 + PAGE, 0, 0, 0, in(MAIN, 0x10));
    same(&w, ADDRESS, "0x401220\n0x401301\n0x401100\n0x401010");
    mk_free(w.k);
}

/* What no table describes: mov $15, %rax; syscall. */
static void signals_without_tables(void **state)
{
    static const char code[] = "\x48\xc7\xc0\x0f\0\0\0\x0f\x05";
    struct world w = sleeper(true);

    (void)state;
    mk_guest_write(&w.g, w.mm, MADE, code, sizeof code);
    WORDS(&w, STACK, 0xb0b, MADE);
    // struct ucontext at STACK + 16: registers at 40, the 16th is the stack pointer
    WORDS(&w, STACK + 16 + 40 + 8 * 15, STACK + 0x400, in(OUTER, 0x30));
    WORDS(&w, STACK + 0x400, 0, 0, 0, in(MAIN, 0x10));
    // A return address is behind a call, so the frame of the code before it is looked up: there is
    // none in front of the first byte of a mapping.
    same(&w, ENDS_EARLY, "the return address is in no code (0x500000)");
    mk_guest_write(&w.g, w.mm, MADE + 0x10, code, sizeof code);
    WORDS(&w, STACK, 0xb0b, MADE + 0x10);
    same(&w, ADDRESS, "0x401220\n0x500010\n0x401130\n0x401010");
    same(&w, FOUND_BY, "registers\ncfi\nsignal\ncfi");
    mk_guest_write(&w.g, w.mm, MADE + 0x13, "\x0e", 1); // another system call
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file");
    mk_free(w.k);
}

static void made_code(void **state)
{
    struct world w = sleeper(true);

    (void)state;
    // inner is called by code of no file, whose frame pointer leads to its caller, outer
    WORDS(&w, STACK, 0xb0b, MADE + 0x20);
    mk_put(w.k, w.regs, "pt_regs.bp", STACK + 0x100);
    WORDS(&w, STACK + 0x100, 0x1234, in(OUTER, 0x80), 0, 0, 0, in(MAIN, 0x10));
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file"); // there is no call before
    mk_guest_write(&w.g, w.mm, in(OUTER, 0x7b), "\xe8\0\0\0\0", 5);
    same(&w, ADDRESS, "0x401220\n0x500020\n0x401180\n0x401010");
    same(&w, FOUND_BY, "registers\ncfi\nframe pointer\ncfi");
    same(&w, ENDS_EARLY, "\n\n\n");
    // below its own frame; not aligned; on no stack
    mk_put(w.k, w.regs, "pt_regs.bp", STACK);
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file");
    mk_put(w.k, w.regs, "pt_regs.bp", STACK + 0x104);
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file");
    mk_put(w.k, w.regs, "pt_regs.bp", MADE + 0x100);
    same(&w, ENDS_EARLY, "\ncode that is in no ELF file");
    mk_free(w.k);
}

static void damage(void **state)
{
    struct world w = sleeper(true);

    (void)state;
    WORDS(&w, STACK, 0xb0b, STACK + 0x80); // no code
    same(&w, ENDS_EARLY, "the return address is in no code (0x7ffd00001080)");
    WORDS(&w, STACK, 0xb0b, 0); // the end, if nobody says so
    same(&w, ENDS_EARLY, "");
    mk_put(w.k, w.regs, "pt_regs.sp", STACK + PAGE - 8);
    same(&w, ENDS_EARLY, "the return address is not known (0x7ffd00002000: not mapped)");
    mk_put(w.k, w.regs, "pt_regs.sp", 0);
    assert_string_not_equal(mk_guest_rows(&w.g, "ustack", NULL), "");
    // outer's frame has no size: for ever the same
    mk_put(w.k, w.regs, "pt_regs.sp", STACK);
    program(&w.image, true);
    for (size_t i = FRAMES; i < FRAMES + 0x80; i++)
        if (w.image.bytes[i] == 0x0e && w.image.bytes[i + 1] == 0x20)
            w.image.bytes[i + 1] = 0;
    mk_guest_write(&w.g, w.mm, PROGRAM, w.image.bytes, sizeof w.image.bytes);
    WORDS(&w, STACK, 0xb0b, in(OUTER, 0x80));
    WORDS(&w, STACK + 8, in(OUTER, 0x80));
    same(&w, ENDS_EARLY, "\nthe caller's frame is below its own");
    mk_free(w.k);
}

/* Recursion without end: the stack is all of one frame, and is cut. */
static void deep(void **state)
{
    struct world w = sleeper(true);
    const char *rows;
    size_t n = 0;

    (void)state;
    for (uint64_t at = 0; at < PAGE; at += 32)
        WORDS(&w, STACK + at, 0, in(OUTER, 0x80), 0, in(OUTER, 0x80));
    rows = mk_guest_rows(&w.g, "ustack", NULL);
    for (const char *p = rows; *p; p++)
        n += *p == '\n';
    assert_true(n > 100 && n < 1024);
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),     cmocka_unit_test(calls_without_return),
        cmocka_unit_test(signals),   cmocka_unit_test(signals_without_tables),
        cmocka_unit_test(made_code), cmocka_unit_test(damage),
        cmocka_unit_test(deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
