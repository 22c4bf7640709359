/* hook.c - functions that something of the kernel calls. */
#include "hook.h"
#include "../../../core/system.h"
#include <inttypes.h>
#include <string.h>

enum { ENTRY = 16 }; // bytes from the beginning of a function to where ftrace and kprobes hook it

bool linux_hook_at(struct eg_run *r, uint64_t function, struct linux_hook *out)
{
    *out = (struct linux_hook){ .at = function };
    if (function)
        linux_codeof(r, function, &out->code);
    return function != 0;
}

bool linux_hook(struct eg_run *r, struct eg_obj pointer, struct linux_hook *out)
{
    uint64_t at = 0;

    if (!eg_load(&at, pointer))
        at = 0;
    return linux_hook_at(r, at, out);
}

bool linux_hook_is(const struct linux_hook *h, const char *name)
{
    return h->at && h->code.kind == LINUX_CODE_KERNEL && h->code.symbol &&
           !strcmp(h->code.symbol, name);
}

const char *linux_hints_of(struct eg_run *r, const char *hints, const char *role,
                           const struct linux_hook *h)
{
    if (!h->at || !h->code.hint)
        return hints;
    return linux_hints(r, hints, eg_strf(r, "%s: %s", role, h->code.hint));
}

const char *linux_hooked(struct eg_run *r, uint64_t at, bool exact)
{
    const char *name, *module;
    uint64_t off;

    if (linux_whose_code(linux_codes(r), at, NULL) == LINUX_CODE_NOBODY ||
        !eg_system_symbol_at(eg_system_of(r), at, &name, &off, &module))
        return eg_strf(r, "%#" PRIx64, at);
    if (exact ? off : off > ENTRY)
        name = eg_strf(r, "%s+%#" PRIx64, name, off);
    return module && strcmp(module, "kernel") != 0 ? eg_strf(r, "%s [%s]", name, module) : name;
}
