/* help.c - engram help [PLUGIN|VERB], --help, --version: from the declarations. */
#include "cli.h"
#include "commit.h"
#include "config.h"
#include <stdio.h>

const char *cli_tool(void)
{
    return "engram " EG_VERSION " (" EG_COMMIT ")";
}

int cli_version(void)
{
    printf("%s, plugin interface " EG_ABI "\nbuilt with: " EG_BUILT_WITH "\n", cli_tool());
    return CLI_OK;
}

int cli_usage(FILE *f)
{
    const struct cli_option *o;
    const struct verb *v;

    fprintf(f, "Engram reads the memory image of a machine and says what was running on it.\n\n"
               "usage: engram IMAGE\n"
               "           say what this is, how that was found, and what to run next\n"
               "       engram IMAGE PLUGIN[,PLUGIN...] [--option [VALUE]]...\n"
               "           run plugins; `all` are those that can run on this image\n");
    for (size_t i = 0; (v = cli_verb_nth(i)); i++)
        fprintf(f, "       engram %s %s\n           %s\n", v->name, v->usage, v->help);
    fprintf(f, "\noptions:\n");
    for (size_t i = 0; (o = cli_option_nth(i)); i++) {
        char left[40];

        snprintf(left, sizeof left, "%s--%s%s%s",
                 o->letter ? (char[]){ '-', o->letter, ',', ' ', 0 } : "", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        fprintf(f, "  %-22s %s\n", left, o->help);
    }
    fprintf(f, "\nexit status: 0 done, 1 usage, 2 the image cannot be opened, "
               "3 a plugin failed or was stopped\n");
    return CLI_OK;
}

static void arguments(const struct eg_arg *args)
{
    static const char *const kinds[] = { [EG_ARG_FLAG] = "",
                                         [EG_ARG_INT] = " N[,N...]",
                                         [EG_ARG_ADDR] = " ADDR",
                                         [EG_ARG_TEXT] = " TEXT" };

    if (args && args->name)
        printf("\noptions:\n");
    for (; args && args->name; args++) {
        char left[64];

        snprintf(left, sizeof left, "--%s%s", args->name, kinds[args->kind]);
        printf("  %-22s %s\n", left, args->help);
    }
}

static int about_plugin(const struct eg_plugin_reg *reg)
{
    static const char *const kinds[] = {
        [EG_COL_INT] = "number",  [EG_COL_BIG] = "number",  [EG_COL_ADDR] = "address",
        [EG_COL_TEXT] = "text",   [EG_COL_BYTES] = "bytes", [EG_COL_TIME] = "time",
        [EG_COL_FLAGS] = "flags", [EG_COL_BOOL] = "yes/no",
    };
    const struct eg_plugin *p = reg->plugin;
    int width = 6;

    printf("%s - %s\n\nusage: engram IMAGE %s%s\n", reg->name, p->help, reg->name,
           p->args && p->args->name ? " [option...]" : "");
    if (p->manual)
        printf("\n%s\n", p->manual);
    arguments(p->args);
    for (const struct eg_column *c = p->columns; c->name; c++)
        width = EG_MAX(width, (int)strlen(c->name));
    printf("\ncolumns%s:\n", p->tree ? " (a tree)" : "");
    for (const struct eg_column *c = p->columns; c->name; c++)
        printf("  %-*s  %-8s %s\n", width, c->name, kinds[c->kind], c->help);
    printf("\nruns on: %s\n", p->os ? p->os : "any image");
    if (p->aliases && p->aliases[0]) {
        printf("also known as:");
        for (const char *const *a = p->aliases; *a; a++)
            printf(" %s", *a);
        printf("\n");
    }
    printf("source: %s\n", reg->file);
    return CLI_OK;
}

static int about_verb(const struct verb *v)
{
    printf("%s - %s\n\nusage: engram %s %s\n", v->name, v->help, v->name, v->usage);
    arguments(v->args);
    return CLI_OK;
}

int cli_help(struct cli *c)
{
    const char *name = c->verb && strcmp(c->verb->name, "help") ? c->verb->name : NULL;
    const struct eg_plugin_reg *reg;

    if (!name && c->words.n)
        name = c->words.at[0];
    if (!name)
        return cli_usage(stdout);
    if (cli_verb(name))
        return about_verb(cli_verb(name));
    reg = eg_plugin_find(name);
    if (!reg)
        return cli_unknown_plugin(name);
    return about_plugin(reg);
}
