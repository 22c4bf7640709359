/* recover_tar.c - files into a tar (pax), by libarchive, as they come: nothing is kept but a sparse
 * file's map. */
#include "../../core/run.h"
#include "config.h"
#include "recover.h"
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

enum {
    ZEROS = 1 << 22,
    NOBODY = 65534,     // as Linux shows owners that it cannot name
    PARTS_MAX = 1 << 20 // of one file: more are joined, zeros between
};
static const uint64_t size_max = UINT64_C(1) << 43;  // 8 TiB: zeros are counted, not written
static const uint64_t holes_max = UINT64_C(1) << 47; // 128 TiB of all files: counting takes time

struct recover_tar {
    struct recover *x;
    struct archive *archive;
    FILE *f;
    const uint8_t *zeros; // ZEROS bytes
    uint64_t at;          // in the file at hand
    uint64_t holes;       // bytes of them that may still follow
};

/* Where the run failed the file is closed already: what the library still has goes nowhere. With
 * archive_write_fail() it would not be written either, but libarchive 3.6 keeps its buffer then. */
static void close_deferred(void *tar)
{
    struct recover_tar *t = tar;

    t->f = NULL;
    if (t->archive)
        archive_write_free(t->archive);
    t->archive = NULL;
}

static la_ssize_t write_out(struct archive *a, void *context, const void *bytes, size_t len)
{
    struct recover_tar *t = context;

    if (!t->f || fwrite(bytes, 1, len, t->f) == len)
        return (la_ssize_t)len;
    archive_set_error(a, EG_EIO, "could not be written: is the disk full?");
    return -1;
}

static bool failed(struct recover_tar *t)
{
    const char *text = archive_error_string(t->archive);

    if (!eg_stopped(t->x->r))
        eg_failed(t->x->r, "the tar: %s", text ? text : "out of memory");
    return false;
}

struct recover_tar *recover_tar_begin(struct recover *x, const char *name)
{
    struct recover_tar *t = eg_tmp(x->r, sizeof *t);

    *t = (struct recover_tar){ .x = x, .f = eg_output(x->r, name), .holes = holes_max };
    if (!t->f)
        return NULL;
    eg_run_defer(x->r, close_deferred, t);
    t->zeros = eg_tmp(x->r, ZEROS);
    t->archive = archive_write_new();
    if (!t->archive || archive_write_set_format_pax(t->archive) != ARCHIVE_OK ||
        archive_write_set_options(t->archive, "pax:xattrheader=SCHILY") != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(t->archive, 1 << 20) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(t->archive, 1) != ARCHIVE_OK ||
        archive_write_open(t->archive, t, NULL, write_out, NULL) != ARCHIVE_OK) {
        failed(t);
        return NULL;
    }
    return t;
}

bool recover_tar_end(struct recover *x)
{
    struct recover_tar *t = x->tar;
    const bool ok = archive_write_close(t->archive) == ARCHIVE_OK || failed(t);
    FILE *f = t->f;

    close_deferred(t);
    return eg_output_done(x->r, f) && ok;
}

static struct archive_entry *entry_of(struct recover *x, const struct recover_file *f,
                                      const char *out)
{
    struct archive_entry *e = archive_entry_new();
    struct timespec t;

    if (!e)
        return NULL;
    x->n_nobody += !f->has_uid || !f->has_gid;
    archive_entry_set_pathname(e, out);
    archive_entry_set_mode(e, f->mode);
    archive_entry_set_uid(e, f->has_uid ? f->uid : NOBODY);
    archive_entry_set_gid(e, f->has_gid ? f->gid : NOBODY);
    if (f->has_time[LINUX_MTIME]) {
        t = recover_time(f, LINUX_MTIME);
        archive_entry_set_mtime(e, t.tv_sec, t.tv_nsec);
    }
    if (f->has_time[LINUX_ATIME]) {
        t = recover_time(f, LINUX_ATIME);
        archive_entry_set_atime(e, t.tv_sec, t.tv_nsec);
    }
    if (f->has_time[LINUX_CTIME]) {
        t = recover_time(f, LINUX_CTIME);
        archive_entry_set_ctime(e, t.tv_sec, t.tv_nsec);
    }
    for (size_t i = 0; i < f->n_xattrs; i++)
        archive_entry_xattr_add_entry(e, f->xattrs[i].name, f->xattrs[i].value, f->xattrs[i].len);
    return e;
}

static bool has_bytes(const struct linux_content_part *p)
{
    return p->kind == LINUX_CONTENT_BYTES || p->kind == LINUX_CONTENT_SWAPPED;
}

/* Where the file has bytes; nothing is said of one that has them everywhere. */
static void add_map(struct archive_entry *e, const struct linux_content *c, uint64_t size)
{
    uint64_t first = 0, end = 0;
    size_t n = 0;

    if (c->present == size)
        return;
    for (size_t i = 0; i < c->parts.n; i++) {
        const struct linux_content_part *p = &c->parts.at[i];

        if (!has_bytes(p) || p->first + p->len > size)
            continue;
        if (p->first != end && n < PARTS_MAX) {
            if (end > first)
                archive_entry_sparse_add_entry(e, (la_int64_t)first, (la_int64_t)(end - first));
            first = p->first;
            n++;
        }
        end = p->first + p->len;
    }
    archive_entry_sparse_add_entry(e, (la_int64_t)first, (la_int64_t)(end - first));
}

static bool put_zeros(struct recover_tar *t, uint64_t to)
{
    while (t->at < to) {
        const size_t n = (size_t)EG_MIN(to - t->at, (uint64_t)ZEROS);

        if (eg_stopped(t->x->r))
            return false;
        if (archive_write_data(t->archive, t->zeros, n) != (la_ssize_t)n)
            return failed(t);
        t->at += n;
    }
    return true;
}

static bool put(void *context, uint64_t at, const void *bytes, size_t len)
{
    struct recover_tar *t = context;

    if (!put_zeros(t, at))
        return false;
    if (archive_write_data(t->archive, bytes, len) != (la_ssize_t)len)
        return failed(t);
    t->at = at + len;
    return true;
}

static bool put_header(struct recover_tar *t, struct archive_entry *e)
{
    const int rc = archive_write_header(t->archive, e);

    archive_entry_free(e);
    return rc >= ARCHIVE_WARN || failed(t); // a warning: a name that is not UTF-8
}

bool recover_entry_to_tar(struct recover *x, const struct recover_file *f, const char *out)
{
    struct archive_entry *e = entry_of(x, f, out);

    if (!e)
        return failed(x->tar);
    archive_entry_set_size(e, 0);
    if (f->target)
        archive_entry_set_symlink(e, f->target);
    return put_header(x->tar, e);
}

static bool link_to_tar(struct recover *x, const struct recover_file *f, const char *out)
{
    struct archive_entry *e = entry_of(x, f, out);

    if (!e)
        return failed(x->tar);
    archive_entry_set_size(e, 0);
    archive_entry_set_hardlink(e, f->out[0]);
    return put_header(x->tar, e);
}

/* Up to where the file can be written: past @size_max, or the last of the holes, it is cut. */
static uint64_t end_of(struct recover_tar *t, const struct linux_content *c, bool *cut)
{
    const uint64_t holes = c->size - EG_MIN(c->present, c->size);
    uint64_t end = 0;

    if (c->size <= size_max && holes <= t->holes) {
        t->holes -= holes;
        return c->size;
    }
    for (size_t i = 0; i < c->parts.n; i++) {
        const struct linux_content_part *p = &c->parts.at[i];

        if (!has_bytes(p))
            continue;
        *cut = p->first - end > t->holes || p->first + p->len > size_max;
        if (*cut)
            break;
        t->holes -= p->first - end;
        end = p->first + p->len;
    }
    return end;
}

bool recover_to_tar(struct recover *x, struct recover_file *f)
{
    struct recover_tar *t = x->tar;
    struct linux_content *c = &x->content;
    struct archive_entry *e = entry_of(x, f, f->out[0]);
    bool ok;

    if (!e)
        return failed(t);
    f->end = end_of(t, c, &f->cut);
    if (f->end < c->size)
        recover_note_cut(x, f);
    archive_entry_set_size(e, (la_int64_t)f->end);
    if (f->end)
        add_map(e, c, f->end);
    t->at = 0;
    ok = put_header(t, e);
    for (size_t i = 0; ok && i < c->parts.n; i++)
        if (c->parts.at[i].first + c->parts.at[i].len <= f->end)
            ok = linux_content_read(x->r, &c->parts.at[i], put, t);
    ok = ok && put_zeros(t, f->end);
    for (size_t i = 1; ok && i < f->n_names; i++)
        ok = link_to_tar(x, f, f->out[i]);
    return ok;
}

#else

struct recover_tar *recover_tar_begin(struct recover *x, const char *name)
{
    (void)name;
    eg_run_fail(x->r, EG_EUNSUP,
                "--tar: this build writes no tar (libarchive): without it files go "
                "into folders");
    return NULL;
}

bool recover_tar_end(struct recover *x)
{
    (void)x;
    return false;
}

bool recover_entry_to_tar(struct recover *x, const struct recover_file *f, const char *out)
{
    (void)x, (void)f, (void)out;
    return false;
}

bool recover_to_tar(struct recover *x, struct recover_file *f)
{
    (void)x, (void)f;
    return false;
}

#endif
