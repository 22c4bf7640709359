/* fs/fdtable.c - the open files of a process. */
#include "fdtable.h"
#include "../../../core/base.h"
#include "file.h"

#include <string.h>

EG_FIELD_AS(task_files_pid, task_struct, "tgid");
EG_FIELDS(files_struct, fd_array, fdt);
EG_FIELDS(fdtable, fd, max_fds, open_fds);
EG_TYPE(file);
EG_FIELD_AS(file_operations_of, file, "f_op");

/* fs.nr_open is 2^20, and can be set to 2^30 by the administrator: as many as have a bit in a
 * bitmap that can be read. */
enum { FDS_MAX = 1 << 24, BAD_MAX = 1024 };

/* A small table is a part of files_struct, and has as many as fit: a count that was damaged, of the
 * struct that all kernel threads share, would be believed by each of them. */
static uint32_t room(struct eg_run *r, const struct linux_fd_walk *w, struct eg_obj files)
{
    struct eg_obj own = eg_at(files, files_struct.fd_array);
    uint64_t at;

    return eg_has(r, files_struct.fd_array) && eg_load(&at, w->table) && at == own.addr && own.size
               ? own.size / eg_binding_of(r)->model.ptr_size
               : FDS_MAX;
}

/** Is it an open file? One that is not has a bit for a moment, as it is opened. */
static bool is_file(struct eg_run *r, struct eg_obj file)
{
    return eg_has(r, file_operations_of) ? eg_get_or((uint64_t)0, file, file_operations_of) != 0
                                         : !file.why;
}

static bool begin(struct eg_run *r, struct linux_fd_walk *w)
{
    struct eg_obj files = eg_at(w->task, task_files), table = eg_at(files, files_struct.fdt);
    uint32_t max;

    w->begun = true;
    if (eg_deref(files).why == EG_NULL)
        return false; // a thread that has ended
    w->table = eg_at(table, fdtable.fd);
    w->bitmap = eg_at(table, fdtable.open_fds);
    if (!eg_get(&max, table, fdtable.max_fds) || w->table.why || w->bitmap.why) {
        eg_note(r, "process %lld: the table of its open files cannot be read",
                (long long)eg_get_or((int64_t)-1, w->task, task_files_pid));
        return false;
    }
    w->limit = EG_MIN(max, room(r, w, files));
    if (w->limit < max)
        eg_note(r, "process %lld: of a table of %u open files %llu were looked at",
                (long long)eg_get_or((int64_t)-1, w->task, task_files_pid), max,
                (unsigned long long)w->limit);
    return true;
}

bool linux_next_fd(struct eg_run *r, struct linux_fd_walk *w, uint64_t *fd, struct eg_obj *file)
{
    if (!w->begun && !begin(r, w))
        return false;
    if (w->at >= w->limit || eg_stopped(r))
        return false;
    *fd = eg_next_bit(w->bitmap, w->at, w->limit);
    if (*fd >= w->limit)
        return false;
    w->at = *fd + 1;
    *file = eg_deref(eg_index(w->table, *fd));
    if (is_file(r, *file))
        w->good++;
    else if (++w->bad > BAD_MAX && w->bad > w->good) {
        eg_note(r,
                "process %lld: most of its %llu open files cannot be read: those behind %llu "
                "are left out",
                (long long)eg_get_or((int64_t)-1, w->task, task_files_pid),
                (unsigned long long)w->limit, (unsigned long long)*fd);
        w->limit = 0;
    }
    return true;
}

bool linux_file_of_kind(struct eg_run *r, struct eg_obj file, struct linux_anon_kind *kind)
{
    const uint64_t ops = eg_get_or((uint64_t)0, file, file_operations_of);
    const char *path;

    if (!ops)
        return false;
    if (ops == kind->is)
        return true;
    for (unsigned i = 0; i < kind->n; i++)
        if (kind->others[i] == ops)
            return false;
    path = linux_file_path(r, file, (struct eg_obj){ .why = EG_NULL });
    if (path && !strcmp(path, kind->path)) {
        kind->is = ops;
        return true;
    }
    if (kind->n < sizeof kind->others / sizeof *kind->others)
        kind->others[kind->n++] = ops;
    return false;
}

static bool next(struct eg_run *r, struct eg_obj task, void *state, struct eg_cell *out)
{
    struct linux_fd_walk *w = state;
    struct eg_obj file;
    uint64_t fd;

    w->task = task;
    if (!linux_next_fd(r, w, &fd, &file))
        return false;
    out[0] = eg_uint(fd);
    out[1] = eg_cell_of(file);
    return true;
}

EG_WALKER(fds) = {
    .os = "linux",
    .help = "open files of a process: its number and its struct file",
    .arg = "task_struct",
    .values = "fd: integer, file: file",
    .needs = EG_NEEDS(task_files, files_struct.fdt, fdtable.fd, fdtable.open_fds, fdtable.max_fds),
    .state = sizeof(struct linux_fd_walk),
    .next_values = next,
};
