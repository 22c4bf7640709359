/** mkkernel.h - a synthetic x86-64 machine in which a Linux kernel can be found by every trace:
 * page tables, the boot's trampoline, VMCOREINFO, kallsyms, BTF, and the few variables that checks
 * read. Raw physical memory: tests damage or copy parts of it and open it. */
#ifndef MK_KERNEL_H
#define MK_KERNEL_H

#include "image.h"
#include "system.h"

/* Physical places. */
enum {
    MK_RAM = 32 << 20,
    MK_LOW_ROOT = 0x9c000,
    MK_NOTE = 0x200000, /**< the VMCOREINFO note's page */
    MK_BARE = 0x201000, /**< vmcoreinfo_data */
    MK_IMAGE = 4 << 20, /**< the kernel image: text, then rodata, then data */
    MK_CODE =
        MK_IMAGE + 0x12000, /**< of functions, 0x100 bytes each: write_kallsyms() has their names */
    MK_RODATA = 6 << 20,
    MK_BTF = MK_RODATA + 0x1000,
    MK_KALLSYMS = 9 << 20,
    MK_DATA = 10 << 20,
    MK_ROOT = MK_DATA, /**< init_top_pgt, and the tables below it in the pages behind */
    MK_IMAGE_END = 12 << 20,
    MK_TASK = MK_DATA + 0x8000,
    MK_CLOCK = MK_DATA + 0xb800,
    MK_SLOTS = 64,      /**< of an xa_node */
    MK_COPY = 20 << 20, /**< room for a copy of the image */
};
#define MK_DELTA (UINT64_C(0xffffffff82000000) - MK_IMAGE)

struct mk_kernel {
    uint8_t *ram;
    unsigned levels;
};

void mk_kernel_init(struct mk_kernel *k, unsigned levels);
void mk_kernel_fini(struct mk_kernel *k);
/** Take the traces away. */
void mk_kernel_no_trampoline(struct mk_kernel *k);
void mk_kernel_no_vmcoreinfo(struct mk_kernel *k);
void mk_kernel_no_btf(struct mk_kernel *k);
void mk_kernel_no_kallsyms(struct mk_kernel *k);
/** kallsyms lists functions only (CONFIG_KALLSYMS_ALL=n). One of them names vmcoreinfo_data. */
void mk_kernel_functions_only(struct mk_kernel *k);
/** All entries of page tables have this bit: AMD's encryption of memory. */
void mk_kernel_encrypt(struct mk_kernel *k, unsigned bit);
/** That function names nothing. */
void mk_kernel_no_naming(struct mk_kernel *k);
/** The BTF of a very small kernel, which can have modules: only this one has struct module. */
void mk_kernel_small_btf(struct mk_kernel *k);
/** Another note, in the page at @pa: of a kernel that was loaded @by bytes higher. */
void mk_kernel_note(struct mk_kernel *k, uint64_t pa, uint64_t by);

/** Open it as raw memory of its first @len bytes; @cpu_root 0, or what a CPU's note says. */
struct eg_system *mk_kernel_open(const struct mk_kernel *k, size_t len, uint64_t cpu_root,
                                 const struct eg_find_options *o);
/** Was its kernel found? @sys may be NULL. */
bool mk_kernel_opens(const struct eg_system *sys);
/** Is @text in a note of the system? */
bool mk_kernel_says(const struct eg_system *sys, const char *text);
/** Print candidates and the checks that they failed. */
void mk_kernel_explain(const struct eg_system *sys);
/** The system, and its image. */
void mk_kernel_close(struct eg_system *sys);

#endif
