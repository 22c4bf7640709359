/** arch.c - the processors whose Linux kernels are supported. */
#include "arch.h"

#define RECORD_(name) &linux_##name,
static const struct linux_arch *const archs[] = { LINUX_ARCHS(RECORD_) };

bool linux_big_endian(const struct linux_arch *a)
{
    const struct eg_arch *arch = eg_arch_find(a->name);

    return arch && arch->model.big_endian;
}

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
    return i < countof(archs) ? archs[i] : NULL;
}

const struct linux_arch *linux_arch_of(const char *name)
{
    for (size_t i = 0; i < countof(archs); i++)
        if (!strcmp(archs[i]->name, name))
            return archs[i];
    return NULL;
}

void linux_set_encryption(struct eg_view *v, struct eg_space *phys, const struct linux_arch *arch,
                          struct eg_paging *p)
{
    if (!p->enc_mask && arch->encryption)
        p->enc_mask = arch->encryption(v, phys, p->root);
}
