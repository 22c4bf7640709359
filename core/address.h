/** address.h - numbers and addresses as users write them: one grammar for options of the command,
 * arguments of plugins, and scripts.
 *
 *      NUMBER   decimal, or hexadecimal with 0x; never octal, 010 is ten. K, M, G or T behind it
 *               multiply by 2^10, 2^20, 2^30, 2^40
 *      ADDRESS  NUMBER, sixteen hexadecimal digits (as /proc/kallsyms prints them), or a symbol;
 *               then +NUMBER, and after a symbol also -NUMBER
 *      RANGE    ADDRESS-ADDRESS, the second not included; or ADDRESS,+NUMBER: so many bytes
 *      LIST     ADDRESSes and RANGEs with commas between them */
#ifndef EG_ADDRESS_H
#define EG_ADDRESS_H

#include "base.h"

/** Parse the NUMBER at the beginning of @text. @return its length; 0: there is none, or it does not
 * fit 64 bits. */
size_t eg_number_at(const char *text, uint64_t *out);
/** Parse all of @text as a NUMBER. @return false: it is not one. */
bool eg_number_parse(const char *text, uint64_t *out);

/** The source of symbols. */
struct eg_names {
    bool (*find)(void *context, const char *name, uint64_t *out);
    void *context;
};

/** Parse all of @text as one ADDRESS. @names NULL: no symbols. @return 0 or -EG_EUSAGE. */
int eg_address_parse(const char *text, const struct eg_names *names, uint64_t *out,
                     struct eg_error *e);

struct eg_addresses {
    uint64_t first, last; /**< inclusive */
    bool range;           /**< written as a RANGE */
};
/** Parse the next ADDRESS or RANGE of a LIST and move *@text behind it. @return 1; 0 at the end;
 * -EG_EUSAGE. */
int eg_address_next(const char **text, const struct eg_names *names, struct eg_addresses *out,
                    struct eg_error *e);

/** Read the next number of a list like "1,-2,0x1f" and advance *@s. @return false at the end, or
 * when it is not a number. */
bool eg_number_next(const char **s, int64_t *out);

#endif
