/* verb.c - the verbs that were declared. */
#include "verb.h"

extern const struct cli_verb_reg *const __start_cli_verbs[]
    __attribute__((__visibility__("hidden")));
extern const struct cli_verb_reg *const __stop_cli_verbs[]
    __attribute__((__visibility__("hidden")));

const struct cli_verb *cli_verb(const char *name)
{
    for (const struct cli_verb_reg *const *v = __start_cli_verbs; v < __stop_cli_verbs; v++)
        if (!strcmp((*v)->verb->name, name))
            return (*v)->verb;
    return NULL;
}

const char *cli_verb_file(const struct cli_verb *verb)
{
    for (const struct cli_verb_reg *const *v = __start_cli_verbs; v < __stop_cli_verbs; v++)
        if ((*v)->verb == verb)
            return (*v)->file;
    return NULL;
}

const struct cli_verb *cli_verb_nth(size_t i)
{
    const struct cli_verb *next = NULL;

    // There are a dozen, and the linker's order means nothing.
    for (unsigned last = 0;; last = next->order) {
        next = NULL;
        for (const struct cli_verb_reg *const *v = __start_cli_verbs; v < __stop_cli_verbs; v++)
            if ((*v)->verb->order > last && (!next || (*v)->verb->order < next->order))
                next = (*v)->verb;
        if (!next || !i--)
            return next;
    }
}
