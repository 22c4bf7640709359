/* reader.c - files with types or symbols: finds the reader for a file and calls it. */
#include "reader.h"
#include "mapped.h"
#include "records.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 4096 };

static struct eg_records readers = { __start_eg_readers, __stop_eg_readers };

struct eg_records *eg_reader_records(void)
{
    return &readers;
}

const struct eg_reader_reg *eg_reader_nth(size_t i)
{
    return eg_record_nth(&readers, i);
}

int eg_reader_slurp(uint8_t **out, size_t *len, const char *path, uint64_t max, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, 0);
    struct stat st;
    uint8_t *p;
    size_t n = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return eg_fail(e, EG_EIO, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return eg_fail(e, EG_EFORMAT, "%s: larger than %" PRIu64 " MiB: not what it should be",
                       path, max >> 20);
    p = malloc((size_t)st.st_size + 1);
    if (!p)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    p[n] = 0;
    *out = p;
    *len = n;
    return 0;
}

static void none_fits(const char *path, struct eg_error *e)
{
    const struct eg_reader_reg *r;
    char all[300] = "";
    size_t len = 0;

    for (size_t i = 0; (r = eg_reader_nth(i)) && len < sizeof all; i++)
        len +=
            (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", r->reader->desc);
    eg_fail(e, EG_EFORMAT, "%s: not a source of types or symbols, which are: %s", path, all);
}

const struct eg_reader_reg *eg_reader_find(const char *path, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);
    const struct eg_reader_reg *r, *best = NULL, *equal = NULL;
    uint8_t head[HEAD];
    int best_score = 0;
    ssize_t len = fd < 0 ? -1 : read(fd, head, sizeof head);

    if (len < 0) {
        eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    for (size_t i = 0; (r = eg_reader_nth(i)); i++) {
        int score = EG_MIN(r->reader->probe(head, (size_t)len, path), EG_SURE);

        if (score > best_score) {
            best = r;
            best_score = score;
            equal = NULL;
        } else if (score == best_score) {
            equal = r;
        }
    }
    if (!best)
        none_fits(path, e);
    else if (equal)
        eg_fail(e, EG_EFORMAT, "%s: could be %s or %s", path, best->reader->desc,
                equal->reader->desc);
    return equal ? NULL : best;
}

int eg_reader_read(const struct eg_reader_reg *r, struct eg_profile **out, const char *path,
                   unsigned threads, struct eg_error *e)
{
    struct eg_profile *made = NULL;
    int rc;

    // A module may have written it: what it forgets must not become a crash.
    eg_fail(e, EG_EFORMAT, "%s: %s: cannot be read, and its reader (%s) does not say why", path,
            r->reader->desc, r->file);
    rc = r->reader->read(&made, path, threads, e);
    if (rc)
        return rc < 0 ? rc : -EG_EFORMAT;
    if (!made)
        return eg_fail(e, EG_EFORMAT, "%s: %s: its reader (%s) is faulty: .read gives no profile",
                       path, r->reader->desc, r->file);
    *out = made;
    return 0;
}

int eg_profile_read(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    struct eg_error why;
    const struct eg_reader_reg *r = eg_reader_find(path, &why);

    return r ? eg_reader_read(r, out, path, threads, e) : eg_fail(e, why.code, "%s", why.text);
}
