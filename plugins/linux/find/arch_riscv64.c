/** arch_riscv64.c - Linux on riscv64. */
#include "candidate.h"

/* The kernel image is mapped linearly in the last 2 GB of virtual addresses. Its virtual address
 * is the physical one plus va_kernel_pa_offset, which VMCOREINFO contains since 5.19
 * (arch/riscv/kernel/vmcore_info.c). */
#define KERNEL_LINK_ADDR UINT64_C(0xffffffff80000000)

static bool vmcoreinfo(const struct eg_vmcoreinfo *t, struct linux_candidate *c)
{
    int64_t offset, bits;
    uint64_t root;

    if (!eg_vmcoreinfo_number(t, "va_kernel_pa_offset", &offset) ||
        !eg_vmcoreinfo_number(t, "VA_BITS", &bits) || bits < 39 || bits > 57 || bits % 9 != 3 ||
        !eg_vmcoreinfo_symbol(t, "swapper_pg_dir", &root))
        return false;
    c->delta = (uint64_t)offset;
    c->has_delta = true;
    c->paging.root = root - c->delta;
    c->paging.levels = (uint8_t)((bits - 12) / 9);
    c->has_root = true;
    return true;
}

/* The linear map begins at PAGE_OFFSET, which maps phys_ram_base. */
static bool linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                   uint64_t pa, uint64_t *va)
{
    uint64_t map, member, offset;
    int64_t start, base;

    if (c->text.text && eg_vmcoreinfo_number(&c->text, "PAGE_OFFSET", &start) &&
        eg_vmcoreinfo_number(&c->text, "phys_ram_base", &base))
        offset = (uint64_t)start - (uint64_t)base;
    else if (!linux_sym(c, "kernel_map", &map) ||
             !linux_member(&c->ts, "kernel_mapping", "va_pa_offset", &member, NULL) ||
             !eg_read_u64(v, phys, map + member - c->delta, false, &offset))
        return false;
    *va = pa + offset;
    return true;
}

static const char *const roots[] = { "swapper_pg_dir", NULL };

const struct linux_arch linux_riscv64 = {
    .name = "riscv64",
    .image_min = KERNEL_LINK_ADDR,
    .image_max = UINT64_MAX,
    .image_alone = true,
    .modes = { { 5, 0, 0 }, { 4, 0, 0 }, { 3, 0, 0 } },
    .roots = roots,
    .vmcoreinfo = vmcoreinfo,
    .linear = linear,
    .moves = true,
};
