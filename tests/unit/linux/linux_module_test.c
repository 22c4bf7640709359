/* linux_module_test.c - modules with their parameters, before 6.4 and since. */
#include "../../../plugins/linux/kernel/export.h"
#include "../../../plugins/linux/kernel/module.h"
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

#define PARAM_TYPES                                                                                \
    MK_LIST_TYPES                                                                                  \
    "typedef struct { int counter; } atomic_t;"                                                    \
    "struct kernel_param_ops { unsigned int flags; void *set, *get; };"                            \
    "struct kparam_string { unsigned int maxlen; char *string; };"                                 \
    "struct kparam_array { unsigned int max, elemsize; unsigned int *num;"                         \
    "                      struct kernel_param_ops *ops; void *elem; };"                           \
    "struct mod_kallsyms { void *symtab; unsigned int num_symtab; char *strtab, *typetab; };"      \
    "struct kernel_param { const char *name; struct kernel_param_ops *ops; void *arg; };"          \
    "struct module_use { struct list_head source_list, target_list;"                               \
    "                    struct module *source, *target; };"
#define MODULE_HEAD                                                                                \
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"       \
    "                atomic_t refcnt; struct list_head source_list; void *init, *exit;"            \
    "                struct kernel_param *kp; unsigned int num_kp;"                                \
    "                struct mod_kallsyms *kallsyms;"

static const char old_types[] =
    PARAM_TYPES "struct module_layout { void *base; unsigned int size; };" MODULE_HEAD
                "struct module_layout core_layout, init_layout; };";
static const char new_types[] =
    PARAM_TYPES "struct module_memory { void *base; unsigned int size; };" MODULE_HEAD
                "struct module_memory mem[7]; };";

enum { RAM = 1 << 20, ARGS = 9 };

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

static uint64_t make_module(struct mk *k, const char *name)
{
    uint64_t m = mk_object(k, "module");

    mk_puts(k, m, "module.name", name);
    mk_list(k, mk_at(k, m, "module.source_list"), NULL, 0);
    return m;
}

static uint64_t make_ops(struct mk *k, uint64_t get)
{
    uint64_t ops = mk_object(k, "kernel_param_ops");

    mk_put(k, ops, "kernel_param_ops.get", get);
    return ops;
}

/* A list that a false image fills with overlapping modules. */
static void flood(void **state)
{
    enum { N = 8200, STEP = 16 };
    static uint64_t nodes[N];
    struct mk *k = mk_new(&mk_machines[0], RAM, new_types);
    uint64_t head = mk_alloc(k, 16), at = mk_alloc(k, N * STEP + 2 * mk_size(k, "module"));
    struct eg_obj module;
    struct eg_run *r;
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; i < N; i++)
        nodes[i] = mk_at(k, at + i * STEP, "module.list");
    mk_list(k, head, nodes, N);
    mk_symbol(k, "modules", head);
    mk_rows(k, "vmcoreinfo", NULL); // makes the layer's state
    r = mk_run(k);
    linux_each_module(r, module)
        n++;
    assert_int_equal(n, 8192);
    assert_int_equal(mk_notes(r, "only the first 8192 modules are looked at"), 1);
    mk_free(k);
}

static void modules(void **state)
{
    (void)state;
    mk_each_machine(m) for (int is_new = 0; is_new <= 1; is_new++)
    {
        struct mk *k = mk_new(m, RAM, is_new ? new_types : old_types);
        uint64_t head = mk_alloc(k, 16), use = mk_object(k, "module_use"), links[2], one, two;
        char want[256];

        one = make_module(k, "one");
        two = make_module(k, "two");
        links[0] = mk_at(k, one, "module.list");
        links[1] = mk_at(k, two, "module.list");
        mk_list(k, head, links, 2);
        mk_symbol(k, "modules", head);
        links[0] = mk_at(k, use, "module_use.source_list");
        mk_list(k, mk_at(k, two, "module.source_list"), links, 1);
        mk_put(k, use, "module_use.source", one);
        mk_put(k, one, "module.refcnt.counter", 1);
        mk_put(k, two, "module.refcnt.counter", 3);
        mk_put(k, two, "module.init", 0x1000);
        mk_put(k, two, "module.taints", 1 | 1 << 12 | 1 << 13);
        mk_put(k, one, "module.state", 1);
        for (uint64_t i = 0; i < 2; i++) {
            uint64_t module = i ? two : one;

            if (is_new) {
                uint64_t mem = mk_at(k, module, "module.mem");

                mk_put(k, mem, "module_memory.base", 0xc0002000 + i);
                mk_put(k, mem, "module_memory.size", 4096);
                mk_put(k, mem + 6 * 2 * mk_model(k)->ptr_size, "module_memory.size", 100);
            } else {
                mk_put(k, module, "module.core_layout.base", 0xc0002000 + i);
                mk_put(k, module, "module.core_layout.size", 4096);
                mk_put(k, module, "module.init_layout.size", 100);
            }
        }
        snprintf(want, sizeof want,
                 "%#llx|one|4196||0||Loading|0xc0002000|||\n"
                 "%#llx|two|4196|POE|2|one,[permanent]|Live|0xc0002001|||",
                 (unsigned long long)one, (unsigned long long)two);
        assert_string_equal(mk_rows(k, "lsmod", NULL), want);
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_put(k, one, "module.state", 9);
        mk_put(k, one, "module.num_kp", 1000000);
        assert_non_null(strstr(mk_rows(k, "lsmod", NULL), "|-|0xc0002000|||-\n"));
        mk_free(k);
    }
}

/** Each bit has its letter (kernel/panic.c: taint_flags), and one that has none is nothing. */
static void taints(void **state)
{
    static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, new_types);
        uint64_t head = mk_alloc(k, 16), module = make_module(k, "m"), link;

        link = mk_at(k, module, "module.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        for (unsigned bit = 0; bit < 24; bit++) {
            const char want[] = { bit < 20 ? letters[bit] : 0, 0 };

            mk_put(k, module, "module.taints", UINT64_C(1) << bit);
            assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 3, 3), want);
        }
        mk_put(k, module, "module.taints", 0xfffff);
        assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 3, 3), letters);
        mk_free(k);
    }
}

/** Unloading, and what the last reference and a missing exit function say. */
static void states(void **state)
{
    static const char *const names[] = { "Live", "Loading", "Unloading", "Unformed", "-" };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, new_types);
        uint64_t head = mk_alloc(k, 16), module = make_module(k, "m"), link;

        link = mk_at(k, module, "module.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        for (unsigned i = 0; i < countof(names); i++) {
            mk_put(k, module, "module.state", i);
            assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 6, 6), names[i]);
        }
        mk_put(k, module, "module.refcnt.counter", 0);
        assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 4, 5), "-1|");
        mk_put(k, module, "module.init", 0x1000);
        assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 5, 5), "[permanent]");
        mk_put(k, module, "module.exit", 0x1000);
        assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 5, 5), "");
        mk_free(k);
    }
}

/* What a module uses, and its signature, on kernels that verify it. */
static void uses_and_signature(void **state)
{
    static const char verifying[] =
        PARAM_TYPES "struct module_memory { void *base; unsigned int size; };" MODULE_HEAD
                    "struct list_head target_list; bool sig_ok; struct module_memory mem[7]; };";

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, verifying);
        uint64_t head = mk_alloc(k, 16), use = mk_object(k, "module_use"), links[2], one, two;

        one = make_module(k, "one");
        two = make_module(k, "two");
        links[0] = mk_at(k, one, "module.list");
        links[1] = mk_at(k, two, "module.list");
        mk_list(k, head, links, 2);
        mk_symbol(k, "modules", head);
        mk_put(k, use, "module_use.target", two);
        links[0] = mk_at(k, use, "module_use.target_list");
        mk_list(k, mk_at(k, one, "module.target_list"), links, 1);
        mk_list(k, mk_at(k, two, "module.target_list"), NULL, 0);
        mk_put(k, two, "module.sig_ok", 1);
        assert_string_equal(mk_columns(mk_rows(k, "lsmod", NULL), 8, 9), "two|false\n|true");
        mk_free(k);
    }
}

static void parameters(void **state)
{
    static const struct {
        const char *get, *bytes; // of the value, for a little-endian machine
        size_t len;
        const char *text;
    } cases[] = {
        { "param_get_byte", "\xfe", 1, "254" },
        { "param_get_short", "\xfe\xff", 2, "-2" },
        { "param_get_ushort", "\xfe\xff", 2, "65534" },
        { "param_get_int", "\xff\xff\xff\xff", 4, "-1" },
        { "param_get_uint", "\xff\xff\xff\xff", 4, "4294967295" },
        { "param_get_ullong", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "18446744073709551615" },
        { "param_get_hexint", "\x11\x11\x11\x11", 4, "0x11111111" },
        { "param_get_bool", "\1", 1, "Y" },
        { "param_get_invbool", "\1", 1, "N" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, new_types);
        uint64_t head = mk_alloc(k, 16), module = make_module(k, "m"), link, kp, size, num, elem;
        uint64_t value[ARGS + 5], ops[ARGS + 5];
        uint64_t str = mk_object(k, "kparam_string"), arr = mk_object(k, "kparam_array");
        char want[512] = "", name[16];

        link = mk_at(k, module, "module.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        for (size_t i = 0; i < ARGS; i++) {
            mk_symbol(k, cases[i].get, 0xc0001000 + 16 * i);
            ops[i] = make_ops(k, 0xc0001000 + 16 * i);
            value[i] = mk_alloc(k, 8);
            mk_write(k, value[i], cases[i].bytes, cases[i].len);
            if (mk_model(k)->big_endian && cases[i].bytes[0] == '\xfe' && cases[i].len == 2)
                mk_write(k, value[i], "\xff\xfe", 2);
            snprintf(want + strlen(want), sizeof want - strlen(want), "p%zu=%s ", i, cases[i].text);
        }
        // A pointer to text, one to none, text in place, an array in part, and the module's own.
        mk_symbol(k, "param_get_charp", 0xc0003000);
        mk_symbol(k, "param_get_string", 0xc0003010);
        mk_symbol(k, "param_array_get", 0xc0003020);
        ops[ARGS] = ops[ARGS + 1] = make_ops(k, 0xc0003000);
        value[ARGS] = mk_alloc(k, 8);
        mk_write_ptr(k, value[ARGS], text(k, "a word"));
        value[ARGS + 1] = mk_alloc(k, 8);
        ops[ARGS + 2] = make_ops(k, 0xc0003010);
        value[ARGS + 2] = str;
        mk_put(k, str, "kparam_string.maxlen", 4);
        mk_put(k, str, "kparam_string.string", text(k, "abcdef"));
        ops[ARGS + 3] = make_ops(k, 0xc0003020);
        value[ARGS + 3] = arr;
        num = mk_alloc(k, 4);
        elem = mk_alloc(k, 12);
        mk_write_u32(k, num, 2);
        for (uint32_t i = 0; i < 3; i++)
            mk_write_u32(k, elem + 4 * i, 10 + i);
        mk_put(k, arr, "kparam_array.max", 3);
        mk_put(k, arr, "kparam_array.elemsize", 4);
        mk_put(k, arr, "kparam_array.num", num);
        mk_put(k, arr, "kparam_array.elem", elem);
        mk_put(k, arr, "kparam_array.ops", ops[3]);
        ops[ARGS + 4] = make_ops(k, 0xdead);
        value[ARGS + 4] = 0;
        snprintf(want + strlen(want), sizeof want - strlen(want),
                 "p%d=a word p%d=(null) p%d=abcd p%d=10,11 p%d=?", ARGS, ARGS + 1, ARGS + 2,
                 ARGS + 3, ARGS + 4);

        size = mk_at(k, 0, "kernel_param.arg") + mk_model(k)->ptr_size;
        kp = mk_alloc(k, size * (ARGS + 5));
        for (uint64_t i = 0; i < ARGS + 5; i++) {
            snprintf(name, sizeof name, "p%d", (int)i);
            mk_put(k, kp + i * size, "kernel_param.name", text(k, name));
            mk_put(k, kp + i * size, "kernel_param.ops", ops[i]);
            mk_put(k, kp + i * size, "kernel_param.arg", value[i]);
        }
        mk_put(k, module, "module.kp", kp);
        mk_put(k, module, "module.num_kp", ARGS + 5);
        assert_string_equal(strrchr(mk_rows(k, "lsmod", NULL), '|') + 1, want);
        mk_write_u32(k, num, 4000000000u); // more than it has room for
        assert_non_null(strstr(mk_rows(k, "lsmod", NULL), "=10,11,12 "));
        mk_put(k, arr, "kparam_array.ops", ops[ARGS + 3]); // an array of arrays
        assert_non_null(strstr(mk_rows(k, "lsmod", NULL), "p12=? "));
        mk_put(k, kp, "kernel_param.arg", 0x10000);
        assert_non_null(strstr(mk_rows(k, "lsmod", NULL), "p0=? "));
        mk_free(k);
    }
}

/* ---- symbols ---- */

/** An Elf32_Sym or Elf64_Sym of section 1. @return where the next one is. */
static uint64_t put_symbol(struct mk *k, uint64_t at, uint32_t name, uint64_t value)
{
    const bool wide = mk_model(k)->ptr_size == 8;
    const uint8_t section[2] = { mk_model(k)->big_endian ? 0 : 1, mk_model(k)->big_endian ? 1 : 0 };

    mk_write_u32(k, at, name);
    mk_write_ptr(k, at + (wide ? 8 : 4), value);
    mk_write(k, at + (wide ? 6 : 14), section, 2);
    return at + (wide ? 24 : 16);
}

/* A place is named by what a module has in the same piece of its memory: neither by a per-CPU
 * variable, whose value is a small number, nor across what lies between two pieces. */
static void names(void **state)
{
    (void)state;
    mk_each_machine(m) for (int is_new = 0; is_new <= 1; is_new++)
    {
        static const char strings[] = "\0code\0data\0percpu";
        struct mk *k = mk_new(m, RAM, is_new ? new_types : old_types);
        uint64_t head = mk_alloc(k, 16), one = make_module(k, "one"), link, at;
        uint64_t table = mk_object(k, "mod_kallsyms"), syms = mk_alloc(k, 4 * 24);
        uint64_t text = mk_alloc(k, sizeof strings), letters = mk_alloc(k, 4);
        struct eg_run *r;

        link = mk_at(k, one, "module.list");
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        mk_write(k, text, strings, sizeof strings);
        mk_write(k, letters, "?tdd", 4);
        at = put_symbol(k, syms + (mk_model(k)->ptr_size == 8 ? 24 : 16), 1, 0xc0002010);
        at = put_symbol(k, at, 6, 0xc0008000);
        put_symbol(k, at, 11, 0x40);
        mk_put(k, one, "module.kallsyms", table);
        mk_put(k, table, "mod_kallsyms.symtab", syms);
        mk_put(k, table, "mod_kallsyms.num_symtab", 4);
        mk_put(k, table, "mod_kallsyms.strtab", text);
        mk_put(k, table, "mod_kallsyms.typetab", letters);
        for (unsigned i = 0; i < 2; i++) {
            const uint64_t base = i ? 0xc0008000 : 0xc0002000;

            if (is_new) {
                uint64_t mem = mk_at(k, one, "module.mem") + i * 2 * mk_model(k)->ptr_size;

                mk_put(k, mem, "module_memory.base", base);
                mk_put(k, mem, "module_memory.size", 4096);
            } else {
                mk_put(k, one, i ? "module.init_layout.base" : "module.core_layout.base", base);
                mk_put(k, one, i ? "module.init_layout.size" : "module.core_layout.size", 4096);
            }
        }
        mk_rows(k, "lsmod", NULL); // makes the layer's state
        linux_state(mk_system(k))->modules = head;
        // Those of the kernel are the test's own, which know no bounds.
        mk_system(k)->symbols.at[0].n_ranges = 0;
        r = mk_run(k);
        assert_string_equal(eg_name_of(r, 0xc0002010), "code [one]");
        assert_string_equal(eg_name_of(r, 0xc0002fff), "code+0xfef [one]");
        assert_null(eg_name_of(r, 0xc0002000)); // before its first
        assert_null(eg_name_of(r, 0xc0003000));
        assert_null(eg_name_of(r, 0xc0007fff));
        assert_string_equal(eg_name_of(r, 0xc0008004), "data+0x4 [one]");
        assert_null(eg_name_of(r, 0xc0009000));
        assert_null(eg_name_of(r, 0x40));
        assert_null(eg_name_of(r, 0x40000));
        mk_free(k);
    }
}

/* ---- what is in no symbol table ---- */

static const char code_types[] = MK_LIST_TYPES
    "struct module { struct list_head list; char name[56]; };"
    "struct bpf_ksym { unsigned long start, end; char name[512]; struct list_head lnode; };"
    "struct ftrace_ops { struct list_head list; unsigned long trampoline, trampoline_size; };"
    "struct ftrace_mod_map { struct list_head list; struct module *mod; struct list_head funcs; };"
    "struct ftrace_mod_func { struct list_head list; char *name; unsigned long ip;"
    "  unsigned int size; };"
    "struct kprobe_insn_cache { char *sym; struct list_head pages; };"
    "struct kprobe_insn_page { struct list_head list; void *insns; };";

/** A list at a symbol with the one object. */
static void list_of_one(struct mk *k, const char *symbol, uint64_t link)
{
    uint64_t head = mk_alloc(k, 16);

    mk_list(k, head, &link, 1);
    mk_symbol(k, symbol, head);
}

static void made_code(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, code_types);
        uint64_t bpf = mk_object(k, "bpf_ksym"), ops = mk_object(k, "ftrace_ops");
        uint64_t map = mk_object(k, "ftrace_mod_map"), func = mk_object(k, "ftrace_mod_func");
        uint64_t cache = mk_object(k, "kprobe_insn_cache");
        uint64_t page = mk_object(k, "kprobe_insn_page"), link, gone = mk_object(k, "module");
        const char *rows;
        char want[80];

        mk_put(k, bpf, "bpf_ksym.start", 0xc0001000);
        mk_put(k, bpf, "bpf_ksym.end", 0xc0001123);
        mk_puts(k, bpf, "bpf_ksym.name", "bpf_prog_a");
        list_of_one(k, "bpf_kallsyms", mk_at(k, bpf, "bpf_ksym.lnode"));
        mk_put(k, ops, "ftrace_ops.trampoline", 0xc0002000);
        mk_put(k, ops, "ftrace_ops.trampoline_size", 99);
        list_of_one(k, "ftrace_ops_trampoline_list", mk_at(k, ops, "ftrace_ops.list"));
        mk_puts(k, gone, "module.name", "gone");
        mk_put(k, map, "ftrace_mod_map.mod", gone);
        mk_put(k, func, "ftrace_mod_func.name", text(k, "gone_init"));
        mk_put(k, func, "ftrace_mod_func.ip", 0xc0003000);
        mk_put(k, func, "ftrace_mod_func.size", 44);
        link = mk_at(k, func, "ftrace_mod_func.list");
        mk_list(k, mk_at(k, map, "ftrace_mod_map.funcs"), &link, 1);
        list_of_one(k, "ftrace_mod_maps", mk_at(k, map, "ftrace_mod_map.list"));
        mk_put(k, cache, "kprobe_insn_cache.sym", text(k, "kprobe_insn_page"));
        mk_put(k, page, "kprobe_insn_page.insns", 0xc0004000);
        link = mk_at(k, page, "kprobe_insn_page.list");
        mk_list(k, mk_at(k, cache, "kprobe_insn_cache.pages"), &link, 1);
        mk_symbol(k, "kprobe_optinsn_slots", cache);

        mk_user_map(k, m, mk_user_root(k, m), 0, bpf); // tells the size of pages
        rows = mk_rows(k, "kallsyms", NULL);
        assert_non_null(strstr(rows, "0xc0001000|t|291|false|bpf|bpf|bpf_prog_a"));
        assert_non_null(
            strstr(rows, "0xc0002000|t|99|false|ftrace|__builtin__ftrace|ftrace_trampoline"));
        assert_non_null(strstr(rows, "0xc0003000|T|44|false|ftrace|gone|gone_init"));
        snprintf(want, sizeof want,
                 "0xc0004000|t|%d|false|kprobes|__builtin__kprobes|kprobe_insn_page",
                 (int)mk_page_size(k));
        assert_non_null(strstr(rows, want));
        // An end before the start is no size.
        mk_put(k, bpf, "bpf_ksym.end", 0xc0000fff);
        assert_non_null(
            strstr(mk_rows(k, "kallsyms", NULL), "0xc0001000|t|-|false|bpf|bpf|bpf_prog_a"));
        mk_free(k);
    }
}

/* ---- exports ---- */

struct asked {
    uint64_t module;
    char text[200]; // of each its address, name, and where it was
    bool lost;
};

static int ask_exports(struct eg_run *r, void *context)
{
    struct asked *a = context;
    struct linux_export_walk w = { .module = eg_object(r, module, a->module) };
    struct eg_obj symbol, other;
    struct eg_walking same = eg_walk(r, "exports", w.module);
    size_t n = 0;

    *a->text = 0;
    while (linux_next_export(r, &w, &symbol)) {
        n += (size_t)snprintf(a->text + n, sizeof a->text - n, "%s%#x %s%s", n ? ", " : "",
                              (unsigned)w.address, w.name, w.gpl ? " gpl" : "");
        assert_true(linux_export_address(r, symbol).u == w.address);
        assert_string_equal(linux_export_name(r, symbol), w.name);
        assert_true(eg_walk_next(&same, &other) && other.addr == symbol.addr);
    }
    assert_false(eg_walk_next(&same, &other));
    a->lost = w.lost;
    return 0;
}

static void expect_exports(struct mk *k, uint64_t module, const char *want, bool lost)
{
    struct asked a = { .module = module };
    struct eg_run *r = mk_run(k);

    assert_int_equal(eg_run_do(r, ask_exports, &a), 0);
    assert_string_equal(a.text, want);
    assert_int_equal(a.lost, lost);
    assert_int_equal(mk_notes(r, "not all of its exports can be read"), lost);
}

static const char *const export_types[] = {
    MK_LIST_TYPES "struct kernel_symbol { unsigned long value; const char *name; };"
                  "struct module { struct list_head list; char name[56];"
                  "  struct kernel_symbol *syms, *gpl_syms; u32 num_syms, num_gpl_syms; };",
    MK_LIST_TYPES "struct kernel_symbol { int value_offset, name_offset; };"
                  "struct module { struct list_head list; char name[56];"
                  "  struct kernel_symbol *syms, *gpl_syms; u32 num_syms, num_gpl_syms; };",
};

/** Pointers, or distances from where they stand; each array ends where it cannot be read. */
static void exports(void **state)
{
    (void)state;
    mk_each_machine(m) for (int form = 0; form < 2; form++)
    {
        struct mk *k = mk_new(m, RAM, export_types[form]);
        const char *value = form ? "kernel_symbol.value_offset" : "kernel_symbol.value";
        const char *name = form ? "kernel_symbol.name_offset" : "kernel_symbol.name";
        const uint64_t size = form ? 8 : 2 * mk_model(k)->ptr_size;
        const uint64_t array = mk_alloc(k, 3 * size), module = mk_object(k, "module");
        char want[200];
        unsigned at[3];

        for (uint64_t i = 0; i < 3; i++) {
            const uint64_t ks = array + i * size;
            const uint64_t called = text(k, (const char *[]){ "a", "b", "c" }[i]);

            at[i] = (unsigned)(array + 16 * i);
            mk_put(k, ks, value, form ? array + 16 * i - mk_at(k, ks, value) : array + 16 * i);
            mk_put(k, ks, name, form ? called - mk_at(k, ks, name) : called);
        }
        mk_put(k, module, "module.syms", array);
        mk_put(k, module, "module.num_syms", 2);
        mk_put(k, module, "module.gpl_syms", array + 2 * size);
        mk_put(k, module, "module.num_gpl_syms", 1);
        mk_user_map(k, m, mk_user_root(k, m), 0, array); // makes it a Linux
        snprintf(want, sizeof want, "%#x a, %#x b, %#x c gpl", at[0], at[1], at[2]);
        expect_exports(k, module, want, false);
        mk_put(k, module, "module.num_gpl_syms", 0);
        snprintf(want, sizeof want, "%#x a, %#x b", at[0], at[1]);
        expect_exports(k, module, want, false);
        mk_put(k, module, "module.num_gpl_syms", 1);
        mk_put(k, array, name, 0x7ffffff0);
        snprintf(want, sizeof want, "%#x c gpl", at[2]);
        expect_exports(k, module, want, true);
        mk_free(k);
    }
}

static int count_exports(struct eg_run *r, void *module)
{
    struct linux_export_walk w = { .module = eg_object(r, module, *(uint64_t *)module) };
    struct eg_obj symbol;
    int n = 0;

    while (linux_next_export(r, &w, &symbol))
        n++;
    assert_int_equal(n, 1 << 16);
    assert_true(w.lost);
    return 0;
}

/** Of more than any module exports the first are read, and the others are said to be lost. */
static void too_many_exports(void **state)
{
    enum { COUNT = (1 << 16) + 1 };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, 2 * RAM, export_types[1]);
        uint64_t array = mk_alloc(k, 8 * COUNT), module = mk_object(k, "module");

        mk_put(k, module, "module.syms", array);
        mk_put(k, module, "module.num_syms", COUNT);
        mk_user_map(k, m, mk_user_root(k, m), 0, array); // makes it a Linux
        assert_int_equal(eg_run_do(mk_run(k), count_exports, &module), 0);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules),
        cmocka_unit_test(flood),
        cmocka_unit_test(uses_and_signature),
        cmocka_unit_test(taints),
        cmocka_unit_test(states),
        cmocka_unit_test(parameters),
        cmocka_unit_test(names),
        cmocka_unit_test(made_code),
        cmocka_unit_test(exports),
        cmocka_unit_test(too_many_exports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
