/** arch.h - what the kernels of one processor look like from outside. To add one: a record in
 * arch_NAME.c, and its name in LINUX_ARCHS. */
#ifndef EG_LINUX_ARCH_H
#define EG_LINUX_ARCH_H

#include "../../../core/arch.h"
#include "../../../core/image.h"
#include "../../../profiles/vmcoreinfo.h"

struct linux_candidate;

struct linux_arch {
    const char *name;              /**< of its eg_arch */
    uint64_t image_min, image_max; /**< a kernel image lies in this range of addresses, inclusive */
    bool image_alone;              /**< and nothing else does */
    struct {
        uint8_t levels, va_bits, granule; /**< as in eg_paging */
    } modes[12];                          /**< ways of translation to try; 0 levels end them */
    const char *const *roots;             /**< symbols of the kernel's top table */
    /** Page-table isolation: the bit of a root that selects the table for user mode. */
    uint64_t user_half;
    uint64_t low_roots; /**< top tables are looked for below this physical address */
    /** In raw memory without the holes below its first megabyte, or with an offset, a byte is at most
     * so far below its address; 0: this is not looked for. */
    uint64_t low_holes;
    /** Shift, root and levels from VMCOREINFO. False: not of this processor. */
    bool (*vmcoreinfo)(const struct eg_vmcoreinfo *t, struct linux_candidate *c);
    /** Where the linear map of all memory has @pa, by the kernel's own variables, read in @phys. */
    bool (*linear)(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                   uint64_t pa, uint64_t *va);
    bool moves; /**< its RAM begins at any address, so a raw image does not say where */
};
static inline bool linux_in_image(const struct linux_arch *a, uint64_t va)
{
    return va >= a->image_min && va <= a->image_max;
}
/** In this order they are tried where nothing says which it is: the most common first. */
#define LINUX_ARCHS(X)    X(x86_64) X(aarch64) X(riscv64)
#define LINUX_ARCH_(name) extern const struct linux_arch linux_##name;
LINUX_ARCHS(LINUX_ARCH_)

bool linux_big_endian(const struct linux_arch *a);
const struct linux_arch *linux_arch_nth(size_t i);
const struct linux_arch *linux_arch_of(const char *name);
/** The @i-th way of translation into @p; false: past the last. */
bool linux_mode(const struct linux_arch *arch, size_t i, struct eg_paging *p);

#endif
