/** sched/syscalls.h - system calls by number, and the processors that seccomp and audit know. */
#ifndef EG_LINUX_SYSCALLS_H
#define EG_LINUX_SYSCALLS_H

#include <stdint.h>

/** AUDIT_ARCH_… (include/uapi/linux/audit.h) */
enum linux_audit_arch {
    LINUX_AUDIT_I386 = 0x40000003,
    LINUX_AUDIT_ARM = 0x40000028,
};
#define LINUX_AUDIT_X86_64  UINT32_C(0xc000003e)
#define LINUX_AUDIT_AARCH64 UINT32_C(0xc00000b7)
#define LINUX_AUDIT_RISCV64 UINT32_C(0xc00000f3)

enum { LINUX_SYSCALLS = 512 }; /**< no number as high has a name, but of x32 */

/** The name of a system call; NULL: none that is known. */
const char *linux_syscall_name(uint32_t arch, uint32_t number);

#endif
