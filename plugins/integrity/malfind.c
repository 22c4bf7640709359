/* malfind - code in the memory of processes that is of no file, or is not what its file says. */
#include "../../core/map.h"
#include "../../core/run.h"
#include "../../core/space.h"
#include "../linux/fs/file.h"
#include "../linux/mm/cow.h"
#include "../linux/mm/flags.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/vdso.h"
#include "../linux/mm/vma.h"
#include "../linux/own/code.h"
#include "../linux/own/mms.h"
#include "../linux/own/probes.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(task_ptrace, task_struct, "ptrace");
EG_FIELD_AS(task_tracer, task_struct, "parent");

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(PATH, TEXT, "the file, or the kernel's word for it", EG_MINOR)                               \
    C(START, ADDR, "first address of the mapping", EG_MINOR)                                       \
    C(END, ADDR, "first address behind it", EG_MINOR)                                              \
    C(FLAGS, FLAGS, "read, write, execute, private or shared")                                     \
    C(ADDRESS, ADDR, "where in the mapping the finding is")                                        \
    C(WEIGHT, TEXT, "high; medium; low: something harmless explains it")                           \
    C(REASON, TEXT, "why it is a finding, and what may explain it")                                \
    C(CHANGED, INT, "bytes that differ from the file's", EG_MINOR)                                 \
    C(BYTES, BYTES, "the bytes there", EG_LIST | EG_MINOR)                                         \
    C(FILE_BYTES, BYTES, "what the file has there", EG_LIST | EG_MINOR)                            \
    C(DISASM, TEXT, "the instructions there", EG_LIST | EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { SHOWN = 64, CHANGES_MAX = 16, GAP = 16, INSTRUCTIONS = 8, PAGE_BYTES = EG_VIEW_PAGE };
enum { UNKNOWN = -2 };

struct search {
    struct eg_run *r;
    const struct eg_arch *arch;
    struct linux_mm *mm;
    bool narrow;           // a 32-bit program
    const char *jit;       // a file of it that compiles programs as they run; NULL: none
    bool jit_is_whole;     // and that is what it is there for
    uint64_t n_unknown;    // copies of pages that their file's cache does not have
    struct eg_map *probes; // uprobes that have a row: they are in every process of their file
    uint64_t again;        // and would have had more
    uint64_t budget;       // pages that may still be looked at
    int64_t tracer;        // of this memory; UNKNOWN: not looked for yet
};
struct finding {
    const struct linux_span *span;
    uint64_t at;
    const char *weight, *reason;
    uint64_t changed;
    const uint8_t *file; // bytes of the file
    size_t file_len;
};

static void emit(struct search *s, const struct finding *f)
{
    struct eg_run *r = s->r;
    struct eg_obj vma = eg_object(r, vm_area_struct, f->span->vma);
    const struct eg_cell none = { 0 };
    const size_t most = EG_MIN((uint64_t)SHOWN, f->span->last - f->at + 1);
    uint8_t *bytes = eg_tmp(r, SHOWN);
    enum eg_why why = EG_OK;
    size_t n = 0;
    const char *name = linux_span_name(r, s->mm, (struct linux_span *)(uintptr_t)f->span);

    while (n < most && eg_read(eg_view_of(r), s->mm->space, f->at + n, bytes + n, 1))
        n++;
    if (!n)
        why = (enum eg_why)eg_view_of(r)->why;
    eg_row(r, .PID = eg_int(s->mm->pid), .COMM = eg_text(s->mm->comm),
           .START = eg_uint(f->span->start), .END = eg_uint(f->span->last + 1),
           .FLAGS = linux_vma_flags(r, vma), .PATH = eg_text(name), .ADDRESS = eg_uint(f->at),
           .WEIGHT = eg_text(f->weight), .REASON = eg_text(f->reason),
           .CHANGED = f->changed ? eg_uint(f->changed) : none,
           .BYTES = n ? eg_blob(bytes, n) : eg_missing(why, f->at),
           .FILE_BYTES = f->file ? eg_blob(f->file, f->file_len) : none,
           .DISASM = eg_text(linux_code_text(r, s->narrow, bytes, n, f->at, INSTRUCTIONS)));
}

/* ---- what explains a finding ---- */

/* Programs that compile as they run, and libraries that do so for others. */
static const struct {
    const char *file;
    bool whole;
} compilers[] = {
    { "libjvm.so", true },     { "libnode.so", true },     { "node", true },
    { "libv8", true },         { "libmozjs", true },       { "libxul.so", true },
    { "chrome", true },        { "chromium", true },       { "libjavascriptcoregtk", true },
    { "libcoreclr.so", true }, { "libclrjit.so", true },   { "libmono", true },
    { "luajit", true },        { "libluajit", true },      { "qemu-", true },
    { "beam.smp", true },      { "pypy", true },           { "opcache.so", true },
    { "llvmjit.so", true },    { "libLLVM", false },       { "libgccjit.so", false },
    { "libpcre2-", false },    { "libpcre.so", false },    { "libffi.so", false },
    { "libgallium", false },   { "swrast_dri.so", false },
};

static void find_jit(struct search *s)
{
    s->jit = NULL;
    s->jit_is_whole = false;
    for (size_t i = 0; i < s->mm->n_spans && !s->jit_is_whole; i++) {
        const char *path = linux_span_name(s->r, s->mm, &s->mm->spans[i]);
        const char *file = path ? strrchr(path, '/') : NULL;

        for (size_t k = 0; file && k < countof(compilers); k++)
            if (!strncmp(file + 1, compilers[k].file, strlen(compilers[k].file)) &&
                (!s->jit || compilers[k].whole)) {
                s->jit = file + 1;
                s->jit_is_whole = compilers[k].whole;
            }
    }
}

/* A process with this memory that is traced: its tracer's id; -1: none. */
static int64_t tracer_of(struct search *s)
{
    struct eg_obj leader, t;
    uint64_t mm;

    if (s->tracer != UNKNOWN) // once for all its breakpoints
        return s->tracer;
    linux_each_process(s->r, leader)
        linux_each_thread(s->r, leader, t)
            if (eg_get(&mm, t, task_struct.mm) && mm == s->mm->mm && eg_get_or(0u, t, task_ptrace))
                return s->tracer = eg_get_or((int64_t)-1, t, task_tracer, task_struct.tgid);
    return s->tracer = -1;
}

static const char *place(const struct search *s, uint64_t va)
{
    struct linux_span *span = linux_mm_span_at(s->mm, va);
    const char *name = span ? linux_span_name(s->r, s->mm, span) : NULL;

    return name   ? eg_strf(s->r, "%#llx in %s", (unsigned long long)va, name)
           : span ? eg_strf(s->r, "%#llx in anonymous memory", (unsigned long long)va)
                  : eg_strf(s->r, "%#llx, which is not mapped", (unsigned long long)va);
}

/* ---- memory of no file ---- */

/* The first page of @span that has a byte other than 0, and whether one begins as an ELF file.
 * @return false: none that can be read has. */
static bool look_into(struct search *s, const struct linux_span *span, uint64_t *content,
                      uint64_t *elf)
{
    enum { PAGES_MAX = 1 << 14 };
    struct eg_view *v = eg_view_of(s->r);
    struct eg_extent x;
    bool found = false;
    unsigned pages = 0;

    *elf = UINT64_MAX;
    for (uint64_t at = span->start; at <= span->last && pages < PAGES_MAX && s->budget;) {
        if (!eg_next_mapped(v, s->mm->space, at, span->last, &x))
            break;
        at = EG_MAX(at, x.start);
        for (; at <= EG_MIN(x.last, span->last) && pages < PAGES_MAX && s->budget;
             at += PAGE_BYTES, pages++, s->budget--) {
            size_t n = PAGE_BYTES, i = 0;
            const uint8_t *p = eg_map_some(v, s->mm->space, at, &n);

            while (p && i < n && i < PAGE_BYTES && !p[i])
                i++;
            if (!p || i >= n || i >= PAGE_BYTES)
                continue;
            if (!found)
                *content = at + i;
            found = true;
            if (n >= 4 && !memcmp(p, "ELF", 4)) {
                *elf = at;
                return true;
            }
        }
    }
    return found;
}

static const char *jump_text(const struct search *s, const struct linux_stub *stub)
{
    return stub->known ? eg_strf(s->r, "%s to %s", stub->what, place(s, stub->target)) : stub->what;
}

/* @kind: what the mapping is, in words; a file begins with a header, as it should. */
enum whose { OF_NOBODY, OF_FILE, OF_PROGRAM };

static void judge_content(struct search *s, const struct linux_span *span, const char *kind,
                          enum whose whose)
{
    struct finding f = { .span = span, .at = span->start, .weight = "medium", .reason = kind };
    struct linux_stub stub;
    uint64_t elf;
    uint8_t bytes[16];
    size_t n;

    if (!look_into(s, span, &f.at, &elf)) {
        f.at = span->start;
        f.weight = "low";
        f.reason = eg_strf(s->r, "%s; no byte of it other than 0 is in memory", kind);
        emit(s, &f);
        return;
    }
    if (elf != UINT64_MAX && whose != OF_FILE) {
        f.at = elf;
        f.weight = "high";
        f.reason = eg_strf(s->r, "%s; header of an ELF program", kind);
        emit(s, &f);
        return;
    }
    n = eg_read_some(eg_view_of(s->r), s->mm->space, f.at, bytes, sizeof bytes, NULL);
    stub = linux_stub_at(s->arch, bytes, n, f.at);
    if (stub.what && stub.far) {
        f.weight = "high";
        f.reason = eg_strf(s->r, "%s; stub of a hook: %s", kind, jump_text(s, &stub));
    } else if (s->jit) {
        f.weight = s->jit_is_whole ? "low" : "medium";
        f.reason = eg_strf(s->r,
                           s->jit_is_whole ? "%s; %s compiles programs as they run"
                                           : "%s; perhaps of %s, which can compile",
                           kind, s->jit);
    }
    if (whose == OF_PROGRAM && !stub.far)
        f.weight = "low";
    emit(s, &f);
}

/* ---- pages that were their file's ---- */

/* Text relocations, as of old 32-bit libraries: the file has an address that counts from its own
 * beginning, memory the same with the address where it was loaded, @base.
 * @return the first byte behind the relocated word that holds byte @at; 0: none does. */
static size_t relocated(const struct search *s, const uint8_t *mem, const uint8_t *file, size_t at,
                        uint64_t base)
{
    const size_t width = s->narrow ? 4 : 8;
    const size_t from = at >= width - 1 ? at - (width - 1) : 0;

    for (size_t k = from; base && k <= at && k + width <= PAGE_BYTES; k++) {
        const uint64_t a = width == 4 ? eg_le32(mem + k) : eg_le64(mem + k);
        const uint64_t b = width == 4 ? eg_le32(file + k) : eg_le64(file + k);

        if (width == 4 ? (uint32_t)(a - b) == (uint32_t)base : a - b == base)
            return k + width;
    }
    return 0;
}

/* Where the beginning of @file was loaded: its mapping at offset 0. */
static uint64_t base_of(const struct search *s, const struct linux_span *span,
                        const struct linux_mapped_file *file)
{
    for (size_t i = 0; i < s->mm->n_spans; i++) {
        struct eg_obj vma = eg_object(s->r, vm_area_struct, s->mm->spans[i].vma);
        uint64_t of, off;

        if (eg_get(&of, vma, vm_area_struct.vm_file) && of == file->file.addr &&
            eg_get(&off, vma, vm_area_struct.vm_pgoff) && !off)
            return s->mm->spans[i].start;
    }
    return span->start - file->offset;
}

struct comparing {
    struct search *s;
    const struct linux_span *span;
    const struct linux_mapped_file *file;
    uint64_t base;         // where the file's beginning is loaded; 1: not looked for yet
    uint64_t n, relocated; // changes; words
};

/* A breakpoint instruction. @return false: no row, for it is the kernel's and has one already. */
static bool judge_trap(struct search *s, uint64_t inode, uint64_t off, struct finding *f,
                       const char **why)
{
    const uint64_t probe = linux_uprobe_at(s->r, eg_object(s->r, mm_struct, s->mm->mm), inode, off);
    const int64_t tracer = probe ? -1 : tracer_of(s);

    f->weight = probe || tracer >= 0 ? "low" : "medium";
    if (probe) {
        *why = ": a probe of the kernel's (uprobe)";
        if (eg_run_map_add(s->r, s->probes, probe, 0))
            return true;
        s->again++;
        return false;
    }
    *why = tracer >= 0 ? eg_strf(s->r, ": a breakpoint; process %lld traces it", (long long)tracer)
                       : ": a breakpoint, and nobody traces it";
    return true;
}

static void judge_change(struct comparing *c, const uint8_t *mem, const uint8_t *file, uint64_t va,
                         size_t first, size_t last, uint64_t changed)
{
    struct search *s = c->s;
    struct finding f = { .span = c->span, .at = va + first, .weight = "high", .changed = changed };
    const uint64_t off = c->file->offset + (f.at - c->span->start);
    const struct linux_stub stub = linux_stub_at(s->arch, mem + first, PAGE_BYTES - first, f.at);
    const size_t trap = linux_breakpoint_at(s->arch, mem + first, PAGE_BYTES - first);
    const char *why = "";
    uint8_t *copy;

    if (trap && last - first < trap) {
        if (!judge_trap(s, c->file->inode.addr, off, &f, &why))
            return;
    } else if (stub.what) {
        why = eg_strf(s->r, ": a hook: %s", jump_text(s, &stub));
    }
    if (c->n++ >= CHANGES_MAX)
        return;
    f.reason = eg_strf(s->r, "differs from its file at %#llx%s", (unsigned long long)off, why);
    f.file_len = EG_MIN((size_t)SHOWN, PAGE_BYTES - first);
    copy = eg_tmp(s->r, f.file_len);
    memcpy(copy, file + first, f.file_len);
    f.file = copy;
    emit(s, &f);
}

/* @len bytes of both; changes that are close to each other are one. @return how many differ. */
static uint64_t compare_page(struct comparing *c, const uint8_t *mem, const uint8_t *file,
                             uint64_t va, size_t len)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len;) {
        size_t first = len, last = i, changed = 0;

        if (mem[i] == file[i]) {
            i++;
            continue;
        }
        if (c->base == 1)
            c->base = base_of(c->s, c->span, c->file);
        for (; i < len && i - last <= GAP; i++) {
            const size_t behind = mem[i] == file[i] ? 0 : relocated(c->s, mem, file, i, c->base);

            if (mem[i] == file[i])
                continue;
            if (behind) {
                c->relocated++;
                last = i = behind - 1;
                continue;
            }
            first = EG_MIN(first, i);
            last = i;
            changed++;
        }
        if (changed)
            judge_change(c, mem, file, va, first, last, changed);
        n += changed;
    }
    return n;
}

static void compare(struct search *s, const struct linux_span *span,
                    const struct linux_mapped_file *file)
{
    struct linux_cow_walk w = { .space = s->mm->space,
                                .at = span->start,
                                .last = span->last,
                                .file = file,
                                .start = span->start,
                                .budget = &s->budget };
    struct comparing c = { .s = s, .span = span, .file = file, .base = 1 };
    struct finding f = { .span = span, .weight = "low" };
    uint8_t mem[PAGE_BYTES], bytes[PAGE_BYTES];
    uint64_t va, equal = 0, changed = 0;
    const uint64_t page = UINT64_C(1) << linux_page_shift(s->r);
    enum eg_why why;

    while (linux_next_cow(s->r, &w, &va, &why))
        for (uint64_t at = va; at < va + page && at <= span->last; at += PAGE_BYTES) {
            const uint64_t off = file->offset + (at - span->start);
            size_t len = PAGE_BYTES;
            uint64_t n;

            if (file->size && off < file->size)
                len = EG_MIN((uint64_t)len, file->size - off);
            if (!file->space || !eg_read(eg_view_of(s->r), s->mm->space, at, mem, len) ||
                !eg_read(eg_view_of(s->r), file->space, off, bytes, len)) {
                s->n_unknown++;
                continue;
            }
            memset(mem + len, 0, PAGE_BYTES - len);
            memset(bytes + len, 0, PAGE_BYTES - len);
            n = compare_page(&c, mem, bytes, at, len);
            if (!n && !c.relocated && !equal++)
                f.at = at;
            changed += n;
        }
    if (c.n > CHANGES_MAX)
        eg_note(s->r, "process %lld: of %llu changes of the mapping at %#llx %d are shown",
                (long long)s->mm->pid, (unsigned long long)c.n, (unsigned long long)span->start,
                CHANGES_MAX);
    if (equal && !changed) {
        f.reason = "was written to, and equals its file again";
        emit(s, &f);
    }
}

/* ---- the kernel's own pages: [vdso] ---- */

static void check_special(struct search *s, const struct linux_span *span, struct eg_obj vma)
{
    struct linux_cow_walk w = { .space = s->mm->space,
                                .at = span->start,
                                .last = span->last,
                                .start = span->start,
                                .budget = &s->budget };
    uint8_t mem[PAGE_BYTES], own[PAGE_BYTES];
    const char *name = linux_span_name(s->r, s->mm, (struct linux_span *)(uintptr_t)span);
    struct eg_space *kernel;
    enum eg_why why;
    uint64_t va, at;

    if (!name || strcmp(name, "[vdso]"))
        return; // [uprobes], [sigpage], [vectors]: the kernel writes them as it needs
    while (linux_next_cow(s->r, &w, &va, &why)) {
        struct finding f = { .span = span,
                             .at = va,
                             .weight = "medium",
                             .reason = "the process has its own copy of the vdso" };
        size_t i = 0;

        kernel = linux_vdso_place(s->r, eg_object(s->r, mm_struct, s->mm->mm), vma,
                                  va - span->start, &at);
        if (kernel && eg_read(eg_view_of(s->r), s->mm->space, va, mem, PAGE_BYTES) &&
            eg_read(eg_view_of(s->r), kernel, at, own, PAGE_BYTES)) {
            while (i < PAGE_BYTES && mem[i] == own[i])
                i++;
            f.weight = i < PAGE_BYTES ? "high" : "low";
            f.at += i < PAGE_BYTES ? i : 0;
            f.reason = i < PAGE_BYTES ? "differs from the kernel's vdso"
                                      : "was written to, and equals the kernel's vdso";
        }
        emit(s, &f);
    }
}

/* ---- mappings ---- */

static void check_file(struct search *s, const struct linux_span *span, uint64_t flags,
                       const struct linux_mapped_file *file)
{
    const char *gone = linux_file_gone(s->r, file->file);
    const bool in_memory = gone && strcmp(gone, "removed");
    const char *kind = in_memory ? eg_strf(s->r, "executable, and of no file on disk: %s", gone)
                                 : "writable and executable, of a file";

    if (flags & VM_WRITE || in_memory)
        judge_content(s, span,
                      flags & VM_WRITE && in_memory ? eg_strf(s->r, "writable and %s", kind) : kind,
                      OF_FILE);
    if (!(flags & VM_WRITE))
        compare(s, span, file);
}

static void check_executable(struct search *s, const struct linux_span *span, uint64_t flags,
                             struct eg_obj vma)
{
    struct linux_mapped_file file;
    uint64_t ops, stack;

    if (linux_vma_file(s->r, vma, &file)) {
        check_file(s, span, flags, &file);
    } else if (eg_get(&ops, vma, vm_area_struct.vm_ops) && ops) {
        check_special(s, span, vma);
    } else {
        const bool is_stack =
            eg_get(&stack, eg_object(s->r, mm_struct, s->mm->mm), mm_struct.start_stack) &&
            stack >= span->start && stack <= span->last;

        judge_content(s, span,
                      is_stack           ? "the stack is executable, as its program asks for"
                      : flags & VM_WRITE ? "anonymous, writable and executable"
                                         : "anonymous executable",
                      is_stack ? OF_PROGRAM : OF_NOBODY);
    }
}

/* Pages that the processor may execute although their mapping says no: nothing of Linux makes such.
 * Where most pages of mappings that are not executable are, the processor has no such bit. */
static void check_tables(struct search *s)
{
    enum { MOST = 16 };
    const struct linux_span *spans[MOST];
    uint64_t at[MOST], n_executable = 0, n_all = 0, flags;
    struct eg_extent x;
    unsigned n = 0;

    for (size_t i = 0; i < s->mm->n_spans && !eg_stopped(s->r); i++) {
        const struct linux_span *span = &s->mm->spans[i];
        struct eg_obj vma = eg_object(s->r, vm_area_struct, span->vma);
        bool first = true;

        if (!eg_get(&flags, vma, vm_area_struct.vm_flags) || flags & (VM_EXEC | VM_IO | VM_PFNMAP))
            continue;
        for (uint64_t from = span->start;
             from <= span->last && s->budget && s->budget-- &&
             eg_next_mapped(eg_view_of(s->r), s->mm->space, from, span->last, &x);
             from = x.last + 1) {
            const bool bad = x.flags & EG_X_EXEC && x.flags & EG_X_USER &&
                             !(x.flags & (EG_X_PROT_NONE | EG_X_SPECIAL | EG_X_SWAPPED));

            n_all += !(x.flags & EG_X_SWAPPED);
            n_executable += bad;
            if (bad && first && n < MOST) {
                spans[n] = span;
                at[n++] = EG_MAX(from, x.start);
                first = false;
            }
            if (x.last >= span->last)
                break;
        }
    }
    if (n_executable * 2 > n_all)
        return;
    for (unsigned i = 0; i < n; i++)
        emit(s, &(struct finding){ .span = spans[i],
                                   .at = at[i],
                                   .weight = "high",
                                   .reason = "the page tables let it be executed, its mapping does "
                                             "not" });
}

static void check(struct search *s)
{
    struct eg_obj mm = eg_object(s->r, mm_struct, s->mm->mm);

    s->n_unknown = 0;
    s->tracer = UNKNOWN;
    s->narrow = eg_get_or(UINT64_MAX, mm, mm_struct.task_size) <= UINT64_C(1) << 32;
    linux_mm_spans(s->r, s->mm);
    find_jit(s);
    for (size_t i = 0; i < s->mm->n_spans && !eg_stopped(s->r); i++) {
        const struct linux_span *span = &s->mm->spans[i];
        struct eg_obj vma = eg_object(s->r, vm_area_struct, span->vma);
        uint64_t flags;

        if (eg_get(&flags, vma, vm_area_struct.vm_flags) && flags & VM_EXEC)
            check_executable(s, span, flags, vma);
    }
    check_tables(s);
    if (s->n_unknown)
        eg_note(s->r,
                "process %lld: %llu pages of executable mappings were written to and cannot be "
                "compared: they, or their file's, are not in memory",
                (long long)s->mm->pid, (unsigned long long)s->n_unknown);
}

static int run(struct eg_run *r)
{
    struct search s = { .r = r,
                        .arch = eg_system_of(r)->arch,
                        .probes = eg_run_map(r),
                        .budget = linux_pages_budget(r) };
    struct linux_mm *mms;
    const size_t n = linux_mms(r, true, &mms);

    for (size_t i = 0; i < n && !eg_stopped(r); i++) {
        s.mm = &mms[i];
        check(&s);
        eg_progress(r, i + 1, n);
    }
    if (!s.budget)
        eg_note(r, "page tables map far more than there is memory: not all of it was looked at");
    if (s.again)
        eg_note(r, "probes of the kernel's that have a row are in other processes too: %llu times",
                (unsigned long long)s.again);
    return 0;
}

EG_PLUGIN(malfind) = {
    .os = "linux",
    .help = "Find code in processes that is of no file, or differs from its file",
    .manual =
        "Looks at every mapping that can be executed, and at the page tables of the others. "
        "Memory of no file is a finding by itself; of a file, every page that the process has a "
        "copy of is compared with the file as the page cache holds it, byte by byte. REASON says "
        "why a row is one, and WEIGHT is low where something harmless explains it: a compiler "
        "that the process has, a probe of the kernel's, a debugger. Text relocations and the "
        "kernel's own pages ([vdso], [uprobes]) are known. A page whose file's page is not in "
        "memory cannot be compared: a note says how many. Code that was changed in the file "
        "itself, or in the page cache, does not show here: hold it against a known good file. "
        "What hides from the list of processes is not searched.",
    .aliases = EG_NAMES("linux.malfind.Malfind", "linux.malware.malfind.Malfind"),
    .looks_for = EG_NAMES("injected code"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.mm, vm_area_struct.vm_flags),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
