/* mapdump - the bytes of mappings of processes, into files. */
#include "../linux/mm/copy.h"
#include "../linux/mm/filemap.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(START, ADDR, "first address")                                                                \
    C(END, ADDR, "first address behind it")                                                        \
    C(FLAGS, FLAGS, "read, write, execute, private or shared")                                     \
    C(PATH, TEXT, "the file, or the kernel's word for it: [heap], [stack], [vdso]")                \
    C(FILE, TEXT, "the file that was written, in the folder of -o; not set: no byte is there")     \
    C(SIZE, INT, "bytes of the file; what is zero takes no room on the disk")                      \
    C(PRESENT, INT, "bytes of memory that are in it")                                              \
    C(MISSING, INT, "bytes of memory that the image does not have, and so the file neither")       \
    C(REASONS, TEXT, "why they are missing, and how many bytes of each")
EG_COLUMNS(COLUMNS);

/* Does --at name an address in it, or is there no --at? */
static bool is_asked(struct eg_run *r, uint64_t start, uint64_t end)
{
    uint64_t first, last;
    size_t i;

    for (i = 0; eg_arg_range(r, "at", i, &first, &last); i++)
        if (first < end && last >= start)
            return true;
    return !i;
}

static bool dump(struct eg_run *r, struct eg_obj task, struct eg_space *space, struct eg_obj vma)
{
    struct eg_obj mm = eg_at(task, task_struct.mm);
    struct linux_copy c = { 0 };
    const char *name = NULL;
    struct eg_extent x;
    uint64_t start, end;

    if (!eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || end <= start || !is_asked(r, start, end))
        return true;
    if (eg_next_mapped(eg_view_of(r), space, start, end - 1, &x)) {
        name = eg_strf(r, "pid.%d.vma.%#llx-%#llx.dmp", (int)eg_get_or(-1, task, task_struct.tgid),
                       (unsigned long long)start, (unsigned long long)end);
        c.f = eg_output(r, name);
        if (!c.f || !linux_copy_range(r, &c, space, start, end - 1, 0) || !linux_copy_done(r, &c))
            return false;
    } else {
        c.missing = end - start;
        eg_extent_at(eg_view_of(r), space, start, &x);
        c.why[x.why <= EG_NOT_CACHED ? x.why : EG_NOT_PRESENT] = c.missing;
    }
    eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .START = eg_uint(start),
           .END = eg_uint(end), .FLAGS = linux_vma_flags(r, vma),
           .PATH = linux_vma_name(r, mm, vma), .FILE = eg_text(name),
           .SIZE = name ? eg_uint(c.end) : (struct eg_cell){ 0 }, .PRESENT = eg_uint(c.present),
           .MISSING = eg_uint(c.missing), .REASONS = eg_text(linux_copy_reasons(r, &c)));
    return true;
}

static int run(struct eg_run *r)
{
    const bool own = eg_arg_flag(r, "own");
    struct eg_obj task, vma;

    linux_each_process(r, task) {
        struct eg_obj mm = eg_at(task, task_struct.mm);
        struct eg_space *space = NULL;

        if (linux_pid_asked(r, task))
            space = own ? linux_mm_space(r, mm) : linux_mm_backed_space(r, mm);
        if (!space)
            continue;
        linux_each_vma(r, mm, vma)
            if (!dump(r, task, space, vma))
                return eg_failed(r, "a mapping could not be written");
    }
    return 0;
}

EG_PLUGIN(mapdump) = {
    .os = "linux",
    .help = "Write the memory of mappings of processes into files",
    .manual =
        "Each mapping becomes a file in the folder of -o: a byte of the file is the byte of memory "
        "so far behind the mapping's first address. Where the process has not touched a page of a "
        "file, the page cache has the byte that it would find there; --own leaves those out. What "
        "the image does not have is a hole, which reads as zeros: MISSING counts it, and REASONS "
        "says why. Choose with --pid and the like, and with --at: without them every mapping of "
        "every process is written. As ELF files: elfdump; all of a process for a debugger: "
        "procdump.",
    .aliases = EG_NAMES("linux_dump_map", "dump_map"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(at, ADDR, "only mappings that hold these addresses or ranges"),
                    EG_ARG(own, FLAG, "only what the page tables have, without the page cache")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
    .asks = true,
};
