/** ranges.c - see ranges.h. The memory map (e820 table) is in boot_params, which the kernel
 * keeps in its image (Documentation/arch/x86/zero-page.rst). */
#include "ranges.h"

#define FOUR_G (UINT64_C(1) << 32)
#define MAX_PA (UINT64_C(1) << 52)
/* Most that firmware reserves at the end of the memory below the hole, for ACPI tables and
 * video. */
#define KEPT_MAX (UINT64_C(256) << 20)

/** Read the RAM entries of the memory map. @return false: this is no memory map. */
static bool read_map(struct linux_finder *f, uint64_t at, struct linux_ranges *r)
{
    enum { ENTRIES = 0x1e8, MAGIC = 0x1fe, HEADER = 0x202, TABLE = 0x2d0, ENTRY = 20, USABLE = 1 };
    uint8_t p[TABLE + LINUX_RANGES_MAX * ENTRY];

    r->n_ram = 0;
    if (at < HEADER || !eg_read(f->v, f->phys, at - HEADER, p, sizeof p) ||
        eg_le16(p + MAGIC) != 0xaa55 || p[ENTRIES] > LINUX_RANGES_MAX)
        return false;
    for (const uint8_t *e = p + TABLE; e < p + TABLE + p[ENTRIES] * ENTRY; e += ENTRY) {
        const uint64_t start = eg_le64(e), len = eg_le64(e + 8);

        if (eg_le32(e + 16) != USABLE || !len)
            continue;
        if (start >= MAX_PA || len > MAX_PA - start ||
            (r->n_ram && start <= r->ram[r->n_ram - 1].last))
            return false;
        r->ram[r->n_ram++] = (struct eg_range){ start, start + len - 1 };
    }
    return r->n_ram != 0;
}

static uint64_t append(struct linux_ranges *r, uint64_t at, uint64_t start, uint64_t end)
{
    if (end > start)
        r->at[r->n++] = (struct eg_image_range){ at, start, end - start };
    return end > start ? at + end - start : at;
}

/** All RAM without its holes. @by_kernel: as the kernel lists it in its resources, without the
 * first page and the BIOS area (trim_bios_range() in arch/x86/kernel/setup.c). */
static bool without_holes(struct linux_ranges *r, bool by_kernel, uint64_t size)
{
    enum { FIRST = 0x1000, BIOS = 0xa0000, BIOS_END = 0x100000 };
    uint64_t at = 0;

    r->what = "the RAM without its holes";
    r->n = 0;
    for (size_t i = 0; i < r->n_ram; i++) {
        const uint64_t start = r->ram[i].first, end = r->ram[i].last + 1;

        if (by_kernel) {
            at = append(r, at, EG_MAX(start, (uint64_t)FIRST), EG_MIN(end, (uint64_t)BIOS));
            at = append(r, at, EG_MAX(start, (uint64_t)BIOS_END), end);
        } else {
            at = append(r, at, start, end);
        }
    }
    return at == size;
}

/** The backing file of a virtual machine: memory below the hole that ends at 4 GiB, followed by
 * the memory above it. */
static bool without_hole(struct linux_ranges *r, uint64_t size)
{
    size_t above = 0;
    uint64_t len, low_end;

    while (above < r->n_ram && r->ram[above].first < FOUR_G)
        above++;
    if (!above || above == r->n_ram)
        return false;
    low_end = r->ram[above - 1].last + 1;
    len = r->ram[r->n_ram - 1].last + 1 - r->ram[above].first;
    if (len >= size || size - len >= FOUR_G || size - len < low_end ||
        size - len - low_end > KEPT_MAX)
        return false;
    r->what = "the RAM without the hole below 4 GiB";
    r->n = 0;
    append(r, append(r, 0, 0, size - len), r->ram[above].first, r->ram[above].first + len);
    return true;
}

size_t linux_ranges_of(struct linux_finder *f, uint64_t at, struct linux_ranges out[LINUX_LAYOUTS])
{
    const uint64_t size = eg_space_size(f->phys);
    size_t n = 0;

    if (!read_map(f, at, &out[0]))
        return 0;
    out[1] = out[2] = out[0];
    n += without_holes(&out[n], true, size);
    n += without_holes(&out[n], false, size);
    n += without_hole(&out[n], size);
    return n;
}

bool linux_ranges_place(const struct linux_ranges *r, uint64_t at, uint64_t *pa)
{
    for (size_t i = 0; i < r->n; i++)
        if (at >= r->at[i].at && at - r->at[i].at < r->at[i].len) {
            *pa = r->at[i].start + (at - r->at[i].at);
            return true;
        }
    return false;
}
