/** sched/signal.h - signals: their names, sets of them, and what processes keep of them. */
#ifndef EG_LINUX_SIGNAL_H
#define EG_LINUX_SIGNAL_H

#include "../../../core/engram.h"

EG_FIELDS(signal_struct, it, it_real_incr, posix_timers, real_timer, rlim, shared_pending,
          thread_head);
EG_FIELDS(sigpending, list, signal);
// The members of siginfo are macros of libc.
EG_FIELD_AS(sigqueue_list, sigqueue, "list");
EG_FIELD_AS(sigqueue_signo, sigqueue, "info.si_signo");
EG_FIELD_AS(sigqueue_code, sigqueue, "info.si_code");
EG_FIELD_AS(sigqueue_pid, sigqueue, "info._sifields._kill._pid");
EG_FIELD_AS(sigqueue_uid, sigqueue, "info._sifields._kill._uid");
EG_FIELD_AS(sigqueue_value, sigqueue, "info._sifields._rt._sigval.sival_ptr");

/** "SIGINT"; of real-time signals as the C library counts them: "SIGRTMIN+3" is 37. */
EG_API const char *linux_signal_name(struct eg_run *r, uint64_t number);
/** A set, a cursor on a sigset_t: bit 0 is signal 1. @return false: it cannot be read. */
EG_API bool linux_sigset(struct eg_obj set, uint64_t *out);
/** Which signals the process of @task ignores, and of which it has handlers: bit 0 is signal 1.
 * @return false: that cannot be read. */
EG_API bool linux_signal_actions(struct eg_run *r, struct eg_obj task, uint64_t *ignored,
                                 uint64_t *caught);
/** The names in a set: "SIGINT,SIGTERM"; all but a few as "all but SIGKILL,SIGSTOP". */
EG_API const char *linux_sigset_text(struct eg_run *r, uint64_t set);

#endif
