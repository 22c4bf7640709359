/** mkmodule.h - a kernel of x86-64 or AArch64 with a module that was loaded from a file, and that
 * file: a place of each kind that the kernel patches. */
#ifndef MK_MODULE_H
#define MK_MODULE_H

#include "mklinux.h"

/** Offsets in the module's .text. */
enum mk_module_place {
    MK_MODULE_FTRACE = 0x00,    /**< call __fentry__ */
    MK_MODULE_OWN = 0x05,       /**< call callee, of the kernel */
    MK_MODULE_RETURN = 0x11,    /**< jmp __x86_return_thunk */
    MK_MODULE_ALT = 0x20,       /**< five bytes that have a replacement */
    MK_MODULE_RETPOLINE = 0x30, /**< call __x86_indirect_thunk_rax */
    MK_MODULE_LOCK = 0x40,
    MK_MODULE_JUMP = 0x50, /**< a jump label, to 0x58 */
    MK_MODULE_CALL = 0x60, /**< a static call */
    MK_MODULE_ENDBR = 0x70,
    MK_MODULE_WIDE = 0x80,   /**< movabs of the address of .data */
    MK_MODULE_OTHERS = 0x90, /**< call what another module exports */
    MK_MODULE_PLAIN = 0xa0,  /**< no table names it */
    MK_MODULE_TEXT = 0x100,  /**< bytes */
    // Of AArch64; and those of alternatives, of jump labels, and the one that no table names.
    MK_MODULE_NOPS = 0x00, /**< two, of ftrace */
    MK_MODULE_NEAR = 0x10, /**< bl callee */
    MK_MODULE_FAR = 0x14,  /**< bl far_callee, through the veneer */
    MK_MODULE_PAGE = 0x18, /**< adrp, add: of .data */
    MK_MODULE_VENEER = 0x200,
};

struct mk_module {
    struct mk *k;
    bool arm64;
    uint64_t text, data, head;             /**< the kernel's code, its data; the list of modules */
    uint64_t module, other;                /**< the struct modules */
    uint64_t code, constants, writable;    /**< pages of the module */
    uint64_t sections, record, static_key; /**< sect_attrs; its dyn_ftrace; of the jump label */
    uint8_t file[0x2000];                  /**< the module's, uncompressed */
    size_t len;
    uint8_t *in_file; /**< .text in it */
};
/** The module is as it is when it was just loaded: what stands in the file, relocated. @m: zeroed
 * memory, but for @arm64. */
void mk_module(struct mk_module *m);
/** The layer's own state; before the first rows. */
void mk_module_settle(struct mk_module *m);

#endif
