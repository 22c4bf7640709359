/* linux_slab_test.c - caches of the slab allocator: full slabs, free lists of each kind, sheaves;
 * and damage. */
#include "../../../plugins/linux/mm/slab.h"
#include "../../../plugins/linux/own/unheld.h"
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>
#include <stdlib.h>

#define HEAD_TYPES                                                                                 \
    MK_LIST_TYPES                                                                                  \
    "enum pageflags { PG_reserved, PG_slab };"                                                     \
    "struct atomic { int counter; };"                                                              \
    "typedef struct { long counter; } atomic_long_t;"                                              \
    "struct page { unsigned long flags, compound_head, mapping, index, private, pad[3];"           \
    "  unsigned int page_type; struct atomic _refcount; };"                                        \
    "struct order_objects { unsigned int x; };"                                                    \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"                                                 \
    "struct kernfs_elem_dir { struct rb_root children; };"                                         \
    "struct kernfs_elem_symlink { struct kernfs_node *target_kn; };"                               \
    "struct kernfs_node { const char *name; struct rb_node rb; struct kernfs_elem_dir dir;"        \
    "  struct kernfs_elem_symlink symlink; void *priv; unsigned short flags; };"                   \
    "struct kobject { struct kernfs_node *sd; };"                                                  \
    "struct kset { struct kobject kobj; };"                                                        \
    "struct task_struct { struct list_head tasks; int pid; char comm[16]; };"                      \
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"                     \
    "  struct list_head slab_list; void *freelist;"                                                \
    "  unsigned int inuse : 16, objects : 15, frozen : 1; };"
// Until 6.17 each CPU has a slab of its own; since 7.0 sheaves (mm/slab.h).
static const char cpu_types[] = HEAD_TYPES
    "struct kmem_cache_cpu { void *freelist; };"
    "struct kmem_cache_node { struct list_head partial; atomic_long_t total_objects; };"
    "struct kmem_cache { struct kmem_cache_cpu *cpu_slab; unsigned int size, object_size, offset,"
    "  red_left_pad; struct order_objects oo, min; unsigned long random; char *name;"
    "  struct list_head list; struct kobject kobj; struct kmem_cache_node *node[4]; };";
static const char sheaf_types[] = HEAD_TYPES
    "struct slab_sheaf { struct list_head barn_list; struct kmem_cache *cache; unsigned int size;"
    "  int node; void *objects[4]; };"
    "struct slub_percpu_sheaves { struct slab_sheaf *main, *spare, *rcu_free; };"
    "struct node_barn { struct list_head sheaves_full, sheaves_empty; };"
    "struct kmem_cache_node { struct list_head partial; atomic_long_t total_objects; };"
    "struct kmem_cache_per_node_ptrs { struct node_barn *barn; struct kmem_cache_node *node; };"
    "struct kmem_cache { struct slub_percpu_sheaves *cpu_sheaves; unsigned int size, object_size,"
    "  offset, red_left_pad, sheaf_capacity; struct order_objects oo, min; unsigned long random;"
    "  char *name; struct list_head list; struct kobject kobj;"
    "  struct kmem_cache_per_node_ptrs per_node[4]; };";

enum { RAM = 4 << 20, SIZE = 256, OFFSET = 64, N = 8, CPUS = 2 };

static const uint64_t offsets[CPUS] = { 0x100, 0x300 };

struct world {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t page, map, cache, caches, node, cpu;
    uint64_t slab[2]; // where the two slabs are in the map of all memory
};

static uint64_t page_of(const struct world *w, uint64_t va)
{
    return w->map + mk_physical(w->k, va) / w->page * (mk_at(w->k, 0, "page._refcount") + 4);
}

static uint64_t object(const struct world *w, int slab, uint64_t i)
{
    return w->slab[slab] + i * SIZE;
}

static void make_slab(const struct world *w, int i, uint64_t objects, uint64_t inuse, uint64_t free)
{
    const uint64_t page = page_of(w, w->slab[i]);

    mk_put(w->k, page, "page.flags", 2);
    mk_put(w->k, page, "slab.slab_cache", w->cache);
    mk_put(w->k, page, "slab.objects", objects);
    mk_put(w->k, page, "slab.inuse", inuse);
    mk_put(w->k, page, "slab.freelist", free);
}

/** Process 1 is the first object of slab 0, for its page has to be a slab's; slab 1 is full. */
static struct world make(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 4 * RAM : RAM, types), .m = m };
    uint64_t init = mk_object(w.k, "task_struct"), link, unused;

    w.page = mk_page_size(w.k);
    w.map = mk_alloc_aligned(w.k, (size_t)2048 * 96, w.page);
    w.caches = mk_object(w.k, "list_head");
    w.cache = mk_object(w.k, "kmem_cache");
    w.node = mk_object(w.k, "kmem_cache_node");
    mk_symbol(w.k, "init_task", init);
    mk_symbol(w.k, "vmemmap", w.map);
    mk_symbol(w.k, "slab_caches", w.caches);
    mk_put(w.k, w.cache, "kmem_cache.size", SIZE);
    mk_put(w.k, w.cache, "kmem_cache.object_size", SIZE - 56);
    mk_put(w.k, w.cache, "kmem_cache.offset", OFFSET);
    mk_put(w.k, w.cache, "kmem_cache.oo.x", N);
    mk_put(w.k, w.cache, "kmem_cache.min.x", N);
    link = mk_alloc(w.k, 16);
    mk_write(w.k, link, "things", 7);
    mk_put(w.k, w.cache, "kmem_cache.name", link);
    link = mk_at(w.k, w.cache, "kmem_cache.list");
    mk_list(w.k, w.caches, &link, 1);
    mk_list(w.k, mk_at(w.k, w.node, "kmem_cache_node.partial"), NULL, 0);
    mk_put(w.k, w.node, "kmem_cache_node.total_objects.counter", (uint64_t)2 * N);
    // Pages follow each other downwards in physical memory, and upwards in the map of all of it.
    unused = mk_alloc_aligned(w.k, 3 * w.page, w.page);
    w.slab[0] = unused + w.page;
    w.slab[1] = unused;
    mk_alias(w.k, unused, unused + 2 * w.page);
    mk_put(w.k, w.slab[0], "task_struct.pid", 1);
    mk_puts(w.k, w.slab[0], "task_struct.comm", "init");
    link = mk_at(w.k, w.slab[0], "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), &link, 1);
    return w;
}

/** What needs the system: pages, and the CPUs. */
static void finish(struct world *w)
{
    struct linux_state *s;

    make_slab(w, 0, N, N, 0);
    make_slab(w, 1, N, N, 0);
    // Makes the state, and tells the size of pages.
    mk_user_map(w->k, w->m, mk_user_root(w->k, w->m), 64 * w->page, w->slab[0]);
    s = linux_state(mk_system(w->k));
    s->percpu_offset = offsets;
    s->n_cpus = CPUS;
}

static struct world make_with_cpus_of(const struct mk_machine *m, const char *types)
{
    struct world w = make(m, types);

    w.cpu = mk_alloc(w.k, 0x600);
    mk_put(w.k, w.cache, "kmem_cache.cpu_slab", w.cpu);
    mk_write_ptr(w.k, mk_at(w.k, w.cache, "kmem_cache.node"), w.node);
    finish(&w);
    return w;
}

static struct world make_with_cpus(const struct mk_machine *m)
{
    return make_with_cpus_of(m, cpu_types);
}

/** Objects @list of a slab on a free list, each holding the next as @encode makes it. */
static uint64_t chain(const struct world *w, int slab, const int *list, size_t n, uint64_t random,
                      bool swapped)
{
    const bool wide = mk_model(w->k)->ptr_size == 8;

    for (size_t i = 0; i < n; i++) {
        const uint64_t at = object(w, slab, (uint64_t)list[i]) + OFFSET;
        uint64_t next = i + 1 < n ? object(w, slab, (uint64_t)list[i + 1]) : 0;

        if (random)
            next ^= random ^ (!swapped ? at
                              : wide   ? __builtin_bswap64(at)
                                       : __builtin_bswap32((uint32_t)at));
        mk_write_ptr(w->k, at, next);
    }
    return n ? object(w, slab, (uint64_t)list[0]) : 0;
}
#define CHAIN(w, slab, random, swapped, ...)                                                       \
    chain((w), (slab), (const int[]){ __VA_ARGS__ },                                               \
          sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int), (random), (swapped))

/** "a" allocated, "f" free, "-" not known: of both slabs by address, slab 1 first. */
static const char *states(const struct world *w)
{
    static char out[64];
    const char *rows = mk_rows(w->k, "slabs", (const char *[]){ "objects=things", NULL });
    size_t n = 0;

    for (const char *p = rows; p && *p && n + 1 < sizeof out; p = strchr(p, '\n')) {
        const char *end = strchr(p + 1, '\n'), *last = end ? end : p + strlen(p);

        if (*p == '\n')
            p++;
        while (last > p && last[-1] != '|')
            last--;
        out[n++] = *last == 't' ? 'f' : *last == 'f' ? 'a' : '-';
        if (!end)
            break;
    }
    out[n] = 0;
    return out;
}

static void full_ones(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_with_cpus(m);

        assert_string_equal(states(&w), "aaaaaaaaaaaaaaaa");
        assert_string_equal(mk_columns(mk_rows(w.k, "slabs", NULL), 1, 9),
                            "things|16|16|16|200|256|8|1|2");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(w.k);
    }
}

/** The free lists: plain, and hardened in both ways. /proc/slabinfo counts what a node has. */
static void free_lists(void **state)
{
    static const struct {
        uint64_t random;
        bool swapped;
    } kinds[] = { { 0, false }, { 0x5a17c0de, true }, { 0x5a17c0de, false } };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; i < countof(kinds); i++) {
            struct world w = make_with_cpus(m);
            const uint64_t random = kinds[i].random;
            uint64_t link;

            mk_put(w.k, w.cache, "kmem_cache.random", random);
            make_slab(&w, 0, N, N - 3, CHAIN(&w, 0, random, kinds[i].swapped, 7, 1, 4));
            make_slab(&w, 1, N, N - 1, CHAIN(&w, 1, random, kinds[i].swapped, 2));
            link = mk_at(w.k, page_of(&w, w.slab[1]), "slab.slab_list");
            mk_list(w.k, mk_at(w.k, w.node, "kmem_cache_node.partial"), &link, 1);
            assert_string_equal(states(&w), "aafaaaaaafaafaaf");
            // Only slab 1 is on the node's list.
            assert_string_equal(mk_columns(mk_rows(w.k, "slabs", NULL), 2, 4), "15|16|12");
            mk_free(w.k);
        }
    }
}

/** What a CPU took for itself counts as in use in its slab. */
static void of_cpus(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_with_cpus(m);

        make_slab(&w, 0, N, N - 1, CHAIN(&w, 0, 0, false, 3));
        mk_put(w.k, w.cpu + offsets[1], "kmem_cache_cpu.freelist", CHAIN(&w, 0, 0, false, 5, 6));
        assert_string_equal(states(&w), "aaaaaaaaaaafaffa");
        assert_string_equal(mk_columns(mk_rows(w.k, "slabs", NULL), 2, 4), "16|16|13");
        mk_free(w.k);
    }
}

static uint64_t sheaf(struct world *w, int slab, const int *list, size_t n)
{
    const uint64_t s = mk_object(w->k, "slab_sheaf"), at = mk_at(w->k, s, "slab_sheaf.objects");

    mk_put(w->k, s, "slab_sheaf.cache", w->cache);
    mk_put(w->k, s, "slab_sheaf.size", n);
    for (size_t i = 0; i < n; i++)
        mk_write_ptr(w->k, at + i * mk_model(w->k)->ptr_size, object(w, slab, (uint64_t)list[i]));
    return s;
}

/** An object in a sheaf is free, of a CPU and of the barn; behind the sheaf's size none is. */
static void sheaves(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, sheaf_types);
        uint64_t barn = mk_object(w.k, "node_barn"), full, own, link;

        w.cpu = mk_alloc(w.k, 0x600);
        mk_put(w.k, w.cache, "kmem_cache.cpu_sheaves", w.cpu);
        mk_put(w.k, w.cache, "kmem_cache.sheaf_capacity", 4);
        link = mk_at(w.k, w.cache, "kmem_cache.per_node");
        mk_write_ptr(w.k, link, barn);
        mk_write_ptr(w.k, link + mk_model(w.k)->ptr_size, w.node);
        full = sheaf(&w, 1, (const int[]){ 0, 1 }, 2);
        own = sheaf(&w, 0, (const int[]){ 6, 7, 3 }, 2); // 3 is behind its size
        link = mk_at(w.k, full, "slab_sheaf.barn_list");
        mk_list(w.k, mk_at(w.k, barn, "node_barn.sheaves_full"), &link, 1);
        finish(&w);
        mk_put(w.k, own, "slab_sheaf.size", 2);
        mk_put(w.k, w.cpu + offsets[1], "slub_percpu_sheaves.main", own);
        mk_put(w.k, w.cpu + offsets[0], "slub_percpu_sheaves.rcu_free",
               sheaf(&w, 0, (const int[]){ 5 }, 1));
        assert_string_equal(states(&w), "ffaaaaaaaaaaafff");
        assert_string_equal(mk_columns(mk_rows(w.k, "slabs", NULL), 2, 4), "16|16|11");
        mk_free(w.k);
    }
}

/** A sheaf of another cache, or one that claims more than it has room for, frees nothing. */
static void wrong_sheaves(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, sheaf_types);
        uint64_t other, huge;

        w.cpu = mk_alloc(w.k, 0x600);
        mk_put(w.k, w.cache, "kmem_cache.cpu_sheaves", w.cpu);
        mk_put(w.k, w.cache, "kmem_cache.sheaf_capacity", 4);
        other = sheaf(&w, 0, (const int[]){ 6 }, 1);
        mk_put(w.k, other, "slab_sheaf.cache", w.cache + 8);
        huge = sheaf(&w, 0, (const int[]){ 5 }, 1);
        mk_put(w.k, huge, "slab_sheaf.size", 0xfffffff0);
        finish(&w);
        mk_put(w.k, w.cpu + offsets[0], "slub_percpu_sheaves.main", other);
        mk_put(w.k, w.cpu + offsets[0], "slub_percpu_sheaves.spare", huge);
        assert_string_equal(states(&w), "aaaaaaaaaaaaaaaa");
        mk_free(w.k);
    }
}

/** A list that comes back to itself, that leaves its slab, that points into an object, and one of
 * another length than the slab says: of that slab nothing is known, of the other all is. */
static void damaged(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        for (int i = 0; i < 5; i++) {
            struct world w = make_with_cpus(m);
            uint64_t first = CHAIN(&w, 0, 0, false, 3, 4);

            if (i == 0)
                mk_write_ptr(w.k, object(&w, 0, 4) + OFFSET, object(&w, 0, 3));
            else if (i == 1)
                mk_write_ptr(w.k, object(&w, 0, 4) + OFFSET, object(&w, 1, 3));
            else if (i == 2)
                mk_write_ptr(w.k, object(&w, 0, 4) + OFFSET, object(&w, 0, 5) + 8);
            else if (i == 3)
                mk_write_ptr(w.k, object(&w, 0, 4) + OFFSET, 0x1230);
            make_slab(&w, 0, N, i == 4 ? N - 3 : N - 2, first);
            assert_string_equal(states(&w), "aaaaaaaa--------");
            assert_string_equal(mk_columns(mk_rows(w.k, "slabs", NULL), 3, 4), "16|8");
            assert_int_equal(mk_row_notes("8 objects are in slabs whose free lists"), 1);
            mk_free(w.k);
        }
    }
}

/** No slab: more objects than one of the cache has; a cache that there is not; one of KFENCE. What
 * the kernel counts and is not found, is said. */
static void no_slabs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        for (int i = 0; i < 3; i++) {
            struct world w = make_with_cpus(m);

            make_slab(&w, 1, i == 0 ? N + 1 : i == 1 ? N : 1, 0, 0);
            if (i == 1)
                mk_put(w.k, page_of(&w, w.slab[1]), "slab.slab_cache", w.cache + 64);
            assert_string_equal(states(&w), "aaaaaaaa");
            mk_rows(w.k, "slabs", NULL);
            assert_int_equal(mk_row_notes("8 objects more than were found"), 1);
            mk_free(w.k);
        }
    }
}

/** A cache that was merged into another has a symbolic link in /sys/kernel/slab. */
static void merged(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, cpu_types);
        uint64_t kset = mk_object(w.k, "kset"), dir = mk_object(w.k, "kernfs_node");
        uint64_t entry = mk_object(w.k, "kernfs_node"), target = mk_object(w.k, "kernfs_node");
        uint64_t place = mk_alloc(w.k, 8), name = mk_alloc(w.k, 16);
        struct eg_run *r;

        mk_symbol(w.k, "slab_kset", place);
        finish(&w);
        mk_write_ptr(w.k, place, kset);
        mk_write(w.k, name, "alike", 6);
        mk_put(w.k, kset, "kset.kobj.sd", dir);
        mk_put(w.k, dir, "kernfs_node.dir.children.rb_node", mk_at(w.k, entry, "kernfs_node.rb"));
        mk_put(w.k, entry, "kernfs_node.name", name);
        mk_put(w.k, entry, "kernfs_node.flags", 4);
        mk_put(w.k, entry, "kernfs_node.symlink.target_kn", target);
        mk_put(w.k, target, "kernfs_node.priv", mk_at(w.k, w.cache, "kmem_cache.kobj"));
        r = mk_run(w.k);
        assert_true(linux_cache_named(r, "alike").addr == w.cache);
        assert_int_equal(linux_cache_named(r, "alike").why, EG_OK);
        assert_int_equal(linux_cache_named(r, "alik").why, EG_ABSENT);
        mk_put(w.k, entry, "kernfs_node.flags", 1); // a directory
        assert_int_equal(linux_cache_named(r, "alike").why, EG_ABSENT);
        mk_free(w.k);
    }
}

/** By an address within an object, and between objects. */
static void places(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make_with_cpus(m);
        struct linux_slab_place p;
        struct eg_run *r;
        uint64_t cache;

        mk_put(w.k, w.cache, "kmem_cache.red_left_pad", 64);
        mk_put(w.k, w.cache, "kmem_cache.offset", 0);
        make_slab(&w, 1, N, N - 1, object(&w, 1, 2) + 64);
        mk_write_ptr(w.k, object(&w, 1, 2) + 64, 0);
        r = mk_run(w.k);
        assert_true(linux_slab_place_of(r, object(&w, 1, 2) + 100, &p, &cache));
        assert_true(p.object == object(&w, 1, 2) + 64 && p.free && p.known && cache == w.cache);
        assert_false(linux_slab_place_of(r, object(&w, 1, 2) + 63, &p, NULL)); // the red zone
        assert_false(linux_slab_place_of(r, object(&w, 1, N), &p, NULL));
        assert_int_equal(linux_slab_allocated(r, object(&w, 1, 2) + 64), 0);
        assert_int_equal(linux_slab_allocated(r, object(&w, 1, 3) + 64), 1);
        assert_int_equal(linux_slab_allocated(r, w.cache), -1);
        mk_free(w.k);
    }
}

#define FILE_TYPES                                                                                 \
    "struct super_block { int s_flags; };"                                                         \
    "struct inode { struct super_block *i_sb; };"                                                  \
    "struct dentry { struct inode *d_inode; };"                                                    \
    "struct path { struct dentry *dentry; };"
#define OLD_FILE                                                                                   \
    "struct file { atomic_long_t f_count; struct path f_path; struct inode *f_inode; };"
#define NEW_FILE                                                                                   \
    "struct file_ref { atomic_long_t refcnt; };"                                                   \
    "struct file { struct file_ref f_ref; struct path f_path; struct inode *f_inode; };"

static void make_file(const struct world *w, int i, bool old, int64_t users, uint64_t inode)
{
    const uint64_t file = object(w, 1, (uint64_t)i), dentry = mk_object(w->k, "dentry");

    mk_put(w->k, dentry, "dentry.d_inode", inode);
    mk_put(w->k, file, "file.f_path.dentry", dentry);
    mk_put(w->k, file, "file.f_inode", inode);
    mk_put(w->k, file, old ? "file.f_count.counter" : "file.f_ref.refcnt.counter",
           (uint64_t)(old ? users : users - 1));
}

/** Files in use that nobody is known to hold: not those on a free list, nor those without users,
 * which wait for their grace period. */
static void unheld(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        for (int old = 0; old < 2; old++) {
            char types[sizeof cpu_types + sizeof FILE_TYPES + sizeof NEW_FILE + 32];
            struct world w;
            struct linux_holders known;
            struct linux_holder held = { 0 };
            uint64_t inode, sb, name, *list;
            struct eg_run *r;

            snprintf(types, sizeof types, "%s%s%s", cpu_types, FILE_TYPES,
                     old ? OLD_FILE : NEW_FILE);
            w = make_with_cpus_of(m, types);
            name = mk_alloc(w.k, 16);
            mk_write(w.k, name, "filp", 5);
            mk_put(w.k, w.cache, "kmem_cache.name", name);
            inode = mk_object(w.k, "inode");
            sb = mk_object(w.k, "super_block");
            mk_put(w.k, inode, "inode.i_sb", sb);
            for (int i = 0; i < 6; i++)
                make_file(&w, i, old, i == 3 ? 0 : 1, inode);
            make_file(&w, 5, old, 1, 0x10); // no inode
            make_slab(&w, 1, N, N - 1, CHAIN(&w, 1, 0, false, 4));
            held.file = object(&w, 1, 1);
            known = (struct linux_holders){ &held, 1 };
            r = mk_run(w.k);
            assert_int_equal(linux_unheld_files(r, &known, &list), 2);
            assert_true(list[0] == object(&w, 1, 0) && list[1] == object(&w, 1, 2));
            mk_free(w.k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_ones), cmocka_unit_test(free_lists),    cmocka_unit_test(of_cpus),
        cmocka_unit_test(sheaves),   cmocka_unit_test(wrong_sheaves), cmocka_unit_test(damaged),
        cmocka_unit_test(no_slabs),  cmocka_unit_test(merged),        cmocka_unit_test(places),
        cmocka_unit_test(unheld),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
