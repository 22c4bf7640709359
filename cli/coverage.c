/* coverage.c - an absence of findings says nothing of what nobody looked for. */
#include "coverage.h"
#include "../core/registry.h"
#include "report.h"

/* Kinds of checks, and the plugins that make one: by the names that they have here, in Volatility or
 * in crash. A kind is looked for when a plugin of one of these names, or with one as its alias, is
 * registered: what is added to the tree or in a module moves by itself from one list to the other. */
static const struct kind {
    const char *what;
    const char *plugins[4];
} kinds[] = {
    { "memory that the image lacks", { "quality" } },
    { "preloaded libraries", { "ldpreload" } },
    { "misleading names of processes", { "suspicious_names" } },
    { "processes with another user's rights", { "setuid" } },
    { "look-alikes of kernel threads", { "orphans" } },
    { "deleted files in use", { "deleted" } },
    { "hidden processes", { "psscan", "pidhashtable", "psxview" } },
    { "hidden modules", { "hidden_modules", "check_modules", "modxview" } },
    { "changed system calls", { "check_syscall" } },
    { "changed interrupt handlers", { "check_idt" } },
    { "changed kernel code", { "check_code", "apihooks" } },
    { "hooks of ftrace, kprobes and tracepoints", { "ftrace", "kprobes", "tracepoints" } },
    { "hooks in the network", { "netfilter", "check_afinfo" } },
    { "hooks of terminals and keyboards", { "tty_check", "keyboard_notifiers" } },
    { "shared or changed credentials", { "check_creds" } },
    { "injected code", { "malfind" } },
    { "eBPF programs", { "ebpf" } },
    { "sockets", { "sockstat" } },
    { "open files", { "lsof" } },
};

/** NULL: none. */
static const struct eg_plugin_reg *who_looks(const struct kind *k)
{
    const struct eg_plugin_reg *p = NULL;

    for (size_t i = 0; !p && i < countof(k->plugins) && k->plugins[i]; i++)
        p = eg_plugin_find(k->plugins[i]);
    return p;
}

static const char *list(struct eg_arena *a, bool looked_for)
{
    const char *text = NULL;

    for (size_t i = 0; i < countof(kinds); i++) {
        const struct eg_plugin_reg *p = who_looks(&kinds[i]);

        if (!p == looked_for)
            continue;
        text = looked_for
                   ? eg_arena_strf(a, "%s%s%s (%s)", text ? text : "", text ? ", " : "",
                                   kinds[i].what, p->name)
                   : eg_arena_strf(a, "%s%s%s", text ? text : "", text ? ", " : "", kinds[i].what);
    }
    return text;
}

const char *cli_looked_for(struct eg_arena *a)
{
    return list(a, true);
}

const char *cli_not_looked_for(struct eg_arena *a)
{
    return list(a, false);
}

void cli_say_coverage(struct cli *c)
{
    const char *looked = cli_looked_for(&c->arena), *unseen = cli_not_looked_for(&c->arena);

    if (looked)
        cli_warn(c, "all: looked for %s", looked);
    if (unseen)
        cli_warn(c, "all: nothing looked for %s: that none are shown is no finding", unseen);
}
