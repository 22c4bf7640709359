/** load.c - a candidate completed: where the image is mapped, its symbols and types. */
#include "find.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IMAGE_MIN = 4 << 20,
    IMAGE_MAX = 256 << 20,
    IMAGE_PIECES = 1 << 16,
    BTF_MIN = 64 << 10,
    BTF_MAX = 256 << 20,
    BTF_TRIES = 32,
};

const uint8_t *linux_bytes(struct eg_view *v, struct eg_space *as, uint64_t at, uint64_t len,
                           void **owned)
{
    const uint8_t *first = NULL;
    uint64_t done = 0;

    *owned = NULL;
    while (done < len) {
        size_t n = (size_t)(len - done);
        const uint8_t *p = eg_map_some(v, as, at + done, &n);

        if (!p)
            return NULL;
        if (!first)
            first = p;
        if (p != first + done)
            break;
        done += n;
    }
    if (done == len && len)
        return first;
    *owned = malloc(len ? (size_t)len : 1);
    if (!*owned || !eg_read(v, as, at, *owned, (size_t)len)) {
        free(*owned);
        *owned = NULL;
    }
    return *owned;
}

/** The first large piece of code among what is mapped. */
static bool code_of(struct linux_finder *f, struct eg_space *as, const struct linux_arch *arch,
                    struct eg_extent *x)
{
    struct eg_extent code = { 0 };
    uint64_t from = arch->image_min;

    for (unsigned n = 0; n < IMAGE_PIECES && eg_next_mapped(f->v, as, from, arch->image_max, x);
         n++) {
        if (x->below == f->phys && x->flags & EG_X_EXEC) {
            if (x->start != code.last + 1 ||
                x->start - x->below_addr != code.start - code.below_addr)
                code = *x;
            code.last = x->last;
            if (code.last - code.start >= IMAGE_MIN) {
                *x = code;
                return true;
            }
        }
        if (x->last >= arch->image_max)
            return false;
        from = x->last + 1;
    }
    return false;
}

/** What is mapped at the start of the image: of a processor that maps other things beside it, from
 * a place inside of it back to where what is mapped belongs together no more. */
static bool first_piece(struct linux_finder *f, struct eg_space *as,
                        const struct linux_candidate *g, struct eg_extent *x)
{
    const struct linux_arch *arch = g->arch;
    struct eg_extent before;
    uint64_t at, delta;

    if (arch->image_alone) {
        for (at = arch->image_min; eg_next_mapped(f->v, as, at, arch->image_max, x);
             at = x->last + 1)
            if (x->below == f->phys || x->last >= arch->image_max)
                return x->below == f->phys;
        return false;
    }
    if (linux_sym(g, "_stext", &at))
        eg_extent_at(f->v, as, at, x);
    else if (!code_of(f, as, arch, x))
        return false;
    delta = x->start - x->below_addr;
    for (unsigned n = 0; n < IMAGE_PIECES && x->below == f->phys; n++) {
        eg_extent_at(f->v, as, x->start - 1, &before);
        if (before.below != f->phys || before.start - before.below_addr != delta)
            return true;
        *x = before;
    }
    return false;
}

bool linux_image_of(struct linux_finder *f, const struct eg_paging *paging,
                    struct linux_candidate *g)
{
    const struct linux_arch *arch = g->arch;
    struct eg_space *as;
    struct eg_extent x;
    uint64_t from, to = arch->image_max, ro_first = 0, ro_last = 0;
    uint64_t start = 0, last = 0, delta = 0;
    unsigned pieces = 0;
    bool found;

    if (eg_paging_open(&as, NULL, f->phys, paging, NULL) < 0)
        return false;
    found = first_piece(f, as, g, &x);
    if (found) {
        start = x.start;
        delta = x.start - x.below_addr;
        to = start + EG_MIN(to - start, (uint64_t)IMAGE_MAX);
    }
    for (from = start;
         found && from <= to && pieces++ < IMAGE_PIECES && eg_next_mapped(f->v, as, from, to, &x);
         from = x.last + 1) {
        if (x.below == f->phys && x.start - x.below_addr == delta) {
            last = x.last;
            if (!(x.flags & (EG_X_WRITE | EG_X_EXEC))) {
                if (!ro_last)
                    ro_first = x.below_addr;
                ro_last = x.last - delta;
            }
        }
        if (x.last == UINT64_MAX)
            break;
    }
    eg_view_forget(f->v, as);
    eg_space_close(as);
    if (g->has_delta && g->delta != delta)
        return false;
    if (!found || last - start < IMAGE_MIN || !eg_within(start - delta, 1, f->phys->last))
        return false;
    g->start = start;
    g->end = last + 1;
    g->delta = delta;
    g->has_delta = true;
    g->ro_from = ro_last ? ro_first : start - delta;
    g->ro_to = ro_last ? ro_last : last - delta;
    return true;
}

/* ---- symbols ---- */

/** VMCOREINFO says where kallsyms' tables are since 6.0. */
static bool kallsyms_of_text(const struct linux_finder *f, const struct linux_candidate *g,
                             struct eg_kallsyms *k)
{
    const struct {
        const char *name;
        uint64_t *at;
        bool required;
    } keys[] = {
        { "kallsyms_names", &k->names, true },
        { "kallsyms_num_syms", &k->num_syms, true },
        { "kallsyms_token_table", &k->token_table, true },
        { "kallsyms_token_index", &k->token_index, true },
        { "kallsyms_offsets", &k->offsets, true },
        { "kallsyms_relative_base", &k->relative_base, false },
    };

    if (!g->text.text || !g->has_delta)
        return false;
    *k = (struct eg_kallsyms){ .space = f->phys,
                               .va_delta = g->delta,
                               .big_endian = g->paging.arch->model.big_endian,
                               .ptr_size = g->paging.arch->model.ptr_size };
    for (size_t i = 0; i < countof(keys); i++) {
        if (eg_vmcoreinfo_symbol(&g->text, keys[i].name, keys[i].at))
            *keys[i].at -= g->delta;
        else if (keys[i].required)
            return false;
    }
    return true;
}

struct load {
    struct linux_finder *finder;
    struct linux_candidate *candidate;
    uint64_t btf; /* the trace's; the candidate's is written by the other thread */
    struct eg_view *views[2];
    struct eg_error errors[2];
};

/** Of several tables, a copy among them, the one that lies nearest to the BTF; else the first. */
struct nearest {
    uint64_t to;
    struct eg_kallsyms k;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static bool take_nearest(void *context, const struct eg_kallsyms *k)
{
    struct nearest *n = context;

    if (!n->k.names || distance(k->names, n->to) < distance(n->k.names, n->to))
        n->k = *k;
    return !n->to;
}

static void load_symbols(struct load *l, struct eg_view *v)
{
    struct linux_candidate *g = l->candidate;
    const unsigned threads = l->finder->sys->options.threads;
    struct nearest near = { .to = l->btf };
    struct eg_kallsyms k;

    if (kallsyms_of_text(l->finder, g, &k) &&
        eg_kallsyms_read(&g->symbols, v, &k, threads, &l->errors[0]) == 0)
        return;
    if (!eg_kallsyms_scan(v, l->finder->phys, g->ro_from, g->ro_to,
                          g->paging.arch->model.big_endian, take_nearest, &near)) {
        eg_fail(&l->errors[0], EG_ENOTFOUND, "no kallsyms tables in the kernel image");
        return;
    }
    k = near.k;
    k.va_delta = g->has_delta ? g->delta : 0;
    if (eg_kallsyms_read(&g->symbols, v, &k, threads, &l->errors[0]) == 0)
        g->symbols_are_physical = k.form == EG_KS_PLACE_RELATIVE && !g->has_delta;
}

/* ---- types ---- */

/** A BTF at physical @pa that decodes to its last record and is a kernel's. */
static bool read_btf(struct load *l, struct eg_view *v, uint64_t pa)
{
    struct linux_candidate *g = l->candidate;
    const struct eg_model model = g->paging.arch->model;
    struct eg_profile *types;
    uint8_t head[64];
    const uint8_t *p;
    uint64_t total;
    uint32_t iter = 0;
    void *owned;

    if (!eg_read(v, l->finder->phys, pa, head, sizeof head) ||
        !eg_btf_header(head, sizeof head, model.big_endian, &total) || total < BTF_MIN ||
        total > BTF_MAX)
        return false;
    p = linux_bytes(v, l->finder->phys, pa, total, &owned);
    if (!p) {
        eg_fail(&l->errors[1], EG_EFORMAT, "the BTF at physical %#" PRIx64 " is not whole", pa);
        return false;
    }
    if (eg_btf_read(&types, p, (size_t)total, model, NULL, NULL, "BTF of the image",
                    &l->errors[1]) < 0) {
        free(owned);
        return false;
    }
    free(owned);
    if (!eg_profile_type(types, "task_struct", 1u << EG_T_STRUCT, &iter)) {
        eg_profile_free(types);
        return false;
    }
    g->types = types;
    g->btf = pa;
    g->btf_len = total;
    return true;
}

struct places {
    uint64_t at[BTF_TRIES];
    size_t n;
};

static void see_btf(void *context, struct eg_view *v, uint64_t pa)
{
    struct places *p = context;

    (void)v;
    if (p->n < countof(p->at))
        p->at[p->n++] = pa;
}

static void load_types(struct load *l, struct eg_view *v)
{
    const struct linux_candidate *g = l->candidate;
    struct places found = { .n = 0 };

    if (l->btf)
        found.at[found.n++] = l->btf;
    for (uint64_t pa = g->ro_from; !l->btf && pa <= g->ro_to;) {
        size_t len = (size_t)(g->ro_to - pa + 1);
        const uint8_t *p = eg_map_some(v, l->finder->phys, pa, &len);

        if (p)
            linux_each_btf(v, g->paging.arch->model.big_endian, pa, p, len, see_btf, &found);
        pa += p ? len : 4096;
    }
    for (size_t i = 0; i < found.n; i++)
        if (read_btf(l, v, found.at[i]))
            return;
    if (!l->errors[1].code)
        eg_fail(&l->errors[1], EG_ENOTFOUND, "no BTF in the kernel image");
}

void linux_use_types(struct linux_candidate *g)
{
    const struct eg_profile *p = g->given && g->given->types ? g->given->types : g->types;

    eg_types_fini(&g->ts);
    if (p)
        eg_types_init(&g->ts, p, NULL);
}

static int load_piece(void *context, size_t piece, unsigned worker)
{
    struct load *l = context;

    (void)worker;
    if (piece == 0)
        load_symbols(l, l->views[0]);
    else
        load_types(l, l->views[1]);
    return 0;
}

void linux_load(struct linux_finder *f, struct linux_candidate *g)
{
    struct load l = { .finder = f,
                      .candidate = g,
                      .btf = g->btf,
                      .views = { f->v, malloc(sizeof(struct eg_view)) } };
    uint64_t va;

    if (!l.views[1])
        return;
    eg_view_init(l.views[1], NULL);
    if (!g->start && g->has_root)
        linux_image_of(f, &g->paging, g);
    if (g->ro_to) {
        eg_parallel(2, 2, load_piece, &l);
        g->btf = g->types ? g->btf : 0; /* a header that no types follow tells nothing */
        linux_use_types(g);
        /* The exports tell data where kallsyms does not, and the shift where no type does. */
        if (!linux_sym(g, "init_task", &va) || (!g->has_delta && !g->types))
            g->exports = linux_exports(f->v, f->phys, g->ro_from, g->ro_to, &g->paging.arch->model);
        g->no_symbols = l.errors[0];
        g->no_types = l.errors[1];
    } else {
        linux_use_types(g);
        eg_fail(&g->no_symbols, EG_ENOTFOUND, "the kernel image is not mapped");
        g->no_types = g->no_symbols;
    }
    eg_view_fini(l.views[1]);
    free(l.views[1]);
}
