/* optables_single.c - tables that one object has by itself: mappings and memory of processes, locks
 * of files, files of debugfs, an inode that differs from all others of its file system. */
#include "../linux/fs/dentry.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/locks.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"
#include "optables.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(single_fop, inode, "i_fop");
EG_FIELD_AS(single_iop, inode, "i_op");
EG_FIELD_AS(single_flctx, inode, "i_flctx");
EG_FIELD_AS(name_data, dentry, "d_fsdata");
EG_FIELD_AS(debug_inode, debugfs_inode_info, "vfs_inode"); // since 6.15
EG_FIELD_AS(debug_fops, debugfs_inode_info, "raw");
EG_FIELD_AS(debug_data_fops, debugfs_fsdata, "real_fops"); // until 6.14
EG_FIELD_AS(mm_notifiers, mm_struct, "notifier_subscriptions");
EG_FIELD_AS(notifier_list, mmu_notifier_subscriptions, "list");
EG_FIELD_AS(notifier_link, mmu_notifier, "hlist");
EG_TYPE(debugfs_fsdata);

enum { MAPPINGS_MAX = 1 << 22, NOTIFIERS_MAX = 4096, ALIASES_MAX = 64 };
enum { FORMAT = 0170000, REGULAR = 0100000, FOLDER = 0040000 };
enum { KINDS_MAX = 4096 };   // of inodes
enum { FEW = 3, MANY = 64 }; // inodes that are odd among how many that are alike

/* ---- processes ---- */

/* The process whose memory @mm is, by its number. */
static int64_t process_of(struct eg_run *r, uint64_t mm)
{
    struct eg_obj task;
    uint64_t at;

    linux_each_process(r, task)
        if (eg_get(&at, task, task_struct.mm) && at == mm)
            return eg_get_or((int64_t)-1, task, task_struct.tgid);
    return -1;
}

static const char *say_vma(struct eg_run *r, uint64_t at)
{
    struct eg_obj vma = eg_object(r, vm_area_struct, at);

    return eg_strf(r, "the mapping at %#" PRIx64 " of process %" PRId64,
                   eg_get_or((uint64_t)0, vma, vm_area_struct.vm_start),
                   process_of(r, eg_get_or((uint64_t)0, vma, vm_area_struct.vm_mm)));
}

static const char *say_mm(struct eg_run *r, uint64_t at)
{
    return eg_strf(r, "memory of process %" PRId64, process_of(r, at));
}

static void memory(struct optables *o)
{
    struct optables_type *of_vma = optables_type(o, "vm_area_struct"),
                         *notifier = optables_type(o, "mmu_notifier");
    struct eg_map *seen = eg_run_map(o->r);
    struct eg_obj task, vma, one;
    uint64_t mappings = 0, at;

    linux_each_process(o->r, task) {
        struct eg_obj mm = eg_deref(eg_at(task, task_struct.mm));
        unsigned n = 0;

        if (mm.why || eg_stopped(o->r) || !eg_run_map_add(o->r, seen, mm.addr, 0))
            continue;
        linux_each_vma(o->r, mm, vma) {
            if (mappings++ < MAPPINGS_MAX)
                optables_object(o, of_vma, vma.addr,
                                (struct optables_user){ say_vma, vma.addr, NULL });
        }
        if (!eg_get(&at, mm, mm_notifiers) || !at)
            continue;
        eg_each_hlist(one, eg_at(mm, mm_notifiers, notifier_list), notifier_link) {
            if (n++ == NOTIFIERS_MAX)
                break;
            optables_object(o, notifier, one.addr, (struct optables_user){ say_mm, mm.addr, NULL });
        }
    }
    if (mappings > MAPPINGS_MAX)
        eg_note(o->r, "only the first %d mappings of processes are looked at", MAPPINGS_MAX);
}

/* ---- files ---- */

static void locks(struct optables *o, struct eg_obj inode)
{
    struct optables_type *lock = optables_type(o, "file_lock"),
                         *lease = optables_type(o, "file_lease");
    struct linux_lock l;
    uint64_t at;

    if (!eg_get(&at, inode, single_flctx) || !at)
        return;
    linux_each_lock(o->r, inode, l) optables_object(
        o, lease && (!strcmp(l.type, "LEASE") || !strcmp(l.type, "DELEG")) ? lease : lock,
        l.lock.addr, (struct optables_user){ optables_say_inode, inode.addr, NULL });
}

/* debugfs has a table of its own, and keeps the driver's with the name or the inode
 * (fs/debugfs/internal.h). What was not opened yet has a bit in the pointer; short tables are new
 * in 6.13. */
static void debug_file(struct optables *o, struct eg_obj inode)
{
    enum { REAL = 1, SHORT = 2 };
    const struct optables_user user = { optables_say_inode, inode.addr, NULL };
    struct optables_type *full = optables_type(o, "file_operations"),
                         *brief = optables_type(o, "debugfs_short_fops");
    struct eg_obj alias;
    const char *name;
    uint64_t at, fop = 0;
    unsigned n = 0;

    eg_get(&fop, inode, single_fop);
    name = fop ? eg_name_of(o->r, fop) : NULL;
    if (!name || !strstr(name, "proxy"))
        return;
    if (eg_has(o->r, debug_fops)) {
        if (eg_get(&at, eg_container(inode, debug_inode), debug_fops))
            optables_table(o, strstr(name, "short") ? brief : full, at, user);
        return;
    }
    eg_each_hlist(alias, eg_at(inode, inode.i_dentry), dentry_alias) {
        if (n++ == ALIASES_MAX || !eg_get(&at, alias, name_data) || !at)
            return;
        if (!(at & REAL) && eg_get(&at, eg_object(o->r, debugfs_fsdata, at), debug_data_fops))
            at |= REAL;
        if (at & REAL)
            optables_table(o, at & SHORT ? brief : full, at & ~(uint64_t)(REAL | SHORT), user);
    }
}

/* ---- one inode among many ---- */

/* File systems whose files, and whose folders, all have the same two tables. */
static bool is_uniform(const char *fs)
{
    static const char *const names[] = { "ext2", "ext3", "ext4", "xfs", "f2fs", "vfat", "tmpfs" };

    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(fs, names[i]))
            return true;
    return false;
}

/** Inodes of one sort with one table. */
struct kind {
    uint64_t key; /**< of the sort */
    uint64_t table, inode, n;
    bool fop;
};
struct kinds {
    struct kind *at;
    size_t n, cap;
    struct eg_map *of; /**< sort and table → index */
    bool cut;
};

static void count(struct optables *o, struct kinds *k, struct eg_obj inode, uint64_t sort, bool fop)
{
    uint64_t table, i, key;

    if (!(fop ? eg_get(&table, inode, single_fop) : eg_get(&table, inode, single_iop)) || !table)
        return;
    key = (table ^ sort) * UINT64_C(0x9e3779b97f4a7c15) + sort;
    if (eg_map_get(k->of, key, &i)) {
        k->at[i].n++;
        return;
    }
    k->cut |= k->n == KINDS_MAX;
    if (k->n == KINDS_MAX)
        return;
    k->at = eg_grow(o->r, k->at, k->n, &k->cap, sizeof *k->at);
    k->at[k->n] = (struct kind){ sort, table, inode.addr, 1, fop };
    eg_run_map_add(o->r, k->of, key, k->n++);
}

/* What the kernel itself gives to an inode that it cannot read, or while it is made. */
static bool is_no_table(const char *name)
{
    return name &&
           (!strncmp(name, "bad_", 4) || strstr(name, "no_open_fops") || strstr(name, "empty_"));
}

static void tell(struct optables *o, const struct kinds *k)
{
    if (k->cut)
        eg_note(o->r, "only the first %d tables of inodes are compared", KINDS_MAX);
    for (size_t i = 0; i < k->n && !eg_stopped(o->r); i++) {
        const struct kind *odd = &k->at[i], *most = odd;
        const char *name, *usual;
        size_t at;

        for (size_t j = 0; odd->n <= FEW && j < k->n; j++)
            if (k->at[j].key == odd->key && k->at[j].n > most->n)
                most = &k->at[j];
        if (odd->n > FEW || most->n < MANY)
            continue;
        name = eg_name_of(o->r, odd->table);
        usual = eg_name_of(o->r, most->table);
        at = is_no_table(name)
                 ? SIZE_MAX
                 : optables_table(
                       o, optables_type(o, odd->fop ? "file_operations" : "inode_operations"),
                       odd->table, (struct optables_user){ optables_say_inode, odd->inode, NULL });
        if (at == SIZE_MAX || o->at[at].hint)
            continue;
        o->at[at].hint =
            eg_strf(o->r, "%" PRIu64 " of its file system %s it, %" PRIu64 " have %s", odd->n,
                    odd->n == 1 ? "has" : "have", most->n, usual ? usual : "another");
        o->at[at].user = (struct optables_user){ optables_say_inode, odd->inode, NULL };
    }
}

void optables_single(struct optables *o)
{
    const struct linux_inodes *all = linux_inodes(o->r);
    struct kinds k = { .of = eg_run_map(o->r) };
    const char *fs = "";
    uint64_t sb = 0;

    memory(o);
    for (size_t i = 0; all && i < all->n && !eg_stopped(o->r); i++) {
        struct eg_obj inode = eg_object(o->r, inode, all->at[i].inode);
        uint16_t mode;

        if (all->at[i].sb != sb || !i) {
            struct eg_obj type =
                eg_deref(eg_at(eg_object(o->r, super_block, all->at[i].sb), super_block.s_type));
            const char *name = eg_string(o->r, eg_at(type, file_system_type.name), 64);

            sb = all->at[i].sb;
            fs = name ? name : "";
        }
        locks(o, inode);
        if (!strcmp(fs, "debugfs"))
            debug_file(o, inode);
        if (!is_uniform(fs) || !eg_get(&mode, inode, inode.i_mode) ||
            ((mode & FORMAT) != REGULAR && (mode & FORMAT) != FOLDER))
            continue;
        for (unsigned fop = 0; fop < 2; fop++)
            count(o, &k, inode, sb ^ (uint64_t)(mode & FORMAT) << 1 ^ fop, fop);
    }
    tell(o, &k);
}
