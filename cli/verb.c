/* verb.c - the verbs that were declared. */
#include "verb.h"

extern const struct cli_verb *const __start_cli_verbs[] __attribute__((__visibility__("hidden")));
extern const struct cli_verb *const __stop_cli_verbs[] __attribute__((__visibility__("hidden")));

const struct cli_verb *cli_verb(const char *name)
{
    for (const struct cli_verb *const *v = __start_cli_verbs; v < __stop_cli_verbs; v++)
        if (!strcmp((*v)->name, name))
            return *v;
    return NULL;
}

const struct cli_verb *cli_verb_nth(size_t i)
{
    const struct cli_verb *next = NULL;

    // There are a dozen, and the linker's order means nothing.
    for (unsigned last = 0;; last = next->order) {
        next = NULL;
        for (const struct cli_verb *const *v = __start_cli_verbs; v < __stop_cli_verbs; v++)
            if ((*v)->order > last && (!next || (*v)->order < next->order))
                next = *v;
        if (!next || !i--)
            return next;
    }
}
