/* volume_disk.c - the encrypted bytes of a volume: see volume_disk.h. */
#include "volume_disk.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/own/blockcache.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

static void close_file(void *bytes)
{
    eg_mapped_close(bytes);
}

bool eg_volume_work_open(struct eg_run *r, struct eg_volume_work *w)
{
    const char *path;

    for (size_t i = 0; (path = eg_arg_text_nth(r, "disk", i)); i++) {
        struct eg_volume_file *f = &w->files[w->n_files];
        struct eg_error e = { 0 };
        off_t size;
        struct stat st;
        int fd, failed;

        if (w->n_files == VOLUME_FILES_MAX) {
            eg_run_fail(r, EG_EUSAGE, "more than %d files of --disk", VOLUME_FILES_MAX);
            return false;
        }
        fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK); // a FIFO is not waited for
        if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
            eg_run_fail(r, EG_EUSAGE, "--disk %s: neither a file nor a disk", path);
            close(fd);
            return false;
        }
        size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
        if (size <= 0) {
            eg_run_fail(r, EG_EIO, "--disk %s: %s", path, size ? strerror(errno) : "it is empty");
            if (fd >= 0)
                close(fd);
            return false;
        }
        failed = eg_mapped_open(&f->bytes, fd, (uint64_t)size, false, path, &e);
        close(fd);
        if (failed < 0) {
            eg_run_fail(r, -failed, "%s", e.text);
            return false;
        }
        eg_run_defer(r, close_file, f->bytes);
        f->path = path;
        w->n_files++;
    }
    return true;
}

/* ---- page caches ---- */

static void free_content(void *content)
{
    linux_content_fini(content);
}

struct linux_content *eg_volume_cached(struct eg_run *r, struct eg_volume_work *w,
                                       struct eg_obj inode)
{
    struct linux_content *c;
    uint64_t mapping;

    if (inode.why || !eg_get(&mapping, inode, inode.i_mapping) || !mapping)
        return NULL;
    for (size_t i = 0; i < w->n_caches; i++) // many volumes can lie on one disk
        if (w->caches[i].inode == inode.addr)
            return w->caches[i].content;
    c = eg_tmp(r, sizeof *c);
    eg_run_defer(r, free_content, c);
    if (!linux_content_of(r, inode, c) || !c->present)
        c = NULL;
    w->caches = eg_grow(r, w->caches, w->n_caches, &w->cap_caches, sizeof *w->caches);
    w->caches[w->n_caches++] = (struct eg_volume_cache){ inode.addr, c };
    return c;
}

static void add(struct eg_volume_disk *d, struct eg_volume_source s)
{
    if ((s.file || s.content) && d->n < countof(d->at))
        d->at[d->n++] = s;
}

void eg_volume_disk_open(struct eg_run *r, const struct linux_blockdev *below,
                         struct eg_volume_work *w, struct eg_volume_disk *out)
{
    const struct linux_blockdevs *all = linux_blockdevs(r);
    const uint64_t start = below ? below->start * 512 : 0;
    struct eg_obj inode;
    uint64_t offset = 0;

    out->n = 0;
    for (size_t i = 0; i < w->n_files; i++) {
        add(out, (struct eg_volume_source){ .r = r, .file = &w->files[i] });
        if (start && below->start < UINT64_MAX / 512)
            add(out, (struct eg_volume_source){ .r = r, .file = &w->files[i], .base = start });
    }
    if (!below)
        return;
    if (linux_block_loop(r, below, &inode, &offset))
        add(out, (struct eg_volume_source){
                     .r = r, .content = eg_volume_cached(r, w, inode), .base = offset });
    add(out, (struct eg_volume_source){
                 .r = r, .content = eg_volume_cached(r, w, linux_block_inode(r, below)) });
    for (size_t i = 0; below->part && all && i < all->n; i++)
        if (all->at[i].disk == below->disk && !all->at[i].part)
            add(out, (struct eg_volume_source){
                         .r = r,
                         .content = eg_volume_cached(r, w, linux_block_inode(r, &all->at[i])),
                         .base = start });
}

/* ---- bytes ---- */

/* The part that has byte @at; the parts have no gaps, and end with the file. */
static const struct linux_content_part *part_at(const struct linux_content *c, uint64_t at)
{
    const size_t i =
        eg_lower_bound(c->parts.n, j, c->parts.at[j].first + (c->parts.at[j].len - 1) < at);

    return i < c->parts.n && c->parts.at[i].first <= at ? &c->parts.at[i] : NULL;
}

static bool is_there(const struct linux_content_part *p)
{
    return (p->kind == LINUX_CONTENT_BYTES && !p->partial) || p->kind == LINUX_CONTENT_ZEROS;
}

bool eg_volume_has(const struct eg_volume_source *s, uint64_t at, uint64_t *next)
{
    const uint64_t size = s->file ? s->file->bytes->size : s->content->size;
    const struct linux_content_part *p;

    *next = UINT64_MAX;
    if (!eg_add(at, s->base, &at) || at >= size)
        return false;
    if (s->file) {
        *next = size - s->base;
        return true;
    }
    p = part_at(s->content, at);
    if (p)
        *next = p->first + p->len - s->base;
    return p && is_there(p);
}

bool eg_volume_bytes(const struct eg_volume_source *s, uint64_t at, void *to, size_t len)
{
    uint8_t *out = to;

    if (!eg_add(at, s->base, &at))
        return false;
    if (s->file) {
        const struct eg_mapped *m = s->file->bytes;

        if (at > m->size || len > m->size - at)
            return false;
        memcpy(out, m->bytes + at, len);
        for (uint64_t page = at / EG_MAPPED_PAGE; len && page <= (at + len - 1) / EG_MAPPED_PAGE;
             page++)
            if (eg_mapped_is_bad(m, page * EG_MAPPED_PAGE))
                return false;
        return true;
    }
    while (len) {
        const struct linux_content_part *p = part_at(s->content, at);
        size_t n;

        if (!p || !is_there(p))
            return false;
        n = EG_MIN(len, p->first + p->len - at);
        if (p->kind == LINUX_CONTENT_ZEROS)
            memset(out, 0, n);
        else if (!eg_read(eg_view_of(s->r), eg_physical(s->r), p->at + (at - p->first), out, n))
            return false;
        at += n;
        out += n;
        len -= n;
    }
    return true;
}
