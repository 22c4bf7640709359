/* procfs.c - names below /proc: who answers which. */
#include "procfs.h"
#include "../plugins/linux/fs/fdtable.h"
#include "../plugins/linux/fs/file.h"
#include "../plugins/linux/fs/path.h"
#include "../plugins/linux/mm/args.h"
#include "../plugins/linux/sched/pid.h"
#include "../plugins/linux/sched/task.h"
#include "procfs_own.h"
#include <stdio.h>
#include <stdlib.h>

EG_FIELD_AS(proc_pwd, fs_struct, "pwd");
EG_FIELD_AS(proc_root, fs_struct, "root");

enum { TEXT_MOST = 64 << 20 }; // bytes of one file

/* ---- a text ---- */

void procfs_bytes(struct procfs_out *o, const void *p, size_t n)
{
    size_t cap = o->cap ? o->cap : 4096;
    char *at;

    if (n > TEXT_MOST - o->n)
        n = TEXT_MOST - o->n;
    while (cap < o->n + n)
        cap *= 2;
    if (cap > o->cap) {
        at = eg_tmp(o->r, cap);
        if (o->n)
            memcpy(at, o->at, o->n);
        o->at = at;
        o->cap = cap;
    }
    memcpy(o->at + o->n, p, n);
    o->n += n;
}

void procfs_add(struct procfs_out *o, const char *format, ...)
{
    char line[4600]; // a path and what is before it
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if (n > 0)
        procfs_bytes(o, line, EG_MIN((size_t)n, sizeof line - 1));
}

void procfs_escaped(struct procfs_out *o, const char *text, const char *special)
{
    for (; *text; text++)
        if (strchr(special, *text))
            procfs_add(o, "\\%03o", (unsigned char)*text);
        else
            procfs_bytes(o, text, 1);
}

void procfs_name(struct procfs_out *o, const char *text)
{
    for (; *text; text++)
        if (*text == '\n' || *text == '\\')
            procfs_add(o, "\\%c", *text == '\n' ? 'n' : '\\');
        else
            procfs_bytes(o, text, 1);
}

/* ---- names ---- */

static const char *exe(struct eg_run *r, struct eg_obj task)
{
    const struct eg_obj file = eg_deref(eg_at(task, task_struct.mm, mm_struct.exe_file));

    return file.why ? NULL : linux_file_path(r, file, LINUX_NOBODY);
}
static const char *cwd(struct eg_run *r, struct eg_obj task)
{
    return linux_path(r, eg_at(task, task_struct.fs, proc_pwd), LINUX_NOBODY);
}
static const char *root(struct eg_run *r, struct eg_obj task)
{
    return linux_path(r, eg_at(task, task_struct.fs, proc_root), LINUX_NOBODY);
}

/* ORDER by name: what is in the folder of a process, and of a thread. */
static const struct entry {
    const char *name;
    procfs_make *make;
    const char *(*link)(struct eg_run *r, struct eg_obj task);
    enum { OF_BOTH, OF_PROCESS, OF_MACHINE } of;
} entries[] = {
    { "auxv", procfs_auxv, NULL, OF_BOTH },
    { "cgroup", procfs_cgroup, NULL, OF_BOTH },
    { "cmdline", procfs_cmdline, NULL, OF_BOTH },
    { "comm", procfs_comm, NULL, OF_BOTH },
    { "cwd", NULL, cwd, OF_BOTH },
    { "environ", procfs_environ, NULL, OF_BOTH },
    { "exe", NULL, exe, OF_BOTH },
    { "fd", NULL, NULL, OF_BOTH },
    { "limits", procfs_limits, NULL, OF_BOTH },
    { "maps", procfs_maps, NULL, OF_BOTH },
    { "mountinfo", procfs_mountinfo, NULL, OF_BOTH },
    { "root", NULL, root, OF_BOTH },
    { "smaps", procfs_smaps, NULL, OF_BOTH },
    { "stat", procfs_stat, NULL, OF_BOTH },
    { "statm", procfs_statm, NULL, OF_BOTH },
    { "status", procfs_status, NULL, OF_BOTH },
    { "task", NULL, NULL, OF_PROCESS },
    { "cmdline", procfs_kernel_cmdline, NULL, OF_MACHINE },
    { "modules", procfs_modules, NULL, OF_MACHINE },
    { "version", procfs_version, NULL, OF_MACHINE },
};

/* What a path names. */
struct place {
    enum procfs_kind kind;
    enum { TOP, OF_TASK, TASKS, FDS, A_FD, ENTRY } is;
    struct procfs_task t;
    const struct entry *entry;
    struct eg_obj file; /* A_FD */
};

/* The next name of a path. @return its length; 0: the end. */
static size_t next_name(const char **path, const char **name)
{
    while (**path == '/')
        ++*path;
    *name = *path;
    while (**path && **path != '/')
        ++*path;
    return (size_t)(*path - *name);
}

static bool number_of(const char *name, size_t len, uint32_t *out)
{
    uint32_t v = 0;

    if (!len || len > 9 || (name[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(name[i] - '0');
    }
    *out = v;
    return true;
}

static bool find_process(struct eg_run *r, uint32_t pid, struct eg_obj *out)
{
    linux_each_process(r, *out)
        if (eg_get_or((int64_t)-1, *out, task_struct.tgid) == pid)
            return true;
    return false;
}

static bool find_thread(struct eg_run *r, struct eg_obj leader, uint32_t tid, struct eg_obj *out)
{
    linux_each_thread(r, leader, *out)
        if (eg_get_or((int64_t)-1, *out, task_struct.pid) == tid)
            return true;
    return false;
}

static const struct entry *find_entry(const char *name, size_t len, const struct place *p)
{
    for (size_t i = 0; i < countof(entries); i++) {
        const struct entry *e = &entries[i];

        if ((p->is == TOP) == (e->of == OF_MACHINE) && (e->of != OF_PROCESS || !p->t.thread) &&
            !strncmp(e->name, name, len) && !e->name[len])
            return e;
    }
    return NULL;
}

/* The folder of a process, also under the id of one of its threads, as the kernel has it. */
static bool enter_process(struct eg_run *r, struct place *p, uint32_t id)
{
    int64_t pid;

    if (!linux_process_of(r, id, &pid) || pid < 0 || pid > UINT32_MAX ||
        !find_process(r, (uint32_t)pid, &p->t.leader) ||
        !find_thread(r, p->t.leader, id, &p->t.task))
        return false;
    p->is = OF_TASK;
    return true;
}

static bool enter_fd(struct eg_run *r, struct place *p, uint32_t number)
{
    uint64_t fd;

    linux_each_fd(r, p->t.task, fd, p->file)
    {
        if (fd == number) {
            p->is = A_FD;
            p->kind = PROCFS_LINK;
            return !p->file.why;
        }
    }
    return false;
}

/* One name deeper. @return false: there is none. */
static bool enter(struct eg_run *r, struct place *p, const char *name, size_t len)
{
    uint32_t number;

    if (p->kind != PROCFS_FOLDER)
        return false;
    switch (p->is) {
    case TASKS:
        p->t.thread = true;
        p->is = OF_TASK;
        return number_of(name, len, &number) && find_thread(r, p->t.leader, number, &p->t.task);
    case FDS:
        return number_of(name, len, &number) && enter_fd(r, p, number);
    case TOP:
        if (number_of(name, len, &number))
            return enter_process(r, p, number);
        break;
    default:
        break;
    }
    p->entry = find_entry(name, len, p);
    if (!p->entry)
        return false;
    if (!p->entry->make && !p->entry->link) {
        p->is = p->entry->of == OF_PROCESS ? TASKS : FDS;
        return true;
    }
    p->is = ENTRY;
    p->kind = p->entry->make ? PROCFS_FILE : PROCFS_LINK;
    return true;
}

static bool find(struct eg_run *r, const char *path, struct place *out)
{
    const char *name;
    size_t len;

    *out = (struct place){ .kind = PROCFS_FOLDER,
                           .is = TOP,
                           .t = { .task = LINUX_NOBODY, .leader = LINUX_NOBODY } };
    len = next_name(&path, &name);
    if (len != 4 || memcmp(name, "proc", 4))
        return false;
    while ((len = next_name(&path, &name)))
        if (!enter(r, out, name, len))
            return false;
    return true;
}

/* ---- what others ask ---- */

static const char *link_of(struct eg_run *r, const struct place *p)
{
    return p->is == A_FD ? linux_file_path(r, p->file, LINUX_NOBODY) : p->entry->link(r, p->t.task);
}

const char *procfs_link(struct eg_run *r, const char *path)
{
    struct place p;

    return find(r, path, &p) && p.kind == PROCFS_LINK ? link_of(r, &p) : NULL;
}

enum procfs_kind procfs_kind(struct eg_run *r, const char *path)
{
    struct place p;

    return find(r, path, &p) && (p.kind != PROCFS_LINK || link_of(r, &p)) ? p.kind : PROCFS_NONE;
}

bool procfs_each(struct eg_run *r, const char *path,
                 bool (*give)(void *context, const char *name, enum procfs_kind kind),
                 void *context)
{
    struct eg_obj task, file;
    struct place p;
    char text[24];
    uint64_t fd;

    if (!find(r, path, &p) || p.kind != PROCFS_FOLDER)
        return false;
    if (p.is == FDS) {
        linux_each_fd(r, p.t.task, fd, file)
        {
            snprintf(text, sizeof text, "%llu", (unsigned long long)fd);
            if (!file.why && !give(context, text, PROCFS_LINK))
                return true;
        }
        return true;
    }
    if (p.is == TASKS) {
        linux_each_thread(r, p.t.leader, task) {
            snprintf(text, sizeof text, "%u", eg_get_or(0u, task, task_struct.pid));
            if (!give(context, text, PROCFS_FOLDER))
                return true;
        }
        return true;
    }
    if (p.is == TOP)
        linux_each_process(r, task) {
            snprintf(text, sizeof text, "%u", eg_get_or(0u, task, task_struct.tgid));
            if (!give(context, text, PROCFS_FOLDER))
                return true;
        }
    for (size_t i = 0; i < countof(entries); i++) {
        const struct entry *e = &entries[i];

        if (find_entry(e->name, strlen(e->name), &p) != e)
            continue;
        if (e->link && !e->link(r, p.t.task))
            continue;
        if (!give(context, e->name, e->make ? PROCFS_FILE : e->link ? PROCFS_LINK : PROCFS_FOLDER))
            return true;
    }
    return true;
}

struct making {
    const char *path;
    struct procfs_out out;
    struct eg_error *e;
};

static int make(struct eg_run *r, void *context)
{
    struct making *m = context;
    struct place p;

    m->out.r = r;
    if (!find(r, m->path, &p) || p.kind != PROCFS_FILE || !p.entry->make(&m->out, &p.t))
        return -EG_ENOTFOUND;
    return 0;
}

int procfs_text(struct eg_system *sys, const char *path, char **out, size_t *len,
                struct eg_error *e)
{
    struct making m = { .path = path };
    struct eg_run *r;
    int rc = eg_run_open(&r, sys, NULL, e);
    char *text = NULL;

    if (rc)
        return rc;
    rc = eg_run_do(r, make, &m);
    if (rc == -EG_ENOTFOUND && !r->status)
        eg_fail(e, EG_ENOTFOUND, "%s: the image has no such file", path);
    else if (rc)
        eg_fail(e, -rc, "%s: %s", path, r->error);
    if (!rc && !(text = malloc(m.out.n + 1)))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    if (!rc) {
        if (m.out.n)
            memcpy(text, m.out.at, m.out.n);
        text[m.out.n] = 0;
        *out = text;
        *len = m.out.n;
    }
    eg_run_close(r);
    return rc;
}
