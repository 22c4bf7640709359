/* inodes - every inode in memory, by each way that leads to one. */
#include "../linux/fs/inodes.h"
#include "../../core/base.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "filter.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the inode is")                                                          \
    C(SUPERBLOCK, ADDR, "its file system: OFFSET of superblocks", EG_MINOR)                        \
    C(FSTYPE, TEXT, "kind of file system")                                                         \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(INODE, INT, "inode number")                                                                  \
    C(FILE_MODE, TEXT, "type and permissions")                                                     \
    C(LINKS, INT, "names that it has, on the disk too")                                            \
    C(UID, INT, "its owner")                                                                       \
    C(GID, INT, "its group")                                                                       \
    C(SIZE, INT, "bytes")                                                                          \
    C(ATIME, TIME, "when it was read last", EG_MINOR)                                              \
    C(MTIME, TIME, "when its contents were changed last")                                          \
    C(CTIME, TIME, "when the inode was changed last", EG_MINOR)                                    \
    C(BTIME, TIME, "when it was made", EG_MINOR)                                                   \
    C(FOUND_BY, TEXT, "what leads to it: dentry, list, hash, open", EG_MINOR)                      \
    C(HINTS, TEXT, "orphan, nameless, covered, unlisted", EG_MINOR)                                \
    C(PATH, TEXT, "its name; each hard link in a row of its own")
EG_COLUMNS(COLUMNS);

struct choice {
    struct file_filter types;
    const char *fstype;
    uint64_t sb;                  // whose the texts below are
    bool orphans, matches, lists; // @sb is of the chosen type; has a list of its inodes
    struct eg_cell type_cell, major, minor;
};

static bool is_wanted(struct eg_run *r, const struct choice *c, struct eg_obj inode, uint64_t sb)
{
    uint64_t first, last;
    uint32_t mode, links;

    if (!c->matches)
        return false;
    if (c->types.types &&
        (!eg_get(&mode, inode, inode.i_mode) || !file_filter_type(&c->types, mode, 0)))
        return false;
    if (c->orphans && (!eg_get(&links, inode, inode.i_nlink) || links))
        return false;
    for (size_t i = 0; eg_arg_range(r, "superblock", i, &first, &last); i++)
        if (sb >= first && sb <= last)
            return true;
    return !eg_arg_addr(r, "superblock", &first);
}

/* What is the same for all inodes of a file system. */
static void enter(struct eg_run *r, struct choice *c, const struct linux_inodes *all, size_t i)
{
    struct eg_obj sb = eg_object(r, super_block, all->at[i].sb);
    const char *name = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 64);

    c->sb = sb.addr;
    c->type_cell = linux_superblock_type(r, sb);
    c->major = linux_major_cell(eg_at(sb, super_block.s_dev));
    c->minor = linux_minor_cell(eg_at(sb, super_block.s_dev));
    c->matches = !c->fstype || (name && !strcmp(name, c->fstype));
    c->lists = false;
    for (; i < all->n && all->at[i].sb == sb.addr && !c->lists; i++)
        c->lists = all->at[i].from & LINUX_INODE_LIST;
}

/* A file without links is kept by who has it open; one that a name leads to, or the hash table, is
 * on the list of its file system, unless it was taken off. */
static const char *hints(struct eg_run *r, const struct choice *c, const struct linux_inode *n,
                         struct eg_obj inode, const struct linux_name_walk *name)
{
    const bool orphan = eg_get_or(1u, inode, inode.i_nlink) == 0;
    const bool unlisted = c->lists && !(n->from & LINUX_INODE_LIST) &&
                          n->from & (LINUX_INODE_DENTRY | LINUX_INODE_HASH);
    const char *text = orphan ? "orphan" : "";

    if (!name || linux_dentry_covered(r, name->dentry))
        text = eg_strf(r, "%s%s%s", text, *text ? " " : "", name ? "covered" : "nameless");
    return unlisted ? eg_strf(r, "%s%sunlisted", text, *text ? " " : "") : text;
}

static void show(struct eg_run *r, const struct choice *c, const struct linux_inode *n)
{
    struct eg_obj inode = eg_object(r, inode, n->inode);
    struct eg_cell mode, times[4];
    struct linux_name_walk w = { .inode = inode };
    const char *path = NULL, *by = eg_bits_text(r, linux_inode_from_names, n->from, " ");
    bool named = false;

    mode = linux_inode_mode(r, inode);
    for (int t = 0; t < 4; t++)
        times[t] = linux_inode_time(r, inode, (enum linux_inode_time)t);
#define ROW(path_, named_)                                                                         \
    eg_row(r, .OFFSET = eg_uint(n->inode), .SUPERBLOCK = eg_uint(n->sb), .FSTYPE = c->type_cell,   \
           .MAJOR = c->major, .MINOR = c->minor, .INODE = eg_uint(n->ino), .FILE_MODE = mode,      \
           .LINKS = eg_val(inode, inode.i_nlink), .UID = eg_val(inode, inode_uid),                 \
           .GID = eg_val(inode, inode_gid), .SIZE = linux_inode_size(r, inode), .ATIME = times[0], \
           .MTIME = times[1], .CTIME = times[2], .BTIME = times[3], .FOUND_BY = eg_text(by),       \
           .HINTS = eg_text(hints(r, c, n, inode, named_)), .PATH = eg_text(path_))
    while (linux_next_name(r, &w, &path)) {
        named = true;
        ROW(path, &w);
    }
    if (!named)
        ROW(NULL, NULL);
#undef ROW
}

static int run(struct eg_run *r)
{
    const struct linux_inodes *all = linux_inodes(r);
    struct choice c = { .fstype = eg_arg_text(r, "fstype"), .orphans = eg_arg_flag(r, "orphans") };

    if (!file_filter_types(r, &c.types.types))
        return r->status;
    if (all && !all->hashed)
        eg_note(r, "this kernel does not name its inode_hashtable: inodes that only it has are not "
                   "found");
    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++) {
        if (all->at[i].sb != c.sb)
            enter(r, &c, all, i);
        if (is_wanted(r, &c, eg_object(r, inode, all->at[i].inode), all->at[i].sb))
            show(r, &c, &all->at[i]);
        eg_progress(r, i, all->n);
    }
    return 0;
}

EG_PLUGIN(inodes) = {
    .os = "linux",
    .help = "List every inode in memory, also deleted, nameless and anonymous ones",
    .manual =
        "From the names in memory, the lists of file systems, the hash table of inodes, and what "
        "tasks have open or mapped: each inode once, with a row for each of its names. An `orphan` "
        "has no link any more: a deleted file that something still uses, a memfd, shared memory. "
        "`nameless`: memory has no name of it (on the disk it has LINKS of them). `covered`: "
        "another "
        "file system is mounted on it, and its path leads to that. `unlisted`: a "
        "name or the hash table leads to it, but its file system's list has it not, which is a "
        "damaged list, or a hidden file. What memory holds of their contents: files.",
    .columns = columns,
    .args = EG_ARGS(FILE_TYPE_ARG, EG_ARG(fstype, TEXT, "only of file systems of this type"),
                    EG_ARG(superblock, ADDR, "only of the file systems at these addresses"),
                    EG_ARG(orphans, FLAG, "only those without links")),
    .needs = EG_NEEDS(inode.i_sb, inode.i_ino),
    .uses = EG_NAMES("inodes", "names"),
    .run = run,
    .moves = EG_NAMES("ATIME"),
};
