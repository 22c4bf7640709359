/* syscalls_test.c - system calls by tables and by the code of a switch: what is changed is named,
 * and nothing else. */
#include "check.h"
#include "image.h"
#include "mkguest.h"
#include <inttypes.h>

enum { CALLS = 8, FUNCTION_SIZE = 0x20, PADDING = 2 };
enum { COL_TABLE, COL_INDEX, COL_CALL, COL_CODE = 6, COL_LIVE = 8, COL_EXPECTED, COL_HINTS };

#define META                                                                                       \
    "struct syscall_metadata { const char *name; int nb_args; const char **types, **args; };"
static const char *const types[] = { "struct task_struct {", META "struct task_struct {", NULL };

static const char *const x86_names[] = { "read", "write", "open",  "close",
                                         "stat", "fstat", "lstat", "poll" };
static const char *const arm_names[] = { "io_setup",     "io_destroy", "io_submit", "io_cancel",
                                         "io_getevents", "setxattr",   "lsetxattr", "fsetxattr" };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t text, table, sw, entry, elsewhere;
    uint64_t functions[CALLS + 1]; /**< the last is sys_ni_syscall */
    size_t len;                    /**< of the switch */
};

static void put(struct world *w, const void *bytes, size_t len)
{
    mk_write(w->k, w->sw + w->len, bytes, len);
    w->len += len;
}
#define PUT(w, bytes) put((w), (bytes), sizeof(bytes) - 1)

static void put_rel32(struct world *w, uint64_t target)
{
    const uint32_t distance = (uint32_t)(target - (w->sw + w->len + 4));

    put(w, &distance, 4);
}

/** je where a jump to each function stands, and behind all that to the last. */
static void tree(struct world *w)
{
    size_t at[CALLS];

    w->len = 0;
    PUT(w, "\xf3\x0f\x1e\xfa\x0f\x1f\x44\0\0"); // endbr64, nop
    PUT(w, "\x83\xfe\x07\x77\x30");             // cmp esi, 7; ja
    for (uint8_t i = 0; i < CALLS; i++) {
        const uint8_t code[] = { 0x83, 0xfe, i, 0x74, 0 };

        at[i] = w->len;
        put(w, code, sizeof code);
    }
    PUT(w, "\x90\x90\x90\x90\x90\x90\x90\x90");
    PUT(w, "\xe9");
    put_rel32(w, w->functions[CALLS]);
    for (size_t i = 0; i < CALLS; i++) {
        const uint8_t distance = (uint8_t)(w->len - (at[i] + 5));

        mk_write(w->k, w->sw + at[i] + 4, &distance, 1);
        PUT(w, "\xe9");
        put_rel32(w, w->functions[i]);
    }
}

/** Where the jump to function @i is in that tree. */
static uint64_t jump_to(const struct world *w, unsigned i)
{
    return w->sw + 9 + 5 + 0x30 + 5 + 5 * i;
}

static void call_from(struct world *w, uint64_t at, uint64_t target)
{
    uint8_t code[5] = { 0xe8 };
    const uint32_t distance = (uint32_t)(target - (at + 5));

    memcpy(code + 1, &distance, 4);
    mk_write(w->k, at, code, 5);
}

static void jump_from(struct world *w, uint64_t at, uint64_t target)
{
    call_from(w, at, target);
    mk_write(w->k, at, "\xe9", 1);
}

static struct world make(const struct mk_machine *m, const char *prefix)
{
    struct world w = { .g = mk_guest(m, types) };
    struct mk *k = w.k = w.g.k;
    const char *const *names = !strcmp(prefix, "__x64_") ? x86_names : arm_names;
    char name[64];

    w.text = mk_alloc_aligned(k, 0x2000, 0x1000);
    mk_symbol(k, "_stext", w.text);
    for (unsigned i = 0; i <= CALLS; i++) {
        w.functions[i] = w.text + 0x100 + FUNCTION_SIZE * i;
        snprintf(name, sizeof name, "%ssys_%s%s", prefix, i >= 4 && i <= 6 ? "new" : "",
                 i < CALLS ? names[i] : "ni_syscall");
        mk_symbol(k, name, w.functions[i]);
        mk_write(k, w.functions[i], "\xf3\x0f\x1e\xfa\x0f\x1f\x44\0\0\x55", 10);
    }
    w.entry = w.text + 0x800;
    w.sw = w.text + 0x900;
    mk_symbol(k, "_etext", w.text + 0x2000);
    w.table = mk_alloc_aligned(k, 8 * (CALLS + PADDING), 0x1000);
    mk_symbol_sized(k, "sys_call_table", w.table, 8 * (CALLS + PADDING));
    for (unsigned i = 0; i < CALLS; i++)
        mk_write_ptr(k, w.table + 8 * i, w.functions[i]);
    w.elsewhere = mk_alloc_aligned(k, 0x1000, 0x1000);
    return w;
}

/** x86-64: a kernel with both. */
static struct world with_switch(const struct mk_machine *m)
{
    struct world w = make(m, "__x64_");

    mk_symbol(w.k, "do_syscall_64", w.entry);
    mk_symbol(w.k, "x64_sys_call", w.sw);
    mk_symbol(w.k, "behind", w.sw + 0x200);
    tree(&w);
    call_from(&w, w.entry + 0x10, w.sw);
    return w;
}

#define each_x86(m) mk_each_machine(m) if (m->arch && !strcmp(m->arch, "x86_64"))

static void none_odd(const char *rows)
{
    assert_string_equal(mk_columns(rows, COL_HINTS, COL_HINTS), "\n\n\n\n\n\n\n");
    assert_string_equal(mk_columns(rows, COL_EXPECTED, COL_EXPECTED), "\n\n\n\n\n\n\n");
}

static void only_odd(const char *rows, unsigned call, const char *expected, const char *hints)
{
    char want[1024], text[256];

    for (int e = 0; e < 2; e++) {
        *want = 0;
        for (unsigned i = 0; i < CALLS; i++) {
            snprintf(text, sizeof text, "%s%s", i ? "\n" : "",
                     i != call ? ""
                     : e       ? expected
                               : hints);
            strcat(want, text);
        }
        assert_string_equal(
            mk_columns(rows, e ? COL_EXPECTED : COL_HINTS, e ? COL_EXPECTED : COL_HINTS), want);
    }
}

static const char nobody[] = "code of no module that is listed, nor of the kernel, unless it is of "
                             "BPF or ftrace";

static void by_code(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = with_switch(m);
        const char *rows = mk_guest_rows(&w.g, "syscalls", NULL);
        char hints[256];

        assert_string_equal(mk_columns(rows, COL_TABLE, COL_CALL),
                            "64|0|read\n64|1|write\n64|2|open\n64|3|close\n64|4|stat\n64|5|fstat\n"
                            "64|6|lstat\n64|7|poll");
        assert_string_equal(mk_columns(rows, COL_LIVE, COL_LIVE),
                            "code\ncode\ncode\ncode\ncode\ncode\ncode\ncode");
        assert_int_equal(mk_row_notes("the kernel goes by the code of x64_sys_call"), 1);
        none_odd(rows);
        // One jump of the switch leads elsewhere; then to another call's function.
        jump_from(&w, jump_to(&w, 3), w.elsewhere);
        snprintf(hints, sizeof hints, "the switch leads to %s; table and switch differ", nobody);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 3, "", hints);
        jump_from(&w, jump_to(&w, 3), w.functions[2]);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 3, "__x64_sys_close",
                 "another function than its call's; table and switch differ");
        jump_from(&w, jump_to(&w, 3), w.functions[3]);
        // A comparison is with another number: call 5 is none, and nothing leads to its function.
        mk_write(w.k, w.sw + 9 + 5 + 5 * 5 + 2, "\x40", 1);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 5, "", "table and switch differ");
        mk_write(w.k, w.sw + 9 + 5 + 5 * 5 + 2, "\x05", 1);
        // Only the table was changed.
        mk_write_ptr(w.k, w.table + 8 * 6, w.elsewhere);
        snprintf(hints, sizeof hints, "%s; table and switch differ", nobody);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 6, "", hints);
        mk_write_ptr(w.k, w.table + 8 * 6, w.functions[6]);
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        mk_free(w.k);
    }
}

/** A jump table, as compilers write it where they need not fear for indirect jumps. */
static void by_jump_table(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = with_switch(m);
        const uint64_t jumps = mk_alloc_aligned(w.k, 8 * CALLS, 8);
        uint64_t at;

        // mov eax, esi; lea rcx, [rip + jumps]; cmp eax, 7; ja; jmp [rcx + 8 * rax]
        w.len = 0;
        PUT(&w, "\x89\xf0\x48\x8d\x0d");
        put_rel32(&w, jumps);
        PUT(&w, "\x83\xf8\x07\x77\x03\xff\x24\xc1");
        PUT(&w, "\xe9");
        put_rel32(&w, w.functions[CALLS]);
        for (unsigned i = 0; i < CALLS; i++) {
            mk_write_ptr(w.k, jumps + 8 * i, w.sw + w.len);
            PUT(&w, "\xe8");
            put_rel32(&w, w.functions[i]);
            PUT(&w, "\xc3");
        }
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        at = mk_read_ptr(w.k, jumps + 8 * 7);
        mk_write_ptr(w.k, jumps + 8 * 7, w.functions[0]);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 7, "__x64_sys_poll",
                 "another function than its call's; table and switch differ");
        mk_write_ptr(w.k, jumps + 8 * 7, at);
        // A way that ends nowhere is no answer.
        mk_write(w.k, w.sw, "\x0f\x0b", 2);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "syscalls", NULL), COL_CODE, COL_CODE),
                            "-\n-\n-\n-\n-\n-\n-\n-");
        assert_int_equal(mk_row_notes("an instruction that no switch has"), CALLS);
        mk_write(w.k, w.sw, "\xeb\xfe", 2);
        mk_guest_rows(&w.g, "syscalls", NULL);
        assert_int_equal(mk_row_notes("the code does not end"), CALLS);
        mk_write(w.k, w.sw, "\xcc", 1);
        mk_guest_rows(&w.g, "syscalls", NULL);
        assert_int_equal(mk_row_notes("a breakpoint"), CALLS);
        mk_free(w.k);
    }
}

static void by_table(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = make(m, "__x64_");
        const uint64_t records = mk_alloc(w.k, 8 * CALLS), all = mk_alloc(w.k, 8);
        const uint64_t record = mk_object(w.k, "syscall_metadata");
        char hints[256];

        mk_symbol(w.k, "do_syscall_64", w.entry);
        mk_symbol(w.k, "after", w.entry + 0x80);
        mk_symbol(w.k, "syscalls_metadata", all);
        mk_write(w.k, w.entry, "\x48\x8d\x05", 3); // lea rax, [rip + table]
        mk_write_u32(w.k, w.entry + 3, (uint32_t)(w.table - (w.entry + 7)));
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        mk_write_ptr(w.k, w.table + 8 * 1, w.functions[4]);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 1, "__x64_sys_write",
                 "another function than its call's");
        mk_write_ptr(w.k, w.table + 8 * 1, w.functions[CALLS]); // none at all
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        mk_write_ptr(w.k, w.table + 8 * 1, w.functions[1]);
        mk_write_ptr(w.k, w.table + 8 * 2, w.functions[2] + 4);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 2, "", "inside a function");
        mk_write_ptr(w.k, w.table + 8 * 2, w.functions[2]);
        // What the kernel wrote down at boot decides before names do.
        mk_put(w.k, record, "syscall_metadata.name", mk_text(w.k, "sys_newfstat"));
        mk_write_ptr(w.k, records + 8 * 4, record);
        mk_write_ptr(w.k, all, records);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 4, "__x64_sys_newfstat",
                 "another function than its call's");
        mk_put(w.k, record, "syscall_metadata.name", mk_text(w.k, "sys_newstat"));
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        // A function that begins with a jump: within the kernel, and out of it.
        jump_from(&w, w.functions[7], w.text + 0x1000);
        none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
        jump_from(&w, w.functions[7], w.elsewhere);
        snprintf(hints, sizeof hints, "begins with a jump out of the kernel, to %#" PRIx64,
                 w.elsewhere);
        only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 7, "", hints);
        mk_free(w.k);
    }
}

static void what_is_live(void **state)
{
    (void)state;
    each_x86(m)
    {
        struct world w = with_switch(m);

        mk_guest_rows(&w.g, "syscalls", NULL);
        mk_write(w.k, w.entry + 0x10, "\x90\x90\x90\x90\x90", 5);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "syscalls", NULL), COL_LIVE, COL_LIVE),
                            "\n\n\n\n\n\n\n");
        assert_int_equal(mk_row_notes("what the kernel goes by is not known"), 1);
        mk_write(w.k, w.entry, "\x48\x8d\x05", 3); // lea rax, [rip + table]
        mk_write_u32(w.k, w.entry + 3, (uint32_t)(w.table - (w.entry + 7)));
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "syscalls", NULL), COL_LIVE, COL_LIVE),
                            "table\ntable\ntable\ntable\ntable\ntable\ntable\ntable");
        mk_free(w.k);
    }
}

/** The code goes by a table that is not the kernel's, or has no symbol: only what mostly leads to
 * system calls is one. */
static void another_table(void **state)
{
    enum { ENTRIES = 80, CHANGED = 10 };

    (void)state;
    each_x86(m)
    {
        struct world w = make(m, "__x64_");
        const uint64_t copy = mk_alloc_aligned(w.k, 8 * ENTRIES + 64, 0x1000);
        char hint[128];
        const char *rows;

        mk_symbol(w.k, "do_syscall_64", w.entry);
        mk_symbol(w.k, "after", w.entry + 0x80);
        for (unsigned i = 0; i < ENTRIES; i++)
            mk_write_ptr(w.k, copy + 8 * i, i % CHANGED ? w.functions[i % CALLS] : w.elsewhere);
        mk_write(w.k, w.entry, "\x48\x8d\x05", 3); // lea rax, [rip + copy]
        mk_write_u32(w.k, w.entry + 3, (uint32_t)(copy - (w.entry + 7)));
        rows = mk_guest_rows(&w.g, "syscalls", NULL);
        snprintf(hint, sizeof hint,
                 "the kernel goes by another table than sys_call_table, at %#" PRIx64 "\n", copy);
        assert_non_null(strstr(rows, hint));
        assert_non_null(strstr(rows, nobody));
        for (unsigned i = 20; i < 60; i++) // half of it leads elsewhere
            mk_write_ptr(w.k, copy + 8 * i, w.elsewhere);
        rows = mk_guest_rows(&w.g, "syscalls", NULL);
        assert_null(strstr(rows, "another table"));
        assert_int_equal(mk_row_notes("64: what the kernel goes by is not known"), 1);
        mk_free(w.k);
    }
}

static void others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w;
        const bool arm = m->arch && !strcmp(m->arch, "aarch64");

        if (m->arch && !strcmp(m->arch, "x86_64"))
            continue;
        w = make(m, "__arm64_");
        if (!arm) {
            assert_string_equal(mk_guest_rows(&w.g, "syscalls", NULL), "");
            assert_int_equal(mk_row_notes("of this processor"), 1);
        } else {
            none_odd(mk_guest_rows(&w.g, "syscalls", NULL));
            mk_write_ptr(w.k, w.table + 8 * 3, w.elsewhere);
            assert_string_equal(
                mk_columns(mk_guest_rows(&w.g, "syscalls", NULL), COL_TABLE, COL_INDEX),
                "arm64|0\narm64|1\narm64|2\narm64|3\narm64|4\narm64|5\narm64|6\narm64|7");
            only_odd(mk_guest_rows(&w.g, "syscalls", NULL), 3, "", nobody);
            assert_int_equal(mk_row_notes("what the kernel goes by is not known"), 1);
        }
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_code),      cmocka_unit_test(by_jump_table), cmocka_unit_test(by_table),
        cmocka_unit_test(what_is_live), cmocka_unit_test(another_table), cmocka_unit_test(others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
