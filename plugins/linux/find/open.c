/** open.c - make the chosen candidate the system: kernel space, types, symbols, and the state
 * that the Linux layer reads. */
#include "open.h"
#include "given.h"
#include "load.h"
#include "locate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CPUS_MAX = 1 << 16 };

/** The addresses that the kernel's symbols name: its image up to _end, or up to a page behind
 * the last symbol. Addresses of per-CPU variables may be small numbers; they are not named. */
static struct eg_range named_range(const struct eg_system *sys, const struct linux_candidate *c,
                                   const struct eg_profile *p, uint64_t shift)
{
    struct eg_range in = { c->start ? c->start : c->arch->image_min,
                           c->end ? c->end - 1 : c->arch->image_max };
    const struct eg_symbol *s = eg_profile_symbol_at(p, in.last - shift);
    uint64_t end;

    if (linux_sym(c, "_end", &end) && end > in.first)
        in.last = EG_MIN(in.last, end - 1);
    else if (s && eg_add(s->addr + shift, (UINT64_C(1) << sys->arch->page_shift) - 1, &end))
        in.last = EG_MIN(in.last, end);
    return in;
}

static bool add_symbols(struct eg_system *sys, const struct linux_candidate *c,
                        const struct eg_profile *p, uint64_t shift, const char *what)
{
    struct eg_symbols *s = eg_vec_push(&sys->symbols);

    if (s)
        *s = (struct eg_symbols){ p, shift, what, NULL, { named_range(sys, c, p, shift) }, 1, 0 };
    return s != NULL;
}

/** Symbols from the SYMBOL() lines of VMCOREINFO, some of which kallsyms lacks. */
static void text_symbols(struct eg_system *sys, const struct linux_candidate *c)
{
    struct eg_builder *b;
    struct eg_profile *p;
    const char *key, *value;
    size_t at = 0, klen, vlen;

    if (!c->text.text)
        return;
    b = eg_builder_new(sys->arch->model, "VMCOREINFO");
    while (b && eg_vmcoreinfo_next(&c->text, &at, &key, &klen, &value, &vlen)) {
        char name[128];
        uint64_t addr;

        if (klen < 9 || klen - 8 >= sizeof name || memcmp(key, "SYMBOL(", 7) ||
            key[klen - 1] != ')')
            continue;
        memcpy(name, key + 7, klen - 8);
        name[klen - 8] = 0;
        if (eg_vmcoreinfo_symbol(&c->text, name, &addr))
            eg_builder_symbol(b, eg_builder_name(b, name, klen - 8), addr, 0, '?');
    }
    if (!b || eg_builder_finish(b, &p, NULL, NULL) < 0 || !linux_own(sys, p) ||
        !add_symbols(sys, c, p, 0, "VMCOREINFO"))
        eg_system_note(sys, "%s", "VMCOREINFO's symbols: out of memory");
}

/** How many CPUs have copies of per-CPU variables: nr_cpu_ids, else the number of offsets at @at
 * that lead to readable memory outside of the image. (The template is inside of it.) */
static uint32_t cpus(struct eg_system *sys, const struct linux_candidate *c, uint64_t at)
{
    const struct eg_model *m = &sys->arch->model;
    uint64_t ids, offset, word;
    uint32_t n = 0;

    if (linux_sym(c, "nr_cpu_ids", &ids))
        return eg_read_u32(sys->view, c->space, ids, m->big_endian, &n) && n <= CPUS_MAX ? n : 0;
    while (n < CPUS_MAX && linux_ptr(sys->view, c->space, m, at + m->ptr_size * n, &offset) &&
           (offset < c->start || offset >= c->end) &&
           linux_ptr(sys->view, c->space, m, offset, &word))
        n++;
    return n;
}

static void per_cpu(struct eg_system *sys, const struct linux_candidate *c, struct linux_state *s)
{
    const struct eg_model *m = &sys->arch->model;
    uint64_t at = 0, *offsets, member;
    // A kernel for one CPU has no copies: the variables themselves are used.
    const bool one = linux_member(&c->ts, "task_struct", "comm", &member, NULL) &&
                     !linux_member(&c->ts, "task_struct", "on_cpu", &member, NULL);
    const bool many = linux_sym(c, "__per_cpu_offset", &at);
    const uint32_t n = many ? cpus(sys, c, at) : one;

    if (!n || !(offsets = eg_arena_array(&sys->arena, uint64_t, n)))
        return;
    for (uint64_t i = 0; many && i < n; i++)
        if (!linux_ptr(sys->view, c->space, m, at + m->ptr_size * i, &offsets[i]))
            return;
    s->percpu_offset = offsets;
    s->n_cpus = n;
}

static int make_state(struct eg_system *sys, const struct linux_candidate *c, struct eg_error *e)
{
    struct linux_state *s = eg_arena_new(&sys->arena, struct linux_state);

    if (!s)
        return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    sys->os_priv = s;
    s->image_start = c->start;
    s->image_end = c->end;
    s->btf = c->given && c->given->types ? NULL : c->types;
    s->btf_at = c->btf;
    linux_sym(c, "modules", &s->modules);
    linux_sym(c, "btf_modules", &s->btf_modules);
    per_cpu(sys, c, s);
    return 0;
}

/** Note what prevents plugins from running, and what the user can do. */
static void note_missing(struct eg_system *sys, const struct linux_candidate *c, bool has_symbols,
                         const char *not_derived)
{
    const struct eg_candidate *entry = sys->chosen;
    const bool has_types = sys->types.n_layers && !sys->types.layers[0].profile->partial;

    if (c->captures)
        eg_system_note(
            sys, "%s",
            "this is a crash kernel, started to save the memory of a kernel that crashed; "
            "`engram IMAGE` lists that one if it is in the image, --kernel N opens it");
    if (!has_types)
        eg_system_note(sys,
                       "no types (%s): most plugins need a profile of exactly this kernel, %s, "
                       "build id %s: `engram profile make VMLINUX -o KERNEL.egp`, then "
                       "--profile KERNEL.egp",
                       c->no_types.text, entry->release,
                       *entry->build_id ? entry->build_id : "not known");
    for (size_t i = 0; has_types && i < entry->n_checks; i++)
        if (!entry->checks[i].passed && !entry->checks[i].skipped &&
            strcmp(entry->checks[i].name, "symbols") != 0)
            eg_system_note(sys, "the kernel that was opened fails the check of its %s: %s",
                           entry->checks[i].name, entry->checks[i].detail);
    if (!has_symbols)
        eg_system_note(sys,
                       "no kallsyms (%s): --system-map with the System.map of this kernel, %s, "
                       "gives the symbols",
                       c->no_symbols.text, entry->release);
    if (not_derived)
        eg_system_note(sys,
                       "variables that no symbol table lists and that could not be derived: %s; "
                       "--system-map with the System.map of this kernel, %s, gives them",
                       not_derived, entry->release);
}

/** Note if the banner in a symbol file is not the kernel's. */
static void compare_banners(struct eg_system *sys, const struct linux_candidate *c,
                            const struct eg_profile *p)
{
    static const char begins[] = "Linux version ";
    char own[512] = "";
    uint64_t at;

    if (!p->banner || (!linux_sym(c, "linux_banner", &at) &&
                       !eg_system_own_symbol(sys, "linux_banner", &at, NULL)))
        return;
    eg_read_some(sys->view, c->space, at, own, sizeof own - 1, NULL);
    own[strcspn(own, "\n")] = 0;
    if (!strncmp(own, begins, sizeof begins - 1) && strcmp(own, p->banner) != 0)
        eg_system_note(sys, "the profile %s is of another kernel: \"%s\", not \"%s\"", p->source,
                       p->banner, own);
}

/** Types: the given ones, else those of the image. */
static int take_types(struct eg_system *sys, struct linux_candidate *c, struct eg_error *e)
{
    const struct linux_given *given = c->given && c->given->types ? c->given : NULL;
    struct eg_profile *own_types = c->types;
    int rc = 0;

    c->types = NULL;
    if (given && given->types->build_id && *sys->chosen->build_id &&
        strcmp(given->types->build_id, sys->chosen->build_id) != 0)
        eg_system_note(sys, "the profile %s is of another build of the kernel: %s, not %s",
                       given->types->source, given->types->build_id, sys->chosen->build_id);
    if (given)
        compare_banners(sys, c, given->types);
    if (given && own_types) {
        struct eg_types image = { 0 };

        if (eg_types_init(&image, own_types, NULL) == 0)
            linux_compare_types(sys, &c->ts, &image);
        eg_types_fini(&image);
    }
    eg_types_fini(&c->ts);
    if (!given && !own_types && c->text.text) {
        own_types = linux_text_types(&c->text, &sys->arch->model);
        if (own_types)
            own_types->partial = true;
    }
    if (!given)
        return own_types ? eg_system_add_profile(sys, own_types, 0, e) : 0;
    eg_profile_free(own_types);
    rc = eg_types_init(&sys->types, given->types, e);
    for (size_t i = 0; i < given->n_modules && rc == 0; i++)
        rc = eg_types_add(&sys->types, given->modules[i], e);
    return rc;
}

/** Symbols: those of the image come before given ones. */
static int take_symbols(struct eg_system *sys, struct linux_candidate *c, struct eg_error *e)
{
    struct eg_profile *symbols = c->symbols;

    c->symbols = NULL;
    if (symbols &&
        (!linux_own(sys, symbols) || !add_symbols(sys, c, symbols, c->shift, "kallsyms")))
        return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    text_symbols(sys, c);
    if (c->exports) {
        symbols = c->exports;
        c->exports = NULL;
        if (!linux_own(sys, symbols) || !add_symbols(sys, c, symbols, c->delta, "exported symbols"))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    if (c->derived) {
        symbols = c->derived;
        c->derived = NULL;
        if (!linux_own(sys, symbols) || !add_symbols(sys, c, symbols, 0, "derived"))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    for (size_t i = 0; c->given && i < c->given->n_symbols; i++) {
        const struct eg_profile *p = c->given->symbols[i];
        uint64_t shift;

        if (!linux_given_shift(c, p, &shift))
            eg_system_note(sys,
                           "%s: its symbols are not used, because the KASLR shift is not known; "
                           "--kaslr sets it",
                           p->source);
        else if (!add_symbols(sys, c, p, shift, p->source))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    return 0;
}

int linux_open(struct eg_system *sys, struct eg_error *e)
{
    struct linux_candidate *c = sys->chosen->priv;
    struct linux_finder f = { .sys = sys, .os = sys->os, .v = sys->view, .phys = sys->image->phys };
    const char *not_derived;
    bool has_symbols;
    int rc;

    for (size_t i = 0; i < sys->candidates.n; i++)
        if (sys->candidates.at[i].os == sys->os && sys->candidates.at[i].priv != c)
            linux_candidate_fini(sys->view, sys->candidates.at[i].priv);
    if (!c->space) { /* --kernel N chose one that was not the best: its tables were freed */
        linux_budgets(&f);
        linux_load(&f, c);
        linux_locate(&f, c);
        linux_folders_free(&f);
    }
    if (!c->space)
        return eg_fail(e, EG_ENOTFOUND, "%s",
                       "linux: the kernel's page tables were not found again");
    not_derived = linux_not_derived(c, &sys->arena);
    has_symbols = c->symbols || (c->given && c->given->n_symbols);
    rc = make_state(sys, c, e);
    if (rc < 0)
        return rc;
    rc = take_symbols(sys, c, e);
    if (rc == 0)
        rc = take_types(sys, c, e);
    sys->kernel = c->space;
    c->space = NULL;
    note_missing(sys, c, has_symbols, not_derived);
    return rc;
}

void linux_close(struct eg_system *sys)
{
    struct linux_state *s = sys->os == NULL ? NULL : sys->os_priv;

    if (!s)
        return;
    eg_vec_fini(&s->module_btfs);
    sys->os_priv = NULL;
}
