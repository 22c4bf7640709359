/* process.c - the options and columns that plugins have whose rows have a PID. choose.c says which
 * processes they choose. */
#include "process.h"
#include "run.h"

const struct eg_arg eg_process_args[] = {
    EG_ARG(pid, INT, "only these processes"),
    EG_ARG(name, TEXT, "only processes whose name this regular expression matches"),
    EG_ARG(uid, INT, "only processes of these users, real or effective"),
    EG_ARG(container, TEXT,
           "only processes of this container: the beginning of its id or its pod's, or a runtime"),
    EG_ARG(tree, INT, "only these processes and all that descend from them"),
    EG_ARG(context, FLAG,
           "columns for container, runtime, pod, systemd unit, pid namespace, ids there, health"),
    { NULL, EG_ARG_FLAG, NULL },
};

/* ORDER eg_context */
const struct eg_column eg_context_columns[EG_N_CONTEXT] = {
    { "CONTAINER", EG_COL_TEXT, "what looks like its container's id", 0 },
    { "RUNTIME", EG_COL_TEXT, "what makes such containers", 0 },
    { "POD", EG_COL_TEXT, "id of its Kubernetes pod", 0 },
    { "UNIT", EG_COL_TEXT, "its systemd unit", 0 },
    { "PID_NS", EG_COL_INT, "inode number of its pid namespace", 0 },
    { "NSPID", EG_COL_TEXT, "its id in each pid namespace, the outermost first", 0 },
    { "HEALTH", EG_COL_TEXT,
      "what of its structures contradicts itself; empty: nothing that is looked at", 0 },
};

/* ---- of a plugin ---- */

static const struct eg_arg *declared(const struct eg_arg *args, const char *name)
{
    for (const struct eg_arg *a = args; a && a->name; a++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

static size_t pid_column(const struct eg_plugin *p)
{
    size_t i = 0;

    while (p->columns[i].name &&
           !(p->columns[i].kind == EG_COL_INT && !strcmp(p->columns[i].name, "PID")))
        i++;
    return i;
}

bool eg_has_processes(const struct eg_plugin *p)
{
    return p->columns[pid_column(p)].name;
}

const struct eg_arg *eg_plugin_arg(const struct eg_plugin *p, const char *name)
{
    const struct eg_arg *a = declared(p->args, name);

    return a || !eg_has_processes(p) ? a : declared(eg_process_args, name);
}

bool eg_declares(const struct eg_plugin *p, const char *name)
{
    return declared(p->args, name);
}

bool eg_is_process_arg(const char *name)
{
    return declared(eg_process_args, name);
}

bool eg_is_selection(const char *name)
{
    return strcmp(name, "context") != 0 && declared(eg_process_args, name);
}

const struct eg_given_arg *eg_given(const struct eg_given_arg *args, size_t n, const char *name,
                                    size_t nth)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(args[i].name, name) && nth-- == 0)
            return &args[i];
    return NULL;
}

static bool has_column(const struct eg_plugin *p, const char *name)
{
    for (size_t i = 0; p->columns[i].name; i++)
        if (!strcmp(p->columns[i].name, name))
            return true;
    return false;
}

const struct eg_column *eg_plugin_columns(const struct eg_plugin *p,
                                          const struct eg_given_arg *args, size_t n,
                                          struct eg_arena *a)
{
    struct eg_column *all;
    size_t own = 0;

    if (!eg_given(args, n, "context", 0) || !eg_has_processes(p))
        return p->columns;
    while (p->columns[own].name)
        own++;
    all = eg_arena_array(a, struct eg_column, own + EG_N_CONTEXT + 1);
    if (!all)
        return NULL;
    memcpy(all, p->columns, own * sizeof *all);
    for (size_t i = 0; i < EG_N_CONTEXT; i++)
        if (!has_column(p, eg_context_columns[i].name))
            all[own++] = eg_context_columns[i];
    return all;
}

int eg_processes_begin(struct eg_run *r, struct eg_error *e)
{
    static const char *const choices[] = { "name", "uid", "container", "tree" };
    const struct eg_plugin *p = r->plugin->plugin;
    struct eg_run_processes *s = &r->processes;

    r->columns = eg_plugin_columns(p, r->options->args, r->options->n_args, &r->arena);
    if (!r->columns)
        return eg_fail(e, EG_ENOMEM, "run: out of memory");
    s->pid = pid_column(p);
    while (p->columns[s->own].name)
        s->own++;
    for (r->n_columns = s->own; r->columns[r->n_columns].name; r->n_columns++)
        for (uint8_t i = 0; i < EG_N_CONTEXT; i++)
            if (!strcmp(eg_context_columns[i].name, r->columns[r->n_columns].name))
                s->context[r->n_columns - s->own] = i;
    if (!eg_has_processes(p))
        return 0;
    for (size_t i = 0; i < countof(choices); i++)
        s->chooses |= eg_given(r->options->args, r->options->n_args, choices[i], 0) != NULL;
    s->filters = !declared(p->args, "pid") &&
                 (s->chooses || eg_given(r->options->args, r->options->n_args, "pid", 0));
    return 0;
}
