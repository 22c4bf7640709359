/** derived.c - variables that no symbol table lists. kallsyms may contain functions only
 * (CONFIG_KALLSYMS_ALL=n), and few variables are exported. The others are found by the code that
 * uses them, or by a pointer to them. A symbol is added only if exactly one address passes its
 * test.
 *
 * To add one: a line in symbols[]; if no test fits, a function for that test. */
#include "derived.h"
#include "locate.h"

enum {
    CODE_MAX = 8192,
    DATA_AT_ONCE = 4096,
    TARGETS_MAX = 256,
    NAME_LEN = 64,
    ALIASES_MAX = 64,
    FUNCTION_COST = 16,
};

struct symbol {
    const char *name;
    const char *arch;    /**< the only processor whose kernels have it; NULL: any */
    const char *plugins; /**< that show nothing, or less, without it; NULL: none */
    bool (*find)(const struct derive *d, const struct symbol *s, uint64_t *va);
    const char *from;          /**< functions that use it, separated by blanks; or an object */
    const char *type, *member; /**< of that object: the member that points to it */
    struct test test;
};

uint64_t derived_size(const struct derive *d, const char *type)
{
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(&d->c->ts, type, NULL, 1u << EG_T_STRUCT, &iter);

    return id ? eg_type_size(&d->c->ts, id, d->model) : 0;
}

/* ---- where to look ---- */

/** The addresses that pass the test. */
struct choice {
    const struct derive *d;
    const struct test *test;
    uint64_t at; // the first one
    unsigned n;
};

static void consider(struct choice *choice, uint64_t va)
{
    if (va % 4 || (choice->n && va == choice->at) ||
        !choice->test->passes(choice->d, choice->test, va))
        return;
    if (!choice->n++)
        choice->at = va;
}

/** The object at @va, or one that @va is inside of. */
static void consider_inside(struct choice *choice, uint64_t va)
{
    const struct derive *d = choice->d;
    const uint64_t size = choice->test->inside ? derived_size(d, choice->test->type) : 1;

    for (uint64_t off = 0;
         off < size && derived_in_image(d, va - off) && linux_spend(d->f, LINUX_TARGETS, 1);
         off += d->model->ptr_size)
        consider(choice, va - off);
}

/** @return false: the function is not known. */
static bool consider_targets(struct choice *choice, const char *name, size_t len)
{
    const struct linux_candidate *c = choice->d->c;
    const struct eg_profile *p = c->symbols;
    const struct eg_symbol *s, *end = p->symbols + p->n_symbols, *next;
    uint64_t targets[TARGETS_MAX];
    uint8_t code[CODE_MAX];
    char function[NAME_LEN];
    uint32_t iter = 0;
    bool known = false;
    size_t n;

    if (len >= sizeof function)
        return false;
    memcpy(function, name, len);
    function[len] = 0;
    for (unsigned i = 0; i < ALIASES_MAX && (s = eg_profile_symbol(p, function, &iter)) &&
                         linux_spend(choice->d->f, LINUX_TARGETS, FUNCTION_COST);
         i++) {
        known = true;
        for (next = s; next < end && next - s < ALIASES_MAX && next->addr <= s->addr; next++)
            ;
        n = next < end && next->addr > s->addr
                ? (size_t)EG_MIN(next->addr - s->addr, (uint64_t)CODE_MAX)
                : CODE_MAX;
        n = eg_read_some(choice->d->f->v, c->space, s->addr + c->shift, code, n, NULL);
        n = c->paging.arch->targets(code, n, s->addr + c->shift, targets, TARGETS_MAX);
        for (size_t k = 0; k < n; k++)
            consider_inside(choice, targets[k]);
    }
    return known;
}

/** @return false: none of the functions is known. */
static bool consider_code(struct choice *choice, const char *functions)
{
    bool known = false;

    for (const char *p = functions; *p;) {
        const size_t len = strcspn(p, " ");

        known |= consider_targets(choice, p, len);
        p += len + (p[len] == ' ');
    }
    return known;
}

/** Pointers of @page, which is at @at, or other words if the condition does not begin with one. */
static void consider_words(struct choice *choice, uint64_t at, const uint8_t *page, size_t len,
                           uint64_t key)
{
    const struct derive *d = choice->d;
    const unsigned size = d->model->ptr_size;

    for (size_t i = 0; i + size <= len && choice->n < 2; i += size) {
        const uint64_t word = eg_load_(page + i, size, d->model->big_endian);

        if (word && (choice->test->no_pointer || word >> (8 * size - 1)) &&
            at + i - d->c->start >= key)
            consider(choice, at + i - key);
    }
}

/** All of the image's data. Its variables are aligned to pointers, and none is zero where a
 * condition begins. */
static void consider_data(struct choice *choice)
{
    const struct derive *d = choice->d;
    const struct test *t = choice->test;
    const uint64_t last = d->c->end - 1;
    uint8_t page[DATA_AT_ONCE];
    struct eg_extent x;
    uint64_t key = t->key_at;

    if (t->key && !derived_member(d, t->type, t->key, &key, NULL))
        return;
    for (uint64_t from = d->c->start;
         choice->n < 2 && !eg_cancelled && linux_spend(d->f, LINUX_EXTENTS, 1) &&
         eg_next_mapped(d->f->v, d->c->space, from, last, &x);
         from = EG_MIN(x.last, last) + 1) {
        uint64_t at = eg_align_up(EG_MAX(from, x.start), d->model->ptr_size);

        x.last = EG_MIN(x.last, last);
        for (size_t n; !(x.flags & EG_X_EXEC) && at <= x.last && choice->n < 2; at += n) {
            n = (size_t)EG_MIN(x.last - at + 1, (uint64_t)sizeof page);
            if (!linux_spend(d->f, LINUX_DATA, (int64_t)n))
                return;
            if (eg_read_some(d->f->v, d->c->space, at, page, n, NULL) == n)
                consider_words(choice, at, page, n, key);
        }
        if (x.last == last)
            break;
    }
}

/** The address that the code of s->from uses and that passes the test, if there is exactly one. If
 * none of these functions is known, that in all of the image's data. */
static bool by_code(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    struct choice choice = { .d = d, .test = &s->test };

    if ((!d->c->paging.arch->targets || !d->c->symbols || !consider_code(&choice, s->from)) &&
        s->test.anywhere)
        consider_data(&choice);
    if (choice.n == 1)
        *va = choice.at;
    return choice.n == 1;
}

/** A text in the image's data, where nothing better says which kernel this is. */
static bool by_text(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    struct choice choice = { .d = d, .test = &s->test };

    if (!derived_sym(d, "init_uts_ns", va))
        consider_data(&choice);
    *va = choice.at;
    return choice.n == 1;
}

/** The address in the member s->member of the object s->from. */
static bool by_pointer(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at, off, first;

    if (!derived_sym(d, s->from, &at) || !derived_member(d, s->type, s->member, &off, NULL) ||
        !derived_pointer(d, at + off, &at) || !derived_in_image(d, at) ||
        !derived_pointer(d, at, &first))
        return false;
    *va = at;
    return true;
}

/** The same where the object's pointer leads to another, of t->type, and t->link of that to it. */
static bool by_two_pointers(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at, off, next, first;

    if (!derived_sym(d, s->from, &at) || !derived_member(d, s->type, s->member, &off, NULL) ||
        !derived_member(d, s->test.type, s->test.link, &next, NULL) ||
        !derived_pointer(d, at + off, &at) || !derived_pointer(d, at + next, &at) ||
        !derived_in_image(d, at) || !derived_pointer(d, at, &first))
        return false;
    *va = at;
    return true;
}

/** init_task, as it was found by its type. */
static bool by_type(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    (void)s;
    *va = d->c->init_task;
    return *va != 0;
}

/** The top table, if it is the kernel's own. */
static bool by_root(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    (void)s;
    *va = d->c->paging.root + d->c->delta;
    return derived_in_image(d, *va);
}

/** The address of the struct page of frame 0, from the mem_section of any present section:
 * section_mem_map holds it with flags in its lower bits (include/linux/mmzone.h). */
static bool by_sections(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    enum { ROOTS_MAX = 1 << 14, FLAGS = 63, PRESENT = 3 };
    const uint64_t page = UINT64_C(1) << (d->c->paging.granule ? d->c->paging.granule
                                                               : d->c->paging.arch->page_shift);
    uint64_t roots, root = 0, off, size, map, first;

    (void)s;
    if (!d->c->text.text || !eg_vmcoreinfo_symbol(&d->c->text, "mem_section", &roots) ||
        !derived_member(d, "mem_section", "section_mem_map", &off, NULL) ||
        !(size = derived_size(d, "mem_section")))
        return false;
    for (uint64_t i = 0; i < ROOTS_MAX && !root; i++)
        if (!derived_pointer(d, roots + i * d->model->ptr_size, &root))
            return false;
    for (uint64_t i = 0; root && i < page / size; i++)
        if (derived_pointer(d, root + i * size + off, &map) && (map & PRESENT) == PRESENT) {
            *va = map & ~(uint64_t)FLAGS;
            return derived_pointer(d, *va + d->c->paging.root / page * derived_size(d, "page"),
                                   &first);
        }
    return false;
}

/** The same for kernels of x86 that cannot move it: the mapping that begins with it. */
static bool by_mapping(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    const uint64_t step = UINT64_C(1) << 30, last = d->c->arch->image_min - 1;
    struct eg_extent x;

    (void)s;
    for (uint64_t at = UINT64_C(1) << 63;
         linux_spend(d->f, LINUX_EXTENTS, 1) &&
         eg_next_mapped(d->f->v, d->c->space, at, last, &x) && x.last < last;
         at = x.last + 1)
        if (x.start % step == 0 && derived_is_memmap(d, x.start)) {
            *va = x.start;
            return true;
        }
    return false;
}

static bool by_sections_or_mapping(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at;

    return !derived_sym(d, "vmemmap_base", &at) &&
           (by_sections(d, s, va) ||
            (!strcmp(d->c->paging.arch->name, "x86_64") && by_mapping(d, s, va)));
}

/** From pcpu_base_addr, which points to the first per-CPU area. */
static bool by_first_cpu(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at;

    return (derived_sym(d, "pcpu_base_addr", &at) || by_code(d, s, &at)) &&
           derived_percpu_start(d, at, va);
}

#define CODE(functions)      .find = by_code, .from = functions
#define POINTER(o, t, m)     .find = by_pointer, .from = o, .type = t, .member = m
#define TEST(condition, ...) .test = { .passes = derived_##condition, __VA_ARGS__ }
#define LIST(t, l, n)        TEST(list_of, .type = t, .link = l, .name = n)
#define X86                  .arch = "x86_64"
/* Those that others are derived from come first. */
static const struct symbol symbols[] = {
    { "init_task", .find = by_type },
    { "swapper_pg_dir", .find = by_root },
    { "init_uts_ns", .find = by_two_pointers, .from = "init_task", .type = "task_struct",
      .member = "nsproxy", .test = { .type = "nsproxy", .link = "uts_ns" } },
    { "init_user_ns", .find = by_two_pointers, .from = "init_task", .type = "task_struct",
      .member = "cred", .test = { .type = "cred", .link = "user_ns" } },
    { "page_offset_base", X86, CODE("lookup_address_in_pgd vmalloc_to_page slow_virt_to_phys"),
      TEST(linear_base, .anywhere = true) },
    { "vmemmap_base", X86, CODE("vmalloc_to_page kfree kmem_cache_free __free_pages"),
      TEST(memmap_base, .anywhere = true) },
    { "vmalloc_base", X86, CODE("is_vmalloc_addr is_vmalloc_or_module_addr vmalloc_to_page"),
      TEST(vmalloc_base, .name = NULL) },
    { "boot_params", X86, CODE("boot_params_data_read version_show"),
      TEST(boot_params, .key_at = 0x200, .no_pointer = true, .anywhere = true) },
    { "linux_banner", .find = by_text, TEST(banner, .no_pointer = true, .anywhere = true) },
    { "__per_cpu_offset", CODE("per_cpu_ptr_to_phys nr_iowait_cpu available_idle_cpu idle_cpu"),
      TEST(cpu_offsets, .name = NULL) },
    { "iomem_resource", .plugins = "iomem",
      CODE("walk_iomem_res_desc iomem_map_sanity_check iomem_is_exclusive resource_is_exclusive "
           "region_intersects find_next_iomem_res lookup_resource"),
      TEST(says, .type = "resource", .key = "name", .name = "PCI mem", .inside = true,
           .anywhere = true) },
    { "prb", .plugins = "kmsg, timeline",
      CODE("devkmsg_open devkmsg_read kmsg_dump_get_line kmsg_dump_get_buffer "
           "vprintk_store"),
      TEST(log_ring, .type = "printk_ringbuffer", .link = "desc_ring", .anywhere = true) },
    { "gate_vma", X86, CODE("get_gate_vma in_gate_area"),
      TEST(vsyscall_page, .type = "vm_area_struct", .key = "vm_start", .anywhere = true) },
    { "vsyscall_mode", X86, CODE("get_gate_vma"), TEST(one_of_three, .name = NULL) },
    { "modules", .plugins = "lsmod, kallsyms", CODE("module_kallsyms_lookup_name print_modules"),
      TEST(list_of, .type = "module", .link = "list", .name = "name", .own = "mkobj.mod",
           .anywhere = true) },
    { "btf_modules", CODE("btf_try_get_module btf_get_module_btf btf_module_notify"),
      TEST(module_btfs, .name = NULL) },
    { "btf_idr", CODE("btf_get_fd_by_id btf_free_id"), TEST(idr_of, .type = "btf", .name = "id") },
    { "prog_idr", CODE("bpf_prog_get_curr_or_next bpf_prog_by_id bpf_prog_get_fd_by_id"),
      TEST(idr_of, .type = "bpf_prog", .link = "aux", .behind = "bpf_prog_aux", .name = "id") },
    { "map_idr", CODE("bpf_map_get_curr_or_next bpf_map_get_fd_by_id"),
      TEST(idr_of, .type = "bpf_map", .name = "id") },
    { "bpf_kallsyms", CODE("bpf_ksym_add bpf_ksym_del bpf_get_kallsym"),
      LIST("bpf_ksym", "lnode", "name") },
    { "super_blocks", CODE("iterate_supers sget_fc"), LIST("super_block", "s_list", "s_id") },
    { "slab_caches", CODE("slab_next slab_start dump_unreclaimable_slab"),
      LIST("kmem_cache", "list", "name") },
    { "workqueues", CODE("show_all_workqueues show_workqueue_state destroy_workqueue"),
      LIST("workqueue_struct", "list", "name") },
    { "tk_core", CODE("ktime_get_real_ts64 ktime_get"), TEST(timekeeper, .name = NULL) },
    { "vmcoreinfo_data", CODE("vmcoreinfo_append_str update_vmcoreinfo_note crash_save_vmcoreinfo"),
      TEST(vmcoreinfo, .anywhere = true) },
    { "saved_command_line", CODE("cmdline_proc_show"), TEST(text_pointer, .name = NULL) },
    { "kprobe_insn_slots", CODE("arch_prepare_kprobe arch_remove_kprobe kprobe_get_kallsym"),
      TEST(says, .type = "kprobe_insn_cache", .key = "sym", .name = "kprobe_insn_page") },
    { "init_mm", CODE("vmalloc_to_page __pte_alloc_kernel apply_to_page_range"),
      TEST(points_at, .type = "mm_struct", .key = "pgd", .name = "swapper_pg_dir", .inside = true,
           .anywhere = true) },
    { "init_cred", POINTER("init_task", "task_struct", "cred") },
    { "init_css_set", POINTER("init_task", "task_struct", "cgroups") },
    { "init_nsproxy", POINTER("init_task", "task_struct", "nsproxy") },
    { "init_signals", POINTER("init_task", "task_struct", "signal") },
    { "init_files", POINTER("init_task", "task_struct", "files") },
    { "init_fs", POINTER("init_task", "task_struct", "fs") },
    { "vmemmap", .find = by_sections_or_mapping },
    { "__per_cpu_start", .find = by_first_cpu,
      .from = "per_cpu_ptr_to_phys __is_kernel_percpu_address", TEST(first_unit, .name = NULL) },
    { "swap_info", .plugins = "swaps",
      CODE(
          "swp_swap_info page_swap_info get_swap_device __swap_count swap_type_of __swap_duplicate "
          "swap_free"),
      TEST(swap_devices, .name = NULL) },
    { "swapper_spaces",
      CODE("exit_swap_address_space init_swap_address_space swap_cache_get_folio lookup_swap_cache "
           "get_shadow_from_swap_cache clear_shadow_from_swap_cache delete_from_swap_cache"),
      TEST(swap_caches, .name = NULL) },
    { "zswap_trees",
      CODE("zswap_invalidate zswap_load zswap_store zswap_swapon zswap_swapoff "
           "zswap_frontswap_load zswap_frontswap_invalidate_page"),
      TEST(zswap_trees, .name = NULL) },
    { "sysctl_table_root", .plugins = "sysctl",
      CODE("register_sysctl register_sysctl_sz __register_sysctl_table proc_sys_init"),
      TEST(points_home, .type = "ctl_table_root", .key = "default_set.dir.header.root",
           .link = "default_set.dir.header.set", .anywhere = true) },
    { "chrdevs", .plugins = "devices",
      CODE("chrdev_show __unregister_chrdev_region unregister_chrdev_region __unregister_chrdev"),
      TEST(majors, .type = "char_device_struct", .link = "next", .name = "major") },
    { "major_names", .plugins = "devices", CODE("blkdev_show unregister_blkdev __register_blkdev"),
      TEST(majors, .type = "blk_major_name", .link = "next", .name = "major") },
    { "inode_hashtable", .plugins = "inodes",
      CODE("__insert_inode_hash ilookup iget_locked inode_insert5"),
      TEST(hash_table, .type = "inode", .link = "i_hash", .key = "i_sb") },
    { "i_hash_shift", .plugins = "inodes",
      CODE("__insert_inode_hash ilookup iget_locked inode_insert5"),
      TEST(hash_shift, .type = "inode", .link = "i_hash", .key = "i_sb",
           .name = "inode_hashtable") },
    { "dentry_hashtable", .plugins = "dentries", CODE("__d_lookup __d_lookup_rcu __d_rehash"),
      TEST(hash_table, .type = "dentry", .link = "d_hash", .key = "d_parent") },
    { "d_hash_shift", .plugins = "dentries", CODE("__d_lookup __d_lookup_rcu __d_rehash"),
      TEST(hash_shift, .type = "dentry", .link = "d_hash", .key = "d_parent",
           .name = "dentry_hashtable", .key_at = 32) },
    { "block_class", .plugins = "lsblk",
      CODE("disk_seqf_start printk_all_partitions genhd_device_init device_add_disk part_devt"),
      TEST(says, .type = "class", .key = "name", .name = "block", .inside = true) },
    { "misc_list", .plugins = "devices", CODE("misc_register misc_deregister misc_open"),
      LIST("miscdevice", "list", "name") },
    { "tty_drivers", .plugins = "tty",
      CODE("tty_register_driver tty_unregister_driver show_cons_active"),
      LIST("tty_driver", "tty_drivers", "name") },
    { "cpu_data", .arch = "aarch64", .plugins = "cpus",
      CODE("cpuinfo_store_cpu __cpuinfo_store_cpu c_show"),
      TEST(midr, .type = "cpuinfo_arm64", .key = "reg_midr", .no_pointer = true) },
    { "irq_desc_tree", CODE("irq_to_desc irq_get_next_irq"), TEST(irq_tree, .name = NULL) },
    { "pcpu_unit_size", CODE("pcpu_chunk_relocate pcpu_alloc pcpu_get_vm_areas"),
      TEST(unit_size, .name = NULL) },
};

bool derived_sym(const struct derive *d, const char *name, uint64_t *va)
{
    if (linux_sym(d->c, name, va))
        return true;
    for (size_t i = 0; i < countof(symbols); i++)
        if (d->found[i] && !strcmp(symbols[i].name, name)) {
            *va = d->found[i];
            return true;
        }
    return false;
}

struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_candidate *c)
{
    uint64_t found[countof(symbols)] = { 0 };
    const struct derive d = { f, c, &c->paging.arch->model, found };
    struct eg_builder *b = NULL;
    struct eg_profile *out;

    if (!c->end)
        return NULL;
    for (size_t i = 0; i < countof(symbols); i++) {
        const char *name = symbols[i].name;
        uint64_t va;

        if ((linux_sym(c, name, &va) && va != c->init_task) ||
            (symbols[i].arch && strcmp(symbols[i].arch, c->paging.arch->name) != 0) ||
            !symbols[i].find(&d, &symbols[i], &va))
            continue;
        found[i] = va;
        if (!b && !(b = eg_builder_new(*d.model, "derived")))
            return NULL;
        eg_builder_symbol(b, eg_builder_name(b, name, strlen(name)), va, 0, '?');
    }
    return b && eg_builder_finish(b, &out, NULL, NULL) == 0 ? out : NULL;
}

/** Could the kernel have it? Not if it was built without the type. */
static bool may_have(const struct linux_candidate *c, const struct symbol *s)
{
    const char *type = s->test.type ? s->test.type : s->type;
    const char *member = s->test.link ? s->test.link : s->test.key;
    uint64_t off;

    return s->plugins && (!type || linux_member(&c->ts, type, member, &off, NULL));
}

const char *linux_not_derived(const struct linux_candidate *c, struct eg_arena *a)
{
    const char *text = NULL;
    uint64_t va;

    for (size_t i = 0; c->ts.n_layers && i < countof(symbols); i++)
        if (may_have(c, &symbols[i]) && !linux_sym(c, symbols[i].name, &va))
            text = eg_arena_strf(a, "%s%s%s (%s)", text ? text : "", text ? ", " : "",
                                 symbols[i].name, symbols[i].plugins);
    return text;
}
