/* staticcalls - functions that the kernel calls through keys, and the code that calls them. */
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/patched.h"
#include "../linux/own/code.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct static_call_key is")                                         \
    C(NAME, TEXT, "its name")                                                                      \
    C(FUNCTION, ADDR, "the function that the key has; 0: none")                                    \
    C(SYMBOL, TEXT, "the function's name")                                                         \
    C(MODULE, TEXT, "whose code it is; empty: nobody's")                                           \
    C(SITES, INT, "places that call it")                                                           \
    C(ADDRESS, ADDR, "of the first place, or trampoline, that is odd")                             \
    C(DISASM, TEXT, "what is there", EG_MINOR)                                                     \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

static int by_key(const void *a, const void *b)
{
    const struct linux_patch *x = *(const struct linux_patch *const *)a,
                             *y = *(const struct linux_patch *const *)b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Keys of the kernel that modules may fill: probes of tracepoints (include/linux/tracepoint.h),
 * what a hypervisor tells perf (include/linux/perf_event.h), what the only kind of tunnel over UDP
 * does with packets (net/ipv4/udp_offload.c, since 6.16). */
static bool may_be_a_modules(const char *name)
{
    return !strncmp(name, "tp_func_", 8) || !strncmp(name, "__perf_guest_", 13) ||
           !strcmp(name, "udp_tunnel_gro_rcv");
}

static const char *function_hint(struct eg_run *r, uint64_t key, const char *name,
                                 const struct linux_codeof *code)
{
    const char *owner;

    linux_whose_code(linux_codes(r), key, &owner);
    if (code->kind == LINUX_CODE_MODULE && owner && !strcmp(owner, "kernel") &&
        !may_be_a_modules(name))
        return "in a module, and the key is the kernel's";
    return code->hint;
}

/* All places of one key. */
static void show(struct eg_run *r, const struct linux_patch *const *p, size_t n, bool all,
                 uint64_t *unread)
{
    const char *name = eg_name_of(r, p[0]->key), *hint = NULL, *text = NULL;
    struct linux_codeof code = { 0 };
    uint64_t sites = 0, odd = 0;
    uint8_t bytes[LINUX_PATCH_BYTES];

    name = name && !strncmp(name, "__SCK__", 7) ? name + 7 : name ? name : "";
    if (p[0]->to)
        linux_codeof(r, p[0]->to, &code);
    for (size_t i = 0; i < n; i++) {
        const char *h;

        sites += p[i]->kind == LINUX_PATCH_CALL;
        if (!eg_read(eg_view_of(r), eg_kernel(r), p[i]->at, bytes, sizeof bytes)) {
            *unread += 1;
            continue;
        }
        h = linux_patch_hint(r, p[i], bytes, sizeof bytes);
        if (!h || hint)
            continue;
        hint = h;
        odd = p[i]->at;
        text = linux_code_text(r, false, bytes, sizeof bytes, odd, 1);
    }
    if (p[0]->to && function_hint(r, p[0]->key, name, &code))
        hint = eg_strf(r, "%s%s%s", function_hint(r, p[0]->key, name, &code), hint ? "; " : "",
                       hint ? hint : "");
    if (!hint && !all && !strncmp(name, "tp_func_", 8))
        return;
    eg_row(r, .OFFSET = eg_uint(p[0]->key), .NAME = eg_text(name),
           .FUNCTION = p[0]->known ? eg_uint(p[0]->to) : eg_missing(EG_UNREADABLE, p[0]->key),
           .SYMBOL = eg_text(code.symbol), .MODULE = eg_text(code.module), .SITES = eg_uint(sites),
           .ADDRESS = odd ? eg_uint(odd) : (struct eg_cell){ 0 }, .DISASM = eg_text(text),
           .HINTS = eg_text(hint ? hint : ""));
}

static int run(struct eg_run *r)
{
    const struct linux_patches *all = linux_patches(r);
    const struct linux_patch **p;
    uint64_t unread = 0;
    size_t n = 0, end;

    if (!all)
        return eg_failed(r, "out of memory");
    if (all->none & 1u << LINUX_PATCH_CALL)
        eg_note(r, "static calls: this kernel patches none");
    else if (!(all->found & (1u << LINUX_PATCH_CALL | 1u << LINUX_PATCH_TRAMPOLINE)))
        eg_note(r, "static calls: those of the kernel itself were not compared: it has none, or a "
                   "System.map of it (--system-map) has __start_static_call_sites");
    p = eg_tmp(r, all->n * sizeof(const struct linux_patch *));
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].kind == LINUX_PATCH_CALL || all->at[i].kind == LINUX_PATCH_TRAMPOLINE)
            p[n++] = &all->at[i];
    qsort(p, n, sizeof *p, by_key);
    for (size_t i = 0; i < n && !eg_stopped(r); i = end) {
        for (end = i; end < n && p[end]->key == p[i]->key; end++)
            ;
        show(r, p + i, end - i, eg_arg_flag(r, "all"), &unread);
    }
    if (unread)
        eg_note(r, "static calls: %" PRIu64 " places could not be read, and were not compared",
                unread);
    return 0;
}

EG_PLUGIN(staticcalls) = {
    .os = "linux",
    .help = "List static calls: the function that each key has, and code that calls another",
    .manual =
        "A static call is a call whose target the kernel writes into the code "
        "(include/linux/static_call.h): a key has the function, and each place that calls, and "
        "the trampoline, must call just that. HINTS says where one does not, where the function "
        "is in memory of nobody, and where a key of the kernel leads into a module; probes of "
        "tracepoints and what a hypervisor tells perf may do so. Keys of tracepoints with nothing "
        "odd are shown by --all only. It believes the kernel's own table of places, and does not "
        "see one that was taken out of it, nor a key and its places that were changed together to "
        "another function of the kernel.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also keys of tracepoints with nothing odd")),
    .run = run,
};
