/** optables.h - what the parts of the plugin optables share: which tables of functions were
 * reached, and who uses each. */
#ifndef EG_OPTABLES_H
#define EG_OPTABLES_H

#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/fnmembers.h"

/** A kind of struct, with what of it leads to functions. */
struct optables_type {
    const char *name;
    uint32_t id;
    const struct linux_fnmembers *members;
    bool object;       /**< looks like a table, but is registered one by one and may lie anywhere */
    bool own;          /**< and its functions are of whose memory it lies in */
    uint64_t *last;    /**< by member: the table that the last object had */
    size_t *last_seen; /**< and its number */
};

/** Who uses a table: the text is made only where it is shown. */
struct optables_user {
    const char *(*say)(struct eg_run *r, uint64_t at);
    uint64_t at;
    const char *module; /**< whose it is; NULL: the kernel's, or it does not matter */
};

struct optable {
    const struct optables_type *type;
    uint64_t addr, users;
    struct optables_user user; /**< the first */
    const char *hint;          /**< what is odd about the table itself */
    bool object;               /**< not a table: a struct with pointers to functions */
};

struct optables {
    struct eg_run *r;
    const struct linux_codes *codes;
    struct optable *at;
    size_t n, cap;
    struct eg_map *seen, *types, *pairs;
    struct eg_map *shown;     /**< pointers that have a row */
    struct eg_map *originals; /**< the kernel's tables by their contents */
    uint64_t unread;          /**< tables and objects that cannot be read */
    const char *asked;        /**< the module that was last asked for, and the answer */
    bool takes_over;
    bool full;
};

/** The type of this name; NULL: this kernel does not have it. */
struct optables_type *optables_type(struct optables *o, const char *name);
/** The object at @addr, a struct of @type: its functions, and the tables that it leads to. Both may
 * be NULL and 0. */
void optables_object(struct optables *o, struct optables_type *type, uint64_t addr,
                     struct optables_user user);
/** A table. @return its number in o->at; SIZE_MAX: there is none, or no room. */
size_t optables_table(struct optables *o, struct optables_type *type, uint64_t addr,
                      struct optables_user user);
/** Do two modules have to do with each other: one uses the other? */
bool optables_related(struct eg_run *r, const char *one, const char *other);

/** @at is an inode: its name. */
const char *optables_say_inode(struct eg_run *r, uint64_t at);
/** A user that is a text. */
const char *optables_say_text(struct eg_run *r, uint64_t text);
static inline struct optables_user optables_named(const char *text)
{
    return (struct optables_user){ optables_say_text, (uint64_t)(uintptr_t)text, NULL };
}

/* ---- where tables are looked for: each in a file of its own ---- */

void optables_files(struct optables *o);   /**< file systems, inodes, open files, /proc */
void optables_network(struct optables *o); /**< sockets, interfaces, protocols */
void optables_devices(struct optables *o); /**< terminals, character and block devices */
void optables_single(struct optables *o); /**< mappings, locks, debugfs, what one inode has alone */
void optables_sysfs(struct optables *o);  /**< attributes in sysfs */
void optables_lists(struct optables *o);  /**< what registers itself in a list of the kernel */
/** Constants of the kernel that lead into a module or to code of nobody, in whatever table: rows of
 * those that have none yet. */
void optables_constants(struct optables *o,
                        void (*show)(struct optables *o, const char *kind, const char *table,
                                     uint64_t at, const char *member, uint64_t function,
                                     const char *hint));

#endif
