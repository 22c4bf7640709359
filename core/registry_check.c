/* registry_check.c - checks the declarations of modules before they are added, so that no other
 * code has to handle duplicate names or missing functions. */
#include "process.h"
#include <ctype.h>

static const char *const kinds[EG_R_KINDS] = {
    [EG_R_PLUGINS] = "plugin",     [EG_R_WALKERS] = "walker",
    [EG_R_FUNCTIONS] = "function", [EG_R_CONSTANTS] = "list of constants",
    [EG_R_FORMATS] = "format",     [EG_R_READERS] = "reader",
};

static bool are_columns(const struct eg_plugin *p, const char *const *names)
{
    for (; names && *names; names++) {
        const struct eg_column *c = p->columns;

        while (c->name && strcmp(c->name, *names) != 0)
            c++;
        if (!c->name)
            return false;
    }
    return true;
}

static const char *lacks_of_plugin(const struct eg_plugin *p)
{
    if (!p->run == !p->scan)
        return "a plugin has .run or .scan, one of them";
    for (const struct eg_arg *a = p->args; a && a->name; a++)
        if (a->kind < EG_ARG_FLAG || a->kind > EG_ARG_FILE || !a->help)
            return "an option has a kind (EG_ARG) and a help text";
    if (!p->help || !p->columns)
        return "a plugin has .help and .columns";
    if (!are_columns(p, p->key) || !are_columns(p, p->moves))
        return "a plugin's .key and .moves name columns of its own";
    for (const struct eg_arg *a = p->args; eg_has_processes(p) && a && a->name; a++)
        if (strcmp(a->name, "pid") != 0 && eg_is_process_arg(a->name))
            return "an option has no name that every plugin with a column PID has: name, uid, "
                   "container, tree, context";
    return NULL;
}

void eg_function_args(const struct eg_function *f, unsigned *min, unsigned *max)
{
    bool optional = false;

    *min = *max = 0;
    for (const char *p = f->args; *p; p++) {
        optional |= *p == '[';
        if ((p == f->args || !(isalnum((unsigned char)p[-1]) || p[-1] == '_')) &&
            (isalnum((unsigned char)*p) || *p == '_')) {
            ++*max;
            *min += !optional;
        }
    }
}

unsigned eg_walker_values(const struct eg_walker *w)
{
    unsigned n = 0;

    for (const char *p = w->values; p; p = strchr(p + 1, ','))
        n++;
    return n;
}

static const char *lacks_of_walker(const struct eg_walker *w)
{
    if (!w->next == !w->next_values)
        return "a walker has .next or .next_values, one of them";
    if (!w->next_values != !w->values || eg_walker_values(w) > EG_WALKER_VALUES)
        return "a walker with .next_values names them in .values, four at most";
    return !w->at == !(w->arg && w->number && w->at_help)
               ? NULL
               : "a walker with .at has .arg, .number and .at_help";
}

static const char *lacks_of_function(const struct eg_function *f)
{
    const int forms = !!f->is + !!f->text + !!f->text_from + !!f->cursor + !!f->cell + !!f->call;
    unsigned min, max;

    if (!f->args)
        return "a function has .args, \"\" where it takes none";
    eg_function_args(f, &min, &max);
    if (max > EG_FUNCTION_ARGS)
        return "a function takes four arguments at most";
    if (!f->call && !min)
        return "only a function with .call can be called without arguments";
    return forms == 1
               ? NULL
               : "a function has .is, .text, .text_from, .cursor, .cell or .call, one of them";
}

static const char *lacks_of_format(const struct eg_format *f)
{
    if (!f->desc || !*f->desc || !f->probe || !f->open)
        return "a format has .desc, .probe and .open";
    if (f->head > EG_HEAD_MAX)
        return "a format's .head is at most 65536 bytes";
    return f->suffix && *f->suffix != '.' ? "a format's .suffix begins with a dot" : NULL;
}

/** What a record lacks, as text; NULL: nothing. */
static const char *wrong(enum eg_record_kind kind, const void *record)
{
    const struct eg_reader *reader;

    switch (kind) {
    case EG_R_PLUGINS:
        return lacks_of_plugin(((const struct eg_plugin_reg *)record)->plugin);
    case EG_R_WALKERS:
        return lacks_of_walker(((const struct eg_walker_reg *)record)->walker);
    case EG_R_FUNCTIONS:
        return lacks_of_function(((const struct eg_function_reg *)record)->function);
    case EG_R_CONSTANTS:
        return ((const struct eg_constants_reg *)record)->constants->list
                   ? NULL
                   : "constants have a .list";
    case EG_R_FORMATS:
        return lacks_of_format(((const struct eg_format_reg *)record)->format);
    case EG_R_READERS:
        reader = ((const struct eg_reader_reg *)record)->reader;
        return reader->desc && *reader->desc && reader->probe && reader->read
                   ? NULL
                   : "a reader has .desc, .probe and .read";
    case EG_R_KINDS:
        break;
    }
    return NULL;
}

int eg_record_check(enum eg_record_kind kind, const void *record, struct eg_error *e)
{
    const char *why = wrong(kind, record);

    return why ? eg_fail(e, EG_EFORMAT, "%s (%s): %s", eg_record_name(record),
                         eg_record_file(record), why)
               : 0;
}

/** The operating system whose walkers, functions and constants share one set of names; NULL:
 * any. */
static const char *os_of(enum eg_record_kind kind, const void *record)
{
    switch (kind) {
    case EG_R_WALKERS:
        return ((const struct eg_walker_reg *)record)->walker->os;
    case EG_R_FUNCTIONS:
        return ((const struct eg_function_reg *)record)->function->os;
    case EG_R_CONSTANTS:
        return ((const struct eg_constants_reg *)record)->constants->os;
    default:
        return NULL;
    }
}

/** The command line is read before it is known which plugin an option belongs to: plugins that
 * declare the same option must give it the same kind. */
static int check_options(const struct eg_plugin_reg *p, const struct eg_plugin_reg *other,
                         struct eg_error *e)
{
    static const char *const arg_kinds[] = { [EG_ARG_FLAG] = "flag",
                                             [EG_ARG_INT] = "int",
                                             [EG_ARG_ADDR] = "addr",
                                             [EG_ARG_TEXT] = "text",
                                             [EG_ARG_FILE] = "file" };

    for (const struct eg_arg *a = p->plugin->args; a && a->name; a++)
        for (const struct eg_arg *b = other->plugin->args; b && b->name; b++)
            if (!strcmp(a->name, b->name) && a->kind != b->kind)
                return eg_fail(e, EG_EUSAGE,
                               "%s: its option --%s is of kind %s, but %s (%s) has one of kind %s",
                               p->name, a->name, arg_kinds[a->kind], other->name, other->file,
                               arg_kinds[b->kind]);
    return 0;
}

static int check_suffix(const struct eg_format_reg *f, const struct eg_format_reg *other,
                        struct eg_error *e)
{
    return f->format->suffix && other->format->suffix &&
                   !strcasecmp(f->format->suffix, other->format->suffix)
               ? eg_fail(e, EG_EUSAGE, "%s: its suffix %s is that of the format %s, from %s",
                         f->name, f->format->suffix, other->name, other->file)
               : 0;
}

int eg_record_clash(enum eg_record_kind kind, const void *record, const void *other,
                    struct eg_error *e)
{
    const char *os = os_of(kind, record), *other_os = os_of(kind, other);

    if (!strcmp(eg_record_name(record), eg_record_name(other)) &&
        (!os || !other_os || !strcmp(os, other_os)))
        return eg_fail(e, EG_EUSAGE, "%s: a %s of this name is already there, from %s",
                       eg_record_name(record), kinds[kind], eg_record_file(other));
    return kind == EG_R_PLUGINS   ? check_options(record, other, e)
           : kind == EG_R_FORMATS ? check_suffix(record, other, e)
                                  : 0;
}
