/** open.c - the chosen candidate becomes the system: kernel space, types, symbols, and the state
 * that the Linux layer reads. */
#include "open.h"
#include "given.h"
#include "load.h"
#include "locate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CPUS_MAX = 1 << 16 };

/** What the kernel's symbols name: its image, and nothing that is mapped behind its end, or a page
 * behind the last symbol. Addresses of per-CPU variables may be small numbers: they name nothing.
 */
static struct eg_range named_range(const struct eg_system *sys, const struct linux_candidate *g,
                                   const struct eg_profile *p, uint64_t shift)
{
    struct eg_range in = { g->start ? g->start : g->arch->image_min,
                           g->end ? g->end - 1 : g->arch->image_max };
    const struct eg_symbol *s = eg_profile_symbol_at(p, in.last - shift);
    uint64_t end;

    if (linux_sym(g, "_end", &end) && end > in.first)
        in.last = EG_MIN(in.last, end - 1);
    else if (s && eg_add(s->addr + shift, (UINT64_C(1) << sys->arch->page_shift) - 1, &end))
        in.last = EG_MIN(in.last, end);
    return in;
}

static bool add_symbols(struct eg_system *sys, const struct linux_candidate *g,
                        const struct eg_profile *p, uint64_t shift, const char *what)
{
    struct eg_symbols *s = eg_vec_push(&sys->symbols);

    if (s)
        *s = (struct eg_symbols){ p, shift, what, NULL, { named_range(sys, g, p, shift) }, 1, 0 };
    return s != NULL;
}

/** VMCOREINFO's SYMBOL() lines, for what kallsyms does not list. */
static void text_symbols(struct eg_system *sys, const struct linux_candidate *g)
{
    struct eg_builder *b;
    struct eg_profile *p;
    const char *key, *value;
    size_t at = 0, klen, vlen;

    if (!g->text.text)
        return;
    b = eg_builder_new(sys->arch->model, "VMCOREINFO");
    while (b && eg_vmcoreinfo_next(&g->text, &at, &key, &klen, &value, &vlen)) {
        char name[128];
        uint64_t addr;

        if (klen < 9 || klen - 8 >= sizeof name || memcmp(key, "SYMBOL(", 7) ||
            key[klen - 1] != ')')
            continue;
        memcpy(name, key + 7, klen - 8);
        name[klen - 8] = 0;
        if (eg_vmcoreinfo_symbol(&g->text, name, &addr))
            eg_builder_symbol(b, eg_builder_name(b, name, klen - 8), addr, 0, '?');
    }
    if (!b || eg_builder_finish(b, &p, NULL, NULL) < 0 || !linux_own(sys, p) ||
        !add_symbols(sys, g, p, 0, "VMCOREINFO"))
        eg_system_note(sys, "%s", "VMCOREINFO's symbols: out of memory");
}

static void per_cpu(struct eg_system *sys, const struct linux_candidate *g, struct linux_state *s)
{
    const struct eg_model *m = &sys->arch->model;
    uint64_t at, *offsets;
    uint32_t n;

    if (!linux_sym(g, "nr_cpu_ids", &at) ||
        !eg_read_u32(sys->view, g->space, at, m->big_endian, &n) ||
        !linux_sym(g, "__per_cpu_offset", &at) || !n || n > CPUS_MAX ||
        !(offsets = eg_arena_array(&sys->arena, uint64_t, n)))
        return;
    for (uint64_t i = 0; i < n; i++)
        if (!linux_ptr(sys->view, g->space, m, at + m->ptr_size * i, &offsets[i]))
            return;
    s->percpu_offset = offsets;
    s->n_cpus = n;
}

static int make_state(struct eg_system *sys, const struct linux_candidate *g, struct eg_error *e)
{
    struct linux_state *s = eg_arena_new(&sys->arena, struct linux_state);

    if (!s)
        return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    sys->os_priv = s;
    s->image_start = g->start;
    s->image_end = g->end;
    s->btf = g->given && g->given->types ? NULL : g->types;
    linux_sym(g, "modules", &s->modules);
    linux_sym(g, "btf_modules", &s->btf_modules);
    per_cpu(sys, g, s);
    return 0;
}

/** Note once what keeps plugins from running, and what would help. */
static void note_missing(struct eg_system *sys, const struct linux_candidate *g, bool has_symbols)
{
    const struct eg_candidate *c = sys->chosen;

    if (g->captures)
        eg_system_note(sys, "%s",
                       "this kernel was started to save the memory of one that crashed, "
                       "which `engram IMAGE` lists if it is in the image: --kernel N");
    if (!sys->types.n_layers)
        eg_system_note(sys,
                       "no types (%s): most plugins need a profile of exactly this kernel, %s, "
                       "build id %s: `engram profile make VMLINUX -o %s.egp`, then --profile",
                       g->no_types.text, c->release, *c->build_id ? c->build_id : "not known",
                       *c->build_id ? c->build_id : c->release);
    for (size_t i = 0; sys->types.n_layers && i < c->n_checks; i++)
        if (!c->checks[i].passed && strcmp(c->checks[i].name, "symbols") != 0)
            eg_system_note(sys, "the kernel that was opened fails the check of its %s: %s",
                           c->checks[i].name, c->checks[i].detail);
    if (!has_symbols)
        eg_system_note(sys,
                       "no kallsyms (%s): a System.map of this kernel, %s, as --system-map "
                       "gives the symbols",
                       g->no_symbols.text, c->release);
}

/** A symbol file says which kernel it is of by that kernel's banner. */
static void compare_banners(struct eg_system *sys, const struct linux_candidate *g,
                            const struct eg_profile *p)
{
    static const char begins[] = "Linux version ";
    char own[512] = "";
    uint64_t at;

    if (!p->banner || (!linux_sym(g, "linux_banner", &at) &&
                       !eg_system_own_symbol(sys, "linux_banner", &at, NULL)))
        return;
    eg_read_some(sys->view, g->space, at, own, sizeof own - 1, NULL);
    own[strcspn(own, "\n")] = 0;
    if (!strncmp(own, begins, sizeof begins - 1) && strcmp(own, p->banner) != 0)
        eg_system_note(sys, "the profile %s is of another kernel: \"%s\", not \"%s\"", p->source,
                       p->banner, own);
}

/** Types: the given ones first, then the image's own. */
static int take_types(struct eg_system *sys, struct linux_candidate *g, struct eg_error *e)
{
    const struct linux_given *given = g->given && g->given->types ? g->given : NULL;
    struct eg_profile *own_types = g->types;
    int rc = 0;

    g->types = NULL;
    if (given && given->types->build_id && *sys->chosen->build_id &&
        strcmp(given->types->build_id, sys->chosen->build_id) != 0)
        eg_system_note(sys, "the profile %s is of another build of the kernel: %s, not %s",
                       given->types->source, given->types->build_id, sys->chosen->build_id);
    if (given)
        compare_banners(sys, g, given->types);
    if (given && own_types) {
        struct eg_types image = { 0 };

        if (eg_types_init(&image, own_types, NULL) == 0)
            linux_compare_types(sys, &g->ts, &image);
        eg_types_fini(&image);
    }
    eg_types_fini(&g->ts);
    if (!given)
        return own_types ? eg_system_add_profile(sys, own_types, 0, e) : 0;
    eg_profile_free(own_types);
    rc = eg_types_init(&sys->types, given->types, e);
    for (size_t i = 0; i < given->n_modules && rc == 0; i++)
        rc = eg_types_add(&sys->types, given->modules[i], e);
    return rc;
}

/** Symbols: the running kernel's own first. */
static int take_symbols(struct eg_system *sys, struct linux_candidate *g, struct eg_error *e)
{
    struct eg_profile *symbols = g->symbols;

    g->symbols = NULL;
    if (symbols &&
        (!linux_own(sys, symbols) || !add_symbols(sys, g, symbols, g->shift, "kallsyms")))
        return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    text_symbols(sys, g);
    if (g->exports) {
        symbols = g->exports;
        g->exports = NULL;
        if (!linux_own(sys, symbols) || !add_symbols(sys, g, symbols, g->delta, "exported symbols"))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    if (g->derived) {
        symbols = g->derived;
        g->derived = NULL;
        if (!linux_own(sys, symbols) || !add_symbols(sys, g, symbols, 0, "derived"))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    for (size_t i = 0; g->given && i < g->given->n_symbols; i++) {
        const struct eg_profile *p = g->given->symbols[i];
        uint64_t shift;

        if (!linux_given_shift(g, p, &shift))
            eg_system_note(sys,
                           "%s: its symbols are not used: how far the kernel was moved is not "
                           "known; --kaslr says it",
                           p->source);
        else if (!add_symbols(sys, g, p, shift, p->source))
            return eg_fail(e, EG_ENOMEM, "%s", "linux: out of memory");
    }
    return 0;
}

int linux_open(struct eg_system *sys, struct eg_error *e)
{
    struct linux_candidate *g = sys->chosen->priv;
    struct linux_finder f = { .sys = sys, .os = sys->os, .v = sys->view, .phys = sys->image->phys };
    bool has_symbols;
    int rc;

    for (size_t i = 0; i < sys->candidates.n; i++)
        if (sys->candidates.at[i].os == sys->os && sys->candidates.at[i].priv != g)
            linux_candidate_fini(sys->view, sys->candidates.at[i].priv);
    if (!g->space) { /* --kernel N: not the one that was in the lead */
        linux_budgets(&f);
        linux_load(&f, g);
        linux_locate(&f, g);
        linux_folders_free(&f);
    }
    if (!g->space)
        return eg_fail(e, EG_ENOTFOUND, "%s", "linux: the kernel's page tables are lost");
    has_symbols = g->symbols || (g->given && g->given->n_symbols);
    rc = make_state(sys, g, e);
    if (rc < 0)
        return rc;
    rc = take_symbols(sys, g, e);
    if (rc == 0)
        rc = take_types(sys, g, e);
    sys->kernel = g->space;
    g->space = NULL;
    note_missing(sys, g, has_symbols);
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
