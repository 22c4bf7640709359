/* slab_table.c - all slabs of a system, and which of their objects are free (mm/slub.c).
 *
 *  A full slab is on no list, so slabs are found through the kernel's array of struct page. What is
 * free is on the free list of its slab, on that of a CPU (cpu_slab, until 7.0), or in a sheaf: an
 * array of pointers to objects, of a CPU or in the barn of a node (6.18; of all caches since 7.0).
 */
#include "slab_table.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../sched/task.h"
#include "../state.h"

EG_FIELD_AS(page_slab_list, page, "slab_list|lru"); // 5.1
EG_FIELD_AS(cache_oo, kmem_cache, "oo.x");
EG_FIELD_AS(cache_min, kmem_cache, "min.x");
EG_FIELDS(kmem_cache_node, partial, barn);       // barn: 6.18 to 7.0
EG_FIELDS(kmem_cache_per_node_ptrs, node, barn); // since 7.1
EG_FIELDS(kmem_cache_cpu, freelist);
EG_FIELDS(slub_percpu_sheaves, main, spare, rcu_free);
EG_FIELDS(slab_sheaf, barn_list, cache, size, objects);
EG_FIELDS(node_barn, sheaves_full);
EG_SYMBOL(nr_node_ids, "unsigned int");

enum { CACHES_MAX = 1 << 16, NODES_MAX = 1 << 10, SHEAF_MAX = 1 << 12, PAGES_FEW = 1 << 12 };

/* ---- finding a slab ---- */

struct linux_slab *linux_slab_holding(const struct linux_slabs *s, uint64_t va)
{
    size_t low = 0, high = s->slabs.n;
    struct linux_slab *slab;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (s->slabs.at[mid].va <= va)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low)
        return NULL;
    slab = &s->slabs.at[low - 1];
    return va - slab->va < s->caches.at[slab->cache].size * slab->objects ? slab : NULL;
}

static struct linux_slab *slab_of_page(const struct linux_slabs *s, uint64_t page)
{
    size_t low = 0, high = s->slabs.n;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (s->slabs.at[mid].page == page)
            return &s->slabs.at[mid];
        if (s->slabs.at[mid].page < page)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

uint32_t linux_slab_index(const struct linux_slabs *s, const struct linux_slab *slab, uint64_t va)
{
    const struct linux_slab_cache *c = &s->caches.at[slab->cache];
    const uint64_t in = va - slab->va;

    return va < slab->va || in / c->size >= slab->objects || in % c->size < c->pad
               ? UINT32_MAX
               : (uint32_t)(in / c->size);
}

/* ---- caches ---- */

static int by_address(const void *a, const void *b)
{
    const struct linux_slab_cache *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Objects and order of a slab in one word: struct kmem_cache_order_objects. */
enum { OO_SHIFT = 16, OO_MASK = (1 << OO_SHIFT) - 1, ORDER_MAX = 20 };

static bool read_cache(struct eg_obj cache, struct linux_slab_cache *out)
{
    uint32_t oo, least;

    *out = (struct linux_slab_cache){ .addr = cache.addr };
    if (!eg_get(&out->size, cache, kmem_cache.size) || out->size < cache.bind->model.ptr_size ||
        out->size > UINT32_MAX || !eg_get(&oo, cache, cache_oo) || oo >> OO_SHIFT > ORDER_MAX)
        return false;
    least = eg_get_or(oo, cache, cache_min);
    out->usual = oo & OO_MASK;
    out->most = EG_MAX(out->usual, least & OO_MASK);
    out->order = oo >> OO_SHIFT;
    out->pad = eg_get_or(UINT64_C(0), cache, kmem_cache.red_left_pad);
    out->offset = eg_get_or(UINT64_C(0), cache, kmem_cache.offset);
    out->random = eg_get_or(UINT64_C(0), cache, kmem_cache.random);
    return out->pad < out->size && out->offset < out->size;
}

static void take_caches(struct eg_run *r, struct linux_slabs *s)
{
    struct eg_obj cache;

    linux_each_cache(r, cache)
    {
        struct linux_slab_cache c, *new;

        if (s->caches.n == CACHES_MAX)
            break;
        if (!read_cache(cache, &c)) {
            eg_note(r, "the cache at %#llx has sizes that cannot be true: its objects are not told",
                    (unsigned long long)cache.addr);
            continue;
        }
        new = eg_vec_push(&s->caches);
        if (!new) {
            s->failed = true;
            return;
        }
        *new = c;
    }
    if (s->caches.n)
        qsort(s->caches.at, s->caches.n, sizeof *s->caches.at, by_address);
}

uint32_t linux_slab_cache_at(const struct linux_slabs *s, uint64_t addr)
{
    const struct linux_slab_cache key = { .addr = addr }, *c;

    c = s->caches.n ? bsearch(&key, s->caches.at, s->caches.n, sizeof *s->caches.at, by_address)
                    : NULL;
    return c ? (uint32_t)(c - s->caches.at) : UINT32_MAX;
}

/* ---- slabs ---- */

/** One pass over the struct pages. */
struct pass {
    struct eg_run *r;
    struct linux_slabs *s;
    const struct linux_memmap *m;
    struct linux_page_type type;
    uint64_t off;   // of the word that says whether it is a slab
    unsigned bytes; // of that
    uint64_t delta; // virtual - physical
    uint64_t left;  // struct pages that may still be looked at
};

static void take_slab(struct pass *p, uint64_t pfn, uint64_t at)
{
    struct eg_obj page = eg_object(p->r, page, at), slab = eg_cast(page, slab);
    const bool own_type = !slab.why && eg_has(p->r, slab.slab_cache); // since 5.17
    const uint64_t va = (pfn << p->m->shift) + p->delta;
    const struct linux_slab_cache *c;
    struct linux_slab *new;
    uint64_t cache;
    uint32_t objects, inuse, n;

    if (own_type ? !eg_get(&cache, slab, slab.slab_cache) ||
                       !eg_get(&objects, slab, slab.objects) || !eg_get(&inuse, slab, slab.inuse)
                 : !eg_get(&cache, page, page.slab_cache) ||
                       !eg_get(&objects, page, page.objects) || !eg_get(&inuse, page, page.inuse))
        return;
    n = linux_slab_cache_at(p->s, cache);
    if (n == UINT32_MAX || !objects)
        return;
    c = &p->s->caches.at[n];
    // KFENCE makes pages with one object look like slabs of the object's cache.
    if (objects > c->most || (objects == 1 && c->size <= (UINT64_C(1) << p->m->shift) / 2))
        return;
    if (p->s->slabs.n) { // slabs do not overlap
        const struct linux_slab *before = &p->s->slabs.at[p->s->slabs.n - 1];

        if (va - before->va < p->s->caches.at[before->cache].size * before->objects)
            return;
    }
    new = eg_vec_push(&p->s->slabs);
    if (!new) {
        p->s->failed = true;
        return;
    }
    *new = (struct linux_slab){ .va = va,
                                .page = at,
                                .bits = p->s->n_bits,
                                .cache = n,
                                .objects = objects,
                                .inuse = EG_MIN(inuse, objects),
                                .known = inuse <= objects };
    p->s->n_bits += objects;
}

/** The word of @pfn is not there: to the last one before what is mapped next. @return false: none
 * is, up to @last. */
static bool skip(struct pass *p, uint64_t *pfn, uint64_t last)
{
    const uint64_t base = p->m->base + p->off, from = base + *pfn * p->m->size;
    struct eg_view *v = eg_view_of(p->r);
    uint64_t next = (from | (EG_VIEW_PAGE - 1)) + 1;
    struct eg_extent x;

    p->left -= EG_MIN(p->left, EG_VIEW_PAGE / p->m->size);
    if (!eg_next_mapped(v, eg_kernel(p->r), from, base + last * p->m->size, &x)) {
        if (v->why) // tables that go on and on
            p->left = 0;
        return false;
    }
    if (x.start > from)
        next = x.start;
    *pfn = (next - base - 1) / p->m->size;
    return true;
}

/** Pages [first, last] of physical memory. */
static void take_pages(struct pass *p, uint64_t first, uint64_t last)
{
    const struct linux_memmap *m = p->m;
    const bool big = eg_binding_of(p->r)->model.big_endian;
    struct eg_view *v = eg_view_of(p->r);
    struct eg_space *as = eg_kernel(p->r);

    if (m->base > UINT64_MAX - m->size)
        return;
    last = EG_MIN(last, (UINT64_MAX - m->base) / m->size - 1); // the array ends with the addresses
    for (uint64_t pfn = first; pfn <= last && p->left && !p->s->failed; pfn++) {
        const uint64_t at = m->base + pfn * m->size;
        const uint8_t *word = eg_bytes(v, as, at + p->off, p->bytes);
        uint64_t value;

        if (!(--p->left & 0xffff) && eg_stopped(p->r))
            return;
        if (!word) {
            if (!skip(p, &pfn, last))
                return;
            continue;
        }
        value = eg_load_(word, p->bytes, big);
        if (m->slab_flag < 64 ? value >> m->slab_flag & 1 : (value & p->type.mask) == p->type.value)
            take_slab(p, pfn, at);
    }
}

static bool prepare(struct pass *p)
{
    struct eg_obj init = linux_init(p->r);
    const struct eg_slot *word;
    uint64_t pa;

    p->m = linux_memmap(p->r);
    if (!p->m || !p->m->found || !p->m->size || p->m->size > EG_VIEW_PAGE ||
        !eg_translate(eg_view_of(p->r), eg_kernel(p->r), init.addr, eg_physical(p->r), &pa))
        return false;
    p->delta = init.addr - pa; // it lies in a slab, so in the map of all memory
    for (size_t i = 0; i < countof(p->m->types); i++)
        if (p->m->types[i].name && !strcmp(p->m->types[i].name, "slab"))
            p->type = p->m->types[i];
    word = eg_slot(p->r, p->m->slab_flag < 64 ? eg_f_page_flags.id : eg_f_page.page_type.id);
    if (!word->kind || word->size > 8 || (p->m->slab_flag >= 64 && !p->type.mask))
        return false;
    p->off = word->off;
    p->bytes = word->size;
    // The array is a part of memory, which it cannot be larger than, whatever the image claims.
    p->left = eg_stored_bytes(eg_view_of(p->r), eg_physical(p->r)) / p->m->size + PAGES_FEW;
    return true;
}

static void take_slabs(struct eg_run *r, struct linux_slabs *s)
{
    struct pass p = { .r = r, .s = s };
    struct eg_space *phys = eg_physical(r);
    struct eg_extent x;
    uint64_t next = 0; // page

    if (!prepare(&p))
        return;
    for (uint64_t at = 0; eg_next_mapped(eg_view_of(r), phys, at, phys->last, &x);
         at = x.last + 1) {
        const uint64_t first = EG_MAX(x.start >> p.m->shift, next), last = x.last >> p.m->shift;

        if (first <= last)
            take_pages(&p, first, last);
        next = last + 1;
        if (x.last == phys->last || s->failed || eg_stopped(r) || !p.left)
            break;
    }
    if (!p.left)
        eg_note(r, "more memory is claimed than can have a struct page: not all of it was searched "
                   "for slabs");
}

/* ---- what is free ---- */

/* A free object holds the address of the next. Hardened (CONFIG_SLAB_FREELIST_HARDENED) it is XORed
 * with a number of the cache and the address where it is stored, whose bytes are swapped since
 * 5.7 (1ad53d9fa3f6). No member tells the two apart: only one of them leads into the slab. */
static uint64_t decode(const struct linux_slab_cache *c, uint64_t word, uint64_t at, bool swapped,
                       unsigned bytes)
{
    if (!c->random)
        return word;
    if (swapped)
        at = bytes == 8 ? __builtin_bswap64(at) : __builtin_bswap32((uint32_t)at);
    return word ^ c->random ^ at;
}

static bool is_place(const struct linux_slabs *s, const struct linux_slab *slab, uint64_t va)
{
    const uint32_t i = linux_slab_index(s, slab, va);
    const struct linux_slab_cache *c = &s->caches.at[slab->cache];

    return i != UINT32_MAX && va == slab->va + i * c->size + c->pad;
}

static bool set_free(const struct linux_slabs *s, const struct linux_slab *slab, uint64_t va)
{
    const uint64_t bit = slab->bits + linux_slab_index(s, slab, va);

    if (s->free[bit / 8] >> bit % 8 & 1)
        return false;
    s->free[bit / 8] |= (uint8_t)(1u << bit % 8);
    return true;
}

/** Mark the objects from @object on. @return how many; UINT32_MAX: the list is damaged. */
static uint32_t walk_free(struct eg_run *r, const struct linux_slabs *s,
                          const struct linux_slab *slab, uint64_t object)
{
    const struct linux_slab_cache *c = &s->caches.at[slab->cache];
    const struct eg_model *model = &eg_binding_of(r)->model;
    uint32_t n;

    for (n = 0; object; n++) {
        const uint64_t at = object + c->offset;
        const uint8_t *p;
        uint64_t word;

        // A list that comes back to itself meets what it has marked.
        if (!is_place(s, slab, object) || !set_free(s, slab, object))
            return UINT32_MAX;
        p = eg_bytes(eg_view_of(r), eg_kernel(r), at, model->ptr_size);
        if (!p)
            return UINT32_MAX;
        word = eg_load_(p, model->ptr_size, model->big_endian);
        object = decode(c, word, at, true, model->ptr_size);
        if (object && !is_place(s, slab, object)) {
            const uint64_t plain = decode(c, word, at, false, model->ptr_size);

            object = !plain || is_place(s, slab, plain) ? plain : object;
        }
    }
    return n;
}

static void walk_slabs(struct eg_run *r, const struct linux_slabs *s)
{
    const bool own_type = eg_has(r, slab.slab_cache);

    for (size_t i = 0; i < s->slabs.n && !eg_stopped(r); i++) {
        struct linux_slab *slab = &s->slabs.at[i];
        struct eg_obj page = eg_object(r, page, slab->page);
        uint64_t first;

        if (own_type ? !eg_get(&first, eg_cast(page, slab), slab.freelist)
                     : !eg_get(&first, page, page.freelist))
            slab->known = false;
        // The list and its length are written together (cmpxchg16b) or under a lock.
        else if (walk_free(r, s, slab, first) != slab->objects - slab->inuse)
            slab->known = false;
    }
}

/** A pointer to a per-CPU object, of @cpu. */
static uint64_t percpu(struct eg_run *r, uint64_t pointer, unsigned cpu)
{
    return pointer + linux_state(eg_system_of(r))->percpu_offset[cpu];
}

static unsigned cpus(struct eg_run *r)
{
    const struct linux_state *s = linux_state(eg_system_of(r));

    return s->percpu_offset ? s->n_cpus : 0;
}

/* What a CPU took from its slab for itself. */
static void walk_cpu_slab(struct eg_run *r, const struct linux_slabs *s, struct eg_obj cache)
{
    uint64_t pointer, first;

    if (!eg_get(&pointer, cache, kmem_cache.cpu_slab))
        return;
    for (unsigned cpu = 0; cpu < cpus(r); cpu++) {
        struct eg_obj c = eg_object(r, kmem_cache_cpu, percpu(r, pointer, cpu));
        struct linux_slab *slab;

        if (!eg_get(&first, c, kmem_cache_cpu.freelist) || !first)
            continue;
        slab = linux_slab_holding(s, first);
        if (slab && s->caches.at[slab->cache].addr == cache.addr &&
            walk_free(r, s, slab, first) == UINT32_MAX)
            slab->known = false;
    }
}

static void take_sheaf(struct eg_run *r, const struct linux_slabs *s, struct eg_obj cache,
                       struct eg_obj sheaf)
{
    struct eg_obj objects = eg_at(sheaf, slab_sheaf.objects);
    const unsigned bytes = eg_binding_of(r)->model.ptr_size;
    const bool big = eg_binding_of(r)->model.big_endian;
    const uint32_t capacity = eg_get_or((uint32_t)SHEAF_MAX, cache, kmem_cache.sheaf_capacity);
    uint32_t n;

    if (objects.why || !eg_get(&n, sheaf, slab_sheaf.size) || n > capacity || n > SHEAF_MAX ||
        eg_get_or(cache.addr, sheaf, slab_sheaf.cache) != cache.addr)
        return;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = eg_bytes(eg_view_of(r), sheaf.space, objects.addr + i * bytes, bytes);
        const uint64_t va = p ? eg_load_(p, bytes, big) : 0;
        struct linux_slab *slab = va ? linux_slab_holding(s, va) : NULL;

        if (slab && s->caches.at[slab->cache].addr == cache.addr && is_place(s, slab, va))
            set_free(s, slab, va);
    }
}

static void walk_sheaves(struct eg_run *r, const struct linux_slabs *s, struct eg_obj cache)
{
    struct linux_slab_node node;
    struct eg_obj sheaf;
    uint64_t pointer;

    if (!eg_get(&pointer, cache, kmem_cache.cpu_sheaves) || !pointer)
        return;
    for (unsigned cpu = 0; cpu < cpus(r); cpu++) {
        struct eg_obj c = eg_object(r, slub_percpu_sheaves, percpu(r, pointer, cpu));

        take_sheaf(r, s, cache, eg_deref(eg_at(c, slub_percpu_sheaves.main)));
        take_sheaf(r, s, cache, eg_deref(eg_at(c, slub_percpu_sheaves.spare)));
        take_sheaf(r, s, cache, eg_deref(eg_at(c, slub_percpu_sheaves.rcu_free)));
    }
    for (uint32_t i = 0; linux_slab_node(r, cache, i, &node); i++)
        if (!node.barn.why)
            eg_each_list(sheaf, eg_at(node.barn, node_barn.sheaves_full), slab_sheaf.barn_list)
                take_sheaf(r, s, cache, sheaf);
}

bool linux_slab_node(struct eg_run *r, struct eg_obj cache, uint32_t i, struct linux_slab_node *out)
{
    uint32_t nodes = 1;

    eg_load(&nodes, eg_sym(r, nr_node_ids)); // without NUMA there is no such variable
    // The array is declared for all nodes that could be; an object has room for those there are.
    if (i >= nodes || i >= NODES_MAX)
        return false;
    if (eg_has(r, kmem_cache.per_node)) {
        struct eg_obj both = eg_index(eg_at(cache, kmem_cache.per_node), i);

        out->node = eg_deref(eg_at(both, kmem_cache_per_node_ptrs.node));
        out->barn = eg_deref(eg_at(both, kmem_cache_per_node_ptrs.barn));
    } else {
        out->node = eg_deref(eg_index(eg_at(cache, kmem_cache.node), i));
        out->barn = eg_deref(eg_at(out->node, kmem_cache_node.barn));
    }
    return true;
}

static void walk_partial(struct eg_run *r, const struct linux_slabs *s, struct eg_obj cache)
{
    const bool own_type = eg_has(r, slab.slab_cache);
    struct linux_slab_node node;
    struct linux_slab *slab;
    struct eg_obj page;

    for (uint32_t i = 0; linux_slab_node(r, cache, i, &node); i++) {
        if (node.node.why)
            continue;
        if (own_type) {
            eg_each_list(page, eg_at(node.node, kmem_cache_node.partial), slab.slab_list)
                if ((slab = slab_of_page(s, page.addr)))
                    slab->partial = true;
        } else {
            eg_each_list(page, eg_at(node.node, kmem_cache_node.partial), page_slab_list)
                if ((slab = slab_of_page(s, page.addr)))
                    slab->partial = true;
        }
    }
}

/* ---- all of it ---- */

/** Of all caches in one pass: there can be many of them, and of slabs. */
static void count(struct linux_slabs *s)
{
    for (size_t i = 0; i < s->caches.n; i++) {
        struct linux_slab_cache *c = &s->caches.at[i];

        c->counts =
            (struct linux_slab_counts){ .per_slab = c->usual, .slab_pages = 1u << c->order };
    }
    for (size_t i = 0; i < s->slabs.n; i++) {
        const struct linux_slab *slab = &s->slabs.at[i];
        struct linux_slab_counts *out = &s->caches.at[slab->cache].counts;

        out->slabs++;
        out->objects += slab->objects;
        out->active += slab->partial ? slab->inuse : slab->objects;
        if (!slab->known)
            out->unknown += slab->objects;
        else
            for (uint32_t j = 0; j < slab->objects; j++)
                out->allocated += !linux_slab_is_free(s, slab, j);
    }
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct linux_slabs *s = kept;
    struct eg_obj cache;

    (void)sys;
    take_caches(r, s);
    if (!s->failed)
        take_slabs(r, s);
    if (!s->failed)
        s->free = calloc(1, s->n_bits / 8 + 1);
    if (s->failed || !s->free) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for the table of slabs");
        return false;
    }
    walk_slabs(r, s);
    if (!s->slabs.n) // without struct page no list leads to one
        return !eg_stopped(r);
    linux_each_cache(r, cache)
    {
        walk_cpu_slab(r, s, cache);
        walk_sheaves(r, s, cache);
        walk_partial(r, s, cache);
    }
    count(s);
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct linux_slabs *s = kept;

    eg_vec_fini(&s->caches);
    eg_vec_fini(&s->slabs);
    free(s->free);
    s->free = NULL;
}

static const struct eg_cache all_slabs = { .size = sizeof(struct linux_slabs),
                                           .make = make,
                                           .fini = forget };

const struct linux_slabs *linux_slabs(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &all_slabs);
}
