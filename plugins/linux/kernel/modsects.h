/** kernel/modsects.h - sections and symbols of a module, as its file had them. */
#ifndef EG_LINUX_MODSECTS_H
#define EG_LINUX_MODSECTS_H

#include "../../../core/engram.h"

struct linux_modsect {
    const char *name;    /**< in the run's memory */
    uint64_t addr, size; /**< size: up to the next section, or the end of the part; 0 of one gone */
    const char *kind;    /**< of the part of memory that it is in; NULL: it is gone */
    bool made; /**< the module's own list of sections is gone: the part of memory as a section */
};
/** By address, in the run's memory. Start-up sections are gone when a module has started. @return
 * how many. */
EG_API size_t linux_modsects(struct eg_run *r, struct eg_obj module, struct linux_modsect **out);

struct linux_modsym {
    const char *name; /**< in the run's memory */
    uint64_t addr, size;
    uint8_t info; /**< st_info: STB_…, STT_… */
};
struct linux_modsym_walk {
    uint64_t symtab, strtab;
    uint32_t n, i;
    bool begun;
    bool recounted; /**< its count was cleared: it follows from where the names begin */
    uint32_t lost;  /**< so many could not be read */
};
/** The module's own table, in its order. */
EG_API bool linux_next_modsym(struct eg_run *r, struct eg_obj module, struct linux_modsym_walk *w,
                              struct linux_modsym *out);

#endif
