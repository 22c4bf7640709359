/** mkcode.h - a synthetic machine with code of the kernel, of a module that did not come with it,
 * and of nobody: for tests of what says whose code a function is. */
#ifndef MK_CODE_H
#define MK_CODE_H

#include "mklinux.h"

struct mk_code {
    struct mk *k;
    uint64_t kernel; /**< functions of the kernel's image begin here */
    uint64_t module; /**< a function of the module "extra" */
    uint64_t of;     /**< its struct module */
    uint64_t nobody; /**< code that nobody has */
    uint64_t next, end;
    bool ready;
};

/** Lists, hlists, a module and what else codeof needs are declared; @types are added. mk_free(c.k)
 * when done. */
struct mk_code mk_code(const struct mk_machine *m, const char *types);
/** One more function of the kernel's. */
uint64_t mk_function(struct mk_code *c, const char *name);
/** A variable of @size bytes of which each of two CPUs has a copy: that of the first; the other is
 * MK_CPU behind it. */
uint64_t mk_percpu(struct mk_code *c, const char *name, uint64_t size);
enum { MK_CPU = 0x2000 };
/** The rows of a plugin with these columns only, by name with blanks between; a row is a line,
 * cells have bars between. @args: as mk_rows has them. Until the next call. */
const char *mk_code_rows(struct mk_code *c, const char *plugin, const char *const *args,
                         const char *columns);
/** An hlist_head at @head with this node at its front. */
void mk_hlist_add(struct mk *k, uint64_t head, uint64_t node);

#define MK_NOBODY  "code of no module that is listed, nor of the kernel"
#define MK_OUTSIDE "the module is not of the kernel's tree"

#endif
