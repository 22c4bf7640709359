/* process.c - which processes a user wants to see, and what else is said of each. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "process.h"
#include "args.h"
#include "run.h"
#include <pcre2.h>

const struct eg_arg eg_process_args[] = {
    EG_ARG(pid, INT, "only these processes"),
    EG_ARG(name, TEXT, "only processes whose name this regular expression matches"),
    EG_ARG(uid, INT, "only processes of these users, real or effective"),
    EG_ARG(container, TEXT,
           "only processes of this container: the beginning of its id or its pod's, or a runtime"),
    EG_ARG(tree, INT, "only these processes and all that descend from them"),
    EG_ARG(context, FLAG,
           "columns for container, runtime, pod, systemd unit, pid namespace and ids there"),
    { NULL, EG_ARG_FLAG, NULL },
};

/* ORDER context */
enum { CONTAINER, RUNTIME, POD, UNIT, PID_NS, NSPID, N_CONTEXT };
static const struct eg_column context[] = {
    { "CONTAINER", EG_COL_TEXT, "what looks like its container's id", 0 },
    { "RUNTIME", EG_COL_TEXT, "what makes such containers", 0 },
    { "POD", EG_COL_TEXT, "id of its Kubernetes pod", 0 },
    { "UNIT", EG_COL_TEXT, "its systemd unit", 0 },
    { "PID_NS", EG_COL_INT, "inode number of its pid namespace", 0 },
    { "NSPID", EG_COL_TEXT, "its id in each pid namespace, the outermost first", 0 },
};
_Static_assert(countof(context) == N_CONTEXT && N_CONTEXT <= 8, "eg_run_processes.context");

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

bool eg_is_process_arg(const char *name)
{
    return declared(eg_process_args, name);
}

bool eg_is_selection(const char *name)
{
    return strcmp(name, "context") != 0 && declared(eg_process_args, name);
}

static const struct eg_given_arg *given(const struct eg_given_arg *args, size_t n, const char *name,
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

    if (!given(args, n, "context", 0) || !eg_has_processes(p))
        return p->columns;
    while (p->columns[own].name)
        own++;
    all = eg_arena_array(a, struct eg_column, own + N_CONTEXT + 1);
    if (!all)
        return NULL;
    memcpy(all, p->columns, own * sizeof *all);
    for (size_t i = 0; i < N_CONTEXT; i++)
        if (!has_column(p, context[i].name))
            all[own++] = context[i];
    return all;
}

/* ---- of a run: what was asked ---- */

static const struct eg_given_arg *asked(const struct eg_run *r, const char *name, size_t nth)
{
    return given(r->options->args, r->options->n_args, name, nth);
}

static pcre2_code *compile(const char *text, struct eg_error *e)
{
    PCRE2_UCHAR why[128] = "";
    PCRE2_SIZE at = 0;
    int error = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, strlen(text),
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                                     &error, &at, NULL);

    if (!code) {
        pcre2_get_error_message(error, why, sizeof why);
        eg_fail(e, EG_EUSAGE, "--name '%.200s': %s, at its byte %zu", text, (const char *)why,
                (size_t)at + 1);
    }
    return code;
}

int eg_processes_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                       const struct eg_run_options *o, struct eg_error *e)
{
    bool any = false;

    if (!eg_has_processes(p->plugin))
        return 0;
    for (size_t i = 0; i < o->n_args; i++) {
        const struct eg_given_arg *g = &o->args[i];
        pcre2_code *code;

        if (declared(p->plugin->args, g->name) || !eg_is_process_arg(g->name))
            continue;
        any = true;
        if (strcmp(g->name, "name") != 0 || !g->value)
            continue;
        if (!(code = compile(g->value, e)))
            return -EG_EUSAGE;
        pcre2_code_free(code);
    }
    if (any && !(sys->os && sys->os->processes))
        return eg_fail(e, EG_EUNSUP,
                       "options that choose processes need a kernel, and none was found in the "
                       "image");
    return 0;
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
        for (uint8_t i = 0; i < N_CONTEXT; i++)
            if (!strcmp(context[i].name, r->columns[r->n_columns].name))
                s->context[r->n_columns - s->own] = i;
    if (!eg_has_processes(p))
        return 0;
    for (size_t i = 0; i < countof(choices); i++)
        s->chooses |= asked(r, choices[i], 0) != NULL;
    s->filters = !declared(p->args, "pid") && (s->chooses || asked(r, "pid", 0));
    return 0;
}

/* ---- which processes ---- */

static const struct eg_process *processes(struct eg_run *r, size_t *n)
{
    struct eg_run_processes *s = &r->processes;

    if (!s->at)
        s->at = r->sys->os->processes(r, &s->n);
    *n = s->at ? s->n : 0;
    return s->at;
}

static const struct eg_process *find(struct eg_run *r, int64_t pid)
{
    size_t n, i;
    const struct eg_process *all = processes(r, &n);

    i = eg_lower_bound(n, k, all[k].pid < pid);
    return i < n && all[i].pid == pid ? &all[i] : NULL;
}

/** Does the option list @value? True if it was not given. */
static bool lists(struct eg_run *r, const char *name, int64_t value, int64_t other)
{
    const struct eg_given_arg *g;
    bool any = false;

    for (size_t i = 0; (g = asked(r, name, i)); i++) {
        const char *s = g->value;
        int64_t v;

        for (any = true; eg_args_number(&s, &v);)
            if (v == value || v == other)
                return true;
    }
    return !any;
}

static bool begins(const char *text, const char *with)
{
    return text && !strncasecmp(text, with, strlen(with));
}

static bool in_container(struct eg_run *r, const struct eg_process *p)
{
    const struct eg_given_arg *g;
    size_t i;

    for (i = 0; (g = asked(r, "container", i)); i++)
        if (begins(p->container, g->value) || begins(p->pod, g->value) ||
            (p->runtime && !strcasecmp(p->runtime, g->value)))
            return true;
    return i == 0;
}

/** Those under the processes of --tree: of each process, what its ancestors are is found once. */
static void under(struct eg_run *r, const struct eg_process *all, size_t n, uint8_t *in)
{
    enum { UNKNOWN, OUT, IN, GOING };

    for (size_t i = 0; i < n; i++) {
        uint8_t found = UNKNOWN;
        size_t at = i;

        // Up to one of which it is known; parents in a circle are under nothing.
        while (found == UNKNOWN) {
            const struct eg_process *up;

            if (in[at] == GOING)
                found = OUT;
            else if (in[at] != UNKNOWN)
                found = in[at];
            else if (lists(r, "tree", all[at].pid, all[at].pid))
                found = in[at] = IN;
            else if (!(up = find(r, all[at].parent)))
                found = in[at] = OUT;
            else {
                in[at] = GOING;
                at = (size_t)(up - all);
            }
        }
        for (at = i; in[at] == GOING; at = (size_t)(find(r, all[at].parent) - all))
            in[at] = found;
    }
    for (size_t i = 0; i < n; i++)
        in[i] = in[i] == IN;
}

struct names {
    EG_VEC(pcre2_code *) codes;
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

static void names_fini(void *arg)
{
    struct names *s = arg;

    for (size_t i = 0; i < s->codes.n; i++)
        pcre2_code_free(s->codes.at[i]);
    eg_vec_fini(&s->codes);
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->limits);
}

static struct names *names(struct eg_run *r)
{
    struct names *s = eg_tmp(r, sizeof *s);
    const struct eg_given_arg *g;

    eg_run_defer(r, names_fini, s);
    s->limits = pcre2_match_context_create(NULL);
    s->match = pcre2_match_data_create(1, NULL);
    for (size_t i = 0; (g = asked(r, "name", i)); i++) {
        pcre2_code **code = eg_vec_push(&s->codes);

        if (!code || !(*code = compile(g->value, NULL))) {
            s->codes.n -= code != NULL;
            eg_run_fail(r, EG_ENOMEM, "out of memory for --name");
        }
    }
    if (!s->limits || !s->match)
        eg_run_fail(r, EG_ENOMEM, "out of memory for --name");
    else
        pcre2_set_match_limit(s->limits, 200000);
    return s;
}

static bool is_named(struct eg_run *r, const struct names *s, const char *name)
{
    for (size_t i = 0; i < s->codes.n && !r->status; i++) {
        const int rc = !name ? PCRE2_ERROR_NOMATCH
                             : pcre2_match(s->codes.at[i], (PCRE2_SPTR)name, strlen(name), 0, 0,
                                           s->match, s->limits);

        if (rc >= 0)
            return true;
        if (rc == PCRE2_ERROR_MATCHLIMIT)
            eg_note(r, "--name: matching '%s' takes too many steps; it is left out", name);
    }
    return s->codes.n == 0;
}

static void choose(struct eg_run *r)
{
    size_t n;
    const struct eg_process *all = processes(r, &n);
    uint8_t *in = r->processes.chosen = eg_tmp(r, n + 1);
    const struct names *s = names(r);

    if (asked(r, "tree", 0))
        under(r, all, n, in);
    else
        memset(in, 1, n);
    for (size_t i = 0; i < n; i++)
        in[i] = in[i] && lists(r, "uid", all[i].uid, all[i].euid) && in_container(r, &all[i]) &&
                is_named(r, s, all[i].name);
}

bool eg_process_chosen(struct eg_run *r, int64_t pid)
{
    const struct eg_process *p;

    if (!r->processes.chooses)
        return true;
    if (!r->processes.chosen)
        choose(r);
    p = find(r, pid);
    return p && r->processes.chosen[p - r->processes.at];
}

static bool pid_of(const struct eg_value *v, int64_t *out)
{
    *out = v->i;
    return v->tag == EG_V_INT || v->tag == EG_V_UINT;
}

bool eg_process_drops(struct eg_run *r, const struct eg_value *values)
{
    int64_t pid;

    return r->processes.filters &&
           !(pid_of(&values[r->processes.pid], &pid) && eg_arg_match(r, "pid", pid));
}

void eg_processes_unmatched(struct eg_run *r)
{
    const struct eg_given_arg *g;
    bool any = false;

    if (!r->processes.chooses || !r->processes.chosen)
        return;
    for (size_t i = 0; (g = asked(r, "tree", i)); i++) {
        const char *s = g->value;
        int64_t v;

        while (eg_args_number(&s, &v))
            if (!find(r, v))
                eg_note(r, "--tree %lld: the kernel's list has no such process", (long long)v);
    }
    for (size_t i = 0; i < r->processes.n; i++)
        any |= r->processes.chosen[i];
    if (!any)
        eg_note(r, "no process on the kernel's list is what the options choose");
}

/* ---- what else is said of each ---- */

static struct eg_value text(const char *s)
{
    if (!s)
        return (struct eg_value){ .tag = EG_V_NONE };
    return (struct eg_value){ .tag = EG_V_TEXT, .bytes = { (const uint8_t *)s, strlen(s) } };
}

static struct eg_value context_value(const struct eg_process *p, unsigned which)
{
    const char *const texts[] = { [CONTAINER] = p->container,
                                  [RUNTIME] = p->runtime,
                                  [POD] = p->pod,
                                  [UNIT] = p->unit,
                                  [NSPID] = p->ids };

    if (which <= UNIT && p->why)
        return (struct eg_value){ .tag = EG_V_BAD, .why = p->why, .u = p->why_addr };
    if (which == PID_NS)
        return p->pid_ns ? (struct eg_value){ .tag = EG_V_UINT, .u = p->pid_ns } : text(NULL);
    return text(texts[which]);
}

void eg_process_context(struct eg_run *r, struct eg_value *values)
{
    const struct eg_run_processes *s = &r->processes;
    const struct eg_process *p = NULL;
    int64_t pid;

    if (r->n_columns == s->own)
        return;
    if (pid_of(&values[s->pid], &pid))
        p = find(r, pid);
    for (size_t i = s->own; i < r->n_columns; i++)
        values[i] = p ? context_value(p, s->context[i - s->own]) : text(NULL);
}
