/* x86_64.c - x86-64 page tables of 4 and 5 levels (Intel SDM volume 3, chapter 4; AMD64 manual
 * volume 2, chapter 5), and what Linux leaves in the entries that the processor ignores
 * (arch/x86/include/asm/pgtable_64.h, include/linux/swap.h). */
#include "../arch.h"
#include <stdlib.h>

#define ADDRESS UINT64_C(0x000ffffffffff000) // MAXPHYADDR is at most 52

enum { P = 1, RW = 2, US = 4, A = 32, D = 64, PS = 128, G = 256, SPECIAL = 512 };
#define NX (UINT64_C(1) << 63)
// Linux since 6.6 keeps D of a page that it protects from writing here, for a page that is D and
// not RW is of a shadow stack (_PAGE_SAVED_DIRTY). Before, the bit meant a device's memory (DAX).
#define SAVED_DIRTY (UINT64_C(1) << 58)

struct x86 {
    struct eg_space as;
    struct eg_space *phys;
    uint64_t root, address; // address bits of an entry
    int levels;
};

/** A decoded entry: a hole (why), a page (leaf) or the next table. */
struct entry {
    uint64_t addr;
    uint16_t flags;
    uint8_t why;
    bool leaf;
};

/* A user page that is not present, as Linux stores it since 4.19 (commit 6b28baca9b1f, also in
 * stable trees):
 *
 *   63 type 59 | 58 ~offset 9 | 8 7: 0 | software bits, soft dirty, ... | 0: not present
 *
 * Before, the offset was not inverted, and places differed from release to release. The offset is a
 * device's page, or a frame number and two bits (migration, since 6.1): at most 42 bits, so bits
 * 52..58 tell. Of older entries nothing more is said than that the page is elsewhere. */
static uint8_t swap_kind(uint64_t e)
{
    if ((e >> 52 & 0x7f) != 0x7f)
        return EG_SWAPPED;
    return eg_swap_kind(e >> 59, (~e & ((UINT64_C(1) << 59) - 1)) >> 9);
}

static bool swap(uint64_t e, unsigned form, struct eg_swap_slot *out)
{
    *out = (struct eg_swap_slot){ (uint32_t)(e >> 59), (~e & ((UINT64_C(1) << 59) - 1)) >> 9 };
    return form == 0;
}

/** @level 0 is the last; @above are the flags that all levels above allow. */
static struct entry decode(const struct x86 *x, uint64_t e, int level, uint16_t above, bool kernel)
{
    const uint64_t page_mask = ~((UINT64_C(1) << (12 + 9 * level)) - 1);
    struct entry r = { .leaf = level == 0 || (level <= 2 && e & PS) };

    if (!(e & P)) {
        // A page that the program may not touch (PROT_NONE, NUMA hinting), or one whose large page
        // is just being split. Since 4.19 its address is stored inverted, which sets the high bits,
        // so that no page is there (a mitigation of L1TF).
        if (!kernel && level <= 2 && (level ? e & PS : e & G)) {
            r.addr = (e >> 51 & 1 ? ~e : e) & x->address & page_mask;
            r.flags = EG_X_PROT_NONE;
        } else {
            r.why = e && !kernel && level <= 2 ? swap_kind(e) : EG_NOT_PRESENT;
            return r;
        }
    } else {
        r.addr = e & x->address & (r.leaf ? page_mask : UINT64_MAX);
        r.flags = (uint16_t)((e & RW ? EG_X_WRITE : 0) | (e & US ? EG_X_USER : 0) |
                             (e & NX ? 0 : EG_X_EXEC)) &
                  above;
        if (r.leaf && e & G)
            r.flags |= EG_X_GLOBAL;
    }
    if (r.leaf)
        r.flags |= (e & A ? EG_X_ACCESSED : 0) |
                   (e & D || (!kernel && !(e & RW) && e & SAVED_DIRTY) ? EG_X_DIRTY : 0) |
                   (!kernel && e & SPECIAL ? EG_X_SPECIAL : 0);
    return r;
}

/** How many entries of @table, from @index and below @end, continue the first one (@e, decoded to
 * @r). */
static uint64_t run_length(const struct x86 *x, const uint8_t *table, uint64_t index, uint64_t end,
                           uint64_t e, struct entry r, int level, uint16_t above, bool kernel)
{
    const uint64_t size = UINT64_C(1) << (12 + 9 * level);
    uint64_t n = 1;

    if (r.why && e) // each entry is different: do not join them
        return 1;
    for (; index + n < end; n++) {
        const uint64_t next = eg_le64(table + 8 * (index + n));
        struct entry s;

        if (r.why) {
            if (next)
                break;
            continue;
        }
        s = decode(x, next, level, above, kernel);
        if (s.why || !s.leaf || s.flags != r.flags || s.addr != r.addr + n * size)
            break;
    }
    return n;
}

/** The whole table at @at in our memory; NULL: some of it is missing. */
static const uint8_t *table_at(struct eg_view *v, const struct x86 *x, uint64_t at)
{
    const uint8_t *p;

    return eg_bytes(v, x->phys, at, 8) && eg_tlb_hit_(v, x->phys, at, 8, &p)
               ? p - (at & (EG_VIEW_PAGE - 1))
               : NULL;
}

/** An unreadable entry: a hole as large as the missing part of the table maps. */
static void table_missing(struct eg_view *v, const struct x86 *x, uint64_t at, uint64_t n,
                          int shift, struct eg_extent *out)
{
    struct eg_extent hole;

    eg_extent_at(v, x->phys, at, &hole);
    out->why = EG_TABLE_MISSING;
    n = hole.why ? EG_MIN(n, (hole.last - at) / 8 + 1) : 1;
    out->last = out->start + (n << shift) - 1;
}

/** Remember the table that was used last: its other entries need no walk. */
static void remember(struct eg_view *v, struct eg_space *as, uint64_t va, int level, uint64_t table,
                     const uint8_t *host, uint16_t above)
{
    const uint64_t covers = (UINT64_C(1) << (21 + 9 * level)) - 1;

    v->walked.space = as;
    v->walked.host = host;
    v->walked.first = va & ~covers;
    v->walked.last = va | covers;
    v->walked.table = table;
    v->walked.level = (uint8_t)level;
    v->walked.above = above;
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t va, struct eg_extent *out)
{
    const struct x86 *x = as->priv;
    const uint64_t half = UINT64_C(1) << (9 * x->levels + 11);
    const bool kernel = va >> 63;
    bool again = v->walked.space == as && va >= v->walked.first && va <= v->walked.last;
    uint16_t above = again ? v->walked.above : EG_X_WRITE | EG_X_USER | EG_X_EXEC;
    uint64_t table = again ? v->walked.table : x->root;

    if (va >= half && va < -half) {
        *out = (struct eg_extent){ .start = half, .last = -half - 1, .why = EG_NOT_CANONICAL };
        return;
    }
    for (int level = again ? v->walked.level : x->levels - 1;; level--, again = false) {
        const int shift = 12 + 9 * level;
        const uint64_t index = va >> shift & 511, at = table + 8 * index;
        const uint64_t end = level == x->levels - 1 && index < 256 ? 256 : 512;
        const uint8_t *host = again ? v->walked.host : table_at(v, x, table);
        struct entry r;
        uint64_t e, n = 1;

        *out = (struct eg_extent){ .start = va >> shift << shift,
                                   .level = (uint8_t)level,
                                   .entry_addr = at };
        if (host) {
            e = eg_le64(host + 8 * index);
        } else if (!eg_read_u64(v, x->phys, at, false, &e)) {
            table_missing(v, x, at, end - index, shift, out);
            return;
        }
        r = decode(x, e, level, above, kernel);
        if (r.why || r.leaf) {
            if (host && level < x->levels - 1)
                remember(v, as, va, level, table, host, above);
            if (host && !v->brief)
                n = run_length(x, host, index, end, e, r, level, above, kernel);
            out->last = out->start + (n << shift) - 1;
            out->entry = e;
            out->why = r.why;
            out->flags = r.flags;
            out->below = r.why ? NULL : x->phys;
            out->below_addr = r.why ? 0 : r.addr;
            return;
        }
        above = r.flags;
        table = r.addr;
    }
}

static unsigned steps(struct eg_view *v, struct eg_space *as, uint64_t va,
                      struct eg_table_step *out, unsigned max)
{
    const struct x86 *x = as->priv;
    uint64_t table = x->root;
    unsigned n = 0;

    for (int level = x->levels - 1; level >= 0 && n < max; level--) {
        struct eg_table_step *s = &out[n++];

        *s = (struct eg_table_step){ .addr = table + 8 * (va >> (12 + 9 * level) & 511),
                                     .level = (uint8_t)level,
                                     .shift = (uint8_t)(12 + 9 * level) };
        if (!eg_read_u64(v, x->phys, s->addr, false, &s->entry))
            s->why = v->why;
        if (!(s->entry & P) || (level <= 2 && s->entry & PS))
            break;
        table = s->entry & x->address;
    }
    return n;
}

static const struct eg_space_ops ops = { .name = "x86_64", .extent = extent, .steps = steps };

static int open_(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                 const struct eg_paging *p, struct eg_error *e)
{
    struct x86 *x;

    if (p->levels != 4 && p->levels != 5)
        return eg_fail(e, EG_EUSAGE, "x86_64: page tables have 4 or 5 levels, not %u", p->levels);
    x = a ? eg_arena_new(a, struct x86) : calloc(1, sizeof *x);
    if (!x)
        return eg_fail(e, EG_ENOMEM, "x86_64: out of memory for an address space");
    *x = (struct x86){ .as = { .ops = &ops, .below = phys, .last = UINT64_MAX, .priv = x },
                       .phys = phys,
                       .root = p->root & ADDRESS & ~p->enc_mask,
                       .address = ADDRESS & ~p->enc_mask,
                       .levels = p->levels };
    *out = &x->as;
    return 0;
}

static const char *const registers[] = { "rax", "rbx", "rcx", "rdx",    "rsi", "rdi", "rsp",
                                         "rbp", "r8",  "r9",  "r10",    "r11", "r12", "r13",
                                         "r14", "r15", "rip", "rflags", NULL };

/* Linux, struct user_regs_struct: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs
 * flags sp; Xen, struct cpu_user_regs, has an error code and vector for orig_ax. */
static const uint8_t linux_order[] = {
    10, 5, 11, 12, 13, 14, 19, 4, 9, 8, 7, 6, 3, 2, 1, 0, 16, 18
};
/* Their numbers in instructions: ax cx dx bx sp bp si di r8..r15; then ip and flags. */
static const uint8_t code_order[] = {
    0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
};
/* ax cx dx bx bp sp si di r8..r15 */
static const uint8_t vmware_order[] = { 0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };
/* ax bx cx dx si di r8..r15 ip sp bp flags */
static const uint8_t vbox_note_order[] = { 0, 1, 2, 3,  4,  5,  15, 16, 6,
                                           7, 8, 9, 10, 11, 12, 13, 14, 17 };
/* di si bp ax bx dx cx sp flags ip r8..r15 */
static const uint8_t vbox_state_order[] = { 3,  4,  6,  5,  1,  0,  7,  2, 10,
                                            11, 12, 13, 14, 15, 16, 17, 9, 8 };

enum {
    CR0_PE = 1,
    // struct vcpu_guest_context (xen/include/public/arch-x86/xen.h)
    XEN_REGS = 520,
    XEN_CR3 = 5008,
    XEN_GS_KERNEL = 5152,
    XEN_LEN = 5168,
    // QEMUCPUState (target/i386/arch_dump.c): u32 version, u32 size, 18 registers, 10 segments of
    // 24 bytes with the base at 16, 5 control registers, the kernel's GS base
    QEMU_GS = 8 + 18 * 8 + 4 * 24 + 16,
    QEMU_TSS = 8 + 18 * 8 + 7 * 24,
    QEMU_GDT = QEMU_TSS + 24,
    QEMU_IDT = QEMU_GDT + 24,
    QEMU_CR = 392,
    // "cpu", version 12 (target/i386/machine.c): segments of 20 bytes with the base at 4 and the
    // limit at 12; es to gs, ldt, tr, gdt, idt; sysenter_cs, _esp, _eip; control registers
    STREAM_GS = 340,
    STREAM_TSS = STREAM_GS + 2 * 20 - 4,
    STREAM_GDT = STREAM_TSS + 20,
    STREAM_IDT = STREAM_GDT + 20,
    STREAM_SYSENTER = 448,
    STREAM_CR0 = 456,
    STREAM_EFER = 816, // then star, lstar, cstar, fmask
    STREAM_KERNEL_GS = 856,
    // DBGFCORECPU (include/VBox/vmm/dbgfcorefmt.h)
    VBOX_NOTE_GS = 240,
    VBOX_NOTE_CR0 = 288,
    VBOX_NOTE_KERNEL_GS = 536,
    // g_aCpumCtxFields (src/VBox/VMM/VMMR3/CPUM.cpp): 18 registers; es cs ss ds fs gs, each u16 u16
    // u16 u64 base u32 u32; control registers; up to the task register
    VBOX_STATE_GS = 18 * 8 + 5 * 22 + 6,
    VBOX_STATE_CR0 = 18 * 8 + 6 * 22,
    VBOX_STATE_KERNEL_GS = 448,
    VBOX_STATE_LEN = 500,
    // State save map in SMRAM, Intel 64 (SDM volume 3, "SMRAM State Save Map and Intel 64
    // Architecture"), whose offset 7c00H is 0 here
    SMRAM_CR4 = 576,
    SMRAM_REGS = 796,
    SMRAM_RIP = 984,
    SMRAM_EFER = 992,
    SMRAM_RFLAGS = 1000,
    SMRAM_CR3 = 1008,
    SMRAM_CR0 = 1016,
    SMRAM_LEN = 1024,
    EFER_LMA = 1 << 10,
};
#define CR0_PG UINT64_C(0x80000000)

/** A CPU in 64-bit mode; it stores a 32-bit CR4, and no GS base. */
static bool read_smram(struct eg_cpu *cpu, const uint8_t *p, size_t len)
{
    // r15 to r8, ax cx dx bx sp bp si di
    static const uint8_t order[] = { 8, 11, 9, 10, 14, 15, 12, 13, 7, 6, 5, 4, 3, 2, 1, 0 };
    const uint64_t root = eg_le64(p + SMRAM_CR3);

    (void)len;
    if (!(eg_le64(p + SMRAM_CR0) & CR0_PG) || !(eg_le64(p + SMRAM_EFER) & EFER_LMA) || !root ||
        root >> 52)
        return false;
    for (size_t i = 0; i < countof(order); i++)
        cpu->regs[i] = eg_le64(p + SMRAM_REGS + 8 * order[i]);
    cpu->regs[16] = eg_le64(p + SMRAM_RIP);
    cpu->regs[17] = eg_le64(p + SMRAM_RFLAGS);
    cpu->n_regs = 18;
    cpu->root = root;
    cpu->control = eg_le32(p + SMRAM_CR4);
    return true;
}

static const struct eg_cpu_place qemu_note_state[EG_X86_STATES] = {
    [EG_X86_IDT] = { QEMU_IDT + 16, 8 }, [EG_X86_IDT_LIMIT] = { QEMU_IDT + 4, 4 },
    [EG_X86_GDT] = { QEMU_GDT + 16, 8 }, [EG_X86_GDT_LIMIT] = { QEMU_GDT + 4, 4 },
    [EG_X86_TSS] = { QEMU_TSS + 16, 8 },
};
static const struct eg_cpu_place qemu_stream_state[EG_X86_STATES] = {
    [EG_X86_IDT] = { STREAM_IDT + 4, 8 },     [EG_X86_IDT_LIMIT] = { STREAM_IDT + 12, 4 },
    [EG_X86_GDT] = { STREAM_GDT + 4, 8 },     [EG_X86_GDT_LIMIT] = { STREAM_GDT + 12, 4 },
    [EG_X86_TSS] = { STREAM_TSS + 4, 8 },     [EG_X86_SYSENTER] = { STREAM_SYSENTER, 8 },
    [EG_X86_EFER] = { STREAM_EFER, 8 },       [EG_X86_STAR] = { STREAM_EFER + 8, 8 },
    [EG_X86_LSTAR] = { STREAM_EFER + 16, 8 }, [EG_X86_CSTAR] = { STREAM_EFER + 24, 8 },
    [EG_X86_FMASK] = { STREAM_EFER + 32, 8 },
};

static const struct eg_cpu_record records[] = {
    { .format = EG_CPU_PRSTATUS, .len = 336, .words = 112, .order = linux_order },
    { .format = EG_CPU_QEMU_NOTE,
      .len = 440,
      .words = 8,
      .root = QEMU_CR + 3 * 8,
      .control = QEMU_CR + 4 * 8,
      .gs = { QEMU_GS, QEMU_CR + 5 * 8 },
      .x86 = qemu_note_state },
    { .format = EG_CPU_QEMU_STREAM,
      .len = STREAM_KERNEL_GS + 8,
      .order = code_order,
      .root = STREAM_CR0 + 16,
      .control = STREAM_CR0 + 24,
      .gs = { STREAM_GS, STREAM_KERNEL_GS },
      .enabled = STREAM_CR0,
      .enabled_bits = CR0_PG,
      .x86 = qemu_stream_state },
    { .format = EG_CPU_SMRAM, .len = SMRAM_LEN, .read = read_smram },
    { .format = EG_CPU_VIRTUALBOX_NOTE,
      .len = VBOX_NOTE_KERNEL_GS + 8,
      .order = vbox_note_order,
      .root = VBOX_NOTE_CR0 + 16,
      .control = VBOX_NOTE_CR0 + 24,
      .gs = { VBOX_NOTE_GS, VBOX_NOTE_KERNEL_GS },
      .enabled = VBOX_NOTE_CR0,
      .enabled_bits = CR0_PG | CR0_PE },
    { .format = EG_CPU_VIRTUALBOX_STATE,
      .len = VBOX_STATE_LEN,
      .order = vbox_state_order,
      .root = VBOX_STATE_CR0 + 16,
      .control = VBOX_STATE_CR0 + 24,
      .gs = { VBOX_STATE_GS, VBOX_STATE_KERNEL_GS },
      .enabled = VBOX_STATE_CR0,
      .enabled_bits = CR0_PG | CR0_PE },
    { .format = EG_CPU_VMWARE, .len = 128, .order = vmware_order, .n = sizeof vmware_order },
    { .format = EG_CPU_XEN,
      .len = XEN_LEN,
      .words = XEN_REGS,
      .order = linux_order,
      .root = XEN_CR3,
      .control = XEN_CR3 + 8,
      .gs = { XEN_GS_KERNEL } },
    { 0 },
};

static const struct eg_qemu_board boards[] = {
    { .ram = "pc.ram", .machine = "pc-", .pc = true },
    { .ram = "microvm.ram", .machine = "microvm", .pc = true },
    { 0 },
};

EG_ARCH(x86_64) = {
    .name = "x86_64",
    .model = { .ptr_size = 8, .long_size = 8 },
    .page_shift = 12,
    .kernel_min = UINT64_C(0xff00000000000000), // half of 5 levels
    .swap = swap,
    .open = open_,
    .elf_machine = 62, // EM_X86_64
    .elf_abs64 = 1,    // R_X86_64_64
    .elf_abs32 = 10,   // R_X86_64_32
    .registers = registers,
    .cpu_records = records,
    .boards = boards,
    // It sets the high 16 bits of every address that it finds (target/i386/arch_memory_mapping.c):
    // with 4 levels these are no addresses, and with 5 Linux has but KASAN's shadow there.
    .qemu_user_first = UINT64_C(0xffff000000000000),
    .qemu_user_last = UINT64_C(0xffff7fffffffffff),
    .code_unit = 1,
    .capstone = { 3, 1 << 3 }, // CS_ARCH_X86, CS_MODE_64
    .targets = eg_x86_64_targets,
};
