/* linux_owners_test.c - what there is to search, each page once, and who uses a page. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include "search.h"
#include <pthread.h>
#include <stdio.h>

static const char types[] = MK_LIST_TYPES
    "enum pageflags { PG_reserved, PG_slab };"
    "struct atomic { int counter; };"
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"
    "  unsigned long index, private; unsigned int page_type; struct atomic _refcount; };"
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"
    "  unsigned int objects; };"
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"
    "struct anon_vma { struct anon_vma *root; };"
    "struct address_space { struct inode *host; };"
    "struct file_system_type { char *name; };"
    "struct dentry { int d_flags; };"
    "struct super_block { struct file_system_type *s_type; struct dentry *s_root; };"
    "struct inode { unsigned short i_mode; struct super_block *i_sb; unsigned long i_ino;"
    "  struct address_space *i_mapping; struct address_space i_data; };"
    "struct vm_area_struct { unsigned long vm_start, vm_end; struct mm_struct *vm_mm;"
    "  unsigned long vm_flags, vm_pgoff; struct file *vm_file; void *vm_ops, *vm_private_data;"
    "  struct vm_area_struct *vm_next; };"
    "struct mm_struct { struct vm_area_struct *mmap; int map_count; unsigned long task_size;"
    "  unsigned long start_brk, brk, start_stack; void *pgd; };"
    "struct signal_struct { struct list_head thread_head; };"
    "struct task_struct { struct list_head tasks, thread_node; int pid; struct mm_struct *mm;"
    "  struct signal_struct *signal; char comm[16]; };";

enum { RAM = 4 << 20, TASKS = 3, PAGES = 4 };

struct world {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t page;        // a page's bytes
    uint64_t task[TASKS]; // 2 is a kernel thread
    uint64_t mm[2], root[2], vma[2];
    uint64_t at[PAGES]; // pages of memory
    uint64_t user;      // where processes have them
    uint64_t map;       // struct page of page 0
    uint64_t cache;
};

/** The struct page of kernel memory at @va. */
static uint64_t page_of(const struct world *w, uint64_t va)
{
    const uint64_t size = mk_at(w->k, 0, "page._refcount") + 4; // the last member

    return w->map + mk_physical(w->k, va) / w->page * size;
}

static void make_slab(const struct world *w, uint64_t va, uint64_t objects)
{
    mk_put(w->k, page_of(w, va), "page.flags", 2);
    mk_put(w->k, page_of(w, va), "slab.slab_cache", w->cache);
    mk_put(w->k, page_of(w, va), "slab.objects", objects);
}

static void make_process(struct world *w, int i)
{
    w->mm[i] = mk_object(w->k, "mm_struct");
    w->root[i] = mk_user_root(w->k, w->m);
    w->vma[i] = mk_object(w->k, "vm_area_struct");
    mk_put(w->k, w->mm[i], "mm_struct.pgd", w->root[i]);
    mk_put(w->k, w->mm[i], "mm_struct.mmap", w->vma[i]);
    mk_put(w->k, w->mm[i], "mm_struct.map_count", 1);
    mk_put(w->k, w->mm[i], "mm_struct.task_size", 1 << 30);
    mk_put(w->k, w->vma[i], "vm_area_struct.vm_mm", w->mm[i]);
    mk_put(w->k, w->vma[i], "vm_area_struct.vm_start", w->user);
    mk_put(w->k, w->vma[i], "vm_area_struct.vm_end", w->user + 8 * w->page);
    mk_put(w->k, w->task[i], "task_struct.mm", w->mm[i]);
}

/** Page @n of the process @i is this page of memory. */
static void map(const struct world *w, int i, uint64_t n, uint64_t to)
{
    mk_user_map(w->k, w->m, w->root[i], w->user + n * w->page, to);
}

static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 4 * RAM : RAM, types), .m = m };
    uint64_t init = mk_object(w.k, "task_struct"), links[TASKS], name, node;

    w.page = mk_page_size(w.k);
    w.user = 64 * w.page;
    mk_symbol(w.k, "init_task", init);
    w.map = mk_alloc_aligned(w.k, (size_t)1024 * 64, w.page);
    mk_symbol(w.k, "vmemmap", w.map);
    w.cache = mk_object(w.k, "kmem_cache");
    name = mk_alloc(w.k, 16);
    mk_write(w.k, name, "things", 7);
    mk_put(w.k, w.cache, "kmem_cache.name", name);
    mk_put(w.k, w.cache, "kmem_cache.size", 192);
    node = mk_at(w.k, w.cache, "kmem_cache.list");
    mk_list(w.k, mk_alloc(w.k, 64), &node, 1);
    mk_alloc_aligned(w.k, 1, w.page);
    for (int i = 0; i < TASKS; i++) {
        w.task[i] = mk_object(w.k, "task_struct");
        links[i] = mk_at(w.k, w.task[i], "task_struct.tasks");
        mk_put(w.k, w.task[i], "task_struct.pid", (uint64_t)i + 1);
        mk_puts(w.k, w.task[i], "task_struct.comm", i == 2 ? "kthread" : i ? "two" : "one");
    }
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), links, TASKS);
    for (int i = 0; i < PAGES; i++)
        w.at[i] = mk_alloc_aligned(w.k, w.page, w.page);
    for (int i = 0; i < 2; i++)
        make_process(&w, i);
    map(&w, 0, 0, w.at[0]);
    map(&w, 1, 0, w.at[3]);
    make_slab(&w, w.task[0], w.page / 192);
    linux_state(mk_system(w.k))->image_start = init;
    linux_state(mk_system(w.k))->image_end = init + 1;
    return w;
}

/* ---- regions ---- */

static const struct eg_plugin asking = { .args = EG_ARGS(EG_ARG(pid, INT, "")) };
static const struct eg_plugin_reg asking_reg = { "asking", __FILE__, &asking };

/** "1:0-1 2:j3" : whose, first and last page of the region, or where two pages join. */
static const char *regions_of(const struct world *w, const char *pid)
{
    static char out[1024];
    const struct eg_given_arg given = { "pid", pid };
    const struct eg_run_options o = { .args = &given, .n_args = pid != NULL, .quiet = true };
    struct eg_system *sys = mk_system(w->k);
    struct eg_regions all = { 0 };
    struct eg_run *r;
    size_t n = 0;

    assert_int_equal(eg_run_open(&r, sys, &o, NULL), 0);
    r->plugin = &asking_reg;
    assert_int_equal(sys->os->memory->regions(r, false, 16, &all), 0);
    *out = 0;
    for (size_t i = 0; i < all.list.n; i++) {
        const struct eg_region *x = &all.list.at[i];

        if (x->join) {
            assert_true(x->first == x->join - 16 && x->last == x->join + 15);
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%d:j%d", i ? " " : "", (int)x->pid,
                                  (int)((x->join - w->user) / w->page));
        } else {
            assert_int_equal((x->last + 1) % w->page, 0);
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%d:%d-%d", i ? " " : "", (int)x->pid,
                                  (int)((x->first - w->user) / w->page),
                                  (int)((x->last - w->user) / w->page));
        }
    }
    eg_vec_fini(&all.list);
    eg_run_close(r);
    return out;
}

static void regions(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        mk_rows(w.k, "whatis", (const char *[]){ "at=init_task", NULL }); // makes the system
        assert_string_equal(regions_of(&w, NULL), "1:0-0 2:0-0");
        // 0 1 2 in one; the other has 1 2 too, in the same order: nothing new but its own page.
        map(&w, 0, 1, w.at[1]);
        map(&w, 0, 2, w.at[2]);
        map(&w, 1, 2, w.at[1]);
        map(&w, 1, 3, w.at[2]);
        assert_string_equal(regions_of(&w, NULL), "1:0-2 2:0-0");
        assert_string_equal(regions_of(&w, "2"), "2:0-0 2:2-3");
        assert_string_equal(regions_of(&w, "3"), "");
        // Its own page just before them: what lies across is new. And 2 before 1 is.
        map(&w, 1, 1, w.at[3]);
        assert_string_equal(regions_of(&w, NULL), "1:0-2 2:0-0 2:j1 2:j2");
        map(&w, 1, 4, w.at[1]);
        map(&w, 1, 5, w.at[2]); // a pair that is known
        assert_string_equal(regions_of(&w, NULL), "1:0-2 2:0-0 2:j1 2:j2 2:j4");
        // Another mapping begins: nothing goes on across.
        mk_put(w.k, w.vma[1], "vm_area_struct.vm_end", w.user + 4 * w.page);
        assert_string_equal(regions_of(&w, NULL), "1:0-2 2:0-0 2:j1 2:j2");
        // Two processes with one address space.
        mk_put(w.k, w.task[1], "task_struct.mm", w.mm[0]);
        assert_string_equal(regions_of(&w, NULL), "1:0-2");
        assert_string_equal(regions_of(&w, "2"), "2:0-2");
        mk_free(w.k);
    }
}

/* ---- owners ---- */

/** Rows of whatis from KIND on, without ADDRESS. */
static const char *owners_of(const struct world *w, uint64_t va)
{
    static char out[2048];
    char at[40];
    const char *line;
    size_t n = 0;

    snprintf(at, sizeof at, "at=0x%llx", (unsigned long long)va);
    for (line = mk_rows(w->k, "whatis", (const char *[]){ at, NULL }); *line; line++) {
        int column = 0;

        for (; *line && *line != '\n'; line++) {
            column += *line == '|';
            if (column >= 2 && column != 5 && !(column == 2 && *line == '|'))
                out[n++] = *line;
        }
        if (!*line)
            break;
        out[n++] = '\n';
    }
    out[n] = 0;
    return out;
}

static void processes(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        char wanted[128];
        char want[64];

        map(&w, 1, 5, w.at[0]);
        mk_put(w.k, page_of(&w, w.at[0]), "page._refcount.counter", 2);
        snprintf(want, sizeof want, "process|1|one||0x123\nprocess|2|two||%#x",
                 5u << m->page_shift | 0x123);
        snprintf(wanted, sizeof wanted, "process|1|one||0x123\nprocess|2|two||0x%llx",
                 (unsigned long long)(5 * w.page + 0x123));
        assert_string_equal(owners_of(&w, w.at[0] + 0x123), wanted);
        if (m->arch) // the invented one does not tell its tables
            assert_string_equal(owners_of(&w, w.root[1] + 8), "page table|2|two||0x8");
        assert_string_equal(mk_rows(w.k, "whatis", (const char *[]){ "at=0x10", NULL }),
                            "0x10|-||||||");
        assert_int_equal(mk_row_notes("--pid says in which"), m->arch != NULL);
        mk_rows(w.k, "whatis", (const char *[]){ "at=0xfffffffffffff000", NULL });
        assert_int_equal(mk_row_notes("--pid says in which"), 0);
        mk_rows(w.k, "whatis", (const char *[]){ "at=0x10", "physical", NULL });
        assert_int_equal(mk_row_notes("--pid says in which"), 0);
        mk_free(w.k);
    }
}

static void slabs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        make_slab(&w, w.at[1], w.page / 192);
        assert_string_equal(owners_of(&w, w.at[1] + 192 + 5), "slab|||things|0x5");
        assert_string_equal(owners_of(&w, w.at[1]), "slab|||things|0x0");
        // One object where many have room: no slab that is laid out as such.
        make_slab(&w, w.at[1], 1);
        assert_string_equal(owners_of(&w, w.at[1] + 5), "slab|||things|0x5");
        // A tail says where the head is; one that says nonsense is not believed.
        mk_put(w.k, page_of(&w, w.at[1]), "page.flags", 0);
        mk_put(w.k, page_of(&w, w.at[1]), "page.compound_head", w.map + 3);
        assert_string_equal(owners_of(&w, w.at[1]), "unknown||||0x0");
        // A cache that is on no list.
        make_slab(&w, w.at[2], 3);
        mk_put(w.k, page_of(&w, w.at[2]), "slab.slab_cache", w.at[3]);
        assert_string_equal(owners_of(&w, w.at[2]), "unknown||||0x0");
        mk_free(w.k);
    }
}

static void others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t inode = mk_object(w.k, "inode"), sb = mk_object(w.k, "super_block");
        uint64_t data = mk_at(w.k, inode, "inode.i_data"), fs = mk_object(w.k, "file_system_type");
        uint64_t page = page_of(&w, w.at[1]), anon = mk_object(w.k, "anon_vma");
        uint64_t name = mk_alloc(w.k, 8);
        char wanted[128];
        char want[64];

        mk_put(w.k, page, "page._refcount.counter", 1);
        mk_put(w.k, page, "page.page_type", UINT32_MAX);
        assert_string_equal(owners_of(&w, w.at[1] + 1), "unknown||||0x0");
        mk_put(w.k, page, "page._refcount.counter", 0);
        assert_string_equal(owners_of(&w, w.at[1] + 1), "unreferenced||||0x0");
        mk_put(w.k, page, "page.flags", 1);
        assert_string_equal(owners_of(&w, w.at[1] + 1), "reserved||||0x1");
        // A file that has lost its name.
        mk_put(w.k, page, "page.flags", 0);
        mk_write(w.k, name, "ext4", 5);
        mk_put(w.k, fs, "file_system_type.name", name);
        mk_put(w.k, sb, "super_block.s_type", fs);
        mk_put(w.k, inode, "inode.i_sb", sb);
        mk_put(w.k, inode, "inode.i_ino", 12);
        mk_put(w.k, inode, "inode.i_mapping", data);
        mk_put(w.k, data, "address_space.host", inode);
        mk_put(w.k, page, "page.mapping", data);
        mk_put(w.k, page, "page.index", 1);
        snprintf(want, sizeof want, "page cache|||ext4:/inode 12 without a name|%#x",
                 1u << m->page_shift | 2);
        snprintf(wanted, sizeof wanted, "page cache|||ext4:/inode 12 without a name|0x%llx",
                 (unsigned long long)(w.page + 2));
        assert_string_equal(owners_of(&w, w.at[1] + 2), wanted);
        mk_put(w.k, inode, "inode.i_mapping", anon); // its mapping is another
        assert_string_equal(owners_of(&w, w.at[1]), "unreferenced||||0x0");
        mk_put(w.k, page, "page.mapping", anon + 1);
        mk_put(w.k, anon, "anon_vma.root", anon);
        assert_string_equal(owners_of(&w, w.at[1]), "anonymous||||0x0");
        mk_put(w.k, page, "page.mapping", anon + 3); // KSM's: no anon_vma
        assert_string_equal(owners_of(&w, w.at[1]), "unreferenced||||0x0");
        mk_put(w.k, page, "page.mapping", anon + 1);
        mk_put(w.k, anon, "anon_vma.root", w.cache);
        assert_string_equal(owners_of(&w, w.at[1]), "unreferenced||||0x0");
        // The first page of a free block; its size must fit its place.
        mk_put(w.k, page, "page.mapping", 0);
        mk_put(w.k, page, "page.page_type", 0xffffff7f);
        assert_string_equal(owners_of(&w, w.at[1] + 3), "free||||0x3");
        mk_put(w.k, page, "page.private", 63);
        assert_string_equal(owners_of(&w, w.at[1] + 3), "unreferenced||||0x0");
        mk_free(w.k);
    }
}

/** An array that does not know process 1's task for what it is is not believed. */
static void no_pages(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        mk_put(w.k, page_of(&w, w.task[0]), "page.flags", 0);
        mk_put(w.k, page_of(&w, w.at[1]), "page.page_type", 0xffffff7f);
        assert_string_equal(owners_of(&w, w.at[1]), "unknown||||0x0");
        assert_int_equal(mk_row_notes("array of struct page cannot be found"), 1);
        assert_string_equal(owners_of(&w, w.at[0]), "process|1|one||0x0");
        mk_free(w.k);
    }
}

/** A table that is its own next one at every level: it ends, and says so. */
static void circles(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t itself = mk_entry(m, mk_physical(w.k, w.root[0]), true);
        uint8_t entry[8];

        for (uint64_t i = 0; i < UINT64_C(1) << (m->index_bits - 1); i++) {
            for (unsigned k = 0; k < m->entry_size; k++)
                entry[mk_model(w.k)->big_endian ? m->entry_size - 1 - k : k] =
                    (uint8_t)(itself >> 8 * k);
            mk_write(w.k, w.root[0] + i * m->entry_size, entry, m->entry_size);
        }
        mk_put(w.k, w.mm[0], "mm_struct.task_size", UINT64_C(1) << (m->page_shift > 12 ? 31 : 46));
        assert_non_null(strstr(owners_of(&w, w.at[3]), "process|2|two||0x0"));
        assert_non_null(strstr(regions_of(&w, NULL), "2:0-0"));
        mk_free(w.k);
    }
}

/* ---- kept by the system ---- */

/** What a run asks: for the owners of a page. */
struct asked {
    uint64_t pa;
    char text[200];
    bool opened;
};

static void add_owner(void *context, const struct eg_owner *o)
{
    struct asked *a = context;
    const size_t n = strlen(a->text);

    snprintf(a->text + n, sizeof a->text - n, "%s%s %d", n ? ", " : "", o->kind, (int)o->pid);
}

static int ask(struct eg_run *r, void *context)
{
    const struct eg_memory_ops *ops = eg_system_of(r)->os->memory;
    struct asked *a = context;
    void *owners;

    *a->text = 0;
    a->opened = false;
    owners = ops->owners_open(r);
    a->opened = owners;
    if (owners)
        ops->owners(r, owners, a->pa, add_owner, a);
    return 0;
}

/** @return the status of a run of its own. */
static int ask_with(const struct world *w, struct asked *a, const struct eg_run_options *o)
{
    struct eg_run *r;
    int rc;

    assert_int_equal(eg_run_open(&r, mk_system(w->k), o, NULL), 0);
    rc = eg_run_do(r, ask, a);
    if (rc)
        assert_non_null(strstr(r->error, "memory"));
    eg_run_close(r);
    return rc;
}

/** A run uses what another one has found: page tables that change are not read again. */
static void found_once(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        assert_string_equal(owners_of(&w, w.at[0]), "process|1|one||0x0");
        map(&w, 1, 5, w.at[0]);
        mk_puts(w.k, w.task[0], "task_struct.comm", "new");
        assert_string_equal(owners_of(&w, w.at[0]), "process|1|one||0x0");
        mk_free(w.k);
    }
}

/** A run that fails at any of its requests for memory, or whose time is over, leaves nothing half
 * made for the next. */
static void failures(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_run_options o = { .deadline = 1, .quiet = true };
        struct asked a = { .pa = mk_physical(w.k, w.at[0]) };
        int failed = 0;

        assert_int_equal(ask_with(&w, &a, &o), 0);
        assert_false(a.opened);
        o.deadline = 0;
        for (o.memory_limit = 16; ask_with(&w, &a, &o); o.memory_limit += 16)
            failed += !a.opened;
        assert_true(failed > 20);
        assert_string_equal(a.text, "process 1");
        mk_free(w.k);
    }
}

/** What was noted while they were found is in each result, whatever its run had noted before. */
static void notes(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const struct eg_memory_ops *ops = mk_system(w.k)->os->memory;
        struct asked a = { .pa = mk_physical(w.k, w.at[3]) };

        mk_put(w.k, w.mm[0], "mm_struct.pgd", 0x10);
        for (int i = 0; i < 2; i++) {
            struct eg_regions all = { 0 };
            struct eg_run *r;

            assert_int_equal(eg_run_open(&r, mk_system(w.k), NULL, NULL), 0);
            r->plugin = &asking_reg;
            if (!i) // which has the same to say
                assert_int_equal(ops->regions(r, false, 16, &all), 0);
            assert_int_equal(mk_notes(r, "process 1: its page tables cannot be found"), !i);
            assert_int_equal(eg_run_do(r, ask, &a), 0);
            assert_string_equal(a.text, "process 2");
            assert_int_equal(mk_notes(r, "process 1: its page tables cannot be found"), 1);
            eg_vec_fini(&all.list);
            eg_run_close(r);
        }
        mk_free(w.k);
    }
}

struct thread {
    pthread_t id;
    const struct world *w;
    struct asked a;
    int rc;
};

static void *ask_in_thread(void *context)
{
    struct thread *t = context;

    for (int i = 0; i < 20 && !t->rc; i++)
        t->rc = ask_with(t->w, &t->a, NULL);
    return NULL;
}

/** Several runs at once, of which one finds them and the others wait. */
static void threads(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct thread t[4];

        for (size_t i = 0; i < countof(t); i++) {
            t[i] = (struct thread){ .w = &w, .a.pa = mk_physical(w.k, w.at[i % 2 ? 0 : 3]) };
            assert_int_equal(pthread_create(&t[i].id, NULL, ask_in_thread, &t[i]), 0);
        }
        for (size_t i = 0; i < countof(t); i++) {
            pthread_join(t[i].id, NULL);
            assert_int_equal(t[i].rc, 0);
            assert_string_equal(t[i].a.text, i % 2 ? "process 1" : "process 2");
        }
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions),    cmocka_unit_test(processes), cmocka_unit_test(slabs),
        cmocka_unit_test(others),     cmocka_unit_test(no_pages),  cmocka_unit_test(circles),
        cmocka_unit_test(found_once), cmocka_unit_test(failures),  cmocka_unit_test(notes),
        cmocka_unit_test(threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
