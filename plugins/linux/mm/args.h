/** mm/args.h - the program that a process runs, its command line and its environment, which exec
 * laid down on its stack. The process can write over both. */
#ifndef EG_LINUX_ARGS_H
#define EG_LINUX_ARGS_H

#include "mm.h"

/** The path of the program, as in /proc/PID/exe. */
EG_API struct eg_cell linux_exe(struct eg_run *r, struct eg_obj task);

/** The command line as in /proc/PID/cmdline, without NULs at its end: *@len bytes, a NUL between
 * arguments. @missing: the cell of one that cannot be read. In @buf, until its next use; NULL when
 * there is none. */
EG_API char *linux_command_line(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                                size_t *len, struct eg_cell *missing);

/** The same as ps shows it: with blanks between arguments, of a kernel thread its whole name
 * in brackets. */
EG_API struct eg_cell linux_shown_args(struct eg_run *r, struct eg_obj task,
                                       struct linux_buffer *buf);

/** The environment: *@len bytes, NAME=VALUE with a NUL behind each. NULL when no byte can be read,
 * with @missing its reason; a note says what part cannot. In @buf, until its next use. */
EG_API char *linux_environment(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                               size_t *len, struct eg_cell *missing);

/** The variables of a process, each once read: `linux_each_variable(r, task, &buf, v)`. */
struct linux_variable {
    const char
        *key; /**< or the whole text, where it has no equals sign: the process wrote over it */
    size_t key_len;
    const char *value; /**< NULL: no equals sign */
    size_t value_len;
};
struct linux_variable_walk {
    struct linux_buffer *buf;
    const char *text;
    size_t at, len;
    bool begun;
};
EG_API bool linux_next_variable(struct eg_run *r, struct eg_obj task, struct linux_variable_walk *w,
                                struct linux_variable *out);
#define linux_each_variable(r, task, buf_, v)                                                      \
    for (struct linux_variable_walk EG_CAT(w_, __LINE__) = { .buf = (buf_) };                      \
         linux_next_variable((r), (task), &EG_CAT(w_, __LINE__), &(v));)

#endif
