/* tmpfile.c - see tmpfile.h. */
#include "tmpfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *eg_tmpdir(const char *dir)
{
    if (!dir || !*dir)
        dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/var/tmp";
}

int eg_tmpfile(const char *dir)
{
    char *name;
    int fd;

    dir = eg_tmpdir(dir);
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    // NFS, vfat and FUSE have no O_TMPFILE; a kernel without it tries to open the folder as a file.
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (asprintf(&name, "%s/engram-XXXXXX", dir) < 0) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0 && unlink(name) != 0) {
        const int why = errno;

        close(fd);
        fd = -1;
        errno = why;
    }
    free(name);
    return fd;
}

bool eg_write_at(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    while (n) {
        const ssize_t done = pwrite(fd, p, n, (off_t)at);

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
