/* newfile.c - output files: refused if they are there already, or replaced; written under another
 * name and renamed at the end, or created at once. */
#include "newfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool eg_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int already(const char *path, struct eg_error *e)
{
    return eg_fail(e, EG_EUSAGE, "%s: already exists: --force replaces it", path);
}

int eg_newfile_create(const char *path, bool replace, struct eg_error *e)
{
    const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
    struct stat st;
    int fd;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        fd = open(path, flags); // fails for a folder
    } else if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        return eg_fail(e, EG_EUSAGE, "%s: is a symbolic link: name the file itself", path);
    } else {
        if (replace && unlink(path) < 0 && errno != ENOENT)
            return eg_fail(e, EG_EIO, "%s: cannot be replaced: %s", path, strerror(errno));
        fd = open(path, flags | O_CREAT | O_EXCL, 0666);
        if (fd < 0 && errno == EEXIST)
            return already(path, e);
    }
    return fd < 0 ? eg_fail(e, EG_EIO, "%s: cannot be written: %s", path, strerror(errno)) : fd;
}

int eg_newfile_check(const char *path, bool replace, struct eg_error *e)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode)) // a rename would replace the device by a file
        return eg_fail(e, EG_EUSAGE, "%s: is not a regular file: name another one with -o", path);
    return replace ? 0 : already(path, e);
}

int eg_newfile_open(struct eg_newfile *n, const char *path, bool replace, struct eg_error *e)
{
    int rc = eg_newfile_check(path, replace, e);
    int fd;

    *n = (struct eg_newfile){ .path = path, .replace = replace };
    if (rc < 0)
        return rc;
    if (asprintf(&n->temporary, "%s.XXXXXX", path) < 0) {
        n->temporary = NULL;
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    }
    fd = mkostemp(n->temporary, O_CLOEXEC);
    n->f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (n->f)
        return 0;
    eg_fail(e, EG_EIO, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(n->temporary);
    }
    free(n->temporary);
    n->temporary = NULL;
    return -EG_EIO;
}

/** Rename without replacing a file that was created meanwhile. Two ways are tried because some file
 * systems support only one: vfat, exfat and many network ones have no links. */
static bool give_name(const struct eg_newfile *n)
{
    if (n->replace)
        return rename(n->temporary, n->path) == 0;
    if (renameat2(AT_FDCWD, n->temporary, AT_FDCWD, n->path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST || link(n->temporary, n->path) < 0)
        return false;
    unlink(n->temporary);
    return true;
}

int eg_newfile_keep(struct eg_newfile *n, struct eg_error *e)
{
    const mode_t mask = umask(0);
    const int fd = fileno(n->f);
    bool good;

    umask(mask);
    good = fflush(n->f) == 0 && !ferror(n->f) && fsync(fd) == 0 && fchmod(fd, 0666 & ~mask) == 0;
    good = fclose(n->f) == 0 && good;
    n->f = NULL;
    if (!good) {
        eg_fail(e, EG_EIO, "%s: cannot be written: %s", n->path, strerror(errno));
        unlink(n->temporary);
    } else if (!give_name(n)) { // hours of work may be in it
        eg_fail(e, EG_EIO, "%s: cannot be renamed to this: %s; the complete file is %s", n->path,
                strerror(errno), n->temporary);
        good = false;
    }
    free(n->temporary);
    n->temporary = NULL;
    return good ? 0 : -EG_EIO;
}

void eg_newfile_drop(struct eg_newfile *n)
{
    if (!n->f)
        return;
    fclose(n->f);
    unlink(n->temporary);
    free(n->temporary);
    *n = (struct eg_newfile){ 0 };
}
