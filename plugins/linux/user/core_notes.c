/* core_notes.c - the notes of a core file: what gdb knows of threads, and of the process
 * (include/linux/elfcore.h, fs/binfmt_elf.c: fill_note_info). Layouts are those of 64-bit programs
 * and of 32-bit ones, which differ in the size of a long. */
#include "../../../core/system.h"
#include "../mm/args.h"
#include "../mm/vma.h"
#include "../sched/cred.h"
#include "../sched/flags.h"
#include "../sched/task.h"
#include "corefile.h"
#include "fpu.h"
#include <stdlib.h>

EG_FIELD_AS(core_saved_auxv, mm_struct, "saved_auxv");
EG_FIELD_AS(core_pending, task_struct, "pending.signal");
EG_FIELD_AS(core_blocked, task_struct, "blocked");
EG_FIELD_AS(core_utime, task_struct, "utime");
EG_FIELD_AS(core_stime, task_struct, "stime");
EG_FIELD_AS(core_prio, task_struct, "static_prio");
EG_FIELD_AS(core_signal_pids, signal_struct, "pids");
EG_FIELD_AS(core_pid_numbers, pid, "numbers");
EG_FIELD_AS(core_upid_nr, upid, "nr");

enum { // include/uapi/linux/elf.h
    NT_PRSTATUS_ = 1,
    NT_PRFPREG_ = 2,
    NT_PRPSINFO_ = 3,
    NT_AUXV_ = 6,
    NT_SIGINFO_ = 0x53494749,
    NT_FILE_ = 0x46494c45,
    NT_PRXFPREG_ = 0x46e62b7f,
    NT_X86_XSTATE_ = 0x202,
    NT_ARM_VFP_ = 0x400,
    NT_ARM_TLS_ = 0x401,
    NT_ARM_PAC_MASK_ = 0x406,
};
enum { PIDTYPE_PGID = 2, PIDTYPE_SID = 3 }; // include/linux/pid_types.h, since 4.19

/* A note while it is made. */
struct note {
    uint8_t bytes[512];
    size_t n;
    unsigned w; // bytes of a long
};

static void put(struct note *o, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && o->n < sizeof o->bytes; i++)
        o->bytes[o->n++] = i < sizeof value ? (uint8_t)(value >> 8 * i) : 0;
}

static void pad(struct note *o, unsigned align)
{
    while (o->n % align)
        put(o, 0, 1);
}

static void write_note(struct linux_core *c, const char *name, uint32_t type, const void *bytes,
                       size_t len)
{
    static const uint8_t zeros[8] = { 0 };
    struct note head = { .n = 0 };
    const size_t name_len = strlen(name) + 1;

    put(&head, name_len, 4);
    put(&head, len, 4);
    put(&head, type, 4);
    fwrite(head.bytes, 1, head.n, c->f);
    fwrite(name, 1, name_len, c->f);
    fwrite(zeros, 1, (4 - name_len % 4) % 4, c->f);
    fwrite(bytes, 1, len, c->f);
    fwrite(zeros, 1, (4 - len % 4) % 4, c->f);
}

/* ---- registers ---- */

enum { ORIG = 64, CS, SS, FS_BASE, GS_BASE, DS, ES, FS, GS }; // beside places in eg_arch.registers

/* struct user_regs_struct and user_regs_struct32 (arch/x86/include/asm/user_{64,32}.h) */
static const uint8_t order64[] = { 15, 14,   13, 12, 7,  1, 11, 10,      9,       8,  0,  2,  3, 4,
                                   5,  ORIG, 16, CS, 17, 6, SS, FS_BASE, GS_BASE, DS, ES, FS, GS };
static const uint8_t order32[] = { 1, 2, 3, 4, 5, 7, 0, DS, ES, FS, GS, ORIG, 16, CS, 17, 6, SS };

static uint64_t register_of(const struct linux_regs *regs, uint8_t which)
{
    switch (which) {
    case ORIG:
        return regs->has_syscall ? (uint64_t)regs->syscall : UINT64_MAX;
    case CS:
        return regs->x86.cs;
    case SS:
        return regs->x86.ss;
    case FS_BASE:
        return regs->has_tls ? regs->tls : 0;
    case GS_BASE:
        return regs->x86.gs_base;
    case DS:
        return regs->x86.ds;
    case ES:
        return regs->x86.es;
    case FS:
        return regs->x86.fs;
    case GS:
        return regs->x86.gs;
    default:
        return which < 40 && regs->known >> which & 1 ? regs->value[which] : 0;
    }
}

static void put_registers(struct linux_core *c, struct note *o, const struct linux_regs *regs)
{
    const bool arm = eg_system_of(c->r)->arch->plain != NULL;

    // struct user_regs (arch/arm/include/uapi/asm/ptrace.h): r0 to r15, cpsr, the first argument
    static const uint8_t arm32[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 32, 33, 0 };

    if (arm && c->compat)
        for (size_t i = 0; i < countof(arm32); i++)
            put(o, register_of(regs, arm32[i]), 4);
    else if (arm)
        for (uint8_t i = 0; i < 34; i++)
            put(o, register_of(regs, i), 8);
    else if (c->compat)
        for (size_t i = 0; i < countof(order32); i++)
            put(o, register_of(regs, order32[i]), 4);
    else
        for (size_t i = 0; i < countof(order64); i++)
            put(o, register_of(regs, order64[i]), 8);
}

/* ---- notes of a thread ---- */

static uint64_t number_of(struct eg_obj task, unsigned type)
{
    struct eg_obj pid = eg_index(eg_at(task, task_struct.signal, core_signal_pids), type);

    return eg_get_or(0u, eg_index(eg_at(pid, core_pid_numbers), 0), core_upid_nr);
}

static void put_ids(struct note *o, struct eg_obj task, uint64_t pid)
{
    put(o, pid, 4);
    put(o, eg_get_or(0u, task, task_struct.real_parent, task_struct.tgid), 4);
    put(o, number_of(task, PIDTYPE_PGID), 4);
    put(o, number_of(task, PIDTYPE_SID), 4);
}

static void put_time(struct note *o, uint64_t ns)
{
    put(o, ns / 1000000000, o->w);
    put(o, ns % 1000000000 / 1000, o->w);
}

static uint64_t signals(struct eg_obj set)
{
    uint8_t bits[8];

    return !set.why && eg_read(set.view, set.space, set.addr, bits, sizeof bits) ? eg_le64(bits)
                                                                                 : 0;
}

static void prstatus(struct linux_core *c, struct eg_obj task, const struct linux_regs *regs)
{
    struct note o = { .w = c->compat ? 4 : 8 };

    put(&o, 0, 12); // no signal ended it
    put(&o, 0, 2);
    pad(&o, o.w);
    put(&o, signals(eg_at(task, core_pending)), o.w);
    put(&o, signals(eg_at(task, core_blocked)), o.w);
    put_ids(&o, task, eg_get_or(0u, task, task_struct.pid));
    put_time(&o, eg_get_or((uint64_t)0, task, core_utime));
    put_time(&o, eg_get_or((uint64_t)0, task, core_stime));
    put_time(&o, 0); // of children
    put_time(&o, 0);
    put_registers(c, &o, regs);
    put(&o, 1, 4); // floating-point registers follow
    pad(&o, o.w);
    write_note(c, "CORE", NT_PRSTATUS_, o.bytes, o.n);
}

static void floating_point(struct linux_core *c, struct eg_obj task)
{
    uint8_t bytes[LINUX_XSAVE_MOST], old[108];
    enum eg_why why;
    size_t len;

    if (eg_system_of(c->r)->arch->plain) {
        if (!linux_fpu_arm64(c->r, task, bytes, &why))
            return;
        if (c->compat) { // d0 to d31 are the first 16 of the others; then fpscr
            uint32_t status = eg_le32(bytes + 512) | eg_le32(bytes + 516);

            for (unsigned i = 0; i < 4; i++)
                bytes[256 + i] = (uint8_t)(status >> 8 * i);
            write_note(c, "LINUX", NT_ARM_VFP_, bytes, 260);
        } else {
            write_note(c, "CORE", NT_PRFPREG_, bytes, LINUX_ARM64_FPSIMD);
        }
        return;
    }
    len = linux_fpu_x86(c->r, task, bytes, &why);
    if (!len)
        return;
    if (c->compat) {
        linux_fpu_i387(bytes, old);
        write_note(c, "CORE", NT_PRFPREG_, old, sizeof old);
        write_note(c, "LINUX", NT_PRXFPREG_, bytes, LINUX_FXSAVE);
    } else {
        write_note(c, "CORE", NT_PRFPREG_, bytes, LINUX_FXSAVE);
    }
    if (len > LINUX_FXSAVE)
        write_note(c, "LINUX", NT_X86_XSTATE_, bytes, len);
}

/* What gdb takes from a return address before it looks it up: the bits that a signature uses. */
static void pointer_masks(struct linux_core *c, const struct linux_regs *regs)
{
    const struct eg_system *sys = eg_system_of(c->r);
    struct note o = { .w = 8 };
    uint64_t mask;

    if (!sys->arch->plain || c->compat)
        return;
    put(&o, regs->has_tls ? regs->tls : 0, 8);
    write_note(c, "LINUX", NT_ARM_TLS_, o.bytes, o.n);
    mask = ~sys->arch->plain(&sys->chosen->paging, ~(UINT64_C(1) << 55)) & ~(UINT64_C(1) << 55);
    o.n = 0;
    put(&o, mask & ~(UINT64_C(0xff) << 56), 8); // of data: the highest byte is ignored anyway
    put(&o, mask, 8);
    write_note(c, "LINUX", NT_ARM_PAC_MASK_, o.bytes, o.n);
}

/* ---- notes of the process ---- */

static void prpsinfo(struct linux_core *c, struct eg_obj task)
{
    enum { NAME = 16, ARGS = 80 };
    const char state = linux_task_state(c->r, task);
    struct note o = { .w = c->compat ? 4 : 8 };
    struct eg_obj cred = eg_at(task, task_struct.real_cred);
    const char *comm = eg_string(c->r, eg_at(task, task_struct.comm), NAME);
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len = 0;
    char *args = linux_command_line(c->r, task, &buf, &len, &missing);

    put(&o, state == 'R' ? 0 : state == 'S' ? 1 : state == 'D' ? 2 : state == 'T' ? 3 : 4, 1);
    put(&o, (uint8_t)state, 1);
    put(&o, state == 'Z', 1);
    put(&o, (uint64_t)(eg_get_or((int64_t)120, task, core_prio) - 120), 1);
    pad(&o, o.w);
    put(&o, eg_get_or((uint64_t)0, task, task_struct.flags), o.w);
    put(&o, eg_get_or((uint64_t)0, cred, cred_uid), o.w / 2);
    put(&o, eg_get_or((uint64_t)0, cred, cred_gid), o.w / 2);
    put_ids(&o, task, eg_get_or(0u, task, task_struct.tgid));
    for (size_t i = 0, n = comm ? strlen(comm) : 0; i < NAME; i++)
        put(&o, i < n ? (uint8_t)comm[i] : 0, 1);
    for (size_t i = 0; i < ARGS; i++)
        put(&o, !args || i >= len || i == ARGS - 1 ? 0 : args[i] ? (uint8_t)args[i] : ' ', 1);
    write_note(c, "CORE", NT_PRPSINFO_, o.bytes, o.n);
}

static void auxv(struct linux_core *c)
{
    enum { MOST = 64 };
    struct eg_obj at = eg_at(c->mm, core_saved_auxv);
    const unsigned pair = c->compat ? 8 : 16;
    uint8_t bytes[MOST * 16];
    size_t n = 0;

    if (at.why)
        return;
    while (n + pair <= EG_MIN((size_t)at.size, sizeof bytes)) {
        if (!eg_read(at.view, at.space, at.addr + n, bytes + n, pair))
            break;
        n += pair;
        if (eg_all_zero(bytes + n - pair, pair / 2)) // AT_NULL
            break;
    }
    if (n)
        write_note(c, "CORE", NT_AUXV_, bytes, n);
}

/* Which file is mapped where: a table, and behind it the names. */
static void files(struct linux_core *c)
{
    const unsigned w = c->compat ? 4 : 8, shift = linux_page_shift(c->r);
    struct note o = { .w = w };
    const off_t begin = ftello(c->f);
    uint64_t n = 0, len;
    off_t end;

    for (size_t i = 0; i < c->whole.n; i++)
        n += c->whole.at[i].file != 0;
    write_note(c, "CORE", NT_FILE_, NULL, 0);
    put(&o, n, w);
    put(&o, UINT64_C(1) << shift, w);
    for (size_t i = 0; i < c->whole.n; i++) {
        const struct linux_mapping *m = &c->whole.at[i];

        if (!m->file)
            continue;
        put(&o, m->first, w);
        put(&o, m->last + 1, w);
        put(&o, m->offset >> shift, w);
        fwrite(o.bytes, 1, o.n, c->f);
        o.n = 0;
    }
    fwrite(o.bytes, 1, o.n, c->f);
    for (size_t i = 0; i < c->whole.n; i++) {
        const struct linux_mapping *m = &c->whole.at[i];
        struct eg_cell name;

        if (!m->file)
            continue;
        name = linux_vma_name(c->r, c->mm, m->vma);
        if (name.tag == EG_CELL_TEXT)
            fwrite(name.bytes.p, 1, strnlen(name.bytes.p, name.bytes.len), c->f);
        fputc(0, c->f);
    }
    end = ftello(c->f);
    if (begin < 0 || end < 0)
        return;
    len = (uint64_t)(end - begin) - 20; // note header and "CORE"
    while ((ftello(c->f) - begin) % 4)
        fputc(0, c->f);
    end = ftello(c->f);
    o.n = 0;
    put(&o, len, 4);
    if (fseeko(c->f, begin + 4, SEEK_SET) == 0)
        fwrite(o.bytes, 1, o.n, c->f);
    fseeko(c->f, end, SEEK_SET);
}

static void thread(struct linux_core *c, struct eg_obj task, bool first)
{
    static const uint8_t no_signal[128] = { 0 };
    struct linux_regs regs;
    enum eg_why why = EG_OK;

    if (!linux_user_regs(c->r, task, &regs, &why)) {
        memset(&regs, 0, sizeof regs);
        c->n_without++;
    }
    prstatus(c, task, &regs);
    if (first) {
        prpsinfo(c, c->leader);
        write_note(c, "CORE", NT_SIGINFO_, no_signal, sizeof no_signal);
        auxv(c);
        files(c);
    }
    floating_point(c, task);
    pointer_masks(c, &regs);
}

bool linux_core_notes(struct linux_core *c)
{
    struct eg_obj task;
    bool first = true;

    linux_each_thread(c->r, c->leader, task) {
        uint64_t mm;

        // One that has ended has no registers, the leader among them; nor have those that the
        // kernel added to the process (io_uring's workers).
        if (!eg_get(&mm, task, task_struct.mm) || !mm || linux_task_has(task, PF_IO_WORKER))
            continue;
        thread(c, task, first);
        first = false;
    }
    return !ferror(c->f) && !first;
}
