/* syscalls - which function each system call leads to: by the kernel's tables (arch/x86/entry/
 * syscall_64.c, syscall_32.c, syscall_x32.c; arch/arm64/kernel/sys.c, sys32.c), and by the code
 * that takes their place since 6.9 and in stable releases before; and which of the two is live. */
#include "../linux/sched/syscalls.h"
#include "../../core/arch.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/dispatch.h"
#include "../linux/kernel/signature.h"
#include "../linux/own/code.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(TABLE, TEXT, "whose programs call it: 64, ia32, x32; arm64, arm")                            \
    C(INDEX, INT, "the number of the system call")                                                 \
    C(CALL, TEXT, "its name")                                                                      \
    C(FUNCTION, ADDR, "where the table leads")                                                     \
    C(SYMBOL, TEXT, "the function there")                                                          \
    C(MODULE, TEXT, "whose code it is: the kernel's, or a module's that is listed")                \
    C(CODE_FUNCTION, ADDR, "where the switch leads, in kernels that dispatch by code", EG_MINOR)   \
    C(CODE_SYMBOL, TEXT, "the function there")                                                     \
    C(LIVE, TEXT, "what the kernel goes by: table, code")                                          \
    C(EXPECTED, TEXT, "the function that it led to at boot, or has its name, if it is another",    \
      EG_MINOR)                                                                                    \
    C(HINTS, TEXT, "what is odd about it")
EG_COLUMNS(COLUMNS);

enum { CALLS_MAX = 1024, CODE_MAX = 4096, TARGETS_MAX = 256, OTHER = 1 << 20, X32 = 512 };

/** A list of system calls. */
struct list {
    const char *name, *table, *code;
    uint32_t arch;
    const char *prefix;     /**< of its functions' names */
    bool recorded;          /**< the kernel's tracing describes its calls */
    const char *entries[7]; /**< functions that look up the call */
};
static const struct list x86_lists[] = {
    { "64",
      "sys_call_table",
      "x64_sys_call",
      LINUX_AUDIT_X86_64,
      "__x64_",
      true,
      { "do_syscall_64" } },
    { "ia32",
      "ia32_sys_call_table",
      "ia32_sys_call",
      LINUX_AUDIT_I386,
      "__ia32_",
      false,
      { "do_int80_syscall_32", "do_int80_emulation", "int80_emulation", "__do_fast_syscall_32",
        "do_fast_syscall_32", "do_syscall_32_irqs_on" } },
    { "x32",
      "x32_sys_call_table",
      "x32_sys_call",
      LINUX_AUDIT_X86_64,
      "__x64_",
      false,
      { "do_syscall_64", "do_syscall_x32" } },
};
static const struct list arm_lists[] = {
    { "arm64", "sys_call_table", NULL, LINUX_AUDIT_AARCH64, "__arm64_", true, { "do_el0_svc" } },
    { "arm",
      "compat_sys_call_table",
      NULL,
      LINUX_AUDIT_ARM,
      "__arm64_",
      false,
      { "do_el0_svc_compat" } },
};

struct state {
    struct eg_run *r;
    const struct list *list;
    uint64_t table, n; /**< 0: none */
    struct linux_switch sw;
    bool has_switch, by_table, by_code;
    bool has_entry;  /**< the kernel has a function that looks up such a call */
    uint64_t found;  /**< what looks like a table, and that function names; 0: none */
    const char *odd; /**< about the whole table; NULL: nothing */
};

/* ---- what is live ---- */

static uint64_t entry_at(const struct state *s, uint64_t table, uint64_t i)
{
    const uint8_t *p = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), table + 8 * i, 8);

    return p ? eg_le64(p) : 0;
}

/** Does it lead to a function of a system call, by its name? */
static bool is_call(const struct state *s, uint64_t addr)
{
    const char *name, *module;
    uint64_t off;

    return linux_whose_code(linux_codes(s->r), addr, NULL) == LINUX_CODE_KERNEL &&
           eg_system_symbol_at(eg_system_of(s->r), addr, &name, &off, &module) && !off &&
           strstr(name, "sys_");
}

/** The length of what lies at @at, if most of it leads to system calls: some entries may be
 * changed. */
static uint64_t calls_at(const struct state *s, uint64_t at)
{
    enum { LEAST = 64, CHANGED = 3 };
    uint64_t n = 0, calls = 0;

    for (uint64_t i = 0; i < CALLS_MAX && i < n + CHANGED; i++)
        if (is_call(s, entry_at(s, at, i))) {
            n = i + 1;
            calls++;
        }
    return n >= LEAST && calls * 4 > n * 3 ? n : 0;
}

/** Does the code of @entry name the table, or call the switch? */
static void look_in(struct state *s, const char *entry)
{
    const struct eg_arch *arch = eg_system_of(s->r)->arch;
    struct eg_symbol_extent extent;
    uint64_t at, *targets = eg_tmp(s->r, TARGETS_MAX * sizeof *targets);
    uint8_t code[CODE_MAX];
    size_t len, n;

    if (!eg_system_own_symbol(eg_system_of(s->r), entry, &at, &extent))
        return;
    s->has_entry = true;
    len = EG_MIN(extent.room, (uint64_t)CODE_MAX);
    if (!eg_read(eg_view_of(s->r), eg_kernel(s->r), at, code, len))
        return;
    n = arch->targets ? arch->targets(code, len, at, targets, TARGETS_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        s->by_table |= s->table && targets[i] == s->table;
        if (!s->found && calls_at(s, targets[i]))
            s->found = targets[i];
    }
    for (size_t i = 0; s->has_switch && i + 5 <= len; i++)
        if (code[i] == 0xe8 || code[i] == 0xe9)
            s->by_code |=
                at + i + 5 + (uint64_t)(int64_t)(int32_t)eg_le32(code + i + 1) == s->sw.at;
}

static const char *live(const struct state *s)
{
    return s->by_table ? s->by_code ? "table, code" : "table" : s->by_code ? "code" : NULL;
}

/* ---- does a function fit its call? ---- */

static bool strip(const char **name, size_t *len, const char *prefix)
{
    const size_t n = strlen(prefix);

    if (*len <= n || memcmp(*name, prefix, n) != 0)
        return false;
    *name += n;
    *len -= n;
    return true;
}

/** What is left of a call's or function's name without what tells releases and widths apart:
 * "__ia32_compat_sys_old_select", "_newselect", "select". */
static void bare(const char **name, size_t *len)
{
    static const char *const prefixes[] = { "__x64_",   "__ia32_", "__x32_", "__arm64_", "__se_",
                                            "__do_",    "compat_", "sys_",   "ia32_",    "x32_",
                                            "aarch32_", "arm64_",  "arm_",   "old_",     "old",
                                            "new",      "_" };
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; i < countof(prefixes); i++)
            again |= strip(name, len, prefixes[i]);
    }
    for (again = true; again && *len > 1;) {
        const char last = (*name)[*len - 1];

        again = true;
        if ((last >= '0' && last <= '9') || last == '_')
            --*len;
        else if (*len > 5 && !memcmp(*name + *len - 5, "_time", 5))
            *len -= 5;
        else
            again = false;
    }
}

static bool names_fit(const char *call, const char *function)
{
    static const char *const others[][2] = { { "mmap2", "mmap_pgoff" },
                                             { "ugetrlimit", "getrlimit" },
                                             { "preadv2", "preadv64v2" },
                                             { "pwritev2", "pwritev64v2" } };
    size_t n = strlen(call), m = strlen(function);

    for (size_t i = 0; i < countof(others); i++)
        if (!strcmp(call, others[i][0]) && strstr(function, others[i][1]))
            return true;
    if (strstr(function, "ni_syscall") || strstr(function, "sys_ni_"))
        return true;
    bare(&call, &n);
    bare(&function, &m);
    return n == m && !memcmp(call, function, n);
}

/** The kernel's record of what call @i led to at boot (kernel/trace/trace_syscalls.c), as a
 * symbol; NULL: none. */
static const char *recorded(struct state *s, uint64_t i)
{
    struct linux_syscall call;

    return s->list->recorded && linux_syscall(s->r, (int64_t)i, &call)
               ? eg_strf(s->r, "%s%s", s->list->prefix, call.name)
               : NULL;
}

/** The symbol that call @i should lead to if @function is another one; NULL: it fits, or there is
 * nothing that says. */
static const char *expected(struct state *s, uint64_t i, const char *call, uint64_t function,
                            const struct linux_codeof *of)
{
    const char *name = recorded(s, i);
    uint64_t at;
    size_t n;

    if (name && eg_system_own_symbol(eg_system_of(s->r), name, &at, NULL))
        return at == function ? NULL : name;
    if (!call || !of->symbol || of->kind != LINUX_CODE_KERNEL)
        return NULL;
    name = eg_strf(s->r, "%ssys_%s", s->list->prefix, call);
    if (eg_system_own_symbol(eg_system_of(s->r), name, &at, NULL) && at == function)
        return NULL;
    n = strcspn(of->symbol, "+");
    return names_fit(call, eg_strf(s->r, "%.*s", (int)n, of->symbol)) ? NULL : name;
}

/* ---- rows ---- */

/** What leads to a function: the table's entry at @at, or the switch. */
struct way {
    struct eg_cell function;
    struct linux_codeof of;
    uint64_t addr;
    bool known;
};

/** @return what is odd, of both. */
static const char *follow_table(struct state *s, uint64_t i, struct way *out)
{
    const uint64_t at = s->table + 8 * i;
    const uint8_t *p = eg_bytes(eg_view_of(s->r), eg_kernel(s->r), at, 8);

    if (!p) {
        out->function = eg_missing(eg_view_of(s->r)->why, at);
        return NULL;
    }
    out->addr = eg_le64(p);
    out->known = true;
    out->function = eg_uint(out->addr);
    linux_codeof(s->r, out->addr, &out->of);
    return linux_pointer_hint(s->r, at, &out->of);
}

static const char *follow_code(struct state *s, uint64_t i, struct way *out)
{
    const struct linux_case c = linux_switch_case(s->r, &s->sw, (uint32_t)i);

    out->function = eg_missing(EG_BAD_VALUE, c.from);
    if (c.why) {
        eg_note(s->r, "%s, number %" PRIu64 ": where it leads is not known: %s at %#" PRIx64,
                s->list->code, i, c.why, c.from);
        return NULL;
    }
    out->addr = c.target;
    out->known = true;
    out->function = eg_uint(c.target);
    linux_codeof(s->r, c.target, &out->of);
    if (out->of.kind == LINUX_CODE_MODULE)
        return eg_strf(s->r, "the switch leads into the module %s", out->of.module);
    return out->of.hint ? eg_strf(s->r, "the switch leads to %s", out->of.hint) : NULL;
}

static void row(struct state *s, uint64_t i)
{
    struct eg_run *r = s->r;
    const char *call = linux_syscall_name(s->list->arch, (uint32_t)i), *other = NULL, *hints = NULL;
    struct way table = { 0 }, code = { 0 };

    if (i < s->n)
        hints = follow_table(s, i, &table);
    if (s->has_switch)
        hints = linux_hints(r, hints, follow_code(s, i, &code));
    if (table.known && !hints)
        other = expected(s, i, call, table.addr, &table.of);
    if (code.known && !hints && !other)
        other = expected(s, i, call, code.addr, &code.of);
    if (other)
        hints = linux_hints(r, hints, "another function than its call's");
    if (table.known && code.known && table.addr != code.addr)
        hints = linux_hints(r, hints, "table and switch differ");
    if (code.known || table.known)
        hints = linux_hints(r, hints, linux_leaves_kernel(r, (code.known ? code : table).addr));
    hints = linux_hints(r, hints, i ? NULL : s->odd);
    eg_row(r, .TABLE = eg_text(s->list->name), .INDEX = eg_uint(i), .CALL = eg_text(call),
           .FUNCTION = table.function, .SYMBOL = eg_text(table.of.symbol),
           .MODULE = eg_text(code.known && !table.known ? code.of.module : table.of.module),
           .CODE_FUNCTION = code.function, .CODE_SYMBOL = eg_text(code.of.symbol),
           .LIVE = eg_text(live(s)), .EXPECTED = eg_text(other), .HINTS = eg_text(hints));
}

/** How many entries the table has: up to the next symbol, without what fills the gap before it. */
static void size_table(struct state *s)
{
    struct eg_symbol_extent extent;

    if (!eg_system_own_symbol(eg_system_of(s->r), s->list->table, &s->table, &extent))
        return;
    s->n = (extent.size ? extent.size : extent.room) / 8;
    if (s->n > CALLS_MAX) {
        eg_note(s->r, "%s: only its first %d entries are shown, for where it ends is not known",
                s->list->table, CALLS_MAX);
        s->n = CALLS_MAX;
    }
    for (unsigned i = 0; i < 8 && s->n; i++) {
        const uint8_t *p =
            eg_bytes(eg_view_of(s->r), eg_kernel(s->r), s->table + 8 * (s->n - 1), 8);

        if (!p || eg_le64(p))
            break;
        s->n--;
    }
}

/** The highest number that the switch has a case for, and one. */
static uint64_t size_switch(struct state *s)
{
    const struct linux_case other = linux_switch_case(s->r, &s->sw, OTHER);
    uint64_t n = CALLS_MAX;

    while (n) {
        const struct linux_case c = linux_switch_case(s->r, &s->sw, (uint32_t)n - 1);

        if (c.target != other.target || !c.why != !other.why)
            break;
        n--;
    }
    return n;
}

/** A table that has no symbol, or takes the place of the one that has: by the code that looks up a
 * call. Not of x32, whose code is that of 64-bit programs. */
static void take_found(struct state *s)
{
    if (!s->found || live(s) || s->list == &x86_lists[2])
        return;
    if (s->table)
        s->odd = eg_strf(s->r, "the kernel goes by another table than %s, at %#" PRIx64,
                         s->list->table, s->found);
    else
        eg_note(s->r, "%s has no symbol: it was found by the code of %s", s->list->table,
                s->list->entries[0]);
    s->table = s->found;
    s->n = calls_at(s, s->found);
    s->by_table = true;
}

static void show(struct eg_run *r, const struct list *list)
{
    struct state s = { .r = r, .list = list };
    uint64_t n;

    size_table(&s);
    s.has_switch = list->code && linux_switch_open(r, list->code, &s.sw);
    for (size_t i = 0; i < countof(list->entries) && list->entries[i]; i++)
        look_in(&s, list->entries[i]);
    take_found(&s);
    if (!s.n && !s.has_switch) {
        if (s.has_entry && list != &x86_lists[2])
            eg_note(r, "%s: %s has no symbol, and was not found: these calls are not shown",
                    list->name, list->table);
        return;
    }
    if (!live(&s))
        eg_note(r, "%s: what the kernel goes by is not known: %s refers to none that is known",
                list->name, list->entries[0]);
    else if (s.n && !s.by_table)
        eg_note(r, "%s: the kernel goes by the code of %s: %s is not used for calls", list->name,
                list->code, list->table);
    n = s.has_switch ? EG_MAX(size_switch(&s), s.n) : s.n;
    for (uint64_t i = 0; i < n && !eg_stopped(r); i++)
        if (list != &x86_lists[2] || i < s.n || i >= X32)
            row(&s, i);
}

static int run(struct eg_run *r)
{
    const bool x86 = !strcmp(eg_system_of(r)->arch->name, "x86_64");
    const bool arm = !strcmp(eg_system_of(r)->arch->name, "aarch64");

    if (!x86 && !arm)
        eg_note(r, "the tables of this processor are not known here");
    for (size_t i = 0; x86 && i < countof(x86_lists); i++)
        show(r, &x86_lists[i]);
    for (size_t i = 0; arm && i < countof(arm_lists); i++)
        show(r, &arm_lists[i]);
    return 0;
}

EG_PLUGIN(syscalls) = {
    .os = "linux",
    .help = "List system calls with the functions that tables and switches lead to",
    .manual =
        "Until 6.8 the kernel goes by a table; newer releases, and stable ones such as Debian's "
        "6.1.0-56, by a switch: the table is left, but nothing is called by it. LIVE says which "
        "it is here, by the code that is entered first. The switch's code is followed for every "
        "number, so one jump that was rewritten in it is named with its number; code and table "
        "are judged apart. MODULE is of the table's function, or of the code's where there is no "
        "table. HINTS has something where a function is of no module that is listed, in a module, "
        "inside of another, not the one that the kernel's tracing noted at boot or the call's "
        "name means, where table and code differ, and where a function begins with a jump out of "
        "the kernel; the first row of a table also that the kernel's code names another table. A "
        "table that has no symbol is found by that code, and ends where functions of system calls "
        "do.\n"
        "Not seen: changes inside of functions, or in what they call; probes and ftrace, which "
        "have plugins of their own; calls of x32 and 32-bit programs in a kernel without them "
        "have no rows, and those of 32-bit ARM no names.",
    .aliases = EG_NAMES("linux.check_syscall.Check_syscall",
                        "linux.malware.check_syscall.Check_syscall"),
    .looks_for = EG_NAMES("changed system calls"),
    .columns = columns,
    .run = run,
    .key = EG_NAMES("TABLE", "INDEX"),
};
