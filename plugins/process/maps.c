/* maps - the mappings of processes, as /proc/PID/maps shows them (fs/proc/task_mmu.c). */
#include "../linux/linux.h"

EG_FIELDS(task_struct, tasks, pid, comm, mm);
EG_FIELD_AS(mm_context_flags, mm_struct, "context.flags");
EG_FIELDS(vm_area_struct, vm_start, vm_end, vm_flags, vm_pgoff, vm_file);
EG_FIELDS(super_block, s_dev);
EG_FIELDS(inode, i_sb, i_ino);
EG_SYMBOL(init_task, "task_struct");
EG_SYMBOL(gate_vma, "vm_area_struct"); // x86: the vsyscall page
EG_SYMBOL(vsyscall_mode, "int");

#define COLUMNS(C)                                                                                 \
    C(PID, INT, "process id")                                                                      \
    C(Process, TEXT, "name; the task can change it")                                               \
    C(Start, ADDR, "first address")                                                                \
    C(End, ADDR, "first address behind it")                                                        \
    C(Flags, FLAGS, "read, write, execute, private or shared")                                     \
    C(PgOff, ADDR, "offset in the file, in bytes; 0 where there is no file")                       \
    C(Major, INT, "device of the file's file system; 0 where there is no file")                    \
    C(Minor, INT, "the same")                                                                      \
    C(Inode, BIG, "inode number of the file; 0 where there is no file")                            \
    C(File_Path, TEXT, "the file, or the kernel's word for it: [heap], [stack], [vdso]")
EG_COLUMNS(COLUMNS);

static struct eg_cell flags_cell(struct eg_run *r, struct eg_obj vma)
{
    enum { READ = 1, WRITE = 2, EXEC = 4, MAYSHARE = 0x80 };
    struct eg_obj flags = eg_at(vma, vm_area_struct.vm_flags);
    uint64_t f;

    if (!eg_load(&f, flags))
        return eg_cell_of(flags);
    return eg_text(eg_strf(r, "%c%c%c%c", f & READ ? 'r' : '-', f & WRITE ? 'w' : '-',
                           f & EXEC ? 'x' : '-', f & MAYSHARE ? 's' : 'p'));
}

static void emit(struct eg_run *r, struct eg_obj task, struct eg_obj mm, struct eg_obj vma)
{
    const struct eg_cell none = eg_uint(0);
    struct eg_obj file = eg_at(vma, vm_area_struct.vm_file);
    struct eg_obj inode = LINUX_NOBODY, off = eg_at(vma, vm_area_struct.vm_pgoff);
    uint64_t at, pgoff;
    uint32_t dev = 0;
    bool has_file = !eg_load(&at, file) || at, has_dev = false, has_off = eg_load(&pgoff, off);

    if (has_file) {
        inode = linux_file_inode(r, file);
        has_dev = eg_get(&dev, inode, inode.i_sb, super_block.s_dev);
    }
    eg_row(r, .PID = eg_val(task, task_struct.pid), .Process = eg_val(task, task_struct.comm),
           .Start = eg_val(vma, vm_area_struct.vm_start), .End = eg_val(vma, vm_area_struct.vm_end),
           .Flags = flags_cell(r, vma),
           .PgOff = !has_file ? none
                    : has_off ? eg_uint(pgoff << linux_page_shift(r))
                              : eg_cell_of(off),
           .Major = has_dev || !has_file ? eg_uint(dev >> 20)
                                         : eg_val(inode, inode.i_sb, super_block.s_dev),
           .Minor = has_dev || !has_file ? eg_uint(dev & 0xfffff)
                                         : eg_val(inode, inode.i_sb, super_block.s_dev),
           .Inode = has_file ? eg_val(inode, inode.i_ino) : none,
           .File_Path = linux_vma_name(r, mm, vma));
}

/* The page of the old system calls is in every 64-bit process, and in no list. */
static bool has_vsyscall(struct eg_run *r, struct eg_obj mm)
{
    enum { MODE_NONE = 2, HAS_VSYSCALL = 2 }; // arch/x86/entry/vsyscall; asm/mmu.h
    int mode;

    return !eg_sym(r, gate_vma).why && eg_load(&mode, eg_sym(r, vsyscall_mode)) &&
           mode != MODE_NONE && eg_get_or(0u, mm, mm_context_flags) & HAS_VSYSCALL;
}

static int run(struct eg_run *r)
{
    struct eg_obj task, vma;

    linux_each_process(r, task) {
        struct eg_obj mm = eg_at(task, task_struct.mm);

        if (!eg_arg_match(r, "pid", eg_get_or((int64_t)-1, task, task_struct.pid)))
            continue;
        linux_each_vma(r, mm, vma)
            emit(r, task, mm, vma);
        if (has_vsyscall(r, mm))
            emit(r, task, mm, eg_sym(r, gate_vma));
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
    .needs = EG_NEEDS(task_struct.tasks, task_struct.mm, vm_area_struct.vm_start),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
