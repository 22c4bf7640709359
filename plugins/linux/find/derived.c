/** derived.c - variables that no symbol table lists. kallsyms may contain functions only
 * (CONFIG_KALLSYMS_ALL=n), and few variables are exported. The others are found by the code that
 * uses them, or by a pointer to them. A symbol is added only if exactly one address passes its
 * test.
 *
 * To add one: a line in symbols[]; if no test fits, a function for that test. */
#include "locate.h"
#include <stdlib.h>

enum {
    CODE_MAX = 8192,
    TARGETS_MAX = 256,
    NAME_LEN = 64,
    DEPTH_MAX = 16,
    ALIASES_MAX = 64,
    FUNCTION_COST = 16,
    SLOTS_MAX = 64 /* XA_CHUNK_SIZE */
};

struct derive {
    struct linux_finder *f;
    const struct linux_candidate *c;
    const struct eg_model *model;
    const uint64_t *found; /**< of symbols[], in its order, so far; 0: not found */
};

/** The condition for an address. */
struct test {
    bool (*passes)(const struct derive *d, const struct test *t, uint64_t va);
    const char *type, *link; /**< type of the elements, and the member that links them */
    const char *name;        /**< member that is the element's name or id */
    const char *behind;      /**< type to which link points, if the name is a member of that */
    bool inside;             /**< code may use an address inside the object */
};

struct symbol {
    const char *name;
    bool (*find)(const struct derive *d, const struct symbol *s, uint64_t *va);
    const char *from;          /**< functions that use it, separated by blanks; or an object */
    const char *type, *member; /**< of that object: the member that points to it */
    struct test test;
};

/* ---- reading ---- */

/** A symbol of the tables, or one that was derived before. */
static bool sym(const struct derive *d, const char *name, uint64_t *va);

static bool in_image(const struct derive *d, uint64_t va)
{
    return va >= d->c->start && va < d->c->end;
}

static bool pointer(const struct derive *d, uint64_t at, uint64_t *out)
{
    return linux_ptr(d->f->v, d->c->space, d->model, at, out);
}

static bool word(const struct derive *d, uint64_t at, uint32_t *out)
{
    return eg_read_u32(d->f->v, d->c->space, at, d->model->big_endian, out);
}

static bool member(const struct derive *d, const char *type, const char *name, uint64_t *off,
                   uint64_t *size)
{
    return linux_member(&d->c->ts, type, name, off, size);
}

static uint64_t type_size(const struct derive *d, const char *type)
{
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(&d->c->ts, type, NULL, 1u << EG_T_STRUCT, &iter);

    return id ? eg_type_size(&d->c->ts, id, d->model) : 0;
}

/** Is there a NUL-terminated text of at least one printable character? */
static bool is_text(const struct derive *d, uint64_t at)
{
    char text[NAME_LEN] = "";
    const size_t n = eg_read_some(d->f->v, d->c->space, at, text, sizeof text, NULL);
    size_t len = 0;

    while (len < n && text[len] > ' ' && text[len] < 0x7f)
        len++;
    return len && len < n && !text[len];
}

/* ---- tests ---- */

/** A list that closes and whose elements have names. An empty list is rejected: many places look
 * like one. */
static bool list_of(const struct derive *d, const struct test *t, uint64_t va)
{
    const struct eg_binding b = linux_binding(d->c);
    struct eg_list_walk w;
    struct eg_obj element;
    uint64_t link, name, size;
    bool named = true;

    if (!member(d, t->type, t->link, &link, NULL) || !member(d, t->type, t->name, &name, &size))
        return false;
    w = linux_list(d->f->v, d->c->space, &b, va, link);
    while (named && linux_spend(d->f, LINUX_ELEMENTS, 1) && eg_list_next_(&w, &element)) {
        uint64_t at = element.addr + name;

        // Either a pointer to the name, or an array of characters.
        named = (size != d->model->ptr_size || pointer(d, at, &at)) && is_text(d, at);
    }
    return named && w.n && !w.why;
}

/** The entry with the lowest index in the xarray whose head is at @at (include/linux/xarray.h). */
static bool first_entry(const struct derive *d, uint64_t at, uint64_t *entry, uint64_t *index)
{
    uint64_t slots, shift, size, e;

    *index = 0;
    if (!member(d, "xa_node", "slots", &slots, &size) ||
        !member(d, "xa_node", "shift", &shift, NULL) || !pointer(d, at, &e))
        return false;
    for (unsigned depth = 0; (e & 3) == 2 && e > 4096 && depth < DEPTH_MAX; depth++) {
        const uint64_t node = e & ~UINT64_C(3), n = size / d->model->ptr_size;
        uint64_t i = 0;
        uint8_t bits;

        if (n > SLOTS_MAX || !eg_read(d->f->v, d->c->space, node + shift, &bits, 1) || bits > 60)
            return false;
        for (e = 0; i < n && !e; i++)
            if (!pointer(d, node + slots + i * d->model->ptr_size, &e))
                return false;
        if (!e)
            return false;
        *index += (i - 1) << bits;
    }
    *entry = e;
    return (e & 3) == 0 && e > 4096;
}

/** An idr whose first object stores its own id. */
static bool idr_of(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t head, entry, index, off, base = 0, i;
    uint32_t base32 = 0, id;

    if (!member(d, "idr", "idr_rt.xa_head", &head, NULL) ||
        !member(d, "idr", "idr_base", &base, NULL) || !word(d, va + base, &base32) ||
        !first_entry(d, va + head, &entry, &index))
        return false;
    if (t->behind && (!member(d, t->type, t->link, &off, NULL) || !pointer(d, entry + off, &entry)))
        return false;
    return member(d, t->behind ? t->behind : t->type, t->name, &i, NULL) &&
           word(d, entry + i, &id) && id == index + base32;
}

/** A pointer, out of the image, to text. */
static bool text_pointer(const struct derive *d, const struct test *t, uint64_t va)
{
    char text[2];
    uint64_t at;

    (void)t;
    return pointer(d, va, &at) && !in_image(d, at) &&
           eg_read(d->f->v, d->c->space, at, text, sizeof text) && text[0] > ' ' &&
           text[0] < 0x7f && text[1] >= ' ' && text[1] < 0x7f;
}

/** A pointer to the text of VMCOREINFO. */
static bool vmcoreinfo(const struct derive *d, const struct test *t, uint64_t va)
{
    static const char first[] = "OSRELEASE=";
    char text[sizeof first - 1];
    uint64_t at;

    (void)t;
    return pointer(d, va, &at) && eg_read(d->f->v, d->c->space, at, text, sizeof text) &&
           !memcmp(text, first, sizeof text);
}

/** An object whose member t->link points to the symbol t->name. */
static bool points_at(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t off, to, at;

    return member(d, t->type, t->link, &off, NULL) && sym(d, t->name, &to) &&
           pointer(d, va + off, &at) && at == to;
}

/** A sequence count followed by a timekeeper. A timekeeper contains one value twice: offs_real
 * is the negative of wall_to_monotonic. */
static bool timekeeper(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t real, sec, nsec, a, b, c;

    (void)t;
    if (!member(d, "timekeeper", "offs_real", &real, NULL) ||
        !member(d, "timekeeper", "wall_to_monotonic.tv_sec", &sec, NULL) ||
        !member(d, "timekeeper", "wall_to_monotonic.tv_nsec", &nsec, NULL))
        return false;
    for (uint64_t off = 4; off <= 128; off += 4)
        if (pointer(d, va + off + real, &a) && a && pointer(d, va + off + sec, &b) &&
            pointer(d, va + off + nsec, &c) && a == -(b * 1000000000 + c))
            return true;
    return false;
}

/** An object whose member t->link points to the text t->name. */
static bool says(const struct derive *d, const struct test *t, uint64_t va)
{
    char text[NAME_LEN] = "";
    uint64_t off, at;

    return member(d, t->type, t->link, &off, NULL) && pointer(d, va + off, &at) &&
           eg_read_some(d->f->v, d->c->space, at, text, sizeof text - 1, NULL) &&
           !strcmp(text, t->name);
}

/** The distance between the per-CPU areas of the first two CPUs. */
static bool unit_size(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t at, first, second;
    uint32_t size;

    (void)t;
    return sym(d, "__per_cpu_offset", &at) && pointer(d, at, &first) &&
           pointer(d, at + d->model->ptr_size, &second) && word(d, va, &size) && size &&
           second - first == size;
}

/** The link-time address of the per-CPU variables: the address of the first per-CPU area minus
 * __per_cpu_offset[0] (mm/percpu.c). @at: address of the pointer to that area. */
static bool percpu_start(const struct derive *d, uint64_t at, uint64_t *va)
{
    uint64_t base, offset;

    if (!pointer(d, at, &base) || !sym(d, "__per_cpu_offset", &at) || !pointer(d, at, &offset) ||
        !in_image(d, base - offset) || (base - offset) % 4096)
        return false;
    *va = base - offset;
    return true;
}

static bool first_unit(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t start;

    (void)t;
    return percpu_start(d, va, &start);
}

/** __per_cpu_offset[]: the first CPU has its copy of the variables, so the first entry is no
 * address in the image. Those of later CPUs may still be. */
static bool cpu_offsets(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { PAGE = 4096, APART_MAX = 1 << 28 };
    uint64_t first, second, word_there;

    (void)t;
    if (!pointer(d, va, &first) || !pointer(d, va + d->model->ptr_size, &second) || first % PAGE ||
        second % PAGE || in_image(d, first) || !pointer(d, first, &word_there))
        return false;
    return second > first ? second - first <= APART_MAX : in_image(d, second);
}

/** A pointer to the ring of the kernel's log. */
static bool log_ring(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t bits, descs, ring, at, first;
    uint32_t n;

    (void)t;
    return member(d, "printk_ringbuffer", "desc_ring.count_bits", &bits, NULL) &&
           member(d, "printk_ringbuffer", "desc_ring.descs", &descs, NULL) &&
           pointer(d, va, &ring) && word(d, ring + bits, &n) && n >= 4 && n < 32 &&
           pointer(d, ring + descs, &at) && pointer(d, at, &first);
}

/** The mapping of x86's vsyscall page. */
static bool vsyscall_page(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint64_t page = UINT64_C(0xffffffffff600000);
    uint64_t start, at;

    (void)t;
    return member(d, "vm_area_struct", "vm_start", &start, NULL) && pointer(d, va + start, &at) &&
           at == page;
}

/** A number of an enumeration of three. */
static bool one_of_three(const struct derive *d, const struct test *t, uint64_t va)
{
    uint32_t n;

    (void)t;
    return word(d, va, &n) && n < 3;
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
    const uint64_t size = choice->test->inside ? type_size(d, choice->test->type) : 1;

    for (uint64_t off = 0;
         off < size && in_image(d, va - off) && linux_spend(d->f, LINUX_TARGETS, 1);
         off += d->model->ptr_size)
        consider(choice, va - off);
}

static void consider_targets(struct choice *choice, const char *name, size_t len)
{
    const struct linux_candidate *c = choice->d->c;
    const struct eg_profile *p = c->symbols;
    const struct eg_symbol *s, *end = p->symbols + p->n_symbols, *next;
    uint64_t targets[TARGETS_MAX];
    uint8_t code[CODE_MAX];
    char function[NAME_LEN];
    uint32_t iter = 0;
    size_t n;

    if (len >= sizeof function)
        return;
    memcpy(function, name, len);
    function[len] = 0;
    for (unsigned i = 0; i < ALIASES_MAX && (s = eg_profile_symbol(p, function, &iter)) &&
                         linux_spend(choice->d->f, LINUX_TARGETS, FUNCTION_COST);
         i++) {
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
}

/** The address that the code of s->from uses and that passes the test, if there is exactly one. */
static bool by_code(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    struct choice choice = { .d = d, .test = &s->test };

    if (!d->c->paging.arch->targets || !d->c->symbols)
        return false;
    for (const char *p = s->from; *p;) {
        const size_t len = strcspn(p, " ");

        consider_targets(&choice, p, len);
        p += len + (p[len] == ' ');
    }
    if (choice.n == 1)
        *va = choice.at;
    return choice.n == 1;
}

/** The address in the member s->member of the object s->from. */
static bool by_pointer(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at, off, first;

    if (!sym(d, s->from, &at) || !member(d, s->type, s->member, &off, NULL) ||
        !pointer(d, at + off, &at) || !in_image(d, at) || !pointer(d, at, &first))
        return false;
    *va = at;
    return true;
}

/** The same where the object's pointer leads to another, of t->type, and t->link of that to it. */
static bool by_two_pointers(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at, off, next, first;

    if (!sym(d, s->from, &at) || !member(d, s->type, s->member, &off, NULL) ||
        !member(d, s->test.type, s->test.link, &next, NULL) || !pointer(d, at + off, &at) ||
        !pointer(d, at + next, &at) || !in_image(d, at) || !pointer(d, at, &first))
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
    return in_image(d, *va);
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
    if (sym(d, "vmemmap_base", &map) || !d->c->text.text ||
        !eg_vmcoreinfo_symbol(&d->c->text, "mem_section", &roots) ||
        !member(d, "mem_section", "section_mem_map", &off, NULL) ||
        !(size = type_size(d, "mem_section")))
        return false;
    for (uint64_t i = 0; i < ROOTS_MAX && !root; i++)
        if (!pointer(d, roots + i * d->model->ptr_size, &root))
            return false;
    for (uint64_t i = 0; root && i < page / size; i++)
        if (pointer(d, root + i * size + off, &map) && (map & PRESENT) == PRESENT) {
            *va = map & ~(uint64_t)FLAGS;
            return pointer(d, *va + d->c->paging.root / page * type_size(d, "page"), &first);
        }
    return false;
}

/** From pcpu_base_addr, which points to the first per-CPU area. */
static bool by_first_cpu(const struct derive *d, const struct symbol *s, uint64_t *va)
{
    uint64_t at;

    return (sym(d, "pcpu_base_addr", &at) || by_code(d, s, &at)) && percpu_start(d, at, va);
}

#define CODE NULL, NULL
#define LIST(t, link, n)                                                                           \
    {                                                                                              \
        list_of, #t, #link, #n, NULL, false                                                        \
    }
#define NO_TEST                                                                                    \
    {                                                                                              \
        .passes = NULL                                                                             \
    }
#define SECOND(t, link)                                                                            \
    {                                                                                              \
        .type = #t, #link                                                                          \
    }
static const struct symbol symbols[] = {
    { "init_task", by_type, NULL, NULL, NULL, NO_TEST },
    { "swapper_pg_dir", by_root, NULL, NULL, NULL, NO_TEST },
    { "init_uts_ns", by_two_pointers, "init_task", "task_struct", "nsproxy",
      SECOND(nsproxy, uts_ns) },
    { "init_user_ns", by_two_pointers, "init_task", "task_struct", "cred", SECOND(cred, user_ns) },
    { "__per_cpu_offset",
      by_code,
      "per_cpu_ptr_to_phys nr_iowait_cpu available_idle_cpu idle_cpu",
      CODE,
      { .passes = cpu_offsets } },
    { "iomem_resource",
      by_code,
      "walk_iomem_res_desc iomem_map_sanity_check iomem_is_exclusive resource_is_exclusive "
      "region_intersects find_next_iomem_res lookup_resource",
      CODE,
      { says, "resource", "name", "PCI mem", NULL, true } },
    { "prb",
      by_code,
      "devkmsg_open devkmsg_read kmsg_dump_get_line kmsg_dump_get_buffer vprintk_store",
      CODE,
      { .passes = log_ring } },
    { "gate_vma", by_code, "get_gate_vma in_gate_area", CODE, { .passes = vsyscall_page } },
    { "vsyscall_mode", by_code, "get_gate_vma", CODE, { .passes = one_of_three } },
    { "modules", by_code, "module_kallsyms_lookup_name print_modules", CODE,
      LIST(module, list, name) },
    { "btf_idr",
      by_code,
      "btf_get_fd_by_id btf_free_id",
      CODE,
      { .passes = idr_of, .type = "btf", .name = "id" } },
    { "prog_idr",
      by_code,
      "bpf_prog_get_curr_or_next bpf_prog_by_id bpf_prog_get_fd_by_id",
      CODE,
      { idr_of, "bpf_prog", "aux", "id", "bpf_prog_aux", false } },
    { "map_idr",
      by_code,
      "bpf_map_get_curr_or_next bpf_map_get_fd_by_id",
      CODE,
      { .passes = idr_of, .type = "bpf_map", .name = "id" } },
    { "bpf_kallsyms", by_code, "bpf_ksym_add bpf_ksym_del bpf_get_kallsym", CODE,
      LIST(bpf_ksym, lnode, name) },
    { "super_blocks", by_code, "iterate_supers sget_fc", CODE, LIST(super_block, s_list, s_id) },
    { "slab_caches", by_code, "slab_next slab_start dump_unreclaimable_slab", CODE,
      LIST(kmem_cache, list, name) },
    { "workqueues", by_code, "show_all_workqueues show_workqueue_state destroy_workqueue", CODE,
      LIST(workqueue_struct, list, name) },
    { "tk_core", by_code, "ktime_get_real_ts64 ktime_get", CODE, { .passes = timekeeper } },
    { "vmcoreinfo_data",
      by_code,
      "vmcoreinfo_append_str update_vmcoreinfo_note crash_save_vmcoreinfo",
      CODE,
      { .passes = vmcoreinfo } },
    { "saved_command_line", by_code, "cmdline_proc_show", CODE, { .passes = text_pointer } },
    { "kprobe_insn_slots",
      by_code,
      "arch_prepare_kprobe arch_remove_kprobe kprobe_get_kallsym",
      CODE,
      { says, "kprobe_insn_cache", "sym", "kprobe_insn_page", NULL, false } },
    { "init_mm",
      by_code,
      "vmalloc_to_page __pte_alloc_kernel apply_to_page_range",
      CODE,
      { points_at, "mm_struct", "pgd", "swapper_pg_dir", NULL, true } },
    { "init_cred", by_pointer, "init_task", "task_struct", "cred", NO_TEST },
    { "init_css_set", by_pointer, "init_task", "task_struct", "cgroups", NO_TEST },
    { "init_nsproxy", by_pointer, "init_task", "task_struct", "nsproxy", NO_TEST },
    { "init_signals", by_pointer, "init_task", "task_struct", "signal", NO_TEST },
    { "init_files", by_pointer, "init_task", "task_struct", "files", NO_TEST },
    { "init_fs", by_pointer, "init_task", "task_struct", "fs", NO_TEST },
    { "vmemmap", by_sections, NULL, NULL, NULL, NO_TEST },
    { "__per_cpu_start",
      by_first_cpu,
      "per_cpu_ptr_to_phys __is_kernel_percpu_address",
      CODE,
      { .passes = first_unit } },
    { "pcpu_unit_size",
      by_code,
      "pcpu_chunk_relocate pcpu_alloc pcpu_get_vm_areas",
      CODE,
      { .passes = unit_size } },
};

static bool sym(const struct derive *d, const char *name, uint64_t *va)
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

    if (!c->ts.n_layers || !c->end)
        return NULL;
    for (size_t i = 0; i < countof(symbols); i++) {
        const char *name = symbols[i].name;
        uint64_t va;

        if ((linux_sym(c, name, &va) && va != c->init_task) ||
            !symbols[i].find(&d, &symbols[i], &va))
            continue;
        found[i] = va;
        if (!b && !(b = eg_builder_new(*d.model, "derived")))
            return NULL;
        eg_builder_symbol(b, eg_builder_name(b, name, strlen(name)), va, 0, '?');
    }
    return b && eg_builder_finish(b, &out, NULL, NULL) == 0 ? out : NULL;
}
