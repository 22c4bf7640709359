/* help.c - engram help [PLUGIN|VERB|TOPIC], --help, --version: from the declarations. */
#include "../lua/annotations.h"
#include "../profiles/reader.h"
#include "cli.h"
#include "commit.h"
#include "config.h"
#include <stdio.h>

enum { WIDTH = 100, NAMES = 26 }; // columns of a line, and of what stands left in it

const char *cli_tool(void)
{
    return "engram " EG_VERSION " (" EG_COMMIT ")";
}

int cli_version(void)
{
    printf("%s, plugin interface " EG_ABI "\nbuilt with: " EG_BUILT_WITH "\n", cli_tool());
    return CLI_OK;
}

/* @text broken into lines between words, each but the first indented. @at: columns already used. */
static void wrapped(FILE *f, const char *text, size_t at, size_t indent)
{
    while (*text) {
        const size_t n = strcspn(text, " \n");

        if (at > indent && at + n + 1 > WIDTH) {
            fprintf(f, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            putc(' ', f);
            at++;
        }
        fwrite(text, 1, n, f);
        at += n;
        text += n + strspn(text + n, " \n");
    }
    putc('\n', f);
}

/* "  NAME   what it is" */
static void entry(FILE *f, const char *name, const char *help)
{
    const size_t len = strlen(name) + 2;

    if (len >= NAMES)
        fprintf(f, "  %s\n%*s", name, NAMES, "");
    else
        fprintf(f, "  %-*s", NAMES - 2, name);
    wrapped(f, help, NAMES, NAMES);
}

/* ---- topics ---- */

static void formats(FILE *f)
{
    const struct eg_format_reg *r;

    wrapped(f,
            "The format of an image is told by its head; --format NAME overrides that. A container "
            "holds an image of any format, or another container.",
            0, 0);
    putc('\n', f);
    for (size_t i = 0; (r = eg_format_nth(i)); i++) {
        char text[200];

        snprintf(text, sizeof text, "%s%s%s%s", r->format->desc, r->format->suffix ? ", " : "",
                 r->format->suffix ? r->format->suffix : "",
                 r->format->container ? "; a container" : "");
        entry(f, r->name, text);
    }
}

static void profiles(FILE *f)
{
    const struct eg_reader_reg *r;

    wrapped(
        f,
        "An image's own types and symbols are used where it holds them. Else they are read from "
        "a file: --profile, --vmlinux and --system-map name one, --profile-dir (-s) a folder in "
        "which the file of just this kernel is looked for.",
        0, 0);
    putc('\n', f);
    for (size_t i = 0; (r = eg_reader_nth(i)); i++)
        entry(f, r->name, r->reader->desc);
}

static void renderers(FILE *f)
{
    const struct eg_renderer_reg *r;

    fprintf(f, "-r FORMAT chooses how rows are written:\n\n");
    for (size_t i = 0; (r = eg_renderer_nth(i)); i++)
        entry(f, r->name, r->renderer->desc);
}

static void lua(FILE *f)
{
    struct eg_arena a = { 0 };
    const char *table;
    struct eg_reference r;

    wrapped(f,
            "A script is a plugin in Lua 5.4: FILE.lua in a folder of --plugin-dir, or in "
            "$XDG_DATA_HOME/engram/plugins. It may call the safe part of Lua's own libraries, and:",
            0, 0);
    for (size_t i = 0; eg_lua_function_nth(&a, i, &table, &r); i++) {
        char left[200];
        size_t n = (size_t)snprintf(left, sizeof left, "%s.%s(", table, r.name);
        const struct eg_reference_group group = eg_lua_function_group(i);
        const bool own = !strcmp(table, "eg"); // whose groups are one file each

        if (!i || strcmp(group.title, eg_lua_function_group(i - 1).title) != 0)
            fprintf(f, "\n%s%s%s:\n", group.title, own ? ", in " : "", own ? group.file : "");

        for (const char *p = r.signature; *p && n < sizeof left; p = eg_lua_next_part(p))
            n += (size_t)snprintf(left + n, sizeof left - n, "%s%.*s", p == r.signature ? "" : ", ",
                                  (int)strcspn(p, ":"), p);
        if (n < sizeof left)
            snprintf(left + n, sizeof left - n, ")");
        if (!own)
            r.text = eg_arena_strf(&a, "%s [%s]", r.text, group.file);
        entry(f, left, r.text ? r.text : "");
    }
    eg_arena_fini(&a);
}

static const struct cli_topic topics[] = {
    { "formats", "formats of images, and containers", formats },
    { "lua", "what plugins in Lua can call", lua },
    { "lua-types", "the same as a file of type annotations for editors (LuaLS)",
      eg_lua_annotations },
    { "profiles", "sources of types and symbols", profiles },
    { "renderers", "formats of output", renderers },
};

const struct cli_topic *cli_topic_nth(size_t i)
{
    return i < countof(topics) ? &topics[i] : NULL;
}

/* ---- all ---- */

/* Plugins in groups, told by what they declare: they search, their rows begin with a process, or
 * not. */
enum group { PROCESSES, KERNEL, SEARCH, ANY };

static enum group group_of(const struct eg_plugin *p)
{
    if (p->scan)
        return SEARCH;
    for (size_t i = 0; i < 2 && p->columns[i].name; i++)
        if (!strcmp(p->columns[i].name, "PID"))
            return PROCESSES;
    return p->os ? KERNEL : ANY;
}

static void plugins(FILE *f)
{
    static const char *const titles[] = { [PROCESSES] = "processes",
                                          [KERNEL] = "the kernel",
                                          [SEARCH] = "searching memory",
                                          [ANY] = "any image" };
    const struct eg_plugin_reg *p;

    for (size_t g = 0; g < countof(titles); g++) {
        bool any = false;

        for (size_t i = 0; (p = eg_plugin_nth(i)); i++) {
            if (group_of(p->plugin) != (enum group)g)
                continue;
            if (!any)
                fprintf(f, "\nplugins: %s\n", titles[g]);
            any = true;
            entry(f, p->name, p->plugin->help);
        }
    }
}

int cli_usage(FILE *f)
{
    static const char *const examples[][2] = {
        { "engram memory.lime", "what is this?" },
        { "engram memory.lime pstree", "what ran there?" },
        { "engram memory.lime maps --pid 812", "what had it mapped?" },
        { "engram -r jsonl memory.lime all >rows", "everything, for a program" },
        { "engram dt memory.lime task_struct init_task", "a variable and its values" },
    };
    const struct cli_option *o;
    const struct cli_topic *t;
    const struct verb *v;

    fprintf(
        f,
        "Engram reads the memory image of a machine and says what was running on it.\n\n"
        "usage: engram IMAGE\n"
        "           say what this is, how that was found, and what to run next\n"
        "       engram IMAGE PLUGIN[,PLUGIN...] [--option [VALUE]]...\n"
        "           run plugins; `all` are those that can run on this image and search nothing\n");
    for (size_t i = 0; (v = cli_verb_nth(i)); i++)
        if (v->help)
            fprintf(f, "       engram %s %s\n           %s\n", v->name, v->usage, v->help);
    plugins(f);
    fprintf(f, "\noptions:\n");
    for (size_t i = 0; (o = cli_option_nth(i)); i++) {
        char left[40];

        snprintf(left, sizeof left, "%s--%s%s%s",
                 o->letter ? (char[]){ '-', o->letter, ',', ' ', 0 } : "", o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        entry(f, left, o->help);
    }
    fprintf(f, "\nengram help NAME: more of a plugin, a verb, or of\n");
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        entry(f, t->name, t->help);
    fprintf(f, "\nexamples:\n");
    for (size_t i = 0; i < countof(examples); i++)
        fprintf(f, "  %-46s %s\n", examples[i][0], examples[i][1]);
    fprintf(f, "\nexit status: 0 done, 1 usage, 2 the image cannot be opened, "
               "3 a plugin failed or was stopped\n");
    return CLI_OK;
}

/* ---- one ---- */

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

        snprintf(left, sizeof left, "-%s%s%s", args->name[1] ? "-" : "", args->name,
                 kinds[args->kind]);
        entry(stdout, left, args->help);
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
    if (p->manual) {
        putchar('\n');
        wrapped(stdout, p->manual, 0, 0);
    }
    arguments(p->args);
    for (const struct eg_column *c = p->columns; c->name; c++)
        width = EG_MAX(width, (int)strlen(c->name));
    printf("\ncolumns%s:\n", p->tree ? " (a tree)" : "");
    for (const struct eg_column *c = p->columns; c->name; c++) {
        int n = printf("  %-*s  %-8s ", width, c->name, kinds[c->kind]);

        wrapped(stdout, c->help, (size_t)n, (size_t)n);
    }
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
    const char *theirs, *ours;
    bool any = false;

    printf("%s - %s\n\nusage: engram %s %s\n", v->name, v->help, v->name, v->usage);
    arguments(v->args);
    for (size_t i = 0; (theirs = cli_habit_verb_nth(i, &ours)); i++) {
        if (strcmp(ours, v->name))
            continue;
        printf(any ? " %s" : "\nalso known as: %s", theirs);
        any = true;
    }
    fputs(any ? "\n" : "", stdout);
    return CLI_OK;
}

int cli_help(struct cli *c)
{
    const char *name = c->verb && strcmp(c->verb->name, "help") ? c->verb->name : NULL;
    const struct eg_plugin_reg *reg;
    const struct cli_topic *t;
    const struct verb *v;

    if (!name && c->words.n)
        name = c->words.at[0];
    if (!name)
        return cli_usage(stdout);
    if ((v = cli_verb(cli_habit_verb(name))) && v->help)
        return about_verb(v);
    if ((reg = eg_plugin_find(name)))
        return about_plugin(reg);
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        if (!strcmp(t->name, name)) {
            t->print(stdout);
            return CLI_OK;
        }
    return cli_unknown_plugin(name);
}
