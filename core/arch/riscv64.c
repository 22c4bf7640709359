/* riscv64.c - page tables of RISC-V with addresses of 39, 48 and 57 bits (The RISC-V Instruction
 * Set Manual, volume II, chapter 11: Sv39, Sv48, Sv57, Svnapot, Svpbmt), and what Linux leaves in
 * entries that are not valid (arch/riscv/include/asm/pgtable.h, pgtable-bits.h, pgtable-64.h). */
#include "../arch.h"
#include <stdlib.h>

enum {
    V = 1,
    R = 2,
    W = 4,
    X = 8,
    U = 16,
    G = 32,
    A = 64,
    D = 128,
    SPECIAL = 256,
    LEAF = R | W | X
};
#define FRAMES (((UINT64_C(1) << 44) - 1))
#define N      (UINT64_C(1) << 63)
#define NAPOT  15 // a page with N set has so many more frames: 64K

struct riscv {
    struct eg_space as;
    struct eg_space *phys;
    uint64_t root;
    int levels;
};

/** A decoded entry: a hole (why), a page (leaf) or the next table. */
struct entry {
    uint64_t addr;
    uint16_t flags;
    uint8_t why;
    bool leaf;
};

/* A user page that is not there, by release:
 *
 *   >= 6.3    12 offset | 7 type | 6 exclusive | 5 0 | 3..1 0 | 0
 *   < 6.3     11 offset | 6 type | 5 0 | 3..1 0 | 0
 *
 * No entry says which. Nobody has eight swap devices: where the newer form means one of those, and
 * the older one a special type, it is of the older. */
static uint8_t swap_kind(uint64_t e)
{
    const unsigned type = e >> 7 & 31, older = e >> 6 & 31;

    if (type < 23 && type >= 8 && older >= 23)
        return eg_swap_kind(older, e >> 11);
    return eg_swap_kind(type, e >> 12);
}

static bool swap(uint64_t e, unsigned form, struct eg_swap_slot *out)
{
    *out = form ? (struct eg_swap_slot){ (uint32_t)(e >> 6 & 31), e >> 11 }
                : (struct eg_swap_slot){ (uint32_t)(e >> 7 & 31), e >> 12 };
    return form < 2;
}

/** @level 0 is the last. @index: of the entry in its table; @above: G, if a level above has it. */
static struct entry decode(uint64_t e, int level, uint64_t index, uint16_t above, bool kernel)
{
    const uint64_t more = (UINT64_C(1) << (9 * level)) - 1; // frames of a page, without its first
    struct entry r = { .leaf = e & LEAF };
    uint64_t frame = e >> 10 & FRAMES;

    if (!(e & V)) {
        // A page that the program may not touch (PROT_NONE, NUMA hinting) has G, one that is just
        // being split still has its permissions. In swap entries these are 0.
        if (kernel || level > 2 || !(e & (LEAF | G))) {
            r.leaf = false;
            r.why = e && !kernel && level <= 2 ? swap_kind(e) : EG_NOT_PRESENT;
            return r;
        }
        r.leaf = true;
        r.flags = EG_X_PROT_NONE;
        frame &= ~more;
    } else if (!r.leaf) {
        if (!level || e & (U | A | D | N))
            r.why = EG_NOT_PRESENT; // reserved: it faults
        r.addr = frame << 12;
        r.flags = above | (e & G ? EG_X_GLOBAL : 0);
        return r;
    } else {
        // W without R is a shadow stack, with X too it is reserved. A large page that is not
        // aligned to its size faults.
        if ((e & LEAF) == (W | X) || frame & more) {
            r.why = EG_NOT_PRESENT;
            return r;
        }
        // Bits 54 to 62 say how memory is cached. T-Head's processors (Linux: ERRATA_THEAD_MAE) use
        // N for that too, together with other low bits.
        if (!level && e & N && (frame & NAPOT) == (NAPOT + 1) / 2)
            frame = (frame & ~(uint64_t)NAPOT) | (index & NAPOT);
        r.flags = above | (e & W ? EG_X_WRITE : 0) | (e & U ? EG_X_USER : 0) |
                  (e & X ? EG_X_EXEC : 0) | (e & G ? EG_X_GLOBAL : 0);
    }
    r.addr = frame << 12;
    r.flags |= (e & A ? EG_X_ACCESSED : 0) | (e & D ? EG_X_DIRTY : 0) |
               (!kernel && e & SPECIAL ? EG_X_SPECIAL : 0);
    return r;
}

/** How many entries of @table, from @index and below @end, continue the first one (@e, decoded to
 * @r). */
static uint64_t run_length(const uint8_t *table, uint64_t index, uint64_t end, uint64_t e,
                           struct entry r, int level, uint16_t above, bool kernel)
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
        s = decode(next, level, index + n, above, kernel);
        if (s.why || !s.leaf || s.flags != r.flags || s.addr != r.addr + n * size)
            break;
    }
    return n;
}

/** The whole table at @at in our memory; NULL: some of it is missing. */
static const uint8_t *table_at(struct eg_view *v, const struct riscv *x, uint64_t at)
{
    const uint8_t *p;

    return eg_bytes(v, x->phys, at, 8) && eg_tlb_hit_(v, x->phys, at, 8, &p)
               ? p - (at & (EG_VIEW_PAGE - 1))
               : NULL;
}

/** An unreadable entry: a hole as large as the missing part of the table maps. */
static void table_missing(struct eg_view *v, const struct riscv *x, uint64_t at, uint64_t n,
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
    const struct riscv *x = as->priv;
    const uint64_t half = UINT64_C(1) << (9 * x->levels + 11);
    const bool kernel = va >> 63;
    bool again = v->walked.space == as && va >= v->walked.first && va <= v->walked.last;
    uint16_t above = again ? v->walked.above : 0;
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
        r = decode(e, level, index, above, kernel);
        if (r.why || r.leaf) {
            if (host && level < x->levels - 1)
                remember(v, as, va, level, table, host, above);
            if (host && !v->brief)
                n = run_length(host, index, end, e, r, level, above, kernel);
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
    const struct riscv *x = as->priv;
    const uint64_t half = UINT64_C(1) << (9 * x->levels + 11);
    uint64_t table = x->root;
    unsigned n = 0;

    if (va >= half && va < -half)
        return 0;
    for (int level = x->levels - 1; level >= 0 && n < max; level--) {
        const uint64_t index = va >> (12 + 9 * level) & 511;
        struct eg_table_step *s = &out[n++];
        struct entry r;

        *s = (struct eg_table_step){ .addr = table + 8 * index,
                                     .level = (uint8_t)level,
                                     .shift = (uint8_t)(12 + 9 * level) };
        if (!eg_read_u64(v, x->phys, s->addr, false, &s->entry))
            s->why = v->why;
        r = decode(s->entry, level, index, 0, va >> 63);
        if (r.why || r.leaf)
            break;
        table = r.addr;
    }
    return n;
}

static const struct eg_space_ops ops = { .name = "riscv64", .extent = extent, .steps = steps };

static int open_(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                 const struct eg_paging *p, struct eg_error *e)
{
    struct riscv *x;

    if (p->levels < 3 || p->levels > 5)
        return eg_fail(e, EG_EUSAGE, "riscv64: page tables have 3, 4 or 5 levels, not %u",
                       p->levels);
    x = a ? eg_arena_new(a, struct riscv) : calloc(1, sizeof *x);
    if (!x)
        return eg_fail(e, EG_ENOMEM, "riscv64: out of memory for an address space");
    *x = (struct riscv){ .as = { .ops = &ops, .below = phys, .last = UINT64_MAX, .priv = x },
                         .phys = phys,
                         .root = p->root & FRAMES << 12,
                         .levels = p->levels };
    *out = &x->as;
    return 0;
}

// struct user_regs_struct (arch/riscv/include/uapi/asm/ptrace.h).
static const char *const registers[] = { "pc",  "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0",
                                         "s1",  "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
                                         "s2",  "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
                                         "s11", "t3", "t4", "t5", "t6", NULL };

static const struct eg_cpu_record records[] = {
    { .format = EG_CPU_PRSTATUS, .len = 376, .words = 112 },
    { 0 },
};

static const struct eg_qemu_board boards[] = {
    { .ram = "riscv_virt_board.ram", .machine = "virt", .base = UINT64_C(1) << 31 },
    { 0 },
};

EG_ARCH(riscv64) = {
    .name = "riscv64",
    .model = { .ptr_size = 8, .long_size = 8 },
    .page_shift = 12,
    .kernel_min = UINT64_C(0xff00000000000000), // half of 57 bits
    .swap = swap,
    .open = open_,
    .elf_machine = 243, // EM_RISCV
    .elf_abs64 = 2,     // R_RISCV_64
    .elf_abs32 = 1,     // R_RISCV_32
    .registers = registers,
    .cpu_records = records,
    .boards = boards,
    .code_unit = 2,
    .capstone = { 15, 1 << 1 | 1 << 2 }, // CS_ARCH_RISCV, CS_MODE_RISCV64 with CS_MODE_RISCVC
};
