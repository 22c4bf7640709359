/* superblocks - every file system that is mounted, or that the kernel keeps for itself. */
#include "../../core/base.h"
#include "../linux/fs/flags.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/mm.h"
#include "../linux/text.h"

EG_FIELDS(shmem_sb_info, gid, huge, max_blocks, max_inodes, mode, uid);
EG_FIELD_AS_OF("overlay", ovl_lowerdir, ovl_fs, "config.lowerdir"); // a text until 6.4
EG_FIELD_AS_OF("overlay", ovl_lowerdirs, ovl_fs, "config.lowerdirs");
EG_FIELD_AS_OF("overlay", ovl_upperdir, ovl_fs, "config.upperdir");
EG_FIELD_AS_OF("overlay", ovl_workdir, ovl_fs, "config.workdir");
EG_FIELD_AS(sb_active, super_block, "s_active.counter");
EG_FIELDS_OF("overlay", ovl_fs, numlayer);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the super_block is")                                                    \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(DEVICE, TEXT, "the device's name, or the type where there is none")                          \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(MOUNT_POINT, TEXT, "where it is mounted, in the first mount namespace if it is there")       \
    C(NS, INT, "mount namespace that MOUNT_POINT is seen from", EG_MINOR)                          \
    C(MOUNTS, INT, "how many times it is mounted, the kernel's own mounts included")               \
    C(REFERENCES, INT, "how many users it has (s_active)", EG_MINOR)                               \
    C(INODES, INT, "inodes of it in memory")                                                       \
    C(UUID, TEXT, "what the file system is known by", EG_MINOR)                                    \
    C(SB_OPTIONS, TEXT, "options that all kinds of file systems have")                             \
    C(FS_OPTIONS, TEXT, "options of tmpfs and overlay; those of others are not read")
EG_COLUMNS(COLUMNS);

static const char *add(struct eg_run *r, const char *text, const char *name, const char *value)
{
    return value ? eg_strf(r, "%s%s%s=%s", text, *text ? "," : "", name, value) : text;
}

static const char *number(struct eg_run *r, const char *text, const char *name, const char *form,
                          struct eg_obj o)
{
    uint64_t v;

    return eg_load(&v, o) && v ? eg_strf(r, "%s%s%s=%s", text, *text ? "," : "", name,
                                         *form == 'o' ? eg_strf(r, "%03llo", (unsigned long long)v)
                                                      : eg_strf(r, "%llu", (unsigned long long)v))
                               : text;
}

/* mm/shmem.c, shmem_show_options(); the kernel leaves out what is the default. */
static const char *tmpfs_options(struct eg_run *r, struct eg_obj sb)
{
    static const char *const huge[] = { NULL, "always", "within_size", "advise" };
    struct eg_obj info = eg_cast(eg_at(sb, super_block.s_fs_info), shmem_sb_info);
    const char *text = "";
    uint64_t blocks;
    uint8_t when;

    if (eg_get(&blocks, info, shmem_sb_info.max_blocks) && blocks &&
        blocks < UINT64_MAX >> linux_page_shift(r))
        text = eg_strf(r, "size=%lluk", (unsigned long long)(blocks << linux_page_shift(r)) / 1024);
    text = number(r, text, "nr_inodes", "u", eg_at(info, shmem_sb_info.max_inodes));
    text = number(r, text, "mode", "o", eg_at(info, shmem_sb_info.mode));
    text = number(r, text, "uid", "u", eg_at(info, shmem_sb_info.uid));
    text = number(r, text, "gid", "u", eg_at(info, shmem_sb_info.gid));
    if (eg_get(&when, info, shmem_sb_info.huge) && when < countof(huge))
        text = add(r, text, "huge", huge[when]);
    return text;
}

/* Since 6.5 an array: the first is the option as it was given, where it was one text; the lower
 * layers follow (fs/overlayfs/params.c). */
static const char *lower_layers(struct eg_run *r, struct eg_obj ofs)
{
    enum { LAYERS_MAX = 501 }; // OVL_MAX_STACK and the upper one
    struct eg_obj all = eg_at(ofs, ovl_lowerdirs);
    const char *text = eg_string(r, eg_index(all, 0), 4096);
    struct linux_text layers = { .r = r };
    uint32_t n;

    if (text && *text)
        return text;
    for (uint32_t i = 1; eg_get(&n, ofs, ovl_fs.numlayer) && i < EG_MIN(n, LAYERS_MAX); i++) {
        const char *one = eg_string(r, eg_index(all, i), 4096);

        linux_text_add(&layers, "%s%s", i > 1 ? ":" : "", one ? one : "?");
    }
    return layers.n ? linux_text_of(&layers) : NULL;
}

static const char *overlay_options(struct eg_run *r, struct eg_obj sb)
{
    struct eg_obj ofs = eg_cast(eg_at(sb, super_block.s_fs_info), ovl_fs);
    const char *text = "";

    text = add(r, text, "lowerdir",
               eg_has(r, ovl_lowerdir) ? eg_string(r, eg_at(ofs, ovl_lowerdir), 4096)
                                       : lower_layers(r, ofs));
    text = add(r, text, "upperdir", eg_string(r, eg_at(ofs, ovl_upperdir), 4096));
    return add(r, text, "workdir", eg_string(r, eg_at(ofs, ovl_workdir), 4096));
}

static struct eg_cell own_options(struct eg_run *r, struct eg_obj sb)
{
    const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 32);

    if (type && (!strcmp(type, "tmpfs") || !strcmp(type, "devtmpfs")))
        return eg_text(tmpfs_options(r, sb));
    if (type && !strcmp(type, "overlay"))
        return eg_has_type(r, ovl_fs) ? eg_text(overlay_options(r, sb))
                                      : eg_missing(EG_NO_TYPE, sb.addr);
    return (struct eg_cell){ 0 };
}

static struct eg_cell options(struct eg_run *r, struct eg_obj sb)
{
    const char *text;
    uint64_t flags;

    if (!eg_get(&flags, sb, super_block.s_flags))
        return eg_val(sb, super_block.s_flags);
    text = flags & SB_RDONLY ? "ro" : "rw";
    for (const struct eg_constant *c = linux_sb_option_names; c->name; c++)
        if (flags & c->value)
            text = eg_strf(r, "%s,%s", text, c->name);
    return eg_text(text);
}

static struct eg_cell uuid(struct eg_run *r, struct eg_obj sb)
{
    uint8_t b[16];

    if (!eg_has(r, super_block.s_uuid) ||
        !eg_read(sb.view, sb.space, eg_at(sb, super_block.s_uuid).addr, b, sizeof b) ||
        eg_all_zero(b, sizeof b))
        return (struct eg_cell){ 0 };
    return eg_text(eg_strf(
        r, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]));
}

static uint64_t count_inodes(const struct linux_inodes *all, uint64_t sb)
{
    const size_t first = eg_lower_bound(all->n, i, all->at[i].sb < sb);

    return eg_lower_bound(all->n, i, all->at[i].sb <= sb) - first;
}

static int run(struct eg_run *r)
{
    const struct linux_inodes *all = linux_inodes(r);
    struct eg_obj sb, m;

    if (!all)
        return 0;
    linux_each_superblock(r, sb)
    {
        struct eg_obj dev = eg_at(sb, super_block.s_dev);
        uint64_t mounts = 0;

        linux_each_sb_mount(r, sb, m)
        {
            mounts++;
        }
        eg_row(r, .OFFSET = eg_addr(sb), .MAJOR = linux_major_cell(dev),
               .MINOR = linux_minor_cell(dev), .DEVICE = eg_val(sb, super_block.s_id),
               .FSTYPE = linux_superblock_type(r, sb),
               .MOUNT_POINT = eg_text(linux_superblock_where(r, sb)),
               .NS = linux_superblock_ns(r, sb), .MOUNTS = eg_uint(mounts),
               .REFERENCES = eg_val(sb, sb_active), .INODES = eg_uint(count_inodes(all, sb.addr)),
               .UUID = uuid(r, sb), .SB_OPTIONS = options(r, sb), .FS_OPTIONS = own_options(r, sb));
    }
    return 0;
}

EG_PLUGIN(superblocks) = {
    .os = "linux",
    .help = "List file systems, mounted or kept by the kernel, with their mounts and inodes",
    .manual =
        "Every super_block of the kernel's list, also those that no mount shows: file systems "
        "of the kernel itself (sockfs, pipefs), those unmounted lazily, and the kernel's own "
        "mounts of shared memory. MOUNT_POINT is empty where none is in a namespace. mounts "
        "lists each mount of them, fsstat what is known of their space, inodes their files.",
    .columns = columns,
    .needs = EG_NEEDS(super_block.s_list, inode.i_sb),
    .uses = EG_NAMES("superblocks"),
    .run = run,
    .moves = EG_NAMES("REFERENCES", "INODES"),
};
