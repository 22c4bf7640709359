/* kernelcode_test.c - kernelcode, jumplabels, staticcalls: each finding, and what is close to it.
 */
#include "../../../plugins/linux/kernel/patched.h"
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char types[] = MK_LIST_TYPES
    "struct hlist_head { struct hlist_node *first; };"
    "struct hlist_node { struct hlist_node *next, **pprev; };"
    "struct module_memory { void *base; unsigned int size; };"
    "struct module_use { struct list_head source_list, target_list;"
    "  struct module *source, *target; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct module_memory mem[7]; struct jump_entry *jump_entries;"
    "  unsigned int num_jump_entries; struct list_head source_list, target_list; };"
    "struct dyn_ftrace { unsigned long ip, flags; };"
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"
    "typedef struct { int counter; } atomic_t;"
    "struct static_key { atomic_t enabled; void *entries; };"
    "struct jump_entry { s32 code, target; long key; };"
    "struct static_call_key { void *func; void *sites; };"
    "struct static_call_site { s32 addr, key; };"
    "struct alt_instr { s32 instr_offset, repl_offset; u16 cpuid; u8 instrlen, replacementlen; };"
    "struct bpf_ksym { unsigned long start, end; char name[64]; struct list_head lnode; };"
    "struct kprobe { struct hlist_node hlist; unsigned char *addr; unsigned int flags; };";

enum { TEXT = 0x2000, FUNCTION = 0x100, SITE = 0x80 };

/* Functions of the kernel: one that a case writes, one that is called, one that the kernel patches;
 * the module's, and another module's that it does not use. */
struct machine {
    struct mk *k;
    uint64_t text, data, module, other, head, mod, key, call_key, jump, site, record, probes, bpf;
};

static const struct mk_machine *machine_named(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    return NULL;
}

static void code(struct machine *w, uint64_t at, const char *bytes, size_t len)
{
    mk_write(w->k, at, bytes, len);
}

/* A call, jump or branch with 4 bytes of displacement behind its @n bytes of opcode. */
static void leads(struct machine *w, uint64_t at, const char *opcode, size_t n, uint64_t target)
{
    mk_write(w->k, at, opcode, n);
    mk_write_u32(w->k, at + n, (uint32_t)(target - (at + n + 4)));
}

static uint64_t module(struct machine *w, const char *name, uint64_t base)
{
    uint64_t m = mk_object(w->k, "module");

    mk_puts(w->k, m, "module.name", name);
    mk_write_ptr(w->k, mk_at(w->k, m, "module.mem"), base);
    mk_write_u32(w->k, mk_at(w->k, m, "module.mem") + 8, 0x1000);
    mk_list(w->k, mk_at(w->k, m, "module.target_list"), NULL, 0);
    return m;
}

static void tables(struct machine *w)
{
    struct mk *k = w->k;
    uint64_t pages = mk_object(k, "ftrace_page"), pointer = mk_alloc(k, 8);

    w->record = mk_object(k, "dyn_ftrace");
    mk_put(k, w->record, "dyn_ftrace.ip", w->text + 2 * FUNCTION);
    mk_put(k, pages, "ftrace_page.records", w->record);
    mk_put(k, pages, "ftrace_page.index", 1);
    mk_write_ptr(k, pointer, pages);
    mk_symbol(k, "ftrace_pages_start", pointer);
    w->key = mk_object(k, "static_key");
    w->jump = mk_object(k, "jump_entry");
    mk_put(k, w->jump, "jump_entry.code", w->text + 2 * FUNCTION + 5 - w->jump);
    mk_put(k, w->jump, "jump_entry.target", w->text + 2 * FUNCTION + 0x20 - (w->jump + 4));
    mk_put(k, w->jump, "jump_entry.key", w->key - (w->jump + 8));
    mk_symbol(k, "__start___jump_table", w->jump);
    mk_symbol(k, "__stop___jump_table", w->jump + 16);
    w->call_key = w->data + 0x100;
    mk_put(k, w->call_key, "static_call_key.func", w->text + FUNCTION);
    mk_symbol_sized(k, "__SCK__hello", w->call_key, 16);
    w->site = mk_object(k, "static_call_site");
    mk_put(k, w->site, "static_call_site.addr", w->text + 2 * FUNCTION + 10 - w->site);
    mk_put(k, w->site, "static_call_site.key", w->call_key - (w->site + 4));
    mk_symbol(k, "__start_static_call_sites", w->site);
    mk_symbol(k, "__stop_static_call_sites", w->site + 8);
    w->probes = mk_alloc(k, 64 * 8);
    mk_symbol_sized(k, "kprobe_table", w->probes, 64 * 8);
}

static struct machine make(void)
{
    struct machine w = { .k = mk_new(machine_named("x86_64"), 4 << 20, types) };
    struct mk *k = w.k;
    uint8_t fill[TEXT];
    uint64_t nodes[2];

    memset(fill, 0xcc, sizeof fill);
    w.text = mk_alloc_aligned(k, TEXT, 0x1000);
    w.data = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.module = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.other = mk_alloc_aligned(k, 0x1000, 0x1000);
    w.head = mk_alloc(k, 16);
    mk_write(k, w.text, fill, TEXT);
    mk_write(k, w.module, fill, 0x1000);
    mk_symbol(k, "_stext", w.text);
    mk_symbol(k, "first", w.text);
    mk_symbol(k, "second", w.text + FUNCTION);
    mk_symbol(k, "patched", w.text + 2 * FUNCTION);
    mk_symbol(k, "__SCT__hello", w.text + 3 * FUNCTION);
    mk_symbol(k, "ftrace_caller", w.text + 4 * FUNCTION);
    mk_symbol(k, "_etext", w.text + TEXT);
    w.bpf = mk_alloc(k, 16);
    mk_list(k, w.bpf, NULL, 0);
    mk_symbol(k, "bpf_kallsyms", w.bpf);
    code(&w, w.text, "\xc3", 1);
    code(&w, w.text + FUNCTION, "\x48\x89\xe5\xc3", 4); // mov rbp, rsp; ret
    code(&w, w.text + 2 * FUNCTION, "\x0f\x1f\x44\0\0\x0f\x1f\x44\0\0", 10);
    leads(&w, w.text + 2 * FUNCTION + 10, "\xe8", 1, w.text + FUNCTION);
    code(&w, w.text + 2 * FUNCTION + 15, "\xc3", 1);
    code(&w, w.text + 2 * FUNCTION + 0x20, "\xc3", 1);
    leads(&w, w.text + 3 * FUNCTION, "\xe9", 1, w.text + FUNCTION);
    code(&w, w.text + 4 * FUNCTION, "\xc3", 1);
    leads(&w, w.module, "\xe8", 1, w.text + FUNCTION);
    code(&w, w.module + 5, "\xc3", 1);
    tables(&w);
    w.mod = module(&w, "good", w.module);
    nodes[0] = mk_at(k, w.mod, "module.list");
    nodes[1] = mk_at(k, module(&w, "other", w.other), "module.list");
    w.head = mk_alloc(k, 16);
    mk_list(k, w.head, nodes, 2);
    return w;
}

static const char *rows_of(struct machine *w, const char *plugin, const char *const *args)
{
    struct linux_state *s;

    mk_rows_may_fail = true;
    mk_rows(w->k, "modparams", NULL); // the first makes the system
    mk_rows_may_fail = false;
    s = linux_state(mk_system(w->k));
    s->modules = w->head;
    s->image_start = w->text;
    s->image_end = w->data + 0x1000;
    return mk_rows(w->k, plugin, args);
}

static const char *rows(struct machine *w, const char *plugin)
{
    return rows_of(w, plugin, NULL);
}

enum where { FIRST, SECOND_INSIDE, MODULE, OTHER, DATA, NOBODY, NOWHERE };

static uint64_t place(const struct machine *w, enum where where)
{
    switch (where) {
    case FIRST:
        return w->text;
    case SECOND_INSIDE:
        return w->text + FUNCTION + 1;
    case MODULE:
        return w->module;
    case OTHER:
        return w->other;
    case DATA:
        return w->data;
    default:
        return w->other + 0x8000;
    }
}

/* What stands at "first", and where it leads. */
static void entries(void **state)
{
    static const struct {
        const char *opcode;
        size_t n;
        enum where to;
        const char *kind, *hint; // NULL: no row
    } cases[] = {
        { "\xe8", 1, FIRST, NULL, NULL },
        { "\xe9", 1, MODULE, "jump", "leads into a module" },
        { "\xe8", 1, MODULE, "call", "leads into a module" },
        { "\xf3\x0f\x1e\xfa\xe9", 5, MODULE, "jump", "leads into a module" },
        { "\x0f\x84", 2, MODULE, "jump", "leads into a module" },
        { "\xe8", 1, DATA, "call", "leads into data" },
        { "\xe9", 1, NOBODY, "jump", "leads to code of nobody" },
        { "\xe8", 1, SECOND_INSIDE, "jump", "leads into the middle of an instruction" },
        { "\x48\xc7\xc0", 3, MODULE, NULL, NULL }, // mov rax, imm32
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();

        leads(&w, w.text, cases[i].opcode, cases[i].n, place(&w, cases[i].to));
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10),
                            cases[i].hint ? cases[i].hint : "");
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 3, 3),
                            cases[i].kind ? cases[i].kind : "");
        mk_free(w.k);
    }
}

static void far_jumps(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        static const char *const hints[] = { "leads into a module", "a jump with the whole address",
                                             "" };
        struct machine w = make();
        char bytes[] = "\x48\xb8\0\0\0\0\0\0\0\0\xff\xe0";
        uint64_t to = kind == 0 ? w.module : w.text + FUNCTION;

        memcpy(bytes + 2, &to, 8);
        if (kind == 2)
            bytes[11] = '\xd0'; // call rax
        code(&w, w.text, bytes, sizeof bytes - 1);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), hints[kind]);
        mk_free(w.k);
    }
}

static void breakpoints(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool probe, row;
    } cases[] = {
        { "\xcc\x48\x89\xe5\xc3", 5, false, true },
        { "\xcc\x48\x89\xe5\xc3", 5, true, false },
        { "\x55\xcc\x48\x89\xe5\xc3", 6, false, true },
        { "\x74\x01\xcc\x48\x89\xe5\xc3", 7, false, true }, // behind a branch
        { "\xc3\xcc\x48\x89\xe5\xc3", 6, false, false },    // behind a return
        { "\x55\xcc\xcc\x48\x89\xe5\xc3", 7, false, false },
        { "\x0f\x0b\xcc\x55\xc3", 5, false, false },
        { "\x74\x01\xcc\x48\x89\xe5\xc3", 7, false, true }, // behind a branch
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();

        code(&w, w.text, cases[i].bytes, cases[i].len);
        if (cases[i].probe) {
            uint64_t probe = mk_object(w.k, "kprobe");

            mk_put(w.k, probe, "kprobe.addr", w.text);
            mk_write_ptr(w.k, w.probes + 8, mk_at(w.k, probe, "kprobe.hlist"));
            mk_write_ptr(w.k, mk_at(w.k, probe, "kprobe.hlist") + 8, w.probes + 8);
        }
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10),
                            cases[i].row ? "a breakpoint, and no kprobe has it" : "");
        mk_free(w.k);
    }
}

/* A module may lead into itself, the kernel, and modules that it uses. */
static void modules(void **state)
{
    (void)state;
    for (int uses = 0; uses < 2; uses++) {
        struct machine w = make();

        leads(&w, w.module, "\xe8", 1, w.other);
        if (uses) {
            uint64_t use = mk_object(w.k, "module_use"), node;

            node = mk_at(w.k, use, "module_use.target_list");
            mk_put(w.k, use, "module_use.target", module(&w, "other", w.other));
            mk_list(w.k, mk_at(w.k, w.mod, "module.target_list"), &node, 1);
        }
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10),
                            uses ? "" : "leads into a module that it does not use");
        mk_free(w.k);
    }
}

static void ftrace(void **state)
{
    enum { ENABLED = 1, DIRECT = 2 };
    static const struct {
        const char *opcode;
        bool caller;
        unsigned flags;
        const char *hint;
    } cases[] = {
        { NULL, false, 0, "" },
        { NULL, false, ENABLED, "" },
        { "\xe8", true, ENABLED, "" },
        { "\xe8", true, 0, "a call of ftrace that its record does not have" },
        { "\xe8", false, ENABLED, "calls other code than ftrace's; leads into a module" },
        { "\xe9", true, ENABLED, "neither a call of ftrace nor a nop" },
        { "\xe9", false, ENABLED, "neither a call of ftrace nor a nop; leads into a module" },
        { "\xe9", true, ENABLED | DIRECT, "" }, // since 6.19
        { "\xe9", false, ENABLED | DIRECT, "calls a module, not ftrace; leads into a module" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();

        if (cases[i].opcode)
            leads(&w, w.text + 2 * FUNCTION, cases[i].opcode, 1,
                  cases[i].caller ? w.text + 4 * FUNCTION : w.module);
        mk_put(w.k, w.record, "dyn_ftrace.flags",
               (cases[i].flags & ENABLED ? UINT64_C(1) << 31 : 0) |
                   (cases[i].flags & DIRECT ? UINT64_C(1) << 23 : 0));
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        mk_free(w.k);
    }
}

/* Code of BPF, which ftrace's records name or not; and with a record of a direct call, data. */
static void direct_calls(void **state)
{
    static const struct {
        bool bpf; // where it leads: code of BPF, or data
        uint64_t flags;
        const char *hint;
    } cases[] = {
        { true, UINT64_C(1) << 31, "" },
        { true, UINT64_C(1) << 31 | 1 << 23, "" },
        { true, 0,
          "calls BPF, which its record does not have; leads to code made at run time, and the "
          "kernel has no record of that" },
        { false, UINT64_C(1) << 31 | 1 << 23, "calls other code than ftrace's; leads into data" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();
        uint64_t sym = mk_object(w.k, "bpf_ksym"), node = mk_at(w.k, sym, "bpf_ksym.lnode");
        uint64_t made = mk_alloc_aligned(w.k, 0x1000, 0x1000);

        mk_put(w.k, sym, "bpf_ksym.start", made);
        mk_put(w.k, sym, "bpf_ksym.end", made + 0x100);
        mk_puts(w.k, sym, "bpf_ksym.name", "bpf_trampoline_1");
        mk_list(w.k, w.bpf, &node, 1);
        leads(&w, w.text + 2 * FUNCTION, "\xe8", 1, cases[i].bpf ? made : w.data);
        mk_put(w.k, w.record, "dyn_ftrace.flags", cases[i].flags);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        mk_free(w.k);
    }
}

/* A module whose code would end with the address space has none, and ends nothing. */
static void edges(void **state)
{
    struct machine w = make();

    (void)state;
    mk_write_ptr(w.k, mk_at(w.k, w.mod, "module.mem"), UINT64_MAX - 0xfff);
    assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), "");
    assert_int_equal(mk_row_notes("and 1 parts of modules"), 1);
    mk_write_ptr(w.k, mk_at(w.k, w.mod, "module.mem"), UINT64_MAX - 0x1fff);
    assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), "");
    mk_free(w.k);
    // Tables that claim more than there can be.
    w = make();
    mk_put(w.k, w.mod, "module.jump_entries", 0x1000);
    mk_put(w.k, w.mod, "module.num_jump_entries", UINT32_MAX);
    assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), "");
    mk_free(w.k);
}

static void jump_labels(void **state)
{
    static const struct {
        int enabled, inverted;
        const char *bytes;
        size_t len;
        const char *hint;
    } cases[] = {
        { 0, 0, "\x0f\x1f\x44\0\0", 5, "" },
        { 1, 0, "\x0f\x1f\x44\0\0", 5, "a nop, and by its key it is a jump" },
        { 0, 1, "\x0f\x1f\x44\0\0", 5, "a nop, and by its key it is a jump" },
        { 1, 1, "\x0f\x1f\x44\0\0", 5, "" },
        { 1, 0, "\xe9\x16\0\0\0", 5, "" },
        { -1, 0, "\xe9\x16\0\0\0", 5, "" },
        { 1, 0, "\xeb\x19\x90\x90\x90", 5, "" },
        { 0, 0, "\x66\x90\x90\x90\x90", 5, "" },
        { 0, 0, "\xe9\x16\0\0\0", 5, "a jump, and by its key it is a nop" },
        { 1, 0, "\xe9\x15\0\0\0", 5, "jumps elsewhere than its record says" },
        { 0, 0, "\x48\x89\xe5\x90\x90", 5, "neither a jump nor a nop" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();

        mk_put(w.k, w.key, "static_key.enabled.counter", (uint64_t)cases[i].enabled);
        if (cases[i].inverted)
            mk_put(w.k, w.jump, "jump_entry.key", w.key - (w.jump + 8) + 1);
        code(&w, w.text + 2 * FUNCTION + 5, cases[i].bytes, cases[i].len);
        assert_string_equal(mk_columns(rows(&w, "jumplabels"), 9, 9), cases[i].hint);
        assert_int_equal(mk_row_notes("1 were compared"), 1);
        mk_free(w.k);
    }
}

static void static_calls(void **state)
{
    static const struct {
        enum where key;    // the key's function; NOWHERE: none
        const char *bytes; // NULL: a call of its function
        const char *hint;
    } cases[] = {
        { FIRST, NULL, "" },
        { NOWHERE, "\x0f\x1f\x44\0\0", "" },
        { NOWHERE, "\xc3\xcc\xcc\xcc\xcc", "" },
        { FIRST, "\x0f\x1f\x44\0\0", "no call of its key's function" },
        { FIRST, "\xe8\0\0\0\0", "calls another function than its key has" },
        { NOWHERE, "\x48\x89\xe5\x90\x90", "no nop, and its key has no function" },
        { MODULE, NULL, "in a module, and the key is the kernel's" },
        { NOBODY, NULL, "code of no module that is listed, nor of the kernel" },
        { DATA, NULL, "not code but data" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();
        const bool none = cases[i].key == NOWHERE;
        const uint64_t to = none ? 0 : place(&w, cases[i].key);

        mk_put(w.k, w.call_key, "static_call_key.func", to);
        leads(&w, w.text + 2 * FUNCTION + 10, "\xe8", 1, to);
        leads(&w, w.text + 3 * FUNCTION, "\xe9", 1, to);
        if (none)
            code(&w, w.text + 3 * FUNCTION, "\xc3", 1);
        if (cases[i].bytes)
            code(&w, w.text + 2 * FUNCTION + 10, cases[i].bytes, 5);
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 8, 8), cases[i].hint);
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 1, 1), "hello");
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 5, 5), "1");
        mk_free(w.k);
    }
}

/* The trampoline alone was changed. */
static void trampoline(void **state)
{
    struct machine w = make();

    (void)state;
    leads(&w, w.text + 3 * FUNCTION, "\xe9", 1, w.text);
    assert_string_equal(mk_columns(rows(&w, "staticcalls"), 8, 8),
                        "calls another function than its key has");
    mk_free(w.k);
}

/* AArch64: words at "first", of which @lead leads from there to a module; the module has a veneer
 * at +0x100, which no symbol has, to the kernel or to another module. */
static void aarch64(void **state)
{
    static const struct {
        uint32_t before[2]; // 0: none
        uint32_t lead;      // the opcode; its distance is added
        bool module;        // it is the module that has them
        bool kernel;        // the veneer leads into the kernel
        const char *hint;
    } cases[] = {
        { { 0 }, 0x14000000, false, false, "leads into a module" },          // b
        { { 0 }, 0x94000000, false, false, "leads into a module" },          // bl
        { { 0xd503201f }, 0x94000000, false, false, "leads into a module" }, // behind a nop
        { { 0xd65f03c0 }, 0x94000000, false, false, "" },                    // ret: data
        { { 0xb4000040, 0xd65f03c0 }, 0x94000000, false, false, "leads into a module" }, // cbz
        { { 0 }, 0x94000000, true, true, "" },
        { { 0 }, 0x94000000, true, false, "leads into a module that it does not use" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct mk_machine *m = machine_named("aarch64");
        struct machine w = { .k = mk_new(m, 8 << 20, types) };
        struct mk *k = w.k;
        const uint64_t page = UINT64_C(1) << m->page_shift;
        uint64_t at, to, far, nodes[2], two;

        w.text = mk_alloc_aligned(k, TEXT, page);
        w.data = mk_alloc_aligned(k, page, page);
        w.module = mk_alloc_aligned(k, page, page);
        w.other = mk_alloc_aligned(k, page, page);
        mk_symbol(k, "_stext", w.text);
        mk_symbol(k, "first", w.text);
        mk_symbol(k, "_etext", w.text + TEXT);
        mk_symbol_sized(k, "function", w.module, 0x40);
        for (uint64_t n = 0; n < TEXT; n += 4)
            mk_write_u32(k, w.text + n, 0xd503201f);
        for (uint64_t n = 0; n < 0x40; n += 4)
            mk_write_u32(k, w.module + n, 0xd503201f);
        at = cases[i].module ? w.module : w.text;
        to = cases[i].module ? w.module + 0x100 : w.module;
        for (int n = 0; n < 2 && cases[i].before[n]; n++, at += 4)
            mk_write_u32(k, at, cases[i].before[n]);
        mk_write_u32(k, at, cases[i].lead | ((uint32_t)((to - at) >> 2) & 0x3ffffff));
        far = cases[i].kernel ? w.text : w.other; // adrp, add, br
        two = (far >> 12) - ((w.module + 0x100) >> 12);
        mk_write_u32(k, w.module + 0x100,
                     0x90000010 | (uint32_t)(two & 3) << 29 |
                         ((uint32_t)(two >> 2) & 0x7ffff) << 5);
        mk_write_u32(k, w.module + 0x104, 0x91000210 | (uint32_t)(far & 0xfff) << 10);
        mk_write_u32(k, w.module + 0x108, 0xd61f0200);
        nodes[0] = mk_at(k, module(&w, "good", w.module), "module.list");
        nodes[1] = mk_at(k, module(&w, "other", w.other), "module.list");
        w.head = mk_alloc(k, 16);
        mk_list(k, w.head, nodes, 2);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        assert_int_equal(mk_row_notes("no records are known of: ftrace"), 1);
        mk_free(k);
    }
}

/* ---- against a file ---- */

enum { LINKED = 0x1000, ALT_AT = 0x40, TABLES = 0x3000 };

/* One section's header. */
static void section(uint8_t *h, unsigned name, uint64_t addr, uint64_t off, uint64_t size)
{
    const uint64_t words[] = { name | UINT64_C(1) << 32, name == 1 ? 6 : 2, addr, off, size };

    memcpy(h, words, sizeof words);
}

static void put32(uint8_t *p, int64_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)((uint64_t)v >> 8 * i);
}

/* A vmlinux with the code of @w, linked @shift below where it runs; one alternative of five bytes
 * at "patched"+0x40, one return site at +0x50. @return its path, as an argument. */
static const char *vmlinux(struct machine *w, const uint8_t *text, uint64_t shift)
{
    static char path[64];
    static uint8_t file[0x5000];
    const uint64_t at = w->text - shift, tables = at + TABLES;
    static const char names[] = "\0.text\0.altinstructions\0.altinstr_replacement\0"
                                ".return_sites\0.shstrtab";
    const uint64_t places[] = { at + 2 * FUNCTION + ALT_AT, at + 2 * FUNCTION + 0x50 };
    uint8_t *t = file + LINKED + TABLES;
    int fd;

    memset(file, 0, sizeof file);
    memcpy(file, "\177ELF\2\1\1", 7);
    file[18] = 62;
    put32(file + 40, 0x200);
    file[58] = 64;
    file[60] = 6;
    file[62] = 5;
    memcpy(file + 0x400, names, sizeof names);
    memcpy(file + LINKED, text, TEXT);
    put32(t, (int64_t)(places[0] - tables)); // the alternative, then its code, then a return
    put32(t + 4, 0x100 - 4);
    t[10] = t[11] = 5;
    memcpy(t + 0x100, "\x48\x89\xc8\x66\x90", 5); // mov rax, rcx; nop
    put32(t + 0x200, (int64_t)(places[1] - (tables + 0x200)));
    section(file + 0x240, 1, at, LINKED, TEXT);
    section(file + 0x280, 7, tables, LINKED + TABLES, 12);
    section(file + 0x2c0, 24, tables + 0x100, LINKED + TABLES + 0x100, 5);
    section(file + 0x300, 46, tables + 0x200, LINKED + TABLES + 0x200, 4);
    section(file + 0x340, 60, 0, 0x400, sizeof names);
    snprintf(path, sizeof path, "against=/tmp/kernelcode.XXXXXX");
    fd = mkstemp(path + 8);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, sizeof file), sizeof file);
    close(fd);
    return path;
}

/* What stands in memory and in the file, at "patched"+@at. */
static void against(void **state)
{
    static const struct {
        const char *memory, *file;
        size_t len, at;
        const char *hint;
    } cases[] = {
        { "\x31\xc0", "\x31\xc0", 2, 0x20, "" },
        { "\x31\xc0", "\x31\xdb", 2, 0x20, "differs from the kernel's file" },
        { "\x48\x89\xc8\x66\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" },
        { "\x48\x89\xc8\x90\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" },
        { "\x66\x90\x48\x89\xc8", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" }, // padding before it
        { "\x48\x89\xd8\x66\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT, "" }, // padding
        { "\x48\x89\xc9\x90\x90", "\x48\x89\xd8\x90\x90", 5, ALT_AT,
          "differs from the kernel's file" },
        { "\xc3\xcc\xcc\xcc\xcc", "\xe9\0\0\0\0", 5, 0x50, "" },
        { "\x0f\x1f\x44\0\0", "\xe9\0\0\0\0", 5, 0x50, "differs from the kernel's file" },
        { "\x0f\x1f\x44\0\0", "\xe8\0\0\0\0", 5, 0, "" }, // of ftrace
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();
        const uint64_t patched = w.text + 2 * FUNCTION;
        static uint8_t text[TEXT];
        const char *args[2] = { NULL };
        struct eg_system *sys;

        code(&w, patched + cases[i].at, cases[i].memory, cases[i].len);
        rows(&w, "kernelcode");
        sys = mk_system(w.k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = 0x100000;
        assert_true(eg_read(sys->view, sys->kernel, w.text, text, TEXT));
        memcpy(text + 2 * FUNCTION + cases[i].at, cases[i].file, cases[i].len);
        args[0] = vmlinux(&w, text, 0x100000);
        assert_string_equal(mk_columns(mk_rows(w.k, "kernelcode", args), 10, 10), cases[i].hint);
        assert_int_equal(mk_row_notes("8192 bytes of code were compared"), 1);
        unlink(args[0] + 8);
        mk_free(w.k);
    }
}

/* Headers of a file that say what cannot be. */
static void damaged_file(void **state)
{
    static const struct {
        uint64_t at, value; // eight bytes
        const char *error;  // NULL: it can be compared all the same
    } cases[] = {
        { 40, UINT64_MAX, "no kernel of x86-64 with sections" },         // where sections are
        { 40, 0x4fff, "no kernel of x86-64 with sections" },             // at the file's end
        { 58, 0xffff0040, "no kernel of x86-64 with sections" },         // how many
        { 58, 0x5000060040, "no kernel of x86-64 with sections" },       // which has the names
        { 0x340 + 32, 40, "no kernel of x86-64 with sections" },         // names without an end
        { 0x240 + 24, UINT64_MAX - 7, "no code where this kernel has" }, // .text
        { 0x240 + 32, UINT64_MAX, "no code where this kernel has" },
        { 0x240 + 16, UINT64_MAX, "no code where this kernel has" },
        { 0x280 + 32, UINT64_MAX, NULL }, // .altinstructions
        { LINKED + TABLES, UINT64_MAX, NULL },
        { LINKED + TABLES, 0x8000000080000000, NULL },
        { LINKED + TABLES + 8, UINT64_MAX, NULL }, // of 255 bytes, by 255
        { LINKED + TABLES + 0x200, 0x7fffffff, NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct machine w = make();
        static uint8_t text[TEXT];
        const char *args[2] = { NULL };
        struct eg_system *sys;
        int fd;

        rows(&w, "kernelcode");
        sys = mk_system(w.k);
        sys->chosen->has_kaslr = true;
        sys->chosen->kaslr = 0x100000;
        assert_true(eg_read(sys->view, sys->kernel, w.text, text, TEXT));
        args[0] = vmlinux(&w, text, 0x100000);
        fd = open(args[0] + 8, O_WRONLY);
        assert_int_equal(pwrite(fd, &cases[i].value, 8, (off_t)cases[i].at), 8);
        close(fd);
        mk_rows_may_fail = cases[i].error;
        assert_string_equal(mk_columns(mk_rows(w.k, "kernelcode", args), 10, 10), "");
        mk_rows_may_fail = false;
        if (cases[i].error)
            assert_non_null(strstr(mk_row_error(), cases[i].error));
        unlink(args[0] + 8);
        mk_free(w.k);
    }
}

/* A file that is no kernel, and one that is cut off. */
static void not_a_kernel(void **state)
{
    struct machine w = make();
    const char *args[] = { "against=/nonexistent", NULL };
    struct eg_system *sys;

    (void)state;
    rows(&w, "kernelcode");
    sys = mk_system(w.k);
    mk_rows_may_fail = true;
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "KASLR shift"));
    sys->chosen->has_kaslr = true;
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "/nonexistent"));
    args[0] = "against=/dev/null";
    mk_rows(w.k, "kernelcode", args);
    assert_non_null(strstr(mk_row_error(), "against"));
    mk_rows_may_fail = false;
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),      cmocka_unit_test(far_jumps),
        cmocka_unit_test(breakpoints),  cmocka_unit_test(modules),
        cmocka_unit_test(ftrace),       cmocka_unit_test(jump_labels),
        cmocka_unit_test(aarch64),      cmocka_unit_test(against),
        cmocka_unit_test(not_a_kernel), cmocka_unit_test(static_calls),
        cmocka_unit_test(trampoline),   cmocka_unit_test(direct_calls),
        cmocka_unit_test(edges),        cmocka_unit_test(damaged_file),

    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
