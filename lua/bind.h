/** bind.h - inside lua/: one sandboxed Lua state, and how cursors, spaces and errors cross into it.
 *
 *  A state belongs to one run on one thread. All that a script can do to others is bounded here:
 * its memory by the allocator, its instructions and time by a hook that nothing can catch, its
 * files by there being no function for them. */
#ifndef EG_LUA_BIND_H
#define EG_LUA_BIND_H

#include "../core/run.h"
#include <lauxlib.h>
#include <lua.h>

/** Why a script was ended; no pcall, coroutine or __close of it goes on after that. */
enum script_end {
    SCRIPT_GOES_ON,
    SCRIPT_NO_MEMORY,
    SCRIPT_NO_STEPS,
    SCRIPT_NO_TIME,
    SCRIPT_STOPPED, /**< the run failed, or Ctrl-C */
};
struct script_limits {
    size_t memory;  /**< bytes */
    uint64_t steps; /**< of the virtual machine, and as many for work inside of our functions */
    unsigned seconds;
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
    lua_Integer n_named;  /**< values that tostring() has numbered */
    enum script_end end;
    const struct eg_plugin *plugin; /**< whose rows these are */
    struct eg_cell *cells;          /**< one row's */
    const char **columns;           /**< their names as Lua has them */
    size_t n_columns;
    struct script_slot slots[SCRIPT_SLOTS];
};

/* ---- sandbox.c ---- */

/** Open a state with the safe part of the libraries and, where there is a run, eg and the operating
 * systems' tables. @return NULL: out of memory. */
struct script *script_open(struct eg_run *run, const struct script_limits *limits);
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
/** Compile and call text that is named @name in messages; its results are left on the stack.
 * @return 0, or -EG_E… with the message, file and line in @e; the stack of calls in the script's
 * own files becomes notes of the run. */
int script_run(struct script *s, const char *name, const char *text, size_t len, int results,
               struct eg_error *e);
/** Call what is below its @n arguments on the stack. The same errors. */
int script_call(struct script *s, int n, int results, struct eg_error *e);

/* ---- order.c ---- */

/** As luaL_tolstring, but without addresses, which differ from run to run. */
const char *script_push_string(lua_State *L, int at);
void script_add_order(lua_State *L); /**< the globals next, pairs, tostring */
int script_format(lua_State *L);     /**< string.format; the library's in the upvalue */

/* ---- tables.c ---- */

/** Functions of the table library into the new one on top, from the whole one below it. */
void script_add_tables(lua_State *L);

/* ---- slips.c ---- */

/** Guard eg, the operating systems' tables and the loops over tables: last of all. */
void script_add_slips(lua_State *L);
/** The message at 1: with file and line, and what may be meant. */
void script_explain(lua_State *L);
/** What an error of a layer in C says, without the place in C that noticed it. */
const char *script_words_of(const char *error);
/** Pass over what editors and shells put before the source: a byte order mark, `#!…`. */
void script_skip_head(const char **text, size_t *len);

/* ---- library.c ---- */

/** Compile text, in steps that are charged, as lua_load does. */
int script_load(lua_State *L, const char *text, size_t len, const char *chunk);
int script_load_text(lua_State *L); /**< the global load */
void script_add_require(lua_State *L);

/* ---- patterns.c ---- */

/** find, match, gmatch and gsub, with a bound on their steps, into the table string on the stack's
 * top. */
void script_add_patterns(lua_State *L);

/* ---- cursor.c ---- */

/** The value that a script sees: an integer, a string, or a cursor. */
void script_push_value(lua_State *L, struct eg_obj o);
/** Always a cursor, even of an integer. */
void script_push_cursor(lua_State *L, struct eg_obj o);
struct eg_obj *script_is_cursor(lua_State *L, int at);    /**< NULL: it is none */
struct eg_obj *script_check_cursor(lua_State *L, int at); /**< raises */
/** An address: an integer, what a pointer points to, or where an object is. */
uint64_t script_check_address(lua_State *L, int at);
/** A type by the name that a script gives: "task_struct", "struct list_head *", "u8[16]". Raises.
 */
struct eg_slot script_check_type(lua_State *L, int at);
/** The member @name of struct @type; raises with the nearest name. */
struct eg_slot script_check_member(lua_State *L, uint32_t type, int name_at);
/** A cell for a column of a row; the value stays on the stack. */
struct eg_cell script_to_cell(lua_State *L, int at, const struct eg_column *column);

/** Is the value at @at a userdata with the metatable that was registered for @key? */
bool script_has_metatable(lua_State *L, int at, const char *key);
/** Register a metatable, which scripts see as the text @name. */
void script_add_metatable(lua_State *L, const luaL_Reg *functions, const char *name,
                          const char *key);
int script_read_only(lua_State *L); /**< __newindex of all that is the image's */
/** The address that a cursor stands for: of a pointer what it points to, else its own place. */
bool script_address_of(struct eg_obj o, uint64_t *out);
/** The same place as a slot describes it. */
struct eg_obj script_place(struct eg_obj o, const struct eg_slot *s);
const char *script_why_text(struct eg_obj o, char out[96]);
/** The member at @at of @o's type. @return false: none of this name; script_no_member() raises
 * with the nearest. */
bool script_find_member(lua_State *L, const struct eg_obj *o, int at, struct eg_slot *out);
int script_no_member(lua_State *L, const struct eg_obj *o, int at);

/* ---- functions.c ---- */

/** A space as a script sees it: k (the kernel), eg.physical(k), eg.process(task). */
struct eg_space *script_check_space(lua_State *L, int at);
void script_push_space(lua_State *L, struct eg_space *as);
/** The text at @addr, up to a NUL, @max bytes or a hole, is pushed. @return false: nothing can be
 * read, nothing is pushed. */
bool script_push_text(lua_State *L, struct eg_space *as, uint64_t addr, size_t max);

/** Each adds its functions to the table eg on the stack's top; that of cursors first. */
void script_add_cursor(lua_State *L);
void script_add_functions(lua_State *L);
void script_add_walk(lua_State *L);
void script_add_memory(lua_State *L);

/* ---- plugin.c ---- */
void script_add_plugin(lua_State *L); /**< the global plugin() of a run */

/* ---- rows.c ---- */
void script_add_rows(lua_State *L);  /**< eg.rows, eg.note, eg.output, eg.progress */
void script_push_row(lua_State *L);  /**< the function row() of this sandbox's plugin */
void script_push_args(lua_State *L); /**< the table of the run's arguments */
/** The table at @at, or nil, as options of a plugin: {pid = 1}, {pid = {1, 2}}, {threads = true}.
 * The table at @kept keeps their texts. @return how many; raises when there are more than @max. */
size_t script_read_args(lua_State *L, int at, int kept, struct eg_given_arg *out, size_t max);

#endif
