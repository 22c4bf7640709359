/* overlay.c - overlayfs (fs/overlayfs/ovl_entry.h): its inodes have no pages of their own. */
#include "overlay.h"
#include "dentry.h"
#include "inode.h"

EG_FIELDS_OF("overlay", ovl_inode, __upperdentry, lowerdata, oe, vfs_inode);
EG_FIELD_AS_OF("overlay", ovl_lower, ovl_inode, "lowerpath.dentry"); // 5.19 to 6.4
EG_FIELD_AS_OF("overlay", ovl_lower_inode, ovl_inode, "lower");      // before
EG_FIELDS_OF("overlay", ovl_entry, __numlower, __lowerstack);        // in the inode since 6.5
EG_FIELDS_OF("overlay", ovl_path, dentry);

enum { LAYERS_MAX = 1024, DEPTH_MAX = 8 }; // an overlay may lie on another one

bool linux_is_overlay(struct eg_run *r, struct eg_obj inode)
{
    struct eg_obj type = eg_at(inode, inode.i_sb, super_block.s_type, file_system_type.name);
    const char *fs = eg_string(r, type, 16);

    return fs && __builtin_strcmp(fs, "overlay") == 0;
}

/* The last of the lower layers that have something of the file has its bytes. */
static struct eg_obj lower_of(struct eg_run *r, struct eg_obj own, bool regular)
{
    struct eg_obj entry = eg_deref(eg_at(own, ovl_inode.oe));
    uint64_t n, at;

    if (!entry.why) {
        if (!eg_get(&n, entry, ovl_entry.__numlower) || !n || n > LAYERS_MAX)
            return eg_bad(entry, EG_BAD_VALUE, entry.addr);
        return eg_deref(eg_at(eg_index(eg_at(entry, ovl_entry.__lowerstack), n - 1),
                              ovl_path.dentry, dentry.d_inode));
    }
    // Of a directory this is its cache.
    if (regular && eg_get(&at, own, ovl_inode.lowerdata) && at)
        return eg_object(r, inode, at);
    entry = eg_deref(eg_at(own, ovl_lower, dentry.d_inode));
    return entry.why ? eg_deref(eg_at(own, ovl_lower_inode)) : entry;
}

struct eg_obj linux_overlay_data(struct eg_run *r, struct eg_obj inode)
{
    enum { S_IFMT = 0170000, S_IFREG = 0100000 };
    const uint32_t kind = eg_get_or(0u, inode, inode.i_mode) & S_IFMT;

    for (int depth = 0; depth < DEPTH_MAX && linux_is_overlay(r, inode); depth++) {
        struct eg_obj own = eg_container(inode, ovl_inode.vfs_inode);
        struct eg_obj real = eg_deref(eg_at(own, ovl_inode.__upperdentry, dentry.d_inode));
        uint32_t mode;

        if (real.why)
            real = lower_of(r, own, kind == S_IFREG);
        if (real.kind != EG_K_STRUCT || !eg_get(&mode, real, inode.i_mode) ||
            (mode & S_IFMT) != kind || real.addr == inode.addr)
            break;
        inode = real;
    }
    return inode;
}

EG_FUNCTION(overlay_data) = {
    .os = "linux",
    .help = "the inode that has a file's bytes: of an overlay that of the layer below",
    .args = "inode",
    .returns = "inode",
    .cursor = linux_overlay_data,
};
