/* maps - the mappings of processes, as /proc/PID/maps shows them (fs/proc/task_mmu.c). */
#include "../linux/fs/file.h"
#include "../linux/fs/inode.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/usage.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(START, ADDR, "first address")                                                                \
    C(END, ADDR, "first address behind it")                                                        \
    C(FLAGS, FLAGS, "read, write, execute, private or shared")                                     \
    C(PGOFF, ADDR, "offset in the file, in bytes; 0 where there is no file", EG_MINOR)             \
    C(MAJOR, INT, "device of the file system: its driver's number; 0 where there is no file",      \
      EG_MINOR)                                                                                    \
    C(MINOR, INT, "device of the file system: its number there; 0 where there is no file",         \
      EG_MINOR)                                                                                    \
    C(INODE, INT, "inode number of the file; 0 where there is no file", EG_MINOR)                  \
    C(PATH, TEXT, "the file, or the kernel's word for it: [heap], [stack], [vdso]")                \
    C(RSS, INT, "bytes in memory", EG_ASKED)                                                       \
    C(PSS, INT, "the same, each page divided by how often it is mapped", EG_ASKED)                 \
    C(SHARED_CLEAN, INT, "of RSS: mapped several times, unchanged", EG_ASKED)                      \
    C(SHARED_DIRTY, INT, "mapped several times, changed", EG_ASKED)                                \
    C(PRIVATE_CLEAN, INT, "mapped once, unchanged", EG_ASKED)                                      \
    C(PRIVATE_DIRTY, INT, "mapped once, changed", EG_ASKED)                                        \
    C(ANONYMOUS, INT, "of RSS: of no file, such as what a process wrote into a private mapping",   \
      EG_ASKED)                                                                                    \
    C(SWAP, INT, "bytes that are swapped out", EG_ASKED)                                           \
    C(ANON_HUGE, INT, "of RSS: anonymous, mapped by large pages", EG_ASKED)                        \
    C(SHMEM_HUGE, INT, "of RSS: shared memory, mapped by large pages", EG_ASKED)                   \
    C(FILE_HUGE, INT, "of RSS: of a file, mapped by large pages", EG_ASKED)                        \
    C(HUGETLB, INT, "bytes of reserved huge pages, which are no part of RSS", EG_ASKED)            \
    C(LOCKED, INT, "of PSS: locked in memory", EG_ASKED)                                           \
    C(INODE_ADDRESS, ADDR, "where the file's inode is", EG_ASKED)
EG_COLUMNS(COLUMNS);

/* What --smaps adds to a row; @known: this value is. */
static struct eg_cell amount(const struct linux_usage *u, bool known, uint64_t bytes)
{
    if (!u)
        return (struct eg_cell){ 0 };
    return known ? eg_uint(bytes) : eg_missing(EG_UNREADABLE, 0);
}

static void emit(struct eg_run *r, struct eg_obj task, struct eg_obj mm, struct eg_obj vma,
                 const struct linux_usage *u, bool counted)
{
    const struct linux_usage v = u ? *u : (struct linux_usage){ 0 };
    const bool known = counted && v.known && !v.unknown;
    const struct eg_cell none = eg_uint(0);
    struct eg_obj file = eg_at(vma, vm_area_struct.vm_file);
    struct eg_obj inode = LINUX_NOBODY, off = eg_at(vma, vm_area_struct.vm_pgoff),
                  dev = LINUX_NOBODY;
    uint64_t at, pgoff;
    bool has_file = !eg_load(&at, file) || at, has_off = eg_load(&pgoff, off);

    if (has_file) {
        inode = linux_file_inode(r, file);
        dev = eg_at(inode, inode.i_sb, super_block.s_dev);
    }
    eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task),
           .START = eg_val(vma, vm_area_struct.vm_start), .END = eg_val(vma, vm_area_struct.vm_end),
           .FLAGS = linux_vma_flags(r, vma),
           .PGOFF = !has_file ? none
                    : has_off ? eg_uint(pgoff << linux_page_shift(r))
                              : eg_cell_of(off),
           .MAJOR = has_file ? linux_major_cell(dev) : none,
           .MINOR = has_file ? linux_minor_cell(dev) : none,
           .INODE = has_file ? eg_val(inode, inode.i_ino) : none,
           .PATH = linux_vma_name(r, mm, vma), .RSS = amount(u, counted, v.rss),
           .PSS = amount(u, known, v.pss >> 12), .SHARED_CLEAN = amount(u, known, v.shared_clean),
           .SHARED_DIRTY = amount(u, known, v.shared_dirty),
           .PRIVATE_CLEAN = amount(u, known, v.private_clean),
           .PRIVATE_DIRTY = amount(u, known, v.private_dirty),
           .ANONYMOUS = amount(u, known, v.anonymous), .SWAP = amount(u, counted, v.swap),
           .ANON_HUGE = amount(u, known, v.anon_huge), .SHMEM_HUGE = amount(u, known, v.shmem_huge),
           .FILE_HUGE = amount(u, known, v.file_huge), .HUGETLB = amount(u, counted, v.hugetlb),
           .LOCKED = amount(u, known, v.locked >> 12),
           .INODE_ADDRESS = u && has_file ? eg_addr(inode) : (struct eg_cell){ 0 });
}

static int run(struct eg_run *r)
{
    const bool smaps = eg_arg_flag(r, "smaps");
    uint64_t budget = linux_pages_budget(r);
    struct eg_obj task, vma, gate;

    linux_each_process(r, task) {
        struct eg_obj mm = eg_at(task, task_struct.mm);
        struct linux_usage u = { .known = true };
        struct eg_space *space;

        if (!linux_pid_asked(r, task))
            continue;
        space = smaps ? linux_task_space(r, task) : NULL;
        linux_each_vma(r, mm, vma) {
            const bool counted = smaps && linux_vma_usage(r, space, vma, &budget, &u);

            emit(r, task, mm, vma, smaps ? &u : NULL, counted);
        }
        gate = linux_gate_vma(r, mm);
        u = (struct linux_usage){ .known = true }; // no page of the process
        if (!gate.why)
            emit(r, task, mm, gate, smaps ? &u : NULL, true);
    }
    if (!budget)
        eg_note(r, "page tables map far more than there is memory: not all of it is counted");
    return 0;
}

EG_PLUGIN(maps) = {
    .os = "linux",
    .help = "List the memory mappings of processes",
    .manual =
        "As /proc/PID/maps says it, byte for byte, for a reader with init's root directory. "
        "--smaps counts the pages of each mapping as /proc/PID/smaps does, in bytes: from the "
        "page tables and what the kernel notes of each page. A page that is being migrated is "
        "not counted.",
    .aliases = EG_NAMES("linux.proc.Maps", "vm"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(smaps, FLAG, "count the memory of each mapping")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
    .key = EG_NAMES("PID", "START"),
    .moves = EG_NAMES("RSS", "PSS", "SHARED_CLEAN", "SHARED_DIRTY", "PRIVATE_CLEAN",
                      "PRIVATE_DIRTY", "ANONYMOUS", "SWAP", "ANON_HUGE", "SHMEM_HUGE", "FILE_HUGE",
                      "HUGETLB", "LOCKED"),
};
