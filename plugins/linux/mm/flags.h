/** mm/flags.h - bits of mappings by name (include/linux/mm.h). */
#ifndef EG_LINUX_MM_FLAGS_H
#define EG_LINUX_MM_FLAGS_H

enum linux_vm {
    VM_READ = 1,
    VM_WRITE = 2,
    VM_EXEC = 4,
    VM_SHARED = 8,
    VM_MAYWRITE = 0x20,
    VM_MAYSHARE = 0x80,
    VM_PFNMAP = 0x400,
    VM_LOCKED = 0x2000,
    VM_IO = 0x4000,
    VM_HUGETLB = 0x400000,
};

#endif
