/* recover_file.c - what a file says of itself, its names and places, its digest. */
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/overlay.h"
#include "../linux/fs/superblock.h"
#include "recover.h"

enum { NAMES_MAX = 1024, ZEROS = 1 << 16 };
static const uint64_t zeros_max = UINT64_C(4) << 30; // whose digest is made, of all files

bool recover_look(struct recover *x, const struct linux_inode *in, struct recover_file *f)
{
    *f = (struct recover_file){ .in = in, .inode = eg_object(x->r, inode, in->inode) };
    f->sb = eg_deref(eg_at(f->inode, inode.i_sb));
    if (!eg_get(&f->mode, f->inode, inode.i_mode))
        return false;
    f->has_uid = eg_get(&f->uid, f->inode, inode_uid);
    f->has_gid = eg_get(&f->gid, f->inode, inode_gid);
    f->has_links = eg_get(&f->links, f->inode, inode.i_nlink);
    f->size = eg_get_or(UINT64_C(0), f->inode, inode.i_size);
    return true;
}

static void add_name(struct recover *x, struct recover_file *f, size_t *cap, const char *name)
{
    f->names = eg_grow(x->r, f->names, f->n_names, cap, sizeof *f->names);
    f->names[f->n_names++] = name;
}

/* Where files go whose file system is mounted nowhere. */
static const char *top_of(struct recover *x, const struct recover_file *f)
{
    const char *type = eg_string(x->r, eg_at(f->sb, super_block.s_type, file_system_type.name), 32);
    const uint32_t dev = eg_get_or(0u, f->sb, super_block.s_dev);

    if (linux_superblock_where(x->r, f->sb))
        return "files";
    return eg_strf(x->r, "unmounted-%u-%u-%s", linux_major(dev), linux_minor(dev),
                   type ? type : "unknown");
}

/* Several overlays may show one file: the next one is found by the last one's address. */
bool recover_find_overlaid(struct recover *x)
{
    const struct linux_inodes *all = linux_inodes(x->r);
    struct eg_map *files = eg_run_map(x->r); // of a file in @last
    uint64_t sb = 0, nth, *last = NULL;
    size_t n = 0, cap = 0;
    bool is = false;

    x->overlaid = eg_run_map(x->r);
    for (size_t i = 0; all && i < all->n && !eg_stopped(x->r); i++) {
        struct eg_obj inode = eg_object(x->r, inode, all->at[i].inode);
        struct eg_obj data;
        uint64_t at;

        if (sb != all->at[i].sb) {
            sb = all->at[i].sb;
            is = linux_is_overlay(x->r, inode);
        }
        if (!is)
            continue;
        data = linux_overlay_data(x->r, inode);
        at = data.addr;
        if (linux_is_overlay(x->r, data)) // the layer below is not known
            continue;
        if (eg_map_get(files, at, &nth)) {
            at = last[nth];
        } else {
            eg_run_map_add(x->r, files, at, n);
            last = eg_grow(x->r, last, nth = n, &cap, sizeof *last);
            n++;
        }
        last[nth] = inode.addr;
        eg_run_map_add(x->r, x->overlaid, at, inode.addr);
    }
    return all && !eg_stopped(x->r);
}

static void add_names(struct recover *x, struct recover_file *f, struct eg_obj inode, size_t *cap)
{
    const char *path;

    linux_each_name(x->r, inode, path)
    {
        if (f->n_names == NAMES_MAX) {
            eg_note(x->r, "the inode at %#llx has more than %d names: the others are left out",
                    (unsigned long long)f->in->inode, NAMES_MAX);
            break;
        }
        add_name(x, f, cap, path);
    }
}

void recover_names(struct recover *x, struct recover_file *f)
{
    uint64_t at = f->in->inode;
    size_t cap = 0;

    add_names(x, f, f->inode, &cap);
    f->n_own = f->n_names;
    // A chain begins with an inode of another file system, and each of an overlay is in one only.
    while (eg_map_get(x->overlaid, at, &at))
        add_names(x, f, eg_object(x->r, inode, at), &cap);
    for (int i = 0; i < RECOVER_TIMES; i++) {
        const struct eg_cell c = linux_inode_time(x->r, f->inode, (enum linux_inode_time)i);

        f->has_time[i] = c.tag == EG_CELL_INT;
        f->time[i] = f->has_time[i] ? c.i : 0;
    }
}

static const char *nameless(struct recover *x, const struct recover_file *f)
{
    uint32_t dev;

    if ((f->mode & S_IFMT_) == S_IFBLK_ && eg_get(&dev, f->inode, inode.i_rdev))
        return eg_strf(x->r, "block-%u-%u", linux_major(dev), linux_minor(dev));
    return eg_strf(x->r, "nameless/inode-%llu", (unsigned long long)f->in->ino);
}

void recover_place(struct recover *x, struct recover_file *f)
{
    const char *top = top_of(x, f);
    size_t cap = 0;

    if (!f->n_names)
        add_name(x, f, &cap, NULL);
    f->out = eg_tmp(x->r, f->n_names * sizeof *f->out);
    for (size_t i = 0; i < f->n_names; i++) {
        const char *path = f->names[i];

        if (i >= f->n_own && f->n_own)
            top = "files"; // an overlay is mounted
        if (!path)
            path = nameless(x, f);
        f->out[i] = (f->mode & S_IFMT_) == S_IFDIR_ ? eg_outnames_find(&x->names, top, path)
                                                    : eg_outnames_place(&x->names, top, path);
        if (!f->out[i] && (f->mode & S_IFMT_) != S_IFDIR_)
            eg_run_leave(x->r);
    }
}

static bool add(void *context, uint64_t at, const void *bytes, size_t len)
{
    (void)at;
    return eg_digest_add(context, bytes, len);
}

static bool add_zeros(struct recover *x, uint64_t len)
{
    static const uint8_t zeros[ZEROS];

    if (len > zeros_max - x->zeros) {
        eg_note(x->r, "files of tmpfs and the like have more than 4 GiB that was never written to: "
                      "some have no digest");
        return false;
    }
    x->zeros += len;
    while (len && !eg_stopped(x->r)) {
        const size_t n = (size_t)EG_MIN(len, (uint64_t)ZEROS);

        if (!eg_digest_add(x->digest, zeros, n))
            return false;
        len -= n;
    }
    return !len;
}

void recover_sum(struct recover *x, struct recover_file *f)
{
    const struct linux_content *c = &x->content;
    bool ok;

    if (!x->digest || !c->whole)
        return;
    ok = eg_digest_begin(x->digest);
    for (size_t i = 0; ok && i < c->parts.n; i++)
        ok = c->parts.at[i].kind == LINUX_CONTENT_ZEROS
                 ? add_zeros(x, c->parts.at[i].len)
                 : linux_content_read(x->r, &c->parts.at[i], add, x->digest);
    f->summed = ok && eg_digest_end(x->digest, &f->sums);
}

void recover_note_cut(struct recover *x, const struct recover_file *f)
{
    eg_note(x->r, "%s: a size of %llu bytes cannot be written here: it has %llu%s", f->out[0],
            (unsigned long long)x->content.size, (unsigned long long)f->end,
            f->cut ? ", and pages behind these are left out" : ", up to its last page");
}
