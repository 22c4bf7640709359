/* outtree.c - see outtree.h. */
#include "outtree.h"
#include "run.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, NAME_SIZE = 256 };

struct eg_outtree {
    struct eg_run *r;
    const char *option, *dir;
    mode_t mode; // of new folders
    int top;
    int last;   // the folder of the last file, which most often is the next one's too; -1: none
    char *path; // of it, from the top
};

static void close_deferred(void *tree)
{
    struct eg_outtree *t = tree;

    if (t->last >= 0)
        close(t->last);
    if (t->top >= 0)
        close(t->top);
    t->top = t->last = -1;
    free(t->path);
    t->path = NULL;
}

static bool failed(struct eg_outtree *t, enum eg_errno code, const char *path, const char *what)
{
    eg_run_fail(t->r, code, "%s %s: %s: %s", t->option, t->dir, path, what);
    return false;
}

static struct eg_outtree *open_tree(struct eg_run *r, const char *option, const char *dir,
                                    mode_t mode)
{
    struct eg_outtree *t = eg_tmp(r, sizeof *t);

    *t = (struct eg_outtree){
        .r = r, .option = option, .dir = dir, .mode = mode, .top = -1, .last = -1
    };
    if (!dir) {
        eg_run_fail(r, EG_EUSAGE, "it writes files: %s DIR must say into which folder", option);
        return NULL;
    }
    eg_run_defer(r, close_deferred, t);
    // The user's own folder may be a link.
    if ((mkdir(dir, mode) < 0 && errno != EEXIST) ||
        (t->top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        eg_run_fail(r, EG_EIO, "%s %s: %s", option, dir, strerror(errno));
        return NULL;
    }
    return t;
}

struct eg_outtree *eg_outtree_open(struct eg_run *r, const char *option, const char *dir)
{
    return open_tree(r, option, dir, 0777);
}

struct eg_outtree *eg_outtree_open_private(struct eg_run *r, const char *option, const char *dir)
{
    return open_tree(r, option, dir, 0700);
}

/* One step down from @at, which is closed. */
static int step(struct eg_outtree *t, int at, const char *name, const char *path)
{
    int fd = openat(at, name, FOLDER_FLAGS);

    if (fd < 0 && errno == ENOENT && (mkdirat(at, name, t->mode) == 0 || errno == EEXIST))
        fd = openat(at, name, FOLDER_FLAGS);
    if (fd < 0)
        failed(t, errno == ENOTDIR || errno == ELOOP ? EG_EUSAGE : EG_EIO, path,
               errno == ENOTDIR || errno == ELOOP ? "something that is no folder is in the way"
                                                  : strerror(errno));
    close(at);
    return fd;
}

/* Down the first @len bytes of @path. */
static int descend(struct eg_outtree *t, const char *path, size_t len)
{
    char name[NAME_SIZE];
    int fd = dup(t->top);

    for (size_t at = 0; fd >= 0 && at < len;) {
        const size_t n = EG_MIN(strcspn(path + at, "/"), len - at);

        if (!n || n >= sizeof name ||
            (path[at] == '.' && (n == 1 || (n == 2 && path[at + 1] == '.')))) {
            failed(t, EG_EFORMAT, path, "is not a valid name");
            close(fd);
            return -1;
        }
        memcpy(name, path + at, n);
        name[n] = 0;
        fd = step(t, fd, name, path);
        at += n + 1;
    }
    return fd;
}

/* The folder of @path stays open; *@name is what is behind it. */
static bool enter(struct eg_outtree *t, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    const size_t len = slash ? (size_t)(slash - path) : 0;

    *name = slash ? slash + 1 : path;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, "..") || *path == '/' ||
        strstr(path, "//"))
        return failed(t, EG_EFORMAT, path, "is not a valid name");
    if (t->last >= 0 && strlen(t->path) == len && !memcmp(t->path, path, len))
        return true;
    if (t->last >= 0)
        close(t->last);
    free(t->path);
    t->path = strndup(path, len);
    t->last = t->path ? descend(t, path, len) : -1;
    if (!t->path)
        failed(t, EG_ENOMEM, path, "out of memory");
    return t->last >= 0;
}

/* May the new file be there? One that is in its place is removed if that was asked for. */
static bool make_room(struct eg_outtree *t, const char *path, const char *name)
{
    struct stat st;

    if (fstatat(t->last, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? true : failed(t, EG_EIO, path, strerror(errno));
    if (S_ISDIR(st.st_mode) || !t->r->options->replace)
        return failed(t, EG_EUSAGE, path, "already exists: --force replaces files");
    return unlinkat(t->last, name, 0) == 0 ? true : failed(t, EG_EIO, path, strerror(errno));
}

int eg_outtree_create(struct eg_outtree *t, const char *path)
{
    const char *name;
    int fd;

    if (!enter(t, path, &name) || !make_room(t, path, name))
        return -1;
    fd = openat(t->last, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                0600);
    if (fd < 0)
        failed(t, EG_EIO, path, strerror(errno));
    return fd;
}

int eg_outtree_folder(struct eg_outtree *t, const char *path)
{
    return descend(t, path, strlen(path));
}

bool eg_outtree_link(struct eg_outtree *t, const char *of, const char *path)
{
    const char *slash = strrchr(of, '/'), *name;
    int from;
    bool ok;

    if (!enter(t, path, &name) || !make_room(t, path, name))
        return false;
    from = descend(t, of, slash ? (size_t)(slash - of) : 0);
    if (from < 0)
        return false;
    ok = linkat(from, slash ? slash + 1 : of, t->last, name, 0) == 0;
    close(from);
    return ok;
}
