/* kmodule_find.c - files of modules, by name. */
#include "../../../core/run.h"
#include "../fs/dentry.h"
#include "../fs/inode.h"
#include "../fs/inodes.h"
#include "../fs/superblock.h"
#include "../mm/filemap.h"
#include "kmodule.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 1 << 16, DEPTH_MAX = 16, NAME_LEN = 256 };

/* "kvm_intel" of kvm-intel.ko.xz; NULL: no module's file. */
static const char *module_of(struct eg_run *r, const char *file)
{
    static const char *const ends[] = { ".ko", ".ko.xz", ".ko.zst", ".ko.gz" };
    const size_t len = strlen(file);

    for (size_t i = 0; i < countof(ends); i++) {
        const size_t end = strlen(ends[i]);
        char *name;

        if (len <= end || strcmp(file + len - end, ends[i]) != 0)
            continue;
        name = eg_strf(r, "%.*s", (int)(len - end), file);
        for (char *p = name; *p; p++)
            *p = *p == '-' ? '_' : *p;
        return name;
    }
    return NULL;
}

static void add(struct eg_run *r, struct linux_kmodule_files *f, struct linux_kmodule_file file)
{
    if (f->n == FILES_MAX) {
        f->cut = true;
        return;
    }
    f->at = eg_grow(r, f->at, f->n, &f->cap, sizeof *f->at);
    f->at[f->n++] = file;
}

static int by_name(const void *a, const void *b)
{
    const struct linux_kmodule_file *x = a, *y = b;
    const int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->path, y->path);
}

static void sort(struct linux_kmodule_files *f)
{
    if (f->n)
        qsort(f->at, f->n, sizeof *f->at, by_name);
}

size_t linux_kmodule_first(const struct linux_kmodule_files *f, const char *name)
{
    return eg_lower_bound(f->n, i, strcmp(f->at[i].name, name) < 0);
}

/* ---- of this machine ---- */

struct folders { /* that are open, which the run may leave at any allocation */
    DIR *at[DEPTH_MAX + 1];
};

static void close_folders(void *arg)
{
    struct folders *f = arg;

    for (unsigned i = 0; i < countof(f->at); i++)
        if (f->at[i])
            closedir(f->at[i]);
    free(f);
}

/* Symbolic links to folders (build, source) are not followed. */
static bool gather(struct eg_run *r, struct folders *f, const char *folder, unsigned depth,
                   struct linux_kmodule_files *out)
{
    DIR *dir = f->at[depth] = opendir(folder);
    const struct dirent *e;

    if (!dir)
        return false;
    while (!out->cut && !eg_stopped(r) && (e = readdir(dir))) {
        const char *name = module_of(r, e->d_name);
        char path[4096];
        struct stat st;

        if (*e->d_name == '.' ||
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path ||
            lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            gather(r, f, path, depth + 1, out);
        else if (name && stat(path, &st) == 0 && S_ISREG(st.st_mode))
            add(r, out,
                (struct linux_kmodule_file){ name, eg_strf(r, "%s", path), { .why = EG_NULL } });
    }
    closedir(dir);
    f->at[depth] = NULL;
    return true;
}

bool linux_kmodule_folder(struct eg_run *r, const char *path, struct linux_kmodule_files *out)
{
    struct folders *f = calloc(1, sizeof *f);

    *out = (struct linux_kmodule_files){ 0 };
    if (!f) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for names of files");
        eg_run_leave(r);
    }
    eg_run_defer(r, close_folders, f);
    if (!gather(r, f, path, 0, out))
        return false;
    sort(out);
    return true;
}

/* ---- of the image ---- */

static bool has_pages(struct eg_run *r, struct eg_obj inode)
{
    struct linux_cached_walk w = { 0 };
    struct linux_cached page;

    return linux_cached_begin(r, inode, &w) && linux_cached_next(&w, &page);
}

void linux_kmodule_cached(struct eg_run *r, struct linux_kmodule_files *out)
{
    const struct linux_inodes *all = linux_inodes(r);

    *out = (struct linux_kmodule_files){ 0 };
    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++) {
        struct eg_obj inode = eg_object(r, inode, all->at[i].inode), dentry;

        eg_each_hlist(dentry, eg_at(inode, inode.i_dentry), dentry_alias) {
            const char *file = eg_string(r, eg_at(dentry, dentry_name), NAME_LEN);
            const char *name = file ? module_of(r, file) : NULL;
            const char *path = name && has_pages(r, inode) ? linux_dentry_where(r, dentry) : NULL;

            if (path) {
                add(r, out, (struct linux_kmodule_file){ name, path, inode });
                break;
            }
        }
    }
    sort(out);
}
