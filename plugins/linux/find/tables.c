/** tables.c - a kernel without any other trace: BTF and kallsyms are recognised by their
 * structure, in all of physical memory. Many of them may be damaged, truncated or false, so they
 * are ranked by a cheap test and only the best are completed. */
#include "../../../profiles/btf.h"
#include "load.h"
#include "traces.h"
#include "windows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    USUAL_BTF = 1 << 20,   /* a kernel's own BTF has megabytes; that of a very small one less */
    NEAR = 32 << 20,       /* its read-only data, with both tables, tens of them */
    BEST_MAX = 12,         /* tables of each kind that are completed */
    LOOK = 1 << 10,        /* bytes of a BTF that are decoded first */
    RECORDS_MAX = 1 << 10, /* records that are decoded to rank a BTF */
    RECORD_MEAN = 24,      /* bytes for each; most are shorter */
};

/** The best ones in order: by evidence, then by address. */
struct best {
    struct place {
        uint64_t pa, evidence;
    } at[BEST_MAX];
    size_t n;
    bool more; /**< some were dropped */
};

struct tables {
    struct linux_finder *finder;
    struct eg_space *phys;
    bool big;
    pthread_mutex_t lock;
    struct best btf, kallsyms;
    EG_VEC(uint64_t) bare; /**< headers without types */
};

static void rank(struct tables *t, struct best *b, uint64_t pa, uint64_t evidence)
{
    size_t i;

    pthread_mutex_lock(&t->lock);
    for (i = b->n; i > 0 && (evidence > b->at[i - 1].evidence ||
                             (evidence == b->at[i - 1].evidence && pa < b->at[i - 1].pa));
         i--)
        if (i < BEST_MAX)
            b->at[i] = b->at[i - 1];
    if (i < BEST_MAX)
        b->at[i] = (struct place){ pa, evidence };
    b->more |= b->n == BEST_MAX;
    b->n += b->n < BEST_MAX;
    pthread_mutex_unlock(&t->lock);
}

/** How many valid records follow the header at @pa, of RECORDS_MAX that are decoded. */
static uint32_t records(struct tables *t, struct eg_view *v, uint64_t pa)
{
    uint8_t bytes[RECORDS_MAX * RECORD_MEAN];
    const size_t len = eg_read_some(v, t->phys, pa, bytes, LOOK, NULL);
    const uint32_t n = eg_btf_records(bytes, len, t->big, RECORDS_MAX);

    if (!n || !linux_spend(t->finder, LINUX_RECORDS, RECORDS_MAX))
        return n;
    return eg_btf_records(bytes, eg_read_some(v, t->phys, pa, bytes, sizeof bytes, NULL), t->big,
                          RECORDS_MAX);
}

/** Does a string section, which begins and ends with a NUL, follow the types? */
static bool has_strings(struct tables *t, struct eg_view *v, uint64_t pa, const uint8_t *head)
{
    const uint64_t from = pa + (t->big ? eg_be32(head + 4) : eg_le32(head + 4)) +
                          (t->big ? eg_be32(head + 16) : eg_le32(head + 16));
    const uint32_t len = t->big ? eg_be32(head + 20) : eg_le32(head + 20);
    uint8_t first, last;

    return len && eg_read(v, t->phys, from, &first, 1) && !first &&
           eg_read(v, t->phys, from + len - 1, &last, 1) && !last;
}

static void probe_btf(void *context, struct eg_view *v, uint64_t pa)
{
    struct tables *t = context;
    uint8_t head[64]; /* with the first record */
    uint64_t total, *slot;
    uint32_t evidence;

    if (!eg_read(v, t->phys, pa, head, sizeof head) ||
        !eg_btf_header(head, sizeof head, t->big, &total) || total < LINUX_BTF_MIN)
        return;
    evidence = eg_btf_records(head, sizeof head, t->big, 1) && has_strings(t, v, pa, head)
                   ? records(t, v, pa)
                   : 0;
    if (evidence) {
        // Modules have small ones: they come last.
        rank(t, &t->btf, pa, evidence + (total >= USUAL_BTF ? RECORDS_MAX : 0));
    } else if (linux_spend(t->finder, LINUX_HEADERS, 1)) {
        pthread_mutex_lock(&t->lock);
        slot = eg_vec_push(&t->bare);
        if (slot)
            *slot = pa;
        pthread_mutex_unlock(&t->lock);
    }
}

static void see_btf(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    const struct tables *t = context;

    linux_each_btf(v, t->big, pa, p, len, probe_btf, context);
}

static bool push_kallsyms(void *context, const struct eg_kallsyms *k)
{
    struct tables *t = context;

    rank(t, &t->kallsyms, k->token_table, k->count);
    return false;
}

static void see_kallsyms(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                         size_t len)
{
    struct tables *t = context;

    (void)p;
    linux_scan_kallsyms(t->finder, v, pa, pa + len - 1, t->big, push_kallsyms, t);
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
    struct linux_candidate c = { .arch = arch, .paging.arch = eg_arch_find(arch->name) };
    struct eg_extent x;

    if (!c.paging.arch || t->finder->done)
        return;
    c.btf = is_btf ? pa : 0;
    eg_extent_at(t->finder->v, t->phys, pa, &x);
    c.ro_from = EG_MAX(x.start, pa > NEAR ? pa - NEAR : 0);
    c.ro_to = eg_add(pa, NEAR, &c.ro_to) ? EG_MIN(c.ro_to, x.last) : x.last;
    snprintf(c.trace, sizeof c.trace, "%s at %#" PRIx64 ", by its shape",
             is_btf ? "BTF" : "kallsyms", pa);
    t->finder->offer(t->finder, &c);
}

static void try_best(struct tables *t, const struct best *b, bool is_btf)
{
    for (size_t i = 0; linux_arch_nth(i); i++)
        for (size_t k = 0; k < b->n && linux_big_endian(linux_arch_nth(i)) == t->big; k++)
            try_at(t, linux_arch_nth(i), b->at[k].pa, is_btf);
    if (b->more && !t->finder->done)
        eg_system_note(t->finder->sys,
                       "more than %d places in memory look like a kernel's %s: only the most "
                       "plausible were tried",
                       BEST_MAX, is_btf ? "BTF" : "kallsyms");
}

void linux_trace_tables(struct linux_finder *f)
{
    for (unsigned big = 0; big < 2 && !f->done; big++) {
        struct tables t = {
            .finder = f, .phys = f->phys, .big = big, .lock = PTHREAD_MUTEX_INITIALIZER
        };
        bool wanted = false;

        for (size_t i = 0; linux_arch_nth(i); i++)
            wanted |= linux_big_endian(linux_arch_nth(i)) == big;
        if (!wanted)
            continue;
        scan(&t, "looking for BTF", see_btf);
        if (t.bare.n > 1)
            qsort(t.bare.at, t.bare.n, sizeof *t.bare.at, linux_by_address);
        f->btf = t.bare.at;
        f->n_btf = t.bare.n;
        try_best(&t, &t.btf, true);
        if (!f->done && !f->sys->candidates.n) {
            scan(&t, "looking for kallsyms", see_kallsyms);
            try_best(&t, &t.kallsyms, false);
        }
        f->btf = NULL;
        f->n_btf = 0;
        eg_vec_fini(&t.bare);
    }
}
