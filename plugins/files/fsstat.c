/* fsstat - the space, times, state and journal of file systems, as far as the kernel keeps them:
 * what statfs() says, and more. */
#include "../../core/base.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "../linux/kernel/percpu.h"
#include "../linux/mm/mm.h"

EG_FIELDS(percpu_counter, count, counters);
EG_FIELD_AS(sb_frozen, super_block, "s_writers.frozen");
EG_FIELDS_OF("ext4", ext4_sb_info, s_cluster_bits, s_dirtyclusters_counter, s_es,
             s_freeclusters_counter, s_freeinodes_counter, s_journal, s_mount_opt, s_overhead);
EG_FIELDS_OF("ext4", ext4_super_block, s_blocks_count_hi, s_blocks_count_lo, s_error_count,
             s_inodes_count, s_mkfs_time, s_mkfs_time_hi, s_mtime, s_mtime_hi, s_state,
             s_volume_name, s_wtime, s_wtime_hi);
EG_FIELDS_OF("jbd2", journal_s, j_devname, j_errno, j_total_len);
EG_FIELDS_OF("xfs", xfs_mount, m_alloc_set_aside, m_icount, m_ifree, m_opstate, m_sb);
EG_FIELD_AS_OF("xfs", xfs_allocbt, xfs_mount, "m_allocbt_blks.counter"); // since 5.13
EG_FIELD_AS_OF("xfs", xfs_fdblocks, xfs_mount, "m_fdblocks");            // until 6.14
EG_FIELD_AS_OF("xfs", xfs_free, xfs_mount, "m_free");                    // an array since
EG_FIELD_AS_OF("xfs", xfs_maxicount, xfs_mount, "m_ino_geo.maxicount|m_maxicount");
EG_FIELDS_OF("xfs", xfs_sb, sb_dblocks, sb_fname, sb_icount, sb_inopblog, sb_logblocks,
             sb_logstart);
EG_FIELDS_OF("btrfs", btrfs_fs_info, space_info, super_copy);
EG_FIELD_AS_OF("btrfs", btrfs_reserve, btrfs_fs_info, "global_block_rsv.size");
EG_FIELDS_OF("btrfs", btrfs_super_block, label, total_bytes);
EG_FIELDS_OF("btrfs", btrfs_space_info, disk_used, list);
EG_FIELD_AS(tmpfs_blocks, shmem_sb_info, "max_blocks");
EG_FIELD_AS(tmpfs_used, shmem_sb_info, "used_blocks");
EG_FIELD_AS(tmpfs_inodes, shmem_sb_info, "max_inodes");
EG_FIELD_AS(tmpfs_free, shmem_sb_info, "free_inodes");   // until 6.5
EG_FIELD_AS(tmpfs_ispace, shmem_sb_info, "free_ispace"); // bytes, 1024 for each
EG_TYPE(shmem_sb_info);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the super_block is", EG_MINOR)                                          \
    C(DEVICE, TEXT, "the device's name, or the type where there is none")                          \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(MOUNT_POINT, TEXT, "where it is mounted")                                                    \
    C(NS, INT, "mount namespace that MOUNT_POINT is seen from", EG_MINOR)                          \
    C(BLOCK_SIZE, INT, "bytes of a block")                                                         \
    C(BLOCKS, INT, "blocks for data, as statfs() has them")                                        \
    C(BLOCKS_FREE, INT, "of them free")                                                            \
    C(FILES, INT, "inodes that it can have")                                                       \
    C(FILES_FREE, INT, "of them free")                                                             \
    C(LABEL, TEXT, "the name that it was given")                                                   \
    C(STATE, TEXT, "valid, errors, orphans, frozen, shut down", EG_MINOR)                          \
    C(MADE, TIME, "when it was made", EG_MINOR)                                                    \
    C(MOUNTED, TIME, "when it was mounted", EG_MINOR)                                              \
    C(WRITTEN, TIME, "when its super block was written last", EG_MINOR)                            \
    C(JOURNAL, TEXT, "where its journal is, and how many blocks it has", EG_MINOR)
EG_COLUMNS(COLUMNS);

/** A number of the kernel's, or why there is none. */
struct number {
    uint64_t value;
    struct eg_cell missing;
    bool ok;
};

static struct number number(struct eg_obj o)
{
    struct number n = { .missing = eg_cell_of(o) };

    n.ok = eg_load(&n.value, o);
    return n;
}

static struct eg_cell cell(struct number n)
{
    return n.ok ? eg_uint(n.value) : n.missing;
}

/** Numbers of super blocks on disks have the lowest byte first. */
static struct number little(struct eg_run *r, struct eg_obj o)
{
    struct number n = number(o);

    if (n.ok && eg_binding_of(r)->model.big_endian)
        n.value = o.size == 2   ? __builtin_bswap16((uint16_t)n.value)
                  : o.size == 4 ? __builtin_bswap32((uint32_t)n.value)
                  : o.size == 8 ? __builtin_bswap64(n.value)
                                : n.value;
    return n;
}

/** What all CPUs have counted together; below 0 it is 0 (lib/percpu_counter.c). */
static struct number sum(struct eg_run *r, struct eg_obj counter)
{
    struct eg_obj each = eg_deref(eg_at(counter, percpu_counter.counters)), own;
    struct number n = { .missing = eg_val(counter, percpu_counter.count) };
    int64_t count = 0;
    int32_t part;

    n.ok = eg_get(&count, counter, percpu_counter.count);
    if (!each.why)
        linux_each_percpu(r, each, own)
        {
            if (n.ok && eg_load(&part, own))
                count += part;
        }
    n.value = n.ok && count > 0 ? (uint64_t)count : 0;
    return n;
}

static struct number less(struct number a, struct number b)
{
    if (a.ok && b.ok)
        a.value = a.value > b.value ? a.value - b.value : 0;
    return a.ok ? (b.ok ? a : b) : a;
}

struct stat {
    struct number blocks, free, files, files_free;
    struct eg_cell label, made, mounted, written;
    const char *state, *journal;
};

static struct eg_cell seconds(struct eg_run *r, struct eg_obj low, struct eg_obj high)
{
    struct number s = little(r, low), h = number(high);
    const uint64_t at = s.value | (h.ok ? (h.value & 0xff) << 32 : 0);
    int64_t ns;

    if (!s.ok)
        return s.missing;
    if (__builtin_mul_overflow((int64_t)at, 1000000000, &ns)) // 40 bits are 34 thousand years
        return eg_missing(EG_BAD_VALUE, low.addr);
    return at ? eg_int(ns) : (struct eg_cell){ 0 };
}

static const char *word(struct eg_run *r, const char *text, const char *more)
{
    return text ? eg_strf(r, "%s %s", text, more) : more;
}

/** fs/ext4/super.c, ext4_statfs(). */
static void ext4(struct eg_run *r, struct eg_obj sb, struct stat *s)
{
    enum { MINIX_DF = 0x80, VALID = 1, ERRORS = 2, ORPHANS = 4 };
    struct eg_obj info = eg_cast(eg_at(sb, super_block.s_fs_info), ext4_sb_info);
    struct eg_obj es = eg_deref(eg_at(info, ext4_sb_info.s_es));
    struct eg_obj journal = eg_deref(eg_at(info, ext4_sb_info.s_journal));
    struct number over = number(eg_at(info, ext4_sb_info.s_overhead)), state, errors;
    const uint32_t bits = eg_get_or(0u, info, ext4_sb_info.s_cluster_bits) & 31;
    const char *name = eg_string(r, eg_at(es, ext4_super_block.s_volume_name), 16);

    s->blocks = little(r, eg_at(es, ext4_super_block.s_blocks_count_lo));
    s->blocks.value |= little(r, eg_at(es, ext4_super_block.s_blocks_count_hi)).value << 32;
    over.value <<= bits;
    if (!(eg_get_or(0u, info, ext4_sb_info.s_mount_opt) & MINIX_DF))
        s->blocks = less(s->blocks, over);
    s->free = less(sum(r, eg_at(info, ext4_sb_info.s_freeclusters_counter)),
                   sum(r, eg_at(info, ext4_sb_info.s_dirtyclusters_counter)));
    s->free.value <<= bits;
    s->files = little(r, eg_at(es, ext4_super_block.s_inodes_count));
    s->files_free = sum(r, eg_at(info, ext4_sb_info.s_freeinodes_counter));
    s->label = name ? eg_text(name) : eg_val(es, ext4_super_block.s_volume_name);
    s->made = seconds(r, eg_at(es, ext4_super_block.s_mkfs_time),
                      eg_at(es, ext4_super_block.s_mkfs_time_hi));
    s->mounted =
        seconds(r, eg_at(es, ext4_super_block.s_mtime), eg_at(es, ext4_super_block.s_mtime_hi));
    s->written =
        seconds(r, eg_at(es, ext4_super_block.s_wtime), eg_at(es, ext4_super_block.s_wtime_hi));
    state = little(r, eg_at(es, ext4_super_block.s_state));
    if (state.ok && state.value & VALID)
        s->state = word(r, s->state, "valid");
    if (state.ok && state.value & ERRORS)
        s->state = word(r, s->state, "errors");
    if (state.ok && state.value & ORPHANS)
        s->state = word(r, s->state, "orphans");
    errors = little(r, eg_at(es, ext4_super_block.s_error_count));
    if (errors.ok && errors.value)
        s->state =
            word(r, s->state, eg_strf(r, "error_count=%llu", (unsigned long long)errors.value));
    name = eg_string(r, eg_at(journal, journal_s.j_devname), 56);
    if (name)
        s->journal =
            eg_strf(r, "%s, %u blocks", name, eg_get_or(0u, journal, journal_s.j_total_len));
    if (name && eg_get_or(0, journal, journal_s.j_errno))
        s->journal =
            eg_strf(r, "%s, error %d", s->journal, eg_get_or(0, journal, journal_s.j_errno));
}

/** fs/xfs/xfs_super.c, xfs_fs_statfs(). */
static void xfs(struct eg_run *r, struct eg_obj sb, struct stat *s)
{
    enum { SHUTDOWN = 4 };
    struct eg_obj mp = eg_cast(eg_at(sb, super_block.s_fs_info), xfs_mount);
    struct eg_obj super = eg_at(mp, xfs_mount.m_sb);
    const uint64_t log = eg_get_or((uint64_t)0, super, xfs_sb.sb_logstart)
                             ? eg_get_or((uint64_t)0, super, xfs_sb.sb_logblocks)
                             : 0;
    const uint32_t inodes = eg_get_or(0u, super, xfs_sb.sb_inopblog) & 31;
    const uint64_t most = eg_get_or((uint64_t)0, mp, xfs_maxicount);
    struct number used = sum(r, eg_at(mp, xfs_mount.m_icount)), aside, own;

    s->blocks = less(number(eg_at(super, xfs_sb.sb_dblocks)), (struct number){ log, .ok = true });
    aside = number(eg_at(mp, xfs_mount.m_alloc_set_aside));
    own = number(eg_at(mp, xfs_allocbt));
    aside.value += own.ok ? own.value : 0;
    s->free = less(sum(r, eg_has(r, xfs_fdblocks)
                              ? eg_at(mp, xfs_fdblocks)
                              : eg_cast(eg_index(eg_at(mp, xfs_free), 0), percpu_counter)),
                   aside);
    s->files = used;
    if (s->files.ok && s->free.ok) {
        // Inodes are made as they are needed: each free block has room for some.
        if (__builtin_add_overflow(used.value, s->free.value << inodes, &s->files.value) ||
            s->free.value > UINT64_MAX >> inodes)
            s->files = (struct number){ .missing = eg_missing(EG_BAD_VALUE, mp.addr) };
        if (most)
            s->files.value = EG_MIN(s->files.value, most);
        s->files.value = EG_MAX(s->files.value, eg_get_or((uint64_t)0, super, xfs_sb.sb_icount));
    }
    s->files_free = less(s->files, less(used, sum(r, eg_at(mp, xfs_mount.m_ifree))));
    s->label = eg_val(super, xfs_sb.sb_fname);
    if (eg_get_or((uint64_t)0, mp, xfs_mount.m_opstate) & SHUTDOWN)
        s->state = word(r, s->state, "shut down");
    s->journal = log ? eg_strf(r, "internal, %llu blocks", (unsigned long long)log) : "external";
}

/** fs/btrfs/super.c, btrfs_statfs(): of the raw disks, which copies make look larger. */
static void btrfs(struct eg_run *r, struct eg_obj sb, struct stat *s)
{
    struct eg_obj info = eg_cast(eg_at(sb, super_block.s_fs_info), btrfs_fs_info), space;
    struct eg_obj copy = eg_deref(eg_at(info, btrfs_fs_info.super_copy));
    struct number reserve = number(eg_at(info, btrfs_reserve));
    const char *name = eg_string(r, eg_at(copy, btrfs_super_block.label), 256);
    uint64_t size, used = 0, one;

    s->label = name ? eg_text(name) : eg_val(copy, btrfs_super_block.label);
    s->blocks = little(r, eg_at(copy, btrfs_super_block.total_bytes));
    if (!eg_get(&size, sb, super_block.s_blocksize) || !size)
        return;
    eg_each_list(space, eg_at(info, btrfs_fs_info.space_info), btrfs_space_info.list)
        if (eg_get(&one, space, btrfs_space_info.disk_used))
            used += one;
    used += reserve.ok ? reserve.value : 0;
    s->free = less(s->blocks, (struct number){ used, .ok = true });
    s->blocks.value /= size;
    s->free.value /= size;
}

/** mm/shmem.c, shmem_statfs(). */
static void tmpfs(struct eg_run *r, struct eg_obj sb, struct stat *s)
{
    struct eg_obj info = eg_cast(eg_at(sb, super_block.s_fs_info), shmem_sb_info);

    s->blocks = number(eg_at(info, tmpfs_blocks));
    s->files = number(eg_at(info, tmpfs_inodes));
    s->free = less(s->blocks, sum(r, eg_at(info, tmpfs_used)));
    s->files_free = number(eg_at(info, tmpfs_free));
    if (!eg_has(r, tmpfs_free)) {
        s->files_free = number(eg_at(info, tmpfs_ispace));
        s->files_free.value /= 1024; // BOGO_INODE_SIZE
    }
    // The kernel's own has no limits, and counts nothing.
    if (s->blocks.ok && !s->blocks.value)
        s->blocks = s->free = (struct number){ .ok = false };
    if (s->files.ok && !s->files.value)
        s->files = s->files_free = (struct number){ .ok = false };
}

static const struct {
    const char *type;
    void (*read)(struct eg_run *r, struct eg_obj sb, struct stat *s);
    const struct eg_typeref *needs;
} kinds[] = {
    { "ext4", ext4, &eg_t_ext4_sb_info },       { "ext3", ext4, &eg_t_ext4_sb_info },
    { "ext2", ext4, &eg_t_ext4_sb_info },       { "xfs", xfs, &eg_t_xfs_mount },
    { "btrfs", btrfs, &eg_t_btrfs_fs_info },    { "tmpfs", tmpfs, &eg_t_shmem_sb_info },
    { "devtmpfs", tmpfs, &eg_t_shmem_sb_info },
};

static void show(struct eg_run *r, struct eg_obj sb)
{
    const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 32);
    struct stat s = { .state = eg_get_or(0u, sb, sb_frozen) ? "frozen" : NULL };
    size_t i = 0;

    while (i < countof(kinds) && (!type || strcmp(type, kinds[i].type) != 0))
        i++;
    if (i < countof(kinds) && eg_slot(r, kinds[i].needs->id)->kind) {
        kinds[i].read(r, sb, &s);
    } else if (i < countof(kinds)) {
        const struct number none = { .missing = eg_missing(EG_NO_TYPE, sb.addr) };

        s.blocks = s.free = s.files = s.files_free = none;
    } else if (!eg_arg_flag(r, "all")) {
        return;
    }
    eg_row(r, .OFFSET = eg_addr(sb), .DEVICE = eg_val(sb, super_block.s_id),
           .FSTYPE = linux_superblock_type(r, sb),
           .MOUNT_POINT = eg_text(linux_superblock_where(r, sb)), .NS = linux_superblock_ns(r, sb),
           .BLOCK_SIZE = eg_val(sb, super_block.s_blocksize), .BLOCKS = cell(s.blocks),
           .BLOCKS_FREE = cell(s.free), .FILES = cell(s.files), .FILES_FREE = cell(s.files_free),
           .LABEL = s.label, .STATE = eg_text(s.state), .MADE = s.made, .MOUNTED = s.mounted,
           .WRITTEN = s.written, .JOURNAL = eg_text(s.journal));
}

static int run(struct eg_run *r)
{
    struct eg_obj sb;

    linux_each_superblock(r, sb)
    {
        show(r, sb);
    }
    return 0;
}

EG_PLUGIN(fsstat) = {
    .os = "linux",
    .help = "Show the space, label, state, times and journal of file systems",
    .manual =
        "As `df` and the head of `dumpe2fs`, from what the kernel keeps in memory: of ext4 (also "
        "as ext2 and ext3), xfs, btrfs and tmpfs; with --all a row for each other file system "
        "too. Counts are those of the moment, what the disk has may be older. A mounted ext4 "
        "with a journal is `valid`; `errors` and error_count are what e2fsck would look for. "
        "Blocks of btrfs are those of its disks, copies included. Types of modules are in "
        "memory since Linux 5.11: before, modules have no numbers here.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also file systems without such numbers")),
    .needs = EG_NEEDS(super_block.s_fs_info),
    .uses = EG_NAMES("superblocks"),
    .run = run,
    .moves = EG_NAMES("BLOCKS_FREE"),
};
