/* fsstat_test.c - space, times and state of ext4, xfs, btrfs and tmpfs. */
#include "check.h"
#include "mklinux.h"

#define COMMON                                                                                     \
    MK_LIST_TYPES                                                                                  \
    "struct file_system_type { const char *name; };"                                               \
    "struct sb_writers { int frozen; };"                                                           \
    "struct super_block { struct list_head s_list; u32 s_dev; struct file_system_type *s_type;"    \
    "    void *s_fs_info; unsigned long s_blocksize; char s_id[32];"                               \
    "    struct sb_writers s_writers; };"                                                          \
    "struct percpu_counter { s64 count; s32 *counters; };"                                         \
    "struct atomic64 { s64 counter; };"                                                            \
    "struct task_struct { struct list_head tasks; int pid; char comm[16]; };"                      \
    "struct ext4_super_block { u32 s_inodes_count, s_blocks_count_lo, s_blocks_count_hi, s_mtime;" \
    "    u32 s_wtime, s_mkfs_time, s_error_count; u16 s_state; char s_volume_name[16];"            \
    "    u8 s_mtime_hi, s_wtime_hi, s_mkfs_time_hi; };"                                            \
    "struct journal_s { u32 j_total_len; int j_errno; char j_devname[56]; };"                      \
    "struct ext4_sb_info { unsigned long s_overhead; u32 s_cluster_bits, s_mount_opt;"             \
    "    struct ext4_super_block *s_es; struct journal_s *s_journal;"                              \
    "    struct percpu_counter s_freeclusters_counter, s_dirtyclusters_counter;"                   \
    "    struct percpu_counter s_freeinodes_counter; };"                                           \
    "struct xfs_sb { u64 sb_dblocks, sb_logstart, sb_icount; u32 sb_logblocks; u8 sb_inopblog;"    \
    "    char sb_fname[12]; };"                                                                    \
    "struct btrfs_super_block { u64 total_bytes; char label[256]; };"                              \
    "struct btrfs_space_info { struct list_head list; u64 disk_used; };"                           \
    "struct btrfs_block_rsv { u64 size; };"                                                        \
    "struct btrfs_fs_info { struct btrfs_super_block *super_copy; struct list_head space_info;"    \
    "    struct btrfs_block_rsv global_block_rsv; };"

static const char older[] =
    COMMON "struct shmem_sb_info { unsigned long max_blocks, max_inodes, free_inodes;"
           "    struct percpu_counter used_blocks; };"
           "struct xfs_mount { struct xfs_sb m_sb; u32 m_alloc_set_aside; unsigned long m_opstate;"
           "    struct atomic64 m_allocbt_blks; u64 m_maxicount;"
           "    struct percpu_counter m_icount, m_ifree, m_fdblocks; };";
static const char newer[] =
    COMMON "struct shmem_sb_info { unsigned long max_blocks, max_inodes, free_ispace;"
           "    struct percpu_counter used_blocks; };"
           "struct xfs_freecounter { struct percpu_counter count; u64 res_total; };"
           "struct xfs_mount { struct xfs_sb m_sb; u32 m_alloc_set_aside; unsigned long m_opstate;"
           "    struct atomic64 m_allocbt_blks; u64 m_maxicount;"
           "    struct percpu_counter m_icount, m_ifree; struct xfs_freecounter m_free[3]; };";

enum { RAM = 1 << 20 };

struct world {
    struct mk *k;
    uint64_t sb, info;
};

static uint64_t little(struct mk *k, uint64_t v, unsigned size)
{
    if (!mk_model(k)->big_endian)
        return v;
    return size == 2   ? __builtin_bswap16((uint16_t)v)
           : size == 4 ? __builtin_bswap32((uint32_t)v)
                       : __builtin_bswap64(v);
}

static struct world make(const struct mk_machine *m, const char *types, const char *type,
                         const char *info)
{
    struct world w = { .k = mk_new(m, RAM, types) };
    uint64_t init = mk_object(w.k, "task_struct"), t, name, at, link;

    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), NULL, 0);
    mk_symbol(w.k, "init_task", init);
    w.sb = mk_object(w.k, "super_block");
    w.info = mk_object(w.k, info);
    t = mk_object(w.k, "file_system_type");
    name = mk_alloc(w.k, 16);
    mk_write(w.k, name, type, strlen(type) + 1);
    mk_put(w.k, t, "file_system_type.name", name);
    mk_put(w.k, w.sb, "super_block.s_type", t);
    mk_put(w.k, w.sb, "super_block.s_fs_info", w.info);
    mk_put(w.k, w.sb, "super_block.s_blocksize", 4096);
    at = mk_alloc(w.k, 2 * mk_model(w.k)->ptr_size);
    link = mk_at(w.k, w.sb, "super_block.s_list");
    mk_list(w.k, at, &link, 1);
    mk_symbol(w.k, "super_blocks", at);
    return w;
}

static const char *row(struct world *w)
{
    return mk_columns(mk_rows(w->k, "fsstat", NULL), 5, 15);
}

static void ext4(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, older, "ext4", "ext4_sb_info");
        struct mk *k = w.k;
        uint64_t es = mk_object(k, "ext4_super_block"), journal = mk_object(k, "journal_s");

        mk_put(k, w.info, "ext4_sb_info.s_es", es);
        mk_put(k, w.info, "ext4_sb_info.s_overhead", 10);
        mk_put(k, w.info, "ext4_sb_info.s_cluster_bits", 2);
        mk_put(k, w.info, "ext4_sb_info.s_freeclusters_counter.count", 100);
        mk_put(k, w.info, "ext4_sb_info.s_dirtyclusters_counter.count", 5);
        mk_put(k, w.info, "ext4_sb_info.s_freeinodes_counter.count", (uint64_t)-3);
        mk_put(k, es, "ext4_super_block.s_inodes_count", little(k, 77, 4));
        mk_put(k, es, "ext4_super_block.s_blocks_count_lo", little(k, 1000, 4));
        mk_put(k, es, "ext4_super_block.s_blocks_count_hi", little(k, 1, 4));
        mk_put(k, es, "ext4_super_block.s_mkfs_time", little(k, 100, 4));
        mk_put(k, es, "ext4_super_block.s_mtime", little(k, 0, 4));
        mk_put(k, es, "ext4_super_block.s_mtime_hi", 1);
        mk_put(k, es, "ext4_super_block.s_state", little(k, 3, 2));
        mk_put(k, es, "ext4_super_block.s_error_count", little(k, 4, 4));
        mk_puts(k, es, "ext4_super_block.s_volume_name", "a name of sixtee");
        // 2^32 + 1000 blocks, less 10 clusters of 4; a count below 0 is 0.
        assert_string_equal(
            row(&w), "4096|4294968256|380|77|0|a name of sixtee|"
                     "valid errors error_count=4|1970-01-01T00:01:40Z|2106-02-07T06:28:16Z||");
        mk_put(k, w.info, "ext4_sb_info.s_mount_opt", 0x80);
        mk_put(k, w.info, "ext4_sb_info.s_journal", journal);
        mk_puts(k, journal, "journal_s.j_devname", "sda1-8");
        mk_put(k, journal, "journal_s.j_total_len", 64);
        mk_put(k, journal, "journal_s.j_errno", (uint64_t)-5);
        mk_put(k, w.sb, "super_block.s_writers.frozen", 4);
        assert_non_null(strstr(row(&w), "4096|4294968296|380|77|0|"));
        assert_non_null(strstr(row(&w), "|frozen valid errors"));
        assert_non_null(strstr(row(&w), "|sda1-8, 64 blocks, error -5"));
        mk_put(k, es, "ext4_super_block.s_wtime_hi", 0xff); // more ns than 64 bits hold
        assert_non_null(strstr(row(&w), "|2106-02-07T06:28:16Z|-|"));
        mk_put(k, w.info, "ext4_sb_info.s_es", 0x10000);
        assert_non_null(strstr(row(&w), "4096|-|380|-|0|-|frozen|"));
        mk_free(k);
    }
}

static void xfs(void **state)
{
    (void)state;
    mk_each_machine(m) for (int new_ = 0; new_ < 2; new_++)
    {
        struct world w = make(m, new_ ? newer : older, "xfs", "xfs_mount");
        struct mk *k = w.k;
        uint64_t counter = mk_at(k, w.info, new_ ? "xfs_mount.m_free" : "xfs_mount.m_fdblocks");

        mk_put(k, w.info, "xfs_mount.m_sb.sb_dblocks", 1000);
        mk_put(k, w.info, "xfs_mount.m_sb.sb_logstart", 5);
        mk_put(k, w.info, "xfs_mount.m_sb.sb_logblocks", 100);
        mk_put(k, w.info, "xfs_mount.m_sb.sb_inopblog", 3);
        mk_puts(k, w.info, "xfs_mount.m_sb.sb_fname", "label");
        mk_put(k, w.info, "xfs_mount.m_alloc_set_aside", 12);
        mk_put(k, w.info, "xfs_mount.m_allocbt_blks.counter", 8);
        mk_put(k, w.info, "xfs_mount.m_icount.count", 64);
        mk_put(k, w.info, "xfs_mount.m_ifree.count", 60);
        mk_put(k, counter, "percpu_counter.count", 520);
        mk_put(k, w.info, "xfs_mount.m_opstate", 4);
        assert_non_null(strstr(row(&w), "4096|900|500|4064|4060|label|shut down|"));
        assert_non_null(strstr(row(&w), "internal, 100 blocks"));
        mk_put(k, w.info, "xfs_mount.m_maxicount", 128);
        assert_non_null(strstr(row(&w), "4096|900|500|128|124|"));
        mk_free(k);
    }
}

static void btrfs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, older, "btrfs", "btrfs_fs_info");
        struct mk *k = w.k;
        uint64_t copy = mk_object(k, "btrfs_super_block"), links[2], space[2];

        for (int i = 0; i < 2; i++) {
            space[i] = mk_object(k, "btrfs_space_info");
            links[i] = mk_at(k, space[i], "btrfs_space_info.list");
            mk_put(k, space[i], "btrfs_space_info.disk_used", 4096);
        }
        mk_list(k, mk_at(k, w.info, "btrfs_fs_info.space_info"), links, 2);
        mk_put(k, w.info, "btrfs_fs_info.super_copy", copy);
        mk_put(k, w.info, "btrfs_fs_info.global_block_rsv.size", 8192);
        mk_put(k, copy, "btrfs_super_block.total_bytes", little(k, 40960, 8));
        mk_puts(k, copy, "btrfs_super_block.label", "pool");
        assert_string_equal(row(&w), "4096|10|6|||pool|||||");
        // Blocks of no bytes are not divided by.
        mk_put(k, w.sb, "super_block.s_blocksize", 0);
        assert_non_null(strstr(row(&w), "0|40960||||pool|"));
        mk_free(k);
    }
}

static void tmpfs(void **state)
{
    (void)state;
    mk_each_machine(m) for (int new_ = 0; new_ < 2; new_++)
    {
        struct world w = make(m, new_ ? newer : older, "tmpfs", "shmem_sb_info");
        struct mk *k = w.k;

        mk_put(k, w.info, "shmem_sb_info.max_blocks", 100);
        mk_put(k, w.info, "shmem_sb_info.max_inodes", 50);
        mk_put(k, w.info, "shmem_sb_info.used_blocks.count", 30);
        mk_put(k, w.info, new_ ? "shmem_sb_info.free_ispace" : "shmem_sb_info.free_inodes",
               new_ ? 20 * 1024 : 20);
        assert_non_null(strstr(row(&w), "4096|100|70|50|20|"));
        // Without limits there are no counts.
        mk_put(k, w.info, "shmem_sb_info.max_blocks", 0);
        mk_put(k, w.info, "shmem_sb_info.max_inodes", 0);
        assert_non_null(strstr(row(&w), "4096|||||"));
        mk_free(k);
    }
}

/** A type that nothing is known of has a row when it is asked for. */
static void unknown(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, older, "proc", "shmem_sb_info");

        assert_string_equal(mk_rows(w.k, "fsstat", NULL), "");
        assert_non_null(strstr(mk_rows(w.k, "fsstat", (const char *[]){ "all", NULL }), "|proc|"));
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ext4),  cmocka_unit_test(xfs),     cmocka_unit_test(btrfs),
        cmocka_unit_test(tmpfs), cmocka_unit_test(unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
