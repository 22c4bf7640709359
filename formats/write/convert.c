/* convert.c - the output is described as a space of headers, which are made in memory, and ranges
 * of physical memory. So all formats are written by the same code. */
#include "convert.h"
#include "../../core/newfile.h"
#include "../../core/parallel.h"
#include "../../core/tmpfile.h"
#include "../sparse.h"
#include "pack.h"
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    RUNS_MAX = 1 << 20, // the holes that a dump level leaves in some 100 GiB
    CHUNK = 1 << 20,
    PIECE = 16 * CHUNK,
    LIME_HEADER = 32,
};
static const uint64_t SIZE_LIMIT = UINT64_C(1) << 46; // a larger size is damage

struct run {
    uint64_t start, last;
};
struct conversion {
    struct eg_image *img;
    const struct eg_convert_options *o;
    EG_VEC(struct run) runs;          // what the image has, ascending, not adjacent
    EG_VEC(uint8_t) heads;            // every header, in the order of the file
    EG_VEC(struct eg_segment) layout; // below is NULL where the bytes are in heads
    uint64_t size;                    // of the file
    bool full;                        // out of memory
    struct eg_view *view;
};

// ---- the layout ----

static int find_runs(struct conversion *c, struct eg_error *e)
{
    struct eg_space *phys = c->img->phys;
    struct eg_extent x;

    for (uint64_t from = 0; eg_next_mapped(c->view, phys, from, phys->last, &x);
         from = x.last + 1) {
        struct run *r = c->runs.n ? &c->runs.at[c->runs.n - 1] : NULL;
        const uint64_t start = EG_MAX(from, x.start);

        if (r && start && r->last == start - 1) {
            r->last = x.last;
        } else {
            if (c->runs.n == RUNS_MAX)
                return eg_fail(e, EG_EUNSUP,
                               "%s: more than %d ranges of memory: only --to raw can hold them",
                               c->img->path, RUNS_MAX);
            r = eg_vec_push(&c->runs);
            if (!r)
                return eg_fail(e, EG_ENOMEM, "%s: out of memory", c->img->path);
            *r = (struct run){ start, x.last };
        }
        if (x.last >= phys->last)
            break;
    }
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "%s: stopped", c->img->path);
    return c->runs.n ? 0
                     : eg_fail(e, EG_EFORMAT, "%s: holds no byte of physical memory", c->img->path);
}

static void lay(struct conversion *c, struct eg_space *below, uint64_t at, uint64_t len)
{
    struct eg_segment *s = len ? eg_vec_push(&c->layout) : NULL;

    c->full = c->full || (len && !s);
    if (s)
        *s = (struct eg_segment){ .start = c->size,
                                  .last = c->size + len - 1,
                                  .below = below,
                                  .below_addr = at,
                                  .stored = len };
    if (!eg_add(c->size, len, &c->size))
        c->size = UINT64_MAX; // over the limit
}

static void lay_run(struct conversion *c, const struct run *r)
{
    lay(c, c->img->phys, r->start, r->last - r->start + 1);
}

/** Append a zeroed header to the layout. */
static uint8_t *lay_head(struct conversion *c, size_t len)
{
    const size_t at = c->heads.n;

    if (c->full || !eg_vec_reserve(&c->heads, at + len)) {
        c->full = true;
        return NULL;
    }
    lay(c, NULL, at, len);
    c->heads.n += len;
    return memset(c->heads.at + at, 0, len);
}

static void put(uint8_t *p, unsigned size, bool big, uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> 8 * (big ? size - 1 - i : i));
}

/** See lime.c. */
static void lay_lime(struct conversion *c)
{
    for (size_t i = 0; i < c->runs.n && !c->full; i++) {
        uint8_t *h = lay_head(c, LIME_HEADER);

        if (!h)
            return;
        put(h, 4, false, 0x4c694d45);
        put(h + 4, 4, false, 1);
        put(h + 8, 8, false, c->runs.at[i].start);
        put(h + 16, 8, false, c->runs.at[i].last);
        lay_run(c, &c->runs.at[i]);
    }
}

/** An ELF64 core like the kernel's /proc/vmcore: a note with VMCOREINFO, a PT_LOAD for each
 * range. */
static void lay_elf(struct conversion *c)
{
    static const char name[] = "VMCOREINFO";
    const char *text = c->o->vmcoreinfo ? c->o->vmcoreinfo : c->img->vmcoreinfo;
    const size_t len = text ? strlen(text) : 0, n = c->runs.n + (len != 0);
    const bool big = c->o->big_endian, many = n >= PN_XNUM;
    const size_t notes = len ? 12 + 12 + eg_align_up(len, 4) : 0;
    const size_t sections = many ? sizeof(Elf64_Shdr) : 0;
    const uint64_t tables = sizeof(Elf64_Ehdr) + sections + n * sizeof(Elf64_Phdr);
    uint64_t at = eg_align_up(tables + notes, PAGE);
    uint8_t *h = lay_head(c, (size_t)at), *p;

    if (!h)
        return;
    memcpy(h, ELFMAG, SELFMAG);
    h[EI_CLASS] = ELFCLASS64;
    h[EI_DATA] = big ? ELFDATA2MSB : ELFDATA2LSB;
    h[EI_VERSION] = EV_CURRENT;
    put(h + 16, 2, big, ET_CORE);
    put(h + 18, 2, big, c->o->elf_machine ? c->o->elf_machine : c->img->elf_machine);
    put(h + 20, 4, big, EV_CURRENT);
    put(h + 32, 8, big, sizeof(Elf64_Ehdr) + sections);
    put(h + 40, 8, big, many ? sizeof(Elf64_Ehdr) : 0);
    put(h + 52, 2, big, sizeof(Elf64_Ehdr));
    put(h + 54, 2, big, sizeof(Elf64_Phdr));
    put(h + 56, 2, big, many ? PN_XNUM : n);
    put(h + 58, 2, big, sizeof(Elf64_Shdr));
    put(h + 60, 2, big, many);
    if (many) // the number of segments is in section 0 (gABI, e_phnum)
        put(h + sizeof(Elf64_Ehdr) + 44, 4, big, n);
    p = h + sizeof(Elf64_Ehdr) + sections;
    if (len) {
        uint8_t *note = h + tables;

        put(p, 4, big, PT_NOTE);
        put(p + 8, 8, big, tables);
        put(p + 32, 8, big, notes);
        put(p + 40, 8, big, notes);
        put(p + 48, 8, big, 4);
        p += sizeof(Elf64_Phdr);
        put(note, 4, big, sizeof name);
        put(note + 4, 4, big, len);
        memcpy(note + 12, name, sizeof name);
        memcpy(note + 24, text, len);
    }
    for (size_t i = 0; i < c->runs.n; i++, p += sizeof(Elf64_Phdr)) {
        const uint64_t bytes = c->runs.at[i].last - c->runs.at[i].start + 1;

        put(p, 4, big, PT_LOAD);
        put(p + 4, 4, big, PF_R | PF_W | PF_X);
        put(p + 8, 8, big, at);
        put(p + 24, 8, big, c->runs.at[i].start);
        put(p + 32, 8, big, bytes);
        put(p + 40, 8, big, bytes);
        at += bytes;
    }
    for (size_t i = 0; i < c->runs.n; i++)
        lay_run(c, &c->runs.at[i]);
}

/** The place of a byte is its address: there are holes between the runs. */
static void lay_raw(struct conversion *c)
{
    for (size_t i = 0; i < c->runs.n; i++) {
        c->size = c->runs.at[i].start;
        lay_run(c, &c->runs.at[i]);
    }
}

// ---- writing ----

/** Write [@at, @at + @len) of the layout; pages of zeros become holes of the file. */
static bool write_chunk(int fd, const uint8_t *p, uint64_t at, size_t len)
{
    for (size_t i = 0, end; i < len; i = end) {
        const bool zero = eg_all_zero(p + i, EG_MIN((size_t)PAGE, len - i));

        for (end = EG_MIN(i + PAGE, len);
             end < len && eg_all_zero(p + end, EG_MIN((size_t)PAGE, len - end)) == zero;
             end = EG_MIN(end + PAGE, len))
            ;
        if (!zero && !eg_write_at(fd, p + i, end - i, at + i))
            return false;
    }
    return true;
}

struct worker {
    struct eg_view view;
    uint8_t bytes[CHUNK];
};
struct copying {
    int error; // errno of a write that failed, in any thread
    struct eg_space *layout;
    EG_VEC(struct run) pieces;
    int fd;
    struct worker *workers;
    struct eg_progress_line *progress;
    uint64_t lost; // atomic
};

static int copy_piece(void *context, size_t piece, unsigned worker)
{
    struct copying *c = context;
    struct worker *w = &c->workers[worker];
    const struct run *r = &c->pieces.at[piece];

    for (uint64_t at = r->start; at <= r->last;) {
        const uint64_t data = eg_skip_zeros(&w->view, c->layout, at, r->last + 1);
        size_t len, got;

        if (eg_cancelled)
            return -EG_ECANCEL;
        eg_progress_add(c->progress, data - at);
        at = data;
        if (at > r->last)
            break;
        len = (size_t)EG_MIN(r->last - at + 1, (uint64_t)CHUNK);
        got = eg_read_some(&w->view, c->layout, at, w->bytes, len, NULL);
        if (w->view.starved)
            return -EG_ENOMEM;
        if (!write_chunk(c->fd, w->bytes, at, len)) {
            __atomic_store_n(&c->error, errno, __ATOMIC_RELAXED);
            return -EG_EIO;
        }
        __atomic_fetch_add(&c->lost, len - got, __ATOMIC_RELAXED);
        eg_progress_add(c->progress, len);
        at += len;
    }
    return 0;
}

static bool cut(struct copying *copy, const struct conversion *c)
{
    for (size_t i = 0; i < c->layout.n; i++) {
        const struct eg_segment *s = &c->layout.at[i];

        for (uint64_t at = s->start; at <= s->last; at += PIECE) {
            struct run *r = eg_vec_push(&copy->pieces);

            if (!r)
                return false;
            *r = (struct run){ at, EG_MIN(s->last, at + PIECE - 1) };
        }
    }
    return true;
}

static int copy_all(struct conversion *c, struct eg_space *layout, const char *out,
                    struct eg_convert_result *result, struct eg_error *e)
{
    const unsigned threads = eg_threads(c->o->threads);
    struct copying copy = { .layout = layout, .workers = calloc(threads, sizeof *copy.workers) };
    struct eg_newfile file = { 0 };
    int rc = 0;

    for (unsigned i = 0; copy.workers && i < threads; i++)
        eg_view_init(&copy.workers[i].view, NULL);
    if (!copy.workers || !cut(&copy, c))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", c->img->path);
    else
        rc = eg_newfile_open(&file, out, c->o->replace, e);
    if (!rc) {
        copy.fd = fileno(file.f);
        copy.progress = eg_progress_begin("converting", c->size, "B", c->o->quiet);
        rc = eg_parallel(threads, copy.pieces.n, copy_piece, &copy);
        eg_progress_end(copy.progress);
        if (!rc && ftruncate(copy.fd, (off_t)c->size) != 0) {
            copy.error = errno;
            rc = -EG_EIO;
        }
        if (rc == -EG_EIO)
            eg_fail(e, EG_EIO, "%s: cannot be written: %s", out, strerror(copy.error));
        else if (rc)
            eg_fail(e, -rc, "%s: %s", out, rc == -EG_ECANCEL ? "stopped" : "out of memory");
        if (!rc)
            rc = eg_newfile_keep(&file, e);
        eg_newfile_drop(&file);
    }
    for (unsigned i = 0; copy.workers && i < threads; i++)
        eg_view_fini(&copy.workers[i].view);
    free(copy.workers);
    eg_vec_fini(&copy.pieces);
    result->lost = copy.lost;
    return rc;
}

// ---- conversion ----

static const struct target {
    const char *name;
    void (*lay)(struct conversion *c);
    bool pack;
} targets[] = {
    { "raw", lay_raw, false },
    { "lime", lay_lime, false },
    { "elf", lay_elf, false },
    { "pack", lay_lime, true },
};

static int write_(struct conversion *c, const struct target *t, const char *out,
                  struct eg_convert_result *result, struct eg_error *e)
{
    const struct eg_pack_options pack = { .threads = c->o->threads,
                                          .force = c->o->replace,
                                          .quiet = c->o->quiet,
                                          .lost = &result->lost };
    struct eg_space *heads = NULL, *layout = NULL;
    int rc;

    t->lay(c);
    if (c->full)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", c->img->path);
    if (c->size > SIZE_LIMIT)
        return eg_fail(e, EG_EUNSUP, "%s: %s would be a file of %" PRIu64 " TiB: use --to lime",
                       c->img->path, t->name, c->size >> 40);
    if (c->heads.n && (rc = eg_memory_open(&heads, c->heads.at, c->heads.n, e)))
        return rc;
    for (size_t i = 0; i < c->layout.n; i++)
        if (!c->layout.at[i].below)
            c->layout.at[i].below = heads;
    rc = eg_segments_open(&layout, t->name, c->layout.at, c->layout.n, NULL, e);
    if (!rc)
        rc = t->pack ? eg_pack_space(layout, c->img->path, out, &pack, e)
                     : copy_all(c, layout, out, result, e);
    eg_space_close(layout);
    eg_space_close(heads);
    return rc;
}

int eg_convert(struct eg_image *img, const char *out, const struct eg_convert_options *o,
               struct eg_convert_result *result, struct eg_error *e)
{
    struct conversion c = { .img = img, .o = o, .view = malloc(sizeof *c.view) };
    struct eg_convert_result done = { 0 };
    const struct target *t = NULL;
    int rc;

    for (size_t i = 0; i < countof(targets); i++)
        t = strcmp(o->to, targets[i].name) == 0 ? &targets[i] : t;
    if (!c.view)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    eg_view_init(c.view, NULL);
    rc = t ? find_runs(&c, e) : eg_fail(e, EG_EUSAGE, "--to %s: raw, lime, elf or pack", o->to);
    if (!rc)
        rc = write_(&c, t, out, &done, e);
    done.ranges = c.runs.n;
    for (size_t i = 0; i < c.runs.n; i++)
        done.written += c.runs.at[i].last - c.runs.at[i].start + 1;
    eg_view_fini(c.view);
    free(c.view);
    eg_vec_fini(&c.runs);
    eg_vec_fini(&c.heads);
    eg_vec_fini(&c.layout);
    if (!rc)
        *result = done;
    return rc;
}
