/* siblings.c - see siblings.h. */
#include "siblings.h"
#include "../core/mapped.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 1 << 16 }; // that are looked at

const char *eg_own_name(const struct eg_image *img)
{
    const char *slash = strrchr(img->path, '/');

    return slash ? slash + 1 : img->path;
}

static bool read_head(int folder, const char *name, uint8_t *head, size_t len)
{
    eg_cleanup(eg_close_fd_) int fd = -1;
    struct stat st;

    if (fstatat(folder, name, &st, 0) || !S_ISREG(st.st_mode))
        return false;
    fd = eg_open_input(folder, name, O_NONBLOCK);
    return fd >= 0 && pread(fd, head, len, 0) == (ssize_t)len;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool eg_siblings(struct eg_siblings *out, struct eg_image *img, size_t len,
                 bool (*fits)(const uint8_t *head, const void *context), const void *context)
{
    const char *own = eg_own_name(img);
    const int folder_len = (int)(own - img->path);
    const char *path = folder_len ? eg_arena_strf(&img->arena, "%.*s", folder_len, img->path) : ".";
    DIR *folder = path && img->on_disk ? opendir(path) : NULL;
    struct dirent *entry;
    bool ok = path;

    for (int i = 0; folder && ok && i < FILES_MAX && (entry = readdir(folder)); i++) {
        uint8_t head[EG_SIBLING_HEAD];
        char **slot;

        if (!strcmp(entry->d_name, own) || !read_head(dirfd(folder), entry->d_name, head, len) ||
            !fits(head, context))
            continue;
        slot = out->n < EG_SIBLINGS_MAX ? eg_vec_push(out) : NULL;
        ok = slot && (*slot = eg_arena_strndup(&img->arena, entry->d_name, strlen(entry->d_name)));
    }
    if (folder)
        closedir(folder);
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, by_name);
    return ok;
}
