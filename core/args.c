/* args.c - what the user gave a plugin: lists of numbers, addresses or symbols, text, flags. */
#include "run.h"
#include "search_pass.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/** One number, decimal or 0x…, signed; *@end is behind it. */
static bool number(const char *s, char **end, int64_t *out)
{
    const char *digits = s + (*s == '-' || *s == '+');
    bool hex = digits[0] == '0' && (digits[1] | 32) == 'x';
    long long v;

    if (!isdigit((unsigned char)*digits))
        return false;
    errno = 0;
    v = strtoll(s, end, hex ? 16 : 10);
    if (errno == ERANGE && hex && *s != '-') { // an address is a number too
        errno = 0;
        v = (long long)strtoull(s, end, 16);
    }
    if (errno)
        return false;
    *out = v;
    return true;
}

/** The next of "1,2,3": *@s moves on; false at the end or where it is no number. */
static bool next_number(const char **s, int64_t *out)
{
    char *end;

    if (!**s || !number(*s, &end, out) || (*end && *end != ','))
        return false;
    *s = end + (*end == ',' && end[1]);
    return true;
}

static bool address(struct eg_system *sys, const char *s, uint64_t *out)
{
    int64_t v;
    char *end;

    if (number(s, &end, &v) && !*end) {
        *out = (uint64_t)v;
        return true;
    }
    return eg_system_symbol(sys, s, out);
}

static int check(struct eg_system *sys, const struct eg_arg *a, const char *value,
                 struct eg_error *e)
{
    const char *s = value;
    uint64_t addr;
    int64_t v;

    if (a->kind == EG_ARG_FLAG)
        return value ? eg_fail(e, EG_EUSAGE, "--%s takes no value", a->name) : 0;
    if (!value)
        return eg_fail(e, EG_EUSAGE, "--%s wants a value", a->name);
    if (a->kind == EG_ARG_INT) {
        while (next_number(&s, &v))
            ;
        if (*s || !*value)
            return eg_fail(e, EG_EUSAGE, "--%s '%s': it wants numbers: 1 or 1,2,0x1f", a->name,
                           value);
    }
    if (a->kind == EG_ARG_ADDR && !address(sys, value, &addr))
        return eg_fail(e, EG_EUSAGE, "--%s '%s': neither an address nor a symbol of this kernel",
                       a->name, value);
    return 0;
}

int eg_args_check(struct eg_system *sys, const struct eg_plugin_reg *p,
                  const struct eg_run_options *o, struct eg_error *e)
{
    enum eg_place place;

    for (size_t i = 0; i < o->n_args; i++)
        for (const struct eg_arg *a = p->plugin->args; a && a->name; a++) {
            int rc = strcmp(a->name, o->args[i].name) ? 0 : check(sys, a, o->args[i].value, e);

            if (rc < 0)
                return rc;
        }
    return p->plugin->scan ? eg_search_place(o, &place, e) : 0;
}

/** The @i-th given of this name; NULL: no more. What the plugin does not declare is its author's
 * error. */
static const struct eg_given_arg *given(struct eg_run *r, const char *name, size_t i)
{
    const struct eg_arg *a = r->plugin ? r->plugin->plugin->args : NULL;

    while (a && a->name && strcmp(a->name, name) != 0)
        a++;
    if (!a || !a->name) {
        eg_failed(r, "it asks for an argument --%s that it does not declare", name);
        return NULL;
    }
    for (size_t k = 0; k < r->options->n_args; k++)
        if (!strcmp(r->options->args[k].name, name) && i-- == 0)
            return &r->options->args[k];
    return NULL;
}

bool eg_arg_flag(struct eg_run *r, const char *name)
{
    return given(r, name, 0) != NULL;
}

bool eg_arg_int(struct eg_run *r, const char *name, int64_t *out)
{
    const struct eg_given_arg *g = given(r, name, 0);
    const char *s = g ? g->value : "";

    return next_number(&s, out);
}

bool eg_arg_match(struct eg_run *r, const char *name, int64_t value)
{
    const struct eg_given_arg *g = given(r, name, 0);

    if (!g)
        return true;
    for (size_t i = 0; (g = given(r, name, i)); i++) {
        const char *s = g->value;
        int64_t v;

        while (next_number(&s, &v))
            if (v == value)
                return true;
    }
    return false;
}

bool eg_arg_addr(struct eg_run *r, const char *name, uint64_t *out)
{
    const struct eg_given_arg *g = given(r, name, 0);

    return g && address(r->sys, g->value, out);
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
