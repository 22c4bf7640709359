/* files.c - files that a debugger reads through the server (gdb's manual, "Host I/O Packets"):
 * /proc made of the image, programs and libraries from the page cache, the kernel as a minted ELF
 * file. Nothing can be written.
 *
 *  A file that memory does not have whole is given if it is an ELF file with symbols or an unwind
 * table: what is missing is an error of the read, never zeros, and where it lacks the table of
 * sections, or some of them, it gets a table of what is there. Others are not there, so that the
 * debugger looks for them on its own disk. */
#include "../../core/table.h"
#include "../procfs.h"
#include "file.h"
#include "own.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { // gdb's manual, "Errno Values", "Open Flags"
    F_ENOENT = 2,
    F_EBADF = 9,
    F_EACCES = 13,
    F_EISDIR = 21,
    F_EINVAL = 22,
    F_EMFILE = 24,
    F_EROFS = 30,
    F_ENAMETOOLONG = 91,
    F_EUNKNOWN = 9999,
    O_WRITES = 1 | 2 | 8 | 0x200 | 0x400, /* not read only, append, create, truncate */
};
enum {
    OPEN_MOST = 1024,      // gdb keeps the files of all its inferiors open
    MADE_MOST = 256 << 20, // bytes of tables that were made for them
    NAME_MOST = 4096,
    STAT_BYTES = 64,
    SAID_MOST = 16384,
};

struct gdb_file {
    struct gdb_file *next;
    int number;
    struct gdb_found f;
    char *text; /* of the server's own memory */
};
/* The first of the list: what belongs to the session. */
struct session {
    struct gdb_file head;
    int kernel; /* descriptor of the minted file; -1: not made yet */
    uint64_t kernel_size;
    bool kernel_failed;
    char said[SAID_MOST];
    size_t n_said;
};

static void forget(struct gdb_file *f)
{
    free(f->f.tail);
    free(f->text);
    free(f);
}

static void close_all(void *arg)
{
    struct session *s = arg;

    while (s->head.next) {
        struct gdb_file *f = s->head.next;

        s->head.next = f->next;
        forget(f);
    }
    if (s->kernel >= 0)
        close(s->kernel);
    s->kernel = -1;
}

static struct session *session(struct gdb *g)
{
    struct session *s = (struct session *)g->files;

    if (!s) {
        s = eg_tmp(g->r, sizeof *s);
        s->kernel = -1;
        g->files = &s->head;
        eg_run_defer(g->r, close_all, s);
    }
    return s;
}

const char *gdb_files_text(struct gdb *g)
{
    const struct session *s = session(g);

    return s->n_said ? s->said : "memory has all files whole that were asked for\n";
}

void gdb_file_say(struct gdb *g, const char *name, const char *what)
{
    struct session *s = session(g);
    char line[NAME_MOST + 200], safe[2 * sizeof line];
    size_t n;

    snprintf(line, sizeof line, "%s: %s", name, what);
    eg_escape(safe, sizeof safe - 1, line, strlen(line));
    n = strlen(safe);
    safe[n++] = '\n';
    safe[n] = 0;
    if (s->n_said + n < sizeof s->said && !strstr(s->said, safe)) {
        memcpy(s->said + s->n_said, safe, n + 1);
        s->n_said += n;
    }
}

/* ---- answers ---- */

static void failed(struct gdb *g, unsigned number)
{
    gdb_reply(g, "F-1,%x", number);
}

static void put_be(uint8_t **p, uint64_t v, unsigned size)
{
    for (unsigned i = size; i-- > 0;)
        *(*p)++ = (uint8_t)(v >> 8 * i);
}

static void put_stat(struct gdb *g, const struct gdb_found *f)
{
    uint8_t bytes[STAT_BYTES], *p = bytes;

    put_be(&p, f->dev, 4);
    put_be(&p, f->ino, 4);
    put_be(&p, f->mode, 4);
    put_be(&p, f->links, 4);
    put_be(&p, f->uid, 4);
    put_be(&p, f->gid, 4);
    put_be(&p, f->rdev, 4);
    put_be(&p, f->size, 8);
    put_be(&p, 4096, 8);
    put_be(&p, f->size / 512 + (f->size % 512 != 0), 8);
    for (unsigned i = 0; i < 3; i++)
        put_be(&p, (uint64_t)f->times[i], 4);
    rsp_begin(&g->out);
    rsp_text(&g->out, "F%x;", STAT_BYTES);
    rsp_bytes(&g->out, bytes, sizeof bytes);
    rsp_end(&g->out);
}

/* ---- packets ---- */

/* A number, and the comma behind it unless it is the last. */
static bool number(struct gdb_words *w, uint64_t *out)
{
    if (!rsp_number(&w->at, w->end, out))
        return false;
    if (w->at < w->end && *w->at == ',')
        w->at++;
    return true;
}

/* A file's name, and what is behind the comma. */
static bool name(struct gdb_words *w, char *out)
{
    const char *comma = memchr(w->at, ',', (size_t)(w->end - w->at)), *end = comma ? comma : w->end;
    const size_t n = rsp_unhex(w->at, end, out, NAME_MOST - 1);

    out[n] = 0;
    if (!n || n != (size_t)(end - w->at) / 2 || strlen(out) != n)
        return false;
    w->at = comma ? comma + 1 : w->end;
    return true;
}

static struct gdb_file *of_number(struct gdb *g, uint64_t fd)
{
    struct gdb_file *f = session(g)->head.next;

    while (f && (uint64_t)f->number != fd)
        f = f->next;
    return f;
}

/* Made when it is first asked for, into a file that is gone when the server is. */
static bool kernel_file(struct gdb *g)
{
    struct session *s = session(g);

    if (s->kernel < 0 && !s->kernel_failed) {
        if (g->options && g->options->kernel_size) {
            s->kernel = dup(g->options->kernel_file);
            s->kernel_size = g->options->kernel_size;
        } else {
            s->kernel = gdb_mint_kernel(g->r, &s->kernel_size);
        }
        s->kernel_failed = s->kernel < 0;
    }
    return s->kernel >= 0;
}

static unsigned find(struct gdb *g, const char *path, bool follow, struct gdb_found *out,
                     char **text)
{
    struct eg_error e;
    size_t len = 0;

    *out = (struct gdb_found){ .mode = 0100444, .links = 1 };
    if (!strcmp(path, GDB_KERNEL_FILE)) {
        out->is = GDB_KERNEL_ELF;
        if (!kernel_file(g))
            return F_ENOENT;
        out->size = session(g)->kernel_size;
        return 0;
    }
    if (!strncmp(path, "/proc/", 6)) {
        int rc = procfs_text(eg_system_of(g->r), path, text, &len, &e);

        if (!rc) {
            out->is = GDB_TEXT;
            out->size = len;
            return 0;
        }
        if (rc != -EG_ENOTFOUND)
            return F_EUNKNOWN;
    }
    return gdb_find_file(g, path, follow, out);
}

static void open_file(struct gdb *g, struct gdb_words *w)
{
    struct session *s = session(g);
    char path[NAME_MOST];
    struct gdb_file *f;
    uint64_t flags, mode;
    unsigned error, n = 0;
    uint64_t made = 0;
    int free_number = 1;

    if (!name(w, path) || !number(w, &flags) || !number(w, &mode)) {
        failed(g, F_EINVAL);
        return;
    }
    if (flags & O_WRITES) {
        failed(g, F_EROFS);
        return;
    }
    for (f = s->head.next; f; f = f->next, n++) {
        free_number = EG_MAX(free_number, f->number + 1);
        made += f->f.tail ? f->f.size - f->f.tail_at : 0;
    }
    if (n >= OPEN_MOST || made > MADE_MOST || free_number == INT32_MAX) {
        failed(g, F_EMFILE);
        return;
    }
    f = calloc(1, sizeof *f);
    error = f ? find(g, path, true, &f->f, &f->text) : F_EUNKNOWN;
    if (!error && f->f.is == GDB_FOLDER)
        error = F_EISDIR;
    if (!error && f->f.is == GDB_OTHER)
        error = F_EACCES;
    if (!error && !gdb_file_useful(g, path, &f->f))
        error = F_ENOENT;
    if (error) {
        if (f)
            forget(f);
        failed(g, error);
        return;
    }
    f->number = free_number;
    f->next = s->head.next;
    s->head.next = f;
    gdb_reply(g, "F%x", (unsigned)f->number);
}

static void read_file(struct gdb *g, struct gdb_words *w)
{
    enum { MOST = RSP_PACKET_MAX / 2 - 64 }; // each byte may need an escape
    static const uint8_t nothing[1] = { 0 };
    struct session *s = session(g);
    const uint8_t *bytes = nothing;
    uint8_t *own = NULL;
    uint64_t fd, len, at;
    struct gdb_file *f;
    ssize_t got = 0;

    if (!number(w, &fd) || !number(w, &len) || !number(w, &at)) {
        failed(g, F_EINVAL);
        return;
    }
    if (!(f = of_number(g, fd))) {
        failed(g, F_EBADF);
        return;
    }
    len = at < f->f.size ? EG_MIN(EG_MIN(len, (uint64_t)MOST), f->f.size - at) : 0;
    if (len && f->f.is == GDB_TEXT) {
        bytes = (const uint8_t *)f->text + at;
        got = (ssize_t)len;
    } else if (len && (own = malloc(len))) {
        got = f->f.is == GDB_KERNEL_ELF ? pread(s->kernel, own, len, (off_t)at)
                                        : gdb_read_cached(g, &f->f, at, own, len);
        bytes = own;
    } else if (len) {
        got = -1;
    }
    if (got < 0 || (len && !got)) {
        failed(g, F_EUNKNOWN); // not in memory: no zeros in its place
    } else {
        rsp_begin(&g->out);
        rsp_text(&g->out, "F%x;", (unsigned)got);
        rsp_bytes(&g->out, bytes, (size_t)got);
        rsp_end(&g->out);
    }
    free(own);
}

static void close_file(struct gdb *g, struct gdb_words *w)
{
    struct gdb_file **at = &session(g)->head.next, *f;
    uint64_t fd;

    if (!number(w, &fd)) {
        failed(g, F_EINVAL);
        return;
    }
    while (*at && (uint64_t)(*at)->number != fd)
        at = &(*at)->next;
    if (!(f = *at)) {
        failed(g, F_EBADF);
        return;
    }
    *at = f->next;
    forget(f);
    gdb_reply(g, "F0");
}

static void stat_open(struct gdb *g, struct gdb_words *w)
{
    const struct gdb_file *f;
    uint64_t fd;

    if (!number(w, &fd))
        failed(g, F_EINVAL);
    else if (!(f = of_number(g, fd)))
        failed(g, F_EBADF);
    else
        put_stat(g, &f->f);
}

static void stat_name(struct gdb *g, struct gdb_words *w, bool follow)
{
    char path[NAME_MOST], *text = NULL;
    struct gdb_found f;
    unsigned error = F_EINVAL;

    if (name(w, path))
        error = find(g, path, follow, &f, &text);
    free(text);
    if (error)
        failed(g, error);
    else
        put_stat(g, &f);
}

static void read_link(struct gdb *g, struct gdb_words *w)
{
    char path[NAME_MOST];
    const char *target = NULL;

    if (!name(w, path)) {
        failed(g, F_EINVAL);
        return;
    }
    target = gdb_link_target(g, path);
    if (!target) {
        failed(g, F_ENOENT);
        return;
    }
    rsp_begin(&g->out);
    rsp_text(&g->out, "F%x;", (unsigned)EG_MIN(strlen(target), (size_t)NAME_MOST));
    rsp_bytes(&g->out, target, EG_MIN(strlen(target), (size_t)NAME_MOST));
    rsp_end(&g->out);
}

static void set_root(struct gdb *g, struct gdb_words *w)
{
    uint64_t pid;

    if (!number(w, &pid) || pid > INT32_MAX) {
        failed(g, F_EINVAL);
    } else if (pid && !gdb_has_process(g, (uint32_t)pid)) {
        failed(g, F_ENOENT);
    } else {
        g->fs_pid = (uint32_t)pid;
        gdb_reply(g, "F0");
    }
}

bool gdb_vfile(struct gdb *g, const char *packet, size_t len)
{
    struct gdb_words w = { packet, packet + len };

    if (!gdb_word(&w, "vFile:"))
        return false;
    if (gdb_word(&w, "open:"))
        open_file(g, &w);
    else if (gdb_word(&w, "pread:"))
        read_file(g, &w);
    else if (gdb_word(&w, "close:"))
        close_file(g, &w);
    else if (gdb_word(&w, "fstat:"))
        stat_open(g, &w);
    else if (gdb_word(&w, "stat:"))
        stat_name(g, &w, true);
    else if (gdb_word(&w, "lstat:"))
        stat_name(g, &w, false);
    else if (gdb_word(&w, "readlink:"))
        read_link(g, &w);
    else if (gdb_word(&w, "setfs:"))
        set_root(g, &w);
    else if (gdb_word(&w, "pwrite:") || gdb_word(&w, "unlink:"))
        failed(g, F_EROFS);
    else
        gdb_reply(g, "%s", ""); // gdb then knows that it cannot
    return true;
}
