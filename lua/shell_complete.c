/* shell_complete.c - completes the end of a line: globals, members, symbols after `k.`, and inside
 * a string names of the kind that the parameter takes. Only paths of names are looked up; no
 * function of the script is called. */
#include "shell_own.h"
#include <ctype.h>
#include <stdlib.h>

enum { WORDS_MAX = 5000 };

struct completing {
    struct eg_shell *shell;
    struct eg_shell_words *out;
    const char *text, *word; /**< word: the last part of text, the prefix of all candidates */
};

static void offer(struct completing *c, const char *name)
{
    const char **place;

    if (!*name || strncmp(name, c->word, strlen(c->word)) != 0 || strpbrk(name, "\"\\"))
        return;
    if (c->out->at.n == WORDS_MAX) {
        c->out->more = true;
    } else if ((place = eg_vec_push(&c->out->at))) {
        *place = eg_arena_strndup(&c->out->arena, name, strlen(name));
        if (!*place)
            c->out->at.n--;
    }
}

/* ---- types, symbols, members ---- */

static void types(struct completing *c)
{
    const struct eg_types *ts = &c->shell->sys->types;

    for (size_t i = 0; i < ts->n_layers && !c->out->more; i++) {
        const struct eg_profile *p = ts->layers[i].profile;

        for (uint32_t t = 0; t < p->n_types; t++)
            if (p->types[t].kind != EG_T_FUNC)
                offer(c, p->strings + p->types[t].name);
    }
}

static void symbols(struct completing *c)
{
    const struct eg_system *sys = c->shell->sys;

    for (size_t i = 0; i < sys->symbols.n && !c->out->more; i++) {
        const struct eg_profile *p = sys->symbols.at[i].profile;

        for (uint32_t s = 0; s < p->n_symbols; s++)
            offer(c, p->strings + p->symbols[s].name);
    }
}

/** Offer the members of a type, including those of anonymous structs inside it. */
static void members(struct completing *c, uint32_t type, unsigned depth)
{
    const struct eg_types *ts = &c->shell->sys->types;
    struct eg_member_at m;

    for (uint32_t i = 0; depth < 8 && !c->out->more && eg_type_member(ts, type, i, &m); i++) {
        if (m.name && *m.name)
            offer(c, m.name);
        else
            members(c, eg_type_strip(ts, m.type), depth + 1);
    }
}

/* ---- paths of names ---- */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void keys(lua_State *L, struct completing *c, int table)
{
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            offer(c, lua_tostring(L, -2));
}

static bool is_space(lua_State *L, int at)
{
    bool is;

    if (lua_type(L, at) != LUA_TUSERDATA || luaL_getmetafield(L, at, "__name") == LUA_TNIL)
        return false;
    is = !strcmp(lua_tostring(L, -1), "space");
    lua_pop(L, 1);
    return is;
}

/** Offer the candidates for the path at argument 2. Called protected. */
static int path(lua_State *L)
{
    struct completing *c = lua_touserdata(L, 1);
    const char *from = lua_touserdata(L, 2), *dot;
    const struct eg_obj *o;

    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    for (; (dot = strchr(from, '.')); from = dot + 1) {
        lua_pushlstring(L, from, (size_t)(dot - from));
        if (lua_istable(L, -2))
            lua_rawget(L, -2);
        else if (script_is_cursor(L, -2) || is_space(L, -2))
            lua_gettable(L, -2); // raises an error if there is no such member
        else
            return 0;
        lua_remove(L, -2);
    }
    o = script_is_cursor(L, -1);
    if (lua_istable(L, -1))
        keys(L, c, lua_gettop(L));
    else if (o && !o->why && (o->kind == EG_K_STRUCT || o->kind == EG_K_PTR))
        members(c, o->type, 0);
    else if (is_space(L, -1) && script_check_space(L, -1) == eg_kernel(c->shell->run))
        symbols(c);
    return 0;
}

static void keywords(struct completing *c)
{
    static const char *const words[] = { "and",   "break", "do",       "else", "elseif", "end",
                                         "false", "for",   "function", "goto", "if",     "in",
                                         "local", "nil",   "not",      "or",   "repeat", "return",
                                         "then",  "true",  "until",    "while" };

    for (size_t i = 0; *c->word && i < countof(words); i++)
        offer(c, words[i]);
}

static int do_path(struct eg_run *r, void *context)
{
    struct completing *c = context;
    const char *from = c->word;
    lua_State *L = c->shell->script->L;

    (void)r;
    while (from > c->text && (is_name(from[-1]) || from[-1] == '.'))
        from--;
    script_renew(c->shell->script);
    lua_pushcfunction(L, path);
    lua_pushlightuserdata(L, c);
    lua_pushlightuserdata(L, (void *)from);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_settop(L, 0);
    if (from == c->word && !(from > c->text && strchr(":\"'", from[-1])))
        keywords(c);
    return 0;
}

/* ---- inside a string ---- */

/** A string argument: which function it belongs to, and its position. */
struct argument {
    const char *function; /**< "eg.object"; points into the text */
    size_t function_len;
    unsigned n;       /**< counts from 0 */
    const char *type; /**< the string argument before it, or NULL */
    size_t type_len;
};

/** Find the call that has the string at @quote as an argument: `NAME "` or `NAME(…, "`. */
static bool argument_of(const char *text, const char *quote, struct argument *out)
{
    const char *p = quote, *end = NULL;
    int depth = 0;

    *out = (struct argument){ 0 };
    while (p > text && p[-1] == ' ')
        p--;
    if (p > text && is_name(p[-1]))
        end = p; // dt "…"
    for (; p > text && !end; p--) {
        const char ch = p[-1];

        if (ch == '"' || ch == '\'') { // an earlier string argument
            const char *open = p - 1;

            while (open > text && open[-1] != ch)
                open--;
            if (open == text)
                return false;
            if (!depth && !out->type && out->n == 1) {
                out->type = open;
                out->type_len = (size_t)(p - 1 - out->type);
            }
            p = open;
        } else if (ch == ')' || ch == '}' || ch == ']') {
            depth++;
        } else if (ch == '(' && !depth) {
            end = p - 1;
        } else if (ch == '(' || ch == '{' || ch == '[') {
            if (!depth--)
                return false;
        } else if (ch == ',' && !depth) {
            out->n++;
        }
    }
    while (end && end > text && end[-1] == ' ')
        end--;
    for (p = end; p && p > text && (is_name(p[-1]) || p[-1] == '.');)
        p--;
    out->function = p;
    out->function_len = p ? (size_t)(end - p) : 0;
    return out->function_len;
}

/** The name of parameter @n in a signature such as "head: cursor, type: string". @return its
 * length. */
static size_t parameter(const char *signature, unsigned n, const char **out)
{
    for (int depth = 0; n && *signature; signature++) {
        depth += (*signature == '{') - (*signature == '}');
        n -= *signature == ',' && !depth;
    }
    *out = signature + strspn(signature, " ");
    return strcspn(*out, ":?,");
}

static bool names(const struct shell_entry *e, const struct argument *a)
{
    const size_t n = e->table ? strlen(e->table) : 0;

    if (n &&
        (a->function_len < n + 1 || strncmp(a->function, e->table, n) || a->function[n] != '.'))
        return false;
    return strlen(e->is.name) == a->function_len - n - !!n &&
           !strncmp(e->is.name, a->function + n + !!n, strlen(e->is.name));
}

static void all_entries(struct completing *c)
{
    struct shell_entry e;

    for (size_t i = 0; shell_entry_nth(c->shell, i, &e); i++) {
        const char *name =
            e.table ? eg_arena_strf(&c->out->arena, "%s.%s", e.table, e.is.name) : e.is.name;

        if (name)
            offer(c, name);
    }
}

static void plugins(struct completing *c)
{
    const struct eg_plugin_reg *p;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        offer(c, p->name);
}

static void member_of(struct completing *c, const struct argument *a)
{
    const struct eg_binding *b = eg_binding_of(c->shell->run);
    char *name = a->type ? eg_arena_strndup(&c->out->arena, a->type, a->type_len) : NULL;
    struct eg_slot slot;

    if (!name)
        return;
    eg_types_parse(b->types, &b->model, name, &slot);
    members(c, slot.type, 0);
}

static void in_string(struct completing *c, const struct argument *a)
{
    struct shell_entry e;

    for (size_t i = 0; shell_entry_nth(c->shell, i, &e); i++) {
        const char *name;
        size_t len;

        if (!names(&e, a))
            continue;
        len = parameter(e.is.signature, a->n, &name);
#define IS(text) (len == sizeof(text) - 1 && !strncmp(name, text, len))
        if (!strcmp(e.is.name, "help"))
            all_entries(c);
        else if (IS("type") || IS("what") || IS("of"))
            types(c);
        else if (IS("member"))
            member_of(c, a);
        else if (IS("symbol") || IS("at") || (IS("as") && !e.table))
            symbols(c);
        else if (IS("plugin"))
            plugins(c);
#undef IS
        return;
    }
}

/** The opening quote of an unclosed string; NULL if the text does not end inside a string. */
static const char *open_string(const char *text)
{
    const char *open = NULL;

    for (; *text; text++) {
        if (open && *text == '\\' && text[1])
            text++;
        else if (open && *text == *open)
            open = NULL;
        else if (!open && (*text == '"' || *text == '\''))
            open = text;
    }
    return open;
}

/* ---- all ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct eg_shell_words *w)
{
    size_t n = 0;

    if (w->at.n)
        qsort(w->at.at, w->at.n, sizeof *w->at.at, compare);
    for (size_t i = 0; i < w->at.n; i++)
        if (!n || strcmp(w->at.at[n - 1], w->at.at[i]) != 0)
            w->at.at[n++] = w->at.at[i];
    w->at.n = n;
}

void eg_shell_complete(struct eg_shell *s, const char *text, struct eg_shell_words *out)
{
    struct completing c = { .shell = s, .out = out, .text = text };
    const char *quote = open_string(text);
    struct argument a;

    *out = (struct eg_shell_words){ 0 };
    if (quote) {
        c.word = quote + 1;
        if (argument_of(text, quote, &a))
            in_string(&c, &a);
    } else {
        c.word = text + strlen(text);
        while (c.word > text && is_name(c.word[-1]))
            c.word--;
        eg_run_do(s->run, do_path, &c);
        s->run->status = 0;
    }
    out->from = (size_t)(c.word - text);
    sort(out);
}

void eg_shell_words_fini(struct eg_shell_words *w)
{
    eg_vec_fini(&w->at);
    eg_arena_fini(&w->arena);
}
