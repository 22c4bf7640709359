/* gdb_hooks.c - plugins for a debugger, which is a stranger: what a line can say is a plugin, its
 * own options and which rows are shown. Nothing is written to the disk, and no code is loaded. */
#include "gdb_hooks.h"
#include "../core/args.h"
#include "../core/search.h"
#include "../core/select.h"
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MOST = 64 };

/* ---- a line ---- */

struct line {
    struct eg_arena *a;
    char *words[WORDS_MOST];
    size_t n;
    const struct eg_plugin_reg *reg;
    struct eg_given_arg args[WORDS_MOST];
    size_t n_args;
    struct eg_select_options select;
    const char *error;
};

/* Words with blanks between; a quote of either kind keeps blanks. @return false: see @error. */
static bool split(struct line *l, const char *text)
{
    char *to = eg_arena_alloc(l->a, strlen(text) + 1);
    char quote = 0;

    if (!to)
        return l->error = "out of memory", false;
    while (*text) {
        while (*text == ' ' || *text == '\t')
            text++;
        if (!*text)
            break;
        if (l->n == WORDS_MOST)
            return l->error = "too many words", false;
        l->words[l->n++] = to;
        for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
            if (quote ? *text == quote : *text == '"' || *text == '\'')
                quote = quote ? 0 : *text;
            else
                *to++ = *text;
        }
        *to++ = 0;
    }
    if (quote)
        return l->error = "a quote is not closed", false;
    return true;
}

/* An option that says which rows are shown. */
static bool choice(struct line *l, const char *name, const char *value, bool *known)
{
    const char **to = !strcmp(name, "filter")    ? &l->select.filter
                      : !strcmp(name, "sort")    ? &l->select.sort
                      : !strcmp(name, "columns") ? &l->select.columns
                                                 : NULL;
    char *end;

    *known = to || !strcmp(name, "limit");
    if (!*known)
        return false;
    if (!value)
        return false;
    if (to) {
        *to = value;
        return true;
    }
    l->select.limit = strtoull(value, &end, 10);
    l->select.limited = true;
    return *value >= '0' && *value <= '9' && !*end;
}

/* --name, --name=value, --name value. */
static bool option(struct line *l, size_t *i)
{
    char *name = l->words[*i] + 2, *value = strchr(name, '=');
    const struct eg_arg *arg;
    bool known;

    if (value)
        *value++ = 0;
    arg = eg_plugin_arg(l->reg->plugin, name);
    // Neither read nor written by a stranger: what a file of patterns has would be shown.
    if (arg && arg->kind == EG_ARG_FILE) {
        l->error = eg_arena_strf(l->a, "--%s: a debugger may name no file of this machine", name);
        return false;
    }
    if (arg && arg->kind == EG_ARG_FLAG) {
        if (value)
            return l->error = eg_arena_strf(l->a, "--%s takes no value", name), false;
        l->args[l->n_args++] = (struct eg_given_arg){ arg->name, NULL };
        return true;
    }
    if (!value && *i + 1 < l->n)
        value = l->words[++*i];
    if (arg && value) {
        l->args[l->n_args++] = (struct eg_given_arg){ arg->name, value };
        return true;
    }
    if (!arg && choice(l, name, value, &known))
        return true;
    l->error = arg || known ? eg_arena_strf(l->a, "--%s: a value is needed", name)
                            : eg_arena_strf(l->a,
                                            "--%s: no option of %s; `monitor help %s` lists "
                                            "them",
                                            name, l->reg->name, l->reg->name);
    return false;
}

static bool parse(struct line *l)
{
    l->reg = eg_plugin_find(l->words[0]);
    if (!l->reg) {
        l->error = eg_arena_strf(l->a, "'%s': no plugin; `monitor help` lists them", l->words[0]);
        return false;
    }
    for (size_t i = 1; i < l->n; i++)
        if (strncmp(l->words[i], "--", 2) != 0) {
            l->error = eg_arena_strf(l->a, "'%s': only options of %s; `monitor help %s` lists them",
                                     l->words[i], l->reg->name, l->reg->name);
            return false;
        } else if (!option(l, &i)) {
            return false;
        }
    return true;
}

/* ---- a run ---- */

/* Rows as they come, and what to do at the end. */
struct table {
    FILE *f;
    const struct eg_renderer *renderer;
    void *state;
    struct eg_result_head head;
    bool begun;
};

static void put_row(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct table *t = context;

    (void)n;
    if (!t->begun)
        t->renderer->head(t->state, t->f, &t->head);
    t->begun = true;
    t->renderer->row(t->state, t->f, &t->head, depth, v);
}

static void run_to(const struct cli_gdb_context *c, const struct line *l, struct eg_select *select,
                   struct eg_sink sink, struct eg_run_result *out)
{
    const struct eg_run_options o = {
        .args = l->args, .n_args = l->n_args, .threads = c->threads, .quiet = true
    };

    sink = eg_select_sink(select, sink);
    if (l->reg->plugin->scan)
        eg_search(c->sys, &l->reg, 1, &o, &sink, out);
    else
        eg_plugin_run(c->sys, l->reg, &o, sink, out);
    eg_select_finish(select);
}

static void run_line(const struct cli_gdb_context *c, struct line *l, FILE *f)
{
    static const struct eg_provenance from = { .n_results = 1 };
    static const char *const none[] = { NULL };
    const struct eg_run_options o = { .args = l->args, .n_args = l->n_args };
    struct table t = { .f = f, .renderer = eg_renderer_find("text") };
    struct eg_run_result result = { 0 };
    const struct eg_plugin *p = l->reg->plugin;
    struct eg_select *select = NULL;
    struct eg_error e;

    t.head = (struct eg_result_head){
        .plugin = l->reg->name, .tree = p->tree, .args = none, .wide = true
    };
    t.head.columns = eg_plugin_columns(p, l->args, l->n_args, l->a);
    t.state = calloc(1, t.renderer->state + 1);
    if (!t.head.columns || !t.state) {
        free(t.state);
        l->error = "out of memory";
        return;
    }
    if (eg_args_check(c->sys, l->reg, &o, &e) ||
        eg_select_open(&select, &l->select, l->reg->name, t.head.columns, p->tree, &e)) {
        l->error = eg_arena_strf(l->a, "%s", e.text);
        free(t.state);
        return;
    }
    while (t.head.columns[t.head.n_columns].name)
        t.head.n_columns++;
    eg_select_head(select, &t.head);
    t.renderer->begin(t.state, f, &from);
    run_to(c, l, select, (struct eg_sink){ put_row, &t }, &result);
    if (result.status == -EG_EUSAGE && !t.begun) {
        l->error = eg_arena_strf(l->a, "%s", result.error);
    } else {
        if (!t.begun)
            t.renderer->head(t.state, f, &t.head);
        t.renderer->tail(t.state, f, &t.head, (const char *const *)result.notes, result.error);
        t.renderer->end(t.state, f);
    }
    eg_arena_fini(&result.arena);
    eg_select_close(select);
    free(t.state);
}

/* ---- monitor ---- */

static void list_plugins(const struct cli_gdb_context *c, FILE *f, struct eg_arena *a)
{
    const struct eg_plugin_reg *p;

    fprintf(f, "monitor PLUGIN [--option [VALUE]]...   as `engram IMAGE PLUGIN`\n"
               "monitor help PLUGIN                    its options\n"
               "monitor files                          files that memory does not have whole\n\n");
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        if (!eg_plugin_lacks(c->sys, p->plugin, a))
            fprintf(f, "%-18s %s\n", p->name, p->plugin->help);
}

static void describe(FILE *f, const struct eg_plugin_reg *reg)
{
    const struct eg_arg *lists[] = { reg->plugin->args,
                                     eg_has_processes(reg->plugin) ? eg_process_args : NULL };

    fprintf(f, "%s - %s\n", reg->name, reg->plugin->help);
    if (reg->plugin->manual)
        fprintf(f, "\n%s\n", reg->plugin->manual);
    fprintf(f, "\n");
    for (size_t i = 0; i < countof(lists); i++)
        for (const struct eg_arg *a = lists[i]; a && a->name; a++)
            if (!i || !eg_declares(reg->plugin, a->name))
                fprintf(f, "  --%-16s %s\n", a->name, a->help);
    fprintf(f, "  --%-16s %s\n", "filter", "only rows for which this is true: \"PID > 100\"");
    fprintf(f, "  --%-16s %s\n", "sort", "columns to sort by");
    fprintf(f, "  --%-16s %s\n", "columns", "columns to show");
    fprintf(f, "  --%-16s %s\n", "limit", "as many rows");
}

static void monitor(void *context, const char *text, struct eg_arena *a, char **out)
{
    const struct cli_gdb_context *c = context;
    struct line l = { .a = a };
    char *bytes = NULL, safe[1024];
    size_t len = 0;
    FILE *f = open_memstream(&bytes, &len);

    if (!f)
        return;
    if (split(&l, text)) {
        if (!l.n || (!strcmp(l.words[0], "help") && l.n == 1))
            list_plugins(c, f, a);
        else if (!strcmp(l.words[0], "help") && eg_plugin_find(l.words[1]))
            describe(f, eg_plugin_find(l.words[1]));
        else if (!strcmp(l.words[0], "help"))
            l.error = eg_arena_strf(a, "'%s': no plugin; `monitor help` lists them", l.words[1]);
        else if (parse(&l))
            run_line(c, &l, f);
    }
    if (l.error) {
        eg_escape(safe, sizeof safe, l.error, strlen(l.error));
        fprintf(f, "%s\n", safe);
    }
    if (fclose(f) == 0)
        *out = eg_arena_strndup(a, bytes, len);
    free(bytes);
}

/* ---- info os ---- */

static void put_xml(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        default:
            if ((uint8_t)*text >= 0x20) // XML has no others
                fputc(*text, f);
        }
}

static void put_column(FILE *f, const char *name, const char *text)
{
    fprintf(f, "<column name=\"%s\">", name);
    put_xml(f, text);
    fprintf(f, "</column>");
}

struct items {
    FILE *f;
    const struct eg_column *columns;
    struct eg_arena a; /* of one row */
};

/* Every row has all columns, for the debugger takes them from the first. */
static void put_item(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    enum { MOST = 256 << 20 }; // bytes of a table
    struct items *t = context;

    (void)depth;
    if (ftello(t->f) > MOST)
        return;
    fprintf(t->f, "<item>");
    for (size_t i = 0; i < n && t->columns[i].name; i++) {
        const char *text;

        if (t->columns[i].shown & EG_ASKED) // of options, which are not given here
            continue;
        text = eg_value_text(&t->a, &t->columns[i], &v[i]);
        put_column(t->f, t->columns[i].name, text ? text : "");
    }
    fprintf(t->f, "</item>\n");
    eg_arena_reset(&t->a);
}

static void list_tables(const struct cli_gdb_context *c, FILE *f, struct eg_arena *a)
{
    const struct eg_plugin_reg *p;

    fprintf(f, "<osdata type=\"types\">\n");
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++) {
        if (p->plugin->scan || p->plugin->asks || eg_plugin_lacks(c->sys, p->plugin, a))
            continue;
        fprintf(f, "<item>");
        put_column(f, "Type", p->name);
        put_column(f, "Description", p->plugin->help);
        put_column(f, "Title", p->name);
        fprintf(f, "</item>\n");
    }
}

static const char *osdata(void *context, const char *name, struct eg_arena *a)
{
    const struct cli_gdb_context *c = context;
    struct line l = { .a = a, .reg = eg_plugin_find(name) };
    struct eg_run_result result = { 0 };
    struct items t = { 0 };
    char *bytes = NULL, *out = NULL;
    size_t len = 0;

    if ((*name && !l.reg) || !(t.f = open_memstream(&bytes, &len)))
        return NULL;
    if (*name) {
        t.columns = l.reg->plugin->columns;
        fprintf(t.f, "<osdata type=\"%s\">\n", l.reg->name);
        run_to(c, &l, NULL, (struct eg_sink){ put_item, &t }, &result);
        eg_arena_fini(&result.arena);
        eg_arena_fini(&t.a);
    } else {
        list_tables(c, t.f, a);
    }
    fprintf(t.f, "</osdata>\n");
    if (fclose(t.f) == 0 && (!result.status || result.n_rows))
        out = eg_arena_strndup(a, bytes, len);
    free(bytes);
    return out;
}

const struct gdb_hooks cli_gdb_hooks = { .monitor = monitor, .osdata = osdata };
