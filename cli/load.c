/* load.c - plugins of folders: those of --plugin-dir, then the user's own scripts. */
#include "../lua/library.h"
#include "cli.h"
#include <stdlib.h>
#include <unistd.h>

static size_t count(void)
{
    size_t n = 0;

    while (eg_plugin_nth(n))
        n++;
    return n;
}

/* One folder of plugins; several with semicolons between them. */
static int load_from(struct cli *c, const char *folders)
{
    char *list = eg_arena_strndup(&c->arena, folders, strlen(folders)), *save;
    struct eg_error e;

    if (!list)
        return cli_fail(CLI_FAILED, "out of memory");
    for (char *dir = strtok_r(list, ";", &save); dir; dir = strtok_r(NULL, ";", &save)) {
        const size_t before = count();

        if (eg_registry_load(dir, &e) || eg_lua_add_folder(dir, NULL, NULL, &e))
            return cli_fail(CLI_FAILED, "%s", e.text);
        if (count() == before)
            return cli_fail(
                CLI_USAGE,
                "--plugin-dir %s: no plugin in it: ours are .lua and .so files; those of "
                "other tools do not run here",
                dir);
    }
    return CLI_OK;
}

/* Kept until -q is known. */
static void later(struct cli *c, const char *text)
{
    const char **place = text ? eg_vec_push(&c->warnings) : NULL;

    if (place)
        *place = text;
}

static void not_loaded(void *context, const struct eg_error *why)
{
    struct cli *c = context;

    later(c, eg_arena_strf(&c->arena, "plugin not loaded: %s", why->text));
}

/* Scripts of one's own are there without being asked for: what is wrong with one does not stop the
 * work. A plugin of --plugin-dir has its name before one of here. */
static void load_own(struct cli *c)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME"), *dir = NULL;
    struct eg_error e;

    if (data && *data)
        dir = eg_arena_strf(&c->arena, "%s/engram/plugins", data);
    else if (home && *home)
        dir = eg_arena_strf(&c->arena, "%s/.local/share/engram/plugins", home);
    if (dir && !access(dir, F_OK) && eg_lua_add_folder(dir, not_loaded, c, &e))
        not_loaded(c, &e);
}

/* The command's own options come first: a plugin's of the same name is never given. */
static void check_options(struct cli *c)
{
    const struct eg_plugin_reg *p;
    const struct cli_option *o;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        for (size_t k = 0; (o = cli_option_nth(k)); k++)
            if (cli_declares(p->plugin->args, o->name))
                later(c, eg_arena_strf(&c->arena,
                                       "%s: --%s of %s is never given to it: it is an option of "
                                       "the command",
                                       p->file, o->name, p->name));
}

int cli_load(struct cli *c, int argc, char **argv)
{
    static const char *const names[] = { "--plugin-dir", "--plugin-dirs", "-p" };
    int status = CLI_OK;

    for (int i = 1; i < argc && !status && strcmp(argv[i], "--"); i++)
        for (size_t k = 0; k < countof(names); k++) {
            const size_t len = strlen(names[k]);

            if (!strcmp(argv[i], names[k]))
                status = i + 1 < argc ? load_from(c, argv[++i]) : CLI_OK;
            else if (!strncmp(argv[i], names[k], len) && (argv[i][len] == '=' || len == 2))
                status = load_from(c, argv[i] + len + (len != 2));
            else
                continue;
            break;
        }
    if (!status)
        load_own(c);
    check_options(c);
    return status;
}
