/** state.h - a Lua state of one script: what it has used up, and how it is ended.
 *
 *  A state belongs to one run on one thread. All that a script can do to others is bounded here:
 * its memory by the allocator, its steps and time by a hook that nothing can catch. Its functions
 * are added by sandbox.c. */
#ifndef EG_LUA_STATE_H
#define EG_LUA_STATE_H

#include "../core/run.h"
#include <lauxlib.h>
#include <lua.h>

/** Why a script was ended; no pcall, coroutine or __close of it goes on after that. */
enum script_end {
    SCRIPT_GOES_ON,
    SCRIPT_NO_MEMORY,
    SCRIPT_NO_STEPS,
    SCRIPT_NO_TIME,
    SCRIPT_NO_OUTPUT,
    SCRIPT_STOPPED, /**< the run failed, or Ctrl-C */
};
struct script_limits {
    size_t memory;  /**< bytes */
    uint64_t steps; /**< of the virtual machine, and as many for work inside of our functions */
    unsigned seconds;
    uint64_t output; /**< bytes of all its files */
};

/** A member found once: what makes `task.pid` quick. */
struct script_slot {
    const char *name; /**< Lua's own copy: equal names are one pointer */
    uint32_t parent;
    struct eg_slot slot;
};
enum { SCRIPT_SLOTS = 1024 };

struct script {
    lua_State *L, *running; /**< the main thread, and the coroutine that runs */
    struct eg_run *run;     /**< NULL: declarations are read, nothing can be asked */
    const char *folder;     /**< where require() may look; NULL: nowhere */
    char *text;             /**< of a file that require() compiles */
    struct script_limits limits;
    size_t used, longest; /**< bytes in use; the longest string so far */
    uint64_t steps, owed; /**< so far; of them since the clock was looked at */
    uint64_t deadline;    /**< CLOCK_MONOTONIC, ns */
    uint64_t written;     /**< bytes of files */
    lua_Integer n_named;  /**< values that tostring() has numbered */
    enum script_end end;
    const struct eg_plugin *plugin; /**< whose rows these are */
    struct eg_cell *cells;          /**< one row's */
    const char **columns;           /**< their names as Lua has them */
    size_t n_columns;
    struct script_slot slots[SCRIPT_SLOTS];
};

/** A state without any function. @run may be NULL. @return NULL: out of memory. */
struct script *script_new(struct eg_run *run, const struct script_limits *limits);
void script_close(struct script *s); /**< NULL-safe */
/** All steps and all time again, for the next line of a shell: what ended the last one is over. */
void script_renew(struct script *s);
/** The one that @L is in. */
struct script *script_of(lua_State *L);
/** @n steps of work were done in C: raises past the limit. */
void script_charge(lua_State *L, uint64_t n);
/** Is a limit passed? For where nothing can be raised; then charge. */
bool script_is_over(const struct script *s);
/** Raise what nothing catches. */
_Noreturn void script_leave(lua_State *L, enum script_end end);
/** Did what was just called fail the run? Where that is the author's mistake it is an error of his,
 * with its line, and the run goes on; else the script ends. */
void script_check_run(lua_State *L);
/** After a protected call: an end is passed on. */
void script_pass_on(lua_State *L, int status);
/** What is said of a script that was ended. */
const char *script_end_text(const struct script *s, char out[160]);

#endif
