/* recover_known.c - see recover_known.h. */
#include "recover_known.h"
#include "../../core/mapped.h"
#include "../../core/run.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, HEX_MAX = 64 };

void known_fini(struct known *k)
{
    for (size_t i = 0; i < k->lists.n; i++)
        eg_close_fd_(&k->lists.at[i].fd);
    eg_vec_fini(&k->lists);
    eg_vec_fini(&k->files);
    eg_map_fini(&k->by_sum);
}

static uint32_t hash_of(unsigned kind, const uint8_t *sum)
{
    uint8_t buf[33];

    buf[0] = (uint8_t)kind;
    memcpy(buf + 1, sum, eg_digest_size[kind]);
    return eg_map_hash(buf, 1u + eg_digest_size[kind]);
}

/* Many files have the same content, most often none: these are one. */
static bool find_same(const struct known *k, const struct eg_sums *sums, uint64_t *i)
{
    const uint32_t hash = hash_of(0, sums->of[0]);

    for (uint32_t nth = 0; eg_map_get(&k->by_sum, eg_map_key(hash, nth), i); nth++)
        if (!memcmp(&k->files.at[*i].sums, sums, sizeof *sums))
            return true;
    return false;
}

size_t known_add(struct known *k, const struct eg_sums *sums)
{
    struct known_file *f;
    uint64_t other;

    if (find_same(k, sums, &other))
        return (size_t)other;
    f = eg_vec_push(&k->files);
    if (!f)
        return SIZE_MAX;
    f->sums = *sums;
    for (unsigned kind = 0; kind < EG_DIGESTS; kind++) {
        const uint32_t hash = hash_of(kind, sums->of[kind]);
        uint32_t nth = 0;

        while (eg_map_get(&k->by_sum, eg_map_key(hash, nth), &other))
            nth++;
        if (eg_map_add(&k->by_sum, eg_map_key(hash, nth), k->files.n - 1) < 0)
            return SIZE_MAX;
    }
    return k->files.n - 1;
}

void known_mark(struct known *k, unsigned kind, const uint8_t *sum)
{
    const uint32_t hash = hash_of(kind, sum);
    uint64_t i;

    for (uint32_t nth = 0; eg_map_get(&k->by_sum, eg_map_key(hash, nth), &i); nth++)
        if (!memcmp(k->files.at[i].sums.of[kind], sum, eg_digest_size[kind]))
            k->files.at[i].known = true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool known_mark_text(struct known *k, const char *hex, size_t len)
{
    uint8_t sum[HEX_MAX / 2];
    unsigned kind = 0;

    while (kind < EG_DIGESTS && len != 2u * eg_digest_size[kind])
        kind++;
    if (kind == EG_DIGESTS)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        const int high = digit(hex[i]), low = digit(hex[i + 1]);

        if (high < 0 || low < 0)
            return false;
        sum[i / 2] = (uint8_t)(high << 4 | low);
    }
    known_mark(k, kind, sum);
    return true;
}

/* A run of letters and digits, as far as it can be a digest. */
struct word {
    char text[HEX_MAX + 1];
    size_t n;
    uint64_t found;
};

static void end_word(struct known *k, struct word *w)
{
    w->found += w->n && w->n <= HEX_MAX && known_mark_text(k, w->text, w->n);
    w->n = 0;
}

static void read_bytes(struct known *k, struct word *w, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char c = bytes[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_'))
            end_word(k, w);
        else if (w->n <= HEX_MAX)
            w->text[w->n++] = c;
    }
}

bool known_open(struct eg_run *r, struct known *k, const char *path)
{
    struct known_list *new = eg_vec_push(&k->lists);
    struct stat st;
    int flags;

    if (!new) {
        eg_run_fail(r, EG_ENOMEM, "--known %s: out of memory", path);
        return false;
    }
    // O_NONBLOCK: a FIFO into which nobody writes is an empty list, and not waited for.
    *new = (struct known_list){ path, eg_open_input(AT_FDCWD, path, O_NONBLOCK) };
    if (new->fd >= 0 && fstat(new->fd, &st) == 0 && (flags = fcntl(new->fd, F_GETFL)) >= 0 &&
        fcntl(new->fd, F_SETFL, flags & ~O_NONBLOCK) == 0) {
        new->is_file = S_ISREG(st.st_mode);
        if (!S_ISDIR(st.st_mode))
            return true;
        errno = EISDIR;
    }
    eg_run_fail(r, EG_EIO, "--known %s: %s", path, strerror(errno));
    return false;
}

bool known_read(struct eg_run *r, struct known *k, const struct known_list *list)
{
    static const char sqlite[] = "SQLite format 3";
    const char *const path = list->path;
    const int fd = list->fd;
    char *buf = eg_tmp(r, CHUNK);
    struct word w = { .n = 0 };
    bool first = true;
    ssize_t n;

    while ((n = read(fd, buf, CHUNK)) > 0 && !eg_stopped(r)) {
        if (first && list->is_file && (size_t)n >= sizeof sqlite &&
            !memcmp(buf, sqlite, sizeof sqlite))
            return known_read_sqlite(r, k, path);
        first = false;
        read_bytes(k, &w, buf, (size_t)n);
    }
    end_word(k, &w);
    if (n < 0)
        eg_run_fail(r, EG_EIO, "--known %s: %s", path, strerror(errno));
    else if (!w.found)
        eg_run_fail(r, EG_EFORMAT,
                    "--known %s: has no SHA-256, SHA-1 or MD5 in hexadecimal: a list of sha256sum, "
                    "hashdeep or the NSRL is one",
                    path);
    return !eg_stopped(r);
}
