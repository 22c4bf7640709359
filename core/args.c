/* args.c - the options that the user gave for a plugin: lists of numbers and of addresses, text,
 * flags. */
#include "args.h"
#include "address.h"
#include "search.h"
#include <inttypes.h>

/* ---- reading values ---- */

static bool find_symbol(void *sys, const char *name, uint64_t *out)
{
    return eg_system_symbol(sys, name, out);
}

/** The @i-th address of a list. @return 1; 0: the list is shorter; -EG_EUSAGE. */
static int nth_address(struct eg_system *sys, const char *text, size_t i, struct eg_addresses *out,
                       struct eg_error *e)
{
    const struct eg_names names = { find_symbol, sys };
    int rc;

    while ((rc = eg_address_next(&text, &names, out, e)) > 0 && i--)
        ;
    return rc;
}

static int check(struct eg_system *sys, const struct eg_arg *a, const char *value,
                 struct eg_error *e)
{
    struct eg_addresses ignored;
    struct eg_error why;
    const char *s = value;
    int64_t v;

    if (a->kind == EG_ARG_FLAG)
        return value ? eg_fail(e, EG_EUSAGE, "--%s takes no value", a->name) : 0;
    if (!value)
        return eg_fail(e, EG_EUSAGE, "--%s needs a value", a->name);
    if (a->kind == EG_ARG_INT) {
        while (eg_number_next(&s, &v))
            ;
        if (*s || !*value)
            return eg_fail(e, EG_EUSAGE, "--%s '%s': not a list of numbers: 1 or 1,2,0x1f", a->name,
                           value);
    }
    if (a->kind == EG_ARG_ADDR && !*value)
        return eg_fail(e, EG_EUSAGE, "--%s needs an address", a->name);
    if (a->kind == EG_ARG_ADDR && nth_address(sys, value, SIZE_MAX, &ignored, &why) < 0)
        return eg_fail(e, EG_EUSAGE, "--%s: %s", a->name, why.text);
    return 0;
}

/* ---- before a run ---- */

static const char *const places[] = { "physical", "kernel", "processes" }; // ORDER eg_place

int eg_search_place(const struct eg_run_options *o, enum eg_place *out, struct eg_error *e)
{
    const char *in = NULL, *chosen = NULL;
    size_t i = 0;

    for (size_t k = 0; k < o->n_args; k++) {
        if (eg_is_selection(o->args[k].name))
            chosen = o->args[k].name;
        if (!strcmp(o->args[k].name, "in"))
            in = o->args[k].value;
    }
    if (!in)
        in = places[chosen ? EG_PLACE_PROCESSES : EG_PLACE_PHYSICAL];
    while (i < countof(places) && strcmp(places[i], in) != 0)
        i++;
    if (i == countof(places))
        return eg_fail(e, EG_EUSAGE, "--in '%s': must be physical, kernel or processes", in);
    if (chosen && i != EG_PLACE_PROCESSES)
        return eg_fail(e, EG_EUSAGE, "--%s cannot be used with --in %s, only with --in processes",
                       chosen, in);
    *out = (enum eg_place)i;
    return 0;
}

int eg_args_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                  const struct eg_run_options *o, struct eg_error *e)
{
    enum eg_place place;
    int rc;

    for (size_t i = 0; i < o->n_args; i++) {
        const struct eg_arg *a = eg_plugin_arg(p->plugin, o->args[i].name);

        if (a && (rc = check(sys, a, o->args[i].value, e)) < 0)
            return rc;
    }
    rc = eg_processes_check(sys, p, o, e);
    return !rc && p->plugin->scan ? eg_search_place(o, &place, e) : rc;
}

/* ---- in a run ---- */

/** The @i-th option of this name that the user gave; NULL: there are fewer. The run fails if the
 * plugin does not declare the option: its author must correct that. */
static const struct eg_given_arg *given(struct eg_run *r, const char *name, size_t i)
{
    if (!r->plugin || !eg_plugin_arg(r->plugin->plugin, name)) {
        eg_failed(r, "it reads the option --%s, which it does not declare", name);
        return NULL;
    }
    return eg_given(r->options->args, r->options->n_args, name, i);
}

bool eg_arg_flag(struct eg_run *r, const char *name)
{
    return given(r, name, 0) != NULL;
}

bool eg_arg_int(struct eg_run *r, const char *name, int64_t *out)
{
    const struct eg_given_arg *g = given(r, name, 0);
    const char *s = g ? g->value : "";

    return eg_number_next(&s, out);
}

/** Record the values of a list, once per run, to find those that match nothing. */
static void remember(struct eg_run *r, const char *name)
{
    const struct eg_given_arg *g;

    for (size_t i = 0; i < r->wanted.n; i++)
        if (!strcmp(r->wanted.at[i].name, name))
            return;
    for (size_t i = 0; (g = given(r, name, i)); i++) {
        const char *s = g->value;
        int64_t v;

        while (eg_number_next(&s, &v)) {
            struct eg_run_wanted *w = eg_vec_push(&r->wanted);

            if (!w) {
                eg_run_fail(r, EG_ENOMEM, "out of memory for the values of --%s", name);
                return;
            }
            *w = (struct eg_run_wanted){ .name = g->name, .value = v };
        }
    }
}

bool eg_arg_match(struct eg_run *r, const char *name, int64_t value)
{
    bool any = false;

    if (!strcmp(name, "pid") && !eg_process_chosen(r, value))
        return false;
    if (!given(r, name, 0))
        return true;
    remember(r, name);
    for (size_t i = 0; i < r->wanted.n; i++) {
        struct eg_run_wanted *w = &r->wanted.at[i];

        if (w->value == value && !strcmp(w->name, name))
            any = w->matched = true;
    }
    return any;
}

bool eg_arg_limits(struct eg_run *r, const char *name)
{
    return (!strcmp(name, "pid") && r->processes.chooses) || given(r, name, 0);
}

void eg_args_shown(struct eg_run *r, int64_t pid)
{
    for (size_t i = 0; i < r->wanted.n; i++)
        if (r->wanted.at[i].value == pid && !strcmp(r->wanted.at[i].name, "pid"))
            r->wanted.at[i].shown = true;
}

/** Why a process or thread that was asked for has no row; NULL: nothing explains it. */
static const char *why_nothing(struct eg_run *r, const struct eg_run_wanted *w)
{
    const bool is_pid = !strcmp(w->name, "pid");

    if (!r->sys->os || !r->sys->os->why_nothing || w->shown || (w->matched && !is_pid) ||
        (!is_pid && strcmp(w->name, "tid") != 0))
        return NULL;
    return r->sys->os->why_nothing(r, w->name, w->value);
}

void eg_args_unmatched(struct eg_run *r)
{
    for (size_t i = 0; i < r->wanted.n; i++) {
        const struct eg_run_wanted w = r->wanted.at[i];
        const char *why = why_nothing(r, &w);

        if (why || !w.matched)
            eg_note(r, "--%s %" PRId64 ": %s", w.name, w.value,
                    why ? why : "nothing with this value was found");
    }
    eg_processes_unmatched(r);
}

bool eg_arg_range(struct eg_run *r, const char *name, size_t i, uint64_t *first, uint64_t *last)
{
    const struct eg_given_arg *g;
    struct eg_addresses a;

    for (size_t k = 0; (g = given(r, name, k)); k++)
        for (size_t n = 0; nth_address(r->sys, g->value, n, &a, NULL) > 0; n++)
            if (!i--) {
                *first = a.first;
                *last = a.last;
                return true;
            }
    return false;
}

bool eg_arg_addr(struct eg_run *r, const char *name, uint64_t *out)
{
    uint64_t last;

    return eg_arg_range(r, name, 0, out, &last);
}

const char *eg_arg_text_nth(struct eg_run *r, const char *name, size_t i)
{
    const struct eg_given_arg *g = given(r, name, i);

    return g ? g->value : NULL;
}

const char *eg_arg_text(struct eg_run *r, const char *name)
{
    return eg_arg_text_nth(r, name, 0);
}
