/** trace_user.h - between the files about functions of programs: trace_user.c (what a script asks
 * for and is told, events), trace_user_places.c (files, processes, the points of the door). */
#ifndef EG_LUA_TRACE_USER_H
#define EG_LUA_TRACE_USER_H

#include "../live/tracee_user.h"
#include "trace_own.h"

enum { USER_REQUESTS_MAX = 256, USER_HANDLERS_MAX = 16 };

struct user_request {
    const char *file, *name; /**< "*": any file */
    int calls[USER_HANDLERS_MAX], returns[USER_HANDLERS_MAX];
    unsigned n_calls, n_returns;
    bool met;
};
struct user_function {
    uint64_t offset; /**< in the file */
    uint32_t request;
    struct trace_target target; /**< what handlers are told */
};
struct user_file {
    uint64_t inode, mark;
    const char *path, *base;
    EG_VEC(struct user_function) functions;
    unsigned tries;
    bool done; /**< no search would find more */
};
struct user_place {
    uint64_t address;
    uint32_t point, users; /**< users: processes that have it; 0: it is free */
};
struct user_process {
    uint64_t mm; /**< 0: it has ended */
    EG_VEC(uint32_t) places;
};
struct trace_user {
    struct user_request requests[USER_REQUESTS_MAX];
    unsigned n_requests;
    size_t n_functions;
    bool said_full;
    EG_VEC(struct user_file) files;
    EG_VEC(struct user_place) places;
    EG_VEC(struct user_process) processes;
};

/** The file that @code is of; NULL: out of memory, or it has no name. */
struct user_file *trace_user_file(struct eg_trace *t, const struct tracee_code *code);

/* What happens to a process's memory: points come and go. */
int trace_user_maps(struct eg_trace *t, uint64_t mm, const struct tracee_code *code,
                    struct eg_error *e);
/** All processes that are there. */
int trace_user_all(struct eg_trace *t, struct eg_error *e);
void trace_user_forked(struct eg_trace *t, uint64_t from, uint64_t to);
void trace_user_ended(struct eg_trace *t, uint64_t mm);

#endif
