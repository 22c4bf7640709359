/* shell_help.c - help(): lists all functions, or describes one, from their declarations. */
#include "annotations.h"
#include "shell_own.h"

static void add(struct eg_shell *s, struct shell_entry e)
{
    struct shell_entry *place = eg_vec_push(&s->entries);

    if (place)
        *place = e;
}

void shell_list_entries(struct eg_shell *s)
{
    const struct eg_plugin_reg *p;
    struct shell_entry e = { 0 };

    for (size_t i = 0; s->functions[i].function; i++)
        add(s, (struct shell_entry){ .is = s->functions[i].is });
    for (size_t i = 0; eg_lua_function_nth(&s->arena, i, &e.table, &e.is); i++)
        add(s, e);
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        add(s, (struct shell_entry){ .is = { p->name, "{option = value, …}", "", p->plugin->help },
                                     .plugin = p });
}

bool shell_entry_nth(const struct eg_shell *s, size_t i, struct shell_entry *out)
{
    *out = i < s->entries.n ? s->entries.at[i] : (struct shell_entry){ 0 };
    return out->is.name;
}

bool shell_entry_of(const struct eg_shell *s, lua_State *L, int at, struct shell_entry *out)
{
    bool is = false;

    for (size_t i = 0; !is && shell_entry_nth(s, i, out); i++) {
        const int top = lua_gettop(L);

        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        for (int step = out->table ? 0 : 1; step < 2 && lua_istable(L, -1); step++) {
            lua_pushstring(L, step ? out->is.name : out->table);
            lua_rawget(L, -2);
        }
        is = lua_rawequal(L, -1, at);
        lua_settop(L, top);
    }
    return is;
}

void shell_say_entry(struct eg_shell *s, const struct shell_entry *e)
{
    const char *open = e->plugin ? "" : "(", *shut = e->plugin ? "" : ")";

    shell_say(s, "%s%s%s%s%s%s%s%s", e->table ? e->table : "", e->table ? "." : "", e->is.name,
              open, e->is.signature, shut, *e->is.returns ? ": " : "", e->is.returns);
}

static void list_constants(struct eg_shell *s)
{
    const struct eg_constants_reg *c;

    for (size_t i = 0; (c = eg_constants_nth(i)); i++)
        shell_say(s, "  %s.%s\n      %s\n", eg_lua_table(c->constants->os), c->name,
                  c->constants->help);
}

static int list(struct eg_shell *s)
{
    struct shell_entry e;
    const char *table = "";

    shell_say(s, "k is the kernel, k.init_task a variable, k.init_task.comm one of its members.\n"
                 "help(\"eg.list\") and help(\"pslist\") show details.\n\n");
    for (size_t i = 0; shell_entry_nth(s, i, &e); i++) {
        if (e.plugin && strcmp(table, "plugins")) {
            list_constants(s);
            shell_say(s, "\nPlugins, as in pslist{pid = 1}:\n");
        }
        table = e.plugin ? "plugins" : "";
        if (e.plugin) {
            shell_say(s, "  %-20s %s\n", e.is.name, e.is.text);
            continue;
        }
        shell_say(s, "  ");
        shell_say_entry(s, &e);
        shell_say(s, "\n      %s\n", e.is.text);
    }
    return 0;
}

static bool is_called(const struct shell_entry *e, const char *name)
{
    const size_t n = e->table ? strlen(e->table) : 0;

    if (n && !strncmp(name, e->table, n) && name[n] == '.')
        name += n + 1;
    else if (n)
        return false;
    return !strcmp(e->is.name, name);
}

static bool same_function(const struct shell_entry *a, const struct shell_entry *b)
{
    return !strcmp(a->is.name, b->is.name) && !b->plugin &&
           !strcmp(a->table ? a->table : "", b->table ? b->table : "");
}

int shell_help(lua_State *L)
{
    struct eg_shell *s = shell_of(L);
    const struct eg_plugin_reg *plugin;
    struct shell_entry e, other;
    const char *name;
    bool found = false;

    if (lua_isnoneornil(L, 1))
        return list(s);
    if (lua_isfunction(L, 1)) {
        found = shell_entry_of(s, L, 1, &e);
        luaL_argcheck(L, found, 1, "no help for this function");
        name = e.is.name;
    } else {
        name = luaL_checkstring(L, 1);
        for (size_t i = 0; !found && shell_entry_nth(s, i, &e); i++)
            found = is_called(&e, name);
    }
    plugin = found ? e.plugin : eg_plugin_find(name);
    if (plugin) {
        s->ops->help(s->context, plugin->name);
    } else if (found) {
        for (size_t i = 0; shell_entry_nth(s, i, &other); i++)
            if (same_function(&e, &other)) { // linux.percpu has two forms
                shell_say_entry(s, &other);
                shell_say(s, "\n    %s\n", other.is.text);
            }
    } else {
        return luaL_error(L, "no help for '%s'; help() lists all functions", name);
    }
    return 0;
}
