/* aarch64.c - AArch64 page tables (Arm ARM, DDI 0487, D8): granules of 4K, 16K and 64K,
 * addresses of 25 to 52 bits, one root for each half; and what Linux leaves in entries that are not
 * valid (arch/arm64/include/asm/pgtable.h, pgtable-prot.h). */
#include "../arch.h"
#include <stdlib.h>

enum { VALID = 1, TABLE = 2, EL0 = 1 << 6, READ_ONLY = 1 << 7, AF = 1 << 10, NG = 1 << 11 };
enum { PIECE = EG_VIEW_PAGE / 8 }; // entries of a table that are in one page of a view

#define BIT(n)    (UINT64_C(1) << (n))
#define DBM       BIT(51) // Linux: writable, although READ_ONLY is set until it is dirty
#define PXN       BIT(53)
#define UXN       BIT(54)
#define DIRTY     BIT(55) // of Linux
#define SPECIAL   BIT(56) // of Linux
#define PXN_TABLE BIT(59)
#define UXN_TABLE BIT(60)
#define EL1_TABLE BIT(61)
#define RO_TABLE  BIT(62)

struct arm64 {
    struct eg_space as;
    struct eg_space *phys;
    uint64_t kernel, user; // roots
    bool has_user;
    bool wide; // bits 8 and 9 of an entry are 50 and 51 of its address (LPA2)
    int levels, granule, va_bits;
};

/** A decoded entry: a hole (why), a page (leaf) or the next table. */
struct entry {
    uint64_t addr;
    uint16_t flags;
    uint8_t why;
    bool leaf;
};

/** A table, as far as it is in one page of a view. */
struct piece {
    uint64_t at;         // in the space below
    const uint8_t *host; // NULL: not in our memory
    uint64_t n;          // entries
};

static int shift_of(const struct arm64 *x, int level)
{
    return x->granule + (x->granule - 3) * level;
}

/** Blocks: of the two levels above pages; of a third with 52-bit addresses (LPA2), and only of one
 * with larger granules. 64K: the second is there with FEAT_LPA. */
static bool allows_block(const struct arm64 *x, int level)
{
    return level <= (x->granule == 12 ? 2 : x->granule == 14 ? 1 : 2) + x->wide;
}

static uint64_t address(const struct arm64 *x, uint64_t e)
{
    const uint64_t low = BIT(x->granule) - 1;

    if (x->wide)
        return (e & (BIT(50) - 1) & ~low) | (e >> 8 & 3) << 50;
    if (x->granule == 16)
        return (e & (BIT(48) - 1) & ~low) | (e >> 12 & 15) << 48;
    return e & (BIT(48) - 1) & ~low;
}

/* A user page that is not there, by release:
 *
 *   < 5.19    57 offset 8 | 7 type 2 | 0
 *   < 6.10    57 offset 8 | 7 type 3 | exclusive | 0
 *   6.10 on   61 offset 12 | 0 | 10 type 6 | 0 | uffd-wp | exclusive | 0
 *
 *  No entry says which. The types of swap devices are small numbers, so that they are read as such
 * in any form; a special type (see eg_swap_kind) is accepted in a form whose other bits fit it, if
 * the other forms would mean an eighth or later swap device, which nobody has. */
static uint8_t swap_kind(uint64_t e)
{
    const unsigned first = e >> 2 & 63, second = e >> 3 & 31, third = e >> 6 & 31;
    unsigned type = 0;
    uint64_t offset = (e & (BIT(58) - 1)) >> 8;

    if (second >= 23 && e & 0x830) {
        type = second;
    } else if (first >= 23 && first < 32) {
        type = first;
    } else if (third >= 23 && !(e & 0x830) && second >= 8) {
        type = third;
        offset = (e & (BIT(62) - 1)) >> 12;
    }
    return eg_swap_kind(type, offset);
}

static bool swap(uint64_t e, unsigned form, struct eg_swap_slot *out)
{
    static const struct {
        uint8_t type, bits, offset, end;
    } forms[] = { { 6, 5, 12, 62 }, { 3, 5, 8, 58 }, { 2, 6, 8, 58 } };

    if (form >= countof(forms))
        return false;
    out->type = (uint32_t)(e >> forms[form].type) & ((1u << forms[form].bits) - 1);
    out->offset = (e & (BIT(forms[form].end) - 1)) >> forms[form].offset;
    return true;
}

/** @level 0 is the last; @above are the flags that all levels above allow. */
static struct entry decode(const struct arm64 *x, uint64_t e, int level, uint16_t above,
                           bool kernel)
{
    const bool block = level > 0 && !(e & TABLE);
    struct entry r = { .leaf = level == 0 || block };

    if (!(e & VALID)) {
        // A page that the program may not touch (PROT_NONE, NUMA hinting), or one whose block is
        // just being split: only that bit has changed. In swap entries TABLE is 0, and of a large
        // page NG too: a part of its frame number, or 0 by definition.
        if (!kernel && e & NG && (level ? block && allows_block(x, level) : e & TABLE)) {
            r.addr = address(x, e) & ~(BIT(shift_of(x, level)) - 1);
            r.flags = EG_X_PROT_NONE | (e & AF ? EG_X_ACCESSED : 0) | (e & DIRTY ? EG_X_DIRTY : 0) |
                      (e & SPECIAL ? EG_X_SPECIAL : 0);
            r.leaf = true;
        } else {
            r.why = e && !kernel && level <= 2 ? swap_kind(e) : EG_NOT_PRESENT;
        }
        return r;
    }
    if (level == 0 ? !(e & TABLE) : block && !allows_block(x, level)) {
        r.why = EG_NOT_PRESENT; // reserved: it faults
        return r;
    }
    r.addr = address(x, e);
    if (!r.leaf) {
        r.flags = (uint16_t)((e & RO_TABLE ? 0 : EG_X_WRITE) | (e & EL1_TABLE ? 0 : EG_X_USER) |
                             (e & (kernel ? PXN_TABLE : UXN_TABLE) ? 0 : EG_X_EXEC)) &
                  above;
        return r;
    }
    r.addr &= ~(BIT(shift_of(x, level)) - 1);
    r.flags = (uint16_t)((e & READ_ONLY && !(e & DBM) ? 0 : EG_X_WRITE) |
                         (e & EL0 || !(kernel || e & UXN) ? EG_X_USER : 0) |
                         (e & (kernel ? PXN : UXN) ? 0 : EG_X_EXEC)) &
              above;
    r.flags |= (e & AF ? EG_X_ACCESSED : 0) | (e & NG ? 0 : EG_X_GLOBAL) |
               (e & DIRTY || (e & DBM && !(e & READ_ONLY)) ? EG_X_DIRTY : 0) |
               (!kernel && e & SPECIAL ? EG_X_SPECIAL : 0);
    return r;
}

/** How many entries of @p, from @index, continue the first one (@e, decoded to @r). */
static uint64_t run_length(const struct arm64 *x, const struct piece *p, uint64_t index, uint64_t e,
                           struct entry r, int level, uint16_t above, bool kernel)
{
    const uint64_t size = BIT(shift_of(x, level));
    uint64_t n = 1;

    if (r.why && e) // each entry is different: do not join them
        return 1;
    for (; index + n < p->n; n++) {
        const uint64_t next = eg_le64(p->host + 8 * (index + n));
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

/** The part of the table at @table (of @n entries) that contains @index. */
static struct piece piece_at(struct eg_view *v, const struct arm64 *x, uint64_t table,
                             uint64_t index, uint64_t n)
{
    struct piece p = { .at = table + 8 * (index & ~(uint64_t)(PIECE - 1)), .n = EG_MIN(n, PIECE) };
    const uint8_t *host;

    if (eg_bytes(v, x->phys, p.at, 8) && eg_tlb_hit_(v, x->phys, p.at, 8, &host))
        p.host = host;
    return p;
}

/** An unreadable entry: a hole as large as the missing part of the table maps. */
static void table_missing(struct eg_view *v, const struct arm64 *x, uint64_t at, uint64_t n,
                          int shift, struct eg_extent *out)
{
    struct eg_extent hole;

    eg_extent_at(v, x->phys, at, &hole);
    out->why = EG_TABLE_MISSING;
    n = hole.why ? EG_MIN(n, (hole.last - at) / 8 + 1) : 1;
    out->last = out->start + (n << shift) - 1;
}

/** Remember the part of the table that was used last: its other entries need no walk. */
static void remember(struct eg_view *v, struct eg_space *as, uint64_t va, int level, int shift,
                     const struct piece *p, uint16_t above)
{
    const uint64_t covers = (p->n << shift) - 1;

    v->walked.space = as;
    v->walked.host = p->host;
    v->walked.first = va & ~covers;
    v->walked.last = va | covers;
    v->walked.table = p->at;
    v->walked.level = (uint8_t)level;
    v->walked.above = above;
}

/** @va without a tag: the upper bits are set or cleared by its half. */
static void walk(struct eg_view *v, struct eg_space *as, uint64_t va, struct eg_extent *out)
{
    const struct arm64 *x = as->priv;
    const bool kernel = va >> 63;
    const bool again = v->walked.space == as && va >= v->walked.first && va <= v->walked.last;
    uint16_t above = again ? v->walked.above : EG_X_WRITE | EG_X_USER | EG_X_EXEC;
    uint64_t table = kernel ? x->kernel : x->user;

    for (int level = again ? v->walked.level : x->levels - 1;; level--) {
        const int shift = shift_of(x, level);
        const uint64_t n = BIT(EG_MIN(x->granule - 3, x->va_bits - shift));
        const uint64_t index = va >> shift & (n - 1), in = index & (PIECE - 1);
        struct piece p = { v->walked.table, v->walked.host, EG_MIN(n, PIECE) };
        struct entry r;
        uint64_t e, run = 1;

        if (!again || level != v->walked.level)
            p = piece_at(v, x, table, index, n);
        *out = (struct eg_extent){ .start = va >> shift << shift,
                                   .level = (uint8_t)level,
                                   .entry_addr = p.at + 8 * in };
        if (p.host) {
            e = eg_le64(p.host + 8 * in);
        } else if (!eg_read_u64(v, x->phys, out->entry_addr, false, &e)) {
            table_missing(v, x, out->entry_addr, n - index, shift, out);
            return;
        }
        r = decode(x, e, level, above, kernel);
        if (r.why || r.leaf) {
            if (p.host && level < x->levels - 1)
                remember(v, as, va, level, shift, &p, above);
            if (p.host && !v->brief)
                run = run_length(x, &p, in, e, r, level, above, kernel);
            out->last = out->start + (run << shift) - 1;
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

/** Bit 55 selects the half; the processor can ignore the top byte (TBI). Linux enables that always
 * for processes, and for the kernel with tag-based KASAN. */
static uint64_t untagged(uint64_t va)
{
    return va >> 55 & 1 ? va | UINT64_C(0xff) << 56 : va & (BIT(56) - 1);
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t va, struct eg_extent *out)
{
    const struct arm64 *x = as->priv;
    const uint64_t half = BIT(x->va_bits), plain = untagged(va);

    // The hole between the halves includes the tagged addresses, so that going from extent to
    // extent meets each page once.
    if (plain >= half && plain < -half) {
        *out = (struct eg_extent){ .start = half, .last = -half - 1, .why = EG_NOT_CANONICAL };
        return;
    }
    if (plain < half && !x->has_user) {
        *out = (struct eg_extent){ .last = half - 1, .why = EG_NOT_PRESENT };
    } else {
        walk(v, as, plain, out);
    }
    out->start += va - plain;
    out->last += va - plain;
}

static unsigned steps(struct eg_view *v, struct eg_space *as, uint64_t va,
                      struct eg_table_step *out, unsigned max)
{
    const struct arm64 *x = as->priv;
    const uint64_t half = BIT(x->va_bits);
    uint64_t table;
    unsigned n = 0;

    va = untagged(va);
    table = va >> 63 ? x->kernel : x->user;
    if ((va >= half && va < -half) || (va < half && !x->has_user))
        return 0;
    for (int level = x->levels - 1; level >= 0 && n < max; level--) {
        const int shift = shift_of(x, level);
        const uint64_t entries = BIT(EG_MIN(x->granule - 3, x->va_bits - shift));
        struct eg_table_step *s = &out[n++];
        struct entry r;

        *s = (struct eg_table_step){ .addr = table + 8 * (va >> shift & (entries - 1)),
                                     .level = (uint8_t)level,
                                     .shift = (uint8_t)shift };
        if (!eg_read_u64(v, x->phys, s->addr, false, &s->entry))
            s->why = v->why;
        r = decode(x, s->entry, level, 0, va >> 63);
        if (r.why || r.leaf)
            break;
        table = r.addr;
    }
    return n;
}

static const struct eg_space_ops ops = { .name = "aarch64", .extent = extent, .steps = steps };

/** Bits of an address that @levels tables of the granule can translate: at most 52. */
static int va_bits_of(const struct eg_paging *p, int granule)
{
    return p->va_bits ? p->va_bits : EG_MIN(granule + (granule - 3) * p->levels, 52);
}

static int open_(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                 const struct eg_paging *p, struct eg_error *e)
{
    const int granule = p->granule ? p->granule : 12, bits = granule - 3;
    const int va_bits = va_bits_of(p, granule), levels = (va_bits - granule + bits - 1) / bits;
    uint64_t top, wide;
    struct arm64 *x;

    if (granule != 12 && granule != 14 && granule != 16)
        return eg_fail(e, EG_EUSAGE, "aarch64: pages have 4K, 16K or 64K, not 2^%d bytes", granule);
    if (va_bits < 25 || va_bits > 52 || (p->levels && p->levels != levels))
        return eg_fail(e, EG_EUSAGE, "aarch64: no page tables of %u levels and %d bits", p->levels,
                       va_bits);
    x = a ? eg_arena_new(a, struct arm64) : calloc(1, sizeof *x);
    if (!x)
        return eg_fail(e, EG_ENOMEM, "aarch64: out of memory for an address space");
    top = BIT(va_bits - (granule + bits * (levels - 1)) + 3); // bytes of a root
    wide = BIT(52) - 1;
    *x = (struct arm64){ .as = { .ops = &ops, .below = phys, .last = UINT64_MAX, .priv = x },
                         .phys = phys,
                         .kernel = p->root & wide & ~(top - 1),
                         .user = p->user_root & wide & ~(top - 1),
                         .has_user = p->user_root != 0,
                         .wide = granule < 16 && va_bits > 48,
                         .levels = levels,
                         .granule = granule,
                         .va_bits = va_bits };
    *out = &x->as;
    return 0;
}

static uint64_t plain(const struct eg_paging *p, uint64_t va)
{
    const uint64_t half = BIT(va_bits_of(p, p->granule ? p->granule : 12));

    return va >> 55 & 1 ? va | -half : va & (half - 1);
}

// struct user_pt_regs (arch/arm64/include/uapi/asm/ptrace.h).
static const char *const registers[] = { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",     "x6",
                                         "x7",  "x8",  "x9",  "x10", "x11", "x12",    "x13",
                                         "x14", "x15", "x16", "x17", "x18", "x19",    "x20",
                                         "x21", "x22", "x23", "x24", "x25", "x26",    "x27",
                                         "x28", "x29", "x30", "sp",  "pc",  "pstate", NULL };

/** "cpu" of a migration stream, version 22 (target/arm/machine.c): the numbers of its system
 * registers, as KVM has them, and behind them their values. */
static bool read_stream(struct eg_cpu *cpu, const uint8_t *p, size_t len)
{
    enum { COUNT = 568, NUMBERS = COUNT + 4, MAX = 4096 };
    const uint64_t ttbr1 = UINT64_C(0x603000000013c101), vbar = UINT64_C(0x603000000013c600);
    const uint64_t n = len >= NUMBERS ? eg_be32(p + COUNT) : 0;
    uint64_t root = 0, vectors = 0;
    bool found = false;

    if (!n || n > MAX || len < NUMBERS + 16 * n)
        return false;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t number = eg_be64(p + NUMBERS + 8 * i),
                       value = eg_be64(p + NUMBERS + 8 * (n + i));

        if (number == ttbr1) {
            root = value & UINT64_C(0xffffffffffc0); // without ASID and CnP
            found = true;
        } else if (number == vbar) {
            vectors = value;
        }
    }
    if (!found)
        return false;
    cpu->root = root;
    cpu->vectors = vectors;
    return true;
}

static const struct eg_cpu_record records[] = {
    { .format = EG_CPU_PRSTATUS, .len = 392, .words = 112 },
    { .format = EG_CPU_QEMU_STREAM, .read = read_stream },
    { 0 },
};

static const struct eg_qemu_board boards[] = {
    { .ram = "mach-virt.ram", .machine = "virt-", .base = 1 << 30 },
    { 0 },
};

EG_ARCH(aarch64) = {
    .name = "aarch64",
    .model = { .ptr_size = 8, .long_size = 8 },
    .page_shift = 12,
    .kernel_min = UINT64_C(0xfff0000000000000), // half of 52 bits
    .two_roots = true,
    .plain = plain,
    .swap = swap,
    .open = open_,
    .elf_machine = 183, // EM_AARCH64
    .elf_abs64 = 257,   // R_AARCH64_ABS64
    .elf_abs32 = 258,   // R_AARCH64_ABS32
    .registers = registers,
    .cpu_records = records,
    .boards = boards,
    .code_unit = 4,
    .capstone = { 1, 0 }, // CS_ARCH_ARM64, CS_MODE_ARM
    .targets = eg_aarch64_targets,
};
