/* spool.c - many writers, one output: results appear in the order asked for, whoever ends first.
 *
 *  Each writer has a FILE of its own. The one whose turn it is writes through; the others' bytes
 * wait. */
#include "spool.h"
#include "../core/base.h"
#include "../core/tmpfile.h"
#include "../core/vec.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

enum { IN_MEMORY = 4 << 20 };

struct spool {
    struct cli_spools *all;
    size_t index;
    EG_VEC(uint8_t) bytes;
    int fd; /* what no longer fitted in memory, first: unlinked; -1 */
    bool closed;
};
struct cli_spools {
    pthread_mutex_t lock;
    FILE *out;
    const char *tmp_dir;
    size_t n, turn;
    int error; /* the first errno */
    struct spool at[];
};

static bool write_all(int fd, const uint8_t *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Move what is in memory to the file. */
static bool spill(struct spool *s)
{
    if (s->fd < 0) {
        s->fd = eg_tmpfile(s->all->tmp_dir);
        if (s->fd < 0)
            return false;
    }
    if (!write_all(s->fd, s->bytes.at, s->bytes.n))
        return false;
    s->bytes.n = 0;
    return true;
}

/* It is the turn of @s: pass on what waited. */
static bool drain(struct spool *s)
{
    uint8_t buf[65536];
    off_t at = 0;
    ssize_t n = 0;
    bool ok = true;

    while (ok && s->fd >= 0 && (n = pread(s->fd, buf, sizeof buf, at)) > 0) {
        ok = fwrite(buf, 1, (size_t)n, s->all->out) == (size_t)n;
        at += n;
    }
    ok = ok && n >= 0 &&
         (!s->bytes.n || fwrite(s->bytes.at, 1, s->bytes.n, s->all->out) == s->bytes.n);
    eg_vec_fini(&s->bytes);
    eg_close_fd_(&s->fd);
    s->fd = -1;
    return ok;
}

static ssize_t put(void *cookie, const char *p, size_t len)
{
    struct spool *s = cookie;
    struct cli_spools *all = s->all;
    bool ok = true;

    pthread_mutex_lock(&all->lock);
    if (s->index == all->turn) {
        ok = fwrite(p, 1, len, all->out) == len;
    } else {
        if (s->bytes.n && s->bytes.n + len > IN_MEMORY)
            ok = spill(s);
        if (ok && (ok = eg_vec_reserve(&s->bytes, s->bytes.n + len))) {
            memcpy(s->bytes.at + s->bytes.n, p, len);
            s->bytes.n += len;
        } else if (!errno) {
            errno = ENOMEM;
        }
    }
    if (!ok && !all->error)
        all->error = errno ? errno : EIO;
    pthread_mutex_unlock(&all->lock);
    return ok ? (ssize_t)len : 0;
}

static int end(void *cookie)
{
    struct spool *s = cookie;
    struct cli_spools *all = s->all;

    pthread_mutex_lock(&all->lock);
    s->closed = true;
    while (all->turn < all->n && all->at[all->turn].closed)
        if (++all->turn < all->n && !drain(&all->at[all->turn]) && !all->error)
            all->error = errno ? errno : EIO;
    pthread_mutex_unlock(&all->lock);
    return 0;
}

struct cli_spools *cli_spools_open(FILE *out, size_t n, const char *tmp_dir)
{
    struct cli_spools *all = calloc(1, sizeof *all + n * sizeof *all->at);

    if (!all)
        return NULL;
    pthread_mutex_init(&all->lock, NULL);
    all->out = out;
    all->n = n;
    all->tmp_dir = tmp_dir;
    for (size_t i = 0; i < n; i++)
        all->at[i] = (struct spool){ .all = all, .index = i, .fd = -1 };
    return all;
}

FILE *cli_spool(struct cli_spools *s, size_t i)
{
    FILE *f = fopencookie(&s->at[i], "w", (cookie_io_functions_t){ .write = put, .close = end });

    if (f) {
        setvbuf(f, NULL, _IOFBF, 65536);
        __fsetlocking(f, FSETLOCKING_BYCALLER); // one thread writes
    }
    return f;
}

int cli_spools_close(struct cli_spools *s)
{
    int error = s->error;

    for (size_t i = 0; i < s->n; i++) {
        eg_vec_fini(&s->at[i].bytes);
        eg_close_fd_(&s->at[i].fd);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
    return error;
}
