/** shell_own.h - inside lua/: what the files of the shell share. */
#ifndef EG_LUA_SHELL_OWN_H
#define EG_LUA_SHELL_OWN_H

#include "cursor.h"
#include "reference.h"
#include "shell.h"
#include "space.h"
#include "text.h"

struct eg_shell {
    struct eg_system *sys;
    struct eg_run_options options;
    const struct eg_shell_ops *ops;
    void *context;
    struct eg_run *run;
    struct script *script;
    bool ended;                             /**< quit() */
    const struct shell_function *functions; /**< its own; the last has no name */
};
struct shell_function {
    struct eg_reference is;
    lua_CFunction function;
};

/* ---- shell_say.c ---- */

/** The shell of a function: its first upvalue. */
struct eg_shell *shell_of(lua_State *L);
/** Text of ours. */
void shell_say(struct eg_shell *s, const char *format, ...) EG_PRINTF(2, 3);

/* ---- shell_show.c ---- */

/** A function that prints the values of an expression, its arguments, onto the stack; later again.
 */
void shell_make_show(lua_State *L, struct eg_shell *s);
void shell_push_show(lua_State *L);
/** print(…) */
int shell_print_(lua_State *L);

/* ---- shell_help.c ---- */

/** Something that a script or a line can call. */
struct shell_entry {
    const char *table; /**< "eg"; NULL: a global */
    struct eg_reference is;
    const struct eg_plugin_reg *plugin; /**< NULL: it is none */
};
/** All of them: the shell's, eg's, the operating systems', plugins. @return false past the end. */
bool shell_entry_nth(const struct eg_shell *s, size_t i, struct shell_entry *out);
/** The one whose function stands at @at. @return false: none. */
bool shell_entry_of(const struct eg_shell *s, lua_State *L, int at, struct shell_entry *out);
void shell_say_entry(struct eg_shell *s,
                     const struct shell_entry *e); /**< "eg.ok(x: any): boolean" */
/** help([name or function]) */
int shell_help(lua_State *L);

/* ---- shell_functions.c ---- */

/** The shell's own functions, and plugins, as globals. */
void shell_add_functions(lua_State *L, struct eg_shell *s);

#endif
