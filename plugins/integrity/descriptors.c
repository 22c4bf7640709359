/* descriptors - segments and task states of the processors (Intel SDM volume 3, "Segment
 * Descriptors", "TSS Descriptor in 64-bit mode"; arch/x86/include/asm/desc_defs.h, segment.h,
 * cpu_entry_area.h). */
#include "../../core/image.h"
#include "../../core/system.h"
#include "../linux/kernel/percpu.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(x86_hw_tss, sp0, ist, io_bitmap_base);
EG_FIELD_AS(entry_area_tss, cpu_entry_area, "tss");
EG_TYPE(cpu_entry_area);
EG_SYMBOL(gdt_page, "char");
EG_SYMBOL(cpu_tss_rw, "x86_hw_tss");

#define COLUMNS(C)                                                                                 \
    C(CPU, INT, "the processor")                                                                   \
    C(KIND, TEXT, "gdt or ldt: a descriptor; stack: one that the task state segment has")          \
    C(INDEX, INT, "which one")                                                                     \
    C(NAME, TEXT, "what Linux has there")                                                          \
    C(TYPE, TEXT, "code, data, task state, local table, call gate …")                              \
    C(DPL, INT, "the least privilege that may use it: 3: programs")                                \
    C(BASE, ADDR, "where the segment begins; of a gate what it calls; the top of a stack")         \
    C(LIMIT, INT, "the last offset in the segment", EG_MINOR)                                      \
    C(HINTS, TEXT, "what is odd about it")
EG_COLUMNS(COLUMNS);

enum {
    ENTRIES = 16,
    PAGE = 4096,
    ENTRY = 8,
    TSS = 8,
    LDT = 10,
    TLS_FIRST = 12,
    TLS_LAST = 14,
    LDT_MAX = 8192,
    STACKS = 7,
    TSS_AVAILABLE = 9,
    TSS_BUSY = 11,
};

/* arch/x86/include/asm/segment.h */
static const char *const names[ENTRIES] = {
    [1] = "kernel, 32-bit code", [2] = "kernel, code",
    [3] = "kernel, data",        [4] = "programs, 32-bit",
    [5] = "programs, data",      [6] = "programs, code",
    [TSS] = "task state",        [LDT] = "local table",
    [TLS_FIRST] = "TLS 1",       [13] = "TLS 2",
    [TLS_LAST] = "TLS 3",        [15] = "CPU number",
};

/** A descriptor; @wide: of 16 bytes. */
struct descriptor {
    uint64_t base, limit;
    unsigned type, dpl;
    bool present, system, wide;
};

struct state {
    struct eg_run *r;
    unsigned cpu;
    uint64_t tss, area, area_size; /**< the entry area of this CPU; size 0: not known */
};

static struct descriptor decode(const uint8_t *p, bool has_next)
{
    struct descriptor d = {
        .type = p[5] & 15, .dpl = p[5] >> 5 & 3, .present = p[5] & 0x80, .system = !(p[5] & 0x10)
    };

    d.base = (uint64_t)eg_le16(p + 2) | (uint64_t)p[4] << 16 | (uint64_t)p[7] << 24;
    d.limit = eg_le16(p) | (uint64_t)(p[6] & 15) << 16;
    if (p[6] & 0x80)
        d.limit = d.limit << 12 | 0xfff;
    d.wide = d.present && d.system && has_next;
    if (d.wide && d.type == 12) { // a gate has an offset, and a selector before it
        d.base = eg_le16(p) | (uint64_t)eg_le16(p + 6) << 16;
        d.limit = 0;
    }
    if (d.wide)
        d.base |= (uint64_t)eg_le32(p + 8) << 32;
    return d;
}

static const char *type_name(const struct descriptor *d)
{
    static const char *const systems[16] = {
        [2] = "local table",     [9] = "task state", [11] = "task state", [12] = "call gate",
        [14] = "interrupt gate", [15] = "trap gate", [5] = "task gate"
    };

    if (!d->present)
        return "absent";
    if (!d->system)
        return d->type & 8 ? "code" : "data";
    return systems[d->type] ? systems[d->type] : "reserved";
}

static bool same_place(struct eg_run *r, uint64_t a, uint64_t b)
{
    struct eg_view *v = eg_view_of(r);
    uint64_t x, y;

    return eg_translate(v, eg_kernel(r), a, eg_physical(r), &x) &&
           eg_translate(v, eg_kernel(r), b, eg_physical(r), &y) && x == y;
}

/** What is odd about a descriptor of the global table at this index; NULL: nothing. */
static const char *index_hint(struct state *s, unsigned i, const struct descriptor *d)
{
    struct eg_obj own = linux_percpu(s->r, eg_sym(s->r, cpu_tss_rw), s->cpu);

    if (i >= ENTRIES || !names[i])
        return "Linux has nothing there";
    if (i == TSS && (!d->system || (d->type != TSS_AVAILABLE && d->type != TSS_BUSY)))
        return "not a task state segment";
    if (i == TSS)
        return !own.why && !same_place(s->r, d->base, own.addr)
                   ? "another task state segment than the CPU's"
                   : NULL;
    if (i == LDT)
        return !d->system || d->type != 2 ? "not a local table" : NULL;
    if (d->system)
        return eg_strf(s->r, "a %s", type_name(d));
    if (i >= TLS_FIRST && i <= TLS_LAST)
        return d->type & 8 ? "a code segment that Linux lets no program have" : NULL;
    if (i < TSS && d->base)
        return "a base that is not 0";
    return i >= 1 && i <= 3 && d->dpl ? "programs may use the kernel's segment" : NULL;
}

static void row(struct state *s, const char *kind, unsigned i, const char *name,
                const struct descriptor *d, const char *hints)
{
    eg_row(s->r, .CPU = eg_uint(s->cpu), .KIND = eg_text(kind), .INDEX = eg_uint(i),
           .NAME = eg_text(name), .TYPE = eg_text(type_name(d)), .DPL = eg_uint(d->dpl),
           .BASE = eg_uint(d->base), .LIMIT = eg_uint(d->limit), .HINTS = eg_text(hints));
}

/** A local table has segments of one program (modify_ldt), and no gates. */
static void local_table(struct state *s, const struct descriptor *ldt)
{
    const uint64_t n = EG_MIN((ldt->limit + 1) / ENTRY, (uint64_t)LDT_MAX);

    for (uint64_t i = 0; i < n && !eg_stopped(s->r); i++) {
        const uint8_t *p =
            eg_bytes(eg_view_of(s->r), eg_kernel(s->r), ldt->base + ENTRY * i, ENTRY);
        const char *hints = NULL;
        struct descriptor d;

        if (!p) {
            eg_note(s->r, "CPU %u: the local table at %#" PRIx64 " cannot be read", s->cpu,
                    ldt->base);
            return;
        }
        if (!eg_le64(p))
            continue;
        d = decode(p, false);
        if (d.present && d.system)
            hints = eg_strf(s->r, "a %s", type_name(&d));
        else if (d.present && d.dpl != 3)
            hints = "a segment of the kernel";
        row(s, "ldt", (unsigned)i, NULL, &d, hints);
    }
}

static void global_table(struct state *s, uint64_t at)
{
    uint8_t page[PAGE];

    if (!eg_read(eg_view_of(s->r), eg_kernel(s->r), at, page, sizeof page)) {
        eg_note(s->r, "CPU %u: the descriptors at %#" PRIx64 " cannot be read", s->cpu, at);
        return;
    }
    for (unsigned i = 0; i < PAGE / ENTRY; i++) {
        const uint8_t *p = page + ENTRY * i;
        const char *hints = NULL;
        struct descriptor d;

        if (!eg_le64(p))
            continue;
        d = decode(p, i + 1 < PAGE / ENTRY);
        if (d.present)
            hints = linux_hints(s->r, index_hint(s, i, &d),
                                d.system && d.dpl ? "programs may use it" : NULL);
        if (i == TSS && d.present)
            s->tss = d.base;
        row(s, "gdt", i, i < ENTRIES ? names[i] : NULL, &d, hints);
        if (i == LDT && d.present && d.type == 2)
            local_table(s, &d);
        i += d.wide;
    }
}

static void stack(struct state *s, unsigned i, const char *name, struct eg_obj at)
{
    uint64_t sp;
    const bool known = eg_load(&sp, at);
    const bool outside = known && s->area_size && sp - s->area > s->area_size;

    if (known && !sp)
        return;
    eg_row(s->r, .CPU = eg_uint(s->cpu), .KIND = eg_text("stack"), .INDEX = eg_uint(i),
           .NAME = eg_text(name), .BASE = eg_cell_of(at),
           .HINTS = eg_text(outside ? "outside of the CPU's entry area" : NULL));
}

/** Where the processor changes to when it enters the kernel. */
static void stacks(struct state *s)
{
    struct eg_obj tss = linux_percpu(s->r, eg_sym(s->r, cpu_tss_rw), s->cpu),
                  ist = eg_at(tss, x86_hw_tss.ist);
    const uint64_t size = eg_size(s->r, cpu_entry_area);

    if (tss.why) {
        eg_note(s->r, "cpu_tss_rw: where CPU %u has it is not known: its stacks are not looked at",
                s->cpu);
        return;
    }
    if (s->tss && size && eg_has(s->r, entry_area_tss)) {
        s->area = s->tss - eg_offset(s->r, entry_area_tss);
        s->area_size = size;
    }
    stack(s, 0, "sp0", eg_at(tss, x86_hw_tss.sp0));
    for (unsigned i = 0; i < STACKS; i++)
        stack(s, i + 1, eg_strf(s->r, "IST %u", i + 1), eg_index(ist, i));
}

/** What the processors themselves have, where the dump says. */
static void processors(struct eg_run *r)
{
    const struct eg_image *img = eg_system_of(r)->image;
    struct eg_obj own;
    size_t known = 0;

    for (size_t i = 0; i < img->cpus.n; i++) {
        const struct eg_cpu *cpu = &img->cpus.at[i];
        bool gdt = false, tss = false;

        if (!(cpu->x86_known & 1 << EG_X86_GDT))
            continue;
        known++;
        linux_each_percpu(r, eg_sym(r, gdt_page), own)
        {
            gdt |= !own.why && same_place(r, cpu->x86[EG_X86_GDT], own.addr);
        }
        linux_each_percpu(r, eg_sym(r, cpu_tss_rw), own)
        {
            tss |= !own.why && same_place(r, cpu->x86[EG_X86_TSS], own.addr);
        }
        eg_row(r, .CPU = eg_uint(i), .KIND = eg_text("register"), .NAME = eg_text("GDTR"),
               .BASE = eg_uint(cpu->x86[EG_X86_GDT]), .LIMIT = eg_uint(cpu->x86[EG_X86_GDT_LIMIT]),
               .HINTS = eg_text(gdt ? NULL : "the processor has another table than gdt_page"));
        eg_row(r, .CPU = eg_uint(i), .KIND = eg_text("register"), .NAME = eg_text("TR"),
               .BASE = eg_uint(cpu->x86[EG_X86_TSS]),
               .HINTS = eg_text(
                   tss ? NULL : "the processor has another task state segment than the CPU's"));
    }
    if (!known)
        eg_note(r, "the dump has no registers that say which tables the processors have: those "
                   "that the kernel gives them are shown");
}

static int run(struct eg_run *r)
{
    struct state s = { .r = r };
    unsigned cpu = ~0u;

    if (strcmp(eg_system_of(r)->arch->name, "x86_64") != 0) {
        eg_note(r, "this processor has no such tables: they are of x86 only");
        return 0;
    }
    while (linux_next_cpu(r, &cpu)) {
        struct eg_obj gdt = linux_percpu(r, eg_sym(r, gdt_page), cpu);

        s = (struct state){ .r = r, .cpu = cpu };
        if (gdt.why)
            eg_note(r, "gdt_page: where CPU %u has it is not known", cpu);
        else
            global_table(&s, gdt.addr);
        stacks(&s);
    }
    processors(r);
    return 0;
}

EG_PLUGIN(descriptors) = {
    .os = "linux",
    .help = "List segments, local tables and the task states' stacks of the processors",
    .manual =
        "HINTS has something where a descriptor is a call gate or another that Linux does not "
        "make, lets programs use what is the kernel's, or stands where Linux has nothing; where "
        "the task state segment is not the CPU's own; and where a stack that the processor "
        "changes to lies outside of the CPU's entry area. Registers are shown of dumps that have "
        "them (ELF files and migration streams of QEMU). Local tables are shown of the processes "
        "that run: other processes' are not. Not seen: changes that were undone before the dump "
        "was taken.",
    .looks_for = EG_NAMES("gates that programs may call"),
    .columns = columns,
    .run = run,
};
