/* recover_tree.c - files into folders below the folder of -o. */
#include "../../core/run.h"
#include "recover.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PERMISSIONS = 07777, HARMLESS = 0777 };

static struct timespec time_of(const struct recover_file *f, enum linux_inode_time which)
{
    return f->has_time[which] ? recover_time(f, which) : (struct timespec){ .tv_nsec = UTIME_OMIT };
}

/* Without --preserve nothing that gives rights to a program, and what the analyst can read. */
static void set_attributes(struct recover *x, const struct recover_file *f, int fd, bool folder)
{
    const struct timespec times[2] = { time_of(f, LINUX_ATIME), time_of(f, LINUX_MTIME) };
    mode_t mode = f->mode & (x->preserve ? PERMISSIONS : HARMLESS);

    if (!x->preserve)
        mode |= folder ? 0700 : 0400;
    else if (fchown(fd, f->has_uid ? f->uid : (uid_t)-1, f->has_gid ? f->gid : (gid_t)-1) < 0)
        x->n_owners++;
    for (size_t i = 0; x->preserve && i < f->n_xattrs; i++)
        if (fsetxattr(fd, f->xattrs[i].name, f->xattrs[i].value, f->xattrs[i].len, 0) < 0)
            x->n_owners++;
    if (fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
        x->n_owners++;
}

static bool failed(struct recover *x, const char *path)
{
    eg_run_fail(x->r, EG_EIO, "%s: %s", path, strerror(errno));
    return false;
}

struct target {
    struct recover_file *f;
    int fd;
};

/* Zeros need no room. */
static bool put(void *context, uint64_t at, const void *bytes, size_t len)
{
    enum { BLOCK = 4096 };
    struct target *t = context;
    const uint8_t *p = bytes;

    for (size_t from = 0; from < len;) {
        size_t to = from;
        ssize_t n;

        while (to < len && !eg_all_zero(p + to, EG_MIN(len - to, (size_t)BLOCK)))
            to += EG_MIN(len - to, (size_t)BLOCK);
        while (from < to) {
            n = pwrite(t->fd, p + from, to - from, (off_t)(at + from));
            if (n < 0 && (errno == EFBIG || errno == EINVAL))
                return t->f->cut = true; // this disk has no files of that size
            if (n < 0 && errno != EINTR)
                return false;
            from += n > 0 ? (size_t)n : 0;
        }
        while (from < len && eg_all_zero(p + from, EG_MIN(len - from, (size_t)BLOCK)))
            from += EG_MIN(len - from, (size_t)BLOCK);
    }
    return true;
}

/* A size that this disk cannot have is cut to what is there. */
static bool set_size(struct recover *x, struct recover_file *f, int fd)
{
    struct stat st;

    f->end = x->content.size;
    if (f->end <= INT64_MAX && ftruncate(fd, (off_t)f->end) == 0)
        return true;
    if (errno != EFBIG && errno != EINVAL)
        return false;
    f->end = x->content.end;
    if (f->cut || ftruncate(fd, (off_t)f->end) < 0) {
        f->cut = true;
        if (fstat(fd, &st) < 0)
            return false;
        f->end = (uint64_t)st.st_size;
    }
    recover_note_cut(x, f);
    return true;
}

static bool write_bytes(struct recover *x, struct recover_file *f, int fd)
{
    struct linux_content *c = &x->content;
    struct target t = { f, fd };

    for (size_t i = 0; i < c->parts.n; i++)
        if (!linux_content_read(x->r, &c->parts.at[i], put, &t))
            return eg_stopped(x->r) ? false : failed(x, f->out[0]);
    return set_size(x, f, fd) || failed(x, f->out[0]);
}

bool recover_to_tree(struct recover *x, struct recover_file *f)
{
    const int fd = eg_outtree_create(x->tree, f->out[0]);
    bool ok;

    if (fd < 0)
        return false;
    ok = write_bytes(x, f, fd);
    if (ok)
        set_attributes(x, f, fd, false);
    if (close(fd) < 0 && ok)
        ok = failed(x, f->out[0]);
    for (size_t i = 1; ok && i < f->n_names; i++) {
        if (!eg_outtree_link(x->tree, f->out[0], f->out[i])) {
            x->n_links++;
            f->out[i] = NULL;
        }
        ok = !eg_stopped(x->r);
    }
    return ok;
}

bool recover_folder_to_tree(struct recover *x, const struct recover_file *f, const char *out)
{
    const int fd = eg_outtree_folder(x->tree, out);

    if (fd < 0)
        return false;
    set_attributes(x, f, fd, true);
    close(fd);
    return true;
}
