/** trace_own.h - between the files of the trace. */
#ifndef EG_LUA_TRACE_OWN_H
#define EG_LUA_TRACE_OWN_H

#include "../live/events.h"
#include "../live/tracee.h"
#include "state.h"
#include "trace.h"

enum { TRACE_HANDLERS_MAX = 64, TRACE_PENDING_MAX = 1024 };

/** A place where a function begins, and who wants to know of its calls. */
struct trace_target {
    const char *name; /**< as the script says it; in the trace's arena */
    uint64_t address;
    uint32_t prototype;
    bool wants_stack; /**< more parameters than registers */
    int calls[TRACE_HANDLERS_MAX], returns[TRACE_HANDLERS_MAX]; /**< references to functions */
    unsigned n_calls, n_returns;
};
struct trace_write {
    const char *name;
    uint64_t address;
    uint32_t len;
    int handler;
};
/** A call that has not yet returned. */
struct trace_pending {
    uint32_t target;
    struct tracee_call call;
    uint64_t task, number; /**< 0: trace_follow() fills them in */
    /* Of a program: */
    bool user; /**< @target is one of the functions of @file (trace_user.c) */
    uint32_t file;
    uint64_t mm;
};
/** What a point of the door is. */
struct trace_point {
    enum {
        TRACE_FREE,
        TRACE_TARGET,
        TRACE_WRITE,
        TRACE_RETURN,
        TRACE_SYSCALL,
        TRACE_USER,
        TRACE_HOOK
    } is;
    uint32_t index;                /**< in targets, writes, or what trace_user.c has */
    struct trace_pending *pending; /**< TRACE_RETURN; owned */
};

struct eg_trace {
    struct events *from;
    bool no_more; /**< the door is closed */
    struct eg_system *sys;
    struct eg_run *run;
    struct eg_run_options options;
    struct script *script;
    struct eg_plugin plugin; /**< the columns, for rows.c */
    struct eg_plugin_reg reg;
    struct eg_arena arena; /**< of columns and names */
    const struct eg_trace_ops *ops;
    void *context;
    EG_VEC(struct trace_target) targets;
    EG_VEC(struct trace_write) writes;
    EG_VEC(struct trace_point) points; /**< by id */
    size_t n_pending;
    EG_VEC(int) starts, ends; /**< references to functions */
    bool begun;               /**< the machine is caught: what is asked for now is added at once */
    bool stop;
    struct eg_trace_counts counts;
    int64_t wall;        /**< ns since 1970 when it began */
    const char *said[8]; /**< errors that were said, not to say them again */
    unsigned n_said;

    struct trace_user *user;         /**< trace_user.c; NULL: nothing of programs is wanted */
    struct trace_syscalls *syscalls; /**< trace_syscalls.c; NULL: the door has none */

    /* The event whose handlers run. */
    const struct event *now; /**< NULL: none */
    struct tracee_call *call;
    const struct trace_target *target;
    const struct trace_write *write;
    bool in_syscall;
    const char *in_file; /**< of a function of a program: the path of its file; else NULL */
    struct eg_obj task;
};

/** The trace that the running C function belongs to: its first upvalue. */
struct eg_trace *trace_of(lua_State *L);

/* ---- trace.c ---- */

/** Do something inside of the run, which a failed allocation leaves by longjmp. */
int trace_inside(struct eg_trace *t,
                 int (*fn)(struct eg_trace *t, void *context, struct eg_error *e), void *context,
                 struct eg_error *e);
/** Call a function of the script. @return not 0: the trace must end. */
int trace_handler(struct eg_trace *t, int reference, bool returned, struct eg_error *e);

/* ---- trace_script.c: what a script can ask for ---- */

/** Register on_call, on_return, on_write, on_start, on_end, stop, k. */
void trace_add_functions(lua_State *L, struct eg_trace *t);
/** Replace row() by the one that fills in what the event says. */
void trace_add_row(lua_State *L, struct eg_trace *t);

/* ---- trace_call.c: what a handler is told ---- */

void trace_add_call(lua_State *L, struct eg_trace *t);
/** Push the event that is now. @returned: it is a return. */
void trace_push_call(lua_State *L, struct eg_trace *t, bool returned);
/** Push one of its values: "pid", "comm", "cpu", … @return false: there is no such. */
bool trace_push_fact(lua_State *L, struct eg_trace *t, const char *name, bool returned);

/* ---- trace_syscalls.c: system calls, by QEMU's plugin ---- */

void trace_add_syscalls(lua_State *L, struct eg_trace *t);
bool trace_wants_syscalls(const struct eg_trace *t);
/** Tell the plugin what it has to know of the kernel, and which system calls are wanted; nothing
 * where the door is another. */
int trace_ring_begin(struct eg_trace *t, struct eg_error *e);
/** Until the points are in use. */
void trace_ring_wait(struct eg_trace *t);
/** What a record of a system call says. *@tell: it is one for handlers. Inside of the run. */
void trace_syscall_decode(struct eg_trace *t, const struct event *ev, bool *tell);
/** The next handler for it; begin with *@i 0. */
bool trace_syscall_handler(const struct eg_trace *t, unsigned *i, int *function);
bool trace_push_syscall_fact(lua_State *L, struct eg_trace *t, const char *name);
void trace_syscalls_close(struct eg_trace *t);

/* ---- trace_user.c: functions of programs ---- */

void trace_add_user(lua_State *L, struct eg_trace *t);
bool trace_wants_user(const struct eg_trace *t);
/** Watch what processes do to their memory. */
int trace_user_hooks(struct eg_trace *t, struct eg_error *e);
/** And what they have by now. */
int trace_user_begin(struct eg_trace *t, struct eg_error *e);
int trace_user_hook(struct eg_trace *t, uint32_t which, struct eg_error *e);
int trace_user_called(struct eg_trace *t, uint32_t place, struct eg_error *e);
int trace_user_returned(struct eg_trace *t, uint32_t id, struct eg_error *e);
bool trace_push_user_fact(lua_State *L, struct eg_trace *t, const char *name);
void trace_user_close(struct eg_trace *t);

/* ---- trace_points.c: the door ---- */

/** Have a place caught. @return -EG_E…: it cannot be. */
int trace_catch(struct eg_trace *t, const struct event_point *p, struct trace_point what,
                struct eg_error *e);
/** The same; *@id: of the point. */
int trace_catch_id(struct eg_trace *t, const struct event_point *p, struct trace_point what,
                   uint32_t *id, struct eg_error *e);
int trace_catch_all(struct eg_trace *t, struct eg_error *e);
/** Give up a point that is not of a return. */
void trace_release(struct eg_trace *t, uint32_t id);
/** The return of the call that is now, which @call is a copy of. */
void trace_follow(struct eg_trace *t, const struct trace_pending *call);
/** A return that was seen, or never will be: gives up its point. */
void trace_drop(struct eg_trace *t, uint32_t id);
void trace_drop_all(struct eg_trace *t);

#endif
