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

/** The linear map is the lowest large mapping of the kernel's half. A kernel that cannot move it
 * (neither CONFIG_RANDOMIZE_MEMORY nor CONFIG_X86_5LEVEL) has no variable for its address. */
static bool lowest_map(struct eg_view *v, const struct eg_space *phys,
                       const struct linux_candidate *c, uint64_t *base)
{
    enum { TRIES = 64, GIGABYTE = 1 << 30, LARGE = 2 << 20 };
    uint64_t at = UINT64_C(1) << 63;
    struct eg_extent x;

    for (unsigned i = 0;
         c->space && i < TRIES && eg_next_mapped(v, c->space, at, c->arch->image_min - 1, &x);
         i++) {
        *base = x.start - x.below_addr;
        if (x.below == phys && *base % GIGABYTE == 0 && x.last - x.start >= LARGE - 1)
            return true;
        at = x.last + 1;
    }
    return false;
}

static bool x86_linear(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                       uint64_t pa, uint64_t *va)
{
    uint64_t at, base;

    if (linux_sym(c, "page_offset_base", &at) ? !eg_read_u64(v, phys, at - c->delta, false, &base)
                                              : !lowest_map(v, phys, c, &base))
        return false;
    *va = base + pa;
    return true;
}

/* The setup header, which the kernel keeps, has the link-time address of the image since protocol
 * 2.10 (Documentation/arch/x86/boot.rst). Some virtual machine monitors write no such address. */
static bool x86_slide(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                      uint64_t *slide)
{
    enum { VERSION = 0x206, PREF_ADDRESS = 0x258, SINCE = 0x20a, STEP = 2 << 20 };
    uint64_t at, linked;
    uint8_t version[2];

    if (!c->start || !linux_sym(c, "boot_params", &at) ||
        !eg_read(v, phys, at - c->delta + VERSION, version, sizeof version) ||
        eg_le16(version) < SINCE ||
        !eg_read_u64(v, phys, at - c->delta + PREF_ADDRESS, false, &linked) || !linked)
        return false;
    *slide = c->start - START_KERNEL_MAP - linked;
    return *slide % STEP == 0 && *slide <= c->arch->image_max - START_KERNEL_MAP;
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
    .slide = x86_slide,
    .encryption = x86_encryption,
};
