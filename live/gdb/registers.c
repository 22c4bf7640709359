/* registers.c - registers of threads as a debugger numbers them: a description of them in XML, and
 * their values. What is not known is sent as x digits, which gdb shows as <unavailable>. */
#include "../../core/arch.h"
#include "../../plugins/linux/sched/task.h"
#include "../../plugins/linux/user/fpu.h"
#include "own.h"

enum { EM_X86_64_ = 62, EM_AARCH64_ = 183, EM_RISCV_ = 243 };

/* Where a value is: a place in eg_arch.registers, or one of these. */
enum { ORIG = 64, CS, SS, DS, ES, FS, GS, FS_BASE, GS_BASE, TLS, TAGS, FPU, MASK, MASK_HIGH, ZERO };

struct reg {
    char name[12];
    const char *type; // as the description has it
    uint16_t bits;    // as it is sent
    uint8_t from;
    uint8_t have; // FPU: bytes that are there
    uint16_t at;  // FPU: where in its area
};
struct gdb_layout {
    struct reg *regs;
    size_t n, cap;
    size_t n_usual; // the first of them: what gdb takes a processor to have that is not described
    struct linux_text xml;
};
/* ORDER kind_of */
enum kind { NATIVE, COMPAT };

/* ---- descriptions ---- */

static struct reg *put(struct gdb_layout *l, const char *type, unsigned bits, unsigned from,
                       const char *name)
{
    struct reg *new;

    l->regs = eg_grow(l->xml.r, l->regs, l->n, &l->cap, sizeof *l->regs);
    new = &l->regs[l->n++];
    *new = (struct reg){ .type = type, .bits = (uint16_t)bits, .from = (uint8_t)from };
    memcpy(new->name, name, EG_MIN(strlen(name), sizeof new->name - 1));
    linux_text_add(&l->xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>\n", new->name, bits,
                   type);
    return new;
}

static void put_numbered(struct gdb_layout *l, const char *type, unsigned bits, unsigned from,
                         const char *prefix, unsigned n, const char *suffix)
{
    char name[16];

    snprintf(name, sizeof name, "%s%u%s", prefix, n, suffix);
    put(l, type, bits, from, name);
}

/* Of the floating-point area: @have bytes at @at. */
static void put_fpu(struct gdb_layout *l, const char *type, unsigned bits, const char *name,
                    unsigned at, unsigned have)
{
    struct reg *new = put(l, type, bits, FPU, name);

    new->at = (uint16_t)at;
    new->have = (uint8_t)have;
}

static void put_fpu_numbered(struct gdb_layout *l, const char *type, unsigned bits,
                             const char *prefix, unsigned n, const char *suffix, unsigned at,
                             unsigned have)
{
    char name[16];

    snprintf(name, sizeof name, "%s%u%s", prefix, n, suffix);
    put_fpu(l, type, bits, name, at, have);
}

static void feature(struct gdb_layout *l, const char *name)
{
    linux_text_add(&l->xml, "<feature name=\"org.gnu.gdb.%s\">\n", name);
}

static void feature_end(struct gdb_layout *l)
{
    linux_text_add(&l->xml, "</feature>\n");
}

static const char eflags[] = "<flags id=\"i386_eflags\" size=\"4\">"
                             "<field name=\"CF\" start=\"0\" end=\"0\"/>"
                             "<field name=\"PF\" start=\"2\" end=\"2\"/>"
                             "<field name=\"AF\" start=\"4\" end=\"4\"/>"
                             "<field name=\"ZF\" start=\"6\" end=\"6\"/>"
                             "<field name=\"SF\" start=\"7\" end=\"7\"/>"
                             "<field name=\"TF\" start=\"8\" end=\"8\"/>"
                             "<field name=\"IF\" start=\"9\" end=\"9\"/>"
                             "<field name=\"DF\" start=\"10\" end=\"10\"/>"
                             "<field name=\"OF\" start=\"11\" end=\"11\"/>"
                             "</flags>\n";
static const char vec128[] = "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                             "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                             "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
                             "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
                             "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
                             "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
                             "<union id=\"vec128\">"
                             "<field name=\"v4_float\" type=\"v4f\"/>"
                             "<field name=\"v2_double\" type=\"v2d\"/>"
                             "<field name=\"v16_int8\" type=\"v16i8\"/>"
                             "<field name=\"v8_int16\" type=\"v8i16\"/>"
                             "<field name=\"v4_int32\" type=\"v4i32\"/>"
                             "<field name=\"v2_int64\" type=\"v2i64\"/>"
                             "<field name=\"uint128\" type=\"uint128\"/>"
                             "</union>\n";

/* The x87 and what SSE and AVX add, at their places in an XSAVE area (Intel SDM 1, 13.4). */
static void x87(struct gdb_layout *l)
{
    static const struct {
        const char *name;
        uint8_t at, have;
    } control[] = {
        { "fctrl", 0, 2 }, { "fstat", 2, 2 },  { "ftag", 0, 0 },   { "fiseg", 12, 2 },
        { "fioff", 8, 4 }, { "foseg", 20, 2 }, { "fooff", 16, 4 }, { "fop", 6, 2 },
    };

    for (unsigned i = 0; i < 8; i++)
        put_fpu_numbered(l, "i387_ext", 80, "st", i, "", 32 + 16 * i, 10);
    for (size_t i = 0; i < countof(control); i++) {
        put_fpu(l, "int", 32, control[i].name, control[i].at, control[i].have);
        if (!control[i].have)
            l->regs[l->n - 1].from = TAGS;
    }
}

static void vectors(struct gdb_layout *l, unsigned n)
{
    enum { XMM = 160, MXCSR = 24 };

    feature(l, "i386.sse");
    linux_text_add(&l->xml, "%s", vec128);
    for (unsigned i = 0; i < n; i++)
        put_fpu_numbered(l, "vec128", 128, "xmm", i, "", XMM + 16 * i, 16);
    put_fpu(l, "int", 32, "mxcsr", MXCSR, 4);
    feature_end(l);
}

static void upper_halves(struct gdb_layout *l, unsigned n)
{
    enum { YMM = 576 };

    l->n_usual = l->n;
    feature(l, "i386.avx");
    for (unsigned i = 0; i < n; i++)
        put_fpu_numbered(l, "uint128", 128, "ymm", i, "h", YMM + 16 * i, 16);
    feature_end(l);
}

static void x86(struct gdb_layout *l, enum kind kind)
{
    // Places in eg_arch.registers of x86-64: rax rbx rcx rdx rsi rdi rsp rbp r8… rip eflags.
    static const uint8_t first[] = { 0, 1, 2, 3, 4, 5, 7, 6 },
                         first32[] = { 0, 2, 3, 1, 6, 7, 4, 5 };
    static const char *const names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp" };
    static const char *const names32[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    static const char *const segments[] = { "cs", "ss", "ds", "es", "fs", "gs" };
    const bool wide = kind == NATIVE;
    const unsigned bits = wide ? 64 : 32;

    linux_text_add(&l->xml, "<architecture>%s</architecture>\n<osabi>GNU/Linux</osabi>\n",
                   wide ? "i386:x86-64" : "i386");
    feature(l, "i386.core");
    linux_text_add(&l->xml, "%s", eflags);
    for (unsigned i = 0; i < 8; i++) {
        const char *name = wide ? names[i] : names32[i];

        put(l,
            name[1] == 's' && name[2] == 'p' ? "data_ptr"
            : wide                           ? "int64"
                                             : "int32",
            bits, wide ? first[i] : first32[i], name);
    }
    for (unsigned i = 8; wide && i < 16; i++)
        put_numbered(l, "int64", 64, i, "r", i, "");
    put(l, "code_ptr", bits, 16, wide ? "rip" : "eip");
    put(l, "i386_eflags", 32, 17, "eflags");
    for (unsigned i = 0; i < countof(segments); i++)
        put(l, "int32", 32, CS + i, segments[i]);
    x87(l);
    feature_end(l);
    vectors(l, wide ? 16 : 8);
    feature(l, "i386.linux");
    put(l, "int", bits, ORIG, wide ? "orig_rax" : "orig_eax");
    feature_end(l);
    if (wide) {
        feature(l, "i386.segments");
        put(l, "int", 64, FS_BASE, "fs_base");
        put(l, "int", 64, GS_BASE, "gs_base");
        feature_end(l);
    }
    upper_halves(l, wide ? 16 : 8);
}

static const char aarch64v[] = "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
                               "<vector id=\"v2u\" type=\"uint64\" count=\"2\"/>"
                               "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
                               "<vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
                               "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/>"
                               "<vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
                               "<union id=\"aarch64v\">"
                               "<field name=\"d\" type=\"v2d\"/>"
                               "<field name=\"u\" type=\"v2u\"/>"
                               "<field name=\"f\" type=\"v4f\"/>"
                               "<field name=\"s\" type=\"v4u\"/>"
                               "<field name=\"h\" type=\"v8u\"/>"
                               "<field name=\"b\" type=\"v16u\"/>"
                               "<field name=\"q\" type=\"uint128\"/>"
                               "</union>\n";

/* The masks say which bits of an address may be a signature: of programs, and since gdb 14 of the
 * kernel. */
static void aarch64(struct gdb_layout *l, bool kernel)
{
    enum { SP = 31, PC = 32, PSTATE = 33 };

    linux_text_add(&l->xml, "<architecture>aarch64</architecture>\n<osabi>GNU/Linux</osabi>\n");
    feature(l, "aarch64.core");
    for (unsigned i = 0; i < SP; i++)
        put_numbered(l, "int", 64, i, "x", i, "");
    put(l, "data_ptr", 64, SP, "sp");
    put(l, "code_ptr", 64, PC, "pc");
    put(l, "int", 32, PSTATE, "cpsr");
    feature_end(l);
    feature(l, "aarch64.fpu");
    linux_text_add(&l->xml, "%s", aarch64v);
    for (unsigned i = 0; i < 32; i++)
        put_fpu_numbered(l, "aarch64v", 128, "v", i, "", 16 * i, 16);
    put_fpu(l, "int", 32, "fpsr", 512, 4);
    put_fpu(l, "int", 32, "fpcr", 516, 4);
    feature_end(l);
    feature(l, "aarch64.pauth");
    put(l, "int", 64, MASK, "pauth_dmask");
    put(l, "int", 64, MASK, "pauth_cmask");
    if (kernel) {
        put(l, "int", 64, MASK_HIGH, "pauth_dmask_high");
        put(l, "int", 64, MASK_HIGH, "pauth_cmask_high");
    }
    feature_end(l);
    feature(l, "aarch64.tls");
    put(l, "data_ptr", 64, TLS, "tpidr");
    feature_end(l);
}

static void arm(struct gdb_layout *l)
{
    linux_text_add(&l->xml, "<architecture>arm</architecture>\n<osabi>GNU/Linux</osabi>\n");
    feature(l, "arm.core");
    for (unsigned i = 0; i <= 12; i++)
        put_numbered(l, "uint32", 32, i, "r", i, "");
    put(l, "data_ptr", 32, 13, "sp");
    put(l, "int", 32, 14, "lr");
    put(l, "code_ptr", 32, 32, "pc");
    put(l, "int", 32, 33, "cpsr");
    feature_end(l);
}

static void riscv(struct gdb_layout *l, const struct eg_arch *arch)
{
    linux_text_add(&l->xml, "<architecture>riscv:rv64</architecture>\n<osabi>GNU/Linux</osabi>\n");
    feature(l, "riscv.cpu");
    put(l, "int", 64, ZERO, "zero");
    for (unsigned i = 1; i < 32 && arch->registers[i]; i++)
        put(l, i == 2 ? "data_ptr" : "int", 64, i, arch->registers[i]);
    put(l, "code_ptr", 64, 0, "pc");
    feature_end(l);
}

/* Of the inferior that is chosen. */
static const struct gdb_layout *layout(struct gdb *g)
{
    const struct eg_arch *arch = eg_system_of(g->r)->arch;
    const bool process = gdb_in_process(g);
    const struct gdb_process *p = process ? gdb_process_find(g, g->pid) : NULL;
    const enum kind kind = p && p->compat ? COMPAT : NATIVE;
    const unsigned which = 2 * process + kind;
    struct gdb_layout *l;

    if (g->layouts[which])
        return g->layouts[which];
    l = eg_tmp(g->r, sizeof *l);
    l->xml.r = g->r;
    linux_text_add(&l->xml, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                            "<target version=\"1.0\">\n");
    if (arch->elf_machine == EM_X86_64_)
        x86(l, kind);
    else if (arch->elf_machine == EM_AARCH64_ && kind == COMPAT)
        arm(l);
    else if (arch->elf_machine == EM_AARCH64_)
        aarch64(l, !process);
    else if (arch->elf_machine == EM_RISCV_)
        riscv(l, arch);
    linux_text_add(&l->xml, "</target>\n");
    if (!l->n_usual)
        l->n_usual = l->n;
    return g->layouts[which] = l;
}

const uint8_t *gdb_target_xml(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    const struct gdb_layout *l = layout(g);

    if (strcmp(annex, "target.xml") != 0 || !l->n) {
        *error = "there is only target.xml";
        return NULL;
    }
    for (struct gdb_process *p = g->processes; p; p = p->next)
        p->described |= p->pid == g->pid;
    *len = l->xml.n;
    return (const uint8_t *)linux_text_of(&l->xml);
}

/* ---- values ---- */

const struct linux_regs *gdb_registers(struct gdb *g, struct gdb_thread *t, bool user)
{
    const struct linux_regs **kept = user ? &t->user : &t->kernel;
    uint8_t *why = user ? &t->why_user : &t->why_kernel;
    struct linux_regs found;
    enum eg_why reason = EG_OK;

    if (*kept || *why)
        return *kept;
    if (user ? linux_user_regs(g->r, t->task, &found, &reason)
             : linux_kernel_regs(g->r, t->task, &found, &reason)) {
        struct linux_regs *copy = eg_tmp(g->r, sizeof *copy);

        *copy = found;
        *kept = copy;
    } else {
        *why = reason ? (uint8_t)reason : EG_UNREADABLE;
    }
    return *kept;
}

struct values {
    struct gdb *g;
    struct gdb_thread *t;
    const struct linux_regs *regs; // NULL: none are known
    bool user;
    bool fpu_sought;
    size_t fpu_len; // 0: not known
    uint8_t fpu[LINUX_XSAVE_MOST];
};

/* What the kernel saved when it took the processor from the thread: of one that runs it is old. */
static void find_fpu(struct values *v)
{
    enum eg_why why;

    v->fpu_sought = true;
    if (!v->user || !v->regs || linux_task_runs(v->g->r, v->t->task))
        return;
    if (eg_system_of(v->g->r)->arch->elf_machine == EM_X86_64_)
        v->fpu_len = linux_fpu_x86(v->g->r, v->t->task, v->fpu, &why);
    else if (eg_system_of(v->g->r)->arch->elf_machine == EM_AARCH64_ &&
             linux_fpu_arm64(v->g->r, v->t->task, v->fpu, &why))
        v->fpu_len = LINUX_ARM64_FPSIMD;
}

uint64_t gdb_address_mask(const struct gdb *g, bool high)
{
    const struct eg_system *sys = eg_system_of(g->r);
    const uint64_t bit = UINT64_C(1) << 55;

    if (!sys->arch->plain)
        return 0;
    return high ? sys->arch->plain(&sys->chosen->paging, bit) & ~bit
                : ~sys->arch->plain(&sys->chosen->paging, ~bit) & ~bit;
}

/* @return false: it is not known. */
static bool number(struct values *v, const struct reg *reg, uint64_t *out)
{
    const struct linux_regs *regs = v->regs;
    const uint64_t segments[] = { regs->x86.cs, regs->x86.ss, regs->x86.ds,
                                  regs->x86.es, regs->x86.fs, regs->x86.gs };

    if (reg->from < countof(regs->value)) {
        *out = regs->value[reg->from];
        return regs->known >> reg->from & 1;
    }
    switch (reg->from) {
    case ORIG:
        *out = (uint64_t)regs->syscall;
        return v->user && regs->has_syscall;
    case CS:
    case SS:
    case DS:
    case ES:
    case FS:
    case GS: // all of them are known, or none: CS is never 0
        *out = segments[reg->from - CS];
        return v->user && regs->x86.cs;
    case FS_BASE:
    case TLS:
        *out = regs->tls;
        return v->user && regs->has_tls;
    case GS_BASE:
        *out = regs->x86.gs_base;
        return v->user && regs->x86.cs;
    case MASK:
    case MASK_HIGH:
        *out = gdb_address_mask(v->g, reg->from == MASK_HIGH);
        return true;
    case ZERO:
        *out = 0;
        return true;
    default:
        return false;
    }
}

static bool floating(struct values *v, const struct reg *reg, uint8_t *out)
{
    uint8_t old[108];

    if (!v->fpu_sought)
        find_fpu(v);
    if (v->fpu_len && reg->from == TAGS) {
        linux_fpu_i387(v->fpu, old);
        memcpy(out, old + 8, 2);
        return true;
    }
    if (!v->fpu_len || reg->at + reg->have > v->fpu_len)
        return false;
    memcpy(out, v->fpu + reg->at, reg->have);
    return true;
}

/* @return whether it is known. */
static bool put_value(struct values *v, const struct reg *reg)
{
    static const char unknown[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    struct rsp_out *o = &v->g->out;
    const size_t len = reg->bits / 8;
    uint8_t bytes[16] = { 0 };
    uint64_t value;
    bool known = false;

    if (v->regs && (reg->from == FPU || reg->from == TAGS)) {
        known = floating(v, reg, bytes);
    } else if (v->regs && (known = number(v, reg, &value))) {
        for (size_t i = 0; i < sizeof value; i++)
            bytes[i] = (uint8_t)(value >> 8 * i);
    }
    if (known)
        rsp_hex(o, bytes, len);
    else
        rsp_bytes(o, unknown, 2 * len);
    return known;
}

/* "g", "p1f"; lldb adds ";thread:1f;". */
static bool suffix(struct gdb *g, struct gdb_words *w)
{
    uint32_t pid, tid;

    if (!gdb_word(w, ";thread:"))
        return true;
    return gdb_ids(g, w, &pid, &tid) && gdb_choose(g, pid, tid);
}

/* Of inferiors that gdb found in the list of threads it never asks what registers they have (13 to
 * 16, remote_add_inferior), and refuses more than it takes them to have. */
static bool described(struct gdb *g)
{
    const struct gdb_process *p = gdb_in_process(g) ? gdb_process_find(g, g->pid) : NULL;

    return !p || p->described;
}

static bool register_packet(struct gdb *g, struct gdb_words *w)
{
    const bool all = *w->at == 'g', one = *w->at == 'p';
    const struct gdb_layout *l;
    struct values v;
    bool known = false;
    uint64_t n = 0;
    size_t before, end;

    if ((!all && !one) || w->at++ == w->end)
        return false;
    if (one && !rsp_number(&w->at, w->end, &n)) {
        gdb_error(g, 1, "p: no number of a register");
        return true;
    }
    if (!suffix(g, w) || !gdb_current(g) || !gdb_sees(g, g->pid)) {
        gdb_error(g, 1, "no such thread");
        return true;
    }
    l = layout(g);
    if (one && n >= l->n) {
        gdb_error(g, 1, "there is no register %u", (unsigned)EG_MIN(n, 9999u));
        return true;
    }
    v.g = g;
    v.t = gdb_current(g);
    v.user = gdb_in_process(g);
    v.regs = gdb_registers(g, v.t, v.user);
    v.fpu_sought = false;
    v.fpu_len = 0;
    end = one ? n + 1 : described(g) ? l->n : l->n_usual;
    before = g->out.at.n;
    rsp_begin(&g->out);
    for (size_t i = one ? n : 0; i < end; i++)
        known = put_value(&v, &l->regs[i]);
    rsp_end(&g->out);
    // lldb would read x as a digit; but by the first p0 it only learns whether there is a p.
    if (one && !known && g->lldb && (n || g->tried_p)) {
        g->out.at.n = before;
        gdb_error(g, 1, "not known");
    }
    g->tried_p |= one;
    return true;
}

/* A thread that a packet itself names is not chosen by it. */
bool gdb_register_packet(struct gdb *g, struct gdb_words *w)
{
    const uint32_t pid = g->pid, tid = g->tid;
    const bool mine = register_packet(g, w);

    g->pid = pid;
    g->tid = tid;
    return mine;
}
