/** own/ktext.h - the code of the kernel and of its modules, instruction by instruction: what leads
 * out of it. */
#ifndef EG_LINUX_KTEXT_H
#define EG_LINUX_KTEXT_H

#include "../../../core/system.h"

/** From a symbol to the next one, or to its own end where that is known: bytes from the part's
 * first. */
struct linux_ktext_function {
    uint32_t at, end;
};
/** Code of one owner that lies together. */
struct linux_ktext_part {
    uint64_t first, last;   /**< both inclusive */
    const char *who;        /**< "kernel", or a module's name */
    const uint8_t *bytes;   /**< what cannot be read is zero */
    const uint8_t *missing; /**< for each page, whether it cannot be read */
    const uint8_t *starts;  /**< for each byte, bit 0: an instruction begins there */
    const struct linux_ktext_function *functions; /**< ascending, each once */
    size_t n_functions;
};

enum linux_ktext_what {
    LINUX_KTEXT_CALL,   /**< a call that leads out of all code that is known */
    LINUX_KTEXT_JUMP,   /**< the same of a jump or branch */
    LINUX_KTEXT_FAR,    /**< a jump with the whole address in it, which compilers do not write */
    LINUX_KTEXT_INSIDE, /**< a call, jump or branch into the middle of an instruction */
    LINUX_KTEXT_STOPS,  /**< a breakpoint in the flow of a function */
    LINUX_KTEXT_SLOT,   /**< a call or jump by a pointer, which lies at target */
};
struct linux_ktext_found {
    uint64_t at, target;
    uint8_t what; /**< enum linux_ktext_what */
    uint32_t part;
};

struct linux_ktext {
    struct linux_ktext_part *parts; /**< the kernel's first; then modules', by address */
    size_t n_parts;
    struct linux_ktext_found *found; /**< by address */
    size_t n_found;
    uint64_t n_functions, n_steps, n_undecoded; /**< undecoded: functions with other bytes */
    uint64_t n_missing;                         /**< pages that cannot be read */
    bool cut;                                   /**< there is more, which is not kept */
};
/** All of it lives as long as the run. @return false: neither _stext nor _etext is known, or this
 * processor's instructions are not. */
EG_API bool linux_ktext(struct eg_run *r, struct linux_ktext *out);
/** The part that has @addr; NULL: none. */
EG_API const struct linux_ktext_part *linux_ktext_at(const struct linux_ktext *t, uint64_t addr);
/** Can @addr be read, as far as a part has it? */
EG_API bool linux_ktext_there(const struct linux_ktext_part *p, uint64_t addr);

#endif
