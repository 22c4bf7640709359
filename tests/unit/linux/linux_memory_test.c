/* linux_memory_test.c - what mappings use, code that is of no file or differs from it, areas of
 * vmalloc, pages, and counts that do not fit. */
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

static const char types[] = MK_LIST_TYPES
    "enum pageflags { PG_reserved, PG_slab, PG_dirty, PG_swapbacked, PG_head, __NR_PAGEFLAGS };"
    "struct atomic { int counter; };"
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"
    "  unsigned long index, private; unsigned int page_type; struct atomic _mapcount, _refcount;"
    "  int pad; };"
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"
    "  unsigned int objects; };"
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"
    "struct anon_vma { struct anon_vma *root; };"
    "struct xarray { u32 xa_flags; void *xa_head; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct address_space { struct inode *host; struct xarray i_pages; };"
    "struct file_system_type { char *name; };"
    "struct super_block { struct file_system_type *s_type; u32 s_dev; };"
    "struct inode { struct super_block *i_sb; struct address_space *i_mapping; s64 i_size;"
    "  unsigned long i_ino; unsigned char i_blkbits; struct address_space i_data; };"
    "struct file { struct address_space *f_mapping; struct inode *f_inode; };"
    "struct vm_area_struct { unsigned long vm_start, vm_end; struct mm_struct *vm_mm;"
    "  unsigned long vm_flags, vm_pgoff; struct file *vm_file; void *vm_ops, *vm_private_data;"
    "  struct vm_area_struct *vm_next; };"
    "struct mm_struct { struct vm_area_struct *mmap; int map_count; unsigned long task_size;"
    "  unsigned long start_brk, brk, start_stack, total_vm; struct atomic mm_users; void *pgd; };"
    "struct signal_struct { struct list_head thread_head; int nr_threads; };"
    "struct task_struct { struct list_head tasks, thread_node; int pid, tgid, flags;"
    "  unsigned int ptrace; struct task_struct *parent;"
    "  struct mm_struct *mm; struct signal_struct *signal; char comm[16]; };"
    "struct vm_struct { void *addr; unsigned long size, flags; struct page **pages;"
    "  unsigned int nr_pages; u64 phys_addr; void *caller; };"
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"
    "struct rb_root { struct rb_node *rb_node; };"
    "struct uprobe { struct rb_node rb_node; struct inode *inode; s64 offset; };"
    "struct vmap_area { unsigned long va_start, va_end; struct list_head list;"
    "  struct vm_struct *vm; };";

enum { RAM = 4 << 20, READ = 1, WRITE = 2, EXEC = 4, LOCKED = 0x2000 };

struct world {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t page, map, size; // bytes of a page; struct page of page 0, and bytes of one
    uint64_t init, task, signal, mm, root, last, anon;
    uint64_t inode, mapping, file, leaf;
    uint64_t user;   // where the first mapping begins
    uint64_t areas;  // head of the list of vmap_area
    uint64_t probes; // rb_root of uprobes
    unsigned n_vmas;
};

static uint64_t page_of(const struct world *w, uint64_t va)
{
    return w->map + mk_physical(w->k, va) / w->page * w->size;
}

static void make_file(struct world *w)
{
    uint64_t sb = mk_object(w->k, "super_block"), type = mk_object(w->k, "file_system_type");
    uint64_t name = mk_alloc(w->k, 8);

    mk_write(w->k, name, "ext4", 5);
    mk_put(w->k, type, "file_system_type.name", name);
    mk_put(w->k, sb, "super_block.s_type", type);
    w->inode = mk_object(w->k, "inode");
    w->mapping = mk_at(w->k, w->inode, "inode.i_data");
    w->leaf = mk_object(w->k, "xa_node");
    w->file = mk_object(w->k, "file");
    mk_put(w->k, w->inode, "inode.i_sb", sb);
    mk_put(w->k, w->inode, "inode.i_mapping", w->mapping);
    mk_put(w->k, w->inode, "inode.i_size", 8 * w->page);
    mk_put(w->k, w->mapping, "address_space.host", w->inode);
    mk_put(w->k, w->mapping, "address_space.i_pages.xa_head", w->leaf | 2);
    mk_put(w->k, w->file, "file.f_mapping", w->mapping);
    mk_put(w->k, w->file, "file.f_inode", w->inode);
}

static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 8 * RAM : RAM, types), .m = m };
    uint64_t cache = mk_object(w.k, "kmem_cache"), node, name = mk_alloc(w.k, 8);

    w.areas = mk_alloc(w.k, 64);
    mk_symbol(w.k, "vmap_area_list", w.areas);
    mk_list(w.k, w.areas, NULL, 0);
    w.probes = mk_object(w.k, "rb_root");
    mk_symbol(w.k, "uprobes_tree", w.probes);
    mk_symbol(w.k, "nr_threads", w.areas + 32);
    mk_write_u32(w.k, w.areas + 32, 1);
    w.page = mk_page_size(w.k);
    w.size = mk_at(w.k, 0, "page.pad") + 4;
    w.user = 64 * w.page;
    w.init = mk_object(w.k, "task_struct");
    w.task = mk_object(w.k, "task_struct");
    mk_symbol(w.k, "init_task", w.init);
    w.map = mk_alloc_aligned(w.k, (size_t)2048 * 64, w.page);
    mk_symbol(w.k, "vmemmap", w.map);
    mk_write(w.k, name, "things", 7);
    mk_put(w.k, cache, "kmem_cache.name", name);
    node = mk_at(w.k, cache, "kmem_cache.list");
    mk_list(w.k, mk_alloc(w.k, 64), &node, 1);
    w.signal = mk_object(w.k, "signal_struct");
    node = mk_at(w.k, w.task, "task_struct.thread_node");
    mk_list(w.k, mk_at(w.k, w.signal, "signal_struct.thread_head"), &node, 1);
    mk_put(w.k, w.signal, "signal_struct.nr_threads", 1);
    mk_put(w.k, w.task, "task_struct.signal", w.signal);
    mk_put(w.k, w.task, "task_struct.pid", 1);
    mk_put(w.k, w.task, "task_struct.tgid", 1);
    mk_puts(w.k, w.task, "task_struct.comm", "one");
    node = mk_at(w.k, w.task, "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, w.init, "task_struct.tasks"), &node, 1);
    w.mm = mk_object(w.k, "mm_struct");
    w.root = mk_user_root(w.k, m);
    mk_put(w.k, w.mm, "mm_struct.pgd", w.root);
    mk_put(w.k, w.mm, "mm_struct.task_size", 1 << 30);
    mk_put(w.k, w.mm, "mm_struct.mm_users", 1);
    mk_put(w.k, w.task, "task_struct.mm", w.mm);
    w.anon = mk_object(w.k, "anon_vma");
    mk_put(w.k, w.anon, "anon_vma.root", w.anon);
    make_file(&w);
    mk_user_map(w.k, m, w.root, 0, w.inode); // says how large pages are
    mk_put(w.k, page_of(&w, w.task), "page.flags", 2);
    mk_put(w.k, page_of(&w, w.task), "slab.slab_cache", cache);
    return w;
}

static uint64_t vma(struct world *w, uint64_t pages, uint64_t flags, uint64_t file)
{
    uint64_t v = mk_object(w->k, "vm_area_struct");
    const uint64_t start = w->user + 16 * w->page * w->n_vmas;

    mk_put(w->k, v, "vm_area_struct.vm_mm", w->mm);
    mk_put(w->k, v, "vm_area_struct.vm_start", start);
    mk_put(w->k, v, "vm_area_struct.vm_end", start + pages * w->page);
    mk_put(w->k, v, "vm_area_struct.vm_flags", flags);
    mk_put(w->k, v, "vm_area_struct.vm_file", file);
    mk_put(w->k, w->last ? w->last : w->mm, w->last ? "vm_area_struct.vm_next" : "mm_struct.mmap",
           v);
    w->last = v;
    mk_put(w->k, w->mm, "mm_struct.map_count", ++w->n_vmas);
    return start;
}

/** A page of memory at @va of the process: anonymous, or the file's at @index; mapped @mapped
 * times. */
static uint64_t user_page(struct world *w, uint64_t va, int mapped, bool of_file, unsigned index)
{
    uint64_t at = mk_alloc_aligned(w->k, w->page, w->page), page = page_of(w, at);

    mk_user_map(w->k, w->m, w->root, va, at);
    mk_put(w->k, page, "page._mapcount", (uint64_t)(mapped - 1));
    mk_put(w->k, page, "page._refcount", (uint64_t)mapped);
    mk_put(w->k, page, "page.mapping", of_file ? w->mapping : w->anon | 1);
    mk_put(w->k, page, "page.index", index);
    if (of_file)
        mk_write_ptr(w->k,
                     mk_at(w->k, w->leaf, "xa_node.slots") +
                         (uint64_t)index * mk_model(w->k)->ptr_size,
                     page);
    return at;
}

/** Cells of the first row, of which "START" and the like are not asked: from column @from on. */
static const char *cells(const char *rows, int from, int to)
{
    return mk_columns(rows, from, to);
}

/* ---- maps --smaps ---- */

enum { MAPS_RSS = 10, MAPS_LOCKED = 22 }; // of all columns

static void usage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 6, READ | WRITE | LOCKED, 0), at, n = w.page;
        char want[2][256];
        const char *got;

        user_page(&w, start, 1, false, 0);          // private, clean
        at = user_page(&w, start + n, 1, false, 1); // private, dirty
        mk_put(w.k, page_of(&w, at), "page.flags", 4);
        user_page(&w, start + 2 * n, 3, true, 0);      // shared by three
        at = user_page(&w, start + 3 * n, 2, true, 1); // by two, dirty
        mk_put(w.k, page_of(&w, at), "page.flags", 4);
        // Some machines' page tables say that a page is dirty, others leave it to its struct page.
        for (int i = 0; i < 2; i++)
            snprintf(want[i], sizeof want[i], "%d|%d|%d|%d|%d|%d|%d|0|0|0|0|0|%d", (int)(4 * n),
                     (int)(2 * n + n / 2 + n / 3), i ? (int)n : 0, (int)(i ? n : 2 * n),
                     i ? (int)n : 0, (int)(i ? n : 2 * n), (int)(2 * n),
                     (int)(2 * n + n / 2 + n / 3));
        got = cells(mk_rows(w.k, "maps", (const char *[]){ "smaps", NULL }), MAPS_RSS, MAPS_LOCKED);
        assert_true(!strcmp(got, want[0]) || !strcmp(got, want[1]));
        // Not asked: not computed.
        assert_string_equal(cells(mk_rows(w.k, "maps", NULL), MAPS_RSS, MAPS_LOCKED),
                            "||||||||||||");
        mk_free(w.k);
    }
}

/* ---- malfind ---- */

enum { WEIGHT = 7, REASON = 8, CHANGED = 9 };

static const char *found(struct world *w)
{
    return cells(mk_rows(w->k, "malfind", NULL), WEIGHT, CHANGED);
}

static void anonymous_code(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 2, READ | EXEC, 0), at;

        vma(&w, 2, READ | WRITE, 0); // no code
        assert_string_equal(found(&w), "low|anonymous executable; no byte of it other than 0 is in "
                                       "memory|");
        at = user_page(&w, start, 1, false, 0);
        mk_write(w.k, at + 8, "code", 4);
        assert_string_equal(found(&w), "medium|anonymous executable|");
        // A header in the second page, not one that begins elsewhere in it.
        at = user_page(&w, start + w.page, 1, false, 1);
        mk_write(w.k, at + 1, "\177ELF", 4);
        assert_string_equal(found(&w), "medium|anonymous executable|");
        mk_write(w.k, at, "\177ELF", 5);
        assert_string_equal(found(&w), "high|anonymous executable; header of an ELF program|");
        mk_put(w.k, w.last, "vm_area_struct.vm_flags", READ | WRITE | EXEC);
        assert_non_null(strstr(found(&w), "low|anonymous, writable and executable; no byte"));
        mk_write(w.k, at, "code\0", 5); // what the program asks for itself
        mk_put(w.k, w.mm, "mm_struct.start_stack", start + w.page);
        assert_non_null(strstr(found(&w), "low|the stack is executable, as its program asks for|"));
        mk_free(w.k);
    }
}

static void changed_code(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 3, READ | EXEC, w.file), own, copy;
        const unsigned width = mk_model(w.k)->ptr_size;

        own = user_page(&w, start, 1, true, 0);
        mk_write(w.k, own, "the code of the file", 20);
        assert_string_equal(found(&w), ""); // it maps the file's own page
        copy = user_page(&w, start, 1, false, 0);
        mk_write(w.k, copy, "the code of the file", 20);
        assert_string_equal(found(&w), "low|was written to, and equals its file again|");
        mk_write(w.k, copy + 4, "CODE", 4);
        mk_write(w.k, copy + 200, "x", 1); // far from it: another change
        assert_string_equal(found(&w), "high|differs from its file at 0x4|4\n"
                                       "high|differs from its file at 0xc8|1");
        // Close to each other: one.
        mk_write(w.k, copy + 200, "", 1);
        mk_write(w.k, copy + 12, "F", 1);
        assert_string_equal(found(&w), "high|differs from its file at 0x4|5");
        // A word that is the file's and the address where that was loaded.
        mk_write(w.k, copy, "the code of the file", 20);
        mk_write_ptr(w.k, own + 64, 0x1234);
        mk_write_ptr(w.k, copy + 64, 0x1234 + start);
        if (width == 8 && !mk_model(w.k)->big_endian)
            assert_string_equal(found(&w), "");
        mk_write_ptr(w.k, copy + 64, 0x1234 + start + 1);
        assert_non_null(strstr(found(&w), "high|differs from its file at 0x4"));
        // A copy of a page that the cache does not have: a note.
        mk_write_ptr(w.k, copy + 64, 0x1234);
        user_page(&w, start + 2 * w.page, 1, false, 0);
        assert_string_equal(found(&w), "low|was written to, and equals its file again|");
        assert_int_equal(mk_row_notes("cannot be compared"), 1);
        mk_free(w.k);
    }
}

static void breakpoints_and_hooks(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 1, READ | EXEC, w.file), own, copy, probe;

        own = user_page(&w, start, 1, true, 0);
        copy = user_page(&w, start, 1, false, 0);
        mk_write(w.k, own + 16, "\x55\x48\x89\xe5\x53", 5);
        mk_write(w.k, copy + 16, "\xcc\x48\x89\xe5\x53", 5);
        assert_non_null(strstr(found(&w), "differs from its file at 0x10")); // makes the system
        if (strcmp(mk_system(w.k)->arch->name, "x86_64")) {
            mk_free(w.k);
            continue;
        }
        assert_string_equal(
            found(&w),
            "medium|differs from its file at 0x10: a breakpoint, and nobody traces it|1");
        mk_put(w.k, w.task, "task_struct.ptrace", 1);
        mk_put(w.k, w.task, "task_struct.parent", w.task);
        assert_string_equal(
            found(&w), "low|differs from its file at 0x10: a breakpoint; process 1 traces it|1");
        // A probe of the kernel's elsewhere, and then there.
        probe = mk_object(w.k, "uprobe");
        mk_put(w.k, probe, "uprobe.inode", w.inode);
        mk_put(w.k, probe, "uprobe.offset", 17);
        mk_put(w.k, w.probes, "rb_root.rb_node", probe);
        assert_non_null(strstr(found(&w), "process 1 traces it"));
        mk_put(w.k, probe, "uprobe.offset", 16);
        assert_string_equal(
            found(&w), "low|differs from its file at 0x10: a probe of the kernel's (uprobe)|1");
        // Two bytes are no breakpoint alone; a jump away is a hook.
        mk_write(w.k, copy + 17, "\xcc", 1);
        assert_string_equal(found(&w), "high|differs from its file at 0x10|2");
        mk_write(w.k, copy + 16, "\xe9\0\0\0\0", 5);
        assert_non_null(strstr(found(&w), "high|differs from its file at 0x10: a hook: jmp to "));
        assert_non_null(strstr(found(&w), "|5"));
        mk_free(w.k);
    }
}

/* ---- vmalloc ---- */

static uint64_t area(struct world *w, uint64_t first, uint64_t size, uint64_t flags)
{
    uint64_t a = mk_object(w->k, "vmap_area"), vm = mk_object(w->k, "vm_struct");

    mk_put(w->k, vm, "vm_struct.addr", first);
    mk_put(w->k, vm, "vm_struct.size", size);
    mk_put(w->k, vm, "vm_struct.flags", flags);
    mk_put(w->k, vm, "vm_struct.nr_pages", size / w->page - 1);
    mk_put(w->k, a, "vmap_area.va_start", first);
    mk_put(w->k, a, "vmap_area.va_end", first + size);
    mk_put(w->k, a, "vmap_area.vm", vm);
    return a;
}

static void areas(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t nodes[3], first = w.map + 64 * w.page, ram;
        char want[256];

        nodes[0] = area(&w, first + 8 * w.page, 3 * w.page, 2 | 8);
        nodes[1] = area(&w, first, 2 * w.page, 1);
        ram = mk_object(w.k, "vmap_area"); // without a vm_struct
        mk_put(w.k, ram, "vmap_area.va_start", first + 4 * w.page);
        mk_put(w.k, ram, "vmap_area.va_end", first + 5 * w.page);
        nodes[2] = ram;
        for (int i = 0; i < 3; i++)
            nodes[i] = mk_at(w.k, nodes[i], "vmap_area.list");
        mk_list(w.k, w.areas, nodes, 3);
        snprintf(want, sizeof want, "%d|ioremap|1\n%d|vm_map_ram|\n%d|vmalloc user|2",
                 (int)(2 * w.page), (int)w.page, (int)(3 * w.page));
        assert_string_equal(cells(mk_rows(w.k, "vmalloc", NULL), 2, 4), want);
        mk_free(w.k);
    }
}

/* ---- pages ---- */

static void flags_of_pages(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 1, READ, 0), at = user_page(&w, start, 2, true, 5);
        char arg[64], want[128];

        mk_put(w.k, page_of(&w, at), "page.flags", 4 | 8);
        snprintf(arg, sizeof arg, "at=%#llx", (unsigned long long)mk_physical(w.k, at));
        snprintf(want, sizeof want, "%d|dirty,swapbacked|2|2",
                 (int)(mk_physical(w.k, at) / w.page));
        assert_string_equal(cells(mk_rows(w.k, "pages", (const char *[]){ arg, NULL }), 7, 10),
                            want);
        // Of those that have a flag which it has not: none.
        assert_string_equal(mk_rows(w.k, "pages", (const char *[]){ arg, "flags=head", NULL }), "");
        mk_free(w.k);
    }
}

/* ---- health ---- */

static bool has_row(struct world *w, const char *text)
{
    return strstr(mk_rows(w->k, "health", NULL), text) != NULL;
}

static void counts_that_do_not_fit(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t start = vma(&w, 2, READ, 0);

        user_page(&w, start, 1, false, 0);
        mk_put(w.k, w.mm, "mm_struct.total_vm", 2);
        mk_put(w.k, page_of(&w, w.inode), "page._refcount", 1); // which make() maps
        assert_false(has_row(&w, "process|"));
        assert_false(has_row(&w, "|bad|"));
        mk_put(w.k, w.mm, "mm_struct.total_vm", 3);
        assert_true(has_row(&w, "process|total_vm 3: 2 pages|nothing|bad"));
        mk_put(w.k, w.mm, "mm_struct.total_vm", 2);
        mk_put(w.k, w.mm, "mm_struct.mm_users", 2);
        assert_true(has_row(&w, "process|mm_users 2: 1 threads|nothing|bad"));
        mk_put(w.k, w.mm, "mm_struct.mm_users", 1);
        mk_put(w.k, w.signal, "signal_struct.nr_threads", 2);
        assert_true(has_row(&w, "process|nr_threads 2: 1 threads|nothing|bad"));
        mk_put(w.k, w.signal, "signal_struct.nr_threads", 1);
        mk_put(w.k, w.mm, "mm_struct.map_count", 2);
        assert_true(has_row(&w, "process|map_count 2: 1 mappings|nothing|bad"));
        mk_put(w.k, w.mm, "mm_struct.map_count", 1);
        mk_put(w.k, page_of(&w, w.inode), "page._refcount", 0);
        assert_true(has_row(&w, "1 of its pages are free"));
        mk_put(w.k, page_of(&w, w.inode), "page._refcount", 1);
        mk_write_u32(w.k, w.areas + 32, 2);
        assert_true(has_row(&w, "threads of the system|1|2|bad"));
        mk_write_u32(w.k, w.areas + 32, 1);
        // A link back that leads elsewhere; lists in circles come to an end.
        mk_write_ptr(w.k, mk_at(w.k, w.task, "task_struct.tasks") + mk_model(w.k)->ptr_size, w.map);
        assert_true(has_row(&w, "links back in the list of tasks|1 of 2 do not fit"));
        mk_write_ptr(w.k, mk_at(w.k, w.task, "task_struct.tasks"),
                     mk_at(w.k, w.task, "task_struct.tasks"));
        assert_true(has_row(&w, "links back in the list of tasks|2 of 2 do not fit"));
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(anonymous_code),
        cmocka_unit_test(changed_code),
        cmocka_unit_test(breakpoints_and_hooks),
        cmocka_unit_test(areas),
        cmocka_unit_test(flags_of_pages),
        cmocka_unit_test(counts_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
