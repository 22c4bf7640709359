/** syscalls.h - system calls of a Linux guest: which function a number means, what it takes,
 * and the values that a program gave it as text.
 *
 *  What a call takes is said by the kernel itself: by the descriptions that it keeps for its
 * tracers, else by the prototypes in its BTF. Nothing here is a list of calls with their
 * arguments. */
#ifndef EG_LIVE_SYSCALLS_H
#define EG_LIVE_SYSCALLS_H

#include "../core/run.h"
#include "ring.h"

enum { SYSCALL_ARGS = 6 };
enum syscall_kind {
    SYSCALL_VALUE, /**< a number of @bits, signed or not */
    SYSCALL_POINTER,
    SYSCALL_TEXT, /**< a path or another text that ends with a NUL */
    SYSCALL_FD,
    SYSCALL_FLAGS_OPEN,
    SYSCALL_MODE,
    SYSCALL_PROT,
    SYSCALL_SIGNAL,
};
struct syscall_arg {
    const char *name, *type; /**< "dfd", "int" */
    enum syscall_kind kind;
    uint8_t bits; /**< of the value: 8 to 64 */
    bool is_signed;
};
struct syscall {
    const char *name;   /**< "openat"; NULL: no call has this number */
    const char *source; /**< where the arguments are from; NULL: they are not known */
    unsigned n;
    struct syscall_arg args[SYSCALL_ARGS];
};
/** All calls, [0] of 64-bit programs, [1] of 32-bit ones: in the run's memory. */
struct syscalls {
    struct syscall of[2][RING_CALLS];
};
struct syscalls *live_syscalls_open(struct eg_run *r);
/** Which arguments are texts, for the plugin. */
void live_syscalls_texts(const struct syscalls *s, uint8_t out[2][RING_CALLS]);
/** The number of the call @name; -1: there is none. */
int live_syscalls_number(const struct syscalls *s, unsigned kind, const char *name);

/** What a record of the plugin has of a call. */
struct syscall_seen {
    unsigned kind; /**< 0: of a 64-bit program, 1: of a 32-bit one */
    int64_t number;
    uint64_t args[SYSCALL_ARGS];
    const char
        *texts[SYSCALL_ARGS]; /**< in the run's memory; NULL: none, or it could not be read */
    int64_t value;            /**< at its end */
};
/** @return false: the record has no registers of a call. */
bool live_syscall_of_record(struct eg_run *r, const struct ring_linux *os,
                            const struct ring_record *n, struct syscall_seen *out);
/** One argument as text: "\"/etc/passwd\"", "O_RDONLY|O_CLOEXEC", "AT_FDCWD", "-1", "0x7f…". */
const char *live_syscall_arg_text(struct eg_run *r, const struct syscall *c,
                                  const struct syscall_seen *seen, unsigned i);
/** All of them: "AT_FDCWD, \"/etc/passwd\", O_RDONLY". */
const char *live_syscall_args_text(struct eg_run *r, const struct syscall *c,
                                   const struct syscall_seen *seen);
/** "3", "-1 ENOENT", "0x7f…" */
const char *live_syscall_value_text(struct eg_run *r, int64_t value);

#endif
