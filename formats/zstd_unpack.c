/* zstd_unpack.c - all frames of a zstd file to a sparse, unlinked temporary file: each frame to its
 * own place, so that they can be unpacked at once even where their sizes are not known. */
#include "../core/parallel.h"
#include "zstd_frames.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { OUT_CHUNK = 1 << 20, HOLE = 4096 };

struct worker {
    struct eg_view view;
    ZSTD_DCtx *d;
    uint8_t *buf;
};

struct unpack {
    struct eg_image *img;
    struct eg_space *file;
    const struct eg_zstd_index *x;
    const char *dir;
    int fd;
    struct worker *workers;
    struct result {
        uint64_t got; // bytes of content
        bool whole;
    } * results;
    atomic_int error;
    atomic_uint wrong; // frames whose content is not what their checksum says
    struct eg_progress_line *progress;
};

static int temporary(const char *dir, struct eg_arena *a)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char *name;

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    name = eg_arena_strf(a, "%s/engram.XXXXXX", dir); // a file system without O_TMPFILE
    fd = name ? mkostemp(name, O_CLOEXEC) : -1;
    if (fd >= 0)
        unlink(name);
    return fd;
}

static bool write_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    return n && !p[0] && !memcmp(p, p + 1, n - 1);
}

/** Write what is not zero: the file stays sparse. */
static bool write_sparse(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    for (size_t i = 0, from; i < n;) {
        while (i < n && all_zero(p + i, EG_MIN(n - i, (size_t)HOLE)))
            i += EG_MIN(n - i, (size_t)HOLE);
        for (from = i; i < n && !all_zero(p + i, EG_MIN(n - i, (size_t)HOLE));)
            i += EG_MIN(n - i, (size_t)HOLE);
        if (!write_all(fd, p + from, i - from, at + from))
            return false;
    }
    return true;
}

static bool prepare(struct worker *w, bool alone)
{
    if (!w->d) {
        eg_view_init(&w->view, NULL);
        w->buf = malloc(OUT_CHUNK);
        w->d = w->buf ? ZSTD_createDCtx() : NULL;
        // A file of `zstd --long=31` is one frame. Many at once must do with 128 MiB each.
        if (w->d && alone)
            ZSTD_DCtx_setParameter(w->d, ZSTD_d_windowLogMax,
                                   ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
    }
    return w->d;
}

/** One frame. What can be had of a damaged one is kept; only our own trouble is an error. */
static int piece(void *context, size_t i, unsigned worker)
{
    struct unpack *u = context;
    struct worker *w = &u->workers[worker];
    const struct eg_zstd_frame *f = &u->x->frames.at[i];
    struct result *r = &u->results[i];
    uint64_t in = f->in;
    size_t want = 16; // any header

    if (!prepare(w, eg_zstd_count(u->x) == 1))
        return atomic_store(&u->error, ENOMEM), 1;
    ZSTD_DCtx_reset(w->d, ZSTD_reset_session_only);
    while (want && in < f[1].in) {
        // No more than zstd asks for: so the last block's content is out before the checksum is in.
        size_t n = (size_t)EG_MIN(f[1].in - in, (uint64_t)want);
        const uint8_t *p = eg_map_some(&w->view, u->file, in, &n);
        ZSTD_inBuffer src = { p, n, 0 };
        bool full = false;

        if (eg_cancelled)
            return 1;
        if (!p)
            return 0;
        // As long as there is input, or output may be held back for want of room. (zstd fails
        // by itself when nothing moves.)
        while (want && (src.pos < src.size || full)) {
            const uint64_t at = f->out + r->got;
            ZSTD_outBuffer dst = { w->buf, (size_t)EG_MIN(f[1].out - at, (uint64_t)OUT_CHUNK), 0 };

            want = ZSTD_decompressStream(w->d, &dst, &src);
            if (ZSTD_isError(want)) {
                r->whole = ZSTD_getErrorCode(want) == ZSTD_error_checksum_wrong;
                if (r->whole)
                    atomic_fetch_add(&u->wrong, 1);
                return 0;
            }
            if (!write_sparse(u->fd, w->buf, dst.pos, at))
                return atomic_store(&u->error, errno), 1;
            full = dst.pos && dst.pos == dst.size;
            r->got += dst.pos;
        }
        in += src.pos;
        eg_progress_add(u->progress, src.pos);
    }
    r->whole = !want;
    return 0;
}

/** Where a frame does not say its size and is damaged: frames of as many blocks are of one size,
 * but for the last. */
static uint64_t guess(const struct unpack *u, size_t i)
{
    const struct eg_zstd_frame *f = u->x->frames.at;
    const uint64_t bound = f[i + 1].out - f[i].out;

    if (i && u->results[i - 1].whole && f[i].out - f[i - 1].out == bound)
        return u->results[i - 1].got;
    return bound;
}

/** The content, put together from where the frames were written. */
static int join(struct eg_space **out, struct unpack *u, struct eg_space *temp, struct eg_error *e)
{
    const size_t n = eg_zstd_count(u->x);
    struct eg_segment *segs = calloc(n, sizeof *segs);
    uint64_t at = 0, lost = 0;
    bool guessed = false;
    int rc;

    if (!segs)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", u->img->path);
    for (size_t i = 0; i < n; i++) {
        const struct eg_zstd_frame *f = &u->x->frames.at[i];
        const struct result *r = &u->results[i];
        uint64_t size = r->got;

        if (u->x->exact)
            size = f[1].out - f->out;
        else if (!r->whole && i + 1 < n) {
            size = EG_MAX(guess(u, i), r->got);
            guessed = true;
        }
        // (start 1, last 0: nothing, dropped)
        segs[i] = (struct eg_segment){ 1, 0, temp, f->out, r->got, EG_UNREADABLE };
        if (size) {
            segs[i].start = at;
            segs[i].last = at + (size - 1);
        }
        at += size;
        lost += size - r->got;
    }
    if (lost)
        eg_image_note(u->img,
                      "zstd: %" PRIu64 " of %" PRIu64
                      " MiB of the content cannot be unpacked: damaged or cut off%s",
                      (lost + (1 << 20) - 1) >> 20, at >> 20,
                      guessed
                          ? "; sizes of damaged frames are guessed: what follows may be at wrong "
                            "addresses"
                          : "");
    if (u->wrong)
        eg_image_note(u->img,
                      "zstd: the checksum of %u frames is wrong: their content may be damaged",
                      u->wrong);
    rc = eg_segments_open(out, u->img->path, segs, n, NULL, e);
    free(segs);
    return rc;
}

static int run(struct unpack *u, unsigned threads, bool quiet, struct eg_error *e)
{
    const size_t n = eg_zstd_count(u->x);
    const uint64_t packed = u->x->frames.at[n].in;

    threads = threads ? threads : eg_cores();
    u->workers = calloc(threads, sizeof *u->workers);
    u->results = calloc(n, sizeof *u->results);
    if (!u->workers || !u->results)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", u->img->path);
    u->progress = eg_progress_begin("unpacking", packed, "bytes", quiet);
    eg_parallel(threads, n, piece, u);
    eg_progress_end(u->progress);
    for (unsigned i = 0; i < threads; i++) {
        eg_view_fini(&u->workers[i].view);
        ZSTD_freeDCtx(u->workers[i].d);
        free(u->workers[i].buf);
    }
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (u->error)
        return eg_fail(e, EG_EIO, "%s: cannot unpack to %s: %s: name another folder with --tmp",
                       u->img->path, u->dir, strerror(u->error));
    return 0;
}

static int make_file(struct unpack *u, uint64_t size, struct eg_error *e)
{
    struct statvfs fs;
    uint64_t room;

    u->fd = temporary(u->dir, &u->img->arena);
    if (u->fd < 0 || fstatvfs(u->fd, &fs) != 0)
        return eg_fail(e, EG_EIO, "%s: no temporary file in %s: %s: name another folder with --tmp",
                       u->img->path, u->dir, strerror(errno));
    room = eg_mul(fs.f_bavail, fs.f_frsize, &room) ? room : UINT64_MAX;
    if (size > room)
        return eg_fail(e, EG_EIO,
                       "%s: must be unpacked: needs %" PRIu64 " MiB in %s, which has %" PRIu64
                       ": name another folder with --tmp, or make it seekable with `engram pack`",
                       u->img->path, size >> 20, u->dir, room >> 20);
    if (ftruncate(u->fd, (off_t)size) != 0)
        return eg_fail(e, EG_EIO, "%s: %s: %s", u->img->path, u->dir, strerror(errno));
    return 0;
}

int eg_zstd_unpack(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                   const struct eg_zstd_index *x, const struct eg_open_options *o,
                   struct eg_error *e)
{
    const char *env = getenv("TMPDIR");
    struct unpack u = { .img = img,
                        .file = file,
                        .x = x,
                        .fd = -1,
                        .dir = o->tmp_dir      ? o->tmp_dir
                               : env && env[0] ? env
                                               : "/var/tmp" };
    struct eg_space *temp;
    uint64_t sum = 0;
    int rc;

    if (img->n_files == countof(img->files))
        return eg_fail(e, EG_EFORMAT, "%s: is packed too many times", img->path);
    rc = make_file(&u, x->frames.at[eg_zstd_count(x)].out, e);
    if (!rc)
        rc = run(&u, o->threads, o->quiet, e);
    for (size_t i = 0; !rc && i < eg_zstd_count(x); i++)
        sum += u.results[i].got;
    if (!rc && !sum)
        rc = eg_fail(e, EG_EFORMAT, "%s: zstd: nothing of it can be unpacked", img->path);
    if (!rc) {
        rc = eg_file_open_fd(&temp, u.fd, img->path, e);
        u.fd = -1;
    }
    if (!rc) {
        img->files[img->n_files++] = temp; // the image's from now on
        rc = join(out, &u, temp, e);
    }
    if (u.fd >= 0)
        close(u.fd);
    free(u.workers);
    free(u.results);
    return rc;
}
