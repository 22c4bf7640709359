/* kept.c - see kept.h. An entry: the content as it was unpacked, a sparse file; then for each
 * segment of it its start, last address and place; then struct tail. In the byte order of this
 * machine. */
#include "kept.h"
#include "../core/parallel.h"
#include "../core/tmpfile.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    SECRET = 192, // bytes, at least XXH3_SECRET_SIZE_MIN
    PAGE = 4096,
    SEGMENTS_MAX = 1 << 22,
    ENTRIES_MAX = 1 << 16,
};
static const char magic[8] = "EGKEPT1", suffix[] = ".unpacked";

struct eg_kept {
    struct eg_image *img;
    int folder;
    uint64_t max; // bytes of all entries
    uint8_t secret[SECRET];
    char name[64];
};

struct place {
    uint64_t start, last, at;
};
struct tail {
    uint64_t n, size, check; // segments; bytes of the content; hash of all before it
    char magic[8];
};

/* ---- the folder ---- */

/** Does it belong to us alone? */
static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & 022);
}

static int open_folder(struct eg_image *img)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *path;
    struct stat st;
    int fd;

    if (!cache || *cache != '/') {
        cache = home && *home == '/' ? eg_arena_strf(&img->arena, "%s/.cache", home) : NULL;
        if (!cache)
            return errno = ENOENT, -1;
    }
    path = eg_arena_strf(&img->arena, "%s/engram", cache);
    if (!path)
        return errno = ENOMEM, -1;
    mkdir(cache, 0700);
    mkdir(path, 0700);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) || !is_ours(&st))) {
        close(fd);
        return errno = EPERM, -1;
    }
    return fd;
}

/** A file of ours, to read. */
static int open_ours(int folder, const char *name, struct stat *st)
{
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode) || !is_ours(st))) {
        close(fd);
        return errno = EPERM, -1;
    }
    return fd;
}

/** Give a file of the folder without a name one. */
static bool name_it(int folder, int fd, const char *name)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) == 0;
}

static int new_file(int folder)
{
    return openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/** The folder's secret; the first command makes it. One that is cut off is made anew. */
static bool read_secret(struct eg_kept *k)
{
    for (int i = 0; i < 2; i++) {
        struct stat st;
        eg_cleanup(eg_close_fd_) int fd = open_ours(k->folder, "secret", &st);
        eg_cleanup(eg_close_fd_) int made = -1;

        if (fd >= 0 && read(fd, k->secret, SECRET) == SECRET)
            return true;
        if (fd >= 0)
            unlinkat(k->folder, "secret", 0);
        made = i ? -1 : new_file(k->folder);
        if (made < 0 || getrandom(k->secret, SECRET, 0) != SECRET ||
            !eg_write_at(made, k->secret, SECRET, 0))
            return false;
        if (!name_it(k->folder, made, "secret") && errno != EEXIST) // another process was faster
            return false;
    }
    return false;
}

/* ---- hashes ---- */

/** Hash the pages of @as up to @size that are not zeros, and where they are. @return false:
 * unreadable, or stopped. */
static bool hash_space(XXH3_state_t *h, struct eg_image *img, struct eg_space *as, uint64_t size)
{
    for (uint64_t at = 0; at < size && !eg_cancelled;) {
        size_t n = (size_t)EG_MIN(size - at, (uint64_t)EG_FILL_MAX);
        const uint8_t *p;
        struct eg_extent x;

        eg_extent_at(img->view, as, at, &x);
        if (x.zero) {
            at = EG_MIN(x.last, size - 1) + 1;
            continue;
        }
        p = eg_map_some(img->view, as, at, &n);
        if (!p)
            return false;
        for (size_t i = 0; i < n; i += PAGE) {
            const size_t len = EG_MIN(n - i, (size_t)PAGE);
            const uint64_t place = at + i;

            if (!eg_all_zero(p + i, len) && (XXH3_128bits_update(h, &place, sizeof place) ||
                                             XXH3_128bits_update(h, p + i, len)))
                return false;
        }
        at += n;
    }
    return !eg_cancelled;
}

static XXH3_state_t *new_hash(const struct eg_kept *k)
{
    XXH3_state_t *h = XXH3_createState();

    if (h && XXH3_128bits_reset_withSecret(h, k->secret, SECRET)) {
        XXH3_freeState(h);
        h = NULL;
    }
    return h;
}

/** The hash of an entry: content, segments, and the numbers of its end. */
static bool check_of(const struct eg_kept *k, struct eg_space *content, const struct place *places,
                     const struct tail *t, uint64_t *out)
{
    XXH3_state_t *h = new_hash(k);
    bool ok = h && hash_space(h, k->img, content, t->size) &&
              !XXH3_128bits_update(h, places, (size_t)t->n * sizeof *places) &&
              !XXH3_128bits_update(h, t, offsetof(struct tail, check));

    if (ok)
        *out = XXH3_128bits_digest(h).low64;
    XXH3_freeState(h);
    return ok;
}

struct eg_kept *eg_kept_open(struct eg_image *img, struct eg_space *file,
                             const struct eg_open_options *o)
{
    const uint64_t size = eg_space_size(file);
    struct eg_kept *k = o->cache ? calloc(1, sizeof *k) : NULL;
    XXH3_state_t *h;
    bool ok;

    if (!k)
        return NULL;
    *k = (struct eg_kept){ .img = img, .folder = open_folder(img), .max = o->cache };
    if (k->folder < 0 || !read_secret(k)) {
        eg_image_note(img, "--cache: nothing can be kept in $XDG_CACHE_HOME/engram: %s",
                      strerror(errno));
        eg_kept_close(k);
        return NULL;
    }
    h = new_hash(k);
    ok = h && hash_space(h, img, file, size) && !XXH3_128bits_update(h, &size, sizeof size);
    if (ok) {
        const XXH128_hash_t sum = XXH3_128bits_digest(h);

        snprintf(k->name, sizeof k->name, "%016" PRIx64 "%016" PRIx64 "%s", (uint64_t)sum.high64,
                 (uint64_t)sum.low64, suffix);
    }
    XXH3_freeState(h);
    if (ok)
        return k;
    eg_kept_close(k);
    return NULL;
}

void eg_kept_close(struct eg_kept *k)
{
    if (!k)
        return;
    if (k->folder >= 0)
        close(k->folder);
    free(k);
}

/* ---- entries ---- */

static struct eg_segment *segments_of(const struct place *places, const struct tail *t,
                                      struct eg_space *file)
{
    struct eg_segment *segs = calloc(t->n, sizeof *segs);

    for (uint64_t i = 0; segs && i < t->n; i++) {
        const struct place *p = &places[i];

        if (p->last < p->start || !eg_within(p->at, p->last - p->start + 1, t->size)) {
            free(segs);
            return NULL;
        }
        segs[i] = (struct eg_segment){ .start = p->start,
                                       .last = p->last,
                                       .below = file,
                                       .below_addr = p->at,
                                       .stored = p->last - p->start + 1,
                                       .tail = EG_UNREADABLE };
    }
    return segs;
}

bool eg_kept_load(struct eg_kept *k, struct eg_space **content, struct eg_space **file)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = NULL;
    eg_cleanup(eg_free_) struct place *places = NULL;
    struct eg_view *v = k->img->view;
    struct eg_space *as = NULL;
    struct tail t = { 0 };
    struct stat st;
    uint64_t check, at;
    int fd = open_ours(k->folder, k->name, &st);
    bool ok;

    if (fd < 0)
        return false;
    futimens(fd, NULL); // the oldest are removed first
    if (eg_file_open_fd(&as, fd, k->img->path, NULL) != 0) {
        unlinkat(k->folder, k->name, 0);
        return false;
    }
    at = eg_space_size(as) - EG_MIN(eg_space_size(as), sizeof t);
    ok = at && eg_read(v, as, at, &t, sizeof t) && !memcmp(t.magic, magic, sizeof magic) && t.n &&
         t.n <= SEGMENTS_MAX && t.size <= at && at - t.size == t.n * sizeof *places;
    places = ok ? calloc(t.n, sizeof *places) : NULL;
    ok = places && eg_read(v, as, t.size, places, (size_t)t.n * sizeof *places) &&
         check_of(k, as, places, &t, &check) && check == t.check &&
         (segs = segments_of(places, &t, as)) &&
         eg_segments_open(content, k->img->path, segs, (size_t)t.n, NULL, NULL) == 0;
    if (ok) {
        *file = as;
        return true;
    }
    if (!v->starved && !eg_cancelled) // damaged: it is made again
        unlinkat(k->folder, k->name, 0);
    eg_view_forget(v, as);
    eg_space_close(as);
    return false;
}

int eg_kept_new(const struct eg_kept *k)
{
    return new_file(k->folder);
}

struct entry {
    char *name;
    struct timespec used;
    uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/** Remove the oldest entries until all fit. */
static void trim(struct eg_kept *k)
{
    EG_VEC(struct entry) all = { 0 };
    const int copy = openat(k->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *d;
    uint64_t sum = 0;

    while (folder && all.n < ENTRIES_MAX && (d = readdir(folder))) {
        const size_t n = strlen(d->d_name);
        struct entry *x;
        struct stat st;

        if (n < sizeof suffix || strcmp(d->d_name + n - (sizeof suffix - 1), suffix) != 0 ||
            fstatat(k->folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW) || !(x = eg_vec_push(&all)))
            continue;
        x->name = strdup(d->d_name);
        x->used = st.st_mtim;
        x->bytes = 512 * (uint64_t)st.st_blocks;
        sum += x->bytes;
    }
    if (folder)
        closedir(folder);
    else if (copy >= 0)
        close(copy);
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_age);
    for (size_t i = 0; i < all.n; i++) {
        if (sum > k->max && all.at[i].name && unlinkat(k->folder, all.at[i].name, 0) == 0)
            sum -= EG_MIN(all.at[i].bytes, sum);
        free(all.at[i].name);
    }
    eg_vec_fini(&all);
}

void eg_kept_store(struct eg_kept *k, int fd, struct eg_space *temp, uint64_t size,
                   const struct eg_segment *segs, size_t n)
{
    eg_cleanup(eg_free_) struct place *places =
        n && n <= SEGMENTS_MAX ? calloc(n, sizeof *places) : NULL;
    struct tail t = { .size = size };

    if (!places)
        return;
    for (size_t i = 0; i < n; i++)
        if (segs[i].last >= segs[i].start)
            places[t.n++] = (struct place){ segs[i].start, segs[i].last, segs[i].below_addr };
    memcpy(t.magic, magic, sizeof magic);
    if (!t.n || !check_of(k, temp, places, &t, &t.check) ||
        !eg_write_at(fd, (const uint8_t *)places, (size_t)t.n * sizeof *places, size) ||
        !eg_write_at(fd, (const uint8_t *)&t, sizeof t, size + t.n * sizeof *places))
        return;
    if (name_it(k->folder, fd, k->name))
        trim(k);
}
