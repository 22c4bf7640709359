/* flags.c - bits of mappings by name. Those above the lowest 16 moved between releases, or depend
 * on the processor: only the ones that did not are named. */
#include "flags.h"
#include "../../../core/engram.h"

static const struct eg_constant vma_flags[] = {
    { "VM_READ", VM_READ },
    { "VM_WRITE", VM_WRITE },
    { "VM_EXEC", VM_EXEC },
    { "VM_SHARED", 0x8 },
    { "VM_MAYREAD", 0x10 },
    { "VM_MAYWRITE", 0x20 },
    { "VM_MAYEXEC", 0x40 },
    { "VM_MAYSHARE", VM_MAYSHARE },
    { "VM_GROWSDOWN", 0x100 },
    { "VM_PFNMAP", 0x400 },
    { "VM_LOCKED", 0x2000 },
    { "VM_IO", 0x4000 },
    { "VM_SEQ_READ", 0x8000 },
    { "VM_RAND_READ", 0x10000 },
    { "VM_DONTCOPY", 0x20000 },
    { "VM_DONTEXPAND", 0x40000 },
    { "VM_ACCOUNT", 0x100000 },
    { "VM_NORESERVE", 0x200000 },
    { "VM_HUGETLB", 0x400000 },
    { "VM_DONTDUMP", 0x4000000 },
    { "VM_MIXEDMAP", 0x10000000 },
    { "VM_HUGEPAGE", 0x20000000 },
    { "VM_NOHUGEPAGE", 0x40000000 },
    { "VM_MERGEABLE", 0x80000000 },
    { NULL, 0 },
};

EG_CONSTANTS(vm_flags) = {
    .os = "linux",
    .help = "bits of vm_area_struct.vm_flags",
    .list = vma_flags,
};
