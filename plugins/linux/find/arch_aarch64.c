/** arch_aarch64.c - Linux on AArch64. */
#include "candidate.h"

/* The kernel image lies anywhere in the vmalloc range. Its virtual address is the physical one
 * plus kimage_voffset, which VMCOREINFO contains since 4.12 (arch/arm64/kernel/vmcore_info.c). */
static bool arm64_vmcoreinfo(const struct eg_vmcoreinfo *t, struct linux_candidate *c)
{
    int64_t voffset, bits, t1sz;
    uint64_t root;
    char page[8] = "";
    int granule;

    if (!eg_vmcoreinfo_number(t, "kimage_voffset", &voffset) ||
        !eg_vmcoreinfo_number(t, "VA_BITS", &bits) ||
        !eg_vmcoreinfo_symbol(t, "swapper_pg_dir", &root))
        return false;
    eg_vmcoreinfo_text(t, "PAGESIZE", page, sizeof page);
    granule = !strcmp(page, "65536") ? 16 : !strcmp(page, "16384") ? 14 : 12;
    // If the processor supports fewer address bits than the kernel was built for, TCR_EL1_T1SZ
    // is larger than 64 - VA_BITS. With 64K pages the top-level table keeps the size it was
    // built for (TTBR1_BADDR_4852_OFFSET).
    if (granule < 16 && eg_vmcoreinfo_number(t, "TCR_EL1_T1SZ", &t1sz))
        bits = t1sz > 0 && t1sz < 64 ? 64 - t1sz : 0;
    if (bits < 25 || bits > 52)
        return false;
    c->delta = (uint64_t)voffset;
    c->has_delta = true;
    c->paging.root = root - c->delta;
    c->paging.granule = (uint8_t)granule;
    c->paging.va_bits = (uint8_t)bits;
    c->paging.levels = (uint8_t)((bits - 4) / (granule - 3));
    c->has_root = true;
    return true;
}

/* The linear map begins at the lowest address of the VA_BITS range, which maps memstart_addr. */
static bool arm64_linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                         uint64_t pa, uint64_t *va)
{
    uint64_t at, start;
    int64_t bits;

    if (!c->text.text || !eg_vmcoreinfo_number(&c->text, "VA_BITS", &bits) || bits < 25 ||
        bits > 52 || !linux_sym(c, "memstart_addr", &at) ||
        !eg_read_u64(v, phys, at - c->delta, false, &start))
        return false;
    *va = pa - start - (UINT64_C(1) << bits);
    return true;
}

static const char *const arm64_roots[] = { "swapper_pg_dir", NULL };

const struct linux_arch linux_aarch64 = {
    .name = "aarch64",
    .image_min = UINT64_C(0xfff0000000000000),
    .image_max = UINT64_MAX,
    .modes = { { 4, 48, 12 },
               { 5, 52, 12 },
               { 3, 39, 12 },
               { 3, 47, 14 },
               { 4, 52, 14 },
               { 4, 48, 14 },
               { 3, 52, 16 },
               { 3, 48, 16 },
               { 2, 42, 16 } },
    .roots = arm64_roots,
    .vmcoreinfo = arm64_vmcoreinfo,
    .linear = arm64_linear,
    .moves = true,
};
