/** shell_own.h - internal interface between the files of the shell. */
#ifndef EG_LUA_SHELL_OWN_H
#define EG_LUA_SHELL_OWN_H

#include "cursor.h"
#include "reference.h"
#include "shell.h"
#include "space.h"
#include "text.h"

/** A function that a line of the shell can call. */
struct shell_entry {
    const char *table; /**< "eg"; NULL for a global */
    struct eg_reference is;
    const struct eg_plugin_reg *plugin; /**< NULL if it is not a plugin */
};
struct eg_shell {
    struct eg_system *sys;
    struct eg_run_options options;
    const struct eg_shell_ops *ops;
    void *context;
    struct eg_run *run;
    struct script *script;
    bool ended;                             /**< quit() was called */
    size_t shown;                           /**< elements of the value that is printed now */
    const struct shell_function *functions; /**< of the shell itself; the last has no name */
    struct eg_arena arena;                  /**< texts of entries */
    EG_VEC(struct shell_entry) entries;
};
struct shell_function {
    struct eg_reference is;
    lua_CFunction function;
};

/* ---- shell_say.c ---- */

/** The shell that the running C function belongs to: its first upvalue. */
struct eg_shell *shell_of(lua_State *L);
/** Print formatted text that needs no escaping. */
void shell_say(struct eg_shell *s, const char *format, ...) EG_PRINTF(2, 3);

/* ---- shell_show.c ---- */

/** Create the function that prints the values of an expression; shell_push_show pushes it. */
void shell_make_show(lua_State *L, struct eg_shell *s);
void shell_push_show(lua_State *L);
/** print(…) */
int shell_print_(lua_State *L);

/* ---- shell_help.c ---- */

/** Fill entries: functions of the shell, of eg and of operating systems, then plugins. */
void shell_list_entries(struct eg_shell *s);
/** @return false past the end. */
bool shell_entry_nth(const struct eg_shell *s, size_t i, struct shell_entry *out);
/** Find the entry of the function at stack index @at. @return false if there is none. */
bool shell_entry_of(const struct eg_shell *s, lua_State *L, int at, struct shell_entry *out);
void shell_say_entry(struct eg_shell *s,
                     const struct shell_entry *e); /**< prints "eg.ok(x: any): boolean" */
/** help([name or function]) */
int shell_help(lua_State *L);

/* ---- shell_functions.c ---- */

/** Register the shell's own functions and all plugins as globals. */
void shell_add_functions(lua_State *L, struct eg_shell *s);

#endif
