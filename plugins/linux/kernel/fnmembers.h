/** kernel/fnmembers.h - which members of a struct are pointers to functions, and which lead to
 * tables of them ("struct file_operations"), by the kernel's own types. */
#ifndef EG_LINUX_FNMEMBERS_H
#define EG_LINUX_FNMEMBERS_H

#include "../../../core/engram.h"

struct linux_fnmember {
    const char *name; /**< "open", "i_data.a_ops"; of a union "i_fop/free_inode" */
    uint32_t off;     /**< bytes from the beginning of the struct */
    uint32_t table;   /**< the type of the table that it leads to; 0: it is no such pointer */
    bool function;    /**< a pointer to a function; with @table: one or the other, as in a union */
    bool maybe;       /**< in a union with something else */
};
struct linux_fnmembers {
    const struct linux_fnmember *at;
    uint32_t n, functions; /**< @functions: how many are pointers to functions */
    uint64_t size;         /**< bytes of the struct */
    bool table;            /**< the struct is a table itself */
    bool linked;           /**< it has a list_head of its own: there is one for each that registers
                                itself, often allocated */
};
/** Of the struct with this type id; members of structs within it too. Lives as long as the run. A
 * table is a struct whose name ends in "_ops" or "_operations", or half of which are pointers to
 * functions. A pointer in a union with something else that is no such pointer is left out, or is
 * @maybe. Work that is put off (timers, work items, RCU callbacks) is left out: its functions are
 * set only while it waits. */
EG_API const struct linux_fnmembers *linux_fnmembers(struct eg_run *r, uint32_t type);

#endif
