/* codeof.c - whose code an address is. */
#include "codeof.h"
#include "../../../core/arena.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../../../core/vec.h"
#include "../mm/mm.h"
#include "../mm/vmalloc.h"
#include "../state.h"
#include "kallsyms.h"
#include "module.h"
#include <inttypes.h>

EG_SYMBOL(map_idr, "idr");
EG_FIELD_AS(map_type, bpf_map, "map_type");
EG_FIELD_AS(ops_image, bpf_struct_ops_map, "image");
EG_ENUMERATOR(BPF_MAP_TYPE_STRUCT_OPS, "bpf_map_type");
EG_TYPE(bpf_map);
EG_TYPE(bpf_struct_ops_map);

enum { RANGES_MAX = 1 << 17, RUN_MAX = 1 << 16, NAME_MAX = 64 };

struct linux_codes {
    EG_VEC(struct linux_code_range) at;        /* by address; they do not overlap */
    EG_VEC(struct linux_code_range) constants; /* of modules */
    uint64_t image_start, image_end;
    uint64_t rodata_start, rodata_end; /* of the kernel's image; 0, 0: not known */
    struct eg_arena arena;
    bool full, starved, unlisted; /* unlisted: a list of code that is made at run time has no
                                     symbol */
};

/* ---- making the table ---- */

static struct linux_code_range *add(struct linux_codes *c, uint64_t first, uint64_t size,
                                    enum linux_code_kind kind, const char *who)
{
    struct linux_code_range *range;
    uint64_t end;

    // The last page of the address space is for error numbers: nothing ends there.
    if (!size || !eg_add(first, size, &end))
        return NULL;
    if (c->at.n == RANGES_MAX) {
        c->full = true;
        return NULL;
    }
    range = eg_vec_push(&c->at);
    if (range)
        *range = (struct linux_code_range){ .first = first, end - 1, kind, who };
    else
        c->starved = true;
    return range;
}

static bool between(const struct eg_system *sys, const char *from, const char *to, uint64_t *first,
                    uint64_t *end)
{
    uint64_t a, b;

    if (!eg_system_own_symbol(sys, from, &a, NULL) || !eg_system_own_symbol(sys, to, &b, NULL) ||
        b <= a)
        return false;
    *first = a;
    *end = b;
    return true;
}

/* Code of the image. Since 6.2 AArch64 keeps among its constants what runs by other page tables
 * than the kernel's (.rodata.text, arch/arm64/kernel/vmlinux.lds.S). */
static const struct {
    const char *from, *to;
    enum linux_code_kind kind;
} parts[] = {
    { "_stext", "_etext", LINUX_CODE_KERNEL },
    { "__entry_tramp_text_start", "__entry_tramp_text_end", LINUX_CODE_KERNEL },
    { "__relocate_new_kernel_start", "__relocate_new_kernel_end", LINUX_CODE_KERNEL },
    { "__hibernate_exit_text_start", "__hibernate_exit_text_end", LINUX_CODE_KERNEL },
    { "__idmap_text_start", "__idmap_text_end", LINUX_CODE_KERNEL },
    { "_sinittext", "_einittext", LINUX_CODE_STARTUP },
};

/* The next one that begins at @at or behind it. */
static bool next_part(const struct eg_system *sys, uint64_t at, uint64_t *from, uint64_t *to,
                      enum linux_code_kind *kind)
{
    uint64_t first, end;
    bool found = false;

    for (size_t i = 0; i < countof(parts); i++) {
        if (!between(sys, parts[i].from, parts[i].to, &first, &end) || first < at ||
            (found && first >= *from))
            continue;
        found = true;
        *from = first;
        *to = end;
        *kind = parts[i].kind;
    }
    return found;
}

/* The rest of the image is data. */
static void add_image(struct linux_codes *c, const struct eg_system *sys)
{
    const struct linux_state *s = linux_state(sys);
    uint64_t from, to, at = c->image_start = s->image_start;
    enum linux_code_kind kind;

    c->image_end = s->image_end;
    between(sys, "__start_rodata", "__end_rodata", &c->rodata_start, &c->rodata_end);
    if (!between(sys, "_stext", "_etext", &from, &to)) {
        if (s->image_end > s->image_start)
            add(c, s->image_start, s->image_end - s->image_start, LINUX_CODE_KERNEL, "kernel");
        return;
    }
    at = EG_MIN(at, from);
    while (next_part(sys, at, &from, &to, &kind)) {
        if (at < from)
            add(c, at, from - at, LINUX_CODE_DATA, "kernel");
        add(c, from, to - from, kind, "kernel");
        at = to;
    }
    if (at < s->image_end)
        add(c, at, s->image_end - at, LINUX_CODE_DATA, "kernel");
}

/* Of a module that did not come with the kernel, or is not signed, /proc/modules has a letter. */
static const char *taint_of(struct eg_run *r, struct eg_obj module)
{
    struct eg_cell taints = linux_module_taints(r, module);

    if (taints.tag == EG_CELL_TEXT && memchr(taints.bytes.p, 'O', taints.bytes.len))
        return "the module is not of the kernel's tree";
    if (taints.tag == EG_CELL_TEXT && memchr(taints.bytes.p, 'E', taints.bytes.len))
        return "the module is not signed";
    if (linux_module_cleared(module))
        return "its module's taints were cleared";
    return NULL;
}

static void add_module(struct linux_codes *c, struct eg_run *r, struct eg_obj m, const char *name)
{
    const char *taint = taint_of(r, m);
    struct linux_module_part part;

    for (unsigned i = 0; linux_next_module_part(r, m, &i, &part);) {
        struct linux_code_range *range =
            add(c, part.first, part.size, part.code ? LINUX_CODE_MODULE : LINUX_CODE_DATA, name);
        struct linux_code_range *constant =
            range && part.constant ? eg_vec_push(&c->constants) : NULL;

        if (range)
            range->taint = taint;
        if (constant)
            *constant = *range;
    }
}

static void add_modules(struct linux_codes *c, struct eg_run *r)
{
    struct eg_obj m;

    if (!eg_has(r, module.list) || !eg_has(r, module.name))
        return;
    linux_each_module(r, m) {
        const char *text = eg_string(r, eg_at(m, module.name), NAME_MAX);
        const char *name = text ? eg_arena_strndup(&c->arena, text, strlen(text)) : NULL;

        if (name)
            add_module(c, r, m, name);
    }
}

static void add_made(struct eg_run *r, void *state, const struct linux_ksym *s)
{
    // Start-up functions of modules, which only traces know, are not there any more.
    static const struct {
        const char *subsystem, *module;
        enum linux_code_kind kind;
    } made[] = {
        { "bpf", "bpf", LINUX_CODE_BPF },
        { "kprobes", "__builtin__kprobes", LINUX_CODE_KPROBES },
        { "ftrace", "__builtin__ftrace", LINUX_CODE_FTRACE },
    };
    struct linux_codes *c = state;

    (void)r;
    for (size_t i = 0; i < countof(made) && s->size.tag == EG_CELL_UINT; i++) {
        struct linux_code_range *range;

        if (strcmp(s->subsystem, made[i].subsystem) != 0 || strcmp(s->module, made[i].module) != 0)
            continue;
        range = add(c, s->addr, s->size.u, made[i].kind, made[i].subsystem);
        if (range && s->name.tag == EG_CELL_TEXT)
            range->name =
                eg_arena_strndup(&c->arena, (const char *)s->name.bytes.p, s->name.bytes.len);
    }
}

/* Until 6.12 what leads from a table of functions into BPF programs (struct_ops) has no symbol: a
 * page for each map, which lies where code of modules does (kernel/bpf/bpf_struct_ops.c). */
static void add_tables(struct linux_codes *c, struct eg_run *r)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(r);
    struct eg_entry e;
    int64_t kind;
    unsigned n = 0;

    if (!eg_has_symbol(r, map_idr) || !eg_has(r, ops_image) ||
        !eg_enum(r, BPF_MAP_TYPE_STRUCT_OPS, &kind))
        return;
    eg_each_xa(e, eg_sym(r, map_idr)) {
        struct eg_obj map = eg_object(r, bpf_map, e.value);
        uint64_t type = 0, image = 0;

        if (n++ > RUN_MAX)
            return;
        if (eg_get(&type, map, map_type) && type == (uint64_t)kind &&
            eg_get(&image, eg_cast(map, bpf_struct_ops_map), ops_image) && image &&
            !(image & (page - 1)))
            add(c, image, page, LINUX_CODE_BPF, "bpf");
    }
}

/* Kernels whose symbols lack the lists: who asked for an area tells whose code is in it. */
static void add_areas(struct linux_codes *c, struct eg_run *r)
{
    static const struct {
        const char *caller, *who;
        enum linux_code_kind kind;
    } callers[] = {
        { "bpf_jit_alloc_exec", "bpf", LINUX_CODE_BPF },
        { "arch_alloc_bpf_trampoline", "bpf", LINUX_CODE_BPF },
        { "alloc_insn_page", "kprobes", LINUX_CODE_KPROBES },
    };
    const struct linux_area *areas;
    const size_t n = linux_areas(r, &areas);
    const char *name, *module;
    uint64_t caller, off;

    for (size_t i = 0; i < n; i++) {
        struct eg_obj vm = eg_object(r, vm_struct, areas[i].vm);

        if (!areas[i].vm || !eg_get(&caller, vm, vm_struct.caller) || !caller ||
            !eg_system_symbol_at(eg_system_of(r), caller, &name, &off, &module))
            continue;
        for (size_t k = 0; k < countof(callers); k++)
            if (!strcmp(name, callers[k].caller))
                add(c, areas[i].first, areas[i].last - areas[i].first + 1, callers[k].kind,
                    callers[k].who);
    }
}

static int by_address(const void *a, const void *b)
{
    const struct linux_code_range *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->last < y->last ? -1 : x->last > y->last;
}

/* Of two that overlap, the first ends where the second begins, so that a forged size hides no
 * neighbour; and nothing takes part of the kernel's image. */
static void settle(struct linux_codes *c)
{
    size_t n = 0;

    if (!c->at.n)
        return;
    qsort(c->at.at, c->at.n, sizeof *c->at.at, by_address);
    for (size_t i = 0; i < c->at.n; i++) {
        struct linux_code_range range = c->at.at[i];
        const bool own = range.kind <= LINUX_CODE_STARTUP || !strcmp(range.who, "kernel");

        if (!own && range.first < c->image_end && range.last >= c->image_start)
            continue;
        if (n && range.first <= c->at.at[n - 1].last) {
            if (range.first == c->at.at[n - 1].first)
                n--;
            else
                c->at.at[n - 1].last = range.first - 1;
        }
        c->at.at[n++] = range;
    }
    c->at.n = n;
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct linux_codes *c = kept;
    uint64_t addr;

    add_image(c, sys);
    add_modules(c, r);
    linux_ksyms_made(r, add_made, c);
    add_tables(c, r);
    c->unlisted = !eg_system_own_symbol(sys, "bpf_kallsyms", &addr, NULL);
    if (c->unlisted)
        add_areas(c, r);
    settle(c);
    if (c->full)
        eg_note(r,
                "modules and others have more than %d ranges of code: what lies in the others "
                "counts as nobody's",
                RANGES_MAX);
    if (c->starved)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for the ranges of code");
    return !c->starved && !eg_stopped(r);
}

static void forget(void *kept)
{
    struct linux_codes *c = kept;

    eg_vec_fini(&c->at);
    eg_vec_fini(&c->constants);
    eg_arena_fini(&c->arena);
}

static const struct eg_cache codes = { sizeof(struct linux_codes), make, forget };

/* ---- asking it ---- */

const struct linux_codes *linux_codes(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &codes);
}

bool linux_next_code(const struct linux_codes *c, size_t *i, const struct linux_code_range **out)
{
    if (!c || *i >= c->at.n)
        return false;
    *out = &c->at.at[(*i)++];
    return true;
}

static const struct linux_code_range *range_at(const struct linux_codes *c, uint64_t addr)
{
    size_t low = 0, high = c ? c->at.n : 0;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (c->at.at[mid].last < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return c && low < c->at.n && addr >= c->at.at[low].first ? &c->at.at[low] : NULL;
}

enum linux_code_kind linux_whose_code(const struct linux_codes *c, uint64_t addr, const char **who)
{
    const struct linux_code_range *range = range_at(c, addr);

    if (who)
        *who = range ? range->who : NULL;
    if (range)
        return range->kind;
    if (c && c->image_start >> 63 && !(addr >> 63))
        return LINUX_CODE_PROGRAMS;
    return !c || c->unlisted ? LINUX_CODE_UNKNOWN : LINUX_CODE_NOBODY;
}

static const char *hint_of(const struct linux_codeof *code, const struct linux_code_range *range)
{
    switch (code->kind) {
    case LINUX_CODE_NOBODY:
        return "code of no module that is listed, nor of the kernel";
    case LINUX_CODE_UNKNOWN:
        return "code of no module that is listed, nor of the kernel, unless it is of BPF or ftrace";
    case LINUX_CODE_PROGRAMS:
        return "not an address of the kernel";
    case LINUX_CODE_DATA:
        return "not code but data";
    case LINUX_CODE_STARTUP:
        return "start-up code, which is gone";
    default:
        return code->begins ? range ? range->taint : NULL : "inside a function";
    }
}

void linux_codeof(struct eg_run *r, uint64_t addr, struct linux_codeof *out)
{
    const struct linux_codes *c = linux_codes(r);
    const struct linux_code_range *range = range_at(c, addr);
    const char *name, *module = NULL;
    uint64_t off = 0;

    *out = (struct linux_codeof){ .kind = linux_whose_code(c, addr, NULL),
                                  .module = range ? range->who : NULL,
                                  .begins = true };
    if (range && range->name) {
        off = addr - range->first;
        out->symbol = off ? eg_strf(r, "%s+%#" PRIx64, range->name, off) : range->name;
        // A program may be entered behind its first instructions, and ftrace's code has several
        // entries.
    } else if (range && eg_system_symbol_at(eg_system_of(r), addr, &name, &off, &module) &&
               !strcmp(module ? module : "kernel", range->who)) {
        out->symbol = off ? eg_strf(r, "%s+%#" PRIx64, name, off) : eg_strf(r, "%s", name);
        out->begins = !off;
    }
    out->hint = hint_of(out, range);
}

/* ---- what a table may lead to ---- */

const char *linux_pointer_hint(struct eg_run *r, uint64_t at, const struct linux_codeof *code)
{
    const struct linux_codes *c = linux_codes(r);

    if (code->kind != LINUX_CODE_MODULE || !c)
        return code->hint;
    if (at >= c->rodata_start && at < c->rodata_end)
        return "constants of the kernel lead into a module";
    for (size_t i = 0; i < c->constants.n; i++) {
        const struct linux_code_range *range = &c->constants.at[i];

        if (at >= range->first && at <= range->last && strcmp(range->who, code->module) != 0 &&
            !linux_uses_module(r, range->who, code->module))
            return "constants of a module lead into one that it does not use";
    }
    return code->hint;
}
