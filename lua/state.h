/** state.h - the Lua state of one script, and its limits.
 *
 *  A state belongs to one run on one thread. The allocator limits its memory; a hook, whose error
 * nothing can catch, limits its steps and time. sandbox.c adds the functions. */
#ifndef EG_LUA_STATE_H
#define EG_LUA_STATE_H

#include "../core/run.h"
#include <lauxlib.h>
#include <lua.h>

/** Why a script was ended. After that none of its code runs, not even in pcall, coroutines or
 * __close. */
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
    uint64_t steps; /**< instructions, plus what script_charge adds for work in C */
    unsigned seconds;
    uint64_t output; /**< bytes in all files that it writes */
};

/** A cached member lookup, which makes `task.pid` fast. */
struct script_slot {
    const char *name; /**< Lua's interned copy: equal names have equal pointers */
    uint32_t parent;
    struct eg_slot slot;
};
enum { SCRIPT_SLOTS = 1024 };

struct script {
    lua_State *L, *running; /**< the main thread, and the running coroutine */
    struct eg_run *run;     /**< NULL while declarations are read: there is no image */
    const char *folder;     /**< the folder of require(); NULL: none */
    char *text;             /**< text of a file that require() compiles; freed with the state */
    struct script_limits limits;
    size_t used, longest;      /**< bytes in use; the longest string so far */
    uint64_t steps, unchecked; /**< so far; charged since the last check of the clock */
    uint64_t deadline;         /**< CLOCK_MONOTONIC, ns */
    uint64_t written;          /**< bytes written to files */
    lua_Integer n_named;       /**< values that tostring() has numbered */
    enum script_end end;
    uint32_t moment; /**< goes up when the machine has run on: what walks over it before is void */
    const struct eg_plugin *plugin; /**< the plugin of the run */
    struct eg_cell *cells;          /**< cells of the current row */
    const char **columns;           /**< names of the columns, interned by Lua */
    size_t n_columns;
    struct script_slot slots[SCRIPT_SLOTS];
};

/** Create a state without functions. @run may be NULL. @return NULL if out of memory. */
struct script *script_new(struct eg_run *run, const struct script_limits *limits);
void script_close(struct script *s); /**< NULL-safe */
/** Reset steps and time, and clear the end of the last call: for the next line of a shell. */
void script_renew(struct script *s);
/** The script that @L belongs to. */
struct script *script_of(lua_State *L);
/** Charge @n steps for work in C; ends the script if a limit is reached. */
void script_charge(lua_State *L, uint64_t n);
/** Was a limit reached? For code that cannot raise an error; call script_charge later. */
bool script_is_over(const struct script *s);
/** End the script with an error that it cannot catch. */
_Noreturn void script_leave(lua_State *L, enum script_end end);
/** Check whether the last call failed the run. An error of the script's author is raised as a Lua
 * error, and the run continues; any other failure ends the script. */
void script_check_run(lua_State *L);
/** Call after a protected call: raises again if the script was ended. */
void script_pass_on(lua_State *L, int status);
/** The error message for the end of a script. */
const char *script_end_text(const struct script *s, char out[160]);

#endif
