/* ewf.c - EnCase's images (.E01, .Ex01, .s01) and their further segments, read by libewf. libewf
 * opens files by name, so the image must be a file on disk. It parses the file itself: hostile
 * files are checked no better than libewf checks them. */
#include "../core/image.h"
#include "config.h"

static const uint8_t signatures[][8] = { { 'E', 'V', 'F', 9, 13, 10, 255, 0 },
                                         { 'E', 'V', 'F', '2', 13, 10, 0x81, 0 } };

static int probe(const struct eg_head *h)
{
    for (size_t i = 0; i < countof(signatures); i++)
        if (h->len >= sizeof *signatures && !memcmp(h->at, signatures[i], sizeof *signatures))
            return 95;
    return 0;
}

#ifdef HAVE_EWF
#include "pool.h"
#include <inttypes.h>
#include <libewf.h>
#include <stdlib.h>

enum {
    PAGE = 4096,
    HANDLES_MAX = 4, // each has its own tables of all chunks
    FILES_MAX = 256, // files that all handles may have open: each opens all segments
    UNIT = 1 << 15,  // the usual chunk
    HASH_MAX = 128,
};

/* A handle serves one thread at a time. */
struct ewf {
    struct eg_space as;
    char **names; // of the segments; from libewf_glob
    int n_names;
    uint64_t unit, sector;
    uint64_t end;        // bytes that the segments have; the rest is missing
    struct eg_pool pool; // of handles
};

static void stop(void *handle)
{
    libewf_handle_t *h = handle;

    libewf_handle_close(h, NULL);
    libewf_handle_free(&h, NULL);
}

static libewf_handle_t *open_handle(const struct ewf *w, libewf_error_t **why)
{
    libewf_handle_t *h = NULL;

    if (libewf_handle_initialize(&h, why) != 1)
        return NULL;
    // Do not limit its open files: then libewf 20140813 counts them wrongly.
    if (libewf_handle_open(h, w->names, w->n_names, LIBEWF_OPEN_READ, why) != 1) {
        libewf_handle_free(&h, NULL);
        return NULL;
    }
    return h;
}

static void *start(const void *context)
{
    return open_handle(context, NULL);
}

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct ewf *w = as->priv;

    (void)v;
    if (addr >= w->end) {
        *out = (struct eg_extent){ .start = w->end, .last = as->last, .why = EG_UNREADABLE };
        return;
    }
    *out = (struct eg_extent){ .start = addr / w->unit * w->unit, .made = true };
    out->last = EG_MIN(out->start + w->unit, w->end) - 1;
}

/** Has a chunk in [@start, @start + @len) a wrong checksum? */
static bool damaged(const struct ewf *w, libewf_handle_t *h, uint64_t start, size_t len)
{
    uint32_t n = 0;

    libewf_handle_get_number_of_checksum_errors(h, &n, NULL);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t first, sectors;

        if (libewf_handle_get_checksum_error(h, i, &first, &sectors, NULL) == 1 &&
            first < (start + len + w->sector - 1) / w->sector &&
            sectors > start / w->sector - EG_MIN(first, start / w->sector))
            return true;
    }
    return false;
}

static bool read_unit(const struct ewf *w, libewf_handle_t *h, uint64_t start, void *bytes,
                      size_t len)
{
    const ssize_t got = libewf_handle_read_random(h, bytes, len, (off64_t)start, NULL);

    return got >= 0 && (size_t)got == len && !damaged(w, h, start, len);
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t at, void *bytes, size_t len)
{
    struct ewf *w = as->priv;
    libewf_handle_t *h = eg_pool_take(&w->pool);
    const bool ok = h && read_unit(w, h, at, bytes, len);

    if (h)
        eg_pool_give(&w->pool, h);
    if (!ok)
        eg_note(v->run, "EWF: %#" PRIx64 "-%#" PRIx64 " of the content cannot be read: damaged", at,
                at + len - 1);
    return ok;
}

static void close_(struct eg_space *as)
{
    struct ewf *w = as->priv;

    eg_pool_fini(&w->pool);
    if (w->names)
        libewf_glob_free(w->names, w->n_names, NULL);
}

static const struct eg_space_ops ops = {
    .name = "EWF", .extent = extent, .fill = fill, .close = close_
};

static void note_hash(struct eg_image *img, libewf_handle_t *h, const char *name)
{
    uint8_t text[HASH_MAX];

    if (libewf_handle_get_utf8_hash_value(h, (const uint8_t *)name, strlen(name), text, sizeof text,
                                          NULL) != 1)
        return;
    text[sizeof text - 1] = 0;
    if (*text && strspn((char *)text, "0123456789abcdefABCDEF") == strlen((char *)text))
        eg_image_note(img, "EWF: stored %s %s, not verified", name, (char *)text);
}

/** Find the end of a truncated set by bisection: libewf leaks memory for each missing chunk, so
 * they are not tried one by one. A single chunk may just be damaged, so three in a row decide. */
static bool find_end(struct ewf *w, libewf_handle_t *h)
{
    const uint64_t size = w->as.last + 1;
    uint64_t lo = 0, hi = (size + w->unit - 1) / w->unit;
    eg_cleanup(eg_free_) void *bytes = malloc(w->unit);

    while (bytes && lo < hi) {
        const uint64_t mid = lo + (hi - lo) / 2;
        bool any = false;

        for (uint64_t i = mid; i < mid + 3 && i * w->unit < size && !any; i++)
            any = read_unit(w, h, i * w->unit, bytes, (size_t)EG_MIN(w->unit, size - i * w->unit));
        if (any)
            lo = mid + 1;
        else
            hi = mid;
    }
    w->end = EG_MIN(lo * w->unit, size);
    return bytes;
}

static int open_set(struct ewf *w, struct eg_image *img, struct eg_error *e)
{
    libewf_error_t *why = NULL;
    char text[256] = "";
    libewf_handle_t *h = NULL;
    uint32_t chunk, sector;
    uint64_t size;
    int rc = 0;

    if (libewf_glob(img->path, strlen(img->path), LIBEWF_FORMAT_UNKNOWN, &w->names, &w->n_names,
                    &why) == 1)
        h = open_handle(w, &why);
    if (!h) {
        if (why)
            libewf_error_sprint(why, text, sizeof text);
        libewf_error_free(&why);
        return eg_fail(e, EG_EFORMAT, "%s: EWF: libewf cannot open it (is a segment missing?): %s",
                       img->path, text);
    }
    eg_pool_give(&w->pool, h);
    w->pool.n_made = 1;
    w->pool.max = EG_MIN(EG_MAX(FILES_MAX / (unsigned)w->n_names, 1u), (unsigned)HANDLES_MAX);
    if (libewf_handle_get_media_size(h, &size, NULL) != 1 ||
        libewf_handle_get_chunk_size(h, &chunk, NULL) != 1 ||
        libewf_handle_get_bytes_per_sector(h, &sector, NULL) != 1 || !size || !sector || !chunk ||
        size > INT64_MAX / 2)
        rc = eg_fail(e, EG_EFORMAT, "%s: EWF: is empty, or its size is wrong", img->path);
    if (rc)
        return rc;
    w->as.last = size - 1;
    w->sector = sector;
    w->unit = chunk % PAGE || chunk > EG_FILL_MAX ? UNIT : chunk;
    w->end = size;
    if (libewf_handle_segment_files_corrupted(h, NULL) == 1) {
        if (!find_end(w, h))
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
        if (!w->end)
            return eg_fail(e, EG_EFORMAT, "%s: EWF: cut off: nothing in it can be read", img->path);
        eg_image_note(img,
                      "EWF: damaged, or a segment is missing: the last %" PRIu64 " of %" PRIu64
                      " MiB cannot be read",
                      (size - w->end) >> 20, size >> 20);
    }
    note_hash(img, h, "MD5");
    note_hash(img, h, "SHA1");
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct ewf *w;
    int rc;

    (void)o;
    if (!img->on_disk || img->n_files != 1)
        return eg_fail(e, EG_EUNSUP,
                       "%s: EWF: can only be read as a file on disk, not inside another file",
                       img->path);
    w = calloc(1, sizeof *w);
    if (!w)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    w->as = (struct eg_space){ .ops = &ops, .below = file, .priv = w };
    w->pool = (struct eg_pool){ .start = start, .stop = stop, .context = w };
    eg_pool_init(&w->pool);
    rc = open_set(w, img, e);
    if (rc)
        eg_space_close(&w->as);
    else
        *out = &w->as;
    return rc;
}
#else
static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)out, (void)file, (void)o;
    return eg_fail(e, EG_EUNSUP, "%s: EWF: this engram was built without libewf", img->path);
}
#endif

EG_FORMAT(ewf) = {
    .desc = "EWF",
    .suffix = ".E01",
    .container = true,
    .head = 8,
    .probe = probe,
    .open = open_,
};
