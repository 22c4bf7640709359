/* dwarf.c - reads the DWARF of an ELF file: sections are in shared memory, units are read on all
 * cores, equal types are merged. */
#include "dwarf.h"
#include "../core/parallel.h"
#include "../core/table.h"
#include "dwarf_files.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 18,  // bytes of .debug_info that are read through one handle
    WORKERS_MAX = 64, // each takes 1 to 2 MiB
};

// Units that are read through one handle: from and up to.
struct piece {
    size_t from, to;
};

struct job {
    struct eg_dwarf d;
    struct eg_dwarf_files files;
    EG_VEC(struct piece) pieces;
    size_t listed;      // units before it are in pieces, or have been
    struct eg_map read; // the same for units of the file of dwz
    struct eg_dwarf_worker *workers[WORKERS_MAX];
    struct eg_progress_line *progress;
    unsigned threads;
};

static uint64_t piece_size(const struct job *j, struct piece p)
{
    return j->d.units.at[p.to - 1].end - j->d.units.at[p.from].start;
}

static int read_piece(void *context, size_t piece, unsigned worker)
{
    struct job *j = context;
    struct eg_dwarf_worker *w = j->workers[worker];
    const struct piece p = j->pieces.at[piece];

    if (eg_cancelled)
        return -EG_ECANCEL;
    if (!w) {
        w = j->workers[worker] = calloc(1, sizeof *w);
        if (!w)
            return -EG_ENOMEM;
        w->shared = &j->d;
    }
    if (!eg_dwarf_read_units(w, p.from, p.to))
        return -EG_EFORMAT;
    eg_progress_add(j->progress, piece_size(j, p));
    return 0;
}

// Pieces begin at units and depend only on size, so that they are the same for any number of
// threads.
static bool add_unit(struct job *j, size_t unit)
{
    const struct eg_dwarf_header *h = &j->d.units.at[unit];
    struct piece *last = j->pieces.n ? &j->pieces.at[j->pieces.n - 1] : NULL;

    if (last && last->to == unit && h[-1].part == h->part &&
        h->start - j->d.units.at[last->from].start < PIECE) {
        last->to++;
        return true;
    }
    last = eg_vec_push(&j->pieces);
    if (last)
        *last = (struct piece){ unit, unit + 1 };
    return last;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

// What is next: units that were listed since the last time, and those of the file of dwz that these
// import.
static bool cut(struct job *j)
{
    bool good = true;

    j->pieces.n = 0;
    for (; j->listed < j->d.units.n && good; j->listed++)
        if (!j->d.units.at[j->listed].part->by_need)
            good = add_unit(j, j->listed);
    if (j->d.imports.n)
        qsort(j->d.imports.at, j->d.imports.n, sizeof *j->d.imports.at, by_value);
    for (size_t i = 0; i < j->d.imports.n && good; i++) {
        const size_t unit = eg_dwarf_unit_at(&j->d, j->d.imports.at[i]);
        const int added = eg_map_add(&j->read, unit, 0);

        good = added >= 0 && (!added || add_unit(j, unit));
    }
    j->d.imports.n = 0;
    return good;
}

static int read_pieces(struct job *j, const char *path, struct eg_error *e)
{
    uint64_t first = UINT64_MAX, size = 0;
    int rc;

    for (size_t i = 0; i < j->pieces.n; i++)
        size += piece_size(j, j->pieces.at[i]);
    j->progress = eg_progress_begin("reading types", size, "B", false);
    rc = eg_parallel(EG_MIN(eg_threads(j->threads), (unsigned)WORKERS_MAX), j->pieces.n, read_piece,
                     j);
    eg_progress_end(j->progress);

    if (rc == -EG_EFORMAT) // of several, the first in the file
        for (size_t i = 0; i < WORKERS_MAX; i++) {
            const struct eg_dwarf_worker *w = j->workers[i];

            if (w && w->failed && w->unit.start < first) {
                first = w->unit.start;
                eg_fail(e, EG_EFORMAT, "%s: DWARF: %s",
                        j->d.units.at[eg_dwarf_unit_at(&j->d, first)].part->path, w->text);
            }
        }
    else if (rc < 0)
        eg_fail(e, -rc, "%s: %s", path, rc == -EG_ECANCEL ? "stopped" : "out of memory");
    return rc;
}

// What is read can name more units: in .dwo files, in the file of dwz.
static int read_types(struct job *j, const char *path, struct eg_error *e)
{
    int rc = eg_dwarf_files_open(&j->files, e);

    while (rc == 0) {
        if (!cut(j))
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
        if (!j->pieces.n)
            break;
        rc = read_pieces(j, path, e);
        if (rc == 0)
            rc = eg_dwarf_files_split(&j->files, e);
    }
    return rc;
}

static void job_init(struct job *j, unsigned threads)
{
    *j = (struct job){ .threads = threads };
    eg_merger_init(&j->d.merger);
    pthread_mutex_init(&j->d.lock, NULL);
    j->files.d = &j->d;
}

static void job_fini(struct job *j)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (j->workers[i]) {
            eg_dwarf_worker_fini(j->workers[i]);
            free(j->workers[i]);
        }
    eg_vec_fini(&j->pieces);
    eg_map_fini(&j->read);
    eg_dwarf_files_fini(&j->files);
    eg_vec_fini(&j->d.units);
    eg_map_fini(&j->d.signatures);
    eg_merger_fini(&j->d.merger);
    pthread_mutex_destroy(&j->d.lock);
    eg_map_fini(&j->d.foreign.index);
    eg_vec_fini(&j->d.foreign.all);
    eg_vec_fini(&j->d.imports);
    eg_vec_fini(&j->d.skeletons);
}

static int read_all(struct eg_profile **out, struct eg_elf *f, struct job *j,
                    const struct eg_profile *base, struct eg_error *e)
{
    char module[64], build_id[64];
    struct eg_builder *b;
    int rc;

    if (base && !eg_merger_seed(&j->d.merger, base))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
    eg_dwarf_lib_init();
    j->files.first = f;
    rc = read_types(j, f->path, e);
    if (rc == 0)
        rc = eg_dwarf_files_check(&j->files, e);
    if (rc < 0)
        return rc;
    b = eg_builder_new(f->model, f->path);
    eg_elf_module(f, module, sizeof module);
    if (*module)
        eg_builder_set_base(b, base, module);
    if (eg_elf_build_id(f, build_id))
        eg_builder_set_build_id(b, build_id);
    eg_builder_link_time(b);
    if (!eg_merger_push(&j->d.merger, base ? base->n_types : 1, b)) {
        eg_builder_free(b);
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
    }
    if (!base && !eg_builder_edit(b, 1)) {
        eg_builder_free(b);
        return eg_fail(e, EG_ENOTFOUND, "%s: its DWARF has no types of C", f->path);
    }
    eg_elf_symbols(f, b);
    return eg_builder_finish(b, out, NULL, e);
}

int eg_dwarf_read_elf(struct eg_profile **out, struct eg_elf *f, const struct eg_profile *base,
                      unsigned threads, struct eg_error *e)
{
    struct job *j;
    int rc;

    if (base && (!f->relocatable || base->base_count > 1))
        return eg_fail(e, EG_EUSAGE, "%s: not a kernel module, or not on top of a kernel", f->path);
    j = malloc(sizeof *j);
    if (!j)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
    job_init(j, threads);
    rc = read_all(out, f, j, base, e);
    job_fini(j);
    free(j);
    return rc;
}

int eg_dwarf_read_module(struct eg_profile **out, const char *path, const struct eg_profile *base,
                         unsigned threads, struct eg_error *e)
{
    struct eg_profile *p = NULL;
    struct eg_elf f;
    int rc = eg_elf_open(&f, path, e);

    if (rc < 0)
        return rc;
    rc = eg_dwarf_read_elf(&p, &f, base, threads, e);
    if (rc == 0)
        rc = eg_elf_check(&f, e);
    eg_elf_close(&f);
    if (rc == 0)
        *out = p;
    else
        eg_profile_free(p);
    return rc;
}

int eg_dwarf_read(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    return eg_dwarf_read_module(out, path, NULL, threads, e);
}
