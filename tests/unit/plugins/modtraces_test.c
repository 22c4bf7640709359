/* modtraces_test.c - modxview, hidden_modules: each trace that a module leaves, and each sign that
 * one hides, with what is close to it. */
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

#define TYPES                                                                                      \
    MK_LIST_TYPES                                                                                  \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"                                                 \
    "struct latch_tree_root { unsigned int seq; struct rb_root tree[2]; };"                        \
    "struct latch_tree_node { struct rb_node node[2]; };"                                          \
    "struct mod_tree_root { struct latch_tree_root root; unsigned long addr_min, addr_max; };"     \
    "struct mod_tree_node { struct module *mod; struct latch_tree_node node; };"                   \
    "struct kobject { const char *name; struct list_head entry; void *parent; struct kset *kset; " \
    "};"                                                                                           \
    "struct kset { struct list_head list; struct kobject kobj; };"                                 \
    "struct module_kobject { struct kobject kobj; struct module *mod; };"                          \
    "struct mod_kallsyms { void *symtab; unsigned int num_symtab; char *strtab, *typetab; };"      \
    "struct btf_module { struct list_head list; struct module *module; };"                         \
    "struct dyn_ftrace { unsigned long ip, flags; };"                                              \
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"     \
    "struct vm_struct { void *addr; unsigned long size, flags; void *caller; };"                   \
    "struct vmap_area { unsigned long va_start, va_end; struct list_head list;"                    \
    "  struct vm_struct *vm; };"
#define MODULE_HEAD                                                                                \
    "struct module { int state; struct list_head list; char name[56];"                             \
    "  struct module_kobject mkobj; unsigned long taints; bool sig_ok;"                            \
    "  struct mod_kallsyms *kallsyms;"                                                             \
    "  struct mod_kallsyms core_kallsyms; void *sect_attrs; struct list_head bug_list;"            \
    "  unsigned int btf_data_size, num_ftrace_callsites;"                                          \
    "  struct list_head source_list, target_list;"

static const char old_types[] =
    TYPES "struct module_layout { void *base; unsigned int size, text_size, ro_size,"
          "  ro_after_init_size; struct mod_tree_node mtn; };" MODULE_HEAD
          "struct module_layout core_layout, init_layout; };";
static const char new_types[] =
    TYPES "struct module_memory { void *base; unsigned int size; struct mod_tree_node mtn; "
          "};" MODULE_HEAD "struct module_memory mem[7]; };";

enum { RAM = 4 << 20, MODULES = 3, VICTIM = 1, FLUSH_RESET_PERMS = 0x100, STEP = 1 << 16 };
enum { UNFORMED = 3, GOING = 2, LOADING = 1 };

struct world {
    struct mk *k;
    bool is_new;
    uint64_t page;             // a multiple of all machines' pages
    uint64_t list, set, areas; // heads
    uint64_t tree, bugs, btf, records;
    uint64_t module[MODULES], code[MODULES];
};

static void add_area(struct world *w, uint64_t first, uint64_t size, uint64_t flags,
                     uint64_t caller)
{
    uint64_t a = mk_object(w->k, "vmap_area"), vm = mk_object(w->k, "vm_struct"), prev;

    mk_put(w->k, vm, "vm_struct.addr", first);
    mk_put(w->k, vm, "vm_struct.size", size);
    mk_put(w->k, vm, "vm_struct.flags", flags);
    mk_put(w->k, vm, "vm_struct.caller", caller);
    mk_put(w->k, a, "vmap_area.va_start", first);
    mk_put(w->k, a, "vmap_area.va_end", first + size);
    mk_put(w->k, a, "vmap_area.vm", vm);
    // Behind the last one.
    prev = mk_read_ptr(w->k, mk_at(w->k, w->areas, "list_head.prev"));
    a = mk_at(w->k, a, "vmap_area.list");
    mk_put(w->k, prev, "list_head.next", a);
    mk_put(w->k, a, "list_head.prev", prev);
    mk_put(w->k, a, "list_head.next", w->areas);
    mk_put(w->k, w->areas, "list_head.prev", a);
}

static uint64_t tree_node(struct world *w, uint64_t m)
{
    return w->is_new ? mk_at(w->k, mk_at(w->k, m, "module.mem"), "module_memory.mtn")
                     : mk_at(w->k, m, "module.core_layout.mtn");
}

/* A part of memory: since 6.4 number @i of mem[]; before, the area of which it is the beginning. */
static void set_part(struct world *w, uint64_t m, unsigned i, uint64_t base, uint64_t size)
{
    const uint64_t mem = mk_at(w->k, m, "module.mem");

    mk_put(w->k, mem + i * mk_size(w->k, "module_memory"), "module_memory.base", base);
    mk_put(w->k, mem + i * mk_size(w->k, "module_memory"), "module_memory.size", size);
}

/* One page of code, and one of data with the struct module. */
static void add_module(struct world *w, unsigned i)
{
    const uint64_t code = mk_alloc_aligned(w->k, 2 * w->page, w->page), m = code + w->page;
    char name[8];

    w->code[i] = code;
    w->module[i] = m;
    snprintf(name, sizeof name, "mod%u", i);
    mk_puts(w->k, m, "module.name", name);
    mk_put(w->k, m, "module.sig_ok", 1);
    mk_put(w->k, m, "module.mkobj.mod", m);
    mk_put(w->k, m, "module.mkobj.kobj.kset", w->set);
    mk_put(w->k, tree_node(w, m), "mod_tree_node.mod", m);
    mk_put(w->k, m, "module.kallsyms", mk_at(w->k, m, "module.core_kallsyms"));
    mk_put(w->k, m, "module.core_kallsyms.symtab", m);
    mk_put(w->k, m, "module.core_kallsyms.strtab", m);
    mk_put(w->k, m, "module.core_kallsyms.num_symtab", 1);
    mk_put(w->k, m, "module.sect_attrs", m);
    mk_put(w->k, m, "module.num_ftrace_callsites", 1);
    mk_put(w->k, m, "module.btf_data_size", i == 0 ? 100 : 0);
    mk_list(w->k, mk_at(w->k, m, "module.source_list"), NULL, 0);
    mk_list(w->k, mk_at(w->k, m, "module.target_list"), NULL, 0);
    if (w->is_new) {
        set_part(w, m, 0, code, w->page);
        set_part(w, m, 1, m, w->page);
    } else {
        mk_put(w->k, m, "module.core_layout.base", code);
        mk_put(w->k, m, "module.core_layout.size", 2 * w->page);
        mk_put(w->k, m, "module.core_layout.text_size", w->page);
    }
    mk_write(w->k, code, "code of a module", 16); // not all alike
    add_area(w, code, 2 * w->page, FLUSH_RESET_PERMS, 0);
}

/* The modules that have @with set are on the list @head, by @member. */
static void make_list(struct world *w, uint64_t head, const char *member, const bool *with)
{
    uint64_t nodes[MODULES];
    size_t n = 0;

    for (unsigned i = 0; i < MODULES; i++)
        if (with[i])
            nodes[n++] = mk_at(w->k, w->module[i], member);
    mk_list(w->k, head, nodes, n);
}

/* All of them in a chain to the right, without those that @with has not. */
static void make_tree(struct world *w, const bool *with)
{
    uint64_t link = mk_at(w->k, w->tree, "mod_tree_root.root.tree"), parent = 0;

    mk_write_ptr(w->k, link, 0);
    for (unsigned i = 0; i < MODULES; i++) {
        const uint64_t node = mk_at(w->k, tree_node(w, w->module[i]), "mod_tree_node.node");

        if (!with[i])
            continue;
        mk_write_ptr(w->k, link, node);
        mk_put(w->k, node, "rb_node.__rb_parent_color", parent | 1);
        parent = node;
        link = mk_at(w->k, node, "rb_node.rb_right");
        mk_write_ptr(w->k, link, 0);
    }
}

static const bool all[MODULES] = { true, true, true }, most[MODULES] = { true, false, true };

static struct world make(const struct mk_machine *m, bool is_new)
{
    struct world w = { .k = mk_new(m, RAM, is_new ? new_types : old_types),
                       .is_new = is_new,
                       .page = STEP };
    const uint64_t btf = mk_object(w.k, "btf_module"), pages = mk_object(w.k, "ftrace_page");
    uint64_t link = mk_at(w.k, btf, "btf_module.list");

    w.list = mk_object(w.k, "list_head");
    w.set = mk_object(w.k, "kset");
    w.areas = mk_object(w.k, "list_head");
    w.bugs = mk_object(w.k, "list_head");
    w.btf = mk_object(w.k, "list_head");
    w.tree = mk_object(w.k, "mod_tree_root");
    mk_list(w.k, w.areas, NULL, 0);
    for (unsigned i = 0; i < MODULES; i++)
        add_module(&w, i);
    make_list(&w, w.list, "module.list", all);
    make_list(&w, mk_at(w.k, w.set, "kset.list"), "module.mkobj.kobj.entry", all);
    make_list(&w, w.bugs, "module.bug_list", all);
    make_tree(&w, all);
    mk_put(w.k, btf, "btf_module.module", w.module[0]);
    mk_list(w.k, w.btf, &link, 1);
    w.records = mk_alloc(w.k, 8 * mk_size(w.k, "dyn_ftrace"));
    for (unsigned i = 0; i < MODULES; i++)
        mk_put(w.k, w.records + i * mk_size(w.k, "dyn_ftrace"), "dyn_ftrace.ip", w.code[i] + 16);
    mk_put(w.k, pages, "ftrace_page.records", w.records);
    mk_put(w.k, pages, "ftrace_page.index", MODULES);
    link = mk_alloc(w.k, 8);
    mk_write_ptr(w.k, link, pages);
    mk_symbol(w.k, "ftrace_pages_start", link);
    link = mk_alloc(w.k, 8);
    mk_write_ptr(w.k, link, w.set);
    mk_symbol(w.k, "module_kset", link);
    mk_symbol(w.k, "modules", w.list);
    mk_symbol(w.k, "vmap_area_list", w.areas);
    mk_symbol(w.k, "module_bug_list", w.bugs);
    mk_symbol(w.k, "btf_modules", w.btf);
    mk_symbol(w.k, "mod_tree", w.tree);
    return w;
}

static const char *hidden(struct world *w, int from, int to)
{
    return mk_columns(mk_rows(w->k, "hidden_modules", NULL), from, to);
}

static const char *hints(struct world *w)
{
    return mk_columns(mk_rows(w->k, "modxview", NULL), 14, 14);
}

/* ---- what is done to the second of three modules ---- */

static void nothing(struct world *w)
{
    (void)w;
}
static void unlist(struct world *w)
{
    make_list(w, w->list, "module.list", most);
    mk_list(w->k, mk_at(w->k, w->module[VICTIM], "module.list"), NULL, 0);
}
static void links(struct world *w, uint64_t next)
{
    unlist(w);
    mk_put(w->k, w->module[VICTIM], "module.list.next", next);
}
static void poison(struct world *w)
{
    links(w, 0x100); // LIST_POISON1, without what 64 bits add
}
static void digits(struct world *w)
{
    links(w, 0x37373731);
}
static void unsysfs(struct world *w)
{
    make_list(w, mk_at(w->k, w->set, "kset.list"), "module.mkobj.kobj.entry", most);
}
static void start_up(struct world *w)
{
    const uint64_t m = w->module[VICTIM], at = mk_alloc_aligned(w->k, w->page, w->page);

    if (w->is_new) {
        set_part(w, m, 4, at, w->page);
    } else {
        mk_put(w->k, m, "module.init_layout.base", at);
        mk_put(w->k, m, "module.init_layout.size", w->page);
    }
}
static void loading(struct world *w)
{
    unsysfs(w);
    start_up(w);
    mk_put(w->k, w->module[VICTIM], "module.state", LOADING);
}
static void untree(struct world *w)
{
    make_tree(w, most);
}
static void unformed(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.state", UNFORMED);
}
static void unformed_yet(struct world *w)
{
    unformed(w);
    start_up(w);
}
static void going(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.state", GOING);
}
/* One that is being removed loses these, before its code. */
static void leaving(struct world *w)
{
    going(w);
    mk_put(w->k, w->module[VICTIM], "module.core_kallsyms.num_symtab", 0);
    mk_put(w->k, w->module[VICTIM], "module.sect_attrs", 0);
}
static void stateless(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.state", 77);
}
static void no_symbols(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.core_kallsyms.num_symtab", 0);
}
static void no_sections(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.sect_attrs", 0);
}
static void is_unsigned(struct world *w)
{
    mk_put(w->k, w->module[VICTIM], "module.sig_ok", 0);
}
static void says_unsigned(struct world *w)
{
    is_unsigned(w);
    mk_put(w->k, w->module[VICTIM], "module.taints", 1 << 13);
}
static void other_kobject(struct world *w)
{
    unsysfs(w);
    mk_put(w->k, w->module[VICTIM], "module.mkobj.mod", w->module[0]);
}
/* All that a rootkit of 2026 does. */
static void everything(struct world *w)
{
    digits(w);
    unsysfs(w);
    untree(w);
    unformed(w);
    no_symbols(w);
    no_sections(w);
    make_list(w, w->bugs, "module.bug_list", most);
}

/* The memory of the synthetic riscv64 is no code. */
#define each_machine(m) mk_each_machine(m) if (strncmp(m->name, "riscv", 5) != 0)

static void signs(void **state)
{
    static const struct {
        void (*edit)(struct world *w);
        const char *hints; // of the second; "": none
        bool hidden;
    } cases[] = {
        { nothing, "", false },
        { unlist, "not on the list of modules: its links lead to itself", true },
        { poison, "not on the list of modules: its links were poisoned", true },
        { digits, "not on the list of modules: its links lead nowhere", true },
        { unsysfs, "not in sysfs", true },
        { loading, "", false },
        { untree, "not in the tree of modules", false },
        { unformed, "state Unformed, but its code is executable", false },
        { unformed_yet, "", false },
        { going, "state Unloading, but its code is executable", false },
        { leaving, "state Unloading, but its code is executable", false },
        { stateless, "no state that a module has, but its code is executable", false },
        { no_symbols, "its table of symbols was emptied", false },
        { no_sections, "its list of sections is gone", false },
        { is_unsigned, "its signature was not verified, and its taints were cleared", false },
        { says_unsigned, "", false },
        { other_kobject, "not in sysfs; its folder in sysfs is of another module", true },
        { everything,
          "not on the list of modules: its links lead nowhere; not in sysfs; not in the tree of "
          "modules; state Unformed, but its code is executable; its table of symbols was emptied; "
          "its list of sections is gone",
          true },
    };

    (void)state;
    each_machine(m) for (size_t i = 0; i < 2 * countof(cases); i++)
    {
        struct world w = make(m, i & 1);
        char want[512];

        cases[i / 2].edit(&w);
        // Those of the list come first.
        snprintf(want, sizeof want, strncmp(cases[i / 2].hints, "not on", 6) ? "\n%s\n" : "\n\n%s",
                 cases[i / 2].hints);
        assert_string_equal(hints(&w), want);
        assert_string_equal(hidden(&w, 1, 1), cases[i / 2].hidden ? "mod1" : "");
        assert_string_equal(hidden(&w, 4, 4), cases[i / 2].hidden ? "131072" : ""); // two STEP
        // But that no symbol says what code BPF made.
        assert_int_equal(mk_row_notes(NULL), mk_row_notes("no table names"));
        mk_free(w.k);
    }
}

static void no_record(struct world *w)
{
    everything(w);
    mk_put(w->k, w->records + mk_size(w->k, "dyn_ftrace"), "dyn_ftrace.ip", 0);
}
static void no_name(struct world *w)
{
    no_record(w);
    mk_puts(w->k, w->module[VICTIM], "module.name", "a b");
    mk_put(w->k, w->module[VICTIM], "module.mkobj.mod", 0);
}
static void no_pointers(struct world *w)
{
    no_name(w);
    mk_put(w->k, tree_node(w, w->module[VICTIM]), "mod_tree_node.mod", 0);
    mk_put(w->k, w->module[VICTIM], "module.kallsyms", 0);
}
/* Of all pointers to itself that of the tree's node is left. */
static void only_node(struct world *w)
{
    no_name(w);
    mk_put(w->k, w->module[VICTIM], "module.kallsyms", 0);
    mk_put(w->k, w->module[VICTIM], "module.source_list.next", 0);
}
/* A copy of another's struct module. */
static uint64_t copy(struct world *w)
{
    const uint64_t to = w->module[0] + 8192;

    for (uint64_t at = 0; at < mk_size(w->k, "module"); at += mk_model(w->k)->ptr_size)
        mk_write_ptr(w->k, to + at, mk_read_ptr(w->k, w->module[0] + at));
    return to;
}
static void copied(struct world *w)
{
    copy(w);
}
static void copied_kobject(struct world *w)
{
    const uint64_t to = copy(w);

    mk_put(w->k, to, "module.mkobj.mod", to);
}
/* An area with something in it, of which @caller says what it is for. */
static uint64_t some_area(struct world *w, const char *caller, const char *text)
{
    const uint64_t function = mk_alloc(w->k, 16);
    const uint64_t at = mk_alloc_aligned(w->k, w->page, w->page);

    mk_symbol_sized(w->k, caller, function, 8);
    add_area(w, at, w->page, FLUSH_RESET_PERMS, function + 4);
    mk_write(w->k, at, text, strlen(text));
    return at;
}
static void of_the_loader(struct world *w)
{
    some_area(w, "load_module", "something");
}
static void of_the_loader_long(struct world *w)
{
    mk_write(w->k, some_area(w, "load_module", "something") + 4096, "something", 9);
}
static void of_the_loader_free(struct world *w)
{
    some_area(w, "load_module", "");
}
static void of_the_kernel(struct world *w)
{
    some_area(w, "hv_setup", "something");
}
static void recorded(struct world *w)
{
    const uint64_t at = some_area(w, "hv_setup", "something");

    mk_put(w->k, w->records, "dyn_ftrace.ip", at + 32);
}

/* The scan finds what no list has; code that no struct module claims is a row too. */
static void scan(void **state)
{
    static const struct {
        void (*edit)(struct world *w);
        const char *name, *found_by, *hints; // hints: how they end
    } cases[] = {
        { everything, "mod1", "area, ftrace, scan", "its list of sections is gone" },
        { no_record, "mod1", "area, scan", "its list of sections is gone" },
        { no_name, "a b", "area, scan", "its folder in sysfs is of another module" },
        { only_node, "a b", "area, scan", "its folder in sysfs is of another module" },
        { no_pointers, "\n", "area\narea", "executable memory of nobody" }, // code, and data
        { copied, NULL, NULL, NULL },
        { copied_kobject, "mod0", "area, symbols, scan", "its links still lead to others" },
        { of_the_loader, "", "area", "executable memory of nobody, asked for by load_module" },
        { of_the_loader_long, "", "area", "executable memory of nobody, asked for by load_module" },
        { of_the_loader_free, NULL, NULL, NULL },
        { of_the_kernel, NULL, NULL, NULL },
        { recorded, "", "ftrace", "ftrace has records of executable memory of nobody" },
    };

    (void)state;
    each_machine(m) for (size_t i = 0; i < 2 * countof(cases); i++)
    {
        struct world w = make(m, i & 1);
        char got[1024];

        cases[i / 2].edit(&w);
        snprintf(got, sizeof got, "%s", hidden(&w, 1, 8));
        if (!cases[i / 2].name) {
            assert_string_equal(got, "");
        } else {
            assert_string_equal(hidden(&w, 7, 7), cases[i / 2].found_by);
            assert_string_equal(hidden(&w, 1, 1), cases[i / 2].name);
            assert_non_null(strstr(got, cases[i / 2].hints));
            if (cases[i / 2].edit == of_the_loader || cases[i / 2].edit == of_the_loader_long)
                assert_string_equal(hidden(&w, 4, 4),
                                    cases[i / 2].edit == of_the_loader ? "4096" : "8192");
        }
        mk_free(w.k);
    }
}

/* Each trace is a column, empty where a module cannot have it. */
static void columns(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i <= 1; i++)
    {
        struct world w = make(m, i);
        char places[256];
        size_t n = 0;

        for (unsigned k = 0; k < MODULES; k++)
            n += (size_t)snprintf(places + n, sizeof places - n, "%s%#llx|%#llx", k ? "\n" : "",
                                  (unsigned long long)w.code[k],
                                  (unsigned long long)(w.code[k] + w.page));
        assert_string_equal(mk_columns(mk_rows(w.k, "modxview", NULL), 12, 13), places);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "modxview", NULL), 1, 10),
            "mod0|true|true|true|true|true|true|true|true|true\n"
            "mod1|true|true|true|true|true||true|true|true\n" // no types, so not on that list
            "mod2|true|true|true|true|true||true|true|true");
        mk_free(w.k);
    }
}

/* Without the symbols of lists, modules that are listed lead to them. */
static void without_symbols(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM,
                              "struct list_head { struct list_head *next, *prev; };"
                              "struct module { int state; struct list_head list; char "
                              "name[56]; struct list_head source_list, target_list; };");
        const uint64_t head = mk_object(k, "list_head"), mod = mk_object(k, "module");
        uint64_t link = mk_at(k, mod, "module.list");

        mk_puts(k, mod, "module.name", "alone");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        assert_string_equal(mk_columns(mk_rows(k, "modxview", NULL), 1, 4), "alone|true||");
        assert_int_equal(mk_row_notes("not looked at"), 1);
        assert_string_equal(mk_rows(k, "hidden_modules", NULL), "");
        assert_int_equal(mk_row_notes("sysfs is not looked at"), 1);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs),
        cmocka_unit_test(scan),
        cmocka_unit_test(columns),
        cmocka_unit_test(without_symbols),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
