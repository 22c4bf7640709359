/* file.c - a file as a space, mapped. The file system tells where a sparse file has holes, which
 * are never touched; a page that cannot be read is a hole with reason EG_UNREADABLE. */
#include "mapped.h"
#include "space.h"
#include "vec.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct eg_mapped *map;
    struct eg_segment *data; // data ranges of a sparse file; NULL: all is data
    size_t n_data;
};

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct file *f = as->priv;
    const uint8_t *bytes = f->map->bytes;

    (void)v;
    *out = (struct eg_extent){ .start = 0, .last = as->last, .host = bytes };
    if (f->data) {
        const size_t at = eg_lower_bound(f->n_data, i, f->data[i].last < addr);

        if (at == f->n_data || f->data[at].start > addr) {
            out->start = at ? f->data[at - 1].last + 1 : 0;
            out->last = at < f->n_data ? f->data[at].start - 1 : as->last;
            out->host = NULL;
            out->zero = true;
            return;
        }
        out->start = f->data[at].start;
        out->last = f->data[at].last;
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

int eg_file_open_fd(struct eg_space **out, int fd_, const char *name, struct eg_error *e)
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
        return rc;
    }
    if ((uint64_t)st.st_blocks * 512 < f->map->size)
        find_holes(f, fd);
    *as = (struct eg_space){ .ops = &ops, .last = f->map->size - 1, .priv = f };
    *out = as;
    return 0;
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

    if (fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    return eg_file_open_fd(out, fd, path, e);
}
