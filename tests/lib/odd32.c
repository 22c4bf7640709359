/* odd32.c - the invented machine's translator: two tables of 256 big-endian words each; bit 0 of a
 * word says that it is there, its upper half is the address of a page. */
#include "odd32.h"
#include <stdlib.h>

enum { PAGE = 1 << 16 };

struct odd32 {
    struct eg_space as;
    struct eg_space *phys;
    uint32_t root;
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t va, struct eg_extent *out)
{
    const struct odd32 *o = as->priv;
    uint32_t table = o->root, entry;

    for (int level = 1; level >= 0; level--) {
        const uint64_t size = (uint64_t)PAGE << 8 * level,
                       at = table + 4 * (va >> (16 + 8 * level) & 255);

        *out = (struct eg_extent){ .start = va & ~(size - 1),
                                   .level = (uint8_t)level,
                                   .entry_addr = at };
        out->last = out->start + size - 1;
        if (!eg_read_u32(v, o->phys, at, true, &entry)) {
            out->why = EG_TABLE_MISSING;
            return;
        }
        out->entry = entry;
        table = entry & ~(uint32_t)(PAGE - 1);
        if (!(entry & 1)) {
            out->why = EG_NOT_PRESENT;
            return;
        }
    }
    out->below = o->phys;
    out->below_addr = table;
    out->flags = EG_X_WRITE | EG_X_EXEC;
}

static int open_(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                 const struct eg_paging *p, struct eg_error *e)
{
    static const struct eg_space_ops ops = { .name = "odd32", .extent = extent };
    struct odd32 *o = a ? eg_arena_new(a, struct odd32) : calloc(1, sizeof *o);

    if (!o)
        return eg_fail(e, EG_ENOMEM, "odd32: out of memory");
    *o = (struct odd32){ .as = { .ops = &ops, .below = phys, .last = UINT32_MAX },
                         .phys = phys,
                         .root = (uint32_t)p->root };
    o->as.priv = o;
    *out = &o->as;
    return 0;
}

static const char *const registers[] = { NULL };

const struct eg_arch odd32_arch = {
    .name = "odd32",
    .model = { .ptr_size = 4, .long_size = 4, .big_endian = true },
    .page_shift = 16,
    .kernel_min = 0x80000000,
    .registers = registers,
    .open = open_,
};
