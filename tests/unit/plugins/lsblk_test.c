/* lsblk_test.c - block devices by their class and by inodes, before and since 5.11; device mapper,
 * loop and md devices, and what is not believed. */
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

#define COMMON                                                                                     \
    MK_LIST_TYPES                                                                                  \
    "struct hlist_node { struct hlist_node *next, **pprev; };"                                     \
    "struct hlist_head { struct hlist_node *first; };"                                             \
    "struct qstr { u32 hash, len; const unsigned char *name; };"                                   \
    "struct hlist_bl_node { void *next, *pprev; };"                                                \
    "struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name;"    \
    "    struct inode *d_inode; void *d_op; struct super_block *d_sb; };"                          \
    "struct vfsmount { struct dentry *mnt_root; };"                                                \
    "struct path { struct vfsmount *mnt; struct dentry *dentry; };"                                \
    "struct file { struct path f_path; u32 f_mode; struct inode *f_inode; };"                      \
    "struct fs_struct { struct path root; };"                                                      \
    "struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt;" \
    "    int mnt_id; };"                                                                           \
    "struct file_system_type { const char *name; };"                                               \
    "struct inode { unsigned long i_ino; struct super_block *i_sb; s64 i_size;"                    \
    "    struct list_head i_sb_list; };"                                                           \
    "struct super_block { struct list_head s_list; u32 s_dev; struct file_system_type *s_type;"    \
    "    struct block_device *s_bdev; struct list_head s_inodes; };" MK_CLASS_TYPES                \
    "struct task_struct { struct list_head tasks; int pid; char comm[16]; struct fs_struct *fs; "  \
    "};" MK_DM_TYPES "struct linear_c { struct dm_dev *dev; u64 start; };"                         \
    "struct crypt_config { struct dm_dev *dev; u64 start; char *cipher_string, *key_string;"       \
    "    u64 iv_offset; u16 sector_size; u32 key_size; };"                                         \
    "struct loop_device { struct gendisk *lo_disk; struct file *lo_backing_file;"                  \
    "    struct block_device *lo_device; u32 lo_flags; u64 lo_offset, lo_sizelimit; };"            \
    "struct mddev { struct list_head disks; struct gendisk *gendisk; int level, raid_disks; };"    \
    "struct md_rdev { struct list_head same_set; struct block_device *bdev; };"

static const char newest[] =
    COMMON "struct class { const char *name; };"
           "struct bd_flags { u32 counter; };"
           "struct block_device { u64 bd_start_sect, bd_nr_sectors; struct gendisk *bd_disk;"
           "    struct bd_flags __bd_flags; u32 bd_dev; struct device bd_device; };"
           "struct bdev_inode { struct block_device bdev; struct inode vfs_inode; };"
           "struct gendisk { char disk_name[32]; int flags; unsigned long state;"
           "    struct block_device *part0; void *private_data; };";

static const char oldest[] = COMMON
    "struct class { const char *name; struct subsys_private *p; };"
    "struct hd_struct { u64 start_sect, nr_sects; struct device __dev; int policy, partno; };"
    "struct block_device { u32 bd_dev; struct hd_struct *bd_part; struct gendisk *bd_disk; };"
    "struct bdev_inode { struct block_device bdev; struct inode vfs_inode; };"
    "struct gendisk { char disk_name[32]; struct hd_struct part0; int flags;"
    "    unsigned long state; void *private_data; };";

enum { RAM = 1 << 20, MAJOR = 20, DISKS = 8 };

struct world {
    struct mk *k;
    bool is_new;
    uint64_t class_list, sb, disk[DISKS], bdev[DISKS], nodes[DISKS], inodes[DISKS];
    size_t n;
};

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/** A disk, or its partition @part with the disk @of. @return its number. */
static size_t add(struct world *w, const char *name, uint64_t dev, uint64_t part, size_t of,
                  uint64_t sectors)
{
    const size_t i = w->n++;
    uint64_t around = mk_object(w->k, "bdev_inode"), node = mk_object(w->k, "device_private");
    uint64_t hd, device;

    w->disk[i] = part ? w->disk[of] : mk_object(w->k, "gendisk");
    w->bdev[i] = mk_at(w->k, around, "bdev_inode.bdev");
    if (!part)
        mk_puts(w->k, w->disk[i], "gendisk.disk_name", name);
    mk_put(w->k, w->bdev[i], "block_device.bd_dev", dev);
    mk_put(w->k, w->bdev[i], "block_device.bd_disk", w->disk[i]);
    if (w->is_new) {
        device = mk_at(w->k, w->bdev[i], "block_device.bd_device");
        mk_put(w->k, w->bdev[i], "block_device.bd_nr_sectors", sectors);
        mk_put(w->k, w->bdev[i], "block_device.bd_start_sect", 63 * part);
        mk_put(w->k, w->bdev[i], "block_device.__bd_flags.counter", part | (part ? 0x100 : 0));
    } else {
        hd = part ? mk_object(w->k, "hd_struct") : mk_at(w->k, w->disk[i], "gendisk.part0");
        device = mk_at(w->k, hd, "hd_struct.__dev");
        mk_put(w->k, hd, "hd_struct.nr_sects", sectors);
        mk_put(w->k, hd, "hd_struct.start_sect", 63 * part);
        mk_put(w->k, hd, "hd_struct.partno", part);
        mk_put(w->k, hd, "hd_struct.policy", part != 0);
        mk_put(w->k, device, "device.devt", dev);
        if (part)
            mk_put(w->k, device, "device.parent",
                   mk_at(w->k, mk_at(w->k, w->disk[i], "gendisk.part0"), "hd_struct.__dev"));
        mk_put(w->k, w->bdev[i], "block_device.bd_part", hd);
    }
    mk_put(w->k, node, "device_private.device", device);
    w->nodes[i] = mk_at(w->k, node, "device_private.knode_class.n_node");
    w->inodes[i] = mk_at(w->k, mk_at(w->k, around, "bdev_inode.vfs_inode"), "inode.i_sb_list");
    return i;
}

static struct world begin(const struct mk_machine *m, const char *types)
{
    struct world w = { .k = mk_new(m, RAM, types), .is_new = types == newest };
    struct mk *k = w.k;
    uint64_t class = mk_object(k, "class"), subsys = mk_object(k, "subsys_private"), at, link;
    uint64_t init = mk_object(k, "task_struct");

    mk_symbol(k, "block_class", class);
    if (w.is_new) {
        uint64_t set = mk_object(k, "kset"), other = mk_object(k, "subsys_private"), links[2];

        links[0] = mk_at(k, other, "subsys_private.subsys.kobj.entry");
        links[1] = mk_at(k, subsys, "subsys_private.subsys.kobj.entry");
        mk_list(k, mk_at(k, set, "kset.list"), links, 2);
        mk_put(k, subsys, "subsys_private.class", class);
        at = mk_alloc(k, mk_model(k)->ptr_size);
        mk_write_ptr(k, at, set);
        mk_symbol(k, "class_kset", at);
    } else {
        mk_put(k, class, "class.p", subsys);
    }
    w.class_list = mk_at(k, subsys, "subsys_private.klist_devices.k_list");
    w.sb = mk_object(k, "super_block");
    at = mk_object(k, "file_system_type");
    mk_put(k, at, "file_system_type.name", text(k, "bdev"));
    mk_put(k, w.sb, "super_block.s_type", at);
    at = mk_alloc(k, 2 * mk_model(k)->ptr_size);
    link = mk_at(k, w.sb, "super_block.s_list");
    mk_list(k, at, &link, 1);
    mk_symbol(k, "super_blocks", at);
    mk_list(k, mk_at(k, init, "task_struct.tasks"), NULL, 0);
    mk_symbol(k, "init_task", init);
    return w;
}

/** All have an inode; the class lacks the last @hidden. */
static void finish(struct world *w, size_t hidden)
{
    mk_list(w->k, w->class_list, w->nodes, w->n - hidden);
    mk_list(w->k, mk_at(w->k, w->sb, "super_block.s_inodes"), w->inodes, w->n);
}

#define each_world(w, m)                                                                           \
    mk_each_machine(m) for (int new_ = 0; new_ < 2;                                                \
                            new_++) for (struct world w = begin(m, new_ ? newest : oldest); w.k;   \
                                         mk_free(w.k), w.k = NULL)

static void disks(void **state)
{
    (void)state;
    each_world(w, m)
    {
        size_t sda = add(&w, "sda", 8 << MAJOR, 0, 0, 1000), nvme;

        add(&w, "", 8 << MAJOR | 1, 1, sda, 100);
        nvme = add(&w, "nvme0n1", 259 << MAJOR, 0, 0, 2000);
        add(&w, "", 259 << MAJOR | 2, 2, nvme, 50);
        mk_put(w.k, w.disk[sda], "gendisk.flags", 1);
        finish(&w, 1);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "lsblk", NULL), 1, 8),
            "sda|8|0|disk|512000||false|true\nsda1|8|1|part|51200|63|true|true\n"
            "nvme0n1|259|0|disk|1024000||false|false\nnvme0n1p2|259|2|part|25600|126|true|false");
        assert_string_equal(mk_columns(mk_rows(w.k, "lsblk", NULL), 12, 12), "\nsda\n\nnvme0n1");
        // One that the class has no more.
        assert_string_equal(mk_columns(mk_rows(w.k, "lsblk", NULL), 18, 18),
                            "class inode\nclass inode\nclass inode\ninode");
        assert_int_equal(mk_row_notes(NULL), 0);
    }
}

/* A partition whose number memory does not have is not the disk. */
static void number_unread(void **state)
{
    struct world w = begin(&mk_machines[0], oldest);
    const size_t sda = add(&w, "sda", 8 << MAJOR, 0, 0, 1000);
    const size_t part = add(&w, "", 8 << MAJOR | 1, 1, sda, 100);
    const uint64_t off = mk_at(w.k, 0, "hd_struct.policy");
    uint64_t hd, device;

    (void)state;
    mk_alloc(w.k, mk_page_size(w.k));
    mk_straddle(w.k, off);
    hd = mk_object(w.k, "hd_struct");
    device = mk_at(w.k, hd, "hd_struct.__dev");
    mk_put(w.k, hd, "hd_struct.nr_sects", 100);
    mk_put(w.k, device, "device.devt", 8 << MAJOR | 1);
    mk_put(w.k, w.nodes[part] - mk_at(w.k, 0, "device_private.knode_class.n_node"),
           "device_private.device", device);
    mk_put(w.k, w.bdev[part], "block_device.bd_part", hd);
    mk_unmap(w.k, hd + off);
    finish(&w, 0);
    assert_string_equal(mk_columns(mk_rows(w.k, "lsblk", NULL), 1, 5),
                        "sda|8|0|disk|512000\n-|8|1|-|51200");
    assert_int_equal(mk_row_notes("the number of its partition cannot be read"), 1);
    mk_free(w.k);
}

static void mapper(void **state)
{
    (void)state;
    each_world(w, m)
    {
        struct mk *k = w.k;
        size_t sda = add(&w, "sda", 8 << MAJOR, 0, 0, 1000);
        size_t dm = add(&w, "dm-0", 253 << MAJOR, 0, 0, 500);
        uint64_t md = mk_object(k, "mapped_device"), table = mk_object(k, "dm_table"), t[2],
                 targets;
        uint64_t cell = mk_object(k, "hash_cell"), dev = mk_object(k, "dm_dev"), size, at;
        const char *rows;

        finish(&w, 0);
        mk_put(k, w.disk[dm], "gendisk.private_data", md);
        mk_put(k, md, "mapped_device.disk", w.disk[dm]);
        mk_put(k, md, "mapped_device.map", table);
        mk_put(k, md, "mapped_device.interface_ptr", cell);
        mk_put(k, cell, "hash_cell.name", text(k, "secret"));
        mk_put(k, cell, "hash_cell.uuid", text(k, "CRYPT-LUKS2-1-secret"));
        mk_put(k, cell, "hash_cell.md", md);
        mk_put(k, dev, "dm_dev.bdev", w.bdev[sda]);
        // An array of two: their size is that from one to the next.
        targets = mk_object(k, "dm_target");
        size = mk_at(k, targets, "dm_target.private") - targets + mk_model(k)->ptr_size;
        size = (size + 7) / 8 * 8;
        targets = mk_alloc(k, 2 * size);
        t[0] = targets, t[1] = targets + size;
        mk_put(k, table, "dm_table.md", md);
        mk_put(k, table, "dm_table.num_targets", 1);
        mk_put(k, table, "dm_table.targets", targets);
        for (int i = 0; i < 2; i++) {
            uint64_t type = mk_object(k, "target_type");

            mk_put(k, t[i], "dm_target.table", table);
            mk_put(k, t[i], "dm_target.type", type);
            mk_put(k, type, "target_type.name", text(k, i ? "crypt" : "linear"));
            mk_put(k, t[i], "dm_target.begin", (uint64_t)i * 400);
            mk_put(k, t[i], "dm_target.len", 400 - (uint64_t)i * 300);
        }
        at = mk_object(k, "linear_c");
        mk_put(k, t[0], "dm_target.private", at);
        mk_put(k, at, "linear_c.dev", dev);
        mk_put(k, at, "linear_c.start", 2048);
        rows = mk_rows(k, "lsblk", NULL);
        assert_non_null(strstr(rows, "|secret|sda||"));
        assert_non_null(strstr(rows, "|CRYPT-LUKS2-1-secret|0 400 linear 8:0 2048|"));
        assert_non_null(strstr(rows, "|dm-0|253|0|crypt|"));
        assert_non_null(strstr(rows, "||dm-0|||")); // the holder of sda
        // A key is not shown, its length is.
        at = mk_object(k, "crypt_config");
        mk_put(k, table, "dm_table.targets", t[1]);
        mk_put(k, t[1], "dm_target.private", at);
        mk_put(k, t[1], "dm_target.num_discard_bios", 1);
        mk_put(k, at, "crypt_config.dev", dev);
        mk_put(k, at, "crypt_config.start", 32);
        mk_put(k, at, "crypt_config.cipher_string", text(k, "aes-xts-plain64"));
        mk_put(k, at, "crypt_config.iv_offset", 7);
        mk_put(k, at, "crypt_config.key_size", 4);
        assert_non_null(
            strstr(mk_rows(k, "lsblk", NULL),
                   "|400 100 crypt aes-xts-plain64 00000000 7 8:0 32 1 allow_discards|"));
        mk_put(k, at, "crypt_config.key_string", text(k, "logon:x"));
        mk_put(k, at, "crypt_config.sector_size", 4096);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL),
                               " :4:logon:x 7 8:0 32 2 allow_discards sector_size:4096|"));
        // Another's table, a count that nothing has, a key of a length that nothing has.
        mk_put(k, at, "crypt_config.key_size", 1 << 20);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|400 100 crypt ?|"));
        mk_put(k, table, "dm_table.num_targets", 1 << 30);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|?|"));
        mk_put(k, md, "mapped_device.disk", w.disk[sda]);
        assert_null(strstr(mk_rows(k, "lsblk", NULL), "secret"));
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|dm-0|253|0|disk|"));
    }
}

static void others(void **state)
{
    (void)state;
    each_world(w, m)
    {
        struct mk *k = w.k;
        size_t loop = add(&w, "loop3", 7 << MAJOR | 3, 0, 0, 8), sda, md;
        uint64_t lo = mk_object(k, "loop_device"), file = mk_object(k, "file");
        uint64_t dentry = mk_object(k, "dentry"), mount = mk_object(k, "mount");
        uint64_t mddev = mk_object(k, "mddev"), rdev = mk_object(k, "md_rdev"), link;

        sda = add(&w, "sda", 8 << MAJOR, 0, 0, 1000);
        md = add(&w, "md0", 9 << MAJOR, 0, 0, 900);
        finish(&w, 0);
        mk_put(k, dentry, "dentry.d_parent", dentry);
        mk_put(k, dentry, "dentry.d_hash.pprev", 1);
        mk_put(k, mount, "mount.mnt_parent", mount);
        mk_put(k, mount, "mount.mnt.mnt_root", dentry);
        mk_put(k, file, "file.f_path.dentry", dentry);
        mk_put(k, file, "file.f_path.mnt", mk_at(k, mount, "mount.mnt"));
        mk_put(k, w.disk[loop], "gendisk.private_data", lo);
        mk_put(k, lo, "loop_device.lo_disk", w.disk[loop]);
        mk_put(k, lo, "loop_device.lo_backing_file", file);
        mk_put(k, lo, "loop_device.lo_flags", 4 | 16);
        mk_put(k, lo, "loop_device.lo_offset", 4096);
        mk_put(k, w.disk[md], "gendisk.private_data", mddev);
        mk_put(k, mddev, "mddev.gendisk", w.disk[md]);
        mk_put(k, mddev, "mddev.level", 1);
        mk_put(k, mddev, "mddev.raid_disks", 2);
        mk_put(k, rdev, "md_rdev.bdev", w.bdev[sda]);
        link = mk_at(k, rdev, "md_rdev.same_set");
        mk_list(k, mk_at(k, mddev, "mddev.disks"), &link, 1);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|/|4096||||autoclear direct-io|"));
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|md0|9|0|raid1|"));
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|sda|||||disks=2|"));
        // A file that cannot be read is a cell with its reason; another's loop_device is not one.
        mk_put(k, lo, "loop_device.lo_backing_file", 0x10000);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|-|4096|"));
        mk_put(k, lo, "loop_device.lo_disk", w.disk[sda]);
        assert_null(strstr(mk_rows(k, "lsblk", NULL), "|-|4096|"));
        mk_put(k, mddev, "mddev.level", (uint64_t)-4);
        assert_non_null(strstr(mk_rows(k, "lsblk", NULL), "|md0|9|0|multipath|"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disks),
        cmocka_unit_test(number_unread),
        cmocka_unit_test(mapper),
        cmocka_unit_test(others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
