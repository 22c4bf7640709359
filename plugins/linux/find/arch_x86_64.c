/** arch_x86_64.c - Linux on x86-64. */
#include "candidate.h"

/* The kernel image is mapped linearly at __START_KERNEL_map plus the KASLR shift
 * (Documentation/arch/x86/x86_64/mm.rst). VMCOREINFO contains phys_base and the other values
 * since 4.10 (arch/x86/kernel/vmcore_info_64.c). */
#define START_KERNEL_MAP UINT64_C(0xffffffff80000000)

static bool x86_vmcoreinfo(const struct eg_vmcoreinfo *t, struct linux_candidate *c)
{
    uint64_t root;
    int64_t phys_base, five = 0, sme = 0;

    if (!eg_vmcoreinfo_number(t, "phys_base", &phys_base) ||
        (!eg_vmcoreinfo_symbol(t, "init_top_pgt", &root) &&
         !eg_vmcoreinfo_symbol(t, "swapper_pg_dir", &root)))
        return false;
    eg_vmcoreinfo_number(t, "pgtable_l5_enabled", &five);
    eg_vmcoreinfo_number(t, "sme_mask", &sme);
    c->delta = START_KERNEL_MAP - (uint64_t)phys_base;
    c->has_delta = true;
    c->paging.root = root - c->delta;
    c->paging.levels = five ? 5 : 4;
    c->paging.enc_mask = (uint64_t)sme;
    c->has_root = true;
    return true;
}

static bool x86_linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                       uint64_t pa, uint64_t *va)
{
    uint64_t at, base;

    if (!linux_sym(c, "page_offset_base", &at) ||
        !eg_read_u64(v, phys, at - c->delta, false, &base))
        return false;
    *va = base + pa;
    return true;
}

/** The highest bit of an address that is no memory's, if it is one that AMD's processors use
 * (CPUID 8000001F, EBX 5..0: 47 or 51 so far) and without it the address is. */
static uint64_t c_bit(const struct eg_space *phys, uint64_t address)
{
    enum { LOWEST = 43 };
    const uint64_t bit = address >> LOWEST ? UINT64_C(1) << (63 - __builtin_clzll(address)) : 0;

    return address > phys->last && (address & ~bit) <= phys->last ? bit : 0;
}

/* The last entry of each kernel's top table leads to its image, which is encrypted memory
 * (arch/x86/kernel/head64.c). VMCOREINFO has said so since 5.1: NUMBER(sme_mask). */
static uint64_t x86_encryption(struct eg_view *v, struct eg_space *phys, uint64_t root)
{
    enum { PRESENT = 1, LAST = 511 };
    const uint64_t address = UINT64_C(0x000ffffffffff000);
    uint64_t e;

    root &= address & ~c_bit(phys, root & address);
    return eg_read_u64(v, phys, root + 8 * LAST, false, &e) && e & PRESENT
               ? c_bit(phys, e & address)
               : 0;
}

static const char *const x86_roots[] = { "init_top_pgt", "swapper_pg_dir", "init_level4_pgt",
                                         NULL };

const struct linux_arch linux_x86_64 = {
    .name = "x86_64",
    .image_min = START_KERNEL_MAP,
    .image_max = START_KERNEL_MAP + (UINT64_C(1) << 30) - 1,
    .image_alone = true,
    .modes = { { 4, 0, 0 }, { 5, 0, 0 } },
    .roots = x86_roots,
    .user_half = 0x1000, /* PTI_USER_PGTABLE_BIT, arch/x86/include/asm/pgtable.h */
    /* The trampoline that starts the other CPUs has, below 1 MiB, a top-level table whose last
     * entry is a copy of the kernel's own (arch/x86/realmode/init.c). */
    .low_roots = 1 << 20,
    .low_holes = 16 << 20,
    .vmcoreinfo = x86_vmcoreinfo,
    .linear = x86_linear,
    .encryption = x86_encryption,
};
