/* isf_file.c - the reader of ISF files, plain or compressed with xz, gzip or bzip2; and the banner
 * of a file's kernel, which is found without reading the types. */
#include "../core/mapped.h"
#include "../core/reader.h"
#include "config.h"
#include "isf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct packing {
    const char *suffix;
    uint8_t magic[6], len;
} packings[] = {
    { ".json.xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
    { ".json.gz", { 0x1f, 0x8b }, 2 },
    { ".json.bz2", { 'B', 'Z', 'h' }, 3 },
};
enum { XZ, GZ, BZ2, PLAIN }; // ORDER packings

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);

    return n >= m && !strcmp(s + n - m, with);
}

bool eg_isf_name(const char *path)
{
    for (size_t i = 0; i < countof(packings); i++)
        if (ends(path, packings[i].suffix))
            return true;
    return ends(path, ".json");
}

static size_t packing_of(const uint8_t *head, size_t len)
{
    size_t i = 0;

    while (i < countof(packings) &&
           (len < packings[i].len || memcmp(head, packings[i].magic, packings[i].len) != 0))
        i++;
    return i;
}

static int probe(const uint8_t *head, size_t len, const char *path)
{
    size_t i = packing_of(head, len);

    if (i < countof(packings))
        return ends(path, packings[i].suffix) ? 50 : 0;
    for (i = 0; i < len && strchr(" \t\r\n", head[i]) && head[i]; i++)
        ;
    return i < len && head[i] == '{' ? 50 : 0;
}

#ifdef HAVE_ISF

#include <lzma.h>
#include <zlib.h>
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif

enum { IN = 1 << 16 };
static const uint64_t document_max = UINT64_C(1) << 30, xz_memory_max = UINT64_C(1) << 28;

struct file {
    const char *path;
    int fd;
    size_t packing;
    bool ended;
    lzma_stream lzma;
    z_stream z;
#ifdef HAVE_BZIP2
    bz_stream bz;
#endif
    uint64_t given;
    size_t at, n; /* of in[]: what has not been unpacked yet */
    uint8_t in[IN];
};

static long more(struct file *f, uint8_t *to, size_t room, struct eg_error *e)
{
    ssize_t n;

    do
        n = read(f->fd, to, room);
    while (n < 0 && errno == EINTR);
    return n < 0 ? eg_fail(e, EG_EIO, "%s: %s", f->path, strerror(errno)) : (long)n;
}

/* Each unpacks some of in[] to @to. @return the number of unpacked bytes; -1: damaged. */

static long step_xz(struct file *f, uint8_t *to, size_t room, bool last)
{
    lzma_ret rc;

    f->lzma.next_in = f->in + f->at;
    f->lzma.avail_in = f->n;
    f->lzma.next_out = to;
    f->lzma.avail_out = room;
    rc = lzma_code(&f->lzma, last ? LZMA_FINISH : LZMA_RUN);
    f->at += f->n - f->lzma.avail_in;
    f->n = f->lzma.avail_in;
    f->ended = rc == LZMA_STREAM_END;
    return rc == LZMA_OK || f->ended ? (long)(room - f->lzma.avail_out) : -1;
}

static long step_gz(struct file *f, uint8_t *to, size_t room, bool last)
{
    int rc;

    if (last)
        return -1;
    f->z.next_in = f->in + f->at;
    f->z.avail_in = (uInt)f->n;
    f->z.next_out = to;
    f->z.avail_out = (uInt)EG_MIN(room, (size_t)1 << 30);
    room = f->z.avail_out;
    rc = inflate(&f->z, Z_NO_FLUSH);
    f->at += f->n - f->z.avail_in;
    f->n = f->z.avail_in;
    f->ended = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_BUF_ERROR || f->ended ? (long)(room - f->z.avail_out) : -1;
}

#ifdef HAVE_BZIP2
static long step_bz2(struct file *f, uint8_t *to, size_t room, bool last)
{
    int rc;

    if (last)
        return -1;
    f->bz.next_in = (char *)f->in + f->at;
    f->bz.avail_in = (unsigned)f->n;
    f->bz.next_out = (char *)to;
    f->bz.avail_out = (unsigned)EG_MIN(room, (size_t)1 << 30);
    room = f->bz.avail_out;
    rc = BZ2_bzDecompress(&f->bz);
    f->at += f->n - f->bz.avail_in;
    f->n = f->bz.avail_in;
    f->ended = rc == BZ_STREAM_END;
    return rc == BZ_OK || f->ended ? (long)(room - f->bz.avail_out) : -1;
}
#endif

static long unpack(struct file *f, uint8_t *to, size_t room, struct eg_error *e)
{
    static long (*const steps[])(struct file *, uint8_t *, size_t, bool) = {
        [XZ] = step_xz,
        [GZ] = step_gz,
#ifdef HAVE_BZIP2
        [BZ2] = step_bz2,
#endif
    };
    size_t done = 0;

    while (done < room && !f->ended) {
        bool last = false;
        size_t before;
        long n;

        if (!f->n) {
            n = more(f, f->in, IN, e);
            if (n < 0)
                return n;
            f->at = 0;
            f->n = (size_t)n;
            last = !n;
        }
        before = f->n;
        n = steps[f->packing](f, to + done, room - done, last);
        if (n < 0 || (!n && before == f->n && !f->ended)) // it neither takes nor gives
            return eg_fail(e, EG_EFORMAT, "%s: damaged, or cut short", f->path);
        done += (size_t)n;
    }
    return (long)done;
}

static long next(void *context, uint8_t *to, size_t room, struct eg_error *e)
{
    struct file *f = context;
    long n = f->packing != PLAIN ? unpack(f, to, room, e) : more(f, to, room, e);

    f->given += n > 0 ? (uint64_t)n : 0;
    if (f->given > document_max)
        return eg_fail(e, EG_EFORMAT, "%s: no symbol file is as large as that", f->path);
    return n;
}

static void stop(struct file *f)
{
    lzma_end(&f->lzma);
    inflateEnd(&f->z);
#ifdef HAVE_BZIP2
    BZ2_bzDecompressEnd(&f->bz);
#endif
}

/* From the start of the file. */
static int start(struct file *f, struct eg_error *e)
{
    uint8_t head[sizeof packings[0].magic];
    const ssize_t n = pread(f->fd, head, sizeof head, 0);
    bool ok = true;

    f->given = 0;
    f->ended = false;
    f->at = f->n = 0;
    f->lzma = (lzma_stream)LZMA_STREAM_INIT;
    f->z = (z_stream){ 0 };
#ifdef HAVE_BZIP2
    f->bz = (bz_stream){ 0 };
#endif
    f->packing = n > 0 ? packing_of(head, (size_t)n) : PLAIN;
    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return eg_fail(e, EG_EIO, "%s: %s", f->path, strerror(errno));
    if (f->packing == XZ)
        ok = lzma_stream_decoder(&f->lzma, xz_memory_max, LZMA_CONCATENATED) == LZMA_OK;
    else if (f->packing == GZ)
        ok = inflateInit2(&f->z, 15 + 16) == Z_OK;
    else if (f->packing == BZ2)
#ifdef HAVE_BZIP2
        ok = BZ2_bzDecompressInit(&f->bz, 0, 0) == BZ_OK;
#else
        return eg_fail(e, EG_EUNSUP, "%s: this build reads no bzip2", f->path);
#endif
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
}

static int read_once(struct eg_profile **out, struct file *f, struct eg_model *model,
                     struct eg_error *e)
{
    const struct eg_isf_source from = { next, f, f->path };
    int rc = start(f, e);

    if (rc == 0)
        rc = eg_isf_read(out, &from, model, e);
    stop(f);
    return rc;
}

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, 0);
    struct eg_model model = { 8, 8, false };
    struct file *f;
    int rc = 1;

    (void)threads;
    if (fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    if (!(f = malloc(sizeof *f)))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    f->path = path;
    f->fd = fd;
    for (int i = 0; i < 2 && rc == 1; i++)
        rc = read_once(out, f, &model, e);
    free(f);
    return rc == 1 ? eg_fail(e, EG_EFORMAT, "%s: pointers of two sizes", path) : rc;
}

bool eg_isf_banner(const char *path, char *out, size_t size)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);
    struct file *f = fd < 0 ? NULL : malloc(sizeof *f);
    struct eg_isf_source from = { next, f, path };
    bool found;

    if (!f)
        return false;
    f->path = path;
    f->fd = fd;
    found = start(f, NULL) == 0 && eg_isf_banner_in(&from, out, size);
    stop(f);
    free(f);
    return found;
}

#else

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    (void)out;
    (void)threads;
    return eg_fail(e, EG_EUNSUP, "%s: this build reads no ISF: build with yajl and liblzma", path);
}

bool eg_isf_banner(const char *path, char *out, size_t size)
{
    (void)path;
    (void)out;
    (void)size;
    return false;
}

#endif

EG_READER(isf) = { .desc = "Volatility ISF", .probe = probe, .read = read_ };
