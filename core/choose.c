/* choose.c - which processes the options of a run choose, and what --context says of each. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "address.h"
#include "run.h"
#include <pcre2.h>

/* ---- what was asked ---- */

static const struct eg_given_arg *asked(const struct eg_run *r, const char *name, size_t nth)
{
    return eg_given(r->options->args, r->options->n_args, name, nth);
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

        if (!eg_is_process_arg(g->name) || eg_declares(p->plugin, g->name))
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

        for (any = true; eg_number_next(&s, &v);)
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

void eg_processes_unmatched(struct eg_run *r)
{
    const struct eg_given_arg *g;
    bool any = false;

    if (!r->processes.chooses || !r->processes.chosen)
        return;
    for (size_t i = 0; (g = asked(r, "tree", i)); i++) {
        const char *s = g->value;
        int64_t v;

        while (eg_number_next(&s, &v))
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

/** What of a process's structures contradicts itself: found out once for all of its rows. */
static const char *health(struct eg_run *r, const struct eg_process *p)
{
    struct eg_run_processes *s = &r->processes;
    const size_t i = (size_t)(p - s->at);

    if (!r->sys->os->process_health)
        return NULL;
    if (!s->health)
        s->health = eg_tmp(r, (s->n + 1) * sizeof *s->health);
    if (!s->health[i]) {
        const char *text = r->sys->os->process_health(r, p);

        s->health[i] = text ? text : "";
    }
    return *s->health[i] ? s->health[i] : NULL;
}

static struct eg_value context_value(struct eg_run *r, const struct eg_process *p, unsigned which)
{
    const char *const texts[] = { [EG_CONTEXT_CONTAINER] = p->container,
                                  [EG_CONTEXT_RUNTIME] = p->runtime,
                                  [EG_CONTEXT_POD] = p->pod,
                                  [EG_CONTEXT_UNIT] = p->unit,
                                  [EG_CONTEXT_NSPID] = p->ids,
                                  [EG_CONTEXT_HEALTH] = NULL };

    if (which <= EG_CONTEXT_UNIT && p->why)
        return (struct eg_value){ .tag = EG_V_BAD, .why = p->why, .u = p->why_addr };
    if (which == EG_CONTEXT_PID_NS)
        return p->pid_ns ? (struct eg_value){ .tag = EG_V_UINT, .u = p->pid_ns } : text(NULL);
    return text(which == EG_CONTEXT_HEALTH ? health(r, p) : texts[which]);
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
        values[i] = p ? context_value(r, p, s->context[i - s->own]) : text(NULL);
}
