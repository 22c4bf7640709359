/* load.c - plugins of folders. */
#include "load.h"
#include "../lua/library.h"
#include "report.h"
#include <stdlib.h>
#include <unistd.h>

static size_t count(void)
{
    size_t n = 0;

    while (eg_plugin_nth(n))
        n++;
    return n;
}

int cli_load_folders(struct cli *c, const char *folders)
{
    char *list = eg_arena_strndup(&c->arena, folders, strlen(folders)), *save;
    struct eg_error e;

    if (!list)
        return cli_no_memory();
    for (char *dir = strtok_r(list, ";", &save); dir; dir = strtok_r(NULL, ";", &save)) {
        const size_t before = count();
        size_t modules = 0;

        if ((!c->completing && eg_registry_load(dir, &modules, &e)) ||
            eg_lua_add_folder(dir, NULL, NULL, &e))
            return cli_fail(CLI_FAILED, "%s", e.text);
        if (!modules && count() == before && !c->completing)
            return cli_fail(
                CLI_USAGE,
                "--plugin-dir %s: no plugin or format in it: ours are .lua and .so files; those of "
                "other tools do not run here",
                dir);
    }
    return CLI_OK;
}

static void not_loaded(void *context, const struct eg_error *why)
{
    struct cli *c = context;
    const char *text = eg_arena_strf(&c->arena, "plugin not loaded: %s", why->text);
    const char **place = text ? eg_vec_push(&c->warnings) : NULL;

    if (place)
        *place = text;
}

void cli_load_own(struct cli *c)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME"), *dir = NULL;
    struct eg_error e;

    if (c->loaded_own)
        return;
    c->loaded_own = true;
    if (data && *data)
        dir = eg_arena_strf(&c->arena, "%s/engram/plugins", data);
    else if (home && *home)
        dir = eg_arena_strf(&c->arena, "%s/.local/share/engram/plugins", home);
    if (dir && !access(dir, F_OK) && eg_lua_add_folder(dir, not_loaded, c, &e))
        not_loaded(c, &e);
}
