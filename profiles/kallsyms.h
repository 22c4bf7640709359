/** kallsyms.h - the kernel's symbol table in its .rodata, in every storage format
 * (kernel/kallsyms.c): absolute addresses (to 6.10), base relative, absolute per-CPU (4.6 to 6.14,
 * x86), relative to their own place (from 7.0). */
#ifndef EG_KALLSYMS_H
#define EG_KALLSYMS_H

#include "../core/profile.h"
#include "../core/space.h"

enum eg_kallsyms_form {
    EG_KS_ABSOLUTE = 1,
    EG_KS_BASE_RELATIVE,
    EG_KS_ABS_PERCPU,
    EG_KS_PLACE_RELATIVE
};

/** The places of the tables, as addresses of one space (the kernel's, or physical memory). 0: not
 * known or not there. */
struct eg_kallsyms {
    struct eg_space *space;
    uint64_t names, num_syms, token_table, token_index;
    uint64_t offsets;       /**< or addresses, for EG_KS_ABSOLUTE */
    uint64_t relative_base; /**< address of the variable */
    uint64_t va_delta; /**< virtual address minus address in @space, for place-relative symbols */
    uint32_t count;    /**< of symbols; 0: read it from num_syms */
    enum eg_kallsyms_form form; /**< 0: detect it */
    bool big_endian;
    uint8_t ptr_size;
};

/** Find the tables by their structure in [@from, @to] of a space (physical or virtual). Calls
 * @found for each that passes all checks (token index, markers, counts) until it returns true.
 * *@budget: the work that may be spent on false matches, reduced by what was spent; NULL: enough
 * for a whole image. @return how many were found. */
size_t eg_kallsyms_scan(struct eg_view *v, struct eg_space *as, uint64_t from, uint64_t to,
                        bool big_endian, bool (*found)(void *context, const struct eg_kallsyms *k),
                        void *context, int *budget);

/** Decode and check every symbol, on @threads threads. The symbols have run-time addresses. */
int eg_kallsyms_read(struct eg_profile **out, struct eg_view *v, struct eg_kallsyms *k,
                     unsigned threads, struct eg_error *e);

#endif
