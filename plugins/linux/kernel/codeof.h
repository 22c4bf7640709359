/** kernel/codeof.h - whose code an address is: a hook that leads to code of nobody is planted. */
#ifndef EG_LINUX_CODEOF_H
#define EG_LINUX_CODEOF_H

#include "../../../core/engram.h"

struct linux_codeof {
    /** "kernel", or the name of a module that is listed; NULL: of neither. */
    const char *module;
    const char *symbol; /**< "nft_do_chain_inet+0x10"; NULL: nothing has a name there */
    bool begins;        /**< it is the beginning of a function, or nothing has a name there */
    const char *hint;   /**< what is odd about it; NULL: nothing */
};
/** @out's texts live as long as the run. */
EG_API void linux_codeof(struct eg_run *r, uint64_t addr, struct linux_codeof *out);

#endif
