/* kernelmap - what the kernel's own page tables allow, and what they should not. */
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/iomem.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/page.h"
#include "../linux/mm/vmalloc.h"
#include "../linux/own/pages.h"
#include "../linux/text.h"
#include <inttypes.h>

EG_FIELDS(real_mode_header, text_start, ro_end); // arch/x86/include/asm/realmode.h
EG_SYMBOL(real_mode_header, "real_mode_header *");
EG_FIELD_AS(mapping_ops, address_space, "a_ops");
EG_TYPE(address_space);

#define COLUMNS(C)                                                                                 \
    C(START, ADDR, "first address")                                                                \
    C(END, ADDR, "first address behind it")                                                        \
    C(SIZE, INT, "bytes")                                                                          \
    C(PHYSICAL, ADDR, "physical address of the first page", EG_MINOR)                              \
    C(PROTECTION, TEXT,                                                                            \
      "what page tables allow: r, w, x; u behind it: programs too; empty: it is not mapped")       \
    C(KIND, TEXT, "kernel, module, direct map, vmalloc, vsyscall, other")                          \
    C(MODULE, TEXT, "whose code it is: kernel, a module, bpf, ftrace, kprobes; of vmalloc, empty") \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum {
    PAGES_MAX = 1 << 20, // executable pages that are looked at one by one
    EXTENTS_MAX = 1 << 22,
    INT3 = 0xcc,
    PIECE = 512, // bytes that are read at a time
    MAPPED = EG_X_WRITE | EG_X_USER | EG_X_EXEC,
};
static const uint64_t vsyscall =
    UINT64_C(0xffffffffff600000); // arch/x86/include/uapi/asm/vsyscall.h

struct piece {
    uint64_t start, last, pa;
    unsigned flags;
    bool mapped;
    const char *kind, *who, *hint;
};
struct walk {
    struct eg_run *r;
    struct eg_view *v;
    const struct linux_codes *codes;
    struct piece row; /* not given yet */
    bool has_row, all;
    uint64_t page;  /* bytes */
    uint64_t delta; /* virtual minus physical address in the direct map */
    bool has_delta;
    uint64_t image_end, ram_end; /* first physical addresses behind them */
    uint64_t lost;               /* executable pages that the image has lost */
    const struct linux_memmap *memmap;
    uint64_t real_mode, real_mode_end; /* code for CPUs that start, in low memory */
    uint64_t text, text_end;           /* the kernel's code; 0: it is not known */
    uint64_t image_last;               /* of the kernel's image */
    uint64_t image_delta;              /* virtual minus physical; UINT64_MAX: not known */
    uint64_t pages_left;
    size_t next; /* of the ranges of code: addresses only go up */
};

/* ---- rows: what is alike and touches is one ---- */

static void give(struct walk *w)
{
    const struct piece *o = &w->row;
    const struct eg_cell none = { 0 };
    char text[8] = "";

    if (!w->has_row)
        return;
    w->has_row = false;
    if (!w->all && !o->hint && !(o->flags & EG_X_EXEC))
        return;
    if (o->mapped)
        snprintf(text, sizeof text, "r%c%c%s", o->flags & EG_X_WRITE ? 'w' : '-',
                 o->flags & EG_X_EXEC ? 'x' : '-', o->flags & EG_X_USER ? "u" : "");
    eg_row(w->r, .START = eg_uint(o->start), .END = eg_uint(o->last + 1),
           .SIZE = eg_uint(o->last - o->start + 1), .PHYSICAL = o->mapped ? eg_uint(o->pa) : none,
           .PROTECTION = eg_text(eg_strf(w->r, "%s", text)), .KIND = eg_text(o->kind),
           .MODULE = eg_text(o->who), .HINTS = eg_text(o->hint));
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void add(struct walk *w, const struct piece *new)
{
    struct piece *o = &w->row;

    if (w->has_row && o->last + 1 == new->start && o->flags == new->flags &&
        o->mapped == new->mapped &&same_text(o->kind, new->kind) && same_text(o->who, new->who) &&
        same_text(o->hint, new->hint)) {
        o->last = new->last;
        return;
    }
    give(w);
    *o = *new;
    w->has_row = true;
}

/* ---- what is where ---- */

/* Whose code a page holds, or else whose data. */
static enum linux_code_kind whose_page(struct walk *w, uint64_t va, const char **who)
{
    const struct linux_code_range *range;
    enum linux_code_kind kind;
    size_t i;

    while (i = w->next, linux_next_code(w->codes, &i, &range) && range->last < va)
        w->next = i;
    kind = linux_whose_code(w->codes, va, who);
    for (i = w->next; linux_next_code(w->codes, &i, &range) && range->first < va + w->page;)
        if (!*who || (kind == LINUX_CODE_DATA && range->kind != LINUX_CODE_DATA)) {
            kind = range->kind;
            *who = range->who;
        }
    return kind;
}

static bool in_direct_map(const struct walk *w, uint64_t va, uint64_t pa)
{
    return w->has_delta && va - w->delta == pa;
}

/* Was the memory asked for by a function whose name begins so? */
static bool asked_by(const struct walk *w, uint64_t va, const char *function)
{
    const struct linux_area *area = linux_area_at(w->r, va);
    const char *name, *module;
    uint64_t caller, off;

    return area && area->vm &&
           eg_get(&caller, eg_object(w->r, vm_struct, area->vm), vm_struct.caller) && caller &&
           eg_system_symbol_at(eg_system_of(w->r), caller, &name, &off, &module) &&
           !strncmp(name, function, strlen(function));
}

/* Trampolines and dispatchers of BPF stay writable, for they are written anew while they are used
 * (bpf_jit_alloc_exec_page in kernel/bpf/trampoline.c, until 6.8). */
static bool is_left_writable(const struct walk *w, uint64_t va, enum linux_code_kind kind)
{
    return kind == LINUX_CODE_BPF && asked_by(w, va, "bpf_jit_alloc_exec");
}

static const char *kind_of(const struct walk *w, uint64_t va, uint64_t pa,
                           enum linux_code_kind kind, const char *who)
{
    if (who && !strcmp(who, "kernel"))
        return "kernel";
    if (kind == LINUX_CODE_MODULE || kind == LINUX_CODE_DATA)
        return "module";
    if (in_direct_map(w, va, pa))
        return "direct map";
    if (va == vsyscall)
        return "vsyscall";
    return linux_area_at(w->r, va) ? "vmalloc" : "other";
}

enum content { LACKING, ZEROS, UNUSED, CODE };

/* Memory for code that was made ready for use but is not used yet is full of breakpoints
 * (bpf_jit_fill_hole_with_zero and execmem_fill_trapping_insns, arch/x86). */
static enum content content(struct walk *w, uint64_t va)
{
    bool zeros = true, unused = true;
    uint8_t p[PIECE];

    for (uint64_t at = 0; at < w->page && (zeros || unused); at += PIECE) {
        if (!eg_read(w->v, eg_kernel(w->r), va + at, p, PIECE))
            return LACKING;
        for (unsigned i = 0; i < PIECE && (zeros || unused); i++) {
            zeros = zeros && !p[i];
            unused = unused && p[i] == INT3;
        }
    }
    return zeros ? ZEROS : unused ? UNUSED : CODE;
}

/* Was the page lost with a part of the image, whose file is cut short, or left out by who wrote it?
 * What a dump of several ranges lacks, or what is no RAM at all, somebody took out. */
static bool is_lost(const struct walk *w, uint64_t pa)
{
    struct eg_extent x;

    eg_extent_at(w->v, eg_physical(w->r), pa, &x);
    return x.why == EG_UNREADABLE || x.why == EG_EXCLUDED ||
           (x.why == EG_ABSENT && pa >= w->image_end && pa < w->ram_end);
}

/* Behind the last function the kernel's code is filled up, on AArch64 with zeros up to 64 KiB
 * (SEGMENT_ALIGN in arch/arm64/kernel/vmlinux.lds.S). */
static bool is_padding(const struct walk *w, uint64_t va)
{
    const char *name, *module;
    uint64_t off;

    if (va < w->text || va >= w->text_end || w->text_end - va > 0x10000 ||
        !eg_system_symbol_at(eg_system_of(w->r), w->text_end - 1, &name, &off, &module))
        return false;
    // A name at the page itself is of a function, or says where one part of the code ends.
    return w->text_end - 1 - off < va || (w->text_end - 1 - off == va && strlen(name) > 4 &&
                                          !strcmp(name + strlen(name) - 4, "_end"));
}

static const char *hint_of_code(struct walk *w, const struct piece *o, enum linux_code_kind kind)
{
    const char *hints = NULL;
    enum content is;

    if (o->start == vsyscall)
        return NULL;
    if (o->flags & EG_X_WRITE && !is_left_writable(w, o->start, kind))
        hints = "writable and executable";
    if (o->flags & EG_X_USER)
        hints = linux_hints(w->r, hints, "programs may run it");
    if (in_direct_map(w, o->start, o->pa) && (o->pa < w->real_mode || o->pa >= w->real_mode_end))
        hints = linux_hints(w->r, hints, "the direct map is executable");
    is = content(w, o->start);
    if (is == ZEROS && is_padding(w, o->start))
        return hints;
    if (is == LACKING && is_lost(w, o->pa)) {
        w->lost++;
        return hints;
    }
    if (is == LACKING)
        return linux_hints(w->r, hints, "executable, but the image lacks the page");
    if (is == ZEROS)
        return linux_hints(w->r, hints, "executable, but the page is zeros");
    if (is == UNUSED || in_direct_map(w, o->start, o->pa))
        return hints;
    if (kind == LINUX_CODE_NOBODY || kind == LINUX_CODE_UNKNOWN)
        return linux_hints(w->r, hints,
                           kind == LINUX_CODE_NOBODY
                               ? "code of no module that is listed, nor of the kernel"
                               : "code of no module that is listed, nor of the kernel, unless "
                                 "it is of BPF or ftrace");
    if (kind == LINUX_CODE_DATA)
        return linux_hints(w->r, hints, "executable data");
    return hints;
}

/* What no list has: a classic BPF program, of seccomp or a socket; and on AArch64 the code by which
 * the kernel is entered, constants of the kernel that the fixmap has once more
 * (map_entry_trampoline in arch/arm64/mm/mmu.c). */
static enum linux_code_kind whose_else(const struct walk *w, uint64_t va, uint64_t pa,
                                       const char **who)
{
    struct eg_extent text, own;
    uint64_t base;

    if (asked_by(w, va, "bpf_jit_binary_alloc") || asked_by(w, va, "bpf_jit_alloc_exec")) {
        *who = "bpf";
        return LINUX_CODE_BPF;
    }
    if (!w->text_end || linux_area_at(w->r, va) || in_direct_map(w, va, pa))
        return LINUX_CODE_NOBODY;
    eg_extent_at(w->v, eg_kernel(w->r), w->text, &text);
    base = text.below_addr + (w->text - text.start);
    if (text.why || pa < base || pa - base > w->image_last - w->text)
        return LINUX_CODE_NOBODY;
    eg_extent_at(w->v, eg_kernel(w->r), w->text + (pa - base), &own);
    if (own.why || own.flags & EG_X_WRITE)
        return LINUX_CODE_NOBODY;
    *who = "kernel";
    return LINUX_CODE_KERNEL;
}

/* An executable extent is looked at page by page: each may be another one's. */
static void executable(struct walk *w, const struct eg_extent *x)
{
    for (uint64_t va = x->start; va <= x->last && !eg_stopped(w->r); va += w->page) {
        struct piece row = { .start = va,
                             .last = va + w->page - 1,
                             .pa = x->below_addr + (va - x->start),
                             .flags = x->flags & MAPPED,
                             .mapped = true };
        enum linux_code_kind kind = whose_page(w, va, &row.who);

        if (kind == LINUX_CODE_NOBODY)
            kind = whose_else(w, va, row.pa, &row.who);
        if (!w->pages_left--) {
            w->pages_left = 0;
            eg_note(w->r, "more than %d pages are executable: the rest is not shown", PAGES_MAX);
            return;
        }
        row.kind = kind_of(w, va, row.pa, kind, row.who);
        row.hint = hint_of_code(w, &row, kind);
        add(w, &row);
        if (va + w->page < va)
            return;
    }
}

static void plain(struct walk *w, const struct eg_extent *x)
{
    struct piece row = { .start = x->start,
                         .last = x->last,
                         .pa = x->below_addr,
                         .flags = x->flags & MAPPED,
                         .mapped = true };
    enum linux_code_kind kind = linux_whose_code(w->codes, x->start, &row.who);

    row.kind = kind_of(w, x->start, row.pa, kind, row.who);
    if (row.flags & EG_X_USER && x->start != vsyscall)
        row.hint = "programs may read it";
    add(w, &row);
}

static void tables(struct walk *w)
{
    struct eg_space *kernel = eg_kernel(w->r);
    uint64_t from = UINT64_C(1) << 63;
    struct eg_extent x;

    for (uint32_t n = 0; n < EXTENTS_MAX && !eg_stopped(w->r) &&
                         eg_next_mapped(w->v, kernel, from, kernel->last, &x);
         n++) {
        if (x.flags & EG_X_EXEC)
            executable(w, &x);
        else
            plain(w, &x);
        from = x.last + 1;
        if (!from)
            break;
    }
    give(w);
}

/* ---- code and constants: are they where they must be, and nowhere writable? ---- */

static const char *hint_of_alias(struct walk *w, uint64_t pa)
{
    struct eg_extent alias;

    if (!w->has_delta)
        return NULL;
    eg_extent_at(w->v, eg_kernel(w->r), pa + w->delta, &alias);
    if (alias.why == EG_NOT_PRESENT)
        return "the direct map lacks its page";
    return !alias.why && alias.flags & EG_X_WRITE ? "its page can be written in the direct map"
                                                  : NULL;
}

/* The kernel's image is one piece of physical memory. */
static bool is_moved(const struct walk *w, uint64_t va, uint64_t pa)
{
    return w->image_delta != UINT64_MAX && va >= w->text && va <= w->image_last &&
           va - pa != w->image_delta;
}

/* How far most pages of the kernel's code are from where they are in physical memory: some may have
 * been replaced. */
static uint64_t image_delta(struct walk *w)
{
    enum { ASKED = 9 };
    const uint64_t pages = (w->text_end - w->text) / w->page;
    uint64_t at[ASKED];

    for (unsigned i = 0; i < ASKED && pages >= ASKED; i++) {
        const uint64_t va = w->text + pages / ASKED * i * w->page;
        struct eg_extent x;
        unsigned same = 0;

        eg_extent_at(w->v, eg_kernel(w->r), va, &x);
        at[i] = x.why ? UINT64_MAX : va - (x.below_addr + (va - x.start));
        for (unsigned k = 0; k <= i; k++)
            same += at[k] == at[i];
        if (same > ASKED / 2)
            return at[i];
    }
    return UINT64_MAX;
}

/* An area of vmalloc keeps which pages it was made of. */
static bool is_replaced(struct walk *w, uint64_t va, uint64_t pa)
{
    const struct linux_area *area = linux_area_at(w->r, va);
    const unsigned word = eg_binding_of(w->r)->model.ptr_size;
    struct eg_obj vm = area ? eg_object(w->r, vm_struct, area->vm) : (struct eg_obj){ .why = 1 };
    uint64_t n, pages, i, page;

    if (!area || !area->vm || !w->memmap || !w->memmap->found ||
        !eg_get(&pages, vm, vm_struct.pages) || !pages || !eg_get(&n, vm, vm_struct.nr_pages) ||
        (i = (va - area->first) / w->page) >= n)
        return false;
    return eg_pointer_at(w->r, pages + i * word, &page) &&
           page != w->memmap->base + (pa >> w->memmap->shift) * w->memmap->size;
}

static void protected(struct walk *w, uint64_t first, uint64_t last, const char *kind,
                      const char *who, bool code)
{
    for (uint64_t va = first & ~(w->page - 1); va <= last && !eg_stopped(w->r); va += w->page) {
        struct eg_extent x;
        struct piece row = { .start = va, .last = va + w->page - 1, .kind = kind, .who = who };

        if (!w->pages_left || va + w->page < va)
            return;
        w->pages_left--;
        eg_extent_at(w->v, eg_kernel(w->r), va, &x);
        row.mapped = !x.why;
        if (row.mapped) {
            row.pa = x.below_addr + (va - x.start);
            row.flags = x.flags & MAPPED;
            // AArch64 leaves those of kprobes so (alloc_insn_page in arch/arm64/kernel/probes).
            row.hint = who && !strcmp(who, "kprobes") ? NULL : hint_of_alias(w, row.pa);
            if (is_moved(w, va, row.pa) || is_replaced(w, va, row.pa))
                row.hint = linux_hints(w->r, row.hint, "another page stands in its place");
            if (row.flags & EG_X_WRITE)
                row.hint =
                    linux_hints(w->r, row.hint, code ? "writable code" : "writable constants");
        } else if (x.why == EG_NOT_PRESENT) {
            row.hint = code ? "code that is not mapped" : NULL;
        }
        if (row.hint)
            add(w, &row);
    }
}

static void all_protected(struct walk *w)
{
    const struct linux_code_range *range;
    uint64_t first, end;

    for (size_t i = 0; linux_next_code(w->codes, &i, &range);)
        if (range->kind != LINUX_CODE_DATA && range->kind != LINUX_CODE_STARTUP &&
            !is_left_writable(w, range->first, range->kind))
    protected(w, range->first, range->last, kind_of(w, range->first, 0, range->kind, range->who),
              range->who, true);
    if (eg_lookup(w->r, "__start_rodata", &first) && eg_lookup(w->r, "__end_rodata", &end) &&
        end > first)
    protected(w, first, end - 1, "kernel", "kernel", false);
    give(w);
}

/* ---- RAM that the kernel itself cannot read ---- */

/* What memfd_secret() gives to a program nobody else may see, not even the kernel (mm/secretmem.c,
 * since 5.14). */
static bool is_secret(struct walk *w, uint64_t pa)
{
    struct linux_page page;
    uint64_t ops, secret;

    if (!w->memmap || !w->memmap->found || !eg_lookup(w->r, "secretmem_aops", &secret))
        return false;
    linux_page_at(w->r, w->memmap, pa, &page);
    return page.use == LINUX_PAGE_FILE &&
           eg_get(&ops, eg_object(w->r, address_space, page.mapping), mapping_ops) && ops == secret;
}

static void holes(struct walk *w)
{
    struct linux_ram *ram;
    const size_t n = w->has_delta ? linux_ram(w->r, &ram) : 0;

    for (size_t i = 0; i < n && !eg_stopped(w->r); i++) {
        const uint64_t last = ram[i].last + w->delta;
        uint64_t at = ram[i].first + w->delta;

        for (uint32_t k = 0; k < EXTENTS_MAX; k++) {
            struct eg_extent x;

            eg_extent_at(w->v, eg_kernel(w->r), at, &x);
            x.last = EG_MIN(x.last, last);
            if (x.why == EG_NOT_PRESENT && !is_secret(w, at - w->delta))
                add(w, &(struct piece){ .start = at,
                                        .last = x.last,
                                        .kind = "direct map",
                                        .hint = "RAM that the direct map lacks" });
            if (x.last >= last)
                break;
            at = x.last + 1;
        }
    }
    give(w);
}

/* The end of an image in one piece, which says neither where it ends nor what it lacks. */
static uint64_t end_of_piece(struct eg_run *r)
{
    struct eg_space *physical = eg_physical(r);
    uint64_t end = 0;
    struct eg_extent x;

    while (eg_next_mapped(eg_view_of(r), physical, end, physical->last, &x)) {
        if (x.start != end || x.last == UINT64_MAX)
            return UINT64_MAX;
        end = x.last + 1;
        if (x.last >= physical->last)
            break;
    }
    return end;
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r,
                      .v = eg_view_of(r),
                      .codes = linux_codes(r),
                      .all = eg_arg_flag(r, "all"),
                      .page = UINT64_C(1) << linux_page_shift(r),
                      .image_end = end_of_piece(r),
                      .pages_left = PAGES_MAX };
    struct eg_obj header = eg_deref(eg_sym(r, real_mode_header));
    const struct linux_code_range *range;
    uint32_t start = 0, end = 0;

    for (size_t i = 0; linux_next_code(w.codes, &i, &range);) {
        if (range->kind == LINUX_CODE_KERNEL && !w.text_end) {
            w.text = range->first;
            w.text_end = range->last + 1;
        }
        if (range->who && !strcmp(range->who, "kernel"))
            w.image_last = EG_MAX(w.image_last, range->last);
    }
    linux_ram_end(r, &w.ram_end);
    w.memmap = linux_memmap(r);
    w.has_delta = linux_direct_map(r, &w.delta);
    w.image_delta = image_delta(&w);
    if (eg_get(&start, header, real_mode_header.text_start) &&
        eg_get(&end, header, real_mode_header.ro_end)) {
        w.real_mode = start;
        w.real_mode_end = end;
    }
    tables(&w);
    if (w.lost)
        eg_note(r,
                "%" PRIu64
                " executable pages are in a part that the image has lost, or left out: what "
                "they hold is not known",
                w.lost);
    w.pages_left = PAGES_MAX;
    all_protected(&w);
    holes(&w);
    return 0;
}

EG_PLUGIN(kernelmap) = {
    .os = "linux",
    .help = "Show what the kernel's page tables allow: what can be run, and what is odd",
    .manual =
        "Without --all: memory that can be executed, and whatever breaks a rule. A page is not "
        "both writable and executable; programs may neither run nor read the kernel's pages; code "
        "is of the kernel, of a module that is listed, of BPF, ftrace or kprobes; code and "
        "constants are mapped, to the pages that they were loaded into, and writable neither there "
        "nor in the direct map; the direct map has all RAM and runs nothing. An executable page "
        "that the image lacks, or that is zeros "
        "where code must be, was taken out of the image: a rootkit that feeds zeros to the tool "
        "that acquires memory leaves that. Pages in a part that a file which is cut short has "
        "lost, "
        "or that a dump leaves out as such, are a note. It cannot see code that lies within the "
        "memory of a "
        "module or of BPF that is listed, what a processor still has in its TLB, or page tables "
        "that a hypervisor has besides; nor changes of trampolines of BPF, which the kernel leaves "
        "writable until 6.8, nor code in memory that was asked for as that of a classic BPF "
        "program, before 5.18. Kernels booted with rodata=off have writable code. On "
        "kernels whose symbols lack the lists of BPF and ftrace their code is not told from "
        "others': HINTS says so.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "all that is mapped")),
    .looks_for = EG_NAMES("changed kernel code", "hidden modules"),
    .run = run,
};
