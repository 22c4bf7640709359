/* arch.c - the architectures of this build, and opening a page table by its record. */
#include "arch.h"

extern const struct eg_arch_reg *const __start_eg_archs[]
    __attribute__((__weak__, __visibility__("hidden")));
extern const struct eg_arch_reg *const __stop_eg_archs[]
    __attribute__((__weak__, __visibility__("hidden")));

const struct eg_arch *eg_arch_nth(size_t i)
{
    const struct eg_arch_reg *const *all = __start_eg_archs, *const *end = __stop_eg_archs;

    // A handful, in the linker's order: the i-th is the one that i others come before.
    for (const struct eg_arch_reg *const *a = all; a < end; a++) {
        size_t before = 0;

        for (const struct eg_arch_reg *const *b = all; b < end; b++)
            before += strcmp((*b)->name, (*a)->name) < 0;
        if (before == i)
            return (*a)->arch;
    }
    return NULL;
}

const struct eg_arch *eg_arch_find(const char *name)
{
    const struct eg_arch *a;

    for (size_t i = 0; (a = eg_arch_nth(i)); i++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

const struct eg_arch *eg_arch_of_elf(uint16_t machine, bool big_endian)
{
    const struct eg_arch *a;

    for (size_t i = 0; machine && (a = eg_arch_nth(i)); i++)
        if (a->elf_machine == machine && a->model.big_endian == big_endian)
            return a;
    return NULL;
}

int eg_paging_open(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                   const struct eg_paging *p, struct eg_error *e)
{
    if (!p->arch)
        return eg_fail(e, EG_EUSAGE, "page tables of an unknown architecture: name one");
    return p->arch->open(out, a, phys, p, e);
}
