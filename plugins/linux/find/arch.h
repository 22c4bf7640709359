/** arch.h - what is particular to Linux on one processor. To add a processor: a record in
 * arch_NAME.c and its name in LINUX_ARCHS. */
#ifndef EG_LINUX_ARCH_H
#define EG_LINUX_ARCH_H

#include "../../../core/arch.h"
#include "../../../core/image.h"
#include "../../../profiles/vmcoreinfo.h"

struct linux_candidate;

struct linux_arch {
    const char *name;              /**< name of its eg_arch */
    uint64_t image_min, image_max; /**< where the kernel image may lie, inclusive */
    bool image_alone;              /**< nothing else is mapped in that range */
    struct {
        uint8_t levels, va_bits, granule; /**< as in eg_paging */
    } modes[12]; /**< translation modes to try; the first with 0 levels ends the list */
    const char *const *roots; /**< symbols of the kernel's top-level page table; NULL ends them */
    /** Page-table isolation: the bit of a root that selects the table for user mode. */
    uint64_t user_half;
    uint64_t low_roots; /**< top-level tables are searched for below this physical address */
    /** Raw memory without its holes: a byte of the file is at most this far below its physical
     * address. 0: such files are not searched for. */
    uint64_t low_holes;
    /** Set delta, root and levels from VMCOREINFO. @return false: it is of another processor. */
    bool (*vmcoreinfo)(const struct eg_vmcoreinfo *t, struct linux_candidate *c);
    /** The virtual address of physical @pa in the linear map, from the kernel's own variables,
     * which are read from @phys; or, for kernels without such variables, from the page tables, if
     * @c has a space. */
    bool (*linear)(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                   uint64_t pa, uint64_t *va);
    /** How far KASLR moved @c's image from its link-time address. NULL: only VMCOREINFO says so. */
    bool (*slide)(struct eg_view *v, struct eg_space *phys, const struct linux_candidate *c,
                  uint64_t *slide);
    /** The bit of encrypted memory (AMD's C-bit) in the entries of the top table at @root; 0: none.
     * NULL: the processor has no such bit. */
    uint64_t (*encryption)(struct eg_view *v, struct eg_space *phys, uint64_t root);
    bool moves; /**< RAM may begin at any physical address, which a raw image does not contain */
};
static inline bool linux_in_image(const struct linux_arch *a, uint64_t va)
{
    return va >= a->image_min && va <= a->image_max;
}
/** In the order in which they are tried where nothing names the processor: the most common
 * first. */
#define LINUX_ARCHS(X)    X(x86_64) X(aarch64) X(riscv64)
#define LINUX_ARCH_(name) extern const struct linux_arch linux_##name;
LINUX_ARCHS(LINUX_ARCH_)

bool linux_big_endian(const struct linux_arch *a);
const struct linux_arch *linux_arch_nth(size_t i);
const struct linux_arch *linux_arch_of(const char *name);
/** Set @p to the @i-th translation mode. @return false: there are no more. */
bool linux_mode(const struct linux_arch *arch, size_t i, struct eg_paging *p);
/** Set enc_mask of @p by what its tables show, unless it is known. */
void linux_set_encryption(struct eg_view *v, struct eg_space *phys, const struct linux_arch *arch,
                          struct eg_paging *p);

#endif
