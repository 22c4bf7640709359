/* file.c - a file as a space: one shared map. Holes of sparse files are told by the file system and
 * never touched; a page that cannot be read is a hole of kind EG_UNREADABLE instead of SIGBUS. */
#include "space.h"
#include "vec.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPPED_MAX = 1024, FAULT_PAGE = 4096 };

struct file {
    uint8_t *base;
    uint64_t size;
    atomic_uint_fast64_t faults;
    uint8_t *bad; // a bit per page; pages of it that are never touched cost nothing
    size_t bad_len;
    struct eg_segment *data; // of a sparse file: what is not a hole; NULL: all is data
    size_t n_data;
};

/* What the signal handler looks through. The one mutable global of core: a handler has no other way
 * to its data. */
static struct file *_Atomic mapped[MAPPED_MAX];
static struct sigaction previous;
static pthread_once_t installed = PTHREAD_ONCE_INIT;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    const uint8_t *at = info->si_addr;

    for (int i = 0; i < MAPPED_MAX; i++) {
        struct file *f = atomic_load(&mapped[i]);

        if (f && at >= f->base && (uint64_t)(at - f->base) < eg_align_up(f->size, FAULT_PAGE)) {
            uint64_t page = (uint64_t)(at - f->base) / FAULT_PAGE;

            if (mmap(f->base + page * FAULT_PAGE, FAULT_PAGE, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
                break;
            __atomic_fetch_or(&f->bad[page / 8], (uint8_t)(1 << page % 8), __ATOMIC_SEQ_CST);
            atomic_fetch_add(&f->faults, 1);
            return;
        }
    }
    if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction)
        previous.sa_sigaction(sig, info, context);
    else
        signal(SIGBUS, SIG_DFL); // not ours: the access is tried again, and ends us
}

static void install(void)
{
    struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGBUS, &sa, &previous);
}

static bool is_bad(const struct file *f, uint64_t page)
{
    return __atomic_load_n(&f->bad[page / 8], __ATOMIC_SEQ_CST) >> page % 8 & 1;
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    struct file *f = as->priv;
    const uint64_t page = addr / FAULT_PAGE;

    (void)v;
    *out = (struct eg_extent){ .start = 0, .last = f->size - 1, .host = f->base };
    if (f->data) {
        size_t lo = 0, hi = f->n_data; // the first run that ends at or after addr

        while (lo < hi) {
            size_t mid = lo + (hi - lo) / 2;

            if (f->data[mid].last < addr)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo == f->n_data || f->data[lo].start > addr) {
            out->start = lo ? f->data[lo - 1].last + 1 : 0;
            out->last = lo < f->n_data ? f->data[lo].start - 1 : f->size - 1;
            out->host = NULL;
            out->zero = true;
            return;
        }
        out->start = f->data[lo].start;
        out->last = f->data[lo].last;
    }
    // Touch the page before it is promised. Once one page has failed, promise a page at a time.
    *(volatile const uint8_t *)(f->base + addr);
    if (atomic_load(&f->faults)) {
        out->start = EG_MAX(out->start, page * FAULT_PAGE);
        out->last = EG_MIN(out->last, page * FAULT_PAGE + FAULT_PAGE - 1);
        if (is_bad(f, page))
            out->why = EG_UNREADABLE;
    }
    out->host = out->why ? NULL : f->base + out->start;
}

static void forget(struct file *f)
{
    for (int i = 0; i < MAPPED_MAX; i++) {
        struct file *expected = f;

        atomic_compare_exchange_strong(&mapped[i], &expected, NULL);
    }
    if (f->base)
        munmap(f->base, f->size);
    if (f->bad)
        munmap(f->bad, f->bad_len);
    free(f->data);
    free(f);
}

static void close_(struct eg_space *as)
{
    forget(as->priv);
}

static const struct eg_space_ops ops = { .name = "file", .extent = extent, .close = close_ };

/** The data runs of a sparse file; none where the file system does not tell. */
static void find_holes(struct file *f, int fd)
{
    EG_VEC(struct eg_segment) runs = { 0 };
    off_t at = 0;

    while ((uint64_t)at < f->size) {
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
        s->last = EG_MIN((uint64_t)hole, f->size) - 1;
        at = hole;
    }
    if (runs.n == 0 && !eg_vec_reserve(&runs, 1)) // all hole: a list, but an empty one
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
    int slot = -1;

    if (fstat(fd, &st) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return eg_fail(e, EG_EIO, "%s: is a folder, not an image", name);
    if (!S_ISREG(st.st_mode)) {
        off_t end = lseek(fd, 0, SEEK_END); // a block device tells its size so

        if (end <= 0)
            return eg_fail(e, EG_EIO, "%s: is no regular file: copy it to one first", name);
        st.st_size = end;
        st.st_blocks = (end + 511) / 512;
    }
    if (st.st_size == 0)
        return eg_fail(e, EG_EFORMAT, "%s: is empty", name);

    as = calloc(1, sizeof *as);
    f = calloc(1, sizeof *f);
    if (!as || !f) {
        free(as);
        free(f);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    }
    f->size = (uint64_t)st.st_size;
    f->bad_len = (size_t)(f->size / FAULT_PAGE / 8 + 1);
    f->base = mmap(NULL, f->size, PROT_READ, MAP_SHARED, fd, 0);
    f->bad = mmap(NULL, f->bad_len, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->base == MAP_FAILED || f->bad == MAP_FAILED) {
        int rc = eg_fail(e, EG_EIO, "%s: cannot be mapped: %s", name, strerror(errno));

        f->base = f->base == MAP_FAILED ? NULL : f->base;
        f->bad = f->bad == MAP_FAILED ? NULL : f->bad;
        forget(f);
        free(as);
        return rc;
    }
    if ((uint64_t)st.st_blocks * 512 < f->size)
        find_holes(f, fd);
    pthread_once(&installed, install);
    for (int i = 0; i < MAPPED_MAX && slot < 0; i++) {
        struct file *none = NULL;

        if (atomic_compare_exchange_strong(&mapped[i], &none, f))
            slot = i;
    }
    if (slot < 0) {
        forget(f);
        free(as);
        return eg_fail(e, EG_EUNSUP, "%s: more than %d files are open", name, MAPPED_MAX);
    }
    *as = (struct eg_space){ .ops = &ops, .last = f->size - 1, .priv = f };
    *out = as;
    return 0;
}

int eg_file_open(struct eg_space **out, const char *path, struct eg_error *e)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); // a FIFO is refused, not waited for

    if (fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    return eg_file_open_fd(out, fd, path, e);
}
