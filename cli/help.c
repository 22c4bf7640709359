/* help.c - engram help [PLUGIN|VERB|TOPIC] and --help: from the declarations. */
#include "help.h"
#include "../core/process.h"
#include "habits.h"
#include "layout.h"
#include "options.h"
#include "topics.h"
#include "verb.h"

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
            cli_entry(f, p->name, p->plugin->help);
        }
    }
}

static int usage(FILE *f)
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
    const struct cli_verb *v;

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
        cli_entry(f, left, o->help);
    }
    fprintf(f, "\nengram help NAME: more of a plugin, a verb, a format, or of\n");
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        cli_entry(f, t->name, t->help);
    fprintf(f, "\nexamples:\n");
    for (size_t i = 0; i < countof(examples); i++)
        fprintf(f, "  %-46s %s\n", examples[i][0], examples[i][1]);
    fprintf(f, "\nexit status: 0 done, 1 usage, 2 the image cannot be opened,\n"
               "             3 a plugin failed or was stopped, or no file could be written\n");
    return CLI_OK;
}

/* ---- one ---- */

/* "SECONDS: end after so many": the length of the first word, 0 where there is none. */
static size_t value_name(const char *help)
{
    const size_t n = strcspn(help, ": ");
    size_t capitals = 0;

    while (capitals < n && !(help[capitals] >= 'a' && help[capitals] <= 'z'))
        capitals++;
    return n && capitals == n && !strncmp(help + n, ": ", 2) ? n : 0;
}

static void arguments(const struct eg_arg *args)
{
    static const char *const kinds[] = { [EG_ARG_FLAG] = "",
                                         [EG_ARG_INT] = " N[,N...]",
                                         [EG_ARG_ADDR] = " ADDR",
                                         [EG_ARG_TEXT] = " TEXT",
                                         [EG_ARG_FILE] = " FILE" };

    if (args && args->name)
        printf("\noptions:\n");
    for (; args && args->name; args++) {
        const size_t own = args->kind == EG_ARG_TEXT ? value_name(args->help) : 0;
        char left[64];

        snprintf(left, sizeof left, "-%s%s%s%.*s", args->name[1] ? "-" : "", args->name,
                 own ? " " : kinds[args->kind], (int)own, args->help);
        cli_entry(stdout, left, own ? args->help + own + 2 : args->help);
    }
}

enum { HELP_COLUMNS = 100, INDENT = 4 };

static void names(const char *what, const char *const *all, const char *between)
{
    size_t at = strlen(what) + 1;

    for (size_t i = 0; all && all[i]; i++) {
        const size_t more = strlen(all[i]) + 1 + (all[i + 1] ? strlen(between) : 0);

        fputs(i ? between : what, stdout);
        fputs(i ? "" : ":", stdout);
        if (at + more > HELP_COLUMNS) {
            printf("\n%*s", INDENT - 1, "");
            at = INDENT - 1;
        }
        printf(" %s", all[i]);
        at += more;
    }
    if (all && all[0])
        putchar('\n');
}

static bool has_argument(const struct eg_plugin *p, const char *name)
{
    for (const struct eg_arg *a = p->args; a && a->name; a++)
        if (!strcmp(a->name, name))
            return true;
    return false;
}

static int about_plugin(const struct eg_plugin_reg *reg)
{
    static const char *const kinds[] = {
        [EG_COL_INT] = "number",  [EG_COL_BIG] = "digits",  [EG_COL_ADDR] = "address",
        [EG_COL_TEXT] = "text",   [EG_COL_BYTES] = "bytes", [EG_COL_TIME] = "time",
        [EG_COL_FLAGS] = "flags", [EG_COL_BOOL] = "yes/no", [EG_COL_DURATION] = "seconds",
    };
    const struct eg_plugin *p = reg->plugin;
    int width = 6;

    printf("%s - %s\n\nusage: engram IMAGE %s%s\n", reg->name, p->help, reg->name,
           p->args && p->args->name ? " [option...]" : "");
    if (p->manual) {
        putchar('\n');
        cli_wrapped(stdout, p->manual, 0, 0);
    }
    arguments(p->args);
    if (eg_has_processes(p))
        printf("%s  %s--name --uid --container --tree --context: `engram help processes`\n",
               p->args && p->args->name ? "" : "\noptions:\n",
               has_argument(p, "pid") ? "" : "--pid ");
    for (const struct eg_column *c = p->columns; c->name; c++)
        width = EG_MAX(width, (int)strlen(c->name));
    printf("\ncolumns%s:\n", p->tree ? " (a tree)" : "");
    for (const struct eg_column *c = p->columns; c->name; c++) {
        int n = printf("  %-*s  %-8s ", width, c->name, kinds[c->kind]);

        cli_wrapped(stdout, c->help, (size_t)n, (size_t)n);
    }
    printf("\nruns on: %s\n", p->os ? p->os : "any image");
    names("looks for", p->looks_for, ",");
    names("key", p->key, ",");
    names("moves", p->moves, ",");
    names("also known as", p->aliases, "");
    printf("source: %s\n", reg->file);
    return CLI_OK;
}

static int about_verb(const struct cli_verb *v)
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
    printf("\nsource: %s\n", cli_verb_file(v));
    return CLI_OK;
}

int cli_help(struct cli *c)
{
    const char *name = c->verb && strcmp(c->verb->name, "help") ? c->verb->name : NULL;
    const struct eg_plugin_reg *reg;
    const struct cli_topic *t;
    const struct cli_verb *v;

    if (!name && c->words.n)
        name = c->words.at[0];
    if (!name)
        return usage(stdout);
    if ((v = cli_verb(cli_habit_verb(name))) && v->help)
        return about_verb(v);
    if ((reg = eg_plugin_find(name)))
        return about_plugin(reg);
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        if (!strcmp(t->name, name)) {
            t->print(stdout);
            return CLI_OK;
        }
    return cli_describe_source(stdout, name) ? CLI_OK : cli_unknown_plugin(name);
}

CLI_VERB(help) = {
    .name = "help",
    .usage = "[PLUGIN|VERB|TOPIC|FORMAT]",
    .help = "describe a plugin, a verb, a topic or a format: options, columns, other names",
    .max = 1,
    .order = 20,
    .words = { "HELP" },
    .run = cli_help,
};
