/* dwarf.c - reads the DWARF of an ELF file: sections are in shared memory, units are read on all
 * cores, equal types are merged. */
#include "dwarf.h"
#include "../core/parallel.h"
#include "../core/table.h"
#include "dwarf_unit.h"
#include "elf_file.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 18,  // bytes of .debug_info that are read through one handle
    WORKERS_MAX = 64, // each takes 1 to 2 MiB
};

struct job {
    struct eg_dwarf d;
    EG_VEC(size_t) pieces; // the first unit of each, and the end
    struct eg_dwarf_worker *workers[WORKERS_MAX];
    unsigned threads;
};

static int read_piece(void *context, size_t piece, unsigned worker)
{
    struct job *j = context;
    struct eg_dwarf_worker *w = j->workers[worker];

    if (eg_cancelled)
        return -EG_ECANCEL;
    if (!w) {
        w = j->workers[worker] = calloc(1, sizeof *w);
        if (!w)
            return -EG_ENOMEM;
        w->shared = &j->d;
    }
    return eg_dwarf_read_units(w, j->pieces.at[piece], j->pieces.at[piece + 1]) ? 0 : -EG_EFORMAT;
}

// Pieces begin at units and depend only on size, so that they are the same for any number of
// threads.
static bool cut(struct job *j)
{
    uint64_t from = 0;

    for (size_t i = 0; i <= j->d.units.n; i++) {
        const uint64_t at = i < j->d.units.n ? j->d.units.at[i] : j->d.bytes.at[EG_DW_INFO].len;
        size_t *to;

        if (i && i < j->d.units.n && at - from < PIECE)
            continue;
        if (!(to = eg_vec_push(&j->pieces)))
            return false;
        *to = i;
        from = at;
    }
    return true;
}

static int read_types(struct job *j, const char *path, struct eg_error *e)
{
    uint64_t at;
    int rc;

    if (!eg_dwarf_list_units(&j->d, &at))
        return eg_fail(e, EG_EFORMAT,
                       "%s: .debug_info: no unit at %#" PRIx64 ": damaged, or out of memory", path,
                       at);
    if (!cut(j))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    eg_dwarf_lib_init();
    rc = eg_parallel(EG_MIN(eg_threads(j->threads), (unsigned)WORKERS_MAX), j->pieces.n - 1,
                     read_piece, j);
    if (rc == -EG_EFORMAT) // of several, the first in the file
        for (size_t i = 0, first = 0; i < WORKERS_MAX; i++) {
            const struct eg_dwarf_worker *w = j->workers[i];

            if (w && w->failed && (!first || w->unit.start < first)) {
                first = w->unit.start + 1;
                eg_fail(e, EG_EFORMAT, "%s: DWARF: %s", path, w->text);
            }
        }
    else if (rc < 0)
        eg_fail(e, -rc, "%s: %s", path, rc == -EG_ECANCEL ? "stopped" : "out of memory");
    return rc;
}

static void job_init(struct job *j, unsigned threads)
{
    *j = (struct job){ .threads = threads };
    eg_merger_init(&j->d.merger);
    pthread_mutex_init(&j->d.foreign.lock, NULL);
}

static void job_fini(struct job *j)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (j->workers[i]) {
            eg_dwarf_worker_fini(j->workers[i]);
            free(j->workers[i]);
        }
    eg_vec_fini(&j->pieces);
    eg_vec_fini(&j->d.units);
    eg_merger_fini(&j->d.merger);
    pthread_mutex_destroy(&j->d.foreign.lock);
    eg_map_fini(&j->d.foreign.index);
    eg_vec_fini(&j->d.foreign.all);
}

static int read_all(struct eg_profile **out, struct eg_elf *f, struct job *j,
                    const struct eg_profile *base, struct eg_error *e)
{
    char module[64], build_id[64], name[256];
    struct eg_builder *b;
    const uint8_t *alt;
    uint64_t alt_len;
    int rc;

    if (eg_elf_section(f, ".gnu_debugaltlink", &alt, &alt_len, NULL) == 0 && alt_len) {
        eg_escape(name, sizeof name, (const char *)alt, strnlen((const char *)alt, alt_len));
        return eg_fail(e, EG_EUNSUP,
                       "%s: some of its types are in another file, %s (dwz -m): use the file from "
                       "before dwz",
                       f->path, name);
    }
    j->d.bytes.ptr_size = f->model.ptr_size;
    j->d.bytes.big_endian = f->model.big_endian;
    for (int s = 0; s < EG_DW_SECTIONS; s++) {
        rc = eg_elf_section(f, eg_dwarf_section_name((enum eg_dwarf_section)s), &j->d.bytes.at[s].p,
                            &j->d.bytes.at[s].len, e);
        if (rc < 0)
            return rc;
    }
    if (!j->d.bytes.at[EG_DW_INFO].len)
        return eg_fail(e, EG_ENOTFOUND,
                       "%s: no debug data: take the file of the -dbg or -debuginfo package",
                       f->path);
    if (base && !eg_merger_seed(&j->d.merger, base))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
    rc = read_types(j, f->path, e);
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
