/** disasm.h - instructions as text, if this build has libcapstone. */
#ifndef EG_DISASM_H
#define EG_DISASM_H

#include "arch.h"

enum { EG_INSTRUCTION_MAX = 16 }; /**< bytes of the longest */

struct eg_disasm;
/** Belongs to the caller, and to one thread. @narrow: code of a 32-bit program of a 64-bit
 * processor. *@why: what is missing, if it is not there. NULL: then, and out of memory. */
struct eg_disasm *eg_disasm_open(const struct eg_arch *arch, bool narrow, const char **why);
void eg_disasm_close(struct eg_disasm *d); /**< NULL-safe */

/** Where the processor goes on behind an instruction. */
enum eg_flow {
    EG_FLOW_NEXT,   /**< at the next one */
    EG_FLOW_CALL,   /**< elsewhere, and comes back */
    EG_FLOW_JUMP,   /**< elsewhere */
    EG_FLOW_BRANCH, /**< at either */
    EG_FLOW_RETURN, /**< at the caller */
    EG_FLOW_TRAP,   /**< in a handler: a breakpoint, an undefined instruction */
};
struct eg_instruction {
    size_t size;
    char text[224];       /**< "mov rax, qword ptr [rip + 0x10]" */
    const char *operands; /**< in the text */
    enum eg_flow flow;    /**< of x86-64 and AArch64; NEXT of others */
    bool direct;          /**< a call, jump or branch whose target is in the instruction */
    uint64_t target;      /**< that target; 0: not direct */
};
/** The instruction at @bytes, of which @len can be read, at @at. @return false: none that is
 * known. */
bool eg_disasm_one(struct eg_disasm *d, const uint8_t *bytes, size_t len, uint64_t at,
                   struct eg_instruction *out);

#endif
