/** mm/flags.h - bits of mappings by name (include/linux/mm.h). */
#ifndef EG_LINUX_MM_FLAGS_H
#define EG_LINUX_MM_FLAGS_H

enum linux_vm { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4, VM_MAYSHARE = 0x80 };

#endif
