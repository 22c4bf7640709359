/* isf_file.c - the reader of ISF files, plain or in xz. */
#include "../core/system.h"
#include "config.h"
#include "isf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t xz_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);

    return n >= m && !strcmp(s + n - m, with);
}

static int probe(const uint8_t *head, size_t len, const char *path)
{
    size_t i = 0;

    if (len >= sizeof xz_magic && !memcmp(head, xz_magic, sizeof xz_magic))
        return ends(path, ".json.xz") ? 50 : 0;
    while (i < len && (head[i] == ' ' || head[i] == '\t' || head[i] == '\r' || head[i] == '\n'))
        i++;
    return i < len && head[i] == '{' ? 50 : 0;
}

#ifdef HAVE_ISF

#include <lzma.h>

enum { IN = 1 << 16 };
static const uint64_t document_max = UINT64_C(1) << 30, xz_memory_max = UINT64_C(1) << 28;

struct file {
    const char *path;
    int fd;
    bool xz, ended;
    lzma_stream lzma;
    uint64_t given;
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

static long unpack(struct file *f, uint8_t *to, size_t room, struct eg_error *e)
{
    lzma_ret rc = LZMA_OK;

    f->lzma.next_out = to;
    f->lzma.avail_out = room;
    while (f->lzma.avail_out && rc == LZMA_OK && !f->ended) {
        long n = 1;

        if (!f->lzma.avail_in) {
            n = more(f, f->in, IN, e);
            if (n < 0)
                return n;
            f->lzma.next_in = f->in;
            f->lzma.avail_in = (size_t)n;
        }
        rc = lzma_code(&f->lzma, n ? LZMA_RUN : LZMA_FINISH);
    }
    f->ended = f->ended || rc == LZMA_STREAM_END;
    if (rc != LZMA_OK && rc != LZMA_STREAM_END)
        return eg_fail(e, EG_EFORMAT, "%s: xz: damaged, or cut short", f->path);
    return (long)(room - f->lzma.avail_out);
}

static long next(void *context, uint8_t *to, size_t room, struct eg_error *e)
{
    struct file *f = context;
    long n = f->xz ? unpack(f, to, room, e) : more(f, to, room, e);

    f->given += n > 0 ? (uint64_t)n : 0;
    if (f->given > document_max)
        return eg_fail(e, EG_EFORMAT, "%s: no symbol file is as large as that", f->path);
    return n;
}

static int read_once(struct eg_profile **out, struct file *f, struct eg_model *model,
                     struct eg_error *e)
{
    const struct eg_isf_source from = { next, f, f->path };
    uint8_t head[sizeof xz_magic];
    int rc;

    f->given = 0;
    f->ended = false;
    f->lzma = (lzma_stream)LZMA_STREAM_INIT;
    f->xz =
        pread(f->fd, head, sizeof head, 0) == sizeof head && !memcmp(head, xz_magic, sizeof head);
    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return eg_fail(e, EG_EIO, "%s: %s", f->path, strerror(errno));
    if (f->xz && lzma_stream_decoder(&f->lzma, xz_memory_max, LZMA_CONCATENATED) != LZMA_OK)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
    rc = eg_isf_read(out, &from, model, e);
    lzma_end(&f->lzma);
    return rc;
}

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
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

#else

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    (void)out;
    (void)threads;
    return eg_fail(e, EG_EUNSUP, "%s: this build reads no ISF: build with yajl and liblzma", path);
}

#endif

EG_READER(isf) = { .desc = "Volatility ISF", .probe = probe, .read = read_ };
