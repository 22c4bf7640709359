/** find.c - the search for Linux kernels in an image. The traces are tried from the cheapest to
 * the most expensive; each one offers candidates, and each candidate is completed and checked. */
#include "../../../core/quality.h"
#include "../own/health.h"
#include "../own/owners.h"
#include "../sched/processes.h"
#include "given.h"
#include "load.h"
#include "locate.h"
#include "open.h"
#include "traces.h"
#include "verify.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void add_trace(struct eg_candidate *entry, const char *trace)
{
    const size_t len = strlen(entry->trace), more = strlen(trace);

    if (len + more + 3 > sizeof entry->trace || strstr(entry->trace, trace))
        return;
    memcpy(entry->trace + len, ", ", 2);
    memcpy(entry->trace + len + 2, trace, more + 1);
}

/** Another candidate for the same kernel: with the same delta, or with the same BTF. */
static struct eg_candidate *same_kernel(struct linux_finder *f, const struct linux_candidate *c)
{
    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        struct eg_candidate *entry = &f->sys->candidates.at[i];
        const struct linux_candidate *other = entry->priv;

        if (entry->os == f->os && other != c &&
            ((c->has_delta && other->has_delta && other->delta == c->delta) ||
             (c->btf && other->btf == c->btf)))
            return entry;
    }
    return NULL;
}

/** Is this another trace of a kernel that passes all checks already? Then only the trace is
 * added to that kernel's entry; not if it alone has VMCOREINFO. */
static bool joins_another(struct linux_finder *f, const struct linux_candidate *c)
{
    struct eg_candidate *entry = same_kernel(f, c);
    const struct linux_candidate *other = entry ? entry->priv : NULL;

    if (!entry || !entry->opens || entry->score < entry->max_score ||
        (c->text.text && !other->text.text))
        return false;
    add_trace(entry, c->trace);
    return true;
}

/** VMCOREINFO that another trace of the same kernel found: with it more is known and checked. */
static void take_text(struct linux_finder *f, struct eg_candidate *entry, struct eg_vmcoreinfo text)
{
    struct linux_candidate *c = entry->priv;

    c->text = text;
    eg_profile_free(c->derived);
    c->derived = NULL; // linux_derive() looks symbols up in it
    c->derived = linux_derive(f, c);
    entry->score = entry->max_score = 0;
    entry->n_checks = 0;
    linux_check(f, c, entry);
}

/** If the last candidate is of the same kernel as an earlier one, keep the better of the two.
 * @return its entry. */
static struct eg_candidate *merge(struct linux_finder *f)
{
    struct eg_candidate *new = &f->sys->candidates.at[f->sys->candidates.n - 1];
    struct eg_candidate *old = same_kernel(f, new->priv), worse;
    const struct linux_candidate *kept, *lost;

    if (!old)
        return new;
    worse = *old;
    if (eg_candidate_better(new, old))
        *old = *new;
    else
        worse = *new;
    f->sys->candidates.n--;
    add_trace(old, worse.trace);
    kept = old->priv;
    lost = worse.priv;
    if (!kept->text.text && kept->space && lost->text.text && lost->has_delta && kept->has_delta &&
        lost->delta == kept->delta) // two boots may share the BTF, not the text
        take_text(f, old, lost->text);
    linux_candidate_fini(f->v, worse.priv);
    return old;
}

/** Free symbols, types and spaces of all candidates but @lead. */
static void keep_only(struct linux_finder *f, const struct eg_candidate *lead)
{
    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        struct eg_candidate *entry = &f->sys->candidates.at[i];

        if (entry->os == f->os && entry != lead)
            linux_candidate_fini(f->v, entry->priv);
    }
}

/** Remove all candidates: their addresses are those before the image was moved. */
static void forget(struct linux_finder *f)
{
    size_t n = 0;

    keep_only(f, NULL);
    for (size_t i = 0; i < f->sys->candidates.n; i++)
        if (f->sys->candidates.at[i].os != f->os)
            f->sys->candidates.at[n++] = f->sys->candidates.at[i];
    f->sys->candidates.n = n;
}

static const struct eg_candidate *leader(const struct linux_finder *f)
{
    const struct eg_candidate *best = NULL;

    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        const struct eg_candidate *entry = &f->sys->candidates.at[i];

        if (entry->os == f->os && entry->opens && (!best || eg_candidate_better(entry, best)))
            best = entry;
    }
    return best;
}

/** Does @entry end the search? Not while a page in memory may still hold its VMCOREINFO, with which
 * more can be checked. */
static bool is_final(const struct linux_finder *f, const struct eg_candidate *entry)
{
    const struct linux_candidate *c = entry->priv;
    uint64_t va;

    return entry->opens && entry->score == entry->max_score && !f->sys->options.exhaustive &&
           !f->sys->options.kernel && !c->captures &&
           (c->text.text || f->saw_pages ||
            (c->symbols && !linux_sym(c, "vmcoreinfo_append_str", &va)));
}

/** Complete and check @c, then keep it as a candidate, or as another trace of a known one. */
static void try_candidate(struct linux_finder *f, struct linux_candidate *c)
{
    struct linux_candidate *kept;
    struct eg_candidate *entry;

    if (f->done || joins_another(f, c) || !linux_spend(f, LINUX_CANDIDATES, 1)) {
        linux_candidate_fini(f->v, c);
        return;
    }
    c->given = f->given;
    linux_load(f, c);
    linux_locate(f, c);
    if (f->again || joins_another(f, c) || (!c->symbols && !c->exports && !c->has_root)) {
        linux_candidate_fini(f->v, c);
        return;
    }
    // A candidate that is not kept must not leave anything in the arena.
    if (c->text.text)
        c->text.text = eg_arena_strndup(&f->sys->arena, c->text.text, c->text.len);
    kept = eg_arena_new(&f->sys->arena, struct linux_candidate);
    entry = kept ? eg_candidate_new(f->sys, f->os) : NULL;
    if (!entry) {
        linux_candidate_fini(f->v, c);
        return;
    }
    *kept = *c;
    entry->priv = kept;
    snprintf(entry->trace, sizeof entry->trace, "%s", c->trace);
    if (f->base) {
        char moved[64];

        snprintf(moved, sizeof moved, "raw offset derived: %#" PRIx64, f->base);
        add_trace(entry, moved);
    }
    entry->paging = c->paging;
    entry->kernel_pa_delta = c->delta;
    linux_check(f, kept, entry);
    f->done = is_final(f, merge(f));
    keep_only(f, leader(f));
}

/** Is the dump, by its header, of a processor that is not supported? Then a note says so. */
static bool is_unsupported(struct linux_finder *f)
{
    const uint16_t machine = f->sys->image->elf_machine;
    const struct eg_arch *arch = eg_arch_of_elf(machine, false);

    if (!arch)
        arch = eg_arch_of_elf(machine, true);
    if (!machine || (arch && linux_arch_of(arch->name)))
        return false;
    if (arch)
        eg_system_note(f->sys, "the image is the memory of %s %s machine, which is not supported",
                       strchr("ais", arch->name[0]) ? "an" : "a", arch->name);
    else
        eg_system_note(f->sys,
                       "the image is the memory of a machine with a processor that is not "
                       "supported: number %u (EM_...) of ELF",
                       machine);
    return true;
}

/** Memory that was not read when the image was made is zeros. @return a hint; NULL: the root of
 * the page tables is not in such memory. */
static const char *zeros_there(struct linux_finder *f, uint64_t root)
{
    const uint64_t all = eg_mapped_bytes(f->v, f->phys);
    struct eg_part z;

    if (!root || !eg_zeros_around(f->v, f->phys, root, &z))
        return NULL;
    return eg_arena_strf(&f->sys->arena,
                         "the memory that holds its page tables is zeros, from %#" PRIx64
                         " to %#" PRIx64 ", %.0f %% of the memory in the image: it was not read "
                         "when the image was made",
                         z.first, z.last,
                         100.0 * (double)(z.last - z.first + 1) / (double)EG_MAX(all, 1));
}

/** The last note: why no kernel was opened, and what the user can do. */
static void say_why(struct linux_finder *f)
{
    const struct eg_candidate *best = NULL;
    const struct eg_check *k;
    const char *hint = NULL;

    for (size_t i = 0; i < f->sys->candidates.n; i++) {
        const struct eg_candidate *entry = &f->sys->candidates.at[i];

        if (entry->os == f->os && (!best || eg_candidate_better(entry, best)))
            best = entry;
    }
    if (is_unsupported(f))
        return;
    if (!best && f->sys->options.has_dtb)
        return; // linux_trace_container() noted it
    if (!best) {
        eg_system_note(f->sys,
                       "no trace of a Linux kernel: no VMCOREINFO, no boot page table, no BTF, no "
                       "kallsyms; the image must be the complete memory of a Linux machine, in "
                       "order, not encrypted and not compressed; --vmlinux FILE also searches "
                       "for its first task");
        return;
    }
    for (k = best->checks; k < best->checks + best->n_checks && (k->passed || k->skipped); k++)
        ;
    if (!strcmp(k->name, "processor"))
        hint = "Linux on a processor that is not supported";
    else if (!strcmp(k->name, "page tables"))
        hint = (hint = zeros_there(f, best->paging.root)) ? hint
               : f->sys->image->movable
                   ? "the memory that holds its page tables is not in the image, or these are the "
                     "remains of an earlier boot; --dtb sets another root, --offset the physical "
                     "address of the first byte"
                   : "the memory that holds its page tables is not in the image, or these are the "
                     "remains of an earlier boot; --dtb sets another root";
    else if (f->given)
        hint = "the given profile or System.map is of another kernel";
    else
        hint = "part of the kernel's memory is not in the image, or this is a copy of a kernel "
               "that never ran";
    eg_system_note(f->sys,
                   "traces of a Linux kernel (%s), but it fails the check of its %s (%s): %s",
                   best->trace, k->name, k->detail, hint);
}

static int find(struct eg_system *sys, struct eg_error *e);
static void close_(struct eg_system *sys);

EG_OS(linux) = {
    .name = "linux",
    .find = find,
    .open = linux_open,
    .close = close_,
    .module_types = linux_module_types,
    .module_symbols = linux_module_symbols,
    .memory = &linux_memory,
    .processes = linux_processes,
    .process_health = linux_health_of,
    .why_nothing = linux_why_nothing,
};

static int find(struct eg_system *sys, struct eg_error *e)
{
    static void (*const traces[])(struct linux_finder *) = {
        linux_trace_container, linux_trace_low_roots, linux_trace_pages,
        linux_trace_shifted,   linux_trace_tables,    linux_trace_swapper,
    };
    struct linux_finder f = { .sys = sys,
                              .os = &eg_os_linux,
                              .v = sys->view,
                              .phys = sys->image->phys,
                              .offer = try_candidate };
    int rc;

    if (!f.phys)
        return 0;
    rc = linux_given_read(sys, &f.given, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < countof(traces) && !f.done && !eg_cancelled;) {
        linux_budgets(&f);
        f.saw_pages |= traces[i] == linux_trace_pages;
        traces[i++](&f);
        if (f.saw_pages && !f.done && leader(&f))
            f.done = is_final(&f, leader(&f));
        if (f.again) {
            forget(&f);
            f.again = f.done = f.saw_pages = false;
            i = 0;
        }
    }
    linux_folders_free(&f);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "%s", "stopped");
    if (!leader(&f) || sys->options.exhaustive)
        linux_note_spent(&f);
    if (!leader(&f))
        say_why(&f);
    return 0;
}

static void close_(struct eg_system *sys)
{
    for (size_t i = 0; i < sys->candidates.n; i++)
        if (sys->candidates.at[i].os == &eg_os_linux)
            linux_candidate_fini(sys->view, sys->candidates.at[i].priv);
    linux_close(sys);
}
