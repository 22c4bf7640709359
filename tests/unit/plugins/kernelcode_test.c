/* kernelcode_test.c - kernelcode, jumplabels, staticcalls: each finding, and what is close to it.
 */
#include "check.h"
#include "mkktext.h"
#include <stdio.h>
#include <string.h>

static const char *rows(struct mk_ktext *w, const char *plugin)
{
    return mk_ktext_rows(w, plugin, NULL);
}

enum where { FIRST, SECOND_INSIDE, MODULE, OTHER, DATA, NOBODY, NOWHERE };

static uint64_t place(const struct mk_ktext *w, enum where where)
{
    switch (where) {
    case FIRST:
        return w->text;
    case SECOND_INSIDE:
        return w->text + MK_FUNCTION + 1;
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
        struct mk_ktext w = mk_ktext();

        mk_ktext_leads(&w, w.text, cases[i].opcode, cases[i].n, place(&w, cases[i].to));
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
        struct mk_ktext w = mk_ktext();
        char bytes[] = "\x48\xb8\0\0\0\0\0\0\0\0\xff\xe0";
        uint64_t to = kind == 0 ? w.module : w.text + MK_FUNCTION;

        memcpy(bytes + 2, &to, 8);
        if (kind == 2)
            bytes[11] = '\xd0'; // call rax
        mk_ktext_code(&w, w.text, bytes, sizeof bytes - 1);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), hints[kind]);
        mk_free(w.k);
    }
}

/* Calls and jumps by a pointer: of the kernel, and by one that lies where the kernel has none. */
static void pointers(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *hint;
    } cases[] = {
        { "\xff\x25\0\x10\0\0\xc3", 7, "" }, // jmp [rip + 0x1000]
        { "\xff\x14\x25\0\x10\0\0\xc3", 8, "goes by a pointer in memory of nobody" },
        { "\xff\x25\0\0\0\x80\xc3", 7, "goes by a pointer in memory of nobody" },
        { "\xff\x34\x25\0\x10\0\0\xc3", 8, "" }, // push [0x1000]
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct mk_ktext w = mk_ktext();

        mk_ktext_code(&w, w.text, cases[i].bytes, cases[i].len);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 3, 3),
                            *cases[i].hint ? "pointer" : "");
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
        struct mk_ktext w = mk_ktext();

        mk_ktext_code(&w, w.text, cases[i].bytes, cases[i].len);
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
        struct mk_ktext w = mk_ktext();

        mk_ktext_leads(&w, w.module, "\xe8", 1, w.other);
        if (uses) {
            uint64_t use = mk_object(w.k, "module_use"), node;

            node = mk_at(w.k, use, "module_use.target_list");
            mk_put(w.k, use, "module_use.target", mk_ktext_module(&w, "other", w.other));
            mk_list(w.k, mk_at(w.k, w.mod, "module.target_list"), &node, 1);
        }
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10),
                            uses ? "" : "leads into a module that it does not use");
        mk_free(w.k);
    }
}

static void ftrace(void **state)
{
    enum { ENABLED = 1 << 8, DIRECT = 1 }; // bits 31 and 23
    static const struct {
        const char *opcode;
        unsigned caller, flags;
        const char *hint;
    } cases[] = {
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
        struct mk_ktext w = mk_ktext();

        if (cases[i].opcode)
            mk_ktext_leads(&w, w.text + 2 * MK_FUNCTION, cases[i].opcode, 1,
                           cases[i].caller ? w.text + 4 * MK_FUNCTION : w.module);
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
        struct mk_ktext w = mk_ktext();
        uint64_t sym = mk_object(w.k, "bpf_ksym"), node = mk_at(w.k, sym, "bpf_ksym.lnode");
        uint64_t made = mk_alloc_aligned(w.k, 0x1000, 0x1000);

        mk_put(w.k, sym, "bpf_ksym.start", made);
        mk_put(w.k, sym, "bpf_ksym.end", made + 0x100);
        mk_puts(w.k, sym, "bpf_ksym.name", "bpf_trampoline_1");
        mk_list(w.k, w.bpf, &node, 1);
        mk_ktext_leads(&w, w.text + 2 * MK_FUNCTION, "\xe8", 1, cases[i].bpf ? made : w.data);
        mk_put(w.k, w.record, "dyn_ftrace.flags", cases[i].flags);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        mk_free(w.k);
    }
}

/* A module whose code would end with the address space has none, and ends nothing. */
static void edges(void **state)
{
    struct mk_ktext w = mk_ktext();

    (void)state;
    mk_write_ptr(w.k, mk_at(w.k, w.mod, "module.mem"), UINT64_MAX - 0xfff);
    assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), "");
    assert_int_equal(mk_row_notes("and 1 parts of modules"), 1);
    mk_write_ptr(w.k, mk_at(w.k, w.mod, "module.mem"), UINT64_MAX - 0x1fff);
    assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), "");
    mk_free(w.k);
    // Tables that claim more than there can be.
    w = mk_ktext();
    mk_put(w.k, w.mod, "module.jump_entries", 0x1000);
    mk_put(w.k, w.mod, "module.num_jump_entries", UINT32_MAX);
    mk_put(w.k, w.mod, "module.its_page_array", 0x1000);
    mk_put(w.k, w.mod, "module.its_num_pages", INT32_MAX);
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
        struct mk_ktext w = mk_ktext();

        mk_put(w.k, w.key, "static_key.enabled.counter", (uint64_t)cases[i].enabled);
        if (cases[i].inverted)
            mk_put(w.k, w.jump, "jump_entry.key", w.key - (w.jump + 8) + 1);
        mk_ktext_code(&w, w.text + 2 * MK_FUNCTION + 5, cases[i].bytes, cases[i].len);
        assert_string_equal(mk_columns(rows(&w, "jumplabels"), 9, 9), cases[i].hint);
        assert_int_equal(mk_row_notes("1 jump labels were compared"), 1);
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
        struct mk_ktext w = mk_ktext();
        const bool none = cases[i].key == NOWHERE;
        const uint64_t to = none ? 0 : place(&w, cases[i].key);

        mk_put(w.k, w.call_key, "static_call_key.func", to);
        mk_ktext_leads(&w, w.text + 2 * MK_FUNCTION + 10, "\xe8", 1, to);
        mk_ktext_leads(&w, w.text + 3 * MK_FUNCTION, "\xe9", 1, to);
        if (none)
            mk_ktext_code(&w, w.text + 3 * MK_FUNCTION, "\xc3", 1);
        if (cases[i].bytes)
            mk_ktext_code(&w, w.text + 2 * MK_FUNCTION + 10, cases[i].bytes, 5);
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 8, 8), cases[i].hint);
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 1, 1), "hello");
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 5, 5), "1");
        mk_free(w.k);
    }
}

/* What a function does stands where it would be called; of any other function that is a change. */
static void inline_call(void **state)
{
    (void)state;
    for (unsigned named = 0; named < 2; named++) {
        struct mk_ktext w = mk_ktext();
        const uint64_t to = place(&w, FIRST);

        if (named)
            mk_symbol(w.k, "__raw_callee_save___native_queued_spin_unlock", to);
        mk_put(w.k, w.call_key, "static_call_key.func", to);
        mk_ktext_leads(&w, w.text + 3 * MK_FUNCTION, "\xe9", 1, to);
        mk_ktext_code(&w, w.text + 2 * MK_FUNCTION + 10, "\x3e\x3e\xc6\x07\0", 5);
        assert_string_equal(mk_columns(rows(&w, "staticcalls"), 8, 8),
                            named ? "" : "no call of its key's function");
        mk_free(w.k);
    }
}

/* The trampoline alone was changed. */
static void trampoline(void **state)
{
    struct mk_ktext w = mk_ktext();

    (void)state;
    mk_ktext_leads(&w, w.text + 3 * MK_FUNCTION, "\xe9", 1, w.text);
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
        const struct mk_machine *m = mk_machine_named("aarch64");
        struct mk_ktext w = { .k = mk_new(m, 8 << 20, mk_ktext_types) };
        struct mk *k = w.k;
        const uint64_t page = UINT64_C(1) << m->page_shift;
        uint64_t at, to, far, nodes[2], two;

        w.text = mk_alloc_aligned(k, MK_TEXT, page);
        w.data = mk_alloc_aligned(k, page, page);
        w.module = mk_alloc_aligned(k, page, page);
        w.other = mk_alloc_aligned(k, page, page);
        mk_symbol(k, "_stext", w.text);
        mk_symbol(k, "first", w.text);
        mk_symbol(k, "_etext", w.text + MK_TEXT);
        mk_symbol_sized(k, "function", w.module, 0x40);
        for (uint64_t n = 0; n < MK_TEXT; n += 4)
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
        nodes[0] = mk_at(k, mk_ktext_module(&w, "good", w.module), "module.list");
        nodes[1] = mk_at(k, mk_ktext_module(&w, "other", w.other), "module.list");
        w.head = mk_alloc(k, 16);
        mk_list(k, w.head, nodes, 2);
        assert_string_equal(mk_columns(rows(&w, "kernelcode"), 10, 10), cases[i].hint);
        assert_int_equal(mk_row_notes("no records are known of: ftrace"), 1);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),      cmocka_unit_test(far_jumps),
        cmocka_unit_test(pointers),     cmocka_unit_test(breakpoints),
        cmocka_unit_test(modules),      cmocka_unit_test(ftrace),
        cmocka_unit_test(jump_labels),  cmocka_unit_test(aarch64),
        cmocka_unit_test(static_calls), cmocka_unit_test(trampoline),
        cmocka_unit_test(inline_call),  cmocka_unit_test(direct_calls),
        cmocka_unit_test(edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
