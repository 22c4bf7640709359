/* modsections - the sections of each module, where they are and what may be done with them. */
#include "../../core/space.h"
#include "../linux/kernel/modsects.h"
#include "../linux/kernel/modtraces.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct module is", EG_MINOR)                                        \
    C(MODULE, TEXT, "its name, also of one that hides")                                            \
    C(NAME, TEXT,                                                                                  \
      "the section's name; in brackets: a part of memory whose sections are not known")            \
    C(ADDRESS, ADDR, "where it is")                                                                \
    C(SIZE, INT, "bytes up to the next one, or the end of the part of memory")                     \
    C(FLAGS, FLAGS, "what the page tables allow: read, write, execute")                            \
    C(KIND, TEXT, "the part of the module's memory that it is in; \"gone\": of start-up")
EG_COLUMNS(COLUMNS);

enum { ROWS_MAX = 1 << 16 };

/* What any of its pages allows. */
static struct eg_cell permissions(struct eg_run *r, const struct linux_modsect *s)
{
    const uint64_t last = s->addr + (s->size ? s->size - 1 : 0);
    unsigned flags = 0, pages = 0;
    struct eg_extent x;

    for (uint64_t at = s->addr; at <= last && pages < 1 << 16 && !eg_stopped(r); pages++) {
        eg_extent_at(eg_view_of(r), eg_kernel(r), at, &x);
        if (x.why)
            return eg_missing((enum eg_why)x.why, at);
        flags |= x.flags;
        if (x.last >= last)
            break;
        at = x.last + 1;
    }
    return eg_text(
        eg_strf(r, "r%c%c", flags & EG_X_WRITE ? 'w' : '-', flags & EG_X_EXEC ? 'x' : '-'));
}

static void emit(struct eg_run *r, const struct linux_mod *m, const struct linux_modsect *s)
{
    const struct eg_cell none = { 0 };

    eg_row(r, .OFFSET = eg_uint(m->addr), .MODULE = eg_text(m->name),
           .NAME = eg_text(s->made ? eg_strf(r, "[%s]", s->name) : s->name),
           .ADDRESS = eg_uint(s->addr), .SIZE = s->kind ? eg_uint(s->size) : none,
           .FLAGS = s->kind ? permissions(r, s) : none,
           .KIND = eg_text(s->kind ? s->kind : "gone"));
}

static bool is_asked(struct eg_run *r, const struct linux_mod *m)
{
    const char *name;
    size_t i;

    for (i = 0; (name = eg_arg_text_nth(r, "module", i)); i++)
        if (m->name && !strcmp(name, m->name))
            return true;
    return !i;
}

static int run(struct eg_run *r)
{
    const struct linux_mods *all = linux_mods(r);
    struct linux_modsect *sections;
    bool any = false;
    unsigned rows = 0;

    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++) {
        size_t n;

        if (!all->at[i].addr || !is_asked(r, &all->at[i]))
            continue;
        any = true;
        n = linux_modsects(r, linux_mod_module(r, &all->at[i]), &sections);
        for (size_t k = 0; k < n && rows++ < ROWS_MAX; k++)
            emit(r, &all->at[i], &sections[k]);
        if (rows > ROWS_MAX) {
            eg_note(r, "only the first %d sections are shown", ROWS_MAX);
            break;
        }
    }
    if (!any && eg_arg_text(r, "module"))
        eg_note(r, "--module: no module has this name, not even one that hides");
    return 0;
}

EG_PLUGIN(modsections) = {
    .os = "linux",
    .help = "List the sections of modules, with the permissions of their pages",
    .manual =
        "As /sys/module/NAME/sections has them, also of modules that hide. Their sizes are not "
        "kept: a section is taken to reach up to the next. Sections of start-up are gone when a "
        "module has started; their addresses may be another module's by then. A module that "
        "cleared its list of sections is shown by its parts of memory, in brackets.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(module, TEXT, "only modules with this name")),
    .uses = EG_NAMES("modules"),
    .run = run,
};
