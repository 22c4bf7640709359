/* maps - the mappings of processes, as /proc/PID/maps shows them (fs/proc/task_mmu.c). */
#include "../linux/fs/file.h"
#include "../linux/fs/inode.h"
#include "../linux/mm/mm.h"
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
    C(PATH, TEXT, "the file, or the kernel's word for it: [heap], [stack], [vdso]")
EG_COLUMNS(COLUMNS);

static void emit(struct eg_run *r, struct eg_obj task, struct eg_obj mm, struct eg_obj vma)
{
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
           .PATH = linux_vma_name(r, mm, vma));
}

static int run(struct eg_run *r)
{
    struct eg_obj task, vma, gate;

    linux_each_process(r, task) {
        struct eg_obj mm = eg_at(task, task_struct.mm);

        if (!linux_pid_asked(r, task))
            continue;
        linux_each_vma(r, mm, vma)
            emit(r, task, mm, vma);
        gate = linux_gate_vma(r, mm);
        if (!gate.why)
            emit(r, task, mm, gate);
    }
    return 0;
}

EG_PLUGIN(maps) = {
    .os = "linux",
    .help = "List the memory mappings of processes",
    .manual = "As /proc/PID/maps says it, byte for byte, for a reader with init's root directory.",
    .aliases = EG_NAMES("linux.proc.Maps", "vm"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
