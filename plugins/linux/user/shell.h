/** user/shell.h - what bash knows: its variables as they are, its functions' names, the commands
 * whose place it remembers. They are in hash tables, which are found by their structure. */
#ifndef EG_LINUX_USER_SHELL_H
#define EG_LINUX_USER_SHELL_H

#include "memory.h"

/** Bits of linux_shell_item.attributes (variables.h: the same since bash 3). */
enum linux_shell_attribute {
    LINUX_SHELL_EXPORTED = 0x1,
    LINUX_SHELL_READONLY = 0x2,
    LINUX_SHELL_ARRAY = 0x4,
    LINUX_SHELL_FUNCTION = 0x8,
    LINUX_SHELL_ASSOC = 0x40,
    LINUX_SHELL_INVISIBLE = 0x1000, /**< declared, without a value */
};
struct linux_shell_item {
    enum linux_shell_kind {
        LINUX_SHELL_VARIABLE = 1,
        LINUX_SHELL_ELEMENT, /**< of an array; @index or @key */
        LINUX_SHELL_COMMAND, /**< of `hash`: @value is its path */
    } kind;
    uint64_t at;    /**< its struct; of an element the array's */
    uint64_t name;  /**< where the texts are */
    uint64_t value; /**< 0: none */
    uint64_t key;   /**< of an element of an associative array */
    int64_t index;  /**< of another element */
    uint32_t attributes;
    uint32_t context; /**< how deep the function is that has the variable; 0: none */
    uint32_t hits;    /**< how often a command's place was used */
};
/** Reused from one process to the next: zero it before the first. */
struct linux_shell {
    struct linux_user *u;
    struct linux_shell_item *found;
    size_t n, cap;
    size_t steps;             /* of the search that are left */
    struct linux_buffer text; /* for the search */
    struct linux_addresses tables;
};
/** @return how many items: 0 where the process is no bash. */
size_t linux_shell_find(struct linux_user *u, struct linux_shell *s);

enum { LINUX_SHELL_TEXT_MAX = 1 << 17 }; /**< bytes of a name or value that are looked at */

#endif
