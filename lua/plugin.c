/* plugin.c - registers a script's declaration, `plugin{…}`, as a plugin, and runs it. */
#include "plugin.h"
#include "call.h"
#include "rows.h"
#include "sandbox.h"
#include "space.h"
#include <errno.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 100, TEXT_MAX = 1 << 20 };

/** A script that is a plugin. It is never freed, because the registry borrows it. */
struct script_plugin {
    struct eg_plugin plugin;
    struct eg_plugin_reg reg;
    const struct eg_plugin_reg *entry;
    const char *text, *folder;
    size_t len;
    bool declared; /**< plugin{…} was called */
    struct eg_arena arena;
    struct eg_fieldset set;
    const struct eg_fieldset *set_entry;
    struct eg_module module;
};

static const struct script_limits reading = { .memory = 16 << 20,
                                              .steps = 10000000,
                                              .seconds = 60 };
static const struct script_limits running = { .memory = 512 << 20,
                                              .steps = UINT64_C(200000000000),
                                              .seconds = 600,
                                              .output = UINT64_C(4) << 30 };

static const char no_plugin[] = "%s: does not `return plugin{ … }`";

/* ---- the run ---- */

static void close_script(void *script)
{
    const struct script *s = script;

    if (s->run->options->script_used)
        *s->run->options->script_used += s->steps;
    script_close(script);
}

/** The script's table is at 1. */
static int call_run(lua_State *L)
{
    struct script *s = script_of(L);

    lua_pushliteral(L, "run");
    if (lua_rawget(L, 1) != LUA_TFUNCTION)
        return luaL_error(L, "plugin: run = function(k, args, row) … end expected");
    script_push_space(L, eg_kernel(s->run));
    script_push_args(L);
    script_push_row(L);
    lua_call(L, 3, 0);
    return 0;
}

static int run(struct eg_run *r)
{
    const struct script_plugin *p = (const struct script_plugin *)r->plugin->plugin;
    struct script_limits limits = running;
    struct script *s;
    struct eg_error e;
    int rc;

    if (r->options->memory_limit)
        limits.memory = r->options->memory_limit;
    if (r->options->script_memory)
        limits.memory = r->options->script_memory;
    if (r->options->script_steps)
        limits.steps = r->options->script_steps;
    if (r->options->script_output)
        limits.output = r->options->script_output;
    if (r->options->seconds)
        limits.seconds = r->options->seconds;
    s = script_open(r, &limits);
    if (!s)
        return eg_run_fail(r, EG_ENOMEM, "out of memory for a script");
    eg_run_defer(r, close_script, s);
    s->plugin = &p->plugin;
    s->folder = p->folder;
    if (r->options->deadline)
        s->deadline = EG_MIN(s->deadline, r->options->deadline);
    rc = script_run(s, p->reg.file, p->text, p->len, 1, &e);
    if (!rc && !lua_istable(s->L, -1))
        rc = eg_fail(&e, EG_EFORMAT, no_plugin, p->reg.file);
    if (!rc) {
        lua_pushcfunction(s->L, call_run); // protected, because memory may run out
        lua_insert(s->L, -2);
        rc = script_call(s, 1, 0, &e);
    }
    return rc ? eg_run_fail(r, (enum eg_errno) - rc, "%s", e.text) : 0;
}

/* ---- the declaration ---- */

/** Copy the string at @at. In this section the declaration's table is at 1, and errors are
 * raised. */
static const char *keep(lua_State *L, struct eg_arena *a, int at)
{
    size_t len;
    const char *s = luaL_checklstring(L, at, &len), *copy;

    for (size_t i = 0; i < len; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t') || s[i] == 127)
            luaL_error(L, "plugin: text contains the control character %d", s[i]);
    copy = eg_arena_strndup(a, s, len);
    if (!copy)
        luaL_error(L, "plugin: more than 1 MiB of text");
    return copy;
}

static const char *text_field(lua_State *L, struct script_plugin *p, const char *name, bool wanted)
{
    const char *s = NULL;

    if (lua_getfield(L, 1, name) == LUA_TSTRING)
        s = keep(L, &p->arena, -1);
    else if (wanted || !lua_isnil(L, -1))
        luaL_error(L, "plugin: %s = \"…\" expected", name);
    lua_pop(L, 1);
    return s;
}

/** Push the table @name of the declaration, or nil if it is missing. @return its length. */
static size_t list_field(lua_State *L, const char *name)
{
    const int type = lua_getfield(L, 1, name);
    size_t n = 0;

    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "plugin: %s = { … } expected", name);
    if (type == LUA_TTABLE)
        n = lua_rawlen(L, -1);
    if (n > COLUMNS_MAX)
        luaL_error(L, "plugin: %s: more than %d", name, COLUMNS_MAX);
    return n;
}

/** Text @k of the triple on top. */
static const char *part(lua_State *L, struct eg_arena *a, const char *what, int k)
{
    const char *s;

    if (lua_type(L, -1) != LUA_TTABLE || lua_rawgeti(L, -1, k) != LUA_TSTRING)
        luaL_error(L, "plugin: %s: { \"name\", \"kind\", \"help\" } expected", what);
    s = keep(L, a, -1);
    lua_pop(L, 1);
    return s;
}

static void check_name(lua_State *L, const char *what, const char *name)
{
    const size_t n =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    if (!n || name[n] || n > 40)
        luaL_error(L, "plugin: %s '%s': up to 40 letters, digits, _ and - expected", what, name);
}

/* The fourth word of a column, which may be missing. */
static int shown(lua_State *L, const char *column)
{
    const char *word;
    int out = 0;

    lua_rawgeti(L, -1, 4);
    word = lua_tostring(L, -1);
    if (!lua_isnil(L, -1) && !word)
        word = "";
    if (word && !(out = !strcmp(word, "minor")   ? EG_MINOR
                        : !strcmp(word, "list")  ? EG_LIST
                        : !strcmp(word, "asked") ? EG_ASKED
                        : !strcmp(word, "whole") ? EG_WHOLE
                                                 : 0))
        luaL_error(L, "plugin: column %s: the fourth word is 'minor', 'list', 'asked' or 'whole'",
                   column);
    lua_pop(L, 1);
    return out;
}

/** The name, the kind and the help of the column or argument on top of the stack. @return the index
 * of the kind in @kinds. */
static int read_declared(lua_State *L, struct eg_arena *a, const char *list, const char *what,
                         const char *const *kinds, const char **name, const char **help)
{
    const char *kind = part(L, a, list, 2);
    luaL_Buffer all;
    int k = 0;

    *name = part(L, a, list, 1);
    *help = part(L, a, list, 3);
    check_name(L, what, *name);
    while (kinds[k] && strcmp(kinds[k], kind) != 0)
        k++;
    if (kinds[k])
        return k;
    luaL_buffinit(L, &all);
    for (k = 0; kinds[k]; k++) {
        luaL_addstring(&all, k ? ", " : "");
        luaL_addstring(&all, kinds[k]);
    }
    luaL_pushresult(&all);
    return luaL_error(L, "plugin: %s %s: kind '%s' is none of %s", what, *name, kind,
                      lua_tostring(L, -1));
}

/** The columns of the list on top of the stack, which has @n. */
static const struct eg_column *columns_of(lua_State *L, struct eg_arena *a, size_t n)
{
    static const char *const kinds[] = { "int",  "big",   "addr", "text",     "bytes",
                                         "time", "flags", "bool", "duration", NULL };
    struct eg_column *c = eg_arena_array(a, struct eg_column, n + 1);

    if (!c)
        luaL_error(L, "out of memory");
    if (!n)
        luaL_error(L, "plugin: columns = { {\"PID\", \"int\", \"process id\"}, … } expected");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        // ORDER eg_column_kind
        c[i].kind = (enum eg_column_kind)(
            read_declared(L, a, "columns", "column", kinds, &c[i].name, &c[i].help) + 1);
        for (size_t other = 0; other < i; other++)
            if (!strcmp(c[other].name, c[i].name))
                luaL_error(L, "plugin: duplicate column %s", c[i].name);
        c[i].shown = shown(L, c[i].name);
        lua_pop(L, 1);
    }
    return c;
}

static void read_columns(lua_State *L, struct script_plugin *p)
{
    const size_t n = list_field(L, "columns");

    p->plugin.columns = columns_of(L, &p->arena, n);
    lua_pop(L, 1);
}

const struct eg_column *script_read_columns(lua_State *L, struct eg_arena *a)
{
    const size_t n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;

    if (n > COLUMNS_MAX)
        luaL_error(L, "columns: more than %d", COLUMNS_MAX);
    return columns_of(L, a, n);
}

static void read_arguments(lua_State *L, struct script_plugin *p)
{
    static const char *const kinds[] = { "flag", "int", "addr", "text", "file", NULL };
    const size_t n = list_field(L, "args");
    struct eg_arg *a = eg_arena_array(&p->arena, struct eg_arg, n + 1);

    if (!a)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        // ORDER eg_arg_kind
        a[i].kind = (enum eg_arg_kind)(
            read_declared(L, &p->arena, "args", "argument", kinds, &a[i].name, &a[i].help) + 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    p->plugin.args = n ? a : NULL;
}

/** A list of names; NULL: it is not there. */
static const char *const *read_names(lua_State *L, struct script_plugin *p, const char *field)
{
    const size_t n = list_field(L, field);
    const char **names = eg_arena_array(&p->arena, const char *, n + 1);

    if (!names)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        names[i] = keep(L, &p->arena, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return n ? names : NULL;
}

/** needs = { "task_struct.tasks", … }: handles as a file in C declares them. */
static void read_needs(lua_State *L, struct script_plugin *p)
{
    const size_t n = list_field(L, "needs");
    struct eg_field *fields = eg_arena_array(&p->arena, struct eg_field, n + 1);
    struct eg_need *needs = eg_arena_array(&p->arena, struct eg_need, n + 1);

    if (!fields || !needs)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < n; i++) {
        char *text, *dot;

        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        text = (char *)keep(L, &p->arena, -1);
        dot = strchr(text, '.');
        if (!dot || dot == text || !dot[1])
            luaL_error(L, "plugin: needs: \"struct.member\" expected, got '%s'", text);
        *dot = 0;
        fields[i].type = text;
        fields[i].name = dot + 1;
        needs[i].field = &fields[i];
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (!n)
        return;
    p->plugin.needs = needs;
    p->set = (struct eg_fieldset){ p->reg.file, NULL, fields, (unsigned)n };
    p->set_entry = &p->set;
    p->module.fields = &p->set_entry;
    p->module.fields_end = &p->set_entry + 1;
}

/** needs_symbols = { "modules", … }. Each symbol only has to exist; its type does not matter. */
static void read_needs_symbols(lua_State *L, struct script_plugin *p)
{
    const size_t n = list_field(L, "needs_symbols");
    struct eg_symref *symbols = eg_arena_array(&p->arena, struct eg_symref, n + 1);
    const struct eg_symref **entries = eg_arena_array(&p->arena, const struct eg_symref *, n + 1);
    struct eg_need *needs = eg_arena_array(&p->arena, struct eg_need, n + 1);

    if (!symbols || !entries || !needs)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_error(L, "plugin: needs_symbols: symbol names expected, got a %s",
                       luaL_typename(L, -1));
        symbols[i] = (struct eg_symref){ keep(L, &p->arena, -1), SCRIPT_ANY_TYPE, 0 };
        entries[i] = &symbols[i];
        needs[i].symbol = &symbols[i];
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (!n)
        return;
    p->plugin.needs_symbols = needs;
    p->module.symbols = entries;
    p->module.symbols_end = entries + n;
}

static void check_fields(lua_State *L)
{
    static const char *const known[] = { "name",      "os",      "help", "manual", "aliases",
                                         "looks_for", "columns", "args", "needs",  "needs_symbols",
                                         "uses",      "tree",    "run",  "key",    "moves",
                                         NULL };

    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const char *near;
        size_t i = 0;

        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (known[i])
            continue;
        near = eg_nearest(name, known);
        luaL_error(L, near ? "plugin: no field '%s'; did you mean '%s'?" : "plugin: no field '%s'",
                   name, near);
    }
}

static void check_os(lua_State *L, const char *os)
{
    const struct eg_os_reg *known = NULL;

    for (size_t i = 0; os && (known = eg_os_nth(i)) && strcmp(known->name, os) != 0;)
        i++;
    if (os && !known)
        luaL_error(L, "plugin: unknown os '%s'; supported: %s", os,
                   eg_os_nth(0) ? eg_os_nth(0)->name : "none");
}

/** plugin{…} while declarations are read: fills the struct script_plugin in the upvalue. */
static int declare(lua_State *L)
{
    struct script_plugin *p = lua_touserdata(L, lua_upvalueindex(1));

    luaL_checktype(L, 1, LUA_TTABLE);
    if (p->declared)
        return luaL_error(L, "plugin: a script can declare only one plugin");
    p->declared = true;
    lua_settop(L, 1);
    check_fields(L);
    p->reg.name = text_field(L, p, "name", true);
    check_name(L, "name", p->reg.name);
    p->plugin.os = text_field(L, p, "os", false);
    check_os(L, p->plugin.os);
    p->plugin.help = text_field(L, p, "help", true);
    p->plugin.manual = text_field(L, p, "manual", false);
    read_columns(L, p);
    read_arguments(L, p);
    p->plugin.aliases = read_names(L, p, "aliases");
    p->plugin.looks_for = read_names(L, p, "looks_for");
    p->plugin.uses = read_names(L, p, "uses");
    p->plugin.key = read_names(L, p, "key");
    p->plugin.moves = read_names(L, p, "moves");
    read_needs(L, p);
    read_needs_symbols(L, p);
    lua_getfield(L, 1, "tree");
    p->plugin.tree = lua_toboolean(L, -1);
    if (lua_getfield(L, 1, "run") != LUA_TFUNCTION)
        return luaL_error(L, "plugin: run = function(k, args, row) … end expected");
    p->plugin.run = run;
    lua_settop(L, 1);
    return 1;
}

/** Make plugin{…} fill the struct script_plugin at 1. */
static int set_declare(lua_State *L)
{
    lua_pushcclosure(L, declare, 1);
    lua_setglobal(L, "plugin");
    return 0;
}

static void drop(struct script_plugin *p)
{
    eg_arena_fini(&p->arena);
    free(p);
}

/** Read one script's declaration in @s and register it. @return 0, a negative error, or 1 if the
 * file is not a plugin but a module for require(). */
static int add(struct script *s, const struct script_file *f, struct eg_error *e)
{
    const char *first = f->declaration ? f->declaration : f->text;
    struct script_plugin *p = calloc(1, sizeof *p);
    struct eg_error why;
    int rc;

    if (!p)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->name);
    p->text = f->text;
    p->len = f->len;
    p->arena.limit = TEXT_MAX;
    p->reg.file = eg_arena_strndup(&p->arena, f->name, strlen(f->name));
    if (f->folder)
        p->folder = eg_arena_strndup(&p->arena, f->folder, strlen(f->folder));
    if (!p->reg.file || (f->folder && !p->folder)) {
        drop(p);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->name);
    }
    s->folder = p->folder;
    lua_pushcfunction(s->L, set_declare);
    lua_pushlightuserdata(s->L, p);
    rc = script_call(s, 1, 0, e);
    if (!rc)
        rc = script_run(s, f->name, first, f->declaration ? strlen(first) : f->len, 1, e);
    if (!rc && !p->declared && f->folder && lua_istable(s->L, -1)) {
        lua_settop(s->L, 0);
        drop(p); // a module that other scripts require()
        return 1;
    }
    if (!rc && !(p->plugin.run && lua_istable(s->L, -1)))
        rc = eg_fail(e, EG_EFORMAT, no_plugin, f->name);
    lua_settop(s->L, 0);
    if (!rc) {
        p->reg.plugin = &p->plugin;
        p->entry = &p->reg;
        p->module.abi = EG_ABI;
        p->module.plugins = &p->entry;
        p->module.plugins_end = &p->entry + 1;
        rc = eg_registry_add(&p->module, &why);
        if (rc)
            eg_fail(e, why.code, "%s: %s", f->name, why.text);
    }
    if (rc)
        drop(p);
    return rc;
}

int eg_lua_add_files(const struct script_file *files, struct eg_error *e)
{
    struct script *s = script_open(NULL, &reading);
    int rc = s ? 0 : eg_fail(e, EG_ENOMEM, "%s: out of memory", files->name);

    for (; !rc && files->name; files++)
        rc = add(s, files, e);
    script_close(s);
    return rc;
}

int eg_lua_add(const char *file, const char *text, size_t len, struct eg_error *e)
{
    return eg_lua_add_files(
        (const struct script_file[]){ { .name = file, .text = text, .len = len }, { 0 } }, e);
}
