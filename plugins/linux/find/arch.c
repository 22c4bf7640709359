/** arch.c - what the kernels of each processor look like from outside. */
#include "candidate.h"

/* x86-64. The kernel image is mapped linearly at __START_KERNEL_map plus the slide
 * (Documentation/arch/x86/x86_64/mm.rst); phys_base and the rest are in VMCOREINFO since 4.10
 * (arch/x86/kernel/vmcore_info_64.c). */
#define START_KERNEL_MAP UINT64_C(0xffffffff80000000)

static bool x86_vmcoreinfo(const struct eg_vmcoreinfo *t, struct linux_candidate *g)
{
    uint64_t root;
    int64_t phys_base, five = 0, sme = 0;

    if (!eg_vmcoreinfo_number(t, "phys_base", &phys_base) ||
        (!eg_vmcoreinfo_symbol(t, "init_top_pgt", &root) &&
         !eg_vmcoreinfo_symbol(t, "swapper_pg_dir", &root)))
        return false;
    eg_vmcoreinfo_number(t, "pgtable_l5_enabled", &five);
    eg_vmcoreinfo_number(t, "sme_mask", &sme);
    g->delta = START_KERNEL_MAP - (uint64_t)phys_base;
    g->has_delta = true;
    g->paging.root = root - g->delta;
    g->paging.levels = five ? 5 : 4;
    g->paging.enc_mask = (uint64_t)sme;
    g->has_root = true;
    return true;
}

static bool x86_linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *g,
                       uint64_t pa, uint64_t *va)
{
    uint64_t at, base;

    if (!linux_sym(g, "page_offset_base", &at) ||
        !eg_read_u64(v, phys, at - g->delta, false, &base))
        return false;
    *va = base + pa;
    return true;
}

static const char *const x86_roots[] = { "init_top_pgt", "swapper_pg_dir", "init_level4_pgt",
                                         NULL };

/* AArch64. The kernel image lies anywhere among what vmalloc gives, at kimage_voffset from its
 * place; VMCOREINFO has said so since 4.12 (arch/arm64/kernel/vmcore_info.c). */
static bool arm64_vmcoreinfo(const struct eg_vmcoreinfo *t, struct linux_candidate *g)
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
    // On a processor that translates less than the kernel was built for, TCR_EL1_T1SZ is more; but
    // with pages of 64K the top table is as it was built (TTBR1_BADDR_4852_OFFSET).
    if (granule < 16 && eg_vmcoreinfo_number(t, "TCR_EL1_T1SZ", &t1sz))
        bits = 64 - t1sz;
    if (bits < 25 || bits > 52)
        return false;
    g->delta = (uint64_t)voffset;
    g->has_delta = true;
    g->paging.root = root - g->delta;
    g->paging.granule = (uint8_t)granule;
    g->paging.va_bits = (uint8_t)bits;
    g->paging.levels = (uint8_t)((bits - 4) / (granule - 3));
    g->has_root = true;
    return true;
}

/* The linear map of all memory begins at the lowest address that the kernel was built for, with
 * memstart_addr. */
static bool arm64_linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *g,
                         uint64_t pa, uint64_t *va)
{
    uint64_t at, start;
    int64_t bits;

    if (!g->text.text || !eg_vmcoreinfo_number(&g->text, "VA_BITS", &bits) || bits < 25 ||
        bits > 52 || !linux_sym(g, "memstart_addr", &at) ||
        !eg_read_u64(v, phys, at - g->delta, false, &start))
        return false;
    *va = pa - start - (UINT64_C(1) << bits);
    return true;
}

static const char *const arm64_roots[] = { "swapper_pg_dir", NULL };

static const struct linux_arch archs[] = {
    {
        .name = "x86_64",
        .image_min = START_KERNEL_MAP,
        .image_max = START_KERNEL_MAP + (UINT64_C(1) << 30) - 1,
        .image_alone = true,
        .modes = { { 4, 0, 0 }, { 5, 0, 0 } },
        .roots = x86_roots,
        .user_half = 0x1000, /* PTI_USER_PGTABLE_BIT, arch/x86/include/asm/pgtable.h */
        /* The trampoline that starts the other CPUs in real mode keeps a top table with the
         * kernel's own last entry (arch/x86/realmode/init.c), below the first megabyte. */
        .low_roots = 1 << 20,
        .low_holes = 16 << 20,
        .vmcoreinfo = x86_vmcoreinfo,
        .linear = x86_linear,
    },
    {
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
        .targets = linux_arm64_targets,
        .moves = true,
    },
};

bool linux_mode(const struct linux_arch *arch, size_t i, struct eg_paging *p)
{
    if (i == countof(arch->modes) || !arch->modes[i].levels)
        return false;
    p->levels = arch->modes[i].levels;
    p->va_bits = arch->modes[i].va_bits;
    p->granule = arch->modes[i].granule;
    return true;
}

const struct linux_arch *linux_arch_nth(size_t i)
{
    return i < countof(archs) ? &archs[i] : NULL;
}

const struct linux_arch *linux_arch_of(const char *name)
{
    for (size_t i = 0; i < countof(archs); i++)
        if (!strcmp(archs[i].name, name))
            return &archs[i];
    return NULL;
}
