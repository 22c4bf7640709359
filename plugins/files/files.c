/* files - every file that memory knows, and how much of it is cached: one row for each of its
 * names. */
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/overlay.h"
#include "../linux/fs/superblock.h"
#include "../linux/mm/filemap.h"
#include "../linux/mm/xattr.h"
#include "../linux/text.h"
#include "filter.h"
#include <ctype.h>

#define COLUMNS(C)                                                                                 \
    C(SUPERBLOCK, ADDR, "address of the file system's super_block", EG_MINOR)                      \
    C(MOUNT_POINT, TEXT, "where that is mounted", EG_MINOR)                                        \
    C(MAJOR, INT, "device of the file system: its driver's number", EG_MINOR)                      \
    C(MINOR, INT, "device of the file system: its number there", EG_MINOR)                         \
    C(INODE, INT, "inode number")                                                                  \
    C(INODE_ADDRESS, ADDR, "address of the inode", EG_MINOR)                                       \
    C(TYPE, TEXT, "REG, DIR, LNK, BLK, CHR, FIFO, SOCK")                                           \
    C(INODE_PAGES, INT, "pages that the file's size takes", EG_MINOR)                              \
    C(CACHED_PAGES, INT, "of these, those that are in the page cache")                             \
    C(DIRTY_PAGES, INT, "of these, those that were not written to the disk yet", EG_MINOR)         \
    C(SWAPPED_PAGES, INT, "pages of shared memory that were swapped out", EG_MINOR)                \
    C(FILE_MODE, TEXT, "type and permissions, as ls shows them")                                   \
    C(UID, INT, "owner", EG_MINOR)                                                                 \
    C(GID, INT, "the owner's group", EG_MINOR)                                                     \
    C(LINKS, INT, "names that the file still has", EG_MINOR)                                       \
    C(ATIME, TIME, "last read", EG_MINOR)                                                          \
    C(MTIME, TIME, "last change of its bytes")                                                     \
    C(CTIME, TIME, "last change of its inode", EG_MINOR)                                           \
    C(BTIME, TIME, "birth", EG_MINOR)                                                              \
    C(SIZE, INT, "bytes of the file")                                                              \
    C(PATH, TEXT, "one of its names")                                                              \
    C(TARGET, TEXT, "where a symbolic link leads", EG_MINOR)                                       \
    C(XATTRS, TEXT, "extended attributes that memory has", EG_MINOR | EG_LIST)
EG_COLUMNS(COLUMNS);

struct counts {
    uint64_t size, pages, cached, dirty, swapped, bad;
    bool ok;
};

static void count(struct eg_run *r, struct eg_obj inode, struct counts *n)
{
    struct linux_cached_walk w;
    struct linux_cached c;

    *n = (struct counts){ .ok = linux_cached_begin(r, linux_overlay_data(r, inode), &w) };
    if (!n->ok)
        return;
    while (linux_cached_next(&w, &c)) {
        const uint64_t pages = c.last - c.first + 1;

        if (c.why == EG_SWAPPED)
            n->swapped += pages;
        else if (!c.why)
            n->cached += pages;
        if (c.dirty)
            n->dirty += pages;
    }
    n->size = w.size;
    n->pages = w.size ? ((w.size - 1) >> w.m->shift) + 1 : 0;
    n->bad = w.n_bad;
}

/* NAME="text" as getfattr has it; what is no text as 0x…. */
static const char *xattr_text(struct eg_run *r, const struct linux_xattr *x)
{
    enum { SHOWN = 4096 };
    size_t len = x->len && !x->value[x->len - 1] ? x->len - 1 : x->len; // a final NUL is common
    bool plain = len <= SHOWN;
    char *hex;

    for (size_t i = 0; i < len && plain; i++)
        plain = isprint(x->value[i]) && x->value[i] != '"';
    if (plain)
        return eg_strf(r, "%s=\"%.*s\"", x->name, (int)len, (const char *)x->value);
    len = EG_MIN(x->len, (size_t)SHOWN);
    hex = eg_tmp(r, 2 * len + 1);
    eg_hex(hex, x->value, len);
    return eg_strf(r, "%s=0x%s%s", x->name, hex, len < x->len ? "…" : "");
}

static const char *xattrs_of(struct eg_run *r, struct eg_obj inode)
{
    struct linux_text text = { .r = r };
    struct linux_xattr *list;
    bool whole;
    const size_t n = linux_xattrs(r, inode, &list, &whole);

    for (size_t i = 0; i < n; i++)
        linux_text_add(&text, "%s%s", i ? ", " : "", xattr_text(r, &list[i]));
    return n ? linux_text_of(&text) : NULL;
}

struct place {
    const char *where;
    uint64_t sb;
};

static void emit(struct eg_run *r, const struct row *row, const char *path)
{
    struct row own = *row;

    own.PATH = eg_text(path);
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&own, sizeof own / sizeof(struct eg_cell));
}

static void show(struct eg_run *r, struct file_filter *filter, const struct linux_inode *in,
                 struct place *at)
{
    struct eg_obj inode = eg_object(r, inode, in->inode), sb = eg_object(r, super_block, in->sb);
    struct counts n = { 0 };
    struct row row;
    const char *path, **names = NULL;
    size_t n_names = 0, cap = 0;
    uint32_t mode;

    if (!eg_get(&mode, inode, inode.i_mode) || !file_filter_type(filter, mode, 0))
        return;
    count(r, inode, &n);
    if (eg_arg_flag(r, "cached") && !n.cached && !n.swapped)
        return;
    linux_each_name(r, inode, path)
    {
        names = eg_grow(r, names, n_names, &cap, sizeof *names);
        names[n_names++] = path;
    }
    if (!file_filter_names(filter, names, n_names))
        return;
    filter->found = true;
    if (at->sb != in->sb)
        *at = (struct place){ linux_superblock_where(r, sb), in->sb };
    if (n.bad)
        eg_note(r,
                "the file with the inode at %#llx: %llu entries of its page cache lead to pages "
                "that are not its own: left out",
                (unsigned long long)in->inode, (unsigned long long)n.bad);
    row = (struct row){
        .SUPERBLOCK = eg_uint(in->sb),
        .MOUNT_POINT = eg_text(at->where),
        .MAJOR = linux_major_cell(eg_at(sb, super_block.s_dev)),
        .MINOR = linux_minor_cell(eg_at(sb, super_block.s_dev)),
        .INODE = eg_uint(in->ino),
        .INODE_ADDRESS = eg_uint(in->inode),
        .TYPE = eg_text(file_type_name(mode)),
        .INODE_PAGES = n.ok ? eg_uint(n.pages) : eg_missing(EG_UNREADABLE, in->inode),
        .CACHED_PAGES = n.ok ? eg_uint(n.cached) : eg_missing(EG_UNREADABLE, in->inode),
        .DIRTY_PAGES = n.ok ? eg_uint(n.dirty) : eg_missing(EG_UNREADABLE, in->inode),
        .SWAPPED_PAGES = n.ok ? eg_uint(n.swapped) : eg_missing(EG_UNREADABLE, in->inode),
        .FILE_MODE = linux_inode_mode(r, inode),
        .UID = eg_val(inode, inode_uid),
        .GID = eg_val(inode, inode_gid),
        .LINKS = eg_val(inode, inode.i_nlink),
        .ATIME = linux_inode_time(r, inode, LINUX_ATIME),
        .MTIME = linux_inode_time(r, inode, LINUX_MTIME),
        .CTIME = linux_inode_time(r, inode, LINUX_CTIME),
        .BTIME = linux_inode_time(r, linux_overlay_data(r, inode), LINUX_BTIME),
        .SIZE = n.ok ? eg_uint(n.size) : eg_val(inode, inode.i_size),
        .TARGET = eg_text(linux_link_target(r, inode)),
        .XATTRS = eg_text(xattrs_of(r, inode)),
    };
    for (size_t i = 0; i < n_names; i++)
        if (file_filter_name(filter, names[i]))
            emit(r, &row, names[i]);
    if (!n_names)
        emit(r, &row, NULL);
}

static int run(struct eg_run *r)
{
    const struct linux_inodes *all = linux_inodes(r);
    struct file_filter filter;
    struct place at = { NULL, 0 };

    if (!file_filter_open(r, &filter))
        return r->status;
    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++)
        if (file_filter_inode(&filter, &all->at[i]))
            show(r, &filter, &all->at[i], &at);
    file_filter_done(&filter);
    return r->status;
}

EG_PLUGIN(files) = {
    .os = "linux",
    .help =
        "List the files that memory knows: sizes, owners, times, and how much of each is cached",
    .manual =
        "Every inode that memory holds, by names, lists and tables of the kernel: also of deleted "
        "files, and those without a name. A file of several names (hard links) has a row for each "
        "that memory knows; LINKS is how many there are. Times, sizes and owners are the kernel's "
        "own, which the disk may not have yet. Files that were not used lately are not in memory: "
        "that one is missing here says nothing. Pages of files of an overlay are those of the file "
        "in "
        "the layer below, which has a row of its own. Extended attributes are those of tmpfs, of "
        "ext4 where the block is cached, and of xfs where they fit into the inode. recover writes "
        "what is cached; inodes tells by which ways an inode was found.",
    .aliases = EG_NAMES("linux.pagecache.Files", "linux_enumerate_files"),
    .columns = columns,
    .args = EG_ARGS(FILE_FILTER_ARGS,
                    EG_ARG(cached, FLAG, "only files of which memory has a page")),
    .needs = EG_NEEDS(inode.i_mapping, inode.i_size, inode.i_mode, inode.i_sb),
    .uses = EG_NAMES("inodes"),
    .run = run,
    .key = EG_NAMES("SUPERBLOCK", "INODE", "PATH"),
    .moves = EG_NAMES("INODE_PAGES", "CACHED_PAGES", "DIRTY_PAGES", "SWAPPED_PAGES", "ATIME"),
};
