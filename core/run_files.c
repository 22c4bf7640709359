/* run_files.c - the files that a run writes into the folder that -o names. */
#include "newfile.h"
#include "run.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/** @return false: not everything could be written. */
static bool close_output(FILE *f)
{
    bool ok = !ferror(f);

    return fclose(f) == 0 && ok;
}

void eg_run_close_outputs(struct eg_run *r)
{
    for (size_t i = 0; i < r->outputs.n; i++) {
        FILE *f = r->outputs.at[i].f;

        r->outputs.at[i].f = NULL;
        if (f && !close_output(f))
            eg_run_fail(r, EG_EIO, "-o %s: %s", r->options->out_dir, strerror(errno));
    }
}

static void close_deferred(void *run)
{
    eg_run_close_outputs(run);
}

void *eg_output(struct eg_run *r, const char *name)
{
    const char *dir = r->options->out_dir;
    struct eg_error e;
    const char *path;
    struct eg_run_output *place;
    int fd;

    if (!dir) {
        eg_run_fail(r, EG_EUSAGE, "it writes files: -o DIR must say into which folder");
        return NULL;
    }
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
        eg_failed(r, "'%s' is not a valid name for a file in %s", name, dir);
        return NULL;
    }
    if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
        eg_run_fail(r, EG_EIO, "-o %s: %s", dir, strerror(errno));
        return NULL;
    }
    if (!r->outputs.at) // the first
        eg_run_defer(r, close_deferred, r);
    place = eg_vec_push(&r->outputs);
    if (!place)
        eg_run_leave(r);
    *place = (struct eg_run_output){ NULL, "" };
    path = eg_strf(r, "%s/%s", dir, name);
    fd = eg_newfile_create(path, r->options->replace, &e);
    if (fd < 0) {
        r->outputs.n--;
        eg_run_fail(r, (enum eg_errno)e.code, "%s", e.text);
        return NULL;
    }
    *place = (struct eg_run_output){ fdopen(fd, "wb"), path + strlen(dir) + 1 };
    if (!place->f) {
        eg_run_fail(r, EG_EIO, "%s: %s", path, strerror(errno));
        close(fd);
    }
    return place->f;
}

bool eg_output_done(struct eg_run *r, void *file)
{
    for (size_t i = r->outputs.n; i-- > 0;) {
        if (!file || r->outputs.at[i].f != file)
            continue;
        r->outputs.at[i].f = NULL;
        if (close_output(file))
            return true;
        eg_run_fail(r, EG_EIO, "-o %s: %s", r->options->out_dir, strerror(errno));
        return false;
    }
    return false;
}
