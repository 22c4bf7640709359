/* coverage.c - that no row shows a rootkit says nothing if no plugin looks for rootkits. */
#include "coverage.h"
#include "../core/registry.h"
#include "report.h"

/* What an examiner may expect to be looked for. A plugin declares which of these it looks for
 * (.looks_for), or others; each that no plugin declares is named as not looked for. */
static const char *const expected[] = {
    "memory that the image lacks",
    "preloaded libraries",
    "misleading names of processes",
    "processes with another user's rights",
    "look-alikes of kernel threads",
    "deleted files in use",
    "hidden processes",
    "hidden modules",
    "changed system calls",
    "changed interrupt handlers",
    "changed entries of the kernel",
    "gates that programs may call",
    "changed kernel code",
    "cleared taints",
    "hooks of ftrace, kprobes and tracepoints",
    "hooks in the network",
    "promiscuous interfaces",
    "hooks of terminals and keyboards",
    "shared or changed credentials",
    "injected code",
    "hooks in programs",
    "hidden libraries",
    "eBPF programs",
    "hooks in tables of functions",
    "hooks of security modules",
    "code of nobody that waits to be called",
    "tampering with the acquisition",
    "changed firmware",
    "protection that was switched off",
    "persistence",
    "encryption keys",
    "sockets",
    "open files",
};

static bool is_expected(const char *what)
{
    for (size_t i = 0; i < countof(expected); i++)
        if (!strcmp(expected[i], what))
            return true;
    return false;
}

static bool declares(const struct eg_plugin_reg *reg, const char *what)
{
    for (const char *const *w = reg->plugin->looks_for; w && *w; w++)
        if (!strcmp(*w, what))
            return true;
    return false;
}

/** "hidden processes (psscan, psxview)" behind @text if a plugin looks for it. */
static const char *add(struct eg_arena *a, const char *text, const char *what, bool looked_for)
{
    const struct eg_plugin_reg *reg;
    const char *names = NULL;

    for (size_t i = 0; (reg = eg_plugin_nth(i)); i++)
        if (declares(reg, what))
            names = eg_arena_strf(a, "%s%s%s", names ? names : "", names ? ", " : "", reg->name);
    if (!names == looked_for)
        return text;
    return eg_arena_strf(a, names ? "%s%s%s (%s)" : "%s%s%s", text ? text : "", text ? ", " : "",
                         what, names);
}

const char *cli_looked_for(struct eg_arena *a)
{
    const struct eg_plugin_reg *reg;
    const char *text = NULL;

    for (size_t i = 0; i < countof(expected); i++)
        text = add(a, text, expected[i], true);
    for (size_t i = 0; (reg = eg_plugin_nth(i)); i++)
        for (const char *const *w = reg->plugin->looks_for; w && *w; w++)
            if (!is_expected(*w))
                text = eg_arena_strf(a, "%s%s%s (%s)", text ? text : "", text ? ", " : "", *w,
                                     reg->name);
    return text;
}

const char *cli_not_looked_for(struct eg_arena *a)
{
    const char *text = NULL;

    for (size_t i = 0; i < countof(expected); i++)
        text = add(a, text, expected[i], false);
    return text;
}

void cli_say_coverage(struct cli *c)
{
    const char *looked = cli_looked_for(&c->arena), *unseen = cli_not_looked_for(&c->arena);

    if (looked)
        cli_warn(c, "all: looked for %s", looked);
    if (unseen)
        cli_warn(c, "all: nothing looked for %s: that none are shown is no finding", unseen);
}
