/** load.c - read the symbols and types of a kernel image. */
#include "load.h"
#include "../../../profiles/btf.h"
#include "windows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BTF_MAX = 32 << 20,
    BTF_TRIES = 32,
    BTF_HEAD = 64, // header and first record
};

/** One thread reads the symbols, one the types: each from the candidate, to members of its own. */
struct load {
    struct linux_finder *finder;
    const struct linux_candidate *candidate;
    struct eg_view *views[2];
    struct eg_error errors[2];
    struct eg_profile *symbols, *types;
    bool symbols_are_physical;
    uint64_t btf; /**< physical address of what `types` were read from */
};

/** Tables that were not found: is all of the memory that holds them in the image? Then the kernel
 * was built without them. */
static void no_tables(const struct load *l, struct eg_view *v, const char *what, const char *option,
                      struct eg_error *e)
{
    const struct linux_candidate *c = l->candidate;
    struct linux_pieces ro = { v, l->finder->phys, c->ro_from, c->ro_to, false };
    uint64_t at, sum = 0;
    size_t len;

    while (linux_next_piece(&ro, &at, &len))
        sum += len;
    eg_fail(e, EG_ENOTFOUND,
            sum == c->ro_to - c->ro_from + 1 && c->start
                ? "the kernel image has no %s: built without %s"
                : "no %s in what can be read of the kernel image; or built without %s",
            what, option);
}

/* ---- symbols ---- */

/** The addresses of kallsyms' tables from VMCOREINFO, which contains them since 6.0. */
static bool kallsyms_of_text(const struct linux_finder *f, const struct linux_candidate *c,
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

    if (!c->text.text || !c->has_delta)
        return false;
    *k = (struct eg_kallsyms){ .space = f->phys,
                               .va_delta = c->delta,
                               .big_endian = c->paging.arch->model.big_endian,
                               .ptr_size = c->paging.arch->model.ptr_size };
    for (size_t i = 0; i < countof(keys); i++) {
        if (eg_vmcoreinfo_symbol(&c->text, keys[i].name, keys[i].at))
            *keys[i].at -= c->delta;
        else if (keys[i].required)
            return false;
    }
    return true;
}

size_t linux_scan_kallsyms(struct linux_finder *f, struct eg_view *v, uint64_t from, uint64_t to,
                           bool big_endian,
                           bool (*found)(void *context, const struct eg_kallsyms *k), void *context)
{
    enum { AT_ONCE = 1 << 12 };
    int budget = AT_ONCE;
    size_t n;

    if (!linux_spend(f, LINUX_KALLSYMS, 0))
        return 0;
    n = eg_kallsyms_scan(v, f->phys, from, to, big_endian, found, context, &budget);
    linux_spend(f, LINUX_KALLSYMS, AT_ONCE - budget);
    return n;
}

/** If there are several tables (a file in the page cache has a copy), the one nearest to the BTF
 * is taken; without BTF the first. */
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
    const struct linux_candidate *c = l->candidate;
    const unsigned threads = l->finder->sys->options.threads;
    struct nearest near = { .to = c->btf };
    struct eg_kallsyms k;

    if (kallsyms_of_text(l->finder, c, &k) &&
        eg_kallsyms_read(&l->symbols, v, &k, threads, &l->errors[0]) == 0)
        return;
    if (!linux_scan_kallsyms(l->finder, v, c->ro_from, c->ro_to, c->paging.arch->model.big_endian,
                             take_nearest, &near)) {
        no_tables(l, v, "kallsyms", "CONFIG_KALLSYMS", &l->errors[0]);
        return;
    }
    k = near.k;
    k.va_delta = c->has_delta ? c->delta : 0;
    if (eg_kallsyms_read(&l->symbols, v, &k, threads, &l->errors[0]) == 0)
        l->symbols_are_physical = k.form == EG_KS_PLACE_RELATIVE && !c->has_delta;
}

/* ---- types ---- */

/** Read the BTF at physical @pa. @return false: it is damaged, or not a kernel's. */
static bool read_btf(struct load *l, struct eg_view *v, uint64_t pa)
{
    const struct eg_model model = l->candidate->paging.arch->model;
    struct eg_profile *types;
    uint8_t head[64];
    const uint8_t *p;
    uint64_t total;
    uint32_t iter = 0;
    void *owned;

    if (!eg_read(v, l->finder->phys, pa, head, sizeof head) ||
        !eg_btf_header(head, sizeof head, model.big_endian, &total) || total < LINUX_BTF_MIN ||
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
    l->types = types;
    l->btf = pa;
    return true;
}

struct places {
    const uint8_t *bytes; /**< the bytes being searched; the first is at physical `from` */
    uint64_t from;
    size_t len;
    bool big;
    uint64_t at[BTF_TRIES];
    size_t n;
};

/** Memory contains many headers without records: they are skipped. */
static void see_btf(void *context, struct eg_view *v, uint64_t pa)
{
    struct places *p = context;
    const size_t at = (size_t)(pa - p->from);

    (void)v;
    if (p->n < countof(p->at) &&
        (p->len - at < BTF_HEAD || eg_btf_records(p->bytes + at, BTF_HEAD, p->big, 1)))
        p->at[p->n++] = pa;
}

static void load_types(struct load *l, struct eg_view *v)
{
    const struct linux_candidate *c = l->candidate;
    struct places found = { .big = c->paging.arch->model.big_endian };
    struct linux_pieces ro = { v, l->finder->phys, c->ro_from, c->ro_to, false };

    if (c->btf)
        found.at[found.n++] = c->btf;
    while (!c->btf && (found.bytes = linux_next_piece(&ro, &found.from, &found.len)))
        linux_each_btf(v, found.big, found.from, found.bytes, found.len, see_btf, &found);
    for (size_t i = 0; i < found.n; i++)
        if (read_btf(l, v, found.at[i]))
            return;
    if (!l->errors[1].code)
        no_tables(l, v, "BTF", "CONFIG_DEBUG_INFO_BTF", &l->errors[1]);
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

void linux_load(struct linux_finder *f, struct linux_candidate *c)
{
    struct load l = { .finder = f,
                      .candidate = c,
                      .views = { f->v, malloc(sizeof(struct eg_view)) } };
    uint64_t va;

    if (!l.views[1]) {
        eg_fail(&c->no_symbols, EG_ENOMEM, "out of memory");
        c->no_types = c->no_symbols;
        return;
    }
    eg_view_init(l.views[1], NULL);
    if (!c->start && c->has_root)
        linux_image_of(f, &c->paging, c);
    if (c->ro_to) {
        eg_parallel(2, 2, load_piece, &l);
        c->symbols = l.symbols;
        c->symbols_are_physical = l.symbols_are_physical;
        c->types = l.types;
        c->btf = l.btf; /* the trace's may have no types */
        linux_use_types(c);
        /* The exports contain variables that kallsyms may lack, and give the delta if there are
         * no types. */
        if (!linux_sym(c, "init_task", &va) || (!c->has_delta && !c->types))
            c->exports = linux_exports(f, c->ro_from, c->ro_to, &c->paging.arch->model);
        c->no_symbols = l.errors[0];
        c->no_types = l.errors[1];
    } else {
        linux_use_types(c);
        eg_fail(&c->no_symbols, EG_ENOTFOUND, "the kernel image is not mapped");
        c->no_types = c->no_symbols;
    }
    eg_view_fini(l.views[1]);
    free(l.views[1]);
}
