/* kernelmap_test.c - what the kernel's page tables allow: each rule with one page that breaks it,
 * and one that is close and does not; who says what is RAM. */
#include "check.h"
#include "mklinux.h"
#include "plugins/linux/state.h"

/* Of kernel memory, nothing is executable here unless a test says so. */
#define NX (UINT64_C(1) << 63)
static const struct mk_machine machine = {
    "x86_64", "x86_64", 4, 12, 9, 8, 0xffff888000000000, NX | 0x63, 0x67,
};
enum { PAGE = 4096, RW = 2, USER = 4 };

static const char types[] = MK_LIST_TYPES
    "struct resource { unsigned long long start, end; char *name; unsigned long flags;"
    "  struct resource *parent, *sibling, *child; };"
    "struct e820_entry { unsigned long long addr, size; int type; };"
    "struct e820_table { unsigned int nr_entries; struct e820_entry entries[4]; };"
    "struct module_memory { void *base; unsigned int size; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct module_memory mem[7]; struct list_head source_list, target_list; };"
    "struct vm_struct { void *addr; unsigned long size, flags; void *caller; };"
    "struct vmap_area { unsigned long va_start, va_end; struct list_head list;"
    "  struct vm_struct *vm; };"
    "struct task_struct { struct list_head tasks; int pid; void *stack; char comm[16]; };";

struct world {
    struct mk *k;
    uint64_t text, constants, module, nobody, unused; // a page each; text: two
    uint64_t delta, iomem, e820, area, vm, max_pfn;
};

static uint64_t a_page(struct world *w, uint8_t first, bool code)
{
    const uint64_t at = mk_alloc_aligned(w->k, PAGE, PAGE);

    mk_write(w->k, at, &first, 1);
    if (code)
        mk_protect(w->k, at, 0, NX | RW);
    return at;
}

/* Its page in the direct map, where it can only be read. */
static void in_direct_map(struct world *w, uint64_t at)
{
    const uint64_t alias = mk_physical(w->k, at) + w->delta;

    mk_alias(w->k, alias, at);
    mk_protect(w->k, alias, NX, RW);
}

static uint64_t range(struct world *w, const char *name, uint64_t first, uint64_t last)
{
    const uint64_t o = mk_object(w->k, "resource"), text = mk_alloc(w->k, 32);

    mk_write(w->k, text, name, strlen(name) + 1);
    mk_put(w->k, o, "resource.name", text);
    mk_put(w->k, o, "resource.start", first);
    mk_put(w->k, o, "resource.end", last);
    mk_put(w->k, o, "resource.parent", w->iomem);
    return o;
}

static void entry(struct world *w, unsigned i, uint64_t addr, uint64_t size, unsigned type)
{
    const uint64_t at = mk_at(w->k, w->e820, "e820_table.entries") + 24 * i;

    mk_put(w->k, at, "e820_entry.addr", addr);
    mk_put(w->k, at, "e820_entry.size", size);
    mk_put(w->k, at, "e820_entry.type", type);
}

static void a_module(struct world *w)
{
    const uint64_t list = mk_object(w->k, "list_head"), m = mk_object(w->k, "module");
    const uint64_t node = mk_at(w->k, m, "module.list");

    mk_puts(w->k, m, "module.name", "lab");
    mk_put(w->k, mk_at(w->k, m, "module.mem"), "module_memory.base", w->module);
    mk_put(w->k, mk_at(w->k, m, "module.mem"), "module_memory.size", 100);
    mk_list(w->k, list, &node, 1);
    mk_symbol(w->k, "modules", list);
}

static unsigned text_pages = 2;

/* What was allocated page by page lies the other way round in physical memory. */
static void turn_round(struct world *w, uint64_t first, unsigned pages)
{
    const uint64_t aside = first + (1 << 30);

    for (unsigned i = 0; i < pages / 2; i++) {
        const uint64_t a = first + i * PAGE, b = first + (pages - 1 - i) * PAGE;

        mk_alias(w->k, aside, a);
        mk_alias(w->k, a, b);
        mk_alias(w->k, b, aside);
        mk_unmap(w->k, aside);
    }
}

static struct world make(void)
{
    struct world w = { .k = mk_new(&machine, 4 << 20, types) };
    uint64_t task, node, ram, pointer;
    uint8_t breakpoints[PAGE];

    w.text = a_page(&w, 0x55, true);
    for (unsigned i = 1; i < text_pages; i++)
        a_page(&w, 0x55, true);
    turn_round(&w, w.text, text_pages);
    w.constants = a_page(&w, 1, false);
    mk_protect(w.k, w.constants, 0, RW);
    w.module = a_page(&w, 0x55, true);
    w.nobody = a_page(&w, 0x55, false);
    w.unused = a_page(&w, 0xcc, true);
    memset(breakpoints, 0xcc, sizeof breakpoints);
    mk_write(w.k, w.unused, breakpoints, sizeof breakpoints);
    mk_symbol(w.k, "_stext", w.text);
    mk_symbol(w.k, "_etext", w.text + (text_pages - 1) * PAGE + 100);
    mk_symbol(w.k, "__start_rodata", w.constants);
    mk_symbol(w.k, "__end_rodata", w.constants + PAGE);
    task = mk_object(w.k, "task_struct");
    mk_put(w.k, task, "task_struct.pid", 1);
    node = mk_at(w.k, task, "task_struct.tasks");
    mk_list(w.k, node, NULL, 0);
    mk_symbol(w.k, "init_task", task);
    a_module(&w);
    node = mk_object(w.k, "list_head");
    mk_list(w.k, node, NULL, 0);
    mk_symbol(w.k, "bpf_kallsyms", node);
    w.vm = mk_object(w.k, "vm_struct");
    w.area = mk_object(w.k, "vmap_area");
    mk_put(w.k, w.area, "vmap_area.vm", w.vm);
    node = mk_at(w.k, w.area, "vmap_area.list");
    ram = mk_object(w.k, "list_head");
    mk_list(w.k, ram, &node, 1);
    mk_symbol(w.k, "vmap_area_list", ram);
    mk_symbol(w.k, "bpf_jit_binary_alloc", w.text + 0x800);
    mk_symbol(w.k, "bpf_jit_binary_free", w.text + 0x900);
    w.max_pfn = mk_alloc(w.k, 8);
    mk_symbol(w.k, "max_pfn", w.max_pfn);
    w.iomem = mk_object(w.k, "resource");
    mk_put(w.k, w.iomem, "resource.end", UINT64_MAX);
    ram = range(&w, "System RAM", 0x1000, 0x8fff);
    mk_put(w.k, w.iomem, "resource.child", ram);
    mk_put(w.k, ram, "resource.sibling", range(&w, "Reserved", 0x9000, 0xffff));
    mk_symbol(w.k, "iomem_resource", w.iomem);
    w.e820 = mk_object(w.k, "e820_table");
    mk_put(w.k, w.e820, "e820_table.nr_entries", 2);
    entry(&w, 0, 0x1000, 0x8000, 1);
    entry(&w, 1, 0x9000, 0x7000, 2);
    pointer = mk_alloc(w.k, 8);
    mk_write_ptr(w.k, pointer, w.e820);
    mk_symbol(w.k, "e820_table", pointer);
    w.delta = task - mk_physical(w.k, task);
    for (uint64_t at = w.text; at <= w.unused; at += PAGE)
        in_direct_map(&w, at);
    for (uint64_t pa = 0x1000; pa < 0x9000; pa += PAGE)
        mk_alias(w.k, pa + w.delta, w.nobody);
    mk_rows(w.k, "iomem", NULL);
    linux_state(mk_system(w.k))->image_start = w.text;
    linux_state(mk_system(w.k))->image_end = w.constants + PAGE;
    return w;
}

/** PROTECTION, KIND, MODULE, HINTS of a fresh machine that @change changed. */
static const char *hints(void (*change)(struct world *w))
{
    static char out[8192];
    struct world w = make();

    if (change)
        change(&w);
    snprintf(out, sizeof out, "%s", mk_columns(mk_rows(w.k, "kernelmap", NULL), 4, 7));
    mk_free(w.k);
    return out;
}

#define CODE   "r-x|kernel|kernel|\n"
#define MODULE "r-x|module|lab|\n"
#define UNUSED "r-x|other||"
#define CLEAN  CODE MODULE UNUSED

static void run_nobody(struct world *w)
{
    mk_protect(w->k, w->nobody, 0, NX | RW);
}

/* In an area that was asked for from here. */
static void run_area(struct world *w, uint64_t caller)
{
    run_nobody(w);
    mk_put(w->k, w->area, "vmap_area.va_start", w->nobody);
    mk_put(w->k, w->area, "vmap_area.va_end", w->nobody + PAGE);
    mk_put(w->k, w->vm, "vm_struct.addr", w->nobody);
    mk_put(w->k, w->vm, "vm_struct.size", PAGE);
    mk_put(w->k, w->vm, "vm_struct.caller", caller);
}

static void run_classic(struct world *w)
{
    run_area(w, w->text + 0x810);
}

static void run_other(struct world *w)
{
    run_area(w, w->text + 0x910);
}

static void write_code(struct world *w)
{
    mk_protect(w->k, w->text, RW, 0);
}

static void share_code(struct world *w)
{
    mk_protect(w->k, w->module, USER, 0);
}

static void share_data(struct world *w)
{
    mk_protect(w->k, w->nobody, USER, 0);
}

static void write_constants(struct world *w)
{
    mk_protect(w->k, w->constants, RW, 0);
}

static void zeros(struct world *w)
{
    const uint8_t zero = 0;

    mk_write(w->k, w->module, &zero, 1);
}

/* The page lies behind the image, in what max_pfn calls RAM or behind that. */
static void lose(struct world *w, unsigned pages)
{
    size_t len;

    mk_ram(w->k, &len);
    mk_write_ptr(w->k, w->max_pfn, len / PAGE + pages);
    mk_protect(w->k, w->module, len, 0);
}

static void lose_ram(struct world *w)
{
    lose(w, 1 << 12);
}

static void take_out(struct world *w)
{
    lose(w, 0);
}

static void unmapped(struct world *w)
{
    mk_unmap(w->k, w->text + PAGE);
}

static void no_alias(struct world *w)
{
    mk_unmap(w->k, mk_physical(w->k, w->module) + w->delta);
}

static void writable_alias(struct world *w)
{
    mk_protect(w->k, mk_physical(w->k, w->module) + w->delta, RW, 0);
}

static void executable_alias(struct world *w)
{
    mk_protect(w->k, mk_physical(w->k, w->nobody) + w->delta, 0, NX);
}

static void no_ram(struct world *w)
{
    mk_unmap(w->k, 0x3000 + w->delta);
}

static void replace_code(struct world *w)
{
    mk_unmap(w->k, w->text + 5 * PAGE);
    mk_alias(w->k, w->text + 5 * PAGE, w->nobody);
    mk_protect(w->k, w->text + 5 * PAGE, 0, NX | RW);
}

/* Of the kernel's code most pages lie as one piece. */
static void replaced(void **state)
{
    (void)state;
    text_pages = 12;
    assert_null(strstr(hints(NULL), "r-x|kernel|kernel|another page"));
    assert_non_null(
        strstr(hints(replace_code), "r-x|kernel|kernel|another page stands in its place"));
    text_pages = 2;
}

static void test_kernelmap(void **state)
{
    (void)state;
    assert_string_equal(hints(NULL), CLEAN);
    assert_string_equal(hints(run_nobody),
                        CODE MODULE "r-x|other||code of no module that is listed, nor of the "
                                    "kernel\n" UNUSED);
    assert_string_equal(hints(run_classic), CODE MODULE "r-x|vmalloc|bpf|\n" UNUSED);
    assert_non_null(strstr(hints(run_other), "r-x|vmalloc||code of no module that is listed"));
    assert_non_null(strstr(hints(write_code), "rwx|kernel|kernel|writable and executable"));
    assert_non_null(strstr(hints(write_code), "rwx|kernel|kernel|writable code"));
    assert_non_null(strstr(hints(share_code), "r-xu|module|lab|programs may run it"));
    assert_non_null(strstr(hints(share_data), "rw-u|other||programs may read it"));
    assert_non_null(strstr(hints(write_constants), "rw-|kernel|kernel|writable constants"));
    assert_non_null(strstr(hints(zeros), "r-x|module|lab|executable, but the page is zeros"));
    assert_null(strstr(hints(lose_ram), "the image lacks the page"));
    assert_non_null(strstr(hints(take_out), "r-x|module|lab|executable, but the image lacks"));
    assert_non_null(strstr(hints(unmapped), "|kernel|kernel|code that is not mapped"));
    assert_non_null(strstr(hints(no_alias), "r-x|module|lab|the direct map lacks its page"));
    assert_non_null(
        strstr(hints(writable_alias), "r-x|module|lab|its page can be written in the direct map"));
    assert_non_null(
        strstr(hints(executable_alias), "r-x|direct map||the direct map is executable"));
    assert_non_null(strstr(hints(no_ram), "|direct map||RAM that the direct map lacks"));
}

/* ---- ramviews ---- */

static void test_ramviews(void **state)
{
    struct world w = make();
    const char *rows;

    (void)state;
    rows = mk_rows(w.k, "ramviews", NULL);
    assert_string_equal(mk_columns(rows, 3, 4), "System RAM|RAM\nReserved|reserved");
    assert_string_equal(mk_columns(rows, 9, 9), "\n");
    // RAM is called otherwise in one view only.
    mk_write(w.k,
             mk_read_ptr(w.k, mk_at(w.k, mk_read_ptr(w.k, mk_at(w.k, w.iomem, "resource.child")),
                                    "resource.name")),
             "Reserved", 9);
    rows = mk_rows(w.k, "ramviews", NULL);
    assert_string_equal(mk_columns(rows, 9, 9), "RAM by e820, but not in iomem\n");
    mk_free(w.k);

    w = make();
    entry(&w, 0, 0x1000, 0x8000, 2);
    rows = mk_rows(w.k, "ramviews", NULL);
    assert_string_equal(mk_columns(rows, 9, 9), "RAM in iomem, but not by e820\n");
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernelmap),
        cmocka_unit_test(replaced),
        cmocka_unit_test(test_ramviews),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
