/* hollowing - programs whose code in memory is not their file's. */
#include "../../core/run.h"
#include "../linux/fs/file.h"
#include "../linux/mm/args.h"
#include "../linux/mm/changed.h"
#include "../linux/mm/filemap.h"
#include "../linux/mm/images.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/vma.h"
#include "../linux/own/code.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(EXE, TEXT, "the file that it runs, as the kernel has it")                                    \
    C(START, ADDR, "first address of what is not the file's")                                      \
    C(END, ADDR, "first address behind it")                                                        \
    C(PATH, TEXT, "what is mapped there instead; the file itself where it was written over")       \
    C(SIZE, INT, "bytes that differ, as far as both can be read")                                  \
    C(REASON, TEXT, "why it is a finding")
EG_COLUMNS(COLUMNS);

struct looking {
    struct eg_run *r;
    struct eg_obj task, mm;
    struct linux_elf file; /* of the program, in the page cache */
    struct eg_space *cached, *user;
    uint64_t inode, bias;
    uint64_t unknown;
    bool has_breakpoints; // the process, in places that have nothing else
    uint64_t n_breakpoints;
};

static void emit(struct looking *k, uint64_t start, uint64_t end, struct eg_cell path,
                 struct eg_cell size, const char *reason)
{
    eg_row(k->r, .PID = linux_pid(k->task), .COMM = linux_comm(k->task),
           .EXE = linux_exe(k->r, k->task), .START = eg_uint(start), .END = eg_uint(end),
           .PATH = path, .SIZE = size, .REASON = eg_text(reason));
}

static bool is_breakpoint(struct looking *k, const struct linux_change *c)
{
    const struct eg_arch *arch = eg_system_of(k->r)->arch;
    const uint64_t at = c->first & ~(uint64_t)(arch->code_unit - 1);
    uint8_t p[4];
    const size_t n = eg_read_some(eg_view_of(k->r), k->user, at, p, sizeof p, NULL);

    return c->last - at < linux_breakpoint_at(arch, p, n);
}

/* [@at, @last] of the segment is mapped from the file: are its bytes the file's? */
static void compare(struct looking *k, uint64_t at, uint64_t last, uint64_t offset,
                    struct eg_cell path)
{
    struct linux_change_walk w = {
        .user = k->user, .file = k->cached, .at = at, .last = last, .offset = offset
    };
    struct linux_change c;
    uint64_t first = 0, end = 0, n = 0, breakpoints = 0, changes = 0;

    while (linux_next_change(k->r, &w, &c)) {
        if (!changes++)
            first = c.first;
        end = c.last + 1;
        n += c.last - c.first + 1;
        breakpoints += is_breakpoint(k, &c);
    }
    k->unknown += w.unknown;
    if (changes && changes == breakpoints)
        k->has_breakpoints = true;
    else if (changes)
        emit(k, first, end, path, eg_uint(n), "its code or constants were written over");
}

/* The mappings that lie where a segment belongs. */
static void look_at_segment(struct looking *k, const struct linux_elf_segment *s)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(k->r);
    const uint64_t start = s->vaddr + k->bias, end = start + s->filesz;
    uint64_t covered = start & ~(page - 1);
    struct eg_obj vma;

    linux_each_vma(k->r, k->mm, vma) {
        uint64_t first, last, off, file, from, to;
        bool own;

        if (!eg_get(&first, vma, vm_area_struct.vm_start) ||
            !eg_get(&last, vma, vm_area_struct.vm_end) || last <= start || first >= end)
            continue;
        from = EG_MAX(first, start);
        to = EG_MIN(last, end);
        if (first > covered)
            emit(k, covered, first, eg_text(""), (struct eg_cell){ 0 },
                 "a part of the program is not mapped");
        covered = last;
        file = eg_get_or(UINT64_C(0), vma, vm_area_struct.vm_file);
        own = file && linux_file_is(k->r, eg_deref(eg_at(vma, vm_area_struct.vm_file)), k->inode);
        off = eg_get_or(UINT64_C(0), vma, vm_area_struct.vm_pgoff) * page;
        if (!own)
            emit(k, from, to, linux_vma_name(k->r, k->mm, vma), eg_uint(to - from),
                 file ? "another file is mapped where the program belongs"
                      : "anonymous memory is where the program belongs");
        else if (off + (from - first) != s->offset + (from - start))
            emit(k, from, to, linux_vma_name(k->r, k->mm, vma), eg_uint(to - from),
                 "another part of the file is mapped where the program belongs");
        else if (!(s->flags & ELF_W))
            compare(k, from, to - 1, s->offset + (from - start), linux_vma_name(k->r, k->mm, vma));
    }
    if (covered < end)
        emit(k, covered, end, eg_text(""), (struct eg_cell){ 0 },
             "a part of the program is not mapped");
}

/* The page cache of the file, by a mapping of it: an overlay's file has none of its own. @return
 * false: nothing of it is mapped. */
static bool find_file(struct looking *k)
{
    struct eg_obj vma, file;
    uint64_t at;

    linux_each_vma(k->r, k->mm, vma) {
        if (!eg_get(&at, vma, vm_area_struct.vm_file) || !at)
            continue;
        file = eg_deref(eg_at(vma, vm_area_struct.vm_file));
        if (!linux_file_is(k->r, file, k->inode))
            continue;
        k->cached = linux_file_space(k->r, linux_file_data(k->r, file));
        return true;
    }
    return false;
}

/* Where the file's first segment was put: the kernel tells by where it is entered. */
static bool find_bias(struct looking *k)
{
    uint64_t entry, headers;

    if (k->file.type == 2) // ET_EXEC
        return k->bias = 0, true;
    if (linux_auxv(k->r, k->mm, AT_ENTRY_, &entry, NULL))
        return k->bias = entry - k->file.entry, true;
    return linux_auxv(k->r, k->mm, AT_PHDR_, &headers, NULL) &&
           (k->bias = headers - k->file.phoff, true);
}

static bool begin(struct looking *k)
{
    struct eg_obj inode;

    k->mm = eg_deref(eg_at(k->task, task_struct.mm));
    if (k->mm.why)
        return false;
    inode = linux_file_inode(k->r, eg_deref(eg_at(k->mm, mm_struct.exe_file)));
    k->inode = inode.addr;
    k->cached = NULL;
    k->user = linux_task_space(k->r, k->task);
    return k->user && !inode.why;
}

static int run(struct eg_run *r)
{
    struct looking k = { .r = r };
    unsigned n_unknown = 0;

    linux_each_process(r, k.task) {
        if (!linux_pid_asked(r, k.task) || !begin(&k))
            continue;
        if (!find_file(&k)) {
            eg_row(r, .PID = linux_pid(k.task), .COMM = linux_comm(k.task),
                   .EXE = linux_exe(r, k.task),
                   .REASON = eg_text("nothing of the file that it is said to run is mapped"));
            continue;
        }
        if (!k.cached || !linux_elf_open(r, k.cached, 0, true, &k.file) || !k.file.n_segments ||
            !find_bias(&k)) {
            n_unknown++;
            continue;
        }
        k.has_breakpoints = false;
        for (unsigned i = 0; i < k.file.n_segments && !eg_stopped(r); i++)
            if (k.file.segments[i].type == ELF_LOAD && k.file.segments[i].filesz)
                look_at_segment(&k, &k.file.segments[i]);
        k.n_breakpoints += k.has_breakpoints;
    }
    if (k.n_breakpoints)
        eg_note(r,
                "processes with breakpoints in the code of their program, of a debugger or a "
                "uprobe: %llu; no finding here, malfind lists the breakpoints",
                (unsigned long long)k.n_breakpoints);
    if (n_unknown)
        eg_note(r,
                "processes that cannot be compared, for the header of their program is not in the "
                "page cache: %u",
                n_unknown);
    if (k.unknown)
        eg_note(r,
                "%llu KiB of programs could not be compared: their file's pages are not in the "
                "page cache, or swapped out",
                (unsigned long long)(k.unknown + 1023) >> 10);
    return 0;
}

EG_PLUGIN(hollowing) = {
    .os = "linux",
    .help = "Find programs whose code in memory is not their file's",
    .manual =
        "Where the segments of a process's program belong, the same parts of its file must be "
        "mapped, and what is not writable must be the same as in the page cache, byte for byte. "
        "A program that was unmapped and replaced, or written over, shows. Breakpoints of a "
        "debugger, or of a uprobe, which the kernel writes into each process that runs the file, "
        "are no finding: a note counts the processes that have them. Programs that change their "
        "own code (some packers) "
        "show too. A process that changed which file the kernel says that it runs (prctl "
        "PR_SET_MM) is compared with that file. Pages that are not in the page cache cannot be "
        "compared: a note counts them. Libraries: apihooks, library_list.",
    .aliases = EG_NAMES("linux_process_hollow"),
    .looks_for = EG_NAMES("injected code"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.mm, mm_struct.exe_file),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
