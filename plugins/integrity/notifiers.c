/* notifiers - who is told when something happens: the notifier chains (kernel/notifier.c). */
#include "../../core/map.h"
#include "../../core/profile.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/kallsyms.h"
#include "../linux/kernel/module.h"
#include "../linux/net/net.h"
#include "../linux/net/pernet.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(notifier_block, notifier_call, next, priority);
EG_FIELD_AS(raw_head, raw_notifier_head, "head");
EG_FIELD_AS(atomic_head, atomic_notifier_head, "head");
EG_FIELD_AS(blocking_head, blocking_notifier_head, "head");
EG_FIELD_AS(blocking_waiters, blocking_notifier_head, "rwsem.wait_list"); // until 7.0
EG_FIELD_AS(srcu_head, srcu_notifier_head, "head");
EG_FIELD_AS(srcu_waiters, srcu_notifier_head, "mutex.wait_list");
EG_FIELD_AS(net_chain, net, "netdev_chain");
EG_FIELD_AS(fib_chain, fib_notifier_net, "fib_chain"); // net/core/fib_notifier.c
EG_TYPE(fib_notifier_net);
EG_TYPE(raw_notifier_head);
EG_TYPE(atomic_notifier_head);
EG_TYPE(blocking_notifier_head);
EG_TYPE(srcu_notifier_head);

#define COLUMNS(C)                                                                                 \
    C(TABLE, TEXT,                                                                                 \
      "the chain's symbol, or in brackets the function that registers for it; of a "               \
      "network namespace netdev_chain or fib_chain, and its number")                               \
    C(KIND, TEXT, "atomic, blocking, raw, srcu: how the chain is called")                          \
    C(PRIORITY, INT, "the highest is called first")                                                \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is: \"kernel\", or a module that is listed")                    \
    C(OFFSET, ADDR, "where the struct notifier_block is", EG_MINOR)                                \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum {
    BLOCKS_MAX = 4096,
    ROWS_MAX = 1 << 15,
    NAME_LEN = 128,
    PADDING = 64,
    CODE_MAX = 1024,
    TARGETS_MAX = 64
};

struct walk {
    struct eg_run *r;
    const struct linux_codes *codes;
    struct eg_map *seen; /* heads */
    unsigned rows;
    unsigned chains;
};

/* ---- which variables are chains ---- */

/* Names of chains end so; what they are is proved by their contents. */
static bool is_named(const char *name)
{
    static const char *const ends[] = { "_notifier_list", "_notify_list",    "_chain",
                                        "_chain_head",    "_notifier",       "_notifier_head",
                                        "_notifiers",     "_notifier_chain", "_handler_list" };
    const size_t n = strlen(name);

    for (size_t i = 0; i < countof(ends); i++) {
        const size_t m = strlen(ends[i]);

        if (n > m && !strcmp(name + n - m, ends[i]))
            return true;
    }
    return false;
}

/* Code of somebody, or of nobody in memory that the processor may execute. */
static bool could_be_code(struct walk *w, uint64_t at)
{
    const enum linux_code_kind kind = linux_whose_code(w->codes, at, NULL);
    struct eg_extent x;

    if (kind == LINUX_CODE_NOBODY || kind == LINUX_CODE_UNKNOWN) {
        eg_extent_at(eg_view_of(w->r), eg_kernel(w->r), at, &x);
        return !x.why && x.flags & EG_X_EXEC;
    }
    return kind != LINUX_CODE_DATA && kind != LINUX_CODE_PROGRAMS;
}

/* A head leads to nothing, or to a block: it begins with a pointer to code, and is none itself. */
static bool leads_to_block(struct walk *w, uint64_t at, bool *empty)
{
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    uint64_t block, function, next;
    struct eg_obj o;

    if (!eg_pointer_at(w->r, at, &block) || block % word)
        return false;
    *empty = !block;
    o = eg_object(w->r, notifier_block, block);
    return *empty ||
           (eg_get(&function, o, notifier_block.notifier_call) && could_be_code(w, function) &&
            eg_get(&next, o, notifier_block.next) && next % word == 0 && next != block &&
            (!next || eg_pointer_at(w->r, next, &function)));
}

/** A kind of chain: what lies before the pointer to its first block. */
struct kind {
    const char *name;
    uint64_t size, head, waiters; /* waiters: of a list_head, which leads to itself */
    bool has_waiters;
};

static size_t kinds_of(struct eg_run *r, struct kind out[4])
{
    size_t n = 0;

    if (eg_has(r, blocking_head))
        out[n++] = (struct kind){ "blocking", eg_size(r, blocking_notifier_head),
                                  eg_offset(r, blocking_head), eg_offset(r, blocking_waiters),
                                  eg_has(r, blocking_waiters) };
    if (eg_has(r, srcu_head))
        out[n++] = (struct kind){ "srcu", eg_size(r, srcu_notifier_head), eg_offset(r, srcu_head),
                                  eg_offset(r, srcu_waiters), eg_has(r, srcu_waiters) };
    if (eg_has(r, atomic_head))
        out[n++] = (struct kind){ "atomic", eg_size(r, atomic_notifier_head),
                                  eg_offset(r, atomic_head), 0, false };
    if (eg_has(r, raw_head))
        out[n++] =
            (struct kind){ "raw", eg_size(r, raw_notifier_head), eg_offset(r, raw_head), 0, false };
    return n;
}

/* Which kind of chain the variable of @room bytes (0: not known) at @at is; NULL: none, or one
 * without blocks. A lock that nobody holds begins with zero, and its list leads to itself (until
 * 7.0, then it has none). @head: the pointer to the first block. */
static const char *kind_of(struct walk *w, uint64_t at, uint64_t room, uint64_t *head)
{
    struct kind kinds[4];
    const size_t n = kinds_of(w->r, kinds);

    for (size_t i = 0; i < n; i++) {
        uint64_t first, list;
        bool empty;

        if (room && (room < kinds[i].size || room >= kinds[i].size + PADDING))
            continue;
        if (kinds[i].has_waiters &&
            (!eg_pointer_at(w->r, at + kinds[i].waiters, &list) || list != at + kinds[i].waiters))
            continue;
        if (kinds[i].head && (!eg_pointer_at(w->r, at, &first) || first))
            continue;
        *head = at + kinds[i].head;
        if (leads_to_block(w, *head, &empty) && !empty)
            return kinds[i].name;
    }
    return NULL;
}

/* ---- its blocks ---- */

/* A block is data of who registers it, and calls its code. */
static const char *hints_of(struct walk *w, uint64_t block, const struct linux_codeof *code)
{
    const char *hint = linux_pointer_hint(w->r, block, code), *who;

    if (!hint && code->kind == LINUX_CODE_MODULE &&
        linux_whose_code(w->codes, block, &who) == LINUX_CODE_DATA && !strcmp(who, "kernel"))
        return "a block of the kernel leads into a module";
    return hint;
}

static void blocks(struct walk *w, const char *name, const char *kind, uint64_t head)
{
    struct eg_run *r = w->r;
    struct eg_map *seen = eg_run_map(r);
    uint64_t at, before = 0;
    int32_t last = INT32_MAX;

    if (!eg_pointer_at(w->r, head, &at))
        return;
    for (unsigned n = 0; at && !eg_stopped(r); n++) {
        struct eg_obj block = eg_object(r, notifier_block, at);
        struct linux_codeof code = { 0 };
        uint64_t function = 0;
        int32_t priority = last;
        const char *hints = NULL;

        if (n == BLOCKS_MAX || w->rows == ROWS_MAX || !eg_run_map_add(r, seen, at, 0)) {
            eg_note(r,
                    "%s: the chain does not end, or there are too many: only its first %u "
                    "blocks are shown",
                    name, n);
            return;
        }
        if (!eg_get(&function, block, notifier_block.notifier_call)) {
            eg_note(r, "%s: the block at %#" PRIx64 " cannot be read", name, at);
            return;
        }
        linux_codeof(r, function, &code);
        hints = hints_of(w, at, &code);
        // notifier_chain_register() keeps them in order.
        if (eg_get(&priority, block, notifier_block.priority) && priority > last)
            hints = linux_hints(r, hints, "out of order: not put there by the kernel's function");
        last = priority;
        w->rows++;
        eg_row(r, .TABLE = eg_text(name), .KIND = eg_text(kind),
               .PRIORITY = eg_val(block, notifier_block.priority),
               .FUNCTION = eg_val(block, notifier_block.notifier_call),
               .SYMBOL = eg_text(code.symbol), .MODULE = eg_text(code.module),
               .OFFSET = eg_uint(at), .HINTS = eg_text(hints));
        before = at;
        if (!eg_get(&at, block, notifier_block.next)) {
            eg_note(r, "%s: the chain breaks off behind %#" PRIx64, name, before);
            return;
        }
    }
}

static void variable(struct walk *w, const char *name, uint64_t at, uint64_t room)
{
    uint64_t head;
    const char *kind;

    if (!is_named(name))
        return;
    kind = kind_of(w, at, room, &head);
    if (!kind || !eg_run_map_add(w->r, w->seen, head, 0))
        return;
    w->chains++;
    blocks(w, name, kind, head);
}

static void module_variable(struct eg_run *r, void *state, const struct linux_ksym *s)
{
    struct walk *w = state;
    const enum linux_code_kind kind = linux_whose_code(w->codes, s->addr, NULL);
    const char *name = s->name.tag == EG_CELL_TEXT
                           ? eg_strf(r, "%.*s", (int)EG_MIN(s->name.bytes.len, (size_t)NAME_LEN),
                                     (const char *)s->name.bytes.p)
                       : s->name.tag == EG_CELL_OBJ ? eg_string(r, s->name.obj, NAME_LEN)
                                                    : NULL;

    if (name && is_named(name) && kind == LINUX_CODE_DATA)
        variable(w, name, s->addr, s->size.tag == EG_CELL_UINT ? s->size.u : 0);
}

/* A chain, and not what looks like its first block: each leads to code, and they end. */
static bool is_chain(struct walk *w, uint64_t head)
{
    uint64_t at, function;

    for (unsigned n = 0; n < BLOCKS_MAX && eg_pointer_at(w->r, head, &at); n++) {
        struct eg_obj block = eg_object(w->r, notifier_block, at);

        if (!at)
            return n;
        if (!eg_get(&function, block, notifier_block.notifier_call) || !could_be_code(w, function))
            return false;
        head = eg_at(block, notifier_block.next).addr;
    }
    return false;
}

/* A kernel whose symbols are those of functions only: the chains that a function uses which
 * registers for one. */
static void by_function(struct walk *w, const char *name, uint64_t at, uint64_t size)
{
    const struct eg_arch *arch = eg_system_of(w->r)->arch;
    uint64_t targets[TARGETS_MAX], head;
    uint8_t code[CODE_MAX];
    const char *kind;
    size_t n;

    if (!arch->targets || !strstr(name, "register_") || strstr(name, "unregister") ||
        !strstr(name, "notif") || linux_whose_code(w->codes, at, NULL) != LINUX_CODE_KERNEL)
        return;
    n = eg_read_some(eg_view_of(w->r), eg_kernel(w->r), at, code,
                     (size_t)EG_MIN(size, (uint64_t)CODE_MAX), NULL);
    n = arch->targets(code, n, at, targets, TARGETS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (linux_whose_code(w->codes, targets[i], NULL) != LINUX_CODE_DATA ||
            !(kind = kind_of(w, targets[i], 0, &head)) || !is_chain(w, head) ||
            !eg_run_map_add(w->r, w->seen, head, 0))
            continue;
        w->chains++;
        blocks(w, eg_strf(w->r, "(%s)", name), kind, head);
    }
}

/* The kernel's own variables, of all sources of its symbols. */
static void kernel_variables(struct walk *w)
{
    const bool listed = linux_ksyms_variables(w->r);
    const struct eg_system *sys = eg_system_of(w->r);

    for (size_t i = 0; i < sys->symbols.n; i++) {
        const struct eg_symbols *from = &sys->symbols.at[i];
        const struct eg_profile *p = from->profile;

        for (uint32_t k = 0; k < p->n_symbols && !eg_stopped(w->r); k++) {
            const char *name = p->strings + p->symbols[k].name;
            const uint64_t at = p->symbols[k].addr + from->shift;
            uint64_t next = k + 1 < p->n_symbols ? p->symbols[k + 1].addr + from->shift - at : 0;

            if (!listed)
                by_function(w, name, at, next);
            if (!is_named(name) || linux_whose_code(w->codes, at, NULL) != LINUX_CODE_DATA)
                continue;
            variable(w, name, at, p->symbols[k].size ? p->symbols[k].size : next);
        }
    }
}

static bool is_unknown(void *context, uint64_t at)
{
    (void)context;
    (void)at;
    return false;
}

/* Chains that each network namespace has: of its devices, of its routes. */
static void of_namespaces(struct walk *w)
{
    struct linux_pernet fib = { .symbol = "fib_notifier_net_id", .is = is_unknown };
    struct eg_run *r = w->r;
    struct eg_obj net;

    linux_each_net(r, net)
    {
        const uint64_t number = eg_get_or((uint64_t)0, net, net_inum);
        const uint64_t at = eg_has(r, fib_chain) ? linux_pernet_at(r, &fib, net) : 0;

        if (eg_has(r, net_chain))
            blocks(w, eg_strf(r, "netdev_chain %" PRIu64, number), "raw",
                   eg_at(net, net_chain).addr + eg_offset(r, raw_head));
        if (at)
            blocks(w, eg_strf(r, "fib_chain %" PRIu64, number), "atomic",
                   at + eg_offset(r, fib_chain) + eg_offset(r, atomic_head));
    }
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .codes = linux_codes(r), .seen = eg_run_map(r) };

    kernel_variables(&w);
    linux_ksyms_modules(r, NULL, module_variable, &w);
    of_namespaces(&w);
    if (!w.chains)
        eg_note(r, "no chain of notifiers with blocks was found by its symbol");
    return 0;
}

EG_PLUGIN(notifiers) = {
    .os = "linux",
    .help = "List who is told of events: the kernel's notifier chains, and whose code they call",
    .manual =
        "Chains are variables whose names end as those of chains do (keyboard_notifier_list, "
        "netdev_chain) and whose contents are a chain's head; those of modules too, and "
        "netdev_chain of each network namespace. keyboard_notifier_list is told of each key that "
        "is pressed on a console, reboot_notifier_list and panic_notifier_list of the end, "
        "module_notify_list of modules that come and go, die_chain of exceptions. HINTS has "
        "something where the code is of no module that is listed, begins inside a function, is of "
        "a module that did not come with the kernel, where a block of the kernel leads into a "
        "module, or where the order is not that which the kernel keeps.\n"
        "Of a kernel that has no symbols of its data, chains are those that functions which "
        "register for one use.\n"
        "What it cannot see: chains within allocated objects (of a device, a clock), and those "
        "whose names end otherwise.",
    .aliases = EG_NAMES("notifier_chains", "check_notifiers"),
    .looks_for = EG_NAMES("hooks of terminals and keyboards"),
    .columns = columns,
    .needs = EG_NEEDS(notifier_block.notifier_call, notifier_block.next),
    .run = run,
};
