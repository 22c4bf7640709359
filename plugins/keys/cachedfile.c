/* cachedfile.c - see cachedfile.h. */
#include "cachedfile.h"
#include "../../core/base.h"
#include "../linux/fs/dentry.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/inodes.h"
#include "../linux/mm/filemap.h"
#include <string.h>

enum { FILES_MAX = 4096, NAMES_MAX = 16, NAME_LEN = 256, PAGE = 4096 };
enum { REGULAR = 0100000, FORMAT = 0170000 };

/* Has the inode a name that is wanted? @name has NAME_LEN bytes. */
static bool is_wanted(struct eg_run *r, struct eg_obj inode, bool (*wanted)(const char *),
                      char *name)
{
    struct eg_obj dentry;
    unsigned n = 0;

    eg_each_hlist(dentry, eg_at(inode, inode.i_dentry), dentry_alias) {
        uint64_t at;
        uint32_t len;

        if (n++ == NAMES_MAX)
            break;
        if (!eg_get(&len, dentry, dentry_len) || !len || len >= NAME_LEN ||
            !eg_get(&at, dentry, dentry_name) ||
            !eg_read(eg_view_of(r), eg_kernel(r), at, name, len))
            continue;
        name[len] = 0;
        if (wanted(name))
            return true;
    }
    return false;
}

static const char *path_of(struct eg_run *r, struct eg_obj inode, const char *name)
{
    const char *path;

    linux_each_name(r, inode, path)
    {
        return path;
    }
    return eg_strf(r, "%s", name);
}

/* What is cached, with zeros for the rest. @return how many pages were there. */
static size_t read_pages(struct eg_run *r, struct eg_space *file, uint8_t *bytes, size_t len)
{
    size_t n = 0;

    for (size_t at = 0; at < len; at += PAGE) {
        const size_t some = EG_MIN(len - at, (size_t)PAGE);

        if (eg_read(eg_view_of(r), file, at, bytes + at, some))
            n++;
        else
            memset(bytes + at, 0, some);
    }
    return n;
}

void eg_cached_files(struct eg_vault *v, bool (*wanted)(const char *name),
                     void (*use)(struct eg_vault *v, const struct eg_cached_file *f, void *context),
                     void *context)
{
    struct eg_run *r = v->r;
    const struct linux_inodes *all = linux_inodes(r);
    uint8_t *bytes = NULL;
    size_t n = 0;

    for (size_t i = 0; all && i < all->n && n < FILES_MAX && !eg_stopped(r); i++) {
        struct eg_obj inode = eg_object(r, inode, all->at[i].inode);
        struct eg_cached_file f = { 0 };
        char name[NAME_LEN];
        const char *slash;
        struct eg_space *file;
        uint64_t size;
        size_t pages;
        uint16_t mode;

        if (!eg_get(&mode, inode, inode.i_mode) || (mode & FORMAT) != REGULAR ||
            !is_wanted(r, inode, wanted, name) || !linux_file_size(inode, &size) || !size ||
            !(file = linux_file_space(r, inode)))
            continue;
        n++;
        if (!bytes)
            bytes = eg_tmp(r, EG_CACHED_FILE_MAX);
        f.len = (size_t)EG_MIN(size, (uint64_t)EG_CACHED_FILE_MAX);
        pages = read_pages(r, file, bytes, f.len);
        if (!pages)
            continue;
        f.bytes = bytes;
        f.whole = f.len == size && pages == (f.len + PAGE - 1) / PAGE;
        f.path = path_of(r, inode, name);
        slash = strrchr(f.path, '/');
        f.name = slash ? slash + 1 : f.path;
        use(v, &f, context);
    }
    if (n == FILES_MAX)
        eg_note(r, "only the first %d files with passwords or tickets are looked at", FILES_MAX);
}
