/** user/history.h - commands that were typed into a process: the history that a line editor keeps
 * in the process's own memory. It is found by its structure, whatever the program is called:
 * readline's (bash, python, gdb, …), libedit's (mariadb, …), zsh's, busybox'. */
#ifndef EG_LINUX_USER_HISTORY_H
#define EG_LINUX_USER_HISTORY_H

#include "memory.h"

struct linux_command {
    const char *kind; /**< whose structure: "readline", "zsh", "busybox", "libedit" */
    uint64_t at;      /**< where the entry is; of busybox the pointer in its array */
    uint64_t line;    /**< where the text is */
    uint64_t number;  /**< in its list, from 1 on, or zsh's own; 0: it is in none any more */
    int64_t time;     /**< seconds since 1970, when @timed */
    bool timed;
};
/** Reused from one process to the next: zero it before the first. */
struct linux_history {
    struct linux_user *u;
    struct linux_command *found;
    size_t n, cap;
    struct linux_addresses stamps, zsh, busybox, libedit, entries, slots; /* of the search */
};
enum { LINUX_LINE_MAX = 1 << 16 }; /**< bytes of a command that are looked at */

/** Find the histories in @u, each in its own order. @return how many commands. */
size_t linux_history_find(struct linux_user *u, struct linux_history *h);
/** The text of one, in @buf until its next use; NULL: it cannot be read any more. */
char *linux_history_line(struct linux_history *h, const struct linux_command *c,
                         struct linux_buffer *buf, size_t *len);

/* ---- between the files of this noun ---- */

void linux_history_add(struct linux_history *h, struct linux_command c);
/** Seconds of a text "#1773480464". */
bool linux_history_stamp(const struct linux_user *u, uint64_t addr, int64_t *time);
/** From what the first search kept. */
void linux_history_readline(struct linux_history *h);
void linux_history_zsh(struct linux_history *h);
void linux_history_busybox(struct linux_history *h);
void linux_history_libedit(struct linux_history *h);
/** Could it be one, by the piece alone? @at: of what the first search looks for, bytes from the
 * piece's beginning. What reaches beyond the piece could be. */
bool linux_history_maybe_zsh(const struct linux_user *u, const struct linux_user_piece *p,
                             size_t at);
bool linux_history_maybe_busybox(const struct linux_user *u, const struct linux_user_piece *p,
                                 size_t at);
bool linux_history_maybe_libedit(const struct linux_user *u, const struct linux_user_piece *p,
                                 size_t at);

#endif
