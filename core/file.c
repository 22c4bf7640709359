/* file.c - a file as a space, mapped. The file system tells where a sparse file has holes, which
 * are never touched; a page that cannot be read is a hole with reason EG_UNREADABLE. */
#include "mapped.h"
#include "space.h"
#include "vec.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct eg_mapped *map;
    int fd;                  // of memory of a running machine, to ask for holes again; else -1
    struct eg_segment *data; // data ranges of a sparse file; NULL: all is data
    size_t n_data;
};

/** Has the machine written to @addr, in what was a hole? Then that page is the extent, else the
 * hole as far as it reaches now. */
static bool was_filled(const struct file *f, uint64_t addr, struct eg_extent *out)
{
    const uint64_t page = addr & ~(uint64_t)(EG_MAPPED_PAGE - 1);
    const off_t data = lseek(f->fd, (off_t)page, SEEK_DATA);

    if (data < 0 && errno == ENXIO) // a hole up to the end of the file
        return false;
    if (data >= 0 && (uint64_t)data > page) {
        out->last = EG_MIN(out->last, (uint64_t)data - 1);
        return false;
    }
    out->start = EG_MAX(out->start, page);
    out->last = EG_MIN(out->last, page + EG_MAPPED_PAGE - 1);
    return true;
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct file *f = as->priv;
    const uint8_t *bytes = f->map->bytes;

    (void)v;
    *out =
        (struct eg_extent){ .start = 0, .last = as->last, .host = bytes, .fleeting = f->fd >= 0 };
    if (f->data) {
        const size_t at = eg_lower_bound(f->n_data, i, f->data[i].last < addr);

        if (at == f->n_data || f->data[at].start > addr) {
            out->start = at ? f->data[at - 1].last + 1 : 0;
            out->last = at < f->n_data ? f->data[at].start - 1 : as->last;
            if (f->fd < 0 || !was_filled(f, addr, out)) {
                out->host = NULL;
                out->zero = true;
                return;
            }
        } else {
            out->start = f->data[at].start;
            out->last = f->data[at].last;
        }
    }
    // Touch the page before returning it. After one page has failed, return single pages.
    *(volatile const uint8_t *)(bytes + addr);
    if (atomic_load(&f->map->faults)) {
        const uint64_t page = addr & ~(uint64_t)(EG_MAPPED_PAGE - 1);

        out->start = EG_MAX(out->start, page);
        out->last = EG_MIN(out->last, page + EG_MAPPED_PAGE - 1);
        if (eg_mapped_is_bad(f->map, addr))
            out->why = EG_UNREADABLE;
    }
    out->host = out->why ? NULL : bytes + out->start;
}

static void close_(struct eg_space *as)
{
    struct file *f = as->priv;

    eg_mapped_close(f->map);
    eg_close_fd_(&f->fd);
    free(f->data);
    free(f);
}

static const struct eg_space_ops ops = { .name = "file", .extent = extent, .close = close_ };

/** Find the data ranges of a sparse file; none if the file system does not support this. */
static void find_holes(struct file *f, int fd)
{
    const uint64_t size = f->map->size;
    EG_VEC(struct eg_segment) runs = { 0 };
    off_t at = 0;

    while ((uint64_t)at < size) {
        off_t data = lseek(fd, at, SEEK_DATA), hole;
        struct eg_segment *s;

        if (data < 0 && errno == ENXIO)
            break; // a hole up to the end
        hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        s = hole <= data ? NULL : eg_vec_push(&runs);
        if (!s) {
            eg_vec_fini(&runs);
            return;
        }
        s->start = (uint64_t)data;
        s->last = EG_MIN((uint64_t)hole, size) - 1;
        at = hole;
    }
    if (runs.n == 0 && !eg_vec_reserve(&runs, 1)) // no data at all: an empty list, not NULL
        return;
    f->data = runs.at;
    f->n_data = runs.n;
}

/* ---- files that cannot be mapped ---- */

static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    const int fd = (int)(intptr_t)priv;
    size_t done = 0;

    while (done < len) {
        const ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(at + done));

        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void close_copied(void *priv)
{
    close((int)(intptr_t)priv);
}

/** Can nothing of it be mapped, as of /proc/kcore? */
static bool is_unmappable(int fd)
{
    void *p = mmap(NULL, EG_MAPPED_PAGE, PROT_READ, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED)
        munmap(p, EG_MAPPED_PAGE);
    return p == MAP_FAILED && (errno == ENODEV || errno == EIO);
}

static int open_fd(struct eg_space **out, int fd_, const char *name, bool live, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = fd_;
    struct eg_space *as;
    struct file *f;
    struct stat st;
    int rc;

    if (fstat(fd, &st) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return eg_fail(e, EG_EIO, "%s: is a folder, not an image", name);
    if (!S_ISREG(st.st_mode)) {
        off_t end = lseek(fd, 0, SEEK_END); // the size of a block device

        if (end <= 0)
            return eg_fail(e, EG_EIO, "%s: is not a regular file: copy it to one first", name);
        st.st_size = end;
        st.st_blocks = (end + 511) / 512;
    }
    if (st.st_size == 0)
        return eg_fail(e, EG_EFORMAT, "%s: is empty", name);

    as = calloc(1, sizeof *as);
    f = calloc(1, sizeof *f);
    rc = as && f ? eg_mapped_open(&f->map, fd, (uint64_t)st.st_size, false, name, e)
                 : eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    if (rc < 0) {
        free(as);
        free(f);
        if (!is_unmappable(fd))
            return rc;
        fd_ = fd;
        fd = -1;
        return eg_copied_open(out, name, (uint64_t)st.st_size,
                              &(struct eg_copier){ copy, close_copied, (void *)(intptr_t)fd_ }, e);
    }
    f->fd = -1;
    if ((uint64_t)st.st_blocks * 512 < f->map->size)
        find_holes(f, fd);
    if (live) {
        f->fd = fd;
        fd = -1;
    }
    *as = (struct eg_space){ .ops = &ops, .last = f->map->size - 1, .priv = f };
    *out = as;
    return 0;
}

int eg_file_open_fd(struct eg_space **out, int fd, const char *name, struct eg_error *e)
{
    return open_fd(out, fd, name, false, e);
}

int eg_file_open_live(struct eg_space **out, int fd, const char *name, struct eg_error *e)
{
    return open_fd(out, fd, name, true, e);
}

int eg_open_input(int folder, const char *path, int flags)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOATIME | flags);

    if (fd < 0 && errno == EPERM) // it belongs to somebody else
        fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    return fd;
}

int eg_file_open(struct eg_space **out, const char *path, struct eg_error *e)
{
    // O_NONBLOCK: do not wait for the writer of a FIFO, so that it can be refused
    int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);

    if (fd < 0 && (errno == EPERM || errno == EACCES) && !strcmp(path, "/proc/kcore"))
        return eg_fail(
            e, EG_EIO,
            "%s: %s: the machine's own memory is for root alone, and for nobody where "
            "the kernel is locked down (/sys/kernel/security/lockdown) or in a container",
            path, strerror(errno));
    if (fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    return eg_file_open_fd(out, fd, path, e);
}
