/* provenance.c - see provenance.h. */
#include "provenance.h"
#include "../core/json.h"
#include "../core/newfile.h"
#include "sha256.h"
#include <errno.h>
#include <sys/stat.h>

static const char *in_folder(const struct cli_written *w, const char *name, const char *suffix)
{
    return eg_arena_strf(w->arena, "%s/%s%s", w->folder, name, suffix);
}

const char *cli_provenance_path(const struct cli_written *w)
{
    static const char suffix[] = ".provenance.json";

    return w->table ? eg_arena_strf(w->arena, "%s%s", w->table, suffix)
                    : in_folder(w, w->head->plugin, suffix);
}

/* The size and the digest of a file that was written. */
static int write_digest(FILE *f, const struct cli_written *w, const char *path, struct eg_error *e)
{
    const char *digest = path ? sha256_of_file(w->arena, path, true, e) : NULL;
    struct stat st;

    if (!path)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    // A build without libcrypto; or a run that was stopped, whose rows must not pass for all.
    if (!digest && e->code != EG_EUNSUP && e->code != EG_ECANCEL)
        return -e->code;
    if (stat(path, &st))
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    fputs("{\"name\":", f);
    eg_json_string(f, strrchr(path, '/') + 1);
    fprintf(f, ",\"size\":%jd,\"sha256\":", (intmax_t)st.st_size);
    eg_json_string(f, digest);
    putc('}', f);
    return 0;
}

static int write_files(FILE *f, const struct cli_written *w, const struct eg_run_result *r,
                       struct eg_error *e)
{
    int rc = w->table ? write_digest(f, w, w->table, e) : 0;

    for (size_t i = 0; i < r->n_files && !rc; i++) {
        if (i || w->table)
            fputs(",\n", f);
        rc = write_digest(f, w, in_folder(w, r->files[i], ""), e);
    }
    return rc;
}

int cli_write_provenance(const struct cli_written *w, const struct eg_provenance *from,
                         const struct eg_run_result *r, bool replace, struct eg_error *e)
{
    const char *path = cli_provenance_path(w);
    struct eg_newfile to;
    int rc;

    if (!path)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    if ((rc = eg_newfile_open(&to, path, replace, e)) < 0)
        return rc;
    putc('{', to.f);
    eg_json_provenance(to.f, from);
    fputs(",\n\"result\":{\"plugin\":", to.f);
    eg_json_string(to.f, w->head->plugin);
    fputs(",\"args\":", to.f);
    eg_json_strings(to.f, w->head->args);
    fprintf(to.f, ",\"rows\":%zu,\"notes\":", r->n_rows);
    eg_json_strings(to.f, (const char *const *)r->notes);
    fputs(",\"error\":", to.f);
    eg_json_string(to.f, r->error);
    fputs("},\n\"files\":[", to.f);
    rc = write_files(to.f, w, r, e);
    fputs("]}\n", to.f);
    if (!rc)
        return eg_newfile_keep(&to, e);
    eg_newfile_drop(&to);
    return rc;
}
