/* annotations.c - the functions for scripts as annotations for the Lua language server (LuaLS). */
#include "annotations.h"
#include "../core/registry.h"

enum { WIDTH = 96 };

static const char head[] =
    "---@meta\n"
    "-- Functions for scripts, written by `engram help lua-types`.\n"
    "\n"
    "--- A typed place in the image. `.name` is always a member of the kernel's type, `[i]` an\n"
    "--- element; functions of eg operate on it.\n"
    "---@class cursor: userdata\n"
    "---@field [string] any\n"
    "---@field [integer] any\n"
    "---@operator add(integer): cursor\n"
    "---@operator sub(integer): cursor\n"
    "---@operator sub(cursor): integer\n"
    "---@operator concat(any): string\n"
    "---@operator len: integer\n"
    "\n"
    "--- An address space: k is the kernel's, and `k.name` one of its variables.\n"
    "---@class space: userdata\n"
    "---@field [string] any\n"
    "\n"
    "--- The result of reading a member: an integer, number, string or cursor.\n"
    "---@alias value any\n"
    "--- An address, a cursor, which stands for the result of eg.address, or text: \"0x1000\",\n"
    "--- \"init_task\", \"init_task+0x10\".\n"
    "---@alias place integer|cursor|string\n"
    "\n"
    "---@alias column_kind "
    "\"int\"|\"big\"|\"addr\"|\"text\"|\"bytes\"|\"time\"|\"flags\"|\"bool\"|\"duration\"\n"
    "---@alias arg_kind \"flag\"|\"int\"|\"addr\"|\"text\"|\"file\"\n"
    "\n"
    "---@class declaration\n"
    "---@field name string name on the command line\n"
    "---@field os? \"linux\" required operating system; nil: any image\n"
    "---@field help string one line, without a full stop\n"
    "---@field manual? string further text for `engram help NAME`\n"
    "---@field aliases? string[] other names\n"
    "---@field looks_for? string[] what can only be called absent when it has run\n"
    "---@field columns {[1]: string, [2]: column_kind, [3]: string, [4]: "
    "\"minor\"|\"list\"|\"asked\"|nil}[]\n"
    "---@field args? {[1]: string, [2]: arg_kind, [3]: string}[] options: name, kind, help\n"
    "---@field needs? string[] required members: \"task_struct.tasks\"\n"
    "---@field needs_symbols? string[] required symbols: \"modules\"\n"
    "---@field uses? string[] walkers and functions whose requirements it shares: \"tasks\"\n"
    "---@field tree? boolean rows have a depth\n"
    "---@field key? string[] columns by which a row is found again in another result\n"
    "---@field moves? string[] columns in which a change means nothing: counters\n"
    "---@field run fun(k: space, args: table<string, any>, row: fun(cells: table, depth?: "
    "integer))\n"
    "\n"
    "--- The declaration of a plugin; a script returns it.\n"
    "---@param declaration declaration\n"
    "---@return declaration\n"
    "function plugin(declaration) end\n"
    "\n"
    "--- Add a note to the result.\n"
    "---@param ... any\n"
    "function print(...) end\n";

/* ---- the list ---- */

/** Convert the parameters of a registered function, "path [, task]", to a signature of cursors. */
static const char *signature_of(struct eg_arena *a, const char *args)
{
    const char *out = "", *optional = "";

    while (out && *args) {
        const size_t n = strcspn(args, " ,[]");

        if (n)
            out = eg_arena_strf(a, "%s%s%.*s%s: cursor", out, *out ? ", " : "", (int)n, args,
                                optional);
        args += n;
        optional = *args == '[' ? "?" : optional;
        args += *args ? 1 : 0;
    }
    return out;
}

/** The Lua type of a registered function's result. An unreadable value is a bad cursor; for a
 * boolean it is nil. */
static const char *lua_type_of(const char *returns)
{
    static const char *const types[][2] = {
        { "boolean", "boolean?" },   { "integer", "integer|cursor" }, { "time", "integer|cursor" },
        { "text", "string|cursor" }, { "bytes", "string|cursor" },
    };

    for (size_t i = 0; i < countof(types); i++)
        if (!strcmp(types[i][0], returns))
            return types[i][1];
    return "cursor";
}

/** The values of a walker, "key: text, value: text", as a function: "fun(): string?, string?"; and
 * @names: "key, value". */
static const char *values_of(struct eg_arena *a, const char *values, const char **names)
{
    const char *out = "fun(): ", *between = "";

    *names = "";
    for (; out && *names && *values; between = ", ") {
        const size_t n = strcspn(values, ":"), type = strspn(values + n, ": ");
        const size_t end = n + type + strcspn(values + n + type, ",");
        const bool number = !strncmp(values + n + type, "integer", end - n - type);

        *names = eg_arena_strf(a, "%s%s%.*s", *names, between, (int)n, values);
        out = eg_arena_strf(a, "%s%s%s", out, between, number ? "integer?" : "string?");
        values += end + strspn(values + end, ", ");
    }
    return *names ? out : NULL;
}

static bool describe_walker(struct eg_arena *a, const struct eg_walker_reg *reg,
                            struct eg_reference *out)
{
    const struct eg_walker *w = reg->walker;
    const char *names;

    *out = (struct eg_reference){
        reg->name,
        w->arg ? eg_arena_strf(a, "%s: cursor", w->arg) : "k: space",
        "fun(): cursor?",
        w->elem ? eg_arena_strf(a, "for each struct %s: %s", w->elem, w->help) : w->help,
    };
    if (w->values) {
        out->returns = values_of(a, w->values, &names);
        out->text = names ? eg_arena_strf(a, "for each %s: %s", names, w->help) : NULL;
    }
    return out->signature && out->returns && out->text;
}

/** The @i-th walker, where one with .at counts twice. @one: it is the form with a number. */
static const struct eg_walker_reg *walker_nth(size_t i, bool *one)
{
    const struct eg_walker_reg *w;

    *one = false;
    for (size_t k = 0; (w = eg_walker_nth(k)); k++) {
        if (!i--)
            return w;
        if (w->walker->at && (*one = !i--))
            return w;
    }
    return NULL;
}

static size_t n_walkers(void)
{
    size_t n = 0;
    bool one;

    while (walker_nth(n, &one))
        n++;
    return n;
}

bool eg_lua_function_nth(struct eg_arena *a, size_t i, const char **table, struct eg_reference *out)
{
    const struct eg_reference *known = eg_reference_nth(i);
    const struct eg_walker_reg *w;
    const struct eg_function_reg *f;
    size_t before = 0;
    bool one;

    if (known) {
        *table = "eg";
        *out = *known;
        return true;
    }
    while (eg_reference_nth(before))
        before++;
    i -= before;
    if ((w = walker_nth(i, &one))) {
        *table = eg_lua_table(w->walker->os);
        if (!one)
            return describe_walker(a, w, out);
        *out = (struct eg_reference){
            w->name,
            eg_arena_strf(a, "%s: cursor, %s: integer", w->walker->arg, w->walker->number),
            "cursor?",
            w->walker->at_help,
        };
        return out->signature;
    }
    if (!(f = eg_function_nth(i - n_walkers())))
        return false;
    *table = eg_lua_table(f->function->os);
    *out =
        (struct eg_reference){ f->name, signature_of(a, f->function->args),
                               lua_type_of(eg_function_returns(f->function)), f->function->help };
    return out->signature;
}

struct eg_reference_group eg_lua_function_group(size_t i)
{
    const struct eg_reference_group *known = eg_reference_group(i);
    const struct eg_walker_reg *w;
    size_t before = 0;
    bool one;

    if (known)
        return *known;
    while (eg_reference_nth(before))
        before++;
    i -= before;
    if ((w = walker_nth(i, &one)))
        return (struct eg_reference_group){ "Walkers", w->file };
    return (struct eg_reference_group){ "Functions", eg_function_nth(i - n_walkers())->file };
}

/* ---- the file ---- */

/** The length of the first part of a comma-separated list; commas inside brackets do not
 * separate. */
static size_t first_part(const char *text)
{
    int depth = 0;
    size_t n = 0;

    for (; text[n] && (depth || text[n] != ','); n++)
        depth += strchr("({[", text[n]) ? 1 : strchr(")}]", text[n]) ? -1 : 0;
    return n;
}

const char *eg_lua_next_part(const char *text)
{
    text += first_part(text);
    return text + strspn(text, ", ");
}

static void comment(FILE *f, const char *text)
{
    while (*text) {
        size_t n = strlen(text);

        if (n > WIDTH)
            for (n = WIDTH; n > 1 && text[n] != ' ';)
                n--;
        fprintf(f, "--- %.*s\n", (int)n, text);
        text += n + strspn(text + n, " ");
    }
}

static void function(FILE *f, const char *table, const struct eg_reference *r)
{
    comment(f, r->text);
    for (const char *p = r->signature; *p; p = eg_lua_next_part(p)) {
        const size_t name = strcspn(p, ":");

        fprintf(f, "---@param %.*s %.*s\n", (int)name, p, (int)(first_part(p) - name - 2),
                p + name + 2);
    }
    if (!strncmp(r->returns, "fun(", 4)) // the commas belong to its own results
        fprintf(f, "---@return %s\n", r->returns);
    else
        for (const char *p = r->returns; *p; p = eg_lua_next_part(p))
            fprintf(f, "---@return %.*s\n", (int)first_part(p), p);
    fprintf(f, "function %s.%s(", table, r->name);
    for (const char *p = r->signature; *p; p = eg_lua_next_part(p))
        fprintf(f, "%s%.*s", p == r->signature ? "" : ", ", (int)strcspn(p, "?:"), p);
    fprintf(f, ") end\n");
}

/** Write a heading if a new group begins. */
static void group(FILE *f, size_t i)
{
    const struct eg_reference_group now = eg_lua_function_group(i);

    if (!i || strcmp(now.title, eg_lua_function_group(i - 1).title) != 0)
        fprintf(f, "\n-- %s\n", now.title);
    fprintf(f, "\n---@source %s\n", now.file);
}

void eg_lua_annotations(FILE *f)
{
    struct eg_arena a = { 0 };
    const char *table, *last = "";
    const struct eg_constants_reg *c;
    struct eg_reference r;

    fputs(head, f);
    for (size_t i = 0; eg_lua_function_nth(&a, i, &table, &r); i++) {
        if (strcmp(table, last))
            fprintf(f, "\n%s = {}\n", table);
        last = table;
        group(f, i);
        function(f, table, &r);
    }
    fprintf(f, "\n-- Names of bits and values\n");
    for (size_t i = 0; (c = eg_constants_nth(i)); i++) {
        putc('\n', f);
        comment(f, c->constants->help);
        fprintf(f, "---@type table<string, integer>\n%s.%s = {}\n", eg_lua_table(c->constants->os),
                c->name);
    }
    eg_arena_fini(&a);
}
