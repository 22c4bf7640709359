/* ring_linux_test.c - what QEMU's plugin is told of a kernel, on x86-64 and AArch64: where tasks,
 * saved registers and system calls are; and what a record of a call then says. */
#include "../../../live/ring_linux.h"
#include "../../../live/syscalls.h"
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mkguest.h"
#include <string.h>

enum { SIZE = 0x4000, FUNCTION = 0x100 };

static const char *const x86_types[] = { "struct task_struct { unsigned int __state, flags;",
                                         MK_X86_64_REGS
                                         "struct task_struct { unsigned int __state, flags;"
                                         "  void *stack;",
                                         NULL };
static const char *const arm_types[] = {
    "struct task_struct { unsigned int __state, flags;",
    "struct pt_regs { unsigned long regs[31], sp, pc, pstate, orig_x0; s32 syscallno; u32 unused;"
    "  u64 stackframe[2]; };"
    "struct task_struct { unsigned int __state, flags; void *stack;",
    NULL
};

/* The test's functions, one behind the other; a stack; and the per-CPU pointer to a task, of two
 * processors. @return where the functions are. */
static uint64_t begin(struct mk_guest *g, bool arm, const char *const *names, uint64_t per_cpu[2])
{
    static uint64_t offsets[2];
    uint64_t text, at, stack;

    mk_each_machine(m) if (m->arch && !strcmp(m->arch, arm ? "aarch64" : "x86_64"))
    {
        *g = mk_guest(m, arm ? arm_types : x86_types);
        break;
    }
    at = text = mk_alloc_aligned(g->k, 0x2000, 0x1000);
    for (; *names; names++, at += FUNCTION)
        mk_symbol(g->k, *names, at);
    mk_symbol(g->k, "_etext", at);
    stack = mk_alloc_aligned(g->k, SIZE, SIZE);
    mk_symbol(g->k, "__start_init_task", stack);
    mk_symbol(g->k, "__end_init_task", stack + SIZE);
    per_cpu[0] = mk_alloc_aligned(g->k, 0x1000, 0x1000);
    per_cpu[1] = per_cpu[0] + 0x400;
    offsets[0] = per_cpu[0] - 0x10;
    offsets[1] = per_cpu[1] - 0x10;
    mk_symbol(g->k, arm ? "__entry_task" : "current_task", 0x10);
    mk_guest_rows(g, "pslist", NULL); // all is written
    linux_state(mk_system(g->k))->percpu_offset = offsets;
    linux_state(mk_system(g->k))->n_cpus = 2;
    mk_system(g->k)->chosen->paging =
        (struct eg_paging){ .arch = mk_system(g->k)->arch, .root = mk_root(g->k), .levels = 4 };
    return text;
}
#define BEGIN(g, arm, per_cpu, ...)                                                                \
    begin((g), (arm), (const char *const[]){ __VA_ARGS__, NULL }, (per_cpu))

static void put32(struct mk *k, uint64_t at, uint32_t v)
{
    mk_write_u32(k, at, v);
}

static void same_gate(const struct ring_gate *g, uint64_t at, bool leaves, unsigned bits)
{
    assert_int_equal(g->address, at);
    assert_int_equal(g->leaves, leaves);
    assert_int_equal(g->bits, bits);
}

/* The call can be in the exception's handler, of which another function is a part. */
static void gates_of_aarch64(void **state)
{
    struct ring_gate gates[RING_GATES];
    struct mk_guest g;
    uint64_t per_cpu[2];
    const uint64_t text = BEGIN(&g, true, per_cpu, "do_el0_svc", "do_el0_svc_compat", "el0_svc",
                                "el0t_32_sync_handler", "behind");

    (void)state;
    put32(g.k, text + 2 * FUNCTION + 0x10, 0x94000000 | ((uint32_t)-0x80 & 0x3ffffff)); // bl -0x200
    put32(g.k, text + 2 * FUNCTION + 0x1c, 0x94000000 | ((uint32_t)-0x87 & 0x3ffffff)); // its own
    put32(g.k, text + 3 * FUNCTION + 0x20, 0x94000000 | ((uint32_t)-0x88 & 0x3ffffff));
    assert_int_equal(live_ring_gates(mk_run(g.k), gates), 4);
    same_gate(&gates[0], text, false, 64);
    same_gate(&gates[1], text + 2 * FUNCTION + 0x20, true, 64);
    same_gate(&gates[2], text + FUNCTION, false, 32);
    same_gate(&gates[3], text + 3 * FUNCTION + 0x24, true, 32);
    mk_free(g.k);
}

static void gates_of_x86(void **state)
{
    static const uint8_t call[] = { 0xe8, 0xfb, 0xfe, 0xff, 0xff }; // -0x105
    struct ring_gate gates[RING_GATES];
    struct mk_guest g;
    uint64_t per_cpu[2];
    const uint64_t text =
        BEGIN(&g, false, per_cpu, "do_syscall_64", "entry_SYSCALL_64_after_hwframe", "behind");

    (void)state;
    mk_write(g.k, text + FUNCTION, call, sizeof call);
    assert_int_equal(live_ring_gates(mk_run(g.k), gates), 2);
    same_gate(&gates[0], text, false, 64);
    same_gate(&gates[1], text + FUNCTION + 5, true, 64);
    mk_free(g.k);
}

static void put64(struct ring_record *n, uint32_t at, uint64_t v)
{
    memcpy(n->entry + at, &v, sizeof v);
}

static void calls_of_aarch64(void **state)
{
    enum { PSTATE = 264, ORIG_X0 = 272, NUMBER = 280, LEN = 304, OPENAT = 56, OPENAT_32 = 322 };
    struct ring_record n = { .kind = RING_SYSCALL, .entry_len = LEN };
    const struct syscalls *table;
    struct syscall_seen seen;
    struct ring_linux os;
    struct mk_guest g;
    uint64_t per_cpu[2];
    const uint64_t signed_minus = (uint32_t)-100;

    (void)state;
    BEGIN(&g, true, per_cpu, "do_el0_svc", "behind");
    if (!live_ring_linux(mk_run(g.k), &os))
        fail_msg("%s", mk_run(g.k)->error);
    for (int i = 0; i < 2; i++)
        assert_int_equal(os.current[i], mk_physical(g.k, per_cpu[i]));
    assert_int_equal(os.direct, per_cpu[0] - os.current[0]);
    assert_int_equal(os.entry, SIZE - LEN);
    assert_int_equal(os.page_shift, 12);
    assert_int_equal(os.levels, 4);
    assert_int_equal(os.va_bits, 48);
    put64(&n, 8 * 8, OPENAT);
    put64(&n, 0, signed_minus);
    put64(&n, 8, 0x1000);
    put64(&n, NUMBER, 7); // of the call before
    assert_true(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    assert_int_equal(seen.kind, 0);
    assert_int_equal(seen.number, OPENAT);
    assert_int_equal(seen.args[0], signed_minus);
    assert_int_equal(seen.args[1], 0x1000);
    // When it leaves: an exec has cleared x8, and x0 is the result.
    n.kind = RING_SYSRET;
    put64(&n, 8 * 8, 0);
    put64(&n, 0, (uint64_t)-2);
    put64(&n, ORIG_X0, signed_minus);
    put64(&n, NUMBER, OPENAT | UINT64_C(5) << 32);
    assert_true(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    assert_int_equal(seen.number, OPENAT);
    assert_int_equal(seen.value, -2);
    assert_int_equal(seen.args[0], signed_minus);
    // A program of 32 bits has it in r7.
    n.kind = RING_SYSCALL;
    put64(&n, PSTATE, 0x10);
    put64(&n, 8 * 7, OPENAT_32);
    put64(&n, 8 * 8, 1);
    put64(&n, 0, UINT64_C(0x500000003));
    assert_true(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    assert_int_equal(seen.kind, 1);
    assert_int_equal(seen.number, OPENAT_32);
    assert_int_equal(seen.args[0], 3);
    n.entry_len--; // a record without all registers
    assert_false(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    table = live_syscalls_open(mk_run(g.k));
    assert_string_equal(table->of[0][OPENAT].name, "openat");
    assert_string_equal(table->of[1][OPENAT_32].name, "openat");
    mk_free(g.k);
}

static void calls_of_x86(void **state)
{
    enum { DI = 112, ORIG_AX = 120, AX = 80, CS = 136, BX = 40, LEN = 168, OPENAT = 257 };
    struct ring_record n = { .kind = RING_SYSCALL, .entry_len = LEN };
    struct syscall_seen seen;
    struct ring_linux os;
    struct mk_guest g;
    uint64_t per_cpu[2];

    (void)state;
    BEGIN(&g, false, per_cpu, "do_syscall_64", "behind");
    if (!live_ring_linux(mk_run(g.k), &os))
        fail_msg("%s", mk_run(g.k)->error);
    assert_int_equal(os.current[1], mk_physical(g.k, per_cpu[1]));
    assert_int_equal(os.entry, SIZE - LEN);
    put64(&n, ORIG_AX, OPENAT);
    put64(&n, CS, 0x33);
    put64(&n, DI, 5);
    put64(&n, BX, 6);
    assert_true(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    assert_int_equal(seen.kind, 0);
    assert_int_equal(seen.number, OPENAT);
    assert_int_equal(seen.args[0], 5);
    put64(&n, ORIG_AX, UINT64_MAX); // a 32-bit entry, where it is still in ax
    put64(&n, AX, 4);
    put64(&n, CS, UINT64_C(0x100000023)); // the upper bits are of FRED
    assert_true(live_syscall_of_record(mk_run(g.k), &os, &n, &seen));
    assert_int_equal(seen.kind, 1);
    assert_int_equal(seen.number, 4);
    assert_int_equal(seen.args[0], 6);
    mk_free(g.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_of_aarch64),
        cmocka_unit_test(gates_of_x86),
        cmocka_unit_test(calls_of_aarch64),
        cmocka_unit_test(calls_of_x86),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
