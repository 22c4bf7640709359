/** mkswap.h - a synthetic machine with two swap devices, a zram disk and a file, and a process
 * whose pages are swapped to them. */
#ifndef MK_SWAP_H
#define MK_SWAP_H

#include "../../plugins/linux/mm/mm.h"
#include "../../plugins/linux/mm/swap.h"
#include "../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#define SWAP_TYPES_BUT_Z3FOLD                                                                      \
    MK_LIST_TYPES                                                                                  \
    "enum pageflags { PG_reserved, PG_slab };"                                                     \
    "struct atomic { int counter; };"                                                              \
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"       \
    "  unsigned long index, private; unsigned int page_type; struct atomic _refcount; };"          \
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"                     \
    "  unsigned int objects; };"                                                                   \
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"   \
    "struct xarray { unsigned int lock, flags; void *xa_head; };"                                  \
    "struct xa_node { unsigned char shift, offset, count, nr_values; struct xa_node *parent;"      \
    "  struct xarray *array; void *slots[64]; };"                                                  \
    "struct address_space { struct inode *host; struct xarray i_pages; };"                         \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"                                                 \
    "struct vm_area_struct { unsigned long vm_start, vm_end; struct mm_struct *vm_mm;"             \
    "  unsigned long vm_flags, vm_pgoff; struct file *vm_file; void *vm_ops, *vm_private_data;"    \
    "  struct vm_area_struct *vm_next; };"                                                         \
    "struct mm_struct { struct vm_area_struct *mmap; int map_count; unsigned long task_size;"      \
    "  unsigned long start_brk, brk, start_stack; void *pgd; };"                                   \
    "struct signal_struct { struct list_head thread_head; };"                                      \
    "struct task_struct { struct list_head tasks, thread_node; int pid; struct mm_struct *mm;"     \
    "  struct signal_struct *signal; char comm[16]; };"                                            \
    "struct inode { unsigned char i_blkbits; }; struct file { struct inode *f_inode; };"           \
    "struct gendisk { char disk_name[32]; void *private_data; };"                                  \
    "struct block_device { struct gendisk *bd_disk; };"                                            \
    "struct swap_info_struct { unsigned long flags; signed char type; unsigned int max, pages;"    \
    "  short prio; unsigned int inuse_pages; void *cluster_info; unsigned long *zeromap;"          \
    "  struct block_device *bdev; struct file *swap_file; };"                                      \
    "struct swap_cluster_info { unsigned int lock; unsigned long *table; };"                       \
    "enum zram_pageflags { ZRAM_LOCK = 20, ZRAM_SAME, ZRAM_WB, ZRAM_UNDER_WB, ZRAM_HUGE,"          \
    "  ZRAM_IDLE, ZRAM_INCOMPRESSIBLE, ZRAM_COMP_PRIORITY_BIT1, ZRAM_COMP_PRIORITY_BIT2 };"        \
    "struct zram_table_entry { unsigned long handle; unsigned long flags; };"                      \
    "struct zcomp { void *stream; char *name; };"                                                  \
    "struct zram { struct zram_table_entry *table; struct zs_pool *mem_pool;"                      \
    "  struct zcomp *comps[4]; struct gendisk *disk; unsigned long disksize; };"                   \
    "struct zs_pool { char *name; struct size_class *size_class[8]; };"                            \
    "struct size_class { int lock, size, objs_per_zspage, pages_per_zspage; };"                    \
    "struct zspage { unsigned int huge : 1, fullness : 2, class : 9, isolated : 3, magic : 8; };"  \
    "struct swp_entry { unsigned long val; };"                                                     \
    "struct zswap_entry { struct rb_node rbnode; struct swp_entry swpentry; unsigned int length;"  \
    "  struct zswap_pool *pool; unsigned long handle; };"                                          \
    "struct zswap_pool { struct zpool *zpool; char tfm_name[64]; };"                               \
    "struct zswap_tree { struct rb_root rbroot; };"                                                \
    "struct zpool_driver { char *type; };"                                                         \
    "struct zpool { struct zpool_driver *driver; void *pool; };"
#define SWAP_TYPES                                                                                 \
    SWAP_TYPES_BUT_Z3FOLD                                                                          \
    "struct z3fold_header { void *pool; unsigned short first_chunks, middle_chunks, last_chunks,"  \
    "  start_middle; unsigned short first_num : 2; };"

enum { RAM = 4 << 20, SLOTS = 64, PAGES = 32, MAGIC = 0x58 };
enum { SAME = 1 << 21, WRITTEN = 1 << 22, SECOND = 1 << 27 };

struct world {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t page, user, task, mm, root, map, cache;
    uint64_t info[2], zram, table, pool, zspage, chain[3], handles;
    uint64_t size; // of an object
    unsigned form; // of entries
};

static inline uint64_t page_of(const struct world *w, uint64_t va)
{
    return w->map + mk_physical(w->k, va) / w->page * (mk_at(w->k, 0, "page._refcount") + 4);
}

static inline uint64_t text(struct mk *k, const char *s)
{
    const uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/* ---- entries of page tables ---- */

/** As each processor's Linux writes them: arch/.../include/asm/pgtable.h. */
static inline uint64_t entry_of(const struct world *w, uint64_t type, uint64_t offset)
{
    if (!strcmp(w->m->arch, "x86_64"))
        return type << 59 | (~offset << 9 & ((UINT64_C(1) << 59) - 1)) | 2;
    if (!strcmp(w->m->arch, "aarch64"))
        return w->form == 0   ? type << 6 | offset << 12
               : w->form == 1 ? type << 3 | offset << 8 | 4
                              : type << 2 | offset << 8;
    return w->form ? type << 6 | offset << 11 : type << 7 | offset << 12;
}

static inline unsigned forms(const struct mk_machine *m)
{
    return !strcmp(m->arch, "x86_64") ? 1 : !strcmp(m->arch, "aarch64") ? 3 : 2;
}

/** Page @n of the process has this entry. */
static inline void put_entry(const struct world *w, uint64_t n, uint64_t entry)
{
    const uint64_t va = w->user + n * w->page;
    uint64_t table;
    uint8_t *ram;
    size_t len;

    mk_user_map(w->k, w->m, w->root, va, w->chain[0]); // makes the tables
    table = mk_physical(w->k, w->root);
    ram = mk_ram(w->k, &len);
    for (int level = w->m->levels - 1; level >= 0; level--) {
        const uint64_t mask = (UINT64_C(1) << w->m->index_bits) - 1;
        const uint64_t index = va >> (w->m->page_shift + w->m->index_bits * level) & mask;
        uint8_t *e = ram + table + 8 * index;

        table = mk_entry_pa(w->m, eg_le64(e));
        for (unsigned i = 0; !level && i < 8; i++)
            e[i] = (uint8_t)(entry >> 8 * i);
    }
}

/* ---- the machine ---- */

static inline void make_devices(struct world *w)
{
    const uint64_t disk = mk_object(w->k, "gendisk"), bdev = mk_object(w->k, "block_device");
    const uint64_t all = mk_alloc(w->k, 32 * 8);

    for (int i = 0; i < 2; i++) {
        w->info[i] = mk_object(w->k, "swap_info_struct");
        mk_put(w->k, w->info[i], "swap_info_struct.type", (uint64_t)i);
        mk_put(w->k, w->info[i], "swap_info_struct.flags", i ? 3 : 3 | 64);
        mk_put(w->k, w->info[i], "swap_info_struct.max", SLOTS);
        mk_put(w->k, w->info[i], "swap_info_struct.pages", SLOTS - 1);
        mk_put(w->k, w->info[i], "swap_info_struct.inuse_pages", 5);
        mk_put(w->k, w->info[i], "swap_info_struct.prio", i ? UINT64_MAX : 10);
        mk_write_ptr(w->k, all + 8 * (uint64_t)i, w->info[i]);
    }
    mk_symbol(w->k, "swap_info", all);
    w->zram = mk_object(w->k, "zram");
    mk_puts(w->k, disk, "gendisk.disk_name", "zram0");
    mk_put(w->k, disk, "gendisk.private_data", w->zram);
    mk_put(w->k, bdev, "block_device.bd_disk", disk);
    mk_put(w->k, w->info[0], "swap_info_struct.bdev", bdev);
    w->table = mk_alloc(w->k, SLOTS * 16);
    mk_put(w->k, w->zram, "zram.table", w->table);
    mk_put(w->k, w->zram, "zram.disk", disk);
    mk_put(w->k, w->zram, "zram.disksize", SLOTS * w->page);
    for (int i = 0; i < 2; i++) {
        const uint64_t comp = mk_object(w->k, "zcomp");

        mk_put(w->k, comp, "zcomp.name", text(w->k, i ? "deflate" : "zstd"));
        mk_write_ptr(w->k, mk_at(w->k, w->zram, "zram.comps") + 8 * (uint64_t)i, comp);
    }
}

/** A pool with one chain of three pages: eight objects, of which every third spans two pages. */
static inline void make_pool(struct world *w)
{
    const uint64_t class = mk_object(w->k, "size_class"), name = w->page / 8 * 3;

    w->size = name;
    w->pool = mk_object(w->k, "zs_pool");
    mk_put(w->k, w->zram, "zram.mem_pool", w->pool);
    mk_write_ptr(w->k, mk_at(w->k, w->pool, "zs_pool.size_class") + 8 * 5, class);
    mk_put(w->k, class, "size_class.size", w->size);
    mk_put(w->k, class, "size_class.objs_per_zspage", 8);
    mk_put(w->k, class, "size_class.pages_per_zspage", 3);
    w->zspage = mk_object(w->k, "zspage");
    mk_put(w->k, w->zspage, "zspage.class", 5);
    mk_put(w->k, w->zspage, "zspage.magic", MAGIC);
    w->handles = mk_alloc_aligned(w->k, 64 * 8, 64);
    for (int i = 0; i < 3; i++)
        w->chain[i] = mk_alloc_aligned(w->k, w->page, w->page);
}

static inline void link_pool(const struct world *w)
{
    for (int i = 0; i < 3; i++) {
        mk_put(w->k, page_of(w, w->chain[i]), "page.private", w->zspage);
        mk_put(w->k, page_of(w, w->chain[i]), "page.index",
               i < 2 ? page_of(w, w->chain[i + 1]) : 0);
    }
}

static inline struct world make_of(const struct mk_machine *m, unsigned form, const char *types)
{
    struct world w = { .k = mk_new(m, m->page_shift > 12 ? 4 * RAM : RAM, types),
                       .m = m,
                       .form = form };
    uint64_t init = mk_object(w.k, "task_struct"), link, node, vma;

    w.page = mk_page_size(w.k);
    w.user = 64 * w.page;
    mk_symbol(w.k, "init_task", init);
    w.map = mk_alloc_aligned(w.k, (size_t)1024 * 64, w.page);
    mk_symbol(w.k, "vmemmap", w.map);
    w.cache = mk_object(w.k, "kmem_cache");
    mk_put(w.k, w.cache, "kmem_cache.name", text(w.k, "tasks"));
    mk_put(w.k, w.cache, "kmem_cache.size", 192);
    node = mk_at(w.k, w.cache, "kmem_cache.list");
    mk_list(w.k, mk_alloc(w.k, 64), &node, 1);
    make_devices(&w);
    make_pool(&w);
    mk_alloc_aligned(w.k, 1, w.page);
    w.task = mk_object(w.k, "task_struct");
    link = mk_at(w.k, w.task, "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), &link, 1);
    mk_put(w.k, w.task, "task_struct.pid", 1);
    mk_puts(w.k, w.task, "task_struct.comm", "one");
    w.mm = mk_object(w.k, "mm_struct");
    w.root = mk_user_root(w.k, m);
    vma = mk_object(w.k, "vm_area_struct");
    mk_put(w.k, w.mm, "mm_struct.pgd", w.root);
    mk_put(w.k, w.mm, "mm_struct.mmap", vma);
    mk_put(w.k, w.mm, "mm_struct.map_count", 1);
    mk_put(w.k, w.mm, "mm_struct.task_size", 1 << 30);
    mk_put(w.k, vma, "vm_area_struct.vm_mm", w.mm);
    mk_put(w.k, vma, "vm_area_struct.vm_start", w.user);
    mk_put(w.k, vma, "vm_area_struct.vm_end", w.user + PAGES * w.page);
    mk_put(w.k, w.task, "task_struct.mm", w.mm);
    return w;
}

static inline struct world make(const struct mk_machine *m, unsigned form)
{
    return make_of(m, form, SWAP_TYPES);
}

/** After the last symbol. */
static inline void opened(struct world *w)
{
    mk_put(w->k, page_of(w, w->task), "page.flags", 2);
    mk_put(w->k, page_of(w, w->task), "slab.slab_cache", w->cache);
    mk_put(w->k, page_of(w, w->task), "slab.objects", w->page / 192);
    link_pool(w);
}

/** Object @n holds these bytes; its handle. */
static inline uint64_t store(const struct world *w, unsigned n, const void *bytes, size_t len)
{
    const uint64_t handle = w->handles + 8 * n, at = n * w->size;
    const unsigned low = 64 + w->m->page_shift - 52;
    uint8_t *whole = malloc(w->size);

    assert_true(len <= w->size - 8);
    memset(whole, 0xee, w->size);
    for (int i = 0; i < 8; i++)
        whole[i] = (uint8_t)((handle | 1) >> 8 * i);
    memcpy(whole + 8, bytes, len);
    for (size_t i = 0; i < w->size; i++)
        mk_write(w->k, w->chain[(at + i) / w->page] + (at + i) % w->page, whole + i, 1);
    free(whole);
    mk_write_ptr(w->k, handle,
                 mk_physical(w->k, w->chain[at / w->page]) / w->page << low | (uint64_t)n << 1);
    return handle;
}

static inline void put_slot(const struct world *w, uint64_t slot, uint64_t handle, uint64_t flags)
{
    mk_write_ptr(w->k, w->table + 16 * slot, handle);
    mk_write_ptr(w->k, w->table + 16 * slot + 8, flags);
}

/** A page that begins with a text, packed. */
static inline size_t packed(const struct world *w, const char *begins, uint8_t *out, size_t room)
{
    uint8_t *page = calloc(1, w->page);
    size_t n;

    strcpy((char *)page, begins);
    n = ZSTD_compress(out, room, page, w->page, 3);
    free(page);
    return n;
}

EG_TYPE(task_struct);

struct asked {
    const struct world *w;
    uint64_t n;
    char out[160];
};

static inline int ask(struct eg_run *r, void *context)
{
    struct asked *a = context;
    struct eg_space *space = linux_task_space(r, eg_object(r, task_struct, a->w->task));
    const uint64_t at = a->w->user + a->n * a->w->page;
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), space, at, &x);
    if (eg_read(eg_view_of(r), space, at, a->out, 32))
        return 0;
    snprintf(a->out, sizeof a->out, "-%s", linux_why_text(r, &x));
    return 0;
}

/** What page @n of the process begins with; "-" and why it is not there. */
static inline const char *page_text(const struct world *w, uint64_t n)
{
    static struct asked a;

    a = (struct asked){ .w = w, .n = n };
    assert_int_equal(eg_run_do(mk_run(w->k), ask, &a), 0);
    return a.out;
}

/** All machines but the invented one, whose Linux has no form of swap entries; each form. */
#define each_form(m, form)                                                                         \
    mk_each_machine(m) if (m->arch) for (unsigned form = 0; form < forms(m); form++)

#endif
