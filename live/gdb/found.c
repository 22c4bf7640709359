/* found.c - files of the image by their names, and what memory has of them. What is only needed on
 * the way is in the memory of a run of its own: a debugger may ask as often as it likes. */
#include "../../core/tmpfile.h"
#include "../../plugins/linux/fs/file.h"
#include "../../plugins/linux/fs/inode.h"
#include "../../plugins/linux/fs/inodes.h"
#include "../../plugins/linux/fs/overlay.h"
#include "../../plugins/linux/kernel/vmlinux.h"
#include "../../plugins/linux/mm/content.h"
#include "../../plugins/linux/mm/vma.h"
#include "../../plugins/linux/mm/xattr.h"
#include "../../plugins/linux/sched/task.h"
#include "../../plugins/linux/user/sections.h"
#include "../lookup.h"
#include "../procfs.h"
#include "file.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { F_ENOENT = 2, F_ENOTDIR = 20, F_ENAMETOOLONG = 91, F_EUNKNOWN = 9999 };
enum { KIND = 0170000, REGULAR = 0100000, FOLDER = 0040000 };

/* A question that is answered in a run of its own. */
struct question {
    struct gdb *g;
    const char *path;
    bool follow;
    struct gdb_found *out;
    unsigned error;
    bool useful;
    char *target, said[160];
};

static bool ask(struct gdb *g, struct question *q, int (*fn)(struct eg_run *r, void *context))
{
    struct eg_run *r;

    q->g = g;
    if (eg_run_open(&r, eg_system_of(g->r), NULL, NULL))
        return false;
    if (eg_run_do(r, fn, q))
        q->error = F_EUNKNOWN;
    eg_run_close(r);
    return !q->error;
}

static struct eg_obj process(struct eg_run *r, uint32_t pid)
{
    struct eg_obj task, thread;

    if (!pid)
        return linux_init(r);
    linux_each_process(r, task) {
        if (eg_get_or((int64_t)-1, task, task_struct.tgid) != pid)
            continue;
        if (!eg_deref(eg_at(task, task_struct.fs)).why)
            return task;
        // It has ended: one of its threads that goes on has its root and its mounts.
        linux_each_thread(r, task, thread)
            if (!eg_deref(eg_at(thread, task_struct.fs)).why)
                return thread;
        return task;
    }
    return LINUX_NOBODY;
}

static int has_process(struct eg_run *r, void *context)
{
    struct question *q = context;

    q->error = process(r, (uint32_t)q->out->ino).why ? F_ENOENT : 0;
    return 0;
}

bool gdb_has_process(struct gdb *g, uint32_t pid)
{
    struct gdb_found f = { .ino = pid };
    struct question q = { .out = &f };

    return ask(g, &q, has_process);
}

/* ---- by name ---- */

static int64_t seconds(struct eg_run *r, struct eg_obj inode, enum linux_inode_time which)
{
    const struct eg_cell c = linux_inode_time(r, inode, which);

    return c.tag == EG_CELL_INT || c.tag == EG_CELL_UINT ? c.i / 1000000000 : 0;
}

static void describe(struct eg_run *r, struct eg_obj inode, struct gdb_found *out)
{
    const struct eg_obj data = linux_overlay_data(r, inode);

    out->inode = data.why ? inode.addr : data.addr;
    eg_get(&out->dev, inode, inode.i_sb, super_block.s_dev);
    out->dev = linux_minor(out->dev) | linux_major(out->dev) << 8; // as stat() has it
    out->ino = (uint32_t)eg_get_or((uint64_t)0, inode, inode.i_ino);
    out->mode = eg_get_or(0u, inode, inode.i_mode);
    out->links = eg_get_or(0u, inode, inode.i_nlink);
    eg_get(&out->uid, inode, inode_uid);
    eg_get(&out->gid, inode, inode_gid);
    eg_get(&out->rdev, inode, inode.i_rdev);
    if (!linux_file_size(data.why ? inode : data, &out->size))
        out->size = 0;
    out->times[0] = seconds(r, inode, LINUX_ATIME);
    out->times[1] = seconds(r, inode, LINUX_MTIME);
    out->times[2] = seconds(r, inode, LINUX_CTIME);
    out->is = (out->mode & KIND) == REGULAR  ? GDB_CACHED
              : (out->mode & KIND) == FOLDER ? GDB_FOLDER
                                             : GDB_OTHER;
}

/* The file of a mapping that is shown by this name: it may be in no folder any more. */
static bool find_mapped(struct eg_run *r, struct eg_obj task, const char *path,
                        struct gdb_found *out)
{
    struct eg_obj mm = eg_at(task, task_struct.mm), vma;
    uint64_t file, last = 0;

    linux_each_vma(r, mm, vma) {
        struct eg_obj at = eg_at(vma, vm_area_struct.vm_file), inode;
        const char *own;

        if (!eg_load(&file, at) || !file || file == last)
            continue;
        last = file;
        own = linux_file_path(r, at, task);
        if (!own || (strcmp(own, path) &&
                     ((own = linux_file_path(r, at, LINUX_NOBODY)) == NULL || strcmp(own, path))))
            continue;
        inode = linux_file_inode(r, at);
        if (inode.why)
            return false;
        describe(r, inode, out);
        inode = linux_file_data(r, at);
        if (!inode.why)
            out->inode = inode.addr;
        return true;
    }
    return false;
}

static int find(struct eg_run *r, void *context)
{
    struct question *q = context;
    struct eg_obj task = process(r, q->g->fs_pid);
    struct linux_found found;
    const char *path = q->path, *link;

    // A link of /proc, which leads to a file.
    if (!strncmp(path, "/proc/", 6) && procfs_kind(r, path) == PROCFS_FOLDER) {
        q->out->is = GDB_FOLDER;
        q->out->mode = 0040555;
        return 0;
    }
    if (!strncmp(path, "/proc/", 6)) {
        link = procfs_link(r, path);
        q->error = link ? 0 : F_ENOENT;
        if (!link)
            return 0;
        path = link;
    }
    switch (linux_lookup(r, task, path, q->follow, &found)) {
    case LINUX_FOUND:
        describe(r, found.inode, q->out);
        return 0;
    case LINUX_NO_NAME:
        q->error = find_mapped(r, task, path, q->out) ? 0 : F_ENOENT;
        return 0;
    case LINUX_NO_FOLDER:
        q->error = F_ENOTDIR;
        return 0;
    default:
        q->error = F_ENAMETOOLONG;
        return 0;
    }
}

unsigned gdb_find_file(struct gdb *g, const char *path, bool follow, struct gdb_found *out)
{
    struct question q = { .path = path, .follow = follow, .out = out };

    return ask(g, &q, find) ? 0 : q.error ? q.error : F_EUNKNOWN;
}

static int link_target(struct eg_run *r, void *context)
{
    struct question *q = context;
    struct linux_found found;
    const char *target = NULL;

    if (!strncmp(q->path, "/proc/", 6))
        target = procfs_link(r, q->path);
    else if (linux_lookup(r, process(r, q->g->fs_pid), q->path, false, &found) == LINUX_FOUND)
        target = linux_link_target(r, found.inode);
    q->target = target ? strdup(target) : NULL;
    return 0;
}

const char *gdb_link_target(struct gdb *g, const char *path)
{
    struct question q = { .path = path };
    const char *out = NULL;

    if (ask(g, &q, link_target) && q.target)
        out = eg_strf(g->r, "%s", q.target);
    free(q.target);
    return out;
}

/* ---- content ---- */

/* Another table of sections, of what is there. */
static bool mend(struct eg_run *r, struct eg_space *space, const struct linux_content *c,
                 struct gdb_found *f)
{
    struct linux_sections s;

    if (!linux_sections_make(r, space, c, &s) || !(f->tail = malloc(s.len)))
        return false;
    memcpy(f->tail, s.bytes, s.len);
    memcpy(f->head, s.head, sizeof f->head);
    f->head_len = s.head_len;
    f->tail_at = s.at;
    f->size = s.at + s.len;
    return true;
}

static int judge(struct eg_run *r, void *context)
{
    struct question *q = context;
    struct eg_obj inode = eg_object(r, inode, q->out->inode);
    struct eg_space *space = linux_file_space(r, inode);
    struct linux_content c = { 0 };
    const char *how = "given, for all headers and tables are there";

    if (!linux_content_of(r, inode, &c)) {
        snprintf(q->said, sizeof q->said, "cannot be read");
    } else if (c.whole) {
        q->useful = true;
    } else {
        q->useful = linux_sections_whole(r, space, &c);
        if (!q->useful && (q->useful = mend(r, space, &c, q->out)))
            how = "given, with a table of the sections that are there";
        snprintf(q->said, sizeof q->said, "memory has %llu of %llu bytes: %s",
                 (unsigned long long)c.present, (unsigned long long)c.size,
                 q->useful ? how : "not given, the debugger's own disk may have it");
    }
    linux_content_fini(&c);
    return 0;
}

bool gdb_file_useful(struct gdb *g, const char *path, struct gdb_found *f)
{
    struct question q = { .out = f };

    if (f->is != GDB_CACHED)
        return true;
    ask(g, &q, judge);
    if (*q.said)
        gdb_file_say(g, path, q.said);
    return q.useful;
}

/* @return how many bytes it has at @at; 0: they are the file's own. */
static size_t read_made(const struct gdb_found *f, uint64_t at, uint8_t *out, size_t len)
{
    const bool head = at < f->head_len, tail = f->head_len && at >= f->tail_at && at < f->size;

    if (!head && !tail)
        return 0;
    len = (size_t)EG_MIN((uint64_t)len, (head ? f->head_len : f->size) - at);
    memcpy(out, head ? f->head + at : f->tail + (at - f->tail_at), len);
    return len;
}

ssize_t gdb_read_cached(struct gdb *g, const struct gdb_found *f, uint64_t at, void *out,
                        size_t len)
{
    struct eg_view *v = eg_view_of(g->r);
    struct eg_space *space = linux_file_space(g->r, eg_object(g->r, inode, f->inode));
    uint8_t *to = out;
    size_t n = 0;

    while (space && n < len) {
        size_t some = read_made(f, at + n, to + n, len - n);
        struct eg_extent x;

        if (!some) {
            eg_extent_at(v, space, at + n, &x);
            if (x.why)
                break;
            some = EG_MIN(len - n, x.last - (at + n) + 1);
            if (f->head_len && at + n < f->tail_at)
                some = (size_t)EG_MIN((uint64_t)some, f->tail_at - (at + n));
            if (!eg_read(v, space, at + n, to + n, some))
                break;
        }
        n += some;
    }
    return n ? (ssize_t)n : -1;
}

/* ---- the kernel ---- */

static int mint(struct eg_run *r, void *context)
{
    FILE *f = context;
    struct linux_vmlinux_counts counts;
    // The debugger reads code and constants from memory, where patches are as they are.
    const struct linux_vmlinux_options o = { .modules = true, .no_text = true };

    return linux_vmlinux_write(r, &o, f, &counts) && !fflush(f) ? 0 : -EG_EIO;
}

int gdb_mint_kernel(struct eg_run *caller, uint64_t *size)
{
    const int fd = eg_tmpfile(NULL);
    FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w+b");
    struct eg_run *r = NULL;
    off_t end = -1;

    if (f && !eg_run_open(&r, eg_system_of(caller), NULL, NULL)) {
        if (!eg_run_do(r, mint, f) && !fseeko(f, 0, SEEK_END))
            end = ftello(f);
        for (size_t i = 0; i < r->notes.n; i++)
            eg_note(caller, "%s: %s", GDB_KERNEL_FILE, r->notes.at[i].text);
        eg_run_close(r);
    }
    if (f)
        fclose(f);
    if (end > 0) {
        *size = (uint64_t)end;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    eg_note(caller, "the kernel's file could not be made");
    return -1;
}
