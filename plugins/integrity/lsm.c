/* lsm - what security modules are asked, and whose code answers (security/security.c). */
#include "../../core/profile.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/module.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(security_hook_list, head, hook);
EG_FIELD_AS(hook_node, security_hook_list, "list");
EG_FIELD_AS(hook_lsm, security_hook_list, "lsm");      // until 6.7
EG_FIELD_AS(hook_id, security_hook_list, "lsmid");     // since 6.8
EG_FIELD_AS(hook_calls, security_hook_list, "scalls"); // since 6.12
EG_FIELDS(lsm_id, name);
EG_FIELDS(lsm_static_call, key, trampoline, hl);
EG_FIELD_AS(call_function, static_call_key, "func");
EG_TYPE(hlist_head);
EG_SYMBOL(security_hook_heads, "security_hook_heads"); // until 6.11
EG_SYMBOL(static_calls_table, "lsm_static_calls_table");

#define COLUMNS(C)                                                                                 \
    C(TABLE, TEXT, "what is asked: \"file_open\", \"task_kill\"")                                  \
    C(INDEX, INT, "which one of those that are asked, in their order")                             \
    C(NAME, TEXT, "the security module, as it calls itself: \"capability\", \"apparmor\"")         \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is: \"kernel\"; no module of the kernel's tree has any")        \
    C(OFFSET, ADDR, "where the struct security_hook_list is", EG_MINOR)                            \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { HOOKS_MAX = 64, MEMBERS_MAX = 1024, NAME_LEN = 64 };

/* Security modules are part of the kernel: none can be loaded (since 2.6.24). */
static const char *code_hint(struct eg_run *r, uint64_t at, const struct linux_codeof *code)
{
    const char *hint = linux_pointer_hint(r, at, code);

    return hint || code->kind != LINUX_CODE_MODULE ? hint
                                                   : "a hook of the kernel leads into a module";
}

static void row(struct eg_run *r, const char *name, uint64_t index, struct eg_obj hook,
                const char *more)
{
    struct eg_obj at = eg_at(hook, security_hook_list.hook);
    struct linux_codeof code = { 0 };
    const char *lsm = eg_has(r, hook_id) ? eg_string(r, eg_at(hook, hook_id, lsm_id.name), NAME_LEN)
                                         : eg_string(r, eg_at(hook, hook_lsm), NAME_LEN);
    const char *hints = NULL;
    uint64_t function = 0;
    bool known = !at.why && eg_pointer_at(r, at.addr, &function); // a union of pointers

    if (known && function) {
        linux_codeof(r, function, &code);
        hints = code_hint(r, at.addr, &code);
    }
    eg_row(r, .TABLE = eg_text(name), .INDEX = eg_uint(index), .NAME = eg_text(lsm),
           .FUNCTION = known ? eg_uint(function) : eg_cell_of(at), .SYMBOL = eg_text(code.symbol),
           .MODULE = eg_text(code.module), .OFFSET = eg_addr(hook),
           .HINTS = eg_text(linux_hints(r, hints, more)));
}

/* Until 6.11: a list for each question. */
static void list(struct eg_run *r, const char *name, uint64_t head)
{
    struct eg_obj hook;
    uint64_t n = 0, own;

    eg_each_hlist(hook, eg_object(r, hlist_head, head), hook_node) {
        if (n == HOOKS_MAX) {
            eg_note(r, "%s: only the first %d functions are shown", name, HOOKS_MAX);
            return;
        }
        row(r, name, n++, hook,
            eg_get(&own, hook, security_hook_list.head) && own != head
                ? "it is of another hook: not put there by the kernel's function"
                : NULL);
    }
}

/* Since 6.12: a static call for each function, and its key has what is called. A call that nobody
 * registered for has no hook, and nothing to call. */
static void call(struct eg_run *r, const char *name, uint64_t index, struct eg_obj call_)
{
    struct eg_obj hook = eg_deref(eg_at(call_, lsm_static_call.hl));
    struct eg_obj at = eg_at(hook, security_hook_list.hook);
    struct linux_codeof code = { 0 };
    uint64_t calls = 0, function = 0, own, first;
    const bool keyed = eg_get(&calls, call_, lsm_static_call.key, call_function);

    if (!hook.why) {
        const char *more = NULL;

        if (keyed && !at.why && eg_pointer_at(r, at.addr, &function) && calls != function) {
            linux_codeof(r, calls, &code);
            more = eg_strf(r, "what is called is another function: %s",
                           code.symbol ? code.symbol : eg_strf(r, "%#" PRIx64, calls));
        }
        // A hook says at which calls of its question it may stand.
        first = call_.addr - index * eg_size(r, lsm_static_call);
        if (eg_get(&own, hook, hook_calls) && own != first)
            more = linux_hints(r, more,
                               "it is of another hook: not put there by the kernel's function");
        row(r, name, index, hook, more);
        return;
    }
    if (!keyed || !calls)
        return;
    linux_codeof(r, calls, &code);
    eg_row(r, .TABLE = eg_text(name), .INDEX = eg_uint(index), .FUNCTION = eg_uint(calls),
           .SYMBOL = eg_text(code.symbol), .MODULE = eg_text(code.module),
           .HINTS = eg_text(linux_hints(r, code_hint(r, call_.addr, &code),
                                        "it is called, and nobody registered it")));
}

static void calls(struct eg_run *r, const char *name, uint64_t at, uint64_t size)
{
    const uint64_t step = eg_size(r, lsm_static_call);

    for (uint64_t i = 0; step && (i + 1) * step <= size && i < HOOKS_MAX; i++)
        call(r, name, i, eg_object(r, lsm_static_call, at + i * step));
}

static int run(struct eg_run *r)
{
    const struct eg_types *ts = &eg_system_of(r)->types;
    const bool lists = !eg_sym(r, security_hook_heads).why;
    struct eg_obj table = lists ? eg_sym(r, security_hook_heads) : eg_sym(r, static_calls_table);
    struct eg_member_at m;

    if (table.why)
        return eg_failed(r, "neither security_hook_heads nor static_calls_table is known: a "
                            "System.map of this kernel (--system-map) has them");
    for (uint32_t i = 0; i < MEMBERS_MAX && eg_type_member(ts, table.type, i, &m); i++) {
        const uint64_t at = table.addr + m.bit_off / 8;

        if (!m.name || !*m.name)
            continue;
        if (lists)
            list(r, m.name, at);
        else
            calls(r, m.name, at, eg_type_size(ts, m.type, &eg_binding_of(r)->model));
    }
    return 0;
}

EG_PLUGIN(lsm) = {
    .os = "linux",
    .help = "List the hooks of security modules (LSM), and whose code each is",
    .manual =
        "The kernel asks these functions before it lets a process do something, and each can "
        "watch or refuse. TABLE is the question, NAME the security module that answers. All "
        "security modules are part of the kernel, so code of a loadable module is always odd; "
        "programs of BPF are called by a function of the kernel's own (bpf_lsm_*), and bpflinks "
        "lists them. HINTS has something where the code is of a module, of nobody, or begins "
        "inside a function; where a hook stands in the list of another question; and on kernels "
        "with static calls (since 6.12) where what is called is not what was registered.\n"
        "What it cannot see: a hook that was taken out of its list; an answer that was changed in "
        "the code itself (kernelcode); a call site that was patched while its key was not "
        "(staticcalls).",
    .aliases = EG_NAMES("lsm_hooks", "security_hooks"),
    .looks_for = EG_NAMES("hooks of security modules"),
    .columns = columns,
    .needs = EG_NEEDS(security_hook_list.hook),
    .run = run,
};
