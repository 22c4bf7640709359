/* unpack.c - see unpack.h. Each piece has its own place in the file, so that all can be unpacked in
 * parallel even if their sizes are not known. */
#include "unpack.h"
#include "../core/parallel.h"
#include "../core/tmpfile.h"
#include "kept.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { OUT_CHUNK = 1 << 20, HOLE = 4096, FIRST_WANT = 16 };

struct worker {
    struct eg_view view;
    void *state;
    uint8_t *buf;
};

struct unpack {
    struct eg_image *img;
    struct eg_space *file;
    const struct eg_unpacker *how;
    const void *context;
    const struct eg_piece *pieces;
    size_t n;
    bool exact;
    const char *dir;
    int fd;
    struct worker *workers;
    struct result {
        uint64_t got; // bytes of content
        bool whole, spoilt;
    } * results;
    atomic_int error;
    atomic_uint wrong; // pieces with a wrong checksum
    struct eg_progress_line *progress;
    int kept_fd;          // of the temporary file, for that
    struct eg_kept *kept; // NULL: it is not kept for the next command
    bool intact;          // all of it could be unpacked
};

/** Write only what is not zero, so that the file stays sparse. */
static bool write_sparse(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    for (size_t i = 0, from; i < n;) {
        while (i < n && eg_all_zero(p + i, EG_MIN(n - i, (size_t)HOLE)))
            i += EG_MIN(n - i, (size_t)HOLE);
        for (from = i; i < n && !eg_all_zero(p + i, EG_MIN(n - i, (size_t)HOLE));)
            i += EG_MIN(n - i, (size_t)HOLE);
        if (!eg_write_at(fd, p + from, i - from, at + from))
            return false;
    }
    return true;
}

static bool prepare(const struct unpack *u, struct worker *w)
{
    if (!w->state) {
        eg_view_init(&w->view, NULL);
        w->buf = malloc(OUT_CHUNK);
        w->state = w->buf ? u->how->start(u->context, u->n == 1) : NULL;
    }
    return w->state;
}

/** Unpack one piece. What can be unpacked of a damaged piece is kept: only a failure of the
 * temporary file or of memory is an error. */
static int piece(void *context, size_t i, unsigned worker)
{
    struct unpack *u = context;
    struct worker *w = &u->workers[worker];
    const struct eg_piece *f = &u->pieces[i];
    struct result *r = &u->results[i];
    size_t want = FIRST_WANT;
    uint64_t in = f->in;

    if (!prepare(u, w) || !u->how->reset(w->state, i))
        return atomic_store(&u->error, ENOMEM), 1;
    while (in < f[1].in) {
        // Not more than is asked for: the content of the last block is returned before the checksum
        // is read, which may be wrong.
        size_t n = (size_t)EG_MIN(f[1].in - in, (uint64_t)want), used = 0;
        const uint8_t *p = eg_map_some(&w->view, u->file, in, &n);
        bool full = false;

        if (eg_cancelled)
            return 1;
        if (!p)
            return 0;
        // While there is input, or a full buffer means that there may be more output. Decompressors
        // fail when they make no progress.
        while (used < n || full) {
            const uint64_t at = f->out + r->got;
            size_t taken = n - used, made = (size_t)EG_MIN(f[1].out - at, (uint64_t)OUT_CHUNK);
            const size_t room = made;
            enum eg_unpack_step step =
                u->how->step(w->state, p + used, &taken, w->buf, &made, &want);

            if (!write_sparse(u->fd, w->buf, made, at))
                return atomic_store(&u->error, errno), 1;
            used += taken;
            r->got += made;
            if (step == EG_UNPACK_STARVED)
                return atomic_store(&u->error, ENOMEM), 1;
            if (step != EG_UNPACK_MORE) {
                r->whole = step == EG_UNPACK_END || step == EG_UNPACK_DOUBTFUL;
                r->spoilt = step == EG_UNPACK_SPOILT;
                eg_progress_add(u->progress, f[1].in - in);
                if (step == EG_UNPACK_DOUBTFUL)
                    atomic_fetch_add(&u->wrong, 1);
                return 0;
            }
            full = made && made == room;
            if (!taken && !made && used < n)
                return 0; // stuck
        }
        in += used;
        eg_progress_add(u->progress, used);
    }
    r->whole = u->exact && r->got == f[1].out - f->out;
    return 0;
}

/** Guess the size of a damaged piece of unknown size: all pieces but the last are of the same
 * number of blocks, so of the same size. */
static uint64_t guess(const struct unpack *u, size_t i)
{
    const struct eg_piece *f = u->pieces;
    const uint64_t bound = f[i + 1].out - f[i].out;

    if (i && u->results[i - 1].whole && f[i].out - f[i - 1].out == bound)
        return u->results[i - 1].got;
    return bound;
}

/** Make a space of the content from the places of the pieces. */
static int join(struct eg_space **out, struct unpack *u, struct eg_space *temp, struct eg_error *e)
{
    const size_t n = u->n;
    struct eg_segment *segs = calloc(n, sizeof *segs);
    uint64_t at = 0, lost = 0;
    bool guessed = false;
    int rc;

    if (!segs)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", u->img->path);
    for (size_t i = 0; i < n; i++) {
        const struct eg_piece *f = &u->pieces[i];
        const struct result *r = &u->results[i];
        const uint64_t stored = r->spoilt ? 0 : r->got;
        uint64_t size = r->got;

        if (u->exact)
            size = f[1].out - f->out;
        else if (!r->whole && i + 1 < n) {
            size = r->spoilt && r->got ? r->got : EG_MAX(guess(u, i), r->got);
            guessed = true;
        }
        // start 1, last 0 is an empty segment, which eg_segments_open drops.
        segs[i] = (struct eg_segment){ 1, 0, temp, f->out, stored, EG_UNREADABLE };
        if (size) {
            segs[i].start = at;
            segs[i].last = at + (size - 1);
        }
        at += size;
        lost += size - stored;
    }
    if (lost)
        eg_image_note(u->img,
                      "%s: %" PRIu64 " of %" PRIu64
                      " MiB of the content cannot be unpacked: damaged or cut off%s",
                      u->how->name, (lost + (1 << 20) - 1) >> 20, at >> 20,
                      guessed
                          ? "; sizes of damaged pieces are guessed: what follows may be at wrong "
                            "addresses"
                          : "");
    if (u->wrong)
        eg_image_note(u->img,
                      "%s: the checksum of %u pieces is wrong: their content may be damaged",
                      u->how->name, u->wrong);
    if (!guessed && !u->exact && !u->results[n - 1].whole)
        eg_image_note(u->img,
                      "%s: truncated or damaged: what follows %" PRIu64
                      " bytes of content is missing",
                      u->how->name, at);
    u->intact = !lost && !u->wrong && !guessed && (u->exact || u->results[n - 1].whole);
    rc = eg_segments_open(out, u->img->path, segs, n, NULL, e);
    if (!rc && u->kept && u->intact)
        eg_kept_store(u->kept, u->kept_fd, temp, eg_space_size(temp), segs, n);
    free(segs);
    return rc;
}

static int run(struct unpack *u, unsigned threads, bool quiet, struct eg_error *e)
{
    const uint64_t packed = u->pieces[u->n].in - u->pieces[0].in;

    threads = eg_threads(threads);
    u->workers = calloc(threads, sizeof *u->workers);
    u->results = calloc(u->n, sizeof *u->results);
    if (!u->workers || !u->results)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", u->img->path);
    u->progress = eg_progress_begin("unpacking", packed, "B", quiet);
    eg_parallel(threads, u->n, piece, u);
    eg_progress_end(u->progress);
    for (unsigned i = 0; i < threads; i++) {
        eg_view_fini(&u->workers[i].view);
        if (u->workers[i].state)
            u->how->stop(u->workers[i].state);
        free(u->workers[i].buf);
    }
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (u->error == ENOMEM)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory while unpacking", u->img->path);
    if (u->error)
        return eg_fail(e, EG_EIO, "%s: cannot unpack to %s: %s: name another folder with --tmp",
                       u->img->path, u->dir, strerror(u->error));
    return 0;
}

static int make_file(struct unpack *u, struct eg_error *e)
{
    const uint64_t size = u->pieces[u->n].out;
    struct statvfs fs;
    uint64_t room;

    u->fd = u->kept ? eg_kept_new(u->kept) : -1;
    if (u->fd >= 0) {
        u->kept_fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 0);
        u->dir = "the folder of --cache";
    } else {
        u->fd = eg_tmpfile(u->dir);
    }
    if (u->fd < 0 || fstatvfs(u->fd, &fs) != 0)
        return eg_fail(e, EG_EIO, "%s: no temporary file in %s: %s: name another folder with --tmp",
                       u->img->path, u->dir, strerror(errno));
    room = eg_mul(fs.f_bavail, fs.f_frsize, &room) ? room : UINT64_MAX;
    if (u->exact && size > room)
        return eg_fail(
            e, EG_EIO,
            "%s: must be unpacked: needs %" PRIu64 " MiB in %s, which has %" PRIu64
            " MiB: name another folder with --tmp, or make it seekable with `engram pack`",
            u->img->path, size >> 20, u->dir, room >> 20);
    return 0;
}

/** Set the size of the file: zeros at its end were not written. */
static int end_file(struct unpack *u, struct eg_error *e)
{
    uint64_t end = 0;

    for (size_t i = 0; i < u->n; i++)
        if (u->results[i].got && !u->results[i].spoilt)
            end = u->pieces[i].out + u->results[i].got;
    if (!end)
        return eg_fail(e, EG_EFORMAT, "%s: %s: nothing in it can be unpacked", u->img->path,
                       u->how->name);
    if (ftruncate(u->fd, (off_t)end) != 0)
        return eg_fail(e, EG_EIO, "%s: %s: %s", u->img->path, u->dir, strerror(errno));
    return 0;
}

int eg_unpack(struct eg_space **out, struct eg_image *img, struct eg_space *file,
              const struct eg_unpacker *how, const void *context, const struct eg_piece *pieces,
              size_t n, bool exact, const struct eg_open_options *o, struct eg_error *e)
{
    struct unpack u = { .img = img,
                        .file = file,
                        .how = how,
                        .context = context,
                        .pieces = pieces,
                        .n = n,
                        .exact = exact,
                        .fd = -1,
                        .kept_fd = -1,
                        .dir = eg_tmpdir(o->tmp_dir) };
    struct eg_space *temp;
    int rc;

    if (img->n_files == countof(img->files))
        return eg_fail(e, EG_EFORMAT, "%s: is packed too many times", img->path);
    u.kept = eg_kept_open(img, file, o);
    if (u.kept && eg_kept_load(u.kept, out, &temp)) {
        img->files[img->n_files++] = temp; // now owned by the image
        eg_kept_close(u.kept);
        return 0;
    }
    rc = make_file(&u, e);
    if (!rc)
        rc = run(&u, o->threads, o->quiet, e);
    if (!rc)
        rc = end_file(&u, e);
    if (!rc) {
        rc = eg_file_open_fd(&temp, u.fd, img->path, e);
        u.fd = -1;
    }
    if (!rc) {
        img->files[img->n_files++] = temp; // now owned by the image
        for (size_t i = 0; i < n; i++)     // the file is larger: pieces have places of their own
            img->unpacked += u.results[i].got;
        rc = join(out, &u, temp, e);
    }
    if (u.fd >= 0)
        close(u.fd);
    if (u.kept_fd >= 0)
        close(u.kept_fd);
    eg_kept_close(u.kept);
    free(u.workers);
    free(u.results);
    return rc;
}
