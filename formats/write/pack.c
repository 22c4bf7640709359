/* pack.c - seekable zstd: independent frames of 128 KiB, each with its checksum, then the seek
 * table in a skippable frame (zstd's contrib/seekable_format/zstd_seekable_compression_format.md).
 */
#include "pack.h"
#include "../../core/newfile.h"
#include "../../core/parallel.h"
#include "../zstd_frames.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

// Frames of half the size make files 1 % larger; of twice the size they make random reads slower.
enum { FRAME = 128 << 10, BATCH_PER_THREAD = 32, LEVEL = 10 };

struct worker {
    struct eg_view view;
    ZSTD_CCtx *c;
    uint8_t in[FRAME];
};

struct pack {
    struct eg_space *from;
    uint64_t size, at; // of the content; where the batch begins
    uint64_t *lost;    // NULL: what cannot be read is an error
    int level;
    FILE *to;
    struct worker *workers;
    size_t batch;    // frames
    uint8_t *packed; // of the batch: ZSTD_compressBound(FRAME) bytes each
    size_t *lens;    // 0: failed
    uint8_t *table;
    size_t n_table; // entries
};

static int piece(void *context, size_t i, unsigned worker)
{
    struct pack *p = context;
    struct worker *w = &p->workers[worker];
    const uint64_t at = p->at + i * FRAME;
    const size_t len = (size_t)EG_MIN(p->size - at, (uint64_t)FRAME);
    const size_t bound = ZSTD_compressBound(FRAME);

    if (!w->c) {
        eg_view_init(&w->view, NULL);
        w->c = ZSTD_createCCtx();
        if (!w->c)
            return -EG_ENOMEM;
        ZSTD_CCtx_setParameter(w->c, ZSTD_c_compressionLevel, p->level);
        ZSTD_CCtx_setParameter(w->c, ZSTD_c_checksumFlag, 1);
    }
    if (eg_cancelled)
        return -EG_ECANCEL;
    if (p->lost)
        __atomic_fetch_add(p->lost, len - eg_read_some(&w->view, p->from, at, w->in, len, NULL),
                           __ATOMIC_RELAXED);
    else if (!eg_read(&w->view, p->from, at, w->in, len))
        return -EG_EIO;
    if (w->view.starved)
        return -EG_ENOMEM;
    p->lens[i] = ZSTD_compress2(w->c, p->packed + i * bound, bound, w->in, len);
    return ZSTD_isError(p->lens[i]) ? -EG_ENOMEM : 0;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static bool write_batch(struct pack *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t *entry = p->table + 8 * p->n_table++;

        put32(entry, (uint32_t)p->lens[i]);
        put32(entry + 4, (uint32_t)EG_MIN(p->size - p->at, (uint64_t)FRAME));
        if (fwrite(p->packed + i * ZSTD_compressBound(FRAME), 1, p->lens[i], p->to) != p->lens[i])
            return false;
        p->at += EG_MIN(p->size - p->at, (uint64_t)FRAME);
    }
    return true;
}

static bool write_table(struct pack *p)
{
    const uint32_t len = (uint32_t)(8 * p->n_table);
    uint8_t head[8], foot[EG_ZSTD_SEEK_FOOTER] = { 0 };

    put32(head, EG_ZSTD_SEEK_FRAME);
    put32(head + 4, len + EG_ZSTD_SEEK_FOOTER);
    put32(foot, (uint32_t)p->n_table); // then flags: frames carry their checksums themselves
    put32(foot + 5, (uint32_t)EG_ZSTD_SEEK_MAGIC);
    return fwrite(head, sizeof head, 1, p->to) == 1 &&
           (!len || fwrite(p->table, len, 1, p->to) == 1) &&
           fwrite(foot, sizeof foot, 1, p->to) == 1;
}

static int pack_all(struct pack *p, const char *in, const char *out, unsigned threads, bool quiet,
                    struct eg_error *e)
{
    struct eg_progress_line *progress = eg_progress_begin("packing", p->size, "B", quiet);
    int rc = 0;

    while (!rc && p->at < p->size) {
        const uint64_t left = (p->size - p->at + FRAME - 1) / FRAME, before = p->at;
        const size_t n = (size_t)EG_MIN(left, (uint64_t)p->batch);

        rc = eg_parallel(threads, n, piece, p);
        if (rc == -EG_EIO)
            eg_fail(e, EG_EIO,
                    "%s: between %#" PRIx64 " and %#" PRIx64
                    " is unreadable: the file is not packed",
                    in, p->at, EG_MIN(p->at + n * FRAME, p->size) - 1);
        else if (rc)
            eg_fail(e, -rc, "%s: %s", in, rc == -EG_ECANCEL ? "stopped" : "out of memory");
        else if (!write_batch(p, n))
            rc = eg_fail(e, EG_EIO, "%s: %s", out, strerror(errno));
        eg_progress_add(progress, p->at - before);
    }
    if (!rc && !write_table(p))
        rc = eg_fail(e, EG_EIO, "%s: %s", out, strerror(errno));
    eg_progress_end(progress);
    return rc;
}

int eg_pack_space(struct eg_space *from, const char *name, const char *out,
                  const struct eg_pack_options *o, struct eg_error *e)
{
    const unsigned threads = eg_threads(o->threads);
    struct pack p = { .from = from,
                      .size = eg_space_size(from),
                      .lost = o->lost,
                      .level = o->level ? o->level : LEVEL,
                      .batch = threads * BATCH_PER_THREAD };
    struct eg_newfile file = { 0 };
    int rc;

    if (p.level < 1 || p.level > ZSTD_maxCLevel())
        return eg_fail(e, EG_EUSAGE, "level %d: zstd has 1 to %d", p.level, ZSTD_maxCLevel());
    if (p.size / FRAME >= UINT32_MAX / 8 - 2)
        return eg_fail(e, EG_EUNSUP, "%s: is too large for one seek table", name);
    rc = eg_newfile_open(&file, out, o->force, e);
    if (rc)
        return rc;
    p.to = file.f;
    p.workers = calloc(threads, sizeof *p.workers);
    p.packed = malloc(p.batch * ZSTD_compressBound(FRAME));
    p.lens = calloc(p.batch, sizeof *p.lens);
    p.table = malloc((size_t)(p.size / FRAME + 1) * 8);
    if (!p.workers || !p.packed || !p.lens || !p.table)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    else
        rc = pack_all(&p, name, out, threads, o->quiet, e);
    if (!rc)
        rc = eg_newfile_keep(&file, e);
    eg_newfile_drop(&file);
    for (unsigned i = 0; p.workers && i < threads; i++) {
        eg_view_fini(&p.workers[i].view);
        ZSTD_freeCCtx(p.workers[i].c);
    }
    free(p.workers);
    free(p.packed);
    free(p.lens);
    free(p.table);
    return rc;
}

int eg_pack(struct eg_image *img, const char *out, const struct eg_pack_options *o,
            struct eg_error *e)
{
    if (eg_same_file(img->path, out))
        return eg_fail(e, EG_EUSAGE, "%s: is the image itself: name another file with -o", out);
    return eg_pack_space(img->files[img->n_files - 1], img->path, out, o, e);
}
