/* drain.c - see drain.h. */
#include "drain.h"
#include "mapped.h"
#include "parallel.h"
#include "tmpfile.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 20,
    CHECK = 64, // chunks from one look at the room of the disk to the next
};
static const uint64_t kept_free = 256 << 20; // bytes of the disk that others may need

bool eg_is_stream(const char *path)
{
    struct stat st;

    return !strcmp(path, "-") ||
           (stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
                                     (S_ISCHR(st.st_mode) && access(path, R_OK) == 0)));
}

/** Read until @buf is full or the stream ends. @return the bytes; -1 and errno. */
static ssize_t fill(int fd, uint8_t *buf)
{
    size_t have = 0;

    while (have < CHUNK && !eg_cancelled) {
        const ssize_t n = read(fd, buf + have, CHUNK - have);

        if (n < 0 && errno != EINTR)
            return -1;
        if (!n)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)have;
}

static int copy(int from, int to, const char *name, const char *dir, uint8_t *buf,
                struct eg_progress_line *progress, struct eg_error *e)
{
    uint64_t at = 0;

    for (unsigned i = 0;; i++) {
        const ssize_t n = fill(from, buf);
        struct statvfs fs;
        uint64_t room;

        if (eg_cancelled)
            return eg_fail(e, EG_ECANCEL, "stopped");
        if (n < 0)
            return eg_fail(e, EG_EIO, "%s: %s", name, strerror(errno));
        if (!n)
            break;
        if (i % CHECK == 0 && fstatvfs(to, &fs) == 0 && eg_mul(fs.f_bavail, fs.f_frsize, &room) &&
            room < kept_free + (uint64_t)CHECK * CHUNK)
            return eg_fail(e, EG_EIO,
                           "%s: after %" PRIu64 " MiB only %" PRIu64
                           " MiB are left in %s, which holds what was read: name another folder "
                           "with --tmp",
                           name, at >> 20, room >> 20, dir);
        if (!eg_all_zero(buf, (size_t)n) &&
            !eg_write_at(to, buf, (size_t)n, at)) // zeros: a sparse file
            return eg_fail(e, EG_EIO, "%s: cannot write to %s: %s: name another folder with --tmp",
                           name, dir, strerror(errno));
        at += (uint64_t)n;
        eg_progress_add(progress, (uint64_t)n);
    }
    return ftruncate(to, (off_t)at) == 0
               ? 0
               : eg_fail(e, EG_EIO, "%s: %s: %s", name, dir, strerror(errno));
}

int eg_drain(struct eg_space **out, const char *path, const char *tmp_dir, bool quiet,
             struct eg_error *e)
{
    const char *name = strcmp(path, "-") ? path : "standard input", *dir = eg_tmpdir(tmp_dir);
    eg_cleanup(eg_close_fd_) int from =
        strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(0, F_DUPFD_CLOEXEC, 0);
    eg_cleanup(eg_free_) uint8_t *buf = malloc(CHUNK);
    struct eg_progress_line *progress;
    struct stat st;
    int to, rc;

    if (!buf)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    if (from < 0 || fstat(from, &st) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", name, strerror(errno));
    if (isatty(from))
        return eg_fail(e, EG_EUSAGE, "%s: is a terminal, not an image", name);
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) { // `engram - < FILE`
        to = from;
        from = -1;
        return eg_file_open_fd(out, to, name, e);
    }
    to = eg_tmpfile(tmp_dir);
    if (to < 0)
        return eg_fail(e, EG_EIO, "%s: no temporary file in %s: %s: name another folder with --tmp",
                       name, dir, strerror(errno));
    progress = eg_progress_begin("reading", 0, "B", quiet);
    rc = copy(from, to, name, dir, buf, progress, e);
    eg_progress_end(progress);
    if (!rc)
        return eg_file_open_fd(out, to, name, e);
    close(to);
    return rc;
}
