/* procfs_maps.c - what /proc says of a process's memory (fs/proc/task_mmu.c, fs/proc/base.c). */
#include "../plugins/linux/fs/file.h"
#include "../plugins/linux/fs/inode.h"
#include "../plugins/linux/mm/args.h"
#include "../plugins/linux/mm/images.h"
#include "../plugins/linux/mm/usage.h"
#include "../plugins/linux/mm/vma.h"
#include "../plugins/linux/sched/task.h"
#include "procfs_own.h"

static struct eg_obj mm_of(const struct procfs_task *t)
{
    return eg_deref(eg_at(t->task, task_struct.mm));
}

/* One line of maps. @return false: its bounds cannot be read. */
static bool line(struct procfs_out *o, struct eg_obj mm, struct eg_obj vma)
{
    // The column of the name (show_vma_header_prefix, seq_setwidth).
    const unsigned name_at = 24 + 6 * eg_binding_of(o->r)->model.ptr_size + 1;
    const size_t begin = o->n;
    struct eg_cell flags = linux_vma_flags(o->r, vma), name = linux_vma_name(o->r, mm, vma);
    uint64_t start, end, file = 0, pgoff = 0, ino = 0;
    uint32_t dev = 0;

    if (!eg_get(&start, vma, vm_area_struct.vm_start) ||
        !eg_get(&end, vma, vm_area_struct.vm_end) || flags.tag != EG_CELL_TEXT)
        return false;
    if (eg_get(&file, vma, vm_area_struct.vm_file) && file) {
        struct eg_obj inode = linux_file_inode(o->r, eg_at(vma, vm_area_struct.vm_file));

        pgoff = eg_get_or((uint64_t)0, vma, vm_area_struct.vm_pgoff) << linux_page_shift(o->r);
        ino = eg_get_or((uint64_t)0, inode, inode.i_ino);
        dev = eg_get_or(0u, inode, inode.i_sb, super_block.s_dev);
    }
    procfs_add(o, "%08llx-%08llx %.4s %08llx %02x:%02x %llu ", (unsigned long long)start,
               (unsigned long long)end, (const char *)flags.bytes.p, (unsigned long long)pgoff,
               linux_major(dev), linux_minor(dev), (unsigned long long)ino);
    if (name.tag == EG_CELL_TEXT && name.bytes.len) {
        while (o->n - begin < name_at)
            procfs_add(o, " ");
        procfs_escaped(o, eg_strf(o->r, "%.*s", (int)name.bytes.len, (const char *)name.bytes.p),
                       "\n");
    }
    procfs_add(o, "\n");
    return true;
}

bool procfs_maps(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = mm_of(t), vma, gate;

    if (mm.why)
        return mm.why == EG_NULL; // of a kernel thread it is empty
    linux_each_vma(o->r, mm, vma)
        line(o, mm, vma);
    gate = linux_gate_vma(o->r, mm);
    if (!gate.why)
        line(o, mm, gate);
    return true;
}

static void amount(struct procfs_out *o, const char *name, uint64_t bytes)
{
    procfs_add(o, "%-16s%8llu kB\n", name, (unsigned long long)(bytes >> 10));
}

/* Lines that need what the image does not tell (whether a page was used lately) are left out. */
static void counts(struct procfs_out *o, struct eg_obj vma, const struct linux_usage *u)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(o->r);

    amount(o, "Size:",
           eg_get_or((uint64_t)0, vma, vm_area_struct.vm_end) -
               eg_get_or((uint64_t)0, vma, vm_area_struct.vm_start));
    if (!u->hugetlb) {
        amount(o, "KernelPageSize:", page);
        amount(o, "MMUPageSize:", page);
    }
    amount(o, "Rss:", u->rss);
    if (u->known && !u->unknown) {
        amount(o, "Pss:", u->pss >> 12);
        amount(o, "Shared_Clean:", u->shared_clean);
        amount(o, "Shared_Dirty:", u->shared_dirty);
        amount(o, "Private_Clean:", u->private_clean);
        amount(o, "Private_Dirty:", u->private_dirty);
        amount(o, "Anonymous:", u->anonymous);
        amount(o, "AnonHugePages:", u->anon_huge);
        amount(o, "ShmemPmdMapped:", u->shmem_huge);
        amount(o, "FilePmdMapped:", u->file_huge);
    }
    amount(o, "Swap:", u->swap);
    if (u->known && !u->unknown)
        amount(o, "Locked:", u->locked >> 12);
}

bool procfs_smaps(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = mm_of(t), vma;
    uint64_t budget = linux_pages_budget(o->r);
    struct eg_space *space = mm.why ? NULL : linux_mm_space(o->r, mm);

    if (mm.why)
        return mm.why == EG_NULL;
    linux_each_vma(o->r, mm, vma) {
        struct linux_usage u = { .known = true };

        if (line(o, mm, vma) && space && linux_vma_usage(o->r, space, vma, &budget, &u))
            counts(o, vma, &u);
    }
    return true;
}

/* ---- what exec laid down ---- */

/* The bytes between two addresses, as far as they can be read. */
static void user_bytes(struct procfs_out *o, struct eg_obj mm, uint64_t start, uint64_t end)
{
    struct eg_space *user = linux_mm_space(o->r, mm);
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    size_t len = 0;
    char *s =
        user && start < end ? linux_user_bytes(o->r, user, start, end, &buf, &len, &missing) : NULL;

    if (s)
        procfs_bytes(o, s, len);
}

bool procfs_cmdline(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = mm_of(t);
    struct linux_buffer buf = { 0 };
    struct eg_cell missing;
    uint64_t start, end;
    size_t len;
    char *s;

    if (mm.why)
        return mm.why == EG_NULL;
    if (!eg_get(&start, mm, mm_struct.arg_start) || !eg_get(&end, mm, mm_struct.arg_end))
        return false;
    user_bytes(o, mm, start, end);
    // A process that wrote over the last byte has set a title (get_mm_cmdline).
    if (o->n && o->at[o->n - 1] && (s = linux_command_line(o->r, t->task, &buf, &len, &missing))) {
        o->n = 0;
        procfs_bytes(o, s, len);
        procfs_bytes(o, "", 1);
    }
    return true;
}

bool procfs_environ(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = mm_of(t);
    uint64_t start, end;

    if (mm.why)
        return mm.why == EG_NULL;
    if (!eg_get(&start, mm, mm_struct.env_start) || !eg_get(&end, mm, mm_struct.env_end))
        return false;
    user_bytes(o, mm, start, end);
    return true;
}

bool procfs_auxv(struct procfs_out *o, const struct procfs_task *t)
{
    struct eg_obj mm = mm_of(t);
    const unsigned size = eg_binding_of(o->r)->model.long_size;
    uint8_t bytes[LINUX_AUXV_BYTES + 16] = { 0 };
    bool wide = true;
    size_t n;

    if (mm.why)
        return mm.why == EG_NULL;
    n = linux_auxv_bytes(o->r, mm, bytes, &wide);
    // The end is looked for in pairs of longs, also where a 32-bit program has it in half of that.
    if (n && size == 8 && !wide)
        for (n = 2 * size; n < LINUX_AUXV_BYTES && !eg_all_zero(bytes + n - 2 * size, size);)
            n += 2 * size;
    procfs_bytes(o, bytes, n);
    return n != 0;
}
