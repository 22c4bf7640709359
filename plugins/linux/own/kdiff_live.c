/* kdiff_live.c - what is patched while the kernel runs: ftrace, jump labels, static calls,
 * kprobes. */
#include "../kernel/codeof.h"
#include "code.h"
#include "kdiff_work.h"

#include <stdlib.h>
#include <string.h>

/* A place that the module's file says is patched while the kernel runs. */
struct linux_kdiff_site {
    uint64_t at;
    uint8_t kind; /* enum linux_patch_kind */
};

static int by_kind(const void *a, const void *b)
{
    const struct linux_kdiff_site *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* What the tables of a module's file name; the kernel's own are in its data. */
static void find_sites(struct linux_kdiff_work *w)
{
    static const struct {
        const char *section;
        unsigned size; /* of an entry */
        enum linux_patch_kind kind;
    } tables[] = {
        { "__mcount_loc", 8, LINUX_PATCH_FTRACE },
        { "__patchable_function_entries", 8, LINUX_PATCH_FTRACE },
        { "__jump_table", 16, LINUX_PATCH_JUMP },
        { ".static_call_sites", 8, LINUX_PATCH_CALL },
    };

    for (int pass = 0; w->f->module && pass < 2; pass++) {
        if (pass)
            w->sites = eg_tmp(w->r, (w->n_sites + 1) * sizeof *w->sites);
        w->n_sites = 0;
        for (size_t i = 0; i < countof(tables); i++) {
            const struct linux_kfile_section *t = linux_kfile_section(w->f, tables[i].section);

            for (uint64_t n = 0; linux_kdiff_entry(w, t, n, tables[i].size); n += tables[i].size) {
                if (pass)
                    w->sites[w->n_sites] =
                        (struct linux_kdiff_site){ tables[i].kind == LINUX_PATCH_FTRACE
                                                       ? eg_le64(t->bytes + n)
                                                       : linux_kdiff_place(t, n),
                                                   (uint8_t)tables[i].kind };
                w->n_sites++;
            }
        }
    }
    if (w->n_sites)
        qsort(w->sites, w->n_sites, sizeof *w->sites, by_kind);
}

/* Does the file name the place of this live record, as far as files do? AArch64's entries are of
 * the nops that the compiler left, the record's place is behind one of them, behind a landing
 * place, and behind two more for a pointer (ftrace_call_adjust(), arch/arm64/kernel/ftrace.c): so
 * many bytes, *@behind. */
static bool is_site(const struct linux_kdiff_work *w, const struct linux_patch *p, unsigned *behind)
{
    const unsigned most = w->arch->code_unit == 4 && p->kind == LINUX_PATCH_FTRACE ? 16 : 0;

    for (*behind = 0; w->n_sites && *behind <= most; *behind += 4) {
        const struct linux_kdiff_site site = { p->at - *behind, p->kind };

        if (bsearch(&site, w->sites, w->n_sites, sizeof site, by_kind))
            return true;
    }
    return !w->f->module || p->kind == LINUX_PATCH_KPROBE || p->kind == LINUX_PATCH_TRAMPOLINE;
}

/* Before the call AArch64 has "mov x9, x30", and before the function where struct ftrace_ops is
 * (since 6.3). */
static void before_call(struct linux_kdiff_work *w, uint64_t at, unsigned behind)
{
    const uint64_t pointer = (at - 12) & ~(uint64_t)7;

    if (linux_kdiff_inside(w, at - 4, 4) &&
        eg_le32(w->live + (at - 4 - w->p->first)) == LINUX_KDIFF_MOV_X9_X30 &&
        linux_nops(w->arch, w->want + (at - 4 - w->p->first), 4))
        linux_kdiff_accept(w, at - 4, 4, LINUX_KDIFF_LIVE);
    if (behind >= 12 && linux_kdiff_inside(w, pointer, 8) &&
        linux_nops(w->arch, w->want + (pointer - w->p->first), 8))
        linux_kdiff_accept(w, pointer, 8, LINUX_KDIFF_LIVE);
}

static void live_patches(struct linux_kdiff_work *w)
{
    const struct linux_patches *all = linux_patches(w->r);

    for (size_t i = all ? linux_patch_from(all, w->p->first) : 0; all && i < all->n; i++) {
        const struct linux_patch *p = &all->at[i];
        const uint8_t *live;
        struct linux_step s, was;
        size_t len = w->arch->code_unit == 4 ? 4 : 5;
        unsigned behind;

        if (!linux_kdiff_inside(w, p->at, LINUX_PATCH_BYTES))
            break;
        live = w->live + (p->at - w->p->first);
        if (!is_site(w, p, &behind) || linux_patch_hint(w->r, p, live, LINUX_PATCH_BYTES) ||
            !linux_kdiff_step(w, live, 8, p->at, &s))
            continue;
        // A jump label is of two bytes or of five, in the file and in memory alike.
        if (p->kind == LINUX_PATCH_JUMP &&
            (!linux_kdiff_step(w, w->want + (p->at - w->p->first), 8, p->at, &was) ||
             was.size != s.size))
            continue;
        if (p->kind == LINUX_PATCH_JUMP)
            len = s.size;
        else if (p->kind == LINUX_PATCH_KPROBE && linux_breakpoint_at(w->arch, live, len))
            len = linux_breakpoint_at(w->arch, live, len);
        else if (p->kind == LINUX_PATCH_KPROBE &&
                 (!s.direct ||
                  linux_whose_code(linux_codes(w->r), s.target, NULL) != LINUX_CODE_KPROBES))
            continue;
        else if ((p->kind == LINUX_PATCH_CALL || p->kind == LINUX_PATCH_TRAMPOLINE) && !p->known)
            continue;
        else if (s.direct && s.size == 6)
            len = 6;
        linux_kdiff_accept(w, p->at, len, LINUX_KDIFF_LIVE);
        if (p->kind == LINUX_PATCH_FTRACE && w->arch->code_unit == 4)
            before_call(w, p->at, behind);
    }
}

/* What ftrace's own entries call: the function that it has in a variable
 * (ftrace_update_ftrace_func(), kernel/trace/ftrace.c); and that of graphs. */
static void ftrace_entries(struct linux_kdiff_work *w)
{
    static const char *const calls[] = { "ftrace_call", "ftrace_regs_call", "ftrace_graph_call" };
    const struct eg_system *sys = eg_system_of(w->r);
    uint64_t at, var, function, graph;
    struct linux_step s;

    if (!eg_system_own_symbol(sys, "ftrace_graph_caller", &graph, NULL))
        graph = 0;
    for (size_t i = 0; i < countof(calls); i++) {
        if (!eg_system_own_symbol(sys, calls[i], &at, NULL) || !linux_kdiff_inside(w, at, 5) ||
            !linux_kdiff_step(w, w->live + (at - w->p->first), 5, at, &s) || !s.direct ||
            s.size != 5)
            continue;
        if (i == 2 ? graph && s.target == graph
                   : linux_kdiff_named(w, s.target, "ftrace_ops_list_func") ||
                         linux_kdiff_named(w, s.target, "arch_ftrace_ops_list_func") ||
                         linux_kdiff_named(w, s.target, "ftrace_stub") ||
                         (eg_system_own_symbol(sys, "ftrace_trace_function", &var, NULL) &&
                          eg_pointer_at(w->r, var, &function) && function == s.target &&
                          linux_whose_code(linux_codes(w->r), function, NULL) == LINUX_CODE_KERNEL))
            linux_kdiff_accept(w, at, 5, LINUX_KDIFF_LIVE);
    }
}

/* Where the kernel's records of ftrace are not known: calls and nops where the file has them. */
static void without_records(struct linux_kdiff_work *w)
{
    const bool words = w->arch->code_unit == 4;
    const size_t size = words ? 4 : 5;

    for (size_t i = 0; i < w->n_sites && w->sites[i].kind == LINUX_PATCH_FTRACE; i++)
        for (uint64_t at = w->sites[i].at, n = 0; n < (words ? 5 : 1); n++, at += size) {
            const uint8_t *live;
            struct linux_step s;

            if (!linux_kdiff_inside(w, at, 8) ||
                (words && !linux_nops(w->arch, w->want + (at - w->p->first), 4)))
                continue;
            live = w->live + (at - w->p->first);
            if (linux_nops(w->arch, live, size) ||
                (words && eg_le32(live) == LINUX_KDIFF_MOV_X9_X30) ||
                (linux_kdiff_step(w, live, 8, at, &s) && s.flow == EG_FLOW_CALL && s.direct &&
                 s.size == size))
                linux_kdiff_accept(w, at, size, LINUX_KDIFF_LIVE);
        }
}

void linux_kdiff_live(struct linux_kdiff_work *w)
{
    const struct linux_patches *all = linux_patches(w->r);

    find_sites(w);
    if (!all || !(all->found & 1u << LINUX_PATCH_FTRACE))
        without_records(w);
    live_patches(w);
    if (!w->f->module)
        ftrace_entries(w);
}
