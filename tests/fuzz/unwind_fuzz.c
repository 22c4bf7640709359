/* unwind_fuzz.c - a thread whose stack, saved registers and unwind data are the input: the frames
 * end, and on one stack each is above the one before.
 *
 *  The first byte says which processor, and whether the thread was running. Of x86-64 64 entries of
 * 6 bytes follow, one for each 64 bytes of code: those with the top bit in their last byte begin at
 * another place. The rest are 32-bit words, one for each slot of the two stacks: with the top bit
 * set a place on one of them, with the next bit a place in the code, else the number itself. */
#include "image.h"
#include "mkguest.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *types[] = {
    "struct task_struct { unsigned int __state, flags;",
    "struct inactive_task_frame { unsigned long r15, r14, r13, r12, bx, bp, ret_addr; };"
    "struct irq_stack { char stack[8192]; };"
    "struct frame_record_meta { u64 fp, lr, type; };"
    "struct pt_regs { unsigned long regs[31]; unsigned long pc, pstate; s32 syscallno;"
    "  struct frame_record_meta stackframe; unsigned long r15, r14, r13, r12, bp, bx, r11, r10,"
    "  r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss; };"
    "struct cpu_context { unsigned long x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, fp, sp,"
    "  pc; };"
    "struct thread_struct { unsigned long ra, sp, s[12]; struct cpu_context cpu_context; };"
    "struct task_struct { unsigned int __state, flags; void *stack; int on_cpu; unsigned int cpu;"
    "  struct thread_struct thread;",
    NULL, NULL, NULL
};
/* Without it a kernel of x86-64 has frame pointers. */
static const char *const orc_type[] = {
    "struct inactive_task_frame {",
    "struct orc_entry { s16 sp_offset, bp_offset; u16 sp_reg:4; u16 bp_reg:4; u16 type:3;"
    "  u16 signal:1; };"
    "struct inactive_task_frame {",
};

enum { STACK = 0x2000, SLOTS = 2 * STACK / 8, TEXT = 0x1000, ENTRIES = 64, ENTRY = 6 };

static const struct mk_machine *machine(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    abort();
}

static uint64_t word(const uint8_t *data, size_t size, size_t i, uint64_t stack, uint64_t text)
{
    const uint32_t w = 4 * i + 4 <= size ? eg_le32(data + 4 * i) : 0;

    if (w >> 31)
        return stack + (w & (2 * STACK - 1));
    return w >> 30 ? text + (w & (TEXT - 1)) : w;
}

static void tables(struct mk *k, const uint8_t *data, size_t size, uint64_t text)
{
    const uint64_t ip = mk_alloc(k, 4 * ENTRIES), orc = mk_alloc(k, ENTRY * ENTRIES);

    for (size_t i = 0; i < ENTRIES; i++) {
        const uint8_t none[ENTRY] = { 0 };
        const uint8_t *e = ENTRY * (i + 1) <= size ? data + ENTRY * i : none;
        const uint64_t at = text + (e[5] >> 7 ? 16 * (size_t)e[0] : 64 * i);

        mk_write_u32(k, ip + 4 * i, (uint32_t)(at - (ip + 4 * i)));
        mk_write(k, orc + ENTRY * i, e, ENTRY);
    }
    mk_symbol(k, "__start_orc_unwind_ip", ip);
    mk_symbol(k, "__stop_orc_unwind_ip", ip + 4 * ENTRIES);
    mk_symbol(k, "__start_orc_unwind", orc);
    mk_symbol(k, "__stop_orc_unwind", orc + ENTRY * ENTRIES);
}

/** Each row has the stack's name and the place on it in columns 7 and 8. */
static void check(const char *rows)
{
    char stack[16] = "", last[16] = "", text[32] = "";
    unsigned long long at = 0, before = 0;
    size_t n = 0;

    for (const char *line = rows; line && *line; n++) {
        const char *end = strchr(line, '\n'), *cell = line;

        for (int i = 0; i < 7 && cell; i++)
            cell = strchr(cell, '|') ? strchr(cell, '|') + 1 : NULL;
        if (cell && sscanf(cell, "%15[^|]|%31[^|]", stack, text) == 2) {
            at = strtoull(text, NULL, 0);
            if (strcmp(stack, last) == 0 && at < before)
                abort();
            memcpy(last, stack, sizeof last);
            before = at;
        }
        line = end ? end + 1 : NULL;
    }
    if (n > 4096)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const archs[] = { "x86_64", "aarch64", "riscv64", "x86_64" };
    const unsigned kind = size ? data[0] & 3 : 0;
    const struct mk_machine *m = machine(archs[kind]);
    const bool running = size && data[0] & 4, x86 = kind == 0 || kind == 3;
    struct eg_cpu cpu = { .n_regs = 36, .pid = 1 };
    uint64_t text, stack, t, pointer;
    struct eg_system *sys;
    struct mk_guest g;

    types[2] = kind == 0 ? orc_type[0] : NULL;
    types[3] = orc_type[1];
    g = mk_guest(m, types);
    text = mk_alloc_aligned(g.k, TEXT, TEXT);
    stack = mk_alloc_aligned(g.k, 2 * STACK, 2 * STACK);
    t = mk_guest_task(&g, 1, "a", 0);
    pointer = mk_alloc(g.k, 8);
    data += size != 0;
    size -= size != 0;
    if (kind == 0) {
        tables(g.k, data, size, text);
        data += EG_MIN(size, (size_t)ENTRY * ENTRIES);
        size -= EG_MIN(size, (size_t)ENTRY * ENTRIES);
    }
    mk_symbol(g.k, "__start_init_stack", stack);
    mk_symbol(g.k, "__end_init_stack", stack + STACK);
    mk_symbol(g.k, x86 ? "hardirq_stack_ptr" : "irq_stack_ptr", pointer);
    mk_write_ptr(g.k, pointer, stack + (x86 ? 2 * STACK : STACK));
    mk_symbol(g.k, "code", text);
    mk_symbol(g.k, "end", text + TEXT);
    mk_put(g.k, t, "task_struct.stack", stack);
    mk_put(g.k, t, "task_struct.on_cpu", running);
    mk_put(g.k, t, "task_struct.thread.sp", word(data, size, 0, stack, text));
    mk_put(g.k, t, "task_struct.thread.ra", word(data, size, 1, stack, text));
    mk_write_ptr(g.k, mk_at(g.k, t, "task_struct.thread.s"), word(data, size, 2, stack, text));
    mk_put(g.k, t, "task_struct.thread.cpu_context.sp", word(data, size, 0, stack, text));
    mk_put(g.k, t, "task_struct.thread.cpu_context.pc", word(data, size, 1, stack, text));
    mk_put(g.k, t, "task_struct.thread.cpu_context.fp", word(data, size, 2, stack, text));
    for (size_t i = 0; i < SLOTS && 4 * (i + 3) < size; i++)
        mk_write_ptr(g.k, stack + 8 * i, word(data, size, i + 3, stack, text));
    for (size_t i = 0; i < cpu.n_regs; i++)
        cpu.regs[i] = word(data, size, i, stack, text);
    mk_guest_rows(&g, "pslist", NULL);
    sys = mk_system(g.k);
    sys->chosen->paging =
        (struct eg_paging){ .arch = sys->arch, .levels = m->levels, .granule = m->page_shift };
    sys->image->cpus.at = running ? &cpu : NULL;
    sys->image->cpus.n = running;
    check(mk_guest_rows(&g, "kstack", NULL));
    mk_guest_rows(&g, "regs", NULL);
    sys->image->cpus.at = NULL;
    sys->image->cpus.n = 0;
    mk_free(g.k);
    return 0;
}
