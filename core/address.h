/** address.h - numbers and addresses as people write them: one grammar for the command's options, the
 * arguments of plugins, and scripts.
 *
 *      NUMBER   decimal, or hexadecimal with 0x; never octal, 010 is ten. K, M, G or T behind it
 *               multiply by 2^10, 2^20, 2^30, 2^40
 *      ADDRESS  NUMBER, sixteen hexadecimal digits (as /proc/kallsyms prints them), or a symbol; then
 *               +NUMBER, and behind a symbol also -NUMBER
 *      RANGE    ADDRESS-ADDRESS, the second not included; or ADDRESS,+NUMBER: so many bytes
 *      LIST     ADDRESSes and RANGEs with commas between them */
#ifndef EG_ADDRESS_H
#define EG_ADDRESS_H

#include "base.h"

/** The NUMBER that @text begins with. @return its length; 0: there is none, or it needs more than
 * 64 bits. */
size_t eg_number_at(const char *text, uint64_t *out);
/** Is all of @text a NUMBER? */
bool eg_number_parse(const char *text, uint64_t *out);

/** Who knows the symbols. */
struct eg_names {
    bool (*find)(void *context, const char *name, uint64_t *out);
    void *context;
};

/** All of @text is one ADDRESS. @names may be NULL: no symbols. @return 0 or -EG_EUSAGE. */
int eg_address_parse(const char *text, const struct eg_names *names, uint64_t *out,
                     struct eg_error *e);

struct eg_addresses {
    uint64_t first, last; /**< inclusive */
    bool range;           /**< written as one */
};
/** The next ADDRESS or RANGE of a LIST; *@text moves on. @return 1; 0 at the end; -EG_EUSAGE. */
int eg_address_next(const char **text, const struct eg_names *names, struct eg_addresses *out,
                    struct eg_error *e);

#endif
