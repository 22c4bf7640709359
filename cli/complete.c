/* complete.c - engram complete -- WORD…: what may stand where the last word is, for the completions
 * of all shells. One candidate a line, a tab, what it is; ":files" and ":dirs" ask the shell for
 * those. Types and symbols come from the image that the other words name, within a few seconds. */
#include "../core/process.h"
#include "../lua/trace.h"
#include "habits.h"
#include "open.h"
#include "options.h"
#include "topics.h"
#include "verb.h"
#include <limits.h>
#include <unistd.h>

enum { MOST = 1000, SECONDS = 3 };

struct line {
    struct cli before;  /* the other words, read as the command itself would */
    const char *word;   /* the last one; of "--name=valu" what is behind the sign */
    const char *prefix; /* what stands before it in the same word */
    size_t n;
};

static void offer(struct line *l, const char *name, const char *help)
{
    if (strncmp(name, l->word, strlen(l->word)) || l->n++ >= MOST)
        return;
    printf("%s%s%s%s\n", l->prefix, name, help ? "\t" : "", help ? help : "");
}

/* ---- what there is without an image ---- */

static void verbs(struct line *l, bool with_image)
{
    const struct cli_verb *v;

    for (size_t i = 0; (v = cli_verb_nth(i)); i++)
        if (v->help && (!with_image || v->image != CLI_NO_IMAGE))
            offer(l, v->name, v->help);
}

static void plugins(struct line *l)
{
    const struct eg_plugin_reg *p;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        offer(l, p->name, p->plugin->help);
}

/* "pslist,ps": the names before the last comma stay. @return was there one? */
static bool last_of_list(struct line *l)
{
    const char *comma = strrchr(l->word, ',');

    if (comma) {
        l->prefix = eg_arena_strf(&l->before.arena, "%s%.*s", l->prefix, (int)(comma - l->word) + 1,
                                  l->word);
        l->word = comma + 1;
    }
    return comma != NULL;
}

static void plugin_names(struct line *l)
{
    last_of_list(l);
    if (l->prefix)
        plugins(l);
}

static void plugin_list(struct line *l)
{
    const bool first = !last_of_list(l);

    if (l->prefix)
        plugins(l);
    if (first)
        offer(l, "all", "every plugin that can run on this image and searches nothing");
}

static void renderers(struct line *l)
{
    const struct eg_renderer_reg *r;

    for (size_t i = 0; (r = eg_renderer_nth(i)); i++)
        offer(l, r->name, r->renderer->desc);
}

static void formats(struct line *l)
{
    const struct eg_format_reg *f;

    for (size_t i = 0; (f = eg_format_nth(i)); i++)
        offer(l, f->name, f->format->desc);
}

/* ---- options ---- */

static void arguments(struct line *l, const struct eg_arg *args)
{
    for (; args && args->name; args++) {
        const char *name = eg_arena_strf(&l->before.arena, "--%s", args->name);

        if (name)
            offer(l, name, args->help);
    }
}

/* Call @each for the plugins that are named. */
static void each_named(struct line *l, void (*each)(struct line *l, const struct eg_plugin *p))
{
    struct cli *c = &l->before;

    for (size_t i = 0; i < c->words.n; i++) {
        char *list = eg_arena_strndup(&c->arena, c->words.at[i], strlen(c->words.at[i])), *save;

        for (char *one = list ? strtok_r(list, ",", &save) : NULL; one;
             one = strtok_r(NULL, ",", &save)) {
            const struct eg_plugin_reg *p = eg_plugin_find(one);

            if (p)
                each(l, p->plugin);
        }
    }
}

static void columns_of(struct line *l, const struct eg_plugin *p)
{
    const struct cli *c = &l->before;
    const struct eg_column *column = eg_plugin_columns(p, c->args.at, c->args.n, &l->before.arena);

    for (; column && column->name; column++)
        offer(l, column->name, column->help);
}

/* "A,-B" */
static void column_list(struct line *l)
{
    last_of_list(l);
    if (l->prefix && *l->word == '-') {
        l->prefix = eg_arena_strf(&l->before.arena, "%s-", l->prefix);
        l->word++;
    }
    if (l->prefix)
        each_named(l, columns_of);
}

static void arguments_of(struct line *l, const struct eg_plugin *p)
{
    size_t n = 0;
    struct eg_arg *all;

    arguments(l, p->args);
    if (!eg_has_processes(p))
        return;
    while (eg_process_args[n].name)
        n++;
    all = eg_arena_array(&l->before.arena, struct eg_arg, n + 1);
    for (size_t i = n = 0; all && eg_process_args[i].name; i++)
        if (!eg_declares(p, eg_process_args[i].name))
            all[n++] = eg_process_args[i];
    arguments(l, all);
}

/* Those of the command, of the verb, of the plugins that are named. */
static void options(struct line *l)
{
    struct cli *c = &l->before;
    const struct cli_option *o;

    for (size_t i = 0; (o = cli_option_nth(i)); i++) {
        const char *name = eg_arena_strf(&c->arena, "--%s", o->name);

        if (name)
            offer(l, name, o->help);
    }
    if (c->verb) {
        arguments(l, c->verb->args);
        return;
    }
    each_named(l, arguments_of);
}

/* "raw|lime|elf", where a usage or a help text says so of @a; "EXPR", where the help begins so;
 * "FILE". */
static const char *text_kind(const struct cli *c, const struct eg_arg *a)
{
    static const char *const kinds[] = { "COLUMNS", "EXPR", "SCRIPT", "IMAGE", "N" };
    const char *usage = c->verb ? strstr(c->verb->usage, a->name) : NULL;
    const char *texts[] = { usage ? usage + strlen(a->name) : "", a->help };

    for (size_t i = 0; i < countof(texts); i++) {
        const char *word = texts[i] + strspn(texts[i], " ");

        if (memchr(word, '|', strcspn(word, " ]")))
            return word;
    }
    for (size_t i = 0; i < countof(kinds); i++)
        if (!strncmp(a->help, kinds[i], strlen(kinds[i])) && a->help[strlen(kinds[i])] == ':')
            return kinds[i];
    return "FILE";
}

/* What kind of value the option @text wants: "FILE", "DIR", a list of words…; NULL: none, or it is
 * no option. */
static const char *wanted(const struct cli *c, const char *text)
{
    const bool is_long = text[0] == '-' && text[1] == '-';
    const char *name = is_long ? text + 2 : text + 1;
    const struct eg_arg *a = NULL;
    const struct eg_plugin_reg *p;
    const struct cli_option *o;

    if (text[0] != '-' || !*name)
        return NULL;
    for (size_t i = 0; (o = cli_option_nth(i)); i++)
        if (is_long ? !strcmp(o->name, name) : o->letter == name[0] && !name[1])
            return c->verb && c->verb->out && o->letter == 'o' ? c->verb->out : o->value;
    if (!is_long)
        return NULL;
    if (c->verb)
        a = cli_declared(c->verb->args, name);
    for (size_t i = 0; !a && !c->verb && (p = eg_plugin_nth(i)); i++)
        a = eg_plugin_arg(p->plugin, name);
    if (!a || a->kind == EG_ARG_FLAG)
        return NULL;
    return a->kind == EG_ARG_FILE   ? "FILE"
           : a->kind == EG_ARG_TEXT ? text_kind(c, a)
           : a->kind == EG_ARG_ADDR ? "SYMBOL"
                                    : "N";
}

/* ---- what only the image knows ---- */

static void names_of(struct line *l, const struct eg_profile *p, bool types)
{
    for (uint32_t i = 0; types && i < p->n_types && l->n <= MOST; i++)
        if (p->types[i].name && p->types[i].kind != EG_T_FUNC)
            offer(l, p->strings + p->types[i].name, NULL);
    for (uint32_t i = 0; !types && i < p->n_symbols && l->n <= MOST; i++)
        offer(l, p->strings + p->symbols[i].name, NULL);
}

static void from_image(struct line *l, bool types, bool symbols)
{
    struct cli *c = &l->before;
    struct cli_opened o = { 0 };

    fflush(stdout);
    alarm(SECONDS); // ends the process: a shell does not wait for a file that must be unpacked
    c->quiet = c->open.quiet = c->find.quiet = true;
    if (c->image && cli_open(c, &o) == CLI_OK && o.sys->os) {
        for (size_t i = 0; types && i < o.sys->types.n_layers; i++)
            names_of(l, o.sys->types.layers[i].profile, true);
        for (size_t i = 0; symbols && i < o.sys->symbols.n; i++)
            names_of(l, o.sys->symbols.at[i].profile, false);
    }
    cli_close(&o);
}

/* ---- which of all that ---- */

/* "raw|lime|elf ..." */
static void words(struct line *l, const char *list)
{
    size_t n;

    for (;; list += n + 1) {
        char *word = eg_arena_strndup(&l->before.arena, list, n = strcspn(list, "| ]"));

        if (word)
            offer(l, word, NULL);
        if (list[n] != '|')
            return;
    }
}

static void described(struct line *l)
{
    const struct cli_topic *t;

    plugins(l);
    verbs(l, false);
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        offer(l, t->name, t->help);
    formats(l);
}

static void scripts(struct line *l)
{
    struct eg_trace_script s;

    for (size_t i = 0; eg_trace_script_nth(i, &s); i++)
        offer(l, s.name, s.help);
    puts(":files");
}

/* A machine that runs can stand where a file can. */
static void images(struct line *l)
{
    const struct eg_source_reg *s;

    for (size_t i = 0; (s = eg_source_nth(i)); i++) {
        const char *name = eg_arena_strf(&l->before.arena, "%s:", s->name);

        if (name)
            offer(l, name, s->source->desc);
    }
    puts(":files");
}

/* Kinds, of options and of verbs' words: FILE, IMAGE (a file, or a machine that runs), DIR,
 * COLUMNS, EXPR (a column comes first), ZONE, FORMAT (of output), NAME (of a format of images),
 * SYMBOL, TYPE (or a symbol), PLUGINS, HELP (what it describes), SCRIPT (of trace, or a file),
 * "one|of|these"; nothing is offered for others. */
static void value(struct line *l, const char *kind)
{
    if (!strcmp(kind, "FILE"))
        puts(":files");
    else if (!strcmp(kind, "DIR"))
        puts(":dirs");
    else if (!strcmp(kind, "FORMAT"))
        renderers(l);
    else if (!strcmp(kind, "NAME"))
        formats(l);
    else if (!strcmp(kind, "COLUMNS"))
        column_list(l);
    else if (!strcmp(kind, "EXPR"))
        each_named(l, columns_of);
    else if (!strcmp(kind, "ZONE"))
        words(l, "local|UTC");
    else if (!strcmp(kind, "SYMBOL"))
        from_image(l, false, true);
    else if (!strcmp(kind, "TYPE"))
        from_image(l, true, true);
    else if (!strcmp(kind, "PLUGINS"))
        plugin_names(l);
    else if (!strcmp(kind, "SCRIPT"))
        scripts(l);
    else if (!strcmp(kind, "IMAGE"))
        images(l);
    else if (!strcmp(kind, "HELP"))
        described(l);
    else if (strchr(kind, '|'))
        words(l, kind);
}

static void word_of_verb(struct line *l)
{
    const struct cli *c = &l->before;
    const struct cli_verb *v = c->verb;
    size_t i = 0;

    if (v->image == CLI_WANTS_IMAGE && !c->image) {
        images(l);
        return;
    }
    if (c->words.n >= v->max)
        return;
    while (i + 1 < CLI_VERB_WORDS && i < c->words.n && v->words[i + 1])
        i++;
    if (v->words[i] && !(cli_arg(c, "phys") && !strcmp(v->words[i], "SYMBOL")))
        value(l, v->words[i]);
}

static void word(struct line *l)
{
    const struct cli *c = &l->before;

    if (c->verb) {
        word_of_verb(l);
        return;
    }
    if (!c->words.n)
        verbs(l, c->image != NULL);
    if (c->image)
        plugin_list(l);
    else
        images(l);
}

static int run_verb(struct cli *c)
{
    struct line l = { .word = c->words.at[c->words.n - 1], .prefix = "" };
    char **argv = eg_arena_array(&c->arena, char *, c->words.n + 1);
    const int argc = (int)c->words.n;
    const char *sign = l.word[0] == '-' ? strchr(l.word, '=') : NULL, *kind = NULL;
    char *option = sign ? eg_arena_strndup(&c->arena, l.word, (size_t)(sign - l.word)) : NULL;

    if (!argv || !freopen("/dev/null", "w", stderr)) // nobody wants to hear of half a line
        return CLI_FAILED;
    for (int i = 1; i < argc; i++)
        argv[i] = (char *)(uintptr_t)c->words.at[i - 1];
    l.before.completing = true;
    cli_options(&l.before, argc, argv);
    if (option) {
        l.prefix = eg_arena_strf(&c->arena, "%s=", option);
        l.word = sign + 1;
        kind = wanted(&l.before, option);
    } else if (argc > 1 && (kind = wanted(&l.before, argv[argc - 1]))) {
        cli_fini(&l.before); // its value is not there yet: the line is read without it
        l.before.completing = true;
        cli_options(&l.before, argc - 1, argv);
    }
    if (kind && l.prefix)
        value(&l, kind);
    else if (l.word[0] == '-')
        options(&l);
    else if (!option)
        word(&l);
    cli_fini(&l.before);
    return CLI_OK;
}

CLI_VERB(complete) = {
    .name = "complete",
    .usage = "-- WORD...",
    .min = 1,
    .max = UINT_MAX,
    .order = 25,
    .run = run_verb,
};
