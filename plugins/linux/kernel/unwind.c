/* unwind.c - from frame to frame. */
#include "unwind.h"
#include "../../../core/system.h"
#include "../sched/task.h"
#include "orc.h"

enum { X86 = 62, ARM64 = 183, RISCV = 243 };

/* struct frame_record_meta (arch/arm64/include/asm/stacktrace/frame.h), since 6.14: a record of two
 * zeros and a type. Before, there is only the record, in stackframe. */
EG_FIELD_AS(frame_record, pt_regs, "stackframe");
EG_FIELD_AS(frame_type, frame_record_meta, "type");

const char *linux_frame_by_name(enum linux_frame_by by)
{
    static const char *const names[] = { "",          "saved",        "cpu", "orc", "frame pointer",
                                         "registers", "link register" };

    return names[by];
}

/* ---- stacks ---- */

void linux_unwind_add_stack(struct linux_unwind *w, const char *name, uint64_t first, uint64_t size)
{
    uint64_t last;

    if (w->n_stacks == LINUX_STACKS_MAX || !first || !size || !eg_add(first, size - 1, &last))
        return;
    w->stacks[w->n_stacks].name = name;
    w->stacks[w->n_stacks].first = first;
    w->stacks[w->n_stacks].last = last;
    w->stacks[w->n_stacks++].left = false;
}

/* The stack that has all 8 bytes at @addr, if it was not left; n_stacks: none. */
static unsigned stack_of(const struct linux_unwind *w, uint64_t addr)
{
    for (unsigned i = 0; i < w->n_stacks; i++)
        if (!w->stacks[i].left && addr >= w->stacks[i].first && w->stacks[i].last - addr >= 7 &&
            addr <= w->stacks[i].last)
            return i;
    return w->n_stacks;
}

static bool read_stack(void *context, uint64_t addr, uint64_t *out)
{
    struct linux_unwind *w = context;

    return !(addr & 7) && stack_of(w, addr) < w->n_stacks &&
           eg_read_u64(eg_view_of(w->run), eg_kernel(w->run), addr, false, out);
}

/* On to the stack of @sp: upwards on one stack, and never back to one that was left. An empty
 * stack's pointer is the first address behind it. @return false: it cannot be. */
static bool climb(struct linux_unwind *w, uint64_t sp)
{
    unsigned on;

    if (sp > w->sp && sp >= w->stacks[w->on].first && sp - 1 <= w->stacks[w->on].last)
        return true;
    on = stack_of(w, sp);
    if (on == w->n_stacks || on == w->on)
        return false;
    w->stacks[w->on].left = true;
    w->on = on;
    return true;
}

/* ---- ORC ---- */

/* BPF programs and their trampolines have no ORC, but a frame pointer each. Where the processor
 * jumped to a null pointer, the caller's address is what is on the stack. */
static bool orc_of(struct linux_unwind *w, uint64_t pc, struct linux_orc *out)
{
    static const struct linux_orc by_fp = { .sp_offset = 16,
                                            .bp_offset = -16,
                                            .sp_reg = LINUX_ORC_BP,
                                            .bp_reg = LINUX_ORC_PREV_SP,
                                            .type = LINUX_ORC_CALL };
    static const struct linux_orc at_null = { .sp_offset = 8,
                                              .sp_reg = LINUX_ORC_SP,
                                              .type = LINUX_ORC_CALL };
    const struct linux_made_code *made;

    if (!pc) {
        *out = at_null;
        return true;
    }
    if (linux_unwind_orc(w->run, w->tables, pc, out))
        return true;
    made = linux_unwind_made(w->tables, pc);
    if (made && made->bpf) {
        *out = by_fp;
        return true;
    }
    return made && made->like &&
           linux_unwind_orc(w->run, w->tables, made->like + (pc - made->first), out);
}

/* Past a tracer's trampoline. Where its list does not have the address, the trampoline itself is
 * the last frame: @return false. */
static bool untrace(struct linux_unwind *w, uint64_t at, uint64_t fp, uint64_t *pc)
{
    uint64_t real = *pc;

    if (!linux_unwind_traced(w->run, w->task, at, fp, &real))
        return true;
    if (!real) {
        w->cut = "a tracer keeps the caller's address, and its list does not have it";
        return false;
    }
    w->traced = true;
    *pc = real;
    return true;
}

/* A word that a damaged stack has instead of an address is no frame. What has unwind data is code,
 * also where it was dropped when the kernel had started; else what may be executed, as far as the
 * page tables tell. */
static bool is_code(struct linux_unwind *w, uint64_t pc)
{
    struct linux_orc o;
    struct eg_extent x;

    if (pc < eg_system_of(w->run)->arch->kernel_min)
        return false;
    if (linux_unwind_made(w->tables, pc) ||
        (linux_unwind_orc(w->run, w->tables, pc, &o) && o.type != LINUX_ORC_NONE))
        return true;
    eg_extent_at(eg_view_of(w->run), eg_kernel(w->run), pc, &x);
    return x.why ? x.why == EG_TABLE_MISSING : x.flags & EG_X_EXEC;
}

static void step_orc(struct linux_unwind *w)
{
    struct linux_orc_state s = { .ip = w->pc, .sp = w->sp, .bp = w->fp, .known = w->known };
    struct linux_orc o;
    enum linux_orc_result result = LINUX_ORC_NO_DATA;

    __builtin_memcpy(s.regs, w->values, sizeof s.regs);
    if (orc_of(w, w->exact ? w->pc : w->pc - 1, &o))
        result = linux_orc_step(&o, &s, read_stack, w);
    w->done = result != LINUX_ORC_STEPPED;
    switch (result) {
    case LINUX_ORC_STEPPED:
        break;
    case LINUX_ORC_TO_USER:
    case LINUX_ORC_LAST:
        return;
    case LINUX_ORC_NO_DATA:
        w->cut = "the code has no unwind data";
        return;
    case LINUX_ORC_NO_REG:
        w->cut = "the frame is found by a register that was not saved";
        return;
    case LINUX_ORC_BAD_STACK:
        w->cut = "the caller's frame is on no stack of the thread, or cannot be read";
        return;
    }
    if (!climb(w, s.sp)) {
        w->done = true;
        w->cut = "the next frame is not above this one";
        return;
    }
    w->traced = false;
    if (!s.from_regs)
        s.exact |= !untrace(w, s.at, s.bp, &s.ip);
    if (!is_code(w, s.exact ? s.ip : s.ip - 1) && s.ip) {
        w->done = true;
        w->cut = "the frame's return address is not one of code";
        return;
    }
    w->by = s.from_regs ? LINUX_FRAME_REGS : LINUX_FRAME_ORC;
    w->pc = s.ip;
    w->sp = s.sp;
    w->fp = s.bp;
    w->at = s.at;
    w->exact = s.exact;
    w->known = s.known;
    __builtin_memcpy(w->values, s.regs, sizeof s.regs);
}

/* ---- frame pointers ---- */

static uint64_t plain(const struct linux_unwind *w, uint64_t va)
{
    const struct eg_system *sys = eg_system_of(w->run);

    return sys->arch->plain ? sys->arch->plain(&sys->chosen->paging, va) : va;
}

/* Registers that an exception saved, by which the chain goes on. */
static bool step_regs(struct linux_unwind *w, uint64_t at)
{
    struct linux_regs regs;

    if (!linux_pt_regs(w->run, at, &regs))
        return false;
    if (regs.user) {
        w->done = true;
        return true;
    }
    w->pc = plain(w, regs.pc);
    w->fp = regs.fp;
    w->at = at;
    w->exact = true;
    w->by = LINUX_FRAME_REGS;
    w->link = eg_system_of(w->run)->arch->elf_machine == ARM64 ? plain(w, regs.value[30]) : 0;
    return is_code(w, w->pc);
}

/* AArch64 keeps the chain across an exception: the pt_regs has a record in it. Since 6.14 it is two
 * zeros with a type behind; before, it is the interrupted code's own frame pointer and address. */
static bool step_exception(struct linux_unwind *w, uint64_t record, uint64_t next, uint64_t pc)
{
    enum { META_FINAL = 1, META_REGS = 2 };
    struct eg_run *r = w->run;
    const uint64_t regs = record - eg_offset(r, frame_record);
    uint64_t type, saved;

    if (!eg_has(r, frame_record))
        return false;
    if (eg_has(r, frame_type)) {
        if (next || pc || !read_stack(w, record + 16, &type))
            return false;
        if (type == META_REGS && step_regs(w, regs))
            return true;
        w->done = true;
        w->cut = type == META_FINAL ? NULL : "the record of an exception is damaged";
        return true;
    }
    if (!pc || stack_of(w, regs) == w->n_stacks)
        return false;
    return read_stack(w, regs + 32 * 8, &saved) && plain(w, saved) == plain(w, pc) &&
           read_stack(w, regs + 29 * 8, &saved) && saved == next && step_regs(w, regs);
}

static void step_fp(struct linux_unwind *w)
{
    const uint16_t machine = eg_system_of(w->run)->arch->elf_machine;
    // {frame pointer, address}: RISC-V's frame pointer is behind them, the others' before
    const uint64_t record = w->fp - (machine == RISCV ? 16 : 0);
    uint64_t next, pc;

    w->known = 0;
    w->traced = false;
    w->done = true;
    if (!w->fp) // threads of the kernel begin with it
        return;
    if (machine == X86 &&
        w->fp & 1) { // a pt_regs (ENCODE_FRAME_POINTER, arch/x86/include/asm/frame.h)
        if (climb(w, w->fp - 1) && (w->sp = w->fp - 1, w->done = false, step_regs(w, w->sp)))
            return;
        w->done = true;
        w->cut = "the registers of an exception cannot be read";
        return;
    }
    if (!read_stack(w, record, &next) || !read_stack(w, record + 8, &pc) ||
        !climb(w, record + 16)) {
        w->cut = "the frame pointer leads to no frame above this one";
        return;
    }
    w->sp = record + 16;
    w->done = false;
    if (step_exception(w, record, next, pc))
        return;
    if (!next && !pc) {
        w->done = true;
        return;
    }
    w->link = 0;
    w->at = record + 8;
    w->by = LINUX_FRAME_FP;
    pc = plain(w, pc);
    w->exact = !untrace(w, w->at, next, &pc);
    w->pc = plain(w, pc);
    w->fp = next;
    if (!is_code(w, w->pc)) {
        w->done = true;
        // What entered the kernel from a program has no caller there.
        w->cut = w->pc < eg_system_of(w->run)->arch->kernel_min
                     ? NULL
                     : "the frame's return address is not one of code";
    }
}

/* A function that calls none may have no frame: who called it is in the link register alone. In
 * any other it is of no use: it names the function itself, or what the next record names too. */
static bool take_link(struct linux_unwind *w, struct linux_frame *out)
{
    const uint64_t link = w->link;
    struct linux_code here, there;
    uint64_t next;

    w->link = 0;
    if (!read_stack(w, w->fp + 8, &next) || plain(w, next) == link || !is_code(w, link) ||
        !linux_code_at(w->run, w->pc, true, &here) || !linux_code_at(w->run, link, false, &there) ||
        w->pc - here.offset == link - there.offset)
        return false;
    *out = (struct linux_frame){
        .pc = link, .sp = w->sp, .stack = w->stacks[w->on].name, .by = LINUX_FRAME_LINK
    };
    return true;
}

/* ---- the walk ---- */

bool linux_unwind_begin(struct eg_run *r, struct linux_unwind *w, struct eg_obj task)
{
    uint64_t first, last;

    *w = (struct linux_unwind){ .run = r, .task = task };
    w->tables = linux_unwind_tables(r);
    if (!linux_kernel_regs(r, task, &w->regs, &w->why) || !w->tables) {
        w->done = true;
        return false;
    }
    w->why = EG_OK;
    if (linux_kernel_stack(r, task, &first, &last))
        linux_unwind_add_stack(w, "task", first, last - first + 1);
    w->exact = w->regs.source != LINUX_REGS_SWITCH;
    w->by = LINUX_FRAME_SAVED;
    if (w->regs.source == LINUX_REGS_CPU) {
        w->by = LINUX_FRAME_CPU;
        w->known = (uint32_t)w->regs.known & 0xffff;
        linux_unwind_cpu_stacks(w, w->regs.cpu);
        // A leaf function that has no frame yet: who called it is in the link register alone.
        if (eg_system_of(r)->arch->elf_machine == ARM64)
            w->link = plain(w, w->regs.value[30]);
    }
    __builtin_memcpy(w->values, w->regs.value, sizeof w->values);
    w->pc = plain(w, w->regs.pc);
    w->sp = w->regs.sp;
    w->fp = w->regs.fp;
    w->on = stack_of(w, w->sp);
    if (w->on == w->n_stacks) {
        w->cut = "the stack pointer is on no stack of the thread";
        w->on = 0;
    }
    return true;
}

bool linux_unwind_next(struct linux_unwind *w, struct linux_frame *out)
{
    if (w->done || eg_stopped(w->run))
        return false;
    if (w->n == LINUX_FRAMES_MAX) {
        w->cut = "more frames than a stack has room for";
        return w->done = true, false;
    }
    if (w->n && w->link && take_link(w, out)) {
        w->n++;
        return true;
    }
    if (w->n) {
        if (w->cut || !w->n_stacks) // there was a place to begin with, but no way from it
            return w->done = true, false;
        if (linux_unwind_has_orc(w->tables)) {
            step_orc(w);
        } else if (linux_unwind_lacks_orc(w->tables)) {
            w->done = true;
            w->cut = "the kernel's unwind data is lost";
        } else {
            step_fp(w);
        }
        if (w->done)
            return false;
    }
    *out = (struct linux_frame){ .pc = w->pc,
                                 .exact = w->exact,
                                 .at = w->at,
                                 .sp = w->sp,
                                 .stack = w->n_stacks && !w->cut ? w->stacks[w->on].name : NULL,
                                 .by = w->by,
                                 .traced = w->traced };
    w->n++;
    return true;
}
