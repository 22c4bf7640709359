/** user/environ.h - the environment that a program has now, which setenv(), putenv() and unsetenv()
 * change: mm/args.h has the block that exec laid down. */
#ifndef EG_LINUX_USER_ENVIRON_H
#define EG_LINUX_USER_ENVIRON_H

#include "memory.h"
#include "shell.h"

struct eg_map;

struct linux_setting {
    uint64_t name;   /**< where the text is */
    size_t name_len; /**< of it the name; all of it where there is no equals sign */
    uint64_t value;  /**< where the value is; 0: no equals sign */
};
/** Reused from one process to the next: zero it before the first. */
struct linux_environ {
    enum linux_environ_from {
        LINUX_ENVIRON_NONE,    /**< not found */
        LINUX_ENVIRON_SYMBOL,  /**< the C library's variable environ, by its symbol */
        LINUX_ENVIRON_POINTER, /**< an array that a variable points to and that looks like one */
        LINUX_ENVIRON_STACK,   /**< the array that exec laid down: nothing points to another */
        LINUX_ENVIRON_SHELL,   /**< the exported variables of bash */
    } from;
    uint64_t array; /**< where it is; of a shell 0 */
    size_t lost;    /**< of its settings, those that cannot be read: at least so many */
    struct linux_setting *found;
    size_t n, cap;
    struct linux_shell shell; /* for the search */
    struct eg_map *known;     /* for the search: inode → where its variable is, bytes */
};
/** @return how many. A cleared environment is 0 with .from set. */
size_t linux_environ_find(struct linux_user *u, struct linux_environ *e);

/** Where the C library's variable is, by its symbol. @return false: no object has the symbol, or
 * memory lacks its table. */
bool linux_environ_variable(struct linux_user *u, struct linux_environ *e, uint64_t *at);

enum { LINUX_SETTING_MAX = 1 << 17 }; /**< bytes of one: MAX_ARG_STRLEN of fs/exec.c */

#endif
