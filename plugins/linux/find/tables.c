/** tables.c - a kernel without any other trace: its BTF and its kallsyms, by their shape, in
 * all of physical memory. */
#include "find.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A kernel's own BTF is megabytes; its rodata, where both tables lie, is tens of them. */
enum { KERNEL_BTF = 1 << 20, NEAR = 32 << 20 };

struct tables {
    struct linux_finder *finder;
    struct eg_space *phys;
    bool big;
    pthread_mutex_t lock;
    EG_VEC(uint64_t) btf;
    EG_VEC(struct eg_kallsyms) kallsyms;
};

static void probe_btf(void *context, struct eg_view *v, uint64_t pa)
{
    struct tables *t = context;
    uint8_t head[24];
    uint64_t total, *slot;

    if (!eg_read(v, t->phys, pa, head, sizeof head) ||
        !eg_btf_header(head, sizeof head, t->big, &total) || total < KERNEL_BTF)
        return;
    pthread_mutex_lock(&t->lock);
    slot = eg_vec_push(&t->btf);
    if (slot)
        *slot = pa;
    pthread_mutex_unlock(&t->lock);
}

static void see_btf(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    const struct tables *t = context;

    linux_each_btf(v, t->big, pa, p, len, probe_btf, context);
}

static bool push_kallsyms(void *context, const struct eg_kallsyms *k)
{
    struct tables *t = context;
    struct eg_kallsyms *slot;

    pthread_mutex_lock(&t->lock);
    slot = eg_vec_push(&t->kallsyms);
    if (slot)
        *slot = *k;
    pthread_mutex_unlock(&t->lock);
    return false;
}

static void see_kallsyms(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                         size_t len)
{
    struct tables *t = context;

    (void)p;
    eg_kallsyms_scan(v, t->phys, pa, pa + len - 1, t->big, push_kallsyms, t);
}

static void scan(struct tables *t, const char *what, linux_window_fn fn)
{
    struct linux_windows w;

    if (!linux_windows_init(&w, t->finder, 0, t->phys->last))
        return;
    while (linux_windows_scan(&w, what, fn, t))
        ;
    linux_windows_fini(&w);
}

static void try_at(struct tables *t, const struct linux_arch *arch, uint64_t pa, bool is_btf)
{
    struct linux_candidate g = { .arch = arch, .paging.arch = eg_arch_find(arch->name) };
    struct eg_extent x;

    if (!g.paging.arch || t->finder->done)
        return;
    g.btf = is_btf ? pa : 0;
    eg_extent_at(t->finder->v, t->phys, pa, &x);
    g.ro_from = EG_MAX(x.start, pa > NEAR ? pa - NEAR : 0);
    g.ro_to = EG_MIN(pa + NEAR, x.last);
    snprintf(g.trace, sizeof g.trace, "%s at %#" PRIx64 ", by its shape",
             is_btf ? "BTF" : "kallsyms", pa);
    linux_try(t->finder, &g);
}

static int by_address(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void linux_trace_tables(struct linux_finder *f)
{
    for (unsigned big = 0; big < 2 && !f->done; big++) {
        struct tables t = {
            .finder = f, .phys = f->phys, .big = big, .lock = PTHREAD_MUTEX_INITIALIZER
        };
        bool wanted = false;

        for (size_t i = 0; linux_arch_nth(i); i++)
            wanted |= linux_arch_nth(i)->big_endian == big;
        if (!wanted)
            continue;
        scan(&t, "looking for BTF", see_btf);
        if (t.btf.n > 1)
            qsort(t.btf.at, t.btf.n, sizeof *t.btf.at, by_address);
        f->btf = t.btf.at;
        f->n_btf = t.btf.n;
        for (size_t i = 0; linux_arch_nth(i); i++)
            for (size_t j = 0; j < t.btf.n; j++)
                try_at(&t, linux_arch_nth(i), t.btf.at[j], true);
        if (!f->done && !f->sys->candidates.n) {
            scan(&t, "looking for kallsyms", see_kallsyms);
            for (size_t i = 0; linux_arch_nth(i); i++)
                for (size_t j = 0; j < t.kallsyms.n; j++)
                    try_at(&t, linux_arch_nth(i), t.kallsyms.at[j].token_table, false);
        }
        f->btf = NULL;
        f->n_btf = 0;
        eg_vec_fini(&t.btf);
        eg_vec_fini(&t.kallsyms);
    }
}
